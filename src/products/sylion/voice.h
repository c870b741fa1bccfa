/* SPDX-License-Identifier: Apache-2.0
 * Voice: one turn of a spoken conversation, in one request: a recording comes, is written down, is
 * answered, and the answer may be spoken. See voice.c. */
#ifndef SOCLE_SYLION_VOICE_H
#define SOCLE_SYLION_VOICE_H

#include "api/route.h"

enum { RECORDING_MAX = 25 * 1024 * 1024 };

/* A recording as it came: in a form's file, or as the body. */
typedef struct Recording {
    Str bytes, mime, blob; /* blob: its name in the store */
} Recording;

/* Read it whole. INVALID for what is empty, no recording, or a container that is cut or broken at its
 * beginning; TOO_LARGE over 25 MiB. Nothing is stored yet. */
MUST_USE Err *recording_read(Ctx *c, Call *k, Recording *out);
/* Why these bytes are no recording that could be heard; null: they are one of type *mime. */
Str recording_lacks(Str bytes, Str *mime);

#endif
