/* SPDX-License-Identifier: Apache-2.0
 * A chapter without a model: the notes' own sentences.
 *
 *   transcription  all of them, cleaned
 *   chapter        the same; the tone may put the day in front
 *   clean          without those that say the same again
 *   creative       the telling ones (fewer the higher the creativity), each note with one at least,
 *                  between the days and places they are from
 *
 * Tones choose and order: what is looked for in a sentence (writer_telling.c), whether the day stands in
 * front (cinematic, journalistic, neutral), and whether the most telling sentence comes first
 * (journalistic). */
#include <stdlib.h>

#include "products/lifetales/facts_room.h"
#include "products/lifetales/writer_local_room.h"

typedef struct Local {
    Arena *arena;
    const ChapterTask *task;
    LocalLines lines;
    Buf content;
    int64_t points; /* of content */
    ChapterDraft *out;
} Local;

static bool mode_is(const Local *w, Str mode) {
    return str_eq(w->task->settings->story_mode, mode);
}

/* -- which sentences -------------------------------------------------------------------------- */

static int score_order(const void *a, const void *b) {
    const LocalLine *x = *(LocalLine *const *)a, *y = *(LocalLine *const *)b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x > y) - (x < y);
}

/* The best of each note, then the best of all, up to the creativity's share. */
static void lines_choose(Local *w) {
    enum { FEW = 3 };
    LocalLines *lines = &w->lines;
    LocalLine **order = arena_array(w->arena, LocalLine *, lines->count + 1);
    Map told = {.arena = w->arena};
    ptrdiff_t left = 0;
    for (ptrdiff_t i = 0; i < lines->count; i++)
        if (!lines->items[i].dropped) order[left++] = &lines->items[i];
    if (left <= FEW) return;
    double creativity = w->task->settings->creativity,
           share = 0.75 - 0.15 * (creativity > 2 ? 2 : creativity);
    ptrdiff_t want = max_size((ptrdiff_t)((double)left * share + 0.5), FEW);
    qsort(order, (size_t)left, sizeof(LocalLine *), score_order);
    for (ptrdiff_t i = 0; i < left; i++) order[i]->dropped = true;
    for (ptrdiff_t i = 0; i < left; i++) {
        if (map_get(&told, order[i]->note->id)) continue;
        map_set(&told, order[i]->note->id, order[i]);
        order[i]->dropped = false;
        want--;
    }
    for (ptrdiff_t i = 0; i < left && want > 0; i++) {
        want -= order[i]->dropped;
        order[i]->dropped = false;
    }
}

/* -- writing ---------------------------------------------------------------------------------- */

static void sentence_write(Local *w, Str text, bool paragraph, const StoryNote *note,
                           const StoryNote *also) {
    if (w->content.len > 0) {
        paragraph = paragraph || sentences_run_on(w->arena, buf_str(&w->content), text);
        buf_add(&w->content, paragraph ? S("\n\n") : S(" "));
        w->points += paragraph ? 2 : 1;
    }
    StorySentence *sentence = &w->out->sentences[w->out->sentence_count++];
    sentence->start = w->points;
    buf_add(&w->content, text);
    w->points += str_utf8_count(text);
    sentence->end = w->points;
    sentence->note_ids = (StrList){arena_array(w->arena, Str, 2), 0};
    sentence->note_ids.items[sentence->note_ids.count++] = note->id;
    if (also) sentence->note_ids.items[sentence->note_ids.count++] = also->id;
}

/* Does the text say itself what day it is? */
static bool says_day(Local *w, Str text) {
    enum { LOOK = 80 };
    FactTokens t = fact_tokens(w->arena, str_utf8_cut(text, LOOK));
    Claims claims = {.arena = w->arena};
    numbers_read(&t, TONGUE_ANY, &claims);
    dates_read(&t, TONGUE_ANY, &claims);
    for (ptrdiff_t i = 0; i < claims.count; i++) {
        const Claim *claim = &claims.items[i];
        if (claim->kind == CLAIM_DATE || claim->kind == CLAIM_WEEKDAY) return true;
        if (claim->kind == CLAIM_NUMBER && claim->day_like && claim->first == 0) return true;
    }
    return false;
}

