// Posts by day, week or month as bars: a click takes a bar's time, a stroke over several theirs. All
// times are UTC days in milliseconds, ends are exclusive. Who has no pointer types dates beside it.
import { counted, element, fill, language, number, t } from '/shared/page.js';
import { dayText } from './state.js';

const DAY = 86400e3, BARS_MOST = 1200, SVG = 'http://www.w3.org/2000/svg';
export const sayDay = (time, options = { day: 'numeric', month: 'short', year: 'numeric' }) =>
  new Date(time).toLocaleDateString(language(), { ...options, timeZone: 'UTC' });

function next(time, unit) {
  const d = new Date(time);
  return unit === 'month' ? Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + 1) : time + (unit === 'week' ? 7 : 1) * DAY;
}

// {"2025-01-31": 3, …} as bars without holes.
export function series(counts, unit) {
  const days = Object.keys(counts).sort(), bars = [];
  if (!days.length) return bars;
  const last = Date.parse(days.at(-1));
  for (let start = Date.parse(days[0]); start <= last && bars.length < BARS_MOST; start = next(start, unit)) {
    bars.push({ start, end: next(start, unit), count: counts[dayText(start)] ?? 0 });
  }
  return bars;
}

// The finest unit that still gives bars one can see.
export function unitFor(bars) {
  const days = bars.length ? (bars.at(-1).end - bars[0].start) / DAY : 0;
  return days <= 130 ? 'day' : days <= 1000 ? 'week' : 'month';
}

function say(bar, unit) {
  const date = unit === 'month' ? sayDay(bar.start, { month: 'long', year: 'numeric' }) : sayDay(bar.start);
  return `${unit === 'week' ? fill(t('weekOf'), { n: date }) : date} · ${counted('total', bar.count)}`;
}

function svgOf(name, attributes, parts = []) {
  const e = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  e.append(...parts);
  return e;
}

function drawing(bars, isIn) {
  const most = Math.max(1, ...bars.map((b) => b.count));
  const path = (inside) => bars.map((b, i) => (b.count && isIn(b) === inside
    ? `M${i + 0.1} 100V${100 - Math.max(2, 96 * b.count / most)}h.8V100z` : '')).join('');
  const said = fill(t('chart'), { from: sayDay(bars[0].start), to: sayDay(bars.at(-1).end - DAY), n: number(most) });
  return svgOf('svg', { viewBox: `0 0 ${Math.max(bars.length, 12)} 100`, preserveAspectRatio: 'none', role: 'img', 'aria-label': said },
    [svgOf('rect', { class: 'brush', y: 0, height: 100, width: 0 }), svgOf('path', { class: 'out', d: path(false) }), svgOf('path', { d: path(true) })]);
}

let brushing = false;

// view: {bars, unit, from, to (milliseconds or null), pick(from, to), choose(unit)}.
export function showChart(figure, view) {
  const { bars, unit, from, to } = view;
  if (brushing) return;
  figure.hidden = !bars.length;
  if (!bars.length) return figure.replaceChildren();
  const isIn = (b) => (from == null || b.end > from) && (to == null || b.start < to);
  const range = (low, high) => `${sayDay(low)} – ${sayDay(high - DAY)}`;
  const usual = from == null && to == null ? range(bars[0].start, bars.at(-1).end)
    : range(from ?? bars[0].start, to ?? bars.at(-1).end);
  const said = element('span', usual, { className: 'said' }), svg = drawing(bars, isIn), brush = svg.querySelector('.brush');
  const units = element('span', ['day', 'week', 'month'].map((name) => element('button', t(name),
    { type: 'button', ariaPressed: name === unit, onclick: () => view.choose(name) })), { className: 'units', role: 'group', ariaLabel: t('unit') });
  const free = from == null && to == null ? null
    : element('button', t('anyTime'), { type: 'button', className: 'plain', onclick: () => view.pick(null, null) });
  let first = -1, last = -1;
  const placeOf = (event) => {
    const box = svg.getBoundingClientRect(), columns = Math.max(bars.length, 12);
    return Math.max(0, Math.min(bars.length - 1, Math.floor((event.clientX - box.left) / box.width * columns)));
  };
  const paint = (a, b) => { brush.setAttribute('x', Math.min(a, b)); brush.setAttribute('width', b < 0 ? 0 : Math.abs(a - b) + 1); };
  const quit = () => { brushing = false; first = last = -1; paint(0, -1); said.textContent = usual; };
  svg.onpointerdown = (event) => {
    if (event.button !== 0) return;
    brushing = true;
    first = last = placeOf(event);
    svg.setPointerCapture(event.pointerId);
    paint(first, last);
  };
  svg.onpointermove = (event) => {
    last = placeOf(event);
    paint(first < 0 ? last : first, last);
    const low = Math.min(first < 0 ? last : first, last), high = Math.max(first, last);
    said.textContent = low === high ? say(bars[low], unit) : range(bars[low].start, bars[high].end);
  };
  svg.onpointerup = () => {
    if (first < 0) return;
    const [low, high] = [Math.min(first, last), Math.max(first, last)];
    quit();
    view.pick(bars[low].start, bars[high].end);
  };
  svg.onpointercancel = quit;
  svg.onpointerleave = () => { if (first < 0) quit(); };
  figure.replaceChildren(element('figcaption', [said, free, units]), svg,
    element('p', [element('span', sayDay(bars[0].start)), element('span', sayDay(bars.at(-1).end - DAY))], { className: 'axis' }));
}
