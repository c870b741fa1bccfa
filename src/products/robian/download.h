/* SPDX-License-Identifier: Apache-2.0
 * Files of other servers, fetched by our own client (public addresses only, unless
 * ROBIAN_ALLOW_PRIVATE_SOURCES) into a file of the work folder: bounded in bytes and in silence. What
 * goes wrong is told in sentences for listeners. */
#ifndef SOCLE_ROBIAN_DOWNLOAD_H
#define SOCLE_ROBIAN_DOWNLOAD_H

#include "net/client.h"
#include "products/robian/tools.h"

typedef struct Download {
    HttpStream *stream;
    HttpAnswer head;
    Str type;      /* media type, lower case, without parameters; "" when it says none */
    int64_t bytes; /* by Content-Length; -1: not told */
} Download;

/* Ask for it. Errors: NOT_FOUND (404, 410), FORBIDDEN (401, 403; an address that is not public),
 * INVALID (a malformed URL, another 4xx), UPSTREAM, TIMEOUT. */
MUST_USE Err *download_open(Ctx *c, Str url, Download *out);
/* The body as a text of at most max bytes; what is over it is left out. */
MUST_USE Err *download_text(Ctx *c, Download *d, ptrdiff_t max, Str *out);
/* The body into folder/name. TOO_LARGE over ROBIAN_EXTRACTION_MAX_BYTES, before it is fetched where the
 * length is told; STORAGE_FULL. */
MUST_USE Err *download_save(Ctx *c, Download *d, Str folder, Str name, Stage stage, int64_t *bytes);

#endif
