/* SPDX-License-Identifier: Apache-2.0
 * Conversations and turns from the shell: socle conversation, socle replay. */
#ifndef SOCLE_SYLION_TURN_SHELL_H
#define SOCLE_SYLION_TURN_SHELL_H

#include "products/sylion/scope.h"

/* A tenant by its slug or UUID; NOT_FOUND. */
MUST_USE Err *shell_scope(Ctx *c, Str tenant, Scope *out);

/* The conversation's messages and turns through `put`, which gets whole lines: JSON lines
 * {"type": "conversation" | "message" | "turn", "data": …}, or text for people. Null id: all of the
 * tenant's. */
MUST_USE Err *conversation_export(Ctx *c, const Scope *s, Str conversation_id, bool text,
                                  void (*put)(Str lines));

typedef struct Replayed {
    int64_t replayed, waiting; /* waiting: another turn of the conversation goes first */
} Replayed;
/* Replay turns that ended in `state` (failed, over_quota) since then, each in a transaction of its
 * own. */
MUST_USE Err *turns_replay(Ctx *c, const Scope *s, const char *state, Time since,
                           void (*put)(Str lines), Replayed *out);

#endif
