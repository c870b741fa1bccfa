/* SPDX-License-Identifier: Apache-2.0
 * Glyph: what one code point does to words, and its folded bytes. For text.c alone. */
#ifndef SOCLE_SEARCH_GLYPH_H
#define SOCLE_SEARCH_GLYPH_H

#include "core/str.h"

typedef enum GlyphKind {
    SOFT, /* separates; zero, so that an empty table separates */
    SPACE,
    LINE,     /* a line end */
    DOT,      /* . and , */
    HARD,     /* ends a sentence or a part of one */
    SIGN,     /* # @ and the like: soft, and camel case counts behind it */
    MARK,     /* belongs to what is before it, and is dropped */
    LETTER,   /* and digits */
    SYLLABLE, /* of a script written without spaces */
    EMOJI,
    FLAG /* a regional indicator: two make a flag */
} GlyphKind;

typedef enum LetterCase { NO_CASE, LOWER, UPPER, DIGIT } LetterCase;

enum { GLYPH_BYTES = 60, JOINER = 0x200d };

typedef struct Glyph {
    uint8_t kind, letter_case, length; /* of the folded bytes; 0 in separators and marks */
    char bytes[GLYPH_BYTES];
} Glyph;

/* The folded letter or digit for each ASCII letter and digit, 0 for all other bytes. */
extern uint8_t glyph_ascii[256];

/* Make the tables, once; before any other call. */
void glyphs_ready(void);

/* The glyph of the code point at *at, which moves behind it; returns the code point (U+FFFD, SOFT,
 * for each byte that is not UTF-8). */
int32_t glyph_next(Str text, ptrdiff_t *at, Glyph *g);

/* Folded bytes of a separator, for keywords: typographic forms become ASCII. */
void glyph_separator(int32_t c, Glyph *g);

static inline bool glyph_is_skin(int32_t c) { return c >= 0x1f3fb && c <= 0x1f3ff; }
static inline bool glyph_is_tag(int32_t c) { return c >= 0xe0020 && c <= 0xe007f; }

#endif
