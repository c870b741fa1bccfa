/* SPDX-License-Identifier: Apache-2.0 */
#include "data/sqlite_log.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "core/base.h"

/* The usual VFS takes less than 128 KB at a time. */
enum { GATHER_MAX = 124 * 1024 };

typedef struct Log {
    sqlite3_file base;
    sqlite3_file *real; /* the usual VFS's, right behind this struct */
    char *gathered;     /* GATHER_MAX bytes */
    int len;
    sqlite3_int64 at; /* where they belong */
    int failed;       /* a write at `at` did; SQLITE_OK: none */
} Log;

static sqlite3_vfs vfs;
static sqlite3_vfs *usual;

static int written(Log *log) {
    if (log->len == 0) return SQLITE_OK;
    log->failed = log->real->pMethods->xWrite(log->real, log->gathered, log->len, log->at);
    log->len = 0;
    return log->failed;
}

static int log_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 at) {
    Log *log = (Log *)file;
    if (log->failed != SQLITE_OK && at > log->at) return log->failed;
    log->failed = SQLITE_OK;
    if (log->len > 0 && (at != log->at + log->len || log->len + len > GATHER_MAX)) {
        int rc = written(log);
        if (rc != SQLITE_OK) return rc;
    }
    if (len > GATHER_MAX) return log->real->pMethods->xWrite(log->real, from, len, at);
    if (log->len == 0) log->at = at;
    memcpy(log->gathered + log->len, from, (size_t)len);
    log->len += len;
    return SQLITE_OK;
}

static int log_sync(sqlite3_file *file, int flags) {
    Log *log = (Log *)file;
    int rc = written(log);
    if (rc == SQLITE_OK) rc = log->failed;
    return rc == SQLITE_OK ? log->real->pMethods->xSync(log->real, flags) : rc;
}

static int log_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at) {
    Log *log = (Log *)file;
    bool before = (log->len == 0 && log->failed == SQLITE_OK) || at + len <= log->at;
    int rc = before ? SQLITE_OK : written(log);
    if (!before && rc == SQLITE_OK) rc = log->failed;
    return rc == SQLITE_OK ? log->real->pMethods->xRead(log->real, to, len, at) : rc;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size) {
    Log *log = (Log *)file;
    int rc = written(log);
    return rc == SQLITE_OK ? log->real->pMethods->xTruncate(log->real, size) : rc;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size) {
    Log *log = (Log *)file;
    int rc = written(log);
    return rc == SQLITE_OK ? log->real->pMethods->xFileSize(log->real, size) : rc;
}

static int log_control(sqlite3_file *file, int what, void *arg) {
    Log *log = (Log *)file;
    return log->real->pMethods->xFileControl(log->real, what, arg);
}

static int log_sector(sqlite3_file *file) {
    Log *log = (Log *)file;
    return log->real->pMethods->xSectorSize(log->real);
}

static int log_device(sqlite3_file *file) {
    Log *log = (Log *)file;
    return log->real->pMethods->xDeviceCharacteristics(log->real);
}

/* A log is never locked: the database's own file is. */
static int log_lock(sqlite3_file *file, int how) {
    (void)file;
    (void)how;
    return SQLITE_OK;
}

static int log_locked(sqlite3_file *file, int *held) {
    (void)file;
    *held = 0;
    return SQLITE_OK;
}

static int log_close(sqlite3_file *file) {
    Log *log = (Log *)file;
    int rc = written(log), closed = log->real->pMethods->xClose(log->real);
    free(log->gathered);
    file->pMethods = NULL;
    return rc != SQLITE_OK ? rc : closed;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xLock = log_lock,
    .xUnlock = log_lock,
    .xCheckReservedLock = log_locked,
    .xFileControl = log_control,
    .xSectorSize = log_sector,
    .xDeviceCharacteristics = log_device,
};

static int log_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out) {
    (void)self;
    if (!(flags & SQLITE_OPEN_WAL)) return usual->xOpen(usual, name, file, flags, out);
    Log *log = (Log *)file;
    *log = (Log){.real = (sqlite3_file *)(log + 1)};
    int rc = usual->xOpen(usual, name, log->real, flags, out);
    if (rc != SQLITE_OK) {
        if (log->real->pMethods) log->real->pMethods->xClose(log->real);
        return rc;
    }
    log->gathered = malloc(GATHER_MAX);
    if (!log->gathered) abort();
    log->base.pMethods = &methods;
    return SQLITE_OK;
}

void log_vfs_register(void) {
    usual = sqlite3_vfs_find(NULL);
    vfs = *usual;
    vfs.pNext = NULL;
    vfs.zName = LOG_VFS;
    vfs.szOsFile = (int)sizeof(Log) + usual->szOsFile;
    vfs.xOpen = log_open;
    sqlite3_vfs_register(&vfs, 0);
}
