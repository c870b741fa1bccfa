/* SPDX-License-Identifier: Apache-2.0
 * Jobs: durable work in the same database, asked for in the same transaction as the effect that
 * wants it.
 *
 *      job_add                claim                 run, job_finish
 *   ─────────────▶ waiting ──────────▶ running ───────────────────────▶ done
 *                  │  ▲ ▲                │ │ │ no try left, no use in trying again
 *       job_cancel │  │ └────────────────┘ │ └────────────────────────▶ dead
 *                  │  │   back-off, drain, │ job_cancel                    │
 *                  │  │   lost worker      ▼                               │
 *                  └──┼──────────────▶ cancelled                           │
 *                     └──────────────────┴────────── job_retry ────────────┘
 *
 * A running job holds a lease that its process renews; when the process dies the job runs again.
 * Each claim has a number of its own (`lease`): a worker that was given up and comes back can
 * neither finish the job nor commit what it did in one transaction with job_finish. Effects outside
 * the database may happen twice and must be safe to repeat. The clocks of several nodes must agree
 * to within half a lease.
 *
 * Within a queue the higher priority runs first, then the older job; queues share the workers
 * evenly. */
#ifndef SOCLE_WORK_JOBS_H
#define SOCLE_WORK_JOBS_H

#include "core/record.h"
#include "data/db.h"

typedef struct Job {
    Id id;
    Str kind, queue;
    Str state; /* waiting, running, done, dead, cancelled */
    JsonText payload;
    JsonText result; /* the run may set it (in c's arena); at most 256 KiB */
    int64_t priority, attempts, max_attempts;
    int64_t progress_done, progress_total;
    Str progress_note, unique_key, error;
    bool cancel_requested;
    Id user_id, organisation_id; /* of the account that asked; the run acts for it */
    Time run_at, created_at, started_at, finished_at, lease_until;
    /* Not on the wire: of the run under way. */
    int64_t lease;
    int64_t progress_written_us;
    bool finished; /* job_finish has been committed */
    bool taken;    /* it is not this run's any more: see job_finish, job_progress */
} Job;
extern const Record job_record;

/* One kind of job, in a module's table. */
typedef struct JobKind {
    const char *name;  /* "veyl.refresh_stats" */
    const char *queue; /* "default" unless set */
    const char *doc;
    int64_t max_attempts; /* 0: 5 */
    /* Pause before another try: anything up to the base, which doubles each time. */
    int64_t backoff_base_ms; /* 0: 1000 */
    int64_t backoff_max_ms;  /* 0: 10 min */
    int64_t timeout_ms;      /* 0: 5 min */
    int64_t keep_ms;         /* kept after the end; 0: 24 h. Dead ones: 30 days at least */
    ptrdiff_t budget_bytes;  /* of a run's arena; 0: 64 MiB */
    bool outlasts_drain;     /* a run takes long: when workers stop it is given back at once */
    /* Run it. An Err makes another try (at once dead when its kind is not retryable and not
     * INTERNAL). A job whose effect is in the database calls job_finish inside its own transaction,
     * so that effect and completion commit together; otherwise the runner marks it done. */
    Err *(*run)(Ctx *c, Job *job);
} JobKind;

/* All kinds of all modules, once, before anything asks for a job. Names are unique. */
void jobs_kinds_set(const JobKind *const *tables, const ptrdiff_t *counts, ptrdiff_t n);
const JobKind *job_kind(Str name); /* NULL when unknown */
const char *job_kind_queue(const JobKind *kind);
/* At most `limit` jobs of that queue run at once, on all nodes together; 0: no limit. Before
 * workers_start, with the same figure on every node. `queue` is a literal. */
void jobs_queue_limit(const char *queue, int64_t limit);

typedef struct JobOptions {
    int64_t priority; /* higher runs first; 0 usual */
    int64_t delay_ms;
    Str unique_key; /* while a job of the same kind and key waits or runs, no second is made */
    bool hasten;    /* and one that waits for a later time, also after a failure, waits no longer
                       than this one would */
    int64_t max_attempts;
} JobOptions;

