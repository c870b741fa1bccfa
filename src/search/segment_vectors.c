/* SPDX-License-Identifier: Apache-2.0
 * Vectors of a block being made. They come normalised with the batch, or from other segments, whose
 * rows are then used where they lie; codes are made anew, which costs less than finding the old ones. */
#include <stdlib.h>

#include "search/segment_room.h"

void writer_vector(SegmentWriter *w, const float *unit) {
    VectorColumn *v = &w->vectors;
    v->items = items_grow(v->items, &v->cap, w->doc_count, (ptrdiff_t)sizeof *v->items);
    while (v->count < w->doc_count) v->items[v->count++] = NULL;
    v->items[w->doc_count - 1] = unit;
}

float *writer_vector_room(SegmentWriter *w) {
    ptrdiff_t size = vector_floats(w->def->dims) * (ptrdiff_t)sizeof(float);
    if (!w->vectors.own) w->vectors.own = arena_new(NO_BUDGET);
    return arena_bytes(w->vectors.own, size);
}

void writer_vectors_of(SegmentWriter *w, const Segment *s) {
    VectorColumn *v = &w->vectors;
    v->lenders =
        items_grow(v->lenders, &v->lender_cap, v->lender_count + 1, (ptrdiff_t)sizeof *v->lenders);
    v->lenders[v->lender_count++] = segment_hold((Segment *)(uintptr_t)s);
}

int64_t writer_vector_bytes(const SegmentWriter *w) {
    const VectorColumn *v = &w->vectors;
    return v->cap * (ptrdiff_t)sizeof *v->items + (v->own ? arena_used(v->own) : 0);
}

void writer_vectors_free(SegmentWriter *w) {
    VectorColumn *v = &w->vectors;
    for (ptrdiff_t i = 0; i < v->lender_count; i++) segment_release(v->lenders[i]);
    free(v->lenders);
    free(v->items);
    arena_free(v->own);
    *v = (VectorColumn){0};
}

const float *build_vector(const Build *b, uint32_t doc) {
    const VectorColumn *v = &b->w->vectors;
    return b->order[doc] < v->count ? v->items[b->order[doc]] : NULL;
}

/* -- Sections -------------------------------------------------------------------------------------- */

typedef struct Coding {
    float *turned;
    uint8_t *high, *low; /* of a block */
    VectorFit *fits;     /* of all rows */
    ptrdiff_t width;
    uint32_t rows, count;
} Coding;

static void coding_flush(Coding *c, BlockOut *o) {
    ptrdiff_t bytes = (ptrdiff_t)c->rows * c->width / 2;
    out_bytes(o, c->high, bytes);
    out_bytes(o, c->low, bytes);
    c->rows = 0;
}

static void coding_add(Coding *c, BlockOut *o, const float *unit, int dims) {
    ptrdiff_t at = (ptrdiff_t)c->rows * c->width / 2;
    vector_turn(unit, dims, c->turned);
    c->fits[c->count++] = vector_encode(c->turned, c->width, c->high + at, c->low + at);
    if (++c->rows == VECTOR_BLOCK) coding_flush(c, o);
}

static void codes_write(Build *b, int field, uint32_t rows) {
    int dims = b->w->def->dims;
    size_t width = (size_t)vector_width(dims), block = VECTOR_BLOCK * width / 2;
    Coding c = {.width = (ptrdiff_t)width};
    c.turned = calloc(width, sizeof *c.turned);
    c.high = malloc(block);
    c.low = malloc(block);
    c.fits = calloc(rows, sizeof *c.fits);
    if (!c.turned || !c.high || !c.low || !c.fits) abort();
    out_section(b->out, PART_VECTOR_CODES, field);
    out_lead(b->out);
    for (uint32_t doc = 0; doc < b->docs; doc++) {
        const float *unit = build_vector(b, doc);
        if (unit) coding_add(&c, b->out, unit, dims);
    }
    coding_flush(&c, b->out);
    out_section_end(b->out, false);
    out_part(b->out, PART_VECTOR_FITS, field, c.fits, rows * (ptrdiff_t)sizeof *c.fits);
    free(c.turned);
    free(c.high);
    free(c.low);
    free(c.fits);
}

static void units_write(Build *b, int field) {
    ptrdiff_t size = vector_floats(b->w->def->dims) * (ptrdiff_t)sizeof(float);
    out_section(b->out, PART_VECTORS, field);
    out_lead(b->out);
    for (uint32_t doc = 0; doc < b->docs; doc++) {
        const float *unit = build_vector(b, doc);
        if (unit) out_bytes(b->out, unit, size);
    }
    out_section_end(b->out, false);
}

static void docs_write(Build *b, int field) {
    out_section(b->out, PART_VECTOR_DOCS, field);
    for (uint32_t doc = 0; doc < b->docs; doc++)
        if (build_vector(b, doc)) out_bytes(b->out, &doc, sizeof doc);
    out_section_end(b->out, false);
}

void build_vectors(Build *b) {
    int field = vector_field(b->w->def);
    uint32_t rows = field < 0 ? 0 : b->having[field].count;
    if (rows == 0) return;
    ptrdiff_t row = vector_floats(b->w->def->dims) * 4 + vector_width(b->w->def->dims) + 16;
    out_room(b->out, rows * row);
    units_write(b, field);
    codes_write(b, field, rows);
    if (rows < b->docs) docs_write(b, field);
}
