/* SPDX-License-Identifier: Apache-2.0
 * Schedules: cron expressions with a time zone that ask for jobs. One node fires each tick: the tick is a
 * row with a unique key, in one transaction with the job. Missed ticks (machine off) fire once. */
#ifndef SOCLE_WORK_SCHEDULE_H
#define SOCLE_WORK_SCHEDULE_H

#include "core/err.h"
#include "core/time.h"

typedef struct Schedule {
    const char *name;
    const char *cron; /* minute hour day month weekday; lists, ranges, steps; @hourly, @daily … */
    const char *zone; /* IANA name; NULL: UTC. Skipped hours fire after the gap, repeated ones once */
    const char *job;  /* kind of the job asked for, with an empty payload */
    const char *doc;
} Schedule;

typedef struct Cron {
    uint64_t minutes;
    uint32_t hours, days, months, weekdays;
    bool any_day, any_weekday;
} Cron;
MUST_USE bool cron_parse(Str text, Cron *out);
/* First firing strictly after `after`; TIME_NULL if there is none in nine years (the longest wait for a
 * 29 February) or no such zone. An expression that names hours fires each local time once, a skipped one
 * at the change of clocks; one of every hour follows real time. */
Time cron_next(const Cron *cron, const char *zone, Time after);

#endif
