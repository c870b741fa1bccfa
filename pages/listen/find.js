// Searching within the debate: every word must be in a paragraph, whatever its accents and capitals; a word may
// go on. Where nothing is found the server is asked, which forgives typing errors.
import { $, call, clock, counted, element, fill, fold, marked, t } from './common.js';
import { go, paragraph, speech, spoken } from './transcript.js';
import * as timeline from './timeline.js';

const SHOWN = 100;
let folded = [], hits = [], at = -1, debate = null, typed = 0;
const box = $('#find input');

const wordsOf = (text) => fold(text).folded.split(/[^\p{L}\p{N}'-]+/u).filter(Boolean);
const begins = (text, i) => i === 0 || !/[\p{L}\p{N}]/u.test(text[i - 1]);

function places({ folded: text, from }, words) {
  const found = [];
  for (const word of words) {
    let any = false;
    for (let i = text.indexOf(word); i >= 0; i = text.indexOf(word, i + 1)) {
      if (!begins(text, i)) continue;
      any = true;
      found.push([from[i], from[i + word.length - 1] + 1]);
    }
    if (!any) return null;
  }
  return found.sort((a, b) => a[0] - b[0]);
}

// The text with marks around its places; of a long one only what is around the first.
function withMarks(text, found, around = Infinity) {
  const first = Math.max(0, found[0][0] - around), parts = [];
  let done = around === Infinity ? 0 : text.lastIndexOf(' ', first) + 1;
  if (done > 0) parts.push('…');
  for (const [from, to] of found) {
    if (from < done) continue;
    if (from - found[0][0] > around * 2) break;
    parts.push(text.slice(done, from), element('mark', text.slice(from, to)));
    done = to;
  }
  const end = around === Infinity ? -1 : text.indexOf(' ', done + around);
  parts.push(end < 0 ? text.slice(done) : `${text.slice(done, end)}…`);
  return parts;
}

function clearMarks() {
  for (const { i } of hits) paragraph(i)?.querySelector('.said')?.replaceChildren(...spoken(speech(i).text));
}

function item({ i, parts }, n) {
  const s = speech(i), open = element('button', [element('span', s.start == null ? '' : clock(s.start), { className: 'time' }), element('b', s.speaker ?? ''), element('span', parts, { className: 'snippet' })],
    { type: 'button', onclick: () => openHit(n) });
  return element('li', open);
}

function openHit(n) {
  at = (n + hits.length) % hits.length;
  const { i } = hits[at];
  close();
  if (speech(i).start == null) paragraph(i)?.scrollIntoView({ block: 'center' });
  else go(i);
  $('#status').textContent = fill(t('hitOf'), { n: at + 1, total: hits.length });
}

function showHits(words, found, said) {
  clearMarks();
  hits = found;
  at = -1;
  for (const { i, at: where } of hits) if (where) paragraph(i)?.querySelector('.said')?.replaceChildren(...withMarks(speech(i).text, where));
  timeline.change({ hits: hits.map(({ i }) => speech(i).start).filter((s) => s != null) });
  $('#found-list').replaceChildren(...hits.slice(0, SHOWN).map(item));
  $('#found-count').textContent = said ?? (words.length ? counted('found', hits.length) : '');
  $('#found').hidden = !words.length;
  box.setAttribute('aria-expanded', String(words.length > 0));
}

function close() {
  $('#found').hidden = true;
  box.setAttribute('aria-expanded', 'false');
}

async function askServer(text, words) {
  const mine = ++typed, answer = await call('/search/debates', { method: 'POST', body: { q: text, per_page: 50, facets: [] } }).catch(() => null);
  if (mine !== typed) return;
  const hit = answer?.hits.find((h) => h.debate.id === debate);
  const near = (hit?.passages ?? []).filter((p) => speech(p.position)).map((p) => ({ i: p.position, parts: marked(p.text) }));
  if (near.length) showHits(words, near, t('foundNear'));
}

function search() {
  const text = box.value.trim(), words = [...new Set(wordsOf(text))];
  typed++;
  const found = !words.length ? [] : folded.map((f, i) => ({ i, at: places(f, words) })).filter((f) => f.at)
    .map((f) => ({ ...f, parts: withMarks(speech(f.i).text, f.at, 70) }));
  showHits(words, found);
  if (words.length && !found.length && text.length > 2) askServer(text, words);
}

export function begin(id, speeches) {
  debate = id;
  folded = speeches.map((s) => fold(s.text));
  if (box.value) search();
}

export function searchFor(text) {
  box.value = text;
  search();
  close();
}

box.oninput = search;
box.onfocus = () => { if (hits.length && box.value) { $('#found').hidden = false; box.setAttribute('aria-expanded', 'true'); } };
$('#find').onsubmit = (event) => {
  event.preventDefault();
  if (hits.length) openHit(at + 1);
};
$('#find').onkeydown = (event) => {
  const all = [...$('#found-list').querySelectorAll('button')], i = all.indexOf(document.activeElement);
  if (event.key === 'Escape') {
    if ($('#found').hidden && box.value) searchFor('');
    close();
    box.focus();
    close();
  } else if (event.key === 'ArrowDown' && all[i + 1]) all[i + 1].focus();
  else if (event.key === 'ArrowUp' && i >= 0) (all[i - 1] ?? box).focus();
  else return;
  event.preventDefault();
};
addEventListener('click', (event) => { if (!event.target.closest('#find')) close(); });
addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target.closest('input, select')) return;
  event.preventDefault();
  box.focus();
  box.select();
});
