/* SPDX-License-Identifier: Apache-2.0
 * Passwords: Argon2id by libsodium for ours; bcrypt ($2a$, $2b$, $2y$) of imported users is checked
 * and reported stale, so that log-in replaces it. See password.h for the limits. */
#include "api/password.h"

#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "api/auth.h"
#include "rt/channel.h"
#include "rt/offload.h"

/* Of 32 random bytes that nobody kept: same cost as ours, matches nothing. */
static const char nobodys_hash[] = "$argon2id$v=19$m=65536,t=2,p=1$vmEpEXlJxVlhR4oYbUVmjQ$"
                                   "5IFkr8d8tRQbVKzD/876Nra1ysNbqCkZ9JQx5dpD3H8";

/* bcrypt doubles its work with each step of cost; an imported hash must not hold a thread for minutes. */
enum { BCRYPT_COST_MAX = 14 };

static Channel *places;
static pthread_once_t places_once = PTHREAD_ONCE_INIT;
static atomic_int places_waited_for;
static char place;

static void places_make(void) {
    places = channel_new(PASSWORDS_AT_ONCE);
    for (int i = 0; i < PASSWORDS_AT_ONCE; i++) channel_try_send(places, &place);
}

static void place_return(void *arg) {
    bool returned = channel_try_send(places, arg);
    assert(returned);
}

static void place_wait_end(void *arg) {
    (void)arg;
    atomic_fetch_sub(&places_waited_for, 1);
}

static Err *place_take(Ctx *c) {
    Defer *mark = c->defers;
    if (atomic_fetch_add(&places_waited_for, 1) >= PASSWORDS_WAITING_MAX) {
        place_wait_end(NULL);
        Err *err = err_new(c, ERR_UNAVAILABLE, __func__, "Too many log-ins at this moment");
        err->retry_after_s = 2;
        return err;
    }
    defer(c, place_wait_end, NULL);
    void *got = NULL;
    Err *err = channel_receive(c, places, &got);
    ctx_undo(c, mark);
    if (err) return err;
    defer(c, place_return, got);
    return NULL;
}

Err *password_place(Ctx *c, Err *(*fn)(Ctx *c, void *arg), void *arg) {
    assert(fn && !c->tx);
    if (!c->coro) return fn(c, arg);
    pthread_once(&places_once, places_make);
    Defer *mark = c->defers;
    TRY(place_take(c));
    Err *err = fn(c, arg);
    ctx_undo(c, mark);
    return err;
}

typedef struct Hashing {
    const char *hash; /* NUL-terminated */
    Str password;
    struct crypt_data *bcrypt;
    char made[crypto_pwhash_STRBYTES];
    PasswordMatch match;
    bool no_memory;
} Hashing;

static void argon2_make(void *arg) {
    Hashing *h = arg;
    h->no_memory = crypto_pwhash_str_alg(
                       h->made, h->password.data, (unsigned long long)h->password.len,
                       crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE,
                       crypto_pwhash_ALG_ARGON2ID13) != 0;
}

static void argon2_verify(void *arg) {
    Hashing *h = arg;
    errno = 0;
    if (crypto_pwhash_str_verify(h->hash, h->password.data, (unsigned long long)h->password.len) ==
        0) {
        bool stale = crypto_pwhash_str_needs_rehash(h->hash, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                                    crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0;
        h->match = stale ? PASSWORD_RIGHT_STALE : PASSWORD_RIGHT;
    } else {
        h->match = PASSWORD_WRONG;
        h->no_memory = errno == ENOMEM;
    }
}

static void bcrypt_verify(void *arg) {
    Hashing *h = arg;
    char password[PASSWORD_MAX_BYTES + 1];
    memcpy(password, h->password.data, (size_t)h->password.len);
    password[h->password.len] = 0;
    /* crypt_rn, not crypt_r: the sanitizers put themselves before the latter and lose libcrypt. */
    const char *made = crypt_rn(password, h->hash, h->bcrypt, sizeof *h->bcrypt);
    sodium_memzero(password, sizeof password);
    bool right = made && str_eq_secret(str_c(made), str_c(h->hash));
    h->match = right ? PASSWORD_RIGHT_STALE : PASSWORD_WRONG;
}

/* `$2b$10$` and 53 characters, of a cost that we are ready to pay. */
static bool bcrypt_usable(Str hash) {
    int64_t cost;
    return hash.len == 60 && hash.data[0] == '$' && hash.data[1] == '2' &&
           str_find_byte(S("aby"), hash.data[2]) >= 0 && hash.data[3] == '$' &&
           hash.data[6] == '$' && str_to_i64(str_slice(hash, 4, 6), &cost) && cost >= 4 &&
           cost <= BCRYPT_COST_MAX;
}

static Err *no_memory_err(Ctx *c) {
    Err *err = err_new(c, ERR_UNAVAILABLE, __func__, "Not enough memory to check a password now");
    err->retry_after_s = 2;
    return err;
}

Err *password_verify(Ctx *c, Str hash, Str password, PasswordMatch *out) {
    *out = PASSWORD_WRONG;
    bool too_long = password.len > PASSWORD_MAX_BYTES;
    Hashing h = {.password = too_long ? S("") : password};
    bool bcrypt = bcrypt_usable(hash) && str_find_byte(password, 0) < 0;
    bool argon2 = str_starts(hash, S("$argon2id$")) && str_find_byte(hash, 0) < 0;
    if (bcrypt) h.bcrypt = arena_new_of(c->arena, struct crypt_data);
    h.hash = bcrypt || argon2 ? str_cstr(c->arena, hash) : nobodys_hash;
    TRY(offload(c, LANE_SHORT, bcrypt ? bcrypt_verify : argon2_verify, &h));
    if (h.no_memory) return no_memory_err(c);
    if (!too_long) *out = h.match;
    return NULL;
}

Err *password_make(Ctx *c, Str password, Str *hash) {
    if (password.len > PASSWORD_MAX_BYTES)
        FAIL(c, INVALID, "A password may have at most %d bytes", PASSWORD_MAX_BYTES);
    Hashing *h = arena_new_of(c->arena, Hashing);
    h->password = password;
    TRY(offload(c, LANE_SHORT, argon2_make, h));
    if (h->no_memory) return no_memory_err(c);
    *hash = str_copy(c->arena, str_c(h->made));
    return NULL;
}

typedef struct MakeCall {
    Str password, *hash;
} MakeCall;

static Err *make_in_place(Ctx *c, void *arg) {
    MakeCall *call = arg;
    return password_make(c, call->password, call->hash);
}

Err *auth_password_hash(Ctx *c, Str password, Str *hash) {
    MakeCall call = {password, hash};
    return password_place(c, make_in_place, &call);
}
