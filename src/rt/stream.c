/* SPDX-License-Identifier: Apache-2.0
 * TCP and Unix streams. Reading is always on while there is room in the input buffer: bytes that come
 * while the owner is busy wait there, and a peer that goes away is noticed. Writing tries at once and
 * waits only for what the kernel did not take. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "core/time.h"
#include "rt/stream_internal.h"

enum { INPUT_USUAL = 16 * 1024 };

/* -- input ----------------------------------------------------------------------------------------- */

static ptrdiff_t input_room(const Stream *s) { return s->cap - s->end; }

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    Stream *s = handle->data;
    if (!s->input) {
        s->input = malloc(INPUT_USUAL);
        if (!s->input) abort();
        s->cap = INPUT_USUAL;
    }
    *buf = uv_buf_init(s->input + s->end, (unsigned)input_room(s));
}

static void wake_reader(Stream *s) {
    if (s->reader) coro_wake(s->reader);
    s->reader = NULL;
}

/* By libuv, as it closes its own: a thread sanitizer that saw only some of the closes would take a
 * number that is used again for a descriptor that is shared. */
static void fd_close(int fd) {
    uv_fs_t req;
    if (fd < 0) return;
    uv_fs_close(NULL, &req, fd, NULL);
    uv_fs_req_cleanup(&req);
}

static int fd_double(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 0); }

static void end_watch_stop(Stream *s) {
    fd_watch_free(s->end_watch);
    fd_close(s->end_fd);
    s->end_watch = NULL;
    s->end_fd = -1;
}

/* After the end of what it sends, the only news from a peer is that it is gone altogether. */
static void on_gone(void *arg, int events) {
    Stream *s = arg;
    (void)events;
    end_watch_stop(s);
    s->failed = true;
    wait_wake_all(&s->writers);
    if (s->on_end) s->on_end(s->on_end_arg, true);
}

/* Errors are always told; asking for urgent data, which cannot come any more, asks for nothing else.
 * On a duplicate descriptor, because the stream's own handle has given up on the socket. */
void stream_watch_break(Stream *s) {
    uv_os_fd_t fd;
    if (!s->ended || s->failed || s->closing || s->end_watch || uv_fileno((uv_handle_t *)&s->handle.stream, &fd) != 0) return;
    s->end_fd = fd_double(fd);
    if (s->end_fd < 0) return; /* it will be noticed by writing */
    s->end_watch = fd_watch_new(s->end_fd);
    fd_watch_start(s->end_watch, UV_PRIORITIZED, on_gone, s);
}

static void input_ended(Stream *s, bool failed) {
    s->ended = true;
    s->failed = failed;
    uv_read_stop(&s->handle.stream);
    s->reading = false;
    if (failed) wait_wake_all(&s->writers);
    if (s->on_end) s->on_end(s->on_end_arg, failed);
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf) {
    (void)buf;
    Stream *s = handle->data;
    if (n == 0) return;
    if (n < 0) {
        input_ended(s, n != UV_EOF);
    } else {
        s->end += n;
        if (input_room(s) == 0) {
            uv_read_stop(handle);
            s->reading = false;
        }
    }
    wake_reader(s);
}

static void input_pack(Stream *s) {
    if (s->start == 0) return;
    memmove(s->input, s->input + s->start, (size_t)(s->end - s->start));
    s->end -= s->start;
    s->start = 0;
}

/* Without moving what is there: somebody may hold a part of it. */
static void reading_resume(Stream *s) {
    if (s->reading || s->ended || (s->cap && input_room(s) == 0)) return;
    if (uv_read_start(&s->handle.stream, on_alloc, on_read) == 0) s->reading = true;
    else s->ended = s->failed = true;
}

static void reading_on(Stream *s) {
    if (s->reading || s->ended) return;
    if (s->cap && input_room(s) == 0) input_pack(s);
    reading_resume(s);
}

Str stream_buffer(const Stream *s) { return (Str){s->input ? s->input + s->start : "", s->end - s->start}; }

void stream_consume(Stream *s, ptrdiff_t n) {
    assert(n >= 0 && n <= s->end - s->start);
    s->start += n;
    if (s->start == s->end) s->start = s->end = 0;
    if (s->on_end) reading_resume(s);
}

bool stream_buffer_grow(Stream *s, ptrdiff_t limit) {
    if (s->cap >= limit) return false;
    ptrdiff_t cap = min_size(max_size(s->cap * 2, INPUT_USUAL), limit);
    if (s->reading) uv_read_stop(&s->handle.stream);
    s->reading = false;
    input_pack(s);
    s->input = realloc(s->input, (size_t)cap);
    if (!s->input) abort();
    s->cap = cap;
    return true;
}

