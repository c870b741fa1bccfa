/* SPDX-License-Identifier: Apache-2.0
 * WebSocket sessions with raw frames: the handshake, every rule about sequences of frames, waking,
 * closing from either side and by the server's stop. */
#include "net/websocket.h"

#include "http_world.h"

enum { MAX_BYTES = 70000 };

static HttpServer *server, *doomed, *impatient;
static WebSocket *present; /* the session of /wake, to be woken by the test */
static int sessions_ended;
static WsGot last_got;

static WebSocket *push_ws; /* of a session that nobody else writes to */

static void count_end(void *arg) {
    (void)arg;
    sessions_ended++;
}

static Err *session(Ctx *own, Req *q, Reply *r) {
    WebSocket *ws;
    bool wake = str_eq(q->path, S("/wake"));
    int64_t idle_ms = str_eq(q->path, S("/idle")) ? 30 : 20000;
    TRY(ws_accept(own, q, r, str_eq(q->path, S("/protocol")) ? S("chat") : (Str){0}, MAX_BYTES,
                  &ws));
    defer(own, count_end, NULL);
    if (wake) present = ws;
    if (str_eq(q->path, S("/push"))) push_ws = ws;
    for (;;) {
        Str message;
        TRY(ws_receive(own, ws, idle_ms, &last_got, &message));
        switch (last_got) {
        case WS_TEXT:
            if (str_eq(message, S("bye"))) {
                ws_close(own, ws, 4001, S("as you wish"));
                return NULL;
            }
            if (str_eq(message, S("framed")))
                TRY(ws_send_framed(own, ws, ws_frame_text(own->arena, S("from a frame"))));
            else
                TRY(ws_send(own, ws, message));
            break;
        case WS_BINARY: TRY(ws_send(own, ws, strf(own->arena, "binary %td", message.len))); break;
        case WS_CLOSED: return NULL;
        case WS_WOKEN: TRY(ws_send(own, ws, S("woken"))); break;
        case WS_IDLE: TRY(ws_ping(own, ws)); break;
        }
    }
}

static void handle(Ctx *own, Req *q, Reply *r) {
    Err *err = session(own, q, r);
    if (err && r->status != 101) reply_text(r, err_status(err->kind), S("text/plain"), err->detail);
}

static void before(void) {
    server = world_start((HttpOptions){.handle = handle, .budget_bytes = MIB});
    doomed = world_start((HttpOptions){.handle = handle, .budget_bytes = MIB});
    impatient = world_start(
        (HttpOptions){.handle = handle, .budget_bytes = MIB, .request_timeout_ms = 300});
}

/* -- The client's side ------------------------------------------------------------------------- */

