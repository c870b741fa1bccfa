/* SPDX-License-Identifier: Apache-2.0
 * socle import lifetales --user EMAIL [--space TITLE] FILE…
 *
 *   a tar of `socle export lifetales` or GET /api/export ─▶ import_tar.c
 *   JSON of the web app: a space, a list of spaces, {spaces, settings}, what the API answered
 *   JSON lines: a note (or a space) each; notes that stand alone are in a space named after the file
 *
 * A file may be larger than memory: its lists are walked through (import_scan.h), one note or chapter is parsed at
 * a time. A space's own members are wanted before its notes, wherever they stand in it: they are looked for first.
 * What is refused is named by its place, and the rest goes on; nothing of it is there. An import that was killed is
 * run again. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/json.h"
#include "products/lifetales/export.h"
#include "products/lifetales/import_room.h"
#include "products/lifetales/import_scan.h"
#include "products/lifetales/lifetales.h"
#include "net/sheet.h"
#include "rt/io.h"

enum { ELEMENT_MAX = 160 * 1024 * 1024, DEPTH_MAX = 8 };
#define IDS_BYTES (256 * MIB)

/* -- telling ----------------------------------------------------------------------------------- */

Err *import_told(Ctx *c, Import *im, Str place, Err *err) {
    if (!err) {
        transfer_progress(im->t, "elements");
        return NULL;
    }
    if (!import_refusal(err)) return err;
    Buf b = buf_new(c->arena, 256);
    if (place.len) buf_f(&b, "%.*s: ", S_ARG(place));
    buf_add(&b, str_utf8_cut(err->detail, 500));
    for (ptrdiff_t i = 0; i < err->field_count; i++)
        buf_f(&b, "%s%.*s %.*s", i ? ", " : " ", S_ARG(err->fields[i].field),
              S_ARG(err->fields[i].message));
    transfer_reject(im->t, buf_str(&b));
    return NULL;
}

void import_moves_to(Import *im, const Space *space) {
    Space *kept = arena_new_of(im->arena, Space);
    *kept = (Space){.n = space->n, .user_id = space->user_id, .id = str_copy(im->arena, space->id)};
    im->space = kept;
    im->notes = arena_new_of(im->arena, Map);
    im->notes->arena = im->arena;
}

/* -- a file ------------------------------------------------------------------------------------ */

typedef struct Walk {
    Import *im;
    Str map, text;     /* the file's bytes, and those behind a mark at their beginning */
    int64_t before;    /* bytes of the files before this one */
    ptrdiff_t counted; /* lines, up to here */
} Walk;

/* Where we are: the line, for who reads the file. */
static void walk_to(Walk *w, Str value) {
    ptrdiff_t at = value.data - w->text.data, from = w->counted;
    while (w->counted < at) {
        const char *end = memchr(w->text.data + w->counted, '\n', (size_t)(at - w->counted));
        w->counted = end ? end + 1 - w->text.data : at;
        w->im->t->line_number += end != NULL;
    }
    w->im->t->bytes_done = w->before + w->counted;
    scan_passed(w->text.data + from, w->text.data + w->counted);
}

static Err *element_parse(Ctx *c, Str value, bool cut, json_t **out) {
    if (cut) FAIL(c, INVALID, "The file ends in the middle of it.");
    if (value.len > ELEMENT_MAX) FAIL(c, TOO_LARGE, "It has more than %d bytes.", ELEMENT_MAX);
    return json_parse(c, value, out);
}

/* -- what an element is ------------------------------------------------------------------------ */

static bool key_is(Str key, const char *name) {
    /* Both spellings: letters alone count. */
    ptrdiff_t at = 0;
    for (const char *p = name; *p; p++) {
        char low = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
        if (at < key.len && key.data[at] == '_') at++;
        if (at >= key.len || (key.data[at] | 32) != low) return false;
        at++;
    }
    return at == key.len;
}

