/* SPDX-License-Identifier: Apache-2.0
 * Cache: bounded memory (W-TinyLFU; Einziger, Friedman, Manes 2017), Redis behind it when configured.
 * Single-flight: of many callers that miss the same key, one computes. Losing Redis costs latency,
 * never an error; it is asked again with back-off.
 *
 *   - Nothing here fails because of the cache itself: the only errors are those of a CacheFill, and
 *     TIMEOUT or CANCELLED while waiting for another caller's.
 *   - Forgetting a key also forgets what is being computed for it at that moment: its callers get it,
 *     but it is not kept.
 *   - Several nodes tell each other by Redis what to forget. What could not be told (Redis away) is
 *     told when it is back, and until then this node does not read from Redis. A node that was cut off
 *     empties its memory. In the worst race between nodes a value lives until its time is over.
 *   - Times are by the wall clock. A ttl of 0 or less keeps nothing. */
#ifndef SOCLE_DATA_CACHE_H
#define SOCLE_DATA_CACHE_H

#include "core/ctx.h"
#include "core/err.h"

typedef struct Cache Cache;
typedef struct Redis Redis;

/* redis may be NULL. On a loop's thread, or before they run; freed before redis is closed. */
Cache *cache_new(ptrdiff_t max_bytes, Redis *redis);
void cache_free(Cache *cache); /* nobody may be in it */

/* Value in c's arena; null Str: not there. */
MUST_USE Err *cache_get(Ctx *c, Cache *cache, Str key, Str *out);
MUST_USE Err *cache_set(Ctx *c, Cache *cache, Str key, Str value, int64_t ttl_ms);
MUST_USE Err *cache_remove(Ctx *c, Cache *cache, Str key);
/* Forget all keys that begin with prefix, on all nodes. */
MUST_USE Err *cache_remove_prefix(Ctx *c, Cache *cache, Str prefix);

/* Get, or compute with fn and keep. Concurrent callers for one key (all loops) wait for the first; its
 * error is given to all and not kept, except NOT_FOUND, which is kept negative_ttl_ms. When the first
 * is cancelled or runs out of its own time, another computes. A null value is given to all and not
 * kept. fn must not ask for the same key. */
typedef Err *(*CacheFill)(Ctx *c, void *arg, Str *value);
MUST_USE Err *cache_fill(Ctx *c, Cache *cache, Str key, int64_t ttl_ms, int64_t negative_ttl_ms,
                         CacheFill fn, void *arg, Str *out);

typedef struct CacheStats {
    int64_t hits, misses; /* a caller that waited for another's value is a hit */
    int64_t evictions, bytes, entries;
} CacheStats;
CacheStats cache_stats(Cache *cache);

/* The cache of c->app; defined by src/app.c. */
Cache *app_cache(Ctx *c);

#endif
