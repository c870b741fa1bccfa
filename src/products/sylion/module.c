/* SPDX-License-Identifier: Apache-2.0
 * sylion's row in the list of modules: routes, jobs, schedules, channels and settings of all its
 * files. */
#include "products/sylion/demo.h"
#include "products/sylion/extract.h"
#include "products/sylion/figures.h"
#include "products/sylion/knowledge.h"
#include "products/sylion/media.h"
#include "products/sylion/routes.h"
#include "products/sylion/sylion.h"
#include "products/sylion/turn.h"
#include "products/sylion/warnings.h"
#include "products/sylion/widget.h"

static const Setting sylion_settings[] = {
    SETTING("WHATSAPP_API_URL", sylion.whatsapp_api_url, .usual = "https://waba-v2.360dialog.io",
            .doc = "360dialog's address"),
    SETTING("WHATSAPP_CLOUD_URL", sylion.whatsapp_cloud_url,
            .usual = "https://graph.facebook.com/v26.0",
            .doc = "Meta's Graph API with its version"),
    SETTING("WHATSAPP_API_KEY", sylion.whatsapp_api_key, .secret = true,
            .doc = "For channels that have none of their own"),
    SETTING("WHATSAPP_VERIFY_TOKEN", sylion.whatsapp_verify_token, .secret = true,
            .doc = "Of the webhook's handshake, for channels that have none of their own"),
    SETTING("META_APP_SECRET", sylion.meta_app_secret, .secret = true,
            .doc = "Signs the Cloud API's webhooks, unless a channel has its own"),
    SETTING("WHATSAPP_DRY_RUN", sylion.whatsapp_dry_run,
            .doc = "Nothing is sent: messages get ids that begin with dry-run:"),
    SETTING("SYLION_DEBOUNCE_MS", sylion.debounce_ms, .usual = "1500", .min = 0, .max = 60000,
            .unit = "ms", .doc = "What a contact writes within it gets one answer"),
    SETTING("SYLION_DOCUMENT_MAX_BYTES", sylion.document_max_bytes, .usual = "52428800",
            .min = 1024, .max = 1073741824, .unit = "bytes",
            .doc = "A larger document is not taken into a knowledge base"),
    SETTING("SYLION_MEDIA_MAX_BYTES", sylion.media_max_bytes, .usual = "26214400", .min = 1024,
            .max = 1073741824, .unit = "bytes",
            .doc = "A larger attachment of a message is not fetched"),
    SETTING("SYLION_WEBHOOK_PER_MINUTE", sylion.webhook_per_minute, .usual = "60000", .min = 1,
            .max = 60000000, .unit = "messages",
            .doc = "A channel that brings more is asked to come back later; its own limits win"),
    SETTING("SYLION_WIDGET_SESSION_S", sylion.widget_session_s, .usual = "2592000", .min = 1,
            .max = 31536000, .unit = "s",
            .doc = "How long a visitor who does not come back is known by his session"),
    SETTING("SYLION_WIDGET_PER_MINUTE", sylion.widget_per_minute, .usual = "20", .min = 1,
            .max = 100000, .unit = "messages",
            .doc = "What a visitor may write; a channel's limits.perContactPerMinute wins"),
    SETTING("SYLION_WIDGET_SESSIONS_PER_MINUTE", sylion.widget_sessions_per_minute, .usual = "30",
            .min = 1, .max = 100000, .unit = "sessions",
            .doc = "What one address may open on a channel, gone on with or new"),
    SETTING("SYLION_ALLOW_PRIVATE_SOURCES", sylion.private_sources,
            .doc = "Documents, and tenants' webhooks, may have addresses that are not public"),
};

static const Route *const tables[] = {
    admin_routes,
    assistant_routes,
    binding_routes,
    channel_routes,
    conversation_routes,
    message_routes,
    dashboard_routes,
    plan_routes,
    tenant_admin_routes,
    tenant_routes,
    usage_routes,
    simulator_routes,
    inbox_routes,
    webhook_routes,
    whatsapp_routes,
    knowledge_routes,
    document_routes,
    media_routes,
    stray_routes,
    turn_routes,
    ask_routes,
    voice_routes,
    widget_session_routes,
    widget_routes,
    widget_page_routes,
    NULL,
};

