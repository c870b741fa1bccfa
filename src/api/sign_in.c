/* SPDX-License-Identifier: Apache-2.0
 * /api/v1/auth: signing in by password, and out; /api/v1/users: leaving for good. The same for every
 * product, without any product's envelope. */
#include "api/accounts_room.h"
#include "api/auth.h"

typedef struct Profile {
    Id id;
    Str email, name, role, picture_url;
    Time created_at;
    bool is_active;
} Profile;
static const Field profile_fields[] = {
    FIELD(Profile, id),
    FIELD(Profile, email),
    FIELD(Profile, name),
    FIELD(Profile, role),
    FIELD(Profile, picture_url, .flags = F_NULLABLE),
    FIELD(Profile, created_at),
    FIELD(Profile, is_active),
};
static const Record profile_record =
    RECORD_AS("UserProfile", Profile, profile_fields, .doc = "Who is signed in");

static Profile profile_of(const User *user) {
    return (Profile){user->id,          user->email,      user->name,     user->role,
                     user->picture_url, user->created_at, user->is_active};
}

typedef struct SignedIn {
    Str access_token, refresh_token, token_type;
    int64_t expires_in;
    Profile user;
} SignedIn;
static const Field signed_in_fields[] = {
    FIELD(SignedIn, access_token),
    FIELD(SignedIn, refresh_token),
    FIELD(SignedIn, token_type),
    FIELD(SignedIn, expires_in, .doc = "Seconds"),
    FIELD_RECORD(SignedIn, user, &profile_record),
};
static const Record signed_in_record = RECORD(SignedIn, signed_in_fields, .doc = "A log-in");

typedef struct Credentials {
    Str email, password, name;
} Credentials;
static const Field register_fields[] = {
    FIELD(Credentials, email, .flags = F_REQUIRED | F_TRIM, .max = 254, .format = "email"),
    FIELD(Credentials, password, .flags = F_REQUIRED, .min = 6, .max = 128),
    FIELD(Credentials, name, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 100),
};
static const Record register_record = RECORD_AS("Register", Credentials, register_fields);
static const Field login_fields[] = {
    FIELD(Credentials, email, .flags = F_REQUIRED | F_TRIM, .max = 254),
    FIELD(Credentials, password, .flags = F_REQUIRED, .max = 128),
};
static const Record login_record = RECORD_AS("Login", Credentials, login_fields);

static void signed_in_fill(SignedIn *out, const User *user, const TokenPair *tokens) {
    *out = (SignedIn){tokens->access_token, tokens->refresh_token, S("bearer"), tokens->expires_in,
                      profile_of(user)};
}

typedef struct Registration {
    Call *k;
    Str hash;
} Registration;

static Err *register_in(Ctx *c, void *arg) {
    const Registration *r = arg;
    const Credentials *in = r->k->in;
    User user;
    TokenPair tokens;
    Err *err = user_add(c, in->email, in->name, r->hash, S("user"), &user);
    if (err && err->kind == ERR_CONFLICT) FAIL(c, BAD_REQUEST, "Email déjà utilisé");
    TRY(err);
    TRY(auth_tokens_issue(c, &user, &tokens));
    signed_in_fill(call_out(r->k), &user, &tokens);
    return call_settle(c, r->k);
}

static Err *auth_register(Ctx *c, Call *k) {
    Registration r = {.k = k};
    TRY(auth_password_hash(c, ((const Credentials *)k->in)->password, &r.hash));
    return db_transaction(c, register_in, &r);
}

static Err *auth_login(Ctx *c, Call *k) {
    const Credentials *in = k->in;
    User user;
    TokenPair tokens;
    TRY(auth_check_password(c, in->email, in->password, &user));
    TRY(auth_tokens_issue(c, &user, &tokens));
    signed_in_fill(call_out(k), &user, &tokens);
    return NULL;
}

typedef struct RefreshIn {
    Str refresh_token;
} RefreshIn;
static const Field refresh_fields[] = {
    FIELD(RefreshIn, refresh_token, .flags = F_REQUIRED, .min = 1, .max = 512)};
static const Record refresh_record = RECORD(RefreshIn, refresh_fields);

