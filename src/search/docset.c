/* SPDX-License-Identifier: Apache-2.0
 * Sets of document numbers. Bitmap against bitmap runs word by word in loops that the compiler
 * makes twice, with and without AVX2 and POPCNT; an array against a bitmap looks its numbers up;
 * arrays against each other are merged, or galloped through where one is much longer.
 *
 * A result that came out as a bitmap becomes an array only below universe / 128: above that the
 * conversion and the next operation on the array cost more than staying with words. */
#include "search/docset.h"
#include "search/wide.h"

enum { GALLOP = 24 }; /* ratio of lengths from which searching beats merging */

static uint32_t words_of(uint32_t universe) { return universe / 64 + (universe % 64 != 0); }

static bool is_dense(uint32_t universe, uint64_t count) { return count > universe / 32; }

/* -- Loops over words ---------------------------------------------------------------------------- */

WIDE static uint64_t bits_count(const uint64_t *x, uint32_t n) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < n; i++) count += (uint64_t)__builtin_popcountll(x[i]);
    return count;
}

WIDE static uint64_t bits_and_count(const uint64_t *x, const uint64_t *y, uint32_t n) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < n; i++) count += (uint64_t)__builtin_popcountll(x[i] & y[i]);
    return count;
}

WIDE static uint64_t bits_and(uint64_t *restrict out, const uint64_t *x, const uint64_t *y,
                              uint32_t n) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = x[i] & y[i];
        count += (uint64_t)__builtin_popcountll(out[i]);
    }
    return count;
}

WIDE static uint64_t bits_or(uint64_t *restrict out, const uint64_t *x, const uint64_t *y,
                             uint32_t n) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = x[i] | y[i];
        count += (uint64_t)__builtin_popcountll(out[i]);
    }
    return count;
}

WIDE static uint64_t bits_minus(uint64_t *restrict out, const uint64_t *x, const uint64_t *y,
                                uint32_t n) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = x[i] & ~y[i];
        count += (uint64_t)__builtin_popcountll(out[i]);
    }
    return count;
}

WIDE static void bits_add(uint64_t *restrict out, const uint64_t *x, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) out[i] |= x[i];
}

WIDE static void bits_not(uint64_t *restrict out, const uint64_t *x, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) out[i] = ~x[i];
}

static bool bit_at(const uint64_t *bits, uint32_t doc) { return bits[doc >> 6] >> (doc & 63) & 1; }

static void bits_cut(uint64_t *bits, uint32_t universe) {
    if (universe % 64) bits[universe / 64] &= ((uint64_t)1 << universe % 64) - 1;
}

static uint64_t *bits_new(Arena *a, uint32_t universe) {
    return arena_bytes(a, (ptrdiff_t)words_of(universe) * 8);
}

/* -- Making -------------------------------------------------------------------------------------- */

static uint32_t *array_new(Arena *a, uint64_t count) {
    return arena_bytes(a, (ptrdiff_t)count * 4);
}

Docset docset_none(uint32_t universe) { return (Docset){.universe = universe}; }

Docset docset_array(uint32_t universe, const uint32_t *docs, uint32_t count) {
    assert(count <= universe);
    assert(count == 0 || docs[count - 1] < universe);
    return (Docset){universe, count, count ? docs : NULL, NULL};
}

Docset docset_bits(uint32_t universe, const uint64_t *bits, uint32_t count) {
    assert(count <= universe);
    return (Docset){universe, count, NULL, count ? bits : NULL};
}

/* The set of a bitmap of one's own. */
static Docset bits_set(Arena *a, uint32_t universe, const uint64_t *bits, uint64_t count) {
    if (count == 0) return docset_none(universe);
    if (count > universe / 128) return docset_bits(universe, bits, (uint32_t)count);
    /* A word's first number is written whether or not there is one: nobody could predict it. */
    uint32_t *array = array_new(a, count + 1), n = 0;
    for (uint32_t i = 0; n < count; i++) {
        uint64_t left = bits[i];
        array[n] = i * 64 + (uint32_t)__builtin_ctzll(left | (uint64_t)1 << 63);
        n += left != 0;
        for (left &= left - (left != 0); left; left &= left - 1)
            array[n++] = i * 64 + (uint32_t)__builtin_ctzll(left);
    }
    return docset_array(universe, array, n);
}

Docset docset_all(Arena *a, uint32_t universe) { return docset_range(a, universe, 0, universe); }

static void bits_fill(uint64_t *bits, uint32_t from, uint32_t to) {
    uint32_t first = from >> 6, last = (to - 1) >> 6;
    uint64_t head = ~(uint64_t)0 << (from & 63), tail = ~(uint64_t)0 >> (63 - ((to - 1) & 63));
    if (first == last) {
        bits[first] |= head & tail;
        return;
    }
    bits[first] |= head;
    memset(bits + first + 1, 0xff, (size_t)(last - first - 1) * 8);
    bits[last] |= tail;
}

