/* SPDX-License-Identifier: Apache-2.0 */
#include "data/pg_conn.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/log.h"
#include "data/pg_pool.h"
#include "rt/offload.h"

enum {
    STATEMENTS_MAX = 256,
    CONNECT_MS = 10000,
    LIMIT_MS = 15000, /* a COMMIT that takes longer has met a dead server */
    CANCEL_MS = 200,  /* between two requests to stop the same statement */
    CANCELS_MAX = 25,
    CANCEL_ANSWER_MS = 5000,
    CANCEL_LOOK_MS = 5,
    CANCELLERS_MAX = 8,
    KEYWORDS_MAX = 64,
};

/* A prepared statement on the server: its name is s<id>. */
typedef struct PgStmt {
    Stmt key;
    int64_t id;
    int at; /* which command of its request has prepared it */
} PgStmt;

/* -- where to connect -------------------------------------------------------------------------- */

static void target_set(PgTarget *t, int *count, const char *keyword, const char *value) {
    for (int i = 0; i < *count; i++)
        if (strcmp(t->keywords[i], keyword) == 0) return; /* the URL's own word stands */
    assert(*count < KEYWORDS_MAX);
    t->keywords[*count] = strdup(keyword);
    t->values[(*count)++] = strdup(value);
}

/* `postgresql+asyncpg://…` without what stands behind the plus. */
static Str url_plain(Ctx *c, Str url) {
    ptrdiff_t plus = str_find_byte(url, '+'), colon = str_find_byte(url, ':');
    if (plus < 0 || plus > colon) return url;
    return str_concat(c->arena, S("postgresql"), str_slice(url, colon, url.len));
}

/* A dead server is noticed: idle after 30 + 15 s, with data under way after 10 s. */
static const char *const usual[][2] = {
    {"application_name", "socle"}, {"client_encoding", "UTF8"},
    {"connect_timeout", "10"},     {"keepalives_idle", "30"},
    {"keepalives_interval", "5"},  {"keepalives_count", "3"},
    {"tcp_user_timeout", "10000"}, {"fallback_application_name", "socle"},
};

Err *pg_target_read(Ctx *c, DbOptions options, PgTarget *out) {
    char *why = NULL;
    PQconninfoOption *given = PQconninfoParse(str_cstr(c->arena, url_plain(c, options.url)), &why);
    if (!given) {
        Err *err =
            err_new(c, ERR_INVALID, __func__, "DATABASE_URL: %s", why ? why : "out of memory");
        PQfreemem(why);
        return err;
    }
    *out = (PgTarget){.keywords = calloc(KEYWORDS_MAX + 1, sizeof(char *)),
                      .values = calloc(KEYWORDS_MAX + 1, sizeof(char *)),
                      .prepared = options.prepared,
                      .statement_timeout_ms = options.statement_timeout_ms};
    if (!out->keywords || !out->values) abort();
    int count = 0;
    for (PQconninfoOption *o = given; o->keyword; o++)
        if (o->val && *o->val) target_set(out, &count, o->keyword, o->val);
    PQconninfoFree(given);
    for (ptrdiff_t i = 0; i < COUNT(usual); i++) target_set(out, &count, usual[i][0], usual[i][1]);
    char text[96];
    snprintf(text, sizeof text, "-c timezone=UTC -c statement_timeout=%lld",
             (long long)options.statement_timeout_ms);
    if (out->prepared) target_set(out, &count, "options", text); /* transaction poolers refuse it */
    return NULL;
}

void pg_target_free(PgTarget *t) {
    for (int i = 0; t->keywords && t->keywords[i]; i++) {
        free((char *)(uintptr_t)t->keywords[i]);
        free((char *)(uintptr_t)t->values[i]);
    }
    free(t->keywords);
    free(t->values);
    *t = (PgTarget){0};
}

/* -- connecting -------------------------------------------------------------------------------- */

typedef struct Starting {
    const PgTarget *target;
    PGconn *pg;
} Starting;

/* Looking a name up blocks, so libpq begins on a pool thread. */
static void session_start(void *arg) {
    Starting *s = arg;
    s->pg = PQconnectStartParams(s->target->keywords, s->target->values, 0);
}

