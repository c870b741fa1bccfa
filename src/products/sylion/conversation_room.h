/* SPDX-License-Identifier: Apache-2.0
 * What inbound.c, contacts.c, statuses.c and conversation.c share. */
#ifndef SOCLE_SYLION_CONVERSATION_ROOM_H
#define SOCLE_SYLION_CONVERSATION_ROOM_H

#include "products/sylion/contacts.h"
#include "products/sylion/conversation.h"

/* A contact's open conversation, as a message finds it. */
typedef struct ThreadRow {
    Id contact_n, conversation_n;
    Str conversation_id, status, name; /* name: the contact's, where it was looked for */
    int64_t recency;
} ThreadRow;
extern const Record thread_row_record;

/* conversations.recency of a last message of that time. */
int64_t recency_of(Time at);

/* (tx) Locked until the transaction ends. */
MUST_USE Err *thread_open(Ctx *c, const Scope *s, Id channel, Id contact, ThreadRow *out,
                          bool *found);
/* (tx) The open conversation of a contact whose row is locked, or a new one, which is told. */
MUST_USE Err *thread_open_or_add(Ctx *c, const Scope *s, Id channel, Id contact,
                                 const Identity *who, ThreadRow *out, bool *made);

/* How far a status is: 0 for those of ours before `sent`. */
int64_t status_rank(Str status);
/* (tx) Apply to a message what was told about its external_id before that was known. */
MUST_USE Err *statuses_apply(Ctx *c, const Scope *s, Id channel, Str external_id);

/* (tx) Events. Long texts are cut so that an event stays within its bounds. */
MUST_USE Err *message_tell(Ctx *c, const Scope *s, const char *type, const Message *m);
MUST_USE Err *message_tell_by_n(Ctx *c, const Scope *s, const char *type, Id message);
MUST_USE Err *conversation_tell(Ctx *c, const Scope *s, Id conversation);
MUST_USE Err *conversation_ended(Ctx *c);

/* What a list of conversations shows of a message. */
Str message_glimpse(Str type, Str content);
/* A name of the outside's that fits an index: a longer one is replaced by its hash. */
Str name_fit(Ctx *c, Str name);
/* Text that a database takes: valid UTF-8 without NUL, of at most `bytes`. */
Str text_fit(Ctx *c, Str text, ptrdiff_t bytes);

#endif
