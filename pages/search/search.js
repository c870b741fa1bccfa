// veyl's search page: a change of what is asked for asks again, and an answer that a later question has
// overtaken is thrown away. Counts of a facet leave out its own filter.
import { $, begin, call, counted, element, fill, isSignedIn, language, number, t } from '/shared/page.js';
import { series, showChart, unitFor } from './chart.js';
import { bindDates, showChosen, showFacets } from './facets.js';
import { hitItem } from './hits.js';
import { bindKeys } from './keys.js';
import { SORTS, dayText, fields, filterText, isDated, isFiltered, noFilters, readAddress, searchPath, state, writeAddress } from './state.js';

const PAGE = 20;
let shown = new Set(), reached = 0, total = 0; // ids on the page; places asked for so far, of so many
let running = null, isTyping = false, unit = 'day', projects = [];
const timers = {};

function later(name, ms, fn) {
  clearTimeout(timers[name]);
  timers[name] = setTimeout(fn, ms);
}

const say = (text) => { $('#status').textContent = text; };

// -- Changing -------------------------------------------------------------------------------------

function showState() {
  if ($('#q').value !== state.q) $('#q').value = state.q;
  $('#sort').value = state.sort;
}

// While somebody types there is one entry of history, not one a letter.
function change(changes, isLetter = false) {
  Object.assign(state, changes);
  writeAddress(!(isLetter && isTyping));
  isTyping = isLetter;
  if (isLetter) later('typing', 1500, () => { isTyping = false; });
  showState();
  scrollTo(0, 0);
  ask();
}

const toggle = (field, value) => change({ [field]: state[field].includes(value) ? state[field].filter((v) => v !== value) : [...state[field], value] });
const pick = (field, value) => { if (!state[field].includes(value)) toggle(field, value); };

// -- Asking ---------------------------------------------------------------------------------------

const get = (more, without) => call(searchPath(more, without), { signal: running.signal });

// Does what it is told unless another question comes in between; says what goes wrong.
async function during(mine, fn) {
  try { await fn(); } catch (problem) { if (mine === running && problem.name !== 'AbortError') showProblem(problem); }
}

async function ask() {
  running?.abort();
  clearTimeout(timers.again);
  const mine = running = new AbortController();
  $('main').ariaBusy = true;
  later('busy', 200, () => { $('#busy').hidden = false; });
  await during(mine, async () => {
    unit = state.by || unit;
    const narrowed = fields.filter((f) => state[f].length), asides = narrowed.map((f) => [f, f]);
    if (isDated()) asides.push([unit, 'when']);
    const facets = [...fields, unit].filter((f) => !asides.some(([name]) => name === f)).join();
    const first = get({ limit: PAGE, facets }), others = Promise.all(asides.map(([name, without]) => get({ limit: 1, facets: name }, without)));
    others.catch(() => {}); // awaited below, unless the first fails
    const found = await first;
    if (mine === running) showFound(found);
    const counts = Object.assign({}, ...[found, ...await others].map((f) => f.facetDistribution));
    if (mine !== running) return;
    showFacets(counts, toggle);
    await showTimes(mine, counts[unit]);
  });
  if (mine !== running) return;
  clearTimeout(timers.busy);
  $('#busy').hidden = true;
  $('main').ariaBusy = false;
}

async function askMore() {
  const mine = running;
  if (mine.more || reached >= total) return;
  mine.more = true;
  await during(mine, async () => {
    const found = await get({ limit: PAGE, offset: reached });
    if (mine === running) showHits(found);
  });
  mine.more = false;
  if (mine === running) watchEnd();
}

// The next page is asked for before one comes to the end of this one.
const end = new IntersectionObserver((entries) => { if (entries.some((e) => e.isIntersecting)) askMore(); }, { rootMargin: '600px' });
function watchEnd() {
  end.disconnect();
  if (!$('#more').hidden) end.observe($('#more'));
}

// Why a hit is where it is: asked of that one place only.
async function why(item, open = !item.querySelector('.reasons')) {
  const mine = running;
  item.querySelector('.reasons')?.remove();
  item.querySelector('.why').ariaExpanded = open;
  if (open) await during(mine, async () => {
    const [{ reasons }, found] = await Promise.all([import('./why.js'), get({ limit: 1, offset: item.dataset.place, details: 'true' })]);
    if (mine !== running || item.querySelector('.reasons')) return;
    const [hit] = found.hits;
    if (hit?.id === item.dataset.id) return item.append(reasons(hit));
    await ask();
    say(t('moved'));
  });
}

// -- Showing --------------------------------------------------------------------------------------

