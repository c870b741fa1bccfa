/* SPDX-License-Identifier: Apache-2.0
 * Sets of documents against the simplest set there is: one byte a document. */
#include "search/docset.h"
#include "t.h"

static uint64_t state = 88172645463325252u;
static uint32_t random_below(uint32_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 11) % n);
}

enum { UNIVERSE_MAX = 20000 };

typedef struct Naive {
    uint32_t universe, count;
    uint8_t in[UNIVERSE_MAX];
} Naive;

/* A set of about share/1000 of the universe, in stretches now and then, and either representation
 * whatever its size: operands need not be made by us. */
static Docset set_make(Arena *a, Naive *n, uint32_t universe, uint32_t share) {
    *n = (Naive){.universe = universe};
    uint32_t stretch = random_below(4) ? 1 : 1 + random_below(200);
    for (uint32_t i = 0; i < universe; i++) {
        bool in = i % stretch ? n->in[i - 1] : random_below(1000) < share;
        n->in[i] = in;
        n->count += in;
    }
    uint32_t *array = arena_array(a, uint32_t, n->count), at = 0;
    uint64_t *bits = arena_array(a, uint64_t, universe / 64 + 1);
    for (uint32_t i = 0; i < universe; i++) {
        if (!n->in[i]) continue;
        array[at++] = i;
        bits[i / 64] |= (uint64_t)1 << i % 64;
    }
    return random_below(2) ? docset_array(universe, array, at) : docset_bits(universe, bits, at);
}

static bool same(Docset x, const Naive *n) {
    if (!CHECK_INT(x.universe, n->universe)) return false;
    if (!CHECK_INT(x.count, n->count)) return false;
    if (x.count == 0) return CHECK(!x.array && !x.bits);
    if (!CHECK(!x.array != !x.bits)) return false;
    uint32_t words = (n->universe + 63) / 64;
    if (x.bits && n->universe % 64 && !CHECK(x.bits[words - 1] >> n->universe % 64 == 0))
        return false;
    DocsetWalk w = docset_walk(x, 0);
    for (uint32_t i = 0; i < n->universe; i++) {
        if (!n->in[i]) continue;
        if (!CHECK(docset_next(&w)) || !CHECK_INT(w.doc, i)) return false;
    }
    return CHECK(!docset_next(&w)) && CHECK(!docset_next(&w));
}

typedef uint8_t Combine(uint8_t, uint8_t);
static uint8_t both(uint8_t x, uint8_t y) { return x && y; }
static uint8_t either(uint8_t x, uint8_t y) { return x || y; }
static uint8_t without(uint8_t x, uint8_t y) { return x && !y; }

static const Naive *combined(const Naive *x, const Naive *y, Combine *f) {
    static Naive out;
    out = (Naive){.universe = x->universe};
    for (uint32_t i = 0; i < x->universe; i++) {
        out.in[i] = f(x->in[i], y->in[i]);
        out.count += out.in[i];
    }
    return &out;
}

static const uint32_t universes[] = {0,   1,   2,   31,  32,   33,   63,   64,   65,   127,  128,
                                     129, 191, 192, 193, 2047, 2048, 2049, 4095, 4096, 9973, 20000};
static const uint32_t shares[] = {0, 1, 3, 10, 40, 300, 900, 999, 1000};

static bool pair_check(Arena *a, uint32_t universe, uint32_t share, uint32_t other_share) {
    static Naive p, q;
    Docset x = set_make(a, &p, universe, share), y = set_make(a, &q, universe, other_share);
    const Naive *in_both = combined(&p, &q, both);
    bool good = CHECK_INT(docset_and_count(x, y), in_both->count);
    good = good && same(docset_and(a, x, y), in_both);
    good = good && same(docset_or(a, x, y), combined(&p, &q, either));
    good = good && same(docset_minus(a, x, y), combined(&p, &q, without));
    static Naive all;
    all = (Naive){.universe = universe};
    memset(all.in, 1, universe);
    good = good && same(docset_not(a, x), combined(&all, &p, without));
    return good && same(x, &p) && same(y, &q);
}

