/* SPDX-License-Identifier: Apache-2.0
 * How Anthropic's answers are read: the dialect's functions (chat_wire.h). */
#ifndef SOCLE_AI_ANTHROPIC_H
#define SOCLE_AI_ANTHROPIC_H

#include "ai/chat_wire.h"

Err *anthropic_event(Ctx *c, ChatReader *r, const json_t *event);
Err *anthropic_whole(Ctx *c, ChatReader *r, const json_t *answer);
Err *anthropic_failure(Ctx *c, ChatReader *r, const HttpAnswer *answer);
Str anthropic_opaque(Arena *arena, const ChatDraft *draft);

#endif
