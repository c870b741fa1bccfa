/* SPDX-License-Identifier: Apache-2.0
 * Jobs as rows: asking, looking, cancelling, progress, the end. Who runs them is in worker.c.
 *
 * Every change of a running job names its lease in WHERE: a row that has moved on is left alone. */
#include "work/jobs.h"

#include "core/log.h"
#include "core/time.h"
#include "work/room.h"

#define JOB_COLUMNS                                                                              \
    "id, kind, queue, state, payload, result, priority, attempts, max_attempts, progress_done, " \
    "progress_total, progress_note, unique_key, error, cancel_requested, user_id, "              \
    "organisation_id, run_at, created_at, started_at, finished_at, lease_until"

static const char *const states[] = {"waiting", "running", "done", "dead", "cancelled", NULL};

static const Field job_fields[] = {
    FIELD(Job, id, .flags = F_READONLY),
    FIELD(Job, kind, .doc = "What it does: product.action"),
    FIELD(Job, queue),
    FIELD(Job, state, .values = states),
    FIELD(Job, payload, .flags = F_NULLABLE),
    FIELD(Job, result, .flags = F_NULLABLE),
    FIELD(Job, priority, .doc = "Higher runs first"),
    FIELD(Job, attempts, .doc = "Runs begun, given-back ones not counted"),
    FIELD(Job, max_attempts),
    FIELD(Job, progress_done),
    FIELD(Job, progress_total, .doc = "0 while unknown"),
    FIELD(Job, progress_note, .flags = F_NULLABLE),
    FIELD(Job, unique_key, .flags = F_NULLABLE),
    FIELD(Job, error, .flags = F_NULLABLE, .doc = "Of the last run that failed"),
    FIELD(Job, cancel_requested),
    FIELD(Job, user_id, .flags = F_NULLABLE),
    FIELD(Job, organisation_id, .flags = F_NULLABLE),
    FIELD(Job, run_at, .doc = "Not before"),
    FIELD(Job, created_at),
    FIELD(Job, started_at, .flags = F_NULLABLE),
    FIELD(Job, finished_at, .flags = F_NULLABLE),
    FIELD(Job, lease_until, .flags = F_NULLABLE, .doc = "A dead worker's job runs again after it"),
};
const Record job_record =
    RECORD(Job, job_fields, .table = "jobs", .doc = "Durable background work");

Str err_text(Ctx *c, const Err *err) {
    return str_utf8_cut(err_chain(c->arena, err), JOB_ERROR_MAX);
}

/* -- asking ----------------------------------------------------------------------------------- */

#define INSERT_JOB                                                                        \
    "INSERT INTO jobs (kind, queue, state, payload, priority, max_attempts, unique_key, " \
    "user_id, organisation_id, due, run_at, created_at) "                                 \
    "VALUES ($1, $2, 'waiting', $3, $4, $5, $6, $7, $8, $9, $10, $11)"

#define IF_THERE                                   \
    " ON CONFLICT (kind, unique_key) WHERE unique_key IS NOT NULL AND state IN ('waiting', 'running') DO "
#define HASTEN                                                                                \
    "UPDATE SET due = CASE WHEN jobs.state = 'waiting' AND excluded.due THEN excluded.due "   \
    "ELSE jobs.due END, run_at = CASE WHEN jobs.state = 'waiting' AND excluded.run_at < "     \
    "jobs.run_at THEN excluded.run_at ELSE jobs.run_at END"

/* Whoever does not ask for the id spares SQLite the table in which it gathers what RETURNING gives. */
static const char add_sql[] = INSERT_JOB;
static const char add_unique_sql[] = INSERT_JOB IF_THERE "NOTHING";
static const char add_hasten_sql[] = INSERT_JOB IF_THERE HASTEN;
static const char add_id_sql[] = INSERT_JOB " RETURNING id";
/* Touching the row that is there makes RETURNING give its id. */
static const char add_unique_id_sql[] =
    INSERT_JOB IF_THERE "UPDATE SET unique_key = excluded.unique_key RETURNING id";
static const char add_hasten_id_sql[] = INSERT_JOB IF_THERE HASTEN " RETURNING id";

enum { ADD_ARGS = 11, UNIQUE_KEY_MAX = 500 };

typedef struct Adding {
    const char *kind;
    const Str *payloads;
    ptrdiff_t count;
    JobOptions options;
    Id *id; /* out, of a single one; NULL: nobody asks */
} Adding;

