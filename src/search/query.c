/* SPDX-License-Identifier: Apache-2.0
 * Query texts to terms, and to a tree where operators ask for one.
 *
 * A text is first cut into pieces (a quoted part, a parenthesis, a run of anything else up to white
 * space), each piece is then read as the place in the grammar wants it:
 *
 *   any   = all { OR all }
 *   all   = near { [AND] near }
 *   near  = single { NEAR/n single }
 *   single = (NOT | -) single | ( any ) | "phrase" | field:value | words
 *
 * A text without operators is a plain query: the same pieces in a row, no tree. */
#include "search/query.h"

typedef enum PieceKind {
    PIECE_END,
    PIECE_RUN,
    PIECE_QUOTED,
    PIECE_OPEN,
    PIECE_CLOSE,
    PIECE_AND,
    PIECE_OR,
    PIECE_NOT,
    PIECE_NEAR,
    PIECE_FIELD /* followed by its value: a run or a quoted piece */
} PieceKind;

typedef struct Piece {
    PieceKind kind;
    Str text;
    bool minus; /* a - stands before it */
    bool last;  /* nothing follows, not even white space: a run's last word may go on */
    int number; /* NEAR: distance, FIELD: field */
} Piece;

typedef struct RunTerms {
    Term items[QUERY_TERMS + 1];
    int count;
} RunTerms;

typedef struct Parser {
    Ctx *c;
    const SearchDef *def;
    const SearchRequest *request;
    SearchQuery *query;
    Piece *pieces;
    ptrdiff_t count, at, cap;
    Words words;
    uint32_t fields; /* where terms may stand */
    int depth, term_cap, minus_cap;
    RunTerms run;
} Parser;

/* -- Pieces -------------------------------------------------------------------------------------- */

static bool is_space(char ch) { return ch == ' ' || (ch >= '\t' && ch <= '\r'); }

static bool is_name(char ch) {
    return ch == '_' || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
           (ch >= '0' && ch <= '9');
}

static Piece *piece_add(Parser *p, Piece piece) {
    if (p->count == p->cap) {
        ptrdiff_t cap = p->cap ? 2 * p->cap : 16, size = (ptrdiff_t)sizeof *p->pieces;
        p->pieces = arena_grow(p->c->arena, p->pieces, p->cap * size, cap * size);
        p->cap = cap;
    }
    p->pieces[p->count] = piece;
    return &p->pieces[p->count++];
}

/* Length of `name:` at the beginning of text when it names a field that can be asked, with its place. */
static ptrdiff_t field_name(const SearchDef *def, Str text, int *field) {
    ptrdiff_t n = 0;
    while (n < text.len && is_name(text.data[n])) n++;
    if (n == 0 || n + 1 >= text.len || text.data[n] != ':' || is_space(text.data[n + 1])) return 0;
    for (int i = 0; i < def->field_count; i++) {
        if (!str_eq_nocase(str_slice(text, 0, n), str_c(def->fields[i].name))) continue;
        if (!(def->fields[i].use & (SEARCH_FOR | SEARCH_FILTER))) return 0;
        *field = i;
        return n + 1;
    }
    return 0;
}

static PieceKind operator_of(Str run, int *number) {
    if (str_eq(run, S("AND"))) return PIECE_AND;
    if (str_eq(run, S("OR"))) return PIECE_OR;
    if (str_eq(run, S("NOT"))) return PIECE_NOT;
    int64_t n = 0;
    if (str_starts(run, S("NEAR/")) && str_to_i64(str_slice(run, 5, run.len), &n) && n > 0) {
        *number = (int)min_i64(n, INT32_MAX);
        return PIECE_NEAR;
    }
    return PIECE_RUN;
}

