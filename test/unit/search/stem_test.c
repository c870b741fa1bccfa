/* SPDX-License-Identifier: Apache-2.0 */
#include "search/text.h"
#include "t.h"

typedef struct Stems {
    char bytes[2 * WORD_MAX];
    Str stem[2];
} Stems;

static void stems_of(Str word, Stems *s) {
    int second, first = word_stem(word, s->bytes, &second);
    s->stem[0] = str_of(s->bytes, first);
    s->stem[1] = second ? str_of(s->bytes + first, second) : s->stem[0];
}

static bool akin(const char *a, const char *b) {
    Stems x, y;
    stems_of(str_c(a), &x);
    stems_of(str_c(b), &y);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (str_eq(x.stem[i], y.stem[j])) return true;
    return false;
}

TEST(forms_of_a_word_find_each_other) {
    static const char *const rows[][4] = {
        /* French plurals */
        {"cheval", "chevaux"},
        {"journal", "journaux"},
        {"bijou", "bijoux"},
        {"genou", "genoux"},
        {"jeu", "jeux"},
        {"feu", "feux"},
        {"lieu", "lieux"},
        {"bateau", "bateaux"},
        {"eau", "eaux"},
        {"tuyau", "tuyaux"},
        {"travail", "travaux"},

        {"loi", "lois"},
        {"depute", "deputes", "deputee", "deputees"},
        {"election", "elections"},
        {"mere", "meres"},
        {"mer", "mers"},
        {"elu", "elus", "elue", "elues"},
        /* and feminines */
        {"national", "nationale", "nationales", "nationaux"},
        {"royal", "royale", "royaux"},
        {"francais", "francaise", "francaises"},
        {"anglais", "anglaise"},
        {"chinois", "chinoise", "chinoises"},
        {"belle", "belles", "beau", "beaux"},
        {"nouveau", "nouveaux", "nouvelle", "nouvelles"},
        {"europeen", "europeenne", "europeens", "europeennes"},
        {"italien", "italienne"},
        {"officiel", "officielle", "officiels", "officielles"},
        {"heureux", "heureuse", "heureuses"},
        {"premier", "premiere", "premiers", "premieres"},
        {"actif", "active", "actifs", "actives"},
        {"senateur", "senatrice", "senateurs", "senatrices"},
        {"president", "presidente", "presidentes"},
        {"prochain", "prochaine"},
        {"petit", "petite", "petits", "petites"},
        {"tout", "tous", "toute", "toutes"},
        {"public", "publique", "publics", "publiques"},
        {"vieux", "vieille", "vieil", "vieilles"},
        /* English */
        {"phone", "phones"},
        {"baby", "babies"},
        {"box", "boxes"},
        {"class", "classes"},
        {"watch", "watches"},
        {"dish", "dishes"},
        {"hero", "heroes"},
        {"shoe", "shoes"},
        {"cache", "caches"},
        {"movie", "movies"},
        {"tax", "taxes"},
        {"child", "children"},
        {"woman", "women"},
        {"run", "runs", "running"},
        {"like", "likes", "liked", "liking"},
        {"stop", "stopped", "stopping"},
        {"hope", "hoped", "hoping"},
        {"jump", "jumps", "jumped", "jumping"},
        {"open", "opened", "opening"},
        {"study", "studies", "studied", "studying"},
        {"create", "created", "creating"},
        {"treat", "treated", "treating"},
        {"change", "changed", "changing"},
        {"vote", "votes", "voted", "voting"},
        {"make", "makes", "making"},
        {"provide", "provided", "providing"},
        {"tell", "telling", "tells"},
        {"control", "controlled", "controlling"},
        {"call", "called", "calling"},
        {"add", "added", "adding"},
        {"release", "released", "releasing"},
        {"raise", "raised", "raising"},
        {"cause", "caused", "causing"},
        {"pass", "passes", "passed"},
        {"agree", "agreed", "agreeing"},
        {"announce", "announced"},
        {"settle", "settled", "settling"},
        {"die", "died", "dies"},
        {"use", "uses"},
        {"play", "played", "playing"},
        {"define", "defined", "defining"},
        {"need", "needed", "needs"},
        {"proceed", "proceeded", "proceeds"},
    };
    for (int i = 0; i < COUNT(rows); i++)
        for (int j = 0; j < 4 && rows[i][j]; j++)
            for (int k = 0; k < j; k++)
                if (!CHECK(akin(rows[i][j], rows[i][k])))
                    printf("    %s, %s\n", rows[i][j], rows[i][k]);
}

