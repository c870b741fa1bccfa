/* SPDX-License-Identifier: Apache-2.0
 * What a query may take: time (a client that has gone, a deadline), memory, words that patterns
 * fit; and what is kept of former queries: how much, and that many threads may use it at once. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/time.h"
#include "search/keep.h"
#include "t.h"

enum { TITLE, TAG, AT, LIKES, FIELDS, DOCS = 20000 };
static const SearchField fields[FIELDS] = {
    [TITLE] = {"title", SEARCH_TEXT, SEARCH_FOR},
    [TAG] = {"tag", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER},
    [AT] = {"at", SEARCH_TIME, SEARCH_FILTER | SEARCH_SORT},
    [LIKES] = {"likes", SEARCH_INT, SEARCH_FILTER | SEARCH_SORT},
};
static const SearchDef def = {.name = "bounds",
                              .fields = fields,
                              .field_count = FIELDS,
                              .order_field = AT,
                              .partition_field = -1,
                              .tuning = {.stem = true}};

/* Half of the documents have each of 64 frequent words; each has one of its own. */
static Segment *segment_make(void) {
    Ctx c = {.arena = arena_new(1024 * MIB)};
    SearchDocs *d = search_docs_new(c.arena, &def);
    for (int i = 0; i < DOCS; i++) {
        Buf text = buf_new(d->arena, 1024);
        for (uint32_t k = 0; k < QUERY_TERMS; k++)
            if (((uint32_t)i * 2654435761u >> (k % 31)) & 1) buf_f(&text, "often%u ", k);
        buf_f(&text, "beyond%d", i);
        search_doc(d, i);
        search_doc_text(d, TITLE, buf_str(&text));
        search_doc_text(d, TAG, strf(d->arena, "tag%d", i % 500));
        search_doc_int(d, AT, i * US_PER_MINUTE);
        search_doc_int(d, LIKES, i % 1000);
    }
    SegmentWriter *w = segment_writer_new(&def);
    Segment *s = NULL;
    segment_writer_add(w, d);
    CHECK(!segment_writer_finish(&c, w, (Str){0}, &s));
    segment_writer_free(w);
    arena_free(c.arena);
    return s;
}

static View *view_of(Segment *s) {
    View *v = calloc(1, sizeof *v + sizeof *v->items);
    if (!v) abort();
    v->count = 1;
    v->items[0] = (ViewSegment){.segment = s, .live = segment_docs(s)};
    return v;
}

/* With its segment. */
static void view_free(View *v) {
    segment_release(v->items[0].segment);
    free(v);
}

static Str often(Arena *a, int words, int step) {
    Buf q = buf_new(a, 1024);
    for (int i = 0; i < words; i++) buf_f(&q, "often%d ", i * step);
    return buf_str(&q);
}

/* -- Time ---------------------------------------------------------------------------------------- */

TEST(a_query_past_its_deadline_or_cancelled_is_given_up) {
    View *view = view_of(segment_make());
    static const char *const texts[] = {"",        "often1",          "often1 often2 often3",
                                        "*1*",     "often1 NEAR/3 often2", "\"often1 often2\"",
                                        "-often1", "often1 OR often2"};
    SearchFacetAsk asks[] = {SEARCH_FACET(TAG), SEARCH_FACET(LIKES)};
    for (int i = 0; i < COUNT(texts); i++) {
        Ctx c = {.arena = arena_new(256 * MIB)};
        SearchRequest q = SEARCH_REQUEST;
        SearchResult r;
        q.q = str_c(texts[i]);
        q.operators = true;
        q.facets = asks;
        q.facet_count = COUNT(asks);
        c.deadline_us = mono_us() - 1;
        Err *err = engine_search(&c, &def, view, &q, &r);
        CHECK(err && err->kind == ERR_TIMEOUT);
        c.deadline_us = 0;
        c.cancelled = true;
        err = engine_search(&c, &def, view, &q, &r);
        CHECK(err && err->kind == ERR_CANCELLED);
        c.cancelled = false;
        c.deadline_us = mono_us() + 600 * US_PER_SECOND;
        CHECK(!engine_search(&c, &def, view, &q, &r));
        arena_free(c.arena);
    }
    view_free(view);
}

typedef struct Asking {
    View *view;
    Ctx c;
    atomic_int answers;
    ErrKind ended;
} Asking;

