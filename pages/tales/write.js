// "Write my story": how it is to be written, then the story as it comes: what is being done in words, how far it
// is, chapters as they are finished, pictures behind them.
import { element, number } from '/shared/page.js';
import { follow } from './follow.js';
import { counted, hourText, t } from './words.js';

const MODES = ['chapter', 'creative', 'clean', 'transcription'];
const TONES = ['cinematic', 'emotional', 'poetic', 'funny', 'journalistic', 'neutral'];
const STYLES = ['illustration', 'pastel', 'cinematic', 'realistic'];
const HINTS = { story_empty: 'hintEmpty', story_refused: 'hintRefused', ai_refused_request: 'hintRefused', not_configured: 'hintProvider',
                ai_wrong_key: 'hintProvider', ai_provider_quota: 'hintProvider', cancelled: 'hintCancelled' };

export const options = (values, chosen, prefix) =>
  values.map((value) => new Option(t(prefix)[value], value, false, value === chosen));

// -- What went wrong, and what can be done ----------------------------------------------------------

function hintOf(problem) {
  if (problem.status === 429) return t('hintLater', { time: hourText(Date.now() + 1000 * (problem.wait || 60)) });
  if (problem.status === 0) return t('hintAway');
  return t(HINTS[problem.code] ?? 'hintAgain');
}

// -- How it is to be written --------------------------------------------------------------------------

function modeChoice(settings) {
  return element('fieldset', [element('legend', t('mode')), ...MODES.map((mode) => element('label', [
    element('input', null, { type: 'radio', name: 'storyMode', value: mode, checked: mode === settings.storyMode }),
    element('span', [element('b', t('modes')[mode][0]), element('span', t('modes')[mode][1], { className: 'quiet' })]),
  ]))], { className: 'modes' });
}

function creativityChoice(settings) {
  const words = element('output'), input = element('input', null, { type: 'range', name: 'creativity', min: 0, max: 2, step: 0.25 });
  input.value = settings.creativity;
  const show = () => {
    words.textContent = t('creativities')[Math.round(2 * input.value)];
    input.setAttribute('aria-valuetext', words.textContent);
  };
  input.oninput = show;
  show();
  return element('label', [element('span', [t('creativity'), ' ', words]), input]);
}

const selectOf = (name, label, all, chosen, prefix) =>
  element('label', [element('span', t(label)), element('select', options(all, chosen, prefix), { name })]);
const tick = (name, label, checked) =>
  element('label', [element('input', null, { type: 'checkbox', name, checked }), element('span', t(label))], { className: 'tick' });

function formOf(tale, settings, write) {
  const style = selectOf('imageStyle', 'style', STYLES, settings.imageStyle, 'styles');
  const edited = tale.chapters.filter((chapter) => chapter.edited).length, hasStory = tale.chapters.length > 0;
  const form = element('form', [
    modeChoice(settings),
    element('div', [selectOf('narrativeTone', 'tone', TONES, settings.narrativeTone, 'tones'), creativityChoice(settings),
      element('div', [tick('pictures', 'withPictures', settings.imagesPerChapter > 0), style])], { className: 'choices' }),
    hasStory ? element('p', t('writesAgain'), { className: 'quiet' }) : null,
    edited ? tick('overwriteEdited', 'overwrite', false) : null,
    element('p', element('button', t(hasStory ? 'writeAgain' : 'writeStory'), { className: 'main' }), { className: 'go' }),
  ], { className: 'write' });
  const showStyle = () => { style.hidden = !form.elements.pictures.checked; };
  form.elements.pictures.onchange = showStyle;
  showStyle();
  form.onsubmit = (event) => {
    event.preventDefault();
    const of = form.elements, asked = { storyMode: of.storyMode.value, narrativeTone: of.narrativeTone.value, creativity: Number(of.creativity.value),
      imagesPerChapter: of.pictures.checked ? Math.max(1, settings.imagesPerChapter) : 0, imageStyle: of.imageStyle.value };
    if (of.overwriteEdited?.checked) asked.overwriteEdited = true;
    write(asked);
  };
  return form;
}

export async function showWrite(tale, panel) {
  const settings = tale.lastSettings ?? await tale.app.api.get('/settings', { signal: tale.app.signal });
  const write = (asked) => {
    tale.lastSettings = { ...settings, ...asked };
    tale.closePanel();
    tale.run({ body: { spaceId: tale.space.id, settings: asked } });
  };
  panel.replaceChildren(element('h3', t('write')), tale.space.notes.length ? formOf(tale, settings, write)
    : element('p', [t('noNotesYet'), ' ', element('a', t('toNotes'), { href: `#/space/${tale.space.id}` })], { className: 'none' }));
}

