/* SPDX-License-Identifier: Apache-2.0
 * socle openapi, socle settings, socle routes: what this binary is, printed from the tables it runs on. */
#include "api/base_settings.h"
#include "cli/cli.h"
#include "modules.h"
#include "ops/metrics.h"
#include "ops/ops.h"

static const Option openapi_options[] = {
    {"products", "A,B", "PRODUCTS", "of veyl, robian, sylion, lifetales; all unless given"},
    {"server", "URL", NULL, "the server's address to put into the document"},
};

static Err *openapi_run(Ctx *c, Cli *cli) {
    Str server = cli_value(cli, "server");
    if (str_is_null(server)) server = S("http://127.0.0.1:8000");
    cli_print(openapi_document(c, cli->app.router, server));
    cli_print(S("\n"));
    return NULL;
}

const Command openapi_command = {
    .name = "openapi",
    .words = "",
    .options = openapi_options,
    .option_count = COUNT(openapi_options),
    .need = NEED_SETTINGS,
    .doc = "Print the OpenAPI 3.1 document",
    .run = openapi_run,
};

static Err *metrics_show(Ctx *c) {
    Buf b = buf_new(c->arena, 8 * KIB);
    ops_metrics_declare();
    modules_metrics_declare();
    metrics_print(&b);
    cli_print(buf_str(&b));
    return NULL;
}

static const Option settings_options[] = {
    {"values", NULL, NULL, "with the values that hold here and now, secrets masked"},
    {"metrics", NULL, NULL, "the table of metrics instead"},
};

static Err *settings_run(Ctx *c, Cli *cli) {
    if (cli_flag(cli, "metrics")) return metrics_show(c);
    SettingTables all = modules_settings(c->arena);
    Buf b = buf_new(c->arena, 16 * KIB);
    settings_print(&b, all.tables, all.counts, all.count, cli_flag(cli, "values"));
    cli_print(buf_str(&b));
    return NULL;
}

const Command settings_command = {
    .name = "settings",
    .words = "",
    .options = settings_options,
    .option_count = COUNT(settings_options),
    .need = NEED_SETTINGS,
    .doc = "Print the table of settings",
    .run = settings_run,
};

static const Option routes_options[] = {
    {"products", "A,B", "PRODUCTS", "of veyl, robian, sylion, lifetales; all unless given"},
};

static Err *routes_run(Ctx *c, Cli *cli) {
    (void)c;
    static const char *const access[] = {"", "open", "user", "analyst", "admin"};
    ptrdiff_t count;
    const Route *const *routes = router_routes(cli->app.router, &count);
    for (ptrdiff_t i = 0; i < count; i++) {
        const Route *r = routes[i];
        cli_printf("%-7s %-60s %-8s %-20s %s\n", method_name(r->method), r->path, access[r->access],
                   r->scope ? r->scope : "-", r->doc ? r->doc : "");
    }
    return NULL;
}

const Command routes_command = {
    .name = "routes",
    .words = "",
    .options = routes_options,
    .option_count = COUNT(routes_options),
    .need = NEED_SETTINGS,
    .doc = "Print the table of routes",
    .run = routes_run,
};
