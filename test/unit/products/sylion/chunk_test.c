/* SPDX-License-Identifier: Apache-2.0
 * Chunks: nothing is lost, nothing cut inside a word, headings divide, neighbours overlap. */
#include "products/sylion/chunk.h"
#include "products/sylion/message_language.h"

#include "ai/ai.h"
#include "t.h"

static Arena *arena;

static Str part(Str text, ptrdiff_t from) {
    return str_trim(str_slice(text, from, sentence_end(text, from)));
}

/* A text of `sentences` sentences as one block. */
static Str text_make(int sentences) {
    Buf b = buf_new(arena, 1024);
    for (int i = 0; i < sentences; i++)
        buf_f(&b, "%sLa phrase numéro %d parle de choses diverses et variées.", i ? " " : "", i);
    return buf_str(&b);
}

TEST(sentences_end_where_readers_think_so) {
    Str text = S("M. Dupont habite ici. Voir art. 3 du code, p. 12. Vraiment ? « Oui ! » Fin.");
    ptrdiff_t at = 0;
    static const char *const want[] = {"M. Dupont habite ici.", "Voir art. 3 du code, p. 12.",
                                       "Vraiment ?", "« Oui ! »", "Fin."};
    for (ptrdiff_t i = 0; i < COUNT(want); i++) {
        CHECK_STR(part(text, at), str_c(want[i]));
        at = sentence_end(text, at);
    }
    CHECK_INT(at, text.len);
    CHECK_STR(part(S("Il vaut 3.14 euros. Cher"), 0), S("Il vaut 3.14 euros."));
    CHECK_STR(part(S("See example.com today. Then"), 0), S("See example.com today."));
    CHECK_STR(part(S("ما هذا؟ هذا كتاب."), 0), S("ما هذا؟"));
    CHECK_STR(part(S("Titre\n\nTexte"), 0), S("Titre"));
    CHECK_STR(part(S("e.g. this one. Next"), 0), S("e.g. this one."));
    CHECK_STR(part(S(""), 0), S(""));
}

TEST(every_byte_is_in_some_chunk) {
    Str text = text_make(300);
    Block blocks[] = {{.to = text.len}};
    for (int64_t tokens = 5; tokens <= 500; tokens = tokens * 3 / 2) {
        Chunks k = chunks_of(arena, text, blocks, 1, tokens, tokens / 10);
        ptrdiff_t covered = 0;
        for (ptrdiff_t i = 0; i < k.count; i++) {
            CHECK(str_trim(str_slice(text, covered, k.items[i].from)).len == 0);
            CHECK(k.items[i].to > covered);
            covered = k.items[i].to;
        }
        CHECK_INT(covered, text.len);
    }
}

TEST(neighbours_overlap_and_none_is_too_long) {
    Str text = text_make(200);
    Block blocks[] = {{.to = text.len}};
    Chunks k = chunks_of(arena, text, blocks, 1, 200, 50);
    CHECK(k.count > 5);
    for (ptrdiff_t i = 0; i < k.count; i++) {
        CHECK(k.items[i].tokens <= 220);
        CHECK_STR(k.items[i].language, S("fr"));
        if (i == 0) continue;
        ptrdiff_t shared = k.items[i - 1].to - k.items[i].from;
        CHECK(shared > 0);
        CHECK(ai_tokens(str_slice(text, k.items[i].from, k.items[i - 1].to)) <= 55);
    }
}

TEST(headings_divide_and_keep_pages) {
    Str text = S("One two.\n\nThree.\n\nFour.\n\nrow a\n\nrow b");
    Block blocks[] = {{.heading = S_INIT("A"), .page = 1, .from = 0, .to = 8},
                      {.heading = S_INIT("A"), .page = 2, .from = 10, .to = 16},
                      {.heading = S_INIT("B"), .page = 2, .from = 18, .to = 23},
                      {.heading = S_INIT("B"), .page = 2, .from = 25, .to = 30, .apart = true},
                      {.heading = S_INIT("B"), .page = 3, .from = 32, .to = 37, .apart = true}};
    Chunks k = chunks_of(arena, text, blocks, COUNT(blocks), 500, 50);
    CHECK_INT(k.count, 4);
    CHECK_STR(str_slice(text, k.items[0].from, k.items[0].to), S("One two.\n\nThree."));
    CHECK_STR(k.items[0].heading, S("A"));
    CHECK_INT(k.items[0].page, 1);
    CHECK_STR(k.items[1].heading, S("B"));
    CHECK_INT(k.items[3].page, 3);
}

