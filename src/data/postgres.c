/* SPDX-License-Identifier: Apache-2.0
 * The PostgreSQL engine. A single statement shares a connection with others (pipeline), a
 * transaction owns one from its first statement to its end.
 *
 * What is promised when the connection is lost: a read outside a transaction is tried once more; a
 * write, and a COMMIT, are reported UNAVAILABLE with the words that their outcome is unknown, and
 * never sent a second time. A transaction that had not come to its COMMIT has done nothing. */
#include <stdlib.h>

#include "core/rand.h"
#include "data/pg_pool.h"
#include "data/sql_text.h"

enum {
    TRIES_MAX = 8, /* of a transaction, with the first; half a second of pauses in all */
    MANY_BATCH = 256,
    EACH_ROWS = 500,
    EACH_BUDGET = 64 * 1024 * 1024,
};

/* -- from an answer to rows -------------------------------------------------------------------- */

typedef struct Reading {
    Ctx *c;
    Query *q;
    const PGresult *result;
    RowMap map;
    Err *err;
    jmp_buf *former;
    ArenaMark mark;
} Reading;

static const char *column_name(const void *result, int column) { return PQfname(result, column); }

static Err *row_read(Reading *r, int i, void *row) {
    for (int k = 0; k < r->map.count; k++) {
        Value v;
        if (!r->map.fields[k]) continue;
        TRY(pg_value(r->c, r->result, i, k, &v));
        TRY(field_put(r->c, r->map.fields[k], row, v));
    }
    return NULL;
}

static Err *integer_read(Reading *r) {
    Value v;
    TRY(pg_value(r->c, r->result, 0, 0, &v));
    r->q->found = true;
    return value_to_int(r->c, v, &r->q->integer);
}

static Err *rows_read(Reading *r) {
    int rows = PQntuples(r->result);
    Str changed = str_c(PQcmdTuples((PGresult *)(uintptr_t)r->result));
    int64_t n = 0;
    if (changed.len > 0 && str_to_i64(changed, &n)) r->q->changed = (ptrdiff_t)n;
    if (r->q->want == WANT_NOTHING || rows == 0) return NULL;
    if (r->q->want == WANT_INT) return integer_read(r);
    TRY(row_map_make(r->c, &r->map, r->q->record, PQnfields(r->result), column_name, r->result));
    for (int i = 0; i < rows; i++) {
        void *row = query_row(r->c, r->q);
        if (!row) break;
        TRY(row_read(r, i, row));
    }
    return NULL;
}

/* An answer that overflows the arena ends with BUDGET, and the result is freed all the same. */
static void reading_go(Reading *r) {
    jmp_buf full;
    r->former = arena_on_full(r->c->arena, &full);
    r->mark = arena_mark(r->c->arena);
    bool over = setjmp(full) != 0;
    if (!over) r->err = rows_read(r);
    arena_on_full(r->c->arena, r->former);
    row_map_free(&r->map);
    if (!over) return;
    arena_release(r->c->arena, r->mark);
    r->q->rows = (Rows){NULL, 0};
    r->err = err_new(r->c, ERR_BUDGET, __func__,
                     "The answer of the database is over the memory budget.");
}

/* The answer of r, which is freed. failed: the text of what failed, if r has. */
static Err *answer_read(Ctx *c, Query *q, PgRequest *r, const char *failed) {
    assert(r->done && !r->lost);
    Err *err;
    if (r->failed || !r->result) {
        err = r->result
                  ? pg_err(c, r->result, failed)
                  : err_new(c, ERR_INTERNAL, __func__, "PostgreSQL gave no answer to: %s", q->text);
    } else {
        Reading reading = {.c = c, .q = q, .result = r->result};
        reading_go(&reading);
        err = reading.err;
    }
    pg_request_free(r);
    return err;
}

/* -- one statement ----------------------------------------------------------------------------- */

/* Prepared statements that a changed schema or a pooler has made useless: once more, unprepared
 * ones. */
static bool is_stale(const PgRequest *r) {
    if (!r->failed) return false;
    Str state = pg_sqlstate(r->result);
    const char *routine = PQresultErrorField(r->result, PG_DIAG_SOURCE_FUNCTION);
    return str_eq(state, S("26000")) ||
           (str_eq(state, S("0A000")) && routine && strcmp(routine, "RevalidateCachedQuery") == 0);
}

