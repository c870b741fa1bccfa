// The page of one debate: what it is, its audio and how it comes to be, what was said and when.
import { $, becomeKnown, call, clock, counted, dateText, element, fill, heardAt, isKnown, isSignedIn, keepHeard, number, speak, t } from './common.js';
import { showChapters, showSpeakers, showVotes } from './aside.js';
import * as find from './find.js';
import { follow } from './live.js';
import { audio, here, length, onMove, open, seek } from './player.js';
import * as timeline from './timeline.js';
import * as transcript from './transcript.js';

const id = decodeURIComponent(location.pathname.split('/')[2]), path = `/debates/${id}`;
let debate = null, speeches = [], favorite = false;

const say = (text) => { $('#status').textContent = text; };
const complain = (problem) => { $('#trouble').textContent = problem.message; };
const seconds = (ms) => (ms == null ? null : ms / 1000);

// -- What it is -----------------------------------------------------------------------------------

function showAbout() {
  document.title = `${debate.title} · robian`;
  const live = debate.is_live ? element('span', t('live'), { className: 'live' }) : null;
  $('#kind').replaceChildren(...[live, element('span', t(debate.type)), debate.commission ? element('span', debate.commission) : null].filter(Boolean));
  $('#title').textContent = debate.title.replace(/ ([;:!?])/g, '\u00a0$1');
  $('#title').classList.toggle('long', debate.title.length > 90); // all that a sitting was about
  const day = element('time', dateText(debate.date), { dateTime: debate.date });
  $('#when').replaceChildren(day, ...[debate.salle, debate.duration_minutes ? debate.display_duration : ''].filter(Boolean).map((s) => ` · ${s}`));
  $('#about').ariaBusy = 'false';
}

const link = (href, text, options) => element('a', text, { href, ...options });
function showLinks(info) {
  const size = info?.file_size ? ` (${info.format}, ${number(info.file_size / 1048576, { maximumFractionDigits: 0, style: 'unit', unit: 'megabyte' })})` : '';
  const links = [info?.download_url ? link(info.download_url, t('download') + size, { download: '' }) : null];
  if (speeches.length) links.push(link(`/api${path}/transcript?format=txt`, t('asText')), link(`/api${path}/transcript?format=vtt`, t('asSubtitles')));
  if (/^https?:/.test(debate.source_url)) links.push(link(debate.source_url, t('source'), { rel: 'noopener noreferrer' }));
  $('#links').replaceChildren(...links.filter(Boolean));
}

// -- What was said --------------------------------------------------------------------------------

const speechOf = (s) => ({ kind: s.kind ?? 'speech', speaker: s.speaker, role: s.role, text: s.text, start: seconds(s.start_ms), end: seconds(s.end_ms), source: s.time_source });
const voteOf = (v) => ({ title: v.title, result: v.result, start: seconds(v.start_ms), for: v.votes_for, against: v.votes_against, abstained: v.abstentions });
const chapterOf = (c) => ({ title: c.title, start: c.startTime, level: c.level ?? 1 });
const orNone = (problem) => { if (problem.status === 404) return {}; throw problem; };

async function loadSaid() {
  const [said, chapters, votes] = await Promise.all([`${path}/transcript?format=json`, `${path}/chapters`, `${path}/votes`].map((p) => call(p).catch(orNone)));
  speeches = (said.speeches ?? []).map(speechOf);
  let next = null; // what has no end goes on until the next begins
  for (const s of speeches.toReversed().filter((one) => one.start != null)) {
    s.end ??= next ?? s.start + 15;
    next = s.start;
  }
  const held = (votes.votes ?? []).map(voteOf);
  transcript.show(speeches, held);
  if (!speeches.length) $('#transcript').append(element('p', t('noTranscript'), { className: 'none' }));
  showChapters((chapters.chapters ?? []).map(chapterOf));
  showVotes(held);
  showSpeakers(speeches);
  timeline.change({ speeches });
  find.begin(id, speeches);
}

// -- Its audio ------------------------------------------------------------------------------------

// ?t= or #t= in the address: seconds, or 1h2m3s.
function asked() {
  const text = new URLSearchParams(location.hash.slice(1)).get('t') ?? new URLSearchParams(location.search).get('t');
  const parts = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?$/.exec(text ?? '');
  return text && parts ? (parts[1] ?? 0) * 3600 + (parts[2] ?? 0) * 60 + Number(parts[3] ?? 0) : null;
}

async function begin(info) {
  const kept = heardAt(id), first = speeches.find((s) => s.start != null)?.start ?? 0; // videos begin long before the sitting
  const from = asked() ?? (kept && kept.at > 5 && kept.at < 0.97 * (info.duration_seconds ?? Infinity) ? kept.at : first > 30 ? first : 0);
  open({ url: info.stream_url, seconds: info.duration_seconds, title: debate.title, artist: dateText(debate.date), from,
    whoSpeaks: (at) => transcript.speech(transcript.speechAt(at))?.speaker });
  if (from && from === kept?.at && asked() == null) say(fill(t('resumed'), { time: clock(from) }));
  await loadFavorite();
}

async function loadAudio() {
  const info = await call(`/streaming/${id}/info`);
  if (audio.src) return; // it came meanwhile
  showLinks(info);
  $('#extraction').hidden = info.audio_available;
  if (info.audio_available) {
    await begin(info);
    return;
  }
  const now = await call(`/streaming/${id}/status`).catch((problem) => { if (problem.status === 404) return null; throw problem; });
  if (!audio.src) showExtraction(now);
}

