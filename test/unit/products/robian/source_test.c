/* SPDX-License-Identifier: Apache-2.0
 * Where a page's media are, and how far a program that fetches by itself gets through the guard. */
#include "products/robian/source.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/time.h"
#include "products/robian/extraction.h"
#include "products/robian/guard.h"
#include "products/robian/robian.h"
#include "products/robian/tags.h"
#include "rt/io.h"
#include "shared_data.h"
#include "t.h"

/* -- reading --------------------------------------------------------------------------------------- */

static Arena *arena;

static SourcePage page_of(const char *html) {
    SourcePage page;
    page_read(arena, str_c(html), S("https://videos.example.org/video.1_a.slug"), &page);
    return page;
}

TEST(tags_come_as_they_are_written) {
    arena = arena_new(1 * MIB);
    Str rest = S(
        "x < y <!-- <meta a=1> --><meta a=\"x > y\" B='&#233;&amp;&lt;&#x1F600;&nope;' c=plain d/>"
        "<script>if (a<b) '<meta a=2>'</script><br/></p><META A = spaced>");
    Tag tag = tag_next(&rest);
    CHECK(tag_is(&tag, S("META")));
    CHECK_STR(tag_value(arena, &tag, S("a")), S("x > y"));
    CHECK_STR(tag_value(arena, &tag, S("b")), S("é&<😀&nope;"));
    CHECK_STR(tag_value(arena, &tag, S("c")), S("plain"));
    CHECK(str_is_null(tag_value(arena, &tag, S("e"))));
    tag = tag_next(&rest);
    CHECK_STR(tag.name, S("script"));
    tag = tag_next(&rest);
    CHECK_STR(tag.name, S("br"));
    tag = tag_next(&rest);
    CHECK_STR(tag_value(arena, &tag, S("a")), S("spaced"));
    CHECK(str_is_null(tag_next(&rest).name));
    arena_free(arena);
}

/* Cut anywhere it must neither read beyond the end nor go on for ever. */
TEST(a_page_cut_anywhere_is_read_to_its_end) {
    static const char page[] =
        "<p><!-- c --><meta itemprop=\"contentURL\" content='http://a/b.mp4'>"
        "<script>x</script><meta property=og:title content=\"&#233;\"/>";
    arena = arena_new(4 * MIB);
    for (size_t len = 0; len < sizeof page; len++) {
        char *exact = malloc(len + 1); /* so that a sanitizer sees a step too far */
        SourcePage out;
        memcpy(exact, page, len);
        page_read(arena, str_of(exact, (ptrdiff_t)len), S(""), &out);
        CHECK(len < sizeof page - 1 || str_eq(out.title, S("é")));
        free(exact);
    }
    arena_free(arena);
}

TEST(a_page_may_say_it_from_where_it_stands) {
    arena = arena_new(1 * MIB);
    SourcePage p = page_of("<meta itemprop='contentURL' content='../media/a.mp4'>"
                           "<meta property='og:image' content='//images.example.org/a.jpg'>");
    CHECK_STR(p.video_url, S("https://videos.example.org/media/a.mp4"));
    CHECK_STR(p.thumbnail_url, S("https://images.example.org/a.jpg"));
    arena_free(arena);
}

TEST(a_page_says_where_its_video_is) {
    arena = arena_new(1 * MIB);
    SourcePage p = page_of("<meta property='og:video' content='http://x.org/a.mp4?b=1&amp;c=2'>"
                           "<meta itemprop='thumbnailUrl' content='javascript:alert(1)'>"
                           "<meta itemprop='name' content='  Un titre '>");
    CHECK_STR(p.video_url, S("http://x.org/a.mp4?b=1&c=2"));
    CHECK(str_is_null(p.thumbnail_url));
    CHECK_STR(p.title, S("Un titre"));
    CHECK_STR(p.video_id, S("1_a"));
    p = page_of("<script>var s = \"https://x.org/v/a.mp4/master.m3u8\";</script>");
    CHECK_STR(p.playlist_url, S("https://x.org/v/a.mp4/master.m3u8"));
    p = page_of("<meta itemprop='contentURL' content='https://x.org/live.m3u8'>");
    CHECK(str_is_null(p.video_url));
    CHECK_STR(p.playlist_url, S("https://x.org/live.m3u8"));
    p = page_of("<meta itemprop='contentURL' content='file:///etc/passwd'>");
    CHECK(str_is_null(p.video_url));
    arena_free(arena);
}

