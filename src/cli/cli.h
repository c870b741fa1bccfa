/* SPDX-License-Identifier: Apache-2.0
 * Commands: one file each, a row of a table with its words, options and help; what they need is
 * stated and made ready before they run. Exit codes: 0 done, 1 failed, 2 wrong usage. */
#ifndef SOCLE_CLI_CLI_H
#define SOCLE_CLI_CLI_H

#include "app.h"
#include "modules.h"

typedef enum Need {
    NEED_SETTINGS, /* settings and routes: nothing is opened, no coroutine */
    NEED_COROUTINE,
    NEED_PREPARED, /* and DATA_DIR with its lock */
    NEED_APP,      /* and the database, Redis, cache, blobs */
    NEED_SCHEMA    /* and the migrations applied (unless AUTO_MIGRATE=off) */
} Need;

typedef struct Option {
    const char *name;    /* without the dashes */
    const char *value;   /* what it takes, "HOST:PORT"; NULL: a flag */
    const char *setting; /* when given it stands for this environment variable */
    const char *doc;
    char letter; /* 'o': -o is the same; 0: none */
} Option;

enum { CLI_OPTIONS_MAX = 24, CLI_WORDS_MAX = 4096 };

struct Cli;

typedef struct Command {
    const char *name;
    const char *words; /* of its usage line: "up|down|status" */
    int words_min, words_max;
    const Option *options;
    ptrdiff_t option_count;
    bool free_options; /* further --name value go to the command as they are (import, export) */
    Need need;
    bool alone;       /* no other socle may work on DATA_DIR meanwhile */
    bool all_loops;   /* a loop per core (LOOPS); else one */
    bool hidden;      /* not in the overview: for measuring */
    const char *doc;  /* one line */
    const char *more; /* further help, NULL: none */
    Err *(*run)(Ctx *c, struct Cli *cli);
} Command;

typedef struct Cli {
    const Command *command;
    Str *words;
    ptrdiff_t word_count;
    const char
        *values[CLI_OPTIONS_MAX]; /* of command->options: text, "" for a flag, NULL: not given */
    TransferOption *others;       /* free options */
    ptrdiff_t other_count;
    const Module *const *modules;
    ptrdiff_t module_count;
    App app;
    int exit_code; /* what to exit with when run gives no error */
} Cli;

/* Value of an option of the command's own table, null Str when not given. */
Str cli_value(const Cli *cli, const char *name);
bool cli_flag(const Cli *cli, const char *name);
/* For a wrong use found by the command: exit code 2 with the usage line. */
Err *cli_usage(Ctx *c, const char *format, ...) PRINTF_LIKE(2, 3);
/* Ask on the terminal without echo, or read one line when it is none. The bytes are in c's arena. */
MUST_USE Err *cli_read_secret(Ctx *c, const char *prompt, Str *out);
/* Write to standard output; exit code 1 when that fails (a full disk behind a redirection). */
void cli_print(Str text);
void cli_printf(const char *format, ...) PRINTF_LIKE(1, 2);

/* The whole program. */
int cli_main(int argc, char **argv, const Command *const *commands, ptrdiff_t count);

/* Parse what follows the command's name. The problem to print, or null. */
Str cli_parse(Arena *arena, Cli *cli, int argc, char **argv);
void cli_help(const Command *command);

extern const Command serve_command, worker_command, migrate_command, demo_command, user_command,
    key_command, import_command, export_command, backup_command, restore_command, openapi_command,
    reindex_command, settings_command, routes_command, doctor_command, tenant_command, bench_jobs_command,
    conversation_command, replay_command, picture_command, channel_command, assistant_command, kb_command,
    spaces_command, note_command, story_command, book_command;

#endif