/* Ask for a job; joins the transaction under way. payload: JSON, null for none, at most 256 KiB
 * (TOO_LARGE). *id (may be NULL) is the existing job's when the key met one. */
MUST_USE Err *job_add(Ctx *c, const char *kind, Str payload_json, JobOptions options, Id *id);
MUST_USE Err *job_add_many(Ctx *c, const char *kind, const Str *payloads, ptrdiff_t count,
                           JobOptions options);

/* For a running job. CANCELLED when it is asked to stop; at most four writes a second reach the
 * database. */
MUST_USE Err *job_progress(Ctx *c, Job *job, int64_t done, int64_t total, Str note);
/* In the effect's transaction. CONFLICT when the job has been taken from this worker meanwhile: to be handed up,
 * so that the effect is undone. It counts as a run that was lost, not as the job's failure. */
MUST_USE Err *job_finish(Ctx *c, Job *job, Str result_json);

MUST_USE Err *job_load(Ctx *c, Id id, Job *out);
/* Dead, cancelled, or waiting after a failure: runs as soon as it can, with all its tries again.
 * CONFLICT else. */
MUST_USE Err *job_retry(Ctx *c, Id id);
/* A waiting job is cancelled, a running one asked to stop. CONFLICT once it has ended. */
MUST_USE Err *job_cancel(Ctx *c, Id id);

/* A page of jobs, the newest first; null texts do not filter. */
typedef struct JobFilter {
    Str state, queue, kind;
    int64_t limit, offset;
} JobFilter;
MUST_USE Err *job_list(Ctx *c, JobFilter filter, Rows *out, int64_t *total);

/* Workers: coroutines on every loop that claim and run. queues: comma-separated, null: all. */
MUST_USE Err *workers_start(Ctx *c, Str queues, int64_t per_loop);
typedef struct WorkerOptions {
    Str queues;
    int64_t per_loop; /* runs at once on each loop; 0: 64 */
    int64_t lease_ms; /* 0: 30 s, renewed at a third; a dead worker's jobs run again after it */
    int64_t poll_ms;  /* 0: 1 s; the safety net should a wake-up be lost */
    int64_t drain_ms; /* 0: 25 s */
} WorkerOptions;
MUST_USE Err *workers_start_with(Ctx *c, WorkerOptions options);
/* What is 0 in the options is taken from here; from settings, before the start. */
void workers_tune(WorkerOptions usual);
/* Claim no more, let what runs end within drain_ms, cancel the rest and give it back (the
 * attempt is not counted). Call it before rt_stop, in a coroutine. */
void workers_stop(Ctx *c);

typedef struct JobStats {
    int64_t waiting, delayed, running, done, dead, cancelled, oldest_waiting_ms;
} JobStats;
MUST_USE Err *job_stats(Ctx *c, JobStats *out);
/* The same for each queue that has jobs, by name. Reads all jobs that are kept. */
typedef struct JobQueue {
    Str name;
    JobStats stats;
} JobQueue;
MUST_USE Err *job_queue_stats(Ctx *c, JobQueue **out, ptrdiff_t *count);
/* What could run and waits, by queue; reads these alone. Queues in which nothing waits are left out. */
typedef struct JobWaiting {
    Str queue;
    int64_t count, oldest_ms;
} JobWaiting;
MUST_USE Err *job_queues_waiting(Ctx *c, JobWaiting **out, ptrdiff_t *count);

/* Runs in this process, by what became of them, and how long they took: times[i] up to
 * job_time_bounds_us[i], the last above all. Does not wait. */
enum { JOB_TIME_BOUNDS = 9 };
extern const int64_t job_time_bounds_us[JOB_TIME_BOUNDS];
typedef struct JobRuns {
    int64_t done, again, dead, cancelled, given_back, lost;
    int64_t times[JOB_TIME_BOUNDS + 1], sum_us;
} JobRuns;
JobRuns job_runs(void);

#endif
