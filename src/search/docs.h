/* SPDX-License-Identifier: Apache-2.0
 * SearchDocs: a batch of described documents on its way into a segment (or past saved queries). */
#ifndef SOCLE_SEARCH_DOCS_H
#define SOCLE_SEARCH_DOCS_H

#include "search/search.h"

/* Numbers are kept as int64 whose order is that of the values; INT64_MIN: no value. */
#define NO_NUMBER INT64_MIN
int64_t number_of_real(double value); /* -0.0 as 0.0 */
double real_of_number(int64_t number);

typedef struct DocValue {
    int field;
    Str text;       /* TEXT, KEYWORD; in the batch's arena */
    int64_t number; /* others */
    const float *vector;
} DocValue;

typedef struct DocEntry {
    int64_t key;
    bool gone;
    ptrdiff_t first, count; /* values */
} DocEntry;

struct SearchDocs {
    Arena *arena;
    const SearchDef *def;
    DocEntry *entries;
    ptrdiff_t count, cap;
    DocValue *values;
    ptrdiff_t value_count, value_cap;
};

/* The last word on each key, in order. */
const DocEntry **docs_last(Arena *a, const SearchDocs *d, ptrdiff_t *count);

#endif
