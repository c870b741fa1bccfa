/* SPDX-License-Identifier: Apache-2.0
 * Somebody plays the contact: what a contact of a channel does, as WhatsApp would tell it to our own
 * webhook. The payload is WhatsApp's, it is signed with the channel's app secret, and it goes in by the
 * webhook's door: proof, reading, sorting, limits, storing are the real ones. */
#ifndef SOCLE_SYLION_SIMULATOR_H
#define SOCLE_SYLION_SIMULATOR_H

#include "products/sylion/records.h"
#include "products/sylion/scope.h"

/* What the contact writes, or (status set) what his phone reports of a message of ours. */
typedef struct Simulated {
    Str from, name; /* E.164, and what his profile says */
    Str text, reply_to;
    Str status; /* delivered, read, failed; null: a message */
    Str external_id;
} Simulated;

/* *payload: what was posted. BAD_REQUEST: the channel has no app secret to sign with. */
MUST_USE Err *simulator_deliver(Ctx *c, const Channel *channel, const Simulated *what,
                                Str *payload);

#endif