function showProblem(problem) {
  const mistake = t('mistakes').find(([pattern]) => pattern.test(problem.message)), wait = Math.max(1, problem.wait);
  const { status, message } = problem;
  $('#trouble').textContent = status === 429 ? fill(t('slow'), { n: wait }) : mistake ? message.replace(...mistake) : message;
  $('main').classList.add('stale');
  if ([0, 429, 503].includes(status)) later('again', wait * 1000, ask); // too fast, or nobody there for the moment
}

function showFound(found) {
  const hadFocus = $('#hits').contains(document.activeElement);
  $('#trouble').textContent = '';
  $('main').classList.remove('stale');
  total = found.estimatedTotalHits;
  shown = new Set();
  $('#total').replaceChildren(element('strong', counted('total', total)), ` ${fill(t('took'), { n: number(found.processingTimeMs) })}`);
  later('status', 700, () => say(total ? counted('total', total) : t('none')));
  $('#hits').replaceChildren();
  showHits(found);
  showChosen(change, toggle);
  if (!total) {
    const clear = element('button', t('clearFilters'), { type: 'button', className: 'plain', onclick: () => change(noFilters()) });
    $('#hits').append(element('li', [element('strong', t('none')), ...isFiltered() ? [t('noneHint'), clear] : []], { className: 'none' }));
  } else if (hadFocus) $('#hits').firstChild.focus({ preventScroll: true });
  watchEnd();
}

function showHits(found) {
  found.hits.forEach((hit, i) => {
    if (shown.has(hit.id)) return; // others were written meanwhile and moved it to a later page
    shown.add(hit.id);
    $('#hits').append(hitItem(hit, found.offset + i, { pick, why }));
  });
  reached = found.offset + PAGE;
  $('#more').hidden = reached >= total;
}

// The chart counts all times, whatever part of them is asked for; another unit may suit them better.
async function showTimes(mine, counts = {}) {
  let bars = series(counts, unit);
  for (let tries = 0; tries < 2 && !state.by && bars.length && unitFor(bars) !== unit; tries++) {
    const better = unitFor(bars), found = await get({ limit: 1, facets: better }, 'when');
    if (mine !== running) return;
    unit = better;
    bars = series(found.facetDistribution[unit], unit);
  }
  const time = (day) => (day ? Date.parse(day) : null), day = (ms) => (ms == null ? '' : dayText(ms));
  showChart($('#chart'), { bars, unit, from: time(state.from), to: time(state.to),
    pick: (from, to) => change({ from: day(from), to: day(to) }), choose: (by) => change({ by }) });
}

// -- Beginning ------------------------------------------------------------------------------------

async function loadProjects() {
  try { projects = await call('/projects'); } catch { projects = []; }
  $('#save-open').hidden = !projects.length;
}

function expand(button, fn) {
  const open = button.getAttribute('aria-expanded') !== 'true';
  button.setAttribute('aria-expanded', open);
  fn(open);
}

$('#q').oninput = () => change({ q: $('#q').value }, true);
$('#ask').onsubmit = (event) => {
  event.preventDefault();
  isTyping = false;
  if (matchMedia('(pointer: coarse)').matches) $('#q').blur(); // puts the keyboard away
};
$('#sort').onchange = () => change({ sort: $('#sort').value });
$('#more').onclick = askMore;
$('#filters-open').onclick = () => expand($('#filters-open'), (open) => $('aside').classList.toggle('open', open));
$('#help-open').onclick = () => expand($('#help-open'), async (open) => {
  if (open) (await import('./help.js')).showHelp($('#help'), (q) => { change({ q }); $('#q').focus(); });
  $('#help').hidden = !open;
});
$('#save-open').onclick = async () => (await import('./save.js')).showSave($('#save'), projects, state, filterText(), (name) => {
  say(fill(t('saved'), { n: name }));
  $('#total').append(` · ${fill(t('saved'), { n: name })}`);
});
addEventListener('popstate', () => {
  readAddress();
  isTyping = false;
  showState();
  if (isSignedIn()) ask();
});
bindDates(change);
bindKeys({ why, clear: () => { if (state.q) change({ q: '' }); else $('#q').blur(); } });

readAddress();
begin((await import(`./texts.${language()}.js`)).default, (signedIn) => {
  document.title = `${t('title')} · veyl`;
  $('#sort').replaceChildren(...Object.keys(SORTS).map((name) => element('option', t(name), { value: name })));
  $('#sort').title = t('sortHint');
  showState();
  running?.abort();
  $('#hits').replaceChildren();
  if (!signedIn) return;
  ask();
  loadProjects();
  $('#q').focus();
});
