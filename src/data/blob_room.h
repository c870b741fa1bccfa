/* SPDX-License-Identifier: Apache-2.0
 * Blobs that are open for reading. Ten thousand who listen to the same sitting share one descriptor:
 * they are what a process runs out of first. From any thread. */
#ifndef SOCLE_DATA_BLOB_ROOM_H
#define SOCLE_DATA_BLOB_ROOM_H

#include <stdatomic.h>

#include "data/blob.h"
#include "data/cache.h"
#include "data/s3.h"

enum { HASH_LEN = 64 };

/* The object store behind the files, and how full they are. */
typedef struct Remote {
    S3 *s3;
    Cache *fetches; /* keeps nothing: who wants what another is fetching waits for it */
    int64_t cache_bytes;
    _Atomic int64_t bytes; /* of the files, about */
    _Atomic bool trimming;
} Remote;

struct BlobStore {
    int root, tmp;  /* folders */
    Remote *remote; /* NULL: the files are the truth */
};

/* ab/cdef… */
enum { BLOB_PATH_LEN = HASH_LEN + 2 };
void blob_path(Str hash, char path[BLOB_PATH_LEN]);
bool blob_hash_valid(Str hash);

/* -- blob_remote.c: all wait -- */
MUST_USE Err *remote_open(Ctx *c, const BlobOptions *options, BlobStore *store);
void remote_close(Remote *remote);
/* Send what lies in fd, unless the store has it. */
MUST_USE Err *remote_put(Ctx *c, BlobStore *store, Str hash, int fd, int64_t size);
/* Make a file of it. NOT_FOUND. */
MUST_USE Err *remote_fetch(Ctx *c, BlobStore *store, Str hash);
MUST_USE Err *remote_remove(Ctx *c, BlobStore *store, Str hash);
MUST_USE Err *remote_each(Ctx *c, BlobStore *store,
                          Err *(*fn)(Ctx *c, Str hash, int64_t size, void *arg), void *arg);
/* A file came: over cache_bytes the ones read longest ago go. */
void remote_grown(Ctx *c, BlobStore *store, int64_t size);

/* As blob_begin; finished, it is a file only. */
MUST_USE Err *blob_begin_here(Ctx *c, BlobStore *store, BlobWriter **out);
/* Nothing of a BlobWriter remains, before its Ctx ends; after blob_finish there is nothing to do. */
void blob_give_up(void *writer);

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
