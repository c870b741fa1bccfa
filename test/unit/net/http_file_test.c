/* SPDX-License-Identifier: Apache-2.0
 * Files as replies: ranges of every kind, conditions, names, and a file that is not what it was. */
#include <fcntl.h>
#include <unistd.h>

#include "http_world.h"

/* HUGE is more than the kernel keeps for a reader that takes nothing. */
enum { LARGE = 3000000, HUGE = 64 * 1024 * 1024, WRITE_MS = 100, FILE_MS = 3000 };

static HttpServer *server, *patient, *crowded;
static char path_huge[] = "/tmp/socle-test-XXXXXX", path_small[] = "/tmp/socle-test-XXXXXX",
            path_large[] = "/tmp/socle-test-XXXXXX", path_empty[] = "/tmp/socle-test-XXXXXX";

static void close_later(void *fd) { close((int)(intptr_t)fd); }

static void handle(Ctx *own, Req *q, Reply *r) {
    bool large = str_eq(q->path, S("/large")), empty = str_eq(q->path, S("/empty"));
    bool huge = str_eq(q->path, S("/huge"));
    int fd = open(huge    ? path_huge
                  : large ? path_large
                  : empty ? path_empty
                          : path_small,
                  O_RDONLY | O_CLOEXEC);
    defer(own, close_later, (void *)(intptr_t)fd);
    int64_t size = huge ? HUGE : large ? LARGE : empty ? 0 : 26, from, length;
    if (str_eq(q->path, S("/shrunk"))) size = 1000;
    Time modified =
        str_eq(q->path, S("/undated")) ? TIME_NULL : (Time){1700000000 * US_PER_SECOND + 5};
    Str etag = str_eq(q->path, S("/small")) ? S("\"v1\"") : (Str){0};
    reply_file(own, r, fd, size, S("audio/mpeg"), etag, modified, req_query(own, q, S("name")));
    if (!req_query(own, q, S("begins")).data) return;
    bool begins = reply_file_begins(r, &from, &length);
    reply_header(r, S("X-Begins"),
                 begins ? strf(own->arena, "%lld+%lld", (long long)from, (long long)length)
                        : S("not"));
}

static char large_byte(int64_t at) { return (char)(at * 7 + at / 256 * 13); }

static void file_fill(char *path, int64_t size, bool letters) {
    static char text[LARGE];
    int fd = mkstemp(path);
    for (int64_t i = 0; i < size; i++) text[i] = letters ? (char)('a' + i) : large_byte(i);
    if (fd < 0 || write(fd, text, (size_t)size) != (ssize_t)size) abort();
    close(fd);
}

static void before(void) {
    server = world_start((HttpOptions){.handle = handle, .budget_bytes = MIB});
    HttpOptions options = {.handle = handle,
                           .budget_bytes = MIB,
                           .write_timeout_ms = WRITE_MS,
                           .file_timeout_ms = FILE_MS};
    patient = world_start(options);
    options.max_connections = 1;
    crowded = world_start(options);
    file_fill(path_small, 26, true);
    int fd = mkstemp(path_huge);
    if (fd < 0 || ftruncate(fd, HUGE) != 0) abort();
    close(fd);
    file_fill(path_large, LARGE, false);
    file_fill(path_empty, 0, true);
}

static void after(void) {
    world_stop();
    unlink(path_huge);
    unlink(path_small);
    unlink(path_large);
    unlink(path_empty);
}

static bool is_large_from(Str body, int64_t from, int64_t len) {
    if (body.len != len) return false;
    for (ptrdiff_t i = 0; i < body.len; i++)
        if (body.data[i] != large_byte(from + i)) return false;
    return true;
}

TEST(sends_a_whole_file) {
    Str heard = get(server, "/small", "");
    CHECK_INT(status_in(heard), 200);
    CHECK_STR(body_in(heard), S("abcdefghijklmnopqrstuvwxyz"));
    CHECK_STR(header_in(heard, S("Content-Length")), S("26"));
    CHECK_STR(header_in(heard, S("Accept-Ranges")), S("bytes"));
    CHECK_STR(header_in(heard, S("ETag")), S("\"v1\""));
    CHECK_STR(header_in(heard, S("Last-Modified")), S("Tue, 14 Nov 2023 22:13:20 GMT"));
    CHECK(!header_in(heard, S("Content-Disposition")).data);
    heard = get(server, "/large", "");
    CHECK(is_large_from(body_in(heard), 0, LARGE));
    heard = get(server, "/empty", "");
    CHECK_STR(header_in(heard, S("Content-Length")), S("0"));
    CHECK_INT(body_in(heard).len, 0);
}

