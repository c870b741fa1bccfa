// The page's frame: who is signed in, which room the address names, what is announced. Rooms are modules:
//
//   #/                    spaces.js    showSpaces(room, app)
//   #/settings            settings.js  showSettings(room, app)
//   #/space/{id}          notes.js     showNotes(room, app); #/space/{id}/note/{noteId} shows that one
//   #/space/{id}/story    story.js     showStory(room, app)
//
// A room is shown in `room`, an empty element under <main>, and gives back a function (or a promise of
// one) that is called when it is left: what it follows ends there, what is unsaved is asked for. It may throw a
// problem: then its words are shown. What it gets of the page:
//
//   app.api               api.js: ask, get, raw, upload, events
//   app.t(key, values)    a text of texts.*.js or texts.story.*.js in the present language
//   app.counted(key, n)   one of two texts, [one, many], with {n}
//   app.space             in a space: {id, title, …, notes, generatedStory} as GET /api/spaces/{id} gave it when
//                         the room was entered; null elsewhere
//   app.note              the id of the note that the address names, or null
//   app.limits            GET /api/limits
//   app.say(message)      announced politely; app.trouble(problem | null): shown in red until the next time
//   app.go(hash)          another room; app.title(text) the window's
//   app.signal            an AbortSignal of this room: aborted when it is left
//
// The texts of both halves are in one table: names in texts.story.*.js do not repeat those of texts.*.js.
import { $, begin, counted, element, fill, isSignedIn, language, t as text } from '/shared/page.js';
import * as api from './api.js';
import { reload, send } from './outbox.js';
import { showOutbox } from './outbox_view.js';

const t = (key, values = {}) => fill(text(key), values);
let leaving = null, entered = 0, cut = null, limits = null;

// An announcement that is the same as the last one is said again.
const say = (message) => { $('#status').textContent = ''; requestAnimationFrame(() => { $('#status').textContent = message; }); };
const trouble = (problem) => { $('#trouble').textContent = problem?.message ?? ''; };
const title = (words) => { document.title = words ? `${words} · lifetales` : 'lifetales'; };
const go = (hash) => { if (location.hash === hash) enter(); else location.hash = hash; };

const ROOMS = [
  { at: /^#\/space\/([\w-]+)\/story$/, load: async () => (await import('./story.js')).showStory },
  { at: /^#\/space\/([\w-]+)(?:\/note\/([\w-]+))?$/, load: async () => (await import('./notes.js')).showNotes },
  { at: /^#\/settings$/, load: async () => (await import('./settings.js')).showSettings },
  { at: /^/, load: async () => (await import('./spaces.js')).showSpaces },
];

async function leave() {
  cut?.abort();
  const last = leaving;
  leaving = null;
  await last?.();
}

// Which of two rooms that are entered at once is shown: the later one.
async function enter() {
  const mine = ++entered, hash = location.hash || '#/';
  const { at, load } = ROOMS.find((room) => room.at.test(hash)), [, id = null, note = null] = at.exec(hash);
  await leave();
  if (mine !== entered || !isSignedIn()) return;
  cut = new AbortController();
  const room = element('div', null, { className: 'room' }), app = { api, t, counted, say, trouble, title, go, limits, note, signal: cut.signal, space: null };
  trouble();
  for (const [link, isHere] of [['#to-spaces', hash !== '#/settings'], ['#to-settings', hash === '#/settings']])
    if (isHere) $(link).setAttribute('aria-current', 'page'); else $(link).removeAttribute('aria-current');
  $('#room').ariaBusy = 'true';
  try {
    const show = await load();
    app.limits = limits ??= await api.get('/limits');
    if (id) app.space = await api.get(`/spaces/${id}`, { signal: cut.signal });
    if (mine !== entered) return;
    $('#room').replaceChildren(room);
    const out = await show(room, app);
    if (mine === entered) leaving = out; else await out?.();
  } catch (problem) {
    if (mine !== entered || !isSignedIn() || problem.name === 'AbortError') return;
    trouble(problem);
    $('#room').replaceChildren(element('p', element('button', t('again'), { type: 'button', onclick: enter })));
  }
  if (mine === entered) $('#room').ariaBusy = 'false';
}

$('.skip').onclick = (event) => {
  event.preventDefault();
  $('#room').focus();
};
addEventListener('hashchange', async () => {
  await enter();
  if (!location.hash.includes('/note/')) $('#room').querySelector('h2[tabindex]')?.focus();
});

const own = await Promise.all([import(`./texts.${language()}.js`), import(`./texts.story.${language()}.js`)]);
begin(Object.assign({}, ...own.map((one) => one.default)), async (signedIn) => {
  reload().then(send);
  if (signedIn) return enter();
  ++entered;
  limits = null;
  title('');
  trouble();
  await leave();
  $('#room').replaceChildren();
});
showOutbox({ say });
