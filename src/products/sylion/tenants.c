/* SPDX-License-Identifier: Apache-2.0
 * Tenants: made by the platform's admins, changed by their own. A deleted one is gone for everybody,
 * its slug and numbers are free again, and its row stays for the ledger. */
#include "products/sylion/tenants.h"

#include "core/rand.h"
#include "net/url.h"
#include "products/sylion/plans.h"
#include "products/sylion/routes.h"
#include "products/sylion/system_sql.h"
#include "products/sylion/tenants_sql.h"
#include "work/zone.h"

static const Field quota_use_fields[] = {
    FIELD(QuotaUse, used),
    FIELD(QuotaUse, limit, .doc = "-1: without"),
    FIELD(QuotaUse, percentage, .doc = "null without a limit"),
};
static const Record quota_use_record = RECORD(QuotaUse, quota_use_fields, .camel = true);

static const Field usage_fields[] = {
    FIELD_RECORD(TenantUsage, messages, &quota_use_record),
    FIELD_RECORD(TenantUsage, ai_requests, &quota_use_record),
    FIELD_RECORD(TenantUsage, tokens, &quota_use_record),
    FIELD_RECORD(TenantUsage, storage_mb, &quota_use_record),
    FIELD_RECORD(TenantUsage, channels, &quota_use_record),
    FIELD_RECORD(TenantUsage, assistants, &quota_use_record),
};
const Record tenant_usage_record = RECORD(TenantUsage, usage_fields, .camel = true,
                                          .doc = "What is used of the quotas in this period");

#define INNER .flags = F_SECRET | F_READONLY | F_NULLABLE
static const Field tenant_fields[] = {
    FIELD(Tenant, n, INNER),
    FIELD(Tenant, id, .format = "uuid"),
    FIELD(Tenant, organisation_id, .flags = F_NULLABLE,
          .doc = "Whose members and keys are the tenant's: /api/v1/organisations/{id}"),
    FIELD(Tenant, name),
    FIELD(Tenant, slug),
    FIELD(Tenant, plan, .values = plan_names),
    FIELD(Tenant, contact_email, .flags = F_NULLABLE),
    FIELD(Tenant, contact_phone, .flags = F_NULLABLE),
    FIELD(Tenant, billing_address, .flags = F_NULLABLE),
    FIELD(Tenant, webhook_url, .flags = F_NULLABLE),
    FIELD(Tenant, webhook_sealed, INNER),
    FIELD(Tenant, webhook_secret, .flags = F_NO_COLUMN | F_OMIT_NULL | F_NULLABLE,
          .doc = "Key of X-Sylion-Signature; told once, when webhookUrl is first given"),
    FIELD(Tenant, settings),
    FIELD(Tenant, time_zone, .doc = "Periods are calendar months there"),
    FIELD(Tenant, is_active),
    FIELD(Tenant, quota_messages, .doc = "What holds, the plan's or its own; -1: without limit"),
    FIELD(Tenant, quota_ai_requests),
    FIELD(Tenant, quota_tokens),
    FIELD(Tenant, quota_storage_mb),
    FIELD(Tenant, quota_channels),
    FIELD(Tenant, quota_assistants),
    FIELD_RECORD(Tenant, usage, &tenant_usage_record, .flags = F_NO_COLUMN),
    FIELD(Tenant, created_at),
    FIELD(Tenant, updated_at),
    FIELD(Tenant, deleted_at, INNER),
};
const Record tenant_record =
    RECORD(Tenant, tenant_fields, .camel = true, .doc = "Who uses the platform for his contacts");

/* -- what comes in ----------------------------------------------------------------------------- */

enum { JSON_BYTES_MAX = 32 * 1024, PHONE_DIGITS_MIN = 6, PHONE_DIGITS_MAX = 15 };

static bool slug_valid(Str slug) {
    for (ptrdiff_t i = 0; i < slug.len; i++) {
        char byte = slug.data[i];
        if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') && byte != '-')
            return false;
    }
    return true;
}

