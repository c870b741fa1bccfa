/* SPDX-License-Identifier: Apache-2.0
 * Real answers of the services, recorded by others, through the door that callers use: read right,
 * the same however they are cut, and never taken for whole when they are not. The recorded
 * exchanges with OpenAI's Responses API and the token counter are left out: we do not speak these.
 * */
#include "model_world.h"
#include "../products/robian/shared_data.h"

typedef struct Known {
    const Provider *provider;
    const char *file, *model;
    ChatEnd end;
    const char *reason, *begins, *ends;
    int64_t bytes, in, out;
    const char *tools; /* "id name arguments;" each */
    int opaque;        /* bytes of what is kept of thinking, all parts */
} Known;

static const Known streams[] = {
    {&provider_openai, "openai/test_openai_moderation_stream__0_200.sse", "gpt-5-2025-08-07",
     CHAT_DONE, "stop", "Paris.", "Paris.", 6, 13, 11, "", 0},
    {&provider_openai, "openai/test_run_stream_sync_streams_real_model__0_200.sse",
     "gpt-4o-mini-2024-07-18", CHAT_TOOLS, "tool_calls", "", "", 0, 53, 15,
     "call_ZR5UUuTt3pf61kjwAJIYdVMj get_capital {\"country\":\"UK\"};", 0},
    {&provider_openai, "openai/test_run_stream_sync_streams_real_model__1_200.sse",
     "gpt-4o-mini-2024-07-18", CHAT_DONE, "stop", "The capital of the UK is London.", "London.", 32,
     78, 9, "", 0},
    {&provider_openai, "openai/test_tools_streaming_variant_a__0_200.sse", "moonshotai/kimi-k2",
     CHAT_TOOLS, "", "", "", 0, 57, 17, "0 llm_version {};", 0},
    {&provider_openai, "openai/test_tools_streaming_variant_a__1_200.sse", "moonshotai/kimi-k2",
     CHAT_DONE, "stop", "The current version of *llm* is ", "**0.fixed-version**.", 52, 107, 15, "",
     0},
    {&provider_anthropic, "anthropic/test_anthropic_model_thinking_part_stream__0_200.sse",
     "claude-sonnet-4-20250514", CHAT_DONE, "end_turn",
     "Here are the basic steps for safely crossing", "r speed when crossing streets.", 1021, 43,
     282, "", 202 + 504},
    {&provider_anthropic, "anthropic/test_prompt__0_200.sse", "claude-sonnet-4-5-20250929",
     CHAT_DONE, "end_turn", "- Captain\n- Scoop", "- Scoop", 17, 17, 10, "", 0},
    {&provider_anthropic, "anthropic/test_request_stream_fallback_for_high_max_tokens__0_200.sse",
     "claude-sonnet-4-5-20250929", CHAT_DONE, "end_turn", "2", "2", 1, 20, 5, "", 0},
    {&provider_anthropic, "anthropic/test_stream_events_text__0_200.sse",
     "claude-haiku-4-5-20251001", CHAT_DONE, "end_turn", "Hello", "Hello", 5, 10, 4, "", 0},
    {&provider_anthropic, "anthropic/test_stream_events_thinking__0_200.sse",
     "claude-haiku-4-5-20251001", CHAT_DONE, "end_turn", "1. **Pouch** - references",
     "Pel\xC3\xA9** - playful take on \"pelican\"", 90, 46, 133, "", 290 + 656},
    {&provider_anthropic, "anthropic/test_stream_events_tool_calls__0_200.sse",
     "claude-haiku-4-5-20251001", CHAT_TOOLS, "tool_use", "", "", 0, 543, 40,
     "toolu_01CzN6riCPqw4pVSuTd9Dwn7 pelican_name_generator {};", 0},
    {&provider_anthropic, "anthropic/test_tools__0_200.sse", "claude-haiku-4-5-20251001",
     CHAT_TOOLS, "tool_use", "", "", 0, 542, 62,
     "toolu_01LtHJmixrs9NcWQkK8hu8hj pelican_name_generator {};"
     "toolu_01N8a4jWyf116qKTMqKKmjyt pelican_name_generator {};",
     0},
    {&provider_anthropic, "anthropic/test_tools__1_200.sse", "claude-haiku-4-5-20251001", CHAT_DONE,
     "end_turn", "Here are two great names for your pet pelican:",
     "feathered friend! \xF0\x9F\xA6\x85", 302, 678, 82, "", 0},
    {&provider_mistral, "mistral/test_mistral_model_thinking_part_iter__0_200.sse",
     "magistral-medium-latest", CHAT_DONE, "stop",
     "To cross the street safely, follow these steps:\n\n1.", "ou can ensure a safe crossing.", 607,
     10, 232, "", 421},
};

