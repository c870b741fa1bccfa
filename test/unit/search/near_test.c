/* SPDX-License-Identifier: Apache-2.0
 * Searching by meaning: what the engine finds is what looking at every document would find, however the
 * documents came, were changed, removed, merged, written and opened again. */
#include <signal.h>
#include <sys/wait.h>

#include "rt/internal.h"
#include "search/engine_room.h"
#include "vectors_world.h"

static Ctx *c;
static const int dims_tried[] = {1, 2, 24, 100, 130, 768};

static bool good(Err *err) {
    if (err) printf("  %.*s\n", S_ARG(err_chain(c->arena, err)));
    return CHECK(err == NULL);
}

static SearchEngine *engine_new(const SearchDef *def, Str folder) {
    SearchEngine *e = NULL;
    Str healed;
    good(engine_open(c, def, folder, &e, &healed));
    return e;
}

static void apply(SearchEngine *e, const SearchDef *def, int64_t after, int64_t upto) {
    Arena *a = arena_new(512 * MIB);
    good(engine_apply(c, e, v_docs(a, def, after, upto), upto));
    arena_free(a);
}

static Err *asked(SearchEngine *e, const SearchDef *def, const SearchRequest *q,
                  SearchResult *out) {
    View *v = engine_view(e);
    Err *err = engine_search(c, def, v, q, out);
    view_release(v);
    return err;
}

/* One of many questions, asked both ways. */
static bool asked_alike(SearchEngine *e, const SearchDef *def, int64_t covered, Rand *r) {
    ArenaMark mark = arena_mark(c->arena);
    static VFound all[V_KEYS];
    float x[VECTOR_DIMS_MAX];
    char owner[16];
    v_vector(rand_below(r, 3) ? rand_below(r, 3000) : 1 + rand_below(r, covered + 1), def->dims, x);
    VAsk ask = {.covered = covered, .vector = x, .dims = def->dims, .owner = -1, .group = -1};
    ask.at_below = rand_below(r, 4) ? INT64_MAX : rand_below(r, 1100);
    ask.threshold = rand_below(r, 3) ? -1 : 0.999 * rand_unit(r) - 0.2;
    if (def->partition_field >= 0) ask.owner = (int)rand_below(r, V_OWNERS);
    if (rand_below(r, 3) == 0) ask.group = (int)rand_below(r, V_GROUPS);
    SearchNear near = {.vector = x, .threshold = ask.threshold};
    SearchRequest q = SEARCH_REQUEST;
    q.near = &near;
    q.filter = v_filter(c->arena, &ask);
    snprintf(owner, sizeof owner, "o%d", ask.owner);
    if (ask.owner >= 0) q.partition = str_c(owner);
    q.offset = rand_below(r, 3) ? 0 : rand_below(r, 60);
    q.limit = rand_below(r, 4) ? 1 + rand_below(r, 20) : rand_below(r, 600);
    SearchResult result;
    bool same = good(asked(e, def, &q, &result));
    ptrdiff_t count = v_all(&ask, all);
    same = same && v_same(&result, q.offset, q.limit, all, count);
    if (!same)
        printf("  dims %d, covered %lld, threshold %g, offset %lld, limit %lld\n", def->dims,
               (long long)covered, ask.threshold, (long long)q.offset, (long long)q.limit);
    arena_release(c->arena, mark);
    return same;
}

TEST(the_nearest_are_those_that_looking_at_every_document_finds) {
    for (int d = 0; d < 2 * COUNT(dims_tried); d++) {
        SearchDef def = v_def_of(dims_tried[d / 2], d % 2);
        SearchEngine *e = engine_new(&def, (Str){0});
        Rand r = {(uint64_t)d + 1};
        int64_t now = 0;
        while (now < 2500) {
            int64_t upto = now + 1 + rand_below(&r, rand_below(&r, 5) ? 20 : 400);
            apply(e, &def, now, upto);
            now = upto;
            bool merged = rand_below(&r, 5) == 0;
            if (merged) good(engine_merge(c, e, &merged));
            for (int i = 0; i < 4; i++)
                if (!asked_alike(e, &def, now, &r)) goto next;
        }
    next:
        engine_close(e);
    }
}