/* As people write it: digits, perhaps a + before, spaces, dots, dashes and brackets between. */
static bool phone_valid(Str phone) {
    int digits = 0;
    for (ptrdiff_t i = 0; i < phone.len; i++) {
        char byte = phone.data[i];
        if (byte >= '0' && byte <= '9')
            digits++;
        else if (str_find_byte(S(" .-()/"), byte) < 0 && !(byte == '+' && i == 0))
            return false;
    }
    return digits >= PHONE_DIGITS_MIN && digits <= PHONE_DIGITS_MAX;
}

static bool url_valid(Str text) {
    Url url;
    return url_parse(text, &url) &&
           (str_eq(url.scheme, S("http")) || str_eq(url.scheme, S("https")));
}

static void object_check(JsonText json, Str field, Problems *problems) {
    if (!json.text.data) return;
    if (json.text.len == 0 || json.text.data[0] != '{')
        problem_add(problems, field, S("type"), "must be an object");
    else if (json.text.len > JSON_BYTES_MAX)
        problem_add(problems, field, S("too_long"), "must have at most %d bytes", JSON_BYTES_MAX);
}

/* What the table of fields cannot say. Absent members are null. */
static void tenant_in_check(const void *value, Str path, Problems *problems) {
    const TenantIn *in = value;
    assert(path.len == 0);
    if (in->slug.data && !slug_valid(in->slug))
        problem_add(problems, S("slug"), S("format"), "has other than small letters, digits and -");
    if (in->contact_phone.data && !phone_valid(in->contact_phone))
        problem_add(problems, S("contactPhone"), S("format"), "is not a telephone number");
    if (in->webhook_url.data && !url_valid(in->webhook_url))
        problem_add(problems, S("webhookUrl"), S("format"), "is not an http or https address");
    if (in->time_zone.data && !zone_find(str_cstr(problems->arena, in->time_zone)))
        problem_add(problems, S("timeZone"), S("value"), "is no time zone that is known here");
    object_check(in->billing_address, S("billingAddress"), problems);
    object_check(in->settings, S("settings"), problems);
}

#define TENANT_IN_FIELDS                                                                         \
    FIELD(TenantIn, contact_email, .flags = F_TRIM | F_NULLABLE, .max = 254, .format = "email"), \
        FIELD(TenantIn, contact_phone, .flags = F_TRIM | F_NULLABLE, .max = 32),                 \
        FIELD(TenantIn, billing_address, .flags = F_NULLABLE, .doc = "An object"),               \
        FIELD(TenantIn, webhook_url, .flags = F_TRIM | F_NULLABLE, .max = 2000, .format = "uri", \
              .doc = "Warnings are posted there, signed"),                                       \
        FIELD(TenantIn, settings, .doc = "An object; the tenant's own matter"),                  \
        FIELD(TenantIn, time_zone, .flags = F_TRIM, .min = 1, .max = 64, .doc = "An IANA name")

static const Field create_fields[] = {
    FIELD(TenantIn, name, .flags = F_REQUIRED | F_TRIM, .min = 2, .max = 255),
    FIELD(TenantIn, slug, .flags = F_REQUIRED | F_TRIM, .min = 2, .max = 100,
          .doc = "Small letters, digits and -"),
    FIELD(TenantIn, plan, .values = plan_names, .fallback = "\"starter\""),
    TENANT_IN_FIELDS,
    FIELD(TenantIn, owner_email, .flags = F_TRIM | F_NULLABLE, .max = 254, .format = "email",
          .doc = "An account that will own the tenant; without it whoever asks does"),
};
const Record tenant_in_record =
    RECORD_AS("TenantCreate", TenantIn, create_fields, .camel = true, .check = tenant_in_check);

static const Field change_fields[] = {
    FIELD(TenantIn, name, .flags = F_TRIM, .min = 2, .max = 255),
    FIELD(TenantIn, slug, .flags = F_TRIM, .min = 2, .max = 100),
    FIELD(TenantIn, plan, .values = plan_names, .doc = "Only the platform's admins change it"),
    TENANT_IN_FIELDS,
};
static const Record change_record =
    RECORD_AS("TenantChange", TenantIn, change_fields, .camel = true, .check = tenant_in_check);

/* -- making ------------------------------------------------------------------------------------ */

