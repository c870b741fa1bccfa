/* SPDX-License-Identifier: Apache-2.0
 * Warnings of quotas. See warnings.h.
 *
 *   a use ─▶ quota_warnings + WARNING_JOB ─▶ event + WARNING_WEBHOOK_JOB ─▶ POST webhookUrl */
#include "products/sylion/warnings.h"

#include "core/json.h"
#include "products/sylion/usage_sql.h"

static const int64_t levels[] = {80, 100};

typedef struct Warning {
    Id tenant;
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

static Warning warning_make(Ctx *c, const Scope *s, const Tenant *t, QuotaKind kind,
                            int64_t used) {
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

Err *warning_consider(Ctx *c, const Scope *s, const Tenant *t, QuotaKind kind, int64_t used) {
    if (tenant_limit(t, kind) <= 0) return NULL;
    Warning w = warning_make(c, s, t, kind, used);
    int64_t reached = used > w.limit ? 100 : used * 100 / w.limit;
    if (kind >= QUOTA_STORAGE)
        TRY(tenant_exec(c, s, SQL(SQL_USAGE_UNWARN),
                        ARGS(V(quota_unit(kind)), V(w.period_start), V(reached)), NULL));
    return reached < levels[0] ? NULL : warn_up_to(c, s, kind, &w, reached);
}

Err *warning_refused(Ctx *c, const Scope *s, const Tenant *t, QuotaKind kind, int64_t used) {
    if (tenant_limit(t, kind) <= 0) return NULL;
    Warning w = warning_make(c, s, t, kind, used);
    return used * 100 / w.limit < levels[0] ? NULL : warn_up_to(c, s, kind, &w, 100);
}
