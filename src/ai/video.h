/* SPDX-License-Identifier: Apache-2.0
 * Videos from a picture and words. A provider takes minutes: it is asked once, then looked after until it
 * has made it. Errors: ai.h. No policy stands between: what is asked for is charged, so that nobody tries
 * twice; who looks again later is the caller. All calls but video_lacks wait. */
#ifndef SOCLE_AI_VIDEO_H
#define SOCLE_AI_VIDEO_H

#include "ai/ai.h"

/* Can videos be made here? Null: yes; else a sentence that names what to set. */
Str video_lacks(Arena *arena);

typedef struct VideoRequest {
    Str prompt;
    Str image, mime; /* its first frame */
    int64_t seconds; /* 4, 6, 8 */
    bool tall;       /* 9:16, else 16:9 */
} VideoRequest;
/* *operation: the provider's word for what it now makes; *origin says who. */
MUST_USE Err *video_begin(Ctx *c, const VideoRequest *request, Str *operation, AiOrigin *origin);

typedef struct VideoState {
    bool done;
    Str bytes, mime; /* done, unless it is refused */
    bool refused;    /* the provider made none: its filters, or an error that stays */
} VideoState;
/* max_bytes: of the video, which lies in c's arena. */
MUST_USE Err *video_look(Ctx *c, Str operation, ptrdiff_t max_bytes, VideoState *out);

#endif