typedef enum Kind { KIND_NONE, KIND_SPACE, KIND_NOTE, KIND_BUNDLE, KIND_WRAP } Kind;

static bool is_list(Str value) { return value.data[0] == '['; }
static bool is_object(Str value) { return value.data[0] == '{'; }

static Kind kind_of(Str value) {
    static const char *const said[] = {"textContent", "content",  "transcription", "transcriptions",
                                       "timestamp",   "audioUrl", "audioData",     "imageData",
                                       "date",        "type"};
    Scan s = scan_of(value);
    Str key, member;
    bool cut, note = false, title = false;
    Kind wrapped = KIND_NONE;
    while (scan_next(&s, &key, &member, &cut)) {
        bool list = is_list(member);
        if (list && key_is(key, "spaces")) return KIND_BUNDLE;
        if (list && (key_is(key, "notes") || key_is(key, "generatedStory"))) return KIND_SPACE;
        if ((list || is_object(member)) && (key_is(key, "data") || key_is(key, "state")))
            wrapped = KIND_WRAP;
        title = title || key_is(key, "title");
        for (int i = 0; i < COUNT(said) && !note; i++) note = key_is(key, said[i]);
    }
    return note ? KIND_NOTE : wrapped ? wrapped : title ? KIND_SPACE : KIND_NONE;
}

/* -- spaces ------------------------------------------------------------------------------------ */

typedef struct SpaceParts {
    Buf own; /* its own members, as one object */
    Str notes, chapters;
    bool cut, too_large;
} SpaceParts;

static void space_apart(Arena *arena, Str value, SpaceParts *parts) {
    Scan s = scan_of(value);
    Str key, member;
    bool cut;
    *parts = (SpaceParts){.own = buf_new(arena, 4096)};
    buf_byte(&parts->own, '{');
    while (scan_next(&s, &key, &member, &cut)) {
        parts->cut = parts->cut || cut;
        if (is_list(member) && key_is(key, "notes")) parts->notes = member;
        if (is_list(member) && (key_is(key, "generatedStory") || key_is(key, "chapters")))
            parts->chapters = member;
        if (is_list(member) || cut) continue;
        if (parts->own.len + member.len > ELEMENT_MAX) {
            parts->too_large = true;
            continue;
        }
        if (parts->own.len > 1) buf_byte(&parts->own, ',');
        buf_f(&parts->own, "\"%.*s\":", S_ARG(key));
        buf_add(&parts->own, member);
    }
    parts->cut = parts->cut || s.broken;
    buf_byte(&parts->own, '}');
}

static Err *list_take(Ctx *c, Walk *w, Str list, Str place,
                      Err *(*take)(Ctx *c, Walk *w, json_t *json, Str value, int64_t index)) {
    Scan s = scan_of(list);
    Str key, value;
    bool cut;
    for (int64_t i = 0; scan_next(&s, &key, &value, &cut); i++) {
        json_t *json;
        CtxMark mark = ctx_mark(c);
        walk_to(w, value);
        Err *err = element_parse(c, value, cut, &json);
        if (!err && !json_is_object(json))
            err = err_new(c, ERR_INVALID, __func__, "It is no object.");
        if (!err) err = take(c, w, json, value, i);
        TRY(import_told(c, w->im, strf(c->arena, "%.*s[%lld]", S_ARG(place), (long long)i), err));
        ctx_release(c, mark);
    }
    return NULL;
}

static Err *note_one(Ctx *c, Walk *w, json_t *json, Str value, int64_t index) {
    (void)index;
    return import_note(c, w->im, w->im->space, json, value);
}

static Err *chapter_one(Ctx *c, Walk *w, json_t *json, Str value, int64_t index) {
    (void)value;
    return import_chapter(c, w->im, w->im->space, json, index);
}

