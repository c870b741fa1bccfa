// Why a hit stands where it stands: what each rule of ranking found. Loaded when somebody asks.
import { element, fill, number, t } from '/shared/page.js';

export function reasons(hit) {
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
  const meter = element('meter', null, { min: 0, max: 1, value: hit._rankingScore });
  row('score', [meter, ` ${number(hit._rankingScore, { style: 'percent', maximumFractionDigits: 1 })}`]);
  return element('dl', rows, { className: 'reasons' });
}
