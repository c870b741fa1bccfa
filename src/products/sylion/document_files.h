/* SPDX-License-Identifier: Apache-2.0
 * Which files of this machine are documents: those that were named, and those in folders that were
 * named, to any depth within bounds, each folder's in the order of their names.
 *
 * In folders, names that begin with a dot are passed over without a word. A link to a file is that
 * file; a link to a folder is left out, so that no circle is walked. Blocks the thread: for
 * commands. */
#ifndef SOCLE_SYLION_DOCUMENT_FILES_H
#define SOCLE_SYLION_DOCUMENT_FILES_H

#include "core/arena.h"
#include "core/str.h"

enum { FILES_FOUND_MAX = 100000, FOLDERS_DEEP_MAX = 64 };

typedef enum FoundKind {
    FOUND_DOCUMENT, /* its name has an ending that extraction knows */
    FOUND_OTHER,    /* left out, and why */
    FOUND_WRONG     /* it was asked for and cannot be: why */
} FoundKind;

typedef struct FoundFile {
    FoundKind kind;
    Str path, why;
} FoundFile;

typedef struct FoundFiles {
    FoundFile *items;
    ptrdiff_t count, cap;
    ptrdiff_t documents; /* of them */
    bool too_many;       /* there are more than FILES_FOUND_MAX: these are the first */
} FoundFiles;

void files_find(Arena *arena, const Str *paths, ptrdiff_t count, FoundFiles *out);

#endif
