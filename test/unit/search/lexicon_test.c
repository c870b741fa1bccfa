/* SPDX-License-Identifier: Apache-2.0 */
#include "search/lexicon.h"

#include <stdlib.h>

#include "search/lexicon_room.h"
#include "t.h"

enum { MEMORY = 512 * 1024 * 1024 };

static int words_order(const void *a, const void *b) {
    return str_cmp(*(const Str *)a, *(const Str *)b);
}

static uint32_t words_sort(Str *words, uint32_t count) {
    uint32_t kept = 0;
    qsort(words, count, sizeof *words, words_order);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || !str_eq(words[i], words[kept - 1])) words[kept++] = words[i];
    return kept;
}

static Lexicon lexicon_of(Arena *a, const Str *words, uint32_t count, bool stems) {
    Lexicon l;
    Buf b = buf_new(a, 8);
    lexicon_write(&b, words, count, stems);
    CHECK_INT(b.len % 8, 0);
    if (!CHECK(lexicon_open(&l, buf_str(&b)))) abort();
    return l;
}

static const char *const few[] = {
    "",    "a",  "chat", "chateau", "chats", "chien",    "chienne", "ecole", "eleve", "eau",
    "été", "鯨", "東京", "東都",    "👍",     "👍\u200d🚀", "zebre",   "zoo",   "chz",   "b"};

static Lexicon few_open(Arena *a, Str **words, uint32_t *count) {
    Str *w = arena_array(a, Str, COUNT(few));
    for (int i = 0; i < COUNT(few) - 1; i++) w[i] = str_c(few[i + 1]);
    *count = words_sort(w, COUNT(few) - 1);
    *words = w;
    return lexicon_of(a, w, *count, true);
}

/* Words of 1 to 12 letters, few letters so that beginnings are shared, some of them of three bytes. */
static uint32_t random_words(Arena *a, Str *words, uint32_t count, unsigned seed, int letters) {
    static const char *const alphabet[] = {"a", "e", "東", "s", "京", "t", "é", "n", "👍", "o",
                                           "c", "r", "l",  "u", "d",  "m", "p", "i", "v", "q"};
    for (uint32_t i = 0; i < count; i++) {
        Buf b = buf_new(a, 8);
        int n = 1 + rand_r(&seed) % 12;
        for (int j = 0; j < n; j++) buf_add(&b, str_c(alphabet[rand_r(&seed) % letters]));
        words[i] = buf_str(&b);
    }
    return words_sort(words, count);
}

static void lookups_check(const Lexicon *l, const Str *words, uint32_t count) {
    char buf[WORD_MAX];
    CHECK_INT(l->words, count);
    for (uint32_t i = 0; i < count; i++) {
        CHECK_INT(lexicon_find(l, words[i]), i);
        CHECK_STR(lexicon_word(l, i, buf), words[i]);
        for (ptrdiff_t n = 0; n <= words[i].len; n++) {
            Str prefix = str_slice(words[i], 0, n);
            if (n < words[i].len && ((uint8_t)words[i].data[n] & 0xc0) == 0x80) continue;
            WordRange r = lexicon_prefix(l, prefix);
            CHECK(r.from <= i && i < r.to && r.to <= count);
            CHECK(str_starts(words[r.from], prefix) && str_starts(words[r.to - 1], prefix));
            CHECK(r.from == 0 || !str_starts(words[r.from - 1], prefix));
            CHECK(r.to == count || !str_starts(words[r.to], prefix));
        }
    }
}

TEST(finds_words_and_beginnings) {
    Arena *a = arena_new(MEMORY);
    Str *words;
    uint32_t count;
    Lexicon l = few_open(a, &words, &count);
    lookups_check(&l, words, count);
    static const char *const absent[] = {"",     "c",        "ch",       "cha",    "chateaux",
                                         "zz",   "z",        "0",        "東",     "京",
                                         "\xff", "\xe6\x9d", "chat\xc3", "👍\u200d"};
    for (int i = 0; i < COUNT(absent); i++)
        CHECK_INT(lexicon_find(&l, str_c(absent[i])), UINT32_MAX);
    WordRange all = lexicon_prefix(&l, S(""));
    CHECK_INT(all.from, 0);
    CHECK_INT(all.to, count);
    WordRange none = lexicon_prefix(&l, S("chateaux"));
    CHECK_INT(none.from, none.to);
    none = lexicon_prefix(&l, S("\xe6\x9d")); /* half a letter */
    CHECK_INT(none.from, none.to);
    arena_free(a);
}

