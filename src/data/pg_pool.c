/* SPDX-License-Identifier: Apache-2.0 */
#include "data/pg_pool.h"

#include <stdlib.h>

#include "core/log.h"
#include "core/rand.h"

enum {
    WAITING_MAX = 4096,
    IN_FLIGHT_MAX = 512, /* statements under way on one connection */
    BUSY_AT = 4,         /* from here on a further connection is opened */
    BACKOFF_MIN_MS = 50,
    BACKOFF_MAX_MS = 5000,
};

PgPool *pg_pool_here(Db *db) {
    int index = loop_index(loop_here());
    assert(index < db->postgres->pool_count);
    return &db->postgres->pools[index];
}

/* -- who waits --------------------------------------------------------------------------------- */

static void waiter_remove(PgQueue *queue, PgWaiter *w) {
    *(w->prev ? &w->prev->next : &queue->first) = w->next;
    *(w->next ? &w->next->prev : &queue->last) = w->prev;
    tally_add(&queue->count, -1);
    w->over = true;
}

static void waiter_add(PgQueue *queue, PgWaiter *w) {
    w->prev = queue->last;
    *(queue->last ? &queue->last->next : &queue->first) = w;
    queue->last = w;
    tally_add(&queue->count, 1);
}

/* What a further statement has to wait for; a statement that must be stopped first counts as many.
 */
static int load(const PgConn *conn) {
    return conn->in_flight + (conn->cancelling ? IN_FLIGHT_MAX / 2 : 0);
}

static PgConn *least_busy(PgPool *pool, bool own) {
    PgConn *best = NULL;
    for (int i = pool->count - 1; i >= 0; i--) {
        PgConn *conn = &pool->conns[i];
        if (conn->state != PG_UP || conn->owned || load(conn) >= IN_FLIGHT_MAX) continue;
        if (own && conn->cancelling) continue;
        if (!best || load(conn) < load(best)) best = conn;
    }
    if (!own || best != &pool->conns[0]) return best;
    for (int i = 1; i < pool->count;
         i++) /* the first is owned only where it is alone: reads go on */
        if (pool->conns[i].state == PG_UP) return NULL;
    return best;
}

static void conn_own(PgConn *conn, bool owned) {
    conn->owned = owned;
    tally_add(&conn->pool->owned, owned ? 1 : -1);
}

/* Give what there is to those who wait, in order. */
static void pool_serve(PgPool *pool) {
    while (pool->senders.first && least_busy(pool, false)) {
        PgWaiter *w = pool->senders.first;
        waiter_remove(&pool->senders, w);
        coro_wake(w->co);
    }
    PgConn *conn;
    while (pool->owners.first && (conn = least_busy(pool, true))) {
        PgWaiter *w = pool->owners.first;
        w->given = conn;
        conn_own(conn, true);
        waiter_remove(&pool->owners, w);
        coro_wake(w->co);
    }
}

/* They look again and see why. */
static void queue_release(PgQueue *queue) {
    while (queue->first) {
        PgWaiter *w = queue->first;
        waiter_remove(queue, w);
        coro_wake(w->co);
    }
}

static void pool_refuse(PgPool *pool) {
    queue_release(&pool->senders);
    queue_release(&pool->owners);
}

static bool any_up(const PgPool *pool) {
    for (int i = 0; i < pool->count; i++)
        if (pool->conns[i].state == PG_UP) return true;
    return false;
}

/* -- keepers ----------------------------------------------------------------------------------- */

static void connect_failed(PgPool *pool, const Err *err, int64_t backoff_ms) {
    snprintf(pool->why, sizeof pool->why, "%.*s", S_ARG(err->detail));
    tally_add(&pool->connect_failures, 1);
    if (any_up(pool)) {
        pool_serve(pool);
        return;
    }
    if (!pool->circuit_open) log_msg(NULL, LOG_WARN, "PostgreSQL is away: %s", pool->why);
    pool->circuit_open = true;
    pool->retry_at_us = mono_us() + backoff_ms * US_PER_MS;
    pool_refuse(pool);
}

static void connect_done(PgPool *pool) {
    tally_add(&pool->connects, 1);
    tally_add(&pool->up, 1);
    if (pool->circuit_open) log_msg(NULL, LOG_INFO, "PostgreSQL is back");
    pool->circuit_open = false;
    pool_serve(pool);
}

/* Until the connection breaks or we are to end. */
static void keeper_watch(Ctx *c, PgConn *conn) {
    Postgres *pg = conn->pool->pg;
    Wake wake = WAKE_DONE;
    while (conn->state == PG_UP && !pg->closing && wake == WAKE_DONE) wake = coro_wait(c);
    if (conn->state == PG_UP) pg_conn_break(conn, "closing");
    tally_add(&conn->pool->up, -1);
    pg_conn_drop(conn);
}

static void keeper_main(Ctx *c, void *arg) {
    PgConn *conn = arg;
    PgPool *pool = conn->pool;
    Postgres *pg = pool->pg;
    int64_t backoff_ms = BACKOFF_MIN_MS;
    conn->keeper = c->coro;
    while (!pg->closing && !c->cancelled) {
        ArenaMark mark = arena_mark(c->arena);
        Err *err = pg_conn_connect(c, conn, &pg->target);
        if (!err) {
            backoff_ms = BACKOFF_MIN_MS;
            connect_done(pool);
            keeper_watch(c, conn);
        } else if (!pg->closing && !c->cancelled) {
            connect_failed(pool, err, backoff_ms);
            err = sleep_ms(c, backoff_ms + rand_below(rand_thread(), backoff_ms));
            backoff_ms = min_i64(backoff_ms * 2, BACKOFF_MAX_MS);
        }
        arena_release(c->arena, mark);
    }
    conn->keeper = NULL;
    conn->keeper_up = false;
    pool_refuse(pool);
    postgres_release(pg);
}

