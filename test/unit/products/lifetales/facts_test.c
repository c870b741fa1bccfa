/* SPDX-License-Identifier: Apache-2.0
 * What facts find and what they leave alone: by rows, and measured on real notes into which names, dates
 * and numbers are sown. `facts_test measure` prints the figures of docs/lifetales-facts.md. */
#include "products/lifetales/facts.h"

#include <ctype.h>

#include "notes_world.h"
#include "products/lifetales/calendar.h"

static Time at(const char *text) {
    Time time = {0};
    CHECK(time_parse(str_c(text), &time));
    return time;
}

static const StoryNote *note_of(Arena *arena, const char *text, const char *when) {
    StoryNote *note = arena_new_of(arena, StoryNote);
    *note = (StoryNote){.id = S("n"), .text = str_c(text), .at = at(when)};
    return note;
}

typedef struct Row {
    const char *note, *text;
    const char *found; /* the inventions with | between; "" none */
} Row;

static void rows_check(const Row *rows, ptrdiff_t count, const char *when) {
    for (ptrdiff_t i = 0; i < count; i++) {
        Arena *arena = arena_new(16 * MIB);
        const StoryNote *note = note_of(arena, rows[i].note, when);
        ptrdiff_t found;
        Invention *all =
            facts_invented(arena, str_c(rows[i].text), &note, 1, zone_find("UTC"), &found);
        Buf b = buf_new(arena, 64);
        for (ptrdiff_t k = 0; k < found; k++) {
            if (k > 0) buf_byte(&b, '|');
            buf_add(&b, all[k].what);
            CHECK(str_eq(str_slice(str_c(rows[i].text), all[k].at, all[k].at + all[k].what.len),
                         all[k].what));
        }
        t_check_str(buf_str(&b), str_c(rows[i].found), rows[i].text, __FILE__, __LINE__);
        arena_free(arena);
    }
}

/* The notes below were made on Saturday 21 November 2026. */
static const char *const day = "2026-11-21T18:04:00Z";

TEST(finds_invented_numbers_however_they_are_written) {
    static const Row rows[] = {
        {"Nous étions trois.", "Nous étions 3.", ""},
        {"Nous étions trois.", "Nous étions quatre.", "quatre"},
        {"We were three.", "We were 3, all three of us.", ""},
        {"We were three.", "There were four of us.", "four"},
        {"Il y avait 97 marches.", "Quatre-vingt-dix-sept marches.", ""},
        {"Il y avait 97 marches.", "Quatre-vingt-dix-huit marches.", "Quatre-vingt-dix-huit"},
        {"Soixante et onze moutons", "71 moutons", ""},
        {"a regiment of 4,000 men", "A regiment of four thousand men.", ""},
        {"a regiment of 4,000 men", "Un régiment de 4 000 hommes.", ""},
        {"a regiment of 4,000 men", "A regiment of 5,000 men.", "5,000"},
        {"two hundred and five sheep", "205 sheep", ""},
        {"205 moutons", "deux cent cinq moutons", ""},
        {"in sixteen sixty-seven", "In 1667 it was.", ""},
        {"mille huit cent soixante-treize", "en 1873", ""},
        {"the £10,000 are gone", "The ten thousand pounds are gone.", ""},
        {"cela coûte 3,50 €", "It costs 3.50 euros.", ""},
        {"cela coûte 3,50 €", "Cela coûte 4,50 €.", "4,50"},
        {"Une hausse de 20 %", "Une hausse de vingt pour cent.", ""},
        {"a dozen eggs", "12 eggs", ""},
        {"une douzaine d'œufs", "treize œufs", "treize"},
        {"le 3e jour", "le troisième jour", ""},
        {"the third day", "the 3rd day", ""},
        {"the third day", "the 5th day", "5th"},
        {"Louis XIV est venu", "Louis 14 est venu", ""},
        {"Louis XIV est venu", "Louis XV est venu", "XV"},
        {"au XIXe siècle", "au dix-neuvième siècle", ""},
        {"à dix heures et demie", "à 10 h 30", ""},
        {"à 22 h", "At 10 pm", ""},
        {"à 22 h", "à 21 h", "21"},
        {"J'ai 19 ans", "Elle a vingt ans.", "vingt"},
        {"un chapeau", "un chapeau neuf", ""},
        {"des chevaux", "neuf chevaux", "neuf"},
        {"le four est chaud", "Le four est chaud.", ""},
        {"one of us", "one of us and a cent", ""},
        {"both of us", "the two of us", ""},
        {"trois millions", "3 millions", ""},
        {"3,2 millions", "3,4 millions", "3,4 millions"},
        {"we walked 5km", "We walked five kilometres.", ""},
        {"we walked 5km", "We walked 8km.", "8km"},
    };
    rows_check(rows, COUNT(rows), day);
}

