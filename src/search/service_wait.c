/* SPDX-License-Identifier: Apache-2.0
 * Waiting until an index covers a change number, from any loop. A waiter that is taken out of the
 * list is woken by a post; one whose wait ends otherwise takes itself out, or finds that it was
 * taken out in the same moment and then waits for that post. */
#include "core/time.h"
#include "search/service.h"

static void waiter_add(SearchIndex *x, SearchWaiter *w) {
    w->prev = NULL;
    w->next = x->waiters;
    if (w->next) w->next->prev = w;
    x->waiters = w;
    w->listed = true;
}

static void waiter_remove(SearchIndex *x, SearchWaiter *w) {
    if (w->prev)
        w->prev->next = w->next;
    else
        x->waiters = w->next;
    if (w->next) w->next->prev = w->prev;
    w->listed = false;
}

static Err *failure_err(Ctx *c, SearchIndex *x) {
    pthread_mutex_lock(&x->lock);
    Str why = str_copy(c->arena, str_c(x->failure));
    pthread_mutex_unlock(&x->lock);
    Err *err = err_new(c, ERR_UNAVAILABLE, "search_sync",
                       "The search index cannot follow the database now: %.*s", S_ARG(why));
    err->retry_after_s = 1;
    return err;
}

Err *index_wait(Ctx *c, SearchIndex *x, int64_t need, bool patient) {
    assert(c->coro && need >= 0);
    SearchWaiter w = {.co = c->coro, .need = need, .patient = patient};
    pthread_mutex_lock(&x->lock);
    if (atomic_load(&x->covered) >= need) {
        pthread_mutex_unlock(&x->lock);
        return NULL;
    }
    waiter_add(x, &w);
    pthread_mutex_unlock(&x->lock);
    index_nudge(x);
    Wake wake = WAKE_DONE;
    bool listed = true;
    while (listed && wake == WAKE_DONE) { /* a stray wake is not ours */
        wake = coro_wait(c);
        pthread_mutex_lock(&x->lock);
        listed = w.listed;
        if (listed && wake != WAKE_DONE) waiter_remove(x, &w);
        pthread_mutex_unlock(&x->lock);
    }
    if (listed) return wake_err(c, wake, "search_sync");
    if (wake != WAKE_DONE) coro_wait_surely(c);
    return w.failed ? failure_err(c, x) : NULL;
}

void index_covered(SearchIndex *x, int64_t covered) {
    pthread_mutex_lock(&x->lock);
    atomic_store(&x->covered, covered);
    for (SearchWaiter *w = x->waiters, *next; w; w = next) {
        next = w->next;
        if (w->need > covered) continue;
        waiter_remove(x, w);
        coro_wake_posted(w->co);
    }
    pthread_mutex_unlock(&x->lock);
}

void index_failed(SearchIndex *x, const Err *err) {
    pthread_mutex_lock(&x->lock);
    x->failure[0] = 0;
    if (err) snprintf(x->failure, sizeof x->failure, "%.*s", S_ARG(str_utf8_cut(err->detail, 200)));
    for (SearchWaiter *w = err ? x->waiters : NULL, *next; w; w = next) {
        next = w->next;
        if (w->patient) continue;
        waiter_remove(x, w);
        w->failed = true;
        coro_wake_posted(w->co);
    }
    pthread_mutex_unlock(&x->lock);
}

bool index_is_failing(SearchIndex *x) {
    pthread_mutex_lock(&x->lock);
    bool failing = x->failure[0] != 0;
    pthread_mutex_unlock(&x->lock);
    return failing;
}

void index_nudge(SearchIndex *x) {
    bool first = channel_try_send(x->nudges, x);
    (void)first; /* there is one already */
}

Err *turn_take(Ctx *c, SearchIndex *x) {
    assert(x->loop == loop_here());
    while (x->turn_taken) TRY(wait_on(c, &x->turn_waiters));
    x->turn_taken = true;
    return NULL;
}

void turn_give(SearchIndex *x) {
    assert(x->turn_taken);
    x->turn_taken = false;
    wait_wake_one(&x->turn_waiters);
}
