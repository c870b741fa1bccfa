/* SPDX-License-Identifier: Apache-2.0
 * WhatsApp's two doors, Meta's Cloud API and 360dialog, which speak the same JSON with other
 * addresses and headers. Everything here is one call to the outside, made once unless said
 * otherwise; what may be repeated is decided in turn.c by what the error says.
 *
 * Errors: INVALID for good, with the provider's code as Err.code ("131047": outside the 24-hour
 * window); NOT_CONFIGURED (no key, or it is refused); RATE_LIMITED and UNAVAILABLE: certainly
 * not sent, may be tried again; UPSTREAM and TIMEOUT: nobody knows whether it was sent. */
#ifndef SOCLE_SYLION_SEND_H
#define SOCLE_SYLION_SEND_H

#include "products/sylion/records.h"

/* Send one message (text, template, image, document, audio, video) to a contact; *external_id:
 * its wamid.
 *
 *   text      longer than WhatsApp takes at once (4096 characters) it goes out in parts, one after
 *             the other, cut at paragraphs, sentences, words; the id is the last part's. When a
 *             later part cannot be sent the error is UPSTREAM and says how many were: trying again
 *             would repeat them
 *   template  metadata {"name", "language", "parameters": ["…"]}, or "components" as WhatsApp wants
 *             them; it may stand under "template"
 *   others    media {"blob", "mimeType", "filename"}; content is the caption (not of audio)
 *
 * With WHATSAPP_DRY_RUN, and on channels that are simulated, nothing goes out, and the id says so
 * ("dry-run:…"). Waits. */
MUST_USE Err *whatsapp_send(Ctx *c, const Channel *channel, const Contact *to, const Message *m,
                            Str *external_id);
/* Show the contact that its message was read, and that somebody is typing. Failure is no matter. */
void whatsapp_seen(Ctx *c, const Channel *channel, Str external_id, bool typing);
/* Fetch an attachment into the blob store; INVALID when it is not what was announced (hash, size,
 * type), TOO_LARGE over the channel's limit. Tries of its own where that is safe. Waits. */
MUST_USE Err *whatsapp_media(Ctx *c, const Channel *channel, Str media_id, Str sha256, Str *blob,
                             Str *mime, int64_t *size);

#endif
