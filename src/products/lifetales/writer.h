/* SPDX-License-Identifier: Apache-2.0
 * Writer: one chapter from its notes. With a model: asked for JSON of a schema (sentences with their
 * notes), checked, repaired or asked again (inventions named) at most WRITE_TRIES times, each within 60
 * s, or without a silence of 60 s while it is listened to. Without one, or as the last resort in
 * transcription mode: from the notes' own sentences. Nothing that fails the checks leaves here. Waits;
 * does not touch the database. */
#ifndef SOCLE_LIFETALES_WRITER_H
#define SOCLE_LIFETALES_WRITER_H

#include "ai/llm.h"
#include "products/lifetales/plan.h"

enum { WRITE_TRIES = 3, WRITE_TOKENS = 12000 /* of notes in one prompt */ };

typedef struct ChapterTask {
    const PlannedChapter *chapter;
    const StorySettings *settings;
    Str space_title, language;
    const Zone *zone;
    Str before, after; /* titles of the neighbours; null: none. Not part of the key */
    JsonText characters;
    /* Told each piece of the chapter's text as it comes, before it is checked; never in transcription
     * mode. reset: what was told so far is void. NULL: nobody listens. */
    Err *(*on_text)(Ctx *c, Str piece, bool reset, void *arg);
    void *arg;
    AiPayer payer;
} ChapterTask;

typedef struct DraftSentence {
    Str text;
    StrList note_ids;
} DraftSentence;

typedef struct ChapterDraft {
    Str title, content; /* content: the sentences, with a space or a paragraph (\n\n) between */
    StorySentence *sentences;
    ptrdiff_t sentence_count;
    Str illustration_prompt;
    JsonText characters; /* who was met, and how he looks; null: nobody new */
    Str provider, model;
    AiUsage usage;
    int64_t calls, errors, latency_ms, repaired; /* repaired: sentences taken out or written again */
    int64_t cut; /* notes that were too long to go in whole */
} ChapterDraft;

/* ai.h's errors when no answer of use came; a refusal of the model is INVALID `story_refused` with its
 * reason. Calls, errors and usage of *out are told also when it fails. */
MUST_USE Err *chapter_write(Ctx *c, const ChapterTask *task, ChapterDraft *out);
/* Is it a model that would be asked? */
bool chapter_asks_model(const ChapterTask *task);
/* From the notes' own sentences, in the mode's measure: all of them, cleaned, in transcription and
 * chapter mode; the telling ones in the others. Never fails; never says what no note says. */
void chapter_write_local(Ctx *c, const ChapterTask *task, ChapterDraft *out);

#endif
