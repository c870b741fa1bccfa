/* SPDX-License-Identifier: Apache-2.0
 * What engine_search does beside ranking: requests that are wrong, distinct hits, thresholds,
 * budgets, and queries and documents made to be expensive. */
#include "core/time.h"
#include "search/engine.h"
#include "t.h"

enum { TITLE, BODY, TAG, OWNER, AT, LIKES, FIELDS };
static const SearchField fields[FIELDS] = {
    [TITLE] = {"title", SEARCH_TEXT, SEARCH_FOR},
    [BODY] = {"body", SEARCH_TEXT, SEARCH_FOR},
    [TAG] = {"tag", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER},
    [OWNER] = {"owner", SEARCH_KEYWORD, SEARCH_FILTER},
    [AT] = {"at", SEARCH_TIME, SEARCH_SORT},
    [LIKES] = {"likes", SEARCH_INT, SEARCH_SORT},
};
static const SearchDef open_def = {.name = "open",
                                   .fields = fields,
                                   .field_count = FIELDS,
                                   .order_field = AT,
                                   .partition_field = -1};
static const SearchDef owned_def = {.name = "owned",
                                    .fields = fields,
                                    .field_count = FIELDS,
                                    .order_field = -1,
                                    .partition_field = OWNER};

static Ctx *c;
static View *view;

static View *view_of(const SearchDef *def, const SearchDocs *const *lots, int count) {
    View *v =
        arena_alloc(c->arena, (ptrdiff_t)sizeof(View) + count * (ptrdiff_t)sizeof(ViewSegment), 1);
    for (int i = 0; i < count; i++) {
        SegmentWriter *w = segment_writer_new(def);
        Segment *s = NULL;
        segment_writer_add(w, lots[i]);
        CHECK(!segment_writer_finish(c, w, (Str){0}, &s));
        segment_writer_free(w);
        v->items[v->count++] = (ViewSegment){.segment = s, .live = segment_docs(s)};
    }
    return v;
}

static void view_free(View *v) {
    for (int i = 0; i < v->count; i++) segment_release(v->items[i].segment);
}

static void begin(void) {
    static Ctx ctx;
    ctx = (Ctx){.arena = arena_new(1024 * MIB)};
    c = &ctx;
    view = NULL;
}

static void end(void) {
    if (view) view_free(view);
    arena_free(c->arena);
}

static SearchDocs *lot(const SearchDef *def) { return search_docs_new(c->arena, def); }

static void doc(SearchDocs *d, int64_t key, const char *title, const char *tag, int64_t likes) {
    search_doc(d, key);
    search_doc_text(d, TITLE, str_c(title));
    if (tag) search_doc_text(d, TAG, str_c(tag));
    if (likes >= 0) search_doc_int(d, LIKES, likes);
    search_doc_text(d, OWNER, key % 2 ? S("Zoé") : S("max"));
}

static bool keys_are(const SearchResult *r, const char *want) {
    Buf b = buf_new(c->arena, 64);
    for (ptrdiff_t i = 0; i < r->count; i++) buf_f(&b, "%s%ld", i ? " " : "", (long)r->hits[i].key);
    return CHECK_STR(buf_str(&b), str_c(want));
}

static SearchResult ask(const SearchDef *def, const SearchRequest *q) {
    SearchResult r = {0};
    CHECK(!engine_search(c, def, view, q, &r));
    return r;
}

static bool refused(const SearchDef *def, const SearchRequest *q, const char *code) {
    SearchResult r;
    Err *err = engine_search(c, def, view, q, &r);
    return CHECK(err != NULL) && CHECK_INT(err->kind, ERR_INVALID) &&
           CHECK_STR(err->code, str_c(code));
}

/* -- Requests ------------------------------------------------------------------------------------ */