static void notice_drop(void *arg, const PGresult *result) {
    (void)arg;
    (void)result;
}

static Err *session_wait(Ctx *c, PGconn *pg) {
    PostgresPollingStatusType now = PGRES_POLLING_WRITING;
    while (now != PGRES_POLLING_OK) {
        if (now == PGRES_POLLING_FAILED || PQsocket(pg) < 0)
            FAIL(c, UNAVAILABLE, "PostgreSQL cannot be reached: %.*s",
                 S_ARG(str_trim(str_c(PQerrorMessage(pg)))));
        FdWatch *w = fd_watch_new(PQsocket(pg)); /* libpq may take another socket at each step */
        int got = 0;
        Err *err = fd_wait(c, w, now == PGRES_POLLING_READING ? UV_READABLE : UV_WRITABLE, &got);
        fd_watch_free(w);
        if (err) return err;
        now = PQconnectPoll(pg);
    }
    return NULL;
}

Err *pg_session(Ctx *c, const PgTarget *target, PGconn **out, int *fd) {
    Starting starting = {.target = target};
    TRY(offload(c, LANE_SHORT, session_start, &starting));
    PGconn *pg = starting.pg;
    if (!pg) abort();
    int64_t former = ctx_deadline_within(c, CONNECT_MS);
    Err *err = session_wait(c, pg);
    c->deadline_us = former;
    *fd = err ? -1 : fcntl(PQsocket(pg), F_DUPFD_CLOEXEC, 0);
    if (!err && *fd < 0) err = err_later(c, __func__, "No file descriptor is left.");
    if (err) {
        PQfinish(pg);
        return err;
    }
    PQsetnonblocking(pg, 1);
    PQsetNoticeReceiver(pg, notice_drop, NULL);
    *out = pg;
    return NULL;
}

static void conn_pump(void *arg, int events);

static void conn_limit_over(void *arg) { pg_conn_break(arg, "PostgreSQL did not answer in time"); }

Err *pg_conn_connect(Ctx *c, PgConn *conn, const PgTarget *target) {
    assert(conn->state == PG_DOWN && !conn->pg);
    TRY(pg_session(c, target, &conn->pg, &conn->fd));
    if (!PQenterPipelineMode(conn->pg)) abort();
    conn->watch = fd_watch_new(conn->fd);
    conn->limit = timer_new(conn_limit_over, conn);
    conn->watching_write = false;
    conn->state = PG_UP;
    conn->epoch++;
    fd_watch_start(conn->watch, UV_READABLE, conn_pump, conn);
    return NULL;
}

/* -- requests ---------------------------------------------------------------------------------- */

void pg_request_free(PgRequest *r) {
    PQclear(r->result);
    free(r);
}

/* Answered, or lost: it leaves the connection. */
static void request_end(PgConn *conn, bool lost) {
    PgRequest *r = conn->head;
    conn->head = r->next;
    if (!conn->head) conn->tail = NULL;
    conn->in_flight--;
    tally_add(&conn->pool->in_flight, -1);
    r->lost = lost;
    r->done = true;
    if (r->co)
        coro_wake(r->co);
    else
        pg_request_free(r);
}

static PgRequest *request_add(Ctx *c, PgConn *conn) {
    PgRequest *r = calloc(1, sizeof *r);
    if (!r) abort();
    r->co = c->coro;
    r->cancels = conn->cancels;
    *(conn->tail ? &conn->tail->next : &conn->head) = r;
    conn->tail = r;
    conn->in_flight++;
    tally_add(&conn->pool->in_flight, 1);
    return r;
}

void pg_conn_break(PgConn *conn, const char *why) {
    if (conn->state != PG_UP) return;
    conn->state = PG_BROKEN;
    snprintf(conn->why, sizeof conn->why, "%s", why);
    fd_watch_start(conn->watch, 0, NULL, NULL);
    timer_stop(conn->limit);
    while (conn->head) request_end(conn, true);
    pg_pool_told_broken(conn);
}

void pg_conn_drop(PgConn *conn) {
    assert(!conn->head);
    pg_conn_forget(conn);
    fd_watch_free(conn->watch);
    close(conn->fd);
    timer_free(conn->limit);
    PQfinish(conn->pg);
    conn->watch = NULL;
    conn->limit = NULL;
    conn->pg = NULL;
    conn->state = PG_DOWN;
}

