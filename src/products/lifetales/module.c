/* SPDX-License-Identifier: Apache-2.0
 * lifetales' row in the list of modules: routes, jobs, schedules, channels and settings of all its
 * files. */
#include "products/lifetales/erase.h"
#include "products/lifetales/demo.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/narrator.h"
#include "products/lifetales/routes.h"
#include "products/lifetales/spaces.h"
#include "products/lifetales/story_room.h"
#include "products/lifetales/sweep.h"
#include "products/lifetales/transcription.h"

static const Setting lifetales_settings[] = {
    SETTING("LIFETALES_TRANSCRIPTIONS_PER_MINUTE", lifetales.transcriptions_per_minute,
            .usual = "10", .min = 1, .max = 100000, .unit = "transcriptions",
            .doc = "What a person may have heard"),
    SETTING("LIFETALES_STORIES_PER_HOUR", lifetales.stories_per_hour, .usual = "3", .min = 1,
            .max = 100000, .unit = "stories", .doc = "What a person may have written"),
    SETTING("LIFETALES_AI_CALLS_PER_HOUR", lifetales.ai_calls_per_hour, .usual = "100", .min = 1,
            .max = 1000000, .unit = "calls",
            .doc = "What a person's transcriptions, stories and pictures may ask of models"),
    SETTING("LIFETALES_MEDIA_MAX_BYTES", lifetales.media_max_bytes, .usual = "104857600",
            .min = 1024, .max = 1073741824, .unit = "bytes",
            .doc = "A larger recording, picture or video is not taken"),
    SETTING("LIFETALES_AUDIO_MAX_SECONDS", lifetales.audio_max_s, .usual = "7200", .min = 1,
            .max = 86400, .unit = "s", .doc = "A longer recording or video is not taken"),
    SETTING("LIFETALES_SPACE_MAX_NOTES", lifetales.space_max_notes, .usual = "2000", .min = 1,
            .max = 100000, .unit = "notes", .doc = "What a space may hold"),
    SETTING("LIFETALES_MEDIA_URL_SECONDS", lifetales.media_url_s, .usual = "86400", .min = 2,
            .max = 31536000, .unit = "s",
            .doc = "How long an address of a recording or picture is good, at most; half of it "
                   "at least"),
    SETTING("LIFETALES_SHARE_SECONDS", lifetales.share_s, .usual = "2592000", .min = 1,
            .max = 315360000, .unit = "s",
            .doc = "How long a link to a story is good unless its owner says otherwise"),
    SETTING("LIFETALES_TRANSCRIPTION_MS", lifetales.transcription_ms, .usual = "30000", .min = 100,
            .max = 600000, .unit = "ms", .doc = "A provider may hear a recording so long, each try"),
    SETTING("LIFETALES_STORY_MS", lifetales.story_ms, .usual = "60000", .min = 100, .max = 600000,
            .unit = "ms", .doc = "A chapter's writing may take so long, all tries of a provider together"),
    SETTING("LIFETALES_ILLUSTRATION_MS", lifetales.illustration_ms, .usual = "45000", .min = 100,
            .max = 600000, .unit = "ms", .doc = "A picture's making may take so long"),
    SETTING("LIFETALES_STORY_PARALLEL", lifetales.story_parallel, .usual = "4", .min = 1, .max = 32,
            .unit = "chapters", .doc = "Under way at once in one story"),
    SETTING("LIFETALES_FONT_SERIF", lifetales.font_serif,
            .doc = "Family of a book's text; empty: what the machine has"),
    SETTING("CLOUDINARY_URL", lifetales.cloudinary_url, .secret = true,
            .doc =
                "cloudinary://KEY:SECRET@CLOUD: pictures are shown from there; empty: from here"),
};

static const Route *const tables[] = {
    person_routes,        space_routes,
    story_routes,         chapter_routes,
    note_routes,          album_routes,
    share_routes,         illustration_routes,
    book_routes,          voice_link_routes,
    transcription_routes, voice_routes_tales,
    export_routes,
    narrator_routes,      tales_health_routes,
    tales_routes,         NULL,
};

static const JobTable job_tables[] = {
    {space_jobs, &space_job_count},
    {story_jobs, &story_job_count},
    {transcription_jobs, &transcription_job_count},
    {narrator_jobs, &narrator_job_count},
    {erase_jobs, &erase_job_count},
    {NULL, NULL},
};

static const Schedule schedules[] = {
    {.name = "lifetales.scratch",
     .cron = "23 3 * * *",
     .job = SWEEP_SCRATCH_JOB,
     .doc = "Spaces that were made for one story"},
    {.name = "lifetales.blobs",
     .cron = "41 3 * * *",
     .job = SWEEP_BLOBS_JOB,
     .doc = "Bytes that nobody names"},
    {.name = "lifetales.transcriptions",
     .cron = "*/5 * * * *",
     .job = "lifetales.transcribe_waiting",
     .doc = "Recordings that wait, once somebody can write them down"},
};

static Err *lifetales_start(Ctx *c) {
    story_metrics();
    return app_serves(c->app) ? transcriptions_begin(c) : NULL;
}

const Module lifetales_module = {
    .name = "lifetales",
    .doc = "Notes, spoken, written or photographed, become an illustrated story",
    .tables = tables,
    .job_tables = job_tables,
    .schedules = schedules,
    .schedule_count = COUNT(schedules),
    .root = tales_root,
    .home = "tales/index.html",
    .has_blob = lifetales_has_blob,
    .erase = lifetales_erase,
    .channels = &story_channel,
    .channel_count = 1,
    .metrics = story_metrics,
    .lacks = tales_lacks,
    .demo = lifetales_demo,
    .start = lifetales_start,
    .envelope = &lifetales_envelope,
    .settings = lifetales_settings,
    .setting_count = COUNT(lifetales_settings),
};
