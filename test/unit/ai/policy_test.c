/* SPDX-License-Identifier: Apache-2.0
 * Tries, pauses, time, circuits, the second provider, places, payers: the promises of policy.h. */
#include "ai_world.h"

static Err *ask(Ctx *c, ChatAnswer *answer) {
    ChatRequest r = chat_of("a question");
    return chat(c, &r, answer);
}

static int asked(const Fake *f) { return atomic_load(&f->asked); }

/* -- Tries ---------------------------------------------------------------------------------------- */

AI(what_may_pass_is_tried_again) {
    SCRIPT(&first, {.fails = ERR_UPSTREAM, .tokens = 3}, {.fails = ERR_RATE_LIMITED},
           {.tokens = 10});
    ChatAnswer a;
    MUST(ask(c, &a));
    CHECK_STR(a.text, S("good"));
    CHECK_INT(a.origin.tries, 3);
    CHECK_STR(a.origin.provider, S("first"));
    CHECK_STR(a.origin.model, S("model-1"));
    CHECK_STR(a.origin.request_id, S("req-1"));
    CHECK(!a.origin.fallback && !a.origin.kept);
    CHECK_INT(a.usage.tokens_in, 13); /* what failed was used too */
    CHECK_INT(atomic_load(&pauses), 2);
    AiFigures f = ai_figures(0, AI_CHAT);
    CHECK_INT(f.calls, 3);
    CHECK_INT(f.retries, 2);
    CHECK_INT(f.errors[ERR_UPSTREAM], 1);
    CHECK_INT(f.errors[ERR_RATE_LIMITED], 1);
    CHECK_INT(f.under_way, 0);
}

AI(no_more_tries_than_are_set) {
    SCRIPT(&first, {.fails = ERR_UPSTREAM});
    ChatAnswer a;
    ai_settings.tries = 2;
    FAILS(ask(c, &a), UPSTREAM);
    CHECK_INT(asked(&first), 2);
}

AI(what_will_not_pass_is_not_tried_again) {
    static const struct {
        ErrKind kind;
        const char *code;
    } final[] = {{ERR_INVALID, "ai_refused_request"},
                 {ERR_PAYMENT_REQUIRED, "ai_provider_quota"},
                 {ERR_NOT_CONFIGURED, "ai_wrong_key"},
                 {ERR_UPSTREAM, "ai_no_recording"},
                 {ERR_INTERNAL, NULL}};
    for (int i = 0; i < COUNT(final); i++) {
        SCRIPT(&first, {.fails = final[i].kind, .code = final[i].code});
        ChatAnswer a;
        Err *err = ask(c, &a);
        REQUIRE(err != NULL);
        CHECK_INT(err->kind, final[i].kind);
        CHECK_INT(asked(&first), 1);
    }
    CHECK_INT(atomic_load(&pauses), 0);
}

AI(a_pause_is_no_shorter_than_the_provider_asks) {
    SCRIPT(&first, {.fails = ERR_RATE_LIMITED, .retry_after_s = 7}, {.tokens = 1});
    ChatAnswer a;
    MUST(ask(c, &a));
    CHECK(atomic_load(&paused_ms) >= 7000 && atomic_load(&paused_ms) <= 7500);
}

AI(a_pause_that_does_not_fit_is_not_begun) {
    SCRIPT(&first, {.fails = ERR_RATE_LIMITED, .retry_after_s = 120}, {.tokens = 1});
    ChatAnswer a;
    Err *err = ask(c, &a);
    REQUIRE(err && err->kind == ERR_RATE_LIMITED);
    CHECK_INT(err->retry_after_s, 120);
    CHECK_INT(asked(&first), 1);
    CHECK_INT(atomic_load(&pauses), 0);
}

AI(pauses_are_jittered_and_grow_to_a_limit) {
    SCRIPT(&first, {.fails = ERR_UPSTREAM});
    ChatAnswer a;
    policy_tuning.failures = 1000;
    policy_tuning.window_calls = 1000;
    policy_tuning.pause_ms = 100;
    policy_tuning.pause_max_ms = 400;
    ai_settings.tries = 10;
    FAILS(ask(c, &a), UPSTREAM);
    CHECK_INT(asked(&first), 10);
    CHECK(atomic_load(&paused_ms) > 0 && atomic_load(&paused_ms) <= 100 + 200 + 7 * 400);
}