TEST(finds_invented_dates_however_they_are_written) {
    static const Row rows[] = {
        {"À la mer.", "Samedi 21 novembre 2026, à la mer.", ""},
        {"À la mer.", "On Saturday, November 21st, 2026, at the sea.", ""},
        {"À la mer.", "Le 21/11/2026, à la mer.", ""},
        {"À la mer.", "2026-11-21: à la mer.", ""},
        {"À la mer.", "Dimanche, à la mer.", "Dimanche"},
        {"À la mer.", "Le 22 novembre, à la mer.", "22 novembre"},
        {"À la mer.", "Le 21 novembre 2025, à la mer.", "21 novembre 2025"},
        {"À la mer.", "En octobre, à la mer.", "octobre"},
        {"À la mer.", "In November 2026.", ""},
        {"À la mer.", "In November 2027.", "November 2027"},
        {"À la mer.", "Hier, à la mer.", "Hier"},
        {"Hier, à la mer.", "La veille, à la mer.", ""},
        {"Hier, à la mer.", "Vendredi 20 novembre, à la mer.", ""},
        {"Il y a trois jours, la mer.", "Le 18 novembre, la mer.", ""},
        {"Il y a trois jours, la mer.", "Le 17 novembre, la mer.", "17 novembre"},
        {"Two weeks ago, the sea.", "The 7th of November, the sea.", ""},
        {"Mardi, la mer.", "Mardi 17 novembre, la mer.", ""},
        {"Mardi, la mer.", "Mercredi, la mer.", "Mercredi"},
        {"le 3 juin", "the third of June", ""},
        {"le 3 juin", "on June 3rd", ""},
        {"le 3 juin", "03/06", ""},
        {"le 3 juin", "le 4 juin", "4 juin"},
        {"le 1er mai", "le premier mai", ""},
        {"le 1er mai", "On 1 May we sang.", ""},
        {"le 1er mai", "On 2 May we sang.", "2 May"},
        {"We may go.", "We may go, and march.", ""},
        {"born in 1873", "Born in 1873.", ""},
        {"born in 1873", "Born in 1874.", "1874"},
        {"Sept. 5th", "le 5 septembre", ""},
        {"Nous y allons demain.", "Dimanche, nous y allons.", ""},
    };
    rows_check(rows, COUNT(rows), day);
}

TEST(finds_invented_names_wherever_they_stand) {
    static const Row rows[] = {
        {"Julian est venu à Paris.", "Julian vint à Paris.", ""},
        {"Julian est venu à Paris.", "Julian est venu à Londres.", "Londres"},
        {"Julian est venu à Paris.", "Margaret est venue à Paris.", "Margaret"},
        {"Julian est venu à Paris.", "Puis Margaret vint.", "Margaret"},
        {"Julian est venu à Paris.", "Ensuite, Julian visita Paris. Heureusement !", ""},
        {"Julian est venu à Paris.", "JULIAN EST VENU À PARIS", ""},
        {"Julian est venu à Paris.", "MARGARET EST ICI À PARIS", "MARGARET"},
        {"Julian est venu.", "La Visite De Julian Le Matin", ""},
        {"Julian came.", "Julian's coming was a joy.", ""},
        {"Julian came.", "\u201cCome!\u201d said Julian.", ""},
        {"l'opéra", "à l'Opéra", ""},
        {"Jean est là, et Pierre.", "Jean-Pierre est là.", "Jean-Pierre"},
        {"Jean-Pierre est là.", "Jean-Pierre est là.", ""},
        {"Mr. W. Coventry", "Sir W. Coventry", ""},
        {"Mr. W. Coventry", "Mr. S. Coventry", "S. Coventry"},
        {"Mr. W. Coventry", "Mr. S.Coventry", "S.Coventry"},
        {"Mr. W. Coventry", "W Coventry came, and W.Coventry", ""},
        {"La lettre J, Martin l'a lue.", "Puis J. Martin l'a lue.", "J. Martin"},
        {"Le plan J\nMartin est venu.", "Puis J. Martin est venu.", "J. Martin"},
        {"Martin est venu.", "Puis J Martin est venu.", "J Martin"},
        {"J. Martin est venu.", "Puis J Martin est venu.", ""},
        {"Jean Martin est venu.", "Puis Jean P. Martin est venu.", "P. Martin"},
        {"Vitamine A. Paul dort.", "Vitamine A. Paul dort.", ""},
        {"les Gavini", "The Gavinis came.", ""},
        {"O'Brien and d'Artagnan", "O'Brien met d'Artagnan.", ""},
        {"O'Brien came", "O'Neill came", "Neill"},
        {"I went to Vienna.", "Je suis allée à Vienne.", ""},
        {"a rose in the garden of Paul", "He saw Rose in the garden.", "Rose"},
        {"Vincent van Gogh", "van Gogh, Vincent", ""},
        {"Went home by train.", "Going home by train, I slept.", ""},
        {"with my friend", "Kwame was with my friend.", "Kwame"},
        {"", "Margaret.", "Margaret"},
        {"😀", "😀", ""},
    };
    rows_check(rows, COUNT(rows), day);
}

