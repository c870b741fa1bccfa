/* SPDX-License-Identifier: Apache-2.0
 * Text to words, the same for documents, queries and highlighting.
 *
 * A word is a run of letters, digits and marks of Unicode, folded: compatibility decomposition
 * (NFKD), case folding, marks removed (not the vowel signs of Indic scripts, Thai and so on), œ æ ß
 * ø đ ł written out, katakana as hiragana. Apostrophes, hyphens, underscores and all other
 * characters separate. `#CamelCase` and `camelCase2` after # or @ give the whole (camelcase) and its
 * parts (camel, case). An emoji sequence is a word, without its skin. Runs of Han, kana, Thai, Lao,
 * Khmer give overlapping bigrams (one character alone: itself). Words longer than WORD_MAX bytes are
 * cut there (never inside a code point); combining marks by the thousand cost nothing more.
 *
 * Positions: each word is one further; ! ? ; : … and an empty line between two words make it
 * SEPARATED (8) further, and . and , too where no letter or digit follows at once (3.14,
 * example.com): as Meilisearch does. A single line end does not. The whole of a camel word stands
 * where its first part stands. */
#ifndef SOCLE_SEARCH_TEXT_H
#define SOCLE_SEARCH_TEXT_H

#include "core/arena.h"
#include "core/str.h"

enum { WORD_MAX = 250, SEPARATED = 8 };

typedef struct Word {
    Str text;          /* folded; never empty */
    uint32_t position; /* from 0 */
    uint32_t from, to; /* bytes of the original */
    bool whole; /* a camel word written in one; its parts follow, the first at the same position */
} Word;

/* Words of one text; items grow in the arena. Reset by setting count = 0 (keeps memory). */
typedef struct Words {
    Arena *arena;
    Word *items;
    ptrdiff_t count, cap;
    uint32_t next_position; /* where the next text's first word goes; 0 to begin with */
    char *bytes;            /* folded bytes of the present block */
    ptrdiff_t used, room;
} Words;

/* Append the words of text (any bytes; invalid UTF-8 separates), numbered from next_position on;
 * next_position is then SEPARATED behind the last one. Thread-safe, no waiting. */
void words_add(Words *w, Str text);

/* A keyword or a value folded for comparison: as words are, but punctuation is kept (C++ is not C;
 * typographic quotes and dashes become ASCII), and white space is one space, none at the ends. In
 * arena. Folding twice changes nothing. */
Str text_fold(Arena *arena, Str text);

/* Number of code points of a folded word. */
int word_letters(Str word);

/* Light stem of a folded word, French and English (plurals, -aux, -oux, feminines, -ing, -ed…):
 * words with the same stem find each other. Writes at most WORD_MAX bytes to out, returns the
 * length; two stems (one a language) may come: *second gets the length of the other behind the
 * first, 0 when they are equal. A stem begins with the word's first letter. */
int word_stem(Str word, char out[2 * WORD_MAX], int *second);

/* Optimal string alignment distance (Damerau–Levenshtein with each place edited once) of two folded
 * words in code points, plus one when the first letters differ; more than `limit` comes back as
 * limit + 1. prefix: the least distance of `query` to any prefix of `word` (first letters as
 * above). */
int word_distance(Str query, Str word, int limit, bool prefix);

#endif
