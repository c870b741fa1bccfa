/* SPDX-License-Identifier: Apache-2.0
 * The HTTP client against a server that misbehaves (script_server.h), all in one process: the tests
 * are one coroutine of the first of two loops, and the server answers on both. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/client.h"
#include "t_loop.h"
#include "script_server.h"

extern char **environ;

static HttpCall to(const char *path) {
    return (HttpCall){.url = script_url(c, path), .timeout_ms = 20000};
}

/* -- answers of every shape -------------------------------------------------------------------- */

TEST(gives_status_headers_and_body) {
    HttpAnswer a;
    HttpCall call = to("/ok");
    REQUIRE(GOOD(http_call(c, &call, &a)));
    CHECK_INT(a.status, 200);
    CHECK_STR(a.body, S("hello"));
    CHECK_STR(a.url, call.url);
    CHECK_STR(answer_header(&a, S("content-type")), S("text/plain"));
    CHECK_STR(answer_header(&a, S("X-Two")), S("a b"));
    CHECK_STR(answer_header(&a, S("X-Empty")), S(""));
    CHECK(str_is_null(answer_header(&a, S("X-Absent"))));
}

TEST(sends_method_headers_and_body_as_given) {
    HttpAnswer a;
    HttpCall call = to("/echo");
    Header headers[] = {{S("X-Key"), S("secret value")},
                        {S("X-None"), S("")},
                        {S("Content-Type"), S("application/json")}};
    call.method = "PATCH";
    call.headers = headers;
    call.header_count = COUNT(headers);
    call.body = S("{\"a\":\"\0\"}");
    REQUIRE(GOOD(http_call(c, &call, &a)));
    CHECK(str_starts(a.body, S("PATCH /echo HTTP/1.1\r\n")));
    CHECK(str_find(a.body, S("\r\nX-Key: secret value\r\n")) > 0);
    CHECK(str_find(a.body, S("\r\nX-None:\r\n")) > 0);
    CHECK(str_find(a.body, S("\r\nContent-Type: application/json\r\n")) > 0);
    CHECK(str_find(a.body, S("\r\nUser-Agent: socle/")) > 0);
    CHECK(str_ends(a.body, S("\r\n\r\n{\"a\":\"\0\"}")));
}

TEST(adds_neither_a_content_type_nor_expect_by_itself) {
    HttpAnswer a;
    HttpCall call = to("/echo");
    Buf body = buf_new(c->arena, 0);
    for (int i = 0; i < 200000; i++) buf_add(&body, S("0123456789"));
    call.method = "POST";
    call.body = buf_str(&body);
    REQUIRE(GOOD(http_call(c, &call, &a)));
    CHECK(str_find(a.body, S("Content-Type")) < 0);
    CHECK(str_find(a.body, S("Expect")) < 0);
    CHECK(str_ends(a.body, call.body));
}

TEST(a_post_without_a_body_says_so) {
    HttpAnswer a;
    HttpCall call = to("/echo");
    call.method = "POST";
    REQUIRE(GOOD(http_call(c, &call, &a)));
    CHECK(str_find(a.body, S("\r\nContent-Length: 0\r\n")) > 0);
}

TEST(reads_chunked_close_delimited_interim_and_empty_answers) {
    static const struct {
        const char *path;
        int status;
        Str body;
    } rows[] = {{"/chunked", 200, S_INIT("abc0123456789")},
                {"/closed", 200, S_INIT("until the end")},
                {"/interim", 200, S_INIT("ok")},
                {"/none", 204, S_INIT("")}};
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        HttpAnswer a;
        HttpCall call = to(rows[i].path);
        REQUIRE(GOOD(http_call(c, &call, &a)));
        CHECK_INT(a.status, rows[i].status);
        CHECK_STR(a.body, rows[i].body);
    }
}

TEST(headers_of_interim_answers_are_not_the_answer_s) {
    HttpAnswer a;
    HttpCall call = to("/interim");
    REQUIRE(GOOD(http_call(c, &call, &a)));
    CHECK(str_is_null(answer_header(&a, S("X-Hint"))));
    CHECK_STR(answer_header(&a, S("X-Real")), S("r"));
}

TEST(head_gets_no_body_and_does_not_wait_for_one) {
    HttpAnswer a;
    HttpCall call = to("/big/50000000");
    call.method = "HEAD";
    REQUIRE(GOOD(http_call(c, &call, &a)));
    CHECK_STR(answer_header(&a, S("Content-Length")), S("50000000"));
    CHECK_INT(a.body.len, 0);
}

