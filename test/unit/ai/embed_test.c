/* SPDX-License-Identifier: Apache-2.0
 * embed(): batches, what is known, what is no vector; with a fake provider and with local. */
#include "ai_world.h"

static int asked(void) { return atomic_load(&first.asked); }

static Err *embed_all(Ctx *c, const Str *texts, ptrdiff_t count, float **vectors, AiUsage *usage) {
    return embed(c, EMBED_DOCUMENT, texts, count, (AiPayer){{0}, {0}}, vectors, usage);
}

static double length_of(const float *v) {
    double sum = 0;
    for (int i = 0; i < embed_dimensions(); i++) sum += (double)v[i] * (double)v[i];
    return sum;
}

static bool near(double a, double b) { return a - b < 1e-6 && b - a < 1e-6; }

AI(texts_are_sent_in_batches_and_come_back_in_order) {
    SCRIPT(&first, {.tokens = 2, .takes_ms = 20});
    Str texts[30];
    float *v;
    AiUsage usage;
    for (int i = 0; i < 30; i++) {
        char *text = arena_bytes(c->arena, i + 1);
        memset(text, 'a', (size_t)i + 1);
        texts[i] = str_of(text, i + 1);
    }
    MUST(embed_all(c, texts, 30, &v, &usage));
    CHECK_INT(asked(), 8); /* of 4 */
    CHECK(atomic_load(&first.most) > 1 && atomic_load(&first.most) <= 4);
    CHECK_INT(usage.tokens_in, 60);
    for (int i = 0; i < 30; i++) {
        CHECK(near(length_of(v + 16 * i), 1));
        double first_place = (double)v[16 * i] / (double)v[16 * i + 1]; /* as the fake has it */
        CHECK(first_place > i + 0.999 && first_place < i + 1.001);
    }
    CHECK_STR(embed_model(c->arena), S("first/model-1/16"));
}

AI(what_is_known_is_not_sent_again) {
    SCRIPT(&first, {.tokens = 2});
    Str texts[] = {S("one"), S("two and more"), S("one"), S(""), S(" ?! "), S("three")};
    float *v, *again;
    AiUsage usage;
    MUST(embed_all(c, texts, COUNT(texts), &v, &usage));
    CHECK_INT(asked(), 1); /* three different texts */
    CHECK_INT(usage.tokens_in, 6);
    CHECK(memcmp(v, v + 2 * 16, 16 * sizeof *v) == 0);
    CHECK(near(length_of(v + 3 * 16), 0) && near(length_of(v + 4 * 16), 0));
    MUST(embed_all(c, texts, COUNT(texts), &again, &usage));
    CHECK_INT(asked(), 1);
    CHECK_INT(usage.tokens_in, 0);
    CHECK(memcmp(v, again, sizeof *v * 16 * COUNT(texts)) == 0);
    MUST(embed_all(c, texts + 5, 1, &again, &usage)); /* one alone */
    CHECK_INT(asked(), 1);
    CHECK(memcmp(v + 5 * 16, again, sizeof *v * 16) == 0);
    CHECK_INT(ai_figures(0, AI_EMBED).kept, 4);
    MUST(embed(c, EMBED_QUERY, texts + 5, 1, (AiPayer){{0}, {0}}, &again, &usage));
    CHECK_INT(asked(), 2); /* for another purpose */
    ai_settings.embed_dimensions = 32;
    MUST(embed_all(c, texts + 5, 1, &again, &usage));
    CHECK_INT(asked(), 3);
}

AI(nothing_is_asked_for_nothing) {
    Str texts[] = {S(""), S("\n")};
    float *v;
    AiUsage usage;
    MUST(embed_all(c, texts, 2, &v, &usage));
    MUST(embed_all(c, texts, 0, &v, &usage));
    CHECK_INT(asked(), 0);
}

AI(all_or_nothing_but_what_came_is_kept) {
    SCRIPT(&first, {.tokens = 1}, {.fails = ERR_INVALID, .code = "ai_refused_request"},
           {.tokens = 1});
    policy_tuning.sleep = pause_noted;
    Str texts[8];
    for (int i = 0; i < 8; i++) texts[i] = strf(c->arena, "text number %d", i);
    float *v;
    AiUsage usage;
    FAILS(embed_all(c, texts, 8, &v, &usage), INVALID);
    CHECK_INT(asked(), 2);
    MUST(embed_all(c, texts, 8, &v, &usage));
    CHECK_INT(asked(), 3); /* the first four were known */
}

