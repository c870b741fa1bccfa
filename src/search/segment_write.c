/* SPDX-License-Identifier: Apache-2.0
 * Segment writer: documents are read into words at once and kept in order of arrival, as tokens that
 * name words by their number in the writer's own book. What was replaced stays, marked dead, until
 * the block is built (segment_build.c). Nothing large is taken before there is something to put in:
 * a writer is made for every commit. */
#include <stdlib.h>

#include "search/segment_room.h"

enum {
    TEXT_BYTES_MAX = 8 << 20,
    TOKENS_MAX = (1 << 24) - 1,
    GAP_MAX = 15,
    READING_KEPT = 1 << 20,
    AHEAD = 4
};

SegmentWriter *segment_writer_new(const SearchDef *def) {
    assert(def && def->field_count >= 0 && def->field_count <= SEARCH_FIELDS_MAX);
    SegmentWriter *w = calloc(1, sizeof *w);
    if (!w) abort();
    w->def = def;
    (void)vector_field(def); /* asserts */
    return w;
}

static void writer_clear(SegmentWriter *w) {
    arena_free(w->arena);
    arena_free(w->reading);
    book_free(&w->words);
    book_free(&w->spellings);
    free(w->folded);
    free(w->docs);
    free(w->key_slots);
    free(w->tokens.items);
    free(w->values);
    for (int f = 0; f < SEARCH_FIELDS_MAX; f++) free(w->numbers[f].items);
    writer_vectors_free(w);
    *w = (SegmentWriter){.def = w->def};
}

void segment_writer_free(SegmentWriter *w) {
    if (!w) return;
    writer_clear(w);
    free(w);
}

void segment_writer_reset(SegmentWriter *w) { writer_clear(w); }

uint32_t segment_writer_docs(const SegmentWriter *w) { return (uint32_t)w->doc_count - w->dead; }

int64_t segment_writer_bytes(const SegmentWriter *w) {
    int64_t sum = (int64_t)sizeof *w + w->tokens.cap * 4 + w->doc_cap * (ptrdiff_t)sizeof *w->docs +
                  w->key_slot_count * 4 + w->value_cap * (ptrdiff_t)sizeof *w->values +
                  w->folded_cap * (ptrdiff_t)sizeof *w->folded;
    const Book *books[] = {&w->words, &w->spellings};
    for (int i = 0; i < 2; i++)
        sum += books[i]->room + books[i]->slot_count * (ptrdiff_t)sizeof *books[i]->slots +
               books[i]->cap * (ptrdiff_t)sizeof *books[i]->places;
    for (int f = 0; f < SEARCH_FIELDS_MAX; f++) sum += w->numbers[f].cap * 8;
    if (w->arena) sum += arena_used(w->arena);
    sum += writer_vector_bytes(w);
    return w->reading ? sum + arena_used(w->reading) : sum;
}

/* -- Documents by key ---------------------------------------------------------------------------- */

/* Murmur3's finisher: keys are numbers of our own database. */
static uint64_t key_hash(int64_t key) {
    uint64_t x = (uint64_t)key;
    x = (x ^ x >> 33) * 0xff51afd7ed558ccdu;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53u;
    return x ^ x >> 33;
}

/* The key's slot, or the free one where it would be. */
static uint32_t *key_slot(SegmentWriter *w, int64_t key) {
    ptrdiff_t mask = w->key_slot_count - 1, at = (ptrdiff_t)(key_hash(key) & (uint64_t)mask);
    while (w->key_slots[at] && w->docs[w->key_slots[at] - 1].key != key) at = (at + 1) & mask;
    return &w->key_slots[at];
}

/* Its slot will be looked at soon: let it be fetched meanwhile. */
static void key_expect(const SegmentWriter *w, int64_t key) {
    if (w->key_slot_count)
        __builtin_prefetch(&w->key_slots[key_hash(key) & (uint64_t)(w->key_slot_count - 1)]);
}

static void key_slots_double(SegmentWriter *w) {
    uint32_t *former = w->key_slots;
    ptrdiff_t count = w->key_slot_count;
    w->key_slot_count = count ? 2 * count : 64;
    w->key_slots = calloc((size_t)w->key_slot_count, sizeof *w->key_slots);
    if (!w->key_slots) abort();
    for (ptrdiff_t i = 0; i < count; i++)
        if (former[i]) *key_slot(w, w->docs[former[i] - 1].key) = former[i];
    free(former);
}

void writer_doc_gone(SegmentWriter *w, int64_t key) {
    if (!w->key_slot_count) return;
    uint32_t doc = *key_slot(w, key);
    if (!doc || w->docs[doc - 1].dead) return;
    w->docs[doc - 1].dead = true;
    w->dead++;
}

