/* SPDX-License-Identifier: Apache-2.0
 * Saved queries against new documents: what the short cut finds is what asking every one finds. */
#include <stdlib.h>

#include "core/rand.h"
#include "search/rank.h"
#include "t.h"

enum { TEXT, TAGS, PLACE, LIKES, FIELDS };
static const SearchField fields[FIELDS] = {
    [TEXT] = {"text", SEARCH_TEXT, SEARCH_FOR},
    [TAGS] = {"tags", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER | SEARCH_EXACT},
    [PLACE] = {"place", SEARCH_KEYWORD, SEARCH_FILTER},
    [LIKES] = {"likes", SEARCH_INT, SEARCH_FILTER},
};
static const SearchDef def = {.name = "saved",
                              .fields = fields,
                              .field_count = FIELDS,
                              .order_field = -1,
                              .partition_field = -1,
                              .tuning = {.stem = true},
                              .version = 1};

static const char *const vocabulary[] = {
    "phone",    "phones", "cheval", "chevaux",   "news",    "paper",    "newspaper",  "any",
    "anyway",   "way",    "cat",    "dog",       "recette", "recettes", "collection", "saturday",
    "caturday", "l'eau",  "été",    "#LoiELAN",  "loi",     "elan",     "beautiful",  "beautifull",
    "summer",   "sun",    "flower", "sunflower", "🔥",       "東京",     "voyage",     "voyages"};

static const char *word_any(Rand *r) { return vocabulary[rand_below(r, COUNT(vocabulary))]; }

/* A word, now and then with a letter less, more, another or in another place. */
static Str word_bent(Arena *a, Rand *r) {
    Str w = str_c(word_any(r));
    ptrdiff_t at = rand_below(r, w.len), kind = rand_below(r, 8);
    if (kind > 3 || (w.data[at] & 0x80) || at + 1 >= w.len || (w.data[at + 1] & 0x80)) return w;
    char letter[2] = {(char)('a' + rand_below(r, 26)), 0};
    Str head = str_slice(w, 0, at), tail = str_slice(w, at + 1, w.len);
    if (kind == 0) return str_concat(a, head, tail);
    if (kind == 1) return strf(a, "%.*s%s%.*s", S_ARG(head), letter, S_ARG(tail));
    if (kind == 2) return strf(a, "%.*s%s%c%.*s", S_ARG(head), letter, w.data[at], S_ARG(tail));
    return strf(a, "%.*s%c%c%.*s", S_ARG(head), w.data[at + 1], w.data[at],
                S_ARG(str_slice(tail, 1, tail.len)));
}

static void query_make(Arena *a, Rand *r, Str *q, Str *filter) {
    static const char *const filters[] = {
        "", "", "", "likes > 5", "place = paris", "place = lyon OR likes < 3", "tags EXISTS"};
    Buf b = buf_new(a, 64);
    int words = 1 + (int)rand_below(r, 3);
    for (int i = 0; i < words; i++) {
        static const char *const between[] = {" ",     " ",     " ",        " OR ",
                                              " AND ", " NOT ", " NEAR/2 ", " -"};
        if (i > 0) buf_add(&b, str_c(between[rand_below(r, COUNT(between))]));
        switch (rand_below(r, 10)) {
        case 0: buf_f(&b, "\"%s %s\"", word_any(r), word_any(r)); break;
        case 1: buf_f(&b, "%.3s*", word_any(r)); break;
        case 2: buf_f(&b, "(%s OR %s)", word_any(r), word_any(r)); break;
        case 3: buf_f(&b, "tags:%s", word_any(r)); break;
        default: buf_add(&b, word_bent(a, r));
        }
    }
    *q = buf_str(&b);
    *filter = str_c(filters[rand_below(r, COUNT(filters))]);
}

static SearchDocs *batch_make(Arena *a, Rand *r, int count) {
    static const char *const places[] = {"Paris", "lyon", "Brest"};
    SearchDocs *d = search_docs_new(a, &def);
    for (int i = 0; i < count; i++) {
        Buf b = buf_new(a, 64);
        search_doc(d, rand_below(r, 100));
        for (int words = (int)rand_below(r, 9); words > 0; words--)
            buf_f(&b, "%.*s%s", S_ARG(word_bent(a, r)), rand_below(r, 6) ? " " : ". ");
        search_doc_text(d, TEXT, buf_str(&b));
        for (int tags = (int)rand_below(r, 3); tags > 0; tags--)
            search_doc_text(d, TAGS, word_bent(a, r));
        search_doc_text(d, PLACE, str_c(places[rand_below(r, 3)]));
        if (rand_below(r, 3)) search_doc_int(d, LIKES, rand_below(r, 10));
        if (rand_below(r, 10) == 0) search_doc_gone(d, rand_below(r, 100));
    }
    return d;
}

