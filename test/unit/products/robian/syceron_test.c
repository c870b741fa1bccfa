/* SPDX-License-Identifier: Apache-2.0
 * Transcripts are read with all that is in them, real ones and made-up ones; what is hostile, cut or
 * something else is refused with a reason. */
#include "products/robian/syceron.h"

#include "products/robian/xml.h"
#include "shared_data.h"
#include "t.h"

static Ctx *c;

static void leave(void) {
    if (c) ctx_undo(c, NULL);
    if (c) arena_free(c->arena);
    c = NULL;
}

static void fresh(void) {
    static Ctx own;
    static bool known;
    if (!known) atexit(leave);
    known = true;
    leave();
    own = (Ctx){.arena = arena_new(256 * MIB)};
    c = &own;
}

#define HEAD                                                                            \
    "<?xml version='1.0' encoding='UTF-8'?>\n<compteRendu "                             \
    "xmlns='http://schemas.assemblee-nationale.fr/referentiel'><uid>CR1</uid>"          \
    "<seanceRef>RU1</seanceRef><metadonnees><dateSeance>20241106140000000</dateSeance>" \
    "</metadonnees><contenu>"
#define FOOT "</contenu></compteRendu>"
#define SAYS(attributes, orators, text)                                       \
    "<paragraphe " attributes "><orateurs>" orators "</orateurs><texte>" text \
    "</texte></paragraphe>"
#define ORATOR(name, id, role) \
    "<orateur><nom>" name "</nom><id>" id "</id><qualite>" role "</qualite></orateur>"

static Transcript read_good(const char *text) {
    Transcript t;
    fresh();
    Err *err = transcript_read(c, str_c(text), &t);
    if (err) printf("  %.*s\n", S_ARG(err_chain(c->arena, err)));
    CHECK(!err);
    return err ? (Transcript){0} : t;
}

static bool refuses(Str text, const char *why) {
    Transcript t;
    fresh();
    Err *err = transcript_read(c, text, &t);
    if (!CHECK(err != NULL)) return false;
    if (err->kind == ERR_INVALID && str_find(err->detail, str_c(why)) >= 0) return true;
    printf("  %.*s, not: %s\n", S_ARG(err->detail), why);
    return CHECK(!"the reason is told");
}

/* -- shapes --------------------------------------------------------------------------------------- */

TEST(reads_who_said_what_and_when) {
    Transcript t =
        read_good(HEAD "<point code_grammaire='TITRE'><orateurs/><texte>Un titre</texte>"
                       "<paragraphe id_syceron='7' id_acteur='PA12' "
                       "code_grammaire='PAROLE_GENERIQUE'><orateurs>" ORATOR(
                           "Mme\xC2\xA0"
                           "Ana  B",
                           "12", "ministre") "</orateurs><texte stime='617.82'>Oui.</texte>"
                                             "</paragraphe></point>" FOOT);
    REQUIRE(t.count == 2);
    CHECK_STR(t.uid, S("CR1"));
    CHECK_STR(t.session_uid, S("RU1"));
    CHECK_STR(t.speeches[0].kind, S("title"));
    const Speech *s = &t.speeches[1];
    CHECK_STR(s->kind, S("speech"));
    CHECK_STR(s->speaker, S("Mme Ana B"));
    CHECK_STR(s->speaker_id, S("PA12"));
    CHECK_STR(s->role, S("ministre"));
    CHECK_STR(s->paragraph, S("7"));
    CHECK_STR(s->point, S("Un titre"));
    CHECK_STR(s->text, S("Oui."));
    CHECK_INT(s->given_ms.value, 617820);
    CHECK_INT(s->position, 1);
    REQUIRE(t.person_count == 1);
    CHECK(t.people[0].spoke && !t.people[0].presided);
}

TEST(markup_is_text_and_white_space_is_one_blank) {
    Transcript t = read_good(
        HEAD SAYS("", ORATOR("M. A", "1", ""),
                  "\n  Le CO<indice>2</indice> n<exposant>o</exposant>\xC2\xA0"
                  "5,<br/>l\xE2\x80\x99"
                  "article 1<exposant>er</exposant><italique> (Rires.)</italique>\n <br/> ") FOOT);
    REQUIRE(t.count == 1);
    CHECK_STR(t.speeches[0].text, S("Le CO2 n°\xC2\xA0"
                                    "5,\nl\xE2\x80\x99"
                                    "article 1er (Rires.)"));
}

