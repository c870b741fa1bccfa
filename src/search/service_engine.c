/* SPDX-License-Identifier: Apache-2.0
 * Our engine behind the service. Batches are applied on the pool; merging and writing to the disk go
 * on in a thread of the index's own, at low priority: they take seconds, and the pool's long lane is
 * one thread on a small machine.
 *
 * Queries that take little run where they are asked, for the way to another thread and back costs
 * more than most of them; others on the pool, so that none keeps a loop from its connections. */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/time.h"
#include "rt/offload.h"
#include "search/engine.h"
#include "search/service.h"

enum {
    FLUSH_DOCS = 50000,  /* in memory alone: at most about so many, */
    FLUSH_US = 60000000, /* changes older than this are brought to the disk */
    KEEP_LOOK_MS = 1000,
    RETRY_US = 10000000,
    KEEP_NICE = 10
};
/* A query that will probably take no longer than LOOP_US runs on the loop that asks; one that then
 * takes longer than LOOP_MOST_MS begins again on the pool. Values are looked for on the loop among
 * at most LOOP_VALUES_DOCS documents. */
#define FLUSH_BYTES ((int64_t)128 << 20) /* and of so many bytes */
enum { LOOP_US = 1000, LOOP_MOST_MS = 10, LOOP_VALUES_DOCS = 20000 };
/* What a query may take: so many bytes, and so many bitmaps over all documents. */
enum { QUERY_BYTES = 32 * 1024 * 1024, QUERY_SETS = 1024 };

typedef struct Backing {
    SearchIndex *x;
    SearchEngine *engine;
    pthread_t keeper;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool merge_due, stopping; /* lock */
    int64_t dirty_since_us;   /* the keeper's */
    int64_t retry_us;
    bool failing;
} Backing;

/* -- Keeping ----------------------------------------------------------------------------------- */

static void keep_outcome(Backing *b, const Err *err, const char *what) {
    if (err) {
        atomic_fetch_add(&b->x->keep_failures, 1);
        b->retry_us = mono_us() + RETRY_US;
        if (!b->failing)
            log_msg(NULL, LOG_WARN, "search index %s, %s: %.*s", b->x->def->name, what,
                    S_ARG(err->detail));
    } else if (b->failing)
        log_msg(NULL, LOG_INFO, "search index %s: written again", b->x->def->name);
    b->failing = err != NULL;
}

static void keep_flush(Ctx *c, Backing *b) {
    if (!engine_dirty(b->engine)) return;
    Err *err = engine_flush(c, b->engine);
    keep_outcome(b, err, "writing it");
    if (!err) atomic_fetch_add(&b->x->flushes, 1);
    b->dirty_since_us = 0;
}

static bool flush_due(Backing *b) {
    if (!engine_dirty(b->engine)) {
        b->dirty_since_us = 0;
        return false;
    }
    int64_t now = mono_us();
    if (!b->dirty_since_us) b->dirty_since_us = now;
    if (now < b->retry_us) return false;
    return now - b->dirty_since_us > FLUSH_US || engine_unflushed(b->engine) > FLUSH_DOCS ||
           engine_unflushed_bytes(b->engine) > FLUSH_BYTES;
}

static bool keeper_wait(Backing *b) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += KEEP_LOOK_MS / 1000;
    pthread_mutex_lock(&b->lock);
    int timed = 0;
    while (!b->merge_due && !b->stopping && timed == 0)
        timed = pthread_cond_timedwait(&b->wake, &b->lock, &until);
    b->merge_due = false;
    bool stopping = b->stopping;
    pthread_mutex_unlock(&b->lock);
    return !stopping;
}

static void *keeper_run(void *arg) {
    Backing *b = arg;
    Ctx c = {.arena = arena_new(16 * MIB)};
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), KEEP_NICE); /* of this thread alone, on Linux */
    while (keeper_wait(b)) {
        bool merged = true;
        while (merged && !atomic_load(&b->x->stopping)) {
            Err *err = engine_merge(&c, b->engine, &merged);
            if (err) keep_outcome(b, err, "merging it");
            if (merged) atomic_fetch_add(&b->x->merges, 1);
            if (flush_due(b)) keep_flush(&c, b);
            arena_reset(c.arena);
        }
    }
    keep_flush(&c, b); /* orderly shut-down */
    arena_free(c.arena);
    return NULL;
}

static void keeper_nudge(Backing *b) {
    pthread_mutex_lock(&b->lock);
    b->merge_due = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
}

/* -- Opening and closing ----------------------------------------------------------------------- */

typedef struct Opening {
    Ctx *c;
    const SearchDef *def;
    Str folder, healed;
    SearchEngine *engine;
    Err *err;
} Opening;