AI(the_whole_call_has_one_limit_in_time) {
    SCRIPT(&first, {.takes_ms = 60000});
    ChatRequest r = chat_of("slow");
    ChatAnswer a;
    r.timeout_ms = 1000;
    int64_t began = mono_us(), deadline = c->deadline_us;
    FAILS(chat(c, &r, &a), TIMEOUT);
    CHECK((mono_us() - began) / 1000 < 20000);
    CHECK_INT(asked(&first), 1);
    CHECK_INT(c->deadline_us, deadline);
}

AI(the_callers_own_limit_is_obeyed) {
    SCRIPT(&first, {.takes_ms = 60000});
    ChatAnswer a;
    int64_t former = ctx_deadline_within(c, 60);
    FAILS(ask(c, &a), TIMEOUT);
    c->deadline_us = former;
}

/* -- Pieces --------------------------------------------------------------------------------------- */

static int told;
static Err *piece_count(Ctx *c, Str piece, void *arg) {
    (void)c, (void)piece, (void)arg;
    told++;
    return NULL;
}
static Err *piece_refuse(Ctx *c, Str piece, void *arg) {
    (void)piece, (void)arg;
    FAIL(c, UPSTREAM, "the reader went away");
}

AI(nothing_is_asked_again_once_a_piece_was_told) {
    SCRIPT(&first, {.piece = "Bon", .fails = ERR_UPSTREAM, .code = "ai_cut_short"}, {.tokens = 1});
    ai_settings.chat_fallback = S("second");
    ChatRequest r = chat_of("in pieces");
    ChatAnswer a;
    r.on_text = piece_count;
    told = 0;
    Err *err = chat(c, &r, &a);
    REQUIRE(err && err->kind == ERR_UPSTREAM);
    CHECK_STR(err->code, S("ai_cut_short"));
    CHECK_INT(told, 1);
    CHECK_INT(asked(&first), 1);
    CHECK_INT(asked(&second), 0);
}

AI(before_the_first_piece_it_is_tried_again) {
    SCRIPT(&first, {.fails = ERR_UPSTREAM}, {.piece = "good", .tokens = 1});
    ChatRequest r = chat_of("in pieces");
    ChatAnswer a;
    r.on_text = piece_count;
    told = 0;
    MUST(chat(c, &r, &a));
    CHECK_INT(told, 1);
    CHECK_INT(asked(&first), 2);
}

AI(the_readers_error_ends_the_call_and_is_not_the_providers) {
    SCRIPT(&first, {.piece = "Bon"});
    policy_tuning.failures = 1;
    ChatRequest r = chat_of("in pieces");
    ChatAnswer a;
    r.on_text = piece_refuse;
    Err *err = chat(c, &r, &a);
    REQUIRE(err != NULL);
    CHECK_STR(err->detail, S("the reader went away"));
    CHECK_INT(asked(&first), 1);
    CHECK_INT(circuit_state(0, AI_CHAT), CIRCUIT_CLOSED);
}

/* -- Circuits ------------------------------------------------------------------------------------- */

AI(a_circuit_opens_lets_one_through_and_closes) {
    SCRIPT(&first, {.fails = ERR_UPSTREAM});
    ChatAnswer a;
    ai_settings.tries = 1;
    for (int i = 0; i < 5; i++) FAILS(ask(c, &a), UPSTREAM);
    CHECK_INT(circuit_state(0, AI_CHAT), CIRCUIT_OPEN);
    CHECK_INT(circuit_state(0, AI_EMBED), CIRCUIT_CLOSED); /* of its kind only */
    Err *err = ask(c, &a);
    REQUIRE(err && err->kind == ERR_UNAVAILABLE);
    CHECK(err->retry_after_s > 0 && err->retry_after_s <= 16);
    CHECK_INT(asked(&first), 5);

    clock_turn(15001);
    CHECK_INT(circuit_state(0, AI_CHAT), CIRCUIT_HALF);
    FAILS(ask(c, &a), UPSTREAM); /* the probe */
    CHECK_INT(asked(&first), 6);
    FAILS(ask(c, &a), UNAVAILABLE);
    clock_turn(15001); /* twice as long this time */
    FAILS(ask(c, &a), UNAVAILABLE);
    CHECK_INT(asked(&first), 6);
    clock_turn(15001);
    SCRIPT(&first, {.tokens = 1});
    MUST(ask(c, &a));
    CHECK_INT(circuit_state(0, AI_CHAT), CIRCUIT_CLOSED);
    MUST(ask(c, &a));
    CHECK_INT(asked(&first), 2);
}

