// What the page asks of lifetales' API: {success, data} unwrapped, problems as Errors, files with their
// progress, and events of a stream as they come.
import { call, t } from '/shared/page.js';

// An Error with status (0: no answer), code, wait (seconds), fields [{field, message}].
function problemFrom(status, body, wait, otherwise) {
  return Object.assign(new Error(body?.detail ?? otherwise),
    { status, code: body?.code, wait: Number(wait) || 0, fields: body?.errors ?? [] });
}
const away = () => problemFrom(0, null, 0, t('away'));
const parsed = (text) => { try { return JSON.parse(text); } catch { return null; } };

// One request; a token that has expired is renewed once.
async function fetched(path, options, again = true) {
  const headers = { Authorization: `Bearer ${sessionStorage.access}`, ...options.headers };
  const answer = await fetch(`/api${path}`, { ...options, headers }).catch((e) => { throw e.name === 'AbortError' ? e : away(); });
  if (answer.status === 401 && again) {
    await call('/auth/me');
    return fetched(path, options, false);
  }
  if (!answer.ok) throw problemFrom(answer.status, await answer.json().catch(() => null), answer.headers.get('Retry-After'), answer.statusText);
  return answer;
}

// ask('PUT', '/settings', {…}, {key, signal, headers}): data. key: an Idempotency-Key, so that what may have
// arrived can be sent again.
export async function ask(method, path, body, { key, signal, headers = {} } = {}) {
  const all = { ...headers };
  if (body !== undefined) all['Content-Type'] = 'application/json';
  if (key) all['Idempotency-Key'] = key;
  const answer = await fetched(path, { method, headers: all, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  return answer.status === 204 ? null : (await answer.json()).data;
}
export const get = (path, options) => ask('GET', path, undefined, options);
// The answer itself, for what is no JSON (a book).
export const raw = (path, options = {}) => fetched(path, options);

// -- files: by XMLHttpRequest, since fetch does not tell how much has gone -----------------------------

function sent(file, name, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(), form = new FormData();
    form.append('file', file, name);
    request.open('POST', '/api/media');
    request.setRequestHeader('Authorization', `Bearer ${sessionStorage.access}`);
    request.upload.onprogress = (e) => { if (e.lengthComputable) progress(e.loaded / e.total); };
    request.onload = () => resolve(request);
    request.onerror = request.ontimeout = () => reject(away());
    request.onabort = () => reject(new DOMException('given up', 'AbortError'));
    signal?.addEventListener('abort', () => request.abort(), { once: true });
    request.send(form);
  });
}

// A recording or picture into the album: its Media. The same bytes again are the same.
export async function upload(file, { name = file.name ?? 'file', progress = () => {}, signal } = {}) {
  signal?.throwIfAborted();
  let request = await sent(file, name, progress, signal);
  if (request.status === 401) {
    await call('/auth/me');
    request = await sent(file, name, progress, signal);
  }
  const body = parsed(request.responseText);
  if (request.status >= 300 || !body) throw problemFrom(request.status, body, request.getResponseHeader('Retry-After'), request.statusText);
  return body.data;
}

// -- events: by fetch, since an EventSource can neither post nor say who it is ------------------------

function eventOf(block) {
  const of = (name) => block.split('\n').filter((l) => l.startsWith(`${name}:`)).map((l) => l.slice(name.length + 1).replace(/^ /, ''));
  const data = of('data').join('\n');
  return { id: of('id').at(-1) ?? null, type: of('event').at(-1) ?? 'message', data: data ? parsed(data) : null };
}

// One connection: tell({id, type, data}) each event; comes back when the stream has ended, throws when it
// could not be opened or broke. last: the id after which it is to go on.
export async function events(path, { method = 'GET', body, last, tell, signal, opened = () => {} }) {
  const headers = { Accept: 'text/event-stream' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (last) headers['Last-Event-ID'] = last;
  const answer = await fetched(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  opened();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ''; ;) {
    const { value, done } = await reader.read().catch((e) => { throw e.name === 'AbortError' ? e : away(); });
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const event = eventOf(block);
      if (event.data !== null) tell(event);
    }
  }
}
