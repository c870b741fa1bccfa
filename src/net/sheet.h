/* SPDX-License-Identifier: Apache-2.0
 * Sheet: room for bytes that are too many for memory: a file without a name, mapped. It goes with the
 * Ctx, and with the process, however that ends.
 *
 * All sheets of the process together have at most `max_bytes`. Beyond it, UNAVAILABLE: those that are
 * there are gone in a moment. A full disk is STORAGE_FULL. */
#ifndef SOCLE_NET_SHEET_H
#define SOCLE_NET_SHEET_H

#include "net/multipart.h"

/* Before the first one; `folder` (a disk's, not memory's) lives as long as the process. 0: no bound. */
void sheets_begin(Str folder, int64_t max_bytes);
int64_t sheets_bytes(void); /* of all there are */

typedef struct SheetFile SheetFile;
typedef struct Sheet {
    char *data;
    ptrdiff_t size;
    int fd; /* to hand to a program */
    SheetFile *file;
} Sheet;

/* Its room is taken from the disk at once. Blocks for a moment; from a coroutine. */
MUST_USE Err *sheet_make(Ctx *c, ptrdiff_t size, Sheet *out);
/* One with a copy of these bytes. */
MUST_USE Err *sheet_copy(Ctx *c, Str bytes, Sheet *out);
/* An empty one, for a program to write into; then sheet_read maps what is there. */
MUST_USE Err *sheet_open(Ctx *c, Sheet *out);
MUST_USE Err *sheet_read(Ctx *c, Sheet *sheet);
/* Bytes into one that is not mapped, at their place. From any thread, one at a time; blocks. errno, or 0;
 * EAGAIN where all sheets together would have too many bytes. sheet_err makes an error of it. */
MUST_USE int sheet_write(const Sheet *sheet, int64_t at, Str bytes);
MUST_USE Err *sheet_err(Ctx *c, int error);
/* A part of one that is not mapped, to read until c ends. */
MUST_USE Err *sheet_map(Ctx *c, const Sheet *sheet, int64_t at, int64_t size, Str *out);
/* The part of a form that is being read, to its end, by way of one; "" for an empty one. TOO_LARGE over
 * `most` bytes. */
MUST_USE Err *sheet_part(Ctx *c, Multipart *m, int64_t most, Str *out);
/* The whole body: in memory up to 1 MiB, else by way of one. Errors of body_read too. */
MUST_USE Err *sheet_body(Ctx *c, Req *q, Str *out);
/* The whole of an open file, which stays the caller's, to read until c ends. */
MUST_USE Err *file_map(Ctx *c, int fd, int64_t size, Str *out);

#endif