TEST(any_status_is_an_answer) {
    HttpAnswer a;
    HttpCall call = to("/to/500/x");
    REQUIRE(GOOD(http_call(c, &call, &a)));
    CHECK_INT(a.status, 500);
    CHECK_STR(a.body, S("moved"));
}

TEST(connections_are_kept_and_used_again) {
    HttpAnswer a;
    HttpCall call = to("/ok");
    REQUIRE(GOOD(http_call(c, &call, &a)));
    int before = atomic_load(&script_connections);
    for (int i = 0; i < 20; i++) REQUIRE(GOOD(http_call(c, &call, &a)));
    CHECK_INT(atomic_load(&script_connections), before);
}

TEST(a_call_that_must_not_be_repeated_gets_a_fresh_connection) {
    HttpAnswer a;
    HttpCall call = to("/ok");
    REQUIRE(GOOD(http_call(c, &call, &a)));
    int before = atomic_load(&script_connections);
    call.once = true;
    REQUIRE(GOOD(http_call(c, &call, &a)));
    CHECK_INT(atomic_load(&script_connections), before + 1);
}

/* -- limits ------------------------------------------------------------------------------------ */

TEST(an_answer_of_just_the_limit_is_taken_and_one_byte_more_refused) {
    HttpAnswer a;
    HttpCall call = to("/big/300000");
    call.max_bytes = 300000;
    REQUIRE(GOOD(http_call(c, &call, &a)));
    CHECK_INT(a.body.len, 300000);
    call.max_bytes = 299999;
    FAILS(http_call(c, &call, &a), UPSTREAM);
}

TEST(an_answer_without_end_stops_at_the_limit) {
    HttpAnswer a;
    HttpCall call = to("/endless");
    int gone = atomic_load(&script_gone);
    call.max_bytes = 1000000;
    FAILS(http_call(c, &call, &a), UPSTREAM);
    SOON(atomic_load(&script_gone) > gone);
}

TEST(a_head_without_measure_is_refused) {
    HttpAnswer a;
    HttpCall call = to("/bighead");
    FAILS(http_call(c, &call, &a), UPSTREAM);
}

TEST(a_late_answer_is_a_timeout) {
    HttpAnswer a;
    HttpCall call = to("/mute");
    int64_t start = mono_us(), deadline = c->deadline_us;
    call.timeout_ms = 80;
    FAILS(http_call(c, &call, &a), TIMEOUT);
    CHECK(!a.unsent);
    CHECK(ms_since(start) >= 80);
    CHECK(ms_since(start) < 5000);
    CHECK_INT(c->deadline_us, deadline);
}

TEST(the_time_limit_covers_the_body_too) {
    HttpAnswer a;
    HttpCall call = to("/trickle");
    call.timeout_ms = 150;
    FAILS(http_call(c, &call, &a), TIMEOUT);
    call.timeout_ms = 0;
    int64_t former = ctx_deadline_within(c, 150);
    FAILS(http_call(c, &call, &a), TIMEOUT);
    c->deadline_us = former;
}

TEST(a_stream_that_keeps_talking_outlives_the_idle_limit) {
    HttpAnswer a;
    HttpCall call = to("/trickle");
    call.timeout_ms = 0;
    call.idle_timeout_ms = 1500;
    REQUIRE(GOOD(http_call(c, &call, &a))); /* 2.4 s in all */
    CHECK_STR(a.body, S("tttttttttttt"));
}

TEST(a_stream_that_falls_silent_is_a_timeout) {
    HttpStream *s;
    HttpAnswer a;
    char text[16];
    ptrdiff_t n;
    HttpCall call = to("/silent");
    call.timeout_ms = 0;
    call.idle_timeout_ms = 1000;
    REQUIRE(GOOD(http_open(c, &call, &s, &a)));
    REQUIRE(GOOD(http_read(c, s, text, sizeof text, &n)));
    CHECK_STR(str_of(text, n), S("half"));
    int64_t start = mono_us();
    FAILS(http_read(c, s, text, sizeof text, &n), TIMEOUT);
    CHECK(ms_since(start) < 5000);
    http_close(s);
    call.url = script_url(c, "/mute");
    FAILS(http_open(c, &call, &s, &a), TIMEOUT);
}

