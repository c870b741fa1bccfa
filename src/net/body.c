/* SPDX-License-Identifier: Apache-2.0
 * Request bodies: announced or chunked, read as they come. A body that is already whole in the
 * stream's buffer is handed out from there. Time spent waiting for the client is counted, and
 * compared with the slowest pace allowed; the handler's own time is not the client's fault. */
#include "net/server.h"

enum { LINE_USUAL = 4096 };

void body_begin(HttpConn *conn, int64_t length, bool owes_continue) {
    conn->body = (BodyIn){
        .left = length, .ended = length == 0, .owes_continue = owes_continue && length != 0};
}

static Err *body_fail(Ctx *c, HttpConn *conn, ErrKind kind, const char *why) {
    conn->body.failed = true;
    return err_new(c, kind, "body_read", "%s", why);
}

static Err *too_large(Ctx *c, HttpConn *conn) {
    conn->body.failed = true;
    return err_new(c, ERR_TOO_LARGE, "body_read", "The body may have at most %td bytes.",
                   conn->q.body_limit);
}

/* The first read: what can be known at once, and the 100 that the client may be waiting for. */
static Err *body_start(Ctx *c, HttpConn *conn) {
    static const Str go_on = S_INIT("HTTP/1.1 100 Continue\r\n\r\n");
    BodyIn *b = &conn->body;
    if (b->started) return NULL;
    if (conn->q.body_length > conn->q.body_limit) return too_large(c, conn);
    b->started = true;
    if (!b->owes_continue) return NULL;
    b->owes_continue = false;
    if (stream_buffer(conn->stream).len > 0 || b->in_place) return NULL; /* it did not wait */
    return conn_write(conn, &go_on, 1);
}

static Err *body_wait(Ctx *c, HttpConn *conn) {
    const HttpOptions *o = &conn->server->options;
    BodyIn *b = &conn->body;
    int64_t start = mono_us(), former = c->deadline_us;
    int64_t allowed_us =
        o->body_grace_ms * US_PER_MS + b->received * US_PER_SECOND / o->body_rate_bytes_s;
    int64_t deadline = start + allowed_us - b->waited_us;
    bool ours = former == 0 || deadline < former;
    ptrdiff_t n = 0;
    TRY(conn_flush(conn));
    if (ours) c->deadline_us = deadline;
    Err *err = stream_fill(c, conn->stream, &n);
    c->deadline_us = former;
    b->waited_us += mono_us() - start;
    if (err && ours && err->kind == ERR_TIMEOUT)
        return body_fail(c, conn, ERR_REQUEST_TIMEOUT, "The body came too slowly.");
    if (err) {
        b->failed = true;
        return err;
    }
    return n == 0 ? body_fail(c, conn, ERR_BAD_REQUEST, "The body was cut short.") : NULL;
}

static Err *read_announced(Ctx *c, HttpConn *conn, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    BodyIn *b = &conn->body;
    Str in = b->in_place ? str_slice(b->place, (ptrdiff_t)b->received, b->place.len)
                         : stream_buffer(conn->stream);
    if (in.len == 0) {
        TRY(body_wait(c, conn));
        in = stream_buffer(conn->stream);
    }
    *n = (ptrdiff_t)min_i64(min_size(cap, in.len), b->left);
    memcpy(to, in.data, (size_t)*n);
    if (!b->in_place) stream_consume(conn->stream, *n);
    b->left -= *n;
    b->received += *n;
    b->ended = b->left == 0;
    return NULL;
}

static Err *read_chunked(Ctx *c, HttpConn *conn, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    BodyIn *b = &conn->body;
    while (*n == 0 && !b->ended) {
        Str data, in = stream_buffer(conn->stream);
        if (in.len == 0) {
            TRY(body_wait(c, conn));
            in = stream_buffer(conn->stream);
        }
        ptrdiff_t used = chunked_take(&b->chunked, str_slice(in, 0, cap), &data);
        *n = data.len;
        memcpy(to, data.data, (size_t)data.len);
        stream_consume(conn->stream, used);
        b->received += data.len;
        b->ended = b->chunked.state == CHUNKED_DONE;
        if (b->chunked.state == CHUNKED_BAD)
            return body_fail(c, conn, ERR_BAD_REQUEST, "The body is not well chunked.");
        if (b->received > conn->q.body_limit) return too_large(c, conn);
    }
    return NULL;
}

