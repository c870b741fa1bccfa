// A chapter read aloud: its sentences in pieces, the next one fetched while one is heard; what is being said is
// marked. Without anybody to speak, the server's words.
import { element } from '/shared/page.js';
import { languageOf, t } from './words.js';

const FIRST_CHARS = 220, PIECE_CHARS = 900, LONGEST = 4000;

// [{text, controls}]: a short one first, so that it begins soon.
function piecesOf(article) {
  const controls = [...article.querySelectorAll('.sentence')], pieces = [];
  const parts = controls.length ? controls : [...article.querySelectorAll('.prose > p')];
  for (const control of parts) {
    const text = control.textContent.trim().slice(0, LONGEST), last = pieces.at(-1);
    if (!text) continue;
    if (last && last.text.length + text.length < (pieces.length > 1 ? PIECE_CHARS : FIRST_CHARS)) {
      last.text += ` ${text}`;
      last.controls.push(control);
    } else pieces.push({ text, controls: [control] });
  }
  return pieces;
}

function soundOf({ audioContent, format }) {
  const bytes = Uint8Array.from(atob(audioContent), (c) => c.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type: format === 'mp3' ? 'audio/mpeg' : `audio/${format}` }));
}

export function speakerOf(tale) {
  const audio = new Audio();
  let now = null; // {button, cut, title}

  function stop() {
    if (!now) return;
    const { button, cut, urls } = now;
    now = null;
    cut.abort();
    audio.pause();
    audio.removeAttribute('src');
    urls.forEach(URL.revokeObjectURL);
    document.querySelectorAll('.spoken').forEach((e) => e.classList.remove('spoken'));
    button.textContent = t('listen');
    button.setAttribute('aria-pressed', 'false');
    button.ariaBusy = 'false';
  }

  const heard = (signal) => new Promise((resolve, reject) => {
    audio.onended = resolve;
    audio.onerror = () => reject(new Error(t('soundBroken')));
    signal.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')));
  });

  async function speak(article, mine) {
    const pieces = piecesOf(article), { signal } = mine.cut;
    const fetchPiece = async (i) => {
      const url = soundOf(await tale.app.api.ask('POST', '/tts', { text: pieces[i].text, languageCode: tale.lang }, { signal }));
      mine.urls.push(url);
      return url;
    };
    let next = pieces.length ? fetchPiece(0) : null;
    for (let i = 0; i < pieces.length; i++) {
      const url = await next;
      next = i + 1 < pieces.length ? fetchPiece(i + 1) : null;
      next?.catch(() => {}); // it is told when its turn comes
      mine.button.ariaBusy = 'false';
      document.querySelectorAll('.spoken').forEach((e) => e.classList.remove('spoken'));
      pieces[i].controls.forEach((e) => e.classList.add('spoken'));
      audio.src = url;
      const end = heard(signal);
      await audio.play();
      await end;
    }
  }

  async function toggle(chapter, article, button) {
    const isSame = now?.button === button;
    stop();
    if (isSame) return;
    tale.close(false);
    article.querySelector('.acts .error')?.remove();
    const mine = now = { button, cut: new AbortController(), urls: [] };
    button.textContent = t('stopListening');
    button.setAttribute('aria-pressed', 'true');
    button.ariaBusy = 'true';
    try { await speak(article, mine); } catch (problem) {
      if (mine === now && problem.name !== 'AbortError')
        article.querySelector('.acts').append(element('p', problem.message, { className: 'error', role: 'alert' }));
    }
    if (mine === now) stop();
  }
  return { toggle, stop };
}
