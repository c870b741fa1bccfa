/* SPDX-License-Identifier: Apache-2.0
 * The server's `done` hook with access_done behind it, over real connections; the log goes to a
 * file. */
#include "ops/access.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/json.h"
#include "core/log.h"
#include "ops/http_metrics.h"
#include "unit/net/http_world.h"

static HttpServer *server;
static char log_path[] = "/tmp/socle-access-XXXXXX";

static void handle(Ctx *own, Req *q, Reply *r) {
    own->route = S("/things/{id}");
    own->request_id = str_copy(own->arena, S("req-1"));
    own->account.user = (Id){7};
    own->account.organisation = (Id){3};
    if (str_eq(q->path, S("/things/huge"))) {
        arena_bytes(own->arena, 64 * MIB);
    } else if (str_eq(q->path, S("/things/stream"))) {
        r->content_type = S("text/event-stream");
        Err *err = reply_begin(own, q, r);
        if (!err) err = reply_write(own, q, r, S("data: 1\n\n"));
        CHECK(!err);
    } else {
        reply_json(r, 200, S("{\"thing\":1}"));
    }
}

static Str thing_get(const char *path, const char *headers) {
    return ask(server, strf(c->arena, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n",
                            path, headers));
}

static Str metrics_now(void) {
    Buf b = buf_new(c->arena, 1024);
    metrics_text(c, &b, false);
    return buf_str(&b);
}

static int64_t counted(const char *method, const char *route, const char *status) {
    Str name = strf(c->arena, "http_requests_total{method=\"%s\",path=\"%s\",status=\"%s\"} ",
                    method, route, status);
    Str text = metrics_now(), line;
    ptrdiff_t at = str_find(text, name);
    int64_t n = 0;
    if (at < 0) return 0;
    str_cut(str_slice(text, at + name.len, text.len), '\n', &line);
    return str_to_i64(line, &n) ? n : -1;
}

/* Lines of the log that hold `part`, once there are `count` of them. */
static Str lines_with(Str part, int count) {
    Str text = {0}, found = S("");
    for (int turn = 0; turn < 2000; turn++) {
        GOOD(file_read_all(c, str_c(log_path), 16 * MIB, &text));
        Buf b = buf_new(c->arena, 1024);
        int n = 0;
        for (Str rest = text, line; rest.data;) {
            rest = str_cut(rest, '\n', &line);
            if (str_find(line, part) < 0) continue;
            buf_add(&b, line);
            buf_byte(&b, '\n');
            n++;
        }
        found = buf_str(&b);
        if (n >= count) return found;
        pause_ms(c, 5);
    }
    CHECK(!"the log has the lines");
    return found;
}

TEST(logs_one_json_line_a_request_with_route_and_not_path) {
    CHECK_INT(status_in(thing_get("/things/42?secret=xyzzy", "Cookie: sid=xyzzy\r\n")), 200);
    Str line = str_trim(lines_with(S("\"status\":200"), 1));
    json_t *json = NULL;
    REQUIRE(GOOD(json_parse(c, line, &json)));
    CHECK_STR(json_str(json_at(json, "level")), S("info"));
    CHECK_STR(json_str(json_at(json, "message")), S("request"));
    CHECK_STR(json_str(json_at(json, "request_id")), S("req-1"));
    CHECK_STR(json_str(json_at(json, "route")), S("/things/{id}"));
    CHECK_STR(json_str(json_at(json, "method")), S("GET"));
    CHECK_STR(json_str(json_at(json, "ip")), S("127.0.0.1"));
    int64_t user, tenant, bytes;
    double duration_ms;
    Time time;
    CHECK(json_i64(json_at(json, "user_id"), &user) && user == 7);
    CHECK(json_i64(json_at(json, "tenant_id"), &tenant) && tenant == 3);
    CHECK(json_i64(json_at(json, "bytes"), &bytes) && bytes > 11);
    CHECK(json_f64(json_at(json, "duration_ms"), &duration_ms) && duration_ms >= 0 &&
          duration_ms < 5000);
    CHECK(time_parse(json_str(json_at(json, "time")), &time));
    CHECK(str_find(line, S("xyzzy")) < 0);
    CHECK(str_find(line, S("/things/42")) < 0);
}

