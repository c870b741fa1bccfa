/* SPDX-License-Identifier: Apache-2.0
 * socle backup FILE: the embedded database and the blobs in one archive, while everything runs.
 *
 * The database is copied first: a blob is stored before the row that names it is committed, so every
 * blob of the copy is there when blobs are gathered after it, but for those erased meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/base_settings.h"
#include "cli/archive.h"
#include "cli/cli.h"

typedef struct Backup {
    ArchiveWriter *writer;
    Manifest manifest;
    bool bar;
    int64_t shown_us;
} Backup;

static void show(Backup *b, const char *what, int64_t done, int64_t total) {
    int64_t now = mono_us();
    if (!b->bar || now - b->shown_us < 100 * US_PER_MS) return;
    b->shown_us = now;
    if (total > 0)
        fprintf(stderr, "\r\033[K%s: %d %%", what, (int)(100 * done / total));
    else
        fprintf(stderr, "\r\033[K%s: %lld", what, (long long)done);
    fflush(stderr);
}

static void database_show(void *arg, int64_t done, int64_t total) {
    show(arg, "database", done, total);
}

static void file_unlink(void *arg) { unlink(arg); }

static void fd_close(void *arg) { close((int)(intptr_t)arg); }

static Err *database_add(Ctx *c, Backup *b) {
    char *copy = str_cstr(
        c->arena, strf(c->arena, "%.*s/backup-%ld.db", S_ARG(settings.data_dir), (long)getpid()));
    unlink(copy);
    defer(c, file_unlink, copy);
    TRY(db_backup(c, str_c(copy), database_show, b));
    struct stat about;
    int fd = open(copy, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &about) != 0) FAIL(c, INTERNAL, "%s: %s", copy, strerror(errno));
    defer(c, fd_close, (void *)(intptr_t)fd);
    b->manifest.database_size = about.st_size;
    return archive_add_fd(c, b->writer, S(ARCHIVE_DATABASE), fd, about.st_size,
                          &b->manifest.database_sha256);
}

/* Blobs are many: what one takes is given back before the next. */
static Err *blob_add(Ctx *c, Str hash, int64_t size, void *arg) {
    (void)size;
    Backup *b = arg;
    ArenaMark space = arena_mark(c->arena);
    Defer *mark = c->defers;
    int fd;
    int64_t now_size;
    Err *err = blob_open(c, app_blobs(c), hash, &fd, &now_size);
    if (err && err->kind == ERR_NOT_FOUND) return NULL; /* erased since it was listed */
    if (err) return err;
    Str sha256, name = strf(c->arena, ARCHIVE_BLOBS "%.*s", S_ARG(hash));
    TRY(archive_add_fd(c, b->writer, name, fd, now_size, &sha256));
    if (!str_eq(sha256, hash))
        FAIL(c, INTERNAL, "blob %.*s is damaged: its bytes hash to %.*s", S_ARG(hash),
             S_ARG(sha256));
    b->manifest.blob_count++;
    b->manifest.blob_bytes += now_size;
    show(b, "blobs", b->manifest.blob_count, 0);
    ctx_undo(c, mark);
    arena_release(c->arena, space);
    return NULL;
}

static Err *backup_run(Ctx *c, Cli *cli) {
    if (db_engine(c) != ENGINE_SQLITE)
        FAIL(c, NOT_CONFIGURED,
             "DATABASE_URL is PostgreSQL: back it up with pg_dump; this command copies the "
             "embedded database");
    Backup b = {.bar = isatty(STDERR_FILENO)};
    b.manifest.socle = S(SOCLE_VERSION);
    b.manifest.created_at = time_str(c->arena, time_now());
    TRY(archive_create(c, cli->words[0], &b.writer));
    TRY(database_add(c, &b));
    TRY(blob_each(c, app_blobs(c), blob_add, &b));
    TRY(archive_add_text(c, b.writer, S(ARCHIVE_MANIFEST), manifest_write(c->arena, &b.manifest)));
    TRY(archive_commit(c, b.writer));
    fprintf(stderr, "%s%.*s: database of %lld bytes, %lld blobs of %lld bytes\n",
            b.bar ? "\r\033[K" : "", S_ARG(cli->words[0]), (long long)b.manifest.database_size,
            (long long)b.manifest.blob_count, (long long)b.manifest.blob_bytes);
    return NULL;
}

const Command backup_command = {
    .name = "backup",
    .words = "FILE",
    .words_min = 1,
    .words_max = 1,
    .need = NEED_APP,
    .doc = "Copy the embedded database and all blobs into one archive",
    .more =
        "A tar file, gzipped when FILE ends in .gz or .tgz; - is standard output. The server may "
        "go on.\n"
        "Give the SECRET_KEY (or DATA_DIR/secret.key) a safe place of its own: it is not in the\n"
        "archive, and without it providers' tokens cannot be opened.",
    .run = backup_run,
};
