/* SPDX-License-Identifier: Apache-2.0
 * Sheet: room for bytes that are too many for memory: a file without a name, mapped. It goes with the
 * Ctx, and with the process, however that ends. */
#ifndef SOCLE_LIFETALES_SHEET_H
#define SOCLE_LIFETALES_SHEET_H

#include "net/multipart.h"

typedef struct Sheet {
    char *data;
    ptrdiff_t size;
    int fd; /* to hand to a program */
} Sheet;

/* STORAGE_FULL: its room is taken from the disk at once. Blocks for a moment; from a coroutine. */
MUST_USE Err *sheet_make(Ctx *c, ptrdiff_t size, Sheet *out);
/* One with a copy of these bytes. */
MUST_USE Err *sheet_copy(Ctx *c, Str bytes, Sheet *out);
/* An empty one, for a program to write into; then sheet_read maps what is there. */
MUST_USE Err *sheet_open(Ctx *c, Sheet *out);
MUST_USE Err *sheet_read(Ctx *c, Sheet *sheet);
/* The part of a form that is being read, to its end, by way of one; "" for an empty one. TOO_LARGE over
 * `most` bytes. */
MUST_USE Err *sheet_part(Ctx *c, Multipart *m, int64_t most, Str *out);
/* The whole of an open file, which stays the caller's, to read until c ends. */
MUST_USE Err *file_map(Ctx *c, int fd, int64_t size, Str *out);

#endif
