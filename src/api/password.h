/* SPDX-License-Identifier: Apache-2.0
 * Passwords: hashing is dear on purpose (64 MiB and some tens of milliseconds each), so it runs on the
 * pool and only PASSWORDS_AT_ONCE of it at a time, whoever asks. */
#ifndef SOCLE_API_PASSWORD_H
#define SOCLE_API_PASSWORD_H

#include "core/err.h"

enum { PASSWORDS_AT_ONCE = 2, PASSWORDS_WAITING_MAX = 256, PASSWORD_MAX_BYTES = 4096 };

typedef enum PasswordMatch {
    PASSWORD_WRONG,
    PASSWORD_RIGHT,
    PASSWORD_RIGHT_STALE /* right, but the hash is of an older kind: hash anew */
} PasswordMatch;

/* Run fn(c, arg) while holding one of the places; waits for it. UNAVAILABLE when too many wait. */
MUST_USE Err *password_place(Ctx *c, Err *(*fn)(Ctx *c, void *arg), void *arg);

/* Inside password_place only. hash null: the same work against a hash that nothing matches. */
MUST_USE Err *password_verify(Ctx *c, Str hash, Str password, PasswordMatch *out);
MUST_USE Err *password_make(Ctx *c, Str password, Str *hash);

#endif
