/* SPDX-License-Identifier: Apache-2.0
 * Embeddings: texts as vectors whose cosine says how near they are in meaning. One provider, model
 * and number of dimensions for the whole installation (EMBED_PROVIDER, its model,
 * EMBED_DIMENSIONS), because vectors of two models cannot be compared; embed_model() names all three,
 * and what is stored keeps that name beside it.
 *
 * local: hashed features of words, stems, pairs and letters, without a model; the same text gives
 * the same vector on every machine. Errors and policy: ai.h. */
#ifndef SOCLE_AI_EMBED_H
#define SOCLE_AI_EMBED_H

#include "ai/ai.h"

enum { EMBED_DIMENSIONS_MAX = 4096 };

typedef enum EmbedTask { EMBED_DOCUMENT, EMBED_QUERY } EmbedTask;

/* "openai/text-embedding-3-small/768": of the settings; another one makes stored vectors stale. */
Str embed_model(Arena *arena);
int embed_dimensions(void);

/* One unit vector of embed_dimensions() floats for each text, one after the other, in c's arena. Any
 * number of texts; they are sent in as many batches as the provider needs, a few at once, and those
 * known from before are not sent. One text alone (a question) is sent once, however many ask for it at
 * that moment, on all nodes. Texts are cut to what the model takes. An empty text, or one
 * without any word, is a vector of zeroes. UPSTREAM `ai_bad_answer` for vectors of another size. All
 * or nothing. Waits. */
MUST_USE Err *embed(Ctx *c, EmbedTask task, const Str *texts, ptrdiff_t count, AiPayer payer,
                    float **vectors, AiUsage *usage);

#endif
