/* SPDX-License-Identifier: Apache-2.0
 * Light stems: rules for the endings of nouns and adjectives in French, and of nouns and verbs in
 * English, in tables. In the spirit of Savoy's light French stemmer ("A stemming procedure and
 * stopword list for general French corpora", JASIS 50(10), 1999) and of Harman's S-stemmer ("How
 * effective is suffixing?", JASIS 42(1), 1991) with -ed and -ing after Porter (1980); written anew
 * because words come here without accents (mer and mère differ by their e alone, so no rule may
 * take any e away), and in either language without saying which.
 *
 * A stem begins with its word's first letter. A word that both languages' rules know gets two. Where a rule would make two different
 * words one, a list of exceptions keeps them apart: to find too little is better than nonsense,
 * since the word as written is found anyway. */
#include "search/text.h"

#include <stdlib.h>

typedef struct Rule {
    const char *end, *instead;
    int from; /* letters of the shortest word it is for */
} Rule;

typedef struct Pair {
    const char *word, *stem;
} Pair;

/* A word being changed. */
typedef struct Stem {
    char text[WORD_MAX + 1];
    int length;
} Stem;

static bool ends(const Stem *s, const char *end) {
    int n = (int)strlen(end);
    return s->length >= n && memcmp(s->text + s->length - n, end, (size_t)n) == 0;
}

static void end_put(Stem *s, int drop, const char *add) {
    int n = (int)strlen(add);
    s->length += n - drop;
    assert(s->length >= 0 && s->length <= WORD_MAX);
    memcpy(s->text + s->length - n, add, (size_t)n);
    s->text[s->length] = 0;
}

/* The first rule that fits is followed; true if there was one. */
static bool rules_follow(Stem *s, const Rule *rules, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) {
        if (s->length < rules[i].from || !ends(s, rules[i].end)) continue;
        end_put(s, (int)strlen(rules[i].end), rules[i].instead);
        return true;
    }
    return false;
}

