/* SPDX-License-Identifier: Apache-2.0
 * Room-internal: reading the JSON that a model was asked for (schema.c). */
#ifndef SOCLE_AI_ANSWER_H
#define SOCLE_AI_ANSWER_H

#include "ai/llm.h"

/* The JSON in a model's answer that fits the schema (an object, borrowed): as it is, or within a fence
 * or words, or with its missing end put on. UPSTREAM `ai_bad_answer` says where it does not fit; texts
 * of the answer are not in the error. *out is released when c ends. */
MUST_USE Err *answer_json(Ctx *c, Str text, const json_t *schema, json_t **out);

#endif