static Stream *upgrade(const HttpServer *to, const char *path) {
    Stream *s = dial(to);
    say(s, strf(c->arena,
                "GET %s HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
                "WebSocket\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                path));
    Str head = hear_until(s, S("\r\n\r\n"));
    CHECK(str_starts(head, S("HTTP/1.1 101 Switching Protocols\r\n")));
    CHECK_STR(header_in(head, S("Sec-WebSocket-Accept")),
              S("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")); /* RFC 6455 §1.3 */
    return s;
}

/* A masked frame; first byte as given (FIN, RSV, opcode). */
static Str frame(int first, Str payload) {
    static const unsigned char mask[4] = {0x37, 0xFA, 0x21, 0x3D};
    Buf b = buf_new(c->arena, payload.len + 16);
    buf_byte(&b, (char)first);
    if (payload.len < 126) {
        buf_byte(&b, (char)(0x80 | payload.len));
    } else {
        int bytes = payload.len < 65536 ? 2 : 8;
        buf_byte(&b, (char)(0x80 | (bytes == 2 ? 126 : 127)));
        for (int i = bytes; i-- > 0;) buf_byte(&b, (char)((uint64_t)payload.len >> (8 * i)));
    }
    for (int i = 0; i < 4; i++) buf_byte(&b, (char)mask[i]);
    for (ptrdiff_t i = 0; i < payload.len; i++)
        buf_byte(&b, (char)((unsigned char)payload.data[i] ^ mask[i % 4]));
    return buf_str(&b);
}

static Str bytes_hear(Stream *s, ptrdiff_t count) {
    char *to = arena_bytes(c->arena, count);
    int64_t former = ctx_deadline_within(c, PATIENCE_MS);
    for (ptrdiff_t have = 0, n; have < count; have += n) {
        Err *err = stream_read(c, s, to + have, count - have, &n);
        if (err || n == 0) {
            c->deadline_us = former;
            return (Str){0};
        }
    }
    c->deadline_us = former;
    return str_of(to, count);
}

/* The next frame from the server: its first byte, or -1 at the end of the connection. */
static int hear_frame(Stream *s, Str *payload) {
    Str head = bytes_hear(s, 2);
    *payload = (Str){0};
    if (!head.data) return -1;
    ptrdiff_t length = (unsigned char)head.data[1];
    CHECK(length < 128); /* the server never masks */
    if (length >= 126) {
        Str more = bytes_hear(s, length == 126 ? 2 : 8);
        length = 0;
        for (ptrdiff_t i = 0; i < more.len; i++) length = length << 8 | (unsigned char)more.data[i];
    }
    *payload = length ? bytes_hear(s, length) : S("");
    return (unsigned char)head.data[0];
}

static void expect_frame(Stream *s, int first, Str want) {
    Str payload;
    CHECK_INT(hear_frame(s, &payload), first);
    CHECK_STR(payload, want);
}

/* A close frame of that code, then the end of the connection. */
static void expect_close(Stream *s, int code) {
    Str payload;
    CHECK_INT(hear_frame(s, &payload), 0x88);
    if (code == 1005)
        CHECK_INT(payload.len, 0);
    else if (CHECK(payload.len >= 2))
        CHECK_INT((unsigned char)payload.data[0] << 8 | (unsigned char)payload.data[1], code);
    stream_shutdown(s);
    CHECK_INT(hear_frame(s, &payload), -1);
}

static Str repeat(char byte, ptrdiff_t count) {
    char *text = arena_bytes(c->arena, count);
    memset(text, byte, (size_t)count);
    return str_of(text, count);
}

/* -- Tests ------------------------------------------------------------------------------------- */

TEST(refuses_handshakes_that_are_none) {
#define LINES(version, key)                                                \
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: " key \
    "\r\nSec-WebSocket-Version: " version "\r\n"
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
    static const struct {
        const char *method, *lines;
        int status;
    } rows[] = {
        {"GET", "", 426},
        {"GET",
         "Connection: Upgrade\r\nSec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n", 426},
        {"GET", "Upgrade: websocket\r\nSec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n",
         426},
        {"GET",
         "Connection: Upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Key: " KEY
         "\r\nSec-WebSocket-Version: 13\r\n",
         426},
        {"POST", LINES("13", KEY), 426},
        {"GET", LINES("8", KEY), 426},
        {"GET", LINES("13", KEY) "Sec-WebSocket-Version: 8\r\n", 426},
        {"GET", LINES("13", "short"), 400},
        {"GET", LINES("13", ""), 400},
        {"GET", LINES("13", "dGhlIHNhbXBsZSBub25jZQ"), 400},
        {"GET", LINES("13", KEY) "Sec-WebSocket-Key: " KEY "\r\n", 400},
        {"GET", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", 400},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Str heard = ask(server, strf(c->arena, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", rows[i].method,
                                     rows[i].lines));
        if (!CHECK_INT(status_in(heard), rows[i].status)) printf("    row %td\n", i);
        if (rows[i].status == 426) CHECK_STR(header_in(heard, S("Upgrade")), S("websocket"));
    }
    Str heard = ask(server, S("GET / HTTP/1.1\r\nHost: a\r\n" LINES("12", KEY) "\r\n"));
    CHECK_STR(header_in(heard, S("Sec-WebSocket-Version")), S("13"));
}

TEST(names_the_subprotocol) {
    Stream *s = dial(server);
    say(s, S("GET /protocol HTTP/1.1\r\nHost: a\r\n" LINES("13", KEY) "\r\n"));
    CHECK_STR(header_in(hear_until(s, S("\r\n\r\n")), S("Sec-WebSocket-Protocol")), S("chat"));
    stream_close(s);
}

TEST(echoes_messages_of_every_length) {
    static const ptrdiff_t sizes[] = {0, 1, 125, 126, 127, 4096, 65535, 65536, MAX_BYTES};
    Stream *s = upgrade(server, "/");
    for (ptrdiff_t i = 0; i < COUNT(sizes); i++) {
        say(s, frame(0x81, repeat('a', sizes[i])));
        Str payload;
        CHECK_INT(hear_frame(s, &payload), 0x81);
        CHECK(str_eq(payload, repeat('a', sizes[i])));
    }
    say(s, frame(0x82, repeat('\xFF', 300)));
    expect_frame(s, 0x81, S("binary 300"));
    say(s, frame(0x81, S("framed")));
    expect_frame(s, 0x81, S("from a frame"));
    stream_close(s);
}

TEST(takes_a_message_that_came_with_the_handshake) {
    Stream *s = dial(server);
    say(s, str_concat(c->arena, S("GET / HTTP/1.1\r\nHost: a\r\n" LINES("13", KEY) "\r\n"),
                      frame(0x81, S("early"))));
    hear_until(s, S("\r\n\r\n"));
    expect_frame(s, 0x81, S("early"));
    stream_close(s);
}

TEST(reads_frames_cut_at_every_byte) {
    Str text = frame(0x01, S("h\xC3"));
    text = str_concat(c->arena, text, frame(0x89, S("p")));
    text = str_concat(c->arena, text, frame(0x00, S("\xA9")));
    text = str_concat(c->arena, text, frame(0x80, S("llo")));
    text = str_concat(c->arena, text, frame(0x81, repeat('b', 200)));
    Stream *s = upgrade(server, "/");
    for (ptrdiff_t cut = 1; cut < text.len; cut++) {
        say(s, str_slice(text, 0, cut));
        if (cut % 16 == 0) pause_ms(c, 1);
        say(s, str_slice(text, cut, text.len));
        expect_frame(s, 0x8A, S("p"));
        expect_frame(s, 0x81, S("h\xC3\xA9llo"));
        Str payload;
        CHECK_INT(hear_frame(s, &payload), 0x81);
        CHECK_INT(payload.len, 200);
    }
    stream_close(s);
}

TEST(answers_many_messages_in_one_piece_in_order) {
    Buf b = buf_new(c->arena, 0);
    for (int i = 0; i < 500; i++) buf_add(&b, frame(0x81, strf(c->arena, "%d", i)));
    Stream *s = upgrade(server, "/");
    say(s, buf_str(&b));
    for (int i = 0; i < 500; i++) expect_frame(s, 0x81, strf(c->arena, "%d", i));
    stream_close(s);
}

TEST(closes_with_the_code_that_each_offence_deserves) {
    static const struct {
        const char *what;
        int code;
        Str bytes;
    } raw[] = {
        {"an unmasked frame", 1002, S_INIT("\x81\x02hi")},
        {"an unmasked empty frame", 1002, S_INIT("\x81\x00")},
        {"a length not in its shortest form", 1002,
         S_INIT("\x81\xFE\x00\x05\x01\x02\x03\x04hello")},
        {"a 64-bit length not in its shortest form", 1002,
         S_INIT("\x81\xFF\x00\x00\x00\x00\x00\x00\x00\x05\x01\x02\x03\x04hello")},
        {"a length with its first bit set", 1002,
         S_INIT("\x81\xFF\x80\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04")},
        {"a control frame over 125 bytes", 1002, S_INIT("\x89\xFE\x00\x7E\x01\x02\x03\x04")},
        {"a fragmented control frame", 1002, S_INIT("\x09\x80\x01\x02\x03\x04")},
        {"a message far too large", 1009,
         S_INIT("\x82\xFF\x00\x00\x00\x01\x00\x00\x00\x00\x01\x02\x03\x04x")},
    };
    for (ptrdiff_t i = 0; i < COUNT(raw); i++) {
        Stream *s = upgrade(server, "/");
        say(s, raw[i].bytes);
        int failures = t_failures;
        expect_close(s, raw[i].code);
        if (t_failures > failures) printf("    for %s\n", raw[i].what);
        stream_close(s);
    }
}

TEST(closes_on_frames_out_of_order) {
    static const struct {
        int first[3], code;
        const char *text[3];
    } rows[] = {
        {{0x80}, 1002, {"continues nothing"}},
        {{0x00}, 1002, {"continues nothing"}},
        {{0x01, 0x81}, 1002, {"a", "interrupts"}},
        {{0x01, 0x02}, 1002, {"a", "interrupts"}},
        {{0x83}, 1002, {"reserved"}},
        {{0x87}, 1002, {"reserved"}},
        {{0x8B}, 1002, {"reserved control"}},
        {{0x8F}, 1002, {"reserved control"}},
        {{0xC1}, 1002, {"rsv1"}},
        {{0xA1}, 1002, {"rsv2"}},
        {{0x91}, 1002, {"rsv3"}},
        {{0xC9}, 1002, {"rsv1 on ping"}},
        {{0x81}, 1007, {"\xFF"}},
        {{0x81}, 1007, {"\xC0\x80"}},
        {{0x81}, 1007, {"\xED\xA0\x80"}},
        {{0x81}, 1007, {"\xF4\x90\x80\x80"}},
        {{0x81}, 1007, {"h\xC3"}},
        {{0x01, 0x80}, 1007, {"h\xC3", "x"}},
        {{0x01, 0x00, 0x80}, 1007, {"\xE2", "\x82", ""}},
        {{0x88}, 1005, {""}},
        {{0x88}, 1000, {"\x03\xE8"}},
        {{0x88},
         4999,
         {"\x13\x87"
          "reason"}},
        {{0x88}, 1002, {"\x03"}},
        {{0x88}, 1002, {"\x03\xED"}},
        {{0x88}, 1002, {"\x03\xE7"}},
        {{0x88}, 1002, {"\x0B\xB7"}},
        {{0x88}, 1007, {"\x03\xE8\xFF"}},
        {{0x88}, 1002, {"\x13\x88"}},
        {{0x88}, 1002, {"\x03\xEE"}},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Stream *s = upgrade(server, "/");
        for (int k = 0; k < 3 && rows[i].first[k] | (rows[i].text[k] != NULL); k++)
            say(s, frame(rows[i].first[k], str_c(rows[i].text[k])));
        int failures = t_failures;
        expect_close(s, rows[i].code);
        if (t_failures > failures) printf("    row %td\n", i);
        stream_close(s);
    }
}

TEST(bounds_a_message_over_its_fragments) {
    Stream *s = upgrade(server, "/");
    say(s, frame(0x01, repeat('a', MAX_BYTES - 10)));
    say(s, frame(0x00, repeat('a', 10)));
    say(s, frame(0x80, S("")));
    Str payload;
    CHECK_INT(hear_frame(s, &payload), 0x81);
    CHECK_INT(payload.len, MAX_BYTES);
    say(s, frame(0x01, repeat('a', MAX_BYTES - 10)));
    say(s, frame(0x80, repeat('a', 11)));
    expect_close(s, 1009);
    stream_close(s);
}

TEST(says_the_reason_to_a_client_that_goes_on_sending) {
    Stream *s = upgrade(server, "/");
    say(s, frame(0x81, S("\xFF")));
    say(s, frame(0x82, repeat('a', 60000)));
    expect_close(s, 1007);
    stream_close(s);
}

TEST(answers_pings_between_fragments) {
    Stream *s = upgrade(server, "/");
    say(s, frame(0x01, S("a")));
    say(s, frame(0x89, repeat('p', 125)));
    expect_frame(s, 0x8A, repeat('p', 125));
    say(s, frame(0x8A, S("unasked")));
    say(s, frame(0x80, S("b")));
    expect_frame(s, 0x81, S("ab"));
    stream_close(s);
}

TEST(wakes_a_session_that_waits_or_works) {
    present = NULL;
    Stream *s = upgrade(server, "/wake");
    SOON(present != NULL);
    REQUIRE(present);
    for (int i = 0; i < 20; i++) {
        ws_wake(present);
        expect_frame(s, 0x81, S("woken"));
    }
    ws_wake(present); /* many wakes before it looks are one */
    ws_wake(present);
    ws_wake(present);
    say(s, frame(0x81, S("mine")));
    Str payload, both = S("");
    for (int i = 0; i < 2; i++) {
        CHECK_INT(hear_frame(s, &payload), 0x81);
        both = str_concat(c->arena, both, payload);
    }
    CHECK(str_eq(both, S("wokenmine")) || str_eq(both, S("minewoken")));
    say(s, frame(0x01, S("half"))); /* a wake in the middle of a message leaves it whole */
    say(s, frame(0x89, S("")));
    expect_frame(s, 0x8A, S(""));
    ws_wake(present);
    expect_frame(s, 0x81, S("woken"));
    say(s, frame(0x80, S(" and half")));
    expect_frame(s, 0x81, S("half and half"));
    stream_close(s);
}

TEST(tells_of_silence) {
    Stream *s = upgrade(server, "/idle");
    for (int i = 0; i < 3; i++) {
        expect_frame(s, 0x89, S(""));
        say(s, frame(0x8A, S("")));
    }
    stream_close(s);
}

/* Each is something that needs no memory and has no end. */
TEST(closes_when_a_message_is_not_whole_in_time) {
    static const struct {
        const char *path;
        int first, more; /* frames without payload; -1: nothing */
    } rows[] = {{"/", 0x01, 0x00}, {"/", 0x01, 0x89}, {"/", 0x02, 0x8A}, {"/idle", 0x01, -1}};
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Stream *s = upgrade(impatient, rows[i].path);
        int64_t start_us = mono_us();
        bool told = false;
        say(s, frame(rows[i].first, S("")));
        while (!told && mono_us() - start_us < PATIENCE_MS * US_PER_MS) {
            ptrdiff_t n;
            int64_t former = ctx_deadline_within(c, 20);
            Err *silence = stream_fill(c, s, &n);
            c->deadline_us = former;
            told = str_find(stream_buffer(s), S("\x88\x02\x03\xF0")) >= 0;
            if (silence && rows[i].more >= 0) say(s, frame(rows[i].more, S("")));
        }
        CHECK(mono_us() - start_us >= 300 * US_PER_MS);
        if (!CHECK(told)) printf("    in row %td\n", i);
        stream_close(s);
        SOON(http_connections(impatient) == 0);
    }
    Stream *s = upgrade(impatient, "/"); /* a silent session without a message begun stays */
    if (sleep_ms(c, 500)) return;
    say(s, frame(0x81, S("whole")));
    expect_frame(s, 0x81, S("whole"));
    stream_close(s);
}

