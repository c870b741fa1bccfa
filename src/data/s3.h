/* SPDX-License-Identifier: Apache-2.0
 * An object store that speaks S3: put, get, remove and list objects of one bucket under one prefix.
 * Google Cloud Storage is reached the same way, by its XML API with HMAC keys. Requests are signed
 * here (sigv4.h): libcurl 7.88's own signing leaves out a header that S3 wants.
 *
 * All calls wait. What may be repeated safely (all of it: objects are named by their content) is tried
 * again a few times. Errors: NOT_FOUND (no such object); NOT_CONFIGURED (bucket, key, secret, region or
 * clock are wrong: the detail says which); UNAVAILABLE, UPSTREAM, TIMEOUT. */
#ifndef SOCLE_DATA_S3_H
#define SOCLE_DATA_S3_H

#include "core/err.h"

typedef struct S3 S3;

typedef struct S3Options {
    Str url;        /* s3://bucket/prefix, gs://bucket/prefix */
    Str endpoint;   /* https://host[:port], addressed by path; empty: the cloud's own */
    Str region;     /* empty: us-east-1, and auto for gs:// */
    Str access_key, secret_key, session_token;
} S3Options;

/* INVALID for a URL or endpoint that is none, NOT_CONFIGURED without keys; the detail names the setting.
 * Nothing is asked of the store yet. */
MUST_USE Err *s3_new(Ctx *c, const S3Options *options, S3 **out);
void s3_free(S3 *s3);

/* name: [A-Za-z0-9/._-]. hash: hex SHA-256 of the bytes, which the store checks. */
MUST_USE Err *s3_put(Ctx *c, S3 *s3, Str name, Str bytes, Str hash);
MUST_USE Err *s3_there(Ctx *c, S3 *s3, Str name, bool *there);
/* The bytes in pieces, in order. */
MUST_USE Err *s3_get(Ctx *c, S3 *s3, Str name, Err *(*take)(Ctx *c, Str bytes, void *arg), void *arg);
MUST_USE Err *s3_remove(Ctx *c, S3 *s3, Str name); /* absent is good */
/* All objects, in order of name; the name is borrowed. fn's error ends it and is returned. */
MUST_USE Err *s3_each(Ctx *c, S3 *s3, Err *(*fn)(Ctx *c, Str name, int64_t size, void *arg),
                      void *arg);

#endif