TEST(operations_agree_with_a_naive_set) {
    Arena *a = arena_new(64 * MIB);
    for (ptrdiff_t u = 0; u < COUNT(universes); u++)
        for (ptrdiff_t i = 0; i < COUNT(shares) * COUNT(shares) * 2; i++) {
            arena_reset(a);
            uint32_t share = shares[i / COUNT(shares) % COUNT(shares)];
            if (!pair_check(a, universes[u], share, shares[i % COUNT(shares)])) goto out;
        }
out:
    arena_free(a);
}

TEST(unions_of_many_agree_with_a_naive_set) {
    Arena *a = arena_new(256 * MIB);
    static Naive one, sum;
    for (int round = 0; round < 400; round++) {
        arena_reset(a);
        uint32_t universe = universes[random_below(COUNT(universes))];
        ptrdiff_t count = random_below(round % 2 ? 4 : 60);
        uint32_t share = shares[random_below(5)];
        Docset *sets = arena_array(a, Docset, count);
        sum = (Naive){.universe = universe};
        for (ptrdiff_t i = 0; i < count; i++) {
            sets[i] = set_make(a, &one, universe, share);
            sum = *combined(&sum, &one, either);
        }
        if (!same(docset_or_many(a, universe, sets, count), &sum)) break;
    }
    arena_free(a);
}

TEST(ranges_walks_and_membership_agree_with_a_naive_set) {
    Arena *a = arena_new(64 * MIB);
    static Naive p, r;
    for (int round = 0; round < 1500; round++) {
        arena_reset(a);
        uint32_t universe = universes[random_below(COUNT(universes))];
        Docset x = set_make(a, &p, universe, shares[random_below(COUNT(shares))]);
        uint32_t from = random_below(universe + 3), to = random_below(universe + 70), want = 0;
        r = (Naive){.universe = universe};
        for (uint32_t i = from; i < to && i < universe; i++) {
            r.in[i] = 1;
            r.count++;
            want += p.in[i];
        }
        if (!CHECK_INT(docset_range_count(x, from, to), want)) break;
        if (!same(docset_range(a, universe, from, to), &r)) break;
        DocsetWalk w = docset_walk(x, from);
        for (uint32_t i = from; i < universe; i++)
            if (p.in[i] && (!CHECK(docset_next(&w)) || !CHECK_INT(w.doc, i))) goto out;
        if (!CHECK(!docset_next(&w))) break;
        for (uint32_t i = 0; i < universe + 2; i++)
            if (!CHECK_INT(docset_has(x, i), i < universe && p.in[i])) goto out;
    }
out:
    arena_free(a);
}

TEST(a_set_filled_in_any_order_is_counted) {
    Arena *a = arena_new(64 * MIB);
    static Naive p, q;
    for (int round = 0; round < 300; round++) {
        arena_reset(a);
        uint32_t universe = universes[random_below(COUNT(universes))];
        Docset x = set_make(a, &p, universe, shares[random_below(5)]);
        q = (Naive){.universe = universe};
        DocsetMaker m = docset_maker(a, universe);
        for (uint32_t i = random_below(300); universe && i; i--) {
            uint32_t doc = random_below(universe);
            q.in[doc] = 1;
            docset_put(&m, doc);
        }
        docset_put(&m, universe); /* outside: nothing happens */
        docset_put_all(&m, x);
        if (!same(docset_made(a, &m), combined(&p, &q, either))) break;
    }
    arena_free(a);
}

TEST(small_results_are_arrays_and_large_ones_bitmaps) {
    Arena *a = arena_new(8 * MIB);
    CHECK(docset_range(a, 6400, 0, 201).bits != NULL);
    CHECK(docset_range(a, 6400, 0, 200).array != NULL);
    CHECK(docset_and(a, docset_range(a, 6400, 0, 3000), docset_range(a, 6400, 2990, 6400)).array !=
          NULL);
    CHECK(docset_or(a, docset_range(a, 6400, 0, 200), docset_range(a, 6400, 300, 500)).bits !=
          NULL);
    arena_free(a);
}

T_MAIN(T_ROW(operations_agree_with_a_naive_set), T_ROW(unions_of_many_agree_with_a_naive_set),
       T_ROW(ranges_walks_and_membership_agree_with_a_naive_set),
       T_ROW(a_set_filled_in_any_order_is_counted),
       T_ROW(small_results_are_arrays_and_large_ones_bitmaps))
