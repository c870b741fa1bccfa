/* SPDX-License-Identifier: Apache-2.0
 * Names, languages and feelings of captions. */
#include "products/veyl/lexicon.h"
#include "products/veyl/text.h"
#include "t.h"

static Arena *arena;

static Str joined(StrList list) {
    Str out = S("");
    for (ptrdiff_t i = 0; i < list.count; i++)
        out = strf(arena, "%.*s%s%.*s", S_ARG(out), i ? " " : "", S_ARG(list.items[i]));
    return out;
}

TEST(folds_names_in_every_script) {
    CHECK_STR(name_fold(arena, S("  ##Été "), '#'), S("été"));
    CHECK_STR(name_fold(arena, S("@NASA"), '@'), S("nasa"));
    CHECK_STR(name_fold(arena, S("ΑΘΗΝΑ"), '#'), S("αθηνα"));
    CHECK_STR(name_fold(arena, S("Привет"), '#'), S("привет"));
    CHECK_STR(name_fold(arena, S("#"), '#'), S(""));
    CHECK_STR(name_fold(arena, S(""), '#'), S(""));
}

TEST(finds_hashtags_and_mentions) {
    CHECK_STR(joined(hashtags_of(
                  arena, S("Un #Été à #Paris2024, #paris2024 #l_eau. #123 mail#no # a&#39;b"))),
              S("été paris2024 l_eau"));
    CHECK_STR(joined(hashtags_of(arena, S("#a#b ❤️#coeur"))), S("a b coeur"));
    CHECK_STR(joined(hashtags_of(arena, S("#日本 #привет"))), S("日本 привет"));
    CHECK_STR(joined(mentions_of(arena, S("Merci @Romeo.C et @ana_b. mail me@example.org (@zoe)"))),
              S("romeo.c ana_b zoe"));
    CHECK_INT(hashtags_of(arena, (Str){NULL, 0}).count, 0);
}

TEST(names_are_folded_once_and_bounded) {
    Str names[] = {S_INIT("#Mode"), S_INIT("mode"), S_INIT(" "), S_INIT("MODE "), S_INIT("été")};
    CHECK_STR(joined(names_fold(arena, (StrList){names, 5}, '#')), S("mode été"));
    Str many[300];
    for (int i = 0; i < 300; i++) many[i] = strf(arena, "n%d", i);
    CHECK_INT(names_fold(arena, (StrList){many, 300}, '#').count, 100);
}

TEST(tells_languages_apart) {
    CHECK_STR(language_of(S("Une belle journée avec mes amis à la plage, on a bien mangé")),
              S("fr"));
    CHECK_STR(language_of(S("What a beautiful day with my friends at the beach, we ate well")),
              S("en"));
    CHECK_STR(language_of(S("Hoy es un día muy bonito para estar con los amigos en la playa")),
              S("es"));
    CHECK_STR(language_of(S("Das ist ein schöner Tag mit meinen Freunden und der Familie")),
              S("de"));
    CHECK_STR(language_of(S("Oggi è una bella giornata con gli amici nel parco, grazie a tutti")),
              S("it"));
    CHECK_STR(language_of(S("Hoje foi um dia muito bonito com a minha família, obrigado a todos")),
              S("pt"));
    CHECK_STR(language_of(S("今日はとても良い天気ですね")), S("ja"));
    CHECK_STR(language_of(S("今天天气很好")), S("zh"));
    CHECK_STR(language_of(S("오늘 날씨가 좋아요")), S("ko"));
    CHECK_STR(language_of(S("الصوت الأصلي")), S("ar"));
    CHECK_STR(language_of(S("оригинальный звук")), S("ru"));
}

TEST(says_nothing_about_a_language_it_cannot_tell) {
    CHECK(str_is_null(language_of(S("Paris"))));
    CHECK_STR(language_of(S("#ootd #fashion ❤️❤️❤️ @someone")), ((Str){NULL, 0}));
    CHECK(str_is_null(language_of(S(""))));
    CHECK(str_is_null(language_of((Str){NULL, 0})));
    CHECK(str_is_null(language_of(S("https://the.of.and/for/you/with/the @the.of"))));
}

