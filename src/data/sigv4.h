/* SPDX-License-Identifier: Apache-2.0
 * AWS Signature Version 4 in the Authorization header (AWS General Reference, "Signing AWS API requests";
 * for S3 the path is encoded once). Pure: the time is given. */
#ifndef SOCLE_DATA_SIGV4_H
#define SOCLE_DATA_SIGV4_H

#include "core/arena.h"
#include "core/str.h"
#include "core/time.h"

typedef struct SigV4Header {
    Str name, value; /* the name in lower case */
} SigV4Header;

typedef struct SigV4 {
    Str access_key, secret_key, region, service;
    Str method, path;  /* the path as it is sent: encoded, from the root */
    Str query;         /* as it is sent: encoded, sorted by name; "" */
    const SigV4Header *headers; /* all that are signed, sorted by name: host and x-amz-date among them */
    ptrdiff_t header_count;
    Str payload_hash; /* hex SHA-256 of the body, or UNSIGNED-PAYLOAD */
    Time at;
} SigV4;

/* Value of the Authorization header. */
Str sigv4_authorization(Arena *arena, const SigV4 *s);
/* `20261121T070000Z`, for x-amz-date. */
Str sigv4_date(Arena *arena, Time at);
/* Percent-encoded as SigV4 wants it: all but A-Z a-z 0-9 - . _ ~, and `/` where `slashes`. */
Str sigv4_encode(Arena *arena, Str text, bool slashes);

#endif
