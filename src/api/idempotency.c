/* SPDX-License-Identifier: Apache-2.0
 * Idempotency-Key: one row a key, claimed before the handler runs and settled with its answer.
 *
 *              claim                    settle
 *    (none) ──────────▶ under way ───────────────────▶ done ──24 h──▶ (none)
 *       ▲                │  ▲  │ handler failed (5xx)    │
 *       └────────────────┼──┼──┘                         └──▶ the same answer again
 *                        └──┘ lease run out: the next caller takes over
 *
 * A handler that calls call_settle in its own transaction makes effect and answer one: a crash
 * leaves both or neither. Every route with an effect in the database does. Else the answer is
 * stored right after the handler, and a crash between the two lets the effect happen again when
 * the lease is over. The claim is the caller's fence: who was taken over from cannot settle, and
 * his transaction fails. */
#include <sodium.h>

#include "api/api_sql.h"
#include "api/auth.h"
#include "api/base_settings.h"
#include "api/router_room.h"
#include "core/log.h"

enum {
    KEY_BYTES_MAX = 255,
    KEPT_HOURS = 24,
    LEASE_S = 60,
    TIMEOUT_USUAL_MS = 60000, /* of a route that names none: the server's */
    BODY_KEPT_MAX = 1024 * 1024
};

typedef struct Claim {
    Str owner, key, fingerprint, token;
    bool settled;
} Claim;

typedef struct Stored {
    Str fingerprint;
    Time lease_until;
    OptInt status;
    Str content_type, headers, etag, body;
} Stored;
static const Field stored_fields[] = {
    FIELD(Stored, fingerprint),  FIELD(Stored, lease_until), FIELD(Stored, status),
    FIELD(Stored, content_type), FIELD(Stored, headers),     FIELD(Stored, etag),
    FIELD(Stored, body),
};
static const Record stored_record = RECORD(Stored, stored_fields);

static bool key_sane(Str key) {
    if (key.len < 1 || key.len > KEY_BYTES_MAX) return false;
    for (ptrdiff_t i = 0; i < key.len; i++)
        if (key.data[i] <= ' ' || key.data[i] > '~') return false;
    return true;
}

/* A key is its caller's own: nobody meets the answers of another. Without an account the address is
 * part of it, which is little, but the body (with its password, say) must be the same as well. */
static Str owner_of(const Ctx *c) {
    if (!id_is_none(c->account.user))
        return strf(c->arena, "user:%lld:%lld", (long long)c->account.user.value,
                    (long long)c->account.organisation.value);
    return strf(c->arena, "address:%.*s", S_ARG(c->client_ip));
}

static void hash_text(crypto_auth_hmacsha256_state *state, Str text) {
    int64_t length = text.len; /* so that no two lists of texts run together to the same bytes */
    crypto_auth_hmacsha256_update(state, (const unsigned char *)&length, sizeof length);
    if (text.len)
        crypto_auth_hmacsha256_update(state, (const unsigned char *)text.data,
                                      (unsigned long long)text.len);
}

/* Keyed: a body may hold a password, which a plain hash would let be guessed at leisure. */
static Str fingerprint_of(Ctx *c, const Call *k, Str owner, Str secret) {
    unsigned char hash[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    Str path = k->q->path;
    if (path.len > 1 && str_ends(path, S("/"))) path.len--; /* both forms are one request */
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret.data, (size_t)secret.len);
    hash_text(&state, S("socle idempotency v1"));
    hash_text(&state, k->q->method_text);
    hash_text(&state, path);
    hash_text(&state, k->q->query);
    hash_text(&state, owner);
    hash_text(&state, k->body);
    /* Devices have no account: what tells them apart behind one address. */
    Str device = req_header(k->q, S("X-Device-Secret"));
    if (device.data) hash_text(&state, device);
    /* Nor have those who show a token of another kind (a website's visitors). */
    Str shown = req_header(k->q, S("Authorization"));
    if (id_is_none(c->account.user) && shown.data) hash_text(&state, shown);
    crypto_auth_hmacsha256_final(&state, hash);
    return str_hex(c->arena, hash, (ptrdiff_t)sizeof hash);
}

/* Refusals hold no secret. */
static bool sealed(const Route *route, int64_t status) { return route->secret_out && status < 400; }

static Err *replay(Ctx *c, Call *k, const Stored *stored) {
    Reply *r = k->r;
    Str body = stored->body;
    if (!body.data)
        FAIL(c, CONFLICT,
             "This request was carried out before, but its answer was too large to be kept.");
    if (sealed(k->route, stored->status.value) && secret_open(c, stored->body, &body))
        FAIL(
            c, CONFLICT,
            "This request was carried out before, but the key its answer was sealed with is gone.");
    reply_text(r, (int)stored->status.value, stored->content_type, body);
    buf_add(&r->headers, stored->headers);
    r->etag = stored->etag;
    reply_header(r, S("Idempotency-Replayed"), S("true"));
    k->answered = true;
    return NULL;
}

static bool made_by(Ctx *c, const Call *k, Str owner, Str secret, Str fingerprint) {
    return secret.len > 0 && str_eq(fingerprint, fingerprint_of(c, k, owner, secret));
}

