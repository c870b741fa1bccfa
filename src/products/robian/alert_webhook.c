/* SPDX-License-Identifier: Apache-2.0
 * Matches of alerts on their way to webhooks.
 *
 *   POST <webhook_url>            X-Robian-Event: alert.match
 *   X-Robian-Delivery: <match>    the same at every try
 *   X-Robian-Signature: sha256=<hex of HMAC-SHA256 of the body, by the alert's secret>
 *   {"type": "alert.match", "id": "<match>", "timestamp": "<of this try>", "data": {…}}
 *
 * The time is inside what is signed: a receiver refuses what is old. Any 2xx is good; all else is
 * tried again, later each time, and given up in the end. Redirects are not followed. */
#include <sodium.h>

#include "api/auth.h"
#include "core/json.h"
#include "net/client.h"
#include "products/robian/alerts.h"
#include "products/robian/alerts_sql.h"
#include "products/robian/robian.h"

enum { TIMEOUT_MS = 15000, ANSWER_MAX = 64 * 1024 };

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

static Str body_make(Ctx *c, const Delivery *d) {
    Buf b = buf_new(c->arena, d->payload.text.len + 256);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("type"));
    json_put_str(&o, S("alert.match"));
    json_key(&o, S("id"));
    json_put_str(&o, delivery_name(c, d));
    json_key(&o, S("timestamp"));
    json_put_str(&o, time_str(c->arena, time_now()));
    json_key(&o, S("data"));
    json_put_raw(&o, d->payload.text);
    json_end(&o, '}');
    return buf_str(&b);
}

static Str signature(Ctx *c, Str secret, Str body) {
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret.data, (size_t)secret.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body.data,
                                  (unsigned long long)body.len);
    crypto_auth_hmacsha256_final(&state, mac);
    return str_concat(c->arena, S("sha256="), str_hex(c->arena, mac, sizeof mac));
}

static Err *post(Ctx *c, const Delivery *d) {
    Str secret;
    HttpAnswer answer;
    TRY(secret_open(c, d->webhook_secret, &secret));
    Str body = body_make(c, d);
    const Header headers[] = {
        {S("Content-Type"), S("application/json")},
        {S("User-Agent"), S("socle-robian/1")},
        {S("X-Robian-Event"), S("alert.match")},
        {S("X-Robian-Delivery"), delivery_name(c, d)},
        {S("X-Robian-Signature"), signature(c, secret, body)},
    };
    HttpCall call = {
        .method = "POST",
        .url = d->webhook_url,
        .headers = headers,
        .header_count = COUNT(headers),
        .body = body,
        .timeout_ms = TIMEOUT_MS,
        .max_bytes = ANSWER_MAX,
        .once = true,
        .public_only = !robian.allow_private_sources,
    };
    TRY(http_call(c, &call, &answer));
    if (answer.status >= 200 && answer.status < 300) return NULL;
    FAIL(c, UPSTREAM, "the receiver answered %d", answer.status);
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
