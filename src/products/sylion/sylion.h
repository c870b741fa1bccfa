/* SPDX-License-Identifier: Apache-2.0
 * sylion: WhatsApp assistants for many tenants. Its row in the list of modules and its settings. */
#ifndef SOCLE_SYLION_SYLION_H
#define SOCLE_SYLION_SYLION_H

#include "api/module.h"

typedef struct SylionSettings {
    Str whatsapp_api_url;    /* WHATSAPP_API_URL: 360dialog's */
    Str whatsapp_cloud_url;  /* WHATSAPP_CLOUD_URL: Meta's Graph API with its version */
    Str whatsapp_api_key, whatsapp_verify_token; /* where a channel has none of its own */
    Str meta_app_secret;     /* META_APP_SECRET: signs the Cloud API's webhooks, unless the channel has its own */
    bool whatsapp_dry_run;   /* WHATSAPP_DRY_RUN */
    int64_t debounce_ms;     /* SYLION_DEBOUNCE_MS, 1500; a channel's config.debounceMs wins */
    int64_t document_max_bytes, media_max_bytes;
    int64_t webhook_per_minute; /* SYLION_WEBHOOK_PER_MINUTE: messages of a channel; its config.limits wins */
    int64_t widget_session_s;  /* SYLION_WIDGET_SESSION_S */
    int64_t widget_per_minute, widget_sessions_per_minute;
    bool private_sources;    /* SYLION_ALLOW_PRIVATE_SOURCES: documents and webhooks at addresses that are not public */
} SylionSettings;
extern SylionSettings sylion; /* filled before anything starts */

extern const Module sylion_module;

#endif
