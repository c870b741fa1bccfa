/* SPDX-License-Identifier: Apache-2.0
 * Webhooks that we post: what a product's job calls for one try.
 *
 *   POST <url>                       <prefix>-Event: alert.match
 *   <prefix>-Delivery: <delivery>    the same at every try
 *   <prefix>-Signature: sha256=<hex of HMAC-SHA256 of the body, by the receiver's secret>
 *   {"type": "alert.match", "id": "<delivery>", "timestamp": "<of this try>", "data": {…}}
 *
 * The time is inside what is signed: a receiver refuses what is old. Any 2xx is good. Redirects are
 * not followed. */
#ifndef SOCLE_API_WEBHOOK_H
#define SOCLE_API_WEBHOOK_H

#include "core/err.h"

typedef struct Webhook {
    Str url, secret;     /* the secret as the receiver knows it */
    const char *product; /* of the User-Agent: "robian"; and of the headers' prefix: "X-Robian" */
    const char *prefix;
    Str event, delivery, data; /* data: JSON */
    bool private_too;          /* addresses that are not public are allowed */
    bool refusal_ends;         /* 400, 401, 403, 404, 422 are INVALID, which no job tries again */
    int64_t timeout_ms;
} Webhook;

/* One try. UPSTREAM for other answers than 2xx; else as http_call. */
MUST_USE Err *webhook_post(Ctx *c, const Webhook *webhook);

#endif
