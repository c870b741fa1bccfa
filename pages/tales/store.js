// What stays in this browser until the server has it, over reloads and crashes: notes that could not be sent yet
// (`notes`), and the parts of recordings under way (`parts`: a second each). Where the browser keeps nothing, memory
// stands in, and `isLasting` says so. Everything is of the account that is signed in; another sees none of it.
const opened = new Promise((resolve) => {
  try {
    const request = indexedDB.open('lifetales', 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('notes', { keyPath: 'id' });
      request.result.createObjectStore('parts', { keyPath: ['id', 'n'] });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = request.onblocked = () => resolve(null);
  } catch { resolve(null); }
});
const memory = { notes: new Map(), parts: new Map() };
export const isLasting = async () => Boolean(await opened);
const keyOf = (store, row) => (store === 'notes' ? row.id : `${row.id} ${row.n}`);

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
async function all(store) {
  const db = await opened, kept = db ? await done(db.transaction(store).objectStore(store).getAll()) : [];
  return [...new Map([...kept, ...memory[store].values()].map((row) => [keyOf(store, row), row])).values()];
}
// A full disk leaves it in memory: better there than nowhere.
export async function put(store, row) {
  const db = await opened;
  try {
    if (db) { await done(db.transaction(store, 'readwrite').objectStore(store).put(row)); return true; }
  } catch { /* below */ }
  memory[store].set(keyOf(store, row), row);
  return false;
}
async function remove(store, key, name) {
  memory[store].delete(name);
  const db = await opened;
  if (db) await done(db.transaction(store, 'readwrite').objectStore(store).delete(key)).catch(() => {});
}

// Who is signed in, as the token says; null: nobody.
export function me() {
  try { return String(JSON.parse(atob(sessionStorage.access.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))).sub); } catch { return null; }
}
export const isLost = (id) => memory.notes.has(id); // it is in memory alone
export async function notes() {
  const user = me();
  return (await all('notes')).filter((row) => row.user === user).sort((a, b) => a.at - b.at);
}
export const dropNote = (id) => remove('notes', id, id);

// A recording is its page's from its first part until it is kept or thrown away: no other tab takes it for one that
// was cut off. False: another tab has it, and goes on having it for `ms`.
const held = new Map();
export function hold(id, ms = 3000) {
  if (!navigator.locks || held.has(id)) return Promise.resolve(true);
  return new Promise((resolve) => {
    navigator.locks.request(`recording ${id}`, { signal: AbortSignal.timeout(ms) }, () => new Promise((free) => {
      held.set(id, free);
      resolve(true);
    })).catch(() => resolve(false));
  });
}

// Recordings that were cut off: {id, space, type, at, blob}.
export async function cutOff(space) {
  const byId = Map.groupBy((await all('parts')).filter((p) => p.user === me() && p.space === space), (p) => p.id), found = [];
  for (const [id, parts] of byId) {
    parts.sort((a, b) => a.n - b.n);
    if (await hold(id)) found.push({ id, space, type: parts[0].type, at: parts[0].at, blob: new Blob(parts.map((p) => p.blob), { type: parts[0].type }) });
  }
  return found;
}
export async function dropParts(id) {
  for (const p of (await all('parts')).filter((one) => one.id === id)) await remove('parts', [p.id, p.n], keyOf('parts', p));
  held.get(id)?.();
  held.delete(id);
}
