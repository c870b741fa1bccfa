/* SPDX-License-Identifier: Apache-2.0 */
#include "search/text.h"

#include "core/buf.h"
#include "t.h"

enum { MEMORY = 64 * 1024 * 1024 };

typedef struct Row {
    const char *text, *words;
} Row;

/* Words as "word@position", the whole of a camel word with a star. */
static Str told(Arena *a, const Words *w) {
    Buf b = buf_new(a, 256);
    for (ptrdiff_t i = 0; i < w->count; i++) {
        const Word *word = &w->items[i];
        if (i) buf_byte(&b, ' ');
        buf_f(&b, "%.*s@%u%s", S_ARG(word->text), word->position, word->whole ? "*" : "");
    }
    return buf_str(&b);
}

static void rows_check(const Row *rows, ptrdiff_t count) {
    Arena *a = arena_new(MEMORY);
    for (ptrdiff_t i = 0; i < count; i++) {
        Words w = {.arena = a};
        words_add(&w, str_c(rows[i].text));
        CHECK_STR(told(a, &w), str_c(rows[i].words));
    }
    arena_free(a);
}

TEST(cuts_and_folds_latin_words) {
    static const Row rows[] = {
        {"", ""},
        {" \t\r ", ""},
        {"Le Chien", "le@0 chien@1"},
        {"l'eau, l’été", "l@0 eau@1 l@9 ete@10"},
        {"aujourd'hui", "aujourd@0 hui@1"},
        {"porte-monnaie a_b a/b (c) \"d\" «e»", "porte@0 monnaie@1 a@2 b@3 a@4 b@5 c@6 d@7 e@8"},
        {"ÉCOLE Élève français ÇA Noël où", "ecole@0 eleve@1 francais@2 ca@3 noel@4 ou@5"},
        {"cœur Œuvre Æsir ægir", "coeur@0 oeuvre@1 aesir@2 aegir@3"},
        {"Straße STRASSE ẞ", "strasse@0 strasse@1 ss@2"},
        {"Øresund Łódź Đorđe þorn ħ ŧ", "oresund@0 lodz@1 dorde@2 thorn@3 h@4 t@5"},
        {"İstanbul ISTANBUL ıstanbul", "istanbul@0 istanbul@1 istanbul@2"},
        {"ﬁn oﬃce ² ª x²", "fin@0 office@1 2@2 a@3 x2@4"},
        {"½ 12", "½@0 12@1"},
        {"𝐇𝐞𝐥𝐥𝐨 Ｗｏｒｌｄ ①", "hello@0 world@1 1@2"},
        {"député·e·s", "depute@0 e@1 s@2"},
        {"Nike™ 20 °C 5€ C++ №", "nike@0 20@1 c@2 5@3 c@4"},
        {"Ǆungla ǅ ŉ", "dzungla@0 dz@1 n@2"},
        {"ſong", "song@0"},
    };
    rows_check(rows, COUNT(rows));
}

TEST(reads_decomposed_letters_as_composed_ones) {
    static const Row rows[] = {
        {"e\xcc\x81te\xcc\x81", "ete@0"},
        {"\xcc\x81 a", "a@0"}, /* a mark with nothing before it */
        {"C\xcc\xa7"
         "a",
         "ca@0"},
        {"a\xc2\xad"
         "b",
         "ab@0"}, /* soft hyphen */
        {"a\xe2\x80\x8b"
         "b",
         "a@0 b@1"}, /* zero width space */
        {"\xef\xbb\xbf"
         "a",
         "a@0"}, /* byte order mark */
        {"a\xe2\x80\x8f"
         "b",
         "ab@0"}, /* direction mark */
        {"q\xcc\x84\xcc\x85\xcc\x86\xcc\x87\xcc\x88\xcc\x89"
         "e",
         "qe@0"},
    };
    rows_check(rows, COUNT(rows));
}

