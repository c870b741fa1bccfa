/* SPDX-License-Identifier: Apache-2.0
 * Filters as trees: from Meilisearch's expressions, or from code.
 *
 *   or   = and { OR and }
 *   and  = not { AND not }
 *   not  = NOT not | ( or ) | test
 *   test = field = v | != v | < v | <= v | > v | >= v | v TO v | [NOT] IN [v, …] | [NOT] EXISTS
 *        | IS [NOT] NULL | IS [NOT] EMPTY | [NOT] CONTAINS v | [NOT] STARTS WITH v
 *
 * Documents here have a field or not: null, empty and absent are one. */
#include <math.h>

#include "core/time.h"
#include "search/query.h"

enum { FILTER_BYTES = 64 * 1024, FILTER_DEPTH = 200 };

/* -- Built by code ------------------------------------------------------------------------------- */

static SearchFilter *filter_new(Arena *a, SearchFilter value) {
    SearchFilter *f = arena_new_of(a, SearchFilter);
    *f = value;
    return f;
}

SearchFilter *search_filter_is(Arena *a, int field, Str value) {
    return filter_new(
        a, (SearchFilter){.kind = FILTER_IS, .field = field, .text = text_fold(a, value)});
}

/* Any of them, as a tree without depth. */
static SearchFilter *filter_any(Arena *a, SearchFilter *const *items, ptrdiff_t count) {
    if (count == 0) return filter_new(a, (SearchFilter){.kind = FILTER_NONE});
    if (count == 1) return items[0];
    return search_filter_or(a, filter_any(a, items, count / 2),
                            filter_any(a, items + count / 2, count - count / 2));
}

SearchFilter *search_filter_in(Arena *a, int field, const Str *values, ptrdiff_t count) {
    SearchFilter **items = arena_array(a, SearchFilter *, count);
    for (ptrdiff_t i = 0; i < count; i++) items[i] = search_filter_is(a, field, values[i]);
    return filter_any(a, items, count);
}

SearchFilter *search_filter_range(Arena *a, int field, int64_t low, int64_t high) {
    if (low == NO_NUMBER) low++;
    if (high != INT64_MAX && low >= high) return filter_new(a, (SearchFilter){.kind = FILTER_NONE});
    return filter_new(
        a, (SearchFilter){.kind = FILTER_RANGE, .field = field, .low = low, .high = high});
}

SearchFilter *search_filter_real(Arena *a, int field, double low, double high) {
    return search_filter_range(a, field, number_of_real(low),
                               isinf(high) && high > 0 ? INT64_MAX : number_of_real(high));
}

static SearchFilter *filter_pair(Arena *a, FilterKind kind, SearchFilter *left,
                                 SearchFilter *right) {
    if (!left || !right) return left ? left : right;
    return filter_new(a, (SearchFilter){.kind = kind, .left = left, .right = right});
}

SearchFilter *search_filter_and(Arena *a, SearchFilter *left, SearchFilter *right) {
    return filter_pair(a, FILTER_AND, left, right);
}

SearchFilter *search_filter_or(Arena *a, SearchFilter *left, SearchFilter *right) {
    return filter_pair(a, FILTER_OR, left, right);
}

SearchFilter *search_filter_not(Arena *a, SearchFilter *filter) {
    return filter ? filter_new(a, (SearchFilter){.kind = FILTER_NOT, .left = filter}) : NULL;
}

/* -- Values -------------------------------------------------------------------------------------- */

/* A number as text, by the numbers that are kept: the least one not below it, and the least above. */
typedef struct Bounds {
    int64_t from, after;
} Bounds;

static Bounds bounds_of_int(int64_t v) {
    if (v == NO_NUMBER) v++;
    return (Bounds){v, v == INT64_MAX ? v : v + 1};
}

static bool bounds_of_real(SearchKind kind, double v, Bounds *out) {
    if (!isfinite(v)) return false;
    if (kind == SEARCH_REAL) {
        *out = bounds_of_int(number_of_real(v));
        return true;
    }
    if (v >= 0x1p63)
        *out = (Bounds){INT64_MAX, INT64_MAX};
    else if (v < -0x1p63)
        *out = (Bounds){NO_NUMBER + 1, NO_NUMBER + 1};
    else if (v != floor(v))
        *out = (Bounds){(int64_t)ceil(v), (int64_t)ceil(v)};
    else
        *out = bounds_of_int((int64_t)v);
    return true;
}

