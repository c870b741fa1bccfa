/* SPDX-License-Identifier: Apache-2.0
 * The inside of multipart.c, for its tests: the same parser over any source of bytes. */
#ifndef SOCLE_NET_MULTIPART_H
#define SOCLE_NET_MULTIPART_H

#include "net/http.h"

/* Give up to cap bytes; *n = 0 at the end. */
typedef Err *(*MultipartSource)(Ctx *c, void *arg, char *to, ptrdiff_t cap, ptrdiff_t *n);

Multipart *multipart_over(Ctx *c, Str boundary, MultipartSource source, void *arg);
/* The boundary of a Content-Type; null unless it is multipart/form-data with a valid one. */
Str multipart_boundary(Arena *arena, Str content_type);

#endif
