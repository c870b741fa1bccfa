/* SPDX-License-Identifier: Apache-2.0
 * A connection: one coroutine that reads a head, calls the handler, writes the reply, and begins
 * again.
 *
 *      ┌─────────────────────────── keep-alive ───────────────────────────┐
 *      ▼                                                                  │
 *   head_wait ──head whole──► request_take ──► handler ──► reply_finish ──┴─► body_drain
 *      │ end, idle too long,        │ fault       │ over budget        │ write failed, close
 *      ▼ server stops               ▼             ▼                    ▼
 *    closed                   reply_refuse, linger, closed          linger, closed
 *
 * Lifetimes: HttpConn lies at the bottom of the coroutine's arena; everything of one request above
 * a mark and is released with it. The head is parsed where it lies in the stream's input buffer. It
 * stays there, unconsumed, until the reply is out, if the request is whole in that buffer; a
 * request with more to come has its head copied first, because filling the buffer moves it.
 *
 * A client that goes away while its handler runs cancels the handler's waits: who would read the
 * answer? (docs/decisions/0011 says what counts as gone.)
 *
 * A connection that is refused or cut in the middle lingers: it says what it has to say, then reads
 * away what the client still sends, for a moment, so that a reset does not overtake the reply. */
#include <setjmp.h>

#include "core/log.h"
#include "net/server.h"

enum {
    LINGER_MS = 2000,
    LINGER_BYTES = 1 << 20,
    SPARE_BYTES = 1 << 20,
    FILE_TURN = 512 * 1024,
    STOP_PATIENCE_MS = 3000, /* for a file's reader that takes nothing, once the server stops */
    PROBE_MS = 1000          /* after a client's end, before it is asked whether it still listens */
};

/* -- Writing ----------------------------------------------------------------------------------- */

/* A write waits for the client, not for the request's own deadline, which may be over already. */
static Err *write_now(HttpConn *conn, const Str *parts, ptrdiff_t count) {
    Ctx *c = conn->c;
    int64_t former = c->deadline_us;
    c->deadline_us = mono_us() + conn->server->options.write_timeout_ms * US_PER_MS;
    Err *err = conn->broken ? err_new(c, ERR_CANCELLED, __func__, "The connection is closed.")
                            : stream_write(c, conn->stream, parts, count);
    c->deadline_us = former;
    if (err) conn->broken = true;
    return err;
}

Err *conn_flush(HttpConn *conn) {
    if (conn->out_len == 0) return NULL;
    Str gathered = str_of(conn->out, conn->out_len);
    conn->out_len = 0;
    return write_now(conn, &gathered, 1);
}

/* Its own arena, because gathered replies outlive their requests and few connections need it. */
char *conn_room(HttpConn *conn, ptrdiff_t bytes) {
    if (bytes > OUT_BYTES - conn->out_len) return NULL;
    if (!conn->out) {
        conn->out_arena = arena_new(2 * OUT_BYTES);
        conn->out = arena_bytes(conn->out_arena, OUT_BYTES);
    }
    return conn->out + conn->out_len;
}

Err *conn_write(HttpConn *conn, const Str *parts, ptrdiff_t count) {
    enum { PARTS = 8 };
    Str now[PARTS];
    ptrdiff_t used = 0, bytes = conn->out_len;
    assert(count > 0 && count < PARTS);
    if (conn->out_len > 0) now[used++] = str_of(conn->out, conn->out_len);
    conn->out_len = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        for (Str rest = parts[i]; rest.len > 0;) {
            Str piece = str_slice(rest, 0, WRITE_PIECE - min_size(bytes, WRITE_PIECE - 1));
            rest = str_slice(rest, piece.len, rest.len);
            now[used++] = piece;
            bytes += piece.len;
            if (bytes < WRITE_PIECE && used < PARTS) continue;
            TRY(write_now(conn, now, used));
            used = bytes = 0;
        }
    }
    return used > 0 ? write_now(conn, now, used) : NULL;
}

/* How long may a file's reader take nothing? A player that is paused takes nothing for minutes, and is
 * to go on when its listener does; it costs a connection. So it stays while there are enough of
 * those, and while the server does. */
