/* SPDX-License-Identifier: Apache-2.0
 * The one writer of a SQLite database: a thread that gathers the transactions waiting at that
 * moment into one commit.
 *
 *                   writer_run                 take                   commit is on disk
 *   (coroutine) ──────────────▶ WRITE_QUEUED ─────────▶ WRITE_TAKEN ──────────────────▶ WRITE_DONE
 *                                 │ deadline, cancel
 *                                 ▼
 *                          (withdrawn: nothing happened)
 *
 * - A coroutine is woken only after the commit that holds its transaction has been synced.
 * - Each transaction is a savepoint of the group's; a single statement needs none, being atomic.
 *   When SQLite gives up the whole group (disk full, an interrupted write), or the commit fails,
 * the innocent ones are run again, each in a commit of its own: fn must be repeatable, as on
 * PostgreSQL.
 * - Joint transactions of one kind that wait at the same moment are run as one, under one
 *   savepoint. When that fails, each is run alone, as if they had never met.
 * - A transaction that has begun is waited for, whatever the deadline.
 * - The queue is bounded: beyond it UNAVAILABLE.
 * - Checkpoints run on a thread of their own while writing goes on; when the log grows all the
 *   same, the writer takes part, so that the log can start again and its size is bounded. */
#ifndef SOCLE_DATA_SQLITE_WRITER_H
#define SOCLE_DATA_SQLITE_WRITER_H

#include "data/sqlite_handle.h"

typedef struct Writer Writer;

/* Takes over both handles (the second is for checkpoints) when it succeeds. */
Writer *writer_start(SqlHandle *writing, SqlHandle *checkpointing, DbTallies *tallies);
/* Ends what has been taken, refuses the rest. Nobody may be waiting in writer_run. */
void writer_stop(Writer *w);

/* How many commits there have been; each is counted before those in it are told. */
const atomic_uint *writer_commits(const Writer *w);

/* What waits in the queue, and how many pages of the log are not yet in the database's file. */
void writer_stats(Writer *w, int64_t *queued, int64_t *log_pages);

/* Run a query (a single statement) or, where q is NULL, body as a transaction; waits until it is
 * durable. The tx is given to the body as c->tx. */
MUST_USE Err *writer_run(Ctx *c, Writer *w, Query *q, DbTx *tx, TxBody body);
/* Let a JointBody's followers go on. */
void writer_wake(struct Write *followers);

#endif