Err *stream_fill(Ctx *c, Stream *s, ptrdiff_t *n) {
    ptrdiff_t before = s->end - s->start;
    assert(!s->reader);
    Wake wake = WAKE_DONE;
    reading_on(s);
    assert(s->reading || s->ended); /* a full buffer must be consumed or grown first */
    while (s->end - s->start == before && !s->ended && !s->poked && wake == WAKE_DONE) {
        s->reader = c->coro;
        wake = coro_wait(c);
        s->reader = NULL;
    }
    *n = s->end - s->start - before;
    bool poked = s->poked && *n == 0 && !s->ended;
    if (poked) s->poked = false;
    if (*n > 0 || poked || (s->ended && !s->failed)) return NULL;
    if (s->failed) FAIL(c, CANCELLED, "The connection broke.");
    return wake_err(c, wake, __func__);
}

void stream_poke(Stream *s) {
    s->poked = true;
    wake_reader(s);
}

Err *stream_read(Ctx *c, Stream *s, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    assert(cap > 0);
    if (s->start == s->end) TRY(stream_fill(c, s, n));
    *n = min_size(cap, s->end - s->start);
    if (*n) memcpy(to, s->input + s->start, (size_t)*n);
    stream_consume(s, *n);
    reading_on(s);
    return NULL;
}

bool stream_ended(const Stream *s) { return s->ended; }
bool stream_broken(const Stream *s) { return s->failed; }

void stream_on_end(Stream *s, void (*fn)(void *arg, bool broken), void *arg) {
    s->on_end = fn;
    s->on_end_arg = arg;
    if (fn) reading_resume(s);
    else end_watch_stop(s);
}

/* -- output ---------------------------------------------------------------------------------------- */

typedef struct WriteWait {
    uv_write_t req;
    Coro *co;
    int status;
    bool done;
    char *copy; /* what the kernel has not taken: the caller's memory may go when it gives up waiting */
} WriteWait;

static void on_written(uv_write_t *req, int status) {
    WriteWait *w = req->data;
    w->status = status;
    w->done = true;
    if (w->co) coro_wake(w->co);
    else {
        free(w->copy);
        free(w);
    }
}

static WriteWait *write_rest(Stream *s, const uv_buf_t *bufs, unsigned count, size_t skip) {
    size_t total = 0, at = 0;
    for (unsigned i = 0; i < count; i++) total += bufs[i].len;
    WriteWait *w = calloc(1, sizeof *w);
    if (!w || !(w->copy = malloc(total - skip))) abort();
    for (unsigned i = 0; i < count; i++) {
        size_t drop = skip < bufs[i].len ? skip : bufs[i].len;
        memcpy(w->copy + at, bufs[i].base + drop, bufs[i].len - drop);
        at += bufs[i].len - drop;
        skip -= drop;
    }
    w->req.data = w;
    uv_buf_t rest = uv_buf_init(w->copy, (unsigned)at);
    w->status = uv_write(&w->req, &s->handle.stream, &rest, 1, on_written);
    w->done = w->status != 0;
    return w;
}

static Err *write_wait(Ctx *c, WriteWait *w) {
    Wake wake = WAKE_DONE;
    w->co = c->coro;
    while (!w->done && wake == WAKE_DONE) wake = coro_wait(c);
    w->co = NULL;
    if (!w->done) return wake_err(c, wake, __func__); /* on_written frees it */
    int status = w->status;
    free(w->copy);
    free(w);
    if (status < 0) FAIL(c, CANCELLED, "The connection broke: %s.", uv_strerror(status));
    return NULL;
}

static Err *write_bufs(Ctx *c, Stream *s, uv_buf_t *bufs, unsigned count, size_t total) {
    int n = uv_try_write(&s->handle.stream, bufs, count);
    if (n == (int)total) return NULL;
    if (n < 0 && n != UV_EAGAIN) FAIL(c, CANCELLED, "The connection broke: %s.", uv_strerror(n));
    return write_wait(c, write_rest(s, bufs, count, n > 0 ? (size_t)n : 0));
}

