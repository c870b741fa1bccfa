/* SPDX-License-Identifier: Apache-2.0
 * Blobs that are open for reading. Ten thousand who listen to the same sitting share one descriptor:
 * they are what a process runs out of first. From any thread. */
#ifndef SOCLE_DATA_BLOB_ROOM_H
#define SOCLE_DATA_BLOB_ROOM_H

#include "core/str.h"

typedef struct OpenBlob {
    struct OpenBlob *next;
    const void *store;
    int fd;
    int64_t size;
    int64_t readers;
    bool listed; /* whoever opens it next gets this one */
    char hash[65];
} OpenBlob;

/* One more reader of what is open already; NULL: it is not. */
OpenBlob *open_blob_join(const void *store, Str hash);
/* The first reader of what was just opened; fd is its from now on. Another may have been faster: then
 * one more reader of that. */
OpenBlob *open_blob_add(const void *store, Str hash, int fd, int64_t size);
void open_blob_leave(void *open); /* the last one closes it */
/* It was removed, or written anew: who opens it next finds what is there then. A null hash: all of the
 * store's. */
void open_blobs_forget(const void *store, Str hash);

#endif
