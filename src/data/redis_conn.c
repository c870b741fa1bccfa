/* SPDX-License-Identifier: Apache-2.0
 * One connection to Redis, kept by a service coroutine:
 *
 *   look up the name ─▶ connect ─▶ AUTH, SELECT, SETNAME, PING ─▶ up ─▶ lost ─┐
 *          ▲                │ failed                                          │
 *          └──── back-off ◀─┴─────────────────────────────────────────────────┘
 *
 * hiredis's callbacks run in the loop; they hand replies over (see reply_steal) and wake coroutines.
 * A context dies in one place, on_cleanup: whatever ends it (hiredis on an error, redis_conn_break),
 * `ac` is NULL afterwards and every waiting command has been told. */
#include "data/redis_conn.h"

#include <netdb.h>
#include <unistd.h>

#include "core/log.h"
#include "core/rand.h"
#include "core/time.h"

enum {
    CONNECT_MS = 2000,
    COMMAND_MS = 2000,
    PENDING_MAX = 4096,
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MAX_MS = 5000,
};

/* -- hiredis on the loop --------------------------------------------------------------------------- */

static void on_ready(void *arg, int events) {
    RedisConn *conn = arg;
    redisAsyncContext *ac = conn->ac;
    if (ac && events & UV_READABLE) redisAsyncHandleRead(ac);
    if (ac && conn->ac == ac && events & UV_WRITABLE) redisAsyncHandleWrite(ac);
}

static void events_set(RedisConn *conn, int events) {
    if (events == conn->events) return;
    conn->events = events;
    fd_watch_start(conn->watch, events, on_ready, conn);
}

static void on_add_read(void *arg) { events_set(arg, ((RedisConn *)arg)->events | UV_READABLE); }
static void on_del_read(void *arg) { events_set(arg, ((RedisConn *)arg)->events & ~UV_READABLE); }
static void on_add_write(void *arg) { events_set(arg, ((RedisConn *)arg)->events | UV_WRITABLE); }
static void on_del_write(void *arg) { events_set(arg, ((RedisConn *)arg)->events & ~UV_WRITABLE); }

static void on_cleanup(void *arg) {
    RedisConn *conn = arg;
    fd_watch_free(conn->watch);
    conn->watch = NULL;
    conn->ac = NULL;
    conn->events = 0;
    conn->connected = false;
    atomic_store(&conn->up, false);
    if (conn->service) coro_wake(conn->service);
}

static void on_connect(const redisAsyncContext *ac, int status) {
    RedisConn *conn = ac->data;
    conn->connected = status == REDIS_OK;
    snprintf(conn->why, sizeof conn->why, "%s", conn->connected ? "" : ac->errstr);
    if (conn->service) coro_wake(conn->service);
}

static void attach(RedisConn *conn, redisAsyncContext *ac) {
    conn->ac = ac;
    conn->watch = fd_watch_new(ac->c.fd);
    ac->data = ac->ev.data = conn;
    ac->ev.addRead = on_add_read;
    ac->ev.delRead = on_del_read;
    ac->ev.addWrite = on_add_write;
    ac->ev.delWrite = on_del_write;
    ac->ev.cleanup = on_cleanup;
    /* A peer that vanished is noticed even by who only listens. */
    if (conn->redis->path.len == 0) redisEnableKeepAlive(&ac->c);
    redisAsyncSetConnectCallback(ac, on_connect);
}

void redis_conn_break(RedisConn *conn) {
    if (conn->ac) redisAsyncFree(conn->ac);
    assert(!conn->ac);
}

/* -- commands -------------------------------------------------------------------------------------- */

/* A command under way. Lives on the heap, because its reply may come after the caller gave up. */
typedef struct Pending {
    RedisConn *conn;
    Coro *waiter;
    redisReply *reply;
    bool done, abandoned;
} Pending;

typedef struct Hold {
    Pending *pending;
} Hold;

static void hold_drop(void *arg) {
    Pending *p = ((Hold *)arg)->pending;
    if (!p) return;
    if (!p->done) {
        p->waiter = NULL;
        p->abandoned = true; /* on_reply frees it */
        return;
    }
    freeReplyObject(p->reply);
    free(p);
}

