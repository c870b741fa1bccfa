// A telephone on which somebody plays the contact. What is typed goes as WhatsApp's own payload to our webhook;
// what comes back is what would have been sent. The phone reports what it got and showed, as phones do.
import { $, element, fill, language, t } from '/shared/page.js';
import { get, list, send, theTenant } from './api.js';
import { conversations, nameOf } from './list.js';
import { openAside } from './why.js';

const READ_AFTER_MS = 700, NOBODY = { fr: 'Camille Visiteur', en: 'Alex Visitor' };
let phone = null; // {channel, who, conversation, messages, typing, reported, begun}

export const isPlayable = (channel) => channel.type === 'whatsapp' && channel.isActive && channel.config?.simulated === true;

// Numbers that the regulator keeps for fiction.
function newNumber() {
  const key = `phone:${theTenant().id}`;
  sessionStorage[key] ??= `+336399${String(80000 + Math.floor(Math.random() * 10000))}`;
  return sessionStorage[key];
}

const own = (m) => m.direction === 'inbound';
const wire = (m) => m.type === 'text' && m.content;

function bubble(m) {
  const seen = own(m) && (m.status === 'processed' || m.turnId), at = new Intl.DateTimeFormat(language(), { timeStyle: 'short' }).format(new Date(m.createdAt));
  const ticks = own(m) ? element('span', '✓✓', { className: `ticks ${seen ? 'read' : 'delivered'}` }) : null;
  ticks?.setAttribute('role', 'img');
  ticks?.setAttribute('aria-label', t(seen ? 'is_read' : 'is_delivered'));
  const li = element('li', [element('span', `${own(m) ? t('you') : theTenant().name} : `, { className: 'unseen' }), element('p', m.content),
    element('footer', [element('time', at, { dateTime: m.createdAt }), ticks])], { className: own(m) ? 'mine' : 'theirs' });
  li.dataset.id = m.id;
  return li;
}

function show() {
  const ol = $('#phone ol');
  if (!ol) return;
  const all = [...phone.messages.values()].filter(wire).filter((m) => m.type !== 'system' && (own(m) || !['pending', 'sending', 'failed'].includes(m.status)))
    .sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  const known = new Map([...ol.children].map((li) => [li.dataset.stamp, li]));
  ol.replaceChildren(...all.map((m) => {
    const stamp = `${m.id} ${m.updatedAt}`, li = known.get(stamp) ?? bubble(m);
    li.dataset.stamp = stamp;
    return li;
  }));
  if (phone.typing) ol.append(element('li', [element('span'), element('span'), element('span')], { className: 'theirs typing' }));
  $('#phone .state').textContent = t(phone.typing ? 'typing' : 'online');
  ol.scrollTop = ol.scrollHeight;
}

// Its receipts: arrived at once, read a moment later while somebody looks.
async function report(m) {
  if (own(m) || !m.externalId || !['sent', 'delivered'].includes(m.status) || phone.reported.has(m.id)) return;
  const mine = phone, tell = (status) => send('POST', `/simulator/${mine.channel.id}/statuses`, { from: mine.who.phone, externalId: m.externalId, status });
  mine.reported.add(m.id);
  try {
    if (m.status === 'sent') await tell('delivered');
    await new Promise((resolve) => { setTimeout(resolve, READ_AFTER_MS); });
    if (mine === phone && $('#phone') && !document.hidden) await tell('read');
    else mine.reported.delete(m.id);
  } catch { mine.reported.delete(m.id); }
}

function take(m) {
  phone.messages.set(m.id, m);
  if (!own(m)) phone.typing = false;
  report(m);
}

async function load() {
  const mine = phone, found = await get('/conversations', { channelId: mine.channel.id, search: mine.who.phone.slice(1), limit: 1 });
  mine.conversation = found[0]?.id ?? null;
  mine.messages.clear();
  if (mine.conversation) {
    const { data } = await list(`/messages/conversation/${mine.conversation}`, { sortOrder: 'desc', limit: 40 });
    if (mine === phone) data.forEach(take);
  }
  if (mine === phone) show();
}

