/* SPDX-License-Identifier: Apache-2.0
 * socle restore FILE: verify the whole archive, then put it in place.
 *
 *   1 read all: every blob hashes to its name, database and counts are the manifest's, the database
 *     passes SQLite's check and is of no newer schema      (nothing has been changed until here)
 *   2 add the blobs to the store: they are named by content, so nothing is overwritten
 *   3 put the database in place by one rename; the former one stays beside it
 *
 * A restore that was cut is simply run again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/base_settings.h"
#include "cli/archive.h"
#include "cli/cli.h"
#include "data/migrate.h"

enum { COPY_BYTES = 256 * 1024, MANIFEST_MAX = 64 * 1024 };

typedef struct Restore {
    Str archive;
    char *database, *beside; /* where it goes, where it is unpacked */
    char *copy;              /* COPY_BYTES */
    Manifest manifest;
    bool has_manifest;
    Str database_sha256;
    int64_t database_size, blob_count, blob_bytes;
} Restore;

static const Option restore_options[] = {
    {"force", NULL, NULL,
     "even though there is a database already (it is kept beside the new one)"},
};

static void file_unlink(void *arg) { unlink(arg); }

static void fd_close(void *arg) { close((int)(intptr_t)arg); }

/* -- 1: verify --------------------------------------------------------------------------------------- */

/* Read one entry to its end; into fd as well unless it is -1. */
static Err *entry_drain(Ctx *c, Restore *r, ArchiveReader *reader, int fd, Str *sha256) {
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (;;) {
        ptrdiff_t n;
        TRY(archive_read_some(c, reader, r->copy, COPY_BYTES, &n));
        if (n == 0) break;
        crypto_hash_sha256_update(&state, (const unsigned char *)r->copy, (unsigned long long)n);
        if (fd >= 0 && write(fd, r->copy, (size_t)n) != n)
            FAIL(c, STORAGE_FULL, "%s: %s", r->beside, strerror(errno));
    }
    *sha256 = sha256_hex(c->arena, &state);
    return NULL;
}

static Err *database_unpack(Ctx *c, Restore *r, ArchiveReader *reader, int64_t size) {
    int fd = open(r->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) FAIL(c, INVALID, "%s: %s", r->beside, strerror(errno));
    Defer *mark = c->defers;
    defer(c, fd_close, (void *)(intptr_t)fd);
    r->database_size = size;
    TRY(entry_drain(c, r, reader, fd, &r->database_sha256));
    if (fsync(fd) != 0) FAIL(c, INTERNAL, "%s: %s", r->beside, strerror(errno));
    ctx_undo(c, mark);
    return NULL;
}

static Err *blob_verify_entry(Ctx *c, Restore *r, ArchiveReader *reader, Str name, int64_t size) {
    ArenaMark space = arena_mark(c->arena);
    Str sha256, hash = str_copy(c->arena, str_slice(name, S(ARCHIVE_BLOBS).len, name.len));
    TRY(entry_drain(c, r, reader, -1, &sha256));
    if (!str_eq(sha256, hash))
        FAIL(c, INVALID, "%.*s is damaged: %.*s", S_ARG(r->archive), S_ARG(hash));
    r->blob_count++;
    r->blob_bytes += size;
    arena_release(c->arena, space);
    return NULL;
}

static Err *manifest_take(Ctx *c, Restore *r, ArchiveReader *reader, int64_t size) {
    if (size > MANIFEST_MAX) FAIL(c, INVALID, "%.*s: its manifest is too large", S_ARG(r->archive));
    ptrdiff_t len = 0, n = 1;
    while (n > 0 && len < COPY_BYTES) {
        TRY(archive_read_some(c, reader, r->copy + len, COPY_BYTES - len, &n));
        len += n;
    }
    TRY(manifest_read(c, str_of(r->copy, len), &r->manifest));
    r->manifest.database_sha256 = str_copy(c->arena, r->manifest.database_sha256);
    r->has_manifest = true;
    return NULL;
}

