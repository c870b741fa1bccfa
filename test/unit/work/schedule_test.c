/* SPDX-License-Identifier: Apache-2.0
 * The scheduler, on both engines, with a wall clock of the test's own. */
#include "work/schedule.h"

#include "work/jobs.h"
#include "work_world.h"

static atomic_int runs;

static Err *run_tick(Ctx *c, Job *job) {
    (void)c;
    (void)job;
    atomic_fetch_add(&runs, 1);
    return NULL;
}

static const JobKind kinds[] = {{.name = "test.tick", .run = run_tick}};
static const Schedule every_minute[] = {
    {.name = "minutely", .cron = "* * * * *", .job = "test.tick", .doc = "Every minute"},
    {.name = "yearly", .cron = "0 5 1 1 *", .zone = "Europe/Paris", .job = "test.tick"},
};
static const int64_t noon = 1800014400 * US_PER_SECOND; /* 2027-01-15T12:00:00Z */

static bool begin(Ctx *c) {
    const JobKind *tables[] = {kinds};
    const Schedule *schedules[] = {every_minute};
    ptrdiff_t one = 1, two = 2;
    jobs_kinds_set(tables, &one, 1);
    atomic_store(&runs, 0);
    return GOOD(schedules_set(c, schedules, &two, 1));
}

static void start_at(Ctx *c, int64_t us) {
    time_freeze((Time){us});
    GOOD(workers_start_with(c, (WorkerOptions){.poll_ms = 50}));
}

static void stop(Ctx *c) {
    workers_stop(c);
    time_freeze(TIME_NULL);
}

/* Wait until so many ticks of the schedule are known. */
static void wait_ticks(Ctx *c, int64_t wanted) {
    int64_t got = 0;
    for (int64_t until = mono_us() + 10 * US_PER_SECOND; got < wanted && mono_us() < until;) {
        got = count_rows(c, "SELECT count(*) FROM schedule_ticks WHERE name = 'minutely'");
        if (got < wanted && !GOOD(sleep_ms(c, 5))) return;
    }
    CHECK_INT(got, wanted);
}

static Time last_tick(Ctx *c) {
    ScheduleState *states;
    ptrdiff_t count;
    if (!GOOD(schedule_list(c, &states, &count)) || !CHECK(count == 2)) return TIME_NULL;
    return states[0].last_tick;
}

WORK(a_new_schedule_waits_for_its_next_tick) {
    if (!begin(c)) return;
    start_at(c, noon + 59900 * US_PER_MS);
    wait_ticks(c, 1); /* known, not fired */
    CHECK(time_is_null(last_tick(c)));
    CHECK_INT(atomic_load(&runs), 0);
    time_freeze((Time){noon + 60 * US_PER_SECOND});
    CHECK(reaches(c, &runs, 1));
    CHECK_INT(last_tick(c).us, noon + 60 * US_PER_SECOND);
    stop(c);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs"), 1);
}

WORK(missed_ticks_fire_once_as_the_latest) {
    if (!begin(c)) return;
    start_at(c, noon);
    wait_ticks(c, 1);
    workers_stop(c);
    start_at(c, noon + 90 * US_PER_DAY + 30 * US_PER_SECOND);
    CHECK(reaches(c, &runs, 1));
    wait_ticks(c, 1); /* the first row was older than the history kept */
    CHECK_INT(last_tick(c).us, noon + 90 * US_PER_DAY);
    stop(c);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs WHERE payload IS NOT NULL"), 1);
}

WORK(a_tick_that_another_node_fired_makes_no_second_job) {
    if (!begin(c)) return;
    start_at(c, noon + 59900 * US_PER_MS);
    wait_ticks(c, 1);
    MUST(db_exec(c,
                 SQL("INSERT INTO schedule_ticks (name, tick, job_id) VALUES ('minutely', $1, 77)"),
                 ARGS(V((Time){noon + 60 * US_PER_SECOND})), NULL));
    time_freeze((Time){noon + 60 * US_PER_SECOND});
    GOOD(sleep_ms(c, 400));
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs"), 0);
    workers_stop(c);
    start_at(c, noon + 120 * US_PER_SECOND);
    CHECK(reaches(c, &runs, 1));
    stop(c);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs"), 1);
}

WORK(while_its_job_waits_no_second_is_made) {
    if (!begin(c)) return;
    start_at(c, noon);
    wait_ticks(c, 1);
    workers_stop(c);
    JobOptions options = {.unique_key = S("schedule:minutely"), .delay_ms = 3600 * 1000};
    GOOD(job_add(c, "test.tick", S("{}"), options, NULL));
    start_at(c, noon + 60 * US_PER_SECOND);
    wait_ticks(c, 2);
    stop(c);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs"), 1);
    CHECK_INT(atomic_load(&runs), 0);
}

WORK(schedules_show_how_they_stand) {
    if (!begin(c)) return;
    time_freeze((Time){noon});
    ScheduleState *states;
    ptrdiff_t count;
    GOOD(schedule_list(c, &states, &count));
    REQUIRE(count == 2);
    CHECK_STR(states[1].name, S("yearly"));
    CHECK_STR(states[1].zone, S("Europe/Paris"));
    CHECK_STR(time_str(c->arena, states[1].next_tick), S("2028-01-01T04:00:00Z"));
    time_freeze(TIME_NULL);
}

WORK(a_wrong_schedule_is_named_at_start) {
    if (!begin(c)) return;
    static const Schedule bad[][1] = {
        {{.name = "x", .cron = "61 * * * *", .job = "test.tick"}},
        {{.name = "x", .cron = "* * * * *", .zone = "Mars/Olympus", .job = "test.tick"}},
        {{.name = "x", .cron = "* * * * *", .job = "test.nobody"}},
    };
    for (int i = 0; i < COUNT(bad); i++) {
        const Schedule *tables[] = {bad[i]};
        ptrdiff_t one = 1;
        FAILS(schedules_set(c, tables, &one, 1), INVALID);
    }
    begin(c);
}

T_MAIN(BOTH_ROWS(a_new_schedule_waits_for_its_next_tick),
       BOTH_ROWS(missed_ticks_fire_once_as_the_latest),
       BOTH_ROWS(a_tick_that_another_node_fired_makes_no_second_job),
       BOTH_ROWS(while_its_job_waits_no_second_is_made), BOTH_ROWS(schedules_show_how_they_stand),
       BOTH_ROWS(a_wrong_schedule_is_named_at_start))
