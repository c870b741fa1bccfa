// Making a note: speak, write, add pictures and sounds; kept with one button. What is not kept yet stays with its
// space while the page is open, the written part longer.
import { element, t } from '/shared/page.js';
import { attributes, button, clockOf, field, timeOf } from './ui.js';
import { PICTURES, SOUNDS, chooser, fileItem, freeFile, look, takesFiles } from './files.js';
import { keep } from './outbox.js';
import { cutOff, dropParts, me } from './store.js';
import { sound } from './sound.js';

const TEXT_MAX = 200000, TITLE_MAX = 500;
const drafts = new Map(); // of a person's space: {text, title, when, files, recordings}
const nameOf = (space) => `tales ${me()} ${space}`;

function draftOf(space) {
  const name = nameOf(space);
  let written = {};
  try { written = JSON.parse(localStorage[name] ?? '{}'); } catch { /* another version's */ }
  if (!drafts.has(name)) drafts.set(name, { text: '', title: '', when: '', ...written, files: [], recordings: [] });
  return drafts.get(name);
}
function remember(space, { text, title, when }) {
  try {
    if (text || title || when) localStorage[nameOf(space)] = JSON.stringify({ text, title, when });
    else localStorage.removeItem(nameOf(space));
  } catch { /* full: it is in memory */ }
}
const isUnkept = () => [...drafts.values()].some((d) => d.files.length || d.recordings.length);
let liveNow = null;
addEventListener('beforeunload', (event) => { if (isUnkept() || liveNow?.isLive()) event.preventDefault(); });

const extension = (type) => ({ 'audio/webm': 'webm', 'audio/mp4': 'm4a', 'audio/ogg': 'ogg' })[type] ?? 'audio';

// The form; place: where files may be dropped. leave() stops a recording, which waits until one comes back.
export function composer({ space, limits, say, signal }, place) {
  const draft = draftOf(space.id), zone = space.timeZone;
  const words = element('textarea', null, { id: 'words', rows: 3, maxLength: TEXT_MAX, value: draft.text, placeholder: t('wordsHint') });
  const name = element('input', null, { id: 'note-title', maxLength: TITLE_MAX, value: draft.title, autocomplete: 'off' });
  const when = element('input', null, { id: 'note-when', type: 'datetime-local', value: draft.when, max: '9999-12-31T23:59' });
  const files = element('ul', null, { className: 'files' }), trouble = element('p', '', { className: 'error', role: 'alert' });
  const record = button(t('record'), () => voice.begin(), { drawing: 'microphone', id: 'record', className: 'record' });
  const voice = liveNow = sound({ space: space.id, limits, say, recordings: draft.recordings, opener: record, changed: () => { trouble.textContent = ''; } });

  const showFiles = () => files.replaceChildren(...draft.files.map((one) => fileItem(one, () => {
    const i = draft.files.indexOf(one);
    draft.files.splice(i, 1);
    freeFile(one);
    showFiles();
    (files.children[Math.min(i, draft.files.length - 1)]?.querySelector('button') ?? words).focus();
  })));
  async function add(list) {
    trouble.textContent = '';
    const added = await Promise.all(list.map(async (file) => ({ file, ...await look(file, limits) })));
    draft.files.push(...added);
    showFiles();
    const bad = added.filter((one) => one.refused);
    say(bad.length ? bad.map((one) => `${one.file.name} : ${one.refused}`).join(' ') : t('filesAdded'));
  }
  const write = () => {
    Object.assign(draft, { text: words.value, title: name.value, when: when.value });
    remember(space.id, draft);
  };
  function empty() {
    draft.files.forEach(freeFile);
    draft.files.length = 0;
    draft.recordings.length = 0;
    words.value = name.value = when.value = '';
    more.open = false;
    write();
    showFiles();
    voice.show();
  }
  async function keepIt() {
    await voice.stop();
    const spoken = [...draft.recordings], good = draft.files.filter((one) => !one.refused), text = words.value.trim();
    if (!text && !name.value.trim() && !spoken.length && !good.length) {
      trouble.textContent = t('noteEmpty');
      words.focus();
      return;
    }
    const at = when.value ? timeOf(when.value, zone) : spoken[0]?.at ?? Date.now();
    const body = { timestamp: at, ...(text && { content: text }), ...(name.value.trim() && { title: name.value.trim() }) };
    const isStored = await keep({ space: space.id, body, files: [
      ...spoken.map((one) => ({ blob: one.blob, name: `${clockOf(one.at, zone).replace('T', ' ').replace(':', 'h')}.${extension(one.blob.type)}`, recorded: true, part: one.id })),
      ...good.map((one) => ({ blob: one.file, name: one.file.name }))] });
    for (const one of spoken) {
      URL.revokeObjectURL(one.url);
      if (isStored) dropParts(one.id);
    }
    empty();
    words.focus();
    if (!isStored) trouble.textContent = t('notLasting');
  }
  const more = element('details', [element('summary', t('titleAndDate')), element('div', [field(t('noteTitle'), name), field(t('noteWhen'), when, t('noteWhenHint'))], { className: 'pair' })], { open: Boolean(draft.title || draft.when) });
  const pictures = chooser(t('addPictures'), 'picture', PICTURES, add), sounds = chooser(t('addSounds'), 'sound', SOUNDS, add);
  const camera = chooser(t('photograph'), 'camera', PICTURES, add, { capture: 'environment' });
  attributes(pictures[1], { id: 'pick-pictures' });
  attributes(sounds[1], { id: 'pick-sounds' });
  const form = attributes(element('form', [
    element('h3', t('newNote'), { className: 'unseen' }), element('label', t('words'), { htmlFor: 'words', className: 'unseen' }), words, voice.place, files, more,
    element('div', [record, ...camera, ...pictures, ...sounds, element('button', t('keepNote'), { className: 'main', id: 'keep' })], { className: 'doing' }), trouble,
  ], { id: 'compose' }), { 'aria-label': t('newNote') });
  form.oninput = write;
  form.onsubmit = (event) => {
    event.preventDefault();
    keepIt();
  };
  words.onkeydown = (event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); keepIt(); } };
  attributes(words, { 'aria-keyshortcuts': 'Control+Enter' });
  takesFiles(place, add, signal);
  showFiles();
  cutOff(space.id).then((found) => {
    const unknown = found.filter((one) => !draft.recordings.some((known) => known.id === one.id) && !voice.has(one.id));
    if (!unknown.length || signal.aborted) return;
    draft.recordings.push(...unknown.map((one) => ({ ...one, why: t('recovered') })));
    voice.show();
    say(t('recovered'));
  });
  return { form, leave: () => voice.stop() };
}
