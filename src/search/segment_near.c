/* SPDX-License-Identifier: Apache-2.0
 * What is kept ready because a query could not afford to find it out: the documents in which two
 * frequent words stand side by side, and the unions over the words of short prefixes. */
#include <stdlib.h>

#include "search/segment_room.h"

/* -- Pairs of frequent words --------------------------------------------------------------------- */

typedef struct PairSlot {
    uint64_t key;         /* pair_key + 1; 0: free */
    uint64_t at;          /* where its next document goes */
    uint32_t count, last; /* documents; the last one seen, + 1 */
} PairSlot;

typedef struct PairTable {
    PairSlot *slots;
    uint64_t mask, count;
    uint32_t *docs; /* NULL while counting */
} PairTable;

static PairSlot *pair_slot(const PairTable *t, uint64_t key) {
    uint64_t at = (key * 0x9e3779b97f4a7c15u) >> 20;
    while (t->slots[at & t->mask].key && t->slots[at & t->mask].key != key) at++;
    return &t->slots[at & t->mask];
}

static void table_double(PairTable *t) {
    PairTable larger = {.mask = t->slots ? 2 * t->mask + 1 : 1023, .count = t->count};
    larger.slots = calloc(larger.mask + 1, sizeof *larger.slots);
    if (!larger.slots) abort();
    for (uint64_t i = 0; t->slots && i <= t->mask; i++)
        if (t->slots[i].key) *pair_slot(&larger, t->slots[i].key) = t->slots[i];
    free(t->slots);
    *t = larger;
}

static void pair_see(PairTable *t, uint64_t key, uint32_t doc) {
    if (!t->docs && 2 * t->count >= t->mask) table_double(t);
    PairSlot *slot = pair_slot(t, key + 1);
    if (slot->last == doc + 1) return;
    slot->last = doc + 1;
    if (t->docs) {
        t->docs[slot->at++] = doc;
        return;
    }
    t->count += slot->key == 0;
    slot->key = key + 1;
    slot->count++;
}

static bool is_frequent(const Build *b, uint32_t word) { return b->word_docs[word] > PAIR_DOCS; }

/* Tokens at the same position are a group; each of a group is followed by each of the next, when
 * that stands one position behind. */
static void field_pairs(const Build *b, PairTable *t, uint32_t doc, int field,
                        const uint32_t *tokens, uint32_t n) {
    uint32_t before = 0, behind = 0, group = 0; /* [before, behind): the group before */
    for (uint32_t i = 0; i < n; i++) {
        uint32_t gap = FORWARD_GAP(tokens[i]), word = FORWARD_WORD(tokens[i]);
        if (gap) {
            before = gap == 1 ? group : i;
            behind = group = i;
        }
        if (before == behind || !is_frequent(b, word)) continue;
        for (uint32_t k = before; k < behind; k++)
            if (is_frequent(b, FORWARD_WORD(tokens[k])))
                pair_see(t, pair_key(FORWARD_WORD(tokens[k]), word, field), doc);
    }
}

static void all_pairs(const Build *b, PairTable *t) {
    const SegmentWriter *w = b->w;
    for (uint32_t doc = 0; doc < b->docs; doc++) {
        const uint32_t *at = w->tokens.items + w->docs[b->order[doc]].tokens;
        const uint32_t *end = w->tokens.items + writer_tokens_end(w, b->order[doc]);
        while (at < end) {
            uint32_t head = *at++;
            field_pairs(b, t, doc, FORWARD_FIELD(head), at, FORWARD_COUNT(head));
            at += FORWARD_COUNT(head);
        }
    }
}

static int pair_cmp(const void *x, const void *y) {
    const PairSlot *p = x, *q = y;
    return (p->key > q->key) - (p->key < q->key);
}

static void pairs_store(Build *b, PairTable *t) {
    uint64_t n = 0;
    for (uint64_t i = 0; i <= t->mask; i++)
        if (t->slots[i].key) t->slots[n++] = t->slots[i];
    qsort(t->slots, n, sizeof *t->slots, pair_cmp);
    b->pairs = calloc(n + 1, sizeof *b->pairs);
    if (!b->pairs) abort();
    for (uint64_t i = 0; i < n; i++) {
        const PairSlot *slot = &t->slots[i];
        SetRef set = set_store(&b->sets, t->docs + slot->at - slot->count, slot->count);
        b->pairs[b->pair_count++] = (Pair){slot->key - 1, set};
    }
}

