/* SPDX-License-Identifier: Apache-2.0
 * Comparing what was ranked: keys, the request's sorts, document order; and finding the first
 * documents by a sort without looking at all of them. */
#include "search/rank.h"

#include <stdlib.h>

enum { SORT_FEW = 64 }; /* so many documents are rather all compared */

Err *sort_check(Rank *r) {
    const SearchRequest *q = r->request;
    const char *why = NULL;
    if (q->sort_count > SORTS_MAX) why = "There are more fields to sort by than can be";
    for (ptrdiff_t i = 0; !why && i < q->sort_count; i++) {
        int f = q->sort[i].field;
        if (f < 0 || f >= r->def->field_count || !(r->def->fields[f].use & SEARCH_SORT))
            why = "The field cannot be sorted by";
    }
    if (!why) return NULL;
    Err *err = err_new(r->c, ERR_INVALID, __func__, "%s", why);
    err->code = S("invalid_search_sort");
    return err;
}

/* -- Comparing ----------------------------------------------------------------------------------- */

static int64_t number_at(const Segment *s, int field, uint32_t doc) {
    const int64_t *numbers = segment_numbers(s, field);
    return numbers ? numbers[doc] : NO_NUMBER;
}

static int numbers_cmp(const Rank *r, const SearchSort *by, const Ranked *x, const Ranked *y) {
    int64_t a = number_at(r->matchers[x->segment].segment, by->field, x->doc);
    int64_t b = number_at(r->matchers[y->segment].segment, by->field, y->doc);
    if (a == b) return 0;
    if (a == NO_NUMBER || b == NO_NUMBER) return a == NO_NUMBER ? 1 : -1;
    return (a < b) == by->descending ? 1 : -1;
}

static int keywords_cmp(const Rank *r, const SearchSort *by, const Ranked *x, const Ranked *y) {
    const Segment *s = r->matchers[x->segment].segment, *t = r->matchers[y->segment].segment;
    uint32_t m, n;
    const uint32_t *a = segment_doc_values(s, by->field, x->doc, &m);
    const uint32_t *b = segment_doc_values(t, by->field, y->doc, &n);
    if (m == 0 || n == 0) return m == n ? 0 : m == 0 ? 1 : -1;
    uint32_t u = by->descending ? a[m - 1] : a[0], v = by->descending ? b[n - 1] : b[0];
    int cmp = s == t ? (u > v) - (u < v)
                     : str_cmp(segment_value_folded(s, by->field, u),
                               segment_value_folded(t, by->field, v));
    return by->descending ? -cmp : cmp;
}

static int sort_cmp(const Rank *r, const SearchSort *by, const Ranked *x, const Ranked *y) {
    bool keyword = r->def->fields[by->field].kind == SEARCH_KEYWORD;
    return keyword ? keywords_cmp(r, by, x, y) : numbers_cmp(r, by, x, y);
}

static int sorts_cmp(const Rank *r, const Ranked *x, const Ranked *y) {
    int cmp = 0;
    for (ptrdiff_t i = 0; cmp == 0 && i < r->request->sort_count; i++)
        cmp = sort_cmp(r, &r->request->sort[i], x, y);
    return cmp;
}

bool sort_within(const Rank *r, const Ranked *x, int segment, Docset docs) {
    for (DocsetWalk w = docset_walk(docs, 0); docset_next(&w);) {
        Ranked y = {.doc = w.doc, .segment = segment};
        if (sort_cmp(r, &r->request->sort[0], x, &y) <= 0) return true;
    }
    return false;
}

int order_cmp(const Rank *r, const Ranked *x, const Ranked *y) {
    if (x->segment == y->segment) return (x->doc > y->doc) - (x->doc < y->doc);
    const Segment *s = r->matchers[x->segment].segment, *t = r->matchers[y->segment].segment;
    int64_t a = segment_keys(s)[x->doc], b = segment_keys(t)[y->doc];
    if (r->def->order_field < 0) return (a > b) - (a < b);
    int64_t m = number_at(s, r->def->order_field, x->doc);
    int64_t n = number_at(t, r->def->order_field, y->doc);
    return m != n ? (m < n ? 1 : -1) : (a < b) - (a > b);
}

int ranked_cmp(const Rank *r, const Ranked *x, const Ranked *y) {
    const KeyPlan *k = &r->plan;
    if (k->sorted) {
        uint64_t a = x->key >> k->sort_shift, b = y->key >> k->sort_shift;
        if (a != b) return a < b ? -1 : 1;
        int cmp = sorts_cmp(r, x, y);
        if (cmp) return cmp;
    }
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return order_cmp(r, x, y);
}

