/* SPDX-License-Identifier: Apache-2.0
 * Log-ins (sessions) and their tokens. A session is what a refresh-token family belongs to:
 *
 *   issue ──> session + refresh token 1 + access token (names the session)
 *   refresh(1) ──> 1 is spent, 2 is made, the session lives on        one statement decides who wins
 *   refresh(1) again ──> a replay: the session is revoked, so 2 and every access token of it are dead
 *
 * Whether a token is good is always asked of the session, so nothing has to be found and marked when
 * one ends. Only SHA-256 digests of refresh tokens are stored: they are 32 random bytes. */
#include "api/accounts_sql.h"
#include "api/auth.h"
#include "api/base_settings.h"
#include "api/jwt.h"
#include "core/log.h"
#include "core/rand.h"

enum { REFRESH_BYTES = 32, SESSIONS_PER_USER = 1000 };

static const Str refresh_prefix = S_INIT("rt_");

typedef struct SpentToken {
    Id id, user_id; /* of the session */
    Time used_at, revoked_at;
} SpentToken;
static const Field spent_fields[] = {
    FIELD(SpentToken, id),
    FIELD(SpentToken, user_id),
    FIELD(SpentToken, used_at, .flags = F_NULLABLE),
    FIELD(SpentToken, revoked_at, .flags = F_NULLABLE),
};
static const Record spent_record = RECORD(SpentToken, spent_fields);

static Time refresh_expiry(Time now) {
    return time_add(now, settings.refresh_token_days * US_PER_DAY);
}

/* The next pair of a session, inside the transaction that spent the former one or made the session. */
static Err *pair_make(Ctx *c, const User *user, Id session, Time now, TokenPair *out) {
    Str refresh = rand_token(c->arena, refresh_prefix, REFRESH_BYTES);
    TRY(db_exec(
        c, SQL(SQL_REFRESH_INSERT),
        ARGS(V(session), V(secret_digest(c->arena, refresh)), V(now), V(refresh_expiry(now))),
        NULL));
    int64_t lifetime_us = settings.access_token_minutes * US_PER_MINUTE;
    JwtClaims claims = {
        .user = user->id,
        .session = session,
        .role = user->role,
        .jti = uuid_v4(c->arena),
        .issued_at = now,
        .expires_at = time_add(now, lifetime_us),
    };
    *out = (TokenPair){
        .access_token = jwt_make(c, &claims),
        .refresh_token = refresh,
        .expires_in = lifetime_us / US_PER_SECOND,
    };
    return NULL;
}

typedef struct Issue {
    const User *user;
    TokenPair *out;
} Issue;

static Err *session_start(Ctx *c, void *arg) {
    const Issue *issue = arg;
    Time now = time_now();
    Id session;
    TRY(db_int(c, SQL(SQL_SESSION_INSERT), ARGS(V(issue->user->id), V(now), V(refresh_expiry(now))),
               &session.value));
    TRY(db_exec(c, SQL(SQL_SESSION_TRIM), ARGS(V(issue->user->id), V(SESSIONS_PER_USER)), NULL));
    return pair_make(c, issue->user, session, now, issue->out);
}

Err *auth_tokens_issue(Ctx *c, const User *user, TokenPair *out) {
    assert(user && !id_is_none(user->id));
    Issue issue = {user, out};
    return db_transaction(c, session_start, &issue);
}

typedef struct Rotation {
    Str digest;
    User *user;
    TokenPair *out;
    bool done;
    SpentToken spent; /* replayed: what was found */
    bool replayed;
} Rotation;

static Err *replay_answer(Ctx *c, Rotation *r, Time now) {
    bool found = false;
    TRY(db_maybe(c, SQL(SQL_REFRESH_SESSION), ARGS(V(r->digest)), &spent_record, &r->spent,
                 &found));
    if (!found || time_is_null(r->spent.used_at) || !time_is_null(r->spent.revoked_at)) return NULL;
    r->replayed = true;
    return db_exec(c, SQL(SQL_SESSION_REVOKE),
                   ARGS(V(r->spent.id), V(now), V(S("replay")), V(r->spent.user_id)), NULL);
}

/* Ends well even when the token is refused: what it revoked must be committed. */
static Err *rotate(Ctx *c, void *arg) {
    Rotation *r = arg;
    r->done = r->replayed = false;
    Time now = time_now();
    SpentToken token = {0};
    bool known = false;
    int64_t session = 0;
    Err *err = db_int(c, SQL(SQL_REFRESH_USE), ARGS(V(r->digest), V(now)), &session);
    if (err && err->kind != ERR_NOT_FOUND) return err;
    if (err) return replay_answer(c, r, now);

    ptrdiff_t alive = 0;
    TRY(db_exec(c, SQL(SQL_SESSION_EXTEND), ARGS(V(session), V(refresh_expiry(now))), &alive));
    if (alive == 0) return NULL;
    TRY(db_one(c, SQL(SQL_REFRESH_SESSION), ARGS(V(r->digest)), &spent_record, &token));
    TRY(db_maybe(c, SQL(SQL_USER_BY_ID), ARGS(V(token.user_id)), &user_record, r->user, &known));
    if (!known || !r->user->is_active) return NULL;
    TRY(pair_make(c, r->user, token.id, now, r->out));
    r->done = true;
    return NULL;
}

Err *auth_tokens_refresh(Ctx *c, Str refresh_token, User *user, TokenPair *out) {
    assert(!c->tx && user && out);
    if (!str_starts(refresh_token, refresh_prefix) || refresh_token.len > 128)
        FAIL(c, UNAUTHENTICATED, "Token invalide");
    Rotation r = {.digest = secret_digest(c->arena, refresh_token), .user = user, .out = out};
    TRY(db_transaction(c, rotate, &r));
    if (r.replayed)
        log_msg(c, LOG_WARN,
                "a spent refresh token came again: session %lld of user %lld is revoked",
                (long long)r.spent.id.value, (long long)r.spent.user_id.value);
    if (!r.done) FAIL(c, UNAUTHENTICATED, "Token invalide");
    return NULL;
}

static Err *log_out(Ctx *c, void *arg) {
    const Str *refresh_token = arg;
    Time now = time_now();
    Id user = c->account.user;
    const Str why = S("log-out");
    if (!id_is_none(c->account.session))
        TRY(db_exec(c, SQL(SQL_SESSION_REVOKE),
                    ARGS(V(c->account.session), V(now), V(why), V(user)), NULL));
    if (str_is_null(*refresh_token)) return NULL;
    SpentToken token = {0};
    bool found = false;
    TRY(db_maybe(c, SQL(SQL_REFRESH_SESSION), ARGS(V(secret_digest(c->arena, *refresh_token))),
                 &spent_record, &token, &found));
    if (!found) return NULL;
    return db_exec(c, SQL(SQL_SESSION_REVOKE), ARGS(V(token.id), V(now), V(why), V(user)), NULL);
}

Err *auth_log_out(Ctx *c, Str refresh_token) {
    assert(!id_is_none(c->account.user));
    return db_transaction(c, log_out, &refresh_token);
}

Err *auth_log_out_everywhere(Ctx *c) {
    assert(!id_is_none(c->account.user));
    return db_exec(c, SQL(SQL_SESSION_REVOKE_ALL),
                   ARGS(V(c->account.user), V(time_now()), V(S("log-out"))), NULL);
}
