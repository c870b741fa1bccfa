/* SPDX-License-Identifier: Apache-2.0
 * Search: what products see of it. An index is a pure function of rows of the database: a product
 * describes its documents by a table (SearchDef) and feeds changes in order of their change
 * numbers; the room does the rest. Two back ends stand behind this header: our engine (engine.h),
 * and Meilisearch where MEILI_HOST is set.
 *
 *   TRY(search_sync(c, index));                  everything committed before is now found
 *   TRY(search_run(c, index, &request, &result));
 *
 * Nothing here knows what a document is about. Texts of hits are read from the database by key. */
#ifndef SOCLE_SEARCH_SEARCH_H
#define SOCLE_SEARCH_SEARCH_H

#include "core/buf.h"
#include "core/err.h"

struct App;

/* -- What an index is ---------------------------------------------------------------------------- */

typedef enum SearchKind {
    SEARCH_TEXT, /* words; searchable only */
    SEARCH_KEYWORD, /* one or several short values (≤ 512 bytes); equal without regard to case and accents */
    SEARCH_INT,  /* int64 above INT64_MIN, one value */
    SEARCH_REAL, /* a double, not NaN, one value */
    SEARCH_TIME, /* microseconds since 1970, one value */
    SEARCH_VECTOR /* SearchDef.dims floats that say what a text means, one value; see SearchNear. At
                     most one such field; `use` is 0 */
} SearchKind;

enum {
    SEARCH_FOR = 1,    /* its words are searched (TEXT, KEYWORD) */
    SEARCH_FILTER = 2, /* may stand in filters and facets (all but TEXT) */
    SEARCH_SORT = 4,   /* may be sorted by (all but TEXT) */
    SEARCH_EXACT = 8   /* no typing errors are forgiven in its words */
};

typedef struct SearchField {
    const char *name;
    SearchKind kind;
    unsigned use;
} SearchField;

enum { SEARCH_FIELDS_MAX = 32, SEARCH_RULES_MAX = 12 };

/* Rules of ranking, strict: each orders only what those before left equal. */
typedef enum SearchRule {
    SEARCH_BY_WORDS = 1, /* more words of the query (dropped by SearchStrategy) */
    SEARCH_BY_TYPO,      /* fewer typing errors, over all words */
    SEARCH_BY_PROXIMITY, /* smaller sum of distances between neighbouring words of the query */
    SEARCH_BY_ATTRIBUTE, /* words in more important fields (first in the table) */
    SEARCH_BY_POSITION,  /* words nearer to the field's beginning; not by default */
    SEARCH_BY_SORT,      /* what the request asks to sort by */
    SEARCH_BY_EXACTNESS  /* field equals the query, begins with it; then more words as written */
} SearchRule;

/* How an index reads words. Zeroes are the defaults. */
typedef struct SearchTuning {
    uint8_t rules
        [SEARCH_RULES_MAX]; /* SearchRule, 0 ends; none: words typo proximity attribute sort exactness */
    int one_typo_from, two_typos_from; /* code points; 0: 5 and 9; -1: never */
    bool stem;                         /* French and English light stems find each other */
    const char *const *exact_words;    /* never with typing errors; NULL-terminated, or NULL */
    const char *const
        *stop_words; /* left out of queries (not of phrases) when other words remain */
} SearchTuning;

/* A batch of changes that a feed fills; see search_doc. */
typedef struct SearchDocs SearchDocs;

/* Describe the next changes with change number > after, in order, about `limit` of them. *covered:
 * all changes up to this number are in (== after: there is nothing new). May wait (reads the
 * database). */
typedef Err *SearchFeed(Ctx *c, int64_t after, int64_t limit, SearchDocs *out, int64_t *covered);

