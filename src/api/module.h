/* SPDX-License-Identifier: Apache-2.0
 * Module: what a part of the program brings: routes, resources, jobs, schedules, settings, checks.
 * src/modules.c is the one list of modules; nothing registers itself. */
#ifndef SOCLE_API_MODULE_H
#define SOCLE_API_MODULE_H

#include "api/resource.h"
#include "api/setting.h"
#include "work/jobs.h"
#include "work/schedule.h"

struct App;

typedef struct Module {
    const char *name;
    const char *doc;
    const Route *routes;
    ptrdiff_t route_count;
    const Resource *resources;
    ptrdiff_t resource_count;
    const JobKind *jobs;
    ptrdiff_t job_count;
    const Schedule *schedules;
    ptrdiff_t schedule_count;
    const Setting *settings;
    ptrdiff_t setting_count;
    /* Order of the list at start, reverse at stop. start runs in a coroutine after the database is
     * migrated and before the server listens. */
    Err *(*start)(Ctx *c);
    void (*stop)(Ctx *c);
    Err *(*demo)(Ctx *c); /* idempotent demo data */
} Module;

#endif