static void add_args(Ctx *c, const Adding *a, const JobKind *kind, Str payload, Value *out) {
    const JobOptions *o = &a->options;
    Time now = time_now();
    Value values[ADD_ARGS] = {
        V(str_c(kind->name)),
        V(str_c(job_kind_queue(kind))),
        V((JsonText){payload}),
        V(o->priority),
        V(o->max_attempts ? o->max_attempts : kind_max_attempts(kind)),
        V(o->unique_key),
        V(c->account.user),
        V(c->account.organisation),
        V((bool)(o->delay_ms == 0)),
        V(time_add(now, o->delay_ms * US_PER_MS)),
        V(now),
    };
    memcpy(out, values, sizeof values);
}

/* SQLite's writer is alone: what is there stays there. Looking costs a third of an insert that comes to
 * nothing. */
static const char there_sql[] = "SELECT count(*) FROM jobs WHERE kind = $1 AND unique_key = $2 AND "
                                "state IN ('waiting', 'running')";

static Err *is_there(Ctx *c, const Adding *a, const JobKind *kind, bool *there) {
    const JobOptions *o = &a->options;
    int64_t count = 0;
    if (db_engine(c) == ENGINE_SQLITE && !str_is_null(o->unique_key) && !o->hasten && !a->id)
        TRY(db_int(c, SQL(there_sql), ARGS(V(str_c(kind->name)), V(o->unique_key)), &count));
    *there = count > 0;
    return NULL;
}

static Err *add_one(Ctx *c, const Adding *a, const JobKind *kind) {
    Value values[ADD_ARGS];
    add_args(c, a, kind, a->payloads[0], values);
    Args args = {values, ADD_ARGS};
    const char *text = add_sql, *id_text = add_id_sql;
    if (!str_is_null(a->options.unique_key)) {
        text = a->options.hasten ? add_hasten_sql : add_unique_sql;
        id_text = a->options.hasten ? add_hasten_id_sql : add_unique_id_sql;
    }
    return a->id ? db_int(c, SQL(id_text), args, &a->id->value) : db_exec(c, SQL(text), args, NULL);
}

static Err *add_in(Ctx *c, void *arg) {
    Adding *a = arg;
    const JobKind *kind = job_kind(str_c(a->kind));
    bool there;
    TRY(is_there(c, a, kind, &there));
    if (there) return NULL;
    if (a->count == 1) {
        TRY(add_one(c, a, kind));
    } else {
        Value *values = arena_array(c->arena, Value, a->count * ADD_ARGS);
        Args *rows = arena_array(c->arena, Args, a->count);
        for (ptrdiff_t i = 0; i < a->count; i++) {
            add_args(c, a, kind, a->payloads[i], values + i * ADD_ARGS);
            rows[i] = (Args){values + i * ADD_ARGS, ADD_ARGS};
        }
        TRY(db_exec_many(c, SQL(add_sql), rows, a->count));
    }
    return db_notify(c, "jobs", a->options.delay_ms ? S("later") : S("now"));
}

static Err *add_check(Ctx *c, const Adding *a) {
    const JobOptions *o = &a->options;
    if (!job_kind(str_c(a->kind))) FAIL(c, INTERNAL, "There is no kind of job called %s.", a->kind);
    if (o->delay_ms < 0 || o->delay_ms > 3650 * (US_PER_DAY / US_PER_MS))
        FAIL(c, INVALID, "A job's delay must be between 0 and ten years.");
    if (o->max_attempts < 0) FAIL(c, INVALID, "A job needs at least one attempt.");
    if (o->unique_key.len > UNIQUE_KEY_MAX)
        FAIL(c, INVALID, "A job's unique key has at most %d bytes.", UNIQUE_KEY_MAX);
    for (ptrdiff_t i = 0; i < a->count; i++) {
        if (a->payloads[i].len > JOB_TEXT_MAX)
            FAIL(c, TOO_LARGE, "A job's payload has at most %d bytes.", JOB_TEXT_MAX);
    }
    return NULL;
}

static Err *add(Ctx *c, Adding *a) {
    assert(a->kind && a->count >= 0);
    TRY(add_check(c, a));
    if (a->count == 0) return NULL;
    return c->tx ? add_in(c, a)
                 : db_transaction(c, add_in, a); /* a savepoint would cost two statements */
}

Err *job_add(Ctx *c, const char *kind, Str payload_json, JobOptions options, Id *id) {
    Adding a = {.kind = kind, .payloads = &payload_json, .count = 1, .options = options, .id = id};
    return add(c, &a);
}

Err *job_add_many(Ctx *c, const char *kind, const Str *payloads, ptrdiff_t count,
                  JobOptions options) {
    assert(str_is_null(options.unique_key) || count <= 1);
    Adding a = {.kind = kind, .payloads = payloads, .count = count, .options = options};
    return add(c, &a);
}

/* -- of a run --------------------------------------------------------------------------------- */

static const char done_sql[] =
    "UPDATE jobs SET state = 'done', result = $3, finished_at = $4, keep_until = $5, "
    "progress_done = $6, progress_total = $7, progress_note = $8, error = NULL, "
    "lease_until = NULL, worker = NULL "
    "WHERE id = $1 AND lease = $2 AND state = 'running'";

