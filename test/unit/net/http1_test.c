/* SPDX-License-Identifier: Apache-2.0
 * The head parser and the chunked decoder: good requests cut at every byte, and the shapes that
 * request smuggling is made of. */
#include "net/http1.h"
#include "t.h"

enum { HEAD_LIMIT = 32 * 1024 };

typedef struct Seen {
    int status;
    ptrdiff_t length;
    Http1Head head;
    Header headers[HTTP1_HEADERS_MAX + 2];
    Str path, query, authority;
} Seen;

/* Feed the text in pieces that end at `cut` and at its end; parse what is found. */
static Seen see_cut(Str text, ptrdiff_t cut) {
    static Seen seen;
    Http1Scan scan = {0};
    memset(&seen, 0, sizeof seen);
    ptrdiff_t ends[] = {cut, text.len};
    for (int i = 0; i < 2; i++) {
        Http1Fault fault = http1_scan(&scan, str_slice(text, 0, ends[i]), HEAD_LIMIT, &seen.length);
        seen.status = fault.status;
        if (seen.status || seen.length) break;
    }
    if (seen.status || !seen.length) return seen;
    Http1Fault fault = http1_parse(str_slice(text, scan.start, seen.length), seen.headers,
                                   COUNT(seen.headers), &seen.head);
    if (!fault.status) fault = http1_target(&seen.head, &seen.path, &seen.query, &seen.authority);
    seen.status = fault.status;
    return seen;
}

static Seen see(Str text) { return see_cut(text, text.len); }
static int status_of(Str text) {
    Seen seen = see(text);
    return seen.status ? seen.status : seen.length ? 200 : 0;
}

/* A request with these lines after its request line (each with its own CR LF). */
static Str with_lines(const char *lines) {
    static char text[70000];
    int n = snprintf(text, sizeof text, "POST /x HTTP/1.1\r\nHost: a.example\r\n%s\r\n", lines);
    return str_of(text, n);
}

TEST(reads_a_usual_request) {
    Seen seen =
        see(S("GET /a/b?c=d&e HTTP/1.1\r\nHost: a.example:8000\r\nAccept:text/html\r\nX-Empty:\r\n"
              "X-Padded: \t two words \t\r\n\r\nrest"));
    CHECK_INT(seen.status, 0);
    CHECK_STR(seen.head.method, S("GET"));
    CHECK_STR(seen.path, S("/a/b"));
    CHECK_STR(seen.query, S("c=d&e"));
    CHECK_STR(seen.head.host, S("a.example:8000"));
    CHECK_INT(seen.head.minor, 1);
    CHECK_INT(seen.head.header_count, 4);
    CHECK_STR(seen.headers[1].name, S("Accept"));
    CHECK_STR(seen.headers[1].value, S("text/html"));
    CHECK_INT(seen.headers[2].value.len, 0);
    CHECK_STR(seen.headers[3].value, S("two words"));
    CHECK_INT(seen.head.body_length, 0);
    CHECK(seen.head.keep_alive);
}

TEST(gives_the_same_result_wherever_the_input_is_cut) {
    static const Str texts[] = {
        S_INIT("POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: "
               "100-continue\r\n\r\nhello"),
        S_INIT("\r\nGET / HTTP/1.0\r\n\r\n"),
        S_INIT("PUT /c HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\nConnection: x, "
               "Close\r\n\r\n"),
        S_INIT("GET / HTTP/1.1\nHost: a\n\n"),
        S_INIT("GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n"),
        S_INIT("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"),
        S_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    };
    for (ptrdiff_t i = 0; i < COUNT(texts); i++) {
        Seen whole = see(texts[i]);
        for (ptrdiff_t cut = 0; cut <= texts[i].len; cut++) {
            Seen seen = see_cut(texts[i], cut);
            CHECK_INT(seen.status, whole.status);
            CHECK_INT(seen.length, whole.length);
            CHECK_INT(seen.head.body_length, whole.head.body_length);
            CHECK_INT(seen.head.keep_alive, whole.head.keep_alive);
            CHECK_INT(seen.head.header_count, whole.head.header_count);
        }
    }
}