typedef struct Logout {
    Str refresh_token;
    bool everywhere;
} Logout;
static const Field logout_fields[] = {
    FIELD(Logout, refresh_token, .flags = F_NULLABLE, .max = 512,
          .doc = "Another log-in of the caller's to end as well"),
    FIELD(Logout, everywhere, .fallback = "false", .doc = "End all log-ins of the caller"),
};
static const Record logout_record = RECORD(Logout, logout_fields);

static Err *auth_refresh(Ctx *c, Call *k) {
    const RefreshIn *in = k->in;
    User user;
    TokenPair tokens;
    TRY(auth_tokens_refresh(c, in->refresh_token, &user, &tokens));
    signed_in_fill(call_out(k), &user, &tokens);
    return NULL;
}

static Err *auth_logout(Ctx *c, Call *k) {
    const Logout *in = k->in;
    TRY(organisation_key_refuse(c));
    if (in->everywhere) return auth_log_out_everywhere(c);
    if (id_is_none(c->account.session) && str_is_null(in->refresh_token))
        FAIL(c, BAD_REQUEST, "An API key is no log-in: name one by its refresh_token");
    return auth_log_out(c, in->refresh_token);
}

static Err *auth_me(Ctx *c, Call *k) {
    User user;
    TRY(user_load(c, c->account.user, &user));
    *(Profile *)call_out(k) = profile_of(&user);
    return NULL;
}

/* -- leaving ---------------------------------------------------------------------------------- */

typedef struct LeaveIn {
    Str email;
    Id user_id;
    Str reason;
} LeaveIn;
static const Field leave_fields[] = {
    FIELD(LeaveIn, email, .flags = F_REQUIRED | F_TRIM, .max = 254,
          .doc = "The caller's own, to be sure"),
    FIELD(LeaveIn, user_id, .flags = F_NULLABLE, .doc = "The caller's own"),
    FIELD(LeaveIn, reason, .flags = F_NULLABLE, .max = 2000),
};
static const Record leave_record = RECORD_AS("DeleteAccount", LeaveIn, leave_fields);

/* All that is the user's goes with the row. */
static Err *users_delete_account(Ctx *c, Call *k) {
    const LeaveIn *in = k->in;
    User user;
    TRY(organisation_key_refuse(c));
    TRY(user_load(c, c->account.user, &user));
    bool other = !id_is_none(in->user_id) && !id_eq(in->user_id, user.id);
    Str email = email_normalise(c->arena, in->email);
    if (other || !str_eq(email, user.email))
        FAIL(c, FORBIDDEN, "L'adresse n'est pas celle du compte connecté");
    TRY(user_delete(c, user.id));
    call_message(c, k, S("Compte supprimé"));
    return NULL;
}

const Route sign_in_routes[] = {
    {POST, "/api/v1/auth/register", auth_register, .access = ACCESS_OPEN, .in = &register_record,
     .out = &signed_in_record, .rate = RATE_AUTH, .idempotent = true, .secret_out = true,
     .errors = "400", .tag = "auth", .doc = "Make an account and sign in"},
    {POST, "/api/v1/auth/login", auth_login, .access = ACCESS_OPEN, .in = &login_record,
     .out = &signed_in_record, .rate = RATE_AUTH, .errors = "401", .tag = "auth",
     .doc = "Sign in by e-mail and password"},
    {POST, "/api/v1/auth/refresh", auth_refresh, .access = ACCESS_OPEN, .in = &refresh_record,
     .out = &signed_in_record, .rate = RATE_AUTH, .errors = "401", .tag = "auth",
     .doc = "New tokens for a refresh token, which dies"},
    {POST, "/api/v1/auth/logout", auth_logout, .access = ACCESS_USER, .in = &logout_record,
     .status = 204, .errors = "400 403", .tag = "auth",
     .doc = "End the log-in of this access token; those of a refresh token or all, if so asked"},
    {GET, "/api/v1/auth/me", auth_me, .access = ACCESS_USER, .out = &profile_record, .tag = "auth",
     .doc = "Who am I?"},
    {POST, "/api/v1/users/delete-account", users_delete_account, .access = ACCESS_USER,
     .in = &leave_record, .out = &message_record, .rate = RATE_AUTH, .errors = "403", .tag = "auth",
     .doc = "Erase the caller's account and all that is the caller's"},
    {0},
};
