/* SPDX-License-Identifier: Apache-2.0
 * socle bench-jobs N: how many jobs a second this machine takes durably, and runs. It works on the
 * database of the settings, with a kind of job of its own, and removes its rows at the end.
 *
 *   enqueue        each job in a transaction of its own, many coroutines at once
 *   enqueue_many   a hundred jobs a transaction
 *   process        claim, run, write the end, of all of the above */
#include <stdatomic.h>

#include "api/base_settings.h"
#include "cli/cli.h"
#include "core/time.h"
#include "work/jobs.h"

enum { CLIENTS = 256, HUNDRED = 100, LOOK_MS = 2 };

static struct {
    atomic_llong left, failed, ran;
    atomic_int clients;
} bench;

static Err *run_nothing(Ctx *c, Job *job) {
    (void)c;
    (void)job;
    atomic_fetch_add(&bench.ran, 1);
    return NULL;
}

static const JobKind bench_kinds[] = {
    {.name = "bench.nothing", .queue = "bench", .run = run_nothing}};

static void client_one(Ctx *c, void *arg) {
    (void)arg;
    while (atomic_fetch_sub(&bench.left, 1) > 0) {
        ArenaMark mark = arena_mark(c->arena);
        Err *err = job_add(c, "bench.nothing", S("{\"n\":1}"), (JobOptions){0}, NULL);
        if (err) atomic_fetch_add(&bench.failed, 1);
        arena_release(c->arena, mark);
    }
    atomic_fetch_sub(&bench.clients, 1);
}

static void client_many(Ctx *c, void *arg) {
    (void)arg;
    Str payloads[HUNDRED];
    for (int i = 0; i < HUNDRED; i++) payloads[i] = S("{\"n\":1}");
    while (atomic_fetch_sub(&bench.left, HUNDRED) > 0) {
        ArenaMark mark = arena_mark(c->arena);
        Err *err = job_add_many(c, "bench.nothing", payloads, HUNDRED, (JobOptions){0});
        if (err) atomic_fetch_add(&bench.failed, 1);
        arena_release(c->arena, mark);
    }
    atomic_fetch_sub(&bench.clients, 1);
}

static Err *rate_of(Ctx *c, int64_t jobs, int clients, void (*fn)(Ctx *c, void *arg),
                    double *rate) {
    int64_t began = mono_us();
    atomic_store(&bench.left, jobs);
    atomic_store(&bench.clients, clients);
    for (int i = 0; i < clients; i++) {
        CoroOptions options = {.name = "bench client", .app = c->app};
        coro_spawn_on(loop_at(i % loop_count()), options, fn, NULL);
    }
    while (atomic_load(&bench.clients) > 0) TRY(sleep_ms(c, LOOK_MS));
    *rate = (double)jobs * 1e6 / (double)(mono_us() - began);
    return NULL;
}

static Err *process_rate(Ctx *c, int64_t jobs, double *rate) {
    int64_t began = mono_us(), left = 1;
    TRY(workers_start(c, S("bench"), settings.workers_per_loop));
    while (atomic_load(&bench.ran) < jobs) TRY(sleep_ms(c, LOOK_MS));
    workers_stop(c); /* until the last end is written */
    *rate = (double)jobs * 1e6 / (double)(mono_us() - began);
    TRY(db_int(c, SQL("SELECT count(*) FROM jobs WHERE kind = 'bench.nothing' AND state <> 'done'"),
               NO_ARGS, &left));
    if (left) FAIL(c, INTERNAL, "%lld jobs did not end", (long long)left);
    return NULL;
}

static Err *bench_run(Ctx *c, Cli *cli) {
    int64_t n = 100000;
    if (cli->word_count > 0 && (!str_to_i64(cli->words[0], &n) || n < HUNDRED || n > 10000000))
        return cli_usage(c, "N is a number from %d to ten million", HUNDRED);
    n -= n % HUNDRED;
    const JobKind *tables[] = {bench_kinds};
    ptrdiff_t one = COUNT(bench_kinds);
    jobs_kinds_set(tables, &one, 1);
    double singles, hundreds, processed;
    TRY(rate_of(c, n, CLIENTS, client_one, &singles));
    TRY(rate_of(c, n, 8, client_many, &hundreds));
    TRY(process_rate(c, 2 * n, &processed));
    TRY(db_exec(c, SQL("DELETE FROM jobs WHERE kind = 'bench.nothing'"), NO_ARGS, NULL));
    if (atomic_load(&bench.failed))
        FAIL(c, INTERNAL, "%lld calls failed", (long long)atomic_load(&bench.failed));
    cli_printf("{\"jobs\":%lld,\"enqueue_per_s\":%.0f,\"enqueue_many_per_s\":%.0f,\"process_per_"
               "s\":%.0f}\n",
               (long long)n, singles, hundreds, processed);
    return NULL;
}

const Command bench_jobs_command = {
    .name = "bench-jobs",
    .words = "[N]",
    .words_max = 1,
    .need = NEED_SCHEMA,
    .all_loops = true,
    .hidden = true,
    .doc = "Measure the job queue",
    .run = bench_run,
};