TEST(asks_for_more_while_the_head_is_not_whole) {
    Str text = S("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    for (ptrdiff_t i = 0; i < text.len; i++) CHECK_INT(status_of(str_slice(text, 0, i)), 0);
    CHECK_INT(status_of(text), 200);
}

TEST(refuses_what_is_no_request_line) {
    static const Str lines[] = {
        S_INIT("GET /\r\n\r\n"),
        S_INIT("GET\r\n\r\n"),
        S_INIT("GET  / HTTP/1.1\r\n\r\n"),
        S_INIT("GET /  HTTP/1.1\r\n\r\n"),
        S_INIT("GET / HTTP/1.1 \r\n\r\n"),
        S_INIT(" GET / HTTP/1.1\r\n\r\n"),
        S_INIT("GET\t/ HTTP/1.1\r\n\r\n"),
        S_INIT("GET /\tHTTP/1.1\r\n\r\n"),
        S_INIT("G(T / HTTP/1.1\r\n\r\n"),
        S_INIT("GET / http/1.1\r\n\r\n"),
        S_INIT("GET / HTTP/1.\r\n\r\n"),
        S_INIT("GET / HTTP/1.1x\r\n\r\n"),
        S_INIT("GET / HTTP/11\r\n\r\n"),
        S_INIT("GET / HTTP/+.1\r\n\r\n"),
        S_INIT("GET / FTP/1.1\r\n\r\n"),
        S_INIT("\x16\x03\x01\x02"),
        S_INIT("\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        S_INIT("\rGET / HTTP/1.1\r\n\r\n"),
        S_INIT("\nGET / HTTP/1.1\r\n\r\n"),
        S_INIT("GET / HTTP/1.1\n\r\n"),
        S_INIT("GET / HTTP/1.1\r\r\n\r\n"),
        S_INIT("GET /\0 HTTP/1.1\r\n\r\n"),
        S_INIT("GET /a b HTTP/1.1\r\n\r\n"),
        S_INIT("GET http:/// HTTP/1.1\r\n\r\n"),
        S_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    };
    for (ptrdiff_t i = 0; i < COUNT(lines); i++)
        if (!CHECK_INT(status_of(lines[i]), 400)) printf("    in row %td\n", i);
}

TEST(answers_other_versions_with_505) {
    CHECK_INT(status_of(S("GET / HTTP/2.0\r\nHost: a\r\n\r\n")), 505);
    CHECK_INT(status_of(S("GET / HTTP/1.2\r\nHost: a\r\n\r\n")), 505);
    CHECK_INT(status_of(S("GET / HTTP/0.9\r\nHost: a\r\n\r\n")), 505);
    CHECK_INT(status_of(S("GET / HTTP/3.1\r\nHost: a\r\n\r\n")), 505);
}

TEST(refuses_bodies_whose_length_two_readers_could_disagree_on) {
    static const char *const lines[] = {
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "content-length: 5\r\nCONTENT-LENGTH: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5a\r\n",
        "Content-Length:\r\n",
        "Content-Length: \r\n",
        "Content-Length: 5.0\r\n",
        "Content-Length: 5;\r\n",
        "Content-Length: \"5\"\r\n",
        "Content-Length: 1234567890123456789\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Content-Length: \xB5\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: ,chunked\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunk\r\n",
        "Transfer-Encoding: chunked \x0B\r\n",
        "Transfer-Encoding:\x0B"
        "chunked\r\n",
        "Transfer-Encoding: \x7F"
        "chunked\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "\tTransfer-Encoding: chunked\r\n",
        "X: y\r\n Transfer-Encoding: chunked\r\n",
        "X: y\r\n\tz\r\n",
        "Content-Length : 5\r\n",
        "Content-Length\t: 5\r\n",
        "X: y\rTransfer-Encoding: chunked\r\n",
        "X: y\nTransfer-Encoding: chunked\r\n",
        "X: y\r\n\rTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding:\r\n",
    };
    for (ptrdiff_t i = 0; i < COUNT(lines); i++)
        if (!CHECK_INT(status_of(with_lines(lines[i])), 400))
            printf("    in row %td: %s\n", i, lines[i]);
}

TEST(refuses_every_byte_that_has_no_place) {
    char line[64];
    for (int byte = 0; byte < 256; byte++) {
        bool token = byte && (strchr("!#$%&'*+-.^_`|~", byte) || (byte >= '0' && byte <= '9') ||
                              ((byte | 32) >= 'a' && (byte | 32) <= 'z'));
        bool field = byte == '\t' || (byte >= ' ' && byte != 0x7F);
        Str texts[] = {S("GET / HTTP/1.1\r\nHost: a\r\nX?Y: z\r\n\r\n"),
                       S("GET / HTTP/1.1\r\nHost: a\r\nX: y?z\r\n\r\n"),
                       S("G?T / HTTP/1.1\r\nHost: a\r\n\r\n")};
        bool fine[] = {token || byte == ':', field, token || byte == ' '};
        for (int i = 0; i < 3; i++) {
            memcpy(line, texts[i].data, (size_t)texts[i].len);
            *(char *)memchr(line, '?', (size_t)texts[i].len) = (char)byte;
            if (i == 2 && byte == ' ') continue; /* another split, refused elsewhere */
            if (!CHECK_INT(status_of(str_of(line, texts[i].len)), fine[i] ? 200 : 400))
                printf("    byte %d at place %d\n", byte, i);
        }
    }
}

TEST(refuses_a_header_without_a_name) {
    static const char *const lines[] = {": x\r\n",      ":\r\n",      "X\r\n",
                                        "X y\r\n",      "X y: z\r\n", "X\r\nY: z\r\n",
                                        "@: x\r\n",     "(X): y\r\n", "X\xC3\xA9: y\r\n",
                                        "\"X\": y\r\n", "X,Y: z\r\n"};
    for (ptrdiff_t i = 0; i < COUNT(lines); i++)
        if (!CHECK_INT(status_of(with_lines(lines[i])), 400)) printf("    in row %td\n", i);
}

TEST(wants_exactly_one_valid_host_in_1_1) {
    CHECK_INT(status_of(S("GET / HTTP/1.1\r\n\r\n")), 400);
    CHECK_INT(status_of(S("GET / HTTP/1.0\r\n\r\n")), 200);
    CHECK_INT(status_of(S("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n")), 400);
    CHECK_INT(status_of(S("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n")), 400);
    static const char *const bad[] = {
        "",    "a b",     "a,b",  "a/b",      "a@b", "a:b", "a:80:80", "a:123456", "[::1",   "[]",
        "[x]", "[::1]80", "a\\b", "http://a", "a?b", "a#b", ":80",     "\xC3\xA9", "[::1]:x"};
    static const char *const good[] = {"a",   "a.example", "127.0.0.1:8000", "[::1]", "[::1]:80",
                                       "a_b", "a:",        "xn--a.b"};
    char text[128];
    for (ptrdiff_t i = 0; i < COUNT(bad); i++) {
        int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        if (!CHECK_INT(status_of(str_of(text, n)), 400)) printf("    in %s\n", bad[i]);
    }
    for (ptrdiff_t i = 0; i < COUNT(good); i++) {
        int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
        if (!CHECK_INT(status_of(str_of(text, n)), 200)) printf("    in %s\n", good[i]);
    }
}

TEST(takes_absolute_form_when_it_agrees_with_host) {
    Seen seen = see(S("GET http://a.example/b?c HTTP/1.1\r\nHost: A.example\r\n\r\n"));
    CHECK_INT(seen.status, 0);
    CHECK_STR(seen.path, S("/b"));
    CHECK_STR(seen.query, S("c"));
    CHECK_STR(seen.authority, S("a.example"));
    CHECK_STR(see(S("GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n")).path, S("/"));
    CHECK_INT(status_of(S("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n")), 400);
    CHECK_INT(status_of(S("GET http://a/ HTTP/1.1\r\n\r\n")), 400);
    CHECK_INT(status_of(S("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n")), 400);
    CHECK_INT(status_of(S("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n")), 400);
    CHECK_INT(status_of(S("GET a/b HTTP/1.1\r\nHost: a\r\n\r\n")), 400);
    CHECK_INT(status_of(S("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n")), 400);
}

TEST(takes_an_asterisk_for_options_only) {
    CHECK_STR(see(S("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")).path, S("*"));
    CHECK_INT(status_of(S("GET * HTTP/1.1\r\nHost: a\r\n\r\n")), 400);
}

TEST(refuses_targets_that_should_have_been_encoded) {
    static const char bad[] = "\"<>\\^`{}#|\x01\x7F\x80\xFF";
    char text[64];
    for (const char *p = bad; *p; p++) {
        bool browsers_leave_it = *p == '^' || *p == '|';
        int n = snprintf(text, sizeof text, "GET /a%cb HTTP/1.1\r\nHost: a\r\n\r\n", *p);
        if (!CHECK_INT(status_of(str_of(text, n)), browsers_leave_it ? 200 : 400))
            printf("    byte %d\n", *p);
    }
    CHECK_INT(status_of(S("GET /a?b={c}[d]|e HTTP/1.1\r\nHost: a\r\n\r\n")), 200);
    CHECK_INT(status_of(S("GET /a?b=\"c\" HTTP/1.1\r\nHost: a\r\n\r\n")), 400);
    CHECK_INT(status_of(S("GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n")), 400);
}

TEST(bounds_the_request_line_the_head_and_the_number_of_fields) {
    static char text[70000];
    ptrdiff_t n = snprintf(text, sizeof text, "GET /");
    memset(text + n, 'a', 9000);
    CHECK_INT(status_of(str_of(text, 8000)), 0);
    CHECK_INT(status_of(str_of(text, 9000)), 414);
    memcpy(text + 8190, " HTTP/1.1\r\nHost: a\r\n\r\n", 22);
    CHECK_INT(status_of(str_of(text, 8212)), 414);
    n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    memset(text + n, 'a', 40000);
    CHECK_INT(status_of(str_of(text, 32000)), 0);
    CHECK_INT(status_of(str_of(text, 33000)), 431);
    n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 99; i++) n += snprintf(text + n, sizeof text - (size_t)n, "A%d: b\r\n", i);
    memcpy(text + n, "\r\n", 2);
    CHECK_INT(status_of(str_of(text, n + 2)), 200);
    memcpy(text + n, "Z: z\r\n\r\n", 8);
    CHECK_INT(status_of(str_of(text, n + 8)), 431);
}

TEST(knows_when_the_connection_goes_on) {
    CHECK(see(S("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).head.keep_alive);
    CHECK(!see(S("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).head.keep_alive);
    CHECK(!see(S("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive , CLOSE\r\n\r\n"))
               .head.keep_alive);
    CHECK(!see(S("GET / HTTP/1.0\r\n\r\n")).head.keep_alive);
    CHECK(see(S("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")).head.keep_alive);
    CHECK(!see(S("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"))
               .head.keep_alive);
}

TEST(has_no_transfer_coding_and_no_expectation_in_1_0) {
    CHECK_INT(status_of(S("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")), 400);
    CHECK(!see(S("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"))
               .head.expect_continue);
    CHECK(see(S("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n"))
              .head.expect_continue);
}

TEST(refuses_expectations_that_nobody_knows) {
    static const struct {
        const char *lines;
        int status;
        bool go_on;
    } cases[] = {
        {"Expect: 100-continue, 100-CONTINUE\r\n", 0, true},
        {"Expect: 100-continue\r\nExpect: 100-continue\r\n", 0, true},
        {"Expect:\r\n", 0, false},
        {"Expect: ,\r\n", 0, false},
        {"Expect: 200-ok\r\n", 417, false},
        {"Expect: 100-continue, 200-ok\r\n", 417, false},
        {"Expect: x\r\nExpect: 100-continue\r\n", 417, false},
        {"Expect: 100-continue; q=1\r\n", 417, false},
        {"Expect: 100-continu\r\n", 417, false},
    };
    for (ptrdiff_t i = 0; i < COUNT(cases); i++) {
        char text[200];
        for (int minor = 0; minor < 2; minor++) {
            int length = snprintf(text, sizeof text,
                                  "POST / HTTP/1.%d\r\nHost: a\r\n%sContent-Length: 1\r\n\r\n",
                                  minor, cases[i].lines);
            Str head = str_of(text, length);
            CHECK_INT(status_of(head), minor && cases[i].status ? cases[i].status : 200);
            if (!minor || !cases[i].status)
                CHECK_INT(see(head).head.expect_continue, minor && cases[i].go_on);
        }
    }
}

/* -- Chunked ----------------------------------------------------------------------------------- */

typedef struct Decoded {
    ChunkedState state;
    ptrdiff_t used, len;
    char data[70000];
} Decoded;

/* Decode with the input cut at `cut`, or after every byte when it is -1. */
static const Decoded *decode(Str text, ptrdiff_t cut) {
    static Decoded out;
    Chunked d = {0};
    out.used = out.len = 0;
    while (out.used < text.len && d.state != CHUNKED_DONE && d.state != CHUNKED_BAD) {
        ptrdiff_t to = cut < 0 ? out.used + 1 : out.used < cut ? cut : text.len;
        Str data;
        out.used += chunked_take(&d, str_slice(text, out.used, to), &data);
        memcpy(out.data + out.len, data.data, (size_t)data.len);
        out.len += data.len;
    }
    out.state = d.state;
    return &out;
}

TEST(decodes_chunks_wherever_they_are_cut) {
    Str text = S("5;a=b;c=\"d e\"\r\nhello\r\n00A\r\n, my world\r\n0;x\r\nTrailer: "
                 "y\r\nOther:\r\n\r\nGET /");
    for (ptrdiff_t cut = -1; cut <= text.len; cut++) {
        const Decoded *d = decode(text, cut);
        CHECK_INT(d->state, CHUNKED_DONE);
        CHECK_STR(str_of(d->data, d->len), S("hello, my world"));
        CHECK_INT(d->used, text.len - 5);
    }
}

TEST(refuses_chunks_that_two_readers_could_split_differently) {
    static const Str texts[] = {
        S_INIT("\r\n"),
        S_INIT("g\r\n"),
        S_INIT("-1\r\n"),
        S_INIT("+1\r\na\r\n"),
        S_INIT(" 1\r\na\r\n"),
        S_INIT("1 \r\na\r\n"),
        S_INIT("0x1\r\na\r\n"),
        S_INIT("1\na\r\n"),
        S_INIT("1\r\na\n"),
        S_INIT("1\r\nab\r\n"),
        S_INIT("1\r\na\rb"),
        S_INIT("1\ra\r\n"),
        S_INIT("1;\na\r\n"),
        S_INIT("1;a\rb\r\n"),
        S_INIT("1;\x01\r\n"),
        S_INIT("1;\0\r\n"),
        S_INIT("1\t;\r\n"),
        S_INIT("10000000000000000\r\n"),
        S_INIT("FFFFFFFFFFFFFFFFF\r\n"),
        S_INIT("0000000000000000\r\n"),
        S_INIT("0\n\r\n"),
        S_INIT("0\r\n\n"),
        S_INIT("0\r\n\r\r"),
        S_INIT("0\r\n X: y\r\n\r\n"),
        S_INIT("0\r\nX y\r\n\r\n"),
        S_INIT("0\r\nX : y\r\n\r\n"),
        S_INIT("0\r\n: y\r\n\r\n"),
        S_INIT("0\r\nX: y\n\r\n"),
        S_INIT("0\r\nX: y\rz\r\n\r\n"),
        S_INIT("0\r\nX: \x02\r\n\r\n"),
        S_INIT("0\r\nX: y\r\n z\r\n\r\n"),
        S_INIT("5\r\nhello0\r\n\r\n"),
        S_INIT("\xEF\xBC\x91\r\n"),
        S_INIT("1,1\r\na\r\n"),
        S_INIT("1h\r\na\r\n"),
    };
    for (ptrdiff_t i = 0; i < COUNT(texts); i++) {
        for (ptrdiff_t cut = -1; cut <= texts[i].len; cut++)
            if (!CHECK_INT(decode(texts[i], cut)->state, CHUNKED_BAD))
                printf("    in row %td\n", i);
    }
}

TEST(bounds_extensions_and_trailers) {
    static char text[30000];
    ptrdiff_t n = snprintf(text, sizeof text, "1;");
    memset(text + n, 'a', 2000);
    CHECK_INT(decode(str_of(text, 1000), 1000)->state, CHUNKED_EXTENSION);
    CHECK_INT(decode(str_of(text, 1500), 1500)->state, CHUNKED_BAD);
    n = 0;
    for (int i = 0; i < 600; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "1;a\r\nx\r\n"); /* a little each time */
    CHECK_INT(decode(str_of(text, n), n)->state, CHUNKED_BAD);
    n = snprintf(text, sizeof text, "0\r\nX: ");
    memset(text + n, 'a', 10000);
    CHECK_INT(decode(str_of(text, 10000), 10000)->state, CHUNKED_BAD);
}

TEST(waits_for_the_rest_of_a_chunk) {
    CHECK_INT(decode(S("5\r\nhel"), 6)->len, 3);
    CHECK_INT(decode(S("5\r\nhel"), 6)->state, CHUNKED_DATA);
    CHECK_INT(decode(S("FFFFFFFFFFFFFFF\r\nhel"), 0)->state, CHUNKED_DATA);
}

TEST(finds_tokens_in_lists) {
    CHECK(http1_list_has(S("a, b ,C"), S("c")));
    CHECK(!http1_list_has(S("ab, cd"), S("a")));
    CHECK(!http1_list_has(S(""), S("a")));
    CHECK(!http1_list_has((Str){0}, S("a")));
}

T_MAIN(T_ROW(reads_a_usual_request), T_ROW(gives_the_same_result_wherever_the_input_is_cut),
       T_ROW(asks_for_more_while_the_head_is_not_whole), T_ROW(refuses_what_is_no_request_line),
       T_ROW(answers_other_versions_with_505),
       T_ROW(refuses_bodies_whose_length_two_readers_could_disagree_on),
       T_ROW(refuses_every_byte_that_has_no_place), T_ROW(refuses_a_header_without_a_name),
       T_ROW(wants_exactly_one_valid_host_in_1_1),
       T_ROW(takes_absolute_form_when_it_agrees_with_host),
       T_ROW(takes_an_asterisk_for_options_only),
       T_ROW(refuses_targets_that_should_have_been_encoded),
       T_ROW(bounds_the_request_line_the_head_and_the_number_of_fields),
       T_ROW(knows_when_the_connection_goes_on),
       T_ROW(has_no_transfer_coding_and_no_expectation_in_1_0),
       T_ROW(refuses_expectations_that_nobody_knows), T_ROW(decodes_chunks_wherever_they_are_cut),
       T_ROW(refuses_chunks_that_two_readers_could_split_differently),
       T_ROW(bounds_extensions_and_trailers), T_ROW(waits_for_the_rest_of_a_chunk),
       T_ROW(finds_tokens_in_lists))
