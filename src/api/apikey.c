/* SPDX-License-Identifier: Apache-2.0
 * API keys: `sk_` and 32 random bytes, shown once and kept as SHA-256. A key acts for the user who made
 * it, within its scopes, perhaps for one organisation. A user may hold API_KEYS_MAX. */
#include "api/accounts_sql.h"
#include "api/accounts.h"
#include "core/rand.h"

enum { API_KEY_BYTES = 32, HINT_LEN = 9, API_KEYS_MAX = 100, SCOPES_MAX = 50, SCOPE_LEN_MAX = 64 };

static bool scope_valid(Str scope) {
    if (str_eq(scope, S("*"))) return true;
    if (scope.len < 1 || scope.len > SCOPE_LEN_MAX) return false;
    Str name = str_ends(scope, S(":*")) ? str_slice(scope, 0, scope.len - 2) : scope;
    for (ptrdiff_t i = 0; i < name.len; i++) {
        char byte = name.data[i];
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
        if (!plain && str_find_byte(S("_-.:"), byte) < 0) return false;
    }
    return name.len > 0;
}

/* One space between scopes, whatever was between them before. */
static Err *scopes_normalise(Ctx *c, Str scopes, Str *out) {
    Problems problems = {.arena = c->arena};
    Buf b = buf_new(c->arena, scopes.len + 1);
    int count = 0;
    for (Str rest = scopes, scope; !str_is_null(rest);) {
        rest = str_cut(rest, ' ', &scope);
        if (scope.len == 0) continue;
        if (!scope_valid(scope))
            problem_add(&problems, S("scopes"), S("format"), "`%.*s` is not a scope", S_ARG(scope));
        if (count++ > 0) buf_byte(&b, ' ');
        buf_add(&b, scope);
    }
    if (count == 0)
        problem_add(&problems, S("scopes"), S("required"), "A key needs at least one scope");
    if (count > SCOPES_MAX)
        problem_add(&problems, S("scopes"), S("too_long"), "At most %d scopes", SCOPES_MAX);
    *out = buf_str(&b);
    return problems_err(c, &problems);
}

typedef struct KeyMake {
    Id user, organisation;
    Str name, scopes, key;
    Time expires_at;
    Id *id;
} KeyMake;

static Err *key_insert(Ctx *c, void *arg) {
    const KeyMake *make = arg;
    int64_t held;
    TRY(db_int(c, SQL(SQL_KEY_COUNT), ARGS(V(make->user)), &held));
    if (held >= API_KEYS_MAX)
        FAIL(c, CONFLICT, "An account may hold at most %d API keys", API_KEYS_MAX);
    return db_int(c, SQL(SQL_KEY_INSERT),
                  ARGS(V(make->user), V(make->organisation), V(make->name),
                       V(str_slice(make->key, 0, HINT_LEN)), V(secret_digest(c->arena, make->key)),
                       V(make->scopes), V(time_now()), V(make->expires_at)),
                  &make->id->value);
}

Err *api_key_create_in(Ctx *c, Id user, Id organisation, Str name, Str scopes, Time expires_at,
                       Str *key, Id *id) {
    assert(!id_is_none(user) && key && id);
    KeyMake make = {.user = user,
                    .organisation = organisation,
                    .name = name,
                    .expires_at = expires_at,
                    .id = id};
    TRY(scopes_normalise(c, scopes, &make.scopes));
    if (!time_is_null(expires_at) && expires_at.us <= time_now().us) {
        Problems problems = {.arena = c->arena};
        problem_add(&problems, S("expires_at"), S("min"), "The key would have expired already");
        return problems_err(c, &problems);
    }
    make.key = rand_token(c->arena, S("sk_"), API_KEY_BYTES);
    TRY(db_transaction(c, key_insert, &make));
    *key = make.key;
    return NULL;
}

Err *api_key_create(Ctx *c, Id user, Str name, Str scopes, Time expires_at, Str *key, Id *id) {
    return api_key_create_in(c, user, (Id){0}, name, scopes, expires_at, key, id);
}

Err *api_key_revoke(Ctx *c, Id id) {
    ptrdiff_t changed = 0;
    TRY(db_exec(c, SQL(SQL_KEY_REVOKE), ARGS(V(id), V(time_now())), &changed));
    if (changed == 0) FAIL(c, NOT_FOUND, "API key not found");
    return NULL;
}

Err *organisation_keys_revoke(Ctx *c, Id organisation) {
    return db_exec(c, SQL(SQL_KEY_REVOKE_WITHIN), ARGS(V(organisation), V(time_now())), NULL);
}
