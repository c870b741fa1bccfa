/* SPDX-License-Identifier: Apache-2.0
 * The calls of db.h: arguments are checked, transactions kept in order, the rest is the engine's.
 */
#include "data/db.h"

#include <math.h>

#include "data/db_room.h"
#include "data/sql_text.h"

enum { NOTICE_MAX = 7999 }; /* PostgreSQL's own limit on a payload */

Engine db_engine(Ctx *c) { return app_db(c)->engine->engine; }

Err *err_later(Ctx *c, const char *where, const char *why) {
    Err *err = err_new(c, ERR_UNAVAILABLE, where, "%s", why);
    err->retry_after_s = RETRY_S;
    return err;
}

void defer_now(Ctx *c, void (*fn)(void *), void *arg) {
    Defer **at = &c->defers;
    while (*at && ((*at)->fn != fn || (*at)->arg != arg)) at = &(*at)->next;
    assert(*at);
    *at = (*at)->next;
    fn(arg);
}

Err *err_at_row(Ctx *c, Err *err, ptrdiff_t i) {
    Err *at_row = err_wrap(c, err->kind, __func__, err, "Row %td: %.*s", i + 1, S_ARG(err->detail));
    at_row->code = err->code;
    return at_row;
}

/* -- arguments --------------------------------------------------------------------------------- */

/* PostgreSQL refuses NUL bytes and broken UTF-8, so SQLite must not take them either. */
static bool text_sound(Str s) {
    ptrdiff_t at = 0;
    for (; at + 8 <= s.len; at += 8) {
        uint64_t word;
        memcpy(&word, s.data + at, 8);
        uint64_t high = 0x8080808080808080u;
        if ((word | ((word - 0x0101010101010101u) & ~word)) & high) break;
    }
    for (; at < s.len; at++)
        if (s.data[at] <= 0) break; /* char is signed here: NUL or not ASCII */
    if (at == s.len) return true;
    Str rest = str_slice(s, at, s.len);
    return str_find_byte(rest, '\0') < 0 && str_utf8_valid(rest);
}

static Err *args_check(Ctx *c, Args args) {
    assert(args.count >= 0 && args.count <= ARGS_MAX);
    for (ptrdiff_t i = 0; i < args.count; i++) {
        const Value *v = &args.items[i];
        bool text = v->kind == VALUE_TEXT || v->kind == VALUE_JSON;
        if (text && !text_sound(v->s))
            FAIL(c, INVALID, "Text $%td is not valid UTF-8 or contains a NUL byte.", i + 1);
        if (v->kind == VALUE_FLOAT && isnan(v->f))
            FAIL(c, INVALID, "Number $%td is not a number.", i + 1);
    }
    return NULL;
}

static const char *text_for(const Db *db, Sql sql) {
    const char *text = db->engine->engine == ENGINE_SQLITE ? sql.sqlite : sql.postgres;
    assert(text);
    return text;
}

/* -- one statement ----------------------------------------------------------------------------- */

static Err *tx_refuse(Ctx *c, const DbTx *tx) {
    if (!tx->failed) return NULL;
    return err_wrap(c, tx->failed->kind, __func__, tx->failed,
                    "An earlier statement of this transaction failed.");
}

static Err *tx_note(DbTx *tx, Err *err) {
    if (err && !tx->failed) tx->failed = err;
    return err;
}

static Err *query_in(Ctx *c, DbTx *tx, Query *q) {
    TRY(tx_refuse(c, tx));
    Err *err = args_check(c, q->args);
    return tx_note(tx, err ? err : tx->db->engine->query_in(c, tx, q));
}

static Err *query_run(Ctx *c, Sql sql, Query *q) {
    Db *db = app_db(c);
    q->text = text_for(db, sql);
    if (c->tx) return query_in(c, c->tx, q);
    assert(c->coro);
    TRY(args_check(c, q->args));
    if (!sql_is_write(str_c(q->text))) return db->engine->query(c, db, q);
    int64_t began_us = mono_us();
    Err *err = db->engine->query(c, db, q);
    tally_write(&db->tallies, began_us, err);
    return err;
}

