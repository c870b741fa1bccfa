/* SPDX-License-Identifier: Apache-2.0
 * The SQLite engine. Reads run on the handle of the calling loop, without any switch: they are a
 * few microseconds; those of one turn of the loop share a read transaction. Writes go to the
 * writer's thread (sqlite_writer.h). What scans takes one of a few further handles to a pool thread.
 *
 * Order of closing: scans, readers, then the writer, whose last handle folds the log into the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/sql_text.h"
#include "data/sqlite_log.h"
#include "data/sqlite_pages.h"
#include "data/sqlite_writer.h"
#include "rt/io.h"
#include "rt/offload.h"

enum {
    SCANS_MAX = 16, /* scans and exports under way at once */
    BATCH_ROWS = 512,
    BATCH_BYTES = 256 * 1024,
    SCAN_BUDGET = 64 * 1024 * 1024,
    BACKUP_PAGES = 512,
};

typedef struct Sqlite {
    DbTallies *tallies;
    Str path; /* on the heap, a NUL follows */
    int reader_count;
    SqlHandle *readers[LOOPS_MAX];
    Writer *writer;
    pthread_mutex_t scan_lock;
    SqlHandle *scans[SCANS_MAX]; /* idle ones */
    int scans_idle, scans_used;
} Sqlite;

static SqlHandle *reader_here(Db *db) {
    int index = loop_index(loop_here());
    assert(index < db->sqlite->reader_count);
    return db->sqlite->readers[index];
}

static Err *sqlite_query(Ctx *c, Db *db, Query *q) {
    if (sql_is_write(str_c(q->text)))
        return writer_run(c, db->sqlite->writer, q, NULL, (TxBody){NULL, NULL, NULL});
    if (c->cancelled) FAIL(c, CANCELLED, "Cancelled before it began.");
    SqlHandle *h = reader_here(db);
    sqlite_turn_begin(h);
    return sqlite_run(c, h, q);
}

static bool sqlite_state(Db *db, int64_t *state) {
    SqlHandle *h = reader_here(db);
    sqlite_turn_begin(h);
    return sqlite_turn_state(h, state);
}

static Err *sqlite_query_in(Ctx *c, DbTx *tx, Query *q) {
    assert(!c->coro); /* we are on the writer's thread */
    return sqlite_run(c, tx->handle, q);
}

static Err *sqlite_many_in(Ctx *c, DbTx *tx, const char *text, const Args *rows, ptrdiff_t count) {
    return sqlite_many(c, tx->handle, text, rows, count);
}

static Err *sqlite_each_in(Ctx *c, DbTx *tx, Query *q, RowFn fn, void *arg) {
    return sqlite_each_row(c, tx->handle, q, fn, arg);
}

static Err *sqlite_script_in(Ctx *c, DbTx *tx, Str script) {
    return sqlite_script(c, tx->handle, script);
}

static Err *sqlite_transaction(Ctx *c, Db *db, DbTx *tx, TxBody body) {
    return writer_run(c, db->sqlite->writer, NULL, tx, body);
}

static Err *sqlite_savepoint_in(Ctx *c, DbTx *tx, SavepointStep step) {
    static const char *const texts[][2] = {
        [SAVEPOINT_OPEN] = {"SAVEPOINT n", NULL},
        [SAVEPOINT_RELEASE] = {"RELEASE n", NULL},
        [SAVEPOINT_ROLLBACK] = {"ROLLBACK TO n", "RELEASE n"},
    };
    for (int i = 0; i < 2 && texts[step][i]; i++) {
        Query q = {.text = texts[step][i]};
        TRY(sqlite_run(c, tx->handle, &q));
    }
    return NULL;
}

static Err *sqlite_notify_in(Ctx *c, DbTx *tx, Str channel, Str payload) {
    Notice *n = arena_new_of(c->arena, Notice);
    *n = (Notice){tx->notices, str_copy(c->arena, channel), str_copy(c->arena, payload)};
    tx->notices = n;
    return NULL;
}

static Err *sqlite_check_text(Ctx *c, Db *db, const char *text) {
    return sqlite_check(c, reader_here(db), text);
}

/* -- scans ------------------------------------------------------------------------------------- */

/* A pool thread's own Ctx works on `own`; results stay in its arena until the next batch. */
typedef struct Scan {
    Sqlite *s;
    Ctx own;
    Query *q;
    Run run;
    SqlHandle *h;
    bool counted;
} Scan;

