// The transcript: turns of speakers, paragraphs with their second, votes where they were held. It follows the
// audio until somebody scrolls, and seeks where it is clicked.
import { $, clock, counted, element, face, fill, number, t } from './common.js';
import { hemicycle } from './hemicycle.js';
import { here, onMove, seek, smooth } from './player.js';

const root = $('#transcript');
let speeches = [], timed = [], current = null, following = true, rowing = null;

export const paragraph = (i) => root.querySelector(`[data-i="${i}"]`);

// -- Showing --------------------------------------------------------------------------------------

function line(s, i) {
  const at = s.start != null && element('button', clock(s.start), { type: 'button', className: 'at', tabIndex: -1, title: t(`from_${s.source}`) });
  at?.setAttribute?.('aria-label', fill(t('hearFrom'), { time: clock(s.start), who: s.speaker ?? '' }));
  return element('div', [at || null, element('p', s.text, { className: 'said' })],
    { className: s.kind === 'speech' ? 'row' : `row ${s.kind}`, dataset: { i } });
}

function turnHead(s) {
  return element('header', [face(s.speaker), element('h3', s.speaker), s.role ? element('p', s.role) : null], { className: 'who' });
}

export function voteCard(v, heading) {
  const parts = [['for', v.for], ['against', v.against], ['abstained', v.abstained]];
  const figures = element('p', parts.map(([name, n]) => element('span', counted(name, n), { className: name })), { className: 'figures' });
  const text = element('div', [element(heading, v.title), element('p', v.result, { className: 'result' }), figures]);
  return element('section', [hemicycle(parts, 90, 4), text], { className: 'vote' });
}

export function show(given, votes) {
  speeches = given;
  timed = speeches.map((s, i) => ({ at: s.start, i })).filter((s) => s.at != null).sort((a, b) => a.at - b.at || a.i - b.i);
  const due = votes.filter((v) => v.start != null).sort((a, b) => a.start - b.start), parts = [];
  let turn = null, before = null;
  speeches.forEach((s, i) => {
    while (due.length && s.start != null && due[0].start <= s.start) {
      parts.push(voteCard(due.shift(), 'h3'));
      turn = null;
    }
    if (s.kind === 'title') {
      parts.push(element('h2', s.text, { dataset: { i } }));
      turn = null;
    } else {
      if (!turn || (s.speaker && s.speaker !== before)) {
        turn = element('section', s.speaker ? turnHead(s) : null, { className: 'turn' });
        parts.push(turn);
        before = s.speaker;
      }
      turn.append(line(s, i));
    }
  });
  parts.push(...due.map((v) => voteCard(v, 'h3')));
  root.replaceChildren(...parts);
  row(root.querySelector('.at'));
  current = null;
  move(here());
}

// -- Following ------------------------------------------------------------------------------------

export function speechAt(seconds) {
  let low = 0, high = timed.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timed[middle].at <= seconds) low = middle + 1;
    else high = middle;
  }
  return low ? timed[low - 1].i : null;
}
export const speech = (i) => speeches[i];

function centre() {
  const e = current != null && paragraph(current);
  if (e && !$('#dock').hidden) e.scrollIntoView({ block: 'center', behavior: smooth() });
}

function move(at) {
  const i = speechAt(at + 0.05);
  if (i === current) return;
  root.querySelector('[aria-current]')?.removeAttribute('aria-current');
  current = i;
  if (i != null) paragraph(i)?.setAttribute('aria-current', 'true');
  if (following && at > 0) centre();
  showNow(speeches[i]);
}

let nowName = null;
function showNow(s) {
  if (nowName === (s?.speaker ?? '')) return;
  nowName = s?.speaker ?? '';
  $('#now').replaceChildren(...(s?.speaker ? [face(s.speaker), element('b', s.speaker), s.role ? element('span', s.role) : ''] : []));
}

export function setFollowing(yes) {
  following = yes;
  $('#follow').hidden = yes || $('#dock').hidden;
  if (yes) centre();
}
const stop = () => { if (following && current != null && here() > 0) setFollowing(false); };
addEventListener('wheel', stop, { passive: true });
addEventListener('touchmove', (event) => { if (!event.target.closest('#dock, #found')) stop(); }, { passive: true });
addEventListener('keydown', (event) => {
  if (['PageUp', 'PageDown', 'Home', 'End'].includes(event.key) && !event.target.closest('input, select')) stop();
});
$('#follow').onclick = () => setFollowing(true);
onMove(move);

// -- Seeking: a click anywhere in a paragraph; with the keyboard from its time, up and down -----------

export function go(i) {
  if (speeches[i]?.start == null) return;
  seek(speeches[i].start, true);
  setFollowing(true);
}

root.onclick = (event) => {
  const chosen = event.target.closest('[data-i]');
  if (!chosen || !String(getSelection()).trim() === false) return;
  go(Number(chosen.dataset.i));
};

// Of all the times one is in the order of Tab.
function row(to) {
  if (!to) return;
  if (rowing) rowing.tabIndex = -1;
  rowing = to;
  to.tabIndex = 0;
}
root.onkeydown = (event) => {
  const all = [...root.querySelectorAll('.at')], i = all.indexOf(event.target);
  const next = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: all.length - 1 }[event.key];
  if (i < 0 || next == null || !all[next]) return;
  event.preventDefault();
  stop();
  row(all[next]);
  all[next].focus();
};
root.onfocusin = (event) => { if (event.target.matches('.at')) row(event.target); };
