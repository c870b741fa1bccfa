/* SPDX-License-Identifier: Apache-2.0
 * The follower: the one coroutine of an index that reads changes and has them applied.
 *
 * It looks when somebody waits for a change (index_nudge), and by itself every POLL_MS: that is how
 * it sees what other processes and nodes wrote. Looking costs a single small query, on SQLite not
 * even that while db_state stays the same. Notices would bring them a few milliseconds sooner, but a
 * NOTIFY makes PostgreSQL's writers take a lock on the whole server at their commit.
 *
 * When the database does not answer, or a batch cannot be applied, it tries again, later each time;
 * what is indexed goes on being found. */
#include <unistd.h>

#include "core/log.h"
#include "core/time.h"
#include "data/db.h"
#include "search/service.h"

enum {
    POLL_MS = 40,
    PAUSE_FIRST_MS = 50,
    PAUSE_MOST_MS = 2000,
    OLDEST_MS = 60 * 1000,
    REQUEST_MS = 500,
    OTHERS_MS = 5,     /* between two looks at how far another process is */
    BATCH_SMALL = 200, /* feeds read so few rows on the loop */
    BATCH = 4000
};

/* -- Reading ----------------------------------------------------------------------------------- */

/* One attempt; false: it did not fit into memory. */
static bool feed_try(Ctx *c, SearchIndex *x, int64_t after, int64_t limit, SearchDocs *docs,
                     int64_t *covered, Err **err) {
    jmp_buf full;
    jmp_buf *former = arena_on_full(c->arena, &full);
    jmp_buf *docs_former = arena_on_full(docs->arena, &full);
    Defer *undo = c->defers;
    bool fits = setjmp(full) == 0;
    if (fits) *err = x->def->feed(c, after, limit, docs, covered);
    arena_on_full(c->arena, former);
    arena_on_full(docs->arena, docs_former);
    ctx_undo(c, undo);
    return fits && !(*err && (*err)->kind == ERR_BUDGET);
}

Err *feed_read(Ctx *c, SearchIndex *x, int64_t after, int64_t *limit, SearchDocs *docs,
               int64_t *covered) {
    assert(docs->arena != c->arena && docs->count == 0);
    int64_t deadline = ctx_deadline_within(c, FEED_MS);
    Err *err = NULL;
    for (;;) {
        ArenaMark mark = arena_mark(c->arena);
        *covered = after;
        err = NULL;
        if (feed_try(c, x, after, *limit, docs, covered, &err)) break;
        arena_release(c->arena, mark);
        arena_reset(docs->arena);
        *docs = (SearchDocs){.arena = docs->arena, .def = docs->def};
        if (*limit == 1) {
            err = err_new(c, ERR_BUDGET, __func__, "the change after %lld is too large for memory",
                          (long long)after);
            break;
        }
        *limit = max_i64(1, *limit / 8);
    }
    c->deadline_us = deadline;
    return err;
}

/* -- One step ---------------------------------------------------------------------------------- */

void build_ask(SearchIndex *x, const char *why) {
    if (atomic_load(&x->builds_asked) > atomic_load(&x->builds_done)) return;
    log_msg(NULL, LOG_INFO, "search index %s is built anew: %s", x->def->name, why);
    atomic_fetch_add(&x->builds_asked, 1);
}

static void hollow_make(SearchIndex *x, const char *why) {
    x->hollow = true;
    index_covered(x, NOTHING_COVERED);
    build_ask(x, why);
}

static Err *oldest_look(Ctx *c, SearchIndex *x) {
    if (!x->def->oldest || mono_us() < x->oldest_at_us) return NULL;
    TRY(x->def->oldest(c, &x->oldest));
    x->oldest_at_us = mono_us() + OLDEST_MS * US_PER_MS;
    return NULL;
}

/* What the index has cannot be brought up to date any more? */
static void look_behind(SearchIndex *x, int64_t newest) {
    int64_t covered = atomic_load(&x->covered);
    if (x->hollow) return;
    if (newest < covered) hollow_make(x, "the database is older than the index");
    if (covered >= x->oldest) return;
    x->hollow = true; /* what it has goes on being found */
    build_ask(x, "deletions since its last change are forgotten");
}

/* A shared index is as far as it says itself, whoever brought it there. */
static Err *look_shared(Ctx *c, SearchIndex *x, int64_t *newest, bool *leads) {
    int64_t known;
    TRY(x->backend->lead(c, x, leads, &known));
    if (known > *newest) TRY(x->def->newest(c, newest)); /* another node was quick */
    if (known == NOTHING_COVERED || known > *newest || known < x->oldest) {
        if (!x->hollow) index_covered(x, NOTHING_COVERED);
        x->hollow = true;
        if (*leads) build_ask(x, "there is none to go on from");
        return NULL;
    }
    if (x->hollow && !x->building) {
        log_msg(c, LOG_INFO, "search index %s is open up to change %lld", x->def->name,
                (long long)known);
        x->hollow = false;
    }
    if (known != atomic_load(&x->covered)) index_covered(x, known);
    return NULL;
}

static Err *batch_apply(Ctx *c, SearchIndex *x, const SearchDocs *docs, int64_t covered) {
    int64_t began = mono_us(), gone = 0;
    TRY(x->backend->apply(c, x, docs, covered));
    for (ptrdiff_t i = 0; i < docs->count; i++) gone += docs->entries[i].gone;
    atomic_fetch_add(&x->batches, 1);
    atomic_fetch_add(&x->documents, docs->count - gone);
    atomic_fetch_add(&x->gone, gone);
    atomic_fetch_add(&x->apply_us, mono_us() - began);
    return NULL;
}