TEST(other_scripts) {
    static const Row rows[] = {
        {"ΟΔΟΣ Οδός οδοσ", "οδοσ@0 οδοσ@1 οδοσ@2"},
        {"Привет ПРИВЕТ ёлка Елка", "привет@0 привет@1 елка@2 елка@3"},
        {"שָׁלוֹם שלום", "שלום@0 שלום@1"},
        {"مَدْرَسَة مدرسة مـدرسة", "مدرسة@0 مدرسة@1 مدرسة@2"},
        {"أحمد احمد", "احمد@0 احمد@1"},
        {"हिन्दी की", "हिन्दी@0 की@1"}, /* vowel signs and viramas stay */
        {"한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8@0"},
        {"東京都", "東京@0 京都@1"},
        {"東", "東@0"},
        {"東 京", "東@0 京@1"},
        {"iPhone用ケース", "iphone@0 用け@1 けー@2 ーす@3"},
        {"がき かき カキ ｶﾞｷ", "かき@0 かき@1 かき@2 かき@3"},
        {"vｷ ｶﾞ", "v@0 き@1 か@2"},
        {"サーバー さーばー", "さー@0 ーは@1 はー@2 さー@3 ーは@4 はー@5"},
        {"你好，世界", "你好@0 世界@8"},
        {"ไทย", "ไท@0 ทย@1"},
        {"กุข", "กุ@0 ุข@1"}, /* a vowel that Unicode holds for a mark */
        {"ๆ", "ๆ@0"},
        {"น้ำ", "นํ@0 ํา@1"},
        {"ខ្មែរ", "ខ្@0 ្ម@1 មែ@2 ែរ@3"},
        {"𠀀𠀁", "𠀀𠀁@0"},
        {"⽇本 日本", "日本@0 日本@1"}, /* a radical */
        {"hawaiʻi hawai'i", "hawai@0 i@1 hawai@2 i@3"},
    };
    rows_check(rows, COUNT(rows));
}

TEST(sentences_part_words_and_line_ends_do_not) {
    static const Row rows[] = {
        {"the. quick brown", "the@0 quick@8 brown@9"},
        {"the, quick, brown", "the@0 quick@8 brown@16"},
        {"a! b? c; d: e… f... g", "a@0 b@8 c@16 d@24 e@32 f@40 g@48"},
        {"a!?!... b", "a@0 b@8"}, /* once, however many there are */
        {"3.14 2,5 example.com S.O.S", "3@0 14@1 2@2 5@3 example@4 com@5 s@6 o@7 s@8"},
        {"end.\" Next", "end@0 next@8"},
        {"a\nb", "a@0 b@1"},
        {"a\r\nb", "a@0 b@1"},
        {"a\n\nb\n \n\nc", "a@0 b@8 c@16"},
        {"... a", "a@0"}, /* nothing to be parted from */
        {"a – b — c - d (e) / f", "a@0 b@1 c@2 d@3 e@4 f@5"},
        {"¿qué? ¡sí!", "que@0 si@8"},
        {"مرحبا، كيف؟ نعم", "مرحبا@0 كيف@8 نعم@16"},
        {"好。好！好、好", "好@0 好@8 好@16 好@24"},
    };
    rows_check(rows, COUNT(rows));
}

TEST(camel_words_behind_tags_give_the_whole_and_its_parts) {
    static const Row rows[] = {
        {"#LoiELAN vote", "loielan@0* loi@0 elan@1 vote@2"},
        {"#MeToo2024", "metoo2024@0* me@0 too@1 2024@2"},
        {"@HTTPServer", "httpserver@0* http@0 server@1"},
        {"iPhone LoiELAN", "iphone@0 loielan@1"},
        {"#ELAN #elan #Elan", "elan@0 elan@1 elan@2"},
        {"#G20 #covid19", "g20@0* g@0 20@1 covid19@2* covid@2 19@3"},
        {"#ÉcoleÉlève", "ecoleeleve@0* ecole@0 eleve@1"},
        {"#E\xcc\x81"
         "cole",
         "ecole@0"},
        {"# LoiELAN", "loielan@0"},                             /* not at once behind it */
        {"a#LoiELAN me@GitHub", "a@0 loielan@1 me@2 github@3"}, /* within a word: no tag */
        {"#loi_ElanVote", "loi@0 elanvote@1* elan@1 vote@2"},
        {"#loi-ElanVote", "loi@0 elanvote@1"},
        {"＃LoiELAN", "loielan@0* loi@0 elan@1"},
        {"##LoiELAN", "loielan@0* loi@0 elan@1"},
        {"#东京Tower", "东京@0 tower@1"},
        {"#", ""},
        {"#АбВг", "абвг@0* аб@0 вг@1"},
    };
    rows_check(rows, COUNT(rows));
}

