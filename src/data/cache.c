/* SPDX-License-Identifier: Apache-2.0
 * The cache: shards of memory, each under a lock of its own, the flights (computations under way),
 * and Redis behind.
 *
 *   - A shard's lock guards its memory and its flights. It is never held while waiting, nor while
 *     allocating from an arena, which may not return.
 *   - A flight is in its shard's list while it may still be joined. Forgetting its key takes it out
 *     and marks it stale: who has joined gets its value, which is not kept.
 *   - The first caller leads: it asks Redis, computes, and settles the flight on every way out. A
 *     leader that gives up settles with LEFT, and those who follow start over.
 *   - Followers are woken by a function posted to their loop, so they must stay until it arrives. */
#include "data/cache.h"

#include <pthread.h>

#include "core/map.h"
#include "core/time.h"
#include "data/cache_memory.h"
#include "data/cache_shared.h"
#include "rt/coro.h"

enum {
    SHARDS_MAX = 16,
    SHARD_BYTES_MIN = 1024 * 1024, /* small caches get fewer shards */
    ERROR_BYTES_MAX = 16 * 1024 * 1024,
    SMALL_VALUE = 512, /* copied by way of the stack, under one lock */
};
#define TTL_MAX_MS ((int64_t)100 * 365 * 24 * 3600 * 1000)

typedef struct Follower {
    struct Follower *next;
    Coro *co;
    Loop *loop;
    bool listed, arrived;
} Follower;

typedef enum Outcome { PENDING, VALUE, NOTHING, ERROR, LEFT } Outcome;

typedef struct Flight {
    struct Flight *next;
    uint64_t hash;
    char *key, *value; /* own memory */
    ptrdiff_t key_len, value_len;
    Arena *arena; /* of err */
    Err *err;
    Outcome outcome;
    bool stale;
    Follower *followers;
    ptrdiff_t refs;
} Flight;

typedef struct Shard {
    pthread_mutex_t lock;
    CacheMemory *memory;
    Flight *flights;
    int64_t forgotten; /* counts what makes a value read before it out of date */
    int64_t hits, misses;
} Shard;

struct Cache {
    Shard shards[SHARDS_MAX];
    int shard_count;     /* a power of two */
    CacheShared *shared; /* NULL without Redis */
};

static void lock(Shard *s) { pthread_mutex_lock(&s->lock); }
static void unlock(Shard *s) { pthread_mutex_unlock(&s->lock); }

static Shard *shard_of(Cache *cache, uint64_t hash) {
    return &cache->shards[(hash >> 48) & (uint64_t)(cache->shard_count - 1)];
}

/* -- flights (the shard's lock is held in all of these) -------------------------------------------- */

static Flight *flight_find(Shard *s, Str key, uint64_t hash) {
    Flight *f = s->flights;
    while (f && (f->hash != hash || !str_eq(str_of(f->key, f->key_len), key))) f = f->next;
    return f;
}

static Flight *flight_add(Shard *s, Str key, uint64_t hash) {
    Flight *f = calloc(1, sizeof *f);
    if (!f || !(f->key = malloc((size_t)key.len + 1))) abort();
    f->hash = hash;
    f->key_len = key.len;
    f->refs = 1;
    if (key.len) memcpy(f->key, key.data, (size_t)key.len);
    f->next = s->flights;
    s->flights = f;
    return f;
}

static void flight_unlist(Shard *s, Flight *f) {
    for (Flight **at = &s->flights; *at; at = &(*at)->next)
        if (*at == f) {
            *at = f->next;
            return;
        }
}

static void flight_unref(Flight *f) {
    assert(f->refs > 0);
    if (--f->refs > 0) return;
    arena_free(f->arena);
    free(f->key);
    free(f->value);
    free(f);
}

/* What is being computed for these keys is out of date already. */
static void flights_forget(Shard *s, Str text, bool all) {
    s->forgotten++;
    for (Flight **at = &s->flights; *at;) {
        Flight *f = *at;
        Str key = str_of(f->key, f->key_len);
        if (all ? str_starts(key, text) : str_eq(key, text)) {
            f->stale = true;
            *at = f->next;
        } else {
            at = &f->next;
        }
    }
}

/* -- memory ---------------------------------------------------------------------------------------- */

typedef struct Found {
    bool found, negative;
    Str value; /* in c's arena */
} Found;

static Found memory_look(Ctx *c, Shard *s, Str key, uint64_t hash) {
    char small[SMALL_VALUE], *to = small;
    for (ptrdiff_t cap = SMALL_VALUE;;) {
        lock(s);
        const CacheEntry *e = cache_memory_get(s->memory, key, hash, time_now().us);
        ptrdiff_t len = e ? e->value_len : -1;
        Found found = {.found = e, .negative = e && e->negative};
        if (e && len <= cap) memcpy(to, entry_value(e).data, (size_t)len);
        s->hits += e && len <= cap;
        unlock(s);
        if (!e) return found;
        if (len <= cap) {
            found.value = to == small ? str_copy(c->arena, str_of(small, len)) : str_of(to, len);
            return found;
        }
        cap = len;
        to = arena_bytes(c->arena, cap);
    }
}

