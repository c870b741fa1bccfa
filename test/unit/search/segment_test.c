/* SPDX-License-Identifier: Apache-2.0
 * What a segment says of made-up documents is what looking at every document says. */
#include "segment_world.h"

/* -- Comparing ----------------------------------------------------------------------------------- */

typedef struct Case {
    const Segment *s;
    const Model *m;
    Arena *a;
    World *world;
    bool *want; /* a flag a document */
} Case;

static bool same_set(Case *k, Docset got) {
    uint32_t count = 0;
    for (ptrdiff_t i = 0; i < k->m->count; i++) count += k->want[i];
    if (!CHECK_INT(got.universe, k->m->count) || !CHECK_INT(got.count, count)) return false;
    for (DocsetWalk w = docset_walk(got, 0); docset_next(&w);)
        if (!CHECK(k->want[w.doc])) return false;
    return true;
}

static void want_none(Case *k) { memset(k->want, 0, (size_t)k->m->count * sizeof *k->want); }

static Str word_of(const Case *k, uint32_t id) {
    char *buf = arena_bytes(k->a, WORD_MAX);
    return lexicon_word(segment_lexicon(k->s), id, buf);
}

/* -- Words --------------------------------------------------------------------------------------- */

/* Documents with a word between two (both included), at the field's beginning if first. */
static void want_words(Case *k, Str from, Str to, uint32_t fields, bool first) {
    want_none(k);
    for (ptrdiff_t i = 0; i < k->m->count; i++)
        for (int f = 0; f < WORLD_FIELDS; f++) {
            const ModelField *field = &k->m->docs[i].fields[f];
            for (ptrdiff_t n = 0; n < field->word_count && fields >> f & 1; n++) {
                Str text = field->words[n].text;
                if (first && field->words[n].position > field->words[0].position) break;
                if (str_cmp(from, text) <= 0 && str_cmp(text, to) <= 0) k->want[i] = true;
            }
        }
}

static bool word_check(Case *k, uint32_t id) {
    Str word = word_of(k, id);
    uint32_t masks[] = {
        UINT32_MAX, 1u << TITLE, 1u << BODY, 1u << TAG, 1u << TITLE | 1u << TAG, 1u << AT, 0};
    for (ptrdiff_t i = 0; i < COUNT(masks); i++) {
        want_words(k, word, word, masks[i], false);
        if (!same_set(k, segment_word_docs(k->s, k->a, id, masks[i]))) return false;
        if (i == 0) {
            uint32_t count = segment_word_docs(k->s, k->a, id, masks[i]).count;
            if (!CHECK_INT(segment_word_count(k->s, id), count) || !CHECK(count > 0)) return false;
        }
        want_words(k, word, word, masks[i], true);
        if (!same_set(k, segment_first_docs(k->s, k->a, id, masks[i]))) return false;
    }
    return true;
}

static bool range_check(Case *k, WordRange range, uint32_t fields) {
    if (range.from == range.to) {
        want_none(k);
        return same_set(k, segment_range_docs(k->s, k->a, range, fields));
    }
    want_words(k, word_of(k, range.from), word_of(k, range.to - 1), fields, false);
    return same_set(k, segment_range_docs(k->s, k->a, range, fields));
}

static bool words_check(Case *k, int samples) {
    uint32_t words = segment_lexicon(k->s)->words;
    for (int i = 0; i < samples && words; i++) {
        ArenaMark mark = arena_mark(k->a);
        if (!word_check(k, (uint32_t)below(k->world, words))) return false;
        uint32_t from = (uint32_t)below(k->world, words + 1);
        WordRange range = {from, from + (uint32_t)below(k->world, words + 1 - from)};
        if (!range_check(k, range, i % 3 ? (uint32_t)below(k->world, 8) : UINT32_MAX)) return false;
        arena_release(k->a, mark);
    }
    return true;
}

/* Every word of the model is in the lexicon, and the other way round (word_check: count > 0). */
static bool lexicon_check(Case *k) {
    for (ptrdiff_t i = 0; i < k->m->count; i++)
        for (int f = 0; f < WORLD_FIELDS; f++)
            for (ptrdiff_t n = 0; n < k->m->docs[i].fields[f].word_count; n++)
                if (!CHECK(lexicon_find(segment_lexicon(k->s),
                                        k->m->docs[i].fields[f].words[n].text) != UINT32_MAX))
                    return false;
    return true;
}

