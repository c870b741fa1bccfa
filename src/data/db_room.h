/* SPDX-License-Identifier: Apache-2.0
 * What db.c shares with the two engines behind db.h; nobody outside this room includes it.
 *
 * A call becomes a Query: text, arguments, and what is wanted of the rows. An engine runs it and
 * hands every row over through query_row and field_put, so that both engines fill records alike.
 *
 * A transaction is a DbTx on the caller's stack; c->tx points to it while fn runs. Once a
 * statement in it has failed, nothing more is accepted and it cannot be committed: PostgreSQL works
 * so by itself, and code must not learn otherwise from SQLite. A nested db_transaction is a
 * savepoint: its failure is undone and forgotten, and the outer one may go on. */
#ifndef SOCLE_DATA_DB_ROOM_H
#define SOCLE_DATA_DB_ROOM_H

#include <stdatomic.h>

#include "data/db_stats.h"

enum {
    ARGS_MAX = 60,
    COLUMNS_MAX = 128,
    RETRY_S = 1 /* what callers are told to wait when the database is busy or away */
};

typedef enum Want { WANT_NOTHING, WANT_ALL, WANT_FIRST, WANT_INT } Want;

typedef struct Query {
    const char *text; /* this engine's */
    Args args;
    Want want;
    const Record *record;
    void *one;       /* WANT_FIRST: the caller's struct */
    Rows rows;       /* WANT_ALL: in c's arena */
    ptrdiff_t cap;   /* of rows */
    int64_t integer; /* WANT_INT */
    bool found;
    ptrdiff_t changed;
} Query;

typedef Err *(*RowFn)(Ctx *c, void *row, void *arg);

typedef struct AfterCommit {
    struct AfterCommit *next;
    void (*fn)(Ctx *c, void *arg);
    void *arg;
} AfterCommit;

typedef struct BeforeCommit {
    struct BeforeCommit *next;
    Ctx *c;
    Err *(*fn)(Ctx *c, void *arg);
    void *arg;
} BeforeCommit;

typedef struct Notice {
    struct Notice *next;
    Str channel, payload;
} Notice;

typedef struct DbTx {
    Db *db;
    void *handle;       /* the engine's connection */
    Err *failed;        /* of the first statement that failed */
    bool again;         /* that was a deadlock or a serialization failure: only a new run helps */
    BeforeCommit *before; /* PostgreSQL; the latest first */
    AfterCommit *after;   /* the latest first */
    Notice *notices;    /* SQLite: given to the listeners after the commit; the latest first */
} DbTx;

/* What may be done as one with others of its fn. */
typedef struct JointBody {
    const struct DbEngine *engine;
    Err *(*fn)(Ctx *c, Joint *joints, ptrdiff_t count);
    void *arg;
    struct Write *followers; /* they go on when what the first does after the commit is done */
} JointBody;

/* What runs inside a transaction. */
typedef struct TxBody {
    Err *(*fn)(Ctx *c, void *arg);
    void *arg;
    JointBody *joint; /* NULL: always alone */
} TxBody;

typedef enum SavepointStep { SAVEPOINT_OPEN, SAVEPOINT_RELEASE, SAVEPOINT_ROLLBACK } SavepointStep;

/* One engine. `…_in` calls run in the transaction that c->tx names; the others outside any. */
typedef struct DbEngine {
    Engine engine;
    void (*close)(Db *db);
    Err *(*query)(Ctx *c, Db *db, Query *q);
    Err *(*query_in)(Ctx *c, DbTx *tx, Query *q);
    Err *(*later_in)(Ctx *c, DbTx *tx, const char *text, Args args); /* NULL: query_in */
    Err *(*scan)(Ctx *c, Db *db, Query *q);
    Err *(*each)(Ctx *c, Db *db, Query *q, RowFn fn, void *arg);
    Err *(*each_in)(Ctx *c, DbTx *tx, Query *q, RowFn fn, void *arg);
    Err *(*many_in)(Ctx *c, DbTx *tx, const char *text, const Args *rows, ptrdiff_t count);
    Err *(*script_in)(Ctx *c, DbTx *tx, Str script);
    Err *(*savepoint_in)(Ctx *c, DbTx *tx, SavepointStep step);
    /* Fills tx, calls tx_run(c, tx, body) with c->tx set, commits when that returns NULL. */
    Err *(*transaction)(Ctx *c, Db *db, DbTx *tx, TxBody body);
    void (*followers_wake)(struct Write *followers); /* of a JointBody */
    Err *(*notify_in)(Ctx *c, DbTx *tx, Str channel, Str payload);
    Err *(*check)(Ctx *c, Db *db, const char *text);
    Err *(*backup)(Ctx *c, Db *db, Str path, void (*progress)(void *, int64_t, int64_t), void *arg);
    void (*stats)(Ctx *c, Db *db, DbStats *out); /* fill in what is the engine's own */
    void (*listen)(Ctx *c, Db *db);              /* a channel was added to db->listeners */
    bool (*state)(Db *db, int64_t *state);       /* see db_state; NULL: never known */
} DbEngine;