TEST(finds_numbers_and_dates_in_other_scripts) {
    static const Row rows[] = {
        {"我们有三个孩子。", "我们有三个孩子。", ""},
        {"我们有三个孩子。", "我们有四个孩子。", "四"},
        {"我们有3个孩子。", "我们有三个孩子。", ""},
        {"海边", "2026年11月21日，海边", ""},
        {"海边", "二〇二六年十一月二十一日，海边", ""},
        {"海边", "2026年11月22日，海边", "2026年11月22日"},
        {"海边", "星期六，海边", ""},
        {"海边", "星期天，海边", "星期天"},
        {"كان عندي ثلاثة كتب", "كان عندي ٣ كتب", ""},
        {"كان عندي ثلاثة كتب", "كان عندي ٤ كتب", "٤"},
        {"ذهبنا", "يوم السبت ذهبنا", ""},
        {"ذهبنا", "يوم الاثنين ذهبنا", "الاثنين"},
        {"ذهبنا", "٢١ نوفمبر ٢٠٢٦", ""},
    };
    rows_check(rows, COUNT(rows), day);
}

TEST(cuts_sentences_where_people_do) {
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"Un. Deux. Trois.", "Un.|Deux.|Trois."},
        {"Mr. Mills came. Sir W. Penn too.", "Mr. Mills came.|Sir W. Penn too."},
        {"M. de Graves et Mme. Murat.", "M. de Graves et Mme. Murat."},
        {"Ah ! dit-elle. « Venez ! » Il vint.", "Ah ! dit-elle.|« Venez ! »|Il vint."},
        {"\"Come here.\" He came.", "\"Come here.\"|He came."},
        {"It cost 3.50 euros... and more. Done", "It cost 3.50 euros... and more.|Done"},
        {"Lettre au J.-C. Martin", "Lettre au J.-C. Martin"},
        {"Un titre\n\nLe texte\nqui suit.", "Un titre|Le texte\nqui suit."},
        {"- pain\n- lait", "- pain|- lait"},
        {"今天很好。我们去了海边！真的吗？是", "今天很好。|我们去了海边！|真的吗？|是"},
        {"ذهبنا؟ نعم.", "ذهبنا؟|نعم."},
        {"1. Du pain. 2. Du lait.", "1. Du pain.|2. Du lait."},
        {"", ""},
        {" \n ", ""},
        {"🎉", "🎉"},
        {"?!", "?!"},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Arena *arena = arena_new(MIB);
        ptrdiff_t count;
        Str text = str_c(rows[i].text);
        Range *ranges = story_sentences(arena, text, &count);
        Buf b = buf_new(arena, 64);
        for (ptrdiff_t k = 0; k < count; k++) {
            if (k > 0) buf_byte(&b, '|');
            buf_add(&b, str_slice(text, ranges[k].start, ranges[k].end));
        }
        t_check_str(buf_str(&b), str_c(rows[i].want), rows[i].text, __FILE__, __LINE__);
        arena_free(arena);
    }
}

TEST(knows_where_two_sentences_would_be_read_as_one) {
    static const struct {
        const char *before, *after;
        bool one;
    } rows[] = {
        {"C'est le plan B.", "Martin est venu.", true},
        {"C'est le plan b.", "Martin est venu.", false},
        {"Nous avons vu le Dr.", "Paul dormait.", true},
        {"Il est resté au no.", "3 personnes dormaient.", true},
        {"Il est resté.", "Martin est venu.", false},
        {"Et moi, I.", "Martin came.", false},
        {"Le plan B !", "Martin est venu.", false},
        {"une parole sans fin,", "qui va toujours", false},
        {"Le plan B.", "", false},
        {"", "Martin est venu.", false},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Arena *arena = arena_new(MIB);
        CHECK(sentences_run_on(arena, str_c(rows[i].before), str_c(rows[i].after)) == rows[i].one);
        arena_free(arena);
    }
}

/* Ranges rise, and leave out nothing but space. */
static bool covers(Str text, const Range *ranges, ptrdiff_t count) {
    ptrdiff_t behind = 0;
    for (ptrdiff_t i = 0; i <= count; i++) {
        ptrdiff_t start = i < count ? ranges[i].start : text.len;
        if (start < behind) return false;
        for (ptrdiff_t k = behind; k < start; k++)
            if ((unsigned char)text.data[k] > ' ' && (unsigned char)text.data[k] < 0x80)
                return false;
        if (i < count && ranges[i].end <= ranges[i].start) return false;
        behind = i < count ? ranges[i].end : behind;
    }
    return true;
}