/* Cut one piece off text; returns its length. */
static ptrdiff_t piece_cut(Parser *p, Str text) {
    bool operators = p->request->operators;
    ptrdiff_t minus = text.data[0] == '-' && text.len > 1 && !is_space(text.data[1]);
    Str rest = str_slice(text, minus, text.len);
    if (rest.data[0] == '"') {
        ptrdiff_t end = str_find_byte(str_slice(rest, 1, rest.len), '"');
        ptrdiff_t stop = end < 0 ? rest.len : end + 1;
        piece_add(p,
                  (Piece){.kind = PIECE_QUOTED, .text = str_slice(rest, 1, stop), .minus = minus});
        return minus + (end < 0 ? rest.len : stop + 1);
    }
    if (operators && (rest.data[0] == '(' || rest.data[0] == ')')) {
        PieceKind kind = rest.data[0] == '(' ? PIECE_OPEN : PIECE_CLOSE;
        piece_add(p, (Piece){.kind = kind, .minus = minus && kind == PIECE_OPEN});
        return minus + 1;
    }
    int number = 0;
    ptrdiff_t name = operators ? field_name(p->def, rest, &number) : 0;
    if (name > 0) {
        piece_add(p, (Piece){.kind = PIECE_FIELD, .minus = minus, .number = number});
        return minus + name;
    }
    ptrdiff_t n = 0;
    while (n < rest.len && !is_space(rest.data[n]) && rest.data[n] != '"' &&
           !(operators && (rest.data[n] == '(' || rest.data[n] == ')')))
        n++;
    Piece piece = {
        .kind = PIECE_RUN, .text = str_slice(rest, 0, n), .minus = minus, .last = n == rest.len};
    if (operators && !minus) piece.kind = operator_of(piece.text, &piece.number);
    piece_add(p, piece);
    return minus + n;
}

/* What is beyond PIECES_MAX of a plain query is left out of it: it has more terms than count long before. */
enum { PIECES_MAX = 1000 };

static void pieces_cut(Parser *p, Str text) {
    while (text.len > 0 && p->count < PIECES_MAX) {
        ptrdiff_t n = is_space(text.data[0]) ? 1 : piece_cut(p, text);
        text = str_slice(text, n, text.len);
    }
    piece_add(p, (Piece){.kind = PIECE_END});
}

/* -- Terms --------------------------------------------------------------------------------------- */

static bool listed(const char *const *list, Str word) {
    for (; list && *list; list++)
        if (str_eq(str_c(*list), word)) return true;
    return false;
}

uint8_t query_typos(const SearchTuning *tuning, Str word) {
    int one = tuning->one_typo_from ? tuning->one_typo_from : 5;
    int two = tuning->two_typos_from ? tuning->two_typos_from : 9;
    int letters = word_letters(word);
    if (listed(tuning->exact_words, word)) return 0;
    if (two > 0 && letters >= two) return 2;
    return one > 0 && letters >= one ? 1 : 0;
}

/* The place of a new term, or -1 when there are enough. */
static int term_add(Parser *p, Term term, bool minus) {
    SearchQuery *q = p->query;
    Term **list = minus ? &q->minus : &q->terms;
    int *count = minus ? &q->minus_count : &q->term_count;
    int *cap = minus ? &p->minus_cap : &p->term_cap;
    if (*count == QUERY_TERMS) return -1;
    if (*count == *cap) {
        int more = *cap ? 2 * *cap : 8;
        ptrdiff_t size = (ptrdiff_t)sizeof **list;
        *list = arena_grow(p->c->arena, *list, *cap * size, more * size);
        *cap = more;
    }
    (*list)[*count] = term;
    return (*count)++;
}

static Term term_of(Parser *p, Str word) {
    Term t = {.word_count = 1, .fields = p->fields};
    t.words = arena_array(p->c->arena, Str, 1);
    t.gaps = arena_array(p->c->arena, int, 1);
    t.words[0] = str_copy(p->c->arena, word);
    t.max_typos = query_typos(&p->def->tuning, word);
    return t;
}

static Words *words_of(Parser *p, Str text) {
    p->words.count = 0;
    p->words.next_position = 0;
    words_add(&p->words, text);
    return &p->words;
}

/* Leave out the parts of words written in one: the whole stands for them, and finds them apart too. */
static ptrdiff_t without_parts(Words *w) {
    ptrdiff_t kept = 0;
    uint32_t end = 0;
    for (ptrdiff_t i = 0; i < w->count; i++) {
        if (kept > 0 && w->items[i].from < end) continue;
        if (w->items[i].whole) end = w->items[i].to;
        w->items[kept++] = w->items[i];
    }
    return w->count = kept;
}

