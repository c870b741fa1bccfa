/* SPDX-License-Identifier: Apache-2.0
 * Marks are written [so]. */
#include "search/query.h"

#include "t.h"

enum { MEMORY = 64 * 1024 * 1024 };

static const SearchField fields[] = {{"text", SEARCH_TEXT, SEARCH_FOR},
                                     {"name", SEARCH_TEXT, SEARCH_FOR | SEARCH_EXACT}};
static const char *const exacts[] = {"quivk", NULL};
static const SearchDef def = {.name = "notes",
                              .fields = fields,
                              .field_count = COUNT(fields),
                              .order_field = -1,
                              .partition_field = -1,
                              .tuning = {.stem = true, .exact_words = exacts}};
static const SearchMark marks = {.before = S_INIT("["), .after = S_INIT("]"), .gap = S_INIT("…")};

typedef struct Row {
    const char *q, *text, *marked;
    int crop;
} Row;

static Ctx *ctx_begin(ptrdiff_t memory) {
    Arena *arena = arena_new(memory);
    Ctx *c = arena_new_of(arena, Ctx);
    c->arena = arena;
    return c;
}

static SearchQuery *query_of(Ctx *c, const SearchDef *d, const char *q, bool operators) {
    SearchRequest r = SEARCH_REQUEST;
    SearchQuery *query = NULL;
    r.q = str_c(q);
    r.operators = operators;
    CHECK(query_parse(c, d, &r, &query) == NULL);
    return query;
}

static void rows_check(const Row *rows, ptrdiff_t count, const SearchDef *d, bool operators) {
    for (ptrdiff_t i = 0; i < count; i++) {
        Ctx *c = ctx_begin(MEMORY);
        SearchQuery *query = query_of(c, d, rows[i].q, operators);
        SearchMark mark = marks;
        mark.crop_words = rows[i].crop;
        Str got = search_highlight(c->arena, query, str_c(rows[i].text), &mark);
        if (!CHECK_STR(got, str_c(rows[i].marked))) printf("    for %s\n", rows[i].q);
        arena_free(c->arena);
    }
}

TEST(marks_words_that_are_equal_or_begin_so) {
    static const Row rows[] = {
        {"world ", "Hello World, worldly world.", "Hello [World], worldly [world].", 0},
        {"world", "Hello World, worldly world.", "Hello [World], [world]ly [world].", 0},
        {"split the world", "Emily Henry: The Love That Split The World.",
         "Emily Henry: [The] Love That [Split] [The] [World].", 0},
        {"nothing here ", "Something else", "Something else", 0},
        {"", "Anything", "Anything", 0},
        {"a", "", "", 0},
        {"l'eau ", "De l’eau, à l'Eau", "De [l]’[eau], à [l]'[Eau]", 0},
        {"x -y", "x y", "[x] y", 0},
    };
    rows_check(rows, COUNT(rows), &def, false);
}

TEST(marks_cover_whole_letters_of_the_original) {
    static const Row rows[] = {
        {"world", "Ŵôřlḑôle Ŵôřlḑ", "[Ŵôřlḑ]ôle [Ŵôřlḑ]", 0},
        {"westfali", "Westfália", "[Westfáli]a", 0},
        {"ete ", "l'Été, e\xcc\x81te\xcc\x81.", "l'[Été], [e\xcc\x81te\xcc\x81].", 0},
        {"et", "e\xcc\x81te\xcc\x81s", "[e\xcc\x81t]e\xcc\x81s", 0},
        {"ete", "e\xcc\x81te\xcc\x81s", "[e\xcc\x81te\xcc\x81]s", 0},
        {"o", "Œuvre", "[Œ]uvre", 0}, /* half of œ is all of it */
        {"oeu", "Œuvre", "[Œu]vre", 0},
        {"stras", "Straße", "[Stra\xc3\x9f]e", 0},
        {"👍", "Bravo 👍🏽!", "Bravo [👍🏽]!", 0},
        {"❤ ", "I ❤️ you", "I [❤️] you", 0},
        {"🏃", "🏃🏽‍♂️ vite", "[🏃🏽‍♂️] vite", 0},
        {"東京 ", "私は東京都に住む", "私は[東京]都に住む", 0},
        {"東京都 ", "私は東京都に住む", "私は[東京都]に住む", 0},
        {"が", "「が」", "「[が]」", 0},
        {"שלום ", "אמר שָׁלוֹם לו", "אמר [שָׁלוֹם] לו", 0},
        {"مدرسة ", "في مَدْرَسَة هنا", "في [مَدْرَسَة] هنا", 0},
        {"ไทย ", "ภาษาไทยง่าย", "ภาษา[ไทย]ง่าย", 0},
        {"b ",
         "a\xff"
         "b\xff",
         "a\xff"
         "[b]\xff",
         0},
    };
    rows_check(rows, COUNT(rows), &def, false);
}

