/* SPDX-License-Identifier: Apache-2.0
 * What is counted by value over several queries: index by index, or together. */
#include "api/meili_federated.h"
#include "core/map.h"

typedef struct MergeFacets {
    OptInt maxValuesPerFacet;
} MergeFacets;
static const Field merge_fields[] = {FIELD(MergeFacets, maxValuesPerFacet, .min = 0, .max = 1000)};
static const Record merge_record = RECORD_AS("MeiliMergeFacets", MergeFacets, merge_fields);

/* -- What is asked -------------------------------------------------------------------------------- */

StrList meili_facet_patterns(Ctx *c, const json_t *by_index, Str uid) {
    const json_t *list = json_at(by_index, str_cstr(c->arena, uid));
    if (!json_is_array(list)) return (StrList){0};
    ptrdiff_t count = (ptrdiff_t)json_array_size(list);
    StrList out = {arena_array(c->arena, Str, count), count};
    for (ptrdiff_t i = 0; i < count; i++) out.items[i] = json_str(json_array_get(list, (size_t)i));
    return out;
}

/* Every index that is named has patterns, exists, and has one query. */
Err *meili_facets_check(Ctx *c, const json_t *by_index, const MeiliMulti *multi) {
    const MeiliAsk *asks = multi->queries.items;
    json_t *object = (json_t *)(uintptr_t)by_index;
    if (by_index && !json_is_object(by_index))
        MEILI_FAIL(c, "invalid_multi_search_facets_by_index",
                   "Invalid value type at `.federation.facetsByIndex`: expected an object");
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        Str uid = str_c(json_object_iter_key(i));
        const json_t *list = json_object_iter_value(i);
        bool texts = json_is_array(list) || json_is_null(list);
        for (size_t n = 0; n < json_array_size(list); n++)
            texts = texts && json_is_string(json_array_get(list, n));
        ptrdiff_t queries = 0;
        for (ptrdiff_t n = 0; n < multi->queries.count; n++)
            queries += str_eq(asks[n].indexUid, uid);
        if (!texts)
            MEILI_FAIL(c, "invalid_multi_search_facets_by_index",
                       "Invalid value type at `.federation.facetsByIndex.%.*s`: expected an array "
                       "of strings",
                       S_ARG(uid));
        if (!collection_find(uid))
            return meili_err(c, ERR_BAD_REQUEST, S("index_not_found"),
                             "Inside `.federation.facetsByIndex.%.*s`: Index `%.*s` not found.",
                             S_ARG(uid), S_ARG(uid));
        if (queries != 1 && json_is_array(list))
            MEILI_FAIL(c, "invalid_multi_search_facets_by_index",
                       "Inside `.federation.facetsByIndex.%.*s`: %td queries are on this index; "
                       "its values are counted where there is one.",
                       S_ARG(uid), queries);
    }
    return NULL;
}

static JsonText facets_by_index(Ctx *c, const MeiliMerge *m) {
    Buf b = buf_new(c->arena, 512);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    for (ptrdiff_t i = 0; i < m->count; i++) {
        const MeiliSearch *s = &m->searches[i];
        if (!s->request.facets) continue;
        json_key(&o, s->ask->indexUid);
        json_begin(&o, '{');
        json_key(&o, S("distribution"));
        json_put_raw(&o, meili_distribution(c, s).text);
        json_key(&o, S("stats"));
        json_put_raw(&o, meili_facet_stats(c, s).text);
        json_end(&o, '}');
    }
    json_end(&o, '}');
    return (JsonText){buf_str(&b)};
}

typedef struct Count {
    Str facet, value;
    int64_t count;
} Count;

static int by_name(const void *a, const void *b) {
    const Count *x = a, *y = b;
    int order = str_cmp(x->facet, y->facet);
    return order ? order : str_cmp(x->value, y->value);
}

static int by_count(const void *a, const void *b) {
    const Count *x = a, *y = b;
    int order = str_cmp(x->facet, y->facet);
    if (order) return order;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return str_cmp(x->value, y->value);
}

