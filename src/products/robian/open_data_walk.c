/* SPDX-License-Identifier: Apache-2.0
 * A pull parser over three nested things, each of which may be open or not:
 *
 *   tree (fts: what was named, folders recursively)
 *     ▸ archive (libarchive: every file is one; a plain one is of the format "raw", with one entry)
 *       ▸ lines (of an .ndjson entry)
 *
 * walk_next takes from the innermost that is open and, when it is exhausted, closes it and takes
 * one step of the next. Zip files are read by libarchive's streaming reader, which needs no
 * central directory: memory does not grow with the number of entries, and a cut file gives all
 * that is before the cut. */
#include "products/robian/open_data_walk.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"

enum { READ_BLOCK = 64 * 1024, BUFFER_KEPT = 1024 * 1024, LABEL_MAX = 300, FOLDER_DEPTH_MAX = 64 };

const OpenDataLimits open_data_limits = {
    .entry_bytes = 64 * 1024 * 1024,
    .total_bytes = (int64_t)16 * 1024 * 1024 * 1024,
    .entries = 1000000,
    .swell = 200,
};

struct OpenDataWalk {
    OpenDataLimits limits;
    const char *endings;
    char **paths; /* what was named; NULL-ended */
    ptrdiff_t count, next;
    FTS *tree;
    bool named; /* the present file was named itself */

    struct archive *archive;
    int fd;
    char label[LABEL_MAX]; /* of the present file */
    int64_t size;          /* of it; 0: not known */
    int64_t given;         /* bytes that it has given */
    int64_t position;
    bool plain; /* no archive: one entry */

    char *buffer; /* the present entry */
    size_t cap, len;
    Str lines; /* of buffer: what is left of an .ndjson entry; null: none */
    char lines_name[LABEL_MAX];
    int64_t line;

    int64_t bytes_done, bytes_total;
};

static bool ends_in(Str name, const char *endings) {
    for (Str rest = str_c(endings), one; !str_is_null(rest);) {
        rest = str_cut(rest, ' ', &one);
        Str tail = str_slice(name, name.len - one.len, name.len);
        if (name.len > one.len && str_eq_nocase(tail, one)) return true;
    }
    return false;
}

/* Names come from strangers and end up on terminals and in logs. */
static void label_set(char *label, Str name) {
    name = str_utf8_cut(name, LABEL_MAX - 1);
    bool valid = str_utf8_valid(name);
    for (ptrdiff_t i = 0; i < name.len; i++) {
        unsigned char byte = (unsigned char)name.data[i];
        label[i] = byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !valid) ? '?' : name.data[i];
    }
    label[name.len] = 0;
}

/* -- what was named, and folders --------------------------------------------------------------- */

static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static FTS *tree_open(char *path) {
    char *roots[] = {path, NULL};
    return fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
}

static int64_t tree_bytes(char *path) {
    int64_t sum = 0;
    FTS *tree = tree_open(path);
    if (!tree) return 0;
    for (FTSENT *e; (e = fts_read(tree));)
        if (e->fts_info == FTS_F && S_ISREG(e->fts_statp->st_mode)) sum += e->fts_statp->st_size;
    fts_close(tree);
    return sum;
}

OpenDataWalk *walk_new(const Str *paths, ptrdiff_t count, const char *endings,
                       OpenDataLimits limits) {
    OpenDataWalk *w = calloc(1, sizeof *w);
    char **copies = calloc((size_t)count + 1, sizeof *copies);
    if (!w || !copies) abort();
    *w = (OpenDataWalk){
        .limits = limits, .endings = endings, .paths = copies, .count = count, .fd = -1};
    bool known = true;
    for (ptrdiff_t i = 0; i < count; i++) {
        copies[i] = strndup(paths[i].data, (size_t)paths[i].len);
        if (!copies[i]) abort();
        known = known && !str_eq(paths[i], S("-"));
        if (known) w->bytes_total += tree_bytes(copies[i]);
    }
    if (!known) w->bytes_total = 0;
    return w;
}

static void file_close_now(OpenDataWalk *w) {
    if (!w->archive) return;
    w->bytes_done += w->size > 0 ? w->size : archive_filter_bytes(w->archive, -1);
    archive_read_free(w->archive);
    if (w->fd > STDIN_FILENO) close(w->fd);
    w->archive = NULL;
    w->fd = -1;
}

static void tree_close(OpenDataWalk *w) {
    if (w->tree) fts_close(w->tree);
    w->tree = NULL;
}

void walk_free(OpenDataWalk *w) {
    if (!w) return;
    file_close_now(w);
    tree_close(w);
    for (ptrdiff_t i = 0; i < w->count; i++) free(w->paths[i]);
    free(w->paths);
    free(w->buffer);
    free(w);
}

int64_t walk_bytes_done(const OpenDataWalk *w) {
    int64_t present = w->archive ? archive_filter_bytes(w->archive, -1) : 0;
    if (w->size > 0) present = min_i64(present, w->size);
    return w->bytes_done + present;
}

