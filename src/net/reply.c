/* SPDX-License-Identifier: Apache-2.0
 * Replies of texts and streams. A text reply is decided whole before its first byte goes out: ETag,
 * conditional headers, compression; then head and body leave in one write. */
#include "net/server.h"

void reply_init(HttpConn *conn) {
    conn->r = (Reply){.conn = conn,
                      .status = 200,
                      .content_type = S("application/json"),
                      .body = S(""),
                      .headers = {.arena = conn->c->arena},
                      .last_modified = TIME_NULL};
}

/* A control byte in a value would end the line, so that its maker could write headers of his own:
 * it becomes a blank. */
void reply_header(Reply *r, Str name, Str value) {
    Buf *b = &r->headers;
    assert(http1_is_token(name));
    if (str_eq_nocase(name, S("content-encoding"))) r->no_compress = true;
    buf_add(b, name);
    buf_add(b, S(": "));
    char *to = buf_reserve(b, value.len);
    for (ptrdiff_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.data[i];
        to[i] = (byte < ' ' && byte != '\t') || byte == 0x7F ? ' ' : (char)byte;
    }
    b->len += value.len;
    buf_add(b, S("\r\n"));
}

void reply_text(Reply *r, int status, Str content_type, Str text) {
    assert(status >= 200 && status <= 599);
    r->status = status;
    r->content_type = content_type;
    r->body = text;
}

void reply_json(Reply *r, int status, Str json) {
    reply_text(r, status, S("application/json"), json);
}

Err *reply_gzipped(Ctx *c, const Req *q, Reply *r, Str content_type, Str packed, Str tag) {
    if (encoding_takes_gzip(req_header(q, S("accept-encoding")))) {
        reply_text(r, 200, content_type, packed);
        reply_header(r, S("Content-Encoding"), S("gzip"));
        reply_header(r, S("Vary"), S("Accept-Encoding"));
        r->etag = strf(c->arena, "\"%.*s-gz\"", S_ARG(tag));
        return NULL;
    }
    Str text;
    TRY(gzip_unpack(c, packed, &text));
    reply_text(r, 200, content_type, text);
    r->etag = strf(c->arena, "\"%.*s\"", S_ARG(tag));
    return NULL;
}

Stream *reply_upgrade(Reply *r) {
    r->conn->upgraded = true;
    r->begun = true;
    return r->conn->stream;
}

void reply_refuse(HttpConn *conn, Err *err) {
    const HttpOptions *o = &conn->server->options;
    if (o->refuse) {
        o->refuse(conn->c, &conn->q, &conn->r, err);
        return;
    }
    Buf b = buf_new(conn->c->arena, 256);
    int status = err_status(err->kind);
    buf_add(&b, S("{\"type\":\"about:blank\",\"title\":"));
    buf_json(&b, err_title(err->kind));
    buf_f(&b, ",\"status\":%d,\"detail\":", status);
    buf_json(&b, status < 500 ? err->detail : err_title(err->kind));
    buf_add(&b, S(",\"code\":"));
    buf_json(&b, err_code(err));
    buf_byte(&b, '}');
    reply_text(&conn->r, status, S("application/problem+json"), buf_str(&b));
}

/* -- Texts ------------------------------------------------------------------------------------- */

static bool is_shown(const Req *q) { return q->method == METHOD_GET || q->method == METHOD_HEAD; }
static bool has_no_body(const Req *q, int status) {
    return q->method == METHOD_HEAD || status == 204 || status == 304;
}

Err *reply_send(HttpConn *conn, const HeadInfo *info, Str body) {
    ptrdiff_t room = head_room(&conn->r, info);
    conn->r.begun = conn->r.ended = true;
    char *out = conn->gather ? conn_room(conn, room + body.len) : NULL;
    bool small = body.len <= SMALL_BODY;
    char *to = out ? out : arena_bytes(conn->c->arena, room + (small ? body.len : 0));
    ptrdiff_t length = head_render(conn, info, to);
    conn->r.sent_bytes = length + body.len;
    if (out || small) {
        if (body.len) memcpy(to + length, body.data, (size_t)body.len);
        length += body.len;
    }
    if (out) {
        conn->out_len += length;
        return NULL;
    }
    Str parts[] = {str_of(to, length), small ? S("") : body};
    return conn_write(conn, parts, small ? 1 : 2);
}

static Encoding encoding_for(const Req *q, const Reply *r, HeadInfo *info) {
    if (r->no_compress || r->status == 206 || !compressible(r->content_type)) return ENCODING_NONE;
    info->vary = true;
    return encoding_choose(req_header(q, S("accept-encoding")));
}

/* Settle encoding and ETag; what the conditional headers make of a 200: 0, 304 or 412. */
static int text_validate(HttpConn *conn, HeadInfo *info, Str body) {
    Reply *r = &conn->r;
    const Req *q = &conn->q;
    bool shown = is_shown(q) && r->status == 200;
    if (body.len > COMPRESS_MIN) info->encoding = encoding_for(q, r, info);
    if (shown && !r->etag.data && !r->no_etag) r->etag = etag_of(conn->c->arena, body);
    r->etag = etag_encoded(conn->c->arena, r->etag, info->encoding);
    return shown ? precondition(q, r->etag, r->last_modified) : 0;
}