typedef struct SearchDef {
    const char *name;          /* [a-z0-9_]+; the folder of its snapshots and Meilisearch's uid */
    const SearchField *fields; /* searchable ones in order of importance */
    int field_count;
    /* Documents lie newest first by this INT or TIME field, then by key descending: the order of
     * ties, and ranges over it cost nothing. -1: by key ascending. */
    int order_field;
    /* A KEYWORD field whose value every search must name, so that no foreign document can match; -1: none. */
    int partition_field;
    int dims; /* of its SEARCH_VECTOR field, at most 4096 */
    bool vectors_elsewhere; /* set by the room: a store outside has them */
    SearchTuning tuning;
    int version; /* raise it when feed or fields change meaning: snapshots of another one are rebuilt */
    SearchFeed *feed;
    /* Greatest change number that the database has. */
    Err *(*newest)(Ctx *c, int64_t *seq);
    /* Smallest number from which deletions are still told (a follower behind it rebuilds); 0: all. */
    Err *(*oldest)(Ctx *c, int64_t *seq);
} SearchDef;

/* -- Describing documents, in a feed ------------------------------------------------------------- */

/* The next document; the calls below describe the last one begun. Its former version is replaced. A
 * key may come twice in a batch: the last one counts. */
void search_doc(SearchDocs *d, int64_t key);
/* The document with this key is gone. */
void search_doc_gone(SearchDocs *d, int64_t key);
/* TEXT and KEYWORD; several calls give several values (texts are kept 8 positions apart). Empty and
 * null texts are left out. Invalid UTF-8 is read as U+FFFD. KEYWORD values are cut to 512 bytes. */
void search_doc_text(SearchDocs *d, int field, Str text);
void search_doc_int(SearchDocs *d, int field, int64_t value); /* INT, TIME */
void search_doc_real(SearchDocs *d, int field, double value);
/* SearchDef.dims floats, of any length but zero; one with a component that is no number, or of length
 * zero, is left out. Copied. */
void search_doc_vector(SearchDocs *d, const float *values);

/* -- Filters ------------------------------------------------------------------------------------- */

typedef struct SearchFilter SearchFilter;

/* Meilisearch's expressions (=, !=, <, <=, >, >=, TO, IN, NOT IN, EXISTS, IS NULL, IS EMPTY,
 * CONTAINS, STARTS WITH, NOT, AND, OR, parentheses). Times: microseconds as a number or RFC 3339 in
 * quotes. INVALID with place and reason (code invalid_search_filter); *out NULL for an empty text.
 * At most 200 levels deep, 64 KiB long. */
MUST_USE Err *search_filter_parse(Ctx *c, const SearchDef *def, Str text, SearchFilter **out);
/* The same built by code; `field` is the place in the table. NULL operands are left out. */
SearchFilter *search_filter_is(Arena *a, int field, Str value);
SearchFilter *search_filter_in(Arena *a, int field, const Str *values, ptrdiff_t count);
/* low <= value < high; INT64_MIN and INT64_MAX leave a side open. For SEARCH_REAL: see _real. */
SearchFilter *search_filter_range(Arena *a, int field, int64_t low, int64_t high);
SearchFilter *search_filter_real(Arena *a, int field, double low, double high);
SearchFilter *search_filter_and(Arena *a, SearchFilter *left, SearchFilter *right);
SearchFilter *search_filter_or(Arena *a, SearchFilter *left, SearchFilter *right);
SearchFilter *search_filter_not(Arena *a, SearchFilter *filter);

/* -- Asking -------------------------------------------------------------------------------------- */

typedef enum SearchStrategy {
    SEARCH_LAST,     /* words of the query are dropped from the right until something is found */
    SEARCH_ALL,      /* every word must be there */
    SEARCH_FREQUENCY /* the most frequent word is dropped first */
} SearchStrategy;

typedef struct SearchSort {
    int field;
    bool descending;
} SearchSort;

typedef enum SearchUnit {
    SEARCH_NO_UNIT,
    SEARCH_HOUR,
    SEARCH_DAY,
    SEARCH_WEEK,
    SEARCH_MONTH,
    SEARCH_YEAR
} SearchUnit;

