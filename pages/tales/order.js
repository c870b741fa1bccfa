// Chapters in another order: drawn by their handles, or moved by buttons and arrow keys. Each move is stored at
// once and told.
import { element, number } from '/shared/page.js';
import { t } from './words.js';

export function showOrder(tale, panel) {
  const { app, space } = tale, list = element('ol', null, { className: 'order' }), said = element('p', null, { className: 'error', role: 'alert' });
  let storing = Promise.resolve(), wanted = null;

  const ids = () => [...list.children].map((row) => row.dataset.id);
  const tellPlace = (row) => app.say(t('placed', { title: row.dataset.title, n: number([...list.children].indexOf(row) + 1), of: number(list.children.length) }));

  // One after the other; of several that wait the last counts.
  function store(row) {
    const mine = wanted = ids();
    tellPlace(row);
    storing = storing.then(async () => {
      if (mine !== wanted) return;
      list.ariaBusy = 'true';
      try {
        const chapters = await app.api.ask('PUT', `/spaces/${space.id}/chapters/order`, { chapterIds: mine });
        if (mine !== wanted) return;
        said.textContent = '';
        tale.setChapters(chapters);
        tale.changed();
      } catch (problem) {
        said.textContent = problem.message;
        await tale.reload().catch(() => {});
        fill();
      }
      list.ariaBusy = 'false';
    });
  }

  function place(row, step) {
    const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return false;
    if (step < 0) other.before(row); else other.after(row);
    return true;
  }
  function move(row, step, control) {
    if (!place(row, step)) return app.say(t(step < 0 ? 'firstAlready' : 'lastAlready'));
    ends();
    (control.disabled ? row.querySelector('.handle') : control).focus(); // moving a row takes the focus from it
    store(row);
  }
  const ends = () => [...list.children].forEach((row, i, all) => {
    row.querySelector('.up').disabled = i === 0;
    row.querySelector('.down').disabled = i === all.length - 1;
  });

  function bindDrag(row, handle) {
    let before = null;
    handle.onpointerdown = (event) => {
      if (event.button) return;
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture(event.pointerId);
      before = ids().join();
      row.classList.add('dragged');
    };
    handle.onpointermove = (event) => {
      if (before === null) return;
      const rows = [...list.children], from = rows.indexOf(row);
      const to = rows.findIndex((other) => event.clientY < other.getBoundingClientRect().bottom), at = to < 0 ? rows.length - 1 : to;
      if (at === from) return;
      const { top, height } = rows[at].getBoundingClientRect(); // only once it is past the middle: else rows of two heights would swap to and fro
      if (at < from ? event.clientY < top + height / 2 : event.clientY > top + height / 2) {
        if (at < from) rows[at].before(row); else rows[at].after(row);
        handle.setPointerCapture(event.pointerId);
      }
    };
    const drop = () => {
      if (before === null) return;
      const was = before;
      before = null;
      row.classList.remove('dragged');
      ends();
      if (ids().join() !== was) store(row);
    };
    handle.onpointerup = handle.onpointercancel = drop;
  }

  function rowOf(chapter) {
    const button = (className, sign, key, onclick) => element('button', sign, { type: 'button', className, onclick, ariaLabel: t(key, { title: chapter.title }) });
    const row = element('li'), handle = button('handle', '⠿', 'moveByKeys', null);
    const up = button('up', '↑', 'moveUp', () => move(row, -1, up)), down = button('down', '↓', 'moveDown', () => move(row, 1, down));
    Object.assign(row.dataset, { id: chapter.id, title: chapter.title });
    row.append(handle, element('span', chapter.title, { dir: 'auto' }), up, down);
    handle.onkeydown = (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      move(row, step, handle);
    };
    bindDrag(row, handle);
    return row;
  }

  function fill() {
    list.replaceChildren(...tale.chapters.map(rowOf));
    ends();
  }
  fill();
  panel.replaceChildren(element('h3', t('arrange')), element('p', t('arrangeHow'), { className: 'quiet' }), said, list,
    element('p', element('button', t('done'), { type: 'button', onclick: () => tale.closePanel(true) }), { className: 'acts' }));
}