// -- How it comes to be ---------------------------------------------------------------------------

function showExtraction(x) {
  const running = ['pending', 'extracting'].includes(x?.status), failed = x?.status === 'error';
  $('#extraction').hidden = false;
  $('#extraction-title').textContent = t(running ? 'extracting' : failed ? 'extractionFailed' : 'noAudio');
  $('#extraction-message').textContent = (failed ? x.error : x?.message) ?? (running ? '' : t('noAudioHint'));
  Object.assign($('#extraction-progress'), { hidden: !running, value: x?.progress ?? 0, textContent: `${x?.progress ?? 0} %` });
  $('#extract').hidden = running || !isSignedIn();
  if (running && x.progress % 25 === 0) say(`${t('extracting')} ${x.progress} %`);
}

$('#extract').onclick = async () => {
  $('#trouble').textContent = '';
  try { showExtraction(await call(`/streaming/${id}/extract`, { method: 'POST', body: {}, mine: true })); } catch (problem) { complain(problem); }
};

const HAPPENED = {
  extraction_started: (x) => showExtraction({ status: 'extracting', progress: 0, ...x }),
  extraction_progress: (x) => showExtraction({ ...x, status: 'extracting' }),
  extraction_failed: (x) => showExtraction({ ...x, status: 'error' }),
  extraction_completed: () => loadAudio().then(() => say(t('audioReady'))),
  debate_updated: () => refresh(),
};
let refreshing = null;
function refresh() { // many changes in a row are read once
  clearTimeout(refreshing);
  refreshing = setTimeout(async () => {
    try {
      const had = speeches.length;
      if (!audio.src) await loadAudio();
      if (!had) { await loadSaid(); timeline.draw(); }
    } catch (problem) { complain(problem); }
  }, 400);
}

// -- What is kept ---------------------------------------------------------------------------------

async function loadFavorite() {
  favorite = isKnown() && await call(`/favorites/${id}`, { mine: true }).then((f) => f, (problem) => { if (![401, 404].includes(problem.status)) throw problem; return null; });
  if (favorite?.last_position_seconds && asked() == null && !heardAt(id)) seek(favorite.last_position_seconds);
  showHeart();
}
function showHeart() {
  $('#heart').ariaPressed = String(Boolean(favorite));
  $('#heart').setAttribute('aria-label', t('favorite'));
  $('#heart').title = t(favorite ? 'unmark' : 'mark');
}
const position = () => ({ last_position_seconds: Math.floor(here()), progress_percentage: Math.min(100, Math.round((1000 * here()) / (length() || 1)) / 10) });

$('#heart').onclick = async () => {
  try {
    await becomeKnown();
    const answer = await call(`/favorites/${id}`, favorite ? { method: 'DELETE', mine: true } : { method: 'POST', body: position(), mine: true });
    favorite = favorite ? null : answer;
    say(t(favorite ? 'markedNow' : 'unmarkedNow'));
  } catch (problem) {
    if (problem.status === 409) favorite = true;
    else complain(problem);
  }
  showHeart();
};

let keptAt = 0;
function keep(last = false) {
  if (!debate || !audio.src || here() < 1) return;
  keptAt = Date.now();
  keepHeard({ id, title: debate.title, date: debate.date, at: Math.floor(here()), of: Math.floor(length()) });
  if (favorite) call(`/favorites/${id}`, { method: 'PUT', body: position(), mine: true, keepalive: last }).catch(() => {}); // told again soon
}
onMove(() => { if (!audio.paused && Date.now() - keptAt > 10000) keep(); });
audio.addEventListener('pause', () => keep());
audio.addEventListener('play', () => { if (isKnown()) call('/activities', { method: 'POST', body: { kind: 'play', debate_id: id, position_seconds: Math.floor(here()) }, mine: true }).catch(() => {}); }, { once: true });
addEventListener('pagehide', () => { if (!audio.paused) keep(true); });
audio.onerror = () => { $('#trouble').textContent = t('audioLost'); };
audio.addEventListener('playing', () => { $('#trouble').textContent = ''; });

$('#share').onclick = async () => {
  const url = `${location.origin}/listen/${id}?t=${Math.floor(here())}`;
  try {
    if (navigator.share && matchMedia('(pointer: coarse)').matches) await navigator.share({ title: debate.title, url });
    else {
      await navigator.clipboard.writeText(url);
      say(fill(t('copied'), { time: clock(here()) }));
    }
  } catch (problem) { if (problem.name !== 'AbortError') say(url); }
};
addEventListener('hashchange', () => { if (asked() != null) { seek(asked()); transcript.setFollowing(true); } });

// -- Beginning ------------------------------------------------------------------------------------

await speak();
for (const details of document.querySelectorAll('aside details')) details.open = matchMedia('(min-width: 64rem)').matches && details.id !== 'speakers';
try {
  debate = await call(path);
  showAbout();
  await loadSaid();
  await loadAudio();
  const q = new URLSearchParams(location.search).get('q');
  if (q) find.searchFor(q);
  // Who subscribes hears the latest events again: where there is audio, those of its making are old.
  follow(id, { on: (type, data) => { if (!audio.src || !type.startsWith('extraction')) HAPPENED[type]?.(data); }, again: refresh });
} catch (problem) {
  if (!debate && problem.status === 404) {
    $('#title').textContent = t('notFound');
    $('#links').replaceChildren(link('/listen', t('allDebates')));
  } else complain(problem);
}
$('#about').ariaBusy = 'false';
document.body.dataset.ready = debate ? counted('speechesOf', speeches.length) : '-';
