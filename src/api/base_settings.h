/* SPDX-License-Identifier: Apache-2.0
 * The base's own settings, filled once before anything starts and read-only afterwards. Rooms below
 * api/ get what they need as options. */
#ifndef SOCLE_API_BASE_SETTINGS_H
#define SOCLE_API_BASE_SETTINGS_H

#include "api/setting.h"
#include "data/blob.h"

typedef struct BaseSettings {
    Str environment, listen, data_dir, database_url, redis_url, secret_key, secret_key_previous,
        node_name;
    int64_t access_token_minutes, refresh_token_days, loops, workers_per_loop, max_connections, stop_s,
        db_connections, cache_bytes, kept_bytes, statement_timeout_ms, rate_default, rate_auth, rate_write,
        rate_bulk, rate_search;
    bool auto_migrate, db_prepared, rate_limits;
    Str cors_origins, trusted_proxies, log_level, log_format, log_file, sentry_dsn;
    BlobOptions blobs; /* its data_dir: by app_prepare */
    int64_t temp_max_bytes;
    int64_t port;
    /* Where vectors are; see search.h. */
    Str vector_store, vector_search, qdrant_url, qdrant_api_key;
    bool require_https;
    Str public_url; /* of this server, in what is sent and printed; empty: as a request named it */
    Str ffmpeg, ffprobe; /* programs of the machine, for products that have to do with sound */
    Str products; /* read by the command line before anything else */
} BaseSettings;
extern BaseSettings settings;

/* How to reach the services outside, and what only the products' later rooms use. */
typedef struct OutsideSettings {
    Str meili_host, meili_master_key;
    Str oauth_state_secret, frontend_url;
    Str ig_client_id, ig_client_secret, ig_redirect_uri, fb_client_id, fb_client_secret,
        fb_redirect_uri, google_client_id, google_client_secret, google_redirect_uri,
        tiktok_client_key, tiktok_client_secret, tiktok_redirect_uri, meta_app_secret,
        webhook_verify_token;
    Str ig_base_url, fb_base_url, google_base_url, tiktok_base_url;
    bool oauth_callback_query;
    Str whatsapp_api_key, whatsapp_api_url, whatsapp_verify_token, waba_id, phone_id;
    bool whatsapp_dry_run;
    Str gamma_api_key, gamma_api_url, pomelli_api_url, pomelli_api_key;
    int64_t cache_ttl_debates_s, cache_ttl_streaming_s, cache_ttl_metadata_s, extractions_max;
    bool ai_clusters, gamma_export, pomelli_export, vertex_video, agent_scout, agent_scribe,
        agent_planner;
} OutsideSettings;
extern OutsideSettings outside;

extern const Setting base_settings[];
extern const ptrdiff_t base_setting_count;

#endif
