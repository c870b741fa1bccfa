/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as text: words lie in order within the text and within their bounds, fold to themselves,
 * and a stem is never longer than its word. The first half is compared with the second, too: the
 * distance is bounded, the same both ways round, and nought for what is equal alone. */
#include "search/text.h"

static void stem_check(Str word) {
    char out[2 * WORD_MAX];
    int second, first = word_stem(word, out, &second);
    assert(first > 0 && first <= word.len);
    assert(second >= 0 && second <= word.len);
}

static void fold_check(Arena *a, const Word *word) {
    Words again = {.arena = a};
    words_add(&again, word->text);
    assert(again.count == 1);
    assert(str_eq(again.items[0].text, word->text));
}

static void words_check(Arena *a, const Words *w, Str text, uint32_t start) {
    for (ptrdiff_t i = 0; i < w->count; i++) {
        const Word *word = &w->items[i], *before = i > 0 ? word - 1 : NULL;
        assert(word->text.len > 0 && word->text.len <= WORD_MAX);
        assert(str_utf8_valid(word->text));
        assert(word->from < word->to && word->to <= text.len);
        assert(word->position >= start);
        if (before && before->whole) {
            assert(word->position == before->position && word->from == before->from);
            assert(str_starts(before->text, word->text));
        } else if (before) {
            uint32_t gap = word->position - before->position;
            assert(word->from >= before->from && (gap == 1 || gap == SEPARATED));
        }
        stem_check(word->text);
        if (word->text.len < WORD_MAX - 3) fold_check(a, word);
    }
}

static void distance_check(Str x, Str y) {
    int there = word_distance(x, y, 2, false), back = word_distance(y, x, 2, false);
    assert(there == back && there >= 0 && there <= 3);
    assert((there == 0) == str_eq(x, y));
    assert(word_distance(x, y, 2, true) <= there);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena *a = arena_new(256 * MIB);
    Str text = str_of((const char *)data, (ptrdiff_t)size);
    Words w = {.arena = a, .next_position = 3};
    words_add(&w, text);
    words_check(a, &w, text, 3);
    if (w.count > 0) {
        assert(w.next_position == w.items[w.count - 1].position + SEPARATED);
        distance_check(w.items[0].text, w.items[w.count - 1].text);
    }
    Str value = text_fold(a, text);
    assert(str_utf8_valid(value));
    assert(str_eq(text_fold(a, value), value));
    arena_free(a);
    return 0;
}