Err *db_query(Ctx *c, Sql sql, Args args, const Record *record, Rows *out) {
    assert(record && out);
    Query q = {.args = args, .want = WANT_ALL, .record = record};
    TRY(query_run(c, sql, &q));
    *out = q.rows;
    return NULL;
}

Err *db_maybe(Ctx *c, Sql sql, Args args, const Record *record, void *out, bool *found) {
    assert(record && out);
    assert(found);
    Query q = {.args = args, .want = WANT_FIRST, .record = record, .one = out};
    TRY(query_run(c, sql, &q));
    *found = q.found;
    return NULL;
}

Err *db_one(Ctx *c, Sql sql, Args args, const Record *record, void *out) {
    bool found = false;
    TRY(db_maybe(c, sql, args, record, out, &found));
    if (!found) FAIL(c, NOT_FOUND, "%s not found", record->name);
    return NULL;
}

Err *db_int(Ctx *c, Sql sql, Args args, int64_t *out) {
    assert(out);
    Query q = {.args = args, .want = WANT_INT};
    TRY(query_run(c, sql, &q));
    if (!q.found) FAIL(c, NOT_FOUND, "Not found");
    *out = q.integer;
    return NULL;
}

Err *db_exec(Ctx *c, Sql sql, Args args, ptrdiff_t *changed) {
    Query q = {.args = args};
    TRY(query_run(c, sql, &q));
    if (changed) *changed = q.changed;
    return NULL;
}

Err *db_exec_later(Ctx *c, Sql sql, Args args) {
    assert(c->tx);
    DbTx *tx = c->tx;
    const DbEngine *engine = tx->db->engine;
    if (!engine->later_in) return db_exec(c, sql, args, NULL);
    TRY(tx_refuse(c, tx));
    Err *err = args_check(c, args);
    return tx_note(tx, err ? err : engine->later_in(c, tx, text_for(tx->db, sql), args));
}

Err *db_exec_many(Ctx *c, Sql sql, const Args *rows, ptrdiff_t count) {
    assert(c->tx);
    assert(count >= 0);
    DbTx *tx = c->tx;
    TRY(tx_refuse(c, tx));
    Err *err = NULL;
    for (ptrdiff_t i = 0; i < count && !err; i++) {
        assert(rows[i].count == rows[0].count);
        err = args_check(c, rows[i]);
    }
    if (!err && count > 0) err = tx->db->engine->many_in(c, tx, text_for(tx->db, sql), rows, count);
    return tx_note(tx, err);
}

Err *db_each(Ctx *c, Sql sql, Args args, const Record *record, RowFn fn, void *arg) {
    assert(record && fn);
    Db *db = app_db(c);
    Query q = {.text = text_for(db, sql), .args = args, .want = WANT_ALL, .record = record};
    if (c->tx) {
        TRY(tx_refuse(c, c->tx));
        Err *err = args_check(c, args);
        return tx_note(c->tx, err ? err : db->engine->each_in(c, c->tx, &q, fn, arg));
    }
    assert(c->coro);
    TRY(args_check(c, args));
    return db->engine->each(c, db, &q, fn, arg);
}

Err *db_scan(Ctx *c, Sql sql, Args args, const Record *record, Rows *out) {
    assert(record && out);
    Db *db = app_db(c);
    Query q = {.text = text_for(db, sql), .args = args, .want = WANT_ALL, .record = record};
    if (c->tx) {
        TRY(query_in(c, c->tx, &q));
    } else {
        assert(c->coro);
        TRY(args_check(c, args));
        TRY(db->engine->scan(c, db, &q));
    }
    *out = q.rows;
    return NULL;
}

bool db_state(Ctx *c, int64_t *state) {
    assert(c->coro || c->tx);
    assert(state);
    Db *db = app_db(c);
    return !c->tx && db->engine->state && db->engine->state(db, state);
}

/* -- transactions ------------------------------------------------------------------------------ */

