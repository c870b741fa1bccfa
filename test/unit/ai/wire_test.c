/* SPDX-License-Identifier: Apache-2.0
 * The wire: what goes out, recordings, and what bad answers mean. */
#include "model_world.h"

static WireCall call_to(const char *path, Str body) {
    static Header headers[] = {{S_INIT("x-api-key"), S_INIT("secret-key")}};
    return (WireCall){
        .url = strf(c->arena, "http://127.0.0.1:%d%s", listen_port(model.listener), path),
        .headers = headers,
        .header_count = 1,
        .body = body};
}

/* -- posting and streaming --------------------------------------------------------------------- */

TEST(a_post_gives_the_whole_answer_whatever_its_status) {
    HttpAnswer a;
    WireCall call = call_to("/v1/x", S("{\"a\":1}"));
    model_reset();
    model.status = 418;
    model.body = S("{\"error\":\"tea\"}");
    REQUIRE(GOOD(wire_post(c, &call, &a)));
    CHECK_INT(a.status, 418);
    CHECK_STR(a.body, S("{\"error\":\"tea\"}"));
    CHECK_STR(model.seen_body, S("{\"a\":1}"));
    CHECK(str_find(model.seen_head, S("POST /v1/x HTTP/1.1\r\n")) == 0);
    CHECK(str_find(model.seen_head, S("\r\nContent-Type: application/json\r\n")) > 0);
    CHECK(str_find(model.seen_head, S("\r\nx-api-key: secret-key\r\n")) > 0);
}

TEST(an_answer_over_the_limit_is_an_error_of_this_call_only) {
    HttpAnswer a;
    WireCall call = call_to("/v1/x", S("{}"));
    Buf big = buf_new(model.arena, 21 * MIB);
    model_reset();
    memset(buf_reserve(&big, 21 * MIB), 'x', (size_t)(21 * MIB));
    big.len = 21 * MIB;
    model.body = buf_str(&big);
    Err *err = wire_post(c, &call, &a);
    REQUIRE(t_fails(err, ERR_UPSTREAM, "20 MiB", __FILE__, __LINE__));
    CHECK_STR(err->code, S("ai_bad_answer"));
    call.max_bytes = 22 * MIB;
    REQUIRE(GOOD(wire_post(c, &call, &a)));
    CHECK_INT(a.body.len, 21 * MIB);
}

typedef struct Heard {
    Buf text;
    int count;
    bool enough;
    Err *fail;
} Heard;

static Err *hear(Ctx *own, Str event, Str data, void *arg) {
    (void)own;
    Heard *heard = arg;
    heard->count++;
    heard->enough = heard->enough || str_eq(data, S("end"));
    buf_f(&heard->text, "%.*s=%.*s;", S_ARG(event), S_ARG(data));
    return heard->fail;
}

TEST(a_stream_gives_each_event_and_other_answers_raw) {
    HttpAnswer a;
    WireCall call = call_to("/v1/x", S("{}"));
    Heard heard = {.text = buf_new(c->arena, 64)};
    model_reset();
    model.events = true;
    model.piece = 5;
    model.body = S(": hello\r\nevent: one\r\ndata: 1\r\n\r\ndata:2\n\n");
    REQUIRE(GOOD(wire_stream(c, &call, hear, &heard, &a)));
    CHECK_STR(buf_str(&heard.text), S("one=1;message=2;"));
    heard = (Heard){.text = buf_new(c->arena, 64)};
    model.events = false;
    model.piece = 0;
    REQUIRE(GOOD(wire_stream(c, &call, hear, &heard, &a)));
    CHECK(str_starts(buf_str(&heard.text), S("raw=: hello\r\n")));
    heard = (Heard){.text = buf_new(c->arena, 64)};
    model.status = 500;
    REQUIRE(GOOD(wire_stream(c, &call, hear, &heard, &a)));
    CHECK_INT(heard.count, 0);
    CHECK_STR(a.body, model.body);
}

