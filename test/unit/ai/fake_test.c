/* SPDX-License-Identifier: Apache-2.0
 * The providers against the strict stand-ins of test/fake/models.py: nothing that we send is
 * refused, and every way in which a service fails ends in a clear state. */
#include "t_loop.h"

#include "fake_world.h"

static void fake_start(void) { fake_begin(c); }
static void fake_stop(void) { fake_finish(c); }

static Err *add(Ctx *own, Str piece, void *arg) {
    (void)own;
    buf_add(arg, piece);
    return NULL;
}

static Err *ask(int provider, ChatRequest q, bool streamed, Buf *told, ChatAnswer *out) {
    *out = (ChatAnswer){0};
    *told = buf_new(c->arena, 256);
    if (q.model.len == 0) q.model = str_c(models[provider]);
    if (streamed) {
        q.on_text = add;
        q.arg = told;
    }
    return all[provider]->chat(c, &q, out);
}

static ChatPart words;
static ChatMessage word_message;
static ChatRequest question(const char *text) {
    words = (ChatPart){.kind = CHAT_TEXT, .text = str_c(text)};
    word_message = (ChatMessage){CHAT_USER, &words, 1};
    return (ChatRequest){.messages = &word_message, .message_count = 1};
}

TEST(answers_rest_on_the_sources_whole_and_streamed) {
    NEED_FAKE();
    ChatSource sources[] = {{S("Menu"), S("On Mondays there is soup. On Fridays there is fish.")},
                            {S("Hours"), S("The school opens at eight. It closes at five.")}};
    for (int i = 0; i < PROVIDERS; i++)
        for (int streamed = 0; streamed < 2; streamed++) {
            Buf told;
            ChatAnswer a;
            ChatRequest q = question("When does the school open? It opens at?");
            q.system = S("You answer parents.");
            q.sources = sources;
            q.source_count = 2;
            q.temperature = (OptFloat){0.2, true};
            if (!GOOD(ask(i, q, streamed, &told, &a))) continue;
            CHECK_STR(a.text, S("The school opens at eight. [2]"));
            if (streamed) CHECK_STR(buf_str(&told), a.text);
            CHECK(a.usage.tokens_in > 20 && a.usage.tokens_out > 0 && !a.usage.estimated);
            CHECK(a.origin.request_id.len > 0);
            CHECK_INT(a.end, CHAT_DONE);
        }
    CHECK_INT(refused(c), 0);
}

TEST(a_conversation_with_tools_and_thoughts_goes_back_and_forth) {
    NEED_FAKE();
    ChatTool tools[] = {{S("weather"),
                         S("Of a city"),
                         {S("{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},"
                            "\"required\":[\"city\"]}")}}};
    for (int i = 0; i < PROVIDERS; i++)
        for (int streamed = 0; streamed < 2; streamed++) {
            Buf told;
            ChatAnswer first, second;
            admin(c, "POST", "script",
                  "[{\"thinking\":\"Which city? Paris.\",\"text\":\"One moment.\",\"tools\":["
                  "{\"name\":\"weather\",\"arguments\":{\"city\":\"Paris\"}},{\"name\":\"weather\","
                  "\"arguments\":{\"city\":\"Lyon\"}}]}]");
            ChatRequest q = question("What weather?");
            q.tools = tools;
            q.tool_count = 1;
            if (!GOOD(ask(i, q, streamed, &told, &first))) continue;
            CHECK_INT(first.end, CHAT_TOOLS);
            CHECK_STR(first.text, S("One moment."));
            ChatPart results[2], thanks = {.kind = CHAT_TEXT, .text = S("And now?")};
            ptrdiff_t count = 0;
            for (ptrdiff_t k = 0; k < first.count && count < 2; k++)
                if (first.parts[k].kind == CHAT_TOOL_CALL)
                    results[count++] = (ChatPart){.kind = CHAT_TOOL_ANSWER,
                                                  .id = first.parts[k].id,
                                                  .name = S("weather"),
                                                  .text = S("sun")};
            REQUIRE(CHECK_INT(count, 2));
            ChatMessage messages[] = {q.messages[0],
                                      {CHAT_ASSISTANT, first.parts, first.count},
                                      {CHAT_TOOL, results, 2},
                                      {CHAT_USER, &thanks, 1}};
            q.messages = messages;
            q.message_count = COUNT(messages);
            q.tool_choice = S("none");
            if (GOOD(ask(i, q, streamed, &told, &second)))
                CHECK_STR(second.text, S("You said: And now?"));
            q.tool_choice = S("any");
            if (GOOD(ask(i, q, streamed, &told, &second))) CHECK_INT(second.end, CHAT_TOOLS);
            q.tool_choice = S("weather");
            if (GOOD(ask(i, q, streamed, &told, &second))) CHECK_INT(second.end, CHAT_TOOLS);
            /* To another provider it goes without these thoughts and with other ids. */
            q.tool_choice = (Str){0};
            if (GOOD(ask((i + 1) % PROVIDERS, q, streamed, &told, &second)))
                CHECK_INT(second.end, CHAT_DONE);
        }
    CHECK_INT(refused(c), 0);
}

