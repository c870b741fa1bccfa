/* SPDX-License-Identifier: Apache-2.0
 * Text out of JSON that is still coming: the same wherever it is cut, and nothing but the sentences. */
#include "products/lifetales/writer_stream.h"

#include "t.h"

static const char answer[] =
    "Sure!\n```json\n{\"title\":\"A \\\"text\\\": here\",\"sentences\":[{\"paragraph\":false,\"text\":"
    "\"Il dit \\u00abAh\\u00bb, d\\u00e9j\\u00e0.\",\"noteIds\":[\"n1\"]},{\"text\":\"Été ✓ 🙂 "
    "\\ud83d\\ude00 end\\\\.\",\"paragraph\":false,\"noteIds\":[]},\n {\"paragraph\" : true, \"text\" : "
    "\"New\\nline \\/ \\\"q\\\"\",\"noteIds\":[\"text\",\"n2\"],\"x\":{\"text\":\"no\"}}],"
    "\"illustrationPrompt\":\"text\",\"characters\":[{\"name\":\"text\",\"text\":\"no\"}]}\n```\n{";
static const char told[] =
    "Il dit «Ah», déjà. Été ✓ 🙂 😀 end\\.\n\nNew\nline / \"q\"";

static Str whole(void) { return str_of(answer, (ptrdiff_t)sizeof answer - 1); }

static Str read_in_two(Arena *arena, Str text, ptrdiff_t cut) {
    TextReader r;
    Buf out = buf_new(arena, 256);
    text_reader_init(&r);
    text_reader_feed(&r, str_slice(text, 0, cut), &out);
    CHECK(str_utf8_valid(buf_str(&out)));
    text_reader_feed(&r, str_slice(text, cut, text.len), &out);
    return buf_str(&out);
}

TEST(only_the_sentences_are_told) {
    Arena *arena = arena_new(MIB);
    CHECK_STR(read_in_two(arena, whole(), 0), str_c(told));
    arena_free(arena);
}

TEST(a_cut_at_any_byte_changes_nothing) {
    Arena *arena = arena_new(4 * MIB);
    for (ptrdiff_t cut = 0; cut <= whole().len; cut++)
        CHECK_STR(read_in_two(arena, whole(), cut), str_c(told));
    arena_free(arena);
}

TEST(byte_by_byte_only_whole_code_points_are_told) {
    Arena *arena = arena_new(MIB);
    TextReader r;
    Buf out = buf_new(arena, 256);
    text_reader_init(&r);
    for (ptrdiff_t i = 0; i < whole().len; i++) {
        ptrdiff_t before = out.len;
        text_reader_feed(&r, str_slice(whole(), i, i + 1), &out);
        CHECK(str_utf8_valid(str_slice(buf_str(&out), before, out.len)));
    }
    CHECK_STR(buf_str(&out), str_c(told));
    arena_free(arena);
}

TEST(what_is_no_such_json_tells_nothing) {
    static const char *const strange[] = {
        "", "text", "[{\"text\":\"a\"}]", "{\"sentences\":\"text\"}", "{\"sentences\":{\"text\":\"a\"}}",
        "{\"text\":\"a\"}", "{\"sentences\":[[{\"text\":\"a\"}]]}", "{]}]}}}", "{\"sentences\":[{\"text\":[\"a\"]}]}",
        "{{{{{{{{{{{{{{{{{{{{{{{{{{\"text\":\"a\"", "{\"sentencesandmorethansixteen\":[{\"text\":\"a\"}]}",
    };
    Arena *arena = arena_new(MIB);
    for (int i = 0; i < COUNT(strange); i++) CHECK_STR(read_in_two(arena, str_c(strange[i]), 1), S(""));
    arena_free(arena);
}

TEST(broken_text_within_does_no_harm) {
    static const char *const broken[] = {
        "{\"sentences\":[{\"text\":\"a\\ud83d b\\udE00 \\uZZZZ\xC3\x28 \xF0\x9F\"},{\"text\":\"c\"}]}",
        "{\"sentences\":[{\"text\":\"a\xFF\xFE\xFD\xFC\xFB\"}]}",
    };
    Arena *arena = arena_new(MIB);
    for (int i = 0; i < COUNT(broken); i++) {
        Str text = str_c(broken[i]);
        for (ptrdiff_t cut = 0; cut <= text.len; cut++)
            CHECK(str_utf8_valid(read_in_two(arena, text, cut)));
    }
    arena_free(arena);
}

T_MAIN(T_ROW(only_the_sentences_are_told), T_ROW(a_cut_at_any_byte_changes_nothing),
       T_ROW(byte_by_byte_only_whole_code_points_are_told), T_ROW(what_is_no_such_json_tells_nothing),
       T_ROW(broken_text_within_does_no_harm))