/* Another call's failures opened it meanwhile: this one was answered, and says what. */
AI(a_circuit_that_opens_between_two_tries_hides_no_answer) {
    SCRIPT(&first, {.fails = ERR_UPSTREAM, .code = "ai_bad_answer"});
    ChatAnswer a;
    policy_tuning.failures = 2;
    ai_settings.tries = 3;
    Err *err = ask(c, &a);
    REQUIRE(err && err->kind == ERR_UPSTREAM);
    CHECK_STR(err->code, S("ai_bad_answer"));
    CHECK(err->retry_after_s > 0 && err->retry_after_s <= 16);
    CHECK_INT(asked(&first), 2);
}

AI(only_one_call_probes_at_a_time) {
    SCRIPT(&first, {.fails = ERR_UPSTREAM});
    ChatAnswer a;
    ai_settings.tries = 1;
    for (int i = 0; i < 5; i++) FAILS(ask(c, &a), UPSTREAM);
    clock_turn(15001);
    SCRIPT(&first, {.takes_ms = 3000}); /* all others come meanwhile */
    Crowd crowd = {0};
    crowd_start(&crowd, "together", 40);
    crowd_wait(c, &crowd);
    CHECK_INT(atomic_load(&first.most), 1);
    CHECK(atomic_load(&crowd.good) >= 1);
    CHECK_INT(atomic_load(&crowd.good) + atomic_load(&crowd.failed), 40);
    CHECK_INT(asked(&first), atomic_load(&crowd.good));
}

AI(a_share_of_failures_opens_a_circuit_too) {
    SCRIPT(&first, {.fails = ERR_UPSTREAM}, {0}, {.fails = ERR_UPSTREAM}, {0},
           {.fails = ERR_UPSTREAM}, {0}, {.fails = ERR_UPSTREAM}, {0}, {.fails = ERR_UPSTREAM}, {0},
           {.fails = ERR_UPSTREAM}, {0});
    ChatAnswer a;
    ai_settings.tries = 1;
    policy_tuning.window_calls = 10;
    int failed = 0;
    for (int i = 0; i < 11; i++) failed += ask(c, &a) != NULL;
    CHECK_INT(failed, 6);
    CHECK_INT(circuit_state(0, AI_CHAT), CIRCUIT_OPEN);
}

AI(failures_long_ago_do_not_count) {
    SCRIPT(&first, {.fails = ERR_UPSTREAM}, {.fails = ERR_UPSTREAM}, {.fails = ERR_UPSTREAM},
           {.fails = ERR_UPSTREAM}, {0}, {.fails = ERR_UPSTREAM});
    ChatAnswer a;
    ai_settings.tries = 1;
    policy_tuning.window_calls = 4;
    policy_tuning.window_percent = 90;
    policy_tuning.failures = 100;
    for (int i = 0; i < 3; i++) FAILS(ask(c, &a), UPSTREAM);
    clock_turn(61000);
    FAILS(ask(c, &a), UPSTREAM);
    CHECK_INT(circuit_state(0, AI_CHAT), CIRCUIT_CLOSED);
}

AI(what_says_nothing_about_the_provider_opens_nothing) {
    static const ErrKind kinds[] = {ERR_INVALID, ERR_RATE_LIMITED, ERR_PAYMENT_REQUIRED,
                                    ERR_NOT_CONFIGURED};
    ChatAnswer a;
    ai_settings.tries = 1;
    policy_tuning.failures = 1;
    for (int i = 0; i < COUNT(kinds); i++) {
        SCRIPT(&first, {.fails = kinds[i]});
        Err *err = ask(c, &a);
        CHECK(err && err->kind == kinds[i]);
    }
    CHECK_INT(circuit_state(0, AI_CHAT), CIRCUIT_CLOSED);
}

