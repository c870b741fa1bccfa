/* SPDX-License-Identifier: Apache-2.0
 * Meilisearch behind search.h, where MEILI_HOST is set. Private to the room.
 *
 * A document of ours is one of Meilisearch's with these attributes: `key`, every field under its own
 * name, `NAME__is` with a keyword's folded values (what filters compare), `NAME__hour` … `NAME__year`
 * with the first moment of a time's units (what histograms count). How far changes are known is a
 * document of the index `socle_state`, written when Meilisearch has finished what it tells of.
 *
 * What it cannot do is refused with NOT_CONFIGURED: AND, OR, NOT, NEAR and wildcards in a query, sums
 * over a facet. Totals are its estimates. */
#ifndef SOCLE_SEARCH_MEILISEARCH_H
#define SOCLE_SEARCH_MEILISEARCH_H

#include "core/json.h"
#include "search/query.h"
#include "search/service.h"

typedef struct Meili {
    char *host, *key;
    _Atomic int64_t documents;
} Meili;

/* One call; UNAVAILABLE when it cannot be reached or fails, NOT_CONFIGURED when it refuses the key. Any
 * other status is an answer; *out (NULL: not wanted) is its JSON, NULL where it has none. */
MUST_USE Err *meili_call(Ctx *c, const Meili *m, const char *method, Str path, Str body,
                         int *status, json_t **out);
/* An error that tells what Meilisearch said. */
Err *meili_refused(Ctx *c, const char *what, int status, const json_t *answer);
/* What histograms of a unit count; NULL for SEARCH_NO_UNIT. */
const char *meili_unit(SearchUnit unit);

/* meilisearch_ask.c */
MUST_USE Err *meili_run(Ctx *c, SearchIndex *x, const SearchRequest *request, SearchResult *out);
MUST_USE Err *meili_values(Ctx *c, SearchIndex *x, int field, Str text, const SearchRequest *within,
                           int64_t limit, SearchValue **out, ptrdiff_t *count);

#endif