static Err *lost_err(Ctx *c, const PgConn *conn, bool write) {
    Err *err =
        err_new(c, ERR_UNAVAILABLE, __func__, "The connection to PostgreSQL was lost%s: %.*s",
                write ? "; whether the change took effect is unknown" : "",
                S_ARG(str_trim(str_c(conn->why))));
    err->retry_after_s = RETRY_S;
    return err;
}

/* Hit by the cancelling of a neighbour: it has done nothing. */
static bool is_bystander(const PgConn *conn, const PgRequest *r) {
    return r->failed && r->cancels != conn->cancels && str_eq(pg_sqlstate(r->result), S("57014"));
}

static Err *late_err(Ctx *c, Err *err, bool write) {
    if (!write) return err;
    return err_wrap(
        c, err->kind, __func__, err,
        "The time was over before PostgreSQL answered; whether the change took effect is unknown.");
}

/* One try; *again: it is worth another one. */
static Err *query_try(Ctx *c, Postgres *pg, Query *q, unsigned flags, bool write, bool *again) {
    PgConn *conn;
    PgArgs args;
    *again = false;
    TRY(pg_pool_pick(c, &pg->pools[loop_index(loop_here())], &conn));
    pg_args(c->arena, q->args, &args);
    PgRequest *r = pg_conn_send(c, conn, &pg->target, NULL, q->text, &args, flags);
    Err *late = r ? pg_conn_await(c, r) : NULL;
    if (late) {
        pg_pool_abandon(conn, r);
        return late_err(c, late, write);
    }
    if (!r || r->lost) {
        *again = !write;
        if (r) pg_request_free(r);
        return lost_err(c, conn, write);
    }
    bool stale = is_stale(r);
    if (stale) pg_conn_forget(conn);
    *again = stale || is_bystander(conn, r);
    return answer_read(c, q, r, q->text);
}

static Err *query_flagged(Ctx *c, Db *db, Query *q, unsigned flags) {
    bool write = sql_is_write(str_c(q->text)), again;
    Err *err = query_try(c, db->postgres, q, flags, write, &again);
    if (!err || !again) return err;
    tally_add(&db->tallies.again, 1);
    return query_try(c, db->postgres, q, flags, write, &again);
}

static Err *postgres_query(Ctx *c, Db *db, Query *q) { return query_flagged(c, db, q, 0); }

static Err *postgres_check(Ctx *c, Db *db, const char *text) {
    Query q = {.text = text};
    return query_flagged(c, db, &q, SEND_PREPARE);
}

/* -- a connection of one's own ----------------------------------------------------------------- */

typedef struct PgTx {
    Postgres *pg;
    PgConn *conn; /* NULL: given back */
    int64_t epoch;
    bool begun;
    int cursors;
    PgLaters laters; /* to be sent with the next statement */
    PgLaters sent;   /* with the latest */
} PgTx;

/* Also when c ends by a jump: a connection in the middle of something is closed, which undoes it.
 */
static void tx_leave(void *arg) {
    PgTx *t = arg;
    PgConn *conn = t->conn;
    pg_laters_free(&t->laters);
    pg_laters_free(&t->sent);
    if (!conn) return;
    t->conn = NULL;
    if (t->begun && conn->epoch == t->epoch)
        pg_conn_break(conn, "a transaction was left in the middle");
    pg_pool_disown(conn);
}

static Err *tx_enter(Ctx *c, Db *db, PgTx **out) {
    PgTx *t = arena_new_of(c->arena, PgTx);
    t->pg = db->postgres;
    TRY(pg_pool_own(c, pg_pool_here(db), &t->conn));
    t->epoch = t->conn->epoch;
    defer(c, tx_leave, t);
    *out = t;
    return NULL;
}

static bool tx_alive(const PgTx *t) {
    return t->conn->state == PG_UP && t->conn->epoch == t->epoch;
}

/* Wait for the answer; when time is over, stop the statement on the server first, so that the
 * connection is of use again. */
static Err *tx_await(Ctx *c, PgTx *t, PgRequest *r) {
    PgConn *conn = t->conn;
    Wake wake = WAKE_DONE;
    while (!r->done && wake == WAKE_DONE) wake = coro_wait(c);
    if (r->done) return NULL;
    pg_conn_call_off(c, conn, r);
    return wake_err(c, wake, "waiting for PostgreSQL");
}