/* From what is covered on, a batch; *more: there is or may be another. */
static Err *batch_follow(Ctx *c, SearchIndex *x, int64_t newest, SearchDocs *docs, bool *more) {
    int64_t covered, after = atomic_load(&x->covered);
    int64_t limit = newest - after <= BATCH_SMALL ? BATCH_SMALL : BATCH;
    TRY(feed_read(c, x, after, &limit, docs, &covered));
    assert(covered >= after);
    if (covered == after) return NULL; /* another's transaction is still to end */
    TRY(batch_apply(c, x, docs, covered));
    index_covered(x, covered);
    *more = covered < newest;
    return NULL;
}

/* A command may have left a request to rebuild in our folder. */
static void look_asked(Ctx *c, SearchIndex *x) {
    if (!search_follows(x) || mono_us() < x->request_at_us) return;
    x->request_at_us = mono_us() + REQUEST_MS * US_PER_MS;
    Str folder = search_folder(x, c->arena);
    if (str_is_null(folder)) return;
    if (unlink(strf(c->arena, "%.*s/rebuild", S_ARG(folder)).data) != 0) return;
    build_ask(x, "a command asked for it");
    if (x->vectors) build_ask(x->vectors, "a command asked for it");
}

static bool build_due(const SearchIndex *x) {
    return atomic_load(&x->builds_asked) > atomic_load(&x->builds_done) && !x->building;
}

static Err *news_apply(Ctx *c, SearchIndex *x, int64_t newest, bool *more) {
    Arena *arena = arena_new(FEED_BYTES);
    SearchDocs *docs = search_docs_new(c->arena, x->def);
    docs->arena = arena;
    Err *err = batch_follow(c, x, newest, docs, more);
    arena_free(arena);
    return err;
}

/* false: another process does what is to be done; how far it is was just looked at. */
static Err *look_who(Ctx *c, SearchIndex *x, int64_t *newest, bool *leads) {
    bool behind = x->hollow || *newest > atomic_load(&x->covered);
    *leads = true;
    if (behind || build_due(x) || atomic_load(&x->doubted)) TRY(look_shared(c, x, newest, leads));
    atomic_store(&x->doubted, false);
    /* A command that may not build is told so by its building. */
    if (build_due(x) && (*leads || !search_follows(x))) builder_start(c, x);
    return NULL;
}

static Err *step(Ctx *c, SearchIndex *x, bool *more) {
    bool shared = x->backend->lead != NULL, leads = true;
    look_asked(c, x);
    if (!shared && build_due(x)) builder_start(c, x);
    int64_t state = 0, newest;
    bool known = db_state(c, &state),
         quiet = !shared || (!build_due(x) && !atomic_load(&x->doubted));
    if (known && state == x->state_seen && quiet) return NULL;
    TRY(x->def->newest(c, &newest));
    TRY(oldest_look(c, x));
    if (shared) TRY(look_who(c, x, &newest, &leads));
    look_behind(x, newest);
    if (x->hollow) return NULL;
    if (newest > atomic_load(&x->covered)) {
        if (leads)
            TRY(news_apply(c, x, newest, more));
        else {
            TRY(sleep_ms(c, OTHERS_MS));
            *more = true;
        }
    }
    if (known && atomic_load(&x->covered) >= newest) x->state_seen = state;
    return NULL;
}

static Err *step_in_turn(Ctx *c, SearchIndex *x, bool *more) {
    TRY(turn_take(c, x));
    Err *err = step(c, x, more);
    turn_give(x);
    return err;
}

/* -- For ever ---------------------------------------------------------------------------------- */

static void nudge_wait(Ctx *c, SearchIndex *x, int64_t ms) {
    void *item;
    int64_t former = ctx_deadline_within(c, ms);
    Err *err = channel_receive(c, x->nudges, &item);
    (void)err; /* time over; cancelled is seen by the caller */
    c->deadline_us = former;
}

static void outcome(Ctx *c, SearchIndex *x, const Err *err, bool *failing) {
    if (err && (err->kind == ERR_CANCELLED || atomic_load(&x->stopping))) return;
    if (err) atomic_fetch_add(&x->failures, 1);
    if (err && !*failing)
        log_msg(c, LOG_WARN, "search index %s does not follow: %.*s", x->def->name,
                S_ARG(err_chain(c->arena, err)));
    if (!err && *failing) log_msg(c, LOG_INFO, "search index %s follows again", x->def->name);
    if (err || *failing) index_failed(x, err);
    *failing = err != NULL;
}

static void follow(Ctx *c, void *arg) {
    SearchIndex *x = arg;
    int64_t pause = PAUSE_FIRST_MS;
    bool failing = false;
    while (!atomic_load(&x->stopping) && !c->cancelled) {
        ArenaMark mark = arena_mark(c->arena);
        Defer *undo = c->defers;
        bool more = false;
        Err *err = step_in_turn(c, x, &more);
        outcome(c, x, err, &failing);
        ctx_undo(c, undo);
        arena_release(c->arena, mark);
        if (failing) {
            err = sleep_ms(c, pause);
            pause = min_i64(2 * pause, PAUSE_MOST_MS);
        } else {
            pause = PAUSE_FIRST_MS;
            if (!more) nudge_wait(c, x, POLL_MS);
        }
    }
    x->following = false;
    wait_wake_all(&x->ended);
}

void follower_start(Ctx *c, SearchIndex *x) {
    assert(x->loop == loop_here() && !x->following);
    x->following = true;
    if (x->hollow && !x->backend->lead) build_ask(x, "there is no snapshot");
    x->follower = coro_spawn(
        (CoroOptions){
            .name = "search follower", .budget_bytes = FEED_BYTES, .app = c->app, .service = true},
        follow, x);
}