static int64_t reader_patience_ms(const HttpConn *conn) {
    const HttpOptions *o = &conn->server->options;
    int64_t open = atomic_load_explicit(&conn->server->connections, memory_order_relaxed);
    if (http_stopping(conn->server)) return min_i64(STOP_PATIENCE_MS, o->write_timeout_ms);
    if (open > o->max_connections / 10 * 9) return o->write_timeout_ms;
    return max_i64(o->file_timeout_ms, o->write_timeout_ms);
}

/* Send some of a file; *sent 0 and no error: the reader took nothing, and may go on doing so. */
static Err *file_send(HttpConn *conn, int fd, int64_t from, int64_t len, int64_t since_us,
                      int64_t *sent) {
    Ctx *c = conn->c;
    int64_t now_us = mono_us(), patience_us = reader_patience_ms(conn) * US_PER_MS;
    int64_t turn_us = conn->server->options.write_timeout_ms * US_PER_MS;
    c->deadline_us = min_i64(now_us + turn_us, since_us + patience_us);
    Err *err = stream_sendfile(c, conn->stream, fd, from, len, sent);
    bool waits = err && err->kind == ERR_TIMEOUT && !c->cancelled;
    return waits && mono_us() - since_us < reader_patience_ms(conn) * US_PER_MS ? NULL : err;
}

Err *conn_sendfile(HttpConn *conn, int fd, int64_t from, int64_t len) {
    Ctx *c = conn->c;
    int64_t former = c->deadline_us, since_us = mono_us(), turn = 0, sent;
    Err *err = conn_flush(conn);
    conn->sending_file = true;
    while (!err && len > 0) {
        ArenaMark mark = arena_mark(c->arena);
        err = file_send(conn, fd, from, len, since_us, &sent);
        if (err) break;
        arena_release(c->arena, mark); /* of a paused reader: an error each time nothing went */
        if (sent == 0) continue;
        from += sent;
        len -= sent;
        turn += sent;
        since_us = mono_us();
        if (turn < FILE_TURN) continue;
        turn = 0;
        coro_yield(c); /* one fast reader must not keep the loop */
    }
    conn->sending_file = false;
    c->deadline_us = former;
    if (err) conn->broken = true;
    return err;
}

bool conn_closes(const HttpConn *conn) {
    return conn->broken || !conn->keep_alive || conn->r.close || conn->r.cut || conn->body.failed ||
           http_stopping(conn->server) || !body_drainable(conn);
}

static void linger(HttpConn *conn) {
    Ctx *c = conn->c;
    Str in = stream_buffer(conn->stream);
    ptrdiff_t n = 1;
    c->deadline_us = mono_us() + LINGER_MS * US_PER_MS;
    conn->taken = 0; /* goes with the rest */
    stream_shutdown(conn->stream);
    for (ptrdiff_t seen = in.len; seen < LINGER_BYTES && n > 0; seen += n) {
        stream_consume(conn->stream, stream_buffer(conn->stream).len);
        if (stream_fill(c, conn->stream, &n)) return;
    }
}

/* -- A client that goes away -------------------------------------------------------------------- */

/* Is what it ended so far all that it will ever listen to? A reader of events says nothing more
 * anyway, and goes when it closes; so does a WebSocket that ends without a word. */
static bool ends_with_its_side(const HttpConn *conn) {
    if (conn->upgraded) return stream_buffer(conn->stream).len == 0;
    return conn->r.begun && reply_is_events(&conn->r);
}

/* An interim answer, which every client must pass over (RFC 9110 §15.2): whoever has closed its
 * socket answers with a reset, whoever has only ended its side is still told the final answer. */
static void probe_send(void *arg) {
    static const Str go_on = S_INIT("HTTP/1.1 100 Continue\r\n\r\n");
    HttpConn *conn = arg;
    if (!conn->handling || conn->r.begun || conn->out_len > 0 || conn->q.minor == 0) return;
    stream_watch_break(conn->stream);
    stream_write_now(conn->stream, go_on);
}

static void client_ended(void *arg, bool broken) {
    HttpConn *conn = arg;
    conn->broken |= broken;
    if (!conn->handling) return;
    if (broken || ends_with_its_side(conn)) {
        coro_cancel(conn->coro);
    } else if (!conn->upgraded && !conn->probe) {
        conn->probe = timer_new(probe_send, conn);
        timer_start(conn->probe, PROBE_MS);
    }
}

