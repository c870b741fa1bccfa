/* SPDX-License-Identifier: Apache-2.0
 * How others write what we read: both spellings of names, times as numbers or text. Pure. */
#include <sodium.h>

#include "core/json.h"
#include "products/lifetales/import_room.h"

json_t *import_at(const json_t *object, const char *name) {
    char snake[2 * FIELD_NAME_MAX];
    int n = 0;
    json_t *value = json_at(object, name);
    if (value && !json_is_null(value)) return value;
    for (const char *p = name; *p && n < COUNT(snake) - 2; p++) {
        if (*p >= 'A' && *p <= 'Z') snake[n++] = '_';
        snake[n++] = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    }
    snake[n] = '\0';
    value = json_at(object, snake);
    return value && !json_is_null(value) ? value : NULL;
}

Str import_str(const json_t *object, const char *name) {
    Str text = json_str(import_at(object, name));
    return text.len ? text : (Str){0};
}

static bool year_good(Time t) {
    static const int64_t first = -62135596800, last = 253402300799; /* years 1 to 9999, seconds */
    return t.us >= first * US_PER_SECOND && t.us <= last * US_PER_SECOND;
}

Time import_time(const json_t *value) {
    /* A number this small is no millisecond of our days: somebody counts in seconds. */
    static const double seconds_least = 9e8, seconds_most = 1e11;
    double number;
    int64_t whole;
    Time t;
    Str text = str_trim(json_str(value));
    if (text.len && time_parse(text, &t)) return t;
    bool counted = json_i64(value, &whole);
    if (counted) number = (double)whole;
    if (counted || json_f64(value, &number)) {
        double size = number < 0 ? -number : number;
        if (size > 1e15) return TIME_NULL;
        bool seconds = size >= seconds_least && size < seconds_most;
        t = (Time){(int64_t)number * (seconds ? US_PER_SECOND : US_PER_MS)};
        return year_good(t) ? t : TIME_NULL;
    }
    return TIME_NULL;
}

Str import_uuid(Arena *arena, Id user, const Str *words, ptrdiff_t count) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    Str head = strf(arena, "socle import v1:%lld", (long long)user.value);
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)head.data, (size_t)head.len);
    for (ptrdiff_t i = 0; i < count; i++) { /* told apart by their lengths */
        Str length = strf(arena, ":%td:", words[i].len);
        crypto_hash_sha256_update(&state, (const unsigned char *)length.data, (size_t)length.len);
        if (words[i].len)
            crypto_hash_sha256_update(&state, (const unsigned char *)words[i].data,
                                      (unsigned long long)words[i].len);
    }
    crypto_hash_sha256_final(&state, hash);
    hash[6] = (unsigned char)((hash[6] & 0x0F) | 0x80); /* version 8: made as we like */
    hash[8] = (unsigned char)((hash[8] & 0x3F) | 0x80);
    Str hex = str_hex(arena, hash, 16);
    return strf(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex.data, hex.data + 8, hex.data + 12,
                hex.data + 16, hex.data + 20);
}