static Err *space_begin(Ctx *c, Walk *w, const SpaceParts *parts) {
    json_t *json;
    Space space;
    if (parts->too_large)
        FAIL(c, TOO_LARGE, "What it says of itself has more than %d bytes.", ELEMENT_MAX);
    TRY(json_parse(c, buf_str(&parts->own), &json));
    if (parts->cut && !import_str(json, "title").len)
        FAIL(c, INVALID, "The file ends in the middle of it, before its title.");
    TRY(import_space(c, w->im, json, &space));
    import_moves_to(w->im, &space);
    return NULL;
}

static Err *space_take(Ctx *c, Walk *w, Str value, Str place) {
    Arena *arena = arena_new(2 * (ptrdiff_t)ELEMENT_MAX);
    SpaceParts parts;
    space_apart(arena, value, &parts);
    walk_to(w, value);
    CtxMark mark = ctx_mark(c);
    Err *err = space_begin(c, w, &parts);
    bool begun = !err;
    arena_free(arena);
    TRY(import_told(c, w->im, place, err));
    ctx_release(c, mark);
    if (!begun) return NULL;
    if (parts.notes.len)
        TRY(list_take(c, w, parts.notes, strf(c->arena, "%.*s.notes", S_ARG(place)), note_one));
    if (parts.chapters.len)
        TRY(list_take(c, w, parts.chapters, strf(c->arena, "%.*s.generatedStory", S_ARG(place)),
                      chapter_one));
    w->im->space = NULL;
    return NULL;
}

/* -- anything ---------------------------------------------------------------------------------- */

static Err *value_take(Ctx *c, Walk *w, Str value, bool cut, Str place, int depth);

static Err *members_take(Ctx *c, Walk *w, Str value, Str place, int depth) {
    Scan s = scan_of(value);
    Str key, member;
    bool cut;
    while (scan_next(&s, &key, &member, &cut)) {
        bool inside = key_is(key, "spaces") || key_is(key, "data") || key_is(key, "state");
        CtxMark mark = ctx_mark(c);
        Str there = strf(c->arena, "%.*s%s%.*s", S_ARG(place), place.len ? "." : "", S_ARG(key));
        if (inside && (is_list(member) || is_object(member)))
            TRY(value_take(c, w, member, cut, there, depth + 1));
        if (key_is(key, "settings") && is_object(member)) {
            json_t *json;
            walk_to(w, member);
            Err *err = element_parse(c, member, cut, &json);
            TRY(import_told(c, w->im, there, err ? err : import_settings(c, w->im, json)));
        }
        ctx_release(c, mark);
    }
    return NULL;
}

static Err *note_alone(Ctx *c, Walk *w, Str value, bool cut) {
    json_t *json;
    TRY(element_parse(c, value, cut, &json));
    if (!w->im->space) TRY(import_space_file(c, w->im));
    return import_note(c, w->im, w->im->space, json, value);
}

static Err *items_take(Ctx *c, Walk *w, Str value, Str place, int depth) {
    Scan s = scan_of(value);
    Str key, item;
    bool cut;
    for (int64_t i = 0; scan_next(&s, &key, &item, &cut); i++) {
        CtxMark mark = ctx_mark(c);
        TRY(value_take(c, w, item, cut, strf(c->arena, "%.*s[%lld]", S_ARG(place), (long long)i),
                       depth + 1));
        ctx_release(c, mark);
    }
    return NULL;
}

static Err *value_take(Ctx *c, Walk *w, Str value, bool cut, Str place, int depth) {
    walk_to(w, value);
    if (depth > DEPTH_MAX)
        return import_told(c, w->im, place,
                           err_new(c, ERR_INVALID, __func__, "It is nested too deep."));
    if (is_list(value)) return items_take(c, w, value, place, depth);
    Kind kind = is_object(value) ? kind_of(value) : KIND_NONE;
    if (kind == KIND_SPACE) return space_take(c, w, value, place);
    if (kind == KIND_BUNDLE || kind == KIND_WRAP) return members_take(c, w, value, place, depth);
    Err *err = kind == KIND_NOTE
                   ? note_alone(c, w, value, cut)
                   : err_new(c, ERR_INVALID, __func__, "It is neither a space nor a note.");
    return import_told(c, w->im, place, err);
}

