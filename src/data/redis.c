/* SPDX-License-Identifier: Apache-2.0
 * What the rest of the house sees of Redis: opening by URL, commands, scripts. Connections are
 * redis_conn.c's, messages redis_messages.c's.
 *
 * A Redis is counted: the owner, each service and each thing posted to a loop hold it, so that
 * redis_close may come before the loops end or after. */
#include "data/redis.h"

#include <openssl/evp.h>

#include "data/redis_conn.h"
#include "net/url.h"

enum { FIRST_TRY_MS = 2000, FIRST_LOOK_MS = 1, DATABASE_MAX = 65535 };

void redis_ref(Redis *redis) { atomic_fetch_add(&redis->refs, 1); }

void redis_unref(Redis *redis) {
    if (atomic_fetch_sub(&redis->refs, 1) > 1) return;
    for (Subscription *s = redis->subscriptions; s;) {
        Subscription *next = s->next;
        free((char *)(uintptr_t)s->channel.data);
        free(s);
        s = next;
    }
    pthread_mutex_destroy(&redis->lock);
    arena_free(redis->arena);
    free(redis);
}

/* -- opening --------------------------------------------------------------------------------------- */

static Err *database_parse(Ctx *c, Str text, int64_t *out) {
    if (text.len == 0) return NULL;
    if (str_to_i64(text, out) && *out >= 0 && *out <= DATABASE_MAX) return NULL;
    FAIL(c, INVALID, "REDIS_URL: the database must be a number, as in redis://host:6379/0.");
}

static Err *login_parse(Ctx *c, Redis *redis, Str userinfo) {
    if (userinfo.len == 0) return NULL;
    Str user, password = str_cut(userinfo, ':', &user);
    if (str_is_null(password)) { /* redis-cli's short form: a password alone */
        password = user;
        user = S("");
    }
    redis->user = url_decode(redis->arena, user, false);
    redis->password = url_decode(redis->arena, password, false);
    if (str_is_null(redis->user) || str_is_null(redis->password) || (user.len && !password.len))
        FAIL(c, INVALID,
             "REDIS_URL: the log-in must be user:password or password, percent-encoded.");
    return NULL;
}

static Err *url_read(Ctx *c, Redis *redis, Str text) {
    Url url;
    if (str_starts(text, S("rediss://")))
        FAIL(c, INVALID,
             "REDIS_URL: rediss:// (TLS) is not supported; use redis:// over a private network or "
             "a tunnel.");
    bool is_unix = str_starts(text, S("unix://"));
    if (!is_unix && !str_starts(text, S("redis://")))
        FAIL(c, INVALID, "REDIS_URL must begin with redis:// or unix://.");
    if (!url_parse(text, &url) || url.fragment.len)
        FAIL(c, INVALID,
             "REDIS_URL is malformed; expected redis://[user:password@]host[:port][/database].");
    TRY(login_parse(c, redis, url.userinfo));
    Str database = {0};
    if (url.query.len) {
        if (!is_unix || !str_starts(url.query, S("db=")))
            FAIL(c, INVALID,
                 "REDIS_URL: nothing may follow `?` but db=NUMBER after a Unix socket's path.");
        database = str_slice(url.query, 3, url.query.len);
    }
    if (is_unix) {
        redis->path = url_decode(redis->arena, url.path, false);
        if (redis->path.len < 2 || url.host.len || str_find_byte(redis->path, '\0') >= 0)
            FAIL(c, INVALID, "REDIS_URL: a Unix socket is written unix:///path/to/socket.");
        redis->path = str_c(str_cstr(redis->arena, redis->path));
    } else {
        redis->host = str_c(str_cstr(redis->arena, url.host.len ? url.host : S("localhost")));
        redis->port = url.port ? url.port : 6379;
        database = str_slice(url.path, 1, url.path.len);
    }
    return database_parse(c, database, &redis->database);
}