TEST(points_nest_and_say_whose_they_are) {
    Transcript t =
        read_good(HEAD "<point><texte>A</texte><point><texte>A1</texte><interExtraction>" SAYS(
            "", ORATOR("M. A", "1", ""),
            "un") "</interExtraction></point>" SAYS("", ORATOR("M. A", "1", ""),
                                                    "deux") "</point>"
                                                            "<finSeance><point><texte>Fin</"
                                                            "texte>" SAYS("", "",
                                                                          "(La séance est "
                                                                          "levée.)") "</"
                                                                                     "point></"
                                                                                     "finSeance"
                                                                                     ">" FOOT);
    REQUIRE(t.point_count == 3 && t.count == 6);
    CHECK_INT(t.points[1].parent, 0);
    CHECK_INT(t.points[1].level, 2);
    CHECK_INT(t.points[2].parent, -1);
    CHECK_INT(t.points[2].speech, 4);
    CHECK_STR(t.speeches[2].point, S("A1"));
    CHECK_STR(t.speeches[3].point, S("A"));
    CHECK_STR(t.speeches[5].kind, S("note"));
}

TEST(points_say_their_level_whatever_they_are_nested_in) {
    Transcript t = read_good(
        HEAD "<point nivpoint='1'><texte>Loi</texte></point>"
             "<point nivpoint='2'><texte>Articles</texte></point>"
             "<point nivpoint='3'><texte>Article 1</texte><point nivpoint='4'><texte/>" SAYS(
                 "", ORATOR("M. A (RN)", "1", ""),
                 "un") "<point nivpoint='99'><texte>Pause</texte>"
                       "</point></point></point><point nivpoint='2'><texte>Vote</texte>" SAYS(
                           "", ORATOR("M. A, rapporteur", "1", ""), "deux") "</point>" FOOT);
    static const int parents[] = {-1, 0, 1, 2, 0}, levels[] = {1, 2, 3, 4, 2};
    REQUIRE(t.point_count == COUNT(parents) && t.count == 7);
    for (ptrdiff_t i = 0; i < t.point_count; i++) {
        CHECK_INT(t.points[i].parent, parents[i]);
        CHECK_INT(t.points[i].level, levels[i]);
    }
    CHECK_STR(t.speeches[3].point, S("Article 1"));
    CHECK_STR(t.speeches[3].speaker, S("M. A"));
    CHECK_STR(t.speeches[6].speaker, S("M. A"));
    CHECK_STR(t.speeches[6].role, S("rapporteur"));
}

TEST(every_kind_of_number_beside_a_name) {
    Transcript t = read_good(
        HEAD SAYS("id_acteur='PA5'", ORATOR("M. Bare", "5", ""),
                  "a") SAYS("", ORATOR("Un député du groupe RN", "0", ""), "b")
            SAYS("id_acteur='PA-9'", ORATOR("M. Role", "-9", "rapporteur"), "c")
                SAYS("id_acteur='PA0'", ORATOR("M. X", "1", "") ORATOR("Mme Y", "2", "ministre"),
                     "d") SAYS("id_acteur='PA7'", ORATOR("M. Sans", "0", ""),
                               "e") SAYS("id_acteur='PA8'", ORATOR("M. Autre", "6", ""), "f")
                    SAYS("id_acteur='PA4'", ORATOR("M. Z", "4", "") ORATOR(" rapporteur", "4", ""),
                         "g") SAYS("", ORATOR("M. Prefixed", "PA3", ""), "h")
                        SAYS("", ORATOR("M. Huge", "99999999999999999999", ""), "i") FOOT);
    static const char *const ids[] = {"PA5", NULL, NULL, "PA1", "PA7", "PA6", "PA4", "PA3", NULL};
    REQUIRE(t.count == COUNT(ids));
    for (ptrdiff_t i = 0; i < COUNT(ids); i++) CHECK_STR(t.speeches[i].speaker_id, str_c(ids[i]));
    CHECK_STR(t.speeches[3].speaker, S("M. X, Mme Y"));
    CHECK_STR(t.speeches[6].speaker, S("M. Z"));
    CHECK_STR(t.speeches[6].role, S("rapporteur"));
    CHECK_INT(t.several, 1);
    CHECK(transcript_names_one(S("M. Role")) && !transcript_names_one(S("Mme la présidente")));
    CHECK(!transcript_names_one(S("Un député")) && !transcript_names_one(S("M. X, Mme Y")));
}