void conn_client_check(HttpConn *conn) {
    if (stream_ended(conn->stream)) client_ended(conn, stream_broken(conn->stream));
}

static void handle(HttpConn *conn) {
    conn->handling = true;
    conn_client_check(conn);
    conn->server->options.handle(conn->c, &conn->q, &conn->r);
}

/* Also after a jump out of the handler. */
static void handle_end(HttpConn *conn) {
    conn->handling = false;
    timer_free(conn->probe);
    conn->probe = NULL;
}

/* -- A request --------------------------------------------------------------------------------- */

static Err *fault_err(Ctx *c, Http1Fault fault) {
    switch (fault.status) {
    case 408: return err_new(c, ERR_REQUEST_TIMEOUT, __func__, "%s", fault.why);
    case 414: return err_new(c, ERR_URI_TOO_LONG, __func__, "%s", fault.why);
    case 417: return err_new(c, ERR_EXPECTATION, __func__, "%s", fault.why);
    case 431: return err_new(c, ERR_HEADERS_TOO_LARGE, __func__, "%s", fault.why);
    case 505: return err_new(c, ERR_HTTP_VERSION, __func__, "%s", fault.why);
    default: return err_new(c, ERR_BAD_REQUEST, __func__, "%s", fault.why);
    }
}

/* Wait for a whole head. *length 0: there will be none; a fault says why, if the client is to
 * know. */
static Http1Fault head_wait(HttpConn *conn, Http1Scan *scan, ptrdiff_t *length) {
    Ctx *c = conn->c;
    const HttpOptions *o = &conn->server->options;
    int64_t head_deadline = 0;
    for (;;) {
        Str in = stream_buffer(conn->stream);
        Http1Fault fault = http1_scan(scan, in, o->head_limit, length);
        if (fault.status || *length > 0) return fault;
        conn->idle = in.len == 0;
        if (conn->idle && http_stopping(conn->server)) return fault;
        if (in.len > 0 && head_deadline == 0)
            head_deadline = mono_us() + o->head_timeout_ms * US_PER_MS;
        c->deadline_us = conn->idle ? mono_us() + o->idle_timeout_ms * US_PER_MS : head_deadline;
        if (in.len == conn->input_cap &&
            stream_buffer_grow(conn->stream, o->head_limit + INPUT_BYTES))
            conn->input_cap = min_size(conn->input_cap * 2, o->head_limit + INPUT_BYTES);
        ptrdiff_t n = 0;
        Err *err = conn_flush(conn);
        if (!err) err = stream_fill(c, conn->stream, &n);
        bool was_idle = conn->idle;
        conn->idle = false;
        if (err && err->kind == ERR_TIMEOUT && !was_idle)
            return (Http1Fault){408, "The head of the request did not come in time."};
        if (err || n == 0 || c->cancelled) return (Http1Fault){0};
    }
}

/* Move every text of the head with it when it is copied. */
static void head_move(Http1Head *head, ptrdiff_t by) {
    Str *texts[] = {&head->method, &head->target, &head->host};
    for (ptrdiff_t i = 0; i < COUNT(texts); i++)
        if (texts[i]->data) texts[i]->data += by;
    for (ptrdiff_t i = 0; i < head->header_count; i++) {
        head->headers[i].name.data += by;
        head->headers[i].value.data += by;
    }
}

/* Decide where the request's bytes live until its reply is out: see the file's head. */
static void head_place(HttpConn *conn, Http1Head *head, const Http1Scan *scan, ptrdiff_t length) {
    Str in = stream_buffer(conn->stream);
    bool whole = head->body_length >= 0 && in.len - length >= head->body_length && !head->upgrade;
    body_begin(conn, head->body_length, head->expect_continue);
    if (whole) {
        conn->body.in_place = true;
        conn->body.place = str_slice(in, length, length + (ptrdiff_t)head->body_length);
        conn->taken = length + (ptrdiff_t)head->body_length;
        return;
    }
    Str copy = str_copy(conn->c->arena, str_slice(in, scan->start, length));
    head_move(head, copy.data - (in.data + scan->start));
    stream_consume(conn->stream, length);
}