Docset docset_range(Arena *a, uint32_t universe, uint32_t from, uint32_t to) {
    if (to > universe) to = universe;
    if (from >= to) return docset_none(universe);
    uint32_t count = to - from;
    if (!is_dense(universe, count)) {
        uint32_t *array = array_new(a, count);
        for (uint32_t i = 0; i < count; i++) array[i] = from + i;
        return docset_array(universe, array, count);
    }
    uint64_t *bits = bits_new(a, universe);
    memset(bits, 0, (size_t)words_of(universe) * 8);
    bits_fill(bits, from, to);
    return docset_bits(universe, bits, count);
}

/* -- Arrays with arrays -------------------------------------------------------------------------- */

/* First place from `at` on whose number is >= doc. */
static uint32_t gallop(const uint32_t *array, uint32_t at, uint32_t count, uint32_t doc) {
    uint32_t step = 1, low = at;
    while (low + step < count && step < count && array[low + step] < doc) {
        low += step;
        step *= 2;
    }
    uint32_t high = step < count - low ? low + step : count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (array[middle] < doc)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Numbers of the shorter array that are in the longer one (keep), or are not. out may be NULL. */
static uint32_t array_pick(uint32_t *out, Docset x, Docset y, bool keep) {
    uint32_t n = 0, at = 0;
    for (uint32_t i = 0; i < x.count; i++) {
        at = gallop(y.array, at, y.count, x.array[i]);
        bool in = at < y.count && y.array[at] == x.array[i];
        if (in != keep) continue;
        if (out) out[n] = x.array[i];
        n++;
    }
    return n;
}

static uint32_t array_and(uint32_t *out, Docset x, Docset y) {
    if (x.count > y.count) {
        Docset swap = x;
        x = y;
        y = swap;
    }
    if (y.count / GALLOP > x.count) return array_pick(out, x, y, true);
    uint32_t i = 0, j = 0, n = 0, none;
    /* Without a branch on what the numbers are: nobody could predict it. */
    while (i < x.count && j < y.count) {
        uint32_t p = x.array[i], q = y.array[j];
        *(out ? out + n : &none) = p;
        n += p == q;
        i += p <= q;
        j += q <= p;
    }
    return n;
}

static uint32_t array_minus(uint32_t *out, Docset x, Docset y) {
    if (y.count / GALLOP > x.count) return array_pick(out, x, y, false);
    uint32_t i = 0, j = 0, n = 0;
    while (i < x.count && j < y.count) {
        uint32_t p = x.array[i], q = y.array[j];
        out[n] = p;
        n += p < q;
        i += p <= q;
        j += q <= p;
    }
    memcpy(out + n, x.array + i, (size_t)(x.count - i) * 4);
    return n + x.count - i;
}

static uint32_t array_or(uint32_t *out, Docset x, Docset y) {
    uint32_t i = 0, j = 0, n = 0;
    while (i < x.count && j < y.count) {
        uint32_t p = x.array[i], q = y.array[j];
        out[n++] = p < q ? p : q;
        i += p <= q;
        j += q <= p;
    }
    Docset rest = i < x.count ? x : y;
    uint32_t at = i < x.count ? i : j;
    memcpy(out + n, rest.array + at, (size_t)(rest.count - at) * 4);
    return n + rest.count - at;
}

/* -- Arrays with bitmaps ------------------------------------------------------------------------- */

static uint32_t array_bits_pick(uint32_t *restrict out, Docset x, Docset y, bool keep) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < x.count; i++) {
        uint32_t doc = x.array[i];
        out[n] = doc;
        n += bit_at(y.bits, doc) == keep;
    }
    return n;
}

static uint32_t array_bits_count(Docset x, Docset y) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < x.count; i++) n += bit_at(y.bits, x.array[i]);
    return n;
}

/* Put the array's numbers into bits: how many were new. */
static uint32_t bits_put(uint64_t *bits, Docset x) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < x.count; i++) {
        uint32_t doc = x.array[i];
        n += !bit_at(bits, doc);
        bits[doc >> 6] |= (uint64_t)1 << (doc & 63);
    }
    return n;
}

static uint64_t *bits_copy(Arena *a, Docset x) {
    uint64_t *bits = bits_new(a, x.universe);
    size_t size = (size_t)words_of(x.universe) * 8;
    if (x.bits)
        memcpy(bits, x.bits, size);
    else {
        memset(bits, 0, size);
        (void)bits_put(bits, x);
    }
    return bits;
}

/* -- Operations ---------------------------------------------------------------------------------- */