static Redis *redis_new(Ctx *c) {
    Redis *redis = calloc(1, sizeof *redis);
    if (!redis) abort();
    redis->arena = arena_new(64 * KIB);
    redis->app = c->app;
    redis->conn_count = loop_count();
    atomic_store(&redis->refs, 1);
    pthread_mutex_init(&redis->lock, NULL);
    for (int i = 0; i < redis->conn_count; i++)
        redis->conns[i] = (RedisConn){.redis = redis, .loop = loop_at(i)};
    redis->messages = (RedisConn){.redis = redis, .loop = loop_at(0), .for_messages = true};
    return redis;
}

/* Until each loop has tried once: who is served first is served as all will be, on whatever loop.
 * Who is cancelled or late meets it at the next wait. */
static void first_tries_wait(Ctx *c, Redis *redis) {
    int64_t former = ctx_deadline_within(c, FIRST_TRY_MS);
    Err *err = NULL;
    for (int i = 0; i < redis->conn_count && !err; i++)
        while (!err && !atomic_load(&redis->conns[i].tried)) err = sleep_ms(c, FIRST_LOOK_MS);
    c->deadline_us = former;
}

Err *redis_open(Ctx *c, Str url, Redis **out) {
    assert(c->coro);
    if (url.len > 4 * KIB) FAIL(c, INVALID, "REDIS_URL is longer than 4 KiB.");
    Redis *redis = redis_new(c);
    Err *err = url_read(c, redis, url);
    if (err) {
        redis_unref(redis);
        return err;
    }
    for (int i = 0; i < redis->conn_count; i++) redis_conn_start(&redis->conns[i]);
    redis_conn_start(&redis->messages);
    first_tries_wait(c, redis);
    *out = redis;
    return NULL;
}

void redis_close(Redis *redis) {
    if (!redis) return;
    atomic_store(&redis->closing, true);
    for (int i = 0; i < redis->conn_count; i++) redis_conn_stop(&redis->conns[i]);
    redis_conn_stop(&redis->messages);
    redis_unref(redis);
}

bool redis_up(Redis *redis) {
    Loop *here = loop_here();
    return atomic_load(&redis->conns[here ? loop_index(here) : 0].up);
}

/* -- commands -------------------------------------------------------------------------------------- */

Err *redis_command(Ctx *c, Redis *redis, const Str *args, ptrdiff_t count, RedisReply *out) {
    if (!c->coro) FAIL(c, UNAVAILABLE, "Redis can be asked in a coroutine only.");
    RedisConn *conn = &redis->conns[loop_index(loop_here())];
    if (!atomic_load(&conn->up)) FAIL(c, UNAVAILABLE, "Redis is away.");
    return redis_conn_command(c, conn, args, count, out);
}

static Str sha1_hex(Ctx *c, Str text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_Digest(text.data, (size_t)text.len, digest, &length, EVP_sha1(), NULL) != 1) abort();
    return str_hex(c->arena, digest, length);
}

Err *redis_script(Ctx *c, Redis *redis, Str script, const Str *keys, ptrdiff_t key_count,
                  const Str *args, ptrdiff_t arg_count, RedisReply *out) {
    assert(key_count >= 0 && arg_count >= 0);
    Str *all = arena_array(c->arena, Str, 3 + key_count + arg_count);
    all[0] = S("EVALSHA");
    all[1] = sha1_hex(c, script);
    all[2] = strf(c->arena, "%td", key_count);
    for (ptrdiff_t i = 0; i < key_count; i++) all[3 + i] = keys[i];
    for (ptrdiff_t i = 0; i < arg_count; i++) all[3 + key_count + i] = args[i];
    Err *err = redis_command(c, redis, all, 3 + key_count + arg_count, out);
    if (!err || err->kind != ERR_UPSTREAM || !str_starts(err->detail, S("Redis: NOSCRIPT")))
        return err;
    all[0] = S("EVAL");
    all[1] = script;
    return redis_command(c, redis, all, 3 + key_count + arg_count, out);
}

Err *redis_publish(Ctx *c, Redis *redis, Str channel, Str message) {
    RedisReply reply;
    Str args[] = {S("PUBLISH"), channel, message};
    return redis_command(c, redis, args, COUNT(args), &reply);
}
