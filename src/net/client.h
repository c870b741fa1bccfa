/* SPDX-License-Identifier: Apache-2.0
 * HTTP client on libcurl's multi interface, one handle per loop, connections kept alive. Bounded:
 * time-outs, answer size, redirects. Retries only where it is safe and asked for. */
#ifndef SOCLE_NET_CLIENT_H
#define SOCLE_NET_CLIENT_H

#include "net/http.h"

typedef struct HttpCall {
    const char *method;       /* NULL: GET */
    Str url;
    const Header *headers;
    ptrdiff_t header_count;
    Str body;
    int64_t connect_timeout_ms; /* 0: 5 s */
    int64_t timeout_ms;         /* whole call; 0: c's deadline only */
    int64_t idle_timeout_ms;    /* longest silence while receiving; 0: none. For streams, instead of timeout_ms */
    ptrdiff_t max_bytes;        /* of the answer; 0: 16 MiB. More is UPSTREAM */
    int retries;                /* further tries after a connect error, 408, 429, 500, 502, 503, 504;
                                   full-jitter back-off from 200 ms, Retry-After respected up to 60 s */
    bool public_only;           /* refuse addresses that are not globally routable (SSRF), redirects included */
    bool follow;                /* follow up to 5 redirects */
} HttpCall;

typedef struct HttpAnswer {
    int status;
    Header *headers;
    ptrdiff_t header_count;
    Str body;
} HttpAnswer;

/* Err only when no answer came (UPSTREAM, TIMEOUT, CANCELLED); any status is an answer. */
MUST_USE Err *http_call(Ctx *c, const HttpCall *call, HttpAnswer *out);
Str answer_header(const HttpAnswer *a, Str name);

/* Streamed answer: open gives status and headers, then read until *n = 0. Closed when c ends. */
typedef struct HttpStream HttpStream;
MUST_USE Err *http_open(Ctx *c, const HttpCall *call, HttpStream **out, HttpAnswer *head);
MUST_USE Err *http_read(Ctx *c, HttpStream *s, char *to, ptrdiff_t cap, ptrdiff_t *n);
void http_close(HttpStream *s);

/* Server-sent events (WHATWG HTML §9.2): LF, CRLF or CR, data with or without space, multi-line data,
 * comments, unknown fields; an event cut anywhere between reads. data is null at the end. */
typedef struct SseEvent {
    Str event, data, id;
} SseEvent;
MUST_USE Err *http_event(Ctx *c, HttpStream *s, SseEvent *out);

/* The parser itself, for tests and other transports: feed bytes, then take events until false. */
typedef struct SseParser SseParser;
SseParser *sse_parser_new(Arena *arena, ptrdiff_t max_event_bytes);
MUST_USE bool sse_feed(SseParser *p, Str bytes); /* false: an event over the limit */
bool sse_take(SseParser *p, SseEvent *out);

#endif