static const Known wholes[] = {
    {&provider_anthropic,
     "anthropic/test_anthropic_model_retrying_after_empty_response__0_200.json",
     "claude-haiku-4-5-20251001", CHAT_DONE, "end_turn", "# Hi there! \xF0\x9F\x91\x8B\n\n",
     "you today?", 43, 26, 18, "", 0},
    {&provider_anthropic, "anthropic/test_anthropic_tool_with_thinking__0_200.json",
     "claude-sonnet-4-20250514", CHAT_TOOLS, "tool_use", "I'll help you find", "you're from.", 103,
     398, 155, "toolu_01YGzqpRE16Vricda3Aqcejo get_user_country {};", 1112},
    {&provider_anthropic, "anthropic/test_anthropic_tool_with_thinking__1_200.json",
     "claude-sonnet-4-20250514", CHAT_DONE, "end_turn", "Based on the information", "of Mexico.",
     605, 566, 126, "", 0},
    {&provider_mistral, "mistral/test_mistral_forwards_penalties__0_200.json",
     "mistral-large-latest", CHAT_DONE, "stop", "Hello! \xF0\x9F\x98\x8A How can",
     "I'm here for you!", 134, 4, 36, "", 0},
    {&provider_mistral, "mistral/test_mistral_model_thinking_part__1_200.json",
     "magistral-medium-latest", CHAT_DONE, "stop", "Crossing a river is quite", "Stay safe!", 1282,
     664, 747, "", 2379},
};

static Str tools_text(const ChatAnswer *a) {
    Buf b = buf_new(c->arena, 128);
    for (ptrdiff_t i = 0; i < a->count; i++)
        if (a->parts[i].kind == CHAT_TOOL_CALL)
            buf_f(&b, "%.*s %.*s %.*s;", S_ARG(a->parts[i].id), S_ARG(a->parts[i].name),
                  S_ARG(a->parts[i].text));
    return buf_str(&b);
}

/* Bytes of all thoughts and signatures of an opaque part's JSON. */
static int64_t thought_bytes(const ChatPart *p) {
    json_t *json;
    if (p->kind != CHAT_OPAQUE || json_parse(c, p->text, &json)) return 0;
    const json_t *thinking = json_at(json, "thinking");
    int64_t sum = json_str(thinking).len + json_str(json_at(json, "signature")).len;
    for (size_t i = 0; i < json_array_size(thinking); i++)
        sum += json_str(json_at(json_array_get(thinking, i), "text")).len;
    return sum;
}

static void known_check(const Known *k, const ChatAnswer *a) {
    int failures = t_failures;
    int64_t thoughts = 0;
    for (ptrdiff_t i = 0; i < a->count; i++) thoughts += thought_bytes(&a->parts[i]);
    CHECK_INT(a->text.len, k->bytes);
    CHECK(str_starts(a->text, str_c(k->begins)));
    CHECK(str_ends(a->text, str_c(k->ends)));
    CHECK_INT(a->end, k->end);
    CHECK_STR(a->reason, str_c(k->reason));
    CHECK_STR(a->origin.model, str_c(k->model));
    CHECK_INT(a->usage.tokens_in, k->in);
    CHECK_INT(a->usage.tokens_out, k->out);
    CHECK(!a->usage.estimated);
    CHECK_STR(tools_text(a), str_c(k->tools));
    CHECK_INT(thoughts, k->opaque);
    if (t_failures > failures) printf("  of %s\n", k->file);
}

static bool known_load(const Known *k, bool events) {
    model_reset();
    model.events = events;
    model.body = shared_read(model.arena, str_cstr(c->arena, strf(c->arena, "llm/%s", k->file)));
    return !str_is_null(model.body);
}

TEST(recorded_streams_are_read_right) {
    if (!known_load(&streams[0], true)) SKIP("no shared data (SOCLE_SHARED_DATA)");
    for (ptrdiff_t i = 0; i < COUNT(streams); i++) {
        ChatAnswer a;
        Told told;
        REQUIRE(known_load(&streams[i], true));
        if (!GOOD(ask_streamed(streams[i].provider, question("m", "?"), &told, &a))) continue;
        known_check(&streams[i], &a);
        CHECK_STR(buf_str(&told.text), a.text);
        CHECK(!told.bad && (told.pieces > 0) == (a.text.len > 0));
        CHECK(a.origin.latency_ms >= 0 && (a.origin.first_ms > 0) == (a.text.len > 0));
    }
}

