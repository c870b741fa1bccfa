// Boxes to tick beside the hits, the days to choose, and above the hits what has been chosen.
import { $, element, fill, language, number, t } from '/shared/page.js';
import { sayDay } from './chart.js';
import { dayOf, fields, isDated, noFilters, shifted, state } from './state.js';

const FEW = 6;
const wide = new Set(); // facets shown whole

export function valueName(field, value) {
  if (field === 'hashtags') return `#${value}`;
  try { return field === 'language' ? new Intl.DisplayNames(language(), { type: 'language' }).of(value) : value; } catch { return value; }
}

function tickBox(field, value, count, most, toggle) {
  const input = element('input', null, { type: 'checkbox', checked: state[field].includes(value), onchange: () => toggle(field, value) });
  Object.assign(input.dataset, { field, value });
  const label = element('label', [input, element('span', valueName(field, value), { className: 'value', title: value }), element('span', number(count), { className: 'count' })]);
  label.style.setProperty('--share', count / most);
  return label;
}

function facet(field, counts, toggle) {
  const told = new Map(Object.entries(counts[field] ?? {})), isWide = wide.has(field);
  for (const value of state[field]) if (!told.has(value)) told.set(value, 0);
  const rows = [...told].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)), most = Math.max(1, rows[0]?.[1] ?? 0);
  const kept = rows.filter(([value], i) => isWide || i < FEW || state[field].includes(value));
  const box = element('fieldset', [element('legend', t(field)), element('div', kept.map(([value, count]) => tickBox(field, value, count, most, toggle)))]);
  box.classList.toggle('wide', isWide);
  box.hidden = !rows.length;
  if (isWide || rows.length > kept.length) {
    const button = element('button', isWide ? t('fewer') : fill(t('others'), { n: number(rows.length - kept.length) }), { type: 'button', className: 'plain',
      ariaExpanded: isWide, onclick: () => { wide[isWide ? 'delete' : 'add'](field); showFacets(counts, toggle); } });
    Object.assign(button.dataset, { field, value: '' });
    box.append(button);
  }
  return box;
}

// What had the focus has it again.
export function showFacets(counts, toggle) {
  const { field, value } = document.activeElement.dataset;
  $('#facets').replaceChildren(...fields.map((f) => facet(f, counts, toggle)));
  if (field) [...$('#facets').querySelectorAll('[data-value]')].find((e) => e.dataset.field === field && e.dataset.value === value)?.focus();
}

// Both days shown are part of what is asked for. Never changed under somebody's hands.
export function bindDates(change) {
  for (const [name, by] of [['from', 0], ['to', 1]]) $(`#${name}`).onchange = ({ target }) => change({ [name]: shifted(dayOf(target.value), by) });
}

function showDates() {
  for (const [name, by] of [['from', 0], ['to', -1]]) if (document.activeElement !== $(`#${name}`)) $(`#${name}`).value = shifted(state[name], by);
}

export function showChosen(change, toggle) {
  const chip = (name, remove) => element('li', element('button', [name, element('span', '×', { ariaHidden: 'true' })],
    { type: 'button', onclick: remove, ariaLabel: fill(t('remove'), { n: name }) }));
  const chips = fields.flatMap((f) => state[f].map((value) => chip(valueName(f, value), () => toggle(f, value))));
  const days = [state.from && `${t('from')} ${sayDay(state.from)}`, state.to && `${t('to')} ${sayDay(shifted(state.to, -1))}`].filter(Boolean).join(' ');
  if (isDated()) chips.push(chip(days, () => change({ from: '', to: '' })));
  if (chips.length > 1) chips.push(element('li', element('button', t('clear'), { type: 'button', className: 'plain', onclick: () => change(noFilters()) })));
  $('#chips').replaceChildren(...chips);
  showDates();
}
