/* SPDX-License-Identifier: Apache-2.0
 * Randomness: the kernel's for secrets; a small seeded generator for jitter, sampling and tests. */
#ifndef SOCLE_CORE_RAND_H
#define SOCLE_CORE_RAND_H

#include "core/str.h"

/* Cryptographically secure bytes. Never fails (aborts if the system has none). */
void rand_bytes(void *out, ptrdiff_t len);
/* A secret token of `bytes` random bytes as base64url, after `prefix` (`sk_…`). */
Str rand_token(Arena *arena, Str prefix, ptrdiff_t bytes);

/* splitmix64 (Steele, Lea, Flood 2014): deterministic by seed, not for secrets. */
typedef struct Rand {
    uint64_t state;
} Rand;
uint64_t rand_next(Rand *r);
/* Uniform in [0, bound). */
int64_t rand_below(Rand *r, int64_t bound);
double rand_unit(Rand *r); /* [0, 1) */
/* This thread's generator, seeded from the kernel: for jitter. */
Rand *rand_thread(void);

#endif
