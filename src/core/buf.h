/* SPDX-License-Identifier: Apache-2.0
 * Buf: text under construction, growing in an arena. Writing never fails (see arena.h on budgets). */
#ifndef SOCLE_CORE_BUF_H
#define SOCLE_CORE_BUF_H

#include "core/str.h"

typedef struct Buf {
    Arena *arena;
    char *data;
    ptrdiff_t len, cap;
} Buf;

/* An empty buffer with room for cap bytes. */
Buf buf_new(Arena *arena, ptrdiff_t cap);
void buf_grow(Buf *b, ptrdiff_t more); /* for buf_reserve */
/* Room for `more` further bytes; returns where they go (then add to len). */
static inline char *buf_reserve(Buf *b, ptrdiff_t more) {
    if (b->cap - b->len < more) buf_grow(b, more);
    return b->data + b->len;
}
static inline void buf_add(Buf *b, Str s) {
    if (s.len == 0) return;
    memcpy(buf_reserve(b, s.len), s.data, (size_t)s.len);
    b->len += s.len;
}
static inline void buf_byte(Buf *b, char byte) {
    *buf_reserve(b, 1) = byte;
    b->len++;
}
void buf_f(Buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_i64(Buf *b, int64_t value);
/* A decimal that reads back as the same double, short where few digits do; NaN and infinities as null. */
void buf_f64(Buf *b, double value);
/* `text` as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD. A null Str gives null. */
void buf_json(Buf *b, Str text);
/* `text` as one CSV field by RFC 4180 (quoted where needed). */
void buf_csv(Buf *b, Str text);
/* Percent-encode everything but unreserved characters (RFC 3986 §2.3). */
void buf_url(Buf *b, Str text);
/* `text` with & < > " ' as entities. */
void buf_html(Buf *b, Str text);
/* What has been written, borrowed until the next write. */
static inline Str buf_str(const Buf *b) { return (Str){b->data ? b->data : "", b->len}; }

#endif
