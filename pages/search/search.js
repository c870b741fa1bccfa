// veyl's search page. The address bar holds all of its state; a change of it asks again, and an answer
// that a later question has overtaken is thrown away. Counts of a facet leave out its own filter.
import { $, begin, call, element, fill, isSignedIn, language, number, t } from '/shared/page.js';
import { UNITS, dayText, series, showChart, unitFor } from './chart.js';
import { hitItem } from './hits.js';

const PAGE = 20, FEW = 6, DAY = 86400e3;
const FACETS = { platform: 'platform', language: 'language', hashtags: 'hashtag', author: 'author' }; // field: name in the address
const SORTS = { best: '', newest: '-posted_at', engagement: '-score' };
const state = {};
const wide = new Set(); // facets shown whole
let shown = []; // ids of the hits on the page
let reached = 0, total = 0; // places asked for so far, of so many
let unit = 'day', counts = {}, projects = [], running = null, isTyping = false;
const timers = {};

function later(name, ms, fn) {
  clearTimeout(timers[name]);
  timers[name] = setTimeout(fn, ms);
}

// -- The address ----------------------------------------------------------------------------------

const dayOf = (text) => (/^\d{4}-\d\d-\d\d$/.test(text ?? '') && Date.parse(text) ? text : '');

function readAddress() {
  const p = new URLSearchParams(location.search);
  for (const [field, name] of Object.entries(FACETS)) state[field] = [...new Set(p.getAll(name))];
  Object.assign(state, { q: p.get('q') ?? '', from: dayOf(p.get('from')), to: dayOf(p.get('to')),
    sort: p.get('sort') in SORTS ? p.get('sort') : 'best', by: UNITS.includes(p.get('by')) ? p.get('by') : '' });
}

function writeAddress(push) {
  const p = new URLSearchParams();
  if (state.q) p.set('q', state.q);
  for (const [field, name] of Object.entries(FACETS)) for (const value of state[field]) p.append(name, value);
  for (const name of ['from', 'to', 'by']) if (state[name]) p.set(name, state[name]);
  if (state.sort !== 'best') p.set('sort', state.sort);
  const address = p.size ? `?${p}` : location.pathname;
  if (`?${p}` === (location.search || '?')) return;
  try { history[push ? 'pushState' : 'replaceState'](null, '', address); } catch { /* too many a second for some browsers */ }
}

// One change of the state. While somebody types there is one entry of history, not one a letter.
function change(changes, typing = false) {
  Object.assign(state, changes);
  writeAddress(!(typing && isTyping));
  isTyping = typing;
  if (typing) later('typing', 1500, () => { isTyping = false; });
  $('#q').value = state.q;
  scrollTo({ top: 0 });
  ask();
}

const toggle = (field, value) => change({ [field]: state[field].includes(value) ? state[field].filter((v) => v !== value) : [...state[field], value] });
const pick = (field, value) => { if (!state[field].includes(value)) toggle(field, value); };
const noFilters = () => ({ ...Object.fromEntries(Object.keys(FACETS).map((f) => [f, []])), from: '', to: '' });
const isFiltered = () => Boolean(state.from || state.to || Object.keys(FACETS).some((f) => state[f].length));

// -- Asking ---------------------------------------------------------------------------------------

const quoted = (value) => `"${value.replace(/[\\"]/g, '\\$&')}"`;
const filterText = (without) => Object.keys(FACETS).filter((f) => f !== without && state[f].length)
  .map((f) => `${f} IN [${state[f].map(quoted).join(', ')}]`).join(' AND ');

function get(more, without) {
  const p = new URLSearchParams({ q: state.q, envelope: 'true' }), filter = filterText(without);
  if (filter) p.set('filter', filter);
  if (without !== 'when') for (const name of ['from', 'to']) if (state[name]) p.set(name, `${state[name]}T00:00:00Z`);
  if (SORTS[state.sort]) p.set('sort', SORTS[state.sort]);
  for (const [name, value] of Object.entries(more)) if (value !== '') p.set(name, value);
  return call(`/posts/search?${p}`, { signal: running.signal });
}

