/* SPDX-License-Identifier: Apache-2.0 */
#include "search/language.h"

#include "t.h"

TEST(tells_languages_of_short_texts) {
    static const struct {
        const char *text, *code;
    } rows[] = {
        {"Bonjour, quand êtes-vous ouverts ?", "fr"},
        {"Je suis allée à la mer", "fr"},
        {"When do you open?", "en"},
        {"Went to the sea with my father.", "en"},
        {"المكتبة مفتوحة من الساعة التاسعة", "ar"},
        {"今天我们去了海边。", "zh"},
        {"今日は海に行きました。", "ja"},
        {"Сегодня мы были у моря", "ru"},
        {"오늘 바다에 갔다", "ko"},
        {"Le mot chinois 海 veut dire la mer, et il est beau", "fr"},
        {"ok", NULL},
        {"12", NULL},
        {"🎉", NULL},
        {"", NULL},
    };
    Arena *arena = arena_new(MIB);
    for (int i = 0; i < COUNT(rows); i++) {
        Str found = text_language(arena, str_c(rows[i].text));
        if (!t_check_str(found, str_c(rows[i].code), rows[i].text, __FILE__, __LINE__)) break;
    }
    arena_free(arena);
}

TEST(knows_words_that_say_nothing) {
    CHECK(word_is_stop(S("the")));
    CHECK(word_is_stop(S("nous")));
    CHECK(word_is_stop(S("من")));
    CHECK(!word_is_stop(S("mer")));
    CHECK(!word_is_stop(S("fr e")));
    CHECK(!word_is_stop(S("")));
}

T_MAIN(T_ROW(tells_languages_of_short_texts), T_ROW(knows_words_that_say_nothing))
