/* SPDX-License-Identifier: Apache-2.0
 * Coroutines of one loop.
 *
 *            coro_spawn            run                coro_wait
 *   (pool) ────────────▶ ready ──────────▶ running ──────────────▶ waiting
 *      ▲                   ▲                  │                       │
 *      │      fn returned  │                  │ coro_yield            │ coro_wake, deadline, cancel
 *      └───────────────────┼──────────────────┘◀──────────────────────┘ (by way of ready)
 *
 * Invariants: at most one coroutine of a loop runs; a coroutine is in the ready list at most once; a
 * wake that comes before the wait is kept (`woken`), one at most; the timer is lazy: it stays armed
 * for a later deadline and is looked at again when it fires. */
#include "rt/coro.h"

#include <sys/mman.h>
#include <unistd.h>

#include "core/log.h"
#include "core/time.h"
#include "rt/internal.h"

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define ASAN 1
#else
#define ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#define TSAN 1
#else
#define TSAN 0
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) 0u
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

enum {
    STACK_BYTES = ASAN || TSAN ? 512 * 1024 : 128 * 1024,
    POOL_MAX = 256,
    BUDGET_USUAL = 8 * 1024 * 1024,
    WATCHDOG_US = ASAN || TSAN ? 500 * 1000 : 50 * 1000,
};

/* -- switching ------------------------------------------------------------------------------------- */

static void switch_into(Loop *loop, Coro *co) {
#if ASAN
    __sanitizer_start_switch_fiber(&loop->asan_fake_stack, co->stack, (size_t)co->stack_size);
#endif
#if TSAN
    __tsan_switch_to_fiber(co->asan_fake_stack, 0);
#endif
    stack_switch(&loop->main_sp, co->sp);
#if ASAN
    __sanitizer_finish_switch_fiber(loop->asan_fake_stack, NULL, NULL);
#endif
}

static void switch_out(Coro *co) {
    Loop *loop = co->loop;
#if ASAN
    __sanitizer_start_switch_fiber(co->ended ? NULL : &co->asan_fake_stack, loop->main_stack_bottom,
                                   loop->main_stack_size);
#endif
#if TSAN
    __tsan_switch_to_fiber(loop->asan_fake_stack, 0);
#endif
    stack_switch(&co->sp, loop->main_sp);
#if ASAN
    __sanitizer_finish_switch_fiber(co->asan_fake_stack, &loop->main_stack_bottom, &loop->main_stack_size);
#endif
}

static void coro_finish(Coro *co) {
    ctx_undo(&co->ctx, NULL);
    co->ended = true;
}

/* Where every coroutine starts, on its own stack. A coroutine that ends goes back to the pool and
 * starts again from here through stack_prepare. */
void coro_entry(void) {
    Coro *co = loop_here()->running;
#if ASAN
    __sanitizer_finish_switch_fiber(NULL, &co->loop->main_stack_bottom, &co->loop->main_stack_size);
#endif
    co->fn(&co->ctx, co->arg);
    coro_finish(co);
    switch_out(co);
    abort();
}

/* -- stacks and the pool --------------------------------------------------------------------------- */

static void stack_map(Coro *co) {
    ptrdiff_t page = sysconf(_SC_PAGESIZE);
    char *at = mmap(NULL, (size_t)(STACK_BYTES + page), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) abort();
    if (mprotect(at + page, STACK_BYTES, PROT_READ | PROT_WRITE) != 0) abort();
    co->stack = at + page;
    co->stack_size = STACK_BYTES;
    co->valgrind_id = VALGRIND_STACK_REGISTER(co->stack, co->stack + STACK_BYTES);
}

static void stack_unmap(Coro *co) {
    ptrdiff_t page = sysconf(_SC_PAGESIZE);
    VALGRIND_STACK_DEREGISTER(co->valgrind_id);
    munmap(co->stack - page, (size_t)(co->stack_size + page));
}

static Coro *coro_new(Loop *loop) {
    Coro *co = calloc(1, sizeof *co);
    if (!co) abort();
    co->loop = loop;
    stack_map(co);
#if TSAN
    co->asan_fake_stack = __tsan_create_fiber(0);
#endif
    uv_timer_init(&loop->uv, &co->timer);
    uv_unref((uv_handle_t *)&co->timer);
    co->timer.data = co;
    co->arena = arena_new(BUDGET_USUAL);
    return co;
}