static bool field_forward_check(Case *k, Forward *forward, int f, const ModelField *field) {
    if (!CHECK(forward->at < forward->end) || !CHECK_INT(FORWARD_FIELD(*forward->at), f) ||
        !CHECK_INT(FORWARD_COUNT(*forward->at), field->word_count))
        return false;
    forward->at++;
    uint32_t before = UINT32_MAX;
    for (ptrdiff_t n = 0; n < field->word_count; n++) {
        uint32_t token = *forward->at++, gap = field->words[n].position - before;
        char buf[WORD_MAX];
        Str word = lexicon_word(segment_lexicon(k->s), FORWARD_WORD(token), buf);
        if (!CHECK_STR(word, field->words[n].text)) return false;
        if (!CHECK_INT(FORWARD_GAP(token), gap > 15 ? 15 : gap)) return false;
        before = field->words[n].position;
    }
    return true;
}

static bool forward_check(Case *k) {
    for (uint32_t doc = 0; doc < k->m->count; doc++) {
        Forward forward = segment_forward(k->s, doc);
        for (int f = 0; f < WORLD_FIELDS; f++) {
            const ModelField *field = &k->m->docs[doc].fields[f];
            if (field->word_count && !field_forward_check(k, &forward, f, field)) return false;
        }
        if (!CHECK(forward.at == forward.end)) return false;
    }
    return true;
}

/* -- Columns ------------------------------------------------------------------------------------- */

static bool by_number_check(Case *k, int field) {
    uint32_t count, have = 0;
    const uint32_t *by_number = segment_by_number(k->s, field, &count);
    const int64_t *numbers = segment_numbers(k->s, field);
    for (ptrdiff_t i = 0; i < k->m->count; i++) {
        int64_t want = k->m->docs[i].fields[field].number;
        have += want != NO_NUMBER;
        if (numbers ? !CHECK_INT(numbers[i], want) : !CHECK(want == NO_NUMBER)) return false;
    }
    if (!CHECK_INT(count, have)) return false;
    for (uint32_t i = 1; i < count; i++) {
        int64_t p = numbers[by_number[i - 1]], q = numbers[by_number[i]];
        if (!CHECK(p < q || (p == q && by_number[i - 1] < by_number[i]))) return false;
    }
    return true;
}

static bool numbers_check(Case *k, int field, int samples) {
    if (!by_number_check(k, field)) return false;
    for (int i = 0; i < samples && k->m->count; i++) {
        const ModelDoc *p = &k->m->docs[below(k->world, k->m->count)];
        const ModelDoc *q = &k->m->docs[below(k->world, k->m->count)];
        int64_t low = p->fields[field].number, high = q->fields[field].number;
        if (i % 5 == 0) high = INT64_MAX;
        if (i % 5 == 1) low = INT64_MIN;
        if (i % 5 == 2) high = low + 1;
        for (ptrdiff_t d = 0; d < k->m->count; d++) {
            int64_t number = k->m->docs[d].fields[field].number;
            k->want[d] = number != NO_NUMBER && low <= number &&
                         (number < high || (high == INT64_MAX && low < high));
        }
        if (!same_set(k, segment_number_docs(k->s, k->a, field, low, high))) return false;
    }
    return true;
}

static bool having_check(Case *k, int field) {
    const SearchField *f = &k->m->def->fields[field];
    for (ptrdiff_t i = 0; i < k->m->count; i++) {
        const ModelField *m = &k->m->docs[i].fields[field];
        k->want[i] = f->kind == SEARCH_TEXT      ? m->word_count > 0
                     : f->kind == SEARCH_KEYWORD ? m->value_count > 0
                                                 : m->number != NO_NUMBER;
    }
    return same_set(k, segment_having(k->s, k->a, field));
}

