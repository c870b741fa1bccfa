/* SPDX-License-Identifier: Apache-2.0
 * socle demo: the demo data of every module, in the order of the list; running it again adds nothing. */
#include "api/accounts.h"
#include "api/base_settings.h"
#include "cli/cli.h"

static const Option demo_options[] = {
    {"products", "A,B", "PRODUCTS", "of veyl, robian, sylion, lifetales; all unless given"},
    {"force", NULL, NULL, "in production too, where everybody knows the demo passwords"},
};

static Err *demo_load(Ctx *c, const Cli *cli) {
    for (ptrdiff_t i = 0; i < cli->module_count; i++) {
        const Module *module = cli->modules[i];
        Err *err = module->demo ? module->demo(c) : NULL;
        if (err)
            return err_wrap(c, err->kind, __func__, err, "demo data of %s: %.*s", module->name,
                            S_ARG(err->detail));
    }
    cli_printf("Demo log-ins (password %s):\n  %s\n  %s (role admin)\n", DEMO_PASSWORD, DEMO_EMAIL,
               DEMO_ADMIN_EMAIL);
    return NULL;
}

static Err *demo_run(Ctx *c, Cli *cli) {
    if (str_eq(settings.environment, S("production")) && !cli_flag(cli, "force"))
        FAIL(c, FORBIDDEN,
             "ENVIRONMENT is production: demo log-ins are known to everybody (--force does it "
             "anyway)");
    TRY(modules_register(c, cli->modules, cli->module_count));
    TRY(modules_start(c, cli->modules, cli->module_count));
    Err *err = demo_load(c, cli);
    modules_stop(c, cli->modules, cli->module_count);
    return err;
}

const Command demo_command = {
    .name = "demo",
    .words = "",
    .options = demo_options,
    .option_count = COUNT(demo_options),
    .need = NEED_SCHEMA,
    .doc = "Load the demo data and print the demo log-ins",
    .run = demo_run,
};
