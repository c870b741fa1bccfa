/* SPDX-License-Identifier: Apache-2.0
 * What query and filter texts are taken for, written back in a notation of the test's own:
 * word~typos, `…` behind a word being typed, "phrases", -minus, {globs}, @mask where a term may stand
 * only in some fields; trees as (and a b). */
#include "search/query.h"

#include "t.h"

static const SearchField fields[] = {
    {"caption", SEARCH_TEXT, SEARCH_FOR},
    {"tags", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER},
    {"platform", SEARCH_KEYWORD, SEARCH_FILTER | SEARCH_SORT},
    {"likes", SEARCH_INT, SEARCH_FILTER | SEARCH_SORT},
    {"feeling", SEARCH_REAL, SEARCH_FILTER},
    {"posted_at", SEARCH_TIME, SEARCH_FILTER | SEARCH_SORT},
    {"hidden", SEARCH_KEYWORD, 0},
};
static const char *const stops[] = {"the", "of", NULL};
static const char *const exacts[] = {"quivk", NULL};
static const SearchDef def = {
    .name = "posts",
    .fields = fields,
    .field_count = COUNT(fields),
    .order_field = 5,
    .partition_field = -1,
    .tuning = {.stop_words = stops, .exact_words = exacts},
};

/* -- Writing back -------------------------------------------------------------------------------- */

static void filter_print(Buf *b, const SearchFilter *f) {
    const char *name = def.fields[f->field].name;
    switch (f->kind) {
    case FILTER_AND:
    case FILTER_OR:
        buf_f(b, f->kind == FILTER_AND ? "(and " : "(or ");
        filter_print(b, f->left);
        buf_byte(b, ' ');
        filter_print(b, f->right);
        buf_byte(b, ')');
        break;
    case FILTER_NOT:
        buf_f(b, "(not ");
        filter_print(b, f->left);
        buf_byte(b, ')');
        break;
    case FILTER_NONE: buf_f(b, "none"); break;
    case FILTER_IS: buf_f(b, "%s=%.*s", name, S_ARG(f->text)); break;
    case FILTER_EXISTS: buf_f(b, "%s?", name); break;
    case FILTER_CONTAINS: buf_f(b, "%s~%.*s", name, S_ARG(f->text)); break;
    case FILTER_STARTS: buf_f(b, "%s^%.*s", name, S_ARG(f->text)); break;
    case FILTER_RANGE:
        buf_f(b, "%s[", name);
        if (f->low != NO_NUMBER + 1) buf_i64(b, f->low);
        buf_byte(b, ',');
        if (f->high != INT64_MAX) buf_i64(b, f->high);
        buf_byte(b, ')');
    }
}

static void term_print(Buf *b, const Term *t) {
    if (t->phrase) buf_byte(b, '"');
    if (t->glob) buf_byte(b, '{');
    for (int i = 0; i < t->word_count; i++) {
        if (i > 0) buf_byte(b, ' ');
        for (int gap = i > 0 ? t->gaps[i] - t->gaps[i - 1] : 1; gap > 1; gap--) buf_byte(b, '_');
        buf_add(b, t->words[i]);
    }
    if (t->phrase) buf_byte(b, '"');
    if (t->glob) buf_byte(b, '}');
    if (t->max_typos) buf_f(b, "~%d", t->max_typos);
    if (t->prefix) buf_add(b, S("…"));
    if (t->fields != 3) buf_f(b, "@%u", t->fields);
}

static void node_print(Buf *b, const SearchQuery *q, const QueryNode *n) {
    static const char *const names[] = {[NODE_AND] = "and", [NODE_OR] = "or", [NODE_NOT] = "not"};
    switch (n->kind) {
    case NODE_TERM: term_print(b, &q->terms[n->term]); return;
    case NODE_FILTER: filter_print(b, n->filter); return;
    case NODE_ALL: buf_f(b, "all"); return;
    case NODE_NEAR: buf_f(b, "(near/%d ", n->distance); break;
    default: buf_f(b, "(%s ", names[n->kind]);
    }
    node_print(b, q, n->left);
    if (n->right) buf_byte(b, ' ');
    if (n->right) node_print(b, q, n->right);
    buf_byte(b, ')');
}

