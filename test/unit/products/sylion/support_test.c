/* SPDX-License-Identifier: Apache-2.0
 * Support: what a passage has of a question, rare words counting more. */
#include "products/sylion/support.h"

#include <math.h>

#include "core/base.h"
#include "t.h"

static Arena *arena;

static double coverage(const char *question, const char *text) {
    Question q = question_read(arena, str_c(question));
    Str sentence;
    return question_coverage(&q, arena, (Str){0}, S("a.md"), str_c(text), &sentence);
}

TEST(questions_are_their_words_that_carry_meaning) {
    Question q = question_read(arena, S("Quel est le délai de prescription, le délai ?"));
    CHECK_INT(q.count, 2);
    CHECK_STR(q.terms[0], S("delai"));
    CHECK_STR(q.terms[1], S("prescription"));
    CHECK_INT(question_read(arena, S("What is it?")).count, 3); /* nothing else is left */
    CHECK_INT(question_read(arena, S("?!")).count, 0);
}

TEST(words_are_found_as_written_by_stem_by_typo_and_by_family) {
    CHECK_F64(coverage("le délai", "Un DELAI de deux mois."), 1);
    CHECK_F64(coverage("les délais", "Un délai de deux mois."), 1);
    CHECK(coverage("prescripton", "La prescription est de cinq ans.") > 0.7);
    CHECK(coverage("le mariage", "Ils sont mariés depuis un an.") > 0.5);
    CHECK_F64(coverage("chaussures", "La prescription est de cinq ans."), 0);
    CHECK_F64(coverage("en 1987", "En 1986 et en 1988."), 0);
}

TEST(rare_words_count_more) {
    Question q = question_read(arena, S("capital Dupont"));
    Str sentence;
    question_weigh(&q, (const int64_t[]){50, 0}, 100);
    CHECK(q.weights[1] > 4 * q.weights[0]);
    CHECK(question_coverage(&q, arena, (Str){0}, (Str){0}, S("Le capital social."), &sentence) <
          0.2);
    CHECK(question_coverage(&q, arena, (Str){0}, (Str){0}, S("Monsieur Dupont."), &sentence) > 0.8);
}

TEST(the_best_sentence_is_given) {
    Question q = question_read(arena, S("Combien de temps pour revendiquer un objet volé ?"));
    Str sentence;
    question_coverage(
        &q, arena, (Str){0}, (Str){0},
        S("La possession vaut titre. Qui a été volé peut revendiquer pendant trois ans. "
          "Sauf recours."),
        &sentence);
    CHECK_STR(sentence, S("Qui a été volé peut revendiquer pendant trois ans."));
    question_coverage(&q, arena, (Str){0}, (Str){0}, S("Rien ici. Ni là."), &sentence);
    CHECK_STR(sentence, S("Rien ici."));
    question_coverage(&q, arena, (Str){0}, (Str){0}, S(""), &sentence);
    CHECK(str_is_null(sentence));
}

TEST(headings_count_as_the_passage_does) {
    Question q = question_read(arena, S("tarifs du thé"));
    Str sentence;
    CHECK_F64(question_coverage(&q, arena, S("Tarifs"), S("the.md"), S("4 €"), &sentence), 1);
}

TEST(support_rises_with_coverage_and_with_meaning) {
    double before = -1;
    for (double share = 0; share <= 1; share += 0.01) {
        double now = support_of(share, NAN);
        CHECK(now > before && now >= 0 && now <= 1);
        before = now;
    }
    CHECK(fabs(support_of(0.42, NAN) - 0.7) < 1e-9);
    CHECK(fabs(support_of(1, NAN) - 1) < 1e-9);
    CHECK_F64(support_of(0, 0.9), 1);
    CHECK_F64(support_of(0, 0.1), 0);
    CHECK_F64(support_of(0, -1), 0);
}

TEST(any_bytes_are_a_question) {
    char bytes[600];
    for (int seed = 0; seed < 200; seed++) {
        for (int i = 0; i < (int)sizeof bytes; i++) bytes[i] = (char)(i * 31 * seed + seed);
        Question q = question_read(arena, str_of(bytes, sizeof bytes));
        Str sentence;
        double share = question_coverage(&q, arena, str_of(bytes, 20), (Str){0},
                                         str_of(bytes + 100, 500), &sentence);
        CHECK(q.count <= QUESTION_TERMS && share >= 0 && share <= 1.000001);
    }
}

int main(int argc, char **argv) {
    static const T rows[] = {T_ROW(questions_are_their_words_that_carry_meaning),
                             T_ROW(words_are_found_as_written_by_stem_by_typo_and_by_family),
                             T_ROW(rare_words_count_more),
                             T_ROW(the_best_sentence_is_given),
                             T_ROW(headings_count_as_the_passage_does),
                             T_ROW(support_rises_with_coverage_and_with_meaning),
                             T_ROW(any_bytes_are_a_question)};
    arena = arena_new(512 * MIB);
    int failed = t_main(argc, argv, rows, (int)(sizeof rows / sizeof rows[0]));
    arena_free(arena);
    return failed;
}
