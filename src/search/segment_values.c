/* SPDX-License-Identifier: Apache-2.0
 * Reading a segment's columns: numbers and keyword values. */
#include "search/segment_room.h"

static const FieldParts *parts_of(const Segment *s, int field) {
    assert(field >= 0 && field < s->def->field_count);
    return &s->fields[field];
}

Docset segment_having(const Segment *s, Arena *a, int field) {
    return segment_set(s, a, parts_of(s, field)->having);
}

Docset segment_brief_docs(const Segment *s, Arena *a, int field) {
    return segment_set(s, a, parts_of(s, field)->brief);
}

/* -- Numbers ------------------------------------------------------------------------------------- */

const int64_t *segment_numbers(const Segment *s, int field) { return parts_of(s, field)->numbers; }

const uint32_t *segment_by_number(const Segment *s, int field, uint32_t *count) {
    *count = parts_of(s, field)->number_count;
    return parts_of(s, field)->by_number;
}

/* Of the order field, documents themselves lie in descending order: the first below `bound`. */
static uint32_t doc_below(const int64_t *numbers, uint32_t count, int64_t bound) {
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (numbers[middle] >= bound)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* First place in by_number whose number is >= bound. */
static uint32_t place_of(const FieldParts *p, int64_t bound) {
    uint32_t low = 0, high = p->number_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (p->numbers[p->by_number[middle]] < bound)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void places_put(DocsetMaker *m, const FieldParts *p, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; i++) docset_put(m, p->by_number[i]);
}

/* Few places: their documents sorted by insertion. */
static Docset places_array(const Segment *s, Arena *a, const FieldParts *p, uint32_t from,
                           uint32_t to) {
    uint32_t *docs = arena_bytes(a, (ptrdiff_t)(to - from) * 4), count = 0;
    for (uint32_t i = from; i < to; i++) {
        uint32_t doc = p->by_number[i], at = count++;
        for (; at > 0 && docs[at - 1] > doc; at--) docs[at] = docs[at - 1];
        docs[at] = doc;
    }
    return docset_array(s->docs, docs, count);
}

static uint32_t quantile_end(const FieldParts *p, uint32_t q) {
    return (uint32_t)((uint64_t)p->number_count * q / QUANTILES);
}

/* Bitmap of the first q/32; NULL for none of them. Full only as far as q < 32. */
static const uint64_t *quantile(const Segment *s, const FieldParts *p, uint32_t q) {
    return q ? p->quantiles + (q - 1) * (((size_t)s->docs + 63) / 64) : NULL;
}

/* Places [from, to): between the quantiles inside as bitmaps, the edges one by one. */
static Docset places_wide(const Segment *s, Arena *a, const FieldParts *p, uint32_t from,
                          uint32_t to) {
    DocsetMaker m = docset_maker(a, s->docs);
    uint32_t first = 0, last = QUANTILES - 1;
    while (quantile_end(p, first) < from) first++;
    while (quantile_end(p, last) > to) last--;
    if (!p->quantiles || first >= last) {
        places_put(&m, p, from, to);
        return docset_made(a, &m);
    }
    const uint64_t *inner = quantile(s, p, first), *outer = quantile(s, p, last);
    for (size_t i = 0; i < ((size_t)s->docs + 63) / 64; i++)
        m.bits[i] = inner ? outer[i] & ~inner[i] : outer[i];
    places_put(&m, p, from, quantile_end(p, first));
    places_put(&m, p, quantile_end(p, last), to);
    return docset_made(a, &m);
}

Docset segment_number_docs(const Segment *s, Arena *a, int field, int64_t low, int64_t high) {
    enum { FEW = 64 };
    const FieldParts *p = parts_of(s, field);
    if (!p->number_count || low >= high) return docset_none(s->docs);
    if (field == s->def->order_field) {
        uint32_t from = high == INT64_MAX ? 0 : doc_below(p->numbers, p->number_count, high);
        uint32_t to = doc_below(p->numbers, p->number_count, low);
        return docset_range(a, s->docs, from, to);
    }
    uint32_t from = place_of(p, low), to = p->number_count;
    if (high != INT64_MAX) to = place_of(p, high);
    if (to - from == p->number_count) return segment_set(s, a, p->having);
    return to - from <= FEW ? places_array(s, a, p, from, to) : places_wide(s, a, p, from, to);
}

/* -- Keyword values ------------------------------------------------------------------------------ */

static const Value *value_at(const Segment *s, int field, uint32_t value) {
    const FieldParts *p = parts_of(s, field);
    assert(value < p->value_count);
    return &p->values[value];
}

uint32_t segment_values(const Segment *s, int field) { return parts_of(s, field)->value_count; }

Str segment_value(const Segment *s, int field, uint32_t value) {
    const Value *v = value_at(s, field, value);
    return str_of(s->fields[field].value_text + (v->text & ~VALUE_SAME), v->len);
}

Str segment_value_folded(const Segment *s, int field, uint32_t value) {
    const Value *v = value_at(s, field, value);
    const char *text = s->fields[field].value_text + (v->text & ~VALUE_SAME);
    return str_of(v->text & VALUE_SAME ? text : text + v->len, v->folded_len);
}

uint32_t segment_value_find(const Segment *s, int field, Str folded) {
    uint32_t low = 0, high = segment_values(s, field);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (str_cmp(segment_value_folded(s, field, middle), folded) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

Docset segment_value_docs(const Segment *s, Arena *a, int field, uint32_t value) {
    return segment_set(s, a, value_at(s, field, value)->set);
}

uint32_t segment_value_count(const Segment *s, int field, uint32_t value) {
    return value_at(s, field, value)->set.count;
}

uint32_t segment_value_and_count(const Segment *s, int field, uint32_t value, Docset docs) {
    assert(docs.universe == s->docs);
    return set_and_count(s->sets, value_at(s, field, value)->set, docs);
}

const uint32_t *segment_values_by_count(const Segment *s, int field) {
    return parts_of(s, field)->values_by_count;
}

const uint32_t *segment_doc_values(const Segment *s, int field, uint32_t doc, uint32_t *count) {
    const FieldParts *p = parts_of(s, field);
    assert(doc < s->docs);
    *count = p->doc_value_at ? p->doc_value_at[doc + 1] - p->doc_value_at[doc] : 0;
    return *count ? p->doc_values + p->doc_value_at[doc] : NULL;
}

const uint32_t *segment_doc_value_at(const Segment *s, int field, const uint32_t **values) {
    const FieldParts *p = parts_of(s, field);
    *values = p->doc_values;
    return p->doc_value_at;
}
