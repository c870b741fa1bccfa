/* SPDX-License-Identifier: Apache-2.0
 * A disk that can fail, under SQLite: the usual one with its sync and write taken over. Per file it
 * counts syncs, can make one fail, and can keep a second copy that holds only what has been synced:
 * what a power cut would leave. */
#ifndef SOCLE_TEST_DATA_VFS_H
#define SOCLE_TEST_DATA_VFS_H

#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world.h"

enum { OPEN_MAX_HERE = 64, TABLES_MAX = 4 };

static struct {
    const char *durable; /* folder for the synced copies, NULL: none */
    atomic_int syncs;    /* of write-ahead logs, since the start */
    atomic_int fail_at;  /* this one fails with `fail_with`; 0: none */
    atomic_int fail_with;
    atomic_bool writes_fail; /* appending to the log fails as on a full disk */
    sqlite3_vfs vfs, *under;
    pthread_mutex_t lock;
    struct {
        sqlite3_file *file;
        char path[512];
    } open[OPEN_MAX_HERE];
    struct {
        const sqlite3_io_methods *from;
        sqlite3_io_methods to;
    } tables[TABLES_MAX];
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline const char *disk_path(sqlite3_file *file) {
    for (int i = 0; i < OPEN_MAX_HERE; i++)
        if (disk.open[i].file == file) return disk.open[i].path;
    return "";
}

static inline bool disk_is_log(const char *path) {
    size_t len = strlen(path);
    return len > 4 && strcmp(path + len - 4, "-wal") == 0;
}

static inline const sqlite3_io_methods *disk_under(sqlite3_file *file) {
    for (int i = 0; i < TABLES_MAX; i++)
        if (file->pMethods == &disk.tables[i].to) return disk.tables[i].from;
    abort();
}

static inline void disk_copy(const char *path) {
    static char buffer[1 << 16];
    char to[600];
    snprintf(to, sizeof to, "%s%s", disk.durable, strrchr(path, '/'));
    int in = open(path, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct stat s;
    if (in < 0 || out < 0 || fstat(in, &s) != 0) abort();
    off_t at = 0;
    for (ssize_t n; (n = pread(in, buffer, sizeof buffer, at)) > 0; at += n)
        if (pwrite(out, buffer, (size_t)n, at) != n) abort();
    if (ftruncate(out, s.st_size) != 0) abort();
    close(in);
    close(out);
}

static inline int disk_sync(sqlite3_file *file, int flags) {
    pthread_mutex_lock(&disk.lock);
    const char *path = disk_path(file);
    bool log = disk_is_log(path);
    int nth = log ? ++disk.syncs : 0;
    int rc = nth && nth == disk.fail_at ? disk.fail_with : disk_under(file)->xSync(file, flags);
    if (rc == SQLITE_OK && disk.durable) disk_copy(path);
    pthread_mutex_unlock(&disk.lock);
    return rc;
}

static inline int disk_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 at) {
    bool full = false;
    if (disk.writes_fail) {
        pthread_mutex_lock(&disk.lock);
        full = disk_is_log(disk_path(file));
        pthread_mutex_unlock(&disk.lock);
    }
    return full ? SQLITE_FULL : disk_under(file)->xWrite(file, from, len, at);
}

static inline int disk_close(sqlite3_file *file) {
    pthread_mutex_lock(&disk.lock);
    for (int i = 0; i < OPEN_MAX_HERE; i++)
        if (disk.open[i].file == file) disk.open[i].file = NULL;
    const sqlite3_io_methods *under = disk_under(file);
    pthread_mutex_unlock(&disk.lock);
    return under->xClose(file);
}

static inline const sqlite3_io_methods *disk_methods(const sqlite3_io_methods *from) {
    for (int i = 0; i < TABLES_MAX; i++) {
        if (!disk.tables[i].from) {
            disk.tables[i].to = *from;
            disk.tables[i].to.xSync = disk_sync;
            disk.tables[i].to.xWrite = disk_write;
            disk.tables[i].to.xClose = disk_close;
            disk.tables[i].from = from;
        }
        if (disk.tables[i].from == from) return &disk.tables[i].to;
    }
    abort();
}

static inline int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                            int *out) {
    (void)vfs;
    int rc = disk.under->xOpen(disk.under, name, file, flags, out);
    if (rc != SQLITE_OK || !name) return rc;
    pthread_mutex_lock(&disk.lock);
    file->pMethods = disk_methods(file->pMethods);
    int i = 0;
    while (i < OPEN_MAX_HERE && disk.open[i].file) i++;
    if (i == OPEN_MAX_HERE) abort();
    disk.open[i].file = file;
    snprintf(disk.open[i].path, sizeof disk.open[i].path, "%s", name);
    pthread_mutex_unlock(&disk.lock);
    return rc;
}

/* A deletion that is made to last reaches the synced copy too. */
static inline int disk_delete(sqlite3_vfs *vfs, const char *name, int sync_folder) {
    (void)vfs;
    int rc = disk.under->xDelete(disk.under, name, sync_folder);
    if (rc == SQLITE_OK && sync_folder && disk.durable) {
        char copy[600];
        snprintf(copy, sizeof copy, "%s%s", disk.durable, strrchr(name, '/'));
        unlink(copy);
    }
    return rc;
}

/* From now on every database opened is on this disk. */
static inline void disk_install(void) {
    disk.under = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.under;
    disk.vfs.zName = "test-disk";
    disk.vfs.pNext = NULL;
    disk.vfs.xOpen = disk_open;
    disk.vfs.xDelete = disk_delete;
    sqlite3_vfs_register(&disk.vfs, 1);
}

#endif