static void coro_closed(uv_handle_t *handle) {
    Coro *co = handle->data;
    stack_unmap(co);
#if TSAN
    __tsan_destroy_fiber(co->asan_fake_stack);
#endif
    arena_free(co->arena);
    free(co);
}

static void coro_recycle(Loop *loop, Coro *co) {
    arena_reset(co->arena);
    if (loop->pooled >= POOL_MAX) {
        uv_close((uv_handle_t *)&co->timer, coro_closed);
        return;
    }
    co->next_pool = loop->pool;
    loop->pool = co;
    loop->pooled++;
}

void coro_pool_drain(Loop *loop) {
    while (loop->pool) {
        Coro *co = loop->pool;
        loop->pool = co->next_pool;
        uv_close((uv_handle_t *)&co->timer, coro_closed);
    }
    loop->pooled = 0;
}

/* -- ready list ------------------------------------------------------------------------------------ */

static void no_op(uv_idle_t *handle) { (void)handle; }

void coro_make_ready(Coro *co) {
    if (co->ready) return;
    co->ready = true;
    co->next_ready = NULL;
    Loop *loop = co->loop;
    if (loop->ready_tail) loop->ready_tail->next_ready = co;
    else loop->ready_head = co;
    loop->ready_tail = co;
}

static void list_add(Loop *loop, Coro *co) {
    co->prev_all = NULL;
    co->next_all = loop->all;
    if (loop->all) loop->all->prev_all = co;
    loop->all = co;
    loop->alive++;
    loop->services += co->options.service;
}

static void list_remove(Loop *loop, Coro *co) {
    if (co->prev_all) co->prev_all->next_all = co->next_all;
    else loop->all = co->next_all;
    if (co->next_all) co->next_all->prev_all = co->prev_all;
    loop->alive--;
    loop->services -= co->options.service;
}

static void watch_time(Coro *co, int64_t took) {
    if (took > WATCHDOG_US)
        log_msg(&co->ctx, LOG_WARN, "coroutine %s kept its loop for %lld ms", co->options.name, (long long)(took / 1000));
}

static void coro_end(Loop *loop, Coro *co) {
    assert(atomic_load(&co->posted) == 0);
    list_remove(loop, co);
    coro_recycle(loop, co);
    loop_coro_ended(loop);
}

/* Until it waits or ends. `now_us` is the time; returns what it is afterwards. */
static int64_t coro_run(Loop *loop, Coro *co, int64_t now_us) {
    assert(!loop->running);
    loop->running = co;
    switch_into(loop, co);
    loop->running = NULL;
    int64_t end_us = mono_us();
    watch_time(co, end_us - now_us);
    if (co->ended) coro_end(loop, co);
    return end_us;
}
void coro_note_ready(Loop *loop) {
    if (loop->ready_head) uv_idle_start(&loop->busy, no_op);
    else uv_idle_stop(&loop->busy);
}

/* Only what is ready now: what becomes ready meanwhile waits for the next turn, so that coroutines
 * that yield in a circle do not starve the sockets. */
void coro_run_ready(Loop *loop) {
    Coro *last = loop->ready_tail;
    int64_t now_us = last ? mono_us() : 0;
    while (loop->ready_head) {
        Coro *co = loop->ready_head;
        loop->ready_head = co->next_ready;
        if (!loop->ready_head) loop->ready_tail = NULL;
        co->ready = false;
        now_us = coro_run(loop, co, now_us);
        if (co == last) break;
    }
    coro_note_ready(loop);
}

/* -- starting and waiting -------------------------------------------------------------------------- */

static Coro *coro_start(Loop *loop, CoroOptions options, void (*fn)(Ctx *, void *), void *arg) {
    assert(options.name && fn);
    Coro *co = loop->pool;
    if (co) {
        loop->pool = co->next_pool;
        loop->pooled--;
    } else {
        co = coro_new(loop);
    }
    arena_budget_set(co->arena, options.budget_bytes ? options.budget_bytes : BUDGET_USUAL);
    co->options = options;
    co->fn = fn;
    co->arg = arg;
    co->ended = co->waiting = co->woken = co->shielded = false;
    co->fork = NULL;
    co->ctx = (Ctx){.arena = co->arena, .app = options.app, .coro = co, .cancelled = loop->cancelled};
    co->sp = stack_prepare(co->stack + co->stack_size);
    list_add(loop, co);
    coro_make_ready(co);
    return co;
}

