/* SPDX-License-Identifier: Apache-2.0
 * What the files of rt/ share. Nobody else includes this. */
#ifndef SOCLE_RT_INTERNAL_H
#define SOCLE_RT_INTERNAL_H

#include <stdatomic.h>

#include "rt/coro.h"

typedef struct Post {
    struct Post *next;
    void (*fn)(void *);
    void *arg;
} Post;

enum { TURN_ENDS_MAX = 8 };

struct Loop {
    uv_loop_t uv;
    int index;
    uv_thread_t thread;
    uv_async_t wake;
    uv_prepare_t prepare; /* runs what is ready before the loop sleeps */
    uv_idle_t busy;       /* keeps the loop from sleeping while something is ready */
    uv_timer_t stop_timer;
    struct Senders *senders; /* from when it is first needed */

    Post turn_ends[TURN_ENDS_MAX];
    int turn_end_count;

    _Atomic(Post *) posts; /* newest first; taken all at once and turned round */

    Coro *running;
    Coro *ready_head, *ready_tail;
    Coro *all; /* every live coroutine, for cancelling at the end */
    Coro *pool;
    int pooled;
    int64_t alive, services;
    void *main_sp;
    void *asan_fake_stack;
    const void *main_stack_bottom;
    size_t main_stack_size;

    bool stopping, cancelled;
    int64_t stop_at_us;
};

struct Coro {
    Coro *next_ready, *next_pool;
    Coro *prev_all, *next_all;
    Loop *loop;
    void *sp;
    char *stack;
    ptrdiff_t stack_size;
    void *asan_fake_stack;
    unsigned valgrind_id;

    CoroOptions options;
    void (*fn)(Ctx *c, void *arg);
    void *arg;
    Ctx ctx;
    Arena *arena;

    struct Fork *fork; /* of tasks it waits for */
    bool ready, waiting, woken, sure, ended;
    bool shielded, cancel_held;
    Wake wake;
    uv_timer_t timer;
    int64_t timer_due_us; /* when the timer will fire; 0: not running */
    int64_t wait_until_us;
    _Atomic int posted; /* wakes under way from other threads */
};

void coro_make_ready(Coro *co);
void coro_run_ready(Loop *loop);
void coro_note_ready(Loop *loop); /* keep the loop from sleeping while somebody is ready */
void coro_pool_drain(Loop *loop);
void loop_coro_ended(Loop *loop);
void loop_posts_run(Loop *loop);
void offload_start(void);
void offload_stop(void);

/* Run fn(arg) when the runtime closes, after every loop has ended. Called on any loop. */
void rt_at_close(void (*fn)(void *), void *arg);

/* switch.c: save the present stack pointer to *from, go on at `to`. */
void stack_switch(void **from, void *to);
/* First stack pointer of a fresh stack whose top is `top`; entering it calls coro_entry. */
void *stack_prepare(char *top);
void coro_entry(void);

#endif
