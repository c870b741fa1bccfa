// What the inbox asks of the API: everything in one tenant, and its events as they happen.
import { call, isSignedIn } from '/shared/page.js';

let tenant = null;
export const setTenant = (one) => { tenant = one; };
export const theTenant = () => tenant;

function path(address, query = {}) {
  const all = Object.entries({ ...query, tenantId: tenant?.id }).filter(([, value]) => value !== '' && value != null);
  return `${address}?${new URLSearchParams(all)}`;
}
// What is answered when another tenant has been chosen meanwhile is not shown beside what is that one's.
async function ask(address, options) {
  const mine = tenant, answer = await call(address, options);
  if (mine !== tenant) throw Object.assign(new Error('another tenant'), { name: 'AbortError' });
  return answer;
}
// {data, metadata} of a list, the data of anything else.
export const list = (address, query) => ask(path(address, query));
export const get = async (address, query) => (await list(address, query)).data;
export const send = async (method, address, body = {}) =>
  (await ask(path(address), { method, body: JSON.stringify(body) })).data;
export const tenants = async () => (await call('/tenants?limit=100')).data;

// -- Events: read with fetch, since an EventSource cannot say who it is but in its address ----------------

const FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 15000;
let running = null;

function eventOf(block) {
  const lines = block.split('\n'), of = (name) => lines.filter((l) => l.startsWith(`${name}:`)).map((l) => l.slice(name.length + 1).trim());
  const data = of('data').join('\n');
  return { id: of('id')[0], message: data ? JSON.parse(data) : null };
}

async function read(answer, tell, keep) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const { id, message } = eventOf(block);
      if (message) tell(message);
      if (id) keep(id);
    }
  }
}

// tell(event): each, once, in order, over broken connections and restarts of the server. state(on): is there
// a connection? began(): the first one stands, so that what is asked for now misses nothing.
export function follow({ tell, state, began }) {
  running?.abort();
  const mine = running = new AbortController(), channel = `tenant:${tenant.id}`;
  let last = null, wait = FIRST_WAIT_MS;
  (async () => {
    while (!mine.signal.aborted && isSignedIn()) {
      try {
        const headers = { Authorization: `Bearer ${sessionStorage.access}`, Accept: 'text/event-stream' };
        if (last) headers['Last-Event-ID'] = last;
        const answer = await fetch(`/events?${new URLSearchParams({ channels: channel })}`, { headers, signal: mine.signal });
        if (answer.status === 401) await call('/auth/me'); // renews the token
        if (answer.ok) {
          wait = FIRST_WAIT_MS;
          state(true);
          began();
          await read(answer, tell, (id) => { last = id; });
        }
      } catch { /* it is tried again */ }
      if (mine.signal.aborted) return;
      state(false);
      await new Promise((resolve) => { setTimeout(resolve, wait); });
      wait = Math.min(2 * wait, LONGEST_WAIT_MS);
    }
  })();
}
export const unfollow = () => running?.abort();
