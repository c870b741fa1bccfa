/* SPDX-License-Identifier: Apache-2.0
 * Who a listener is, and the note of what he did. See listener.h. */
#include "products/robian/listener.h"

#include "api/auth.h"
#include "products/robian/listeners_sql.h"
#include "products/robian/robian.h"

typedef struct Device {
    Id id;
    Str secret_hash;
    Time seen_at;
} Device;
static const Field device_fields[] = {
    FIELD(Device, id),
    FIELD(Device, secret_hash, .flags = F_NULLABLE | F_SECRET),
    FIELD(Device, seen_at),
};
static const Record device_record = RECORD(Device, device_fields);

typedef struct UserName {
    Str user_id;
} UserName;
static const Field user_name_fields[] = {FIELD(UserName, user_id)};
static const Record user_name_record = RECORD(UserName, user_name_fields);

static const Field listener_query_fields[] = {LISTENER_FIELD(ListenerQuery)};
const Record listener_query_record = RECORD(ListenerQuery, listener_query_fields);

/* -- who -------------------------------------------------------------------------------------- */

static Err *listener_user(Ctx *c, const Call *k, Listener *out) {
    UserName name = {0};
    bool found, key = !id_is_none(c->account.api_key);
    if (key && !id_is_none(c->account.organisation))
        FAIL(c, FORBIDDEN, "This API key belongs to an organisation; these things are a person's.");
    if (!account_may(&c->account, str_c(k->route->scope)))
        FAIL(c, FORBIDDEN, "This API key lacks the scope %s.",
             k->route->scope ? k->route->scope : "*");
    TRY(db_maybe(c, SQL(SQL_LISTENER_USER), ARGS(V(c->account.user)), &user_name_record, &name,
                 &found));
    if (!found) FAIL(c, UNAUTHENTICATED, "Utilisateur introuvable");
    out->owner = strf(c->arena, "u:%lld", (long long)c->account.user.value);
    out->user_id = name.user_id;
    return NULL;
}

/* As much work for a device that does not exist as for a wrong secret. */
static bool secret_right(Ctx *c, const Call *k, const Device *device) {
    Str secret = req_header(k->q, S("X-Device-Secret"));
    Str given = secret_digest(c->arena, secret.data ? secret : S(""));
    Str stored = device->secret_hash.data ? device->secret_hash : secret_digest(c->arena, S("-"));
    return str_eq_secret(stored, given) & (device->secret_hash.data != NULL);
}

static bool reads(const Call *k) { return k->q->method & (METHOD_GET | METHOD_HEAD); }

/* Once a day is enough to know which devices are gone. */
static Err *device_seen(Ctx *c, const Device *device) {
    Time now = time_now(), old = time_add(now, -US_PER_DAY);
    if (device->seen_at.us >= old.us) return NULL;
    return db_exec(c, SQL(SQL_DEVICE_SEEN), ARGS(V(device->id), V(now), V(old)), NULL);
}

static Err *listener_device(Ctx *c, const Call *k, Str user_id, Listener *out) {
    Device device = {0};
    bool found;
    ptrdiff_t length = str_utf8_count(user_id);
    if (length < DEVICE_ID_MIN || length > DEVICE_ID_MAX) {
        Problems problems = {.arena = c->arena};
        problem_add(&problems, S("user_id"),
                    length < DEVICE_ID_MIN ? S("too_short") : S("too_long"),
                    "A user_id has %d to %d characters", (int)DEVICE_ID_MIN, (int)DEVICE_ID_MAX);
        return problems_err(c, &problems);
    }
    TRY(db_maybe(c, SQL(SQL_DEVICE_FIND), ARGS(V(user_id)), &device_record, &device, &found));
    bool right = secret_right(c, k, &device);
    bool open = robian.open_devices && !device.secret_hash.data;
    if (!right && !open) FAIL(c, UNAUTHENTICATED, "Appareil inconnu ou secret incorrect");
    if (found)
        TRY(device_seen(c, &device));
    else if (!reads(k))
        TRY(db_int(c, SQL(SQL_DEVICE_ADD), ARGS(V(user_id), value_null(), V(time_now())),
                   &device.id.value));
    out->owner = strf(c->arena, "d:%lld", (long long)device.id.value);
    out->user_id = user_id;
    return NULL;
}

static Err *listener_find(Ctx *c, Call *k, Str named, Listener *out, bool *found) {
    assert(out && found);
    *found = true;
    if (!id_is_none(c->account.user)) return listener_user(c, k, out);
    Str user_id = named.data ? named : req_query(c, k->q, S("user_id"));
    if (user_id.len > 0) return listener_device(c, k, user_id, out);
    /* Open routes let a token pass that is no good; here somebody meant to be somebody. */
    *found = req_header(k->q, S("Authorization")).data != NULL;
    if (!*found) return NULL;
    TRY(auth_sign_in(c, k->q));
    return listener_user(c, k, out);
}

Err *listener_named(Ctx *c, Call *k, Str user_id, Listener *out) {
    bool found;
    *out = (Listener){0};
    TRY(listener_find(c, k, user_id, out, &found));
    if (!found)
        FAIL(c, UNAUTHENTICATED,
             "Connectez-vous, ou donnez user_id et X-Device-Secret (POST /api/devices)");
    return NULL;
}

Err *listener_of(Ctx *c, Call *k, Listener *out) { return listener_named(c, k, (Str){0}, out); }

Err *listener_maybe(Ctx *c, Call *k, Listener *out, bool *found) {
    *out = (Listener){0};
    return listener_find(c, k, (Str){0}, out, found);
}

/* -- what he did ------------------------------------------------------------------------------- */

Err *listener_lock(Ctx *c, const Listener *l) {
    int64_t held;
    assert(c->tx);
    return db_int(c, SQL2(SQL_LISTENER_LOCK_SQLITE, SQL_LISTENER_LOCK_POSTGRES), ARGS(V(l->owner)),
                  &held);
}

Err *listener_did(Ctx *c, const Listener *l, Str kind, int64_t debate_n, Str data) {
    assert(c->tx);
    assert(l->owner.len > 2);
    JsonText note = {data.data ? data : S("{}")};
    Value debate = debate_n ? V(debate_n) : value_null();
    if (debate_n)
        TRY(db_exec(c, SQL(SQL_ACTIVITY_FORGET), ARGS(V(l->owner), V(kind), debate), NULL));
    TRY(db_exec(c, SQL(SQL_ACTIVITY_ADD),
                ARGS(V(l->owner), V(kind), debate, V(note), V(time_now())), NULL));
    return db_exec(c, SQL(SQL_ACTIVITIES_TRIM), ARGS(V(l->owner), V((int64_t)ACTIVITIES_KEPT)),
                   NULL);
}
