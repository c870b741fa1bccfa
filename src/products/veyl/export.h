/* SPDX-License-Identifier: Apache-2.0
 * Posts written out one after the other, as NDJSON, a JSON array or CSV: to a client or a file.
 * What is written reads back as the same posts (import veyl posts). */
#ifndef SOCLE_VEYL_EXPORT_H
#define SOCLE_VEYL_EXPORT_H

#include "data/db.h"

typedef enum ExportFormat { EXPORT_NDJSON, EXPORT_JSON, EXPORT_CSV } ExportFormat;

typedef struct PostExport {
    ExportFormat format;
    Sql sql; /* rows of post_rows */
    Args args;
    Err *(*write)(Ctx *c, void *arg, Str bytes);
    void *arg;
    int64_t count; /* out */
} PostExport;

/* BAD_REQUEST for any other name. */
MUST_USE Err *export_format(Ctx *c, Str name, ExportFormat *out);
MUST_USE Err *posts_export(Ctx *c, PostExport *e);

#endif
