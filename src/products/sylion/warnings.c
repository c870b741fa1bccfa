/* SPDX-License-Identifier: Apache-2.0
 * Warnings of quotas. See warnings.h.
 *
 *   a use ─▶ quota_warnings + WARNING_JOB ─▶ event + WARNING_WEBHOOK_JOB ─▶ POST webhookUrl */
#include "products/sylion/warnings.h"

#include "api/auth.h"
#include "api/webhook.h"
#include "core/json.h"
#include "products/sylion/sylion.h"
#include "products/sylion/usage_sql.h"

enum { WEBHOOK_TIMEOUT_MS = 30 * 1000 };

static const int64_t levels[] = {80, 100};

typedef struct Warning {
    Str tenant_id, type;
    int64_t level, used, limit;
    double percentage;
    Time period_start, period_end;
} Warning;
static const Field warning_fields[] = {
    FIELD(Warning, tenant_id),    FIELD(Warning, type),
    FIELD(Warning, level),        FIELD(Warning, used),
    FIELD(Warning, limit),        FIELD(Warning, percentage),
    FIELD(Warning, period_start), FIELD(Warning, period_end, .flags = F_NULLABLE),
};
static const Record warning_record = RECORD(Warning, warning_fields, .camel = true);

static Err *warning_ask(Ctx *c, const Scope *s, const Warning *w) {
    Buf b = buf_new(c->arena, 512);
    buf_f(&b, "{\"tenant\":%lld,\"warning\":", (long long)s->tenant.value);
    record_write(&b, &warning_record, w);
    buf_byte(&b, '}');
    return job_add(c, WARNING_JOB, buf_str(&b), (JobOptions){0}, NULL);
}

/* *told: the level was not before. */
static Err *level_reached(Ctx *c, const Scope *s, QuotaKind kind, Time starts, int64_t level,
                          bool *told) {
    ptrdiff_t added;
    TRY(tenant_exec(c, s, SQL(SQL_USAGE_WARN),
                    ARGS(V(quota_unit(kind)), V(starts), V(level), V(time_now())), &added));
    *told = added > 0;
    return NULL;
}

static Warning warning_make(Ctx *c, const Scope *s, const Tenant *t, QuotaKind kind, int64_t used) {
    Warning w = {
        .tenant_id = s->tenant_id,
        .type = quota_name(kind),
        .used = used,
        .limit = tenant_limit(t, kind),
    };
    w.percentage = (double)(used * 1000 / w.limit) / 10;
    quota_period(c, t, kind, time_now(), &w.period_start, &w.period_end);
    return w;
}

/* A use that reaches two levels at once is told as the higher one. */
static Err *warn_up_to(Ctx *c, const Scope *s, QuotaKind kind, Warning *w, int64_t reached) {
    bool tell = false;
    for (ptrdiff_t i = 0; i < COUNT(levels) && levels[i] <= reached; i++) {
        TRY(level_reached(c, s, kind, w->period_start, levels[i], &tell));
        w->level = levels[i];
    }
    return tell ? warning_ask(c, s, w) : NULL;
}

static int64_t percent(int64_t used, int64_t limit) {
    return used >= limit ? 100 : used <= 0 ? 0 : used * 100 / limit;
}

Err *warning_consider(Ctx *c, const Scope *s, const Tenant *t, QuotaKind kind, int64_t amount,
                      int64_t used) {
    if (tenant_limit(t, kind) <= 0) return NULL;
    Warning w = warning_make(c, s, t, kind, used);
    int64_t reached = percent(used, w.limit), before = percent(used - amount, w.limit);
    if (kind >= QUOTA_STORAGE)
        TRY(tenant_exec(
            c, s, SQL(SQL_USAGE_UNWARN),
            ARGS(V(quota_unit(kind)), V(w.period_start), V(before < reached ? before : reached)),
            NULL));
    return reached < levels[0] ? NULL : warn_up_to(c, s, kind, &w, reached);
}

Err *warning_refused(Ctx *c, const Scope *s, const Tenant *t, QuotaKind kind, int64_t used) {
    if (tenant_limit(t, kind) <= 0) return NULL;
    Warning w = warning_make(c, s, t, kind, used);
    return percent(used, w.limit) < levels[0] ? NULL : warn_up_to(c, s, kind, &w, 100);
}

/* -- the jobs ---------------------------------------------------------------------------------- */

typedef struct Telling {
    Job *job;
    Scope scope;
    Warning warning;
} Telling;

/* *there: the tenant was not deleted meanwhile. */
static Err *telling_read(Ctx *c, Job *job, Telling *out, bool *there) {
    json_t *payload;
    Id tenant = {0};
    *out = (Telling){.job = job};
    TRY(json_parse(c, job->payload.text, &payload));
    if (!json_i64(json_at(payload, "tenant"), &tenant.value))
        FAIL(c, INVALID, "a warning without a tenant");
    TRY(record_read(c, &warning_record, json_at(payload, "warning"), READ_CREATE, &out->warning,
                    NULL));
    Err *err = scope_of_tenant(c, tenant, &out->scope);
    *there = !err;
    return err && err->kind != ERR_NOT_FOUND ? err : NULL;
}

static Err *warning_tell(Ctx *c, void *arg) {
    Telling *t = arg;
    Tenant tenant;
    TRY(tenant_load(c, &t->scope, &tenant));
    if (tenant.webhook_url.data)
        TRY(job_add(c, WARNING_WEBHOOK_JOB, t->job->payload.text, (JobOptions){0}, NULL));
    TRY(job_finish(c, t->job, S("{}")));
    return tenant_tell(c, &t->scope, "quota.warning", &warning_record, &t->warning);
}

Err *warning_run(Ctx *c, Job *job) {
    Telling t;
    bool there;
    TRY(telling_read(c, job, &t, &there));
    return there ? db_transaction(c, warning_tell, &t) : NULL;
}

Err *warning_webhook_run(Ctx *c, Job *job) {
    Telling t;
    Tenant tenant;
    bool there;
    TRY(telling_read(c, job, &t, &there));
    if (!there) return NULL;
    TRY(tenant_load(c, &t.scope, &tenant));
    if (!tenant.webhook_url.data) return NULL; /* taken away meanwhile */
    Buf data = buf_new(c->arena, 512);
    record_write(&data, &warning_record, &t.warning);
    Webhook webhook = {
        .url = tenant.webhook_url,
        .product = "sylion",
        .prefix = "X-Sylion",
        .event = S("quota.warning"),
        .delivery = strf(c->arena, "%.*s-%lld", S_ARG(tenant.id), (long long)job->id.value),
        .data = buf_str(&data),
        .private_too = sylion.private_sources,
        .refusal_ends = true,
        .timeout_ms = WEBHOOK_TIMEOUT_MS,
    };
    TRY(secret_open(c, tenant.webhook_sealed, &webhook.secret));
    return webhook_post(c, &webhook);
}
