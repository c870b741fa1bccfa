/* SPDX-License-Identifier: Apache-2.0
 * The loops of the process and their end.
 *
 * Stopping: rt_stop marks every loop. A loop ends when its ordinary coroutines have ended; after the
 * grace time those left are cancelled; then the services are cancelled; then all handles are closed. */
#include "rt/loop.h"

#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include "core/log.h"
#include "core/time.h"
#include "rt/internal.h"

static Loop loops[LOOPS_MAX];
static int loops_count;
static _Thread_local Loop *here;
static atomic_bool stop_asked;
static _Atomic(Post *) at_close;

int loop_count(void) { return loops_count; }
Loop *loop_here(void) { return here; }
int loop_index(const Loop *loop) { return loop->index; }
uv_loop_t *loop_uv(Loop *loop) { return &loop->uv; }
bool rt_stopping(void) { return atomic_load_explicit(&stop_asked, memory_order_relaxed); }
int64_t loop_coroutines(const Loop *loop) { return loop->alive; }

Loop *loop_at(int index) {
    assert(index >= 0 && index < loops_count);
    return &loops[index];
}

/* -- posts ----------------------------------------------------------------------------------------- */

static Post *post_new(void (*fn)(void *), void *arg) {
    Post *post = malloc(sizeof *post);
    if (!post) abort();
    *post = (Post){.fn = fn, .arg = arg};
    return post;
}

static void post_push(_Atomic(Post *) *list, Post *post) {
    post->next = atomic_load(list);
    while (!atomic_compare_exchange_weak(list, &post->next, post)) continue;
}

void loop_post(Loop *loop, void (*fn)(void *), void *arg) {
    post_push(&loop->posts, post_new(fn, arg));
    uv_async_send(&loop->wake); /* cheap when one is under way already */
}

/* Take the whole list and run it oldest first. */
static void posts_run(_Atomic(Post *) *list) {
    Post *newest = atomic_exchange(list, NULL), *oldest = NULL;
    while (newest) {
        Post *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        Post *post = oldest;
        oldest = post->next;
        post->fn(post->arg);
        free(post);
    }
}

void loop_posts_run(Loop *loop) { posts_run(&loop->posts); }

static void on_wake(uv_async_t *async) { loop_posts_run(async->data); }

/* -- one turn -------------------------------------------------------------------------------------- */

void loop_turn_end(void (*fn)(void *), void *arg) {
    Loop *loop = here;
    assert(loop->turn_end_count < TURN_ENDS_MAX);
    loop->turn_ends[loop->turn_end_count++] = (Post){.fn = fn, .arg = arg};
}

static void on_prepare(uv_prepare_t *prepare) {
    Loop *loop = prepare->data;
    coro_run_ready(loop);
    while (loop->turn_end_count > 0) {
        Post end = loop->turn_ends[--loop->turn_end_count];
        end.fn(end.arg);
    }
    coro_note_ready(loop); /* whom they woke runs in the next turn, which must not wait */
}

static void cancel_all(Loop *loop) {
    loop->cancelled = true;
    for (Coro *co = loop->all; co; co = co->next_all) coro_cancel(co);
}

static void walk_close(uv_handle_t *handle, void *arg) {
    (void)arg;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void loop_end(Loop *loop) {
    loop_posts_run(loop);
    if (loop->alive) return; /* a post started something: its end calls us again */
    coro_pool_drain(loop);
    uv_walk(&loop->uv, walk_close, NULL);
}

void loop_coro_ended(Loop *loop) {
    if (!loop->stopping) return;
    if (loop->alive == 0) loop_end(loop);
    else if (loop->alive == loop->services && !loop->cancelled) cancel_all(loop);
}

static void on_grace_over(uv_timer_t *timer) {
    Loop *loop = timer->data;
    if (loop->cancelled) return;
    if (loop->alive > loop->services)
        log_msg(NULL, LOG_WARN, "%lld activities were cancelled at shut-down", (long long)(loop->alive - loop->services));
    cancel_all(loop);
}

static void stop_here(void *arg) {
    Loop *loop = here;
    if (!loop) return; /* asked again after this loop had ended: see rt_close */
    int64_t grace_ms = (int64_t)(intptr_t)arg;
    loop->stopping = true;
    uv_timer_start(&loop->stop_timer, on_grace_over, (uint64_t)grace_ms, 0);
    loop_coro_ended(loop);
}

void rt_stop(int64_t grace_ms) {
    assert(grace_ms >= 0);
    atomic_store(&stop_asked, true);
    for (int i = 0; i < loops_count; i++) loop_post(&loops[i], stop_here, (void *)(intptr_t)grace_ms);
}

/* -- start and end --------------------------------------------------------------------------------- */

static void loop_init(Loop *loop, int index) {
    *loop = (Loop){.index = index};
    if (uv_loop_init(&loop->uv) != 0) abort();
    uv_loop_configure(&loop->uv, UV_LOOP_BLOCK_SIGNAL, SIGPROF);
    uv_async_init(&loop->uv, &loop->wake, on_wake);
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_idle_init(&loop->uv, &loop->busy);
    uv_timer_init(&loop->uv, &loop->stop_timer);
    loop->wake.data = loop->prepare.data = loop->busy.data = loop->stop_timer.data = loop;
    uv_prepare_start(&loop->prepare, on_prepare);
}

static void loop_drive(void *arg) {
    Loop *loop = arg;
    here = loop;
#if defined(__SANITIZE_THREAD__)
    extern void *__tsan_get_current_fiber(void);
    loop->asan_fake_stack = __tsan_get_current_fiber();
#endif
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    here = NULL;
}

/* Blocks of arenas are taken and given back thousands of times a second. glibc would map and unmap
 * each from 128 KiB on, and its pages would be faulted in anew each time: half the cost of a search. */
static void memory_keep(void) {
    mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024);
    mallopt(M_TRIM_THRESHOLD, 64 * 1024 * 1024);
}

void rt_init(int count) {
    assert(loops_count == 0);
    assert(count >= 0 && count <= LOOPS_MAX);
    memory_keep();
    if (count == 0) count = (int)max_i64(1, min_i64(sysconf(_SC_NPROCESSORS_ONLN), LOOPS_MAX));
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file over its limit is an error of write(2), not the end of us */
    atomic_store(&stop_asked, false);
    for (int i = 0; i < count; i++) loop_init(&loops[i], i);
    loops_count = count;
    here = &loops[0]; /* so that the starting thread can spawn before it drives */
    offload_start();
}

void rt_run(void) {
    assert(loops_count > 0);
    for (int i = 1; i < loops_count; i++)
        if (uv_thread_create(&loops[i].thread, loop_drive, &loops[i]) != 0) abort();
    loop_drive(&loops[0]);
    for (int i = 1; i < loops_count; i++) uv_thread_join(&loops[i].thread);
}

void rt_at_close(void (*fn)(void *), void *arg) { post_push(&at_close, post_new(fn, arg)); }

void rt_close(void) {
    offload_stop();
    for (int i = 0; i < loops_count; i++) {
        loop_posts_run(&loops[i]);
        int busy = uv_loop_close(&loops[i].uv);
        assert(busy == 0);
        (void)busy;
    }
    loops_count = 0;
    posts_run(&at_close);
}