/* Times as numbers are seconds, milliseconds or microseconds: each reading covers other centuries. */
static int64_t time_of_number(int64_t n) {
    uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    if (size < 100000000000u) return n * US_PER_SECOND;
    if (size < 100000000000000u) return n * US_PER_MS;
    return n;
}

static bool bounds_of_time(Str text, Bounds *out) {
    int64_t n;
    double seconds;
    Time t;
    if (str_to_i64(text, &n))
        *out = bounds_of_int(time_of_number(n));
    else if (time_parse(text, &t)) {
        *out = bounds_of_int(t.us);
        if (text.len == (ptrdiff_t)strlen("2025-01-31")) out->after = t.us + US_PER_DAY;
    } else if (str_to_f64(text, &seconds) && fabs(seconds) < 1e11) {
        *out = bounds_of_int((int64_t)(seconds * 1e6));
    } else
        return false;
    return true;
}

static bool bounds_of(SearchKind kind, Str text, Bounds *out) {
    int64_t n;
    double v;
    if (kind == SEARCH_TIME) return bounds_of_time(text, out);
    if (kind == SEARCH_INT && str_to_i64(text, &n))
        *out = bounds_of_int(n);
    else if (!str_to_f64(text, &v) || !bounds_of_real(kind, v, out))
        return false;
    return true;
}

/* -- Expressions --------------------------------------------------------------------------------- */

typedef struct FilterParser {
    Ctx *c;
    const SearchDef *def;
    Str text;
    ptrdiff_t at;
    int depth;
} FilterParser;

#define FAIL_FILTER(c, ...)                                            \
    do {                                                               \
        Err *err_f = err_new((c), ERR_INVALID, __func__, __VA_ARGS__); \
        err_f->code = S("invalid_search_filter");                      \
        return err_f;                                                  \
    } while (0)

static void space_skip(FilterParser *p) {
    while (p->at < p->text.len && strchr(" \t\r\n", p->text.data[p->at])) p->at++;
}

static bool is_word_byte(char ch) {
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           ch == '_' || ch == '-' || ch == '/' || ch == '.' || ch == '+' || ch == ':' ||
           ch == '#' || ch == '@' || (unsigned char)ch >= 0x80;
}

/* The bare word that comes next, null if none; it stays there. */
static Str word_peek(FilterParser *p) {
    space_skip(p);
    ptrdiff_t n = p->at;
    while (n < p->text.len && is_word_byte(p->text.data[n])) n++;
    return n > p->at ? str_slice(p->text, p->at, n) : (Str){0};
}

static bool word_take(FilterParser *p, Str word) {
    Str next = word_peek(p);
    if (str_is_null(next) || !str_eq_nocase(next, word)) return false;
    p->at += next.len;
    return true;
}

static bool mark_take(FilterParser *p, Str mark) {
    space_skip(p);
    if (!str_starts(str_slice(p->text, p->at, p->text.len), mark)) return false;
    p->at += mark.len;
    return true;
}

/* What an error says about its place. */
static Str here(FilterParser *p) {
    space_skip(p);
    if (p->at >= p->text.len) return S("the end of the filter");
    return strf(p->c->arena, "`%.*s`, byte %td",
                S_ARG(str_utf8_cut(str_slice(p->text, p->at, p->text.len), 30)), p->at);
}

static Err *value_take(FilterParser *p, Str *out) {
    space_skip(p);
    char quote = p->at < p->text.len ? p->text.data[p->at] : 0;
    if (quote != '"' && quote != '\'') {
        *out = word_peek(p);
        if (str_is_null(*out)) FAIL_FILTER(p->c, "A value was expected at %.*s", S_ARG(here(p)));
        p->at += out->len;
        return NULL;
    }
    Buf b = buf_new(p->c->arena, 32);
    for (ptrdiff_t i = p->at + 1; i < p->text.len; i++) {
        char ch = p->text.data[i];
        if (ch == quote) {
            p->at = i + 1;
            *out = buf_str(&b);
            return NULL;
        }
        if (ch == '\\' && i + 1 < p->text.len) ch = p->text.data[++i];
        buf_byte(&b, ch);
    }
    FAIL_FILTER(p->c, "The quote at %.*s is not closed", S_ARG(here(p)));
}

