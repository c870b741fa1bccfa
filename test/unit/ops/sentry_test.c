/* SPDX-License-Identifier: Apache-2.0
 * Envelopes and limits as pure text; then the service against a server of the test's own. */
#include "ops/sentry.h"

#include "core/json.h"
#include "core/log.h"
#include "unit/net/http_world.h"

enum { SENT, LIMITED, QUEUE_FULL, FAILED };

static int64_t became(int result) { return metric_sum(&sentry_metrics.metrics[0], result); }

/* -- where to ---------------------------------------------------------------------------------- */

TEST(reads_where_to_send_from_the_dsn) {
    SentryTarget t;
    REQUIRE(GOOD(sentry_target(c, S("https://abc123@o1.ingest.sentry.io/42"), &t)));
    CHECK_STR(t.url, S("https://o1.ingest.sentry.io:443/api/42/envelope/"));
    CHECK_STR(t.auth, S("Sentry sentry_version=7, sentry_client=socle/" SOCLE_VERSION
                        ", sentry_key=abc123"));
    REQUIRE(GOOD(sentry_target(c, S("http://key:old-secret@[::1]:9000/deep/path/7/"), &t)));
    CHECK_STR(t.url, S("http://[::1]:9000/deep/path/api/7/envelope/"));
    CHECK_STR(t.public_dsn, S("http://key@[::1]:9000/deep/path/7"));
}

TEST(refuses_a_dsn_that_says_not_enough) {
    static const char *const bad[] = {"nonsense",    "ftp://k@h/1",  "https://h/1",
                                      "https://k@h", "https://k@h/", "https://:s@h/1"};
    SentryTarget t;
    for (ptrdiff_t i = 0; i < COUNT(bad); i++) {
        Err *err = sentry_target(c, str_c(bad[i]), &t);
        REQUIRE(FAILS(err, INVALID));
        CHECK(str_starts(err->detail, S("SENTRY_DSN: expected https://KEY@HOST/PROJECT")));
        CHECK(str_find(err->detail, str_c(bad[i])) < 0); /* a DSN is a secret */
    }
}

/* -- what -------------------------------------------------------------------------------------- */

static const SentryOptions options = {
    .environment = S_INIT("production"), .release = S_INIT("socle@9"), .server_name = S_INIT("n1")};
static const SentryTarget target = {.public_dsn = S_INIT("https://k@h:443/1")};

static Str envelope(Str line) {
    Time at = {1763622000 * US_PER_SECOND};
    return sentry_envelope(c, &options, &target, line, S("0123456789abcdef0123456789abcdef"), at);
}

/* The event of an envelope, after its three lines were found as they must be. */
static json_t *event_in(Str text) {
    Str head, item, payload, rest = str_cut(str_cut(text, '\n', &head), '\n', &item);
    json_t *head_json = NULL, *item_json = NULL, *event = NULL;
    int64_t length;
    GOOD(json_parse(c, head, &head_json));
    GOOD(json_parse(c, item, &item_json));
    CHECK(json_i64(json_at(item_json, "length"), &length));
    payload = str_slice(rest, 0, (ptrdiff_t)length);
    CHECK_STR(str_slice(rest, (ptrdiff_t)length, rest.len), S("\n"));
    GOOD(json_parse(c, payload, &event));
    return event;
}

TEST(writes_an_envelope_of_three_lines) {
    Str text = envelope(
        S("{\"time\":\"2025-11-20T06:59:59.5Z\",\"level\":\"error\",\"message\":\"it broke\"}\n"));
    CHECK_STR(
        text,
        S("{\"event_id\":\"0123456789abcdef0123456789abcdef\",\"sent_at\":\"2025-11-20T07:00:00Z\","
          "\"dsn\":\"https://k@h:443/1\"}\n"
          "{\"type\":\"event\",\"length\":295,\"content_type\":\"application/json\"}\n"
          "{\"event_id\":\"0123456789abcdef0123456789abcdef\",\"timestamp\":\"2025-11-20T06:59:59."
          "5Z\","
          "\"platform\":\"c\",\"level\":\"error\",\"logger\":\"socle\",\"server_name\":\"n1\","
          "\"release\":\"socle@9\",\"environment\":\"production\",\"message\":{\"formatted\":\"it "
          "broke\"},"
          "\"tags\":{},\"extra\":{},\"sdk\":{\"name\":\"socle\",\"version\":\"" SOCLE_VERSION
          "\"}}\n"));
}

