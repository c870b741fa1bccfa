/* SPDX-License-Identifier: Apache-2.0
 * The scheduler: one coroutine a process sleeps until the next tick of any schedule, then tries
 * to insert the tick's row. The node whose insert succeeds asks for the job; the others go on
 * sleeping. */
#include "work/schedule.h"

#include "core/log.h"
#include "core/time.h"
#include "work/room.h"
#include "work/zone.h"

enum { SCHEDULES_MAX = 256, LOOK_MS = 10 * 1000, STATEMENT_MS = 20 * 1000, HISTORY_DAYS = 30 };

typedef struct Entry {
    const Schedule *schedule;
    Cron cron;
    Time last, next;
} Entry;

static struct {
    Entry entries[SCHEDULES_MAX];
    ptrdiff_t count;
    Signal signal;
    atomic_bool stopping, alive;
    Coro *coro;
} scheduler;

static const Field state_fields[] = {
    FIELD(ScheduleState, name),
    FIELD(ScheduleState, cron),
    FIELD(ScheduleState, zone, .doc = "IANA time zone"),
    FIELD(ScheduleState, job, .doc = "Kind of the job asked for"),
    FIELD(ScheduleState, doc),
    FIELD(ScheduleState, last_tick, .flags = F_NULLABLE),
    FIELD(ScheduleState, last_job_id, .flags = F_NULLABLE),
    FIELD(ScheduleState, next_tick, .flags = F_NULLABLE),
};
const Record schedule_record =
    RECORD(ScheduleState, state_fields, .doc = "Asks for a job at set times");

/* -- the table -------------------------------------------------------------------------------- */

typedef struct Tick {
    Str name;
    Time tick;
    Id job_id;
} Tick;
static const Field tick_fields[] = {FIELD(Tick, name), FIELD(Tick, tick), FIELD(Tick, job_id)};
static const Record tick_record = RECORD(Tick, tick_fields);

static const char latest_sql[] =
    "SELECT name, tick, job_id FROM schedule_ticks WHERE name = $1 ORDER BY tick DESC LIMIT 1";
static const char insert_sql[] =
    "INSERT INTO schedule_ticks (name, tick) VALUES ($1, $2) ON CONFLICT (name, tick) DO NOTHING";
static const char job_sql[] = "UPDATE schedule_ticks SET job_id = $3 WHERE name = $1 AND tick = $2";
static const char forget_sql[] = "DELETE FROM schedule_ticks WHERE name = $1 AND tick < $2";

/* The last firing, or the moment the schedule became known, which is now if it was not. */
static Err *entry_load(Ctx *c, Entry *e) {
    Tick tick;
    bool found;
    Str name = str_c(e->schedule->name);
    TRY(db_maybe(c, SQL(latest_sql), ARGS(V(name)), &tick_record, &tick, &found));
    if (!found) {
        tick.tick = time_now();
        TRY(db_exec(c, SQL(insert_sql), ARGS(V(name), V(tick.tick)), NULL));
    }
    e->last = tick.tick;
    e->next = cron_next(&e->cron, e->schedule->zone, e->last);
    return NULL;
}

typedef struct Firing {
    const Entry *entry;
    Time tick;
    Id job;
} Firing;

static Err *fire_in(Ctx *c, void *arg) {
    Firing *f = arg;
    const Schedule *s = f->entry->schedule;
    Str name = str_c(s->name);
    ptrdiff_t changed;
    f->job = (Id){0};
    TRY(db_exec(c, SQL(insert_sql), ARGS(V(name), V(f->tick)), &changed));
    if (changed == 0) return NULL; /* another node was first */
    JobOptions options = {.unique_key = strf(c->arena, "schedule:%s", s->name)};
    TRY(job_add(c, s->job, S("{}"), options, &f->job));
    TRY(db_exec(c, SQL(job_sql), ARGS(V(name), V(f->tick), V(f->job)), NULL));
    Time old = time_add(f->tick, -HISTORY_DAYS * US_PER_DAY);
    return db_exec(c, SQL(forget_sql), ARGS(V(name), V(old)), NULL);
}

static Err *entry_fire(Ctx *c, Entry *e) {
    Firing f = {.entry = e, .tick = cron_latest(&e->cron, e->schedule->zone, e->last, time_now())};
    if (time_is_null(f.tick)) return NULL;
    TRY(db_transaction(c, fire_in, &f));
    if (!id_is_none(f.job)) {
        log_msg(c, LOG_INFO, "schedule %s asked for job %lld", e->schedule->name,
                (long long)f.job.value);
    }
    e->last = f.tick;
    e->next = cron_next(&e->cron, e->schedule->zone, e->last);
    return NULL;
}

/* -- the coroutine ---------------------------------------------------------------------------- */

