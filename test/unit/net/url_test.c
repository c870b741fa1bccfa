/* SPDX-License-Identifier: Apache-2.0
 * URLs, query parameters, cookies. */
#include "net/url.h"

#include "net/http.h"
#include "t.h"

static Ctx own;

TEST(splits_urls) {
    Url u;
    CHECK(url_parse(S("https://user:pa%40ss@Host.example:8443/a/b?c=d#e"), &u));
    CHECK_STR(u.scheme, S("https"));
    CHECK_STR(u.userinfo, S("user:pa%40ss"));
    CHECK_STR(u.host, S("Host.example"));
    CHECK_INT(u.port, 8443);
    CHECK_STR(u.path, S("/a/b"));
    CHECK_STR(u.query, S("c=d"));
    CHECK_STR(u.fragment, S("e"));
    CHECK(url_parse(S("redis://:secret@[::1]/0"), &u));
    CHECK_STR(u.host, S("::1"));
    CHECK_STR(u.userinfo, S(":secret"));
    CHECK_INT(u.port, 6379);
    CHECK(url_parse(S("sqlite:///var/lib/x.db"), &u));
    CHECK_STR(u.host, S(""));
    CHECK_STR(u.path, S("/var/lib/x.db"));
    CHECK_INT(u.port, 0);
    CHECK(url_parse(S("http://a"), &u));
    CHECK_STR(u.path, S(""));
    CHECK(!u.query.data && !u.fragment.data && !u.userinfo.data);
    CHECK(url_parse(S("http://a?b"), &u));
    CHECK_STR(u.host, S("a"));
    CHECK_STR(u.query, S("b"));
    CHECK(url_parse(S("http://a#b?c/d@e"), &u));
    CHECK_STR(u.host, S("a"));
    CHECK_STR(u.fragment, S("b?c/d@e"));
    CHECK(url_parse(S("http://a/b@c:d"), &u));
    CHECK_STR(u.host, S("a"));
    CHECK_STR(u.path, S("/b@c:d"));
    CHECK(url_parse(S("https://fr.wikipedia.org/wiki/\xC3\x89lys\xC3\xA9"
                      "e"),
                    &u));
}

TEST(knows_the_usual_ports) {
    static const struct {
        const char *url;
        int port;
    } rows[] = {{"http://a", 80},          {"HTTPS://a", 443},   {"ws://a", 80},
                {"wss://a", 443},          {"redis://a", 6379},  {"postgresql://a/b", 5432},
                {"postgres://a", 5432},    {"s3://bucket/x", 0}, {"http://a:1", 1},
                {"http://a:65535", 65535}, {"http://a:", 80}};
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Url u = {.port = -1};
        CHECK(url_parse(str_c(rows[i].url), &u));
        CHECK_INT(u.port, rows[i].port);
    }
}

TEST(refuses_urls_that_can_be_read_in_two_ways) {
    static const Str texts[] = {
        S_INIT(""),
        S_INIT("a"),
        S_INIT("/a"),
        S_INIT("//a"),
        S_INIT("http:/a"),
        S_INIT("http:a"),
        S_INIT("://a"),
        S_INIT("1http://a"),
        S_INIT("ht tp://a"),
        S_INIT("http://"),
        S_INIT("http:///a"),
        S_INIT("http://:80/"),
        S_INIT("http://a:0"),
        S_INIT("http://a:65536"),
        S_INIT("http://a:-1"),
        S_INIT("http://a:+1"),
        S_INIT("http://a:8 0"),
        S_INIT("http://a:b"),
        S_INIT("http://a:1:2"),
        S_INIT("http://a@b@c/"),
        S_INIT("http://a b/"),
        S_INIT("http://a/b c"),
        S_INIT("http://a\\@b/"),
        S_INIT("http://a/\\b"),
        S_INIT("http://[::1"),
        S_INIT("http://[]"),
        S_INIT("http://[x]"),
        S_INIT("http://[::1]x"),
        S_INIT("http://::1/"),
        S_INIT("http://a\r\nX: y/"),
        S_INIT("http://a/\r\n"),
        S_INIT("http://a/\0b"),
        S_INIT("http://a\0b/"),
        S_INIT("h\0p://a/"),
        S_INIT("http://a/%"),
        S_INIT("http://a/%4"),
        S_INIT("http://a/%4g"),
        S_INIT("http://a/?%zz"),
        S_INIT("http://%/"),
        S_INIT("http://a/\xFF"),
        S_INIT("http://a/<b>"),
        S_INIT("http://a<b/"),
        S_INIT(" http://a/"),
        S_INIT("http://a/ "),
        S_INIT("http://a/\x7F"),
    };
    for (ptrdiff_t i = 0; i < COUNT(texts); i++) {
        Url u;
        if (!CHECK(!url_parse(texts[i], &u))) printf("    row %td: %.*s\n", i, S_ARG(texts[i]));
    }
}