/* hiredis frees a reply when the callback returns: take its contents and leave it a hull. */
static redisReply *reply_steal(redisReply *reply) {
    redisReply *mine = malloc(sizeof *mine);
    if (!mine) abort();
    *mine = *reply;
    reply->type = REDIS_REPLY_NIL;
    return mine;
}

static void on_reply(redisAsyncContext *ac, void *reply, void *arg) {
    Pending *p = arg;
    (void)ac;
    p->conn->pending--;
    if (p->abandoned) {
        free(p);
        return;
    }
    if (reply) p->reply = reply_steal(reply);
    p->done = true;
    if (p->waiter) coro_wake(p->waiter);
    p->waiter = NULL;
}

static RedisReply reply_copy(Arena *arena, const redisReply *reply) {
    RedisReply r = {.kind = REDIS_NIL};
    switch (reply->type) {
    case REDIS_REPLY_NIL: break;
    case REDIS_REPLY_INTEGER:
        r.kind = REDIS_INT;
        r.integer = reply->integer;
        break;
    case REDIS_REPLY_ARRAY:
        r.kind = REDIS_LIST;
        r.count = (ptrdiff_t)reply->elements;
        r.items = arena_array(arena, RedisReply, r.count);
        for (ptrdiff_t i = 0; i < r.count; i++) r.items[i] = reply_copy(arena, reply->element[i]);
        break;
    default: /* text, status; an error inside a list */
        r.kind = REDIS_TEXT;
        r.text = str_copy(arena, str_of(reply->str, (ptrdiff_t)reply->len));
    }
    return r;
}

static Err *reply_err(Ctx *c, RedisConn *conn, Str text) {
    static const Str passing[] = {S_INIT("LOADING"),    S_INIT("BUSY "),       S_INIT("OOM"),
                                  S_INIT("MASTERDOWN"), S_INIT("CLUSTERDOWN"), S_INIT("TRYAGAIN"),
                                  S_INIT("READONLY")};
    for (ptrdiff_t i = 0; i < COUNT(passing); i++) {
        if (!str_starts(text, passing[i])) continue;
        /* After a failover the name leads elsewhere: look it up again. */
        if (str_eq(passing[i], S("READONLY"))) redis_conn_break(conn);
        FAIL(c, UNAVAILABLE, "Redis: %.*s", S_ARG(text));
    }
    FAIL(c, UPSTREAM, "Redis: %.*s", S_ARG(text));
}

static Err *pending_start(Ctx *c, RedisConn *conn, const Str *args, ptrdiff_t count, Hold *hold) {
    if (!conn->ac || conn->pending >= PENDING_MAX)
        FAIL(c, UNAVAILABLE, conn->ac ? "Too many commands wait for Redis." : "Redis is away.");
    const char **texts = arena_array(c->arena, const char *, count);
    size_t *lengths = arena_array(c->arena, size_t, count);
    for (ptrdiff_t i = 0; i < count; i++) {
        texts[i] = args[i].data ? args[i].data : "";
        lengths[i] = (size_t)args[i].len;
    }
    Pending *p = calloc(1, sizeof *p);
    if (!p) abort();
    *p = (Pending){.conn = conn, .done = true};
    hold->pending = p;
    if (redisAsyncCommandArgv(conn->ac, on_reply, p, (int)count, texts, lengths) != REDIS_OK)
        FAIL(c, UNAVAILABLE, "Redis is going away.");
    p->done = false;
    conn->pending++;
    return NULL;
}

