/* SPDX-License-Identifier: Apache-2.0
 * The cache's second layer, in Redis, shared by all nodes: see cache_shared.c. Only cache.c includes
 * this. Nothing here gives an error: what Redis does not do is as if it had nothing. */
#ifndef SOCLE_DATA_CACHE_SHARED_H
#define SOCLE_DATA_CACHE_SHARED_H

#include "core/ctx.h"
#include "data/redis.h"

typedef struct CacheShared CacheShared;

typedef struct SharedValue {
    Str value; /* null: not there */
    bool negative;
    int64_t expires_us;
} SharedValue;

/* forget(arg, text, all): another node says that a key (or, with all, every key that begins with
 * text) is to be forgotten. */
CacheShared *cache_shared_new(Redis *redis, void (*forget)(void *arg, Str text, bool all),
                              void *arg);
void cache_shared_free(CacheShared *s);

SharedValue cache_shared_get(Ctx *c, CacheShared *s, Str key, int64_t now_us);
/* Keep what was computed. True if Redis has it. */
bool cache_shared_fill(Ctx *c, CacheShared *s, Str key, SharedValue value, int64_t ttl_ms);
/* The key has a new value, and other nodes are to forget the former one. */
void cache_shared_change(Ctx *c, CacheShared *s, Str key, SharedValue value, int64_t ttl_ms);
/* In Redis and on the other nodes; noted down to be done later when Redis is away. */
void cache_shared_forget(Ctx *c, CacheShared *s, Str text, bool all);

#endif
