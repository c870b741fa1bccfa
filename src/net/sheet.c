/* SPDX-License-Identifier: Apache-2.0
 * Bytes in a file without a name. See sheet.h. Room is taken before anything is written through the
 * mapping: a full disk must be an error, not a signal. */
#include "net/sheet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/time.h"
#include "rt/offload.h"

enum { PIECE = 256 * 1024, STEP = 1024 * 1024, RETRY_S = 5 };

/* Set once, before the first sheet. */
static struct {
    Str folder;
    int64_t max_bytes;
} room;
static _Atomic int64_t bytes_taken;

struct SheetFile {
    int fd;
    void *at;
    size_t mapped;
    int64_t taken; /* of the room of all */
};

void sheets_begin(Str folder, int64_t max_bytes) {
    assert(max_bytes >= 0);
    room.folder = folder;
    room.max_bytes = max_bytes;
}

int64_t sheets_bytes(void) { return atomic_load(&bytes_taken); }

/* Until the file may have `size` bytes; false: there is no room. */
static bool room_take(SheetFile *f, int64_t size) {
    int64_t more = size - f->taken;
    if (more <= 0) return true;
    int64_t before = atomic_fetch_add(&bytes_taken, more);
    if (room.max_bytes > 0 && before + more > room.max_bytes) {
        atomic_fetch_sub(&bytes_taken, more);
        return false;
    }
    f->taken += more;
    return true;
}

static void sheet_undo(void *arg) {
    SheetFile *f = arg;
    if (f->at) munmap(f->at, f->mapped);
    if (f->fd >= 0) close(f->fd);
    atomic_fetch_sub(&bytes_taken, f->taken);
}

typedef struct Make {
    const char *folder;
    char *path;
    Sheet *sheet;
    ptrdiff_t size;
    int error;
} Make;

static int nameless_file(const Make *m) {
    int fd = open(m->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) return fd;
    fd = mkostemp(m->path, O_CLOEXEC);
    if (fd >= 0) unlink(m->path);
    return fd;
}

static int mapping(SheetFile *f, ptrdiff_t size, int access) {
    void *at = mmap(NULL, (size_t)size, access, MAP_SHARED, f->fd, 0);
    if (at == MAP_FAILED) return errno;
    f->at = at;
    f->mapped = (size_t)size;
    return 0;
}

static void make_now(void *arg) {
    Make *m = arg;
    SheetFile *f = m->sheet->file;
    f->fd = nameless_file(m);
    m->error = f->fd < 0 ? errno : 0;
    if (m->error || m->size == 0) return;
    m->error = room_take(f, m->size) ? posix_fallocate(f->fd, 0, m->size) : EAGAIN;
    if (!m->error) m->error = mapping(f, m->size, PROT_READ | PROT_WRITE);
}

Err *sheet_err(Ctx *c, int error) {
    if (error == 0) return NULL;
    if (error == EAGAIN) {
        Err *err =
            err_new(c, ERR_UNAVAILABLE, __func__,
                    "files on their way have %lld bytes, and may have no more: TEMP_MAX_BYTES",
                    (long long)sheets_bytes());
        err->retry_after_s = RETRY_S;
        return err;
    }
    if (error == ENOSPC || error == EDQUOT || error == EFBIG)
        FAIL(c, STORAGE_FULL, "no room for a file on its way: error %d", error);
    FAIL(c, INTERNAL, "a file on its way: error %d", error);
}

Err *sheet_make(Ctx *c, ptrdiff_t size, Sheet *out) {
    assert(size >= 0);
    SheetFile *f = arena_new_of(c->arena, SheetFile);
    f->fd = -1;
    defer(c, sheet_undo, f);
    *out = (Sheet){.file = f};
    Str folder = room.folder.len ? room.folder : S("/tmp");
    Make m = {.folder = str_cstr(c->arena, folder),
              .path = str_cstr(c->arena, strf(c->arena, "%.*s/onway-XXXXXX", S_ARG(folder))),
              .sheet = out,
              .size = size};
    TRY(offload(c, LANE_SHORT, make_now, &m));
    TRY(sheet_err(c, m.error));
    out->fd = f->fd;
    out->data = f->at;
    out->size = size;
    return NULL;
}

Err *sheet_open(Ctx *c, Sheet *out) { return sheet_make(c, 0, out); }

int sheet_write(const Sheet *sheet, int64_t at, Str bytes) {
    int64_t end = at + bytes.len;
    assert(sheet->file && !sheet->data && at >= 0);
    if (!room_take(sheet->file, (end + STEP - 1) / STEP * STEP)) return EAGAIN;
    for (ptrdiff_t done = 0; done < bytes.len;) {
        ssize_t n = pwrite(sheet->fd, bytes.data + done, (size_t)(bytes.len - done), at + done);
        if (n < 0 && errno != EINTR) return errno == EAGAIN ? EIO : errno;
        done += max_size(n, 0);
    }
    return 0;
}

