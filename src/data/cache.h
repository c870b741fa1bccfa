/* SPDX-License-Identifier: Apache-2.0
 * Cache: bounded memory (TinyLFU admission over segmented LRU; Einziger, Friedman, Manes 2017), Redis
 * behind it when configured. Single-flight: of many callers that miss the same key, one computes.
 * Losing Redis costs latency, never an error; it is asked again with back-off. */
#ifndef SOCLE_DATA_CACHE_H
#define SOCLE_DATA_CACHE_H

#include "core/ctx.h"
#include "core/err.h"

typedef struct Cache Cache;
typedef struct Redis Redis;

Cache *cache_new(ptrdiff_t max_bytes, Redis *redis); /* redis may be NULL */
void cache_free(Cache *cache);

/* Value in c's arena; null Str: not there. */
MUST_USE Err *cache_get(Ctx *c, Cache *cache, Str key, Str *out);
MUST_USE Err *cache_set(Ctx *c, Cache *cache, Str key, Str value, int64_t ttl_ms);
MUST_USE Err *cache_remove(Ctx *c, Cache *cache, Str key);
/* Forget all keys that begin with prefix, on all nodes. */
MUST_USE Err *cache_remove_prefix(Ctx *c, Cache *cache, Str prefix);

/* Get, or compute with fn and keep. Concurrent callers for one key (all loops) wait for the first; its
 * error is given to all and not kept, except NOT_FOUND, which is kept negative_ttl_ms. */
typedef Err *(*CacheFill)(Ctx *c, void *arg, Str *value);
MUST_USE Err *cache_fill(Ctx *c, Cache *cache, Str key, int64_t ttl_ms, int64_t negative_ttl_ms,
                         CacheFill fn, void *arg, Str *out);

typedef struct CacheStats {
    int64_t hits, misses, evictions, bytes, entries;
} CacheStats;
CacheStats cache_stats(Cache *cache);

/* The cache of c->app; defined by src/app.c. */
Cache *app_cache(Ctx *c);

#endif