/* One word, or a camel word's whole and its only part, and nothing behind. */
static bool brief_check(Case *k, int field) {
    for (ptrdiff_t i = 0; i < k->m->count; i++) {
        const ModelField *m = &k->m->docs[i].fields[field];
        k->want[i] = m->word_count > 0 && m->words[m->word_count - 1].position == 0;
    }
    return same_set(k, segment_brief_docs(k->s, k->a, field));
}

/* Documents with the value, and the bytewise least of its spellings. */
static Str want_value(Case *k, int field, Str folded) {
    Str least = {0};
    for (ptrdiff_t i = 0; i < k->m->count; i++) {
        const ModelField *f = &k->m->docs[i].fields[field];
        k->want[i] = false;
        for (ptrdiff_t n = 0; n < f->value_count; n++) {
            if (!str_eq(f->folded[n], folded)) continue;
            k->want[i] = true;
            if (str_is_null(least) || str_cmp(f->values[n], least) < 0) least = f->values[n];
        }
    }
    return least;
}

static bool value_check(Case *k, int field, uint32_t v) {
    Str folded = segment_value_folded(k->s, field, v);
    Str least = want_value(k, field, folded);
    if (v > 0 && !CHECK(str_cmp(segment_value_folded(k->s, field, v - 1), folded) < 0))
        return false;
    if (!CHECK_INT(segment_value_find(k->s, field, folded), v)) return false;
    if (!CHECK_STR(segment_value(k->s, field, v), least)) return false;
    Docset docs = segment_value_docs(k->s, k->a, field, v);
    return CHECK_INT(segment_value_count(k->s, field, v), docs.count) && same_set(k, docs);
}

static bool doc_values_check(Case *k, int field, uint32_t doc) {
    const ModelField *f = &k->m->docs[doc].fields[field];
    uint32_t count, found = 0;
    const uint32_t *values = segment_doc_values(k->s, field, doc, &count);
    for (uint32_t i = 1; i < count; i++)
        if (!CHECK(values[i - 1] < values[i])) return false;
    for (ptrdiff_t n = 0; n < f->value_count; n++) {
        bool again = false, in = false;
        for (ptrdiff_t p = 0; p < n; p++) again = again || str_eq(f->folded[p], f->folded[n]);
        for (uint32_t i = 0; i < count; i++)
            in = in || str_eq(segment_value_folded(k->s, field, values[i]), f->folded[n]);
        if (!CHECK(in)) return false;
        found += !again;
    }
    return CHECK_INT(count, found);
}

static bool values_check(Case *k, int field) {
    uint32_t count = segment_values(k->s, field);
    for (uint32_t v = 0; v < count; v++)
        if (!value_check(k, field, v)) return false;
    for (uint32_t doc = 0; doc < k->m->count; doc++)
        if (!doc_values_check(k, field, doc)) return false;
    const uint32_t *order = segment_values_by_count(k->s, field);
    for (uint32_t i = 1; i < count; i++) {
        uint32_t p = segment_value_count(k->s, field, order[i - 1]);
        uint32_t q = segment_value_count(k->s, field, order[i]);
        if (!CHECK(p > q || (p == q && order[i - 1] < order[i]))) return false;
    }
    return CHECK_INT(segment_value_find(k->s, field, S("\xff\xff")), count);
}

/* -- Documents ----------------------------------------------------------------------------------- */

static bool keys_check(Case *k) {
    if (!CHECK_INT(segment_docs(k->s), k->m->count)) return false;
    for (ptrdiff_t i = 0; i < k->m->count; i++)
        if (!CHECK_INT(segment_keys(k->s)[i], k->m->docs[i].key) ||
            !CHECK_INT(segment_find(k->s, k->m->docs[i].key), i))
            return false;
    for (int64_t key = -5000; key < 10000; key += 37) {
        bool there = false;
        for (ptrdiff_t i = 0; i < k->m->count; i++) there = there || k->m->docs[i].key == key;
        if (!CHECK_INT(segment_find(k->s, key) != UINT32_MAX, there)) return false;
    }
    return true;
}

