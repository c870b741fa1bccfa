/* SPDX-License-Identifier: Apache-2.0
 * What the public test-suite of Meilisearch's engine expects, asked of ours: for each case the same
 * documents, settings and query, and the ids in the same order. The tables are facts kept
 * outside the repository (data/search/milli_*.json of the shared data); without them the test is
 * skipped. Where we answer otherwise by choice stands in one table, with the reason. */
#include <stdlib.h>

#include "core/json.h"
#include "search/engine.h"
#include "t.h"

typedef struct Otherwise {
    const char *test, *query, *why;
} Otherwise;

static const char one_place[] =
    "a phrase is its words in order at one place, not its pairs at several";
static const char own_place[] =
    "distances are from where the phrase or the split word stands, not from any of its words";
static const char short_too[] =
    "a short beginning that stands before the other word is as near as a long one";
static const char folded[] = "words are compared folded: The in a text is the in a query";
static const char quoted[] = "a stop word in quotes was meant";

static const Otherwise otherwise[] = {
    {"test_words_tms_last_phrase", "\"the quick brown fox\" jumps over the lazy dog", one_place},
    {"test_words_tms_last_phrase", "\"the quick brown fox\" jumps over the \"lazy\" dog",
     one_place},
    {"test_words_proximity_tms_last_phrase", "the \"quick brown\" \"fox jumps\" over the lazy dog",
     own_place},
    {"test_proximity_split_word", "sunflower wilting", own_place},
    {"test_proximity_split_word", "\"sun flower\" wilting", own_place},
    {"test_proximity_prefix_db", "best s", short_too},
    {"test_proximity_prefix_db", "best win", short_too},
    {"test_proximity_prefix_db", "best wi", short_too},
    {"test_ignore_stop_words", "xyz to the", folded},
    {"test_ignore_stop_words", "to the xyz", folded},
    {"test_ignore_stop_words", "to the xyz ", folded},
    {"test_ignore_stop_words", "to the dragon xyz", folded},
    {"test_stop_words_in_phrase", "how \"to\" train \"the", folded},
    {"test_stop_words_in_phrase", "how \"to\" train \"The dragon", quoted},
    {"test_stop_words_in_phrase", "\"to\"", quoted},
};

enum { CASE_FIELDS = 8, CASE_IDS = 64 };

typedef struct Case {
    Ctx *c;
    json_t *index, *extra, *item; /* settings of the index, of the case; the case */
    SearchDef def;
    SearchField fields[CASE_FIELDS];
    const char *exact_words[CASE_FIELDS], *stop_words[CASE_FIELDS];
    SearchSort sort[CASE_FIELDS];
} Case;

/* A case's setting goes before the index's. */
static json_t *setting(const Case *k, const char *name) {
    json_t *own = json_object_get(k->extra, name);
    return own ? own : json_object_get(json_object_get(k->index, "settings"), name);
}

static bool lists(const json_t *list, const char *text) {
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), text) == 0) return true;
    return false;
}

static void texts_of(const json_t *list, const char **out) {
    for (size_t i = 0; i < json_array_size(list) && i + 1 < CASE_FIELDS; i++)
        out[i] = json_string_value(json_array_get(list, i));
}

static uint8_t rule_of(const char *name) {
    static const struct {
        const char *name;
        uint8_t rule;
    } rules[] = {{"Words", SEARCH_BY_WORDS},         {"Typo", SEARCH_BY_TYPO},
                 {"Proximity", SEARCH_BY_PROXIMITY}, {"Attribute", SEARCH_BY_ATTRIBUTE},
                 {"Sort", SEARCH_BY_SORT},           {"Exactness", SEARCH_BY_EXACTNESS}};
    for (ptrdiff_t i = 0; i < COUNT(rules); i++)
        if (strcmp(rules[i].name, name) == 0) return rules[i].rule;
    abort();
}

