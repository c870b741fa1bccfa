/* SPDX-License-Identifier: Apache-2.0
 * /api/v1/keys: the caller's API keys. Keys cannot make or revoke keys: a leaked one must not outlive
 * its own revocation. */
#include "api/accounts.h"
#include "api/accounts_room.h"
#include "api/accounts_sql.h"
#include "api/router_room.h"

typedef struct ApiKeyIn {
    Str name;
    StrList scopes;
    Time expires_at;
    Id organisation_id;
} ApiKeyIn;
static const Field api_key_in_fields[] = {
    FIELD(ApiKeyIn, name, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 100),
    FIELD(ApiKeyIn, scopes, .flags = F_REQUIRED, .min = 1, .max = 50,
          .doc = "What the key may do: `posts:read`, `posts:*`, or `*` for all its user may"),
    FIELD(ApiKeyIn, expires_at, .flags = F_NULLABLE, .fallback = "null", .doc = "null: never"),
    FIELD(ApiKeyIn, organisation_id, .flags = F_NULLABLE, .fallback = "null",
          .doc = "The organisation it acts in; null: the user's own things"),
};
static const Record api_key_in_record = RECORD(ApiKeyIn, api_key_in_fields);

typedef struct ApiKey {
    Id id;
    Str name, hint;
    StrList scopes;
    Id organisation_id;
    Time created_at, expires_at, last_used_at;
    Str key;
} ApiKey;
static const Field api_key_fields[] = {
    FIELD(ApiKey, id),
    FIELD(ApiKey, name),
    FIELD(ApiKey, hint, .doc = "The start of the key"),
    FIELD(ApiKey, scopes),
    FIELD(ApiKey, organisation_id, .flags = F_NULLABLE),
    FIELD(ApiKey, created_at),
    FIELD(ApiKey, expires_at, .flags = F_NULLABLE),
    FIELD(ApiKey, last_used_at, .flags = F_NULLABLE, .doc = "To the minute"),
    FIELD(ApiKey, key, .flags = F_NULLABLE | F_OMIT_NULL,
          .doc = "Shown once, in the answer to its making"),
};
static const Record api_key_record = RECORD(ApiKey, api_key_fields, .doc = "A key for servers");

typedef struct KeyRow {
    Id id, organisation_id;
    Str name, hint, scopes;
    Time created_at, expires_at, last_used_at;
} KeyRow;
static const Field key_row_fields[] = {
    FIELD(KeyRow, id),
    FIELD(KeyRow, organisation_id),
    FIELD(KeyRow, name),
    FIELD(KeyRow, hint),
    FIELD(KeyRow, scopes),
    FIELD(KeyRow, created_at),
    FIELD(KeyRow, expires_at, .flags = F_NULLABLE),
    FIELD(KeyRow, last_used_at, .flags = F_NULLABLE),
};
static const Record key_row_record = RECORD(KeyRow, key_row_fields, .table = "api_keys");

static Err *people_only(Ctx *c) {
    if (!id_is_none(c->account.api_key))
        FAIL(c, FORBIDDEN, "An API key cannot manage API keys: sign in");
    return NULL;
}

static StrList scopes_split(Ctx *c, Str scopes) {
    ptrdiff_t most = 1;
    for (ptrdiff_t i = 0; i < scopes.len; i++) most += scopes.data[i] == ' ';
    StrList list = {arena_array(c->arena, Str, most), 0};
    for (Str rest = scopes, scope; !str_is_null(rest);) {
        rest = str_cut(rest, ' ', &scope);
        if (scope.len > 0) list.items[list.count++] = scope;
    }
    return list;
}

static void key_fill(Ctx *c, const KeyRow *row, ApiKey *out) {
    *out = (ApiKey){
        .id = row->id,
        .name = row->name,
        .hint = row->hint,
        .scopes = scopes_split(c, row->scopes),
        .organisation_id = row->organisation_id,
        .created_at = row->created_at,
        .expires_at = row->expires_at,
        .last_used_at = row->last_used_at,
    };
}

static Err *key_load(Ctx *c, Id id, ApiKey *out) {
    KeyRow row;
    TRY(db_one(c, SQL(SQL_KEY_LOAD), ARGS(V(id)), &key_row_record, &row));
    key_fill(c, &row, out);
    return NULL;
}

