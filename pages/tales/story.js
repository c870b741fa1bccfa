// The story of a space.
import { element } from '/shared/page.js';

export function showStory(room, app) {
  app.title(app.space.title);
  room.append(element('h2', app.space.title, { tabIndex: -1 }), element('p', app.t('storyLater')));
  return () => {};
}
