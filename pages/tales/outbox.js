// Notes on their way to the server. Each is stored here before it is sent and forgotten when the server has it:
//
//   keep ─▶ stored ─▶ its files, one after the other ─▶ the note itself ─▶ told as sent, forgotten
//             ▲                     │                        │
//             └── no answer, busy ──┴────────────────────────┤  again after a while, when the browser is online
//                                    refused for good ◀──────┘  stays, with the reason, until somebody decides
//
// Nothing comes twice: equal bytes are one recording at the server, and a note is posted under its own
// Idempotency-Key. One tab sends at a time. A row: {id, user, at, space, method, path, body, lists: {audio, image,
// video: ids}, files: [{blob, name, recorded, part, media, refused}], key, posted, refused}.
import { ask, get, upload } from './api.js';
import { dropNote, dropParts, me, notes, put } from './store.js';

const FIRST_WAIT_MS = 2000, LONGEST_WAIT_MS = 60000, KEY_LIFE_MS = 20 * 3600e3, CONFLICTS_MAX = 3;
const LISTS = { audio: 'audioFileIds', image: 'imageFileIds', video: 'videoFileIds' };
const listeners = new Set(), going = new Map(), tried = new Map();
const tabs = globalThis.BroadcastChannel ? new BroadcastChannel('lifetales outbox') : null;
let rows = [], wait = FIRST_WAIT_MS, timer = 0, busy = null, trouble = null;

// listener({rows, going, trouble, sent, refused}): whenever something changes; sent: {row, note}. Gives what ends it.
export function watch(listener) {
  listeners.add(listener);
  listener({ rows, going, trouble });
  return () => listeners.delete(listener);
}
const tell = (more = {}) => { for (const listener of listeners) listener({ rows, going, trouble, ...more }); };
export const reload = async () => { rows = me() ? await notes() : []; tell(); };
async function changed(more) {
  rows = me() ? await notes() : [];
  tell(more);
  tabs?.postMessage('');
}
if (tabs) tabs.onmessage = reload;

// A note to be made (or changed, where `path` is one). What is given back has settled when it is stored.
export async function keep({ space, method = 'POST', path = `/spaces/${space}/notes`, body, lists = {}, files = [] }) {
  const row = { id: crypto.randomUUID(), user: me(), at: Date.now(), space, method, path, body, files,
    lists: { audio: [], image: [], video: [], ...lists } };
  const isStored = await put('notes', row);
  await changed();
  send();
  return isStored;
}
// Parts of a recording are kept as long as its note is in memory alone.
async function forget(row) {
  await dropNote(row.id);
  for (const file of row.files) if (file.part) await dropParts(file.part);
}
export async function discard(id) {
  going.get(id)?.cut.abort();
  await forget(rows.find((one) => one.id === id) ?? { id, files: [] });
  await changed();
}
export async function retry(id) {
  const row = rows.find((one) => one.id === id);
  if (row) {
    // What was refused is not there, and is another request now; what may have arrived is the same one again.
    if (row.refused) Object.assign(row, { refused: undefined, posted: undefined, key: crypto.randomUUID() });
    for (const file of row.files) delete file.refused;
    tried.delete(id);
    await put('notes', row);
  }
  await changed();
  return send();
}

const isFinal = ({ status }) => status >= 400 && ![401, 408, 409, 425, 429, 500, 502, 503, 504, 507].includes(status);

