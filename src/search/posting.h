/* SPDX-License-Identifier: Apache-2.0
 * Sets of documents as they lie in a segment's block. One document is its reference; a bitmap
 * (more than universe / 32) is used where it lies; between them
 *   - few: differences as variable-length numbers, 7 bits a byte;
 *   - more: 16-bit halves by blocks of 65536 documents, behind the blocks' ends: twice as long as
 *     differences at worst, and widened by a vector loop, five times as fast.
 * Which one is told by universe and count alone. The bytes are trusted (see segment_open). */
#ifndef SOCLE_SEARCH_POSTING_H
#define SOCLE_SEARCH_POSTING_H

#include "search/docset.h"

typedef struct SetRef {
    uint32_t count, zero;
    uint64_t at; /* count 1: the document; else the offset in the section of sets */
} SetRef;

Docset set_load(Arena *a, const char *sets, uint32_t universe, SetRef ref);
/* How many of docs are in the set, which is not made; fast where docs is a bitmap. */
uint32_t set_and_count(const char *sets, SetRef ref, Docset docs);
/* Add to a bitmap of the same universe without making the set. */
void set_put(DocsetMaker *m, const char *sets, SetRef ref);

typedef struct BlockOut BlockOut;
int64_t out_at(const BlockOut *o); /* offset in the present section */
void out_bytes(BlockOut *o, const void *bytes, ptrdiff_t len);
void out_align(BlockOut *o, int to);

/* Where sets are written, one after the other. */
typedef struct SetStore {
    BlockOut *out;
    uint32_t universe;
    uint64_t *bits; /* scratch, all 0 between calls */
    char *bytes;    /* scratch for one encoded set */
    uint32_t *docs; /* scratch of a universe's length and one more, for callers */
} SetStore;
SetStore set_store_open(BlockOut *out, uint32_t universe);
void set_store_close(SetStore *s);
/* Sorted distinct documents. */
SetRef set_store(SetStore *s, const uint32_t *docs, uint32_t count);
/* A bitmap of the universe, which is emptied. */
SetRef set_store_bits(SetStore *s, uint64_t *bits);

#endif
