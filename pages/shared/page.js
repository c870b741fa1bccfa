// What the pages share: the language, the session, calls of the API, elements made of text. A value
// that came from anywhere is only ever appended as text, never read as HTML.
const common = {
  fr: { leave: 'Se déconnecter', search: 'Recherche', projects: 'Projets', trending: 'Tendances', figures: 'Chiffres', sections: 'Sections',
        away: 'Le serveur ne répond pas.' },
  en: { leave: 'Sign out', search: 'Search', projects: 'Projects', trending: 'Trending', figures: 'Figures', sections: 'Sections',
        away: 'The server does not answer.' },
};
let redraw = () => {};

export const $ = (selector) => document.querySelector(selector);
export const language = () => localStorage.language ?? (navigator.language.startsWith('fr') ? 'fr' : 'en');
export const t = (key) => common[language()][key] ?? key;
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
export const number = (value, options) => new Intl.NumberFormat(language(), options).format(value);
export const counted = (key, count, options) =>
  fill(t(key)[new Intl.PluralRules(language()).select(count) === 'one' ? 0 : 1], { n: number(count, options) });
export const isSignedIn = () => Boolean(sessionStorage.access);

export function element(name, content, options = {}) {
  const e = Object.assign(document.createElement(name), options);
  for (const part of [content].flat()) if (part != null) e.append(part);
  return e;
}

// An answer's problem (RFC 9457), as an Error with its status, code and seconds to wait.
async function problemOf(answer) {
  const body = await answer.json().catch(() => null);
  return Object.assign(new Error(body?.detail ?? answer.statusText),
    { status: answer.status, code: body?.code, wait: Number(answer.headers.get('Retry-After')) || 0 });
}

export async function call(path, options = {}, again = true) {
  const headers = { 'Content-Type': 'application/json' };
  if (sessionStorage.access) headers.Authorization = `Bearer ${sessionStorage.access}`;
  const answer = await fetch(`/api/v1${path}`, { ...options, headers }).catch((e) => {
    throw e.name === 'AbortError' ? e : Object.assign(new Error(t('away')), { status: 0 });
  });
  if (answer.status === 401 && again && await refreshed()) return call(path, options, false);
  if (!answer.ok) throw await problemOf(answer);
  return answer.status === 204 ? null : answer.json();
}

// A refresh token is good once: calls refused at the same time wait for one renewal.
let renewal = null;
const refreshed = () => renewal ??= (async () => {
  const token = sessionStorage.refresh;
  if (!token) {
    if (isSignedIn()) forget();
    return false;
  }
  try { keep(await post('/auth/refresh', { refresh_token: token })); return true; }
  catch (problem) { if (problem.status === 401) forget(); return false; }
})().finally(() => { renewal = null; });

function keep(login) {
  sessionStorage.access = login.access_token;
  sessionStorage.refresh = login.refresh_token;
  sessionStorage.name = login.user.name;
}

function forget() {
  sessionStorage.clear();
  show();
}

const post = (path, body) => call(path, { method: 'POST', body: JSON.stringify(body) }, false);

async function signIn(credentials) {
  keep(await post('/auth/login', credentials));
  show();
}

async function signOut() {
  try { await post('/auth/logout', { refresh_token: sessionStorage.refresh }); }
  catch { /* the log-in ends by itself then */ } finally { forget(); }
}

// Texts of the document: data-t is the content, data-t-label the accessible name, data-t-hint the placeholder.
function show() {
  const other = language() === 'fr' ? 'en' : 'fr', signedIn = isSignedIn();
  document.documentElement.lang = language();
  document.querySelectorAll('[data-t]').forEach((e) => { e.textContent = t(e.dataset.t); });
  document.querySelectorAll('[data-t-label]').forEach((e) => { e.setAttribute('aria-label', t(e.dataset.tLabel)); });
  document.querySelectorAll('[data-t-hint]').forEach((e) => { e.placeholder = t(e.dataset.tHint); });
  Object.assign($('#language'), { textContent: other === 'fr' ? 'Français' : 'English', lang: other });
  $('#language').onclick = () => { localStorage.language = other; location.reload(); };
  $('#leave').onclick = signOut;
  $('#who').textContent = sessionStorage.name ?? '';
  document.querySelectorAll('[data-signed]').forEach((e) => { e.hidden = signedIn !== (e.dataset.signed === 'in'); });
  $('#login').replaceChildren();
  if (!signedIn) import('/shared/login.js').then(({ loginForm }) => $('#login').replaceChildren(loginForm(signIn)));
  redraw(signedIn);
}

// Begin: the page's own texts in the present language, and what draws it now and when somebody signs in or out.
export function begin(texts, draw) {
  Object.assign(common[language()], texts);
  redraw = draw;
  show();
}