static Err *before_commit_run(DbTx *tx) {
    while (tx->before) {
        BeforeCommit *first = NULL;
        for (BeforeCommit *one = tx->before, *next; one; one = next) {
            next = one->next;
            one->next = first;
            first = one;
        }
        tx->before = NULL;
        for (; first; first = first->next) TRY(first->fn(first->c, first->arg));
    }
    return NULL;
}

Err *tx_run(Ctx *c, DbTx *tx, TxBody body) {
    assert(!c->tx);
    c->tx = tx;
    Err *err = body.fn(c, body.arg);
    if (!err && !tx->failed) err = before_commit_run(tx);
    c->tx = NULL;
    return err ? err : tx->failed;
}

/* A savepoint of the outer transaction. After a deadlock or serialization failure the engine has
 * nothing to go back to: then the outer one has failed as well. */
static Err *tx_nested(Ctx *c, DbTx *tx, TxBody body) {
    TRY(tx_refuse(c, tx));
    const DbEngine *engine = tx->db->engine;
    TRY(tx_note(tx, engine->savepoint_in(c, tx, SAVEPOINT_OPEN)));
    BeforeCommit *before = tx->before;
    AfterCommit *after = tx->after;
    Notice *notices = tx->notices;
    Err *err = body.fn(c, body.arg);
    if (!err) err = tx->failed;
    if (!err) err = tx_note(tx, engine->savepoint_in(c, tx, SAVEPOINT_RELEASE));
    if (!err) return NULL;
    tx->before = before;
    tx->after = after;
    tx->notices = notices;
    if (tx->again) return err;
    tx->failed = NULL;
    Err *stuck = engine->savepoint_in(c, tx, SAVEPOINT_ROLLBACK);
    if (stuck) tx->failed = err_wrap(c, stuck->kind, __func__, stuck, "%.*s", S_ARG(stuck->detail));
    return err;
}

static void after_commit_run(Ctx *c, AfterCommit *latest) {
    AfterCommit *first = NULL;
    while (latest) {
        AfterCommit *next = latest->next;
        latest->next = first;
        first = latest;
        latest = next;
    }
    for (; first; first = first->next) first->fn(c, first->arg);
}

static void notices_tell(Db *db, Notice *latest) {
    if (!latest) return;
    notices_tell(db, latest->next);
    listeners_tell(db->listeners, latest->channel, latest->payload);
}

static Err *tx_outer(Ctx *c, TxBody body) {
    if (c->tx) return tx_nested(c, c->tx, body);
    assert(c->coro);
    Db *db = app_db(c);
    DbTx tx = {.db = db};
    int64_t began_us = mono_us();
    Err *err = db->engine->transaction(c, db, &tx, body);
    tally_write(&db->tallies, began_us, err);
    if (err) return err;
    notices_tell(db, tx.notices);
    after_commit_run(c, tx.after);
    return NULL;
}

Err *db_transaction(Ctx *c, Err *(*fn)(Ctx *c, void *arg), void *arg) {
    assert(fn);
    return tx_outer(c, (TxBody){fn, arg, NULL});
}

static Err *joint_alone(Ctx *c, void *arg) {
    const JointBody *body = arg;
    Joint joint = {c, body->arg, NULL};
    Err *err = body->fn(c, &joint, 1);
    return err ? err : joint.err;
}

static void joint_over(void *arg) {
    JointBody *body = arg;
    if (body->followers) body->engine->followers_wake(body->followers);
}

/* Followers are let go on every way out, also when what is done after the commit overflows. */
Err *db_transaction_joint(Ctx *c, Err *(*fn)(Ctx *c, Joint *joints, ptrdiff_t count), void *arg) {
    assert(fn);
    JointBody *body = arena_new_of(c->arena, JointBody);
    *body = (JointBody){app_db(c)->engine, fn, arg, NULL};
    defer(c, joint_over, body);
    Err *err = tx_outer(c, (TxBody){joint_alone, body, body});
    defer_now(c, joint_over, body);
    return err;
}