TEST(an_index_that_holds_nothing_finds_nothing) {
    SearchDef def = v_def_of(24, false);
    SearchEngine *e = engine_new(&def, (Str){0});
    float x[24] = {1};
    SearchNear near = {.vector = x, .threshold = -1};
    SearchRequest q = SEARCH_REQUEST;
    SearchResult result;
    q.near = &near;
    good(asked(e, &def, &q, &result));
    CHECK_INT(result.total, 0);
    CHECK_INT(result.count, 0);
    q.q = S("sea");
    good(asked(e, &def, &q, &result));
    CHECK_INT(result.total, 0);
    engine_close(e);
}

TEST(copies_come_by_key_and_opposites_are_found_too) {
    SearchDef def = v_def_of(3, false);
    SearchEngine *e = engine_new(&def, (Str){0});
    SearchDocs *d = search_docs_new(c->arena, &def);
    float x[3] = {0.3f, -0.2f, 5}, y[3] = {-0.3f, 0.2f, -5}, z[3] = {3, -2, 50};
    for (int64_t key = 40; key > 0; key--) {
        search_doc(d, key);
        search_doc_int(d, V_AT, key * 7919 % 41);
        search_doc_vector(d, key % 3 == 0 ? y : x);
    }
    good(engine_apply(c, e, d, 1));
    SearchNear near = {.vector = z, .threshold = -1};
    SearchRequest q = SEARCH_REQUEST;
    SearchResult result;
    q.near = &near;
    q.limit = 50;
    good(asked(e, &def, &q, &result));
    CHECK_INT(result.total, 40);
    REQUIRE(CHECK_INT(result.count, 40));
    for (int i = 0; i < 40; i++) {
        CHECK_INT(result.hits[i].key, i < 27 ? 1 + i / 2 * 3 + i % 2 : 3 * (i - 26));
        CHECK(fabs(result.hits[i].similarity - (i < 27 ? 1 : -1)) < 1e-6);
        CHECK(result.hits[i].score >= 0 && result.hits[i].score <= 1);
        CHECK_INT(result.hits[i].keyword_rank, 0);
    }
    q.score_threshold = 0.5; /* of (1 + cosine) / 2 */
    good(asked(e, &def, &q, &result));
    CHECK_INT(result.total, 27);
    engine_close(e);
}

/* -- Words and meaning ----------------------------------------------------------------------------- */

typedef struct Fused {
    int64_t key;
    int keyword_rank, vector_rank;
    double score;
} Fused;

static int fused_cmp(const void *x, const void *y) {
    const Fused *a = x, *b = y;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->key < b->key ? -1 : 1;
}

static Fused *fused_of(Fused *all, ptrdiff_t *count, int64_t key) {
    for (ptrdiff_t i = 0; i < *count; i++)
        if (all[i].key == key) return &all[i];
    all[*count] = (Fused){.key = key};
    return &all[(*count)++];
}

/* From the two orders as the engine gives them each by itself. */
static ptrdiff_t fuse(const SearchResult *words, const SearchResult *meanings, Fused *all) {
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; words && i < words->count; i++)
        fused_of(all, &count, words->hits[i].key)->keyword_rank = (int)i + 1;
    for (ptrdiff_t i = 0; i < meanings->count; i++)
        fused_of(all, &count, meanings->hits[i].key)->vector_rank = (int)i + 1;
    for (ptrdiff_t i = 0; i < count; i++) {
        Fused *f = &all[i];
        if (f->keyword_rank) f->score += 1.0 / (60 + f->keyword_rank);
        if (f->vector_rank) f->score += 1.0 / (60 + f->vector_rank);
    }
    if (count) qsort(all, (size_t)count, sizeof *all, fused_cmp);
    return count;
}

