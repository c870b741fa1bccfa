// The transcript: turns of speakers, paragraphs with their second, votes where they were held. It follows the
// audio until somebody scrolls, and seeks where it is clicked.
import { $, clock, counted, element, face, fill, number, t } from './common.js';
import { hemicycle } from './hemicycle.js';
import { here, onMove, seek, smooth } from './player.js';

const root = $('#transcript');
let speeches = [], timed = [], current = null, following = true, rowing = null;

export const paragraph = (i) => root.querySelector(`[data-i="${i}"]`);

// -- Showing --------------------------------------------------------------------------------------

// What the house did meanwhile stands in parentheses in what was said.
const DONE = /(\([^()]*\b(?:applaudissements|exclamations|protestations|rires|sourires|mêmes mouvements|brouhaha|murmures|huées)\b[^()]*\))/i;
export const spoken = (text) => text.split(DONE).map((part, i) => (i % 2 ? element('i', part) : part)).filter((part) => part !== '');

function line(s, i) {
  const at = s.start != null && element('button', clock(s.start), { type: 'button', className: 'at', tabIndex: -1, title: t(`from_${s.source}`) });
  at?.setAttribute?.('aria-label', fill(t('hearFrom'), { time: clock(s.start), who: s.speaker ?? '' }));
  const by = s.kind === 'interruption' && s.speaker ? element('b', s.speaker, { className: 'by' }) : null;
  return element('div', [at || null, by, element('p', spoken(s.text), { className: 'said' })],
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
      if (!turn || (s.kind === 'speech' && s.speaker && s.speaker !== before)) { // who is interrupted goes on
        turn = element('section', s.kind === 'speech' && s.speaker ? turnHead(s) : null, { className: 'turn' });
        parts.push(turn);
        before = s.kind === 'speech' ? s.speaker : null;
      }
      turn.append(line(s, i));
    }
  });
  parts.push(...due.map((v) => voteCard(v, 'h3')));
  root.replaceChildren(...parts);
  row(root.querySelector('.at'));
  current = null;
  place = '';
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

// What is probably being said at this moment: of the present paragraph's sentences the one at that part of its time.
function sentence(s, at) {
  const part = s.end > s.start ? Math.min(1, (at - s.start) / (s.end - s.start)) * s.text.length : 0;
  let from = 0;
  for (const [text] of s.text.matchAll(/[^.!?…]*[.!?…]+[\s»”]*|.+$/gs)) {
    if (from + text.length > part) return [from, from + text.trimEnd().length];
    from += text.length;
  }
  return [0, s.text.length];
}

function rangeOf(e, [from, to]) {
  const range = new Range(), texts = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
  range.selectNodeContents(e);
  for (let done = 0, node; (node = texts.nextNode()); done += node.length) {
    if (from >= done && from < done + node.length) range.setStart(node, from - done);
    if (to > done && to <= done + node.length) range.setEnd(node, to - done);
  }
  return range;
}

// Into the middle of what is free between the bar and the player.
function centre(box) {
  if (!box || $('#dock').hidden) return;
  const top = 64, free = $('#dock').getBoundingClientRect().top - top;
  const by = box.top - top - Math.max(16, (free - box.height) / 2);
  scrollBy({ top: by, behavior: Math.abs(by) > 2 * innerHeight ? 'auto' : smooth() }); // far away: there at once
}

let place = '';
function move(at, always = false) {
  const i = speechAt(at + 0.05), s = speeches[i];
  if (i !== current) {
    root.querySelector('[aria-current]')?.removeAttribute('aria-current');
    current = i;
    if (i != null) paragraph(i)?.setAttribute('aria-current', 'true');
    showNow(s);
  }
  const said = s && paragraph(i)?.querySelector('.said'), now = said ? sentence(s, at) : null, next = `${i} ${now}`;
  if (next === place && !always) return;
  place = next;
  const range = said && rangeOf(said, now);
  if (CSS.highlights) {
    if (range && at > 0) CSS.highlights.set('now', new Highlight(range));
    else CSS.highlights.delete('now');
  }
  if (following && at > 0) centre((range ?? (s && paragraph(i)))?.getBoundingClientRect());
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
  if (yes) move(here(), true);
}
const stop = () => { if (following && here() > 0) setFollowing(false); };
addEventListener('wheel', stop, { passive: true });
addEventListener('touchmove', (event) => { if (!event.target.closest('#dock, #found')) stop(); }, { passive: true });
addEventListener('keydown', (event) => {
  if (['PageUp', 'PageDown', 'Home', 'End'].includes(event.key) && !event.target.closest('input, select')) stop();
});
$('#follow').onclick = () => setFollowing(true);
onMove((at) => move(at));

// -- Seeking: a click anywhere in a paragraph; with the keyboard from its time, up and down -----------

export function go(i) {
  if (speeches[i]?.start == null) return;
  seek(speeches[i].start, true);
  setFollowing(true);
}

root.onclick = (event) => {
  const chosen = event.target.closest('[data-i]');
  if (!chosen || String(getSelection()).trim()) return; // chosen words are to be copied
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
