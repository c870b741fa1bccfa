/* SPDX-License-Identifier: Apache-2.0
 * A shard per thread: an open-addressing table of series, which only its thread writes. A series is
 * published by a release store and never goes, so a scrape on another thread may walk the table at
 * any time. Counts are relaxed: a scrape may see a request's status before its duration. */
#include "ops/http_metrics.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/map.h"
#include "rt/coro.h"

enum { SLOTS = 1024, BOUNDS = 14, FAMILY_BATCH = 64 };
static_assert(HTTP_SERIES_MAX * 4 <= SLOTS * 3, "the table must keep free slots");

static const int64_t bounds_us[BOUNDS] = {500,     1000,    2500,    5000,    10000,
                                          25000,   50000,   100000,  250000,  500000,
                                          1000000, 2500000, 5000000, 10000000};

typedef struct Series {
    uint64_t hash;
    Method method;
    Str route; /* its own copy */
    _Atomic int64_t buckets[BOUNDS + 1], sum_us, bytes;
    _Atomic int
        statuses[HTTP_STATUSES_MAX]; /* 0: free; the last one stands for all that found no place */
    _Atomic int64_t counts[HTTP_STATUSES_MAX];
} Series;

typedef struct Shard {
    struct Shard *next;
    int series;
    _Atomic(Series *) slots[SLOTS];
} Shard;

static _Atomic(Shard *) shards;
static _Thread_local Shard *shard_mine;

static Shard *shard_here(void) {
    if (shard_mine) return shard_mine;
    Shard *shard = calloc(1, sizeof *shard);
    if (!shard) abort();
    shard->next = atomic_load(&shards);
    while (!atomic_compare_exchange_weak(&shards, &shard->next, shard)) continue;
    return shard_mine = shard;
}

