/* SPDX-License-Identifier: Apache-2.0
 * Bytes in a file without a name. See sheet.h. Room is taken before anything is written through the
 * mapping: a full disk must be an error, not a signal. */
#include "products/lifetales/sheet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/base_settings.h"
#include "rt/offload.h"

enum { PIECE = 256 * 1024 };

static void sheet_undo(void *arg) {
    Sheet *s = arg;
    if (s->data && s->size > 0) munmap(s->data, (size_t)s->size);
    if (s->fd >= 0) close(s->fd);
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

static void make_now(void *arg) {
    Make *m = arg;
    Sheet *s = m->sheet;
    s->fd = nameless_file(m);
    m->error = s->fd < 0 ? errno : 0;
    if (m->error || m->size == 0) return;
    m->error = posix_fallocate(s->fd, 0, m->size);
    if (m->error) return;
    void *at = mmap(NULL, (size_t)m->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    if (at == MAP_FAILED) {
        m->error = errno;
        return;
    }
    s->data = at;
    s->size = m->size;
}

static Err *sheet_err(Ctx *c, int error) {
    if (error == ENOSPC || error == EDQUOT || error == EFBIG)
        FAIL(c, STORAGE_FULL, "no room for a file on its way: error %d", error);
    FAIL(c, INTERNAL, "a file on its way: error %d", error);
}

Err *sheet_make(Ctx *c, ptrdiff_t size, Sheet *out) {
    assert(size >= 0);
    Sheet *s = arena_new_of(c->arena, Sheet);
    s->fd = -1;
    defer(c, sheet_undo, s);
    Str folder = settings.data_dir.len ? settings.data_dir : S("/tmp");
    Make m = {.folder = str_cstr(c->arena, folder),
              .path = str_cstr(c->arena, strf(c->arena, "%.*s/onway-XXXXXX", S_ARG(folder))),
              .sheet = s,
              .size = size};
    TRY(offload(c, LANE_SHORT, make_now, &m));
    if (m.error) return sheet_err(c, m.error);
    *out = *s;
    return NULL;
}

Err *sheet_open(Ctx *c, Sheet *out) { return sheet_make(c, 0, out); }

typedef struct Mapped {
    void *at;
    size_t size;
} Mapped;

static void mapped_undo(void *arg) {
    const Mapped *m = arg;
    munmap(m->at, m->size);
}

Err *file_map(Ctx *c, int fd, int64_t size, Str *out) {
    *out = S("");
    if (size == 0) return NULL;
    void *at = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) return sheet_err(c, errno);
    Mapped *m = arena_new_of(c->arena, Mapped);
    *m = (Mapped){at, (size_t)size};
    defer(c, mapped_undo, m);
    *out = str_of(at, (ptrdiff_t)size);
    return NULL;
}

Err *sheet_read(Ctx *c, Sheet *sheet) {
    struct stat st;
    Str bytes;
    assert(sheet->fd >= 0 && !sheet->data);
    if (fstat(sheet->fd, &st)) return sheet_err(c, errno);
    TRY(file_map(c, sheet->fd, st.st_size, &bytes));
    sheet->data = (char *)(uintptr_t)bytes.data;
    sheet->size = bytes.len;
    return NULL;
}

typedef struct Copy {
    Str from;
    char *to;
} Copy;

static void copy_now(void *arg) {
    const Copy *job = arg;
    memcpy(job->to, job->from.data, (size_t)job->from.len);
}

Err *sheet_copy(Ctx *c, Str bytes, Sheet *out) {
    TRY(sheet_make(c, bytes.len, out));
    Copy job = {bytes, out->data};
    return bytes.len ? offload(c, LANE_SHORT, copy_now, &job) : NULL;
}

Err *sheet_part(Ctx *c, Multipart *m, int64_t most, Str *out) {
    Sheet sheet;
    int64_t size = 0;
    char *piece = arena_bytes(c->arena, PIECE);
    TRY(sheet_open(c, &sheet));
    for (ptrdiff_t n = 1; n > 0; size += n) {
        TRY(multipart_read(c, m, piece, PIECE, &n));
        if (size + n > most)
            FAIL(c, TOO_LARGE, "At most %lld bytes are taken.", (long long)most);
        if (n > 0) TRY(file_write(c, sheet.fd, piece, n, size));
    }
    TRY(sheet_read(c, &sheet));
    *out = sheet.data ? str_of(sheet.data, sheet.size) : S("");
    return NULL;
}