Err *job_write_done(Ctx *c, const Job *job, const JobKind *kind, Str result, Str note,
                    ptrdiff_t *changed) {
    Time now = time_now(), keep = time_add(now, kind_keep_ms(kind) * US_PER_MS);
    return db_exec(c, SQL(done_sql),
                   ARGS(V(job->id), V(job->lease), V((JsonText){result}), V(now), V(keep),
                        V(job->progress_done), V(job->progress_total), V(note)),
                   changed);
}

static void finish_committed(Ctx *c, void *arg) {
    (void)c;
    Job *job = arg;
    job->finished = true;
}

Err *job_finish(Ctx *c, Job *job, Str result_json) {
    assert(job && job->lease > 0);
    ptrdiff_t changed;
    if (result_json.len > JOB_TEXT_MAX)
        FAIL(c, TOO_LARGE, "A job's result has at most %d bytes.", JOB_TEXT_MAX);
    TRY(job_write_done(c, job, job_kind(job->kind), result_json, job->progress_note, &changed));
    job->taken = changed == 0;
    if (job->taken) {
        FAIL(c, CONFLICT, "Job %lld was taken from this worker, which had been silent too long.",
             (long long)job->id.value);
    }
    db_after_commit(c, finish_committed, job);
    return NULL;
}

static const char progress_sql[] =
    "UPDATE jobs SET progress_done = $3, progress_total = $4, progress_note = $5 "
    "WHERE id = $1 AND lease = $2 AND state = 'running' "
    "RETURNING CASE WHEN cancel_requested THEN 1 ELSE 0 END";

Err *job_progress(Ctx *c, Job *job, int64_t done, int64_t total, Str note) {
    enum { INTERVAL_US = 250 * 1000 };
    assert(job && job->lease > 0);
    job->progress_done = done;
    job->progress_total = total;
    job->progress_note = str_utf8_cut(note, JOB_NOTE_MAX);
    if (job->cancel_requested) FAIL(c, CANCELLED, "The job was cancelled.");
    int64_t now_us = mono_us();
    if (job->progress_written_us && now_us - job->progress_written_us < INTERVAL_US) return NULL;
    job->progress_written_us = now_us;
    int64_t cancelled = 0;
    Err *err = db_int(c, SQL(progress_sql),
                      ARGS(V(job->id), V(job->lease), V(done), V(total), V(job->progress_note)),
                      &cancelled);
    job->taken |= err && err->kind == ERR_NOT_FOUND;
    if (job->taken)
        FAIL(c, CANCELLED, "The job was taken from this worker.");
    TRY(err);
    job->cancel_requested = cancelled != 0;
    if (job->cancel_requested) FAIL(c, CANCELLED, "The job was cancelled.");
    return NULL;
}

/* -- of operators ----------------------------------------------------------------------------- */

static const char load_sql[] = "SELECT " JOB_COLUMNS " FROM jobs WHERE id = $1";

Err *job_load(Ctx *c, Id id, Job *out) {
    bool found;
    TRY(db_maybe(c, SQL(load_sql), ARGS(V(id.value)), &job_record, out, &found));
    if (!found) FAIL(c, NOT_FOUND, "There is no job %lld.", (long long)id.value);
    return NULL;
}

static const char retry_sql_text[] =
    "UPDATE jobs SET state = 'waiting', due = $2, run_at = $3, attempts = 0, error = NULL, "
    "finished_at = NULL, started_at = NULL, keep_until = NULL, cancel_requested = $4, "
    "progress_done = 0, progress_total = 0, progress_note = NULL, result = NULL "
    "WHERE id = $1 AND (state IN ('dead', 'cancelled') "
    "OR (state = 'waiting' AND attempts > 0 AND run_at > $3))";

static Err *retry_in(Ctx *c, void *arg) {
    Id id = *(Id *)arg;
    ptrdiff_t changed;
    Err *err = db_exec(c, SQL(retry_sql_text),
                       ARGS(V(id), value_bool(true), V(time_now()), value_bool(false)), &changed);
    if (err && err->kind == ERR_CONFLICT)
        FAIL(c, CONFLICT, "Another job with the same key is waiting or running.");
    TRY(err);
    if (changed) return db_notify(c, "jobs", S("now"));
    Job job;
    TRY(job_load(c, id, &job));
    FAIL(c, CONFLICT,
         "Only a job that failed or was cancelled can be tried again; this one is %.*s.",
         S_ARG(job.state));
}

Err *job_retry(Ctx *c, Id id) { return db_transaction(c, retry_in, &id); }