TEST(carries_what_the_line_says_about_the_request) {
    json_t *event = event_in(envelope(S(
        "{\"time\":\"2025-11-20T06:59:59Z\",\"level\":\"error\",\"message\":\"request "
        "failed\",\"request_id\":\"r-1\","
        "\"user_id\":7,\"tenant_id\":3,\"route\":\"/api/v1/posts/"
        "{id}\",\"method\":\"GET\",\"status\":500,"
        "\"error\":\"INTERNAL post_load: no such column\",\"ip\":\"203.0.113.9\",\"attempt\":2}")));
    CHECK_STR(json_str(json_at(event, "transaction")), S("/api/v1/posts/{id}"));
    CHECK_STR(json_str(json_path(event, "user.id")), S("7"));
    CHECK_STR(json_str(json_path(event, "tags.request_id")), S("r-1"));
    CHECK_STR(json_str(json_path(event, "tags.status")), S("500"));
    CHECK_STR(json_str(json_path(event, "tags.tenant_id")), S("3"));
    CHECK_STR(json_str(json_path(event, "exception.values.0.type")), S("INTERNAL"));
    CHECK_STR(json_str(json_path(event, "exception.values.0.value")),
              S("INTERNAL post_load: no such column"));
    CHECK_STR(json_str(json_path(event, "extra.attempt")), S("2"));
    CHECK(!json_path(event, "extra.ip"));
}

TEST(sends_no_secret_of_a_line) {
    Str text = envelope(
        S("{\"message\":\"login of a@b.fr with password=hunter2\",\"error\":\"UPSTREAM call: "
          "https://x/y?token=t1 Bearer t2\",\"token\":\"t3\",\"note\":\"+33612345678\"}"));
    static const char *const secrets[] = {"a@b.fr", "hunter2", "t1", "t2", "t3", "33612345678"};
    for (ptrdiff_t i = 0; i < COUNT(secrets); i++) CHECK(str_find(text, str_c(secrets[i])) < 0);
    json_t *event = event_in(text);
    CHECK_STR(json_str(json_path(event, "extra.token")), S("[secret]"));
    CHECK_STR(json_str(json_path(event, "message.formatted")),
              S("login of [email] with password=[secret]"));
}

TEST(takes_a_line_that_is_no_json_as_the_message) {
    json_t *event = event_in(envelope(S("10:00:00 error it broke \"so\"  [r-1]\n")));
    CHECK_STR(json_str(json_path(event, "message.formatted")),
              S("10:00:00 error it broke \"so\"  [r-1]"));
    event = event_in(envelope(S("{\"message\":\"cut in the mid")));
    CHECK(json_path(event, "message.formatted"));
    event = event_in(envelope(S("[1]")));
    CHECK_STR(json_str(json_path(event, "message.formatted")), S("[1]"));
    event = event_in(envelope(S("")));
    CHECK_STR(json_str(json_path(event, "message.formatted")), S(""));
}

/* -- what answers mean ------------------------------------------------------------------------- */

static int64_t limit_of(int status, const char *name, const char *value) {
    Header header = {str_c(name), str_c(value)};
    HttpAnswer a = {.status = status, .headers = &header, .header_count = 1};
    return sentry_limit_s(&a);
}

TEST(reads_how_long_sentry_wants_nothing) {
    static const char *const name = "x-sentry-rate-limits";
    CHECK_INT(limit_of(200, "X-Other", "1"), 0);
    CHECK_INT(limit_of(200, name, "60:transaction:organization:quota, 2700:error;default:key"),
              2700);
    CHECK_INT(limit_of(200, name, "30::organization, 10:error:key"), 30);
    CHECK_INT(limit_of(200, name, "90"), 90);
    CHECK_INT(limit_of(200, name, "60:transaction:key"), 0);
    CHECK_INT(limit_of(429, name, "60:transaction:key"), 0);
    CHECK_INT(limit_of(200, name, "x:error:key,,-5:error:key,1e99:error"), 24 * 3600);
    CHECK_INT(limit_of(429, "Retry-After", "17"), 17);
    CHECK_INT(limit_of(429, "Retry-After", "soon"), 60);
    CHECK_INT(limit_of(429, "X-Other", "1"), 60);
    CHECK_INT(limit_of(503, "Retry-After", "17"), 0);
    CHECK_INT(limit_of(429, "Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT"), 0);
}

/* -- the service ------------------------------------------------------------------------------- */

static HttpServer *server;
static int got, answer_status;
static bool hold;
static Str answer_header_line, last_body, last_path, last_auth, last_type;
static WaitList held;

static void sentry_handle(Ctx *own, Req *q, Reply *r) {
    Str body;
    if (body_all(own, q, &body)) return;
    while (hold)
        if (wait_on(own, &held)) return;
    last_body = str_copy(c->arena, body);
    last_path = str_copy(c->arena, q->path);
    last_auth = str_copy(c->arena, req_header(q, S("X-Sentry-Auth")));
    last_type = str_copy(c->arena, req_header(q, S("Content-Type")));
    if (answer_header_line.len) reply_header(r, S("X-Sentry-Rate-Limits"), answer_header_line);
    reply_json(r, answer_status, S("{\"id\":\"1\"}"));
    got++;
}

