/* SPDX-License-Identifier: Apache-2.0
 * The command line's words and options, and the help made of the same tables. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

static const Option common_options[] = {
    {"data", "DIR", "DATA_DIR", "where the data is (DATA_DIR)"},
    {"help", NULL, NULL, "this text"},
};

static const Option *option_in(const Option *options, ptrdiff_t count, Str name) {
    for (ptrdiff_t i = 0; i < count; i++)
        if (str_eq(str_c(options[i].name), name)) return &options[i];
    return NULL;
}

Str cli_value(const Cli *cli, const char *name) {
    const Command *command = cli->command;
    const Option *option = option_in(command->options, command->option_count, str_c(name));
    assert(option);
    return str_c(cli->values[option - command->options]);
}

bool cli_flag(const Cli *cli, const char *name) { return !str_is_null(cli_value(cli, name)); }

typedef struct Parse {
    Arena *arena;
    Cli *cli;
    int argc, at;
    char **argv;
} Parse;

static bool others_add(Parse *p, Str name, Str value) {
    if (p->cli->other_count == CLI_OPTIONS_MAX) return false;
    p->cli->others[p->cli->other_count++] = (TransferOption){str_cstr(p->arena, name), value};
    return true;
}

/* One --name, --name=value or --name value. */
static Str option_take(Parse *p, Str text) {
    Str name, value = str_cut(str_slice(text, 2, text.len), '=', &name);
    const Command *command = p->cli->command;
    const Option *option = option_in(command->options, command->option_count, name);
    bool own = option != NULL;
    if (!option) option = option_in(common_options, COUNT(common_options), name);
    if (!option && !command->free_options)
        return strf(p->arena, "there is no option --%.*s", S_ARG(name));
    if (option && !option->value) {
        if (!str_is_null(value)) return strf(p->arena, "--%.*s takes no value", S_ARG(name));
        if (own) p->cli->values[option - command->options] = "";
        return (Str){NULL, 0};
    }
    if (str_is_null(value)) {
        if (p->at == p->argc) return strf(p->arena, "--%.*s needs a value", S_ARG(name));
        value = str_c(p->argv[p->at++]);
    }
    if (!option) {
        if (!others_add(p, name, value)) return S("too many options");
        return (Str){NULL, 0};
    }
    if (own) p->cli->values[option - command->options] = str_cstr(p->arena, value);
    if (option->setting) setenv(option->setting, str_cstr(p->arena, value), 1);
    return (Str){NULL, 0};
}

/* "-o" as "--output"; null: there is no such letter. */
static Str option_spelt(const Parse *p, Str text) {
    const Command *command = p->cli->command;
    for (ptrdiff_t i = 0; i < command->option_count; i++)
        if (text.len == 2 && command->options[i].letter == text.data[1])
            return strf(p->arena, "--%s", command->options[i].name);
    return (Str){0};
}

Str cli_parse(Arena *arena, Cli *cli, int argc, char **argv) {
    const Command *command = cli->command;
    assert(command->option_count <= CLI_OPTIONS_MAX);
    cli->words = arena_array(arena, Str, argc + 1);
    cli->others = arena_array(arena, TransferOption, CLI_OPTIONS_MAX);
    Parse p = {.arena = arena, .cli = cli, .argc = argc, .argv = argv};
    bool options_over = false;
    while (p.at < argc) {
        Str text = str_c(argv[p.at++]), spelt = option_spelt(&p, text);
        if (!options_over && str_eq(text, S("--"))) {
            options_over = true;
        } else if (!options_over && (spelt.len > 0 || str_starts(text, S("--")))) {
            Str problem = option_take(&p, spelt.len > 0 ? spelt : text);
            if (!str_is_null(problem)) return problem;
        } else if (!options_over && text.len > 1 && text.data[0] == '-') {
            return strf(arena, "there is no option %.*s", S_ARG(text));
        } else {
            cli->words[cli->word_count++] = text;
        }
    }
    if (cli->word_count < command->words_min) return strf(arena, "it needs %s", command->words);
    if (cli->word_count > command->words_max)
        return strf(arena, "`%.*s` is too much", S_ARG(cli->words[command->words_max]));
    return (Str){NULL, 0};
}

static void usage_print(const Command *command) {
    printf("usage: socle %s", command->name);
    for (ptrdiff_t i = 0; i < command->option_count; i++) {
        const Option *o = &command->options[i];
        if (o->value)
            printf(" [--%s %s]", o->name, o->value);
        else
            printf(" [--%s]", o->name);
    }
    printf("%s%s\n", *command->words ? " " : "", command->words);
}

static void option_print(const Option *o) {
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
    printf("  %-26s %s\n", left, o->doc);
}

void cli_help(const Command *command) {
    usage_print(command);
    printf("\n%s.\n", command->doc);
    if (command->more) printf("\n%s\n", command->more);
    puts("\noptions:");
    for (ptrdiff_t i = 0; i < command->option_count; i++) option_print(&command->options[i]);
    for (ptrdiff_t i = 0; i < COUNT(common_options); i++) option_print(&common_options[i]);
    puts("\nEvery setting is an environment variable: see `socle settings`.");
}

Err *cli_usage(Ctx *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Str text = strvf(c->arena, format, args);
    va_end(args);
    Err *err = err_new(c, ERR_BAD_REQUEST, __func__, "%.*s", S_ARG(text));
    err->code = S("usage");
    return err;
}
