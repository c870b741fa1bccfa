/* SPDX-License-Identifier: Apache-2.0
 * Tar by libarchive: see archive.h for the layout. */
#include "cli/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/time.h"

enum { COPY_BYTES = 256 * 1024, READ_BLOCK = 256 * 1024 };

struct ArchiveWriter {
    struct archive *tar;
    char *path, *beside; /* NULL: written as it is, to standard output or a special file */
    int fd;
    char *copy; /* COPY_BYTES */
};

struct ArchiveReader {
    struct archive *tar;
    Str path;
};

/* -- manifest ---------------------------------------------------------------------------------------- */

Str manifest_write(Arena *arena, const Manifest *m) {
    Buf b = buf_new(arena, 512);
    buf_add(&b, S("{\"format\":\"socle-backup\",\"version\":1,\"socle\":"));
    buf_json(&b, m->socle);
    buf_add(&b, S(",\"created_at\":"));
    buf_json(&b, m->created_at);
    buf_f(&b, ",\"database\":{\"size\":%lld,\"sha256\":", (long long)m->database_size);
    buf_json(&b, m->database_sha256);
    buf_f(&b, "},\"blobs\":{\"count\":%lld,\"bytes\":%lld}}\n", (long long)m->blob_count,
          (long long)m->blob_bytes);
    return buf_str(&b);
}

Err *manifest_read(Ctx *c, Str json, Manifest *out) {
    json_t *value;
    TRY(json_parse(c, json, &value));
    int64_t version = 0;
    if (!str_eq(json_str(json_at(value, "format")), S("socle-backup")) ||
        !json_i64(json_at(value, "version"), &version))
        FAIL(c, INVALID, "its manifest is not that of a socle backup");
    if (version != 1)
        FAIL(c, INVALID,
             "it is a backup of form %lld, which this version does not know: use a newer socle",
             (long long)version);
    *out = (Manifest){
        .socle = json_str(json_at(value, "socle")),
        .created_at = json_str(json_at(value, "created_at")),
        .database_sha256 = json_str(json_path(value, "database.sha256")),
    };
    if (!json_i64(json_path(value, "database.size"), &out->database_size) ||
        !json_i64(json_path(value, "blobs.count"), &out->blob_count) ||
        !json_i64(json_path(value, "blobs.bytes"), &out->blob_bytes) ||
        out->database_sha256.len != 64)
        FAIL(c, INVALID, "its manifest is incomplete");
    return NULL;
}

Str sha256_hex(Arena *arena, crypto_hash_sha256_state *state) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(state, hash);
    return str_hex(arena, hash, sizeof hash);
}

/* -- writing ----------------------------------------------------------------------------------------- */

static Err *tar_err(Ctx *c, struct archive *tar, Str path) {
    const char *why = archive_error_string(tar);
    if (archive_errno(tar) == ENOSPC) FAIL(c, STORAGE_FULL, "%.*s: no space left", S_ARG(path));
    FAIL(c, INTERNAL, "%.*s: %s", S_ARG(path), why ? why : "cannot be read as a tar file");
}

static void writer_abandon(void *arg) {
    ArchiveWriter *w = arg;
    if (w->tar) archive_write_free(w->tar);
    if (w->beside) unlink(w->beside);
    if (w->fd > STDOUT_FILENO) close(w->fd);
}

Err *archive_create(Ctx *c, Str path, ArchiveWriter **out) {
    ArchiveWriter *w = arena_new_of(c->arena, ArchiveWriter);
    w->copy = arena_bytes(c->arena, COPY_BYTES);
    w->path = str_cstr(c->arena, path);
    w->fd = STDOUT_FILENO;
    struct stat about;
    bool special = stat(w->path, &about) == 0 && !S_ISREG(about.st_mode); /* a pipe, a tape */
    if (special) {
        w->fd = open(w->path, O_WRONLY | O_CLOEXEC);
        if (w->fd < 0) FAIL(c, INVALID, "%s: %s", w->path, strerror(errno));
    } else if (!str_eq(path, S("-"))) {
        w->beside = str_cstr(c->arena, strf(c->arena, "%s.part", w->path));
        w->fd = open(w->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (w->fd < 0) FAIL(c, INVALID, "%s: %s", w->beside, strerror(errno));
    }
    w->tar = archive_write_new();
    defer(c, writer_abandon, w);
    archive_write_set_format_pax_restricted(w->tar);
    bool zipped = str_ends(path, S(".gz")) || str_ends(path, S(".tgz"));
    if (zipped) archive_write_add_filter_gzip(w->tar);
    archive_write_set_bytes_in_last_block(w->tar, 1);
    if (archive_write_open_fd(w->tar, w->fd) != ARCHIVE_OK) return tar_err(c, w->tar, path);
    *out = w;
    return NULL;
}

static Err *entry_begin(Ctx *c, ArchiveWriter *w, Str name, int64_t size) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, str_cstr(c->arena, name));
    archive_entry_set_size(entry, size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    archive_entry_set_mtime(entry, time_now().us / US_PER_SECOND, 0);
    int done = archive_write_header(w->tar, entry);
    archive_entry_free(entry);
    return done == ARCHIVE_OK ? NULL : tar_err(c, w->tar, str_c(w->path));
}

