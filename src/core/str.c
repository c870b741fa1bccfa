/* SPDX-License-Identifier: Apache-2.0 */
#include "core/str.h"

#include <ctype.h>
#include <errno.h>

Str str_slice(Str s, ptrdiff_t from, ptrdiff_t to) {
    from = max_size(0, min_size(from, s.len));
    to = max_size(from, min_size(to, s.len));
    return (Str){s.data ? s.data + from : NULL, to - from};
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

bool str_eq_nocase(Str a, Str b) {
    if (a.len != b.len) return false;
    for (ptrdiff_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i])) return false;
    return true;
}

int str_cmp(Str a, Str b) {
    ptrdiff_t common = min_size(a.len, b.len);
    int order = common ? memcmp(a.data, b.data, (size_t)common) : 0;
    if (order) return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool str_starts(Str s, Str prefix) { return s.len >= prefix.len && str_eq(str_slice(s, 0, prefix.len), prefix); }
bool str_ends(Str s, Str suffix) {
    return s.len >= suffix.len && str_eq(str_slice(s, s.len - suffix.len, s.len), suffix);
}

ptrdiff_t str_find(Str s, Str needle) {
    if (needle.len == 0) return 0;
    if (s.len < needle.len) return -1;
    const char *at = memmem(s.data, (size_t)s.len, needle.data, (size_t)needle.len);
    return at ? at - s.data : -1;
}

ptrdiff_t str_find_byte(Str s, char byte) {
    const char *at = s.len ? memchr(s.data, byte, (size_t)s.len) : NULL;
    return at ? at - s.data : -1;
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

Str str_trim(Str s) {
    while (s.len && is_space(s.data[0])) s.data++, s.len--;
    while (s.len && is_space(s.data[s.len - 1])) s.len--;
    return s;
}

Str str_cut(Str s, char separator, Str *head) {
    ptrdiff_t at = str_find_byte(s, separator);
    if (at < 0) {
        *head = s;
        return (Str){0};
    }
    *head = str_slice(s, 0, at);
    return str_slice(s, at + 1, s.len);
}

bool str_to_i64(Str s, int64_t *out) {
    bool negative = s.len > 0 && s.data[0] == '-';
    ptrdiff_t i = negative ? 1 : 0;
    if (i >= s.len) return false;
    int64_t value = 0; /* kept negative: the range there is one larger */
    for (; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') return false;
        if (__builtin_mul_overflow(value, 10, &value)) return false;
        if (__builtin_sub_overflow(value, s.data[i] - '0', &value)) return false;
    }
    if (!negative && value == INT64_MIN) return false;
    *out = negative ? value : -value;
    return true;
}

bool str_to_f64(Str s, double *out) {
    char text[400];
    if (s.len == 0 || s.len >= (ptrdiff_t)sizeof text || is_space(s.data[0])) return false;
    /* strtod also reads hexadecimal, inf and nan: only decimal characters may pass. */
    for (ptrdiff_t i = 0; i < s.len; i++)
        if (!strchr("0123456789+-.eE", s.data[i])) return false;
    memcpy(text, s.data, (size_t)s.len);
    text[s.len] = 0;
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end != text + s.len || value - value != 0) return false;
    *out = value;
    return true;
}

/* Length of the valid sequence at p (n bytes left), 0 if invalid. RFC 3629 table 3-7. */
static ptrdiff_t utf8_length(const unsigned char *p, ptrdiff_t n) {
    if (p[0] < 0x80) return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4) return 0;
    ptrdiff_t length = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (n < length) return 0;
    unsigned char low = 0x80, high = 0xBF;
    if (p[0] == 0xE0) low = 0xA0;
    if (p[0] == 0xED) high = 0x9F;
    if (p[0] == 0xF0) low = 0x90;
    if (p[0] == 0xF4) high = 0x8F;
    if (p[1] < low || p[1] > high) return 0;
    for (ptrdiff_t i = 2; i < length; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    return length;
}

bool str_utf8_valid(Str s) {
    const unsigned char *p = (const unsigned char *)s.data;
    ptrdiff_t i = 0;
    while (i < s.len) {
        uint64_t eight;
        if (s.len - i >= 8) { /* ASCII, eight at a time */
            memcpy(&eight, p + i, 8);
            if (!(eight & 0x8080808080808080u)) {
                i += 8;
                continue;
            }
        }
        ptrdiff_t length = utf8_length(p + i, s.len - i);
        if (!length) return false;
        i += length;
    }
    return true;
}

ptrdiff_t str_utf8_count(Str s) {
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < s.len; i++) count += ((unsigned char)s.data[i] & 0xC0) != 0x80;
    return count;
}

Str str_utf8_cut(Str s, ptrdiff_t bytes) {
    assert(bytes >= 0);
    if (s.len <= bytes) return s;
    while (bytes > 0 && ((unsigned char)s.data[bytes] & 0xC0) == 0x80) bytes--;
    return str_slice(s, 0, bytes);
}