static void memory_forget(Cache *cache, Str text, bool all) {
    if (!all) {
        uint64_t hash = siphash_secret(text);
        Shard *s = shard_of(cache, hash);
        lock(s);
        cache_memory_remove(s->memory, text, hash);
        flights_forget(s, text, false);
        unlock(s);
        return;
    }
    for (int i = 0; i < cache->shard_count; i++) {
        Shard *s = &cache->shards[i];
        lock(s);
        cache_memory_remove_prefix(s->memory, text);
        flights_forget(s, text, true);
        unlock(s);
    }
}

static void forget_for_others(void *arg, Str text, bool all) { memory_forget(arg, text, all); }

/* -- "not found", kept ----------------------------------------------------------------------------- */

/* Code and detail of the error as one text. */
static Str negative_pack(Ctx *c, const Err *err) {
    Buf b = buf_new(c->arena, err->code.len + 1 + err->detail.len);
    buf_add(&b, err->code);
    buf_byte(&b, '\0');
    buf_add(&b, err->detail);
    return buf_str(&b);
}

static Err *negative_unpack(Ctx *c, Str packed) {
    Str code, detail = str_cut(packed, '\0', &code);
    Err *err = err_new(c, ERR_NOT_FOUND, __func__, "%s", "");
    err->detail = detail;
    if (code.len) err->code = code;
    return err;
}

/* -- following ------------------------------------------------------------------------------------- */

static void follower_arrive(void *arg) {
    Follower *node = arg;
    node->arrived = true;
    coro_wake(node->co);
}

static void follower_unlist(Flight *f, Follower *node) {
    for (Follower **at = &f->followers; *at; at = &(*at)->next)
        if (*at == node) {
            *at = node->next;
            break;
        }
    node->listed = false;
}

/* Wait until the flight is settled. */
static Err *follow(Ctx *c, Shard *s, Flight *f, Follower *node) {
    Wake wake = WAKE_DONE;
    while (!node->arrived && wake == WAKE_DONE) wake = coro_wait(c);
    if (node->arrived) return NULL;
    lock(s);
    bool listed = node->listed;
    if (listed) follower_unlist(f, node);
    unlock(s);
    if (listed) return wake_err(c, wake, __func__);
    while (!node->arrived) coro_wait_surely(c); /* it is on its way to us */
    return NULL;
}

/* The flight's outcome, which does not change any more, for one who followed. */
static Err *outcome_take(Ctx *c, const Flight *f, Str *out) {
    *out = (Str){0};
    if (f->outcome == ERROR) return err_copy(c->arena, f->err);
    if (f->outcome == VALUE) *out = str_copy(c->arena, str_of(f->value, f->value_len));
    return NULL;
}

/* -- leading --------------------------------------------------------------------------------------- */

/* End the flight: keep its value unless it is stale, let everybody go. */
static void settle(Shard *s, Flight *f, Outcome outcome, Found keep, int64_t expires_us) {
    lock(s);
    f->outcome = outcome;
    if (!f->stale) {
        flight_unlist(s, f);
        if (keep.found)
            cache_memory_set(s->memory, str_of(f->key, f->key_len), f->hash, keep.value,
                             keep.negative, time_now().us, expires_us);
    }
    for (Follower *node = f->followers; node;) {
        Follower *next = node->next;
        node->listed = false;
        loop_post(node->loop, follower_arrive, node); /* from here on *node may be gone */
        s->hits += outcome == VALUE;
        node = next;
    }
    f->followers = NULL;
    flight_unref(f);
    unlock(s);
}

typedef struct Hold {
    Shard *shard;
    Flight *flight; /* NULL: let go of */
    bool leads;
} Hold;

/* The activity ended with a hand on the flight (over its budget of memory). If it led, others try. */
static void hold_end(void *arg) {
    Hold *hold = arg;
    Flight *f = hold->flight;
    if (!f) return;
    hold->flight = NULL;
    if (hold->leads) {
        settle(hold->shard, f, LEFT, (Found){0}, 0);
        return;
    }
    lock(hold->shard);
    flight_unref(f);
    unlock(hold->shard);
}

static void flight_put_value(Flight *f, Str value) {
    f->value = malloc((size_t)value.len + 1);
    if (!f->value) abort();
    f->value_len = value.len;
    if (value.len) memcpy(f->value, value.data, (size_t)value.len);
}

