/* SPDX-License-Identifier: Apache-2.0 */
#include "core/id.h"

#include "core/rand.h"
#include "core/time.h"

static Str uuid_text(Arena *arena, unsigned char bytes[16], int version) {
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | version << 4);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    char *at = arena_bytes(arena, 37);
    int n = 0;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) at[n++] = '-';
        at[n++] = "0123456789abcdef"[bytes[i] >> 4];
        at[n++] = "0123456789abcdef"[bytes[i] & 15];
    }
    at[n] = 0;
    return (Str){at, n};
}

Str uuid_v4(Arena *arena) {
    unsigned char bytes[16];
    rand_bytes(bytes, 16);
    return uuid_text(arena, bytes, 4);
}

Str uuid_v7(Arena *arena) {
    unsigned char bytes[16];
    rand_bytes(bytes, 16);
    uint64_t ms = (uint64_t)(time_now().us / US_PER_MS);
    for (int i = 0; i < 6; i++) bytes[i] = (unsigned char)(ms >> (40 - 8 * i));
    return uuid_text(arena, bytes, 7);
}

bool uuid_valid(Str s) {
    if (s.len != 36) return false;
    for (ptrdiff_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = s.data[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex) return false;
    }
    return true;
}
