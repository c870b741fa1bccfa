// How the person wants stories: each choice is stored as it is made.
import { element, fill, number, t } from '/shared/page.js';
import { attributes, choice, field, lengthSpoken, sizeText } from './ui.js';

const VALUES = {
  narrativeTone: ['cinematic', 'emotional', 'poetic', 'funny', 'journalistic', 'neutral'], storyMode: ['chapter', 'transcription', 'clean', 'creative'],
  imageStyle: ['illustration', 'cinematic', 'pastel', 'realistic'], imagesPerChapter: [0, 1, 2, 3, 4], voiceStyle: ['storyteller', 'warm', 'calm', 'serious'],
};

export async function showSettings(room, { api, title, say, limits, signal }) {
  title(t('settings'));
  const settings = await api.get('/settings', { signal }), trouble = element('p', '', { className: 'error', role: 'alert' });
  const words = (key, value) => t(`${key}_${value}`), marks = new Map();
  const options = (key) => VALUES[key].map((value) => [value, key === 'imagesPerChapter' ? number(value) : words(key, value)]);
  async function store(key, value, undo) {
    trouble.textContent = '';
    try {
      Object.assign(settings, await api.ask('PUT', '/settings', { [key]: value }));
      marks.forEach((mark, name) => { mark.textContent = name === key ? t('savedMark') : ''; });
      say(t('savedNow'));
    } catch (problem) {
      undo();
      trouble.textContent = problem.message;
    }
  }
  function marked(key, e) {
    const mark = attributes(element('span', '', { className: 'mark' }), { 'aria-hidden': 'true' });
    marks.set(key, mark);
    e.firstChild.append(mark);
    return e;
  }
  function chosen(key, hint) {
    const e = choice(key, settings[key], options(key));
    e.onchange = () => store(key, key === 'imagesPerChapter' ? Number(e.value) : e.value, () => { e.value = settings[key]; });
    return marked(key, field(t(key), e, hint));
  }
  function modes() {
    const all = attributes(element('fieldset', [element('legend', t('storyMode')), ...VALUES.storyMode.map((value) => {
      const input = element('input', null, { type: 'radio', name: 'storyMode', value, checked: settings.storyMode === value });
      input.onchange = () => store('storyMode', value, () => { all.querySelector(`[value=${settings.storyMode}]`).checked = true; });
      return element('label', [input, element('span', [element('strong', words('storyMode', value)), element('small', t(`storyMode_${value}_hint`))])], { className: 'mode' });
    })]), {});
    return marked('storyMode', all);
  }
  const daring = (value) => t(value < 0.5 ? 'creativity_low' : value <= 1.2 ? 'creativity_middle' : 'creativity_high');
  function creativity() {
    const input = element('input', null, { type: 'range', name: 'creativity', min: 0, max: 2, step: 0.1, value: settings.creativity }), out = element('output', '');
    const show = () => {
      out.textContent = daring(Number(input.value));
      input.setAttribute('aria-valuetext', `${number(Number(input.value))}, ${daring(Number(input.value))}`);
    };
    input.oninput = show;
    input.onchange = () => store('creativity', Number(input.value), () => { input.value = settings.creativity; show(); });
    show();
    const e = field(t('freedom'), input);
    e.append(out);
    return marked('creativity', e);
  }
  function music() {
    const input = element('input', null, { type: 'checkbox', name: 'backgroundMusic', checked: settings.backgroundMusic });
    input.onchange = () => store('backgroundMusic', input.checked, () => { input.checked = settings.backgroundMusic; });
    return marked('backgroundMusic', element('div', element('label', [input, ` ${t('backgroundMusic')}`], { className: 'tick' }), { className: 'field' }));
  }
  const part = (name, parts) => attributes(element('section', [element('h3', t(name)), ...parts]), {});
  const form = element('form', [part('telling', [modes(), element('div', [chosen('narrativeTone'), creativity()], { className: 'pair' })]),
    part('pictures', [element('div', [chosen('imageStyle'), chosen('imagesPerChapter')], { className: 'pair' })]),
    part('voice', [element('div', [chosen('voiceStyle'), music()], { className: 'pair' })]), trouble], { id: 'settings' });
  form.onsubmit = (event) => event.preventDefault();
  room.append(element('h2', t('settings'), { tabIndex: -1 }), element('p', t('settingsHint'), { className: 'quiet' }), form,
    element('section', [element('h3', t('thisServer')), element('ul', [
      element('li', limits.transcriptionLacks ?? t('transcribes'), { id: 'transcribes' }),
      element('li', fill(t('serverTakes'), { length: lengthSpoken(limits.audioMaxSeconds * 1000), size: sizeText(limits.mediaMaxBytes), n: number(limits.spaceMaxNotes) }))])], { className: 'server' }));
}
