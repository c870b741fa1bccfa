/* SPDX-License-Identifier: Apache-2.0
 * Clients that go away while their handler waits: by a reset, by closing, by the end of an event
 * stream or a WebSocket; and those that only end their side and still listen. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_world.h"
#include "net/websocket.h"

enum { LONG_MS = 60 * 1000, PROBE_PASSED_MS = 1500 };

static HttpServer *server;
static int begun, ended, done_status;
static int64_t begun_us, ended_us;
static ErrKind seen; /* how the handler's wait ended; ERR_KIND_COUNT: well */

static Err *sleep_task(Ctx *own, void *ms) { return sleep_ms(own, *(int64_t *)ms); }

static Err *wait_as_asked(Ctx *own, Req *q, Reply *r) {
    int64_t ms = LONG_MS;
    if (str_eq(q->path, S("/late"))) return sleep_ms(own, PROBE_PASSED_MS);
    if (str_eq(q->path, S("/short"))) return sleep_ms(own, 200);
    if (str_eq(q->path, S("/fork")))
        return fork_join(own, (Task[]){{.fn = sleep_task, .arg = &ms}}, 1);
    if (str_eq(q->path, S("/events"))) {
        r->content_type = S("text/event-stream");
        TRY(reply_begin(own, q, r));
        TRY(reply_write(own, q, r, S("retry: 2000\n\n")));
    }
    if (str_eq(q->path, S("/body"))) {
        Str body;
        TRY(body_all(own, q, &body));
    }
    if (str_eq(q->path, S("/ws"))) {
        WebSocket *ws;
        TRY(ws_accept(own, q, r, (Str){0}, 1000, &ws));
    }
    return sleep_ms(own, ms);
}

static void handle(Ctx *own, Req *q, Reply *r) {
    r->no_etag = true;
    begun_us = mono_us();
    begun++;
    Err *err = wait_as_asked(own, q, r);
    seen = err ? err->kind : ERR_KIND_COUNT;
    ended_us = mono_us();
    ended++;
    if (!r->begun) reply_text(r, err ? err_status(err->kind) : 200, S("text/plain"), S("waited"));
}

static void done(Ctx *own, const Req *q, const Reply *r) {
    (void)own;
    (void)q;
    done_status = r->status;
}

static void before(void) { server = world_start((HttpOptions){.handle = handle, .done = done}); }

/* -- The client's side: a plain socket, so that its end is what the test says --------------------- */

static int client_open(const char *request) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_port(server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0), former = begun;
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(write(fd, request, strlen(request)) == (ssize_t)strlen(request));
    SOON(begun > former);
    return fd;
}

static void client_reset(int fd) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    close(fd);
}

static Str client_hear(int fd) {
    char *to = arena_bytes(c->arena, 4096);
    ptrdiff_t len = 0;
    for (int turns = 0; turns < 2000; turns++) {
        ssize_t n = recv(fd, to + len, (size_t)(4096 - len), MSG_DONTWAIT);
        if (n == 0) break;
        if (n > 0)
            len += n;
        else
            pause_ms(c, 5);
    }
    return str_of(to, len);
}

#define GET_OF(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void goes_soon(int before, int64_t within_ms) {
    SOON(ended > before);
    CHECK_INT(seen, ERR_CANCELLED);
    CHECK(ended_us - begun_us < within_ms * US_PER_MS);
    SOON(http_connections(server) == 0);
}

TEST(a_reset_cancels_the_handlers_wait) {
    int former = ended;
    client_reset(client_open(GET_OF("/long")));
    goes_soon(former, 5000);
}

TEST(a_reset_cancels_what_the_handler_forked) {
    int former = ended;
    client_reset(client_open(GET_OF("/fork")));
    goes_soon(former, 5000);
}

TEST(a_reset_after_a_large_body_is_noticed) {
    char *request = arena_bytes(c->arena, 200 * KIB);
    ptrdiff_t at =
        snprintf(request, 200 * KIB, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n",
                 (int)(128 * KIB));
    memset(request + at, 'x', 128 * KIB);
    request[at + 128 * KIB] = '\0';
    int former = ended, fd = client_open(request);
    pause_ms(c, 100); /* the body is read */
    client_reset(fd);
    goes_soon(former, 5000);
}

TEST(a_client_that_closes_is_found_out_and_cancels) {
    int former = ended;
    close(client_open(GET_OF("/long")));
    goes_soon(former, 10 * 1000);
}

TEST(a_client_that_only_ends_its_side_gets_its_answer) {
    int fd = client_open(GET_OF("/short"));
    shutdown(fd, SHUT_WR);
    Str heard = client_hear(fd);
    CHECK_INT(status_in(heard), 200);
    CHECK_STR(body_in(heard), S("waited"));
    close(fd);
}

TEST(a_client_that_only_ends_its_side_gets_its_answer_also_when_it_takes_long) {
    int fd = client_open(GET_OF("/late"));
    shutdown(fd, SHUT_WR);
    Str heard = client_hear(fd);
    CHECK(str_starts(heard, S("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")));
    CHECK_STR(body_in(body_in(heard)), S("waited"));
    CHECK_INT(seen, ERR_KIND_COUNT);
    close(fd);
}

TEST(a_client_of_http_1_0_is_asked_nothing) {
    int fd = client_open("GET /late HTTP/1.0\r\n\r\n");
    shutdown(fd, SHUT_WR);
    Str heard = client_hear(fd);
    CHECK_INT(status_in(heard), 200);
    close(fd);
}

TEST(a_reader_of_events_that_closes_is_gone_at_once) {
    int former = ended;
    int fd = client_open(GET_OF("/events"));
    close(fd);
    goes_soon(former, 10 * 1000); /* nothing else ends its wait */
}

TEST(a_websocket_that_closes_cancels_what_its_handler_waits_for) {
    int former = ended;
    int fd = client_open("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: "
                         "websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                         "Sec-WebSocket-Version: 13\r\n\r\n");
    shutdown(fd, SHUT_WR);
    goes_soon(former, 10 * 1000); /* nothing else ends its wait */
    CHECK_INT(done_status, 101);
    close(fd);
}

TEST(a_pipelined_request_behind_a_reset_is_not_begun) {
    int former = begun, fd = client_open(GET_OF("/long") GET_OF("/short"));
    client_reset(fd);
    SOON(http_connections(server) == 0);
    CHECK_INT(begun, former + 1);
}

T_LOOP_MAIN(1, before, world_stop, T_ROW(a_reset_cancels_the_handlers_wait),
            T_ROW(a_reset_cancels_what_the_handler_forked),
            T_ROW(a_reset_after_a_large_body_is_noticed),
            T_ROW(a_client_that_closes_is_found_out_and_cancels),
            T_ROW(a_client_that_only_ends_its_side_gets_its_answer),
            T_ROW(a_client_that_only_ends_its_side_gets_its_answer_also_when_it_takes_long),
            T_ROW(a_client_of_http_1_0_is_asked_nothing),
            T_ROW(a_reader_of_events_that_closes_is_gone_at_once),
            T_ROW(a_websocket_that_closes_cancels_what_its_handler_waits_for),
            T_ROW(a_pipelined_request_behind_a_reset_is_not_begun))