static bool segment_check(Case *k, int samples) {
    bool fine = keys_check(k) && lexicon_check(k) && forward_check(k) && words_check(k, samples);
    for (int f = 0; f < WORLD_FIELDS && fine; f++) {
        SearchKind kind = world_fields[f].kind;
        bool number = kind != SEARCH_KEYWORD && kind != SEARCH_TEXT;
        fine =
            having_check(k, f) && brief_check(k, f) && CHECK(number || !segment_numbers(k->s, f));
        if (kind == SEARCH_KEYWORD) fine = fine && values_check(k, f);
        if (kind != SEARCH_KEYWORD && kind != SEARCH_TEXT)
            fine = fine && numbers_check(k, f, samples);
    }
    return fine;
}

/* Documents in `batches` batches, built and compared. */
static bool round_check(World *world, const SearchDef *def, int batches, int64_t docs,
                        int samples) {
    Arena *a = arena_new(2048 * MIB);
    SegmentWriter *w = segment_writer_new(def);
    Model m = model_new(a, def);
    Segment *s = NULL;
    for (int i = 0; i < batches; i++) {
        SearchDocs *d = docs_make(world, a, def, docs);
        segment_writer_add(w, d);
        model_add(&m, d);
    }
    model_settle(&m);
    bool fine = CHECK_INT(segment_writer_docs(w), m.count) &&
                good(segment_writer_finish(c, w, (Str){0}, &s)) &&
                CHECK_INT(s != NULL, m.count > 0) && CHECK_INT(segment_writer_docs(w), 0);
    Case k = {s, &m, a, world, arena_array(a, bool, m.count)};
    fine = fine && (!s || segment_check(&k, samples));
    segment_release(s);
    segment_writer_free(w);
    arena_free(a);
    return fine;
}

TEST(small_segments_say_what_their_documents_say) {
    World world = {.rand = {1}, .vocabulary = 60, .keys = 200, .words = 8};
    for (int i = 0; i < 250; i++) {
        const SearchDef *def = i % 2 ? &by_key_def : &by_time_def;
        if (!round_check(&world, def, 1 + i % 3, below(&world, 1 + i % 80), 6)) return;
    }
}

TEST(larger_segments_say_what_their_documents_say) {
    World world = {.rand = {2}, .vocabulary = 3000, .keys = 9000, .words = 14};
    round_check(&world, &by_key_def, 2, 1500, 60);
    round_check(&world, &by_time_def, 5, 1500, 60);
}

/* -- What is kept ready -------------------------------------------------------------------------- */

/* Enough documents for quantiles, pairs and prefixes; made once. */
typedef struct Large {
    Arena *arena;
    Model model;
    Segment *s;
    World world;
    Case k;
} Large;

static Large the_large;

static Large *large(void) {
    Large *l = &the_large;
    if (l->s) return l;
    *l = (Large){
        .arena = arena_new(4096 * MIB),
        .world = {.rand = {3}, .vocabulary = 700, .keys = 1 << 30, .words = 14, .common = true}};
    SegmentWriter *w = segment_writer_new(&by_time_def);
    l->model = model_new(l->arena, &by_time_def);
    SearchDocs *d = docs_make(&l->world, l->arena, &by_time_def, 40000);
    segment_writer_add(w, d);
    model_add(&l->model, d);
    model_settle(&l->model);
    good(segment_writer_finish(c, w, (Str){0}, &l->s));
    segment_writer_free(w);
    l->k =
        (Case){l->s, &l->model, l->arena, &l->world, arena_array(l->arena, bool, l->model.count)};
    return l;
}

static void large_close(void) {
    if (!the_large.s) return;
    segment_release(the_large.s);
    arena_free(the_large.arena);
}

static bool follows(const ModelField *f, Str first, Str second) {
    for (ptrdiff_t i = 0; i < f->word_count; i++)
        for (ptrdiff_t n = i + 1; n < f->word_count; n++) {
            if (f->words[n].position > f->words[i].position + 1) break;
            if (f->words[n].position == f->words[i].position + 1 &&
                str_eq(f->words[i].text, first) && str_eq(f->words[n].text, second))
                return true;
        }
    return false;
}