typedef struct SearchFacetAsk {
    int field;       /* with SEARCH_FILTER */
    int64_t limit;   /* values told, at most 1000; 0: 100 */
    SearchUnit unit; /* TIME fields: a histogram in UTC, its last `limit` units in order of time */
    int sum_field;   /* also add up this INT or REAL field for each value; -1: no */
    bool by_name;    /* tell these most frequent values in order of name (number) */
    bool distinct;   /* count only one document of each value of the request's distinct_field */
} SearchFacetAsk;
#define SEARCH_FACET(place) ((SearchFacetAsk){.field = (place), .sum_field = -1})

/* Documents whose vectors are nearest to this one, by cosine, exactly: what a scan of all of them in
 * float would give, ties by key. Alone (an empty q) it is the order of the hits, and the total counts
 * the documents that have a vector and reach the threshold; a hit scores (1 + cosine) / 2, and nothing
 * else may be sorted by. Beside a q the two orders, each to its `depth`, are blended by reciprocal rank
 * fusion: a hit scores the sum of 1/(60 + rank) over the orders it is in (Cormack, Clarke, Büttcher
 * 2009), ties by key, and the total counts the documents in either. Filters, the partition and words
 * excluded by a minus hold for both. search_values looks at the words alone. */
typedef struct SearchNear {
    const float *vector; /* SearchDef.dims of them, of any length but zero */
    double threshold;    /* least cosine; -1: any */
    int64_t depth;       /* of each order when blended, at most 1000; 0: 100 */
} SearchNear;

typedef struct SearchRequest {
    Str q; /* empty: everything */
    /* false: only words, "phrases" and -word; true: also AND OR NOT ( ) NEAR/n field:value wild*cards */
    bool operators;
    bool no_prefix; /* the last word is complete */
    SearchStrategy strategy;
    Str partition; /* needed exactly where the def has a partition_field */
    SearchFilter *filter;
    const SearchSort *sort;
    ptrdiff_t sort_count;
    bool sort_strictly; /* the sort comes before all rules, not among what they leave equal */
    const SearchFacetAsk *facets;
    ptrdiff_t facet_count;
    const int *on_fields; /* search in these only; NULL: in all */
    ptrdiff_t on_field_count;
    int distinct_field; /* KEYWORD or INT: of hits with the same value only the best; < 0 or zeroed by
                         * SEARCH_REQUEST: none */
    int64_t offset, limit;  /* limit 0: totals and facets only */
    bool scores, details;   /* fill SearchHit.score, .details */
    double score_threshold; /* leave out hits below (implies scores); 0: none */
    const SearchNear *near; /* NULL: words only */
} SearchRequest;
#define SEARCH_REQUEST ((SearchRequest){.distinct_field = -1, .limit = 20})

/* Why a hit stands where it stands. -1: rule not in use. */
typedef struct SearchDetails {
    int words, words_max;
    int typos, typos_max;
    int proximity, proximity_max; /* sum of distances; 0 when there is only one word */
    int attribute, position;
    int exact_words, exact_max;
    int exact_field; /* 2: a field equals the query, 1: begins with it, 0 */
    int attribute_max, position_max;
} SearchDetails;

typedef struct SearchHit {
    int64_t key;
    double score; /* 0..1 */
    SearchDetails details;
    /* With SearchRequest.near. */
    double similarity;             /* cosine; NaN: it has no vector, or it is not known */
    int keyword_rank, vector_rank; /* from 1, in the two orders; 0: not in it */
} SearchHit;

typedef struct SearchValue {
    Str value;      /* numbers as text; histograms: the unit's first microsecond as a number */
    int64_t number; /* INT, TIME */
    int64_t count;
    double sum;
} SearchValue;

