// One note in the list: what was said, heard, seen; and the same to be changed or taken away.
import { element, fill, t } from '/shared/page.js';
import { attributes, button, clockOf, dateText, dialog, field, lengthText, small, sure, timeOf, timeText } from './ui.js';
import { PICTURES, SOUNDS, chooser, fileItem, freeFile, look, takesFiles } from './files.js';
import { keep } from './outbox.js';

const TEXT_MAX = 200000, TITLE_MAX = 500, GLIMPSE = 60;

// What was written, each text once: other programs put it into either member, or both.
export const written = (note) => [...new Set([note.content, note.textContent, note.description].map((s) => s?.trim()).filter(Boolean))];
export const said = (note) => note.transcription?.trim() ?? '';
const heard = (note) => note.transcriptions.map((s) => s.trim()).filter(Boolean).join('\n\n');
export const allWords = (note) => [note.title, ...written(note), said(note)].filter(Boolean).join('\n');
export const isHearing = (note) => ['waiting', 'running'].includes(note.transcription_status);
// What it is called where its words do not stand beside it.
export function nameOf(note, zone) {
  const words = note.title?.trim() || written(note)[0] || said(note);
  return words ? (words.length > GLIMPSE ? `${words.slice(0, GLIMPSE).trim()}…` : words) : fill(t('noteOf'), { date: dateText(note.timestamp, zone) });
}

// -- what it shows ---------------------------------------------------------------------------------------

function state(note, limits) {
  const failed = note.media.find((m) => m.transcriptionStatus === 'failed');
  switch (note.transcription_status) {
    case 'waiting': return [t('isWaiting'), limits.transcriptionLacks].filter(Boolean).join(' ');
    case 'running': return t('isRunning');
    case 'failed': return [t('isFailed'), failed?.transcriptionError].filter(Boolean).join(' ');
    case 'done': return said(note) ? '' : t('isSilent');
    default: return '';
  }
}

// Addresses of media expire: one that is refused is asked for anew, once. afresh(): the note again.
function player(media, note, zone, afresh) {
  const one = attributes(element(media.kind === 'video' ? 'video' : 'audio', null, { src: media.url, controls: true, preload: 'none' }),
    { 'aria-label': fill(t('recordingOf'), { name: nameOf(note, zone) }) });
  one.addEventListener('error', async () => {
    const now = (await afresh()).media.find((m) => m.id === media.id);
    if (now && now.url !== media.url) one.src = now.url;
  }, { once: true });
  return element('div', [one, media.durationMs ? element('span', lengthText(media.durationMs), { className: 'quiet' }) : null], { className: 'player' });
}

function photo(media, note, i, of, zone, afresh) {
  const words = fill(t('pictureOf'), { n: i + 1, of, name: nameOf(note, zone) });
  const img = attributes(element('img', null, { src: media.url, alt: '', loading: 'lazy', decoding: 'async' }), { width: media.width, height: media.height });
  img.addEventListener('error', async () => {
    const now = (await afresh()).media.find((m) => m.id === media.id);
    if (now && now.url !== media.url) img.src = now.url;
  }, { once: true });
  const open = attributes(element('button', img, { type: 'button', className: 'photo' }), { 'aria-label': words });
  open.onclick = () => dialog(words, () => element('img', null, { src: img.src, alt: '' }), { className: 'look' });
  return open;
}

// The card; acts: {change(), remove(), afresh()}.
export function noteCard(note, { space, limits }, { change, remove, afresh }) {
  const zone = space.timeZone, pictures = note.media.filter((m) => m.kind === 'image'), name = nameOf(note, zone);
  const status = state(note, limits), spoken = said(note), title = note.title?.trim();
  const card = attributes(element('article', [
    element('header', [element('time', timeText(note.timestamp, zone), { dateTime: new Date(note.timestamp).toISOString() }), title ? element('h4', title) : null,
      element('span', [small('pen', fill(t('changeNote'), { name }), change, { 'data-act': 'change' }), small('bin', fill(t('removeNote'), { name }), remove, { 'data-act': 'remove' })], { className: 'acts' })]),
    ...note.media.filter((m) => m.kind !== 'image').map((m) => player(m, note, zone, afresh)),
    spoken ? element('p', spoken, { className: 'said' }) : null,
    status ? element('p', status, { className: `state is-${note.transcription_status}` }) : null,
    ...written(note).map((words) => element('p', words, { className: 'words' })),
    pictures.length ? element('div', pictures.map((m, i) => photo(m, note, i, pictures.length, zone, afresh)), { className: `photos n${Math.min(pictures.length, 4)}` }) : null,
  ], { className: 'note' }), { 'aria-label': name });
  card.dataset.id = note.id;
  return card;
}

// -- changing it -------------------------------------------------------------------------------------------

function mediaItem(media, drop) {
  const words = media.kind === 'image' ? t('picture') : t('recording1');
  const show = media.kind === 'image' ? element('img', null, { src: media.url, alt: '', loading: 'lazy' }) : null;
  return element('li', [show ? element('span', show, { className: 'thumb' }) : null, element('span', media.name ?? words, { className: 'about' }),
    small('cross', fill(t('removeFile'), { name: media.name ?? words }), drop)]);
}