/* -- The first ones ------------------------------------------------------------------------------ */

static int by_doc(const void *x, const void *y) {
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

static Docset docs_sorted(uint32_t universe, uint32_t *docs, uint32_t count) {
    if (count > 1) qsort(docs, count, sizeof *docs, by_doc);
    return docset_array(universe, docs, count);
}

static uint64_t sort_number(int64_t n, bool descending) {
    if (n == NO_NUMBER) return UINT64_MAX;
    uint64_t ascending = ((uint64_t)n ^ (uint64_t)1 << 63) - 1;
    return descending ? UINT64_MAX - 1 - ascending : ascending;
}

static void sift_down(uint64_t *heap, uint64_t count, uint64_t at) {
    uint64_t v = heap[at];
    for (uint64_t next; (next = 2 * at + 1) < count; at = next) {
        next += next + 1 < count && heap[next + 1] > heap[next];
        if (heap[next] <= v) break;
        heap[at] = heap[next];
    }
    heap[at] = v;
}

/* Those up to the number of the last that is wanted, which a heap of so many finds. */
static Docset top_selected(Matcher *m, Docset docs, const SearchSort *by, uint64_t most) {
    const int64_t *numbers = segment_numbers(m->segment, by->field);
    if (!numbers) return docs;
    uint64_t *heap = arena_array(m->arena, uint64_t, (ptrdiff_t)most), n = 0;
    for (DocsetWalk w = docset_walk(docs, 0); docset_next(&w);) {
        uint64_t v = sort_number(numbers[w.doc], by->descending);
        if (n < most) {
            heap[n++] = v;
            for (uint64_t i = n == most ? n / 2 : 0; i-- > 0;) sift_down(heap, n, i);
        } else if (v < heap[0]) {
            heap[0] = v;
            sift_down(heap, n, 0);
        }
    }
    uint32_t *out = arena_bytes(m->arena, (ptrdiff_t)docs.count * (ptrdiff_t)sizeof *out),
             count = 0;
    for (DocsetWalk w = docset_walk(docs, 0); docset_next(&w);) {
        out[count] = w.doc;
        count += sort_number(numbers[w.doc], by->descending) <= heap[0];
    }
    return docset_array(docs.universe, out, count);
}

static Docset top_numbers(Matcher *m, Docset docs, const SearchSort *by, uint64_t most) {
    uint32_t count, n = 0, *out = arena_array(m->arena, uint32_t, docs.count);
    const uint32_t *list = segment_by_number(m->segment, by->field, &count);
    const int64_t *numbers = segment_numbers(m->segment, by->field);
    int64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t doc = list[by->descending ? count - 1 - i : i];
        if (!docset_has(docs, doc)) continue;
        if (n >= most && numbers[doc] != last) return docs_sorted(docs.universe, out, n);
        last = numbers[doc];
        out[n++] = doc;
    }
    if (n >= most) return docs_sorted(docs.universe, out, n);
    return docs; /* those without a number belong to the first ones too */
}

static Docset top_values(Matcher *m, Docset docs, const SearchSort *by, uint64_t most) {
    uint32_t values = segment_values(m->segment, by->field);
    DocsetMaker all = docset_maker(m->arena, docs.universe);
    uint64_t n = 0;
    for (uint32_t i = 0; i < values && n < most; i++) {
        ArenaMark mark = arena_mark(m->arena);
        uint32_t value = by->descending ? values - 1 - i : i;
        Docset some =
            docset_and(m->arena, segment_value_docs(m->segment, m->arena, by->field, value), docs);
        for (DocsetWalk w = docset_walk(some, 0); docset_next(&w);) {
            if (all.bits[w.doc >> 6] >> (w.doc & 63) & 1) continue;
            docset_put(&all, w.doc);
            n++;
        }
        arena_release(m->arena, mark);
    }
    return n >= most ? docset_made(m->arena, &all) : docs;
}

Docset sort_top(Rank *r, Matcher *m, Docset docs, uint64_t most) {
    const SearchSort *by = &r->request->sort[0];
    if (docs.count <= SORT_FEW || docs.count / 2 <= most) return docs;
    if (r->def->fields[by->field].kind != SEARCH_KEYWORD)
        return docs.count > docs.universe / 16 ? top_numbers(m, docs, by, most)
                                               : top_selected(m, docs, by, most);
    return segment_values(m->segment, by->field) < docs.count ? top_values(m, docs, by, most)
                                                              : docs;
}
