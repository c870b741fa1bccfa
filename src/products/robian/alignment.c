/* SPDX-License-Identifier: Apache-2.0
 * alignment.h: known points first, then what lies between them. */
#include "products/robian/alignment.h"

#include <stdlib.h>

enum {
    SPEED_USUAL = 150, /* characters in 10 s */
    SPEED_MIN = 60,
    SPEED_MAX = 400,
    TURN_LENGTH = 20, /* what it takes besides the words that somebody speaks */
    NOTE_LENGTH = 15,
    CELLS_MAX = 8 << 20, /* of the join; beyond it marks are not used */
    SLACK_MS = 3000,     /* a mark may be that much outside of what is known */
    PAIR_SCORE = 1000,
    LAST_EXTRA_MS = 30000,
    SPEED_MOST_PER_CENT = 200, /* of the sitting's own speed: nobody speaks faster for long */
    SHORT_LENGTH = 60,         /* of each line: may have been said while another spoke */
    MANY_WORTH = 1000          /* keep many times; of as many, those of long texts */
};

typedef struct Work {
    Arena *arena;
    Line *lines;
    ptrdiff_t count;
    int64_t duration_ms, speed;
    AlignFigures figures;
} Work;

const char *time_source_name(TimeSource source) {
    static const char *const names[] = {NULL, "transcript", "nvs", "interpolated"};
    assert((size_t)source < sizeof names / sizeof names[0]);
    return names[source];
}

static bool is_known(const Line *line) { return line->source != TIME_UNKNOWN; }

static int64_t line_weight(const Line *line) {
    if (line->kind == LINE_SPOKEN) return line->length + TURN_LENGTH;
    return line->kind == LINE_NOTE ? NOTE_LENGTH : 0;
}

static ptrdiff_t next_known(const Work *w, ptrdiff_t from) {
    while (from < w->count && !is_known(&w->lines[from])) from++;
    return from;
}

/* How fast this sitting speaks, where two neighbouring times tell; stretches of silence do not. */
static void speed_measure(Work *w) {
    int64_t weight = 0, ms = 0;
    w->speed = SPEED_USUAL;
    for (ptrdiff_t from = next_known(w, 0), to; from < w->count; from = to) {
        to = next_known(w, from + 1);
        if (to == w->count) break;
        int64_t own = 0, span = w->lines[to].start_ms - w->lines[from].start_ms;
        for (ptrdiff_t i = from; i < to; i++) own += line_weight(&w->lines[i]);
        if (span <= 0 || own * 10000 / span < SPEED_MIN || own * 10000 / span > SPEED_MAX) continue;
        weight += own;
        ms += span;
    }
    if (ms > 60000) w->speed = weight * 10000 / ms;
}

/* -- 1. the transcript's own times ------------------------------------------------------------------ */

/* A line that has a time, less the time it takes at the very least to say what stands before it: of two
 * that can both be right the later one has the greater `floor_ms`. */
typedef struct Given {
    int64_t floor_ms, worth;
    ptrdiff_t line, rank; /* place among the floors; equal ones in the lines' order */
    int64_t best;         /* worth of the best chain that ends here */
    ptrdiff_t before;     /* its last but this, -1 */
} Given;