static void service_start(int port) {
    SentryOptions o = options;
    o.dsn = strf(c->arena, "http://pub@127.0.0.1:%d/5", port);
    got = 0;
    answer_status = 200;
    answer_header_line = (Str){0};
    GOOD(sentry_start(c, o));
}

TEST(sends_every_error_of_the_log) {
    service_start(http_port(server));
    int64_t sent = became(SENT);
    log_msg(NULL, LOG_WARN, "no error");
    log_msg(NULL, LOG_ERROR, "disk is gone");
    SOON(got == 1);
    CHECK_STR(last_path, S("/api/5/envelope/"));
    CHECK_STR(last_type, S("application/x-sentry-envelope"));
    CHECK(str_ends(last_auth, S("sentry_key=pub")));
    CHECK_STR(json_str(json_path(event_in(last_body), "message.formatted")), S("disk is gone"));
    SOON(became(SENT) == sent + 1);
    sentry_stop(c);
}

TEST(drops_events_while_sentry_wants_none) {
    service_start(http_port(server));
    int64_t limited = became(LIMITED);
    answer_header_line = S("60:error:key");
    log_msg(NULL, LOG_ERROR, "first");
    SOON(got == 1);
    log_msg(NULL, LOG_ERROR, "second");
    log_msg(NULL, LOG_ERROR, "third");
    SOON(became(LIMITED) == limited + 2);
    CHECK_INT(got, 1);
    sentry_stop(c);
    service_start(http_port(server)); /* a new start knows of no limit */
    answer_status = 429;
    limited = became(LIMITED);
    log_msg(NULL, LOG_ERROR, "fourth");
    SOON(became(LIMITED) == limited + 1);
    log_msg(NULL, LOG_ERROR, "fifth");
    SOON(became(LIMITED) == limited + 2);
    CHECK_INT(got, 1);
    sentry_stop(c);
}

TEST(never_holds_up_who_logs_and_never_grows) {
    service_start(http_port(server));
    int64_t full = became(QUEUE_FULL), began = mono_us();
    hold = true;
    for (int i = 0; i < 500; i++) log_msg(NULL, LOG_ERROR, "error %d", i);
    CHECK(ms_since(began) < 2000);
    CHECK(became(QUEUE_FULL) - full >= 500 - SENTRY_QUEUE - 1);
    hold = false;
    wait_wake_all(&held);
    sentry_stop(c); /* what waits is still sent */
    CHECK(got >= SENTRY_QUEUE);
    CHECK(got <= SENTRY_QUEUE + 1);
}

TEST(gives_up_an_event_when_nobody_answers_and_does_not_complain_in_a_circle) {
    HttpServer *gone = world_start((HttpOptions){.handle = sentry_handle});
    int port = http_port(gone);
    http_stop(gone);
    pause_ms(c, 50);
    service_start(port);
    int64_t failed = became(FAILED);
    log_msg(NULL, LOG_ERROR, "lost");
    SOON(became(FAILED) == failed + 1);
    pause_ms(c, 50); /* time enough for an echo */
    CHECK_INT(became(FAILED), failed + 1);
    sentry_stop(c);
}

TEST(does_nothing_without_a_dsn) {
    SentryOptions o = options;
    GOOD(sentry_start(c, o));
    sentry_stop(c);
}

static void before(void) {
    log_start(LOG_INFO, LOG_JSON, "/dev/null");
    metrics_declare(&sentry_metrics);
    server = world_start((HttpOptions){.handle = sentry_handle});
}

static void after(void) {
    world_stop();
    log_stop();
}

T_LOOP_MAIN(1, before, after, T_ROW(does_nothing_without_a_dsn),
            T_ROW(reads_where_to_send_from_the_dsn), T_ROW(refuses_a_dsn_that_says_not_enough),
            T_ROW(writes_an_envelope_of_three_lines),
            T_ROW(carries_what_the_line_says_about_the_request), T_ROW(sends_no_secret_of_a_line),
            T_ROW(takes_a_line_that_is_no_json_as_the_message),
            T_ROW(reads_how_long_sentry_wants_nothing), T_ROW(sends_every_error_of_the_log),
            T_ROW(drops_events_while_sentry_wants_none),
            T_ROW(never_holds_up_who_logs_and_never_grows),
            T_ROW(gives_up_an_event_when_nobody_answers_and_does_not_complain_in_a_circle))
