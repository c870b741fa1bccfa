/* SPDX-License-Identifier: Apache-2.0
 * socle book: a space's story as a file. */
#include <sys/stat.h>

#include "cli/space_call.h"
#include "net/sheet.h"
#include "products/lifetales/book_made.h"
#include "rt/io.h"

static const Option book_options[] = {
    USER_OPTION,
    {"format", "FORMAT", NULL, "pdf, epub or html (as the file's name ends; pdf)"},
    {"output", "FILE", NULL, "where it is written (needed; -o FILE); - is standard output", 'o'},
    {"force", NULL, NULL, "over a file that is there"},
};

static Err *format_of(Ctx *c, const Cli *cli, Str file, Str *out) {
    static const char *const formats[] = {"pdf", "epub", "html"};
    Str named = cli_value(cli, "format");
    for (int i = 0; i < COUNT(formats); i++) {
        Str one = str_c(formats[i]);
        bool ends = str_ends(str_lower(c->arena, file), strf(c->arena, ".%s", formats[i]));
        if (!str_is_null(named) ? str_eq(named, one) : ends) {
            *out = one;
            return NULL;
        }
    }
    *out = S("pdf");
    return str_is_null(named) ? NULL : cli_usage(c, "--format is pdf, epub or html");
}

/* Before anything is made: nobody waits for a book that has no place. */
static Err *place_look(Ctx *c, const Cli *cli, Str file) {
    struct stat st;
    if (str_eq(file, S("-")) || stat(str_cstr(c->arena, file), &st) != 0) return NULL;
    if (!S_ISREG(st.st_mode)) FAIL(c, INVALID, "%.*s is no file", S_ARG(file));
    if (cli_flag(cli, "force")) return NULL;
    FAIL(c, CONFLICT, "%.*s is there already: --force writes over it", S_ARG(file));
}

static Err *book_write(Ctx *c, const Space *space, Str format, Str file) {
    int fd;
    int64_t size;
    Str bytes;
    TRY(book_have(c, space, format, (Str){0}, &fd, &size));
    TRY(file_map(c, fd, size, &bytes));
    if (str_eq(file, S("-"))) {
        cli_print(bytes);
        return NULL;
    }
    Err *err = file_replace(c, file, bytes);
    if (err)
        return err_wrap(c, err->kind, __func__, err, "%.*s: %.*s", S_ARG(file), S_ARG(err->detail));
    cli_printf("%.*s: %.*s, %lld bytes\n", S_ARG(file), S_ARG(space->title), (long long)size);
    return NULL;
}

static Err *book_run(Ctx *c, Cli *cli) {
    Id user;
    Str id, format, file = cli_value(cli, "output");
    Space space;
    if (str_is_empty(file)) return cli_usage(c, "book needs --output");
    TRY(format_of(c, cli, file, &format));
    TRY(person_enter(c, cli, &user));
    TRY(place_look(c, cli, file));
    TRY(space_find(c, cli->words[0], &id));
    TRY(space_load(c, user, id, &space));
    return book_write(c, &space, format, file);
}

const Command book_command = {
    .name = "book",
    .words = "SPACE",
    .words_min = 1,
    .words_max = 1,
    .options = book_options,
    .option_count = COUNT(book_options),
    .need = NEED_SCHEMA,
    .doc = "A space's story as a book (lifetales)",
    .more = "A SPACE is named by its id or its title. The file is there whole, or not at all. Codes in "
            "the\n"
            "book lead to PUBLIC_URL, which is worth setting before it is printed.",
    .run = book_run,
};