static void few_docs(const SearchDef *def) {
    SearchDocs *a = lot(def), *b = lot(def);
    doc(a, 1, "red apple", "Fruit", 7);
    doc(a, 2, "green apple", "fruit", 3);
    doc(b, 3, "apple pie", "cake", 7);
    doc(b, 4, "apple", NULL, -1);
    doc(b, 5, "aple", "FRUIT", 1);
    view = view_of(def, (const SearchDocs *const[]){a, b}, 2);
}

TEST(wrong_requests_are_refused_with_their_code) {
    begin();
    few_docs(&open_def);
    SearchRequest q = SEARCH_REQUEST;
    int on = LIKES;
    SearchSort sort = {TAG, false};
    q.partition = S("max");
    refused(&open_def, &q, "invalid_search_partition");
    q.partition = (Str){0};
    q.on_fields = &on;
    q.on_field_count = 1;
    refused(&open_def, &q, "invalid_search_attributes_to_search_on");
    on = 77;
    refused(&open_def, &q, "invalid_search_attributes_to_search_on");
    q.on_fields = NULL;
    q.on_field_count = 0;
    q.sort = &sort;
    q.sort_count = 1;
    refused(&open_def, &q, "invalid_search_sort");
    sort.field = -1;
    refused(&open_def, &q, "invalid_search_sort");
    sort.field = LIKES;
    q.distinct_field = TITLE;
    refused(&open_def, &q, "invalid_search_distinct");
    q.distinct_field = 900;
    refused(&open_def, &q, "invalid_search_distinct");
    q.distinct_field = -1;
    q.offset = -1;
    refused(&open_def, &q, "invalid_search_offset");
    q.offset = 0;
    q.limit = -1;
    refused(&open_def, &q, "invalid_search_limit");
    end();
}

TEST(a_partition_must_be_named_and_hides_all_others) {
    begin();
    few_docs(&owned_def);
    SearchRequest q = SEARCH_REQUEST;
    q.q = S("apple");
    refused(&owned_def, &q, "invalid_search_partition");
    q.partition = S("zoe");
    SearchResult r = ask(&owned_def, &q);
    keys_are(&r, "3 1 5");
    CHECK_INT(r.total, 3);
    q.partition = S("nobody");
    CHECK_INT(ask(&owned_def, &q).total, 0);
    q.partition = S("");
    CHECK_INT(ask(&owned_def, &q).total, 0);
    end();
}

TEST(of_hits_with_the_same_value_only_the_best_is_told) {
    begin();
    few_docs(&open_def);
    SearchRequest q = SEARCH_REQUEST;
    q.q = S("apple");
    q.distinct_field = TAG;
    SearchResult r = ask(&open_def, &q);
    keys_are(&r, "4 3 2");
    CHECK_INT(r.total, 3);
    q.distinct_field = LIKES;
    r = ask(&open_def, &q);
    keys_are(&r, "4 3 2 5");
    CHECK_INT(r.total, 4);
    q.offset = 2;
    q.limit = 1;
    r = ask(&open_def, &q);
    keys_are(&r, "2");
    CHECK_INT(r.total, 4);
    end();
}

TEST(a_facet_can_count_one_document_of_each_distinct_value) {
    begin();
    few_docs(&open_def);
    SearchRequest q = SEARCH_REQUEST;
    SearchFacetAsk facets[] = {SEARCH_FACET(TAG), SEARCH_FACET(TAG)};
    facets[0].distinct = true;
    q.q = S("apple");
    q.distinct_field = TAG;
    q.facets = facets;
    q.facet_count = 2;
    SearchResult r = ask(&open_def, &q);
    REQUIRE(r.facet_count == 2);
    CHECK_INT(r.facets[0].count, 2);
    CHECK_INT(r.facets[0].values[0].count, 1); /* fruit: three documents, one value */
    CHECK_INT(r.facets[0].values[1].count, 1);
    CHECK_INT(r.facets[1].values[0].count, 3);
    CHECK_INT(r.facets[1].values[1].count, 1);
    end();
}