AI(a_time_out_of_a_hasty_caller_opens_nothing) {
    SCRIPT(&first, {.takes_ms = 60000});
    ChatRequest r = chat_of("slow");
    ChatAnswer a;
    r.timeout_ms = 20;
    policy_tuning.failures = 1;
    policy_tuning.slow_ms = 20000;
    FAILS(chat(c, &r, &a), TIMEOUT);
    CHECK_INT(circuit_state(0, AI_CHAT), CIRCUIT_CLOSED);
    r.timeout_ms = 1000;
    policy_tuning.slow_ms = 10;
    FAILS(chat(c, &r, &a), TIMEOUT);
    CHECK_INT(circuit_state(0, AI_CHAT), CIRCUIT_OPEN);
}

/* -- The second provider ---------------------------------------------------------------------------- */

AI(a_second_provider_answers_when_the_first_is_away) {
    SCRIPT(&first, {.fails = ERR_UPSTREAM});
    ai_settings.chat_fallback = S("second");
    ChatAnswer a;
    MUST(ask(c, &a));
    CHECK_STR(a.text, S("second's"));
    CHECK_STR(a.origin.provider, S("second"));
    CHECK(a.origin.fallback);
    CHECK_INT(a.origin.tries, 4);
    CHECK_INT(ai_figures(1, AI_CHAT).fallbacks, 1);
    MUST(ask(c, &a));
    MUST(ask(c, &a));
    int before = asked(&first);
    CHECK_INT(circuit_state(0, AI_CHAT), CIRCUIT_OPEN);
    MUST(ask(c, &a)); /* and at once when the circuit is open */
    CHECK_INT(asked(&first), before);
    CHECK(a.origin.fallback);
}

AI(a_second_provider_is_asked_where_it_may_do_better_only) {
    static const struct {
        ErrKind kind;
        const char *code;
        int second;
    } cases[] = {
        {ERR_INVALID, "ai_context_too_long", 1},
        {ERR_INVALID, "ai_unknown_model", 1},
        {ERR_INVALID, "ai_refused_request", 0},
        {ERR_PAYMENT_REQUIRED, "ai_provider_quota", 1},
        {ERR_NOT_CONFIGURED, "ai_wrong_key", 1},
        {ERR_UPSTREAM, "ai_no_recording", 0},
        {ERR_RATE_LIMITED, NULL, 1},
        {ERR_INTERNAL, NULL, 0},
    };
    ai_settings.chat_fallback = S("second");
    for (int i = 0; i < COUNT(cases); i++) {
        SCRIPT(&first, {.fails = cases[i].kind, .code = cases[i].code});
        SCRIPT(&second, {.text = "second's"});
        ChatAnswer a;
        Err *err = ask(c, &a);
        CHECK_INT(asked(&second), cases[i].second);
        CHECK_INT(err == NULL, cases[i].second);
    }
}

AI(a_first_provider_that_hangs_leaves_time_for_the_second) {
    SCRIPT(&first, {.takes_ms = 60000});
    ai_settings.chat_fallback = S("second");
    ChatRequest r = chat_of("slow");
    ChatAnswer a;
    r.timeout_ms = 6000; /* two thirds are the first one's */
    MUST(chat(c, &r, &a));
    CHECK_STR(a.text, S("second's"));
}

AI(both_away_says_so_of_both) {
    SCRIPT(&first, {.fails = ERR_UPSTREAM});
    SCRIPT(&second, {.fails = ERR_RATE_LIMITED});
    ai_settings.chat_fallback = S("second");
    ChatAnswer a;
    Err *err = ask(c, &a);
    REQUIRE(err && err->kind == ERR_RATE_LIMITED);
    REQUIRE(err->cause != NULL);
    CHECK_INT(err->cause->kind, ERR_UPSTREAM);
}

/* -- Places ----------------------------------------------------------------------------------------- */

AI(no_more_calls_than_places_are_under_way) {
    SCRIPT(&first, {.takes_ms = 5});
    ai_settings.concurrency = 3;
    places_reset();
    Crowd crowd = {0};
    crowd_start(&crowd, "together", 60);
    crowd_wait(c, &crowd);
    CHECK_INT(atomic_load(&crowd.good), 60);
    CHECK_INT(asked(&first), 60);
    CHECK_INT(atomic_load(&first.most), 3);
    CHECK_INT(ai_figures(0, AI_CHAT).under_way, 0);
}

/* -- What is not set ---------------------------------------------------------------------------------- */

