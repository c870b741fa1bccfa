/* SPDX-License-Identifier: Apache-2.0
 * What the files of the wire (wire.c, wire_recordings.c, wire_failure.c) share; provider.h is what
 * others see. */
#ifndef SOCLE_AI_WIRE_H
#define SOCLE_AI_WIRE_H

#include "ai/provider.h"

enum { WIRE_MAX = 20 * 1024 * 1024 };

/* An arena beside c's, for what may be many times larger than a request's budget: freed when c
 * ends, or by side_free before that. Exceeding it is what exceeding c's own is. */
typedef struct SideArena {
    Arena *arena;
} SideArena;
SideArena *side_new(Ctx *c, ptrdiff_t budget_bytes);
void side_free(SideArena *side);

/* An error that says more than its kind. */
Err *ai_err(Ctx *c, ErrKind kind, const char *code, const char *where, const char *format, ...)
    PRINTF_LIKE(5, 6);
#define AI_FAIL(c, KIND, code, ...) return ai_err((c), ERR_##KIND, (code), __func__, __VA_ARGS__)

/* Whole seconds, rounded up, of a duration as Go and Google write it: "34s", "1.5s", "6m0s". 0: it is
 * none. */
int64_t wire_seconds(Str duration);

/* The recording of a call: *out with an empty body, and the body, which lives as long as c.
 * UPSTREAM `ai_no_recording` that names the file when there is none, or it is none. */
MUST_USE Err *recording_load(Ctx *c, const WireCall *call, HttpAnswer *out, Str *body);
/* Replaces what was recorded of an equal call before. */
MUST_USE Err *recording_save(Ctx *c, const WireCall *call, const HttpAnswer *answer, Str body);

/* wire_stream of an answer that is at hand: its head, and its body as it came. Does not wait. */
MUST_USE Err *wire_stream_of(Ctx *c, const WireCall *call, Str body, WireEvent *on_event, void *arg,
                             HttpAnswer *head);

#endif
