/* SPDX-License-Identifier: Apache-2.0
 * The base's table of settings: the whole list an operator of any product meets. DATA_DIR and
 * SECRET_KEY are completed and checked where the folder is made (src/app.c). */
#include "api/base_settings.h"

BaseSettings settings;
OutsideSettings outside;

static const char *const environments[] = {"development", "production", NULL};
static const char *const vector_stores[] = {"engine", "qdrant", "pgvector", NULL};
static const char *const vector_searches[] = {"exact", "approximate", NULL};
static const char *const log_levels[] = {"debug", "info", "warn", "error", "off", NULL};
static const char *const log_formats[] = {"json", "pretty", NULL};

static bool production(void) { return str_eq(settings.environment, S("production")); }

static Str listen_settle(Arena *arena) {
    if (settings.listen.len == 0) {
        const char *host = production() || settings.port ? "0.0.0.0" : "127.0.0.1";
        settings.listen =
            strf(arena, "%s:%lld", host, settings.port ? (long long)settings.port : 8000LL);
        return (Str){0};
    }
    Str listen = settings.listen;
    int64_t port;
    if (str_starts(listen, S("unix:"))) return listen.len > 5 ? (Str){0} : S("expected unix:/PATH");
    ptrdiff_t colon = listen.len;
    while (colon > 0 && listen.data[colon - 1] != ':') colon--;
    if (colon == 0 || !str_to_i64(str_slice(listen, colon, listen.len), &port) || port < 0 ||
        port > 65535)
        return strf(arena, "%.*s: expected HOST:PORT or unix:/PATH", S_ARG(listen));
    return (Str){0};
}

/* scheme://host[:port], the port of a local origin may be `*`. */
static bool origin_ok(Str origin) {
    if (str_eq(origin, S("*"))) return true;
    ptrdiff_t at = str_starts(origin, S("https://")) ? 8 : str_starts(origin, S("http://")) ? 7 : 0;
    Str rest = str_slice(origin, at, origin.len);
    if (at == 0 || rest.len == 0) return false;
    for (ptrdiff_t i = 0; i < rest.len; i++)
        if ((unsigned char)rest.data[i] <= ' ' || strchr("/?#@,", rest.data[i])) return false;
    ptrdiff_t star = str_find_byte(rest, '*');
    return star < 0 || (star == rest.len - 1 && star > 0 && rest.data[star - 1] == ':');
}

static Str cors_settle(Arena *arena) {
    if (settings.cors_origins.len == 0 && !production())
        settings.cors_origins = S("http://localhost:*,http://127.0.0.1:*");
    for (Str rest = settings.cors_origins, one; rest.data;) {
        rest = str_cut(rest, ',', &one);
        one = str_trim(one);
        if (one.len == 0 || origin_ok(one)) continue;
        return strf(arena, "%.*s: expected origins like https://app.example.org, comma-separated",
                    S_ARG(one));
    }
    return (Str){0};
}

static Str database_settle(Arena *arena) {
    static const char *const schemes[] = {
        "sqlite:", "postgresql:", "postgres:", "postgresql+", "postgres+", NULL};
    Str scheme;
    if (settings.database_url.len == 0) return (Str){0};
    for (ptrdiff_t i = 0; schemes[i]; i++)
        if (str_starts(settings.database_url, str_c(schemes[i]))) return (Str){0};
    /* What follows the scheme may hold a password. */
    str_cut(settings.database_url, ':', &scheme);
    return strf(arena, "%.*s…: expected sqlite:///path or postgresql://…",
                S_ARG(str_utf8_cut(scheme, 20)));
}

static Str redis_settle(Arena *arena) {
    Str url = settings.redis_url;
    (void)arena;
    if (url.len == 0 || str_starts(url, S("redis://")) || str_starts(url, S("rediss://")) ||
        str_starts(url, S("unix:")))
        return (Str){0};
    return S("expected redis://[:password@]host[:port][/number]");
}

static bool address_is(Str address, Str scheme) {
    return str_starts(address, scheme) && address.len > scheme.len &&
           address.data[scheme.len] != '/';
}