static void open_on_pool(void *arg) {
    Opening *o = arg;
    o->err = engine_open(o->c, o->def, o->folder, &o->engine, &o->healed);
}

/* A service that does not get the folder works in memory; a command must have it. */
static Err *folder_missing(Ctx *c, SearchIndex *x, Opening *o) {
    Err *err = o->err;
    if (!search_follows(x)) return err;
    log_msg(c, LOG_WARN, "search index %s is kept in memory only: %.*s", x->def->name,
            S_ARG(err->detail));
    o->folder = (Str){0};
    TRY(offload(c, LANE_SHORT, open_on_pool, o));
    return o->err;
}

static Err *backing_open(Ctx *c, SearchIndex *x, bool keeps, int64_t *covered) {
    Opening o = {.c = c, .def = x->def};
    if (keeps) o.folder = search_folder(x, c->arena);
    TRY(offload(c, LANE_SHORT, open_on_pool, &o));
    if (o.err) TRY(folder_missing(c, x, &o));
    if (!str_is_null(o.healed))
        log_msg(c, LOG_WARN, "search index %s: its snapshot is not used: %.*s", x->def->name,
                S_ARG(o.healed));
    Backing *b = calloc(1, sizeof *b);
    if (!b) abort();
    *b = (Backing){.x = x, .engine = o.engine};
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->wake, NULL);
    if (pthread_create(&b->keeper, NULL, keeper_run, b) != 0) abort();
    View *v = engine_view(b->engine);
    *covered = v->covered;
    view_release(v);
    x->backing = b;
    return NULL;
}

static void keeper_end(void *arg) {
    Backing *b = arg;
    pthread_mutex_lock(&b->lock);
    b->stopping = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->keeper, NULL);
    engine_close(b->engine); /* unmapping takes a while */
}

static void backing_close(Ctx *c, SearchIndex *x) {
    Backing *b = x->backing;
    Err *err = offload(c, LANE_SHORT, keeper_end, b);
    if (err) keeper_end(b); /* the pool is full: then here */
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->wake);
    free(b);
    x->backing = NULL;
}

/* -- Changes ----------------------------------------------------------------------------------- */

typedef struct Applying {
    Ctx *c;
    SearchEngine *engine;
    EngineBuild *build;     /* NULL: to the engine */
    const SearchDocs *docs; /* NULL: finish the build */
    int64_t covered;
    Err *err;
} Applying;

static void apply_on_pool(void *arg) {
    Applying *a = arg;
    if (!a->build)
        a->err = engine_apply(a->c, a->engine, a->docs, a->covered);
    else if (a->docs)
        a->err = engine_build_add(a->c, a->build, a->docs);
    else
        a->err = engine_build_finish(a->c, a->build, a->covered);
}

static Err *backing_apply(Ctx *c, SearchIndex *x, const SearchDocs *docs, int64_t covered) {
    Backing *b = x->backing;
    Applying a = {.c = c, .engine = b->engine, .docs = docs, .covered = covered};
    TRY(offload(c, LANE_SHORT, apply_on_pool, &a));
    keeper_nudge(b);
    return a.err;
}

static Err *backing_build_begin(Ctx *c, SearchIndex *x, void **build) {
    (void)c;
    *build = engine_build_new(((Backing *)x->backing)->engine);
    return NULL;
}

static Err *backing_build_add(Ctx *c, SearchIndex *x, void *build, const SearchDocs *docs) {
    (void)x;
    Applying a = {.c = c, .build = build, .docs = docs};
    TRY(offload(c, LANE_SHORT, apply_on_pool, &a));
    return a.err;
}

static Err *backing_build_finish(Ctx *c, SearchIndex *x, void *build, int64_t covered) {
    Applying a = {.c = c, .build = build, .covered = covered};
    TRY(offload(c, LANE_SHORT, apply_on_pool, &a));
    keeper_nudge(x->backing);
    return a.err;
}

static void build_free_on_pool(void *build) { engine_build_free(build); }

static void backing_build_free(Ctx *c, SearchIndex *x, void *build) {
    (void)x;
    coro_shield(c);
    Err *err = offload(c, LANE_SHORT, build_free_on_pool, build);
    coro_unshield(c);
    if (err) engine_build_free(build); /* the pool is full: then here */
}

/* -- Asking ------------------------------------------------------------------------------------ */

typedef struct Asking {
    Ctx *c;
    SearchIndex *x;
    View *view;
    const SearchRequest *request;
    const VectorAnswer *given;
    SearchResult *result; /* NULL: values */
    int field;
    Str text;
    int64_t limit;
    SearchValue **values;
    ptrdiff_t *count;
    Err *err;
} Asking;