async function filesOf(row, now) {
  for (const [i, file] of row.files.entries()) {
    if (file.media || file.refused) continue;
    try {
      const media = await upload(file.blob, { name: file.name, signal: now.cut.signal, progress: (part) => { now.file = i; now.part = part; tell(); } });
      now.cut.signal.throwIfAborted();
      if (!row.lists[media.kind].includes(media.id)) row.lists[media.kind].push(media.id);
      file.media = media.id;
    } catch (problem) {
      if (problem.name === 'AbortError' || !isFinal(problem)) throw problem;
      file.refused = problem.message;
      if (file.recorded) throw problem;
    }
    await put('notes', row);
  }
}
function bodyOf(row) {
  const body = { ...row.body };
  for (const [kind, name] of Object.entries(LISTS)) if (row.method === 'PUT' || row.lists[kind].length) body[name] = row.lists[kind];
  if (row.method === 'POST') body.type = typeOf(row.lists, body);
  return body;
}
function typeOf({ audio, image, video }, { content }) {
  const kinds = [audio.length && 'AUDIO', image.length && 'IMAGE', video.length && 'VIDEO'].filter(Boolean);
  return kinds.length > 1 || (content && kinds.length && kinds[0] !== 'AUDIO') ? 'MOMENT' : kinds[0] ?? 'TEXT';
}
const isSame = (note, body) => note.timestamp === body.timestamp && (note.content ?? '') === (body.content ?? '')
  && Object.values(LISTS).every((name) => JSON.stringify(note[name]) === JSON.stringify(body[name] ?? []));

// A key is forgotten by the server after a day: what may have arrived before is looked for then.
async function arrived(row, body) {
  if (row.method !== 'POST' || !row.posted || Date.now() - row.posted < KEY_LIFE_MS) return null;
  return (await get(`/spaces/${row.space}/notes`)).find((note) => isSame(note, body)) ?? null;
}

async function sendOne(row) {
  const now = { cut: new AbortController(), file: 0, part: 0 };
  going.set(row.id, now);
  tell();
  try {
    await filesOf(row, now);
    const body = bodyOf(row), isEmpty = row.method === 'POST' && !body.content && !body.title && !Object.values(row.lists).some((l) => l.length);
    if (isEmpty) throw Object.assign(new Error(row.files.map((f) => f.refused).filter(Boolean).join(' ')), { status: 422 });
    const before = await arrived(row, body);
    row.posted ??= Date.now();
    await put('notes', row);
    const note = before ?? await ask(row.method, row.path, body, { key: row.method === 'POST' ? row.key ?? row.id : undefined, signal: now.cut.signal });
    await forget(row);
    return { row, note, refused: row.files.filter((f) => f.refused) };
  } finally { going.delete(row.id); }
}

// What is wrong with one note alone does not hold up those behind it.
const isForAll = ({ status }) => [0, 401, 429, 503, undefined].includes(status);

async function sendAll() {
  let later = null;
  await reload();
  for (const row of [...rows]) {
    if (row.refused || row.user !== me()) continue;
    try {
      const sent = await sendOne(row);
      wait = FIRST_WAIT_MS;
      trouble = null;
      await changed({ sent });
    } catch (problem) {
      if (problem.name === 'AbortError') continue;
      const conflicts = problem.status === 409 ? (tried.get(row.id) ?? 0) + 1 : 0;
      tried.set(row.id, conflicts);
      if (!isFinal(problem) && conflicts < CONFLICTS_MAX) {
        if (isForAll(problem)) throw problem;
        later = problem;
        continue;
      }
      row.refused = problem.message;
      await put('notes', row);
      await changed({ refused: row });
    }
  }
  if (later) throw later;
}

// All that is stored, now. Two calls at once are one, and a second round for what came meanwhile.
export async function send() {
  clearTimeout(timer);
  if (busy) { busy.again = true; return busy.end; }
  const mine = busy = { again: true };
  mine.end = (async () => {
    try {
      while (mine.again && me()) {
        mine.again = false;
        await (navigator.locks ? navigator.locks.request('lifetales outbox', sendAll) : sendAll());
      }
    } catch (problem) {
      trouble = problem;
      timer = setTimeout(send, Math.max(wait, 1000 * (problem.wait ?? 0)));
      wait = Math.min(2 * wait, LONGEST_WAIT_MS);
    } finally { busy = null; }
    tell();
  })();
  return mine.end;
}
addEventListener('online', () => { wait = FIRST_WAIT_MS; send(); });
document.addEventListener('visibilitychange', () => { if (!document.hidden && rows.some((row) => !row.refused)) send(); });