TEST(recorded_whole_answers_are_read_right) {
    if (!known_load(&wholes[0], false)) SKIP("no shared data (SOCLE_SHARED_DATA)");
    for (ptrdiff_t i = 0; i < COUNT(wholes); i++) {
        ChatAnswer a;
        Told told;
        REQUIRE(known_load(&wholes[i], false));
        if (GOOD(ask(wholes[i].provider, question("m", "?"), &a))) known_check(&wholes[i], &a);
        /* A service that does not stream although it is asked to is understood, too. */
        if (GOOD(ask_streamed(wholes[i].provider, question("m", "?"), &told, &a)))
            known_check(&wholes[i], &a);
        CHECK_STR(buf_str(&told.text), a.text);
    }
}

/* Every length of pieces is a cut at each of its multiples: all lengths are all cuts. Of long
 * streams the lengths thin out. */
static int64_t next_piece(int64_t piece, int64_t len) {
    return len < 1600 || piece < 160 ? piece + 1 : piece + 53;
}

TEST(recorded_streams_say_the_same_however_they_are_cut) {
    if (!known_load(&streams[0], true)) SKIP("no shared data (SOCLE_SHARED_DATA)");
    for (ptrdiff_t i = 0; i < COUNT(streams); i++) {
        ChatAnswer a;
        Told told;
        REQUIRE(known_load(&streams[i], true));
        recordings_begin();
        ai_settings.record = S("record");
        REQUIRE(GOOD(ask_streamed(streams[i].provider, question("m", "?"), &told, &a)));
        Str want = answer_text(&a);
        ai_settings.record = S("play");
        int64_t bad = 0;
        for (int64_t piece = 1; piece <= model.body.len;
             piece = next_piece(piece, model.body.len)) {
            CtxMark mark = ctx_mark(c);
            ai_settings.play_bytes = piece;
            Err *err = ask_streamed(streams[i].provider, question("m", "?"), &told, &a);
            bad += err || told.bad || !str_eq(answer_text(&a), want) ||
                   !str_eq(buf_str(&told.text), a.text);
            ctx_release(c, mark);
        }
        if (!CHECK_INT(bad, 0)) printf("  of %s\n", streams[i].file);
        recordings_end();
    }
}

/* Where the event ends in which the service says why it ends. */
static ptrdiff_t reason_at(Str body) {
    static const char *const words[] = {"\"finish_reason\":\"", "\"stop_reason\":\"", "[DONE]"};
    for (ptrdiff_t i = 0; i < COUNT(words); i++) {
        ptrdiff_t at = str_find(body, str_c(words[i]));
        if (at >= 0) return at + str_find(str_slice(body, at, body.len), S("\n\n")) + 2;
    }
    return body.len;
}

TEST(a_recorded_stream_that_breaks_is_whole_from_its_reason_on_and_cut_short_before) {
    if (!known_load(&streams[0], true)) SKIP("no shared data (SOCLE_SHARED_DATA)");
    for (ptrdiff_t i = 0; i < COUNT(streams); i++) {
        const Known *k = &streams[i];
        int64_t wrong = 0;
        REQUIRE(known_load(k, true));
        ptrdiff_t reason = reason_at(model.body), step;
        step = model.body.len < 1300 ? 1 : model.body.len / 160;
        for (model.cut = 0; model.cut < model.body.len; model.cut += step) {
            ChatAnswer a;
            Told told;
            CtxMark mark = ctx_mark(c);
            Err *err = ask_streamed(k->provider, question("m", "?"), &told, &a);
            bool cut = err && err->kind == ERR_UPSTREAM && str_eq(err->code, S("ai_cut_short"));
            bool whole = !err && a.text.len == k->bytes && a.end == k->end &&
                         str_eq(tools_text(&a), str_c(k->tools));
            wrong += (model.cut >= reason ? !whole : !cut) || told.bad || told.text.len > k->bytes;
            ctx_release(c, mark);
        }
        if (!CHECK_INT(wrong, 0)) printf("  of %s\n", k->file);
    }
}

