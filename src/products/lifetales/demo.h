/* SPDX-License-Identifier: Apache-2.0
 * The demo: two spaces of DEMO_EMAIL, an autumn in Brittany and an allotment in Bristol, with their
 * stories and the first one's book. People, places and events are made up; pictures are drawn here,
 * recordings are spoken by espeak-ng. Nothing of it asks anybody outside, whatever is configured. */
#ifndef SOCLE_LIFETALES_DEMO_H
#define SOCLE_LIFETALES_DEMO_H

#include "core/err.h"

/* Of Module.demo. A space that has been made once is left as it is. Runs the jobs that it asks for,
 * within a limit of time; what is left then is the server's. Without espeak-ng what would be spoken is
 * written. */
MUST_USE Err *lifetales_demo(Ctx *c);

/* -- demo_text.c ---------------------------------------------------------------------------------- */

typedef struct DemoNote {
    const char *at; /* "2025-09-06 17:40", by the space's clocks */
    const char *title, *text;
    const char *picture; /* what is drawn (drawing.h); NULL: no picture */
    const char *place;
    bool spoken;
} DemoNote;

typedef struct DemoSpace {
    const char *title, *description, *language, *time_zone, *begins;
    const char *voice; /* of espeak-ng */
    const char *mode, *tone, *style; /* of its story: user_settings' words */
    const DemoNote *notes;
    ptrdiff_t note_count;
    ptrdiff_t cover; /* of notes: one with a picture */
    bool book;       /* is made, too */
} DemoSpace;
extern const DemoSpace demo_spaces[];
extern const ptrdiff_t demo_space_count;

#endif
