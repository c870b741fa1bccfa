/* SPDX-License-Identifier: Apache-2.0
 * What a query will take, guessed from how many documents its words are in, before it is asked: so
 * that who calls knows where to ask it. Microseconds of one core as bench/search measures them;
 * only their order of magnitude matters, and who is wrong by more ends at the deadline he set. */
#include "core/time.h"
#include "search/rank.h"
#include "search/vectors.h"

enum { DEAR_US = 1000000, FREQUENT_PART = 128 };

/* How many documents the rarest or the most frequent word of a term is in. */
typedef struct TermCost {
    int64_t docs;
    double us;
} TermCost;

static int64_t word_docs(const Segment *s, Str word) {
    uint32_t id = lexicon_find(segment_lexicon(s), word);
    return id == UINT32_MAX ? 0 : segment_word_count(s, id);
}

/* Texts are read for the documents of the rarest word. */
static TermCost phrase_cost(const Segment *s, const Term *t) {
    int64_t least = segment_docs(s);
    for (int i = 0; i < t->word_count; i++) least = min_i64(least, word_docs(s, t->words[i]));
    return (TermCost){least, 5 + (t->word_count > 1 ? 0.06 * (double)least : 0)};
}

/* Frequent words are bitmaps, of which each operation takes as long as the segment is large. */
static TermCost word_cost(const Segment *s, const Term *t) {
    const Lexicon *l = segment_lexicon(s);
    int64_t all = segment_docs(s), docs = word_docs(s, t->words[0]);
    WordRange range = t->prefix ? lexicon_prefix(l, t->words[0]) : (WordRange){0, 0};
    double walk = t->max_typos == 0 ? 0 : t->max_typos == 1 ? 0.00015 : 0.0006; /* a word */
    for (uint32_t w = range.from; w < range.to && docs < all; w += 1 + (w - range.from) / 16)
        docs += (1 + (w - range.from) / 16) * segment_word_count(s, w);
    docs = min_i64(docs, all);
    double sets = docs > all / FREQUENT_PART ? 0.0001 * (double)all : 0.02 * (double)docs;
    return (TermCost){docs, 5 + walk * l->words + sets};
}

static TermCost term_cost(const Segment *s, const Term *t) {
    if (t->glob) return (TermCost){segment_docs(s), DEAR_US};
    return t->phrase ? phrase_cost(s, t) : word_cost(s, t);
}

static double tree_cost(const QueryNode *n, double docs) {
    if (!n) return 0;
    double here = n->kind == NODE_NEAR ? 0.15 * docs : n->kind == NODE_FILTER ? 100 : 1;
    return here + tree_cost(n->left, docs) + tree_cost(n->right, docs);
}

static double filter_cost(const SearchFilter *f, double all) {
    if (!f) return 0;
    double here = f->kind == FILTER_CONTAINS ? DEAR_US : 0.00005 * all;
    return here + filter_cost(f->left, all) + filter_cost(f->right, all);
}

static double facet_cost(const SearchDef *def, const SearchFacetAsk *ask, double docs, double all) {
    bool known = ask->field >= 0 && ask->field < def->field_count;
    if (!known || ask->sum_field >= 0) return DEAR_US;
    if (def->fields[ask->field].kind == SEARCH_KEYWORD) return 10 + 0.006 * docs;
    bool ranges = ask->field == def->order_field && ask->unit != SEARCH_NO_UNIT;
    return ranges ? 30 : 0.03 * docs + 0.01 * all;
}

/* A scan reads the codes of the partition's documents; filters leave out others, how many is not known. */
static double near_cost(Arena *a, const SearchDef *def, const Segment *s, const SearchRequest *q) {
    const double COMPONENT_US = 0.00006, REACH = 4;
    double rows = segment_vectors(s)->count;
    if (def->partition_field >= 0 && q->partition.len > 0) {
        Str folded = text_fold(a, q->partition);
        uint32_t v = segment_value_find(s, def->partition_field, folded);
        bool there = v < segment_values(s, def->partition_field) &&
                     str_eq(segment_value_folded(s, def->partition_field, v), folded);
        double docs = there ? segment_value_count(s, def->partition_field, v) : 0;
        rows = docs < rows ? docs : rows;
    }
    double us = 10 + rows * (double)vector_width(def->dims) * COMPONENT_US;
    return q->near->threshold > -1 ? REACH * us : us;
}

static double request_cost(const SearchDef *def, const SearchRequest *q, const SearchQuery *query,
                           double docs, double all) {
    double us = 15 + filter_cost(q->filter, all) + tree_cost(query->root, docs);
    us += 0.3 * (double)(q->offset + q->limit);
    if (q->sort_count > 0) us += 0.004 * docs;
    if (q->distinct_field >= 0) us += 0.1 * docs;
    if (q->score_threshold > 0) us += 0.5 * docs;
    for (ptrdiff_t i = 0; i < q->facet_count; i++) us += facet_cost(def, &q->facets[i], docs, all);
    return us;
}

int64_t engine_cost_us(Ctx *c, const SearchDef *def, const View *view, const SearchRequest *q) {
    SearchQuery *query;
    Err *err = query_parse(c, def, q, &query);
    if (err || (q->near && vector_field(def) < 0)) return 0; /* it will be told at once */
    double us = 0, docs = 0, all = 0;
    for (int i = 0; i < view->count; i++) {
        const Segment *s = view->items[i].segment;
        all += segment_docs(s);
        if (query->term_count == 0) docs += segment_docs(s);
        if (q->near) us += near_cost(c->arena, def, s, q);
        for (int k = 0; k < query->term_count + query->minus_count && us < DEAR_US; k++) {
            bool minus = k >= query->term_count;
            const Term *t = minus ? &query->minus[k - query->term_count] : &query->terms[k];
            TermCost cost = term_cost(s, t);
            us += cost.us;
            if (!minus && (k == 0 || query->root)) docs += (double)cost.docs; /* others may go */
        }
    }
    us += request_cost(def, q, query, docs < all ? docs : all, all);
    return us < DEAR_US ? (int64_t)us : DEAR_US;
}
