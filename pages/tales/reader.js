// The story as it is read: chapters like a book's, each sentence a control that shows what it came from. tale:
// {zone, lang, pictureOf(id), open(chapter, sentence, control), acts(chapter)}.
import { element, fill } from '/shared/page.js';
import { counted, dayText, t } from './words.js';

const PLATE = { width: 1200, height: 900 };

// -- Text -----------------------------------------------------------------------------------------

function sentenceView(tale, chapter, sentence, text, isFirst) {
  const control = element('span', text, { className: 'sentence', tabIndex: isFirst ? 0 : -1, role: 'button' });
  if (!sentence.noteIds.length) control.classList.add('unsourced');
  control.setAttribute('aria-expanded', 'false');
  control.onclick = () => {
    if (getSelection().toString()) return; // words are being marked, not asked about
    tale.open(chapter, sentence, control);
  };
  return control;
}

// Places of sentences are in code points; what stands between them says where paragraphs end.
export function proseOf(tale, chapter) {
  const points = [...chapter.content], prose = element('div', null, { className: 'prose', dir: 'auto' });
  if (tale.lang) prose.lang = tale.lang;
  let paragraph = null, at = 0;
  const add = (part) => {
    if (!paragraph) prose.append(paragraph = element('p'));
    paragraph.append(part);
  };
  const between = (text) => text.split(/\n\s*\n/).forEach((part, i) => {
    if (i) paragraph = null;
    if (part.trim() || (part && paragraph)) add(part);
  });
  chapter.sentences.forEach((sentence, i) => {
    between(points.slice(at, sentence.start).join(''));
    add(sentenceView(tale, chapter, sentence, points.slice(sentence.start, sentence.end).join(''), i === 0));
    at = sentence.end;
  });
  between(points.slice(at).join(''));
  open(prose);
  return prose;
}

// The day that stands in front is set apart; the letter that a chapter opens with is for a text of some lines.
const DAY_CHARS = 60, LINES_CHARS = 110;
function open(prose) {
  const [first, second] = prose.children;
  const isDay = second && first.textContent.length < DAY_CHARS && /\d/.test(first.textContent) && first.children.length < 2;
  if (isDay) first.classList.add('dateline');
  const opening = isDay ? second : first;
  if (opening?.textContent.length > LINES_CHARS) opening.classList.add('opening');
}

// -- Keys: one stop of Tab a chapter, arrows between sentences, on into the next chapter ------------

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

function neighbour(root, control, event) {
  const prose = control.closest('.prose');
  if (event.key === 'Home' || event.key === 'End') {
    const own = [...prose.querySelectorAll('.sentence')];
    return event.key === 'Home' ? own[0] : own.at(-1);
  }
  const isTurned = event.key.match(/Left|Right/) && getComputedStyle(prose).direction === 'rtl';
  const all = [...root.querySelectorAll('.sentence')], step = STEPS[event.key];
  return step ? all[all.indexOf(control) + (isTurned ? -step : step)] : null;
}

export function bindSentences(root) {
  root.addEventListener('keydown', (event) => {
    const control = event.target.closest('.sentence');
    if (!control || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      getSelection().removeAllRanges();
      control.click();
      return;
    }
    const next = neighbour(root, control, event);
    if (!next && !STEPS[event.key]) return;
    event.preventDefault();
    next?.focus();
  });
  root.addEventListener('focusin', ({ target }) => {
    if (!target.matches('.sentence')) return;
    target.closest('.prose').querySelectorAll('.sentence[tabindex="0"]').forEach((e) => { e.tabIndex = -1; });
    target.tabIndex = 0;
  });
}

// -- Pictures -------------------------------------------------------------------------------------

// Comes out of the paper when it is there; one that does not load leaves no hole.
function picture(src, alt, size = {}) {
  const image = element('img', null, { alt, decoding: 'async', ...size });
  image.classList.add('coming');
  image.onload = () => image.classList.remove('coming');
  image.onerror = () => image.closest('figure')?.classList.add('absent');
  image.src = src;
  return image;
}

function plateOf(chapter) {
  const figure = element('figure', null, { className: 'plate' });
  if (chapter.illustrationUrl)
    figure.append(picture(chapter.illustrationUrl, chapter.illustrationPrompt || fill(t('plateAlt'), chapter), PLATE));
  else if (chapter.illustrationStatus === 'waiting')
    figure.append(element('div', element('span', t('plateComes')), { className: 'blank' }));
  else return null;
  return figure;
}

