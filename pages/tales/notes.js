// The notes of a space.
import { element } from '/shared/page.js';

export function showNotes(room, { t, title, space }) {
  title(space.title);
  room.append(element('h2', space.title, { tabIndex: -1 }), element('a', t('story'), { href: `#/space/${space.id}/story` }),
    space.notes.length ? element('ul', space.notes.map((n) => element('li', n.textContent ?? n.content ?? n.transcription ?? ''))) : element('p', t('noNotes')));
}