// What differs from the note as it was, for PUT; null: nothing.
function difference(note, { title, words, transcription, when, kept }, zone) {
  const body = {}, texts = written(note), key = note.content?.trim() || !note.textContent?.trim() ? 'content' : 'textContent';
  if (title.trim() !== (note.title?.trim() ?? '')) body.title = title.trim() || null;
  if (words.trim() !== texts.join('\n\n')) Object.assign(body, { content: null, textContent: null, description: null, [key]: words.trim() || null });
  if (transcription != null && transcription.trim() !== said(note)) body.transcription = transcription.trim() || null;
  if (when && when !== clockOf(note.timestamp, zone)) body.timestamp = timeOf(when, zone);
  return Object.keys(body).length || kept.length !== note.media.length ? body : null;
}

// A form in the card's place. done(note | null): the note as it is now; null: as before, or on its way by the outbox.
export function noteForm(note, { api, space, limits, say, signal }, done) {
  const zone = space.timeZone, recordings = note.media.filter((m) => m.kind === 'audio'), kept = [...note.media], added = [];
  const title = element('input', null, { maxLength: TITLE_MAX, value: note.title ?? '' }), words = element('textarea', null, { rows: 4, maxLength: TEXT_MAX, value: written(note).join('\n\n') });
  const heardNow = recordings.length ? element('textarea', null, { rows: 4, maxLength: TEXT_MAX, value: said(note), name: 'transcription' }) : null;
  const when = element('input', null, { type: 'datetime-local', value: clockOf(note.timestamp, zone), max: '9999-12-31T23:59' });
  const files = element('ul', null, { className: 'files' }), trouble = element('p', '', { className: 'error', role: 'alert' });
  const show = () => files.replaceChildren(...kept.map((m) => mediaItem(m, () => { kept.splice(kept.indexOf(m), 1); show(); words.focus(); })),
    ...added.map((one) => fileItem(one, () => { added.splice(added.indexOf(one), 1); freeFile(one); show(); words.focus(); })));
  async function add(list) {
    const looked = await Promise.all(list.map(async (file) => ({ file, ...await look(file, limits) })));
    added.push(...looked);
    show();
    const bad = looked.filter((one) => one.refused);
    say(bad.length ? bad.map((one) => `${one.file.name} : ${one.refused}`).join(' ') : t('filesAdded'));
  }
  let isSaving = false;
  const end = (now) => { added.forEach(freeFile); done(now); };
  async function save() {
    const body = difference(note, { title: title.value, words: words.value, transcription: heardNow?.value, when: when.value, kept }, zone), good = added.filter((one) => !one.refused);
    if (!body && !good.length) return end(note);
    const ids = (kind) => kept.filter((m) => m.kind === kind).map((m) => m.id), lists = { audio: ids('audio'), image: ids('image'), video: ids('video') };
    trouble.textContent = '';
    if (good.length) {
      await keep({ space: space.id, method: 'PUT', path: `/spaces/${space.id}/notes/${note.id}`, body: body ?? {}, lists, files: good.map((one) => ({ blob: one.file, name: one.file.name })) });
      return end(null);
    }
    if (isSaving) return undefined;
    isSaving = true;
    try {
      const all = kept.length === note.media.length ? body : { ...body, audioFileIds: lists.audio, imageFileIds: lists.image, videoFileIds: lists.video };
      const now = await api.ask('PUT', `/spaces/${space.id}/notes/${note.id}`, all, { signal });
      say(t('savedNow'));
      end(now);
    } catch (problem) {
      if (problem.name !== 'AbortError') trouble.textContent = problem.message;
    } finally { isSaving = false; }
    return undefined;
  }
  const isOwn = heardNow && heard(note) && said(note) !== heard(note);
  const form = attributes(element('form', [field(t('noteTitle'), title),
    heardNow ? field(t('transcription'), heardNow, t('transcriptionHint')) : null,
    isOwn ? button(t('backToHeard'), () => { heardNow.value = heard(note); heardNow.focus(); }, { drawing: 'again', className: 'plain' }) : null,
    field(t('words'), words), field(t('noteWhen'), when), files,
    element('div', [...chooser(t('addPictures'), 'picture', PICTURES, add), ...chooser(t('addSounds'), 'sound', SOUNDS, add),
      button(t('cancel'), () => end(note)), element('button', t('save'), { className: 'main' })], { className: 'doing' }), trouble], { className: 'note change' }),
  { 'aria-label': fill(t('changeNote'), { name: nameOf(note, zone) }) });
  form.dataset.id = note.id;
  form.onsubmit = (event) => { event.preventDefault(); save(); };
  form.onkeydown = (event) => { if (event.key === 'Escape') { event.stopPropagation(); end(note); } };
  takesFiles(form, add, signal);
  show();
  return form;
}

export const removalSure = (note, zone) => sure(t('removeTitle'), fill(t('removeSure'), { name: nameOf(note, zone) }), t('remove'));
