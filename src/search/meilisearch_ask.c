/* SPDX-License-Identifier: Apache-2.0
 * Asking Meilisearch: our requests in its words, its answers in ours. */
#include "search/meilisearch.h"

#include <math.h>
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

/* In quotes, because an exponent may have a sign. */
static void bound_put(Buf *b, const SearchField *f, const char *compare, int64_t number) {
    buf_f(b, "%s %s \"", f->name, compare);
    if (f->kind == SEARCH_REAL)
        buf_f64(b, real_of_number(number));
    else
        buf_i64(b, number);
    buf_byte(b, '"');
}

static bool is_bound(const SearchField *f, int64_t number, int64_t open) {
    return number != open && (f->kind != SEARCH_REAL || isfinite(real_of_number(number)));
}

static void range_put(Buf *b, const SearchField *f, const SearchFilter *filter) {
    bool low = is_bound(f, filter->low, NO_NUMBER + 1), high = is_bound(f, filter->high, INT64_MAX);
    if (low && high) buf_byte(b, '(');
    if (low) bound_put(b, f, ">=", filter->low);
    if (low && high) buf_add(b, S(" AND "));
    if (high) bound_put(b, f, "<", filter->high);
    if (low && high) buf_byte(b, ')');
    if (!low && !high) buf_f(b, "%s EXISTS", f->name);
}

static void filter_put(Buf *b, const SearchDef *def, const SearchFilter *f, FilterKind within);

/* a AND b AND c: every parenthesis is four of the 150 levels that Meilisearch reads. */
static void chain_put(Buf *b, const SearchDef *def, const SearchFilter *f, FilterKind kind) {
    if (f->kind != kind) {
        filter_put(b, def, f, kind);
        return;
    }
    chain_put(b, def, f->left, kind);
    buf_add(b, kind == FILTER_AND ? S(" AND ") : S(" OR "));
    chain_put(b, def, f->right, kind);
}

static void value_test_put(Buf *b, const SearchField *field, const char *test, Str folded) {
    buf_f(b, "%s__is %s ", field->name, test);
    text_quote(b, meili_value(b->arena, folded));
}

/* Filters are at most 200 levels deep and a little more (query.h), and this takes little room. */
static void filter_put(Buf *b, const SearchDef *def, const SearchFilter *f, FilterKind within) {
    const SearchField *field = &def->fields[f->field];
    bool parted = within != FILTER_OR && within != f->kind;
    switch (f->kind) {
    case FILTER_AND:
    case FILTER_OR:
        if (parted) buf_byte(b, '(');
        chain_put(b, def, f, f->kind);
        if (parted) buf_byte(b, ')');
        break;
    case FILTER_NOT:
        buf_add(b, S("NOT "));
        filter_put(b, def, f->left, FILTER_NOT);
        break;
    case FILTER_NONE: buf_add(b, S("(key < 0 AND key > 0)")); break;
    case FILTER_IS: value_test_put(b, field, "=", f->text); break;
    case FILTER_RANGE: range_put(b, field, f); break;
    case FILTER_EXISTS: buf_f(b, "%s EXISTS", field->name); break;
    case FILTER_CONTAINS: value_test_put(b, field, "CONTAINS", f->text); break;
    case FILTER_STARTS: value_test_put(b, field, "STARTS WITH", f->text); break;
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
    filter_put(&b, def, filter, FILTER_OR);
    *out = buf_str(&b);
    return NULL;
}

/* -- Requests ------------------------------------------------------------------------------------ */

static Str facet_attribute(Ctx *c, const SearchDef *def, const SearchFacetAsk *ask) {
    const char *unit = meili_unit(ask->unit);
    return strf(c->arena, "%s%s", def->fields[ask->field].name, unit ? unit : "");
}

static Err *field_check(Ctx *c, const SearchDef *def, int field, unsigned use,
                        const char *for_what) {
    if (field >= 0 && field < def->field_count && (def->fields[field].use & use)) return NULL;
    FAIL(c, INVALID, "A field of `%s` is not there %s", def->name, for_what);
}

static Err *facet_check(Ctx *c, const SearchDef *def, const SearchFacetAsk *ask) {
    TRY(field_check(c, def, ask->field, SEARCH_FILTER, "to be counted by"));
    if (ask->unit != SEARCH_NO_UNIT && def->fields[ask->field].kind != SEARCH_TIME)
        FAIL(c, INVALID, "`%s` is no time: it has no histogram", def->fields[ask->field].name);
    if (ask->sum_field >= 0)
        FAIL(c, NOT_CONFIGURED, "Meilisearch does not add up numbers over a facet");
    return NULL;
}

static Err *request_check(Ctx *c, const SearchDef *def, const SearchRequest *r) {
    if (r->near)
        FAIL(c, NOT_CONFIGURED,
             "Meilisearch is asked for words only here: what is near in meaning is found by socle's own "
             "engine (without MEILI_HOST)");
    for (ptrdiff_t i = 0; i < r->facet_count; i++) TRY(facet_check(c, def, &r->facets[i]));
    for (ptrdiff_t i = 0; i < r->sort_count; i++)
        TRY(field_check(c, def, r->sort[i].field, SEARCH_SORT, "to be sorted by"));
    for (ptrdiff_t i = 0; r->on_fields && i < r->on_field_count; i++)
        TRY(field_check(c, def, r->on_fields[i], SEARCH_FOR, "to be searched in"));
    if (r->distinct_field >= 0)
        TRY(field_check(c, def, r->distinct_field, SEARCH_FILTER, "to be distinct by"));
    return NULL;
}

static void facets_put(Ctx *c, JsonOut *o, const SearchDef *def, const SearchRequest *r) {
    if (r->facet_count == 0) return;
    json_key(o, S("facets"));
    json_begin(o, '[');
    for (ptrdiff_t i = 0; i < r->facet_count; i++)
        json_put_str(o, facet_attribute(c, def, &r->facets[i]));
    json_end(o, ']');
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
    facets_put(c, &o, def, r);
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
        *h = (SearchHit){.details = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}};
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
    double sum = 0;
    *out = (SearchFacet){.field = ask->field};
    out->values = arena_array(c->arena, SearchValue, (ptrdiff_t)json_object_size(counts));
    json_object_foreach(counts, name, count) {
        SearchValue *v = &out->values[out->count++];
        *v = (SearchValue){.value = str_copy(c->arena, str_c(name))};
        (void)!json_i64(count, &v->count);
        double number;
        if (str_to_f64(v->value, &number)) sum += number * (double)v->count;
        if (kind == SEARCH_INT || kind == SEARCH_TIME) (void)!str_to_i64(v->value, &v->number);
    }
    ptrdiff_t found = out->count;
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
    out->sum = found < MEILI_VALUES ? sum : NAN;
}

