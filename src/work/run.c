/* SPDX-License-Identifier: Apache-2.0
 * One run of a job, from its claim to the ending that is to be written. */
#include <inttypes.h>

#include "core/log.h"
#include "core/time.h"
#include "work/worker_room.h"

enum {
    OVERDUE_MS = 60 * 1000, /* a run so long over its time is no longer vouched for */
    UNKNOWN_MS = 30 * 1000,
    CLAIM_MAX = 256,
    AHEAD_WAIT_US = 1000 * 1000, /* what was claimed ahead is given back after this */
    AHEAD_MAX = 512,
    RUN_BUDGET = 64 * 1024 * 1024
};

Str heap_copy(Str s) {
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

void run_free(Run *r) {
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
    if (r->prev)
        r->prev->next = r->next;
    else
        d->running = r->next;
    if (r->next) r->next->prev = r->prev;
    r->prev = r->next = NULL;
    d->running_count--;
}

void list_add(RunList *list, Run *r) {
    r->next = NULL;
    if (list->last)
        list->last->next = r;
    else
        list->first = r;
    list->last = r;
    list->count++;
}

Run *list_take(RunList *list) {
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
        log_msg(c, LOG_WARN,
                "job %" PRId64 " (%s) failed, attempt %" PRId64 " of %" PRId64 ", again in %" PRId64
                " ms: %.*s",
                job->id.value, r->kind->name, job->attempts, job->max_attempts, r->delay_ms,
                S_ARG(why));
        return ENDING_AGAIN;
    }
    log_msg(c, LOG_ERROR, "job %" PRId64 " (%s) is dead after attempt %" PRId64 ": %.*s",
            job->id.value, r->kind->name, job->attempts, S_ARG(why));
    return ENDING_DEAD;
}

/* Another worker has it, or its end is in the table: that is what becomes of it. This run is noted as lost,
 * whatever error it came back with, for neither is the job dead nor will this worker try it again. */
static void taken_note(Ctx *c, Run *r) {
    if (!r->job.taken || r->job.finished) return;
    r->lost = true;
    log_msg(c, LOG_WARN,
            "job %" PRId64
            " (%s) is not this run's any more: its worker was silent too long, or its end "
            "is committed already. What this run would have written last is undone",
            r->job.id.value, r->kind->name);
}

static Ending ending_of(Ctx *c, Run *r, Err *err) {
    taken_note(c, r);
    if (r->job.finished || r->lost) {
        if (err && !r->lost) {
            log_msg(c, LOG_WARN, "job %" PRId64 " (%s) had finished, then failed: %.*s",
                    r->job.id.value, r->kind->name, S_ARG(err_text(c, err)));
        }
        return ENDING_KNOWN;
    }
    Str result = r->job.result.text;
    if (!err && result.len > JOB_TEXT_MAX)
        err =
            err_new(c, ERR_TOO_LARGE, r->kind->name, "The result is over %d bytes.", JOB_TEXT_MAX);
    if (err) return ending_of_error(c, r, err);
    r->result = heap_copy(result);
    r->note = heap_copy(r->job.progress_note);
    return ENDING_DONE;
}

/* -- Counting ---------------------------------------------------------------------------------- */

const int64_t job_time_bounds_us[JOB_TIME_BOUNDS] = {1000,
                                                     10 * 1000,
                                                     100 * 1000,
                                                     US_PER_SECOND,
                                                     5 * US_PER_SECOND,
                                                     US_PER_SECOND * 30,
                                                     US_PER_SECOND * 120,
                                                     US_PER_SECOND * 600,
                                                     US_PER_SECOND * 3600};

typedef enum RunResult { RUN_DONE, RUN_LOST, RUN_OTHER, RUN_RESULTS = RUN_OTHER + 6 } RunResult;

static struct { _Atomic int64_t results[RUN_RESULTS], times[JOB_TIME_BOUNDS + 1], sum_us; } counted;

static void count_one(_Atomic int64_t *at, int64_t n) {
    atomic_fetch_add_explicit(at, n, memory_order_relaxed);
}

static void run_count(const Run *r, int64_t took_us) {
    int place = 0;
    while (place < JOB_TIME_BOUNDS && took_us > job_time_bounds_us[place]) place++;
    count_one(&counted.times[place], 1);
    count_one(&counted.sum_us, took_us);
    RunResult result = r->ending != ENDING_KNOWN ? RUN_OTHER + (int)r->ending
                       : r->lost                 ? RUN_LOST
                                                 : RUN_DONE;
    count_one(&counted.results[result], 1);
}

JobRuns job_runs(void) {
    JobRuns out = {
        .done = counted.results[RUN_DONE] + counted.results[RUN_OTHER + ENDING_DONE],
        .again = counted.results[RUN_OTHER + ENDING_AGAIN],
        .dead = counted.results[RUN_OTHER + ENDING_DEAD],
        .cancelled = counted.results[RUN_OTHER + ENDING_CANCELLED],
        .given_back = counted.results[RUN_OTHER + ENDING_BACK],
        .lost = counted.results[RUN_LOST],
        .sum_us = counted.sum_us,
    };
    for (int i = 0; i <= JOB_TIME_BOUNDS; i++) out.times[i] = counted.times[i];
    return out;
}

/* -- Running ----------------------------------------------------------------------------------- */

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
    int64_t took_us = max_i64(mono_us() - r->begun_us, 0);
    run_count(r, took_us);
    d->usual_us += (took_us - d->usual_us) / 16;
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

void runs_begin(Dispatcher *d) {
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

void run_claimed(Dispatcher *d, const Job *claimed) {
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

int64_t runs_room(Dispatcher *d) {
    if (workers_stopping()) {
        ready_give_back(d);
        return 0;
    }
    if (d->ready.first && mono_us() - d->ready.first->claimed_us > AHEAD_WAIT_US)
        ready_give_back(d);
    int64_t places = workers.options.per_loop, us = max_i64(d->usual_us, 1);
    int64_t ahead = us >= AHEAD_US ? 0 : min_i64(places * (AHEAD_US / us), AHEAD_MAX);
    return min_i64(places + ahead - d->running_count - d->ready.count, CLAIM_MAX);
}
