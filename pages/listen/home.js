// Where people find a debate: the latest, or those in which something was said, with the words and their second.
import { $, call, clock, counted, dateText, element, fill, heard, marked, speak, t } from './common.js';
import { hemicycle } from './hemicycle.js';

const PAGE = 20, TYPES = ['seance_publique', 'question_gouvernement', 'commission', 'audition', 'autre'];
const state = { q: '', type: '', page: 1 };
let mine = 0, timer = 0, typed = 0, chosen = -1;
const box = $('#q'), menu = $('#suggestions');

// -- Showing --------------------------------------------------------------------------------------

const address = (id, more = '') => `/listen/${encodeURIComponent(id)}${more}`;

function card(d, title, more = []) {
  const facts = [t(d.type), d.commission, d.duration_minutes ? d.display_duration : ''].filter(Boolean);
  const date = element('time', [element('b', dateText(d.date, { day: 'numeric' })), element('span', dateText(d.date, { month: 'short' })), element('span', dateText(d.date, { year: 'numeric' }))],
    { dateTime: d.date, title: dateText(d.date) });
  const heading = element('h3', element('a', title, { href: address(d.id, state.q ? `?q=${encodeURIComponent(state.q)}` : '') }));
  const badge = d.is_live ? element('span', t('live'), { className: 'live' }) : d.has_audio ? element('span', t('hear'), { className: 'hear' }) : null;
  return element('li', [date, element('div', [heading, element('p', [badge, facts.join(' · ')], { className: 'facts' }), ...more])]);
}

