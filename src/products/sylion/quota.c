/* SPDX-License-Identifier: Apache-2.0
 * Quotas on the ledger. See quota.h.
 *
 * A warning is a row of quota_warnings, made by the use that took the quota over its level, and a job
 * asked for in the same transaction; the event and the webhook are the job's (warnings.c), so that no
 * use holds what those who tell events wait for. */
#include "products/sylion/quota.h"

#include "products/sylion/figures.h"
#include "products/sylion/plans.h"
#include "products/sylion/routes.h"
#include "products/sylion/system_sql.h"
#include "products/sylion/tenants.h"
#include "products/sylion/usage_sql.h"
#include "products/sylion/warnings.h"
#include "work/ledger.h"

/* A turn may wait for its model, and be tried again. */
enum { HOLD_MS = 60 * 60 * 1000 };

static const char *const units[QUOTA_KINDS] = {
    [QUOTA_MESSAGES] = "messages", [QUOTA_AI_REQUESTS] = "ai_requests",
    [QUOTA_TOKENS] = "tokens",     [QUOTA_STORAGE] = "storage_bytes",
    [QUOTA_CHANNELS] = "channels", [QUOTA_ASSISTANTS] = "assistants",
};

Str quota_unit(QuotaKind kind) {
    assert(kind >= 0 && kind < QUOTA_KINDS);
    return str_c(units[kind]);
}

Str quota_name(QuotaKind kind) {
    static const char *const names[QUOTA_KINDS] = {
        [QUOTA_MESSAGES] = "messages", [QUOTA_AI_REQUESTS] = "aiRequests",
        [QUOTA_TOKENS] = "tokens",     [QUOTA_STORAGE] = "storage",
        [QUOTA_CHANNELS] = "channels", [QUOTA_ASSISTANTS] = "assistants",
    };
    assert(kind >= 0 && kind < QUOTA_KINDS);
    return str_c(names[kind]);
}

static bool is_monthly(QuotaKind kind) { return kind <= QUOTA_TOKENS; }

static Quota quota_make(Ctx *c, Id tenant, Str time_zone, QuotaKind kind, int64_t limit) {
    return (Quota){
        .owner = strf(c->arena, "tenant:%lld", (long long)tenant.value),
        .unit = quota_unit(kind),
        .limit = limit,
        .period_ms = is_monthly(kind) ? -1 : 0,
        .zone = zone_find(str_cstr(c->arena, time_zone)),
    };
}

static Quota quota_of(Ctx *c, const Tenant *t, QuotaKind kind) {
    return quota_make(c, t->n, t->time_zone, kind, tenant_limit(t, kind));
}

void quota_period(Ctx *c, const Tenant *t, QuotaKind kind, Time at, Time *starts, Time *ends) {
    ledger_window(quota_of(c, t, kind), at, starts, ends);
}

/* -- what holds -------------------------------------------------------------------------------- */

OptInt *tenant_own_quota(Tenant *t, QuotaKind kind) {
    OptInt *const own[QUOTA_KINDS] = {
        [QUOTA_MESSAGES] = &t->quota_messages, [QUOTA_AI_REQUESTS] = &t->quota_ai_requests,
        [QUOTA_TOKENS] = &t->quota_tokens,     [QUOTA_STORAGE] = &t->quota_storage_mb,
        [QUOTA_CHANNELS] = &t->quota_channels, [QUOTA_ASSISTANTS] = &t->quota_assistants,
    };
    assert(kind >= 0 && kind < QUOTA_KINDS);
    return own[kind];
}

int64_t tenant_limit(const Tenant *t, QuotaKind kind) {
    Tenant copy = *t;
    OptInt own = *tenant_own_quota(&copy, kind);
    const Plan *plan = plan_find(t->plan);
    assert(plan);
    if (!own.set) return plan_limit(plan, kind);
    if (own.value < 0) return -1;
    return kind == QUOTA_STORAGE ? own.value * QUOTA_MB : own.value;
}

