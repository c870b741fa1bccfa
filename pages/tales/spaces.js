// The person's spaces.
import { element } from '/shared/page.js';

export async function showSpaces(room, { api, t, title, signal }) {
  title(t('spaces'));
  const spaces = await api.get('/spaces?brief=true', { signal });
  room.append(element('h2', t('spaces'), { tabIndex: -1 }), spaces.length
    ? element('ul', spaces.map((s) => element('li', element('a', s.title, { href: `#/space/${s.id}` }))))
    : element('p', t('noSpaces')));
}