int64_t walk_bytes_total(const OpenDataWalk *w) { return w->bytes_total; }

/* -- files ------------------------------------------------------------------------------------- */

static bool trouble(OpenDataWalk *w, Arena *arena, const char *name, Str why, OpenDataEntry *out) {
    char label[LABEL_MAX];
    label_set(label, str_c(name));
    *out = (OpenDataEntry){
        .path = w->next - 1,
        .position = w->position,
        .name = str_copy(arena, str_c(label)),
        .problem = str_copy(arena, why),
    };
    return true;
}

/* libarchive's own words; NULL there is possible. */
static Str archive_words(struct archive *a) {
    const char *words = archive_error_string(a);
    return words ? str_c(words) : S("cannot be read");
}

static struct archive *archive_new(void) {
    struct archive *a = archive_read_new();
    if (!a) abort();
    archive_read_support_filter_gzip(a);
    archive_read_support_format_zip_streamable(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_raw(a);
    return a;
}

/* Open a file as an archive; NULL or why not. */
static const char *file_open_now(OpenDataWalk *w, const char *path) {
    struct stat about;
    bool input = strcmp(path, "-") == 0;
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (w->named ? 0 : O_NOFOLLOW | O_NONBLOCK);
    w->fd = input ? STDIN_FILENO : open(path, flags);
    w->position = w->given = w->size = 0;
    if (w->fd < 0) return strerror(errno);
    const char *why = NULL;
    if (fstat(w->fd, &about) != 0)
        why = strerror(errno);
    else if (!S_ISREG(about.st_mode) && !(w->named && S_ISFIFO(about.st_mode)) && !input)
        why = "is neither a file nor a folder";
    else if (S_ISREG(about.st_mode) && about.st_size == 0)
        why = "is empty";
    if (why) {
        if (!input) close(w->fd);
        w->fd = -1;
        return why;
    }
    if (S_ISREG(about.st_mode)) w->size = about.st_size;
    label_set(w->label, str_c(path));
    w->archive = archive_new();
    if (archive_read_open_fd(w->archive, w->fd, READ_BLOCK) == ARCHIVE_OK) return NULL;
    return "cannot be read"; /* seen again, with its reason, by the first header */
}

static bool file_wanted(const OpenDataWalk *w, const FTSENT *e) {
    return w->named || ends_in(str_c(e->fts_name), w->endings) ||
           ends_in(str_c(e->fts_name), ".zip .tar .gz .tgz .ndjson");
}

/* The next file of the tree: opened (false), or told in *out (true). w->tree is closed at its
 * end. */
static bool tree_step(OpenDataWalk *w, Arena *arena, OpenDataEntry *out) {
    errno = 0;
    FTSENT *e = fts_read(w->tree);
    if (!e) {
        tree_close(w);
        return false;
    }
    w->named = e->fts_level == FTS_ROOTLEVEL;
    const char *why = NULL;
    if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS)
        why = strerror(e->fts_errno);
    else if (e->fts_info == FTS_D && e->fts_level > FOLDER_DEPTH_MAX)
        fts_set(w->tree, e, FTS_SKIP), why = "lies too deep";
    else if (w->named && (e->fts_info == FTS_SL || e->fts_info == FTS_SLNONE))
        why = strerror(ENOENT);
    else if ((e->fts_info == FTS_F || (w->named && e->fts_info == FTS_DEFAULT)) &&
             file_wanted(w, e))
        why = file_open_now(w, e->fts_path);
    if (!why || w->archive) return false;
    return trouble(w, arena, e->fts_path, str_c(why), out);
}

/* -- entries of the file under way ------------------------------------------------------------- */

static bool buffer_room(OpenDataWalk *w) {
    if (w->len < w->cap) return true;
    size_t limit = (size_t)w->limits.entry_bytes + 1;
    if (w->cap >= limit) return false;
    size_t cap = w->cap < READ_BLOCK ? READ_BLOCK : w->cap * 2;
    w->cap = cap > limit ? limit : cap;
    w->buffer = realloc(w->buffer, w->cap);
    if (!w->buffer) abort();
    return true;
}

static void buffer_shrink(OpenDataWalk *w) {
    if (w->cap <= BUFFER_KEPT) return;
    free(w->buffer);
    w->buffer = NULL;
    w->cap = 0;
}

/* What it gave against what it is: of a stream that has no size, what was read of it. */
static bool swelled(const OpenDataWalk *w) {
    int64_t own = w->size > 0 ? w->size : archive_filter_bytes(w->archive, -1);
    int64_t slack = w->plain ? w->limits.entry_bytes : 1024 * 1024;
    if (w->given > w->limits.total_bytes) return true;
    return (w->given - slack) / w->limits.swell > own;
}

typedef enum Got { GOT_ENTRY, GOT_BAD_ENTRY, GOT_BAD_ARCHIVE } Got;