TEST(finds_thousands_of_words) {
    for (unsigned seed = 1; seed <= 6; seed++) {
        Arena *a = arena_new(MEMORY);
        Str *words = arena_array(a, Str, 5000);
        uint32_t count =
            random_words(a, words, seed < 4 ? 300 : 5000, seed, 3 + (int)seed * 3 % 18);
        Lexicon l = lexicon_of(a, words, count, false);
        lookups_check(&l, words, count);
        arena_free(a);
    }
}

TEST(holds_no_word_or_one) {
    Arena *a = arena_new(MEMORY);
    Lexicon l = lexicon_of(a, NULL, 0, true);
    ptrdiff_t count;
    CHECK_INT(lexicon_find(&l, S("a")), UINT32_MAX);
    CHECK_INT(lexicon_prefix(&l, S("")).to, 0);
    CHECK(!lexicon_stem(&l, a, S("mot"), &count) && count == 0);
    char buf[WORD_MAX], word[WORD_MAX];
    memset(word, 'x', sizeof word);
    Str longest = str_of(word, WORD_MAX);
    l = lexicon_of(a, &longest, 1, true);
    CHECK_INT(lexicon_find(&l, longest), 0);
    CHECK_STR(lexicon_word(&l, 0, buf), longest);
    arena_free(a);
}

TEST(words_that_share_a_stem_are_told) {
    Arena *a = arena_new(MEMORY);
    static const char *const texts[] = {"cheval",    "chevaux", "chevalier", "run",
                                        "running",   "runs",    "runner",    "nationale",
                                        "nationaux", "mer",     "mere"};
    static const char *const rows[][2] = {{"cheval", "chevaux"},
                                          {"chevaux", "cheval"},
                                          {"runs", "run running"},
                                          {"ran", ""},
                                          {"national", "nationale nationaux"},
                                          {"mers", "mer"},
                                          {"mere", ""},
                                          {"", ""}};
    Str words[COUNT(texts)];
    for (int i = 0; i < COUNT(texts); i++) words[i] = str_c(texts[i]);
    uint32_t count = words_sort(words, COUNT(texts));
    Lexicon l = lexicon_of(a, words, count, true), without = lexicon_of(a, words, count, false);
    for (int i = 0; i < COUNT(rows); i++) {
        ptrdiff_t n;
        Buf b = buf_new(a, 16);
        const uint32_t *ids = lexicon_stem(&l, a, str_c(rows[i][0]), &n);
        for (ptrdiff_t j = 0; j < n; j++) {
            if (j) buf_byte(&b, ' ');
            buf_add(&b, words[ids[j]]);
        }
        CHECK_STR(buf_str(&b), str_c(rows[i][1]));
        CHECK(!lexicon_stem(&without, a, str_c(rows[i][0]), &n) && n == 0);
    }
    arena_free(a);
}

/* -- Typing errors ------------------------------------------------------------------------------- */

/* What lexicon_fuzzy must tell, by looking at every word. */
static int typos_wanted(Str query, Str word, int max, bool prefix) {
    int d = word_distance(query, word, max, prefix);
    return d >= 1 && d <= max ? d : 0;
}

static void fuzzy_check(const Lexicon *l, const Str *words, Str query, int max, bool prefix) {
    Arena *a = arena_new(MEMORY);
    uint8_t *told = arena_array(a, uint8_t, (ptrdiff_t)l->words + 1);
    ptrdiff_t count;
    bool complete;
    const FuzzyRange *r = lexicon_fuzzy(l, a, query, max, prefix, INT64_MAX, &count, &complete);
    CHECK(complete);
    for (ptrdiff_t i = 0; i < count; i++) {
        CHECK(r[i].from < r[i].to && r[i].to <= l->words && (i == 0 || r[i - 1].to <= r[i].from));
        CHECK(r[i].typos > 0);
        memset(told + r[i].from, r[i].typos, r[i].to - r[i].from);
    }
    for (uint32_t i = 0; i < l->words; i++)
        if (!CHECK_INT(told[i], typos_wanted(query, words[i], max, prefix)))
            printf("    %.*s for %.*s, %d, %s\n", S_ARG(words[i]), S_ARG(query), max,
                   prefix ? "beginnings" : "words");
    arena_free(a);
}

