/* SPDX-License-Identifier: Apache-2.0
 * The proxy: CONNECT for https, absolute URLs for http (one request a connection). The name is looked
 * up here, once, and the very address that was judged is connected to. After the head bytes are only
 * passed on, both ways, until either side ends or both are silent for IDLE_MS. */
#include "products/robian/guard.h"

#include <stdatomic.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/rand.h"
#include "core/time.h"
#include "net/address.h"
#include "net/url.h"
#include "rt/io.h"

enum {
    HEAD_MAX = 64 * 1024,
    HEAD_MS = 10 * 1000,
    CONNECT_MS = 10 * 1000,
    IDLE_MS = 60 * 1000,
    CONNECTIONS_MAX = 64, /* per loop */
    PASSWORD_LEN = 43,
};

static struct {
    Listener *listener;
    bool private_too;
    char password[PASSWORD_LEN + 1];
    _Atomic int64_t refused;
} guard;

int64_t guard_refused(void) { return atomic_load(&guard.refused); }

Str guard_url(Arena *arena) {
    if (!guard.listener) return (Str){0};
    return strf(arena, "http://robian:%s@127.0.0.1:%d", guard.password,
                listen_port(guard.listener));
}

/* -- what is asked ------------------------------------------------------------------------------- */

typedef struct Asked {
    bool tunnel;            /* CONNECT */
    Str method, host, rest; /* rest: path and query of an absolute URL */
    Str version;
    int port;
    Str headers; /* what follows the first line, with the empty one */
} Asked;

static void reply(Ctx *c, Stream *s, const char *status) {
    Str text =
        strf(c->arena, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n%s\r\n", status,
             str_starts(str_c(status), S("407")) ? "Proxy-Authenticate: Basic realm=\"robian\"\r\n"
                                                 : "");
    if (stream_write(c, s, &text, 1) == NULL) stream_shutdown(s);
}

/* The whole head, its last empty line included; null Str when none comes. */
static Str head_read(Ctx *c, Stream *s) {
    int64_t former = ctx_deadline_within(c, HEAD_MS);
    Str head = {0};
    for (ptrdiff_t n = 1; n > 0;) {
        Str have = stream_buffer(s);
        ptrdiff_t end = str_find(have, S("\r\n\r\n"));
        if (end >= 0) {
            head = str_copy(c->arena, str_slice(have, 0, end + 4));
            stream_consume(s, end + 4);
            break;
        }
        if (have.len >= HEAD_MAX || !stream_buffer_grow(s, HEAD_MAX) || stream_fill(c, s, &n))
            break;
    }
    c->deadline_us = former;
    return head;
}

static Str line_next(Str *rest) {
    Str line;
    *rest = str_cut(*rest, '\n', &line);
    return str_trim(line);
}

static bool password_given(Ctx *c, Str headers) {
    Str plain = strf(c->arena, "robian:%s", guard.password);
    Str wanted = strf(c->arena, "Basic %.*s", S_ARG(str_base64(c->arena, plain)));
    while (headers.len > 0) {
        Str name, line = line_next(&headers), value = str_cut(line, ':', &name);
        if (str_eq_nocase(name, S("Proxy-Authorization")))
            return str_eq_secret(str_trim(value), wanted);
    }
    return false;
}

static bool authority_read(Str text, Asked *out) {
    Url url;
    char space[512];
    if (text.len > 300 || str_find_byte(text, '/') >= 0) return false;
    int len = snprintf(space, sizeof space, "https://%.*s/", S_ARG(text));
    if (!url_parse(str_of(space, len), &url) || url.userinfo.len > 0) return false;
    bool bracketed = text.len > 0 && text.data[0] == '[';
    out->host = str_slice(text, bracketed, bracketed + url.host.len);
    out->port = url.port;
    return out->host.len > 0;
}

static bool absolute_read(Ctx *c, Str target, Asked *out) {
    Url url;
    if (!url_parse(target, &url) || !str_eq_nocase(url.scheme, S("http"))) return false;
    out->host = url.host;
    out->port = url.port;
    out->rest = strf(c->arena, "%s%.*s%s%.*s", url.path.len ? "" : "/", S_ARG(url.path),
                     str_is_null(url.query) ? "" : "?", S_ARG(url.query));
    return out->host.len > 0;
}

