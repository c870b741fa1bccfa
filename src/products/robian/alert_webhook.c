/* SPDX-License-Identifier: Apache-2.0
 * Matches of alerts on their way to webhooks.
 *
 * What is posted: api/webhook.h, event alert.match. All that is not good is tried again, later each time,
 * and given up in the end. */
#include "api/auth.h"
#include "api/webhook.h"
#include "core/json.h"
#include "products/robian/alerts.h"
#include "products/robian/alerts_sql.h"
#include "products/robian/robian.h"

enum { TIMEOUT_MS = 15000 };

typedef struct Delivery {
    int64_t n;
    JsonText payload;
    Str delivery;
    int64_t attempts;
    Time created_at;
    Str alert_id, webhook_url, webhook_secret;
} Delivery;
static const Field delivery_fields[] = {
    FIELD(Delivery, n),
    FIELD(Delivery, payload),
    FIELD(Delivery, delivery),
    FIELD(Delivery, attempts),
    FIELD(Delivery, created_at),
    FIELD(Delivery, alert_id),
    FIELD(Delivery, webhook_url, .flags = F_NULLABLE),
    FIELD(Delivery, webhook_secret, .flags = F_NULLABLE | F_SECRET),
};
static const Record delivery_record = RECORD(Delivery, delivery_fields);

static Str delivery_name(Ctx *c, const Delivery *d) {
    return strf(c->arena, "%.*s-%lld", S_ARG(d->alert_id), (long long)d->n);
}

static Err *post(Ctx *c, const Delivery *d) {
    Webhook webhook = {
        .url = d->webhook_url,
        .product = "robian",
        .prefix = "X-Robian",
        .event = S("alert.match"),
        .delivery = delivery_name(c, d),
        .data = d->payload.text,
        .private_too = robian.allow_private_sources,
        .timeout_ms = TIMEOUT_MS,
    };
    TRY(secret_open(c, d->webhook_secret, &webhook.secret));
    return webhook_post(c, &webhook);
}

/* -- The job ----------------------------------------------------------------------------------- */

typedef struct Outcome {
    Job *job;
    int64_t match_n;
    Str delivery;
    const Err *err;
} Outcome;

static Err *outcome_store(Ctx *c, void *arg) {
    const Outcome *o = arg;
    Str why = o->err ? str_utf8_cut(o->err->detail, 500) : (Str){NULL, 0};
    Time delivered = o->err ? TIME_NULL : time_now();
    TRY(db_exec(c, SQL(SQL_ALERT_DELIVERED),
                ARGS(V(o->match_n), V(o->delivery), V(why), V(delivered)), NULL));
    return o->err ? NULL : job_finish(c, o->job, S("{}"));
}

/* The job is dead then; whoever has it retried (jobs.h) has it told after all. */
static bool is_last(const Job *job, const Err *err) {
    return job->attempts >= job->max_attempts ||
           (!err_retryable(err->kind) && err->kind != ERR_INTERNAL);
}

Err *alert_webhook_run(Ctx *c, Job *job) {
    json_t *payload;
    Delivery d;
    bool found;
    Outcome o = {.job = job, .delivery = S("sent")};
    TRY(json_parse(c, job->payload.text, &payload));
    if (!json_i64(json_at(payload, "match"), &o.match_n))
        FAIL(c, INVALID, "a delivery without a match");
    TRY(db_maybe(c, SQL(SQL_ALERT_DELIVERY), ARGS(V(o.match_n)), &delivery_record, &d, &found));
    if (!found || str_eq(d.delivery, S("sent"))) return NULL; /* the alert is gone; or told */
    Err *err = post(c, &d);
    if (err && (err->kind == ERR_CANCELLED || c->cancelled)) return err;
    if (err) {
        o.err = err;
        o.delivery = is_last(job, err) ? S("failed") : S("pending");
    }
    TRY(db_transaction(c, outcome_store, &o));
    return err;
}