static bool hit_is(const SearchHit *hit, const Fused *f, const VAsk *ask, const int64_t *of) {
    int64_t n = of[f->key + 100];
    float x[VECTOR_DIMS_MAX];
    bool fine = CHECK_INT(hit->key, f->key) && CHECK_INT(hit->keyword_rank, f->keyword_rank) &&
                CHECK_INT(hit->vector_rank, f->vector_rank) && CHECK_F64(hit->score, f->score) &&
                CHECK_INT(isnan(hit->similarity), !v_has(n));
    if (!fine || !v_has(n)) return fine;
    v_vector(n, ask->dims, x);
    return CHECK(fabs(hit->similarity - v_cosine(ask->vector, x, ask->dims)) < V_EQUAL);
}

static bool facet_is(const SearchResult *r, const Fused *all, ptrdiff_t count, const int64_t *of) {
    int64_t counts[V_GROUPS] = {0}, told = 0, values = 0;
    for (ptrdiff_t i = 0; i < count; i++) counts[v_group(of[all[i].key + 100])]++;
    for (int g = 0; g < V_GROUPS; g++) values += counts[g] > 0;
    if (!CHECK_INT(r->facets[0].count, values)) return false;
    for (ptrdiff_t i = 0; i < r->facets[0].count; i++) {
        const SearchValue *v = &r->facets[0].values[i];
        if (!CHECK_INT(v->count, counts[v->value.data[1] - '0'])) return false;
        told += v->count;
    }
    return CHECK_INT(told, count);
}

static bool blended_alike(SearchEngine *e, const SearchDef *def, int64_t covered, Rand *r) {
    static const char *const queries[] = {"word1", "word2 sea",       "even3 -word4", "nowhere",
                                          "wrod5", "\"word6 even1\"", "sea"};
    static Fused all[4000];
    ArenaMark mark = arena_mark(c->arena);
    float x[VECTOR_DIMS_MAX];
    int64_t of[V_KEYS];
    v_state(covered, of);
    v_vector(rand_below(r, 3000), def->dims, x);
    VAsk ask = {.covered = covered, .vector = x, .dims = def->dims, .owner = -1, .group = -1};
    ask.at_below = rand_below(r, 3) ? INT64_MAX : rand_below(r, 1100);
    SearchFacetAsk facet = SEARCH_FACET(V_GROUP);
    SearchNear near = {.vector = x, .threshold = rand_below(r, 3) ? -1 : rand_unit(r)};
    near.depth = rand_below(r, 3) ? 1 + rand_below(r, 40) : 0;
    SearchRequest q = SEARCH_REQUEST;
    q.q = str_c(queries[rand_below(r, COUNT(queries))]);
    q.filter = v_filter(c->arena, &ask);
    q.limit = near.depth ? near.depth : 100;
    SearchResult words, meanings, got;
    bool fine = good(asked(e, def, &q, &words));
    q.near = &near;
    if (str_eq(q.q, S("even3 -word4"))) { /* what is not wanted is not near either */
        q.q = S("-word4");
        fine = fine && good(asked(e, def, &q, &meanings));
        q.q = S("even3 -word4");
    } else {
        Str text = q.q;
        q.q = S(" ");
        fine = fine && good(asked(e, def, &q, &meanings));
        q.q = text;
    }
    q.facets = &facet;
    q.facet_count = 1;
    q.offset = rand_below(r, 30);
    q.limit = rand_below(r, 30);
    fine = fine && good(asked(e, def, &q, &got));
    ptrdiff_t count = fine ? fuse(&words, &meanings, all) : 0;
    int64_t want = min_i64(q.limit, max_i64(0, count - q.offset));
    fine = fine && CHECK_INT(got.total, count) && CHECK_INT(got.count, want) &&
           facet_is(&got, all, count, of);
    for (int64_t i = 0; i < want && fine; i++)
        fine = hit_is(&got.hits[i], &all[q.offset + i], &ask, of);
    arena_release(c->arena, mark);
    return fine;
}

