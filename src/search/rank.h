/* SPDX-License-Identifier: Apache-2.0
 * Ranking: which documents match a query, and which come first. Private to the room.
 *
 * What follows is independent of how documents are spread over segments, and is what
 * test/unit/search/reference.c computes by looking at every document.
 *
 * Parts. A plain query is terms t0 … tn-1. A part covers one term, or two or three neighbouring
 * words written in one (no phrases, no globs). A part matches a word of a document in one of four
 * kinds, the first that fits:
 *   EXACT  the word as written; every word of a phrase in order, at its gaps   0 typing errors
 *   LIKE   begins with the word being typed; shares a stem; fits the glob      0
 *   ONE    within one typing error (word_distance)                             1
 *   TWO    within two                                                          2
 * Typing errors are not forgiven in SEARCH_EXACT fields. A single word is also found in kind ONE as
 * two words, one position apart, that give it when written in one. A joined part has one error
 * more: as written in one or beginning so is ONE; TWO is two words written apart that give it
 * (other than at its own seams), and, joined from two only, within one error where its letters
 * would allow two. Phrases neither begin, join nor split.
 *
 * Levels. A level is the terms that are kept; a document is at the best level whose terms can be
 * covered by parts that match in it. SEARCH_ALL: one level, all. SEARCH_LAST: terms are dropped
 * from the right, SEARCH_FREQUENCY: that with most documents that may match first (then the
 * right one); phrases are never dropped, and one term stays. Of a tree all documents that
 * satisfy it match; those of its terms are kept that the document has, and nothing is joined.
 * NEAR/n: at most n positions from the end of one to the beginning of the other, either way
 * round, in one field.
 *
 * Ways. A way covers the kept terms by parts in order, each with a kind in which it matches. It
 * costs
 *   words      words of the query that are not kept (a phrase has as many as it has)
 *   typo       errors of its parts
 *   proximity  for each part but the first the least distance from a place of the part before it:
 *              d positions later in the same field d, d earlier d + 1, at most PROXIMITY_FAR;
 *              two more for a word joined from two, four from three
 *   attribute  for each term the least number of a field in which its part matches in this kind
 *   position   for each term the bits of the least position at which it does
 *   exactness  0 when a field is the kept words as written and nothing else, 1 when it begins with
 *              them, else 2 (of the document, not of the way); then words not matched EXACT
 * The rules' costs in order, with words before the first other rule of the text if it is not there,
 * make a document's key: the least of its ways, compared rule by rule. SEARCH_BY_SORT compares the
 * request's fields, missing ones last (keywords by folded text, the least one ascending, the
 * greatest descending). What is still equal stands in document order: order_field descending, then
 * key descending (no order_field: key ascending).
 *
 * A minus term excludes by its exact word or phrase. Queries without terms match everything. */
#ifndef SOCLE_SEARCH_RANK_H
#define SOCLE_SEARCH_RANK_H

#include "core/map.h"
#include "search/engine.h"
#include "search/query.h"

enum {
    PROXIMITY_FAR = 4,
    JOINED_WORDS = 3,
    PARTS_MAX = JOINED_WORDS * QUERY_TERMS,
    SCAN_BUDGET = 50000,     /* forward texts read to rank, a query and segment */
    VERIFY_BUDGET = 4000000, /* forward texts read to know whether a document matches */
    FUZZY_BUDGET = 200000,   /* nodes of the lexicon, a part */
    GLOB_BUDGET = 1000000,   /* likewise, of all globs of a query; more is INVALID */
    SORTS_MAX = 16,
    TREE_LEVELS = 5 /* a tree of so many words has a level for each choice of them */
};

typedef enum MatchKind { KIND_EXACT, KIND_LIKE, KIND_ONE, KIND_TWO, KINDS } MatchKind;
static inline int kind_typos(int kind) { return kind < KIND_ONE ? 0 : kind - KIND_LIKE; }

/* What a part asks, whatever the segment. */
typedef struct Part {
    int first, count; /* terms */
    const Term *phrase;
    Str word; /* not of phrases */
    bool prefix, glob;
    uint8_t max_typos;
    uint32_t fields, loose_fields; /* where words fit; and with typing errors */
    int seams[JOINED_WORDS - 1];   /* joined: byte offsets at which its words meet */
    Str key;                       /* not of phrases: parts of the same key fit the same */
} Part;

/* Words [from, to) of a segment that fit a part. */
typedef struct Fit {
    uint32_t from, to, fields;
    uint16_t part;
    uint8_t kind, role; /* MatchKind, FitRole */
    uint32_t item;      /* SPLIT: place in splits */
} Fit;
typedef enum FitRole { FIT_WORD, FIT_SPLIT_FIRST, FIT_SPLIT_SECOND, FIT_PHRASE } FitRole;

typedef struct Split {
    uint32_t first, second;
    uint16_t part;
    uint8_t kind;
} Split;

