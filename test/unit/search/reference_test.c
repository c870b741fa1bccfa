/* SPDX-License-Identifier: Apache-2.0
 * The engine's hits, their order, totals and details are those of the reference, over made-up
 * documents and queries: few words, so that ties, distances, typing errors, beginnings, split
 * and joined words meet; several segments, deletions, filters, sorts, pages. */
#include "core/rand.h"
#include "reference.c" /* its only user */
#include "search/keep.h"
#include "t.h"

enum { TITLE, BODY, TAG, OWNER, AT, LIKES, REAL, FIELDS };
static const SearchField fields[FIELDS] = {
    [TITLE] = {"title", SEARCH_TEXT, SEARCH_FOR},
    [BODY] = {"body", SEARCH_TEXT, SEARCH_FOR},
    [TAG] = {"tag", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER | SEARCH_SORT},
    [OWNER] = {"owner", SEARCH_KEYWORD, SEARCH_FILTER},
    [AT] = {"at", SEARCH_TIME, SEARCH_FILTER | SEARCH_SORT},
    [LIKES] = {"likes", SEARCH_INT, SEARCH_FILTER | SEARCH_SORT},
    [REAL] = {"real", SEARCH_REAL, SEARCH_FILTER | SEARCH_SORT},
};
static const SearchField exact_fields_too[FIELDS] = {
    [TITLE] = {"title", SEARCH_TEXT, SEARCH_FOR | SEARCH_EXACT},
    [BODY] = {"body", SEARCH_TEXT, SEARCH_FOR},
    [TAG] = {"tag", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER | SEARCH_SORT},
    [OWNER] = {"owner", SEARCH_KEYWORD, SEARCH_FILTER},
    [AT] = {"at", SEARCH_TIME, SEARCH_FILTER | SEARCH_SORT},
    [LIKES] = {"likes", SEARCH_INT, SEARCH_FILTER | SEARCH_SORT},
    [REAL] = {"real", SEARCH_REAL, SEARCH_FILTER | SEARCH_SORT},
};

enum { SEGMENTS = 5 };

typedef struct World {
    Rand rand;
    Arena *arena;
    SearchDef def;
    RefWorld ref;
    View *view;
    int words; /* in a text, at most */
    int vocabulary;
} World;

static int below(World *w, int64_t bound) { return (int)rand_below(&w->rand, bound); }

/* -- Made-up texts ------------------------------------------------------------------------------- */

static void word_make(World *w, Buf *b) {
    static const char *const parts[] = {"an", "ba", "co", "sun", "flow", "er", "a", "net"};
    int n = below(w, 1 + below(w, w->vocabulary));
    do buf_add(b, str_c(parts[n % 8]));
    while ((n /= 8) > 0);
    if (below(w, 20) == 0) buf_byte(b, (char)('a' + below(w, 4)));
    if (below(w, 30) == 0) buf_byte(b, 's');
}

static Str text_make(World *w, Arena *a, int words) {
    Buf b = buf_new(a, 64);
    for (int i = 0; i < words; i++) {
        if (i) buf_add(&b, below(w, 12) ? S(" ") : S(". "));
        if (below(w, 40) == 0) {
            buf_add(&b, S("#SunFlower"));
            continue;
        }
        word_make(w, &b);
    }
    return buf_str(&b);
}

static void doc_make(World *w, SearchDocs *d, int64_t key) {
    static const char *const owners[] = {"Zoé", "zoe", "max", "Ann"};
    search_doc(d, key);
    if (below(w, 4)) search_doc_text(d, TITLE, text_make(w, d->arena, 1 + below(w, 3)));
    for (int n = below(w, 3); n > 0; n--)
        search_doc_text(d, BODY, text_make(w, d->arena, below(w, w->words + 1)));
    for (int n = below(w, 3); n > 0; n--)
        search_doc_text(d, TAG, text_make(w, d->arena, 1 + below(w, 2)));
    search_doc_text(d, OWNER, str_c(owners[below(w, 4)]));
    if (below(w, 8)) search_doc_int(d, AT, below(w, 200));
    if (below(w, 4)) search_doc_int(d, LIKES, below(w, 12) - 3);
    if (below(w, 2)) search_doc_real(d, REAL, below(w, 40) / 7.0 - 2);
}