static Err *scopes_join(Ctx *c, StrList scopes, Str *out) {
    Problems problems = {.arena = c->arena};
    Buf b = buf_new(c->arena, 64);
    for (ptrdiff_t i = 0; i < scopes.count; i++) {
        Str path = strf(c->arena, "scopes.%td", i);
        if (str_find_byte(scopes.items[i], ' ') >= 0)
            problem_add(&problems, path, S("format"), "A scope is one word");
        buf_add(&b, scopes.items[i]);
        buf_byte(&b, ' ');
    }
    *out = buf_str(&b);
    return problems_err(c, &problems);
}

/* A scope that opens by itself what needs a role is given away only by who has that role. */
static Err *scopes_allowed(Ctx *c, StrList scopes) {
    ptrdiff_t count;
    const Route *const *routes = router_routes(app_router(c), &count);
    for (ptrdiff_t r = 0; r < count; r++) {
        if (!routes[r]->key_suffices || c->account.role >= route_role(routes[r])) continue;
        for (ptrdiff_t i = 0; i < scopes.count; i++)
            if (str_eq(scopes.items[i], str_c(routes[r]->scope)))
                FAIL(c, FORBIDDEN, "Your role is not enough to give a key the scope %s.",
                     routes[r]->scope);
    }
    return NULL;
}

typedef struct KeyMaking {
    Call *k;
    Str scopes;
} KeyMaking;

static Err *key_make(Ctx *c, void *arg) {
    const KeyMaking *making = arg;
    const ApiKeyIn *in = making->k->in;
    ApiKey *out = call_out(making->k);
    Str key;
    Id id;
    TRY(api_key_create_in(c, c->account.user, in->organisation_id, in->name, making->scopes,
                          in->expires_at, &key, &id));
    TRY(key_load(c, id, out));
    out->key = key;
    return call_settle(c, making->k);
}

static Err *keys_post(Ctx *c, Call *k) {
    const ApiKeyIn *in = k->in;
    TRY(people_only(c));
    if (!id_is_none(in->organisation_id))
        TRY(organisation_require(c, in->organisation_id, MEMBER_ADMIN));
    KeyMaking making = {.k = k};
    TRY(scopes_allowed(c, in->scopes));
    TRY(scopes_join(c, in->scopes, &making.scopes));
    reply_header(k->r, S("Cache-Control"), S("no-store"));
    return db_transaction(c, key_make, &making);
}

static Err *keys_list(Ctx *c, Call *k) {
    TRY(people_only(c));
    Rows rows;
    TRY(db_query(c, SQL(SQL_KEY_LIST), ARGS(V(c->account.user)), &key_row_record, &rows));
    const KeyRow *keys = rows.items;
    ApiKey *out = arena_array(c->arena, ApiKey, rows.count);
    for (ptrdiff_t i = 0; i < rows.count; i++) key_fill(c, &keys[i], &out[i]);
    call_list(c, k, (Rows){out, rows.count}, rows.count, (Str){NULL, 0});
    return NULL;
}

static Err *keys_delete(Ctx *c, Call *k) {
    TRY(people_only(c));
    ptrdiff_t changed = 0;
    TRY(db_exec(c, SQL(SQL_KEY_REVOKE_OWN), ARGS(V(k->ids[0]), V(time_now()), V(c->account.user)),
                &changed));
    if (changed == 0) FAIL(c, NOT_FOUND, "API key not found");
    return NULL;
}

#define KEYS .access = ACCESS_USER, .tag = "API keys"

const Route key_routes[] = {
    {GET, "/api/v1/keys", keys_list, KEYS, .out = &api_key_record, .out_list = true,
     .doc = "The caller's API keys, newest first, without the keys themselves"},
    {POST, "/api/v1/keys", keys_post, KEYS, .in = &api_key_in_record, .out = &api_key_record,
     .status = 201, .rate = RATE_WRITE, .idempotent = true, .secret_out = true,
     .errors = "403 404 409", .doc = "Make an API key; this answer alone shows it"},
    {DELETE, "/api/v1/keys/{id:int}", keys_delete, KEYS, .status = 204, .errors = "403 404",
     .doc = "Revoke an API key, at once"},
    {0},
};
