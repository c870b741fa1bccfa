/* SPDX-License-Identifier: Apache-2.0
 * HTTP client on libcurl's multi interface, one handle per loop, connections kept alive. Bounded:
 * time-outs, answer size, redirects, connections. Retries only where it is safe and asked for.
 *
 * HTTP/1.1, http and https only. Certificates are verified, by the system's authorities or those of
 * SSL_CERT_FILE. Texts of errors name the host, never the path, the query or the headers (they may
 * hold secrets). */
#ifndef SOCLE_NET_CLIENT_H
#define SOCLE_NET_CLIENT_H

#include "net/http.h"

typedef struct HttpCall {
    const char *method;       /* NULL: GET */
    Str url;
    const Header *headers;
    ptrdiff_t header_count;
    Str body;                 /* null: none. Borrowed until the answer has been read */
    int64_t connect_timeout_ms; /* 0: 5 s */
    int64_t timeout_ms;         /* whole call, retries and redirects included; 0: c's deadline only */
    int64_t idle_timeout_ms;    /* longest silence on the connection; 0: none. For streams, instead of timeout_ms */
    ptrdiff_t max_bytes;        /* of the answer; 0: 16 MiB (http_call), any (http_open). More is UPSTREAM */
    int retries;                /* further tries after a connect error, 408, 429, 500, 502, 503, 504, 529;
                                   full-jitter back-off from 200 ms, Retry-After respected up to 60 s. When
                                   the time left is too short for the pause, the answer at hand is given */
    bool once;                  /* must not reach the other side twice: a fresh connection, because libcurl
                                   repeats a request whose kept connection turns out dead. retries must be 0 */
    bool public_only;           /* refuse addresses that are not globally routable (SSRF), redirects included */
    bool follow;                /* follow up to 5 redirects; another origin gets none of the caller's
                                   headers but Accept, Accept-Language, Content-Type, Range, User-Agent */
} HttpCall;

typedef struct HttpAnswer {
    int status;
    Str url; /* that answered: the call's, or where the last redirect led */
    Header *headers;
    ptrdiff_t header_count;
    Str body;
    bool unsent; /* beside an Err: the request certainly never left, so that trying again repeats nothing */
} HttpAnswer;

/* Err only when no answer came: UPSTREAM (unreachable, cut short, too large), TIMEOUT, CANCELLED,
 * INVALID (URL, method or header malformed), FORBIDDEN (public_only and the address is not). Any
 * status is an answer. All texts are in c's arena. */
MUST_USE Err *http_call(Ctx *c, const HttpCall *call, HttpAnswer *out);
/* First header of that name (case ignored), null Str if absent. */
Str answer_header(const HttpAnswer *a, Str name);

/* Streamed answer: open gives status and headers, then read until *n = 0. Closed when c ends. What
 * the reader does not take is held back at the sender: at most 64 KiB wait here. */
typedef struct HttpStream HttpStream;
MUST_USE Err *http_open(Ctx *c, const HttpCall *call, HttpStream **out, HttpAnswer *head);
MUST_USE Err *http_read(Ctx *c, HttpStream *s, char *to, ptrdiff_t cap, ptrdiff_t *n);
void http_close(HttpStream *s);

/* Server-sent events (WHATWG HTML §9.2): LF, CRLF or CR, data with or without space, multi-line data,
 * comments, unknown fields; an event cut anywhere between reads. data is null at the end; what an
 * unfinished last event had is dropped with it. Texts are borrowed until the next http_event. */
typedef struct SseEvent {
    Str event, data, id; /* event is "message" unless named; id is the last one seen, "" before any */
} SseEvent;
MUST_USE Err *http_event(Ctx *c, HttpStream *s, SseEvent *out);

/* The parser itself, for tests and other transports: feed bytes, then take events until false. Taken
 * texts are borrowed until the next sse_feed. */
typedef struct SseParser SseParser;
SseParser *sse_parser_new(Arena *arena, ptrdiff_t max_event_bytes);
/* False for an event over the limit, and ever after; events that were whole before it can be taken. */
MUST_USE bool sse_feed(SseParser *p, Str bytes);
bool sse_take(SseParser *p, SseEvent *out);

#endif
