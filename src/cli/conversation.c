/* SPDX-License-Identifier: Apache-2.0
 * socle conversation: what was said, out of the database. */
#include "cli/cli.h"
#include "products/sylion/turn_shell.h"

static const Option conversation_options[] = {
    {"tenant", "SLUG", NULL, "whose it is: slug or id (needed)"},
    {"text", NULL, NULL, "for people to read, instead of JSON lines"},
};

static Err *conversation_run_command(Ctx *c, Cli *cli) {
    Scope s;
    Str tenant = cli_value(cli, "tenant");
    if (!str_eq(cli->words[0], S("export"))) return cli_usage(c, "conversation takes export [ID]");
    if (str_is_null(tenant)) return cli_usage(c, "conversation export needs --tenant");
    TRY(shell_scope(c, tenant, &s));
    Str id = cli->word_count > 1 ? cli->words[1] : (Str){0};
    return conversation_export(c, &s, id, cli_flag(cli, "text"), cli_print);
}

const Command conversation_command = {
    .name = "conversation",
    .words = "export [ID]",
    .words_min = 1,
    .words_max = 2,
    .options = conversation_options,
    .option_count = COUNT(conversation_options),
    .need = NEED_SCHEMA,
    .doc = "Conversations of a tenant",
    .more = "export writes one conversation, or all, to standard output: a JSON line for each\n"
            "conversation, message and turn, {\"type\", \"data\"}.",
    .run = conversation_run_command,
};
