/* SPDX-License-Identifier: Apache-2.0
 * JSON: reading by jansson (depth-limited, duplicate keys and invalid UTF-8 refused), writing
 * straight into a Buf. Records (record.h) are the usual way; this is for the irregular rest. */
#ifndef SOCLE_CORE_JSON_H
#define SOCLE_CORE_JSON_H

#include <jansson.h>

#include "core/buf.h"
#include "core/err.h"

enum { JSON_DEPTH_MAX = 256 };

/* Parse a whole text; *out is released when c ends. BAD_REQUEST with line and column if malformed, or
 * nested deeper than JSON_DEPTH_MAX. */
MUST_USE Err *json_parse(Ctx *c, Str text, json_t **out);
/* Where a text is nested deeper than JSON_DEPTH_MAX, or -1. jansson's parser recurses, and its own limit
 * (2048) is more than a coroutine's stack holds: whoever calls it directly asks this first. */
ptrdiff_t json_too_deep_at(Str text);

/* Members by name; wrong type or absence give NULL/null/fallback, for lenient readers of outside shapes. */
json_t *json_at(const json_t *object, const char *name);
/* A path of names and array indexes, dot-separated: "children.data.0.id". */
json_t *json_path(const json_t *value, const char *path);
Str json_str(const json_t *value);                        /* null Str unless a string */
bool json_i64(const json_t *value, int64_t *out);         /* integers, integral reals, decimal strings */
bool json_f64(const json_t *value, double *out);
void buf_json_value(Buf *b, const json_t *value);         /* compact */

/* A writer that places the commas: json_out(b), json_begin(&o, '{'), json_key(…), json_end. */
typedef struct JsonOut {
    Buf *buf;
    bool comma;
} JsonOut;
JsonOut json_out(Buf *b);
void json_begin(JsonOut *o, char bracket); /* '{' or '[' */
void json_end(JsonOut *o, char bracket);   /* '}' or ']' */
void json_key(JsonOut *o, Str name);
void json_put_str(JsonOut *o, Str value);
void json_put_i64(JsonOut *o, int64_t value);
void json_put_f64(JsonOut *o, double value);
void json_put_bool(JsonOut *o, bool value);
void json_put_null(JsonOut *o);
/* Text that already is JSON; null Str gives null. */
void json_put_raw(JsonOut *o, Str json);

#endif
