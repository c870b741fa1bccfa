/* SPDX-License-Identifier: Apache-2.0
 * Jobs and schedules for operators: look, try again, cancel. And the work module itself, with the
 * settings of work/. */
#include "api/base_settings.h"
#include "api/work_routes.h"
#include "core/json.h"
#include "core/time.h"
#include "work/events.h"
#include "work/jobs.h"
#include "work/schedule.h"

/* -- jobs ------------------------------------------------------------------------------------- */

static const char *const states[] = {"waiting", "running", "done", "dead", "cancelled", NULL};

typedef struct JobQuery {
    Str state, queue, kind;
    int64_t limit, offset;
} JobQuery;
static const Field job_query_fields[] = {
    FIELD(JobQuery, state, .flags = F_NULLABLE, .values = states),
    FIELD(JobQuery, queue, .flags = F_NULLABLE, .max = 100),
    FIELD(JobQuery, kind, .flags = F_NULLABLE, .max = 200),
    FIELD(JobQuery, limit, .min = 1, .max = 200, .fallback = "50"),
    FIELD(JobQuery, offset, .min = 0, .max = 1000000000, .fallback = "0"),
};
static const Record job_query_record = RECORD(JobQuery, job_query_fields);

static const Field job_stats_fields[] = {
    FIELD(JobStats, waiting, .doc = "Due now"),
    FIELD(JobStats, delayed, .doc = "Waiting for their time"),
    FIELD(JobStats, running),
    FIELD(JobStats, done),
    FIELD(JobStats, dead, .doc = "Failed for good: try again by hand"),
    FIELD(JobStats, cancelled),
    FIELD(JobStats, oldest_waiting_ms),
};
static const Record job_stats_record =
    RECORD(JobStats, job_stats_fields, .doc = "How many jobs are in which state");

typedef struct JobPage {
    RecordList items;
    int64_t total, limit, offset;
    JobStats totals;
} JobPage;
static const Field job_page_fields[] = {
    FIELD_LIST(JobPage, items, &job_record),
    FIELD(JobPage, total, .doc = "Of this filter"),
    FIELD(JobPage, limit),
    FIELD(JobPage, offset),
    FIELD_RECORD(JobPage, totals, &job_stats_record, .doc = "Of all jobs"),
};
static const Record job_page_record =
    RECORD(JobPage, job_page_fields, .doc = "Jobs, the newest first");

static Err *jobs_list(Ctx *c, Call *k) {
    const JobQuery *q = k->query;
    JobPage *page = call_out(k);
    Rows rows;
    JobFilter filter = {q->state, q->queue, q->kind, q->limit, q->offset};
    TRY(job_list(c, filter, &rows, &page->total));
    TRY(job_stats(c, &page->totals));
    page->items = (RecordList){rows.items, rows.count};
    page->limit = q->limit;
    page->offset = q->offset;
    return NULL;
}

static Err *jobs_get(Ctx *c, Call *k) { return job_load(c, k->ids[0], call_out(k)); }

static Err *retry_in(Ctx *c, void *arg) {
    Call *k = arg;
    TRY(job_retry(c, k->ids[0]));
    TRY(job_load(c, k->ids[0], call_out(k)));
    return call_settle(c, k);
}

static Err *jobs_retry(Ctx *c, Call *k) { return db_transaction(c, retry_in, k); }

static Err *jobs_cancel(Ctx *c, Call *k) {
    TRY(job_cancel(c, k->ids[0]));
    return job_load(c, k->ids[0], call_out(k));
}

/* -- the probe: a job by which one sees that jobs are run ------------------------------------- */

enum { PROBE_STEP_MS = 100 };

typedef struct Probe {
    int64_t seconds;
} Probe;
static const Field probe_fields[] = {
    FIELD(Probe, seconds, .min = 0, .max = 60, .fallback = "0", .doc = "How long it takes"),
};
static const Record probe_record = RECORD(Probe, probe_fields, .doc = "What a probe is to do");

static Err *probe_end(Ctx *c, void *arg) {
    Job *job = arg;
    TRY(job_finish(c, job, S("{\"reached\":true}")));
    return event_emit(c, S("jobs"), S("probe"),
                      strf(c->arena, "{\"job_id\":%lld}", (long long)job->id.value));
}

static Err *probe_run(Ctx *c, Job *job) {
    Probe probe;
    json_t *json;
    TRY(json_parse(c, job->payload.text, &json));
    TRY(record_read(c, &probe_record, json, READ_CREATE, &probe, NULL));
    int64_t steps = probe.seconds * 1000 / PROBE_STEP_MS;
    for (int64_t i = 0; i < steps; i++) {
        TRY(job_progress(c, job, i, steps, (Str){0}));
        TRY(sleep_ms(c, PROBE_STEP_MS));
    }
    return db_transaction(c, probe_end, job);
}

static const JobKind work_jobs[] = {
    {.name = "work.probe",
     .doc = "Takes its time, then publishes an event on the channel jobs",
     .run = probe_run},
};

static Err *probe_in(Ctx *c, void *arg) {
    Call *k = arg;
    Id id;
    Buf payload = buf_new(c->arena, 64);
    record_write(&payload, &probe_record, k->in);
    TRY(job_add(c, "work.probe", buf_str(&payload), (JobOptions){0}, &id));
    TRY(job_load(c, id, call_out(k)));
    return call_settle(c, k);
}

static Err *jobs_probe(Ctx *c, Call *k) { return db_transaction(c, probe_in, k); }