TEST(words_and_meaning_are_blended_as_doing_so_by_hand_would) {
    for (int d = 0; d < COUNT(dims_tried); d++) {
        SearchDef def = v_def_of(dims_tried[d], false);
        SearchEngine *e = engine_new(&def, (Str){0});
        Rand r = {(uint64_t)d + 50};
        for (int64_t now = 0; now < 2400; now += 200) {
            apply(e, &def, now, now + 200);
            for (int i = 0; i < 20; i++)
                if (!blended_alike(e, &def, now + 200, &r)) goto next;
        }
    next:
        engine_close(e);
    }
}

TEST(of_hits_with_the_same_value_the_nearest_stays) {
    SearchDef def = v_def_of(24, false);
    SearchEngine *e = engine_new(&def, (Str){0});
    static VFound all[V_KEYS];
    float x[24];
    apply(e, &def, 0, 2000);
    for (int64_t n = 1; n < 60; n++) {
        bool seen[V_GROUPS] = {0};
        v_vector(n, 24, x);
        VAsk ask = {2000, x, 24, -1, -1, INT64_MAX, n % 2 ? -1 : 0.3};
        ptrdiff_t count = v_all(&ask, all), kept = 0;
        for (ptrdiff_t i = 0; i < count; i++) {
            if (seen[v_group(all[i].n)]) continue;
            seen[v_group(all[i].n)] = true;
            all[kept++] = all[i];
        }
        SearchNear near = {.vector = x, .threshold = ask.threshold};
        SearchRequest q = SEARCH_REQUEST;
        SearchResult got;
        q.near = &near;
        q.distinct_field = V_GROUP;
        q.limit = 1 + n % 6;
        good(asked(e, &def, &q, &got));
        CHECK_INT(got.total, kept);
        REQUIRE(CHECK_INT(got.count, min_i64(kept, q.limit)));
        for (ptrdiff_t i = 0; i < got.count; i++)
            CHECK(fabs(got.hits[i].similarity - all[i].cosine) < V_EQUAL);
        q.q = S("sea word3");
        good(asked(e, &def, &q, &got));
        CHECK_INT(got.total, V_GROUPS);
    }
    engine_close(e);
}

TEST(facets_count_those_that_reach_the_threshold) {
    SearchDef def = v_def_of(24, false);
    SearchEngine *e = engine_new(&def, (Str){0});
    static VFound all[V_KEYS];
    float x[24];
    apply(e, &def, 0, 2000);
    for (int64_t n = 1; n < 40; n++) {
        v_vector(n, 24, x);
        VAsk ask = {2000, x, 24, -1, -1, INT64_MAX, n % 3 ? 0.1 * (double)(n % 9) : -1};
        ptrdiff_t count = v_all(&ask, all);
        int64_t counts[V_GROUPS] = {0}, told = 0;
        for (ptrdiff_t i = 0; i < count; i++) counts[v_group(all[i].n)]++;
        SearchFacetAsk facet = SEARCH_FACET(V_GROUP);
        SearchNear near = {.vector = x, .threshold = ask.threshold};
        SearchRequest q = SEARCH_REQUEST;
        SearchResult got;
        q.near = &near;
        q.facets = &facet;
        q.facet_count = 1;
        q.limit = n % 2 ? 0 : 3;
        good(asked(e, &def, &q, &got));
        CHECK_INT(got.total, count);
        for (ptrdiff_t i = 0; i < got.facets[0].count; i++) {
            const SearchValue *v = &got.facets[0].values[i];
            CHECK_INT(v->count, counts[v->value.data[1] - '0']);
            told += v->count;
        }
        CHECK_INT(told, count);
    }
    engine_close(e);
}

