/* SPDX-License-Identifier: Apache-2.0
 * Facets of keywords: the most frequent values among the documents found, with exact counts, in
 * whichever of two ways costs less in a segment:
 *   - the values of each document found are counted: few were found;
 *   - the documents of value after value are intersected with those found, the values in order of
 *     how many documents have them at all, which bounds how many of them can have been found. With
 *     several segments that is Fagin's threshold algorithm (Fagin, Lotem, Naor: Optimal aggregation
 *     algorithms for middleware, 2003): a value met in one is counted in all, and it ends when what
 *     the heads of the lists could still bring is less than the last value kept.
 */
#include "search/facets.h"

#include <stdlib.h>
#include <xxhash.h>

#include "core/map.h"
#include "search/keep.h"
#include "search/text.h"

enum { AHEAD = 64, VALUES_FEW = 64, LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

/* -- Lots -------------------------------------------------------------------------------------- */

static bool more_of(const uint32_t *counts, uint32_t a, uint32_t b) {
    return counts[a] != counts[b] ? counts[a] > counts[b] : a < b;
}

/* A heap with the most frequent value on top. */
static void heap_sink(uint32_t *heap, uint32_t count, uint32_t at, const uint32_t *counts) {
    uint32_t value = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && more_of(counts, heap[child + 1], heap[child])) child++;
        if (!more_of(counts, heap[child], value)) break;
        heap[at] = heap[child];
    }
    heap[at] = value;
}

static bool among(const uint32_t *values, uint32_t count, uint32_t value) {
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && values[low] == value;
}

/* Documents lie apart, so that their values are asked for ahead. */
static void values_count(Docset docs, const uint32_t *at, const uint32_t *list, uint32_t *counts) {
    uint32_t ahead[AHEAD], n = AHEAD;
    for (DocsetWalk w = docset_walk(docs, 0); n == AHEAD;) {
        n = docset_next_many(&w, ahead, AHEAD);
        for (uint32_t i = 0; i < n; i++) __builtin_prefetch(list + at[ahead[i]]);
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t k = at[ahead[i]], end = at[ahead[i] + 1]; k < end; k++)
                counts[list[k]]++;
    }
}

/* How often each value was found; how many values were. */
static uint32_t *count_values(Arena *a, const Lot *lot, int field, uint32_t *met) {
    uint32_t values = segment_values(lot->segment, field);
    uint32_t *counts = arena_array(a, uint32_t, values);
    const uint32_t *list, *at = segment_doc_value_at(lot->segment, field, &list);
    if (at) values_count(lot->docs, at, list, counts);
    *met = 0;
    for (uint32_t v = 0; v < values; v++) *met += counts[v] > 0;
    return counts;
}

static void heap_make(Arena *a, Lot *lot, int field, const uint32_t *counts, uint32_t met,
                      const uint32_t *only, uint32_t only_count) {
    uint32_t values = segment_values(lot->segment, field), kept = 0;
    uint32_t *heap = arena_bytes(a, (ptrdiff_t)(met * sizeof *heap));
    for (uint32_t v = 0; kept < met && v < values; v++)
        if (counts[v] > 0 && (!only || among(only, only_count, v))) heap[kept++] = v;
    for (uint32_t i = kept / 2; i-- > 0;) heap_sink(heap, kept, i, counts);
    lot->counts = counts;
    lot->heap = heap;
    lot->length = kept;
}

/* Count the values of each document found. */
static void count_each(Arena *a, Lot *lot, int field, const uint32_t *only, uint32_t only_count) {
    uint32_t met, *counts = count_values(a, lot, field, &met);
    heap_make(a, lot, field, counts, met, only, only_count);
}

typedef struct ByTotal {
    const Segment *segment;
    int field;
} ByTotal;

static int total_first(const void *x, const void *y, void *by_total) {
    const ByTotal *by = by_total;
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    uint32_t m = segment_value_count(by->segment, by->field, a);
    uint32_t n = segment_value_count(by->segment, by->field, b);
    return m != n ? (m < n ? 1 : -1) : (a > b) - (a < b);
}

/* What counting the values of each document takes, in nanoseconds as measured; below, what
 * looking at value after value takes. Only their ratio matters. */
