/* SPDX-License-Identifier: Apache-2.0
 * Blobs: content-addressed (SHA-256) files, written beside, synced and renamed, so that a blob is whole
 * or absent. Same bytes, same blob. Streamed both ways.
 *
 * Files lie under data_dir/blobs: ab/cdef… for the hash abcdef…, tmp/ for what is being written. What a
 * process that died left in tmp/ goes when a store is opened; what another living process writes there
 * is locked and stays.
 *
 * With s3:// or gs:// the truth is an object store, under the same names, which several nodes share. The
 * files are then a copy of what was written or read here lately, within cache_bytes: a blob that is not
 * among them is fetched whole, once for all who want it, before it is opened; its hash is checked.
 *
 * Errors: STORAGE_FULL (disk, quota, file size limit), UNAVAILABLE (too much work waits; the object store
 * is away), NOT_CONFIGURED (it refuses us), CANCELLED, INTERNAL (the disk says no, with the reason). All
 * calls wait (blob_open only for an object store). */
#ifndef SOCLE_DATA_BLOB_H
#define SOCLE_DATA_BLOB_H

#include "rt/io.h"

typedef struct BlobStore BlobStore;
typedef struct BlobWriter BlobWriter;

typedef struct BlobOptions {
    Str data_dir;
    Str url; /* BLOB_URL: empty for files, s3://bucket/prefix, gs://bucket/prefix */
    /* Of object stores: see S3Options. */
    Str endpoint, region, access_key, secret_key, session_token;
    int64_t cache_bytes; /* of files beside an object store; 0: 10 GiB */
} BlobOptions;
/* INVALID, NOT_CONFIGURED: what is wrong with which setting. An object store is not asked yet. */
MUST_USE Err *blob_store_open(Ctx *c, BlobOptions options, BlobStore **out);
bool blob_store_shared(const BlobStore *store); /* is it an object store, the same for all nodes? */
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
