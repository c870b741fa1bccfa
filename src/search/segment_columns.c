/* SPDX-License-Identifier: Apache-2.0
 * Columns of a block being made: numbers with their order and quantiles, keyword values with their
 * documents, and which documents have a field at all. Sets go to the section of sets while that is
 * open (build_columns), the rest into sections of their own (build_column_parts). */
#include <stdlib.h>

#include "search/segment_room.h"

static void *array_new(uint64_t count, size_t size) {
    void *array = calloc((size_t)count + 1, size);
    if (!array) abort();
    return array;
}

/* -- Which documents have a field ---------------------------------------------------------------- */

static void having_texts(Build *b, uint64_t *bits, size_t stride) {
    const SegmentWriter *w = b->w;
    for (uint32_t doc = 0; doc < b->docs; doc++) {
        const uint32_t *at = w->tokens.items + w->docs[b->order[doc]].tokens;
        const uint32_t *end = w->tokens.items + writer_tokens_end(w, b->order[doc]);
        for (; at < end; at += 1 + FORWARD_COUNT(*at))
            bits[(size_t)FORWARD_FIELD(*at) * stride + doc / 64] |= (uint64_t)1 << doc % 64;
    }
}

/* Fields all of whose words stand at their beginning. */
static void brief_texts(Build *b, uint64_t *bits, size_t stride) {
    const SegmentWriter *w = b->w;
    for (uint32_t doc = 0; doc < b->docs; doc++) {
        const uint32_t *at = w->tokens.items + w->docs[b->order[doc]].tokens;
        const uint32_t *end = w->tokens.items + writer_tokens_end(w, b->order[doc]);
        for (; at < end; at += 1 + FORWARD_COUNT(*at)) {
            uint32_t count = FORWARD_COUNT(*at), n = 1;
            while (n <= count && FORWARD_GAP(at[n]) == (n == 1)) n++;
            if (n > count)
                bits[(size_t)FORWARD_FIELD(*at) * stride + doc / 64] |= (uint64_t)1 << doc % 64;
        }
    }
}

static void having_values(Build *b, uint64_t *bits, size_t stride) {
    const SegmentWriter *w = b->w;
    for (uint32_t doc = 0; doc < b->docs; doc++)
        for (int64_t i = w->docs[b->order[doc]].values; i < writer_values_end(w, b->order[doc]);
             i++)
            bits[w->values[i].field * stride + doc / 64] |= (uint64_t)1 << doc % 64;
}

/* The document's number, of a column that may end early. */
static int64_t number_of(const NumberColumn *n, uint32_t place) {
    return place < n->count ? n->items[place] : NO_NUMBER;
}

static void build_having(Build *b) {
    const SearchDef *def = b->w->def;
    size_t stride = ((size_t)b->docs + 63) / 64;
    uint64_t *bits = array_new(stride * (uint64_t)def->field_count, sizeof *bits);
    brief_texts(b, bits, stride);
    for (int f = 0; f < def->field_count; f++)
        b->brief[f] = set_store_bits(&b->sets, bits + f * stride);
    having_texts(b, bits, stride);
    /* Of a searched keyword what counts is that it has a value, words or not. */
    for (int f = 0; f < def->field_count; f++)
        if (def->fields[f].kind == SEARCH_KEYWORD) memset(bits + f * stride, 0, stride * 8);
    having_values(b, bits, stride);
    int vectors = vector_field(def);
    for (int f = 0; f < def->field_count; f++) {
        const NumberColumn *n = &b->w->numbers[f];
        for (uint32_t doc = 0; n->count && doc < b->docs; doc++)
            if (number_of(n, b->order[doc]) != NO_NUMBER)
                bits[f * stride + doc / 64] |= (uint64_t)1 << doc % 64;
        for (uint32_t doc = 0; f == vectors && doc < b->docs; doc++)
            if (build_vector(b, doc)) bits[f * stride + doc / 64] |= (uint64_t)1 << doc % 64;
        b->having[f] = set_store_bits(&b->sets, bits + f * stride);
    }
    free(bits);
}

/* -- Values -------------------------------------------------------------------------------------- */

typedef struct Spelled {
    Str folded, text;
    uint32_t number;
} Spelled;

static int spelled_cmp(const void *x, const void *y) {
    const Spelled *p = x, *q = y;
    int order = str_cmp(p->folded, q->folded);
    return order ? order : str_cmp(p->text, q->text);
}