void writer_doc(SegmentWriter *w, int64_t key) {
    if (2 * w->doc_count >= w->key_slot_count) key_slots_double(w);
    writer_doc_gone(w, key);
    assert(w->doc_count < UINT32_MAX - 1);
    U32s *t = &w->tokens; /* there from the first document on, with words or without */
    t->items = items_grow(t->items, &t->cap, t->count + 1, (ptrdiff_t)sizeof *t->items);
    w->docs = items_grow(w->docs, &w->doc_cap, w->doc_count + 1, (ptrdiff_t)sizeof *w->docs);
    w->docs[w->doc_count] =
        (WriterDoc){.key = key, .tokens = w->tokens.count, .values = w->value_count};
    *key_slot(w, key) = (uint32_t)++w->doc_count;
}

/* -- What describes the last document ------------------------------------------------------------ */

void writer_number(SegmentWriter *w, int field, int64_t number) {
    NumberColumn *n = &w->numbers[field];
    n->items = items_grow(n->items, &n->cap, w->doc_count, (ptrdiff_t)sizeof *n->items);
    while (n->count < w->doc_count) n->items[n->count++] = NO_NUMBER;
    n->items[w->doc_count - 1] = number;
}

void writer_value(SegmentWriter *w, int field, uint32_t spelling) {
    w->values =
        items_grow(w->values, &w->value_cap, w->value_count + 1, (ptrdiff_t)sizeof *w->values);
    w->values[w->value_count++] = (WriterValue){spelling, (uint32_t)field};
}

uint32_t writer_spelling(SegmentWriter *w, int field, Str text, Str folded) {
    char named[1024];
    assert(text.len < (ptrdiff_t)sizeof named);
    named[0] = (char)field;
    if (text.len) memcpy(named + 1, text.data, (size_t)text.len);
    ptrdiff_t known = w->spellings.count;
    uint32_t number = book_add(&w->spellings, str_of(named, text.len + 1));
    if (number < known) return number;
    if (!w->arena) w->arena = arena_new(NO_BUDGET);
    w->folded =
        items_grow(w->folded, &w->folded_cap, w->spellings.count, (ptrdiff_t)sizeof *w->folded);
    folded = str_is_null(folded) ? text_fold(w->arena, text) : str_copy(w->arena, folded);
    w->folded[number] = str_slice(folded, 0, UINT16_MAX);
    return number;
}

/* The words of one text behind those of the field's former ones; `before`: the position of the last. */
static void tokens_add(SegmentWriter *w, const Word *words, ptrdiff_t count, uint32_t *before) {
    U32s *t = &w->tokens;
    t->items = items_grow(t->items, &t->cap, t->count + count, (ptrdiff_t)sizeof *t->items);
    for (ptrdiff_t i = 0; i < count; i += BOOK_BATCH) {
        uint32_t numbers[BOOK_BATCH];
        ptrdiff_t n = min_size(count - i, BOOK_BATCH);
        book_add_words(&w->words, words + i, n, numbers);
        for (ptrdiff_t k = 0; k < n; k++) {
            uint32_t gap = words[i + k].position - *before;
            assert(numbers[k] == FORWARD_WORD(numbers[k]));
            t->items[t->count++] = (gap > GAP_MAX ? GAP_MAX : gap) << 28 | numbers[k];
            *before = words[i + k].position;
        }
    }
}

static Words *words_ready(SegmentWriter *w) {
    if (!w->reading) w->reading = arena_new(NO_BUDGET);
    if (arena_used(w->reading) > READING_KEPT) {
        arena_reset(w->reading);
        w->words_read = (Words){0};
    }
    w->words_read.arena = w->reading;
    w->words_read.count = 0;
    return &w->words_read;
}

/* A field's texts, one after the other, so that only one's words are held at a time. */
static void field_read(SegmentWriter *w, int field, const DocValue *values, ptrdiff_t count) {
    ptrdiff_t head = w->tokens.count, left = TOKENS_MAX;
    uint32_t next = 0, before = UINT32_MAX; /* so that the first one's gap is its position + 1 */
    u32s_add(&w->tokens, 0);
    for (ptrdiff_t i = 0; i < count && left > 0; i++) {
        if (values[i].field != field) continue;
        Words *words = words_ready(w);
        words->next_position = next;
        words_add(words, str_utf8_cut(values[i].text, TEXT_BYTES_MAX));
        next = words->next_position;
        ptrdiff_t n = min_size(words->count, left);
        tokens_add(w, words->items, n, &before);
        left -= n;
    }
    if (left == TOKENS_MAX)
        w->tokens.count = head;
    else
        w->tokens.items[head] = (uint32_t)field << 24 | (uint32_t)(TOKENS_MAX - left);
}

static void vector_add(SegmentWriter *w, const float *values) {
    float *unit = writer_vector_room(w);
    bool good = vector_unit(values, w->def->dims, unit);
    assert(good); /* search_doc_vector has looked */
    (void)good;
    writer_vector(w, unit);
}

