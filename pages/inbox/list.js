// The list of conversations: the latest first, each once, changed in place as things happen.
import { $, element, language, number, t } from '/shared/page.js';

export const STATUSES = ['', 'active', 'handoff', 'paused', 'ended'];
const known = new Map(); // id → conversation

export const conversationOf = (id) => known.get(id);
export const conversations = () => [...known.values()];
export const nameOf = (v) => v.userName || v.userIdentifier;

// A reason begins with a word that is known here, or is shown as it is: `asked: the contact asked for a person`.
export function reasonText(reason) {
  const key = `reason_${/^(\w+): /.exec(reason ?? '')?.[1] ?? reason}`;
  return t(key) === key ? reason ?? '' : t(key);
}

export function timeText(text) {
  const at = new Date(text), isToday = at.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(language(), isToday ? { timeStyle: 'short' } : { day: 'numeric', month: 'short' }).format(at);
}

// Letters and a colour for a name, always the same.
export function face(name) {
  const words = name.replace(/[^\p{L}\p{N} ]/gu, '').trim().split(/\s+/).filter(Boolean);
  let hue = 0;
  for (const letter of name) hue = (hue * 31 + letter.codePointAt(0)) % 360;
  const e = element('span', (words.length > 1 ? [words[0], words.at(-1)] : words).map((w) => [...w][0]).join('').toUpperCase() || '?', { className: 'face' });
  e.style.setProperty('--hue', hue);
  e.setAttribute('aria-hidden', 'true');
  return e;
}

function item(v, selected) {
  const unread = v.unreadCount > 0
    ? element('span', [element('span', number(v.unreadCount)), element('span', ` ${t('unread')}`, { className: 'unseen' })], { className: 'unread' }) : null;
  const glimpse = (v.lastMessage ?? '').replace(/\n\n\[1\] [\s\S]*$/, '');
  const link = element('a', [face(nameOf(v)),
    element('span', [element('b', nameOf(v)), element('time', timeText(v.lastMessageAt), { dateTime: v.lastMessageAt })], { className: 'head' }),
    element('span', [element('span', glimpse, { className: 'glimpse' }), unread], { className: 'said' }),
    v.status === 'active' ? null : element('span', t(v.status), { className: `chip ${v.status}` })],
  { href: `?c=${v.id}`, className: unread ? 'new' : '' });
  if (selected) link.setAttribute('aria-current', 'true');
  const li = element('li', link);
  li.dataset.id = v.id;
  return li;
}

const byAge = (a, b) => (a.lastMessageAt < b.lastMessageAt ? 1 : a.lastMessageAt > b.lastMessageAt ? -1 : a.id < b.id ? 1 : -1);

// Those that fit(v), anew; who has the focus keeps it.
export function showList(selected, fit) {
  const focused = $('#conversations').contains(document.activeElement) ? document.activeElement.closest('li')?.dataset.id : null;
  const all = conversations().filter(fit).sort(byAge);
  $('#conversations').replaceChildren(...all.map((v) => item(v, v.id === selected)));
  if (!all.length) $('#conversations').append(element('li', t('nobody'), { className: 'none' }));
  if (focused) $(`#conversations li[data-id="${CSS.escape(focused)}"] a`)?.focus();
}
// Of two that cross on their way, the later one counts.
export function put(v) {
  const before = known.get(v.id);
  if (!before || before.updatedAt <= v.updatedAt) known.set(v.id, v);
}
export const forgetAll = () => known.clear();

// Arrows go from one to the next.
export function bindList(open) {
  $('#conversations').onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], links = [...$('#conversations').querySelectorAll('a')];
    if (!step || !links.length) return;
    event.preventDefault();
    links[(links.indexOf(document.activeElement) + step + links.length) % links.length].focus();
  };
  $('#conversations').onclick = (event) => {
    const li = event.target.closest('li[data-id]');
    if (!li || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    open(li.dataset.id);
  };
}
