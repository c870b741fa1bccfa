/* SPDX-License-Identifier: Apache-2.0
 * Answers that no recording holds: refusals, filters, calls of tools in every shape, thoughts,
 * errors in the middle, halves of code points, answers without measure, answers that are none. */
#include "model_world.h"

static const Provider *const all[] = {&provider_openai, &provider_anthropic, &provider_mistral};

static Err *streamed(const Provider *p, const char *body, Told *told, ChatAnswer *a) {
    model_reset();
    model.events = true;
    model.body = str_c(body);
    return ask_streamed(p, question("m", "?"), told, a);
}

static Err *whole(const Provider *p, const char *body, ChatAnswer *a) {
    model_reset();
    model.body = str_c(body);
    return ask(p, question("m", "?"), a);
}

static void fails_with(Err *err, ErrKind kind, const char *code, int line) {
    if (t_fails(err, kind, code, __FILE__, line))
        t_check_str(err->code, str_c(code), "code", __FILE__, line);
}
#define BAD(call, code) fails_with((call), ERR_UPSTREAM, (code), __LINE__)

/* -- how answers end --------------------------------------------------------------------------- */

TEST(every_reason_to_end_is_told_apart) {
    static const struct {
        const Provider *provider;
        const char *reason;
        ChatEnd end;
    } cases[] = {
        {&provider_openai, "stop", CHAT_DONE},
        {&provider_openai, "length", CHAT_LENGTH},
        {&provider_openai, "content_filter", CHAT_REFUSED},
        {&provider_openai, "some_new_word", CHAT_DONE},
        {&provider_openai, "tool_calls", CHAT_DONE},
        {&provider_mistral, "model_length", CHAT_LENGTH},
        {&provider_anthropic, "end_turn", CHAT_DONE},
        {&provider_anthropic, "stop_sequence", CHAT_DONE},
        {&provider_anthropic, "max_tokens", CHAT_LENGTH},
        {&provider_anthropic, "refusal", CHAT_REFUSED},
        {&provider_anthropic, "pause_turn", CHAT_LENGTH},
        {&provider_anthropic, "model_context_window_exceeded", CHAT_LENGTH},
    };
    for (ptrdiff_t i = 0; i < COUNT(cases); i++) {
        ChatAnswer a;
        bool anthropic = cases[i].provider == &provider_anthropic;
        Str body =
            anthropic
                ? strf(c->arena,
                       "{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"So\"}],"
                       "\"stop_reason\":\"%s\"}",
                       cases[i].reason)
                : strf(
                      c->arena,
                      "{\"choices\":[{\"message\":{\"content\":\"So\"},\"finish_reason\":\"%s\"}]}",
                      cases[i].reason);
        if (!GOOD(whole(cases[i].provider, str_cstr(c->arena, body), &a))) continue;
        CHECK_STR(a.reason, str_c(cases[i].reason));
        CHECK_STR(a.text, S("So"));
        if (!CHECK_INT(a.end, cases[i].end)) printf("  %s\n", cases[i].reason);
        CHECK(a.usage.estimated); /* it did not say what it used */
    }
}

TEST(a_refusal_is_an_answer) {
    ChatAnswer a;
    Told told;
    REQUIRE(GOOD(whole(&provider_openai,
                       "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":null,"
                       "\"refusal\":\"I cannot.\"},\"finish_reason\":\"stop\"}]}",
                       &a)));
    CHECK_INT(a.end, CHAT_REFUSED);
    CHECK_STR(a.reason, S("refusal"));
    CHECK_STR(a.text, S("I cannot."));
    REQUIRE(GOOD(streamed(
        &provider_openai,
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"refusal\":\"I "
        "can\"}}]}\n\n"
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"not.\"}}]}\n\n"
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
        "data: [DONE]\n\n",
        &told, &a)));
    CHECK_INT(a.end, CHAT_REFUSED);
    CHECK_STR(buf_str(&told.text), S("I cannot."));
    model_reset();
    model.status = 400;
    model.body = S(
        "{\"error\":{\"message\":\"The response was filtered\",\"type\":null,\"param\":\"prompt\","
        "\"code\":\"content_filter\",\"status\":400}}");
    REQUIRE(GOOD(ask(&provider_openai, question("m", "?"), &a)));
    CHECK_INT(a.end, CHAT_REFUSED);
    CHECK_STR(a.reason, S("content_filter"));
    CHECK_STR(a.text, S(""));
}