void db_after_commit(Ctx *c, void (*fn)(Ctx *c, void *arg), void *arg) {
    assert(fn);
    if (!c->tx) {
        fn(c, arg);
        return;
    }
    AfterCommit *after = arena_new_of(c->arena, AfterCommit);
    *after = (AfterCommit){c->tx->after, fn, arg};
    c->tx->after = after;
}

Err *db_before_commit(Ctx *c, Err *(*fn)(Ctx *c, void *arg), void *arg) {
    assert(fn);
    if (!c->tx || c->tx->db->engine->engine == ENGINE_SQLITE) return fn(c, arg);
    BeforeCommit *before = arena_new_of(c->arena, BeforeCommit);
    *before = (BeforeCommit){c->tx->before, c, fn, arg};
    c->tx->before = before;
    return NULL;
}

Err *db_script(Ctx *c, Str script) {
    assert(c->tx);
    TRY(tx_refuse(c, c->tx));
    return tx_note(c->tx, c->tx->db->engine->script_in(c, c->tx, script));
}

/* -- rows from records ------------------------------------------------------------------------- */

/* The database fills a READONLY field that was left empty (its key, its times). */
static bool left_to_database(const Field *f, const void *row) {
    if (!(f->flags & (F_READONLY | F_OWNER))) return false;
    const void *at = field_at(f, row);
    switch (f->kind) {
    case KIND_ID: return ((const Id *)at)->value == 0;
    case KIND_INT: return *(const int64_t *)at == 0;
    case KIND_FLOAT: return *(const double *)at == 0;
    case KIND_BOOL: return !*(const bool *)at;
    case KIND_STR: return str_is_null(*(const Str *)at);
    case KIND_JSON: return str_is_null(((const JsonText *)at)->text);
    case KIND_TIME: return ((const Time *)at)->us == 0 || time_is_null(*(const Time *)at);
    case KIND_OPT_INT: return !((const OptInt *)at)->set;
    case KIND_OPT_FLOAT: return !((const OptFloat *)at)->set;
    case KIND_OPT_BOOL: return !((const OptBool *)at)->set;
    case KIND_STR_LIST: return !((const StrList *)at)->items;
    case KIND_RECORD:
    case KIND_RECORD_LIST: break;
    }
    return true;
}

static bool is_column(const Field *f) {
    return !(f->flags & F_NO_COLUMN) && f->kind != KIND_RECORD && f->kind != KIND_RECORD_LIST;
}

Err *db_insert(Ctx *c, const Record *record, void *in_out) {
    assert(record->table);
    assert(in_out);
    Value values[ARGS_MAX];
    ptrdiff_t count = 0;
    Buf names = buf_new(c->arena, 256), text = buf_new(c->arena, 512);
    for (ptrdiff_t i = 0; i < record->field_count; i++) {
        const Field *f = &record->fields[i];
        if (!is_column(f) || left_to_database(f, in_out)) continue;
        assert(count < ARGS_MAX);
        values[count++] = field_value(c, f, in_out);
        buf_f(&names, "%s%s", count > 1 ? ", " : "", f->name);
    }
    buf_f(&text, "INSERT INTO %s ", record->table);
    if (count == 0)
        buf_add(&text, S("DEFAULT VALUES"));
    else
        buf_f(&text, "(%.*s) VALUES (", S_ARG(buf_str(&names)));
    for (ptrdiff_t i = 0; i < count; i++) buf_f(&text, "%s$%td", i > 0 ? ", " : "", i + 1);
    buf_f(&text, "%s RETURNING *", count ? ")" : "");
    const char *sql = str_cstr(c->arena, buf_str(&text));
    return db_one(c, (Sql){sql, sql}, (Args){values, count}, record, in_out);
}

