/* SPDX-License-Identifier: Apache-2.0
 * Room-internal of facts: words that are numbers. */
#ifndef SOCLE_LIFETALES_FACTS_NUMBER_H
#define SOCLE_LIFETALES_FACTS_NUMBER_H

#include "products/lifetales/facts_room.h"

typedef enum WordUse {
    USE_PLAIN,   /* builds numbers: two, vingt */
    USE_TIMES,   /* multiplies what is before it: hundred, mille */
    USE_ORDINAL, /* ends one: third, vingtième */
    USE_ALONE,   /* is one by itself: dozen, twice */
    USE_HINT     /* in the notes as good as the number; says none itself: both, couple */
} WordUse;

typedef struct NumberWord {
    const char *word;
    double value;
    WordUse use;
    Tongues tongue; /* TONGUE_ANY: is a number in whatever language */
} NumberWord;

/* NULL for what is none in that language. */
const NumberWord *number_word(Str word, Tongues tongue);

#endif
