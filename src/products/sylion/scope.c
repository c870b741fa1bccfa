/* SPDX-License-Identifier: Apache-2.0
 * Scope: whose rows, and the calls that bind it. See scope.h. This is the only file of the product
 * that calls db_query and its like. */
#include "products/sylion/scope.h"

#include "products/sylion/system_sql.h"

typedef struct ScopeRow {
    Id n, organisation_id;
    Str id, plan, time_zone, role;
    bool is_active;
} ScopeRow;
static const Field scope_row_fields[] = {
    FIELD(ScopeRow, n),         FIELD(ScopeRow, organisation_id, .flags = F_NULLABLE),
    FIELD(ScopeRow, id),        FIELD(ScopeRow, plan),
    FIELD(ScopeRow, time_zone), FIELD(ScopeRow, role),
    FIELD(ScopeRow, is_active),
};
static const Record scope_row_record = RECORD(ScopeRow, scope_row_fields);

/* -- errors ------------------------------------------------------------------------------------ */

Err *sylion_err(Ctx *c, ErrKind kind, const char *code, const char *format, ...) {
    assert(code && format);
    va_list args;
    va_start(args, format);
    Str detail = strvf(c->arena, format, args);
    va_end(args);
    Err *err = err_new(c, kind, __func__, "%.*s", S_ARG(detail));
    err->code = str_c(code);
    return err;
}

static Err *tenant_absent(Ctx *c) {
    return sylion_err(c, ERR_NOT_FOUND, "TENANT_NOT_FOUND", "Tenant not found");
}

/* "CHANNEL_NOT_FOUND": "Channel not found". Nothing of what was asked for: a foreign id and an absent
 * one read the same. */
static Err *row_absent(Ctx *c, const char *code) {
    Str words = str_lower(c->arena, str_c(code));
    char *text = str_cstr(c->arena, words);
    for (ptrdiff_t i = 0; i < words.len; i++)
        if (text[i] == '_') text[i] = ' ';
    if (text[0] >= 'a' && text[0] <= 'z') text[0] = (char)(text[0] - 'a' + 'A');
    return sylion_err(c, ERR_NOT_FOUND, code, "%s", text);
}

/* -- who --------------------------------------------------------------------------------------- */

static void scope_fill(Ctx *c, const ScopeRow *row, MemberRole role, bool platform, Scope *out) {
    *out = (Scope){
        .tenant = row->n,
        .tenant_id = row->id,
        .owner = strf(c->arena, "tenant:%lld", (long long)row->n.value),
        .organisation = row->organisation_id,
        .plan = row->plan,
        .time_zone = row->time_zone,
        .is_active = row->is_active,
        .platform = platform,
        .role = role,
    };
}

static bool is_platform(const Ctx *c) {
    return c->account.role == ROLE_ADMIN && id_is_none(c->account.organisation);
}

/* Of a person who says none: the one he belongs to. */
static Err *scope_alone(Ctx *c, Scope *out) {
    Rows rows;
    TRY(system_query(c, SQL(SQL_SYSTEM_TENANTS_OF_USER), ARGS(V(c->account.user)),
                     &scope_row_record, &rows));
    const ScopeRow *row = rows.items;
    if (rows.count == 0) FAIL(c, FORBIDDEN, "Your account belongs to no tenant.");
    if (rows.count > 1)
        FAIL(c, BAD_REQUEST,
             "You belong to several tenants: say which by tenantId or X-Tenant-ID.");
    scope_fill(c, row, member_role_of(row->role), false, out);
    return NULL;
}

static Err *scope_of_key(Ctx *c, Str id, Scope *out) {
    ScopeRow row = {0};
    bool found;
    TRY(system_maybe(c, SQL(SQL_SYSTEM_TENANT_OF_ORGANISATION), ARGS(V(c->account.organisation)),
                     &scope_row_record, &row, &found));
    if (!found || (id.data && !str_eq(id, row.id))) return tenant_absent(c);
    scope_fill(c, &row, MEMBER_ADMIN, false, out);
    return NULL;
}