/* Send text in the transaction, which begins with its first statement, behind what was kept for
 * later. */
static Err *tx_send(Ctx *c, PgTx *t, const char *text, Args args, unsigned flags, PgRequest **out) {
    if (!tx_alive(t)) return lost_err(c, t->conn, false);
    PgArgs a;
    pg_args(c->arena, args, &a);
    if (!t->begun) flags |= SEND_BEGIN;
    t->begun = true;
    pg_laters_free(&t->sent);
    t->sent = t->laters;
    t->laters = (PgLaters){0};
    *out = pg_conn_send(c, t->conn, &t->pg->target, &t->sent, text, &a, flags);
    return *out ? NULL : lost_err(c, t->conn, false);
}

/* Deadlock, serialization failure, stale statement: the transaction is worth another run. */
static void failure_note(PgTx *t, DbTx *tx, const PgRequest *r) {
    if (!r->failed) return;
    Str state = pg_sqlstate(r->result);
    bool stale = is_stale(r);
    if (stale) pg_conn_forget(t->conn);
    if (stale || str_eq(state, S("40001")) || str_eq(state, S("40P01"))) tx->again = true;
}

static Err *tx_answer(Ctx *c, PgTx *t, DbTx *tx, Query *q, PgRequest *r) {
    Err *err = tx_await(c, t, r);
    if (!err && r->lost) err = lost_err(c, t->conn, false);
    if (err) {
        pg_request_free(r);
        return err;
    }
    if (tx) failure_note(t, tx, r);
    return answer_read(c, q, r, pg_laters_failed(&t->sent, r->answers, q->text));
}

static Err *tx_query(Ctx *c, PgTx *t, DbTx *tx, Query *q, unsigned flags) {
    PgRequest *r = NULL;
    TRY(tx_send(c, t, q->text, q->args, flags, &r));
    return tx_answer(c, t, tx, q, r);
}

static Err *postgres_query_in(Ctx *c, DbTx *tx, Query *q) {
    return tx_query(c, tx->handle, tx, q, 0);
}

static Err *postgres_later_in(Ctx *c, DbTx *tx, const char *text, Args args) {
    PgTx *t = tx->handle;
    Query q = {.text = text, .args = args};
    if (pg_laters_full(&t->laters)) return postgres_query_in(c, tx, &q);
    pg_laters_add(&t->laters, c->arena, text, args, 0);
    return NULL;
}

/* A statement without arguments and rows. */
static Err *tx_do(Ctx *c, PgTx *t, DbTx *tx, const char *text) {
    Query q = {.text = text};
    return tx_query(c, t, tx, &q, SEND_ONCE);
}

static Err *postgres_script_in(Ctx *c, DbTx *tx, Str script) {
    Str statement;
    while ((statement = sql_next_statement(&script)).data)
        TRY(tx_do(c, tx->handle, tx, str_cstr(c->arena, statement)));
    return NULL;
}

/* What is kept for later belongs to one level: opening a savepoint and releasing it send all of it,
 * so that each failure is met where it belongs. Only the opening itself may be kept, first of all. */
static Err *savepoint_open(Ctx *c, PgTx *t, DbTx *tx) {
    if (t->laters.first) return tx_do(c, t, tx, "SAVEPOINT n");
    pg_laters_add(&t->laters, c->arena, "SAVEPOINT n", NO_ARGS, SEND_ONCE);
    t->laters.first->opens = true;
    return NULL;
}

static Err *savepoint_rollback(Ctx *c, PgTx *t, DbTx *tx) {
    bool opened = !t->laters.first || !t->laters.first->opens;
    pg_laters_free(&t->laters);
    if (!opened) return NULL;
    TRY(tx_do(c, t, tx, "ROLLBACK TO SAVEPOINT n"));
    return tx_do(c, t, tx, "RELEASE SAVEPOINT n");
}

static Err *postgres_savepoint_in(Ctx *c, DbTx *tx, SavepointStep step) {
    switch (step) {
    case SAVEPOINT_OPEN: return savepoint_open(c, tx->handle, tx);
    case SAVEPOINT_RELEASE: return tx_do(c, tx->handle, tx, "RELEASE SAVEPOINT n");
    case SAVEPOINT_ROLLBACK: return savepoint_rollback(c, tx->handle, tx);
    }
    return NULL;
}