/* Segments of documents, some of them dead. */
static void view_make(World *w, Ctx *c, int docs) {
    int segments = docs < 20 ? 1 : 1 + below(w, docs < 40000 ? SEGMENTS : 1);
    w->view = arena_alloc(w->arena, (ptrdiff_t)(sizeof(View) + SEGMENTS * sizeof(ViewSegment)), 1);
    for (int s = 0; s < segments; s++) {
        SearchDocs *d = search_docs_new(w->arena, &w->def);
        for (int i = s; i < docs; i += segments) doc_make(w, d, i * 3 + 1);
        SegmentWriter *writer = segment_writer_new(&w->def);
        Segment *segment = NULL;
        segment_writer_add(writer, d);
        CHECK(!segment_writer_finish(c, writer, (Str){0}, &segment));
        segment_writer_free(writer);
        uint32_t count = segment_docs(segment), live = count;
        uint64_t *dead = arena_array(w->arena, uint64_t, (count + 63) / 64);
        for (ptrdiff_t i = 0; i < d->count; i++) {
            uint32_t doc = segment_find(segment, d->entries[i].key);
            if (below(w, 10) == 0 && s != 1) {
                dead[doc / 64] |= (uint64_t)1 << doc % 64;
                live--;
            } else
                ref_add(&w->ref, d, i);
        }
        w->view->items[w->view->count++] = (ViewSegment){segment, s == 1 ? NULL : dead, live};
    }
}

static World *world_new(uint64_t seed, SearchDef def, Ctx *c, int docs, int words, int vocabulary) {
    World *w = arena_new_of(c->arena, World);
    *w = (World){
        .rand = {seed}, .arena = c->arena, .def = def, .words = words, .vocabulary = vocabulary};
    w->def.name = "reference";
    w->def.field_count = FIELDS;
    w->ref = (RefWorld){.arena = c->arena, .def = &w->def};
    view_make(w, c, docs);
    return w;
}

static void world_free(World *w) {
    for (int i = 0; i < w->view->count; i++) segment_release(w->view->items[i].segment);
}

/* -- Made-up queries ----------------------------------------------------------------------------- */

static void mistype(World *w, Buf *b, ptrdiff_t from) {
    ptrdiff_t len = b->len - from, at = from + below(w, len);
    if (below(w, 3) == 0 && len > 2)
        b->len -= 1 + below(w, len - 2); /* only a beginning */
    else if (below(w, 2))
        b->data[at] = (char)('a' + below(w, 20));
    else if (len > 3) {
        memmove(b->data + at, b->data + at + 1, (size_t)(b->len - at - 1));
        b->len--;
    }
}

static void query_words(World *w, Buf *b, int words, bool operators) {
    static const char *const between[] = {" ", " ", " ", "", " OR ", " AND ", " NOT ", " NEAR/2 "};
    for (int i = 0; i < words; i++) {
        bool quoted = below(w, 9) == 0;
        if (i) buf_add(b, str_c(between[below(w, operators ? 8 : below(w, 5) ? 3 : 4)]));
        if (below(w, 14) == 0 && !quoted) buf_byte(b, '-');
        if (quoted) buf_byte(b, '"');
        for (int n = quoted ? 1 + below(w, 3) : 1; n > 0; n--) {
            ptrdiff_t from = b->len;
            word_make(w, b);
            if (below(w, 3) == 0) mistype(w, b, from);
            if (n > 1) buf_byte(b, ' ');
        }
        if (quoted) buf_byte(b, '"');
        if (operators && !quoted && below(w, 8) == 0) buf_byte(b, "*?"[below(w, 2)]);
    }
    if (below(w, 3) == 0) buf_byte(b, ' ');
}

static SearchFilter *filter_make(World *w, Arena *a) {
    switch (below(w, 4)) {
    case 0: return search_filter_is(a, OWNER, below(w, 2) ? S("zoe") : S("Max"));
    case 1: return search_filter_range(a, AT, below(w, 100), 100 + below(w, 120));
    case 2:
        return search_filter_or(a, search_filter_is(a, OWNER, S("ann")),
                                search_filter_not(a, search_filter_range(a, LIKES, 0, 4)));
    default: return search_filter_real(a, REAL, -1, 2.5);
    }
}