// Pictures behind the first one stand at the part of the text that they show.
function platesInto(prose, chapter) {
  const others = (chapter.illustrations ?? []).filter(({ position, url }) => position > 0 && url), paragraphs = [...prose.children];
  others.forEach(({ url, prompt }, i) => {
    const figure = element('figure', picture(url, prompt || fill(t('plateAlt'), chapter), PLATE), { className: 'plate' });
    const before = paragraphs[Math.max(1, Math.round(paragraphs.length * (i + 1) / (others.length + 1)))];
    prose.insertBefore(figure, before ?? null);
  });
  return prose;
}

function albumOf(tale, chapter) {
  const own = chapter.userImageIds.map((id) => tale.pictureOf(id)).filter(Boolean);
  return own.length ? element('div', own.map(({ url, when, title }, i) => element('figure', [
    picture(url, title || fill(t('ownAlt'), { n: i + 1, title: chapter.title })),
    when ? element('figcaption', dayText(when, tale.zone)) : null])), { className: 'album' }) : null;
}

// -- A chapter ------------------------------------------------------------------------------------

export const chapterAnchor = (id) => `chapter-${id}`;

export function fillChapter(article, tale, chapter, place) {
  const title = element('h3', chapter.title, { id: `title-${chapter.id}`, tabIndex: -1, dir: 'auto' });
  const first = tale.dateOf(chapter), prose = platesInto(proseOf(tale, chapter), chapter);
  article.setAttribute('aria-labelledby', title.id);
  article.replaceChildren(...[
    element('header', [element('p', fill(t('chapterN'), { n: place + 1 }), { className: 'number' }), title,
      first && !prose.querySelector('.dateline') ? element('time', dayText(first, tale.zone), { className: 'when', dateTime: new Date(first).toISOString() }) : null]),
    plateOf(chapter), prose, albumOf(tale, chapter), tale.acts(chapter, article),
  ].filter(Boolean));
  return article;
}

export function chapterView(tale, chapter, place) {
  return fillChapter(element('article', null, { className: 'chapter', id: chapterAnchor(chapter.id) }), tale, chapter, place);
}

// The picture of a chapter that is there already: made now, or another.
export function changePlate(article, chapter) {
  const before = article.querySelector(':scope > .plate'), plate = plateOf(chapter);
  if (before && plate) before.replaceWith(plate);
  else if (plate) article.querySelector(':scope > header').after(plate);
  else before?.remove();
}

// -- A chapter that is being written: its text as it comes ------------------------------------------

export function growingView(place, lang) {
  const prose = element('div', null, { className: 'prose', dir: 'auto' });
  if (lang) prose.lang = lang;
  const article = element('article', [element('header', [element('p', fill(t('chapterN'), { n: place + 1 }), { className: 'number' }),
    element('h3', t('beingWritten'), { className: 'writing' })]), prose], { className: 'chapter growing', ariaBusy: 'true' });
  article.setAttribute('aria-live', 'off');
  article.dataset.place = place;
  let text = '';
  // at: code points told before; what does not follow on what is shown came over a gap, and is left to the end.
  article.tell = ({ at, text: more, reset }) => {
    if (reset) text = '';
    if ([...text].length !== at) return;
    text += more;
    prose.replaceChildren(...text.split(/\n\s*\n/).map((part) => element('p', part)));
  };
  return article;
}

// -- The way through it -----------------------------------------------------------------------------

export function contentsOf(chapters) {
  const list = element('ol', chapters.map((chapter) => element('li', element('a', chapter.title, {
    href: `#${chapterAnchor(chapter.id)}`, dir: 'auto', onclick: (event) => {
      event.preventDefault(); // the address names the room
      const title = document.getElementById(`title-${chapter.id}`);
      title?.scrollIntoView({ block: 'start' });
      title?.focus({ preventScroll: true });
    } }))));
  const details = element('details', [element('summary', [t('contents'), element('span', counted('chapters', chapters.length), { className: 'quiet' })]), list]);
  return element('nav', details, { className: 'contents', ariaLabel: t('contents') });
}
