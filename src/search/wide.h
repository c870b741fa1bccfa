/* SPDX-License-Identifier: Apache-2.0
 * WIDE: loops that the compiler makes twice, with and without AVX2; which one runs is chosen when the
 * program starts. Private to the room. */
#ifndef SOCLE_SEARCH_WIDE_H
#define SOCLE_SEARCH_WIDE_H

#ifndef __has_feature
#define __has_feature(name) 0
#endif
/* Clones are chosen by a resolver that runs before a sanitizer is ready. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default"), optimize("O3")))
#else
#define WIDE
#endif

#endif
