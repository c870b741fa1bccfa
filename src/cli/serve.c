/* SPDX-License-Identifier: Apache-2.0
 * socle serve: the HTTP server and, unless --workers off, the job workers and the scheduler.
 *
 * Start: (database, migrations, Redis, cache, blobs are open) → events → modules → workers → listen →
 * say so. Stop, on SIGTERM: no new connections → requests and jobs in flight end →
 * modules, in reverse → the rest by cli.c; all of it within STOP_SECONDS (run.c). */
#include <stdio.h>
#include <unistd.h>

#include "api/accounts.h"
#include "api/base_settings.h"
#include "cli/run.h"
#include "core/log.h"
#include "ops/access.h"
#include "work/events.h"
#include "work/jobs.h"
#include "work/schedule.h"

static const Option serve_options[] = {
    {"listen", "HOST:PORT", "LISTEN",
     "where to listen, or unix:/PATH (LISTEN); port 0 takes a free one"},
    {"products", "A,B", "PRODUCTS", "of veyl, robian, sylion, lifetales; all unless given"},
    {"workers", "on|off", NULL, "run jobs and schedules here too (on)"},
};

static Err *workers_wanted(Ctx *c, const Cli *cli, bool *out) {
    Str value = cli_value(cli, "workers");
    *out = str_is_null(value) || str_eq(value, S("on"));
    if (!*out && !str_eq(value, S("off"))) return cli_usage(c, "--workers is on or off");
    return NULL;
}

static Err *listen_now(Ctx *c, Cli *cli) {
    HttpOptions options = {
        .address = settings.listen,
        .max_connections = settings.max_connections,
        .trusted_proxies = settings.trusted_proxies,
        .app = &cli->app,
        .handle = router_handle,
        .refuse = router_refuse,
        .done = access_done,
    };
    return http_start(c, options, &cli->app.server);
}

static void demo_hints(Ctx *c, Str url) {
    User demo;
    if (user_by_email(c, S(DEMO_EMAIL), &demo) != NULL) {
        cli_printf("\nThere is no demo data yet: `socle demo` loads it. Try\n");
    } else {
        cli_printf("\nDemo log-in: %s, password %s. Try\n", DEMO_EMAIL, DEMO_PASSWORD);
    }
    cli_printf("  curl %.*s/ping\n", S_ARG(url));
    cli_printf("  curl %.*s/api/v1/auth/login --json '{\"email\":\"%s\",\"password\":\"%s\"}'\n",
               S_ARG(url), DEMO_EMAIL, DEMO_PASSWORD);
    cli_printf("  curl %.*s/openapi.json\nor open %.*s/docs and %.*s/search\n\n", S_ARG(url),
               S_ARG(url), S_ARG(url));
}

/* The first line is what programs wait for: it comes once, when requests are answered. */
static void say_ready(Ctx *c, const Cli *cli) {
    Str url = settings.listen;
    if (!str_starts(url, S("unix:"))) {
        Str host = settings.listen;
        while (host.len > 0 && host.data[host.len - 1] != ':') host.len--;
        host = str_slice(host, 0, host.len - 1);
        if (str_eq(host, S("0.0.0.0")) || str_eq(host, S("[::]")) || host.len == 0)
            host = S("127.0.0.1");
        url = strf(c->arena, "http://%.*s:%d", S_ARG(host), http_port(cli->app.server));
    }
    cli_printf("socle %s listens on %.*s\n", SOCLE_VERSION, S_ARG(url));
    if (str_eq(settings.environment, S("development")) && !str_starts(url, S("unix:")))
        demo_hints(c, url);
    fflush(stdout);
    log_msg(c, LOG_INFO, "listening on %.*s, ready after %lld ms", S_ARG(url),
            (long long)((mono_us() - cli->app.started_us) / US_PER_MS));
    systemd_notify("READY=1");
}

static Err *connections_drain(Ctx *c, void *arg) {
    const Cli *cli = arg;
    int64_t until = mono_us() + run_drain_ms() * US_PER_MS;
    while (http_connections(cli->app.server) > 0 && mono_us() < until) TRY(sleep_ms(c, 10));
    return NULL;
}

static Err *workers_drain(Ctx *c, void *arg) {
    (void)arg;
    workers_stop(c);
    return NULL;
}

/* Requests and jobs in flight end at the same time, within one limit. */
static void drain(Ctx *c, Cli *cli, bool workers) {
    systemd_notify("STOPPING=1");
    if (cli->app.server) http_stop(cli->app.server);
    events_stop(c);
    Task tasks[2];
    ptrdiff_t count = 0;
    if (cli->app.server) tasks[count++] = (Task){.fn = connections_drain, .arg = cli};
    if (workers) tasks[count++] = (Task){.fn = workers_drain};
    Err *err = fork_join(c, tasks, count);
    if (err) log_msg(c, LOG_WARN, "the drain ended early: %.*s", S_ARG(err_chain(c->arena, err)));
    if (cli->app.server && http_connections(cli->app.server) > 0) run_abandon();
}

static Err *serve_until_stopped(Ctx *c, Cli *cli, bool workers) {
    if (workers) TRY(workers_start(c, (Str){NULL, 0}, settings.workers_per_loop));
    TRY(listen_now(c, cli));
    say_ready(c, cli);
    run_wait(c);
    return NULL;
}

static Err *serve_run(Ctx *c, Cli *cli) {
    bool workers;
    TRY(workers_wanted(c, cli, &workers));
    run_signals();
    TRY(modules_register(c, cli->modules, cli->module_count));
    TRY(events_start(c));
    Err *err = modules_start(c, cli->modules, cli->module_count);
    if (err) {
        events_stop(c);
        return err;
    }
    err = serve_until_stopped(c, cli, workers);
    drain(c, cli, workers);
    modules_stop(c, cli->modules, cli->module_count);
    return err;
}

const Command serve_command = {
    .name = "serve",
    .words = "",
    .options = serve_options,
    .option_count = COUNT(serve_options),
    .need = NEED_SCHEMA,
    .all_loops = true,
    .doc = "Serve HTTP, run jobs and schedules",
    .more = "Prints `socle VERSION listens on URL` once it answers. SIGTERM and SIGINT finish what "
            "is in\n"
            "flight (STOP_SECONDS at most) and exit with 0; SIGHUP opens the log file again.",
    .run = serve_run,
};
