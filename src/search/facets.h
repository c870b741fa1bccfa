/* SPDX-License-Identifier: Apache-2.0
 * Counting over what a search found: private to the room. */
#ifndef SOCLE_SEARCH_FACETS_H
#define SOCLE_SEARCH_FACETS_H

#include "search/engine.h"

/* Fill out->facets as the request asks. `docs`: for each segment of the view, all matching live
 * documents; `once`: of those that are not distinct from each other only one (NULL where no facet
 * asks for that). Counts are exact. INVALID for a field that is none or cannot be counted. */
MUST_USE Err *facets_answer(Ctx *c, const SearchDef *def, const View *view, const Docset *docs,
                            const Docset *once, const SearchRequest *request, SearchResult *out);

/* One segment's part in a count of keyword values. */
typedef struct Lot {
    const Segment *segment;
    Docset docs;            /* what is counted over */
    const uint32_t *counts; /* of each value, where counting each was cheapest; else NULL */
    uint32_t *heap;         /* then: the values met, the most frequent on top */
    const uint32_t *order;  /* else: those that may come, most promising first */
    uint32_t length, at;
} Lot;

/* Lots of which about `limit` values will be taken: over all values (only == NULL), or over the
 * ascending values only[i][0 .. only_counts[i]). */
Lot *lots_make(Arena *a, const View *view, const Docset *docs, int field, int64_t limit,
               const uint32_t *const *only, const uint32_t *only_counts);
/* The most frequent values, then by name; at most `limit` (the same). Uses the lots up. */
SearchValue *lots_top(Arena *a, Lot *lots, int count, int field, int64_t limit, ptrdiff_t *found);

/* The first microsecond of the unit that this moment is in (UTC; weeks from Monday). */
int64_t unit_start(SearchUnit unit, int64_t us);
/* A facet of a number or time. */
void facet_numbers(Ctx *c, const SearchDef *def, const View *view, const Docset *docs,
                   const SearchFacetAsk *ask, int64_t limit, SearchFacet *out);

#endif