static Err *entry_bytes(Ctx *c, ArchiveWriter *w, const char *bytes, ptrdiff_t len) {
    return archive_write_data(w->tar, bytes, (size_t)len) == len
               ? NULL
               : tar_err(c, w->tar, str_c(w->path));
}

Err *archive_add_text(Ctx *c, ArchiveWriter *w, Str name, Str text) {
    TRY(entry_begin(c, w, name, text.len));
    return entry_bytes(c, w, text.data, text.len);
}

Err *archive_add_fd(Ctx *c, ArchiveWriter *w, Str name, int fd, int64_t size, Str *sha256) {
    TRY(entry_begin(c, w, name, size));
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (int64_t at = 0; at < size;) {
        ssize_t n = pread(fd, w->copy, (size_t)min_i64(COPY_BYTES, size - at), at);
        if (n <= 0)
            FAIL(c, INTERNAL, "%.*s: %s", S_ARG(name),
                 n < 0 ? strerror(errno) : "became shorter meanwhile");
        crypto_hash_sha256_update(&state, (const unsigned char *)w->copy, (unsigned long long)n);
        TRY(entry_bytes(c, w, w->copy, n));
        at += n;
    }
    if (sha256) *sha256 = sha256_hex(c->arena, &state);
    return NULL;
}

Err *archive_commit(Ctx *c, ArchiveWriter *w) {
    if (archive_write_close(w->tar) != ARCHIVE_OK) return tar_err(c, w->tar, str_c(w->path));
    if (!w->beside) return NULL;
    if (fsync(w->fd) != 0 || rename(w->beside, w->path) != 0)
        FAIL(c, INTERNAL, "%s: %s", w->path, strerror(errno));
    w->beside = NULL;
    return NULL;
}

/* -- reading ----------------------------------------------------------------------------------------- */

static void reader_close(void *arg) { archive_read_free(arg); }

Err *archive_open(Ctx *c, Str path, ArchiveReader **out) {
    ArchiveReader *r = arena_new_of(c->arena, ArchiveReader);
    r->path = path;
    r->tar = archive_read_new();
    defer(c, reader_close, r->tar);
    archive_read_support_filter_gzip(r->tar);
    archive_read_support_format_tar(r->tar);
    if (archive_read_open_filename(r->tar, str_cstr(c->arena, path), READ_BLOCK) != ARCHIVE_OK)
        return tar_err(c, r->tar, path);
    *out = r;
    return NULL;
}

Err *archive_next(Ctx *c, ArchiveReader *r, Str *name, int64_t *size) {
    struct archive_entry *entry;
    int got = archive_read_next_header(r->tar, &entry);
    *name = (Str){NULL, 0};
    if (got == ARCHIVE_EOF) return NULL;
    if (got != ARCHIVE_OK) return tar_err(c, r->tar, r->path);
    *name = str_c(archive_entry_pathname(entry));
    *size = archive_entry_size(entry);
    if (archive_entry_filetype(entry) != AE_IFREG || str_is_null(*name) ||
        archive_entry_hardlink(entry))
        FAIL(c, INVALID, "%.*s holds something else than plain files", S_ARG(r->path));
    return NULL;
}

Err *archive_read_some(Ctx *c, ArchiveReader *r, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    la_ssize_t got = archive_read_data(r->tar, to, (size_t)cap);
    if (got < 0) return tar_err(c, r->tar, r->path);
    *n = got;
    return NULL;
}
