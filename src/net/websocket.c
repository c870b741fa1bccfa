/* SPDX-License-Identifier: Apache-2.0
 * WebSocket sessions. wslay takes frames apart (lengths, masks); what a sequence of frames means is
 * here: fragments become messages, control frames may stand between them, text must be UTF-8.
 *
 *             ws_accept                  peer's close, ours answered
 *   (HTTP) ─────────────► OPEN ──────────────────────────────────────► CLOSED
 *                          │ ws_close, server stops: close sent, the peer's awaited 2 s ▲
 *                          │ protocol error: close sent, input thrown away 2 s          │
 *                          └────────────────────────────────────────────────────────────┘
 *
 * One coroutine owns a session. Others only call ws_wake. A message is assembled in an arena of the
 * session's own, which holds at most one message and is emptied after it. */
#include "net/websocket.h"

#include <openssl/sha.h>
#include <wslay/wslay.h>

#include "net/server.h"

enum { CLOSE_WAIT_MS = 2000, CLOSE_DROP_BYTES = 1 << 20, CONTROL_MAX = 125, FRAME_HEAD_MAX = 10 };
enum {
    CODE_AWAY = 1001,
    CODE_PROTOCOL = 1002,
    CODE_NONE = 1005,
    CODE_TEXT = 1007,
    CODE_POLICY = 1008,
    CODE_TOO_BIG = 1009
};

struct WebSocket {
    HttpConn *conn;
    Arena *arena;
    wslay_frame_context_ptr frames;
    ptrdiff_t max_bytes;

    Buf message; /* under construction, or delivered by the last ws_receive */
    int opcode;  /* of the message under construction; 0: none */
    bool delivered;
    bool in_frame; /* some of the present frame's payload is still to come */
    uint64_t frame_left;
    int64_t began_us, pinged_us; /* that message or frame; the peer's last ping */
    char control[CONTROL_MAX];
    ptrdiff_t control_len;

    bool woken, woke_last, stopping;
    bool waiting; /* for input */
    bool close_sent, closed;
};

/* -- The handshake ----------------------------------------------------------------------------- */

/* All fields of a name, as one list. */
static bool header_has(const Req *q, Str name, Str token) {
    for (ptrdiff_t i = 0; i < q->header_count; i++)
        if (str_eq_nocase(q->headers[i].name, name) && http1_list_has(q->headers[i].value, token))
            return true;
    return false;
}

static int header_count(const Req *q, Str name) {
    int count = 0;
    for (ptrdiff_t i = 0; i < q->header_count; i++)
        count += str_eq_nocase(q->headers[i].name, name);
    return count;
}

static Err *handshake_check(Ctx *c, const Req *q, Reply *r, Str *key) {
    *key = req_header(q, S("sec-websocket-key"));
    if (q->method != METHOD_GET || q->minor != 1 || q->body_length != 0 ||
        !header_has(q, S("upgrade"), S("websocket")) ||
        !header_has(q, S("connection"), S("upgrade"))) {
        reply_header(r, S("Upgrade"), S("websocket"));
        FAIL(c, UPGRADE_REQUIRED, "This address speaks WebSocket.");
    }
    if (header_count(q, S("sec-websocket-key")) != 1 || str_base64_decode(c->arena, *key).len != 16)
        FAIL(c, BAD_REQUEST, "Sec-WebSocket-Key is not the base64 of 16 bytes.");
    if (!str_eq(req_header(q, S("sec-websocket-version")), S("13")) ||
        header_count(q, S("sec-websocket-version")) != 1) {
        reply_header(r, S("Upgrade"), S("websocket"));
        reply_header(r, S("Sec-WebSocket-Version"), S("13"));
        FAIL(c, UPGRADE_REQUIRED, "Only version 13 of WebSocket is spoken.");
    }
    return NULL;
}

