/* SPDX-License-Identifier: Apache-2.0
 * Values of a keyword field that go on from what somebody typed: first those that begin with it, and, where
 * these are fewer than asked for, those with a word that begins so, or that would begin so but for
 * typing errors (their first letter must be right). */
#include "search/facets.h"
#include "search/query.h"
#include "search/rank.h"

enum { VALUES_MAX = 1000 };

/* Values of one segment, ascending. */
typedef struct Some {
    uint32_t *items;
    uint32_t count, cap;
} Some;

static void some_add(Arena *a, Some *s, uint32_t value) {
    if (s->count == s->cap) {
        uint32_t cap = s->cap ? 2 * s->cap : 64;
        ptrdiff_t size = (ptrdiff_t)sizeof *s->items;
        s->items = arena_grow(a, s->items, s->cap * size, cap * size);
        s->cap = cap;
    }
    s->items[s->count++] = value;
}

static Some beginning(Arena *a, const Segment *s, int field, Str text) {
    Some some = {0};
    uint32_t values = segment_values(s, field);
    for (uint32_t v = segment_value_find(s, field, text); v < values; v++) {
        if (!str_starts(segment_value_folded(s, field, v), text)) break;
        some_add(a, &some, v);
    }
    return some;
}

static bool has_word_beginning(Str value, Str text) {
    for (ptrdiff_t at = 0; at + text.len < value.len;) {
        ptrdiff_t space = str_find_byte(str_slice(value, at, value.len), ' ');
        if (space < 0) return false;
        at += space + 1;
        if (str_starts(str_slice(value, at, value.len), text)) return true;
    }
    return false;
}

/* The others; `typos` forgiven. */
static Some alike(Arena *a, const Segment *s, int field, Str text, int typos) {
    Some some = {0};
    uint32_t values = segment_values(s, field);
    for (uint32_t v = 0; v < values; v++) {
        Str value = segment_value_folded(s, field, v);
        if (str_starts(value, text)) continue;
        bool close = typos > 0 && value.data[0] == text.data[0] &&
                     word_distance(text, value, typos, true) <= typos;
        if (close || has_word_beginning(value, text)) some_add(a, &some, v);
    }
    return some;
}

static SearchValue *top_of(Arena *a, const View *view, const Docset *docs, int field,
                           const Some *some, int64_t limit, ptrdiff_t *count) {
    const uint32_t **only = arena_array(a, const uint32_t *, view->count);
    uint32_t *counts = arena_array(a, uint32_t, view->count);
    for (int i = 0; i < view->count; i++) {
        only[i] = some[i].count ? some[i].items : &counts[i]; /* never NULL: none is not all */
        counts[i] = some[i].count;
    }
    Lot *lots = lots_make(a, view, docs, field, limit, only, counts);
    return lots_top(a, lots, view->count, field, limit, count);
}

static Err *values_find(Ctx *c, const SearchDef *def, const View *view, int field, Str text,
                        const SearchRequest *within, int64_t limit, SearchValue **out,
                        ptrdiff_t *count) {
    Arena *a = c->arena;
    Docset *docs;
    if (field < 0 || field >= def->field_count || def->fields[field].kind != SEARCH_KEYWORD ||
        !(def->fields[field].use & SEARCH_FILTER))
        FAIL(c, INVALID, "Values are searched in filterable words only");
    TRY(match_universe(c, def, view, within, &docs));
    limit = limit < 1 ? 1 : min_i64(limit, VALUES_MAX);
    text = text_fold(a, text);
    if (text.len == 0) {
        Lot *lots = lots_make(a, view, docs, field, limit, NULL, NULL);
        *out = lots_top(a, lots, view->count, field, limit, count);
        return NULL;
    }
    Some *some = arena_array(a, Some, view->count);
    for (int i = 0; i < view->count; i++)
        some[i] = beginning(a, view->items[i].segment, field, text);
    SearchValue *first = top_of(a, view, docs, field, some, limit, count);
    *out = first;
    if (*count == limit) return NULL;

    int letters = word_letters(text), typos = letters >= 9 ? 2 : letters >= 5 ? 1 : 0;
    ptrdiff_t more, had = *count;
    for (int i = 0; i < view->count; i++)
        some[i] = alike(a, view->items[i].segment, field, text, typos);
    SearchValue *others = top_of(a, view, docs, field, some, limit - had, &more);
    *out = arena_array(a, SearchValue, had + more);
    if (had) memcpy(*out, first, (size_t)had * sizeof **out);
    if (more) memcpy(*out + had, others, (size_t)more * sizeof **out);
    *count = had + more;
    return NULL;
}

Err *engine_values(Ctx *c, const SearchDef *def, const View *view, int field, Str text,
                   const SearchRequest *within, int64_t limit, SearchValue **out,
                   ptrdiff_t *count) {
    Defer *undo = c->defers;
    Err *err = values_find(c, def, view, field, text, within, limit, out, count);
    ctx_undo(c, undo);
    return err;
}
