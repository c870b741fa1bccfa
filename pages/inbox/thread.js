// One conversation: what was said, what became of it, and a person's part in it.
import { $, element, fill, language, t } from '/shared/page.js';
import { get, list, send } from './api.js';
import { face, nameOf, reasonText } from './list.js';

const PAGE = 50, NEAR_END = 120;
const SOURCES = /\n\n(\[\d+\] [^\n]*\n?)+$/; // below an answer, for who has but a chat window
const TICKS = { sent: '✓', delivered: '✓✓', read: '✓✓', pending: '◷', sending: '◷' };
let open = null; // {v, messages: Map, earlier, act, show}

export const openId = () => open?.v.id;
const quietly = (fn) => fn().catch((problem) => { if (problem.name !== 'AbortError') $('#trouble').textContent = problem.message; });

// -- A message ------------------------------------------------------------------------------------

// [1] in an answer is a button that opens what it rests on. Everything else is text.
function contentOf(m) {
  const citations = m.metadata?.citations ?? [], text = citations.length ? m.content.replace(SOURCES, '') : m.content;
  return text.split(/(\[\d+\])/).map((part) => {
    const c = citations.find(({ number }) => part === `[${number}]`);
    if (!c) return part;
    const button = element('button', String(c.number), { type: 'button', className: 'cite', onclick: () => open.show.passage(m, c) });
    button.setAttribute('aria-label', fill(t('citation'), { n: c.number, name: c.documentName }));
    return button;
  });
}

function stateOf(m) {
  const bad = ['failed', 'unknown'].includes(m.status), parts = [];
  if (m.direction === 'outbound' && TICKS[m.status]) {
    const ticks = element('span', TICKS[m.status], { className: `ticks ${m.status}`, title: t(`is_${m.status}`) });
    ticks.setAttribute('role', 'img');
    ticks.setAttribute('aria-label', t(`is_${m.status}`));
    parts.push(ticks);
  }
  if (bad) parts.push(element('span', `${t(`is_${m.status}`)}${m.reason ? ` : ${reasonText(m.reason)}` : ''}`, { className: 'error' }));
  if (bad && m.direction === 'outbound') {
    const resend = element('button', t('resend'), { type: 'button', className: 'resend' });
    resend.onclick = () => { if (m.status !== 'unknown' || confirm(t('resendSure'))) open.act(() => send('POST', `/messages/${m.id}/resend`), m.id); };
    parts.push(resend);
  }
  if (m.turnId && (m.author === 'assistant' || bad)) parts.push(element('button', t('why'), { type: 'button', className: 'why', onclick: () => open.show.why(m) }));
  return parts;
}

function messageItem(m) {
  const at = element('time', new Intl.DateTimeFormat(language(), { timeStyle: 'short' }).format(new Date(m.createdAt)), { dateTime: m.createdAt });
  const sources = (m.metadata?.citations ?? []).map((c) => element('button', [element('b', String(c.number)), ` ${c.documentName}`],
    { type: 'button', className: 'source', onclick: () => open.show.passage(m, c) }));
  const kind = m.type === 'text' ? null : element('span', t(`type_${m.type}`) === `type_${m.type}` ? m.type : t(`type_${m.type}`), { className: 'kind' });
  const li = element('li', [element('span', `${m.author === 'contact' ? nameOf(open.v) : t(`by_${m.author}`)} : `, { className: 'unseen' }),
    kind, element('p', contentOf(m)), sources.length ? element('div', sources, { className: 'sources' }) : null,
    element('footer', [m.author === 'contact' ? null : element('span', t(`by_${m.author}`), { className: 'by' }), at, ...stateOf(m)])],
  { className: `message ${m.author}` });
  li.dataset.id = m.id;
  return li;
}

function dayItem(text) {
  return element('li', new Intl.DateTimeFormat(language(), { dateStyle: 'full' }).format(new Date(text)), { className: 'day' });
}

function showMessages() {
  const ol = $('#messages'), isAtEnd = ol.scrollHeight - ol.scrollTop - ol.clientHeight < NEAR_END;
  const focused = document.activeElement?.closest?.('#messages li')?.dataset.id;
  const all = [...open.messages.values()].sort((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : a.id < b.id ? -1 : 1));
  const items = [];
  let day = '';
  for (const m of all) {
    const own = new Date(m.createdAt).toDateString();
    if (own !== day) items.push(dayItem(m.createdAt));
    day = own;
    const before = ol.querySelector(`li[data-id="${CSS.escape(m.id)}"]`);
    const stamp = `${m.updatedAt} ${m.status}`;
    if (before?.dataset.stamp === stamp) items.push(before); // it is not said again to who listens
    else {
      const li = messageItem(m);
      li.dataset.stamp = stamp;
      items.push(li);
    }
  }
  if (open.earlier) items.unshift(element('li', element('button', t('earlier'), { type: 'button', className: 'plain', onclick: () => quietly(earlier) })));
  ol.replaceChildren(...items, ...ol.querySelectorAll('.typing'));
  if (focused) ol.querySelector(`li[data-id="${CSS.escape(focused)}"] button`)?.focus();
  if (isAtEnd) ol.scrollTop = ol.scrollHeight;
}

