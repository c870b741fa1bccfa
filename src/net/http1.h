/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1 on the wire (RFC 9112): finding and parsing a message head, decoding chunked bodies. Pure:
 * no waiting, no allocation, no state but the caller's; input may end at any byte.
 *
 * Strict on purpose: whatever two servers could read differently is a fault, and a fault closes the
 * connection. See docs/decisions/0002-own-http1-head-parser.md. */
#ifndef SOCLE_NET_HTTP1_H
#define SOCLE_NET_HTTP1_H

#include "net/http.h"

enum {
    HTTP1_HEADERS_MAX = 100,
    HTTP1_REQUEST_LINE_MAX = 8192,
    HTTP1_EXTENSION_MAX = 1024, /* bytes of chunk extensions in one body */
    HTTP1_TRAILER_MAX = 8192
};

/* Status 0: no fault. `why` is a sentence for the client. */
typedef struct Http1Fault {
    int status;
    const char *why;
} Http1Fault;

/* Where the search for the end of a head stands; zero at its start. */
typedef struct Http1Scan {
    ptrdiff_t at;    /* the first byte of the present line */
    ptrdiff_t start; /* of the request line: one empty line may come before it (RFC 9112 §2.2) */
    int lines;       /* seen, the request line included */
    bool skipped;
} Http1Scan;

/* Look for the end of the head in everything received so far. *length is its size with the empty
 * line (0: not there yet; bytes before scan->start do not belong to it). Limits: 414, 431. */
Http1Fault http1_scan(Http1Scan *scan, Str input, ptrdiff_t head_limit, ptrdiff_t *length);

typedef struct Http1Head {
    Str method, target, host;
    int minor;
    Header *headers;
    ptrdiff_t header_count;
    int64_t body_length; /* -1: chunked; 0 when none is announced */
    bool keep_alive;     /* as the client asked, or the version implies */
    bool expect_continue;
    bool upgrade;
} Http1Head;

/* Parse a whole head as http1_scan found it. `headers` has room for `room` of them. */
Http1Fault http1_parse(Str head, Header *headers, ptrdiff_t room, Http1Head *out);

/* Split a request target: the path's raw text, the query's, and the host of absolute form (else
 * null). Asterisk form gives the path "*". */
Http1Fault http1_target(const Http1Head *head, Str *path, Str *query, Str *authority);

/* A token (RFC 9110 §5.6.2): not empty, tchar only. */
bool http1_is_token(Str s);
/* Text that may stand in a header's value: no control bytes but the tab. */
bool http1_is_field_value(Str s);
/* Is `token` a member of a comma-separated list, case ignored? */
bool http1_list_has(Str list, Str token);

typedef enum ChunkedState {
    CHUNKED_SIZE,
    CHUNKED_EXTENSION,
    CHUNKED_SIZE_LF,
    CHUNKED_DATA,
    CHUNKED_DATA_CR,
    CHUNKED_DATA_LF,
    CHUNKED_TRAILER,
    CHUNKED_TRAILER_NAME,
    CHUNKED_TRAILER_VALUE,
    CHUNKED_TRAILER_LF,
    CHUNKED_END_LF,
    CHUNKED_DONE,
    CHUNKED_BAD
} ChunkedState;

/* A chunked body being decoded; zero at its start. */
typedef struct Chunked {
    ChunkedState state;
    int64_t left; /* of the present chunk */
    int digits;   /* of its size */
    int extension_bytes, trailer_bytes;
} Chunked;

/* Take from `in`: *data is the next run of body bytes (a part of `in`, perhaps empty), the return
 * value how much of `in` is used up. Stops after one run, at the end (CHUNKED_DONE) or at a fault
 * (CHUNKED_BAD). */
ptrdiff_t chunked_take(Chunked *d, Str in, Str *data);

#endif
