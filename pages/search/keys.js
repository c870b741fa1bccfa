// The keyboard: / to the query, arrows through the hits and their reasons, Enter opens, Esc clears or goes back.
import { $, isSignedIn } from '/shared/page.js';

function focusHit(item) {
  if (!item?.dataset.id) return false;
  for (const other of $('#hits').children) other.tabIndex = other === item ? 0 : -1;
  item.focus({ preventScroll: true });
  item.scrollIntoView({ block: 'nearest' });
  return true;
}

const focusQuery = () => { $('#q').focus(); return true; };

function inHits(key, item, why) {
  if (key === 'ArrowDown') return focusHit(item.nextElementSibling);
  if (key === 'ArrowUp') return focusHit(item.previousElementSibling) || focusQuery();
  if (key === 'Escape') return focusQuery();
  if (document.activeElement !== item) return false;
  if (key === 'ArrowRight' || key === 'ArrowLeft') why(item, key === 'ArrowRight');
  else if (key === 'Enter') item.querySelector('.open')?.click();
  else return false;
  return true;
}

function inQuery(key, clear) {
  if (key === 'ArrowDown') return focusHit($('#hits').firstElementChild);
  if (key === 'Escape') clear();
  return key === 'Escape';
}

// actions: clear(), why(item, open).
export function bindKeys(actions) {
  document.addEventListener('keydown', (event) => {
    const { key, target } = event, item = target.closest?.('#hits > li[data-id]');
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !isSignedIn() || $('#save').open) return;
    let isDone = false;
    if (target.id === 'q') isDone = inQuery(key, actions.clear);
    else if (key === '/' && !target.matches('input:not([type=checkbox]), select')) { isDone = focusQuery(); $('#q').select(); }
    else if (item) isDone = inHits(key, item, actions.why);
    if (isDone) event.preventDefault();
  });
}
