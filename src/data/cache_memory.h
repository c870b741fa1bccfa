/* SPDX-License-Identifier: Apache-2.0
 * One shard of the cache's memory: a table of entries within a bound in bytes. No locks, no clock, no
 * Redis: cache.c has those. Only cache.c includes this. */
#ifndef SOCLE_DATA_CACHE_MEMORY_H
#define SOCLE_DATA_CACHE_MEMORY_H

#include "core/str.h"

typedef struct CacheMemory CacheMemory;

typedef struct CacheEntry {
    struct CacheEntry *next_in_bucket, *prev, *next;
    uint64_t hash;
    int64_t expires_us; /* wall clock */
    int32_t segment;
    bool negative; /* the value says what was not found */
    ptrdiff_t key_len, value_len;
    char bytes[]; /* key, then value */
} CacheEntry;

static inline Str entry_key(const CacheEntry *e) { return str_of(e->bytes, e->key_len); }
static inline Str entry_value(const CacheEntry *e) {
    return str_of(e->bytes + e->key_len, e->value_len);
}

CacheMemory *cache_memory_new(ptrdiff_t max_bytes);
void cache_memory_free(CacheMemory *m);

/* The entry, NULL if there is none or its time is over. It counts as a use. Borrowed until the next
 * call. */
const CacheEntry *cache_memory_get(CacheMemory *m, Str key, uint64_t hash, int64_t now_us);
/* Put in, or not: an entry that would push out more used ones is dropped at once. A former entry of
 * the key goes in any case. */
void cache_memory_set(CacheMemory *m, Str key, uint64_t hash, Str value, bool negative,
                      int64_t now_us, int64_t expires_us);
void cache_memory_remove(CacheMemory *m, Str key, uint64_t hash);
void cache_memory_remove_prefix(CacheMemory *m, Str prefix);

ptrdiff_t cache_memory_bytes(const CacheMemory *m);
ptrdiff_t cache_memory_count(const CacheMemory *m);
int64_t cache_memory_evictions(const CacheMemory *m);

#endif
