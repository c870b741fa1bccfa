/* SPDX-License-Identifier: Apache-2.0
 * Listening on every loop: one socket a loop on the same port (SO_REUSEPORT: the kernel spreads the
 * connections), or one Unix socket shared by all loops' descriptors. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/log.h"
#include "rt/stream_internal.h"

enum { BACKLOG = 1024 };

typedef struct Door {
    Listener *listener;
    Loop *loop;
    int fd;
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle;
    bool open;
} Door;

struct Listener {
    ListenOptions options;
    bool is_unix;
    int port;
    int doors_count;
    Door doors[LOOPS_MAX];
    _Atomic int64_t connections[LOOPS_MAX];
};

/* -- one connection -------------------------------------------------------------------------------- */

typedef struct Visit {
    Door *door;
    Stream *stream;
} Visit;

static void visit_end(void *arg) {
    Visit *v = arg;
    stream_close(v->stream);
    atomic_fetch_sub_explicit(&v->door->listener->connections[v->door->loop->index], 1, memory_order_relaxed);
    free(v);
}

static void visit_serve(Ctx *c, void *arg) {
    Visit *v = arg;
    const ListenOptions *o = &v->door->listener->options;
    defer(c, visit_end, v);
    o->serve(c, v->stream, o->arg);
}

static void refuse(Stream *s, Str bytes) {
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes.data, (unsigned)bytes.len);
    if (bytes.len) uv_try_write(&s->handle.stream, &buf, 1);
    stream_close(s);
}

static void on_connection(uv_stream_t *handle, int status) {
    Door *door = handle->data;
    Listener *l = door->listener;
    if (status < 0) return; /* EMFILE and the like: libuv tries again when descriptors are free */
    Stream *s = stream_new(l->is_unix);
    if (uv_accept(handle, &s->handle.stream) != 0) {
        stream_close(s);
        return;
    }
    _Atomic int64_t *count = &l->connections[door->loop->index];
    if (atomic_load_explicit(count, memory_order_relaxed) >= l->options.max_connections || door->loop->stopping) {
        refuse(s, l->options.refuse);
        return;
    }
    if (!l->is_unix) uv_tcp_nodelay(&s->handle.tcp, 1);
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    Visit *v = malloc(sizeof *v);
    if (!v) abort();
    *v = (Visit){door, s};
    CoroOptions options = {.name = l->options.name, .budget_bytes = l->options.budget_bytes, .app = l->options.app};
    coro_spawn(options, visit_serve, v);
}

/* -- opening --------------------------------------------------------------------------------------- */

static Err *address_parse(Ctx *c, Str address, struct sockaddr_storage *out, socklen_t *length) {
    ptrdiff_t colon = address.len - 1;
    int64_t port;
    while (colon >= 0 && address.data[colon] != ':') colon--;
    Str host = str_slice(address, 0, colon), port_text = str_slice(address, colon + 1, address.len);
    if (colon < 0 || !str_to_i64(port_text, &port) || port < 0 || port > 65535)
        FAIL(c, INVALID, "The address %.*s is not HOST:PORT.", S_ARG(address));
    if (str_starts(host, S("[")) && str_ends(host, S("]"))) host = str_slice(host, 1, host.len - 1);
    if (str_eq(host, S("localhost"))) host = S("127.0.0.1");
    if (host.len == 0 || str_eq(host, S("*"))) host = S("0.0.0.0");
    char *text = str_cstr(c->arena, host);
    if (uv_ip4_addr(text, (int)port, (struct sockaddr_in *)out) == 0) *length = sizeof(struct sockaddr_in);
    else if (uv_ip6_addr(text, (int)port, (struct sockaddr_in6 *)out) == 0) *length = sizeof(struct sockaddr_in6);
    else FAIL(c, INVALID, "The host %.*s is not an IP address to listen on.", S_ARG(host));
    return NULL;
}

static int socket_open(int family) {
    int on = 1, fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family != AF_UNIX) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    return fd;
}

/* SO_REUSEPORT would let a second server of ours share the port unseen: the first socket is bound
 * without it once, so that a port in use is an error. */
static Err *port_is_free(Ctx *c, struct sockaddr_storage *address, socklen_t length, Str text) {
    int on = 1, fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) FAIL(c, UNAVAILABLE, "No socket is left: %s.", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool bad = bind(fd, (struct sockaddr *)address, length) != 0;
    int why = errno;
    close(fd);
    if (bad) FAIL(c, UNAVAILABLE, "Could not listen on %.*s: %s.", S_ARG(text), strerror(why));
    return NULL;
}

