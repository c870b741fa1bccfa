/* SPDX-License-Identifier: Apache-2.0
 * The engine against a plain table: whatever is put, removed, merged, flushed and opened again, what
 * is found is what the table has. */
#include "engine_world.h"
#include "search/engine_room.h"

static Ctx *c;

static bool good(Err *err) {
    if (err) printf("  %.*s\n", S_ARG(err_chain(c->arena, err)));
    return CHECK(err == NULL);
}

static SearchEngine *opened(Str folder) {
    SearchEngine *e = NULL;
    Str healed;
    good(engine_open(c, &e_def, folder, &e, &healed));
    CHECK_STR(healed, ((Str){0}));
    return e;
}

/* One batch: `count` changes of random keys. */
typedef struct Changes {
    Rand rand;
    int64_t version, change;
    EModel model;
} Changes;

static void change_one(Changes *x, SearchDocs *d) {
    int64_t key = rand_below(&x->rand, x->model.keys);
    if (rand_below(&x->rand, 4) == 0) {
        search_doc_gone(d, key);
        x->model.versions[key] = 0;
    } else {
        e_describe(d, key, ++x->version);
        x->model.versions[key] = x->version;
    }
    x->change++;
}

static void apply_some(SearchEngine *e, Changes *x, int64_t count) {
    Arena *a = arena_new(256 * MIB);
    SearchDocs *d = e_docs(a);
    while (count-- > 0) change_one(x, d);
    good(engine_apply(c, e, d, x->change));
    arena_free(a);
}

static Changes changes_new(int keys, uint64_t seed) {
    Changes x = {.rand = {seed}, .model = {.keys = keys}};
    x.model.versions = arena_array(c->arena, int64_t, keys);
    return x;
}

TEST(an_empty_engine_has_an_empty_view) {
    SearchEngine *e = opened((Str){0});
    View *v = engine_view(e);
    CHECK_INT(v->count, 0);
    CHECK_INT(v->covered, 0);
    CHECK_INT(view_documents(v), 0);
    view_release(v);
    engine_close(e);
}

TEST(a_batch_is_seen_whole_and_by_those_who_look_afterwards) {
    SearchEngine *e = opened((Str){0});
    View *before = engine_view(e);
    SearchDocs *d = e_docs(c->arena);
    e_describe(d, 1, 10);
    e_describe(d, 2, 11);
    e_describe(d, 1, 12); /* the last one counts */
    search_doc_gone(d, 2);
    search_doc_gone(d, 77); /* never was there */
    good(engine_apply(c, e, d, 5));
    View *after = engine_view(e);
    CHECK_INT(view_documents(before), 0);
    CHECK_INT(view_documents(after), 1);
    CHECK_INT(after->covered, 5);
    EModel m = {.versions = (int64_t[]){0, 12, 0}, .keys = 3};
    CHECK(e_same(after, &m));
    good(engine_apply(c, e, e_docs(c->arena), 9)); /* nothing but a number */
    View *last = engine_view(e);
    CHECK_INT(last->covered, 9);
    CHECK(e_same(last, &m));
    view_release(last);
    view_release(after);
    view_release(before);
    engine_close(e);
}

TEST(whatever_is_put_and_removed_is_as_in_a_table) {
    SearchEngine *e = opened((Str){0});
    Changes x = changes_new(400, 1);
    for (int i = 0; i < 600; i++) {
        apply_some(e, &x,
                   rand_below(&x.rand, 5) ? 1 + rand_below(&x.rand, 3) : rand_below(&x.rand, 300));
        bool merged;
        if (rand_below(&x.rand, 20) == 0) good(engine_merge(c, e, &merged));
        if (!e_same_now(e, &x.model)) break;
    }
    engine_close(e);
}

TEST(one_document_changed_ten_thousand_times_takes_no_room) {
    SearchEngine *e = opened((Str){0});
    Changes x = changes_new(2000, 2);
    apply_some(e, &x, 5000);
    int most = 0;
    for (int i = 0; i < 10000; i++) {
        Arena *a = arena_new(MIB);
        SearchDocs *d = e_docs(a);
        e_describe(d, 7, ++x.version);
        x.model.versions[7] = x.version;
        good(engine_apply(c, e, d, ++x.change));
        arena_free(a);
        View *v = engine_view(e);
        most = v->count > most ? v->count : most;
        int64_t bytes = 0;
        for (int k = 0; k < v->count; k++) bytes += segment_bytes(v->items[k].segment);
        view_release(v);
        if (!CHECK(bytes < 2 * MIB)) break;
    }
    CHECK(most <= 12);
    CHECK(e_same_now(e, &x.model));
    engine_close(e);
}

/* Also when nobody calls engine_merge. */
TEST(a_view_never_has_many_segments) {
    SearchEngine *e = opened((Str){0});
    Changes x = changes_new(100000, 3);
    int most = 0;
    for (int i = 0; i < 900; i++) {
        apply_some(e, &x, i % 3 ? 1 + rand_below(&x.rand, 20) : rand_below(&x.rand, 300));
        View *v = engine_view(e);
        most = v->count > most ? v->count : most;
        view_release(v);
    }
    CHECK(most <= 3 * (TIER_SEGMENTS_LATE + 1) + TIER_SEGMENTS_MOST);
    bool merged = true;
    while (merged) good(engine_merge(c, e, &merged));
    View *v = engine_view(e);
    CHECK(v->count <= 5 * TIER_SEGMENTS);
    view_release(v);
    CHECK(e_same_now(e, &x.model));
    engine_close(e);
}

TEST(a_segment_that_is_mostly_dead_is_written_anew) {
    SearchEngine *e = opened((Str){0});
    SearchDocs *d = e_docs(c->arena), *gone = e_docs(c->arena);
    for (int i = 0; i < 20000; i++) e_describe(d, i, 1 + i);
    good(engine_apply(c, e, d, 1));
    for (int i = 0; i < 8000; i++) search_doc_gone(gone, i);
    good(engine_apply(c, e, gone, 2));
    bool merged;
    good(engine_merge(c, e, &merged));
    CHECK(merged);
    View *v = engine_view(e);
    CHECK_INT(v->count, 1);
    CHECK_INT(segment_docs(v->items[0].segment), 12000);
    CHECK(v->items[0].dead == NULL);
    CHECK_INT(v->covered, 2);
    view_release(v);
    good(engine_merge(c, e, &merged));
    CHECK(!merged);
    engine_close(e);
}

int main(int argc, char **argv) {
    static const T rows[] = {
        T_ROW(an_empty_engine_has_an_empty_view),
        T_ROW(a_batch_is_seen_whole_and_by_those_who_look_afterwards),
        T_ROW(whatever_is_put_and_removed_is_as_in_a_table),
        T_ROW(one_document_changed_ten_thousand_times_takes_no_room),
        T_ROW(a_view_never_has_many_segments),
        T_ROW(a_segment_that_is_mostly_dead_is_written_anew),
    };
    Ctx ctx = {.arena = arena_new(64 * MIB)};
    c = &ctx;
    int status = t_main(argc, argv, rows, (int)COUNT(rows));
    arena_free(ctx.arena);
    return status;
}
