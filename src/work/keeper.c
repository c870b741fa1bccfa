/* SPDX-License-Identifier: Apache-2.0
 * The keeper: one coroutine a process that does what no single job asks for. Every node has one;
 * all of its statements are safe beside another node's. */
#include "core/log.h"
#include "core/time.h"
#include "work/ledger.h"
#include "work/room.h"

enum { PURGE_MS = 60 * 1000, STATEMENT_MS = 20 * 1000, PROMOTE_BATCH = 1000 };

static struct {
    KeeperOptions options;
    Signal signal;
    atomic_bool stopping, alive;
    Coro *coro;
    int64_t poll_at_us, reclaim_at_us, purge_at_us;
    int64_t due_at_us; /* wall clock; 0: nothing is delayed */
} keeper;

/* -- delayed jobs ----------------------------------------------------------------------------- */

#define EARLIEST(not_due) "SELECT min(run_at) FROM jobs WHERE state = 'waiting' AND " not_due
#define PROMOTE(not_due, locking)                                                        \
    "UPDATE jobs SET due = $1 WHERE id IN (SELECT id FROM jobs WHERE state = 'waiting' " \
    "AND " not_due " AND run_at <= $2 ORDER BY run_at LIMIT $3" locking ")"

static Err *promote_in(Ctx *c, void *arg) {
    ptrdiff_t *changed = arg;
    TRY(db_exec(c, SQL2(PROMOTE("due = 0", ""), PROMOTE("NOT due", " FOR UPDATE SKIP LOCKED")),
                ARGS(value_bool(true), V(time_now()), V((int64_t)PROMOTE_BATCH)), changed));
    return *changed ? db_notify(c, "jobs", S("now")) : NULL;
}

static Err *promote(Ctx *c) {
    for (;;) {
        TRY(db_int(c, SQL2(EARLIEST("due = 0"), EARLIEST("NOT due")), NO_ARGS, &keeper.due_at_us));
        if (keeper.due_at_us == 0 || keeper.due_at_us > time_now().us) return NULL;
        ptrdiff_t changed = 0;
        TRY(db_transaction(c, promote_in, &changed));
        if (changed == 0) return NULL; /* another node has them in hand */
        keeper.options.wake();
    }
}

/* -- jobs of the dead ------------------------------------------------------------------------- */

static const char reclaim_sql[] =
    "UPDATE jobs SET "
    "state = CASE WHEN cancel_requested = $3 THEN 'cancelled' "
    "WHEN attempts >= max_attempts THEN 'dead' ELSE 'waiting' END, "
    "finished_at = CASE WHEN cancel_requested = $3 OR attempts >= max_attempts THEN $1 END, "
    "keep_until = CASE WHEN cancel_requested = $3 OR attempts >= max_attempts THEN $2 END, "
    "due = $3, error = 'The worker that ran it went silent.', lease_until = NULL, worker = NULL "
    "WHERE state = 'running' AND lease_until < $1 "
    "RETURNING id, kind, state, attempts, max_attempts";

static const Field lost_fields[] = {FIELD(Job, id), FIELD(Job, kind), FIELD(Job, state),
                                    FIELD(Job, attempts), FIELD(Job, max_attempts)};
static const Record lost_record = RECORD(Job, lost_fields);

static Err *reclaim_in(Ctx *c, void *arg) {
    Rows *lost = arg;
    Time now = time_now(), keep = time_add(now, kind_dead_keep_ms(NULL) * US_PER_MS);
    TRY(db_query(c, SQL(reclaim_sql), ARGS(V(now), V(keep), value_bool(true)), &lost_record, lost));
    return lost->count ? db_notify(c, "jobs", S("now")) : NULL;
}

static Err *reclaim(Ctx *c) {
    Rows lost = {0};
    TRY(db_transaction(c, reclaim_in, &lost));
    for (ptrdiff_t i = 0; i < lost.count; i++) {
        const Job *job = (const Job *)lost.items + i;
        log_msg(c, LOG_WARN,
                "job %lld (%.*s) was taken from a silent worker: attempt %lld of %lld, now %.*s",
                (long long)job->id.value, S_ARG(job->kind), (long long)job->attempts,
                (long long)job->max_attempts, S_ARG(job->state));
    }
    if (lost.count) keeper.options.wake();
    return NULL;
}

