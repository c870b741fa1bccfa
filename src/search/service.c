/* SPDX-License-Identifier: Apache-2.0
 * The indexes of a process: opening and closing them, and what products ask of them.
 *
 * A service begins an index when it is opened; a command when it is first asked, so that an import
 * does not read a million documents for nothing. */
#include <stdlib.h>

#include "core/log.h"
#include "core/time.h"
#include "data/db.h"
#include "rt/io.h"
#include "search/store.h"
#include "search/vectors.h"

enum {
    PROGRESS_MS = 100,
    BUILD_WAIT_MS = 3000,
    BUILD_RETRY_S = 5,
    STORE_WAIT_MS = 5000,   /* for the store of vectors to follow, at most */
    STORE_BEGIN_MS = 10000, /* and while it is being filled, only when it was just begun */
    NAME_CAP = 128
};

struct Search {
    SearchIndex *first, *last;
    SearchOptions options;
    char *folder; /* NULL: memory only */
};

Search *search_new(SearchOptions options) {
    Search *s = calloc(1, sizeof *s);
    if (!s) abort();
    s->options = options;
    if (!str_is_null(options.folder)) {
        s->folder = strndup(options.folder.data, (size_t)options.folder.len);
        if (!s->folder) abort();
    }
    return s;
}

static void index_free(SearchIndex *x) {
    if (x->vectors) index_free(x->vectors);
    if (x->of) free((char *)(uintptr_t)x->own.name);
    assert(!x->waiters && !x->following && !x->building);
    channel_free(x->nudges);
    pthread_mutex_destroy(&x->lock);
    free(x);
}

void search_free(Search *s) {
    if (!s) return;
    for (SearchIndex *x = s->first, *next; x; x = next) {
        next = x->next;
        index_free(x);
    }
    free(s->folder);
    free(s);
}

Err *search_store_look(Ctx *c, const Search *s, Str *name) {
    const SearchOptions *o = &s->options;
    bool none = o->store == SEARCH_STORE_NONE || !str_is_empty(o->meili_host);
    bool qdrant = o->store == SEARCH_STORE_QDRANT;
    *name = none ? (Str){0} : qdrant ? S("qdrant") : S("pgvector");
    if (none) return NULL;
    Str host = o->qdrant_url;
    while (str_ends(host, S("/"))) host = str_slice(host, 0, host.len - 1);
    Store look = {.host = str_cstr(c->arena, host), .key = str_cstr(c->arena, o->qdrant_key)};
    return (qdrant ? &qdrant_store : &pgvector_store)->look(c, &look);
}

Str search_folder(const SearchIndex *x, Arena *a) {
    if (!x->search->folder) return (Str){0};
    return strf(a, "%s/%s", x->search->folder, x->def->name);
}

const SearchOptions *search_options(const SearchIndex *x) { return &x->search->options; }

bool search_follows(const SearchIndex *x) { return x->search->options.follow; }

/* -- Opening ----------------------------------------------------------------------------------- */