static Http1Fault request_fill(HttpConn *conn, const Http1Head *head) {
    Req *q = &conn->q;
    Str path, authority;
    Http1Fault fault = http1_target(head, &path, &q->query, &authority);
    if (fault.status) return fault;
    q->host = authority.data ? authority : head->host;
    if (!path_decode(conn->c->arena, path, &q->path))
        return (Http1Fault){400, "The path is not valid UTF-8, or it has dot segments or a NUL."};
    proxy_apply(conn, q);
    return fault;
}

/* Is there another whole head behind this request? Then its reply may wait for company. While some
 * of the request itself is still to come, nobody knows what lies behind it. */
static bool next_is_here(const HttpConn *conn) {
    if (!conn->body.in_place) return false;
    Str rest = stream_buffer(conn->stream);
    rest = str_slice(rest, conn->taken, rest.len);
    Http1Scan scan = {0};
    ptrdiff_t length = 0;
    if (rest.len == 0) return false;
    return http1_scan(&scan, rest, conn->server->options.head_limit, &length).status == 0 &&
           length > 0;
}

static Http1Fault request_take(HttpConn *conn, const Http1Scan *scan, ptrdiff_t length) {
    Http1Head head;
    Header *headers = arena_bytes(conn->c->arena, scan->lines * (ptrdiff_t)sizeof(Header));
    Str text = str_slice(stream_buffer(conn->stream), scan->start, length);
    Http1Fault fault = http1_parse(text, headers, scan->lines, &head);
    if (fault.status) return fault;
    conn->keep_alive = head.keep_alive;
    head_place(conn, &head, scan, length);
    Req *q = &conn->q;
    q->method = method_parse(head.method);
    q->method_text = head.method;
    q->target = head.target;
    q->minor = head.minor;
    q->headers = head.headers;
    q->header_count = head.header_count;
    q->body_length = head.body_length;
    return request_fill(conn, &head);
}

static void request_begin(HttpConn *conn) {
    const HttpOptions *o = &conn->server->options;
    int64_t now = mono_us();
    conn->q = (Req){.conn = conn,
                    .method = METHOD_OTHER,
                    .method_text = S(""),
                    .target = S(""),
                    .path = S(""),
                    .query = S(""),
                    .minor = 1,
                    .client_ip = conn->peer,
                    .started_us = now,
                    .body_limit = o->body_limit};
    conn->body = (BodyIn){.ended = true};
    conn->taken = 0;
    conn->squeeze = NULL;
    conn->c->deadline_us = now + o->request_timeout_ms * US_PER_MS;
    reply_init(conn);
}

/* The handler and the reply, or the jump out of an arena that is over its budget (false). In a
 * function of its own, so that no variable lives across the jump. */
static MUST_USE bool handle_within_budget(HttpConn *conn, Err **err) {
    jmp_buf full;
    Arena *arena = conn->c->arena;
    jmp_buf *former = arena_on_full(arena, &full);
    bool within = setjmp(full) == 0;
    if (within) {
        handle(conn);
        handle_end(conn);
        *err = conn->upgraded ? NULL : reply_finish(conn->c, conn);
    }
    arena_on_full(conn->c->arena, former);
    handle_end(conn);
    /* What comes after the handler has nobody to jump to, and must not suffer for what it left:
     * blocks are at least half full, whatever budget they were taken under. */
    arena_budget_set(conn->c->arena, 2 * arena_used(conn->c->arena) + SPARE_BYTES);
    return within;
}

static void tell_done(HttpConn *conn) {
    const HttpOptions *o = &conn->server->options;
    if (o->done) o->done(conn->c, &conn->q, &conn->r);
}

/* Say why nothing came of it, then end the connection: what follows cannot be told apart any
 * more. */
static void refuse(HttpConn *conn, Err *err) {
    reply_init(conn);
    conn->keep_alive = false;
    reply_refuse(conn, err);
    Err *failed = reply_finish(conn->c, conn);
    if (!failed) failed = conn_flush(conn);
    tell_done(conn);
    if (!failed) linger(conn);
}

