/* SPDX-License-Identifier: Apache-2.0
 * The manifest: which files together are the index up to which change.
 *
 *   socle search index 1
 *   def 3b0f6a8d2c51e977          fingerprint of the definition
 *   covered 48213
 *   segment 12 docs 250000 bytes 61288448 dead 0 count 0 sum 0
 *   segment 15 docs 4096 bytes 912344 dead 17 count 31 sum 9c1f…
 *   end 1f0c77a29be05d44          XXH3 of everything before this line
 *
 * A flush writes new files first (synced and renamed), then the manifest (likewise), and only then
 * removes what the former one named: whenever the process dies, the folder holds one whole
 * snapshot. What no manifest names is removed at opening. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "search/engine_room.h"
#include "search/segment_room.h" /* segment_fingerprint */

enum { MANIFEST_BYTES_MAX = 1 << 20, MANIFEST_SEGMENTS_MAX = 4096 };

/* -- Plain files ------------------------------------------------------------------------------- */

static Err *file_err(Ctx *c, int error, const char *path) {
    bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    return err_new(c, full ? ERR_STORAGE_FULL : ERR_INTERNAL, __func__, "Writing %s: %s.", path,
                   strerror(error));
}

static int bytes_write(int fd, Str bytes) {
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.data, (size_t)bytes.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? errno : ENOSPC;
        bytes = str_slice(bytes, n, bytes.len);
    }
    return fsync(fd) == 0 ? 0 : errno;
}

static int folder_sync(const SearchEngine *e) {
    int fd = open(e->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    int error = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return error;
}

/* Aside, synced, renamed, the folder synced. */
static Err *file_place(Ctx *c, const SearchEngine *e, Str path, Str bytes) {
    const char *to = str_cstr(c->arena, path);
    const char *aside = strf(c->arena, "%s.tmp", to).data;
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) return file_err(c, errno, to);
    int error = bytes_write(fd, bytes);
    if (close(fd) != 0 && !error) error = errno;
    if (!error && rename(aside, to) != 0) error = errno;
    if (error) {
        unlink(aside);
        return file_err(c, error, to);
    }
    error = folder_sync(e);
    return error ? file_err(c, error, to) : NULL;
}

/* *out in c's arena; null when there is no such file. */
static Err *file_read_whole(Ctx *c, const char *path, int64_t most, Str *out) {
    *out = (Str){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return NULL;
    if (fd < 0) FAIL(c, INTERNAL, "Opening %s: %s.", path, strerror(errno));
    struct stat stat;
    bool good = fstat(fd, &stat) == 0 && stat.st_size <= most;
    char *to = good ? arena_bytes(c->arena, stat.st_size + 1) : NULL;
    int64_t len = 0;
    while (good && len < stat.st_size) {
        ssize_t n = read(fd, to + len, (size_t)(stat.st_size - len));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) good = false;
        len += max_i64(n, 0);
    }
    close(fd);
    if (!good) FAIL(c, INVALID, "%s cannot be read whole.", path);
    *out = str_of(to, len);
    return NULL;
}

/* -- Reading ----------------------------------------------------------------------------------- */

typedef struct Line {
    uint64_t number, docs, bytes, dead, count, sum;
} Line;

static int digit_of(char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : INT_MAX;
}

/* The number behind `word` and a space at the beginning of *rest, which moves behind it and the
 * space or line end that follows. */
static bool take_number(Str *rest, const char *word, int base, uint64_t *out) {
    Str name = str_c(word);
    if (!str_starts(*rest, name) || rest->len <= name.len || rest->data[name.len] != ' ')
        return false;
    ptrdiff_t first = name.len + 1, at = first;
    for (*out = 0; at < rest->len && digit_of(rest->data[at]) < base; at++) {
        if (*out > (UINT64_MAX - (uint64_t)digit_of(rest->data[at])) / (uint64_t)base) return false;
        *out = *out * (uint64_t)base + (uint64_t)digit_of(rest->data[at]);
    }
    if (at == first || at == rest->len || !strchr(" \n", rest->data[at]) || !rest->data[at])
        return false;
    *rest = str_slice(*rest, at + 1, rest->len);
    return true;
}