async function ask() {
  running?.abort();
  clearTimeout(timers.again);
  const mine = running = new AbortController();
  later('busy', 200, () => { $('#busy').hidden = false; });
  try {
    if (state.by) unit = state.by;
    const narrowed = Object.keys(FACETS).filter((f) => state[f].length), isDated = Boolean(state.from || state.to);
    const free = Object.keys(FACETS).filter((f) => !narrowed.includes(f));
    const first = get({ limit: PAGE, facets: [...free, ...isDated ? [] : [unit]].join() });
    const others = Promise.all([...narrowed.map((f) => get({ limit: 1, facets: f }, f)), ...isDated ? [get({ limit: 1, facets: unit }, 'when')] : []]);
    others.catch(() => {}); // awaited below, unless the first fails
    const found = await first;
    if (mine === running) showFound(found);
    const all = Object.assign({}, ...[found, ...await others].map((f) => f.facetDistribution));
    if (mine !== running) return;
    counts = all;
    showFacets();
    await showTimes(mine);
  } catch (problem) {
    if (mine === running && problem.name !== 'AbortError') showProblem(problem);
  } finally {
    if (mine === running) { clearTimeout(timers.busy); $('#busy').hidden = true; }
  }
}

async function askMore() {
  const mine = running;
  if (mine.more || reached >= total) return;
  mine.more = true;
  try {
    const found = await get({ limit: PAGE, offset: reached });
    if (mine === running) showHits(found);
  } catch (problem) {
    if (mine === running && problem.name !== 'AbortError') showProblem(problem);
  } finally { mine.more = false; }
  if (mine === running) watchEnd();
}

// -- Showing --------------------------------------------------------------------------------------

function showProblem(problem) {
  const mistake = t('mistakes').find(([pattern]) => pattern.test(problem.message));
  let text = mistake ? problem.message.replace(...mistake) : problem.message;
  if (problem.status === 429) {
    const wait = Math.max(1, problem.wait);
    text = fill(t('slow'), { n: wait });
    later('again', wait * 1000, ask);
  }
  $('#trouble').textContent = text;
  $('main').classList.add('stale');
}

const totalText = () => fill(t('total')[total > 1 ? 1 : 0], { n: number(total) });

function showFound(found) {
  const hadFocus = $('#hits').contains(document.activeElement);
  $('#trouble').textContent = '';
  $('main').classList.remove('stale');
  total = found.estimatedTotalHits;
  shown = [];
  reached = 0;
  $('#total').replaceChildren(element('strong', totalText()), ` ${fill(t('took'), { n: number(found.processingTimeMs) })}`);
  later('status', 700, () => { $('#status').textContent = total ? totalText() : t('none'); });
  $('#hits').replaceChildren();
  showHits(found);
  showChips();
  if (!total) {
    const clear = element('button', t('clearFilters'), { type: 'button', className: 'plain', onclick: () => change(noFilters()) });
    $('#hits').append(element('li', [element('strong', t('none')), ' ', ...isFiltered() ? [t('noneHint'), clear] : []], { className: 'none' }));
  } else if (hadFocus) $('#hits').firstChild.focus({ preventScroll: true });
  watchEnd();
}

function showHits(found) {
  found.hits.forEach((hit, i) => {
    if (shown.includes(hit.id)) return; // written meanwhile, it moved to a later page
    shown.push(hit.id);
    $('#hits').append(hitItem(hit, found.offset + i, { pick, why }));
  });
  reached = found.offset + PAGE;
  $('#more').hidden = reached >= total;
}

// The next page is asked for before one comes to the end of this one.
const end = new IntersectionObserver((entries) => { if (entries.some((e) => e.isIntersecting)) askMore(); }, { rootMargin: '600px' });
function watchEnd() {
  end.disconnect();
  if (!$('#more').hidden) end.observe($('#more'));
}

const languageNames = () => new Intl.DisplayNames(language(), { type: 'language', fallback: 'code' });
function valueName(field, value) {
  if (field === 'hashtags') return `#${value}`;
  try { return field === 'language' ? languageNames().of(value) : value; } catch { return value; }
}

function showFacets() {
  const focus = document.activeElement?.dataset?.value !== undefined ? { ...document.activeElement.dataset } : null;
  $('#facets').replaceChildren(...Object.keys(FACETS).map(facet), dates());
  if (focus) [...$('#facets').querySelectorAll('[data-value]')].find((e) => e.dataset.field === focus.field && e.dataset.value === focus.value)?.focus();
}