function passage(p, d) {
  const at = p.second != null && element('span', clock(p.second), { className: 'time' });
  const text = [at || null, p.speaker ? element('b', p.speaker) : null, element('span', marked(p.text), { className: 'snippet' })];
  return element('li', element('a', text, { href: address(d.id, `?q=${encodeURIComponent(state.q)}${p.second == null ? '' : `#t=${p.second}`}`) }));
}

function found(hit) {
  const passages = hit.passages.length ? element('ol', hit.passages.slice(0, 4).map((p) => passage(p, hit.debate)), { className: 'passages' }) : null;
  const rest = hit.passage_count - Math.min(4, hit.passages.length);
  return card(hit.debate, marked(hit.title), [passages, rest > 0 ? element('p', counted('morePassages', rest), { className: 'facts' }) : null]);
}

function showRecent() {
  const all = heard().filter((h) => h.of && h.at / h.of < 0.97).slice(0, 3);
  $('#recent').hidden = !all.length;
  $('#recent ol').replaceChildren(...all.map((h) => {
    const bar = element('progress', null, { max: h.of, value: h.at });
    bar.setAttribute('aria-label', fill(t('heardOf'), { at: clock(h.at), of: clock(h.of) }));
    return element('li', element('a', [element('b', h.title), element('span', `${dateText(h.date, { day: 'numeric', month: 'short' })} · ${fill(t('resumeAt'), { time: clock(h.at) })}`), bar], { href: address(h.id) }));
  }));
}

// -- Asking ---------------------------------------------------------------------------------------

async function ask(more = false) {
  const now = ++mine;
  state.page = more ? state.page + 1 : 1;
  $('main').ariaBusy = 'true';
  try {
    const [items, answer] = await (state.q ? askSearch() : askList());
    if (now !== mine) return;
    $('#trouble').textContent = '';
    $('#list-title').textContent = state.q ? counted('debatesFound', answer.total) : t('latest');
    if (!more) $('#debates').replaceChildren();
    $('#debates').append(...items);
    if (!answer.total) $('#debates').append(element('li', t(state.q ? 'none' : 'nothingYet'), { className: 'none' }));
    $('#more').hidden = !answer.has_next;
    if (state.q) $('#status').textContent = counted('debatesFound', answer.total);
  } catch (problem) { if (now === mine) $('#trouble').textContent = problem.message; }
  if (now === mine) $('main').ariaBusy = 'false';
}
const typeOnly = () => (state.type ? { type: state.type } : {});
async function askList() {
  const answer = await call(`/debates/?${new URLSearchParams({ per_page: PAGE, page: state.page, sort_by: 'date', sort_order: 'desc', ...typeOnly() })}`);
  return [answer.debates.map((d) => card(d, d.title)), answer];
}
async function askSearch() {
  const answer = await call('/search/debates', { method: 'POST', body: { q: state.q, page: state.page, per_page: PAGE, facets: [], ...typeOnly() } });
  return [answer.hits.map(found), answer];
}

function change(changes) {
  Object.assign(state, changes);
  const p = new URLSearchParams(Object.entries({ q: state.q, type: state.type }).filter(([, v]) => v));
  history.replaceState(null, '', `/listen${p.size ? `?${p}` : ''}`);
  box.value = state.q;
  showTypes();
  ask();
}

function showTypes() {
  $('#types').replaceChildren(...['', ...TYPES].map((type) => element('button', t(type || 'allTypes'),
    { type: 'button', ariaPressed: String(state.type === type), onclick: () => change({ type }) })));
}

// -- Typing: suggestions, chosen by arrows or a click ------------------------------------------------

// What has been asked for and not answered is of no use any more.
function forget() {
  clearTimeout(timer);
  typed++;
}

function close() {
  forget();
  menu.hidden = true;
  chosen = -1;
  box.setAttribute('aria-expanded', 'false');
  box.removeAttribute('aria-activedescendant');
}

function take(s) {
  close();
  if (s.kind === 'title' && s.debate_id) location.href = address(s.debate_id);
  else change({ q: s.text });
}

async function suggest(q) {
  const now = typed, answer = await call(`/search/suggestions?${new URLSearchParams({ q, limit: 4 })}`).catch(() => null);
  if (!answer || now !== typed || document.activeElement !== box) return;
  menu.replaceChildren(...answer.suggestions.map((s, i) => element('li', [element('span', t(`is_${s.kind}`), { className: 'kind' }), s.text],
    { id: `s${i}`, role: 'option', ariaSelected: 'false', onmousedown: (event) => { event.preventDefault(); take(s); } })));
  [...menu.children].forEach((li, i) => { li.pick = () => take(answer.suggestions[i]); });
  chosen = -1;
  menu.hidden = !answer.suggestions.length;
  box.setAttribute('aria-expanded', String(!menu.hidden));
}

function choose(i) {
  const all = [...menu.children];
  forget(); // the list stays as it is while somebody chooses
  all[chosen]?.setAttribute('aria-selected', 'false');
  chosen = (i + all.length + 1) % (all.length + 1);
  all[chosen]?.setAttribute('aria-selected', 'true');
  if (all[chosen]) box.setAttribute('aria-activedescendant', all[chosen].id);
  else box.removeAttribute('aria-activedescendant');
}

box.oninput = () => {
  const q = box.value.trim();
  choose(-1);
  if (!q) {
    close();
    change({ q: '' });
  } else timer = setTimeout(() => suggest(q), 60);
};
box.onkeydown = (event) => {
  if (event.key === 'Escape') close();
  if (menu.hidden || !['ArrowDown', 'ArrowUp'].includes(event.key)) return;
  event.preventDefault();
  choose(chosen + (event.key === 'ArrowDown' ? 1 : -1));
};
box.onblur = close;
$('#ask').onsubmit = (event) => {
  event.preventDefault();
  const pick = menu.children[chosen]?.pick;
  if (pick) return pick();
  close();
  change({ q: box.value.trim() });
};
$('#more').onclick = () => ask(true);

// -- Beginning ------------------------------------------------------------------------------------

const p = new URLSearchParams(location.search);
Object.assign(state, { q: p.get('q') ?? '', type: TYPES.find((type) => type === p.get('type')) ?? '' });
box.value = state.q;
await speak();
document.title = `robian · ${t('tagline')}`;
$('#seats').append(hemicycle([['seat', 1]], 260, 8));
showTypes();
showRecent();
await ask();
