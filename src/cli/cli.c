/* SPDX-License-Identifier: Apache-2.0
 * Finds the command, makes ready what it needs, runs it and turns what came of it into an exit code.
 * Order at start: words and options, settings, log, DATA_DIR, loops, database, migrations, Redis,
 * cache, blobs; at the end the reverse. */
#include "cli/cli.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "api/base_settings.h"
#include "core/log.h"
#include "data/migrate.h"

enum { CLI_ARENA_BYTES = 1024 * 1024 * 1024, EXIT_USAGE = 2 };

/* A service may start before its database does, at boot; a person wants to know. */
enum { SERVICE_WAIT_MS = 30000, WAIT_MS = 5000 };

static bool print_failed;

void cli_print(Str text) {
    if (fwrite(text.data ? text.data : "", 1, (size_t)text.len, stdout) != (size_t)text.len)
        print_failed = true;
}

void cli_printf(const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (vprintf(format, args) < 0) print_failed = true;
    va_end(args);
}

Err *cli_read_secret(Ctx *c, const char *prompt, Str *out) {
    struct termios before, silent;
    bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
        fprintf(stderr, "%s", prompt);
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    char *line = NULL;
    size_t cap = 0;
    ssize_t n = getline(&line, &cap, stdin);
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) n--;
    *out = str_copy(c->arena, str_of(line ? line : "", n > 0 ? n : 0));
    if (line) sodium_memzero(line, cap);
    free(line);
    if (n <= 0) FAIL(c, INVALID, "no password was given");
    return NULL;
}

static void overview(FILE *to, const Command *const *commands, ptrdiff_t count) {
    fprintf(to,
            "socle %s, the back end of veyl, robian, sylion and lifetales\n\n"
            "usage: socle COMMAND [options]\n\n",
            SOCLE_VERSION);
    for (ptrdiff_t i = 0; i < count; i++)
        if (!commands[i]->hidden)
            fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->doc);
    fprintf(to, "\n`socle COMMAND --help` says more. Every setting is an environment variable.\n");
}

/* The exit code of a command's end; says on standard error why it failed. */
static int outcome(const Cli *cli, Arena *arena, const Err *err) {
    if (!err) return cli->exit_code;
    if (str_eq(err->code, S("usage"))) {
        fprintf(stderr, "socle %s: %.*s\ntry `socle %s --help`\n", cli->command->name,
                S_ARG(err->detail), cli->command->name);
        return EXIT_USAGE;
    }
    for (ptrdiff_t i = 0; i < err->field_count; i++)
        fprintf(stderr, "socle %s: %.*s: %.*s\n", cli->command->name, S_ARG(err->fields[i].field),
                S_ARG(err->fields[i].message));
    if (err->field_count == 0)
        fprintf(stderr, "socle %s: %.*s\n", cli->command->name, S_ARG(err->detail));
    if (err->cause) fprintf(stderr, "  %.*s\n", S_ARG(err_chain(arena, err)));
    return EXIT_FAILURE;
}

static Err *schema_ensure(Ctx *c) {
    if (!settings.auto_migrate) return NULL;
    int64_t applied;
    return migrate_up(c, &applied);
}

static Err *ready_and_run(Ctx *c, Cli *cli) {
    const Command *command = cli->command;
    cli->app.serves = command->all_loops;
    if (command->need >= NEED_PREPARED) TRY(app_prepare(c, &cli->app, command->alone));
    if (command->need >= NEED_APP) TRY(app_open(c, &cli->app, command->all_loops ? SERVICE_WAIT_MS : WAIT_MS));
    if (command->need >= NEED_SCHEMA) TRY(schema_ensure(c));
    return command->run(c, cli);
}

static void main_coroutine(Ctx *c, void *arg) {
    Cli *cli = arg;
    cli->exit_code = outcome(cli, c->arena, ready_and_run(c, cli));
    search_close_all(c, &cli->app);
    app_close(&cli->app);
    rt_stop(0);
}

