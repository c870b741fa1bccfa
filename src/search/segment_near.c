/* SPDX-License-Identifier: Apache-2.0
 * What is kept ready because a query could not afford to find it out: the documents in which two
 * frequent words stand side by side, and the unions over the words of short prefixes. */
#include <stdlib.h>

#include "search/segment_room.h"

/* -- Pairs of frequent words --------------------------------------------------------------------- */

typedef struct PairSlot {
    uint64_t key;    /* pair_key + 1; 0: free */
    uint64_t number; /* its place in `counts` */
} PairSlot;

typedef struct PairCount {
    uint64_t key;
    uint64_t at;          /* where its next document goes */
    uint32_t count, last; /* documents; the last one seen, + 1 */
} PairCount;

/* Pairs are numbered as they come and their numbers noted a document; what is known then is how many
 * documents each has, and the notes are dealt out. */
typedef struct PairTable {
    PairSlot *slots;
    uint64_t mask;
    PairCount *counts;
    ptrdiff_t count, cap;
    U32s notes;
    uint64_t *notes_end; /* a document */
    uint64_t *frequent;  /* a bit a word: small enough to stay near */
} PairTable;

static void *array_new(uint64_t count, size_t size) {
    void *array = calloc((size_t)count + 1, size);
    if (!array) abort();
    return array;
}

static PairSlot *pair_slot(const PairTable *t, uint64_t key) {
    uint64_t at = (key * 0x9e3779b97f4a7c15u) >> 20;
    while (t->slots[at & t->mask].key && t->slots[at & t->mask].key != key) at++;
    return &t->slots[at & t->mask];
}

static void table_double(PairTable *t) {
    PairSlot *former = t->slots;
    uint64_t former_count = former ? t->mask + 1 : 0;
    t->mask = former ? 2 * t->mask + 1 : 1023;
    t->slots = array_new(t->mask, sizeof *t->slots);
    for (uint64_t i = 0; i < former_count; i++)
        if (former[i].key) *pair_slot(t, former[i].key) = former[i];
    free(former);
}

static void pair_see(PairTable *t, uint64_t key, uint32_t doc) {
    if (2 * (uint64_t)t->count >= t->mask) table_double(t);
    PairSlot *slot = pair_slot(t, key + 1);
    if (!slot->key) {
        *slot = (PairSlot){key + 1, (uint64_t)t->count};
        t->counts = items_grow(t->counts, &t->cap, t->count + 1, (ptrdiff_t)sizeof *t->counts);
        t->counts[t->count++] = (PairCount){.key = key};
    }
    PairCount *pair = &t->counts[slot->number];
    if (pair->last == doc + 1) return;
    pair->last = doc + 1;
    pair->count++;
    u32s_add(&t->notes, (uint32_t)slot->number);
}

static bool is_frequent(const PairTable *t, uint32_t word) {
    return t->frequent[word / 64] >> word % 64 & 1;
}

/* Tokens at the same position are a group; each of a group is followed by each of the next, when
 * that stands one position behind. */
static void field_pairs(PairTable *t, uint32_t doc, int field, const uint32_t *tokens, uint32_t n) {
    uint32_t before = 0, behind = 0, group = 0; /* [before, behind): the group before */
    for (uint32_t i = 0; i < n; i++) {
        uint32_t gap = FORWARD_GAP(tokens[i]), word = FORWARD_WORD(tokens[i]);
        if (gap) {
            before = gap == 1 ? group : i;
            behind = group = i;
        }
        if (before == behind || !is_frequent(t, word)) continue;
        for (uint32_t k = before; k < behind; k++)
            if (is_frequent(t, FORWARD_WORD(tokens[k])))
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
            field_pairs(t, doc, FORWARD_FIELD(head), at, FORWARD_COUNT(head));
            at += FORWARD_COUNT(head);
        }
        t->notes_end[doc] = (uint64_t)t->notes.count;
    }
}

static int pair_cmp(const void *x, const void *y) {
    const PairCount *p = x, *q = y;
    return (p->key > q->key) - (p->key < q->key);
}

