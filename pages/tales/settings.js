// How the person wants stories.
import { element } from '/shared/page.js';

export async function showSettings(room, { t, title }) {
  title(t('settings'));
  room.append(element('h2', t('settings'), { tabIndex: -1 }));
}
