// The story as whoever has a link reads it: the same chapters, their voices, nothing to change. The link is the
// last part of the address.
import { element, language } from '/shared/page.js';
import { bindSentences, chapterView, contentsOf } from './reader.js';
import { sourcesBeside } from './source.js';
import { counted, dayText, languageOf, momentText, t } from './words.js';

const token = location.pathname.split('/').pop(), room = document.querySelector('#room');

async function storyOf() {
  const answer = await fetch(`/api/shared/${encodeURIComponent(token)}`).catch(() => null);
  const body = await answer?.json().catch(() => null);
  if (!answer?.ok) throw new Error(body?.detail ?? t('hintAway'));
  return body.data;
}

function voicesOf(voices) {
  return voices.length ? element('footer', [element('h4', t('voices')),
    ...voices.map((voice) => element('audio', null, { controls: true, preload: 'none', src: voice.url, ariaLabel: t('recording') }))], { className: 'voices' }) : null;
}

function show(story) {
  const { chapters, voices } = story, of = (chapter) => voices.filter((voice) => voice.chapterId === chapter.id);
  const pages = element('div', null, { id: 'chapters' }), beside = element('div', null, { className: 'beside-place' });
  const tale = { isShared: true, zone: story.timeZone, lang: languageOf(story.language, chapters.slice(0, 3).map((chapter) => chapter.content).join(' ')),
    pictureOf: (url) => ({ url }),
    dateOf: (chapter) => chapter.date,
    sourcesOf: (chapter, sentence) => of(chapter).filter((voice) => sentence.noteIds.includes(voice.noteId))
      .map((voice) => ({ sounds: [voice.url], pictures: [] })),
    acts: (chapter) => voicesOf(of(chapter)) };
  const sources = sourcesBeside(tale, beside);
  Object.assign(tale, { open: sources.show, close: sources.close });
  document.title = `${story.title} · lifetales`;
  const hasSpoken = voices.length > 0;
  const cover = story.coverImage ? element('img', null, { src: story.coverImage, alt: '', className: 'cover' }) : null;
  room.replaceChildren(...[element('p', t('sharedBy'), { className: 'way' }),
    element('header', [cover, element('h1', story.title, { dir: 'auto' }), story.description ? element('p', story.description, { className: 'subtitle', dir: 'auto' }) : null,
      element('p', [story.startDate ? dayText(story.startDate, story.timeZone) : null, counted('chapters', chapters.length)].filter(Boolean).join(' · '), { className: 'about' })], { className: 'title-page' }),
    element('div', [element('div', [...(chapters.length > 1 ? [contentsOf(chapters)] : []),
      hasSpoken ? element('p', t('sentenceHint'), { className: 'hint' }) : null,
      chapters.length ? pages : element('p', t('sharedEmpty'), { className: 'none' })], { className: 'pages' }), beside], { className: 'spread' }),
    element('p', t('sharedUntil', { time: momentText(story.expiresAt) }), { className: 'colophon' })]);
  pages.replaceChildren(...chapters.map((chapter, i) => chapterView(tale, { ...chapter, sentences: chapter.sentences ?? [] }, i)));
  bindSentences(pages);
}

document.documentElement.lang = language();
try { show(await storyOf()); } catch (problem) {
  document.title = 'lifetales';
  room.replaceChildren(element('div', [element('h1', t('sharedGone')), element('p', problem.message), element('p', t('sharedGoneHow'), { className: 'quiet' })], { className: 'gone', role: 'alert' }));
}
room.ariaBusy = 'false';
