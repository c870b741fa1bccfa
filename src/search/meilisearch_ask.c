/* SPDX-License-Identifier: Apache-2.0
 * Asking Meilisearch: our requests in its words, its answers in ours. */
#include "search/meilisearch.h"

#include <stdlib.h>

#include "core/time.h"

/* -- Filters ------------------------------------------------------------------------------------- */

static void text_quote(Buf *b, Str text) {
    buf_byte(b, '"');
    for (ptrdiff_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') buf_byte(b, '\\');
        buf_byte(b, text.data[i]);
    }
    buf_byte(b, '"');
}

static void number_put(Buf *b, const SearchField *f, int64_t number) {
    if (f->kind == SEARCH_REAL)
        buf_f64(b, real_of_number(number));
    else
        buf_i64(b, number);
}

static void range_put(Buf *b, const SearchField *f, const SearchFilter *filter) {
    bool low = filter->low != NO_NUMBER + 1, high = filter->high != INT64_MAX;
    buf_f(b, "(%s %s", f->name, low ? ">= " : high ? "< " : "EXISTS");
    if (low) number_put(b, f, filter->low);
    if (low && high) buf_f(b, " AND %s < ", f->name);
    if (high) number_put(b, f, filter->high);
    buf_byte(b, ')');
}

/* Filters are at most 200 levels deep and a little more (query.h), and this takes little room. */
static void filter_put(Buf *b, const SearchDef *def, const SearchFilter *f) {
    const SearchField *field = &def->fields[f->field];
    switch (f->kind) {
    case FILTER_AND:
    case FILTER_OR:
        buf_byte(b, '(');
        filter_put(b, def, f->left);
        buf_add(b, f->kind == FILTER_AND ? S(" AND ") : S(" OR "));
        filter_put(b, def, f->right);
        buf_byte(b, ')');
        break;
    case FILTER_NOT:
        buf_add(b, S("(NOT "));
        filter_put(b, def, f->left);
        buf_byte(b, ')');
        break;
    case FILTER_NONE: buf_add(b, S("(key < 0 AND key > 0)")); break;
    case FILTER_IS:
        buf_f(b, "%s__is = ", field->name);
        text_quote(b, f->text);
        break;
    case FILTER_RANGE: range_put(b, field, f); break;
    case FILTER_EXISTS: buf_f(b, "%s EXISTS", field->name); break;
    case FILTER_CONTAINS:
    case FILTER_STARTS:
        buf_f(b, "%s__is %s ", field->name,
              f->kind == FILTER_CONTAINS ? "CONTAINS" : "STARTS WITH");
        text_quote(b, f->text);
        break;
    }
}

static Err *filter_text(Ctx *c, const SearchDef *def, const SearchRequest *r, Str *out) {
    SearchFilter *filter = r->filter;
    *out = (Str){0};
    if ((def->partition_field >= 0) != (r->partition.len > 0))
        FAIL(c, INVALID, "A search of `%s` names its partition exactly where it has one",
             def->name);
    if (def->partition_field >= 0)
        filter = search_filter_and(
            c->arena, search_filter_is(c->arena, def->partition_field, r->partition), filter);
    if (!filter) return NULL;
    Buf b = buf_new(c->arena, 256);
    filter_put(&b, def, filter);
    *out = buf_str(&b);
    return NULL;
}

/* -- Requests ------------------------------------------------------------------------------------ */

static Str facet_attribute(Ctx *c, const SearchDef *def, const SearchFacetAsk *ask) {
    const char *unit = meili_unit(ask->unit);
    return strf(c->arena, "%s%s", def->fields[ask->field].name, unit ? unit : "");
}

static Err *facets_put(Ctx *c, JsonOut *o, const SearchDef *def, const SearchRequest *r) {
    if (r->facet_count == 0) return NULL;
    json_key(o, S("facets"));
    json_begin(o, '[');
    for (ptrdiff_t i = 0; i < r->facet_count; i++) {
        const SearchFacetAsk *ask = &r->facets[i];
        if (ask->field < 0 || ask->field >= def->field_count ||
            !(def->fields[ask->field].use & SEARCH_FILTER))
            FAIL(c, INVALID, "Facets are counted over filterable fields");
        if (ask->unit != SEARCH_NO_UNIT && def->fields[ask->field].kind != SEARCH_TIME)
            FAIL(c, INVALID, "`%s` is no time: it has no histogram", def->fields[ask->field].name);
        if (ask->sum_field >= 0)
            FAIL(c, NOT_CONFIGURED, "Meilisearch does not add up numbers over a facet");
        json_put_str(o, facet_attribute(c, def, ask));
    }
    json_end(o, ']');
    return NULL;
}

