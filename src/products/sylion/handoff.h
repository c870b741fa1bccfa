/* SPDX-License-Identifier: Apache-2.0
 * What an assistant says and does where it has no answer of its own: Assistant.handoff, read
 * leniently (assistants.c has checked it when it was written). All members may be left out:
 *
 *   {"enabled": true,             a contact who asks for a person gets one
 *    "phrases": ["un conseiller"],  by which it asks, besides the usual ones of fr, en and ar
 *    "onUnsupported": "say",      or "handoff": nothing in the knowledge bears on the question
 *    "onMedia": "say",            or "handoff": only what nobody here can read (a recording without a
 *                                 transcriber, a picture without words)
 *    "onFailure": "none",         or "handoff": no answer could be made
 *    "messages": {"unsupported": "…", "handoff": "…", "media": "…", "greeting": "…"}}
 *
 * A message is one text, or one for each language: {"fr": "…", "en": "…"}. */
#ifndef SOCLE_SYLION_HANDOFF_H
#define SOCLE_SYLION_HANDOFF_H

#include "products/sylion/records.h"

typedef enum HandoffText {
    SAY_UNSUPPORTED,
    SAY_HANDOFF,
    SAY_MEDIA,
    SAY_GREETING,
    SAY_REFUSED, /* the model would not */
    SAY_TEXTS
} HandoffText;

typedef struct Handoff {
    bool enabled, on_unsupported, on_media, on_failure; /* on_…: hand over */
    StrList phrases;                                    /* folded */
    Str texts[SAY_TEXTS][3];                            /* null: the usual one; by LANGUAGES */
} Handoff;

Handoff handoff_read(Ctx *c, JsonText config);
/* In fr, en or ar (anything else: fr). Never empty. */
Str handoff_text(const Handoff *h, HandoffText what, Str language);
/* Does the contact ask for a person? */
bool handoff_asked(Ctx *c, const Handoff *h, Str question);
/* Nothing but a greeting or thanks? */
bool handoff_is_greeting(Ctx *c, Str question);

/* Words in lower case without accents, one space between and around: " bonjour a tous ". */
Str text_folded(Ctx *c, Str text);

#endif
