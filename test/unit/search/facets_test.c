/* SPDX-License-Identifier: Apache-2.0
 * Facets and values against counting by hand: random documents in segments large and small, some
 * dead; random queries and filters. */
#include <math.h>
#include <stdlib.h>

#include "core/rand.h"
#include "core/time.h"
#include "search/engine.h"
#include "t.h"

enum { TEXT, TAGS, KIND, AT, LIKES, FEELING, FIELDS };
static const SearchField fields[FIELDS] = {
    [TEXT] = {"text", SEARCH_TEXT, SEARCH_FOR},
    [TAGS] = {"tags", SEARCH_KEYWORD, SEARCH_FILTER},
    [KIND] = {"kind", SEARCH_KEYWORD, SEARCH_FILTER},
    [AT] = {"at", SEARCH_TIME, SEARCH_FILTER | SEARCH_SORT},
    [LIKES] = {"likes", SEARCH_INT, SEARCH_FILTER | SEARCH_SORT},
    [FEELING] = {"feeling", SEARCH_REAL, SEARCH_FILTER},
};
static const SearchDef by_time = {.name = "facets",
                                  .fields = fields,
                                  .field_count = FIELDS,
                                  .order_field = AT,
                                  .partition_field = -1,
                                  .version = 1};
static const SearchDef by_key = {.name = "facets",
                                 .fields = fields,
                                 .field_count = FIELDS,
                                 .order_field = -1,
                                 .partition_field = -1,
                                 .version = 1};

/* -- Documents, and the table of what was said of them ------------------------------------------- */

enum { TAG_NAMES = 300, KIND_NAMES = 3, TAGS_OF = 4 };

typedef struct Row {
    bool there, alpha;
    int tags[TAGS_OF], tag_count, kind; /* kind -1: none */
    int64_t at, likes;                  /* NO_NUMBER: none */
    double feeling;                     /* NAN: none */
} Row;

typedef struct World {
    const SearchDef *def;
    SearchEngine *engine;
    Row *rows;
    int count;
    Rand rand;
    Arena *arena;
    Ctx c;
} World;

static bool good(World *w, Err *err) {
    if (err) printf("  %.*s\n", S_ARG(err_chain(w->c.arena, err)));
    return CHECK(!err);
}

static Str tag_name(Arena *a, int tag) { return strf(a, "tag %d%c", tag, 'a' + tag % 26); }

/* Small numbers are frequent. */
static int skewed(Rand *r, int n) {
    double u = (double)rand_below(r, 1 << 20) / (1 << 20);
    return (int)(u * u * u * n);
}

static void row_make(World *w, Row *row) {
    *row = (Row){.there = true, .alpha = rand_below(&w->rand, 3) > 0};
    row->tag_count = (int)rand_below(&w->rand, TAGS_OF + 1);
    for (int i = 0; i < row->tag_count; i++) {
        row->tags[i] = skewed(&w->rand, TAG_NAMES);
        for (int k = 0; k < i; k++)
            if (row->tags[k] == row->tags[i]) row->tag_count = i; /* no doubles */
    }
    row->kind = (int)rand_below(&w->rand, KIND_NAMES + 1) - 1;
    row->at = rand_below(&w->rand, 10) ? rand_below(&w->rand, 500 * US_PER_DAY) - 100 * US_PER_DAY
                                       : NO_NUMBER;
    row->likes = rand_below(&w->rand, 5) ? skewed(&w->rand, 400) - 20 : NO_NUMBER;
    row->feeling = rand_below(&w->rand, 5) ? (double)rand_below(&w->rand, 40) / 8 - 2 : NAN;
}

static void describe(SearchDocs *d, int64_t key, const Row *row) {
    search_doc(d, key);
    search_doc_text(d, TEXT, row->alpha ? S("alpha beta") : S("beta gamma"));
    for (int i = 0; i < row->tag_count; i++)
        search_doc_text(d, TAGS, tag_name(d->arena, row->tags[i]));
    if (row->kind >= 0) search_doc_text(d, KIND, strf(d->arena, "Kind%d", row->kind));
    if (row->at != NO_NUMBER) search_doc_int(d, AT, row->at);
    if (row->likes != NO_NUMBER) search_doc_int(d, LIKES, row->likes);
    if (!isnan(row->feeling)) search_doc_real(d, FEELING, row->feeling);
}

