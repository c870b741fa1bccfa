// Links of a space's voices: what the codes in a printed book lead to. Each is made, copied, taken back.
import { element, fill, t } from '/shared/page.js';
import { button, dateText, dialog, sure } from './ui.js';
import { nameOf } from './note.js';

export async function showVoices(app, notes) {
  const { api, space, say, signal } = app, links = new Map(), recordings = [];
  for (const note of notes.sort((a, b) => a.timestamp - b.timestamp))
    for (const media of note.media) if (media.kind === 'audio' && !recordings.some((r) => r.media.id === media.id)) recordings.push({ note, media });
  const list = element('ul', null, { id: 'voices' }), trouble = element('p', '', { className: 'error', role: 'alert' });
  async function act(fn, words, id, name) {
    trouble.textContent = '';
    try {
      await fn();
      await read();
      say(words);
    } catch (problem) { trouble.textContent = problem.message; }
    list.querySelector(`[data-id="${CSS.escape(id)}"] [data-act=${name}]`)?.focus();
  }
  async function copy(url) {
    try {
      await navigator.clipboard.writeText(url);
      say(t('linkCopied'));
    } catch { trouble.textContent = url; }
  }
  function item({ note, media }) {
    const link = links.get(media.id), isGood = link && !link.revokedAt, name = nameOf(note, space.timeZone);
    const make = () => act(() => api.ask('POST', `/media/${media.id}/voice`), t('voiceLinkMade'), media.id, 'copy');
    const revoke = async () => {
      if (await sure(t('revokeTitle'), fill(t('revokeSure'), { name }), t('revoke'))) await act(() => api.ask('DELETE', `/media/${media.id}/voice`), t('linkRevoked'), media.id, 'make');
    };
    const li = element('li', [element('div', [element('strong', name), element('span', dateText(note.timestamp, space.timeZone), { className: 'quiet' }),
      isGood ? element('a', link.url, { href: link.url, target: '_blank', rel: 'noopener' }) : null,
      element('span', isGood ? app.counted('linkHeard', link.heard) : t(link ? 'linkGone' : 'linkNone'), { className: 'quiet' })]),
    element('div', isGood ? [button(t('copyLink'), () => copy(link.url), { 'data-act': 'copy', 'aria-label': `${t('copyLink')} : ${name}` }),
      button(t('revoke'), revoke, { className: 'plain danger', 'data-act': 'revoke', 'aria-label': `${t('revoke')} : ${name}` })]
      : [button(t(link ? 'linkAgain' : 'makeVoiceLink'), make, { 'data-act': 'make', 'aria-label': `${t(link ? 'linkAgain' : 'makeVoiceLink')} : ${name}` })], { className: 'acts' })]);
    li.dataset.id = media.id;
    return li;
  }
  async function read() {
    links.clear();
    // The newest first: of those of one recording the first is the one that counts.
    for (const link of await api.get(`/spaces/${space.id}/voices`, { signal })) if (!links.has(link.mediaId) || !link.revokedAt) links.set(link.mediaId, link);
    list.replaceChildren(...recordings.map(item));
  }
  dialog(t('voiceLinks'), () => [element('p', t(recordings.length ? 'voicesHint' : 'voicesNone'), { className: 'quiet' }), trouble, list], { className: 'sheet' });
  await read().catch((problem) => { trouble.textContent = problem.message; });
}
