/* SPDX-License-Identifier: Apache-2.0
 * robian's row in the list of modules, and its settings. */
#include "products/robian/alerts.h"
#include "products/robian/audio.h"
#include "products/robian/channels.h"
#include "products/robian/demo.h"
#include "products/robian/extraction.h"
#include "products/robian/fetch.h"
#include "products/robian/listening_jobs.h"
#include "products/robian/paris.h"
#include "products/robian/robian.h"
#include "products/robian/root.h"
#include "products/robian/routes.h"
#include "products/robian/search_index.h"
#include "products/robian/streaming.h"
#include "products/robian/timeline_fetch.h"

RobianSettings robian;

static const Setting robian_settings[] = {
    SETTING("ROBIAN_ALLOW_PRIVATE_SOURCES", robian.allow_private_sources,
            .doc = "Audio may be extracted from addresses that are not public"),
    SETTING("ROBIAN_OPEN_DEVICES", robian.open_devices,
            .doc = "Devices need no secret: a bare user_id is enough, as in the first version"),
    SETTING("YTDLP_PATH", robian.yt_dlp, .usual = "yt-dlp", .doc = "yt-dlp"),
    SETTING("ROBIAN_EXTRACTION_MAX_BYTES", robian.extraction_max_bytes, .usual = "524288000",
            .min = 1048576, .max = 1099511627776, .unit = "bytes",
            .doc = "An extraction fetches and makes no more than this"),
    SETTING("ROBIAN_EXTRACTION_MAX_SECONDS", robian.extraction_max_s, .usual = "14400", .min = 60,
            .max = 604800, .unit = "s", .doc = "Longer audio is refused"),
    SETTING("ROBIAN_EXTRACTION_TRIES", robian.extraction_tries, .usual = "3", .min = 1, .max = 20,
            .doc = "How often an extraction is tried when trying again may help"),
    SETTING("ROBIAN_SILENCE_SECONDS", robian.silence_s, .usual = "120", .min = 1, .max = 3600,
            .unit = "s", .doc = "A source or a program that is silent for so long is given up"),
    SETTING("ROBIAN_OPEN_DATA_URL", robian.open_data_url,
            .usual = "https://data.assemblee-nationale.fr/static/openData/repository/17",
            .doc = "The Assembly's open data, of one legislature"),
    SETTING("ROBIAN_OPEN_DATA_MAX_BYTES", robian.open_data_max_bytes, .usual = "2147483648",
            .min = 1024, .max = 1099511627776, .unit = "bytes",
            .doc = "A larger archive of the Assembly's is not fetched"),
    SETTING("ROBIAN_OPEN_DATA_USER_AGENT", robian.open_data_agent,
            .usual = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 socle/" SOCLE_VERSION,
            .doc = "The Assembly's server answers 404 to what does not look like a browser"),
    SETTING("ROBIAN_VIDEOS_URL", robian.videos_url,
            .usual = "https://videos.assemblee-nationale.fr", .doc = "The Assembly's video portal"),
    SETTING("ROBIAN_OPEN_DATA_FETCH", robian.open_data_fetch,
            .doc = "Fetch agenda, transcripts, deputies and votes each night"),
    SETTING("ROBIAN_PUBLIC_URL", robian.public_url,
            .doc = "This server as listeners reach it, for feeds; empty: PUBLIC_URL"),
    SETTING("ROBIAN_WEBHOOK_TRIES", robian.webhook_tries, .usual = "12", .min = 1, .max = 30,
            .doc = "An alert's webhook is tried so often, later each time"),
};

static const Route *const tables[] = {
    debate_routes,
    first_generation_routes,
    programme_routes,
    open_data_routes,
    streaming_routes,
    segment_routes,
    debate_search_routes,
    transcript_routes,
    speaker_routes,
    extraction_routes,
    demo_routes,
    device_routes,
    activity_routes,
    collection_routes,
    favorite_routes,
    stats_routes,
    listen_routes,
    feed_routes,
    alert_routes,
    NULL,
};