TEST(hits_below_a_score_are_left_out_of_page_and_total) {
    begin();
    few_docs(&open_def);
    SearchRequest q = SEARCH_REQUEST;
    q.q = S("apple");
    q.scores = true;
    SearchResult all = ask(&open_def, &q);
    keys_are(&all, "4 3 2 1 5");
    CHECK_F64(all.hits[0].score, 1.0);
    q.score_threshold = all.hits[2].score;
    SearchResult r = ask(&open_def, &q);
    keys_are(&r, "4 3 2 1");
    CHECK_INT(r.total, 4);
    q.score_threshold = 1;
    r = ask(&open_def, &q);
    keys_are(&r, "4");
    q.limit = 0;
    r = ask(&open_def, &q);
    CHECK_INT(r.total, 1);
    CHECK_INT(r.count, 0);
    end();
}

TEST(a_strict_sort_comes_before_how_well_hits_match) {
    begin();
    SearchDocs *d = lot(&open_def);
    doc(d, 1, "apple pie", NULL, 10);
    doc(d, 2, "apple and then some pie", NULL, 30);
    doc(d, 3, "aple pie", NULL, 20);
    doc(d, 4, "apple tart", NULL, 40);
    view = view_of(&open_def, (const SearchDocs *const[]){d}, 1);
    SearchSort by_likes = {LIKES, true};
    SearchRequest q = SEARCH_REQUEST;
    q.q = S("apple pie ");
    q.sort = &by_likes;
    q.sort_count = 1;
    SearchResult r = ask(&open_def, &q);
    keys_are(&r, "1 2 3 4");
    q.sort_strictly = true;
    r = ask(&open_def, &q);
    keys_are(&r, "4 2 3 1");
    q.strategy = SEARCH_ALL;
    r = ask(&open_def, &q);
    keys_are(&r, "2 3 1");
    q.sort_count = 0; /* there is nothing to be strict about */
    r = ask(&open_def, &q);
    keys_are(&r, "1 2 3");
    end();
}

TEST(no_segments_and_pages_beyond_all_hits_are_empty) {
    begin();
    view = view_of(&open_def, NULL, 0);
    SearchRequest q = SEARCH_REQUEST;
    CHECK_INT(ask(&open_def, &q).total, 0);
    few_docs(&open_def);
    q.offset = INT64_MAX;
    q.limit = INT64_MAX;
    SearchResult r = ask(&open_def, &q);
    CHECK_INT(r.total, 5);
    CHECK_INT(r.count, 0);
    q.q = S("apple");
    q.distinct_field = TAG;
    CHECK_INT(ask(&open_def, &q).count, 0);
    q.offset = 3;
    q.distinct_field = -1;
    r = ask(&open_def, &q);
    keys_are(&r, "1 5");
    end();
}

/* -- Expensive ----------------------------------------------------------------------------------- */

enum { MANY = 120000 };

static void many_docs(void) {
    SearchDocs *d = lot(&open_def);
    for (int i = 0; i < MANY; i++) {
        search_doc(d, i);
        search_doc_text(d, TITLE,
                        strf(d->arena, "common w%d filler word%d usual", i % 97, i % 5003));
        search_doc_int(d, AT, i);
        search_doc_int(d, LIKES, i % 1000);
    }
    view = view_of(&open_def, (const SearchDocs *const[]){d}, 1);
}

TEST(beyond_the_budget_hits_follow_in_document_order_and_it_is_said) {
    begin();
    many_docs();
    SearchRequest q = SEARCH_REQUEST;
    q.q = S("usual common ");
    SearchResult r = ask(&open_def, &q);
    CHECK_INT(r.total, MANY);
    CHECK_INT(r.count, 20);
    CHECK(!r.ranked_fully);
    CHECK_INT(r.hits[0].key, MANY - 1);
    q.q = S("common ");
    r = ask(&open_def, &q);
    CHECK(r.ranked_fully);
    CHECK_INT(r.hits[19].key, MANY - 20);
    q.offset = MANY - 5;
    r = ask(&open_def, &q);
    CHECK_INT(r.count, 5);
    CHECK_INT(r.hits[4].key, 0);
    end();
}

