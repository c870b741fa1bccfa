/* SPDX-License-Identifier: Apache-2.0
 * Plan: which notes make which chapter. Pure: the same notes and settings give the same plan anywhere.
 *
 *   notes by time ─▶ days of the person's zone ─▶ themes within a day ─▶ chapters, as many as the mode
 *   wants: transcription, chapter: N; clean: ⌈N/2⌉..N; creative: about ⌈N/2⌉ (N notes that say
 *   something; those that are pictures alone go with the nearest in time, or make one of their own
 *   where there is no other) */
#ifndef SOCLE_LIFETALES_PLAN_H
#define SOCLE_LIFETALES_PLAN_H

#include "products/lifetales/records.h"
#include "work/zone.h"

/* A note, as the agents see it. */
typedef struct StoryNote {
    Str id, title, text, place; /* text: note_text */
    Time at;
    StrList image_ids;
} StoryNote;

typedef struct PlannedChapter {
    const StoryNote **notes; /* by time */
    ptrdiff_t count;
    Str key; /* hex SHA-256 of all that it is written from: the notes' ids, texts, titles, times, the
                settings that matter for text, zone, language, provider and model, and the version of
                the prompt. Not of its neighbours */
} PlannedChapter;

typedef struct StoryPlan {
    PlannedChapter *items;
    ptrdiff_t count;
    Str language; /* of most of the text: "fr", "en", … */
} StoryPlan;

typedef struct PlanInput {
    const StoryNote *notes;
    ptrdiff_t count;
    const StorySettings *settings;
    const Zone *zone;
    Str language;        /* null: found */
    Str writer;          /* "provider/model" */
} PlanInput;
StoryPlan story_plan(Arena *arena, const PlanInput *in);

/* Day and time of a note as a reader of that language expects it: "Samedi 21 novembre 2026". */
Str story_date(Arena *arena, Time at, const Zone *zone, Str language);

#endif