static Str query_read(Ctx *c, Str text, bool operators) {
    SearchRequest request = SEARCH_REQUEST;
    SearchQuery *q;
    request.q = text;
    request.operators = operators;
    Err *err = query_parse(c, &def, &request, &q);
    if (err) return strf(c->arena, "error %.*s: %.*s", S_ARG(err_code(err)), S_ARG(err->detail));
    Buf b = buf_new(c->arena, 64);
    if (q->root) {
        node_print(&b, q, q->root);
        return buf_str(&b);
    }
    for (int i = 0; i < q->term_count; i++) {
        if (i > 0) buf_byte(&b, ' ');
        term_print(&b, &q->terms[i]);
    }
    for (int i = 0; i < q->minus_count; i++) {
        buf_f(&b, b.len ? " -" : "-");
        term_print(&b, &q->minus[i]);
    }
    return buf_str(&b);
}

static Str filter_read(Ctx *c, Str text) {
    SearchFilter *f;
    Err *err = search_filter_parse(c, &def, text, &f);
    if (err) return strf(c->arena, "error %.*s: %.*s", S_ARG(err_code(err)), S_ARG(err->detail));
    Buf b = buf_new(c->arena, 64);
    if (f) filter_print(&b, f);
    return buf_str(&b);
}

typedef struct Row {
    const char *text, *want;
} Row;

/* -- Queries ------------------------------------------------------------------------------------- */

TEST(plain_queries_are_words_phrases_and_minus) {
    static const Row rows[] = {
        {"", ""},
        {"   ", ""},
        {"-", ""},
        {"!!! ...", ""},
        {"phone", "phone~1…"},
        {"phone ", "phone~1"},
        {"phone!", "phone~1"},
        {"Café Crème", "cafe creme~1…"},
        {"l'eau", "l eau…"},
        {"saint-denis", "saint~1 denis~1…"},
        {"four letters", "four letters~1…"},
        {"a b c d", "a b c d…"},
        {"interconnection", "interconnection~2…"},
        {"quivk", "quivk…"},
        {"#LoiELAN", "loielan~1…"},
        {"\"quick brown\" fox", "\"quick brown\" fox…"},
        {"\"quick brown", "\"quick brown\""},
        {"\"\"", ""},
        {"fox -dog", "fox -dog"},
        {"fox -\"lazy dog\" cat", "fox cat… -\"lazy dog\""},
        {"fox-dog", "fox dog…"},
        {"fox - dog", "fox dog…"},
        {"-dog", "-dog"},
        {"the fox", "fox…"},
        {"the", "the…"},
        {"the of", "the of…"},
        {"\"the fox\" of", "\"the fox\""},
        {"a AND (b OR c)", "a and b or c"},
        {"iph*", "iph"},
        {"\xff\xfe", ""},
        {"caf\xff"
         "e",
         "caf e…"},
        {NULL, NULL},
    };
    Arena *arena = arena_new(16 * MIB);
    Ctx c = {.arena = arena};
    for (const Row *r = rows; r->text; r++)
        CHECK_STR(query_read(&c, str_c(r->text), false), str_c(r->want));
    arena_free(arena);
}

