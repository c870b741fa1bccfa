/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1.1 server (RFC 9110, 9112): connections, strict parsing, bodies both ways, ranges,
 * conditional requests, compression. It knows nothing about routes: one handler answers everything.
 *
 * A connection is one coroutine: read a head, call the handler, write the reply, again. Every
 * request gets a fresh deadline and an emptied arena. */
#ifndef SOCLE_NET_HTTP_H
#define SOCLE_NET_HTTP_H

#include "core/time.h"
#include "rt/io.h"

typedef enum Method {
    METHOD_GET = 1 << 0,
    METHOD_HEAD = 1 << 1,
    METHOD_POST = 1 << 2,
    METHOD_PUT = 1 << 3,
    METHOD_PATCH = 1 << 4,
    METHOD_DELETE = 1 << 5,
    METHOD_OPTIONS = 1 << 6,
    METHOD_OTHER = 1 << 7
} Method;
const char *method_name(Method method);

typedef struct Header {
    Str name, value; /* value trimmed, bytes as received */
} Header;

typedef struct HttpConn HttpConn;

/* A request. Texts are borrowed from the connection's input until the handler returns. */
typedef struct Req {
    HttpConn *conn;
    Method method;
    Str method_text;
    Str target; /* as received */
    Str path;   /* percent-decoded, valid UTF-8, dot segments refused */
    Str query;  /* raw, without '?' */
    int minor;  /* HTTP/1.minor */
    Header *headers;
    ptrdiff_t header_count;
    Str host;
    Str client_ip;        /* the peer's, or X-Forwarded-For's from a trusted proxy */
    bool https;           /* X-Forwarded-Proto from a trusted proxy */
    int64_t body_length;  /* -1: chunked, 0: none */
    int64_t started_us;   /* monotonic */
    ptrdiff_t body_limit; /* bytes; the router may change it before the body is read */
    const void *route;    /* for whoever dispatches */
} Req;

/* First header of that name (case ignored), null Str if absent. */
Str req_header(const Req *q, Str name);
/* Query parameter, percent- and plus-decoded into c's arena; null Str if absent. Malformed escapes
 * and invalid UTF-8 are found by req_query_valid, which the router calls first. */
Str req_query(Ctx *c, const Req *q, Str name);
bool req_query_valid(const Req *q);
/* Iterate over all parameters: start with *cursor = 0. */
bool req_query_next(Ctx *c, const Req *q, ptrdiff_t *cursor, Str *name, Str *value);
/* Cookie by name; null Str if absent. */
Str req_cookie(const Req *q, Str name);
/* Does If-Match allow a change of what has this ETag (with its quotes)? True without If-Match. The
 * suffix by which a compressed answer's ETag differs is looked through: clients send back what they
 * got. */
bool req_if_match(const Req *q, Str etag);
/* The ETag that a 200 with this body gets when its reply has none. */
Str etag_of(Arena *arena, Str body);

/* The body. The first read answers Expect: 100-continue. Bodies not read by the handler are drained
 * (up to 64 KiB) or the connection is closed. *n = 0 at the end. TOO_LARGE beyond q->body_limit
 * (known at once when the length was announced), REQUEST_TIMEOUT when the client is too slow,
 * BAD_REQUEST when cut short. */
MUST_USE Err *body_read(Ctx *c, Req *q, char *to, ptrdiff_t cap, ptrdiff_t *n);
/* All of it, for as long as the request lives; the route's limit must be small enough. */
MUST_USE Err *body_all(Ctx *c, Req *q, Str *out);
/* Lines of a body without their ends, one at a time, whatever its size; null Str at the end.
 * TOO_LARGE for a line over `max` bytes. */
typedef struct LineReader {
    char *data;
    ptrdiff_t len, start, cap;
    bool ended;
} LineReader;
MUST_USE Err *body_line(Ctx *c, Req *q, LineReader *lines, ptrdiff_t max, Str *line);

/* multipart/form-data (RFC 7578; MEDIA_TYPE for anything else): parts one at a time; what is not
 * read of one is skipped by the next. A file name is what the client says, never a path to
 * trust. */
typedef struct Part {
    Str name, filename, content_type; /* filename and content_type null when not given */
} Part;
typedef struct Multipart Multipart;
MUST_USE Err *multipart_open(Ctx *c, Req *q, Multipart **out);
MUST_USE Err *multipart_next(Ctx *c, Multipart *m, Part *part, bool *more);
MUST_USE Err *multipart_read(Ctx *c, Multipart *m, char *to, ptrdiff_t cap, ptrdiff_t *n);

/* For whoever gives the same text again: its compressed forms, so that each is made once. `encoding`
 * is a number to tell them apart, from 1 to TEXT_FORMS - 1. */
enum { TEXT_FORMS = 3 };
typedef struct TextForms {
    Str (*find)(Ctx *c, void *arg, int encoding); /* null: not there; else good until c's end */
    void (*keep)(void *arg, int encoding, Str bytes);
    void *arg;
} TextForms;