static bool pair_check(Case *k, uint32_t first, uint32_t second, uint32_t fields) {
    Str p = word_of(k, first), q = word_of(k, second);
    for (ptrdiff_t i = 0; i < k->m->count; i++) {
        k->want[i] = false;
        for (int f = 0; f < WORLD_FIELDS; f++)
            if (fields >> f & 1 && follows(&k->m->docs[i].fields[f], p, q)) k->want[i] = true;
    }
    Docset got;
    return CHECK(segment_pair_docs(k->s, k->a, first, second, fields, &got)) && same_set(k, got);
}

TEST(pairs_of_frequent_words_are_kept_and_only_those) {
    Large *l = large();
    uint32_t words = segment_lexicon(l->s)->words, frequent[8], count = 0, rare = 0;
    for (uint32_t i = 0; i < words; i++) {
        bool many = segment_word_count(l->s, i) > PAIR_DOCS;
        if (many && count < COUNT(frequent)) frequent[count++] = i;
        if (!many) rare = i;
    }
    CHECK(count >= 3);
    Docset got;
    for (uint32_t i = 0; i < count; i++) {
        CHECK(!segment_pair_docs(l->s, l->arena, frequent[i], rare, UINT32_MAX, &got));
        CHECK(!segment_pair_docs(l->s, l->arena, rare, frequent[i], UINT32_MAX, &got));
        for (uint32_t n = 0; n < count; n++)
            for (uint32_t mask = 1; mask < 8; mask += 2)
                if (!pair_check(&l->k, frequent[i], frequent[n], mask)) return;
    }
}

TEST(unions_of_short_prefixes_are_those_of_their_words) {
    static const char *const prefixes[] = {"b", "ba", "bab", "bak", "ve",
                                           "v", "s",  "sal", "o",   "zz"};
    Large *l = large();
    for (ptrdiff_t i = 0; i < COUNT(prefixes); i++) {
        WordRange range = lexicon_prefix(segment_lexicon(l->s), str_c(prefixes[i]));
        for (uint32_t mask = 1; mask < 8; mask++)
            if (!range_check(&l->k, range, mask)) return;
        if (!range_check(&l->k, range, UINT32_MAX)) break;
    }
}

TEST(ranges_of_numbers_hold_with_quantiles) {
    Large *l = large();
    bool fine = numbers_check(&l->k, AT, 60);
    fine = fine && numbers_check(&l->k, LIKES, 400);
    CHECK(fine && numbers_check(&l->k, SCORE, 400));
}

/* -- More documents than 16 bits count ------------------------------------------------------------ */

static const struct {
    char letter;
    uint32_t modulus;
} rows_of[] = {{'a', 7}, {'b', 53}, {'c', 1009}, {'d', 20011}};
enum { ROWS = 150000 };

/* Document i has the words a(i mod 7), b(i mod 53) …: in two fields, by turns. */
static Segment *rows_segment(void) {
    SegmentWriter *w = segment_writer_new(&by_key_def);
    Arena *a = arena_new(512 * MIB);
    for (uint32_t i = 0; i < ROWS;) {
        arena_reset(a);
        SearchDocs *d = search_docs_new(a, &by_key_def);
        for (int n = 0; n < 1000; n++, i++) {
            search_doc(d, i);
            for (ptrdiff_t k = 0; k < COUNT(rows_of); k++)
                search_doc_text(d, i % 2 ? TITLE : BODY,
                                strf(a, "%c%u", rows_of[k].letter, i % rows_of[k].modulus));
        }
        segment_writer_add(w, d);
    }
    Segment *s = NULL;
    good(segment_writer_finish(c, w, (Str){0}, &s));
    segment_writer_free(w);
    arena_free(a);
    return s;
}

/* The set is the documents with rest < below, of the parity of the field. */
static bool rows_same(Docset got, uint32_t modulus, uint32_t from, uint32_t below_rest,
                      int parity) {
    DocsetWalk w = docset_walk(got, 0);
    for (uint32_t i = 0; i < ROWS; i++) {
        if (i % modulus < from || i % modulus >= below_rest) continue;
        if (parity >= 0 && i % 2 != (uint32_t)parity) continue;
        if (!CHECK(docset_next(&w)) || !CHECK_INT(w.doc, i)) return false;
    }
    return CHECK(!docset_next(&w));
}

