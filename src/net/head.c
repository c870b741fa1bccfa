/* SPDX-License-Identifier: Apache-2.0
 * The head of a reply, rendered in one pass into room that head_room has measured: this is the hot
 * path of every request, so it copies bytes and formats nothing. */
#include "net/server.h"

/* X(status, reason) */
#define STATUSES(X)                                                                                \
    X(200, "OK")                                                                                   \
    X(201, "Created")                                                                              \
    X(202, "Accepted")                                                                             \
    X(204, "No Content") X(206, "Partial Content") X(207, "Multi-Status") X(301,                   \
                                                                            "Moved Permanently")   \
        X(302, "Found") X(303, "See Other") X(304, "Not Modified") X(307, "Temporary Redirect") X( \
            308, "Permanent Redirect") X(400, "Bad Request") X(401, "Unauthorized")                \
            X(402, "Payment Required") X(403, "Forbidden") X(404, "Not Found") X(                  \
                405, "Method Not Allowed") X(406, "Not Acceptable") X(408, "Request Timeout")      \
                X(409, "Conflict") X(410, "Gone") X(411, "Length Required") X(                     \
                    412, "Precondition Failed") X(413, "Content Too Large") X(414, "URI Too Long") \
                    X(415, "Unsupported Media Type") X(416, "Range Not Satisfiable")               \
                        X(417, "Expectation Failed") X(421, "Misdirected Request")                 \
                            X(422, "Unprocessable Content") X(423, "Locked") X(425, "Too Early")   \
                                X(426, "Upgrade Required") X(428, "Precondition Required")         \
                                    X(429, "Too Many Requests")                                    \
                                        X(431, "Request Header Fields Too Large")                  \
                                            X(451, "Unavailable For Legal Reasons")                \
                                                X(500, "Internal Server Error") X(                 \
                                                    501, "Not Implemented") X(502, "Bad Gateway")  \
                                                    X(503, "Service Unavailable")                  \
                                                        X(504, "Gateway Timeout")                  \
                                                            X(505, "HTTP Version Not Supported")   \
                                                                X(507, "Insufficient Storage")

enum { STATUS_LINE_MAX = 64 };

Str status_line(int status) {
    switch (status) {
#define X(number, reason) \
    case number: return S("HTTP/1.1 " #number " " reason "\r\n");
        STATUSES(X)
#undef X
    default: return (Str){0};
    }
}

typedef struct DateCache {
    int64_t second;
    char line[40];
    ptrdiff_t length;
} DateCache;

static char *put(char *at, Str s) {
    if (s.len) memcpy(at, s.data, (size_t)s.len);
    return at + s.len;
}

static char *put_number(char *at, int64_t value) {
    char digits[20];
    int n = 0;
    assert(value >= 0);
    do digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n > 0) *at++ = digits[--n];
    return at;
}

static char *put_two(char *at, int value) {
    *at++ = (char)('0' + value / 10);
    *at++ = (char)('0' + value % 10);
    return at;
}

static char *put_date(char *at, Time t) {
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    Civil c = time_civil(t);
    at = put(at, str_of(days + 3 * time_weekday(t), 3));
    at = put(at, S(", "));
    at = put_two(at, c.day);
    *at++ = ' ';
    at = put(at, str_of(months + 3 * (c.month - 1), 3));
    *at++ = ' ';
    at = put_two(at, c.year / 100);
    at = put_two(at, c.year % 100);
    *at++ = ' ';
    at = put_two(at, c.hour);
    *at++ = ':';
    at = put_two(at, c.minute);
    *at++ = ':';
    at = put_two(at, c.second);
    return put(at, S(" GMT"));
}

/* A thread's own, because every loop writes it once a second and reads it for every reply. */
Str date_now(void) {
    static _Thread_local DateCache cache;
    Time now = time_now();
    int64_t second = now.us / US_PER_SECOND;
    if (second != cache.second || cache.length == 0) {
        cache.second = second;
        cache.length = put_date(cache.line, now) - cache.line;
    }
    return str_of(cache.line, cache.length);
}

ptrdiff_t head_room(const Reply *r, const HeadInfo *info) {
    enum { FIXED = 512 }; /* every line of ours at its longest: see head_render */
    return FIXED + info->content_type.len + info->content_range.len + info->disposition.len +
           r->etag.len + r->common_headers.len + r->headers.len;
}

static char *put_line(char *at, Str name, Str value) {
    at = put(at, name);
    at = put(at, value);
    return put(at, S("\r\n"));
}

static char *put_status(char *at, int status) {
    Str line = status_line(status);
    if (line.data) return put(at, line);
    assert(status >= 200 && status <= 599);
    at = put(at, S("HTTP/1.1 "));
    at = put_number(at, status);
    return put(at, S(" \r\n"));
}

/* Types and tags may come from a database that a client filled: a line end in one would let it
 * write headers of its own. */
static char *put_foreign(char *at, Str name, Str value) {
    return http1_is_field_value(value) ? put_line(at, name, value) : at;
}

static char *put_validators(char *at, const Reply *r, const HeadInfo *info) {
    if (r->etag.len) at = put_foreign(at, S("ETag: "), r->etag);
    if (!time_is_null(r->last_modified)) {
        at = put(at, S("Last-Modified: "));
        at = put(put_date(at, r->last_modified), S("\r\n"));
    }
    if (info->vary) at = put(at, S("Vary: Accept-Encoding\r\n"));
    return at;
}

static char *put_content(char *at, const Reply *r, const HeadInfo *info) {
    if (info->content_type.len && r->status != 204 && r->status != 304)
        at = put_foreign(at, S("Content-Type: "), info->content_type);
    if (info->encoding != ENCODING_NONE)
        at = put_line(at, S("Content-Encoding: "), encoding_name(info->encoding));
    if (info->length == -1) return put(at, S("Transfer-Encoding: chunked\r\n"));
    if (info->length < 0 || r->status == 204 || r->status == 304) return at;
    at = put(at, S("Content-Length: "));
    return put(put_number(at, info->length), S("\r\n"));
}

ptrdiff_t head_render(const HttpConn *conn, const HeadInfo *info, char *to) {
    const Reply *r = &conn->r;
    char *at = put_status(to, r->status);
    at = put_line(at, S("Date: "), date_now());
    at = put_content(at, r, info);
    at = put_validators(at, r, info);
    if (info->accept_ranges) at = put(at, S("Accept-Ranges: bytes\r\n"));
    if (info->content_range.len) at = put_line(at, S("Content-Range: "), info->content_range);
    if (info->disposition.len) at = put_line(at, S("Content-Disposition: "), info->disposition);
    if (conn_closes(conn))
        at = put(at, S("Connection: close\r\n"));
    else if (conn->q.minor == 0)
        at = put(at, S("Connection: keep-alive\r\n"));
    at = put(at, r->common_headers);
    at = put(at, buf_str(&r->headers));
    at = put(at, S("\r\n"));
    assert(at - to <= head_room(r, info));
    return at - to;
}