TEST(sends_one_range) {
    static const struct {
        const char *range, *body, *content_range;
    } rows[] = {
        {"bytes=0-0", "a", "bytes 0-0/26"},
        {"bytes=2-4", "cde", "bytes 2-4/26"},
        {"bytes=20-", "uvwxyz", "bytes 20-25/26"},
        {"bytes=-3", "xyz", "bytes 23-25/26"},
        {"bytes=25-25", "z", "bytes 25-25/26"},
        {"bytes=24-999", "yz", "bytes 24-25/26"},
        {"bytes=-999", "abcdefghijklmnopqrstuvwxyz", "bytes 0-25/26"},
        {"bytes=0-", "abcdefghijklmnopqrstuvwxyz", "bytes 0-25/26"},
        {"Bytes=1-1", "b", "bytes 1-1/26"},
        {"bytes= 1-1 ,", "b", "bytes 1-1/26"},
        {"bytes=1-1,99-", "b", "bytes 1-1/26"},
        {"bytes=24-99999999999999999999999", "yz", "bytes 24-25/26"},
        {"bytes=-99999999999999999999999", "abcdefghijklmnopqrstuvwxyz", "bytes 0-25/26"},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Str heard = get(server, "/small",
                        str_cstr(c->arena, strf(c->arena, "Range: %s\r\n", rows[i].range)));
        if (!CHECK_INT(status_in(heard), 206)) printf("    for %s\n", rows[i].range);
        CHECK_STR(body_in(heard), str_c(rows[i].body));
        CHECK_STR(header_in(heard, S("Content-Range")), str_c(rows[i].content_range));
        CHECK_STR(header_in(heard, S("Content-Type")), S("audio/mpeg"));
        CHECK_INT(count_in(heard, S("Content-Length: ")), 1);
    }
}

TEST(ignores_a_range_that_makes_no_sense) {
    static const char *const ranges[] = {
        "bytes",
        "bytes=",
        "bytes=a-b",
        "bytes=4-2",
        "bytes=-",
        "bytes=--1",
        "bytes=1-2-3",
        "chars=0-1",
        "bytes=1-2;3-4",
        "bytes=+1-2",
        "bytes=1 - 2",
        "bytes=0x1-2",
        "bytes=1-2,a",
        "bytes 1-2",
        "=1-2",
        "bytes=0-,0-",
        "bytes=0-20,5-25",
        "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15,16-16"};
    for (ptrdiff_t i = 0; i < COUNT(ranges); i++) {
        Str heard =
            get(server, "/small", str_cstr(c->arena, strf(c->arena, "Range: %s\r\n", ranges[i])));
        if (!CHECK_INT(status_in(heard), 200)) printf("    for %s\n", ranges[i]);
        CHECK_INT(body_in(heard).len, 26);
    }
}

TEST(says_416_outside_the_file) {
    static const char *const ranges[] = {"bytes=26-", "bytes=99-100", "bytes=-0", "bytes=26-27,30-",
                                         "bytes=99999999999999999999-"};
    for (ptrdiff_t i = 0; i < COUNT(ranges); i++) {
        Str heard =
            get(server, "/small", str_cstr(c->arena, strf(c->arena, "Range: %s\r\n", ranges[i])));
        if (!CHECK_INT(status_in(heard), 416)) printf("    for %s\n", ranges[i]);
        CHECK_STR(header_in(heard, S("Content-Range")), S("bytes */26"));
        CHECK_STR(header_in(heard, S("Content-Type")), S("application/problem+json"));
    }
    CHECK_INT(status_in(get(server, "/empty", "Range: bytes=0-\r\n")), 416);
    CHECK_INT(status_in(get(server, "/empty", "Range: bytes=-5\r\n")), 416);
}

TEST(sends_several_ranges_as_parts) {
    Str heard = get(server, "/small", "Range: bytes=0-1, 5-6,-2\r\n");
    CHECK_INT(status_in(heard), 206);
    Str type = header_in(heard, S("Content-Type")), body = body_in(heard);
    REQUIRE(CHECK(str_starts(type, S("multipart/byteranges; boundary="))));
    Str boundary = str_slice(type, 31, type.len);
    Str want =
        strf(c->arena,
             "\r\n--%.*s\r\nContent-Type: audio/mpeg\r\nContent-Range: bytes 0-1/26\r\n\r\nab"
             "\r\n--%.*s\r\nContent-Type: audio/mpeg\r\nContent-Range: bytes 5-6/26\r\n\r\nfg"
             "\r\n--%.*s\r\nContent-Type: audio/mpeg\r\nContent-Range: bytes "
             "24-25/26\r\n\r\nyz\r\n--%.*s--\r\n",
             S_ARG(boundary), S_ARG(boundary), S_ARG(boundary), S_ARG(boundary));
    CHECK_STR(body, want);
    int64_t length = 0;
    CHECK(str_to_i64(header_in(heard, S("Content-Length")), &length));
    CHECK_INT(length, body.len);
    CHECK(!header_in(heard, S("Content-Range")).data);
}