static void apply(World *w, int from, int to) {
    Arena *a = arena_new(512 * MIB);
    SearchDocs *d = search_docs_new(a, w->def);
    for (int i = from; i < to; i++) {
        row_make(w, &w->rows[i]);
        describe(d, i, &w->rows[i]);
    }
    for (int i = 0; i < (to - from) / 20; i++) {
        int gone = (int)rand_below(&w->rand, to);
        w->rows[gone].there = false;
        search_doc_gone(d, gone);
    }
    good(w, engine_apply(&w->c, w->engine, d, to));
    arena_free(a);
}

static World *world_new(const SearchDef *def, const int *lots, int lot_count) {
    World *w = calloc(1, sizeof *w);
    Str healed;
    w->def = def;
    w->rand = (Rand){7};
    w->arena = arena_new(512 * MIB);
    w->c.arena = w->arena;
    good(w, engine_open(&w->c, def, (Str){0}, &w->engine, &healed));
    int total = 0;
    for (int i = 0; i < lot_count; i++) total += lots[i];
    w->rows = calloc((size_t)total, sizeof(Row));
    for (int i = 0; i < lot_count; i++) {
        apply(w, w->count, w->count + lots[i]);
        w->count += lots[i];
    }
    return w;
}

static void world_free(World *w) {
    engine_close(w->engine);
    arena_free(w->arena);
    free(w->rows);
    free(w);
}

/* -- Asking, by the engine and by hand ----------------------------------------------------------- */

typedef struct Ask {
    bool alpha;        /* only those with the word */
    int64_t low, high; /* of likes; NO_NUMBER: any document */
} Ask;

static bool wanted(const Row *row, const Ask *ask) {
    if (!row->there || (ask->alpha && !row->alpha)) return false;
    if (ask->low == NO_NUMBER) return true;
    return row->likes != NO_NUMBER && row->likes >= ask->low && row->likes < ask->high;
}

static Ask ask_random(World *w) {
    Ask ask = {.alpha = rand_below(&w->rand, 2), .low = NO_NUMBER};
    if (rand_below(&w->rand, 3) > 0) {
        ask.low = rand_below(&w->rand, 400) - 20;
        ask.high = ask.low + 1 + rand_below(&w->rand, 200);
    }
    return ask;
}

static SearchRequest request_of(World *w, const Ask *ask, const SearchFacetAsk *facets, int count) {
    SearchRequest r = SEARCH_REQUEST;
    r.q = ask->alpha ? S("alpha ") : S("");
    r.facets = facets;
    r.facet_count = count;
    r.limit = 0;
    if (ask->low != NO_NUMBER) r.filter = search_filter_range(w->arena, LIKES, ask->low, ask->high);
    return r;
}

static SearchResult run(World *w, const SearchRequest *request) {
    SearchResult result = {0};
    View *v = engine_view(w->engine);
    good(w, engine_search(&w->c, w->def, v, request, &result));
    view_release(v);
    return result;
}

static int more_first(const void *x, const void *y) {
    const SearchValue *a = x, *b = y;
    if (a->count != b->count) return a->count < b->count ? 1 : -1;
    return str_cmp(a->value, b->value);
}

static bool has_tag(const Row *row, int tag) {
    for (int i = 0; i < row->tag_count; i++)
        if (row->tags[i] == tag) return true;
    return false;
}