static bool take_line(Str *rest, Line *l) {
    return take_number(rest, "segment", 10, &l->number) &&
           take_number(rest, "docs", 10, &l->docs) && take_number(rest, "bytes", 10, &l->bytes) &&
           take_number(rest, "dead", 10, &l->dead) && take_number(rest, "count", 10, &l->count) &&
           take_number(rest, "sum", 16, &l->sum);
}

static Err *dead_read(Ctx *c, const SearchEngine *e, const Line *l, const uint64_t **out) {
    *out = NULL;
    if (!l->dead) return NULL;
    Str bytes, path = file_path(c->arena, e, l->dead, "dead");
    ptrdiff_t size = dead_words((uint32_t)l->docs) * 8;
    TRY(file_read_whole(c, path.data, size, &bytes));
    if (bytes.len != size || XXH3_64bits(bytes.data, (size_t)size) != l->sum)
        FAIL(c, INVALID, "%.*s is damaged.", S_ARG(path));
    Dead *d = dead_new((uint32_t)l->docs);
    memcpy(d->bits, bytes.data, (size_t)size);
    *out = d->bits;
    return NULL;
}

static Err *line_open(Ctx *c, SearchEngine *e, const Line *l, Draft *d) {
    Segment *s;
    const uint64_t *dead;
    Str path = file_path(c->arena, e, l->number, "seg");
    TRY(segment_open(c, e->def, path, &s));
    Err *err = NULL;
    if (segment_docs(s) != l->docs || segment_bytes(s) != (int64_t)l->bytes)
        err = err_new(c, ERR_INVALID, __func__, "%.*s is not the one meant.", S_ARG(path));
    if (!err) err = dead_read(c, e, l, &dead);
    if (err) {
        segment_release(s);
        return err;
    }
    file_register(e, s, l->number, false);
    SegmentFile *f = &e->files.items[e->files.count - 1];
    f->listed = true;
    f->dead = dead_hold(dead);
    f->dead_number = l->dead;
    draft_add(d, s, dead);
    uint64_t last = l->number > l->dead ? l->number : l->dead;
    if (last >= atomic_load(&e->next_file)) atomic_store(&e->next_file, last + 1);
    return NULL;
}

static Err *manifest_use(Ctx *c, SearchEngine *e, Str text, Draft *d) {
    uint64_t def, covered, sum;
    Str rest = text, head = S("socle search index 1\n");
    ptrdiff_t end = text.len - (ptrdiff_t)sizeof "end 0123456789abcdef";
    Str tail = str_slice(text, end, text.len);
    if (end < head.len || !str_starts(text, head)) FAIL(c, INVALID, "the manifest is cut");
    if (!take_number(&tail, "end", 16, &sum) || tail.len ||
        XXH3_64bits(text.data, (size_t)end) != sum)
        FAIL(c, INVALID, "the manifest is damaged");
    rest = str_slice(text, head.len, end);
    if (!take_number(&rest, "def", 16, &def) || !take_number(&rest, "covered", 10, &covered))
        FAIL(c, INVALID, "the manifest says no number");
    if (def != segment_fingerprint(e->def)) FAIL(c, INVALID, "the definition has changed");
    d->covered = (int64_t)covered;
    for (int n = 0; rest.len; n++) {
        Line l;
        if (n == MANIFEST_SEGMENTS_MAX || !take_line(&rest, &l) || l.docs > UINT32_MAX)
            FAIL(c, INVALID, "the manifest is not understood");
        TRY(line_open(c, e, &l, d));
    }
    return NULL;
}

