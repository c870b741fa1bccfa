/* SPDX-License-Identifier: Apache-2.0
 * When each line was spoken: rules on small sittings, and the error on real ones, measured by hiding
 * times that the transcript has. `alignment_test measures` prints docs/robian-alignment.md's table. */
#include "products/robian/alignment.h"

#include <stdlib.h>

#include "core/ctx.h"
#include "products/robian/speech.h"
#include "products/robian/syceron.h"
#include "shared_data.h"
#include "t.h"

static Arena *arena;

/* The same on every machine: Knuth's MMIX generator. */
static uint64_t dice;
static int draw(void) {
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (int)(dice >> 40);
}

static void fresh(void) {
    if (!arena) arena = arena_new(512 * MIB);
    arena_reset(arena);
}

#define SAID(name, ms, chars) \
    { .kind = LINE_SPOKEN, .who = S_INIT(name), .given_ms = (ms), .length = (chars) }
#define TITLED(name, ms) \
    { .kind = LINE_TITLE, .who = S_INIT(name), .given_ms = (ms), .length = 10 }
#define PAUSED \
    { .kind = LINE_PAUSE, .given_ms = -1, .length = 50 }

static AlignFigures run(Line *lines, ptrdiff_t count, const Mark *marks, ptrdiff_t mark_count,
                        int64_t duration_ms) {
    fresh();
    return align(arena, lines, count, marks, mark_count, duration_ms);
}

TEST(times_of_the_transcript_are_kept) {
    Line l[] = {SAID("a", 1000, 100), SAID("b", 9000, 50), SAID("a", 9000, 10)};
    AlignFigures f = run(l, COUNT(l), NULL, 0, -1);
    CHECK_INT(f.transcript, 3);
    CHECK_INT(l[0].start_ms, 1000);
    CHECK_INT(l[0].end_ms, 9000);
    CHECK_INT(l[2].start_ms, 9000);
    CHECK(l[2].end_ms > 9000);
    CHECK_INT(l[1].source, TIME_TRANSCRIPT);
}

TEST(a_time_that_jumps_back_or_ahead_is_dropped_alone) {
    Line l[] = {SAID("a", 10000, 100), SAID("b", 900000, 100), SAID("c", 20000, 100),
                SAID("d", 30000, 100), SAID("e", 1000, 100),   SAID("f", 40000, 100)};
    AlignFigures f = run(l, COUNT(l), NULL, 0, -1);
    CHECK_INT(f.backward, 2);
    CHECK_INT(f.transcript, 4);
    CHECK_INT(l[1].source, TIME_INTERPOLATED);
    CHECK(l[1].start_ms > 10000 && l[1].start_ms < 20000);
    CHECK(l[4].start_ms > 30000 && l[4].start_ms < 40000);
}

TEST(a_time_that_leaves_a_long_speech_no_time_is_dropped) {
    Line l[] = {SAID("a", 0, 130), SAID("b", 10000, 5000), SAID("a", 11000, 30),
                SAID("c", 350000, 200)};
    AlignFigures f = run(l, COUNT(l), NULL, 0, -1);
    CHECK_INT(f.impossible, 1);
    CHECK_INT(f.backward, 0);
    CHECK_INT(l[2].source, TIME_INTERPOLATED);
    CHECK(l[2].start_ms > 330000 && l[2].start_ms < 350000);
    CHECK_INT(l[1].end_ms, l[2].start_ms);
}

TEST(missing_times_lie_by_length_of_text_between_their_neighbours) {
    Line l[] = {SAID("a", 0, 80), SAID("b", -1, 280), SAID("c", -1, 580), SAID("d", 100000, 10)};
    AlignFigures f = run(l, COUNT(l), NULL, 0, -1);
    CHECK_INT(f.interpolated, 2);
    CHECK_INT(l[1].start_ms, 10000);
    CHECK_INT(l[2].start_ms, 40000);
    CHECK_INT(l[1].end_ms, 40000);
}

TEST(a_title_takes_no_time) {
    Line l[] = {SAID("a", 0, 80), TITLED("t", -1), SAID("b", 50000, 80)};
    run(l, COUNT(l), NULL, 0, -1);
    CHECK_INT(l[1].start_ms, 50000);
    CHECK_INT(l[1].end_ms, 50000);
}

TEST(a_suspension_takes_what_is_left_over) {
    Line l[] = {SAID("a", 0, 130), PAUSED, SAID("b", -1, 130), SAID("c", 3600000, 100)};
    run(l, COUNT(l), NULL, 0, -1);
    CHECK_INT(l[1].start_ms, 10000);   /* 150 characters at 15 a second */
    CHECK_INT(l[2].start_ms, 3590000); /* the same before the next known one */
}