typedef struct Mapped {
    void *at;
    size_t size;
} Mapped;

static void mapped_undo(void *arg) {
    const Mapped *m = arg;
    munmap(m->at, m->size);
}

static Err *map(Ctx *c, int fd, int64_t at, int64_t size, Str *out) {
    *out = S("");
    if (size == 0) return NULL;
    void *to = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, at);
    if (to == MAP_FAILED) return sheet_err(c, errno);
    Mapped *m = arena_new_of(c->arena, Mapped);
    *m = (Mapped){to, (size_t)size};
    defer(c, mapped_undo, m);
    *out = str_of(to, (ptrdiff_t)size);
    return NULL;
}

Err *file_map(Ctx *c, int fd, int64_t size, Str *out) { return map(c, fd, 0, size, out); }

Err *sheet_map(Ctx *c, const Sheet *sheet, int64_t at, int64_t size, Str *out) {
    assert(at % sysconf(_SC_PAGESIZE) == 0);
    return map(c, sheet->fd, at, size, out);
}

/* What a program has written is there already, and is only counted. */
Err *sheet_read(Ctx *c, Sheet *sheet) {
    struct stat st;
    SheetFile *f = sheet->file;
    assert(sheet->fd >= 0 && !sheet->data);
    if (fstat(sheet->fd, &st)) return sheet_err(c, errno);
    if (st.st_size == 0) return NULL;
    TRY(sheet_err(c, mapping(f, st.st_size, PROT_READ)));
    if (st.st_size > f->taken) {
        atomic_fetch_add(&bytes_taken, st.st_size - f->taken);
        f->taken = st.st_size;
    }
    sheet->data = f->at;
    sheet->size = st.st_size;
    return NULL;
}

typedef struct Copy {
    Str from;
    char *to;
} Copy;

static void copy_now(void *arg) {
    const Copy *job = arg;
    memcpy(job->to, job->from.data, (size_t)job->from.len);
    /* It lies in the file; who waits for his turn to look at it needs no memory for it. */
    (void)madvise(job->to, (size_t)job->from.len, MADV_DONTNEED);
}

Err *sheet_copy(Ctx *c, Str bytes, Sheet *out) {
    TRY(sheet_make(c, bytes.len, out));
    Copy job = {bytes, out->data};
    return bytes.len ? offload(c, LANE_SHORT, copy_now, &job) : NULL;
}

typedef struct Write {
    const Sheet *sheet;
    int64_t at;
    Str bytes;
    int error;
} Write;

static void write_now(void *arg) {
    Write *w = arg;
    w->error = sheet_write(w->sheet, w->at, w->bytes);
}

/* All that the source gives, by way of a sheet. */
static Err *source_take(Ctx *c, MultipartSource source, void *arg, int64_t most, Str *out) {
    Sheet sheet;
    int64_t size = 0;
    char *piece = arena_bytes(c->arena, PIECE);
    TRY(sheet_open(c, &sheet));
    for (ptrdiff_t n = 1; n > 0; size += n) {
        TRY(source(c, arg, piece, PIECE, &n));
        if (size + n > most) FAIL(c, TOO_LARGE, "At most %lld bytes are taken.", (long long)most);
        Write w = {&sheet, size, str_of(piece, n), 0};
        if (n > 0) TRY(offload(c, LANE_SHORT, write_now, &w));
        TRY(sheet_err(c, w.error));
    }
    TRY(sheet_read(c, &sheet));
    *out = sheet.data ? str_of(sheet.data, sheet.size) : S("");
    return NULL;
}

static Err *part_read(Ctx *c, void *arg, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    return multipart_read(c, arg, to, cap, n);
}

Err *sheet_part(Ctx *c, Multipart *m, int64_t most, Str *out) {
    return source_take(c, part_read, m, most, out);
}

/* As much as one write is worth. */
static Err *piece_read(Ctx *c, void *arg, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    *n = 0;
    for (ptrdiff_t more = 1; more > 0 && *n < cap; *n += more)
        TRY(body_read(c, arg, to + *n, cap - *n, &more));
    return NULL;
}

Err *sheet_body(Ctx *c, Req *q, Str *out) {
    if (q->body_length >= 0 && q->body_length <= STEP) return body_all(c, q, out);
    if (q->body_length > q->body_limit) return body_all(c, q, out); /* which says so */
    return source_take(c, piece_read, q, INT64_MAX, out);
}