/* -- prepared statements ----------------------------------------------------------------------- */

static void statement_drop(PgConn *conn, PgStmt *s) {
    stmt_remove(&conn->statements, &s->key);
    free(s);
}

/* Names are never used again, so what the server still holds under the old ones does no harm. */
void pg_conn_forget(PgConn *conn) {
    while (conn->statements.newest) statement_drop(conn, (PgStmt *)conn->statements.newest);
}

/* Those that r was to prepare from the command that failed on: the next call tries again. */
static void statements_lost(PgConn *conn, const PgRequest *r) {
    if (!r->prepare_first) return;
    for (Stmt *s = conn->statements.newest, *older; s; s = older) {
        PgStmt *one = (PgStmt *)s;
        older = s->older;
        if (one->id >= r->prepare_first && one->id <= r->prepare_last && one->at >= r->answers)
            statement_drop(conn, one);
    }
}

static void name_of(int64_t id, char name[24]) { snprintf(name, 24, "s%lld", (long long)id); }

/* One byte a parameter: null and value take turns, and each combination is another statement, for
 * the server has fixed the type of what was null when it was prepared. */
static Str types_of(const PgArgs *args, char space[ARGS_MAX]) {
    for (int i = 0; i < args->count; i++) space[i] = (char)(args->types[i] % 251);
    return str_of(space, args->count);
}

/* Sends what is needed so that `name` is prepared; false when the connection failed. *commands
 * counts the commands sent so far in r. */
static bool statement_ready(PgConn *conn, PgRequest *r, const char *text, const PgArgs *args,
                            int *commands, char name[24]) {
    char space[ARGS_MAX];
    Str key = str_c(text), types = types_of(args, space);
    PgStmt *s = (PgStmt *)stmt_find(&conn->statements, key, types);
    if (s) {
        name_of(s->id, name);
        return true;
    }
    if (conn->statements.count >= STATEMENTS_MAX) {
        PgStmt *oldest = (PgStmt *)conn->statements.oldest;
        char drop[48];
        snprintf(drop, sizeof drop, "DEALLOCATE s%lld", (long long)oldest->id);
        statement_drop(conn, oldest);
        if (!PQsendQueryParams(conn->pg, drop, 0, NULL, NULL, NULL, NULL, 0)) return false;
        ++*commands;
    }
    s = calloc(1, sizeof *s);
    if (!s) abort();
    s->id = ++conn->statement_next;
    stmt_add(&conn->statements, &s->key, key, types);
    name_of(s->id, name);
    s->at = (*commands)++;
    if (!r->prepare_first) r->prepare_first = s->id;
    r->prepare_last = s->id;
    return PQsendPrepare(conn->pg, name, text, args->count, args->types);
}

/* -- sending ----------------------------------------------------------------------------------- */

static void conn_flush(PgConn *conn) {
    int left = PQflush(conn->pg);
    if (left < 0) {
        pg_conn_break(conn, PQerrorMessage(conn->pg));
        return;
    }
    if ((left > 0) == conn->watching_write) return;
    conn->watching_write = left > 0;
    fd_watch_start(conn->watch, UV_READABLE | (left > 0 ? UV_WRITABLE : 0), conn_pump, conn);
}

static bool begin_send(PgConn *conn, const PgTarget *target, int *commands) {
    ++*commands;
    if (!PQsendQueryParams(conn->pg, "BEGIN", 0, NULL, NULL, NULL, NULL, 0)) return false;
    if (target->prepared || target->statement_timeout_ms <= 0) return true;
    char set[64]; /* behind a pooler nothing outlives the transaction */
    snprintf(set, sizeof set, "SET LOCAL statement_timeout = %lld",
             (long long)target->statement_timeout_ms);
    ++*commands;
    return PQsendQueryParams(conn->pg, set, 0, NULL, NULL, NULL, NULL, 0);
}

