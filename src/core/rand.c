/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rand.h"

#include <sys/random.h>

void rand_bytes(void *out, ptrdiff_t len) {
    assert(len >= 0);
    char *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, (size_t)len, 0);
        if (got <= 0) abort();
        at += got;
        len -= got;
    }
}

Str rand_token(Arena *arena, Str prefix, ptrdiff_t bytes) {
    char secret[64];
    assert(bytes > 0 && bytes <= (ptrdiff_t)sizeof secret);
    rand_bytes(secret, bytes);
    return str_concat(arena, prefix, str_base64url(arena, str_of(secret, bytes)));
}

uint64_t rand_next(Rand *r) {
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int64_t rand_below(Rand *r, int64_t bound) {
    assert(bound > 0);
    __extension__ typedef unsigned __int128 Wide; /* Lemire's multiply-and-shift */
    return (int64_t)((Wide)rand_next(r) * (Wide)bound >> 64);
}

double rand_unit(Rand *r) { return (double)(rand_next(r) >> 11) * 0x1p-53; }

Rand *rand_thread(void) {
    static _Thread_local Rand mine;
    static _Thread_local bool seeded;
    if (!seeded) {
        rand_bytes(&mine.state, (ptrdiff_t)sizeof mine.state);
        seeded = true;
    }
    return &mine;
}