typedef struct PartDocs {
    /* By kind (LIKE: with those of a word that itself begins so) and by typing errors; where the
     * base is wide, also documents that are not in it. */
    Docset kinds[KINDS], typos[3], any;
    Docset split;             /* those found by words written apart */
    uint32_t *phrase;         /* ids of its words; NULL: one is unknown */
    uint32_t exact;           /* id of the word itself, or UINT32_MAX */
    int fit_from, fit_to;     /* its FIT_WORD fits */
    int range_from, range_to; /* those of them that only make up `range` but for the word itself */
    WordRange range;          /* words that begin so */
    struct Kept *kept;        /* where its sets lie, or NULL */
} PartDocs;

typedef struct Scorer Scorer;

/* One segment under a query. */
typedef struct Matcher {
    Arena *arena, *work; /* work: where words are looked up */
    struct Rank *rank;
    const Segment *segment;
    Docset live, base; /* base: live, of the partition, through the filter, not excluded */
    bool wide;         /* the base is a good part of all: words are looked up over the segment */
    PartDocs *parts;
    Fit *fits;
    int fit_count, fit_cap;
    Split *splits;
    int split_count, split_cap;
    /* Which fits a word has: those of the last bound <= word. */
    uint32_t *bounds, *bound_at, *bound_fits;
    uint32_t bound_count;
    uint32_t *bound_of_word; /* bounds <= word, where there are many; else NULL */
    uint64_t maybe[64]; /* which word & 4095 have any */
    int64_t scans_left;
    Docset universe;
    Docset *levels; /* of a plain query: the documents of each of its levels */
    Scorer *scorer;
} Matcher;

/* A key: the rules' costs, most important highest, 57 bits in all. */
typedef struct KeyPart {
    uint8_t shift, bits; /* bits 0: rule not in use */
} KeyPart;
typedef struct KeyPlan {
    KeyPart words, typo, proximity, attribute, position, field, exact;
    uint8_t sort_shift;   /* key >> sort_shift is what comes before SEARCH_BY_SORT */
    bool sorted;          /* there is something to sort by */
    bool typo_next;       /* typo follows words directly */
    bool words_first;     /* the first rule is words */
    bool text_after_sort; /* rules of the text follow the sort */
    bool sort_first;      /* nothing but words, or words and typo, before the sort */
} KeyPlan;

typedef struct Level {
    int *kept; /* terms, ascending */
    int count, words;
} Level;

typedef struct Rank {
    Ctx *c;
    const SearchDef *def;
    const View *view;
    const SearchRequest *request;
    SearchQuery *query;
    Part *parts;
    int part_count;
    int starting[QUERY_TERMS][JOINED_WORDS]; /* part that covers n + 1 terms from this one, or -1 */
    KeyPlan plan;
    Matcher *matchers; /* one a segment */
    bool estimated, fully;
    bool too_broad; /* the globs would take too long */
    int64_t verify_left, glob_left;
    Level *levels; /* of a plain query, best first; of a tree with few words: any choice of them */
    int level_count;
    Level whole;   /* every term that is not under NOT */
    bool tree_any; /* a tree in which not every term must match */
    bool ended;    /* cancelled or past its deadline: what is found is of no use */
    bool undone_later;
    uint32_t looked; /* at the clock */
    Arena *scratch;
} Rank;

/* Of more parts, only what is found is left in memory. */
enum { PARTS_FEW = 12 };

/* Whether the answer is not wanted any more: then everything comes back as quickly as it can. Cheap
 * enough for every document. */
bool rank_look_ended(Rank *r);
static inline bool rank_ended(Rank *r) {
    return r->ended || ((++r->looked & 255) == 0 && rank_look_ended(r));
}
/* The error of a query that ended so; NULL: it did not. */
MUST_USE Err *rank_err(Rank *r);
/* Memory for what is not kept, given back with the query. */
Arena *rank_scratch(Rank *r);
/* See to it that what the query holds is given back by ctx_undo. */
void rank_undo_later(Rank *r);

/* -- terms.c ------------------------------------------------------------------------------------- */

void parts_make(Rank *r);
/* Look all parts up in the matcher's segment; its base is known. */
void parts_look_up(Rank *r, Matcher *m);

/* -- match.c ------------------------------------------------------------------------------------- */

/* Everything up to and with every matcher's base, parts and, of trees, universe. */
MUST_USE Err *rank_open(Ctx *c, const SearchDef *def, const View *view,
                        const SearchRequest *request, Rank **out);
/* Of each segment the live documents that match; out in c's arena. For values.c, saved.c. */
MUST_USE Err *match_universe(Ctx *c, const SearchDef *def, const View *view,
                             const SearchRequest *request, Docset **out);
