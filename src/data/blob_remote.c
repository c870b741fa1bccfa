/* SPDX-License-Identifier: Apache-2.0
 * Blobs in an object store, with files before it as a copy that may go at any time.
 *
 * Objects are named like the files, ab/cdef… under the prefix. A writer's file is sent before it gets its
 * name; a reader's is fetched into tmp/, its hash is checked, and then it gets its name: what has a name is
 * whole, as without an object store. The copy is bounded: when it has grown over its limit one job on the
 * pool removes the files that were read longest ago, down to nine tenths. Who has one open keeps it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/blob_room.h"
#include "rt/offload.h"

enum { FOLDERS = 256 };
#define CACHE_USUAL ((int64_t)10 * 1024 * 1024 * 1024)

static Str name_of(Ctx *c, Str hash) {
    char path[BLOB_PATH_LEN];
    blob_path(hash, path);
    return str_copy(c->arena, str_c(path));
}

/* -- writing, reading, removing ----------------------------------------------------------------- */

typedef struct Mapped {
    void *at;
    size_t size;
} Mapped;

static void unmap(void *arg) {
    Mapped *m = arg;
    if (m->at) munmap(m->at, m->size);
    m->at = NULL;
}

Err *remote_put(Ctx *c, BlobStore *store, Str hash, int fd, int64_t size) {
    bool there;
    Str name = name_of(c, hash);
    TRY(s3_there(c, store->remote->s3, name, &there));
    if (there) return NULL;
    if (size == 0) return s3_put(c, store->remote->s3, name, S(""), hash);
    Mapped *m = arena_new_of(c->arena, Mapped);
    m->size = (size_t)size;
    m->at = mmap(NULL, m->size, PROT_READ, MAP_SHARED, fd, 0);
    if (m->at == MAP_FAILED) FAIL(c, INTERNAL, "Reading a blob to send it: %s.", strerror(errno));
    defer(c, unmap, m);
    Err *err = s3_put(c, store->remote->s3, name, str_of(m->at, size), hash);
    unmap(m);
    return err;
}

typedef struct Fetch {
    BlobStore *store;
    Str hash;
    BlobWriter *writer;
} Fetch;

static Err *take(Ctx *c, Str bytes, void *arg) { return blob_write(c, ((Fetch *)arg)->writer, bytes); }

static Err *fetch_into(Ctx *c, Fetch *f) {
    int64_t size;
    Str got;
    TRY(s3_get(c, f->store->remote->s3, name_of(c, f->hash), take, f));
    if (!str_eq(blob_hash(c, f->writer), f->hash))
        FAIL(c, INTERNAL, "The blob %.*s is damaged in the object store.", S_ARG(f->hash));
    return blob_finish(c, f->writer, &got, &size);
}

static Err *fetch(Ctx *c, void *arg, Str *value) {
    Fetch *f = arg;
    TRY(blob_begin_here(c, f->store, &f->writer));
    Err *err = fetch_into(c, f);
    if (err) blob_give_up(f->writer); /* before anybody is told */
    *value = S("here");
    return err;
}

Err *remote_fetch(Ctx *c, BlobStore *store, Str hash) {
    Fetch f = {.store = store, .hash = hash};
    Str value;
    return cache_fill(c, store->remote->fetches, hash, 0, 0, fetch, &f, &value);
}

Err *remote_remove(Ctx *c, BlobStore *store, Str hash) {
    return s3_remove(c, store->remote->s3, name_of(c, hash));
}

typedef struct Each {
    Err *(*fn)(Ctx *c, Str hash, int64_t size, void *arg);
    void *arg;
} Each;

static Err *each_object(Ctx *c, Str name, int64_t size, void *arg) {
    Each *each = arg;
    char hash[HASH_LEN + 1];
    if (name.len != HASH_LEN + 1 || name.data[2] != '/') return NULL;
    snprintf(hash, sizeof hash, "%.2s%.62s", name.data, name.data + 3);
    if (!blob_hash_valid(str_of(hash, HASH_LEN))) return NULL;
    return each->fn(c, str_of(hash, HASH_LEN), size, each->arg);
}

