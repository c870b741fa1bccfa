// What a sentence came from, beside it: the note's words with the passage, its recording playing, its pictures.
// Escape, the cross or the same sentence again close it, and the focus is where it was. tale.sourcesOf(chapter,
// sentence): [{when, title, said, text, sounds: [url], pictures: [url], link}].
import { element } from '/shared/page.js';
import { counted, dayText, isCalm, t } from './words.js';

const LIKE_ENOUGH = 0.35, MARGIN = 16;
const wordsOf = (text) => new Set(text.toLocaleLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);

// The part of a note that is nearest to the sentence: [from, to], or null.
export function passageOf(text, sentence) {
  const exact = text.indexOf(sentence);
  if (exact >= 0) return [exact, exact + sentence.length];
  const wanted = wordsOf(sentence);
  let best = null, most = LIKE_ENOUGH;
  for (const { segment, index } of new Intl.Segmenter(undefined, { granularity: 'sentence' }).segment(text)) {
    const words = wordsOf(segment), shared = [...words].filter((word) => wanted.has(word)).length;
    const like = shared / Math.min(words.size, wanted.size || 1);
    if (words.size > 1 && like > most) [best, most] = [[index, index + segment.trimEnd().length], like];
  }
  return best;
}

function marked(text, sentence) {
  const found = passageOf(text, sentence);
  if (!found) return [text];
  return [text.slice(0, found[0]), element('mark', text.slice(...found)), text.slice(found[1])];
}

function sourceView(tale, source, sentence) {
  const { when, title, said, text, sounds, pictures, link } = source;
  return element('li', [
    when ? element('p', dayText(when, tale.zone), { className: 'when' }) : null,
    title ? element('h4', title, { dir: 'auto' }) : null,
    ...sounds.map((src) => element('audio', null, { controls: true, preload: 'metadata', src, ariaLabel: t('recording') })),
    text ? element('blockquote', marked(text, sentence), { dir: 'auto', className: said ? 'said' : '' }) : null,
    ...pictures.map((src) => element('img', null, { src, alt: title || t('notePicture'), loading: 'lazy' })),
    link ? element('p', element('a', t('openNote'), { href: link }), { className: 'quiet' }) : null,
  ]);
}

// close(): whatever is open. Both are given to the tale as its open and close.
export function sourcesBeside(tale, beside) {
  let open = null; // {panel, control}

  function close(isBack = true) {
    if (!open) return;
    const { panel, control } = open;
    open = null;
    panel.querySelectorAll('audio').forEach((audio) => audio.pause());
    panel.remove();
    control.classList.remove('open');
    control.setAttribute('aria-expanded', 'false');
    control.removeAttribute('aria-controls');
    document.body.classList.remove('beside');
    if (isBack && control.isConnected) control.focus({ preventScroll: true });
  }

  function listen(panel) {
    const first = panel.querySelector('audio');
    panel.querySelectorAll('audio').forEach((audio) => {
      audio.onplay = () => panel.querySelectorAll('audio').forEach((other) => { if (other !== audio) other.pause(); });
      audio.onerror = () => audio.replaceWith(element('p', t('recordingAway'), { className: 'error' }));
    });
    first?.play().catch(() => {}); // a browser that wants a hand on the player itself: it is there
  }

  function show(chapter, sentence, control) {
    const isSame = open?.control === control;
    close(isSame);
    if (isSame) return;
    tale.quiet?.();
    const words = control.textContent, sources = tale.sourcesOf(chapter, sentence);
    const title = element('h3', t(sources.length ? 'cameFrom' : 'cameFromNothing'), { tabIndex: -1, id: 'source-title' });
    const panel = element('aside', [
      element('header', [title, element('button', '×', { type: 'button', className: 'close', ariaLabel: t('closeSource'), onclick: () => close() })]),
      element('p', words, { className: 'asked', dir: 'auto' }),
      sources.length ? element('ol', sources.map((source) => sourceView(tale, source, words)))
        : element('p', t(tale.isShared ? 'noVoice' : 'noSource'), { className: 'none' }),
      sources.length > 1 ? element('p', counted('sources', sources.length), { className: 'quiet' }) : null,
    ], { className: 'source', id: 'source' });
    panel.setAttribute('aria-labelledby', title.id);
    if (tale.lang) panel.querySelectorAll('blockquote, .asked').forEach((e) => { e.lang = tale.lang; });
    open = { panel, control };
    control.classList.add('open');
    control.setAttribute('aria-expanded', 'true');
    control.setAttribute('aria-controls', panel.id);
    document.body.classList.add('beside');
    beside.replaceChildren(panel);
    title.focus({ preventScroll: true });
    showMark(panel);
    panel.querySelectorAll('img').forEach((image) => { image.onload = () => { if (open?.panel === panel) keepInSight(control, panel); }; });
    keepInSight(control, panel);
    listen(panel);
  }

  // On a telephone the panel lies over the lower half: the sentence is brought above it. Where the panel will
  // stand, not where it is while it rises.
  function keepInSight(control, panel) {
    if (getComputedStyle(panel).position !== 'fixed') return;
    const { top, bottom } = control.getBoundingClientRect(), free = innerHeight - panel.offsetHeight;
    if (bottom > free - MARGIN) scrollBy({ top: Math.min(bottom - free + 2 * MARGIN, Math.max(0, top - MARGIN)), behavior: isCalm() ? 'instant' : 'smooth' });
  }
  function showMark(panel) {
    const mark = panel.querySelector('mark'), quote = mark?.closest('blockquote');
    if (quote) quote.scrollTop = mark.offsetTop - quote.offsetTop - quote.clientHeight / 3;
  }

  const onKey = (event) => {
    if (event.key !== 'Escape' || !open || event.defaultPrevented) return;
    event.preventDefault();
    close();
  };
  document.addEventListener('keydown', onKey);
  return { show, close, end: () => { close(false); document.removeEventListener('keydown', onKey); } };
}