static const JobKind jobs[] = {
    {.name = EXTRACTION_JOB,
     .queue = EXTRACTION_QUEUE,
     .outlasts_drain = true,
     .run = extraction_run,
     .backoff_base_ms = 30 * 1000,
     .backoff_max_ms = 10 * 60 * 1000,
     .timeout_ms = EXTRACTION_TIMEOUT_MS,
     .budget_bytes = EXTRACTION_BUDGET_BYTES,
     .doc = "Extract the audio of a debate's video"},
    {.name = EXTRACTION_SETTLE_JOB,
     .queue = "robian",
     .run = extractions_settle_run,
     .max_attempts = 1,
     .doc = "Mark extractions whose job ended without a word"},
    {.name = AUDIO_BLOB_JOB,
     .queue = "robian",
     .run = audio_blob_run,
     .doc = "Remove the file of audio that no debate has any more"},
    {.name = ALERT_WEBHOOK_JOB,
     .queue = "webhooks",
     .run = alert_webhook_run,
     .backoff_base_ms = 2000,
     .backoff_max_ms = 60 * 60 * 1000,
     .timeout_ms = 30 * 1000,
     .doc = "Post a match of an alert to its webhook"},
    {.name = "robian.tombstones",
     .queue = "robian",
     .run = tombstones_purge_run,
     .doc = "Drop tombstones of debates and speeches older than 90 days"},
    {.name = "robian.listeners_purge",
     .queue = "robian",
     .run = listeners_purge,
     .doc = "Drop devices nobody uses, old activities, what belonged to erased accounts"},
    {.name = "robian.stats",
     .queue = "robian",
     .run = stats_note,
     .doc = "Note today's figures of the whole"},
    {.name = TIMELINE_JOB,
     .queue = "robian",
     .run = timeline_fetch_run,
     .max_attempts = 6,
     .backoff_base_ms = 10 * 60 * 1000,
     .backoff_max_ms = (int64_t)12 * 60 * 60 * 1000,
     .timeout_ms = 120 * 1000,
     .budget_bytes = TIMELINE_BUDGET_BYTES,
     .doc = "Fetch a video's timeline: chapters, and which sitting it shows"},
    {.name = "robian.fetch",
     .queue = "robian",
     .run = fetch_run,
     .max_attempts = 3,
     .backoff_base_ms = 60 * 1000,
     .timeout_ms = FETCH_TIMEOUT_MS,
     .budget_bytes = FETCH_BUDGET_BYTES,
     .doc = "Fetch the Assembly's open data and import what is new"},
    {.name = "robian.fetch_nightly",
     .queue = "robian",
     .run = fetch_nightly,
     .max_attempts = 3,
     .backoff_base_ms = 10 * 60 * 1000,
     .backoff_max_ms = 60 * 60 * 1000,
     .timeout_ms = FETCH_TIMEOUT_MS,
     .budget_bytes = FETCH_BUDGET_BYTES,
     .doc = "The same each night, when ROBIAN_OPEN_DATA_FETCH is on"},
};

static const Schedule schedules[] = {
    {.name = "robian.extractions", .cron = "* * * * *", .job = EXTRACTION_SETTLE_JOB,
     .doc = "Extractions whose job is gone"},
    {.name = "robian.tombstones", .cron = "37 4 * * *", .job = "robian.tombstones",
     .doc = "Tombstones"},
    {.name = "robian.listeners", .cron = "43 4 * * *", .job = "robian.listeners_purge",
     .doc = "Clean-up of listeners"},
    /* The archives are made anew at about twenty to five. */
    {.name = "robian.fetch", .cron = "23 5 * * *", .zone = "Europe/Paris",
     .job = "robian.fetch_nightly", .doc = "Fetch the open data; off unless ROBIAN_OPEN_DATA_FETCH"},
    {.name = "robian.stats", .cron = "7 * * * *", .job = "robian.stats", .doc = "Figures by day"},
};

static const Collection *const collections[] = {&debates_collection, NULL};

static Err *robian_start(Ctx *c) {
    if (!paris()) FAIL(c, NOT_CONFIGURED, "no time zone Europe/Paris here: install tzdata");
    TRY(extractions_open(c));
    if (app_serves(c->app)) alerts_start(c);
    return segments_start(c);
}

static void robian_stop(Ctx *c) {
    alerts_stop(c);
    segments_stop(c);
    extractions_close();
}

static Str robian_lacks(Ctx *c) {
    Str tools = extraction_lacks(c), audio = audio_lacks(c);
    if (!tools.data || !audio.data) return tools.data ? tools : audio;
    return strf(c->arena, "%.*s; %.*s", S_ARG(tools), S_ARG(audio));
}

const Module robian_module = {
    .name = "robian",
    .doc = "The audio of the National Assembly's debates, and what is said in them",
    .tables = tables,
    .jobs = jobs,
    .job_count = COUNT(jobs),
    .schedules = schedules,
    .schedule_count = COUNT(schedules),
    .channels = robian_channels,
    .channel_count = ROBIAN_CHANNEL_COUNT,
    .collections = collections,
    .root = robian_root,
    .home = "listen/home.html",
    .start = robian_start,
    .stop = robian_stop,
    .has_blob = audio_has_blob,
    .lacks = robian_lacks,
    .demo = robian_demo,
    .settings = robian_settings,
    .setting_count = COUNT(robian_settings),
};