/* "Nice, dimanche 12 octobre 1873." */
static Str day_line(Local *w, const StoryNote *note) {
    Str date = story_date(w->arena, note->at, w->task->zone, w->task->language);
    Str place = local_clean(w->arena, note->place, w->task->language, false, true);
    Str stop = str_starts(w->task->language, S("zh")) ? S("。") : S(".");
    if (date.len == 0 && place.len == 0) return S("");
    if (place.len == 0 || str_utf8_count(place) > LOCAL_TITLE_MAX)
        return str_concat(w->arena, date, stop);
    if (date.len == 0) return str_concat(w->arena, place, stop);
    static const char *const small[] = {"fr", "es", "it", "pt"}; /* names of days */
    for (ptrdiff_t i = 0; i < COUNT(small); i++)
        if (str_starts(w->task->language, str_c(small[i]))) date = str_lower(w->arena, date);
    return strf(w->arena, "%.*s, %.*s%.*s", S_ARG(place), S_ARG(date), S_ARG(stop));
}

static bool wants_day(const Local *w) {
    Str tone = w->task->settings->narrative_tone;
    if (mode_is(w, S("creative"))) return true;
    if (!mode_is(w, S("chapter"))) return false;
    return str_eq(tone, S("cinematic")) || str_eq(tone, S("journalistic")) ||
           str_eq(tone, S("neutral"));
}

static void day_write(Local *w, const StoryNote *note) {
    Str line = day_line(w, note);
    if (line.len > 0) sentence_write(w, line, true, note, NULL);
}

static void lines_write(Local *w) {
    const LocalLine *lead = NULL, *before = NULL;
    bool days = wants_day(w), creative = mode_is(w, S("creative"));
    if (creative && str_eq(w->task->settings->narrative_tone, S("journalistic")))
        for (ptrdiff_t i = 0; i < w->lines.count; i++) {
            const LocalLine *line = &w->lines.items[i];
            if (!line->dropped && (!lead || line->score > lead->score)) lead = line;
        }
    int64_t told = INT64_MIN;
    if (lead) sentence_write(w, lead->text, true, lead->note, lead->also);
    for (ptrdiff_t i = 0; i < w->lines.count; i++) {
        const LocalLine *line = &w->lines.items[i];
        if (line->dropped || line == lead) continue;
        int64_t day = calendar_local_day(line->note->at, w->task->zone);
        bool other = !before || before->note != line->note, opens = days && day != told;
        told = day;
        if (opens && !(other && says_day(w, line->text))) day_write(w, line->note);
        sentence_write(w, line->text, other || opens || line->paragraph, line->note, line->also);
        before = line;
    }
}

/* Pictures alone: their titles, else when and where they were taken. */
static void pictures_write(Local *w) {
    const PlannedChapter *chapter = w->task->chapter;
    for (ptrdiff_t i = 0; i < chapter->count; i++) {
        Str title =
            local_clean(w->arena, chapter->notes[i]->title, w->task->language, false, false);
        if (title.len > 0) sentence_write(w, title, true, chapter->notes[i], NULL);
    }
    if (w->out->sentence_count == 0 && chapter->count > 0) day_write(w, chapter->notes[0]);
}

void chapter_write_local(Ctx *c, const ChapterTask *task, ChapterDraft *out) {
    assert(c && task && out);
    assert(task->chapter && task->settings);
    const PlannedChapter *chapter = task->chapter;
    *out = (ChapterDraft){.provider = S("local"), .model = S("local")};
    Local w = {.arena = c->arena, .task = task, .lines.arena = c->arena, .out = out};
    for (ptrdiff_t i = 0; i < chapter->count; i++)
        local_lines_add(&w.lines, chapter->notes[i], chapter->notes[i]->text, task->language);
    local_lines_weigh(&w.lines, task->settings->narrative_tone);
    if (mode_is(&w, S("clean")) || mode_is(&w, S("creative"))) local_lines_unlike(&w.lines);
    if (mode_is(&w, S("creative"))) lines_choose(&w);
    /* A day may stand in front of each. */
    out->sentences = arena_array(c->arena, StorySentence, 2 * w.lines.count + chapter->count + 1);
    w.content = buf_new(c->arena, 1024);
    lines_write(&w);
    if (out->sentence_count == 0) pictures_write(&w);
    out->content = buf_str(&w.content);
    out->title = local_title(&w.lines, task);
    out->illustration_prompt = local_prompt(&w.lines, task);
}