TEST(counts_what_the_answer_became_and_not_what_the_handler_wanted) {
    Str etag = header_in(thing_get("/things/1", ""), S("ETag"));
    REQUIRE(etag.len > 0);
    int64_t before = counted("GET", "/things/{id}", "304");
    CHECK_INT(status_in(thing_get(
                  "/things/1",
                  str_cstr(c->arena, strf(c->arena, "If-None-Match: %.*s\r\n", S_ARG(etag))))),
              304);
    SOON(counted("GET", "/things/{id}", "304") == before + 1);
}

TEST(counts_what_no_route_and_no_handler_saw) {
    int64_t before = counted("OTHER", "(unmatched)", "400");
    CHECK_INT(status_in(ask(server, S("nonsense\r\n\r\n"))), 400);
    SOON(counted("OTHER", "(unmatched)", "400") == before + 1);
}

TEST(counts_a_request_over_its_budget) {
    CHECK_INT(status_in(thing_get("/things/huge", "")), 503);
    SOON(counted("GET", "/things/{id}", "503") == 1);
    Str line = lines_with(S("\"status\":503"), 1);
    CHECK(str_find(line, S("req-1")) < 0); /* that text went with the budget */
}

TEST(keeps_event_streams_out_of_the_durations) {
    Str name = S("http_request_duration_seconds_count{method=\"GET\",path=\"/things/{id}\"} ");
    Str text = metrics_now(), before, after;
    str_cut(str_slice(text, str_find(text, name), text.len), '\n', &before);
    int64_t seen = counted("GET", "/things/{id}", "200");
    CHECK_INT(status_in(thing_get("/things/stream", "")), 200);
    SOON(counted("GET", "/things/{id}", "200") == seen + 1);
    text = metrics_now();
    str_cut(str_slice(text, str_find(text, name), text.len), '\n', &after);
    CHECK_STR(after, before);
}

TEST(logs_nothing_when_the_level_is_above_info_and_still_counts) {
    int64_t before = counted("GET", "/things/{id}", "200");
    log_stop();
    log_start(LOG_WARN, LOG_JSON, log_path);
    Str text_before, text_after;
    GOOD(file_read_all(c, str_c(log_path), 16 * MIB, &text_before));
    CHECK_INT(status_in(thing_get("/things/1", "")), 200);
    SOON(counted("GET", "/things/{id}", "200") == before + 1);
    log_stop(); /* everything is written */
    GOOD(file_read_all(c, str_c(log_path), 16 * MIB, &text_after));
    CHECK_INT(text_after.len, text_before.len);
    log_start(LOG_INFO, LOG_JSON, log_path);
}

static void before_all(void) {
    int fd = mkstemp(log_path);
    CHECK(fd >= 0);
    if (fd >= 0) close(fd);
    log_start(LOG_INFO, LOG_JSON, log_path);
    metrics_declare(&http_metrics);
    server = world_start((HttpOptions){.handle = handle, .done = access_done});
}

static void after_all(void) {
    world_stop();
    log_stop();
    unlink(log_path);
}

T_LOOP_MAIN(1, before_all, after_all, T_ROW(logs_one_json_line_a_request_with_route_and_not_path),
            T_ROW(counts_what_the_answer_became_and_not_what_the_handler_wanted),
            T_ROW(counts_what_no_route_and_no_handler_saw), T_ROW(counts_a_request_over_its_budget),
            T_ROW(keeps_event_streams_out_of_the_durations),
            T_ROW(logs_nothing_when_the_level_is_above_info_and_still_counts))
