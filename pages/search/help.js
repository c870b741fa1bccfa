// What may be written into the search box, with examples to try; and the keys. Loaded when somebody asks.
import { element, language } from '/shared/page.js';

const texts = {
  fr: {
    syntax: [
    ['recete', 'Les fautes de frappe sont pardonnées, accents et majuscules ignorés ; le dernier mot peut être commencé.'],
    ['"belle lumière"', 'Une phrase : ces mots, dans cet ordre.'], ['paris -mode', 'Sans ce mot.'],
    ['montagne OR mer', 'L’un ou l’autre ; AND, NOT et les parenthèses aussi.'],
    ['lumière NEAR/3 matin', 'À trois mots l’un de l’autre au plus.'], ['author:lea.cuisine', 'Dans un champ : author, hashtags, platform, language, likes:>100…'],
    ['délic*', 'Le début d’un mot ; ? pour une lettre.'],
  ],
    keys: [['/', 'chercher'], ['↓ ↑', 'passer d’un post à l’autre'], ['→ ←', 'pourquoi ici, refermer'], ['Entrée', 'ouvrir le post'], ['Échap', 'effacer']],
  },
  en: {
    syntax: [
    ['recpie', 'Typing errors are forgiven, accents and case ignored; the last word may go on.'],
    ['"wonderful light"', 'A phrase: these words, in this order.'], ['paris -mode', 'Without this word.'],
    ['mountain OR sea', 'Either one; AND, NOT and parentheses, too.'],
    ['light NEAR/3 morning', 'At most three words apart.'], ['author:lea.cuisine', 'In a field: author, hashtags, platform, language, likes:>100…'],
    ['delic*', 'How a word begins; ? for one letter.'],
  ],
    keys: [['/', 'search'], ['↓ ↑', 'from post to post'], ['→ ←', 'why here, close'], ['Enter', 'open the post'], ['Esc', 'clear']],
  },
};

export function showHelp(box, attempt) {
  const { syntax, keys } = texts[language()];
  const example = (q) => element('dt', element('button', q, { type: 'button', onclick: () => attempt(q) }));
  box.replaceChildren(element('dl', syntax.flatMap(([q, text]) => [example(q), element('dd', text)])),
    element('p', keys.map(([key, text]) => element('span', [element('kbd', key), ` ${text}`]))));
}