static void def_make(Case *k) {
    json_t *searchable = setting(k, "searchable_fields"), *criteria = setting(k, "criteria");
    json_t *authorize = setting(k, "authorize_typos");
    SearchDef *d = &k->def;
    *d =
        (SearchDef){.name = "milli", .fields = k->fields, .order_field = -1, .partition_field = -1};
    for (size_t i = 0; i < json_array_size(searchable); i++) {
        const char *name = json_string_value(json_array_get(searchable, i));
        unsigned exact = lists(setting(k, "exact_attributes"), name) ? SEARCH_EXACT : 0;
        k->fields[d->field_count++] = (SearchField){name, SEARCH_TEXT, SEARCH_FOR | exact};
    }
    k->fields[d->field_count++] = (SearchField){"rank", SEARCH_INT, SEARCH_SORT};
    k->fields[d->field_count++] = (SearchField){"letter", SEARCH_KEYWORD, SEARCH_SORT};
    for (size_t i = 0; i < json_array_size(criteria); i++)
        d->tuning.rules[i] = rule_of(json_string_value(json_array_get(criteria, i)));
    if (authorize && !json_is_true(authorize))
        d->tuning.one_typo_from = d->tuning.two_typos_from = -1;
    texts_of(setting(k, "exact_words"), k->exact_words);
    texts_of(setting(k, "stop_words"), k->stop_words);
    d->tuning.exact_words = k->exact_words;
    d->tuning.stop_words = k->stop_words;
}

static Segment *segment_of(Case *k) {
    SearchDocs *docs = search_docs_new(k->c->arena, &k->def);
    json_t *list = json_object_get(k->index, "documents"), *doc;
    size_t i;
    json_array_foreach(list, i, doc) {
        search_doc(docs, json_integer_value(json_object_get(doc, "id")));
        for (int f = 0; f < k->def.field_count; f++) {
            json_t *value = json_object_get(doc, k->fields[f].name);
            if (json_is_string(value)) search_doc_text(docs, f, json_str(value));
            if (json_is_integer(value)) search_doc_int(docs, f, json_integer_value(value));
        }
    }
    SegmentWriter *w = segment_writer_new(&k->def);
    Segment *s = NULL;
    segment_writer_add(w, docs);
    CHECK(!segment_writer_finish(k->c, w, (Str){0}, &s));
    segment_writer_free(w);
    return s;
}

static bool request_make(Case *k, SearchRequest *q) {
    *q = SEARCH_REQUEST;
    json_t *query = json_object_get(k->item, "query"), *sort = json_object_get(k->item, "sort");
    if (json_is_string(query)) q->q = json_str(query);
    Str strategy = json_str(json_object_get(k->item, "matching_strategy"));
    q->strategy = str_eq(strategy, S("all")) ? SEARCH_ALL : SEARCH_LAST;
    q->sort = k->sort;
    for (size_t i = 0; i < json_array_size(sort); i++) {
        json_t *by = json_array_get(sort, i);
        Str order = json_str(json_array_get(by, 0)), name = json_str(json_array_get(by, 1));
        int field = -1;
        for (int f = 0; f < k->def.field_count; f++)
            if (str_eq(name, str_c(k->fields[f].name))) field = f;
        if (field < 0) return false; /* a field of mixed types */
        k->sort[q->sort_count++] = (SearchSort){field, str_eq(order, S("Desc"))};
    }
    return !setting(k, "synonyms"); /* we have none */
}

static Str ids_of(Arena *a, const SearchResult *r) {
    Buf b = buf_new(a, 64);
    for (ptrdiff_t i = 0; i < r->count; i++) buf_f(&b, "%s%ld", i ? " " : "", (long)r->hits[i].key);
    return buf_str(&b);
}

static Str ids_wanted(const Case *k) {
    json_t *list = json_object_get(k->item, "expected_internal_ids_in_order");
    Buf b = buf_new(k->c->arena, 64);
    for (size_t i = 0; i < json_array_size(list); i++)
        buf_f(&b, "%s%ld", i ? " " : "", (long)json_integer_value(json_array_get(list, i)));
    return buf_str(&b);
}