static void tags_compare(World *w, const Ask *ask, const SearchFacet *facet, int64_t limit) {
    SearchValue want[TAG_NAMES] = {0};
    for (int t = 0; t < TAG_NAMES; t++) want[t].value = tag_name(w->arena, t);
    for (int i = 0; i < w->count; i++)
        for (int t = 0; wanted(&w->rows[i], ask) && t < w->rows[i].tag_count; t++) {
            SearchValue *v = &want[w->rows[i].tags[t]];
            v->count++;
            if (w->rows[i].likes != NO_NUMBER) v->sum += (double)w->rows[i].likes;
        }
    qsort(want, TAG_NAMES, sizeof *want, more_first);
    int64_t there = 0;
    while (there < limit && there < TAG_NAMES && want[there].count > 0) there++;
    if (!CHECK_INT(facet->count, there)) return;
    for (int64_t i = 0; i < there; i++) {
        CHECK_STR(facet->values[i].value, want[i].value);
        CHECK_INT(facet->values[i].count, want[i].count);
        CHECK_F64(facet->values[i].sum, want[i].sum);
    }
}

/* Numbers, and what is made of them (days): the groups' names and sizes. */
static void numbers_compare(World *w, const Ask *ask, const SearchFacet *facet,
                            bool (*number)(const Row *, double *), double step) {
    double min = INFINITY, max = -INFINITY, sum = 0;
    int64_t all = 0, told = 0;
    for (int i = 0; i < w->count; i++) {
        double n;
        if (!wanted(&w->rows[i], ask) || !number(&w->rows[i], &n)) continue;
        min = fmin(min, n);
        max = fmax(max, n);
        sum += n;
        all++;
    }
    for (ptrdiff_t v = 0; v < facet->count; v++) {
        double value;
        int64_t count = 0;
        CHECK(str_to_f64(facet->values[v].value, &value));
        for (int i = 0; i < w->count; i++) {
            double n;
            if (!wanted(&w->rows[i], ask) || !number(&w->rows[i], &n)) continue;
            count += step > 0 ? floor(n / step) * step == value : n == value;
        }
        CHECK_INT(facet->values[v].count, count);
        CHECK(count > 0);
        told += count;
    }
    CHECK_INT(told, all); /* the limit is beyond what there is */
    if (step > 0) return;
    CHECK(facet->has_stats == (all > 0));
    if (all == 0) return;
    CHECK_F64(facet->min, min);
    CHECK_F64(facet->max, max);
    CHECK_F64(facet->sum, sum);
}

static bool likes_of(const Row *row, double *n) {
    *n = (double)row->likes;
    return row->likes != NO_NUMBER;
}
static bool feeling_of(const Row *row, double *n) {
    *n = row->feeling;
    return !isnan(row->feeling);
}
static bool at_of(const Row *row, double *n) {
    *n = (double)row->at;
    return row->at != NO_NUMBER;
}

static void compare_some(World *w, int times) {
    for (int i = 0; i < times; i++) {
        ArenaMark mark = arena_mark(w->arena);
        Ask ask = ask_random(w);
        int64_t limit = 1 + rand_below(&w->rand, 40);
        SearchFacetAsk asks[] = {SEARCH_FACET(TAGS), SEARCH_FACET(TAGS), SEARCH_FACET(LIKES),
                                 SEARCH_FACET(FEELING), SEARCH_FACET(AT)};
        asks[0].limit = limit;
        asks[0].sum_field = LIKES;
        asks[1].limit = 1000;
        asks[1].sum_field = LIKES;
        asks[2].limit = asks[3].limit = asks[4].limit = 1000;
        asks[4].unit = SEARCH_DAY;
        SearchRequest request = request_of(w, &ask, asks, COUNT(asks));
        SearchResult result = run(w, &request);
        int64_t total = 0;
        for (int d = 0; d < w->count; d++) total += wanted(&w->rows[d], &ask);
        CHECK_INT(result.total, total);
        REQUIRE(CHECK_INT(result.facet_count, COUNT(asks)));
        tags_compare(w, &ask, &result.facets[0], limit);
        tags_compare(w, &ask, &result.facets[1], 1000);
        numbers_compare(w, &ask, &result.facets[2], likes_of, 0);
        numbers_compare(w, &ask, &result.facets[3], feeling_of, 0);
        numbers_compare(w, &ask, &result.facets[4], at_of, (double)US_PER_DAY);
        arena_release(w->arena, mark);
    }
}