TEST(before_the_first_and_behind_the_last_time_counts_the_usual_speed) {
    Line l[] = {SAID("a", -1, 130), SAID("b", 60000, 130), SAID("c", -1, 100)};
    run(l, COUNT(l), NULL, 0, -1);
    CHECK_INT(l[0].start_ms, 50000);
    CHECK_INT(l[2].start_ms, 70000);
    Line early[] = {SAID("a", -1, 1000000), SAID("b", 5000, 10)};
    run(early, COUNT(early), NULL, 0, -1);
    CHECK_INT(early[0].start_ms, 0);
}

TEST(without_any_time_nothing_is_claimed_but_between_the_audios_ends) {
    Line l[] = {SAID("a", -1, 80), SAID("b", -1, 280)};
    AlignFigures f = run(l, COUNT(l), NULL, 0, -1);
    CHECK_INT(f.unknown, 2);
    CHECK_INT(l[0].start_ms, -1);
    f = run(l, COUNT(l), NULL, 0, 40000);
    CHECK_INT(f.interpolated, 2);
    CHECK_INT(l[1].start_ms, 10000);
    f = run(l, 0, NULL, 0, 40000);
    CHECK_INT(f.lines, 0);
}

TEST(times_behind_the_end_of_the_audio_are_its_end) {
    Line l[] = {SAID("a", 1000, 80), SAID("b", 90000, 80), SAID("c", -1, 80)};
    AlignFigures f = run(l, COUNT(l), NULL, 0, 50000);
    CHECK_INT(l[1].start_ms, 50000);
    CHECK_INT(l[2].end_ms, 50000);
    CHECK_INT(f.clamped, 2);
}

TEST(marks_give_time_to_the_same_speaker_in_order) {
    Line l[] = {SAID("a", -1, 500), SAID("b", -1, 500), SAID("a", -1, 500), SAID("c", -1, 500)};
    Mark m[] = {
        {90000, S_INIT("c")}, {10000, S_INIT("a")}, {60000, S_INIT("a")}, {40000, S_INIT("b")}};
    AlignFigures f = run(l, COUNT(l), m, COUNT(m), -1);
    CHECK_INT(f.nvs, 4);
    CHECK_INT(l[0].start_ms, 10000);
    CHECK_INT(l[1].start_ms, 40000);
    CHECK_INT(l[2].start_ms, 60000);
    CHECK_INT(l[3].start_ms, 90000);
}

TEST(marks_of_strangers_and_in_another_order_are_left_out) {
    Line l[] = {SAID("a", -1, 500), SAID("b", -1, 500), TITLED("t", -1), SAID("c", -1, 500)};
    Mark m[] = {{5000, S_INIT("x")},  {10000, S_INIT("a")}, {20000, S_INIT("c")},
                {30000, S_INIT("b")}, {60000, S_INIT("t")}, {61000, S_INIT("c")}};
    AlignFigures f = run(l, COUNT(l), m, COUNT(m), -1);
    CHECK_INT(f.joined, 4);
    CHECK_INT(l[1].start_ms, 30000);
    CHECK_INT(l[2].start_ms, 60000);
    CHECK_INT(l[3].start_ms, 61000);
}

TEST(a_mark_stays_between_known_times_and_a_known_time_is_not_moved) {
    Line l[] = {SAID("a", 10000, 500), SAID("b", -1, 500), SAID("a", 50000, 500),
                SAID("b", -1, 500), SAID("a", 90000, 50)};
    Mark m[] = {{12000, S_INIT("a")}, {51000, S_INIT("b")}, {70000, S_INIT("b")}};
    AlignFigures f = run(l, COUNT(l), m, COUNT(m), -1);
    CHECK_INT(l[0].start_ms, 10000);
    CHECK_INT(f.compared, 1);
    CHECK_INT(f.apart_ms, 2000);
    CHECK_INT(l[1].start_ms, 50000);
    CHECK_INT(l[1].source, TIME_NVS);
    CHECK_INT(l[3].start_ms, 70000);
}