static bool one_send(PgConn *conn, PgRequest *r, const PgTarget *target, const char *text,
                     const PgArgs *a, unsigned flags, int *commands) {
    char name[24];
    bool once = !target->prepared || (flags & SEND_ONCE);
    if (!once && !statement_ready(conn, r, text, a, commands, name)) return false;
    ++*commands;
    if (once)
        return PQsendQueryParams(conn->pg, text, a->count, a->types, a->values, a->lengths,
                                 a->formats, 1);
    return PQsendQueryPrepared(conn->pg, name, a->count, a->values, a->lengths, a->formats, 1);
}

static bool query_send(PgConn *conn, PgRequest *r, const PgTarget *target, PgLaters *before,
                       const char *text, const PgArgs *a, unsigned flags) {
    int commands = 0;
    if ((flags & SEND_BEGIN) && !begin_send(conn, target, &commands)) return false;
    for (PgLater *one = before ? before->first : NULL; one; one = one->next) {
        if (!one_send(conn, r, target, one->text, &one->args, one->flags, &commands)) return false;
        one->until = commands;
    }
    if (flags & SEND_PREPARE) return PQsendPrepare(conn->pg, "", text, 0, NULL);
    return one_send(conn, r, target, text, a, flags, &commands);
}

/* Close the request; NULL when sending failed, for then the connection is broken and r was told. */
static PgRequest *request_sync(PgConn *conn, PgRequest *r, bool sent) {
    if (sent && PQpipelineSync(conn->pg)) {
        conn_flush(conn);
        return r;
    }
    r->co = NULL; /* pg_conn_break frees it */
    pg_conn_break(conn, PQerrorMessage(conn->pg));
    return NULL;
}

PgRequest *pg_conn_send(Ctx *c, PgConn *conn, const PgTarget *target, PgLaters *before,
                        const char *text, const PgArgs *args, unsigned flags) {
    assert(conn->state == PG_UP);
    PgRequest *r = request_add(c, conn);
    return request_sync(conn, r, query_send(conn, r, target, before, text, args, flags));
}

PgRequest *pg_conn_send_many(Ctx *c, PgConn *conn, const PgTarget *target, const char *text,
                             const Args *rows, ptrdiff_t count, const PgArgs *types) {
    assert(conn->state == PG_UP);
    PgRequest *r = request_add(c, conn);
    char name[24] = "";
    int commands = 0;
    bool sent = target->prepared ? statement_ready(conn, r, text, types, &commands, name)
                                 : PQsendPrepare(conn->pg, "", text, types->count, types->types);
    if (!target->prepared) commands++;
    r->rows_at = commands;
    PgArgs a;
    for (ptrdiff_t i = 0; i < count && sent; i++) {
        pg_args(c->arena, rows[i], &a);
        sent = PQsendQueryPrepared(conn->pg, name, a.count, a.values, a.lengths, a.formats, 1);
    }
    return request_sync(conn, r, sent);
}

/* -- answers ----------------------------------------------------------------------------------- */

static void answer_take(PgConn *conn, PGresult *result) {
    PgRequest *r = conn->head;
    switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC:
        PQclear(result);
        request_end(conn, false);
        return;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        if (r->failed) break;
        PQclear(r->result);
        r->result = result;
        r->answers++;
        return;
    case PGRES_PIPELINE_ABORTED: break;
    default:
        if (r->failed) break;
        PQclear(r->result);
        r->result = result;
        r->failed = true;
        statements_lost(conn, r);
        return;
    }
    PQclear(result);
}

/* Take what has arrived, send what is left. */
static void conn_pump(void *arg, int events) {
    PgConn *conn = arg;
    (void)events;
    if (conn->state != PG_UP) return;
    bool alive = PQconsumeInput(conn->pg) != 0;
    int empty = 0;
    while (conn->head && empty < 2 && !PQisBusy(conn->pg)) {
        PGresult *result = PQgetResult(conn->pg); /* NULL ends the answers of one command */
        empty = result ? 0 : empty + 1;
        if (result) answer_take(conn, result);
    }
    if (!alive || PQstatus(conn->pg) == CONNECTION_BAD || empty == 2) {
        pg_conn_break(conn, PQerrorMessage(conn->pg));
        return;
    }
    conn_flush(conn);
    if (conn->state == PG_UP) pg_pool_told_answered(conn);
}

