/* SPDX-License-Identifier: Apache-2.0
 * Tokens are counted about as the two vocabularies most used do: the figures here are what o200k_base
 * and cl100k_base (OpenAI's, as gpt-tokenizer 4.0.0 has them) counted for these texts. And prices. */
#include "ai/policy.h"
#include "t.h"

typedef struct Counted {
    const char *text;
    int64_t o200k, cl100k;
} Counted;
static const Counted counted[] = {
    {"The canteen is open from noon to two o'clock. A meal costs 3.40 euros, and the menu is put "
     "up on Monday morning.",
     31, 32},
    {"La cantine est ouverte de midi à quatorze heures. Un repas coûte 3,40 euros et le menu est "
     "affiché le lundi matin.",
     31, 38},
    {"L'autorité parentale appartient aux parents jusqu'à la majorité de l'enfant ; ils "
     "l'associent aux décisions qui le concernent, selon son âge.",
     32, 38},
    {"Please remember to bring your child's vaccination certificate, the enrolment form and proof "
     "of address when you come to the office.",
     24, 25},
    {"Bonjour, est-ce que l'école est ouverte demain ?", 11, 14},
    {"Hi! When do you open?", 7, 7},
    {"- Rentrée : 1er septembre 2026\n- Toussaint : du 17 octobre au 2 novembre\n- Noël : du 19 "
     "décembre au 4 janvier\n",
     38, 42},
    {"Le remboursement intervient sous 14 jours (article L. 221-24 du code de la consommation), "
     "hors frais de livraison.",
     26, 33},
    {"const total = items.reduce((sum, item) => sum + item.price * item.count, 0);", 22, 22},
    {"internationalization anticonstitutionnellement", 6, 7},
};

TEST(counts_are_never_under_half_nor_over_twice_what_tokenizers_count) {
    int64_t sum = 0, sum_o200k = 0, sum_cl100k = 0;
    for (int i = 0; i < COUNT(counted); i++) {
        int64_t n = ai_tokens(str_c(counted[i].text));
        CHECK(n * 2 >= counted[i].cl100k && n * 2 >= counted[i].o200k);
        CHECK(n <= counted[i].o200k * 2 && n <= counted[i].cl100k * 2);
        sum += n;
        sum_o200k += counted[i].o200k;
        sum_cl100k += counted[i].cl100k;
    }
    CHECK(sum * 100 >= sum_cl100k * 85); /* and over many texts much closer */
    CHECK(sum * 100 <= sum_o200k * 115);
    CHECK_INT(ai_tokens(S("")), 0);
    CHECK_INT(ai_tokens((Str){0}), 0);
    CHECK(ai_tokens(S("\xff\xfe\xfd")) > 0);
}

TEST(a_text_is_cut_where_a_sentence_or_a_word_ends) {
    Str text = S("One sentence is here. Another one follows it, and it is longer.");
    CHECK_STR(ai_tokens_cut(text, 8), S("One sentence is here."));
    CHECK_STR(ai_tokens_cut(text, 3), S("One sentence"));
    CHECK_STR(ai_tokens_cut(text, 1000), text);
    CHECK_STR(ai_tokens_cut(text, 0), S(""));
    CHECK_STR(ai_tokens_cut(text, -4), S(""));
    for (int64_t n = 1; n < 20; n++) CHECK(ai_tokens(ai_tokens_cut(text, n)) <= n);
    char many[4000];
    memset(many, 'a', sizeof many);
    Str cut = ai_tokens_cut(str_of(many, sizeof many), 10); /* one word without an end */
    CHECK(cut.len > 0 && cut.len <= 60);
    Str accents = S("éééééééééééééééééééééééééééééééé");
    CHECK(str_utf8_valid(ai_tokens_cut(accents, 2)));
}

static AiUsage used(int64_t in, int64_t out, int64_t cached) {
    return (AiUsage){.tokens_in = in, .tokens_out = out, .tokens_cached = cached};
}

TEST(known_models_have_a_price_and_others_none) {
    AiUsage u = used(1000, 100, 0);
    usage_price("openai", S("gpt-4o-mini"), &u);
    CHECK(u.priced);
    CHECK_INT(u.cost_micros, 210); /* 1000 × 0.15 + 100 × 0.6 */
    usage_price("openai", S("gpt-4o-mini-2024-07-18"), &u);
    CHECK_INT(u.cost_micros, 210);
    u = used(1000, 0, 400);
    usage_price("openai", S("gpt-4o-mini"), &u);
    CHECK_INT(u.cost_micros, 120); /* 600 × 0.15 + 400 × 0.075 */
    static const char *const unknown[] = {"gpt-4o-mini-audio", "gpt-4o-mini-x-2024", "gpt-5o", ""};
    for (int i = 0; i < COUNT(unknown); i++) {
        u = used(1000, 100, 0);
        usage_price("openai", str_c(unknown[i]), &u);
        CHECK(!u.priced);
        CHECK_INT(u.cost_micros, 0);
    }
    u = used(1, 0, 0);
    usage_price("openai", S("gpt-4o-mini"), &u);
    CHECK_INT(u.cost_micros, 1); /* up: nothing that costs is free */
    usage_price("local", S("local"), &u);
    CHECK(u.priced);
    CHECK_INT(u.cost_micros, 0);
}

TEST(prices_of_the_operator_come_first) {
    Arena *arena = arena_new(MIB);
    CHECK(str_is_null(prices_set(
        arena, S("{\"gpt-4o-mini\": {\"in\": 1, \"out\": 2}, \"ear\": {\"minute\": 0.006}, "
                 "\"brush\": {\"image\": 0.04}, \"film\": {\"second\": 0.4}}"))));
    AiUsage u = used(10, 10, 0);
    usage_price("openai", S("gpt-4o-mini"), &u);
    CHECK_INT(u.cost_micros, 30);
    u = (AiUsage){.millis_audio = 30000};
    usage_price("openai", S("ear"), &u);
    CHECK_INT(u.cost_micros, 3000);
    u = (AiUsage){.images = 2};
    usage_price("openai", S("brush"), &u);
    CHECK_INT(u.cost_micros, 80000);
    u = (AiUsage){.millis_video = 6000};
    usage_price("gemini", S("film"), &u);
    CHECK_INT(u.cost_micros, 2400000);
    static const char *const wrong[] = {"[]",
                                        "{",
                                        "{\"m\": 1}",
                                        "{\"m\": {\"in\": -1}}",
                                        "{\"m\": {\"in\": \"x\"}}",
                                        "{\"m\": {\"inn\": 1}}",
                                        "1"};
    for (int i = 0; i < COUNT(wrong); i++) CHECK(!str_is_null(prices_set(arena, str_c(wrong[i]))));
    CHECK(str_is_null(prices_set(arena, S(""))));
    u = used(1000, 100, 0);
    usage_price("openai", S("gpt-4o-mini"), &u);
    CHECK_INT(u.cost_micros, 210);
    arena_free(arena);
}

T_MAIN(T_ROW(counts_are_never_under_half_nor_over_twice_what_tokenizers_count),
       T_ROW(a_text_is_cut_where_a_sentence_or_a_word_ends),
       T_ROW(known_models_have_a_price_and_others_none), T_ROW(prices_of_the_operator_come_first))
