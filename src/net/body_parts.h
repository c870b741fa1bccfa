/* SPDX-License-Identifier: Apache-2.0
 * JSON bodies with long base64 in them, up to any size: read as they come, in pieces that a pool thread
 * takes apart (core/json_parts.h). The base64 goes decoded into a sheet on the disk, the rest is parsed:
 * memory is the rest and a quarter of a megabyte. */
#ifndef SOCLE_NET_BODY_PARTS_H
#define SOCLE_NET_BODY_PARTS_H

#include "core/json_parts.h"
#include "net/http.h"

typedef struct BodyJsonOptions {
    const Record *record; /* its fields say where base64 is */
    ptrdiff_t rest_limit; /* bytes of all that is no base64: TOO_LARGE */
    bool digest;          /* *digest is wanted */
} BodyJsonOptions;
/* The body, which nobody has begun to read, as JSON in which names stand for what was taken out; NULL for
 * an empty one. *digest: of all its bytes, the same for the same body. Errors: body_read's, json_parse's, STORAGE_FULL,
 * UNAVAILABLE. */
MUST_USE Err *body_json(Ctx *c, Req *q, BodyJsonOptions options, json_t **out, Str *digest);

/* What a text of this request's body stands for; NULL: for itself. */
const JsonPart *body_part(const Req *q, Str text);
/* Its bytes, to read until c ends. */
MUST_USE Err *body_part_bytes(Ctx *c, const Req *q, const JsonPart *part, Str *out);

#endif
