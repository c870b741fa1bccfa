/* SPDX-License-Identifier: Apache-2.0 */
#include "data/stmt_cache.h"

#include <stdlib.h>

static_assert((STMT_BUCKETS & (STMT_BUCKETS - 1)) == 0, "a power of two");

/* Eight bytes a step: the texts are a few hundred bytes and looked up for every call. They are
 * not of a stranger's making, so nobody aims at collisions. */
static uint64_t text_hash(Str text, Str types) {
    uint64_t hash = (uint64_t)text.len * 0x9e3779b97f4a7c15u;
    ptrdiff_t at = 0;
    for (; at + 8 <= text.len; at += 8) {
        uint64_t word;
        memcpy(&word, text.data + at, 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    for (; at < text.len; at++) hash = (hash ^ (unsigned char)text.data[at]) * 0x100000001b3u;
    for (ptrdiff_t i = 0; i < types.len; i++)
        hash = (hash ^ (unsigned char)types.data[i]) * 0x100000001b3u;
    return hash ^ hash >> 29;
}

static Stmt **bucket_of(StmtCache *cache, uint64_t hash) {
    return &cache->buckets[hash & (STMT_BUCKETS - 1)];
}

static void age_unlink(StmtCache *cache, Stmt *s) {
    *(s->newer ? &s->newer->older : &cache->newest) = s->older;
    *(s->older ? &s->older->newer : &cache->oldest) = s->newer;
    s->newer = s->older = NULL;
}

static void age_push(StmtCache *cache, Stmt *s) {
    s->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = s;
    cache->newest = s;
}

Stmt *stmt_find(StmtCache *cache, Str text, Str types) {
    uint64_t hash = text_hash(text, types);
    for (Stmt *s = *bucket_of(cache, hash); s; s = s->chain) {
        if (s->hash != hash || !str_eq(s->text, text) || !str_eq(s->types, types)) continue;
        if (s != cache->newest) {
            age_unlink(cache, s);
            age_push(cache, s);
        }
        return s;
    }
    return NULL;
}

static Str heap_copy(Str s) {
    char *copy = malloc((size_t)s.len + 1);
    if (!copy) abort();
    if (s.len > 0) memcpy(copy, s.data, (size_t)s.len);
    copy[s.len] = '\0';
    return (Str){copy, s.len};
}

void stmt_add(StmtCache *cache, Stmt *s, Str text, Str types) {
    assert(!s->text.data);
    s->text = heap_copy(text);
    s->types = heap_copy(types);
    s->hash = text_hash(text, types);
    Stmt **bucket = bucket_of(cache, s->hash);
    s->chain = *bucket;
    *bucket = s;
    age_push(cache, s);
    cache->count++;
}

void stmt_remove(StmtCache *cache, Stmt *s) {
    Stmt **at = bucket_of(cache, s->hash);
    while (*at != s) {
        assert(*at);
        at = &(*at)->chain;
    }
    *at = s->chain;
    age_unlink(cache, s);
    cache->count--;
    free((char *)(uintptr_t)s->text.data);
    free((char *)(uintptr_t)s->types.data);
    s->text = s->types = (Str){NULL, 0};
}