TEST(a_stream_that_breaks_is_cut_short_and_told_as_far_as_it_came) {
    HttpAnswer a;
    WireCall call = call_to("/v1/x", S("{}"));
    Heard heard = {.text = buf_new(c->arena, 64)};
    model_reset();
    model.events = true;
    model.body = S("data: 1\n\ndata: 2\n\n");
    model.cut = 12;
    Err *err = wire_stream(c, &call, hear, &heard, &a);
    REQUIRE(t_fails(err, ERR_UPSTREAM, "cut", __FILE__, __LINE__));
    CHECK_STR(err->code, S("ai_cut_short"));
    CHECK_STR(buf_str(&heard.text), S("message=1;"));
}

TEST(a_stream_of_which_enough_is_known_is_not_waited_for) {
    HttpAnswer a;
    WireCall call = call_to("/v1/x", S("{}"));
    Heard heard = {.text = buf_new(c->arena, 64)};
    call.enough = &heard.enough;
    model_reset();
    model.events = model.silent = true;
    model.body = S("data: 1\n\ndata: end\n\ndata: more\n\n");
    int64_t start = mono_us();
    REQUIRE(GOOD(wire_stream(c, &call, hear, &heard, &a)));
    CHECK(ms_since(start) < 10000);
    CHECK_STR(buf_str(&heard.text), S("message=1;message=end;"));
}

TEST(a_stream_that_falls_silent_is_a_timeout) {
    HttpAnswer a;
    WireCall call = call_to("/v1/x", S("{}"));
    Heard heard = {.text = buf_new(c->arena, 64)};
    call.idle_ms = 100;
    model_reset();
    model.events = model.silent = true;
    model.body = S("data: 1\n\n");
    FAILS(wire_stream(c, &call, hear, &heard, &a), TIMEOUT);
    CHECK_INT(heard.count, 1);
}

TEST(the_error_of_who_is_told_ends_the_stream_and_is_returned) {
    HttpAnswer a;
    WireCall call = call_to("/v1/x", S("{}"));
    Err *own = err_new(c, ERR_CONFLICT, __func__, "enough");
    Heard heard = {.text = buf_new(c->arena, 64), .fail = own};
    model_reset();
    model.events = true;
    model.body = S("data: 1\n\ndata: 2\n\n");
    CHECK(wire_stream(c, &call, hear, &heard, &a) == own);
    CHECK_INT(heard.count, 1);
}

TEST(an_event_without_measure_is_refused) {
    HttpAnswer a;
    WireCall call = call_to("/v1/x", S("{}"));
    Heard heard = {.text = buf_new(c->arena, 64)};
    Buf big = buf_new(model.arena, 5 * MIB);
    model_reset();
    buf_add(&big, S("data: "));
    memset(buf_reserve(&big, 5 * MIB), 'x', (size_t)(5 * MIB));
    big.len += 5 * MIB;
    model.events = true;
    model.body = buf_str(&big);
    Err *err = wire_stream(c, &call, hear, &heard, &a);
    REQUIRE(t_fails(err, ERR_UPSTREAM, "huge event", __FILE__, __LINE__));
    CHECK_STR(err->code, S("ai_bad_answer"));
}

TEST(a_service_that_is_not_there_is_an_upstream_error_and_a_bad_address_is_ours) {
    HttpAnswer a;
    WireCall call = {.url = S("http://127.0.0.1:1/v1/x"), .body = S("{}")};
    FAILS(wire_post(c, &call, &a), UPSTREAM);
    call.url = S("not an address");
    FAILS(wire_post(c, &call, &a), NOT_CONFIGURED);
    Header broken[] = {{S("x-api-key"), S("two\nlines")}};
    call = call_to("/v1/x", S("{}"));
    call.headers = broken;
    FAILS(wire_post(c, &call, &a), NOT_CONFIGURED);
}