TEST(the_chair_is_named_once_and_known_from_there_on) {
    Transcript t =
        read_good(HEAD "<ouvertureSeance><texte>Présidence de Mme Ana B<br/> "
                       "vice-présidente</texte>" SAYS(
                           "roledebat='president'", ORATOR("Mme la présidente", "5", ""),
                           "La séance est ouverte.") "</ouvertureSeance>"
                                                     "<interExtraction>" SAYS(
                                                         "", ORATOR("M. le président", "6", ""),
                                                         "Oui.") "</interExtraction>" FOOT);
    REQUIRE(t.count == 3 && t.person_count == 2);
    CHECK(t.speeches[1].presiding && t.speeches[2].presiding);
    CHECK_STR(t.people[0].name, S("Mme Ana B"));
    CHECK(t.people[0].presided && !t.people[0].spoke);
}

TEST(interruptions_and_empty_paragraphs) {
    Transcript t = read_good(
        HEAD SAYS("code_grammaire='INTERRUPTION_1_10'", ORATOR("M. A", "1", ""),
                  "Oh !") "<paragraphe><orateurs/></paragraphe>" SAYS("code_style='Info Italiques'",
                                                                      "", "Applaudissements")
            SAYS("", "", "Sans nom.") FOOT);
    REQUIRE(t.count == 3);
    CHECK_INT(t.paragraphs, 4);
    CHECK_INT(t.empty, 1);
    CHECK_STR(t.speeches[0].kind, S("interruption"));
    CHECK_STR(t.speeches[1].kind, S("note"));
    CHECK_STR(t.speeches[2].kind, S("speech"));
}

TEST(times_that_are_none_are_not_taken) {
    Transcript t = read_good(HEAD "<paragraphe><texte stime='-1'>a</texte></paragraphe>"
                                  "<paragraphe><texte stime='nan'>b</texte></paragraphe>"
                                  "<paragraphe><texte stime='1e300'>c</texte></paragraphe>"
                                  "<paragraphe><texte stime=''>d</texte></paragraphe>"
                                  "<paragraphe><texte stime='0'>e</texte></paragraphe>" FOOT);
    REQUIRE(t.count == 5);
    for (int i = 0; i < 4; i++) CHECK(!t.speeches[i].given_ms.set);
    CHECK(t.speeches[4].given_ms.set);
    CHECK_INT(t.timed, 1);
}

TEST(dates_stand_on_the_clocks_of_paris) {
    Time t;
    fresh();
    CHECK(transcript_date(S("20241106140000000"), &t)); /* winter */
    CHECK_STR(time_str(c->arena, t), S("2024-11-06T13:00:00Z"));
    CHECK(transcript_date(S("20250701150000000"), &t)); /* summer */
    CHECK_STR(time_str(c->arena, t), S("2025-07-01T13:00:00Z"));
    CHECK(transcript_date(S("20250701"), &t));
    CHECK(!transcript_date(S(""), &t));
    CHECK(!transcript_date(S("20251301150000000"), &t));
    CHECK(!transcript_date(S("2025070115aa"), &t));
    CHECK(!transcript_date(S("mardi 1 juillet"), &t));
}