static Err *postgres_notify_in(Ctx *c, DbTx *tx, Str channel, Str payload) {
    return postgres_later_in(c, tx, "SELECT pg_notify($1, $2)", ARGS(V(channel), V(payload)));
}

/* -- many rows --------------------------------------------------------------------------------- */

/* The types of all rows: a column that is null in one is typed by another. */
static Err *types_join(Ctx *c, const Args *rows, ptrdiff_t count, PgArgs *types) {
    PgArgs row;
    pg_args(c->arena, rows[0], types);
    for (ptrdiff_t i = 1; i < count; i++) {
        ArenaMark mark = arena_mark(c->arena);
        pg_args(c->arena, rows[i], &row);
        arena_release(c->arena, mark);
        for (int k = 0; k < types->count; k++) {
            if (!types->types[k]) types->types[k] = row.types[k];
            if (row.types[k] && row.types[k] != types->types[k])
                FAIL(c, INTERNAL, "row %td: $%d is of another kind than in the rows before", i + 1,
                     k + 1);
        }
    }
    return NULL;
}

static Err *batch_send(Ctx *c, DbTx *tx, const char *text, const Args *rows, ptrdiff_t count,
                       ptrdiff_t before, const PgArgs *types) {
    PgTx *t = tx->handle;
    if (!t->begun || t->laters.first) TRY(tx_do(c, t, tx, "SELECT 1"));
    if (!tx_alive(t)) return lost_err(c, t->conn, false);
    ArenaMark mark = arena_mark(c->arena);
    PgRequest *r = pg_conn_send_many(c, t->conn, &t->pg->target, text, rows, count, types);
    arena_release(c->arena, mark);
    if (!r) return lost_err(c, t->conn, false);
    ptrdiff_t row = -1;
    Query q = {.text = text};
    Err *err = tx_await(c, t, r);
    if (!err && r->failed) row = before + r->answers - r->rows_at;
    if (!err && r->lost) err = lost_err(c, t->conn, false);
    if (err) {
        pg_request_free(r);
        return err;
    }
    failure_note(t, tx, r);
    err = answer_read(c, &q, r, text);
    return err && row >= before ? err_at_row(c, err, row) : err;
}

static Err *postgres_many_in(Ctx *c, DbTx *tx, const char *text, const Args *rows,
                             ptrdiff_t count) {
    PgArgs types;
    TRY(types_join(c, rows, count, &types));
    for (ptrdiff_t at = 0; at < count; at += MANY_BATCH)
        TRY(batch_send(c, tx, text, rows + at, min_size(MANY_BATCH, count - at), at, &types));
    return NULL;
}

/* -- transactions ------------------------------------------------------------------------------ */

/* What was kept for later was never sent. */
static void rollback(Ctx *c, PgTx *t) {
    PgRequest *r = NULL;
    pg_laters_free(&t->laters);
    Err *gone = tx_send(c, t, "ROLLBACK", NO_ARGS, SEND_ONCE, &r);
    if (gone) return; /* with the connection */
    pg_conn_await_surely(c, t->conn, r);
    if (!r->lost && r->failed) pg_conn_break(t->conn, "ROLLBACK failed");
    pg_request_free(r);
}

/* A COMMIT alone is waited for whatever the deadline: its answer decides. What goes before it may wait
 * for others and is stopped in time; the COMMIT's answer, if there is one, decides all the same. */
static Err *commit_await(Ctx *c, PgTx *t, PgRequest *r) {
    if (t->sent.first) return tx_await(c, t, r);
    pg_conn_await_surely(c, t->conn, r);
    return NULL;
}

/* What of it failed: nothing was committed, and the session may still be in the transaction. */
static Err *commit_failed(Ctx *c, PgTx *t, DbTx *tx, PgRequest *r, Err *late) {
    Query q = {.text = "COMMIT"};
    failure_note(t, tx, r);
    Err *err = answer_read(c, &q, r, pg_laters_failed(&t->sent, r->answers, q.text));
    rollback(c, t);
    return late ? late : err;
}