static Err *pending_wait(Ctx *c, RedisConn *conn, Pending *p) {
    int64_t limit_us = mono_us() + COMMAND_MS * US_PER_MS,
            former = ctx_deadline_within(c, COMMAND_MS);
    Wake wake = WAKE_DONE;
    while (!p->done && wake == WAKE_DONE) {
        p->waiter = c->coro;
        wake = coro_wait(c);
        p->waiter = NULL;
    }
    c->deadline_us = former;
    if (!p->done && wake == WAKE_TIMEOUT)
        coro_yield(c); /* our loop may be late, not Redis: look again */
    if (p->done) return NULL;
    if (wake != WAKE_TIMEOUT || mono_us() < limit_us) return wake_err(c, wake, __func__);
    redis_conn_break(conn); /* replies come in order: those behind this one are stuck as well */
    FAIL(c, UNAVAILABLE, "Redis did not answer within %d ms.", COMMAND_MS);
}

static Err *command_held(Ctx *c, RedisConn *conn, const Str *args, ptrdiff_t count, RedisReply *out,
                         Hold *hold) {
    TRY(pending_start(c, conn, args, count, hold));
    TRY(pending_wait(c, conn, hold->pending));
    const redisReply *reply = hold->pending->reply;
    if (!reply) FAIL(c, UNAVAILABLE, "The connection to Redis was lost.");
    if (reply->type == REDIS_REPLY_ERROR)
        return reply_err(c, conn, str_of(reply->str, (ptrdiff_t)reply->len));
    *out = reply_copy(c->arena, reply);
    return NULL;
}

Err *redis_conn_command(Ctx *c, RedisConn *conn, const Str *args, ptrdiff_t count,
                        RedisReply *out) {
    assert(count > 0 && args[0].len > 0);
    Defer *mark = c->defers;
    Hold *hold = arena_new_of(c->arena, Hold);
    defer(c, hold_drop, hold);
    Err *err = command_held(c, conn, args, count, out, hold);
    ctx_undo(c, mark);
    return err;
}

/* -- connecting ------------------------------------------------------------------------------------ */

typedef struct Lookup {
    uv_getaddrinfo_t req;
    Coro *co;
    int status;
    bool done;
} Lookup;

static void on_looked_up(uv_getaddrinfo_t *req, int status, struct addrinfo *found) {
    (void)found;
    Lookup *w = req->data;
    w->status = status;
    w->done = true;
    coro_wake(w->co);
}

/* Wait until the connection is made or has failed. */
static Err *connect_wait(Ctx *c, RedisConn *conn, redisAsyncContext *ac) {
    if (!ac) abort();
    if (ac->err) {
        Err *err = err_new(c, ERR_UNAVAILABLE, __func__, "%s", ac->errstr);
        redisAsyncFree(ac);
        return err;
    }
    attach(conn, ac);
    int64_t former = ctx_deadline_within(c, CONNECT_MS);
    Wake wake = WAKE_DONE;
    while (conn->ac && !conn->connected && wake == WAKE_DONE) wake = coro_wait(c);
    c->deadline_us = former;
    if (conn->ac && conn->connected) return NULL;
    bool lost = !conn->ac;
    redis_conn_break(conn);
    if (lost) FAIL(c, UNAVAILABLE, "Connecting failed: %s.", conn->why);
    return wake_err(c, wake, __func__);
}

static Err *connect_tcp(Ctx *c, RedisConn *conn) {
    const Redis *redis = conn->redis;
    Lookup w = {.co = c->coro};
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    w.req.data = &w;
    int bad =
        uv_getaddrinfo(loop_uv(conn->loop), &w.req, on_looked_up, redis->host.data, NULL, &hints);
    while (!bad && !w.done) coro_wait_surely(c); /* the resolver has a limit of its own */
    if (!bad) bad = w.status;
    if (bad)
        FAIL(c, UNAVAILABLE, "Could not look up %.*s: %s.", S_ARG(redis->host), uv_strerror(bad));
    Err *err = NULL;
    for (struct addrinfo *at = w.req.addrinfo; at; at = at->ai_next) {
        char text[64];
        if (uv_ip_name(at->ai_addr, text, sizeof text) != 0) continue;
        err = connect_wait(c, conn, redisAsyncConnect(text, redis->port));
        if (!err || c->cancelled) break;
    }
    uv_freeaddrinfo(w.req.addrinfo);
    return err;
}