TEST(emoji_sequences_are_words) {
    static const Row rows[] = {
        {"j'aime 👍!", "j@0 aime@1 👍@2"},
        {"👍🏽 👍", "👍@0 👍@1"},
        {"❤️ ❤", "❤@0 ❤@1"},
        {"😀😀", "😀@0 😀@1"},
        {"👨‍👩‍👧x", "👨‍👩‍👧@0 x@1"},
        {"👩🏽‍🚀", "👩‍🚀@0"},
        {"🇫🇷🇩🇪", "🇫🇷@0 🇩🇪@1"},
        {"🇫", "🇫@0"},
        {"🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏴", "🏴󠁧󠁢󠁥󠁮󠁧󠁿@0 🏴@1"},
        {"1️⃣", "1@0"},
        {"🏽", ""}, /* skin alone */
        {"👍\xe2\x80\x8d", "👍@0"},
        {"a👍b", "a@0 👍@1 b@2"},
        {"#👍LoiELAN", "👍@0 loielan@1"},
        {"©™→", ""},
    };
    rows_check(rows, COUNT(rows));
}

TEST(bytes_that_are_not_utf8_separate) {
    static const Row rows[] = {
        {"a\xff"
         "b",
         "a@0 b@1"},
        {"a\xc3", "a@0"},
        {"\xc3", ""},
        {"a\xc0\x80"
         "b",
         "a@0 b@1"},
        {"a\xed\xa0\x80"
         "b",
         "a@0 b@1"}, /* a surrogate */
        {"a\xe2\x80"
         "b",
         "a@0 b@1"},
        {"caf\xe9 x", "caf@0 x@1"}, /* Latin-1 */
        {"a\xef\xbf\xbd"
         "b",
         "a@0 b@1"},
    };
    rows_check(rows, COUNT(rows));
    Arena *a = arena_new(MEMORY);
    Words w = {.arena = a};
    words_add(&w, str_of("a\0b", 3));
    CHECK_STR(told(a, &w), S("a@0 b@1"));
    arena_free(a);
}

TEST(words_know_their_place_in_the_original) {
    static const Row rows[] = {
        {"L'Été: e\xcc\x81te\xcc\x81!", "L|Été|e\xcc\x81te\xcc\x81"},
        {"#LoiELAN", "LoiELAN|Loi|ELAN"},
        {"#E\xcc\x81te\xcc\x81Vert", "E\xcc\x81te\xcc\x81Vert|E\xcc\x81te\xcc\x81|Vert"},
        {"a👍🏽b", "a|👍🏽|b"},
        {"❤️x", "❤️|x"},
        {"東京都x", "東京|京都|x"},
        {"น้ำx", "น้ำ|ำ|x"},
        {"「が」", "が"},
        {"か\xe3\x82\x99き", "か\xe3\x82\x99き"},
        {"1️⃣.", "1️⃣"},
    };
    Arena *a = arena_new(MEMORY);
    for (int i = 0; i < COUNT(rows); i++) {
        Words w = {.arena = a};
        Buf b = buf_new(a, 64);
        Str text = str_c(rows[i].text);
        words_add(&w, text);
        for (ptrdiff_t j = 0; j < w.count; j++) {
            if (j) buf_byte(&b, '|');
            buf_add(&b, str_slice(text, w.items[j].from, w.items[j].to));
        }
        CHECK_STR(buf_str(&b), str_c(rows[i].words));
    }
    arena_free(a);
}

TEST(several_texts_are_kept_apart) {
    Arena *a = arena_new(MEMORY);
    Words w = {.arena = a};
    words_add(&w, S("un deux"));
    CHECK_INT(w.next_position, 9);
    words_add(&w, S(" . "));
    CHECK_INT(w.next_position, 9); /* nothing came */
    words_add(&w, S("trois"));
    CHECK_STR(told(a, &w), S("un@0 deux@1 trois@9"));
    arena_free(a);
}