/* A line each: a bad one takes no other with it. */
static Err *lines_take(Ctx *c, Walk *w) {
    for (ptrdiff_t at = 0; at < w->text.len;) {
        const char *newline = memchr(w->text.data + at, '\n', (size_t)(w->text.len - at));
        ptrdiff_t end = newline ? newline - w->text.data : w->text.len;
        Str line = str_trim(str_slice(w->text, at, end));
        at = end + 1;
        if (line.len == 0) continue;
        CtxMark mark = ctx_mark(c);
        TRY(value_take(c, w, line, false, (Str){0}, 0));
        ctx_release(c, mark);
    }
    return NULL;
}

/* A first line that is broken swallows what follows it: then the next one begins as it did. */
static bool first_line_broken(Str text) {
    const char *newline = memchr(text.data, '\n', (size_t)text.len);
    if (!newline || text.data[0] != '{') return false;
    ptrdiff_t behind = newline + 1 - text.data;
    return str_starts(str_trim(str_slice(text, behind, behind + 64)), S("{"));
}

/* The file's one value, or lines of them: where the first line is a value, and there are more lines. */
static Err *values_take(Ctx *c, Walk *w) {
    bool cut;
    ptrdiff_t begin, end;
    if (!scan_value(w->text, 0, &begin, &end, &cut)) {
        transfer_reject(w->im->t, S("The file is empty."));
        return NULL;
    }
    if (str_trim(str_slice(w->text, end, w->text.len)).len > 0) {
        const char *newline = memchr(w->text.data + begin, '\n', (size_t)(w->text.len - begin));
        bool line = newline && (end <= newline - w->text.data || w->text.data[begin] != '[');
        if (line) return lines_take(c, w);
        transfer_reject(w->im->t,
                        S("It is neither JSON nor an export: something stands behind its end."));
        return NULL;
    }
    if (cut && first_line_broken(str_slice(w->text, begin, end))) return lines_take(c, w);
    TRY(value_take(c, w, str_slice(w->text, begin, end), cut, (Str){0}, 0));
    if (cut)
        transfer_reject(w->im->t, S("The file ends in the middle: what was whole has been taken."));
    return NULL;
}

/* -- files ------------------------------------------------------------------------------------- */

typedef struct Opened {
    int fd;
} Opened;
static void opened_close(void *arg) {
    const Opened *o = arg;
    if (o->fd > STDERR_FILENO) close(o->fd);
}

/* A pipe is written down first: it is read twice. */
static Err *spooled(Ctx *c, int from, int *fd) {
    Sheet sheet;
    char *piece = arena_bytes(c->arena, 256 * KIB);
    TRY(sheet_open(c, &sheet));
    for (int64_t size = 0;;) {
        ssize_t n = read(from, piece, 256 * KIB);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) FAIL(c, INTERNAL, "Standard input: %s", strerror(errno));
        if (n == 0) break;
        TRY(file_write(c, sheet.fd, piece, n, size));
        size += n;
    }
    *fd = sheet.fd;
    return NULL;
}

static Err *input_open(Ctx *c, Str path, int *fd) {
    struct stat about;
    Opened *o = arena_new_of(c->arena, Opened);
    o->fd =
        str_eq(path, S("-")) ? STDIN_FILENO : open(str_cstr(c->arena, path), O_RDONLY | O_CLOEXEC);
    if (o->fd < 0) FAIL(c, NOT_FOUND, "%.*s: %s", S_ARG(path), strerror(errno));
    defer(c, opened_close, o);
    *fd = o->fd;
    if (fstat(o->fd, &about)) FAIL(c, INTERNAL, "%.*s: %s", S_ARG(path), strerror(errno));
    if (S_ISDIR(about.st_mode)) FAIL(c, NOT_FOUND, "%.*s is a folder.", S_ARG(path));
    return S_ISREG(about.st_mode) ? NULL : spooled(c, o->fd, fd);
}