/* All spellings in use, by field: field f's lie in [ends[f - 1], ends[f]). */
static Spelled *spellings_by_field(const Build *b, uint32_t ends[SEARCH_FIELDS_MAX]) {
    const SegmentWriter *w = b->w;
    uint8_t *used = array_new((uint64_t)w->spellings.count, 1);
    for (uint32_t doc = 0; doc < b->docs; doc++)
        for (int64_t i = w->docs[b->order[doc]].values; i < writer_values_end(w, b->order[doc]);
             i++)
            used[w->values[i].spelling] = 1;
    Spelled *all = array_new((uint64_t)w->spellings.count, sizeof *all);
    uint32_t counts[SEARCH_FIELDS_MAX] = {0}, at[SEARCH_FIELDS_MAX];
    for (uint32_t i = 0; i < w->spellings.count; i++)
        if (used[i]) counts[(uint8_t)book_text(&w->spellings, i).data[0]]++;
    for (uint32_t f = 0, sum = 0; f < SEARCH_FIELDS_MAX; f++) {
        at[f] = sum;
        ends[f] = sum += counts[f];
    }
    for (uint32_t i = 0; i < w->spellings.count; i++) {
        Str text = book_text(&w->spellings, i);
        if (used[i])
            all[at[(uint8_t)text.data[0]]++] =
                (Spelled){w->folded[i], str_slice(text, 1, text.len), i};
    }
    free(used);
    return all;
}

/* Values of one field from its spellings; names[spelling]: its value. */
static void values_name(ValueTable *t, Spelled *spelled, uint32_t count, uint32_t *names) {
    qsort(spelled, count, sizeof *spelled, spelled_cmp);
    t->items = array_new(count, sizeof *t->items);
    t->texts = array_new(2 * (uint64_t)count, sizeof *t->texts);
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || !str_eq(spelled[i].folded, spelled[i - 1].folded)) {
            t->texts[2 * t->count] = spelled[i].text;
            t->texts[2 * t->count + 1] = spelled[i].folded;
            t->count++;
        }
        names[spelled[i].number] = t->count - 1;
    }
}

static int number_cmp(const void *x, const void *y) {
    const uint32_t *p = x, *q = y;
    return (*p > *q) - (*p < *q);
}

/* Sort a run and leave out repetitions: how many remain. */
static uint32_t run_settle(uint32_t *run, uint32_t count) {
    if (count > 1) qsort(run, count, sizeof *run, number_cmp);
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        if (n == 0 || run[n - 1] != run[i]) run[n++] = run[i];
    return n;
}

/* Documents → values, ascending and distinct. */
static void values_of_docs(Build *b, const uint32_t *names) {
    const SegmentWriter *w = b->w;
    uint32_t counts[SEARCH_FIELDS_MAX] = {0}, at[SEARCH_FIELDS_MAX] = {0};
    for (uint32_t doc = 0; doc < b->docs; doc++)
        for (int64_t i = w->docs[b->order[doc]].values; i < writer_values_end(w, b->order[doc]);
             i++)
            counts[w->values[i].field]++;
    for (int f = 0; f < w->def->field_count; f++) {
        if (!counts[f]) continue;
        b->values[f].doc_at = array_new((uint64_t)b->docs + 1, sizeof(uint32_t));
        b->values[f].doc_values = array_new(counts[f], sizeof(uint32_t));
    }
    for (uint32_t doc = 0; doc < b->docs; doc++) {
        int64_t from = w->docs[b->order[doc]].values, to = writer_values_end(w, b->order[doc]);
        for (int64_t i = from; i < to; i++) {
            uint32_t field = w->values[i].field;
            b->values[field].doc_values[at[field]++] = names[w->values[i].spelling];
        }
        for (int f = 0; f < w->def->field_count; f++) {
            if (!counts[f]) continue;
            ValueTable *t = &b->values[f];
            uint32_t start = t->doc_at[doc];
            at[f] = start + run_settle(t->doc_values + start, at[f] - start);
            t->doc_at[doc + 1] = at[f];
        }
    }
}

/* Values → documents, by a counting sort. */
static void values_store(Build *b, ValueTable *t) {
    uint32_t total = t->doc_at[b->docs];
    uint32_t *ends = array_new((uint64_t)t->count + 1, sizeof *ends);
    uint32_t *docs = array_new(total, sizeof *docs);
    for (uint32_t i = 0; i < total; i++) ends[t->doc_values[i] + 1]++;
    for (uint32_t v = 0; v < t->count; v++) ends[v + 1] += ends[v];
    for (uint32_t doc = 0; doc < b->docs; doc++)
        for (uint32_t i = t->doc_at[doc]; i < t->doc_at[doc + 1]; i++)
            docs[ends[t->doc_values[i]]++] = doc;
    for (uint32_t v = 0, from = 0; v < t->count; from = ends[v++])
        t->items[v].set = set_store(&b->sets, docs + from, ends[v] - from);
    free(ends);
    free(docs);
}

