// What is asked for, all of which the address bar holds, and how the API is asked for it.
export const FACETS = { platform: 'platform', language: 'language', hashtags: 'hashtag', author: 'author' }; // field: name in the address
export const SORTS = { best: '', newest: '-posted_at', engagement: '-score' };
const UNITS = ['day', 'week', 'month'], DAY = 86400e3;
export const fields = Object.keys(FACETS);
export const state = {};

// Dates are UTC days, 'to' the day after the last one, as in the API; '' is none.
export const dayText = (time) => new Date(time).toISOString().slice(0, 10);
export const shifted = (day, by) => (day ? dayText(Date.parse(day) + by * DAY) : '');
export const dayOf = (text) => (/^\d{4}-\d\d-\d\d$/.test(text ?? '') && Date.parse(text) && dayText(Date.parse(text)) === text ? text : '');
export const isDated = () => Boolean(state.from || state.to);
export const isFiltered = () => isDated() || fields.some((f) => state[f].length);
export const noFilters = () => ({ ...Object.fromEntries(fields.map((f) => [f, []])), from: '', to: '' });

export function readAddress() {
  const p = new URLSearchParams(location.search), known = (name, values) => values.find((v) => v === p.get(name));
  for (const f of fields) state[f] = [...new Set(p.getAll(FACETS[f]))];
  Object.assign(state, { q: p.get('q') ?? '', from: dayOf(p.get('from')), to: dayOf(p.get('to')),
    sort: known('sort', Object.keys(SORTS)) ?? 'best', by: known('by', UNITS) ?? '' });
}

export function writeAddress(isNew) {
  const p = new URLSearchParams();
  for (const name of ['q', 'from', 'to', 'by']) if (state[name]) p.set(name, state[name]);
  for (const f of fields) for (const value of state[f]) p.append(FACETS[f], value);
  if (state.sort !== 'best') p.set('sort', state.sort);
  const address = `${location.pathname}${p.size ? `?${p}` : ''}`;
  if (address === location.pathname + location.search) return;
  try { history[isNew ? 'pushState' : 'replaceState'](null, '', address); } catch { /* too many a second for some browsers */ }
}

// The ticked values as a filter, but for those of one facet.
const quoted = (value) => `"${value.replace(/[\\"]/g, '\\$&')}"`;
export const filterText = (without) => fields.filter((f) => f !== without && state[f].length)
  .map((f) => `${f} IN [${state[f].map(quoted).join(', ')}]`).join(' AND ');

export function searchPath(more, without) {
  const p = new URLSearchParams({ q: state.q, envelope: 'true' }), all = { filter: filterText(without), sort: SORTS[state.sort], strict: state.sort === 'newest' ? 'true' : '', ...more };
  if (without !== 'when') for (const name of ['from', 'to']) if (state[name]) all[name] = `${state[name]}T00:00:00Z`;
  for (const [name, value] of Object.entries(all)) if (value !== '') p.set(name, value);
  return `/posts/search?${p}`;
}
