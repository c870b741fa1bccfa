// One recording: from the microphone to a Blob, in parts of a second that are stored as they come, so that a tab
// that dies loses a second.
//
//   record() ─▶ recording ⇄ paused ─▶ stop() ─▶ done: {blob, ms, id, at}
//                   └── the microphone goes, the limit is reached ──▶ done, with `why`
//
// What keeps it from beginning is thrown as an Error whose message is for the person.
import { t } from '/shared/page.js';
import { dropParts, hold, me, put } from './store.js';

const TYPES = ['audio/webm;codecs=opus', 'audio/mp4', 'audio/ogg;codecs=opus'];
const BITS_PER_SECOND = 48000, PART_MS = 1000, QUIET_AFTER_MS = 6000, QUIET_BELOW = 0.004, LEVELS = 96;
export const secondsMax = ({ audioMaxSeconds, mediaMaxBytes }) => Math.max(1, Math.min(audioMaxSeconds, Math.floor(mediaMaxBytes * 7.5 / BITS_PER_SECOND)) - 1);

const REFUSALS = {
  NotAllowedError: 'micRefused', SecurityError: 'micRefused', NotFoundError: 'micNone', OverconstrainedError: 'micNone',
  NotReadableError: 'micTaken', AbortError: 'micTaken',
};
const refusal = (problem) => new Error(t(REFUSALS[problem.name] ?? 'micFailed'), { cause: problem });

async function microphone() {
  if (!globalThis.isSecureContext || !navigator.mediaDevices?.getUserMedia) throw new Error(t('micInsecure'));
  if (!globalThis.MediaRecorder) throw new Error(t('micOld'));
  return navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } }).catch((problem) => { throw refusal(problem); });
}

// How loud it is now, 0 to 1; null where the browser does not tell.
function meterOf(stream) {
  try {
    const context = new AudioContext(), analyser = context.createAnalyser(), samples = new Float32Array(1024);
    analyser.fftSize = samples.length;
    context.createMediaStreamSource(stream).connect(analyser);
    context.resume();
    return {
      level() {
        analyser.getFloatTimeDomainData(samples);
        return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
      },
      close: () => context.close().catch(() => {}),
    };
  } catch { return { level: () => null, close() {} }; }
}

// changed(state): 'recording', 'paused', 'done'. Gives {state, elapsed(), level(), isQuiet(), pause(), resume(), stop(),
// drop(), done}; done is a promise of what was recorded, null when it was dropped.
export async function record({ space, limits, changed }) {
  const stream = await microphone(), id = crypto.randomUUID(), at = Date.now();
  const type = TYPES.find((one) => MediaRecorder.isTypeSupported(one)), track = stream.getAudioTracks()[0];
  const media = new MediaRecorder(stream, { ...(type && { mimeType: type }), audioBitsPerSecond: BITS_PER_SECOND });
  const meter = meterOf(stream), blobs = [], most = secondsMax(limits) * 1000;
  let ran = 0, since = performance.now(), heard = since, why = null, isDropped = false, lamp = null;
  const elapsed = () => ran + (media.state === 'recording' ? performance.now() - since : 0);
  hold(id);
  navigator.wakeLock?.request('screen').then((lock) => { lamp = lock; }, () => {}); // a screen that goes dark ends it on telephones

  const halt = (reason) => { if (media.state !== 'inactive') { why ??= reason; ran = elapsed(); media.stop(); } };
  const watch = setInterval(() => { if (elapsed() >= most) halt(t('recordedLimit')); }, 250);
  track.onended = () => halt(t('micGone'));
  media.onerror = () => halt(t('micGone'));
  media.ondataavailable = ({ data }) => {
    if (!data.size || isDropped) return;
    blobs.push(data);
    put('parts', { id, n: blobs.length, blob: data, type: media.mimeType, space, user: me(), at });
  };
  const done = new Promise((resolve) => {
    media.onstop = () => {
      clearInterval(watch);
      stream.getTracks().forEach((one) => one.stop());
      meter.close();
      lamp?.release().catch(() => {});
      if (isDropped) dropParts(id);
      resolve(isDropped || !blobs.length ? null : { blob: new Blob(blobs, { type: media.mimeType.split(';')[0] }), ms: ran, id, at, why });
      changed('done');
    };
  });
  media.start(PART_MS);
  since = heard = performance.now();
  changed('recording');
  return {
    done, elapsed, id,
    get state() { return media.state; },
    left: () => most - elapsed(),
    level() {
      const now = media.state === 'recording' ? meter.level() : 0;
      if (now === null || now > QUIET_BELOW || media.state !== 'recording') heard = performance.now();
      return now ?? 0;
    },
    isQuiet: () => performance.now() - heard > QUIET_AFTER_MS,
    pause() { if (media.state === 'recording') { ran = elapsed(); media.pause(); changed('paused'); } },
    resume() { if (media.state === 'paused') { since = heard = performance.now(); media.resume(); changed('recording'); } },
    stop() { halt(null); return done; },
    drop() { isDropped = true; halt(null); return done; },
  };
}
export const forgetParts = dropParts;

// The picture of what is heard: a line of bars, the latest at the right. Who wants less motion gets one bar.
export function drawLevels(canvas, recording) {
  const levels = new Array(LEVELS).fill(0), still = matchMedia('(prefers-reduced-motion: reduce)').matches, pen = canvas.getContext('2d');
  let frame = 0, last = 0;
  const draw = (now) => {
    frame = requestAnimationFrame(draw);
    if (now - last < (still ? 400 : 60)) return;
    last = now;
    const level = Math.min(1, Math.sqrt(recording.level()) * 1.6), { width, height } = canvas.getBoundingClientRect(), ratio = devicePixelRatio;
    if (recording.state === 'recording') { levels.push(level); levels.shift(); }
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    pen.fillStyle = getComputedStyle(canvas).color;
    const bars = still ? [level] : levels, step = canvas.width / bars.length;
    bars.forEach((one, i) => {
      const tall = still ? canvas.height : Math.max(2 * ratio, one * canvas.height), wide = still ? Math.max(2, one * canvas.width) : Math.max(1, step * 0.55);
      pen.beginPath();
      pen.roundRect(still ? 0 : i * step, (canvas.height - tall) / 2, wide, tall, Math.min(wide, tall) / 2);
      pen.fill();
    });
  };
  frame = requestAnimationFrame(draw);
  return () => cancelAnimationFrame(frame);
}