static Term phrase_of(Parser *p, Str text) {
    Words *w = words_of(p, text);
    ptrdiff_t n = min_size(without_parts(w), PHRASE_WORDS);
    Term t = {.phrase = true, .word_count = (int)n, .fields = p->fields};
    t.words = arena_array(p->c->arena, Str, n);
    t.gaps = arena_array(p->c->arena, int, n);
    for (ptrdiff_t i = 0; i < n; i++) {
        t.words[i] = str_copy(p->c->arena, w->items[i].text);
        t.gaps[i] = (int)(w->items[i].position - w->items[0].position);
    }
    return t;
}

static bool is_wild(char ch) { return ch == '*' || ch == '?'; }

/* How many wildcards lie directly behind `from` in run; a question mark that ends the run is one of the
 * sentence. */
static ptrdiff_t wild_behind(Str run, ptrdiff_t from) {
    ptrdiff_t n = from;
    while (n < run.len && is_wild(run.data[n])) n++;
    if (n == run.len)
        while (n > from && run.data[n - 1] == '?') n--;
    return n - from;
}

static ptrdiff_t wild_before(Str run, ptrdiff_t to, ptrdiff_t from) {
    ptrdiff_t n = to;
    while (n > from && is_wild(run.data[n - 1])) n--;
    return to - n;
}

/* The words of a run as terms, those that wildcards tie together as one; in p->run. */
static void run_terms(Parser *p, Str run, bool globs, bool typed) {
    RunTerms *out = &p->run;
    Words *w = words_of(p, run);
    ptrdiff_t n = without_parts(w);
    out->count = 0;
    for (ptrdiff_t i = 0; i < n && out->count <= QUERY_TERMS; i++) {
        Word *word = &w->items[i];
        ptrdiff_t before = i > 0 ? w->items[i - 1].to : 0;
        ptrdiff_t lead = globs ? wild_before(run, word->from, before) : 0;
        ptrdiff_t trail = globs ? wild_behind(run, word->to) : 0;
        bool tied = i > 0 && lead > 0 && lead == (ptrdiff_t)word->from - before;
        if (lead == 0 && trail == 0) {
            out->items[out->count] = term_of(p, word->text);
            out->items[out->count].parted = out->count > 0;
            out->items[out->count++].prefix = typed && i == n - 1 && word->to == run.len;
            continue;
        }
        Buf text = buf_new(p->c->arena, word->text.len + 16);
        if (tied)
            buf_add(&text, out->items[--out->count].words[0]);
        else
            buf_add(&text, str_slice(run, word->from - lead, word->from));
        buf_add(&text, word->text);
        buf_add(&text, str_slice(run, word->to, word->to + trail));
        Term *t = &out->items[out->count++];
        *t = term_of(p, buf_str(&text));
        t->glob = true;
        t->max_typos = 0;
    }
}

/* -- Plain queries ------------------------------------------------------------------------------- */

/* Stop words go when anything else stays. */
static void stop_words_drop(Parser *p) {
    SearchQuery *q = p->query;
    int kept = 0;
    for (int i = 0; i < q->term_count; i++) {
        Term *t = &q->terms[i];
        kept += t->phrase || t->glob || !listed(p->def->tuning.stop_words, t->words[0]);
    }
    if (kept == 0) return;
    kept = 0;
    for (int i = 0; i < q->term_count; i++) {
        Term *t = &q->terms[i];
        if (t->phrase || t->glob || !listed(p->def->tuning.stop_words, t->words[0]))
            q->terms[kept++] = *t;
    }
    q->term_count = kept;
}

static void plain_piece(Parser *p, const Piece *piece) {
    if (piece->kind == PIECE_QUOTED) {
        Term t = phrase_of(p, piece->text);
        if (t.word_count > 0) term_add(p, t, piece->minus);
        return;
    }
    bool typed = piece->last && !piece->minus && !p->request->no_prefix;
    run_terms(p, piece->text, p->request->operators, typed);
    for (int i = 0; i < p->run.count; i++) term_add(p, p->run.items[i], piece->minus);
}

static bool is_plain(const Parser *p) {
    for (ptrdiff_t i = 0; i < p->count; i++) {
        PieceKind kind = p->pieces[i].kind;
        if (kind != PIECE_RUN && kind != PIECE_QUOTED && kind != PIECE_END) return false;
    }
    return true;
}

/* -- Trees --------------------------------------------------------------------------------------- */

#define FAIL_Q(p, ...)                                                    \
    do {                                                                  \
        Err *err_q = err_new((p)->c, ERR_INVALID, __func__, __VA_ARGS__); \
        err_q->code = S("invalid_search_q");                              \
        return err_q;                                                     \
    } while (0)

