/* SPDX-License-Identifier: Apache-2.0
 * The module of the API itself. The document is made once, at start: it hangs on the tables
 * only. */
#include "api/api.h"

#include "api/api_sql.h"
#include "api/docs_ui.h"
#include "api/pages.h"
#include "api/router_room.h"

static Err *start(Ctx *c) {
    Router *router = app_router(c);
    for (ptrdiff_t i = 0; i < router->count; i++) TRY(resource_check(c, router->routes[i]));
    router->document = str_copy(router->arena, openapi_document(c, router, S("/")));
    return NULL;
}

static Err *openapi(Ctx *c, Call *k) {
    reply_json(k->r, 200, app_router(c)->document);
    k->answered = true;
    return NULL;
}

static Err *clean(Ctx *c, Job *job) {
    (void)job;
    return db_exec(c, SQL(SQL_IDEMPOTENCY_CLEAN), ARGS(V(time_now())), NULL);
}

#define PAGE .access = ACCESS_OPEN, .rate = RATE_NONE, .tag = "Documentation"

static const Route routes[] = {
    {GET, "/openapi.json", openapi, PAGE, .out_type = "application/json", .doc = "This document"},
    {GET, "/docs", docs_swagger, PAGE, .out_type = "text/html",
     .doc = "This document for people: Swagger UI"},
    {GET, "/redoc", docs_redoc, PAGE, .out_type = "text/html",
     .doc = "This document for people: ReDoc"},
    {GET, "/docs/{file}", docs_file, PAGE, .out_type = "text/javascript, text/css", .errors = "404",
     .doc = "Scripts and styles of the pages"},
};

static const Route *const tables[] = {root_routes, NULL};

static const JobKind jobs[] = {
    {.name = "api.clean",
     .run = clean,
     .doc = "Erases kept answers of Idempotency-Keys after their 24 hours"},
};
static const Schedule schedules[] = {
    {.name = "api.clean", .cron = "@hourly", .job = "api.clean", .doc = "What expired goes"},
};

static Err *answers_erase(Ctx *c, Id user) { return answers_forget(c, user, (Str){0}); }

const Module api_module = {
    .name = "api",
    .doc = "The API about itself: its document, and pages that show it",
    .routes = routes,
    .route_count = COUNT(routes),
    .tables = tables,
    .jobs = jobs,
    .job_count = COUNT(jobs),
    .schedules = schedules,
    .schedule_count = COUNT(schedules),
    .erase = answers_erase,
    .start = start,
};
