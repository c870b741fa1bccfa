/* SPDX-License-Identifier: Apache-2.0
 * Texts as vectors without a model, by hashing features (Weinberger et al., "Feature hashing for
 * large scale multitask learning", ICML 2009): the stem of each word that is no stop word, pairs of
 * neighbours, and what words are made of (3 to 5 letters in a row, its ends marked), which brings
 * together what stems do not. Each feature falls on a place with a sign, both given by its hash, so
 * that what falls together by chance cancels out on average.
 *
 * Weights grow with the logarithm of how often a feature comes. All sums are of integers, and the
 * one root and division at the end are exact to the last bit by IEEE 754: the same vector on every
 * machine and compiler. */
#include <math.h>
#include <stdlib.h>

#include "ai/local.h"

enum {
    WORD_WEIGHT = 64, /* of a stem of six letters and more */
    PAIR_WEIGHT = 28,
    LETTERS_WEIGHT = 40, /* of all runs of letters of one word together, as a length */
    FULL_LETTERS = 6,
    RUN_LEAST = 3,
    RUN_MOST = 5,
    PLACES = 2, /* on which a feature falls */
};

typedef struct Feature {
    uint64_t hash;
    int64_t weight;
} Feature;

typedef struct Features {
    Arena *arena;
    Feature *items;
    ptrdiff_t count, cap;
} Features;

/* splitmix64's last step: spreads what FNV leaves in the low bits. */
static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31);
}

static void feature_add(Features *f, uint64_t kind, uint64_t hash, int64_t weight) {
    if (f->count == f->cap) {
        ptrdiff_t cap = f->cap ? 2 * f->cap : 512, size = (ptrdiff_t)sizeof *f->items;
        f->items = arena_grow(f->arena, f->items, f->cap * size, cap * size);
        f->cap = cap;
    }
    f->items[f->count++] = (Feature){mix(hash + kind * 0x9E3779B97F4A7C15U), weight};
}

static int64_t root(int64_t n) {
    int64_t r = 0;
    while ((r + 1) * (r + 1) <= n) r++;
    return r;
}

/* Where the code points of ^word$ begin; at most WORD_MAX + 3 of them. */
static int points_of(Str marked, int *from) {
    int count = 0;
    for (ptrdiff_t at = 0; at < marked.len;) {
        from[count++] = (int)at;
        str_utf8_next(marked, &at);
    }
    from[count] = (int)marked.len;
    return count;
}

static void letters_add(Features *f, Str word) {
    char marked[WORD_MAX + 2];
    int from[WORD_MAX + 3];
    ptrdiff_t len = min_size(word.len, WORD_MAX);
    marked[0] = '^';
    memcpy(marked + 1, word.data, (size_t)len);
    marked[len + 1] = '$';
    int points = points_of(str_of(marked, len + 2), from), runs = 0;
    for (int n = RUN_LEAST; n <= RUN_MOST; n++) runs += points >= n ? points - n + 1 : 0;
    if (runs == 0) return;
    int64_t weight = max_i64(LETTERS_WEIGHT * 16 / root(runs * 256), 1);
    for (int n = RUN_LEAST; n <= RUN_MOST; n++)
        for (int i = 0; i + n <= points; i++)
            feature_add(f, 3, str_hash(str_of(marked + from[i], from[i + n] - from[i])), weight);
}

/* Of a text that has nothing but stop words: they are all there is. */
static void stops_add(Features *f, Str text) {
    Words words = {.arena = f->arena};
    words_add(&words, text);
    for (ptrdiff_t i = 0; i < words.count; i++)
        feature_add(f, 1, str_hash(words.items[i].text), WORD_WEIGHT);
}

static Features features_of(Arena *arena, Str text) {
    Features f = {.arena = arena};
    Terms terms = terms_of(arena, text);
    if (terms.count == 0) stops_add(&f, text);
    for (ptrdiff_t i = 0; i < terms.count; i++) {
        const Term *t = &terms.items[i];
        int64_t letters = min_i64(word_letters(t->word), FULL_LETTERS);
        int64_t weight = WORD_WEIGHT * (letters + 2) / (FULL_LETTERS + 2);
        feature_add(&f, 1, str_hash(t->stem), weight);
        if (i > 0) feature_add(&f, 2, mix(str_hash(t[-1].stem)) ^ str_hash(t->stem), PAIR_WEIGHT);
        letters_add(&f, t->word);
    }
    return f;
}

static int feature_order(const void *a, const void *b) {
    const Feature *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return x->weight < y->weight ? -1 : x->weight > y->weight; /* whatever qsort does with equals */
}

/* 16 × (1 + log2 n), straight between powers of two. */
static int64_t often(int64_t n) {
    int64_t power = 1, steps = 0;
    while (power * 2 <= n) {
        power *= 2;
        steps++;
    }
    return 16 * (1 + steps) + 16 * (n - power) / power;
}

static void feature_fall(int64_t *sums, int dimensions, uint64_t hash, int64_t weight) {
    for (int k = 0; k < PLACES; k++) {
        int64_t *sum = &sums[hash % (uint64_t)dimensions];
        *sum += hash >> 63 ? -weight : weight;
        hash = mix(hash + 1);
    }
}

void local_vector(Arena *arena, Str text, int dimensions, float *out) {
    assert(dimensions > 0 && dimensions <= EMBED_DIMENSIONS_MAX);
    ArenaMark mark = arena_mark(arena);
    Features f = features_of(arena, text);
    if (f.count > 1) qsort(f.items, (size_t)f.count, sizeof *f.items, feature_order);
    int64_t *sums = arena_array(arena, int64_t, dimensions);
    for (ptrdiff_t i = 0; i < f.count;) {
        ptrdiff_t end = i;
        while (end < f.count && f.items[end].hash == f.items[i].hash) end++;
        feature_fall(sums, dimensions, f.items[i].hash, f.items[i].weight * often(end - i));
        i = end;
    }
    int64_t squares = 0;
    if (f.count > 0) sums[f.items[0].hash % (uint64_t)dimensions] += 1; /* never nothing at all */
    for (int i = 0; i < dimensions; i++) squares += sums[i] * sums[i];
    double length = sqrt((double)squares);
    for (int i = 0; i < dimensions; i++)
        out[i] = squares > 0 ? (float)((double)sums[i] / length) : 0;
    arena_release(arena, mark);
}
