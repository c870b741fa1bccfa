/* SPDX-License-Identifier: Apache-2.0
 * Replies: conditional requests, compression, streams, slow readers, who the client is. */
#include <brotli/decode.h>
#include <unistd.h>
#include <zlib.h>

#include "http_world.h"

static HttpServer *server, *proxied, *impatient;
static int stream_errors;

static Str filler(Arena *arena, ptrdiff_t len) {
    char *text = arena_bytes(arena, len);
    for (ptrdiff_t i = 0; i < len; i++) text[i] = (char)('a' + (i * 7 + i / 26 * 3) % 26);
    return str_of(text, len);
}

static int64_t number_of(Str text) {
    int64_t n = 0;
    return str_to_i64(text, &n) ? n : 0;
}

static void answer_stream(Ctx *own, Req *q, Reply *r) {
    int64_t count = number_of(req_query(own, q, S("n"))),
            size = number_of(req_query(own, q, S("size")));
    Str type = req_query(own, q, S("type"));
    bool flush = req_query(own, q, S("flush")).data != NULL;
    r->content_type = type.data ? type : S("text/plain");
    Err *err = reply_begin(own, q, r);
    Str piece = filler(own->arena, size);
    for (int64_t i = 0; i < count && !err; i++) {
        err = reply_write(own, q, r, piece);
        if (flush && !err) err = reply_flush(own, q, r);
    }
    if (err) stream_errors++;
    r->cut = req_query(own, q, S("cut")).data != NULL;
    if (req_query(own, q, S("pause")).data) pause_ms(own, 60000);
}

static void handle(Ctx *own, Req *q, Reply *r) {
    Str size = req_query(own, q, S("size")), etag = req_query(own, q, S("etag")),
        type = req_query(own, q, S("type"));
    if (str_eq(q->path, S("/stream"))) {
        answer_stream(own, q, r);
        return;
    }
    if (str_eq(q->path, S("/who"))) {
        r->no_etag = true;
        reply_text(r, 200, S("text/plain"),
                   strf(own->arena, "%.*s %s", S_ARG(q->client_ip), q->https ? "https" : "http"));
        return;
    }
    if (etag.data) r->etag = etag;
    if (req_query(own, q, S("date")).data)
        r->last_modified = (Time){1700000000 * US_PER_SECOND + 999};
    r->no_compress = req_query(own, q, S("plain")).data != NULL;
    if (req_query(own, q, S("ready")).data) reply_header(r, S("Content-Encoding"), S("gzip"));
    int64_t status = number_of(req_query(own, q, S("status")));
    reply_text(r, status ? (int)status : 200, type.data ? type : S("application/json"),
               filler(own->arena, number_of(size)));
}

static void before(void) {
    server = world_start((HttpOptions){.handle = handle, .budget_bytes = 64 * MIB});
    proxied = world_start(
        (HttpOptions){.handle = handle, .trusted_proxies = S("127.0.0.0/8, 10.0.0.0/8, fd00::/8")});
    impatient = world_start(
        (HttpOptions){.handle = handle, .budget_bytes = 64 * MIB, .write_timeout_ms = 150});
}

/* -- Conditional ------------------------------------------------------------------------------- */

TEST(makes_the_same_strong_etag_of_the_same_bytes) {
    Str one = header_in(get(server, "/?size=100", ""), S("ETag")),
        two = header_in(get(server, "/?size=100", ""), S("ETag"));
    CHECK(one.len == 18 && one.data[0] == '"');
    CHECK_STR(one, two);
    for (int i = 0; i < 300; i++)
        if (i != 100)
            CHECK(!str_eq(
                header_in(get(server, str_cstr(c->arena, strf(c->arena, "/?size=%d", i)), ""),
                          S("ETag")),
                one));
}

