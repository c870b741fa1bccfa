// What the pages share: the language, the session, calls of the API, elements made of text. A value
// that came from anywhere is only ever appended as text, never read as HTML.
const common = {
  fr: { leave: 'Se déconnecter', signin: 'Se connecter', email: 'E-mail', password: 'Mot de passe', demo: 'Entrer avec le compte de démonstration',
        docs: 'Documentation de l’API', search: 'Recherche', projects: 'Projets', trending: 'Tendances', figures: 'Chiffres', sections: 'Sections',
        away: 'Le serveur ne répond pas.' },
  en: { leave: 'Sign out', signin: 'Sign in', email: 'E-mail', password: 'Password', demo: 'Enter with the demo account',
        docs: 'API documentation', search: 'Search', projects: 'Projects', trending: 'Trending', figures: 'Figures', sections: 'Sections',
        away: 'The server does not answer.' },
};
const DEMO = { email: 'demo@socle.test', password: 'socle-demo' };
const onLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
let redraw = () => {};

export const $ = (selector) => document.querySelector(selector);
export const language = () => localStorage.language ?? (navigator.language.startsWith('fr') ? 'fr' : 'en');
export const t = (key) => common[language()][key] ?? key;
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
export const number = (value, options) => new Intl.NumberFormat(language(), options).format(value);
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
  try { keep(await call('/auth/refresh', { method: 'POST', body: JSON.stringify({ refresh_token: token }) }, false)); return true; }
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

async function signIn(credentials) {
  keep(await call('/auth/login', { method: 'POST', body: JSON.stringify(credentials) }, false));
  show();
}

async function signOut() {
  try { await call('/auth/logout', { method: 'POST', body: JSON.stringify({ refresh_token: sessionStorage.refresh }) }, false); }
  catch { /* the log-in ends by itself then */ } finally { forget(); }
}

// The form of #login, and for who runs this on the own machine a short way into the demo.
function loginForm() {
  const field = (name, type, complete) => element('label', [element('span', t(name)),
    element('input', null, { name, type, autocomplete: complete, required: true })]);
  const said = element('p', null, { className: 'error' });
  said.setAttribute('role', 'alert');
  const form = element('form', [element('h2', t('signin')), field('email', 'email', 'username'),
    field('password', 'password', 'current-password'), said, element('button', t('signin'), { className: 'main' }),
    onLoopback ? element('button', t('demo'), { type: 'button', id: 'demo', onclick: () => enter(DEMO) }) : null,
    element('p', element('a', t('docs'), { href: '/docs' }))]);
  const enter = async (credentials) => {
    said.textContent = '';
    try { await signIn(credentials); } catch (problem) { said.textContent = problem.message; }
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    enter({ email: form.email.value, password: form.password.value });
  };
  return form;
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
  $('#login').replaceChildren(...signedIn ? [] : [loginForm()]);
  redraw(signedIn);
}

// Begin: the page's own texts in the present language, and what draws it now and when somebody signs in or out.
export function begin(texts, draw) {
  Object.assign(common[language()], texts);
  redraw = draw;
  show();
}
