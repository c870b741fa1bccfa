/* SPDX-License-Identifier: Apache-2.0
 * What the operating system and the other rooms know, asked at scrape. */
#include "ops/base_metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app.h"
#include "core/log.h"
#include "core/time.h"
#include "rt/offload.h"
#include "work/jobs.h"

/* -- The process ------------------------------------------------------------------------------- */

typedef struct Process {
    /* -1: this system does not say */
    int64_t cpu_us, started_us, resident_bytes, virtual_bytes, fds, fds_max;
} Process;

static void memory_read(Process *p) {
    long long pages_virtual, pages_resident;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f) return;
    if (fscanf(f, "%lld %lld", &pages_virtual, &pages_resident) == 2) {
        int64_t page = sysconf(_SC_PAGESIZE);
        p->virtual_bytes = pages_virtual * page;
        p->resident_bytes = pages_resident * page;
    }
    fclose(f);
}

static void fds_read(Process *p) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        p->fds_max = (int64_t)limit.rlim_cur;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) return;
    int64_t n = 0;
    for (struct dirent *e; (e = readdir(dir));) n += e->d_name[0] != '.';
    closedir(dir);
    p->fds = n - 1; /* without the folder's own */
}

static void process_read(void *arg) {
    Process *p = arg;
    struct rusage used;
    p->cpu_us = p->resident_bytes = p->virtual_bytes = p->fds = p->fds_max = -1;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        p->cpu_us = (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * US_PER_SECOND +
                    used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    memory_read(p);
    fds_read(p);
}

/* On a pool thread: with ten thousand connections the list of descriptors is long. */
static const void *process_prepare(Ctx *c) {
    Process *p = arena_new_of(c->arena, Process);
    p->started_us = time_now().us - (c->app ? mono_us() - c->app->started_us : 0);
    return offload(c, LANE_SHORT, process_read, p) ? NULL : p;
}

static const Metric process_rows[] = {
    {"process_cpu_seconds", METRIC_COUNTER, "Processor time of user and system.",
     .figure = FIGURE(Process, cpu_us), .per_unit = US_PER_SECOND},
    {"process_start_time_seconds", METRIC_GAUGE, "When the process started, in seconds since 1970.",
     .figure = FIGURE(Process, started_us), .per_unit = US_PER_SECOND},
    {"process_resident_memory_bytes", METRIC_GAUGE, "Memory in RAM.",
     .figure = FIGURE(Process, resident_bytes)},
    {"process_virtual_memory_bytes", METRIC_GAUGE, "Address space in use.",
     .figure = FIGURE(Process, virtual_bytes)},
    {"process_open_fds", METRIC_GAUGE, "Open file descriptors.", .figure = FIGURE(Process, fds)},
    {"process_max_fds", METRIC_GAUGE, "Most file descriptors that may be open.",
     .figure = FIGURE(Process, fds_max)},
};
const MetricTable process_metrics = {process_rows, COUNT(process_rows), process_prepare};

/* -- The rooms --------------------------------------------------------------------------------- */

typedef struct Figures {
    const char *engine;
    JobStats jobs;
    bool jobs_known, cache_known;
    CacheStats cache;
    int64_t connections, redis_up, dropped; /* -1: this process has none */
} Figures;

/* Counting jobs reads an index from end to end: at most once a second, however many scrape. */
static bool jobs_read(Ctx *c, JobStats *out) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static JobStats last;
    static int64_t last_us;
    enum { GOOD_FOR_MS = 1000, WITHIN_MS = 2000 };
    pthread_mutex_lock(&lock);
    bool fresh = last_us != 0 && mono_us() - last_us < GOOD_FOR_MS * US_PER_MS;
    if (fresh) *out = last;
    pthread_mutex_unlock(&lock);
    if (fresh) return true;
    JobStats now;
    int64_t former = ctx_deadline_within(c, WITHIN_MS);
    Err *err = job_stats(c, &now);
    c->deadline_us = former;
    if (err) return false;
    pthread_mutex_lock(&lock);
    last = *out = now;
    last_us = mono_us();
    pthread_mutex_unlock(&lock);
    return true;
}

static const void *figures_prepare(Ctx *c) {
    Figures *f = arena_new_of(c->arena, Figures);
    f->connections = f->redis_up = f->jobs.oldest_waiting_ms = -1;
    f->cache = (CacheStats){-1, -1, -1, -1, -1};
    f->dropped = log_dropped();
    if (!c->app) return f;
    const App *app = c->app;
    if (app->server) f->connections = http_connections(app->server);
    if (app->redis) f->redis_up = redis_up(app->redis);
    if (app->cache) {
        f->cache = cache_stats(app->cache);
        f->cache_known = true;
    }
    if (app->db) {
        f->engine = db_engine(c) == ENGINE_SQLITE ? "sqlite" : "postgresql";
        f->jobs_known = jobs_read(c, &f->jobs);
    }
    return f;
}

static void build_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const Figures *f = prepared;
    (void)c;
    metric_sample(out, (Str[]){S(SOCLE_VERSION), f->engine ? str_c(f->engine) : S("none")}, 1);
}

static void jobs_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const Figures *f = prepared;
    (void)c;
    if (!f->jobs_known) return;
    const struct {
        Str state;
        int64_t count;
    } rows[] = {{S("waiting"), f->jobs.waiting}, {S("delayed"), f->jobs.delayed},
                {S("running"), f->jobs.running}, {S("done"), f->jobs.done},
                {S("dead"), f->jobs.dead},       {S("cancelled"), f->jobs.cancelled}};
    for (ptrdiff_t i = 0; i < COUNT(rows); i++)
        metric_sample(out, &rows[i].state, (double)rows[i].count);
}

static void lookups_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const Figures *f = prepared;
    (void)c;
    if (!f->cache_known) return;
    Str hit = S("hit"), miss = S("miss");
    metric_sample(out, &hit, (double)f->cache.hits);
    metric_sample(out, &miss, (double)f->cache.misses);
}

static const Metric app_rows[] = {
    {"socle_build_info", METRIC_GAUGE, "1, for its labels: what runs here.",
     .labels = "version engine", .collect = build_collect},
    {"socle_http_connections", METRIC_GAUGE, "Open connections of clients.",
     .figure = FIGURE(Figures, connections)},
    {"socle_jobs", METRIC_GAUGE, "Jobs by state, of all nodes.", .labels = "state",
     .collect = jobs_collect},
    {"socle_jobs_oldest_waiting_seconds", METRIC_GAUGE,
     "How long the oldest job that could run has waited.",
     .figure = FIGURE(Figures, jobs.oldest_waiting_ms), .per_unit = 1000},
    {"socle_cache_lookups", METRIC_COUNTER, "Look-ups in the cache.", .labels = "result",
     .collect = lookups_collect},
    {"socle_cache_evictions", METRIC_COUNTER, "Entries pushed out of the cache's memory.",
     .figure = FIGURE(Figures, cache.evictions)},
    {"socle_cache_bytes", METRIC_GAUGE, "Memory taken by the cache.",
     .figure = FIGURE(Figures, cache.bytes)},
    {"socle_cache_entries", METRIC_GAUGE, "Entries in the cache's memory.",
     .figure = FIGURE(Figures, cache.entries)},
    {"socle_redis_up", METRIC_GAUGE, "1 while Redis answers; absent when none is configured.",
     .figure = FIGURE(Figures, redis_up)},
    {"socle_log_lines_dropped", METRIC_COUNTER, "Lines of the log that found no room.",
     .figure = FIGURE(Figures, dropped)},
};
const MetricTable app_metrics = {app_rows, COUNT(app_rows), figures_prepare};