TEST(old_spellings_of_the_date_are_read) {
    static const char *const names[] = {"dateSeance", "DateSeance", "Date_Seance"};
    for (ptrdiff_t i = 0; i < COUNT(names); i++) {
        char text[800];
        snprintf(text, sizeof text,
                 "<compteRendu><uid>X</uid><metadonnees><%s>20120626150000000</%s></metadonnees>"
                 "<contenu>" SAYS("", "", "a") FOOT,
                 names[i], names[i]);
        Transcript t = read_good(text);
        CHECK_STR(time_str(c->arena, t.date), S("2012-06-26T13:00:00Z"));
    }
}

/* -- what is refused ------------------------------------------------------------------------------- */

TEST(refuses_entities_of_any_kind) {
    refuses(S("<?xml version='1.0'?><!DOCTYPE compteRendu [<!ENTITY a 'aaaaaaaa'><!ENTITY b "
              "'&a;&a;&a;&a;&a;&a;'>]><compteRendu><uid>&b;</uid></compteRendu>"),
            "document type");
    refuses(S("<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><compteRendu><uid>&e;</uid>"
              "</compteRendu>"),
            "document type");
    refuses(S("<!DOCTYPE compteRendu SYSTEM 'http://127.0.0.1:1/x.dtd'><compteRendu/>"),
            "document type");
    refuses(S("<compteRendu><uid>&e;</uid></compteRendu>"), "line 1");
}

TEST(refuses_what_is_cut_in_the_middle) {
    Str whole = S(HEAD SAYS("", ORATOR("M. A", "1", ""), "Bonjour à tous") FOOT);
    for (ptrdiff_t at = 0; at < whole.len; at++) {
        Transcript t;
        fresh();
        Err *err = transcript_read(c, str_slice(whole, 0, at), &t);
        if (!CHECK(err && err->kind == ERR_INVALID)) return;
    }
}

TEST(refuses_other_encodings) {
    refuses(S("<?xml version='1.0' encoding='ISO-8859-1'?><compteRendu><uid>\xE9</uid>"
              "</compteRendu>"),
            "not UTF-8");
    refuses(S("<?xml version='1.0' encoding='ISO-8859-1'?><compteRendu><uid>X</uid>"
              "</compteRendu>"),
            "ISO-8859-1");
    refuses(str_of("\xFF\xFE<\0c\0", 6), "not UTF-8");
}

TEST(refuses_what_is_something_else) {
    refuses(S(""), "empty");
    refuses(S("  \n"), "empty");
    refuses(S("{\"reunion\":{}}"), "line 1");
    refuses(S("<html><body/></html>"), "<html>");
    refuses(S("<compteRendu/>"), "no uid");
    refuses(S("<compteRendu><uid>../../etc</uid></compteRendu>"), "uid");
    refuses(S("<compteRendu><uid>X</uid></compteRendu>"), "no date");
    refuses(S("<compteRendu><uid>X</uid><metadonnees><dateSeance>hier</dateSeance></metadonnees>"
              "</compteRendu>"),
            "`hier`");
    refuses(S(HEAD FOOT), "nobody");
}

TEST(refuses_nesting_without_end) {
    fresh();
    Buf b = buf_new(c->arena, 1 << 20);
    buf_add(&b, S(HEAD));
    for (int i = 0; i < 100000; i++) buf_add(&b, S("<point>"));
    Arena *kept = arena_new(8 * MIB);
    refuses(str_copy(kept, buf_str(&b)), "depth");
    arena_free(kept);
}

/* -- real files ------------------------------------------------------------------------------------ */

typedef struct Wanted {
    const char *name;
    int paragraphs, timed, points, people, interruptions;
} Wanted;

/* Counted with another parser. */
static const Wanted wanted[] = {
    {"CRSANR5L16S2022E1N027.xml", 73, 68, 7, 21, 20},
    {"CRSANR5L17S2024D1N001.xml", 32, 26, 11, 7, 6},
    {"CRSANR5L17S2025E1N001.xml", 954, 941, 30, 119, 441},
    {"CRSANR5L17S2025O1N037.xml", 836, 774, 35, 113, 196},
    {"CRSANR5L17S2025O1N053.xml", 351, 345, 19, 87, 73},
    {"CRSANR5L17S2025O1N145.xml", 203, 0, 38, 42, 3},
    {"CRSANR5L17S2025O1N237.xml", 86, 83, 4, 8, 13},
    {"CRSANR5L17S2026O1N001.xml", 12, 8, 6, 1, 0},
    {"CRSANR5L17S2026O1N002.xml", 9, 5, 3, 1, 0},
    {"CRSANR5L17S2026O1N093.xml", 306, 301, 6, 45, 119},
    {"syceron_missing_fields.xml", 4, 0, 2, 1, 0}, /* a second one says nothing */
    {"syceron_reel_leg17.xml", 6, 5, 2, 2, 1},
};