TEST(the_portals_own_page_is_understood) {
    arena = arena_new(1 * MIB);
    Str html = shared_read(arena, "an/videos/19502241_page.html");
    if (str_is_null(html)) SKIP("no shared data");
    SourcePage p;
    page_read(arena, html,
              S("https://videos.assemblee-nationale.fr/video.19502241_6ac548b948b27.2eme"), &p);
    CHECK_STR(
        p.video_url,
        S("http://anorigin.vodalys.com/vod/mp4/ida/domain1/2026/10/hemi_20261006211505_1.mp4"));
    CHECK_STR(p.video_id, S("19502241_6ac548b948b27"));
    CHECK(str_starts(p.title, S("2ème séance : Réponse intégrale")));
    CHECK(str_find(p.description, S("l'autorité judiciaire")) > 0);
    CHECK(str_ends(p.thumbnail_url, S("/files/seances.jpg")));
    arena_free(arena);
}

TEST(a_timeline_names_its_files) {
    arena = arena_new(1 * MIB);
    TimelineFiles f;
    timeline_files_read(
        arena,
        S("<data id='1' status=\"vod\"><files><file url='serverfiles://x/a.mp4'/>"
          "<file url='rtmp://x/a.mp4'/><file title='source' url='http://x.org/a.mp4'/>"
          "<file title='audio' url='http://x.org/a.mp3?t=1'/></files></data>"),
        &f);
    CHECK_STR(f.video_url, S("http://x.org/a.mp4"));
    CHECK_STR(f.audio_url, S("http://x.org/a.mp3?t=1"));
    CHECK(!f.live);
    timeline_files_read(arena, S("<data status='live'><files></files></data>"), &f);
    CHECK(f.live && str_is_null(f.audio_url));
    arena_free(arena);
}

TEST(only_web_addresses_are_sources) {
    static const char *const good[] = {"http://a.org/x", "https://[2001:db8::1]:8443/",
                                       "HTTP://A.org"};
    static const char *const bad[] = {
        "ftp://a.org/x", "file:///etc/passwd",    "http://",    "http:///x",
        "a.org/x",       "http://user:pw@a.org/", "gopher://a", "http://a.org:99999/",
        "-o/tmp/x"};
    for (int i = 0; i < COUNT(good); i++)
        if (!CHECK(source_url_valid(str_c(good[i])))) printf("    %s\n", good[i]);
    for (int i = 0; i < COUNT(bad); i++)
        if (!CHECK(!source_url_valid(str_c(bad[i])))) printf("    %s\n", bad[i]);
}

TEST(a_debate_of_the_open_data_is_looked_for_at_the_portal) {
    arena = arena_new(1 * MIB);
    robian.videos_url = S("https://videos.example.org");
    Debate d = {.source_url =
                    S("https://www.assemblee-nationale.fr/dyn/17/comptes-rendus/seance/CR1"),
                .video_url = S("http://x.org/a.mp4")};
    CHECK_STR(source_of_debate(arena, &d), d.video_url);
    d.video_id = S("1_a");
    CHECK_STR(source_of_debate(arena, &d), S("https://videos.example.org/video.1_a"));
    d.video_id = d.video_url = (Str){0};
    CHECK_STR(source_of_debate(arena, &d), d.source_url);
    d = (Debate){.source_url = S("https://elsewhere.org/x"), .video_id = S("1_a")};
    CHECK_STR(source_of_debate(arena, &d), d.source_url);
    arena_free(arena);
}

TEST(a_quality_is_a_bit_rate) {
    int64_t kbps = 0;
    CHECK(quality_read(S("32k"), &kbps) && kbps == 32);
    CHECK(quality_read(S("320k"), &kbps) && kbps == 320);
    static const char *const bad[] = {"",     "k",    "192",  "31k", "321k", "-64k",
                                      "+64k", "064k", "6 4k", "64K", "64kk"};
    for (int i = 0; i < COUNT(bad); i++)
        if (!CHECK(!quality_read(str_c(bad[i]), &kbps))) printf("    \"%s\"\n", bad[i]);
}

