/* SPDX-License-Identifier: Apache-2.0
 * Workers. Each loop has a dispatcher: a coroutine that claims jobs, starts a coroutine for each, and
 * writes down how they ended.
 *
 *   wake-up ─▶ dispatcher ── one transaction: ends of the last batch + claims of the next ──┐
 *                  ▲                                                                          │
 *                  └──────── ended (a list of this loop) ◀── run_job, a coroutine each ◀──────┘
 *
 * While a transaction is under way more jobs end and gather, so that the busier a loop is, the more
 * ends and claims share one commit. A job that has ended no longer counts against the loop's limit,
 * so its place is filled in the very transaction that writes its end. Where jobs are short a loop
 * claims more than it may run at once, as many as it will run within a few milliseconds; they wait
 * in `ready` and are given back if that turns out wrong.
 *
 * All fields of a Dispatcher belong to its loop's thread. */
#include <inttypes.h>

#include "core/log.h"
#include "core/time.h"
#include "work/room.h"
#include "work/schedule.h"

enum {
    PER_LOOP = 64,
    LEASE_MS = 30 * 1000,
    POLL_MS = 1000,
    DRAIN_MS = 25 * 1000,
    CANCEL_MS = 3000,     /* for what is cancelled to come back */
    STATEMENT_MS = 20 * 1000,
    OVERDUE_MS = 60 * 1000, /* a run so long over its time is no longer vouched for */
    UNKNOWN_MS = 30 * 1000,
    STOP_LOOK_MS = 10,
    CLAIM_MAX = 256,
    AHEAD_US = 20 * 1000,   /* what is claimed ahead should begin within this time */
    AHEAD_WAIT_US = 1000 * 1000, /* and is given back after this */
    AHEAD_MAX = 512,
    RUN_BUDGET = 64 * 1024 * 1024
};

typedef enum Ending {
    ENDING_KNOWN, /* committed by job_finish, or no longer ours: nothing to write */
    ENDING_DONE,
    ENDING_AGAIN, /* after delay_ms */
    ENDING_BACK,  /* given back, the attempt not counted */
    ENDING_DEAD,
    ENDING_CANCELLED
} Ending;

typedef struct Run {
    struct Run *prev, *next; /* among the ready, the running, the ended */
    struct Dispatcher *dispatcher;
    const JobKind *kind; /* NULL: no such kind in this process */
    Coro *coro;
    Job job;
    int64_t claimed_us, begun_us, overdue_us;
    bool lost, given_back, renewed;
    Ending ending;
    int64_t delay_ms;
    Str result, error, note; /* on the heap */
    char texts[];            /* of the job */
} Run;

/* First in, first out. */
typedef struct RunList {
    Run *first, *last;
    int64_t count;
} RunList;

typedef struct Dispatcher {
    Signal signal;
    RunList ready, ended;
    Run *running;
    int64_t running_count, beat_at_us, failures;
    int64_t usual_us; /* how long runs take, lately */
    ptrdiff_t turn;
} Dispatcher;

static struct {
    WorkerOptions options;
    struct App *app;
    Str name; /* of this process among the workers; on the heap */
    Str queues[QUEUES_MAX];
    ptrdiff_t queue_count;
    Dispatcher dispatchers[LOOPS_MAX];
    int count;
    atomic_int alive;
    atomic_bool stopping;
    atomic_bool strangers; /* jobs of kinds unknown here have been seen */
} workers;

static bool stopping(void) { return atomic_load(&workers.stopping) || rt_stopping(); }

/* -- a run ---------------------------------------------------------------------------------------- */

static Str heap_copy(Str s) {
    if (str_is_null(s)) return s;
    char *data = malloc((size_t)s.len + 1);
    if (!data) abort();
    memcpy(data, s.data, (size_t)s.len);
    return str_of(data, s.len);
}

static Str text_put(char **at, Str s) {
    if (str_is_null(s)) return s;
    memcpy(*at, s.data, (size_t)s.len);
    Str copy = str_of(*at, s.len);
    *at += s.len;
    return copy;
}