static int64_t each_cost(const Lot *lot, int field) {
    const uint32_t *values, *at = segment_doc_value_at(lot->segment, field, &values);
    int64_t docs = lot->docs.count;
    return at ? docs * 4 + docs * 6 * at[lot->docs.universe] / lot->docs.universe : 0;
}

/* More than `most` is not counted further; every value of the first ones, then ever fewer are
 * looked at. Where values come most frequent first, it probably ends with the one that all in all
 * is rarer than the limit's is among the documents found. */
static int64_t by_value_cost(const Lot *lot, int field, int64_t limit, bool ends, int64_t most) {
    int64_t universe = lot->docs.universe, bitmap = universe / 50, sum = universe / 64, bar = 0;
    if (ends && limit > 0 && limit < lot->length)
        bar = segment_value_count(lot->segment, field, lot->order[limit]) *
              (int64_t)lot->docs.count / universe;
    for (int64_t i = 0, step = 1; i < lot->length && sum <= most; i += step) {
        int64_t total = segment_value_count(lot->segment, field, lot->order[i]);
        if (total < bar) break;
        step = min_i64(1 + i / 16, lot->length - i);
        sum += step * (50 + (total > universe / 32 ? bitmap : total));
    }
    return sum;
}

/* Value after value is intersected with a bitmap. */
static Docset as_bits(Arena *a, Docset docs) {
    if (!docs.array) return docs;
    DocsetMaker m = docset_maker(a, docs.universe);
    docset_put_all(&m, docs);
    return docset_bits(docs.universe, m.bits, docs.count);
}

static void order_by_total(Arena *a, Lot *lot, int field) {
    uint32_t *order = arena_array(a, uint32_t, lot->length);
    memcpy(order, lot->order, lot->length * sizeof *order);
    qsort_r(order, lot->length, sizeof *order, total_first, &(ByTotal){lot->segment, field});
    lot->order = order;
}

/* -- Kept -------------------------------------------------------------------------------------- */

/* Counting fewer costs less than looking. */
enum { COUNTS_KEPT_FROM = 4096 };

/* A set is known by a hash of 128 bits. */
static Str counts_key(Arena *a, const Lot *lot, int field) {
    struct {
        uint32_t field, count;
        XXH128_hash_t hash;
    } of = {.field = (uint32_t)field, .count = lot->docs.count};
    size_t words = ((size_t)lot->docs.universe + 63) / 64;
    of.hash = lot->docs.bits ? XXH3_128bits(lot->docs.bits, words * 8)
                             : XXH3_128bits(lot->docs.array, (size_t)lot->docs.count * 4);
    Buf key = buf_new(a, (ptrdiff_t)sizeof of + 1);
    buf_byte(&key, 'v');
    buf_add(&key, str_of((const char *)&of, (ptrdiff_t)sizeof of));
    return buf_str(&key);
}

/* Counts that were kept, or are worth keeping now; false: neither. */
static bool counts_kept(Arena *a, Lot *lot, int field) {
    if (lot->docs.count < COUNTS_KEPT_FROM || lot->length <= VALUES_FEW) return false;
    Str key = counts_key(a, lot, field);
    bool wanted;
    uint32_t values = segment_values(lot->segment, field), met = 0, *counts;
    Str size = {NULL, (ptrdiff_t)(values * sizeof *counts)};
    Kept *kept = keep_find(lot->segment, key, &wanted);
    if (!kept && !wanted) return false;
    if (kept) {
        counts = arena_bytes(a, size.len);
        memcpy(counts, kept_bytes(kept).data, (size_t)size.len);
        kept_release(kept);
        for (uint32_t v = 0; v < values; v++) met += counts[v] > 0;
    } else {
        counts = count_values(a, lot, field, &met);
        keep_put_bytes(lot->segment, key, str_of((const char *)counts, size.len));
    }
    heap_make(a, lot, field, counts, met, NULL, 0);
    return true;
}