static void over_budget(HttpConn *conn, ArenaMark mark) {
    bool begun = conn->r.begun;
    int status = conn->r.status;
    Method method = conn->q.method;
    log_msg(conn->c, LOG_ERROR, "a request went over its memory budget");
    ctx_undo(conn->c, conn->defers);
    arena_release(conn->c->arena, mark);
    request_begin(conn); /* its texts are gone: the reply knows only what happened */
    conn->q.method = method;
    conn->c->account = (Account){0};
    conn->c->request_id = (Str){0};
    if (begun) {
        conn->r.status = status;
        conn->r.begun = conn->r.cut = true;
        tell_done(conn);
        return;
    }
    refuse(conn, err_new(conn->c, ERR_BUDGET, __func__,
                         "The request needs more memory than it may have."));
}

static bool request_serve(HttpConn *conn, ArenaMark mark) {
    Http1Scan scan = {0};
    ptrdiff_t length = 0;
    Http1Fault fault = head_wait(conn, &scan, &length);
    if (!fault.status && length == 0) return false;
    request_begin(conn);
    if (!fault.status) fault = request_take(conn, &scan, length);
    if (fault.status) {
        refuse(conn, fault_err(conn->c, fault));
        return false;
    }
    conn->gather = next_is_here(conn);
    Err *err = NULL;
    if (!handle_within_budget(conn, &err)) {
        over_budget(conn, mark);
        return false;
    }
    tell_done(conn);
    if (err || conn->upgraded) return false;
    if (conn_closes(conn)) {
        bool quiet = (conn->body.ended || conn->body.in_place) && !conn->body.failed;
        if (!conn_flush(conn) && !quiet) linger(conn);
        return false;
    }
    if (body_drain(conn->c, conn)) return true;
    linger(conn);
    return false;
}

/* What each request leaves behind: its defers, its account, its part of the arena. */
static void request_end(HttpConn *conn, ArenaMark mark) {
    Ctx *c = conn->c;
    ctx_undo(c, conn->defers);
    stream_consume(conn->stream, conn->taken);
    conn->taken = 0;
    c->account = (Account){0};
    c->request_id = c->route = (Str){0};
    c->tx = NULL;
    arena_release(c->arena, mark);
    arena_budget_set(c->arena, conn->server->options.budget_bytes);
}

/* -- The connection ---------------------------------------------------------------------------- */

static void list_add(HttpConn *conn) {
    HttpConn **first = &conn->server->first[loop_index(loop_here())];
    conn->next = *first;
    if (*first) (*first)->prev = conn;
    *first = conn;
}

static void list_remove(HttpConn *conn) {
    if (conn->prev)
        conn->prev->next = conn->next;
    else
        conn->server->first[loop_index(loop_here())] = conn->next;
    if (conn->next) conn->next->prev = conn->prev;
}

void conn_stop(HttpConn *conn) {
    if (conn->on_stop)
        conn->on_stop(conn->on_stop_arg);
    else if (conn->idle)
        coro_cancel(conn->coro);
    else if (conn->sending_file)
        stream_poke_sender(conn->stream); /* its patience is another one now */
}

static void requests_serve(HttpConn *conn) {
    ArenaMark mark = arena_mark(conn->c->arena);
    conn->defers = conn->c->defers;
    stream_on_end(conn->stream, client_ended, conn);
    bool more = true;
    while (more) {
        more = request_serve(conn, mark);
        request_end(conn, mark);
    }
    stream_on_end(conn->stream, NULL, NULL);
    arena_free(conn->out_arena);
}

void conn_serve(Ctx *c, Stream *s, void *arg) {
    HttpServer *server = arg;
    HttpConn *conn = arena_new_of(c->arena, HttpConn);
    *conn = (HttpConn){
        .server = server, .c = c, .coro = c->coro, .stream = s, .input_cap = INPUT_BYTES};
    int64_t open = atomic_fetch_add_explicit(&server->connections, 1, memory_order_relaxed);
    if (open < server->options.max_connections) {
        conn->peer = stream_peer(s, c->arena);
        conn->peer_trusted = networks_have(&server->trusted, conn->peer);
        list_add(conn);
        requests_serve(conn);
        list_remove(conn);
    } else if (!write_now(conn, &server->refusal, 1)) {
        linger(conn);
    }
    atomic_fetch_sub_explicit(&server->connections, 1, memory_order_release);
}
