/* SPDX-License-Identifier: Apache-2.0
 * socle note: what was written, spoken or photographed goes into a space. */
#include <stdio.h>
#include <sys/stat.h>

#include "cli/space_call.h"
#include "cli/tenant_call.h"
#include "core/time.h"
#include "products/lifetales/shell.h"
#include "rt/io.h"

enum { TEXT_BYTES_MAX = 1024 * 1024 };

static const Option note_options[] = {
    USER_OPTION,
    {"title", "TITLE", NULL, "of the note"},
    {"at", "TIME", NULL, "when it happened: 2026-07-04, 2026-07-04T18:30:00+02:00 (now; of files: their own time)"},
    {"json", NULL, NULL, "JSON lines instead of words"},
};

static const ThingColumn note_columns[] = {
    {"id", NULL, NULL},
    {"type", NULL, NULL},
    {"transcription_status", NULL, NULL},
    {"title", NULL, NULL},
};

/* One word of the command line, as a note. */
typedef struct NewNote {
    const char *type;
    Str text, media, file; /* media: id; file: its path, null for a text */
    Time at;
} NewNote;

/* -- what a word is ---------------------------------------------------------------------------------- */

/* A name that ends in .jpg and its like, or stands in a folder. */
static bool looks_like_file(Str word) {
    ptrdiff_t dot = -1;
    for (ptrdiff_t i = 0; i < word.len; i++) {
        if (word.data[i] == ' ' || word.data[i] == '\n') return false;
        if (word.data[i] == '.') dot = i;
    }
    ptrdiff_t ending = dot < 0 ? 0 : word.len - dot - 1;
    return str_find_byte(word, '/') >= 0 || (dot > 0 && ending >= 2 && ending <= 5);
}

static bool is_text_file(Arena *arena, Str path) {
    Str low = str_lower(arena, path);
    return str_ends(low, S(".txt")) || str_ends(low, S(".md"));
}

static Err *text_read(Ctx *c, Str path, Str *out) {
    Str bytes;
    TRY(file_read_all(c, path, TEXT_BYTES_MAX, &bytes));
    *out = str_trim(bytes);
    if (!str_utf8_valid(*out)) FAIL(c, INVALID, "it is no UTF-8");
    if (out->len == 0) FAIL(c, INVALID, "there is nothing in it");
    return NULL;
}

static Err *file_take(Ctx *c, Id user, Str path, NewNote *n) {
    Media media;
    n->file = path;
    if (is_text_file(c->arena, path)) return text_read(c, path, &n->text);
    TRY(shell_media(c, user, path, &media));
    n->media = media.id;
    n->type = str_eq(media.kind, S("audio"))   ? "AUDIO"
              : str_eq(media.kind, S("image")) ? "IMAGE"
                                               : "VIDEO";
    return NULL;
}

static Err *word_take(Ctx *c, Id user, Str word, NewNote *n) {
    struct stat st;
    *n = (NewNote){.type = "TEXT", .at = TIME_NULL};
    if (str_eq(word, S("-"))) return text_read(c, S("/dev/stdin"), &n->text);
    if (stat(str_cstr(c->arena, word), &st) == 0) {
        n->at = (Time){st.st_mtim.tv_sec * US_PER_SECOND};
        return file_take(c, user, word, n);
    }
    if (looks_like_file(word)) FAIL(c, NOT_FOUND, "there is no such file");
    n->text = str_trim(word);
    return n->text.len > 0 ? NULL : cli_usage(c, "a note says something");
}

/* -- the note ---------------------------------------------------------------------------------------- */

static Str note_body(Ctx *c, const Cli *cli, const NewNote *n) {
    Buf b = buf_new(c->arena, n->text.len + 512);
    JsonOut o = json_out(&b);
    Str title = cli_value(cli, "title"), at = cli_value(cli, "at");
    json_begin(&o, '{');
    json_key(&o, S("type"));
    json_put_str(&o, str_c(n->type));
    if (!str_is_null(title)) {
        json_key(&o, S("title"));
        json_put_str(&o, title);
    }
    if (!str_is_null(at) || !time_is_null(n->at)) {
        json_key(&o, S("timestamp"));
        json_put_str(&o, str_is_null(at) ? time_str(c->arena, n->at) : at);
    }
    if (n->text.len) {
        json_key(&o, S("content"));
        json_put_str(&o, n->text);
    }
    if (n->media.len) {
        json_key(&o, str_eq(str_c(n->type), S("AUDIO"))   ? S("audioFileIds")
                     : str_eq(str_c(n->type), S("IMAGE")) ? S("imageFileIds")
                                                          : S("videoFileIds"));
        json_begin(&o, '[');
        json_put_str(&o, n->media);
        json_end(&o, ']');
    }
    json_end(&o, '}');
    return buf_str(&b);
}

static Err *word_add(Ctx *c, const Cli *cli, Id user, Str space, Str word) {
    NewNote n;
    json_t *made;
    TRY(word_take(c, user, word, &n));
    Str path = strf(c->arena, "/api/spaces/%.*s/notes", S_ARG(space));
    TRY(person_call(c, METHOD_POST, path, (Str){0}, note_body(c, cli, &n), &made));
    thing_print(c, cli, made, note_columns, COUNT(note_columns));
    return NULL;
}

static void refusal_print(Str word, const Err *err) {
    fprintf(stderr, "%.*s: %.*s\n", S_ARG(word), S_ARG(err->detail));
}

/* Each by itself: what is wrong with one keeps no other out. */
static Err *notes_add(Ctx *c, Cli *cli, Id user, Str space) {
    ptrdiff_t words = cli->word_count - 2;
    for (ptrdiff_t i = 2; i < cli->word_count; i++) {
        CtxMark mark = ctx_mark(c);
        Err *err = word_add(c, cli, user, space, cli->words[i]);
        if (err && words == 1) return err;
        if (err) refusal_print(cli->words[i], err);
        if (err) cli->exit_code = 1;
        ctx_release(c, mark);
    }
    return NULL;
}

static Err *note_run(Ctx *c, Cli *cli) {
    Id user;
    Str space, at = cli_value(cli, "at");
    Time when;
    json_t *there;
    if (!str_eq(cli->words[0], S("add"))) return cli_usage(c, "note takes add SPACE TEXT|FILE...");
    if (!str_is_null(at) && !time_parse(at, &when))
        return cli_usage(c, "--at is a time like 2026-07-04T18:30:00+02:00");
    TRY(person_enter(c, cli, &user));
    TRY(space_find(c, cli->words[1], &space));
    Str path = strf(c->arena, "/api/spaces/%.*s", S_ARG(space));
    TRY(person_call(c, METHOD_GET, path, (Str){0}, (Str){0}, &there)); /* before files are stored */
    return notes_add(c, cli, user, space);
}

const Command note_command = {
    .name = "note",
    .words = "add SPACE TEXT|FILE...",
    .words_min = 3,
    .words_max = CLI_WORDS_MAX,
    .options = note_options,
    .option_count = COUNT(note_options),
    .need = NEED_SCHEMA,
    .doc = "Notes into a person's space (lifetales)",
    .more = "A SPACE is named by its id or its title. Each word is a note: a file that is there is its "
            "text\n"
            "(.txt, .md), its recording, its picture or its video; `-` is a text of standard input; "
            "anything\n"
            "else is the text itself. It exits with 1 when one was refused; each is named with its "
            "reason.",
    .run = note_run,
};
