/* SPDX-License-Identifier: Apache-2.0
 * The hits of several queries as one list, the best first by score times the query's weight. Each
 * query keeps its own order in it, and equal scores stand in the order of the queries; a document
 * that two queries on one index find is told once. What such a list cannot be (sorted over several
 * queries, counted by value where two queries overlap) is refused rather than nearly right. */
#include "api/meili_federated.h"
#include "core/map.h"
#include "core/time.h"

enum { LISTED_MAX = 10000 };

#define PAGE_FIELD(member, most, text)                                                           \
    {                                                                                            \
        .name = #member, .kind = KIND_OPT_INT, .offset = offsetof(MeiliFederation, page.member), \
        .min = 0, .max = (most), .doc = (text)                                                   \
    }
static const Field federation_fields[] = {
    PAGE_FIELD(offset, LISTED_MAX, "How many of the best are left out; 0"),
    PAGE_FIELD(limit, 1000000000, "How many hits; 20. At most 1000 come at once"),
    PAGE_FIELD(page, LISTED_MAX, "From 1, in place of offset and limit"),
    PAGE_FIELD(hitsPerPage, MEILI_HITS_MAX, NULL),
    FIELD(MeiliFederation, facetsByIndex, .flags = F_NULLABLE,
          .doc = "Patterns of attributes by index: of one that one query is on"),
    FIELD(MeiliFederation, mergeFacets, .flags = F_NULLABLE,
          .doc = "{maxValuesPerFacet}: tell counts of all indexes together"),
    FIELD(MeiliFederation, distinct, .flags = F_NULLABLE,
          .doc = "Not offered over several queries"),
    FIELD(MeiliFederation, showPerformanceDetails, .fallback = "false", .doc = "Not offered"),
    FIELD(MeiliFederation, personalize, .flags = F_NULLABLE, .doc = "Not offered"),
};
static const Record federation_record =
    RECORD_AS("MeiliFederation", MeiliFederation, federation_fields);

/* -- Merging -------------------------------------------------------------------------------------- */

static double weight_of(const MeiliAsk *ask) {
    return ask->federationOptions.weight.set ? ask->federationOptions.weight.value : 1;
}

static Err *federable(Ctx *c, const MeiliAsk *ask, ptrdiff_t count) {
    const struct {
        const char *name;
        bool set;
    } pages[] = {{"offset", ask->offset.set},
                 {"limit", ask->limit.set},
                 {"page", ask->page.set},
                 {"hitsPerPage", ask->hitsPerPage.set}};
    for (ptrdiff_t i = 0; i < COUNT(pages); i++)
        if (pages[i].set)
            MEILI_FAIL(c, "invalid_multi_search_query_pagination",
                       "Using pagination options is not allowed in federated queries.\n - Hint: "
                       "remove `%s` from the query or remove `federation` from the request\n - "
                       "Hint: pass `federation.limit` and `federation.offset` for pagination in "
                       "federated search",
                       pages[i].name);
    if (ask->facets.count > 0)
        MEILI_FAIL(c, "invalid_multi_search_query_facets",
                   "Using facet options is not allowed in federated queries.\n - Hint: remove "
                   "`facets` from the query or remove `federation` from the request\n - Hint: pass "
                   "`federation.facetsByIndex.%.*s` for facets in federated search",
                   S_ARG(ask->indexUid));
    if (ask->sort.count > 0 && count > 1)
        MEILI_FAIL(
            c, "invalid_multi_search_query_ranking_rules",
            "Hits of several queries are merged by their scores, which a sort is no part of.\n"
            " - Hint: remove `sort`, or ask this query alone");
    if (ask->federationOptions.remote.data)
        MEILI_FAIL(c, "invalid_multi_search_remote", "This server knows no other servers.");
    return NULL;
}

static Err *search_one(Ctx *c, const MeiliAsk *ask, const SearchRequest *page, StrList facets,
                       MeiliSearch *s) {
    s->ask = ask;
    TRY(meili_collection(c, ask->indexUid, &s->collection, &s->index));
    TRY(meili_request(c, s->collection, ask, &s->request));
    if (facets.items) TRY(meili_facets(c, s->collection->def, facets, &s->request));
    s->request.offset = 0;
    s->request.limit = page->limit > 0 ? page->offset + page->limit : 0;
    s->request.scores = true;
    TRY(search_sync(c, s->index));
    return search_run(c, s->index, &s->request, &s->result);
}

