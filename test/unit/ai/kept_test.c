/* SPDX-License-Identifier: Apache-2.0
 * What models answered is kept and asked for once: the promises of kept.h, by the calls that use it. */
#include "ai/kept_sql.h"
#include "ai_world.h"

static int asked(const Fake *f) { return atomic_load(&f->asked); }

static Err *ask(Ctx *c, const char *text, ChatAnswer *answer) {
    ChatRequest r = chat_of(text);
    r.keep = true;
    return chat(c, &r, answer);
}

static int64_t rows_of(Ctx *c, const char *state) {
    int64_t n = -1;
    GOOD(
        db_int(c, SQL("SELECT count(*) FROM ai_kept WHERE state = $1"), ARGS(V(str_c(state))), &n));
    return n;
}

static int64_t ledger_sum(Ctx *c, const char *owner) {
    int64_t sum = -1;
    GOOD(db_int(c,
                SQL("SELECT coalesce(sum(amount), 0) FROM ledger_lines WHERE owner = $1 AND unit = "
                    "'ai_tokens'"),
                ARGS(V(str_c(owner))), &sum));
    return sum;
}

/* As another node would: nothing in memory yet. */
static void memory_forget(void) {
    cache_free(world.app.cache);
    world.app.cache = cache_new(8 * MIB, NULL);
}

typedef struct Named {
    const char *name, *text;
} Named;

AI(every_statement_is_prepared) {
    static const Named all[] = {
#define X(name, text) {#name, text},
        AI_KEPT(X)
#undef X
    };
    Str others = db_engine(c) == ENGINE_SQLITE ? S("_postgres") : S("_sqlite");
    for (ptrdiff_t i = 0; i < COUNT(all); i++)
        if (!str_ends(str_c(all[i].name), others))
            t_check(GOOD(db_check(c, SQL(all[i].text))), all[i].name, __FILE__, __LINE__);
}

/* -- Once --------------------------------------------------------------------------------------- */

AI(a_thousand_equal_calls_ask_once) {
    SCRIPT(&first, {.takes_ms = 100, .tokens = 5});
    Crowd crowd = {.request = {.keep = true}};
    crowd_start(&crowd, "the same", 1000);
    crowd_wait(c, &crowd);
    CHECK_INT(atomic_load(&crowd.good), 1000);
    CHECK_INT(atomic_load(&crowd.kept), 999);
    CHECK_INT(asked(&first), 1);
    CHECK_INT(ai_figures(0, AI_CHAT).kept, 999);
    CHECK_INT(rows_of(c, "kept"), 1);
}

AI(two_nodes_ask_once) {
    SCRIPT(&first, {.takes_ms = 200, .tokens = 5});
    Crowd crowd = {.request = {.keep = true}, .apps = {&world.app, &other_node}};
    crowd_start(&crowd, "the same on both", 500);
    crowd_wait(c, &crowd);
    CHECK_INT(atomic_load(&crowd.good), 500);
    CHECK_INT(asked(&first), 1);
    CHECK_INT(rows_of(c, "kept"), 1);
    CHECK_INT(rows_of(c, "busy"), 0);
}

AI(an_equal_call_later_is_given_the_same) {
    SCRIPT(&first, {.text = "once", .tokens = 5}, {.text = "twice"});
    ChatAnswer a;
    for (int i = 0; i < 3; i++) {
        if (i == 2) memory_forget();
        MUST(ask(c, "again?", &a));
        CHECK_STR(a.text, S("once"));
        CHECK(a.origin.kept == (i > 0));
        CHECK_INT(a.origin.tries, i == 0);
        CHECK_STR(a.origin.provider, S("first"));
        CHECK_INT(a.usage.tokens_in, i == 0 ? 5 : 0);
    }
    MUST(ask(c, "something else", &a));
    CHECK_STR(a.text, S("twice"));
    CHECK_INT(asked(&first), 2);
}

AI(whatever_the_answer_hangs_on_is_in_the_key) {
    ChatRequest base = chat_of("the same"), r;
    ChatSource source = {S("title"), S("text")}, other = {S("titlet"), S("ext")};
    ChatAnswer a;
    base.keep = true;
    MUST(chat(c, &base, &a));
    for (int i = 0; i < 6; i++) {
        r = base;
        if (i == 0) r.system = S("Be brief.");
        if (i == 1) r.temperature = (OptFloat){0, true};
        if (i == 2) r.max_tokens = 7;
        if (i == 3) r.model = S("model-2");
        if (i >= 4) r.sources = i == 4 ? &source : &other, r.source_count = 1;
        MUST(chat(c, &r, &a));
        CHECK(!a.origin.kept);
    }
    CHECK_INT(asked(&first), 7);
    base.payer = (AiPayer){S("tenant:9"), S("turn:1")}; /* who asks is not in it */
    MUST(chat(c, &base, &a));
    CHECK(a.origin.kept);
    CHECK_INT(ledger_sum(c, "tenant:9"), 0);
}

