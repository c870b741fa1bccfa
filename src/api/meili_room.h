/* SPDX-License-Identifier: Apache-2.0
 * What the files of Meilisearch's routes share. Nobody else includes this.
 *
 *   meili.c            the module: table of routes, errors as Meilisearch's clients read them
 *   meili_ask.c        parameters of a search, as a SearchRequest
 *   meili_hits.c       documents as hits: chosen attributes, marked texts, scores
 *   meili_facets.c     counts by value, and the search among values
 *   meili_search.c     one search            meili_multi.c      several, also as one list
 *   meili_documents.c  documents themselves  meili_settings.c   what an index is and holds
 *
 * Errors carry one of Meilisearch's codes in Err.code; MEILI_FAIL makes those of a 400. */
#ifndef SOCLE_API_MEILI_ROOM_H
#define SOCLE_API_MEILI_ROOM_H

#include "api/collection.h"
#include "api/meili.h"

#define MEILI_FAIL(c, text, ...) return meili_err((c), ERR_BAD_REQUEST, S(text), __VA_ARGS__)
Err *meili_err(Ctx *c, ErrKind kind, Str code, const char *format, ...) PRINTF_LIKE(4, 5);
/* The same, told where in a list of queries it happened. */
Err *meili_err_inside(Ctx *c, const Err *err, ptrdiff_t query);

enum {
    MEILI_LIMIT = 20,      /* of hits, where none is named */
    MEILI_HITS_MAX = 1000, /* at once: of a larger limit the rest is left out */
    MEILI_FACET_VALUES = 100
};

/* -- meili_ask.c --------------------------------------------------------------------------------- */

typedef struct MeiliWeight {
    OptFloat weight;
    Str remote;
    OptInt queryPosition;
} MeiliWeight;

/* What may be asked, by any of the routes. */
typedef struct MeiliAsk {
    Str indexUid, q;
    OptInt offset, limit, page, hitsPerPage;
    StrList attributesToRetrieve, attributesToHighlight, attributesToCrop;
    int64_t cropLength;
    Str cropMarker, highlightPreTag, highlightPostTag; /* null: none */
    bool showMatchesPosition, showRankingScore, showRankingScoreDetails, showPerformanceDetails;
    JsonText filter;
    StrList sort, facets, attributesToSearchOn, locales;
    Str distinct, matchingStrategy;
    OptFloat rankingScoreThreshold;
    JsonText hybrid, vector, media, personalize;
    Str hybridEmbedder, personalizeUserContext;
    OptFloat hybridSemanticRatio;
    bool retrieveVectors;
    OptBool useNetwork;
    MeiliWeight federationOptions;
    Str facetName, facetQuery;
    OptBool exhaustiveFacetCount;
} MeiliAsk;
extern const Record meili_search_record; /* of a body */
extern const Record meili_get_record;    /* of a query string */
extern const Record meili_query_record;  /* in a list of queries */
extern const Record meili_values_record; /* among a facet's values */

/* A search on its way. */
typedef struct MeiliSearch {
    const Collection *collection;
    SearchIndex *index;
    const MeiliAsk *ask;
    SearchRequest request;
    SearchResult result;
} MeiliSearch;

/* index_not_found; UNAVAILABLE while it is not open. */
MUST_USE Err *meili_collection(Ctx *c, Str uid, const Collection **out, SearchIndex **index);
/* All but the facets and the page. filter_code, sort_code: of their errors. */
MUST_USE Err *meili_request(Ctx *c, const Collection *collection, const MeiliAsk *ask,
                            SearchRequest *out);
MUST_USE Err *meili_filter(Ctx *c, const SearchDef *def, Str json, SearchFilter **out);
/* The text of a query string as JSON: what is no list is taken as the expression itself. */
Str meili_filter_text(Ctx *c, Str text);
MUST_USE Err *meili_sorts(Ctx *c, const SearchDef *def, StrList texts, SearchRequest *out);
int meili_field(const SearchDef *def, Str name, unsigned use); /* -1: none of that use */
/* `a`, `b`: for messages. */
Str meili_fields_text(Arena *arena, const SearchDef *def, unsigned use);
/* A name that may end in * (all that begin so). */
bool meili_name_fits(Str pattern, Str name);
bool meili_list_has(StrList patterns, Str name);
/* bad_request for parameters that the record does not have. */
MUST_USE Err *meili_query_known(Ctx *c, const Req *q, const Record *record);

