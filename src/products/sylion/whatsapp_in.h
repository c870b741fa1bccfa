/* SPDX-License-Identifier: Apache-2.0
 * What a WhatsApp webhook says, taken apart. Meta's Cloud API and 360dialog send the same entry
 * × changes × value; 360dialog's first version, and tests, send a value alone (`{"contacts":
 * [], "messages": []}`). Nothing is looked up, stored or logged here.
 *
 * Every message and every status is a part of its own, and so is whatever cannot be read: one
 * broken part never takes the others with it, and nothing of a payload goes without a part.
 *
 * What is read of a message:
 *   type      the provider's, where it is one of Inbound.type; edit and revoke are `system`; others
 *             are `unsupported`
 *   content   the text, caption, title of what was pressed, or what was shared, put into words
 *   media     {"id", "mimeType", "sha256", "filename", "voice", "animated"} of an attachment
 *   metadata  what else a reader may want, under the provider's names: context, referral,
 *             interactive, button, reaction, location, contacts, order, system, edit, revoke,
 *             errors; and ours: providerType, truncated
 *   raw       the message as it came */
#ifndef SOCLE_SYLION_WHATSAPP_IN_H
#define SOCLE_SYLION_WHATSAPP_IN_H

#include "core/json.h"
#include "products/sylion/conversation.h"

typedef enum PartKind {
    PART_MESSAGE,
    PART_STATUS,
    PART_UNUSED, /* understood, and nothing is done with it: calls, templates, accounts, errors */
    PART_BROKEN
} PartKind;

/* Which of our numbers it is about. */
typedef struct WhatsappNumber {
    Str phone_number_id; /* Meta's name for it; null if not told */
    Str phone;           /* E.164; null if not told, or no number */
    Str account;         /* the business account's id; null if not told */
} WhatsappNumber;

typedef struct WhatsappPart {
    PartKind kind;
    WhatsappNumber number;
    Inbound message;   /* provider_at is null where it was not told, or makes no sense */
    StatusTold status; /* so is at */
    Str reason;        /* of unused: "calls", "status.deleted"; of broken: a sentence */
    JsonText raw;      /* of what is not a message or status */
} WhatsappPart;

typedef struct WhatsappPayload {
    bool flat; /* not in Meta's wrapping */
    WhatsappPart *parts;
    ptrdiff_t count;
} WhatsappPayload;

enum { WHATSAPP_PARTS_MAX = 5000, WHATSAPP_CONTENT_MAX = 65536 };

/* Texts are in c's arena. BAD_REQUEST for what is no JSON object; TOO_LARGE for more parts than
 * WHATSAPP_PARTS_MAX. */
MUST_USE Err *whatsapp_read(Ctx *c, Str body, WhatsappPayload *out);

/* A message's own part, by its type (whatsapp_types.c): type, content, media, metadata of *out.
 * One that lacks what its type needs is `unsupported`. `errors`: of the value around it, or
 * NULL. */
void whatsapp_type_read(Arena *arena, const json_t *message, const json_t *errors, Inbound *out);

#endif