typedef struct SearchFacet {
    int field;
    SearchValue *values;
    ptrdiff_t count;
    bool has_stats; /* numbers: of all matching documents that have a value */
    double min, max, sum; /* sum NaN: the other back end cannot tell */
} SearchFacet;

/* What the query was taken for: opaque, for search_highlight. */
typedef struct SearchQuery SearchQuery;

typedef struct SearchResult {
    SearchHit *hits;
    ptrdiff_t count;
    int64_t total;        /* exact, of all matching documents */
    bool total_estimated; /* the other back end could only guess */
    SearchFacet *facets;  /* as asked, in order */
    ptrdiff_t facet_count;
    SearchQuery *query;
    int64_t took_us;
    /* false: the budget of work ended before every candidate's proximity was known; those left come
     * last among their equals, in the order of ties. */
    bool ranked_fully;
    /* The store of vectors is away, or does not follow: meanings were left out, or may be old. */
    bool degraded;
} SearchResult;

typedef struct SearchIndex SearchIndex;

/* Wait until everything that was committed before the call is found. Cheap when nothing is new;
 * many callers share one pass. TIMEOUT, CANCELLED, UNAVAILABLE (database or back end away; the
 * index is being built for the first time). */
MUST_USE Err *search_sync(Ctx *c, SearchIndex *index);
/* For followers: wait until changes after `after` are found, or ms have passed; *covered: up to where
 * changes are found now. CANCELLED. */
MUST_USE Err *search_wait(Ctx *c, SearchIndex *index, int64_t after, int64_t ms, int64_t *covered);
/* A follower's life: `step` does what is new, over and over, when changes after *done are found or after
 * 5 s, until c is cancelled. Its failure is logged under `name` and tried again after a second; what it
 * leaves in c is undone each time. */
void search_follow(Ctx *c, SearchIndex *index, const char *name,
                   Err *(*step)(Ctx *c, void *arg), void *arg, const int64_t *done);
/* Does it know `near`, and OR in a query? Our engine does; Meilisearch is asked for words only. */
bool search_knows_near(const SearchIndex *index);
/* INVALID for what the request gets wrong, with the field's name; UNAVAILABLE while no index is
 * there yet. Results live in c's arena. May wait (long work runs on the pool). */
MUST_USE Err *search_run(Ctx *c, SearchIndex *index, const SearchRequest *request,
                         SearchResult *out);
/* Values of a facet field that match `text` (prefix, typing errors forgiven; empty: all), most
 * frequent first, counted over the documents that match the request's q and filter. */
MUST_USE Err *search_values(Ctx *c, SearchIndex *index, int field, Str text,
                            const SearchRequest *within, int64_t limit, SearchValue **out,
                            ptrdiff_t *count);

/* -- Showing ------------------------------------------------------------------------------------- */

typedef struct SearchMark {
    Str before, after;  /* `<em>`, `</em>` */
    Str gap;            /* `…` where a crop leaves out text */
    int64_t crop_words; /* 0: whole text */
    bool html;          /* escape the text itself */
} SearchMark;

typedef struct SearchPlace {
    ptrdiff_t start, length; /* bytes */
} SearchPlace;

/* The text with what matched marked, cropped around the best place. Allocates in arena. */
Str search_highlight(Arena *arena, const SearchQuery *query, Str text, const SearchMark *mark);
/* Where the matches are. */
SearchPlace *search_places(Arena *arena, const SearchQuery *query, Str text, ptrdiff_t *count);

/* -- Keeping ------------------------------------------------------------------------------------- */