static Run *run_new(Dispatcher *d, const Job *claimed) {
    const JobKind *kind = job_kind(claimed->kind);
    size_t size = (size_t)(claimed->payload.text.len + claimed->unique_key.len + claimed->kind.len +
                           claimed->queue.len);
    Run *r = calloc(1, sizeof *r + size + 1);
    if (!r) abort();
    char *at = r->texts;
    *r = (Run){.dispatcher = d, .kind = kind, .job = *claimed};
    r->job.state = S("running");
    r->job.payload.text = text_put(&at, claimed->payload.text);
    r->job.unique_key = text_put(&at, claimed->unique_key);
    r->job.kind = text_put(&at, claimed->kind);
    r->job.queue = text_put(&at, claimed->queue);
    return r;
}

static void run_free(Run *r) {
    free((void *)(uintptr_t)r->result.data);
    free((void *)(uintptr_t)r->error.data);
    free((void *)(uintptr_t)r->note.data);
    free(r);
}

static void running_add(Dispatcher *d, Run *r) {
    r->next = d->running;
    if (r->next) r->next->prev = r;
    d->running = r;
    d->running_count++;
}

static void running_remove(Dispatcher *d, Run *r) {
    if (r->prev) r->prev->next = r->next;
    else d->running = r->next;
    if (r->next) r->next->prev = r->prev;
    r->prev = r->next = NULL;
    d->running_count--;
}

static void list_add(RunList *list, Run *r) {
    r->next = NULL;
    if (list->last) list->last->next = r;
    else list->first = r;
    list->last = r;
    list->count++;
}

static Run *list_take(RunList *list) {
    Run *r = list->first;
    if (!r) return NULL;
    list->first = r->next;
    if (!list->first) list->last = NULL;
    list->count--;
    return r;
}

/* A job over its memory comes back here from wherever it was. */
static Err *run_guarded(Ctx *c, Run *r) {
    jmp_buf full;
    jmp_buf *former = arena_on_full(c->arena, &full);
    Err *err;
    if (setjmp(full) == 0) {
        err = r->kind->run(c, &r->job);
    } else {
        ptrdiff_t budget = r->kind->budget_bytes ? r->kind->budget_bytes : RUN_BUDGET;
        arena_budget_set(c->arena, budget + MIB);
        err = err_new(c, ERR_BUDGET, r->kind->name, "The job needed more than %td MiB of memory.",
                      budget / MIB);
    }
    arena_on_full(c->arena, former);
    return err;
}

static Ending ending_of_error(Ctx *c, Run *r, Err *err) {
    const Job *job = &r->job;
    Str why = err_text(c, err);
    if (job->cancel_requested) return ENDING_CANCELLED;
    if (r->given_back || (c->cancelled && err->kind == ERR_CANCELLED)) return ENDING_BACK;
    r->error = heap_copy(why);
    bool again = err_retryable(err->kind) || err->kind == ERR_INTERNAL;
    if (again && job->attempts < job->max_attempts) {
        r->delay_ms = kind_backoff_ms(r->kind, job->attempts, err);
        log_msg(c, LOG_WARN, "job %" PRId64 " (%s) failed, attempt %" PRId64 " of %" PRId64 ", again in %" PRId64 " ms: %.*s",
                job->id.value, r->kind->name, job->attempts, job->max_attempts, r->delay_ms, S_ARG(why));
        return ENDING_AGAIN;
    }
    log_msg(c, LOG_ERROR, "job %" PRId64 " (%s) is dead after attempt %" PRId64 ": %.*s", job->id.value,
            r->kind->name, job->attempts, S_ARG(why));
    return ENDING_DEAD;
}

static Ending ending_of(Ctx *c, Run *r, Err *err) {
    if (r->job.finished || r->lost) {
        if (err && !r->lost) {
            log_msg(c, LOG_WARN, "job %" PRId64 " (%s) had finished, then failed: %.*s", r->job.id.value,
                    r->kind->name, S_ARG(err_text(c, err)));
        }
        return ENDING_KNOWN;
    }
    Str result = r->job.result.text;
    if (!err && result.len > JOB_TEXT_MAX)
        err = err_new(c, ERR_TOO_LARGE, r->kind->name, "The result is over %d bytes.", JOB_TEXT_MAX);
    if (err) return ending_of_error(c, r, err);
    r->result = heap_copy(result);
    r->note = heap_copy(r->job.progress_note);
    return ENDING_DONE;
}

