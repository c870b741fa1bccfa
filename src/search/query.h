/* SPDX-License-Identifier: Apache-2.0
 * What a query's text and a filter's text mean, before any index is looked at.
 *
 * A plain query is terms in order (words, phrases) and terms that must not match. With operators,
 * `root` is a tree over the same terms, and every word of it must hold as the tree says (no
 * dropping of words); the ranking looks at the terms that are not under NOT, in order. AND binds
 * tighter than OR, words side by side are AND; operators are upper case; an operator without
 * operands is a word; unclosed quotes and parentheses close at the end. At most QUERY_TERMS terms
 * are kept, and QUERY_DEPTH levels: more is INVALID. */
#ifndef SOCLE_SEARCH_QUERY_H
#define SOCLE_SEARCH_QUERY_H

#include "search/docs.h"
#include "search/docset.h"
#include "search/text.h"

enum { QUERY_TERMS = 64, QUERY_DEPTH = 100, PHRASE_WORDS = 64 };

typedef struct Term {
    Str *words; /* folded; one, or several of a phrase */
    int *gaps;  /* phrase: position of each word minus that of the first */
    int word_count;
    bool phrase;
    bool prefix; /* the last word being typed */
    bool glob;   /* has * or ? */
    bool parted; /* written in one with the term before it (l'eau): ranked by proximity as others */
    uint8_t max_typos;
    uint32_t fields; /* mask of searchable fields it may stand in */
} Term;

typedef enum NodeKind {
    NODE_TERM,
    NODE_AND,
    NODE_OR,
    NODE_NOT,
    NODE_NEAR,
    NODE_FILTER,
    NODE_ALL
} NodeKind;

typedef struct QueryNode {
    NodeKind kind;
    int term;             /* TERM: place in terms */
    int distance;         /* NEAR: at most so many positions between the two, in either order */
    SearchFilter *filter; /* FILTER */
    struct QueryNode *left, *right; /* NOT: left only */
} QueryNode;

typedef struct QueryPatterns QueryPatterns; /* highlight_match.c's */

struct SearchQuery {
    const SearchDef *def;
    Term *terms; /* positive, in order */
    int term_count;
    Term *minus; /* plain queries: what must not match */
    int minus_count;
    QueryNode *root; /* NULL: plain */
    SearchStrategy strategy;
    QueryPatterns *patterns;
};

/* INVALID (code invalid_search_q) for what is beyond the bounds above; plain queries are never
 * INVALID: words beyond QUERY_TERMS are left out of them. */
MUST_USE Err *query_parse(Ctx *c, const SearchDef *def, const SearchRequest *request,
                          SearchQuery **out);

/* How many typing errors are forgiven in a folded word by its length: 0, 1 or 2; none in exact words. */
uint8_t query_typos(const SearchTuning *tuning, Str word);

/* For search_highlight; in the query's own arena. */
QueryPatterns *patterns_make(Arena *arena, const SearchQuery *query);

typedef enum FilterKind {
    FILTER_AND,
    FILTER_OR,
    FILTER_NOT,
    FILTER_NONE,   /* lets nothing through */
    FILTER_IS,     /* keyword equal to `text` (folded) */
    FILTER_RANGE,  /* low <= number < high */
    FILTER_EXISTS, /* has a value */
    FILTER_CONTAINS,
    FILTER_STARTS /* keyword, folded */
} FilterKind;

struct SearchFilter {
    FilterKind kind;
    int field;
    Str text;
    int64_t low, high;
    SearchFilter *left, *right;
};

/* The filter that `field:value` of a query stands for. Numbers and times: a value, >value, >=value,
 * <value, <=value, from..to (either end may be left out); a day alone is the whole day. */
MUST_USE Err *filter_of_value(Ctx *c, const SearchDef *def, int field, Str value,
                              SearchFilter **out);

struct Segment;
/* Documents of a segment that the filter lets through (dead ones among them). NULL: all. */
Docset filter_docs(Arena *a, const struct Segment *s, const SearchFilter *filter);

#endif
