/* SPDX-License-Identifier: Apache-2.0
 * New posts against saved searches.
 *
 * One coroutine a process reads posts behind a mark, in order of their change numbers, and asks the saved
 * searches (kept in memory; read again when their version has moved). What they find is stored
 * in one transaction with the counts, the events and the mark. A signal has a unique key (search, post),
 * so going over the same posts again, after a crash or in a second process, adds nothing. The mark is moved
 * only with signals and now and then: without matches there is nothing to write. */
#include <stdlib.h>

#include "core/log.h"
#include "products/veyl/saved_searches.h"
#include "products/veyl/search_index.h"
#include "products/veyl/search_sql.h"
#include "rt/offload.h"

enum { STEP = 1000, MARK_EVERY_MS = 10000, SIGNAL_DAYS = 90 };

typedef struct Follower {
    Coro *coro;
    SearchSaved *set;
    int64_t version; /* of the set; -1: to be read */
    int64_t count;
    int64_t *ids, *since; /* of the set, ascending by id */
    int64_t done;         /* posts up to this change number have been compared; -1: to be read */
    int64_t marked_us;
} Follower;
static Follower follower;

static Err *mark_move(Ctx *c, int64_t change) {
    return db_exec(c, SQL(SQL_MARK_RAISE), ARGS(V(S("saved_searches")), V(change)), NULL);
}

/* -- The set ------------------------------------------------------------------------------------- */

static void set_free(Follower *f) {
    search_saved_free(f->set);
    free(f->ids);
    free(f->since);
    f->set = NULL;
    f->ids = f->since = NULL;
    f->count = 0;
    f->version = -1;
}

static Err *set_read(Ctx *c, Follower *f) {
    int64_t version;
    Rows rows;
    TRY(db_int(c, SQL(SQL_SAVED_VERSION), NO_ARGS, &version));
    if (version == f->version) return NULL;
    TRY(db_query(c, SQL(SQL_SAVED_ALL), NO_ARGS, &saved_row_record, &rows));
    set_free(f);
    f->set = search_saved_new(&posts_index);
    f->ids = calloc((size_t)rows.count + 1, sizeof *f->ids);
    f->since = calloc((size_t)rows.count + 1, sizeof *f->since);
    if (!f->ids || !f->since) abort();
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        const SavedSearch *s = (const SavedSearch *)rows.items + i;
        Err *err = search_saved_put(c, f->set, s->id.value, s->q, (Str){0}, s->filter);
        if (err) { /* was good when it was saved: fields of the index have changed since */
            log_msg(c, LOG_WARN, "saved search %lld is no longer understood: %.*s",
                    (long long)s->id.value, S_ARG(err->detail));
            continue;
        }
        f->ids[f->count] = s->id.value;
        f->since[f->count++] = s->since;
    }
    f->version = version;
    return NULL;
}