/* The search with the best head; the first of equals. -1: no hits are left. */
static ptrdiff_t best_head(const MeiliMerge *m, double *score) {
    ptrdiff_t best = -1;
    for (ptrdiff_t i = 0; i < m->count; i++) {
        const MeiliSearch *s = &m->searches[i];
        if (m->heads[i] == s->result.count) continue;
        double here = s->result.hits[m->heads[i]].score * weight_of(s->ask);
        if (best >= 0 && here <= *score) continue;
        best = i;
        *score = here;
    }
    return best;
}

/* Whether this document was listed before; remembers it. */
static bool seen_before(Map *seen, const MeiliSearch *s, const SearchHit *hit) {
    Str name = strf(seen->arena, "%s %lld", s->collection->def->name, (long long)hit->key);
    return map_set(seen, name, (void *)(uintptr_t)hit);
}

static void merge_run(Ctx *c, MeiliMerge *m, const SearchRequest *page) {
    Map seen = {.arena = c->arena};
    int64_t place = 0, fetched = 0, duplicates = 0, sum = 0;
    for (ptrdiff_t i = 0; i < m->count; i++) {
        fetched += m->searches[i].result.count;
        sum += m->searches[i].result.total;
    }
    m->listed = arena_array(c->arena, MeiliListed, min_i64(page->limit, fetched));
    double score = 0;
    for (ptrdiff_t at; (at = best_head(m, &score)) >= 0;) {
        const SearchHit *hit = &m->searches[at].result.hits[m->heads[at]++];
        if (seen_before(&seen, &m->searches[at], hit)) {
            duplicates++;
            continue;
        }
        if (place++ < page->offset || m->listed_count >= page->limit) continue;
        m->listed[m->listed_count++] = (MeiliListed){at, hit, score};
    }
    m->total = sum - duplicates;
}

static Str federation_json(Ctx *c, const MeiliMerge *m, const MeiliListed *one) {
    const MeiliSearch *s = &m->searches[one->query];
    const OptInt *position = &s->ask->federationOptions.queryPosition;
    Buf b = buf_new(c->arena, 128);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("indexUid"));
    json_put_str(&o, s->ask->indexUid);
    json_key(&o, S("queriesPosition"));
    json_put_i64(&o, position->set ? position->value : one->query);
    json_key(&o, S("weightedRankingScore"));
    json_put_f64(&o, one->score);
    json_end(&o, '}');
    return buf_str(&b);
}

/* Documents of a batch are loaded a collection at a time. */
static Err *batch_load(Ctx *c, const MeiliMerge *m, const MeiliListed *listed, ptrdiff_t count,
                       Str *documents) {
    bool done[MEILI_BATCH] = {false};
    assert(count <= MEILI_BATCH);
    for (ptrdiff_t first = 0; first < count; first++) {
        if (done[first]) continue;
        const Collection *collection = m->searches[listed[first].query].collection;
        int64_t keys[MEILI_BATCH] = {0};
        ptrdiff_t places[MEILI_BATCH], some = 0;
        Str loaded[MEILI_BATCH];
        for (ptrdiff_t i = first; i < count; i++) {
            if (m->searches[listed[i].query].collection != collection) continue;
            done[i] = true;
            keys[some] = listed[i].hit->key;
            places[some++] = i;
        }
        TRY(meili_documents(c, collection, keys, some, loaded));
        for (ptrdiff_t i = 0; i < some; i++) documents[places[i]] = loaded[i];
    }
    return NULL;
}

static Err *batch_write(Ctx *c, const MeiliMerge *m, const MeiliListed *listed, ptrdiff_t count,
                        Buf *out) {
    Str documents[MEILI_BATCH];
    TRY(batch_load(c, m, listed, count, documents));
    for (ptrdiff_t i = 0; i < count; i++) {
        if (str_is_null(documents[i])) continue;
        if (out->len > 1) buf_byte(out, ',');
        TRY(meili_hit_write(c, &m->searches[listed[i].query], listed[i].hit, documents[i],
                            federation_json(c, m, &listed[i]), out));
    }
    return NULL;
}