static Str public_settle(Arena *arena) {
    Str given = settings.public_url;
    if (given.len == 0 || address_is(given, S("https://")) || address_is(given, S("http://")))
        return (Str){0};
    return strf(arena, "%.*s: expected https://HOST, with :PORT if need be", S_ARG(given));
}

/* With nobody who may say that a request came by HTTPS every one would be refused. */
static Str https_settle(Arena *arena) {
    (void)arena;
    if (!settings.require_https) return (Str){0};
    if (str_trim(settings.trusted_proxies).len == 0)
        return S("on: expected TRUSTED_PROXIES too, the address of the proxy that does TLS");
    if (settings.public_url.len > 0 && !str_starts(settings.public_url, S("https://")))
        return S("on: expected a PUBLIC_URL that begins with https://");
    return (Str){0};
}

#define RATE .min = 1, .max = 6000000, .unit = "requests a minute"

const Setting base_settings[] = {
    SETTING("ENVIRONMENT", settings.environment, .usual = "development", .values = environments,
            .doc = "production refuses a default or short SECRET_KEY and listens on all addresses"),
    SETTING("LISTEN", settings.listen, .settle = listen_settle,
            .doc = "HOST:PORT, or unix:/PATH. Without it 127.0.0.1:8000 in development, "
                   "0.0.0.0:8000 in production"),
    SETTING("PORT", settings.port, .min = 0, .max = 65535,
            .doc = "Instead of LISTEN: this port on all addresses. 0: not given"),
    SETTING("PRODUCTS", settings.products,
            .doc = "Of veyl, robian, sylion, lifetales, comma-separated; empty: all; "
                   "none: the base alone"),
    SETTING("DATA_DIR", settings.data_dir,
            .doc = "Database, blobs, indexes. Without it /var/lib/socle as root, else the user's "
                   "own data folder"),
    SETTING("DATABASE_URL", settings.database_url, .secret = true, .settle = database_settle,
            .doc = "Empty: SQLite under DATA_DIR; sqlite:///path; postgresql://…"),
    SETTING("DB_CONNECTIONS", settings.db_connections, .usual = "4", .min = 1, .max = 100,
            .doc = "PostgreSQL connections of each loop"),
    SETTING("DB_PREPARED", settings.db_prepared, .usual = "on",
            .doc = "Named prepared statements; off behind a transaction pooler"),
    SETTING("STATEMENT_TIMEOUT_MS", settings.statement_timeout_ms, .usual = "30000", .min = 100,
            .max = 3600000, .unit = "ms", .doc = "A statement may run so long"),
    SETTING("AUTO_MIGRATE", settings.auto_migrate, .usual = "on",
            .doc = "serve and worker migrate the schema at start"),
    SETTING("REDIS_URL", settings.redis_url, .secret = true, .settle = redis_settle,
            .doc = "Several nodes share rate limits, cache and events through it. Empty: none"),
    SETTING("CACHE_BYTES", settings.cache_bytes, .usual = "67108864", .min = 1048576,
            .max = 1099511627776, .unit = "bytes", .doc = "Of the cache in memory"),
    SETTING("KEPT_BYTES", settings.kept_bytes, .usual = "16777216", .min = 0, .max = 1099511627776,
            .unit = "bytes",
            .doc = "Of answers given again while nothing is committed (SQLite); 0: none is kept"),
    SETTING("BLOB_URL", settings.blobs.url,
            .doc = "Empty: files under DATA_DIR; s3://bucket/prefix or gs://bucket/prefix: an object "
                   "store that several nodes share, with files under DATA_DIR as a copy"),
    SETTING("BLOB_CACHE_BYTES", settings.blobs.cache_bytes, .usual = "10737418240", .min = 1048576,
            .max = 1099511627776000, .unit = "bytes", .doc = "Of that copy"),
    SETTING("TEMP_MAX_BYTES", settings.temp_max_bytes, .usual = "4294967296", .min = 16777216,
            .max = 1099511627776000, .unit = "bytes",
            .doc = "Of large bodies and media on their way, under DATA_DIR; who would need more is "
                   "told to come again (503)"),
    SETTING("AWS_ACCESS_KEY_ID", settings.blobs.access_key,
            .doc = "Of the object store; for gs://, of an HMAC key"),
    SETTING("AWS_SECRET_ACCESS_KEY", settings.blobs.secret_key, .secret = true, .doc = "Its secret"),
    SETTING("AWS_SESSION_TOKEN", settings.blobs.session_token, .secret = true,
            .doc = "With keys that are good for a time only"),
    SETTING("AWS_REGION", settings.blobs.region, .doc = "Of the bucket; empty: us-east-1, auto for gs://"),
    SETTING("AWS_ENDPOINT_URL", settings.blobs.endpoint,
            .doc = "http(s)://host[:port] of another store that speaks S3, addressed by path; empty: "
                   "Amazon's or Google's"),
    SETTING("LOOPS", settings.loops, .usual = "0", .min = 0, .max = 64,
            .doc = "Event loops; 0: one per core"),
    SETTING("WORKERS_PER_LOOP", settings.workers_per_loop, .usual = "32", .min = 1, .max = 1000,
            .doc = "Jobs that run at once on each loop"),
    SETTING("STOP_SECONDS", settings.stop_s, .usual = "30", .min = 1, .max = 3600, .unit = "s",
            .doc = "After SIGTERM all ends within it, whatever does not answer; five sixths of it are for "
                   "the requests and jobs in flight"),
    SETTING("MAX_CONNECTIONS", settings.max_connections, .usual = "10000", .min = 1, .max = 1000000,
            .doc = "HTTP connections open at once; more are answered 503"),
    SETTING("NODE_NAME", settings.node_name,
            .doc = "This process's name among several; empty: host name and process id"),
    SETTING("SECRET_KEY", settings.secret_key, .secret = true,
            .doc = "Signs tokens and seals stored secrets; 32 bytes or more in production. "
                   "Development makes and keeps one"),
    SETTING("SECRET_KEY_PREVIOUS", settings.secret_key_previous, .secret = true,
            .doc = "The key before: what it signed or sealed stays valid"),
    SETTING("ACCESS_TOKEN_EXPIRE_MINUTES", settings.access_token_minutes, .usual = "30", .min = 1,
            .max = 10080, .unit = "min", .doc = "Life of an access token"),
    SETTING("REFRESH_TOKEN_EXPIRE_DAYS", settings.refresh_token_days, .usual = "30", .min = 1,
            .max = 3650, .unit = "days", .doc = "Life of a refresh token"),
    SETTING("CORS_ORIGINS", settings.cors_origins, .settle = cors_settle,
            .doc = "Origins that browsers may call from, comma-separated, with credentials; `*`: "
                   "any, without. "
                   "Empty: none in production, local ones in development"),
    SETTING("TRUSTED_PROXIES", settings.trusted_proxies,
            .doc = "Addresses or networks whose X-Forwarded-For and -Proto are believed; `unix` "
                   "for a Unix socket"),
    SETTING("REQUIRE_HTTPS", settings.require_https, .settle = https_settle,
            .doc = "What did not come by HTTPS, as a trusted proxy says, is led there (GET) or refused; "
                   "probes and /metrics are answered"),
    SETTING("PUBLIC_URL", settings.public_url, .settle = public_settle,
            .doc = "This server as people reach it (https://example.org), for what is sent or printed: "
                   "the codes in a book lead there for years; empty: as a request names it"),
    SETTING("FFMPEG_PATH", settings.ffmpeg, .usual = "ffmpeg", .doc = "FFmpeg; looked up in PATH"),
    SETTING("FFPROBE_PATH", settings.ffprobe, .usual = "ffprobe", .doc = "ffprobe"),
    SETTING("RATE_LIMITS", settings.rate_limits, .usual = "on",
            .doc = "off: no request is refused for coming too often"),
    SETTING("RATE_LIMIT_DEFAULT", settings.rate_default, .usual = "1200", RATE,
            .doc = "Of one caller (an address; once signed in a user or key) to the routes of no "
                   "other class. An "
                   "address with signed-in callers, and an organisation, may ten times as much"),
    SETTING("RATE_LIMIT_AUTH", settings.rate_auth, .usual = "60", RATE,
            .doc = "Signing in and up, per address"),
    SETTING("RATE_LIMIT_WRITE", settings.rate_write, .usual = "600", RATE,
            .doc = "Creating and changing"),
    SETTING("RATE_LIMIT_BULK", settings.rate_bulk, .usual = "30", RATE,
            .doc = "Imports, exports, whatever starts long work"),
    SETTING("RATE_LIMIT_SEARCH", settings.rate_search, .usual = "600", RATE, .doc = "Searching"),
    SETTING("LOG_LEVEL", settings.log_level, .usual = "info", .values = log_levels,
            .doc = "The least that is logged"),
    SETTING("LOG_FORMAT", settings.log_format, .usual = "json", .values = log_formats,
            .doc = "Form of a line"),
    SETTING("LOG_FILE", settings.log_file, .doc = "Empty: standard error. SIGHUP opens it again"),
    SETTING("SENTRY_DSN", settings.sentry_dsn, .secret = true,
            .doc = "Where errors are reported; empty: nowhere"),

    SETTING("MEILI_HOST", outside.meili_host,
            .doc = "URL of a Meilisearch (1.53) of our own instead of the search engine within: its "
                   "indexes of our names are overwritten; empty: within"),
    SETTING("MEILI_MASTER_KEY", outside.meili_master_key, .secret = true,
            .doc = "Its master key, or one that may do everything with indexes and documents"),
    SETTING("VECTOR_STORE", settings.vector_store, .values = vector_stores,
            .doc = "Where the vectors of documents are: engine (within), qdrant, or pgvector (in the "
                   "PostgreSQL database); empty: qdrant if QDRANT_URL names one, else engine"),
    SETTING("VECTOR_SEARCH", settings.vector_search, .usual = "exact", .values = vector_searches,
            .doc = "Of a store of vectors: exact compares all that the filter lets through, as the "
                   "engine does; approximate asks an HNSW index, which may miss some"),
    SETTING("QDRANT_URL", settings.qdrant_url,
            .doc = "URL of a Qdrant (1.10 to 1.19): collections named socle_ are ours there"),
    SETTING("QDRANT_API_KEY", settings.qdrant_api_key, .secret = true, .doc = "Its key"),

    SETTING("OAUTH_STATE_SECRET", outside.oauth_state_secret, .secret = true,
            .doc = "Signs the state of OAuth; empty: SECRET_KEY does"),
    SETTING("OAUTH_CALLBACK_QUERY", outside.oauth_callback_query,
            .doc = "The front end gets its token in the query instead of the fragment, as first "
                   "clients expect"),
    SETTING("FRONTEND_URL", outside.frontend_url,
            .doc = "Where people return to after signing in elsewhere"),
    SETTING("IG_CLIENT_ID", outside.ig_client_id, .doc = "Instagram sign-in"),
    SETTING("IG_CLIENT_SECRET", outside.ig_client_secret, .secret = true,
            .doc = "Instagram sign-in"),
    SETTING("IG_REDIRECT_URI", outside.ig_redirect_uri, .doc = "Instagram sign-in"),
    SETTING("IG_BASE_URL", outside.ig_base_url, .usual = "https://graph.instagram.com",
            .doc = "Instagram's API"),
    SETTING("FB_CLIENT_ID", outside.fb_client_id, .doc = "Facebook sign-in"),
    SETTING("FB_CLIENT_SECRET", outside.fb_client_secret, .secret = true,
            .doc = "Facebook sign-in"),
    SETTING("FB_REDIRECT_URI", outside.fb_redirect_uri, .doc = "Facebook sign-in"),
    SETTING("FB_BASE_URL", outside.fb_base_url, .usual = "https://graph.facebook.com",
            .doc = "Facebook's API"),
    SETTING("GOOGLE_CLIENT_ID", outside.google_client_id, .doc = "Google sign-in"),
    SETTING("GOOGLE_CLIENT_SECRET", outside.google_client_secret, .secret = true,
            .doc = "Google sign-in"),
    SETTING("GOOGLE_REDIRECT_URI", outside.google_redirect_uri, .doc = "Google sign-in"),
    SETTING("GOOGLE_BASE_URL", outside.google_base_url, .usual = "https://accounts.google.com",
            .doc = "Google's OpenID provider"),
    SETTING("TIKTOK_CLIENT_KEY", outside.tiktok_client_key, .doc = "TikTok sign-in"),
    SETTING("TIKTOK_CLIENT_SECRET", outside.tiktok_client_secret, .secret = true,
            .doc = "TikTok sign-in"),
    SETTING("TIKTOK_REDIRECT_URI", outside.tiktok_redirect_uri, .doc = "TikTok sign-in"),
    SETTING("TIKTOK_BASE_URL", outside.tiktok_base_url, .usual = "https://open.tiktokapis.com",
            .doc = "TikTok's API"),
    SETTING("META_APP_SECRET", outside.meta_app_secret, .secret = true,
            .doc = "Signs Meta's webhooks"),
    SETTING("WEBHOOK_VERIFY_TOKEN", outside.webhook_verify_token, .secret = true,
            .doc = "What Meta and TikTok must show"),

    SETTING("WHATSAPP_API_KEY", outside.whatsapp_api_key, .secret = true,
            .doc = "Of the provider, where a channel has none"),
    SETTING("WHATSAPP_API_URL", outside.whatsapp_api_url, .usual = "https://waba-v2.360dialog.io",
            .doc = "Its address"),
    SETTING("WHATSAPP_VERIFY_TOKEN", outside.whatsapp_verify_token, .secret = true,
            .doc = "What a webhook's set-up must show"),
    SETTING("WABA_ID", outside.waba_id, .doc = "WhatsApp business account"),
    SETTING("PHONE_ID", outside.phone_id, .doc = "WhatsApp phone number id"),
    SETTING("WHATSAPP_DRY_RUN", outside.whatsapp_dry_run,
            .doc = "Messages are written down instead of sent"),

    SETTING("GAMMA_API_KEY", outside.gamma_api_key, .secret = true, .doc = "Gamma"),
    SETTING("GAMMA_API_URL", outside.gamma_api_url, .usual = "https://public-api.gamma.app",
            .doc = "Its address"),
    SETTING("POMELLI_API_URL", outside.pomelli_api_url,
            .doc = "Pomelli; empty: a brief to download instead"),
    SETTING("POMELLI_API_KEY", outside.pomelli_api_key, .secret = true, .doc = "Its key"),

    SETTING("CACHE_TTL_DEBATES", outside.cache_ttl_debates_s, .usual = "300", .min = 0,
            .max = 604800, .unit = "s", .doc = "Lists of debates are cached so long"),
    SETTING("CACHE_TTL_STREAMING", outside.cache_ttl_streaming_s, .usual = "3600", .min = 0,
            .max = 604800, .unit = "s", .doc = "What is known of an audio file is cached so long"),
    SETTING("CACHE_TTL_METADATA", outside.cache_ttl_metadata_s, .usual = "86400", .min = 0,
            .max = 604800, .unit = "s", .doc = "The programme is cached so long"),
    SETTING("MAX_CONCURRENT_EXTRACTIONS", outside.extractions_max, .usual = "3", .min = 1,
            .max = 100, .doc = "Audio extractions that run at once"),
    SETTING("ENABLE_AI_CLUSTERS", outside.ai_clusters, .usual = "on", .doc = "Clusters of posts"),
    SETTING("ENABLE_GAMMA_EXPORT", outside.gamma_export, .doc = "Reports to Gamma"),
    SETTING("ENABLE_POMELLI_EXPORT", outside.pomelli_export, .doc = "Reports to Pomelli"),
    SETTING("ENABLE_VERTEX_VIDEO", outside.vertex_video,
            .doc = "Analysis of a post's video by Vertex AI"),
    SETTING("ENABLE_AGENT_SCOUT", outside.agent_scout, .usual = "on", .doc = "Finds what rises"),
    SETTING("ENABLE_AGENT_SCRIBE", outside.agent_scribe, .usual = "on",
            .doc = "Writes the weekly digest"),
    SETTING("ENABLE_AGENT_PLANNER", outside.agent_planner, .usual = "on",
            .doc = "Proposes a calendar"),
};
const ptrdiff_t base_setting_count = COUNT(base_settings);
