/* SPDX-License-Identifier: Apache-2.0
 * The base's own settings, filled once before anything starts and read-only afterwards. Rooms below
 * api/ get what they need as options. */
#ifndef SOCLE_API_BASE_SETTINGS_H
#define SOCLE_API_BASE_SETTINGS_H

#include "api/setting.h"

typedef struct BaseSettings {
    Str environment, listen, data_dir, database_url, redis_url, secret_key, secret_key_previous, node_name;
    int64_t access_token_minutes, refresh_token_days, loops, workers_per_loop, max_connections, db_connections,
        cache_bytes, statement_timeout_ms, rate_default, rate_auth, rate_write, rate_bulk, rate_search;
    bool auto_migrate, db_prepared, rate_limits;
    Str cors_origins, trusted_proxies, log_level, log_format, log_file, sentry_dsn, blob_url;
} BaseSettings;
extern BaseSettings settings;

extern const Setting base_settings[];
extern const ptrdiff_t base_setting_count;

#endif