/* Everything in the folder that is not `lock` and that nobody has registered. */
static void strangers_remove(SearchEngine *e) {
    DIR *dir = opendir(e->folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        const char *name = entry->d_name;
        bool known = name[0] == '.' || strcmp(name, "lock") == 0 || strcmp(name, "rebuild") == 0 ||
                     (e->has_manifest && strcmp(name, "manifest") == 0);
        for (int i = 0; i < e->files.count && !known; i++) {
            const SegmentFile *f = &e->files.items[i];
            char own[64];
            snprintf(own, sizeof own, "%08llu.seg", (unsigned long long)f->number);
            known = strcmp(name, own) == 0;
            snprintf(own, sizeof own, "%08llu.dead", (unsigned long long)f->dead_number);
            known = known || (f->dead_number && strcmp(name, own) == 0);
        }
        if (!known) unlinkat(dirfd(dir), name, 0);
    }
    if (dir) closedir(dir);
}

void engine_manifest_read(Ctx *c, SearchEngine *e, Str *why) {
    Str text;
    const char *path = strf(c->arena, "%s/manifest", e->folder).data;
    Draft d = {0};
    Err *err = file_read_whole(c, path, MANIFEST_BYTES_MAX, &text);
    if (!err && !str_is_null(text)) err = manifest_use(c, e, text, &d);
    *why = err ? err->detail : (Str){0};
    if (err) {
        draft_drop(&d);
        for (int i = 0; i < e->files.count; i++) e->files.items[i].listed = false;
    } else if (!str_is_null(text)) {
        engine_publish(e, &d);
        e->has_manifest = true;
        atomic_store(&e->flushed, atomic_load(&e->version));
    }
    files_sweep(e);
    strangers_remove(e);
}

/* -- Writing ----------------------------------------------------------------------------------- */

/* A segment's dead documents, in a new file where they are others than before. */
static Err *dead_write(Ctx *c, SearchEngine *e, const ViewSegment *v, uint64_t *number) {
    pthread_mutex_lock(&e->write);
    const SegmentFile *f = file_of(e, v->segment);
    bool same = f->dead == v->dead;
    *number = v->dead ? f->dead_number : 0;
    pthread_mutex_unlock(&e->write);
    if (!v->dead || same) return NULL;
    uint64_t fresh = atomic_fetch_add(&e->next_file, 1);
    Str bytes = str_of((const char *)v->dead, dead_words(segment_docs(v->segment)) * 8);
    TRY(file_place(c, e, file_path(c->arena, e, fresh, "dead"), bytes));
    *number = fresh;
    return NULL;
}

static void manifest_line(Buf *b, const ViewSegment *v, uint64_t number, uint64_t dead) {
    uint32_t docs = segment_docs(v->segment);
    uint64_t sum = v->dead ? XXH3_64bits(v->dead, (size_t)dead_words(docs) * 8) : 0;
    buf_f(b, "segment %" PRIu64 " docs %" PRIu32 " bytes %" PRId64 " dead %" PRIu64, number, docs,
          segment_bytes(v->segment), dead);
    buf_f(b, " count %" PRIu32 " sum %" PRIx64 "\n", docs - v->live, sum);
}

Err *engine_manifest_write(Ctx *c, SearchEngine *e, const Draft *d, uint64_t *dead_numbers) {
    Buf b = buf_new(c->arena, 1024);
    buf_f(&b, "socle search index 1\ndef %" PRIx64 "\ncovered %" PRId64 "\n",
          segment_fingerprint(e->def), d->covered);
    for (int i = 0; i < d->count; i++) {
        TRY(dead_write(c, e, &d->items[i], &dead_numbers[i]));
        pthread_mutex_lock(&e->write);
        uint64_t number = file_of(e, d->items[i].segment)->number;
        pthread_mutex_unlock(&e->write);
        manifest_line(&b, &d->items[i], number, dead_numbers[i]);
    }
    buf_f(&b, "end %016" PRIx64 "\n", (uint64_t)XXH3_64bits(b.data, (size_t)b.len));
    return file_place(c, e, strf(c->arena, "%s/manifest", e->folder), buf_str(&b));
}