/* A reply: status and headers, then either one text, a file, or a stream. */
typedef struct Reply {
    HttpConn *conn;
    int status;         /* 200 unless set */
    Str content_type;   /* default application/json */
    Str common_headers; /* lines rendered once for every answer, each with CRLF */
    Buf headers;        /* further lines, each with CRLF: by reply_header */
    Str body;           /* of a text reply */
    Str etag;           /* with its quotes; if null, a 200 to GET gets one made of its body */
    Time last_modified; /* TIME_NULL: none */
    bool no_etag, no_compress, no_body;
    const TextForms *forms; /* of body; NULL: it is compressed anew when it is wanted so */
    bool close;             /* close the connection after it */
    bool cut;               /* a stream failed: end the connection without the stream's end */
    bool begun, ended;      /* the head is out; the whole is out */
    int64_t sent_bytes;
    struct ReplyFile *file;
} Reply;

void reply_header(Reply *r, Str name, Str value);
/* Status and JSON text. */
void reply_json(Reply *r, int status, Str json);
void reply_text(Reply *r, int status, Str content_type, Str text);
/* 200 with a text that is held gzipped (an embedded page): as it is to whoever takes gzip, unpacked
 * to others. `tag` names the text, without quotes; each encoding gets an ETag of its own. May wait
 * (large texts are unpacked on a pool thread). */
MUST_USE Err *reply_gzipped(Ctx *c, const Req *q, Reply *r, Str content_type, Str packed, Str tag);
/* A file, with ranges (206, 416, multipart/byteranges, If-Range), conditional headers and sendfile.
 * The descriptor stays the caller's, open until c ends. download_name: Content-Disposition (null: inline). */
void reply_file(Ctx *c, Reply *r, int fd, int64_t size, Str content_type, Str etag, Time modified,
                Str download_name);
/* After reply_file: which part of the file this answer will begin with. False when none of it goes
 * out (304, 412, 416). Of HEAD: as if it were a GET without Range. */
bool reply_file_begins(Reply *r, int64_t *from, int64_t *length);
/* A stream: reply_begin sends the head, then any number of writes, which wait for the client; the
 * server ends it when the handler returns. Whoever fails after reply_begin sets r->cut: the client
 * then sees that the answer is not whole. Compressed when the type is text and the client accepts
 * it. Small writes are gathered, except those of text/event-stream, which go out one by one. */
MUST_USE Err *reply_begin(Ctx *c, Req *q, Reply *r);
MUST_USE Err *reply_write(Ctx *c, Req *q, Reply *r, Str bytes);
MUST_USE Err *reply_flush(Ctx *c, Req *q, Reply *r); /* what is held back goes out */
/* The connection's stream, for protocols that take over (WebSocket): the server does nothing more
 * with it than close it when the handler returns. */
Stream *reply_upgrade(Reply *r);

typedef struct HttpServer HttpServer;

typedef struct HttpOptions {
    Str address;                /* HOST:PORT or unix:/path */
    int64_t max_connections;    /* all loops together */
    int64_t head_timeout_ms;    /* whole head, from its first byte: 10 s */
    int64_t idle_timeout_ms;    /* between requests: 75 s */
    int64_t body_rate_bytes_s;  /* slowest allowed body: 1 KiB/s … */
    int64_t body_grace_ms;      /* … after 10 s of waiting for it */
    int64_t write_timeout_ms;   /* a client that takes nothing for so long is cut off: 30 s */
    int64_t file_timeout_ms;    /* the same of a file, whose reader may be a player that is paused:
                                 * 10 min, but as above when nine tenths of max_connections are
                                 * open */
    int64_t request_timeout_ms; /* handler's deadline: 60 s; streams set their own */
    ptrdiff_t head_limit;       /* 431 beyond: 32 KiB; the request line alone 414 beyond 8 KiB */
    ptrdiff_t body_limit;       /* default of Req.body_limit: 10 MiB */
    ptrdiff_t budget_bytes;     /* of a request's arena */
    Str trusted_proxies;        /* addresses, CIDR, `unix` for a Unix socket; comma-separated */
    struct App *app;
    void *arg; /* for handle and refuse: http_options(q)->arg */
    /* Answer the request. Never fails: errors are replies (see api/). */
    void (*handle)(Ctx *c, Req *q, Reply *r);
    /* Fill r for an error found before the handler (bad request line, limits), or for a handler
     * that went over its budget. q may be half-filled. NULL: a plain problem+json. */
    void (*refuse)(Ctx *c, Req *q, Reply *r, Err *err);
    /* A request is over: its reply is out (r->status is what was said), or its client is gone. c
     * still has its route and account. For counting and logging: must not wait. NULL: nobody
     * asks. */
    void (*done)(Ctx *c, const Req *q, const Reply *r);
} HttpOptions;

/* Limits left 0 get the values named above. Errors: a bad address or proxy list (INVALID), a port
 * in use (UNAVAILABLE). The server lives as long as the process. */
MUST_USE Err *http_start(Ctx *c, HttpOptions options, HttpServer **out);
/* Stop accepting; idle connections close, busy ones after their reply, WebSocket sessions with
 * 1001. */
void http_stop(HttpServer *server);
bool http_stopping(const HttpServer *server);
/* Once every loop has ended (after rt_close). */
void http_free(HttpServer *server);
int http_port(const HttpServer *server);
int64_t http_connections(const HttpServer *server);
const HttpOptions *http_options(const Req *q);

#endif
