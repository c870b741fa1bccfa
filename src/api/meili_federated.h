/* SPDX-License-Identifier: Apache-2.0
 * One list of the hits of several queries: what its two files and meili_multi.c share. */
#ifndef SOCLE_API_MEILI_FEDERATED_H
#define SOCLE_API_MEILI_FEDERATED_H

#include "api/meili_room.h"
#include "core/json.h"

typedef struct MeiliMulti {
    RecordList queries;
    JsonText federation;
} MeiliMulti;

typedef struct MeiliFederation {
    MeiliAsk page; /* only its pages */
    JsonText facetsByIndex, mergeFacets;
    Str distinct;
    bool showPerformanceDetails;
    JsonText personalize;
} MeiliFederation;

/* A hit's place in the list. */
typedef struct MeiliListed {
    ptrdiff_t query;
    const SearchHit *hit;
    double score;
} MeiliListed;

typedef struct MeiliMerge {
    MeiliSearch *searches;
    ptrdiff_t *heads; /* next hit of each search */
    ptrdiff_t count;
    MeiliListed *listed; /* the page */
    ptrdiff_t listed_count;
    int64_t total;
} MeiliMerge;

Err *meili_federated(Ctx *c, Call *k, const MeiliMulti *multi);

/* meili_federated_facets.c: what is counted. Every index that is named has patterns, exists, and
 * has one query. */
MUST_USE Err *meili_facets_check(Ctx *c, const json_t *by_index, const MeiliMulti *multi);
StrList meili_facet_patterns(Ctx *c, const json_t *by_index, Str uid); /* null: none */
MUST_USE Err *meili_federated_facets(Ctx *c, const MeiliMerge *m, const MeiliFederation *f,
                                     MeiliFound *out);

#endif