static bool asked_read(Ctx *c, Str head, Asked *out) {
    *out = (Asked){.headers = head};
    Str target, line = line_next(&out->headers), rest = str_cut(line, ' ', &out->method);
    out->version = str_cut(rest, ' ', &target);
    if (!str_starts(out->version, S("HTTP/1."))) return false;
    out->tunnel = str_eq(out->method, S("CONNECT"));
    return out->tunnel ? authority_read(target, out) : absolute_read(c, target, out);
}

/* The request as the server itself is to read it: no proxy's headers, and only one of it. */
static Str request_for_origin(Ctx *c, const Asked *asked) {
    Buf b = buf_new(c->arena, asked->headers.len + 256);
    buf_f(&b, "%.*s %.*s HTTP/1.1\r\n", S_ARG(asked->method), S_ARG(asked->rest));
    for (Str rest = asked->headers; rest.len > 0;) {
        Str name, line = line_next(&rest);
        if (line.len == 0) break;
        str_cut(line, ':', &name);
        bool hop = str_starts(str_lower(c->arena, name), S("proxy-")) ||
                   str_eq_nocase(name, S("Connection"));
        if (!hop) buf_f(&b, "%.*s\r\n", S_ARG(line));
    }
    buf_add(&b, S("Connection: close\r\n\r\n"));
    return buf_str(&b);
}

/* -- passing on ---------------------------------------------------------------------------------- */

typedef struct Way {
    Stream *from, *to;
} Way;

static Err *pass(Ctx *c, void *arg) {
    Way *way = arg;
    Err *err = NULL;
    for (ptrdiff_t n = 1; n > 0 && !err;) {
        Str have = stream_buffer(way->from);
        if (have.len > 0) {
            err = stream_write(c, way->to, &have, 1);
            stream_consume(way->from, have.len);
            continue;
        }
        c->deadline_us = mono_us() + IDLE_MS * US_PER_MS;
        err = stream_fill(c, way->from, &n);
    }
    stream_shutdown(way->to);
    stream_poke(way->to); /* the other way need not wait for more */
    return err;
}

static void close_deferred(void *arg) { stream_close(arg); }

static bool allowed(const struct sockaddr *address) {
    if (guard.private_too || address_is_public(address)) return true;
    atomic_fetch_add(&guard.refused, 1);
    return false;
}

static void serve(Ctx *c, Stream *client, void *arg) {
    Asked asked;
    Stream *server = NULL;
    (void)arg;
    Str head = head_read(c, client);
    if (str_is_null(head)) return;
    const char *no = !asked_read(c, head, &asked)        ? "400 Bad Request"
                     : !password_given(c, asked.headers) ? "407 Proxy Authentication Required"
                                                         : NULL;
    ctx_deadline_within(c, CONNECT_MS);
    Err *err = no ? NULL : stream_connect_allowed(c, asked.host, asked.port, allowed, &server);
    if (err) no = err->kind == ERR_FORBIDDEN ? "403 Not a public address" : "502 Bad Gateway";
    if (no) {
        reply(c, client, no);
        return;
    }
    defer(c, close_deferred, server);
    Str first = asked.tunnel ? S("HTTP/1.1 200 Connected\r\n\r\n") : request_for_origin(c, &asked);
    if (stream_write(c, asked.tunnel ? client : server, &first, 1)) return;
    Way up = {client, server}, down = {server, client};
    Task tasks[] = {{.fn = pass, .arg = &up}, {.fn = pass, .arg = &down}};
    c->deadline_us = 0;
    err = fork_join(c, tasks, COUNT(tasks));
    if (err)
        log_msg(c, LOG_DEBUG, "a connection through the guard ended: %.*s", S_ARG(err->detail));
}

Err *guard_start(Ctx *c, bool private_too) {
    guard.private_too = private_too;
    Str password = rand_token(c->arena, S(""), 32);
    assert(password.len == PASSWORD_LEN);
    memcpy(guard.password, password.data, (size_t)password.len);
    ListenOptions options = {.name = "guard",
                             .address = S("127.0.0.1:0"),
                             .max_connections = CONNECTIONS_MAX,
                             .budget_bytes = 1 * MIB,
                             .app = c->app,
                             .serve = serve};
    return listen_start(c, options, &guard.listener);
}

void guard_stop(void) {
    if (guard.listener) listen_stop(guard.listener);
    guard.listener = NULL;
}