static Err *commit(Ctx *c, PgTx *t, DbTx *tx) {
    PgRequest *r = NULL;
    if (!tx_alive(t)) return lost_err(c, t->conn, false);
    int64_t began_us = mono_us();
    if (tx_send(c, t, "COMMIT", NO_ARGS, SEND_ONCE, &r)) return lost_err(c, t->conn, true);
    Err *late = commit_await(c, t, r);
    tally_time(&tx->db->tallies.commits, began_us);
    if (!r->lost && (r->failed || !r->result)) return commit_failed(c, t, tx, r, late);
    Err *err = r->lost ? lost_err(c, t->conn, true) : NULL;
    bool done = !err && strcmp(PQcmdStatus(r->result), "COMMIT") == 0;
    pg_request_free(r);
    if (err || done) return err;
    FAIL(c, INTERNAL, "PostgreSQL rolled back instead of committing.");
}

static Err *transaction_try(Ctx *c, Db *db, DbTx *tx, TxBody body) {
    PgTx *t;
    TRY(tx_enter(c, db, &t));
    *tx = (DbTx){.db = db, .handle = t};
    Err *err = tx_run(c, tx, body);
    if (t->begun && err)
        rollback(c, t);
    else if (!err && (t->begun || t->laters.first))
        err = commit(c, t, tx);
    t->begun = false;
    defer_now(c, tx_leave, t);
    return err;
}

static Err *postgres_transaction(Ctx *c, Db *db, DbTx *tx, TxBody body) {
    for (int tries = 1;; tries++) {
        Err *err = transaction_try(c, db, tx, body);
        if (!err || !tx->again || tries == TRIES_MAX) return err;
        tally_add(&db->tallies.again, 1);
        TRY(sleep_ms(c, 1 + rand_below(rand_thread(), INT64_C(4) << tries)));
    }
}

/* -- scans ------------------------------------------------------------------------------------- */

static Err *postgres_scan(Ctx *c, Db *db, Query *q) {
    PgTx *t;
    PgRequest *r = NULL;
    TRY(tx_enter(c, db, &t));
    t->begun = true; /* no BEGIN: it is one statement */
    Err *err = tx_send(c, t, q->text, q->args, SEND_ONCE, &r);
    if (!err) err = tx_answer(c, t, NULL, q, r);
    t->begun = false;
    defer_now(c, tx_leave, t);
    return err;
}

/* Rows by a cursor; each batch in an arena of its own, so that what fn keeps in c's stays. */
typedef struct Each {
    Ctx own;
    char fetch[64], close[64];
} Each;

static void each_free(void *arg) { arena_free(((Each *)arg)->own.arena); }

static Err *cursor_open(Ctx *c, PgTx *t, DbTx *tx, Query *q, Each *e) {
    int id = ++t->cursors;
    snprintf(e->fetch, sizeof e->fetch, "FETCH %d FROM each_%d", EACH_ROWS, id);
    snprintf(e->close, sizeof e->close, "CLOSE each_%d", id);
    Query declare = {.args = q->args};
    declare.text =
        str_cstr(c->arena, strf(c->arena, "DECLARE each_%d NO SCROLL CURSOR FOR %s", id, q->text));
    return tx_query(c, t, tx, &declare, SEND_ONCE);
}

static Err *batch_fetch(Ctx *c, PgTx *t, DbTx *tx, Query *q, Each *e, Query *batch) {
    *batch = (Query){.text = e->fetch, .want = WANT_ALL, .record = q->record};
    arena_reset(e->own.arena);
    e->own.deadline_us = c->deadline_us;
    e->own.cancelled = c->cancelled;
    return err_copy(c->arena, tx_query(&e->own, t, tx, batch, SEND_ONCE));
}

static Err *cursor_rows(Ctx *c, PgTx *t, DbTx *tx, Query *q, Each *e, RowFn fn, void *arg) {
    Query batch;
    do {
        TRY(batch_fetch(c, t, tx, q, e, &batch));
        char *row = batch.rows.items;
        for (ptrdiff_t i = 0; i < batch.rows.count; i++, row += q->record->size) {
            if (c->cancelled) FAIL(c, CANCELLED, "Cancelled between two rows.");
            TRY(fn(c, row, arg));
        }
    } while (batch.rows.count == EACH_ROWS);
    return tx_do(c, t, tx, e->close);
}

static Err *cursor_run(Ctx *c, PgTx *t, DbTx *tx, Query *q, RowFn fn, void *arg) {
    Each *e = arena_new_of(c->arena, Each);
    e->own = (Ctx){.arena = arena_new(EACH_BUDGET), .app = c->app, .coro = c->coro};
    defer(c, each_free, e);
    Err *err = cursor_open(c, t, tx, q, e);
    if (!err) err = cursor_rows(c, t, tx, q, e, fn, arg);
    defer_now(c, each_free, e);
    return err;
}

