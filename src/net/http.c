/* SPDX-License-Identifier: Apache-2.0
 * The server: its options, its start, and its stop, which goes to every loop. */
#include "net/server.h"

static void options_fill(HttpOptions *o) {
#define USUAL(member, value) \
    if (o->member == 0) o->member = (value)
    USUAL(max_connections, 10000);
    USUAL(head_timeout_ms, 10 * 1000);
    USUAL(idle_timeout_ms, 75 * 1000);
    USUAL(body_rate_bytes_s, 1024);
    USUAL(body_grace_ms, 10 * 1000);
    USUAL(write_timeout_ms, 30 * 1000);
    USUAL(file_timeout_ms, 10 * 60 * 1000);
    USUAL(request_timeout_ms, 60 * 1000);
    USUAL(head_limit, 32 * KIB);
    USUAL(body_limit, 10 * MIB);
    USUAL(budget_bytes, 8 * MIB);
#undef USUAL
}

static Str refusal_text(Arena *arena) {
    static const char body[] =
        "{\"type\":\"about:blank\",\"title\":\"Temporarily unavailable\",\"status\":503,"
        "\"detail\":\"Too many connections are open.\",\"code\":\"unavailable\"}";
    return strf(arena,
                "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
                "Content-Length: %d\r\nRetry-After: 1\r\nConnection: close\r\n\r\n%s",
                (int)sizeof body - 1, body);
}

Err *http_start(Ctx *c, HttpOptions options, HttpServer **out) {
    enum { SERVER_BYTES = 1 << 20, REFUSED_AT_ONCE = 64 };
    assert(options.handle);
    options_fill(&options);
    Arena *arena = arena_new(SERVER_BYTES);
    HttpServer *server = arena_new_of(arena, HttpServer);
    server->arena = arena;
    server->options = options;
    server->refusal = refusal_text(arena);
    if (!networks_parse(arena, options.trusted_proxies, &server->trusted)) {
        Err *err = err_new(c, ERR_INVALID, __func__,
                           "The trusted proxies %.*s are not a list of addresses.",
                           S_ARG(options.trusted_proxies));
        arena_free(arena);
        return err;
    }
    /* The count that holds is ours, over all loops; the listener's only bounds how many are being
     * told that they are too many. */
    ListenOptions listen = {
        .name = "http",
        .address = options.address,
        .app = options.app,
        .serve = conn_serve,
        .arg = server,
        .max_connections = options.max_connections + REFUSED_AT_ONCE,
        .refuse = server->refusal,
        .budget_bytes = options.budget_bytes,
    };
    Err *err = listen_start(c, listen, &server->listener);
    if (err) {
        arena_free(arena);
        return err;
    }
    *out = server;
    return NULL;
}

static void stop_here(void *arg) {
    HttpServer *server = arg;
    HttpConn *next;
    for (HttpConn *conn = server->first[loop_index(loop_here())]; conn; conn = next) {
        next = conn->next;
        conn_stop(conn);
    }
}

void http_stop(HttpServer *server) {
    assert(server);
    if (atomic_exchange(&server->stopping, true)) return;
    listen_stop(server->listener);
    for (int i = 0; i < loop_count(); i++) loop_post(loop_at(i), stop_here, server);
}

void http_free(HttpServer *server) {
    if (server) arena_free(server->arena);
}

bool http_stopping(const HttpServer *server) {
    return atomic_load_explicit(&server->stopping, memory_order_relaxed);
}

int http_port(const HttpServer *server) { return listen_port(server->listener); }

int64_t http_connections(const HttpServer *server) {
    /* Who sees none may free what they used. */
    return atomic_load_explicit(&server->connections, memory_order_acquire);
}

const HttpOptions *http_options(const Req *q) { return &q->conn->server->options; }