TEST(closes_first_and_waits_for_the_answer) {
    Stream *s = upgrade(server, "/");
    int former = sessions_ended;
    say(s, frame(0x81, S("bye")));
    expect_frame(s, 0x88,
                 S("\x0F\xA1"
                   "as you wish"));
    say(s, frame(0x81, S("a message that crossed the close")));
    say(s, frame(0x88, S("\x0F\xA1")));
    Str payload;
    CHECK_INT(hear_frame(s, &payload), -1);
    SOON(sessions_ended == former + 1);
    stream_close(s);
}

TEST(does_not_wait_for_ever_for_the_answer_to_a_close) {
    Stream *s = upgrade(server, "/");
    int64_t start = mono_us();
    say(s, frame(0x81, S("bye")));
    expect_frame(s, 0x88,
                 S("\x0F\xA1"
                   "as you wish"));
    Str payload;
    CHECK_INT(hear_frame(s, &payload), -1);
    CHECK(ms_since(start) >= 1900 && ms_since(start) < 10000);
    stream_close(s);
}

TEST(pushes_frames_past_the_waiting_session_and_keeps_their_order) {
    enum { EACH = 100 * 1000 };
    Stream *s = upgrade(server, "/push");
    SOON(push_ws && ws_may_push(push_ws));
    char *text = arena_bytes(c->arena, EACH);
    int sent = 0, ended = sessions_ended;
    for (; ws_may_push(push_ws); sent++) { /* until the client, which does not read, is behind */
        memset(text, 'a' + sent % 26, EACH);
        Str frames[] = {ws_frame_text(c->arena, str_of(text, EACH)),
                        ws_frame_text(c->arena, strf(c->arena, "%d", sent))};
        REQUIRE(ws_push(push_ws, frames, 2));
        REQUIRE(sent < 1000);
    }
    CHECK(sent > 0);
    for (int i = 0; i < sent; i++) {
        Str payload;
        CHECK_INT(hear_frame(s, &payload), 0x81);
        CHECK_INT(payload.len, EACH);
        CHECK(payload.data[0] == 'a' + i % 26 && payload.data[EACH - 1] == 'a' + i % 26);
        CHECK_INT(hear_frame(s, &payload), 0x81);
        CHECK_STR(payload, strf(c->arena, "%d", i));
    }
    SOON(ws_may_push(push_ws));
    stream_close(s);
    SOON(sessions_ended == ended + 1);
    push_ws = NULL;
}