TEST(a_slow_reader_is_not_a_silent_sender) {
    HttpStream *s;
    HttpAnswer a;
    HttpCall call = to("/big/400000");
    static char text[50000];
    ptrdiff_t n = 1, total = 0;
    call.idle_timeout_ms = 1000;
    REQUIRE(GOOD(http_open(c, &call, &s, &a)));
    pause_ms(c, 1500);
    for (; n > 0; total += n) {
        REQUIRE(GOOD(http_read(c, s, text, sizeof text, &n)));
        if (total < 100000) pause_ms(c, 1200);
    }
    CHECK_INT(total, 400000);
    http_close(s);
}

/* -- broken servers ---------------------------------------------------------------------------- */

TEST(an_answer_cut_short_is_an_error) {
    static const char *const paths[] = {"/cut", "/cut-chunk", "/drop", "/garbage"};
    for (ptrdiff_t i = 0; i < COUNT(paths); i++) {
        HttpAnswer a;
        HttpCall call = to(paths[i]);
        CHECK(FAILS(http_call(c, &call, &a), UPSTREAM));
    }
}

TEST(what_came_before_the_cut_can_be_read) {
    HttpStream *s;
    HttpAnswer a;
    char text[100];
    ptrdiff_t n;
    HttpCall call = to("/cut");
    REQUIRE(GOOD(http_open(c, &call, &s, &a)));
    CHECK_INT(a.status, 200);
    REQUIRE(GOOD(http_read(c, s, text, sizeof text, &n)));
    CHECK_STR(str_of(text, n), S("only this"));
    FAILS(http_read(c, s, text, sizeof text, &n), UPSTREAM);
    http_close(s);
}

/* A loopback port on which nobody listens (yet). */
static int port_reserve(int *port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, length) ||
        getsockname(fd, (struct sockaddr *)&at, &length))
        abort();
    *port = ntohs(at.sin_port);
    return fd;
}

TEST(a_refused_connection_is_an_error_that_names_the_host_only) {
    HttpAnswer a;
    int port, fd = port_reserve(&port);
    HttpCall call = {.url = strf(c->arena, "http://user:pw@127.0.0.1:%d/path?key=secret", port),
                     .timeout_ms = 5000};
    Err *err = http_call(c, &call, &a);
    CHECK(FAILS(err, UPSTREAM));
    CHECK(a.unsent);
    CHECK(err && str_find(err->detail, S("127.0.0.1")) >= 0);
    CHECK(err && str_find(err->detail, S("secret")) < 0 && str_find(err->detail, S("pw@")) < 0);
    close(fd);
}

TEST(a_name_that_does_not_exist_is_an_error) {
    HttpAnswer a;
    HttpCall call = {.url = S("http://no-such-host.invalid/"), .timeout_ms = 15000};
    FAILS(http_call(c, &call, &a), UPSTREAM);
}

TEST(malformed_calls_are_refused_before_anything_is_sent) {
    HttpAnswer a;
    int before = atomic_load(&script_requests);
    static const char *const urls[] = {"",
                                       "x",
                                       "/ok",
                                       "ftp://127.0.0.1/",
                                       "file:///etc/passwd",
                                       "http://",
                                       "http://a b/",
                                       "http://h\n/",
                                       "http://127.0.0.1:99999/",
                                       "gopher://127.0.0.1/",
                                       "javascript:1"};
    for (ptrdiff_t i = 0; i < COUNT(urls); i++) {
        HttpCall call = {.url = str_c(urls[i]), .timeout_ms = 5000};
        if (!FAILS(http_call(c, &call, &a), INVALID)) printf("  url: %s\n", urls[i]);
    }
    static const Header headers[] = {{S_INIT("X"), S_INIT("a\r\nY: b")},
                                     {S_INIT("X:"), S_INIT("a")},
                                     {S_INIT(""), S_INIT("a")},
                                     {S_INIT("X y"), S_INIT("a")},
                                     {S_INIT("X"), S_INIT("a\0b")}};
    for (ptrdiff_t i = 0; i < COUNT(headers); i++) {
        HttpCall call = to("/ok");
        call.headers = &headers[i];
        call.header_count = 1;
        FAILS(http_call(c, &call, &a), INVALID);
    }
    HttpCall call = to("/ok");
    call.method = "GET /x HTTP/1.1\r\n";
    FAILS(http_call(c, &call, &a), INVALID);
    CHECK_INT(atomic_load(&script_requests), before);
}