TEST(long_words_are_cut_and_long_runs_cost_little) {
    Arena *a = arena_new(MEMORY);
    Words w = {.arena = a};
    Buf b = buf_new(a, 0);
    for (int i = 0; i < 100000; i++) buf_byte(&b, 'a');
    buf_add(&b, S(" b "));
    for (int i = 0; i < 249; i++) buf_byte(&b, 'c');
    buf_add(&b, S("éd f ")); /* é folds to one byte and is the 250th */
    for (int i = 0; i < 249; i++) buf_byte(&b, 'g');
    buf_add(&b, S("шh i")); /* ш needs two: the word ends before it */
    words_add(&w, buf_str(&b));
    REQUIRE(w.count == 6);
    CHECK_INT(w.items[0].text.len, WORD_MAX);
    CHECK_INT(w.items[0].to, 100000);
    CHECK_STR(w.items[1].text, S("b"));
    CHECK_INT(w.items[2].text.len, 250);
    CHECK_INT(w.items[2].text.data[249], 'e');
    CHECK_INT(w.items[4].text.len, 249);
    CHECK_STR(w.items[5].text, S("i"));

    Buf marks = buf_new(a, 0);
    buf_byte(&marks, 'z');
    for (int i = 0; i < 100000; i++) buf_add(&marks, S("\xcc\x81"));
    Words z = {.arena = a};
    words_add(&z, buf_str(&marks));
    REQUIRE(z.count == 1);
    CHECK_STR(z.items[0].text, S("z"));
    CHECK_INT(z.items[0].to, marks.len);
    arena_free(a);
}

TEST(a_camel_word_of_many_parts_stays_within_a_word) {
    Arena *a = arena_new(MEMORY);
    Words w = {.arena = a};
    Buf b = buf_new(a, 0);
    buf_byte(&b, '#');
    for (int i = 0; i < 5000; i++) buf_add(&b, S("aB1"));
    words_add(&w, buf_str(&b));
    REQUIRE(w.count == 251);
    CHECK_INT(w.items[0].text.len, WORD_MAX);
    CHECK_INT(w.items[250].position, 249);
    CHECK_INT(w.items[250].to, 15001);
    arena_free(a);
}

TEST(reset_keeps_memory) {
    Arena *a = arena_new(MEMORY);
    Words w = {.arena = a};
    Buf b = buf_new(a, 0);
    for (int i = 0; i < 20000; i++) buf_f(&b, "mot%d ", i);
    ptrdiff_t after = 0;
    for (int round = 0; round < 20; round++) {
        w.count = 0;
        w.next_position = 0;
        words_add(&w, buf_str(&b));
        CHECK_INT(w.count, 20000);
        CHECK_STR(w.items[19999].text, S("mot19999"));
        CHECK_STR(w.items[0].text, S("mot0"));
        if (round == 5) after = arena_used(a);
    }
    CHECK_INT(arena_used(a), after);
    arena_free(a);
}

TEST(folds_values_and_keeps_their_separators) {
    static const Row rows[] = {
        {"", ""},
        {"  Île-de-France \n ", "ile-de-france"},
        {"Val  d’Oise", "val d'oise"},
        {"C++", "c++"},
        {"C#", "c#"},
        {"A\u00a0B", "a b"},
        {"« Été »", "\" ete \""},
        {"x – y", "x - y"},
        {"日本 ｶﾞｷ", "日本 かき"},
        {"👍🏽", "👍"},
        {"E\xcc\x81t\xc2\xad"
         "e",
         "ete"},
        {"…", "..."},
        {"a\xff", "a\xef\xbf\xbd"},
    };
    Arena *a = arena_new(MEMORY);
    for (int i = 0; i < COUNT(rows); i++) {
        Str once = text_fold(a, str_c(rows[i].text));
        CHECK_STR(once, str_c(rows[i].words));
        CHECK_STR(text_fold(a, once), once);
    }
    arena_free(a);
}

