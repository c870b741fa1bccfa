// Why a hit stands where it stands: what each rule of ranking found. Loaded when somebody asks.
import { element, fill, language, number } from '/shared/page.js';

const texts = {
  fr: {
    words: 'Mots trouvés', typos: 'Fautes de frappe pardonnées', proximity: 'Écart entre les mots', attribute: 'Où',
    exact_words: 'Mots tels qu’écrits', exact_field: 'Texte entier', score: 'Pertinence', of: '{n} sur {of}',
    inCaption: 'dans la légende', elsewhere: 'dans les hashtags ou l’auteur aussi', equals: 'égal à la requête',
    begins: 'commence par la requête', neither: 'contient la requête', side: 'côte à côte',
    noWords: 'Sans mots à chercher, les posts sont rangés par le tri seul.',
  },
  en: {
    words: 'Words found', typos: 'Typing errors forgiven', proximity: 'Distance between words', attribute: 'Where',
    exact_words: 'Words as written', exact_field: 'Whole text', score: 'Relevance', of: '{n} of {of}', inCaption: 'in the caption',
    elsewhere: 'in hashtags or author too', equals: 'equals the query', begins: 'begins with the query', neither: 'contains the query',
    side: 'side by side', noWords: 'Without words to look for, only the sort orders posts.',
  },
};

export function reasons(hit) {
  const t = (key) => texts[language()][key];
  const d = hit._rankingScoreDetails ?? {}, rows = [];
  const row = (key, value) => rows.push(element('dt', t(key)), element('dd', value));
  const ofMost = ({ value, of }) => (of == null ? number(value) : fill(t('of'), { n: number(value), of: number(of) }));
  if (!d.words?.of) return element('p', t('noWords'), { className: 'reasons' });
  row('words', ofMost(d.words));
  if (d.typos) row('typos', number(d.typos.value));
  if (d.words.of > 1 && d.proximity) row('proximity', d.proximity.value < d.words.of ? t('side') : number(d.proximity.value));
  if (d.attribute) row('attribute', t(d.attribute.value === 0 ? 'inCaption' : 'elsewhere'));
  if (d.exact_words) row('exact_words', ofMost(d.exact_words));
  if (d.exact_field) row('exact_field', t(['neither', 'begins', 'equals'][d.exact_field.value]));
  row('score', number(hit._rankingScore, { style: 'percent', maximumFractionDigits: 1 }));
  return element('dl', rows, { className: 'reasons' });
}
