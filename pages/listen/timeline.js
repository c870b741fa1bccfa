// The line under the player: how much is said when, in the colours of those who speak, with chapters, votes
// and what was found. A range input lies over it and does what hands and keyboards do.
import { $, clock, hue } from './common.js';

const BAR = 3, GAP = 1.5, HEIGHT = 44;
const state = { duration: 0, at: 0, speeches: [], chapters: [], votes: [], hits: [], only: null, bars: [] };
const canvas = $('#wave');

const dark = matchMedia('(prefers-color-scheme: dark)');
const paint = (name, strong) => (name ? `oklch(${dark.matches ? 0.75 : 0.52} ${strong ? 0.13 : 0.07} ${hue(name)} / ${strong ? 1 : 0.38})`
  : `rgb(128 128 128 / ${strong ? 0.9 : 0.4})`);

// For each bar who speaks longest there, and how fast: letters a second.
function count() {
  const n = Math.max(1, Math.floor(canvas.clientWidth / (BAR + GAP))), step = state.duration / n || 1;
  const bars = Array.from({ length: n }, () => ({ said: 0, who: new Map() }));
  for (const s of state.speeches) {
    if (s.start == null || s.end == null || s.end <= s.start) continue;
    const last = Math.min(n - 1, Math.floor(s.end / step));
    for (let i = Math.max(0, Math.floor(s.start / step)); i <= last; i++) {
      const seconds = Math.min(s.end, (i + 1) * step) - Math.max(s.start, i * step);
      if (seconds <= 0) continue;
      bars[i].said += (s.text.length * seconds) / (s.end - s.start);
      bars[i].who.set(s.speaker, (bars[i].who.get(s.speaker) ?? 0) + seconds);
    }
  }
  const most = bars.map((b) => b.said).sort((a, b) => a - b)[Math.floor(n * 0.97)] || 1;
  state.bars = bars.map((b, i) => ({
    height: state.speeches.length ? 0.1 + 0.9 * Math.min(1, b.said / most) ** 1.6 : 0.25 + 0.1 * Math.sin(i / 3) ** 2,
    who: [...b.who].sort((x, y) => y[1] - x[1])[0]?.[0] ?? null,
  }));
}

export function draw() {
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth, c = canvas.getContext('2d');
  if (!width) return;
  if (canvas.width !== Math.round(width * ratio)) {
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(HEIGHT * ratio) });
    count();
  }
  const style = getComputedStyle(canvas), x = (seconds) => (seconds / (state.duration || 1)) * width, floor = HEIGHT - 4;
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, HEIGHT);
  const done = x(state.at);
  state.bars.forEach((bar, i) => {
    const left = i * (BAR + GAP), high = bar.height * (floor - 10);
    const strong = left <= done && (!state.only || bar.who === state.only);
    c.fillStyle = paint(bar.who, state.only ? bar.who === state.only : strong);
    c.beginPath();
    c.roundRect(left, floor - high, BAR, high, 1.5);
    c.fill();
  });
  c.fillStyle = style.getPropertyValue('--line-strong');
  for (const { start } of state.chapters) c.fillRect(x(start), 0, 1, 6);
  c.fillStyle = style.getPropertyValue('--accent');
  for (const { start } of state.votes) {
    c.beginPath();
    c.arc(x(start), 5, 3.2, 0, 7);
    c.fill();
  }
  c.fillStyle = style.getPropertyValue('--find');
  for (const start of state.hits) c.fillRect(x(start) - 1, floor + 1, 2.5, 3);
  c.fillStyle = style.getPropertyValue('--ink');
  c.fillRect(Math.min(width - 2, done), 4, 2, floor - 4);
}

export function change(changes) {
  Object.assign(state, changes);
  if ('duration' in changes || 'speeches' in changes) count();
  draw();
}

// What lies under the pointer.
$('#line').onpointermove = ({ clientX }) => {
  const box = canvas.getBoundingClientRect(), at = Math.min(1, Math.max(0, (clientX - box.left) / box.width)) * state.duration;
  const who = state.speeches.findLast((s) => s.start != null && s.start <= at)?.speaker;
  const tip = $('#tip');
  tip.textContent = [clock(at), who].filter(Boolean).join(' · ');
  tip.hidden = false;
  tip.style.left = `${Math.min(box.width - tip.offsetWidth, Math.max(0, clientX - box.left - tip.offsetWidth / 2))}px`;
};
$('#line').onpointerleave = () => { $('#tip').hidden = true; };
new ResizeObserver(() => { count(); draw(); }).observe(canvas);
dark.addEventListener('change', draw);