static void sorts_put(Ctx *c, JsonOut *o, const SearchDef *def, const SearchRequest *r) {
    if (r->sort_count == 0) return;
    json_key(o, S("sort"));
    json_begin(o, '[');
    for (ptrdiff_t i = 0; i < r->sort_count; i++)
        json_put_str(o, strf(c->arena, "%s:%s", def->fields[r->sort[i].field].name,
                             r->sort[i].descending ? "desc" : "asc"));
    json_end(o, ']');
}

static void fields_put(JsonOut *o, const SearchDef *def, const SearchRequest *r) {
    if (!r->on_fields) return;
    json_key(o, S("attributesToSearchOn"));
    json_begin(o, '[');
    for (ptrdiff_t i = 0; i < r->on_field_count; i++)
        json_put_str(o, str_c(def->fields[r->on_fields[i]].name));
    json_end(o, ']');
}

static void pair_put(JsonOut *o, const char *key, Str value) {
    json_key(o, str_c(key));
    json_put_str(o, value);
}

/* What is the same in a search and in a search for values. */
static Err *common_put(Ctx *c, JsonOut *o, const SearchDef *def, const SearchRequest *r) {
    static const char *const strategies[] = {
        [SEARCH_LAST] = "last", [SEARCH_ALL] = "all", [SEARCH_FREQUENCY] = "frequency"};
    Str filter;
    TRY(filter_text(c, def, r, &filter));
    pair_put(o, "q", r->no_prefix ? str_concat(c->arena, r->q, S(" ")) : r->q);
    pair_put(o, "matchingStrategy", str_c(strategies[r->strategy]));
    if (!str_is_null(filter)) pair_put(o, "filter", filter);
    fields_put(o, def, r);
    return NULL;
}

static Err *request_text(Ctx *c, const SearchDef *def, const SearchRequest *r, Str *out) {
    Buf b = buf_new(c->arena, KIB);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    TRY(common_put(c, &o, def, r));
    TRY(facets_put(c, &o, def, r));
    sorts_put(c, &o, def, r);
    json_key(&o, S("offset"));
    json_put_i64(&o, r->offset);
    json_key(&o, S("limit"));
    json_put_i64(&o, r->limit);
    json_key(&o, S("attributesToRetrieve"));
    json_put_raw(&o, S("[\"key\"]"));
    json_key(&o, S("showRankingScore"));
    json_put_bool(&o, r->scores || r->score_threshold > 0);
    if (r->score_threshold > 0) {
        json_key(&o, S("rankingScoreThreshold"));
        json_put_f64(&o, r->score_threshold);
    }
    if (r->distinct_field >= 0)
        pair_put(&o, "distinct", str_c(def->fields[r->distinct_field].name));
    json_end(&o, '}');
    *out = buf_str(&b);
    return NULL;
}

/* -- Answers ------------------------------------------------------------------------------------- */

static void hits_take(Ctx *c, const json_t *answer, SearchResult *out) {
    const json_t *hits = json_at(answer, "hits");
    size_t count = json_array_size(hits);
    out->hits = arena_array(c->arena, SearchHit, (ptrdiff_t)count);
    for (size_t i = 0; i < count; i++) {
        const json_t *hit = json_array_get(hits, i);
        SearchHit *h = &out->hits[out->count];
        *h = (SearchHit){.details = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}};
        (void)!json_f64(json_at(hit, "_rankingScore"), &h->score);
        out->count += json_i64(json_at(hit, "key"), &h->key);
    }
}

static int more_first(const void *x, const void *y) {
    const SearchValue *a = x, *b = y;
    if (a->count != b->count) return a->count < b->count ? 1 : -1;
    return str_cmp(a->value, b->value);
}

static int by_number(const void *x, const void *y) {
    const SearchValue *a = x, *b = y;
    return (a->number > b->number) - (a->number < b->number);
}

static int by_name(const void *x, const void *y) {
    return str_cmp(((const SearchValue *)x)->value, ((const SearchValue *)y)->value);
}