/* Documents a pair, ascending. Afterwards a pair's end where its next one would go. */
static uint32_t *notes_deal(const Build *b, PairTable *t) {
    uint32_t *docs = array_new((uint64_t)t->notes.count, sizeof *docs);
    uint64_t sum = 0, note = 0;
    for (ptrdiff_t i = 0; i < t->count; sum += t->counts[i++].count) t->counts[i].at = sum;
    for (uint32_t doc = 0; doc < b->docs; doc++)
        for (; note < t->notes_end[doc]; note++) docs[t->counts[t->notes.items[note]].at++] = doc;
    return docs;
}

void build_pairs(Build *b) {
    if (b->docs <= PAIR_DOCS) return;
    PairTable t = {.frequent = array_new(b->words / 64, sizeof *t.frequent),
                   .notes_end = array_new(b->docs, sizeof *t.notes_end)};
    for (uint32_t word = 0; word < b->words; word++)
        if (b->word_docs[word] > PAIR_DOCS) t.frequent[word / 64] |= (uint64_t)1 << word % 64;
    table_double(&t);
    all_pairs(b, &t);
    uint32_t *docs = notes_deal(b, &t);
    if (t.count) qsort(t.counts, (size_t)t.count, sizeof *t.counts, pair_cmp);
    b->pairs = array_new((uint64_t)t.count, sizeof *b->pairs);
    for (; b->pair_count < t.count; b->pair_count++) {
        const PairCount *pair = &t.counts[b->pair_count];
        SetRef set = set_store(&b->sets, docs + pair->at - pair->count, pair->count);
        b->pairs[b->pair_count] = (Pair){pair->key, set};
    }
    free(docs);
    free(t.slots);
    free(t.counts);
    free(t.notes.items);
    free(t.notes_end);
    free(t.frequent);
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

/* From so many pairs of document and field on, a union is worth keeping. */
static uint64_t prefix_worth(const Build *b) {
    uint32_t share = b->docs / PREFIX_SHARE;
    return share > PREFIX_POSTINGS ? share : PREFIX_POSTINGS;
}

static void range_add(const Build *b, Ranges *r, uint32_t from, uint32_t to) {
    if (to - from < PREFIX_WORDS) return;
    if (b->codes_at[to] - b->codes_at[from] < prefix_worth(b)) return;
    r->items = items_grow(r->items, &r->cap, r->count + 1, (ptrdiff_t)sizeof *r->items);
    r->items[r->count++] = (Prefix){.from = from, .to = to, .field = FIELD_ANY};
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

static void prefix_add(Build *b, Prefix prefix, uint64_t *bits) {
    prefix.set = set_store_bits(&b->sets, bits);
    b->prefixes = items_grow(b->prefixes, &b->prefix_cap, b->prefix_count + 1,
                             (ptrdiff_t)sizeof *b->prefixes);
    b->prefixes[b->prefix_count++] = prefix;
}

/* bits: a bitmap a field and one for all, empty. */
static void prefix_sets(Build *b, Prefix prefix, uint64_t *bits, size_t stride) {
    uint64_t counts[SEARCH_FIELDS_MAX] = {0};
    for (uint64_t i = b->codes_at[prefix.from]; i < b->codes_at[prefix.to]; i++) {
        uint32_t doc = CODE_DOC(b->codes[i]), field = CODE_FIELD(b->codes[i]);
        bits[field * stride + doc / 64] |= (uint64_t)1 << doc % 64;
        counts[field]++;
    }
    uint64_t *any = bits + (size_t)b->w->def->field_count * stride;
    for (int f = 0; f < b->w->def->field_count; f++) {
        if (!counts[f]) continue;
        prefix.fields |= (uint32_t)1 << f;
        for (size_t i = 0, at = (size_t)f * stride; i < stride; i++) any[i] |= bits[at + i];
    }
    prefix_add(b, prefix, any);
    bool several = prefix.fields & (prefix.fields - 1);
    for (int f = 0; f < b->w->def->field_count; f++) {
        uint64_t *of_field = bits + (size_t)f * stride;
        prefix.field = (uint32_t)f;
        if (several && counts[f] >= prefix_worth(b))
            prefix_add(b, prefix, of_field);
        else if (counts[f])
            memset(of_field, 0, stride * 8);
    }
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
            prefix_sets(b, r.items[i], bits, stride);
    free(bits);
    free(r.items);
}