static Err *doors_bind_tcp(Ctx *c, Listener *l) {
    struct sockaddr_storage address = {0};
    socklen_t length = 0;
    TRY(address_parse(c, l->options.address, &address, &length));
    TRY(port_is_free(c, &address, length, l->options.address));
    for (int i = 0; i < l->doors_count; i++) {
        int fd = l->doors[i].fd = socket_open(address.ss_family);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0)
            FAIL(c, UNAVAILABLE, "Could not listen on %.*s: %s.", S_ARG(l->options.address), strerror(errno));
        getsockname(fd, (struct sockaddr *)&address, &length); /* port 0: all doors share the one chosen */
    }
    l->port = ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                                 : ((struct sockaddr_in6 *)&address)->sin6_port);
    return NULL;
}

static Err *doors_bind_unix(Ctx *c, Listener *l) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    Str path = str_slice(l->options.address, 5, l->options.address.len);
    if (path.len == 0 || path.len >= (ptrdiff_t)sizeof address.sun_path)
        FAIL(c, INVALID, "The socket path %.*s is empty or too long.", S_ARG(path));
    memcpy(address.sun_path, path.data, (size_t)path.len);
    int fd = l->doors[0].fd = socket_open(AF_UNIX);
    unlink(address.sun_path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        FAIL(c, UNAVAILABLE, "Could not listen on %.*s: %s.", S_ARG(path), strerror(errno));
    for (int i = 1; i < l->doors_count; i++) l->doors[i].fd = dup(fd);
    return NULL;
}

static void door_open(void *arg) {
    Door *door = arg;
    uv_loop_t *uv = loop_uv(loop_here());
    int bad;
    if (door->listener->is_unix) {
        uv_pipe_init(uv, &door->handle.pipe, 0);
        bad = uv_pipe_open(&door->handle.pipe, door->fd);
    } else {
        uv_tcp_init(uv, &door->handle.tcp);
        bad = uv_tcp_open(&door->handle.tcp, door->fd);
    }
    door->handle.stream.data = door;
    door->open = true;
    if (bad || (bad = uv_listen(&door->handle.stream, BACKLOG, on_connection)))
        log_msg(NULL, LOG_ERROR, "a loop cannot listen: %s", uv_strerror(bad));
}

Err *listen_start(Ctx *c, ListenOptions options, Listener **out) {
    assert(options.serve && options.name);
    assert(options.max_connections > 0);
    Listener *l = calloc(1, sizeof *l); /* lives as long as the runtime */
    if (!l) abort();
    l->options = options;
    l->is_unix = str_starts(options.address, S("unix:"));
    l->doors_count = loop_count();
    for (int i = 0; i < l->doors_count; i++) l->doors[i] = (Door){.listener = l, .loop = loop_at(i), .fd = -1};
    Err *err = l->is_unix ? doors_bind_unix(c, l) : doors_bind_tcp(c, l);
    for (int i = 0; i < l->doors_count && !err; i++)
        if (listen(l->doors[i].fd, BACKLOG) != 0) err = err_new(c, ERR_UNAVAILABLE, __func__, "listen: %s", strerror(errno));
    if (err) {
        for (int i = 0; i < l->doors_count; i++)
            if (l->doors[i].fd >= 0) close(l->doors[i].fd);
        free(l);
        return err;
    }
    rt_at_close(free, l);
    for (int i = 0; i < l->doors_count; i++) loop_post(l->doors[i].loop, door_open, &l->doors[i]);
    *out = l;
    return NULL;
}

static void door_close(void *arg) {
    Door *door = arg;
    if (door->open && !uv_is_closing((uv_handle_t *)&door->handle.stream)) uv_close((uv_handle_t *)&door->handle.stream, NULL);
    door->open = false;
}

void listen_stop(Listener *l) {
    for (int i = 0; i < l->doors_count; i++) loop_post(l->doors[i].loop, door_close, &l->doors[i]);
}

int listen_port(const Listener *l) { return l->port; }

int64_t listen_connections(const Listener *l) {
    int64_t sum = 0;
    for (int i = 0; i < l->doors_count; i++)
        sum += atomic_load_explicit((_Atomic int64_t *)(uintptr_t)&l->connections[i], memory_order_relaxed);
    return sum;
}