Err *pg_conn_await(Ctx *c, PgRequest *r) {
    Wake wake = WAKE_DONE;
    while (!r->done && wake == WAKE_DONE) wake = coro_wait(c);
    return r->done ? NULL : wake_err(c, wake, "waiting for PostgreSQL");
}

void pg_request_abandon(PgRequest *r) {
    if (r->done)
        pg_request_free(r);
    else
        r->co = NULL;
}

void pg_conn_await_surely(Ctx *c, PgConn *conn, PgRequest *r) {
    if (!r->done) timer_start(conn->limit, LIMIT_MS);
    while (!r->done) coro_wait_surely(c);
    if (conn->limit) timer_stop(conn->limit);
}

/* -- cancelling -------------------------------------------------------------------------------- */

/* A request to cancel blocks, for ever where the server takes it and says nothing. So it has a thread
 * of its own, of which there are few: those of the pool are everybody's. */
typedef struct Canceller {
    PGcancel *cancel;
    atomic_bool done;
    atomic_int holders; /* the last one frees it */
} Canceller;
static atomic_int cancellers;

static void canceller_leave(Canceller *k) {
    if (atomic_fetch_sub(&k->holders, 1) == 1) free(k);
}

static void *canceller_main(void *arg) {
    Canceller *k = arg;
    char why[256];
    PQcancel(k->cancel, why, sizeof why); /* in vain? Then the limit ends the connection. */
    PQfreeCancel(k->cancel);
    atomic_fetch_sub(&cancellers, 1);
    atomic_store(&k->done, true);
    canceller_leave(k);
    return NULL;
}

static Canceller *canceller_start(const PgConn *conn) {
    pthread_t thread;
    PGcancel *cancel = PQgetCancel(conn->pg);
    Canceller *k = cancel ? malloc(sizeof *k) : NULL;
    if (!k) return NULL;
    k->cancel = cancel;
    atomic_init(&k->done, false);
    atomic_init(&k->holders, 2);
    atomic_fetch_add(&cancellers, 1);
    if (pthread_create(&thread, NULL, canceller_main, k) == 0) {
        pthread_detach(thread);
        return k;
    }
    atomic_fetch_sub(&cancellers, 1);
    PQfreeCancel(cancel);
    free(k);
    return NULL;
}

static void look_later(Ctx *c) {
    c->deadline_us = mono_us() + CANCEL_LOOK_MS * US_PER_MS;
    Wake wake = coro_wait(c);
    (void)wake; /* whatever it was, the caller looks again */
}

/* Until the server has taken the request; one that comes late would hit whoever has the connection
 * then, so that the connection is given up. */
static void cancel_ask(Ctx *c, PgConn *conn) {
    int64_t until_us = mono_us() + CANCEL_ANSWER_MS * US_PER_MS, epoch = conn->epoch;
    Canceller *k = NULL;
    bool taken = false;
    conn->cancels++;
    while (atomic_load(&cancellers) >= CANCELLERS_MAX && mono_us() < until_us) look_later(c);
    if (conn->state != PG_UP || conn->epoch != epoch) return;
    if (atomic_load(&cancellers) < CANCELLERS_MAX) k = canceller_start(conn);
    while (k && !(taken = atomic_load(&k->done)) && mono_us() < until_us) look_later(c);
    if (k) canceller_leave(k);
    if (!taken && conn->state == PG_UP && conn->epoch == epoch)
        pg_conn_break(conn, "the server does not answer a request to cancel");
}

/* A request to cancel that meets the server between two statements is lost, so it is repeated. */
void pg_conn_call_off(Ctx *c, PgConn *conn, PgRequest *r) {
    Ctx mine = *c; /* not stopped by what made us stop it */
    mine.cancelled = false;
    for (int tries = 0; tries < CANCELS_MAX && !r->done && conn->state == PG_UP; tries++) {
        if (conn->head == r) cancel_ask(&mine, conn);
        if (r->done) break; /* answered, or lost with its connection */
        mine.deadline_us = mono_us() + CANCEL_MS * US_PER_MS;
        if (!r->done && pg_conn_await(&mine, r) == NULL) break;
    }
    pg_conn_await_surely(c, conn, r);
}
