/* SPDX-License-Identifier: Apache-2.0
 * socle replay: turns that failed go on, after what made them fail is mended. */
#include "cli/cli.h"
#include "products/sylion/turn_shell.h"

static const Option replay_options[] = {
    {"tenant", "SLUG", NULL, "whose they are: slug or id (needed)"},
    {"since", "TIME", NULL, "that ended since: 2026-11-21T08:00:00Z, or 24h ago (24h)"},
    {"state", "STATE", NULL, "failed or over_quota (failed)"},
};

static Err *since_read(Ctx *c, Str text, Time *out) {
    int64_t us;
    if (str_is_null(text)) text = S("24h");
    if (duration_parse(text, &us)) {
        *out = time_add(time_now(), -us);
        return NULL;
    }
    if (time_parse(text, out)) return NULL;
    return cli_usage(c, "--since is a time, or how long ago: 2026-11-21T08:00:00Z, 24h");
}

static Err *replay_run(Ctx *c, Cli *cli) {
    Scope s;
    Time since;
    Replayed done;
    Str tenant = cli_value(cli, "tenant"), state = cli_value(cli, "state");
    if (str_is_null(tenant)) return cli_usage(c, "replay needs --tenant");
    bool over_quota = str_eq(state, S("over_quota"));
    if (!str_is_null(state) && !over_quota && !str_eq(state, S("failed")))
        return cli_usage(c,
                         "--state is failed or over_quota: whether an unknown one was sent, only "
                         "a person can find out");
    TRY(since_read(c, cli_value(cli, "since"), &since));
    TRY(modules_register(c, cli->modules, cli->module_count)); /* jobs are asked for */
    TRY(shell_scope(c, tenant, &s));
    TRY(turns_replay(c, &s, over_quota ? "over_quota" : "failed", since, cli_print, &done));
    cli_printf("%lld replayed, %lld wait for another turn of their conversation\n",
               (long long)done.replayed, (long long)done.waiting);
    return NULL;
}

const Command replay_command = {
    .name = "replay",
    .words = "",
    .options = replay_options,
    .option_count = COUNT(replay_options),
    .need = NEED_SCHEMA,
    .doc = "Go on with turns that failed",
    .more = "A turn whose answer is written is sent again; one without begins anew. Servers and\n"
            "workers that run do the work.",
    .run = replay_run,
};
