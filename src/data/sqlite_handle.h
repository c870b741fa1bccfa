/* SPDX-License-Identifier: Apache-2.0
 * One SQLite connection with its prepared statements, used by one thread at a time. Everything that
 * runs a statement on SQLite goes through sqlite_run, which leaves the statement reset on every way
 * out: also when the answer overflows c's arena (BUDGET) or the deadline passes (TIMEOUT). */
#ifndef SOCLE_DATA_SQLITE_HANDLE_H
#define SOCLE_DATA_SQLITE_HANDLE_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "data/db_room.h"
#include "data/stmt_cache.h"

typedef struct SqliteStmt {
    Stmt key; /* first: see stmt_cache.h */
    sqlite3_stmt *stmt;
    RowMap map;
    int reprepared; /* how often SQLite had compiled it anew when map was made */
    bool cached;
    struct SqliteStmt *under; /* the one that was in use when this one began */
    bool busy;
} SqliteStmt;

typedef struct SqlHandle {
    sqlite3 *db;
    StmtCache cache;
    SqliteStmt *busy;           /* in use now, the latest first */
    int64_t deadline_us;        /* of the statement under way */
    struct Turn *turn;          /* of a loop's reader, made when first wanted */
    const atomic_uint *commits; /* how many the writer has made; NULL: none is watched */
} SqlHandle;

typedef enum HandleMode { HANDLE_READ, HANDLE_WRITE } HandleMode;

MUST_USE Err *sqlite_handle_open(Ctx *c, const char *path, HandleMode mode, SqlHandle **out);
void sqlite_handle_close(SqlHandle *h);
/* Reset whatever is in use (after a jump out of it). */
void sqlite_handle_abandon(SqlHandle *h);

/* All reads of one turn of a loop share one read transaction: taking and leaving the file's locks
 * costs as much as a read by key. It begins anew when the writer has committed meanwhile, so that
 * what was acknowledged to anybody, on any loop, is seen by every read that begins after. */
void sqlite_turn_begin(SqlHandle *h);
/* A number for what the turn's transaction sees; see db_state. False when there is no transaction. */
MUST_USE bool sqlite_turn_state(SqlHandle *h, int64_t *state);

/* A statement under way. Filled by the caller: c, h, q; for db_each also the limits of a batch. */
typedef struct Run {
    Ctx *c;
    SqlHandle *h;
    Query *q;
    ptrdiff_t rows_max,
        bytes_max; /* stop there, with `more` set and the statement kept; 0: never */
    SqliteStmt *stmt;
    bool more;
    Err *err; /* out */
    jmp_buf *former;
    ArenaMark mark;
} Run;
/* Begin, or go on after `more`. */
void sqlite_run_go(Run *r);
/* End early. */
void sqlite_run_leave(Run *r);

MUST_USE Err *sqlite_run(Ctx *c, SqlHandle *h, Query *q);
/* Compile without running. */
MUST_USE Err *sqlite_check(Ctx *c, SqlHandle *h, const char *text);
/* All statements of a script, without arguments. */
MUST_USE Err *sqlite_script(Ctx *c, SqlHandle *h, Str script);
/* The same statement for many argument rows. */
MUST_USE Err *sqlite_many(Ctx *c, SqlHandle *h, const char *text, const Args *rows,
                          ptrdiff_t count);
/* Rows one at a time, fn called while the statement is open. */
MUST_USE Err *sqlite_each_row(Ctx *c, SqlHandle *h, Query *q, RowFn fn, void *arg);

/* What SQLite's result code means to our callers. `sql` may be NULL. */
Err *sqlite_err(Ctx *c, sqlite3 *db, int rc, const char *sql);
ErrKind sqlite_kind(int rc);

#endif
