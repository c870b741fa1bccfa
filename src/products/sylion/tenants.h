/* SPDX-License-Identifier: Apache-2.0
 * Tenants: their rows and what holds for them. The routes are tenants.c's and quota_routes.c's. */
#ifndef SOCLE_SYLION_TENANTS_H
#define SOCLE_SYLION_TENANTS_H

#include "products/sylion/quota.h"
#include "products/sylion/records.h"
#include "products/sylion/scope.h"

MUST_USE Err *tenant_load(Ctx *c, const Scope *s, Tenant *out);
/* (tx) The same, locked until the transaction ends. */
MUST_USE Err *tenant_lock(Ctx *c, const Scope *s, Tenant *out);
/* What holds, in the ledger's unit (storage: bytes): its own quota or the plan's; -1: without. */
int64_t tenant_limit(const Tenant *t, QuotaKind kind);
/* Fill in what clients see: the quotas that hold, and what of them is used. */
MUST_USE Err *tenant_show(Ctx *c, Tenant *t);
MUST_USE Err *tenants_show(Ctx *c, Tenant *tenants, ptrdiff_t count);
/* The period of a quota that holds `at`: [starts, ends). */
void quota_period(Ctx *c, const Tenant *t, QuotaKind kind, Time at, Time *starts, Time *ends);
/* (tx) */
MUST_USE Err *quota_zone_changed(Ctx *c, const Tenant *t);
/* Its own quota of a kind, as the row has it (storage: MB). */
OptInt *tenant_own_quota(Tenant *t, QuotaKind kind);
#define TENANT_QUOTA_MAX 1000000000000
typedef struct QuotasChange {
    bool given[QUOTA_KINDS];
    OptInt value[QUOTA_KINDS]; /* unset: the plan's; -1: without limit */
} QuotasChange;
MUST_USE Err *tenant_set_quotas(Ctx *c, const Scope *s, const QuotasChange *change, Tenant *out);
MUST_USE Err *tenant_set_active(Ctx *c, const Scope *s, bool active, Tenant *out);
/* For commands: by its slug or id. NOT_FOUND. */
MUST_USE Err *tenant_named(Ctx *c, Str name, Scope *out);
/* For commands: at most `limit` with n above `after`, by n; struct Tenant. */
MUST_USE Err *tenants_after(Ctx *c, Id after, int64_t limit, Rows *out);
/* A pattern for LIKE … ESCAPE '!' that finds the text anywhere, in small letters; null: anything. */
Str like_pattern(Arena *arena, Str text);

typedef struct TenantIn {
    Str name, slug, plan, contact_email, contact_phone, webhook_url, time_zone, owner_email;
    JsonText billing_address, settings;
} TenantIn;
extern const Record tenant_record;
extern const Record tenant_in_record; /* what makes one, with all its checks */
/* (tx) Make it and its organisation, which belongs to `owner`. `in` was read by tenant_in_record.
 * BAD_REQUEST TENANT_SLUG_EXISTS. */
MUST_USE Err *tenant_create(Ctx *c, const TenantIn *in, Id owner, Tenant *out);

#endif