TEST(an_empty_answer_is_an_answer) {
    ChatAnswer a;
    Told told;
    REQUIRE(GOOD(whole(&provider_anthropic,
                       "{\"type\":\"message\",\"content\":[],\"stop_reason\":\"end_turn\","
                       "\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}",
                       &a)));
    CHECK_STR(a.text, S(""));
    CHECK_INT(a.count, 0);
    CHECK_INT(a.end, CHAT_DONE);
    REQUIRE(GOOD(whole(
        &provider_openai,
        "{\"choices\":[{\"message\":{\"content\":null},\"finish_reason\":\"length\"}]}", &a)));
    CHECK_STR(a.text, S(""));
    CHECK_INT(a.end, CHAT_LENGTH);
    REQUIRE(GOOD(streamed(
        &provider_mistral,
        "data: {\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}\n\n"
        "data: [DONE]\n\n",
        &told, &a)));
    CHECK_INT(told.pieces, 0);
    CHECK_STR(a.text, S(""));
}

/* -- usage ------------------------------------------------------------------------------------- */

TEST(what_was_used_is_counted_with_what_the_service_had_kept) {
    ChatAnswer a;
    Told told;
    REQUIRE(GOOD(whole(
        &provider_anthropic,
        "{\"type\":\"message\",\"content\":[],\"stop_reason\":\"end_turn\",\"usage\":{\"input_"
        "tokens\":3,"
        "\"cache_creation_input_tokens\":20,\"cache_read_input_tokens\":100,\"output_tokens\":9}}",
        &a)));
    CHECK_INT(a.usage.tokens_in, 123);
    CHECK_INT(a.usage.tokens_cached, 100);
    CHECK_INT(a.usage.tokens_out, 9);
    REQUIRE(GOOD(
        streamed(&provider_openai,
                 "data: "
                 "{\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],"
                 "\"usage\":null}\n\n"
                 "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":50,\"completion_tokens\":30,"
                 "\"prompt_tokens_details\":{\"cached_tokens\":48},\"completion_tokens_details\":{"
                 "\"reasoning_tokens\":29}}}\n\n"
                 "data: [DONE]\n\n",
                 &told, &a)));
    CHECK_INT(a.usage.tokens_in, 50);
    CHECK_INT(a.usage.tokens_out, 30);
    CHECK_INT(a.usage.tokens_cached, 48);
    CHECK(!a.usage.estimated);
    static const char *const odd[] = {"-1", "1e300", "\"many\"", "{}", "9999999999999999"};
    for (ptrdiff_t i = 0; i < COUNT(odd); i++) {
        Str body =
            strf(c->arena,
                 "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],"
                 "\"usage\":{\"prompt_tokens\":%s,\"completion_tokens\":%s}}",
                 odd[i], odd[i]);
        REQUIRE(GOOD(whole(&provider_openai, str_cstr(c->arena, body), &a)));
        CHECK_INT(a.usage.tokens_in, 0);
        CHECK(a.usage.estimated);
    }
}

TEST(the_service_is_named_as_it_names_itself) {
    ChatAnswer a;
    model_reset();
    model.headers = S("x-request-id: req_42\r\n");
    model.body = S("{\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"message\":{\"content\":\"x\"},"
                   "\"finish_reason\":\"stop\"}]}");
    REQUIRE(GOOD(ask(&provider_openai, question("gpt-4o", "?"), &a)));
    CHECK_STR(a.origin.provider, S("openai"));
    CHECK_STR(a.origin.model, S("gpt-4o-2024-08-06"));
    CHECK_STR(a.origin.request_id, S("req_42"));
    CHECK_INT(a.origin.tries, 1);
    model.status = 500;
    model.headers = S("request-id: req_43\r\n");
    FAILS(ask(&provider_anthropic, question("claude", "?"), &a), UPSTREAM);
    CHECK_STR(a.origin.request_id, S("req_43"));
    CHECK_STR(a.origin.model, S("claude"));
}

