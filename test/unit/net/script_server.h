/* SPDX-License-Identifier: Apache-2.0
 * A small HTTP server on loopback that misbehaves on request: what it does is written in the path.
 *
 *   /ok /echo /none /chunked /closed /interim /events       good answers of every shape
 *   /big/N  /endless                                         N bytes; chunks without end
 *   /slow/MS /silent /mute /trickle                          late, stops after the head, says nothing
 *   /cut /cut-chunk /drop /garbage /bighead                  broken answers
 *   /redirect/N /to/STATUS/LOCATION                          N hops to /echo; anywhere
 *   /flaky/STATUS/N/AFTER                                    N times STATUS with Retry-After (`_` is sent
 *                                                            as a blank), then 200 */
#ifndef SOCLE_TEST_SCRIPT_SERVER_H
#define SOCLE_TEST_SCRIPT_SERVER_H

#include <stdatomic.h>

#include "core/buf.h"
#include "rt/io.h"
#include "t_loop.h"

static Listener *script_listener;
static _Atomic int script_requests, script_connections, script_gone, script_flaky;

typedef struct ScriptReq {
    Str method, path, head, body;
} ScriptReq;

static void say(Ctx *own, Stream *s, Str text) {
    if (stream_write(own, s, &text, 1)) return; /* the client went away: the next read ends us */
}

static void answer(Ctx *own, Stream *s, int status, Str headers, Str body) {
    say(own, s,
        strf(own->arena, "HTTP/1.1 %d X\r\nContent-Length: %td\r\n%.*s\r\n", status, body.len,
             S_ARG(headers)));
    say(own, s, body);
}

static int64_t number_after(Str path, Str prefix) {
    int64_t n = 0;
    return str_to_i64(str_slice(path, prefix.len, path.len), &n) ? n : -1;
}

static void script_big(Ctx *own, Stream *s, ScriptReq q) {
    int64_t n = number_after(q.path, S("/big/"));
    char block[4096];
    memset(block, 'x', sizeof block);
    say(own, s, strf(own->arena, "HTTP/1.1 200 X\r\nContent-Length: %lld\r\n\r\n", (long long)n));
    for (; n > 0 && !str_eq(q.method, S("HEAD")) && !stream_ended(s); n -= (int64_t)sizeof block)
        say(own, s, str_of(block, min_i64(n, (int64_t)sizeof block)));
}

static void script_endless(Ctx *own, Stream *s) {
    char block[1024];
    memset(block, 'x', sizeof block);
    say(own, s, S("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"));
    Str parts[] = {S("400\r\n"), str_of(block, sizeof block), S("\r\n")};
    while (!stream_ended(s) && !stream_write(own, s, parts, COUNT(parts))) coro_yield(own);
}

static void script_events(Ctx *own, Stream *s) {
    static const Str pieces[] = {
        S_INIT("HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"),
        S_INIT(": welcome\n\nda"),
        S_INIT("ta: {\"a\""),
        S_INIT(": 1}\r"),
        S_INIT("\n\r\nevent: end\nid: 4\ndata: x\ndata: y\n"),
        S_INIT("\ndata: unfinished")};
    for (ptrdiff_t i = 0; i < COUNT(pieces); i++) {
        say(own, s, pieces[i]);
        pause_ms(own, 5);
    }
}

static void script_to(Ctx *own, Stream *s, ScriptReq q) {
    Str status_text, location = str_cut(str_slice(q.path, 4, q.path.len), '/', &status_text);
    int64_t status = 302;
    if (!str_to_i64(status_text, &status)) return;
    answer(own, s, (int)status, strf(own->arena, "Location: %.*s\r\n", S_ARG(location)),
           S("moved"));
}

static void script_flaky_answer(Ctx *own, Stream *s, ScriptReq q) {
    Str rest = str_slice(q.path, 7, q.path.len), status_text, count_text;
    int64_t status = 0, count = 0;
    rest = str_cut(rest, '/', &status_text);
    rest = str_cut(rest, '/', &count_text);
    if (!str_to_i64(status_text, &status) || !str_to_i64(count_text, &count)) return;
    char *after = str_cstr(own->arena, rest);
    for (char *at = after; *at; at++)
        if (*at == '_') *at = ' ';
    if (atomic_fetch_add(&script_flaky, 1) >= count)
        answer(own, s, 200, S(""), S("at last"));
    else
        answer(own, s, (int)status,
               rest.len ? strf(own->arena, "Retry-After: %s\r\n", after) : S(""), S("later"));
}

static void script_redirect(Ctx *own, Stream *s, ScriptReq q) {
    int64_t n = number_after(q.path, S("/redirect/"));
    Str to = n > 1 ? strf(own->arena, "Location: /redirect/%lld\r\n", (long long)n - 1)
                   : S("Location: ../echo\r\n");
    answer(own, s, 302, to, S("moved"));
}