/* Of the calls that write a slug: no other text of a tenant's is unique. */
static Err *slug_taken(Ctx *c, Err *err) {
    if (!err || err->kind != ERR_CONFLICT || !str_starts(err->code, S("tenants."))) return err;
    return sylion_err(c, ERR_BAD_REQUEST, "TENANT_SLUG_EXISTS", "This slug is taken.");
}

/* A webhook has a secret from the moment it has an address; given another address, it keeps it. */
static void webhook_secret_make(Ctx *c, Tenant *t) {
    if (!t->webhook_url.data) t->webhook_sealed = (Str){0};
    if (!t->webhook_url.data || t->webhook_sealed.data) return;
    t->webhook_secret = rand_token(c->arena, S("whsec_"), 32);
    t->webhook_sealed = secret_seal(c, t->webhook_secret);
}

static Str or_else(Str given, Str usual) { return given.data ? given : usual; }

Err *tenant_create(Ctx *c, const TenantIn *in, Id owner, Tenant *out) {
    assert(c->tx && in && out && !id_is_none(owner));
    Organisation organisation;
    TRY(organisation_create(c, owner, str_utf8_cut(in->name, 120), &organisation));
    JsonText empty = {S("{}")};
    *out = (Tenant){.webhook_url = in->webhook_url};
    webhook_secret_make(c, out);
    Err *err = system_one(
        c, SQL(SQL_SYSTEM_TENANT_ADD),
        ARGS(V(uuid_v4(c->arena)), V(organisation.id), V(in->name), V(in->slug), V(in->plan),
             V(in->contact_email), V(in->contact_phone), V(in->billing_address), V(in->webhook_url),
             V(in->settings.text.data ? in->settings : empty),
             V(or_else(in->time_zone, S("Europe/Paris"))), V(out->webhook_sealed), V(time_now())),
        &tenant_record, out);
    return slug_taken(c, err);
}

static Err *tenant_owner(Ctx *c, const TenantIn *in, Id *owner) {
    *owner = c->account.user;
    if (!in->owner_email.data) return NULL;
    User user;
    Err *err = user_by_email(c, in->owner_email, &user);
    if (err && err->kind == ERR_NOT_FOUND) {
        Problems problems = {.arena = c->arena};
        problem_add(&problems, S("ownerEmail"), S("value"), "there is no account of that address");
        return problems_err(c, &problems);
    }
    *owner = user.id;
    return err;
}

static Err *tenant_make(Ctx *c, void *arg) {
    Call *k = arg;
    Tenant *out = call_out(k);
    Id owner;
    TRY(tenant_owner(c, k->in, &owner));
    TRY(tenant_create(c, k->in, owner, out));
    TRY(tenant_show(c, out));
    return call_settle(c, k);
}

static void location_set(Ctx *c, Call *k, Str id) {
    reply_header(k->r, S("Location"), strf(c->arena, "/api/v1/tenants/%.*s", S_ARG(id)));
}

static Err *tenants_post(Ctx *c, Call *k) {
    TRY(platform_require(c));
    TRY(db_transaction(c, tenant_make, k));
    location_set(c, k, ((const Tenant *)k->out)->id);
    return NULL;
}

/* -- reading ----------------------------------------------------------------------------------- */

Err *tenant_load(Ctx *c, const Scope *s, Tenant *out) {
    return tenant_found(c, s, SQL(SQL_TENANT_LOAD), NO_ARGS, &tenant_record, "TENANT_NOT_FOUND",
                        out);
}

Err *tenant_lock(Ctx *c, const Scope *s, Tenant *out) {
    assert(c->tx);
    return tenant_found(c, s, SQL2(SQL_TENANT_LOCK_SQLITE, SQL_TENANT_LOCK_POSTGRES), NO_ARGS,
                        &tenant_record, "TENANT_NOT_FOUND", out);
}

static Err *tenant_answer(Ctx *c, Call *k, Str id) {
    Scope s;
    Tenant *out = call_out(k);
    TRY(scope_of(c, k, id, &s));
    TRY(tenant_load(c, &s, out));
    return tenant_show(c, out);
}

static Err *tenant_get(Ctx *c, Call *k) { return tenant_answer(c, k, k->params[0]); }

typedef struct IdRow {
    Str id;
} IdRow;
static const Field id_fields[] = {FIELD(IdRow, id)};
static const Record id_record = RECORD(IdRow, id_fields);

