/* SPDX-License-Identifier: Apache-2.0
 * Tokens of a Google service account, for Vertex AI. */
#ifndef SOCLE_AI_VERTEX_AUTH_H
#define SOCLE_AI_VERTEX_AUTH_H

#include "core/err.h"

/* A token that is good for another while, in c's arena; `refused` (null: none) is not given again.
 * One is fetched at a time, by one of those that wait, and kept until five minutes before its end.
 * Waits. NOT_CONFIGURED names GOOGLE_APPLICATION_CREDENTIALS when its file is not what it should be;
 * with code `ai_wrong_key` when Google takes it no more. */
MUST_USE Err *vertex_token(Ctx *c, Str refused, Str *token);
/* Forget what is kept: for tests, and who changes settings. */
void vertex_token_reset(void);

#endif
