// Links with which anybody reads the story: made with an end, copied, listed, taken back.
import { element } from '/shared/page.js';
import { counted, momentText, t } from './words.js';

const DAYS = [1, 7, 30, 365], USUAL = 30, DAY_S = 86400;

async function copy(field, said) {
  try { await navigator.clipboard.writeText(field.value); }
  catch {
    field.select();
    if (!document.execCommand('copy')) return void (said.textContent = t('copyYourself'));
  }
  said.textContent = t('copied');
}

function madeView({ token, expiresAt }) {
  const field = element('input', null, { readOnly: true, value: `${location.origin}/tales/s/${token}`, className: 'link', onfocus: () => field.select(), ariaLabel: t('theLink') });
  const said = element('p', t('linkOnce', { time: momentText(expiresAt) }), { className: 'quiet', role: 'status' });
  return element('div', [element('p', [field, element('button', t('copy'), { type: 'button', onclick: () => copy(field, said) }),
    element('a', t('openLink'), { href: field.value, target: '_blank', rel: 'noopener' })], { className: 'line' }), said], { className: 'made' });
}

function stateOf(share) {
  if (share.revokedAt) return t('takenBack', { time: momentText(share.revokedAt) });
  const isOver = new Date(share.expiresAt) <= Date.now();
  return t(isOver ? 'ended' : 'endsAt', { time: momentText(share.expiresAt) });
}

export async function showShare(tale, panel) {
  const { app, space } = tale, path = `/spaces/${space.id}/share`;
  const made = element('div'), list = element('ul', null, { className: 'links' }), said = element('p', null, { className: 'error', role: 'alert' });
  const guarded = async (fn) => {
    said.textContent = '';
    try { await fn(); } catch (problem) { if (problem.name !== 'AbortError') said.textContent = problem.message; }
  };

  function rowOf(share) {
    const isGood = !share.revokedAt && new Date(share.expiresAt) > Date.now();
    const back = element('button', t('takeBack'), { type: 'button', className: 'plain', ariaLabel: `${t('takeBack')} — ${momentText(share.created_at)}`,
      onclick: () => guarded(async () => {
        await app.api.ask('DELETE', `${path}?id=${share.id}`);
        made.replaceChildren();
        await show();
        app.say(t('isTakenBack'));
        panel.querySelector('button').focus();
      }) });
    return element('li', [element('span', [element('b', momentText(share.created_at)), element('span', `${stateOf(share)} · ${counted('views', share.views)}`, { className: 'quiet' })]),
      isGood ? back : null], { className: isGood ? '' : 'over' });
  }
  async function show() {
    const shares = await app.api.get(path, { signal: app.signal });
    list.replaceChildren(...shares.map(rowOf));
  }

  const until = element('select', DAYS.map((n) => new Option(counted('days', n), n, false, n === USUAL)), { name: 'days' });
  const form = element('form', [element('label', [element('span', t('goodFor')), until]), element('button', t('makeLink'), { className: 'main' })], { className: 'line' });
  form.onsubmit = (event) => {
    event.preventDefault();
    guarded(async () => {
      made.replaceChildren(madeView(await app.api.ask('POST', path, { expiresInSeconds: until.value * DAY_S }, { key: crypto.randomUUID() })));
      await show();
      app.say(t('linkMade'));
      made.querySelector('button').focus();
    });
  };
  panel.replaceChildren(element('h3', t('share')), element('p', t('shareAbout'), { className: 'quiet' }), form, made, said, list);
  await show();
}