static Err *field_take(FilterParser *p, int *field) {
    Str name;
    TRY(value_take(p, &name));
    if (str_starts(name, S("_geo")))
        FAIL_FILTER(p->c, "Documents of `%s` have no place: %.*s cannot be asked", p->def->name,
                    S_ARG(name));
    Buf known = buf_new(p->c->arena, 128);
    for (int i = 0; i < p->def->field_count; i++) {
        if (!(p->def->fields[i].use & SEARCH_FILTER)) continue;
        *field = i;
        if (str_eq(name, str_c(p->def->fields[i].name))) return NULL;
        buf_f(&known, "%s`%s`", known.len ? ", " : "", p->def->fields[i].name);
    }
    FAIL_FILTER(p->c, "Attribute `%.*s` is not filterable. Available filterable attributes: %.*s",
                S_ARG(name), S_ARG(buf_str(&known)));
}

static Err *bounds_take(Ctx *c, const SearchDef *def, int field, Str value, Bounds *out) {
    if (bounds_of(def->fields[field].kind, value, out)) return NULL;
    const char *wanted =
        def->fields[field].kind == SEARCH_TIME ? "a time (RFC 3339 or a number)" : "a number";
    FAIL_FILTER(c, "`%s` needs %s, not `%.*s`", def->fields[field].name, wanted,
                S_ARG(str_utf8_cut(value, 60)));
}

static SearchFilter *exists(Arena *a, int field) {
    return filter_new(a, (SearchFilter){.kind = FILTER_EXISTS, .field = field});
}

/* field = value */
static Err *equal_to(Ctx *c, const SearchDef *def, int field, Str value, SearchFilter **out) {
    if (def->fields[field].kind == SEARCH_KEYWORD) {
        *out = search_filter_is(c->arena, field, value);
        return NULL;
    }
    Bounds b;
    TRY(bounds_take(c, def, field, value, &b));
    *out = search_filter_range(c->arena, field, b.from, b.after);
    return NULL;
}

/* field < value and its kin, told by the sign. */
static Err *compared_to(Ctx *c, const SearchDef *def, int field, Str sign, Str value,
                        SearchFilter **out) {
    if (def->fields[field].kind == SEARCH_KEYWORD)
        FAIL_FILTER(c, "`%s` is a word: %.*s needs a number or a time", def->fields[field].name,
                    S_ARG(sign));
    Bounds b;
    TRY(bounds_take(c, def, field, value, &b));
    int64_t edge = sign.len == 2 ? (sign.data[0] == '<' ? b.after : b.from)
                                 : (sign.data[0] == '<' ? b.from : b.after);
    *out = sign.data[0] == '<' ? search_filter_range(c->arena, field, NO_NUMBER, edge)
                               : search_filter_range(c->arena, field, edge, INT64_MAX);
    return NULL;
}

static Err *one_of(FilterParser *p, int field, SearchFilter **out) {
    if (!mark_take(p, S("["))) FAIL_FILTER(p->c, "IN needs a list in [ ], at %.*s", S_ARG(here(p)));
    SearchFilter **items = NULL;
    ptrdiff_t count = 0, cap = 0, size = (ptrdiff_t)sizeof *items;
    while (!mark_take(p, S("]"))) {
        Str value;
        TRY(value_take(p, &value));
        if (count == cap) {
            items = arena_grow(p->c->arena, items, cap * size, (2 * cap + 8) * size);
            cap = 2 * cap + 8;
        }
        TRY(equal_to(p->c, p->def, field, value, &items[count++]));
        if (mark_take(p, S(","))) continue;
        if (mark_take(p, S("]"))) break;
        FAIL_FILTER(p->c, "`,` or `]` was expected at %.*s", S_ARG(here(p)));
    }
    *out = filter_any(p->c->arena, items, count);
    return NULL;
}

static Err *part_of(FilterParser *p, int field, FilterKind kind, SearchFilter **out) {
    Str value;
    TRY(value_take(p, &value));
    if (p->def->fields[field].kind != SEARCH_KEYWORD)
        FAIL_FILTER(p->c, "`%s` is a number: CONTAINS and STARTS WITH need a word",
                    p->def->fields[field].name);
    value = text_fold(p->c->arena, value);
    *out = filter_new(p->c->arena, (SearchFilter){.kind = kind, .field = field, .text = value});
    return NULL;
}