TEST(loses_no_byte_of_any_text) {
    static const char *const bits[] = {"a", "B",    " ",      ".",   "! ", "\n",  "\n\n", "é",
                                       "…", "»",    "« ",     "M. ", "今", "。",  "\xff", "3",
                                       ",", "Mr. ", "\u00a0", "؟",   "\"", "12. "};
    Chance chance = {7};
    for (int round = 0; round < 3000; round++) {
        Arena *arena = arena_new(MIB);
        Buf b = buf_new(arena, 64);
        for (ptrdiff_t n = chance_below(&chance, 40); n-- > 0;)
            buf_add(&b, str_c(bits[chance_below(&chance, COUNT(bits))]));
        ptrdiff_t count, found;
        Range *ranges = story_sentences(arena, buf_str(&b), &count);
        CHECK(covers(buf_str(&b), ranges, count));
        const StoryNote note = {.id = S("n"), .text = buf_str(&b)}, *notes = &note;
        facts_invented(arena, buf_str(&b), &notes, 1, NULL, &found);
        CHECK_INT(found, 0); /* what a note says is in the note */
        arena_free(arena);
    }
}

TEST(parts_endless_speech) {
    Arena *arena = arena_new(64 * MIB);
    Buf b = buf_new(arena, 100000);
    while (b.len < 100000) buf_add(&b, S("et puis on est allés là bas "));
    ptrdiff_t count;
    Range *ranges = story_sentences(arena, buf_str(&b), &count);
    CHECK(count > 50);
    for (ptrdiff_t i = 0; i < count; i++) CHECK(ranges[i].end - ranges[i].start <= 1300);
    CHECK(covers(buf_str(&b), ranges, count));
    arena_free(arena);
}

TEST(names_the_notes_that_a_sentence_rests_on) {
    static const StoryNote notes[] = {
        {.id = S_INIT("a"), .text = S_INIT("Nous avons mangé des crêpes au port avec Léa.")},
        {.id = S_INIT("b"), .text = S_INIT("Le train pour Brest était en retard.")},
        {.id = S_INIT("c"), .text = S_INIT("Les crêpes de la gare étaient froides.")},
    };
    const StoryNote *list[] = {&notes[0], &notes[1], &notes[2]};
    static const struct {
        const char *sentence, *ids;
    } rows[] = {
        {"Le train de Brest avait du retard.", "b"},
        {"Au port, Léa mangeait une crêpe.", "a"},
        {"Des crêpes au port, et le train pour Brest en retard.", "ba"},
        {"Rien de tout cela.", "a"},
        {"", "a"},
        {"🎉", "a"},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Arena *arena = arena_new(MIB);
        ptrdiff_t found;
        const StoryNote **best = facts_sources(arena, str_c(rows[i].sentence), list, 3, &found);
        Buf b = buf_new(arena, 8);
        for (ptrdiff_t k = 0; k < found; k++) buf_add(&b, best[k]->id);
        t_check_str(buf_str(&b), str_c(rows[i].ids), rows[i].sentence, __FILE__, __LINE__);
        facts_sources(arena, str_c(rows[i].sentence), list, 0, &found);
        CHECK_INT(found, 0);
        arena_free(arena);
    }
}

/* -- measured on real notes ------------------------------------------------------------------------------- */

enum { ALARMS = 6 };
typedef struct Rate {
    const char *name;
    int64_t tried, hit;
} Rate;

static double per(const Rate *rate, double of) {
    return rate->tried ? of * (double)rate->hit / (double)rate->tried : 0;
}

typedef struct Bench {
    Arena *arena;
    NotesWorld world;
    Chance chance;
    bool show;
} Bench;

static bool any_found(Bench *b, Facts *facts, Str text, FactKind kind, bool all, Str must) {
    ptrdiff_t found;
    Arena *arena = arena_new(16 * MIB);
    Invention *items = facts_against(arena, facts, text, &found);
    bool hit = false;
    for (ptrdiff_t i = 0; i < found; i++) {
        bool there = must.len == 0 || str_find(items[i].what, must) >= 0 ||
                     str_find(must, items[i].what) >= 0;
        hit = hit || ((all || items[i].kind == kind) && there);
        if (b->show && all) printf("    alarm: %.*s\n", S_ARG(items[i].what));
    }
    arena_free(arena);
    return hit;
}

static Facts *facts_of(Bench *b, ptrdiff_t n) {
    const StoryNote *note = &b->world.items[n];
    return facts_gather(b->arena, &note, 1, zone_find("UTC"));
}

static Str tense_changed(Arena *arena, Str text) {
    static const char *const pairs[][2] = {
        {" est ", " était "},  {" a ", " avait "},    {" sont ", " étaient "}, {" va ", " allait "},
        {" ai ", " avais "},   {" dit ", " disait "}, {" fait ", " faisait "}, {" is ", " was "},
        {" are ", " were "},   {" have ", " had "},   {" do ", " did "},       {" go ", " went "},
        {" comes ", " came "}, {" dined ", " dine "}, {" went ", " go "},      {" hath ", " had "},
    };
    for (ptrdiff_t i = 0; i < COUNT(pairs); i++) {
        ptrdiff_t found;
        Str from = str_c(pairs[i][0]), to = str_c(pairs[i][1]);
        if ((found = str_find(text, from)) < 0) continue;
        text = strf(arena, "%.*s%.*s%.*s", (int)found, text.data, S_ARG(to),
                    S_ARG(str_slice(text, found + from.len, text.len)));
    }
    return text;
}