/* -- recordings -------------------------------------------------------------------------------- */

TEST(what_is_recorded_is_played_without_a_connection) {
    HttpAnswer a, b;
    WireCall call = call_to("/v1/x", S("{\"a\":1,\"b\":[2]}"));
    model_reset();
    model.headers = S("x-request-id: req_1\r\nretry-after: 7\r\nset-cookie: s=1\r\n");
    model.body = S("line\r\n\n\xF0\x9F\xA6\x85 binary \x01");
    recordings_begin();
    ai_settings.record = S("record");
    REQUIRE(GOOD(wire_post(c, &call, &a)));
    ai_settings.record = S("play");
    int requests = model.requests;
    call.url = S("http://elsewhere.invalid/v1/x"); /* another host, other blanks and order */
    call.body = S(" { \"b\" : [2], \"a\" : 1 } ");
    call.header_count = 0;
    REQUIRE(GOOD(wire_post(c, &call, &b)));
    CHECK_INT(model.requests, requests);
    CHECK_INT(b.status, 200);
    CHECK_STR(b.body, model.body);
    CHECK_STR(answer_header(&b, S("X-Request-Id")), S("req_1"));
    CHECK_STR(answer_header(&b, S("Retry-After")), S("7"));
    CHECK(str_is_null(answer_header(&b, S("Set-Cookie"))));
    Str text;
    REQUIRE(GOOD(file_read_all(c, recordings_only_file(), 1 * MIB, &text)));
    CHECK(str_find(text, S("secret-key")) < 0);
    recordings_end();
}

TEST(another_request_has_no_recording_and_the_error_names_the_file) {
    HttpAnswer a;
    recordings_begin();
    ai_settings.record = S("play");
    static const char *const bodies[] = {"{\"a\":1}", "{\"a\":2}", "{\"a\":\"1\"}", "not json"};
    Str seen[COUNT(bodies)];
    for (ptrdiff_t i = 0; i < COUNT(bodies); i++) {
        WireCall call = call_to("/v1/x", str_c(bodies[i]));
        Err *err = wire_post(c, &call, &a);
        REQUIRE(t_fails(err, ERR_UPSTREAM, "no recording", __FILE__, __LINE__));
        CHECK_STR(err->code, S("ai_no_recording"));
        CHECK(str_find(err->detail, ai_settings.recordings) >= 0);
        seen[i] = err->detail;
        for (ptrdiff_t k = 0; k < i; k++) CHECK(!str_eq(seen[i], seen[k]));
    }
    ai_settings.recordings = S("");
    WireCall call = call_to("/v1/x", S("{}"));
    FAILS(wire_post(c, &call, &a), NOT_CONFIGURED);
    ai_settings.record = S("off");
}

TEST(a_form_is_played_whatever_its_boundary) {
    HttpAnswer a;
    model_reset();
    model.body = S("{\"text\":\"bonjour\"}");
    recordings_begin();
    for (int i = 0; i < 2; i++) {
        Str boundary = i ? S("----b9876") : S("xyzzy");
        WireCall call = call_to("/v1/x", strf(c->arena, "--%.*s\r\n\r\nvoice\r\n--%.*s--\r\n",
                                              S_ARG(boundary), S_ARG(boundary)));
        call.type = strf(c->arena, "multipart/form-data; boundary=%.*s", S_ARG(boundary));
        ai_settings.record = i ? S("play") : S("record");
        REQUIRE(GOOD(wire_post(c, &call, &a)));
        CHECK_STR(a.body, model.body);
    }
    recordings_end();
}