TEST(any_lines_and_marks_go_forward) {
    dice = 7;
    for (int round = 0; round < 3000; round++) {
        static const char *const names[] = {"a", "b", "c", "t"};
        Line l[40];
        Mark m[20];
        ptrdiff_t count = draw() % 40, marks = draw() % 20;
        for (ptrdiff_t i = 0; i < count; i++)
            l[i] = (Line){.kind = (LineKind)(draw() % 4),
                          .who = draw() % 3 ? str_c(names[draw() % 4]) : (Str){0},
                          .given_ms = draw() % 2 ? draw() % 100000 : -1,
                          .length = draw() % 2000};
        for (ptrdiff_t i = 0; i < marks; i++)
            m[i] = (Mark){draw() % 100000, str_c(names[draw() % 4])};
        int64_t duration = draw() % 3 ? -1 : draw() % 120000;
        AlignFigures f = run(l, count, m, marks, duration); /* which asserts its own promises */
        CHECK_INT(f.transcript + f.nvs + f.interpolated + f.unknown, count);
        for (ptrdiff_t i = 0; i < count; i++) {
            if (l[i].source == TIME_UNKNOWN) continue;
            bool ordered = i == 0 || l[i].start_ms >= l[i - 1].start_ms;
            bool inside = duration < 0 || l[i].end_ms <= duration;
            if (!CHECK(ordered && inside && l[i].end_ms >= l[i].start_ms)) return;
        }
    }
}

/* -- real sittings ----------------------------------------------------------------------------------- */

typedef struct Errors {
    int64_t *ms;
    ptrdiff_t count;
} Errors;

static int int_order(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t percentile(const Errors *e, int per_cent) {
    return e->count ? e->ms[min_i64(e->count * per_cent / 100, e->count - 1)] : 0;
}

/* Of lines whose time was hidden, how far from it is what was found? */
static Errors errors_of(const Line *lines, const int64_t *truth, ptrdiff_t count,
                        TimeSource source) {
    Errors e = {arena_array(arena, int64_t, count + 1), 0};
    for (ptrdiff_t i = 0; i < count; i++)
        if (truth[i] >= 0 && lines[i].given_ms < 0 && lines[i].source == source)
            e.ms[e.count++] = llabs(lines[i].start_ms - truth[i]);
    qsort(e.ms, (size_t)e.count, sizeof *e.ms, int_order);
    return e;
}

/* A timeline as the Assembly's editors make one: the first time in a point of the agenda that somebody
 * else than the chair has the floor, up to eight seconds late; one in ten is missing. */
static ptrdiff_t timeline_make(const Transcript *t, const Line *lines, Mark *out) {
    ptrdiff_t count = 0, since = 0;
    Str point = {0};
    for (ptrdiff_t i = 0; i < t->count; i++) {
        const Speech *s = &t->speeches[i];
        if (!str_eq(s->point, point)) since = count;
        point = s->point;
        if (lines[i].given_ms < 0 || !str_eq(s->kind, S("speech")) || s->presiding) continue;
        bool known = !lines[i].who.data;
        for (ptrdiff_t k = since; k < count && !known; k++)
            known = str_eq(out[k].who, lines[i].who);
        if (known) continue;
        out[count++] = (Mark){lines[i].given_ms + draw() % 8000, lines[i].who};
    }
    ptrdiff_t kept = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        if (draw() % 10) out[kept++] = out[i];
    return kept;
}

typedef enum Hidden { HIDE_FIFTH, HIDE_RUNS, HIDE_ALL } Hidden;

static void hide(Line *lines, ptrdiff_t count, Hidden how) {
    ptrdiff_t run = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        if (how == HIDE_RUNS && run == 0 && draw() % 40 == 0) run = 20;
        bool gone = how == HIDE_ALL || (how == HIDE_FIFTH && draw() % 5 == 0) || run > 0;
        if (run > 0) run--;
        if (gone) lines[i].given_ms = -1;
    }
}

static bool transcript_open(Ctx *c, const char *name, Transcript *t) {
    Str text = shared_read(c->arena, str_cstr(c->arena, strf(c->arena, "an/syceron/%s", name)));
    return text.data && !transcript_read(c, text, t);
}

static const char *const sittings[] = {"CRSANR5L16S2022E1N027.xml", "CRSANR5L17S2025E1N001.xml",
                                       "CRSANR5L17S2025O1N037.xml", "CRSANR5L17S2025O1N053.xml",
                                       "CRSANR5L17S2025O1N237.xml", "CRSANR5L17S2026O1N093.xml"};

static void row_print(const char *name, const char *what, const Errors *e) {
    printf("  | %.21s | %s | %td | %.1f | %.1f | %.1f |\n", name, what, e->count,
           (double)percentile(e, 50) / 1000, (double)percentile(e, 90) / 1000,
           (double)percentile(e, 99) / 1000);
}

/* What is hidden, and what finds it. */
typedef struct Trial {
    Hidden how;
    bool timeline;
    TimeSource source;
    const char *what;
    int64_t median_most_ms; /* of all sittings together */
} Trial;
static const Trial trials[] = {
    {HIDE_FIFTH, false, TIME_INTERPOLATED, "one in five, interpolation", 6000},
    {HIDE_RUNS, false, TIME_INTERPOLATED, "runs of twenty, interpolation", 15000},
    {HIDE_ALL, true, TIME_NVS, "all, timeline", 8000},
    {HIDE_ALL, true, TIME_INTERPOLATED, "all, interpolation between its chapters", 30000},
};

