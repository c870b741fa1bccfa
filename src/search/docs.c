/* SPDX-License-Identifier: Apache-2.0
 * Batches of described documents. */
#include "search/docs.h"

#include <math.h>

#include "core/map.h"
#include "search/text.h"
#include "search/vectors.h"

enum { KEYWORD_MAX = 512 };

/* IEEE 754 doubles order as their bits do, once those of negative ones are turned over. */
int64_t number_of_real(double value) {
    assert(!isnan(value));
    int64_t bits;
    value += 0.0; /* -0.0 becomes 0.0 */
    memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? (int64_t)(~(uint64_t)bits | (uint64_t)1 << 63) : bits;
}

double real_of_number(int64_t number) {
    if (number < 0) number = (int64_t)(~(uint64_t)number | (uint64_t)1 << 63);
    double value;
    memcpy(&value, &number, sizeof value);
    return value;
}

SearchDocs *search_docs_new(Arena *arena, const SearchDef *def) {
    SearchDocs *d = arena_new_of(arena, SearchDocs);
    d->arena = arena;
    d->def = def;
    return d;
}

static DocEntry *entry_add(SearchDocs *d, int64_t key) {
    if (d->count == d->cap) {
        ptrdiff_t cap = d->cap ? 2 * d->cap : 16, size = (ptrdiff_t)sizeof *d->entries;
        d->entries = arena_grow(d->arena, d->entries, d->cap * size, cap * size);
        d->cap = cap;
    }
    DocEntry *e = &d->entries[d->count++];
    *e = (DocEntry){.key = key, .first = d->value_count};
    return e;
}

void search_doc(SearchDocs *d, int64_t key) { entry_add(d, key); }

void search_doc_gone(SearchDocs *d, int64_t key) { entry_add(d, key)->gone = true; }

static DocValue *value_add(SearchDocs *d, int field) {
    assert(d->count > 0 && !d->entries[d->count - 1].gone);
    assert(field >= 0 && field < d->def->field_count);
    if (d->value_count == d->value_cap) {
        ptrdiff_t cap = d->value_cap ? 2 * d->value_cap : 64, size = (ptrdiff_t)sizeof *d->values;
        d->values = arena_grow(d->arena, d->values, d->value_cap * size, cap * size);
        d->value_cap = cap;
    }
    d->entries[d->count - 1].count++;
    DocValue *v = &d->values[d->value_count++];
    *v = (DocValue){.field = field, .number = NO_NUMBER};
    return v;
}

void search_doc_text(SearchDocs *d, int field, Str text) {
    SearchKind kind = d->def->fields[field].kind;
    assert(kind == SEARCH_TEXT || kind == SEARCH_KEYWORD);
    if (str_is_empty(text)) return;
    if (kind == SEARCH_KEYWORD) text = str_utf8_cut(text, KEYWORD_MAX);
    value_add(d, field)->text = str_copy(d->arena, text);
}

void search_doc_int(SearchDocs *d, int field, int64_t value) {
    SearchKind kind = d->def->fields[field].kind;
    assert(kind == SEARCH_INT || kind == SEARCH_TIME);
    value_add(d, field)->number = value == NO_NUMBER ? NO_NUMBER + 1 : value;
}

void search_doc_real(SearchDocs *d, int field, double value) {
    assert(d->def->fields[field].kind == SEARCH_REAL);
    value_add(d, field)->number = number_of_real(value);
}

void search_doc_vector(SearchDocs *d, const float *values) {
    int field = vector_field(d->def), dims = d->def->dims;
    assert(field >= 0 && values);
    bool any = false;
    for (int i = 0; i < dims; i++) {
        if (!isfinite(values[i])) return;
        any |= values[i] != 0;
    }
    if (!any) return;
    float *copy = arena_bytes(d->arena, dims * (ptrdiff_t)sizeof *copy);
    memcpy(copy, values, (size_t)dims * sizeof *copy);
    value_add(d, field)->vector = copy;
}

const DocEntry **docs_last(Arena *a, const SearchDocs *d, ptrdiff_t *count) {
    const DocEntry **last = arena_array(a, const DocEntry *, d->count);
    Map seen = {.arena = a};
    ptrdiff_t at = d->count;
    for (ptrdiff_t i = d->count - 1; i >= 0; i--) {
        Str key = strf(a, "%lld", (long long)d->entries[i].key);
        if (!map_set(&seen, key, &seen)) last[--at] = &d->entries[i];
    }
    *count = d->count - at;
    return last + at;
}