static void runs_begin(Dispatcher *d);

static void run_job(Ctx *c, void *arg) {
    Run *r = arg;
    Dispatcher *d = r->dispatcher;
    c->account = (Account){.user = r->job.user_id, .organisation = r->job.organisation_id};
    c->request_id = strf(c->arena, "job-%" PRId64, r->job.id.value);
    c->route = str_c(r->kind->name);
    ctx_deadline_within(c, kind_timeout_ms(r->kind));
    Err *err = run_guarded(c, r);
    ctx_undo(c, NULL); /* its leftovers go before another may run it */
    r->ending = ending_of(c, r, err);
    r->coro = NULL;
    d->usual_us += (mono_us() - r->begun_us - d->usual_us) / 16;
    running_remove(d, r);
    list_add(&d->ended, r);
    runs_begin(d);
    signal_give_here(&d->signal);
}

/* Something happened to it while it was ready? */
static bool run_spoiled(Run *r) {
    bool cancelled = r->job.cancel_requested;
    if (!r->lost && !cancelled && !r->given_back) return false;
    r->ending = r->lost ? ENDING_KNOWN : cancelled ? ENDING_CANCELLED : ENDING_BACK;
    return true;
}

static void runs_begin(Dispatcher *d) {
    while (d->ready.first && d->running_count < workers.options.per_loop) {
        Run *r = list_take(&d->ready);
        if (run_spoiled(r)) {
            list_add(&d->ended, r);
            continue;
        }
        r->begun_us = mono_us();
        r->overdue_us = r->begun_us + (kind_timeout_ms(r->kind) + OVERDUE_MS) * US_PER_MS;
        running_add(d, r);
        ptrdiff_t budget = r->kind->budget_bytes ? r->kind->budget_bytes : RUN_BUDGET;
        CoroOptions options = {.name = r->kind->name, .budget_bytes = budget, .app = workers.app};
        r->coro = coro_spawn(options, run_job, r);
    }
}

static void run_claimed(Dispatcher *d, const Job *claimed) {
    Run *r = run_new(d, claimed);
    r->claimed_us = mono_us();
    if (r->kind) {
        list_add(&d->ready, r);
        return;
    }
    r->ending = ENDING_BACK;
    r->delay_ms = UNKNOWN_MS;
    atomic_store(&workers.strangers, true);
    list_add(&d->ended, r);
}

/* What was claimed ahead and cannot begin soon is for others. */
static void ready_give_back(Dispatcher *d) {
    while (d->ready.first) {
        Run *r = list_take(&d->ready);
        r->given_back = true;
        run_spoiled(r);
        list_add(&d->ended, r);
    }
    d->usual_us = AHEAD_US; /* no more of it until runs are seen to be short again */
}

/* How many to claim: free places, and what will be run within AHEAD_US. */
static int64_t room_for_more(Dispatcher *d) {
    if (stopping()) {
        ready_give_back(d);
        return 0;
    }
    if (d->ready.first && mono_us() - d->ready.first->claimed_us > AHEAD_WAIT_US) ready_give_back(d);
    int64_t places = workers.options.per_loop, us = max_i64(d->usual_us, 1);
    int64_t ahead = us >= AHEAD_US ? 0 : min_i64(places * (AHEAD_US / us), AHEAD_MAX);
    return min_i64(places + ahead - d->running_count - d->ready.count, CLAIM_MAX);
}

/* -- claims --------------------------------------------------------------------------------------- */

static const Field claim_fields[] = {
    FIELD(Job, id),         FIELD(Job, kind),       FIELD(Job, queue),   FIELD(Job, payload),
    FIELD(Job, priority),   FIELD(Job, attempts),   FIELD(Job, max_attempts), FIELD(Job, unique_key),
    FIELD(Job, user_id),    FIELD(Job, organisation_id), FIELD(Job, run_at), FIELD(Job, created_at),
    FIELD(Job, started_at), FIELD(Job, lease_until), FIELD(Job, lease),
};
static const Record claim_record = RECORD(Job, claim_fields);

