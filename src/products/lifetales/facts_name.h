/* SPDX-License-Identifier: Apache-2.0
 * Room-internal of facts: the words of texts, and the names among them. */
#ifndef SOCLE_LIFETALES_FACTS_NAME_H
#define SOCLE_LIFETALES_FACTS_NAME_H

#include "products/lifetales/facts_room.h"

typedef struct Vocabulary {
    Map words, small,
        capital; /* all; those that are written small somewhere, with a capital somewhere */
    Map pairs;   /* "jean pierre": capitals beside each other */
    Map stems;   /* of `small`, when first asked for */
    bool stemmed;
} Vocabulary;
Vocabulary vocabulary_new(Arena *arena);
void vocabulary_add(Vocabulary *v, const FactTokens *t);

typedef void (*NameFound)(void *arg, ptrdiff_t from, ptrdiff_t to);
/* Tell the names of t that no note has, in order. own: the vocabulary of t. */
void names_invented(Arena *arena, const FactTokens *t, Vocabulary *notes, const Vocabulary *own,
                    NameFound found, void *arg);

#endif