static Err *postgres_each_in(Ctx *c, DbTx *tx, Query *q, RowFn fn, void *arg) {
    return cursor_run(c, tx->handle, tx, q, fn, arg);
}

static Err *postgres_each(Ctx *c, Db *db, Query *q, RowFn fn, void *arg) {
    PgTx *t;
    TRY(tx_enter(c, db, &t));
    Err *err = cursor_run(c, t, NULL, q, fn, arg);
    if (t->begun) rollback(c, t);
    t->begun = false;
    defer_now(c, tx_leave, t);
    return err;
}

/* -- opening and closing ----------------------------------------------------------------------- */

void postgres_release(Postgres *pg) {
    if (atomic_fetch_sub(&pg->users, 1) > 1) return;
    for (int i = 0; i < pg->pool_count; i++) free(pg->pools[i].conns);
    free(pg->pools);
    pg_target_free(&pg->target);
    listeners_free(pg->db->listeners);
    free(pg->db);
    free(pg);
}

static void close_here(void *arg) {
    Postgres *pg = arg;
    pg_pool_close(&pg->pools[loop_index(loop_here())]);
    if (pg->listen_loop == loop_here()) postgres_listen_close(pg);
    postgres_release(pg);
}

/* After rt_run the keepers have ended and nobody would take a post. */
static void postgres_close(Db *db) {
    Postgres *pg = db->postgres;
    atomic_store(&pg->closing, true);
    if (atomic_load(&pg->users) > 1) {
        atomic_fetch_add(&pg->users, pg->pool_count);
        for (int i = 0; i < pg->pool_count; i++) loop_post(loop_at(i), close_here, pg);
    }
    postgres_release(pg);
}

static void postgres_stats(Ctx *c, Db *db, DbStats *out) {
    (void)c;
    out->in_flight = out->connects = out->connect_failures = out->away = 0;
    for (int i = 0; i < db->postgres->pool_count; i++)
        pg_pool_stats(&db->postgres->pools[i], out);
}

static const DbEngine postgres_engine = {
    .engine = ENGINE_POSTGRES,
    .close = postgres_close,
    .query = postgres_query,
    .query_in = postgres_query_in,
    .later_in = postgres_later_in,
    .scan = postgres_scan,
    .each = postgres_each,
    .each_in = postgres_each_in,
    .many_in = postgres_many_in,
    .script_in = postgres_script_in,
    .savepoint_in = postgres_savepoint_in,
    .transaction = postgres_transaction,
    .notify_in = postgres_notify_in,
    .check = postgres_check,
    .listen = postgres_listen,
    .stats = postgres_stats,
};

static Postgres *postgres_new(Db *db, PgTarget target, int connections) {
    Postgres *pg = calloc(1, sizeof *pg);
    if (!pg) abort();
    pg->db = db;
    pg->target = target;
    pg->listen_loop = loop_here();
    pg->pool_count = loop_count();
    pg->pools = calloc((size_t)pg->pool_count, sizeof *pg->pools);
    if (!pg->pools) abort();
    atomic_init(&pg->users, 1);
    for (int i = 0; i < pg->pool_count; i++) {
        PgPool *pool = &pg->pools[i];
        *pool = (PgPool){.pg = pg, .count = connections};
        pool->conns = calloc((size_t)connections, sizeof *pool->conns);
        if (!pool->conns) abort();
        for (int k = 0; k < connections; k++) pool->conns[k] = (PgConn){.pool = pool, .index = k};
    }
    return pg;
}

/* Until the server answers or c's time is over. */
static Err *reach(Ctx *c, Db *db) {
    Query q = {.text = "SELECT 1"};
    for (;;) {
        Err *err = postgres_query(c, db, &q);
        if (!err || err->kind != ERR_UNAVAILABLE || c->deadline_us == 0) return err;
        if (sleep_ms(c, 100) != NULL) return err;
    }
}

Err *postgres_open(Ctx *c, DbOptions options, Db *db) {
    PgTarget target;
    TRY(pg_target_read(c, options, &target));
    int64_t connections =
        max_i64(1, min_i64(options.connections ? options.connections : 4, CONNECTIONS_MAX));
    db->postgres = postgres_new(db, target, (int)connections);
    db->engine = &postgres_engine;
    return reach(c, db);
}
