/* SPDX-License-Identifier: Apache-2.0
 * Request bodies: limits, Expect, large ones, lines. */
#include "http_world.h"
#include "net/sheet.h"

static HttpServer *server;
static ptrdiff_t limit;
static int read_size; /* of each body_read */

static void answer_err(Reply *r, Err *err) {
    reply_text(r, err_status(err->kind), S("text/plain"), err->detail);
}

static Err *answer_read(Ctx *own, Req *q, Reply *r) {
    Buf b = buf_new(own->arena, 64);
    for (ptrdiff_t n = 1; n > 0;) {
        char *to = buf_reserve(&b, read_size);
        TRY(body_read(own, q, to, read_size, &n));
        b.len += n;
    }
    reply_text(r, 200, S("text/plain"), buf_str(&b));
    return NULL;
}

static Err *answer_sheet(Ctx *own, Req *q, Reply *r) {
    Str body;
    TRY(sheet_body(own, q, &body));
    reply_text(r, 200, S("text/plain"), body);
    return NULL;
}

static Err *answer_lines(Ctx *own, Req *q, Reply *r) {
    LineReader lines = {0};
    Buf b = buf_new(own->arena, 64);
    for (;;) {
        Str line;
        TRY(body_line(own, q, &lines, 10000, &line));
        if (!line.data) break;
        buf_f(&b, "%td:", line.len);
        buf_add(&b, str_slice(line, 0, 8));
        buf_byte(&b, '|');
    }
    reply_text(r, 200, S("text/plain"), buf_str(&b));
    return NULL;
}

static void handle(Ctx *own, Req *q, Reply *r) {
    Str body;
    q->body_limit = limit;
    r->no_etag = true;
    Err *err;
    if (str_eq(q->path, S("/read")))
        err = answer_read(own, q, r);
    else if (str_eq(q->path, S("/sheet")))
        err = answer_sheet(own, q, r);
    else if (str_eq(q->path, S("/lines")))
        err = answer_lines(own, q, r);
    else if (str_eq(q->path, S("/unread"))) {
        reply_text(r, 403, S("text/plain"), S("no"));
        return;
    } else {
        err = body_all(own, q, &body);
        if (!err) reply_text(r, 200, S("text/plain"), body);
    }
    if (err) answer_err(r, err);
}

static void before(void) {
    server = world_start((HttpOptions){.handle = handle, .budget_bytes = 64 * MIB});
    limit = 10 * MIB;
    read_size = 100;
}

static Str filler(ptrdiff_t len) {
    char *text = arena_bytes(c->arena, len);
    for (ptrdiff_t i = 0; i < len; i++) text[i] = (char)('a' + i * 7 % 26);
    return str_of(text, len);
}

static Str post(const char *path, Str body) {
    Str head = strf(
        c->arena, "POST %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %td\r\n\r\n",
        path, body.len);
    return ask(server, str_concat(c->arena, head, body));
}

/* The same body in chunks of growing size. */
static Str post_chunked(const char *path, Str body) {
    Buf b = buf_new(c->arena, body.len + body.len / 8 + 256);
    buf_f(&b,
          "POST %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
          path);
    for (ptrdiff_t at = 0, size = 1; at < body.len;
         at += size, size = size % 40000 + 1 + size / 3) {
        Str chunk = str_slice(body, at, at + size);
        buf_f(&b, "%tX\r\n", chunk.len);
        buf_add(&b, chunk);
        buf_add(&b, S("\r\n"));
    }
    buf_add(&b, S("0\r\n\r\n"));
    return ask(server, buf_str(&b));
}

TEST(gives_the_body_whole_at_every_size_and_framing) {
    static const ptrdiff_t sizes[] = {0,     1,     99,    100,    101,     4095,          16000,
                                      16384, 16385, 65536, 300000, 1 << 20, (1 << 20) + 1, 2000000};
    static const char *const paths[] = {"/all", "/read", "/sheet"};
    for (ptrdiff_t i = 0; i < COUNT(sizes); i++) {
        for (int p = 0; p < COUNT(paths); p++) {
            read_size = sizes[i] > 100000 ? 70001 : 100;
            Str body = filler(sizes[i]);
            CHECK(str_eq(body_in(post(paths[p], body)), body));
            CHECK(str_eq(body_in(post_chunked(paths[p], body)), body));
        }
    }
}

TEST(reads_a_chunked_body_byte_by_byte) {
    read_size = 1;
    Str body = filler(500);
    CHECK_STR(body_in(post_chunked("/read", body)), body);
    CHECK_STR(body_in(post("/read", body)), body);
    read_size = 100;
}

TEST(refuses_an_announced_body_over_the_limit_before_reading_it) {
    limit = 1000;
    CHECK_INT(status_in(post("/all", filler(1000))), 200);
    Stream *s = dial(server);
    say(s,
        S("POST /all HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n"));
    Str heard = hear_all(s); /* nothing of the body was sent, and no 100 is said */
    CHECK_INT(status_in(heard), 413);
    CHECK_STR(header_in(heard, S("Connection")), S("close"));
    stream_close(s);
    CHECK_INT(status_in(post("/read", filler(1001))), 413);
    CHECK_INT(status_in(post("/sheet", filler(1001))), 413);
    limit = 10 * MIB;
}

