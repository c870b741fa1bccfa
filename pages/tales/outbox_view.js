// What is on its way, at the foot of every room: how far it is, why it is not there yet, what may be done about it.
import { $, element, fill, t } from '/shared/page.js';
import { button, small, sure } from './ui.js';
import { discard, retry, watch } from './outbox.js';

const glimpse = (row) => row.body.title ?? row.body.content?.slice(0, 60) ?? (row.files.some((f) => f.recorded) ? t('recording1') : row.files.map((f) => f.name).join(', '));
const left = []; // files that were refused while their notes went: {id, name, words}
let drawn = '';

function saveAs(file) {
  const link = element('a', null, { href: URL.createObjectURL(file.blob), download: file.name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
const saveButtons = (row) => row.files.filter((f) => f.recorded).map((f) => button(t('saveFile'), () => saveAs(f), { drawing: 'save', className: 'plain' }));

function rowItem(row, now, trouble) {
  const words = row.refused ? fill(t('notTaken'), { why: row.refused }) : now ? t('sending') : trouble ? fill(t('willSend'), { why: trouble.message }) : t('inQueue');
  const parts = [element('strong', glimpse(row)), element('span', words, { className: row.refused ? 'error' : 'quiet' })];
  for (const [i, file] of row.files.entries()) {
    const done = file.media ? 1 : now?.file === i ? now.part : 0;
    parts.push(element('span', [element('span', file.name, { className: 'name' }), file.refused && !row.refused ? element('span', file.refused, { className: 'error' }) : null,
      file.refused || !(now || done) ? null : barOf(file.name, done)], { className: 'file' }));
  }
  const drop = async () => {
    if (await sure(t('discardTitle'), fill(t('discardSure'), { name: glimpse(row) }), t('discard'))) { await discard(row.id); $('#room').focus(); }
  };
  const acts = row.refused || (trouble && !now) ? [button(t('sendNow'), () => retry(row.id), { drawing: 'again', className: 'plain send' }), ...saveButtons(row), button(t('discard'), drop, { className: 'plain danger' })] : [];
  const li = element('li', [element('div', parts), acts.length ? element('div', acts, { className: 'acts' }) : null]);
  li.dataset.id = row.id;
  return li;
}
function barOf(name, done) {
  const bar = element('progress', null, { max: 1, value: done });
  bar.setAttribute('aria-label', name);
  return bar;
}
function leftItem(one) {
  const close = () => { left.splice(left.indexOf(one), 1); drawn = ''; $('#room').focus(); redraw(); };
  return element('li', [element('div', [element('strong', one.name), element('span', fill(t('fileNotTaken'), { why: one.words }), { className: 'error' })]), small('cross', t('close'), close)]);
}
let redraw = () => {};

// While bytes go only the bars move: what has the focus stays.
function show({ rows, going, trouble }) {
  const box = $('#outbox'), form = JSON.stringify([rows.map((r) => [r.id, r.refused, going.has(r.id), r.files.map((f) => f.refused)]), trouble?.message, left]);
  if (form === drawn) {
    for (const [id, now] of going) {
      const bar = box.querySelectorAll(`[data-id="${CSS.escape(id)}"] .file`)[now.file]?.querySelector('progress');
      if (bar) bar.value = now.part;
    }
    return;
  }
  drawn = form;
  box.hidden = !rows.length && !left.length;
  box.replaceChildren(element('h2', t('outbox')), element('ul', [...left.map(leftItem), ...rows.map((row) => rowItem(row, going.get(row.id), trouble))]));
}

export function showOutbox({ say }) {
  watch((state) => {
    redraw = () => show(state);
    if (state.sent) for (const f of state.sent.refused) left.push({ id: crypto.randomUUID(), name: f.name, words: f.refused });
    if (state.sent?.refused.length) say(state.sent.refused.map((f) => `${f.name} : ${f.refused}`).join(' '));
    if (state.refused) say(fill(t('notTaken'), { why: state.refused.refused }));
    show(state);
  });
}