TEST(marks_words_with_typing_errors) {
    static const Row rows[] = {
        {"phnoe ", "my phone", "my [phone]", 0},
        {"caturday ", "saturday", "saturday", 0},
        {"interconections ", "interconnection interconnections",
         "[interconnection] [interconnections]", 0},
        {"iphoe", "an iphone, iphones", "an [iphone], [iphon]es", 0},
        {"tow ", "two", "two", 0},                     /* too short */
        {"quivk ", "quick quivk", "quick [quivk]", 0}, /* an exact word */
        {"hello ", "ehllo", "ehllo", 0},
    };
    rows_check(rows, COUNT(rows), &def, false);
}

TEST(typing_errors_are_not_forgiven_where_only_exact_fields_are_searched) {
    static const SearchField exact_fields[] = {{"name", SEARCH_TEXT, SEARCH_FOR | SEARCH_EXACT}};
    SearchDef exact = def;
    exact.fields = exact_fields;
    exact.field_count = 1;
    static const Row rows[] = {
        {"phnoe ", "my phone", "my phone", 0},
        {"phone ", "my phone", "my [phone]", 0},
        {"sun flawer ", "sunflower", "sunflower", 0},
        {"any way ", "anyway", "[anyway]", 0}, /* written otherwise, but without errors */
        {"newspaper ", "news paper", "[news paper]", 0},
    };
    rows_check(rows, COUNT(rows), &exact, false);
}

TEST(marks_words_that_share_a_stem_where_the_index_does) {
    static const Row rows[] = {
        {"cheval ", "les chevaux de la chevalerie", "les [chevaux] de la chevalerie", 0},
        {"run ", "running runs runner", "[running] [runs] runner", 0},
    };
    rows_check(rows, COUNT(rows), &def, false);
    SearchDef plain = def;
    plain.tuning.stem = false;
    static const Row without[] = {{"cheval ", "les chevaux", "les chevaux", 0}};
    rows_check(without, COUNT(without), &plain, false);
}

TEST(phrases_are_one_mark) {
    static const Row rows[] = {
        {"\"the world\"", "split the world, the. world", "split [the world], the. world", 0},
        {"\"do or\" \"t he\" the ", "the do or die can't be he do and or isn't he",
         "[the] [do or] die can't be he do and or isn'[t he]", 0},
        {"\"the world", "The World", "[The World]", 0},
        {"\"quikc\"", "quick", "quick", 0},        /* no typing errors */
        {"\"a. b\"", "a. b a b", "[a. b] a b", 0}, /* a gap is a gap */
        {"\"été\"", "L'Été!", "L'[Été]!", 0},
        {"\"東京都\"", "東京都", "[東京都]", 0},
    };
    rows_check(rows, COUNT(rows), &def, false);
}

