// Chapters, votes and speakers beside the transcript: each opens the audio at its second.
import { $, clock, counted, element, face, hue } from './common.js';
import { onMove, seek } from './player.js';
import { setFollowing, voteCard } from './transcript.js';
import * as timeline from './timeline.js';

let chapters = [], only = null;

const open = (seconds) => {
  seek(seconds, true);
  setFollowing(true);
};

function list(id, items) {
  $(`#${id}`).hidden = !items.length;
  $(`#${id} ol`).replaceChildren(...items);
}

const jump = (start, content) => element('button', [start == null ? null : element('span', clock(start), { className: 'time' }), ...[content].flat()],
  { type: 'button', disabled: start == null, onclick: () => open(start) });

export function showChapters(given) {
  chapters = given;
  list('chapters', chapters.map((c, i) => element('li', jump(c.start, element('span', c.title)), { className: c.level > 1 ? 'inner' : '', dataset: { chapter: i } })));
  timeline.change({ chapters: chapters.filter((c) => c.start != null && c.level <= 1) });
}

export function showVotes(votes) {
  list('votes', votes.map((v) => {
    const card = voteCard(v, 'h3');
    if (v.start != null) card.append(jump(v.start, ''));
    return element('li', card);
  }));
  timeline.change({ votes: votes.filter((v) => v.start != null) });
}

// Who spoke, the longest first, with their share of the time.
export function showSpeakers(speeches) {
  const people = new Map();
  for (const s of speeches) {
    if (!s.speaker || s.kind !== 'speech') continue;
    const one = people.get(s.speaker) ?? { name: s.speaker, role: s.role, seconds: 0, starts: [] };
    one.seconds += s.start != null && s.end != null ? Math.max(0, s.end - s.start) : 0;
    if (s.start != null) one.starts.push(s.start);
    people.set(s.speaker, one);
  }
  const all = [...people.values()].sort((a, b) => b.seconds - a.seconds), most = all[0]?.seconds || 1;
  list('speakers', all.map((p) => {
    const bar = element('i', null, { className: 'share', ariaHidden: 'true' });
    bar.style.setProperty('--share', p.seconds / most);
    bar.style.setProperty('--hue', hue(p.name));
    const button = element('button', [face(p.name), element('span', [element('b', p.name), bar, element('small', [p.role, clock(p.seconds), counted('speechesOf', p.starts.length)].filter(Boolean).join(' · '))])],
      { type: 'button', ariaPressed: 'false', onclick: () => pick(p, button) });
    return element('li', button);
  }));
}

// A speaker alone on the line; again goes to what he says next, and from the last back to all.
function pick(person, button) {
  const same = only?.name === person.name;
  if (!same) only = { ...person, at: -1 };
  only.at++;
  const next = person.starts[only.at];
  document.querySelectorAll('#speakers [aria-pressed=true]').forEach((e) => e.setAttribute('aria-pressed', 'false'));
  if (next == null) only = null;
  else {
    button.setAttribute('aria-pressed', 'true');
    open(next);
  }
  timeline.change({ only: only?.name ?? null });
}

onMove((at) => {
  const i = chapters.findLastIndex((c) => c.start != null && c.start <= at + 0.05);
  const now = $('#chapters [aria-current]');
  if (now?.dataset.chapter === String(i)) return;
  now?.removeAttribute('aria-current');
  $(`#chapters [data-chapter="${i}"]`)?.setAttribute('aria-current', 'true');
});