static int given_order(const void *a, const void *b) {
    const Given *const *x = a, *const *y = b;
    if ((*x)->floor_ms != (*y)->floor_ms) return (*x)->floor_ms < (*y)->floor_ms ? -1 : 1;
    return ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

static void ranks_give(Arena *arena, Given *all, ptrdiff_t count) {
    Given **sorted = arena_array(arena, Given *, count);
    for (ptrdiff_t i = 0; i < count; i++) sorted[i] = &all[i];
    qsort(sorted, (size_t)count, sizeof *sorted, given_order);
    for (ptrdiff_t i = 0; i < count; i++) sorted[i]->rank = i + 1;
}

/* The heaviest non-decreasing subsequence; which are in it is left in kept. A Fenwick tree holds the best
 * chain up to each rank. Returns how many there are. */
static ptrdiff_t chain_find(Arena *arena, Given *all, ptrdiff_t count, bool *kept) {
    ptrdiff_t *tree = arena_array(arena, ptrdiff_t, count + 1), best = -1, length = 0;
    if (count == 0) return 0;
    ranks_give(arena, all, count);
    for (ptrdiff_t i = 0; i <= count; i++) tree[i] = -1;
    for (ptrdiff_t i = 0; i < count; i++) {
        ptrdiff_t before = -1;
        for (ptrdiff_t r = all[i].rank; r > 0; r -= r & -r)
            if (tree[r] >= 0 && (before < 0 || all[tree[r]].best > all[before].best))
                before = tree[r];
        all[i].before = before;
        all[i].best = all[i].worth + (before < 0 ? 0 : all[before].best);
        for (ptrdiff_t r = all[i].rank; r <= count; r += r & -r)
            if (tree[r] < 0 || all[i].best > all[tree[r]].best) tree[r] = i;
        if (best < 0 || all[i].best > all[best].best) best = i;
    }
    for (ptrdiff_t i = 0; i < count; i++) kept[i] = false;
    for (; best >= 0; best = all[best].before, length++) kept[best] = true;
    return length;
}

static ptrdiff_t given_list(const Work *w, Given *out, int64_t speed_most) {
    ptrdiff_t count = 0;
    int64_t said = 0;
    for (ptrdiff_t i = 0; i < w->count; i++) {
        const Line *line = &w->lines[i];
        int64_t least_ms = speed_most ? said * 10000 / speed_most : 0;
        if (line->given_ms >= 0)
            out[count++] = (Given){.floor_ms = line->given_ms - least_ms,
                                   .worth = MANY_WORTH + min_i64(line->length, MANY_WORTH - 1),
                                   .line = i};
        if (line->kind == LINE_SPOKEN) said += max_i64(line->length - SHORT_LENGTH, 0);
    }
    return count;
}

static void given_take(Work *w) {
    Given *all = arena_array(w->arena, Given, w->count + 1);
    bool *kept = arena_array(w->arena, bool, w->count + 1);
    ptrdiff_t count = given_list(w, all, 0), forward = chain_find(w->arena, all, count, kept);
    w->figures.backward = count - forward;
    for (ptrdiff_t i = 0; i < count; i++) {
        Line *line = &w->lines[all[i].line];
        if (!kept[i]) continue;
        line->source = TIME_TRANSCRIPT;
        line->start_ms = line->given_ms;
    }
    speed_measure(w); /* from times that only go forward, for what can be */
    count = given_list(w, all, w->speed * SPEED_MOST_PER_CENT / 100);
    ptrdiff_t possible = chain_find(w->arena, all, count, kept);
    w->figures.impossible = max_i64(forward - possible, 0);
    for (ptrdiff_t i = 0; i < count; i++) {
        Line *line = &w->lines[all[i].line];
        line->source = kept[i] ? TIME_TRANSCRIPT : TIME_UNKNOWN;
        line->start_ms = kept[i] ? line->given_ms : -1;
    }
    speed_measure(w);
}

/* -- 3. between two known points -------------------------------------------------------------------- */

/* Lines [from, to) take the time from their start to end_ms, each its share. */
static void share(Work *w, ptrdiff_t from, ptrdiff_t to, int64_t start_ms, int64_t end_ms) {
    int64_t weight = 0, pauses = 0, span = end_ms - start_ms, pause_ms = 0;
    assert(span >= 0);
    for (ptrdiff_t i = from; i < to; i++) {
        weight += line_weight(&w->lines[i]);
        pauses += w->lines[i].kind == LINE_PAUSE;
    }
    int64_t spoken_ms = weight * 10000 / w->speed;
    if (pauses && span > spoken_ms) pause_ms = (span - spoken_ms) / pauses;
    int64_t shared_ms = span - pause_ms * pauses, done = 0, paused = 0;
    for (ptrdiff_t i = from; i < to; i++) {
        Line *line = &w->lines[i];
        if (!is_known(line)) {
            line->source = TIME_INTERPOLATED;
            line->start_ms = start_ms + paused + (weight ? shared_ms * done / weight : 0);
        }
        done += line_weight(line);
        if (line->kind == LINE_PAUSE) paused += pause_ms;
    }
}

static int64_t span_of(const Work *w, ptrdiff_t from, ptrdiff_t to) {
    int64_t weight = 0;
    for (ptrdiff_t i = from; i < to; i++) weight += line_weight(&w->lines[i]);
    return weight * 10000 / w->speed;
}

static void interpolate(Work *w) {
    ptrdiff_t first = next_known(w, 0);
    if (first == w->count) { /* only the audio's own two ends */
        if (w->duration_ms >= 0) share(w, 0, w->count, 0, w->duration_ms);
        return;
    }
    int64_t start = w->lines[first].start_ms - span_of(w, 0, first);
    share(w, 0, first, max_i64(start, 0), w->lines[first].start_ms);
    for (ptrdiff_t from = first; from < w->count;) {
        ptrdiff_t to = next_known(w, from + 1);
        int64_t at = w->lines[from].start_ms, end = at + span_of(w, from, to);
        if (to < w->count)
            end = w->lines[to].start_ms;
        else if (w->duration_ms >= 0)
            end = max_i64(min_i64(end, w->duration_ms), at);
        share(w, from, to, at, end);
        from = to;
    }
}

/* -- 2. marks ------------------------------------------------------------------------------------------ */

/* A line that a mark may belong to, and where it is expected. */
typedef struct Candidate {
    ptrdiff_t line;
    int64_t expected_ms, low_ms, high_ms;
} Candidate;

static int mark_order(const void *a, const void *b) {
    const Mark *x = a, *y = b;
    return (x->start_ms > y->start_ms) - (x->start_ms < y->start_ms);
}

/* Titles, and whoever speaks where somebody else spoke before; interruptions do not end a turn, but
 * kind does not tell them apart: who is null in them. */
static ptrdiff_t candidates_find(const Work *w, Candidate *out) {
    ptrdiff_t count = 0;
    Str speaking = {0};
    for (ptrdiff_t i = 0; i < w->count; i++) {
        const Line *line = &w->lines[i];
        if (!line->who.data) continue;
        if (line->kind == LINE_SPOKEN && str_eq(line->who, speaking)) continue;
        if (line->kind == LINE_SPOKEN) speaking = line->who;
        out[count++] = (Candidate){.line = i, .low_ms = 0, .high_ms = INT64_MAX};
    }
    return count;
}

/* Expected from what is known; with nothing known, the marks' own span is the sitting's. */
static void candidates_expect(const Work *w, Candidate *all, ptrdiff_t count, const Mark *marks,
                              ptrdiff_t mark_count) {
    Work guess = *w;
    guess.lines = arena_array(w->arena, Line, w->count);
    memcpy(guess.lines, w->lines, (size_t)w->count * sizeof(Line));
    bool known = next_known(w, 0) < w->count;
    if (known) {
        interpolate(&guess);
    } else {
        int64_t last = marks[mark_count - 1].start_ms, start = min_i64(marks[0].start_ms, 600000);
        int64_t end = w->duration_ms > last ? w->duration_ms : last + 60000;
        share(&guess, 0, w->count, start, end);
    }
    int64_t low = 0, high = INT64_MAX;
    ptrdiff_t at = 0; /* a line's own time is no bound of it */
    for (ptrdiff_t i = 0; i < count; i++) {
        for (; at < all[i].line; at++)
            if (is_known(&w->lines[at])) low = w->lines[at].start_ms;
        all[i].low_ms = low;
        all[i].expected_ms = guess.lines[all[i].line].start_ms;
    }
    at = w->count - 1;
    for (ptrdiff_t i = count - 1; i >= 0; i--) {
        for (; at > all[i].line; at--)
            if (is_known(&w->lines[at])) high = w->lines[at].start_ms;
        all[i].high_ms = high;
    }
}

/* What joining them is worth; 0: they may not be. */
static int32_t pair_score(const Work *w, const Candidate *one, const Mark *mark) {
    if (!str_eq(w->lines[one->line].who, mark->who)) return 0;
    if (mark->start_ms < one->low_ms - SLACK_MS) return 0;
    if (mark->start_ms - SLACK_MS > one->high_ms) return 0;
    int64_t apart_s = llabs(mark->start_ms - one->expected_ms) / 1000;
    return (int32_t)(PAIR_SCORE - min_i64(apart_s, PAIR_SCORE / 2));
}

enum { STEP_LINE = 1, STEP_MARK = 2, STEP_PAIR = 3 };

/* pairs[i]: index of the mark of candidate i, -1 for none. best[] is one row of the table. */
static void pairs_find(const Work *w, const Candidate *all, ptrdiff_t count, const Mark *marks,
                       ptrdiff_t mark_count, ptrdiff_t *pairs) {
    ptrdiff_t width = mark_count + 1;
    uint8_t *steps = arena_array(w->arena, uint8_t, count * width);
    int32_t *best = arena_array(w->arena, int32_t, width);
    for (ptrdiff_t i = 0; i < count; i++) {
        int32_t corner = 0; /* best of the row before, one mark less */
        for (ptrdiff_t k = 1; k <= mark_count; k++) {
            int32_t above = best[k], score = pair_score(w, &all[i], &marks[k - 1]);
            uint8_t step = above >= best[k - 1] ? STEP_LINE : STEP_MARK;
            best[k] = above >= best[k - 1] ? above : best[k - 1];
            if (score > 0 && corner + score > best[k]) {
                best[k] = corner + score;
                step = STEP_PAIR;
            }
            steps[i * width + k] = step;
            corner = above;
        }
    }
    for (ptrdiff_t i = 0; i < count; i++) pairs[i] = -1;
    for (ptrdiff_t i = count - 1, k = mark_count; i >= 0 && k > 0;) {
        uint8_t step = steps[i * width + k];
        if (step == STEP_PAIR) pairs[i] = k - 1;
        if (step != STEP_MARK) i--;
        if (step != STEP_LINE) k--;
    }
}

static int int_order(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void pairs_take(Work *w, const Candidate *all, ptrdiff_t count, const Mark *marks,
                       const ptrdiff_t *pairs) {
    int64_t *apart = arena_array(w->arena, int64_t, count);
    for (ptrdiff_t i = 0; i < count; i++) {
        if (pairs[i] < 0) continue;
        Line *line = &w->lines[all[i].line];
        int64_t ms = marks[pairs[i]].start_ms;
        w->figures.joined++;
        if (is_known(line)) {
            apart[w->figures.compared++] = llabs(ms - line->start_ms);
            continue;
        }
        /* The slack let it be a little outside of what is known. */
        ms = min_i64(max_i64(ms, all[i].low_ms), all[i].high_ms);
        line->source = TIME_NVS;
        line->start_ms = ms;
    }
    if (!w->figures.compared) return;
    qsort(apart, (size_t)w->figures.compared, sizeof *apart, int_order);
    w->figures.apart_ms = apart[w->figures.compared / 2];
}

static void marks_join(Work *w, const Mark *given, ptrdiff_t mark_count) {
    Candidate *all = arena_array(w->arena, Candidate, w->count);
    ptrdiff_t count = candidates_find(w, all), *pairs;
    w->figures.marks = mark_count;
    if (!mark_count || !count || count > CELLS_MAX / (mark_count + 1)) return;
    Mark *marks = arena_array(w->arena, Mark, mark_count);
    memcpy(marks, given, (size_t)mark_count * sizeof *marks);
    qsort(marks, (size_t)mark_count, sizeof *marks, mark_order);
    pairs = arena_array(w->arena, ptrdiff_t, count);
    candidates_expect(w, all, count, marks, mark_count);
    pairs_find(w, all, count, marks, mark_count, pairs);
    pairs_take(w, all, count, marks, pairs);
}

/* -- the whole ------------------------------------------------------------------------------------------ */

/* A line lasts until the next begins, but no more than three times what its text takes: what is
 * behind a suspension is not its. */
static void ends_find(Work *w) {
    for (ptrdiff_t i = 0; i < w->count; i++) {
        Line *line = &w->lines[i];
        if (!is_known(line)) continue;
        int64_t most = line_weight(line) * 30000 / w->speed + LAST_EXTRA_MS;
        int64_t next = line->start_ms + line_weight(line) * 10000 / w->speed;
        if (i + 1 < w->count && is_known(&w->lines[i + 1])) next = w->lines[i + 1].start_ms;
        line->end_ms = min_i64(next, line->start_ms + most);
        if (w->duration_ms < 0) continue;
        w->figures.clamped += line->start_ms > w->duration_ms;
        line->start_ms = min_i64(line->start_ms, w->duration_ms);
        line->end_ms = min_i64(line->end_ms, w->duration_ms);
    }
}

static void figures_count(Work *w) {
    AlignFigures *f = &w->figures;
    int64_t *const by_source[] = {&f->unknown, &f->transcript, &f->nvs, &f->interpolated};
    for (ptrdiff_t i = 0; i < w->count; i++) {
        const Line *line = &w->lines[i];
        ++*by_source[line->source];
        assert(!is_known(line) || (line->start_ms >= 0 && line->end_ms >= line->start_ms));
        assert(i == 0 || !is_known(line) || line->start_ms >= w->lines[i - 1].start_ms);
    }
    f->lines = w->count;
    f->speed = w->speed;
}

AlignFigures align(Arena *arena, Line *lines, ptrdiff_t count, const Mark *marks,
                   ptrdiff_t mark_count, int64_t duration_ms) {
    assert(count >= 0 && mark_count >= 0 && duration_ms >= -1);
    ArenaMark mark = arena_mark(arena);
    Work w = {.arena = arena, .lines = lines, .count = count, .duration_ms = duration_ms};
    for (ptrdiff_t i = 0; i < count; i++) {
        lines[i].source = TIME_UNKNOWN;
        lines[i].start_ms = lines[i].end_ms = -1;
    }
    given_take(&w);
    marks_join(&w, marks, mark_count);
    interpolate(&w);
    ends_find(&w);
    figures_count(&w);
    arena_release(arena, mark);
    return w.figures;
}