static int by_key(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

/* Keys of the batch that one query matches, asked of an engine that holds the batch. */
static int64_t *keys_matching(Ctx *c, SearchEngine *engine, Str q, Str filter, ptrdiff_t *count) {
    SearchRequest request = SEARCH_REQUEST;
    SearchResult result = {0};
    request.q = q;
    request.operators = request.no_prefix = true;
    request.strategy = SEARCH_ALL;
    request.limit = 1000;
    CHECK(!search_filter_parse(c, &def, filter, &request.filter));
    View *v = engine_view(engine);
    CHECK(!engine_search(c, &def, v, &request, &result));
    view_release(v);
    int64_t *keys = arena_array(c->arena, int64_t, result.count);
    for (ptrdiff_t i = 0; i < result.count; i++) keys[i] = result.hits[i].key;
    if (result.count > 1) qsort(keys, (size_t)result.count, sizeof *keys, by_key);
    *count = result.count;
    return keys;
}

enum { QUERIES = 150 };

static void round_run(Ctx *c, Rand *r, ptrdiff_t *matches) {
    SearchSaved *set = search_saved_new(&def);
    Str q[QUERIES], filter[QUERIES];
    bool valid[QUERIES];
    for (int i = 0; i < QUERIES; i++) {
        query_make(c->arena, r, &q[i], &filter[i]);
        if (rand_below(r, 4) == 0) /* replaced by what comes next */
            CHECK(!search_saved_put(c, set, i, S("phone OR cat"), (Str){0}, (Str){0}));
        valid[i] = !search_saved_put(c, set, i, q[i], (Str){0}, filter[i]);
        if (!valid[i]) search_saved_drop(set, i); /* NEAR beside a filter, and the like */
    }
    for (int i = 0; i < QUERIES; i += 7) search_saved_drop(set, i);
    search_saved_drop(set, 99999);

    for (int batch = 0; batch < 4; batch++) {
        SearchDocs *docs = batch_make(c->arena, r, (int)rand_below(r, 30));
        SearchEngine *engine;
        SearchMatch *got;
        Str healed;
        ptrdiff_t count, at = 0;
        CHECK(!engine_open(c, &def, (Str){0}, &engine, &healed));
        CHECK(!engine_apply(c, engine, docs, 1));
        CHECK(!search_saved_run(c, set, docs, &got, &count));
        for (int i = 0; i < QUERIES; i++) {
            ptrdiff_t n = 0;
            int64_t *keys =
                i % 7 && valid[i] ? keys_matching(c, engine, q[i], filter[i], &n) : NULL;
            for (ptrdiff_t k = 0; k < n; k++, at++)
                if (at >= count || got[at].saved != i || got[at].key != keys[k]) {
                    printf("  query `%.*s` filter `%.*s`: document %lld is not told\n", S_ARG(q[i]),
                           S_ARG(filter[i]), (long long)keys[k]);
                    CHECK(false);
                    at = count;
                    break;
                }
        }
        CHECK_INT(at, count);
        *matches += count;
        engine_close(engine);
    }
    search_saved_free(set);
}

TEST(saved_queries_find_what_asking_each_of_them_finds) {
    Rand r = {11};
    ptrdiff_t matches = 0;
    for (int i = 0; i < 25; i++) {
        Arena *arena = arena_new(512 * MIB);
        Ctx c = {.arena = arena};
        round_run(&c, &r, &matches);
        arena_free(arena);
    }
    CHECK(matches > 5000); /* the comparison is of something */
}

TEST(what_is_no_query_or_filter_is_refused_and_changes_nothing) {
    Arena *arena = arena_new(64 * MIB);
    Ctx c = {.arena = arena};
    SearchSaved *set = search_saved_new(&def);
    SearchMatch *got;
    ptrdiff_t count;
    CHECK(!search_saved_put(&c, set, 1, S("phone"), (Str){0}, (Str){0}));
    CHECK(search_saved_put(&c, set, 1, S("likes:many"), (Str){0}, (Str){0}) != NULL);
    CHECK(search_saved_put(&c, set, 1, S("a"), (Str){0}, S("colour = red")) != NULL);
    SearchDocs *d = search_docs_new(arena, &def);
    CHECK(!search_saved_run(&c, set, d, &got, &count));
    CHECK_INT(count, 0);
    search_doc(d, 5);
    search_doc_text(d, TEXT, S("my phnoe"));
    CHECK(!search_saved_run(&c, set, d, &got, &count));
    REQUIRE(CHECK_INT(count, 1));
    CHECK(got[0].saved == 1 && got[0].key == 5);
    search_saved_free(set);
    arena_free(arena);
}

T_MAIN(T_ROW(saved_queries_find_what_asking_each_of_them_finds),
       T_ROW(what_is_no_query_or_filter_is_refused_and_changes_nothing))