// -- As it is written ---------------------------------------------------------------------------------

// box: where what is being done is told. run(begin): until it has ended.
export function runIn(tale, box) {
  const { app } = tale;
  let running = null; // {id, planned, done, pictures, drawn}

  const words = element('p', null, { className: 'words' }), note = element('p', null, { className: 'quiet' });
  const bar = element('progress', null, { ariaLabel: t('progress') });
  const stop = element('button', t('cancelStory'), { type: 'button', onclick: () => cancel() });
  const tell = (text, more = '') => { [words.textContent, note.textContent] = [text, more]; };

  function progress() {
    const { planned, done } = running;
    if (!planned) return bar.removeAttribute('value');
    [bar.max, bar.value] = [planned, done];
    if (done < planned) tell(t('writingN', { n: number(done + 1), of: number(planned) }), counted('written', done));
    else tell(t('lastPictures'), counted('written', done));
  }

  const told = {
    status({ state, planned, done, message, retryAfter }) {
      if (state === 'waiting' && message) return tell(message, t('goesOn', { time: hourText(Date.now() + 1000 * retryAfter) }));
      if (state === 'waiting') return tell(t('beginsSoon'));
      Object.assign(running, { planned, done });
      progress();
    },
    delta: (data) => tale.grow(data),
    chapter({ chapter }) {
      if (!chapter) return;
      running.done++;
      tale.put(chapter);
      progress();
      app.say(t('chapterWritten', { n: number(running.done), of: number(Math.max(running.planned, running.done)), title: chapter.title }));
    },
    illustration({ chapterId, status, illustrationUrl, position }) {
      if (!position) tale.illustrated(chapterId, status, illustrationUrl); // those behind the first come with the whole
    },
    complete({ chapters }) {
      tale.setChapters(chapters);
      app.say(t('storyDone') + ' ' + counted('chapters', chapters.length));
    },
    error: (data) => { running.problem = Object.assign(new Error(data.message), { code: data.code }); },
  };

  function fail(problem, begin) {
    const again = element('button', t('tryAgain'), { type: 'button', onclick: () => run(begin) });
    box.replaceChildren(element('div', [element('p', problem.message, { className: 'error' }), element('p', hintOf(problem), { className: 'quiet' })], { role: 'alert' }),
      element('p', [problem.code === 'story_empty' || problem.code === 'story_refused'
        ? element('a', t('toNotes'), { href: `#/space/${tale.space.id}` }) : null,
      begin.body ? again : null, element('button', t('dismiss'), { type: 'button', className: 'plain', onclick: () => { box.hidden = true; } })], { className: 'acts' }));
    box.hidden = false;
  }

  async function cancel() {
    stop.disabled = true;
    try { await app.api.ask('POST', `/stories/${running.id}/cancel`, {}); }
    catch (problem) { if (problem.status !== 409) app.trouble(problem); } // 409: it has ended meanwhile
    stop.disabled = false;
  }

  async function followed(begin) {
    const mine = running;
    await follow(app.api, begin, {
      signal: app.signal,
      away: (yes) => { box.classList.toggle('away', yes); if (yes) tell(t('connecting')); else if (mine.planned) progress(); },
      tell: ({ type, data }) => {
        mine.id ??= data.storyId;
        stop.hidden = false;
        told[type]?.(data);
      },
    });
  }

  async function run(begin) {
    if (running) return;
    running = { id: begin.id ?? null, planned: 0, done: 0, problem: null };
    stop.hidden = !begin.id;
    bar.removeAttribute('value');
    tell(t('beginsSoon'));
    box.replaceChildren(words, bar, note, stop);
    box.hidden = false;
    tale.writing(true);
    let problem = null;
    try { await followed(begin); problem = running.problem; }
    catch (caught) { problem = caught; }
    const other = problem?.code === 'story_under_way' && /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(problem.message)?.[0];
    running = null;
    if (app.signal.aborted || problem?.name === 'AbortError') return;
    if (other) return run({ id: other }); // with other settings, from another place: this one is shown
    tale.writing(false);
    box.hidden = true;
    if (problem) {
      fail(problem, begin);
      await tale.reload().catch(() => {});
    }
  }
  return run;
}