/* IN, EXISTS, CONTAINS, STARTS WITH, each after a NOT or none. *done: there was one. */
static Err *word_test(FilterParser *p, int field, SearchFilter **out, bool *done) {
    *done = true;
    if (word_take(p, S("IN"))) return one_of(p, field, out);
    if (word_take(p, S("CONTAINS"))) return part_of(p, field, FILTER_CONTAINS, out);
    if (word_take(p, S("EXISTS"))) {
        *out = exists(p->c->arena, field);
        return NULL;
    }
    if (word_take(p, S("STARTS"))) {
        if (word_take(p, S("WITH"))) return part_of(p, field, FILTER_STARTS, out);
        FAIL_FILTER(p->c, "WITH was expected at %.*s", S_ARG(here(p)));
    }
    *done = false;
    return NULL;
}

/* IS was read: [NOT] NULL | EMPTY. */
static Err *missing_test(FilterParser *p, int field, SearchFilter **out) {
    bool not = word_take(p, S("NOT"));
    if (!word_take(p, S("NULL")) && !word_take(p, S("EMPTY")))
        FAIL_FILTER(p->c, "NULL or EMPTY was expected at %.*s", S_ARG(here(p)));
    *out = exists(p->c->arena, field);
    if (!not ) *out = search_filter_not(p->c->arena, *out);
    return NULL;
}

/* value TO value, both included. */
static Err *between_test(FilterParser *p, int field, SearchFilter **out) {
    Str low, high;
    SearchFilter *from, *to;
    TRY(value_take(p, &low));
    if (!word_take(p, S("TO")))
        FAIL_FILTER(p->c, "An operator (=, !=, <, TO, IN, …) was expected before %.*s",
                    S_ARG(here(p)));
    TRY(value_take(p, &high));
    TRY(compared_to(p->c, p->def, field, S(">="), low, &from));
    TRY(compared_to(p->c, p->def, field, S("<="), high, &to));
    *out = search_filter_and(p->c->arena, from, to);
    return NULL;
}

static Err *test_parse(FilterParser *p, SearchFilter **out) {
    static const Str signs[] = {S_INIT("!="), S_INIT("<="), S_INIT(">="),
                                S_INIT("="),  S_INIT("<"),  S_INIT(">")};
    int field;
    TRY(field_take(p, &field));
    for (ptrdiff_t i = 0; i < COUNT(signs); i++) {
        if (!mark_take(p, signs[i])) continue;
        Str value;
        TRY(value_take(p, &value));
        if (i != 0 && i != 3) return compared_to(p->c, p->def, field, signs[i], value, out);
        TRY(equal_to(p->c, p->def, field, value, out));
        if (i == 0) *out = search_filter_not(p->c->arena, *out);
        return NULL;
    }
    if (word_take(p, S("IS"))) return missing_test(p, field, out);
    bool not = word_take(p, S("NOT")), done;
    TRY(word_test(p, field, out, &done));
    if (!done && not ) FAIL_FILTER(p->c, "NOT needs IN, EXISTS, CONTAINS or STARTS WITH behind it");
    if (!done) return between_test(p, field, out);
    if (not ) *out = search_filter_not(p->c->arena, *out);
    return NULL;
}

/* The parts of one level of operators so far, put together as a tree without depth: items[i] stands
 * for 2^i of them (a filter has fewer than 2^16). */
typedef struct Parts {
    SearchFilter *items[16];
} Parts;

static void parts_add(Arena *a, Parts *parts, FilterKind kind, SearchFilter *one) {
    ptrdiff_t i = 0;
    for (; parts->items[i]; i++) {
        one = filter_pair(a, kind, parts->items[i], one);
        parts->items[i] = NULL;
    }
    parts->items[i] = one;
}

static SearchFilter *parts_take(Arena *a, Parts *parts, FilterKind kind) {
    SearchFilter *all = NULL;
    for (ptrdiff_t i = 0; i < COUNT(parts->items); i++)
        all = filter_pair(a, kind, parts->items[i], all);
    *parts = (Parts){0};
    return all;
}