TEST(an_order_that_somebody_else_gives_is_blended_alike) {
    SearchDef def = v_def_of(24, false);
    SearchEngine *e = engine_new(&def, (Str){0});
    float x[24];
    apply(e, &def, 0, 1500);
    for (int64_t n = 1; n < 40; n++) {
        v_vector(n, 24, x);
        SearchNear near = {.vector = x, .threshold = n % 2 ? -1 : 0.2, .depth = 50};
        SearchRequest q = SEARCH_REQUEST;
        SearchResult order, own, got;
        q.near = &near;
        q.limit = 50;
        good(asked(e, &def, &q, &order));
        int64_t *keys = arena_array(c->arena, int64_t, order.count + 1);
        double *cosines = arena_array(c->arena, double, order.count + 1);
        keys[0] = 123456; /* one that the view has no more */
        cosines[0] = 1;
        for (ptrdiff_t i = 0; i < order.count; i++) {
            keys[i + 1] = order.hits[i].key;
            cosines[i + 1] = order.hits[i].similarity;
        }
        VectorAnswer given = {keys, cosines, order.count + 1, order.total};
        View *v = engine_view(e);
        for (int words = 0; words < 2; words++) {
            q.q = words ? S("word3 sea") : (Str){0};
            good(engine_search(c, &def, v, &q, &own));
            good(engine_search_given(c, &def, v, &q, &given, &got));
            CHECK_INT(got.total, own.total);
            if (!CHECK_INT(got.count, own.count)) break;
            for (ptrdiff_t i = 0; i < got.count; i++) {
                CHECK_INT(got.hits[i].key, own.hits[i].key);
                CHECK_INT(got.hits[i].vector_rank, own.hits[i].vector_rank);
                CHECK_F64(got.hits[i].score, own.hits[i].score);
            }
        }
        view_release(v);
    }
    engine_close(e);
}

/* -- What is refused ------------------------------------------------------------------------------- */

static void refused(SearchEngine *e, const SearchDef *def, const SearchRequest *q,
                    const char *code) {
    SearchResult out;
    Err *err = asked(e, def, q, &out);
    if (!CHECK(err && err->kind == ERR_INVALID)) return;
    CHECK_STR(err->code, str_c(code));
}

TEST(what_is_no_vector_is_refused) {
    SearchDef def = v_def_of(4, false);
    SearchEngine *e = engine_new(&def, (Str){0});
    float bad[][4] = {{0, 0, 0, -0.0f}, {1, NAN, 0, 0}, {1, 0, 0, INFINITY}, {-INFINITY, 1, 1, 1}};
    float fine[4] = {0, 0, 0, 1e-44f};
    SearchNear near = {.threshold = -1};
    SearchRequest q = SEARCH_REQUEST;
    SearchResult out;
    q.near = &near;
    refused(e, &def, &q, "invalid_search_vector");
    for (int i = 0; i < COUNT(bad); i++) {
        near.vector = bad[i];
        refused(e, &def, &q, "invalid_search_vector");
    }
    near.vector = fine;
    good(asked(e, &def, &q, &out));
    near.threshold = NAN;
    refused(e, &def, &q, "invalid_search_vector");
    near.threshold = 0;
    near.depth = 1001;
    refused(e, &def, &q, "invalid_search_vector");
    near.depth = -1;
    refused(e, &def, &q, "invalid_search_vector");
    near.depth = 0;
    SearchSort by = {.field = V_AT};
    q.sort = &by;
    q.sort_count = 1;
    refused(e, &def, &q, "invalid_search_sort");
    q.q = S("sea");
    good(asked(e, &def, &q, &out));
    engine_close(e);

    static const SearchField words_only[] = {{"text", SEARCH_TEXT, SEARCH_FOR}};
    SearchDef plain = {.name = "plain",
                       .fields = words_only,
                       .field_count = 1,
                       .order_field = -1,
                       .partition_field = -1};
    e = engine_new(&plain, (Str){0});
    q = SEARCH_REQUEST;
    q.near = &near;
    refused(e, &plain, &q, "invalid_search_vector");
    engine_close(e);
}

TEST(who_is_gone_or_late_is_not_searched_for) {
    SearchDef def = v_def_of(24, false);
    SearchEngine *e = engine_new(&def, (Str){0});
    float x[24] = {1};
    SearchNear near = {.vector = x, .threshold = -1};
    SearchRequest q = SEARCH_REQUEST;
    SearchResult out;
    q.near = &near;
    apply(e, &def, 0, 800);
    c->cancelled = true;
    Err *err = asked(e, &def, &q, &out);
    c->cancelled = false;
    CHECK(err && err->kind == ERR_CANCELLED);
    c->deadline_us = mono_us() - 1;
    err = asked(e, &def, &q, &out);
    c->deadline_us = 0;
    CHECK(err && err->kind == ERR_TIMEOUT);
    good(asked(e, &def, &q, &out));
    engine_close(e);
}