/* Fire what is due; *pause_ms until there is something again. */
static Err *look(Ctx *c, int64_t *pause_ms) {
    *pause_ms = LOOK_MS; /* no longer: the clock may be set */
    for (ptrdiff_t i = 0; i < scheduler.count; i++) {
        Entry *e = &scheduler.entries[i];
        if (time_is_null(e->last)) TRY(entry_load(c, e));
        if (time_is_null(e->next)) continue;
        if (e->next.us <= time_now().us) TRY(entry_fire(c, e));
        if (time_is_null(e->next)) continue;
        int64_t left_ms = (e->next.us - time_now().us + 999) / US_PER_MS;
        *pause_ms = min_i64(*pause_ms, max_i64(left_ms, 1));
    }
    return NULL;
}

static void scheduler_run(Ctx *c, void *arg) {
    (void)arg;
    while (!atomic_load(&scheduler.stopping) && !rt_stopping() && !c->cancelled) {
        ArenaMark mark = arena_mark(c->arena);
        Defer *undo = c->defers;
        int64_t pause_ms, former = ctx_deadline_within(c, STATEMENT_MS);
        Err *err = look(c, &pause_ms);
        c->deadline_us = former;
        if (err && err->kind != ERR_CANCELLED)
            log_msg(c, LOG_WARN, "a schedule could not fire: %.*s", S_ARG(err_text(c, err)));
        ctx_undo(c, undo);
        arena_release(c->arena, mark);
        signal_wait(c, &scheduler.signal, err ? 1000 : pause_ms);
    }
    atomic_store(&scheduler.alive, false);
}

static Err *entry_check(Ctx *c, const Schedule *s, Cron *cron) {
    assert(s->name && s->cron && s->job);
    if (!cron_parse(str_c(s->cron), cron))
        FAIL(c, INVALID, "Schedule %s: \"%s\" is no cron expression.", s->name, s->cron);
    if (!zone_find(s->zone))
        FAIL(c, INVALID, "Schedule %s: there is no time zone \"%s\" (is tzdata installed?).",
             s->name, s->zone);
    if (!job_kind(str_c(s->job)))
        FAIL(c, INVALID, "Schedule %s: there is no kind of job called %s.", s->name, s->job);
    return NULL;
}

Err *schedules_set(Ctx *c, const Schedule *const *tables, const ptrdiff_t *counts, ptrdiff_t n) {
    assert(!atomic_load(&scheduler.alive));
    scheduler.count = 0;
    for (ptrdiff_t t = 0; t < n; t++) {
        for (ptrdiff_t i = 0; i < counts[t]; i++) {
            assert(scheduler.count < SCHEDULES_MAX);
            Entry *e = &scheduler.entries[scheduler.count++];
            *e = (Entry){.schedule = &tables[t][i], .last = TIME_NULL, .next = TIME_NULL};
            TRY(entry_check(c, e->schedule, &e->cron));
        }
    }
    return NULL;
}

void scheduler_start(Ctx *c) {
    assert(!atomic_load(&scheduler.alive));
    for (ptrdiff_t i = 0; i < scheduler.count; i++) scheduler.entries[i].last = TIME_NULL;
    if (!scheduler.signal.loop) signal_init(&scheduler.signal, loop_here());
    atomic_store(&scheduler.stopping, false);
    atomic_store(&scheduler.alive, true);
    scheduler.coro = coro_spawn((CoroOptions){.name = "scheduler", .app = c->app, .service = true},
                                scheduler_run, NULL);
}

void scheduler_stop(Ctx *c) {
    atomic_store(&scheduler.stopping, true);
    signal_give(&scheduler.signal);
    service_end(c, &scheduler.alive, scheduler.coro);
}

Err *schedule_list(Ctx *c, ScheduleState **out, ptrdiff_t *count) {
    ScheduleState *states = arena_array(c->arena, ScheduleState, max_size(scheduler.count, 1));
    for (ptrdiff_t i = 0; i < scheduler.count; i++) {
        const Entry *e = &scheduler.entries[i];
        const Schedule *s = e->schedule;
        Tick tick = {.tick = TIME_NULL};
        bool found;
        TRY(db_maybe(c, SQL(latest_sql), ARGS(V(str_c(s->name))), &tick_record, &tick, &found));
        bool fired = found && !id_is_none(tick.job_id);
        states[i] = (ScheduleState){.name = str_c(s->name),
                                    .cron = str_c(s->cron),
                                    .zone = str_c(s->zone ? s->zone : "UTC"),
                                    .job = str_c(s->job),
                                    .doc = s->doc ? str_c(s->doc) : S(""),
                                    .last_tick = fired ? tick.tick : TIME_NULL,
                                    .last_job_id = fired ? tick.job_id : (Id){0},
                                    .next_tick = cron_next(&e->cron, s->zone, time_now())};
    }
    *out = states;
    *count = scheduler.count;
    return NULL;
}
