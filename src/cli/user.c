/* SPDX-License-Identifier: Apache-2.0
 * socle user: accounts from the shell. A password is read from the terminal or standard input, never
 * from the command line, where every process of the machine can read it. */
#include "api/auth.h"
#include "cli/cli.h"

enum { LIST_PAGE = 500, PASSWORD_MIN = 6 };

static const Option user_options[] = {
    {"name", "NAME", NULL, "of create: what others see (the address's first part)"},
    {"role", "ROLE", NULL, "of create: user, analyst or admin (user)"},
    {"no-password", NULL, NULL, "of create: signs in by a provider only"},
    {"json", NULL, NULL, "of create and list: one JSON object a line"},
};

static void user_print(Ctx *c, const Cli *cli, const User *user) {
    if (!cli_flag(cli, "json")) {
        cli_printf("%lld\t%.*s\t%.*s\t%s\t%.*s\n", (long long)user->id.value, S_ARG(user->email),
                   S_ARG(user->role), user->is_active ? "active" : "inactive", S_ARG(user->name));
        return;
    }
    Buf b = buf_new(c->arena, 256);
    record_write(&b, &user_record, user);
    buf_byte(&b, '\n');
    cli_print(buf_str(&b));
}

static Err *password_ask(Ctx *c, Str *out) {
    TRY(cli_read_secret(c, "Password: ", out));
    if (!str_utf8_valid(*out) || str_utf8_count(*out) < PASSWORD_MIN)
        FAIL(c, INVALID, "a password has at least %d characters", PASSWORD_MIN);
    return NULL;
}

static Err *create(Ctx *c, const Cli *cli, Str email) {
    Str role = cli_value(cli, "role"), name = cli_value(cli, "name"), password = {NULL, 0};
    if (str_is_null(role)) role = S("user");
    if (str_is_null(name)) str_cut(email, '@', &name);
    if (!cli_flag(cli, "no-password")) TRY(password_ask(c, &password));
    User user;
    TRY(user_create(c, email, name, password, role, &user));
    user_print(c, cli, &user);
    return NULL;
}

static Err *list(Ctx *c, const Cli *cli) {
    Id after = {0};
    for (;;) {
        Rows rows;
        TRY(user_list(c, after, LIST_PAGE, &rows));
        const User *users = rows.items;
        for (ptrdiff_t i = 0; i < rows.count; i++) user_print(c, cli, &users[i]);
        if (rows.count < LIST_PAGE) return NULL;
        after = users[rows.count - 1].id;
    }
}

static Err *change(Ctx *c, const Cli *cli, Str verb) {
    User user;
    TRY(user_by_email(c, cli->words[1], &user));
    if (str_eq(verb, S("role"))) {
        if (cli->word_count != 3) return cli_usage(c, "user role takes EMAIL and ROLE");
        return user_set_role(c, user.id, cli->words[2]);
    }
    if (cli->word_count != 2) return cli_usage(c, "user %.*s takes EMAIL", S_ARG(verb));
    if (str_eq(verb, S("disable"))) return user_set_active(c, user.id, false);
    if (str_eq(verb, S("enable"))) return user_set_active(c, user.id, true);
    if (str_eq(verb, S("delete"))) {
        TRY(modules_register(c, cli->modules, cli->module_count)); /* each takes part */
        return user_delete(c, user.id);
    }
    Str password;
    TRY(password_ask(c, &password));
    return user_set_password(c, user.id, password);
}

static Err *user_run(Ctx *c, Cli *cli) {
    Str verb = cli->words[0];
    if (str_eq(verb, S("list")))
        return cli->word_count == 1 ? list(c, cli) : cli_usage(c, "user list takes nothing more");
    if (str_eq(verb, S("create")) && cli->word_count == 2) return create(c, cli, cli->words[1]);
    static const char *const verbs[] = {"role", "password", "disable", "enable", "delete"};
    for (int i = 0; i < COUNT(verbs); i++)
        if (str_eq(verb, str_c(verbs[i])) && cli->word_count >= 2) return change(c, cli, verb);
    return cli_usage(
        c, "user takes create EMAIL, list, role EMAIL ROLE, password EMAIL, disable EMAIL, "
           "enable EMAIL or delete EMAIL");
}

const Command user_command = {
    .name = "user",
    .words = "create|list|role|password|disable|enable|delete [EMAIL [ROLE]]",
    .words_min = 1,
    .words_max = 3,
    .options = user_options,
    .option_count = COUNT(user_options),
    .need = NEED_SCHEMA,
    .doc = "Accounts",
    .more = "The password of create and password is asked for, or read from standard input.\n"
            "A new password and disable end every log-in of the user.",
    .run = user_run,
};