TEST(says_304_to_who_has_it) {
    static const struct {
        const char *path, *lines;
        int status;
    } rows[] = {
        {"/?size=9&etag=%22v1%22", "If-None-Match: \"v1\"\r\n", 304},
        {"/?size=9&etag=%22v1%22", "If-None-Match: W/\"v1\"\r\n", 304},
        {"/?size=9&etag=%22v1%22", "If-None-Match: \"v0\", \"v1\"\r\n", 304},
        {"/?size=9&etag=%22v1%22", "If-None-Match: \"v0\" ,W/\"v1\",\"v2\"\r\n", 304},
        {"/?size=9&etag=%22v1%22", "If-None-Match: \"v0\"\r\nIf-None-Match: \"v1\"\r\n", 304},
        {"/?size=9&etag=%22v1%22", "If-None-Match: *\r\n", 304},
        {"/?size=9&etag=%22v,1%22", "If-None-Match: \"v,1\"\r\n", 304},
        {"/?size=9&etag=%22v1%22", "If-None-Match: \"v\"\r\n", 200},
        {"/?size=9&etag=%22v1%22", "If-None-Match: v1\r\n", 200},
        {"/?size=9&etag=%22v1%22", "If-None-Match: \"v1\r\n", 200},
        {"/?size=9&etag=%22v1%22", "If-None-Match: \"v0\", v1\r\n", 200},
        {"/?size=9&etag=%22v1%22", "If-Match: \"v1\"\r\n", 200},
        {"/?size=9&etag=%22v1%22", "If-Match: *\r\n", 200},
        {"/?size=9&etag=%22v1%22", "If-Match: W/\"v1\"\r\n", 412},
        {"/?size=9&etag=%22v1%22", "If-Match: \"v2\", \"v3\"\r\n", 412},
        {"/?size=9&date=1", "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n", 304},
        {"/?size=9&date=1", "If-Modified-Since: Tue, 14 Nov 2023 22:13:21 GMT\r\n", 304},
        {"/?size=9&date=1", "If-Modified-Since: Tue, 14 Nov 2023 22:13:19 GMT\r\n", 200},
        {"/?size=9&date=1", "If-Modified-Since: yesterday\r\n", 200},
        {"/?size=9&date=1",
         "If-None-Match: \"x\"\r\nIf-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n", 200},
        {"/?size=9&date=1", "If-Unmodified-Since: Tue, 14 Nov 2023 22:13:19 GMT\r\n", 412},
        {"/?size=9&date=1", "If-Unmodified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n", 200},
        {"/?size=9&etag=%22v1%22&status=404", "If-None-Match: \"v1\"\r\n", 404},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Str heard = get(server, rows[i].path, rows[i].lines);
        if (!CHECK_INT(status_in(heard), rows[i].status)) printf("    in row %td\n", i);
        if (rows[i].status != 304) continue;
        CHECK_INT(body_in(heard).len, 0);
        CHECK(!header_in(heard, S("Content-Length")).data);
        CHECK(!header_in(heard, S("Content-Type")).data);
        CHECK(header_in(heard, S("ETag")).len > 2);
    }
}

TEST(says_304_to_its_own_etag) {
    Str etag = header_in(get(server, "/?size=500", ""), S("ETag"));
    Str lines = strf(c->arena, "If-None-Match: %.*s\r\n", S_ARG(etag));
    CHECK_INT(status_in(get(server, "/?size=500", str_cstr(c->arena, lines))), 304);
    CHECK_INT(status_in(get(server, "/?size=501", str_cstr(c->arena, lines))), 200);
}

TEST(does_not_answer_a_post_with_304) {
    Str heard = ask(server, S("POST /?size=9&etag=%22v1%22 HTTP/1.1\r\nHost: a\r\nIf-None-Match: "
                              "\"v1\"\r\nContent-Length: 0\r\n\r\n"));
    CHECK_INT(status_in(heard), 200);
}

