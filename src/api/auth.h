/* SPDX-License-Identifier: Apache-2.0
 * Accounts: passwords (Argon2id; imported $2b$ hashes upgraded at log-in), access tokens (JWT HS256 with
 * kid), rotating refresh tokens, API keys, organisations. Products shape their own answers with these. */
#ifndef SOCLE_API_AUTH_H
#define SOCLE_API_AUTH_H

#include "api/route.h"

typedef struct User {
    Id id;
    Str uid;
    Str email;
    Str name;
    Str password_hash; /* SECRET; null: signs in by provider only */
    Str picture_url;
    Str role; /* user, analyst, admin */
    bool is_active;
    Time created_at, updated_at, last_login_at;
} User;
extern const Record user_record;

/* Fill c->account from Authorization (Bearer token or API key). Without a header: nothing, no error.
 * UNAUTHENTICATED with the message clients show: `Token invalide`, `Utilisateur introuvable`. */
MUST_USE Err *auth_sign_in(Ctx *c, const Req *q);

typedef struct TokenPair {
    Str access_token, refresh_token;
    int64_t expires_in; /* s */
} TokenPair;
/* Inside or outside a transaction. family: null starts a new one. */
MUST_USE Err *auth_tokens_issue(Ctx *c, const User *user, TokenPair *out);
/* Rotate: the old token dies; a replayed one revokes its family. UNAUTHENTICATED. */
MUST_USE Err *auth_tokens_refresh(Ctx *c, Str refresh_token, User *user, TokenPair *out);
/* Revoke the family of that refresh token, or (null) all of the user's. The access token's jti too. */
MUST_USE Err *auth_log_out(Ctx *c, Str refresh_token);

MUST_USE Err *auth_password_hash(Ctx *c, Str password, Str *hash); /* on the pool */
/* Check e-mail and password; equal work for unknown addresses; slows and locks after repeated failure
 * (RATE_LIMITED with Retry-After). UNAUTHENTICATED. */
MUST_USE Err *auth_check_password(Ctx *c, Str email, Str password, User *out);

MUST_USE Err *user_create(Ctx *c, Str email, Str name, Str password, Str role, User *out); /* CONFLICT: address taken */
MUST_USE Err *user_load(Ctx *c, Id id, User *out);
MUST_USE Err *user_by_email(Ctx *c, Str email, User *out);
MUST_USE Err *user_set_password(Ctx *c, Id id, Str password); /* revokes the refresh tokens */
MUST_USE Err *user_set_role(Ctx *c, Id id, Str role);
MUST_USE Err *user_delete(Ctx *c, Id id);
Str email_normalise(Arena *arena, Str email); /* trimmed, ASCII-lowered; null if malformed */

/* API keys: shown once. scopes space-separated; expires_at TIME_NULL: never. */
MUST_USE Err *api_key_create(Ctx *c, Id user, Str name, Str scopes, Time expires_at, Str *key, Id *id);
MUST_USE Err *api_key_revoke(Ctx *c, Id id);
bool account_may(const Account *account, Str scope);

/* Seal/open small secrets at rest (libsodium secretbox under a key derived from SECRET_KEY). */
Str secret_seal(Ctx *c, Str plain);
MUST_USE Err *secret_open(Ctx *c, Str sealed, Str *plain);

#endif
