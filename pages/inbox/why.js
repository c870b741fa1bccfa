// Beside a conversation: the passage that an answer cites, and how an answer came about.
import { $, element, fill, language, number, t } from '/shared/page.js';
import { get, send } from './api.js';
import { reasonText } from './list.js';

const STEPS = ['gather', 'media', 'reserve', 'retrieve', 'think', 'store', 'send', 'settle'];
const AGAIN = ['failed', 'over_quota', 'unknown'];
let opener = null;

export function openAside(title, parts, kind = '') {
  const aside = $('#aside');
  if (aside.hidden) opener = document.activeElement;
  const close = element('button', '×', { type: 'button', className: 'close', onclick: closeAside });
  close.setAttribute('aria-label', t('close'));
  const heading = element('h2', title, { id: 'aside-title', tabIndex: -1 });
  aside.replaceChildren(element('header', [heading, close]), ...parts);
  aside.className = kind;
  aside.setAttribute('aria-labelledby', 'aside-title');
  aside.hidden = false;
  $('#page').classList.add('beside');
  heading.focus({ preventScroll: true });
}

export function closeAside() {
  if ($('#aside').hidden) return;
  $('#aside').hidden = true;
  $('#aside').replaceChildren();
  $('#aside').className = '';
  $('#page').classList.remove('beside');
  $('#phone-open').setAttribute('aria-expanded', 'false');
  if (opener?.isConnected) opener.focus();
}

// A passage's text, with the sentence that bears most on the question marked.
function passageText(p) {
  const at = p.sentence ? p.text.indexOf(p.sentence) : -1;
  if (at < 0) return element('blockquote', p.text);
  return element('blockquote', [p.text.slice(0, at), element('mark', p.sentence), p.text.slice(at + p.sentence.length)]);
}
const where = (p) => [p.heading, p.page == null ? null : fill(t('pageOf'), { n: p.page })].filter(Boolean).join(' · ');

export async function showPassage(m, citation) {
  const turn = m.turnId ? await get(`/turns/${m.turnId}`).catch(() => null) : null;
  const passage = turn?.sources.find((s) => s.chunkId === citation.chunkId);
  const document = await get(`/documents/${citation.documentId}`).catch(() => null);
  openAside(fill(t('citation'), { n: citation.number, name: citation.documentName }), [
    element('p', where(citation), { className: 'where' }),
    passage ? passageText(passage) : element('blockquote', element('mark', citation.sentence ?? '')),
    passage ? support(passage) : null,
    element('p', document ? fill(t('documentOf'), { n: number(document.chunkCount), size: number(document.sizeBytes) }) : t('documentGone'), { className: 'quiet' })].filter(Boolean), 'passage');
}

function support(p) {
  const meter = element('meter', null, { min: 0, max: 1, value: p.support ?? 0 });
  meter.setAttribute('aria-label', t('support'));
  return element('p', [meter, ` ${t('support')} ${number(p.support ?? 0, { style: 'percent' })}`], { className: 'support' });
}

function passages(turn) {
  const rank = (key, value) => (value == null ? null : fill(t(key), { n: number(value) }));
  return element('ol', turn.sources.map((p, i) => element('li', [
    element('h4', [element('b', `[${i + 1}] `), p.documentName]), element('p', where(p), { className: 'where' }),
    passageText(p), support(p),
    element('p', [rank('rankWords', p.keywordRank), rank('rankVectors', p.vectorRank), p.similarity == null ? null : fill(t('similarity'), { n: number(p.similarity, { maximumFractionDigits: 2 }) })]
      .filter(Boolean).join(' · '), { className: 'quiet' })])), { className: 'passages' });
}

function steps(turn) {
  const reached = STEPS.indexOf(turn.step), isOver = turn.state !== 'open', bad = AGAIN.includes(turn.state);
  return element('ol', STEPS.map((step, i) => {
    const state = i < reached || (i === reached && isOver && !bad) ? 'done' : i === reached ? (bad ? 'bad' : 'now') : isOver && !bad && i > reached ? 'done' : 'later';
    const li = element('li', [t(`step_${step}`), element('span', ` (${t(`mark_${state}`)})`, { className: 'unseen' })], { className: state });
    return li;
  }), { className: 'steps' });
}

function facts(turn) {
  const ms = turn.finishedAt ? Date.parse(turn.finishedAt) - Date.parse(turn.startedAt) : null;
  const rows = [[t('model'), [turn.provider, turn.model].filter(Boolean).join(' / ')],
    [t('tokens'), turn.tokensIn == null ? null : fill(t('tokensOf'), { in: number(turn.tokensIn), out: number(turn.tokensOut ?? 0) })],
    [t('cost'), turn.costMicros == null ? null : number(turn.costMicros / 1e6, { minimumFractionDigits: 2, maximumFractionDigits: 6 })],
    [t('latency'), ms == null ? null : `${number(ms)} ms`], [t('tries'), turn.attempts ? number(turn.attempts) : null],
    [t('begun'), new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(turn.startedAt))]];
  return element('dl', rows.filter(([, value]) => value).flatMap(([name, value]) => [element('dt', name), element('dd', value)]));
}

export async function showWhy(m, act) {
  const turn = await get(`/turns/${m.turnId}`);
  const again = element('button', t('replay'), { type: 'button', id: 'replay', className: 'main' });
  again.onclick = () => {
    if (turn.state === 'unknown' && !confirm(t('resendSure'))) return;
    act(() => send('POST', `/turns/${turn.id}/replay`), m.id).then((done) => { if (done) closeAside(); });
  };
  openAside(t('whyTitle'), [
    element('p', [element('span', t(`turn_${turn.state}`), { className: `chip turn-${turn.state}` }), turn.reason ? ` ${reasonText(turn.reason)}` : '']),
    AGAIN.includes(turn.state) ? again : null,
    turn.question ? element('p', [element('b', `${t('question')} `), turn.question], { className: 'question' }) : null,
    steps(turn), facts(turn),
    element('h3', turn.sources.length ? t('passages') : t('noPassages')), passages(turn)].filter(Boolean), 'why');
}