static Err *schedules_list(Ctx *c, Call *k) {
    ScheduleState *list;
    ptrdiff_t count;
    TRY(schedule_list(c, &list, &count));
    call_list(c, k, (Rows){list, count}, count, (Str){0});
    return NULL;
}

static const Route work_routes[] = {
    {GET, "/api/jobs", jobs_list, .access = ACCESS_ADMIN, .scope = "jobs:read",
     .query = &job_query_record, .out = &job_page_record, .tag = "jobs",
     .doc = "Jobs by state, queue and kind"},
    {GET, "/api/jobs/{id:int}", jobs_get, .access = ACCESS_ADMIN, .scope = "jobs:read",
     .out = &job_record, .errors = "404", .tag = "jobs", .doc = "One job"},
    {POST, "/api/jobs/{id:int}/retry", jobs_retry, .access = ACCESS_ADMIN, .scope = "jobs:write",
     .out = &job_record, .idempotent = true, .errors = "404 409", .tag = "jobs",
     .doc = "Run a dead, failed or cancelled job again"},
    {POST, "/api/jobs/{id:int}/cancel", jobs_cancel, .access = ACCESS_ADMIN, .scope = "jobs:write",
     .out = &job_record, .errors = "404 409", .tag = "jobs",
     .doc = "Cancel a waiting job, ask a running one to stop"},
    {POST, "/api/jobs/probe", jobs_probe, .access = ACCESS_ADMIN, .scope = "jobs:write",
     .in = &probe_record, .out = &job_record, .status = 202, .idempotent = true, .tag = "jobs",
     .doc = "Ask for a job that only shows that jobs are run"},
    {GET, "/api/schedules", schedules_list, .access = ACCESS_ADMIN, .scope = "jobs:read",
     .out = &schedule_record, .out_list = true, .tag = "jobs",
     .doc = "Schedules, their last and next ticks"},
    /* Handlers in events_routes.c. */
    {GET, "/ws", events_ws, .access = ACCESS_OPEN, .rate = RATE_DEFAULT,
     .query = &socket_query_record, .errors = "401 426", .tag = "events",
     .doc = "Events by WebSocket: subscribe, unsubscribe, resume, auth, ping"},
    {GET, "/events", events_sse, .access = ACCESS_OPEN, .query = &event_query_record,
     .out_type = "text/event-stream", .errors = "401 403", .tag = "events",
     .doc = "Events as server-sent events"},
    {POST, "/api/v1/events", events_post, .access = ACCESS_ADMIN, .scope = "events:write",
     .in = &event_in_record, .out = &event_out_record, .status = 201, .idempotent = true,
     .tag = "events", .doc = "Publish an event"},
};

/* -- the module ------------------------------------------------------------------------------- */

static struct {
    int64_t lease_s, keep_events_hours, recheck_s, idle_s;
    Str queue_limits;
} tuning;

static const Setting work_settings[] = {
    SETTING("JOB_LEASE_SECONDS", tuning.lease_s, .usual = "30", .min = 1, .max = 3600, .unit = "s",
            .doc = "A job whose worker is silent for so long runs again"),
    SETTING("JOB_QUEUE_LIMITS", tuning.queue_limits, .usual = "",
            .doc = "How many jobs of a queue run at once on all nodes: `extractions=3,default=50`"),
    SETTING("EVENTS_KEEP_HOURS", tuning.keep_events_hours, .usual = "24", .min = 1, .max = 24 * 365,
            .unit = "h", .doc = "How long an event can be replayed"),
    SETTING("EVENTS_RECHECK_SECONDS", tuning.recheck_s, .usual = "30", .min = 1, .max = 3600,
            .unit = "s",
            .doc = "How long a follower of events may go on after its log-in has ended"),
    SETTING("EVENTS_IDLE_SECONDS", tuning.idle_s, .usual = "300", .min = 1, .max = 24 * 3600,
            .unit = "s", .doc = "A WebSocket without an event, a message or a ping is closed"),
};

/* `queue=limit`, comma-separated. The names live as long as the process. */
static Err *limits_set(Ctx *c, Str text) {
    for (Str rest = str_trim(text), one; rest.len > 0;) {
        Str name;
        int64_t limit;
        rest = str_cut(rest, ',', &one);
        Str number = str_cut(one, '=', &name);
        if (!str_to_i64(str_trim(number), &limit) || limit < 1 || str_is_empty(str_trim(name))) {
            FAIL(c, INVALID, "JOB_QUEUE_LIMITS: \"%.*s\" is not queue=number", S_ARG(one));
        }
        char *copy = strndup(str_trim(name).data, (size_t)str_trim(name).len);
        if (!copy) abort();
        jobs_queue_limit(copy, limit);
    }
    return NULL;
}

static Err *work_start(Ctx *c) {
    /* As requests: see run_drain_ms. */
    workers_tune((WorkerOptions){.lease_ms = tuning.lease_s * 1000,
                                 .drain_ms = settings.stop_s * 1000 * 5 / 6});
    events_tune(tuning.keep_events_hours * 3600 * 1000);
    events_recheck(tuning.recheck_s * 1000);
    events_idle(tuning.idle_s * 1000);
    return limits_set(c, tuning.queue_limits);
}

const Module work_module = {
    .name = "work",
    .doc = "Jobs, schedules, events",
    .routes = work_routes,
    .route_count = COUNT(work_routes),
    .jobs = work_jobs,
    .job_count = COUNT(work_jobs),
    .settings = work_settings,
    .setting_count = COUNT(work_settings),
    .start = work_start,
};