static Err *slug_find(Ctx *c, Str slug, Str *id, bool *found) {
    IdRow row = {0};
    TRY(system_maybe(c, SQL(SQL_SYSTEM_TENANT_SLUG), ARGS(V(slug)), &id_record, &row, found));
    *id = *found ? row.id : slug;
    return NULL;
}

/* A slug that nobody has, or somebody else, goes the way of an id that nobody has. */
static Err *tenant_get_by_slug(Ctx *c, Call *k) {
    Str id;
    bool found;
    TRY(slug_find(c, k->params[0], &id, &found));
    if (found) TRY(tenant_seen(c, id, &found));
    return tenant_answer(c, k, found ? id : k->params[0]);
}

typedef struct NRow {
    Id n;
} NRow;
static const Field n_fields[] = {FIELD(NRow, n)};
static const Record n_record = RECORD(NRow, n_fields);

Err *tenant_named(Ctx *c, Str name, Scope *out) {
    Str id;
    NRow row = {0};
    bool found;
    TRY(slug_find(c, name, &id, &found));
    TRY(system_maybe(c, SQL(SQL_SYSTEM_TENANT_BY_ID), ARGS(V(id)), &n_record, &row, &found));
    if (!found)
        return sylion_err(c, ERR_NOT_FOUND, "TENANT_NOT_FOUND", "There is no tenant `%.*s`.",
                          S_ARG(name));
    return scope_of_tenant(c, row.n, out);
}

Err *tenants_after(Ctx *c, Id after, int64_t limit, Rows *out) {
    TRY(system_query(c, SQL(SQL_SYSTEM_TENANTS_AFTER), ARGS(V(after.value), V(limit)),
                     &tenant_record, out));
    return tenants_show(c, out->items, out->count);
}

static const char *const sorts[] = {"name",      "slug",      "plan", "isActive",
                                    "createdAt", "updatedAt", NULL};
static const char *const sort_columns[] = {"lower(t.name)", "t.slug",       "t.plan",
                                           "t.is_active",   "t.created_at", "t.updated_at"};
static const char *const orders[] = {"asc", "desc", NULL};
static_assert(COUNT(sorts) == COUNT(sort_columns) + 1, "a column each");

typedef struct TenantsQuery {
    int64_t page, limit;
    Str search, plan, sort_by, sort_order;
    OptBool is_active;
} TenantsQuery;
static const Field tenants_query_fields[] = {
    PAGE_FIELDS(TenantsQuery),
    FIELD(TenantsQuery, search, .flags = F_TRIM, .max = 100, .doc = "In name, slug and e-mail"),
    FIELD(TenantsQuery, plan, .values = plan_names),
    FIELD(TenantsQuery, is_active),
    FIELD(TenantsQuery, sort_by, .values = sorts, .fallback = "\"createdAt\""),
    FIELD(TenantsQuery, sort_order, .values = orders, .fallback = "\"desc\""),
};
static const Record tenants_query_record =
    RECORD(TenantsQuery, tenants_query_fields, .camel = true);

Str like_pattern(Arena *arena, Str text) {
    if (text.len == 0) return (Str){0};
    Buf b = buf_new(arena, text.len + 8);
    buf_byte(&b, '%');
    for (ptrdiff_t i = 0; i < text.len; i++) {
        if (str_find_byte(S("!%_"), text.data[i]) >= 0) buf_byte(&b, '!');
        buf_byte(&b, text.data[i]);
    }
    buf_byte(&b, '%');
    return str_lower(arena, buf_str(&b));
}

static const char *tenants_order(Ctx *c, const TenantsQuery *q) {
    ptrdiff_t i = 0;
    while (!str_eq(q->sort_by, str_c(sorts[i]))) i++;
    const char *way = str_eq(q->sort_order, S("asc")) ? "ASC" : "DESC";
    Str text = strf(c->arena, "%s ORDER BY %s %s, t.n %s LIMIT $6 OFFSET $7",
                    SQL_SYSTEM_TENANTS_FOUND, sort_columns[i], way, way);
    return str_cstr(c->arena, text);
}