static Str handshake_answer(Arena *arena, Str key) {
    Str text = str_concat(arena, key, S("258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    unsigned char digest[SHA_DIGEST_LENGTH];
    SHA1((const unsigned char *)text.data, (size_t)text.len, digest);
    return str_base64(arena, str_of((const char *)digest, (ptrdiff_t)sizeof digest));
}

static ssize_t frames_input(uint8_t *to, size_t cap, int flags, void *arg) {
    WebSocket *ws = arg;
    (void)flags;
    Str in = str_slice(stream_buffer(ws->conn->stream), 0, (ptrdiff_t)cap);
    if (in.len == 0) return -1;
    memcpy(to, in.data, (size_t)in.len);
    stream_consume(ws->conn->stream, in.len);
    return in.len;
}

static void session_free(void *arg) {
    WebSocket *ws = arg;
    ws->conn->on_stop = NULL;
    wslay_frame_context_free(ws->frames);
    arena_free(ws->arena);
}

static void session_stop(void *arg) {
    WebSocket *ws = arg;
    ws->stopping = true;
    stream_poke(ws->conn->stream);
}

static WebSocket *session_new(Ctx *c, HttpConn *conn, ptrdiff_t max_bytes) {
    enum { ARENA_SPARE = 64 * 1024 };
    const struct wslay_frame_callbacks callbacks = {.recv_callback = frames_input};
    WebSocket *ws = arena_new_of(c->arena, WebSocket);
    ws->conn = conn;
    ws->max_bytes = max_bytes;
    ws->stopping = http_stopping(conn->server);
    if (wslay_frame_context_init(&ws->frames, &callbacks, ws) != 0) return NULL;
    ws->arena =
        arena_new(8 * max_bytes + ARENA_SPARE); /* a buffer that doubles leaves its former selves */
    ws->message = buf_new(ws->arena, 0);
    conn->on_stop = session_stop;
    conn->on_stop_arg = ws;
    defer(c, session_free, ws);
    return ws;
}

Err *ws_accept(Ctx *c, Req *q, Reply *r, Str protocol, ptrdiff_t max_bytes, WebSocket **out) {
    Str key;
    assert(max_bytes > 0);
    TRY(handshake_check(c, q, r, &key));
    WebSocket *ws = session_new(c, q->conn, max_bytes);
    if (!ws) FAIL(c, UNAVAILABLE, "There is no memory for another session.");
    reply_upgrade(r);
    Buf b = buf_new(c->arena, 512);
    buf_add(&b, S("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                  "Upgrade\r\nSec-WebSocket-Accept: "));
    buf_add(&b, handshake_answer(c->arena, key));
    if (protocol.data) {
        assert(http1_is_token(protocol));
        buf_add(&b, S("\r\nSec-WebSocket-Protocol: "));
        buf_add(&b, protocol);
    }
    buf_add(&b, S("\r\n"));
    buf_add(&b, r->common_headers);
    buf_add(&b, buf_str(&r->headers));
    buf_add(&b, S("\r\n"));
    c->deadline_us = 0; /* every wait of a session has a limit of its own */
    Str head = buf_str(&b);
    TRY(conn_write(q->conn, &head, 1));
    r->status = 101;
    *out = ws;
    return NULL;
}

/* -- Sending ----------------------------------------------------------------------------------- */

static ptrdiff_t frame_head(char *to, int opcode, ptrdiff_t length) {
    unsigned char *at = (unsigned char *)to;
    *at++ = (unsigned char)(0x80 | opcode);
    if (length < 126) {
        *at++ = (unsigned char)length;
        return 2;
    }
    int bytes = length < 65536 ? 2 : 8;
    *at++ = bytes == 2 ? 126 : 127;
    for (int i = bytes; i-- > 0;) *at++ = (unsigned char)((uint64_t)length >> (8 * i));
    return 2 + bytes;
}

static Err *frame_send(WebSocket *ws, int opcode, Str payload) {
    char head[FRAME_HEAD_MAX];
    Str parts[] = {str_of(head, frame_head(head, opcode, payload.len)), payload};
    if (ws->closed || ws->close_sent) FAIL(ws->conn->c, CANCELLED, "The session is closed.");
    return conn_write(ws->conn, parts, 2);
}

Err *ws_send(Ctx *c, WebSocket *ws, Str text) {
    (void)c;
    return frame_send(ws, WSLAY_TEXT_FRAME, text);
}

Err *ws_ping(Ctx *c, WebSocket *ws) {
    (void)c;
    return frame_send(ws, WSLAY_PING, S(""));
}

Str ws_frame_text(Arena *arena, Str text) {
    char *frame = arena_bytes(arena, FRAME_HEAD_MAX + text.len);
    ptrdiff_t head = frame_head(frame, WSLAY_TEXT_FRAME, text.len);
    if (text.len) memcpy(frame + head, text.data, (size_t)text.len);
    return str_of(frame, head + text.len);
}

Err *ws_send_framed(Ctx *c, WebSocket *ws, Str frame) {
    if (ws->closed || ws->close_sent) FAIL(c, CANCELLED, "The session is closed.");
    return conn_write(ws->conn, &frame, 1);
}

bool ws_may_push(const WebSocket *ws) {
    return ws->waiting && !ws->closed && !ws->close_sent && ws->conn->out_len == 0 &&
           stream_idle(ws->conn->stream);
}

bool ws_push(WebSocket *ws, const Str *frames, ptrdiff_t count) {
    assert(ws_may_push(ws));
    return stream_push(ws->conn->stream, frames, count);
}

/* code CODE_NONE: a close frame without a code. */
static bool close_send(WebSocket *ws, int code, Str reason) {
    char payload[CONTROL_MAX];
    Str text = str_utf8_cut(reason, CONTROL_MAX - 2);
    if (ws->close_sent) return false;
    payload[0] = (char)(code >> 8);
    payload[1] = (char)(code & 0xFF);
    if (text.len) memcpy(payload + 2, text.data, (size_t)text.len);
    Err *err = frame_send(ws, WSLAY_CONNECTION_CLOSE,
                          code == CODE_NONE ? S("") : str_of(payload, 2 + text.len));
    ws->close_sent = true;
    return !err;
}

/* -- Receiving --------------------------------------------------------------------------------- */

/* The peer broke the rules: say which, then read away what it still sends, so that a reset does not
 * overtake the reason. */
static void session_fail(WebSocket *ws, int code) {
    Stream *s = ws->conn->stream;
    Ctx *c = ws->conn->c;
    int64_t former = c->deadline_us;
    bool said = close_send(ws, code, S(""));
    ws->closed = true;
    if (!said) return;
    stream_shutdown(s);
    c->deadline_us = mono_us() + CLOSE_WAIT_MS * US_PER_MS;
    for (ptrdiff_t dropped = 0; dropped < CLOSE_DROP_BYTES && !stream_ended(s);) {
        ptrdiff_t n;
        stream_consume(s, stream_buffer(s).len);
        if (stream_fill(c, s, &n)) break;
        dropped += n;
    }
    c->deadline_us = former;
}

static bool code_valid(int code) {
    if (code >= 3000 && code <= 4999) return true;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

static void close_take(WebSocket *ws) {
    Str reason = str_of(ws->control, ws->control_len);
    int code = CODE_NONE;
    if (reason.len > 0) {
        code =
            reason.len < 2 ? 0 : (unsigned char)reason.data[0] << 8 | (unsigned char)reason.data[1];
        reason = str_slice(reason, 2, reason.len);
        if (!code_valid(code))
            code = CODE_PROTOCOL;
        else if (!str_utf8_valid(reason))
            code = CODE_TEXT;
    }
    close_send(ws, code, S(""));
    ws->closed = true;
}

/* The first sight of a frame: the close code it deserves, or 0. */
static int frame_check(const WebSocket *ws, const struct wslay_frame_iocb *frame) {
    if (frame->rsv != 0 || !frame->mask) return CODE_PROTOCOL;
    switch (frame->opcode) {
    case WSLAY_PING:
    case WSLAY_PONG:
    case WSLAY_CONNECTION_CLOSE: return 0;
    case WSLAY_CONTINUATION_FRAME:
        if (ws->opcode == 0) return CODE_PROTOCOL;
        break;
    case WSLAY_TEXT_FRAME:
    case WSLAY_BINARY_FRAME:
        if (ws->opcode != 0) return CODE_PROTOCOL;
        break;
    default: return CODE_PROTOCOL;
    }
    return frame->payload_length > (uint64_t)(ws->max_bytes - ws->message.len) ? CODE_TOO_BIG : 0;
}

/* A control frame is whole. */
static Err *control_take(WebSocket *ws, int opcode) {
    if (opcode == WSLAY_CONNECTION_CLOSE) close_take(ws);
    Err *err = NULL;
    if (opcode == WSLAY_PING) ws->pinged_us = mono_us();
    if (opcode == WSLAY_PING && !ws->close_sent)
        err = frame_send(ws, WSLAY_PONG, str_of(ws->control, ws->control_len));
    ws->control_len = 0;
    return err;
}

/* A data frame is whole. True when a message is. */
static bool data_take(WebSocket *ws, bool last, WsGot *got) {
    if (!last) return false;
    bool text = ws->opcode == WSLAY_TEXT_FRAME;
    ws->opcode = 0;
    ws->delivered = true;
    if (text && !str_utf8_valid(buf_str(&ws->message))) {
        session_fail(ws, CODE_TEXT);
        return false;
    }
    *got = text ? WS_TEXT : WS_BINARY;
    return true;
}

/* One run of payload. True when it completes a message. */
static Err *payload_take(WebSocket *ws, const struct wslay_frame_iocb *frame, bool *whole,
                         WsGot *got) {
    bool control = wslay_is_ctrl_frame(frame->opcode);
    if (!ws->in_frame) {
        int code = frame_check(ws, frame);
        if (code) {
            session_fail(ws, code);
            return NULL;
        }
        if (ws->opcode == 0) ws->began_us = mono_us();
        ws->in_frame = true;
        ws->frame_left = frame->payload_length;
        if (!control && frame->opcode != WSLAY_CONTINUATION_FRAME) ws->opcode = frame->opcode;
    }
    Str data = str_of((const char *)frame->data, (ptrdiff_t)frame->data_length);
    assert((uint64_t)data.len <= ws->frame_left);
    if (control) {
        assert(ws->control_len + data.len <= CONTROL_MAX);
        if (data.len) memcpy(ws->control + ws->control_len, data.data, (size_t)data.len);
        ws->control_len += data.len;
    } else {
        buf_add(&ws->message, data);
    }
    ws->frame_left -= (uint64_t)data.len;
    if (ws->frame_left > 0) return NULL;
    ws->in_frame = false;
    if (control) return control_take(ws, frame->opcode);
    *whole = data_take(ws, frame->fin, got);
    return NULL;
}

/* All that is here, up to the end of one message. */
static Err *frames_take(WebSocket *ws, bool *whole, WsGot *got) {
    *whole = false;
    while (!ws->closed && !*whole) {
        struct wslay_frame_iocb frame = {0};
        ssize_t n = wslay_frame_recv(ws->frames, &frame);
        if (n == WSLAY_ERR_WANT_READ) return NULL;
        if (n < 0)
            session_fail(ws, CODE_PROTOCOL);
        else
            TRY(payload_take(ws, &frame, whole, got));
    }
    return NULL;
}

/* Wait for input or a wake. *silent: neither came until `until_us`. */
static Err *input_wait(Ctx *c, WebSocket *ws, int64_t until_us, bool *silent) {
    int64_t former = c->deadline_us;
    bool ours = former == 0 || until_us < former;
    ptrdiff_t n;
    if (ours) c->deadline_us = until_us;
    ws->waiting = true;
    Err *err = stream_fill(c, ws->conn->stream, &n);
    ws->waiting = false;
    c->deadline_us = former;
    *silent = err && ours && err->kind == ERR_TIMEOUT;
    if (*silent) return NULL;
    if (stream_ended(ws->conn->stream) && stream_buffer(ws->conn->stream).len == 0)
        ws->closed = true;
    else if (c->cancelled && err)
        close_send(ws, CODE_AWAY, S("The server stops."));
    return ws->closed ? NULL : err;
}

/* Fragments without end, or bytes that drip: neither needs memory, and neither may go on for ever. */
static bool message_overdue(const WebSocket *ws) {
    int64_t limit_us = ws->conn->server->options.request_timeout_ms * US_PER_MS;
    return (ws->opcode != 0 || ws->in_frame) && mono_us() - ws->began_us > limit_us;
}

static void message_forget(WebSocket *ws) {
    if (!ws->delivered) return;
    ws->delivered = false;
    arena_reset(ws->arena);
    ws->message = buf_new(ws->arena, 0);
}

static bool wake_take(WebSocket *ws) {
    if (!ws->woken) return false;
    ws->woken = false;
    return ws->woke_last = true;
}

Err *ws_receive(Ctx *c, WebSocket *ws, int64_t idle_ms, WsGot *got, Str *message) {
    assert(idle_ms > 0);
    *message = (Str){0};
    message_forget(ws);
    for (bool silent = false;;) {
        bool whole = false;
        if (ws->stopping && !ws->closed) ws_close(c, ws, CODE_AWAY, S("The server stops."));
        *got = WS_WOKEN; /* in turns with messages, so that neither starves the other */
        if (!ws->closed && !ws->woke_last && wake_take(ws)) return NULL;
        ws->woke_last = false;
        Err *err = frames_take(ws, &whole, got);
        if (err && !c->cancelled)
            ws->closed = true; /* an answer could not be written: the peer is gone */
        else if (err)
            return err;
        if (whole) *message = buf_str(&ws->message);
        if (whole) return NULL;
        if (!ws->closed && message_overdue(ws)) session_fail(ws, CODE_POLICY);
        *got = WS_CLOSED;
        if (ws->closed) return NULL;
        *got = WS_WOKEN;
        if (wake_take(ws)) return NULL;
        *got = WS_IDLE;
        if (silent) return NULL;
        TRY(input_wait(c, ws, mono_us() + idle_ms * US_PER_MS, &silent));
    }
}

int64_t ws_pinged_us(const WebSocket *ws) { return ws->pinged_us; }

void ws_wake(WebSocket *ws) {
    ws->woken = true;
    stream_poke(ws->conn->stream);
}

void ws_close(Ctx *c, WebSocket *ws, int code, Str reason) {
    assert(code_valid(code));
    int64_t former = c->deadline_us, until = mono_us() + CLOSE_WAIT_MS * US_PER_MS;
    bool silent = false;
    if (ws->closed) return;
    close_send(ws, code, reason);
    message_forget(ws);
    while (!ws->closed && !silent) {
        bool whole;
        WsGot got;
        if (frames_take(ws, &whole, &got)) break;
        if (whole)
            message_forget(ws);
        else if (!ws->closed && input_wait(c, ws, until, &silent))
            break;
    }
    ws->closed = true;
    c->deadline_us = former;
}