static void facet_take(Ctx *c, const SearchDef *def, const SearchFacetAsk *ask,
                       const json_t *answer, SearchFacet *out) {
    Str attribute = facet_attribute(c, def, ask);
    json_t *counts = json_at(json_at(answer, "facetDistribution"), attribute.data), *count;
    const json_t *stats = json_at(json_at(answer, "facetStats"), attribute.data);
    SearchKind kind = def->fields[ask->field].kind;
    int64_t limit = ask->limit > 0 ? ask->limit : 100;
    const char *name;
    *out = (SearchFacet){.field = ask->field};
    out->values = arena_array(c->arena, SearchValue, (ptrdiff_t)json_object_size(counts));
    json_object_foreach(counts, name, count) {
        SearchValue *v = &out->values[out->count++];
        *v = (SearchValue){.value = str_copy(c->arena, str_c(name))};
        (void)!json_i64(count, &v->count);
        if (kind == SEARCH_INT || kind == SEARCH_TIME) (void)!str_to_i64(v->value, &v->number);
    }
    bool histogram = ask->unit != SEARCH_NO_UNIT;
    if (out->count > 1)
        qsort(out->values, (size_t)out->count, sizeof *out->values,
              histogram ? by_number : more_first);
    if (histogram && out->count > limit) out->values += out->count - limit;
    out->count = (ptrdiff_t)min_i64(out->count, limit);
    if (ask->by_name && !histogram && out->count > 1)
        qsort(out->values, (size_t)out->count, sizeof *out->values, by_name);
    out->has_stats = stats && !histogram && json_f64(json_at(stats, "min"), &out->min) &&
                     json_f64(json_at(stats, "max"), &out->max);
}

static Err *ask(Ctx *c, SearchIndex *x, const char *what, Str body, json_t **answer) {
    int status;
    Str path = strf(c->arena, "/indexes/%s/%s", x->def->name, what);
    TRY(meili_call(c, x->backing, "POST", path, body, &status, answer));
    if (status == 400) FAIL(c, INVALID, "%.*s", S_ARG(json_str(json_at(*answer, "message"))));
    if (status != 200) return meili_refused(c, "a search", status, *answer);
    return NULL;
}

Err *meili_run(Ctx *c, SearchIndex *x, const SearchRequest *request, SearchResult *out) {
    int64_t began = mono_us();
    Str body;
    json_t *answer;
    *out = (SearchResult){.total_estimated = true, .ranked_fully = true};
    TRY(query_parse(c, x->def, request, &out->query)); /* for the marks in texts */
    for (int i = 0; i < out->query->term_count; i++)
        if (out->query->root || out->query->terms[i].glob)
            FAIL(c, NOT_CONFIGURED,
                 "Meilisearch knows no AND, OR, NOT, NEAR, field:value and wildcards in a query");
    TRY(request_text(c, x->def, request, &body));
    TRY(ask(c, x, "search", body, &answer));
    hits_take(c, answer, out);
    (void)!json_i64(json_at(answer, "estimatedTotalHits"), &out->total);
    out->facet_count = request->facet_count;
    out->facets = arena_array(c->arena, SearchFacet, request->facet_count);
    for (ptrdiff_t i = 0; i < request->facet_count; i++)
        facet_take(c, x->def, &request->facets[i], answer, &out->facets[i]);
    out->took_us = mono_us() - began;
    return NULL;
}

Err *meili_values(Ctx *c, SearchIndex *x, int field, Str text, const SearchRequest *within,
                  int64_t limit, SearchValue **out, ptrdiff_t *count) {
    Buf b = buf_new(c->arena, KIB);
    JsonOut o = json_out(&b);
    json_t *answer, *hit;
    size_t i;
    json_begin(&o, '{');
    TRY(common_put(c, &o, x->def, within));
    pair_put(&o, "facetName", str_c(x->def->fields[field].name));
    if (text.len > 0) pair_put(&o, "facetQuery", text);
    json_end(&o, '}');
    TRY(ask(c, x, "facet-search", buf_str(&b), &answer));
    json_t *hits = json_at(answer, "facetHits");
    *out = arena_array(c->arena, SearchValue, (ptrdiff_t)json_array_size(hits));
    *count = 0;
    json_array_foreach(hits, i, hit) {
        SearchValue *v = &(*out)[*count];
        *v = (SearchValue){.value = str_copy(c->arena, json_str(json_at(hit, "value")))};
        *count += json_i64(json_at(hit, "count"), &v->count);
    }
    if (*count > 1) qsort(*out, (size_t)*count, sizeof **out, more_first);
    *count = (ptrdiff_t)min_i64(*count, limit);
    return NULL;
}
