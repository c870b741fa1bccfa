/* SPDX-License-Identifier: Apache-2.0
 * Log-in by e-mail and password, and what stops guessing.
 *
 * Failures are counted in the database (a restart or another node changes nothing) for the address and
 * for the address with the caller's IP, under a hash: what people type wrong is none of our business.
 * From a number of failures on each further one locks that subject, for 1 s, then twice as long each
 * time up to 15 minutes. The address alone is more patient, so that a stranger cannot lock somebody
 * out cheaply. The lock is looked at while holding one of the few hashing places, so a burst of
 * parallel guesses gets at most PASSWORDS_AT_ONCE more tries than a sequence. */
#include "api/accounts_sql.h"
#include "api/auth.h"
#include "api/password.h"
#include "core/log.h"

enum { FAILURES_FREE_BOTH = 5, FAILURES_FREE_ADDRESS = 20, LOCK_MAX_S = 900 };
static const int64_t failures_forgotten_us = US_PER_HOUR;

typedef struct Attempt {
    Str subject;
    int64_t failures;
    Time last_failure_at, locked_until;
} Attempt;
static const Field attempt_fields[] = {
    FIELD(Attempt, subject),
    FIELD(Attempt, failures),
    FIELD(Attempt, last_failure_at),
    FIELD(Attempt, locked_until, .flags = F_NULLABLE),
};
static const Record attempt_record = RECORD(Attempt, attempt_fields, .table = "login_attempts");

typedef struct LogIn {
    Str email, password;     /* email null: no address at all, so nobody's */
    Str by_address, by_both; /* subjects */
    User *user;
    bool failed_before;
} LogIn;

static Err *wrong(Ctx *c) { FAIL(c, UNAUTHENTICATED, "Email ou mot de passe incorrect"); }

static Err *attempt_allowed(Ctx *c, LogIn *l) {
    Rows rows;
    TRY(db_query(c, SQL(SQL_ATTEMPT_LOAD), ARGS(V(l->by_address), V(l->by_both)), &attempt_record,
                 &rows));
    l->failed_before = rows.count > 0;
    const Attempt *attempts = rows.items;
    Time now = time_now();
    int64_t wait_us = 0;
    for (ptrdiff_t i = 0; i < rows.count; i++)
        if (!time_is_null(attempts[i].locked_until))
            wait_us = max_i64(wait_us, attempts[i].locked_until.us - now.us);
    if (wait_us <= 0) return NULL;
    Err *err = err_new(c, ERR_RATE_LIMITED, __func__,
                       "Trop de tentatives de connexion, réessayez plus tard");
    err->retry_after_s = (wait_us + US_PER_SECOND - 1) / US_PER_SECOND;
    return err;
}

static int64_t lock_s(int64_t failures, int64_t free_failures) {
    if (failures < free_failures) return 0;
    int64_t doublings = min_i64(failures - free_failures, 20);
    return min_i64((int64_t)1 << doublings, LOCK_MAX_S);
}

static Err *failure_count(Ctx *c, Str subject, int64_t free_failures) {
    Time now = time_now();
    int64_t failures = 0;
    TRY(db_int(c, SQL(SQL_ATTEMPT_FAILED),
               ARGS(V(subject), V(now), V(time_add(now, -failures_forgotten_us))), &failures));
    int64_t locked_s = lock_s(failures, free_failures);
    if (locked_s == 0) return NULL;
    Time until = time_add(now, locked_s * US_PER_SECOND);
    return db_exec(c, SQL(SQL_ATTEMPT_LOCK), ARGS(V(subject), V(until)), NULL);
}

static Err *failures_count(Ctx *c, void *arg) {
    const LogIn *l = arg;
    TRY(failure_count(c, l->by_address, FAILURES_FREE_ADDRESS));
    return failure_count(c, l->by_both, FAILURES_FREE_BOTH);
}

static Err *success_note(Ctx *c, void *arg) {
    LogIn *l = arg;
    Time now = time_now();
    if (l->failed_before)
        TRY(db_exec(c, SQL(SQL_ATTEMPT_CLEAR), ARGS(V(l->by_address), V(l->by_both)), NULL));
    TRY(db_exec(c, SQL(SQL_USER_LOGGED_IN), ARGS(V(l->user->id), V(now)), NULL));
    l->user->last_login_at = now;
    return NULL;
}

static Err *hash_upgrade(Ctx *c, const LogIn *l) {
    Str hash;
    TRY(password_make(c, l->password, &hash));
    return db_exec(c, SQL(SQL_USER_UPGRADE_PASSWORD),
                   ARGS(V(l->user->id), V(hash), V(l->user->password_hash)), NULL);
}

static Err *log_in(Ctx *c, void *arg) {
    LogIn *l = arg;
    TRY(attempt_allowed(c, l));
    bool found = false;
    if (!str_is_null(l->email))
        TRY(db_maybe(c, SQL(SQL_USER_BY_EMAIL), ARGS(V(l->email)), &user_record, l->user, &found));
    Str hash = found ? l->user->password_hash : (Str){NULL, 0};
    PasswordMatch match;
    TRY(password_verify(c, hash, l->password, &match));
    if (match == PASSWORD_WRONG || !found || !l->user->is_active) {
        TRY(db_transaction(c, failures_count, l));
        return wrong(c);
    }
    if (match == PASSWORD_RIGHT_STALE) TRY(hash_upgrade(c, l));
    return db_transaction(c, success_note, l);
}

Err *auth_check_password(Ctx *c, Str email, Str password, User *out) {
    assert(out && !c->tx);
    Str address = email_normalise(c->arena, email);
    Str subject = str_is_null(address) ? email : address;
    LogIn l = {
        .email = address,
        .password = password,
        .by_address = secret_digest(c->arena, subject),
        .by_both = secret_digest(
            c->arena, strf(c->arena, "%.*s from %.*s", S_ARG(subject), S_ARG(c->client_ip))),
        .user = out,
    };
    return password_place(c, log_in, &l);
}
