/* SPDX-License-Identifier: Apache-2.0
 * Support: how far a passage bears on a question, as a figure from 0 to 1 that means the same for
 * every question, so that a threshold can be set. It is made of words: of those in the question
 * that carry meaning, how many the passage has, the rare ones counting more; as written, by their
 * stem, with a typing error, or as members of one family (marier, mariage).
 *
 * What it is not: understanding. A passage that answers in other words has little support, and where
 * vectors of a real model are at hand retrieve.c joins their cosine to it. Pure. */
#ifndef SOCLE_SYLION_SUPPORT_H
#define SOCLE_SYLION_SUPPORT_H

#include "core/str.h"

enum { QUESTION_TERMS = 24 };

typedef struct Question {
    Str terms[QUESTION_TERMS];      /* folded, each once */
    double weights[QUESTION_TERMS]; /* see question_weigh; 1 until then */
    ptrdiff_t count;
} Question;

/* French and English words that questions are made of and answers are not found by; NULL-ended, for
 * SearchTuning. */
extern const char *const question_stop_words[];

/* The words of it that carry meaning; all of them where none does. */
Question question_read(Arena *arena, Str text);
/* Weights by how many of `total` passages have each term. */
void question_weigh(Question *q, const int64_t *found, int64_t total);

/* The share 0..1 of the question's weight that the passage has. *sentence: of the text, the one that
 * has most of it (the first where none has any). */
double question_coverage(const Question *q, Arena *scratch, Str heading, Str name, Str text,
                         Str *sentence);
/* The figure. similarity: cosine of a real model's vectors, or NaN. */
double support_of(double coverage, double similarity);

#endif
