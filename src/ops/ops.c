/* SPDX-License-Identifier: Apache-2.0
 * The routes, and what starts and stops. */
#include "ops/ops.h"

#include "api/base_settings.h"
#include "app.h"
#include "core/log.h"
#include "ops/base_metrics.h"
#include "ops/figures.h"
#include "ops/health.h"
#include "ops/http_metrics.h"
#include "ops/sentry.h"

/* -- Is anybody there? ------------------------------------------------------------------------- */

typedef struct Pong {
    bool pong;
    double timestamp;
} Pong;
static const Field pong_fields[] = {
    FIELD(Pong, pong),
    FIELD(Pong, timestamp, .doc = "Seconds since 1970"),
};
static const Record pong_record = RECORD(Pong, pong_fields);

/* Written by hand, because this is the measure of what the machine can do: the digits of a
 * double alone cost as much as the rest. */
static Err *ping(Ctx *c, Call *k) {
    enum { FRACTION = 3 };
    int64_t ms = time_now().us / US_PER_MS;
    Buf b = buf_new(c->arena, 64);
    buf_add(&b, S("{\"pong\":true,\"timestamp\":"));
    buf_i64(&b, ms / 1000);
    buf_byte(&b, '.');
    for (int64_t digit = 100; digit > 0; digit /= 10) buf_byte(&b, (char)('0' + ms / digit % 10));
    buf_byte(&b, '}');
    reply_json(k->r, 200, buf_str(&b));
    k->r->no_etag = true;
    k->answered = true;
    return NULL;
}

typedef struct Healthz {
    Str status, message;
} Healthz;
static const Field healthz_fields[] = {FIELD(Healthz, status), FIELD(Healthz, message)};
static const Record healthz_record = RECORD(Healthz, healthz_fields);

static Err *healthz(Ctx *c, Call *k) {
    (void)c;
    *(Healthz *)call_out(k) = (Healthz){S("ok"), S("The service is running")};
    k->r->no_etag = true;
    return NULL;
}

/* -- Health ------------------------------------------------------------------------------------ */

typedef struct CheckOut {
    Str name, status, note;
    bool needed;
    double latency_ms;
} CheckOut;
static const Field check_fields[] = {
    FIELD(CheckOut, name),
    FIELD(CheckOut, status, .doc = "ok, degraded or down"),
    FIELD(CheckOut, needed, .doc = "Nothing can be served without it"),
    FIELD(CheckOut, latency_ms),
    FIELD(CheckOut, note, .flags = F_NULLABLE | F_OMIT_NULL),
};
static const Record check_record = RECORD(CheckOut, check_fields, .doc = "One dependency");

typedef struct HealthOut {
    Str status, service, version;
    Time timestamp;
    int64_t uptime_s;
    RecordList checks;
} HealthOut;
static const Field health_fields[] = {
    FIELD(HealthOut, status, .doc = "ok, degraded or down"),
    FIELD(HealthOut, service),
    FIELD(HealthOut, version),
    FIELD(HealthOut, timestamp),
    FIELD(HealthOut, uptime_s, .doc = "Seconds since the start"),
};
static const Record health_record =
    RECORD(HealthOut, health_fields, .doc = "Whether the service is well");
static const Field detailed_fields[] = {
    FIELD(HealthOut, status, .doc = "ok, degraded or down"),
    FIELD(HealthOut, service),
    FIELD(HealthOut, version),
    FIELD(HealthOut, timestamp),
    FIELD(HealthOut, uptime_s, .doc = "Seconds since the start"),
    FIELD_LIST(HealthOut, checks, &check_record),
};
static const Record detailed_record =
    RECORD_AS("HealthDetailed", HealthOut, detailed_fields,
              .doc = "Whether the service and its dependencies are well");

static bool stopping(Ctx *c) {
    return rt_stopping() || (c->app && c->app->server && http_stopping(c->app->server));
}

/* A balancer must not keep what was true a moment ago. */
static void health_head(Call *k, HealthState state) {
    reply_header(k->r, S("Cache-Control"), S("no-store"));
    k->r->no_etag = true;
    if (state == HEALTH_DOWN) k->r->status = 503;
}

static void health_fill(Ctx *c, HealthOut *out, HealthState state) {
    *out = (HealthOut){
        .status = str_c(health_name(state)),
        .service = S("socle"),
        .version = S(SOCLE_VERSION),
        .timestamp = time_now(),
        .uptime_s = c->app ? (mono_us() - c->app->started_us) / US_PER_SECOND : 0,
    };
}

static void checks_fill(Ctx *c, HealthOut *out, const HealthResult *results, ptrdiff_t count) {
    CheckOut *checks = arena_array(c->arena, CheckOut, count);
    for (ptrdiff_t i = 0; i < count; i++) {
        const HealthResult *r = &results[i];
        bool noted = r->found.note[0] != 0;
        checks[i] = (CheckOut){
            .name = str_c(r->check->name),
            .status = str_c(health_name(r->found.state)),
            .note = noted ? str_copy(c->arena, str_c(r->found.note)) : (Str){NULL, 0},
            .needed = r->check->needed,
            .latency_ms = (double)r->latency_us / 1000,
        };
    }
    out->checks = (RecordList){checks, count};
}