TEST(answers_413_even_while_the_client_goes_on_sending) {
    limit = 1000;
    Str heard = post("/all", filler(800000));
    CHECK_INT(status_in(heard), 413);
    limit = 10 * MIB;
}

TEST(refuses_a_chunked_body_as_soon_as_it_is_over_the_limit) {
    limit = 1000;
    Stream *s = dial(server);
    say(s, S("POST /all HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n"));
    say(s, filler(1001));
    Str heard = hear_all(s);
    CHECK_INT(status_in(heard), 413);
    stream_close(s);
    CHECK_INT(status_in(post_chunked("/read", filler(1000))), 200);
    CHECK_INT(status_in(post_chunked("/sheet", filler(1001))), 413);
    limit = 10 * MIB;
}

TEST(says_100_when_the_body_is_wanted) {
    Stream *s = dial(server);
    say(s, S("POST /all HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
    CHECK_STR(hear_until(s, S("\r\n\r\n")), S("HTTP/1.1 100 Continue\r\n\r\n"));
    say(s, S("helloGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    Str heard = hear_all(s);
    CHECK(str_find(heard, S("hello")) > 0);
    CHECK_INT(count_in(heard, S("HTTP/1.1 200")), 2);
    CHECK(str_find(heard, S("100 Continue")) < 0);
    stream_close(s);
}

TEST(does_not_say_100_to_who_sent_the_body_already_or_to_1_0) {
    Str heard = ask(server, S("POST /all HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: "
                              "100-continue\r\n\r\nhello"));
    CHECK_INT(status_in(heard), 200);
    heard = ask(server,
                S("POST /all HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"));
    CHECK_INT(status_in(heard), 200);
}

TEST(closes_when_a_body_that_waits_for_100_is_not_wanted) {
    Stream *s = dial(server);
    say(s,
        S("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
    Str heard = hear_until(s, S("\r\n\r\nno"));
    CHECK_INT(status_in(heard), 403);
    CHECK_STR(header_in(heard, S("Connection")), S("close"));
    /* What follows could be the body or a request: it must be neither. */
    say(s, S("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(hear_all(s).len, 0);
    stream_close(s);
}

TEST(says_500_when_there_is_no_place_for_a_large_body) {
    Str body = filler(2000000);
    sheets_begin(S("/nonexistent/folder"), 0);
    CHECK_INT(status_in(post("/sheet", body)), 500);
    CHECK_INT(status_in(post("/sheet", str_slice(body, 0, 1 << 20))), 200); /* in memory */
    sheets_begin((Str){0}, 0);
}

TEST(reads_lines_of_every_ending) {
    CHECK_STR(body_in(post("/lines", S("a\nbc\r\n\r\n\nlast"))), S("1:a|2:bc|0:|0:|4:last|"));
    CHECK_STR(body_in(post("/lines", S("a\n"))), S("1:a|"));
    CHECK_STR(body_in(post("/lines", S(""))), S(""));
    CHECK_STR(body_in(post("/lines", S("\n"))), S("0:|"));
    CHECK_STR(body_in(post_chunked("/lines", S("a\nbc\r\n\r\n\nlast\r\n"))),
              S("1:a|2:bc|0:|0:|4:last|"));
}

TEST(reads_many_lines_and_refuses_a_long_one) {
    Buf b = buf_new(c->arena, 0), want = buf_new(c->arena, 0);
    for (int i = 0; i < 3000; i++) {
        ptrdiff_t len = i * 37 % 400;
        buf_add(&b, str_slice(filler(400), 0, len));
        buf_add(&b, i % 3 ? S("\n") : S("\r\n"));
        buf_f(&want, "%td:%.*s|", len, (int)min_size(len, 8), "ahovcjqxelszgnubipwdkryfmt");
    }
    CHECK(str_eq(body_in(post("/lines", buf_str(&b))), buf_str(&want)));
    CHECK(str_eq(body_in(post_chunked("/lines", buf_str(&b))), buf_str(&want)));
    CHECK_STR(body_in(post("/lines", filler(10000))), S("10000:ahovcjqx|"));
    CHECK_INT(status_in(post("/lines", filler(10001))), 413);
    CHECK_INT(status_in(post("/lines", str_concat(c->arena, filler(10001), S("\n")))), 413);
    CHECK_INT(status_in(post("/lines", str_concat(c->arena, filler(10000), S("\r\n")))), 200);
}

T_LOOP_MAIN(1, before, world_stop, T_ROW(gives_the_body_whole_at_every_size_and_framing),
            T_ROW(reads_a_chunked_body_byte_by_byte),
            T_ROW(refuses_an_announced_body_over_the_limit_before_reading_it),
            T_ROW(answers_413_even_while_the_client_goes_on_sending),
            T_ROW(refuses_a_chunked_body_as_soon_as_it_is_over_the_limit),
            T_ROW(says_100_when_the_body_is_wanted),
            T_ROW(does_not_say_100_to_who_sent_the_body_already_or_to_1_0),
            T_ROW(closes_when_a_body_that_waits_for_100_is_not_wanted),
            T_ROW(says_500_when_there_is_no_place_for_a_large_body),
            T_ROW(reads_lines_of_every_ending), T_ROW(reads_many_lines_and_refuses_a_long_one))