static int text_order(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_among(const Stem *s, const char *const *sorted, ptrdiff_t count) {
    const char *text = s->text;
    return bsearch(&text, sorted, (size_t)count, sizeof *sorted, text_order) != NULL;
}

static bool pair_follow(Stem *s, const Pair *sorted, ptrdiff_t count) {
    const char *text = s->text; /* a Pair begins with its word */
    const Pair *p = bsearch(&text, sorted, (size_t)count, sizeof *sorted, text_order);
    if (p) end_put(s, s->length, p->stem);
    return p != NULL;
}

/* Words that look like another's plural, or that would take another's stem. */
static const char *const kept[] = {
    "abus",    "bois", "bras",  "bus",   "camping", "corps",  "cours", "dans",  "during", "evening",
    "fils",    "fois", "fonds", "gens",  "julie",   "lens",   "mais",  "marie", "mars",   "mois",
    "morning", "news", "ours",  "paris", "parking", "pays",   "peux",  "plus",  "pois",   "pres",
    "sans",    "sens", "sous",  "temps", "trois",   "united", "vers",  "veux"};

/* Most words are told apart by their last letter: no table is searched for what it cannot hold. */
static bool ends_in(const Stem *s, const char *letters) {
    return strchr(letters, s->text[s->length - 1]) != NULL;
}

static bool is_kept(const Stem *s) { return ends_in(s, "degsx") && is_among(s, kept, COUNT(kept)); }

/* -- French -------------------------------------------------------------------------------------- */

static const Rule french_plurals[] = {
    {"loyaux", "loyal", 6}, {"royaux", "royal", 6}, {"yaux", "yau", 5},
    {"eaux", "eau", 4},     {"aux", "al", 5},       {"oux", "ou", 4},
    {"eux", "eu", 4},       {"ss", "ss", 2},        {"s", "", 4},
};

static const Pair french_pairs[] = {
    {"beau", "bel"},       {"belle", "bel"},    {"blanche", "blanc"},   {"bonne", "bon"},
    {"douce", "dou"},      {"elue", "elu"},     {"epouse", "epou"},     {"fausse", "faux"},
    {"forte", "fort"},     {"grande", "grand"}, {"haute", "haut"},      {"longue", "long"},
    {"nouveau", "nouvel"}, {"petite", "petit"}, {"publique", "public"}, {"seule", "seul"},
    {"toute", "tout"},     {"verte", "vert"},   {"vieil", "vieu"},      {"vieille", "vieu"},
};

static const Pair french_irregular_plurals[] = {
    {"coraux", "corail"}, {"tous", "tout"}, {"travaux", "travail"}, {"vitraux", "vitrail"}};

/* Feminine forms become masculine ones. */
static const Rule french_feminines[] = {
    {"ienne", "ien", 7}, {"eenne", "een", 7}, {"yenne", "yen", 7}, {"ielle", "iel", 7},
    {"nelle", "nel", 7}, {"uelle", "uel", 7}, {"velle", "vel", 7}, {"trice", "teur", 7},
    {"iere", "ier", 7},  {"gere", "ger", 6},  {"euse", "eu", 6},   {"aise", "ai", 7},
    {"oise", "oi", 7},   {"aine", "ain", 7},  {"ante", "ant", 8},  {"ente", "ent", 8},
    {"ive", "if", 5},    {"ale", "al", 6},    {"ee", "e", 5},
};

/* Nouns in -ée beside which there is another word in -e, and names. */
static const char *const french_kept[] = {
    "annee", "armee",     "chaussee", "coree", "danielle", "donnee", "duree", "entree",
    "fusee", "gabrielle", "mariee",   "musee", "portee",   "poupee", "rosee", "tranchee"};

static void french_stem(Stem *s) {
    if (ends_in(s, "sx")) {
        if (pair_follow(s, french_irregular_plurals, COUNT(french_irregular_plurals))) return;
        rules_follow(s, french_plurals, COUNT(french_plurals));
    }
    if (!ends_in(s, "elu") || pair_follow(s, french_pairs, COUNT(french_pairs))) return;
    if (!ends_in(s, "e") || is_among(s, french_kept, COUNT(french_kept))) return;
    rules_follow(s, french_feminines, COUNT(french_feminines));
}

/* -- English ------------------------------------------------------------------------------------- */

static const Pair english_pairs[] = {{"children", "child"}, {"men", "man"}, {"women", "woman"}};

static const Rule english_plurals[] = {
    {"ies", "y", 5},   {"sses", "ss", 5}, {"xes", "x", 5}, {"ches", "ch", 6},
    {"shes", "sh", 6}, {"oes", "o", 6},   {"ss", "ss", 2}, {"us", "us", 2},
    {"is", "is", 2},   {"s", "", 4},      {"ie", "y", 5},
};

static bool is_vowel(const char *text, int at) {
    if (text[at] == 'u' && at > 0 && text[at - 1] == 'q') return false;
    return strchr("aeiou", text[at]) != NULL || (text[at] == 'y' && at > 0);
}

static int vowel_groups(const Stem *s) {
    int groups = 0;
    for (int i = 0; i < s->length; i++)
        groups += is_vowel(s->text, i) && (i == 0 || !is_vowel(s->text, i - 1));
    return groups;
}

/* Did the word lose an e before -ed or -ing? English doubles the consonant of a short stem that
 * never had one, so what is short and single had one; for longer stems the ending tells. */
static bool lost_an_e(const Stem *s) {
    static const char *const always[] = {"ais", "ang", "aus", "bl",  "c",   "cl", "creat",
                                         "dg",  "dl",  "eas", "eng", "fl",  "gl", "iat",
                                         "kl",  "ls",  "ns",  "ois", "ous", "pl", "ps",
                                         "rg",  "rs",  "tl",  "u",   "uat", "v",  "zl"};
    static const char *const single[] = {
        "ad", "ag", "ap", "ar", "as", "at", "com", "eg", "id", "ig", "il", "in", "ir", "is",
        "iz", "od", "og", "ok", "os", "ot", "ud",  "ug", "ul", "um", "ur", "us", "ut", "yz"};
    int n = s->length;
    for (ptrdiff_t i = 0; i < COUNT(always); i++)
        if (ends(s, always[i])) return true;
    if (is_vowel(s->text, n - 1) || !is_vowel(s->text, n - 2)) return false;
    if (n > 2 && is_vowel(s->text, n - 3)) return false;
    if (vowel_groups(s) == 1) return !strchr("wx", s->text[n - 1]);
    for (ptrdiff_t i = 0; i < COUNT(single); i++)
        if (ends(s, single[i])) return true;
    return false;
}

/* running: run; but adding: add, telling: tell. */
static void consonant_single(Stem *s) {
    int n = s->length;
    if (n <= 3 || s->text[n - 1] != s->text[n - 2] || !strchr("bdglmnprt", s->text[n - 1])) return;
    if (s->text[n - 1] == 'l' && (n <= 4 || ends(s, "all"))) return;
    end_put(s, 1, "");
}

static void verb_stem(Stem *s) {
    Stem verb = *s;
    if (ends(s, "ied") && s->length > 3) {
        end_put(s, s->length == 4 ? 1 : 3, s->length == 4 ? "" : "y");
        return;
    }
    if (ends(s, "thing") || ends(s, "ceed")) return;
    bool agreed = ends(s, "eed"), ed = ends(s, "ed");
    if (!ed && !ends(s, "ing")) return;
    end_put(&verb, agreed ? 1 : ed ? 2 : 3, "");
    if (verb.length < 3 || vowel_groups(&verb) < (agreed ? 2 : 1)) return;
    *s = verb;
    if (agreed) return;
    bool twice = s->text[s->length - 1] == s->text[s->length - 2];
    if (twice)
        consonant_single(s);
    else if (lost_an_e(s))
        end_put(s, 0, "e");
}

static void english_stem(Stem *s) {
    if (ends_in(s, "n"))
        pair_follow(s, english_pairs, COUNT(english_pairs));
    else if (ends_in(s, "se"))
        rules_follow(s, english_plurals, COUNT(english_plurals));
    else if (ends_in(s, "dg"))
        verb_stem(s);
}

/* -- Both ---------------------------------------------------------------------------------------- */

static bool is_plain(Str word) {
    if (word.len < 3 || word.len > WORD_MAX) return false;
    for (ptrdiff_t i = 0; i < word.len; i++)
        if (word.data[i] < 'a' || word.data[i] > 'z') return false;
    return true;
}

static Stem stem_begin(Str word) {
    Stem s;
    s.length = (int)word.len;
    memcpy(s.text, word.data, (size_t)word.len);
    s.text[word.len] = 0;
    return s;
}

int word_stem(Str word, char out[2 * WORD_MAX], int *second) {
    assert(word.len >= 0 && word.len <= WORD_MAX);
    *second = 0;
    if (!is_plain(word)) {
        if (word.len > 0) memcpy(out, word.data, (size_t)word.len);
        return (int)word.len;
    }
    Stem french = stem_begin(word), english = french;
    if (!is_kept(&french)) {
        french_stem(&french);
        english_stem(&english);
    }
    memcpy(out, french.text, (size_t)french.length);
    if (french.length != english.length ||
        memcmp(french.text, english.text, (size_t)french.length) != 0) {
        memcpy(out + french.length, english.text, (size_t)english.length);
        *second = english.length;
    }
    return french.length;
}