Err *db_next_change(Ctx *c, int64_t count, int64_t *first) {
    assert(c->tx);
    assert(count > 0);
    int64_t last = 0;
    if (db_engine(c) ==
        ENGINE_SQLITE) { /* which gathers what RETURNING gives in a table of its own */
        TRY(db_exec(c, SQL("UPDATE change_sequence SET value = value + $1 WHERE id = 1"),
                    ARGS(V(count)), NULL));
        TRY(db_int(c, SQL("SELECT value FROM change_sequence WHERE id = 1"), NO_ARGS, &last));
    } else {
        TRY(db_int(
            c, SQL("UPDATE change_sequence SET value = value + $1 WHERE id = 1 RETURNING value"),
            ARGS(V(count)), &last));
    }
    *first = last - count + 1;
    return NULL;
}

Err *db_expect_bulk(Ctx *c) {
    if (db_engine(c) != ENGINE_SQLITE) return NULL;
    return db_exec(c, SQL("PRAGMA cache_size = -262144"), NO_ARGS, NULL);
}

/* -- notices ----------------------------------------------------------------------------------- */

void db_listen(Ctx *c, const char *channel, void (*fn)(void *arg, Str payload), void *arg) {
    assert(channel && fn);
    assert(loop_here());
    Db *db = app_db(c);
    listeners_add(db->listeners, channel, loop_here(), fn, arg);
    if (db->engine->listen) db->engine->listen(c, db);
}

typedef struct NotifyOne {
    Str channel, payload;
} NotifyOne;

static Err *notify_one(Ctx *c, void *arg) {
    NotifyOne *one = arg;
    DbTx *tx = c->tx;
    TRY(tx_refuse(c, tx));
    return tx_note(tx, tx->db->engine->notify_in(c, tx, one->channel, one->payload));
}

Err *db_notify(Ctx *c, const char *channel, Str payload) {
    assert(channel && *channel);
    if (payload.len > NOTICE_MAX || !text_sound(payload))
        FAIL(c, INVALID, "A notice is at most %d bytes of text.", NOTICE_MAX);
    NotifyOne one = {str_c(channel), payload.data ? payload : S("")};
    return c->tx ? notify_one(c, &one) : db_transaction(c, notify_one, &one);
}

/* -- the whole database ------------------------------------------------------------------------ */

Err *db_open(Ctx *c, DbOptions options, Db **out) {
    assert(c->coro);
    assert(out);
    Db *db = calloc(1, sizeof *db);
    if (!db) abort();
    db->listeners = listeners_new();
    Err *err;
    if (str_is_empty(options.url) || str_starts(options.url, S("sqlite")))
        err = sqlite_open(c, options, db);
    else if (str_starts(options.url, S("postgres")))
        err = postgres_open(c, options, db);
    else
        err = err_new(c, ERR_INVALID, __func__,
                      "DATABASE_URL must be empty, sqlite:///path or postgresql://…");
    *out = err ? NULL : db;
    if (!err) return NULL;
    if (db->engine) { /* it has begun: coroutines may still use it */
        db->engine->close(db);
    } else {
        listeners_free(db->listeners);
        free(db);
    }
    return err;
}

void db_close(Db *db) {
    if (!db) return;
    db->engine->close(db); /* frees db when its last user has let go */
}

Err *db_ping(Ctx *c, int64_t *latency_us) {
    assert(latency_us);
    int64_t began = mono_us(), tables;
    TRY(db_int(c, SQL2("SELECT count(*) FROM sqlite_schema", "SELECT 1"), NO_ARGS, &tables));
    *latency_us = mono_us() - began;
    return NULL;
}

Err *db_backup(Ctx *c, Str path, void (*progress)(void *arg, int64_t done, int64_t total),
               void *arg) {
    assert(!c->tx);
    Db *db = app_db(c);
    if (!db->engine->backup)
        FAIL(c, NOT_CONFIGURED, "PostgreSQL has its own backups: use pg_dump or pg_basebackup.");
    return db->engine->backup(c, db, path, progress, arg);
}

Err *db_check(Ctx *c, Sql sql) {
    assert(!c->tx);
    Db *db = app_db(c);
    return db->engine->check(c, db, text_for(db, sql));
}
