// What both pages share: the language, elements made of text, calls of the API, and who listens. A value
// that came from anywhere is only ever appended as text, never read as HTML.
let texts = {};

export const $ = (selector, root = document) => root.querySelector(selector);
export const language = () => localStorage.language ?? (navigator.language.startsWith('fr') ? 'fr' : 'en');
export const t = (key) => texts[key] ?? key;
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
export const number = (value, options) => new Intl.NumberFormat(language(), options).format(value);
export const counted = (key, count) => fill(t(key)[new Intl.PluralRules(language()).select(count) === 'one' ? 0 : 1], { n: number(count) });
export const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

export function element(name, content, { dataset, ...options } = {}) {
  const e = Object.assign(document.createElement(name), options);
  Object.assign(e.dataset, dataset);
  for (const part of [content].flat()) if (part != null && part !== '') e.append(part);
  return e;
}

// Texts of the document: data-t is the content, data-t-label the accessible name, data-t-hint the placeholder.
export async function speak() {
  texts = (await import(`./texts.${language()}.js`)).default;
  const other = language() === 'fr' ? 'en' : 'fr';
  document.documentElement.lang = language();
  document.querySelectorAll('[data-t]').forEach((e) => { e.textContent = t(e.dataset.t); });
  document.querySelectorAll('[data-t-label]').forEach((e) => { e.setAttribute('aria-label', t(e.dataset.tLabel)); });
  document.querySelectorAll('[data-t-hint]').forEach((e) => { e.placeholder = t(e.dataset.tHint); });
  Object.assign($('#language'), { textContent: other === 'fr' ? 'Français' : 'English', lang: other });
  $('#language').onclick = () => { localStorage.language = other; location.reload(); };
}

// -- Times ----------------------------------------------------------------------------------------

const two = (n) => String(n).padStart(2, '0');
export function clock(seconds) {
  const s = Math.max(0, Math.floor(seconds)), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}
export function clockWords(seconds) {
  const s = Math.max(0, Math.floor(seconds)), parts = [[Math.floor(s / 3600), 'hour'], [Math.floor(s / 60) % 60, 'minute'], [s % 60, 'second']];
  return parts.filter(([n, unit]) => n || (unit === 'second' && s < 60))
    .map(([n, unit]) => number(n, { style: 'unit', unit, unitDisplay: 'long' })).join(' ');
}
export const dateText = (date, options = { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }) =>
  new Intl.DateTimeFormat(language(), { timeZone: 'Europe/Paris', ...options }).format(new Date(date));

// -- Who listens: a signed-in user of this origin, or a device that is made when something is to be kept -

const device = () => JSON.parse(localStorage.device ?? 'null');
export const isKnown = () => Boolean(sessionStorage.access || device());
export const isSignedIn = () => Boolean(sessionStorage.access);
export async function becomeKnown() {
  if (!isKnown()) localStorage.device = JSON.stringify(await call('/devices', { method: 'POST' }));
}

// An answer's problem (RFC 9457) as an Error with its status.
async function problemOf(answer) {
  const body = await answer.json().catch(() => null);
  return Object.assign(new Error(body?.detail ?? answer.statusText), { status: answer.status });
}

export async function call(path, { body, mine, ...options } = {}) {
  const headers = body ? { 'Content-Type': 'application/json' } : {}, address = new URL(`/api${path}`, location);
  if (mine && sessionStorage.access) headers.Authorization = `Bearer ${sessionStorage.access}`;
  else if (mine && device()) {
    address.searchParams.set('user_id', device().user_id);
    headers['X-Device-Secret'] = device().secret;
  }
  const answer = await fetch(address, { ...options, headers, body: body && JSON.stringify(body) }).catch((e) => {
    throw e.name === 'AbortError' ? e : Object.assign(new Error(t('away')), { status: 0 });
  });
  if (!answer.ok) throw await problemOf(answer);
  return answer.json();
}

// -- What was listened to here, the latest first --------------------------------------------------

const KEPT = 30;
export const heard = () => JSON.parse(localStorage.heard ?? '[]');
export const heardAt = (id) => heard().find((h) => h.id === id);
export function keepHeard(entry) {
  localStorage.heard = JSON.stringify([entry, ...heard().filter((h) => h.id !== entry.id)].slice(0, KEPT));
}

// -- Words ----------------------------------------------------------------------------------------

const NAMED = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#x27': "'" };
const plain = (html) => html.replace(/&(\w+|#\w+);/g, (whole, name) => NAMED[name] ?? whole);
// Highlighted text of the API, <em> around what was found, as nodes: nothing else in it is markup.
export const marked = (html) => html.split(/<em>(.*?)<\/em>/s).map((part, i) => (i % 2 ? element('mark', plain(part)) : plain(part)));

// Without accents and capitals, and where each letter came from.
export function fold(text) {
  let folded = '';
  const from = [];
  for (let i = 0; i < text.length; i++)
    for (const letter of text[i].normalize('NFD').replace(/\p{M}/gu, '').replace(/[œŒ]/, 'oe').replace(/[æÆ]/, 'ae').replace('’', "'").toLowerCase()) {
      folded += letter;
      from.push(i);
    }
  from.push(text.length);
  return { folded, from };
}

// A colour for a name, always the same: an angle of the wheel.
export function hue(name) {
  let h = 7;
  for (const letter of name ?? '') h = (h * 31 + letter.charCodeAt(0)) % 360;
  return h;
}
function initials(name) {
  const words = (name ?? '').replace(/^(M\.|Mme|Mmes|MM\.)\s+/, '').split(/[\s-]+/);
  return words.filter((w) => /^\p{Lu}/u.test(w)).slice(0, 2).map((w) => w[0]).join('') || (words.at(-1)[0] ?? '·').toUpperCase();
}
export function face(name) {
  const e = element('span', initials(name), { className: 'face', ariaHidden: 'true' });
  e.style.setProperty('--hue', hue(name));
  return e;
}
