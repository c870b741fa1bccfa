// The audio and the controls around it. Whoever wants to know where it is: onMove(fn).
import { $, calm, clock, clockWords, fill, number, t } from './common.js';
import * as timeline from './timeline.js';

const STEP = 15, SPEEDS = [0.75, 1, 1.25, 1.5, 1.75, 2, 2.5];
export const audio = $('#audio');
const moved = [];
export const onMove = (fn) => moved.push(fn);
export const length = () => (Number.isFinite(audio.duration) ? audio.duration : expected);
let expected = 0, wanted = null, says = () => '';

// Before the audio is there to be sought in, the second is kept for then.
export function seek(seconds, andPlay = false) {
  const at = Math.max(0, Math.min(length() || seconds, seconds));
  if (audio.readyState > 0) audio.currentTime = at;
  else wanted = at;
  if (andPlay) play();
  show();
}
export const here = () => wanted ?? audio.currentTime;
export const play = () => audio.play().catch(() => {}); // the browser wants a gesture first: the button is there
export const toggle = () => (audio.paused ? play() : audio.pause());

function show() {
  const at = here(), bar = $('#seek');
  if (document.activeElement !== bar || !bar.matches(':active')) bar.value = Math.floor(at);
  bar.setAttribute('aria-valuetext', [clockWords(at), says(at)].filter(Boolean).join(', '));
  $('#clock').textContent = `${clock(at)} / ${clock(length())}`;
  timeline.change({ at });
  moved.forEach((fn) => fn(at));
}

function showState() {
  $('#play').setAttribute('aria-label', t(audio.paused ? 'play' : 'pause'));
  $('#play').title = `${t(audio.paused ? 'play' : 'pause')} (K)`;
  document.body.classList.toggle('playing', !audio.paused);
}

function setSpeed(speed) {
  audio.playbackRate = audio.defaultPlaybackRate = speed;
  $('#speed').value = String(speed);
  localStorage.speed = speed;
}

function hands(title, artist) {
  if (!('mediaSession' in navigator)) return;
  navigator.mediaSession.metadata = new MediaMetadata({ title, artist, album: 'robian' });
  const actions = { play, pause: () => audio.pause(), seekbackward: () => seek(here() - STEP), seekforward: () => seek(here() + STEP), seekto: (e) => seek(e.seekTime) };
  for (const [name, fn] of Object.entries(actions)) try { navigator.mediaSession.setActionHandler(name, fn); } catch { /* not known here */ }
}

export function open({ url, seconds, title, artist, from, whoSpeaks }) {
  expected = seconds ?? 0;
  says = whoSpeaks;
  wanted = from || null;
  audio.src = url;
  $('#dock').hidden = false;
  document.body.classList.add('playable');
  const options = SPEEDS.map((s) => new Option(`${number(s)}×`, s));
  $('#speed').replaceChildren(...options);
  setSpeed(SPEEDS.includes(Number(localStorage.speed)) ? Number(localStorage.speed) : 1);
  for (const [id, key] of [['back', 'back'], ['ahead', 'ahead'], ['share', 'share']]) {
    $(`#${id}`).setAttribute('aria-label', fill(t(key), { n: STEP }));
    $(`#${id}`).title = fill(t(key), { n: STEP });
  }
  hands(title, artist);
  measure();
  showState();
}

function measure() {
  $('#seek').max = Math.floor(length());
  timeline.change({ duration: length() });
  if (wanted != null && audio.readyState > 0) {
    audio.currentTime = wanted;
    wanted = null;
  }
  show();
}

audio.onloadedmetadata = audio.ondurationchange = measure;
audio.ontimeupdate = audio.onseeking = audio.onseeked = show;
audio.onplay = audio.onpause = showState;
$('#seek').oninput = () => seek(Number($('#seek').value));
$('#play').onclick = toggle;
$('#back').onclick = () => seek(here() - STEP);
$('#ahead').onclick = () => seek(here() + STEP);
$('#speed').onchange = () => setSpeed(Number($('#speed').value));

function faster(by) {
  const at = SPEEDS.indexOf(audio.playbackRate) + by;
  if (SPEEDS[at]) setSpeed(SPEEDS[at]);
}
const KEYS = { k: toggle, ' ': toggle, j: () => seek(here() - STEP), l: () => seek(here() + STEP), m: () => { audio.muted = !audio.muted; }, '<': () => faster(-1), '>': () => faster(1) };
addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, select, textarea, dialog'), pressing = event.key === ' ' && event.target.closest('button, summary, a');
  const does = KEYS[event.key.toLowerCase()];
  if (!does || typing || pressing || event.ctrlKey || event.metaKey || event.altKey || $('#dock').hidden) return;
  event.preventDefault();
  does();
});
export const smooth = () => (calm() ? 'auto' : 'smooth');