/* Somebody has the key: his answer, or why there is none. */
static Err *claim_lost(Ctx *c, Call *k, const Claim *claim, bool *replayed) {
    Stored stored = {0};
    bool found;
    TRY(db_maybe(c, SQL(SQL_IDEMPOTENCY_LOAD), ARGS(V(claim->owner), V(claim->key)), &stored_record,
                 &stored, &found));
    if (found && !str_eq(stored.fingerprint, claim->fingerprint) &&
        !made_by(c, k, claim->owner, settings.secret_key_previous, stored.fingerprint))
        FAIL(c, INVALID, "This Idempotency-Key was used for another request.");
    if (found && stored.status.set) {
        *replayed = true;
        return replay(c, k, &stored);
    }
    Err *err =
        err_new(c, ERR_CONFLICT, __func__, "A request with this Idempotency-Key is still running.");
    err->retry_after_s = 1;
    return err;
}

Err *claim_take(Ctx *c, Call *k, bool *replayed) {
    *replayed = false;
    Str key = k->route->idempotent ? req_header(k->q, S("Idempotency-Key")) : (Str){0};
    if (!key.data) return NULL;
    if (!key_sane(key))
        FAIL(c, BAD_REQUEST, "The Idempotency-Key must be 1 to %d visible ASCII characters.",
             KEY_BYTES_MAX);
    Claim *claim = arena_new_of(c->arena, Claim);
    claim->owner = owner_of(c);
    claim->key = key;
    claim->token = uuid_v4(c->arena);
    claim->fingerprint = fingerprint_of(c, k, claim->owner, settings.secret_key);
    Time now = time_now();
    int64_t timeout_ms = k->route->timeout_ms ? k->route->timeout_ms : TIMEOUT_USUAL_MS;
    Time lease = time_add(now, LEASE_S * US_PER_SECOND + timeout_ms * US_PER_MS);
    Time expiry = time_add(now, KEPT_HOURS * US_PER_HOUR);
    ptrdiff_t changed = 0;
    coro_shield(c); /* a claim of which nobody knows would stand until its lease is over */
    Err *err = db_exec(c, SQL(SQL_IDEMPOTENCY_CLAIM),
                       ARGS(V(claim->owner), V(claim->key), V(claim->fingerprint), V(claim->token),
                            V(lease), V(expiry), V(now)),
                       &changed);
    coro_unshield(c);
    if (err) return err;
    if (changed == 0) return claim_lost(c, k, claim, replayed);
    k->claim = claim;
    return NULL;
}

/* Only the handler's own lines: what every answer carries is new each time. */
static Err *settle(Ctx *c, Call *k) {
    Claim *claim = k->claim;
    const Reply *r = k->r;
    Str lines = buf_str(&r->headers), none = {0};
    lines = str_slice(lines, k->head_len, lines.len);
    bool kept = r->body.len <= BODY_KEPT_MAX && !r->begun && !r->file && str_utf8_valid(r->body);
    Str body = kept ? r->body : none;
    if (sealed(k->route, r->status)) body = secret_seal(c, body);
    ptrdiff_t changed = 0;
    TRY(db_exec(c, SQL(SQL_IDEMPOTENCY_SETTLE),
                ARGS(V(claim->owner), V(claim->key), V(claim->token), V(r->status),
                     V(r->content_type), V(lines), V(r->etag), V(body)),
                &changed));
    if (changed == 0)
        FAIL(c, CONFLICT, "This request took so long that another one with its key took over.");
    return NULL;
}

Err *call_settle(Ctx *c, Call *k) {
    if (!k->claim) return NULL;
    if (k->encoded && !k->composed) { /* the transaction runs again: encode what it made now */
        k->encoded = false;
        k->r->body = S("");
    }
    call_encode(c, k);
    TRY(settle(c, k));
    k->claim->settled = true;
    return NULL;
}

Err *answers_forget(Ctx *c, Id user, Str about) {
    assert(!id_is_none(user) && str_find_byte(about, '%') < 0);
    Str owners = strf(c->arena, "user:%lld:%%", (long long)user.value);
    Str pattern = about.len ? strf(c->arena, "%%%.*s%%", S_ARG(about)) : (Str){0};
    return db_exec(c, SQL(SQL_IDEMPOTENCY_FORGET), ARGS(V(owners), V(pattern)), NULL);
}

void claim_end(Ctx *c, Call *k, const Err *err_of_handler) {
    Claim *claim = k->claim;
    int status = k->r->status;
    bool failed = status >= 500 || status == 429 || status == 499;
    if (!claim || (claim->settled && !err_of_handler))
        return; /* settled, if its transaction was committed */
    /* The answer goes out though the client is gone or the time is over: this is for his next
     * try. */
    int64_t former = c->deadline_us;
    coro_shield(c);
    c->deadline_us = mono_us() + 5 * US_PER_SECOND;
    Err *err = failed ? db_exec(c, SQL(SQL_IDEMPOTENCY_RELEASE),
                                ARGS(V(claim->owner), V(claim->key), V(claim->token)), NULL)
                      : settle(c, k);
    c->deadline_us = former;
    coro_unshield(c);
    if (err)
        log_msg(c, LOG_WARN, "an Idempotency-Key was left to its lease: %.*s",
                S_ARG(err_chain(c->arena, err)));
}
