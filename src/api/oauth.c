/* SPDX-License-Identifier: Apache-2.0
 * Signing in by other services: until their keys are set, the routes say which variables to set.
 * And the accounts of theirs that sign in here. */
#include "api/accounts_room.h"
#include "api/accounts_sql.h"

typedef struct Provider {
    const char *name, *needs;
} Provider;

static const Provider providers[] = {
    {"google", "GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET and GOOGLE_REDIRECT_URI"},
    {"instagram", "IG_APP_ID, IG_APP_SECRET and IG_REDIRECT_URI"},
    {"facebook", "FB_APP_ID, FB_APP_SECRET and FB_REDIRECT_URI"},
    {"tiktok", "TIKTOK_CLIENT_KEY, TIKTOK_CLIENT_SECRET and TIKTOK_REDIRECT_URI"},
};

static Err *provider_missing(Ctx *c, Call *k) {
    Str path = str_c(k->route->path);
    for (ptrdiff_t i = 0; i < COUNT(providers); i++)
        if (str_find(path, strf(c->arena, "/auth/%s/", providers[i].name)) >= 0)
            FAIL(c, NOT_CONFIGURED, "Signing in by %s is not configured: set %s", providers[i].name,
                 providers[i].needs);
    FAIL(c, NOT_FOUND, "There is nothing at this address.");
}

/* -- connected accounts ----------------------------------------------------------------------- */

typedef struct Connected {
    Id id;
    Str provider, provider_user_id;
    Time connected_at;
    bool has_token;
} Connected;
static const Field connected_fields[] = {
    FIELD(Connected, id),           FIELD(Connected, provider),  FIELD(Connected, provider_user_id),
    FIELD(Connected, connected_at), FIELD(Connected, has_token),
};
static const Record connected_record = RECORD_AS("ConnectedAccount", Connected, connected_fields);

typedef struct ConnectedList {
    RecordList accounts;
} ConnectedList;
static const Field connected_list_fields[] = {
    FIELD_LIST(ConnectedList, accounts, &connected_record)};
static const Record connected_list_record = RECORD(ConnectedList, connected_list_fields);

static Err *accounts_connected(Ctx *c, Call *k) {
    Rows rows;
    TRY(organisation_key_refuse(c));
    TRY(db_query(c, SQL(SQL_ACCOUNTS_CONNECTED), ARGS(V(c->account.user)), &connected_record,
                 &rows));
    ((ConnectedList *)call_out(k))->accounts = (RecordList){rows.items, rows.count};
    return NULL;
}

typedef struct Disconnected {
    Str message, provider;
} Disconnected;
static const Field disconnected_fields[] = {FIELD(Disconnected, message),
                                            FIELD(Disconnected, provider)};
static const Record disconnected_record = RECORD(Disconnected, disconnected_fields);

typedef struct Disconnecting {
    Id account;
    Connected found;
} Disconnecting;

static Err *account_remove(Ctx *c, void *arg) {
    Disconnecting *d = arg;
    bool found;
    int64_t user, ways;
    TRY(db_int(c, SQL2(SQL_USER_LOCK_SQLITE, SQL_USER_LOCK_POSTGRES), ARGS(V(c->account.user)),
               &user));
    TRY(db_maybe(c, SQL(SQL_ACCOUNT_CONNECTED), ARGS(V(c->account.user), V(d->account)),
                 &connected_record, &d->found, &found));
    if (!found) FAIL(c, NOT_FOUND, "Compte non trouvé");
    TRY(db_int(c, SQL(SQL_ACCOUNT_WAYS), ARGS(V(c->account.user)), &ways));
    if (ways < 2) FAIL(c, CONFLICT, "Impossible de retirer le dernier moyen de connexion");
    return db_exec(c, SQL(SQL_ACCOUNT_DISCONNECT), ARGS(V(c->account.user), V(d->account)), NULL);
}

static Err *account_disconnect(Ctx *c, Call *k) {
    Disconnecting d = {.account = k->ids[0]};
    TRY(organisation_key_refuse(c));
    TRY(db_transaction(c, account_remove, &d));
    *(Disconnected *)call_out(k) = (Disconnected){S("Compte déconnecté"), d.found.provider};
    return NULL;
}

/* -- routes -------------------------------------------------------------------------------------- */

#define START(name)                                                                   \
    {                                                                                 \
        GET, "/api/v1/auth/" name "/start", provider_missing,                         \
            .access = ACCESS_OPEN, .rate = RATE_AUTH, .status = 307, .errors = "501", \
            .tag = "auth", .doc = "Go to " name " to sign in"                         \
    }
#define CALLBACK(name)                                                                \
    {                                                                                 \
        GET, "/api/v1/auth/" name "/callback", provider_missing,                      \
            .access = ACCESS_OPEN, .rate = RATE_AUTH, .status = 307, .errors = "501", \
            .tag = "auth", .doc = "Come back from " name                              \
    }

const Route oauth_routes[] = {
    START("google"),
    CALLBACK("google"),
    START("instagram"),
    CALLBACK("instagram"),
    START("facebook"),
    CALLBACK("facebook"),
    START("tiktok"),
    CALLBACK("tiktok"),
    {GET, "/api/v1/auth/accounts/connected", accounts_connected, .access = ACCESS_USER,
     .out = &connected_list_record, .errors = "403", .tag = "auth",
     .doc = "Accounts of other services that sign in here"},
    {DELETE, "/api/v1/auth/accounts/{id:int}", account_disconnect, .access = ACCESS_USER,
     .out = &disconnected_record, .errors = "403 404 409", .tag = "auth",
     .doc = "Disconnect one; never the last way to sign in"},
    {0},
};