static bool scan_enter(Sqlite *s, Scan *scan) {
    pthread_mutex_lock(&s->scan_lock);
    scan->counted = s->scans_used < SCANS_MAX;
    if (scan->counted) s->scans_used++;
    if (scan->counted && s->scans_idle > 0) scan->h = s->scans[--s->scans_idle];
    pthread_mutex_unlock(&s->scan_lock);
    return scan->counted;
}

/* At the scan's end, or c's when a jump left it. */
static void scan_leave(void *arg) {
    Scan *scan = arg;
    Sqlite *s = scan->s;
    if (!scan->counted) return;
    if (scan->h) sqlite_run_leave(&scan->run);
    pthread_mutex_lock(&s->scan_lock);
    s->scans_used--;
    if (scan->h) s->scans[s->scans_idle++] = scan->h;
    pthread_mutex_unlock(&s->scan_lock);
    scan->counted = false;
    arena_free(scan->own.arena);
    scan->own.arena = NULL;
}

static void scan_batch(void *arg) {
    Scan *scan = arg;
    arena_reset(scan->own.arena);
    scan->q->rows = (Rows){NULL, 0};
    scan->q->cap = 0;
    scan->run.err = NULL;
    if (!scan->h)
        scan->run.err = sqlite_handle_open(&scan->own, scan->s->path.data, HANDLE_READ, &scan->h);
    scan->run.h = scan->h;
    if (!scan->run.err) sqlite_run_go(&scan->run);
}

static Err *scan_begin(Ctx *c, Db *db, Query *q, ptrdiff_t budget, Scan **out) {
    if (sql_is_write(str_c(q->text))) FAIL(c, INTERNAL, "a scan only reads: %s", q->text);
    Scan *scan = arena_new_of(c->arena, Scan);
    *scan = (Scan){.s = db->sqlite, .q = q};
    if (!scan_enter(db->sqlite, scan))
        return err_later(c, __func__, "Too many scans are under way.");
    scan->own = (Ctx){.arena = arena_new(budget), .app = c->app, .deadline_us = c->deadline_us};
    scan->run = (Run){.c = &scan->own, .q = q};
    defer(c, scan_leave, scan);
    *out = scan;
    return NULL;
}

/* The error of the last batch, out of the scan's own arena. */
static Err *scan_step(Ctx *c, Scan *scan) {
    TRY(offload(c, LANE_LONG, scan_batch, scan));
    return err_copy(c->arena, scan->run.err);
}

static Err *sqlite_each(Ctx *c, Db *db, Query *q, RowFn fn, void *arg) {
    Scan *scan;
    TRY(scan_begin(c, db, q, SCAN_BUDGET, &scan));
    scan->run.rows_max = BATCH_ROWS;
    scan->run.bytes_max = BATCH_BYTES;
    Err *err;
    do {
        err = scan_step(c, scan);
        char *row = q->rows.items;
        for (ptrdiff_t i = 0; i < q->rows.count && !err; i++, row += q->record->size)
            err = c->cancelled ? err_new(c, ERR_CANCELLED, __func__, "Cancelled between two rows.")
                               : fn(c, row, arg);
    } while (!err && scan->run.more);
    defer_now(c, scan_leave, scan);
    return err;
}

/* The rows go straight into c's arena: its coroutine waits meanwhile. */
static Err *sqlite_scan(Ctx *c, Db *db, Query *q) {
    Scan *scan;
    TRY(scan_begin(c, db, q, 64 * KIB, &scan));
    Ctx lent = {.arena = c->arena, .app = c->app, .deadline_us = c->deadline_us};
    scan->run.c = &lent;
    Err *err = scan_step(c, scan);
    defer_now(c, scan_leave, scan);
    return err;
}

/* -- backup ------------------------------------------------------------------------------------ */

/* The source handle keeps one read transaction open, so that the copy is of one moment although
 * writing goes on. The copy is made beside its final name, synced and renamed. */
typedef struct Backup {
    Ctx *c;
    Sqlite *s;
    char *path, *part;
    SqlHandle *from;
    sqlite3 *to;
    sqlite3_backup *copy;
    int64_t page_size, done, total;
    bool finished;
    Err *err;
} Backup;

static void backup_close(void *arg) {
    Backup *b = arg;
    if (b->copy) sqlite3_backup_finish(b->copy);
    if (b->to) {
        sqlite3_close(b->to);
        if (!b->finished) unlink(b->part);
    }
    sqlite_handle_close(b->from);
    b->copy = NULL;
    b->to = NULL;
    b->from = NULL;
}