typedef struct SearchStats {
    int64_t documents, segments, memory_bytes, disk_bytes;
    int64_t covered; /* change number up to which changes are searchable */
    bool rebuilding;
    int64_t rebuilt, rebuild_total; /* progress while rebuilding, in change numbers */
    int64_t rebuilt_documents;
    const int64_t *field_documents; /* documents that have the field, per field */
    Str backend;                    /* "engine", "meilisearch" */
    Str failure;                    /* why changes are not followed now; null when they are */
    /* Of the store of vectors; null: the engine has them. */
    Str store, store_failure;
    int64_t store_covered, store_vectors, store_failures;
    bool store_rebuilding;
    /* Since the start of this process. */
    int64_t queries, queries_failed, queries_offloaded, query_us;
    int64_t syncs, sync_waits; /* asked for; of them those that had to wait */
    int64_t batches, changed, gone, apply_us;
    int64_t failures, rebuilds, merges, flushes, keep_failures;
} SearchStats;

/* This process's indexes: a part of the App. */
typedef struct Search Search;
typedef enum SearchStore { SEARCH_STORE_NONE, SEARCH_STORE_PGVECTOR, SEARCH_STORE_QDRANT } SearchStore;
typedef struct SearchOptions {
    Str folder;  /* of snapshots, a folder in it for each index; null: in memory only */
    bool follow; /* a service: indexes are opened and followed at once. A command's begin when they
                  * are first asked, in memory only */
    Str meili_host, meili_key; /* Meilisearch instead of our engine; empty: our engine */
    SearchStore store;         /* of vectors, beside our engine */
    Str qdrant_url, qdrant_key;
    bool store_approximate; /* its HNSW index is asked, instead of all vectors compared */
} SearchOptions;
Search *search_new(SearchOptions options);
void search_free(Search *search); /* NULL is allowed; all are closed */
Search *app_search(struct App *app); /* defined by src/app.c */
/* Asks the store of vectors whether it can be used. *name: which one; null: there is none. */
MUST_USE Err *search_store_look(Ctx *c, const Search *search, Str *name);

/* Open the index (its snapshot, else a rebuild begins in the background) and follow the database.
 * The index lives until search_close_all. `def` lives for ever. Another process that has the
 * snapshot's folder keeps it: then this one works in memory. */
MUST_USE Err *search_open(Ctx *c, struct App *app, const SearchDef *def, SearchIndex **out);
/* Stop following, bring what is in memory to the disk. Nobody may be asking any more. Waits. */
void search_close_all(Ctx *c, struct App *app);
SearchIndex *search_at(struct App *app, ptrdiff_t i); /* all of them, in order; NULL behind the last */
const SearchDef *search_def(const SearchIndex *index);
SearchIndex *search_find(struct App *app, Str name); /* NULL: no such index */
void search_stats(SearchIndex *index, Ctx *c, SearchStats *out);
/* Build anew from the database, beside what is there, and replace it. progress (may be NULL) is told
 * change numbers. Waits. Where a service of this machine keeps the snapshot, a command asks it to
 * rebuild: CONFLICT, and the detail says so. */
MUST_USE Err *search_rebuild(Ctx *c, SearchIndex *index,
                             void (*progress)(void *arg, int64_t done, int64_t total), void *arg);

/* -- Saved queries, matched against new documents ------------------------------------------------ */

typedef struct SearchSaved SearchSaved;
typedef struct SearchMatch {
    int64_t saved, key;
} SearchMatch;

/* A set of saved queries over def; not locked: one owner. */
SearchSaved *search_saved_new(const SearchDef *def);
void search_saved_free(SearchSaved *s);
/* Add or replace. The last word is complete, every word must be there, operators are understood.
 * INVALID for a query or filter that is none. */
MUST_USE Err *search_saved_put(Ctx *c, SearchSaved *s, int64_t id, Str q, Str partition,
                               Str filter);
void search_saved_drop(SearchSaved *s, int64_t id);
/* Which saved queries match which documents of a batch (in order of saved id, key). */
MUST_USE Err *search_saved_run(Ctx *c, SearchSaved *s, const SearchDocs *docs, SearchMatch **out,
                               ptrdiff_t *count);
/* A batch of one's own to fill by search_doc…, freed with the arena. */
SearchDocs *search_docs_new(Arena *arena, const SearchDef *def);

#endif
