/* SPDX-License-Identifier: Apache-2.0
 * The demo: a sitting that never took place, spoken by espeak-ng, with its transcript. Its page is
 * served by this very server, and its audio takes the way of any other. */
#ifndef SOCLE_ROBIAN_DEMO_H
#define SOCLE_ROBIAN_DEMO_H

#include "core/err.h"

/* Of Module.demo. Without espeak-ng or ffmpeg the sitting has a transcript and no audio. */
MUST_USE Err *robian_demo(Ctx *c);

/* Is it an address of the demo on this server? Never in production. What lies there is ours: it may be
 * fetched though it is on loopback. */
bool demo_owns(Str url);

/* -- demo_text.c ------------------------------------------------------------------------------------ */

typedef struct DemoSpeaker {
    const char *name, *id, *role; /* role: "" for deputies */
    const char *voice;            /* of espeak-ng */
    bool presides;
} DemoSpeaker;
extern const DemoSpeaker demo_speakers[];

typedef struct DemoSpeech {
    const char *point; /* a title that begins here; NULL: the same point goes on */
    int speaker;       /* of demo_speakers */
    const char *text;
} DemoSpeech;
extern const DemoSpeech demo_speeches[];
extern const ptrdiff_t demo_speech_count;

#endif
