/* SPDX-License-Identifier: Apache-2.0
 * Stored sets: see posting.h. */
#include "search/posting.h"

#include <stdlib.h>

#ifndef __has_feature
#define __has_feature(name) 0
#endif
/* See docset.c. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default"), optimize("O3")))
#else
#define WIDE
#endif

enum { BLOCK_BITS = 16, HALVES_FROM = 16 /* documents a block, for halves to pay */ };

static uint32_t blocks_of(uint32_t universe) {
    return (uint32_t)(((uint64_t)universe + (1u << BLOCK_BITS) - 1) >> BLOCK_BITS);
}
static bool is_bitmap(uint32_t universe, uint32_t count) { return count > universe / 32; }
static bool is_halves(uint32_t universe, uint32_t count) {
    return count >= HALVES_FROM * blocks_of(universe);
}
static ptrdiff_t words_of(uint32_t universe) { return (ptrdiff_t)(((uint64_t)universe + 63) / 64); }

/* -- Reading ------------------------------------------------------------------------------------- */

WIDE static void halves_widen(uint32_t *restrict out, const uint16_t *from, uint32_t n,
                              uint32_t high) {
    for (uint32_t i = 0; i < n; i++) out[i] = high | from[i];
}

static void halves_load(uint32_t *out, const char *from, uint32_t universe) {
    uint32_t blocks = blocks_of(universe), at = 0;
    const uint32_t *ends = (const void *)from;
    const uint16_t *low = (const void *)(ends + blocks);
    for (uint32_t b = 0; b < blocks; at = ends[b++])
        halves_widen(out + at, low + at, ends[b] - at, b << BLOCK_BITS);
}

static void halves_put(DocsetMaker *m, const char *from) {
    uint32_t blocks = blocks_of(m->universe), at = 0;
    const uint32_t *ends = (const void *)from;
    const uint16_t *low = (const void *)(ends + blocks);
    for (uint32_t b = 0; b < blocks; b++)
        for (; at < ends[b]; at++) docset_put(m, b << BLOCK_BITS | low[at]);
}

static uint32_t step_read(const char **at) {
    const uint8_t *p = (const uint8_t *)*at;
    uint32_t value = *p & 0x7f;
    for (int shift = 7; *p++ & 0x80; shift += 7) value |= (uint32_t)(*p & 0x7f) << shift;
    *at = (const char *)p;
    return value;
}

Docset set_load(Arena *a, const char *sets, uint32_t universe, SetRef ref) {
    if (ref.count == 0) return docset_none(universe);
    const char *from = sets + ref.at;
    if (ref.count > 1 && is_bitmap(universe, ref.count))
        return docset_bits(universe, (const void *)from, ref.count);
    uint32_t *docs = arena_bytes(a, (ptrdiff_t)ref.count * 4);
    if (ref.count == 1)
        docs[0] = (uint32_t)ref.at;
    else if (is_halves(universe, ref.count))
        halves_load(docs, from, universe);
    else
        for (uint32_t i = 0, doc = 0; i < ref.count; i++) docs[i] = doc += step_read(&from);
    return docset_array(universe, docs, ref.count);
}

void set_put(DocsetMaker *m, const char *sets, SetRef ref) {
    const char *from = sets + ref.at;
    if (ref.count == 0) return;
    if (ref.count == 1)
        docset_put(m, (uint32_t)ref.at);
    else if (is_bitmap(m->universe, ref.count))
        docset_put_all(m, docset_bits(m->universe, (const void *)from, ref.count));
    else if (is_halves(m->universe, ref.count))
        halves_put(m, from);
    else
        for (uint32_t i = 0, doc = 0; i < ref.count; i++) docset_put(m, doc += step_read(&from));
}

/* A block's numbers against the block's own words of a bitmap. */
static uint32_t halves_in_bits(const uint16_t *low, uint32_t n, const uint64_t *bits) {
    uint32_t in = 0;
    for (uint32_t i = 0; i < n; i++) in += bits[low[i] >> 6] >> (low[i] & 63) & 1;
    return in;
}

static uint32_t halves_and_count(const char *from, Docset docs) {
    uint32_t blocks = blocks_of(docs.universe), at = 0, in = 0;
    const uint32_t *ends = (const void *)from;
    const uint16_t *low = (const void *)(ends + blocks);
    for (uint32_t b = 0; b < blocks; at = ends[b++]) {
        if (docs.bits)
            in += halves_in_bits(low + at, ends[b] - at, docs.bits + (b << (BLOCK_BITS - 6)));
        else
            for (uint32_t i = at; i < ends[b]; i++)
                in += docset_has(docs, b << BLOCK_BITS | low[i]);
    }
    return in;
}

