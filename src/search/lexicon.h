/* SPDX-License-Identifier: Apache-2.0
 * Lexicon: the sorted words (byte order) of one segment as a compact trie over one block of bytes,
 * which may be mapped from a file. A word's id is its place in the order, so a prefix is a range of
 * ids.
 *
 * Reading is safe on any bytes that lexicon_open accepted (all offsets are checked against the
 * block); the block's checksum is the segment's affair. Immutable, thread-safe, never waits. */
#ifndef SOCLE_SEARCH_LEXICON_H
#define SOCLE_SEARCH_LEXICON_H

#include "core/buf.h"
#include "search/text.h"

typedef struct Lexicon {
    Str block;
    uint32_t words;
    /* further parts of the block, set by lexicon_open */
    const void *parts[8];
    uint32_t counts[8];
} Lexicon;

typedef struct WordRange {
    uint32_t from, to; /* ids, to excluded */
} WordRange;

typedef struct FuzzyRange {
    uint32_t from, to;
    uint8_t typos;
} FuzzyRange;

/* Append the block for `words` (sorted, distinct, 1..WORD_MAX bytes each) to out, its length a
 * multiple of 8; `stems`: also index their stems. */
void lexicon_write(Buf *out, const Str *words, uint32_t count, bool stems);
/* false: not a lexicon. block is borrowed, 8-byte aligned. */
MUST_USE bool lexicon_open(Lexicon *l, Str block);

/* Id of a word, or UINT32_MAX. */
uint32_t lexicon_find(const Lexicon *l, Str word);
WordRange lexicon_prefix(const Lexicon *l, Str prefix);
/* The word's bytes; buf holds them when they are not in one piece. */
Str lexicon_word(const Lexicon *l, uint32_t id, char buf[WORD_MAX]);
/* Ids of words that share a stem with `word` (itself not among them), sorted; in arena. */
uint32_t *lexicon_stem(const Lexicon *l, Arena *arena, Str word, ptrdiff_t *count);

/* All words within 1..max_typos (at most 2) of `word` (word_distance; the word itself is not told,
 * with prefix: nor those that begin with it), by walking the trie with an automaton: sorted disjoint
 * ranges, each with its least number of typos. Words of more than 62 letters have none. `budget`:
 * nodes visited at most; where it ends, fewer typos are still looked for in the rest (with a budget
 * of its own), so that what is cut off is the least alike; *complete says whether it sufficed. In
 * arena. */
FuzzyRange *lexicon_fuzzy(const Lexicon *l, Arena *arena, Str word, int max_typos, bool prefix,
                          int64_t budget, ptrdiff_t *count, bool *complete);
/* `glob` has * (any run) and ? (one letter) in it: matching ids as sorted disjoint ranges. *budget:
 * nodes that may be visited; afterwards, that still may be. */
WordRange *lexicon_glob(const Lexicon *l, Arena *arena, Str glob, int64_t *budget,
                        ptrdiff_t *count, bool *complete);

#endif
