/* SPDX-License-Identifier: Apache-2.0
 * Accounts: passwords (Argon2id; imported $2b$ hashes upgraded at log-in), access tokens (JWT HS256 with
 * kid), rotating refresh tokens, API keys. The routes are those of accounts.h's module. */
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
/* The same for a token or key that came another way (a WebSocket's first message). */
MUST_USE Err *auth_sign_in_with(Ctx *c, Str credential);
/* For what outlives a request: does c->account, signed in with this credential, still stand? That an
 * access token has expired meanwhile does not matter. UNAUTHENTICATED when its log-in has ended, its
 * key is revoked, its user gone. */
MUST_USE Err *auth_again(Ctx *c, Str credential);

typedef struct TokenPair {
    Str access_token, refresh_token;
    int64_t expires_in; /* s */
} TokenPair;
/* A new log-in with its first pair. Inside or outside a transaction. */
MUST_USE Err *auth_tokens_issue(Ctx *c, const User *user, TokenPair *out);
/* Rotate: the old token dies; a replayed one ends its log-in, access tokens included, and that must
 * last though the call fails: never inside a transaction. UNAUTHENTICATED. */
MUST_USE Err *auth_tokens_refresh(Ctx *c, Str refresh_token, User *user, TokenPair *out);
/* End the log-in of c->account's access token (an API key has none) and that of the refresh token, if
 * it is not null and the same user's. Their access tokens die at once, on every node. */
MUST_USE Err *auth_log_out(Ctx *c, Str refresh_token);
MUST_USE Err *auth_log_out_everywhere(Ctx *c); /* all log-ins of c->account's user */

MUST_USE Err *auth_password_hash(Ctx *c, Str password, Str *hash); /* on the pool */
/* Check e-mail and password; equal work for unknown addresses; slows and locks after repeated failure
 * (RATE_LIMITED with Retry-After), counted by address and by address and c->client_ip.
 * UNAUTHENTICATED `Email ou mot de passe incorrect`. Never inside a transaction. */
MUST_USE Err *auth_check_password(Ctx *c, Str email, Str password, User *out);

/* Inside a transaction only without a password (null: signs in by provider). CONFLICT `Email déjà utilisé`. */
MUST_USE Err *user_create(Ctx *c, Str email, Str name, Str password, Str role, User *out);
/* The same with a hash made before (null: signs in by provider); inside or outside a transaction. */
MUST_USE Err *user_add(Ctx *c, Str email, Str name, Str hash, Str role, User *out);
MUST_USE Err *user_load(Ctx *c, Id id, User *out);
MUST_USE Err *user_by_email(Ctx *c, Str email, User *out);
MUST_USE Err *user_set_password(Ctx *c, Id id, Str password); /* ends all log-ins of the user */
MUST_USE Err *user_set_role(Ctx *c, Id id, Str role);
MUST_USE Err *user_set_active(Ctx *c, Id id,
                              bool active); /* inactive: every token and key is refused */
/* With all that is the user's: rows, what modules keep beside them (Module.erase), kept answers. */
MUST_USE Err *user_delete(Ctx *c, Id id);
/* At most `limit` users with ids above `after`, by id; struct User. */
MUST_USE Err *user_list(Ctx *c, Id after, int64_t limit, Rows *out);
Str email_normalise(Arena *arena, Str email); /* trimmed, ASCII-lowered; null if malformed */

/* API keys: shown once. scopes space-separated; expires_at TIME_NULL: never. */
MUST_USE Err *api_key_create(Ctx *c, Id user, Str name, Str scopes, Time expires_at, Str *key,
                             Id *id);
MUST_USE Err *api_key_revoke(Ctx *c, Id id);
/* May it do what needs `scope`? Signed in by token: yes. By key: it holds the scope, `area:*` or `*`; a
 * route without a scope takes only a key that holds `*`. */
bool account_may(const Account *account, Str scope);
/* Signed in by a key that was given this very scope? */
bool account_holds(const Account *account, Str scope);
Role role_of(Str text); /* ROLE_NONE for anything but user, analyst, admin */

/* Seal/open small secrets at rest (libsodium secretbox under a key derived from SECRET_KEY). */
Str secret_seal(Ctx *c, Str plain); /* null stays null */
MUST_USE Err *secret_open(Ctx *c, Str sealed, Str *plain);
/* Hex SHA-256: how random tokens and keys are stored (passwords need more: auth_password_hash). */
Str secret_digest(Arena *arena, Str secret);

#endif
