/* SPDX-License-Identifier: Apache-2.0
 * The prompt of an answer. Room-internal to answer.c.
 *
 * Who may say what: the program and the tenant's own system prompt are the system text. What a
 * contact wrote is a user's message, what the tenant's documents say are the request's sources,
 * which the provider quotes as data: neither ever becomes part of the system text, and there are no
 * tools, so that an instruction in them can at worst change one answer to the one who wrote it.
 * Everything comes from rows of one tenant (the assistant, its conversation, its passages). */
#ifndef SOCLE_SYLION_ANSWER_PROMPT_H
#define SOCLE_SYLION_ANSWER_PROMPT_H

#include "products/sylion/answer.h"

enum {
    HISTORY_TOKENS = 2000,  /* of all earlier messages together */
    QUESTION_TOKENS = 2000, /* a longer one is cut */
    PASSAGE_TOKENS = 3000   /* of all passages together */
};

/* What a model says, and nothing else, when the passages do not answer. */
#define NO_ANSWER "NO_ANSWER"

/* language: fr, en, ar. grounded: there are passages, and only they count. */
Str prompt_system(Ctx *c, const Assistant *a, Str language, bool grounded);
/* The history within its budget and the question, oldest first. */
ChatMessage *prompt_messages(Ctx *c, const AnswerAsk *ask, ptrdiff_t *count);
ChatSource *prompt_sources(Ctx *c, const Rows *passages);
/* Text that a model's server cannot take for the marks of its own format (<|…|>, [INST]). */
Str prompt_data(Ctx *c, Str text);
/* About how many tokens an answer may take, for the reservation before it: no call takes more. */
int64_t prompt_tokens_most(const Assistant *a, Str question);

#endif
