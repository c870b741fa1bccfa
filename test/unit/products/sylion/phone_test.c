/* SPDX-License-Identifier: Apache-2.0
 * Phone numbers in every spelling, and what is none. */
#include "products/sylion/phone.h"

#include "t.h"

static void is(const char *text, const char *want) {
    Arena *arena = arena_new(1 * MIB);
    CHECK_STR(phone_normalise(arena, str_c(text)), str_c(want));
    arena_free(arena);
}

TEST(one_number_in_every_spelling_is_one_number) {
    static const char *const spellings[] = {
        "+33612345678",       "33612345678",          "0033612345678",       "+33 6 12 34 56 78",
        "+33 (0)6 12 34 56 78", "+33.6.12.34.56.78",  "+33-6-12-34-56-78",   "(+33) 6 12 34 56 78",
        "  +33612345678\t",   "tel:+33-6-12-34-56-78", "whatsapp:+33612345678", "+33/612345678",
        "+33\u00a0612\u202f345\u2009678", "\u202a+33612345678\u202c", "\uff0b\uff13\uff13612345678",
        "+\u0663\u0663\u0666\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
        "\u06f3\u06f3\u06f6\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8",
    };
    for (ptrdiff_t i = 0; i < COUNT(spellings); i++) is(spellings[i], "+33612345678");
}

TEST(what_is_no_number_is_none) {
    static const char *const others[] = {
        "",      "+",          "PHONE_NUMBER",       "+33 6 12 ext. 12", "123456",   "+1234567890123456",
        "++336", "+33+612345", "0612345678",         "+0612345678",      "33612345678@c.us",
        "FR.13491208655302741918", "+33612345678\x80", "<b>33612345678</b>", "00", "\u0663\u0663",
        "1111111111111111111111111111111111111111111111111111111111111111111111111111",
    };
    for (ptrdiff_t i = 0; i < COUNT(others); i++) is(others[i], NULL);
}

TEST(the_shortest_and_the_longest_pass) {
    is("1234567", "+1234567");
    is("+123456789012345", "+123456789012345");
    is("00123456789012345", "+123456789012345");
}

TEST(masked_numbers_show_two_digits) {
    Arena *arena = arena_new(1 * MIB);
    CHECK_STR(phone_mask(arena, S("+33612345678")), S("+*********78"));
    CHECK_STR(phone_mask(arena, S("106540352242922")), S("*************22"));
    CHECK_STR(phone_mask(arena, S("1234")), S("****"));
    CHECK_STR(phone_mask(arena, (Str){0}), S(""));
    CHECK(str_utf8_valid(phone_mask(arena, S("abcdefg\xff\xfe"))));
    Str gone = phone_mask(arena, S("FR.13491208655302741918"));
    CHECK(str_find(gone, S("1349")) < 0 && str_ends(gone, S("18")));
    arena_free(arena);
}

T_MAIN(T_ROW(one_number_in_every_spelling_is_one_number), T_ROW(what_is_no_number_is_none),
       T_ROW(the_shortest_and_the_longest_pass), T_ROW(masked_numbers_show_two_digits))