typedef struct Name {
    Str name;
} Name;
static const Field name_fields[] = {FIELD(Name, name)};
static const Record name_record = RECORD(Name, name_fields);

/* Which of the queues $1 (a JSON list) have work that is due? */
static const char due_sqlite[] =
    "SELECT q.value AS name FROM json_each($1) AS q WHERE EXISTS (SELECT 1 FROM jobs "
    "WHERE queue = q.value AND state = 'waiting' AND due = 1)";
static const char due_postgres[] =
    "SELECT q.name FROM jsonb_array_elements_text(CAST($1 AS jsonb)) AS q(name) WHERE EXISTS "
    "(SELECT 1 FROM jobs WHERE queue = q.name AND state = 'waiting' AND due)";

#define CLAIM_SET                                                                              \
    "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease = lease + 1, "          \
    "worker = $3, started_at = $4, lease_until = $5 WHERE id "
#define CLAIM_RETURNING                                                                         \
    " RETURNING id, kind, queue, payload, priority, attempts, max_attempts, unique_key, user_id, " \
    "organisation_id, run_at, created_at, started_at, lease_until, lease"
static const char claim_sqlite[] =
    CLAIM_SET "IN (SELECT id FROM jobs WHERE queue = $1 AND state = 'waiting' AND due = 1 "
              "AND ($6 IS NULL OR kind IN (SELECT value FROM json_each($6))) "
              "ORDER BY priority DESC, id LIMIT $2)" CLAIM_RETURNING;
/* = ANY (ARRAY (…)): the inner SELECT locks its rows exactly once, whatever the plan. */
static const char claim_postgres[] =
    CLAIM_SET "= ANY (ARRAY (SELECT id FROM jobs WHERE queue = $1 AND state = 'waiting' AND due "
              "AND (CAST($6 AS text) IS NULL OR kind IN "
              "(SELECT jsonb_array_elements_text(CAST(CAST($6 AS text) AS jsonb)))) "
              "ORDER BY priority DESC, id LIMIT $2 FOR UPDATE SKIP LOCKED))" CLAIM_RETURNING;

static const char lock_postgres[] =
    "SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtextextended('socle.queue.' || $1, 0))) AS taken";
static const char running_sql[] = "SELECT count(*) FROM jobs WHERE queue = $1 AND state = 'running'";

typedef struct Cycle {
    Dispatcher *dispatcher;
    Run **ended; /* those to write. An array: the list itself grows while the writer's thread reads */
    ptrdiff_t ended_count;
    Rows due;        /* queues */
    int64_t room;    /* for new ones */
    Rows claimed[QUEUES_MAX];
    ptrdiff_t claimed_count; /* of all queues */
} Cycle;

/* How many of a limited queue may start now. On PostgreSQL others wait until our claim is committed
 * and counted; SQLite's writer is alone anyway. */
static Err *queue_room(Ctx *c, Str queue, int64_t *room) {
    int64_t limit = queue_limit(queue), now, locked;
    if (limit == 0) return NULL;
    if (db_engine(c) == ENGINE_POSTGRES) TRY(db_int(c, SQL(lock_postgres), ARGS(V(queue)), &locked));
    TRY(db_int(c, SQL(running_sql), ARGS(V(queue)), &now));
    *room = max_i64(0, min_i64(*room, limit - now));
    return NULL;
}

static Err *claim(Ctx *c, Cycle *cycle) {
    int64_t left = cycle->room;
    Time now = time_now(), until = time_add(now, workers.options.lease_ms * US_PER_MS);
    Str kinds = atomic_load(&workers.strangers) ? kinds_json(c->arena) : (Str){0};
    cycle->claimed_count = 0;
    for (ptrdiff_t i = 0; i < cycle->due.count && left > 0; i++) {
        const Name *queues = cycle->due.items;
        Str queue = queues[(cycle->dispatcher->turn + i) % cycle->due.count].name;
        int64_t share = max_i64(1, left / (cycle->due.count - i));
        cycle->claimed[i] = (Rows){0};
        TRY(queue_room(c, queue, &share));
        if (share == 0) continue;
        TRY(db_query(c, SQL2(claim_sqlite, claim_postgres),
                     ARGS(V(queue), V(share), V(workers.name), V(now), V(until), V(kinds)),
                     &claim_record, &cycle->claimed[i]));
        cycle->claimed_count += cycle->claimed[i].count;
        left -= cycle->claimed[i].count;
    }
    return NULL;
}

