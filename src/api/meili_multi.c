/* SPDX-License-Identifier: Apache-2.0
 * Several searches in one request: an answer each, or (`federation`) one list of all their hits. */
#include "api/meili_federated.h"

enum { QUERIES_MAX = 256 };

static const Field multi_fields[] = {
    FIELD_LIST(MeiliMulti, queries, &meili_query_record, .flags = F_REQUIRED, .max = QUERIES_MAX),
    FIELD(MeiliMulti, federation, .flags = F_NULLABLE,
          .doc =
              "{offset, limit, page, hitsPerPage, facetsByIndex, mergeFacets}: one list of hits"),
};
const Record meili_multi_record = RECORD_AS("MeiliMultiSearch", MeiliMulti, multi_fields);

typedef struct Results {
    RecordList results;
} Results;
static const Field results_fields[] = {FIELD_LIST(Results, results, &meili_found_record)};
const Record meili_results_record = RECORD_AS("MeiliResults", Results, results_fields);

/* -- An answer each ------------------------------------------------------------------------------ */

static Err *query_answer(Ctx *c, const Call *k, Arena *room, const MeiliAsk *ask,
                         MeiliFound *found) {
    const Collection *collection;
    SearchIndex *index;
    const MeiliWeight *w = &ask->federationOptions;
    if (w->weight.set || w->remote.data || w->queryPosition.set)
        MEILI_FAIL(c, "invalid_multi_search_federation_options",
                   "Using `federationOptions` is not allowed in a non-federated search.\n - Hint: "
                   "remove `federationOptions` from the query or add `federation` to the request.");
    TRY(meili_collection(c, ask->indexUid, &collection, &index));
    TRY(meili_find(c, k, room, collection, index, ask, found));
    found->indexUid = ask->indexUid;
    return NULL;
}

static Err *answers(Ctx *c, Call *k, const MeiliMulti *multi) {
    const MeiliAsk *asks = multi->queries.items;
    ptrdiff_t count = multi->queries.count;
    ptrdiff_t size = 0;
    Arena *room = meili_room(c);
    MeiliFound *found = arena_array(c->arena, MeiliFound, count);
    for (ptrdiff_t i = 0; i < count; i++) {
        Err *err = query_answer(c, k, room, &asks[i], &found[i]);
        if (err) return meili_err_inside(c, err, i);
        size += 512 + found[i].hits.text.len + found[i].facetDistribution.text.len;
    }
    meili_answer(c, k, &meili_results_record, &(Results){{found, count}}, size);
    return NULL;
}

/* -- The route ------------------------------------------------------------------------------------ */

Err *meili_multi(Ctx *c, Call *k) {
    const MeiliMulti *multi = k->in;
    bool one_list =
        !str_is_null(multi->federation.text) && !str_eq(multi->federation.text, S("null"));
    return one_list ? meili_federated(c, k, multi) : answers(c, k, multi);
}