static void request_make(World *w, Arena *a, SearchRequest *q) {
    static const int on[][2] = {{TITLE, TITLE}, {BODY, TAG}, {TAG, TITLE}};
    static const int sortable[] = {TAG, AT, LIKES, REAL};
    Buf b = buf_new(a, 64);
    *q = SEARCH_REQUEST;
    q->operators = below(w, 4) == 0;
    query_words(w, &b, below(w, 12) ? below(w, 5) : 5 + below(w, 4), q->operators);
    q->q = buf_str(&b);
    q->no_prefix = below(w, 5) == 0;
    q->strategy = (SearchStrategy)below(w, 3);
    q->details = q->scores = true;
    if (w->def.partition_field >= 0) q->partition = below(w, 2) ? S("ZOÉ") : S("max");
    if (below(w, 4) == 0) q->filter = filter_make(w, a);
    if (below(w, 5) == 0) {
        q->on_fields = on[below(w, COUNT(on))];
        q->on_field_count = 2;
    }
    SearchSort *sort = arena_array(a, SearchSort, 2);
    q->sort = sort;
    q->sort_count = below(w, 3) ? 0 : 1 + below(w, 2);
    for (int i = 0; i < q->sort_count; i++)
        sort[i] = (SearchSort){sortable[below(w, COUNT(sortable))], below(w, 2)};
    q->limit = below(w, 30);
    if (below(w, 3) == 0) q->offset = below(w, below(w, 6) ? 40 : 100000);
}

/* -- Comparing ----------------------------------------------------------------------------------- */

static bool uses(const World *w, uint8_t rule) {
    const uint8_t *rules = w->def.tuning.rules;
    for (int i = 0; rules[0] && i < SEARCH_RULES_MAX; i++)
        if (rules[i] == rule || (rule == SEARCH_BY_WORDS && rules[i] && rules[i] != SEARCH_BY_SORT))
            return true;
    return !rules[0] && rule != SEARCH_BY_POSITION;
}

static bool same_hit(const World *w, const SearchHit *g, const RefHit *r) {
    const SearchDetails *d = &g->details;
    if (!CHECK_INT(g->key, r->doc->key)) return false;
    if (d->words_max < 0) return !uses(w, SEARCH_BY_WORDS) || CHECK_INT(r->words, 0);
    bool same = CHECK_INT(d->words, r->words);
    if (uses(w, SEARCH_BY_TYPO)) same &= CHECK_INT(d->typos, r->typos);
    if (uses(w, SEARCH_BY_PROXIMITY)) same &= CHECK_INT(d->proximity, r->proximity);
    if (uses(w, SEARCH_BY_ATTRIBUTE)) same &= CHECK_INT(d->attribute, r->attribute);
    if (uses(w, SEARCH_BY_POSITION)) same &= CHECK_INT(d->position, r->position);
    if (uses(w, SEARCH_BY_EXACTNESS)) {
        same &= CHECK_INT(d->exact_field, r->exact_field);
        same &= CHECK_INT(d->exact_words, r->exact_words);
    }
    return same & CHECK(g->score >= 0 && g->score <= 1);
}

static bool same_answer(World *w, const SearchRequest *q, const SearchResult *got,
                        const RefHit *hits, ptrdiff_t count) {
    ptrdiff_t from = min_size(q->offset, count), n = min_size(q->limit, count - from);
    if (!CHECK_INT(got->total, count) || !CHECK_INT(got->count, n)) return false;
    if (!CHECK(got->ranked_fully) || !CHECK(!got->total_estimated)) return false;
    for (ptrdiff_t i = 0; i < n; i++)
        if (!same_hit(w, &got->hits[i], &hits[from + i])) return false;
    for (ptrdiff_t i = 1; i < n && q->sort_count == 0; i++)
        if (!CHECK(got->hits[i].score <= got->hits[i - 1].score)) return false;
    return true;
}

static bool query_check(World *w, const SearchRequest *q) {
    Ctx c = {.arena = arena_new(512 * MIB)};
    RefHit *hits;
    ptrdiff_t count;
    SearchResult got;
    Err *bad = ref_search(&c, &w->ref, q, &hits, &count);
    Err *err = engine_search(&c, &w->def, w->view, q, &got);
    bool same = !bad == !err && (err || same_answer(w, q, &got, hits, count));
    if (!same)
        printf("  q \"%.*s\" operators %d strategy %d no_prefix %d sorts %d filter %d offset %ld\n",
               S_ARG(q->q), q->operators, q->strategy, q->no_prefix, (int)q->sort_count,
               q->filter != NULL, (long)q->offset);
    arena_free(c.arena);
    return CHECK(same);
}

