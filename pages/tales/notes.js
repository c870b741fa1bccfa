// The notes of a space, day by day, the latest first or the first first; as many at a time as one reads. A recording
// that is being written down is asked about until it is: no event tells of it.
import { element, fill, number, t } from '/shared/page.js';
import { attributes, button, dateText, dayText } from './ui.js';
import { composer } from './composer.js';
import { allWords, isHearing, noteCard, noteForm, removalSure } from './note.js';
import { reload, watch } from './outbox.js';

const PAGE = 40, SEARCH_FROM = 12, ASK_FIRST_MS = 1000, ASK_LATEST_MS = 30000, ASK_AT_ONCE = 5;

export function showNotes(room, app) {
  const { api, say, space, limits, signal } = app, zone = space.timeZone;
  const notes = new Map(space.notes.map((n) => [n.id, n])), changing = new Set(), cards = new Map();
  let isLatestFirst = localStorage.talesOrder !== 'first', shown = PAGE, sought = '', wait = ASK_FIRST_MS, timer = 0;
  app.title(space.title);
  const list = element('div', null, { id: 'notes' }), count = element('p', '', { className: 'quiet', id: 'count' });
  const more = button(t('more'), () => { const last = list.querySelector('.day:last-child'); shown += PAGE; show(); (last?.nextSibling ?? last)?.querySelector('button')?.focus(); }, { id: 'more' });
  const wanted = () => [...notes.values()].filter((n) => !sought || allWords(n).toLocaleLowerCase().includes(sought))
    .sort((a, b) => (isLatestFirst ? -1 : 1) * (a.timestamp - b.timestamp || (a.created_at < b.created_at ? -1 : 1)));

  // -- the list ----------------------------------------------------------------------------------------

  const place = (id) => list.querySelector(`[data-id="${CSS.escape(id)}"]`);
  const afresh = (id) => async () => {
    const now = await api.get(`/spaces/${space.id}/notes/${id}`, { signal });
    notes.set(id, now);
    return now;
  };
  function card(note) {
    if (changing.has(note.id)) return place(note.id);
    if (cards.get(note.id)?.note !== note) cards.set(note.id, { note, e: cardOf(note) });
    return cards.get(note.id).e;
  }
  function cardOf(note) {
    return noteCard(note, { space, limits }, { change: () => change(note.id), remove: () => remove(note.id), afresh: afresh(note.id) });
  }
  function show() {
    const all = wanted(), days = [];
    for (const note of all.filter((n, i) => i < shown || changing.has(n.id))) {
      const day = dayText(note.timestamp, zone);
      if (days.at(-1)?.day !== day) days.push({ day, cards: [] });
      days.at(-1).cards.push(card(note));
    }
    list.replaceChildren(...days.map(({ day, cards }) => element('section', [element('h3', day), element('div', cards, { className: 'cards' })], { className: 'day' })));
    if (!all.length) list.append(element('p', t(sought ? 'nothingFound' : 'noNotes'), { className: 'none' }));
    more.hidden = all.length <= shown;
    more.lastChild.textContent = fill(t('moreNotes'), { n: number(all.length - shown) });
    count.textContent = notes.size ? [app.counted('noteCount', all.length), spanText(all)].filter(Boolean).join(' · ') : '';
    tools.hidden = !notes.size;
    search.hidden = notes.size < SEARCH_FROM;
    follow();
  }
  function spanText(all) {
    if (!all.length) return '';
    const [first, last] = [Math.min(...all.map((n) => n.timestamp)), Math.max(...all.map((n) => n.timestamp))].map((ms) => dateText(ms, zone));
    return first === last ? first : `${first} – ${last}`;
  }
  // What differs only in the card is changed there; who listens is not interrupted.
  function put(note) {
    const before = notes.get(note.id), at = place(note.id);
    notes.set(note.id, note);
    if (changing.has(note.id)) return;
    if (before && at && before.timestamp === note.timestamp && !sought) {
      const isPlaying = [...at.querySelectorAll('audio, video')].some((one) => !one.paused);
      const act = at.contains(document.activeElement) ? document.activeElement.dataset.act : null;
      if (!isPlaying) at.replaceWith(card(note));
      if (act) place(note.id).querySelector(`[data-act=${act}]`)?.focus();
    } else show();
  }

  // -- changing and taking away --------------------------------------------------------------------------

  function form(note) {
    return noteForm(note, app, (now) => {
      changing.delete(note.id);
      notes.set(note.id, now ?? notes.get(note.id));
      show();
      place(note.id)?.querySelector('[data-act=change]')?.focus();
    });
  }
  function change(id) {
    const at = place(id), one = form(notes.get(id));
    changing.add(id);
    cards.delete(id);
    at.replaceWith(one);
    one.querySelector('textarea').focus();
  }
  async function remove(id) {
    const note = notes.get(id), all = wanted(), i = all.findIndex((n) => n.id === id), next = all[i + 1] ?? all[i - 1];
    if (!await removalSure(note, zone)) return;
    try {
      await api.ask('DELETE', `/spaces/${space.id}/notes/${id}`);
    } catch (problem) {
      if (problem.status !== 404) return app.trouble(problem);
    }
    notes.delete(id);
    show();
    say(t('noteRemoved'));
    (next && place(next.id) ? place(next.id).querySelector('[data-act=remove]') : room.querySelector('#words')).focus();
  }

  // -- recordings that are being written down ------------------------------------------------------------

  const hearing = () => [...notes.values()].filter((n) => n.transcription_status === 'running' || (isHearing(n) && !limits.transcriptionLacks));
  function follow() {
    clearTimeout(timer);
    if (!signal.aborted && hearing().length) timer = setTimeout(askHearing, wait);
  }
  async function askHearing() {
    for (const { id } of hearing().sort((a, b) => b.timestamp - a.timestamp).slice(0, ASK_AT_ONCE)) {
      const before = notes.get(id);
      try {
        const now = await api.get(`/spaces/${space.id}/notes/${id}`, { signal });
        if (now.updated_at === before.updated_at && now.transcription_status === before.transcription_status && now.transcription === before.transcription) continue;
        put(now);
        wait = ASK_FIRST_MS;
        if (!isHearing(now)) say(now.transcription_status === 'failed' ? t('isFailed') : t('isHeard'));
      } catch (problem) {
        if (signal.aborted) return;
        if (problem.status === 404) { notes.delete(id); show(); }
      }
    }
    wait = Math.min(1.6 * wait, ASK_LATEST_MS);
    follow();
  }

  // The one that the address names.
  function showThat(id) {
    const i = wanted().findIndex((n) => n.id === id);
    if (i < 0) return app.trouble(new Error(t('noteGone')));
    shown = Math.max(shown, i + 1);
    show();
    const at = attributes(place(id), { tabindex: -1 });
    at.classList.add('that');
    requestAnimationFrame(() => { at.scrollIntoView({ block: 'center' }); at.focus(); });
    return undefined;
  }

  // -- the room ------------------------------------------------------------------------------------------

  const order = button(t(isLatestFirst ? 'latestFirst' : 'firstFirst'), () => {
    isLatestFirst = !isLatestFirst;
    localStorage.talesOrder = isLatestFirst ? 'latest' : 'first';
    order.lastChild.textContent = t(isLatestFirst ? 'latestFirst' : 'firstFirst');
    shown = PAGE;
    show();
    say(order.textContent);
  }, { drawing: 'sort', className: 'plain', id: 'order' });
  const query = element('input', null, { type: 'search', id: 'seek', placeholder: t('seekHint'), autocomplete: 'off', maxLength: 200 });
  query.oninput = () => { sought = query.value.trim().toLocaleLowerCase(); shown = PAGE; show(); };
  query.onchange = () => { if (sought) say(count.textContent || t('nothingFound')); };
  const search = element('span', [element('label', t('seek'), { htmlFor: 'seek', className: 'unseen' }), query]);
  const tools = element('div', [count, search, order], { className: 'listing' });
  const compose = composer(app, room);
  const cover = space.coverImage ? attributes(element('img', null, { src: space.coverImage, alt: '', className: 'face' }), {}) : null;
  room.append(element('header', [cover, element('div', [element('h2', space.title, { tabIndex: -1 }), space.description ? element('p', space.description, { className: 'quiet' }) : null]),
    element('nav', [element('a', t('story'), { href: `#/space/${space.id}/story`, className: 'as-button', id: 'to-story' }),
      button(t('voiceLinks'), async () => (await import('./voices.js')).showVoices(app, [...notes.values()]), { drawing: 'link', id: 'to-voices', className: 'plain' })])], { className: 'space' }),
  compose.form, tools, list, more);
  attributes(room.querySelector('header.space nav'), { 'aria-label': space.title });
  show();
  const unwatch = watch(({ sent }) => {
    if (sent?.row.space !== space.id) return;
    wait = ASK_FIRST_MS;
    put(sent.note);
    follow();
    say(t(sent.row.method === 'PUT' ? 'savedNow' : 'noteKept'));
  });
  reload();
  if (app.note) showThat(app.note);
  return async () => {
    clearTimeout(timer);
    unwatch();
    await compose.leave();
  };
}
