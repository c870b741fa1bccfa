/* SPDX-License-Identifier: Apache-2.0 */
#include "core/buf.h"

#include <math.h>

Buf buf_new(Arena *arena, ptrdiff_t cap) {
    assert(arena);
    return (Buf){.arena = arena, .data = cap > 0 ? arena_bytes(arena, cap) : NULL, .cap = max_size(cap, 0)};
}

void buf_grow(Buf *b, ptrdiff_t more) {
    assert(b->arena);
    assert(more >= 0);
    ptrdiff_t cap = max_size(max_size(b->cap * 2, 64), b->len + more);
    b->data = arena_grow(b->arena, b->data, b->len, cap);
    b->cap = cap;
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

__extension__ typedef unsigned __int128 Wide;

/* value × 10^p as an integer of `digits` digits, rounded; false unless it reads back as value. With
 * value = m / 2^s, m × 10^p is exact in 128 bits, and the integer reads back if it is off by less than
 * half of m's last bit. */
static bool f64_digits(double value, int digits, uint64_t *out, int *p) {
    int exponent;
    uint64_t m = (uint64_t)ldexp(frexp(value, &exponent), 53);
    int s = 53 - exponent;
    *p = digits - 1 - (int)floor(log10(value));
    if (*p < 1 || *p > 22 || s < 1 || s > 74 || m == (uint64_t)1 << 52) return false;
    Wide ten = 1;
    for (int i = 0; i < *p; i++) ten *= 10;
    Wide exact = m * ten, half = (Wide)1 << (s - 1), rounded = (exact + half) >> s;
    if (rounded << s == exact + half) rounded &= ~(Wide)1; /* a tie: to even, as printf */
    Wide off = rounded << s > exact ? (rounded << s) - exact : exact - (rounded << s);
    *out = (uint64_t)rounded;
    return 2 * off < ten;
}

/* n / 10^p without the zeroes at its end. */
static void decimal_write(Buf *b, uint64_t n, int p) {
    while (p > 1 && n % 10 == 0) {
        n /= 10;
        p--;
    }
    char text[32];
    int at = (int)sizeof text;
    for (int i = 0; i < p || n > 0 || i == p; i++, n /= 10) {
        if (i == p) text[--at] = '.';
        text[--at] = (char)('0' + n % 10);
    }
    buf_add(b, str_of(text + at, (ptrdiff_t)sizeof text - at));
}

/* Many decimals, of a size that is written without exponent. */
static bool f64_long(Buf *b, double value) {
    uint64_t n;
    int p;
    double size = fabs(value);
    if (size >= 1e15 || size < 1e-4) return false;
    if (!f64_digits(size, 16, &n, &p) && !f64_digits(size, 17, &n, &p)) return false;
    if (value < 0) buf_byte(b, '-');
    decimal_write(b, n, p);
    return true;
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
    if (f64_short(b, value) || f64_long(b, value)) return;
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

/* Are these eight bytes all plain? Sometimes no where they are: then they are looked at one by one. */
static bool json_plain_8(const char *at) {
    const uint64_t ones = 0x0101010101010101u;
    uint64_t w, found;
    memcpy(&w, at, sizeof w);
    uint64_t quote = w ^ ones * '"', backslash = w ^ ones * '\\', del = w ^ ones * 0x7F;
    found = w | ((w - ones * 0x20) & ~w);
    found |= ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((del - ones) & ~del);
    return (found & ones * 0x80) == 0;
}

/* Where what may stand in a JSON string as it is ends. */
static ptrdiff_t json_plain_end(Str s, ptrdiff_t i) {
    while (i < s.len) {
        if (s.len - i >= 8 && json_plain_8(s.data + i)) {
            i += 8;
            continue;
        }
        ptrdiff_t stop = min_size(i + 8, s.len);
        while (i < stop) {
            unsigned char c = (unsigned char)s.data[i];
            ptrdiff_t next = i;
            if (c < 0x80 ? !json_plain(c) : str_utf8_next(s, &next) == 0xFFFD) return i;
            i = c < 0x80 ? i + 1 : next;
        }
    }
    return i;
}

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
        ptrdiff_t plain = json_plain_end(text, i);
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