/* An answer takes long: texts are read for each of many documents. */
static void *ask_until_error(void *arg) {
    Asking *a = arg;
    int64_t until = mono_us() + 50 * US_PER_SECOND;
    for (Err *err = NULL; !err && mono_us() < until;) {
        SearchRequest q = SEARCH_REQUEST;
        SearchResult r;
        q.q = S("often1 NEAR/9 often2 NEAR/9 often3");
        q.operators = true;
        err = engine_search(&a->c, &def, a->view, &q, &r);
        if (err)
            a->ended = err->kind;
        else
            arena_reset(a->c.arena);
        atomic_fetch_add(&a->answers, 1);
    }
    return NULL;
}

TEST(a_query_is_given_up_when_another_thread_cancels_it) {
    Asking a = {.view = view_of(segment_make()), .c = {.arena = arena_new(256 * MIB)}};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, ask_until_error, &a) == 0);
    while (atomic_load(&a.answers) == 0) sched_yield();
    __atomic_store_n(&a.c.cancelled, true, __ATOMIC_RELAXED); /* as coro_cancel does */
    pthread_join(thread, NULL);
    CHECK_INT(a.ended, ERR_CANCELLED);
    arena_free(a.c.arena);
    view_free(a.view);
}

/* -- Memory -------------------------------------------------------------------------------------- */

/* Were each word's sets kept until the end, 64 words would take 7 MiB over so many documents. */
enum { MEMORY = 4 * MIB };

static bool fits(View *view, Str text, SearchStrategy strategy, int64_t *total) {
    jmp_buf full;
    Ctx c = {.arena = arena_new(MEMORY)};
    arena_on_full(c.arena, &full);
    bool over = setjmp(full) != 0;
    if (!over) {
        SearchRequest q = SEARCH_REQUEST;
        SearchResult r;
        q.q = text;
        q.strategy = strategy;
        CHECK(!engine_search(&c, &def, view, &q, &r));
        *total = r.total;
    } else
        ctx_undo(&c, NULL);
    arena_free(c.arena);
    return !over;
}

TEST(many_frequent_words_are_answered_in_little_memory) {
    View *view = view_of(segment_make());
    Arena *a = arena_new(MIB);
    Str many = often(a, QUERY_TERMS, 1), same = often(a, QUERY_TERMS, 0);
    int64_t total = 0, single = 0;
    CHECK(fits(view, S("often0 "), SEARCH_ALL, &single));
    CHECK(single > DOCS / 3);
    for (int strategy = 0; strategy < 3; strategy++) {
        CHECK(fits(view, same, (SearchStrategy)strategy, &total));
        CHECK_INT(total, single);
        CHECK(fits(view, many, (SearchStrategy)strategy, &total));
    }
    arena_free(a);
    view_free(view);
}

/* -- Patterns ------------------------------------------------------------------------------------ */

TEST(patterns_that_fit_too_many_words_are_refused) {
    View *view = view_of(segment_make());
    Ctx c = {.arena = arena_new(512 * MIB)};
    SearchRequest q = SEARCH_REQUEST;
    SearchResult r;
    q.operators = true;
    q.q = S("*nd1?3*");
    CHECK(!engine_search(&c, &def, view, &q, &r));
    CHECK(r.total > 0 && !r.total_estimated);
    Buf all = buf_new(c.arena, 1024), none = buf_new(c.arena, 1024);
    for (int i = 0; i < QUERY_TERMS; i++) {
        buf_f(&all, "*%d%d* ", i / 10, i % 10);
        buf_f(&none, "%s*%d%d*", i ? " NOT " : "NOT ", i / 10, i % 10);
    }
    Str broad[] = {buf_str(&all), buf_str(&none)};
    for (int i = 0; i < COUNT(broad); i++) {
        q.q = broad[i];
        Err *err = engine_search(&c, &def, view, &q, &r);
        CHECK(err && err->kind == ERR_INVALID);
        if (err) CHECK_STR(err->code, S("invalid_search_q"));
    }
    arena_free(c.arena);
    view_free(view);
}

/* -- What is guessed ----------------------------------------------------------------------------- */

static int64_t cost(View *view, const char *text, int64_t offset, ptrdiff_t facets) {
    SearchFacetAsk asks[] = {SEARCH_FACET(LIKES)};
    Ctx c = {.arena = arena_new(16 * MIB)};
    SearchRequest q = SEARCH_REQUEST;
    q.q = str_c(text);
    q.operators = true;
    q.offset = offset;
    q.facets = asks;
    q.facet_count = facets;
    int64_t us = engine_cost_us(&c, &def, view, &q);
    arena_free(c.arena);
    return us;
}