TEST(recorded_errors_are_read_right) {
    static const struct {
        const Provider *provider;
        const char *file, *want;
        int status;
    } errors[] = {
        {&provider_anthropic, "anthropic/test_anthropic_count_tokens_error__0_404.json",
         "ai_unknown_model", 404},
        {&provider_anthropic,
         "anthropic/test_anthropic_explicit_effort_xhigh_unsupported_model_errors__0_400.json",
         "ai_refused_request", 400},
        {&provider_openai, "openai/test_openai_responses_model_http_error__0_400.json",
         "ai_refused_request", 400},
    };
    for (ptrdiff_t i = 0; i < COUNT(errors); i++) {
        ChatAnswer a;
        Told told;
        Known known = {.file = errors[i].file};
        if (!known_load(&known, false)) SKIP("no shared data (SOCLE_SHARED_DATA)");
        model.status = errors[i].status;
        Err *plain = ask(errors[i].provider, question("m", "?"), &a);
        Err *streamed = ask_streamed(errors[i].provider, question("m", "?"), &told, &a);
        REQUIRE(t_fails(plain, ERR_INVALID, errors[i].file, __FILE__, __LINE__));
        REQUIRE(t_fails(streamed, ERR_INVALID, errors[i].file, __FILE__, __LINE__));
        CHECK_STR(plain->code, str_c(errors[i].want));
        CHECK_STR(streamed->code, str_c(errors[i].want));
    }
}

/* What we send for a conversation of which the recording has the client's own request. */
static bool body_has(const char *member, const json_t *want) {
    json_t *sent;
    if (json_parse(c, model.seen_body, &sent)) return false;
    if (json_equal(json_at(sent, member), want)) return true;
    char *got = json_dumps(json_at(sent, member), JSON_INDENT(1));
    char *wanted = json_dumps(want, JSON_INDENT(1));
    printf("  got  %s\n  want %s\n", got, wanted);
    free(got);
    free(wanted);
    return false;
}

TEST(thoughts_go_back_to_anthropic_as_they_came) {
    ChatAnswer first, second;
    if (!known_load(&wholes[1], false)) SKIP("no shared data (SOCLE_SHARED_DATA)");
    ChatTool tool = {S("get_user_country"), S(""), {S("{\"type\":\"object\",\"properties\":{}}")}};
    ChatRequest q = question("claude-sonnet-4-0", "What is the largest city in the user country?");
    q.tools = &tool;
    q.tool_count = 1;
    REQUIRE(GOOD(ask(&provider_anthropic, q, &first)));
    ChatPart result = {
        .kind = CHAT_TOOL_ANSWER, .id = S("toolu_01YGzqpRE16Vricda3Aqcejo"), .text = S("Mexico")};
    ChatMessage messages[] = {
        q.messages[0], {CHAT_ASSISTANT, first.parts, first.count}, {CHAT_TOOL, &result, 1}};
    q.messages = messages;
    q.message_count = COUNT(messages);
    REQUIRE(GOOD(ask(&provider_anthropic, q, &second)));
    json_t *request;
    Str text = shared_read(c->arena,
                           "llm/anthropic/test_anthropic_tool_with_thinking__1_200.request.json");
    REQUIRE(GOOD(json_parse(c, text, &request)));
    json_object_del(json_path(request, "body.messages.2.content.0"), "is_error");
    CHECK(body_has("messages", json_path(request, "body.messages")));
}

TEST(calls_and_answers_of_tools_go_back_to_openai_as_others_send_them) {
    ChatAnswer first, second;
    Told told;
    if (!known_load(&streams[1], true)) SKIP("no shared data (SOCLE_SHARED_DATA)");
    json_t *request;
    Str text = shared_read(
        c->arena, "llm/openai/test_run_stream_sync_streams_real_model__1_200.request.json");
    REQUIRE(GOOD(json_parse(c, text, &request)));
    ChatRequest q =
        question("gpt-4o-mini", "What is the capital of the UK? Use the tool, then answer.");
    REQUIRE(GOOD(ask_streamed(&provider_openai, q, &told, &first)));
    ChatPart result = {.kind = CHAT_TOOL_ANSWER, .id = first.parts[0].id, .text = S("London")};
    ChatMessage messages[] = {
        q.messages[0], {CHAT_ASSISTANT, first.parts, first.count}, {CHAT_TOOL, &result, 1}};
    q.messages = messages;
    q.message_count = COUNT(messages);
    REQUIRE(GOOD(ask_streamed(&provider_openai, q, &told, &second)));
    CHECK(body_has("messages", json_path(request, "body.messages")));
    CHECK(body_has("stream_options", json_path(request, "body.stream_options")));
}

T_LOOP_MAIN(1, model_start, model_stop, T_ROW(recorded_streams_are_read_right),
            T_ROW(recorded_whole_answers_are_read_right),
            T_ROW(recorded_streams_say_the_same_however_they_are_cut),
            T_ROW(a_recorded_stream_that_breaks_is_whole_from_its_reason_on_and_cut_short_before),
            T_ROW(recorded_errors_are_read_right),
            T_ROW(thoughts_go_back_to_anthropic_as_they_came),
            T_ROW(calls_and_answers_of_tools_go_back_to_openai_as_others_send_them))
