/* SPDX-License-Identifier: Apache-2.0
 * Which notes a sentence rests on: those that have the most of its words (their stems, without the words
 * that are in every text; a word that few of the notes have counts for more). Behind the best come only
 * notes that have what the better ones have not. */
#include <math.h>

#include "core/map.h"
#include "products/lifetales/facts.h"
#include "search/language.h"
#include "search/text.h"

enum { SOURCES_MAX = 4, SOUGHT_MAX = 200 };

typedef struct Sought {
    int count;
    double weight[SOUGHT_MAX];
    int notes[SOUGHT_MAX]; /* that have it */
    Map stems;             /* to 1 + index */
} Sought;

/* The stem by which words are compared here: the first language's. */
static Str stem_in(Str word, char out[2 * WORD_MAX]) {
    int second;
    return str_of(out, word_stem(word, out, &second));
}

static void sought_take(Sought *s, Arena *arena, Str sentence, bool stops) {
    Words words = {.arena = arena};
    words_add(&words, sentence);
    for (ptrdiff_t i = 0; i < words.count && s->count < SOUGHT_MAX; i++) {
        char stem[2 * WORD_MAX];
        Str word = words.items[i].text;
        if (words.items[i].whole || (!stops && word_is_stop(word))) continue;
        Str key = stem_in(word, stem);
        if (map_get(&s->stems, key)) continue;
        map_set(&s->stems, str_copy(arena, key), (void *)(intptr_t)(++s->count));
    }
}

static void text_mark(Sought *s, Words *words, Str text, bool *has) {
    words->count = 0;
    words_add(words, text);
    for (ptrdiff_t i = 0; i < words->count; i++) {
        char stem[2 * WORD_MAX];
        intptr_t at = (intptr_t)map_get(&s->stems, stem_in(words->items[i].text, stem));
        if (at == 0 || has[at - 1]) continue;
        has[at - 1] = true;
        s->notes[at - 1]++;
    }
}

/* What a note adds to what is covered, and how close it is altogether: both decide. */
static double note_adds(const Sought *s, const bool *has, const bool *covered) {
    double sum = 0;
    for (int i = 0; i < s->count; i++)
        if (has[i] && !covered[i]) sum += s->weight[i];
    return sum;
}

const StoryNote **facts_sources(Arena *arena, Str sentence, const StoryNote *const *notes,
                                ptrdiff_t count, ptrdiff_t *found) {
    assert(arena && count >= 0 && found);
    const StoryNote **best = arena_array(arena, const StoryNote *, SOURCES_MAX);
    *found = 0;
    if (count == 0) return best;
    if (count == 1) {
        best[(*found)++] = notes[0];
        return best;
    }
    Sought *s = arena_new_of(arena, Sought);
    s->stems.arena = arena;
    sought_take(s, arena, sentence, false);
    if (s->count == 0) sought_take(s, arena, sentence, true);
    bool *has = arena_array(arena, bool, count *SOUGHT_MAX),
         *covered = arena_array(arena, bool, SOUGHT_MAX);
    Words words = {.arena = arena};
    for (ptrdiff_t n = 0; n < count; n++) {
        text_mark(s, &words, notes[n]->title, has + n * SOUGHT_MAX);
        text_mark(s, &words, notes[n]->text, has + n * SOUGHT_MAX);
        text_mark(s, &words, notes[n]->place, has + n * SOUGHT_MAX);
    }
    double total = 0;
    for (int i = 0; i < s->count; i++) {
        s->weight[i] = log(1 + (double)count / (1 + s->notes[i]));
        total += s->notes[i] ? s->weight[i] : 0;
    }
    while (*found < SOURCES_MAX) {
        ptrdiff_t at = -1;
        double most = *found == 0 ? -1 : fmax(0.2 * total, 1e-9);
        for (ptrdiff_t n = 0; n < count; n++) {
            double adds = note_adds(s, has + n * SOUGHT_MAX, covered);
            if (adds > most) most = adds, at = n;
        }
        if (at < 0) break;
        best[(*found)++] = notes[at];
        for (int i = 0; i < s->count; i++) covered[i] = covered[i] || has[at * SOUGHT_MAX + i];
    }
    return best;
}
