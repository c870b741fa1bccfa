/* SPDX-License-Identifier: Apache-2.0
 * Showing where a text matches, as Meilisearch does: of a word being typed what was typed is
 * marked, phrases are one mark, and a crop is the window of so many words that has the most
 * different terms, then the densest, then the most in the query's order, with the rest of its words
 * taken from both sides, rather of the same sentence. Marks that overlap become one. */
#include "search/highlight_room.h"

enum { FAR_WORDS = 7 };

/* -- The window ---------------------------------------------------------------------------------- */

typedef struct Window {
    ptrdiff_t first, last; /* units; hits while it is being chosen */
} Window;

typedef struct Score {
    int terms, distance, in_order;
} Score;

/* Hits [first, last], with what is needed to take one in or out. */
typedef struct Frame {
    const Hits *hits;
    ptrdiff_t first, last;
    int present[QUERY_TERMS];
    Score score;
} Frame;

static void terms_count(Frame *f, uint64_t terms, int by) {
    for (; terms; terms &= terms - 1) {
        int *present = &f->present[__builtin_ctzll(terms)];
        f->score.terms += by > 0 ? *present == 0 : -(*present == 1);
        *present += by;
    }
}

static void neighbours_count(Frame *f, ptrdiff_t left, int by) {
    const Hit *a = &f->hits->items[left], *b = a + 1;
    int64_t distance = (int64_t)b->first - a->last;
    f->score.distance += by * (int)max_i64(0, min_i64(distance, FAR_WORDS));
    f->score.in_order += by * (__builtin_ctzll(a->terms) < __builtin_ctzll(b->terms));
}

static bool is_better(Score a, Score b) {
    if (a.terms != b.terms) return a.terms > b.terms;
    if (a.distance != b.distance) return a.distance < b.distance;
    return a.in_order > b.in_order;
}

/* The units of the best hits that fit into `words` units. */
static Window hits_choose(const Hits *h, int64_t words) {
    Frame f = {.hits = h};
    Score best = {.terms = 0};
    Window chosen = {0, 0};
    for (; f.last < h->count; f.last++) {
        const Hit *now = &h->items[f.last];
        if (f.last > f.first) neighbours_count(&f, f.last - 1, 1);
        terms_count(&f, now->terms, 1);
        while (f.first < f.last && (int64_t)now->last - h->items[f.first].first >= words) {
            terms_count(&f, h->items[f.first].terms, -1);
            neighbours_count(&f, f.first++, -1);
        }
        if (!is_better(f.score, best)) continue;
        best = f.score;
        chosen = (Window){f.first, f.last};
    }
    Window units = {h->items[chosen.first].first, h->items[chosen.first].last};
    for (ptrdiff_t i = chosen.first; i <= chosen.last; i++)
        units.last = max_size(units.last, h->items[i].last);
    units.last = min_size(units.last, units.first + words - 1);
    return units;
}

static bool is_new_sentence(const Hits *h, ptrdiff_t unit) {
    return h->units[unit].position - h->units[unit - 1].position >= SEPARATED;
}

/* Take units in from the left and the right in turn; a side where the sentence ends waits until
 * the other one's does too. */
static Window window_grow(const Hits *h, Window w, int64_t words) {
    int64_t more = words - (w.last - w.first + 1);
    while (more > 0 && (w.first > 0 || w.last < h->unit_count - 1)) {
        bool left = w.first > 0, right = w.last < h->unit_count - 1;
        if (left && right) {
            bool left_ends = is_new_sentence(h, w.first);
            bool right_ends = is_new_sentence(h, w.last + 1);
            left = !left_ends || right_ends;
            right = !right_ends || left_ends;
        }
        if (left) w.first--, more--;
        if (right && more > 0) w.last++, more--;
    }
    return w;
}

/* What of the text is shown: all, or a window. */
static SearchPlace crop_choose(const Hits *h, Str text, int64_t words) {
    SearchPlace shown = {0, text.len};
    if (words <= 0 || h->unit_count <= words) return shown;
    Window w = h->count ? hits_choose(h, words) : (Window){0, words - 1};
    w = window_grow(h, w, words);
    if (w.first > 0) shown.start = h->units[w.first].from;
    ptrdiff_t end = w.last < h->unit_count - 1 ? h->units[w.last].to : text.len;
    shown.length = end - shown.start;
    return shown;
}

/* -- Writing ------------------------------------------------------------------------------------- */

/* Hits that overlap become one place. */
static SearchPlace *places_make(Arena *arena, const Hits *h, ptrdiff_t *count) {
    SearchPlace *places = arena_array(arena, SearchPlace, h->count);
    *count = 0;
    for (ptrdiff_t i = 0; i < h->count; i++) {
        ptrdiff_t from = h->items[i].from, to = h->items[i].to;
        SearchPlace *last = *count ? &places[*count - 1] : NULL;
        if (last && from < last->start + last->length)
            last->length = max_size(last->length, to - last->start);
        else
            places[(*count)++] = (SearchPlace){from, to - from};
    }
    return places;
}

static void part_put(Buf *b, const SearchMark *mark, Str text, ptrdiff_t from, ptrdiff_t to) {
    Str part = str_slice(text, from, to);
    if (mark->html)
        buf_html(b, part);
    else
        buf_add(b, part);
}

Str search_highlight(Arena *arena, const SearchQuery *query, Str text, const SearchMark *mark) {
    assert(query && mark);
    if (str_is_null(text)) return text;
    Hits h = hits_find(arena, query, text);
    ptrdiff_t count;
    const SearchPlace *places = places_make(arena, &h, &count);
    SearchPlace shown = crop_choose(&h, text, mark->crop_words);
    ptrdiff_t at = shown.start, end = shown.start + shown.length;
    Buf b = buf_new(arena, shown.length + 64);
    if (at > 0) buf_add(&b, mark->gap);
    for (ptrdiff_t i = 0; i < count; i++) {
        ptrdiff_t from = max_size(places[i].start, at);
        ptrdiff_t to = min_size(places[i].start + places[i].length, end);
        if (from >= to) continue;
        part_put(&b, mark, text, at, from);
        buf_add(&b, mark->before);
        part_put(&b, mark, text, from, to);
        buf_add(&b, mark->after);
        at = to;
    }
    part_put(&b, mark, text, at, end);
    if (end < text.len) buf_add(&b, mark->gap);
    return buf_str(&b);
}

SearchPlace *search_places(Arena *arena, const SearchQuery *query, Str text, ptrdiff_t *count) {
    assert(query && count);
    Hits h = hits_find(arena, query, text);
    return places_make(arena, &h, count);
}
