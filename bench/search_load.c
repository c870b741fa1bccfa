/* Load on the engine of this program: closed loop (each thread asks as fast as it is answered) or
 * open loop (queries are due at a fixed rate whether or not the engine keeps up, and latency counts
 * from when a query was due).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/time.h"
#include "search_bench.h"

enum { LATE_US = 2000000 }; /* an open loop is given up so long after its end */

int64_t memory_kb(const char *name) {
    char line[256];
    int64_t kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name))) kb = strtoll(line + strlen(name), NULL, 10);
    if (f) fclose(f);
    return kb;
}

typedef struct Run {
    Queries queries;
    Load load;
    int64_t start_us, end_us;
    atomic_llong arrivals;
} Run;

typedef struct Worker {
    Run *run;
    pthread_t thread;
    void *asker;
    int number;
    uint32_t *took_us, *cpu_us;
    int64_t count, cap, matches;
} Worker;

static void *grown(void *old, int64_t count, size_t size) {
    void *room = realloc(old, (size_t)count * size);
    if (!room) abort();
    return room;
}

static void took_add(Worker *w, int64_t took_us, int64_t cpu_us) {
    if (w->count == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 4096;
        w->took_us = grown(w->took_us, w->cap, sizeof *w->took_us);
        w->cpu_us = grown(w->cpu_us, w->cap, sizeof *w->cpu_us);
    }
    w->took_us[w->count] = (uint32_t)took_us;
    w->cpu_us[w->count++] = (uint32_t)cpu_us;
}

/* Wait for the next arrival of an open loop; returns when it was due, -1 after the last one. */
static int64_t arrival_wait(Run *run, int64_t *number) {
    *number = atomic_fetch_add(&run->arrivals, 1);
    int64_t due = run->start_us + (int64_t)((double)*number * 1e6 / run->load.rate);
    if (due >= run->end_us || mono_us() > run->end_us + LATE_US) return -1;
    for (int64_t now = mono_us(); now < due; now = mono_us()) usleep((useconds_t)(due - now));
    return due;
}

/* Of the calling thread: depends little on who else uses the machine. */
static int64_t cpu_now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void *worker_run(void *arg) {
    Worker *w = arg;
    Run *run = w->run;
    for (int64_t i = w->number;; i += run->load.threads) {
        int64_t number = i, from = run->load.rate > 0 ? arrival_wait(run, &number) : mono_us();
        if (from < 0 || from >= run->end_us) break;
        int64_t cpu_us = cpu_now_us();
        w->matches += bench_engine.ask(w->asker, &run->queries.items[number % run->queries.count]);
        took_add(w, mono_us() - from, cpu_now_us() - cpu_us);
    }
    return NULL;
}

static int by_size(const void *x, const void *y) {
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

static double mean_of(const uint32_t *us, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += us[i];
    return sum / (double)count;
}

static void print_line(const Load *load, Worker *all, double seconds) {
    int64_t n = all->count;
    uint32_t *took = all->took_us, *cpu = all->cpu_us;
    if (n == 0) die("%s: not one query was answered", load->what);
    qsort(took, (size_t)n, sizeof *took, by_size);
    qsort(cpu, (size_t)n, sizeof *cpu, by_size);
    printf("{\"what\": \"%s\", \"threads\": %d, \"rate_asked\": %.0f, \"rate\": %.1f, "
           "\"answers\": %lld, \"mean_us\": %.0f, \"p50_us\": %u, \"p90_us\": %u, "
           "\"p99_us\": %u, \"p999_us\": %u, \"max_us\": %u, \"cpu_mean_us\": %.0f, "
           "\"cpu_p50_us\": %u, \"cpu_p99_us\": %u, \"matches\": %.0f}\n",
           load->what, load->threads, load->rate, (double)n / seconds, (long long)n,
           mean_of(took, n), took[n / 2], took[n * 9 / 10], took[n * 99 / 100],
           took[n * 999 / 1000], took[n - 1], mean_of(cpu, n), cpu[n / 2], cpu[n * 99 / 100],
           (double)all->matches / (double)n);
    fflush(stdout);
}

void load_run(Queries queries, Load load) {
    Run run = {.queries = queries, .load = load};
    Worker *workers = calloc((size_t)load.threads, sizeof *workers), all = {0};
    if (!workers) abort();
    for (int i = 0; i < load.threads; i++)
        workers[i] = (Worker){.run = &run, .number = i, .asker = bench_engine.asker()};
    run.start_us = mono_us();
    run.end_us = run.start_us + (int64_t)(load.seconds * 1e6);
    for (int i = 0; i < load.threads; i++)
        if (pthread_create(&workers[i].thread, NULL, worker_run, &workers[i])) die("no thread");
    for (int i = 0; i < load.threads; i++) pthread_join(workers[i].thread, NULL);
    double seconds = (double)(mono_us() - run.start_us) / 1e6;
    for (int i = 0; i < load.threads; i++) {
        Worker *w = &workers[i];
        for (int64_t k = 0; k < w->count; k++) took_add(&all, w->took_us[k], w->cpu_us[k]);
        all.matches += w->matches;
        bench_engine.asker_free(w->asker);
        free(w->took_us);
        free(w->cpu_us);
    }
    print_line(&load, &all, seconds);
    free(all.took_us);
    free(all.cpu_us);
    free(workers);
}