TEST(who_speaks_before_a_tool_has_answered_is_heard_after_it) {
    NEED_FAKE();
    ChatPart hello = {.kind = CHAT_TEXT, .text = S("Hello")},
             still = {.kind = CHAT_TEXT, .text = S("Still there?")},
             call = {.kind = CHAT_TOOL_CALL, .id = S("c1"), .name = S("look"), .text = S("{}")},
             result = {.kind = CHAT_TOOL_ANSWER, .id = S("c1"), .text = S("found")};
    ChatMessage messages[] = {{CHAT_USER, &hello, 1},
                              {CHAT_ASSISTANT, &call, 1},
                              {CHAT_USER, &still, 1},
                              {CHAT_TOOL, &result, 1}};
    ChatRequest q = {.messages = messages, .message_count = COUNT(messages)};
    for (int i = 0; i < PROVIDERS; i++) {
        Buf told;
        ChatAnswer a;
        if (GOOD(ask(i, q, false, &told, &a))) CHECK_STR(a.text, S("You said: Still there?"));
    }
    CHECK_INT(refused(c), 0);
}

TEST(a_schema_is_asked_for_as_each_service_takes_it) {
    NEED_FAKE();
    static const char *const schemas[] = {
        "{\"type\":\"object\",\"properties\":{\"age\":{\"type\":\"integer\",\"minimum\":7},"
        "\"name\":{\"type\":\"string\","
        "\"minLength\":2,\"maxLength\":9}},\"required\":[\"age\",\"name\"]}",
        "{\"type\":\"object\",\"properties\":{\"tags\":{\"type\":\"array\",\"items\":{\"type\":"
        "\"string\"},\"maxItems\":4},"
        "\"kind\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}},\"required\":[\"kind\"]}"};
    for (int i = 0; i < PROVIDERS; i++)
        for (ptrdiff_t k = 0; k < COUNT(schemas); k++) {
            Buf told;
            ChatAnswer a;
            json_t *json;
            ChatRequest q = question("Who?");
            q.schema = (JsonText){str_c(schemas[k])};
            q.schema_name = S("person");
            if (GOOD(ask(i, q, k == 1, &told, &a)) && GOOD(json_parse(c, a.text, &json)))
                CHECK(json_is_object(json));
        }
    CHECK_INT(refused(c), 0);
}

TEST(every_model_gets_the_parameters_it_takes) {
    NEED_FAKE();
    static const struct {
        int provider;
        const char *model;
    } rows[] = {{0, "gpt-5-mini"},           {0, "o3"},
                {0, "gpt-5-chat-latest"},    {1, "claude-opus-4-7"},
                {1, "claude-sonnet-5"},      {2, "magistral-medium-latest"},
                {3, "gemini-2.5-flash"},     {3, "models/gemini-3.8-flash"},
                {4, "gemini-2.5-flash-lite"}};
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Buf told;
        ChatAnswer a;
        ChatRequest q = question("Hello");
        q.model = str_c(rows[i].model);
        q.temperature = (OptFloat){2, true};
        if (GOOD(ask(rows[i].provider, q, true, &told, &a)))
            CHECK_STR(a.text, S("You said: Hello"));
    }
    CHECK_INT(refused(c), 0);
}