/* id: the tenant's that is named, in lower case; null: none is. */
static Err *scope_of_account(Ctx *c, Str id, Scope *out) {
    ScopeRow row = {0};
    bool found;
    if (!id_is_none(c->account.organisation)) return scope_of_key(c, id, out);
    bool platform = is_platform(c);
    if (!id.data && platform)
        FAIL(c, BAD_REQUEST, "An admin says which tenant is meant: by tenantId or X-Tenant-ID.");
    if (!id.data) return scope_alone(c, out);
    if (platform)
        TRY(system_maybe(c, SQL(SQL_SYSTEM_TENANT_BY_ID), ARGS(V(id)), &scope_row_record, &row,
                         &found));
    else
        TRY(system_maybe(c, SQL(SQL_SYSTEM_TENANT_OF_USER), ARGS(V(c->account.user), V(id)),
                         &scope_row_record, &row, &found));
    if (!found) return tenant_absent(c);
    scope_fill(c, &row, platform ? MEMBER_OWNER : member_role_of(row.role), platform, out);
    return NULL;
}

/* All that name a tenant must name the same. */
static Err *name_join(Ctx *c, Str more, Str *name) {
    if (more.len == 0) return NULL;
    Str id = str_lower(c->arena, str_trim(more));
    if (name->data && !str_eq(*name, id))
        FAIL(c, BAD_REQUEST, "tenantId, X-Tenant-ID and the address name different tenants.");
    *name = id;
    return NULL;
}

static bool reads(const Call *k) { return k->q->method & (METHOD_GET | METHOD_HEAD); }

Err *scope_of(Ctx *c, Call *k, Str named, Scope *out) {
    assert(k && out);
    Str name = {0};
    TRY(name_join(c, named, &name));
    TRY(name_join(c, req_query(c, k->q, S("tenantId")), &name));
    TRY(name_join(c, req_header(k->q, S("X-Tenant-ID")), &name));
    TRY(scope_of_account(c, name, out));
    if (!out->is_active && !out->platform && !reads(k))
        return sylion_err(c, ERR_FORBIDDEN, "TENANT_INACTIVE",
                          "This tenant is switched off: it can be read, not changed.");
    return NULL;
}

Err *scope_require(Ctx *c, const Scope *s, MemberRole least) {
    assert(least > MEMBER_NONE);
    if (s->platform || s->role >= least) return NULL;
    FAIL(c, FORBIDDEN, "This needs the role %.*s in the tenant.", S_ARG(member_role_text(least)));
}

Err *scope_of_tenant(Ctx *c, Id tenant, Scope *out) {
    ScopeRow row = {0};
    bool found;
    TRY(system_maybe(c, SQL(SQL_SYSTEM_TENANT), ARGS(V(tenant)), &scope_row_record, &row, &found));
    if (!found) return tenant_absent(c);
    scope_fill(c, &row, MEMBER_OWNER, true, out);
    return NULL;
}

Err *platform_require(Ctx *c) {
    if (!is_platform(c)) FAIL(c, FORBIDDEN, "This is for the platform's admins.");
    return NULL;
}

/* -- a tenant's rows --------------------------------------------------------------------------- */

/* The check of tools/check_tenants once more, for texts made at run time. */
static bool text_is_scoped(const char *text) {
    if (strncmp(text, "INSERT", 6) == 0) return strstr(text, "tenant_n") && strstr(text, "$1");
    return strstr(text, "tenant_n = $1") || (strstr(text, "tenants") && strstr(text, "n = $1"));
}

static Args scoped(Ctx *c, const Scope *s, Sql sql, Args args) {
    assert(s && !id_is_none(s->tenant));
    assert(text_is_scoped(sql.sqlite));
    assert(sql.postgres == sql.sqlite || text_is_scoped(sql.postgres));
    Value *items = arena_array(c->arena, Value, args.count + 1);
    items[0] = V(s->tenant);
    if (args.count) memcpy(items + 1, args.items, (size_t)args.count * sizeof *items);
    return (Args){items, args.count + 1};
}