/* The levels of a plain query, best first. */
Level *levels_make(Rank *r, int *count);
/* Documents of a tree that have exactly the level's words. */
Docset tree_level_docs(const Rank *r, Matcher *m, const Level *level);
/* Documents of `within` at this level with exactly `typos` errors in some way. */
Docset level_docs(Rank *r, Matcher *m, const Level *level, Docset within, int typos);
/* The matcher's documents with a phrase, or a minus term's exact word. */
Docset docs_phrase(Rank *r, Matcher *m, const Term *t, const uint32_t *ids);
uint32_t *phrase_ids(const Segment *s, Arena *a, const Term *t);
/* Documents of the segment where a word of this kind (LIKE: see kinds) stands in these fields. */
Docset docs_of_kind(const Matcher *m, const PartDocs *d, int kind, uint32_t fields);
bool forward_adjacent(Forward f, uint32_t first, uint32_t second, uint32_t fields);
bool forward_phrase(Forward f, const Term *phrase, const uint32_t *ids);

/* Walk over a forward text's words. */
typedef struct Tokens {
    const uint32_t *at, *end;
    uint32_t left, position, word;
    int field;
} Tokens;
static inline Tokens tokens_of(Forward f) { return (Tokens){.at = f.at, .end = f.end}; }
static inline bool tokens_next(Tokens *t) {
    while (t->left == 0) {
        if (t->at == t->end) return false;
        t->field = FORWARD_FIELD(*t->at);
        t->left = FORWARD_COUNT(*t->at);
        t->position = UINT32_MAX; /* one before the first */
        t->at++;
    }
    uint32_t token = *t->at++;
    t->left--;
    t->position += FORWARD_GAP(token);
    t->word = FORWARD_WORD(token);
    return true;
}

/* -- rank.c -------------------------------------------------------------------------------------- */

typedef struct Ranked {
    uint64_t key;
    uint32_t doc;
    int32_t segment;
    const Level *level;
} Ranked;

typedef struct Bucket {
    int segment;
    const Level *level; /* NULL: of a tree in which not every term matches */
    Docset docs;
    int typos; /* all of them have so many; < 0: not known */
} Bucket;

/* The best ones so far: a heap, worst on top once it is full. */
typedef struct Best {
    Rank *rank;
    Ranked *items;
    uint64_t count, most;
} Best;

/* false: it is not among the best. */
bool best_put(Best *b, Ranked item);
/* What is known of the keys in a bucket without looking further. */
uint64_t key_known(const Rank *r, const Bucket *b);

/* The ranked documents from `skip` on, at most `want` (which is no more than there are). */
Ranked *rank_run(Rank *r, uint64_t skip, uint64_t want, uint64_t *count);

/* -- refine.c ------------------------------------------------------------------------------------ */

/* Put what of a bucket may be among the best. */
void bucket_refine(Best *best, const Bucket *b);

/* -- score.c ------------------------------------------------------------------------------------- */

Scorer *scorer_of(Matcher *m); /* made when first asked for */
/* The key of a document that matches at the level (NULL: of a tree). */
uint64_t score_doc(Scorer *s, uint32_t doc, const Level *level);
/* Whether a NEAR holds. */
bool score_near(Scorer *s, uint32_t doc, const QueryNode *near);
void key_plan_make(Rank *r);
/* A key's costs as details, and its score. */
void key_details(const Rank *r, uint64_t key, const Level *level, SearchDetails *out);
double details_score(const Rank *r, const SearchDetails *d);

static inline uint64_t key_put(KeyPart part, int64_t cost) {
    int64_t most = ((int64_t)1 << part.bits) - 1;
    return part.bits ? (uint64_t)min_i64(cost, most) << part.shift : 0;
}
static inline int key_get(KeyPart part, uint64_t key) {
    return part.bits ? (int)(key >> part.shift & (((uint64_t)1 << part.bits) - 1)) : 0;
}

/* -- hits.c -------------------------------------------------------------------------------------- */

SearchHit ranked_hit(Rank *r, const Ranked *item);
/* Whether no document with its value of the distinct field was met before; then it is put in `seen`. */
bool distinct_new(const Rank *r, Map *seen, int segment, uint32_t doc);
int64_t distinct_total(Rank *r);

/* -- near.c -------------------------------------------------------------------------------------- */

MUST_USE Err *near_check(Ctx *c, const SearchDef *def, const SearchNear *near);
/* Hits and total of a request with `near`; universes become what they count. */
MUST_USE Err *near_answer(Rank *r, const VectorAnswer *given, SearchResult *out);

/* -- sort.c -------------------------------------------------------------------------------------- */

MUST_USE Err *sort_check(Rank *r);
/* < 0: x before y. */
int ranked_cmp(const Rank *r, const Ranked *x, const Ranked *y);
/* By document order alone. */
int order_cmp(const Rank *r, const Ranked *x, const Ranked *y);
/* Of docs at least the first `most` by the request's first sort, with all that are equal to the
 * last of them. */
Docset sort_top(Rank *r, Matcher *m, Docset docs, uint64_t most);
/* Whether x is not behind all of docs by the first sort. */
bool sort_within(const Rank *r, const Ranked *x, int segment, Docset docs);

#endif
