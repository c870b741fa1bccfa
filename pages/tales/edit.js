// A chapter in the person's own words. What is typed is kept in this browser until it is stored or given up; a
// chapter that was changed elsewhere meanwhile is never written over unseen.
import { element } from '/shared/page.js';
import { fillChapter } from './reader.js';
import { momentText, t } from './words.js';

const keyOf = (id) => `lifetales:draft:${id}`;
export const draftOf = (id) => JSON.parse(localStorage.getItem(keyOf(id)) ?? 'null');
const dropDraft = (id) => localStorage.removeItem(keyOf(id));

function end(tale, article, id) {
  article.editing = null;
  article.classList.remove('being-edited');
  const place = tale.chapters.findIndex((chapter) => chapter.id === id);
  if (place < 0) return article.remove();
  fillChapter(article, tale, tale.chapters[place], place);
  article.querySelector('h3').focus({ preventScroll: true });
  article.scrollIntoView({ block: 'nearest' });
}

// Both texts, and which of them is to stay.
function conflictView({ theirs, mine, keepMine, takeTheirs }) {
  return element('div', [element('p', t('changedElsewhere'), { className: 'error' }),
    theirs.title !== mine.title ? element('p', element('b', theirs.title)) : null,
    element('blockquote', theirs.content, { dir: 'auto' }),
    element('p', [element('button', t('keepMine'), { type: 'button', className: 'main', onclick: keepMine }),
      element('button', t('takeTheirs'), { type: 'button', onclick: takeTheirs })], { className: 'acts' })], { className: 'conflict', role: 'alert' });
}

function fieldsOf(tale, chapter, draft) {
  const title = element('input', null, { name: 'title', value: draft?.title ?? chapter.title, maxLength: 500, required: true, dir: 'auto', autocomplete: 'off' });
  const content = element('textarea', null, { name: 'content', value: draft?.content ?? chapter.content, maxLength: 200000, dir: 'auto', rows: 14 });
  if (tale.lang) title.lang = content.lang = tale.lang;
  return { title, content };
}

export function editChapter(tale, chapter, article) {
  if (article.editing) return;
  tale.close(false);
  tale.speaker.stop();
  const { app } = tale, { id } = chapter, draft = draftOf(id), { title, content } = fieldsOf(tale, chapter, draft);
  let base = draft?.base ?? chapter.updated_at, seen = chapter;
  const said = element('p', draft ? t('draftBack', { time: momentText(draft.at) }) : '', { className: 'quiet', role: 'status' });
  const trouble = element('div'), save = element('button', t('saveChapter'), { className: 'main' });
  const mine = () => ({ title: title.value.trim(), content: content.value });
  const hasChanged = () => title.value !== seen.title || content.value !== seen.content;

  const keep = () => {
    if (!hasChanged()) return dropDraft(id);
    localStorage.setItem(keyOf(id), JSON.stringify({ ...mine(), base, at: Date.now() }));
    if (said.textContent !== t('draftKept')) said.textContent = t('draftKept');
  };
  const giveUp = () => {
    if (hasChanged() && !confirm(t('giveUp'))) return;
    dropDraft(id);
    end(tale, article, id);
  };
  const stored = (now) => {
    dropDraft(id);
    article.editing = null;
    tale.chapters = tale.chapters.map((one) => (one.id === id ? now : one));
    end(tale, article, id);
    tale.changed();
    app.say(t('saved', { title: now.title }));
  };
  async function conflict() {
    const theirs = (await app.api.get(`/spaces/${tale.space.id}/story`)).find((one) => one.id === id);
    if (!theirs) throw new Error(t('chapterGone'));
    tale.chapters = tale.chapters.map((one) => (one.id === id ? theirs : one));
    if (theirs.title === seen.title && theirs.content === seen.content) { // it was only given a picture
      base = theirs.updated_at;
      return store();
    }
    trouble.replaceChildren(conflictView({ theirs, mine: mine(),
      keepMine: () => { base = theirs.updated_at; seen = theirs; keep(); trouble.replaceChildren(); store(); },
      takeTheirs: () => { dropDraft(id); end(tale, article, id); } }));
    trouble.querySelector('button').focus();
  }
  async function store() {
    save.disabled = true;
    trouble.replaceChildren();
    try { stored(await app.api.ask('PUT', `/spaces/${tale.space.id}/chapters/${id}`, { ...mine(), ifUpdatedAt: base })); }
    catch (problem) {
      try { if (problem.code === 'chapter_changed') await conflict(); else throw problem; }
      catch (other) { trouble.replaceChildren(element('p', other.message, { className: 'error', role: 'alert' })); }
    }
    save.disabled = false;
  }

  const form = element('form', [element('label', [element('span', t('chapterTitle')), title]), element('label', [element('span', t('chapterText')), content]),
    trouble, said, element('p', [save, element('button', t('cancelEdit'), { type: 'button', onclick: giveUp })], { className: 'acts' })], { className: 'edit' });
  form.onsubmit = (event) => { event.preventDefault(); store(); };
  form.oninput = keep;
  form.onkeydown = (event) => {
    if (event.key === 'Escape') { event.preventDefault(); giveUp(); }
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
  };
  // Another tab, or a story that is written meanwhile, has another text of it.
  article.editing = { changed: (now) => {
    if (now.title === seen.title && now.content === seen.content) return;
    trouble.replaceChildren(element('p', t('changedMeanwhile'), { className: 'error', role: 'alert' }));
  } };
  article.classList.add('being-edited');
  article.querySelector('.offer')?.remove();
  article.replaceChildren(article.querySelector('header'), ...[article.querySelector('.plate')].filter(Boolean), form);
  title.focus();
}

// Chapters that were left in the middle of a change say so.
export function offerDrafts(tale) {
  for (const chapter of tale.chapters) {
    const draft = draftOf(chapter.id), article = tale.articleOf(chapter.id);
    if (!draft || !article || article.editing) continue;
    const offer = element('p', [t('draftThere', { time: momentText(draft.at) }), ' ',
      element('button', t('goOnEditing'), { type: 'button', onclick: () => editChapter(tale, tale.of(chapter.id), article) }),
      element('button', t('dropDraft'), { type: 'button', className: 'plain', onclick: () => { dropDraft(chapter.id); offer.remove(); } })], { className: 'offer' });
    article.prepend(offer);
  }
}
