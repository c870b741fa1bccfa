/* SPDX-License-Identifier: Apache-2.0
 * Blobs: content-addressed (SHA-256) files, written beside, synced and renamed, so that a blob is whole
 * or absent. Same bytes, same blob. Streamed both ways.
 *
 * Files lie under data_dir/blobs: ab/cdef… for the hash abcdef…, tmp/ for what is being written. What a
 * process that died left in tmp/ goes when a store is opened; what another living process writes there
 * is locked and stays. s3:// and gs:// come behind the same calls later; until then opening one is
 * NOT_CONFIGURED.
 *
 * Errors: STORAGE_FULL (disk, quota, file size limit), UNAVAILABLE (too much work waits), CANCELLED,
 * INTERNAL (the disk says no, with the reason). All calls wait but blob_open. */
#ifndef SOCLE_DATA_BLOB_H
#define SOCLE_DATA_BLOB_H

#include "rt/io.h"

typedef struct BlobStore BlobStore;
typedef struct BlobWriter BlobWriter;

/* url: BLOB_URL; empty for files. INVALID for any other than the above. */
MUST_USE Err *blob_store_open(Ctx *c, Str url, Str data_dir, BlobStore **out);
void blob_store_close(BlobStore *store);

/* *hash: hex SHA-256, lower case. When it returns, the blob is on the disk. */
MUST_USE Err *blob_put(Ctx *c, BlobStore *store, Str bytes, Str *hash);
/* The same in pieces; thrown away when c ends unless finished. After an error only that is left. */
MUST_USE Err *blob_begin(Ctx *c, BlobStore *store, BlobWriter **out);
MUST_USE Err *blob_write(Ctx *c, BlobWriter *w, Str bytes);
/* The hash that it will have if nothing more is written: for who writes down what is to come. Does not
 * wait. */
Str blob_hash(Ctx *c, const BlobWriter *w);
MUST_USE Err *blob_finish(Ctx *c, BlobWriter *w, Str *hash, int64_t *size);
/* An open descriptor to read from until c ends, and its size. Others have the same one: read at places,
 * never from where the last one stopped, and leave closing it to c. NOT_FOUND, also for what is no
 * hash. Readers keep what they have opened when it is removed. */
MUST_USE Err *blob_open(Ctx *c, BlobStore *store, Str hash, int *fd, int64_t *size);
/* Absent is good. */
MUST_USE Err *blob_remove(Ctx *c, BlobStore *store, Str hash);
/* Recompute the hash: INTERNAL if the bytes are not what they were; NOT_FOUND. Putting the same bytes
 * again mends it. */
MUST_USE Err *blob_verify(Ctx *c, BlobStore *store, Str hash);
/* Every hash, in no order; `hash` is borrowed during the call. fn's error ends it and is returned. What
 * comes or goes meanwhile may be seen or not. */
MUST_USE Err *blob_each(Ctx *c, BlobStore *store,
                        Err *(*fn)(Ctx *c, Str hash, int64_t size, void *arg), void *arg);

/* The blob store of c->app; defined by src/app.c. */
BlobStore *app_blobs(Ctx *c);

#endif
