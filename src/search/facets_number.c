/* SPDX-License-Identifier: Apache-2.0
 * Facets of numbers and times: counts by value or by hour, day, week, month, year (UTC), with
 * least, greatest and sum.
 *
 * The documents found are walked in order of their number, in all segments at once, so that equal values
 * and units follow one another and nothing is hashed. A histogram over the field that documents lie
 * in order of looks at no document: a unit is a range of document numbers. */
#include <stdlib.h>

#include "core/time.h"
#include "search/facets.h"
#include "search/keep.h"

enum { LOOK_EVERY = 16384 }; /* documents, then whether somebody still waits */

typedef struct Group {
    int64_t number; /* the value, or the unit's first microsecond */
    int64_t count;
    double sum;
} Group;

/* -- Units --------------------------------------------------------------------------------------- */

static int64_t floor_to(int64_t us, int64_t step, int64_t phase) {
    int64_t rest = (us - phase) % step;
    return us - (rest < 0 ? rest + step : rest);
}

int64_t unit_start(SearchUnit unit, int64_t us) {
    switch (unit) {
    case SEARCH_HOUR: return floor_to(us, US_PER_HOUR, 0);
    case SEARCH_DAY: return floor_to(us, US_PER_DAY, 0);
    case SEARCH_WEEK:
        return floor_to(us, 7 * US_PER_DAY, 4 * US_PER_DAY); /* 5 January 1970: Monday */
    case SEARCH_MONTH:
    case SEARCH_YEAR: {
        Civil day = time_civil((Time){us});
        Civil first = {.year = day.year, .month = unit == SEARCH_MONTH ? day.month : 1, .day = 1};
        return time_from_civil(first).us;
    }
    case SEARCH_NO_UNIT: break;
    }
    return us;
}

/* -- Documents by number ------------------------------------------------------------------------- */

typedef struct Stream {
    Docset docs;
    const int64_t *column, *added; /* added: what is summed up, or NULL */
    const uint32_t *order;         /* documents by number; those outside docs are passed over */
    uint32_t count, at;
    bool all_in;
} Stream;

static int by_column(const void *x, const void *y, void *column) {
    const int64_t *numbers = column;
    int64_t a = numbers[*(const uint32_t *)x], b = numbers[*(const uint32_t *)y];
    return (a > b) - (a < b);
}

static Stream stream_of(Arena *a, const Segment *s, Docset docs, int field, int sum_field) {
    Stream t = {.docs = docs, .column = segment_numbers(s, field)};
    if (!t.column || docs.count == 0) return t;
    if (sum_field >= 0) t.added = segment_numbers(s, sum_field);
    if (docs.count > docs.universe / 16) {
        t.order = segment_by_number(s, field, &t.count);
        return t;
    }
    uint32_t *order = arena_array(a, uint32_t, docs.count);
    for (DocsetWalk w = docset_walk(docs, 0); docset_next(&w);)
        if (t.column[w.doc] != NO_NUMBER) order[t.count++] = w.doc;
    if (t.count > 1) qsort_r(order, t.count, sizeof *order, by_column, (void *)t.column);
    t.order = order;
    t.all_in = true;
    return t;
}

/* Pass over documents that were not found; false at the end. */
static bool stream_ready(Stream *t) {
    while (t->at < t->count && !t->all_in && !docset_has(t->docs, t->order[t->at])) t->at++;
    return t->at < t->count;
}

static double as_real(SearchKind kind, int64_t number) {
    return kind == SEARCH_REAL ? real_of_number(number) : (double)number;
}

/* -- Groups -------------------------------------------------------------------------------------- */

/* Groups that are kept: the most frequent, or the last ones in time (a ring until told). */
typedef struct Told {
    Group *items;
    ptrdiff_t count, limit, oldest;
    bool latest;
} Told;

static bool group_before(const Group *x, const Group *y) {
    return x->count != y->count ? x->count > y->count : x->number < y->number;
}