/* -- the guard --------------------------------------------------------------------------------------- */

static void (*body)(Ctx *c);

static void run_body(Ctx *c, void *arg) {
    (void)arg;
    c->deadline_us = mono_us() + 50 * US_PER_SECOND;
    body(c);
    guard_stop();
    rt_stop(2000);
}

static void in_loops(void (*fn)(Ctx *c)) {
    body = fn;
    rt_init(2);
    coro_spawn((CoroOptions){.name = "test"}, run_body, NULL);
    rt_run();
    rt_close();
}

static bool good(Err *err) {
    if (err) printf("    error: %.*s\n", S_ARG(err->detail));
    return err == NULL;
}

/* A server on loopback that must not be reached: it counts who comes. */
static _Atomic int visitors;
static void welcome(Ctx *c, Stream *s, void *arg) {
    ptrdiff_t n;
    Str answer = S("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
    (void)arg;
    visitors++;
    ctx_deadline_within(c, 5000);
    if (stream_fill(c, s, &n) == NULL && stream_write(c, s, &answer, 1) == NULL) stream_shutdown(s);
}

static Listener *house(Ctx *c) {
    Listener *l = NULL;
    ListenOptions options = {
        .name = "house", .address = S("127.0.0.1:0"), .max_connections = 10, .serve = welcome};
    visitors = 0;
    return CHECK(good(listen_start(c, options, &l))) ? l : NULL;
}

/* The first line of the guard's answer to this request. */
static Str guard_says(Ctx *c, Str request) {
    Stream *s;
    Str url = guard_url(c->arena), port = url;
    int64_t number;
    for (ptrdiff_t at; (at = str_find_byte(port, ':')) >= 0;)
        port = str_slice(port, at + 1, port.len);
    if (!str_to_i64(port, &number) || !good(stream_connect(c, S("127.0.0.1"), (int)number, &s)))
        return S("?");
    Buf b = buf_new(c->arena, 1024);
    CHECK(good(stream_write(c, s, &request, 1)));
    for (ptrdiff_t n = 1; n > 0;) {
        char *to = buf_reserve(&b, 512);
        if (!good(stream_read(c, s, to, 512, &n))) break;
        b.len += n;
    }
    stream_close(s);
    return buf_str(&b);
}

static Str authorisation(Ctx *c) {
    Str url = guard_url(c->arena), user = str_slice(url, 7, url.len);
    str_cut(user, '@', &user);
    return strf(c->arena, "Proxy-Authorization: Basic %.*s\r\n", S_ARG(str_base64(c->arena, user)));
}

static void refusing_body(Ctx *c) {
    Listener *l = house(c);
    REQUIRE(l && good(guard_start(c, false)));
    int port = listen_port(l);
    Str key = authorisation(c);
    static const char *const hosts[] = {
        "127.0.0.1", "localhost",       "0x7f.1",          "0",
        "[::1]",     "[::ffff:7f00:1]", "169.254.169.254", "192.168.1.1"};
    for (int i = 0; i < COUNT(hosts); i++) {
        Str tunnel = guard_says(
            c, strf(c->arena, "CONNECT %s:%d HTTP/1.1\r\n%.*s\r\n", hosts[i], port, S_ARG(key)));
        Str plain = guard_says(c, strf(c->arena, "GET http://%s:%d/x HTTP/1.1\r\n%.*s\r\n",
                                       hosts[i], port, S_ARG(key)));
        if (!CHECK(str_starts(tunnel, S("HTTP/1.1 403 Not a public")) ||
                   str_starts(tunnel, S("HTTP/1.1 502"))))
            printf("    %s: %.*s\n", hosts[i], S_ARG(tunnel));
        CHECK(str_starts(plain, S("HTTP/1.1 403 Not a public")) ||
              str_starts(plain, S("HTTP/1.1 502")));
    }
    CHECK_INT(visitors, 0);
    CHECK(guard_refused() >= 8);
    listen_stop(l);
}
TEST(the_guard_leads_to_no_private_address_whatever_its_name) { in_loops(refusing_body); }

static void passing_body(Ctx *c) {
    Listener *l = house(c);
    REQUIRE(l && good(guard_start(c, true)));
    int port = listen_port(l);
    Str key = authorisation(c);
    Str answer =
        guard_says(c, strf(c->arena, "GET http://127.0.0.1:%d/x?y HTTP/1.1\r\nHost: x\r\n%.*s\r\n",
                           port, S_ARG(key)));
    CHECK(str_ends(answer, S("\r\n\r\nhi")));
    answer = guard_says(c, strf(c->arena,
                                "CONNECT 127.0.0.1:%d HTTP/1.1\r\n%.*s\r\nGET / HTTP/1.1\r\n\r\n",
                                port, S_ARG(key)));
    CHECK(str_starts(answer, S("HTTP/1.1 200 Connected\r\n\r\nHTTP/1.1 200 OK")));
    CHECK_INT(visitors, 2);
    static const char *const bad[] = {"GET /x HTTP/1.1\r\n\r\n",
                                      "GET ftp://127.0.0.1/ HTTP/1.1\r\n\r\n",
                                      "CONNECT 127.0.0.1/x HTTP/1.1\r\n\r\n",
                                      "nonsense\r\n\r\n",
                                      "CONNECT a@b:1 HTTP/1.1\r\n\r\n",
                                      "GET http://u:p@127.0.0.1 SPDY\r\n\r\n"};
    for (int i = 0; i < COUNT(bad); i++)
        if (!CHECK(str_starts(guard_says(c, str_c(bad[i])), S("HTTP/1.1 400"))))
            printf("    %s\n", bad[i]);
    answer = guard_says(c, strf(c->arena, "GET http://127.0.0.1:%d/ HTTP/1.1\r\n\r\n", port));
    CHECK(str_starts(answer, S("HTTP/1.1 407")));
    answer = guard_says(
        c,
        strf(c->arena,
             "GET http://127.0.0.1:%d/ HTTP/1.1\r\nProxy-Authorization: Basic eDp5\r\n\r\n", port));
    CHECK(str_starts(answer, S("HTTP/1.1 407")));
    CHECK_INT(visitors, 2);
    listen_stop(l);
}
TEST(the_guard_passes_on_what_may_pass_for_who_knows_its_password) { in_loops(passing_body); }

static void yt_dlp_body(Ctx *c) {
    char folder[] = "/tmp/socle-source-XXXXXX";
    Listener *l = house(c);
    Source source = {0};
    robian.yt_dlp = S("yt-dlp");
    robian.silence_s = 40;
    robian.extraction_max_bytes = 1 << 20;
    if (!str_is_null(tool_missing(c->arena, TOOL_YT_DLP))) SKIP("no yt-dlp here");
    REQUIRE(l && mkdtemp(folder) && good(guard_start(c, false)));
    Str url = strf(c->arena, "http://localhost:%d/x.m3u8", listen_port(l));
    Err *err = yt_dlp_fetch(c, url, str_c(folder), (Stage){0}, &source);
    CHECK(err && err->kind == ERR_FORBIDDEN);
    if (err) CHECK_STR(err->detail, S("La source mène à une adresse privée : refusé."));
    CHECK_INT(visitors, 0);
    rmdir(folder);
    listen_stop(l);
}
TEST(yt_dlp_gets_no_further_than_the_guard) { in_loops(yt_dlp_body); }

T_MAIN(T_ROW(tags_come_as_they_are_written), T_ROW(a_page_cut_anywhere_is_read_to_its_end),
       T_ROW(a_page_may_say_it_from_where_it_stands), T_ROW(a_page_says_where_its_video_is), T_ROW(the_portals_own_page_is_understood),
       T_ROW(a_timeline_names_its_files), T_ROW(only_web_addresses_are_sources),
       T_ROW(a_debate_of_the_open_data_is_looked_for_at_the_portal), T_ROW(a_quality_is_a_bit_rate),
       T_ROW(the_guard_leads_to_no_private_address_whatever_its_name),
       T_ROW(the_guard_passes_on_what_may_pass_for_who_knows_its_password),
       T_ROW(yt_dlp_gets_no_further_than_the_guard))