TEST(notices_a_peer_that_vanishes) {
    Stream *s = upgrade(server, "/");
    int former = sessions_ended;
    say(s, str_slice(frame(0x81, S("cut in the middle")), 0, 8));
    stream_close(s);
    SOON(sessions_ended == former + 1);
    CHECK_INT(last_got, WS_CLOSED);
}

TEST(closes_all_sessions_when_the_server_stops) {
    Stream *s[3];
    for (int i = 0; i < 3; i++) s[i] = upgrade(doomed, "/");
    http_stop(doomed);
    for (int i = 0; i < 3; i++) {
        Str payload;
        CHECK_INT(hear_frame(s[i], &payload), 0x88);
        CHECK_STR(str_slice(payload, 0, 2), S("\x03\xE9"));
        say(s[i], frame(0x88, S("\x03\xE9")));
    }
    SOON(http_connections(doomed) == 0);
    for (int i = 0; i < 3; i++) stream_close(s[i]);
}

T_LOOP_MAIN(1, before, world_stop, T_ROW(refuses_handshakes_that_are_none),
            T_ROW(names_the_subprotocol), T_ROW(echoes_messages_of_every_length),
            T_ROW(takes_a_message_that_came_with_the_handshake),
            T_ROW(reads_frames_cut_at_every_byte),
            T_ROW(answers_many_messages_in_one_piece_in_order),
            T_ROW(closes_with_the_code_that_each_offence_deserves),
            T_ROW(closes_on_frames_out_of_order), T_ROW(bounds_a_message_over_its_fragments),
            T_ROW(says_the_reason_to_a_client_that_goes_on_sending),
            T_ROW(answers_pings_between_fragments), T_ROW(wakes_a_session_that_waits_or_works),
            T_ROW(tells_of_silence), T_ROW(closes_when_a_message_is_not_whole_in_time),
            T_ROW(closes_first_and_waits_for_the_answer),
            T_ROW(does_not_wait_for_ever_for_the_answer_to_a_close),
            T_ROW(pushes_frames_past_the_waiting_session_and_keeps_their_order),
            T_ROW(notices_a_peer_that_vanishes), T_ROW(closes_all_sessions_when_the_server_stops))