static QuotaUse *use_of(TenantUsage *usage, QuotaKind kind) {
    QuotaUse *const uses[QUOTA_KINDS] = {
        [QUOTA_MESSAGES] = &usage->messages, [QUOTA_AI_REQUESTS] = &usage->ai_requests,
        [QUOTA_TOKENS] = &usage->tokens,     [QUOTA_STORAGE] = &usage->storage_mb,
        [QUOTA_CHANNELS] = &usage->channels, [QUOTA_ASSISTANTS] = &usage->assistants,
    };
    return uses[kind];
}

/* Whole megabytes, begun ones counted. */
static int64_t shown(QuotaKind kind, int64_t amount) {
    if (kind != QUOTA_STORAGE || amount < 0) return amount;
    return (amount + QUOTA_MB - 1) / QUOTA_MB;
}

static void use_fill(Tenant *t, QuotaKind kind, int64_t used) {
    int64_t limit = tenant_limit(t, kind);
    QuotaUse *use = use_of(&t->usage, kind);
    *use = (QuotaUse){.used = shown(kind, used), .limit = shown(kind, limit)};
    if (limit < 0) return;
    double part = limit ? (double)used * 100 / (double)limit : 100;
    use->percentage = (OptFloat){(double)(int64_t)(part * 100 + 0.5) / 100, true};
}

static void limits_fill(Tenant *t) {
    for (QuotaKind kind = 0; kind < QUOTA_KINDS; kind++)
        *tenant_own_quota(t, kind) = (OptInt){use_of(&t->usage, kind)->limit, true};
}

typedef struct SumRow {
    Id tenant_n;
    Str kind;
    Time period_start;
    int64_t used;
} SumRow;
static const Field sum_fields[] = {
    FIELD(SumRow, tenant_n),
    FIELD(SumRow, kind),
    FIELD(SumRow, period_start),
    FIELD(SumRow, used),
};
static const Record sum_record = RECORD(SumRow, sum_fields);

static int64_t sum_find(Rows sums, Id tenant, Str unit, Time starts) {
    const SumRow *rows = sums.items;
    for (ptrdiff_t i = 0; i < sums.count; i++)
        if (id_eq(rows[i].tenant_n, tenant) && str_eq(rows[i].kind, unit) &&
            rows[i].period_start.us == starts.us)
            return rows[i].used;
    return 0;
}

static void usage_fill(Ctx *c, Tenant *t, Rows sums, Time now) {
    for (QuotaKind kind = 0; kind < QUOTA_KINDS; kind++) {
        Time starts, ends;
        quota_period(c, t, kind, now, &starts, &ends);
        use_fill(t, kind, sum_find(sums, t->n, quota_unit(kind), starts));
    }
    limits_fill(t);
}

Err *tenants_show(Ctx *c, Tenant *tenants, ptrdiff_t count) {
    Time now = time_now();
    Buf list = buf_new(c->arena, 16 + count * 8);
    JsonOut o = json_out(&list);
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < count; i++) json_put_i64(&o, tenants[i].n.value);
    json_end(&o, ']');
    Rows sums;
    JsonText ns = {buf_str(&list)};
    TRY(system_query(c, SQL2(SQL_SYSTEM_USAGE_SQLITE, SQL_SYSTEM_USAGE_POSTGRES),
                     ARGS(V(ns), V(now)), &sum_record, &sums));
    for (ptrdiff_t i = 0; i < count; i++) usage_fill(c, &tenants[i], sums, now);
    return NULL;
}

Err *tenant_show(Ctx *c, Tenant *t) { return tenants_show(c, t, 1); }

/* Have the sums of the new zone's month made: whoever reads reads sums. */
Err *quota_zone_changed(Ctx *c, const Tenant *t) {
    assert(c->tx);
    for (QuotaKind kind = 0; is_monthly(kind); kind++) {
        Quota quota = quota_make(c, t->n, t->time_zone, kind, -1);
        Id id;
        TRY(ledger_reserve(c, quota, strf(c->arena, "zone:%.*s", S_ARG(uuid_v7(c->arena))), 0, 0,
                           &id));
        TRY(ledger_release(c, id));
    }
    return NULL;
}

