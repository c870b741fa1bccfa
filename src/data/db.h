/* SPDX-License-Identifier: Apache-2.0
 * The database: the same calls on SQLite and on PostgreSQL.
 *
 *   Id id = …; Project p;
 *   TRY(db_one(c, SQL_PROJECT_LOAD, ARGS(V(c->account.user), V(id)), &project_record, &p));
 *
 * - SQL is written with $1, $2 …; a text that must differ between the engines is a Sql with two
 *   variants (SQL2). Result columns go into the record's fields by name (columns without a field
 *   are ignored; fields without a column stay as they were). Times are integers of µs in SQLite
 *   and timestamptz in PostgreSQL; text lists and JSON are JSON text in SQLite and jsonb in
 *   PostgreSQL; booleans are 0/1 in SQLite.
 * - Reads run on this loop's own handle (SQLite) or a pooled connection (PostgreSQL).
 * - Every write is durable when the call returns. On SQLite one writer thread gathers the waiting
 *   transactions into one commit; each has its own savepoint, so that one failing fails alone.
 * - Inside db_transaction, fn may only use db_… calls (it may run on the writer's thread): no HTTP,
 *   no sleeping. Reads inside it see its own writes. fn may be run again (deadlock, a neighbour's
 *   failed commit), so it must be repeatable: what it changes in memory it sets, not adds to.
 * - A failed statement fails its transaction, on both engines: nothing more is accepted in it, and
 *   it cannot be committed though fn should return NULL. To try something that may fail, nest a
 *   db_transaction: it is a savepoint, whose failure is undone alone.
 *
 * Errors: NOT_FOUND (db_one without a row), CONFLICT (unique; Err.code is `table.column`, or
 * `table.a,table.b`), INVALID (foreign key, check, not null; text that is not UTF-8), UNAVAILABLE
 * (locked, connection lost, circuit open; with retry_after_s), STORAGE_FULL, TIMEOUT, BUDGET (the
 * answer is over c's memory), INTERNAL. A write that was under way when PostgreSQL was lost is
 * UNAVAILABLE, and its detail says that the outcome is unknown; it is never sent a second time. */
#ifndef SOCLE_DATA_DB_H
#define SOCLE_DATA_DB_H

#include "core/record.h"
#include "rt/coro.h"

typedef enum Engine { ENGINE_SQLITE, ENGINE_POSTGRES } Engine;

/* One statement, or one per engine. They are kept prepared, found by their text: a text made at run
 * time is safe, and only slower when it is always another. */
typedef struct Sql {
    const char *sqlite, *postgres;
} Sql;
#define SQL(text) ((Sql){(text), (text)})
#define SQL2(sqlite_text, postgres_text) ((Sql){(sqlite_text), (postgres_text)})

typedef enum ValueKind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_FLOAT,
    VALUE_TEXT,
    VALUE_BLOB,
    VALUE_TIME,
    VALUE_JSON
} ValueKind;
typedef struct Value {
    ValueKind kind;
    union {
        bool b;
        int64_t i; /* INT, and TIME in µs */
        double f;
        Str s; /* TEXT, BLOB, JSON */
    };
} Value;

static inline Value value_null(void) { return (Value){.kind = VALUE_NULL}; }
static inline Value value_bool(bool b) { return (Value){.kind = VALUE_BOOL, .b = b}; }
static inline Value value_int(int64_t i) { return (Value){.kind = VALUE_INT, .i = i}; }
static inline Value value_int32(int i) { return (Value){.kind = VALUE_INT, .i = i}; }
static inline Value value_float(double f) { return (Value){.kind = VALUE_FLOAT, .f = f}; }
static inline Value value_str(Str s) {
    return s.data ? (Value){.kind = VALUE_TEXT, .s = s} : value_null();
}
static inline Value value_blob(Str s) {
    return s.data ? (Value){.kind = VALUE_BLOB, .s = s} : value_null();
}
static inline Value value_json(JsonText j) {
    return j.text.data ? (Value){.kind = VALUE_JSON, .s = j.text} : value_null();
}
static inline Value value_id(Id id) { return id.value ? value_int(id.value) : value_null(); }
static inline Value value_time(Time t) {
    return time_is_null(t) ? value_null() : (Value){.kind = VALUE_TIME, .i = t.us};
}
static inline Value value_opt_int(OptInt o) { return o.set ? value_int(o.value) : value_null(); }
static inline Value value_opt_float(OptFloat o) {
    return o.set ? value_float(o.value) : value_null();
}
static inline Value value_opt_bool(OptBool o) { return o.set ? value_bool(o.value) : value_null(); }
static inline Value value_self(Value v) { return v; }

