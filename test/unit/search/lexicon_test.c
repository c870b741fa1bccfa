/* SPDX-License-Identifier: Apache-2.0 */
#include "search/lexicon.h"

#include <stdlib.h>

#include "test/t.h"

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

static const char *const few[] = {"", "a", "chat", "chateau", "chats", "chien", "chienne", "ecole",
                                  "eleve", "eau", "été", "鯨", "東京", "東都", "👍", "👍\u200d🚀",
                                  "zebre", "zoo", "chz", "b"};

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
                                           "c", "r", "l",  "u", "d",  "m", "p", "i", "v",  "q"};
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
    static const char *const absent[] = {"", "c", "ch", "cha", "chateaux", "zz", "z", "0", "東",
                                         "京", "\xff", "\xe6\x9d", "chat\xc3", "👍\u200d"};
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
        uint32_t count = random_words(a, words, seed < 4 ? 300 : 5000, seed, 3 + (int)seed * 3 % 18);
        Lexicon l = lexicon_of(a, words, count, false);
        lookups_check(&l, words, count);
        arena_free(a);
    }
}

TEST(holds_no_word_or_one) {
    Arena *a = arena_new(MEMORY);
    Lexicon l = lexicon_of(a, NULL, 0, true);
    ptrdiff_t count;
    bool complete;
    CHECK_INT(lexicon_find(&l, S("a")), UINT32_MAX);
    CHECK_INT(lexicon_prefix(&l, S("")).to, 0);
    CHECK(!lexicon_stem(&l, a, S("mot"), &count) && count == 0);
    char buf[WORD_MAX], word[WORD_MAX];
    memset(word, 'x', sizeof word);
    Str longest = str_of(word, WORD_MAX);
    l = lexicon_of(a, &longest, 1, true);
    CHECK_INT(lexicon_find(&l, longest), 0);
    CHECK_STR(lexicon_word(&l, 0, buf), longest);
    (void)complete;
    arena_free(a);
}

TEST(words_that_share_a_stem_are_told) {
    Arena *a = arena_new(MEMORY);
    static const char *const texts[] = {"cheval", "chevaux", "chevalier", "run", "running", "runs",
                                        "runner", "nationale", "nationaux", "mer", "mere"};
    static const char *const rows[][2] = {
        {"cheval", "chevaux"}, {"chevaux", "cheval"}, {"runs", "run running"}, {"ran", ""},
        {"national", "nationale nationaux"}, {"mers", "mer"}, {"mere", ""}, {"", ""}};
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

T_MAIN(T_ROW(finds_words_and_beginnings), T_ROW(finds_thousands_of_words),
       T_ROW(holds_no_word_or_one), T_ROW(words_that_share_a_stem_are_told),
       T_ROW(damaged_blocks_are_refused_or_safe))
