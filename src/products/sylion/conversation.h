/* SPDX-License-Identifier: Apache-2.0
 * Conversations and their messages: the one door through which messages come in and go out.
 *
 * Who writes a message into a conversation changes the conversation's row first: that row's lock is
 * what puts messages in order and what a turn decides under. What has come in is answered, and what
 * is to go out is sent, by one job for each conversation (turn.h), asked for in the same transaction;
 * its unique key is the conversation's n, so that one runs at a time and none is missed.
 *
 * Calls marked (tx) belong into a transaction. */
#ifndef SOCLE_SYLION_CONVERSATION_H
#define SOCLE_SYLION_CONVERSATION_H

#include "products/sylion/records.h"
#include "products/sylion/scope.h"

/* A message that a channel brought. Texts are borrowed. */
typedef struct Inbound {
    Str external_id;     /* wamid; any number of deliveries of one is one message */
    Str type;            /* text, image, audio, video, document, sticker, location, contacts, interactive,
                            button, reaction, order, system, unsupported */
    Str content;         /* what a reader would read: text, caption, title of a button; "" */
    Str phone, user_key; /* E.164 with +; either may be null, not both */
    Str name, reply_to;
    JsonText metadata, media, raw;
    Time provider_at;
} Inbound;

typedef struct Stored {
    Id conversation, message;
    Str message_id;
    bool known; /* this external_id had come before: nothing was done */
} Stored;

/* (tx) Store them in their order: contact and conversation are found or made (a new conversation after
 * one that ended), the turn is asked for after the channel's debounce. Reactions and system messages
 * are stored and ask for none; nor does a conversation that a person has taken over, or is paused.
 * A time of the provider's in the future counts as now. */
MUST_USE Err *inbound_store(Ctx *c, const Scope *s, const Channel *channel, const Inbound *in,
                            ptrdiff_t count, Stored *out);

/* What the provider says of a message that we sent. */
typedef struct StatusTold {
    Str external_id, status; /* sent, delivered, read, played, failed */
    JsonText errors;
    Time at;
} StatusTold;
/* (tx) Kept, and applied to the message as far as it goes forward: sent < delivered < read; failed is
 * only believed of what was not delivered. For ids that we do not know (yet), kept only. */
MUST_USE Err *statuses_store(Ctx *c, const Scope *s, const Channel *channel, const StatusTold *told,
                             ptrdiff_t count);

/* A message of ours: of the assistant, a person, or the system. */
typedef struct Outbound {
    Str author; /* assistant, person, system */
    Id author_id, turn;
    Str type, content; /* text, template, image, document, audio */
    JsonText metadata; /* citations of an answer; a template's name, language and parameters */
    JsonText media;
    Str reply_to;
} Outbound;
/* (tx) Store it as pending and ask for the conversation's job, which sends it. CONFLICT
 * CONVERSATION_ENDED. */
MUST_USE Err *outbound_add(Ctx *c, const Scope *s, Id conversation, const Outbound *m, Message *out);

/* (tx) The conversation's row, locked until the transaction ends. */
MUST_USE Err *conversation_lock(Ctx *c, const Scope *s, Id conversation, Conversation *out);
/* (tx) Ask for its job, after delay_ms. */
MUST_USE Err *conversation_wake(Ctx *c, const Scope *s, Id conversation, int64_t delay_ms);
/* (tx) active, paused, ended, handoff; with a reason for handoff. Told as an event. */
MUST_USE Err *conversation_set_status(Ctx *c, const Scope *s, Id conversation, const char *status,
                                      Str reason);

/* (tx) A message's new state, and the event that tells it; NULL status, null reason: as they are.
 * external_id: what the provider called it, with which statuses that came before are applied. */
MUST_USE Err *message_set(Ctx *c, const Scope *s, Id message, const char *status, Str reason,
                          Str external_id);
/* The last `limit` messages up to and with `last` (none: all), oldest first; struct Message. */
MUST_USE Err *messages_before(Ctx *c, const Scope *s, Id conversation, Id last, int64_t limit,
                              Rows *out);

#endif