TEST(camel_words_are_marked_whole_or_by_part) {
    static const Row rows[] = {
        {"loielan ", "vote #LoiELAN!", "vote #[LoiELAN]!", 0},
        {"elan ", "vote #LoiELAN!", "vote #Loi[ELAN]!", 0},
        {"loi", "vote #LoiELAN!", "vote #[Loi]ELAN!", 0},
        {"loi elan ", "vote #LoiELAN!", "vote #[LoiELAN]!", 0},
        {"#LoiELAN ", "la loi elan, loielan", "la [loi elan], [loielan]", 0},
        {"\"loi elan\"", "vote #LoiELAN!", "vote #[LoiELAN]!", 0},
        {"\"vote loielan oui\"", "vote #LoiELAN oui", "vote #LoiELAN oui", 0},
        {"\"vote #LoiELAN oui\"", "vote #LoiELAN oui", "[vote #LoiELAN oui]", 0},
    };
    rows_check(rows, COUNT(rows), &def, false);
}

TEST(words_written_in_one_or_apart_are_marked) {
    static const Row rows[] = {
        {"any way ", "anyway", "[anyway]", 0},
        {"any way ", "any way", "[any] [way]", 0}, /* two words of the query, not one in two */
        {"sun flower s ", "sunflowers", "[sunflowers]", 0},
        {"sun flow", "sunflower", "[sunflow]er", 0},
        {"sun flawer ", "sunflower", "[sunflower]", 0}, /* one error */
        {"newspaper ", "a news paper. news. paper", "a [news paper]. news. paper", 0},
        {"sunf lower ", "sun flower", "[sun flower]", 0},
        {"\"sun\" flower ", "sunflower", "sunflower", 0},
        {"xyz", "xy z", "[xy z]", 0},
    };
    rows_check(rows, COUNT(rows), &def, false);
    SearchDef strict = def;
    strict.tuning.one_typo_from = -1;
    static const Row never[] = {{"newspaper ", "news paper", "news paper", 0},
                                {"any way ", "anyway", "[anyway]", 0}};
    rows_check(never, COUNT(never), &strict, false);
}

TEST(operators_and_patterns) {
    static const Row rows[] = {
        {"climat* AND NOT pluie", "climatique, pluie", "[climatique], pluie", 0},
        {"cl?mat ", "climat clmat", "[climat] clmat", 0},
        {"*elan", "#LoiELAN relance", "#[LoiELAN] relance", 0},
        {"un OR deux ", "un deux trois", "[un] [deux] trois", 0},
        {"NOT (un OR deux) trois ", "un deux trois", "un deux [trois]", 0},
        {"any AND way ", "anyway", "anyway", 0}, /* nothing is joined in a tree */
    };
    rows_check(rows, COUNT(rows), &def, true);
}

/* As Meilisearch's own tests expect, but for closing punctuation, which stays when no word follows. */
TEST(crops_around_the_best_place) {
    static const Row rows[] = {
        {"split the world ", "A quick brown fox can not jump 32 feet, right? Brr, it is cold!",
         "A quick brown fox can not jump 32 feet, right…", 10},
        {"split the world ", "(A quick brown fox can not jump 32 feet, right? Brr, it is cold!)",
         "(A quick brown fox can not jump 32 feet, right…", 10},
        {"split the world ",
         "Natalie risk her future. Split The World is a book written by Emily Henry. I never read "
         "it.",
         "…[Split] [The] [World] is a book written by Emily Henry…", 10},
        {"split the world ", "Natalie risk her future to build a world with the boy she loves.",
         "…future to build a [world] with [the] boy she loves.", 10},
        {"split the world ",
         "Natalie risk her future to build a world with the boy she loves. Emily Henry: The Love "
         "That Split The World.",
         "…she loves. Emily Henry: [The] Love That [Split] [The] [World].", 10},
        {"split the world ",
         "The world split void void void void void void void void void split the world void void",
         "…void void void void void [split] [the] [world] void void", 10},
        {"split the world ",
         "split void the void void world void void void void void void void void void void split "
         "the world void void",
         "…void void void void void [split] [the] [world] void void", 10},
        {"split the world ",
         "split split split split split split void void void void void void void void void void "
         "split the world void void",
         "…void void void void void [split] [the] [world] void void", 10},
        {"split the world ", "void void split the world void void.", "…[split] [the]…", 2},
        {"split the world ", "void void split the world void void.", "…[split]…", 1},
        {"split the world ", "void void split the world void void.",
         "void void [split] [the] [world] void void.", 0},
        {"\"the world\"",
         "The groundbreaking invention had the power to split the world between those who embraced "
         "progress and those who resisted change!",
         "…the power to split [the world] between those who embraced…", 10},
        {"\"The groundbreaking invention had the power to split the world between those\"",
         "The groundbreaking invention had the power to split the world between those who embraced "
         "progress and those who resisted change!",
         "[The groundbreaking invention had the power to split the world]…", 10},
        {"\"groundbreaking invention\" \"split the world between\"",
         "The groundbreaking invention had the power to split the world between those who embraced "
         "progress and those who resisted change!",
         "…[groundbreaking invention] had the power to [split the world between]…", 10},
        {"x ", "a b #CamelCaseWord c d x e f", "…CamelCaseWord c d [x] e f", 6},
        {"x ", "", "", 3},
        {"x ", ":-)", ":-)", 3},
        {"東京 ", "私は東京都に住む", "…は[東京]都…", 3},
    };
    rows_check(rows, COUNT(rows), &def, false);
}

