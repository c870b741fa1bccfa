/* SPDX-License-Identifier: Apache-2.0
 * Service, inside: an index of this process, whoever answers for it. Private to the room: service.c
 * (opening, asking), service_wait.c (waiting for changes), service_follow.c (following the
 * database), service_build.c (rebuilds), and the back ends: service_engine.c, Meilisearch, and the stores
 * of vectors.
 *
 *   commit ─▶ change number ─▶ follower (one coroutine an index) ─▶ back end ─▶ `covered` rises ─▶
 *             waiters of all loops are woken
 *
 * Everything of the follower and of a rebuild belongs to the loop on which the index was begun;
 * what others read is atomic or under `lock`. */
#ifndef SOCLE_SEARCH_SERVICE_H
#define SOCLE_SEARCH_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "rt/channel.h"
#include "search/docs.h"

/* Who answers. Everything may wait, but stats. */
typedef struct SearchBackend {
    const char *name;
    /* Fill x->backing; say up to where it knows the changes (0: nothing, a rebuild is needed). keeps:
     * this process may own what is on disk. */
    Err *(*open)(Ctx *c, SearchIndex *x, bool keeps, int64_t *covered);
    void (*close)(Ctx *c, SearchIndex *x);
    Err *(*apply)(Ctx *c, SearchIndex *x, const SearchDocs *docs, int64_t covered);
    /* NULL where an index is this process's own. One that several share: may this process write to it
     * now, and up to where does it know the changes (NOTHING_COVERED: a rebuild is needed)? */
    Err *(*lead)(Ctx *c, SearchIndex *x, bool *leads, int64_t *known);
    /* A rebuild: begin, add batches in order, finish takes the place of what was; free in any case. */
    Err *(*build_begin)(Ctx *c, SearchIndex *x, void **build);
    Err *(*build_add)(Ctx *c, SearchIndex *x, void *build, const SearchDocs *docs);
    Err *(*build_finish)(Ctx *c, SearchIndex *x, void *build, int64_t covered);
    void (*build_free)(Ctx *c, SearchIndex *x, void *build);
    Err *(*run)(Ctx *c, SearchIndex *x, const SearchRequest *request, SearchResult *out);
    Err *(*values)(Ctx *c, SearchIndex *x, int field, Str text, const SearchRequest *within,
                   int64_t limit, SearchValue **out, ptrdiff_t *count);
    void (*stats)(SearchIndex *x, Ctx *c, SearchStats *out); /* documents, segments, bytes */
} SearchBackend;

extern const SearchBackend search_engine_backend, search_meilisearch_backend, search_store_backend;
struct VectorAnswer;
/* service_engine.c: with somebody else's order of vectors (engine.h). */
MUST_USE Err *search_engine_run_given(Ctx *c, SearchIndex *x, const SearchRequest *request,
                                      const struct VectorAnswer *given, SearchResult *out);
const SearchOptions *search_options(const SearchIndex *x);

typedef struct SearchWaiter {
    struct SearchWaiter *prev, *next;
    struct Coro *co;
    int64_t need; /* until `covered` is at least this */
    bool listed;
    bool patient; /* not told of failures */
    bool failed;
} SearchWaiter;

typedef _Atomic int64_t SearchTally;
#define NOTHING_COVERED ((int64_t)-1)

/* What a loop knows of the newest change: who asks while somebody else is asking shares the next
 * answer. */
typedef struct SearchNews {
    int64_t state, covered; /* at this db_state all was covered that there was: so far */
    bool asking;
    int64_t begun, answered, newest; /* questions, numbered; what the last one gave */
    WaitList waiting;
} SearchNews;

struct SearchIndex {
    SearchIndex *next;
    Search *search;
    const SearchDef *def;
    SearchDef own;                /* where it differs from the product's: def is this */
    SearchIndex *vectors, *of;    /* of a store outside (store.h), or NULL; whose vectors it has */
    _Atomic int64_t begun_at_us;
    const SearchBackend *backend;
    void *backing; /* the back end's own */

    pthread_mutex_t lock; /* the list */
    SearchWaiter *waiters;
    char failure[256]; /* lock: why the follower does not get on; "" when it does */

    _Atomic int64_t covered; /* NOTHING_COVERED while hollow, from the start */
    atomic_bool begun, stopping;
    atomic_bool doubted; /* the back end seems to have lost it: the follower looks */
    Channel *nudges; /* of the follower: one is as good as many */
    Loop *loop;
    SearchNews news[LOOPS_MAX]; /* each its loop's */

    /* The follower's loop. */
    bool following, building; /* coroutines alive: these */
    struct Coro *follower, *builder;
    bool hollow;     /* nothing to follow from: a rebuild comes first */
    bool turn_taken; /* somebody reads and applies */
    WaitList turn_waiters, ended;
    int64_t state_seen, oldest, oldest_at_us, request_at_us;

    _Atomic int64_t builds_asked, builds_done;
    atomic_bool rebuilding, build_failed;
    _Atomic int64_t rebuilt, rebuild_total, rebuilt_docs;

    SearchTally queries, queries_failed, query_us, offloaded, syncs, sync_waits, batches, documents,
        gone, apply_us, failures, builds, keep_failures, merges, flushes;
};

/* service.c */
Str search_folder(const SearchIndex *x, Arena *a); /* of its snapshot; null: none */
bool search_follows(const SearchIndex *x);         /* in a service, not in a command */

/* service_wait.c */
MUST_USE Err *index_wait(Ctx *c, SearchIndex *x, int64_t need, bool patient);
void index_covered(SearchIndex *x, int64_t covered); /* wakes who waited for it */
void index_failed(SearchIndex *x,
                  const Err *err); /* wakes all but patient ones; NULL: works again */
bool index_is_failing(SearchIndex *x);
void index_nudge(SearchIndex *x); /* any thread */
MUST_USE Err *turn_take(Ctx *c, SearchIndex *x);
void turn_give(SearchIndex *x);

/* service_follow.c: on x->loop. */
void build_ask(SearchIndex *x, const char *why);
void follower_start(Ctx *c, SearchIndex *x);
/* Fill `docs` from the feed; a batch that is too large for memory is tried smaller (*limit says
 * then). */
MUST_USE Err *feed_read(Ctx *c, SearchIndex *x, int64_t after, int64_t *limit, SearchDocs *docs,
                        int64_t *covered);
enum { FEED_MS = 30000 };
#define FEED_BYTES ((ptrdiff_t)256 << 20)

/* service_build.c: on x->loop; one at a time. */
void builder_start(Ctx *c, SearchIndex *x);

#endif