static ptrdiff_t occurrences(Str text, Str needle) {
    ptrdiff_t count = 0;
    for (ptrdiff_t at; (at = str_find(text, needle)) >= 0; count++)
        text = str_slice(text, at + needle.len, text.len);
    return count;
}

static const Wanted *wanted_of(Str name) {
    for (ptrdiff_t i = 0; i < COUNT(wanted); i++)
        if (str_eq(name, str_c(wanted[i].name))) return &wanted[i];
    return NULL;
}

/* What every file must hold, whichever it is. */
static void file_check(Str name, Str text) {
    Transcript t;
    Err *err = transcript_read(c, text, &t);
    if (err) printf("  %.*s: %.*s\n", S_ARG(name), S_ARG(err_chain(c->arena, err)));
    REQUIRE(!err);
    Str body = str_slice(text, str_find(text, S("<contenu")), text.len);
    CHECK_INT(t.paragraphs,
              occurrences(body, S("<paragraphe ")) + occurrences(body, S("<paragraphe>")));
    ptrdiff_t given = 0, titles = 0, interruptions = 0;
    for (ptrdiff_t i = 0; i < t.count; i++) {
        const Speech *s = &t.speeches[i];
        given += s->given_ms.set;
        titles += str_eq(s->kind, S("title"));
        interruptions += str_eq(s->kind, S("interruption"));
        CHECK(s->position == i && s->text.len > 0 && str_utf8_valid(s->text));
        CHECK(!s->speaker_id.data || s->speaker.len > 0);
    }
    CHECK_INT(given, occurrences(body, S(" stime=\"")));
    CHECK_INT(t.count, titles + t.paragraphs - t.empty);
    const Wanted *w = wanted_of(name);
    if (!w) return;
    CHECK_INT(t.paragraphs, w->paragraphs);
    CHECK_INT(t.timed, w->timed);
    CHECK_INT(t.point_count, w->points);
    CHECK_INT(t.person_count, w->people);
    CHECK_INT(interruptions, w->interruptions);
}

TEST(real_files_are_read_to_the_last_paragraph) {
    Str names[100];
    Arena *arena = arena_new(MIB);
    ptrdiff_t count = shared_list(arena, "an/syceron", S(".xml"), names, COUNT(names));
    if (count == 0) SKIP("no shared data");
    for (ptrdiff_t i = 0; i < count; i++) {
        fresh();
        file_check(names[i],
                   shared_read(c->arena, str_cstr(c->arena, str_concat(c->arena, S("an/syceron/"),
                                                                       names[i]))));
    }
    CHECK(count >= COUNT(wanted));
    arena_free(arena);
}

T_MAIN(T_ROW(reads_who_said_what_and_when), T_ROW(markup_is_text_and_white_space_is_one_blank),
       T_ROW(points_nest_and_say_whose_they_are),
       T_ROW(points_say_their_level_whatever_they_are_nested_in),
       T_ROW(every_kind_of_number_beside_a_name),
       T_ROW(the_chair_is_named_once_and_known_from_there_on),
       T_ROW(interruptions_and_empty_paragraphs), T_ROW(times_that_are_none_are_not_taken),
       T_ROW(dates_stand_on_the_clocks_of_paris), T_ROW(old_spellings_of_the_date_are_read),
       T_ROW(refuses_entities_of_any_kind), T_ROW(refuses_what_is_cut_in_the_middle),
       T_ROW(refuses_other_encodings), T_ROW(refuses_what_is_something_else),
       T_ROW(refuses_nesting_without_end), T_ROW(real_files_are_read_to_the_last_paragraph))
