/* SPDX-License-Identifier: Apache-2.0
 * Reading a segment: documents, words and what is near them. Columns: segment_values.c. */
#include "search/segment_room.h"

uint32_t segment_docs(const Segment *s) { return s->docs; }
int64_t segment_bytes(const Segment *s) { return s->bytes; }
bool segment_on_disk(const Segment *s) { return s->mapped; }
const int64_t *segment_keys(const Segment *s) { return s->keys; }
const Lexicon *segment_lexicon(const Segment *s) { return &s->lexicon; }

uint32_t segment_find(const Segment *s, int64_t key) {
    uint32_t low = 0, high = s->docs;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int64_t at = s->keys[s->by_key ? s->by_key[middle] : middle];
        if (at < key)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == s->docs) return UINT32_MAX;
    uint32_t doc = s->by_key ? s->by_key[low] : low;
    return s->keys[doc] == key ? doc : UINT32_MAX;
}

Forward segment_forward(const Segment *s, uint32_t doc) {
    assert(doc < s->docs);
    if (s->forward_at_wide)
        return (Forward){s->forward + s->forward_at_wide[doc],
                         s->forward + s->forward_at_wide[doc + 1]};
    return (Forward){s->forward + s->forward_at[doc], s->forward + s->forward_at[doc + 1]};
}

Docset segment_all(const Segment *s) { return docset_bits(s->docs, s->all, s->docs); }

const VectorRows *segment_vectors(const Segment *s) { return &s->vectors; }

struct Keep *segment_keep(const Segment *s) { return s->keep; }

bool segment_has(const Segment *s, const void *at) {
    const char *byte = at;
    return at == s->all || (byte >= s->block && byte < s->block + s->bytes);
}

/* -- Words --------------------------------------------------------------------------------------- */

enum { SETS_MAX = SEARCH_FIELDS_MAX };

static SetRef posting_set(const Posting *p) { return (SetRef){.count = p->count, .at = p->at}; }

/* The sets whose union is the word in `fields`: how many. */
static int word_sets(const Segment *s, uint32_t word, uint32_t fields, SetRef out[SETS_MAX]) {
    assert(word < s->words);
    const Posting *p = s->postings + s->word_at[word], *end = s->postings + s->word_at[word + 1];
    int count = 0;
    bool all = true;
    for (; p < end && p->field != FIELD_ANY; p++) {
        if (p->first) continue;
        bool wanted = fields >> p->field & 1;
        all = all && wanted;
        if (wanted) out[count++] = posting_set(p);
    }
    if (count < 2 || !all) return count;
    assert(p < end); /* a word in several fields has their union behind them */
    out[0] = posting_set(p);
    return 1;
}

static Docset sets_union(const Segment *s, Arena *a, const SetRef *sets, ptrdiff_t count) {
    if (count == 0) return docset_none(s->docs);
    if (count == 1) return segment_set(s, a, sets[0]);
    Docset *made = arena_array(a, Docset, count);
    for (ptrdiff_t i = 0; i < count; i++) made[i] = segment_set(s, a, sets[i]);
    return docset_or_many(a, s->docs, made, count);
}

Docset segment_word_docs(const Segment *s, Arena *a, uint32_t word, uint32_t fields) {
    SetRef sets[SETS_MAX];
    return sets_union(s, a, sets, word_sets(s, word, fields, sets));
}

Docset segment_first_docs(const Segment *s, Arena *a, uint32_t word, uint32_t fields) {
    assert(word < s->words);
    SetRef sets[SETS_MAX];
    int count = 0;
    for (uint32_t i = s->word_at[word]; i < s->word_at[word + 1]; i++) {
        const Posting *p = &s->postings[i];
        if (p->first && fields >> p->field & 1) sets[count++] = posting_set(p);
    }
    return sets_union(s, a, sets, count);
}

uint32_t segment_word_count(const Segment *s, uint32_t word) {
    assert(word < s->words);
    const Posting *first = s->postings + s->word_at[word];
    const Posting *last = s->postings + s->word_at[word + 1] - 1;
    return last->field == FIELD_ANY ? last->count : first->count;
}

/* -- Ranges of words ----------------------------------------------------------------------------- */

/* What is kept ready for exactly this range: the first, or NULL. */
static const Prefix *prefix_find(const Segment *s, WordRange range) {
    uint32_t low = 0, high = s->prefix_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const Prefix *p = &s->prefixes[middle];
        if (p->from < range.from || (p->from == range.from && p->to < range.to))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == s->prefix_count) return NULL;
    const Prefix *p = &s->prefixes[low];
    return p->from == range.from && p->to == range.to ? p : NULL;
}