TEST(a_sentence_without_end_is_cut_between_words) {
    Buf b = buf_new(arena, 1024);
    for (int i = 0; i < 3000; i++) buf_f(&b, "mot%d ", i);
    Str text = str_trim(buf_str(&b));
    Block blocks[] = {{.to = text.len}};
    Chunks k = chunks_of(arena, text, blocks, 1, 100, 10);
    ptrdiff_t covered = 0;
    CHECK(k.count > 10);
    for (ptrdiff_t i = 0; i < k.count; i++) {
        const Chunk *one = &k.items[i];
        CHECK(one->from == 0 || text.data[one->from - 1] == ' ');
        CHECK(one->to == text.len || text.data[one->to] == ' ');
        CHECK(one->from <= covered + 1);
        CHECK(one->tokens <= 130);
        covered = one->to;
    }
    CHECK_INT(covered, text.len);
}

TEST(a_word_without_end_is_one_chunk) {
    char *bytes = arena_bytes(arena, 100000);
    memset(bytes, 'x', 100000);
    Block blocks[] = {{.to = 100000}};
    Chunks k = chunks_of(arena, str_of(bytes, 100000), blocks, 1, 100, 10);
    CHECK_INT(k.count, 1);
    CHECK_INT(k.items[0].to, 100000);
}

TEST(nothing_gives_nothing) {
    CHECK_INT(chunks_of(arena, S(""), NULL, 0, 500, 50).count, 0);
    Block blank[] = {{.to = 3}};
    CHECK_INT(chunks_of(arena, S(" \n "), blank, 1, 500, 50).count, 0);
}

TEST(too_many_is_said) {
    Block *blocks = arena_array(arena, Block, CHUNKS_MAX + 1);
    Buf b = buf_new(arena, 4 * CHUNKS_MAX);
    for (int i = 0; i <= CHUNKS_MAX; i++) {
        blocks[i] = (Block){.from = b.len, .to = b.len + 1, .apart = true};
        buf_add(&b, S("a\n\n"));
    }
    CHECK(chunks_of(arena, buf_str(&b), blocks, CHUNKS_MAX + 1, 500, 50).too_many);
    CHECK(!chunks_of(arena, buf_str(&b), blocks, CHUNKS_MAX, 500, 50).too_many);
}

TEST(languages_are_told) {
    CHECK_STR(message_language(arena, S("Le mariage ne peut être contracté avant dix-huit ans dans la ville.")),
              S("fr"));
    CHECK_STR(message_language(arena, S("The shop is open from nine to five and you are welcome.")), S("en"));
    CHECK_STR(message_language(arena, S("المكتبة مفتوحة من الساعة التاسعة")), S("ar"));
    CHECK(str_is_null(message_language(arena, S("12345"))));
}

int main(int argc, char **argv) {
    static const T rows[] = {T_ROW(sentences_end_where_readers_think_so),
                             T_ROW(every_byte_is_in_some_chunk),
                             T_ROW(neighbours_overlap_and_none_is_too_long),
                             T_ROW(headings_divide_and_keep_pages),
                             T_ROW(a_sentence_without_end_is_cut_between_words),
                             T_ROW(a_word_without_end_is_one_chunk),
                             T_ROW(nothing_gives_nothing),
                             T_ROW(too_many_is_said),
                             T_ROW(languages_are_told)};
    arena = arena_new(256 * MIB);
    int failed = t_main(argc, argv, rows, (int)(sizeof rows / sizeof rows[0]));
    arena_free(arena);
    return failed;
}