/* All counts of all searches, those of one facet and value added up. */
static Count *counts_gather(Ctx *c, const MeiliMerge *m, ptrdiff_t *count) {
    ptrdiff_t all = 0, kept = 0;
    for (ptrdiff_t i = 0; i < m->count; i++)
        for (ptrdiff_t f = 0; f < m->searches[i].result.facet_count; f++)
            all += m->searches[i].result.facets[f].count;
    Count *counts = arena_array(c->arena, Count, all + 1);
    for (ptrdiff_t i = 0, at = 0; i < m->count; i++) {
        const SearchDef *def = m->searches[i].collection->def;
        for (ptrdiff_t f = 0; f < m->searches[i].result.facet_count; f++) {
            const SearchFacet *facet = &m->searches[i].result.facets[f];
            for (ptrdiff_t v = 0; v < facet->count; v++)
                counts[at++] = (Count){str_c(def->fields[facet->field].name),
                                       meili_value_name(c, def, facet->field, &facet->values[v]),
                                       facet->values[v].count};
        }
    }
    qsort(counts, (size_t)all, sizeof *counts, by_name);
    for (ptrdiff_t i = 0; i < all; i++) {
        if (kept > 0 && by_name(&counts[kept - 1], &counts[i]) == 0)
            counts[kept - 1].count += counts[i].count;
        else
            counts[kept++] = counts[i];
    }
    qsort(counts, (size_t)kept, sizeof *counts, by_count);
    *count = kept;
    return counts;
}

static JsonText distribution_merged(Ctx *c, const MeiliMerge *m, int64_t most) {
    ptrdiff_t count;
    const Count *counts = counts_gather(c, m, &count);
    Buf b = buf_new(c->arena, 512);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    for (ptrdiff_t i = 0; i < count;) {
        ptrdiff_t first = i;
        json_key(&o, counts[i].facet);
        json_begin(&o, '{');
        for (; i < count && str_eq(counts[i].facet, counts[first].facet); i++) {
            if (i - first >= most) continue;
            json_key(&o, counts[i].value);
            json_put_i64(&o, counts[i].count);
        }
        json_end(&o, '}');
    }
    json_end(&o, '}');
    return (JsonText){buf_str(&b)};
}

typedef struct Range {
    double min, max;
} Range;

static JsonText stats_merged(Ctx *c, const MeiliMerge *m) {
    Map ranges = {.arena = c->arena};
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    for (int pass = 0; pass < 2; pass++) { /* add up, then tell each once */
        for (ptrdiff_t i = 0; i < m->count; i++) {
            for (ptrdiff_t f = 0; f < m->searches[i].result.facet_count; f++) {
                const SearchFacet *facet = &m->searches[i].result.facets[f];
                Str name = str_c(m->searches[i].collection->def->fields[facet->field].name);
                Range *range = map_get(&ranges, name);
                if (!facet->has_stats || (pass && !range)) continue;
                if (pass) {
                    json_key(&o, name);
                    json_put_raw(&o, strf(c->arena, "{\"min\":%.17g,\"max\":%.17g}", range->min,
                                          range->max));
                    map_remove(&ranges, name);
                } else if (range) {
                    range->min = facet->min < range->min ? facet->min : range->min;
                    range->max = facet->max > range->max ? facet->max : range->max;
                } else {
                    range = arena_new_of(c->arena, Range);
                    *range = (Range){facet->min, facet->max};
                    map_set(&ranges, name, range);
                }
            }
        }
    }
    json_end(&o, '}');
    return (JsonText){buf_str(&b)};
}

Err *meili_federated_facets(Ctx *c, const MeiliMerge *m, const MeiliFederation *f,
                            MeiliFound *out) {
    if (str_is_null(f->mergeFacets.text) || str_eq(f->mergeFacets.text, S("null"))) {
        out->facetsByIndex = facets_by_index(c, m);
        return NULL;
    }
    json_t *v;
    MergeFacets merge;
    Problems problems = {.arena = c->arena};
    TRY(json_parse(c, f->mergeFacets.text, &v));
    record_read_into(c, &merge_record, v, READ_CREATE, &merge, NULL, S("federation.mergeFacets"),
                     &problems);
    TRY(problems_err(c, &problems));
    int64_t most = merge.maxValuesPerFacet.set ? merge.maxValuesPerFacet.value : MEILI_FACET_VALUES;
    out->facetDistribution = distribution_merged(c, m, most);
    out->facetStats = stats_merged(c, m);
    return NULL;
}