TEST(decodes_percent_and_plus) {
    Arena *arena = own.arena;
    CHECK_STR(url_decode(arena, S("a%20b+c%2Fd"), false), S("a b+c/d"));
    CHECK_STR(url_decode(arena, S("a%20b+c%2fd"), true), S("a b c/d"));
    CHECK_STR(url_decode(arena, S(""), true), S(""));
    CHECK_STR(url_decode(arena, S("%00"), true), str_of("", 1));
    CHECK(str_is_null(url_decode(arena, S("%"), true)));
    CHECK(str_is_null(url_decode(arena, S("a%2"), true)));
    CHECK(str_is_null(url_decode(arena, S("%2x"), true)));
    CHECK(str_is_null(url_decode(arena, S("%%20"), true)));
}

TEST(round_trips_every_byte) {
    Buf b = buf_new(own.arena, 0);
    char all[256];
    for (int i = 0; i < 256; i++) all[i] = (char)i;
    buf_url(&b, str_of(all, 256));
    CHECK_STR(url_decode(own.arena, buf_str(&b), true), str_of(all, 256));
}

TEST(finds_query_parameters) {
    Req q = {.query = S("a=1&b=two+words&c&d=&e=%26%3D&a=2&%66=g&&=h&i=j=k")};
    CHECK_STR(req_query(&own, &q, S("a")), S("1"));
    CHECK_STR(req_query(&own, &q, S("b")), S("two words"));
    CHECK_STR(req_query(&own, &q, S("c")), S(""));
    CHECK_STR(req_query(&own, &q, S("d")), S(""));
    CHECK_STR(req_query(&own, &q, S("e")), S("&="));
    CHECK_STR(req_query(&own, &q, S("f")), S("g"));
    CHECK_STR(req_query(&own, &q, S("i")), S("j=k"));
    CHECK_STR(req_query(&own, &q, S("")), S("h"));
    CHECK(str_is_null(req_query(&own, &q, S("z"))));
    CHECK(str_is_null(req_query(&own, &(Req){.query = S("")}, S(""))));
    CHECK(str_is_null(req_query(&own, &(Req){.query = S("")}, S("a"))));
}

TEST(walks_all_query_parameters) {
    Req q = {.query = S("a=1&&b&c=d%20e&")};
    ptrdiff_t cursor = 0;
    Str name, value;
    Buf b = buf_new(own.arena, 0);
    while (req_query_next(&own, &q, &cursor, &name, &value))
        buf_f(&b, "[%.*s|%.*s]", S_ARG(name), S_ARG(value));
    CHECK_STR(buf_str(&b), S("[a|1][b|][c|d e]"));
}

TEST(tells_valid_queries_from_others) {
    static const struct {
        const char *query;
        bool valid;
    } rows[] = {{"", true},
                {"a=b", true},
                {"a=%C3%A9", true},
                {"a=%f0%9f%98%80", true},
                {"%", false},
                {"a=%4", false},
                {"a=%zz", false},
                {"a=%ff", false},
                {"a=%C3&b=%A9", false},
                {"a=%c0%80", false},
                {"a=%ed%a0%80", false},
                {"a=%00", false},
                {"a=%25zz", true}};
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Req q = {.query = str_c(rows[i].query)};
        if (!CHECK_INT(req_query_valid(&q), rows[i].valid)) printf("    %s\n", rows[i].query);
    }
}

TEST(finds_cookies) {
    Header headers[] = {{S("Cookie"), S("a=1; b=two words; c=\"q\";d=;  e=f=g ;bad; ab=2")},
                        {S("cookie"), S("z=last")}};
    Req q = {.headers = headers, .header_count = COUNT(headers)};
    CHECK_STR(req_cookie(&q, S("a")), S("1"));
    CHECK_STR(req_cookie(&q, S("b")), S("two words"));
    CHECK_STR(req_cookie(&q, S("c")), S("\"q\""));
    CHECK_STR(req_cookie(&q, S("d")), S(""));
    CHECK_STR(req_cookie(&q, S("e")), S("f=g"));
    CHECK_STR(req_cookie(&q, S("z")), S("last"));
    CHECK(str_is_null(req_cookie(&q, S("bad"))));
    CHECK(str_is_null(req_cookie(&q, S("A"))));
    CHECK(str_is_null(req_cookie(&(Req){0}, S("a"))));
}

TEST(finds_the_first_header_of_a_name) {
    Header headers[] = {{S("X-One"), S("1")}, {S("x-one"), S("2")}, {S("X-Empty"), S("")}};
    Req q = {.headers = headers, .header_count = COUNT(headers)};
    CHECK_STR(req_header(&q, S("x-ONE")), S("1"));
    CHECK_STR(req_header(&q, S("x-empty")), S(""));
    CHECK(str_is_null(req_header(&q, S("x-two"))));
}

int main(int argc, char **argv) {
    static const T rows[] = {
        T_ROW(splits_urls),
        T_ROW(knows_the_usual_ports),
        T_ROW(refuses_urls_that_can_be_read_in_two_ways),
        T_ROW(decodes_percent_and_plus),
        T_ROW(round_trips_every_byte),
        T_ROW(finds_query_parameters),
        T_ROW(walks_all_query_parameters),
        T_ROW(tells_valid_queries_from_others),
        T_ROW(finds_cookies),
        T_ROW(finds_the_first_header_of_a_name),
    };
    own.arena = arena_new(MIB);
    int result = t_main(argc, argv, rows, (int)COUNT(rows));
    arena_free(own.arena);
    return result;
}
