// The story as a book: made by the server, then taken from it; how far that is, and why not when it fails.
import { element, number } from '/shared/page.js';
import { t } from './words.js';

const FORMATS = ['pdf', 'epub', 'html'];

function nameOf(answer, otherwise) {
  const name = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1];
  try { return name ? decodeURIComponent(name) : otherwise; } catch { return otherwise; }
}

async function bytesOf(answer, tell) {
  const size = Number(answer.headers.get('Content-Length')), reader = answer.body.getReader(), parts = [];
  for (let got = 0; ;) {
    const { value, done } = await reader.read();
    if (done) return new Blob(parts, { type: answer.headers.get('Content-Type') });
    parts.push(value);
    got += value.length;
    if (size && !answer.headers.get('Content-Encoding')) tell(got / size);
  }
}

function give(blob, name) {
  const url = URL.createObjectURL(blob), link = element('a', null, { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60000); // the browser has begun to store it by then
}

function row(tale, format) {
  const { app, space } = tale, [name, about] = t('formats')[format];
  const bar = element('progress', null, { hidden: true, ariaLabel: t('makingBook') }), said = element('p', null, { className: 'quiet', role: 'status' });
  const button = element('button', t('download'), { type: 'button', ariaLabel: `${t('download')} — ${name}` });
  button.dataset.format = format;
  const tell = (words, isError = false) => {
    said.className = isError ? 'error' : 'quiet';
    said.textContent = words;
  };
  button.onclick = async () => {
    button.disabled = true;
    bar.hidden = false;
    bar.removeAttribute('value');
    tell(t('makingBook'));
    try {
      const answer = await app.api.raw(`/spaces/${space.id}/book?format=${format}`, { signal: app.signal });
      const blob = await bytesOf(answer, (part) => {
        bar.value = part;
        said.textContent = t('takingBook', { percent: number(part, { style: 'percent' }) });
      });
      give(blob, nameOf(answer, `book.${format}`));
      tell(t('bookThere', { size: number(Math.max(1, Math.round(blob.size / 1000)), { style: 'unit', unit: 'kilobyte' }) }));
      button.dataset.done = format;
    } catch (problem) {
      if (problem.name === 'AbortError') return;
      tell(problem.status ? problem.message : t('bookCut'), true);
    }
    bar.hidden = true;
    button.disabled = false;
  };
  return element('li', [element('div', [element('b', name), element('p', about, { className: 'quiet' })]), button, bar, said]);
}

export function showBook(tale, panel) {
  panel.replaceChildren(element('h3', t('book')), element('p', t('bookAbout'), { className: 'quiet' }),
    element('ul', FORMATS.map((format) => row(tale, format)), { className: 'formats' }));
}