static bool name_good(const char *name) {
    for (; *name; name++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", *name)) return false;
    return true;
}

static Err *index_begin_now(Ctx *c, SearchIndex *x, bool keeps) {
    int64_t covered = 0, began = mono_us();
    TRY(x->backend->open(c, x, keeps, &covered));
    x->hollow = covered == 0;
    x->loop = loop_here();
    atomic_store(&x->covered, x->hollow ? NOTHING_COVERED : covered);
    atomic_store(&x->begun_at_us, mono_us());
    atomic_store(&x->begun, true);
    if (covered)
        log_msg(c, LOG_INFO, "search index %s is open up to change %lld after %lld ms",
                x->def->name, (long long)covered, (long long)((mono_us() - began) / US_PER_MS));
    follower_start(c, x);
    return NULL;
}

/* keeps: what is on disk is ours to use and to write. */
static Err *index_begin(Ctx *c, SearchIndex *x, bool keeps) {
    if (atomic_load(&x->begun)) return NULL;
    if (atomic_load(&x->stopping)) FAIL(c, UNAVAILABLE, "The search index is closed.");
    TRY(turn_take(c, x)); /* two may come first */
    Err *err = NULL;
    if (x->vectors && !atomic_load(&x->begun)) err = index_begin(c, x->vectors, keeps);
    if (!err && !atomic_load(&x->begun)) err = index_begin_now(c, x, keeps);
    turn_give(x);
    return err;
}

static SearchIndex *index_new(Search *s, const SearchDef *def, const SearchBackend *backend) {
    SearchIndex *x = calloc(1, sizeof *x);
    if (!x) abort();
    x->search = s;
    x->def = def;
    x->backend = backend;
    x->loop = loop_here();
    atomic_store(&x->covered, NOTHING_COVERED);
    x->nudges = channel_new(1);
    pthread_mutex_init(&x->lock, NULL);
    return x;
}

/* The same rows under another name, for the store of vectors; the engine has none then. */
static void vectors_add(Search *s, SearchIndex *x) {
    char name[NAME_CAP];
    int length = snprintf(name, sizeof name, "%s_vectors", x->def->name);
    assert(length < NAME_CAP);
    SearchIndex *v = index_new(s, x->def, &search_store_backend);
    v->own = *x->def;
    v->own.name = strndup(name, (size_t)length);
    if (!v->own.name) abort();
    v->def = &v->own;
    v->of = x;
    x->own = *x->def;
    x->own.vectors_elsewhere = true;
    x->def = &x->own;
    x->vectors = v;
}

static bool stores_vectors(const Search *s, const SearchDef *def) {
    return s->options.store != SEARCH_STORE_NONE && str_is_empty(s->options.meili_host) &&
           vector_field(def) >= 0;
}

Err *search_open(Ctx *c, struct App *app, const SearchDef *def, SearchIndex **out) {
    Search *s = app_search(app);
    assert(s && def && out && def->feed && def->newest && *def->name && name_good(def->name));
    assert(def->field_count > 0 && def->field_count <= SEARCH_FIELDS_MAX);
    assert(!search_find(app, str_c(def->name)));
    if (s->options.store == SEARCH_STORE_PGVECTOR && stores_vectors(s, def) &&
        db_engine(c) != ENGINE_POSTGRES)
        FAIL(c, NOT_CONFIGURED, "VECTOR_STORE=pgvector needs a PostgreSQL database (DATABASE_URL)");
    SearchIndex *x = index_new(s, def,
                               str_is_empty(s->options.meili_host) ? &search_engine_backend
                                                                   : &search_meilisearch_backend);
    if (stores_vectors(s, def)) vectors_add(s, x);
    if (s->options.follow) {
        Err *err = index_begin(c, x, true);
        if (err) {
            index_free(x);
            return err;
        }
    }
    if (s->last)
        s->last->next = x;
    else
        s->first = x;
    s->last = x;
    *out = x;
    return NULL;
}

SearchIndex *search_at(struct App *app, ptrdiff_t i) {
    Search *s = app_search(app);
    SearchIndex *x = s ? s->first : NULL;
    while (x && i-- > 0) x = x->next;
    return x;
}

SearchIndex *search_find(struct App *app, Str name) {
    for (ptrdiff_t i = 0;; i++) {
        SearchIndex *x = search_at(app, i);
        if (!x || str_eq(str_c(x->def->name), name)) return x;
    }
}

const SearchDef *search_def(const SearchIndex *x) { return x->def; }

/* Where they wait for the database they are cancelled. */
static void index_close(Ctx *c, SearchIndex *x) {
    if (x->vectors) index_close(c, x->vectors);
    atomic_store(&x->stopping, true);
    channel_close(x->nudges);
    assert(x->loop == loop_here());
    if (x->following) coro_cancel(x->follower);
    if (x->building) coro_cancel(x->builder);
    coro_shield(c);
    int64_t former = c->deadline_us;
    c->deadline_us = 0;
    while (x->following || x->building) {
        Err *err = wait_on(c, &x->ended);
        (void)err; /* neither deadline nor cancellation */
    }
    c->deadline_us = former;
    if (atomic_load(&x->begun)) x->backend->close(c, x);
    coro_unshield(c);
    atomic_store(&x->begun, false);
}

void search_close_all(Ctx *c, struct App *app) {
    Search *s = app_search(app);
    for (SearchIndex *x = s ? s->first : NULL; x; x = x->next) {
        atomic_store(&x->stopping, true);
        if (x->vectors) atomic_store(&x->vectors->stopping, true);
    }
    for (SearchIndex *x = s ? s->first : NULL; x; x = x->next) index_close(c, x);
}

/* -- Waiting for what was committed ------------------------------------------------------------ */

static Err *newest_read(Ctx *c, SearchIndex *x, int64_t *newest) {
    Err *err = x->def->newest(c, newest);
    if (!err || err->kind == ERR_TIMEOUT || err->kind == ERR_CANCELLED ||
        err->kind == ERR_UNAVAILABLE)
        return err;
    return err_wrap(c, ERR_UNAVAILABLE, __func__, err, "%.*s", S_ARG(err->detail));
}

static void asking_over(void *arg) {
    SearchNews *news = arg;
    news->asking = false;
    wait_wake_all(&news->waiting);
}

/* A question that began after the call, one's own or a neighbour's. */
static Err *newest_shared(Ctx *c, SearchIndex *x, SearchNews *news, int64_t *newest) {
    int64_t mine = news->begun + 1;
    while (news->answered < mine && news->asking) TRY(wait_on(c, &news->waiting));
    if (news->answered < mine) {
        int64_t number = ++news->begun;
        Defer *undo = c->defers;
        news->asking = true;
        defer(c, asking_over, news); /* whatever way out */
        Err *err = newest_read(c, x, &news->newest);
        if (!err) news->answered = number;
        ctx_undo(c, undo);
        if (err) return err;
    }
    *newest = news->newest;
    return NULL;
}

/* While nothing is there yet, who asks waits a little, then is told how far the building is. */
static Err *wait_built(Ctx *c, SearchIndex *x, int64_t need) {
    int64_t until = mono_us() + BUILD_WAIT_MS * US_PER_MS;
    int64_t former = ctx_deadline_within(c, BUILD_WAIT_MS);
    Err *err = index_wait(c, x, need, false);
    c->deadline_us = former;
    if (!err || err->kind != ERR_TIMEOUT || mono_us() < until) return err;
    if (atomic_load(&x->covered) != NOTHING_COVERED) return index_wait(c, x, need, false);
    err = err_new(c, ERR_UNAVAILABLE, "search_sync",
                  "The search index is being built: %lld of %lld changes are in",
                  (long long)atomic_load(&x->rebuilt), (long long)atomic_load(&x->rebuild_total));
    err->retry_after_s = BUILD_RETRY_S;
    return err;
}

/* The store of vectors, if it can be had: words are found without it. *whole: it has everything. */
static Err *vectors_wait(Ctx *c, SearchIndex *v, int64_t newest, bool *whole) {
    *whole = atomic_load(&v->covered) >= newest;
    if (*whole || index_is_failing(v)) return NULL;
    bool built = atomic_load(&v->covered) != NOTHING_COVERED;
    if (!built && mono_us() > atomic_load(&v->begun_at_us) + STORE_BEGIN_MS * US_PER_MS)
        return NULL;
    int64_t former = c->deadline_us;
    int64_t left_ms = former ? (former - mono_us()) / US_PER_MS : 2 * STORE_WAIT_MS;
    ctx_deadline_within(c, max_i64(1, min_i64(left_ms / 2, STORE_WAIT_MS)));
    Err *err = index_wait(c, v, newest, false);
    c->deadline_us = former;
    *whole = err == NULL;
    return err && err->kind == ERR_CANCELLED ? err : NULL;
}

Err *search_sync(Ctx *c, SearchIndex *x) {
    assert(c->coro && !c->tx);
    TRY(index_begin(c, x, false));
    SearchNews *news = &x->news[loop_index(loop_here())];
    int64_t state = 0, state_after, newest;
    bool whole = true;
    atomic_fetch_add(&x->syncs, 1);
    bool known = db_state(c, &state);
    /* What was covered may have been lost since. */
    if (known && news->state == state && atomic_load(&x->covered) >= news->covered) return NULL;
    TRY(newest_shared(c, x, news, &newest));
    if (atomic_load(&x->covered) < newest) {
        atomic_fetch_add(&x->sync_waits, 1);
        bool built = atomic_load(&x->covered) != NOTHING_COVERED;
        TRY(built ? index_wait(c, x, newest, false) : wait_built(c, x, newest));
    }
    if (x->vectors) TRY(vectors_wait(c, x->vectors, newest, &whole));
    /* Nothing was committed while we asked: so this state is covered. */
    if (whole && known && db_state(c, &state_after) && state_after == state) {
        news->state = state;
        news->covered = newest;
    }
    return NULL;
}

Err *search_wait(Ctx *c, SearchIndex *x, int64_t after, int64_t ms, int64_t *covered) {
    assert(c->coro && after >= 0 && ms >= 0);
    int64_t until = mono_us() + ms * US_PER_MS, former = ctx_deadline_within(c, ms);
    Err *err = atomic_load(&x->begun) ? index_wait(c, x, after + 1, true) : sleep_ms(c, ms);
    c->deadline_us = former;
    *covered = max_i64(after, atomic_load(&x->covered));
    if (err && err->kind == ERR_TIMEOUT && mono_us() >= until) err = NULL;
    return err;
}

void search_follow(Ctx *c, SearchIndex *index, const char *name, Err *(*step)(Ctx *c, void *arg),
                   void *arg, const int64_t *done) {
    enum { WAIT_MS = 5000, AGAIN_MS = 1000 };
    assert(index && step && done);
    while (!c->cancelled) {
        CtxMark mark = ctx_mark(c);
        int64_t covered;
        Err *err = step(c, arg);
        if (err && !c->cancelled)
            log_msg(c, LOG_WARN, "%s: %.*s", name, S_ARG(err_chain(c->arena, err)));
        if (!c->cancelled)
            err = err ? sleep_ms(c, AGAIN_MS) : search_wait(c, index, *done, WAIT_MS, &covered);
        ctx_release(c, mark);
    }
}

/* -- Asking ------------------------------------------------------------------------------------ */

static void query_count(SearchIndex *x, int64_t began, const Err *err) {
    atomic_fetch_add(&x->queries, 1);
    atomic_fetch_add(&x->query_us, mono_us() - began);
    if (err) atomic_fetch_add(&x->queries_failed, 1);
}

bool search_knows_near(const SearchIndex *x) { return x->backend != &search_meilisearch_backend; }

Err *search_run(Ctx *c, SearchIndex *x, const SearchRequest *request, SearchResult *out) {
    TRY(index_begin(c, x, false));
    int64_t began = mono_us();
    *out = (SearchResult){0};
    bool store = x->vectors && request->near;
    Err *err = (store ? store_run : x->backend->run)(c, x, request, out);
    out->took_us = mono_us() - began;
    query_count(x, began, err);
    return err;
}

Err *search_values(Ctx *c, SearchIndex *x, int field, Str text, const SearchRequest *within,
                   int64_t limit, SearchValue **out, ptrdiff_t *count) {
    TRY(index_begin(c, x, false));
    int64_t began = mono_us();
    *out = NULL;
    *count = 0;
    Err *err = x->backend->values(c, x, field, text, within, limit, out, count);
    query_count(x, began, err);
    return err;
}

/* -- Keeping ----------------------------------------------------------------------------------- */

static void store_stats(SearchIndex *v, Ctx *c, SearchStats *out) {
    bool qdrant = search_options(v)->store == SEARCH_STORE_QDRANT;
    SearchStats own = {0};
    out->store = qdrant ? S("qdrant") : S("pgvector");
    out->store_covered = max_i64(0, atomic_load(&v->covered));
    out->store_rebuilding = atomic_load(&v->rebuilding);
    out->store_failures = atomic_load(&v->failures);
    pthread_mutex_lock(&v->lock);
    if (v->failure[0]) out->store_failure = str_copy(c->arena, str_c(v->failure));
    pthread_mutex_unlock(&v->lock);
    if (!atomic_load(&v->begun)) return;
    v->backend->stats(v, c, &own);
    out->store_vectors = own.documents;
}

void search_stats(SearchIndex *x, Ctx *c, SearchStats *out) {
    *out = (SearchStats){
        .covered = max_i64(0, atomic_load(&x->covered)),
        .rebuilding = atomic_load(&x->rebuilding),
        .rebuilt = atomic_load(&x->rebuilt),
        .rebuild_total = atomic_load(&x->rebuild_total),
        .rebuilt_documents = atomic_load(&x->rebuilt_docs),
        .backend = str_c(x->backend->name),
        .queries = atomic_load(&x->queries),
        .queries_failed = atomic_load(&x->queries_failed),
        .queries_offloaded = atomic_load(&x->offloaded),
        .query_us = atomic_load(&x->query_us),
        .syncs = atomic_load(&x->syncs),
        .sync_waits = atomic_load(&x->sync_waits),
        .batches = atomic_load(&x->batches),
        .changed = atomic_load(&x->documents),
        .gone = atomic_load(&x->gone),
        .apply_us = atomic_load(&x->apply_us),
        .failures = atomic_load(&x->failures),
        .rebuilds = atomic_load(&x->builds),
        .merges = atomic_load(&x->merges),
        .flushes = atomic_load(&x->flushes),
        .keep_failures = atomic_load(&x->keep_failures),
        .field_documents = arena_array(c->arena, int64_t, x->def->field_count),
    };
    pthread_mutex_lock(&x->lock);
    if (x->failure[0]) out->failure = str_copy(c->arena, str_c(x->failure));
    pthread_mutex_unlock(&x->lock);
    if (atomic_load(&x->begun)) x->backend->stats(x, c, out);
    if (x->vectors) store_stats(x->vectors, c, out);
}

/* A running service that has the folder is asked to do it (service_follow.c looks for the file). */
static Err *index_begin_kept(Ctx *c, SearchIndex *x) {
    Err *err = index_begin(c, x, true);
    if (!err || err->kind != ERR_CONFLICT) return err;
    TRY(file_replace(c, strf(c->arena, "%.*s/rebuild", S_ARG(search_folder(x, c->arena))), S("")));
    FAIL(c, CONFLICT,
         "A running service keeps the index %s: it was asked to build it anew and goes on serving "
         "meanwhile.",
         x->def->name);
}

Err *search_rebuild(Ctx *c, SearchIndex *x,
                    void (*progress)(void *arg, int64_t done, int64_t total), void *arg) {
    TRY(index_begin_kept(c, x));
    /* One that is under way may have read past what the caller means: the next one counts. */
    int64_t wanted = atomic_load(&x->builds_asked);
    if (wanted == atomic_load(&x->builds_done) || atomic_load(&x->rebuilding))
        wanted = atomic_fetch_add(&x->builds_asked, 1) + 1;
    atomic_store(&x->build_failed, false);
    index_nudge(x);
    while (atomic_load(&x->builds_done) < wanted && !atomic_load(&x->build_failed)) {
        TRY(sleep_ms(c, PROGRESS_MS));
        if (atomic_load(&x->stopping)) FAIL(c, CANCELLED, "The process ends.");
        if (progress) progress(arg, atomic_load(&x->rebuilt), atomic_load(&x->rebuild_total));
    }
    if (!atomic_load(&x->build_failed))
        return x->vectors ? search_rebuild(c, x->vectors, progress, arg) : NULL;
    pthread_mutex_lock(&x->lock);
    Str why = str_copy(c->arena, str_c(x->failure));
    pthread_mutex_unlock(&x->lock);
    FAIL(c, UNAVAILABLE, "The search index cannot be built: %.*s", S_ARG(why));
}