Err *tenant_query(Ctx *c, const Scope *s, Sql sql, Args args, const Record *record, Rows *out) {
    return db_query(c, sql, scoped(c, s, sql, args), record, out);
}

Err *tenant_scan(Ctx *c, const Scope *s, Sql sql, Args args, const Record *record, Rows *out) {
    return db_scan(c, sql, scoped(c, s, sql, args), record, out);
}

Err *tenant_one(Ctx *c, const Scope *s, Sql sql, Args args, const Record *record, void *out) {
    return db_one(c, sql, scoped(c, s, sql, args), record, out);
}

Err *tenant_maybe(Ctx *c, const Scope *s, Sql sql, Args args, const Record *record, void *out,
                  bool *found) {
    return db_maybe(c, sql, scoped(c, s, sql, args), record, out, found);
}

Err *tenant_int(Ctx *c, const Scope *s, Sql sql, Args args, int64_t *out) {
    return db_int(c, sql, scoped(c, s, sql, args), out);
}

Err *tenant_exec(Ctx *c, const Scope *s, Sql sql, Args args, ptrdiff_t *changed) {
    return db_exec(c, sql, scoped(c, s, sql, args), changed);
}

Err *tenant_exec_later(Ctx *c, const Scope *s, Sql sql, Args args) {
    return db_exec_later(c, sql, scoped(c, s, sql, args));
}

Err *tenant_each(Ctx *c, const Scope *s, Sql sql, Args args, const Record *record,
                 Err *(*fn)(Ctx *c, void *row, void *arg), void *arg) {
    return db_each(c, sql, scoped(c, s, sql, args), record, fn, arg);
}

Err *tenant_found(Ctx *c, const Scope *s, Sql sql, Args args, const Record *record,
                  const char *code, void *out) {
    bool found;
    TRY(tenant_maybe(c, s, sql, args, record, out, &found));
    return found ? NULL : row_absent(c, code);
}

/* -- across tenants ---------------------------------------------------------------------------- */

Err *system_query(Ctx *c, Sql sql, Args args, const Record *record, Rows *out) {
    return db_query(c, sql, args, record, out);
}

Err *system_one(Ctx *c, Sql sql, Args args, const Record *record, void *out) {
    return db_one(c, sql, args, record, out);
}

Err *system_maybe(Ctx *c, Sql sql, Args args, const Record *record, void *out, bool *found) {
    return db_maybe(c, sql, args, record, out, found);
}

Err *system_int(Ctx *c, Sql sql, Args args, int64_t *out) { return db_int(c, sql, args, out); }

Err *system_exec(Ctx *c, Sql sql, Args args, ptrdiff_t *changed) {
    return db_exec(c, sql, args, changed);
}

/* -- events ------------------------------------------------------------------------------------ */

Err *tenant_tell(Ctx *c, const Scope *s, const char *type, const Record *record,
                 const void *value) {
    assert(s->tenant_id.data && type && record && value);
    Buf data = buf_new(c->arena, 512);
    record_write(&data, record, value);
    return event_emit(c, strf(c->arena, "tenant:%.*s", S_ARG(s->tenant_id)), str_c(type),
                      buf_str(&data));
}

Err *tenant_seen(Ctx *c, Str id, bool *yes) {
    Scope s;
    Err *err = scope_of_account(c, id, &s);
    *yes = !err;
    return err && err->kind != ERR_NOT_FOUND ? err : NULL;
}

Err *tenant_may_read(Ctx *c, Str rest, bool *yes) {
    *yes = false;
    bool may = rest.len > 0 && !id_is_none(c->account.user);
    if (!may || !account_may(&c->account, S("sylion:read"))) return NULL;
    return tenant_seen(c, rest, yes);
}