/* All bytes of the present entry into the buffer; else *why. */
static Got entry_read(OpenDataWalk *w, Str *why) {
    w->len = 0;
    while (buffer_room(w)) {
        la_ssize_t n = archive_read_data(w->archive, w->buffer + w->len, w->cap - w->len);
        if (n == 0) return GOT_ENTRY;
        if (n < 0) {
            *why = archive_words(w->archive);
            return n == ARCHIVE_FATAL ? GOT_BAD_ARCHIVE : GOT_BAD_ENTRY;
        }
        w->len += (size_t)n;
        w->given += n;
        if (swelled(w)) {
            *why = S("holds far more than its size: not read further");
            return GOT_BAD_ARCHIVE;
        }
    }
    *why = S("is larger than any of the Assembly's files");
    return GOT_BAD_ENTRY;
}

static bool archive_inside(Str name) { return ends_in(name, ".zip .tar .gz .tgz .xz .bz2 .7z"); }

/* Is it one to be given? False: skipped without a word. */
static bool entry_wanted(const OpenDataWalk *w, struct archive_entry *e, Str name) {
    if (w->plain) return true;
    if (archive_entry_filetype(e) == AE_IFDIR) return false;
    return ends_in(name, w->endings) || ends_in(name, ".ndjson") || archive_inside(name);
}

static const char *entry_refusal(const OpenDataWalk *w, struct archive_entry *e, Str name) {
    if (w->plain) return NULL;
    if (archive_inside(name)) return "is an archive within an archive, which is not opened";
    if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e))
        return "is not a plain file";
    if (archive_entry_is_encrypted(e)) return "is encrypted";
    return NULL;
}

static Str entry_name(OpenDataWalk *w, struct archive_entry *e) {
    if (w->plain) {
        Str name = str_c(w->label);
        return str_ends(name, S(".gz")) ? str_slice(name, 0, name.len - 3) : name;
    }
    const char *name = archive_entry_pathname(e);
    if (!name) name = archive_entry_pathname_utf8(e);
    return name ? str_c(name) : S("(a name that cannot be read)");
}

/* The next entry: given in *out or begun as lines; false when there is none to give yet. */
static bool archive_step(OpenDataWalk *w, Arena *arena, OpenDataEntry *out) {
    struct archive_entry *e;
    int got = archive_read_next_header(w->archive, &e);
    if (got == ARCHIVE_EOF) return file_close_now(w), false;
    w->position++;
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
        trouble(w, arena, w->label, archive_words(w->archive), out);
        if (got == ARCHIVE_FATAL) file_close_now(w);
        return true;
    }
    w->plain = archive_format(w->archive) == ARCHIVE_FORMAT_RAW;
    Str name = entry_name(w, e), why = S("");
    char label[LABEL_MAX];
    label_set(label, name);
    if (w->position > w->limits.entries) {
        trouble(w, arena, w->label, S("has too many entries: not read further"), out);
        return file_close_now(w), true;
    }
    if (!entry_wanted(w, e, name)) return false;
    const char *refusal = entry_refusal(w, e, name);
    if (refusal) return trouble(w, arena, label, str_c(refusal), out);
    bool lines = ends_in(name, ".ndjson");
    Got read = entry_read(w, &why);
    if (read != GOT_ENTRY) {
        trouble(w, arena, label, why, out);
        if (read == GOT_BAD_ARCHIVE) file_close_now(w);
        return true;
    }
    if (lines) {
        w->lines = str_of(w->buffer, (ptrdiff_t)w->len);
        w->line = 0;
        memcpy(w->lines_name, label, sizeof label);
        return false;
    }
    *out = (OpenDataEntry){
        .path = w->next - 1,
        .position = w->position,
        .name = str_copy(arena, str_c(label)),
        .bytes = str_copy(arena, str_of(w->buffer ? w->buffer : "", (ptrdiff_t)w->len)),
    };
    buffer_shrink(w);
    return true;
}

static bool line_step(OpenDataWalk *w, Arena *arena, OpenDataEntry *out) {
    Str line;
    w->lines = str_cut(w->lines, '\n', &line);
    w->line++;
    bool give = !str_is_empty(str_trim(line));
    if (give)
        *out = (OpenDataEntry){
            .path = w->next - 1,
            .position = w->line,
            .name = strf(arena, "%s:%lld", w->lines_name, (long long)w->line),
            .bytes = str_copy(arena, line),
        };
    if (str_is_null(w->lines)) buffer_shrink(w);
    return give;
}

bool walk_next(OpenDataWalk *w, Arena *arena, OpenDataEntry *out) {
    for (;;) {
        if (!str_is_null(w->lines)) {
            if (line_step(w, arena, out)) return true;
        } else if (w->archive) {
            if (archive_step(w, arena, out)) return true;
        } else if (w->tree) {
            if (tree_step(w, arena, out)) return true;
        } else if (w->next == w->count) {
            return false;
        } else {
            char *path = w->paths[w->next++];
            w->named = true;
            const char *why = NULL;
            if (strcmp(path, "-") == 0)
                why = file_open_now(w, path);
            else if (!(w->tree = tree_open(path)))
                why = strerror(errno);
            if (why && !w->archive) return trouble(w, arena, path, str_c(why), out);
        }
    }
}