/* An open parenthesis, and level 0. No recursion: the stack of a coroutine is small. */
typedef struct Level {
    Parts ors, ands;
    bool negated;
} Level;

/* NOT and ( in front of a test; then the test, into the last level. */
static Err *operand_parse(FilterParser *p, Level *levels) {
    Arena *a = p->c->arena;
    for (;;) {
        bool negated = false;
        while (word_take(p, S("NOT"))) negated = !negated;
        if (mark_take(p, S("("))) {
            if (p->depth == FILTER_DEPTH)
                FAIL_FILTER(p->c, "Parentheses are nested deeper than %d levels",
                            (int)FILTER_DEPTH);
            levels[++p->depth] = (Level){.negated = negated};
            continue;
        }
        SearchFilter *test;
        TRY(test_parse(p, &test));
        parts_add(a, &levels[p->depth].ands, FILTER_AND,
                  negated ? search_filter_not(a, test) : test);
        return NULL;
    }
}

static SearchFilter *level_take(Arena *a, Level *level) {
    parts_add(a, &level->ors, FILTER_OR, parts_take(a, &level->ands, FILTER_AND));
    SearchFilter *all = parts_take(a, &level->ors, FILTER_OR);
    return level->negated ? search_filter_not(a, all) : all;
}

static Err *expression_parse(FilterParser *p, SearchFilter **out) {
    Arena *a = p->c->arena;
    Level *levels = arena_array(a, Level, FILTER_DEPTH + 1);
    for (;;) {
        TRY(operand_parse(p, levels));
        while (p->depth > 0 && mark_take(p, S(")"))) {
            SearchFilter *group = level_take(a, &levels[p->depth--]);
            parts_add(a, &levels[p->depth].ands, FILTER_AND, group);
        }
        Level *level = &levels[p->depth];
        if (word_take(p, S("AND"))) continue;
        if (!word_take(p, S("OR"))) break;
        parts_add(a, &level->ors, FILTER_OR, parts_take(a, &level->ands, FILTER_AND));
    }
    if (p->depth > 0) FAIL_FILTER(p->c, "`)` was expected at %.*s", S_ARG(here(p)));
    *out = level_take(a, &levels[0]);
    return NULL;
}

Err *search_filter_parse(Ctx *c, const SearchDef *def, Str text, SearchFilter **out) {
    FilterParser p = {.c = c, .def = def, .text = str_trim(text)};
    *out = NULL;
    if (text.len > FILTER_BYTES) FAIL_FILTER(c, "A filter has at most %d bytes", (int)FILTER_BYTES);
    if (!str_utf8_valid(text)) FAIL_FILTER(c, "The filter is not valid UTF-8");
    if (str_is_empty(p.text)) return NULL;
    TRY(expression_parse(&p, out));
    space_skip(&p);
    if (p.at < p.text.len)
        FAIL_FILTER(c, "AND, OR or the end was expected at %.*s", S_ARG(here(&p)));
    return NULL;
}

Err *filter_of_value(Ctx *c, const SearchDef *def, int field, Str value, SearchFilter **out) {
    static const Str signs[] = {S_INIT("<="), S_INIT(">="), S_INIT("<"), S_INIT(">")};
    if (!(def->fields[field].use & SEARCH_FILTER))
        FAIL_FILTER(c, "`%s` cannot be asked for a value", def->fields[field].name);
    if (def->fields[field].kind == SEARCH_KEYWORD) return equal_to(c, def, field, value, out);
    for (ptrdiff_t i = 0; i < COUNT(signs); i++)
        if (str_starts(value, signs[i]))
            return compared_to(c, def, field, signs[i], str_slice(value, signs[i].len, value.len),
                               out);
    ptrdiff_t dots = str_find(value, S(".."));
    if (dots < 0) return equal_to(c, def, field, value, out);
    Str low = str_slice(value, 0, dots), high = str_slice(value, dots + 2, value.len);
    SearchFilter *from = NULL, *to = NULL;
    if (low.len > 0) TRY(compared_to(c, def, field, S(">="), low, &from));
    if (high.len > 0) TRY(compared_to(c, def, field, S("<="), high, &to));
    *out = from || to ? search_filter_and(c->arena, from, to) : exists(c->arena, field);
    return NULL;
}
