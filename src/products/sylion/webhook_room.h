/* SPDX-License-Identifier: Apache-2.0
 * The webhook's parts, for each other.
 *
 *   webhook.c        the routes: read, prove, sort, limit, answer
 *   webhook_proof.c  who may say this: signatures and secrets
 *   webhook_store.c  one delivery as one durable transaction
 *   strays.c         what came for nobody, and its list */
#ifndef SOCLE_SYLION_WEBHOOK_ROOM_H
#define SOCLE_SYLION_WEBHOOK_ROOM_H

#include "products/sylion/whatsapp_in.h"

/* A channel as a webhook finds it, whosever it is. */
typedef struct WebhookTarget {
    Channel channel;
    bool gone; /* the channel or its tenant is deleted */
} WebhookTarget;
/* NULL when there is none. Of several that are gone, the last one. */
MUST_USE Err *webhook_target_by_id(Ctx *c, Str id, const WebhookTarget **out);
MUST_USE Err *webhook_target_by_number(Ctx *c, const WhatsappNumber *number,
                                       const WebhookTarget **out);

/* What a request brings to be believed. */
typedef struct Proof {
    Str body;
    Str signature; /* 32 bytes of X-Hub-Signature-256; null: none, or malformed */
    Str secret;    /* hex SHA-256 of the secret shown; null: none */
} Proof;
/* path_secret: the address's last part, null without one. */
void proof_read(Ctx *c, const Call *k, Str body, Str path_secret, Proof *out);
bool proof_offered(const Proof *p);
/* As if `key`'s owner had sent this body. */
void proof_sign(Ctx *c, Str body, Str key, Proof *out);
/* Is it believed for this channel? Where a secret is known one of them must prove it, and in
 * production always. */
MUST_USE Err *proof_of_channel(Ctx *c, const Proof *p, const Channel *channel, bool *good);
/* And for what belongs to no channel? By META_APP_SECRET. */
bool proof_of_server(const Proof *p);

/* What is written down for nobody. `number` is the longest name that was told. */
typedef struct StrayIn {
    Str number, reason, detail;
    JsonText payload;
} StrayIn;

/* What one delivery holds for one channel. */
typedef struct ChannelShare {
    const WebhookTarget *target;
    Inbound *messages;
    StatusTold *statuses;
    ptrdiff_t message_count, status_count;
} ChannelShare;

typedef struct Delivery {
    Str source; /* cloud, 360dialog */
    ChannelShare *shares;
    StrayIn *strays;
    ptrdiff_t share_count, stray_count;
} Delivery;

/* Durable when it returns; deliveries that wait at the same moment share a commit. What the
 * database refuses of it becomes a stray, alone. */
MUST_USE Err *delivery_store(Ctx *c, Delivery *d);

/* All that the routes do with a body, from its proof to its durable end. channel: by the address; null:
 * it names none. *source: 360dialog, cloud. UNAUTHENTICATED, RATE_LIMITED; BAD_REQUEST for what is no
 * JSON. */
MUST_USE Err *webhook_take(Ctx *c, const Proof *proof, Str channel, Str *source);

/* (tx) Counted by source, number and reason; the latest payload stays. */
MUST_USE Err *stray_add(Ctx *c, Str source, const StrayIn *stray);

#endif