Err *remote_each(Ctx *c, BlobStore *store, Err *(*fn)(Ctx *c, Str hash, int64_t size, void *arg),
                 void *arg) {
    Each each = {fn, arg};
    return s3_each(c, store->remote->s3, each_object, &each);
}

/* -- the copy's bound --------------------------------------------------------------------------- */

typedef struct Kept {
    int64_t read_at, size; /* ns */
    char path[BLOB_PATH_LEN];
} Kept;

typedef struct KeptList {
    Kept *items;
    size_t count, cap;
    int64_t bytes;
} KeptList;

static void kept_add(KeptList *list, int folder, int at, const char *name) {
    struct stat st;
    if (strlen(name) != HASH_LEN - 2 || fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (list->count == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 1024;
        list->items = realloc(list->items, list->cap * sizeof *list->items);
        if (!list->items) abort();
    }
    Kept *k = &list->items[list->count++];
    *k = (Kept){.read_at = st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec, .size = st.st_size};
    snprintf(k->path, sizeof k->path, "%02x/%.62s", (unsigned)folder & 0xFF, name);
    list->bytes += st.st_size;
}

static KeptList kept_all(int root) {
    KeptList list = {0};
    for (int i = 0; i < FOLDERS; i++) {
        char folder[4];
        snprintf(folder, sizeof folder, "%02x", (unsigned)i & 0xFF);
        int fd = openat(root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) continue;
        for (struct dirent *e; (e = readdir(dir));) kept_add(&list, i, dirfd(dir), e->d_name);
        closedir(dir);
    }
    return list;
}

static int by_time(const void *a, const void *b) {
    const Kept *left = a, *right = b;
    return (left->read_at > right->read_at) - (left->read_at < right->read_at);
}

static void job_trim(void *arg) {
    BlobStore *store = arg;
    KeptList list = kept_all(store->root);
    int64_t most = store->remote->cache_bytes / 10 * 9;
    if (list.bytes > store->remote->cache_bytes) {
        qsort(list.items, list.count, sizeof *list.items, by_time);
        for (size_t i = 0; i + 1 < list.count && list.bytes > most; i++) /* the newest is wanted now */
            if (unlinkat(store->root, list.items[i].path, 0) == 0) list.bytes -= list.items[i].size;
    }
    atomic_store(&store->remote->bytes, list.bytes);
    atomic_store(&store->remote->trimming, false);
    free(list.items);
}

void remote_grown(Ctx *c, BlobStore *store, int64_t size) {
    Remote *r = store->remote;
    if (atomic_fetch_add(&r->bytes, size) + size <= r->cache_bytes) return;
    if (atomic_exchange(&r->trimming, true)) return;
    Err *err = offload(c, LANE_LONG, job_trim, store);
    if (err) atomic_store(&r->trimming, false); /* the next one that comes does it */
}

/* -- opening ------------------------------------------------------------------------------------ */

Err *remote_open(Ctx *c, const BlobOptions *o, BlobStore *store) {
    S3 *s3;
    S3Options options = {o->url, o->endpoint, o->region, o->access_key, o->secret_key, o->session_token};
    TRY(s3_new(c, &options, &s3));
    Remote *r = calloc(1, sizeof *r);
    if (!r) abort();
    *r = (Remote){.s3 = s3, .cache_bytes = o->cache_bytes ? o->cache_bytes : CACHE_USUAL};
    r->fetches = cache_new(64 * 1024, NULL);
    store->remote = r;
    return offload(c, LANE_LONG, job_trim, store);
}

void remote_close(Remote *r) {
    if (!r) return;
    cache_free(r->fetches);
    s3_free(r->s3);
    free(r);
}