static void log_begin(const Command *command) {
    static const char *const names[] = {"debug", "info", "warn", "error", "off"};
    LogLevel level = LOG_INFO;
    for (int i = 0; i < COUNT(names); i++)
        if (str_eq(settings.log_level, str_c(names[i]))) level = (LogLevel)i;
    bool service = command->all_loops;
    if (!service && level < LOG_WARN) level = LOG_WARN;
    LogFormat format = !service || str_eq(settings.log_format, S("pretty")) ? LOG_PRETTY : LOG_JSON;
    static char path[4096];
    snprintf(path, sizeof path, "%.*s", S_ARG(settings.log_file));
    log_start(level, format, service && *path ? path : NULL);
}

static int run_with_loops(Cli *cli) {
    rt_init(cli->command->all_loops ? (int)settings.loops : 1);
    coro_spawn((CoroOptions){.name = "main", .budget_bytes = CLI_ARENA_BYTES, .app = &cli->app},
               main_coroutine, cli);
    rt_run();
    rt_close();
    http_free(cli->app.server);
    return cli->exit_code;
}

static int run(Arena *arena, Cli *cli) {
    Str problem;
    SettingTables all = modules_settings(arena);
    if (!settings_load(arena, all.tables, all.counts, all.count, &problem)) {
        fprintf(stderr, "socle %s: %.*s\n", cli->command->name, S_ARG(problem));
        return EXIT_FAILURE;
    }
    Str unknown;
    cli->modules = modules_chosen(arena, &cli->module_count, &unknown);
    if (!cli->modules) {
        fprintf(stderr, "socle %s: PRODUCTS: `%.*s` is no product of this program\n",
                cli->command->name, S_ARG(unknown));
        return EXIT_USAGE;
    }
    cli->app.router = router_new(cli->modules, cli->module_count);
    int code;
    if (cli->command->need > NEED_SETTINGS) {
        log_begin(cli->command);
        code = run_with_loops(cli);
        log_stop();
    } else {
        Ctx c = {.arena = arena, .app = &cli->app};
        code = outcome(cli, arena, cli->command->run(&c, cli));
        ctx_undo(&c, NULL);
    }
    router_free(cli->app.router);
    return code;
}

static int command_main(Arena *arena, const Command *command, int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return cli_help(command), EXIT_SUCCESS;
    Cli cli = {.command = command, .app = {.lock = -1}};
    Str problem = cli_parse(arena, &cli, argc, argv);
    if (!str_is_null(problem)) {
        fprintf(stderr, "socle %s: %.*s\ntry `socle %s --help`\n", command->name, S_ARG(problem),
                command->name);
        return EXIT_USAGE;
    }
    return run(arena, &cli);
}

int cli_main(int argc, char **argv, const Command *const *commands, ptrdiff_t count) {
    if (sodium_init() < 0) {
        fprintf(stderr, "socle: this system gives no randomness\n");
        return EXIT_FAILURE;
    }
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return overview(stdout, commands, count), EXIT_SUCCESS;
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0)
        return printf("socle %s\n", SOCLE_VERSION), EXIT_SUCCESS;
    const Command *command = NULL;
    for (ptrdiff_t i = 0; i < count; i++)
        if (strcmp(name, commands[i]->name) == 0) command = commands[i];
    if (!command) {
        if (*name) fprintf(stderr, "socle: there is no command `%s`\n\n", name);
        return overview(stderr, commands, count), EXIT_USAGE;
    }
    Arena *arena = arena_new(64 * MIB);
    int code = command_main(arena, command, argc - 2, argv + 2);
    arena_free(arena);
    if (fflush(stdout) != 0 || print_failed) {
        fprintf(stderr, "socle %s: standard output cannot be written\n", name);
        if (code == EXIT_SUCCESS) code = EXIT_FAILURE;
    }
    return code;
}