TEST(escapes_the_text_but_not_the_marks) {
    Ctx *c = ctx_begin(MEMORY);
    SearchQuery *q = query_of(c, &def, "b ", false);
    SearchMark html = {S("<em>"), S("</em>"), S("<i>…</i>"), 3, true};
    CHECK_STR(search_highlight(c->arena, q, S("a & <b> 'c' d e"), &html),
              S("a &amp; &lt;<em>b</em>&gt; &#39;c<i>…</i>"));
    html.crop_words = INT64_MAX;
    CHECK_STR(search_highlight(c->arena, q, S("<a\"b"), &html), S("&lt;a&quot;<em>b</em>"));
    CHECK_STR(search_highlight(c->arena, q, (Str){NULL, 0}, &html), ((Str){NULL, 0}));
    arena_free(c->arena);
}

TEST(tells_places_in_bytes) {
    Ctx *c = ctx_begin(MEMORY);
    SearchQuery *q = query_of(c, &def, "ete chat", false);
    ptrdiff_t count;
    SearchPlace *p = search_places(c->arena, q, S("Été: chaton"), &count);
    REQUIRE(count == 2);
    CHECK_INT(p[0].start, 0);
    CHECK_INT(p[0].length, 5);
    CHECK_INT(p[1].start, 7);
    CHECK_INT(p[1].length, 4);
    search_places(c->arena, q, S(""), &count);
    CHECK_INT(count, 0);
    arena_free(c->arena);
}

/* Cropping long texts with many matches costs about as much as reading them. */
TEST(long_texts_are_linear_work) {
    Ctx *c = ctx_begin(4 * MEMORY);
    Buf b = buf_new(c->arena, 0);
    for (int i = 0; i < 50000; i++) buf_add(&b, S("mot "));
    SearchQuery *q = query_of(c, &def, "mot mot mot", false);
    SearchMark mark = marks;
    mark.crop_words = 20000;
    Str out = search_highlight(c->arena, q, buf_str(&b), &mark);
    CHECK_INT(out.len, 20000 * 6 - 1 + 3);
    arena_free(c->arena);
}

T_MAIN(T_ROW(marks_words_that_are_equal_or_begin_so),
       T_ROW(marks_cover_whole_letters_of_the_original), T_ROW(marks_words_with_typing_errors),
       T_ROW(typing_errors_are_not_forgiven_where_only_exact_fields_are_searched),
       T_ROW(marks_words_that_share_a_stem_where_the_index_does), T_ROW(phrases_are_one_mark),
       T_ROW(camel_words_are_marked_whole_or_by_part),
       T_ROW(words_written_in_one_or_apart_are_marked), T_ROW(operators_and_patterns),
       T_ROW(crops_around_the_best_place), T_ROW(escapes_the_text_but_not_the_marks),
       T_ROW(tells_places_in_bytes), T_ROW(long_texts_are_linear_work))