/* -- tools ------------------------------------------------------------------------------------- */

TEST(calls_of_tools_are_put_together_from_pieces_in_any_shape) {
    ChatAnswer a;
    Told told;
    REQUIRE(GOOD(streamed(
        &provider_openai,
        "data: {\"choices\":[{\"delta\":{\"content\":\"Let me "
        "see.\",\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\","
        "\"arguments\":\"{\\\"x\\\"\"}}]}}]}\n\n"
        "data: "
        "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"b\",\"function\":{"
        "\"name\":\"g\",\"arguments\":\"\"}}]}}]}\n\n"
        "data: "
        "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\": "
        "1}\"}},{\"index\":1,\"function\":{\"arguments\":\"{}\"}}]}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n",
        &told, &a)));
    REQUIRE(CHECK_INT(a.count, 3));
    CHECK_INT(a.end, CHAT_TOOLS);
    CHECK_STR(a.text, S("Let me see."));
    CHECK_STR(a.parts[1].id, S("a"));
    CHECK_STR(a.parts[1].name, S("f"));
    CHECK_STR(a.parts[1].text, S("{\"x\":1}"));
    CHECK_STR(a.parts[2].text, S("{}"));
    /* Without an index, and with one index for all: new ids begin new calls. Arguments as JSON. */
    REQUIRE(GOOD(
        streamed(&provider_mistral,
                 "data: "
                 "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"aaaaaaaaa\",\"function\":{"
                 "\"name\":\"f\",\"arguments\":{\"x\":1}}},{\"id\":\"bbbbbbbbb\",\"function\":{"
                 "\"name\":\"g\",\"arguments\":\"null\"}}]},\"finish_reason\":\"stop\"}]}\n\n"
                 "data: [DONE]\n\n",
                 &told, &a)));
    REQUIRE(CHECK_INT(a.count, 2));
    CHECK_INT(a.end, CHAT_TOOLS); /* whatever it says */
    CHECK_STR(a.parts[0].text, S("{\"x\":1}"));
    CHECK_STR(a.parts[1].id, S("bbbbbbbbb"));
    CHECK_STR(a.parts[1].text, S("{}"));
    REQUIRE(GOOD(streamed(&provider_openai,
                          "data: "
                          "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\","
                          "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n"
                          "data: "
                          "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"b\","
                          "\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]}}]}\n\n"
                          "data: [DONE]\n\n",
                          &told, &a)));
    CHECK_INT(a.count, 2);
}

TEST(arguments_that_are_no_object_are_no_call) {
    ChatAnswer a;
    static const char *const bad[] = {"{\\\"x\\\":", "[1]", "\\\"x\\\"", "{} {}", "nul"};
    for (ptrdiff_t i = 0; i < COUNT(bad); i++) {
        Str body = strf(c->arena,
                        "{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":\"a\",\"function\":{"
                        "\"name\":\"f\","
                        "\"arguments\":\"%s\"}}]},\"finish_reason\":\"tool_calls\"}]}",
                        bad[i]);
        BAD(whole(&provider_openai, str_cstr(c->arena, body), &a), "ai_bad_answer");
    }
    /* Stopped by the limit in the middle of one: the text is an answer, the call is not. */
    REQUIRE(GOOD(whole(
        &provider_openai,
        "{\"choices\":[{\"message\":{\"content\":\"x\",\"tool_calls\":[{\"id\":\"a\",\"function\":"
        "{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":\"}}]},\"finish_reason\":\"length\"}]}",
        &a)));
    CHECK_INT(a.end, CHAT_LENGTH);
    CHECK_INT(a.count, 1);
    BAD(whole(&provider_openai, "{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":\"a\"}]}}]}",
              &a),
        "ai_bad_answer");
}

/* -- Anthropic's stream ------------------------------------------------------------------------ */

#define A_START                                                                                    \
    "event: message_start\ndata: "                                                                 \
    "{\"type\":\"message_start\",\"message\":{\"model\":\"claude-x\",\"usage\":{\"input_tokens\":" \
    "5,\"output_tokens\":1}}}\n\n"