static Err *archive_verify(Ctx *c, Restore *r) {
    ArchiveReader *reader;
    TRY(archive_open(c, r->archive, &reader));
    for (;;) {
        Str name;
        int64_t size;
        TRY(archive_next(c, reader, &name, &size));
        if (str_is_null(name)) break;
        if (str_eq(name, S(ARCHIVE_DATABASE)))
            TRY(database_unpack(c, r, reader, size));
        else if (str_starts(name, S(ARCHIVE_BLOBS)))
            TRY(blob_verify_entry(c, r, reader, name, size));
        else if (str_eq(name, S(ARCHIVE_MANIFEST)))
            TRY(manifest_take(c, r, reader, size));
        else
            FAIL(c, INVALID, "%.*s is no socle backup: it holds %.*s", S_ARG(r->archive),
                 S_ARG(name));
    }
    if (!r->has_manifest)
        FAIL(c, INVALID, "%.*s is not whole: it has no manifest at its end", S_ARG(r->archive));
    const Manifest *m = &r->manifest;
    if (!str_eq(r->database_sha256, m->database_sha256) || r->database_size != m->database_size)
        FAIL(c, INVALID, "%.*s is damaged: the database is not the one its manifest names",
             S_ARG(r->archive));
    if (r->blob_count != m->blob_count || r->blob_bytes != m->blob_bytes)
        FAIL(c, INVALID, "%.*s is damaged: %lld blobs instead of %lld", S_ARG(r->archive),
             (long long)r->blob_count, (long long)m->blob_count);
    return NULL;
}

typedef struct CheckRow {
    Str quick_check;
} CheckRow;
static const Field check_fields[] = {FIELD(CheckRow, quick_check)};
static const Record check_record = RECORD(CheckRow, check_fields);

static Err *database_check_open(Ctx *c) {
    CheckRow row = {0};
    TRY(db_one(c, SQL("SELECT quick_check FROM pragma_quick_check(1)"), NO_ARGS, &check_record,
               &row));
    if (!str_eq(row.quick_check, S("ok")))
        FAIL(c, INVALID, "the archive's database is damaged: %.*s", S_ARG(row.quick_check));
    Migration *migrations;
    ptrdiff_t count;
    TRY(migrate_status(c, &migrations, &count));
    for (ptrdiff_t i = 0; i < count; i++)
        if (migrations[i].changed)
            FAIL(c, CONFLICT,
                 "the archive is of another version of socle: its migration %04lld_%.*s is not in "
                 "this one",
                 (long long)migrations[i].number, S_ARG(migrations[i].name));
    return NULL;
}

static Err *database_check(Ctx *c, Restore *r) {
    App *app = c->app;
    assert(!app->db);
    DbOptions options = {
        .url = strf(c->arena, *r->beside == '/' ? "sqlite://%s" : "sqlite:///./%s", r->beside),
        .data_dir = settings.data_dir,
        .app = app,
    };
    TRY(db_open(c, options, &app->db));
    Err *err = database_check_open(c);
    db_close(app->db);
    app->db = NULL;
    return err;
}

/* -- 2 and 3: put in place ---------------------------------------------------------------------------- */

static Err *blob_store_entry(Ctx *c, Restore *r, ArchiveReader *reader, Str name) {
    ArenaMark space = arena_mark(c->arena);
    Defer *mark = c->defers;
    BlobWriter *writer;
    Str hash, wanted = str_copy(c->arena, str_slice(name, S(ARCHIVE_BLOBS).len, name.len));
    int64_t size;
    TRY(blob_begin(c, app_blobs(c), &writer));
    for (;;) {
        ptrdiff_t n;
        TRY(archive_read_some(c, reader, r->copy, COPY_BYTES, &n));
        if (n == 0) break;
        TRY(blob_write(c, writer, str_of(r->copy, n)));
    }
    TRY(blob_finish(c, writer, &hash, &size));
    if (!str_eq(hash, wanted))
        FAIL(c, CONFLICT, "%.*s changed while it was read", S_ARG(r->archive));
    ctx_undo(c, mark);
    arena_release(c->arena, space);
    return NULL;
}