TEST(typing_errors_are_those_of_word_distance) {
    static const int letters[] = {2, 3, 5, 9, 20};
    for (int i = 0; i < COUNT(letters); i++) {
        Arena *a = arena_new(MEMORY);
        Str *words = arena_array(a, Str, 600), *queries = arena_array(a, Str, 150);
        uint32_t count = random_words(a, words, 600, 11 + (unsigned)i, letters[i]);
        uint32_t query_count = random_words(a, queries, 150, 99 + (unsigned)i, letters[i]);
        Lexicon l = lexicon_of(a, words, count, false);
        for (uint32_t q = 0; q < query_count; q++)
            for (int max = 0; max <= 2; max++) {
                fuzzy_check(&l, words, queries[q], max, false);
                fuzzy_check(&l, words, queries[q], max, true);
            }
        arena_free(a);
    }
}

TEST(typing_errors_in_words_one_knows) {
    Arena *a = arena_new(MEMORY);
    static const char *const texts[] = {"anyway",   "iphone", "iphones", "phone",
                                        "saturday", "seven",  "two",     "été",
                                        "ete",      "東京都", "hello"};
    static const struct {
        const char *query;
        int max;
        bool prefix;
        const char *words;
    } rows[] = {{"phnoe", 1, false, "phone1"},
                {"sevem", 1, false, "seven1"},
                {"caturday", 1, false, ""},
                {"caturday", 2, false, "saturday2"},
                {"iphoe", 1, true, "iphone1 iphones1"},
                {"iphone", 1, false, "iphones1"},
                {"iphone", 1, true, ""},
                {"ehllo", 2, false, "hello2"},
                {"ipohn", 1, true, "iphone1 iphones1"},
                {"東都", 1, false, "東京都1"},
                {"ét", 1, false, "été1"},
                {"", 2, true, ""},
                {"", 2, false, ""},
                {"ipho", 1, true, ""},
                {"ixho", 2, true, "iphone1 iphones1"}};
    Str words[COUNT(texts)];
    for (int i = 0; i < COUNT(texts); i++) words[i] = str_c(texts[i]);
    uint32_t total = words_sort(words, COUNT(texts));
    Lexicon l = lexicon_of(a, words, total, false);
    for (int i = 0; i < COUNT(rows); i++) {
        ptrdiff_t count;
        bool complete;
        Buf b = buf_new(a, 16);
        const FuzzyRange *r = lexicon_fuzzy(&l, a, str_c(rows[i].query), rows[i].max,
                                            rows[i].prefix, 1000, &count, &complete);
        for (ptrdiff_t j = 0; j < count; j++)
            for (uint32_t id = r[j].from; id < r[j].to; id++)
                buf_f(&b, "%s%.*s%d", b.len ? " " : "", S_ARG(words[id]), r[j].typos);
        CHECK_STR(buf_str(&b), str_c(rows[i].words));
    }
    arena_free(a);
}

TEST(long_queries_have_no_typing_errors_but_nothing_breaks) {
    Arena *a = arena_new(MEMORY);
    char text[WORD_MAX];
    memset(text, 'a', sizeof text);
    ptrdiff_t count;
    bool complete;
    Str word = str_of(text, 62);
    Lexicon l = lexicon_of(a, &word, 1, false);
    lexicon_fuzzy(&l, a, str_of(text, 61), 2, false, 1000, &count, &complete);
    CHECK_INT(count, 1);
    lexicon_fuzzy(&l, a, str_of(text, 62), 2, true, 1000, &count, &complete);
    CHECK_INT(count, 0);
    CHECK(!lexicon_fuzzy(&l, a, str_of(text, 63), 2, false, 1000, &count, &complete));
    CHECK(!lexicon_fuzzy(&l, a, str_of(text, WORD_MAX), 2, true, 1000, &count, &complete));
    CHECK(complete);
    lexicon_fuzzy(&l, a,
                  S("\xff"
                    "aa"),
                  1, true, 1000, &count, &complete);
    CHECK_INT(count, 0);
    arena_free(a);
}

/* With any budget: nothing wrong is told, fewer typos are told first, and enough is enough. */
TEST(a_small_budget_finds_the_most_alike) {
    Arena *a = arena_new(MEMORY);
    Str *words = arena_array(a, Str, 4000);
    uint32_t total = random_words(a, words, 4000, 5, 8);
    Lexicon l = lexicon_of(a, words, total, false);
    Str query = S("ase");
    ptrdiff_t count;
    bool complete = false;
    int one_typo = 0, twos_before_all = 0;
    for (uint32_t i = 0; i < total; i++) one_typo += word_distance(query, words[i], 2, false) == 1;
    CHECK(one_typo > 3);
    for (int64_t budget = 0; !complete; budget += budget / 8 + 1) {
        REQUIRE(budget < 100000);
        const FuzzyRange *r = lexicon_fuzzy(&l, a, query, 2, false, budget, &count, &complete);
        int ones = 0;
        for (ptrdiff_t i = 0; i < count; i++) {
            CHECK(i == 0 || r[i - 1].to <= r[i].from);
            for (uint32_t id = r[i].from; id < r[i].to; id++)
                CHECK_INT(word_distance(query, words[id], 2, false), r[i].typos);
            if (r[i].typos == 1)
                ones += (int)(r[i].to - r[i].from);
            else
                twos_before_all += !complete;
        }
        bool enough_for_one;
        lexicon_fuzzy(&l, a, query, 1, false, budget, &count, &enough_for_one);
        if (enough_for_one) CHECK_INT(ones, one_typo);
    }
    CHECK(twos_before_all > 0); /* what was found until the budget ended is told */
    arena_free(a);
}