static void told_put(Told *k, Group g) {
    if (g.count == 0) return;
    if (k->latest) {
        if (k->count < k->limit) {
            k->items[k->count++] = g;
        } else {
            k->items[k->oldest] = g;
            k->oldest = (k->oldest + 1) % k->limit;
        }
        return;
    }
    if (k->count == k->limit && !group_before(&g, &k->items[k->limit - 1])) return;
    ptrdiff_t i = k->count < k->limit ? k->count++ : k->limit - 1;
    for (; i > 0 && group_before(&g, &k->items[i - 1]); i--) k->items[i] = k->items[i - 1];
    k->items[i] = g;
}

static void streams_group(Ctx *c, const SearchDef *def, const SearchFacetAsk *ask, Stream *streams,
                          int count, Told *told, SearchFacet *out) {
    SearchKind kind = def->fields[ask->field].kind;
    SearchKind sum_kind = ask->sum_field >= 0 ? def->fields[ask->sum_field].kind : kind;
    Group group = {0};
    for (uint32_t walked = 1; walked % LOOK_EVERY || !engine_ended(c); walked++) {
        Stream *least = NULL;
        for (int i = 0; i < count; i++)
            if (stream_ready(&streams[i]) &&
                (!least || streams[i].column[streams[i].order[streams[i].at]] <
                               least->column[least->order[least->at]]))
                least = &streams[i];
        if (!least) break;
        uint32_t doc = least->order[least->at++];
        int64_t number = least->column[doc], start = unit_start(ask->unit, number);
        if (group.count > 0 && start != group.number) {
            told_put(told, group);
            group = (Group){0};
        }
        group.number = start;
        group.count++;
        if (least->added && least->added[doc] != NO_NUMBER)
            group.sum += as_real(sum_kind, least->added[doc]);
        double real = as_real(kind, number);
        if (!out->has_stats) out->min = real;
        out->has_stats = true;
        out->max = real;
        out->sum += real;
    }
    told_put(told, group);
}

/* -- Histograms over the order of documents ------------------------------------------------------ */

static int by_start(const void *x, const void *y) {
    int64_t a = ((const Group *)x)->number, b = ((const Group *)y)->number;
    return (a > b) - (a < b);
}

/* First document from `from` on whose number is less; numbers fall, missing ones (the least) last.
 * It is not far: steps that double find two documents that it lies between. */
