/* SPDX-License-Identifier: Apache-2.0
 * Room-internal: what the parts of the local provider share. It knows words, not meanings. */
#ifndef SOCLE_AI_LOCAL_H
#define SOCLE_AI_LOCAL_H

#include "ai/provider.h"
#include "search/language.h"
#include "search/text.h"

typedef enum Language { LANGUAGE_FR, LANGUAGE_EN, LANGUAGE_AR, LANGUAGES } Language;
/* What local answers in: French where it cannot be told. */
Language text_spoken(Arena *arena, Str text);

/* A word that says something: its stems. */
typedef struct Term {
    Str word, stem, other; /* other: of the second language; null: none */
} Term;
typedef struct Terms {
    Term *items;
    ptrdiff_t count;
} Terms;
/* Of a text, without stop words; equal ones as often as they come. */
Terms terms_of(Arena *arena, Str text);
/* 0..1: not at all, the same beginning, the same stem. */
double term_match(const Term *a, const Term *b);

typedef struct Sentence {
    Str text;    /* as it stands in its source; line ends in it are spaces */
    Str heading; /* under which it stands; null: none */
    int source;  /* from 0 */
    Terms terms;
    double score, cover;
    bool chosen, other_language;
} Sentence;
typedef struct Sentences {
    Arena *arena;
    Sentence *items;
    ptrdiff_t count, cap;
} Sentences;
/* Append the sentences of a text; headings become those of what follows. At most SENTENCES_MAX. */
enum { SENTENCES_MAX = 4000 };
void sentences_add(Sentences *s, Str text, int source);

/* Score all for a question and say how much of it the best of them covers. */
double sentences_ask(Arena *arena, Sentences *s, const Terms *question);
/* Score all by how central they are. */
void sentences_centre(Arena *arena, Sentences *s);

/* JSON of a schema, filled with what is in the sentences alone; NULL where they do not fill it. */
json_t *local_fill(Ctx *c, const json_t *schema, Sentences *s);

/* One vector of `dimensions` floats: the same on every machine, because all sums are of integers. */
void local_vector(Arena *arena, Str text, int dimensions, float *out);

Err *local_speak(Ctx *c, const SpeakRequest *request, Speech *out);

#endif