AI(who_did_not_ask_for_it_is_given_nothing_kept) {
    ChatAnswer a;
    ChatRequest r = chat_of("fresh");
    for (int i = 0; i < 2; i++) MUST(chat(c, &r, &a));
    CHECK_INT(asked(&first), 2);
    CHECK_INT(rows_of(c, "kept"), 0);
    ai_settings.keep_days = 0;
    for (int i = 0; i < 2; i++) MUST(ask(c, "fresh", &a));
    CHECK_INT(asked(&first), 4);
    CHECK_INT(rows_of(c, "kept"), 0);
}

AI(errors_and_answers_of_the_second_provider_are_not_kept) {
    SCRIPT(&first, {.fails = ERR_INVALID, .code = "ai_refused_request"},
           {.fails = ERR_INVALID, .code = "ai_unknown_model"}, {.text = "at last"});
    ChatAnswer a;
    FAILS(ask(c, "q", &a), INVALID);
    CHECK_INT(rows_of(c, "busy") + rows_of(c, "kept"), 0);
    ai_settings.chat_fallback = S("second");
    MUST(ask(c, "q", &a));
    CHECK(a.origin.fallback);
    CHECK_INT(rows_of(c, "busy") + rows_of(c, "kept"), 0);
    MUST(ask(c, "q", &a));
    CHECK_STR(a.text, S("at last"));
    CHECK(!a.origin.kept);
}

/* -- Holders ------------------------------------------------------------------------------------ */

static Time held_until;
static void key_plant(Ctx *c, int64_t until_ms) {
    ChatAnswer a;
    MUST(ask(c, "held", &a));
    held_until = time_add(time_now(), until_ms * US_PER_MS);
    GOOD(db_exec(
        c, SQL("UPDATE ai_kept SET state = 'busy', value = NULL, holder = 'the dead', until = $1"),
        ARGS(V(held_until)), NULL));
    memory_forget();
}

AI(a_holder_that_died_is_taken_over) {
    key_plant(c, 300);
    ChatAnswer a;
    MUST(ask(c, "held", &a));
    CHECK(time_now().us >= held_until.us);
    CHECK_INT(asked(&first), 2);
    CHECK(!a.origin.kept);
    CHECK_INT(rows_of(c, "kept"), 1);
}

AI(who_waits_for_a_holder_obeys_his_own_limit) {
    key_plant(c, 60000);
    ChatRequest r = chat_of("held");
    ChatAnswer a;
    r.keep = true;
    r.timeout_ms = 80;
    FAILS(chat(c, &r, &a), TIMEOUT);
    CHECK_INT(asked(&first), 1);
}

AI(a_holder_that_lives_is_not_taken_over) {
    SCRIPT(&first, {.takes_ms = 4000, .tokens = 5});
    policy_tuning.lease_ms = 2500;
    Crowd crowd = {.request = {.keep = true}, .apps = {&world.app, &other_node}};
    crowd_start(&crowd, "slow", 20);
    crowd_wait(c, &crowd);
    CHECK_INT(atomic_load(&crowd.good), 20);
    CHECK_INT(asked(&first), 1);
}

typedef struct One {
    atomic_int done;
    Err *(*on_text)(Ctx *c, Str piece, void *arg);
    int64_t timeout_ms;
    atomic_int kind; /* of its error; -1: good */
} One;

static void one_main(Ctx *c, void *arg) {
    One *one = arg;
    ChatAnswer a;
    ChatRequest r = chat_of("together");
    r.keep = true;
    r.on_text = one->on_text;
    r.timeout_ms = one->timeout_ms;
    Err *err = chat(c, &r, &a);
    atomic_store(&one->kind, err ? (int)err->kind : -1);
    atomic_store(&one->done, 1);
}

static Err *gone(Ctx *c, Str piece, void *arg) {
    (void)piece, (void)arg;
    FAIL(c, GONE, "the reader went away");
}