/* -- Patterns ------------------------------------------------------------------------------------ */

/* By the letter, backtracking to the last star. */
static bool glob_fits(Str glob, Str word) {
    ptrdiff_t g = 0, w = 0, star = -1, back = 0;
    while (w < word.len) {
        ptrdiff_t g_next = g, w_next = w;
        int32_t want = g < glob.len ? str_utf8_next(glob, &g_next) : -1;
        int32_t have = str_utf8_next(word, &w_next);
        if (want == '*') {
            star = g = g_next;
            back = w;
        } else if (want == '?' || want == have) {
            g = g_next;
            w = w_next;
        } else if (star >= 0) {
            str_utf8_next(word, &back);
            g = star;
            w = back;
        } else {
            return false;
        }
    }
    while (g < glob.len && glob.data[g] == '*') g++;
    return g == glob.len;
}

static WordRange *glob_find(const Lexicon *l, Arena *a, Str glob, int64_t budget, ptrdiff_t *count,
                            bool *complete) {
    int64_t left = budget;
    WordRange *ranges = lexicon_glob(l, a, glob, &left, count, complete);
    CHECK(left >= 0 && left <= budget);
    CHECK(*complete || left == 0);
    return ranges;
}

TEST(patterns_find_what_fits_them) {
    static const char *const globs[] = {"*",       "a*",  "*a", "?",    "??",      "a?e*",  "*é*",
                                        "*東*京*", "??*", "a",  "ae",   "*a*e*s*", "**a**", "?*?",
                                        "👍*",      "*👍",  "",   "zzz*", "*\xff*",  "a*a?a*"};
    Arena *a = arena_new(MEMORY);
    Str *words = arena_array(a, Str, 3000);
    uint32_t total = random_words(a, words, 3000, 77, 9);
    Lexicon l = lexicon_of(a, words, total, false);
    for (int i = 0; i < COUNT(globs); i++) {
        ptrdiff_t count;
        bool complete;
        bool *told = arena_array(a, bool, (ptrdiff_t)total + 1);
        const WordRange *r = glob_find(&l, a, str_c(globs[i]), INT64_MAX, &count, &complete);
        CHECK(complete);
        for (ptrdiff_t j = 0; j < count; j++) {
            CHECK(r[j].from < r[j].to && (j == 0 || r[j - 1].to < r[j].from));
            memset(told + r[j].from, true, r[j].to - r[j].from);
        }
        for (uint32_t w = 0; w < total; w++)
            if (!CHECK(told[w] == glob_fits(str_c(globs[i]), words[w])))
                printf("    %s, %.*s\n", globs[i], S_ARG(words[w]));
        glob_find(&l, a, str_c(globs[i]), 3, &count, &complete);
        CHECK(complete || count < 4);
    }
    arena_free(a);
}

TEST(patterns_may_be_as_long_as_words) {
    Arena *a = arena_new(MEMORY);
    char text[2 * WORD_MAX];
    memset(text, 'a', sizeof text);
    Str word = str_of(text, WORD_MAX);
    Lexicon l = lexicon_of(a, &word, 1, false);
    char glob[2 * WORD_MAX];
    for (int i = 0; i < 2 * WORD_MAX; i++) glob[i] = i % 2 ? '*' : 'a';
    ptrdiff_t count;
    bool complete;
    glob_find(&l, a, str_of(glob, WORD_MAX), 1000, &count, &complete);
    CHECK_INT(count, 1);
    glob_find(&l, a, str_of(text, WORD_MAX), 1000, &count, &complete);
    CHECK_INT(count, 1);
    glob_find(&l, a, str_of(text, WORD_MAX + 1), 1000, &count, &complete);
    CHECK_INT(count, 0);
    glob_find(&l, a, str_of(glob, 2 * WORD_MAX), 1000, &count, &complete);
    CHECK_INT(count, 0);
    l = lexicon_of(a, NULL, 0, false);
    glob_find(&l, a, S("*"), 1000, &count, &complete);
    CHECK_INT(count, 0);
    Str *words;
    uint32_t total;
    l = few_open(a, &words, &total);
    const WordRange *r =
        glob_find(&l, a, S("ch*"), 12, &count, &complete); /* a range, no walk */
    CHECK(complete);
    CHECK_INT(count, 1);
    CHECK_INT(r[0].to - r[0].from, 6);
    arena_free(a);
}

