/* SPDX-License-Identifier: Apache-2.0
 * Files: each operation is the plain system call on a pool thread. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/rand.h"
#include "rt/io.h"
#include "rt/offload.h"

typedef struct FileOp {
    const char *path, *path2;
    int fd, flags, mode, error;
    char *data;
    ptrdiff_t len, done;
    int64_t at;
} FileOp;

static Err *file_err(Ctx *c, int error, const char *what, const char *path) {
    switch (error) {
    case 0: return NULL;
    case ENOENT: case ENOTDIR: return err_new(c, ERR_NOT_FOUND, __func__, "%s %s: %s.", what, path, strerror(error));
    case ENOSPC: case EDQUOT: case EFBIG:
        return err_new(c, ERR_STORAGE_FULL, __func__, "%s %s: %s.", what, path, strerror(error));
    default: return err_new(c, ERR_INTERNAL, __func__, "%s %s: %s.", what, path, strerror(error));
    }
}

static void op_open(void *arg) {
    FileOp *op = arg;
    op->fd = open(op->path, op->flags | O_CLOEXEC, op->mode);
    op->error = op->fd < 0 ? errno : 0;
}

Err *file_open(Ctx *c, Str path, int flags, int mode, int *fd) {
    FileOp op = {.path = str_cstr(c->arena, path), .flags = flags, .mode = mode};
    TRY(offload(c, LANE_SHORT, op_open, &op));
    *fd = op.fd;
    return file_err(c, op.error, "Opening", op.path);
}

static void op_read(void *arg) {
    FileOp *op = arg;
    ssize_t n;
    do n = op->at < 0 ? read(op->fd, op->data, (size_t)op->len) : pread(op->fd, op->data, (size_t)op->len, op->at);
    while (n < 0 && errno == EINTR);
    op->error = n < 0 ? errno : 0;
    op->done = max_size(n, 0);
}

Err *file_read(Ctx *c, int fd, void *to, ptrdiff_t cap, int64_t at, ptrdiff_t *n) {
    FileOp op = {.fd = fd, .data = to, .len = cap, .at = at};
    TRY(offload(c, LANE_SHORT, op_read, &op));
    *n = op.done;
    return file_err(c, op.error, "Reading", "a file");
}

static void op_write(void *arg) {
    FileOp *op = arg;
    while (op->done < op->len) {
        const char *from = op->data + op->done;
        size_t left = (size_t)(op->len - op->done);
        ssize_t n = op->at < 0 ? write(op->fd, from, left) : pwrite(op->fd, from, left, op->at + op->done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            op->error = errno;
            return;
        }
        op->done += n;
    }
}

Err *file_write(Ctx *c, int fd, const void *from, ptrdiff_t len, int64_t at) {
    FileOp op = {.fd = fd, .data = (char *)(uintptr_t)from, .len = len, .at = at};
    TRY(offload(c, LANE_SHORT, op_write, &op));
    return file_err(c, op.error, "Writing", "a file");
}

static void op_sync(void *arg) {
    FileOp *op = arg;
    op->error = fsync(op->fd) != 0 ? errno : 0;
}

Err *file_sync(Ctx *c, int fd) {
    FileOp op = {.fd = fd};
    TRY(offload(c, LANE_SHORT, op_sync, &op));
    return file_err(c, op.error, "Syncing", "a file");
}

void file_close(int fd) {
    if (fd >= 0) close(fd);
}

static void close_later(void *arg) { file_close((int)(intptr_t)arg); }

Err *file_read_all(Ctx *c, Str path, ptrdiff_t max, Str *out) {
    int fd;
    TRY(file_open(c, path, O_RDONLY, 0, &fd));
    defer(c, close_later, (void *)(intptr_t)fd);
    Buf b = buf_new(c->arena, 4096);
    for (;;) {
        ptrdiff_t n;
        char *to = buf_reserve(&b, 4096);
        TRY(file_read(c, fd, to, b.cap - b.len, -1, &n));
        b.len += n;
        if (b.len > max) FAIL(c, TOO_LARGE, "%.*s is larger than %td bytes.", S_ARG(path), max);
        if (n == 0) break;
    }
    *out = buf_str(&b);
    return NULL;
}

static int write_and_sync(FileOp *op) {
    op->fd = open(op->path2, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (op->fd < 0) return errno;
    op->at = -1;
    op_write(op);
    if (!op->error && fsync(op->fd) != 0) op->error = errno;
    close(op->fd);
    if (!op->error && rename(op->path2, op->path) != 0) op->error = errno;
    if (op->error) unlink(op->path2);
    return op->error;
}

static int sync_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    char folder[4096];
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    int fd = open(folder[0] ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    int error = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return error;
}

static void op_replace(void *arg) {
    FileOp *op = arg;
    op->error = write_and_sync(op);
    if (!op->error) op->error = sync_folder(op->path);
}

Err *file_replace(Ctx *c, Str path, Str bytes) {
    Str beside = strf(c->arena, "%.*s.%016llx.tmp", S_ARG(path), (unsigned long long)rand_next(rand_thread()));
    FileOp op = {.path = str_cstr(c->arena, path), .path2 = beside.data, .data = (char *)(uintptr_t)bytes.data, .len = bytes.len};
    TRY(offload(c, LANE_SHORT, op_replace, &op));
    return file_err(c, op.error, "Replacing", op.path);
}

static void op_remove(void *arg) {
    FileOp *op = arg;
    op->error = unlink(op->path) != 0 && errno != ENOENT ? errno : 0;
}

Err *file_remove(Ctx *c, Str path) {
    FileOp op = {.path = str_cstr(c->arena, path)};
    TRY(offload(c, LANE_SHORT, op_remove, &op));
    return file_err(c, op.error, "Removing", op.path);
}

static void op_mkdir(void *arg) {
    FileOp *op = arg;
    char *path = (char *)(uintptr_t)op->path;
    for (char *at = path + 1; *at; at++) {
        if (*at != '/') continue;
        *at = 0;
        if (mkdir(path, 0750) != 0 && errno != EEXIST) op->error = errno;
        *at = '/';
        if (op->error) return;
    }
    if (mkdir(path, 0750) != 0 && errno != EEXIST) op->error = errno;
}

Err *dir_make(Ctx *c, Str path) {
    if (path.len == 0) FAIL(c, INVALID, "The folder has no name.");
    FileOp op = {.path = str_cstr(c->arena, path)};
    TRY(offload(c, LANE_SHORT, op_mkdir, &op));
    return file_err(c, op.error, "Making the folder", op.path);
}