TEST(answers_head_like_get_without_the_body) {
    Str got = get(server, "/?size=300&date=1", "");
    Str head =
        ask(server, S("HEAD /?size=300&date=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    CHECK_INT(body_in(head).len, 0);
    CHECK_INT(body_in(got).len, 300);
    CHECK_STR(head_in(head), head_in(got));
    CHECK_STR(header_in(head, S("Content-Length")), S("300"));
    CHECK_INT(
        status_in(ask(
            server,
            S("HEAD /?size=3&etag=%22v%22 HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"v\"\r\n\r\n"))),
        304);
    /* The connection goes on as if there had been none. */
    Str both = ask(
        server,
        S("HEAD /?size=300 HTTP/1.1\r\nHost: a\r\n\r\nGET /?size=1 HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(count_in(both, S("HTTP/1.1 200")), 2);
}

TEST(gives_no_body_and_no_length_with_204) {
    Str heard = get(server, "/?size=30&status=204", "");
    CHECK_INT(status_in(heard), 204);
    CHECK_INT(body_in(heard).len, 0);
    CHECK(!header_in(heard, S("Content-Length")).data);
}

TEST(leaves_out_a_type_or_tag_that_would_end_its_line) {
    Str heard =
        get(server, "/?size=9&type=text/x%0D%0AX-Evil:%20y&etag=%22a%0D%0AX-Evil:%20y%22", "");
    CHECK_INT(status_in(heard), 200);
    CHECK(!header_in(heard, S("X-Evil")).data);
    CHECK(!header_in(heard, S("Content-Type")).data);
    CHECK(!header_in(heard, S("ETag")).data);
    CHECK_STR(header_in(heard, S("Content-Length")), S("9"));
}

/* -- Compression ------------------------------------------------------------------------------- */

static Str gunzip(Str text) {
    Buf b = buf_new(c->arena, 64 * KIB);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text.data, .avail_in = (uInt)text.len};
    if (inflateInit2(&z, 15 + 16) != Z_OK) return S("");
    int result;
    do {
        z.next_out = (Bytef *)buf_reserve(&b, 64 * KIB);
        z.avail_out = 64 * 1024;
        result = inflate(&z, Z_SYNC_FLUSH);
        b.len += 64 * KIB - (ptrdiff_t)z.avail_out;
    } while (result == Z_OK && (z.avail_in > 0 || z.avail_out == 0));
    inflateEnd(&z);
    return result == Z_STREAM_END || result == Z_BUF_ERROR || result == Z_OK ? buf_str(&b)
                                                                             : S("(broken)");
}

static Str unbrotli(Str text) {
    size_t length = 4 << 20;
    char *to = arena_bytes(c->arena, (ptrdiff_t)length);
    if (BrotliDecoderDecompress((size_t)text.len, (const uint8_t *)text.data, &length,
                                (uint8_t *)to) != BROTLI_DECODER_RESULT_SUCCESS)
        return S("(broken)");
    return str_of(to, (ptrdiff_t)length);
}

TEST(chooses_the_encoding_that_the_client_likes_best) {
    static const struct {
        const char *accept, *encoding;
    } rows[] = {
        {"gzip", "gzip"},
        {"br", "br"},
        {"gzip, br", "br"},
        {"gzip, deflate, br, zstd", "br"},
        {"gzip;q=1.0, br;q=0.5", "gzip"},
        {"gzip;q=0.5, br;q=0.501", "br"},
        {"*", "br"},
        {"*;q=0.3, br;q=0", "gzip"},
        {"x-gzip", "gzip"},
        {"GZIP", "gzip"},
        {"gzip;q=0", ""},
        {"identity", ""},
        {"", ""},
        {"deflate", ""},
        {"gzip;q=0.5, identity", ""},
        {"*;q=0", ""},
        {"gzip;q=0.5, identity;q=0.2", "gzip"},
        {"gzip ; q=0.8", "gzip"},
        {"gzip;q=nonsense", ""},
        {"gzip;q=2", ""},
        {"gzip;q=0.0001", ""},
        {"identity;q=0", ""},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Str lines = strf(c->arena, "Accept-Encoding: %s\r\n", rows[i].accept);
        Str heard = get(server, "/?size=3000", str_cstr(c->arena, lines));
        Str encoding = header_in(heard, S("Content-Encoding"));
        if (!CHECK_STR(encoding.data ? encoding : S(""), str_c(rows[i].encoding)))
            printf("    for %s\n", rows[i].accept);
        CHECK_STR(header_in(heard, S("Vary")), S("Accept-Encoding"));
    }
    CHECK(!header_in(get(server, "/?size=3000", ""), S("Content-Encoding")).data);
}

TEST(compresses_texts_of_every_size_to_the_same_text) {
    static const ptrdiff_t sizes[] = {1025, 8192, 8193, 65536, 65537, 1000000};
    for (ptrdiff_t i = 0; i < COUNT(sizes); i++) {
        const char *path = str_cstr(c->arena, strf(c->arena, "/?size=%td", sizes[i]));
        Str want = filler(c->arena, sizes[i]);
        Str gz = get(server, path, "Accept-Encoding: gzip\r\n"),
            br = get(server, path, "Accept-Encoding: br\r\n");
        CHECK(str_eq(gunzip(body_in(gz)), want));
        CHECK(str_eq(unbrotli(body_in(br)), want));
        CHECK_INT(number_of(header_in(gz, S("Content-Length"))), body_in(gz).len);
        CHECK(body_in(gz).len < sizes[i] / 2);
    }
}

TEST(leaves_small_foreign_and_finished_things_alone) {
    static const char *const paths[] = {
        "/?size=1024",
        "/?size=5000&type=image/png",
        "/?size=5000&type=application/zip",
        "/?size=5000&plain=1",
        "/?size=5000&type=text/event-stream",
        "/?size=5000&status=206",
        "/?size=5000&type=application/vnd.openxmlformats-officedocument.wordprocessingml.document"};
    for (ptrdiff_t i = 0; i < COUNT(paths); i++) {
        Str heard = get(server, paths[i], "Accept-Encoding: gzip, br\r\n");
        if (!CHECK(!header_in(heard, S("Content-Encoding")).data)) printf("    for %s\n", paths[i]);
        CHECK(!header_in(heard, S("Vary")).data);
    }
    Str ready = get(server, "/?size=5000&ready=1", "Accept-Encoding: gzip, br\r\n");
    CHECK_INT(count_in(ready, S("Content-Encoding")), 1);
    CHECK_INT(body_in(ready).len, 5000);
    static const char *const texts[] = {
        "/?size=5000&type=text/html;charset=utf-8", "/?size=5000&type=application/problem%2Bjson",
        "/?size=5000&type=image/svg%2Bxml", "/?size=5000&type=text/csv", "/?size=5000&status=404"};
    for (ptrdiff_t i = 0; i < COUNT(texts); i++)
        CHECK_STR(
            header_in(get(server, texts[i], "Accept-Encoding: gzip\r\n"), S("Content-Encoding")),
            S("gzip"));
}

TEST(gives_each_encoding_an_etag_of_its_own) {
    Str plain = header_in(get(server, "/?size=3000", ""), S("ETag"));
    Str gz = header_in(get(server, "/?size=3000", "Accept-Encoding: gzip\r\n"), S("ETag"));
    Str br = header_in(get(server, "/?size=3000", "Accept-Encoding: br\r\n"), S("ETag"));
    CHECK_STR(gz, strf(c->arena, "%.*s-gz\"", (int)plain.len - 1, plain.data));
    CHECK_STR(br, strf(c->arena, "%.*s-br\"", (int)plain.len - 1, plain.data));
    Str lines = strf(c->arena, "Accept-Encoding: gzip\r\nIf-None-Match: %.*s\r\n", S_ARG(gz));
    Str heard = get(server, "/?size=3000", str_cstr(c->arena, lines));
    CHECK_INT(status_in(heard), 304);
    CHECK_STR(header_in(heard, S("ETag")), gz);
    CHECK_STR(header_in(heard, S("Vary")), S("Accept-Encoding"));
    CHECK(!header_in(heard, S("Content-Encoding")).data);
    lines = strf(c->arena, "Accept-Encoding: br\r\nIf-None-Match: %.*s\r\n", S_ARG(gz));
    CHECK_INT(status_in(get(server, "/?size=3000", str_cstr(c->arena, lines))), 200);
}

TEST(knows_its_etags_again_in_if_match) {
    Header headers[1] = {{S("If-Match"), S("\"a\", \"v1-gz\"")}};
    Req q = {.headers = headers, .header_count = 1};
    CHECK(req_if_match(&q, S("\"v1\"")));
    CHECK(req_if_match(&q, S("\"a\"")));
    CHECK(!req_if_match(&q, S("\"v2\"")));
    CHECK(!req_if_match(&q, S("\"v1-\"")));
    headers[0].value = S("W/\"v1-gz\"");
    CHECK(!req_if_match(&q, S("\"v1\"")));
    headers[0].value = S("*");
    CHECK(req_if_match(&q, S("\"v1\"")));
    q.header_count = 0;
    CHECK(req_if_match(&q, S("\"v1\"")));
}

/* -- Streams ----------------------------------------------------------------------------------- */

/* The data of a chunked body; "(broken)" unless it is whole. */
static Str dechunk(Str text) {
    Buf b = buf_new(c->arena, text.len);
    for (;;) {
        ptrdiff_t end = str_find(text, S("\r\n"));
        if (end < 1) return S("(broken)");
        long long size = strtoll(str_cstr(c->arena, str_slice(text, 0, end)), NULL, 16);
        text = str_slice(text, end + 2, text.len);
        if (size == 0) return str_eq(text, S("\r\n")) ? buf_str(&b) : S("(broken)");
        if (text.len < size + 2) return S("(broken)");
        buf_add(&b, str_slice(text, 0, size));
        text = str_slice(text, size + 2, text.len);
    }
}

static Str repeated(ptrdiff_t size, int count) {
    Buf b = buf_new(c->arena, size * count);
    for (int i = 0; i < count; i++) buf_add(&b, filler(c->arena, size));
    return buf_str(&b);
}

TEST(streams_chunks_that_add_up) {
    static const struct {
        const char *path;
        ptrdiff_t size;
        int count;
    } rows[] = {{"/stream?n=0&size=1", 1, 0},           {"/stream?n=1&size=1", 1, 1},
                {"/stream?n=3000&size=7", 7, 3000},     {"/stream?n=20&size=100000", 100000, 20},
                {"/stream?n=5&size=10&flush=1", 10, 5}, {"/stream?n=3&size=16384", 16384, 3}};
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Str want = repeated(rows[i].size, rows[i].count);
        Str heard = get(server, rows[i].path, "");
        CHECK_STR(header_in(heard, S("Transfer-Encoding")), S("chunked"));
        CHECK(!header_in(heard, S("Content-Length")).data);
        CHECK(str_eq(dechunk(body_in(heard)), want));
        CHECK(
            str_eq(gunzip(dechunk(body_in(get(server, rows[i].path, "Accept-Encoding: gzip\r\n")))),
                   want));
        CHECK(
            str_eq(unbrotli(dechunk(body_in(get(server, rows[i].path, "Accept-Encoding: br\r\n")))),
                   want));
        Str old = ask(server, strf(c->arena, "GET %s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                                   rows[i].path));
        CHECK(str_eq(body_in(old), want));
        CHECK_STR(header_in(old, S("Connection")), S("close"));
    }
}

TEST(goes_on_with_the_connection_after_a_stream) {
    Str heard = ask(server, S("GET /stream?n=2&size=5 HTTP/1.1\r\nHost: a\r\n\r\nHEAD "
                              "/stream?n=2&size=5 HTTP/1.1\r\nHost: a\r\n\r\n"
                              "GET /who HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(count_in(heard, S("HTTP/1.1 200")), 3);
    CHECK_INT(count_in(heard, S("0\r\n\r\n")), 1);
    CHECK(str_ends(heard, S("127.0.0.1 http")));
}

TEST(cuts_a_stream_that_failed_so_that_it_is_seen) {
    Str heard = get(server, "/stream?n=2&size=5&cut=1", "");
    CHECK_INT(status_in(heard), 200);
    CHECK_STR(dechunk(body_in(heard)), S("(broken)"));
}

static Str unpacked(Str text, int kind) {
    uint8_t room[256];
    size_t in = (size_t)text.len, left = sizeof room;
    const uint8_t *next = (const uint8_t *)text.data;
    uint8_t *to = room;
    if (kind == 0) return text;
    if (kind == 1) return gunzip(text);
    BrotliDecoderState *d = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    BrotliDecoderDecompressStream(d, &in, &next, &left, &to, NULL);
    BrotliDecoderDestroyInstance(d);
    return str_copy(c->arena, str_of((const char *)room, to - room));
}

TEST(sends_what_is_flushed_at_once) {
    static const char *const kinds[] = {"", "Accept-Encoding: gzip\r\n", "Accept-Encoding: br\r\n"};
    for (int i = 0; i < 3; i++) {
        Stream *s = dial(server);
        say(s,
            strf(c->arena, "GET /stream?n=1&size=50&flush=1&pause=1 HTTP/1.1\r\nHost: a\r\n%s\r\n",
                 kinds[i]));
        CHECK_INT(status_in(hear_until(s, S("\r\n\r\n"))), 200);
        Buf data = buf_new(c->arena, 256);
        while (!str_eq(unpacked(buf_str(&data), i),
                       filler(c->arena, 50))) { /* the handler has not ended */
            Str size = hear_until(s, S("\r\n"));
            REQUIRE(size.len > 2);
            for (long long left = strtoll(str_cstr(c->arena, size), NULL, 16) + 2; left > 0;
                 left--) {
                char byte;
                ptrdiff_t n;
                GOOD(stream_read(c, s, &byte, 1, &n));
                if (left > 2) buf_byte(&data, byte);
            }
        }
        stream_close(s);
    }
}

TEST(sends_events_at_once_and_uncompressed) {
    Stream *s = dial(server);
    say(s, S("GET /stream?n=1&size=20&type=text/event-stream&pause=1 HTTP/1.1\r\nHost: "
             "a\r\nAccept-Encoding: gzip\r\n\r\n"));
    Str head = hear_until(s, S("\r\n\r\n"));
    CHECK(!header_in(head, S("Content-Encoding")).data);
    hear_until(s, filler(c->arena, 20));
    stream_close(s);
}

TEST(cuts_off_a_client_that_takes_nothing) {
    static const char *const paths[] = {"/?size=30000000&plain=1", "/stream?n=3000&size=10000"};
    for (int i = 0; i < 2; i++) {
        Stream *s = dial(impatient);
        stream_errors = 0;
        /* Our own end takes no more than its buffers hold, because nothing is read. */
        say(s, strf(c->arena, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", paths[i]));
        SOON(http_connections(impatient) == 1);
        SOON(http_connections(impatient) == 0);
        CHECK_INT(stream_errors, i);
        stream_close(s);
    }
}

TEST(notices_that_the_client_of_a_stream_went_away) {
    stream_errors = 0;
    Stream *s = dial(server);
    say(s, S("GET /stream?n=1000000&size=10000 HTTP/1.1\r\nHost: a\r\n\r\n"));
    hear_until(s, S("\r\n\r\n"));
    stream_close(s);
    SOON(stream_errors == 1);
}

/* -- Who the client is ------------------------------------------------------------------------- */

TEST(believes_only_trusted_proxies_about_the_client) {
    static const struct {
        const char *lines, *want;
    } rows[] = {
        {"", "127.0.0.1 http"},
        {"X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9 http"},
        {"X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n", "203.0.113.9 http"},
        {"X-Forwarded-For: 203.0.113.9, 10.1.2.3\r\n", "203.0.113.9 http"},
        {"X-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.1.2.3, 10.9.9.9\r\n", "203.0.113.9 http"},
        {"X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.9, 10.1.2.3\r\n",
         "203.0.113.9 http"},
        {"X-Forwarded-For: 203.0.113.9:4711\r\n", "203.0.113.9 http"},
        {"X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1 http"},
        {"X-Forwarded-For: [2001:db8::1]:99\r\n", "2001:db8::1 http"},
        {"X-Forwarded-For: 2001:db8::1, fd12::1\r\n", "2001:db8::1 http"},
        {"X-Forwarded-For: 203.0.113.9, nonsense\r\n", "127.0.0.1 http"},
        {"X-Forwarded-For: nonsense, 203.0.113.9\r\n", "203.0.113.9 http"},
        {"X-Forwarded-For: nonsense, 10.0.0.1\r\n", "10.0.0.1 http"},
        {"X-Forwarded-For: \r\n", "127.0.0.1 http"},
        {"X-Forwarded-For: ,\r\n", "127.0.0.1 http"},
        {"X-Forwarded-Proto: https\r\n", "127.0.0.1 https"},
        {"X-Forwarded-Proto: http, HTTPS\r\n", "127.0.0.1 https"},
        {"X-Forwarded-Proto: https, http\r\n", "127.0.0.1 http"},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        if (!CHECK_STR(body_in(get(proxied, "/who", rows[i].lines)), str_c(rows[i].want)))
            printf("    row %td\n", i);
        CHECK_STR(body_in(get(server, "/who", rows[i].lines)), S("127.0.0.1 http"));
    }
}

T_LOOP_MAIN(1, before, world_stop, T_ROW(makes_the_same_strong_etag_of_the_same_bytes),
            T_ROW(says_304_to_who_has_it), T_ROW(says_304_to_its_own_etag),
            T_ROW(does_not_answer_a_post_with_304), T_ROW(answers_head_like_get_without_the_body),
            T_ROW(gives_no_body_and_no_length_with_204),
            T_ROW(leaves_out_a_type_or_tag_that_would_end_its_line),
            T_ROW(chooses_the_encoding_that_the_client_likes_best),
            T_ROW(compresses_texts_of_every_size_to_the_same_text),
            T_ROW(leaves_small_foreign_and_finished_things_alone),
            T_ROW(gives_each_encoding_an_etag_of_its_own), T_ROW(knows_its_etags_again_in_if_match),
            T_ROW(streams_chunks_that_add_up), T_ROW(goes_on_with_the_connection_after_a_stream),
            T_ROW(cuts_a_stream_that_failed_so_that_it_is_seen),
            T_ROW(sends_what_is_flushed_at_once), T_ROW(sends_events_at_once_and_uncompressed),
            T_ROW(cuts_off_a_client_that_takes_nothing),
            T_ROW(notices_that_the_client_of_a_stream_went_away),
            T_ROW(believes_only_trusted_proxies_about_the_client))
