/* SPDX-License-Identifier: Apache-2.0
 * Jobs: durable work in the same database, asked for in the same transaction as the effect that wants
 * it. States: waiting → running → done | failed (again waiting after back-off) → dead; cancelled.
 * A running job holds a lease with a heartbeat: a dead worker's job runs again. */
#ifndef SOCLE_WORK_JOBS_H
#define SOCLE_WORK_JOBS_H

#include "core/record.h"

typedef struct Job {
    Id id;
    Str kind, queue, state;
    JsonText payload, result;
    int64_t priority, attempts, max_attempts;
    int64_t progress_done, progress_total;
    Str progress_note, unique_key, error;
    bool cancel_requested;
    Id user, organisation;
    Time run_at, created_at, started_at, finished_at, lease_until;
} Job;
extern const Record job_record;

/* One kind of job, in a module's table. */
typedef struct JobKind {
    const char *name;  /* "veyl.refresh_stats" */
    const char *queue; /* "default" unless set */
    const char *doc;
    int64_t max_attempts;    /* 0: 5 */
    int64_t backoff_base_ms; /* 0: 1000; full jitter, doubled each time, at most backoff_max_ms (0: 10 min) */
    int64_t backoff_max_ms;
    int64_t timeout_ms; /* 0: 5 min */
    int64_t keep_ms;    /* results kept after the end; 0: 24 h */
    /* Run it. An Err makes another try (at once dead when its kind is not retryable and not INTERNAL).
     * A job whose effect is in the database calls job_finish inside its own transaction, so that effect
     * and completion commit together; otherwise the runner marks it done. */
    Err *(*run)(Ctx *c, Job *job);
} JobKind;

typedef struct JobOptions {
    int64_t priority;  /* higher runs first; 0 usual */
    int64_t delay_ms;
    Str unique_key;    /* while a job of the same kind and key waits or runs, no second is made */
    int64_t max_attempts;
} JobOptions;

/* Ask for a job; joins the transaction under way. *id is the existing job's when the key met one. */
MUST_USE Err *job_add(Ctx *c, const char *kind, Str payload_json, JobOptions options, Id *id);
MUST_USE Err *job_add_many(Ctx *c, const char *kind, const Str *payloads, ptrdiff_t count, JobOptions options);

/* For a running job. */
MUST_USE Err *job_progress(Ctx *c, Job *job, int64_t done, int64_t total, Str note); /* CANCELLED when asked to stop; at most 4 writes a second reach the database */
MUST_USE Err *job_finish(Ctx *c, Job *job, Str result_json); /* in the effect's transaction */

MUST_USE Err *job_load(Ctx *c, Id id, Job *out);
MUST_USE Err *job_retry(Ctx *c, Id id);  /* dead, failed or cancelled → waiting; CONFLICT else */
MUST_USE Err *job_cancel(Ctx *c, Id id); /* waiting → cancelled; running → asked */

/* Workers: coroutines on every loop that claim and run. queues: comma-separated, null: all. */
MUST_USE Err *workers_start(Ctx *c, Str queues, int64_t per_loop);
void workers_stop(Ctx *c); /* gives unfinished jobs back after the drain time */

struct JobStats { int64_t waiting, running, dead, oldest_waiting_ms; };
MUST_USE Err *job_stats(Ctx *c, struct JobStats *out);

#endif