static QueryNode *node_new(Parser *p, NodeKind kind, QueryNode *left, QueryNode *right) {
    QueryNode *n = arena_new_of(p->c->arena, QueryNode);
    *n = (QueryNode){.kind = kind, .left = left, .right = right};
    return n;
}

/* NULL operands are those that came to nothing (only separators). */
static QueryNode *node_pair(Parser *p, NodeKind kind, QueryNode *left, QueryNode *right) {
    return left && right ? node_new(p, kind, left, right) : left ? left : right;
}

static Err *term_node(Parser *p, Term term, QueryNode **out) {
    int place = term_add(p, term, false);
    if (place < 0) FAIL_Q(p, "A query with operators has at most %d words", (int)QUERY_TERMS);
    *out = node_new(p, NODE_TERM, NULL, NULL);
    (*out)->term = place;
    return NULL;
}

static Err *words_node(Parser *p, Str text, bool typed, QueryNode **out) {
    run_terms(p, text, true, typed);
    *out = NULL;
    for (int i = 0; i < p->run.count; i++) {
        QueryNode *one;
        TRY(term_node(p, p->run.items[i], &one));
        *out = node_pair(p, NODE_AND, *out, one);
    }
    return NULL;
}

static Err *phrase_node(Parser *p, Str text, QueryNode **out) {
    Term t = phrase_of(p, text);
    *out = NULL;
    return t.word_count > 0 ? term_node(p, t, out) : NULL;
}

/* The value behind `field:`: words of a text, else what a filter can ask. */
static Err *field_node(Parser *p, int field, QueryNode **out) {
    Piece value = p->pieces[p->at];
    if (value.kind == PIECE_QUOTED || value.kind == PIECE_RUN || value.text.len > 0) p->at++;
    const SearchField *f = &p->def->fields[field];
    bool wild = value.kind != PIECE_QUOTED &&
                (str_find_byte(value.text, '*') >= 0 || str_find_byte(value.text, '?') >= 0);
    if (f->kind == SEARCH_TEXT || (wild && (f->use & SEARCH_FOR))) {
        uint32_t outside = p->fields;
        p->fields = (uint32_t)1 << field;
        Err *err = value.kind == PIECE_QUOTED ? phrase_node(p, value.text, out)
                                              : words_node(p, value.text, false, out);
        p->fields = outside;
        return err;
    }
    SearchFilter *filter;
    Err *err = filter_of_value(p->c, p->def, field, value.text, &filter);
    if (err) {
        err->code = S("invalid_search_q");
        return err;
    }
    *out = node_new(p, NODE_FILTER, NULL, NULL);
    (*out)->filter = filter;
    return NULL;
}

static bool begins_operand(const Piece *piece) {
    return piece->kind != PIECE_END && piece->kind != PIECE_CLOSE;
}

static Err *any_parse(Parser *p, QueryNode **out);

static Err *group_parse(Parser *p, QueryNode **out) {
    if (++p->depth > QUERY_DEPTH)
        FAIL_Q(p, "Parentheses are nested deeper than %d levels", (int)QUERY_DEPTH);
    TRY(any_parse(p, out));
    if (p->pieces[p->at].kind == PIECE_CLOSE) p->at++;
    p->depth--;
    return NULL;
}

static Err *not_parse(Parser *p, QueryNode **out);

static Err *single_parse(Parser *p, QueryNode **out) {
    Piece *piece = &p->pieces[p->at];
    if (piece->kind == PIECE_NOT && begins_operand(piece + 1)) return not_parse(p, out);
    p->at++;
    switch (piece->kind) {
    case PIECE_OPEN: TRY(group_parse(p, out)); break;
    case PIECE_QUOTED: TRY(phrase_node(p, piece->text, out)); break;
    case PIECE_FIELD: TRY(field_node(p, piece->number, out)); break;
    default: /* a word, or an operator where only a word can be */
        TRY(words_node(p, piece->text, piece->last && !piece->minus && !p->request->no_prefix,
                       out));
    }
    if (piece->minus && *out) *out = node_new(p, NODE_NOT, *out, NULL);
    return NULL;
}