static Err *backup_open(Backup *b) {
    Ctx *c = b->c;
    TRY(sqlite_handle_open(c, b->s->path.data, HANDLE_READ, &b->from));
    Query begin = {.text = "BEGIN"};
    TRY(sqlite_run(c, b->from, &begin));
    Query size = {
        .text = "SELECT page_size FROM pragma_page_size, (SELECT count(*) FROM sqlite_schema)",
        .want = WANT_INT};
    TRY(sqlite_run(c, b->from, &size)); /* reading is what opens the snapshot */
    b->page_size = size.integer;
    unlink(b->part);
    int rc = sqlite3_open_v2(b->part, &b->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(b->to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL,
                          NULL);
    if (rc != SQLITE_OK) return sqlite_err(c, b->to, rc, NULL);
    b->copy = sqlite3_backup_init(b->to, "main", b->from->db, "main");
    return b->copy ? NULL : sqlite_err(c, b->to, sqlite3_errcode(b->to), NULL);
}

static bool synced(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) return false;
    bool good = fsync(fd) == 0;
    close(fd);
    return good;
}

static Err *backup_finish(Backup *b) {
    Ctx *c = b->c;
    sqlite3_backup_finish(b->copy);
    b->copy = NULL;
    Str folder = str_c(b->path);
    while (folder.len > 0 && folder.data[folder.len - 1] != '/') folder.len--;
    const char *above = folder.len ? str_cstr(c->arena, folder) : ".";
    if (!synced(b->part, O_RDONLY) || rename(b->part, b->path) != 0 ||
        !synced(above, O_RDONLY | O_DIRECTORY))
        FAIL(c, INTERNAL, "The backup %s cannot be completed.", b->path);
    b->finished = true;
    return NULL;
}

static void backup_step(void *arg) {
    Backup *b = arg;
    if (!b->copy && (b->err = backup_open(b))) return;
    int rc = sqlite3_backup_step(b->copy, BACKUP_PAGES);
    b->total = sqlite3_backup_pagecount(b->copy) * b->page_size;
    b->done = b->total - sqlite3_backup_remaining(b->copy) * b->page_size;
    if (rc == SQLITE_DONE)
        b->err = backup_finish(b);
    else if (rc != SQLITE_OK)
        b->err = sqlite_err(b->c, b->to, rc, NULL);
}

static Err *sqlite_backup(Ctx *c, Db *db, Str path, void (*progress)(void *, int64_t, int64_t),
                          void *arg) {
    Backup *b = arena_new_of(c->arena, Backup);
    *b = (Backup){.c = c, .s = db->sqlite, .path = str_cstr(c->arena, path)};
    b->part = str_cstr(c->arena, str_concat(c->arena, path, S(".part")));
    defer(c, backup_close, b);
    Err *err = NULL;
    while (!err && !b->finished) {
        err = offload(c, LANE_LONG, backup_step, b);
        if (!err) err = b->err;
        if (!err && progress) progress(arg, b->done, b->total);
        if (!err && c->deadline_us && mono_us() >= c->deadline_us)
            err = err_new(c, ERR_TIMEOUT, __func__, "The time allowed for the backup was over.");
    }
    defer_now(c, backup_close, b);
    return err;
}

/* -- opening and closing ----------------------------------------------------------------------- */

static void sqlite_free(Sqlite *s) {
    for (int i = 0; i < s->scans_idle; i++) sqlite_handle_close(s->scans[i]);
    for (int i = 0; i < s->reader_count; i++) sqlite_handle_close(s->readers[i]);
    writer_stop(s->writer);
    pthread_mutex_destroy(&s->scan_lock);
    free((char *)(uintptr_t)s->path.data);
    free(s);
}

static void sqlite_close(Db *db) {
    assert(db->sqlite->scans_used == 0);
    sqlite_free(db->sqlite);
    listeners_free(db->listeners);
    free(db);
}

static void sqlite_stats(Ctx *c, Db *db, DbStats *out) {
    Sqlite *s = db->sqlite;
    struct stat log;
    bool there = stat(str_cstr(c->arena, strf(c->arena, "%s-wal", s->path.data)), &log) == 0;
    out->log_bytes = there ? log.st_size : 0;
    writer_stats(s->writer, &out->writers_waiting, &out->log_pages_pending);
    pthread_mutex_lock(&s->scan_lock);
    out->busy = s->scans_used;
    out->connections = s->reader_count + s->scans_idle + s->scans_used;
    pthread_mutex_unlock(&s->scan_lock);
    out->connections_max = s->reader_count + SCANS_MAX;
}

