/* SPDX-License-Identifier: Apache-2.0
 * Meilisearch behind search.h, where MEILI_HOST is set. Private to the room.
 *
 * A document of ours is one of Meilisearch's with these attributes: `key`, every field under its own
 * name, `NAME__is` with a keyword's folded values (what filters compare), `NAME__hour` … `NAME__year`
 * with the first moment of a time's units (what histograms count). How far changes are known is a
 * document of the index `socle_state`, written after what it tells of; every batch begins with
 * reading it, so that an index that was lost or brought back from a backup is noticed.
 *
 * One process writes (lease.h). What Meilisearch cannot do is refused with NOT_CONFIGURED:
 * AND, OR, NOT, NEAR, field:value and wildcards in a query, sums over a facet. Totals are its
 * estimates. */
#ifndef SOCLE_SEARCH_MEILISEARCH_H
#define SOCLE_SEARCH_MEILISEARCH_H

#include "core/json.h"
#include "search/lease.h"
#include "search/query.h"
#include "search/service.h"

enum { MEILI_CALL_MS = LEASE_CALL_MS, MEILI_VALUES = 1000 /* of a facet, at most */ };

typedef struct Meili {
    char *host, *key;
    atomic_bool *stopping; /* the index's */
    _Atomic int64_t documents;
    int64_t state_task; /* enqueued last; -1: seen to have ended */
    SearchLease lease;
} Meili;

/* One question; UNAVAILABLE when Meilisearch cannot be reached, fails or refuses the key. Any other
 * status is an answer; *out is its JSON, NULL where it has none. */
MUST_USE Err *meili_call(Ctx *c, const Meili *m, const char *method, Str path, Str body,
                         int *status, json_t **out);
/* An error that tells what Meilisearch said. */
Err *meili_refused(Ctx *c, const char *what, int status, const json_t *answer);
/* A write, sent once: *task is what it became there. */
MUST_USE Err *meili_write(Ctx *c, Meili *m, const char *method, Str path, Str body, int64_t *task);
/* Until it has ended. One that failed with the error code `allowed` (may be NULL) is good. */
MUST_USE Err *meili_task_wait(Ctx *c, Meili *m, int64_t task, const char *allowed);
MUST_USE Err *meili_write_wait(Ctx *c, Meili *m, const char *method, Str path, Str body,
                               const char *allowed);

/* meilisearch_write.c */
MUST_USE Err *meili_documents_put(Ctx *c, Meili *m, const char *uid, const SearchDocs *d);
Str meili_index_settings(Ctx *c, const SearchDef *def);
/* What histograms of a unit count; NULL for SEARCH_NO_UNIT. */
const char *meili_unit(SearchUnit unit);
/* What stands in NAME__is for a folded value: long ones are cut, and told apart by a hash. */
Str meili_value(Arena *a, Str folded);

/* meilisearch_ask.c */
MUST_USE Err *meili_run(Ctx *c, SearchIndex *x, const SearchRequest *request, SearchResult *out);
MUST_USE Err *meili_values(Ctx *c, SearchIndex *x, int field, Str text, const SearchRequest *within,
                           int64_t limit, SearchValue **out, ptrdiff_t *count);

#endif
