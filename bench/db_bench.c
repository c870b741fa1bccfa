/* SPDX-License-Identifier: Apache-2.0
 * What the database does in this process, without HTTP: durable single inserts, transactions, point
 * reads, bulk rows. One line a workload: name, operations a second, µs at the median and the 99th
 * percentile.
 *
 *   db_bench [URL [COROUTINES [LOOPS [SECONDS]]]]     URL empty: SQLite in a new folder under
 * $TMPDIR */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/rand.h"
#include "core/time.h"
#include "data/db.h"
#include "rt/coro.h"

struct App {
    Db *db;
};
Db *app_db(Ctx *c) { return c->app->db; }

enum { SAMPLES = 1 << 20, ROWS = 100000 };

static struct App app;
static DbOptions options;
static int64_t coroutines = 64, loops = 1, seconds = 3;

typedef struct Work {
    const char *name;
    Err *(*one)(Ctx *c, int64_t i);
    int64_t per_call;
} Work;

typedef struct Run {
    const Work *work;
    _Atomic int64_t done, left, samples;
    int64_t until_us;
    int32_t *took_us;
    Coro *waiting;
} Run;

typedef struct Post {
    Id id;
    int64_t likes;
    Str text;
    Time at;
} Post;
static const Field post_fields[] = {
    FIELD(Post, id, .flags = F_READONLY),
    FIELD(Post, likes),
    FIELD(Post, text),
    FIELD(Post, at),
};
static const Record post_record = RECORD(Post, post_fields, .table = "posts");

#define INSERT SQL("INSERT INTO posts (likes, text, at) VALUES ($1, $2, $3)")
#define TEXT                                                                                     \
    S("About a hundred bytes of what people write when they have got little to say but like to " \
      "say it.")

static Err *insert(Ctx *c, int64_t i) {
    return db_exec(c, INSERT, ARGS(V(i), V(TEXT), V(time_now())), NULL);
}

static Err *insert_two_in(Ctx *c, void *arg) {
    int64_t *i = arg;
    TRY(insert(c, *i));
    return db_exec(c, SQL("UPDATE posts SET likes = likes + 1 WHERE id = $1"),
                   ARGS(V(*i % ROWS + 1)), NULL);
}
static Err *insert_and_update(Ctx *c, int64_t i) { return db_transaction(c, insert_two_in, &i); }

static Err *read_one(Ctx *c, int64_t i) {
    Post p = {0};
    (void)i;
    Id id = {rand_below(rand_thread(), ROWS) + 1};
    return db_one(c, SQL("SELECT id, likes, text, at FROM posts WHERE id = $1"), ARGS(V(id)),
                  &post_record, &p);
}

static Err *read_twenty(Ctx *c, int64_t i) {
    Rows rows;
    (void)i;
    return db_query(c,
                    SQL("SELECT id, likes, text, at FROM posts WHERE id > $1 ORDER BY id LIMIT 20"),
                    ARGS(V(rand_below(rand_thread(), ROWS))), &post_record, &rows);
}

static Err *bulk_in(Ctx *c, void *arg) {
    (void)arg;
    Args *rows = arena_array(c->arena, Args, 1000);
    Value *v = arena_array(c->arena, Value, 3000);
    for (int i = 0; i < 1000; i++) {
        v[i * 3] = V(i);
        v[i * 3 + 1] = V(TEXT);
        v[i * 3 + 2] = V(time_now());
        rows[i] = (Args){v + i * 3, 3};
    }
    return db_exec_many(c, INSERT, rows, 1000);
}
static Err *bulk(Ctx *c, int64_t i) {
    (void)i;
    return db_transaction(c, bulk_in, NULL);
}

static const Work works[] = {
    {"durable inserts", insert, 1},           {"transactions of two writes", insert_and_update, 1},
    {"bulk rows, 1000 a commit", bulk, 1000}, {"point reads", read_one, 1},
    {"reads of twenty rows", read_twenty, 1},
};