/* -- Snapshots ------------------------------------------------------------------------------------- */

static Str folder_make(void) {
    char *path = str_cstr(c->arena, access("/dev/shm", W_OK) == 0 ? S("/dev/shm/socle_near_XXXXXX")
                                                                  : S("/tmp/socle_near_XXXXXX"));
    CHECK(mkdtemp(path) != NULL);
    return str_c(path);
}

static void folder_remove(Str folder) {
    DIR *dir = opendir(folder.data);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.') unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir) closedir(dir);
    CHECK(rmdir(folder.data) == 0);
}

TEST(what_was_flushed_is_found_again) {
    SearchDef def = v_def_of(100, true);
    Str folder = folder_make();
    Rand r = {4};
    for (int64_t now = 0; now < 3000; now += 300) {
        SearchEngine *e = engine_new(&def, folder);
        View *v = engine_view(e);
        CHECK_INT(v->covered, now);
        view_release(v);
        for (int i = 0; i < 10 && now > 0; i++)
            if (!asked_alike(e, &def, now, &r)) break;
        apply(e, &def, now, now + 150);
        if (now % 600 == 0) good(engine_flush(c, e));
        apply(e, &def, now + 150, now + 300);
        bool merged;
        good(engine_merge(c, e, &merged));
        good(engine_flush(c, e));
        for (int i = 0; i < 5; i++)
            if (!asked_alike(e, &def, now + 300, &r)) break;
        engine_close(e);
    }
    folder_remove(folder);
}

TEST(a_rebuild_of_many_segments_finds_the_same) {
    SearchDef def = v_def_of(130, false);
    Str folder = folder_make();
    SearchEngine *e = engine_new(&def, folder);
    Rand r = {6};
    for (int round = 1; round < 4; round++) {
        EngineBuild *b = engine_build_new(e);
        engine_build_chunk(b, (uint32_t)(40 * round));
        for (int64_t n = 0; n < 900 * round; n += 90) {
            Arena *a = arena_new(64 * MIB);
            good(engine_build_add(c, b, v_docs(a, &def, n, n + 90)));
            arena_free(a);
        }
        good(engine_build_finish(c, b, 900 * round));
        engine_build_free(b);
        for (int i = 0; i < 20; i++)
            if (!asked_alike(e, &def, 900 * round, &r)) break;
    }
    engine_close(e);
    folder_remove(folder);
}

NORETURN static void work_until_killed(const SearchDef *def, Str folder, int64_t now) {
    Ctx ctx = {.arena = arena_new(512 * MIB)};
    SearchEngine *e;
    Str healed;
    if (engine_open(&ctx, def, folder, &e, &healed)) _exit(3);
    for (;; now += 7) {
        Arena *a = arena_new(64 * MIB);
        bool merged;
        Err *err = engine_apply(&ctx, e, v_docs(a, def, now, now + 7), now + 7);
        arena_free(a);
        if (!err) err = engine_merge(&ctx, e, &merged);
        if (!err && now % 3 == 0) err = engine_flush(&ctx, e);
        if (err) _exit(4);
        arena_reset(ctx.arena);
    }
}

TEST(killed_at_any_moment_it_finds_what_the_snapshot_has) {
    SearchDef def = v_def_of(24, false);
    Str folder = folder_make();
    Rand r = {77};
    int64_t now = 0, moved = 0;
    for (int i = 0; i < 25; i++) {
        pid_t child = fork();
        if (child == 0) work_until_killed(&def, folder, now);
        usleep((useconds_t)(3000 + rand_below(&r, 30000)));
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        if (!CHECK(WIFSIGNALED(status))) break;
        SearchEngine *e = engine_new(&def, folder);
        View *v = engine_view(e);
        CHECK(v->covered >= now);
        moved += v->covered > now;
        now = v->covered;
        view_release(v);
        for (int k = 0; k < 4 && now > 0; k++)
            if (!asked_alike(e, &def, now, &r)) break;
        engine_close(e);
    }
    CHECK(moved > 5); /* else nothing was tried */
    folder_remove(folder);
}

