/* SPDX-License-Identifier: Apache-2.0
 * Filters against a segment: a tree to the documents that it lets through. */
#include "search/query.h"
#include "search/segment.h"

static Docset docs_is(Arena *a, const Segment *s, const SearchFilter *f) {
    uint32_t v = segment_value_find(s, f->field, f->text);
    if (v >= segment_values(s, f->field) || !str_eq(segment_value_folded(s, f->field, v), f->text))
        return docset_none(segment_docs(s));
    return segment_value_docs(s, a, f->field, v);
}

static Docset docs_part(Arena *a, const Segment *s, const SearchFilter *f) {
    DocsetMaker m = docset_maker(a, segment_docs(s));
    uint32_t values = segment_values(s, f->field);
    uint32_t v = f->kind == FILTER_STARTS ? segment_value_find(s, f->field, f->text) : 0;
    for (; v < values; v++) {
        Str value = segment_value_folded(s, f->field, v);
        if (f->kind == FILTER_STARTS && !str_starts(value, f->text)) break;
        if (f->kind == FILTER_CONTAINS && str_find(value, f->text) < 0) continue;
        ArenaMark mark = arena_mark(a);
        docset_put_all(&m, segment_value_docs(s, a, f->field, v));
        arena_release(a, mark);
    }
    return docset_made(a, &m);
}

static Docset docs_leaf(Arena *a, const Segment *s, const SearchFilter *f) {
    switch (f->kind) {
    case FILTER_IS: return docs_is(a, s, f);
    case FILTER_RANGE: return segment_number_docs(s, a, f->field, f->low, f->high);
    case FILTER_EXISTS: return segment_having(s, a, f->field);
    case FILTER_CONTAINS:
    case FILTER_STARTS: return docs_part(a, s, f);
    default: return docset_none(segment_docs(s));
    }
}

typedef struct FilterStep {
    const SearchFilter *filter;
    Docset left;
    bool left_known;
} FilterStep;

Docset filter_docs(Arena *a, const Segment *s, const SearchFilter *filter) {
    if (!filter) return docset_all(a, segment_docs(s));
    FilterStep *steps = NULL;
    ptrdiff_t depth = 0, cap = 0, size = (ptrdiff_t)sizeof *steps;
    for (;;) {
        while (filter) { /* down to the leftmost leaf */
            if (depth == cap) {
                steps = arena_grow(a, steps, cap * size, (2 * cap + 16) * size);
                cap = 2 * cap + 16;
            }
            steps[depth++] = (FilterStep){.filter = filter};
            filter = filter->left;
        }
        Docset docs = docs_leaf(a, s, steps[--depth].filter);
        for (; depth > 0; depth--) { /* up until a right side is to be looked at */
            FilterStep *step = &steps[depth - 1];
            FilterKind kind = step->filter->kind;
            if (kind != FILTER_NOT && !step->left_known) break;
            docs = kind == FILTER_NOT  ? docset_not(a, docs)
                   : kind == FILTER_OR ? docset_or(a, step->left, docs)
                                       : docset_and(a, step->left, docs);
        }
        if (depth == 0) return docs;
        steps[depth - 1].left = docs;
        steps[depth - 1].left_known = true;
        filter = steps[depth - 1].filter->right;
    }
}
