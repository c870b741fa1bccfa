/* SPDX-License-Identifier: Apache-2.0
 * Two lanes of threads, each with a bounded queue. A job lives on its coroutine's stack: the
 * coroutine waits for it surely, so the memory stays. What is done beside somebody lies in a slot of
 * the pool, and only while a thread waits for it. */
#include "rt/offload.h"

#include <pthread.h>
#include <unistd.h>

#include "rt/internal.h"

enum { THREADS_MAX = 16, QUEUE_MAX = 4096 };

typedef struct Work {
    struct Work *next;
    void (*fn)(void *);
    void *arg;
    Coro *co;
    Arena *arena;     /* of the coroutine: fn may use it */
    bool over_budget; /* it was full */
    bool done;        /* its loop's own */
} Work;

typedef struct Beside {
    void (*fn)(void *);
    void *arg;
} Beside;

typedef struct Pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    Work *head, *tail;
    ptrdiff_t queued;
    bool stopping;
    pthread_t threads[THREADS_MAX];
    int thread_count, idle;
    Beside besides[THREADS_MAX]; /* never more than idle threads */
    int beside_count;
} Pool;

static Pool pools[LANE_COUNT];

/* NULL: *beside is to be done, or, without a fn, the pool ends. */
static Work *pool_take(Pool *pool, Beside *beside) {
    *beside = (Beside){0};
    pthread_mutex_lock(&pool->lock);
    pool->idle++;
    while (!pool->head && !pool->beside_count && !pool->stopping)
        pthread_cond_wait(&pool->wake, &pool->lock);
    pool->idle--;
    if (pool->beside_count) {
        *beside = pool->besides[--pool->beside_count];
        pthread_mutex_unlock(&pool->lock);
        return NULL;
    }
    Work *work = pool->head;
    if (work) {
        pool->head = work->next;
        if (!pool->head) pool->tail = NULL;
        pool->queued--;
    }
    pthread_mutex_unlock(&pool->lock);
    return work;
}

static void work_done(void *arg) {
    Work *work = arg;
    work->done = true;
    coro_wake(work->co);
}

/* An arena over its budget must not jump out of another thread's stack: the jump ends here, and the
 * coroutine makes it again where it belongs. */
static void work_run(Work *work) {
    jmp_buf full;
    jmp_buf *former = arena_on_full(work->arena, &full);
    work->over_budget = setjmp(full) != 0;
    if (!work->over_budget) work->fn(work->arg);
    arena_on_full(work->arena, former);
}

static void *pool_thread(void *arg) {
    Pool *pool = arg;
    for (;;) {
        Beside beside;
        Work *work = pool_take(pool, &beside);
        if (work) {
            work_run(work);
            loop_post(work->co->loop, work_done, work);
        } else if (beside.fn)
            beside.fn(beside.arg);
        else
            return NULL;
    }
}

static bool pool_add(Pool *pool, Work *work) {
    pthread_mutex_lock(&pool->lock);
    bool room = pool->queued < QUEUE_MAX && !pool->stopping;
    if (room) {
        if (pool->tail) pool->tail->next = work;
        else pool->head = work;
        pool->tail = work;
        pool->queued++;
        pthread_cond_signal(&pool->wake);
    }
    pthread_mutex_unlock(&pool->lock);
    return room;
}

bool offload_beside(Lane lane, void (*fn)(void *arg), void *arg) {
    assert(fn && lane < LANE_COUNT);
    Pool *pool = &pools[lane];
    if (!pool->thread_count) return false; /* no pool in this process */
    pthread_mutex_lock(&pool->lock);
    bool free = pool->idle > pool->queued + pool->beside_count && !pool->stopping;
    if (free) {
        pool->besides[pool->beside_count++] = (Beside){fn, arg};
        pthread_cond_signal(&pool->wake);
    }
    pthread_mutex_unlock(&pool->lock);
    return free;
}

void offload_start(void) {
    int cores = (int)max_i64(2, min_i64(sysconf(_SC_NPROCESSORS_ONLN), THREADS_MAX));
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        Pool *pool = &pools[lane];
        *pool = (Pool){.thread_count = lane == LANE_SHORT ? cores : (cores + 1) / 2};
        pthread_mutex_init(&pool->lock, NULL);
        pthread_cond_init(&pool->wake, NULL);
        for (int i = 0; i < pool->thread_count; i++)
            if (pthread_create(&pool->threads[i], NULL, pool_thread, pool) != 0) abort();
    }
}

void offload_stop(void) {
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        Pool *pool = &pools[lane];
        pthread_mutex_lock(&pool->lock);
        pool->stopping = true;
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);
        for (int i = 0; i < pool->thread_count; i++) pthread_join(pool->threads[i], NULL);
        pthread_mutex_destroy(&pool->lock);
        pthread_cond_destroy(&pool->wake);
        pool->thread_count = 0;
    }
}

Err *offload(Ctx *c, Lane lane, void (*fn)(void *arg), void *arg) {
    assert(fn);
    assert(lane < LANE_COUNT);
    if (!c->coro) {
        fn(arg);
        return NULL;
    }
    if (c->cancelled) FAIL(c, CANCELLED, "Cancelled before it began.");
    Work work = {.fn = fn, .arg = arg, .co = c->coro, .arena = c->arena};
    if (!pool_add(&pools[lane], &work)) {
        Err *err = err_new(c, ERR_UNAVAILABLE, __func__, "Too much work is waiting.");
        err->retry_after_s = 1;
        return err;
    }
    while (!work.done) coro_wait_surely(c); /* a stray wake kept from before is not ours */
    if (work.over_budget) arena_overflow(c->arena);
    return NULL;
}
