/* SPDX-License-Identifier: Apache-2.0
 * Readiness of foreign descriptors, and timers for adapters. */
#include "rt/internal.h"
#include "rt/io.h"

struct FdWatch {
    uv_poll_t poll;
    void (*fn)(void *arg, int events);
    void *arg;
    Coro *co;
    int wanted, got;
};

FdWatch *fd_watch_new(int fd) {
    assert(fd >= 0);
    FdWatch *w = calloc(1, sizeof *w);
    if (!w) abort();
    if (uv_poll_init(loop_uv(loop_here()), &w->poll, fd) != 0) abort();
    w->poll.data = w;
    return w;
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    FdWatch *w = poll->data;
    if (status < 0) {
        /* libuv stops watching after an error. There may be bytes before it, and the library is to read
         * the error itself: so it is told until it does. */
        events = UV_READABLE | UV_WRITABLE;
        if (w->fn) uv_poll_start(poll, w->wanted, on_poll);
    }
    if (w->fn) w->fn(w->arg, events);
    else if (w->co) {
        w->got = events;
        coro_wake(w->co);
        w->co = NULL;
        uv_poll_stop(poll);
    }
}

void fd_watch_start(FdWatch *w, int events, void (*fn)(void *arg, int events), void *arg) {
    w->fn = events ? fn : NULL;
    w->arg = arg;
    w->wanted = events;
    if (events == 0) uv_poll_stop(&w->poll);
    else uv_poll_start(&w->poll, events, on_poll);
}

Err *fd_wait(Ctx *c, FdWatch *w, int events, int *got) {
    assert(!w->fn && !w->co);
    w->co = c->coro;
    w->got = 0;
    uv_poll_start(&w->poll, events, on_poll);
    Wake wake = WAKE_DONE;
    while (!w->got && wake == WAKE_DONE) wake = coro_wait(c);
    w->co = NULL;
    if (w->got) {
        *got = w->got;
        return NULL;
    }
    uv_poll_stop(&w->poll);
    return wake_err(c, wake, __func__);
}

static void on_freed(uv_handle_t *handle) { free(handle->data); }

void fd_watch_free(FdWatch *w) {
    if (!w) return;
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_freed);
}

struct Timer {
    uv_timer_t timer;
    void (*fn)(void *arg);
    void *arg;
};

Timer *timer_new(void (*fn)(void *arg), void *arg) {
    assert(fn);
    Timer *t = calloc(1, sizeof *t);
    if (!t) abort();
    uv_timer_init(loop_uv(loop_here()), &t->timer);
    t->timer.data = t;
    t->fn = fn;
    t->arg = arg;
    return t;
}

static void on_timer(uv_timer_t *timer) {
    Timer *t = timer->data;
    t->fn(t->arg);
}

void timer_start(Timer *t, int64_t ms) {
    assert(ms >= 0);
    uv_update_time(loop_uv(loop_here()));
    uv_timer_start(&t->timer, on_timer, (uint64_t)ms, 0);
}

void timer_stop(Timer *t) { uv_timer_stop(&t->timer); }

void timer_free(Timer *t) {
    if (!t) return;
    uv_timer_stop(&t->timer);
    uv_close((uv_handle_t *)&t->timer, on_freed);
}
