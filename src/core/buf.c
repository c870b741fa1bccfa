/* SPDX-License-Identifier: Apache-2.0 */
#include "core/buf.h"

#include <math.h>

Buf buf_new(Arena *arena, ptrdiff_t cap) {
    assert(arena);
    return (Buf){.arena = arena, .data = cap > 0 ? arena_bytes(arena, cap) : NULL, .cap = max_size(cap, 0)};
}

char *buf_reserve(Buf *b, ptrdiff_t more) {
    assert(b->arena);
    assert(more >= 0);
    if (b->cap - b->len < more) {
        ptrdiff_t cap = max_size(max_size(b->cap * 2, 64), b->len + more);
        b->data = arena_grow(b->arena, b->data, b->len, cap);
        b->cap = cap;
    }
    return b->data + b->len;
}

void buf_add(Buf *b, Str s) {
    if (s.len == 0) return;
    memcpy(buf_reserve(b, s.len), s.data, (size_t)s.len);
    b->len += s.len;
}

void buf_byte(Buf *b, char byte) {
    *buf_reserve(b, 1) = byte;
    b->len++;
}

void buf_f(Buf *b, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    ptrdiff_t room = b->cap - b->len;
    int length = vsnprintf(room > 0 ? b->data + b->len : NULL, room > 0 ? (size_t)room : 0, format, args);
    assert(length >= 0);
    if (length >= room) vsnprintf(buf_reserve(b, length + 1), (size_t)length + 1, format, again);
    b->len += length;
    va_end(again);
    va_end(args);
}

void buf_i64(Buf *b, int64_t value) {
    char digits[20];
    int n = 0;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do digits[n++] = (char)('0' + rest % 10);
    while (rest /= 10);
    char *at = buf_reserve(b, n + 1);
    if (value < 0) *at++ = '-';
    for (int i = n; i-- > 0;) *at++ = digits[i];
    b->len += n + (value < 0);
}

/* A few decimals: value = n / 10^k for an integer n that a double holds exactly. Both are exact, so their
 * quotient is the double nearest to the decimal: what anybody reads back. */
static bool f64_short(Buf *b, double value) {
    static const double powers[] = {1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    if (fabs(value) >= 1e6 || fabs(value) < 1e-5) return false;
    for (int k = 0; k < COUNT(powers); k++) {
        double n = rint(value * powers[k]);
        if (n / powers[k] != value) continue;
        int64_t whole = (int64_t)fabs(n), base = (int64_t)powers[k];
        if (n < 0) buf_byte(b, '-');
        buf_i64(b, whole / base);
        char *at = buf_reserve(b, k + 2);
        int64_t rest = whole % base;
        for (int i = k + 1; i > 0; i--, rest /= 10) at[i] = (char)('0' + rest % 10);
        at[0] = '.';
        b->len += k + 2;
        return true;
    }
    return false;
}

void buf_f64(Buf *b, double value) {
    if (!isfinite(value)) {
        buf_add(b, S("null"));
        return;
    }
    if (value == rint(value) && fabs(value) < 1e15) {
        buf_i64(b, (int64_t)value);
        buf_add(b, S(".0"));
        return;
    }
    if (f64_short(b, value)) return;
    char text[32];
    for (int digits = 16; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    buf_add(b, str_c(text));
}

/* 0: as it is; 'u': \u00XX; else the letter after the backslash. Bytes ≥ 0x80 are checked apart. */
static char json_escape(unsigned char c) {
    switch (c) {
    case '"': case '\\': return (char)c;
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return c < 0x20 || c == 0x7F ? 'u' : 0;
    }
}

static bool json_plain(unsigned char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

static void json_one(Buf *b, Str s, ptrdiff_t *pos) {
    unsigned char first = (unsigned char)s.data[*pos];
    if (first >= 0x80) {
        ptrdiff_t from = *pos;
        int32_t code = str_utf8_next(s, pos);
        buf_add(b, code == 0xFFFD ? S("\xEF\xBF\xBD") : str_slice(s, from, *pos));
        return;
    }
    char escape = json_escape(first);
    if (escape == 'u') buf_f(b, "\\u%04x", first);
    else {
        buf_byte(b, '\\');
        buf_byte(b, escape);
    }
    ++*pos;
}

void buf_json(Buf *b, Str text) {
    if (!text.data) {
        buf_add(b, S("null"));
        return;
    }
    buf_reserve(b, text.len + 2);
    buf_byte(b, '"');
    for (ptrdiff_t i = 0; i < text.len;) {
        ptrdiff_t plain = i;
        while (plain < text.len && json_plain((unsigned char)text.data[plain])) plain++;
        buf_add(b, str_slice(text, i, plain));
        i = plain;
        if (i < text.len) json_one(b, text, &i);
    }
    buf_byte(b, '"');
}

void buf_csv(Buf *b, Str text) {
    bool quote = false;
    for (ptrdiff_t i = 0; i < text.len && !quote; i++) quote = strchr("\",\r\n", text.data[i]) && text.data[i];
    if (!quote) {
        buf_add(b, text);
        return;
    }
    buf_byte(b, '"');
    for (ptrdiff_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"') buf_byte(b, '"');
        buf_byte(b, text.data[i]);
    }
    buf_byte(b, '"');
}

static bool url_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void buf_url(Buf *b, Str text) {
    for (ptrdiff_t i = 0; i < text.len; i++) {
        if (url_unreserved(text.data[i])) buf_byte(b, text.data[i]);
        else buf_f(b, "%%%02X", (unsigned char)text.data[i]);
    }
}

void buf_html(Buf *b, Str text) {
    for (ptrdiff_t i = 0; i < text.len; i++) {
        switch (text.data[i]) {
        case '&': buf_add(b, S("&amp;")); break;
        case '<': buf_add(b, S("&lt;")); break;
        case '>': buf_add(b, S("&gt;")); break;
        case '"': buf_add(b, S("&quot;")); break;
        case '\'': buf_add(b, S("&#39;")); break;
        default: buf_byte(b, text.data[i]);
        }
    }
}