/* NOT NOT NOT … a: without recursion. */
static Err *not_parse(Parser *p, QueryNode **out) {
    bool negated = false;
    while (p->pieces[p->at].kind == PIECE_NOT && begins_operand(&p->pieces[p->at + 1])) {
        negated = !negated;
        p->at++;
    }
    TRY(single_parse(p, out));
    if (negated && *out) *out = node_new(p, NODE_NOT, *out, NULL);
    return NULL;
}

/* Only words and phrases, or a choice of them, have places to be near to. */
static bool has_places(const QueryNode *n) {
    if (!n || n->kind == NODE_TERM) return true;
    return n->kind == NODE_OR && has_places(n->left) && has_places(n->right);
}

static Err *near_parse(Parser *p, QueryNode **out) {
    QueryNode *left, *all = NULL;
    TRY(single_parse(p, &left));
    while (p->pieces[p->at].kind == PIECE_NEAR && begins_operand(&p->pieces[p->at + 1])) {
        int distance = p->pieces[p->at++].number;
        QueryNode *right;
        TRY(single_parse(p, &right));
        if (!has_places(left) || !has_places(right))
            FAIL_Q(p, "NEAR/%d stands between words, phrases or a choice of them", distance);
        QueryNode *near = node_pair(p, NODE_NEAR, left, right);
        if (near && near->kind == NODE_NEAR) near->distance = distance;
        all = node_pair(p, NODE_AND, all, near);
        left = right;
    }
    *out = all ? all : left;
    return NULL;
}

static Err *all_parse(Parser *p, QueryNode **out) {
    *out = NULL;
    while (begins_operand(&p->pieces[p->at])) {
        PieceKind kind = p->pieces[p->at].kind;
        bool more = begins_operand(&p->pieces[p->at + 1]);
        if (*out && kind == PIECE_OR && more) break;
        if (*out && kind == PIECE_AND && more) p->at++;
        QueryNode *one;
        TRY(near_parse(p, &one));
        *out = node_pair(p, NODE_AND, *out, one);
    }
    return NULL;
}

static Err *any_parse(Parser *p, QueryNode **out) {
    TRY(all_parse(p, out));
    while (p->pieces[p->at].kind == PIECE_OR) {
        p->at++;
        QueryNode *one;
        TRY(all_parse(p, &one));
        *out = node_pair(p, NODE_OR, *out, one);
    }
    return NULL;
}

static Err *tree_parse(Parser *p, QueryNode **out) {
    *out = NULL;
    if (p->count > PIECES_MAX)
        FAIL_Q(p, "A query with operators has at most %d parts", (int)PIECES_MAX);
    while (p->pieces[p->at].kind != PIECE_END) { /* a ) too many ends nothing */
        QueryNode *part;
        TRY(any_parse(p, &part));
        *out = node_pair(p, NODE_AND, *out, part);
        if (p->pieces[p->at].kind == PIECE_CLOSE) p->at++;
    }
    if (!*out) *out = node_new(p, NODE_ALL, NULL, NULL);
    return NULL;
}

/* -- Both ---------------------------------------------------------------------------------------- */

static uint32_t searched_fields(const SearchDef *def, const SearchRequest *r) {
    uint32_t all = 0, asked = 0;
    for (int i = 0; i < def->field_count; i++)
        if (def->fields[i].use & SEARCH_FOR) all |= (uint32_t)1 << i;
    for (ptrdiff_t i = 0; i < r->on_field_count; i++) asked |= (uint32_t)1 << r->on_fields[i];
    return r->on_fields ? all & asked : all;
}

Err *query_parse(Ctx *c, const SearchDef *def, const SearchRequest *request, SearchQuery **out) {
    SearchQuery *q = arena_new_of(c->arena, SearchQuery);
    *q = (SearchQuery){.def = def, .strategy = request->strategy};
    *out = q;
    Parser *p = arena_new_of(c->arena, Parser);
    *p = (Parser){.c = c, .def = def, .request = request, .query = q};
    p->words.arena = c->arena;
    p->fields = searched_fields(def, request);
    pieces_cut(p, request->q);
    if (is_plain(p)) {
        for (ptrdiff_t i = 0; i + 1 < p->count; i++) plain_piece(p, &p->pieces[i]);
        stop_words_drop(p);
    } else
        TRY(tree_parse(p, &q->root));
    q->patterns = patterns_make(c->arena, q);
    return NULL;
}
