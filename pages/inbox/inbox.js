// sylion's inbox: conversations as they arrive, and a person's part in them. Events say that something happened;
// what it is then is asked for, so that a page that was away for a while shows the same as one that was not.
import { $, begin, element, fill, isSignedIn, language, t } from '/shared/page.js';
import { follow, get, list, send, setTenant, tenants, theTenant, unfollow } from './api.js';
import { STATUSES, bindList, conversationOf, forgetAll, nameOf, put, showList } from './list.js';
import { closeThread, conversationChanged, messageChanged, openId, openThread, reloadThread, typing } from './thread.js';
import { closeAside, showPassage, showWhy } from './why.js';

const PAGE = 30, ASK_AFTER_MS = 60;
const state = { tenant: '', c: '', status: '', q: '', view: '' };
let all = [], channels = [], page = 1, asked = 0, found = new Set(), phoneOf = null;
const soon = new Map();

const say = (text) => { $('#status').textContent = text; };
const trouble = (problem) => { $('#trouble').textContent = problem?.message ?? ''; };
async function quietly(fn) {
  try { await fn(); return true; } catch (problem) { if (isSignedIn() && problem.name !== 'AbortError') trouble(problem); return false; }
}

// -- The address ----------------------------------------------------------------------------------

function readAddress() {
  const p = new URLSearchParams(location.search);
  for (const key of Object.keys(state)) state[key] = p.get(key) ?? '';
  if (!STATUSES.includes(state.status)) state.status = '';
}
function writeAddress(isStep) {
  const p = new URLSearchParams(Object.entries(state).filter(([, value]) => value));
  history[isStep ? 'pushState' : 'replaceState'](null, '', `/inbox${p.size ? `?${p}` : ''}`);
}

// -- The list -------------------------------------------------------------------------------------

const isAsked = (v) => (state.q ? found.has(v.id) : !state.status || v.status === state.status);
const showAll = () => showList(state.c, isAsked);

function showStatuses() {
  $('#statuses').replaceChildren(...STATUSES.map((status) => {
    const button = element('button', t(status || 'all'), { type: 'button', onclick: () => { state.status = status; writeAddress(); showStatuses(); ask(); } });
    button.setAttribute('aria-pressed', String(state.status === status));
    return button;
  }));
}

async function ask(more = false) {
  const mine = ++asked;
  page = more ? page + 1 : 1;
  $('#conversations').ariaBusy = 'true';
  await quietly(async () => {
    const { data, metadata } = await list('/conversations', { status: state.status, search: state.q, limit: PAGE, page });
    if (mine !== asked) return;
    trouble();
    if (!more) found = new Set();
    data.forEach((v) => { found.add(v.id); put(v); });
    $('#more').hidden = metadata.pagination.pages <= page;
    showAll();
    if (state.q) say(fill(t('foundMany'), { n: metadata.pagination.total }));
  });
  if (mine === asked) $('#conversations').ariaBusy = 'false';
}

// -- One conversation -----------------------------------------------------------------------------

async function refresh(id) {
  const v = await get(`/conversations/${id}`);
  put(v);
  conversationChanged(conversationOf(id));
  if (state.q && nameOf(v).toLowerCase().includes(state.q.toLowerCase())) found.add(id);
  if (id === openId() && v.unreadCount > 0 && !document.hidden && !state.view) markRead(v);
  showAll();
}
const markRead = (v) => quietly(async () => put(await send('PUT', `/conversations/${v.id}`, { unreadCount: 0 })));

// Many events of one conversation are one question.
function refreshSoon(id) {
  if (soon.has(id)) return;
  soon.set(id, setTimeout(() => { soon.delete(id); quietly(() => refresh(id)); }, ASK_AFTER_MS));
}

async function act(fn, message) {
  trouble();
  const id = openId(), done = await quietly(fn);
  await quietly(async () => {
    await refresh(id);
    if (message) await messageChanged(message);
    else await reloadThread();
  });
  return done;
}

const show = {
  passage: (m, citation) => quietly(() => showPassage(m, citation)),
  why: (m) => quietly(() => showWhy(m, act)),
  back: () => { choose('', true); $('#conversations a')?.focus(); },
};

async function choose(id, isStep = false, toThread = true) {
  state.c = id;
  writeAddress(isStep);
  if (!$('#phone')) closeAside();
  $('#page').classList.toggle('reading', Boolean(id));
  if (!id) {
    closeThread();
    return showAll();
  }
  await quietly(async () => {
    if (!conversationOf(id)) put(await get(`/conversations/${id}`));
    const v = conversationOf(id);
    showAll();
    const opened = openThread(v, { act, show });
    if (toThread) $('#conversation').focus({ preventScroll: true });
    await opened;
    if (v.unreadCount > 0) await markRead(v);
    showAll();
  });
}

// -- Events ---------------------------------------------------------------------------------------

