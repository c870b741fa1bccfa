// veyl's console: signs in and reads. Texts in French and English; every value is set as text.
import { $, begin, call, element, language, number, t } from '/shared/page.js';

const texts = {
  fr: { author: 'Auteur', platform: 'Plateforme', caption: 'Légende', score: 'Engagement', trend: 'Tendance', posted: 'Publié',
        name: 'Nom', posts: 'Posts', add: 'Ajouter', hashtag: 'Hashtag', none: 'Rien ici pour le moment.', perDay: 'Posts par jour',
        back: 'Retour', newProject: 'Nouveau projet', inbox: 'Conversations' },
  en: { author: 'Author', platform: 'Platform', caption: 'Caption', score: 'Engagement', trend: 'Trend', posted: 'Posted',
        name: 'Name', posts: 'Posts', add: 'Add', hashtag: 'Hashtag', none: 'Nothing here yet.', perDay: 'Posts a day',
        back: 'Back', newProject: 'New project', inbox: 'Conversations' },
};
let current = 'projects';

function table(columns, rows) {
  if (!rows.length) return element('p', t('none'));
  const head = element('tr', columns.map(([key]) => element('th', t(key), { scope: 'col' })));
  const cell = (value) => element('td', value ?? '—', { className: typeof value === 'number' ? 'number' : '' });
  const body = rows.map((row) => element('tr', columns.map(([, value]) => cell(value(row)))));
  return element('table', [element('thead', head), element('tbody', body)]);
}

const when = (text) => text && new Date(text).toLocaleString(language());
const link = (post) => /^https?:\/\//.test(post.permalink ?? '')
  ? element('a', post.caption ?? post.id, { href: post.permalink, rel: 'noopener noreferrer' }) : post.caption ?? post.id;
const postColumns = [['author', (p) => p.author], ['platform', (p) => p.platform], ['caption', link],
  ['score', (p) => number(p.score)], ['trend', (p) => p.score_trend.toFixed(1)], ['posted', (p) => when(p.posted_at)]];

function bars(points) {
  const most = Math.max(1, ...points.map((p) => p.value ?? 0)), width = 100 / points.length;
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 100 40');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', `${t('perDay')}: ${points.map((p) => p.value).join(', ')}`);
  points.forEach((point, i) => {
    const rect = document.createElementNS(svg.namespaceURI, 'rect'), height = 40 * (point.value ?? 0) / most;
    for (const [key, value] of Object.entries({ x: i * width, y: 40 - height, width: width * 0.85, height })) rect.setAttribute(key, value);
    svg.append(rect);
  });
  return svg;
}

async function project(id) {
  const [one, posts, series] = await Promise.all([call(`/projects/${id}`), call(`/projects/${id}/posts?limit=60`),
    call(`/analytics/timeseries?project=${id}`)]);
  const form = element('form', [element('label', [t('hashtag'), element('input', null, { name: 'hashtag', required: true })]),
    element('button', t('add'))]);
  form.onsubmit = (event) => act(event, async () => {
    await call(`/projects/${id}/hashtags`, { method: 'POST', body: JSON.stringify({ hashtag: form.hashtag.value }) });
    await open(() => project(id));
  });
  const back = element('button', t('back'), { type: 'button', onclick: () => open(views.projects) });
  return [back, element('h2', one.name), element('p', one.scope_query), form, element('h3', t('perDay')), bars(series.points),
    element('h3', `${t('posts')} (${number(one.posts_count)})`), table(postColumns, posts)];
}

const views = {
  async projects() {
    const list = await call('/projects');
    const form = element('form', [element('label', [t('newProject'), element('input', null, { name: 'name', required: true, maxLength: 255 })]),
      element('button', t('add'))]);
    form.onsubmit = (event) => act(event, async () => {
      await call('/projects', { method: 'POST', body: JSON.stringify({ name: form.elements.name.value }) });
      await open(views.projects);
    });
    const name = (p) => element('button', p.name, { type: 'button', onclick: () => open(() => project(p.id)) });
    return [element('h2', t('projects')), form, table([['name', name], ['platform', (p) => p.platforms.join(', ')], ['posts', (p) => p.posts_count]], list)];
  },
  async trending() {
    return [element('h2', t('trending')), table(postColumns, await call('/posts/trending?limit=50'))];
  },
  async figures() {
    const [series, tags] = await Promise.all([call('/analytics/timeseries'), call('/analytics/hashtags/stats?limit=20')]);
    return [element('h2', t('figures')), element('h3', t('perDay')), bars(series.points), element('h3', t('hashtag')),
      table([['hashtag', (h) => `#${h.name}`], ['platform', (h) => h.platform], ['posts', (h) => h.total_posts], ['score', (h) => number(Math.round(h.avg_engagement))]], tags)];
  },
};

function say(text, error = false) {
  $('#message').textContent = text;
  $('#message').className = error ? 'error' : '';
}

async function act(event, fn) {
  event?.preventDefault();
  say('');
  try { await fn(); } catch (problem) { say(problem.message, true); }
}

const open = (view) => act(null, async () => $('#view').replaceChildren(...await view()));

// The other products' page, where it is served.
fetch('/', { headers: { Accept: 'application/json' } }).then((answer) => answer.json()).then(({ links }) => {
  if (links?.inbox === '/inbox') $('.bar nav a').after(element('a', t('inbox'), { href: links.inbox }));
}).catch(() => {});

document.querySelectorAll('[data-view]').forEach((b) => { b.onclick = () => { current = b.dataset.view; open(views[current]); }; });
begin(texts[language()], (signedIn) => {
  say('');
  if (signedIn) open(views[current]); else $('#view').replaceChildren();
});
