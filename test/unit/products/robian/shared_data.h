/* SPDX-License-Identifier: Apache-2.0
 * Real files that the project does not carry: SOCLE_SHARED_DATA, or shared/data beside the
 * repository. */
#ifndef SOCLE_TEST_ROBIAN_SHARED_DATA_H
#define SOCLE_TEST_ROBIAN_SHARED_DATA_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/buf.h"

/* The whole file; null when it is not there. */
static inline Str whole_file(Arena *arena, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) return (Str){0};
    Buf b = buf_new(arena, 64 * KIB);
    for (size_t n = 1; n > 0; b.len += (ptrdiff_t)n)
        n = fread(buf_reserve(&b, 64 * KIB), 1, (size_t)(64 * KIB), f);
    fclose(f);
    return buf_str(&b);
}

static inline Str shared_path(Arena *arena, const char *below) {
    const char *folder = getenv("SOCLE_SHARED_DATA"), *root = getenv("SOCLE_TEST_ROOT");
    if (folder) return strf(arena, "%s/%s", folder, below);
    return strf(arena, "%s/../shared/data/%s", root ? root : ".", below);
}

static inline Str shared_read(Arena *arena, const char *below) {
    return whole_file(arena, str_cstr(arena, shared_path(arena, below)));
}

/* Names of a folder's files that end so; at most max. */
static inline ptrdiff_t shared_list(Arena *arena, const char *below, Str ending, Str *out,
                                    ptrdiff_t max) {
    DIR *folder = opendir(str_cstr(arena, shared_path(arena, below)));
    ptrdiff_t count = 0;
    if (!folder) return 0;
    for (struct dirent *e; count < max && (e = readdir(folder));)
        if (str_ends(str_c(e->d_name), ending)) out[count++] = str_copy(arena, str_c(e->d_name));
    closedir(folder);
    return count;
}

#endif