/* Every code point of Unicode: what it folds to folds to itself, as a word and as a value. */
TEST(folding_twice_changes_nothing) {
    Arena *a = arena_new(MEMORY);
    int words = 0, bad = 0;
    for (uint32_t c = 1; c < 0x110000; c++) {
        if (c >= 0xd800 && c < 0xe000) continue;
        char bytes[4];
        int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (int i = n - 1; i > 0; i--) bytes[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
        static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
        bytes[0] = (char)(leads[n] | c >> (6 * (n - 1)));
        Words once = {.arena = a}, twice = {.arena = a};
        Str text = str_of(bytes, n), value = text_fold(a, text);
        words_add(&once, text);
        if (once.count > 0) words_add(&twice, once.items[0].text);
        bool same = str_eq(text_fold(a, value), value) && once.count == twice.count &&
                    (once.count == 0 || str_eq(once.items[0].text, twice.items[0].text));
        words += once.count > 0;
        if (!same && bad++ < 20) printf("    U+%04X: %.*s, %.*s\n", c, n, bytes, S_ARG(value));
        arena_reset(a);
    }
    CHECK_INT(bad, 0);
    CHECK(words > 120000);
    arena_free(a);
}

TEST(counts_letters) {
    CHECK_INT(word_letters(S("")), 0);
    CHECK_INT(word_letters(S("abc")), 3);
    CHECK_INT(word_letters(S("東京")), 2);
    CHECK_INT(word_letters(S("👍")), 1);
}

TEST(distance_is_optimal_string_alignment_and_a_dearer_first_letter) {
    static const struct {
        const char *query, *word;
        int limit, plain, prefix;
    } rows[] = {
        {"phone", "phone", 2, 0, 0},
        {"phnoe", "phone", 2, 1, 1}, /* swapped */
        {"sevem", "seven", 2, 1, 1},
        {"caturday", "saturday", 2, 2, 2},
        {"tow", "two", 2, 1, 1},
        {"wto", "two", 2, 2, 2}, /* the swap changes the first letter */
        {"hone", "phone", 2, 2, 2},
        {"iphoe", "iphone", 2, 1, 1},
        {"iphoe", "iphones", 2, 2, 1},
        {"chat", "chateau", 2, 3, 0},
        {"chet", "chateau", 2, 3, 1},
        {"ca", "abc", 4, 4, 2}, /* 3 and the first letter: no place is edited twice */
        {"kitten", "sitting", 3, 4, 3},
        {"kitten", "sitting", 4, 4, 3},
        {"", "", 2, 0, 0},
        {"", "ab", 2, 2, 0},
        {"ab", "", 2, 2, 2},
        {"abc", "", 2, 3, 3},
        {"東京都", "東都", 2, 1, 1},
        {"éa", "ea", 2, 2, 2}, /* by letters, not bytes */
        {"abcdef", "uvwxyz", 2, 3, 3},
        {"abcd", "abdc", 0, 1, 1},
    };
    for (int i = 0; i < COUNT(rows); i++) {
        Str q = str_c(rows[i].query), w = str_c(rows[i].word);
        if (!CHECK_INT(word_distance(q, w, rows[i].limit, false), rows[i].plain) |
            !CHECK_INT(word_distance(q, w, rows[i].limit, true), rows[i].prefix))
            printf("    %s, %s\n", rows[i].query, rows[i].word);
    }
}

T_MAIN(T_ROW(cuts_and_folds_latin_words), T_ROW(reads_decomposed_letters_as_composed_ones),
       T_ROW(other_scripts), T_ROW(sentences_part_words_and_line_ends_do_not),
       T_ROW(camel_words_behind_tags_give_the_whole_and_its_parts),
       T_ROW(emoji_sequences_are_words), T_ROW(bytes_that_are_not_utf8_separate),
       T_ROW(words_know_their_place_in_the_original), T_ROW(several_texts_are_kept_apart),
       T_ROW(long_words_are_cut_and_long_runs_cost_little),
       T_ROW(a_camel_word_of_many_parts_stays_within_a_word), T_ROW(reset_keeps_memory),
       T_ROW(folds_values_and_keeps_their_separators), T_ROW(folding_twice_changes_nothing),
       T_ROW(counts_letters), T_ROW(distance_is_optimal_string_alignment_and_a_dearer_first_letter))
