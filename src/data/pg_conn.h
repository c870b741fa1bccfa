/* SPDX-License-Identifier: Apache-2.0
 * One connection to PostgreSQL in pipeline mode, on one loop. Several coroutines' statements are
 * under way on it at once, answered in order; each is closed by a sync of its own, so that one
 * failing leaves the others alone.
 *
 *              pg_conn_connect             pg_conn_break (lost, or given up)
 *   PG_DOWN ───────────────────▶ PG_UP ────────────────────────────────▶ PG_BROKEN
 *      ▲                                                                    │ pg_conn_drop
 *      └────────────────────────────────────────────────────────────────────┘
 *
 * - A request belongs to both sides: the connection until it has been answered, and its coroutine,
 *   unless that has left it (deadline); whoever is last frees it.
 * - `epoch` grows with every connect, so that a transaction notices that its session is gone.
 * - Nothing is kept on the server between transactions but prepared statements. */
#ifndef SOCLE_DATA_PG_CONN_H
#define SOCLE_DATA_PG_CONN_H

#include "data/pg_later.h"
#include "data/stmt_cache.h"
#include "rt/io.h"

typedef struct PgRequest {
    struct PgRequest *next;
    Coro *co;         /* NULL: nobody waits any more */
    PGresult *result; /* the first error, or else the last answer */
    int answers;      /* good ones before it */
    int rows_at;      /* which of its commands is the first row's, of pg_conn_send_many */
    int64_t prepare_first, prepare_last; /* ids of the statements that it prepares; 0: none */
    int64_t cancels; /* of the connection, when it was sent */
    bool failed, done, lost;
} PgRequest;

typedef enum PgState { PG_DOWN, PG_UP, PG_BROKEN } PgState;

typedef struct PgConn {
    struct PgPool *pool;
    int index;
    PgState state;
    int64_t epoch;
    PGconn *pg;
    int fd; /* a duplicate of its socket's: libpq closes that when it likes */
    FdWatch *watch;
    bool watching_write;
    Timer *limit; /* for answers that are waited for whatever the deadline */
    PgRequest *head, *tail;
    int in_flight;
    int64_t cancels; /* asked of the server so far */
    bool cancelling; /* a statement that nobody waits for any more is being stopped */
    StmtCache statements;
    int64_t statement_next;
    bool owned;     /* by a transaction or a scan: nobody else sends on it */
    bool keeper_up; /* its keeper coroutine is there */
    Coro *keeper;
    char why[256]; /* it broke */
} PgConn;

/* How to connect; parsed once. */
typedef struct PgTarget {
    const char **keywords, **values; /* NULL-ended, on the heap */
    bool prepared;
    int64_t statement_timeout_ms;
} PgTarget;
MUST_USE Err *pg_target_read(Ctx *c, DbOptions options, PgTarget *out);
void pg_target_free(PgTarget *target);
/* A new session, and a descriptor to watch it by, which the caller closes; waits. Also used by the
 * listener, which has no pipeline. */
MUST_USE Err *pg_session(Ctx *c, const PgTarget *target, PGconn **out, int *fd);

/* Waits. On success the connection is PG_UP and answers arrive by themselves. */
MUST_USE Err *pg_conn_connect(Ctx *c, PgConn *conn, const PgTarget *target);
/* Give it up: whoever waits on it is told, its keeper is woken. From the loop or a coroutine. */
void pg_conn_break(PgConn *conn, const char *why);
/* Close what pg_conn_break left. */
void pg_conn_drop(PgConn *conn);

/* What is sent as one request. */
typedef enum SendFlags {
    SEND_BEGIN = 1 << 0, /* BEGIN first */
    SEND_ONCE = 1 << 1,  /* do not keep it prepared (utility statements, texts that never return) */
    SEND_PREPARE = 1 << 2, /* only prepare it, without a name */
} SendFlags;
/* What is in `before` (may be NULL) first, then the statement whose answer is the request's. NULL when
 * the connection broke over it. Does not wait. */
PgRequest *pg_conn_send(Ctx *c, PgConn *conn, const PgTarget *target, PgLaters *before,
                        const char *text, const PgArgs *args, unsigned flags);
/* The same statement with many argument rows, whose kinds agree with `types`. */
PgRequest *pg_conn_send_many(Ctx *c, PgConn *conn, const PgTarget *target, const char *text,
                             const Args *rows, ptrdiff_t count, const PgArgs *types);
/* Wait for the answer, as long as c may. A lost connection is no error here: look at r->lost. */
MUST_USE Err *pg_conn_await(Ctx *c, PgRequest *r);
/* Nobody waits for r any more: its connection frees it. */
void pg_request_abandon(PgRequest *r);
/* Wait whatever the deadline, but not longer than the time that ends a connection. */
void pg_conn_await_surely(Ctx *c, PgConn *conn, PgRequest *r);
void pg_request_free(PgRequest *r);

/* Have the server stop r and wait for its answer, whatever the deadline. */
void pg_conn_call_off(Ctx *c, PgConn *conn, PgRequest *r);
/* Forget what was prepared: the schema has changed, or a pooler lost it. */
void pg_conn_forget(PgConn *conn);

/* pg_pool.c */
void pg_pool_told_broken(PgConn *conn);
void pg_pool_told_answered(PgConn *conn);

#endif