Docset docset_and(Arena *a, Docset x, Docset y) {
    assert(x.universe == y.universe);
    if (x.count == 0 || y.count == x.universe) return x;
    if (y.count == 0 || x.count == x.universe) return y;
    if (x.bits && y.bits) {
        uint64_t *bits = bits_new(a, x.universe);
        return bits_set(a, x.universe, bits, bits_and(bits, x.bits, y.bits, words_of(x.universe)));
    }
    uint32_t *out, n;
    if (x.array && y.array) {
        out = array_new(a, x.count < y.count ? x.count : y.count);
        n = array_and(out, x, y);
    } else {
        Docset array = x.array ? x : y, bits = x.array ? y : x;
        out = array_new(a, array.count);
        n = array_bits_pick(out, array, bits, true);
    }
    return docset_array(x.universe, out, n);
}

uint32_t docset_and_count(Docset x, Docset y) {
    assert(x.universe == y.universe);
    if (x.count == 0 || y.count == x.universe) return x.count;
    if (y.count == 0 || x.count == x.universe) return y.count;
    if (x.bits && y.bits) return (uint32_t)bits_and_count(x.bits, y.bits, words_of(x.universe));
    if (x.array && y.array) return array_and(NULL, x, y);
    return x.array ? array_bits_count(x, y) : array_bits_count(y, x);
}

Docset docset_or(Arena *a, Docset x, Docset y) {
    assert(x.universe == y.universe);
    if (x.count == 0 || y.count == x.universe) return y;
    if (y.count == 0 || x.count == x.universe) return x;
    if (x.array && y.array && !is_dense(x.universe, (uint64_t)x.count + y.count)) {
        uint32_t *out = array_new(a, (uint64_t)x.count + y.count);
        return docset_array(x.universe, out, array_or(out, x, y));
    }
    if (x.bits && y.bits) {
        uint64_t *bits = bits_new(a, x.universe);
        return bits_set(a, x.universe, bits, bits_or(bits, x.bits, y.bits, words_of(x.universe)));
    }
    Docset array = x.array ? x : y, other = x.array ? y : x;
    uint64_t *bits = bits_copy(a, other);
    uint32_t more = bits_put(bits, array);
    return bits_set(a, x.universe, bits, (uint64_t)other.count + more);
}

Docset docset_minus(Arena *a, Docset x, Docset y) {
    assert(x.universe == y.universe);
    if (x.count == 0 || y.count == 0) return x;
    if (y.count == x.universe) return docset_none(x.universe);
    if (x.array) {
        uint32_t *out = array_new(a, x.count);
        uint32_t n = y.array ? array_minus(out, x, y) : array_bits_pick(out, x, y, false);
        return docset_array(x.universe, out, n);
    }
    if (y.bits) {
        uint64_t *bits = bits_new(a, x.universe);
        uint64_t count = bits_minus(bits, x.bits, y.bits, words_of(x.universe));
        return bits_set(a, x.universe, bits, count);
    }
    uint64_t *bits = bits_copy(a, x);
    uint32_t count = x.count;
    for (uint32_t i = 0; i < y.count; i++) {
        count -= bit_at(bits, y.array[i]);
        bits[y.array[i] >> 6] &= ~((uint64_t)1 << (y.array[i] & 63));
    }
    return bits_set(a, x.universe, bits, count);
}

Docset docset_not(Arena *a, Docset x) {
    if (x.count == 0) return docset_all(a, x.universe);
    if (x.count == x.universe) return docset_none(x.universe);
    if (x.array) return docset_minus(a, docset_all(a, x.universe), x);
    uint64_t *bits = bits_new(a, x.universe);
    bits_not(bits, x.bits, words_of(x.universe));
    bits_cut(bits, x.universe);
    return bits_set(a, x.universe, bits, x.universe - x.count);
}

/* Pairs, pairs of pairs …: few numbers in many sets. */
static Docset or_by_pairs(Arena *a, uint32_t universe, const Docset *sets, ptrdiff_t count) {
    Docset *left = arena_array(a, Docset, count);
    memcpy(left, sets, (size_t)count * sizeof *left);
    while (count > 1) {
        for (ptrdiff_t i = 0; i < count / 2; i++)
            left[i] = docset_or(a, left[2 * i], left[2 * i + 1]);
        if (count % 2) left[count / 2] = left[count - 1];
        count = (count + 1) / 2;
    }
    return count ? left[0] : docset_none(universe);
}

Docset docset_or_many(Arena *a, uint32_t universe, const Docset *sets, ptrdiff_t count) {
    assert(count >= 0);
    uint64_t sum = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        assert(sets[i].universe == universe);
        if (sets[i].count == universe) return sets[i];
        sum += sets[i].count;
    }
    if (count <= 2 || sum <= universe / 1024) return or_by_pairs(a, universe, sets, count);
    DocsetMaker maker = docset_maker(a, universe);
    for (ptrdiff_t i = 0; i < count; i++) docset_put_all(&maker, sets[i]);
    return docset_made(a, &maker);
}