Lot *lots_make(Arena *a, const View *view, const Docset *docs, int field, int64_t limit,
               const uint32_t *const *only, const uint32_t *only_counts) {
    Lot *lots = arena_array(a, Lot, view->count);
    for (int i = 0; i < view->count; i++) {
        Lot *lot = &lots[i];
        *lot = (Lot){.segment = view->items[i].segment, .docs = docs[i]};
        if (docs[i].count == 0) continue;
        lot->order = only ? only[i] : segment_values_by_count(lot->segment, field);
        lot->length = only ? only_counts[i] : segment_values(lot->segment, field);
        if (lot->length == 0 || (!only && counts_kept(a, lot, field))) continue;
        int64_t each = each_cost(lot, field);
        if (by_value_cost(lot, field, limit, !only, each) > each) {
            count_each(a, lot, field, only ? only[i] : NULL, only ? only_counts[i] : 0);
        } else {
            if (only) order_by_total(a, lot, field);
            lot->docs = as_bits(a, lot->docs);
        }
    }
    return lots;
}

/* How many documents the lot's next value can have. */
static int64_t head_bound(const Lot *lot, int field) {
    if (lot->at == lot->length) return 0;
    if (lot->counts) return lot->counts[lot->heap[0]];
    uint32_t v = lot->order[lot->at];
    return min_i64(segment_value_count(lot->segment, field, v), lot->docs.count);
}

/* The next value; it is not the next one any more. */
static uint32_t head_take(Lot *lot) {
    if (!lot->counts) return lot->order[lot->at++];
    uint32_t v = lot->heap[0];
    lot->heap[0] = lot->heap[--lot->length];
    heap_sink(lot->heap, lot->length, 0, lot->counts);
    return v;
}

static int64_t lot_count(const Lot *lot, int field, uint32_t value) {
    if (lot->counts) return lot->counts[value];
    return segment_value_and_count(lot->segment, field, value, lot->docs);
}

/* The lot's number for a value, or UINT32_MAX. */
static uint32_t lot_find(const Lot *lot, int field, Str folded) {
    uint32_t v = segment_value_find(lot->segment, field, folded);
    bool here = v < segment_values(lot->segment, field) &&
                str_eq(segment_value_folded(lot->segment, field, v), folded);
    return here ? v : UINT32_MAX;
}

/* -- The most frequent ------------------------------------------------------------------------- */

typedef struct Frequent {
    Str folded, shown;
    int64_t count;
} Frequent;

static bool ranked_before(const Frequent *x, const Frequent *y) {
    if (x->count != y->count) return x->count > y->count;
    return str_cmp(x->folded, y->folded) < 0;
}

/* Put one into the sorted list of at most limit. */
static void ranked_put(Frequent *list, ptrdiff_t *count, int64_t limit, Frequent one) {
    if (*count == limit && !ranked_before(&one, &list[limit - 1])) return;
    ptrdiff_t i = *count < limit ? (*count)++ : limit - 1;
    for (; i > 0 && ranked_before(&one, &list[i - 1]); i--) list[i] = list[i - 1];
    list[i] = one;
}

/* A value met in `from`, in all lots. */
static Frequent count_everywhere(const Lot *lots, int count, int field, const Lot *from,
                               uint32_t value, Str folded) {
    Frequent r = {.folded = folded};
    for (int i = 0; i < count; i++) {
        if (lots[i].docs.count == 0) continue;
        uint32_t v = &lots[i] == from ? value : lot_find(&lots[i], field, folded);
        int64_t n = v == UINT32_MAX ? 0 : lot_count(&lots[i], field, v);
        if (n == 0) continue;
        Str shown = segment_value(lots[i].segment, field, v);
        if (r.count == 0 || str_cmp(shown, r.shown) < 0) r.shown = shown;
        r.count += n;
    }
    return r;
}

SearchValue *lots_top(Arena *a, Lot *lots, int count, int field, int64_t limit, ptrdiff_t *found) {
    Map seen = {.arena = a};
    Frequent *list = arena_array(a, Frequent, limit);
    *found = 0;
    while (limit > 0) {
        int64_t could = 0, best = 0;
        Lot *next = NULL;
        for (int i = 0; i < count; i++) {
            int64_t bound = head_bound(&lots[i], field);
            could += bound;
            if (bound > best) {
                best = bound;
                next = &lots[i];
            }
        }
        if (!next || (*found == limit && could < list[limit - 1].count)) break;
        uint32_t value = head_take(next);
        Str folded = segment_value_folded(next->segment, field, value);
        if (count > 1 && map_set(&seen, folded, &seen)) continue;
        Frequent one = count_everywhere(lots, count, field, next, value, folded);
        if (one.count > 0) ranked_put(list, found, limit, one);
    }
    SearchValue *values = arena_array(a, SearchValue, *found);
    for (ptrdiff_t i = 0; i < *found; i++)
        values[i] = (SearchValue){.value = str_copy(a, list[i].shown), .count = list[i].count};
    return values;
}

