// The room of a space's story: what can be done with it, the story while it is written, the story as it is read.
// What is rarely wanted (arranging, the book, sharing, editing) is loaded when it is.
import { element } from '/shared/page.js';
import { bindSentences, changePlate, chapterAnchor, chapterView, contentsOf, fillChapter, growingView } from './reader.js';
import { sourcesBeside } from './source.js';
import { speakerOf } from './speak.js';
import { counted, dayText, languageOf, t } from './words.js';
import { runIn, showWrite } from './write.js';

const PANELS = {
  write: async () => showWrite,
  arrange: async () => (await import('./order.js')).showOrder,
  book: async () => (await import('./book.js')).showBook,
  share: async () => (await import('./share.js')).showShare,
};

// -- What a sentence came from: the space's notes ---------------------------------------------------

const saidBy = (note) => [note.textContent, note.transcription, note.description].filter(Boolean)
  .filter((text, i, all) => all.indexOf(text) === i).join('\n\n');

function sourceOf(tale, note) {
  const of = (kind) => note.media.filter((media) => media.kind === kind).map((media) => media.url);
  return { when: note.timestamp, title: note.title, said: Boolean(note.transcription), text: saidBy(note), sounds: of('audio'),
    pictures: of('image'), link: `#/space/${tale.space.id}` };
}

function pictureOf(tale, id) {
  for (const note of tale.space.notes)
    for (const media of note.media) if (media.id === id) return { url: media.url, when: note.timestamp, title: note.title };
  return null;
}

function actsOf(tale, chapter, article) {
  const act = (key, onclick) => element('button', t(key), { type: 'button', className: 'plain', onclick, ariaLabel: `${t(key)} — ${chapter.title}` });
  const listen = act('listen', () => tale.speaker.toggle(chapter, article, listen));
  listen.classList.add('listen');
  return element('footer', [
    listen,
    act('edit', async () => (await import('./edit.js')).editChapter(tale, tale.of(chapter.id), article)),
    act('newPicture', async () => (await import('./redraw.js')).redrawChapter(tale, tale.of(chapter.id), article)),
    chapter.edited ? element('span', t('edited'), { className: 'quiet' }) : null,
  ], { className: 'acts' });
}

// -- The room ------------------------------------------------------------------------------------------

function frame(tale, room) {
  const { space } = tale, at = {};
  const tool = (name) => {
    const button = element('button', t(name), { type: 'button', onclick: () => tale.showPanel(name) });
    button.setAttribute('aria-expanded', 'false');
    button.setAttribute('aria-controls', 'story-panel');
    button.dataset.tool = name;
    return button;
  };
  at.tools = element('div', Object.keys(PANELS).map(tool), { className: 'tools', role: 'group', ariaLabel: t('tools') });
  at.panel = element('section', null, { id: 'story-panel', className: 'panel', hidden: true, tabIndex: -1 });
  at.run = element('section', null, { id: 'run', className: 'run', hidden: true, ariaLabel: t('progress') });
  at.about = element('p', null, { className: 'about' });
  at.contents = element('div');
  at.hint = element('p', t('sentenceHint'), { className: 'hint' });
  at.chapters = element('div', null, { id: 'chapters' });
  at.beside = element('div', null, { className: 'beside-place' });
  room.classList.add('story');
  room.append(element('p', element('a', t('backToNotes'), { href: `#/space/${space.id}` }), { className: 'way' }),
    element('header', [element('h2', space.title, { tabIndex: -1, dir: 'auto' }),
      space.description ? element('p', space.description, { className: 'subtitle', dir: 'auto' }) : null, at.about], { className: 'title-page' }),
    at.tools, at.panel, at.run,
    element('div', [element('div', [at.contents, at.hint, at.chapters], { className: 'pages' }), at.beside], { className: 'spread' }));
  return at;
}