static Str capital_first(Arena *arena, Str text) {
    char *copy = str_cstr(arena, text);
    if (copy[0] >= 'a' && copy[0] <= 'z') copy[0] = (char)(copy[0] - 32);
    return str_c(copy);
}

/* "A, b c." becomes "B c, a." */
static Str turned(Arena *arena, Str text) {
    ptrdiff_t comma = str_find(text, S(", "));
    if (comma < 0) return text;
    Str head = str_slice(text, 0, comma), tail = str_slice(text, comma + 2, text.len);
    if (tail.len == 0) return text;
    return strf(arena, "%.*s, %.*s.", S_ARG(capital_first(arena, tail)), S_ARG(head));
}

/* Begun with other words than the note's. */
static Str begun_anew(Bench *b, Str text, bool french, bool another) {
    static const char *const openings[2][22] = {
        {"Later",
         "Subsequently",
         "Delighted",
         "Exhausted",
         "In the meantime",
         "Weary",
         "Unsurprisingly",
         "Strangely enough",
         "Back home",
         "Oddly",
         "Amid all this",
         "True to form",
         "Undeterred",
         "Curiously",
         "Regrettably",
         "Notably",
         "Needless to say",
         "Relieved",
         "Eager to know more",
         "Struck by this",
         "Against all odds",
         "Thoroughly pleased"},
        {"Ce jour-là",  "Plus tard",         "Parallèlement",     "Émue",
         "Malgré tout", "Dans la foulée",    "Curieusement",      "Sans surprise",
         "Entre-temps", "Visiblement",       "Fidèle à moi-même", "Comble de malchance",
         "Résignée",    "Au bout du compte", "Ironie du sort",    "Quoi qu'il en soit",
         "Lassée",      "Somme toute",       "Troublée",          "Tout compte fait",
         "Étonnamment", "Aussitôt après"}};
    static const char *const unseen[2][14] = {
        {"Tiring of it", "Hours afterwards", "Against my better judgement", "Cold and hungry",
         "Unfazed", "Predictably", "Bit by bit", "Wiser now", "Intent on leaving", "Heads bowed",
         "Hardly surprised", "Rested", "Puffing", "Sooner or later"},
        {"Quelques instants plus tard", "Perplexe", "Le cœur serré", "Piquée au vif",
         "Contre toute attente", "Vaille que vaille", "Du reste", "Ragaillardie", "Peu importe",
         "Pensivement", "Coûte que coûte", "Mine de rien", "Chemin faisant", "Saisie d'un doute"}};
    if (another)
        return strf(b->arena, "%s, %.*s", unseen[french][chance_below(&b->chance, 14)],
                    S_ARG(text));
    const char *opening = openings[french][chance_below(&b->chance, 22)];
    return strf(b->arena, "%s, %.*s", opening, S_ARG(text));
}

static void false_alarms(Bench *b, Rate rates[ALARMS]) {
    b->chance.state = 20261121;
    for (ptrdiff_t n = 0; n < b->world.count; n++) {
        Facts *facts = facts_of(b, n);
        Str text = b->world.items[n].text, before = S("");
        bool french = str_eq(b->world.languages[n], S("fr"));
        ptrdiff_t count;
        Range *ranges = story_sentences(b->arena, text, &count);
        for (ptrdiff_t i = 0; i < count; i++) {
            Str one = str_slice(text, ranges[i].start, ranges[i].end);
            Str told[ALARMS] = {
                one,
                strf(b->arena, "%.*s, %s %.*s", S_ARG(before), french ? "et" : "and", S_ARG(one)),
                turned(b->arena, one),
                tense_changed(b->arena, one),
                begun_anew(b, one, french, false),
                begun_anew(b, one, french, true)};
            for (int k = 0; k < ALARMS; k++) {
                rates[k].tried++;
                rates[k].hit += any_found(b, facts, told[k], FACT_NAME, true, S(""));
            }
            before = one;
        }
    }
}

