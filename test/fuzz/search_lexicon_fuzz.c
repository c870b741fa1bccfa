/* SPDX-License-Identifier: Apache-2.0
 * The lexicon from both sides. A first byte of 0: the rest is a block; what is accepted can be read.
 * Else: the rest is words, a line each, the first one a query; all that is told of their lexicon is
 * what looking at every word tells. */
#include "search/lexicon.h"

#include <stdlib.h>

enum { BUDGET = 100000, QUERY_LETTERS = 62 };

static void block_read(Arena *a, const Lexicon *l) {
    char buf[WORD_MAX];
    ptrdiff_t count;
    bool complete;
    for (uint32_t i = 0; i < l->words && i < 64; i++) {
        Str word = lexicon_word(l, i, buf);
        assert(word.len <= WORD_MAX);
        WordRange r = lexicon_prefix(l, word);
        assert(r.from <= r.to && r.to <= l->words);
        uint32_t id = lexicon_find(l, word);
        assert(id == UINT32_MAX || id < l->words);
        const uint32_t *ids = lexicon_stem(l, a, word, &count);
        for (ptrdiff_t j = 0; j < count; j++) assert(ids[j] < l->words);
        const FuzzyRange *f = lexicon_fuzzy(l, a, word, 2, i & 1, BUDGET, &count, &complete);
        for (ptrdiff_t j = 0; j < count; j++) assert(f[j].from < f[j].to && f[j].to <= l->words);
    }
    int64_t budget = BUDGET;
    const WordRange *g = lexicon_glob(l, a, S("*a?*"), &budget, &count, &complete);
    for (ptrdiff_t j = 0; j < count; j++) assert(g[j].from < g[j].to && g[j].to <= l->words);
}

static int words_order(const void *x, const void *y) {
    return str_cmp(*(const Str *)x, *(const Str *)y);
}

static uint32_t words_cut(Arena *a, Str text, Str **out) {
    Words w = {.arena = a};
    words_add(&w, text);
    Str *words = arena_array(a, Str, w.count);
    uint32_t count = 0;
    for (ptrdiff_t i = 0; i < w.count; i++) words[i] = w.items[i].text;
    if (w.count > 0) qsort(words, (size_t)w.count, sizeof *words, words_order);
    for (ptrdiff_t i = 0; i < w.count; i++)
        if (count == 0 || !str_eq(words[i], words[count - 1])) words[count++] = words[i];
    *out = words;
    return count;
}

static void fuzzy_check(Arena *a, const Lexicon *l, const Str *words, Str query, bool prefix) {
    ptrdiff_t count;
    bool complete;
    uint8_t *told = arena_array(a, uint8_t, (ptrdiff_t)l->words + 1);
    const FuzzyRange *r = lexicon_fuzzy(l, a, query, 2, prefix, INT64_MAX, &count, &complete);
    for (ptrdiff_t i = 0; i < count; i++) memset(told + r[i].from, r[i].typos, r[i].to - r[i].from);
    for (uint32_t i = 0; i < l->words; i++) {
        int d = word_distance(query, words[i], 2, prefix);
        assert(told[i] == (d > 2 ? 0 : d));
    }
}

static void words_check(Arena *a, Str text) {
    Str *words, first;
    char buf[WORD_MAX];
    Words query = {.arena = a};
    text = str_cut(text, '\n', &first);
    words_add(&query, first);
    uint32_t count = words_cut(a, text, &words);
    Buf block = buf_new(a, 64);
    Lexicon l;
    lexicon_write(&block, words, count, true);
    bool good = lexicon_open(&l, buf_str(&block));
    assert(good && l.words == count);
    for (uint32_t i = 0; i < count; i++) {
        assert(lexicon_find(&l, words[i]) == i);
        assert(str_eq(lexicon_word(&l, i, buf), words[i]));
    }
    if (query.count == 0 || word_letters(query.items[0].text) > QUERY_LETTERS) return;
    fuzzy_check(a, &l, words, query.items[0].text, false);
    fuzzy_check(a, &l, words, query.items[0].text, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > 64 * 1024) return 0;
    Arena *a = arena_new(256 * MIB);
    Str text = str_copy(a, str_of((const char *)data + 1, (ptrdiff_t)size - 1)); /* aligned */
    Lexicon l;
    if (data[0] != 0)
        words_check(a, text);
    else if (lexicon_open(&l, text))
        block_read(a, &l);
    arena_free(a);
    return 0;
}