/* -- ends ----------------------------------------------------------------------------------------- */

static const char end_sql[] =
    "UPDATE jobs SET state = $3, error = $4, due = $5, run_at = $6, attempts = $7, finished_at = $8, "
    "keep_until = $9, progress_done = $10, progress_total = $11, lease_until = NULL, worker = NULL "
    "WHERE id = $1 AND lease = $2 AND state = 'running'";

static Err *end_write(Ctx *c, const Run *r) {
    const Job *job = &r->job;
    Time now = time_now();
    bool waits = r->ending == ENDING_AGAIN || r->ending == ENDING_BACK;
    int64_t keep_ms = r->ending == ENDING_DEAD ? kind_dead_keep_ms(r->kind) : kind_keep_ms(r->kind);
    Str state = waits ? S("waiting") : r->ending == ENDING_DEAD ? S("dead") : S("cancelled");
    return db_exec(c, SQL(end_sql),
                   ARGS(V(job->id), V(job->lease), V(state), V(r->error), V((bool)(r->delay_ms == 0)),
                        V(time_add(now, r->delay_ms * US_PER_MS)),
                        V(job->attempts - (r->ending == ENDING_BACK)), V(waits ? TIME_NULL : now),
                        V(waits ? TIME_NULL : time_add(now, keep_ms * US_PER_MS)),
                        V(job->progress_done), V(job->progress_total)),
                   NULL);
}

static Err *ends_write(Ctx *c, const Cycle *cycle) {
    for (ptrdiff_t i = 0; i < cycle->ended_count; i++) {
        const Run *r = cycle->ended[i];
        if (r->ending == ENDING_DONE)
            TRY(job_write_done(c, &r->job, r->kind, r->result, r->note, NULL));
        else if (r->ending != ENDING_KNOWN) TRY(end_write(c, r));
    }
    return NULL;
}

static Err *cycle_in(Ctx *c, void *arg) {
    Cycle *cycle = arg;
    TRY(ends_write(c, cycle));
    return claim(c, cycle);
}

/* After the commit: forget what is written. Others may have ended meanwhile and stay in the list.
 * True when some of them may run again at once. */
static bool ends_forget(Dispatcher *d, ptrdiff_t count) {
    bool later = false, now = false;
    while (count-- > 0) {
        Run *r = list_take(&d->ended);
        later |= r->delay_ms > 0;
        now |= r->delay_ms == 0 && (r->ending == ENDING_AGAIN || r->ending == ENDING_BACK);
        run_free(r);
    }
    if (later) keeper_look();
    return now;
}

static int claim_order(const void *a, const void *b) {
    const Job *x = a, *y = b;
    if (x->priority != y->priority) return x->priority < y->priority ? 1 : -1;
    return x->id.value < y->id.value ? -1 : 1;
}

static void runs_take(Dispatcher *d, Cycle *cycle) {
    for (ptrdiff_t i = 0; i < cycle->due.count; i++) {
        Rows rows = cycle->claimed[i];
        if (rows.count > 1) qsort(rows.items, (size_t)rows.count, sizeof(Job), claim_order);
        for (ptrdiff_t k = 0; k < rows.count; k++) run_claimed(d, (const Job *)rows.items + k);
    }
    runs_begin(d);
}

/* -- the dispatcher ------------------------------------------------------------------------------- */

static Str queues_json(Arena *arena) {
    Buf b = buf_new(arena, 256);
    buf_byte(&b, '[');
    for (ptrdiff_t i = 0; i < workers.queue_count; i++) {
        if (i) buf_byte(&b, ',');
        buf_json(&b, workers.queues[i]);
    }
    buf_byte(&b, ']');
    return buf_str(&b);
}