#define A_DELTA                                                                                  \
    "event: content_block_delta\ndata: "                                                         \
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":" \
    "\"Hi\"}}\n\n"
#define A_BLOCK                                                                                    \
    "event: content_block_start\ndata: "                                                           \
    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":" \
    "\"\"}}\n\n"
#define A_PING "event: ping\ndata: {\"type\": \"ping\"}\n\n"
#define A_END(reason)                                                                              \
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason \
    "\"},\"usage\":{\"output_tokens\":7}}\n\nevent: message_stop\ndata: "                          \
    "{\"type\":\"message_stop\"}\n\n"

TEST(an_error_after_status_200_is_what_it_says) {
    static const struct {
        const char *type;
        ErrKind kind;
        const char *code;
    } cases[] = {{"overloaded_error", ERR_UPSTREAM, "ai_overloaded"},
                 {"rate_limit_error", ERR_RATE_LIMITED, NULL},
                 {"billing_error", ERR_PAYMENT_REQUIRED, "ai_provider_quota"},
                 {"invalid_request_error", ERR_INVALID, "ai_refused_request"},
                 {"authentication_error", ERR_NOT_CONFIGURED, "ai_wrong_key"},
                 {"api_error", ERR_UPSTREAM, NULL}};
    for (ptrdiff_t i = 0; i < COUNT(cases); i++) {
        ChatAnswer a;
        Told told;
        Str body = strf(c->arena,
                        A_START A_BLOCK A_PING A_DELTA
                        "event: error\ndata: "
                        "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"x\"}}\n\n",
                        cases[i].type);
        Err *err = streamed(&provider_anthropic, str_cstr(c->arena, body), &told, &a);
        if (t_fails(err, cases[i].kind, cases[i].type, __FILE__, __LINE__))
            CHECK_STR(err->code, str_c(cases[i].code));
        CHECK_STR(buf_str(&told.text), S("Hi"));
        CHECK_INT(a.usage.tokens_in, 5); /* learned before it failed */
    }
    ChatAnswer a;
    Told told;
    Err *err = streamed(&provider_openai,
                        "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n"
                        "data: {\"error\":{\"message\":\"gone\",\"code\":502}}\n\n",
                        &told, &a);
    FAILS(err, UPSTREAM);
    FAILS(
        streamed(
            &provider_mistral,
            "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"error\"}]}\n\n",
            &told, &a),
        UPSTREAM);
    FAILS(whole(&provider_openai,
                "{\"error\":{\"message\":\"x\",\"type\":\"insufficient_quota\",\"code\":"
                "\"insufficient_quota\"}}",
                &a),
          PAYMENT_REQUIRED);
}

TEST(a_stream_is_over_when_it_says_so_and_not_before) {
    ChatAnswer a;
    Told told;
    REQUIRE(GOOD(streamed(
        &provider_anthropic,
        A_PING A_START A_BLOCK A_DELTA A_PING A_END("refusal") "event: x\ndata: not even json\n\n",
        &told, &a)));
    CHECK_INT(a.end, CHAT_REFUSED);
    CHECK_STR(a.text, S("Hi"));
    CHECK_INT(a.usage.tokens_out, 7);
    BAD(streamed(&provider_anthropic, A_START A_BLOCK A_DELTA, &told, &a), "ai_cut_short");
    BAD(streamed(&provider_anthropic,
                 A_START A_BLOCK A_DELTA
                 "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
                 &told, &a),
        "ai_cut_short");
    BAD(streamed(&provider_openai, "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n",
                 &told, &a),
        "ai_cut_short");
    BAD(streamed(&provider_openai, "", &told, &a), "ai_cut_short");
    CHECK_STR(a.text, S(""));
}