static void worker(Ctx *c, void *arg) {
    Run *run = arg;
    for (;;) {
        int64_t began = mono_us();
        if (began >= run->until_us) break;
        ArenaMark mark = arena_mark(c->arena);
        Err *err = run->work->one(c, run->done);
        if (err) {
            fprintf(stderr, "%s: %.*s\n", run->work->name, S_ARG(err_chain(c->arena, err)));
            exit(1);
        }
        arena_release(c->arena, mark);
        run->done++;
        run->took_us[run->samples++ % SAMPLES] = (int32_t)(mono_us() - began);
        if (run->done % 32 == 0) coro_yield(c);
    }
    if (--run->left == 0) coro_wake_posted(run->waiting);
}

static int by_time(const void *a, const void *b) {
    return *(const int32_t *)a - *(const int32_t *)b;
}

static void work_measure(Ctx *c, const Work *work) {
    Run run = {.work = work, .left = coroutines, .waiting = c->coro};
    run.took_us = malloc(SAMPLES * sizeof *run.took_us);
    if (!run.took_us) abort();
    int64_t began = mono_us();
    run.until_us = began + seconds * US_PER_SECOND;
    for (int64_t i = 0; i < coroutines; i++)
        coro_spawn_on(loop_at((int)(i % loops)), (CoroOptions){.name = "worker", .app = &app},
                      worker, &run);
    while (run.left > 0) coro_wait_surely(c);
    double took_s = (double)(mono_us() - began) / 1e6;
    int64_t n = min_i64(run.samples, SAMPLES);
    qsort(run.took_us, (size_t)n, sizeof *run.took_us, by_time);
    printf("%-28s %10.0f/s   p50 %6d us   p99 %6d us\n", work->name,
           (double)(run.done * work->per_call) / took_s, run.took_us[n / 2],
           run.took_us[n * 99 / 100]);
    free(run.took_us);
}

static Err *bench(Ctx *c) {
    TRY(db_open(c, options, &app.db));
    TRY(db_exec(c, SQL("DROP TABLE IF EXISTS posts"), NO_ARGS, NULL));
    TRY(db_exec(c,
                SQL2("CREATE TABLE posts (id INTEGER PRIMARY KEY, likes INTEGER, text TEXT, at "
                     "INTEGER) STRICT",
                     "CREATE TABLE posts (id BIGSERIAL PRIMARY KEY, likes BIGINT, text TEXT, at "
                     "TIMESTAMPTZ)"),
                NO_ARGS, NULL));
    for (int i = 0; i < ROWS / 1000; i++) TRY(bulk(c, 0));
    for (ptrdiff_t i = 0; i < COUNT(works); i++) work_measure(c, &works[i]);
    db_close(app.db);
    return NULL;
}

static void bench_main(Ctx *c, void *arg) {
    (void)arg;
    Err *err = bench(c);
    if (err) fprintf(stderr, "%.*s\n", S_ARG(err_chain(c->arena, err)));
    rt_stop(1000);
}

static void number(int argc, char **argv, int at, int64_t *out) {
    if (argc > at && !str_to_i64(str_c(argv[at]), out)) exit(2);
}

int main(int argc, char **argv) {
    const char *tmp = getenv("TMPDIR");
    char folder[256];
    snprintf(folder, sizeof folder, "%s/socle-bench-XXXXXX", tmp ? tmp : "/tmp");
    number(argc, argv, 2, &coroutines);
    number(argc, argv, 3, &loops);
    number(argc, argv, 4, &seconds);
    bool sqlite = argc < 2 || !*argv[1];
    if (sqlite && !mkdtemp(folder)) return 1;
    options = (DbOptions){.url = sqlite ? S("") : str_c(argv[1]),
                          .data_dir = str_c(folder),
                          .connections = 4,
                          .prepared = true,
                          .statement_timeout_ms = 20000,
                          .app = &app};
    rt_init((int)loops);
    coro_spawn((CoroOptions){.name = "bench", .app = &app, .budget_bytes = 64 * MIB}, bench_main,
               NULL);
    rt_run();
    rt_close();
    if (sqlite) {
        char file[300];
        snprintf(file, sizeof file, "%s/socle.db", folder);
        unlink(file);
        rmdir(folder);
    }
    return 0;
}
