/* SPDX-License-Identifier: Apache-2.0
 * /api/devices: accounts for apps without accounts; what is kept about a listener, and its erasure;
 * the nightly clean-up of what nobody owns any more. */
#include "core/rand.h"
#include "api/auth.h"
#include "products/robian/listener.h"
#include "products/robian/listeners_sql.h"
#include "products/robian/listening_jobs.h"
#include "products/robian/routes.h"

enum { ID_BYTES = 18, SECRET_BYTES = 32, UNUSED_DAYS = 30, ACTIVITY_DAYS = 400 };

/* -- making ------------------------------------------------------------------------------------ */

typedef struct DeviceMade {
    Str user_id, secret;
} DeviceMade;
static const Field device_made_fields[] = {
    FIELD(DeviceMade, user_id, .doc = "To be sent as `user_id`"),
    FIELD(DeviceMade, secret, .doc = "To be sent as X-Device-Secret; shown this once"),
};
static const Record device_made_record =
    RECORD_AS("Device", DeviceMade, device_made_fields, .doc = "A listener without an account");

static Err *device_make(Ctx *c, Call *k) {
    DeviceMade *made = call_out(k);
    int64_t id;
    made->user_id = rand_token(c->arena, S(""), ID_BYTES);
    made->secret = rand_token(c->arena, S("ds_"), SECRET_BYTES);
    reply_header(k->r, S("Cache-Control"), S("no-store"));
    return db_int(c, SQL(SQL_DEVICE_ADD),
                  ARGS(V(made->user_id), V(secret_digest(c->arena, made->secret)), V(time_now())),
                  &id);
}

/* -- what is kept ------------------------------------------------------------------------------ */

typedef struct Kept {
    Str user_id;
    int64_t collections, favorites, activities, alerts;
} Kept;
static const Field kept_fields[] = {
    FIELD(Kept, user_id),    FIELD(Kept, collections), FIELD(Kept, favorites),
    FIELD(Kept, activities), FIELD(Kept, alerts),
};
static const Record kept_record =
    RECORD_AS("ListenerFigures", Kept, kept_fields, .doc = "How much is kept of a listener");

static Err *me_get(Ctx *c, Call *k) {
    Listener l;
    Kept *kept = call_out(k);
    TRY(listener_of(c, k, &l));
    TRY(db_one(c, SQL(SQL_LISTENER_FIGURES), ARGS(V(l.owner)), &kept_record, kept));
    kept->user_id = l.user_id;
    return NULL;
}

static Err *me_erase_all(Ctx *c, void *arg) {
    const Listener *l = arg;
    TRY(listener_lock(c, l));
    TRY(db_exec(c, SQL(SQL_COLLECTIONS_ERASE), ARGS(V(l->owner)), NULL));
    TRY(db_exec(c, SQL(SQL_FAVORITES_ERASE), ARGS(V(l->owner)), NULL));
    TRY(db_exec(c, SQL(SQL_ACTIVITIES_ERASE), ARGS(V(l->owner)), NULL));
    TRY(db_exec(c, SQL(SQL_ALERTS_ERASE), ARGS(V(l->owner)), NULL));
    if (!str_starts(l->owner, S("d:"))) return NULL;
    return db_exec(c, SQL(SQL_DEVICE_REMOVE), ARGS(V(l->owner)), NULL);
}

static Err *me_erase(Ctx *c, Call *k) {
    Listener l;
    TRY(listener_of(c, k, &l));
    TRY(db_transaction(c, me_erase_all, &l));
    call_message(c, k, S("Données effacées"));
    return NULL;
}

/* -- clean-up ---------------------------------------------------------------------------------- */

static Err *purge_all(Ctx *c, void *arg) {
    (void)arg;
    Time now = time_now();
    TRY(db_exec(c, SQL(SQL_DEVICES_PURGE), ARGS(V(time_add(now, -UNUSED_DAYS * US_PER_DAY))),
                NULL));
    TRY(db_exec(c, SQL(SQL_COLLECTIONS_ORPHANED), NO_ARGS, NULL));
    TRY(db_exec(c, SQL(SQL_FAVORITES_ORPHANED), NO_ARGS, NULL));
    TRY(db_exec(c, SQL(SQL_ALERTS_ORPHANED), NO_ARGS, NULL));
    TRY(db_exec(c, SQL(SQL_ACTIVITIES_ORPHANED), NO_ARGS, NULL));
    return db_exec(c, SQL(SQL_ACTIVITIES_PURGE),
                   ARGS(V(time_add(now, -ACTIVITY_DAYS * US_PER_DAY))), NULL);
}

Err *listeners_purge(Ctx *c, Job *job) {
    (void)job;
    return db_transaction(c, purge_all, NULL);
}

const Route device_routes[] = {
    {POST, "/api/devices", device_make, .access = ACCESS_OPEN, .out = &device_made_record,
     .rate = RATE_AUTH, .tag = "listeners",
     .doc = "An account for an app without accounts. The secret is shown once; whoever loses the "
            "answer makes another device: one that nobody uses goes after 30 days"},
    {GET, "/api/devices/me", me_get, .access = ACCESS_OPEN, .scope = "listening:read",
     .query = &listener_query_record, .out = &kept_record, .errors = "401 403", .tag = "listeners",
     .doc = "How much is kept of the calling user or device"},
    {DELETE, "/api/devices/me", me_erase, .access = ACCESS_OPEN, .scope = "listening:write",
     .query = &listener_query_record, .out = &message_record, .rate = RATE_WRITE,
     .errors = "401 403", .tag = "listeners",
     .doc = "Erase all that is kept of the calling user or device, and the device itself; a user's "
            "account stays (see /api/v1/users)"},
    {0},
};