/* Names of many peoples; those that are words as well are among them. */
static const char *const people[] = {
    "Margaret",  "Kwame",       "Ingrid",        "Yusuf",        "Svetlana",   "Thibault",
    "Aurélie",   "Rodrigo",     "Fatima",        "Bronisław",    "Nadège",     "Oluwaseun",
    "Tomasz",    "Béatrice",    "Hugues",        "Zoé",          "Leïla",      "Gaspard",
    "Henrietta", "Cuthbert",    "Phoebe",        "Barnaby",      "Winifred",   "Ezekiel",
    "Mathilde",  "Solène",      "Rémy",          "Chiara",       "Giuseppe",   "Kenji",
    "Priya",     "Anouk",       "Cédric",        "Dorothée",     "Fabrice",    "Yvonne",
    "Whitaker",  "Delacroix",   "Fernandez",     "Kowalski",     "Okonkwo",    "Lindqvist",
    "Beaumont",  "Vasseur",     "Jean-Baptiste", "Marie-Louise", "McAllister", "O'Sullivan",
    "SNCF",      "Will Turner", "Rose Martin",
};
static const char *const places[] = {
    "Marseille", "Lyon",     "Édimbourg", "Bristol",    "Tokyo",     "Montréal",   "Chicago",
    "Le Caire",  "Kyiv",     "Grenoble",  "Toulouse",   "Liverpool", "Dublin",     "Cracovie",
    "Istanbul",  "Québec",   "Dakar",     "Manchester", "New York",  "Saint-Malo", "Oslo",
    "Aberdeen",  "Bordeaux", "Lisbon",    "Cambrai",    "Perpignan",
};
typedef struct Count {
    const char *digits, *french, *english;
} Count;
static const Count counts[] = {
    {"13", "treize", "thirteen"},
    {"17", "dix-sept", "seventeen"},
    {"29", "vingt-neuf", "twenty-nine"},
    {"43", "quarante-trois", "forty-three"},
    {"58", "cinquante-huit", "fifty-eight"},
    {"71", "soixante et onze", "seventy-one"},
    {"86", "quatre-vingt-six", "eighty-six"},
    {"97", "quatre-vingt-dix-sept", "ninety-seven"},
    {"112", "cent douze", "one hundred and twelve"},
    {"340", "trois cent quarante", "three hundred and forty"},
    {"2,500", "deux mille cinq cents", "two thousand five hundred"},
    {"7", "sept", "seven"},
    {"4", "quatre", "four"},
    {"9", "neuf", "nine"},
    {"6", "six", "six"},
    {"38", "trente-huit", "thirty-eight"},
    {"15,000", "quinze mille", "fifteen thousand"},
    {"64", "soixante-quatre", "sixty-four"},
};
static const char *const months_fr[] = {"janvier",   "février", "mars",     "avril",
                                        "mai",       "juin",    "juillet",  "août",
                                        "septembre", "octobre", "novembre", "décembre"};