TEST(sets_hold_beyond_65536_documents) {
    Arena *a = arena_new(256 * MIB);
    Segment *s = rows_segment();
    REQUIRE(s);
    const Lexicon *l = segment_lexicon(s);
    for (ptrdiff_t k = 0; k < COUNT(rows_of); k++) {
        uint32_t modulus = rows_of[k].modulus, rest = modulus / 2;
        uint32_t id = lexicon_find(l, strf(a, "%c%u", rows_of[k].letter, rest));
        CHECK(rows_same(segment_word_docs(s, a, id, UINT32_MAX), modulus, rest, rest + 1, -1));
        CHECK(rows_same(segment_word_docs(s, a, id, 1u << TITLE), modulus, rest, rest + 1, 1));
        WordRange range = lexicon_prefix(l, strf(a, "%c", rows_of[k].letter));
        CHECK_INT(range.to - range.from, modulus);
        CHECK(rows_same(segment_range_docs(s, a, range, UINT32_MAX), 1, 0, 1, -1));
        CHECK(rows_same(segment_range_docs(s, a, range, 1u << BODY), 1, 0, 1, 0));
        range = (WordRange){id, id + 1}; /* and one of words that are not a prefix */
        CHECK(rows_same(segment_range_docs(s, a, range, UINT32_MAX), modulus, rest, rest + 1, -1));
    }
    WordRange some = {lexicon_find(l, S("c100")), lexicon_find(l, S("c100")) + 1};
    while (some.to - some.from < 9) some.to++; /* c100 c1000 … c1007: by bytes */
    Docset got = segment_range_docs(s, a, some, UINT32_MAX);
    for (uint32_t i = 0; i < ROWS; i++)
        if (!CHECK_INT(docset_has(got, i),
                       i % 1009 == 100 || (i % 1009 >= 1000 && i % 1009 < 1008)))
            break;
    segment_release(s);
    arena_free(a);
}

/* -- Edges --------------------------------------------------------------------------------------- */

TEST(a_key_that_comes_again_or_goes_counts_once_or_not) {
    Arena *a = arena_new(MIB);
    SegmentWriter *w = segment_writer_new(&by_key_def);
    SearchDocs *d = search_docs_new(a, &by_key_def);
    search_doc(d, 7);
    search_doc_text(d, TITLE, S("first"));
    search_doc(d, 8);
    search_doc(d, 7);
    search_doc_text(d, TITLE, S("second"));
    search_doc_gone(d, 8);
    search_doc_gone(d, 9);
    segment_writer_add(w, d);
    CHECK_INT(segment_writer_docs(w), 1);
    Segment *s = NULL;
    REQUIRE(good(segment_writer_finish(c, w, (Str){0}, &s)) && s);
    CHECK_INT(segment_docs(s), 1);
    CHECK_INT(lexicon_find(segment_lexicon(s), S("first")), UINT32_MAX);
    CHECK_INT(lexicon_find(segment_lexicon(s), S("second")), 0);
    segment_release(s);
    segment_writer_add(w, d); /* the writer can be used again */
    SearchDocs *gone = search_docs_new(a, &by_key_def);
    search_doc_gone(gone, 7);
    segment_writer_add(w, gone);
    CHECK(good(segment_writer_finish(c, w, (Str){0}, &s)));
    CHECK(s == NULL);
    segment_writer_free(w);
    arena_free(a);
}