export async function phoneHears({ type, data }) {
  if (!phone || !$('#phone')) return;
  const mine = phone;
  if (type === 'conversation.updated' && data.userIdentifier === phone.who.phone && data.channelId === phone.channel.id && data.id !== phone.conversation) await load();
  if (!phone.conversation || data.conversationId !== phone.conversation) return;
  if (type === 'turn.updated') {
    phone.typing = data.state === 'open' && !['send', 'settle'].includes(data.step);
    show();
  } else if (type.startsWith('message.')) {
    const m = await get(`/messages/${data.id}`);
    if (mine !== phone || m.conversationId !== phone.conversation) return;
    take(m);
    show();
  }
}

async function say(text) {
  const mine = phone;
  $('#phone .error').textContent = '';
  try {
    const sent = await send('POST', `/simulator/${mine.channel.id}/messages`, { from: mine.who.phone, name: mine.who.name, text });
    $('#wire pre').textContent = JSON.stringify(sent.payload, null, 2);
    if (!mine.conversation && mine === phone) {
      await load();
      if (mine.conversation) mine.begun(mine.conversation);
    }
  } catch (problem) {
    $('#phone .error').textContent = problem.message;
    return false;
  }
  return true;
}

function chooser(channels) {
  const one = (who, i) => element('option', `${who.name} · ${who.phone}`, { value: i });
  const people = [{ name: NOBODY[language()], phone: newNumber(), isNew: true },
    ...conversations().filter((v) => v.channelId === phone.channel.id && /^\+\d+$/.test(v.userIdentifier) && v.userIdentifier !== newNumber())
      .slice(0, 20).map((v) => ({ name: nameOf(v), phone: v.userIdentifier }))];
  const select = element('select', people.map(one), { id: 'persona' }), name = element('input', null, { id: 'persona-name', value: people[0].name, maxLength: 100 });
  phone.who = people[0];
  name.oninput = () => { phone.who.name = name.value || phone.who.phone; };
  select.onchange = () => {
    phone.who = people[select.value];
    name.value = phone.who.name;
    phone.typing = false;
    load();
  };
  const lines = element('select', channels.map((h) => element('option', `${h.name} · ${h.whatsappPhoneNumber ?? ''}`, { value: h.id })), { id: 'line' });
  lines.onchange = () => openPhone(channels, phone.begun, channels.find((h) => h.id === lines.value));
  lines.value = phone.channel.id;
  const field = (key, input) => element('label', [element('span', t(key)), input]);
  return element('div', [channels.length > 1 ? field('line', lines) : null, field('playAs', select), field('profileName', name)], { className: 'persona' });
}

function questions() {
  const all = theTenant().settings?.exampleQuestions?.[language()] ?? [];
  const buttons = Array.isArray(all) ? all.filter((q) => typeof q === 'string').slice(0, 6).map((q) => element('button', q, { type: 'button', onclick: () => say(q) })) : [];
  const e = element('div', buttons, { className: 'quick' });
  e.setAttribute('role', 'group');
  e.setAttribute('aria-label', t('examples'));
  return e;
}

// begun(id): a conversation that the phone has begun.
export function openPhone(channels, begun, channel = channels[0]) {
  phone = { channel, who: null, conversation: null, messages: new Map(), typing: false, reported: new Set(), begun };
  const box = element('input', null, { id: 'phone-say', maxLength: 4096, autocomplete: 'off', placeholder: t('phoneHint'), required: true });
  box.setAttribute('aria-label', t('phoneHint'));
  const button = element('button', '➤', { className: 'main' });
  button.setAttribute('aria-label', t('send'));
  const form = element('form', [box, button]);
  form.onsubmit = async (event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (!text) return;
    box.value = '';
    if (!await say(text) && !box.value) box.value = text;
  };
  const log = element('ol', null, { tabIndex: 0 });
  log.setAttribute('role', 'log');
  log.setAttribute('aria-label', t('phoneLog'));
  const screen = element('div', [element('header', [element('b', theTenant().name), element('span', t('online'), { className: 'state' })]), log, questions(), form], { id: 'phone' });
  openAside(t('playContact'), [chooser(channels), screen, element('p', null, { className: 'error' }),
    element('p', fill(t('phoneNote'), { number: channel.whatsappPhoneNumber ?? '' }), { className: 'quiet' }),
    element('details', [element('summary', t('wire')), element('pre', t('nothingYet'), { tabIndex: 0 })], { id: 'wire' })], 'playing');
  screen.append($('#aside > .error'));
  $('#phone-open').setAttribute('aria-expanded', 'true');
  load();
  box.focus({ preventScroll: true });
}
export const phoneAgain = () => { if (phone && $('#phone')) load(); };
