/* SPDX-License-Identifier: Apache-2.0
 * socle key: API keys from the shell. */
#include "api/auth.h"
#include "cli/cli.h"

static const Option key_options[] = {
    {"name", "NAME", NULL, "of create: what it is for (command line)"},
    {"scopes", "A,B", NULL, "of create: what it may do: posts:read,search or * (needed)"},
    {"days", "N", NULL, "of create: expires after so many days (never)"},
};

static Err *create(Ctx *c, const Cli *cli) {
    Str name = cli_value(cli, "name"), given = cli_value(cli, "scopes"),
        text = cli_value(cli, "days");
    if (str_is_null(given)) return cli_usage(c, "key create needs --scopes");
    char *scopes = str_cstr(c->arena, given);
    for (char *byte = scopes; *byte; byte++)
        if (*byte == ',') *byte = ' ';
    int64_t days = 0;
    if (!str_is_null(text) && (!str_to_i64(text, &days) || days < 1 || days > 36500))
        return cli_usage(c, "--days is a number from 1 to 36500");
    Time expires_at = days ? time_add(time_now(), days * US_PER_DAY) : TIME_NULL;
    User user;
    Str key;
    Id id;
    TRY(user_by_email(c, cli->words[1], &user));
    TRY(api_key_create(c, user.id, str_is_null(name) ? S("command line") : name, str_c(scopes),
                       expires_at, &key, &id));
    cli_printf("%lld\t%.*s\n", (long long)id.value, S_ARG(key));
    return NULL;
}

static Err *key_run(Ctx *c, Cli *cli) {
    if (str_eq(cli->words[0], S("create"))) return create(c, cli);
    Id id;
    if (!str_eq(cli->words[0], S("revoke")))
        return cli_usage(c, "key takes create EMAIL or revoke ID");
    if (!str_to_i64(cli->words[1], &id.value))
        return cli_usage(c, "`%.*s` is no key id", S_ARG(cli->words[1]));
    return api_key_revoke(c, id);
}

const Command key_command = {
    .name = "key",
    .words = "create EMAIL|revoke ID",
    .words_min = 2,
    .words_max = 2,
    .options = key_options,
    .option_count = COUNT(key_options),
    .need = NEED_SCHEMA,
    .doc = "API keys",
    .more = "create prints the id and the key: it is shown this once.",
    .run = key_run,
};