TEST(facets_of_small_segments_are_counted_document_by_document) {
    static const int lots[] = {300, 40, 1, 7, 100, 2000};
    for (int order = 0; order < 2; order++) {
        World *w = world_new(order ? &by_time : &by_key, lots, COUNT(lots));
        compare_some(w, 40);
        world_free(w);
    }
}

TEST(facets_of_large_segments_are_counted_by_value) {
    static const int lots[] = {20000, 15000, 9000, 500, 30};
    for (int order = 0; order < 2; order++) {
        World *w = world_new(order ? &by_time : &by_key, lots, COUNT(lots));
        compare_some(w, 6);
        world_free(w);
    }
}

TEST(units_begin_where_calendars_say) {
    static const struct {
        SearchUnit unit;
        const char *at, *start;
    } rows[] = {
        {SEARCH_HOUR, "2024-02-29T23:59:59Z", "2024-02-29T23:00:00Z"},
        {SEARCH_DAY, "2024-02-29T23:59:59Z", "2024-02-29T00:00:00Z"},
        {SEARCH_WEEK, "2024-03-03T23:59:59Z", "2024-02-26T00:00:00Z"},
        {SEARCH_WEEK, "2024-03-04T00:00:00Z", "2024-03-04T00:00:00Z"},
        {SEARCH_WEEK, "1969-12-31T12:00:00Z", "1969-12-29T00:00:00Z"},
        {SEARCH_MONTH, "2024-02-29T23:59:59Z", "2024-02-01T00:00:00Z"},
        {SEARCH_YEAR, "1969-07-20T00:00:00Z", "1969-01-01T00:00:00Z"},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        World *w = world_new(&by_time, NULL, 0);
        SearchDocs *d = search_docs_new(w->arena, &by_time);
        SearchFacetAsk ask = SEARCH_FACET(AT);
        Time at, start;
        CHECK(time_parse(str_c(rows[i].at), &at) && time_parse(str_c(rows[i].start), &start));
        search_doc(d, 1);
        search_doc_int(d, AT, at.us);
        good(w, engine_apply(&w->c, w->engine, d, 1));
        ask.unit = rows[i].unit;
        SearchRequest request = request_of(w, &(Ask){.low = NO_NUMBER}, &ask, 1);
        SearchResult result = run(w, &request);
        if (CHECK_INT(result.facets[0].count, 1))
            CHECK_INT(result.facets[0].values[0].number, start.us);
        world_free(w);
    }
}

TEST(a_histogram_tells_its_last_units_in_order_of_time) {
    static const int lots[] = {500};
    World *w = world_new(&by_time, lots, 1);
    SearchFacetAsk ask = SEARCH_FACET(AT);
    ask.unit = SEARCH_DAY;
    ask.limit = 1000;
    SearchRequest request = request_of(w, &(Ask){.low = NO_NUMBER}, &ask, 1);
    SearchResult all = run(w, &request);
    ask.limit = 10;
    SearchResult last = run(w, &request);
    REQUIRE(CHECK_INT(last.facets[0].count, 10));
    for (int i = 0; i < 10; i++)
        CHECK_INT(last.facets[0].values[i].number,
                  all.facets[0].values[all.facets[0].count - 10 + i].number);
    for (ptrdiff_t i = 1; i < all.facets[0].count; i++)
        CHECK(all.facets[0].values[i - 1].number < all.facets[0].values[i].number);
    world_free(w);
}

TEST(what_cannot_be_counted_is_refused) {
    static const int lots[] = {10};
    World *w = world_new(&by_time, lots, 1);
    SearchFacetAsk asks[] = {SEARCH_FACET(TEXT), SEARCH_FACET(-1), SEARCH_FACET(FIELDS),
                             SEARCH_FACET(LIKES), SEARCH_FACET(KIND)};
    asks[3].unit = SEARCH_DAY;
    asks[4].sum_field = TAGS;
    for (ptrdiff_t i = 0; i < COUNT(asks); i++) {
        SearchRequest request = request_of(w, &(Ask){.low = NO_NUMBER}, &asks[i], 1);
        SearchResult result;
        View *v = engine_view(w->engine);
        Err *err = engine_search(&w->c, w->def, v, &request, &result);
        CHECK(err && err->kind == ERR_INVALID);
        view_release(v);
    }
    world_free(w);
}

