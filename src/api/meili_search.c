/* SPDX-License-Identifier: Apache-2.0
 * One search, by body or by query string. */
#include "api/meili_room.h"
#include "core/json.h"
#include "core/time.h"

static const Field found_fields[] = {
    FIELD(MeiliFound, indexUid, .flags = F_OMIT_NULL | F_NULLABLE),
    FIELD(MeiliFound, hits,
          .doc = "Documents, with _formatted, _matchesPosition, _rankingScore as asked"),
    FIELD(MeiliFound, query, .flags = F_OMIT_NULL | F_NULLABLE),
    FIELD(MeiliFound, processingTimeMs),
    FIELD(MeiliFound, limit, .flags = F_OMIT_NULL),
    FIELD(MeiliFound, offset, .flags = F_OMIT_NULL),
    FIELD(MeiliFound, estimatedTotalHits, .flags = F_OMIT_NULL, .doc = "Exact all the same"),
    FIELD(MeiliFound, hitsPerPage, .flags = F_OMIT_NULL),
    FIELD(MeiliFound, page, .flags = F_OMIT_NULL),
    FIELD(MeiliFound, totalPages, .flags = F_OMIT_NULL),
    FIELD(MeiliFound, totalHits, .flags = F_OMIT_NULL),
    FIELD(MeiliFound, facetDistribution, .flags = F_OMIT_NULL),
    FIELD(MeiliFound, facetStats, .flags = F_OMIT_NULL),
    FIELD(MeiliFound, facetsByIndex, .flags = F_OMIT_NULL),
    FIELD(MeiliFound, requestUid),
    FIELD(MeiliFound, metadata, .flags = F_OMIT_NULL,
          .doc = "To whoever says Meili-Include-Metadata: true"),
};
const Record meili_found_record = RECORD(MeiliFound, found_fields);

/* -- Pages --------------------------------------------------------------------------------------- */

static bool by_pages(const MeiliAsk *ask) { return ask->page.set || ask->hitsPerPage.set; }

void meili_page_read(const MeiliAsk *ask, SearchRequest *request) {
    if (!by_pages(ask)) {
        request->offset = ask->offset.set ? ask->offset.value : 0;
        request->limit = ask->limit.set ? min_i64(ask->limit.value, MEILI_HITS_MAX) : MEILI_LIMIT;
        return;
    }
    int64_t page = ask->page.set ? ask->page.value : 1;
    int64_t hits = ask->hitsPerPage.set ? ask->hitsPerPage.value : MEILI_LIMIT;
    request->offset = page > 0 ? (page - 1) * hits : 0;
    request->limit = page > 0 ? hits : 0;
}

static OptInt some(int64_t value) { return (OptInt){value, true}; }

void meili_page_write(const MeiliAsk *ask, int64_t total, MeiliFound *found) {
    if (!by_pages(ask)) {
        found->limit = some(ask->limit.set ? ask->limit.value : MEILI_LIMIT);
        found->offset = some(ask->offset.set ? ask->offset.value : 0);
        found->estimatedTotalHits = some(total);
        return;
    }
    int64_t hits = ask->hitsPerPage.set ? ask->hitsPerPage.value : MEILI_LIMIT;
    found->hitsPerPage = some(hits);
    found->page = some(ask->page.set ? ask->page.value : 1);
    found->totalPages = some(hits > 0 ? (total + hits - 1) / hits : 0);
    found->totalHits = some(total);
}

/* -- Metadata ------------------------------------------------------------------------------------ */

bool meili_metadata_wanted(const Req *q) {
    Str wanted = req_header(q, S("Meili-Include-Metadata"));
    return str_eq_nocase(wanted, S("true")) || str_eq(wanted, S("1"));
}

JsonText meili_metadata(Ctx *c, const Collection *collection) {
    return (JsonText){
        strf(c->arena, "{\"queryUid\":\"%.*s\",\"indexUid\":\"%s\",\"primaryKey\":\"%s\"}",
             S_ARG(uuid_v7(c->arena)), collection->def->name, collection->primary_key)};
}

/* -- The route ----------------------------------------------------------------------------------- */

Err *meili_find(Ctx *c, const Call *k, Arena *room, const Collection *collection,
                SearchIndex *index, const MeiliAsk *ask, MeiliFound *found) {
    int64_t began_us = mono_us();
    MeiliSearch s = {.collection = collection, .index = index, .ask = ask};
    TRY(meili_request(c, collection, ask, &s.request));
    if (ask->facets.items) TRY(meili_facets(c, collection->def, ask->facets, &s.request));
    meili_page_read(ask, &s.request);
    TRY(search_sync(c, index));
    TRY(search_run(c, index, &s.request, &s.result));
    *found = (MeiliFound){.query = ask->q.data ? ask->q : S("")};
    TRY(meili_hits(c, room, &s, &found->hits.text));
    if (ask->facets.items) {
        found->facetDistribution = meili_distribution(c, &s);
        found->facetStats = meili_facet_stats(c, &s);
    }
    meili_page_write(ask, s.result.total, found);
    if (meili_metadata_wanted(k->q)) found->metadata = meili_metadata(c, collection);
    found->requestUid = uuid_v7(c->arena);
    found->processingTimeMs = (mono_us() - began_us) / US_PER_MS;
    return NULL;
}

Err *meili_search(Ctx *c, Call *k) {
    const Collection *collection;
    SearchIndex *index;
    MeiliAsk *ask = k->in;
    TRY(meili_collection(c, k->params[0], &collection, &index));
    if (!ask) {
        ask = k->query;
        TRY(meili_query_known(c, k->q, &meili_get_record));
        ask->filter.text = meili_filter_text(c, ask->filter.text);
    }
    MeiliFound found;
    TRY(meili_find(c, k, meili_room(c), collection, index, ask, &found));
    ptrdiff_t size = found.hits.text.len + found.facetDistribution.text.len;
    meili_answer(c, k, &meili_found_record, &found, size);
    return NULL;
}