/* One transaction; *more: look again at once. */
static Err *dispatch_once(Ctx *c, Dispatcher *d, bool *more) {
    Cycle *cycle = arena_new_of(c->arena, Cycle);
    *more = false;
    *cycle = (Cycle){.dispatcher = d, .room = room_for_more(d)};
    cycle->ended = arena_array(c->arena, Run *, d->ended.count);
    for (Run *r = d->ended.first; r; r = r->next) cycle->ended[cycle->ended_count++] = r;
    if (cycle->room > 0) {
        TRY(db_query(c, SQL2(due_sqlite, due_postgres), ARGS(V(queues_json(c->arena))), &name_record,
                     &cycle->due));
    }
    assert(cycle->due.count <= QUEUES_MAX);
    if (cycle->ended_count == 0 && cycle->due.count == 0) return NULL;
    d->turn++;
    TRY(db_transaction(c, cycle_in, cycle));
    bool again = ends_forget(d, cycle->ended_count);
    runs_take(d, cycle);
    *more = cycle->claimed_count > 0 || d->ended.first || again;
    return NULL;
}

static void dispatch(Ctx *c, Dispatcher *d) {
    bool more = true;
    while (more && !c->cancelled) {
        ArenaMark mark = arena_mark(c->arena);
        Defer *undo = c->defers;
        int64_t former = ctx_deadline_within(c, STATEMENT_MS);
        Err *err = dispatch_once(c, d, &more);
        c->deadline_us = former;
        if (!err) {
            d->failures = 0;
        } else {
            /* Nothing is lost: the ended stay in the list, the waiting in the table. */
            if (d->failures++ % 10 == 0)
                log_msg(c, LOG_WARN, "jobs cannot be claimed: %.*s", S_ARG(err_text(c, err)));
            more = false;
        }
        ctx_undo(c, undo);
        arena_release(c->arena, mark);
    }
}

static const char beat_sqlite[] =
    "UPDATE jobs SET lease_until = $2 WHERE id IN (SELECT value FROM json_each($1)) AND worker = $3 "
    "AND state = 'running' RETURNING id, lease, cancel_requested";
static const char beat_postgres[] =
    "UPDATE jobs SET lease_until = $2 WHERE id = ANY (ARRAY (SELECT CAST(value AS bigint) FROM "
    "jsonb_array_elements_text(CAST($1 AS jsonb)))) AND worker = $3 "
    "AND state = 'running' RETURNING id, lease, cancel_requested";
static const Field beat_fields[] = {FIELD(Job, id), FIELD(Job, lease), FIELD(Job, cancel_requested)};
static const Record beat_record = RECORD(Job, beat_fields);

static void beat_ids(Buf *ids, Run *list) {
    int64_t now_us = mono_us();
    for (Run *r = list; r; r = r->next) {
        r->renewed = r->begun_us == 0 || now_us < r->overdue_us;
        if (!r->renewed) continue;
        if (ids->len > 1) buf_byte(ids, ',');
        buf_i64(ids, r->job.id.value);
    }
}

/* What the table says about one run. One that began meanwhile, or is overdue, was not asked about. */
static void beat_hear(Run *r, Rows rows) {
    bool asked = r->renewed, ours = false;
    r->renewed = false;
    for (ptrdiff_t i = 0; i < rows.count && !ours; i++) {
        const Job *job = (const Job *)rows.items + i;
        ours = id_eq(job->id, r->job.id) && job->lease == r->job.lease;
        if (ours) r->job.cancel_requested |= job->cancel_requested;
    }
    if (r->job.finished) return; /* its end is committed, its coroutine not yet back */
    r->lost |= asked && !ours;
    if (r->coro && (r->lost || r->job.cancel_requested)) coro_cancel(r->coro);
}

/* Say that this loop's jobs are alive; hear which were taken away or are to be cancelled. */
static Err *beat(Ctx *c, Dispatcher *d) {
    Buf ids = buf_new(c->arena, 512);
    buf_byte(&ids, '[');
    beat_ids(&ids, d->running);
    beat_ids(&ids, d->ready.first);
    buf_byte(&ids, ']');
    Rows rows;
    Time until = time_add(time_now(), workers.options.lease_ms * US_PER_MS);
    TRY(db_query(c, SQL2(beat_sqlite, beat_postgres), ARGS(V(buf_str(&ids)), V(until), V(workers.name)),
                 &beat_record, &rows));
    for (Run *r = d->running; r; r = r->next) beat_hear(r, rows);
    for (Run *r = d->ready.first; r; r = r->next) beat_hear(r, rows);
    return NULL;
}