static Errors measure(const Transcript *t, const char *name, const Trial *trial) {
    Line *lines = speech_lines(arena, t->speeches, t->count);
    int64_t *truth = arena_array(arena, int64_t, t->count);
    Mark *marks = arena_array(arena, Mark, t->count);
    dice = 11;
    align(arena, lines, t->count, NULL, 0, -1); /* a time that cannot be is no truth */
    for (ptrdiff_t i = 0; i < t->count; i++)
        truth[i] = lines[i].source == TIME_TRANSCRIPT ? lines[i].given_ms : -1;
    int64_t duration = t->count ? lines[t->count - 1].end_ms : -1;
    ptrdiff_t count = trial->timeline ? timeline_make(t, lines, marks) : 0;
    hide(lines, t->count, trial->how);
    align(arena, lines, t->count, marks, count, duration);
    Errors e = errors_of(lines, truth, t->count, trial->source);
    row_print(name, trial->what, &e);
    return e;
}

TEST(measures_the_error_on_real_sittings) {
    fresh();
    Ctx c = {.arena = arena};
    Transcript t;
    printf("  | sitting | hidden, found by | lines | median s | 90 %% | 99 %% |\n");
    for (ptrdiff_t k = 0; k < COUNT(trials); k++) {
        Errors all = {.ms = arena_array(arena, int64_t, 10000)};
        for (ptrdiff_t i = 0; i < COUNT(sittings); i++) {
            if (!transcript_open(&c, sittings[i], &t)) SKIP("no shared data");
            Errors own = measure(&t, sittings[i], &trials[k]);
            for (ptrdiff_t j = 0; j < own.count; j++) all.ms[all.count++] = own.ms[j];
            ctx_undo(&c, NULL);
        }
        qsort(all.ms, (size_t)all.count, sizeof *all.ms, int_order);
        row_print("together", trials[k].what, &all);
        CHECK(all.count > 50);
        CHECK(percentile(&all, 50) <= trials[k].median_most_ms);
    }
}

TEST(shares_of_real_sittings_by_source) {
    fresh();
    Ctx c = {.arena = arena};
    Str names[100];
    ptrdiff_t count = shared_list(arena, "an/syceron", S(".xml"), names, COUNT(names));
    int64_t lines = 0, transcript = 0, interpolated = 0, backward = 0;
    if (count == 0) SKIP("no shared data");
    for (ptrdiff_t i = 0; i < count; i++) {
        Transcript t;
        if (!CHECK(transcript_open(&c, str_cstr(arena, names[i]), &t))) continue;
        AlignFigures f =
            align(arena, speech_lines(arena, t.speeches, t.count), t.count, NULL, 0, -1);
        printf("  | %.*s | %lld | %lld | %lld | %lld | %lld | %.1f |\n", S_ARG(names[i]),
               (long long)f.lines, (long long)f.transcript, (long long)f.interpolated,
               (long long)f.unknown, (long long)f.impossible, (double)f.speed / 10);
        CHECK_INT(f.transcript + f.backward + f.impossible, t.timed);
        CHECK(t.timed == 0 || f.unknown == 0);
        lines += f.lines, transcript += f.transcript, interpolated += f.interpolated;
        backward += f.backward;
        ctx_undo(&c, NULL);
    }
    printf("  | together | %lld | %lld | %lld | |, %lld backward\n", (long long)lines,
           (long long)transcript, (long long)interpolated, (long long)backward);
    arena_free(arena);
    arena = NULL;
}

T_MAIN(T_ROW(times_of_the_transcript_are_kept),
       T_ROW(a_time_that_leaves_a_long_speech_no_time_is_dropped),
       T_ROW(a_time_that_jumps_back_or_ahead_is_dropped_alone),
       T_ROW(missing_times_lie_by_length_of_text_between_their_neighbours),
       T_ROW(a_title_takes_no_time), T_ROW(a_suspension_takes_what_is_left_over),
       T_ROW(before_the_first_and_behind_the_last_time_counts_the_usual_speed),
       T_ROW(without_any_time_nothing_is_claimed_but_between_the_audios_ends),
       T_ROW(times_behind_the_end_of_the_audio_are_its_end),
       T_ROW(marks_give_time_to_the_same_speaker_in_order),
       T_ROW(marks_of_strangers_and_in_another_order_are_left_out),
       T_ROW(a_mark_stays_between_known_times_and_a_known_time_is_not_moved),
       T_ROW(any_lines_and_marks_go_forward), T_ROW(measures_the_error_on_real_sittings),
       T_ROW(shares_of_real_sittings_by_source))