static double feeling(const char *text, const char *language) {
    OptFloat got = sentiment_of(str_c(text), str_c(language));
    CHECK(got.set);
    return got.value;
}

TEST(feels_french) {
    CHECK(feeling("J'adore cette robe, elle est magnifique !", "fr") > 0.5);
    CHECK(feeling("Service horrible, je suis très déçue", "fr") < -0.5);
    CHECK(feeling("Le train part à huit heures", "fr") == 0);
    CHECK(feeling("c'est bon", "fr") > 0 && feeling("c'est pas bon", "fr") < 0);
    CHECK(feeling("je n'aime pas ce film", "fr") < 0);
    CHECK(feeling("j'aime pas", "fr") < 0);
    CHECK(feeling("très beau", "fr") > feeling("beau", "fr"));
    CHECK(feeling("un peu triste", "fr") > feeling("triste", "fr"));
    CHECK(feeling("très contente", "fr") > 0 && feeling("contents", "fr") > 0);
    CHECK(feeling("pain", "fr") == 0);
}

TEST(feels_english) {
    CHECK(feeling("I love this, absolutely amazing!", "en") > 0.6);
    CHECK(feeling("Worst service ever, I hate it", "en") < -0.6);
    CHECK(feeling("This is not good", "en") < 0);
    CHECK(feeling("I don't like it, it isn't nice", "en") < 0);
    CHECK(feeling("not bad at all", "en") > 0);
    CHECK(feeling("pain", "en") < 0);
    CHECK(feeling("great but broken", "en") < feeling("broken but great", "en"));
}

TEST(feels_emoji_in_any_language) {
    CHECK(feeling("😍❤️", "ja") > 0.5);
    CHECK(feeling("😡", "") < -0.4);
    CHECK(!sentiment_of(S("今日はとても良い"), S("ja")).set);
    CHECK(!sentiment_of(S("  "), S("fr")).set);
    CHECK(!sentiment_of((Str){NULL, 0}, S("fr")).set);
}

TEST(sentiment_is_bounded_and_in_steps) {
    Str shout = S("");
    for (int i = 0; i < 200; i++) shout = strf(arena, "%.*s amazing love!", S_ARG(shout));
    double most = feeling(str_cstr(arena, shout), "en");
    CHECK(most <= 1 && most > 0.99);
    double steps = feeling("quite nice", "en") * 10000;
    CHECK(steps == (double)(int64_t)steps);
    CHECK(feeling("quite nice", "en") == feeling("quite nice", "en"));
}

TEST(takes_any_bytes) {
    static const char hostile[] = "\xff\xfe#\xc3(\xe2\x82 '''' l' l'' @@@@ ####### \xf0\x9f\x98";
    Str text = str_of(hostile, (ptrdiff_t)sizeof hostile - 1);
    hashtags_of(arena, text);
    mentions_of(arena, text);
    language_of(text);
    sentiment_of(text, S("fr"));
    CHECK(true);
}

TEST(lexicons_hold_several_hundred_words) {
    CHECK(lexicon_size(TONGUE_FRENCH) >= 400);
    CHECK(lexicon_size(TONGUE_ENGLISH) >= 400);
}

static int run_all(int argc, char **argv) {
    static const T rows[] = {
        T_ROW(folds_names_in_every_script),
        T_ROW(finds_hashtags_and_mentions),
        T_ROW(names_are_folded_once_and_bounded),
        T_ROW(tells_languages_apart),
        T_ROW(says_nothing_about_a_language_it_cannot_tell),
        T_ROW(feels_french),
        T_ROW(feels_english),
        T_ROW(feels_emoji_in_any_language),
        T_ROW(sentiment_is_bounded_and_in_steps),
        T_ROW(takes_any_bytes),
        T_ROW(lexicons_hold_several_hundred_words),
    };
    return t_main(argc, argv, rows, (int)COUNT(rows));
}

int main(int argc, char **argv) {
    arena = arena_new(8 * MIB);
    int code = run_all(argc, argv);
    arena_free(arena);
    return code;
}
