/* SPDX-License-Identifier: Apache-2.0
 * Str: text as pointer and length, by value. Never NUL-dependent. `data == NULL` is "no text" (null
 * on the wire and in the database); an empty text has a pointer and length 0.
 * Str does not own its bytes: they live as long as where they came from. */
#ifndef SOCLE_CORE_STR_H
#define SOCLE_CORE_STR_H

#include "core/arena.h"
#include "core/base.h"

typedef struct Str {
    const char *data;
    ptrdiff_t len;
} Str;

typedef struct StrList {
    Str *items;
    ptrdiff_t count;
} StrList;

/* A literal as Str, at run time and (S_INIT) in static tables. */
#define S(literal) ((Str){("" literal), (ptrdiff_t)sizeof(literal) - 1})
#define S_INIT(literal) {("" literal), (ptrdiff_t)sizeof(literal) - 1}
/* For printf: "%.*s". */
#define S_ARG(str) (int)(str).len, (str).data ? (str).data : ""

static inline Str str_of(const char *data, ptrdiff_t len) {
    assert(len >= 0);
    return (Str){data, len};
}
/* From a C string of our own or of a library; NULL gives the null Str. */
static inline Str str_c(const char *text) { return (Str){text, text ? (ptrdiff_t)strlen(text) : 0}; }
static inline bool str_is_null(Str s) { return s.data == NULL; }
static inline bool str_is_empty(Str s) { return s.len == 0; }
static inline bool str_eq(Str a, Str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, (size_t)a.len) == 0);
}
/* The part [from, to), clamped to the text. */
Str str_slice(Str s, ptrdiff_t from, ptrdiff_t to);

bool str_eq_nocase(Str a, Str b); /* ASCII letters only */
int str_cmp(Str a, Str b);        /* byte order */
bool str_starts(Str s, Str prefix);
bool str_ends(Str s, Str suffix);
/* Offset of the first occurrence, or -1. */
ptrdiff_t str_find(Str s, Str needle);
ptrdiff_t str_find_byte(Str s, char byte);
/* Without ASCII white space at both ends. */
Str str_trim(Str s);
/* Cut at the first separator: *head gets what is before it, the return value what is after. With no
 * separator *head gets everything and the return value is null. */
Str str_cut(Str s, char separator, Str *head);

/* Whole text to a number; false (and *out untouched) if anything else is in it or it overflows. */
MUST_USE bool str_to_i64(Str s, int64_t *out);
MUST_USE bool str_to_f64(Str s, double *out);

/* Valid UTF-8 by RFC 3629 (no overlong forms, no surrogates)? */
bool str_utf8_valid(Str s);
/* Number of code points of valid UTF-8. */
ptrdiff_t str_utf8_count(Str s);
/* The text cut to at most `bytes`, never inside a code point. */
Str str_utf8_cut(Str s, ptrdiff_t bytes);
/* Decode the code point at *pos and move behind it; invalid bytes give U+FFFD, one at a time. */
int32_t str_utf8_next(Str s, ptrdiff_t *pos);

/* Copies in the arena. str_cstr is the only door to C APIs: NUL-terminated. */
Str str_copy(Arena *arena, Str s);
char *str_cstr(Arena *arena, Str s);
Str str_lower(Arena *arena, Str s); /* ASCII letters only */
Str str_concat(Arena *arena, Str a, Str b);
Str strf(Arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
Str strvf(Arena *arena, const char *format, va_list args);

/* FNV-1a, for hash tables of our own (not against hostile keys: see map.h). */
uint64_t str_hash(Str s);

/* Compare in time that depends on the lengths only: for secrets. */
bool str_eq_secret(Str a, Str b);

Str str_hex(Arena *arena, const void *bytes, ptrdiff_t len);
/* base64url without padding (RFC 4648 §5); decoding gives a null Str for anything malformed. */
Str str_base64url(Arena *arena, Str bytes);
Str str_base64url_decode(Arena *arena, Str text);
/* Standard base64 with padding. */
Str str_base64(Arena *arena, Str bytes);
Str str_base64_decode(Arena *arena, Str text);

#endif
