/* SPDX-License-Identifier: Apache-2.0 */
#include "data/sqlite_handle.h"

#include <stdlib.h>
#include <unistd.h>

#include "data/sql_text.h"
#include "data/sqlite_log.h"

enum {
    BUSY_WRITE_MS = 5000,  /* another process writes: then UNAVAILABLE */
    BUSY_READ_MS = 100,    /* only while one recovers the log; a loop must not wait longer */
    STATEMENTS_MAX = 256,  /* prepared at once on a connection */
    PROGRESS_STEPS = 2000, /* virtual machine steps between two looks at the clock: about 0.1 ms */
    EACH_BUDGET = 64 * 1024 * 1024,
};

/* -- errors ------------------------------------------------------------------------------------ */

static ErrKind constraint_kind(int rc) {
    switch (rc) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return ERR_CONFLICT;
    default: return ERR_INVALID;
    }
}

ErrKind sqlite_kind(int rc) {
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT: return constraint_kind(rc);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM: return ERR_UNAVAILABLE;
    case SQLITE_IOERR:
        return rc == SQLITE_IOERR_READ || rc == SQLITE_IOERR_SHORT_READ ? ERR_INTERNAL
                                                                        : ERR_UNAVAILABLE;
    case SQLITE_FULL: return ERR_STORAGE_FULL;
    case SQLITE_INTERRUPT: return ERR_TIMEOUT;
    case SQLITE_TOOBIG: return ERR_TOO_LARGE;
    default: return ERR_INTERNAL;
    }
}

/* `UNIQUE constraint failed: users.a, users.b` names the constraint behind the colon; blanks out.
 */
static Str constraint_name(Arena *arena, Str message) {
    ptrdiff_t colon = str_find(message, S("failed: "));
    if (colon < 0) return (Str){NULL, 0};
    Buf b = buf_new(arena, message.len);
    for (ptrdiff_t i = colon + 8; i < message.len; i++)
        if (message.data[i] != ' ') buf_byte(&b, message.data[i]);
    return buf_str(&b);
}

static Err *constraint_err(Ctx *c, int rc, Str message) {
    Str name = constraint_name(c->arena, message);
    Err *err;
    if (constraint_kind(rc) == ERR_CONFLICT)
        err = err_new(c, ERR_CONFLICT, "sqlite", "There is one already with the same %.*s.",
                      S_ARG(name));
    else if (rc == SQLITE_CONSTRAINT_FOREIGNKEY)
        err = err_new(c, ERR_INVALID, "sqlite",
                      "It refers to something that does not exist, or is referred to.");
    else
        err = err_new(c, ERR_INVALID, "sqlite", "A value is not allowed: %.*s.", S_ARG(message));
    if (name.len > 0) err->code = name;
    return err;
}