static void count_add(_Atomic int64_t *at, int64_t n) {
    atomic_store_explicit(at, atomic_load_explicit(at, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static Series *series_new(Str route, Method method, uint64_t hash) {
    Series *s = calloc(1, sizeof *s + (size_t)route.len + 1);
    if (!s) abort();
    char *text = (char *)(s + 1);
    memcpy(text, route.data, (size_t)route.len);
    s->route = str_of(text, route.len);
    s->method = method;
    s->hash = hash;
    return s;
}

static Series *series_find(Shard *shard, Str route, Method method) {
    uint64_t hash = str_hash(route) ^ ((uint64_t)method * 0x9E3779B97F4A7C15u);
    for (uint64_t i = hash >> 7;; i++) {
        _Atomic(Series *) *slot = &shard->slots[i % SLOTS];
        Series *s = atomic_load_explicit(slot, memory_order_relaxed);
        if (!s) {
            Str other = S("(other)");
            if (shard->series >= HTTP_SERIES_MAX && !str_eq(route, other))
                return series_find(shard, other, METHOD_OTHER);
            shard->series++;
            s = series_new(route, method, hash);
            atomic_store_explicit(slot, s, memory_order_release);
            return s;
        }
        if (s->hash == hash && s->method == method && str_eq(s->route, route)) return s;
    }
}

static void status_count(Series *s, int status) {
    int at = 0;
    for (; at < HTTP_STATUSES_MAX - 1; at++) {
        int there = atomic_load_explicit(&s->statuses[at], memory_order_relaxed);
        if (there == status) break;
        if (there != 0) continue;
        atomic_store_explicit(&s->statuses[at], status, memory_order_release);
        break;
    }
    count_add(&s->counts[at], 1);
}

void http_metrics_count(HttpSeen seen) {
    assert(seen.status >= 0);
    Str route = seen.route.len > 0 ? seen.route : S("(unmatched)");
    Series *s = series_find(shard_here(), route, seen.method);
    status_count(s, seen.status);
    count_add(&s->bytes, seen.bytes);
    if (seen.duration_us < 0) return;
    int bucket = 0;
    while (bucket < BOUNDS && seen.duration_us > bounds_us[bucket]) bucket++;
    count_add(&s->buckets[bucket], 1);
    count_add(&s->sum_us, seen.duration_us);
}

/* -- Scrape: the shards' series added up, by method and pattern -------------------------------- */

typedef struct Sum {
    Str route;
    const char *method;
    int64_t buckets[BOUNDS + 1], sum_us, bytes;
    int64_t timed;
    int statuses[HTTP_STATUSES_MAX];
    int64_t counts[HTTP_STATUSES_MAX];
} Sum;

typedef struct Sums {
    Map by_key;
    Sum **items;
    ptrdiff_t count, cap;
} Sums;

static Sum *sum_of(Arena *arena, Sums *sums, const Series *s) {
    const char *method = method_name(s->method);
    Str key = strf(arena, "%.*s %s", S_ARG(s->route), method);
    Sum *sum = map_get(&sums->by_key, key);
    if (sum) return sum;
    sum = arena_new_of(arena, Sum);
    sum->route = s->route;
    sum->method = method;
    map_set(&sums->by_key, key, sum);
    if (sums->count == sums->cap) {
        ptrdiff_t each = (ptrdiff_t)sizeof(Sum *), cap = sums->cap ? sums->cap * 2 : 128;
        sums->items = arena_grow(arena, sums->items, sums->cap * each, cap * each);
        sums->cap = cap;
    }
    sums->items[sums->count++] = sum;
    return sum;
}

static void sum_status(Sum *sum, int status, int64_t n) {
    int at = 0;
    while (at < HTTP_STATUSES_MAX - 1 && sum->statuses[at] != 0 && sum->statuses[at] != status)
        at++;
    if (at < HTTP_STATUSES_MAX - 1) sum->statuses[at] = status;
    sum->counts[at] += n;
}

static void sum_add(Sum *sum, Series *s) {
    for (int i = 0; i <= BOUNDS; i++) {
        int64_t n = atomic_load_explicit(&s->buckets[i], memory_order_relaxed);
        sum->buckets[i] += n;
        sum->timed += n;
    }
    sum->sum_us += atomic_load_explicit(&s->sum_us, memory_order_relaxed);
    sum->bytes += atomic_load_explicit(&s->bytes, memory_order_relaxed);
    for (int i = 0; i < HTTP_STATUSES_MAX; i++) {
        int status = atomic_load_explicit(&s->statuses[i], memory_order_acquire);
        int64_t n = atomic_load_explicit(&s->counts[i], memory_order_relaxed);
        if (n == 0) continue;
        if (i < HTTP_STATUSES_MAX - 1)
            sum_status(sum, status, n);
        else
            sum->counts[i] += n;
    }
}

static int sum_order(const void *a, const void *b) {
    const Sum *x = *(Sum *const *)a, *y = *(Sum *const *)b;
    int order = str_cmp(x->route, y->route);
    return order ? order : strcmp(x->method, y->method);
}

static const void *http_prepare(Ctx *c) {
    Sums *sums = arena_new_of(c->arena, Sums);
    sums->by_key.arena = c->arena;
    for (Shard *shard = atomic_load(&shards); shard; shard = shard->next)
        for (int i = 0; i < SLOTS; i++) {
            Series *s = atomic_load_explicit(&shard->slots[i], memory_order_acquire);
            if (s) sum_add(sum_of(c->arena, sums, s), s);
        }
    if (sums->count) qsort(sums->items, (size_t)sums->count, sizeof(Sum *), sum_order);
    return sums;
}

static void requests_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const Sums *sums = prepared;
    for (ptrdiff_t i = 0; i < sums->count; i++) {
        const Sum *sum = sums->items[i];
        for (int s = 0; s < HTTP_STATUSES_MAX; s++) {
            if (sum->counts[s] == 0) continue;
            bool other = s == HTTP_STATUSES_MAX - 1;
            Str status = other ? S("other") : strf(c->arena, "%d", sum->statuses[s]);
            metric_sample(out, (Str[]){str_c(sum->method), sum->route, status},
                          (double)sum->counts[s]);
        }
    }
}

static void durations_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const Sums *sums = prepared;
    for (ptrdiff_t i = 0; i < sums->count; i++) {
        const Sum *sum = sums->items[i];
        if (sum->timed > 0)
            metric_histogram(out, (Str[]){str_c(sum->method), sum->route}, sum->buckets,
                             sum->sum_us);
        if (c->coro && i % FAMILY_BATCH == FAMILY_BATCH - 1) coro_yield(c);
    }
}

static void bytes_collect(Ctx *c, const void *prepared, MetricOut *out) {
    (void)c;
    const Sums *sums = prepared;
    for (ptrdiff_t i = 0; i < sums->count; i++) {
        const Sum *sum = sums->items[i];
        metric_sample(out, (Str[]){str_c(sum->method), sum->route}, (double)sum->bytes);
    }
}

static const Metric metrics[] = {
    {"http_requests", METRIC_COUNTER, "Requests answered, by method, route pattern and status.",
     .labels = "method path status", .collect = requests_collect},
    {"http_request_duration_seconds", METRIC_HISTOGRAM,
     "From the request's head to the end of its answer.", .labels = "method path",
     .collect = durations_collect, .bounds = bounds_us, .bound_count = BOUNDS,
     .per_unit = US_PER_SECOND},
    {"http_response_bytes", METRIC_COUNTER, "Bytes of answers, heads included.",
     .labels = "method path", .collect = bytes_collect},
};
const MetricTable http_metrics = {metrics, COUNT(metrics), http_prepare};