int32_t str_utf8_next(Str s, ptrdiff_t *pos) {
    assert(*pos < s.len);
    const unsigned char *p = (const unsigned char *)s.data + *pos;
    ptrdiff_t length = utf8_length(p, s.len - *pos);
    *pos += length ? length : 1;
    switch (length) {
    case 1: return p[0];
    case 2: return (p[0] & 0x1F) << 6 | (p[1] & 0x3F);
    case 3: return (p[0] & 0x0F) << 12 | (p[1] & 0x3F) << 6 | (p[2] & 0x3F);
    case 4: return (p[0] & 0x07) << 18 | (p[1] & 0x3F) << 12 | (p[2] & 0x3F) << 6 | (p[3] & 0x3F);
    default: return 0xFFFD;
    }
}

Str str_copy(Arena *arena, Str s) {
    if (!s.data) return s;
    char *at = arena_bytes(arena, s.len + 1);
    if (s.len) memcpy(at, s.data, (size_t)s.len);
    at[s.len] = 0;
    return (Str){at, s.len};
}

char *str_cstr(Arena *arena, Str s) {
    if (!s.data) s = S("");
    return (char *)(uintptr_t)str_copy(arena, s).data;
}

Str str_lower(Arena *arena, Str s) {
    Str copy = str_copy(arena, s);
    char *at = (char *)(uintptr_t)copy.data;
    for (ptrdiff_t i = 0; i < copy.len; i++) at[i] = lower(at[i]);
    return copy;
}

Str str_concat(Arena *arena, Str a, Str b) {
    char *at = arena_bytes(arena, a.len + b.len + 1);
    if (a.len) memcpy(at, a.data, (size_t)a.len);
    if (b.len) memcpy(at + a.len, b.data, (size_t)b.len);
    at[a.len + b.len] = 0;
    return (Str){at, a.len + b.len};
}

Str strvf(Arena *arena, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    assert(length >= 0);
    char *at = arena_bytes(arena, length + 1);
    vsnprintf(at, (size_t)length + 1, format, args);
    return (Str){at, length};
}

Str strf(Arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Str s = strvf(arena, format, args);
    va_end(args);
    return s;
}

uint64_t str_hash(Str s) {
    uint64_t h = 0xcbf29ce484222325u;
    for (ptrdiff_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.data[i]) * 0x100000001b3u;
    return h;
}

bool str_eq_secret(Str a, Str b) {
    if (a.len != b.len) return false;
    unsigned char difference = 0;
    for (ptrdiff_t i = 0; i < a.len; i++) difference |= (unsigned char)(a.data[i] ^ b.data[i]);
    return difference == 0;
}

Str str_hex(Arena *arena, const void *bytes, ptrdiff_t len) {
    char *at = arena_bytes(arena, len * 2 + 1);
    const unsigned char *from = bytes;
    for (ptrdiff_t i = 0; i < len; i++) {
        at[2 * i] = "0123456789abcdef"[from[i] >> 4];
        at[2 * i + 1] = "0123456789abcdef"[from[i] & 15];
    }
    at[len * 2] = 0;
    return (Str){at, len * 2};
}

static const char base64_standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static Str base64_encode(Arena *arena, Str bytes, const char *alphabet, bool pad) {
    char *at = arena_bytes(arena, (bytes.len + 2) / 3 * 4 + 1);
    const unsigned char *p = (const unsigned char *)bytes.data;
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < bytes.len; i += 3) {
        ptrdiff_t left = min_size(3, bytes.len - i);
        uint32_t group = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);
        for (ptrdiff_t k = 0; k < 4; k++) {
            if (k <= left) at[n++] = alphabet[group >> (18 - 6 * k) & 63];
            else if (pad) at[n++] = '=';
        }
    }
    at[n] = 0;
    return (Str){at, n};
}

static Str base64_decode(Arena *arena, Str text, const char *alphabet, bool pad) {
    if (pad) {
        if (text.len % 4) return (Str){0};
        for (int i = 0; i < 2 && text.len && text.data[text.len - 1] == '='; i++) text.len--;
    }
    if (text.len % 4 == 1) return (Str){0};
    char *at = arena_bytes(arena, text.len / 4 * 3 + 3);
    ptrdiff_t n = 0;
    uint32_t group = 0;
    int bits = 0;
    for (ptrdiff_t i = 0; i < text.len; i++) {
        const char *place = text.data[i] ? strchr(alphabet, text.data[i]) : NULL;
        if (!place) return (Str){0};
        group = group << 6 | (uint32_t)(place - alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            at[n++] = (char)(group >> bits & 255);
        }
    }
    if (group & ((1u << bits) - 1)) return (Str){0}; /* leftover bits must be zero: one text per value */
    return (Str){at, n};
}

Str str_base64url(Arena *arena, Str bytes) { return base64_encode(arena, bytes, base64_url, false); }
Str str_base64url_decode(Arena *arena, Str text) { return base64_decode(arena, text, base64_url, false); }
Str str_base64(Arena *arena, Str bytes) { return base64_encode(arena, bytes, base64_standard, true); }
Str str_base64_decode(Arena *arena, Str text) { return base64_decode(arena, text, base64_standard, true); }