/* -- Two threads ----------------------------------------------------------------------------------- */

enum { MANY = 22000, MANY_DIMS = 400 };

static void many_vector(int64_t key, float *x) {
    Rand r = {(uint64_t)key + 1};
    for (int i = 0; i < MANY_DIMS; i++) x[i] = (float)rand_unit(&r) - 0.5f;
}

/* The same questions with and without a pool whose threads may help. */
static void many_asked(SearchEngine *e, const SearchDef *def, SearchResult *out, int count) {
    for (int i = 0; i < count; i++) {
        float x[MANY_DIMS];
        many_vector(1000000 + i, x);
        SearchNear near = {.vector = x, .threshold = i % 2 ? -1 : 0.1};
        SearchRequest q = SEARCH_REQUEST;
        q.near = &near;
        q.limit = 30;
        good(asked(e, def, &q, &out[i]));
    }
}

TEST(two_threads_find_what_one_finds) {
    enum { ASKED = 8 };
    SearchDef def = v_def_of(MANY_DIMS, false);
    SearchEngine *e = engine_new(&def, (Str){0});
    CHECK((int64_t)MANY * vector_width(MANY_DIMS) > NEAR_SPLIT_BYTES);
    for (int64_t from = 0; from < MANY; from += 5500) {
        Arena *a = arena_new(512 * MIB);
        SearchDocs *d = search_docs_new(a, &def);
        for (int64_t key = from; key < from + 5500; key++) {
            float x[MANY_DIMS];
            many_vector(key % 21000, x); /* some are copies */
            search_doc(d, key);
            search_doc_int(d, V_AT, key * 31 % 1009);
            search_doc_vector(d, x);
        }
        good(engine_apply(c, e, d, from + 1));
        arena_free(a);
    }
    SearchResult one[ASKED], two[ASKED];
    many_asked(e, &def, one, ASKED);
    offload_start();
    many_asked(e, &def, two, ASKED);
    offload_stop();
    for (int i = 0; i < ASKED; i++) {
        CHECK_INT(two[i].total, one[i].total);
        REQUIRE(CHECK_INT(two[i].count, one[i].count));
        for (ptrdiff_t k = 0; k < one[i].count; k++) {
            CHECK_INT(two[i].hits[k].key, one[i].hits[k].key);
            CHECK(two[i].hits[k].similarity == one[i].hits[k].similarity);
        }
    }
    engine_close(e);
}

int main(int argc, char **argv) {
    static const T rows[] = {
        T_ROW(the_nearest_are_those_that_looking_at_every_document_finds),
        T_ROW(an_index_that_holds_nothing_finds_nothing),
        T_ROW(copies_come_by_key_and_opposites_are_found_too),
        T_ROW(words_and_meaning_are_blended_as_doing_so_by_hand_would),
        T_ROW(of_hits_with_the_same_value_the_nearest_stays),
        T_ROW(facets_count_those_that_reach_the_threshold),
        T_ROW(an_order_that_somebody_else_gives_is_blended_alike),
        T_ROW(what_is_no_vector_is_refused),
        T_ROW(who_is_gone_or_late_is_not_searched_for),
        T_ROW(what_was_flushed_is_found_again),
        T_ROW(a_rebuild_of_many_segments_finds_the_same),
        T_ROW(killed_at_any_moment_it_finds_what_the_snapshot_has),
        T_ROW(two_threads_find_what_one_finds),
    };
    Ctx ctx = {.arena = arena_new(512 * MIB)};
    c = &ctx;
    int status = t_main(argc, argv, rows, (int)COUNT(rows));
    arena_free(ctx.arena);
    return status;
}
