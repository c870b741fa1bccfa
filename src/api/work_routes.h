/* SPDX-License-Identifier: Apache-2.0
 * The module of jobs, schedules and events: routes for operators, WebSocket and SSE for
 * everybody. */
#ifndef SOCLE_API_WORK_ROUTES_H
#define SOCLE_API_WORK_ROUTES_H

#include "api/module.h"

extern const Module work_module;

/* events_routes.c: rows of the module's table. */
Err *events_ws(Ctx *c, Call *k);
Err *events_sse(Ctx *c, Call *k);
Err *events_post(Ctx *c, Call *k);
void events_recheck(int64_t ms); /* how often whoever listens is asked for again; at the start */
void events_idle(int64_t ms);    /* silence after which a WebSocket is closed */
extern const Record socket_query_record, event_query_record, event_in_record, event_out_record;

#endif
