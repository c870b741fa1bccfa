/* SPDX-License-Identifier: Apache-2.0
 * The connections of one loop. Single statements share them; a transaction or scan owns one for its
 * time. Each connection has a keeper, a coroutine that connects, waits for the break, and connects
 * again with back-off. Further connections are opened when those there are busy.
 *
 * The circuit: after an attempt to connect has failed and while no connection is up, calls fail at
 * once (UNAVAILABLE with retry_after_s) instead of piling up; the keepers go on trying. */
#ifndef SOCLE_DATA_PG_POOL_H
#define SOCLE_DATA_PG_POOL_H

#include <stdatomic.h>

#include "data/pg_conn.h"

enum { CONNECTIONS_MAX = 64 };

/* Waits for a connection; lives on its coroutine's stack. */
typedef struct PgWaiter {
    struct PgWaiter *prev, *next;
    Coro *co;
    PgConn *given; /* who wants one of its own has it; who wants to send looks again */
    bool over;     /* taken out of the list: look again */
} PgWaiter;

typedef struct PgQueue {
    PgWaiter *first, *last;
    Tally count; /* changed by its loop only */
} PgQueue;

typedef struct PgPool {
    struct Postgres *pg;
    PgConn *conns;
    int count;
    PgQueue senders, owners; /* who waits for a connection, to share and to own */
    atomic_bool circuit_open;
    Tally up, owned, in_flight, connects, connect_failures; /* for pg_pool_stats */
    int64_t retry_at_us;
    char why[256]; /* of the last failure */
} PgPool;

typedef struct Postgres {
    Db *db;
    PgTarget target;
    PgPool *pools; /* one a loop */
    int pool_count;
    atomic_int users; /* the opener, keepers, listener, closing posts: the last one frees */
    atomic_bool closing;
    /* The listener's: pg_listen.c. */
    atomic_bool listening;
    Loop *listen_loop;
    Coro *listener;
    bool listen_news; /* a channel was added, the connection is readable, or it is time to close */
} Postgres;

PgPool *pg_pool_here(Db *db);
/* A connection to send one statement on. Waits while the first is being made. */
MUST_USE Err *pg_pool_pick(Ctx *c, PgPool *pool, PgConn **out);
/* One of our own until pg_pool_disown. */
MUST_USE Err *pg_pool_own(Ctx *c, PgPool *pool, PgConn **out);
void pg_pool_disown(PgConn *conn);
/* Nobody waits for r any more. If it is what the server works on, it is stopped, so that those
 * behind it come to their turn; one of them that is hit instead gets 57014 and is to be sent again.
 */
void pg_pool_abandon(PgConn *conn, PgRequest *r);
/* From any loop: add this pool's figures. */
void pg_pool_stats(const PgPool *pool, DbStats *out);
/* On the pool's loop: end the keepers. */
void pg_pool_close(PgPool *pool);

void postgres_release(Postgres *pg);

/* pg_listen.c */
void postgres_listen(Ctx *c, Db *db);
void postgres_listen_close(Postgres *pg);

#endif