Err *stream_write(Ctx *c, Stream *s, const Str *parts, ptrdiff_t count) {
    enum { PARTS_MAX = 16, CHUNK = 1 << 20 };
    uv_buf_t bufs[PARTS_MAX];
    unsigned used = 0;
    size_t total = 0;
    if (s->failed || s->closing) FAIL(c, CANCELLED, "The connection is closed.");
    for (ptrdiff_t i = 0; i < count; i++) {
        for (ptrdiff_t at = 0; at < parts[i].len;) { /* large parts in pieces, so that copies stay small */
            ptrdiff_t len = min_size(parts[i].len - at, CHUNK - (ptrdiff_t)total);
            bufs[used++] = uv_buf_init((char *)(uintptr_t)parts[i].data + at, (unsigned)len);
            total += (size_t)len;
            at += len;
            if (used < PARTS_MAX && total < CHUNK) continue;
            TRY(write_bufs(c, s, bufs, used, total));
            used = 0;
            total = 0;
        }
    }
    return used ? write_bufs(c, s, bufs, used, total) : NULL;
}

bool stream_write_now(Stream *s, Str bytes) {
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes.data, (unsigned)bytes.len);
    if (s->failed || s->closing) return false;
    int n = uv_try_write(&s->handle.stream, &buf, 1);
    if (n == (int)bytes.len) return true;
    if (n > 0) s->failed = true; /* a part of it is out: nothing sensible can follow */
    return false;
}

bool stream_idle(const Stream *s) {
    return !s->failed && !s->closing && s->handle.stream.write_queue_size == 0;
}

bool stream_push(Stream *s, const Str *parts, ptrdiff_t count) {
    uv_buf_t bufs[STREAM_PUSH_MAX];
    size_t total = 0;
    assert(count > 0 && count <= STREAM_PUSH_MAX);
    assert(stream_idle(s));
    for (ptrdiff_t i = 0; i < count; i++) {
        bufs[i] = uv_buf_init((char *)(uintptr_t)parts[i].data, (unsigned)parts[i].len);
        total += bufs[i].len;
    }
    int n = uv_try_write(&s->handle.stream, bufs, (unsigned)count);
    if (n == (int)total) return true;
    s->failed |= n < 0 && n != UV_EAGAIN;
    if (s->failed) return false;
    WriteWait *w = write_rest(s, bufs, (unsigned)count, n > 0 ? (size_t)n : 0);
    if (!w->done) return true; /* on_written frees it */
    free(w->copy);
    free(w);
    s->failed = true;
    return false;
}

/* The kernel would take megabytes of a file for a reader that takes nothing, and of the memory that it
 * has for all sockets of the machine: let it have what goes out at once, and this much more. */
static void unsent_bound(Stream *s, int fd) {
    int bytes = 64 * 1024;
    if (s->bounded) return;
    s->bounded = true;
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes); /* Unix sockets have their own */
}

Err *stream_sendfile(Ctx *c, Stream *s, int file, int64_t from, int64_t len, int64_t *sent) {
    enum { TURN = 512 * 1024 };
    uv_os_fd_t fd;
    assert(len > 0);
    *sent = 0;
    if (s->closing || uv_fileno((uv_handle_t *)&s->handle.stream, &fd) != 0)
        FAIL(c, CANCELLED, "The connection is closed.");
    unsent_bound(s, fd);
    for (bool waited = false;; waited = true) {
        off_t at = from;
        if (s->failed) FAIL(c, CANCELLED, "The connection broke.");
        ssize_t n;
        do n = sendfile(fd, file, &at, (size_t)min_i64(len, TURN));
        while (n < 0 && errno == EINTR);
        if (n == 0) FAIL(c, INTERNAL, "The file is shorter than it was.");
        if (n < 0 && errno != EAGAIN)
            FAIL(c, CANCELLED, "The connection broke: %s.", strerror(errno));
        if (n > 0) *sent = n;
        if (n > 0 || waited) return NULL;
        if (!sender_watch(s, fd)) FAIL(c, UNAVAILABLE, "No descriptor or memory is left to wait for the peer.");
        TRY(wait_on(c, &s->writers));
    }
}

void stream_poke_sender(Stream *s) { wait_wake_all(&s->writers); }

/* -- life ------------------------------------------------------------------------------------------ */

Stream *stream_new(bool pipe) {
    Stream *s = calloc(1, sizeof *s);
    if (!s) abort();
    s->end_fd = -1;
    int bad = pipe ? uv_pipe_init(loop_uv(loop_here()), &s->handle.pipe, 0) : uv_tcp_init(loop_uv(loop_here()), &s->handle.tcp);
    if (bad) abort();
    s->handle.stream.data = s;
    return s;
}

static void on_closed(uv_handle_t *handle) {
    Stream *s = handle->data;
    free(s->input);
    free(s);
}