static Err *blobs_store(Ctx *c, Restore *r) {
    TRY(blob_store_open(c, settings.blobs, &c->app->blobs));
    ArchiveReader *reader;
    TRY(archive_open(c, r->archive, &reader));
    for (;;) {
        Str name;
        int64_t size;
        TRY(archive_next(c, reader, &name, &size));
        if (str_is_null(name)) return NULL;
        if (str_starts(name, S(ARCHIVE_BLOBS))) TRY(blob_store_entry(c, r, reader, name));
    }
}

static Err *folder_sync(Ctx *c, const char *path) {
    Str folder = str_c(path);
    while (folder.len > 1 && folder.data[folder.len - 1] != '/') folder.len--;
    int fd = open(folder.data[folder.len - 1] == '/' ? str_cstr(c->arena, folder) : ".",
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    if (!synced) FAIL(c, INTERNAL, "%s: %s", path, strerror(errno));
    return NULL;
}

/* The former database leaves with its write-ahead log: a log left behind would be played into the new one. */
static Err *former_keep(Ctx *c, const char *path, Str *kept) {
    Civil now = time_civil(time_now());
    *kept = strf(c->arena, "%s.before-%04d%02d%02dT%02d%02d%02dZ", path, now.year, now.month,
                 now.day, now.hour, now.minute, now.second);
    static const char *const parts[] = {"-wal", "-shm"};
    for (int i = 0; i < COUNT(parts); i++) {
        const char *from = str_cstr(c->arena, strf(c->arena, "%s%s", path, parts[i]));
        const char *to = str_cstr(c->arena, strf(c->arena, "%.*s%s", S_ARG(*kept), parts[i]));
        if (rename(from, to) != 0 && errno != ENOENT)
            FAIL(c, INTERNAL, "%s: %s", from, strerror(errno));
    }
    if (link(path, str_cstr(c->arena, *kept)) != 0)
        FAIL(c, INTERNAL, "%s: %s", path, strerror(errno));
    return NULL;
}

static Err *database_place(Ctx *c, Restore *r, bool replaces, Str *kept) {
    if (replaces) TRY(former_keep(c, r->database, kept));
    if (rename(r->beside, r->database) != 0)
        FAIL(c, INTERNAL, "%s: %s", r->database, strerror(errno));
    return folder_sync(c, r->database);
}

static Err *restore_run(Ctx *c, Cli *cli) {
    Str path = app_sqlite_path(c->arena);
    if (str_is_null(path))
        FAIL(c, NOT_CONFIGURED, "DATABASE_URL is PostgreSQL: restore it with pg_restore");
    Restore r = {
        .archive = cli->words[0],
        .database = str_cstr(c->arena, path),
        .beside = str_cstr(c->arena, strf(c->arena, "%.*s.restoring", S_ARG(path))),
        .copy = arena_bytes(c->arena, COPY_BYTES),
    };
    bool replaces = access(r.database, F_OK) == 0;
    if (replaces && !cli_flag(cli, "force"))
        FAIL(c, CONFLICT,
             "there is a database already, %s: --force replaces it and keeps it beside",
             r.database);
    defer(c, file_unlink, r.beside);
    TRY(archive_verify(c, &r));
    TRY(database_check(c, &r));
    TRY(blobs_store(c, &r));
    Str kept = {NULL, 0};
    TRY(database_place(c, &r, replaces, &kept));
    cli_printf("restored %s and %lld blobs from %.*s\n", r.database, (long long)r.blob_count,
               S_ARG(r.archive));
    if (replaces) cli_printf("the former database is %.*s\n", S_ARG(kept));
    return NULL;
}

const Command restore_command = {
    .name = "restore",
    .words = "FILE",
    .words_min = 1,
    .words_max = 1,
    .options = restore_options,
    .option_count = COUNT(restore_options),
    .need = NEED_PREPARED,
    .alone = true,
    .doc = "Put a backup in place, after verifying all of it",
    .more = "No server may run on DATA_DIR meanwhile. Blobs are added to the store, none is "
            "overwritten.",
    .run = restore_run,
};