/* -- Values -------------------------------------------------------------------------------------- */

static SearchValue *values_of(World *w, Str text, const Ask *ask, int64_t limit, ptrdiff_t *count) {
    SearchRequest request = request_of(w, ask, NULL, 0);
    SearchValue *values = NULL;
    View *v = engine_view(w->engine);
    *count = 0;
    good(w, engine_values(&w->c, w->def, v, TAGS, text, &request, limit, &values, count));
    view_release(v);
    return values;
}

TEST(values_go_on_from_what_was_typed) {
    static const int lots[] = {9000, 12000, 100};
    World *w = world_new(&by_time, lots, COUNT(lots));
    for (int times = 0; times < 20; times++) {
        Ask ask = ask_random(w);
        Str text = strf(w->arena, "TAG %d", (int)rand_below(&w->rand, 30));
        ptrdiff_t count;
        SearchValue *got = values_of(w, text, &ask, 1000, &count);
        Str folded = str_lower(w->arena, text);
        ptrdiff_t at = 0;
        SearchValue want[TAG_NAMES];
        for (int t = 0; t < TAG_NAMES; t++) {
            want[at] = (SearchValue){.value = tag_name(w->arena, t)};
            for (int i = 0; i < w->count; i++)
                want[at].count += wanted(&w->rows[i], &ask) && has_tag(&w->rows[i], t);
            if (str_starts(want[at].value, folded) && want[at].count > 0) at++;
        }
        qsort(want, (size_t)at, sizeof *want, more_first);
        REQUIRE(CHECK(count >= at));
        for (ptrdiff_t i = 0; i < at; i++) {
            CHECK_STR(got[i].value, want[i].value);
            CHECK_INT(got[i].count, want[i].count);
        }
    }
    world_free(w);
}

TEST(values_are_found_by_a_later_word_and_with_typing_errors) {
    World *w = world_new(&by_key, NULL, 0);
    SearchDocs *d = search_docs_new(w->arena, &by_key);
    static const char *const names[] = {"Jean Dupont", "Marie Curie", "Curie-Joliot",
                                        "skincare",    "Skin Care",   "paris"};
    for (ptrdiff_t i = 0; i < COUNT(names); i++) {
        search_doc(d, i);
        search_doc_text(d, TAGS, str_c(names[i]));
    }
    good(w, engine_apply(&w->c, w->engine, d, 1));
    Ask any = {.low = NO_NUMBER};
    ptrdiff_t count;
    SearchValue *v = values_of(w, S("CURIE"), &any, 10, &count);
    if (CHECK_INT(count, 2)) {
        CHECK_STR(v[0].value, S("Curie-Joliot"));
        CHECK_STR(v[1].value, S("Marie Curie"));
    }
    v = values_of(w, S("sikncare"), &any, 10, &count);
    if (CHECK_INT(count, 1)) CHECK_STR(v[0].value, S("skincare"));
    v = values_of(w, S("skinc"), &any, 10, &count);
    CHECK(count >= 1 && str_eq(v[0].value, S("skincare")));
    values_of(w, S("aris"), &any, 10, &count);
    CHECK_INT(count, 0);
    values_of(w, S(""), &any, 3, &count);
    CHECK_INT(count, 3);
    world_free(w);
}

T_MAIN(T_ROW(facets_of_small_segments_are_counted_document_by_document),
       T_ROW(facets_of_large_segments_are_counted_by_value), T_ROW(units_begin_where_calendars_say),
       T_ROW(a_histogram_tells_its_last_units_in_order_of_time),
       T_ROW(what_cannot_be_counted_is_refused), T_ROW(values_go_on_from_what_was_typed),
       T_ROW(values_are_found_by_a_later_word_and_with_typing_errors))