uint32_t set_and_count(const char *sets, SetRef ref, Docset docs) {
    const char *from = sets + ref.at;
    uint32_t in = 0;
    if (ref.count == 0 || docs.count == docs.universe) return ref.count;
    if (ref.count == 1) return docset_has(docs, (uint32_t)ref.at);
    if (is_bitmap(docs.universe, ref.count))
        return docset_and_count(docset_bits(docs.universe, (const void *)from, ref.count), docs);
    if (is_halves(docs.universe, ref.count)) return halves_and_count(from, docs);
    for (uint32_t i = 0, doc = 0; i < ref.count; i++)
        in += docset_has(docs, doc += step_read(&from));
    return in;
}

/* -- Writing ------------------------------------------------------------------------------------- */

SetStore set_store_open(BlockOut *out, uint32_t universe) {
    ptrdiff_t bits = words_of(universe) * 8,
              docs = (((ptrdiff_t)universe + 1) * 4 + 7) & ~(ptrdiff_t)7;
    ptrdiff_t halves = (ptrdiff_t)blocks_of(universe) * 4 + universe / 16;
    ptrdiff_t steps = (ptrdiff_t)blocks_of(universe) * HALVES_FROM * 5;
    char *memory = calloc(1, (size_t)(bits + docs + halves + steps + 16));
    if (!memory) abort();
    return (SetStore){.out = out,
                      .universe = universe,
                      .bits = (void *)memory,
                      .docs = (void *)(memory + bits),
                      .bytes = memory + bits + docs};
}

void set_store_close(SetStore *s) {
    free(s->bits);
    *s = (SetStore){0};
}

static ptrdiff_t halves_encode(SetStore *s, const uint32_t *docs, uint32_t count) {
    uint32_t blocks = blocks_of(s->universe), at = 0;
    uint32_t *ends = (void *)s->bytes;
    uint16_t *low = (void *)(ends + blocks);
    for (uint32_t b = 0; b < blocks; b++) {
        for (; at < count && docs[at] >> BLOCK_BITS == b; at++) low[at] = (uint16_t)docs[at];
        ends[b] = at;
    }
    assert(at == count);
    return (ptrdiff_t)blocks * 4 + (ptrdiff_t)count * 2;
}

static ptrdiff_t steps_encode(SetStore *s, const uint32_t *docs, uint32_t count) {
    uint8_t *to = (uint8_t *)s->bytes;
    for (uint32_t i = 0, before = 0; i < count; before = docs[i++]) {
        uint32_t step = docs[i] - before;
        for (; step > 0x7f; step >>= 7) *to++ = (uint8_t)(step | 0x80);
        *to++ = (uint8_t)step;
    }
    return (char *)to - s->bytes;
}

static SetRef bitmap_store(SetStore *s, const uint64_t *bits, uint32_t count) {
    out_align(s->out, 8);
    SetRef ref = {.count = count, .at = (uint64_t)out_at(s->out)};
    out_bytes(s->out, bits, words_of(s->universe) * 8);
    return ref;
}

SetRef set_store(SetStore *s, const uint32_t *docs, uint32_t count) {
    if (count == 0) return (SetRef){0};
    assert(docs[count - 1] < s->universe);
    if (count == 1) return (SetRef){.count = 1, .at = docs[0]};
    if (is_bitmap(s->universe, count)) {
        for (uint32_t i = 0; i < count; i++) s->bits[docs[i] >> 6] |= (uint64_t)1 << (docs[i] & 63);
        SetRef ref = bitmap_store(s, s->bits, count);
        memset(s->bits, 0, (size_t)words_of(s->universe) * 8);
        return ref;
    }
    bool halves = is_halves(s->universe, count);
    if (halves) out_align(s->out, 4);
    SetRef ref = {.count = count, .at = (uint64_t)out_at(s->out)};
    ptrdiff_t len = halves ? halves_encode(s, docs, count) : steps_encode(s, docs, count);
    out_bytes(s->out, s->bytes, len);
    return ref;
}

WIDE static uint32_t bits_count(const uint64_t *bits, ptrdiff_t words) {
    uint32_t count = 0;
    for (ptrdiff_t i = 0; i < words; i++) count += (uint32_t)__builtin_popcountll(bits[i]);
    return count;
}

SetRef set_store_bits(SetStore *s, uint64_t *bits) {
    ptrdiff_t words = words_of(s->universe);
    uint32_t count = bits_count(bits, words);
    if (count > 1 && is_bitmap(s->universe, count)) {
        SetRef ref = bitmap_store(s, bits, count);
        memset(bits, 0, (size_t)words * 8);
        return ref;
    }
    uint32_t n = 0;
    for (ptrdiff_t i = 0; n < count; i++) {
        for (uint64_t left = bits[i]; left; left &= left - 1)
            s->docs[n++] = (uint32_t)i * 64 + (uint32_t)__builtin_ctzll(left);
        bits[i] = 0;
    }
    return set_store(s, s->docs, count);
}