TEST(bounds_leave_out_what_is_beyond) {
    Arena *a = arena_new((ptrdiff_t)1 << 31);
    SegmentWriter *w = segment_writer_new(&by_key_def);
    SearchDocs *d = search_docs_new(a, &by_key_def);
    ptrdiff_t len = 9 << 20;
    char *text = arena_bytes(a, len);
    memset(text, ' ', (size_t)len);
    memcpy(text, "begin", 5);
    memcpy(text + len - 5, "final", 5);
    search_doc(d, 1);
    search_doc_text(d, TITLE, str_of(text, len));
    for (ptrdiff_t i = 0; i < len; i++) text[i] = i % 2 ? ' ' : 'a';
    search_doc(d, 2);
    for (int i = 0; i < 5; i++) search_doc_text(d, BODY, str_of(text, len)); /* 2^22 words each */
    segment_writer_add(w, d);
    Segment *s = NULL;
    REQUIRE(good(segment_writer_finish(c, w, (Str){0}, &s)) && s);
    CHECK(lexicon_find(segment_lexicon(s), S("begin")) != UINT32_MAX);
    CHECK_INT(lexicon_find(segment_lexicon(s), S("final")), UINT32_MAX);
    CHECK_INT(FORWARD_COUNT(*segment_forward(s, 1).at), (1 << 24) - 1);
    CHECK_INT(segment_forward(s, 1).end - segment_forward(s, 1).at, 1 << 24);
    segment_release(s);
    segment_writer_free(w);
    arena_free(a);
}

TEST(documents_without_words_make_a_segment) {
    Arena *a = arena_new(MIB);
    SegmentWriter *w = segment_writer_new(&by_time_def);
    SearchDocs *d = search_docs_new(a, &by_time_def);
    search_doc(d, INT64_MIN);
    search_doc(d, INT64_MAX);
    search_doc_text(d, TITLE, S("... !!"));
    segment_writer_add(w, d);
    Segment *s = NULL;
    REQUIRE(good(segment_writer_finish(c, w, (Str){0}, &s)) && s);
    CHECK_INT(segment_docs(s), 2);
    CHECK_INT(segment_lexicon(s)->words, 0);
    CHECK_INT(lexicon_find(segment_lexicon(s), S("x")), UINT32_MAX);
    CHECK_INT(lexicon_prefix(segment_lexicon(s), S("x")).to, 0);
    CHECK_INT(segment_find(s, INT64_MAX), 0);
    CHECK_INT(segment_find(s, INT64_MIN), 1);
    CHECK_INT(segment_having(s, a, TITLE).count, 0);
    CHECK_INT(segment_range_docs(s, a, (WordRange){0, 5}, UINT32_MAX).count, 0);
    segment_release(s);
    segment_writer_free(w);
    arena_free(a);
}

TEST(a_document_of_many_values_and_words_is_kept_whole) {
    Arena *a = arena_new(512 * MIB);
    SegmentWriter *w = segment_writer_new(&by_key_def);
    SearchDocs *d = search_docs_new(a, &by_key_def);
    search_doc(d, 1);
    enum { MANY = 60000 };
    for (int i = MANY; i > 0; i--) search_doc_text(d, TAG, strf(a, "value%d", i));
    segment_writer_add(w, d);
    Segment *s = NULL;
    REQUIRE(good(segment_writer_finish(c, w, (Str){0}, &s)) && s);
    uint32_t count;
    const uint32_t *values = segment_doc_values(s, TAG, 0, &count);
    CHECK_INT(count, MANY);
    for (uint32_t i = 0; i < count; i++)
        if (!CHECK_INT(values[i], i)) break;
    Forward f = segment_forward(s, 0);
    CHECK_INT(FORWARD_COUNT(*f.at), MANY);
    CHECK_INT(f.end - f.at, MANY + 1);
    segment_release(s);
    segment_writer_free(w);
    arena_free(a);
}

int main(int argc, char **argv) {
    static const T rows[] = {
        T_ROW(small_segments_say_what_their_documents_say),
        T_ROW(larger_segments_say_what_their_documents_say),
        T_ROW(pairs_of_frequent_words_are_kept_and_only_those),
        T_ROW(unions_of_short_prefixes_are_those_of_their_words),
        T_ROW(ranges_of_numbers_hold_with_quantiles),
        T_ROW(sets_hold_beyond_65536_documents),
        T_ROW(a_key_that_comes_again_or_goes_counts_once_or_not),
        T_ROW(bounds_leave_out_what_is_beyond),
        T_ROW(documents_without_words_make_a_segment),
        T_ROW(a_document_of_many_values_and_words_is_kept_whole),
    };
    Ctx ctx = {.arena = arena_new(64 * MIB)};
    c = &ctx;
    int status = t_main(argc, argv, rows, (int)COUNT(rows));
    large_close();
    arena_free(ctx.arena);
    return status;
}