AI(what_is_missing_is_named) {
    ChatRequest r = chat_of("anyone?");
    ChatAnswer a;
    r.provider = S("nobody");
    Err *err = chat(c, &r, &a);
    REQUIRE(err && err->kind == ERR_NOT_CONFIGURED);
    CHECK(str_find(err->detail, S("nobody")) >= 0);
    ai_settings.transcribe_provider = S("");
    Transcript t;
    err = transcribe(c, &(TranscribeRequest){.audio = S("x"), .mime = S("audio/ogg")}, &t);
    REQUIRE(err && err->kind == ERR_NOT_CONFIGURED);
    CHECK(str_find(err->detail, S("AI_TRANSCRIBE_PROVIDER")) >= 0);
    CHECK(str_find(transcribe_lacks(c->arena), S("AI_TRANSCRIBE_PROVIDER")) >= 0);
    ai_settings.transcribe_provider = S("first");
    CHECK(str_is_null(transcribe_lacks(c->arena)));
    ai_settings.transcribe_provider = S("second");
    CHECK(!str_is_null(transcribe_lacks(c->arena)));
}

AI(a_request_that_contradicts_itself_reaches_nobody) {
    ChatAnswer a;
    ChatRequest good_one = chat_of("hello");
    ChatRequest r = good_one;
    r.message_count = 0;
    FAILS(chat(c, &r, &a), INVALID);
    r = good_one;
    r.schema.text = S("[]");
    FAILS(chat(c, &r, &a), INVALID);
    r = good_one;
    r.tool_choice = S("lookup");
    FAILS(chat(c, &r, &a), INVALID);
    r = good_one;
    r.temperature = (OptFloat){3, true};
    FAILS(chat(c, &r, &a), INVALID);
    r = good_one;
    r.payer = (AiPayer){S("tenant:7"), S("")};
    FAILS(chat(c, &r, &a), INVALID);
    ChatMessage last = {CHAT_ASSISTANT, good_one.messages[0].parts, 1};
    r = good_one;
    r.messages = &last;
    FAILS(chat(c, &r, &a), INVALID);
    CHECK_INT(asked(&first), 0);
}

/* -- JSON --------------------------------------------------------------------------------------------- */

static const char yes_schema[] =
    "{\"type\":\"object\",\"properties\":{\"yes\":{\"type\":\"boolean\"}},"
    "\"required\":[\"yes\"]}";

AI(json_is_read_and_asked_for_again) {
    SCRIPT(&first, {.text = "I would say yes."}, {.text = "Here:\n```json\n{\"yes\": true}\n```"});
    ChatRequest r = chat_of("json");
    ChatAnswer a;
    r.schema.text = str_c(yes_schema);
    policy_tuning.failures = 1;
    MUST(chat(c, &r, &a));
    CHECK_INT(asked(&first), 2);
    CHECK(json_is_true(json_object_get(a.json, "yes")));
    CHECK_INT(circuit_state(0, AI_CHAT), CIRCUIT_CLOSED);
}

AI(what_is_not_the_json_asked_for_is_a_bad_answer) {
    SCRIPT(&first, {.text = "{\"yes\": \"perhaps\", \"secret-word\": 1}"});
    ChatRequest r = chat_of("json");
    ChatAnswer a;
    r.schema.text = str_c(yes_schema);
    Err *err = chat(c, &r, &a);
    REQUIRE(err && err->kind == ERR_UPSTREAM);
    CHECK_STR(err->code, S("ai_bad_answer"));
    CHECK(str_find(err->detail, S("yes")) >= 0);
    CHECK(str_find(err->detail, S("perhaps")) < 0);
    CHECK_INT(asked(&first), 3);
}

AI(a_refusal_is_an_answer_without_json) {
    SCRIPT(&first, {.text = "No.", .end = CHAT_REFUSED});
    ChatRequest r = chat_of("json");
    ChatAnswer a;
    r.schema.text = str_c(yes_schema);
    MUST(chat(c, &r, &a));
    CHECK_INT(a.end, CHAT_REFUSED);
    CHECK(a.json == NULL);
}

/* -- Payers --------------------------------------------------------------------------------------------- */

static int64_t ledger_sum(Ctx *c, const char *unit) {
    int64_t sum = -1;
    GOOD(db_int(
        c, SQL("SELECT coalesce(sum(amount), 0) FROM ledger_lines WHERE owner = $1 AND unit = $2"),
        ARGS(V(S("tenant:7")), V(str_c(unit))), &sum));
    return sum;
}