TEST(sends_the_right_bytes_of_a_large_file) {
    static const int64_t at[][2] = {
        {0, 0}, {65535, 65536}, {131071, 400000}, {2999999, 2999999}, {1, 2999998}};
    for (ptrdiff_t i = 0; i < COUNT(at); i++) {
        Str line =
            strf(c->arena, "Range: bytes=%lld-%lld\r\n", (long long)at[i][0], (long long)at[i][1]);
        Str body = body_in(get(server, "/large", str_cstr(c->arena, line)));
        CHECK(is_large_from(body, at[i][0], at[i][1] - at[i][0] + 1));
    }
}

TEST(goes_on_with_the_connection_after_ranges) {
    Str heard = ask(server, S("GET /small HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\nGET "
                              "/small HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1,3-3\r\n\r\n"
                              "HEAD /small HTTP/1.1\r\nHost: a\r\n\r\nGET /small HTTP/1.1\r\nHost: "
                              "a\r\nRange: bytes=77-\r\n\r\n"
                              "GET /small HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(count_in(heard, S("HTTP/1.1 206")), 2);
    CHECK_INT(count_in(heard, S("HTTP/1.1 200")), 2);
    CHECK_INT(count_in(heard, S("HTTP/1.1 416")), 1);
    CHECK(str_ends(heard, S("\r\n\r\nabcdefghijklmnopqrstuvwxyz")));
}

TEST(looks_at_if_range_before_it_sends_a_part) {
    static const struct {
        const char *line;
        int status;
    } rows[] = {
        {"If-Range: \"v1\"\r\n", 206},
        {"If-Range: \"v2\"\r\n", 200},
        {"If-Range: W/\"v1\"\r\n", 200},
        {"If-Range: Tue, 14 Nov 2023 22:13:20 GMT\r\n", 206},
        {"If-Range: Tue, 14 Nov 2023 22:13:21 GMT\r\n", 200},
        {"If-Range: Tue, 14 Nov 2023 22:13:19 GMT\r\n", 200},
        {"If-Range: nonsense\r\n", 200},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Str lines = strf(c->arena, "Range: bytes=1-2\r\n%s", rows[i].line);
        if (!CHECK_INT(status_in(get(server, "/small", str_cstr(c->arena, lines))), rows[i].status))
            printf("    for %s", rows[i].line);
    }
}

TEST(answers_conditions_before_ranges) {
    Str heard = get(server, "/small", "Range: bytes=1-2\r\nIf-None-Match: \"v1\"\r\n");
    CHECK_INT(status_in(heard), 304);
    CHECK_INT(body_in(heard).len, 0);
    CHECK_INT(status_in(get(server, "/small", "Range: bytes=1-2\r\nIf-Match: \"v2\"\r\n")), 412);
    CHECK_INT(
        status_in(get(server, "/small", "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n")),
        304);
    CHECK_INT(status_in(get(server, "/small", "Range: bytes=99-\r\nIf-None-Match: \"v1\"\r\n")),
              304);
}

TEST(makes_an_etag_of_size_and_date) {
    Str one = header_in(get(server, "/large", ""), S("ETag"));
    CHECK(one.len > 4);
    CHECK_STR(header_in(get(server, "/large", ""), S("ETag")), one);
    CHECK(!str_eq(header_in(get(server, "/empty", ""), S("ETag")), one));
    CHECK(!header_in(get(server, "/undated", ""), S("ETag")).data);
}

TEST(ranges_belong_to_get) {
    Str heard =
        ask(server,
            S("HEAD /small HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2\r\nConnection: close\r\n\r\n"));
    CHECK_INT(status_in(heard), 200);
    CHECK_STR(header_in(heard, S("Content-Length")), S("26"));
    CHECK_INT(body_in(heard).len, 0);
}

TEST(names_downloads_safely) {
    CHECK_STR(header_in(get(server, "/small?name=a%20b.mp3", ""), S("Content-Disposition")),
              S("attachment; filename=\"a b.mp3\""));
    CHECK_STR(header_in(get(server, "/small?name=%C3%A9t%C3%A9%22%0D%0AX:y.mp3", ""),
                        S("Content-Disposition")),
              S("attachment; filename=\"_t____X:y.mp3\"; "
                "filename*=UTF-8''%C3%A9t%C3%A9%22%0D%0AX%3Ay.mp3"));
}

TEST(cuts_the_connection_when_the_file_is_shorter_than_it_was) {
    Str heard = get(server, "/shrunk", "");
    CHECK_STR(header_in(heard, S("Content-Length")), S("1000"));
    CHECK_INT(body_in(heard).len, 26);
}

TEST(tells_where_the_answer_begins) {
    static const struct {
        const char *lines, *begins;
        int status;
    } rows[] = {
        {"", "0+26", 200},
        {"Range: bytes=0-\r\n", "0+26", 206},
        {"Range: bytes=0-1\r\n", "0+2", 206},
        {"Range: bytes=5-9\r\n", "5+5", 206},
        {"Range: bytes=-4\r\n", "22+4", 206},
        {"Range: bytes=7-8,0-1\r\n", "7+2", 206},
        {"Range: bytes=99-,3-4\r\n", "3+2", 206},
        {"Range: nonsense\r\n", "0+26", 200},
        {"Range: bytes=5-9\r\nIf-Range: \"v2\"\r\n", "0+26", 200},
        {"Range: bytes=99-\r\n", "not", 416},
        {"Range: bytes=5-9\r\nIf-None-Match: \"v1\"\r\n", "not", 304},
        {"If-Match: \"v2\"\r\n", "not", 412},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Str heard = get(server, "/small?begins=1", rows[i].lines);
        if (!CHECK_INT(status_in(heard), rows[i].status)) printf("    in row %td\n", i);
        if (rows[i].status < 400) CHECK_STR(header_in(heard, S("X-Begins")), str_c(rows[i].begins));
    }
}

/* -- Readers that pause ------------------------------------------------------------------------ */

static Stream *begin_huge(const HttpServer *of) {
    Stream *s = dial(of);
    say(s, S("GET /huge HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    hear_until(s, S("\r\n\r\n"));
    return s;
}

/* How much still comes before the connection ends. */
static int64_t rest_of(Stream *s) {
    static char to[256 * 1024];
    int64_t total = 0, former = ctx_deadline_within(c, PATIENCE_MS);
    for (ptrdiff_t n = 1; n > 0; total += n)
        if (stream_read(c, s, to, (ptrdiff_t)sizeof to, &n)) n = 0;
    c->deadline_us = former;
    stream_close(s);
    return total;
}

TEST(waits_for_a_reader_that_pauses) {
    Stream *s = begin_huge(patient);
    GOOD(sleep_ms(c, 5 * WRITE_MS));
    CHECK_INT(rest_of(s), HUGE);
}

TEST(does_not_wait_for_ever) {
    int64_t before_us = mono_us();
    Stream *s = begin_huge(patient);
    SOON(http_connections(patient) == 0);
    CHECK(mono_us() - before_us >= FILE_MS * US_PER_MS);
    CHECK(rest_of(s) < HUGE);
}

TEST(waits_shortly_when_connections_are_few) {
    int64_t before_us = mono_us();
    Stream *s = begin_huge(crowded);
    SOON(http_connections(crowded) == 0);
    CHECK(mono_us() - before_us < FILE_MS * US_PER_MS);
    CHECK(rest_of(s) < HUGE);
}

/* The last one: that server is not there afterwards. */
TEST(does_not_wait_for_readers_that_pause_when_it_stops) {
    Stream *s = begin_huge(patient);
    GOOD(sleep_ms(c, 2 * WRITE_MS));
    int64_t before_us = mono_us();
    http_stop(patient);
    SOON(http_connections(patient) == 0);
    CHECK(mono_us() - before_us < (FILE_MS - 2 * WRITE_MS) * US_PER_MS / 2);
    CHECK(rest_of(s) < HUGE);
}

T_LOOP_MAIN(1, before, after, T_ROW(sends_a_whole_file), T_ROW(sends_one_range),
            T_ROW(ignores_a_range_that_makes_no_sense), T_ROW(says_416_outside_the_file),
            T_ROW(sends_several_ranges_as_parts), T_ROW(sends_the_right_bytes_of_a_large_file),
            T_ROW(goes_on_with_the_connection_after_ranges),
            T_ROW(looks_at_if_range_before_it_sends_a_part),
            T_ROW(answers_conditions_before_ranges), T_ROW(makes_an_etag_of_size_and_date),
            T_ROW(ranges_belong_to_get), T_ROW(names_downloads_safely),
            T_ROW(cuts_the_connection_when_the_file_is_shorter_than_it_was),
            T_ROW(tells_where_the_answer_begins), T_ROW(waits_for_a_reader_that_pauses),
            T_ROW(does_not_wait_for_ever), T_ROW(waits_shortly_when_connections_are_few),
            T_ROW(does_not_wait_for_readers_that_pause_when_it_stops))
