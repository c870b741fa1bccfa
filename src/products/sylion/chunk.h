/* SPDX-License-Identifier: Apache-2.0
 * Chunks: an extracted text cut into passages of about `tokens` tokens for the index, at headings,
 * then at sentences (French, English, Arabic punctuation), then at words, never inside one. A chunk
 * is a slice of the text; neighbours under one heading share about `overlap` tokens, whole sentences
 * where they fit. Every byte of every block is in some chunk. Pure. */
#ifndef SOCLE_SYLION_CHUNK_H
#define SOCLE_SYLION_CHUNK_H

#include "products/sylion/extract.h"

enum { CHUNK_TOKENS = 500, CHUNK_OVERLAP = 50, CHUNKS_MAX = 20000 };

typedef struct Chunk {
    Str heading;        /* null: none */
    int64_t page;       /* on which it begins; 0: no pages */
    ptrdiff_t from, to; /* of the text */
    int64_t tokens;
    Str language; /* fr, en, ar; null: cannot be told */
} Chunk;

typedef struct Chunks {
    Chunk *items;
    ptrdiff_t count;
    Str language;   /* of the whole */
    int64_t tokens; /* of all; what overlaps is counted twice */
    bool too_many;  /* there would be more than CHUNKS_MAX: not to be used */
} Chunks;

/* text and blocks as Extraction has them. 0 <= overlap < tokens / 2. */
Chunks chunks_of(Arena *arena, Str text, const Block *blocks, ptrdiff_t count, int64_t tokens,
                 int64_t overlap);

/* End of the sentence that begins at `from`, behind the white space that follows it. */
ptrdiff_t sentence_end(Str text, ptrdiff_t from);

#endif