Err *body_read(Ctx *c, Req *q, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    HttpConn *conn = q->conn;
    assert(to && cap > 0);
    *n = 0;
    if (conn->body.failed) FAIL(c, BAD_REQUEST, "The body could not be read.");
    if (conn->body.ended) return NULL;
    TRY(body_start(c, conn));
    return q->body_length >= 0 ? read_announced(c, conn, to, cap, n)
                               : read_chunked(c, conn, to, cap, n);
}

Err *body_all(Ctx *c, Req *q, Str *out) {
    BodyIn *b = &q->conn->body;
    if (b->in_place && !b->started && !b->failed) {
        TRY(body_start(c, q->conn));
        *out = b->place;
        b->ended = true;
        return NULL;
    }
    if (q->body_length > q->body_limit) return too_large(c, q->conn);
    Buf text = buf_new(c->arena, q->body_length > 0 ? (ptrdiff_t)q->body_length : 0);
    for (;;) {
        ptrdiff_t n;
        if (b->ended) break;
        char *to = buf_reserve(&text, text.cap > text.len ? 1 : SMALL_BODY);
        TRY(body_read(c, q, to, text.cap - text.len, &n));
        text.len += n;
    }
    *out = buf_str(&text);
    return NULL;
}

/* -- Lines ------------------------------------------------------------------------------------- */

static Err *lines_fill(Ctx *c, Req *q, LineReader *lines, ptrdiff_t max) {
    ptrdiff_t held = lines->len - lines->start, n;
    if (lines->start > 0) memmove(lines->data, lines->data + lines->start, (size_t)held);
    lines->start = 0;
    lines->len = held;
    if (held > max + 1) FAIL(c, TOO_LARGE, "A line of the body is longer than %td bytes.", max);
    if (held == lines->cap) {
        ptrdiff_t cap = max_size(LINE_USUAL, lines->cap * 2);
        lines->data = arena_grow(c->arena, lines->data, lines->cap, cap);
        lines->cap = cap;
    }
    TRY(body_read(c, q, lines->data + held, lines->cap - held, &n));
    lines->len += n;
    lines->ended = n == 0;
    return NULL;
}

Err *body_line(Ctx *c, Req *q, LineReader *lines, ptrdiff_t max, Str *line) {
    ptrdiff_t looked = 0;
    for (;;) {
        Str rest = str_of(lines->data ? lines->data + lines->start : "", lines->len - lines->start);
        ptrdiff_t end = str_find_byte(str_slice(rest, looked, rest.len), '\n');
        end = end < 0 ? -1 : end + looked;
        looked = rest.len;
        if (end >= 0 || lines->ended) {
            *line = end >= 0 ? str_slice(rest, 0, end) : rest;
            lines->start += end >= 0 ? end + 1 : rest.len;
            if (end < 0 && rest.len == 0) *line = (Str){0};
            if (str_ends(*line, S("\r"))) line->len--;
            if (line->len > max)
                FAIL(c, TOO_LARGE, "A line of the body is longer than %td bytes.", max);
            return NULL;
        }
        TRY(lines_fill(c, q, lines, max));
    }
}

/* -- What the handler left --------------------------------------------------------------------- */

bool body_drainable(const HttpConn *conn) {
    const BodyIn *b = &conn->body;
    if (b->failed) return false;
    /* A client that was to wait for 100 may send the body or not: nobody can tell what comes
     * next. */
    return b->ended || b->in_place || (!b->owes_continue && b->left <= DRAIN_MAX);
}

bool body_drain(Ctx *c, HttpConn *conn) {
    enum { DRAIN_MS = 5000 };
    BodyIn *b = &conn->body;
    char dropped[SMALL_BODY];
    if (b->ended || b->in_place) return true;
    int64_t before = b->received;
    conn->q.body_limit = PTRDIFF_MAX;
    c->deadline_us = mono_us() + DRAIN_MS * US_PER_MS;
    while (!b->ended && b->received - before <= DRAIN_MAX) {
        ptrdiff_t n;
        if (body_read(c, &conn->q, dropped, sizeof dropped, &n)) return false;
    }
    return b->ended;
}