Coro *coro_spawn(CoroOptions options, void (*fn)(Ctx *, void *), void *arg) {
    Loop *loop = loop_here();
    assert(loop);
    return coro_start(loop, options, fn, arg);
}

typedef struct Spawn {
    CoroOptions options;
    void (*fn)(Ctx *, void *);
    void *arg;
} Spawn;

static void spawn_here(void *arg) {
    Spawn s = *(Spawn *)arg;
    free(arg);
    coro_start(loop_here(), s.options, s.fn, s.arg);
}

void coro_spawn_on(Loop *loop, CoroOptions options, void (*fn)(Ctx *, void *), void *arg) {
    Spawn *s = malloc(sizeof *s);
    if (!s) abort();
    *s = (Spawn){options, fn, arg};
    loop_post(loop, spawn_here, s);
}

static void coro_timer_fired(uv_timer_t *timer) {
    Coro *co = timer->data;
    co->timer_due_us = 0;
    if (!co->waiting || co->sure || co->wait_until_us == 0) return;
    int64_t left = co->wait_until_us - mono_us();
    if (left > 0) { /* armed for an earlier wait: look again when this one's time comes */
        co->timer_due_us = co->wait_until_us;
        uv_timer_start(timer, coro_timer_fired, (uint64_t)((left + 999) / 1000), 0);
        return;
    }
    co->waiting = false;
    co->wake = WAKE_TIMEOUT;
    coro_make_ready(co);
}

static void timer_arm(Coro *co, int64_t until_us) {
    co->wait_until_us = until_us;
    if (until_us == 0 || (co->timer_due_us && co->timer_due_us <= until_us)) return;
    int64_t left = max_i64(until_us - mono_us(), 0);
    uv_update_time(&co->loop->uv);
    co->timer_due_us = until_us;
    uv_timer_start(&co->timer, coro_timer_fired, (uint64_t)((left + 999) / 1000), 0);
}

static Wake coro_suspend(Coro *co, int64_t until_us, bool sure) {
    assert(co == co->loop->running);
    co->waiting = true;
    co->sure = sure;
    timer_arm(co, until_us);
    switch_out(co);
    return co->wake;
}

Wake coro_wait(Ctx *c) {
    Coro *co = c->coro;
    assert(co);
    if (co->woken) {
        co->woken = false;
        return WAKE_DONE;
    }
    if (c->cancelled) return WAKE_CANCELLED;
    if (c->deadline_us && c->deadline_us <= mono_us()) return WAKE_TIMEOUT;
    return coro_suspend(co, c->deadline_us, false);
}

void coro_wait_surely(Ctx *c) {
    Coro *co = c->coro;
    assert(co);
    if (!co->woken) coro_suspend(co, 0, true);
    co->woken = false;
}

void coro_wake(Coro *co) {
    assert(co->loop == loop_here());
    if (!co->waiting) {
        co->woken = true;
        return;
    }
    co->waiting = false;
    co->wake = WAKE_DONE;
    coro_make_ready(co);
}

static void wake_here(void *arg) {
    Coro *co = arg;
    atomic_fetch_sub(&co->posted, 1);
    coro_wake(co);
}

void coro_wake_posted(Coro *co) {
    atomic_fetch_add(&co->posted, 1);
    loop_post(co->loop, wake_here, co);
}

static void fork_cancel(struct Fork *fork);

void coro_cancel(Coro *co) {
    assert(co->loop == loop_here());
    if (co->shielded) {
        co->cancel_held = true;
        return;
    }
    __atomic_store_n(&co->ctx.cancelled, true, __ATOMIC_RELAXED); /* long work elsewhere looks */
    if (co->fork) fork_cancel(co->fork);
    if (!co->waiting || co->sure) return;
    co->waiting = false;
    co->wake = WAKE_CANCELLED;
    coro_make_ready(co);
}

void coro_shield(Ctx *c) {
    Coro *co = c->coro;
    assert(co && !co->shielded);
    co->shielded = true;
    co->cancel_held = c->cancelled;
    c->cancelled = false;
}

void coro_unshield(Ctx *c) {
    Coro *co = c->coro;
    assert(co && co->shielded);
    co->shielded = false;
    c->cancelled = co->cancel_held;
}