static Err *ask(Ctx *c, SearchIndex *x, const char *what, Str body, json_t **answer) {
    int status;
    Str path = strf(c->arena, "/indexes/%s/%s", x->def->name, what);
    TRY(meili_call(c, x->backing, "POST", path, body, &status, answer));
    if (status == 200) return NULL;
    Str code = json_str(json_at(*answer, "code"));
    if (status == 404) { /* between a loss and the rebuild that the follower begins */
        atomic_store(&x->doubted, true);
        FAIL(c, UNAVAILABLE, "Meilisearch does not have the index %s", x->def->name);
    }
    if (str_eq(code, S("feature_not_enabled")))
        FAIL(c, NOT_CONFIGURED, "Meilisearch knows CONTAINS only with its containsFilter enabled");
    if (status != 400) return meili_refused(c, "a search", status, *answer);
    Err *err =
        err_new(c, ERR_INVALID, __func__, "%.*s", S_ARG(json_str(json_at(*answer, "message"))));
    err->code = str_copy(c->arena, code);
    return err;
}

static Err *sort_check(Ctx *c, const SearchRequest *request) {
    if (!request->sort_strictly || request->sort_count == 0) return NULL;
    FAIL(c, NOT_CONFIGURED, "Meilisearch sorts only among what matches equally well");
}

static Err *query_check(Ctx *c, const SearchQuery *q) {
    bool plain = !q->root;
    for (int i = 0; i < q->term_count; i++) plain = plain && !q->terms[i].glob;
    for (int i = 0; i < q->minus_count; i++) plain = plain && !q->minus[i].glob;
    if (plain) return NULL;
    FAIL(c, NOT_CONFIGURED,
         "Meilisearch knows no AND, OR, NOT, NEAR, field:value and wildcards in a query");
}

Err *meili_run(Ctx *c, SearchIndex *x, const SearchRequest *request, SearchResult *out) {
    int64_t began = mono_us();
    Str body;
    json_t *answer;
    *out = (SearchResult){.total_estimated = true, .ranked_fully = true};
    TRY(sort_check(c, request));
    TRY(query_parse(c, x->def, request, &out->query)); /* for the marks in texts */
    TRY(query_check(c, out->query));
    TRY(request_check(c, x->def, request));
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
    SearchQuery *query;
    TRY(query_parse(c, x->def, within, &query));
    TRY(query_check(c, query));
    TRY(field_check(c, x->def, field, SEARCH_FILTER, "to be counted by"));
    TRY(request_check(c, x->def, within));
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
