/* SPDX-License-Identifier: Apache-2.0
 * What the files of the HTTP server share. Nobody outside net/ includes this.
 *
 *   conn.c      a connection: heads, the handler, what comes after it
 *   body.c      request bodies            query.c    headers, parameters, cookies
 *   reply.c     replies: which, and how   head.c     the bytes of a reply's head
 *   file.c      files and ranges          etag.c     conditional requests
 *   compress.c  gzip and brotli           proxy.c    who the client is
 *   http.c      the server: options, start, stop */
#ifndef SOCLE_NET_SERVER_H
#define SOCLE_NET_SERVER_H

#include <stdatomic.h>

#include "net/http1.h"

enum {
    OUT_BYTES =
        16 * 1024, /* replies to pipelined requests, or small writes of a stream, gathered */
    SMALL_BODY = 4 * 1024,    /* a body up to this is copied behind its head */
    WRITE_PIECE = 128 * 1024, /* what a client must take within write_timeout_ms */
    DRAIN_MAX = 64 * 1024,    /* of a body nobody read, to keep the connection */
    COMPRESS_MIN = 1024,
    COMPRESS_ON_LOOP_MAX = 64 * 1024,
    INPUT_BYTES = 16 * 1024 /* of a stream's input buffer, before it grows */
};

typedef enum Encoding { ENCODING_NONE, ENCODING_GZIP, ENCODING_BROTLI } Encoding;

/* An address with its prefix length; IPv4 as ::ffff:a.b.c.d. */
typedef struct Network {
    uint8_t bytes[16];
    int bits;
} Network;

typedef struct Networks {
    Network *items;
    ptrdiff_t count;
    bool unix_socket;
} Networks;

struct HttpServer {
    HttpOptions options;
    Networks trusted;
    Listener *listener;
    Arena *arena;
    Str refusal; /* the answer to a connection too many */
    _Atomic int64_t connections;
    atomic_bool stopping;
    HttpConn *first[LOOPS_MAX]; /* of each loop; only that loop's thread looks */
};

/* The body of the present request. */
typedef struct BodyIn {
    Str place;    /* all of it, where it already lies in the stream's buffer */
    int64_t left; /* of an announced length */
    Chunked chunked;
    bool in_place, started, ended;
    bool failed; /* cut, malformed, too large or too slow: the connection cannot go on */
    bool owes_continue;
    int64_t received, waited_us;
    struct BodyParts *parts; /* what body_json took out of it */
} BodyIn;

struct HttpConn {
    HttpConn *prev, *next;
    HttpServer *server;
    Ctx *c;
    Coro *coro; /* c->coro may be lent to another thread */
    Stream *stream;
    Str peer;
    bool peer_trusted;
    ptrdiff_t input_cap;

    Req q;
    Reply r;
    bool keep_alive; /* as far as the client and the request's shape go */
    bool idle;       /* between requests, with nothing of the next one here */
    bool broken;     /* nothing more can be said: a write failed, or the connection broke */
    bool sending_file;
    bool handling;   /* the handler runs: it is to hear when its client goes away */
    Timer *probe;    /* while it does and the client has ended its side: see client_ended */
    ptrdiff_t
        taken; /* bytes of the stream's buffer that belong to the request and are consumed after it */
    BodyIn body;

    Defer *defers; /* those of the connection itself */
    Arena *out_arena;
    char *out; /* OUT_BYTES, from when they are first needed: conn_room */
    ptrdiff_t out_len;
    bool gather; /* another whole head is here already: this reply may wait for its company */

    struct Squeeze *squeeze; /* of a compressed stream */
    bool upgraded;
    void (*on_stop)(void *arg); /* for the protocol that took over: the server stops */
    void *on_stop_arg;
};

/* conn.c */
void conn_serve(Ctx *c, Stream *s, void *arg);
void conn_stop(HttpConn *conn);
/* Write what is gathered. */
MUST_USE Err *conn_flush(HttpConn *conn);
/* Where `bytes` more can be gathered (then add to out_len); NULL if they do not fit. */
char *conn_room(HttpConn *conn, ptrdiff_t bytes);
/* Write after what is gathered; each WRITE_PIECE has write_timeout_ms, whatever c's own
 * deadline. */
