/* SPDX-License-Identifier: Apache-2.0
 * A server on loopback with a handler of the test's own, and a client that sends raw bytes. */
#ifndef SOCLE_TEST_HTTP_WORLD_H
#define SOCLE_TEST_HTTP_WORLD_H

#include "net/http.h"
#include "t_loop.h"

enum { ANSWER_MAX = 64 * 1024 * 1024, PATIENCE_MS = 15 * 1000 };

static HttpServer *world_servers[64]; /* they live as long as the process */
static int world_count;

static inline HttpServer *world_start(HttpOptions options) {
    HttpServer *server = NULL;
    if (!options.address.data) options.address = S("127.0.0.1:0");
    if (!GOOD(http_start(c, options, &server))) return NULL;
    world_servers[world_count++] = server;
    return server;
}

static inline void world_stop(void) {
    for (int i = 0; i < world_count; i++) http_stop(world_servers[i]);
}

static inline Stream *dial(const HttpServer *server) {
    Stream *s = NULL;
    int64_t former = ctx_deadline_within(c, PATIENCE_MS);
    GOOD(stream_connect(c, S("127.0.0.1"), http_port(server), &s));
    c->deadline_us = former;
    return s;
}

/* The server may have closed by now: what it said is then still to be read. */
static inline void say(Stream *s, Str text) {
    int64_t former = ctx_deadline_within(c, PATIENCE_MS);
    if (stream_write(c, s, &text, 1)) printf("  (a write found the connection closed)\n");
    c->deadline_us = former;
}

/* Everything up to the end of the connection; in c's arena. */
static inline Str hear_all(Stream *s) {
    Buf b = buf_new(c->arena, 4096);
    int64_t former = ctx_deadline_within(c, PATIENCE_MS);
    for (ptrdiff_t n = 1; n > 0 && b.len < ANSWER_MAX;) {
        char *to = buf_reserve(&b, 64 * KIB);
        Err *err = stream_read(c, s, to, 64 * KIB, &n);
        if (err && err->kind == ERR_TIMEOUT) GOOD(err);
        if (err) break; /* a reset ends it too */
        b.len += n;
    }
    c->deadline_us = former;
    return buf_str(&b);
}

/* Up to and with `mark`. */
static inline Str hear_until(Stream *s, Str mark) {
    int64_t former = ctx_deadline_within(c, PATIENCE_MS);
    for (;;) {
        Str in = stream_buffer(s);
        ptrdiff_t at = str_find(in, mark), n;
        if (at >= 0) {
            Str heard = str_copy(c->arena, str_slice(in, 0, at + mark.len));
            stream_consume(s, heard.len);
            c->deadline_us = former;
            return heard;
        }
        if (in.len >= 16 * KIB) stream_buffer_grow(s, 4 * MIB);
        Err *err = stream_fill(c, s, &n);
        if (err || n == 0) {
            printf("  (heard only: %.*s)\n", S_ARG(stream_buffer(s)));
            CHECK(!"the other side said what was expected");
            c->deadline_us = former;
            return S("");
        }
    }
}

/* A connection of its own: say it, half-close, hear all. */
static inline Str ask(const HttpServer *server, Str text) {
    Stream *s = dial(server);
    if (!s) return S("");
    say(s, text);
    stream_shutdown(s);
    Str heard = hear_all(s);
    stream_close(s);
    return heard;
}

static inline int status_in(Str answer) {
    int64_t status = 0;
    if (!str_starts(answer, S("HTTP/1.1 ")) || !str_to_i64(str_slice(answer, 9, 12), &status))
        return 0;
    return (int)status;
}

static inline Str head_in(Str answer) {
    ptrdiff_t end = str_find(answer, S("\r\n\r\n"));
    return end < 0 ? answer : str_slice(answer, 0, end + 2);
}

static inline Str body_in(Str answer) {
    ptrdiff_t end = str_find(answer, S("\r\n\r\n"));
    return end < 0 ? (Str){0} : str_slice(answer, end + 4, answer.len);
}

/* The value of a header, null if absent; `name` as the server writes it. */
static inline Str header_in(Str answer, Str name) {
    Str line_start = strf(c->arena, "\r\n%.*s: ", S_ARG(name)), head = head_in(answer);
    ptrdiff_t at = str_find(head, line_start);
    if (at < 0) return (Str){0};
    Str rest = str_slice(head, at + line_start.len, head.len);
    return str_slice(rest, 0, str_find(rest, S("\r\n")));
}

static inline int count_in(Str text, Str what) {
    int count = 0;
    for (ptrdiff_t at; (at = str_find(text, what)) >= 0; count++)
        text = str_slice(text, at + what.len, text.len);
    return count;
}

/* GET path with more header lines, on a connection of its own. */
static inline Str get(const HttpServer *server, const char *path, const char *lines) {
    return ask(server, strf(c->arena, "GET %s HTTP/1.1\r\nHost: a\r\n%sConnection: close\r\n\r\n",
                            path, lines));
}

#endif