static Err *hello(Ctx *c, RedisConn *conn) {
    const Redis *redis = conn->redis;
    RedisReply reply;
    Str auth[] = {S("AUTH"), redis->user, redis->password};
    Str password_only[] = {S("AUTH"), redis->password};
    Str select[] = {S("SELECT"), strf(c->arena, "%lld", (long long)redis->database)};
    Str name[] = {S("CLIENT"), S("SETNAME"), strf(c->arena, "socle-%d", (int)getpid())};
    Str ping[] = {S("PING")};
    if (redis->user.len)
        TRY(redis_conn_command(c, conn, auth, COUNT(auth), &reply));
    else if (redis->password.len)
        TRY(redis_conn_command(c, conn, password_only, COUNT(password_only), &reply));
    TRY(redis_conn_command(c, conn, select, COUNT(select), &reply));
    TRY(redis_conn_command(c, conn, name, COUNT(name), &reply));
    return redis_conn_command(c, conn, ping, COUNT(ping),
                              &reply); /* refused while it loads its data */
}

static Err *conn_open(Ctx *c, RedisConn *conn) {
    const Redis *redis = conn->redis;
    TRY(redis->path.len ? connect_wait(c, conn, redisAsyncConnectUnix(redis->path.data))
                        : connect_tcp(c, conn));
    Err *err = hello(c, conn);
    if (err) redis_conn_break(conn);
    return err;
}

/* -- the service ----------------------------------------------------------------------------------- */

static bool is_over(Ctx *c, const RedisConn *conn) {
    return c->cancelled || atomic_load(&conn->redis->closing);
}

static void pause_before_retry(Ctx *c, const RedisConn *conn, int tries) {
    int64_t cap = min_i64(BACKOFF_MAX_MS, (int64_t)BACKOFF_FIRST_MS << min_i64(tries, 16));
    int64_t former = ctx_deadline_within(c, cap / 2 + rand_below(rand_thread(), cap / 2 + 1));
    while (!is_over(c, conn))
        if (coro_wait(c) != WAKE_DONE) break;
    c->deadline_us = former;
}

static void conn_keep(Ctx *c, RedisConn *conn) {
    bool first_loop = conn == &conn->redis->conns[0]; /* one line in the log is enough */
    bool away = false;
    for (int tries = 0; !is_over(c, conn); tries++) {
        ArenaMark mark = arena_mark(c->arena);
        Err *err = conn_open(c, conn);
        if (first_loop && err && !away && !is_over(c, conn))
            log_msg(c, LOG_WARN, "Redis is away: %.*s", S_ARG(err->detail));
        if (first_loop && !err && away) log_msg(c, LOG_INFO, "Redis is back");
        away = err != NULL;
        arena_release(c->arena, mark);
        if (!away) {
            tries = 0;
            atomic_store(&conn->up, true);
            if (conn->for_messages) redis_messages_up(conn);
        }
        atomic_store(&conn->tried, true);
        while (conn->ac && !is_over(c, conn))
            if (coro_wait(c) == WAKE_CANCELLED) break;
        if (!is_over(c, conn)) pause_before_retry(c, conn, tries);
    }
}

static void conn_service(Ctx *c, void *arg) {
    RedisConn *conn = arg;
    conn->service = c->coro;
    conn_keep(c, conn);
    conn->service = NULL;
    redis_conn_break(conn);
    atomic_store(&conn->tried, true);
    atomic_store(&conn->alive, false);
    redis_unref(conn->redis);
}

void redis_conn_start(RedisConn *conn) {
    redis_ref(conn->redis);
    atomic_store(&conn->alive, true);
    CoroOptions options = {.name = "redis", .service = true, .app = conn->redis->app};
    coro_spawn_on(conn->loop, options, conn_service, conn);
}

static void stop_here(void *arg) {
    RedisConn *conn = arg;
    if (conn->service) coro_wake(conn->service); /* it sees that we are closing */
    redis_unref(conn->redis);
}

void redis_conn_stop(RedisConn *conn) {
    if (!atomic_load(&conn->alive)) return;
    redis_ref(conn->redis);
    loop_post(conn->loop, stop_here, conn);
}