TEST(thoughts_are_kept_apart_and_blocks_that_we_do_not_know_left_out) {
    ChatAnswer a;
    REQUIRE(GOOD(whole(&provider_anthropic,
                       "{\"type\":\"message\",\"stop_reason\":\"end_turn\",\"content\":["
                       "{\"type\":\"redacted_thinking\",\"data\":\"opaque==\"},{\"type\":"
                       "\"thinking\",\"thinking\":\"\",\"signature\":\"sig\"},"
                       "{\"type\":\"server_tool_use\",\"id\":\"x\",\"name\":\"web_search\","
                       "\"input\":{}},{\"type\":\"text\",\"text\":\"A\",\"citations\":null},"
                       "{\"type\":\"text\",\"text\":\"B\"}]}",
                       &a)));
    REQUIRE(CHECK_INT(a.count, 4));
    CHECK_STR(a.parts[0].text, S("{\"type\":\"redacted_thinking\",\"data\":\"opaque==\"}"));
    CHECK_STR(a.parts[1].text,
              S("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"sig\"}"));
    CHECK_STR(a.parts[1].name, S("anthropic"));
    CHECK_STR(a.text, S("AB"));
}

TEST(mistrals_chunks_are_text_and_thought) {
    ChatAnswer a;
    Told told;
    REQUIRE(GOOD(streamed(
        &provider_mistral,
        "data: "
        "{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":"
        "\"text\",\"text\":\"h\"}]}]}}]}\n\n"
        "data: "
        "{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":"
        "\"text\",\"text\":\"m\"}]},{\"type\":\"text\",\"text\":\"Bon\"}]}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"content\":\"jour\"}}]}\n\n"
        "data: "
        "{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"reference\",\"reference_ids\":[1]},{"
        "\"type\":\"text\",\"text\":\".\"}]},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        &told, &a)));
    CHECK_STR(buf_str(&told.text), S("Bonjour."));
    REQUIRE(CHECK_INT(a.count, 2));
    CHECK_STR(a.parts[0].text,
              S("{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"hm\"}]}"));
}

/* -- text that is broken ----------------------------------------------------------------------- */

#define PIECE(text) "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}\n\n"

TEST(a_code_point_cut_in_two_is_told_whole_and_bytes_that_are_none_are_replaced) {
    static const struct {
        const char *body, *want;
    } cases[] = {
        {PIECE("caf\xC3") PIECE("\xA9 !"), "caf\xC3\xA9 !"},
        {PIECE("\xF0\x9F") PIECE("\xA6") PIECE("\x85."), "\xF0\x9F\xA6\x85."},
        {PIECE("a\xC3") PIECE("b"), "a\xEF\xBF\xBD"
                                    "b"},
        {PIECE("a\xFF"
               "b\xC3"),
         "a\xEF\xBF\xBD"
         "b\xEF\xBF\xBD"},
        {PIECE("\\ud83e\\udd85"), "\xF0\x9F\xA6\x85"},
        {PIECE("x\\ud83e") PIECE("y"), "x\xEF\xBF\xBDy"},
        {PIECE("x\\u0000y"), "xy"},
        {PIECE("\\\\ud83e"), "\\ud83e"},
        {PIECE("\xC3\xA9\xED\xA0\xBD"), "\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    for (ptrdiff_t i = 0; i < COUNT(cases); i++) {
        ChatAnswer a;
        Told told;
        Str body = strf(c->arena, "%sdata: [DONE]\n\n", cases[i].body);
        if (!GOOD(streamed(&provider_openai, str_cstr(c->arena, body), &told, &a))) continue;
        CHECK_STR(a.text, str_c(cases[i].want));
        CHECK_STR(buf_str(&told.text), a.text);
        CHECK(!told.bad);
    }
}

TEST(an_answer_that_is_none_is_a_bad_answer) {
    static const char *const bodies[] = {"",
                                         "null",
                                         "[]",
                                         "\"x\"",
                                         "not json",
                                         "{\"choices\":[]}",
                                         "{}",
                                         "{\"choices\":[{}]}",
                                         "<html>502</html>",
                                         "{\"choices\":",
                                         "{\"content\":\"x\"}"};
    for (int i = 0; i < 3; i++)
        for (ptrdiff_t k = 0; k < COUNT(bodies); k++) {
            ChatAnswer a;
            Told told;
            BAD(whole(all[i], bodies[k], &a), "ai_bad_answer");
            Str body = strf(c->arena, "data: %s\n\n", bodies[k]);
            FAILS(streamed(all[i], str_cstr(c->arena, body), &told, &a), UPSTREAM);
        }
    Buf deep = buf_new(model.arena, 200000);
    for (int i = 0; i < 100000; i++) buf_byte(&deep, '[');
    for (int i = 0; i < 3; i++) {
        ChatAnswer a;
        model_reset();
        model.body = buf_str(&deep);
        BAD(ask(all[i], question("m", "?"), &a), "ai_bad_answer");
    }
}

TEST(an_answer_without_measure_is_refused_and_the_caller_lives) {
    Buf big = buf_new(model.arena, 22 * MIB);
    buf_add(&big, S("{\"choices\":[{\"message\":{\"content\":\""));
    memset(buf_reserve(&big, 20 * MIB), 'x', (size_t)(20 * MIB));
    big.len += 20 * MIB;
    buf_add(&big, S("\"},\"finish_reason\":\"stop\"}]}"));
    ChatAnswer a;
    Told told;
    for (int i = 0; i < 3; i++) {
        model_reset();
        model.body = buf_str(&big);
        BAD(ask(all[i], question("m", "?"), &a), "ai_bad_answer");
        BAD(ask_streamed(all[i], question("m", "?"), &told, &a), "ai_bad_answer");
    }
    /* Under the wire's limit and over that of an answer. */
    model_reset();
    model.events = true;
    Buf many = buf_new(model.arena, 4 * MIB);
    for (int i = 0; i < 3000; i++)
        buf_add(&many, S("data: {\"choices\":[{\"delta\":{\"content\":\""
                         "0123456789012345678901234567890123456789012345678901234567890123456789012"
                         "345678901234567890123456789"
                         "0123456789012345678901234567890123456789012345678901234567890123456789012"
                         "345678901234567890123456789"
                         "0123456789012345678901234567890123456789012345678901234567890123456789012"
                         "345678901234567890123456789"
                         "0123456789012345678901234567890123456789012345678901234567890123456789012"
                         "345678901234567890123456789"
                         "0123456789012345678901234567890123456789012345678901234567890123456789012"
                         "345678901234567890123456789"
                         "0123456789012345678901234567890123456789012345678901234567890123456789012"
                         "345678901234567890123456789"
                         "0123456789012345678901234567890123456789012345678901234567890123456789012"
                         "345678901234567890123456789"
                         "0123456789012345678901234567890123456789012345678901234567890123456789012"
                         "345678901234567890123456789"
                         "\"}}]}\n\n"));
    model.body = buf_str(&many);
    BAD(ask_streamed(&provider_openai, question("m", "?"), &told, &a), "ai_bad_answer");
    CHECK(told.text.len <= 2 * MIB);
    Buf calls = buf_new(model.arena, 1 * MIB);
    for (int i = 0; i < 200; i++)
        buf_f(&calls,
              "data: "
              "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%d,\"id\":\"c%d\",\"function\":"
              "{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n",
              i, i);
    model.body = buf_str(&calls);
    BAD(ask_streamed(&provider_openai, question("m", "?"), &told, &a), "ai_bad_answer");
}

static Err *stop_at_once(Ctx *own, Str piece, void *arg) {
    (void)piece;
    (void)arg;
    FAIL(own, CONFLICT, "No more.");
}

TEST(the_error_of_who_is_told_ends_the_call) {
    ChatAnswer a = {0};
    ChatRequest q = question("m", "?");
    q.on_text = stop_at_once;
    model_reset();
    model.events = true;
    model.body = S(PIECE("x") PIECE("y") "data: [DONE]\n\n");
    FAILS(provider_openai.chat(c, &q, &a), CONFLICT);
}

TEST(errors_in_every_shape_are_read) {
    static const struct {
        const Provider *provider;
        int status;
        const char *body;
        ErrKind kind;
        const char *code;
    } cases[] = {
        {&provider_openai, 404, "{\"error\":\"model 'llama9' not found\"}", ERR_INVALID,
         "ai_unknown_model"},
        {&provider_openai, 400,
         "{\"object\":\"error\",\"message\":\"This model's maximum context length is 4096 "
         "tokens\",\"code\":400}",
         ERR_INVALID, "ai_context_too_long"},
        {&provider_openai, 422, "{\"detail\":\"no\"}", ERR_INVALID, "ai_refused_request"},
        {&provider_openai, 502, "<html>Bad gateway</html>", ERR_UPSTREAM, NULL},
        {&provider_openai, 429,
         "{\"error\":{\"message\":\"You exceeded your current "
         "quota\",\"type\":\"insufficient_quota\",\"param\":null,\"code\":\"insufficient_quota\"}}",
         ERR_PAYMENT_REQUIRED, "ai_provider_quota"},
        {&provider_mistral, 401, "{\"message\":\"Unauthorized\",\"request_id\":\"x\"}",
         ERR_NOT_CONFIGURED, "ai_wrong_key"},
        {&provider_mistral, 400,
         "{\"object\":\"error\",\"message\":\"Invalid model: "
         "m\",\"type\":\"invalid_model\",\"param\":null,\"code\":\"1500\"}",
         ERR_INVALID, "ai_unknown_model"},
        {&provider_mistral, 422,
         "{\"detail\":[{\"loc\":[\"body\",\"x\"],\"msg\":\"Extra inputs are not "
         "permitted\",\"type\":\"extra_forbidden\"}]}",
         ERR_INVALID, "ai_refused_request"},
        {&provider_mistral, 422,
         "{\"object\":\"error\",\"message\":{\"detail\":[{\"msg\":\"x\"}]},\"type\":\"invalid_"
         "request_error\",\"code\":null}",
         ERR_INVALID, "ai_refused_request"},
        {&provider_mistral, 429,
         "{\"object\":\"error\",\"message\":\"Service tier capacity exceeded for this "
         "model.\",\"type\":\"service_tier_capacity_exceeded\",\"code\":\"3505\"}",
         ERR_RATE_LIMITED, NULL},
        {&provider_anthropic, 529,
         "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"
         "}",
         ERR_UPSTREAM, "ai_overloaded"},
        {&provider_anthropic, 413,
         "{\"type\":\"error\",\"error\":{\"type\":\"request_too_large\",\"message\":\"x\"}}",
         ERR_INVALID, "ai_context_too_long"},
        {&provider_anthropic, 500, "", ERR_UPSTREAM, NULL},
        {&provider_anthropic, 301, "", ERR_UPSTREAM, "ai_bad_answer"},
    };
    for (ptrdiff_t i = 0; i < COUNT(cases); i++)
        for (int stream = 0; stream < 2; stream++) {
            ChatAnswer a;
            Told told;
            model_reset();
            model.status = cases[i].status;
            model.body = str_c(cases[i].body);
            Err *err = stream ? ask_streamed(cases[i].provider, question("m", "?"), &told, &a)
                              : ask(cases[i].provider, question("m", "?"), &a);
            if (t_fails(err, cases[i].kind, cases[i].body, __FILE__, __LINE__))
                CHECK_STR(err->code, str_c(cases[i].code));
        }
}

T_LOOP_MAIN(1, model_start, model_stop, T_ROW(every_reason_to_end_is_told_apart),
            T_ROW(a_refusal_is_an_answer), T_ROW(an_empty_answer_is_an_answer),
            T_ROW(what_was_used_is_counted_with_what_the_service_had_kept),
            T_ROW(the_service_is_named_as_it_names_itself),
            T_ROW(calls_of_tools_are_put_together_from_pieces_in_any_shape),
            T_ROW(arguments_that_are_no_object_are_no_call),
            T_ROW(an_error_after_status_200_is_what_it_says),
            T_ROW(a_stream_is_over_when_it_says_so_and_not_before),
            T_ROW(thoughts_are_kept_apart_and_blocks_that_we_do_not_know_left_out),
            T_ROW(mistrals_chunks_are_text_and_thought),
            T_ROW(a_code_point_cut_in_two_is_told_whole_and_bytes_that_are_none_are_replaced),
            T_ROW(an_answer_that_is_none_is_a_bad_answer),
            T_ROW(an_answer_without_measure_is_refused_and_the_caller_lives),
            T_ROW(the_error_of_who_is_told_ends_the_call), T_ROW(errors_in_every_shape_are_read))