static Err *tenants_list(Ctx *c, Call *k) {
    const TenantsQuery *q = k->query;
    bool all = !platform_require(c), by_key = !id_is_none(c->account.organisation);
    Value user = all || by_key ? value_null() : V(c->account.user);
    Value pattern = V(like_pattern(c->arena, q->search));
    Value plan = V(q->plan), active = V(q->is_active), key = V(c->account.organisation);
    Rows rows;
    int64_t total;
    TRY(system_query(
        c, SQL(tenants_order(c, q)),
        ARGS(pattern, plan, active, user, key, V(q->limit), V((q->page - 1) * q->limit)),
        &tenant_record, &rows));
    TRY(system_int(c, SQL(SQL_SYSTEM_TENANTS_COUNT), ARGS(pattern, plan, active, user, key),
                   &total));
    TRY(tenants_show(c, rows.items, rows.count));
    call_list(c, k, rows, total, (Str){0});
    return NULL;
}

/* -- changing ---------------------------------------------------------------------------------- */

typedef struct Changing {
    Call *k;
    const Scope *scope;
} Changing;

static bool given(const Call *k, const char *name) {
    return k->present & record_bit(k->route->in, name);
}

static void tenant_merge(const Call *k, Tenant *t) {
    const TenantIn *in = k->in;
    if (given(k, "name")) t->name = in->name;
    if (given(k, "slug")) t->slug = in->slug;
    if (given(k, "plan")) t->plan = in->plan;
    if (given(k, "contact_email")) t->contact_email = in->contact_email;
    if (given(k, "contact_phone")) t->contact_phone = in->contact_phone;
    if (given(k, "billing_address")) t->billing_address = in->billing_address;
    if (given(k, "webhook_url")) t->webhook_url = in->webhook_url;
    if (given(k, "settings")) t->settings = in->settings;
    if (given(k, "time_zone")) t->time_zone = in->time_zone;
}

static Err *tenant_change(Ctx *c, void *arg) {
    const Changing *change = arg;
    const Scope *s = change->scope;
    Tenant *t = call_out(change->k);
    TRY(tenant_lock(c, s, t));
    Str plan = t->plan, zone = t->time_zone;
    tenant_merge(change->k, t);
    if (!str_eq(plan, t->plan) && !s->platform)
        FAIL(c, FORBIDDEN, "Only the platform's admins change a tenant's plan.");
    webhook_secret_make(c, t);
    Err *err =
        tenant_one(c, s, SQL(SQL_TENANT_CHANGE),
                   ARGS(V(t->name), V(t->slug), V(t->plan), V(t->contact_email),
                        V(t->contact_phone), V(t->billing_address), V(t->webhook_url),
                        V(t->settings), V(t->time_zone), V(t->webhook_sealed), V(time_now())),
                   &tenant_record, t);
    if (err) return slug_taken(c, err);
    if (!str_eq(zone, t->time_zone)) TRY(quota_zone_changed(c, t));
    return tenant_show(c, t);
}

static Err *tenant_put(Ctx *c, Call *k) {
    Scope s;
    TRY(scope_of(c, k, k->params[0], &s));
    TRY(scope_require(c, &s, MEMBER_ADMIN));
    Changing change = {k, &s};
    return db_transaction(c, tenant_change, &change);
}

const Route tenant_routes[] = {
    {POST, "/api/v1/tenants", tenants_post, WRITES, .in = &tenant_in_record, .out = &tenant_record,
     .status = 201, .idempotent = true, .secret_out = true, .errors = "400 403",
     .doc = "A new tenant with its organisation; for the platform's admins"},
    {GET, "/api/v1/tenants", tenants_list, READS, .query = &tenants_query_record,
     .out = &tenant_record, .out_list = true, .doc = "Tenants: all, or one's own"},
    {GET, "/api/v1/tenants/slug/{slug}", tenant_get_by_slug, READS, .out = &tenant_record,
     .errors = "400 404", .doc = "A tenant by its slug"},
    {GET, "/api/v1/tenants/{id}", tenant_get, READS, .out = &tenant_record, .errors = "400 404",
     .doc = "A tenant"},
    {PUT, "/api/v1/tenants/{id}", tenant_put, WRITES, .in = &change_record, .in_change = true,
     .out = &tenant_record, .errors = "400 404", .doc = "Change a tenant: what is given"},
    {.path = NULL},
};