AI(a_key_pays_once) {
    SCRIPT(&first, {.tokens = 1000});
    REQUIRE(str_is_null(prices_set(c->arena, S("{\"model-1\": {\"in\": 2, \"out\": 3.5}}"))));
    ChatRequest r = chat_of("expensive");
    ChatAnswer a;
    r.payer = (AiPayer){S("tenant:7"), S("turn:42")};
    for (int i = 0; i < 3; i++) MUST(chat(c, &r, &a));
    CHECK_INT(a.usage.cost_micros, 5500);
    CHECK(a.usage.priced && !a.usage.estimated);
    CHECK_INT(ledger_sum(c, "ai_tokens"), 2000);
    CHECK_INT(ledger_sum(c, "ai_money_micros"), 5500);
    r.payer.key = S("turn:43");
    MUST(chat(c, &r, &a));
    CHECK_INT(ledger_sum(c, "ai_tokens"), 4000);
    REQUIRE(str_is_null(prices_set(c->arena, S(""))));
    MUST(chat(c, &r, &a));
    CHECK(!a.usage.priced);
    CHECK_INT(a.usage.cost_micros, 0);
}

AI(what_failed_costs_its_payer_nothing) {
    SCRIPT(&first, {.fails = ERR_UPSTREAM, .tokens = 1000});
    ChatRequest r = chat_of("in vain");
    ChatAnswer a;
    r.payer = (AiPayer){S("tenant:7"), S("turn:42")};
    FAILS(chat(c, &r, &a), UPSTREAM);
    CHECK_INT(ledger_sum(c, "ai_tokens"), 0);
}

AI(counts_that_were_not_told_are_estimated) {
    SCRIPT(&first, {.text = "An answer of about eight tokens, I think."});
    ChatAnswer a;
    MUST(ask(c, &a));
    CHECK(a.usage.estimated);
    CHECK(a.usage.tokens_in >= 2 && a.usage.tokens_in <= 4);
    CHECK(a.usage.tokens_out >= 7 && a.usage.tokens_out <= 14);
}

T_MAIN(BOTH_ROWS(what_may_pass_is_tried_again), BOTH_ROWS(no_more_tries_than_are_set),
       BOTH_ROWS(what_will_not_pass_is_not_tried_again),
       BOTH_ROWS(a_pause_is_no_shorter_than_the_provider_asks),
       BOTH_ROWS(a_pause_that_does_not_fit_is_not_begun),
       BOTH_ROWS(pauses_are_jittered_and_grow_to_a_limit),
       BOTH_ROWS(the_whole_call_has_one_limit_in_time), BOTH_ROWS(the_callers_own_limit_is_obeyed),
       BOTH_ROWS(nothing_is_asked_again_once_a_piece_was_told),
       BOTH_ROWS(before_the_first_piece_it_is_tried_again),
       BOTH_ROWS(the_readers_error_ends_the_call_and_is_not_the_providers),
       BOTH_ROWS(a_circuit_opens_lets_one_through_and_closes),
       BOTH_ROWS(only_one_call_probes_at_a_time),
       BOTH_ROWS(a_circuit_that_opens_between_two_tries_hides_no_answer),
       BOTH_ROWS(a_share_of_failures_opens_a_circuit_too),
       BOTH_ROWS(failures_long_ago_do_not_count),
       BOTH_ROWS(what_says_nothing_about_the_provider_opens_nothing),
       BOTH_ROWS(a_time_out_of_a_hasty_caller_opens_nothing),
       BOTH_ROWS(a_second_provider_answers_when_the_first_is_away),
       BOTH_ROWS(a_second_provider_is_asked_where_it_may_do_better_only),
       BOTH_ROWS(a_first_provider_that_hangs_leaves_time_for_the_second),
       BOTH_ROWS(both_away_says_so_of_both), BOTH_ROWS(no_more_calls_than_places_are_under_way),
       BOTH_ROWS(what_is_missing_is_named),
       BOTH_ROWS(a_request_that_contradicts_itself_reaches_nobody),
       BOTH_ROWS(json_is_read_and_asked_for_again),
       BOTH_ROWS(what_is_not_the_json_asked_for_is_a_bad_answer),
       BOTH_ROWS(a_refusal_is_an_answer_without_json), BOTH_ROWS(a_key_pays_once),
       BOTH_ROWS(what_failed_costs_its_payer_nothing),
       BOTH_ROWS(counts_that_were_not_told_are_estimated))
