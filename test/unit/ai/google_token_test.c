/* SPDX-License-Identifier: Apache-2.0
 * Vertex AI's tokens: fetched once however many want one, kept, fetched anew before they run out and
 * once when they are refused. */
#include "core/time.h"
#include "model_world.h"

static const char good_answer[] =
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello\"}],\"role\":\"model\"},"
    "\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":1,"
    "\"candidatesTokenCount\":1,\"totalTokenCount\":2}}";

static void begin(void) {
    model_reset();
    model.body = str_c(good_answer);
    model.requests = model.token_requests = 0;
    vertex_token_reset();
}

static Err *hello(ChatAnswer *a) {
    return ask(&provider_vertex, question("gemini-3.5-flash", "?"), a);
}

TEST(one_token_serves_many_calls) {
    ChatAnswer a;
    begin();
    for (int i = 0; i < 3; i++)
        if (GOOD(hello(&a))) CHECK_STR(a.text, S("Hello"));
    CHECK_INT(model.token_requests, 1);
    CHECK(str_find(model.seen_head, S("Authorization: Bearer ya29.first\r\n")) >= 0);
    CHECK(str_starts(model.seen_head,
                     S("POST /v1/projects/tests/locations/europe-west1/publishers/google/models/"
                       "gemini-3.5-flash:generateContent HTTP/1.1\r\n")));
}

TEST(a_refused_token_is_replaced_once) {
    ChatAnswer a;
    Told told;
    begin();
    REQUIRE(GOOD(hello(&a)));
    model.only = model.token = "ya29.second"; /* the first was withdrawn */
    if (GOOD(hello(&a))) CHECK_STR(a.text, S("Hello"));
    CHECK_INT(model.token_requests, 2);
    CHECK_INT(model.requests, 3);
    /* And of a stream, which has told nothing yet. */
    model.only = model.token = "ya29.third";
    model.body = strf(model.arena, "data: %s\r\n\r\n", good_answer);
    model.events = true;
    if (GOOD(ask_streamed(&provider_vertex, question("m", "?"), &told, &a)))
        CHECK_STR(buf_str(&told.text), S("Hello"));
    CHECK_INT(model.token_requests, 3);
}

TEST(a_token_that_is_refused_again_is_a_wrong_key) {
    ChatAnswer a;
    begin();
    model.only = "ya29.of others";
    Err *err = hello(&a);
    if (t_fails(err, ERR_NOT_CONFIGURED, "refused", __FILE__, __LINE__))
        CHECK_STR(err->code, S("ai_wrong_key"));
    CHECK_INT(model.token_requests, 2);
    CHECK_INT(model.requests, 2);
}

TEST(a_token_is_fetched_anew_before_it_runs_out) {
    ChatAnswer a;
    begin();
    model.token_life_s = 6; /* good for half of that */
    REQUIRE(GOOD(hello(&a)) && GOOD(hello(&a)));
    CHECK_INT(model.token_requests, 1);
    int64_t began = mono_us();
    while (model.token_requests < 2 && ms_since(began) < 10000) {
        pause_ms(c, 50);
        REQUIRE(GOOD(hello(&a)));
    }
    CHECK_INT(model.token_requests, 2);
    CHECK(ms_since(began) < 6000); /* before its end */
}

/* -- many at once ------------------------------------------------------------------------------ */

static int left, heard_good;

static void one_of_many(Ctx *own, void *arg) {
    ChatRequest q = *(ChatRequest *)arg;
    ChatAnswer a = {0};
    ctx_deadline_within(own, 20000);
    heard_good += provider_vertex.chat(own, &q, &a) == NULL;
    left--;
}

TEST(however_many_want_a_token_one_is_fetched) {
    enum { MANY = 40 };
    ChatRequest q = question("m", "?");
    begin();
    model.token_takes_ms = 100;
    left = MANY;
    heard_good = 0;
    for (int i = 0; i < MANY; i++)
        coro_spawn((CoroOptions){.name = "asks", .budget_bytes = 4 * MIB}, one_of_many, &q);
    SOON(left == 0);
    CHECK_INT(heard_good, MANY);
    CHECK_INT(model.token_requests, 1);
    /* The same of many whose token is refused at once. */
    model.only = model.token = "ya29.second";
    left = MANY;
    for (int i = 0; i < MANY; i++)
        coro_spawn((CoroOptions){.name = "asks", .budget_bytes = 4 * MIB}, one_of_many, &q);
    SOON(left == 0);
    CHECK_INT(heard_good, 2 * MANY);
    CHECK_INT(model.token_requests, 2);
}