/* False: close the connection. */
static bool script_answer(Ctx *own, Stream *s, ScriptReq q) {
    Str p = q.path;
    if (str_eq(p, S("/ok")))
        answer(own, s, 200, S("Content-Type: text/plain\r\nX-Empty:\r\nx-two:  a b \r\n"),
               S("hello"));
    else if (str_eq(p, S("/echo")))
        answer(own, s, 200, S(""), str_concat(own->arena, q.head, q.body));
    else if (str_eq(p, S("/none")))
        say(own, s, S("HTTP/1.1 204 No Content\r\n\r\n"));
    else if (str_eq(p, S("/chunked")))
        say(own, s,
            S("HTTP/1.1 200 X\r\nTransfer-Encoding: "
              "chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Trailer: t\r\n\r\n"));
    else if (str_eq(p, S("/interim")))
        say(own, s,
            S("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nX-Hint: h\r\n\r\nHTTP/1.1 200 "
              "X\r\nContent-Length: 2\r\nX-Real: r\r\n\r\nok"));
    else if (str_starts(p, S("/big/")))
        script_big(own, s, q);
    else if (str_eq(p, S("/endless")))
        script_endless(own, s);
    else if (str_starts(p, S("/slow/"))) {
        pause_ms(own, number_after(p, S("/slow/")));
        answer(own, s, 200, S(""), S("slow"));
    } else if (str_starts(p, S("/redirect/")))
        script_redirect(own, s, q);
    else if (str_starts(p, S("/to/")))
        script_to(own, s, q);
    else if (str_starts(p, S("/flaky/")))
        script_flaky_answer(own, s, q);
    else if (str_eq(p, S("/silent")))
        say(own, s, S("HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nhalf"));
    else if (str_eq(p, S("/trickle"))) {
        say(own, s, S("HTTP/1.1 200 X\r\nContent-Length: 12\r\n\r\n"));
        for (int i = 0; i < 12; i++) {
            pause_ms(own, 200);
            say(own, s, S("t"));
        }
    } else if (str_eq(p, S("/mute")))
        return true;
    else {
        if (str_eq(p, S("/closed")))
            say(own, s, S("HTTP/1.0 200 X\r\n\r\nuntil the end"));
        else if (str_eq(p, S("/events")))
            script_events(own, s);
        else if (str_eq(p, S("/cut")))
            say(own, s, S("HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nonly this"));
        else if (str_eq(p, S("/cut-chunk")))
            say(own, s, S("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nonly this"));
        else if (str_eq(p, S("/garbage")))
            say(own, s, S("+OK this is not HTTP\r\n\r\n"));
        else if (str_eq(p, S("/bighead"))) {
            say(own, s, S("HTTP/1.1 200 X\r\n"));
            for (int i = 0; i < 2000; i++) say(own, s, strf(own->arena, "X-%d: %060d\r\n", i, i));
            say(own, s, S("\r\n"));
        }
        return false; /* /drop and whatever else: not a word */
    }
    return true;
}

static bool script_read(Ctx *own, Stream *s, ScriptReq *q) {
    ptrdiff_t n = 1, end;
    int64_t length = 0;
    while ((end = str_find(stream_buffer(s), S("\r\n\r\n"))) < 0)
        if (stream_fill(own, s, &n) || n == 0) return false;
    Str head = str_copy(own->arena, str_slice(stream_buffer(s), 0, end + 4)), value;
    stream_consume(s, end + 4);
    ptrdiff_t at = str_find(head, S("Content-Length: "));
    if (at >= 0) {
        str_cut(str_slice(head, at + 16, head.len), '\r', &value);
        if (!str_to_i64(value, &length)) return false;
    }
    Buf body = buf_new(own->arena, length);
    while (body.len < length) {
        if (stream_read(own, s, buf_reserve(&body, 1), length - body.len, &n) || n == 0)
            return false;
        body.len += n;
    }
    *q = (ScriptReq){.head = head, .body = buf_str(&body)};
    str_cut(str_cut(head, ' ', &q->method), ' ', &q->path);
    return true;
}

static void script_serve(Ctx *own, Stream *s, void *arg) {
    (void)arg;
    ScriptReq q;
    atomic_fetch_add(&script_connections, 1);
    while (script_read(own, s, &q)) {
        atomic_fetch_add(&script_requests, 1);
        if (!script_answer(own, s, q)) break;
    }
    atomic_fetch_add(&script_gone, 1);
}

static Str script_url(Ctx *own, const char *path) {
    return strf(own->arena, "http://127.0.0.1:%d%s", listen_port(script_listener), path);
}

static Err *script_start(Ctx *own) {
    ListenOptions options = {.name = "script",
                             .address = S("127.0.0.1:0"),
                             .max_connections = 1000,
                             .budget_bytes = 32 * MIB,
                             .serve = script_serve};
    return listen_start(own, options, &script_listener);
}

#endif