static const JobKind jobs[] = {
    {.name = WARNING_JOB,
     .queue = "sylion",
     .run = warning_run,
     .doc = "Tell a tenant that a quota runs out"},
    {.name = WARNING_WEBHOOK_JOB,
     .queue = "webhooks",
     .run = warning_webhook_run,
     .max_attempts = 10,
     .backoff_base_ms = 5 * 1000,
     .backoff_max_ms = 300 * 1000,
     .timeout_ms = 60 * 1000,
     .doc = "Post a warning to a tenant's webhook"},
    {.name = INDEX_JOB,
     .queue = INDEX_QUEUE,
     .run = index_run,
     .max_attempts = INDEX_TRIES,
     .backoff_base_ms = 5 * 1000,
     .backoff_max_ms = 10 * 60 * 1000,
     .timeout_ms = INDEX_TIMEOUT_MS,
     .budget_bytes = INDEX_BUDGET,
     .doc = "Read a document and index its passages"},
    {.name = STALE_JOB,
     .queue = INDEX_QUEUE,
     .run = index_stale_run,
     .doc = "Have documents of another embedding model indexed anew, mark those that were broken off"},
    {.name = DOCUMENT_BLOB_JOB,
     .queue = "sylion",
     .run = document_blob_run,
     .doc = "Remove the bytes of a document that nobody has any more"},
    {.name = KNOWLEDGE_PURGE_JOB,
     .queue = "sylion",
     .run = knowledge_purge_run,
     .doc = "Drop tombstones of passages older than 90 days"},
    {.name = CONVERSATION_JOB,
     .queue = CONVERSATION_QUEUE,
     .run = conversation_run,
     .max_attempts = 20, /* crashes, and databases that are away; a turn counts its own tries */
     .backoff_base_ms = 500,
     .backoff_max_ms = 60 * 1000,
     .timeout_ms = 10 * 60 * 1000,
     .keep_ms = 60 * 60 * 1000, /* the turn says more than its job */
     .budget_bytes = 96 * MIB,  /* a recording is 25 MiB */
     .doc = "Send what a conversation has to send, answer what has come in"},
    {.name = TURNS_SWEEP_JOB,
     .queue = "sylion",
     .run = turns_sweep,
     .max_attempts = 1,
     .doc = "Find conversations whose job was lost"},
    {.name = WIDGET_PURGE_JOB,
     .queue = "sylion",
     .run = widget_purge_run,
     .doc = "Drop the sessions of visitors that have expired"},
};

static const ChannelRule channels[] = {
    {.prefix = "tenant:",
     .may_read = tenant_may_read,
     .doc = "What happens in a tenant, by its id: messages, conversations, turns, documents, "
            "warnings"},
};

static const Schedule schedules[] = {
    {.name = "sylion.index_stale", .cron = "*/10 * * * *", .job = STALE_JOB,
     .doc = "Documents that no job is about any more"},
    {.name = "sylion.turns", .cron = "* * * * *", .job = TURNS_SWEEP_JOB,
     .doc = "Conversations whose job was lost"},
    {.name = "sylion.knowledge_tombstones", .cron = "47 4 * * *", .job = KNOWLEDGE_PURGE_JOB,
     .doc = "Tombstones of passages"},
    {.name = "sylion.widget_sessions", .cron = "17 * * * *", .job = WIDGET_PURGE_JOB,
     .doc = "Sessions of visitors that have expired"},
};

static const Collection *const collections[] = {&chunks_collection, NULL};

static void sylion_metrics(void) {
    turn_metrics_declare();
    figures_declare();
}

static Err *sylion_start(Ctx *c) {
    sylion_metrics();
    return knowledge_start(c);
}

const Module sylion_module = {
    .name = "sylion",
    .doc = "Assistants on WhatsApp that answer from a tenant's own knowledge",
    .tables = tables,
    .jobs = jobs,
    .job_count = COUNT(jobs),
    .schedules = schedules,
    .schedule_count = COUNT(schedules),
    .collections = collections,
    .prepare = chunk_index_prepare,
    .metrics = sylion_metrics,
    .has_blob = sylion_has_blob,
    .lacks = extract_lacks,
    .start = sylion_start,
    .demo = sylion_demo,
    .root = sylion_root,
    .home = "inbox/index.html",
    .channels = channels,
    .channel_count = COUNT(channels),
    .envelope = &sylion_envelope,
    .settings = sylion_settings,
    .setting_count = COUNT(sylion_settings),
};