static bool is_tar(int fd) {
    char head[512];
    ssize_t n = pread(fd, head, sizeof head, 0);
    if (n >= 2 && (unsigned char)head[0] == 0x1F && (unsigned char)head[1] == 0x8B) return true;
    return n == sizeof head && memcmp(head + 257, "ustar", 5) == 0;
}

static Str name_alone(Arena *arena, Str path) {
    for (ptrdiff_t i = path.len; i > 0; i--)
        if (path.data[i - 1] == '/') {
            path = str_slice(path, i, path.len);
            break;
        }
    for (ptrdiff_t i = path.len - 1; i > 0; i--)
        if (path.data[i] == '.') {
            path.len = i;
            break;
        }
    Str name = str_utf8_valid(path) ? str_trim(path) : S("");
    return str_copy(arena, name.len && !str_eq(name, S("-")) ? name : S("Import"));
}

static Err *json_file(Ctx *c, Import *im, Str path, int fd) {
    struct stat about;
    Walk w = {.im = im};
    if (fstat(fd, &about)) FAIL(c, INTERNAL, "%.*s: %s", S_ARG(path), strerror(errno));
    TRY(file_map(c, fd, about.st_size, &w.map));
    scan_mapped(w.map);
    bool marked = str_starts(w.map, S("\xEF\xBB\xBF"));
    w.text = str_slice(w.map, marked ? 3 : 0, w.map.len);
    w.before = im->t->bytes_done;
    Err *err = values_take(c, &w);
    scan_mapped((Str){0});
    return err;
}

static Err *one_file(Ctx *c, Import *im, ptrdiff_t index) {
    int fd = -1;
    Str path = im->t->files[index];
    im->t->next_file = index + 1;
    im->t->line_number = 1;
    im->file = name_alone(im->arena, path);
    im->space = NULL;
    TRY(input_open(c, path, &fd));
    return is_tar(fd) ? import_tar(c, im, fd) : json_file(c, im, path, fd);
}

static void ids_free(void *arena) { arena_free(arena); }

static void import_report(const Import *im) {
    const char *form = im->t->json
                           ? "{\"event\":\"imported\",\"spaces\":%lld,\"notes\":%lld,\"chapters\":%"
                             "lld,\"media\":%lld,"
                             "\"known\":%lld,\"dead\":%lld}\n"
                           : "%lld spaces, %lld notes, %lld chapters, %lld files of the album "
                             "added; %lld were there; %lld "
                             "recordings or pictures are only in the browser they were made in\n";
    if (im->t->quiet) return;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    fprintf(stderr, form, (long long)im->spaces, (long long)im->note_count, (long long)im->chapters,
            (long long)im->media_count, (long long)im->known, (long long)im->dead);
#pragma GCC diagnostic pop
}

Err *lifetales_import(Ctx *c, Transfer *t) {
    User user;
    Arena *arena = arena_new(IDS_BYTES);
    Import im = {.t = t, .space_title = str_trim(transfer_option(t, "space")), .arena = arena};
    c->deadline_us = 0;
    defer(c, ids_free, arena);
    im.media.arena = arena;
    TRY(tales_user_option(c, t, &user));
    im.user = user.id;
    c->account.user = user.id; /* jobs that are asked for are his */
    Err *err = NULL;
    for (ptrdiff_t i = 0; i < t->file_count && !err; i++) {
        CtxMark mark = ctx_mark(c);
        err = one_file(c, &im, i);
        if (!err) ctx_release(c, mark);
    }
    import_report(&im);
    return err;
}