/* V(x): a Value of anything that has a kind. */
// clang-format off
#define V(x)                                                                               \
    _Generic((x), bool: value_bool, int: value_int32, int64_t: value_int,                  \
        double: value_float, Str: value_str, Id: value_id, Time: value_time,               \
        JsonText: value_json, OptInt: value_opt_int, OptFloat: value_opt_float,            \
        OptBool: value_opt_bool, Value: value_self)(x)
// clang-format on

typedef struct Args {
    const Value *items;
    ptrdiff_t count;
} Args;
/* ARGS(V(a), V(b)); NO_ARGS. At most 60. */
#define ARGS(...) ((Args){(const Value[]){__VA_ARGS__}, COUNT(((const Value[]){__VA_ARGS__}))})
#define NO_ARGS ((Args){NULL, 0})

typedef struct Rows {
    void *items; /* count structs of the record's size, in c's arena */
    ptrdiff_t count;
} Rows;

/* All rows. */
MUST_USE Err *db_query(Ctx *c, Sql sql, Args args, const Record *record, Rows *out);
/* Exactly the first row into *out; NOT_FOUND when there is none. */
MUST_USE Err *db_one(Ctx *c, Sql sql, Args args, const Record *record, void *out);
/* The same, with *found instead of NOT_FOUND. */
MUST_USE Err *db_maybe(Ctx *c, Sql sql, Args args, const Record *record, void *out, bool *found);
/* A single integer (count, max, RETURNING id); NOT_FOUND without a row, 0 for null. */
MUST_USE Err *db_int(Ctx *c, Sql sql, Args args, int64_t *out);
/* Change rows. *changed (may be NULL): how many. RETURNING goes through db_query/db_one/db_int,
 * which know by the first word (INSERT, UPDATE, DELETE, or WITH … containing them) that it is a
 * write. */
MUST_USE Err *db_exec(Ctx *c, Sql sql, Args args, ptrdiff_t *changed);
/* The same in a transaction, without waiting for the answer where that would have to travel: it is sent
 * with the next statement whose answer is waited for, or the COMMIT, whose error its failure becomes.
 * For what one expects to succeed; on SQLite it is db_exec. */
MUST_USE Err *db_exec_later(Ctx *c, Sql sql, Args args);
/* The same statement for many argument rows in one go (bulk import): inside db_transaction only. */
MUST_USE Err *db_exec_many(Ctx *c, Sql sql, const Args *rows, ptrdiff_t count);

/* Rows one at a time, for answers that do not fit in memory. fn gets a struct that is reused. Runs
 * on a pool thread (SQLite, handle of its own) or a server-side cursor (PostgreSQL); each batch of
 * rows is handed to fn in this coroutine, so fn may wait. */
MUST_USE Err *db_each(Ctx *c, Sql sql, Args args, const Record *record,
                      Err *(*fn)(Ctx *c, void *row, void *arg), void *arg);
/* As db_query, for statements that scan: off the loop on SQLite. */
MUST_USE Err *db_scan(Ctx *c, Sql sql, Args args, const Record *record, Rows *out);

/* All or nothing. If fn returns an Err (or the commit fails) nothing of it remains. c->tx is set
 * inside. After a deadlock or serialization failure fn runs again, up to 7 times. Nested calls join
 * the outer one as savepoints. */
MUST_USE Err *db_transaction(Ctx *c, Err *(*fn)(Ctx *c, void *arg), void *arg);
/* Call fn(arg) after the commit of the present transaction is durable, in c's coroutine, before
 * db_transaction returns; not called when it fails. Outside a transaction: at once. */
void db_after_commit(Ctx *c, void (*fn)(Ctx *c, void *arg), void *arg);

/* For what others wait for until the commit: run fn(arg) as the last of the transaction under way, in
 * the order of the calls, after all else of it; what fails there fails the transaction. On SQLite,
 * where one transaction writes at a time, and outside one: at once. */
MUST_USE Err *db_before_commit(Ctx *c, Err *(*fn)(Ctx *c, void *arg), void *arg);

