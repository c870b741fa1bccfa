/* SPDX-License-Identifier: Apache-2.0
 * socle worker: job workers and the scheduler without the HTTP server, for further machines on the same
 * PostgreSQL. */
#include "api/base_settings.h"
#include "cli/run.h"
#include "core/log.h"
#include "work/events.h"
#include "work/jobs.h"

static const Option worker_options[] = {
    {"queues", "A,B", NULL, "only these queues; all unless given"},
    {"products", "A,B", "PRODUCTS", "of veyl, robian, sylion, lifetales; all unless given"},
};

static Err *work(Ctx *c, Cli *cli) {
    TRY(workers_start(c, cli_value(cli, "queues"), settings.workers_per_loop));
    cli_printf("socle %s works\n", SOCLE_VERSION);
    fflush(stdout);
    systemd_notify("READY=1");
    run_wait(c);
    systemd_notify("STOPPING=1");
    workers_stop(c);
    return NULL;
}

static Err *worker_run(Ctx *c, Cli *cli) {
    run_signals();
    TRY(modules_register(c, cli->modules, cli->module_count));
    TRY(events_start(c));
    Err *err = modules_start(c, cli->modules, cli->module_count);
    if (!err) {
        err = work(c, cli);
        modules_stop(c, cli->modules, cli->module_count);
    }
    events_stop(c);
    return err;
}

const Command worker_command = {
    .name = "worker",
    .words = "",
    .options = worker_options,
    .option_count = COUNT(worker_options),
    .need = NEED_SCHEMA,
    .all_loops = true,
    .doc = "Run jobs and schedules only",
    .run = worker_run,
};