void stream_close(Stream *s) {
    if (!s || s->closing) return;
    s->closing = true;
    end_watch_stop(s);
    uv_os_fd_t fd;
    if (s->sender && uv_fileno((uv_handle_t *)&s->handle.stream, &fd) == 0) sender_forget(s, fd);
    uv_close((uv_handle_t *)&s->handle.stream, on_closed);
}

static void on_shutdown(uv_shutdown_t *req, int status) {
    (void)status;
    free(req);
}

void stream_shutdown(Stream *s) {
    uv_shutdown_t *req = malloc(sizeof *req);
    if (!req) abort();
    if (uv_shutdown(req, &s->handle.stream, on_shutdown) != 0) free(req);
}

Str stream_peer(Stream *s, Arena *arena) {
    struct sockaddr_storage address;
    int length = (int)sizeof address;
    char text[64];
    if (s->handle.stream.type != UV_TCP) return S("unix");
    if (uv_tcp_getpeername(&s->handle.tcp, (struct sockaddr *)&address, &length) != 0) return S("unknown");
    if (uv_ip_name((struct sockaddr *)&address, text, sizeof text) != 0) return S("unknown");
    Str name = str_c(text);
    if (str_starts(name, S("::ffff:")) && str_find_byte(name, '.') > 0) name = str_slice(name, 7, name.len);
    return str_copy(arena, name);
}

/* -- connecting ------------------------------------------------------------------------------------ */

typedef struct Connect {
    uv_connect_t req;
    Coro *co;
    int status;
    bool done;
} Connect;

static void on_connect(uv_connect_t *req, int status) {
    Connect *w = req->data;
    w->status = status;
    w->done = true;
    if (w->co) coro_wake(w->co);
    else free(w);
}

static Err *connect_wait(Ctx *c, Connect *w, Stream *s, Str host, int port) {
    Wake wake = WAKE_DONE;
    while (!w->done && wake == WAKE_DONE) wake = coro_wait(c);
    if (!w->done) {
        w->co = NULL;
        stream_close(s);
        return wake_err(c, wake, __func__);
    }
    int status = w->status;
    free(w);
    if (status == 0) return NULL;
    stream_close(s);
    FAIL(c, UPSTREAM, "Could not connect to %.*s port %d: %s.", S_ARG(host), port, uv_strerror(status));
}

typedef struct Resolve {
    uv_getaddrinfo_t req;
    Coro *co;
    int status;
    bool done;
} Resolve;

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found) {
    (void)found;
    Resolve *w = req->data;
    w->status = status;
    w->done = true;
    coro_wake(w->co);
}

typedef bool (*Allowed)(const struct sockaddr *address);

static Err *resolve(Ctx *c, Str host, int port, Allowed allowed, struct sockaddr_storage *out) {
    Resolve w = {.co = c->coro};
    char service[12];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    snprintf(service, sizeof service, "%d", port);
    w.req.data = &w;
    int bad = uv_getaddrinfo(loop_uv(loop_here()), &w.req, on_resolved, str_cstr(c->arena, host), service, &hints);
    if (bad) FAIL(c, UPSTREAM, "Could not look up %.*s: %s.", S_ARG(host), uv_strerror(bad));
    while (!w.done) coro_wait_surely(c); /* the resolver has a limit of its own */
    if (w.status) FAIL(c, UPSTREAM, "Could not look up %.*s: %s.", S_ARG(host), uv_strerror(w.status));
    const struct addrinfo *found = w.req.addrinfo;
    while (found && allowed && !allowed(found->ai_addr)) found = found->ai_next;
    if (found) memcpy(out, found->ai_addr, found->ai_addrlen);
    uv_freeaddrinfo(w.req.addrinfo);
    if (!found) FAIL(c, FORBIDDEN, "%.*s is not an address that may be connected to.", S_ARG(host));
    return NULL;
}

Err *stream_connect(Ctx *c, Str host, int port, Stream **out) {
    return stream_connect_allowed(c, host, port, NULL, out);
}

Err *stream_connect_allowed(Ctx *c, Str host, int port, Allowed allowed, Stream **out) {
    struct sockaddr_storage address = {0};
    TRY(resolve(c, host, port, allowed, &address));
    Stream *s = stream_new(false);
    Connect *w = calloc(1, sizeof *w);
    if (!w) abort();
    w->req.data = w;
    w->co = c->coro;
    int bad = uv_tcp_connect(&w->req, &s->handle.tcp, (struct sockaddr *)&address, on_connect);
    if (bad) {
        w->done = true;
        w->status = bad;
    }
    TRY(connect_wait(c, w, s, host, port));
    uv_tcp_nodelay(&s->handle.tcp, 1);
    *out = s;
    return NULL;
}