Err *wake_err(Ctx *c, Wake wake, const char *what) {
    if (wake == WAKE_DONE) return NULL;
    if (wake == WAKE_CANCELLED) return err_new(c, ERR_CANCELLED, what, "Cancelled while waiting.");
    return err_new(c, ERR_TIMEOUT, what, "The time allowed for this was over.");
}

void coro_yield(Ctx *c) {
    Coro *co = c->coro;
    assert(co && co == co->loop->running);
    co->waiting = false;
    coro_make_ready(co);
    switch_out(co);
}

Err *sleep_ms(Ctx *c, int64_t ms) {
    assert(ms >= 0);
    int64_t end = mono_us() + ms * US_PER_MS, former = c->deadline_us;
    bool ours = former == 0 || end <= former;
    Wake wake = WAKE_DONE;
    if (ours) c->deadline_us = end;
    while (wake == WAKE_DONE && mono_us() < end) wake = coro_wait(c); /* a stray wake does not end a sleep */
    c->deadline_us = former;
    if (wake == WAKE_TIMEOUT && ours) return NULL;
    return wake_err(c, wake, __func__);
}

/* -- lists of waiters ------------------------------------------------------------------------------ */

typedef struct WaitNode {
    struct WaitNode *prev, *next;
    Coro *co;
    bool in_list;
} WaitNode;

static void node_remove(WaitList *list, WaitNode *node) {
    if (node->prev) node->prev->next = node->next;
    else list->head = node->next;
    if (node->next) node->next->prev = node->prev;
    else list->tail = node->prev;
    node->in_list = false;
}

Err *wait_on(Ctx *c, WaitList *list) {
    WaitNode node = {.prev = list->tail, .co = c->coro, .in_list = true};
    if (list->tail) list->tail->next = &node;
    else list->head = &node;
    list->tail = &node;
    Wake wake = WAKE_DONE;
    while (wake == WAKE_DONE && node.in_list) wake = coro_wait(c);
    if (node.in_list) node_remove(list, &node);
    else wake = WAKE_DONE; /* woken in the same moment as the deadline: the wake must not be lost */
    return wake_err(c, wake, __func__);
}

bool wait_wake_one(WaitList *list) {
    WaitNode *node = list->head;
    if (!node) return false;
    node_remove(list, node);
    coro_wake(node->co);
    return true;
}

void wait_wake_all(WaitList *list) {
    while (wait_wake_one(list)) continue;
}

/* -- fork and join --------------------------------------------------------------------------------- */

typedef struct Fork {
    Ctx *parent;
    struct ForkOne *ones;
    ptrdiff_t count, left;
} Fork;

typedef struct ForkOne {
    Fork *fork;
    Task *task;
    Coro *co; /* NULL once it has ended */
} ForkOne;

static void fork_cancel(Fork *fork) {
    for (ptrdiff_t i = 0; i < fork->count; i++)
        if (fork->ones[i].co) coro_cancel(fork->ones[i].co);
}

static void fork_run(Ctx *c, void *arg) {
    ForkOne *one = arg;
    Ctx *parent = one->fork->parent;
    c->deadline_us = parent->deadline_us;
    c->account = parent->account;
    c->request_id = parent->request_id;
    c->route = parent->route;
    c->cancelled |= parent->cancelled;
    Err *err = one->task->fn(c, one->task->arg);
    one->task->err = err_copy(parent->arena, err);
    one->co = NULL;
    if (--one->fork->left == 0) coro_wake(parent->coro);
}

Err *fork_join(Ctx *c, Task *tasks, ptrdiff_t count) {
    assert(count >= 0);
    ForkOne *ones = arena_array(c->arena, ForkOne, count);
    Fork fork = {.parent = c, .ones = ones, .count = count, .left = count};
    CoroOptions options = {.name = c->coro->options.name, .app = c->app};
    for (ptrdiff_t i = 0; i < count; i++) {
        ones[i] = (ForkOne){.fork = &fork, .task = &tasks[i]};
        ones[i].co = coro_spawn(options, fork_run, &ones[i]);
    }
    c->coro->fork = &fork;
    while (fork.left > 0) coro_wait_surely(c); /* their memory is ours: every one must have ended */
    c->coro->fork = NULL;
    for (ptrdiff_t i = 0; i < count; i++)
        if (tasks[i].err) return tasks[i].err;
    return NULL;
}