async function earlier() {
  const mine = open;
  mine.page++;
  const { data, metadata } = await list(`/messages/conversation/${mine.v.id}`, { sortOrder: 'desc', limit: PAGE, page: mine.page });
  if (mine !== open) return;
  data.forEach((m) => mine.messages.set(m.id, m));
  mine.earlier = metadata.pagination.pages > mine.page;
  showMessages();
}

// Of two that cross on their way, the later one counts.
function put(m) {
  const before = open.messages.get(m.id);
  if (!before || before.updatedAt <= m.updatedAt) open.messages.set(m.id, m);
}

// Something happened to it: what an event tells may be cut, so that it is asked for.
export async function messageChanged(id) {
  const mine = open, m = await get(`/messages/${id}`);
  if (mine !== open || m.conversationId !== open.v.id) return;
  const isNew = !open.messages.has(id);
  put(m);
  if (m.author !== 'contact') typing(false);
  showMessages();
  return isNew ? m : null;
}

export function typing(on) {
  $('#messages')?.querySelectorAll('.typing').forEach((e) => e.remove());
  if (!on || !$('#messages')) return;
  const dots = element('li', [element('span'), element('span'), element('span'), element('span', t('thinking'), { className: 'unseen' })], { className: 'message assistant typing' });
  $('#messages').append(dots);
  $('#messages').scrollTop = $('#messages').scrollHeight;
}

// -- The conversation -----------------------------------------------------------------------------

function headShow() {
  const { v } = open, button = (key, fn, main) => element('button', t(key), { type: 'button', id: key, className: main ? 'main' : '', onclick: fn });
  const act = (path, body) => () => open.act(() => send('POST', `/conversations/${v.id}/${path}`, body));
  const end = () => { if (confirm(t('endSure'))) open.act(() => send('PUT', `/conversations/${v.id}`, { status: 'ended' })); };
  const back = element('button', '←', { type: 'button', id: 'back', onclick: () => open.show.back() });
  back.setAttribute('aria-label', t('back'));
  $('#head').replaceChildren(back, face(nameOf(v)),
    element('div', [element('h2', nameOf(v)), element('p', [v.userIdentifier, v.language ? ` · ${t(`in_${v.language}`)}` : ''])]),
    element('span', t(v.status), { className: `chip ${v.status}` }),
    element('div', v.status === 'ended' ? [] : [
      v.status === 'active' ? button('takeOver', act('handoff')) : button('handBack', act('resume'), true), button('end', end)], { className: 'acts' }));
  const hint = v.status === 'handoff' ? fill(t('handoffHint'), { why: reasonText(v.handoffReason) }) : t(`${v.status}Hint`);
  $('#hint').textContent = hint;
  $('#answer').hidden = v.status === 'ended';
}

function answerForm() {
  const box = element('textarea', null, { id: 'say', rows: 2, maxLength: 4096, placeholder: t('answerHint'), required: true });
  box.setAttribute('aria-label', t('answerLabel'));
  box.setAttribute('aria-describedby', 'hint');
  const form = element('form', [box, element('button', t('send'), { className: 'main', id: 'send' })], { id: 'answer' });
  box.onkeydown = (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    const content = box.value.trim(), { v } = open;
    if (!content) return;
    box.value = '';
    open.act(() => send('POST', `/conversations/${v.id}/reply`, { content })).then((done) => { if (!done && !box.value) box.value = content; });
  };
  return form;
}

export function conversationChanged(v) {
  if (v.id !== openId() || v.updatedAt < open.v.updatedAt) return;
  const before = JSON.stringify(open.v);
  open.v = v;
  if (before !== JSON.stringify(v)) headShow();
}

// act(fn, message): do it, and see what became of it; true: done. show: passage, why, back.
export async function openThread(v, { act, show }) {
  const mine = open = { v, messages: new Map(), page: 1, earlier: false, act, show };
  const log = element('ol', null, { id: 'messages', tabIndex: 0, ariaBusy: 'true' });
  log.setAttribute('role', 'log');
  log.setAttribute('aria-label', fill(t('messagesWith'), { name: nameOf(v) }));
  $('#conversation').replaceChildren(element('header', null, { id: 'head' }), log, element('p', null, { id: 'hint' }), answerForm());
  headShow();
  const { data, metadata } = await list(`/messages/conversation/${v.id}`, { sortOrder: 'desc', limit: PAGE });
  if (mine !== open) return;
  data.forEach(put);
  open.earlier = metadata.pagination.pages > 1;
  showMessages();
  log.scrollTop = log.scrollHeight;
  log.ariaBusy = 'false';
}

export async function reloadThread() {
  const mine = open;
  if (!mine) return;
  const { data } = await list(`/messages/conversation/${mine.v.id}`, { sortOrder: 'desc', limit: PAGE });
  if (mine !== open) return;
  data.forEach(put);
  showMessages();
}

export function closeThread() {
  open = null;
  $('#conversation').replaceChildren(element('p', t('choose'), { className: 'none' }));
}
