// The peer in Node: Fastify with response schemas, better-sqlite3 where it can be installed (only
// /ping where not), HS256 by hand. As durable as socle: WAL with synchronous=FULL.
'use strict';
const { createHmac, timingSafeEqual } = require('node:crypto');
const fastify = require('fastify')({ bodyLimit: 200 * 1024 * 1024 });

const SECRET = 'a-secret-of-the-benchmark-of-32-bytes';
const base64 = (text) => Buffer.from(text).toString('base64url');
const mac = (text) => createHmac('sha256', SECRET).update(text).digest();

function tokenMake(claims) {
  const text = `${base64('{"alg":"HS256","typ":"JWT"}')}.${base64(JSON.stringify(claims))}`;
  return `${text}.${mac(text).toString('base64url')}`;
}

function tokenRead(header = '') {
  const [head, body, sign] = header.replace('Bearer ', '').split('.');
  const given = Buffer.from(sign || '', 'base64url');
  const right = mac(`${head}.${body}`);
  if (given.length !== right.length || !timingSafeEqual(given, right)) return null;
  const claims = JSON.parse(Buffer.from(body, 'base64url'));
  return claims.exp > Date.now() / 1000 ? claims : null;
}

fastify.get('/ping', {
  schema: { response: { 200: { type: 'object', properties: {
    pong: { type: 'boolean' }, timestamp: { type: 'number' } } } } },
}, async () => ({ pong: true, timestamp: Date.now() / 1000 }));

function routes(db) {
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec(`
    CREATE TABLE users(id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT);
    CREATE TABLE projects(id INTEGER PRIMARY KEY, user_id INTEGER, name TEXT, status TEXT);
    CREATE TABLE project_hashtags(id INTEGER PRIMARY KEY, project_id INTEGER, name TEXT);
    CREATE TABLE project_creators(id INTEGER PRIMARY KEY, project_id INTEGER, creator_username TEXT);
    CREATE INDEX project_hashtags_project ON project_hashtags(project_id);
    CREATE INDEX project_creators_project ON project_creators(project_id);
    CREATE TABLE posts(id TEXT PRIMARY KEY, platform TEXT, author TEXT, caption TEXT, hashtags TEXT,
      metrics TEXT, posted_at TEXT, language TEXT, permalink TEXT, external_id TEXT);
    CREATE INDEX posts_time ON posts(posted_at);`);
  const q = (sql) => db.prepare(sql);
  const userAdd = q('INSERT INTO users(email, name) VALUES (?, ?)');
  const userGet = q('SELECT * FROM users WHERE id = ?');
  const projectAdd = q("INSERT INTO projects(user_id, name, status) VALUES (?, ?, 'draft')");
  const projectGet = q('SELECT * FROM projects WHERE id = ? AND user_id = ?');
  const hashtagAdd = q('INSERT INTO project_hashtags(project_id, name) VALUES (?, ?)');
  const hashtagGet = q('SELECT id, name FROM project_hashtags WHERE project_id = ?');
  const creatorAdd = q('INSERT INTO project_creators(project_id, creator_username) VALUES (?, ?)');
  const creatorGet = q('SELECT id, creator_username FROM project_creators WHERE project_id = ?');
  const postAdd = q('INSERT INTO posts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const postList = q('SELECT * FROM posts ORDER BY posted_at DESC LIMIT ? OFFSET ?');
  const postCount = q('SELECT count(*) AS total FROM posts');
  const postWrite = (p) => postAdd.run(p.id, p.platform, p.author, p.caption, JSON.stringify(p.hashtags),
    JSON.stringify(p.metrics), p.posted_at, p.language, p.permalink, p.external_id);
  const bulkWrite = db.transaction((posts) => posts.forEach(postWrite));

  const signedIn = async (request, reply) => {
    const claims = tokenRead(request.headers.authorization);
    request.user = claims && userGet.get(claims.sub);
    if (!request.user) return reply.code(401).send({ detail: 'Token invalide' });
  };
  const projectRead = (id, userId) => {
    const project = projectGet.get(id, userId);
    return project && { ...project, hashtags: hashtagGet.all(id), creators: creatorGet.all(id) };
  };

  fastify.addContentTypeParser('application/x-ndjson', { parseAs: 'string' }, (request, body, done) =>
    done(null, body.trim().split('\n').map((line) => JSON.parse(line))));
  fastify.post('/api/v1/auth/register', async ({ body }) => {
    const sub = userAdd.run(body.email, body.name).lastInsertRowid;
    return { access_token: tokenMake({ sub: Number(sub), exp: Date.now() / 1000 + 3600 }) };
  });
  fastify.post('/api/v1/projects', { preHandler: signedIn }, async ({ body, user }, reply) => {
    const id = Number(projectAdd.run(user.id, body.name).lastInsertRowid);
    for (const name of body.hashtag_names || []) hashtagAdd.run(id, name);
    for (const name of body.creator_usernames || []) creatorAdd.run(id, name);
    return reply.code(201).send(projectRead(id, user.id));
  });
  fastify.get('/api/v1/projects/:id', { preHandler: signedIn }, async ({ params, user }, reply) =>
    projectRead(Number(params.id), user.id) || reply.code(404).send({ detail: 'Project not found' }));
  fastify.post('/api/v1/posts/', { preHandler: signedIn }, async ({ body }) => {
    postWrite(body);
    return body;
  });
  fastify.get('/api/v1/posts/', { preHandler: signedIn }, async ({ query }, reply) => {
    reply.header('X-Total-Count', postCount.get().total);
    return postList.all(Number(query.limit || 100), Number(query.skip || 0)).map((p) => ({
      ...p, hashtags: JSON.parse(p.hashtags), metrics: JSON.parse(p.metrics) }));
  });
  fastify.post('/api/v1/posts/bulk', { preHandler: signedIn }, async ({ body }) => {
    bulkWrite(body);
    return { created: body.length, updated: 0, rejected: [] };
  });
}

try {
  routes(require('better-sqlite3')(`${process.env.DATA_DIR}/peer.db`));
} catch (error) {
  if (error.code !== 'MODULE_NOT_FOUND' && !/bindings/.test(error.message)) throw error;
}
fastify.listen({ port: Number(process.argv[2]), host: '127.0.0.1' });
