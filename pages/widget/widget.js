// The chat window that a website embeds:
//
//   <script src="https://socle.example/widget.js" data-channel="…" data-language="fr" data-title="…" async></script>
//
// Everything it shows stands in a shadow tree with a style sheet of its own, so that the site's styles
// and these do not mix; it sets no style attribute and runs no text as code, so that a strict
// Content-Security-Policy of the site needs no more than script-src and connect-src for our address.
// What anybody wrote is only ever appended as text. The session is kept in localStorage; where there is
// none, for as long as the page is open.
(() => {
  'use strict';
  const script = document.currentScript ?? document.querySelector('script[data-channel][src$="/widget.js"]');
  const channel = script?.dataset.channel;
  if (!channel) return console.error('widget.js: its <script> has no data-channel');
  const texts = {
    fr: { open: 'Ouvrir la discussion', close: 'Fermer la discussion', title: 'Une question ?', write: 'Votre message', send: 'Envoyer',
          hello: 'Bonjour ! Posez votre question, une réponse arrive tout de suite.', you: 'Vous', assistant: 'Assistant', person: 'Conseiller', system: 'Information',
          thinking: 'La réponse arrive…', sources: 'Sources', page: 'p.', again: 'Réessayer', failed: 'Non envoyé.', waiting: 'Un conseiller va vous répondre.',
          many: 'Trop de messages à la fois. Attendez un instant, puis réessayez.', away: 'Connexion perdue. Nouvel essai…', closed: 'La discussion n’est pas disponible.',
          long: 'Ce message est trop long.', unread: 'nouveau message' },
    en: { open: 'Open the chat', close: 'Close the chat', title: 'Any questions?', write: 'Your message', send: 'Send',
          hello: 'Hello! Ask your question, an answer comes at once.', you: 'You', assistant: 'Assistant', person: 'Advisor', system: 'Notice',
          thinking: 'The answer is coming…', sources: 'Sources', page: 'p.', again: 'Try again', failed: 'Not sent.', waiting: 'An advisor will answer you.',
          many: 'Too many messages at once. Wait a moment, then try again.', away: 'Connection lost. Trying again…', closed: 'The chat is not available.',
          long: 'This message is too long.', unread: 'new message' },
  };
  const wanted = (script.dataset.language ?? document.documentElement.lang ?? navigator.language ?? '').slice(0, 2).toLowerCase();
  const language = texts[wanted] ? wanted : 'en';
  const t = texts[language];
  const base = new URL(`/api/v1/widget/${encodeURIComponent(channel)}/sessions`, script.src).href;
  const TEXT_MAX = 4096, PAUSE_MS = 1000, PAUSE_MOST_MS = 30000, THINKING_MS = 90000;

  // -- the session ------------------------------------------------------------------------------------

  const place = `socle-widget:${channel}`;
  let session = read();
  let resumed = false;

  function read() {
    try { return JSON.parse(localStorage.getItem(place)); } catch { return null; }
  }

  function keep(made) {
    session = made;
    try { made ? localStorage.setItem(place, JSON.stringify(made)) : localStorage.removeItem(place); } catch { /* for this page alone */ }
  }

  async function ask(url, options = {}) {
    const headers = { ...options.headers };
    if (options.body) headers['Content-Type'] = 'application/json';
    if (session && options.signed) headers.Authorization = `Bearer ${session.token}`;
    const answer = await fetch(url, { ...options, headers, credentials: 'omit', cache: 'no-store' });
    if (answer.ok) return answer;
    throw Object.assign(new Error(`status ${answer.status}`), { status: answer.status });
  }

  // One at a time: two messages at once must not open two sessions.
  let opening = null;
  const opened = () => (session && resumed ? Promise.resolve() : opening ??= open().finally(() => { opening = null; }));

  async function open() {
    const body = JSON.stringify({ token: session?.token ?? null, name: script.dataset.name ?? null, language });
    const made = (await (await ask(base, { method: 'POST', body })).json()).data;
    if (session && !made.resumed) forgetShown();
    keep({ token: made.token, sessionId: made.sessionId });
    resumed = true;
    listen();
  }

  // -- what is heard ----------------------------------------------------------------------------------

  let listening = null, last = null;

  async function listen() {
    if (listening) return;
    const mine = listening = new AbortController();
    for (let pause = PAUSE_MS; mine === listening;) {
      try {
        await hear(mine.signal, () => { pause = PAUSE_MS; tell(''); });
      } catch (problem) {
        if (mine !== listening) return;
        if (problem.status === 404 || problem.status === 401) return gone();
        if (problem.status === 403) { listening = null; return tell(t.closed); }
        tell(t.away);
      }
      await new Promise((go) => setTimeout(go, pause * (0.75 + Math.random() / 2)));
      pause = Math.min(2 * pause, PAUSE_MOST_MS);
    }
  }

  async function hear(signal, begun) {
    const headers = last ? { 'Last-Event-ID': last } : {};
    const answer = await ask(`${base}/${session.sessionId}/events`, { signed: true, headers, signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    begun();
    for (let rest = '';;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += value;
      const blocks = rest.split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) heard(block);
    }
  }

  function heard(block) {
    const event = {};
    for (const line of block.split('\n')) {
      const at = line.indexOf(': ');
      if (at > 0) event[line.slice(0, at)] = line.slice(at + 2);
    }
    if (event.event === 'end') return gone();
    if (event.event !== 'message') return;
    show(JSON.parse(event.data));
    if (event.id) last = event.id;
  }

  // The session is no more: what was said stays to be read, and the next message opens another.
  function gone() {
    listening?.abort();
    listening = null;
    last = null;
    resumed = false;
    keep(null);
    thinking(false);
  }

  // -- what is said -----------------------------------------------------------------------------------

  const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');

  async function say(item) {
    item.note('');
    try {
      await opened();
      const body = JSON.stringify({ content: item.content, clientId: item.clientId });
      const send = () => ask(`${base}/${session.sessionId}/messages`, { method: 'POST', body, signed: true });
      const answer = await send().catch(async (problem) => {
        if (problem.status !== 404 && problem.status !== 401) throw problem;
        gone();
        await opened();
        return send();
      });
      const taken = (await answer.json()).data;
      item.take(taken.id);
      if (taken.answering) thinking(!answeredSince(item));
      else tell(t.waiting);
    } catch (problem) {
      thinking(false);
      const why = { 429: t.many, 403: t.closed, 404: t.closed, 400: t.long }[problem.status];
      item.note(why ?? t.failed, problem.status !== 403 && problem.status !== 400);
    }
  }

  // -- what is seen -----------------------------------------------------------------------------------

  const host = document.createElement('socle-widget'); // a name for which a site has no rules
  const root = host.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet(); // in px: a rem would be the site's
  sheet.replaceSync(`
    :host { all: initial !important; display: block !important; position: fixed !important; inset-block-end: 16px !important; inset-inline-end: 16px !important;
      z-index: 2147483000 !important; color-scheme: light dark !important;
      --paper: #fff; --ground: #f6f5f1; --ink: #1c1b18; --quiet: #67635a; --line: #e4e0d7; --accent: #2b4acb; --on-accent: #fff; --error: #a8241c;
      font: 16px/1.5 system-ui, sans-serif !important; color: var(--ink) !important; }
    @media (prefers-color-scheme: dark) { :host { --paper: #1a1c20; --ground: #24272d; --ink: #ecebe8; --quiet: #a09e98; --line: #3a3e46;
      --accent: #9db1ff; --on-accent: #10131f; --error: #ff9d94; } }
    * { box-sizing: border-box; font: inherit; }
    [hidden] { display: none !important; }
    button { cursor: pointer; border: 0; }
    :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    .launch { position: relative; display: block; inline-size: 56px; block-size: 56px; margin-inline-start: auto; border-radius: 50%;
      background: var(--accent); color: var(--on-accent); box-shadow: 0 3px 14px #0004; }
    .launch svg { inline-size: 25.6px; block-size: 25.6px; vertical-align: middle; }
    .count { position: absolute; inset-block-start: -4px; inset-inline-end: -4px; min-inline-size: 22.4px; padding: 0 5.6px; border-radius: 11.2px;
      background: var(--error); color: var(--paper); font-size: 14px; line-height: 22.4px; font-weight: 600; }
    .panel { display: flex; flex-direction: column; inline-size: min(384px, calc(100vw - 32px)); block-size: min(576px, calc(100vh - 112px)); margin-block-end: 12px;
      overflow: hidden; border: 1px solid var(--line); border-radius: 16px; background: var(--paper); box-shadow: 0 8px 40px #0003; }
    header { display: flex; align-items: center; gap: 8px; padding: 12px 16px; background: var(--accent); color: var(--on-accent); }
    header :focus-visible { outline-color: var(--on-accent); }
    h2 { flex: 1; margin: 0; font-weight: 600; font-size: 17px; }
    header button { padding: 4px 9.6px; border-radius: 8px; background: none; color: inherit; font-size: 20px; line-height: 1; }
    .log { flex: 1; overflow-y: auto; display: flex; flex-direction: column; gap: 9.6px; padding: 16px; overscroll-behavior: contain; }
    .message { max-inline-size: 88%; align-self: flex-start; }
    .message.visitor { align-self: flex-end; }
    .text { padding: 8.8px 12.8px; border-radius: 14.4px; border-end-start-radius: 3.2px; background: var(--ground); white-space: pre-wrap; overflow-wrap: anywhere; }
    .visitor .text { border-radius: 14.4px; border-end-end-radius: 3.2px; background: var(--accent); color: var(--on-accent); }
    .who { padding-inline: 4.8px; color: var(--quiet); font-size: 13px; }
    .visitor .who { text-align: end; }
    details { margin-block-start: 4px; padding-inline: 4.8px; color: var(--quiet); font-size: 14px; }
    summary { cursor: pointer; }
    ol { margin: 4px 0; padding-inline-start: 24px; }
    q { display: block; font-style: italic; }
    .note { color: var(--error); font-size: 14px; text-align: end; }
    .note button { padding: 0 4px; background: none; color: inherit; text-decoration: underline; }
    .thinking { color: var(--quiet); font-size: 14px; padding-inline: 4.8px; }
    .state { margin: 0; padding: 0 16px 6.4px; color: var(--quiet); font-size: 14px; }
    .state:empty { display: none; }
    form { display: flex; gap: 8px; align-items: flex-end; padding: 12px; border-block-start: 1px solid var(--line); }
    textarea { flex: 1; min-inline-size: 0; max-block-size: 128px; padding: 8px 11.2px; border: 1px solid var(--quiet); border-radius: 9.6px;
      background: var(--paper); color: var(--ink); resize: none; field-sizing: content; }
    form button { padding: 8px 14.4px; border: 1px solid transparent; border-radius: 9.6px; background: var(--accent); color: var(--on-accent); font-weight: 600; }
    .unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    @media (prefers-reduced-motion: no-preference) { .thinking { animation: breathe 1.6s infinite ease-in-out; } @keyframes breathe { 50% { opacity: .4; } } }
  `);
  root.adoptedStyleSheets = [sheet];

  function element(name, className, ...content) {
    const e = document.createElement(name);
    if (className) e.className = className;
    e.append(...content.filter((part) => part != null));
    return e;
  }

  function icon() {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    path.setAttribute('fill', 'currentColor');
    path.setAttribute('d', 'M4 3h16a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2h-8l-5.4 3.8A1 1 0 0 1 5 21v-3H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2Z');
    svg.append(path);
    return svg;
  }

  const title = script.dataset.title || t.title;
  const count = element('span', 'count');
  const launch = element('button', 'launch', icon(), count);
  const shut = element('button', '', '×');
  const log = element('div', 'log');
  const dots = element('p', 'thinking', t.thinking);
  const state = element('p', 'state');
  const input = element('textarea');
  const form = element('form', '', element('label', 'unseen', t.write), input, element('button', '', t.send));
  const heading = element('h2', '', title);
  const panel = element('section', 'panel', element('header', '', heading, shut), log, state, form);
  const hello = element('div', 'message', element('div', 'text', t.hello));

  panel.hidden = count.hidden = true;
  panel.setAttribute('role', 'dialog');
  panel.setAttribute('aria-modal', 'true');
  panel.setAttribute('aria-labelledby', 'title');
  panel.lang = language;
  heading.id = 'title';
  shut.type = launch.type = 'button';
  shut.setAttribute('aria-label', t.close);
  log.setAttribute('role', 'log');
  log.setAttribute('aria-live', 'polite');
  log.tabIndex = 0;
  log.setAttribute('aria-label', title);
  state.setAttribute('role', 'status');
  input.id = 'input';
  form.querySelector('label').htmlFor = 'input';
  input.rows = 1;
  input.maxLength = TEXT_MAX;
  input.placeholder = t.write;
  log.append(hello);
  root.append(panel, launch);

  const tell = (text) => { if (state.textContent !== text) state.textContent = text; };
  const isOpen = () => !panel.hidden;
  const shown = new Map(), waiting = new Map(); // by id; mine that no id is known of, by clientId
  let unread = 0, patience = 0;

  function forgetShown() {
    shown.clear();
    last = null;
    log.replaceChildren(hello, ...[...waiting.values()].map((item) => item.node));
  }

  function thinking(on) {
    clearTimeout(patience);
    if (on) { log.append(dots); patience = setTimeout(() => thinking(false), THINKING_MS); } else dots.remove();
    toEnd();
  }

  const toEnd = () => { log.scrollTop = log.scrollHeight; };

  function bubble(author, content, citations = []) {
    const node = element('div', `message ${author}`, element('div', 'who', t[author === 'visitor' ? 'you' : author] ?? author), element('div', 'text', content));
    if (citations.length) {
      const list = element('ol');
      for (const c of citations) {
        const place = [c.documentName, c.heading, c.page && `${t.page} ${c.page}`].filter(Boolean).join(' · ');
        const line = element('li', '', place, c.sentence ? element('q', '', c.sentence) : null);
        line.value = c.number;
        list.append(line);
      }
      node.append(element('details', '', element('summary', '', `${t.sources} (${citations.length})`), list));
    }
    return node;
  }

  function put(node) {
    log.insertBefore(node, dots.isConnected ? dots : null);
    toEnd();
  }

  const answeredSince = (item) => {
    for (let node = item.node.nextElementSibling; node; node = node.nextElementSibling) if (node.matches('.assistant, .person, .system')) return true;
    return false;
  };

  function mine(content) {
    const note = element('div', 'note');
    const item = {
      content, clientId: newId(), node: bubble('visitor', content),
      take(id) { waiting.delete(item.clientId); shown.set(id, item.node); },
      note(text, again) {
        note.replaceChildren(text);
        if (!again) return;
        const button = element('button', '', t.again);
        button.type = 'button';
        button.addEventListener('click', () => say(item));
        note.append(' ', button);
      },
    };
    item.node.append(note);
    waiting.set(item.clientId, item);
    put(item.node);
    return item;
  }

  function show(message) {
    if (shown.has(message.id)) return;
    const own = message.clientId && waiting.get(message.clientId);
    if (own) { own.note(''); return own.take(message.id); }
    const node = bubble(message.author, message.content, message.citations);
    shown.set(message.id, node);
    if (message.author !== 'visitor') thinking(false);
    if (message.author === 'person') tell('');
    put(node);
    if (message.author === 'visitor' || isOpen() || !live) return;
    unread++;
    count.replaceChildren(String(unread), element('span', 'unseen', ` ${t.unread}`));
    count.hidden = false;
  }

  // What comes in the first moments after the page is there was said before.
  let live = false;
  setTimeout(() => { live = true; }, 3000);

  // -- opening and closing ----------------------------------------------------------------------------

  function toggle(on) {
    panel.hidden = !on;
    launch.setAttribute('aria-expanded', String(on));
    launch.setAttribute('aria-label', on ? t.close : t.open);
    if (!on) return launch.focus();
    unread = 0;
    count.hidden = true;
    toEnd();
    input.focus();
  }

  launch.setAttribute('aria-expanded', 'false');
  launch.setAttribute('aria-label', t.open);
  launch.setAttribute('aria-haspopup', 'dialog');
  launch.addEventListener('click', () => toggle(!isOpen()));
  shut.addEventListener('click', () => toggle(false));

  panel.addEventListener('keydown', (e) => {
    e.stopPropagation(); // the site's own shortcuts are not meant
    if (e.key === 'Escape') return toggle(false);
    if (e.key !== 'Tab') return;
    const stops = [...panel.querySelectorAll('button, textarea, summary, [tabindex="0"]')].filter((s) => s.checkVisibility?.() ?? true);
    const edge = e.shiftKey ? stops[0] : stops.at(-1);
    if (root.activeElement !== edge) return;
    e.preventDefault();
    (e.shiftKey ? stops.at(-1) : stops[0]).focus();
  });

  input.addEventListener('keydown', (e) => {
    if (e.key !== 'Enter' || e.shiftKey || e.isComposing) return;
    e.preventDefault();
    form.requestSubmit();
  });

  form.addEventListener('submit', (e) => {
    e.preventDefault();
    const content = input.value.trim();
    if (!content) return;
    input.value = '';
    tell('');
    say(mine(content));
  });

  addEventListener('online', () => { if (session && resumed && !listening) listen(); });

  const begin = () => {
    document.body.append(host);
    if (session) opened().catch(() => { /* the next message tries again */ });
  };
  if (document.body) begin(); else addEventListener('DOMContentLoaded', begin);
})();