static void entry_add(SegmentWriter *w, const SearchDocs *docs, const DocEntry *entry) {
    if (entry->gone) {
        writer_doc_gone(w, entry->key);
        return;
    }
    writer_doc(w, entry->key);
    const DocValue *values = entry->count ? docs->values + entry->first : NULL;
    uint32_t searched = 0;
    for (ptrdiff_t i = 0; i < entry->count; i++) {
        int f = values[i].field;
        const SearchField *field = &w->def->fields[f];
        bool text = field->kind == SEARCH_TEXT || field->kind == SEARCH_KEYWORD;
        if (field->kind == SEARCH_VECTOR && w->def->vectors_elsewhere) continue;
        if (field->kind == SEARCH_VECTOR)
            vector_add(w, values[i].vector);
        else if (!text)
            writer_number(w, f, values[i].number);
        if (field->kind == SEARCH_KEYWORD)
            writer_value(w, f, writer_spelling(w, f, values[i].text, (Str){0}));
        if (text && field->use & SEARCH_FOR) searched |= (uint32_t)1 << f;
    }
    for (; searched; searched &= searched - 1)
        field_read(w, __builtin_ctz(searched), values, entry->count);
}

void segment_writer_add(SegmentWriter *w, const SearchDocs *docs) {
    assert(docs->def == w->def);
    for (ptrdiff_t i = 0; i < docs->count; i++) {
        if (i + 1 < docs->count) key_expect(w, docs->entries[i + 1].key);
        entry_add(w, docs, &docs->entries[i]);
    }
}

/* -- Documents of another segment ---------------------------------------------------------------- */

static void tokens_merge(SegmentWriter *w, const uint32_t *names, Forward from) {
    U32s *t = &w->tokens;
    t->items =
        items_grow(t->items, &t->cap, t->count + (from.end - from.at), (ptrdiff_t)sizeof *t->items);
    uint32_t *to = t->items + t->count;
    while (from.at < from.end) {
        uint32_t head = *from.at++;
        *to++ = head;
        for (uint32_t i = FORWARD_COUNT(head); i; i--) {
            uint32_t token = *from.at++;
            *to++ = (token & ~0x0fffffffu) | names[FORWARD_WORD(token)];
        }
    }
    t->count = to - t->items;
}

static void doc_merge(SegmentWriter *w, const Segment *s, uint32_t doc, const uint32_t *words,
                      uint32_t *const *spellings) {
    writer_doc(w, s->keys[doc]);
    tokens_merge(w, words, segment_forward(s, doc));
    uint32_t row = s->vectors.count ? vector_row(&s->vectors, doc) : UINT32_MAX;
    if (row != UINT32_MAX) writer_vector(w, vector_unit_at(&s->vectors, row));
    for (int f = 0; f < w->def->field_count; f++) {
        const FieldParts *p = &s->fields[f];
        if (p->numbers && p->numbers[doc] != NO_NUMBER) writer_number(w, f, p->numbers[doc]);
        if (!p->doc_value_at) continue;
        for (uint32_t i = p->doc_value_at[doc]; i < p->doc_value_at[doc + 1]; i++)
            writer_value(w, f, spellings[f][p->doc_values[i]]);
    }
}

static uint32_t *numbers_new(uint32_t count) {
    uint32_t *numbers = malloc((size_t)count * sizeof *numbers + 1);
    if (!numbers) abort();
    return numbers;
}

void segment_writer_merge(SegmentWriter *w, const Segment *s, const uint64_t *dead) {
    assert(s->def == w->def);
    uint32_t *words = numbers_new(s->words), *spellings[SEARCH_FIELDS_MAX] = {0};
    char buf[WORD_MAX];
    for (uint32_t i = 0; i < s->words; i++)
        words[i] = book_add(&w->words, lexicon_word(&s->lexicon, i, buf));
    for (int f = 0; f < w->def->field_count; f++) {
        uint32_t count = s->fields[f].value_count;
        spellings[f] = count ? numbers_new(count) : NULL;
        for (uint32_t i = 0; i < count; i++)
            spellings[f][i] =
                writer_spelling(w, f, segment_value(s, f, i), segment_value_folded(s, f, i));
    }
    if (s->vectors.count) writer_vectors_of(w, s);
    for (uint32_t doc = 0; doc < s->docs; doc++) {
        if (s->docs - doc > AHEAD) key_expect(w, s->keys[doc + AHEAD]);
        if (!dead || !(dead[doc >> 6] >> (doc & 63) & 1)) doc_merge(w, s, doc, words, spellings);
    }
    for (int f = 0; f < w->def->field_count; f++) free(spellings[f]);
    free(words);
}
