/* SPDX-License-Identifier: Apache-2.0
 * Input and output for coroutines: TCP and Unix streams, listeners, readiness of foreign
 * descriptors, files (through libuv's own thread pool). Every wait obeys c's deadline. */
#ifndef SOCLE_RT_IO_H
#define SOCLE_RT_IO_H

#include "rt/coro.h"

typedef struct Stream Stream;
typedef struct Listener Listener;

/* Accept connections on host:port (or `unix:/path`) on every loop (SO_REUSEPORT). `serve` runs as a
 * coroutine per connection on the loop that accepted it and owns the stream until it returns (it is
 * closed then). At most max_connections per loop: beyond it, `refuse` (if not NULL) gives bytes that
 * are written before the connection is closed. Returns after the sockets listen. */
typedef struct ListenOptions {
    const char *name;
    Str address;
    int64_t max_connections; /* per loop */
    ptrdiff_t budget_bytes;  /* of a connection's arena */
    Str refuse;
    struct App *app;
    void (*serve)(Ctx *c, Stream *s, void *arg);
    void *arg;
} ListenOptions;
MUST_USE Err *listen_start(Ctx *c, ListenOptions options, Listener **out);
/* Stop accepting, on every loop. Connections go on. */
void listen_stop(Listener *listener);
/* The port in use (after asking for port 0). */
int listen_port(const Listener *listener);
int64_t listen_connections(const Listener *listener);

MUST_USE Err *stream_connect(Ctx *c, Str host, int port, Stream **out);
/* The same, only to an address that `allowed` takes: of what the name stands for, looked up once, the
 * first that it takes is the one connected to. FORBIDDEN when it takes none. */
MUST_USE Err *stream_connect_allowed(Ctx *c, Str host, int port,
                                     bool (*allowed)(const struct sockaddr *address), Stream **out);
void stream_close(Stream *s);
/* Read what is there, at least one byte; *n = 0 at the end of the stream. The bytes stay in the
 * stream's own buffer until stream_consume: see stream_buffer. */
MUST_USE Err *stream_fill(Ctx *c, Stream *s, ptrdiff_t *n);
/* Make the present stream_fill, or the next one, return with *n = 0 although the stream has not ended:
 * for a reader that other coroutines of this loop have news for. */
void stream_poke(Stream *s);
/* What has arrived and not been consumed. Borrowed until the next fill or consume. */
Str stream_buffer(const Stream *s);
void stream_consume(Stream *s, ptrdiff_t n);
/* The input buffer holds 16 KiB; growing it (up to limit) lets a longer head or line stay whole. */
bool stream_buffer_grow(Stream *s, ptrdiff_t limit);
/* Copy up to cap bytes out; waits when nothing is there. *n = 0 at the end. */
MUST_USE Err *stream_read(Ctx *c, Stream *s, char *to, ptrdiff_t cap, ptrdiff_t *n);
/* Write all parts, in order, waiting as the peer takes them. */
MUST_USE Err *stream_write(Ctx *c, Stream *s, const Str *parts, ptrdiff_t count);
/* Send bytes [from, from+len) of an open file by sendfile(2): as many as the peer takes now, at least
 * one (*sent), waiting for the first. */
MUST_USE Err *stream_sendfile(Ctx *c, Stream *s, int fd, int64_t from, int64_t len, int64_t *sent);
/* A present stream_sendfile that waits for the peer ends its wait, with *sent = 0. */
void stream_poke_sender(Stream *s);
void stream_shutdown(Stream *s);
bool stream_ended(const Stream *s); /* the peer closed, or an error was seen */
bool stream_broken(const Stream *s); /* nothing reaches the peer any more */
/* fn(arg, broken) runs in the loop when the peer ends its side (broken false: it may still listen) or
 * the connection breaks; it must not wait. Noticed while the input buffer has room. NULL: nobody
 * asks. */
void stream_on_end(Stream *s, void (*fn)(void *arg, bool broken), void *arg);
/* After the peer has ended its side: fn is also to hear when the connection breaks. */
void stream_watch_break(Stream *s);
/* Write without waiting: all of it, or (false) nothing. */
bool stream_write_now(Stream *s, Str bytes);
/* Write parts (at most STREAM_PUSH_MAX) without waiting, while no earlier write is under way
 * (stream_idle); what the kernel does not take is copied and follows by itself. False when the
 * connection is broken. */
enum { STREAM_PUSH_MAX = 64 };
bool stream_idle(const Stream *s);
bool stream_push(Stream *s, const Str *parts, ptrdiff_t count);
Str stream_peer(Stream *s, Arena *arena); /* "127.0.0.1", "::1" or "unix" */

/* Wait until a foreign descriptor is readable/writable (libpq, libcurl). Bits of UV_READABLE|UV_WRITABLE. */
typedef struct FdWatch FdWatch;
FdWatch *fd_watch_new(int fd); /* on this loop */
MUST_USE Err *fd_wait(Ctx *c, FdWatch *w, int events, int *got);
/* Callback form, for adapters: fn runs in the loop each time. events 0 stops. */
void fd_watch_start(FdWatch *w, int events, void (*fn)(void *arg, int events), void *arg);
void fd_watch_free(FdWatch *w);

/* A timer for adapters: calls fn once after ms. */
typedef struct Timer Timer;
Timer *timer_new(void (*fn)(void *arg), void *arg); /* on this loop, not started */
void timer_start(Timer *t, int64_t ms);
void timer_stop(Timer *t);
void timer_free(Timer *t);

/* Files. Paths are UTF-8. Errors: NOT_FOUND, STORAGE_FULL, INTERNAL with the reason. */
MUST_USE Err *file_open(Ctx *c, Str path, int flags, int mode, int *fd);
MUST_USE Err *file_read(Ctx *c, int fd, void *to, ptrdiff_t cap, int64_t at, ptrdiff_t *n); /* at < 0: current position */
MUST_USE Err *file_write(Ctx *c, int fd, const void *from, ptrdiff_t len, int64_t at);      /* all of it */
MUST_USE Err *file_sync(Ctx *c, int fd);
void file_close(int fd);
MUST_USE Err *file_read_all(Ctx *c, Str path, ptrdiff_t max, Str *out);
/* Write beside, fsync, rename over, fsync the folder: the file is old or new, never half. */
MUST_USE Err *file_replace(Ctx *c, Str path, Str bytes);
MUST_USE Err *file_remove(Ctx *c, Str path); /* absent is good */
MUST_USE Err *dir_make(Ctx *c, Str path);    /* with parents; existing is good */

#endif
