/* SPDX-License-Identifier: Apache-2.0
 * Rebuilding an index: one coroutine reads the database from the first change on, another hands what
 * was read to the back end, so that reading, taking in and (in the engine) finishing a segment go
 * on at the same time. The last changes are read in the follower's turn; then the new index takes
 * the place of the former one, and the follower goes on from there. */
#include <malloc.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/time.h"
#include "data/db.h"
#include "search/service.h"

enum { BUILD_BATCH = 4000, AHEAD = 2, RETRY_MS = 2000 };

typedef struct Builder {
    SearchIndex *x;
    void *build;
    Channel *read; /* of Batch: read and not yet taken in */
    bool adding;   /* the adder lives */
    WaitList done; /* it has ended */
    bool failed;
    ErrKind kind;
    char why[256];
} Builder;

typedef struct Batch {
    Arena *arena;
    SearchDocs *docs;
} Batch;

static Batch *batch_new(const SearchDef *def) {
    Arena *arena = arena_new(FEED_BYTES);
    Batch *b = calloc(1, sizeof *b);
    if (!b) abort();
    b->docs = calloc(1, sizeof *b->docs);
    if (!b->docs) abort();
    *b->docs = (SearchDocs){.arena = arena, .def = def};
    b->arena = arena;
    return b;
}

static void batch_free(Batch *b) {
    arena_free(b->arena);
    free(b->docs);
    free(b);
}

/* -- Taking in --------------------------------------------------------------------------------- */

static void add_batches(Ctx *c, void *arg) {
    Builder *b = arg;
    for (;;) {
        void *item = NULL;
        Err *err = channel_receive(c, b->read, &item);
        if (err || !item) break;
        Batch *batch = item;
        ArenaMark mark = arena_mark(c->arena);
        Defer *undo = c->defers;
        if (!b->failed) err = b->x->backend->build_add(c, b->x, b->build, batch->docs);
        if (err && !b->failed) {
            b->failed = true;
            b->kind = err->kind;
            snprintf(b->why, sizeof b->why, "%.*s", S_ARG(str_utf8_cut(err->detail, 250)));
        }
        atomic_fetch_add(&b->x->rebuilt_docs, batch->docs->count);
        batch_free(batch);
        ctx_undo(c, undo);
        arena_release(c->arena, mark);
    }
    b->adding = false;
    wait_wake_all(&b->done);
}

static Err *builder_err(Ctx *c, const Builder *b) {
    if (!b->failed) return NULL;
    return err_new(c, b->kind, __func__, "%s", b->why);
}

/* Nothing of it is left running afterwards, whatever became of it. */
static Err *adder_end(Ctx *c, Builder *b) {
    channel_close(b->read);
    coro_shield(c);
    int64_t former = c->deadline_us;
    c->deadline_us = 0;
    while (b->adding) {
        Err *err = wait_on(c, &b->done);
        (void)err; /* neither deadline nor cancellation */
    }
    c->deadline_us = former;
    coro_unshield(c);
    for (void *item; channel_try_receive(b->read, &item);) batch_free(item);
    channel_free(b->read);
    b->read = NULL;
    return builder_err(c, b);
}

/* -- Reading ----------------------------------------------------------------------------------- */

/* The next batch behind *after; unmoved: there is nothing new. */
static Err *read_one(Ctx *c, Builder *b, int64_t *after) {
    SearchIndex *x = b->x;
    int64_t covered = *after, limit = BUILD_BATCH;
    Batch *batch = batch_new(x->def);
    Err *err = feed_read(c, x, *after, &limit, batch->docs, &covered);
    if (!err && covered > *after) {
        err = channel_send(c, b->read, batch);
        if (!err) batch = NULL;
    }
    if (batch) batch_free(batch);
    if (err) return err;
    *after = covered;
    atomic_store(&x->rebuilt, covered);
    return NULL;
}

