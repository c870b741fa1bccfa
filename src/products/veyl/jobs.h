/* SPDX-License-Identifier: Apache-2.0
 * veyl's jobs and schedules. */
#ifndef SOCLE_VEYL_JOBS_H
#define SOCLE_VEYL_JOBS_H

#include "work/jobs.h"
#include "work/schedule.h"

enum { VEYL_JOB_COUNT = 3, VEYL_SCHEDULE_COUNT = 3 };
extern const JobKind veyl_jobs[VEYL_JOB_COUNT];
extern const Schedule veyl_schedules[VEYL_SCHEDULE_COUNT];

/* Ask for the views to be refreshed soon: after much was written. Asking twice is asking once. */
MUST_USE Err *veyl_refresh_ask(Ctx *c);
/* Refresh hashtags_with_stats and posts_with_platform now, if anything changed. `job` may be
 * NULL. */
MUST_USE Err *veyl_refresh_views(Ctx *c, Job *job);

#endif
