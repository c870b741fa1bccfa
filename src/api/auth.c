/* SPDX-License-Identifier: Apache-2.0
 * Who is calling? By access token: its signature says which user and log-in, and the database, asked
 * each time by primary key, whether both still stand; so that an erased or deactivated user, a changed
 * role or an ended log-in counts from the next request on, on every node.
 *
 * Only the signature check is remembered, and what the database said for as long as db_state gives the
 * same number, that is until anybody commits anything: a small table per loop, a slot per token by
 * hash, the later token taking the slot. By API key: its digest is looked up each time. */
#include "api/auth.h"

#include <stdlib.h>

#include "api/accounts_sql.h"
#include "api/jwt.h"
#include "core/log.h"
#include "core/map.h"

enum { REMEMBERED = 512, REMEMBERED_TOKEN_MAX = 448, REMEMBERED_EMAIL_MAX = 256 };

typedef struct Remembered {
    uint64_t hash;
    int64_t expires_us;
    Id user, session;
    ptrdiff_t len;
    char token[REMEMBERED_TOKEN_MAX];
    /* The account, as it was in this state of the database; 0: not known. */
    int64_t state;
    Role role;
    ptrdiff_t email_len;
    char email[REMEMBERED_EMAIL_MAX];
} Remembered;

static Remembered *remembered[LOOPS_MAX]; /* each touched by its loop's thread only */

typedef struct Holder {
    Id user_id, session_id;
    Str email, role;
    bool is_active;
} Holder;
static const Field holder_fields[] = {
    FIELD(Holder, user_id), FIELD(Holder, session_id), FIELD(Holder, email),
    FIELD(Holder, role),    FIELD(Holder, is_active),
};
static const Record holder_record = RECORD(Holder, holder_fields);

typedef struct KeyHolder {
    Id key_id, organisation_id, user_id;
    Str scopes, email, role;
    Time expires_at, last_used_at, revoked_at;
    bool is_active;
} KeyHolder;
static const Field key_holder_fields[] = {
    FIELD(KeyHolder, key_id),
    FIELD(KeyHolder, organisation_id),
    FIELD(KeyHolder, user_id),
    FIELD(KeyHolder, scopes),
    FIELD(KeyHolder, email),
    FIELD(KeyHolder, role),
    FIELD(KeyHolder, expires_at, .flags = F_NULLABLE),
    FIELD(KeyHolder, last_used_at, .flags = F_NULLABLE),
    FIELD(KeyHolder, revoked_at, .flags = F_NULLABLE),
    FIELD(KeyHolder, is_active),
};
static const Record key_holder_record = RECORD(KeyHolder, key_holder_fields);

static Remembered *slot_for(Str token, uint64_t *hash) {
    Loop *loop = loop_here();
    if (!loop || token.len > REMEMBERED_TOKEN_MAX) return NULL;
    Remembered **table = &remembered[loop_index(loop)];
    if (!*table) *table = calloc(REMEMBERED, sizeof(Remembered));
    if (!*table) return NULL;
    *hash = siphash_secret(token);
    return &(*table)[*hash % REMEMBERED];
}

/* *slot: where the token is remembered now; NULL: nowhere. */
static Err *token_check(Ctx *c, Str token, Id *user, Id *session, Remembered **slot) {
    uint64_t hash = 0;
    Remembered *r = *slot = slot_for(token, &hash);
    if (r && r->hash == hash && r->expires_us > time_now().us &&
        str_eq_secret(str_of(r->token, r->len), token)) {
        *user = r->user;
        *session = r->session;
        return NULL;
    }
    JwtClaims claims;
    TRY(jwt_read(c, token, &claims));
    if (r) {
        *r = (Remembered){.hash = hash,
                          .expires_us = claims.expires_at.us,
                          .user = claims.user,
                          .session = claims.session,
                          .len = token.len};
        memcpy(r->token, token.data, (size_t)token.len);
    }
    *user = claims.user;
    *session = claims.session;
    return NULL;
}

/* Keep the account beside the token. `state` was asked before it was read: if somebody has committed
 * since, no call is given that number again. The slot may be another token's by now: that it is of
 * the same log-in is all that matters. */
static void account_remember(const Account *a, Remembered *slot, int64_t state) {
    if (!slot || !id_eq(slot->user, a->user) || !id_eq(slot->session, a->session) ||
        a->email.len > REMEMBERED_EMAIL_MAX)
        return;
    slot->state = state;
    slot->role = a->role;
    slot->email_len = a->email.len;
    if (a->email.len) memcpy(slot->email, a->email.data, (size_t)a->email.len);
}