static void worlds_check(SearchDef def, int worlds, int docs, int queries, int words,
                         int vocabulary) {
    for (int i = 0; i < worlds; i++) {
        Ctx c = {.arena = arena_new(1024 * MIB)};
        World *w = world_new((uint64_t)(docs * 1000 + i), def, &c, 1 + docs * (i + 1) / worlds,
                             words, vocabulary);
        bool same = true;
        for (int n = 0; same && n < queries; n++) {
            ArenaMark mark = arena_mark(c.arena);
            SearchRequest q;
            request_make(w, c.arena, &q);
            same = query_check(w, &q);
            arena_release(c.arena, mark);
        }
        int64_t kept = 0;
        for (int s = 0; s < w->view->count; s++) kept += keep_bytes(w->view->items[s].segment);
        CHECK(kept > 0 || docs * (i + 1) / worlds < SEGMENTS * KEEP_DOCS);
        world_free(w);
        arena_free(c.arena);
        if (!same) {
            printf("  in world %d\n", i);
            return;
        }
    }
}

static const SearchDef usual = {.fields = fields, .order_field = AT, .partition_field = -1};

TEST(answers_are_those_of_the_reference) { worlds_check(usual, 12, 250, 120, 8, 90); }
TEST(answers_over_very_few_words_are_too) { worlds_check(usual, 8, 120, 100, 12, 20); }
TEST(answers_with_stems_are_too) {
    SearchDef def = usual;
    def.tuning.stem = true;
    worlds_check(def, 6, 200, 100, 8, 90);
}
TEST(answers_with_typing_errors_in_short_words_are_too) {
    static const char *const exact[] = {"sunflow", "anba", NULL};
    static const char *const stop[] = {"an", "a", NULL};
    SearchDef def = usual;
    def.fields = exact_fields_too;
    def.order_field = -1;
    def.tuning.one_typo_from = 3;
    def.tuning.two_typos_from = 6;
    def.tuning.exact_words = exact;
    def.tuning.stop_words = stop;
    worlds_check(def, 8, 150, 100, 6, 300);
}
TEST(answers_in_a_partition_by_other_rules_are_too) {
    static const uint8_t rules[][SEARCH_RULES_MAX] = {
        {SEARCH_BY_SORT, SEARCH_BY_WORDS, SEARCH_BY_PROXIMITY},
        {SEARCH_BY_PROXIMITY, SEARCH_BY_EXACTNESS, SEARCH_BY_TYPO, SEARCH_BY_POSITION},
        {SEARCH_BY_WORDS, SEARCH_BY_SORT, SEARCH_BY_POSITION, SEARCH_BY_ATTRIBUTE, SEARCH_BY_TYPO},
        {SEARCH_BY_SORT},
        {SEARCH_BY_EXACTNESS, SEARCH_BY_SORT, SEARCH_BY_TYPO},
        {SEARCH_BY_TYPO},
    };
    for (ptrdiff_t i = 0; i < COUNT(rules); i++) {
        SearchDef def = usual;
        def.partition_field = i % 2 ? OWNER : -1;
        memcpy(def.tuning.rules, rules[i], sizeof rules[i]);
        worlds_check(def, 2, 250, 80, 8, 90);
    }
}
TEST(answers_over_many_documents_are_too) { worlds_check(usual, 2, 6000, 60, 8, 200); }

/* So many that pairs of frequent words are kept, and pages end long before their buckets do. */
TEST(answers_over_frequent_pairs_are_too) { worlds_check(usual, 1, 45000, 60, 4, 12); }

T_MAIN(T_ROW(answers_are_those_of_the_reference), T_ROW(answers_over_very_few_words_are_too),
       T_ROW(answers_with_stems_are_too), T_ROW(answers_with_typing_errors_in_short_words_are_too),
       T_ROW(answers_in_a_partition_by_other_rules_are_too),
       T_ROW(answers_over_many_documents_are_too), T_ROW(answers_over_frequent_pairs_are_too))