static void ask(void *arg) {
    Asking *a = arg;
    if (a->result)
        a->err =
            engine_search_given(a->c, a->x->def, a->view, a->request, a->given, a->result);
    else
        a->err = engine_values(a->c, a->x->def, a->view, a->field, a->text, a->request, a->limit,
                               a->values, a->count);
}

static void view_give(void *view) { view_release(view); }

/* A query's sets of documents: some for each of its words, in each segment one after the other. They
 * are more than what a request is usually given. */
static void budget_raise(Ctx *c, const View *v) {
    int64_t documents = 0;
    for (int i = 0; i < v->count; i++) documents += segment_docs(v->items[i].segment);
    ptrdiff_t sets = (ptrdiff_t)(documents / 8 * QUERY_SETS);
    arena_budget_set(c->arena, 2 * arena_used(c->arena) + QUERY_BYTES + sets);
}

static bool is_cheap(Ctx *c, const Asking *a) {
    if (!a->result) return view_documents(a->view) <= LOOP_VALUES_DOCS;
    return engine_cost_us(c, a->x->def, a->view, a->request) <= LOOP_US;
}

/* false: it took too long to go on here. */
static bool ask_here(Ctx *c, Asking *a) {
    ArenaMark mark = arena_mark(c->arena);
    int64_t former = ctx_deadline_within(c, LOOP_MOST_MS), here = c->deadline_us;
    ask(a);
    c->deadline_us = former;
    bool late = a->err && a->err->kind == ERR_TIMEOUT && mono_us() >= here;
    if (!late || here == former || (former && mono_us() >= former)) return true;
    arena_release(c->arena, mark);
    return false;
}

static Err *ask_where_it_fits(Ctx *c, Asking *a) {
    Backing *b = a->x->backing;
    Defer *undo = c->defers;
    a->view = engine_view(b->engine);
    budget_raise(c, a->view);
    defer(c, view_give, a->view); /* also when the answer is over c's memory */
    Err *err = NULL;
    if (!is_cheap(c, a) || !ask_here(c, a)) {
        atomic_fetch_add(&a->x->offloaded, 1);
        err = offload(c, LANE_SHORT, ask, a);
    }
    ctx_undo(c, undo);
    return err ? err : a->err;
}

Err *search_engine_run_given(Ctx *c, SearchIndex *x, const SearchRequest *request,
                             const VectorAnswer *given, SearchResult *out) {
    assert(x->backend == &search_engine_backend);
    Asking a = {.c = c, .x = x, .request = request, .given = given, .result = out};
    return ask_where_it_fits(c, &a);
}

static Err *backing_run(Ctx *c, SearchIndex *x, const SearchRequest *request, SearchResult *out) {
    return search_engine_run_given(c, x, request, NULL, out);
}

static Err *backing_values(Ctx *c, SearchIndex *x, int field, Str text, const SearchRequest *within,
                           int64_t limit, SearchValue **out, ptrdiff_t *count) {
    Asking a = {.c = c,
                .x = x,
                .request = within,
                .field = field,
                .text = text,
                .limit = limit,
                .values = out,
                .count = count};
    return ask_where_it_fits(c, &a);
}

/* -- Figures ----------------------------------------------------------------------------------- */

static uint32_t having(Ctx *c, const ViewSegment *v, int field) {
    ArenaMark mark = arena_mark(c->arena);
    uint32_t docs = segment_docs(v->segment);
    Docset has = segment_having(v->segment, c->arena, field);
    uint32_t count = has.count;
    if (v->dead) {
        uint32_t dead = docs - v->live;
        count -= docset_and_count(has, docset_bits(docs, v->dead, dead));
    }
    arena_release(c->arena, mark);
    return count;
}

static void backing_stats(SearchIndex *x, Ctx *c, SearchStats *out) {
    Backing *b = x->backing;
    View *v = engine_view(b->engine);
    out->documents = view_documents(v);
    out->segments = v->count;
    out->disk_bytes = engine_disk_bytes(b->engine);
    for (int i = 0; i < v->count; i++) {
        Segment *s = v->items[i].segment;
        if (!segment_on_disk(s)) out->memory_bytes += segment_bytes(s);
        for (int f = 0; f < x->def->field_count; f++)
            ((int64_t *)(uintptr_t)out->field_documents)[f] += having(c, &v->items[i], f);
    }
    view_release(v);
}

const SearchBackend search_engine_backend = {
    .name = "engine",
    .open = backing_open,
    .close = backing_close,
    .apply = backing_apply,
    .build_begin = backing_build_begin,
    .build_add = backing_build_add,
    .build_finish = backing_build_finish,
    .build_free = backing_build_free,
    .run = backing_run,
    .values = backing_values,
    .stats = backing_stats,
};