TEST(who_fetches_and_is_late_lets_the_next_one_fetch) {
    ChatAnswer a;
    begin();
    model.token_takes_ms = 300;
    int64_t former = ctx_deadline_within(c, 50);
    FAILS(hello(&a), TIMEOUT);
    c->deadline_us = former;
    model.token_takes_ms = 0;
    former = ctx_deadline_within(c, 5000);
    if (GOOD(hello(&a))) CHECK_STR(a.text, S("Hello"));
    c->deadline_us = former;
}

/* -- what goes wrong --------------------------------------------------------------------------- */

TEST(what_the_token_service_says_is_told_apart) {
    ChatAnswer a;
    static const struct {
        int status;
        ErrKind kind;
        const char *code;
    } rows[] = {{400, ERR_NOT_CONFIGURED, "ai_wrong_key"},
                {401, ERR_NOT_CONFIGURED, "ai_wrong_key"},
                {403, ERR_NOT_CONFIGURED, "ai_wrong_key"},
                {500, ERR_UPSTREAM, NULL}};
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        begin();
        model.token_status = rows[i].status;
        Err *err = hello(&a);
        if (t_fails(err, rows[i].kind, "status", __FILE__, __LINE__) && rows[i].code)
            CHECK_STR(err->code, str_c(rows[i].code));
        CHECK_INT(model.requests, 0);
    }
    begin();
    model.token = "two words";
    Err *err = hello(&a);
    if (t_fails(err, ERR_UPSTREAM, "no token", __FILE__, __LINE__))
        CHECK_STR(err->code, S("ai_bad_answer"));
    begin(); /* and it passes */
    GOOD(hello(&a));
}

static Str bad_key_file(const char *text) {
    char path[] = "/tmp/socle-key-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) abort();
    close(fd);
    return str_copy(c->arena, str_c(path));
}

TEST(a_key_file_that_is_none_is_named) {
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"client_email\":\"a\"}",
        "{\"client_email\":\"a\",\"private_key\":\"-----BEGIN PRIVATE KEY-----\\nAAAA\\n"
        "-----END PRIVATE KEY-----\\n\"}",
        "{\"client_email\":\"a\",\"private_key\":\"-----BEGIN ENCRYPTED PRIVATE KEY-----\\nAAAA\\n"
        "-----END ENCRYPTED PRIVATE KEY-----\\n\"}"};
    ChatAnswer a;
    begin();
    for (ptrdiff_t i = 0; i <= COUNT(texts); i++) {
        ai_settings.google_credentials =
            i < COUNT(texts) ? bad_key_file(texts[i]) : S("/nonexistent/key.json");
        Err *err = hello(&a);
        if (t_fails(err, ERR_NOT_CONFIGURED, "key file", __FILE__, __LINE__))
            CHECK(str_find(err->detail, S("GOOGLE_APPLICATION_CREDENTIALS")) >= 0);
        if (i < COUNT(texts)) unlink(str_cstr(c->arena, ai_settings.google_credentials));
    }
    ai_settings.google_credentials = model.key_file;
    CHECK_INT(model.token_requests, 0);
    CHECK_INT(model.requests, 0);
}

TEST(names_that_would_be_another_address_are_refused) {
    static const char *const names[] = {"", "../x", "a/b", "m:predict", "m?key=1", "m%2F", ".m"};
    ChatAnswer a;
    begin();
    for (ptrdiff_t i = 0; i < COUNT(names); i++)
        for (int vertex = 0; vertex < 2; vertex++) {
            Err *err =
                ask(vertex ? &provider_vertex : &provider_gemini, question(names[i], "?"), &a);
            if (t_fails(err, ERR_INVALID, names[i], __FILE__, __LINE__))
                CHECK_STR(err->code, S("ai_unknown_model"));
        }
    ai_settings.vertex_project = S("a/../b");
    FAILS(hello(&a), NOT_CONFIGURED);
    ai_settings.vertex_project = S("tests");
    ai_settings.vertex_region = S("x.evil.example/");
    FAILS(hello(&a), NOT_CONFIGURED);
    ai_settings.vertex_region = S("europe-west1");
    CHECK_INT(model.requests, 0);
}

T_LOOP_MAIN(1, model_start, model_stop, T_ROW(one_token_serves_many_calls),
            T_ROW(a_refused_token_is_replaced_once),
            T_ROW(a_token_that_is_refused_again_is_a_wrong_key),
            T_ROW(a_token_is_fetched_anew_before_it_runs_out),
            T_ROW(however_many_want_a_token_one_is_fetched),
            T_ROW(who_fetches_and_is_late_lets_the_next_one_fetch),
            T_ROW(what_the_token_service_says_is_told_apart),
            T_ROW(a_key_file_that_is_none_is_named),
            T_ROW(names_that_would_be_another_address_are_refused))