static uint32_t first_below(const int64_t *column, uint32_t from, uint32_t end, int64_t number) {
    uint32_t step = 64;
    for (; end - from > step && column[from + step] >= number; step *= 2) from += step;
    end = end - from > step ? from + step : end;
    while (from < end) {
        uint32_t middle = from + (end - from) / 2;
        if (column[middle] >= number)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}

/* A unit's documents. */
typedef struct Span {
    int64_t start;
    uint32_t from, to;
} Span;

/* Times of so many units are not kept, nor those of fewer documents. */
enum { SPANS_MAX = 16384, SPANS_FROM = 16384 };

/* All units of a segment, latest first; NULL: too many. */
static Span *spans_make(Arena *a, const Segment *s, const SearchFacetAsk *ask, ptrdiff_t *count) {
    const int64_t *column = segment_numbers(s, ask->field);
    uint32_t docs = segment_docs(s);
    Span *spans = arena_bytes(a, SPANS_MAX * (ptrdiff_t)sizeof *spans);
    *count = 0;
    for (uint32_t at = 0; at < docs && column[at] != NO_NUMBER;) {
        if (*count == SPANS_MAX) return NULL;
        int64_t start = unit_start(ask->unit, column[at]);
        uint32_t next = first_below(column, at, docs, start);
        spans[(*count)++] = (Span){start, at, next};
        at = next;
    }
    return spans;
}

/* The same where they are kept, or asked for again; else NULL. */
static const Span *spans_kept(Arena *a, const Segment *s, const SearchFacetAsk *ask,
                              ptrdiff_t *count) {
    if (segment_docs(s) < SPANS_FROM) return NULL;
    char of[] = {'u', (char)ask->field, (char)ask->unit};
    Str key = str_of(of, (ptrdiff_t)sizeof of);
    bool wanted;
    Kept *kept = keep_find(s, key, &wanted);
    if (kept) {
        Str bytes = str_copy(a, kept_bytes(kept));
        kept_release(kept);
        *count = bytes.len / (ptrdiff_t)sizeof(Span);
        return (const Span *)(const void *)bytes.data;
    }
    Span *spans = wanted ? spans_make(a, s, ask, count) : NULL;
    if (spans)
        keep_put_bytes(s, key,
                       str_of((const char *)spans, *count * (ptrdiff_t)sizeof *spans));
    return spans;
}

/* Add a unit, if it has any of the documents; how many it has. */
static uint32_t group_add(Buf *groups, Docset docs, Span span) {
    Group g = {.number = span.start, .count = docset_range_count(docs, span.from, span.to)};
    if (g.count > 0) buf_add(groups, str_of((const char *)&g, sizeof g));
    return (uint32_t)g.count;
}

/* Later units come first, so that those kept are among the first `most`. */
static void segment_group(Arena *a, const Segment *s, Docset docs, const SearchFacetAsk *ask,
                          int64_t most, Buf *groups) {
    const int64_t *column = segment_numbers(s, ask->field);
    ptrdiff_t count;
    if (!column || docs.count == 0) return;
    const Span *spans = spans_kept(a, s, ask, &count);
    for (ptrdiff_t i = 0; spans && i < count && most > 0; i++)
        most -= group_add(groups, docs, spans[i]) > 0;
    for (uint32_t at = 0; !spans && at < docs.universe && most > 0 && column[at] != NO_NUMBER;) {
        int64_t start = unit_start(ask->unit, column[at]);
        uint32_t next = first_below(column, at, docs.universe, start);
        most -= group_add(groups, docs, (Span){start, at, next}) > 0;
        at = next;
    }
}

static void ranges_group(Ctx *c, const View *view, const Docset *docs, const SearchFacetAsk *ask,
                         Told *told) {
    Buf groups = buf_new(c->arena, 64 * (ptrdiff_t)sizeof(Group));
    for (int i = 0; i < view->count; i++)
        segment_group(c->arena, view->items[i].segment, docs[i], ask, told->limit, &groups);
    Group *list = (Group *)(void *)groups.data;
    size_t count = (size_t)groups.len / sizeof(Group);
    if (count > 1) qsort(list, count, sizeof *list, by_start);
    for (size_t i = 0; i < count; i++) {
        Group sum = list[i];
        while (i + 1 < count && list[i + 1].number == sum.number) sum.count += list[++i].count;
        told_put(told, sum);
    }
}

/* -- The facet ----------------------------------------------------------------------------------- */

static int by_number_of(const void *x, const void *y) {
    int64_t a = ((const SearchValue *)x)->number, b = ((const SearchValue *)y)->number;
    return (a > b) - (a < b);
}

static SearchValue value_of(Arena *a, SearchKind kind, Group g) {
    SearchValue v = {.number = g.number, .count = g.count, .sum = g.sum};
    Buf text = buf_new(a, 24);
    if (kind == SEARCH_REAL)
        buf_f64(&text, real_of_number(g.number));
    else
        buf_i64(&text, g.number);
    v.value = buf_str(&text);
    return v;
}

void facet_numbers(Ctx *c, const SearchDef *def, const View *view, const Docset *docs,
                   const SearchFacetAsk *ask, int64_t limit, SearchFacet *out) {
    bool histogram = ask->unit != SEARCH_NO_UNIT;
    Told told = {.items = arena_array(c->arena, Group, limit), .limit = limit, .latest = histogram};
    if (histogram && ask->field == def->order_field && ask->sum_field < 0) {
        ranges_group(c, view, docs, ask, &told);
    } else {
        Stream *streams = arena_array(c->arena, Stream, view->count);
        for (int i = 0; i < view->count; i++)
            streams[i] =
                stream_of(c->arena, view->items[i].segment, docs[i], ask->field, ask->sum_field);
        streams_group(c, def, ask, streams, view->count, &told, out);
    }
    out->count = told.count;
    out->values = arena_array(c->arena, SearchValue, told.count);
    for (ptrdiff_t i = 0; i < told.count; i++)
        out->values[i] = value_of(c->arena, def->fields[ask->field].kind,
                                  told.items[(told.oldest + i) % told.limit]);
    if (ask->by_name && !histogram && out->count > 1)
        qsort(out->values, (size_t)out->count, sizeof *out->values, by_number_of);
}
