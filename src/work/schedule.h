/* SPDX-License-Identifier: Apache-2.0
 * Schedules: cron expressions with a time zone that ask for jobs. One node fires each tick: the
 * tick is a row with a unique key, in one transaction with the job. Missed ticks (machine off)
 * fire once, as the latest of them. While the job of an earlier tick waits or runs, no second
 * one is made. */
#ifndef SOCLE_WORK_SCHEDULE_H
#define SOCLE_WORK_SCHEDULE_H

#include "core/record.h"

typedef struct Schedule {
    const char *name;
    const char *cron; /* minute hour day month weekday; lists, ranges, steps; @hourly, @daily … */
    const char *zone; /* IANA name; NULL: UTC */
    const char *job;  /* kind of the job asked for, with an empty payload */
    const char *doc;
} Schedule;

/* All schedules of all modules, once, after jobs_kinds_set. INVALID names the schedule whose
 * expression, zone or kind is unknown. */
MUST_USE Err *schedules_set(Ctx *c, const Schedule *const *tables, const ptrdiff_t *counts,
                            ptrdiff_t n);
/* Called by workers_start and workers_stop. */
void scheduler_start(Ctx *c);
void scheduler_stop(Ctx *c);

/* How the schedules stand. */
typedef struct ScheduleState {
    Str name, cron, zone, job, doc;
    Time last_tick; /* null until the first */
    Id last_job_id;
    Time next_tick;
} ScheduleState;
extern const Record schedule_record;
MUST_USE Err *schedule_list(Ctx *c, ScheduleState **out, ptrdiff_t *count);

typedef struct Cron {
    uint64_t minutes;
    uint32_t hours, days, months, weekdays;
    bool any_day, any_weekday;
} Cron;
MUST_USE bool cron_parse(Str text, Cron *out);
/* First firing strictly after `after`; TIME_NULL if there is none in nine years (the longest
 * wait for a 29 February) or no such zone. An expression that names hours fires each local time
 * once, a skipped one at the change of clocks; one of every hour follows real time. */
Time cron_next(const Cron *cron, const char *zone, Time after);
/* Latest firing in (after, until]; TIME_NULL if there is none. */
Time cron_latest(const Cron *cron, const char *zone, Time after, Time until);

#endif
