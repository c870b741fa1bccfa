/* SPDX-License-Identifier: Apache-2.0
 * Docset: a set of document numbers of one segment, 0 <= doc < universe: a sorted array while
 * small, a bitmap of 64-bit words when more than universe / 32 are in. Immutable once made; what
 * operations make lies in the arena they are given, and may share memory with their operands.
 * Chosen over CRoaring: see docs/decisions/0010. No waiting, thread-safe. */
#ifndef SOCLE_SEARCH_DOCSET_H
#define SOCLE_SEARCH_DOCSET_H

#include "core/arena.h"

typedef struct Docset {
    uint32_t universe;
    uint32_t count;
    const uint32_t *array; /* sorted, distinct; NULL when bits are used, or for the empty set */
    const uint64_t *bits;  /* (universe + 63) / 64 words, those past the end 0 */
} Docset;

Docset docset_none(uint32_t universe);
Docset docset_all(Arena *a, uint32_t universe);
Docset docset_range(Arena *a, uint32_t universe, uint32_t from,
                    uint32_t to); /* to excluded, clamped */
/* Borrow a sorted distinct array, a bitmap. */
Docset docset_array(uint32_t universe, const uint32_t *docs, uint32_t count);
Docset docset_bits(uint32_t universe, const uint64_t *bits, uint32_t count);

Docset docset_and(Arena *a, Docset x, Docset y);
Docset docset_or(Arena *a, Docset x, Docset y);
Docset docset_minus(Arena *a, Docset x, Docset y);
Docset docset_not(Arena *a, Docset x);
Docset docset_or_many(Arena *a, uint32_t universe, const Docset *sets, ptrdiff_t count);
/* The same set; what of it lies in `from` is copied into a. */
Docset docset_taken(Arena *a, const Arena *from, Docset x);
/* A copy in `room`, which holds a bitmap of the universe. */
Docset docset_copied(uint64_t *room, Docset x);
/* Sizes without making the set. */
uint32_t docset_and_count(Docset x, Docset y);
uint32_t docset_range_count(Docset x, uint32_t from, uint32_t to);
bool docset_has(Docset x, uint32_t doc);

/* Walk: for (DocsetWalk w = docset_walk(x, from); docset_next(&w);) use(w.doc), ascending from `from` on. */
typedef struct DocsetWalk {
    Docset set;
    uint32_t doc;
    uint64_t left; /* bits of the present word not yet told */
    uint32_t at;
} DocsetWalk;
DocsetWalk docset_walk(Docset x, uint32_t from);
bool docset_next(DocsetWalk *w);
/* The next ones, up to `most`: fewer come only at the end. */
uint32_t docset_next_many(DocsetWalk *w, uint32_t *docs, uint32_t most);

/* A bitmap being filled, in any order. */
typedef struct DocsetMaker {
    uint32_t universe;
    uint64_t *bits;
} DocsetMaker;
DocsetMaker docset_maker(Arena *a, uint32_t universe);
static inline void docset_put(DocsetMaker *m, uint32_t doc) {
    if (doc < m->universe) m->bits[doc >> 6] |= (uint64_t)1 << (doc & 63);
}
void docset_put_all(DocsetMaker *m, Docset x);
Docset docset_made(Arena *a, DocsetMaker *m); /* counts, and becomes an array when small */

#endif