/* -- Facets ------------------------------------------------------------------------------------ */

static int by_name(const void *x, const void *y) {
    return str_cmp(((const SearchValue *)x)->value, ((const SearchValue *)y)->value);
}

/* Add up another field for each value told. */
static void sums_add(Arena *a, const SearchDef *def, Lot *lots, int count,
                     const SearchFacetAsk *ask, SearchFacet *out) {
    for (int i = 0; i < count; i++) {
        const int64_t *column = segment_numbers(lots[i].segment, ask->sum_field);
        if (!column || lots[i].docs.count == 0) continue;
        for (ptrdiff_t k = 0; k < out->count; k++) {
            ArenaMark mark = arena_mark(a);
            uint32_t v = lot_find(&lots[i], ask->field, text_fold(a, out->values[k].value));
            Docset docs = docset_none(lots[i].docs.universe);
            if (v != UINT32_MAX) docs = segment_value_docs(lots[i].segment, a, ask->field, v);
            docs = docset_and(a, docs, lots[i].docs);
            for (DocsetWalk w = docset_walk(docs, 0); docset_next(&w);)
                if (column[w.doc] != NO_NUMBER)
                    out->values[k].sum += def->fields[ask->sum_field].kind == SEARCH_REAL
                                              ? real_of_number(column[w.doc])
                                              : (double)column[w.doc];
            arena_release(a, mark);
        }
    }
}

static void facet_keywords(Ctx *c, const SearchDef *def, const View *view, const Docset *docs,
                           const SearchFacetAsk *ask, int64_t limit, SearchFacet *out) {
    Lot *lots = lots_make(c->arena, view, docs, ask->field, limit, NULL, NULL);
    out->values = lots_top(c->arena, lots, view->count, ask->field, limit, &out->count);
    if (ask->by_name && out->count > 1)
        qsort(out->values, (size_t)out->count, sizeof *out->values, by_name);
    if (ask->sum_field >= 0) sums_add(c->arena, def, lots, view->count, ask, out);
}

static Err *ask_check(Ctx *c, const SearchDef *def, const SearchFacetAsk *ask) {
    if (ask->field < 0 || ask->field >= def->field_count ||
        !(def->fields[ask->field].use & SEARCH_FILTER)) {
        Err *err = err_new(c, ERR_INVALID, __func__, "Facets are counted over filterable fields");
        err->code = S("invalid_search_facets");
        return err;
    }
    const SearchField *f = &def->fields[ask->field];
    if (ask->unit != SEARCH_NO_UNIT && f->kind != SEARCH_TIME)
        FAIL(c, INVALID, "`%s` is no time: it has no histogram", f->name);
    if (ask->sum_field >= def->field_count ||
        (ask->sum_field >= 0 && def->fields[ask->sum_field].kind != SEARCH_INT &&
         def->fields[ask->sum_field].kind != SEARCH_REAL))
        FAIL(c, INVALID, "Only numbers can be added up over `%s`", f->name);
    return NULL;
}

Err *facets_answer(Ctx *c, const SearchDef *def, const View *view, const Docset *docs,
                   const Docset *once, const SearchRequest *request, SearchResult *out) {
    out->facets = arena_array(c->arena, SearchFacet, request->facet_count);
    out->facet_count = request->facet_count;
    for (ptrdiff_t i = 0; i < request->facet_count; i++) {
        const SearchFacetAsk *ask = &request->facets[i];
        TRY(ask_check(c, def, ask));
        int64_t limit = ask->limit > 0 ? min_i64(ask->limit, LIMIT_MAX) : LIMIT_DEFAULT;
        const Docset *over = ask->distinct && once ? once : docs;
        out->facets[i] = (SearchFacet){.field = ask->field};
        if (def->fields[ask->field].kind == SEARCH_KEYWORD)
            facet_keywords(c, def, view, over, ask, limit, &out->facets[i]);
        else
            facet_numbers(c, def, view, over, ask, limit, &out->facets[i]);
        TRY(engine_ended(c));
    }
    return NULL;
}