TEST(operators_make_trees) {
    static const Row rows[] = {
        {"phone case", "phone~1 case…"}, /* without operators: plain */
        {"cat AND dog", "(and cat dog…)"},
        {"cat OR dog bird", "(or cat (and dog bird…))"},
        {"cat AND dog OR bird", "(or (and cat dog) bird…)"},
        {"(cat OR dog) bird", "(and (or cat dog) bird…)"},
        {"cat NOT dog", "(and cat (not dog…))"},
        {"cat AND -dog bird", "(and (and cat (not dog)) bird…)"},
        {"NOT NOT cat", "cat…"},
        {"NOT cat", "(not cat…)"},
        {"cat NEAR/3 dog", "(near/3 cat dog…)"},
        {"cat NEAR/3 dog NEAR/2 bird", "(and (near/3 cat dog) (near/2 dog bird…))"},
        {"(cat OR dog) NEAR/2 \"big bird\"", "(near/2 (or cat dog) \"big bird\")"},
        {"cat and dog", "cat and dog…"},
        {"AND", "and…"},
        {"cat AND", "(and cat and…)"},
        {"OR cat", "(and or cat…)"},
        {"cat OR", "(and cat or…)"},
        {"cat NEAR/3", "(and cat (and near 3…))"},
        {"NEAR/0 cat", "near 0 cat…"},
        {"((cat", "cat…"},
        {"cat))", "cat"},
        {"()", "all"},
        {"(\"", "all"},
        {"iph*", "{iph*}"},
        {"*phone", "{*phone}"},
        {"wom?n", "{wom?n}"},
        {"what?", "what"},
        {"*", ""},
        {"a* b", "{a*} b…"},
        {"caption:fox", "fox@1"},
        {"caption:\"quick fox\" dog", "(and \"quick fox\"@1 dog…)"},
        {"tags:Loi", "tags=loi"},
        {"tags:loi*", "{loi*}@2"},
        {"platform:tiktok cat", "(and platform=tiktok cat…)"},
        {"-platform:tiktok cat", "(and (not platform=tiktok) cat…)"},
        {"platform:\"Face Book\"", "platform=face book"},
        {"likes:>100", "likes[101,)"},
        {"likes:10..20", "(and likes[10,) likes[,21))"},
        {"likes:..20", "likes[,21)"},
        {"likes:5", "likes[5,6)"},
        {"posted_at:2025-01-01", "posted_at[1735689600000000,1735776000000000)"},
        {"posted_at:>=2025-01-01", "posted_at[1735689600000000,)"},
        {"posted_at:2025-01-01..2025-01-02",
         "(and posted_at[1735689600000000,) posted_at[,1735862400000000))"},
        {"hidden:x", "hidden~1 x…"},
        {"http://example.org", "http example~1 org…"},
        {"note: this", "note this…"},
        {NULL, NULL},
    };
    Arena *arena = arena_new(16 * MIB);
    Ctx c = {.arena = arena};
    for (const Row *r = rows; r->text; r++)
        CHECK_STR(query_read(&c, str_c(r->text), true), str_c(r->want));
    arena_free(arena);
}

TEST(queries_beyond_the_bounds_are_refused_or_cut) {
    Arena *arena = arena_new(64 * MIB);
    Ctx c = {.arena = arena};
    Buf words = buf_new(arena, 64), ands = buf_new(arena, 64), deep = buf_new(arena, 64);
    for (int i = 0; i < 10000; i++) buf_f(&words, "word%d ", i);
    for (int i = 0; i < 100; i++) buf_f(&ands, "word%d OR ", i);
    for (int i = 0; i < 101; i++) buf_f(&deep, "(");
    SearchRequest request = SEARCH_REQUEST;
    SearchQuery *q;
    request.q = buf_str(&words);
    CHECK(!query_parse(&c, &def, &request, &q));
    CHECK_INT(q->term_count, QUERY_TERMS);
    CHECK(str_starts(query_read(&c, buf_str(&ands), true), S("error invalid_search_q: A query")));
    buf_f(&deep, "cat");
    CHECK(str_starts(query_read(&c, buf_str(&deep), true), S("error invalid_search_q: Paren")));
    for (int i = 0; i < 100000; i++) buf_f(&deep, ")");
    CHECK(str_starts(query_read(&c, buf_str(&deep), true), S("error invalid_search_q: ")));
    CHECK_STR(
        query_read(&c, S("(cat dog) NEAR/3 bird"), true),
        S("error invalid_search_q: NEAR/3 stands between words, phrases or a choice of them"));
    CHECK_STR(query_read(&c, S("likes:many"), true),
              S("error invalid_search_q: `likes` needs a number, not `many`"));
    Buf nots = buf_new(arena, 64);
    for (int i = 0; i < 901; i++) buf_f(&nots, "NOT ");
    buf_f(&nots, "cat");
    CHECK_STR(query_read(&c, buf_str(&nots), true), S("(not cat…)"));
    char *huge = arena_alloc(arena, MIB, 1);
    memset(huge, 'x', (size_t)MIB);
    request.q = str_of(huge, MIB);
    CHECK(!query_parse(&c, &def, &request, &q));
    CHECK_INT(q->term_count, 1);
    CHECK_INT(q->terms[0].words[0].len, WORD_MAX);
    arena_free(arena);
}

