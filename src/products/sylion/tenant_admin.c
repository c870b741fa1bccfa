/* SPDX-License-Identifier: Apache-2.0
 * What only the platform's admins do with a tenant: give it quotas of its own, switch it on and off,
 * end it. */
#include "products/sylion/routes.h"
#include "products/sylion/tenants.h"
#include "products/sylion/tenants_sql.h"

typedef struct QuotasIn {
    OptInt quota_messages, quota_ai_requests, quota_tokens, quota_storage_mb, quota_channels,
        quota_assistants;
} QuotasIn;
#define QUOTA_FIELD(member)                                     \
    FIELD(QuotasIn, member, .min = -1, .max = TENANT_QUOTA_MAX, \
          .doc = "null: the plan's; -1: without")
static const Field quotas_fields[] = {
    QUOTA_FIELD(quota_messages),   QUOTA_FIELD(quota_ai_requests), QUOTA_FIELD(quota_tokens),
    QUOTA_FIELD(quota_storage_mb), QUOTA_FIELD(quota_channels),    QUOTA_FIELD(quota_assistants),
};
static const Record quotas_record =
    RECORD_AS("TenantQuotas", QuotasIn, quotas_fields, .camel = true);

static bool given(const Call *k, const char *name) {
    return k->present & record_bit(k->route->in, name);
}

typedef struct QuotasSetting {
    const Scope *scope;
    const QuotasChange *change;
    Tenant *out;
} QuotasSetting;

static Err *quotas_set(Ctx *c, void *arg) {
    const QuotasSetting *set = arg;
    Tenant *t = set->out;
    TRY(tenant_lock(c, set->scope, t));
    for (QuotaKind kind = 0; kind < QUOTA_KINDS; kind++)
        if (set->change->given[kind]) *tenant_own_quota(t, kind) = set->change->value[kind];
    TRY(tenant_one(c, set->scope, SQL(SQL_TENANT_SET_QUOTAS),
                   ARGS(V(t->quota_messages), V(t->quota_ai_requests), V(t->quota_tokens),
                        V(t->quota_storage_mb), V(t->quota_channels), V(t->quota_assistants),
                        V(time_now())),
                   &tenant_record, t));
    return tenant_show(c, t);
}

Err *tenant_set_quotas(Ctx *c, const Scope *s, const QuotasChange *change, Tenant *out) {
    QuotasSetting set = {s, change, out};
    return db_transaction(c, quotas_set, &set);
}

static Err *tenant_quotas_patch(Ctx *c, Call *k) {
    const QuotasIn *in = k->in;
    Scope s;
    TRY(scope_of(c, k, k->params[0], &s));
    TRY(platform_require(c));
    const QuotasChange change = {
        .given = {[QUOTA_MESSAGES] = given(k, "quota_messages"),
                  [QUOTA_AI_REQUESTS] = given(k, "quota_ai_requests"),
                  [QUOTA_TOKENS] = given(k, "quota_tokens"),
                  [QUOTA_STORAGE] = given(k, "quota_storage_mb"),
                  [QUOTA_CHANNELS] = given(k, "quota_channels"),
                  [QUOTA_ASSISTANTS] = given(k, "quota_assistants")},
        .value = {[QUOTA_MESSAGES] = in->quota_messages,
                  [QUOTA_AI_REQUESTS] = in->quota_ai_requests,
                  [QUOTA_TOKENS] = in->quota_tokens,
                  [QUOTA_STORAGE] = in->quota_storage_mb,
                  [QUOTA_CHANNELS] = in->quota_channels,
                  [QUOTA_ASSISTANTS] = in->quota_assistants},
    };
    return tenant_set_quotas(c, &s, &change, call_out(k));
}

typedef struct StatusIn {
    bool is_active;
} StatusIn;
static const Field status_fields[] = {FIELD(StatusIn, is_active, .flags = F_REQUIRED)};
static const Record status_record =
    RECORD_AS("TenantStatus", StatusIn, status_fields, .camel = true);

Err *tenant_set_active(Ctx *c, const Scope *s, bool active, Tenant *out) {
    TRY(tenant_found(c, s, SQL(SQL_TENANT_SET_STATUS), ARGS(V(active), V(time_now())),
                     &tenant_record, "TENANT_NOT_FOUND", out));
    return tenant_show(c, out);
}

static Err *tenant_status_patch(Ctx *c, Call *k) {
    const StatusIn *in = k->in;
    Scope s;
    TRY(scope_of(c, k, k->params[0], &s));
    TRY(platform_require(c));
    return tenant_set_active(c, &s, in->is_active, call_out(k));
}

static Err *tenant_end(Ctx *c, void *arg) {
    const Scope *s = arg;
    Time now = time_now();
    TRY(tenant_exec(c, s, SQL(SQL_TENANT_DELETE), ARGS(V(now)), NULL));
    TRY(tenant_exec(c, s, SQL(SQL_TENANT_CHANNELS_DELETE), ARGS(V(now)), NULL));
    return organisation_keys_revoke(c, s->organisation);
}

static Err *tenant_delete(Ctx *c, Call *k) {
    Scope s;
    TRY(scope_of(c, k, k->params[0], &s));
    TRY(platform_require(c));
    TRY(db_transaction(c, tenant_end, &s));
    *(Deleted *)call_out(k) = (Deleted){s.tenant_id, true};
    return NULL;
}

const Route tenant_admin_routes[] = {
    {DELETE, "/api/v1/tenants/{id}", tenant_delete, WRITES, .out = &deleted_record,
     .errors = "400 404", .doc = "Delete a tenant: gone for everybody, kept for the ledger"},
    {PATCH, "/api/v1/tenants/{id}/quotas", tenant_quotas_patch, WRITES, .in = &quotas_record,
     .in_change = true, .out = &tenant_record, .errors = "400 404",
     .doc = "Give a tenant quotas of its own"},
    {PATCH, "/api/v1/tenants/{id}/status", tenant_status_patch, WRITES, .in = &status_record,
     .out = &tenant_record, .errors = "400 404", .doc = "Switch a tenant on or off"},
    {.path = NULL},
};
