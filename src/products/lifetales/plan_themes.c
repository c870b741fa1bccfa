/* SPDX-License-Identifier: Apache-2.0
 * Notes that share words (their stems) belong together. Each note is compared with the few that follow
 * it, so that the work grows with the notes and not with their square; a group is kept small while
 * there are others to merge. */
#include "products/lifetales/plan_room.h"

#include <math.h>
#include <stdlib.h>

#include "search/language.h"
#include "search/text.h"

enum { WINDOW = 8, STEMS_MAX = 128, LOOK_BYTES = 8192, GROUP_USUAL = 3 };

typedef struct Gist {
    uint64_t stems[STEMS_MAX]; /* hashes, rising */
    int count;
} Gist;

typedef struct Edge {
    double alike;
    ptrdiff_t from, to;
} Edge;

static int stem_order(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void gist_take(Gist *gist, Words *words, Str text) {
    words->count = 0;
    words_add(words, str_utf8_cut(text, LOOK_BYTES));
    for (ptrdiff_t i = 0; i < words->count && gist->count < STEMS_MAX; i++) {
        Str word = words->items[i].text;
        if (words->items[i].whole || word.len < 3 || word_is_stop(word)) continue;
        char stem[2 * WORD_MAX];
        int second, len = word_stem(word, stem, &second);
        gist->stems[gist->count++] = str_hash(str_of(stem, len));
    }
}

static void gist_of(Gist *gist, Words *words, const StoryNote *note) {
    gist_take(gist, words, note->title);
    gist_take(gist, words, note->text);
    qsort(gist->stems, (size_t)gist->count, sizeof gist->stems[0], stem_order);
    int kept = 0;
    for (int i = 0; i < gist->count; i++)
        if (kept == 0 || gist->stems[kept - 1] != gist->stems[i])
            gist->stems[kept++] = gist->stems[i];
    gist->count = kept;
}

static double gists_alike(const Gist *a, const Gist *b) {
    int shared = 0;
    for (int i = 0, k = 0; i < a->count && k < b->count;) {
        if (a->stems[i] == b->stems[k])
            shared++, i++, k++;
        else if (a->stems[i] < b->stems[k])
            i++;
        else
            k++;
    }
    return shared ? shared / sqrt((double)a->count * b->count) : 0;
}

/* The most alike first, then the nearest, then the earliest. */
static int edge_order(const void *a, const void *b) {
    const Edge *x = a, *y = b;
    if (x->alike != y->alike) return x->alike < y->alike ? 1 : -1;
    ptrdiff_t wide_x = x->to - x->from, wide_y = y->to - y->from;
    if (wide_x != wide_y) return wide_x < wide_y ? -1 : 1;
    return (x->from > y->from) - (x->from < y->from);
}

static Edge *edges_of(Arena *arena, const StoryNote *const *notes, ptrdiff_t count, double least,
                      ptrdiff_t *found) {
    Gist *gists = arena_array(arena, Gist, count);
    Edge *edges = arena_array(arena, Edge, count * WINDOW);
    Words words = {.arena = arena};
    for (ptrdiff_t i = 0; i < count; i++) gist_of(&gists[i], &words, notes[i]);
    *found = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        for (ptrdiff_t k = i + 1; k < count && k <= i + WINDOW; k++) {
            double alike = gists_alike(&gists[i], &gists[k]);
            if (alike >= least) edges[(*found)++] = (Edge){alike, i, k};
        }
    qsort(edges, (size_t)*found, sizeof *edges, edge_order);
    return edges;
}

static ptrdiff_t root_of(ptrdiff_t *group, ptrdiff_t at) {
    while (group[at] != at) at = group[at] = group[group[at]];
    return at;
}

void plan_themes(Arena *arena, const StoryNote *const *notes, ptrdiff_t count, ptrdiff_t merges,
                 double least, ptrdiff_t *group) {
    assert(count > 0 && merges >= 0);
    for (ptrdiff_t i = 0; i < count; i++) group[i] = i;
    if (merges == 0) return;
    ArenaMark mark = arena_mark(arena);
    ptrdiff_t *size = arena_array(arena, ptrdiff_t, count), found;
    for (ptrdiff_t i = 0; i < count; i++) size[i] = 1;
    Edge *edges = edges_of(arena, notes, count, least, &found);
    for (int round = 0; round < 2 && merges > 0; round++)
        for (ptrdiff_t i = 0; i < found && merges > 0; i++) {
            ptrdiff_t a = root_of(group, edges[i].from), b = root_of(group, edges[i].to);
            if (a == b || (round == 0 && size[a] + size[b] > GROUP_USUAL)) continue;
            ptrdiff_t first = min_size(a, b), other = max_size(a, b);
            group[other] = first;
            size[first] += size[other];
            merges--;
        }
    for (ptrdiff_t i = 0; i < count; i++) group[i] = root_of(group, i);
    arena_release(arena, mark);
}