/* -- Filters ------------------------------------------------------------------------------------- */

TEST(filters_are_read) {
    static const Row rows[] = {
        {"", ""},
        {"  ", ""},
        {"platform = instagram", "platform=instagram"},
        {"platform=\"Instagram\"", "platform=instagram"},
        {"platform = 'face book'", "platform=face book"},
        {"platform = \"it\\\"s\"", "platform=it\"s"},
        {"platform != tiktok", "(not platform=tiktok)"},
        {"likes > 10", "likes[11,)"},
        {"likes >= 10", "likes[10,)"},
        {"likes < 10", "likes[,10)"},
        {"likes <= 10", "likes[,11)"},
        {"likes = 10", "likes[10,11)"},
        {"likes > 10.5", "likes[11,)"},
        {"likes < 10.5", "likes[,11)"},
        {"likes = 10.5", "none"},
        {"likes > -5", "likes[-4,)"},
        {"likes 10 TO 20", "(and likes[10,) likes[,21))"},
        {"likes IN [1, 2]", "(or likes[1,2) likes[2,3))"},
        {"platform IN [a, 'b c', \"d\"]", "(or platform=a (or platform=b c platform=d))"},
        {"platform NOT IN [a]", "(not platform=a)"},
        {"platform IN []", "none"},
        {"platform EXISTS", "platform?"},
        {"platform NOT EXISTS", "(not platform?)"},
        {"platform IS NULL", "(not platform?)"},
        {"platform IS NOT NULL", "platform?"},
        {"platform IS EMPTY", "(not platform?)"},
        {"tags CONTAINS Loi", "tags~loi"},
        {"tags NOT CONTAINS loi", "(not tags~loi)"},
        {"tags STARTS WITH loi", "tags^loi"},
        {"NOT platform = a", "(not platform=a)"},
        {"NOT NOT platform = a", "platform=a"},
        {"platform = a AND likes > 1 OR likes < 0", "(or (and platform=a likes[2,)) likes[,0))"},
        {"platform = a AND (likes > 1 OR likes < 0)", "(and platform=a (or likes[2,) likes[,0)))"},
        {"NOT (platform = a OR platform = b)", "(not (or platform=a platform=b))"},
        {"posted_at > 1700000000", "posted_at[1700000000000001,)"},
        {"posted_at > 1700000000000", "posted_at[1700000000000001,)"},
        {"posted_at > 1700000000000000", "posted_at[1700000000000001,)"},
        {"posted_at = 2025-01-01", "posted_at[1735689600000000,1735776000000000)"},
        {"posted_at <= 2025-01-01", "posted_at[,1735776000000000)"},
        {"posted_at >= \"2025-01-01T00:00:00+01:00\"", "posted_at[1735686000000000,)"},
        {NULL, NULL},
    };
    Arena *arena = arena_new(16 * MIB);
    Ctx c = {.arena = arena};
    for (const Row *r = rows; r->text; r++)
        CHECK_STR(filter_read(&c, str_c(r->text)), str_c(r->want));
    arena_free(arena);
}