static void keeper_start(PgConn *conn, struct App *app) {
    if (conn->keeper_up || conn->pool->pg->closing) return;
    conn->keeper_up = true;
    atomic_fetch_add(&conn->pool->pg->users, 1);
    coro_spawn((CoroOptions){.name = "postgres", .app = app, .service = true, .budget_bytes = MIB},
               keeper_main, conn);
}

/* One more, when there is one left. */
static void pool_grow(Ctx *c, PgPool *pool) {
    for (int i = 0; i < pool->count; i++) {
        if (pool->conns[i].keeper_up) continue;
        keeper_start(&pool->conns[i], c->app);
        return;
    }
}

void pg_pool_told_broken(PgConn *conn) {
    if (conn->keeper) coro_wake(conn->keeper);
}

/* -- picking ----------------------------------------------------------------------------------- */

static Err *away(Ctx *c, const PgPool *pool) {
    Err *err = err_new(c, ERR_UNAVAILABLE, "postgres", "PostgreSQL is away: %s", pool->why);
    int64_t left_us = max_i64(pool->retry_at_us - mono_us(), 0);
    err->retry_after_s = max_i64(RETRY_S, (left_us + US_PER_SECOND - 1) / US_PER_SECOND);
    return err;
}

/* Until there is reason to look again. */
static Err *waiter_wait(Ctx *c, PgQueue *queue, PgWaiter *w) {
    if (tally_get(&queue->count) >= WAITING_MAX)
        return err_later(c, __func__, "Too many wait for PostgreSQL.");
    waiter_add(queue, w);
    Wake wake = WAKE_DONE;
    while (!w->over && wake == WAKE_DONE) wake = coro_wait(c);
    if (w->over) return NULL;
    waiter_remove(queue, w);
    return wake_err(c, wake, "waiting for a connection");
}

static PgConn *pool_try(PgPool *pool, bool own) {
    if (own && pool->owners.first) return NULL; /* they were here before */
    PgConn *conn = least_busy(pool, own);
    if (conn && own) conn_own(conn, true);
    return conn;
}

static Err *pool_get(Ctx *c, PgPool *pool, bool own, PgConn **out) {
    for (;;) {
        if (pool->circuit_open) return away(c, pool);
        if (pool->pg->closing) return err_later(c, __func__, "The database is closing.");
        *out = pool_try(pool, own);
        if (!*out || (!own && load(*out) >= BUSY_AT)) pool_grow(c, pool);
        if (*out) return NULL;
        PgWaiter w = {.co = c->coro};
        TRY(waiter_wait(c, own ? &pool->owners : &pool->senders, &w));
        *out = w.given;
        if (*out && (*out)->state == PG_UP) return NULL;
        if (*out) pg_pool_disown(*out); /* it broke before we woke */
    }
}

Err *pg_pool_pick(Ctx *c, PgPool *pool, PgConn **out) { return pool_get(c, pool, false, out); }
Err *pg_pool_own(Ctx *c, PgPool *pool, PgConn **out) { return pool_get(c, pool, true, out); }

void pg_pool_disown(PgConn *conn) {
    assert(conn->owned);
    conn_own(conn, false);
    pool_serve(conn->pool);
}

typedef struct Stop {
    PgConn *conn;
    PgRequest *r;
} Stop;

static void stop_main(Ctx *c, void *arg) {
    Stop stop = *(Stop *)arg;
    free(arg);
    pg_conn_call_off(c, stop.conn, stop.r);
    pg_request_free(stop.r);
    stop.conn->cancelling = false;
    pg_pool_told_answered(stop.conn);
    postgres_release(stop.conn->pool->pg);
}

/* What the server works on is waited for by nobody: stop it. */
static void head_stop(PgConn *conn) {
    PgRequest *r = conn->head;
    if (conn->state != PG_UP || !r || r->co || conn->cancelling) return;
    Stop *stop = malloc(sizeof *stop);
    if (!stop) abort();
    *stop = (Stop){conn, r};
    conn->cancelling = true;
    atomic_fetch_add(&conn->pool->pg->users, 1);
    r->co = coro_spawn((CoroOptions){.name = "cancel", .budget_bytes = 64 * KIB}, stop_main, stop);
}

void pg_pool_abandon(PgConn *conn, PgRequest *r) {
    pg_request_abandon(r);
    head_stop(conn);
}

void pg_pool_told_answered(PgConn *conn) {
    if (conn->pool->senders.first || conn->pool->owners.first) pool_serve(conn->pool);
    head_stop(conn); /* it may have come to its turn after it was given up */
}

void pg_pool_stats(const PgPool *pool, DbStats *out) {
    out->connections += tally_get(&pool->up);
    out->connections_max += pool->count;
    out->busy += tally_get(&pool->owned);
    out->in_flight += tally_get(&pool->in_flight);
    out->readers_waiting += tally_get(&pool->senders.count);
    out->writers_waiting += tally_get(&pool->owners.count);
    out->connects += tally_get(&pool->connects);
    out->connect_failures += tally_get(&pool->connect_failures);
    out->away += pool->circuit_open;
}

void pg_pool_close(PgPool *pool) {
    for (int i = 0; i < pool->count; i++)
        if (pool->conns[i].keeper) coro_wake(pool->conns[i].keeper);
}
