/* SPDX-License-Identifier: Apache-2.0
 * Blobs that are open for reading, in one table for the process. Short critical sections: nothing is
 * opened or read within one. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "data/blob_room.h"

enum { BUCKETS = 512 };

static struct {
    pthread_mutex_t lock;
    OpenBlob *buckets[BUCKETS];
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static OpenBlob **bucket_of(Str hash) { return &all.buckets[str_hash(hash) % BUCKETS]; }

static bool is_that(const OpenBlob *open, const void *store, Str hash) {
    return open->store == store && str_eq(str_c(open->hash), hash);
}

static OpenBlob *join(const void *store, Str hash) {
    OpenBlob *open = *bucket_of(hash);
    while (open && !is_that(open, store, hash)) open = open->next;
    if (open) open->readers++;
    return open;
}

static void unlist(OpenBlob *open) {
    OpenBlob **at = bucket_of(str_c(open->hash));
    if (!open->listed) return;
    while (*at != open) at = &(*at)->next;
    *at = open->next;
    open->listed = false;
}

OpenBlob *open_blob_join(const void *store, Str hash) {
    pthread_mutex_lock(&all.lock);
    OpenBlob *open = join(store, hash);
    pthread_mutex_unlock(&all.lock);
    return open;
}

OpenBlob *open_blob_add(const void *store, Str hash, int fd, int64_t size) {
    OpenBlob *mine = calloc(1, sizeof *mine);
    if (!mine) abort();
    *mine = (OpenBlob){.store = store, .fd = fd, .size = size, .readers = 1, .listed = true};
    assert(hash.len < (ptrdiff_t)sizeof mine->hash);
    memcpy(mine->hash, hash.data, (size_t)hash.len);
    pthread_mutex_lock(&all.lock);
    OpenBlob *open = join(store, hash), **first = bucket_of(hash);
    if (!open) {
        mine->next = *first;
        open = *first = mine;
    }
    pthread_mutex_unlock(&all.lock);
    if (open == mine) return mine;
    close(fd);
    free(mine);
    return open;
}

void open_blob_leave(void *arg) {
    OpenBlob *open = arg;
    pthread_mutex_lock(&all.lock);
    assert(open->readers > 0);
    bool last = --open->readers == 0;
    if (last) unlist(open);
    pthread_mutex_unlock(&all.lock);
    if (!last) return;
    close(open->fd);
    free(open);
}

void open_blobs_forget(const void *store, Str hash) {
    pthread_mutex_lock(&all.lock);
    for (int i = 0; i < BUCKETS; i++) {
        for (OpenBlob *open = all.buckets[i], *next; open; open = next) {
            next = open->next;
            if (open->store == store && (!hash.data || is_that(open, store, hash))) unlist(open);
        }
    }
    pthread_mutex_unlock(&all.lock);
}
