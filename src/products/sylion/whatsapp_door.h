/* SPDX-License-Identifier: Apache-2.0
 * Behind send.h: a channel's provider as addresses and headers, and what its refusals mean. */
#ifndef SOCLE_SYLION_WHATSAPP_DOOR_H
#define SOCLE_SYLION_WHATSAPP_DOOR_H

#include "net/client.h"
#include "products/sylion/records.h"

typedef struct WhatsappDoor {
    bool cloud;  /* Meta's; else 360dialog's */
    Str base;    /* address without the last slash */
    Str number;  /* of the Cloud API: the phone number's id */
    Header auth; /* never in a log */
} WhatsappDoor;

/* NOT_CONFIGURED without a key, or, of the Cloud API, without the number's id. */
MUST_USE Err *whatsapp_door(Ctx *c, const Channel *channel, WhatsappDoor *out);
/* Of what belongs to the number: "messages", "media". */
Str whatsapp_number_url(Ctx *c, const WhatsappDoor *door, const char *what);
/* Of a thing by its id. */
Str whatsapp_id_url(Ctx *c, const WhatsappDoor *door, Str id);

/* What an answer that is not 2xx means, by send.h's kinds; Err.code is the provider's code
 * where it tells one. Both providers' shapes. */
Err *whatsapp_refusal(Ctx *c, const HttpAnswer *answer);
/* What a call without an answer means: UNAVAILABLE when the request never left, else TIMEOUT or
 * UPSTREAM. */
Err *whatsapp_silence(Ctx *c, const HttpAnswer *answer, Err *err);

/* One part of a message as JSON for POST …/messages. INVALID for what cannot be sent. */
typedef struct SendPart {
    const WhatsappDoor *door;
    const Contact *to;
    const Message *message;
    Str text;     /* of a text: this part */
    Str media_id; /* of an attachment: what the upload gave */
    bool first;   /* it alone answers another message */
} SendPart;
MUST_USE Err *send_body(Ctx *c, const SendPart *part, Str *out);

enum { WHATSAPP_TEXT_MAX = 4096, WHATSAPP_CAPTION_MAX = 1024, WHATSAPP_TEXT_PARTS_MAX = 10 };
/* As WhatsApp counts: characters above U+FFFF are two. */
ptrdiff_t whatsapp_length(Str text);
/* Cut at paragraphs, else lines, sentences, words, else anywhere between characters; each at
 * most WHATSAPP_TEXT_MAX long and none empty. INVALID ("too_long") for more than
 * WHATSAPP_TEXT_PARTS_MAX. */
MUST_USE Err *whatsapp_text_cut(Ctx *c, Str text, StrList *out);

/* Hex SHA-256 of what is announced as hex or base64; null for what is neither. */
Str whatsapp_sha256(Arena *arena, Str announced);

#endif