// What is shown of chapters follows this list: what has not changed stays the same element, with whoever reads it.
function chaptersIn(tale, at) {
  const shown = new Map(); // id → {article, chapter}

  const partsOf = (one) => JSON.stringify([one.sentences, one.userImageIds, one.illustrations?.slice(1).map((picture) => picture.mediaId)]);
  const isSame = (a, b) => a.title === b.title && a.content === b.content && a.edited === b.edited
    && partsOf(a) === partsOf(b);

  function view(chapter, place) {
    const had = shown.get(chapter.id);
    if (!had) {
      const article = chapterView(tale, chapter, place);
      shown.set(chapter.id, { article, chapter });
      return article;
    }
    const { article, chapter: before } = had;
    had.chapter = chapter;
    if (article.editing) article.editing.changed(chapter);
    else if (!isSame(before, chapter)) {
      tale.close(false);
      fillChapter(article, tale, chapter, place);
    } else if (before.illustrationUrl !== chapter.illustrationUrl || before.illustrationStatus !== chapter.illustrationStatus) changePlate(article, chapter);
    const number = article.querySelector('.number');
    if (number) number.textContent = t('chapterN', { n: place + 1 });
    return article;
  }

  function show() {
    const { chapters, space } = tale, zone = tale.zone;
    tale.lang = languageOf(space.language, chapters.slice(0, 3).map((chapter) => chapter.content).join(' '));
    const articles = chapters.map(view);
    for (const [id, { article }] of shown) if (!articles.includes(article) && !article.editing) {
      article.remove();
      shown.delete(id);
    }
    articles.forEach((article, i) => {
      const there = [...at.chapters.children].filter((e) => !e.classList.contains('growing'))[i];
      if (there !== article) at.chapters.insertBefore(article, there ?? null);
    });
    const times = space.notes.map((note) => note.timestamp).filter(Number.isFinite), options = { day: 'numeric', month: 'long', year: 'numeric' };
    const days = [...new Set([Math.min(...times), Math.max(...times)].filter(Number.isFinite).map((time) => dayText(time, zone, options)))];
    at.about.textContent = [days.join(' – '), chapters.length ? counted('chapters', chapters.length) : null, counted('notesN', space.notes.length)]
      .filter(Boolean).join(' · ');
    at.hint.hidden = !chapters.length;
    at.contents.replaceChildren(...(chapters.length > 1 ? [contentsOf(chapters)] : []));
    at.tools.querySelectorAll('[data-tool]').forEach((e) => {
      const { tool } = e.dataset;
      e.hidden = tool !== 'write' && chapters.length < (tool === 'arrange' ? 2 : 1);
      if (tool === 'write') e.textContent = t(chapters.length ? 'writeAgain' : 'write');
      e.classList.toggle('main', tool === 'write' && !chapters.length);
    });
  }

  // Text of a chapter that is being written, where it will stand; of one that is there it is shown when it is whole.
  function grow(delta) {
    if (shown.has(delta.chapterId)) return;
    let article = at.chapters.querySelector(`[data-growing="${CSS.escape(delta.chapterId)}"]`);
    if (!article) {
      article = growingView(delta.position, tale.lang);
      article.dataset.growing = delta.chapterId;
      const after = [...at.chapters.children].find((e) => (e.dataset.place ?? tale.chapters.find((c) => chapterAnchor(c.id) === e.id)?.position) > delta.position);
      at.chapters.insertBefore(article, after ?? null);
    }
    article.tell(delta);
  }
  const grown = (id) => at.chapters.querySelectorAll(id ? `[data-growing="${CSS.escape(id)}"]` : '.growing').forEach((e) => e.remove());
  return { show, grow, grown, articleOf: (id) => shown.get(id)?.article };
}

