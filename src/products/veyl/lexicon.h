/* SPDX-License-Identifier: Apache-2.0
 * The words that sentiment.c weighs, of our own making: French, English, emoji. Words are folded
 * as word_fold does (lower case, no accents, œ as oe). Weights run from -4 (horrible) to 4
 * (sublime). */
#ifndef SOCLE_VEYL_LEXICON_H
#define SOCLE_VEYL_LEXICON_H

#include "core/str.h"

typedef enum WordRole {
    WORD_FEELING,  /* weight in tenths */
    WORD_NEGATION, /* turns round what stands near */
    WORD_BOOSTER,  /* weight: percent by which a feeling near it counts (130 very, 70 a little) */
    WORD_CONTRAST  /* what follows counts more than what came before */
} WordRole;

typedef struct LexiconWord {
    WordRole role;
    int weight;
} LexiconWord;

typedef enum Tongue { TONGUE_FRENCH, TONGUE_ENGLISH, TONGUE_COUNT } Tongue;

/* NULL when it says nothing in that language. Plural and feminine endings are looked through. */
const LexiconWord *lexicon_word_find(Tongue tongue, Str folded);
/* Weight in tenths of an emoji or symbol, 0 for any other code point. */
int lexicon_emoji(int32_t code_point);
/* Words in the table of that language. */
ptrdiff_t lexicon_size(Tongue tongue);

#endif
