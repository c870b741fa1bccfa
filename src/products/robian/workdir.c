/* SPDX-License-Identifier: Apache-2.0
 * The lock is on the folder itself; it dies with the process, which is how leftovers are known. */
#include "products/robian/workdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/base_settings.h"
#include "core/rand.h"
#include "rt/offload.h"

enum { NAME_BYTES = 12, DEPTH_MAX = 8 };

static Str folder_of_all(Arena *arena) {
    return strf(arena, "%.*s/tmp/robian", S_ARG(settings.data_dir));
}

static int entry_remove(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)st;
    (void)kind;
    (void)at;
    remove(path);
    return 0;
}

static void tree_remove(const char *path) {
    nftw(path, entry_remove, DEPTH_MAX, FTW_DEPTH | FTW_PHYS);
}

struct WorkDir {
    const char *path;
    int fd, error; /* fd -1: not there, or gone */
};

/* Made and locked. A process that starts may take it for a leftover in the moment before the lock, and
 * remove it: then it has no link any more. */
static void dir_begin(void *arg) {
    WorkDir *d = arg;
    struct stat st;
    for (int tries = 0; tries < 10; tries++) {
        if (mkdir(d->path, 0700) != 0 && errno != EEXIST) break;
        d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (d->fd < 0) continue;
        if (flock(d->fd, LOCK_EX | LOCK_NB) == 0 && fstat(d->fd, &st) == 0 && st.st_nlink > 0)
            return;
        close(d->fd);
        d->fd = -1;
    }
    d->error = errno;
}

static void dir_end(void *arg) {
    WorkDir *d = arg;
    if (d->fd < 0) return;
    tree_remove(d->path);
    close(d->fd);
    d->fd = -1;
}

Str workdir_path(const WorkDir *dir) { return str_c(dir->path); }

void workdir_end(Ctx *c, WorkDir *dir) {
    if (!dir) return;
    coro_shield(c);
    Err *err = offload(c, LANE_SHORT, dir_end, dir);
    coro_unshield(c);
    if (err) dir_end(dir); /* the pool is full: here, then */
}

Err *workdir_make(Ctx *c, WorkDir **out) {
    assert(out);
    Str all = folder_of_all(c->arena);
    TRY(dir_make(c, all));
    WorkDir *d = arena_new_of(c->arena, WorkDir);
    Str name = rand_token(c->arena, S(""), NAME_BYTES);
    Str path = strf(c->arena, "%.*s/%.*s", S_ARG(all), S_ARG(name));
    *d = (WorkDir){.path = str_cstr(c->arena, path), .fd = -1};
    TRY(offload(c, LANE_SHORT, dir_begin, d));
    bool full = d->error == ENOSPC || d->error == EDQUOT;
    if (d->fd < 0 && full) FAIL(c, STORAGE_FULL, "Le disque est plein.");
    if (d->fd < 0) FAIL(c, INTERNAL, "Making a work folder: %s.", strerror(d->error));
    defer(c, dir_end, d);
    *out = d;
    return NULL;
}

static void leftovers_remove(void *arg) {
    const char *all = arg;
    char path[4096];
    DIR *list = opendir(all);
    if (!list) return;
    for (const struct dirent *entry; (entry = readdir(list));) {
        if (entry->d_name[0] == '.') continue;
        int len = snprintf(path, sizeof path, "%s/%s", all, entry->d_name);
        int fd = len < (int)sizeof path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (fd < 0) continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) tree_remove(path);
        close(fd);
    }
    closedir(list);
}

Err *workdirs_clean(Ctx *c) {
    return offload(c, LANE_LONG, leftovers_remove, str_cstr(c->arena, folder_of_all(c->arena)));
}