static Err *account_load(Ctx *c, Id user, Id session) {
    Holder holder = {0};
    bool found = false;
    TRY(db_maybe(c, SQL(SQL_SESSION_ACCOUNT), ARGS(V(user), V(session)), &holder_record, &holder,
                 &found));
    if (!found || !holder.is_active) FAIL(c, UNAUTHENTICATED, "Utilisateur introuvable");
    if (id_is_none(holder.session_id)) FAIL(c, UNAUTHENTICATED, "Token invalide");
    c->account = (Account){
        .user = user,
        .role = role_of(holder.role),
        .session = session,
        .email = holder.email,
    };
    return NULL;
}

static Err *sign_in_token(Ctx *c, Str token) {
    Id user, session;
    Remembered *slot;
    int64_t state;
    TRY(token_check(c, token, &user, &session, &slot));
    bool known = db_state(c, &state);
    if (known && slot && slot->state == state) {
        c->account = (Account){.user = user,
                               .role = slot->role,
                               .session = session,
                               .email = str_copy(c->arena, str_of(slot->email, slot->email_len))};
        return NULL;
    }
    TRY(account_load(c, user, session));
    if (known) account_remember(&c->account, slot, state);
    return NULL;
}

/* When a key was last used is for people to see: to the minute is enough, and failing to note it
 * (a full disk) must not refuse the caller. */
static void key_use_note(Ctx *c, const KeyHolder *holder, Time now) {
    Time stale = time_add(now, -US_PER_MINUTE);
    if (!time_is_null(holder->last_used_at) && holder->last_used_at.us >= stale.us) return;
    Err *err = db_exec(c, SQL(SQL_KEY_USED), ARGS(V(holder->key_id), V(now), V(stale)), NULL);
    if (err)
        log_msg(c, LOG_WARN, "an API key's last use was not noted: %.*s",
                S_ARG(err_chain(c->arena, err)));
}

static Err *sign_in_key(Ctx *c, Str key) {
    KeyHolder holder = {0};
    bool found = false;
    TRY(db_maybe(c, SQL(SQL_KEY_ACCOUNT), ARGS(V(secret_digest(c->arena, key))), &key_holder_record,
                 &holder, &found));
    Time now = time_now();
    if (!found || !time_is_null(holder.revoked_at) ||
        (!time_is_null(holder.expires_at) && holder.expires_at.us <= now.us))
        FAIL(c, UNAUTHENTICATED, "Token invalide");
    if (!holder.is_active) FAIL(c, UNAUTHENTICATED, "Utilisateur introuvable");
    key_use_note(c, &holder, now);
    /* An organisation's key acts in it alone, whoever made it: a role is over all of them. */
    c->account = (Account){
        .user = holder.user_id,
        .role = id_is_none(holder.organisation_id) ? role_of(holder.role) : ROLE_USER,
        .organisation = holder.organisation_id,
        .api_key = holder.key_id,
        .scopes = holder.scopes,
        .email = holder.email,
    };
    return NULL;
}

Err *auth_sign_in_with(Ctx *c, Str credential) {
    c->account = (Account){0};
    return str_starts(credential, S("sk_")) ? sign_in_key(c, credential)
                                            : sign_in_token(c, credential);
}

Err *auth_again(Ctx *c, Str credential) {
    const Account *account = &c->account;
    assert(!id_is_none(account->user));
    if (!id_is_none(account->api_key)) return sign_in_key(c, credential);
    return account_load(c, account->user, account->session);
}

Err *auth_sign_in(Ctx *c, const Req *q) {
    c->account = (Account){0};
    c->client_ip = q->client_ip;
    Str header = req_header(q, S("Authorization"));
    if (str_is_null(header)) return NULL;
    Str scheme, credential = str_trim(str_cut(header, ' ', &scheme));
    if (!str_eq_nocase(scheme, S("Bearer")) || str_is_empty(credential))
        FAIL(c, UNAUTHENTICATED, "Token invalide");
    return auth_sign_in_with(c, credential);
}

static bool scope_covers(Str held, Str scope) {
    if (str_eq(held, S("*"))) return true;
    if (str_is_empty(scope)) return false;
    if (str_eq(held, scope)) return true;
    return str_ends(held, S(":*")) && str_starts(scope, str_slice(held, 0, held.len - 1));
}

bool account_holds(const Account *account, Str scope) {
    assert(scope.len > 0);
    if (id_is_none(account->api_key)) return false;
    for (Str rest = account->scopes, held; !str_is_null(rest);) {
        rest = str_cut(rest, ' ', &held);
        if (str_eq(held, scope)) return true;
    }
    return false;
}

bool account_may(const Account *account, Str scope) {
    assert(account);
    if (id_is_none(account->user)) return false;
    if (id_is_none(account->api_key)) return true;
    for (Str rest = account->scopes, held; !str_is_null(rest);) {
        rest = str_cut(rest, ' ', &held);
        if (held.len > 0 && scope_covers(held, scope)) return true;
    }
    return false;
}
