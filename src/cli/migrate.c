/* SPDX-License-Identifier: Apache-2.0
 * socle migrate up|down|status. */
#include "cli/cli.h"
#include "data/migrate.h"

static const Option migrate_options[] = {
    {"steps", "N", NULL, "of down: how many migrations to take back (1)"},
    {"json", NULL, NULL, "of status: one JSON object a line"},
};

static Err *up(Ctx *c) {
    int64_t applied = 0;
    TRY(migrate_up(c, &applied));
    cli_printf("%lld applied\n", (long long)applied);
    return NULL;
}

static Err *down(Ctx *c, const Cli *cli) {
    int64_t steps = 1, reverted = 0;
    Str text = cli_value(cli, "steps");
    if (!str_is_null(text) && (!str_to_i64(text, &steps) || steps < 1))
        return cli_usage(c, "--steps is a number from 1");
    TRY(migrate_down(c, steps, &reverted));
    cli_printf("%lld taken back\n", (long long)reverted);
    return NULL;
}

static void status_line(Ctx *c, const Cli *cli, const Migration *m) {
    Str at = m->applied ? time_str(c->arena, m->applied_at) : (Str){NULL, 0};
    if (!cli_flag(cli, "json")) {
        cli_printf("%04lld %-24.*s %s %.*s\n", (long long)m->number, S_ARG(m->name),
                   !m->applied  ? "waiting"
                   : m->changed ? "CHANGED"
                                : "applied",
                   S_ARG(at));
        return;
    }
    Buf b = buf_new(c->arena, 256);
    buf_f(&b, "{\"number\":%lld,\"name\":", (long long)m->number);
    buf_json(&b, m->name);
    buf_f(&b, ",\"applied\":%s,\"changed\":%s,\"applied_at\":", m->applied ? "true" : "false",
          m->changed ? "true" : "false");
    buf_json(&b, at);
    buf_add(&b, S("}\n"));
    cli_print(buf_str(&b));
}

static Err *status(Ctx *c, Cli *cli) {
    Migration *migrations;
    ptrdiff_t count;
    TRY(migrate_status(c, &migrations, &count));
    for (ptrdiff_t i = 0; i < count; i++) {
        status_line(c, cli, &migrations[i]);
        if (!migrations[i].applied || migrations[i].changed) cli->exit_code = 1;
    }
    return NULL;
}

static Err *migrate_run(Ctx *c, Cli *cli) {
    Str what = cli->words[0];
    if (str_eq(what, S("up"))) return up(c);
    if (str_eq(what, S("down"))) return down(c, cli);
    if (str_eq(what, S("status"))) return status(c, cli);
    return cli_usage(c, "migrate takes up, down or status, not `%.*s`", S_ARG(what));
}

const Command migrate_command = {
    .name = "migrate",
    .words = "up|down|status",
    .words_min = 1,
    .words_max = 1,
    .options = migrate_options,
    .option_count = COUNT(migrate_options),
    .need = NEED_APP,
    .doc = "Schema migrations",
    .more = "up applies what is missing, down takes back the last one, status lists them and exits "
            "with 1\n"
            "when one is missing or its file is not what was applied.",
    .run = migrate_run,
};
