/* SPDX-License-Identifier: Apache-2.0
 * A search that is slow and plain to see through: every live document is looked at, every way of it
 * written out, all compared. Says what src/search/rank.h promises, without sets, segments, budgets
 * or bounds. Shares with the engine: query_parse, words_add, text_fold, word_stem,
 * word_distance. */
#ifndef SOCLE_TEST_REFERENCE_H
#define SOCLE_TEST_REFERENCE_H

#include "search/query.h"

enum { REF_FIELDS = 8 };

typedef struct RefWord {
    Str text;
    int64_t position;
} RefWord;

typedef struct RefField {
    RefWord *words;
    ptrdiff_t word_count;
    Str *folded; /* keywords, ascending */
    ptrdiff_t value_count;
    int64_t number;
} RefField;

typedef struct RefDoc {
    int64_t key;
    RefField fields[REF_FIELDS];
} RefDoc;

typedef struct RefWorld {
    Arena *arena;
    const SearchDef *def;
    RefDoc *docs; /* live ones */
    ptrdiff_t count, cap;
} RefWorld;

typedef struct RefHit {
    const RefDoc *doc;
    int costs[12]; /* of the rules, most important first; SORT: 0 */
    int words, typos, proximity, attribute, position, exact_words, exact_field;
} RefHit;

/* Add the entry at `at` of a batch. */
void ref_add(RefWorld *w, const SearchDocs *docs, ptrdiff_t at);
/* All matching documents in order, in w's arena. */
MUST_USE Err *ref_search(Ctx *c, const RefWorld *w, const SearchRequest *q, RefHit **out,
                         ptrdiff_t *count);

#endif
