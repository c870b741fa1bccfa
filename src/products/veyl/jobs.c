/* SPDX-License-Identifier: Apache-2.0
 * The views hashtags_with_stats and posts_with_platform, the week's means, old tombstones.
 *
 * On PostgreSQL the views are materialised and refreshed CONCURRENTLY: readers never wait. On
 * SQLite they are tables: hashtags are copied where they differ, posts follow the change
 * sequence in steps of their own transaction, so that no writer waits long. Posts are left alone
 * when none changed. */
#include "products/veyl/jobs.h"

#include "products/veyl/ingest.h"
#include "products/veyl/queries.h"
#include "products/veyl/saved_searches.h"
#include "products/veyl/search_sql.h"

enum { STEP_ROWS = 10000, TOMBSTONE_DAYS = 90 };

static Err *state_read(Ctx *c, const char *view, int64_t *change) {
    return db_int(c, SQL(SQL_VIEW_STATE), ARGS(V(str_c(view))), change);
}

static Err *state_write(Ctx *c, const char *view, int64_t change) {
    return db_exec(c, SQL(SQL_VIEW_STATE_SET), ARGS(V(str_c(view)), V(change), V(time_now())),
                   NULL);
}

/* -- SQLite ----------------------------------------------------------------------------------- */

static Err *hashtags_copy(Ctx *c, void *arg) {
    TRY(db_exec(c, SQL(SQL_VIEW_HASHTAGS_CLEAR), NO_ARGS, NULL));
    TRY(db_exec(c, SQL(SQL_VIEW_HASHTAGS_FILL), NO_ARGS, NULL));
    return state_write(c, "hashtags_with_stats", *(int64_t *)arg);
}

typedef struct PostsStep {
    int64_t from, to;
    bool first;
} PostsStep;

static Err *posts_copy(Ctx *c, void *arg) {
    PostsStep *step = arg;
    if (step->first) TRY(db_exec(c, SQL(SQL_VIEW_POSTS_DROP), ARGS(V(step->from)), NULL));
    TRY(db_exec(c, SQL(SQL_VIEW_POSTS_FILL), ARGS(V(step->from), V(step->to)), NULL));
    return state_write(c, "posts_with_platform", step->to);
}

static Err *posts_follow(Ctx *c, Job *job, int64_t from, int64_t last) {
    for (PostsStep step = {from, 0, true}; step.from < last;
         step = (PostsStep){step.to, 0, false}) {
        TRY(db_int(c, SQL(SQL_VIEW_POSTS_STEP), ARGS(V(step.from), V((int64_t)STEP_ROWS)),
                   &step.to));
        if (step.to == 0 || step.to > last) step.to = last;
        TRY(db_transaction(c, posts_copy, &step));
        if (job) TRY(job_progress(c, job, step.to - from, last - from, S("posts")));
    }
    return NULL;
}

static Err *refresh_sqlite(Ctx *c, Job *job, int64_t from, int64_t last) {
    TRY(db_transaction(c, hashtags_copy, &last));
    return posts_follow(c, job, from, last);
}

/* -- PostgreSQL ------------------------------------------------------------------------------- */

static Err *refresh_postgres(Ctx *c, int64_t from, int64_t last) {
    Sql hashtags = SQL("REFRESH MATERIALIZED VIEW CONCURRENTLY hashtags_with_stats");
    Sql posts = SQL("REFRESH MATERIALIZED VIEW CONCURRENTLY posts_with_platform");
    TRY(db_exec(c, hashtags, NO_ARGS, NULL));
    TRY(state_write(c, "hashtags_with_stats", last));
    if (last == from) return NULL;
    TRY(db_exec(c, posts, NO_ARGS, NULL));
    return state_write(c, "posts_with_platform", last);
}

/* -- jobs ------------------------------------------------------------------------------------- */

Err *veyl_refresh_views(Ctx *c, Job *job) {
    int64_t from, last;
    TRY(db_int(c, SQL(SQL_CHANGES_LAST), NO_ARGS, &last));
    TRY(state_read(c, "posts_with_platform", &from));
    return db_engine(c) == ENGINE_POSTGRES ? refresh_postgres(c, from, last)
                                           : refresh_sqlite(c, job, from, last);
}

static Err *views_run(Ctx *c, Job *job) { return veyl_refresh_views(c, job); }

static Err *weeks_run(Ctx *c, Job *job) {
    (void)job;
    return platform_week_refresh(c, (Id){0});
}

static Err *tombstones_purge(Ctx *c, void *arg) {
    const Time *before = arg;
    TRY(db_exec(c, SQL(SQL_TOMBSTONES_FORGET), ARGS(V(*before)), NULL));
    return db_exec(c, SQL(SQL_TOMBSTONES_PURGE), ARGS(V(*before)), NULL);
}

static Err *purge_run(Ctx *c, Job *job) {
    Time before = time_add(time_now(), -TOMBSTONE_DAYS * US_PER_DAY);
    (void)job;
    TRY(db_transaction(c, tombstones_purge, &before));
    return signals_purge(c);
}

Err *veyl_refresh_ask(Ctx *c) {
    Id id;
    return job_add(c, "veyl.refresh_views", S("{}"), (JobOptions){.unique_key = S("views")}, &id);
}

const JobKind veyl_jobs[VEYL_JOB_COUNT] = {
    {.name = "veyl.refresh_views",
     .queue = "veyl",
     .run = views_run,
     .timeout_ms = 30 * 60 * 1000,
     .doc = "Refresh hashtags_with_stats and posts_with_platform"},
    {.name = "veyl.refresh_weeks",
     .queue = "veyl",
     .run = weeks_run,
     .max_attempts = 1,
     .doc = "Recompute each platform's mean engagement of the last 7 days"},
    {.name = "veyl.purge",
     .queue = "veyl",
     .run = purge_run,
     .doc = "Drop tombstones of posts and signals older than 90 days"},
};

const Schedule veyl_schedules[VEYL_SCHEDULE_COUNT] = {
    {.name = "veyl.weeks", .cron = "* * * * *", .job = "veyl.refresh_weeks", .doc = "score_trend"},
    {.name = "veyl.views",
     .cron = "*/5 * * * *",
     .job = "veyl.refresh_views",
     .doc = "Statistics of hashtags"},
    {.name = "veyl.purge", .cron = "17 4 * * *", .job = "veyl.purge", .doc = "Tombstones"},
};