static void beat_if_due(Ctx *c, Dispatcher *d) {
    if ((d->running_count == 0 && !d->ready.first) || mono_us() < d->beat_at_us) return;
    d->beat_at_us = mono_us() + workers.options.lease_ms / 3 * US_PER_MS;
    ArenaMark mark = arena_mark(c->arena);
    Defer *undo = c->defers;
    int64_t former = ctx_deadline_within(c, workers.options.lease_ms / 3);
    Err *err = beat(c, d);
    c->deadline_us = former;
    if (err) log_msg(c, LOG_WARN, "leases cannot be renewed: %.*s", S_ARG(err_text(c, err)));
    ctx_undo(c, undo);
    arena_release(c->arena, mark);
}

static void dispatcher_run(Ctx *c, void *arg) {
    Dispatcher *d = arg;
    int64_t beat_ms = max_i64(workers.options.lease_ms / 3, 1);
    assert(!d->running && !d->ready.first && !d->ended.first);
    d->failures = 0;
    d->usual_us = AHEAD_US;
    d->beat_at_us = mono_us() + beat_ms * US_PER_MS;
    while (!c->cancelled) {
        dispatch(c, d);
        beat_if_due(c, d);
        if (stopping() && d->running_count == 0 && !d->ready.first && !d->ended.first) break;
        /* After a failure the ended must not wait for the next wake-up. */
        int64_t pause_ms = d->failures ? min_i64(100 << min_i64(d->failures, 5), beat_ms) : beat_ms;
        signal_wait(c, &d->signal, pause_ms);
    }
    atomic_fetch_sub(&workers.alive, 1);
}

/* -- wake-ups ------------------------------------------------------------------------------------- */

static void wake_all(void) {
    for (int i = 0; i < workers.count; i++) signal_give(&workers.dispatchers[i].signal);
}

static void on_jobs(void *arg, Str payload) {
    (void)arg;
    wake_all();
    if (!str_eq(payload, S("now"))) keeper_look();
}

static void cancel_here(void *arg) {
    int64_t id = (int64_t)(intptr_t)arg;
    Dispatcher *d = &workers.dispatchers[loop_index(loop_here())];
    for (Run *r = d->ready.first; r; r = r->next) r->job.cancel_requested |= r->job.id.value == id;
    for (Run *r = d->running; r; r = r->next) {
        if (r->job.id.value != id) continue;
        r->job.cancel_requested = true;
        coro_cancel(r->coro);
    }
}

static void beat_here(void *arg) {
    (void)arg;
    Dispatcher *d = &workers.dispatchers[loop_index(loop_here())];
    d->beat_at_us = 0;
    signal_give_here(&d->signal);
}

static void on_cancel(void *arg, Str payload) {
    (void)arg;
    int64_t id;
    if (str_is_null(payload)) { /* some may have been missed: ask the table */
        for (int i = 0; i < workers.count; i++) loop_post(loop_at(i), beat_here, NULL);
        return;
    }
    if (!str_to_i64(payload, &id)) return;
    for (int i = 0; i < workers.count; i++) loop_post(loop_at(i), cancel_here, (void *)(intptr_t)id);
}

/* -- start and stop ------------------------------------------------------------------------------- */

static bool queue_wanted(Str wanted, Str queue) {
    if (str_is_empty(wanted)) return true;
    while (!str_is_null(wanted)) {
        Str one;
        wanted = str_cut(wanted, ',', &one);
        if (str_eq(str_trim(one), queue)) return true;
    }
    return false;
}

static Err *queues_choose(Ctx *c, Str wanted) {
    const char *known[QUEUES_MAX];
    ptrdiff_t count = kinds_queues(known);
    workers.queue_count = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        if (queue_wanted(wanted, str_c(known[i]))) workers.queues[workers.queue_count++] = str_c(known[i]);
    }
    for (Str rest = wanted, one; !str_is_empty(wanted) && !str_is_null(rest);) {
        rest = str_cut(rest, ',', &one);
        bool found = false;
        for (ptrdiff_t i = 0; i < count; i++) found |= str_eq(str_trim(one), str_c(known[i]));
        if (!found) FAIL(c, INVALID, "There is no queue called \"%.*s\".", S_ARG(str_trim(one)));
    }
    return NULL;
}