TEST(a_stream_is_played_as_it_was_in_pieces_of_any_size) {
    HttpAnswer a;
    WireCall call = call_to("/v1/x", S("{}"));
    model_reset();
    model.events = true;
    model.body = S("event: e\r\ndata: \xC3\xA9\r\n\r\ndata: 2\n\n");
    recordings_begin();
    ai_settings.record = S("record");
    for (int64_t piece = 0; piece <= model.body.len; piece++) {
        Heard heard = {.text = buf_new(c->arena, 64)};
        ai_settings.play_bytes = piece;
        REQUIRE(GOOD(wire_stream(c, &call, hear, &heard, &a)));
        CHECK_STR(buf_str(&heard.text), S("e=\xC3\xA9;message=2;"));
        ai_settings.record = S("play");
    }
    recordings_end();
}

TEST(a_file_that_is_no_recording_is_refused) {
    static const char *const files[] = {"",
                                        "HTTP/1.1 200",
                                        "HTTP/1.1 200\n",
                                        "HTTP/1.1 abc\n\nx",
                                        "HTTP/1.1 99\n\n",
                                        "HTTP/1.1 200\nno colon\n\nbody",
                                        "{}"};
    HttpAnswer a;
    WireCall call = call_to("/v1/x", S("{}"));
    model_reset();
    recordings_begin();
    ai_settings.record = S("record");
    REQUIRE(GOOD(wire_post(c, &call, &a)));
    ai_settings.record = S("play");
    for (ptrdiff_t i = 0; i < COUNT(files); i++) {
        REQUIRE(GOOD(file_replace(c, recordings_only_file(), str_c(files[i]))));
        Err *err = wire_post(c, &call, &a);
        if (!t_fails(err, ERR_UPSTREAM, files[i], __FILE__, __LINE__)) continue;
        CHECK_STR(err->code, S("ai_no_recording"));
    }
    recordings_end();
}

TEST(what_was_cut_short_is_not_recorded) {
    HttpAnswer a;
    WireCall call = call_to("/v1/x", S("{}"));
    model_reset();
    model.body = S("0123456789");
    model.cut = 4;
    recordings_begin();
    ai_settings.record = S("record");
    FAILS(wire_post(c, &call, &a), UPSTREAM);
    CHECK(str_is_null(recordings_only_file()));
    recordings_end();
}

/* -- failures ---------------------------------------------------------------------------------- */

typedef struct Row {
    int status;
    const char *header, *value, *code, *type, *message;
    ErrKind kind;
    const char *want; /* Err.code; "": the kind's own */
    int64_t after_s;
} Row;

