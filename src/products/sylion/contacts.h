/* SPDX-License-Identifier: Apache-2.0
 * Contacts: who a message is from. A person is known by user_key (WhatsApp's business-scoped id, a
 * widget's session), by phone, or by both; either finds the contact. What is learnt when a message
 * carries both, the user_key being the person's for good and a phone number only lent:
 *
 *   known by one of them only            the other is written down with it
 *   two contacts, one by user_key and    they are one person: the latter's conversations go to the
 *   one by phone alone                   former, and what was open in both goes on in the former's
 *   the phone is another user_key's      the number has a new owner: it is taken from the old one, who
 *                                        stays with his user_key and his conversations */
#ifndef SOCLE_SYLION_CONTACTS_H
#define SOCLE_SYLION_CONTACTS_H

#include "products/sylion/records.h"
#include "products/sylion/scope.h"

typedef struct Identity {
    Str phone, user_key; /* either may be null, not both */
    Str name;            /* of a new contact; may be null */
    JsonText metadata;   /* the same */
} Identity;

/* (tx) Find, link, merge or make it; its row is locked until the transaction ends. *moved: what was known of
 * other contacts or their conversations may be so no more. */
MUST_USE Err *contact_settle(Ctx *c, const Scope *s, Id channel, const Identity *who, Id *contact,
                             bool *moved);
MUST_USE Err *contact_load(Ctx *c, const Scope *s, Id contact, Contact *out);

#endif
