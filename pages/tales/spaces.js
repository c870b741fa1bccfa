// The person's spaces, as notebooks on a table: made, changed, given a cover, taken away.
import { element, fill, t } from '/shared/page.js';
import { attributes, button, choice, clockOf, dateText, dialog, field, icon, small, sure, timeOf } from './ui.js';
import { PICTURES, chooser, look } from './files.js';

const PAGE = 60, TITLE_MAX = 300, DESCRIPTION_MAX = 20000;
const LANGUAGES = ['', 'fr', 'en', 'ar', 'de', 'es', 'it', 'nl', 'pt', 'zh'];
const localZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone ?? 'Europe/Paris';

// A notebook without a picture has a colour of its own, always the same.
function hueOf(id) {
  let hue = 0;
  for (const letter of id) hue = (hue * 31 + letter.codePointAt(0)) % 360;
  return hue;
}
function notebook(space, change) {
  const cover = element('span', space.coverImage ? attributes(element('img', null, { src: space.coverImage, alt: '', loading: 'lazy', decoding: 'async' }), {}) : null, { className: 'front' });
  cover.style.setProperty('--hue', hueOf(space.id));
  const date = space.startDate ?? Date.parse(space.created_at);
  const link = element('a', [cover, element('span', [element('strong', space.title), element('small', dateText(date, space.timeZone))], { className: 'nameplate' })], { href: `#/space/${space.id}` });
  const li = element('li', [link, small('pen', fill(t('changeSpace'), { name: space.title }), change)], { className: 'notebook' });
  li.dataset.id = space.id;
  return li;
}

// The dialog in which one is made or changed. done(space | null): as it is now; null: it was taken away.
function spaceDialog(app, space, done) {
  const { api, limits, say } = app, zone = space?.timeZone ?? localZone();
  const title = element('input', null, { maxLength: TITLE_MAX, value: space?.title ?? '', required: true, name: 'title', autocomplete: 'off' });
  const about = element('textarea', null, { rows: 3, maxLength: DESCRIPTION_MAX, value: space?.description ?? '', name: 'description' });
  const start = element('input', null, { type: 'date', value: space?.startDate ? clockOf(space.startDate, zone).slice(0, 10) : '', name: 'start' });
  const names = new Intl.DisplayNames([document.documentElement.lang], { type: 'language' });
  const known = LANGUAGES.includes(space?.language ?? '') ? LANGUAGES : [...LANGUAGES, space.language];
  const tongue = choice('language', space?.language ?? '', known.map((one) => [one, one ? names.of(one) : t('languageOfNotes')]));
  const cover = element('span', null, { className: 'thumb front' }), trouble = element('p', '', { className: 'error', role: 'alert' }), progress = element('progress', null, { max: 1, hidden: true });
  let picture = null, url = space?.coverImage ?? null, isBusy = false;
  const bare = button(t('noCover'), () => { picture = url = null; showCover(); pick[0].focus(); }, { className: 'plain' });
  function showCover() {
    cover.replaceChildren(url ? element('img', null, { src: url, alt: t('cover') }) : icon('picture'));
    bare.hidden = !url;
  }
  const pick = chooser(t('chooseCover'), 'picture', PICTURES, async ([file]) => {
    if (!file) return;
    const { kind, refused } = await look(file, limits);
    trouble.textContent = refused ?? (kind === 'picture' ? '' : t('fileUnknown'));
    if (trouble.textContent) return;
    picture = file;
    url = URL.createObjectURL(file);
    showCover();
    say(t('coverChosen'));
  });
  attributes(pick[1], { id: 'pick-cover' });
  async function save(close) {
    if (isBusy) return;
    isBusy = true;
    trouble.textContent = '';
    try {
      const body = { title: title.value, description: about.value.trim() || null, startDate: start.value ? timeOf(`${start.value}T00:00`, zone) : null, language: tongue.value || null };
      if (!space) body.timeZone = zone;
      if (picture) {
        progress.hidden = false;
        body.coverImage = (await api.upload(picture, { progress: (part) => { progress.value = part; } })).id;
      } else if (!url && space?.coverImage) body.coverImage = null;
      const now = space ? await api.ask('PUT', `/spaces/${space.id}`, body) : await api.ask('POST', '/spaces', body, { key });
      say(fill(t(space ? 'spaceChanged' : 'spaceMade'), { name: now.title }));
      close();
      done(now);
    } catch (problem) {
      trouble.textContent = problem.message;
      progress.hidden = true;
    }
    isBusy = false;
  }
  async function remove(close) {
    if (!await sure(t('removeSpaceTitle'), fill(t('removeSpaceSure'), { name: space.title }), t('remove'))) return;
    try {
      await api.ask('DELETE', `/spaces/${space.id}`);
      close();
      say(fill(t('spaceRemoved'), { name: space.title }));
      done(null);
    } catch (problem) { trouble.textContent = problem.message; }
  }
  const key = crypto.randomUUID(); // of this dialog: pressed twice it makes one
  dialog(t(space ? 'changeSpaceTitle' : 'newSpace'), (close) => {
    const form = element('form', [field(t('spaceTitle'), title), field(t('spaceAbout'), about),
      element('div', [field(t('spaceStart'), start), field(t('spaceLanguage'), tongue)], { className: 'pair' }),
      attributes(element('div', [cover, element('div', [...pick, bare])], { className: 'covering' }), { role: 'group', 'aria-label': t('cover') }), progress, trouble,
      element('div', [space ? button(t('removeSpace'), () => remove(close), { drawing: 'bin', className: 'plain danger' }) : null,
        button(t('cancel'), () => close()), element('button', t(space ? 'save' : 'makeSpace'), { className: 'main' })], { className: 'acts' })]);
    form.onsubmit = (event) => { event.preventDefault(); save(close); };
    return form;
  }, { className: 'sheet' });
  showCover();
}

export async function showSpaces(room, app) {
  const { api, signal } = app, spaces = [];
  app.title(t('spaces'));
  const list = element('ul', null, { id: 'spaces' }), none = element('div', [element('p', t('noSpaces')), element('p', t('noSpacesHint'), { className: 'quiet' })], { className: 'none' });
  const add = button(t('newSpace'), () => spaceDialog(app, null, (now) => app.go(`#/space/${now.id}`)), { drawing: 'plus', className: 'main', id: 'new-space' });
  const more = button(t('more'), () => next(), { hidden: true });
  function show() {
    list.replaceChildren(...spaces.map((space, i) => notebook(space, () => spaceDialog(app, space, (now) => {
      if (now) spaces[i] = now; else spaces.splice(i, 1);
      show();
      (list.querySelector(`[data-id="${CSS.escape(space.id)}"] button`) ?? add).focus();
    }))));
    none.hidden = spaces.length > 0;
  }
  async function next() {
    const from = spaces.length, page = await api.get(`/spaces?brief=true&limit=${PAGE}&offset=${from}`, { signal });
    spaces.push(...page);
    more.hidden = page.length < PAGE;
    show();
    if (from) list.children[from]?.querySelector('a').focus();
  }
  await next();
  room.append(element('header', [element('h2', t('spaces'), { tabIndex: -1 }), add], { className: 'head' }), list, none, more);
}
