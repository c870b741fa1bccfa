/* SPDX-License-Identifier: Apache-2.0
 * veyl's row in the list of modules. */
#include "api/pages.h"
#include "products/veyl/demo.h"
#include "products/veyl/jobs.h"
#include "products/veyl/posts_search.h"
#include "products/veyl/routes.h"
#include "products/veyl/saved_searches.h"
#include "products/veyl/veyl.h"

static const Route *const tables[] = {
    page_routes,         post_routes,
    bulk_routes,         hashtag_routes,
    platform_routes,     analytics_routes,
    series_routes,       project_routes,
    project_link_routes, project_post_routes,
    post_search_routes,  saved_search_routes,
    suggestion_routes,   NULL,
};

static const Collection *const collections[] = {&posts_collection, NULL};

static void veyl_root(Ctx *c, RootDocument *d) {
    (void)c;
    if (!d->message.data) d->message = S("veyl.io API");
    if (!d->status.data) d->status = S("healthy");
}

static Err *veyl_start(Ctx *c) {
    if (app_serves(c->app)) signals_start(c);
    return NULL;
}

const Module veyl_module = {
    .name = "veyl",
    .doc = "Social-media monitoring: posts, hashtags, projects, figures",
    .tables = tables,
    .jobs = veyl_jobs,
    .job_count = VEYL_JOB_COUNT,
    .schedules = veyl_schedules,
    .schedule_count = VEYL_SCHEDULE_COUNT,
    .channels = veyl_channels,
    .channel_count = VEYL_CHANNEL_COUNT,
    .collections = collections,
    .root = veyl_root,
    .home = "console/index.html",
    .start = veyl_start,
    .stop = signals_stop,
    .demo = veyl_demo,
};
