/* SPDX-License-Identifier: Apache-2.0
 * Connections of the HTTP server: order, keep-alive, refusals, limits in time and number, the
 * stop. */
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "http_world.h"
#include "rt/offload.h"

static HttpServer *usual, *hasty, *narrow;
static int undone, begun, released, told;

static void count_undone(void *arg) {
    (void)arg;
    undone++;
}

static void handle(Ctx *own, Req *q, Reply *r) {
    Str body = S("");
    begun++;
    r->no_etag = true;
    if (str_eq(q->path, S("/wait"))) {
        while (!released) pause_ms(own, 2);
        reply_text(r, 200, S("text/plain"), S("waited"));
        return;
    }
    if (str_eq(q->path, S("/hungry"))) {
        defer(own, count_undone, NULL);
        for (;;) arena_alloc(own->arena, 1024, 1024);
    }
    if (str_eq(q->path, S("/raised"))) { /* what a router does for a large body */
        arena_budget_set(own->arena, 16 * MIB);
        for (int i = 0; i < 60; i++) arena_alloc(own->arena, 130 * KIB, 1);
    }
    if (str_eq(q->path, S("/edge"))) { /* as near to the budget of 1 MiB as it gets */
        while (arena_used(own->arena) < MIB - 20 * KIB) arena_alloc(own->arena, 1024, 1);
    }
    if (str_eq(q->path, S("/unread"))) {
        reply_text(r, 200, S("text/plain"), S("unread"));
        return;
    }
    if (str_eq(q->path, S("/inject"))) reply_header(r, S("X-Said"), S("a\r\nX-Evil: b\n\0c"));
    if (str_eq(q->path, S("/common"))) r->common_headers = S("X-One: 1\r\nX-Two: 2\r\n");
    if (str_eq(q->path, S("/close"))) r->close = true;
    defer(own, count_undone, NULL);
    Err *err = body_all(own, q, &body);
    if (err) {
        reply_text(r, err_status(err->kind), S("text/plain"), err->detail);
        return;
    }
    /* Memory and account must not survive the request. */
    CHECK(own->account.user.value == 0);
    own->account.user.value = 7;
    Buf b = buf_new(own->arena, 0);
    buf_f(&b, "%.*s %.*s?%.*s ", S_ARG(q->method_text), S_ARG(q->path), S_ARG(q->query));
    buf_add(&b, body);
    reply_text(r, 200, S("text/plain"), buf_str(&b));
}

static void done(Ctx *own, const Req *q, const Reply *r) {
    (void)q;
    (void)r;
    arena_alloc(own->arena, 64 * KIB, 1);
    told++;
}

static void before(void) {
    usual = world_start((HttpOptions){.handle = handle, .done = done, .budget_bytes = MIB});
    hasty = world_start((HttpOptions){.handle = handle,
                                      .head_timeout_ms = 300,
                                      .idle_timeout_ms = 250,
                                      .body_grace_ms = 300,
                                      .body_rate_bytes_s = 100000});
    narrow = world_start((HttpOptions){.handle = handle, .max_connections = 3});
}