static const char *const months_en[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
static const char *const weekdays_fr[] = {"dimanche", "lundi",    "mardi", "mercredi",
                                          "jeudi",    "vendredi", "samedi"};
static const char *const weekdays_en[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                          "Thursday", "Friday", "Saturday"};

/* By the letters alone, whatever facts make of it. */
static bool says(Bench *b, ptrdiff_t n, const char *what) {
    return str_find(str_lower(b->arena, b->world.items[n].text),
                    str_lower(b->arena, str_c(what))) >= 0;
}

/* Between two words of it, not at its beginning. */
static Str sown_in(Bench *b, Str sentence, Str what) {
    ptrdiff_t spaces = 0;
    for (ptrdiff_t i = 0; i < sentence.len; i++) spaces += sentence.data[i] == ' ';
    if (spaces == 0) return strf(b->arena, "%.*s %.*s", S_ARG(sentence), S_ARG(what));
    ptrdiff_t nth = chance_below(&b->chance, spaces), where = 0;
    for (ptrdiff_t i = 0; i < sentence.len; i++)
        if (sentence.data[i] == ' ' && nth-- == 0) where = i;
    return strf(b->arena, "%.*s %.*s%.*s", (int)where, sentence.data, S_ARG(what),
                S_ARG(str_slice(sentence, where, sentence.len)));
}

/* A number word of the text becomes another. */
static Str word_changed(Bench *b, ptrdiff_t n, Str text, bool french, Str *what) {
    static const char *const words[2][8] = {
        {" two ", " three ", " four ", " five ", " six ", " seven ", " eight ", " twelve "},
        {" deux ", " trois ", " quatre ", " cinq ", " six ", " sept ", " huit ", " douze "}};
    static const char *const digits[] = {"2", "3", "4", "5", "6", "7", "8", "12"};
    for (int i = 0; i < 8; i++) {
        ptrdiff_t found = str_find(text, str_c(words[french][i])), to = chance_below(&b->chance, 8);
        bool noon = str_eq(str_c(digits[to]), S("12")) &&
                    (says(b, n, "midi") || says(b, n, "minuit") || says(b, n, "noon"));
        if (found < 0 || noon) continue;
        const char *other = words[french][to];
        Str bare = str_trim(str_c(other));
        if (says(b, n, str_cstr(b->arena, bare)) || says(b, n, digits[to])) continue;
        *what = bare;
        return strf(b->arena, "%.*s%s%.*s", (int)found, text.data, other,
                    S_ARG(str_slice(text, found + (ptrdiff_t)strlen(words[french][i]), text.len)));
    }
    return (Str){0};
}

enum {
    SOWN_NAME,
    SOWN_START,
    SOWN_PLACE,
    SOWN_DIGITS,
    SOWN_WORDS,
    SOWN_DATE,
    SOWN_WEEKDAY,
    SOWN_YEAR,
    SOWN_CHANGED,
    SOWN_OTHER_WORD,
    SOWN
};

/* The digits of the text's first number, one more; null where it has none that would be new. */
static Str number_changed(Bench *b, ptrdiff_t n, Str text, Str *what) {
    for (ptrdiff_t i = 0; i < text.len; i++) {
        ptrdiff_t end = i;
        while (end < text.len && isdigit((unsigned char)text.data[end])) end++;
        if (end == i) continue;
        bool grouped = end < text.len && text.data[end] == ',';
        int64_t value;
        if (end - i > 4 || grouped || !str_to_i64(str_slice(text, i, end), &value) || value < 2)
            return (Str){0};
        *what = strf(b->arena, "%lld", (long long)value + 1);
        if (says(b, n, str_cstr(b->arena, *what))) return (Str){0};
        Str spelled = *what;
        for (ptrdiff_t k = 0; k < COUNT(counts); k++)
            if (str_eq(str_c(counts[k].digits), spelled) &&
                (says(b, n, counts[k].french) || says(b, n, counts[k].english)))
                return (Str){0};
        return strf(b->arena, "%.*s%.*s%.*s", (int)i, text.data, S_ARG(*what),
                    S_ARG(str_slice(text, end, text.len)));
    }
    return (Str){0};
}

static Str sow(Bench *b, ptrdiff_t n, Str sentence, int kind, Str *what, FactKind *fact) {
    bool french = str_eq(b->world.languages[n], S("fr"));
    int64_t own = calendar_day(calendar_local(b->world.items[n].at, NULL).year,
                               calendar_local(b->world.items[n].at, NULL).month,
                               calendar_local(b->world.items[n].at, NULL).day);
    Civil civil = calendar_civil(own);
    const char *name;
    *fact = FACT_NAME;
    switch (kind) {
    case SOWN_NAME:
    case SOWN_START:
        name = people[chance_below(&b->chance, COUNT(people))];
        if (says(b, n, name)) return (Str){0};
        *what = str_c(name);
        if (kind == SOWN_NAME)
            return sown_in(b, sentence, strf(b->arena, "%s %s", french ? "avec" : "with", name));
        return strf(b->arena, "%s %s %.*s", name, french ? "arriva." : "came.", S_ARG(sentence));
    case SOWN_PLACE:
        name = places[chance_below(&b->chance, COUNT(places))];
        if (says(b, n, name)) return (Str){0};
        *what = str_c(name);
        return sown_in(b, sentence, strf(b->arena, "%s %s", french ? "à" : "in", name));
    case SOWN_DIGITS:
    case SOWN_WORDS: {
        const Count *count = &counts[chance_below(&b->chance, COUNT(counts))];
        if (says(b, n, count->digits) || says(b, n, count->french) || says(b, n, count->english))
            return (Str){0};
        *fact = FACT_NUMBER;
        *what = str_c(kind == SOWN_DIGITS ? count->digits
                      : french            ? count->french
                                          : count->english);
        return sown_in(b, sentence,
                       strf(b->arena, "%.*s %s", S_ARG(*what), french ? "chevaux" : "horses"));
    }
    case SOWN_DATE: {
        int month = (int)chance_below(&b->chance, 12),
            number = 2 + (int)chance_below(&b->chance, 26);
        if (says(b, n, months_fr[month]) || says(b, n, months_en[month]) ||
            month + 1 == civil.month)
            return (Str){0};
        *fact = FACT_DATE;
        *what = french ? strf(b->arena, "%d %s", number, months_fr[month])
                       : strf(b->arena, "%s %d", months_en[month], number);
        return sown_in(b, sentence, strf(b->arena, "%s %.*s", french ? "le" : "on", S_ARG(*what)));
    }
    case SOWN_WEEKDAY: {
        int weekday = (int)chance_below(&b->chance, 7);
        int apart = ((weekday - (int)((own + 4) % 7 + 7) % 7) % 7 + 7) % 7;
        for (int i = 0; i < 12; i++)
            if (says(b, n, months_fr[i]) || says(b, n, months_en[i])) return (Str){0};
        bool told = apart < 2 || apart > 5 || says(b, n, " days") || says(b, n, " jours");
        if (told || says(b, n, weekdays_fr[weekday]) || says(b, n, weekdays_en[weekday]))
            return (Str){0};
        *fact = FACT_DATE;
        *what = str_c(french ? weekdays_fr[weekday] : weekdays_en[weekday]);
        return sown_in(b, sentence, strf(b->arena, "%s %.*s", french ? "ce" : "on", S_ARG(*what)));
    }
    case SOWN_YEAR:
        *fact = FACT_DATE;
        *what = strf(b->arena, "%d", civil.year + (chance_below(&b->chance, 2) ? 1 : -1));
        if (says(b, n, str_cstr(b->arena, *what))) return (Str){0};
        return sown_in(b, sentence, strf(b->arena, "%s %.*s", french ? "en" : "in", S_ARG(*what)));
    case SOWN_OTHER_WORD: *fact = FACT_NUMBER; return word_changed(b, n, sentence, french, what);
    default: *fact = FACT_NUMBER; return number_changed(b, n, sentence, what);
    }
}

static void inventions_sown(Bench *b, Rate rates[SOWN]) {
    b->chance.state = 20261122;
    for (ptrdiff_t n = 0; n < b->world.count; n++) {
        Facts *facts = facts_of(b, n);
        Str text = b->world.items[n].text;
        ptrdiff_t count;
        Range *ranges = story_sentences(b->arena, text, &count);
        for (ptrdiff_t i = 0; i < count; i++)
            for (int kind = 0; kind < SOWN; kind++) {
                Str what = {0};
                FactKind fact;
                Str sown =
                    sow(b, n, str_slice(text, ranges[i].start, ranges[i].end), kind, &what, &fact);
                if (str_is_null(sown)) continue;
                rates[kind].tried++;
                bool hit = any_found(b, facts, sown, fact, kind == SOWN_CHANGED, what);
                rates[kind].hit += hit;
                if (!hit && b->show) printf("    missed %s: %.*s\n", rates[kind].name, S_ARG(sown));
            }
    }
}

static bool bench_open(Bench *b, bool show) {
    *b = (Bench){.arena = arena_new(1024 * MIB), .chance = {20261121}, .show = show};
    if (notes_load(b->arena, &b->world)) return true;
    arena_free(b->arena);
    return false;
}

static const Rate alarm_rows[ALARMS] = {{"as they are", 0, 0},
                                        {"joined", 0, 0},
                                        {"turned round", 0, 0},
                                        {"in another tense", 0, 0},
                                        {"begun with other words", 0, 0},
                                        {"begun with words not looked at before", 0, 0}};
static const Rate sown_rows[SOWN] = {{"name", 0, 0},
                                     {"name, first word", 0, 0},
                                     {"place", 0, 0},
                                     {"number in digits", 0, 0},
                                     {"number in words", 0, 0},
                                     {"day and month", 0, 0},
                                     {"weekday", 0, 0},
                                     {"year, one off", 0, 0},
                                     {"number, one more", 0, 0},
                                     {"number word, another", 0, 0}};

TEST(finds_what_is_sown_into_real_notes) {
    Bench b;
    if (!bench_open(&b, false)) SKIP("no shared data (SOCLE_SHARED_DATA)");
    Rate rates[SOWN];
    memcpy(rates, sown_rows, sizeof rates);
    inventions_sown(&b, rates);
    for (int i = 0; i < SOWN; i++) {
        if (!CHECK(rates[i].tried > 0 && per(&rates[i], 100) >= (rates[i].tried < 100 ? 90 : 98)))
            printf("    %s: %.2f %%\n", rates[i].name, per(&rates[i], 100));
    }
    arena_free(b.arena);
}

TEST(leaves_real_notes_alone) {
    Bench b;
    if (!bench_open(&b, false)) SKIP("no shared data (SOCLE_SHARED_DATA)");
    Rate rates[ALARMS];
    memcpy(rates, alarm_rows, sizeof rates);
    false_alarms(&b, rates);
    for (int i = 0; i < ALARMS; i++) {
        if (!CHECK(per(&rates[i], 1000) <= (i == 0 ? 2 : i == ALARMS - 1 ? 300 : 5)))
            printf("    %s: %.2f ‰\n", rates[i].name, per(&rates[i], 1000));
    }
    arena_free(b.arena);
}

static int measure(bool show) {
    Bench b;
    if (!bench_open(&b, show)) {
        printf("no shared data (SOCLE_SHARED_DATA)\n");
        return 1;
    }
    Rate alarms[ALARMS], sown[SOWN];
    memcpy(alarms, alarm_rows, sizeof alarms);
    memcpy(sown, sown_rows, sizeof sown);
    false_alarms(&b, alarms);
    inventions_sown(&b, sown);
    printf("| the notes' own sentences | sentences | with a false alarm | of 1000 "
           "|\n|---|---|---|---|\n");
    for (int i = 0; i < ALARMS; i++)
        printf("| %s | %lld | %lld | %.1f |\n", alarms[i].name, (long long)alarms[i].tried,
               (long long)alarms[i].hit, per(&alarms[i], 1000));
    printf("\n| sown | inventions | found | %% |\n|---|---|---|---|\n");
    for (int i = 0; i < SOWN; i++)
        printf("| %s | %lld | %lld | %.2f |\n", sown[i].name, (long long)sown[i].tried,
               (long long)sown[i].hit, per(&sown[i], 100));
    arena_free(b.arena);
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "measure") == 0) return measure(argc > 2);
    static const T rows[] = {
        T_ROW(finds_invented_numbers_however_they_are_written),
        T_ROW(finds_invented_dates_however_they_are_written),
        T_ROW(finds_invented_names_wherever_they_stand),
        T_ROW(finds_numbers_and_dates_in_other_scripts),
        T_ROW(cuts_sentences_where_people_do),
        T_ROW(knows_where_two_sentences_would_be_read_as_one),
        T_ROW(loses_no_byte_of_any_text),
        T_ROW(parts_endless_speech),
        T_ROW(names_the_notes_that_a_sentence_rests_on),
        T_ROW(finds_what_is_sown_into_real_notes),
        T_ROW(leaves_real_notes_alone),
    };
    return t_main(argc, argv, rows, COUNT(rows));
}