function panelsOf(tale, at) {
  let open = null;
  const mark = () => at.tools.querySelectorAll('button').forEach((e) => e.setAttribute('aria-expanded', String(e.dataset.tool === open)));
  tale.closePanel = (isBack = false) => {
    const last = open;
    open = null;
    at.panel.hidden = true;
    at.panel.replaceChildren();
    mark();
    if (last && isBack) at.tools.querySelector(`[data-tool=${last}]`).focus();
  };
  tale.showPanel = async (name, isAsked = true) => {
    if (open === name) return tale.closePanel(true);
    open = name;
    mark();
    tale.app.trouble();
    at.panel.replaceChildren();
    at.panel.dataset.panel = name;
    at.panel.hidden = false;
    try {
      const show = await PANELS[name]();
      if (open !== name) return;
      await show(tale, at.panel);
      if (isAsked) at.panel.querySelector('input:checked, input, select, button')?.focus();
    } catch (problem) {
      tale.closePanel();
      if (problem.name !== 'AbortError') tale.app.trouble(problem);
    }
  };
  at.panel.onkeydown = (event) => {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    event.preventDefault();
    tale.closePanel(true);
  };
}

// Another tab that changes the story says so; what it is then is asked for.
function otherTabs(tale) {
  const channel = new BroadcastChannel('lifetales');
  channel.onmessage = ({ data }) => { if (data === tale.space.id) tale.reload().catch(() => {}); };
  tale.changed = () => channel.postMessage(tale.space.id);
  return () => channel.close();
}

export function showStory(room, app) {
  const { space } = app, notes = new Map(space.notes.map((note) => [note.id, note]));
  const tale = { app, space, zone: space.timeZone, lang: space.language, chapters: space.generatedStory,
    of: (id) => tale.chapters.find((chapter) => chapter.id === id),
    pictureOf: (id) => pictureOf(tale, id),
    dateOf: (chapter) => Math.min(...chapter.sourceNoteIds.map((id) => notes.get(id)?.timestamp ?? Infinity)),
    sourcesOf: (_, sentence) => sentence.noteIds.map((id) => notes.get(id)).filter(Boolean).map((note) => sourceOf(tale, note)),
    acts: (chapter, article) => actsOf(tale, chapter, article) };
  const at = frame(tale, room), sources = sourcesBeside(tale, at.beside), list = chaptersIn(tale, at);
  const dateOf = tale.dateOf;
  Object.assign(tale, { open: sources.show, close: sources.close, quiet: () => tale.speaker.stop(), speaker: speakerOf(tale), articleOf: list.articleOf,
    dateOf: (chapter) => { const first = dateOf(chapter); return Number.isFinite(first) ? first : null; },
    grow: list.grow,
    setChapters(chapters) { list.grown(); tale.chapters = chapters; list.show(); },
    put(chapter) {
      list.grown(chapter.id);
      const others = tale.chapters.filter((one) => one.id !== chapter.id), before = others.findIndex((one) => one.position > chapter.position);
      tale.chapters = others.toSpliced(before < 0 ? others.length : before, 0, chapter);
      list.show();
    },
    illustrated(id, status, url) {
      const chapter = tale.of(id);
      if (chapter) tale.put({ ...chapter, illustrationStatus: status, illustrationUrl: url ?? chapter.illustrationUrl });
    },
    writing(yes) {
      room.classList.toggle('being-written', yes);
      at.tools.querySelectorAll('[data-tool=write], [data-tool=arrange]').forEach((e) => { e.disabled = yes; });
      if (yes) tale.closePanel(); else list.grown();
    },
    async reload() { tale.setChapters(await app.api.get(`/spaces/${space.id}/story`, { signal: app.signal })); } });
  tale.run = runIn(tale, at.run);
  panelsOf(tale, at);
  bindSentences(at.chapters);
  const endTabs = otherTabs(tale);
  app.title(t('storyOf', { title: space.title }));
  list.show();
  import('./edit.js').then(({ offerDrafts }) => offerDrafts(tale)).catch(() => {});
  if (space.generatingStoryId) tale.run({ id: space.generatingStoryId });
  else if (!tale.chapters.length) tale.showPanel('write', false);
  return () => {
    tale.speaker.stop();
    sources.end();
    endTabs();
  };
}
