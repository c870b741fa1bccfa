/* SPDX-License-Identifier: Apache-2.0
 * Long base64 taken out of a JSON text while it arrives. The text goes through piece by piece; what a
 * record's field says is base64, and is long, is decoded and handed out, and a short name stands in its
 * place. What is left is small, and is parsed and read like any JSON.
 *
 *   {"type":"AUDIO","audioData":"UklGRn…40 MB…"}  ─▶  {"type":"AUDIO","audioData":"part:SECRET:0"}
 *                                                 ─▶  30 MB of bytes, as they come
 *
 * Pure: no waiting; memory is the rest and a few hundred bytes a part. Field.format says which texts:
 *   "base64"         base64, with `data:…;base64,` before it or without
 *   "text-or-base64" a text, or such a data: URL of sound, picture or video, which alone is taken out
 *
 * The secret, which no client can know, keeps a text of his from being taken for a part. The JSON itself
 * is judged by jansson alone: what a long text has that is no JSON stays in the rest, behind its name, and
 * its line and column are told as if nothing had been taken out. */
#ifndef SOCLE_CORE_JSON_PARTS_H
#define SOCLE_CORE_JSON_PARTS_H

#include "core/json.h"
#include "core/record.h"

typedef struct JsonPart {
    Str name;         /* what stands in its place */
    Str mime;         /* of its data: URL, lower case; null: it has none */
    int64_t at, size; /* of its bytes, in all that is handed out */
    bool bad;         /* it is no base64: no bytes */
    ptrdiff_t cut_at; /* in the rest: behind its name */
    int64_t cut;      /* characters of the text that are missing before it */
} JsonPart;

typedef struct JsonPartsOptions {
    const Record *record; /* of the whole */
    ptrdiff_t from;       /* a longer text (bytes, as it is written) is taken out: 32 at least */
    int64_t align;        /* where parts may begin */
    Str secret;
    /* Bytes of a part, each behind the former; those of a bad part are written over. */
    void (*write)(void *arg, int64_t at, Str bytes);
    void *arg;
} JsonPartsOptions;

typedef struct JsonParts JsonParts;
JsonParts *json_parts_new(Arena *arena, JsonPartsOptions options);
void json_parts_take(JsonParts *p, Str bytes);
void json_parts_end(JsonParts *p);
/* What is left. */
Str json_parts_rest(const JsonParts *p);
/* As json_parse of the whole, after json_parts_end. */
MUST_USE Err *json_parts_parse(Ctx *c, const JsonParts *p, json_t **out);
/* For it: json_parse that tells places as if `missing` characters more stood before the place `at`, in its
 * line. */
MUST_USE Err *json_parse_cut(Ctx *c, Str text, int64_t (*missing)(const void *arg, ptrdiff_t at),
                             const void *arg, json_t **out);
/* The part that this text names; NULL: none. */
const JsonPart *json_parts_find(const JsonParts *p, Str text);
/* Does a field of the record, or of those in it, hold base64? */
bool json_parts_has(const Record *record);

#endif
