/* SPDX-License-Identifier: Apache-2.0
 * The accounts module: its tables of routes, the hourly clean-up of what has expired, the people of
 * the demo. */
#include "api/accounts.h"

#include "api/accounts_room.h"
#include "api/accounts_sql.h"

enum { KEY_KEPT_DAYS = 30, ATTEMPT_KEPT_HOURS = 24 };

static Err *clean(Ctx *c, Job *job) {
    (void)job;
    Time now = time_now();
    TRY(db_exec(c, SQL(SQL_REFRESH_CLEAN), ARGS(V(now)), NULL));
    TRY(db_exec(c, SQL(SQL_SESSION_CLEAN), ARGS(V(now)), NULL));
    TRY(db_exec(c, SQL(SQL_ATTEMPT_CLEAN),
                ARGS(V(time_add(now, -ATTEMPT_KEPT_HOURS * US_PER_HOUR))), NULL));
    return db_exec(c, SQL(SQL_KEY_CLEAN), ARGS(V(time_add(now, -KEY_KEPT_DAYS * US_PER_DAY))),
                   NULL);
}

static const JobKind accounts_jobs[] = {
    {.name = "accounts.clean",
     .run = clean,
     .doc = "Erases expired log-ins, tokens, keys and attempts"},
};
static const Schedule accounts_schedules[] = {
    {.name = "accounts.clean",
     .cron = "@hourly",
     .job = "accounts.clean",
     .doc = "What expired goes"},
};

static Err *demo_user(Ctx *c, Str email, Str name, Str role) {
    User user;
    Err *err = user_by_email(c, email, &user);
    if (!err || err->kind != ERR_NOT_FOUND) return err;
    return user_create(c, email, name, S(DEMO_PASSWORD), role, &user);
}

static Err *demo(Ctx *c) {
    TRY(demo_user(c, S(DEMO_EMAIL), S("Camille Demo"), S("analyst")));
    return demo_user(c, S(DEMO_ADMIN_EMAIL), S("Admin Demo"), S("admin"));
}

static const Route *const tables[] = {sign_in_routes, oauth_routes, key_routes, organisation_routes,
                                      NULL};

const Module accounts_module = {
    .name = "accounts",
    .doc = "Signing in, API keys and organisations, for all products",
    .tables = tables,
    .jobs = accounts_jobs,
    .job_count = COUNT(accounts_jobs),
    .schedules = accounts_schedules,
    .schedule_count = COUNT(accounts_schedules),
    .demo = demo,
};
