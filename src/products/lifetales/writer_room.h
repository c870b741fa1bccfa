/* SPDX-License-Identifier: Apache-2.0
 * Room-internal of the writer: from a model's JSON to a draft. */
#ifndef SOCLE_LIFETALES_WRITER_ROOM_H
#define SOCLE_LIFETALES_WRITER_ROOM_H

#include <jansson.h>

#include "products/lifetales/writer.h"

enum {
    DRAFT_TITLE_MAX = 160,     /* code points */
    DRAFT_SENTENCES_MAX = 4000,
    DRAFT_CONTENT_MAX = 200000,
    DRAFT_PROMPT_MAX = 1500,
    DRAFT_CHARACTERS_MAX = 20
};

/* Fills text, sentences, pictures' words and people of *out. False: *wrong says, to the model, what is
 * to be mended. last: what can be put right from the notes is, and it is false only where nothing of
 * use is left. */
bool draft_take(Ctx *c, const ChapterTask *task, const json_t *json, bool last, ChapterDraft *out,
                Str *wrong);

#endif
