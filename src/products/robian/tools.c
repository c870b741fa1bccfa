/* SPDX-License-Identifier: Apache-2.0
 * Errors are told in the words of the program's last line: paths never stand in it, because it runs in
 * the work folder and knows its files by bare names. */
#include "products/robian/tools.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/base_settings.h"
#include "core/time.h"
#include "products/robian/robian.h"
#include "rt/process.h"

enum {
    ARGS_MAX = 80,
    NICE = 10,
    WORDS_MAX = 300, /* of its last line, in our error */
};
static const int64_t MEMORY_MAX = (int64_t)4 << 30; /* address space; decoders map a lot of it */

static const struct {
    const char *name, *setting, *package;
    const Str *path;
} tools[TOOL_COUNT] = {
    [TOOL_FFMPEG] = {"ffmpeg", "FFMPEG_PATH", "ffmpeg", &settings.ffmpeg},
    [TOOL_FFPROBE] = {"ffprobe", "FFPROBE_PATH", "ffmpeg", &settings.ffprobe},
    [TOOL_YT_DLP] = {"yt-dlp", "YTDLP_PATH", "yt-dlp", &robian.yt_dlp},
};

Err *stage_tell(Ctx *c, Stage stage, double part) {
    if (!stage.tell) return NULL;
    return stage.tell(c, stage.arg, part < 0 ? 0 : part > 1 ? 1 : part);
}

static bool in_path(Arena *arena, Str name) {
    for (Str rest = str_c(getenv("PATH")), folder; !str_is_null(rest);) {
        rest = str_cut(rest, ':', &folder);
        Str path = strf(arena, "%.*s/%.*s", S_ARG(folder), S_ARG(name));
        if (access(str_cstr(arena, path), X_OK) == 0) return true;
    }
    return false;
}

Str tool_missing(Arena *arena, Tool tool) {
    assert(tool < TOOL_COUNT);
    Str path = *tools[tool].path;
    bool there =
        path.len > 0 && (str_find_byte(path, '/') >= 0 ? access(str_cstr(arena, path), X_OK) == 0
                                                       : in_path(arena, path));
    if (there) return (Str){0};
    return strf(arena, "%s is missing: install it (apt install %s) or set %s to its place",
                tools[tool].name, tools[tool].package, tools[tool].setting);
}

Str tools_missing(Arena *arena) {
    Buf b = buf_new(arena, 256);
    for (Tool tool = 0; tool < TOOL_COUNT; tool++) {
        Str missing = tool_missing(arena, tool);
        if (!str_is_null(missing)) buf_f(&b, "%s%.*s", b.len ? "; " : "", S_ARG(missing));
    }
    return b.len ? buf_str(&b) : (Str){0};
}

/* -- what it says -------------------------------------------------------------------------------- */

static Err *silent(Ctx *c, Tool tool, Err *err, int64_t until_us, int64_t former_us) {
    bool ours = err->kind == ERR_TIMEOUT && (former_us == 0 || until_us < former_us);
    if (!ours) return err;
    FAIL(c, TIMEOUT, "%s ne donne plus signe de vie depuis %lld s : arrêté.", tools[tool].name,
         (long long)robian.silence_s);
}

/* One piece of output, within the time for which it may be silent. */
static Err *heard(Ctx *c, const ToolRun *run, Process *p, Buf *gathered, bool *more) {
    int64_t former = ctx_deadline_within(c, robian.silence_s * 1000), until = c->deadline_us;
    Str line = {0};
    ptrdiff_t n = 0;
    Err *err;
    if (run->line) {
        err = process_line(c, p, &line);
        *more = !str_is_null(line);
    } else {
        char *to = buf_reserve(gathered, 16 * KIB);
        err = process_read(c, p, to, 16 * KIB, &n);
        gathered->len += err ? 0 : n;
        *more = n > 0;
    }
    c->deadline_us = former;
    if (err) return silent(c, run->tool, err, until, former);
    if (!run->line && gathered->len > run->max_output)
        FAIL(c, TOO_LARGE, "%s en dit trop : plus de %td octets.", tools[run->tool].name,
             run->max_output);
    return *more && run->line ? run->line(c, line, run->arg) : NULL;
}

static Err *listened(Ctx *c, const ToolRun *run, Process *p, int *code) {
    Buf gathered = buf_new(c->arena, 0);
    for (bool more = true; more;) TRY(heard(c, run, p, &gathered, &more));
    int64_t former = ctx_deadline_within(c, robian.silence_s * 1000), until = c->deadline_us;
    Err *err = process_wait(c, p, code);
    c->deadline_us = former;
    if (err) return silent(c, run->tool, err, until, former);
    if (run->output) *run->output = buf_str(&gathered);
    return NULL;
}

/* -- how it ended -------------------------------------------------------------------------------- */

static Str last_line(Str text) {
    text = str_trim(text);
    for (ptrdiff_t i = text.len; i > 0; i--)
        if (text.data[i - 1] == '\n') return str_utf8_cut(str_slice(text, i, text.len), WORDS_MAX);
    return str_utf8_cut(text, WORDS_MAX);
}

static bool says(Str text, const char *words) { return str_find(text, str_c(words)) >= 0; }

/* A file came to its limit: ours, or the one this process itself has from the system? */
static Err *too_large(Ctx *c) {
    struct rlimit limit;
    bool system = getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
                  (int64_t)limit.rlim_cur < robian.extraction_max_bytes;
    if (system) FAIL(c, STORAGE_FULL, "Le disque est plein (taille de fichier limitée).");
    FAIL(c, TOO_LARGE, "L'audio dépasse la limite de %lld Mo.",
         (long long)(robian.extraction_max_bytes / 1000000));
}

static Err *ended_badly(Ctx *c, Tool tool, int code, Str errors) {
    const char *name = tools[tool].name;
    if (says(errors, "No space left") || says(errors, "Disk quota"))
        FAIL(c, STORAGE_FULL, "Le disque est plein.");
    if (code == 128 + SIGXFSZ || says(errors, "File too large")) return too_large(c);
    if (code > 128) FAIL(c, INTERNAL, "%s a été arrêté par le signal %d.", name, code - 128);
    Str words = last_line(errors);
    if (words.len == 0) FAIL(c, INVALID, "%s a échoué (code %d).", name, code);
    FAIL(c, INVALID, "%s a échoué : %.*s", name, S_ARG(words));
}

Err *tool_run(Ctx *c, const ToolRun *run) {
    assert(run->line || run->output);
    const char *argv[ARGS_MAX] = {str_cstr(c->arena, *tools[run->tool].path)};
    int count = 1, code = 0;
    for (const char *const *arg = run->args; *arg; arg++) {
        assert(count < ARGS_MAX - 1);
        argv[count++] = *arg;
    }
    Str missing = tool_missing(c->arena, run->tool);
    if (!str_is_null(missing)) FAIL(c, NOT_CONFIGURED, "%.*s", S_ARG(missing));
    Process *p;
    ProcessOptions options = {.argv = argv,
                              .cwd = str_cstr(c->arena, run->folder),
                              .input = run->input,
                              .nice = NICE,
                              .max_file_bytes = robian.extraction_max_bytes,
                              .max_memory_bytes = MEMORY_MAX};
    Defer *mark = c->defers;
    TRY(process_start(c, options, &p));
    Err *err = listened(c, run, p, &code);
    process_end(c, p);
    Str errors = str_copy(c->arena, process_errors(p));
    ctx_undo(c, mark);
    if (run->errors) *run->errors = errors;
    if (err) return err;
    return code == 0 ? NULL : ended_badly(c, run->tool, code, errors);
}