TEST(dear_queries_are_known_beforehand) {
    View *view = view_of(segment_make());
    int64_t word = cost(view, "beyond77 ", 0, 0);
    CHECK(word > 0 && word < 1000);
    CHECK(cost(view, "often1 often2 ", 0, 0) > word);
    CHECK(cost(view, "often1 ", 10000, 0) > 1000);
    CHECK(cost(view, "often1 NEAR/2 often2", 0, 0) > 1000);
    CHECK(cost(view, "*a*", 0, 0) > 1000);
    CHECK(cost(view, "often1 ", 0, 1) > cost(view, "often1 ", 0, 0));
    view_free(view);
}

/* -- What is kept -------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 400, WORDS = 300 };

typedef struct Round {
    View *view;
    const int64_t *totals;
    uint32_t seed;
    int wrong;
} Round;

static int64_t total_of(View *view, Arena *a, int word) {
    Ctx c = {.arena = a};
    SearchRequest q = SEARCH_REQUEST;
    SearchResult r;
    q.q = word < QUERY_TERMS ? strf(a, "often%d", word) : strf(a, "beyond%d", word);
    Err *err = engine_search(&c, &def, view, &q, &r);
    int64_t total = err ? -1 : r.total;
    arena_reset(a);
    return total;
}

static void *rounds_run(void *arg) {
    Round *r = arg;
    Arena *a = arena_new(64 * MIB);
    for (int i = 0; i < ROUNDS; i++) {
        r->seed = r->seed * 1664525 + 1013904223;
        int word = (int)(r->seed >> 16) % WORDS;
        r->wrong += total_of(r->view, a, word) != r->totals[word];
    }
    arena_free(a);
    return NULL;
}

TEST(what_is_kept_is_bounded_and_of_use_to_many_threads) {
    Segment *s = segment_make(), *fresh = segment_make();
    View *view = view_of(s), *unasked = view_of(fresh);
    Arena *a = arena_new(64 * MIB);
    int64_t totals[WORDS];
    for (int i = 0; i < WORDS; i++) totals[i] = total_of(unasked, a, i);
    CHECK_INT(keep_bytes(fresh), 0); /* of what came once */
    Round rounds[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        rounds[i] = (Round){.view = view, .totals = totals, .seed = (uint32_t)i};
        CHECK(pthread_create(&threads[i], NULL, rounds_run, &rounds[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_INT(rounds[i].wrong, 0);
    }
    CHECK(keep_bytes(s) > 0);
    CHECK(keep_bytes(s) <= DOCS * KEEP_BYTES_DOC);
    arena_free(a);
    view_free(view);
    view_free(unasked);
}

static SearchFacet histogram(Ctx *c, View *view, const char *text, SearchUnit unit, int64_t limit) {
    SearchFacetAsk days = {.field = AT, .unit = unit, .limit = limit, .sum_field = -1};
    SearchRequest q = SEARCH_REQUEST;
    SearchResult r;
    q.q = str_c(text);
    q.facets = &days;
    q.facet_count = 1;
    CHECK(!engine_search(c, &def, view, &q, &r));
    return r.facets[0];
}

TEST(a_histogram_asked_again_is_the_same) {
    static const char *const texts[] = {"", "often1 ", "beyond7000 ", "often2 often3"};
    View *view = view_of(segment_make());
    Ctx c = {.arena = arena_new(256 * MIB)};
    SearchFacet first[COUNT(texts)];
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < COUNT(texts); i++) {
            View *asked = round ? view : view_of(segment_make()); /* of the first, nothing is kept */
            SearchFacet f = histogram(&c, asked, texts[i], i == 3 ? SEARCH_HOUR : SEARCH_DAY, 9);
            if (round == 0) {
                first[i] = f;
                view_free(asked);
            }
            CHECK_INT(f.count, first[i].count);
            for (ptrdiff_t k = 0; k < f.count; k++) {
                CHECK_INT(f.values[k].number, first[i].values[k].number);
                CHECK_INT(f.values[k].count, first[i].values[k].count);
            }
        }
    CHECK_INT(first[0].count, 9);
    CHECK_INT(first[0].values[0].count, 24 * 60);
    CHECK(keep_bytes(view->items[0].segment) > 0);
    arena_free(c.arena);
    view_free(view);
}

T_MAIN(T_ROW(a_query_past_its_deadline_or_cancelled_is_given_up),
       T_ROW(a_query_is_given_up_when_another_thread_cancels_it),
       T_ROW(many_frequent_words_are_answered_in_little_memory),
       T_ROW(patterns_that_fit_too_many_words_are_refused),
       T_ROW(dear_queries_are_known_beforehand),
       T_ROW(a_histogram_asked_again_is_the_same),
       T_ROW(what_is_kept_is_bounded_and_of_use_to_many_threads))