static Err *read_all(Ctx *c, Builder *b, int64_t *after) {
    for (int64_t before = -1; before != *after;) {
        if (atomic_load(&b->x->stopping)) FAIL(c, CANCELLED, "the process ends");
        before = *after;
        ArenaMark mark = arena_mark(c->arena);
        int64_t newest;
        Defer *undo = c->defers;
        Err *err = b->x->def->newest(c, &newest);
        if (!err) atomic_store(&b->x->rebuild_total, newest);
        if (!err) err = read_one(c, b, after);
        if (!err) err = builder_err(c, b);
        ctx_undo(c, undo);
        if (err) return err;
        arena_release(c->arena, mark);
    }
    return NULL;
}

/* In the follower's turn: to the very end, and in its place. */
static Err *swap_in(Ctx *c, Builder *b, int64_t after) {
    SearchIndex *x = b->x;
    TRY(turn_take(c, x));
    Err *err = read_all(c, b, &after);
    Err *added = adder_end(c, b);
    if (!err) err = added;
    if (!err) err = x->backend->build_finish(c, x, b->build, after);
    if (!err) {
        x->hollow = false;
        x->state_seen = 0;
        atomic_fetch_add(&x->builds, 1);
        index_failed(x, NULL); /* in the turn: the follower may fail as soon as it is given */
        index_covered(x, after);
    }
    turn_give(x);
    return err;
}

static Err *build_steps(Ctx *c, Builder *b) {
    SearchIndex *x = b->x;
    int64_t after = 0;
    TRY(x->backend->build_begin(c, x, &b->build));
    b->read = channel_new(AHEAD);
    b->adding = true;
    coro_spawn((CoroOptions){.name = "search builder", .app = c->app, .service = true}, add_batches,
               b);
    Err *err = read_all(c, b, &after);
    if (!err) err = swap_in(c, b, after);
    if (b->read) {
        Err *added = adder_end(c, b);
        (void)added; /* what came first is told */
    }
    x->backend->build_free(c, x, b->build);
    return err;
}

/* -- The coroutine ----------------------------------------------------------------------------- */

static void build_outcome(Ctx *c, SearchIndex *x, const Err *err, int64_t asked, int64_t began) {
    atomic_store(&x->rebuilding, false);
    atomic_store(&x->build_failed, err != NULL);
    if (!err) {
        log_msg(c, LOG_INFO, "search index %s is built: %lld documents in %lld ms", x->def->name,
                (long long)atomic_load(&x->rebuilt_docs),
                (long long)((mono_us() - began) / US_PER_MS));
        atomic_store(&x->builds_done, asked);
        malloc_trim(0); /* what building needed; rt keeps what is freed otherwise */
        return;
    }
    if (atomic_load(&x->stopping) || err->kind == ERR_CANCELLED) return;
    atomic_fetch_add(&x->failures, 1);
    log_msg(c, LOG_WARN, "search index %s cannot be built: %.*s", x->def->name,
            S_ARG(err_chain(c->arena, err)));
    index_failed(x, err);
    if (!x->hollow) atomic_store(&x->builds_done, asked); /* what is there does; else again */
}

static void build_run(Ctx *c, void *arg) {
    SearchIndex *x = arg;
    Builder b = {.x = x};
    int64_t asked = atomic_load(&x->builds_asked), began = mono_us();
    atomic_store(&x->rebuilt, 0);
    atomic_store(&x->rebuilt_docs, 0);
    atomic_store(&x->build_failed, false);
    atomic_store(&x->rebuilding, true);
    Err *err = build_steps(c, &b);
    build_outcome(c, x, err, asked, began);
    if (err && x->hollow && !atomic_load(&x->stopping)) err = sleep_ms(c, RETRY_MS);
    x->building = false;
    index_nudge(x);
    wait_wake_all(&x->ended);
}

void builder_start(Ctx *c, SearchIndex *x) {
    assert(x->loop == loop_here() && !x->building);
    x->building = true;
    x->builder = coro_spawn(
        (CoroOptions){
            .name = "search rebuild", .budget_bytes = FEED_BYTES, .app = c->app, .service = true},
        build_run, x);
}