/* -- redirects --------------------------------------------------------------------------------- */

TEST(redirects_are_followed_when_asked_and_only_then) {
    HttpAnswer a;
    HttpCall call = to("/redirect/5");
    REQUIRE(GOOD(http_call(c, &call, &a)));
    CHECK_INT(a.status, 302);
    call.follow = true;
    REQUIRE(GOOD(http_call(c, &call, &a)));
    CHECK_INT(a.status, 200);
    CHECK_STR(a.url, script_url(c, "/echo"));
    call.url = script_url(c, "/redirect/6");
    FAILS(http_call(c, &call, &a), UPSTREAM);
}

static Str follow(const char *method, int status, Str location, HttpAnswer *a) {
    HttpCall call = to("");
    static const Header headers[] = {{S_INIT("X-Api-Key"), S_INIT("secret")},
                                     {S_INIT("Accept"), S_INIT("text/html")},
                                     {S_INIT("Content-Type"), S_INIT("text/plain")}};
    call.url = strf(c->arena, "%.*s/to/%d/%.*s", S_ARG(call.url), status, S_ARG(location));
    call.method = method;
    call.headers = headers;
    call.header_count = COUNT(headers);
    call.body = str_eq(str_c(method), S("GET")) ? (Str){0} : S("payload");
    call.follow = true;
    *a = (HttpAnswer){0};
    return GOOD(http_call(c, &call, a)) ? a->body : S("");
}

TEST(a_post_becomes_a_get_by_301_302_303_and_stays_by_307_308) {
    HttpAnswer a;
    for (int status = 301; status <= 303; status++) {
        Str echo = follow("POST", status, S("/echo"), &a);
        CHECK(str_starts(echo, S("GET /echo")));
        CHECK(str_find(echo, S("payload")) < 0);
        CHECK(str_find(echo, S("Content-Type")) < 0);
    }
    for (int status = 307; status <= 308; status++) {
        Str echo = follow("POST", status, S("/echo"), &a);
        CHECK(str_starts(echo, S("POST /echo")));
        CHECK(str_ends(echo, S("payload")));
    }
    CHECK(str_starts(follow("PUT", 302, S("/echo"), &a), S("PUT /echo")));
}

TEST(another_origin_gets_none_of_our_secrets) {
    HttpAnswer a;
    Str same = follow("GET", 302, S("/echo"), &a);
    CHECK(str_find(same, S("X-Api-Key: secret")) > 0);
    Str other = follow(
        "GET", 302, strf(c->arena, "http://localhost:%d/echo", listen_port(script_listener)), &a);
    CHECK(str_starts(other, S("GET /echo")));
    CHECK(str_find(other, S("secret")) < 0);
    CHECK(str_find(other, S("Accept: text/html")) > 0);
}

TEST(a_redirect_away_from_http_is_not_followed) {
    static const Str to_where[] = {S_INIT("file:///etc/passwd"), S_INIT("ftp://127.0.0.1/x"),
                                   S_INIT("gopher://127.0.0.1/x"), S_INIT("http://"),
                                   S_INIT("http://[::1/")};
    for (ptrdiff_t i = 0; i < COUNT(to_where); i++) {
        HttpAnswer a;
        HttpCall call = to("");
        call.url = strf(c->arena, "%.*s/to/302/%.*s", S_ARG(call.url), S_ARG(to_where[i]));
        call.follow = true;
        FAILS(http_call(c, &call, &a), UPSTREAM);
    }
}

/* -- retries ----------------------------------------------------------------------------------- */

TEST(passing_errors_are_tried_again_as_often_as_asked) {
    HttpAnswer a;
    static const char *const paths[] = {"/flaky/429/2/", "/flaky/500/2/", "/flaky/502/2/",
                                        "/flaky/503/2/", "/flaky/504/2/", "/flaky/408/2/",
                                        "/flaky/529/2/"};
    for (ptrdiff_t i = 0; i < COUNT(paths); i++) {
        HttpCall call = to(paths[i]);
        atomic_store(&script_flaky, 0);
        call.retries = 2;
        REQUIRE(GOOD(http_call(c, &call, &a)));
        CHECK_INT(a.status, 200);
        CHECK_INT(atomic_load(&script_flaky), 3);
    }
    HttpCall call = to("/flaky/503/2/");
    atomic_store(&script_flaky, 0);
    call.retries = 1;
    REQUIRE(GOOD(http_call(c, &call, &a)));
    CHECK_INT(a.status, 503);
    CHECK_STR(a.body, S("later"));
    CHECK_INT(atomic_load(&script_flaky), 2);
}

