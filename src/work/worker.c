/* SPDX-License-Identifier: Apache-2.0
 * The workers of a process: their dispatchers, heartbeats, wake-ups, start and stop. What they
 * are is told in worker_room.h. */
#include "core/log.h"
#include "core/time.h"
#include "work/worker_room.h"
#include "work/schedule.h"

enum {
    PER_LOOP = 64,
    LEASE_MS = 30 * 1000,
    POLL_MS = 1000,
    DRAIN_MS = 25 * 1000,
    CANCEL_MS = 3000, /* for what is cancelled to come back */
    STATEMENT_MS = 20 * 1000,
    STOP_LOOK_MS = 10
};

Workers workers;

bool workers_stopping(void) { return atomic_load(&workers.stopping) || rt_stopping(); }

/* -- the dispatcher --------------------------------------------------------------------------- */

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

static const char beat_sqlite[] = "UPDATE jobs SET lease_until = $2 WHERE id IN (SELECT value FROM "
                                  "json_each($1)) AND worker = $3 "
                                  "AND state = 'running' RETURNING id, lease, cancel_requested";
static const char beat_postgres[] =
    "UPDATE jobs SET lease_until = $2 WHERE id = ANY (ARRAY (SELECT CAST(value AS bigint) FROM "
    "jsonb_array_elements_text(CAST($1 AS jsonb)))) AND worker = $3 "
    "AND state = 'running' RETURNING id, lease, cancel_requested";
static const Field beat_fields[] = {FIELD(Job, id), FIELD(Job, lease),
                                    FIELD(Job, cancel_requested)};
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

/* What the table says about one run. One that began meanwhile, or is overdue, was not asked
 * about. */
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
    TRY(db_query(c, SQL2(beat_sqlite, beat_postgres),
                 ARGS(V(buf_str(&ids)), V(until), V(workers.name)), &beat_record, &rows));
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
        if (workers_stopping() && d->running_count == 0 && !d->ready.first && !d->ended.first)
            break;
        /* After a failure the ended must not wait for the next wake-up. */
        int64_t pause_ms = d->failures ? min_i64(100 << min_i64(d->failures, 5), beat_ms) : beat_ms;
        signal_wait(c, &d->signal, pause_ms);
    }
    atomic_fetch_sub(&workers.alive, 1);
}

/* -- wake-ups --------------------------------------------------------------------------------- */

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
    for (int i = 0; i < workers.count; i++)
        loop_post(loop_at(i), cancel_here, (void *)(intptr_t)id);
}

/* -- start and stop --------------------------------------------------------------------------- */

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
        if (queue_wanted(wanted, str_c(known[i])))
            workers.queues[workers.queue_count++] = str_c(known[i]);
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
        if (!d->signal.loop)
            signal_init(&d->signal, loop_at(i)); /* a late wake-up may still be on its way */
        coro_spawn_on(
            loop_at(i),
            (CoroOptions){.name = "job dispatcher", .budget_bytes = 128 * MIB, .app = c->app},
            dispatcher_run, d);
    }
    keeper_start((KeeperOptions){.poll_ms = o.poll_ms,
                                 .reclaim_ms = max_i64(o.lease_ms / 3, 100),
                                 .wake = wake_all,
                                 .app = c->app});
    scheduler_start(c);
    db_listen(c, "jobs", on_jobs, NULL);
    db_listen(c, "jobs_cancel", on_cancel, NULL);
    return NULL;
}

/* arg NULL: all; else only those that would outlast the drain. */
static void give_back_here(void *arg) {
    Dispatcher *d = &workers.dispatchers[loop_index(loop_here())];
    for (Run *r = d->running; r; r = r->next) {
        if (arg && !(r->kind && r->kind->outlasts_drain)) continue;
        r->given_back = true;
        coro_cancel(r->coro);
    }
}

/* Until every dispatcher has ended or the time is over. */
static void ended_wait(Ctx *c, int64_t ms) {
    int64_t end_us = mono_us() + ms * US_PER_MS;
    Err *err = NULL;
    while (!err && atomic_load(&workers.alive) > 0 && mono_us() < end_us)
        err = sleep_ms(c, STOP_LOOK_MS);
}

static const char give_back_sql[] =
    "UPDATE jobs SET state = 'waiting', due = $2, attempts = attempts - 1, lease_until = NULL, "
    "worker = NULL WHERE worker = $1 AND state = 'running'";

void workers_stop(Ctx *c) {
    if (workers.count == 0) return;
    scheduler_stop(c);
    atomic_store(&workers.stopping, true);
    wake_all();
    for (int i = 0; i < workers.count; i++) loop_post(loop_at(i), give_back_here, &workers);
    ended_wait(c, workers.options.drain_ms);
    if (atomic_load(&workers.alive) > 0) {
        for (int i = 0; i < workers.count; i++) loop_post(loop_at(i), give_back_here, NULL);
        ended_wait(c, CANCEL_MS);
    }
    keeper_stop(c);
    if (atomic_load(&workers.alive) == 0) return;
    /* Some do not come back even when cancelled. Their end will be refused: the row has moved
     * on. */
    Err *err = db_exec(c, SQL(give_back_sql), ARGS(V(workers.name), value_bool(true)), NULL);
    if (err) log_msg(c, LOG_WARN, "jobs could not be given back: %.*s", S_ARG(err_text(c, err)));
}
