/* SPDX-License-Identifier: Apache-2.0
 * Our own export, read as it comes: see export.c for the order of its files. One entry is in memory at a time;
 * bytes of the album go by way of a file without a name. What is not known (README.txt, .md, books) is passed over.
 * Without export.json at its end the archive was cut: what came is taken, and that is said. */
#include <archive.h>
#include <archive_entry.h>

#include "core/json.h"
#include "products/lifetales/export.h"
#include "products/lifetales/import_room.h"
#include "products/lifetales/lifetales.h"
#include "net/sheet.h"

enum { READ_BLOCK = 256 * 1024, JSON_MAX = 64 * 1024 * 1024 };

typedef struct Tar {
    Import *im;
    struct archive *in;
    Str name;  /* of the entry */
    Str about; /* JSON of the file of the album that comes next; in im's arena of the file */
    Arena *arena;
    bool whole, space_bad;
    int64_t chapter;
} Tar;

static void tar_close(void *arg) { archive_read_free(arg); }

static Err *tar_wrong(Ctx *c, const Tar *t) {
    const char *why = archive_error_string(t->in);
    FAIL(c, INVALID, "The archive is broken or cut: %s", why ? why : "it ends too soon");
}

static Err *entry_read(Ctx *c, const Tar *t, int64_t size, int64_t most, Str *out) {
    Sheet sheet;
    if (size > most) FAIL(c, TOO_LARGE, "It has more than %lld bytes.", (long long)most);
    TRY(sheet_make(c, (ptrdiff_t)size, &sheet));
    for (int64_t done = 0; done < size;) {
        la_ssize_t n = archive_read_data(t->in, sheet.data + done, (size_t)(size - done));
        if (n <= 0) return tar_wrong(c, t);
        done += n;
        t->im->t->bytes_done = archive_filter_bytes(t->in, -1);
    }
    *out = size ? str_of(sheet.data, (ptrdiff_t)size) : S("");
    return NULL;
}

static bool name_has(const Tar *t, const char *folder) {
    return str_starts(t->name, S("spaces/")) && str_find(t->name, str_c(folder)) > 0 &&
           str_ends(t->name, S(".json"));
}

static Err *json_entry(Ctx *c, Tar *t, int64_t size, Str *text, json_t **json) {
    TRY(entry_read(c, t, size, JSON_MAX, text));
    TRY(json_parse(c, *text, json));
    if (!json_is_object(*json)) FAIL(c, INVALID, "It is no object.");
    return NULL;
}

static Err *space_entry(Ctx *c, Tar *t, json_t *json) {
    Space space;
    t->im->space = NULL;
    t->chapter = 0;
    t->space_bad = true;
    if (json_is_true(import_at(json, "scratch")))
        return NULL; /* made for one story, gone after a day */
    TRY(import_space(c, t->im, json, &space));
    import_moves_to(t->im, &space);
    t->space_bad = false;
    return NULL;
}

static Err *media_about(Ctx *c, Tar *t, json_t *json, Str text) {
    bool known;
    t->about = (Str){0};
    TRY(import_media_known(c, t->im, json, &known));
    if (!known) t->about = str_copy(t->arena, text);
    return NULL;
}

static Err *media_bytes(Ctx *c, Tar *t, int64_t size) {
    Str bytes;
    json_t *json;
    Str about = t->about;
    t->about = (Str){0};
    TRY(json_parse(c, about, &json));
    if (!str_eq(import_str(json, "file"), t->name)) FAIL(c, INVALID, "Nothing is known of it.");
    TRY(entry_read(c, t, size, lifetales.media_max_bytes, &bytes));
    return import_media(c, t->im, json, bytes);
}

static Err *whole_entry(Ctx *c, Tar *t, json_t *json) {
    int64_t version = 0;
    json_i64(import_at(json, "version"), &version);
    if (!str_eq(import_str(json, "format"), S(EXPORT_FORMAT)) || version > EXPORT_VERSION)
        FAIL(c, INVALID,
             "It is an export of a form that this version does not know: use a newer socle.");
    t->whole = true;
    return NULL;
}

/* *taken: it was one of ours. */
static Err *entry_take(Ctx *c, Tar *t, int64_t size, bool *taken) {
    Str text;
    json_t *json;
    bool media = str_starts(t->name, S("media/")), is_json = str_ends(t->name, S(".json"));
    bool note = name_has(t, "/notes/"), chapter = name_has(t, "/chapters/");
    bool space = name_has(t, "/space.json");
    bool person = str_eq(t->name, S("person.json")), end = str_eq(t->name, S("export.json"));
    *taken = true;
    if (media && !is_json && t->about.data) return media_bytes(c, t, size);
    *taken = (media && is_json) || person || end || space || ((note || chapter) && t->im->space);
    if (!*taken) return NULL;
    TRY(json_entry(c, t, size, &text, &json));
    if (media) return media_about(c, t, json, text);
    if (person) return import_settings(c, t->im, import_at(json, "settings"));
    if (end) return whole_entry(c, t, json);
    if (note) return import_note(c, t->im, t->im->space, json, text);
    if (chapter) return import_chapter(c, t->im, t->im->space, json, t->chapter++);
    return space_entry(c, t, json);
}

static Err *entries_take(Ctx *c, Tar *t) {
    struct archive_entry *entry;
    for (;;) {
        int rc = archive_read_next_header(t->in, &entry);
        if (rc == ARCHIVE_EOF) return NULL;
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) return tar_wrong(c, t);
        CtxMark mark = ctx_mark(c);
        const char *utf8 = archive_entry_pathname_utf8(entry),
                   *plain = archive_entry_pathname(entry);
        t->name = str_copy(c->arena, str_c(utf8 ? utf8 : plain ? plain : ""));
        if (str_starts(t->name, S("./"))) t->name = str_slice(t->name, 2, t->name.len);
        if (archive_entry_filetype(entry) == AE_IFREG) {
            bool taken;
            Str about = t->about;
            Err *err = entry_take(c, t, archive_entry_size(entry), &taken);
            bool cut =
                err && err->kind == ERR_INVALID && str_starts(err->detail, S("The archive is"));
            if (cut) return err;
            if (taken) TRY(import_told(c, t->im, t->name, err));
            if (about.data && !t->about.data) { /* what was known of it is not needed any more */
                arena_free(t->arena);
                t->arena = arena_new(4 * (ptrdiff_t)JSON_MAX);
            }
        }
        ctx_release(c, mark);
    }
}

static void tar_arena_free(void *arg) { arena_free(((Tar *)arg)->arena); }

Err *import_tar(Ctx *c, Import *im, int fd) {
    Tar *t = arena_new_of(c->arena, Tar);
    *t = (Tar){.im = im, .in = archive_read_new(), .arena = arena_new(4 * (ptrdiff_t)JSON_MAX)};
    if (!t->in) FAIL(c, BUDGET, "No memory to read an archive with.");
    defer(c, tar_close, t->in);
    defer(c, tar_arena_free, t);
    archive_read_support_filter_gzip(t->in);
    archive_read_support_format_tar(t->in);
    im->t->line_number = 0;
    if (lseek(fd, 0, SEEK_SET) < 0 || archive_read_open_fd(t->in, fd, READ_BLOCK) != ARCHIVE_OK)
        return import_told(c, im, (Str){0}, tar_wrong(c, t));
    Err *err = entries_take(c, t);
    if (!err && !t->whole)
        err = err_new(c, ERR_INVALID, __func__,
                      "The archive has no export.json at its end: it was cut.");
    return err && import_refusal(err) ? import_told(c, im, (Str){0}, err) : err;
}
