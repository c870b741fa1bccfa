/* SPDX-License-Identifier: Apache-2.0
 * socle import WHAT FILE…, socle export WHAT [FILE]: find the kind in the table of modules.c, hand it
 * the files and options. */
#include "cli/cli.h"

static const Option transfer_options[] = {
    {"json", NULL, NULL, "progress as JSON lines on standard error"},
    {"quiet", NULL, NULL, "say nothing but errors"},
};

static const ImportKind *kind_find(const ImportKind *kinds, ptrdiff_t count, Str name) {
    for (ptrdiff_t i = 0; i < count; i++)
        if (str_eq(str_c(kinds[i].name), name)) return &kinds[i];
    return NULL;
}

/* A kind's name is one or two words; *taken says how many. */
static const ImportKind *kind_named(Ctx *c, const Cli *cli, const ImportKind *kinds,
                                    ptrdiff_t count, int *taken) {
    *taken = 2;
    const ImportKind *kind = NULL;
    if (cli->word_count > 1)
        kind = kind_find(kinds, count,
                         strf(c->arena, "%.*s %.*s", S_ARG(cli->words[0]), S_ARG(cli->words[1])));
    if (kind) return kind;
    *taken = 1;
    return kind_find(kinds, count, cli->words[0]);
}

static Err *kind_unknown(Ctx *c, const Cli *cli, const ImportKind *kinds, ptrdiff_t count) {
    Buf b = buf_new(c->arena, 128);
    for (ptrdiff_t i = 0; i < count; i++) buf_f(&b, "%s%s", i ? ", " : "", kinds[i].name);
    return cli_usage(c, "%s knows %.*s; not `%.*s`", cli->command->name,
                     S_ARG(count ? buf_str(&b) : S("nothing yet")), S_ARG(cli->words[0]));
}

static bool listed(const char *names, const char *name) {
    for (Str rest = str_c(names), one; !str_is_null(rest);) {
        rest = str_cut(rest, ' ', &one);
        if (str_eq(one, str_c(name))) return true;
    }
    return false;
}

static Err *transfer_run(Ctx *c, Cli *cli, const ImportKind *kinds, ptrdiff_t count, bool writes) {
    int taken;
    const ImportKind *kind = kind_named(c, cli, kinds, count, &taken);
    if (!kind) return kind_unknown(c, cli, kinds, count);
    for (ptrdiff_t i = 0; i < cli->other_count; i++)
        if (!listed(kind->options, cli->others[i].name))
            return cli_usage(c, "%s %s has no option --%s", cli->command->name, kind->name,
                             cli->others[i].name);
    Transfer *t = arena_new_of(c->arena, Transfer); /* closed with c, when this frame is gone */
    *t = (Transfer){
        .files = cli->words + taken,
        .file_count = cli->word_count - taken,
        .options = cli->others,
        .option_count = cli->other_count,
        .json = cli_flag(cli, "json"),
        .quiet = cli_flag(cli, "quiet"),
    };
    if (!writes && t->file_count == 0)
        return cli_usage(c, "import %s needs files (- is standard input)", kind->name);
    if (writes && t->file_count > 1) return cli_usage(c, "export %s writes one file", kind->name);
    TRY(modules_register(c, cli->modules, cli->module_count));
    TRY(modules_start(c, cli->modules, cli->module_count));
    Err *err = transfer_begin(c, t, writes);
    if (!err) err = kind->run(c, t);
    if (!err) err = transfer_end(c, t, kind->name);
    modules_stop(c, cli->modules, cli->module_count);
    if (t->rejected > 0) cli->exit_code = 1;
    return err;
}

static Err *import_run(Ctx *c, Cli *cli) {
    return transfer_run(c, cli, import_kinds, import_kind_count, false);
}
static Err *export_run(Ctx *c, Cli *cli) {
    return transfer_run(c, cli, export_kinds, export_kind_count, true);
}

const Command import_command = {
    .name = "import",
    .words = "WHAT FILE...",
    .words_min = 1,
    .words_max = CLI_WORDS_MAX,
    .options = transfer_options,
    .option_count = COUNT(transfer_options),
    .free_options = true,
    .need = NEED_SCHEMA,
    .doc = "Load data from files",
    .more =
        "`-` is standard input. What is there already is not made twice: an import that was cut "
        "is\n"
        "simply run again. Exits with 1 when lines were refused; each is named with its reason.",
    .run = import_run,
};

const Command export_command = {
    .name = "export",
    .words = "WHAT [FILE]",
    .words_min = 1,
    .words_max = 3,
    .options = transfer_options,
    .option_count = COUNT(transfer_options),
    .free_options = true,
    .need = NEED_SCHEMA,
    .doc = "Write data to a file or standard output",
    .run = export_run,
};
