/* SPDX-License-Identifier: Apache-2.0
 * Where a text matches a query: for highlight*.c alone. */
#ifndef SOCLE_SEARCH_HIGHLIGHT_ROOM_H
#define SOCLE_SEARCH_HIGHLIGHT_ROOM_H

#include "search/query.h"

/* A word as a reader counts them: camel words once, without their parts. */
typedef struct Unit {
    uint32_t from, to; /* bytes */
    uint32_t position;
} Unit;

/* A match: of one word (or of its beginning), or of several in a row. */
typedef struct Hit {
    uint32_t first, last; /* units */
    uint32_t from, to;    /* bytes that are marked */
    uint64_t terms;       /* of the query, a bit each */
} Hit;

typedef struct Hits {
    Unit *units;
    ptrdiff_t unit_count;
    Hit *items; /* ascending by from */
    ptrdiff_t count, cap;
} Hits;

/* All matches of the query's positive terms. In arena. */
Hits hits_find(Arena *arena, const SearchQuery *query, Str text);

#endif