/* -- taking ------------------------------------------------------------------------------------ */

static Err *exceeded(Ctx *c, const Err *err) {
    Err *said = sylion_err(c, ERR_RATE_LIMITED, "QUOTA_EXCEEDED", "%.*s", S_ARG(err->detail));
    said->retry_after_s = err->retry_after_s;
    return said;
}

static Err *use_now(Ctx *c, const Tenant *t, QuotaKind kind, int64_t *used) {
    return ledger_used(c, quota_of(c, t, kind), time_now(), used, NULL);
}

Err *quota_reserve(Ctx *c, const Scope *s, QuotaKind kind, Str key, int64_t amount,
                   Id *reservation) {
    assert(c->tx && reservation);
    Tenant t;
    TRY(tenant_load(c, s, &t));
    Quota quota = quota_of(c, &t, kind);
    Err *err = ledger_reserve(c, quota, key, amount, HOLD_MS, reservation);
    if (!err || err->kind != ERR_PAYMENT_REQUIRED) return err;
    quota_refused_count(kind);
    int64_t used;
    TRY(use_now(c, &t, kind, &used));
    TRY(warning_refused(c, s, &t, kind, used)); /* lasts where the caller's transaction does */
    return exceeded(c, err);
}

static Err *usage_add(Ctx *c, const Scope *s, QuotaKind kind, Str key, Id reservation,
                      const Use *use) {
    OptInt in = {use->tokens_in, use->tokens_in != 0},
           out = {use->tokens_out, use->tokens_out != 0};
    OptInt cost = {use->cost_micros, use->cost_micros != 0};
    return tenant_exec_later(c, s, SQL(SQL_USAGE_ADD),
                             ARGS(V(quota_unit(kind)), V(key), V(use->amount), V(use->conversation),
                                  V(use->turn), V(use->provider), V(use->model), V(in), V(out),
                                  V(cost), V(reservation), V(time_now())));
}

/* reservation: none where it was recorded without one, now. */
static Err *used_more(Ctx *c, const Scope *s, QuotaKind kind, Str key, Id reservation,
                      const Use *use) {
    Tenant t;
    int64_t used;
    TRY(usage_add(c, s, kind, key, reservation, use));
    TRY(tenant_load(c, s, &t));
    TRY(use_now(c, &t, kind, &used));
    return warning_consider(c, s, &t, kind, use->amount, used);
}

Err *quota_settle(Ctx *c, const Scope *s, QuotaKind kind, Str key, Id reservation, const Use *use) {
    assert(c->tx && use && use->amount >= 0);
    TRY(ledger_settle(c, reservation, use->amount));
    return used_more(c, s, kind, key, reservation, use);
}

Err *quota_release(Ctx *c, const Scope *s, Id reservation) {
    assert(c->tx && s);
    return ledger_release(c, reservation);
}

Err *quota_use(Ctx *c, const Scope *s, QuotaKind kind, Str key, const Use *use) {
    assert(c->tx && use);
    if (use->amount < 0) {
        TRY(ledger_record(c, s->owner, quota_unit(kind), key, use->amount));
        return used_more(c, s, kind, key, (Id){0}, use);
    }
    Id reservation;
    TRY(quota_reserve(c, s, kind, key, use->amount, &reservation));
    return quota_settle(c, s, kind, key, reservation, use);
}

/* -- asking ------------------------------------------------------------------------------------ */

Err *quota_check(Ctx *c, const Scope *s, QuotaKind kind, int64_t amount, int64_t *used,
                 int64_t *limit, bool *fits) {
    assert(used && limit && fits);
    Tenant t;
    int64_t reserved;
    TRY(tenant_load(c, s, &t));
    TRY(ledger_used(c, quota_of(c, &t, kind), time_now(), used, &reserved));
    *limit = tenant_limit(&t, kind);
    *fits = *limit < 0 || amount <= *limit - *used - reserved;
    return NULL;
}