static const Row failures[] = {
    {401, "", "", "invalid_api_key", "invalid_request_error", "Incorrect API key provided: sk-abc",
     ERR_NOT_CONFIGURED, "ai_wrong_key", 0},
    {401, "", "", "", "authentication_error", "invalid x-api-key", ERR_NOT_CONFIGURED,
     "ai_wrong_key", 0},
    {403, "", "", "", "permission_error", "no", ERR_NOT_CONFIGURED, "ai_wrong_key", 0},
    {402, "", "", "", "billing_error", "pay", ERR_PAYMENT_REQUIRED, "ai_provider_quota", 0},
    {429, "Retry-After", "20", "insufficient_quota", "insufficient_quota", "You exceeded",
     ERR_PAYMENT_REQUIRED, "ai_provider_quota", 0},
    {429, "", "", "credit_balance_exhausted", "insufficient_quota", "", ERR_PAYMENT_REQUIRED,
     "ai_provider_quota", 0},
    {429, "", "", "", "enforced_spend_limit_reached", "", ERR_PAYMENT_REQUIRED, "ai_provider_quota",
     0},
    {400, "", "", "", "invalid_request_error",
     "Your credit balance is too low to access the Anthropic API.", ERR_PAYMENT_REQUIRED,
     "ai_provider_quota", 0},
    {429, "X-Should-Retry", "false", "rate_limit_exceeded", "", "", ERR_PAYMENT_REQUIRED,
     "ai_provider_quota", 0},
    {429, "Retry-After", "20", "rate_limit_exceeded", "requests", "Rate limit reached",
     ERR_RATE_LIMITED, "", 20},
    {429, "retry-after-ms", "1500", "slow_down", "rate_limit_error", "", ERR_RATE_LIMITED, "", 2},
    {429, "Retry-After", "0.2", "", "rate_limit_error", "", ERR_RATE_LIMITED, "", 1},
    {429, "Retry-After", "-5", "", "rate_limit_error", "", ERR_RATE_LIMITED, "", 0},
    {429, "Retry-After", "soon", "", "rate_limit_error", "", ERR_RATE_LIMITED, "", 0},
    {429, "Retry-After", "999999999999", "", "rate_limit_error", "", ERR_RATE_LIMITED, "", 86400},
    {429, "", "", "", "", "", ERR_RATE_LIMITED, "", 0},
    {529, "Retry-After", "3", "", "overloaded_error", "Overloaded", ERR_UPSTREAM, "ai_overloaded",
     3},
    {503, "", "", "server_is_overloaded", "service_unavailable_error", "", ERR_UPSTREAM,
     "ai_overloaded", 0},
    {500, "", "", "", "api_error", "", ERR_UPSTREAM, "", 0},
    {502, "", "", "", "", "", ERR_UPSTREAM, "", 0},
    {504, "", "", "", "timeout_error", "", ERR_UPSTREAM, "", 0},
    {408, "", "", "", "", "", ERR_UPSTREAM, "", 0},
    {409, "", "", "", "conflict_error", "", ERR_UPSTREAM, "", 0},
    {500, "x-should-retry", "false", "", "api_error", "", ERR_INVALID, "ai_refused_request", 0},
    {400, "x-should-retry", "true", "", "invalid_request_error", "", ERR_UPSTREAM, "", 0},
    {400, "", "", "context_length_exceeded", "invalid_request_error", "", ERR_INVALID,
     "ai_context_too_long", 0},
    {400, "", "", "", "invalid_request_error", "prompt is too long: 212343 tokens > 200000 maximum",
     ERR_INVALID, "ai_context_too_long", 0},
    {400, "", "", "3051", "invalid_request_error",
     "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
     ERR_INVALID, "ai_context_too_long", 0},
    {413, "", "", "", "request_too_large", "", ERR_INVALID, "ai_context_too_long", 0},
    {404, "", "", "model_not_found", "invalid_request_error", "The model `gpt-9` does not exist",
     ERR_INVALID, "ai_unknown_model", 0},
    {404, "", "", "", "not_found_error", "model: claude-does-not-exist", ERR_INVALID,
     "ai_unknown_model", 0},
    {400, "", "", "1500", "invalid_model", "Invalid model: m", ERR_INVALID, "ai_unknown_model", 0},
    {404, "", "", "", "", "", ERR_NOT_CONFIGURED, "", 0},
    {400, "", "", "decimal_below_min_value", "invalid_request_error", "Invalid 'temperature'",
     ERR_INVALID, "ai_refused_request", 0},
    {422, "", "", "", "", "Extra inputs are not permitted", ERR_INVALID, "ai_refused_request", 0},
    {302, "", "", "", "", "", ERR_UPSTREAM, "ai_bad_answer", 0},
};

TEST(a_failure_is_told_by_what_the_service_says_not_by_its_status_alone) {
    for (ptrdiff_t i = 0; i < COUNT(failures); i++) {
        const Row *row = &failures[i];
        Header headers[] = {{str_c(row->header), str_c(row->value)}};
        HttpAnswer a = {
            .status = row->status, .headers = headers, .header_count = row->header[0] ? 1 : 0};
        Err *err =
            wire_failure(c, "openai", &a, str_c(row->code), str_c(row->type), str_c(row->message));
        bool same = CHECK_INT(err->kind, row->kind);
        same = CHECK_STR(err->code.data ? err->code : S(""), str_c(row->want)) && same;
        same = CHECK_INT(err->retry_after_s, row->after_s) && same;
        if (!same) printf("  row %td: %d %s\n", i, row->status, row->type);
        CHECK(str_find(err->detail, strf(c->arena, "openai answered %d", row->status)) == 0);
    }
}