/* The ready sets for these fields: how many. *fields: those that are left. */
static int prefix_sets(const Segment *s, const Prefix *p, uint32_t *fields, SetRef *out) {
    const Prefix *end = s->prefixes + s->prefix_count;
    *fields &= p->fields;
    if (*fields == p->fields) {
        *fields = 0;
        out[0] = p->set;
        return 1;
    }
    int count = 0;
    uint32_t from = p->from, to = p->to;
    for (p++; p < end && p->from == from && p->to == to; p++) {
        if (!(*fields >> p->field & 1)) continue;
        *fields &= ~((uint32_t)1 << p->field);
        out[count++] = p->set;
    }
    return count;
}

/* The union over the words one by one. */
static Docset words_union(const Segment *s, Arena *a, WordRange range, uint32_t fields) {
    SetRef sets[SETS_MAX];
    uint64_t sum = 0;
    ptrdiff_t total = 0;
    for (uint32_t word = range.from; word < range.to; word++) {
        int count = word_sets(s, word, fields, sets);
        total += count;
        for (int i = 0; i < count; i++) sum += sets[i].count;
    }
    if (sum > s->docs / 1024) {
        DocsetMaker maker = docset_maker(a, s->docs);
        for (uint32_t word = range.from; word < range.to; word++) {
            int count = word_sets(s, word, fields, sets);
            for (int i = 0; i < count; i++) set_put(&maker, s->sets, sets[i]);
        }
        return docset_made(a, &maker);
    }
    Docset *made = arena_array(a, Docset, total);
    total = 0;
    for (uint32_t word = range.from; word < range.to; word++) {
        int count = word_sets(s, word, fields, sets);
        for (int i = 0; i < count; i++) made[total++] = segment_set(s, a, sets[i]);
    }
    return docset_or_many(a, s->docs, made, total);
}

Docset segment_range_docs(const Segment *s, Arena *a, WordRange range, uint32_t fields) {
    if (range.to > s->words) range.to = s->words;
    if (range.from >= range.to || !fields) return docset_none(s->docs);
    const Prefix *p = range.to - range.from >= PREFIX_WORDS ? prefix_find(s, range) : NULL;
    if (!p) return words_union(s, a, range, fields);
    SetRef sets[SETS_MAX];
    Docset ready = sets_union(s, a, sets, prefix_sets(s, p, &fields, sets));
    return fields ? docset_or(a, ready, words_union(s, a, range, fields)) : ready;
}

void segment_range_put(const Segment *s, DocsetMaker *to, WordRange range, uint32_t fields) {
    if (range.to > s->words) range.to = s->words;
    if (range.from >= range.to || !fields) return;
    SetRef sets[SETS_MAX];
    const Prefix *p = range.to - range.from >= PREFIX_WORDS ? prefix_find(s, range) : NULL;
    int count = p ? prefix_sets(s, p, &fields, sets) : 0;
    for (int i = 0; i < count; i++) set_put(to, s->sets, sets[i]);
    for (uint32_t word = range.from; fields && word < range.to; word++) {
        count = word_sets(s, word, fields, sets);
        for (int i = 0; i < count; i++) set_put(to, s->sets, sets[i]);
    }
}

/* -- Pairs --------------------------------------------------------------------------------------- */

static SetRef pair_find(const Segment *s, uint64_t key) {
    uint32_t low = 0, high = s->pair_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->pairs[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < s->pair_count && s->pairs[low].key == key;
    return found ? s->pairs[low].set : (SetRef){0};
}

bool segment_pair_docs(const Segment *s, Arena *a, uint32_t first, uint32_t second, uint32_t fields,
                       Docset *out) {
    *out = docset_none(s->docs);
    if (segment_word_count(s, first) <= PAIR_DOCS || segment_word_count(s, second) <= PAIR_DOCS)
        return false;
    SetRef sets[SETS_MAX];
    int count = 0;
    for (int f = 0; f < s->def->field_count; f++) {
        if (!(fields >> f & 1) || !(s->def->fields[f].use & SEARCH_FOR)) continue;
        sets[count] = pair_find(s, pair_key(first, second, f));
        count += sets[count].count > 0;
    }
    *out = sets_union(s, a, sets, count);
    return true;
}