function facet(field) {
  const told = new Map(Object.entries(counts[field] ?? {}));
  for (const value of state[field]) if (!told.has(value)) told.set(value, 0);
  const rows = [...told].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)), most = Math.max(1, rows[0]?.[1] ?? 0);
  const isWide = wide.has(field), kept = rows.filter(([value], i) => isWide || i < FEW || state[field].includes(value));
  const box = element('fieldset', [element('legend', t(field)), ...kept.map(([value, count]) => {
    const input = element('input', null, { type: 'checkbox', checked: state[field].includes(value), onchange: () => toggle(field, value) });
    Object.assign(input.dataset, { field, value });
    const label = element('label', [input, element('span', valueName(field, value), { className: 'value', title: value }), element('span', number(count), { className: 'count' })]);
    label.style.setProperty('--share', `${100 * count / most}%`);
    return label;
  })]);
  if (isWide) box.classList.add('wide');
  if (rows.length > FEW) {
    const button = element('button', isWide ? t('fewer') : fill(t('others'), { n: number(rows.length - kept.length) }), { type: 'button', className: 'plain',
      onclick: () => { wide[isWide ? 'delete' : 'add'](field); showFacets(); } });
    Object.assign(button.dataset, { field, value: '' });
    button.setAttribute('aria-expanded', String(isWide));
    if (isWide || rows.length > kept.length) box.append(button);
  }
  box.hidden = !rows.length;
  return box;
}

// Both days are part of what is asked; the address and the API have the day after the last one.
const shifted = (day, by) => (day ? dayText(Date.parse(day) + by * DAY) : '');
function dates() {
  const input = (name, by) => {
    const e = element('input', null, { type: 'date', value: shifted(state[name], -by), onchange: () => change({ [name]: shifted(dayOf(e.value), by) }) });
    Object.assign(e.dataset, { field: 'when', value: name });
    return element('label', [element('span', t(name)), e], { className: 'date' });
  };
  return element('fieldset', [element('legend', t('when')), input('from', 0), input('to', 1)]);
}

// The chart counts all times, whatever part of them is asked for; another unit may suit them better.
async function showTimes(mine) {
  let bars = series(counts[unit] ?? {}, unit);
  const better = state.by || unitFor(bars);
  if (better !== unit && bars.length) {
    const found = await get({ limit: 1, facets: better }, 'when');
    if (mine !== running) return;
    unit = better;
    counts[unit] = found.facetDistribution[unit];
    bars = series(counts[unit], unit);
  }
  const time = (day) => (day ? Date.parse(day) : null), day = (ms) => (ms == null ? '' : dayText(ms));
  showChart($('#chart'), { bars, unit, from: time(state.from), to: time(state.to),
    pick: (from, to) => change({ from: day(from), to: day(to) }), choose: (by) => change({ by }) });
}

function showChips() {
  const chip = (name, remove) => {
    const b = element('button', [name, element('span', '×', { ariaHidden: 'true' })], { type: 'button', onclick: remove });
    b.setAttribute('aria-label', fill(t('remove'), { n: name }));
    return element('li', b);
  };
  const chips = Object.keys(FACETS).flatMap((f) => state[f].map((value) => chip(valueName(f, value), () => toggle(f, value))));
  if (state.from || state.to) {
    const days = [state.from && `${t('from')} ${state.from}`, state.to && `${t('to')} ${shifted(state.to, -1)}`];
    chips.push(chip(days.filter(Boolean).join(' '), () => change({ from: '', to: '' })));
  }
  if (chips.length > 1) chips.push(element('li', element('button', t('clear'), { type: 'button', className: 'plain', onclick: () => change(noFilters()) })));
  $('#chips').replaceChildren(...chips);
}