static Err *text_encode(Ctx *c, const Reply *r, Encoding encoding, Str *body) {
    static_assert(ENCODING_BROTLI == TEXT_FORMS - 1, "a form for each encoding");
    if (r->forms) {
        Str form = r->forms->find(c, r->forms->arg, (int)encoding);
        if (form.data) {
            *body = form;
            return NULL;
        }
    }
    TRY(compress_text(c, encoding, *body, body));
    if (r->forms) r->forms->keep(r->forms->arg, (int)encoding, *body);
    return NULL;
}

static Err *text_finish(Ctx *c, HttpConn *conn) {
    Reply *r = &conn->r;
    Str body = r->no_body ? S("") : r->body;
    HeadInfo info = {.content_type = r->content_type};
    int verdict = text_validate(conn, &info, body);
    if (verdict == 304) r->status = 304;
    if (verdict == 412) {
        reply_init(conn);
        reply_refuse(conn, err_new(c, ERR_PRECONDITION, __func__,
                                   "What If-Match asks for is not what is here."));
        info = (HeadInfo){.content_type = r->content_type};
        body = r->body;
    }
    if (r->status == 304) info.encoding = ENCODING_NONE;
    info.length = body.len;
    if (has_no_body(&conn->q, r->status)) {
        if (info.encoding != ENCODING_NONE)
            info.length = -2; /* a GET's would have to be compressed to know */
        body = S("");
    } else if (info.encoding != ENCODING_NONE) {
        TRY(text_encode(c, r, info.encoding, &body));
        info.length = body.len;
    }
    return reply_send(conn, &info, body);
}

/* -- Streams ----------------------------------------------------------------------------------- */

bool reply_is_events(const Reply *r) { return str_starts(r->content_type, S("text/event-stream")); }

static Err *gather(HttpConn *conn, const Str *parts, ptrdiff_t count) {
    ptrdiff_t bytes = 0;
    for (ptrdiff_t i = 0; i < count; i++) bytes += parts[i].len;
    conn->r.sent_bytes += bytes;
    char *to = conn_room(conn, bytes);
    if (!to) return conn_write(conn, parts, count);
    for (ptrdiff_t i = 0; i < count; i++) {
        memcpy(to, parts[i].data, (size_t)parts[i].len);
        to += parts[i].len;
    }
    conn->out_len += bytes;
    return NULL;
}

Err *reply_begin(Ctx *c, Req *q, Reply *r) {
    HttpConn *conn = r->conn;
    assert(!r->begun && !r->file);
    assert(q == &conn->q);
    HeadInfo info = {.content_type = r->content_type, .length = q->minor == 0 ? -2 : -1};
    info.encoding = encoding_for(q, r, &info);
    r->etag = etag_encoded(c->arena, r->etag, info.encoding);
    if (info.encoding != ENCODING_NONE && q->method != METHOD_HEAD) {
        conn->squeeze = squeeze_open(c, info.encoding);
        if (!conn->squeeze) FAIL(c, UNAVAILABLE, "There is no memory to compress with.");
    }
    r->begun = true;
    r->close |= q->minor == 0;
    char *head = arena_bytes(c->arena, head_room(r, &info));
    Str text = str_of(head, head_render(conn, &info, head));
    TRY(gather(conn, &text, 1));
    if (!reply_is_events(r)) return NULL;
    conn_client_check(conn);
    return conn_flush(conn);
}

/* One chunk, or plain bytes to a client of HTTP/1.0. */
static Err *chunk_put(HttpConn *conn, Str bytes) {
    char size[24];
    if (conn->q.minor == 0) return gather(conn, &bytes, 1);
    int length = snprintf(size, sizeof size, "%tx\r\n", bytes.len);
    Str parts[] = {str_of(size, length), bytes, S("\r\n")};
    return gather(conn, parts, COUNT(parts));
}

Err *reply_write(Ctx *c, Req *q, Reply *r, Str bytes) {
    HttpConn *conn = r->conn;
    assert(r->begun && !r->ended);
    if (conn->broken) FAIL(c, CANCELLED, "The client is gone.");
    if (bytes.len == 0 || has_no_body(q, r->status)) return NULL;
    if (conn->squeeze) return squeeze_feed(c, conn->squeeze, bytes, SQUEEZE_MORE, chunk_put, conn);
    TRY(chunk_put(conn, bytes));
    return reply_is_events(r) ? conn_flush(conn) : NULL;
}

Err *reply_flush(Ctx *c, Req *q, Reply *r) {
    HttpConn *conn = r->conn;
    assert(r->begun && !r->ended);
    if (conn->squeeze && !has_no_body(q, r->status))
        TRY(squeeze_feed(c, conn->squeeze, S(""), SQUEEZE_FLUSH, chunk_put, conn));
    return conn_flush(conn);
}

static Err *stream_finish(Ctx *c, HttpConn *conn) {
    Reply *r = &conn->r;
    static const Str last = S_INIT("0\r\n\r\n");
    if (r->cut) {
        TRY(conn_flush(conn));
        FAIL(c, CANCELLED, "The stream was cut.");
    }
    if (!has_no_body(&conn->q, r->status)) {
        if (conn->squeeze) TRY(squeeze_feed(c, conn->squeeze, S(""), SQUEEZE_END, chunk_put, conn));
        if (conn->q.minor == 1) TRY(gather(conn, &last, 1));
    }
    r->ended = true;
    return conn_flush(conn);
}

Err *reply_finish(Ctx *c, HttpConn *conn) {
    const Reply *r = &conn->r;
    if (r->begun) return r->ended ? NULL : stream_finish(c, conn);
    return r->file ? file_finish(c, conn) : text_finish(c, conn);
}
