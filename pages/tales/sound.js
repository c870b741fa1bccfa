// The recorder as a person sees it: what is heard now, how long it lasts; then the recording, to listen to before it
// is kept. One that runs is stopped when its room is left, and waits there.
import { element, fill, t } from '/shared/page.js';
import { attributes, button, lengthSpoken, lengthText } from './ui.js';
import { drawLevels, forgetParts, record } from './recorder.js';

const LEFT_BELOW_MS = 60000;

function runningPanel(live, { stop }) {
  const canvas = attributes(element('canvas', null, { className: 'levels' }), { 'aria-hidden': 'true' });
  const time = attributes(element('span', '0:00', { className: 'time' }), { role: 'timer' }), words = element('strong', t('isRecording'));
  const hint = element('p', '', { className: 'hint', role: 'status' });
  const hold = button(t('pause'), () => (live.state === 'paused' ? live.resume() : live.pause()), { drawing: 'pause', id: 'hold' });
  const panel = element('div', [element('p', [attributes(element('span', '', { className: 'lamp' }), { 'aria-hidden': 'true' }), words, time], { className: 'state' }),
    canvas, hint, element('div', [hold, button(t('stop'), stop, { drawing: 'stop', id: 'stop', className: 'main' })], { className: 'acts' })], { className: 'running' });
  let said = '';
  const tick = () => {
    const left = live.left(), isPaused = live.state === 'paused';
    time.textContent = lengthText(live.elapsed());
    const hintNow = !isPaused && live.isQuiet() ? t('hearNothing') : left < LEFT_BELOW_MS ? fill(t('recordLeft'), { n: Math.max(0, 10 * Math.ceil(left / 10000)) }) : '';
    if (hintNow !== said) hint.textContent = said = hintNow;
  };
  const clock = setInterval(tick, 200), still = drawLevels(canvas, live);
  return {
    panel, hold,
    show(state) {
      panel.classList.toggle('paused', state === 'paused');
      words.textContent = t(state === 'paused' ? 'paused' : 'isRecording');
      hold.lastChild.textContent = t(state === 'paused' ? 'resume' : 'pause');
    },
    end() { clearInterval(clock); still(); },
  };
}

// Of a recording: {blob, ms, id, at, why}.
function reviewPanel(one, drop) {
  one.url ??= URL.createObjectURL(one.blob);
  const player = attributes(element('audio', null, { src: one.url, controls: true, preload: 'metadata' }), { 'aria-label': t('listenFirst') });
  return element('div', [element('p', [element('strong', t('recorded')), one.ms ? element('span', lengthText(one.ms), { className: 'time' }) : null], { className: 'state' }),
    one.why ? element('p', one.why, { className: 'hint' }) : null, player,
    element('div', button(t('dropRecording'), drop, { drawing: 'bin', className: 'plain drop' }), { className: 'acts' })], { className: 'review' });
}

// recordings: the list that is shown and changed. opener: the button that begins. changed(): something was added or
// taken away.
export function sound({ space, limits, say, recordings, opener, changed }) {
  const place = element('div', null, { id: 'sound' }), trouble = element('p', '', { className: 'error', role: 'alert' });
  let live = null, panel = null, isAsking = false;

  function show() {
    place.replaceChildren(trouble, ...recordings.map((one) => reviewPanel(one, () => drop(one))), ...(panel ? [panel.panel] : []));
    opener.disabled = Boolean(live);
    changed();
  }
  function drop(one) {
    recordings.splice(recordings.indexOf(one), 1);
    URL.revokeObjectURL(one.url);
    forgetParts(one.id);
    say(t('recordingDropped'));
    show();
    opener.focus();
  }
  function told(state) {
    if (state === 'done') return;
    panel?.show(state);
    say(t(state === 'paused' ? 'paused' : 'isRecording'));
  }
  async function finish(mine) {
    const one = await mine.done;
    panel.end();
    live = panel = null;
    if (one) recordings.push(one);
    if (one) say([one.why, fill(t('recordedSpoken'), { length: lengthSpoken(one.ms) })].filter(Boolean).join(' '));
    const hadFocus = !place.isConnected || place.contains(document.activeElement) || document.activeElement === document.body;
    show();
    if (one && hadFocus && place.isConnected) place.querySelector('.review:last-of-type audio').focus();
  }
  async function begin() {
    if (live || isAsking) return;
    isAsking = true;
    trouble.textContent = '';
    place.setAttribute('aria-busy', 'true');
    try {
      live = await record({ space, limits, changed: told });
      if (!place.isConnected) { live.drop(); live = null; return; }
      panel = runningPanel(live, { stop: () => live.stop() });
      finish(live);
      show();
      panel.hold.nextSibling.focus();
    } catch (problem) {
      trouble.textContent = problem.message;
    } finally {
      isAsking = false;
      place.removeAttribute('aria-busy');
    }
  }
  show();
  return { place, begin, show, stop: async () => { if (live) await live.stop(); }, isLive: () => Boolean(live), has: (id) => live?.id === id };
}