async function messageTold({ type, data }) {
  refreshSoon(data.conversationId);
  if (data.conversationId === openId()) await messageChanged(data.id);
  if (type === 'message.created' && data.author === 'contact')
    say(fill(t('newFrom'), { name: conversationOf(data.conversationId) ? nameOf(conversationOf(data.conversationId)) : t('somebody'), text: (data.content ?? '').slice(0, 200) }));
}

function heard(event) {
  const { type, data } = event;
  if (type.startsWith('message.')) quietly(() => messageTold(event));
  else if (type === 'conversation.updated') refreshSoon(data.id);
  else if (type === 'turn.updated') {
    if (data.conversationId === openId()) typing(data.state === 'open' && !['send', 'settle'].includes(data.step));
    refreshSoon(data.conversationId);
  } else if (type === 'quota.warning') {
    say(t('quotaWarned'));
    if (state.view === 'usage') view('usage');
  }
  if (phoneOf) quietly(() => phoneOf.phoneHears(event));
}

function begun() {
  ask();
  quietly(reloadThread);
  phoneOf?.phoneAgain();
}

// -- The tenant, the views ------------------------------------------------------------------------

async function view(name) {
  state.view = name;
  writeAddress();
  for (const one of ['inbox', 'usage']) {
    const isIt = one === (name || 'inbox');
    if (isIt) $(`#view-${one}`).setAttribute('aria-current', 'page'); else $(`#view-${one}`).removeAttribute('aria-current');
  }
  if (name === 'usage') closeAside();
  $('#page').hidden = name === 'usage';
  $('#figures').hidden = name !== 'usage';
  if (name === 'usage') await quietly(async () => (await import('./usage.js')).showUsage());
}

async function enter(tenant) {
  setTenant(tenant);
  soon.forEach(clearTimeout);
  soon.clear();
  state.tenant = tenant.slug;
  localStorage.inboxTenant = tenant.slug;
  document.title = `${tenant.name} · sylion`;
  forgetAll();
  closeAside();
  if (openId()) closeThread(); // another tenant's: nobody here may ask for it again
  $('#q').value = state.q;
  showStatuses();
  follow({ tell: heard, began: begun, state: (on) => { $('#page').classList.toggle('away', !on); } });
  const mine = tenant;
  await quietly(async () => {
    channels = (await list('/channels', { type: 'whatsapp', limit: 100 })).data;
    if (mine === theTenant()) $('#phone-open').hidden = !channels.some((h) => h.config?.simulated === true && h.isActive);
  });
  await view(state.view === 'usage' ? 'usage' : '');
  await choose(state.c, false, false);
}

async function start() {
  await quietly(async () => {
    all = (await tenants()).sort((a, b) => a.name.localeCompare(b.name, language()));
    trouble();
    $('#tenants').hidden = !all.length;
    $('#tenant').replaceChildren(...all.map((one) => element('option', one.name, { value: one.slug })));
    const wanted = all.find(({ slug }) => slug === state.tenant) ?? all.find(({ slug }) => slug === localStorage.inboxTenant) ?? all[0];
    if (!wanted) {
      $('#conversation').replaceChildren(element('p', t('noTenant'), { className: 'none' }));
      return;
    }
    if (wanted.slug !== state.tenant && state.tenant) state.c = '';
    $('#tenant').value = wanted.slug;
    await enter(wanted);
  });
}

// -- Beginning ------------------------------------------------------------------------------------

let letters = null;
$('#q').oninput = () => {
  clearTimeout(letters);
  letters = setTimeout(() => { state.q = $('#q').value.trim(); writeAddress(); ask(); }, 150);
};
$('#ask').onsubmit = (event) => event.preventDefault();
$('#more').onclick = () => ask(true);
$('#view-inbox').onclick = () => view('');
$('#view-usage').onclick = () => view('usage');
$('#tenant').onchange = () => {
  Object.assign(state, { c: '', q: '', status: '' });
  enter(all.find(({ slug }) => slug === $('#tenant').value));
};
$('#phone-open').onclick = () => quietly(async () => {
  if ($('#phone')) return closeAside();
  if (state.view) await view('');
  phoneOf = await import('./phone.js');
  phoneOf.openPhone(channels.filter(phoneOf.isPlayable), (id) => choose(id, true, false));
});
bindList((id) => choose(id, true));
addEventListener('keydown', (event) => {
  const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.key === 'Escape' && !$('#aside').hidden) closeAside();
  else if (event.key === '/' && !isTyping && isSignedIn()) {
    event.preventDefault();
    $('#q').focus();
  }
});
addEventListener('popstate', () => {
  const before = state.tenant;
  readAddress();
  if (!isSignedIn() || !theTenant()) return;
  if (state.tenant && state.tenant !== before) start(); else choose(state.c, false, false);
});
document.addEventListener('visibilitychange', () => { if (!document.hidden && openId()) refreshSoon(openId()); });

readAddress();
begin((await import(`./texts.${language()}.js`)).default, (signedIn) => {
  unfollow();
  trouble();
  forgetAll();
  closeAside();
  if (signedIn) return start();
  $('#page').hidden = $('#figures').hidden = true;
  $('#conversations').replaceChildren();
  $('#conversation').replaceChildren();
});
