/* SPDX-License-Identifier: Apache-2.0
 * A file in the binary: a row of the tables that tools/embed makes, which are sorted by path and
 * closed by a row whose path is NULL. */
#ifndef SOCLE_CORE_EMBED_H
#define SOCLE_CORE_EMBED_H

#include "core/str.h"

typedef struct EmbedFile {
    const char *path, *type, *etag; /* type: a Content-Type; etag: without quotes */
    const unsigned char *bytes;
    ptrdiff_t size;
    bool gzip; /* the bytes are the text gzipped */
} EmbedFile;

#endif