Err *sqlite_err(Ctx *c, sqlite3 *db, int rc, const char *sql) {
    int extended = db ? sqlite3_extended_errcode(db) : rc;
    if ((extended & 0xff) == (rc & 0xff)) rc = extended;
    Str message = str_c(db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
    ErrKind kind = sqlite_kind(rc);
    if ((rc & 0xff) == SQLITE_CONSTRAINT) return constraint_err(c, rc, message);
    if (kind == ERR_TIMEOUT)
        return err_new(c, kind, "sqlite", "The time allowed for this statement was over.");
    Str start = str_utf8_cut(sql ? str_c(sql) : S(""), 120);
    Err *err = err_new(c, kind, "sqlite", "%.*s (%s)%s%.*s", S_ARG(message), sqlite3_errstr(rc),
                       start.len ? " in: " : "", S_ARG(start));
    if (kind == ERR_UNAVAILABLE || kind == ERR_STORAGE_FULL) err->retry_after_s = RETRY_S;
    return err;
}

/* -- opening ----------------------------------------------------------------------------------- */

static int on_progress(void *arg) {
    const SqlHandle *h = arg;
    return h->deadline_us && mono_us() >= h->deadline_us;
}

/* Readers map the file instead of copying pages; the writer keeps what it changes in memory until
 * the commit, and a savepoint's undo pages as well (temp_store). Checkpoints have a thread.
 * EXTRA is FULL, and the folder is synced when the rollback journal of the switch to WAL goes:
 * after a power cut it would otherwise come back and undo everything since. */
static const char *const read_pragmas =
    "PRAGMA mmap_size = 2147418112; PRAGMA query_only = ON; PRAGMA cache_size = -4096;"
    "PRAGMA temp_store = MEMORY;";
static const char *const write_pragmas =
    "PRAGMA synchronous = EXTRA; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;"
    "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864;"
    "PRAGMA mmap_size = 2147418112; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;";

Err *sqlite_handle_open(Ctx *c, const char *path, HandleMode mode, SqlHandle **out) {
    SqlHandle *h = calloc(1, sizeof *h);
    if (!h) abort();
    int flags =
        SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
        (mode == HANDLE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    int rc = sqlite3_open_v2(path, &h->db, flags, mode == HANDLE_READ ? NULL : LOG_VFS);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(h->db, mode == HANDLE_READ ? BUSY_READ_MS : BUSY_WRITE_MS);
        rc = sqlite3_exec(h->db, mode == HANDLE_READ ? read_pragmas : write_pragmas, NULL, NULL,
                          NULL);
    }
    if (rc != SQLITE_OK) {
        Err *err = err_wrap(c, sqlite_kind(rc), __func__, sqlite_err(c, h->db, rc, NULL),
                            "The database %s cannot be opened.", path);
        sqlite3_close(h->db);
        free(h);
        return err;
    }
    sqlite3_progress_handler(h->db, PROGRESS_STEPS, on_progress, h);
    *out = h;
    return NULL;
}

static void stmt_free(SqliteStmt *s) {
    sqlite3_finalize(s->stmt);
    row_map_free(&s->map);
    free(s);
}

static void stmt_evict(SqlHandle *h, SqliteStmt *s) {
    stmt_remove(&h->cache, &s->key);
    stmt_free(s);
}

/* -- turns ------------------------------------------------------------------------------------- */

/* A turn's end may be called after its handle was closed: so it is a thing of its own. */
typedef struct Turn {
    SqlHandle *h; /* NULL: closed meanwhile */
    Loop *loop;
    atomic_bool pending; /* turn_end is to come */
    unsigned commits;    /* when it began */
    sqlite3_stmt *begin, *end, *version;
    int data_version; /* SQLite's, which differs from the last one seen if anybody has committed */
    int64_t state;    /* ours for it: 0 when none was seen yet */
    bool state_known; /* of the transaction under way */
} Turn;

/* Of all handles together, so that a number never means two states. */
static _Atomic int64_t states;

static bool turn_step(SqlHandle *h, sqlite3_stmt *stmt) {
    h->deadline_us = 0;
    bool done = sqlite3_step(stmt) == SQLITE_DONE;
    return sqlite3_reset(stmt) == SQLITE_OK && done;
}

static bool turn_is_open(const Turn *t) { return !sqlite3_get_autocommit(t->h->db); }

static void turn_end(void *arg) {
    Turn *t = arg;
    if (!t->h) {
        free(t);
        return;
    }
    if (turn_is_open(t)) turn_step(t->h, t->end);
    atomic_store(&t->pending, false);
}

static Turn *turn_new(SqlHandle *h) {
    Turn *t = calloc(1, sizeof *t);
    if (!t) abort();
    *t = (Turn){.h = h, .loop = loop_here()};
    unsigned keep = SQLITE_PREPARE_PERSISTENT;
    if (sqlite3_prepare_v3(h->db, "BEGIN", -1, keep, &t->begin, NULL) != SQLITE_OK) abort();
    if (sqlite3_prepare_v3(h->db, "COMMIT", -1, keep, &t->end, NULL) != SQLITE_OK) abort();
    const char *version = "PRAGMA data_version";
    if (sqlite3_prepare_v3(h->db, version, -1, keep, &t->version, NULL) != SQLITE_OK) abort();
    return t;
}

void sqlite_turn_begin(SqlHandle *h) {
    if (!h->turn) h->turn = turn_new(h);
    Turn *t = h->turn;
    assert(t->loop == loop_here());
    unsigned commits = h->commits ? atomic_load(h->commits) : 0;
    if (turn_is_open(t)) {
        if (commits == t->commits || h->busy) return;
        turn_step(h, t->end);
    }
    t->commits = commits;
    t->state_known = false;
    turn_step(h, t->begin); /* if it fails, each read is its own transaction */
    if (!atomic_exchange(&t->pending, true)) loop_turn_end(turn_end, t);
}

/* Asked inside the transaction, data_version is that of the snapshot its reads see. This handle never
 * writes, so that every commit is another connection's, which is what data_version tells of. */
bool sqlite_turn_state(SqlHandle *h, int64_t *state) {
    Turn *t = h->turn;
    assert(t && t->loop == loop_here());
    if (!turn_is_open(t)) return false;
    if (!t->state_known) {
        h->deadline_us = 0;
        t->state_known = sqlite3_step(t->version) == SQLITE_ROW;
        int seen = t->state_known ? sqlite3_column_int(t->version, 0) : 0;
        sqlite3_reset(t->version);
        if (!t->state_known) return false;
        if (t->state == 0 || seen != t->data_version) t->state = atomic_fetch_add(&states, 1) + 1;
        t->data_version = seen;
    }
    *state = t->state;
    return true;
}

/* Another loop that has just used the handle may still be in that turn: it ends by itself. In our own
 * it is ended here, and turn_end frees what is left. */
static void turn_free(Turn *t) {
    if (!t) return;
    while (t->loop != loop_here() && atomic_load(&t->pending)) usleep(20);
    bool pending = atomic_load(&t->pending);
    if (turn_is_open(t)) turn_step(t->h, t->end);
    sqlite3_finalize(t->begin);
    sqlite3_finalize(t->end);
    sqlite3_finalize(t->version);
    t->h = NULL;
    if (!pending) free(t);
}

void sqlite_handle_close(SqlHandle *h) {
    if (!h) return;
    sqlite_handle_abandon(h);
    turn_free(h->turn);
    while (h->cache.newest) stmt_evict(h, (SqliteStmt *)h->cache.newest);
    int rc = sqlite3_close(h->db);
    assert(rc == SQLITE_OK);
    (void)rc;
    free(h);
}

/* -- statements -------------------------------------------------------------------------------- */

static void stmt_leave(SqlHandle *h, SqliteStmt *s) {
    assert(s->busy);
    SqliteStmt **at = &h->busy;
    while (*at != s) {
        assert(*at);
        at = &(*at)->under;
    }
    *at = s->under;
    s->under = NULL;
    s->busy = false;
    sqlite3_reset(s->stmt);
    sqlite3_clear_bindings(s->stmt);
    if (!s->cached) stmt_free(s);
}

void sqlite_handle_abandon(SqlHandle *h) {
    while (h->busy) stmt_leave(h, h->busy);
}

static bool tail_is_blank(const char *tail) {
    Str rest = str_c(tail);
    return str_is_null(sql_next_statement(&rest));
}

/* Compile `text`; the caller owns *out. */
static Err *stmt_compile(Ctx *c, SqlHandle *h, Str text, unsigned flags, sqlite3_stmt **out) {
    char *sql = malloc((size_t)text.len + 1);
    if (!sql) abort();
    memcpy(sql, text.data, (size_t)text.len);
    sql[text.len] = '\0';
    sql_to_sqlite(sql, text.len);
    const char *tail = NULL;
    int rc = sqlite3_prepare_v3(h->db, sql, (int)text.len + 1, flags, out, &tail);
    bool whole = rc == SQLITE_OK && tail_is_blank(tail);
    free(sql);
    if (rc != SQLITE_OK) return sqlite_err(c, h->db, rc, text.data);
    if (*out && whole) return NULL;
    sqlite3_finalize(*out);
    *out = NULL;
    FAIL(c, INTERNAL, "exactly one statement is wanted: %.*s", S_ARG(str_utf8_cut(text, 120)));
}

static SqliteStmt *stmt_keep(SqlHandle *h, Str text, sqlite3_stmt *stmt, bool cached) {
    SqliteStmt *s = calloc(1, sizeof *s);
    if (!s) abort();
    s->stmt = stmt;
    s->cached = cached;
    if (!cached) return s;
    SqliteStmt *oldest = (SqliteStmt *)h->cache.oldest;
    if (h->cache.count >= STATEMENTS_MAX && !oldest->busy) stmt_evict(h, oldest);
    stmt_add(&h->cache, &s->key, text, S(""));
    return s;
}

/* The statement for `text`, marked busy. One that is in use further out gets a twin. */
static Err *stmt_enter(Ctx *c, SqlHandle *h, const char *text, SqliteStmt **out) {
    Str key = str_c(text);
    SqliteStmt *s = (SqliteStmt *)stmt_find(&h->cache, key, S(""));
    if (!s || s->busy) {
        sqlite3_stmt *stmt = NULL;
        TRY(stmt_compile(c, h, key, s ? 0 : SQLITE_PREPARE_PERSISTENT, &stmt));
        s = stmt_keep(h, key, stmt, !s);
    }
    s->busy = true;
    s->under = h->busy;
    h->busy = s;
    *out = s;
    return NULL;
}

static int value_bind(sqlite3_stmt *stmt, int at, const Value *v) {
    switch (v->kind) {
    case VALUE_NULL: return sqlite3_bind_null(stmt, at);
    case VALUE_BOOL: return sqlite3_bind_int(stmt, at, v->b);
    case VALUE_INT:
    case VALUE_TIME: return sqlite3_bind_int64(stmt, at, v->i);
    case VALUE_FLOAT: return sqlite3_bind_double(stmt, at, v->f);
    case VALUE_BLOB:
        return sqlite3_bind_blob64(stmt, at, v->s.data, (sqlite3_uint64)v->s.len, SQLITE_STATIC);
    case VALUE_TEXT:
    case VALUE_JSON:
        return sqlite3_bind_text64(stmt, at, v->s.data, (sqlite3_uint64)v->s.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    }
    return SQLITE_MISUSE;
}

static Err *stmt_bind(Ctx *c, SqlHandle *h, SqliteStmt *s, Args args) {
    int wanted = sqlite3_bind_parameter_count(s->stmt);
    if (wanted != args.count)
        FAIL(c, INTERNAL, "%d parameters wanted, %td given: %s", wanted, args.count,
             sqlite3_sql(s->stmt));
    for (int i = 0; i < wanted; i++) {
        int rc = value_bind(s->stmt, i + 1, &args.items[i]);
        if (rc != SQLITE_OK) return sqlite_err(c, h->db, rc, sqlite3_sql(s->stmt));
    }
    return NULL;
}

/* -- rows -------------------------------------------------------------------------------------- */

/* One look-up of the column for all that is asked of it: such a value may be used by the thread that
 * owns the statement, which is ours. Text is taken as bytes: asked for as text it would be copied only
 * to put a NUL behind it. Borrowed until the next step. */
static Value column_value(sqlite3_stmt *stmt, int i) {
    sqlite3_value *v = sqlite3_column_value(stmt, i);
    int type = sqlite3_value_type(v);
    switch (type) {
    case SQLITE_INTEGER: return value_int(sqlite3_value_int64(v));
    case SQLITE_FLOAT: return value_float(sqlite3_value_double(v));
    case SQLITE_NULL: return value_null();
    default: break;
    }
    const char *bytes = sqlite3_value_blob(v); /* NULL when empty */
    Str s = {bytes ? bytes : "", sqlite3_value_bytes(v)};
    return type == SQLITE_BLOB ? value_blob(s) : value_str(s);
}

static const char *column_name(const void *of, int column) {
    return sqlite3_column_name((sqlite3_stmt *)(uintptr_t)of, column);
}

/* Made once for a statement and record, and again when a changed schema changed the columns. */
static Err *map_ready(Ctx *c, SqliteStmt *s, const Record *record) {
    int reprepared = sqlite3_stmt_status(s->stmt, SQLITE_STMTSTATUS_REPREPARE, 0);
    if (s->map.record == record && s->reprepared == reprepared) return NULL;
    s->reprepared = reprepared;
    return row_map_make(c, &s->map, record, sqlite3_column_count(s->stmt), column_name, s->stmt);
}

static Err *row_fill(Ctx *c, SqliteStmt *s, void *row) {
    for (int i = 0; i < s->map.count; i++)
        if (s->map.fields[i]) TRY(field_put(c, s->map.fields[i], row, column_value(s->stmt, i)));
    return NULL;
}

static Err *row_take(Run *r) {
    Query *q = r->q;
    if (q->want == WANT_INT) {
        if (q->found) return NULL;
        q->found = true;
        return value_to_int(r->c, column_value(r->stmt->stmt, 0), &q->integer);
    }
    void *row = query_row(r->c, q);
    if (!row) return NULL;
    TRY(map_ready(r->c, r->stmt, q->record));
    return row_fill(r->c, r->stmt, row);
}

static bool batch_full(const Run *r) {
    if (r->rows_max == 0) return false;
    return r->q->rows.count >= r->rows_max || arena_used(r->c->arena) >= r->bytes_max;
}

/* Nothing more is wanted, and stopping leaves no write half done. */
static bool enough(const Run *r) {
    return r->q->found && r->q->want != WANT_ALL && sqlite3_stmt_readonly(r->stmt->stmt);
}

static Err *run_steps(Run *r) {
    sqlite3 *db = r->h->db;
    sqlite3_int64 before = sqlite3_total_changes64(db);
    r->more = false;
    for (;;) {
        int rc = sqlite3_step(r->stmt->stmt);
        if (rc == SQLITE_DONE) break;
        if (rc != SQLITE_ROW) return sqlite_err(r->c, db, rc, r->q->text);
        TRY(row_take(r));
        if (enough(r)) break;
        if (batch_full(r)) {
            r->more = true;
            return NULL;
        }
    }
    if (sqlite3_total_changes64(db) != before) r->q->changed = (ptrdiff_t)sqlite3_changes64(db);
    return NULL;
}

static Err *run_begin_and_step(Run *r) {
    r->h->deadline_us = r->c->deadline_us;
    if (r->c->deadline_us && mono_us() >= r->c->deadline_us)
        FAIL(r->c, TIMEOUT, "The time allowed for this was over.");
    if (!r->stmt) {
        TRY(stmt_enter(r->c, r->h, r->q->text, &r->stmt));
        TRY(stmt_bind(r->c, r->h, r->stmt, r->q->args));
    }
    return run_steps(r);
}

void sqlite_run_leave(Run *r) {
    if (r->stmt) stmt_leave(r->h, r->stmt);
    r->stmt = NULL;
    r->more = false;
}

void sqlite_run_go(Run *r) {
    jmp_buf full;
    r->former = arena_on_full(r->c->arena, &full);
    r->mark = arena_mark(r->c->arena);
    bool over = setjmp(full) != 0;
    if (!over) r->err = run_begin_and_step(r);
    if (over || r->err || !r->more) sqlite_run_leave(r);
    r->h->deadline_us = 0;
    arena_on_full(r->c->arena, r->former);
    if (!over) return;
    arena_release(r->c->arena, r->mark);
    r->q->rows = (Rows){NULL, 0};
    r->q->cap = 0;
    r->err = err_new(r->c, ERR_BUDGET, __func__,
                     "The answer of the database is over the memory budget.");
}

Err *sqlite_run(Ctx *c, SqlHandle *h, Query *q) {
    Run r = {.c = c, .h = h, .q = q};
    sqlite_run_go(&r);
    return r.err;
}

Err *sqlite_check(Ctx *c, SqlHandle *h, const char *text) {
    sqlite3_stmt *stmt = NULL;
    TRY(stmt_compile(c, h, str_c(text), 0, &stmt));
    sqlite3_finalize(stmt);
    return NULL;
}

Err *sqlite_script(Ctx *c, SqlHandle *h, Str script) {
    const char *next = str_cstr(c->arena, script), *end = next + script.len;
    while (next < end) {
        sqlite3_stmt *stmt = NULL;
        const char *sql = next;
        int rc = sqlite3_prepare_v2(h->db, sql, (int)(end - sql) + 1, &stmt, &next);
        while (rc == SQLITE_OK && stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW) rc = SQLITE_OK;
        if (rc == SQLITE_DONE) rc = SQLITE_OK;
        Err *err = rc == SQLITE_OK ? NULL : sqlite_err(c, h->db, rc, sql);
        sqlite3_finalize(stmt);
        if (err) return err;
    }
    return NULL;
}

static Err *row_insert(Ctx *c, SqlHandle *h, SqliteStmt *s, Args args) {
    TRY(stmt_bind(c, h, s, args));
    int rc;
    while ((rc = sqlite3_step(s->stmt)) == SQLITE_ROW) continue;
    Err *err = rc == SQLITE_DONE ? NULL : sqlite_err(c, h->db, rc, sqlite3_sql(s->stmt));
    sqlite3_reset(s->stmt);
    return err;
}

Err *sqlite_many(Ctx *c, SqlHandle *h, const char *text, const Args *rows, ptrdiff_t count) {
    SqliteStmt *s = NULL;
    TRY(stmt_enter(c, h, text, &s));
    h->deadline_us = c->deadline_us;
    Err *err = NULL;
    ptrdiff_t i = 0;
    while (i < count && !(err = row_insert(c, h, s, rows[i]))) i++;
    h->deadline_us = 0;
    stmt_leave(h, s);
    return err ? err_at_row(c, err, i) : NULL;
}

static void rows_free(void *arena) { arena_free(arena); }

/* The rows have an arena of their own, emptied between two: what fn keeps in c's arena stays. */
Err *sqlite_each_row(Ctx *c, SqlHandle *h, Query *q, RowFn fn, void *arg) {
    Ctx rows = {.arena = arena_new(EACH_BUDGET), .app = c->app, .deadline_us = c->deadline_us};
    defer(c, rows_free, rows.arena);
    Run r = {.c = &rows, .h = h, .q = q, .rows_max = 1, .bytes_max = PTRDIFF_MAX};
    Err *err = NULL;
    do {
        arena_reset(rows.arena);
        q->rows = (Rows){NULL, 0};
        q->cap = 0;
        sqlite_run_go(&r);
        err = err_copy(c->arena, r.err);
        if (!err && q->rows.count > 0) err = fn(c, q->rows.items, arg);
    } while (!err && r.more);
    sqlite_run_leave(&r);
    defer_now(c, rows_free, rows.arena);
    return err;
}