TEST(lasting_errors_are_not_tried_again) {
    static const char *const paths[] = {"/flaky/400/2/", "/flaky/401/2/", "/flaky/404/2/",
                                        "/flaky/409/2/", "/flaky/501/2/"};
    for (ptrdiff_t i = 0; i < COUNT(paths); i++) {
        HttpAnswer a;
        HttpCall call = to(paths[i]);
        atomic_store(&script_flaky, 0);
        call.retries = 3;
        REQUIRE(GOOD(http_call(c, &call, &a)));
        CHECK_INT(atomic_load(&script_flaky), 1);
    }
}

TEST(retry_after_is_waited_for) {
    HttpAnswer a;
    HttpCall call = to("/flaky/429/1/1");
    int64_t start = mono_us();
    atomic_store(&script_flaky, 0);
    call.retries = 1;
    REQUIRE(GOOD(http_call(c, &call, &a)));
    CHECK_INT(a.status, 200);
    CHECK(ms_since(start) >= 1000);
}

TEST(retry_after_may_be_a_date) {
    HttpAnswer a;
    HttpCall call = to("/flaky/503/1/Thu,_01_Jan_1970_00:00:02_GMT");
    int64_t start = mono_us();
    atomic_store(&script_flaky, 0);
    call.retries = 1;
    time_freeze((Time){US_PER_SECOND});
    bool good = GOOD(http_call(c, &call, &a));
    time_freeze(TIME_NULL);
    REQUIRE(good);
    CHECK_INT(a.status, 200);
    CHECK(ms_since(start) >= 1000);
}

TEST(a_retry_after_that_makes_no_sense_is_as_good_as_none) {
    static const char *const paths[] = {"/flaky/503/1/soon", "/flaky/503/1/-5",
                                        "/flaky/503/1/99999999999999999999", "/flaky/503/1/1.5"};
    for (ptrdiff_t i = 0; i < COUNT(paths); i++) {
        HttpAnswer a;
        HttpCall call = to(paths[i]);
        atomic_store(&script_flaky, 0);
        call.retries = 1;
        REQUIRE(GOOD(http_call(c, &call, &a)));
        CHECK_INT(a.status, 200);
    }
}

TEST(a_pause_that_does_not_fit_gives_the_answer_at_hand) {
    HttpAnswer a;
    static const char *const paths[] = {"/flaky/429/9/61", "/flaky/429/9/30"};
    for (ptrdiff_t i = 0; i < COUNT(paths); i++) { /* over the cap; over the time left */
        HttpCall call = to(paths[i]);
        int64_t start = mono_us();
        atomic_store(&script_flaky, 0);
        call.retries = 3;
        call.timeout_ms = 10000;
        REQUIRE(GOOD(http_call(c, &call, &a)));
        CHECK_INT(a.status, 429);
        CHECK_INT(atomic_load(&script_flaky), 1);
        CHECK(ms_since(start) < 5000);
    }
}

static void *listen_late(void *arg) {
    int fd = *(int *)arg;
    char text[4096];
    static const char reply[] =
        "HTTP/1.1 200 X\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlate";
    usleep(100 * 1000);
    if (listen(fd, 5) != 0) return NULL;
    int peer = accept(fd, NULL, NULL);
    if (read(peer, text, sizeof text) > 0 && write(peer, reply, sizeof reply - 1) < 0) abort();
    close(peer);
    return NULL;
}

TEST(a_server_that_is_just_starting_is_tried_again) {
    HttpAnswer a;
    pthread_t thread;
    int port, fd = port_reserve(&port);
    REQUIRE(pthread_create(&thread, NULL, listen_late, &fd) == 0);
    HttpCall call = {
        .url = strf(c->arena, "http://127.0.0.1:%d/", port), .retries = 20, .timeout_ms = 30000};
    if (GOOD(http_call(c, &call, &a))) CHECK_STR(a.body, S("late"));
    pthread_join(thread, NULL);
    close(fd);
}

