/* SPDX-License-Identifier: Apache-2.0
 * What lies in files, folders and archives, one entry after the other: see open_data.h for how
 * hostile ones are taken. Blocking calls: for a thread of offload. Holds one entry and buffers
 * of fixed size, however much there is.
 *
 *   - Folders are gone through in the order of their names; no symbolic link inside them is
 *     followed, and nothing but plain files is opened.
 *   - Archives (zip, tar, each also within gzip; known by what they hold, not by their names) are
 *     read from front to back. One within another is not opened.
 *   - What ends in .ndjson gives each of its lines. */
#ifndef SOCLE_ROBIAN_OPEN_DATA_WALK_H
#define SOCLE_ROBIAN_OPEN_DATA_WALK_H

#include "core/str.h"

typedef struct OpenDataEntry {
    ptrdiff_t path;   /* index of what was named */
    int64_t position; /* within the present file: 1, 2, … */
    Str name;         /* a label, without control characters */
    Str bytes;
    Str problem; /* why it cannot be read; else null */
} OpenDataEntry;

typedef struct OpenDataLimits {
    ptrdiff_t entry_bytes;        /* of one entry */
    int64_t total_bytes, entries; /* of one archive */
    int64_t swell; /* an archive gives at most so many times its own size, and a little */
} OpenDataLimits;
extern const OpenDataLimits open_data_limits;

typedef struct OpenDataWalk OpenDataWalk;
/* Of files whose names end in one of `endings` (".json .xml"); of a file that was named itself,
 * and is no archive, whatever its name is. "-" is standard input. */
OpenDataWalk *walk_new(const Str *paths, ptrdiff_t count, const char *endings,
                       OpenDataLimits limits);
/* The next one, in the arena; false after the last. What cannot be read has a problem, and the
 * walk goes on with what follows it. */
bool walk_next(OpenDataWalk *w, Arena *arena, OpenDataEntry *out);
/* How far it is, in bytes of the files on disk; total 0 when not known. */
int64_t walk_bytes_done(const OpenDataWalk *w);
int64_t walk_bytes_total(const OpenDataWalk *w);
void walk_free(OpenDataWalk *w);

#endif
