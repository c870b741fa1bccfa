// What the story's parts share, in the room and on the page that a link opens: texts, dates, the language that a
// text is in.
import { fill, language, number } from '/shared/page.js';

const texts = (await import(`./texts.story.${language()}.js`)).default;
export const t = (key, values) => (values ? fill(texts[key], values) : texts[key]);
export const counted = (key, n) => fill(texts[key][new Intl.PluralRules(language()).select(n) === 'one' ? 0 : 1], { n: number(n) });
export const isCalm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

const LONG = { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' };
function format(time, options) {
  try { return new Intl.DateTimeFormat(language(), options).format(new Date(time)); }
  catch { return new Intl.DateTimeFormat(language(), { ...options, timeZone: 'UTC' }).format(new Date(time)); }
}
export const dayText = (time, timeZone, options = LONG) => format(time, { ...options, timeZone });
export const hourText = (time) => format(time, { hour: 'numeric', minute: '2-digit' });
export const momentText = (time) => format(time, { dateStyle: 'medium', timeStyle: 'short' });

// For hyphens and for voices: what the space says, else a guess of two; null: neither.
const OFTEN = { fr: /\b(le|la|les|des|une|et|dans|nous|que|était|est)\b/gi, en: /\b(the|and|of|was|with|that|we|in|to|is)\b/gi };
export function languageOf(given, text) {
  if (given) return given;
  const [fr, en] = ['fr', 'en'].map((name) => text.match(OFTEN[name])?.length ?? 0);
  if (fr === en) return null;
  return fr > en ? 'fr' : 'en';
}