/* The first to ask ends without an answer, and the other, who waited for him, asks himself. */
static void leave_one(Ctx *c, One *leaver, ErrKind kind) {
    One other = {.timeout_ms = 20000};
    coro_spawn((CoroOptions){.name = "leaves", .app = &world.app}, one_main, leaver);
    REQUIRE(reaches(c, &first.asked, 1));
    coro_spawn((CoroOptions){.name = "stays", .app = &world.app}, one_main, &other);
    REQUIRE(reaches(c, &leaver->done, 1));
    REQUIRE(reaches(c, &other.done, 1));
    CHECK_INT(atomic_load(&leaver->kind), kind);
    CHECK_INT(atomic_load(&other.kind), -1);
    CHECK_INT(asked(&first), 2);
    CHECK_INT(rows_of(c, "kept"), 1);
}

AI(a_reader_that_goes_away_takes_nobody_with_him) {
    SCRIPT(&first, {.takes_ms = 50, .piece = "Bon"}, {.text = "good"});
    leave_one(c, &(One){.on_text = gone, .timeout_ms = 20000}, ERR_GONE);
}

AI(a_call_that_runs_out_of_time_takes_nobody_with_it) {
    SCRIPT(&first, {.takes_ms = 60000}, {.text = "good"});
    leave_one(c, &(One){.timeout_ms = 1000}, ERR_TIMEOUT);
}

/* -- What is given again ------------------------------------------------------------------------- */

static char heard[64];
static Err *hear(Ctx *c, Str piece, void *arg) {
    (void)c, (void)arg;
    snprintf(heard, sizeof heard, "%.*s", S_ARG(piece));
    return NULL;
}

AI(a_kept_answer_is_whole) {
    SCRIPT(&first, {.text = "{\"n\": 7}", .tokens = 5});
    ChatRequest r = chat_of("json");
    ChatAnswer a;
    r.keep = true;
    r.schema.text = S(
        "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}");
    r.on_text = hear;
    MUST(chat(c, &r, &a));
    heard[0] = 0;
    MUST(chat(c, &r, &a));
    CHECK(a.origin.kept);
    CHECK_STR(str_c(heard), S("{\"n\": 7}"));
    CHECK_INT(json_integer_value(json_object_get(a.json, "n")), 7);
}

AI(its_payer_is_charged_once_and_in_one_transaction_with_it) {
    SCRIPT(&first, {.tokens = 50});
    ChatRequest r = chat_of("paid");
    ChatAnswer a;
    r.keep = true;
    r.payer = (AiPayer){S("tenant:1"), S("turn:1")};
    for (int i = 0; i < 2; i++) MUST(chat(c, &r, &a));
    CHECK_INT(ledger_sum(c, "tenant:1"), 100);
    r.payer = (AiPayer){S("tenant:2"), S("turn:9")};
    MUST(chat(c, &r, &a));
    CHECK_INT(ledger_sum(c, "tenant:2"), 0);
    /* The ledger refuses: then nothing is kept either. */
    GOOD(db_exec(c, SQL("ALTER TABLE ledger_lines RENAME TO ledger_gone"), NO_ARGS, NULL));
    ChatRequest next = chat_of("paid too");
    next.keep = true;
    next.payer = (AiPayer){S("tenant:1"), S("turn:2")};
    CHECK(chat(c, &next, &a) != NULL);
    GOOD(db_exec(c, SQL("ALTER TABLE ledger_gone RENAME TO ledger_lines"), NO_ARGS, NULL));
    CHECK_INT(rows_of(c, "kept"), 1);
}

AI(recordings_and_pictures_are_kept) {
    SCRIPT(&first, {.text = "bonjour"});
    TranscribeRequest t = {.audio = S("OggS…"), .mime = S("audio/ogg")};
    Transcript heard_one;
    for (int i = 0; i < 2; i++) {
        MUST(transcribe(c, &t, &heard_one));
        CHECK_STR(heard_one.text, S("bonjour"));
        CHECK_STR(heard_one.language, S("fr"));
        CHECK(heard_one.confidence.set && heard_one.confidence.value == 0.75);
        CHECK(heard_one.origin.kept == (i == 1));
        memory_forget();
    }
    t.language = S("en"); /* another answer is possible */
    MUST(transcribe(c, &t, &heard_one));
    CHECK_INT(asked(&first), 2);

    SCRIPT(&first, {0});
    Image image;
    for (int i = 0; i < 2; i++) {
        MUST(image_make(c, &(ImageRequest){.prompt = S("a school")}, &image));
        CHECK_STR(image.mime, S("image/png"));
        CHECK_STR(image.bytes, S("\x89PNG\r\n\x1a\n and so on"));
        CHECK(image.origin.kept == (i == 1));
    }
    CHECK_INT(asked(&first), 1);
    SCRIPT(&first, {.text = "<html>no picture</html>"});
    Err *err = image_make(c, &(ImageRequest){.prompt = S("a shop")}, &image);
    REQUIRE(err && err->kind == ERR_UPSTREAM);
    CHECK_STR(err->code, S("ai_bad_answer"));
}