/* Whatever is wrong in the bytes is refused, or can be read. */
static void hostile_read(Arena *a, Str block) {
    Lexicon l;
    char buf[WORD_MAX];
    ptrdiff_t n;
    if (!lexicon_open(&l, block)) return;
    for (uint32_t i = 0; i < l.words && i < 50; i++) {
        Str word = lexicon_word(&l, i, buf);
        CHECK(word.len <= WORD_MAX);
        CHECK(lexicon_prefix(&l, word).to <= l.words);
        lexicon_stem(&l, a, word, &n);
    }
    bool complete;
    const FuzzyRange *r = lexicon_fuzzy(&l, a, S("chatau"), 2, true, 1000, &n, &complete);
    for (ptrdiff_t i = 0; i < n; i++) CHECK(r[i].from < r[i].to && r[i].to <= l.words);
    const WordRange *g = glob_find(&l, a, S("*a*"), 1000, &n, &complete);
    for (ptrdiff_t i = 0; i < n; i++) CHECK(g[i].from < g[i].to && g[i].to <= l.words);
}

TEST(damaged_blocks_are_refused_or_safe) {
    Arena *a = arena_new(MEMORY);
    Str *words;
    uint32_t count, refused = 0;
    Lexicon l = few_open(a, &words, &count), damaged;
    char *copy = arena_bytes(a, l.block.len);
    for (ptrdiff_t i = 0; i < l.block.len; i++) {
        CHECK(!lexicon_open(&damaged, str_slice(l.block, 0, i)));
        for (int bit = 0; bit < 8; bit++) {
            memcpy(copy, l.block.data, (size_t)l.block.len);
            copy[i] ^= (char)(1 << bit);
            hostile_read(a, str_of(copy, l.block.len));
            refused += !lexicon_open(&damaged, str_of(copy, l.block.len));
        }
    }
    CHECK(refused > 8 * l.block.len * 6 / 10); /* labels may turn into others, stems too */
    CHECK(!lexicon_open(&damaged, (Str){NULL, 0}));
    arena_free(a);
}

/* Labels that are no UTF-8, or begin inside a code point, could be read past their end. */
TEST(labels_must_be_whole_code_points) {
    Arena *a = arena_new(MEMORY);
    Str *words;
    uint32_t count, shifted = 0;
    Lexicon l = few_open(a, &words, &count), damaged;
    char *copy = arena_bytes(a, l.block.len);
    Str block = str_of(copy, l.block.len);
    LexiconNode *nodes = (LexiconNode *)(void *)(copy + sizeof(LexiconHead));
    char *labels = (char *)(nodes + l.counts[PART_NODES] + 1);
    for (uint32_t i = 0; i < l.counts[PART_LABELS]; i++) {
        memcpy(copy, l.block.data, (size_t)l.block.len);
        labels[i] = '\xff';
        CHECK(!lexicon_open(&damaged, block));
    }
    for (uint32_t i = 2; i < l.counts[PART_NODES]; i++) {
        memcpy(copy, l.block.data, (size_t)l.block.len);
        if ((uint8_t)labels[nodes[i].label] < 0xc0) continue;
        nodes[i].label++;
        shifted++;
        CHECK(!lexicon_open(&damaged, block));
    }
    CHECK(shifted > 2);
    arena_free(a);
}

T_MAIN(T_ROW(finds_words_and_beginnings), T_ROW(finds_thousands_of_words),
       T_ROW(holds_no_word_or_one), T_ROW(words_that_share_a_stem_are_told),
       T_ROW(typing_errors_are_those_of_word_distance), T_ROW(typing_errors_in_words_one_knows),
       T_ROW(long_queries_have_no_typing_errors_but_nothing_breaks),
       T_ROW(a_small_budget_finds_the_most_alike), T_ROW(patterns_find_what_fits_them),
       T_ROW(patterns_may_be_as_long_as_words), T_ROW(damaged_blocks_are_refused_or_safe),
       T_ROW(labels_must_be_whole_code_points))