static const char *why_otherwise(const Case *k) {
    const char *test = json_string_value(json_object_get(k->item, "test"));
    const char *query = json_string_value(json_object_get(k->item, "query"));
    for (ptrdiff_t i = 0; i < COUNT(otherwise); i++)
        if (query && strcmp(otherwise[i].test, test) == 0 && strcmp(otherwise[i].query, query) == 0)
            return otherwise[i].why;
    return NULL;
}

static void case_run(Case *k) {
    SearchRequest q;
    SearchResult result;
    def_make(k);
    if (!request_make(k, &q)) return;
    Segment *s = segment_of(k);
    View *view = arena_alloc(k->c->arena, (ptrdiff_t)(sizeof(View) + sizeof(ViewSegment)), 1);
    view->count = 1;
    view->items[0] = (ViewSegment){.segment = s, .live = segment_docs(s)};
    REQUIRE(!engine_search(k->c, &k->def, view, &q, &result));
    Str got = ids_of(k->c->arena, &result), want = ids_wanted(k);
    const char *why = why_otherwise(k);
    if (why ? str_eq(got, want) : !str_eq(got, want)) {
        printf("  %s: %s%s\n", json_string_value(json_object_get(k->item, "test")),
               q.q.data ? q.q.data : "(none)", why ? " (no longer otherwise)" : "");
        CHECK_STR(got, want);
        CHECK(!why);
    }
    segment_release(s);
}

static Str file_read(Arena *a, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) return (Str){0};
    Buf b = buf_new(a, 64 * KIB);
    for (size_t n = 1; n > 0;) {
        n = fread(buf_reserve(&b, 64 * KIB), 1, 64 * KIB, f);
        b.len += (ptrdiff_t)n;
    }
    fclose(f);
    return buf_str(&b);
}

static void cases_run(const char *name) {
    const char *folder = getenv("SOCLE_SHARED_DATA"), *root = getenv("SOCLE_TEST_ROOT");
    Ctx c = {.arena = arena_new(256 * MIB)};
    Str path =
        folder ? strf(c.arena, "%s/search/milli_%s.json", folder, name)
               : strf(c.arena, "%s/../shared/data/search/milli_%s.json", root ? root : ".", name);
    Str text = file_read(c.arena, str_cstr(c.arena, path));
    json_t *all;
    if (str_is_null(text)) {
        arena_free(c.arena);
        SKIP("the shared data is not here");
    }
    REQUIRE(!json_parse(&c, text, &all));
    json_t *cases = json_object_get(all, "cases"), *item;
    size_t i;
    CHECK(json_array_size(cases) > 0);
    json_array_foreach(cases, i, item) {
        Case k = {.c = &c, .item = item, .extra = json_object_get(item, "extra_settings")};
        const char *index = json_string_value(json_object_get(item, "index"));
        k.index = json_object_get(json_object_get(all, "indexes"), index);
        case_run(&k);
    }
    ctx_undo(&c, NULL);
    arena_free(c.arena);
}

TEST(words_are_dropped_as_expected) { cases_run("words_tms"); }
TEST(near_words_come_first_as_expected) { cases_run("proximity"); }
TEST(exact_fields_and_words_come_first_as_expected) { cases_run("exactness"); }
TEST(words_are_split_and_joined_as_expected) { cases_run("ngram_split_words"); }
TEST(stop_words_are_left_out_as_expected) { cases_run("stop_words"); }
TEST(typing_errors_are_forgiven_as_expected) { cases_run("typo"); }
TEST(hits_are_sorted_as_expected) { cases_run("sort"); }

T_MAIN(T_ROW(words_are_dropped_as_expected), T_ROW(near_words_come_first_as_expected),
       T_ROW(exact_fields_and_words_come_first_as_expected),
       T_ROW(words_are_split_and_joined_as_expected), T_ROW(stop_words_are_left_out_as_expected),
       T_ROW(typing_errors_are_forgiven_as_expected), T_ROW(hits_are_sorted_as_expected))