TEST(different_words_stay_apart) {
    static const char *const rows[][3] = {
        {"universe", "university", "a common beginning is not a common word"},
        {"organ", "organization", ""},
        {"organ", "organic", ""},
        {"bus", "but", ""},
        {"bus", "bu", "too short for an ending"},
        {"os", "o", ""},
        {"port", "porte", "an e makes another word"},
        {"mer", "mere", ""},
        {"france", "franc", ""},
        {"pays", "paye", ""},
        {"pays", "pay", "French reads it as a whole"},
        {"news", "new", ""},
        {"fois", "foi", ""},
        {"mois", "moi", ""},
        {"mais", "mai", ""},
        {"paris", "pari", ""},
        {"cours", "cour", ""},
        {"fonds", "fond", ""},
        {"fils", "fil", ""},
        {"vers", "ver", ""},
        {"plus", "plu", ""},
        {"sous", "sou", ""},
        {"sens", "sen", ""},
        {"temps", "temp", ""},
        {"annee", "anne", "a noun of its own"},
        {"armee", "arme", ""},
        {"entree", "entre", ""},
        {"musee", "muse", ""},
        {"marie", "mary", "names"},
        {"julie", "july", ""},
        {"danielle", "daniel", ""},
        {"mariee", "marie", ""},
        {"duree", "dure", ""},
        {"portee", "porte", ""},
        {"fraise", "frais", "too short for -aise"},
        {"chaise", "chai", ""},
        {"selle", "sel", ""},
        {"partie", "parti", ""},
        {"peu", "peux", ""},
        {"toux", "tout", ""},
        {"express", "expres", "ss is no plural"},
        {"thing", "th", ""},
        {"king", "k", ""},
        {"string", "str", ""},
        {"something", "someth", ""},
        {"bring", "br", ""},
        {"during", "dure", ""},
        {"evening", "even", ""},
        {"camping", "camp", ""},
        {"red", "r", ""},
        {"speed", "spe", ""},
        {"united", "unit", ""},
        {"this", "the", ""},
        {"status", "statue", ""},
        {"analysis", "analyse", ""},
        {"hope", "hop", "hopping doubles it"},
        {"hoped", "hop", ""},
        {"hopping", "hope", ""},
        {"filing", "fill", ""},
        {"bonne", "bo", ""},
    };
    for (int i = 0; i < COUNT(rows); i++)
        if (!CHECK(!akin(rows[i][0], rows[i][1]))) printf("    %s, %s\n", rows[i][0], rows[i][1]);
}

TEST(what_is_no_plain_word_is_its_own_stem) {
    static const char *const rows[] = {"",     "a",    "as", "x1s",     "2024s",        "g20s",
                                       "οδοσ", "日本", "👍",  "привети", "\u1112\u1161s"};
    for (int i = 0; i < COUNT(rows); i++) {
        char out[2 * WORD_MAX];
        int second, first = word_stem(str_c(rows[i]), out, &second);
        CHECK_STR(str_of(out, first), str_c(rows[i]));
        CHECK_INT(second, 0);
    }
}

/* Of all words up to some length over few letters: bounds hold, and a stem is never longer. */
TEST(stems_are_never_longer_than_the_word_and_begin_as_it_does) {
    static const char letters[] = "aeusxlnidg";
    char word[8], out[2 * WORD_MAX];
    for (int n = 1; n <= 6; n++) {
        int total = 1;
        for (int i = 0; i < n; i++) total *= 10;
        for (int w = 0; w < total; w++) {
            for (int i = 0, rest = w; i < n; i++, rest /= 10) word[i] = letters[rest % 10];
            int second, first = word_stem(str_of(word, n), out, &second);
            if (first <= 0 || first > n || second < 0 || second > n) CHECK(!"within the word");
            if (out[0] != word[0] || (second && out[first] != word[0])) CHECK(!"its beginning");
        }
    }
    char longest[WORD_MAX];
    memset(longest, 'i', sizeof longest);
    memcpy(longest + WORD_MAX - 3, "ing", 3);
    int second;
    CHECK_INT(word_stem(str_of(longest, WORD_MAX), out, &second), WORD_MAX);
    CHECK_INT(second, WORD_MAX - 3);
}

T_MAIN(T_ROW(forms_of_a_word_find_each_other), T_ROW(different_words_stay_apart),
       T_ROW(what_is_no_plain_word_is_its_own_stem),
       T_ROW(stems_are_never_longer_than_the_word_and_begin_as_it_does))