static Err *listed_write(Ctx *c, const MeiliMerge *m, Str *out) {
    ptrdiff_t count = m->listed_count;
    Buf b = buf_new(meili_room(c), 1024 * (count + 1));
    buf_byte(&b, '[');
    for (ptrdiff_t at = 0; at < count; at += MEILI_BATCH) {
        MeiliBatch batch = meili_batch_begin(c);
        TRY(batch_write(c, m, m->listed + at, min_size(MEILI_BATCH, count - at), &b));
        meili_batch_end(c, &batch);
    }
    buf_byte(&b, ']');
    *out = buf_str(&b);
    return NULL;
}

/* -- The route ----------------------------------------------------------------------------------- */

static Err *federation_read(Ctx *c, const MeiliMulti *multi, MeiliFederation *out,
                            json_t **by_index) {
    json_t *v;
    Problems problems = {.arena = c->arena};
    TRY(json_parse(c, multi->federation.text, &v));
    record_read_into(c, &federation_record, v, READ_CREATE, out, NULL, S("federation"), &problems);
    TRY(problems_err(c, &problems));
    *by_index = json_at(v, "facetsByIndex");
    if (json_is_null(*by_index)) *by_index = NULL;
    if (out->distinct.data)
        MEILI_FAIL(c, "invalid_search_distinct", "`federation.distinct` is not offered.");
    if (out->personalize.text.data || out->showPerformanceDetails)
        MEILI_FAIL(
            c, "feature_not_enabled",
            "`federation.personalize` and `federation.showPerformanceDetails` are not offered.");
    return meili_facets_check(c, *by_index, multi);
}

static Err *queries_run(Ctx *c, const MeiliMulti *multi, const SearchRequest *page,
                        const json_t *by_index, MeiliMerge *m) {
    const MeiliAsk *asks = multi->queries.items;
    m->count = multi->queries.count;
    m->searches = arena_array(c->arena, MeiliSearch, m->count);
    m->heads = arena_array(c->arena, ptrdiff_t, m->count);
    for (ptrdiff_t i = 0; i < m->count; i++) {
        StrList facets = meili_facet_patterns(c, by_index, asks[i].indexUid);
        Err *err = federable(c, &asks[i], m->count);
        if (!err) err = search_one(c, &asks[i], page, facets, &m->searches[i]);
        if (err) return meili_err_inside(c, err, i);
    }
    return NULL;
}

static JsonText metadata_of_all(Ctx *c, const MeiliMerge *m) {
    Buf b = buf_new(c->arena, 128);
    JsonOut o = json_out(&b);
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < m->count; i++)
        json_put_raw(&o, meili_metadata(c, m->searches[i].collection).text);
    json_end(&o, ']');
    return (JsonText){buf_str(&b)};
}

Err *meili_federated(Ctx *c, Call *k, const MeiliMulti *multi) {
    int64_t began_us = mono_us();
    MeiliFederation federation;
    json_t *by_index;
    SearchRequest page = SEARCH_REQUEST;
    MeiliMerge m = {0};
    MeiliFound found = {0};
    TRY(federation_read(c, multi, &federation, &by_index));
    meili_page_read(&federation.page, &page);
    if (page.offset + page.limit > LISTED_MAX)
        MEILI_FAIL(c, "invalid_search_offset", "One list of several queries ends at %d hits.",
                   LISTED_MAX);
    TRY(queries_run(c, multi, &page, by_index, &m));
    merge_run(c, &m, &page);
    TRY(listed_write(c, &m, &found.hits.text));
    if (by_index) TRY(meili_federated_facets(c, &m, &federation, &found));
    meili_page_write(&federation.page, m.total, &found);
    if (meili_metadata_wanted(k->q)) found.metadata = metadata_of_all(c, &m);
    found.requestUid = uuid_v7(c->arena);
    found.processingTimeMs = (mono_us() - began_us) / US_PER_MS;
    meili_answer(c, k, &meili_found_record, &found, found.hits.text.len);
    return NULL;
}
