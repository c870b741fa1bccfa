/* The main program of every measured engine (see search_bench.h):
 *
 *   build DATA FOLDER            DATA/posts.bin into a new index in FOLDER
 *   ask DATA FOLDER STEP...      open the index, then step by step
 *     kinds                      each kind of query by itself, closed loop, one thread
 *     kind:NAME                  one kind
 *     mix:THREADS                all kinds, closed loop
 *     rate:RATE                  all kinds at so many a second, 16 threads
 *     write:THREADS              all kinds, closed loop, while one thread writes single posts
 *     seconds:S                  how long the steps behind it last (2)
 *
 * A profile of one kind: perf record -g search_bench ask DATA FOLDER seconds:10 kind:typo
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/time.h"
#include "search_bench.h"

enum { BATCH = 2500, RATE_THREADS = 16 };

/* ---- building */

static int64_t folder_bytes;
static int folder_add(const char *path, const struct stat *s, int kind, struct FTW *at) {
    (void)path, (void)at;
    if (kind == FTW_F) folder_bytes += (int64_t)s->st_blocks * 512;
    return 0;
}

static double cpu_seconds(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void build(const char *data, const char *folder) {
    static Post posts[BATCH];
    Corpus *corpus = corpus_open(data);
    int64_t start = mono_us(), count = 0, top_kb = 0, base_kb = memory_kb("RssAnon:");
    bench_engine.create(folder);
    for (ptrdiff_t n; (n = corpus_read(corpus, posts, BATCH)) > 0; count += n) {
        bench_engine.add(posts, n);
        top_kb = max_i64(top_kb, memory_kb("RssAnon:"));
    }
    bench_engine.finish();
    int64_t built = mono_us();
    double cpu = cpu_seconds();
    top_kb = max_i64(top_kb, memory_kb("RssAnon:"));
    bench_engine.settle();
    int64_t settled = mono_us();
    corpus_close(corpus);
    sync();
    nftw(folder, folder_add, 16, FTW_PHYS);
    printf("{\"what\": \"build\", \"engine\": \"%s\", \"documents\": %lld, \"seconds\": %.2f, "
           "\"rate\": %.0f, \"cpu_seconds\": %.2f, \"settle_seconds\": %.2f, "
           "\"disk_bytes\": %lld, \"peak_kb\": %lld, \"peak_anon_kb\": %lld}\n",
           bench_engine.name, (long long)count, (double)(built - start) / 1e6,
           (double)count * 1e6 / (double)(built - start), cpu, (double)(settled - built) / 1e6,
           (long long)folder_bytes, (long long)memory_kb("VmHWM:"), (long long)(top_kb - base_kb));
}

/* ---- writing beside searches */

typedef struct Writing {
    const char *data;
    atomic_bool stop;
    int64_t count, worst_us;
} Writing;

static void *writing_run(void *arg) {
    static Post posts[BATCH];
    Writing *w = arg;
    Corpus *corpus = corpus_open(w->data);
    for (ptrdiff_t n; !atomic_load(&w->stop) && (n = corpus_read(corpus, posts, BATCH)) > 0;)
        for (ptrdiff_t i = 0; i < n && !atomic_load(&w->stop); i++) {
            static int64_t next = 1000000000000; /* keys that no corpus has, also in later steps */
            posts[i].key = next++;
            int64_t from = mono_us();
            bench_engine.write(&posts[i]);
            w->worst_us = max_i64(w->worst_us, mono_us() - from);
            w->count++;
        }
    corpus_close(corpus);
    return NULL;
}

static void *upkeep_run(void *arg) {
    Writing *w = arg;
    while (!atomic_load(&w->stop))
        if (!bench_engine.upkeep()) usleep(20000);
    return NULL;
}

static void measure_writing(const char *data, Queries queries, Load load) {
    Writing w = {.data = data};
    pthread_t writer, keeper;
    int64_t start = mono_us();
    if (!bench_engine.write) return;
    pthread_create(&writer, NULL, writing_run, &w);
    if (bench_engine.upkeep) pthread_create(&keeper, NULL, upkeep_run, &w);
    load_run(queries, load);
    atomic_store(&w.stop, true);
    pthread_join(writer, NULL);
    double seconds = (double)(mono_us() - start) / 1e6;
    if (bench_engine.upkeep) pthread_join(keeper, NULL);
    printf("{\"what\": \"writes\", \"rate\": %.0f, \"worst_us\": %lld}\n",
           (double)w.count / seconds, (long long)w.worst_us);
}

/* ---- asking */

static void print_memory(const char *when) {
    printf("{\"what\": \"memory\", \"when\": \"%s\", \"rss_kb\": %lld, \"anon_kb\": %lld}\n", when,
           (long long)memory_kb("VmRSS:"), (long long)memory_kb("RssAnon:"));
}

static void measure_kind(const char *data, Kind kind, double seconds) {
    if (bench_engine.cannot & 1u << kind) return;
    Load load = {.what = kind_names[kind], .threads = 1, .seconds = seconds};
    load_run(queries_read(data, kind), load);
}

static bool step_is(const char *step, const char *verb, double *number) {
    size_t len = strlen(verb);
    return !strncmp(step, verb, len) && str_to_f64(str_c(step + len), number) && *number > 0;
}

static void step_run(const char *data, const char *step, Queries mix, double *seconds) {
    double number;
    if (step_is(step, "seconds:", &number)) {
        *seconds = number;
    } else if (!strcmp(step, "kinds")) {
        for (int k = 0; k < KINDS; k++) measure_kind(data, (Kind)k, *seconds);
    } else if (!strncmp(step, "kind:", 5)) {
        int k = 0;
        while (k < KINDS && strcmp(step + 5, kind_names[k])) k++;
        if (k == KINDS) die("no kind of query has the name %s", step + 5);
        measure_kind(data, (Kind)k, *seconds);
    } else if (step_is(step, "mix:", &number)) {
        load_run(mix, (Load){"mix", (int)number, *seconds, 0});
    } else if (step_is(step, "rate:", &number)) {
        load_run(mix, (Load){"rate", RATE_THREADS, *seconds, number});
    } else if (step_is(step, "write:", &number)) {
        measure_writing(data, mix, (Load){"mix_writing", (int)number, *seconds, 0});
    } else {
        die("%s is no step", step);
    }
}

static void ask(const char *data, const char *folder, char **steps) {
    double seconds = 2;
    Queries mix = queries_read(data, KINDS);
    int64_t start = mono_us();
    bench_engine.open(folder);
    printf("{\"what\": \"open\", \"us\": %lld}\n", (long long)(mono_us() - start));
    print_memory("open");
    for (; *steps; steps++) step_run(data, *steps, mix, &seconds);
    print_memory("end");
}

int main(int argc, char **argv) {
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* for every engine what socle's rt/loop.c sets */
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    if (argc == 4 && !strcmp(argv[1], "build"))
        build(argv[2], argv[3]);
    else if (argc >= 4 && !strcmp(argv[1], "ask"))
        ask(argv[2], argv[3], argv + 4);
    else
        die("usage: build DATA FOLDER | ask DATA FOLDER STEP...");
    return 0;
}