static void flight_put_err(Flight *f, const Err *err) {
    f->arena = arena_new(ERROR_BYTES_MAX);
    f->err = err_copy(f->arena, err);
}

static bool gave_up(const Ctx *c, const Err *err) {
    if (!err) return false;
    bool late = c->deadline_us && mono_us() >= c->deadline_us;
    return err->kind == ERR_CANCELLED || (err->kind == ERR_TIMEOUT && late);
}

typedef struct Fill {
    Cache *cache;
    Shard *shard;
    Str key;
    uint64_t hash;
    int64_t ttl_ms, negative_ttl_ms;
    CacheFill fn;
    void *arg;
} Fill;

/* What a leader has to give, and what is to be kept of it. */
typedef struct Made {
    Err *err;
    Str value;
    Found keep;
    int64_t expires_us;
} Made;

static int64_t ends_us(int64_t ttl_ms) {
    return time_now().us + min_i64(ttl_ms, TTL_MAX_MS) * US_PER_MS;
}

static bool made_from_shared(Ctx *c, const Fill *fill, Made *made) {
    if (!fill->cache->shared) return false;
    SharedValue known = cache_shared_get(c, fill->cache->shared, fill->key, time_now().us);
    if (str_is_null(known.value)) return false;
    *made = (Made){.keep = {true, known.negative, known.value}, .expires_us = known.expires_us};
    if (known.negative)
        made->err = negative_unpack(c, known.value);
    else
        made->value = known.value;
    return true;
}

static void share(Ctx *c, const Fill *fill, const Flight *f, const Made *made, int64_t ttl_ms) {
    CacheShared *shared = fill->cache->shared;
    SharedValue value = {made->keep.value, made->keep.negative, made->expires_us};
    if (!shared || !cache_shared_fill(c, shared, fill->key, value, min_i64(ttl_ms, TTL_MAX_MS)))
        return;
    lock(fill->shard);
    bool stale = f->stale;
    unlock(fill->shard);
    if (stale)
        cache_shared_forget(c, shared, fill->key, false); /* it was forgotten before we wrote */
}

static void made_by_fn(Ctx *c, const Fill *fill, const Flight *f, Made *made) {
    *made = (Made){0};
    made->err = fill->fn(c, fill->arg, &made->value);
    bool negative = made->err && made->err->kind == ERR_NOT_FOUND;
    int64_t ttl_ms = negative ? fill->negative_ttl_ms : fill->ttl_ms;
    if (made->err) made->value = (Str){0};
    Str kept = negative ? negative_pack(c, made->err) : made->value;
    if (str_is_null(kept) || ttl_ms <= 0) return;
    made->keep = (Found){true, negative, kept};
    made->expires_us = ends_us(ttl_ms);
    share(c, fill, f, made, ttl_ms);
}

static Err *lead(Ctx *c, const Fill *fill, Hold *hold, Str *out) {
    Flight *f = hold->flight;
    Made made;
    bool known = made_from_shared(c, fill, &made);
    if (!known) made_by_fn(c, fill, f, &made);
    Outcome outcome = made.err ? ERROR : str_is_null(made.value) ? NOTHING : VALUE;
    if (gave_up(c, made.err)) outcome = LEFT;
    if (outcome == ERROR) flight_put_err(f, made.err);
    if (outcome == VALUE) flight_put_value(f, made.value);
    hold->flight = NULL;
    settle(hold->shard, f, outcome, made.keep, made.expires_us);
    lock(fill->shard);
    fill->shard->hits += known;
    fill->shard->misses += !known;
    unlock(fill->shard);
    *out = made.value;
    return made.err;
}

/* -- the calls ------------------------------------------------------------------------------------- */

Cache *cache_new(ptrdiff_t max_bytes, Redis *redis) {
    assert(max_bytes > 0);
    Cache *cache = calloc(1, sizeof *cache);
    if (!cache) abort();
    cache->shard_count = 1;
    while (cache->shard_count < SHARDS_MAX &&
           max_bytes / (cache->shard_count * 2) >= SHARD_BYTES_MIN)
        cache->shard_count *= 2;
    for (int i = 0; i < cache->shard_count; i++) {
        pthread_mutex_init(&cache->shards[i].lock, NULL);
        cache->shards[i].memory = cache_memory_new(max_bytes / cache->shard_count);
    }
    if (redis) cache->shared = cache_shared_new(redis, forget_for_others, cache);
    return cache;
}

void cache_free(Cache *cache) {
    if (!cache) return;
    cache_shared_free(cache->shared);
    for (int i = 0; i < cache->shard_count; i++) {
        assert(!cache->shards[i].flights);
        cache_memory_free(cache->shards[i].memory);
        pthread_mutex_destroy(&cache->shards[i].lock);
    }
    free(cache);
}