/* -- old ones --------------------------------------------------------------------------------- */

static const char purge_sql[] =
    "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state = $1 AND keep_until IS NOT NULL "
    "AND keep_until < $2 ORDER BY keep_until LIMIT $3)";

static Err *purge(Ctx *c) {
    static const char *const ended[] = {"done", "dead", "cancelled"};
    for (ptrdiff_t i = 0; i < COUNT(ended); i++) {
        ptrdiff_t changed;
        do {
            TRY(db_exec(c, SQL(purge_sql),
                        ARGS(V(str_c(ended[i])), V(time_now()), V((int64_t)HOUSEKEEPING_BATCH)),
                        &changed));
        } while (changed == HOUSEKEEPING_BATCH && !atomic_load(&keeper.stopping));
    }
    ptrdiff_t forgotten;
    do TRY(ledger_purge(c, &forgotten));
    while (forgotten == HOUSEKEEPING_BATCH && !atomic_load(&keeper.stopping));
    return NULL;
}

/* -- the loop --------------------------------------------------------------------------------- */

static bool time_for(int64_t *at_us, int64_t every_ms) {
    int64_t now_us = mono_us();
    if (now_us < *at_us) return false;
    *at_us = now_us + every_ms * US_PER_MS;
    return true;
}

static Err *keep_house(Ctx *c) {
    if (time_for(&keeper.poll_at_us, keeper.options.poll_ms)) keeper.options.wake();
    TRY(promote(c));
    if (time_for(&keeper.reclaim_at_us, keeper.options.reclaim_ms)) TRY(reclaim(c));
    if (time_for(&keeper.purge_at_us, PURGE_MS)) TRY(purge(c));
    return NULL;
}

static int64_t pause_ms(void) {
    int64_t ms = min_i64(keeper.options.poll_ms, keeper.options.reclaim_ms);
    if (keeper.due_at_us) ms = min_i64(ms, (keeper.due_at_us - time_now().us + 999) / US_PER_MS);
    return max_i64(ms, 1);
}

static void keeper_run(Ctx *c, void *arg) {
    (void)arg;
    while (!atomic_load(&keeper.stopping) && !rt_stopping() && !c->cancelled) {
        ArenaMark mark = arena_mark(c->arena);
        Defer *undo = c->defers;
        int64_t former = ctx_deadline_within(c, STATEMENT_MS);
        Err *err = keep_house(c);
        c->deadline_us = former;
        if (err && err->kind != ERR_CANCELLED)
            log_msg(c, LOG_WARN, "keeping the jobs failed: %.*s", S_ARG(err_text(c, err)));
        ctx_undo(c, undo);
        arena_release(c->arena, mark);
        signal_wait(c, &keeper.signal, err ? keeper.options.poll_ms : pause_ms());
    }
    keeper.options.wake(); /* let the workers see that the process stops */
    atomic_store(&keeper.alive, false);
}

void keeper_start(KeeperOptions options) {
    assert(options.wake && options.poll_ms > 0 && options.reclaim_ms > 0);
    assert(!atomic_load(&keeper.alive));
    keeper.options = options;
    keeper.poll_at_us = keeper.reclaim_at_us = keeper.due_at_us = 0;
    keeper.purge_at_us = mono_us() + PURGE_MS * US_PER_MS;
    if (!keeper.signal.loop) signal_init(&keeper.signal, loop_here());
    atomic_store(&keeper.stopping, false);
    atomic_store(&keeper.alive, true);
    keeper.coro = coro_spawn(
        (CoroOptions){.name = "job keeper", .budget_bytes = 32 * MIB, .app = options.app},
        keeper_run, NULL);
}

void keeper_look(void) { signal_give(&keeper.signal); }

void keeper_stop(Ctx *c) {
    atomic_store(&keeper.stopping, true);
    signal_give(&keeper.signal);
    service_end(c, &keeper.alive, keeper.coro);
}
