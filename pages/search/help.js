// What may be written into the search box, with examples to try; and the keys. Loaded when somebody asks.
import { element, t } from '/shared/page.js';

export function showHelp(box, attempt) {
  const example = (q) => element('dt', element('button', q, { type: 'button', onclick: () => attempt(q) }));
  box.replaceChildren(element('dl', t('syntax').flatMap(([q, text]) => [example(q), element('dd', text)])),
    element('p', t('keys').map(([key, text]) => element('span', [element('kbd', key), ` ${text}`]))));
}