static const DbEngine sqlite_engine = {
    .engine = ENGINE_SQLITE,
    .close = sqlite_close,
    .query = sqlite_query,
    .query_in = sqlite_query_in,
    .scan = sqlite_scan,
    .each = sqlite_each,
    .each_in = sqlite_each_in,
    .many_in = sqlite_many_in,
    .script_in = sqlite_script_in,
    .savepoint_in = sqlite_savepoint_in,
    .transaction = sqlite_transaction,
    .followers_wake = writer_wake,
    .notify_in = sqlite_notify_in,
    .check = sqlite_check_text,
    .backup = sqlite_backup,
    .stats = sqlite_stats,
    .state = sqlite_state,
};

/* sqlite:///path and sqlite:////path both mean /path; sqlite:///./path is relative. */
Str db_sqlite_file(Arena *arena, Str url, Str data_dir) {
    if (str_is_empty(url)) return strf(arena, "%.*s/socle.db", S_ARG(data_dir));
    Str scheme; /* with or without a +driver */
    Str path = str_cut(url, ':', &scheme);
    if (!str_starts(scheme, S("sqlite")) || !str_starts(path, S("///"))) return (Str){NULL, 0};
    path = str_slice(path, 2, path.len);
    while (str_starts(path, S("//"))) path = str_slice(path, 1, path.len);
    bool relative = str_starts(path, S("/./")) || str_starts(path, S("/../"));
    return str_copy(arena, relative ? str_slice(path, 1, path.len) : path);
}

static Err *path_of(Ctx *c, DbOptions options, Str *path) {
    if (str_is_empty(options.url) && str_is_empty(options.data_dir))
        FAIL(c, INVALID, "DATA_DIR is empty.");
    *path = db_sqlite_file(c->arena, options.url, options.data_dir);
    if (path->len < 2) FAIL(c, INVALID, "DATABASE_URL is sqlite:///FILE or sqlite:///./FILE.");
    return NULL;
}

static Err *folder_make(Ctx *c, Str path) {
    while (path.len > 0 && path.data[path.len - 1] != '/') path.len--;
    return path.len > 1 ? dir_make(c, str_slice(path, 0, path.len - 1)) : NULL;
}

typedef struct Opening {
    Ctx *c;
    Sqlite *s;
    Err *err;
} Opening;

static int is_wal(void *wal, int columns, char **values, char **names) {
    (void)names;
    *(bool *)wal = columns == 1 && values[0] && strcmp(values[0], "wal") == 0;
    return 0;
}

/* Only its owner reads the file: the log and index files take its mode. */
static Err *file_private(Ctx *c, const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) FAIL(c, UNAVAILABLE, "The database %s cannot be opened: %s", path, strerror(errno));
    close(fd);
    return NULL;
}

static Err *handles_open(Ctx *c, Sqlite *s) {
    SqlHandle *writing = NULL, *checkpointing = NULL;
    bool wal = false;
    TRY(file_private(c, s->path.data));
    TRY(sqlite_handle_open(c, s->path.data, HANDLE_WRITE, &writing));
    sqlite3_exec(writing->db, "PRAGMA journal_mode", is_wal, &wal, NULL);
    Err *err = wal ? sqlite_handle_open(c, s->path.data, HANDLE_WRITE, &checkpointing)
                   : err_new(c, ERR_INTERNAL, __func__,
                             "%s: this file system cannot hold SQLite's "
                             "write-ahead log.",
                             s->path.data);
    if (err) {
        sqlite_handle_close(writing);
        return err;
    }
    s->writer = writer_start(writing, checkpointing, s->tallies);
    for (int i = 0; i < loop_count(); i++) {
        TRY(sqlite_handle_open(c, s->path.data, HANDLE_READ, &s->readers[i]));
        s->readers[i]->commits = writer_commits(s->writer);
        s->reader_count++;
    }
    return NULL;
}

static void open_on_thread(void *arg) {
    Opening *o = arg;
    o->err = handles_open(o->c, o->s);
}

/* SQLite's count of its memory is a lock that all threads would meet at. */
static void library_set_up(void) {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    pages_register();
    log_vfs_register();
}

Err *sqlite_open(Ctx *c, DbOptions options, Db *db) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_set_up);
    Str path;
    TRY(path_of(c, options, &path));
    TRY(folder_make(c, path));
    Sqlite *s = calloc(1, sizeof *s);
    char *copy = s ? strdup(str_cstr(c->arena, path)) : NULL;
    if (!copy) abort();
    s->path = str_c(copy);
    s->tallies = &db->tallies;
    pthread_mutex_init(&s->scan_lock, NULL);
    Opening opening = {.c = c, .s = s};
    Err *err = offload(c, LANE_SHORT, open_on_thread, &opening);
    if (!err) err = opening.err;
    if (err) {
        sqlite_free(s);
        return err;
    }
    db->sqlite = s;
    db->engine = &sqlite_engine;
    return NULL;
}