TEST(hostile_queries_end_soon) {
    begin();
    many_docs();
    Buf longest = buf_new(c->arena, 20000), globs = buf_new(c->arena, 1000);
    Buf same = buf_new(c->arena, 1000), tree = buf_new(c->arena, 1000);
    for (int i = 0; i < 64; i++) {
        for (int n = 0; n < 250; n++) buf_byte(&longest, (char)('a' + (i + n) % 26));
        buf_byte(&longest, ' ');
        buf_f(&globs, "*%c* ", "wcomnularfie"[i % 12]);
        buf_add(&same, S("common "));
        buf_f(&tree, "%scommon", i ? " OR " : "");
    }
    Str hostile[] = {buf_str(&longest),
                     buf_str(&globs),
                     buf_str(&same),
                     buf_str(&tree),
                     S("*"),
                     S("a* OR w*"),
                     S("common NEAR/3 usual"),
                     S("\"usual common\""),
                     S("-common -usual"),
                     S("NOT *")};
    for (ptrdiff_t i = 0; i < COUNT(hostile); i++)
        for (int strategy = 0; strategy < 3; strategy++) {
            ArenaMark mark = arena_mark(c->arena);
            SearchRequest q = SEARCH_REQUEST;
            q.q = hostile[i];
            q.operators = true;
            q.strategy = (SearchStrategy)strategy;
            int64_t start = mono_us();
            ask(&open_def, &q);
            int64_t took = mono_us() - start;
            if (took > 20 * 1000000) printf("  query %d took %ld us\n", (int)i, (long)took);
            CHECK(took < 20 * 1000000); /* under sanitizers, on a busy machine */
            arena_release(c->arena, mark);
        }
    end();
}

TEST(a_document_of_a_million_words_is_searched_as_others) {
    begin();
    SearchDocs *d = lot(&open_def);
    Buf b = buf_new(c->arena, 8 * MIB);
    for (int i = 0; i < 1000000; i++) buf_add(&b, i % 3 ? S("same ") : S("word "));
    buf_add(&b, S("needle"));
    search_doc(d, 1);
    search_doc_text(d, BODY, buf_str(&b));
    doc(d, 2, "same needle", NULL, 1);
    view = view_of(&open_def, (const SearchDocs *const[]){d}, 1);
    SearchRequest q = SEARCH_REQUEST;
    q.details = true;
    q.strategy = SEARCH_ALL;
    q.q = S("same word needle ");
    SearchResult r = ask(&open_def, &q);
    keys_are(&r, "1");
    q.q = S("same needle ");
    r = ask(&open_def, &q);
    keys_are(&r, "2 1");
    CHECK_INT(r.hits[1].details.proximity, 2);
    q.q = S("\"same needle\"");
    r = ask(&open_def, &q);
    keys_are(&r, "2");
    q.q = S("word NEAR/1 needle");
    q.operators = true;
    r = ask(&open_def, &q);
    keys_are(&r, "1");
    end();
}

T_MAIN(T_ROW(wrong_requests_are_refused_with_their_code),
       T_ROW(a_partition_must_be_named_and_hides_all_others),
       T_ROW(of_hits_with_the_same_value_only_the_best_is_told),
       T_ROW(a_facet_can_count_one_document_of_each_distinct_value),
       T_ROW(hits_below_a_score_are_left_out_of_page_and_total),
       T_ROW(a_strict_sort_comes_before_how_well_hits_match),
       T_ROW(no_segments_and_pages_beyond_all_hits_are_empty),
       T_ROW(beyond_the_budget_hits_follow_in_document_order_and_it_is_said),
       T_ROW(hostile_queries_end_soon), T_ROW(a_document_of_a_million_words_is_searched_as_others))
