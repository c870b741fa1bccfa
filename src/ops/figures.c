/* SPDX-License-Identifier: Apache-2.0
 * How the cache and the followers of events are doing, here and now: figures of this process alone,
 * since its start. */
#include "ops/figures.h"

#include "api/base_settings.h"
#include "data/cache.h"
#include "data/redis.h"
#include "work/events.h"

/* A cache that has lost Redis serves on from its memory. */
typedef struct CacheOut {
    Str status, backend;
    OptBool redis_connected;
    Time timestamp;
    int64_t hits, misses;
    OptFloat hit_rate;
    int64_t evictions, entries, bytes, bytes_max;
} CacheOut;
static const Field cache_fields[] = {
    FIELD(CacheOut, status, .doc = "ok; degraded: Redis is configured and away"),
    FIELD(CacheOut, backend, .doc = "memory; redis: memory with Redis behind it"),
    FIELD(CacheOut, redis_connected, .doc = "Null where it is not configured"),
    FIELD(CacheOut, timestamp),
    FIELD(CacheOut, hits),
    FIELD(CacheOut, misses),
    FIELD(CacheOut, hit_rate, .doc = "0 to 1; null before the first question"),
    FIELD(CacheOut, evictions),
    FIELD(CacheOut, entries),
    FIELD(CacheOut, bytes),
    FIELD(CacheOut, bytes_max),
};
static const Record cache_record =
    RECORD_AS("CacheFigures", CacheOut, cache_fields, .doc = "The cache of one process");

static void head(Call *k) {
    reply_header(k->r, S("Cache-Control"), S("no-store"));
    k->r->no_etag = true;
}

static Err *cache_figures(Ctx *c, Call *k) {
    Redis *redis = app_redis(c);
    bool up = redis && redis_up(redis);
    CacheStats s = cache_stats(app_cache(c));
    int64_t asked = s.hits + s.misses;
    head(k);
    *(CacheOut *)call_out(k) = (CacheOut){
        .status = redis && !up ? S("degraded") : S("ok"),
        .backend = redis ? S("redis") : S("memory"),
        .redis_connected = {up, redis != NULL},
        .timestamp = time_now(),
        .hits = s.hits,
        .misses = s.misses,
        .hit_rate = {asked ? (double)s.hits / (double)asked : 0, asked > 0},
        .evictions = s.evictions,
        .entries = s.entries,
        .bytes = s.bytes,
        .bytes_max = settings.cache_bytes,
    };
    return NULL;
}

/* For those who develop; in production the operators have /metrics. */
static Err *cache_stats_get(Ctx *c, Call *k) {
    if (str_eq(settings.environment, S("production")))
        FAIL(c, NOT_FOUND, "There is nothing at this address.");
    return cache_figures(c, k);
}

typedef struct FollowersOut {
    Str status;
    Time timestamp;
    int64_t connections, messages_emitted, messages_delivered, dropped;
    JsonText channels;
} FollowersOut;
static const Field followers_fields[] = {
    FIELD(FollowersOut, status, .doc = "ok"),
    FIELD(FollowersOut, timestamp),
    FIELD(FollowersOut, connections, .doc = "Who follows events now, by WebSocket or SSE"),
    FIELD(FollowersOut, messages_emitted),
    FIELD(FollowersOut, messages_delivered),
    FIELD(FollowersOut, dropped, .doc = "Followers that were too slow"),
    FIELD(FollowersOut, channels, .doc = "Those that are named to everybody"),
};
static const Record followers_record = RECORD_AS("EventFigures", FollowersOut, followers_fields,
                                                 .doc = "The followers of one process");

static Err *followers_figures(Ctx *c, Call *k) {
    EventStats s = event_stats();
    head(k);
    *(FollowersOut *)call_out(k) = (FollowersOut){
        .status = S("ok"),
        .timestamp = time_now(),
        .connections = s.subscribers,
        .messages_emitted = s.emitted,
        .messages_delivered = s.delivered,
        .dropped = s.dropped,
        .channels = {event_channels_json(c->arena)},
    };
    return NULL;
}

#define FIGURES .access = ACCESS_OPEN, .tag = "Operations"
const Route figure_routes[] = {
    {GET, "/health/cache", cache_figures, FIGURES, .out = &cache_record,
     .doc = "How the cache is doing"},
    {GET, "/health/websockets", followers_figures, FIGURES, .out = &followers_record,
     .doc = "How those who follow events are doing"},
    {GET, "/api/cache/stats", cache_stats_get, FIGURES, .out = &cache_record, .errors = "404",
     .doc = "The same as /health/cache; not in production"},
    {0},
};