void build_pairs(Build *b) {
    if (b->docs <= PAIR_DOCS) return;
    PairTable t = {0};
    table_double(&t);
    all_pairs(b, &t);
    uint64_t sum = 0;
    for (uint64_t i = 0; i <= t.mask; i++) {
        t.slots[i].at = sum;
        t.slots[i].last = 0;
        sum += t.slots[i].count;
    }
    t.docs = malloc(sum * sizeof *t.docs + 1);
    if (!t.docs) abort();
    all_pairs(b, &t);
    pairs_store(b, &t);
    free(t.docs);
    free(t.slots);
}

/* -- Short prefixes ------------------------------------------------------------------------------ */

/* Bytes of the word's first letters; 0 when it has fewer. */
static ptrdiff_t letters_bytes(Str word, int letters) {
    ptrdiff_t at = 0;
    for (; letters && at < word.len; letters--) do
            at++;
        while (at < word.len && ((unsigned char)word.data[at] & 0xc0) == 0x80);
    return letters ? 0 : at;
}

typedef struct Ranges {
    Prefix *items; /* sets empty as yet */
    ptrdiff_t count, cap;
} Ranges;

static void range_add(const Build *b, Ranges *r, uint32_t from, uint32_t to) {
    if (to - from < PREFIX_WORDS) return;
    if (b->codes_at[to] - b->codes_at[from] < PREFIX_POSTINGS) return;
    r->items = items_grow(r->items, &r->cap, r->count + 1, (ptrdiff_t)sizeof *r->items);
    r->items[r->count++] = (Prefix){.from = from, .to = to};
}

static void ranges_of(const Build *b, Ranges *r, int letters) {
    Str prefix = {0};
    uint32_t from = 0;
    for (uint32_t i = 0; i < b->words; i++) {
        Str word = book_text(&b->w->words, b->word_name[i]);
        if (prefix.len && str_starts(word, prefix)) continue;
        if (prefix.len) range_add(b, r, from, i);
        prefix = str_slice(word, 0, letters_bytes(word, letters));
        from = i;
    }
    if (prefix.len) range_add(b, r, from, b->words);
}

static int range_cmp(const void *x, const void *y) {
    const Prefix *p = x, *q = y;
    if (p->from != q->from) return p->from < q->from ? -1 : 1;
    return (p->to > q->to) - (p->to < q->to);
}

static void prefix_add(Build *b, const Prefix *range, uint32_t field, uint64_t *bits) {
    SetRef set = set_store_bits(&b->sets, bits);
    b->prefixes = items_grow(b->prefixes, &b->prefix_cap, b->prefix_count + 1,
                             (ptrdiff_t)sizeof *b->prefixes);
    b->prefixes[b->prefix_count++] =
        (Prefix){.from = range->from, .to = range->to, .field = field, .set = set};
}

/* bits: a bitmap a field and one for all, empty. */
static void prefix_sets(Build *b, const Prefix *range, uint64_t *bits, size_t stride) {
    uint32_t fields = 0;
    for (uint64_t i = b->codes_at[range->from]; i < b->codes_at[range->to]; i++) {
        uint32_t doc = CODE_DOC(b->codes[i]), field = CODE_FIELD(b->codes[i]);
        bits[field * stride + doc / 64] |= (uint64_t)1 << doc % 64;
        fields |= (uint32_t)1 << field;
    }
    uint64_t *any = bits + (size_t)b->w->def->field_count * stride;
    for (uint32_t left = fields & (fields - 1) ? fields : 0; left; left &= left - 1)
        for (size_t i = 0, at = (size_t)__builtin_ctz(left) * stride; i < stride; i++)
            any[i] |= bits[at + i];
    for (uint32_t left = fields; left; left &= left - 1) {
        uint32_t field = (uint32_t)__builtin_ctz(left);
        prefix_add(b, range, field, bits + field * stride);
    }
    if (fields & (fields - 1)) prefix_add(b, range, FIELD_ANY, any);
}

void build_prefixes(Build *b) {
    if (b->words < PREFIX_WORDS) return;
    Ranges r = {0};
    for (int letters = 1; letters <= PREFIX_LETTERS; letters++) ranges_of(b, &r, letters);
    if (!r.count) return;
    qsort(r.items, (size_t)r.count, sizeof *r.items, range_cmp);
    size_t stride = ((size_t)b->docs + 63) / 64;
    uint64_t *bits = calloc(stride * (size_t)(b->w->def->field_count + 1), sizeof *bits);
    if (!bits) abort();
    for (ptrdiff_t i = 0; i < r.count; i++)
        if (i == 0 || range_cmp(&r.items[i - 1], &r.items[i]) != 0)
            prefix_sets(b, &r.items[i], bits, stride);
    free(bits);
    free(r.items);
}