TEST(a_call_that_must_not_be_repeated_is_not_when_no_answer_comes) {
    HttpAnswer a;
    HttpCall call = to("/drop");
    call.method = "POST";
    call.body = S("pay");
    call.once = true;
    HttpCall first =
        to("/ok"); /* leaves a connection that libcurl would take, and repeat the POST */
    REQUIRE(GOOD(http_call(c, &first, &a)));
    int before = atomic_load(&script_requests);
    FAILS(http_call(c, &call, &a), UPSTREAM);
    CHECK_INT(atomic_load(&script_requests), before + 1);
}

/* -- TLS -------------------------------------------------------------------------------------------- */

/* Run a program, its output thrown away; wait for its end, or give its process. */
static pid_t run_program(const char *const *argv, bool wait_for_it) {
    pid_t pid;
    int status = 0;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    int bad = posix_spawnp(&pid, argv[0], &actions, NULL, (char **)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (bad) return -1;
    if (!wait_for_it) return pid;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? pid
                                                                                            : -1;
}

static Err *call_tls(const char *host, int port, HttpAnswer *a) {
    HttpCall call = {
        .url = strf(c->arena, "https://%s:%d/", host, port), .retries = 12, .timeout_ms = 20000};
    return http_call(c, &call, a);
}

TEST(certificates_are_verified_with_their_names) {
    char dir[] = "/tmp/socle-tls-XXXXXX";
    REQUIRE(mkdtemp(dir));
    char *key = str_cstr(c->arena, strf(c->arena, "%s/key", dir));
    char *cert = str_cstr(c->arena, strf(c->arena, "%s/cert", dir));
    const char *make[] = {"openssl",
                          "req",
                          "-x509",
                          "-newkey",
                          "ec",
                          "-pkeyopt",
                          "ec_paramgen_curve:P-256",
                          "-nodes",
                          "-keyout",
                          key,
                          "-out",
                          cert,
                          "-days",
                          "2",
                          "-subj",
                          "/CN=test",
                          "-addext",
                          "subjectAltName=IP:127.0.0.1",
                          NULL};
    if (run_program(make, true) < 0) SKIP("openssl is not installed");
    int port, fd = port_reserve(&port);
    close(fd);
    char *number = str_cstr(c->arena, strf(c->arena, "%d", port));
    const char *serve[] = {"openssl", "s_server", "-accept", number, "-cert",
                           cert,      "-key",     key,       "-www", NULL};
    pid_t server = run_program(serve, false);
    REQUIRE(server > 0);
    HttpAnswer a;
    Err *err = call_tls("127.0.0.1", port, &a);
    CHECK(FAILS(err, UPSTREAM));
    CHECK(err && str_find(err->detail, S("certificate")) > 0);
    setenv("SSL_CERT_FILE", cert, 1);
    if (GOOD(call_tls("127.0.0.1", port, &a))) CHECK_INT(a.status, 200);
    FAILS(call_tls("localhost", port, &a), UPSTREAM); /* it is not the name on the certificate */
    unsetenv("SSL_CERT_FILE");
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    unlink(key);
    unlink(cert);
    rmdir(dir);
}

/* -- cancellation ------------------------------------------------------------------------------ */

typedef struct Side {
    const char *path;
    ErrKind kind;
    bool done;
    int64_t bytes;
} Side;

static void side_call(Ctx *own, void *arg) {
    Side *side = arg;
    HttpAnswer a;
    HttpCall call = {.url = script_url(own, side->path), .max_bytes = 100 * MIB};
    Err *err = http_call(own, &call, &a);
    side->kind = err ? err->kind : ERR_KIND_COUNT;
    side->bytes = err ? 0 : a.body.len;
    side->done = true;
}

TEST(a_cancelled_call_ends_at_once_and_hangs_up) {
    static const char *const paths[] = {"/mute", "/silent", "/endless", "/slow/60000"};
    for (ptrdiff_t i = 0; i < COUNT(paths); i++) {
        Side side = {.path = paths[i]};
        int requests = atomic_load(&script_requests), gone = atomic_load(&script_gone);
        Coro *co =
            coro_spawn((CoroOptions){.name = "side", .budget_bytes = 200 * MIB}, side_call, &side);
        SOON(atomic_load(&script_requests) > requests);
        pause_ms(c, 10);
        coro_cancel(co);
        SOON(side.done);
        CHECK_INT(side.kind, ERR_CANCELLED);
        if (i < 3) SOON(atomic_load(&script_gone) > gone); /* a sleeping server does not look */
    }
}

TEST(a_stream_left_open_is_closed_with_its_activity) {
    int gone = atomic_load(&script_gone);
    Defer *mark = c->defers;
    HttpStream *s;
    HttpAnswer a;
    HttpCall call = to("/endless");
    REQUIRE(GOOD(http_open(c, &call, &s, &a)));
    ctx_undo(c, mark);
    SOON(atomic_load(&script_gone) > gone);
    char byte;
    ptrdiff_t n;
    FAILS(http_read(c, s, &byte, 1, &n), INTERNAL);
    http_close(s); /* again: harmless */
}

static Err *many_one(Ctx *own, void *arg) {
    side_call(own, arg);
    return NULL;
}

TEST(many_calls_at_once_each_get_their_own_answer) {
    enum { MANY = 60 };
    static Side sides[MANY];
    static Task tasks[MANY];
    for (int i = 0; i < MANY; i++) {
        char *path = str_cstr(c->arena, strf(c->arena, "/big/%d", 1000 + i * 5000));
        sides[i] = (Side){.path = path};
        tasks[i] = (Task){.fn = many_one, .arg = &sides[i]};
    }
    REQUIRE(GOOD(fork_join(c, tasks, MANY)));
    for (int i = 0; i < MANY; i++) CHECK_INT(sides[i].bytes, 1000 + i * 5000);
}

static _Atomic int elsewhere_bytes;

static void call_elsewhere(Ctx *own, void *arg) {
    HttpAnswer a;
    HttpCall call = {.url = script_url(own, "/ok"), .timeout_ms = 5000};
    (void)arg;
    atomic_store(&elsewhere_bytes, http_call(own, &call, &a) ? -1 : (int)a.body.len);
}

TEST(every_loop_has_a_client_of_its_own) {
    coro_spawn_on(loop_at(1), (CoroOptions){.name = "elsewhere"}, call_elsewhere, NULL);
    SOON(atomic_load(&elsewhere_bytes) != 0);
    CHECK_INT(atomic_load(&elsewhere_bytes), 5);
}

/* -- streams ----------------------------------------------------------------------------------- */

TEST(a_reader_holds_the_sender_back) {
    HttpStream *s;
    HttpAnswer a;
    HttpCall call = to("/endless");
    char text[1000];
    ptrdiff_t n;
    REQUIRE(GOOD(http_open(c, &call, &s, &a)));
    ptrdiff_t before = arena_used(c->arena);
    pause_ms(c, 100); /* what would be read now could only pile up */
    for (int64_t total = 0; total < 3000000; total += n) {
        REQUIRE(GOOD(http_read(c, s, text, sizeof text, &n)));
        CHECK(n > 0 && text[0] == 'x' && text[n - 1] == 'x');
    }
    CHECK(arena_used(c->arena) - before < 64 * KIB);
    http_close(s);
}

TEST(events_arrive_whole_however_they_are_cut) {
    HttpStream *s;
    HttpAnswer a;
    SseEvent e;
    HttpCall call = to("/events");
    REQUIRE(GOOD(http_open(c, &call, &s, &a)));
    CHECK_STR(answer_header(&a, S("Content-Type")), S("text/event-stream"));
    REQUIRE(GOOD(http_event(c, s, &e)));
    CHECK_STR(e.event, S("message"));
    CHECK_STR(e.data, S("{\"a\": 1}"));
    REQUIRE(GOOD(http_event(c, s, &e)));
    CHECK_STR(e.event, S("end"));
    CHECK_STR(e.data, S("x\ny"));
    CHECK_STR(e.id, S("4"));
    REQUIRE(GOOD(http_event(c, s, &e)));
    CHECK(str_is_null(e.data));
    http_close(s);
}

TEST(an_event_without_end_is_refused) {
    HttpStream *s;
    HttpAnswer a;
    SseEvent e;
    HttpCall call = to("/endless");
    REQUIRE(GOOD(http_open(c, &call, &s, &a)));
    FAILS(http_event(c, s, &e), UPSTREAM);
    http_close(s);
}

/* -- the guard --------------------------------------------------------------------------------- */

TEST(a_guarded_call_reaches_no_address_of_ours) {
    static const char *const hosts[] = {
        "127.0.0.1", "localhost",          "2130706433",    "0x7f.1",  "017700000001", "127.1",
        "[::1]",     "[::ffff:127.0.0.1]", "[::127.0.0.1]", "0.0.0.0", "[::]"};
    int before = atomic_load(&script_connections);
    for (ptrdiff_t i = 0; i < COUNT(hosts); i++) {
        HttpAnswer a;
        HttpCall call = {
            .url = strf(c->arena, "http://%s:%d/ok", hosts[i], listen_port(script_listener)),
            .public_only = true,
            .retries = 3,
            .timeout_ms = 5000};
        if (!FAILS(http_call(c, &call, &a), FORBIDDEN)) printf("  host: %s\n", hosts[i]);
    }
    CHECK_INT(atomic_load(&script_connections), before);
}

TEST(a_guarded_call_does_not_take_over_a_kept_connection) {
    HttpAnswer a;
    HttpCall call = to("/ok");
    REQUIRE(GOOD(http_call(c, &call, &a)));
    call.public_only = true;
    FAILS(http_call(c, &call, &a), FORBIDDEN);
}

static void server_start(void) { GOOD(script_start(c)); }
static void server_stop(void) { listen_stop(script_listener); }

T_LOOP_MAIN(
    2, server_start, server_stop, T_ROW(gives_status_headers_and_body),
    T_ROW(sends_method_headers_and_body_as_given),
    T_ROW(adds_neither_a_content_type_nor_expect_by_itself), T_ROW(a_post_without_a_body_says_so),
    T_ROW(reads_chunked_close_delimited_interim_and_empty_answers),
    T_ROW(headers_of_interim_answers_are_not_the_answer_s),
    T_ROW(head_gets_no_body_and_does_not_wait_for_one), T_ROW(any_status_is_an_answer),
    T_ROW(connections_are_kept_and_used_again),
    T_ROW(a_call_that_must_not_be_repeated_gets_a_fresh_connection),
    T_ROW(an_answer_of_just_the_limit_is_taken_and_one_byte_more_refused),
    T_ROW(an_answer_without_end_stops_at_the_limit), T_ROW(a_head_without_measure_is_refused),
    T_ROW(a_late_answer_is_a_timeout), T_ROW(the_time_limit_covers_the_body_too),
    T_ROW(a_stream_that_keeps_talking_outlives_the_idle_limit),
    T_ROW(a_stream_that_falls_silent_is_a_timeout), T_ROW(a_slow_reader_is_not_a_silent_sender),
    T_ROW(an_answer_cut_short_is_an_error), T_ROW(what_came_before_the_cut_can_be_read),
    T_ROW(a_refused_connection_is_an_error_that_names_the_host_only),
    T_ROW(a_name_that_does_not_exist_is_an_error),
    T_ROW(malformed_calls_are_refused_before_anything_is_sent),
    T_ROW(redirects_are_followed_when_asked_and_only_then),
    T_ROW(a_post_becomes_a_get_by_301_302_303_and_stays_by_307_308),
    T_ROW(another_origin_gets_none_of_our_secrets),
    T_ROW(a_redirect_away_from_http_is_not_followed),
    T_ROW(passing_errors_are_tried_again_as_often_as_asked),
    T_ROW(lasting_errors_are_not_tried_again), T_ROW(retry_after_is_waited_for),
    T_ROW(retry_after_may_be_a_date), T_ROW(a_retry_after_that_makes_no_sense_is_as_good_as_none),
    T_ROW(a_pause_that_does_not_fit_gives_the_answer_at_hand),
    T_ROW(a_server_that_is_just_starting_is_tried_again),
    T_ROW(a_call_that_must_not_be_repeated_is_not_when_no_answer_comes),
    T_ROW(certificates_are_verified_with_their_names),
    T_ROW(a_cancelled_call_ends_at_once_and_hangs_up),
    T_ROW(a_stream_left_open_is_closed_with_its_activity),
    T_ROW(many_calls_at_once_each_get_their_own_answer), T_ROW(every_loop_has_a_client_of_its_own),
    T_ROW(a_reader_holds_the_sender_back), T_ROW(events_arrive_whole_however_they_are_cut),
    T_ROW(an_event_without_end_is_refused), T_ROW(a_guarded_call_reaches_no_address_of_ours),
    T_ROW(a_guarded_call_does_not_take_over_a_kept_connection))