static int64_t since_of(const Follower *f, int64_t id) {
    int64_t low = 0, high = f->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (f->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return f->since[low];
}

/* -- Matches ------------------------------------------------------------------------------------- */

typedef struct Asking {
    Ctx *c;
    SearchSaved *set;
    const SearchDocs *docs;
    SearchMatch *matches;
    ptrdiff_t count;
    Err *err;
} Asking;

static void ask(void *arg) {
    Asking *a = arg;
    a->err = search_saved_run(a->c, a->set, a->docs, &a->matches, &a->count);
}

/* Keep those that are news to their search. */
static void news_keep(const Follower *f, Asking *a) {
    ptrdiff_t kept = 0;
    for (ptrdiff_t i = 0; i < a->count; i++)
        if (a->matches[i].key > since_of(f, a->matches[i].saved))
            a->matches[kept++] = a->matches[i];
    a->count = kept;
}

typedef struct Storing {
    const SearchMatch *matches;
    ptrdiff_t count;
    int64_t mark;
} Storing;

static Err *signal_tell(Ctx *c, const Signal *s) {
    Buf b = buf_new(c->arena, 512);
    record_write(&b, &signal_record, s);
    return event_emit(c, strf(c->arena, "project:%lld", (long long)s->project_id.value),
                      S("signal.created"), buf_str(&b));
}

static Err *signals_store(Ctx *c, void *arg) {
    const Storing *s = arg;
    Signal *made = arena_array(c->arena, Signal, s->count);
    ptrdiff_t count = 0;
    Time now = time_now();
    for (ptrdiff_t i = 0; i < s->count; i++) {
        bool found;
        TRY(db_maybe(c, SQL(SQL_SIGNAL_ADD),
                     ARGS(V(s->matches[i].saved), V(s->matches[i].key), V(now)), &signal_record,
                     &made[count], &found));
        if (!found) continue;
        TRY(db_exec(c, SQL(SQL_SIGNAL_COUNT_SAVED), ARGS(V(made[count].saved_search_id), V(now)),
                    NULL));
        TRY(db_exec(c, SQL(SQL_SIGNAL_COUNT_PROJECT), ARGS(V(made[count].project_id), V(now)),
                    NULL));
        count++;
    }
    TRY(mark_move(c, s->mark));
    for (ptrdiff_t i = 0; i < count; i++) TRY(signal_tell(c, &made[i]));
    return NULL;
}

/* -- Following ----------------------------------------------------------------------------------- */

/* One step from f->done on, at most to `upto`. */
static Err *step(Ctx *c, Follower *f, int64_t upto) {
    int64_t covered;
    Asking a = {.c = c, .set = f->set, .docs = search_docs_new(c->arena, &posts_index)};
    TRY(posts_changes(c, f->done, upto, STEP, (SearchDocs *)a.docs, &covered));
    TRY(offload(c, LANE_LONG, ask, &a));
    TRY(a.err);
    news_keep(f, &a);
    if (a.count > 0) {
        Storing s = {a.matches, a.count, covered};
        TRY(db_transaction(c, signals_store, &s));
    } else if (mono_us() - f->marked_us > MARK_EVERY_MS * US_PER_MS) {
        TRY(mark_move(c, covered));
    } else {
        f->done = covered;
        return NULL;
    }
    f->marked_us = mono_us();
    f->done = covered;
    return NULL;
}

/* Without saved searches nothing is read or written; whoever makes one begins at its `since`. */
static Err *follow(Ctx *c, void *arg) {
    Follower *f = arg;
    int64_t upto;
    TRY(posts_index.newest(c, &upto));
    TRY(set_read(c, f));
    if (f->done < 0) TRY(db_int(c, SQL(SQL_MARK_GET), ARGS(V(S("saved_searches"))), &f->done));
    int64_t earliest = upto;
    for (int64_t i = 0; i < f->count; i++) earliest = min_i64(earliest, f->since[i]);
    f->done = max_i64(f->done, earliest);
    while (f->done < upto) {
        CtxMark mark = ctx_mark(c);
        TRY(step(c, f, upto));
        ctx_release(c, mark);
    }
    return NULL;
}

static void followed(Ctx *c, void *arg) {
    Follower *f = arg;
    search_follow(c, search_find(c->app, S("posts")), "signals", follow, f, &f->done);
    set_free(f);
}

void signals_start(Ctx *c) {
    follower = (Follower){.version = -1, .done = -1};
    follower.coro = coro_spawn(
        (CoroOptions){.name = "signals", .budget_bytes = 64 * MIB, .app = c->app, .service = true},
        followed, &follower);
}

void signals_stop(Ctx *c) {
    (void)c;
    if (follower.coro) coro_cancel(follower.coro);
    follower.coro = NULL;
}

Err *signals_purge(Ctx *c) {
    Time before = time_add(time_now(), -SIGNAL_DAYS * US_PER_DAY);
    return db_exec(c, SQL(SQL_SIGNALS_PURGE), ARGS(V(before)), NULL);
}

/* -- The project's channel ----------------------------------------------------------------------- */

static Err *project_may_read(Ctx *c, Str rest, bool *yes) {
    int64_t id;
    Project project;
    *yes = false;
    if (!str_to_i64(rest, &id)) return NULL;
    Err *err = project_load_flat(c, (Id){id}, &project);
    *yes = !err;
    return err && err->kind != ERR_NOT_FOUND ? err : NULL;
}

const ChannelRule veyl_channels[VEYL_CHANNEL_COUNT] = {
    {.prefix = "project:", .may_read = project_may_read, .doc = "Signals of a project"},
};