TEST(filters_that_are_none_are_told_where) {
    static const Row rows[] = {
        {"platform", "A value was expected at the end of the filter"},
        {"likes 10", "An operator (=, !=, <, TO, IN, …) was expected before the end"},
        {"platform =", "A value was expected at the end of the filter"},
        {"= a", "A value was expected at `= a`, byte 0"},
        {"colour = red", "Attribute `colour` is not filterable. Available filterable attributes: "
                         "`tags`, `platform`, `likes`, `feeling`, `posted_at`"},
        {"caption = red", "Attribute `caption` is not filterable"},
        {"hidden = x", "Attribute `hidden` is not filterable"},
        {"platform > a", "`platform` is a word"},
        {"likes = many", "`likes` needs a number, not `many`"},
        {"likes = nan", "`likes` needs a number"},
        {"posted_at > yesterday", "`posted_at` needs a time"},
        {"likes CONTAINS 1", "`likes` is a number"},
        {"platform = a AND", "A value was expected"},
        {"platform = a platform = b", "AND, OR or the end was expected at `platform = b`, byte 13"},
        {"(platform = a", "`)` was expected"},
        {"platform = a)", "AND, OR or the end was expected"},
        {"platform IN a", "IN needs a list"},
        {"platform IN [a", "`,` or `]`"},
        {"platform STARTS loi", "WITH was expected"},
        {"platform NOT a", "NOT needs"},
        {"platform IS a", "NULL or EMPTY"},
        {"platform = 'a", "The quote at `'a`, byte 11 is not closed"},
        {"_geoRadius(1,2,3)", "Documents of `posts` have no place"},
        {"platform = \"\xff\"", "The filter is not valid UTF-8"},
        {NULL, NULL},
    };
    Arena *arena = arena_new(16 * MIB);
    Ctx c = {.arena = arena};
    for (const Row *r = rows; r->text; r++) {
        Str got = filter_read(&c, str_c(r->text));
        Str want = str_concat(arena, S("error invalid_search_filter: "), str_c(r->want));
        if (!str_starts(got, want)) CHECK_STR(got, want);
    }
    arena_free(arena);
}

TEST(filters_have_bounds) {
    Arena *arena = arena_new(64 * MIB);
    Ctx c = {.arena = arena};
    for (int depth = 200; depth <= 201; depth++) {
        Buf b = buf_new(arena, 64);
        for (int i = 0; i < depth; i++) buf_f(&b, "NOT (");
        buf_f(&b, "likes = 1");
        for (int i = 0; i < depth; i++) buf_f(&b, ")");
        CHECK(str_starts(filter_read(&c, buf_str(&b)), S("error")) == (depth == 201));
    }
    Buf b = buf_new(arena, 64);
    buf_f(&b, "likes=1");
    while (b.len < 60000) buf_f(&b, " OR likes=%td", b.len);
    SearchFilter *f;
    CHECK(!search_filter_parse(&c, &def, buf_str(&b), &f));
    int depth = 0; /* a long chain is no deep tree */
    for (; f; f = f->right) depth++;
    CHECK(depth < 20);
    while (b.len <= 65536) buf_byte(&b, ' ');
    CHECK(str_starts(filter_read(&c, buf_str(&b)), S("error invalid_search_filter: A filter has")));
    arena_free(arena);
}

TEST(reals_keep_their_order_as_numbers) {
    static const double values[] = {-1e308, -5, -1.5, -1e-300, 0, 1e-300, 0.5, 1.5, 5, 1e308};
    for (ptrdiff_t i = 0; i < COUNT(values); i++) {
        CHECK_F64(real_of_number(number_of_real(values[i])), values[i]);
        if (i > 0) CHECK(number_of_real(values[i - 1]) < number_of_real(values[i]));
    }
    CHECK_INT(number_of_real(-0.0), number_of_real(0.0));
}

T_MAIN(T_ROW(plain_queries_are_words_phrases_and_minus), T_ROW(operators_make_trees),
       T_ROW(queries_beyond_the_bounds_are_refused_or_cut), T_ROW(filters_are_read),
       T_ROW(filters_that_are_none_are_told_where), T_ROW(filters_have_bounds),
       T_ROW(reals_keep_their_order_as_numbers))