/* Who wants to hear of a channel: see db_notice.c. */
typedef struct Listeners Listeners;

/* db_stats.c: see DbStats. */
typedef _Atomic int64_t Tally;
typedef struct TallyTimes {
    Tally counts[DB_TIME_BOUNDS + 1], sum_us;
} TallyTimes;
typedef struct TallyGroups {
    Tally counts[DB_GROUP_BOUNDS + 1], sum;
} TallyGroups;
typedef struct DbTallies {
    Tally committed, failed, again;
    TallyTimes writes, commits;
    TallyGroups groups;
} DbTallies;
void tally_add(Tally *at, int64_t n);
int64_t tally_get(const Tally *at);
void tally_time(TallyTimes *t, int64_t began_us);
void tally_group(TallyGroups *t, int64_t size);
void tally_write(DbTallies *t, int64_t began_us, const Err *err); /* a transaction has ended */

struct Db {
    const DbEngine *engine;
    DbTallies tallies;
    struct Sqlite *sqlite;
    struct Postgres *postgres;
    Listeners *listeners;
};

/* -- for the engines --------------------------------------------------------------------------- */

/* Which column fills which field; kept with a prepared statement. */
typedef struct RowMap {
    const Record *record; /* NULL: to be made */
    int count;
    const Field **fields; /* on the heap; NULL: no such field */
} RowMap;
typedef const char *(*ColumnName)(const void *of, int column);
/* INTERNAL when there are more columns than COLUMNS_MAX or a field cannot be a column. */
MUST_USE Err *row_map_make(Ctx *c, RowMap *map, const Record *record, int columns, ColumnName name,
                           const void *of);
void row_map_free(RowMap *map);

/* The struct to fill with the next row; NULL when rows are not (or no longer) wanted. */
void *query_row(Ctx *c, Query *q);
/* Put a column's value into a field of *row; texts are copied into c's arena. */
MUST_USE Err *field_put(Ctx *c, const Field *field, void *row, Value value);
/* A value as an integer, for WANT_INT. */
MUST_USE Err *value_to_int(Ctx *c, Value value, int64_t *out);

/* Run fn inside *tx: NULL only if it may be committed. */
MUST_USE Err *tx_run(Ctx *c, DbTx *tx, TxBody body);

/* Run a whole script inside the transaction under way (migrations). */
MUST_USE Err *db_script(Ctx *c, Str script);

/* Do fn(arg) now and forget the defer that would have done it at c's end: who loops over our calls
 * for ever, giving back arena space between two, must not gather defers. */
void defer_now(Ctx *c, void (*fn)(void *), void *arg);

/* The error of row i of db_exec_many. */
Err *err_at_row(Ctx *c, Err *err, ptrdiff_t i);
/* An error whose caller should come again in a while. */
Err *err_later(Ctx *c, const char *where, const char *why);

/* The engines: sqlite.c and postgres.c. */
MUST_USE Err *sqlite_open(Ctx *c, DbOptions options, Db *db);
MUST_USE Err *postgres_open(Ctx *c, DbOptions options, Db *db);

/* db_notice.c: listeners of all loops. */
Listeners *listeners_new(void);
void listeners_free(Listeners *l);
/* True when the channel is new. */
bool listeners_add(Listeners *l, const char *channel, Loop *loop, void (*fn)(void *, Str),
                   void *arg);
/* Call the channel's listeners (null: those of all channels), each on its own loop. */
void listeners_tell(Listeners *l, Str channel, Str payload);
/* The i-th channel listened to; null behind the last. The text lives as long as the listeners. */
Str listeners_channel(Listeners *l, ptrdiff_t i);

#endif
