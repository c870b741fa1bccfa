// Another picture for a chapter: what is to be seen, and in which style.
import { element } from '/shared/page.js';
import { t } from './words.js';
import { options } from './write.js';

const STYLES = ['illustration', 'pastel', 'cinematic', 'realistic'];

export function redrawChapter(tale, chapter, article) {
  const there = article.querySelector('.redraw');
  if (there) return there.remove();
  const { app } = tale;
  const prompt = element('textarea', null, { name: 'prompt', rows: 3, maxLength: 4000, value: chapter.illustrationPrompt ?? '', dir: 'auto', required: true });
  const style = element('select', options(STYLES, tale.lastSettings?.imageStyle, 'styles'), { name: 'style' });
  const draw = element('button', t('draw'), { className: 'main' }), said = element('p', null, { className: 'quiet', role: 'status' });
  const bar = element('progress', null, { hidden: true, ariaLabel: t('drawing') });
  const close = () => {
    form.remove();
    article.querySelector('.acts button:nth-of-type(3)')?.focus();
  };
  const form = element('form', [element('label', [element('span', t('whatIsSeen')), prompt]), element('label', [element('span', t('style')), style]),
    bar, said, element('p', [draw, element('button', t('cancelEdit'), { type: 'button', onclick: close })], { className: 'acts' })], { className: 'redraw edit' });
  form.onkeydown = (event) => { if (event.key === 'Escape') { event.preventDefault(); close(); } };
  form.onsubmit = async (event) => {
    event.preventDefault();
    draw.disabled = true;
    bar.hidden = false;
    said.className = 'quiet';
    said.textContent = t('drawing');
    try {
      const { imageUrl } = await app.api.ask('POST', `/chapters/${chapter.id}/illustrate`, { prompt: prompt.value, style: style.value }, { signal: app.signal });
      close();
      tale.put({ ...tale.of(chapter.id), illustrationUrl: imageUrl, illustrationPrompt: prompt.value, illustrationStatus: 'done' });
      tale.changed();
      app.say(t('drawn'));
    } catch (problem) {
      if (problem.name === 'AbortError') return;
      said.className = 'error';
      said.textContent = problem.message;
    }
    bar.hidden = true;
    draw.disabled = false;
  };
  if (!tale.lastSettings) app.api.get('/settings').then((settings) => { style.value = settings.imageStyle; }).catch(() => {});
  article.querySelector('.acts').before(form);
  prompt.focus();
}
