/* SPDX-License-Identifier: Apache-2.0
 * The accounts module: routes for API keys and organisations (those of signing in are in sign_in.c
 * and oauth.c), and the hourly clean-up of what has expired. Keys cannot make or revoke keys: a
 * leaked one must not outlive its own revocation. */
#include "api/accounts.h"

#include "api/accounts_room.h"
#include "api/accounts_sql.h"

enum { KEY_KEPT_DAYS = 30, ATTEMPT_KEPT_HOURS = 24 };

/* -- API keys -------------------------------------------------------------------------------------- */

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

static Err *key_find(Ctx *c, Id id, ApiKey *out) {
    Rows rows;
    TRY(db_query(c, SQL(SQL_KEY_LIST), ARGS(V(c->account.user)), &key_row_record, &rows));
    const KeyRow *keys = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        if (!id_eq(keys[i].id, id)) continue;
        key_fill(c, &keys[i], out);
        return NULL;
    }
    FAIL(c, NOT_FOUND, "API key not found");
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
    TRY(key_find(c, id, out));
    out->key = key;
    return call_settle(c, making->k);
}

static Err *keys_post(Ctx *c, Call *k) {
    const ApiKeyIn *in = k->in;
    TRY(people_only(c));
    if (!id_is_none(in->organisation_id))
        TRY(organisation_require(c, in->organisation_id, MEMBER_ADMIN));
    KeyMaking making = {.k = k};
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

/* -- Organisations --------------------------------------------------------------------------------- */

typedef struct PageQuery {
    int64_t limit, offset;
} PageQuery;
static const Field page_fields[] = {
    FIELD(PageQuery, limit, .min = 1, .max = 200, .fallback = "50"),
    FIELD(PageQuery, offset, .min = 0, .max = 1000000000, .fallback = "0"),
};
static const Record page_record = RECORD(PageQuery, page_fields);

/* A key of an organisation sees that one and founds none. */
static Err *organisation_alone(Ctx *c, Call *k) {
    Organisation *one = arena_new_of(c->arena, Organisation);
    TRY(organisation_load(c, c->account.organisation, c->account.user, one));
    call_list(c, k, (Rows){one, 1}, 1, (Str){NULL, 0});
    return NULL;
}

static Err *organisations_list(Ctx *c, Call *k) {
    if (!id_is_none(c->account.organisation)) return organisation_alone(c, k);
    const PageQuery *page = k->query;
    Rows rows;
    int64_t total;
    TRY(db_query(c, SQL(SQL_ORGANISATION_LIST),
                 ARGS(V(c->account.user), V(page->limit), V(page->offset)), &organisation_record,
                 &rows));
    TRY(db_int(c, SQL(SQL_ORGANISATION_COUNT), ARGS(V(c->account.user)), &total));
    call_list(c, k, rows, total, (Str){NULL, 0});
    return NULL;
}

static Err *organisation_make(Ctx *c, void *arg) {
    Call *k = arg;
    const Organisation *in = k->in;
    TRY(organisation_create(c, c->account.user, in->name, call_out(k)));
    return call_settle(c, k);
}

static Err *organisations_post(Ctx *c, Call *k) {
    if (!id_is_none(c->account.organisation))
        FAIL(c, FORBIDDEN, "This key belongs to an organisation");
    return db_transaction(c, organisation_make, k);
}

static Err *organisation_get(Ctx *c, Call *k) {
    TRY(organisation_require(c, k->ids[0], MEMBER_MEMBER));
    return organisation_load(c, k->ids[0], c->account.user, call_out(k));
}

static Err *organisation_patch(Ctx *c, Call *k) {
    const Organisation *in = k->in;
    TRY(organisation_require(c, k->ids[0], MEMBER_ADMIN));
    if (k->present & record_bit(&organisation_record, "name"))
        TRY(db_exec(c, SQL(SQL_ORGANISATION_RENAME), ARGS(V(k->ids[0]), V(in->name), V(time_now())),
                    NULL));
    return organisation_load(c, k->ids[0], c->account.user, call_out(k));
}

static Err *organisation_delete(Ctx *c, Call *k) {
    TRY(organisation_require(c, k->ids[0], MEMBER_OWNER));
    return db_exec(c, SQL(SQL_ORGANISATION_DELETE), ARGS(V(k->ids[0])), NULL);
}

/* -- Members --------------------------------------------------------------------------------------- */

typedef struct MemberIn {
    Str email, role;
} MemberIn;
static const char *const roles_given[] = {"member", "admin", "owner", NULL};
static const Field member_in_fields[] = {
    FIELD(MemberIn, email, .flags = F_REQUIRED | F_IMMUTABLE | F_TRIM, .max = 254,
          .format = "email"),
    FIELD(MemberIn, role, .values = roles_given, .fallback = "\"member\""),
};
static const Record member_in_record = RECORD(MemberIn, member_in_fields);

typedef struct MemberRoleIn {
    Str role;
} MemberRoleIn;
static const Field member_role_in_fields[] = {
    FIELD(MemberRoleIn, role, .flags = F_REQUIRED, .values = roles_given),
};
static const Record member_role_in_record = RECORD(MemberRoleIn, member_role_in_fields);

static Err *members_list(Ctx *c, Call *k) {
    const PageQuery *page = k->query;
    TRY(organisation_require(c, k->ids[0], MEMBER_MEMBER));
    Rows rows;
    int64_t total;
    TRY(db_query(c, SQL(SQL_MEMBER_LIST), ARGS(V(k->ids[0]), V(page->limit), V(page->offset)),
                 &member_record, &rows));
    TRY(db_int(c, SQL(SQL_MEMBER_COUNT), ARGS(V(k->ids[0])), &total));
    call_list(c, k, rows, total, (Str){NULL, 0});
    return NULL;
}

/* Owners are made, changed and removed by owners only. */
static Err *role_within_reach(Ctx *c, Id organisation, Id user, MemberRole wanted) {
    MemberRole present = MEMBER_NONE;
    if (!id_is_none(user)) TRY(organisation_role(c, organisation, user, &present));
    bool about_owner = wanted == MEMBER_OWNER || present == MEMBER_OWNER;
    return organisation_require(c, organisation, about_owner ? MEMBER_OWNER : MEMBER_ADMIN);
}

static Err *member_make(Ctx *c, void *arg) {
    Call *k = arg;
    const MemberIn *in = k->in;
    MemberRole role = member_role_of(in->role);
    TRY(role_within_reach(c, k->ids[0], (Id){0}, role));
    User user;
    TRY(user_by_email(c, in->email, &user));
    TRY(member_add(c, k->ids[0], user.id, role, call_out(k)));
    return call_settle(c, k);
}

static Err *members_post(Ctx *c, Call *k) { return db_transaction(c, member_make, k); }

static Err *member_patch(Ctx *c, Call *k) {
    const MemberRoleIn *in = k->in;
    MemberRole role = member_role_of(in->role);
    TRY(role_within_reach(c, k->ids[0], k->ids[1], role));
    return member_change(c, k->ids[0], k->ids[1], role, call_out(k));
}

static Err *member_delete(Ctx *c, Call *k) {
    if (id_eq(k->ids[1], c->account.user))
        TRY(organisation_require(c, k->ids[0], MEMBER_MEMBER));
    else
        TRY(role_within_reach(c, k->ids[0], k->ids[1], MEMBER_MEMBER));
    return member_remove(c, k->ids[0], k->ids[1]);
}

#define KEYS .access = ACCESS_USER, .tag = "API keys"
#define READS .access = ACCESS_USER, .scope = "organisations:read", .tag = "Organisations"
#define WRITES .access = ACCESS_USER, .scope = "organisations:write", .tag = "Organisations"

static const Route accounts_routes[] = {
    {GET, "/api/v1/keys", keys_list, KEYS, .out = &api_key_record, .out_list = true,
     .doc = "The caller's API keys, newest first, without the keys themselves"},
    {POST, "/api/v1/keys", keys_post, KEYS, .in = &api_key_in_record, .out = &api_key_record,
     .status = 201, .rate = RATE_WRITE, .idempotent = true, .secret_out = true,
     .errors = "403 404 409", .doc = "Make an API key; this answer alone shows it"},
    {DELETE, "/api/v1/keys/{id:int}", keys_delete, KEYS, .status = 204, .errors = "403 404",
     .doc = "Revoke an API key, at once"},
    {GET, "/api/v1/organisations", organisations_list, READS, .query = &page_record,
     .out = &organisation_record, .out_list = true, .doc = "Organisations the caller belongs to"},
    {POST, "/api/v1/organisations", organisations_post, WRITES, .in = &organisation_record,
     .out = &organisation_record, .status = 201, .rate = RATE_WRITE, .idempotent = true,
     .doc = "Found an organisation; the caller becomes its owner"},
    {GET, "/api/v1/organisations/{id:int}", organisation_get, READS, .out = &organisation_record,
     .errors = "404", .doc = "One organisation, as the caller sees it"},
    {PATCH, "/api/v1/organisations/{id:int}", organisation_patch, WRITES,
     .in = &organisation_record, .in_change = true, .out = &organisation_record,
     .errors = "403 404", .doc = "Rename it (admin, owner)"},
    {DELETE, "/api/v1/organisations/{id:int}", organisation_delete, WRITES, .status = 204,
     .errors = "403 404", .doc = "Erase it with all that belongs to it (owner)"},
    {GET, "/api/v1/organisations/{id:int}/members", members_list, READS, .query = &page_record,
     .out = &member_record, .out_list = true, .errors = "404", .doc = "Its members, oldest first"},
    {POST, "/api/v1/organisations/{id:int}/members", members_post, WRITES, .in = &member_in_record,
     .out = &member_record, .status = 201, .rate = RATE_WRITE, .idempotent = true,
     .errors = "403 404 409",
     .doc = "Add a user by e-mail address (admin; only an owner makes owners)"},
    {PATCH, "/api/v1/organisations/{id:int}/members/{user_id:int}", member_patch, WRITES,
     .in = &member_role_in_record, .out = &member_record, .errors = "403 404 409",
     .doc = "Change a role"},
    {DELETE, "/api/v1/organisations/{id:int}/members/{user_id:int}", member_delete, WRITES,
     .status = 204, .errors = "403 404 409",
     .doc = "Remove a member, or leave; the last owner cannot"},
};

/* -- Clean-up, demo -------------------------------------------------------------------------------------- */

static Err *clean(Ctx *c, Job *job) {
    (void)job;
    Time now = time_now();
    TRY(db_exec(c, SQL(SQL_REFRESH_CLEAN), ARGS(V(now)), NULL));
    TRY(db_exec(c, SQL(SQL_SESSION_CLEAN), ARGS(V(now)), NULL));
    TRY(db_exec(c, SQL(SQL_ATTEMPT_CLEAN),
                ARGS(V(time_add(now, -ATTEMPT_KEPT_HOURS * US_PER_HOUR))), NULL));
    return db_exec(c, SQL(SQL_KEY_CLEAN), ARGS(V(time_add(now, -KEY_KEPT_DAYS * US_PER_DAY))),
                   NULL);
}

static const JobKind accounts_jobs[] = {
    {.name = "accounts.clean",
     .run = clean,
     .doc = "Erases expired log-ins, tokens, keys and attempts"},
};
static const Schedule accounts_schedules[] = {
    {.name = "accounts.clean",
     .cron = "@hourly",
     .job = "accounts.clean",
     .doc = "What expired goes"},
};

static Err *demo_user(Ctx *c, Str email, Str name, Str role) {
    User user;
    Err *err = user_by_email(c, email, &user);
    if (!err || err->kind != ERR_NOT_FOUND) return err;
    return user_create(c, email, name, S(DEMO_PASSWORD), role, &user);
}

static Err *demo(Ctx *c) {
    TRY(demo_user(c, S(DEMO_EMAIL), S("Camille Demo"), S("analyst")));
    return demo_user(c, S(DEMO_ADMIN_EMAIL), S("Admin Demo"), S("admin"));
}

static const Route *const tables[] = {sign_in_routes, oauth_routes, NULL};

const Module accounts_module = {
    .name = "accounts",
    .doc = "Signing in, API keys and organisations, for all products",
    .routes = accounts_routes,
    .route_count = COUNT(accounts_routes),
    .tables = tables,
    .jobs = accounts_jobs,
    .job_count = COUNT(accounts_jobs),
    .schedules = accounts_schedules,
    .schedule_count = COUNT(accounts_schedules),
    .demo = demo,
};
