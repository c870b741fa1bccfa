/* SPDX-License-Identifier: Apache-2.0
 * Captions are cut where people breathe and say nothing that a player would take for markup; corrected
 * transcripts keep the numbers of what is still said. */
#include "products/robian/captions.h"

#include "products/robian/transcripts.h"
#include "t.h"

static Arena *arena;

static Buf fresh(void) {
    if (!arena) arena = arena_new(64 * MIB);
    arena_reset(arena);
    return buf_new(arena, 1024);
}

static void done(void) {
    arena_free(arena);
    arena = NULL;
}

static Speech spoken(const char *speaker, const char *text, int64_t start_ms, int64_t end_ms) {
    return (Speech){.kind = S("speech"),
                    .speaker = str_c(speaker),
                    .text = str_c(text),
                    .start_ms = {start_ms, true},
                    .end_ms = {end_ms, true}};
}

TEST(cuts_behind_sentences_then_words_then_letters) {
    CHECK_INT(caption_cut(S("Oui."), 20), 4);
    CHECK_INT(caption_cut(S("Premier point. Deuxième point."), 20), 14);
    CHECK_INT(caption_cut(S("Des mots sans aucune ponctuation"), 20), 20);
    CHECK_INT(caption_cut(S("Oui. Et puis tout ceci qui suit"), 24), 22);
    CHECK_INT(caption_cut(S("ééééééééééééé"), 7), 6);
    CHECK_INT(caption_cut(S("1re ligne\n2e ligne et encore"), 20), 9);
}

TEST(captions_hold_no_markup_of_their_own) {
    Buf b = fresh();
    Speech s = spoken("M. <b>", "Un --> deux & <v X>\n\ntrois", 1000, 3000);
    captions_vtt(&b, &s, 1);
    CHECK_STR(buf_str(&b), S("WEBVTT\n\n00:00:01.000 --> 00:00:03.000\n<v M. &lt;b&gt;>Un --&gt; "
                             "deux &amp; &lt;v X&gt;  trois\n\n"));
    done();
}

TEST(parts_of_a_speech_follow_each_other_and_have_their_share) {
    Buf b = fresh(), text = buf_new(arena, 1024);
    for (int i = 0; i < 10; i++)
        buf_add(&text, S("Une phrase de quarante-cinq octets à peu près. "));
    Speech s = spoken("", str_cstr(arena, buf_str(&text)), 0, 47000);
    captions_podcast(&b, &s, 1);
    CHECK(str_find(buf_str(&b), S("\"startTime\":0")) > 0);
    CHECK(str_find(buf_str(&b), S("\"endTime\":47}")) < 0); /* the blank at the end is nobody's */
    CHECK(str_find(buf_str(&b), S("\"speaker\"")) < 0);
    ptrdiff_t parts = 0;
    for (Str rest = buf_str(&b);
         (rest = str_slice(rest, str_find(rest, S("\"body\":")), rest.len)).len > 7 &&
         str_starts(rest, S("\"body\":"));
         rest = str_slice(rest, 7, rest.len))
        parts++;
    CHECK_INT(parts, 4);
    done();
}

TEST(what_has_no_time_is_text_but_no_caption) {
    Buf b = fresh();
    Speech s[] = {spoken("", "Titre", 0, 0), spoken("Mme A", "Sans heure.", 0, 0),
                  spoken("Mme A", "À l'heure.", 3723000, 3724000)};
    s[0].kind = S("title");
    s[1].start_ms = s[1].end_ms = (OptInt){0};
    captions_srt(&b, s, COUNT(s));
    CHECK_STR(buf_str(&b), S("1\n01:02:03,000 --> 01:02:04,000\nMme A : À l'heure.\n\n"));
    b.len = 0;
    captions_text(&b, S("Séance"), s, COUNT(s));
    CHECK_STR(buf_str(&b),
              S("Séance\n\nTitre\n\nMme A : Sans heure.\n[1:02:03] Mme A : À l'heure.\n"));
    done();
}

/* -- numbers of speeches --------------------------------------------------------------------------------- */

static Speech row(int64_t n, const char *paragraph, const char *text) {
    return (Speech){
        .n = n, .kind = S("speech"), .paragraph = str_c(paragraph), .text = str_c(text)};
}

TEST(numbers_stay_with_their_speeches) {
    fresh();
    Speech former[] = {row(1, "a", "Un"),    row(2, "b", "Très bien !"),
                       row(3, "c", "Deux"),  row(4, "d", "Très bien !"),
                       row(5, "e", "Trois"), row(6, NULL, "Quatre")};
    Speech now[] = {row(0, "x", "Neuf"),          row(0, "a", "Un"),
                    row(0, "d", "Très bien !"),   row(0, "y", "Très bien !"),
                    row(0, "c", "Deux, corrigé"), row(0, NULL, "Quatre")};
    int64_t gone[COUNT(former)];
    ptrdiff_t left = speeches_match(arena, now, COUNT(now), former, COUNT(former), gone);
    static const int wanted[] = {0, 1, 4, 2, 3, 6};
    for (ptrdiff_t i = 0; i < COUNT(now); i++) CHECK_INT(now[i].n, wanted[i]);
    CHECK_INT(left, 1);
    CHECK_INT(gone[0], 5);
    done();
}

TEST(a_paragraph_numbered_twice_is_two_speeches) {
    fresh();
    Speech former[] = {row(1, "a", "Oui"), row(2, "a", "Non")};
    Speech now[] = {row(0, "a", "Non"), row(0, "a", "Oui"), row(0, "a", "Oui")};
    int64_t gone[COUNT(former)];
    CHECK_INT(speeches_match(arena, now, COUNT(now), former, COUNT(former), gone), 0);
    CHECK_INT(now[0].n, 2);
    CHECK_INT(now[1].n, 1);
    CHECK_INT(now[2].n, 0);
    done();
}

T_MAIN(T_ROW(cuts_behind_sentences_then_words_then_letters),
       T_ROW(captions_hold_no_markup_of_their_own),
       T_ROW(parts_of_a_speech_follow_each_other_and_have_their_share),
       T_ROW(what_has_no_time_is_text_but_no_caption), T_ROW(numbers_stay_with_their_speeches),
       T_ROW(a_paragraph_numbered_twice_is_two_speeches))
