/* SPDX-License-Identifier: Apache-2.0
 * What a model is told for a chapter. The notes, and all else that people wrote, are JSON in the user's
 * turn and said to be data; the system's turn is made of words of ours alone. */
#ifndef SOCLE_LIFETALES_WRITER_PROMPT_H
#define SOCLE_LIFETALES_WRITER_PROMPT_H

#include "products/lifetales/writer.h"

typedef struct WriterPrompt {
    Str system, user;
    int64_t note_tokens; /* of the notes that went in */
    int64_t cut;         /* notes that went in shortened */
} WriterPrompt;

bool writer_only_said(const StorySettings *settings); /* transcription mode */
/* About how many tokens the notes of a chapter are. */
int64_t writer_note_tokens(const PlannedChapter *chapter);
/* wrong: what was wrong with the answer before; null: nothing. Notes are called n1, n2, … */
WriterPrompt writer_prompt(Arena *arena, const ChapterTask *task, Str wrong);
JsonText writer_schema(void);
double writer_temperature(const StorySettings *settings);

#endif