MUST_USE Err *conn_write(HttpConn *conn, const Str *parts, ptrdiff_t count);
/* A part of a file, for as long as its reader takes some of it every file_timeout_ms. */
MUST_USE Err *conn_sendfile(HttpConn *conn, int fd, int64_t from, int64_t len);
/* Has the client gone meanwhile? Then the handler is cancelled. */
void conn_client_check(HttpConn *conn);
/* Will the connection be closed after this reply? Decides the head's Connection. */
bool conn_closes(const HttpConn *conn);

/* body.c */
void body_begin(HttpConn *conn, int64_t length, bool owes_continue);
/* Read away what the handler left; false if the connection must be closed instead. */
bool body_drain(Ctx *c, HttpConn *conn);
/* Could body_drain succeed? */
bool body_drainable(const HttpConn *conn);

/* query.c */
Method method_parse(Str text);
/* Decode a path; false for malformed escapes, invalid UTF-8, NUL and dot segments. */
MUST_USE bool path_decode(Arena *arena, Str raw, Str *out);

/* proxy.c */
MUST_USE bool networks_parse(Arena *arena, Str list, Networks *out);
bool networks_have(const Networks *networks, Str address);
/* Fill client_ip and https from what a trusted proxy says. */
void proxy_apply(const HttpConn *conn, Req *q);

/* etag.c; etag_of is in http.h. */
/* The same ETag for another encoding: "abc" becomes "abc-gz". */
Str etag_encoded(Arena *arena, Str etag, Encoding encoding);
/* Does a list (If-Match, If-None-Match) hold the tag, or is it `*`? */
bool etag_listed(Str list, Str etag, bool weakly);
/* What the conditional headers ask for: 0 (go on), 304 or 412. */
int precondition(const Req *q, Str etag, Time modified);

/* compress.c */
bool compressible(Str content_type);
Encoding encoding_choose(Str accept_encoding);
bool encoding_takes_gzip(Str accept_encoding);
Str encoding_name(Encoding encoding);
/* A whole text at once, in c's arena; on a pool thread when it is large. */
MUST_USE Err *compress_text(Ctx *c, Encoding encoding, Str text, Str *out);
/* A whole gzip text of our own making (its length is believed), likewise. */
MUST_USE Err *gzip_unpack(Ctx *c, Str packed, Str *out);
typedef struct Squeeze Squeeze;
Squeeze *squeeze_open(Ctx *c, Encoding encoding); /* closed when c ends */
/* Feed `in` and give every run of output to `put`; flush or end as asked. */
typedef enum SqueezeMode { SQUEEZE_MORE, SQUEEZE_FLUSH, SQUEEZE_END } SqueezeMode;
MUST_USE Err *squeeze_feed(Ctx *c, Squeeze *s, Str in, SqueezeMode mode,
                           Err *(*put)(HttpConn *conn, Str out), HttpConn *conn);

/* head.c */
typedef struct HeadInfo {
    int64_t length; /* Content-Length; -1: chunked; -2: neither, the end closes */
    Encoding encoding;
    bool vary, accept_ranges;
    Str content_type, content_range, disposition;
} HeadInfo;
Str status_line(int status);
Str date_now(void); /* of this thread, good for the present second */
/* How long the head can be at most, and the head itself at `to`; returns its length. */
ptrdiff_t head_room(const Reply *r, const HeadInfo *info);
ptrdiff_t head_render(const HttpConn *conn, const HeadInfo *info, char *to);

/* reply.c */
void reply_init(HttpConn *conn);
bool reply_is_events(const Reply *r);        /* text/event-stream */
void reply_refuse(HttpConn *conn, Err *err); /* asks options.refuse, or makes a plain problem */
MUST_USE Err *reply_finish(Ctx *c, HttpConn *conn);
/* Head and body parts, gathered or written at once. */
MUST_USE Err *reply_send(HttpConn *conn, const HeadInfo *info, Str body);

/* file.c */
typedef struct ReplyFile ReplyFile;
MUST_USE Err *file_finish(Ctx *c, HttpConn *conn);

#endif
