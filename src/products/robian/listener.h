/* SPDX-License-Identifier: Apache-2.0
 * Listeners: whom collections, favourites, activities and alerts belong to. A signed-in user, or
 * a device: an app without accounts, known by an opaque `user_id` (query parameter) that it got
 * together with a secret from POST /api/devices and proves by the header X-Device-Secret.
 *
 * Where ROBIAN_OPEN_DEVICES is on, a user_id of 16 to 64 characters that no secret was ever given
 * for is enough, as in the first version. One with a secret always needs it.
 *
 * Calls marked (tx) belong into a transaction. */
#ifndef SOCLE_ROBIAN_LISTENER_H
#define SOCLE_ROBIAN_LISTENER_H

#include "api/route.h"

enum { DEVICE_ID_MIN = 16, DEVICE_ID_MAX = 64, ACTIVITIES_KEPT = 200 };

typedef struct Listener {
    Str owner;   /* as stored: u:<users.id>, d:<devices.id>; d:0 (owns nothing) for an open device
                    that has only read so far */
    Str user_id; /* as clients know it: the user's UUID, the device's own text */
} Listener;

/* Who calls: the signed-in user (user_id is then ignored), else the device named by the query's
 * `user_id`. UNAUTHENTICATED without either or with a wrong secret; FORBIDDEN for an API key of an
 * organisation, or one without the route's scope; INVALID for a user_id of another length. Reads
 * (GET, HEAD) make no device. */
MUST_USE Err *listener_of(Ctx *c, Call *k, Listener *out);
/* The same for who may also be nobody: without a token and a user_id *found is false. */
MUST_USE Err *listener_maybe(Ctx *c, Call *k, Listener *out, bool *found);
/* The same with a user_id that came another way (a body); null: as listener_of. */
MUST_USE Err *listener_named(Ctx *c, Call *k, Str user_id, Listener *out);

/* (tx) Whoever else holds this owner's lock has committed: what is counted now stays so. */
MUST_USE Err *listener_lock(Ctx *c, const Listener *l);
/* (tx) Note what the listener did: `kind` as in activity_kinds, debate_n 0: of no debate; data:
 * JSON. Only the latest ACTIVITIES_KEPT of an owner stay. */
MUST_USE Err *listener_did(Ctx *c, const Listener *l, Str kind, int64_t debate_n, Str data);

/* In the query record of every route that asks listener_of: a member `Str user_id`. */
#define LISTENER_FIELD(Type)                                                             \
    FIELD(Type, user_id, .min = DEVICE_ID_MIN, .max = DEVICE_ID_MAX,                     \
          .doc = "Of a device (POST /api/devices), with its secret in X-Device-Secret; " \
                 "not needed by who is signed in")
/* For routes whose query has nothing else. */
typedef struct ListenerQuery {
    Str user_id;
} ListenerQuery;
extern const Record listener_query_record;

#endif