/* One of several transactions of a kind that are done as one. */
typedef struct Joint {
    Ctx *c; /* who asked: what he keeps lives in its arena, and db_… calls work with it */
    void *arg;
    Err *err; /* set by fn: this one is refused, and nothing was written for it */
} Joint;
/* A transaction that many ask for at once, an insert of each of many clients say. Those that wait
 * with the same fn at the same moment are one transaction on SQLite, where statements that serve
 * all of them need to run only once. fn gets them in the order in which they came, at least one;
 * c is the first one's. When fn returns an Err, an arena is full or the commit fails, nothing of
 * it remains and each runs again alone: fn must be repeatable. What c does after the commit
 * (db_after_commit, db_notify) is done before any of them goes on. On PostgreSQL, and inside
 * another transaction, each is alone. */
MUST_USE Err *db_transaction_joint(Ctx *c, Err *(*fn)(Ctx *c, Joint *joints, ptrdiff_t count),
                                   void *arg);

/* The state of the database that reads on this loop see from here on: between two calls that gave the
 * same number nothing was committed by anybody, in this process or another, so that what was read in
 * between is still so. Numbers are never used again. False where this cannot be known: on PostgreSQL,
 * in a transaction, when the database is away. Does not wait. */
MUST_USE bool db_state(Ctx *c, int64_t *state);

Engine db_engine(Ctx *c);
/* A field of *row as an argument; texts are borrowed from the row. */
Value field_value(Ctx *c, const Field *field, const void *row);
/* A row from a record: INSERT … RETURNING *, of all columns but READONLY ones that are unset. */
MUST_USE Err *db_insert(Ctx *c, const Record *record, void *in_out);

/* The next values of the change sequence (design §9): every searchable row is stamped with one in
 * the transaction that writes it. Commit order equals sequence order, because the sequence is one
 * row whose lock is held to the commit. The price on PostgreSQL: transactions that call this commit
 * one after the other from here on, so call it last. Inside a transaction only. */
MUST_USE Err *db_next_change(Ctx *c, int64_t count, int64_t *first);

/* This process has much to write (an import): until it ends SQLite's writer may keep 256 MB of the
 * database in memory, so that a transaction of many thousand rows writes each page once. */
MUST_USE Err *db_expect_bulk(Ctx *c);

/* -- opening, by main and the command line ----------------------------------------------------- */

typedef struct Db Db;
typedef struct DbOptions {
    /* "" (data_dir/socle.db), sqlite:///path (that is /path; sqlite:///./path is relative) or
     * postgresql://…; a +driver is dropped. */
    Str url;
    Str data_dir;
    int64_t connections; /* PostgreSQL, at most, per loop: 4 */
    bool prepared;       /* PostgreSQL: named prepared statements, LISTEN; off behind a pooler */
    int64_t statement_timeout_ms;
    struct App *app;
} DbOptions;
/* From a coroutine. Waits for the database to be reachable, at most c's deadline. */
MUST_USE Err *db_open(Ctx *c, DbOptions options, Db **out);
/* Nobody may be using it. From a coroutine, or after rt_run. */
void db_close(Db *db);
/* The file that an SQLite URL (or none, with data_dir) means; null for other engines. */
Str db_sqlite_file(Arena *arena, Str url, Str data_dir);
Db *app_db(Ctx *c); /* defined by src/app.c: the Db of c->app */

/* Reachable now? With the time it took. */
MUST_USE Err *db_ping(Ctx *c, int64_t *latency_us);
/* A consistent copy of the SQLite database into a file, while it is in use (SQLite only). */
MUST_USE Err *db_backup(Ctx *c, Str path, void (*progress)(void *arg, int64_t done, int64_t total),
                        void *arg);

/* LISTEN on PostgreSQL: fn(arg, payload) on the loop that asked, each time; with a null payload ("look
 * yourself") when listening has begun and after every reconnect, and once a second where a pooler
 * forbids it. On SQLite (one process) the listeners are called directly. For as long as the
 * database is open. */
void db_listen(Ctx *c, const char *channel, void (*fn)(void *arg, Str payload), void *arg);
/* Part of the transaction: delivered after its commit. At most 7999 bytes. */
MUST_USE Err *db_notify(Ctx *c, const char *channel, Str payload);

/* For the test that prepares every statement on both engines. */
MUST_USE Err *db_check(Ctx *c, Sql sql); /* prepares it, runs nothing */

#endif