static void build_values(Build *b) {
    if (!b->w->value_count) return;
    uint32_t ends[SEARCH_FIELDS_MAX];
    Spelled *all = spellings_by_field(b, ends);
    uint32_t *names = array_new((uint64_t)b->w->spellings.count, sizeof *names);
    for (int f = 0; f < b->w->def->field_count; f++) {
        uint32_t from = f ? ends[f - 1] : 0;
        if (ends[f] > from) values_name(&b->values[f], all + from, ends[f] - from, names);
    }
    values_of_docs(b, names);
    for (int f = 0; f < b->w->def->field_count; f++)
        if (b->values[f].count) values_store(b, &b->values[f]);
    free(names);
    free(all);
}

void build_columns(Build *b) {
    build_having(b);
    build_values(b);
}

/* -- Sections ------------------------------------------------------------------------------------ */

/* Bitmaps of the first n/32, 2n/32 … documents by number. */
static void quantiles_write(Build *b, int field, const uint32_t *by_number, uint32_t count) {
    const SearchDef *def = b->w->def;
    bool wanted = def->fields[field].use & SEARCH_FILTER && field != def->order_field;
    if (!wanted || count < QUANTILE_DOCS) return;
    size_t words = ((size_t)b->docs + 63) / 64;
    uint64_t *bits = array_new(words, sizeof *bits);
    out_section(b->out, PART_QUANTILES, field);
    for (uint32_t q = 1, at = 0; q < QUANTILES; q++) {
        for (; at < (uint64_t)count * q / QUANTILES; at++)
            bits[by_number[at] / 64] |= (uint64_t)1 << by_number[at] % 64;
        out_bytes(b->out, bits, (ptrdiff_t)words * 8);
    }
    out_section_end(b->out, false);
    free(bits);
}

static void numbers_write(Build *b, int field) {
    const NumberColumn *from = &b->w->numbers[field];
    if (!from->count) return; /* a text or keyword */
    int64_t *numbers = array_new(b->docs, sizeof *numbers);
    uint64_t *keys = array_new(b->docs, sizeof *keys);
    uint32_t *by_number = array_new(b->docs, sizeof *by_number), count = 0;
    for (uint32_t doc = 0; doc < b->docs; doc++) {
        numbers[doc] = number_of(from, b->order[doc]);
        if (numbers[doc] == NO_NUMBER) continue;
        keys[count] = sort_key(numbers[doc]);
        by_number[count++] = doc;
    }
    sort_by_key(keys, by_number, count);
    out_part(b->out, PART_NUMBERS, field, numbers, (ptrdiff_t)b->docs * 8);
    out_part(b->out, PART_BY_NUMBER, field, by_number, (ptrdiff_t)count * 4);
    quantiles_write(b, field, by_number, count);
    free(numbers);
    free(keys);
    free(by_number);
}

static void value_texts_write(Build *b, int field, ValueTable *t) {
    uint64_t at = 0;
    out_section(b->out, PART_VALUE_TEXT, field);
    for (uint32_t v = 0; v < t->count; v++) {
        Str text = t->texts[2 * v], folded = t->texts[2 * v + 1];
        bool same = str_eq(text, folded);
        t->items[v].text = at | (same ? VALUE_SAME : 0);
        t->items[v].len = (uint16_t)text.len;
        t->items[v].folded_len = (uint16_t)folded.len;
        out_bytes(b->out, text.data, text.len);
        if (!same) out_bytes(b->out, folded.data, folded.len);
        at += (uint64_t)(text.len + (same ? 0 : folded.len));
    }
    out_section_end(b->out, false);
}

static void values_write(Build *b, int field) {
    ValueTable *t = &b->values[field];
    if (!t->count) return;
    value_texts_write(b, field, t);
    out_part(b->out, PART_VALUES, field, t->items, t->count * (ptrdiff_t)sizeof *t->items);
    uint64_t *keys = array_new(t->count, sizeof *keys);
    uint32_t *by_count = array_new(t->count, sizeof *by_count);
    for (uint32_t v = 0; v < t->count; v++) {
        keys[v] = UINT32_MAX - t->items[v].set.count;
        by_count[v] = v;
    }
    sort_by_key(keys, by_count, t->count);
    out_part(b->out, PART_VALUES_BY_COUNT, field, by_count, (ptrdiff_t)t->count * 4);
    out_part(b->out, PART_DOC_VALUE_AT, field, t->doc_at, ((ptrdiff_t)b->docs + 1) * 4);
    out_part(b->out, PART_DOC_VALUES, field, t->doc_values, (ptrdiff_t)t->doc_at[b->docs] * 4);
    free(keys);
    free(by_count);
}

void build_column_parts(Build *b) {
    for (int f = 0; f < b->w->def->field_count; f++) {
        if (!b->having[f].count) continue;
        out_part(b->out, PART_HAVING, f, &b->having[f], sizeof b->having[f]);
        out_part(b->out, PART_BRIEF, f, &b->brief[f], sizeof b->brief[f]);
        numbers_write(b, f);
        values_write(b, f);
        free(b->values[f].items);
        free(b->values[f].texts);
        free(b->values[f].doc_at);
        free(b->values[f].doc_values);
    }
}
