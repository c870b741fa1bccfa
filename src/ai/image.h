/* SPDX-License-Identifier: Apache-2.0
 * Pictures from words. Errors and policy: ai.h. There is no local provider in this room: who can draw
 * without a model does so himself. Waits. */
#ifndef SOCLE_AI_IMAGE_H
#define SOCLE_AI_IMAGE_H

#include "ai/ai.h"

typedef struct ImageRequest {
    Str provider, model; /* null: AI_IMAGE_PROVIDER, its model */
    Str prompt;
    Str aspect;         /* "4:3", "1:1", "16:9", "3:4", "9:16" */
    int64_t timeout_ms; /* 0: 45 s */
    AiPayer payer;
} ImageRequest;

typedef struct Image {
    Str bytes, mime; /* image/png, image/jpeg or image/webp, by their first bytes */
    AiUsage usage;
    AiOrigin origin;
} Image;

/* INVALID `ai_refused_request` when the provider will not draw this. Kept by content. */
MUST_USE Err *image_make(Ctx *c, const ImageRequest *request, Image *out);

#endif
