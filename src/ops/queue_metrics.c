/* SPDX-License-Identifier: Apache-2.0
 * How long each queue of jobs lets its work wait: one that is kept up with says nothing of one that is
 * not. Read at scrape; only queues in which something waits are shown. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "ops/base_metrics.h"
#include "work/jobs.h"

enum { QUEUES_MAX = 64, NAME_BYTES_MAX = 64, GOOD_FOR_MS = 1000, WITHIN_MS = 2000 };

typedef struct Queue {
    char name[NAME_BYTES_MAX];
    int64_t waiting, oldest_ms;
} Queue;
typedef struct Queues {
    Queue items[QUEUES_MAX];
    ptrdiff_t count;
} Queues;

static Err *queues_ask(Ctx *c, Queues *out) {
    JobWaiting *all;
    ptrdiff_t count;
    int64_t former = ctx_deadline_within(c, WITHIN_MS);
    Err *err = job_queues_waiting(c, &all, &count);
    c->deadline_us = former;
    if (err) return err;
    out->count = min_size(count, QUEUES_MAX);
    for (ptrdiff_t i = 0; i < out->count; i++) {
        Queue *q = &out->items[i];
        Str name = str_slice(all[i].queue, 0, min_size(all[i].queue.len, NAME_BYTES_MAX - 1));
        memset(q, 0, sizeof *q);
        memcpy(q->name, name.data, (size_t)name.len);
        q->waiting = all[i].count;
        q->oldest_ms = all[i].oldest_ms;
    }
    return NULL;
}

/* At most once a second, however many scrape. */
static const void *prepare(Ctx *c) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static Queues last;
    static int64_t last_us;
    Queues *out = arena_new_of(c->arena, Queues);
    if (!c->app || !c->app->db) return NULL;
    pthread_mutex_lock(&lock);
    bool fresh = last_us != 0 && mono_us() - last_us < GOOD_FOR_MS * US_PER_MS;
    if (fresh) *out = last;
    pthread_mutex_unlock(&lock);
    if (fresh) return out;
    if (queues_ask(c, out)) return NULL;
    pthread_mutex_lock(&lock);
    last = *out;
    last_us = mono_us();
    pthread_mutex_unlock(&lock);
    return out;
}

static void waiting_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const Queues *all = prepared;
    (void)c;
    for (ptrdiff_t i = 0; i < all->count; i++)
        metric_sample(out, (Str[]){str_c(all->items[i].name)}, (double)all->items[i].waiting);
}

static void oldest_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const Queues *all = prepared;
    (void)c;
    for (ptrdiff_t i = 0; i < all->count; i++)
        metric_sample(out, (Str[]){str_c(all->items[i].name)},
                      (double)all->items[i].oldest_ms / 1000);
}

static const Metric rows[] = {
    {"socle_job_queue_waiting", METRIC_GAUGE, "Jobs that could run, by queue, of all nodes.",
     .labels = "queue", .collect = waiting_collect},
    {"socle_job_queue_oldest_seconds", METRIC_GAUGE,
     "How long the oldest of them has waited; absent where none does.", .labels = "queue",
     .collect = oldest_collect},
};
const MetricTable queue_metrics = {rows, COUNT(rows), prepare};
