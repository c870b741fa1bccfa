/* SPDX-License-Identifier: Apache-2.0
 * The backup archive: a tar file (gzipped when its name ends in .gz or .tgz), readable by any tar:
 *
 *   socle.db            a consistent copy of the database
 *   blobs/SHA256        every blob, named by what it must hash to
 *   manifest.json       last: its presence says that the archive is whole
 *
 *   {"format":"socle-backup","version":1,"socle":"0.1.0","created_at":"…",
 *    "database":{"size":…,"sha256":"…"},"blobs":{"count":…,"bytes":…}}
 *
 * Files are read and written by ordinary blocking calls: a command has its loop for itself. */
#ifndef SOCLE_CLI_ARCHIVE_H
#define SOCLE_CLI_ARCHIVE_H

#include <sodium.h>

#include "core/err.h"

#define ARCHIVE_DATABASE "socle.db"
#define ARCHIVE_BLOBS "blobs/"
#define ARCHIVE_MANIFEST "manifest.json"

typedef struct Manifest {
    Str database_sha256, created_at, socle;
    int64_t database_size, blob_count, blob_bytes;
} Manifest;
Str manifest_write(Arena *arena, const Manifest *m);
MUST_USE Err *manifest_read(Ctx *c, Str json, Manifest *out);

/* Writing: beside `path` first, in its place (synced) only by archive_commit; "-" is standard output.
 * A special file (a pipe, a tape) is written as it is.
 * What was not committed is removed when c ends. */
typedef struct ArchiveWriter ArchiveWriter;
MUST_USE Err *archive_create(Ctx *c, Str path, ArchiveWriter **out);
/* One file from an open descriptor, exactly size bytes; *sha256 (hex, may be NULL) of what went in. */
MUST_USE Err *archive_add_fd(Ctx *c, ArchiveWriter *w, Str name, int fd, int64_t size, Str *sha256);
MUST_USE Err *archive_add_text(Ctx *c, ArchiveWriter *w, Str name, Str text);
MUST_USE Err *archive_commit(Ctx *c, ArchiveWriter *w);

/* Reading: one entry after the other. Only plain files may be in it. */
typedef struct ArchiveReader ArchiveReader;
MUST_USE Err *archive_open(Ctx *c, Str path, ArchiveReader **out);
/* *name null at the end; valid until the next call. */
MUST_USE Err *archive_next(Ctx *c, ArchiveReader *r, Str *name, int64_t *size);
/* *n = 0 at the end of the entry. */
MUST_USE Err *archive_read_some(Ctx *c, ArchiveReader *r, char *to, ptrdiff_t cap, ptrdiff_t *n);

/* A SHA-256 under way, as hex. */
Str sha256_hex(Arena *arena, crypto_hash_sha256_state *state);

#endif
