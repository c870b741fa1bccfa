/* SPDX-License-Identifier: Apache-2.0
 * A store of vectors beside our engine, for who has more of them than fit into one machine's memory, or
 * runs one already: Qdrant, or the extension pgvector of the database itself. Private to the room.
 *
 *   rows ─▶ feed ─▶ follower of the index ─▶ engine: words, filters, facets (a copy in each process)
 *             └───▶ follower of the store ─▶ vectors, and what filters may ask for (one for all)
 *
 * The store is an index of its own to the service, with the same feed and the name NAME_vectors: it has
 * its own follower, lease, rebuilds and failures, so that words are found while it is away. store.c is
 * that back end, store_ask.c answers requests with both, qdrant.c and pgvector.c are the stores.
 *
 * What a store has lies in a place of it (a collection, a table), named after what its vectors are. A
 * rebuild fills another place; then the state, one small row, names that one, and the former is
 * dropped. Nothing there is believed: what the store finds is looked up in the engine's segments, and
 * what partition, filter and words do not let through is left out. */
#ifndef SOCLE_SEARCH_STORE_H
#define SOCLE_SEARCH_STORE_H

#include "search/engine.h"
#include "search/lease.h"
#include "search/query.h"
#include "search/service.h"

enum {
    STORE_CALL_MS = LEASE_CALL_MS,
    STORE_ASK_MS = 5000,
    STORE_DEEP = 10000, /* vectors of one order, at most */
    STORE_PLACE = 80
};

/* Which place counts, and up to where it knows the changes. */
typedef struct StoreState {
    int64_t covered; /* NOTHING_COVERED: nothing to go on from */
    Str place;       /* "": none */
    Str former;      /* still to be dropped; "": none */
    Str definition;  /* a hash of all that decides what lies there */
} StoreState;

/* The nearest to a vector. */
typedef struct StoreAsk {
    const float *unit;
    Str partition;
    const SearchFilter *filter;
    double threshold; /* least cosine; -INFINITY: any */
    int64_t want;
    const int64_t *only; /* of these keys; NULL: of all */
    ptrdiff_t only_count;
    bool total; /* how many reach the threshold is wanted */
} StoreAsk;

typedef struct StoreAnswer {
    int64_t *keys; /* nearest first, ties by key */
    double *similarities;
    ptrdiff_t count;
    bool all;      /* there are no more */
    int64_t total; /* -1: not known */
    bool loose;    /* it does not know all of the filter: there may be too many */
} StoreAnswer;

typedef struct Store Store;

/* Everything may wait. UNAVAILABLE: away, or does not let us in. */
typedef struct StoreKind {
    /* NOTHING_COVERED also where the place that it names is not there. */
    Err *(*state_get)(Ctx *c, Store *s, StoreState *out);
    Err *(*state_set)(Ctx *c, Store *s, const StoreState *state);
    Err *(*make)(Ctx *c, Store *s, Str place); /* empty; what had the name is dropped */
    Err *(*drop)(Ctx *c, Store *s, Str place); /* none is good too */
    /* Documents with a vector replace what was under their key, others are taken out. */
    Err *(*put)(Ctx *c, Store *s, Str place, const SearchDocs *d, const DocEntry **entries,
                ptrdiff_t count);
    Err *(*filled)(Ctx *c, Store *s, Str place); /* after a rebuild, before it counts */
    Err *(*nearest)(Ctx *c, const Store *s, Str place, const StoreAsk *ask, StoreAnswer *out);
    Err *(*count)(Ctx *c, const Store *s, Str place, int64_t *out);
    Err *(*look)(Ctx *c, const Store *s); /* is it there, and does it let us in? */
} StoreKind;
extern const StoreKind qdrant_store, pgvector_store;

struct Store {
    const StoreKind *kind;
    const SearchDef *def;
    const char *index; /* the name of whose vectors it has */
    SearchLease lease;
    char *host, *key; /* qdrant.c */
    bool approximate;
    pthread_mutex_t lock;
    char place[STORE_PLACE]; /* lock: where searches look; "": not known */
    _Atomic int64_t vectors, away_until_us;
    StoreState state; /* the follower's: as last read or written; texts in state_arena */
    Arena *state_arena;
    int64_t count_at_us;
};

/* -- store.c --------------------------------------------------------------------------------------- */

/* The vector of an entry, made a unit in `room`; NULL: gone, or without. */
const float *store_vector(const SearchDocs *d, const DocEntry *e, float *room);
/* What the store's filter may name: the place of a field in the table that has SEARCH_FILTER. */
static inline bool store_keeps(const SearchDef *def, int field) {
    return (def->fields[field].use & SEARCH_FILTER) || field == def->partition_field;
}
/* The number of a field of an entry; false: it has none. */
bool store_number(const SearchDocs *d, const DocEntry *e, int field, int64_t *out);
/* Nearest first, ties by key. */
void store_sort(Arena *a, StoreAnswer *answer);
/* Wherever it is now: when the place is another one meanwhile, there. */
MUST_USE Err *store_nearest(Ctx *c, SearchIndex *vectors, const StoreAsk *ask, StoreAnswer *out);

/* -- store_ask.c ----------------------------------------------------------------------------------- */

MUST_USE Err *store_run(Ctx *c, SearchIndex *x, const SearchRequest *request, SearchResult *out);

#endif