AI(what_cannot_be_heard_is_refused_first) {
    Transcript t;
    Str large = {arena_bytes(c->arena, 25 * MIB + 1), 25 * MIB + 1};
    FAILS(transcribe(c, &(TranscribeRequest){.audio = large, .mime = S("audio/ogg")}, &t),
          TOO_LARGE);
    FAILS(transcribe(c, &(TranscribeRequest){.audio = S(""), .mime = S("audio/ogg")}, &t), INVALID);
    FAILS(transcribe(c, &(TranscribeRequest){.audio = S("x")}, &t), INVALID);
    CHECK_INT(asked(&first), 0);
}

/* -- Purging --------------------------------------------------------------------------------------- */

AI(what_is_old_or_too_much_goes) {
    static const char *const texts[] = {"one", "two", "three", "four", "five"};
    ChatAnswer a;
    int64_t gone_rows;
    for (int i = 0; i < COUNT(texts); i++) MUST(ask(c, texts[i], &a));
    Time now = time_now();
    GOOD(db_exec(c,
                 SQL("UPDATE ai_kept SET used_at = $1 WHERE key = (SELECT min(key) FROM ai_kept)"),
                 ARGS(V(time_add(now, -31 * US_PER_DAY))), NULL));
    MUST(kept_purge(c, &gone_rows));
    CHECK_INT(gone_rows, 1);
    ai_settings.kept_rows = 3;
    GOOD(db_exec(c,
                 SQL("UPDATE ai_kept SET used_at = $1 WHERE key = (SELECT max(key) FROM ai_kept)"),
                 ARGS(V(time_add(now, -US_PER_DAY))), NULL));
    MUST(kept_purge(c, &gone_rows));
    CHECK_INT(gone_rows, 1);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM ai_kept"), 3);
    Time since = time_add(now, -US_PER_HOUR); /* it was the one unused for longest that went */
    int64_t left_old = -1;
    GOOD(db_int(c, SQL("SELECT count(*) FROM ai_kept WHERE used_at < $1"), ARGS(V(since)),
                &left_old));
    CHECK_INT(left_old, 0);
    ai_settings.kept_bytes = 0;
    MUST(kept_purge(c, &gone_rows));
    CHECK_INT(count_rows(c, "SELECT count(*) FROM ai_kept"), 0);
    GOOD(db_exec(c,
                 SQL("INSERT INTO ai_kept (key, kind, state, holder, until, created_at, used_at) "
                     "VALUES ('k', 'chat', 'busy', 'h', $1, $1, $1), ('l', 'chat', 'busy', 'h', "
                     "$2, $1, $1)"),
                 ARGS(V(time_add(now, -2 * US_PER_HOUR)), V(time_add(now, US_PER_MINUTE))), NULL));
    MUST(kept_purge(c, &gone_rows));
    CHECK_INT(gone_rows, 1); /* who holds now is let be */
}

T_MAIN(BOTH_ROWS(every_statement_is_prepared), BOTH_ROWS(a_thousand_equal_calls_ask_once),
       BOTH_ROWS(two_nodes_ask_once), BOTH_ROWS(an_equal_call_later_is_given_the_same),
       BOTH_ROWS(whatever_the_answer_hangs_on_is_in_the_key),
       BOTH_ROWS(who_did_not_ask_for_it_is_given_nothing_kept),
       BOTH_ROWS(errors_and_answers_of_the_second_provider_are_not_kept),
       BOTH_ROWS(a_holder_that_died_is_taken_over),
       BOTH_ROWS(who_waits_for_a_holder_obeys_his_own_limit),
       BOTH_ROWS(a_holder_that_lives_is_not_taken_over),
       BOTH_ROWS(a_reader_that_goes_away_takes_nobody_with_him),
       BOTH_ROWS(a_call_that_runs_out_of_time_takes_nobody_with_it),
       BOTH_ROWS(a_kept_answer_is_whole),
       BOTH_ROWS(its_payer_is_charged_once_and_in_one_transaction_with_it),
       BOTH_ROWS(recordings_and_pictures_are_kept),
       BOTH_ROWS(what_cannot_be_heard_is_refused_first), BOTH_ROWS(what_is_old_or_too_much_goes))
