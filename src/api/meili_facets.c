/* SPDX-License-Identifier: Apache-2.0
 * Counts by value as Meilisearch tells them, and the search among a facet's values. Values are told
 * most frequent first. Times are told as documents tell them (RFC 3339), their least and greatest
 * as microseconds: filters understand both. */
#include "api/meili_room.h"
#include "core/json.h"
#include "core/time.h"

Err *meili_facets(Ctx *c, const SearchDef *def, StrList patterns, SearchRequest *request) {
    SearchFacetAsk *asks = arena_array(c->arena, SearchFacetAsk, def->field_count);
    for (ptrdiff_t p = 0; p < patterns.count; p++) {
        bool found = false;
        for (int i = 0; i < def->field_count; i++)
            found |= (def->fields[i].use & SEARCH_FILTER) &&
                     meili_name_fits(patterns.items[p], str_c(def->fields[i].name));
        if (!found)
            MEILI_FAIL(c, "invalid_search_facets",
                       "Invalid facet distribution: Pattern `%.*s` is not filterable. Available "
                       "filterable attributes patterns are: %.*s.",
                       S_ARG(str_utf8_cut(patterns.items[p], 60)),
                       S_ARG(meili_fields_text(c->arena, def, SEARCH_FILTER)));
    }
    request->facets = asks;
    request->facet_count = 0;
    for (int i = 0; i < def->field_count; i++) {
        bool wanted = (def->fields[i].use & SEARCH_FILTER) &&
                      meili_list_has(patterns, str_c(def->fields[i].name));
        if (!wanted) continue;
        asks[request->facet_count] = SEARCH_FACET(i);
        asks[request->facet_count++].limit = MEILI_FACET_VALUES;
    }
    return NULL;
}

Str meili_value_name(Ctx *c, const SearchDef *def, int field, const SearchValue *value) {
    if (def->fields[field].kind != SEARCH_TIME) return value->value;
    return time_str(c->arena, (Time){value->number});
}

JsonText meili_distribution(Ctx *c, const MeiliSearch *s) {
    const SearchDef *def = s->collection->def;
    Buf b = buf_new(c->arena, 1024);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    for (ptrdiff_t i = 0; i < s->result.facet_count; i++) {
        const SearchFacet *f = &s->result.facets[i];
        json_key(&o, str_c(def->fields[f->field].name));
        json_begin(&o, '{');
        for (ptrdiff_t v = 0; v < f->count; v++) {
            json_key(&o, meili_value_name(c, def, f->field, &f->values[v]));
            json_put_i64(&o, f->values[v].count);
        }
        json_end(&o, '}');
    }
    json_end(&o, '}');
    return (JsonText){buf_str(&b)};
}

JsonText meili_facet_stats(Ctx *c, const MeiliSearch *s) {
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    for (ptrdiff_t i = 0; i < s->result.facet_count; i++) {
        const SearchFacet *f = &s->result.facets[i];
        if (!f->has_stats) continue;
        json_key(&o, str_c(s->collection->def->fields[f->field].name));
        json_begin(&o, '{');
        json_key(&o, S("min"));
        json_put_f64(&o, f->min);
        json_key(&o, S("max"));
        json_put_f64(&o, f->max);
        json_end(&o, '}');
    }
    json_end(&o, '}');
    return (JsonText){buf_str(&b)};
}

/* -- Among values -------------------------------------------------------------------------------- */

typedef struct FacetHit {
    Str value;
    int64_t count;
} FacetHit;
static const Field hit_fields[] = {FIELD(FacetHit, value), FIELD(FacetHit, count)};
static const Record hit_record = RECORD_AS("MeiliFacetHit", FacetHit, hit_fields);

typedef struct ValuesFound {
    RecordList facetHits;
    Str facetQuery;
    int64_t processingTimeMs;
} ValuesFound;
static const Field found_fields[] = {
    FIELD_LIST(ValuesFound, facetHits, &hit_record),
    FIELD(ValuesFound, facetQuery, .flags = F_NULLABLE),
    FIELD(ValuesFound, processingTimeMs),
};
const Record meili_values_found_record = RECORD_AS("MeiliFacetHits", ValuesFound, found_fields);

static Err *facet_field(Ctx *c, const SearchDef *def, Str name, int *field) {
    *field = meili_field(def, name, SEARCH_FILTER);
    if (*field >= 0 && def->fields[*field].kind == SEARCH_KEYWORD) return NULL;
    Buf known = buf_new(c->arena, 128);
    for (int i = 0; i < def->field_count; i++)
        if ((def->fields[i].use & SEARCH_FILTER) && def->fields[i].kind == SEARCH_KEYWORD)
            buf_f(&known, "%s`%s`", known.len ? ", " : "", def->fields[i].name);
    MEILI_FAIL(c, "invalid_facet_search_facet_name",
               "Attribute `%.*s` is not facet-searchable. Available facet-searchable attributes "
               "patterns are: %.*s.",
               S_ARG(str_utf8_cut(name, 60)), S_ARG(buf_str(&known)));
}

Err *meili_facet_search(Ctx *c, Call *k) {
    const MeiliAsk *ask = k->in;
    int64_t began_us = mono_us();
    const Collection *collection;
    SearchIndex *index;
    SearchRequest within;
    int field;
    TRY(meili_collection(c, k->params[0], &collection, &index));
    TRY(facet_field(c, collection->def, ask->facetName, &field));
    TRY(meili_request(c, collection, ask, &within));
    TRY(search_sync(c, index));
    SearchValue *values;
    ptrdiff_t count;
    TRY(search_values(c, index, field, ask->facetQuery, &within, MEILI_FACET_VALUES, &values,
                      &count));
    ValuesFound *found = call_out(k);
    FacetHit *hits = arena_array(c->arena, FacetHit, count);
    for (ptrdiff_t i = 0; i < count; i++) hits[i] = (FacetHit){values[i].value, values[i].count};
    *found = (ValuesFound){{hits, count}, ask->facetQuery, (mono_us() - began_us) / US_PER_MS};
    return NULL;
}
