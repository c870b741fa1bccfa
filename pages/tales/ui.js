// What the rooms are built of: buttons with drawings, dialogs, days and times as a space's people say them.
import { element, language, t } from '/shared/page.js';

const SVG = 'http://www.w3.org/2000/svg';
const PATHS = {
  microphone: 'M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM6 11v1a6 6 0 0 0 12 0v-1M12 18v3M9 21h6',
  pause: 'M9 6v12M15 6v12', play: 'M8 5.5v13l10-6.5z', stop: 'M7 7h10v10H7z',
  picture: 'M4 5h16v14H4zM4 16l4.5-4.5 4 4 3-3L20 17M15.5 9.5h.01', sound: 'M9 17.5V6l10-2v11.5M9 17.5a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM19 15.5a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0z',
  camera: 'M4 8h3.5L9 5.5h6L16.5 8H20v11H4zM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z', pen: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  bin: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5', cross: 'M6 6l12 12M18 6L6 18', plus: 'M12 5v14M5 12h14', link: 'M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1',
  book: 'M12 6c-2-1.5-5-2-8-1.5v13c3-.5 6 0 8 1.5 2-1.5 5-2 8-1.5v-13c-3-.5-6 0-8 1.5zM12 6v13', save: 'M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14', sort: 'M8 5v14M5 16l3 3 3-3M16 19V5M13 8l3-3 3 3', again: 'M19 12a7 7 0 1 1-2-5l2 2M19 4v5h-5',
};
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg'), path = document.createElementNS(SVG, 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}

export const attributes = (e, all) => {
  for (const [name, value] of Object.entries(all)) if (value != null && value !== false) e.setAttribute(name, value === true ? '' : value);
  return e;
};
export const button = (words, onclick, { drawing, className = '', ...more } = {}) =>
  attributes(element('button', [drawing ? icon(drawing) : null, element('span', words)], { type: 'button', className, onclick }), more);
// A button that shows a drawing alone; its words are its name.
export const small = (drawing, words, onclick, more = {}) =>
  attributes(element('button', icon(drawing), { type: 'button', className: 'small', onclick, title: words }), { 'aria-label': words, ...more });
let labels = 0;
export function field(words, control, hint) {
  control.id ||= `field-${++labels}`;
  const said = hint ? element('p', hint, { className: 'hint', id: `${control.id}-hint` }) : null;
  if (said) control.setAttribute('aria-describedby', said.id);
  return element('div', [element('label', words, { htmlFor: control.id }), control, said], { className: 'field' });
}
export const choice = (name, value, options) => {
  const e = element('select', options.map(([key, words]) => element('option', words, { value: key })), { name });
  e.value = value;
  return e;
};

// A dialog over the page: Escape and the cross close it, and the focus goes back to where it was. build(close)
// gives its content; closed(value) is told what it was closed with.
export function dialog(title, build, { className = '', closed = () => {} } = {}) {
  const before = document.activeElement, box = element('dialog', null, { className });
  let value;
  const close = (with_) => { value = with_; box.close(); };
  const head = element('h2', title, { id: `field-${++labels}`, tabIndex: -1 });
  box.setAttribute('aria-labelledby', head.id);
  box.append(element('header', [head, small('cross', t('close'), () => close())]), ...[build(close, box)].flat().filter(Boolean));
  box.onclose = () => {
    box.remove();
    closed(value);
    if (before?.isConnected && (document.activeElement === document.body || !document.activeElement)) before.focus();
  };
  document.body.append(box);
  box.showModal();
  (box.querySelector('[autofocus], input:not([type=hidden]), textarea') ?? head).focus();
  return close;
}
// Asks; true when the person says yes.
export const sure = (title, words, yes) => new Promise((resolve) => {
  dialog(title, (close) => [element('p', words), element('div', [
    button(t('cancel'), () => close(false), { autofocus: true }), button(yes, () => close(true), { className: 'main danger' })], { className: 'acts' })],
  { className: 'sure', closed: (value) => resolve(Boolean(value)) });
});

// -- time: as clocks show it where the space is ----------------------------------------------------------

// French counts the first of a month, and no other.
export const dayText = (ms, timeZone) => new Intl.DateTimeFormat(language(), { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone }).format(ms)
  .replace(language() === 'fr' ? ' 1 ' : '\0', ' 1er ');
export const dateText = (ms, timeZone) => new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeZone }).format(ms);
export const timeText = (ms, timeZone) => new Intl.DateTimeFormat(language(), { timeStyle: 'short', timeZone }).format(ms);
// 2026-11-22T09:30, for an input; and back. A time that the clocks skip or show twice is one of those near it.
export const clockOf = (ms, timeZone) => new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'short', timeZone }).format(ms).replace(' ', 'T');
export function timeOf(clock, timeZone) {
  const wanted = Date.parse(`${clock}Z`);
  let ms = wanted;
  for (let i = 0; i < 2; i++) ms += wanted - Date.parse(`${clockOf(ms, timeZone)}Z`);
  return ms;
}
export function lengthText(ms) {
  const s = Math.floor(ms / 1000), two = (n) => String(n).padStart(2, '0');
  return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
}
export function lengthSpoken(ms) {
  const s = Math.round(ms / 1000), minutes = Math.floor(s / 60);
  const part = (n, unit) => new Intl.NumberFormat(language(), { style: 'unit', unit, unitDisplay: 'long' }).format(n);
  return minutes ? `${part(minutes, 'minute')} ${part(s % 60, 'second')}` : part(s, 'second');
}
export const sizeText = (bytes) => (bytes < 1e6 ? new Intl.NumberFormat(language(), { style: 'unit', unit: 'kilobyte', maximumFractionDigits: 0 }).format(Math.max(1, bytes / 1e3))
  : new Intl.NumberFormat(language(), { style: 'unit', unit: 'megabyte', maximumFractionDigits: 1 }).format(bytes / 1e6));