// Why a hit is where it is: asked of that one place only.
async function why(item, open = !item.querySelector('.reasons')) {
  const button = item.querySelector('.why'), mine = running;
  item.querySelector('.reasons')?.remove();
  button.setAttribute('aria-expanded', String(open));
  if (!open) return;
  try {
    const [{ reasons }, found] = await Promise.all([import('./why.js'), get({ limit: 1, offset: item.dataset.place, details: 'true' })]);
    const [hit] = found.hits;
    if (mine !== running || item.querySelector('.reasons')) return;
    if (hit?.id === item.dataset.id) return item.append(reasons(hit));
    await ask();
    $('#status').textContent = t('moved');
  } catch (problem) {
    if (mine === running && problem.name !== 'AbortError') showProblem(problem);
  }
}

// -- Saving, help, keys, beginning ------------------------------------------------------------------

async function loadProjects() {
  try { projects = await call('/projects'); } catch { projects = []; }
  $('#save-open').hidden = !projects.length;
}

function expand(button, target, open = button.getAttribute('aria-expanded') !== 'true') {
  button.setAttribute('aria-expanded', String(open));
  target(open);
}

function focusHit(item) {
  if (!item?.dataset.id) return false;
  for (const other of $('#hits').children) other.tabIndex = other === item ? 0 : -1;
  item.focus({ preventScroll: true });
  item.scrollIntoView({ block: 'nearest' });
  return true;
}

function keyInHits(event, item) {
  const isItem = document.activeElement === item;
  if (event.key === 'ArrowDown') return focusHit(item.nextElementSibling);
  if (event.key === 'ArrowUp') return focusHit(item.previousElementSibling) || ($('#q').focus(), true);
  if (event.key === 'ArrowRight' && isItem) return why(item, true), true;
  if (event.key === 'ArrowLeft' && isItem) return why(item, false), true;
  if (event.key === 'Enter' && isItem) return item.querySelector('.open')?.click(), true;
  return event.key === 'Escape' && ($('#q').focus(), true);
}

function keyInQuery(event) {
  if (event.key === 'ArrowDown') return focusHit($('#hits').firstElementChild);
  if (event.key !== 'Escape') return false;
  if (state.q) change({ q: '' }); else $('#q').blur();
  return true;
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !isSignedIn() || $('#save').open) return;
  const target = event.target, item = target.closest?.('#hits > li[data-id]');
  const isWriting = target.matches('input:not([type=checkbox]), select, textarea');
  let done = false;
  if (event.key === '/' && !isWriting) { $('#q').focus(); $('#q').select(); done = true; }
  else if (target.id === 'q') done = keyInQuery(event);
  else if (item) done = keyInHits(event, item);
  else if (event.key === 'Escape' && $('#help-open').getAttribute('aria-expanded') === 'true') { $('#help-open').click(); done = true; }
  if (done) event.preventDefault();
});

$('#q').oninput = () => change({ q: $('#q').value }, true);
$('#ask').onsubmit = (event) => { event.preventDefault(); isTyping = false; if (matchMedia('(pointer: coarse)').matches) $('#q').blur(); };
$('#sort').onchange = () => change({ sort: $('#sort').value });
$('#more').onclick = askMore;
$('#help-open').onclick = () => expand($('#help-open'), async (open) => {
  if (open) (await import('./help.js')).showHelp($('#help'), (q) => { change({ q }); $('#q').focus(); });
  $('#help').hidden = !open;
});
$('#filters-open').onclick = () => expand($('#filters-open'), (open) => { $('#facets').classList.toggle('open', open); });
$('#save-open').onclick = async () => (await import('./save.js')).showSave($('#save'), projects, state, filterText(), (name) => {
  const done = fill(t('saved'), { n: name });
  $('#status').textContent = done;
  $('#total').append(element('span', ` · ${done}`));
});
addEventListener('popstate', () => { readAddress(); isTyping = false; $('#q').value = state.q; $('#sort').value = state.sort; if (isSignedIn()) ask(); });

readAddress();
begin((await import(`./texts.${language()}.js`)).default, (signedIn) => {
  document.title = `${t('title')} · veyl`;
  $('#sort').replaceChildren(...Object.keys(SORTS).map((name) => element('option', t(name), { value: name })));
  Object.assign($('#sort'), { value: state.sort, title: t('sortHint') });
  $('#q').value = state.q;
  if (!signedIn) {
    running?.abort();
    $('#hits').replaceChildren();
    $('#chart').replaceChildren();
    return;
  }
  ask();
  loadProjects();
  $('#q').focus();
});