/* -- meili_hits.c -------------------------------------------------------------------------------- */

/* Documents as JSON, in this order; null where the row is gone. */
MUST_USE Err *meili_documents(Ctx *c, const Collection *collection, const int64_t *keys,
                              ptrdiff_t count, Str *out);
/* The members of a document that are asked for (null list: all), as JSON. */
MUST_USE Err *meili_document_chosen(Ctx *c, Str document, StrList names, Str *out);
/* A hit of s; federation: JSON of its `_federation`, or null. */
MUST_USE Err *meili_hit_write(Ctx *c, const MeiliSearch *s, const SearchHit *hit, Str document,
                              Str federation, Buf *out);
/* A long answer is written in an arena of its own (freed when c ends), a batch of documents at a
 * time: what a batch took of c's arena is given back after it. */
enum { MEILI_BATCH = 32 };
typedef struct MeiliBatch {
    ArenaMark mark;
    Defer *defers;
} MeiliBatch;
Arena *meili_room(Ctx *c); /* one a request, so that its budget holds for all queries */
MeiliBatch meili_batch_begin(Ctx *c);
void meili_batch_end(Ctx *c, const MeiliBatch *batch);
/* Answer with this record, of whose text about `size` bytes are known: there is room for it, and for
 * its compressed form. */
void meili_answer(Ctx *c, Call *k, const Record *record, const void *value, ptrdiff_t size);
/* All hits of s, as a JSON array in the room. */
MUST_USE Err *meili_hits(Ctx *c, Arena *room, const MeiliSearch *s, Str *out);

/* -- meili_facets.c ------------------------------------------------------------------------------ */

/* Fill in request->facets by the patterns. */
MUST_USE Err *meili_facets(Ctx *c, const SearchDef *def, StrList patterns, SearchRequest *request);
Str meili_value_name(Ctx *c, const SearchDef *def, int field, const SearchValue *value);
JsonText meili_distribution(Ctx *c, const MeiliSearch *s);
JsonText meili_facet_stats(Ctx *c, const MeiliSearch *s);
Err *meili_facet_search(Ctx *c, Call *k);

/* -- meili_search.c ------------------------------------------------------------------------------ */

typedef struct MeiliFound {
    Str indexUid;
    JsonText hits;
    Str query;
    int64_t processingTimeMs;
    OptInt limit, offset, estimatedTotalHits, hitsPerPage, page, totalPages, totalHits;
    JsonText facetDistribution, facetStats, facetsByIndex;
    Str requestUid;
    JsonText metadata;
} MeiliFound;
extern const Record meili_found_record;

/* By whatever a page is asked for: its places for the request, its members of the answer. */
void meili_page_read(const MeiliAsk *ask, SearchRequest *request);
void meili_page_write(const MeiliAsk *ask, int64_t total, MeiliFound *found);
/* For a caller that says Meili-Include-Metadata. */
bool meili_metadata_wanted(const Req *q);
JsonText meili_metadata(Ctx *c, const Collection *collection);
MUST_USE Err *meili_find(Ctx *c, const Call *k, Arena *room, const Collection *collection,
                         SearchIndex *index, const MeiliAsk *ask, MeiliFound *found);
Err *meili_search(Ctx *c, Call *k);

/* -- the other routes ---------------------------------------------------------------------------- */

Err *meili_multi(Ctx *c, Call *k);
extern const Record meili_multi_record, meili_results_record;

Err *meili_documents_list(Ctx *c, Call *k);
Err *meili_documents_fetch(Ctx *c, Call *k);
Err *meili_document(Ctx *c, Call *k);
extern const Record meili_list_query_record, meili_fetch_record, meili_document_query_record,
    meili_list_record, meili_values_found_record;

Err *meili_indexes(Ctx *c, Call *k);
Err *meili_index(Ctx *c, Call *k);
Err *meili_stats(Ctx *c, Call *k);
Err *meili_index_stats(Ctx *c, Call *k);
Err *meili_settings_all(Ctx *c, Call *k);
Err *meili_setting(Ctx *c, Call *k);
Err *meili_version(Ctx *c, Call *k);
Err *meili_tasks(Ctx *c, Call *k);
Err *meili_task(Ctx *c, Call *k);
extern const Record meili_page_record, meili_index_record, meili_indexes_record, meili_stats_record,
    meili_index_stats_record, meili_settings_record, meili_version_record, meili_tasks_record;

#endif