Err *workers_start(Ctx *c, Str queues, int64_t per_loop) {
    return workers_start_with(c, (WorkerOptions){.queues = queues, .per_loop = per_loop});
}

static WorkerOptions tuned;

void workers_tune(WorkerOptions usual) { tuned = usual; }

static int64_t first_set(int64_t asked, int64_t tuned_to, int64_t usual) {
    assert(asked >= 0 && tuned_to >= 0);
    return asked ? asked : tuned_to ? tuned_to : usual;
}

Err *workers_start_with(Ctx *c, WorkerOptions o) {
    assert(atomic_load(&workers.alive) == 0);
    TRY(queues_choose(c, o.queues));
    o.per_loop = first_set(o.per_loop, tuned.per_loop, PER_LOOP);
    o.lease_ms = first_set(o.lease_ms, tuned.lease_ms, LEASE_MS);
    o.poll_ms = first_set(o.poll_ms, tuned.poll_ms, POLL_MS);
    o.drain_ms = first_set(o.drain_ms, tuned.drain_ms, DRAIN_MS);
    free((void *)(uintptr_t)workers.name.data);
    workers.name = heap_copy(uuid_v7(c->arena));
    workers.options = o;
    workers.app = c->app;
    atomic_store(&workers.stopping, false);
    atomic_store(&workers.strangers, false);
    workers.count = loop_count();
    atomic_store(&workers.alive, workers.count);
    for (int i = 0; i < workers.count; i++) {
        Dispatcher *d = &workers.dispatchers[i];
        if (!d->signal.loop) signal_init(&d->signal, loop_at(i)); /* a late wake-up may still be on its way */
        coro_spawn_on(loop_at(i),
                      (CoroOptions){.name = "job dispatcher", .budget_bytes = 128 * MIB, .app = c->app},
                      dispatcher_run, d);
    }
    keeper_start((KeeperOptions){.poll_ms = o.poll_ms, .reclaim_ms = max_i64(o.lease_ms / 3, 100),
                                 .wake = wake_all, .app = c->app});
    scheduler_start(c);
    db_listen(c, "jobs", on_jobs, NULL);
    db_listen(c, "jobs_cancel", on_cancel, NULL);
    return NULL;
}

static void give_back_here(void *arg) {
    (void)arg;
    Dispatcher *d = &workers.dispatchers[loop_index(loop_here())];
    for (Run *r = d->running; r; r = r->next) {
        r->given_back = true;
        coro_cancel(r->coro);
    }
}

/* Until every dispatcher has ended or the time is over. */
static void ended_wait(Ctx *c, int64_t ms) {
    int64_t end_us = mono_us() + ms * US_PER_MS;
    Err *err = NULL;
    while (!err && atomic_load(&workers.alive) > 0 && mono_us() < end_us) err = sleep_ms(c, STOP_LOOK_MS);
}

static const char give_back_sql[] =
    "UPDATE jobs SET state = 'waiting', due = $2, attempts = attempts - 1, lease_until = NULL, "
    "worker = NULL WHERE worker = $1 AND state = 'running'";

void workers_stop(Ctx *c) {
    if (workers.count == 0) return;
    scheduler_stop(c);
    atomic_store(&workers.stopping, true);
    wake_all();
    ended_wait(c, workers.options.drain_ms);
    if (atomic_load(&workers.alive) > 0) {
        for (int i = 0; i < workers.count; i++) loop_post(loop_at(i), give_back_here, NULL);
        ended_wait(c, CANCEL_MS);
    }
    keeper_stop(c);
    if (atomic_load(&workers.alive) == 0) return;
    /* Some do not come back even when cancelled. Their end will be refused: the row has moved on. */
    Err *err = db_exec(c, SQL(give_back_sql), ARGS(V(workers.name), value_bool(true)), NULL);
    if (err) log_msg(c, LOG_WARN, "jobs could not be given back: %.*s", S_ARG(err_text(c, err)));
}