Docset docset_taken(Arena *a, const Arena *from, Docset x) {
    if (x.count == 0) return x;
    size_t size = x.bits ? (size_t)words_of(x.universe) * 8 : (size_t)x.count * 4;
    const void *data = x.bits ? (const void *)x.bits : x.array;
    if (!arena_has(from, data)) return x;
    void *own = arena_bytes(a, (ptrdiff_t)size);
    memcpy(own, data, size);
    return x.bits ? docset_bits(x.universe, own, x.count) : docset_array(x.universe, own, x.count);
}

Docset docset_copied(uint64_t *room, Docset x) {
    size_t size = (size_t)words_of(x.universe) * 8;
    if (x.count == 0) return x;
    if (x.array && (size_t)x.count * 4 <= size) {
        memcpy(room, x.array, (size_t)x.count * 4);
        return docset_array(x.universe, (const void *)room, x.count);
    }
    if (x.bits)
        memcpy(room, x.bits, size);
    else {
        memset(room, 0, size);
        (void)bits_put(room, x);
    }
    return docset_bits(x.universe, room, x.count);
}

/* -- Looking ------------------------------------------------------------------------------------- */

bool docset_has(Docset x, uint32_t doc) {
    if (x.count == 0 || doc >= x.universe) return false;
    if (x.bits) return bit_at(x.bits, doc);
    uint32_t at = gallop(x.array, 0, x.count, doc);
    return at < x.count && x.array[at] == doc;
}

uint32_t docset_range_count(Docset x, uint32_t from, uint32_t to) {
    if (to > x.universe) to = x.universe;
    if (x.count == 0 || from >= to) return 0;
    if (x.array) {
        uint32_t first = gallop(x.array, 0, x.count, from);
        return gallop(x.array, first, x.count, to) - first;
    }
    uint32_t first = from >> 6, last = (to - 1) >> 6;
    uint64_t head = ~(uint64_t)0 << (from & 63), tail = ~(uint64_t)0 >> (63 - ((to - 1) & 63));
    if (first == last) return (uint32_t)__builtin_popcountll(x.bits[first] & head & tail);
    uint64_t edges = (uint64_t)__builtin_popcountll(x.bits[first] & head) +
                     (uint64_t)__builtin_popcountll(x.bits[last] & tail);
    return (uint32_t)(edges + bits_count(x.bits + first + 1, last - first - 1));
}

DocsetWalk docset_walk(Docset x, uint32_t from) {
    DocsetWalk w = {.set = x};
    if (x.array)
        w.at = gallop(x.array, 0, x.count, from);
    else if (x.bits) {
        w.at = from < x.universe ? from >> 6 : words_of(x.universe);
        w.left = from < x.universe ? x.bits[w.at] & ~(uint64_t)0 << (from & 63) : 0;
    }
    return w;
}

bool docset_next(DocsetWalk *w) {
    if (w->set.array) {
        if (w->at >= w->set.count) return false;
        w->doc = w->set.array[w->at++];
        return true;
    }
    if (!w->set.bits) return false;
    uint32_t words = words_of(w->set.universe);
    while (!w->left) {
        if (w->at + 1 >= words) {
            w->at = words;
            return false;
        }
        w->left = w->set.bits[++w->at];
    }
    w->doc = w->at * 64 + (uint32_t)__builtin_ctzll(w->left);
    w->left &= w->left - 1;
    return true;
}

uint32_t docset_next_many(DocsetWalk *w, uint32_t *docs, uint32_t most) {
    uint32_t n = 0, words = words_of(w->set.universe), at = w->at;
    if (!w->set.bits) {
        while (n < most && docset_next(w)) docs[n++] = w->doc;
        return n;
    }
    uint64_t left = w->left;
    while (n < most) {
        while (!left && at + 1 < words) left = w->set.bits[++at];
        if (!left) break;
        for (; left && n < most; left &= left - 1)
            docs[n++] = at * 64 + (uint32_t)__builtin_ctzll(left);
    }
    w->at = left || n == most ? at : words;
    w->left = left;
    if (n > 0) w->doc = docs[n - 1];
    return n;
}

/* -- A bitmap being filled ----------------------------------------------------------------------- */

DocsetMaker docset_maker(Arena *a, uint32_t universe) {
    return (DocsetMaker){universe, arena_array(a, uint64_t, words_of(universe))};
}

void docset_put_all(DocsetMaker *m, Docset x) {
    assert(m->universe == x.universe);
    if (x.bits)
        bits_add(m->bits, x.bits, words_of(x.universe));
    else
        (void)bits_put(m->bits, x);
}

Docset docset_made(Arena *a, DocsetMaker *m) {
    return bits_set(a, m->universe, m->bits, bits_count(m->bits, words_of(m->universe)));
}
