// A found post as a list item. Texts come from strangers: they become text nodes, whatever they hold.
import { counted, element, language, number, t } from '/shared/page.js';

const OPEN = '<em>', CLOSE = '</em>', LONG = 320;

// Where the matches are, as [start, end) in `text`. `formatted` is the text with tags put in around them;
// tags that the text has of its own stay text: a match begins with a letter and holds no tag.
export function places(text, formatted) {
  const found = [];
  let at = 0, start = -1;
  for (let i = 0; i < formatted.length;) {
    if (start < 0 && formatted.startsWith(OPEN, i) && !text.startsWith(OPEN, at)) { start = at; i += OPEN.length; }
    else if (start >= 0 && formatted.startsWith(CLOSE, i)) { found.push([start, at]); start = -1; i += CLOSE.length; }
    else if (formatted[i++] !== text[at++]) return [];
  }
  return found;
}

// The part [from, to) of a text, with its matches in <mark>.
function marked(text, found, from = 0, to = text.length) {
  const nodes = [];
  let at = from;
  for (const [start, end] of found) {
    if (start < at || end > to) continue;
    nodes.push(text.slice(at, start), element('mark', text.slice(start, end)));
    at = end;
  }
  nodes.push(text.slice(at, to));
  return nodes.filter((node) => node !== '');
}

const highlighted = (text, formatted) => marked(text, places(text, formatted ?? text));

// Where the caption's closing row of hashtags begins: they are shown below it anyway.
function bodyEnd(text, hashtags) {
  const from = Math.max(0, text.length - 600), tail = text.slice(from).match(/(?:\s*#[\p{L}\p{M}\p{N}_]+)+\s*$/u)?.[0];
  const known = new Set(hashtags.map((tag) => tag.toLowerCase()));
  const told = tail?.match(/[^#\s]+/g).every((tag) => known.has(tag.toLowerCase()));
  return told && tail.length < text.length ? text.length - tail.length : text.length;
}

// A long text is cut around its first match, at spaces.
function cut(text, found, end) {
  if (end <= LONG) return [0, end];
  let from = Math.max(0, Math.min((found[0]?.[0] ?? 0) - 90, end - LONG)), to = Math.min(end, from + LONG);
  const before = text.slice(from, from + 30).search(/\s/), after = text.slice(to - 30, to).search(/\s\S*$/);
  if (from > 0) from += before >= 0 ? before + 1 : /[\uDC00-\uDFFF]/.test(text[from]);
  if (to < end) to -= after >= 0 ? 30 - after : /[\uDC00-\uDFFF]/.test(text[to]);
  return [from, to];
}

function caption(hit) {
  const text = hit.caption ?? '', found = places(text, hit._formatted.caption ?? text);
  const end = bodyEnd(text, hit.hashtags), [from, to] = cut(text, found, end);
  const p = element('p', [from > 0 ? '… ' : null, ...marked(text, found, from, to), to < end ? '… ' : null], { className: 'text', dir: 'auto' });
  if (/^[\w-]{2,35}$/.test(hit.language ?? '')) p.lang = hit.language;
  if (from > 0 || to < end) {
    p.append(element('button', t('whole'), { type: 'button', className: 'plain',
      onclick: () => { p.classList.add('whole'); p.replaceChildren(...marked(text, found)); } }));
  }
  return p;
}

const MINUTE = 60e3, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
function when(text) {
  if (!text) return null;
  const date = new Date(text), past = Date.now() - date;
  const ago = new Intl.RelativeTimeFormat(language(), { numeric: 'auto' });
  const said = past < 0 || past > 7 * DAY ? date.toLocaleDateString(language(), { day: 'numeric', month: 'short', year: 'numeric' })
    : past < HOUR ? ago.format(-Math.round(past / MINUTE), 'minute')
      : past < DAY ? ago.format(-Math.round(past / HOUR), 'hour') : ago.format(-Math.round(past / DAY), 'day');
  return element('time', said, { dateTime: text, title: date.toLocaleString(language(), { dateStyle: 'full', timeStyle: 'short' }) });
}

function counts(hit) {
  const told = ['likes', 'comments', 'shares', 'views'].filter((key) => hit.metrics?.[key] != null);
  return told.map((key) => element('span', counted(key, hit.metrics[key], { notation: 'compact', maximumFractionDigits: 1 }), { title: number(hit.metrics[key]) }));
}

// actions: {pick(facet, value), why(item)}.
export function hitItem(hit, place, actions) {
  const author = element('button', highlighted(hit.author ?? t('unknown'), hit.author && hit._formatted.author),
    { type: 'button', className: 'author', disabled: !hit.author, onclick: () => actions.pick('author', hit.author) });
  const dot = element('span', null, { className: 'dot' });
  dot.dataset.platform = hit.platform;
  const by = element('p', [dot, author, element('span', hit.platform), when(hit.posted_at)], { className: 'by' });
  if (hit.score_trend >= 2) by.append(element('span', `×${number(hit.score_trend, { maximumFractionDigits: 1 })}`, { className: 'trend', title: t('trend') }));
  if (/^https?:\/\//.test(hit.permalink ?? '')) {
    const link = element('a', '↗', { className: 'open', href: hit.permalink, target: '_blank', rel: 'noopener noreferrer', title: t('open'), ariaLabel: t('open') });
    by.append(link);
  }
  const tags = hit.hashtags.map((tag, i) => element('button', ['#', ...highlighted(tag, hit._formatted.hashtags?.[i])],
    { type: 'button', onclick: () => actions.pick('hashtags', tag) }));
  const why = element('button', t('why'), { type: 'button', className: 'plain why', ariaExpanded: false, onclick: () => actions.why(item) });
  const item = element('li', [by, caption(hit), tags.length ? element('p', tags, { className: 'tags' }) : null,
    element('p', [...counts(hit), why], { className: 'counts' })], { tabIndex: place === 0 ? 0 : -1 });
  item.dataset.id = hit.id;
  item.dataset.place = place;
  return item;
}