TEST(every_fault_ends_in_a_clear_state) {
    NEED_FAKE();
    static const struct {
        const char *fault;
        ErrKind kind;
        const char *code;
    } cases[] = {{"429", ERR_RATE_LIMITED, NULL},
                 {"500", ERR_UPSTREAM, NULL},
                 {"502", ERR_UPSTREAM, NULL},
                 {"529", ERR_UPSTREAM, "ai_overloaded"},
                 {"400", ERR_INVALID, "ai_refused_request"},
                 {"403", ERR_NOT_CONFIGURED, "ai_wrong_key"},
                 {"503", ERR_UPSTREAM, NULL},
                 {"quota", ERR_PAYMENT_REQUIRED, "ai_provider_quota"},
                 {"cut=0", ERR_UPSTREAM, "ai_cut_short"},
                 {"cut=1", ERR_UPSTREAM, "ai_cut_short"},
                 {"cut=150", ERR_UPSTREAM, "ai_cut_short"},
                 {"huge", ERR_UPSTREAM, "ai_bad_answer"},
                 {"json", ERR_UPSTREAM, "ai_bad_answer"},
                 {"html", ERR_UPSTREAM, "ai_bad_answer"}};
    for (int i = 0; i < PROVIDERS; i++)
        for (ptrdiff_t k = 0; k < COUNT(cases); k++)
            for (int streamed = 0; streamed < 2; streamed++) {
                Buf told;
                ChatAnswer a;
                ChatRequest q = question("Hello");
                fault(c, i, cases[k].fault, 1);
                Err *err = ask(i, q, streamed, &told, &a);
                if (t_fails(err, cases[k].kind, cases[k].fault, __FILE__, __LINE__) &&
                    cases[k].code)
                    CHECK_STR(err->code, str_c(cases[k].code));
            }
    admin(c, "POST", "reset", "null");
}

TEST(refusals_limits_and_empty_answers_are_answers) {
    NEED_FAKE();
    for (int i = 0; i < PROVIDERS; i++)
        for (int streamed = 0; streamed < 2; streamed++) {
            Buf told;
            ChatAnswer a;
            ChatRequest q = question("Hello");
            admin(c, "POST", "fault", "{\"fault\":\"refuse\"}");
            if (GOOD(ask(i, q, streamed, &told, &a)) && i != 2) CHECK_INT(a.end, CHAT_REFUSED);
            admin(c, "POST", "fault", "{\"fault\":\"length\"}");
            if (GOOD(ask(i, q, streamed, &told, &a))) CHECK_INT(a.end, CHAT_LENGTH);
            admin(c, "POST", "fault", "{\"fault\":\"empty\"}");
            if (GOOD(ask(i, q, streamed, &told, &a))) CHECK_STR(a.text, S(""));
        }
    CHECK_INT(refused(c), 0);
}

TEST(a_pause_that_the_service_asks_for_is_told) {
    NEED_FAKE();
    for (int i = 0; i < PROVIDERS; i++) {
        Buf told;
        ChatAnswer a;
        admin(c, "POST", "fault", "{\"fault\":\"429\",\"headers\":{\"Retry-After\":\"17\"}}");
        Err *err = ask(i, question("Hello"), false, &told, &a);
        if (t_fails(err, ERR_RATE_LIMITED, "429", __FILE__, __LINE__))
            CHECK_INT(err->retry_after_s, 17);
    }
    admin(c, "POST", "reset", "null");
}

T_LOOP_MAIN(1, fake_start, fake_stop, T_ROW(answers_rest_on_the_sources_whole_and_streamed),
            T_ROW(a_conversation_with_tools_and_thoughts_goes_back_and_forth),
            T_ROW(who_speaks_before_a_tool_has_answered_is_heard_after_it),
            T_ROW(a_schema_is_asked_for_as_each_service_takes_it),
            T_ROW(every_model_gets_the_parameters_it_takes),
            T_ROW(every_fault_ends_in_a_clear_state),
            T_ROW(refusals_limits_and_empty_answers_are_answers),
            T_ROW(a_pause_that_the_service_asks_for_is_told))