TEST(answers_on_one_connection_again_and_again) {
    Stream *s = dial(usual);
    for (int i = 0; i < 50; i++) {
        say(s, strf(c->arena, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n%02d", i));
        Str heard = hear_until(s, strf(c->arena, "POST /a? %02d", i));
        CHECK_INT(status_in(heard), 200);
        CHECK(!header_in(heard, S("Connection")).data);
    }
    stream_close(s);
}

TEST(answers_pipelined_requests_in_order) {
    Buf b = buf_new(c->arena, 0);
    for (int i = 0; i < 400; i++) {
        switch (i % 4) {
        case 0: buf_f(&b, "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", i); break;
        case 1:
            buf_f(&b, "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", i);
            break;
        case 2:
            buf_f(&b,
                  "POST /%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                  "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                  i);
            break;
        default:
            buf_f(&b, "POST /%d?unread HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", i);
        }
    }
    Str heard = ask(usual, buf_str(&b));
    CHECK_INT(count_in(heard, S("HTTP/1.1 200 OK\r\n")), 400);
    for (int i = 0; i < 400; i++) {
        Str mark = strf(c->arena, i % 4 ? "POST /%d?" : "GET /%d?", i);
        ptrdiff_t at = str_find(heard, mark);
        REQUIRE(at >= 0);
        heard = str_slice(heard, at, heard.len);
    }
}

TEST(drains_a_body_that_nobody_read_and_goes_on) {
    Str heard =
        ask(usual, S("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nGET /x HTTP/"
                     "POST /unread HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                     "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                     "GET /last HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(count_in(heard, S("HTTP/1.1 200")), 3);
    CHECK(str_ends(heard, S("GET /last? ")));
}

TEST(closes_instead_of_draining_a_large_body) {
    Str heard =
        ask(usual, S("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\nabc"));
    CHECK_INT(status_in(heard), 200);
    CHECK_STR(header_in(heard, S("Connection")), S("close"));
}

TEST(answers_but_does_not_go_on_after_an_unread_body_that_makes_no_sense) {
    static const char *const bodies[] = {"x\r\n", "5\nhello\r\n0\r\n\r\n", "\r\n\r\n",
                                         "5\r\nhelloX", "0\r\n X: y\r\n\r\n"};
    for (ptrdiff_t i = 0; i < COUNT(bodies); i++) {
        Str heard = ask(
            usual, strf(c->arena,
                        "POST /unread HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%s"
                        "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
                        bodies[i]));
        CHECK_INT(count_in(heard, S("HTTP/1.1 ")), 1);
        CHECK_INT(status_in(heard), 200);
    }
}

TEST(understands_requests_that_arrive_cut_anywhere) {
    static const Str texts[] = {
        S_INIT("GET /a%20b?c=d HTTP/1.1\r\nHost: a\r\n\r\n"),
        S_INIT("POST /a%20b?c=d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
        S_INIT("POST /a%20b?c=d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
               "chunked\r\n\r\n2\r\nhe\r\n3;x\r\nllo\r\n0\r\n\r\n"),
    };
    for (ptrdiff_t i = 0; i < COUNT(texts); i++) {
        Stream *s = dial(usual);
        for (ptrdiff_t cut = 1; cut < texts[i].len; cut++) {
            int before_cut = begun;
            say(s, str_slice(texts[i], 0, cut));
            pause_ms(c, cut % 8 == 0);
            say(s, str_slice(texts[i], cut, texts[i].len));
            Str heard = hear_until(s, i ? S("/a b?c=d hello") : S("/a b?c=d "));
            CHECK_INT(status_in(heard), 200);
            CHECK_INT(begun, before_cut + 1);
        }
        stream_close(s);
    }
}

TEST(refuses_and_closes_and_handles_nothing) {
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET /\r\n\r\n", 400},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\n",
         400},
        {"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\n y\r\n\r\n", 400},
        {"GET / HTTP/1.1\nHost: a\n\n", 400},
        {"GET /../etc HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /a/%2e%2E/b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /a%2f..%2fb HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /./a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /a/.. HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /%c0%ae HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /% HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        int former = begun;
        Str text = strf(c->arena, "%sGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].text);
        Str heard = ask(usual, text);
        if (!CHECK_INT(status_in(heard), rows[i].status)) printf("    in %s\n", rows[i].text);
        CHECK_INT(count_in(heard, S("HTTP/1.1 ")), 1);
        CHECK_STR(header_in(heard, S("Connection")), S("close"));
        CHECK_STR(header_in(heard, S("Content-Type")), S("application/problem+json"));
        CHECK_INT(begun, former);
    }
}

TEST(takes_dots_that_are_no_dot_segments) {
    CHECK_STR(body_in(get(usual, "/a/..b/c../...", "")), S("GET /a/..b/c../...? "));
    CHECK_STR(body_in(get(usual, "/%C3%A9t%C3%A9", "")), S("GET /\xC3\xA9t\xC3\xA9? "));
}

TEST(refuses_long_lines_and_heads_in_the_middle) {
    char *long_text = arena_bytes(c->arena, 40000);
    memset(long_text, 'a', 40000);
    Str heard = ask(usual, strf(c->arena, "GET /%.*s", 9000, long_text));
    CHECK_INT(status_in(heard), 414);
    heard = ask(usual, strf(c->arena, "GET / HTTP/1.1\r\nHost: a\r\nX: %.*s", 40000, long_text));
    CHECK_INT(status_in(heard), 431);
    heard = ask(usual,
                strf(c->arena, "GET /ok HTTP/1.1\r\nHost: a\r\nX: %.*s\r\n\r\n", 30000, long_text));
    CHECK_INT(status_in(heard), 200);
    CHECK_STR(body_in(heard), S("GET /ok? "));
}

TEST(speaks_1_0) {
    Str heard = ask(usual, S("GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n"));
    CHECK_INT(count_in(heard, S("HTTP/1.1 200")), 1);
    CHECK_STR(header_in(heard, S("Connection")), S("close"));
    heard =
        ask(usual, S("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n"));
    CHECK_INT(count_in(heard, S("HTTP/1.1 200")), 2);
    CHECK_STR(header_in(heard, S("Connection")), S("keep-alive"));
}

TEST(closes_when_the_client_or_the_handler_wants_it) {
    Str heard = ask(usual, S("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /b "
                             "HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(count_in(heard, S("HTTP/1.1 200")), 1);
    heard =
        ask(usual, S("GET /close HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(count_in(heard, S("HTTP/1.1 200")), 1);
    CHECK_STR(header_in(heard, S("Connection")), S("close"));
}

TEST(cannot_be_made_to_write_headers_of_anybody_elses) {
    Str heard = get(usual, "/inject", "");
    CHECK(!header_in(heard, S("X-Evil")).data);
    CHECK_STR(header_in(heard, S("X-Said")), S("a  X-Evil: b  c"));
}

TEST(writes_common_headers_as_they_are) {
    Str heard = get(usual, "/common", "");
    CHECK_STR(header_in(heard, S("X-One")), S("1"));
    CHECK_STR(header_in(heard, S("X-Two")), S("2"));
    CHECK(header_in(heard, S("Date")).len == 29);
}

TEST(undoes_what_each_request_deferred) {
    undone = 0;
    ask(usual, S("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(undone, 2);
}

TEST(ends_a_request_over_its_budget_with_503) {
    undone = 0;
    Str heard =
        ask(usual, S("GET /hungry HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(status_in(heard), 503);
    CHECK_INT(count_in(heard, S("HTTP/1.1 ")), 1);
    CHECK_STR(header_in(heard, S("Connection")), S("close"));
    CHECK_INT(undone, 1);
    CHECK_INT(status_in(get(usual, "/fine", "")), 200);
}

TEST(has_memory_left_for_what_comes_after_a_greedy_handler) {
    told = 0;
    Str heard =
        ask(usual, S("GET /edge HTTP/1.1\r\nHost: a\r\n\r\nGET /edge HTTP/1.1\r\nHost: a\r\n\r\n"
                     "GET /raised HTTP/1.1\r\nHost: a\r\n\r\n"
                     "GET /hungry HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(count_in(heard, S("HTTP/1.1 200")), 3);
    CHECK_INT(count_in(heard, S("HTTP/1.1 503")), 1);
    CHECK_INT(told, 4);
}

TEST(gives_a_head_only_so_much_time) {
    Stream *s = dial(hasty);
    int64_t start = mono_us();
    say(s, S("GET / HTTP/1.1\r\nHost:"));
    for (int i = 0; i < 6; i++) { /* a byte now and then does not buy more */
        pause_ms(c, 10);
        say(s, S("x"));
    }
    Str heard = hear_all(s);
    CHECK_INT(status_in(heard), 408);
    CHECK(ms_since(start) >= 295 && ms_since(start) < 5000);
    stream_close(s);
}

TEST(closes_an_idle_connection_without_a_word) {
    int64_t start = mono_us();
    Stream *s = dial(hasty);
    say(s, S("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"));
    hear_until(s, S("GET /a? "));
    CHECK_INT(hear_all(s).len, 0);
    CHECK(ms_since(start) >= 245 && ms_since(start) < 5000);
    stream_close(s);
}

TEST(gives_a_body_only_so_much_time) {
    Stream *s = dial(hasty);
    int64_t start = mono_us();
    say(s, S("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello"));
    Str heard = hear_all(s);
    CHECK_INT(status_in(heard), 408);
    CHECK_STR(header_in(heard, S("Connection")), S("close"));
    CHECK(ms_since(start) >= 295 && ms_since(start) < 5000);
    stream_close(s);
}

TEST(says_400_to_a_body_cut_short) {
    CHECK_INT(
        status_in(ask(usual, S("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello"))),
        400);
    CHECK_INT(
        status_in(ask(
            usual, S("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"))),
        400);
    Str heard = ask(usual, S("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                             "chunked\r\n\r\n5x\r\nhello\r\n0\r\n\r\n"
                             "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(status_in(heard), 400);
    CHECK_INT(count_in(heard, S("HTTP/1.1 ")), 1);
}

TEST(refuses_a_connection_too_many_and_recovers) {
    Stream *held[3];
    for (int i = 0; i < 3; i++) held[i] = dial(narrow);
    for (int i = 0; i < 3; i++) {
        say(held[i], S("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"));
    }
    SOON(http_connections(narrow) == 3);
    Str heard = ask(narrow, S("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(status_in(heard), 503);
    CHECK_STR(header_in(heard, S("Retry-After")), S("1"));
    CHECK_STR(header_in(heard, S("Connection")), S("close"));
    for (int i = 0; i < 3; i++) stream_close(held[i]);
    SOON(http_connections(narrow) == 0);
    CHECK_INT(status_in(get(narrow, "/a", "")), 200);
}

typedef struct UnixAsk {
    const char *path;
    char answer[4096];
    ptrdiff_t len;
} UnixAsk;

static void unix_ask(void *arg) {
    static const char text[] = "GET /unix HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    UnixAsk *u = arg;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, u->path, strlen(u->path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        write(fd, text, sizeof text - 1) > 0) {
        for (ssize_t n; (n = read(fd, u->answer + u->len, sizeof u->answer - (size_t)u->len)) > 0;)
            u->len += n;
    }
    close(fd);
}

TEST(serves_a_unix_socket) {
    Str path = strf(c->arena, "unix:/tmp/socle-test-%d.sock", (int)getpid());
    HttpServer *server = world_start((HttpOptions){.handle = handle, .address = path});
    REQUIRE(server);
    UnixAsk u = {.path = str_cstr(c->arena, str_slice(path, 5, path.len))};
    GOOD(offload(c, LANE_SHORT, unix_ask, &u));
    CHECK_STR(body_in(str_of(u.answer, u.len)), S("GET /unix? "));
    unlink(u.path);
}

TEST(says_what_is_wrong_with_its_options) {
    HttpServer *server = NULL;
    FAILS(http_start(c, (HttpOptions){.handle = handle, .address = S("nowhere")}, &server),
          INVALID);
    FAILS(http_start(c,
                     (HttpOptions){.handle = handle,
                                   .address = S("127.0.0.1:0"),
                                   .trusted_proxies = S("10.0.0.0/33")},
                     &server),
          INVALID);
    Str taken = strf(c->arena, "127.0.0.1:%d", http_port(usual));
    FAILS(http_start(c, (HttpOptions){.handle = handle, .address = taken}, &server), UNAVAILABLE);
}

TEST(finishes_what_is_in_flight_when_it_stops) {
    HttpServer *server = world_start((HttpOptions){.handle = handle});
    Stream *idle = dial(server), *busy = dial(server), *partial = dial(server);
    say(idle, S("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"));
    hear_until(idle, S("GET /a? "));
    say(partial, S("GET /partial HTTP/1.1\r\nHo"));
    released = 0;
    int former = begun;
    say(busy, S("GET /wait HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"));
    SOON(begun == former + 1);
    http_stop(server);
    http_stop(server);
    CHECK(http_stopping(server));
    CHECK_INT(hear_all(idle).len, 0);
    released = 1;
    Str heard = hear_all(busy);
    CHECK_INT(status_in(heard), 200);
    CHECK_STR(header_in(heard, S("Connection")), S("close"));
    CHECK_INT(count_in(heard, S("HTTP/1.1 ")), 1);
    say(partial, S("st: a\r\n\r\n"));
    heard = hear_all(partial);
    CHECK_STR(body_in(heard), S("GET /partial? "));
    CHECK_STR(header_in(heard, S("Connection")), S("close"));
    SOON(http_connections(server) == 0);
    Stream *late = NULL;
    FAILS(stream_connect(c, S("127.0.0.1"), http_port(server), &late), UPSTREAM);
    stream_close(idle);
    stream_close(busy);
    stream_close(partial);
}

T_LOOP_MAIN(1, before, world_stop, T_ROW(answers_on_one_connection_again_and_again),
            T_ROW(answers_pipelined_requests_in_order),
            T_ROW(drains_a_body_that_nobody_read_and_goes_on),
            T_ROW(closes_instead_of_draining_a_large_body),
            T_ROW(answers_but_does_not_go_on_after_an_unread_body_that_makes_no_sense),
            T_ROW(understands_requests_that_arrive_cut_anywhere),
            T_ROW(refuses_and_closes_and_handles_nothing),
            T_ROW(takes_dots_that_are_no_dot_segments),
            T_ROW(refuses_long_lines_and_heads_in_the_middle), T_ROW(speaks_1_0),
            T_ROW(closes_when_the_client_or_the_handler_wants_it),
            T_ROW(cannot_be_made_to_write_headers_of_anybody_elses),
            T_ROW(writes_common_headers_as_they_are), T_ROW(undoes_what_each_request_deferred),
            T_ROW(ends_a_request_over_its_budget_with_503),
            T_ROW(has_memory_left_for_what_comes_after_a_greedy_handler),
            T_ROW(gives_a_head_only_so_much_time), T_ROW(closes_an_idle_connection_without_a_word),
            T_ROW(gives_a_body_only_so_much_time), T_ROW(says_400_to_a_body_cut_short),
            T_ROW(refuses_a_connection_too_many_and_recovers), T_ROW(serves_a_unix_socket),
            T_ROW(says_what_is_wrong_with_its_options),
            T_ROW(finishes_what_is_in_flight_when_it_stops))