Err *cache_get(Ctx *c, Cache *cache, Str key, Str *out) {
    uint64_t hash = siphash_secret(key);
    Shard *s = shard_of(cache, hash);
    Found found = memory_look(c, s, key, hash);
    *out = found.negative ? (Str){0} : found.value;
    if (found.found) return NULL;
    lock(s);
    int64_t forgotten = s->forgotten;
    unlock(s);
    SharedValue known = {0};
    if (cache->shared) known = cache_shared_get(c, cache->shared, key, time_now().us);
    bool there = !str_is_null(known.value);
    lock(s);
    s->hits += there;
    s->misses += !there;
    if (there && s->forgotten == forgotten)
        cache_memory_set(s->memory, key, hash, known.value, known.negative, time_now().us,
                         known.expires_us);
    unlock(s);
    if (!known.negative) *out = known.value;
    return NULL;
}

Err *cache_set(Ctx *c, Cache *cache, Str key, Str value, int64_t ttl_ms) {
    assert(!str_is_null(value));
    if (ttl_ms <= 0) return cache_remove(c, cache, key);
    uint64_t hash = siphash_secret(key);
    Shard *s = shard_of(cache, hash);
    int64_t now_us = time_now().us, expires_us = ends_us(ttl_ms);
    lock(s);
    flights_forget(s, key, false);
    cache_memory_set(s->memory, key, hash, value, false, now_us, expires_us);
    unlock(s);
    SharedValue shared = {value, false, expires_us};
    if (cache->shared)
        cache_shared_change(c, cache->shared, key, shared, min_i64(ttl_ms, TTL_MAX_MS));
    return NULL;
}

Err *cache_remove(Ctx *c, Cache *cache, Str key) {
    memory_forget(cache, key, false);
    if (cache->shared) cache_shared_forget(c, cache->shared, key, false);
    return NULL;
}

Err *cache_remove_prefix(Ctx *c, Cache *cache, Str prefix) {
    memory_forget(cache, prefix, true);
    if (cache->shared) cache_shared_forget(c, cache->shared, prefix, true);
    return NULL;
}

/* Join the key's flight, or begin it. False: meanwhile it is in the memory. */
static bool flight_join(const Fill *fill, Hold *hold, Follower *node) {
    Shard *s = fill->shard;
    lock(s);
    Flight *f = flight_find(s, fill->key, fill->hash);
    bool there = !f && cache_memory_get(s->memory, fill->key, fill->hash, time_now().us);
    *hold = (Hold){s, f, !f && !there};
    if (f) {
        f->refs++;
        node->next = f->followers;
        f->followers = node;
    } else if (!there) {
        hold->flight = flight_add(s, fill->key, fill->hash);
    }
    unlock(s);
    return !there;
}

/* Lead the key's flight or follow it. *again: start over. */
static Err *fill_once(Ctx *c, const Fill *fill, Str *out, bool *again) {
    Defer *mark = c->defers;
    Hold *hold = arena_new_of(c->arena, Hold);
    Follower node = {.co = c->coro, .loop = loop_here(), .listed = true};
    Err *err = NULL;
    defer(c, hold_end, hold);
    *again = !flight_join(fill, hold, &node);
    if (hold->leads)
        return lead(c, fill, hold, out); /* fn's own defers stay: its value may lean on them */
    if (!*again) err = follow(c, fill->shard, hold->flight, &node);
    if (!*again && !err) {
        *again = hold->flight->outcome == LEFT;
        err = outcome_take(c, hold->flight, out);
    }
    ctx_undo(c, mark);
    return err;
}

Err *cache_fill(Ctx *c, Cache *cache, Str key, int64_t ttl_ms, int64_t negative_ttl_ms,
                CacheFill fn, void *arg, Str *out) {
    assert(fn && out);
    uint64_t hash = siphash_secret(key);
    Fill fill = {cache, shard_of(cache, hash), key, hash, ttl_ms, negative_ttl_ms, fn, arg};
    for (bool again = true; again;) {
        Found found = memory_look(c, fill.shard, key, hash);
        if (found.found && found.negative) return negative_unpack(c, found.value);
        *out = found.value;
        if (found.found) return NULL;
        if (!c->coro) return fn(c, arg, out); /* a plain thread cannot wait for another's */
        TRY(fill_once(c, &fill, out, &again));
    }
    return NULL;
}

CacheStats cache_stats(Cache *cache) {
    CacheStats sum = {0};
    for (int i = 0; i < cache->shard_count; i++) {
        Shard *s = &cache->shards[i];
        lock(s);
        sum.hits += s->hits;
        sum.misses += s->misses;
        sum.evictions += cache_memory_evictions(s->memory);
        sum.bytes += cache_memory_bytes(s->memory);
        sum.entries += cache_memory_count(s->memory);
        unlock(s);
    }
    return sum;
}