static const char cancel_waiting_sql[] =
    "UPDATE jobs SET state = 'cancelled', cancel_requested = $4, finished_at = $2, keep_until = $3 "
    "WHERE id = $1 AND state = 'waiting'";
static const char cancel_running_sql[] =
    "UPDATE jobs SET cancel_requested = $2 WHERE id = $1 AND state = 'running'";

static Err *cancel_in(Ctx *c, void *arg) {
    Id id = *(Id *)arg;
    Time now = time_now(), keep = time_add(now, kind_keep_ms(NULL) * US_PER_MS);
    ptrdiff_t changed;
    TRY(db_exec(c, SQL(cancel_waiting_sql), ARGS(V(id), V(now), V(keep), value_bool(true)),
                &changed));
    if (changed) return NULL;
    TRY(db_exec(c, SQL(cancel_running_sql), ARGS(V(id), value_bool(true)), &changed));
    if (changed) return db_notify(c, "jobs_cancel", strf(c->arena, "%lld", (long long)id.value));
    Job job;
    TRY(job_load(c, id, &job));
    if (str_eq(job.state, S("cancelled"))) return NULL;
    FAIL(c, CONFLICT, "The job has already ended; it is %.*s.", S_ARG(job.state));
}

Err *job_cancel(Ctx *c, Id id) { return db_transaction(c, cancel_in, &id); }

#define FILTER                                                       \
    " FROM jobs WHERE (CAST($1 AS text) IS NULL OR state = $1) AND " \
    "(CAST($2 AS text) IS NULL OR queue = $2) AND "                  \
    "(CAST($3 AS text) IS NULL OR kind = $3)"
static const char list_sql[] = "SELECT " JOB_COLUMNS FILTER " ORDER BY id DESC LIMIT $4 OFFSET $5";
static const char count_sql[] = "SELECT count(*) AS total" FILTER;

typedef struct Total {
    int64_t total;
} Total;
static const Field total_fields[] = {FIELD(Total, total)};
static const Record total_record = RECORD(Total, total_fields);

Err *job_list(Ctx *c, JobFilter f, Rows *out, int64_t *total) {
    assert(f.limit >= 0 && f.offset >= 0);
    Value state = V(f.state), queue = V(f.queue), kind = V(f.kind);
    TRY(db_scan(c, SQL(list_sql), ARGS(state, queue, kind, V(f.limit), V(f.offset)), &job_record,
                out));
    Rows counts;
    TRY(db_scan(c, SQL(count_sql), ARGS(state, queue, kind), &total_record, &counts));
    *total = counts.count ? ((const Total *)counts.items)->total : 0;
    return NULL;
}

/* Counts from the partial indexes alone, so that a million of finished jobs cost nothing but
 * their count. */
#define STATS(is_due, is_not_due)                                                            \
    "SELECT (SELECT count(*) FROM jobs WHERE state = 'waiting' AND " is_due ") AS waiting, " \
    "(SELECT count(*) FROM jobs WHERE state = 'waiting' AND " is_not_due ") AS delayed, "    \
    "(SELECT count(*) FROM jobs WHERE state = 'running') AS running, "                       \
    "(SELECT count(*) FROM jobs WHERE state = 'done' AND keep_until IS NOT NULL) AS done, "  \
    "(SELECT count(*) FROM jobs WHERE state = 'dead' AND keep_until IS NOT NULL) AS dead, "  \
    "(SELECT count(*) FROM jobs WHERE state = 'cancelled' AND keep_until IS NOT NULL) "      \
    "AS cancelled, "                                                                         \
    "(SELECT min(run_at) FROM jobs WHERE state = 'waiting' AND " is_due ") AS oldest"

typedef struct StatsRow {
    int64_t waiting, delayed, running, done, dead, cancelled;
    Time oldest;
} StatsRow;
static const Field stats_fields[] = {
    FIELD(StatsRow, waiting), FIELD(StatsRow, delayed), FIELD(StatsRow, running),
    FIELD(StatsRow, done),    FIELD(StatsRow, dead),    FIELD(StatsRow, cancelled),
    FIELD(StatsRow, oldest),
};
static const Record stats_record = RECORD(StatsRow, stats_fields);

Err *job_stats(Ctx *c, JobStats *out) {
    Rows rows;
    TRY(db_scan(c, SQL2(STATS("due = 1", "due = 0"), STATS("due", "NOT due")), NO_ARGS,
                &stats_record, &rows));
    assert(rows.count == 1);
    const StatsRow *r = rows.items;
    bool any = r->waiting > 0 && !time_is_null(r->oldest);
    *out = (JobStats){r->waiting,
                      r->delayed,
                      r->running,
                      r->done,
                      r->dead,
                      r->cancelled,
                      any ? max_i64(0, (time_now().us - r->oldest.us) / US_PER_MS) : 0};
    return NULL;
}