static Err *livez(Ctx *c, Call *k) {
    health_head(k, HEALTH_OK);
    health_fill(c, call_out(k), HEALTH_OK);
    return NULL;
}

static void health_say(Ctx *c, Call *k, HealthState state, const HealthResult *results,
                       ptrdiff_t count) {
    if (stopping(c)) state = HEALTH_DOWN;
    HealthOut *out = call_out(k);
    health_head(k, state);
    health_fill(c, out, state);
    checks_fill(c, out, results, count);
}

static Err *health_answer(Ctx *c, Call *k, bool needed_only) {
    HealthResult results[HEALTH_CHECKS_MAX];
    ptrdiff_t count;
    HealthState state;
    TRY(health_look(c, needed_only, results, &count, &state));
    health_say(c, k, state, results, count);
    return NULL;
}

static Err *health_database(Ctx *c, Call *k) {
    static const char *const names[] = {"database", "migrations", NULL};
    HealthResult results[HEALTH_CHECKS_MAX];
    ptrdiff_t count;
    HealthState state;
    TRY(health_look_at(c, names, results, &count, &state));
    health_say(c, k, state, results, count);
    return NULL;
}

static Err *readyz(Ctx *c, Call *k) { return health_answer(c, k, true); }
static Err *health_detailed(Ctx *c, Call *k) { return health_answer(c, k, false); }

/* Meilisearch's clients, which say who they are, know one good word. */
static Err *health(Ctx *c, Call *k) {
    TRY(readyz(c, k));
    HealthOut *out = call_out(k);
    bool well = k->r->status == 200;
    if (well && req_header(k->q, S("X-Meilisearch-Client")).data) out->status = S("available");
    return NULL;
}

/* -- Metrics ----------------------------------------------------------------------------------- */

static Err *metrics(Ctx *c, Call *k) {
    Str accept = str_lower(c->arena, req_header(k->q, S("accept")));
    bool openmetrics = str_find(accept, S("application/openmetrics-text")) >= 0;
    Buf b = buf_new(c->arena, 64 * KIB);
    metrics_text(c, &b, openmetrics);
    reply_text(k->r, 200,
               openmetrics ? S("application/openmetrics-text; version=1.0.0; charset=utf-8")
                           : S("text/plain; version=0.0.4; charset=utf-8"),
               buf_str(&b));
    reply_header(k->r, S("Vary"), S("Accept"));
    k->r->no_etag = true;
    k->answered = true;
    return NULL;
}

/* -- The module -------------------------------------------------------------------------------- */

void ops_metrics_declare(void) {
    static const MetricTable *const tables[] = {&http_metrics,  &process_metrics, &loop_metrics,
                                                &app_metrics,   &db_metrics,      &work_metrics,
                                                &search_metrics, &ai_metrics,      &queue_metrics,
                                                &sentry_metrics};
    for (ptrdiff_t i = 0; i < COUNT(tables); i++) metrics_declare(tables[i]);
}

static Err *ops_start(Ctx *c) {
    ops_metrics_declare();
    health_add_base();
    health_add(&models_check);
    loops_watch(c->app);
    return sentry_start(c, (SentryOptions){
                               .dsn = settings.sentry_dsn,
                               .environment = settings.environment,
                               .release = S("socle@" SOCLE_VERSION),
                               .server_name = c->app->node,
                           });
}

#define PROBE .access = ACCESS_OPEN, .rate = RATE_NONE, .plain_http = true, .tag = "Operations"
static const Route ops_routes[] = {
    {GET, "/ping", ping, PROBE, .out = &pong_record, .doc = "Is anybody there?"},
    {GET, "/healthz", healthz, PROBE, .out = &healthz_record, .doc = "Is anybody there? In words"},
    {GET, "/api/healthz", healthz, PROBE, .out = &healthz_record,
     .doc = "Is anybody there? In words"},
    {GET, "/livez", livez, PROBE, .out = &health_record, .doc = "Is the process alive?"},
    {GET, "/readyz", readyz, PROBE, .out = &detailed_record, .status_also = 503,
     .doc = "Can it serve?"},
    {GET, "/health", health, PROBE, .out = &detailed_record, .status_also = 503,
     .doc = "Can it serve? For people; to Meilisearch's clients the status is `available`"},
    {GET, "/health/liveness", livez, PROBE, .out = &health_record, .doc = "As /livez"},
    {GET, "/health/readiness", readyz, PROBE, .out = &detailed_record, .status_also = 503,
     .doc = "As /readyz"},
    {GET, "/health/database", health_database, .access = ACCESS_OPEN, .tag = "Operations",
     .out = &detailed_record, .status_also = 503, .doc = "The database and its migrations"},
    {GET, "/health/detailed", health_detailed, .access = ACCESS_OPEN, .tag = "Operations",
     .out = &detailed_record, .status_also = 503, .doc = "Every dependency with its latency"},
    {GET, "/metrics", metrics, PROBE, .out_type = "text/plain, application/openmetrics-text",
     .doc = "Figures for Prometheus"},
};

static const Route *const tables[] = {figure_routes, NULL};

const Module ops_module = {
    .name = "ops",
    .doc = "Health, metrics, logs to Sentry",
    .routes = ops_routes,
    .route_count = COUNT(ops_routes),
    .tables = tables,
    .start = ops_start,
    .stop = sentry_stop,
};
