// Pictures and sound files before they are sent: is one of a kind that the server takes, and what it looks like.
import { element, fill, t } from '/shared/page.js';
import { icon, sizeText, small } from './ui.js';

export const PICTURES = 'image/jpeg,image/png,image/webp,image/gif', SOUNDS = 'audio/*,.m4a,.amr,.caf,.opus';
const STARTS = [[/^\xff\xd8\xff/, 'picture'], [/^\x89PNG/, 'picture'], [/^GIF8/, 'picture'], [/^RIFF....WEBP/s, 'picture'],
  [/^....ftyp(hei|hev|mif1|msf1|avi)/s, 'heic'], [/^\s*(<\?xml[^]*)?<svg/i, 'svg']];

// What it is by its first bytes: picture, sound (all that a player may know), or why it is not taken.
export async function look(file, { mediaMaxBytes }) {
  if (!file.size) return { refused: t('fileEmpty') };
  if (file.size > mediaMaxBytes) return { refused: fill(t('fileLarge'), { size: sizeText(file.size), most: sizeText(mediaMaxBytes) }) };
  const head = String.fromCharCode(...new Uint8Array(await file.slice(0, 256).arrayBuffer()));
  const kind = STARTS.find(([start]) => start.test(head))?.[1];
  if (kind === 'heic' || kind === 'svg') return { refused: t(kind === 'heic' ? 'fileHeic' : 'fileSvg') };
  if (kind === 'picture') return { kind, refused: await createImageBitmap(file).then((b) => { b.close(); }, () => t('fileBroken')) };
  return /^(audio|video)\//.test(file.type) || /\.(amr|caf|opus|oga|ogg|m4a|aac|flac|aiff?|3gp|mov|mp3|wav|webm)$/i.test(file.name) ? { kind: 'sound' } : { refused: t('fileUnknown') };
}

// A row of the list of files: {file, kind, refused, url}. remove(): taken out again.
export function fileItem(one, remove) {
  const show = one.kind === 'picture' && !one.refused ? element('img', null, { src: one.url ??= URL.createObjectURL(one.file), alt: '' }) : icon(one.kind === 'sound' ? 'sound' : 'picture');
  return element('li', [element('span', show, { className: 'thumb' }),
    element('span', [element('span', one.file.name || t('picture'), { className: 'name' }),
      one.refused ? element('span', one.refused, { className: 'error' }) : element('span', sizeText(one.file.size), { className: 'quiet' })], { className: 'about' }),
    small('cross', fill(t('removeFile'), { name: one.file.name || t('picture') }), remove)], { className: one.refused ? 'refused' : '' });
}
export const freeFile = (one) => { if (one.url) URL.revokeObjectURL(one.url); };

// Buttons that open the browser's chooser; taken(files): several at once.
export function chooser(words, drawing, accept, taken, { capture } = {}) {
  const input = element('input', null, { type: 'file', accept, multiple: !capture, hidden: true });
  if (capture) input.setAttribute('capture', capture);
  input.onchange = () => {
    taken([...input.files]);
    input.value = '';
  };
  const button = element('button', [icon(drawing), element('span', words)], { type: 'button', onclick: () => input.click() });
  if (capture) button.classList.add('camera');
  return [button, input];
}

// Files that are dropped on a place, or pasted into it.
export function takesFiles(place, taken, signal) {
  const has = (event) => event.dataTransfer?.types.includes('Files');
  let depth = 0;
  const show = (on) => place.classList.toggle('dropping', on);
  place.addEventListener('dragenter', (event) => { if (has(event)) { event.preventDefault(); show(++depth > 0); } }, { signal });
  place.addEventListener('dragleave', (event) => { if (has(event)) show(--depth > 0); }, { signal });
  place.addEventListener('dragover', (event) => { if (has(event)) event.preventDefault(); }, { signal });
  place.addEventListener('drop', (event) => {
    if (!has(event)) return;
    event.preventDefault();
    show(depth = 0);
    taken([...event.dataTransfer.files]);
  }, { signal });
  place.addEventListener('paste', (event) => {
    const files = [...event.clipboardData?.files ?? []];
    if (!files.length) return;
    event.preventDefault();
    taken(files);
  }, { signal });
}