AI(what_has_no_direction_is_a_bad_answer) {
    SCRIPT(&first, {.text = "zero"});
    Str texts[] = {S("one"), S("two")};
    float *v;
    AiUsage usage;
    for (int count = 1; count <= 2; count++) {
        Err *err = embed_all(c, texts, count, &v, &usage);
        REQUIRE(err && err->kind == ERR_UPSTREAM);
        CHECK_STR(err->code, S("ai_bad_answer"));
    }
    CHECK_INT(count_rows(c, "SELECT count(*) FROM ai_kept"), 0);
}

AI(the_payer_pays_once_for_all_batches) {
    SCRIPT(&first, {.tokens = 10});
    Str texts[10];
    for (int i = 0; i < 10; i++) texts[i] = strf(c->arena, "text number %d", i);
    float *v;
    AiUsage usage;
    for (int i = 0; i < 2; i++)
        MUST(embed(c, EMBED_DOCUMENT, texts, 10, (AiPayer){S("tenant:1"), S("document:4")}, &v,
                   &usage));
    CHECK_INT(
        count_rows(c,
                   "SELECT coalesce(sum(amount), 0) FROM ledger_lines WHERE owner = 'tenant:1' AND "
                   "unit = 'ai_tokens' AND key = 'document:4'"),
        100);
}

typedef struct Equal {
    atomic_int left, bad;
} Equal;

static void equal_main(Ctx *c, void *arg) {
    Equal *equal = arg;
    Str text = S("the same question");
    float *v;
    AiUsage usage;
    ctx_deadline_within(c, 20000);
    Err *err = embed(c, EMBED_QUERY, &text, 1, (AiPayer){{0}, {0}}, &v, &usage);
    if (err || !near(length_of(v), 1)) atomic_fetch_add(&equal->bad, 1);
    atomic_fetch_sub(&equal->left, 1);
}

AI(equal_questions_at_once_are_asked_once) {
    SCRIPT(&first, {.tokens = 2, .takes_ms = 50});
    Equal equal = {0};
    atomic_store(&equal.left, 400);
    for (int i = 0; i < 400; i++)
        coro_spawn_on(loop_at(i / 2 % loop_count()),
                      (CoroOptions){.name = "asks", .app = i % 2 ? &other_node : &world.app},
                      equal_main, &equal);
    for (int64_t until = mono_us() + 20 * US_PER_SECOND;
         atomic_load(&equal.left) && mono_us() < until;)
        if (sleep_ms(c, 2)) break;
    CHECK_INT(atomic_load(&equal.left), 0);
    CHECK_INT(atomic_load(&equal.bad), 0);
    CHECK_INT(asked(), 1);
}

AI(local_makes_unit_vectors_and_keeps_nothing) {
    ai_settings.embed_provider = S("local");
    ai_settings.embed_dimensions = 768;
    enum { TEXTS = 200 };
    Str texts[TEXTS];
    for (int i = 0; i < TEXTS; i++)
        texts[i] =
            strf(c->arena, "Le règlement %d de l'école dit que la cantine ferme à %d heures.", i,
                 i % 24);
    float *v;
    AiUsage usage;
    MUST(embed_all(c, texts, TEXTS, &v, &usage));
    for (int i = 0; i < TEXTS; i++) CHECK(near(length_of(v + 768 * i), 1));
    CHECK(usage.priced && usage.estimated && usage.cost_micros == 0);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM ai_kept"), 0);
    CHECK_STR(embed_model(c->arena), S("local/local-1/768"));
    Str long_text = {arena_bytes(c->arena, MIB), MIB};
    memset((char *)(uintptr_t)long_text.data, 'x', MIB);
    MUST(embed_all(c, &long_text, 1, &v, &usage));
}

T_MAIN(BOTH_ROWS(texts_are_sent_in_batches_and_come_back_in_order),
       BOTH_ROWS(what_is_known_is_not_sent_again), BOTH_ROWS(nothing_is_asked_for_nothing),
       BOTH_ROWS(all_or_nothing_but_what_came_is_kept),
       BOTH_ROWS(what_has_no_direction_is_a_bad_answer),
       BOTH_ROWS(the_payer_pays_once_for_all_batches),
       BOTH_ROWS(equal_questions_at_once_are_asked_once),
       BOTH_ROWS(local_makes_unit_vectors_and_keeps_nothing))