TEST(nothing_that_a_service_says_in_prose_reaches_the_error) {
    HttpAnswer a = {.status = 400};
    Err *err = wire_failure(c, "openai", &a, S("bad value: my secret"), S("invalid_request_error"),
                            S("The prompt 'my secret' is bad"));
    CHECK(str_find(err_chain(c->arena, err), S("secret")) < 0);
    CHECK(str_find(err->detail, S("invalid_request_error")) > 0);
    err = wire_failure(c, "openai", &a, (Str){0}, (Str){0}, (Str){0});
    CHECK_STR(err->code, S("ai_refused_request"));
}

TEST(a_limit_that_is_used_up_says_when_there_is_room_again) {
    Time now;
    REQUIRE(time_parse(S("2026-11-21T10:00:00Z"), &now));
    time_freeze(now);
    Header openai[] = {{S("x-ratelimit-remaining-requests"), S("59")},
                       {S("x-ratelimit-reset-requests"), S("1s")},
                       {S("x-ratelimit-remaining-tokens"), S("0")},
                       {S("x-ratelimit-reset-tokens"), S("6m0.5s")}};
    Header anthropic[] = {{S("anthropic-ratelimit-input-tokens-remaining"), S("0")},
                          {S("anthropic-ratelimit-input-tokens-reset"), S("2026-11-21T10:00:41Z")}};
    Header dated[] = {{S("Retry-After"), S("Sat, 21 Nov 2026 10:01:00 GMT")}};
    HttpAnswer a = {.status = 429, .headers = openai, .header_count = COUNT(openai)};
    CHECK_INT(wire_failure(c, "openai", &a, S(""), S(""), S(""))->retry_after_s, 361);
    a = (HttpAnswer){.status = 429, .headers = anthropic, .header_count = COUNT(anthropic)};
    CHECK_INT(wire_failure(c, "anthropic", &a, S(""), S(""), S(""))->retry_after_s, 41);
    a = (HttpAnswer){.status = 503, .headers = dated, .header_count = 1};
    CHECK_INT(wire_failure(c, "anthropic", &a, S(""), S(""), S(""))->retry_after_s, 60);
    time_freeze(TIME_NULL);
}

T_LOOP_MAIN(1, model_start, model_stop, T_ROW(a_post_gives_the_whole_answer_whatever_its_status),
            T_ROW(an_answer_over_the_limit_is_an_error_of_this_call_only),
            T_ROW(a_stream_gives_each_event_and_other_answers_raw),
            T_ROW(a_stream_that_breaks_is_cut_short_and_told_as_far_as_it_came),
            T_ROW(a_stream_of_which_enough_is_known_is_not_waited_for),
            T_ROW(a_stream_that_falls_silent_is_a_timeout),
            T_ROW(the_error_of_who_is_told_ends_the_stream_and_is_returned),
            T_ROW(an_event_without_measure_is_refused),
            T_ROW(a_service_that_is_not_there_is_an_upstream_error_and_a_bad_address_is_ours),
            T_ROW(what_is_recorded_is_played_without_a_connection),
            T_ROW(another_request_has_no_recording_and_the_error_names_the_file),
            T_ROW(a_form_is_played_whatever_its_boundary),
            T_ROW(a_stream_is_played_as_it_was_in_pieces_of_any_size),
            T_ROW(a_file_that_is_no_recording_is_refused),
            T_ROW(what_was_cut_short_is_not_recorded),
            T_ROW(a_failure_is_told_by_what_the_service_says_not_by_its_status_alone),
            T_ROW(nothing_that_a_service_says_in_prose_reaches_the_error),
            T_ROW(a_limit_that_is_used_up_says_when_there_is_room_again))
