/* SPDX-License-Identifier: Apache-2.0
 * Blobs: content-addressed (SHA-256) files, written beside, synced and renamed, so that a blob is whole
 * or absent. Same bytes, same blob. Streamed both ways. S3/GCS come behind the same calls. */
#ifndef SOCLE_DATA_BLOB_H
#define SOCLE_DATA_BLOB_H

#include "rt/io.h"

typedef struct BlobStore BlobStore;
typedef struct BlobWriter BlobWriter;

MUST_USE Err *blob_store_open(Ctx *c, Str url, Str data_dir, BlobStore **out);
void blob_store_close(BlobStore *store);

MUST_USE Err *blob_put(Ctx *c, BlobStore *store, Str bytes, Str *hash); /* hex SHA-256 */
MUST_USE Err *blob_begin(Ctx *c, BlobStore *store, BlobWriter **out); /* thrown away when c ends unless finished */
MUST_USE Err *blob_write(Ctx *c, BlobWriter *w, Str bytes);
MUST_USE Err *blob_finish(Ctx *c, BlobWriter *w, Str *hash, int64_t *size);
/* An open descriptor to read from (closed when c ends) and its size. NOT_FOUND. */
MUST_USE Err *blob_open(Ctx *c, BlobStore *store, Str hash, int *fd, int64_t *size);
MUST_USE Err *blob_remove(Ctx *c, BlobStore *store, Str hash);
/* Recompute the hash: INTERNAL if the bytes are not what they were. */
MUST_USE Err *blob_verify(Ctx *c, BlobStore *store, Str hash);
/* Every hash, in no order. */
MUST_USE Err *blob_each(Ctx *c, BlobStore *store, Err *(*fn)(Ctx *c, Str hash, int64_t size, void *arg), void *arg);

/* The blob store of c->app; defined by src/app.c. */
BlobStore *app_blobs(Ctx *c);

#endif
