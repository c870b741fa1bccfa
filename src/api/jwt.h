/* SPDX-License-Identifier: Apache-2.0
 * Access tokens: JWT (RFC 7519) signed by HMAC-SHA-256, ours alone, in one exact form.
 *
 * The header of a token must be, byte for byte, the one we write for a key we know: that leaves no
 * room for another `alg`, an unknown `kid`, `crit` or whatever else a header can say. Not for tokens
 * of other issuers (an OpenID provider's id_token is read elsewhere). docs/decisions has the why. */
#ifndef SOCLE_API_JWT_H
#define SOCLE_API_JWT_H

#include "core/err.h"
#include "core/id.h"
#include "core/time.h"

typedef struct JwtClaims {
    Id user;    /* sub */
    Id session; /* sid: the log-in it came from, so that ending that ends the token */
    Str role;   /* as it was when issued; the database decides */
    Str jti;
    Time issued_at, expires_at; /* whole seconds on the wire */
} JwtClaims;

enum { JWT_MAX_BYTES = 2048 };

/* Sign with the present SECRET_KEY; in c's arena. */
Str jwt_make(Ctx *c, const JwtClaims *claims);

/* Check form, signature (by the present or the previous SECRET_KEY) and expiry. UNAUTHENTICATED
 * `Token invalide` for anything else than a token jwt_make could have made. */
MUST_USE Err *jwt_read(Ctx *c, Str token, JwtClaims *out);

#endif
