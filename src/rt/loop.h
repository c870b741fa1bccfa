/* SPDX-License-Identifier: Apache-2.0
 * Loops: one libuv loop and thread per core. A connection and all it asks for stay on the loop that
 * accepted it; loops talk to each other only by posting functions (loop_post) and by channels. */
#ifndef SOCLE_RT_LOOP_H
#define SOCLE_RT_LOOP_H

#include <uv.h>

#include "core/ctx.h"

typedef struct Loop Loop;

enum { LOOPS_MAX = 64 };

/* Create `count` loops (0: one per core) and the offload pool. Returns the first, which the calling
 * thread drives with rt_run. Nothing runs yet. */
void rt_init(int count);
/* Start the other loops' threads, drive the first on this thread until rt_stop, join the rest. */
void rt_run(void);
/* Ask all loops to end once their coroutines have ended; after grace_ms the ones left are cancelled.
 * May be called from any thread, and again. */
void rt_stop(int64_t grace_ms);
/* True once rt_stop was called: services end their for(;;) when they see it. */
bool rt_stopping(void);
/* Free what rt_init made; every loop must have ended. */
void rt_close(void);

int loop_count(void);
Loop *loop_at(int index);
/* The loop of the calling thread, NULL in other threads. */
Loop *loop_here(void);
int loop_index(const Loop *loop);
uv_loop_t *loop_uv(Loop *loop); /* rt/ and adapters of outside libraries only */

/* Run fn(arg) on the loop's thread soon. From any thread; order per sender is kept. */
void loop_post(Loop *loop, void (*fn)(void *), void *arg);

/* Run fn(arg) once, at the end of this loop's present turn: after the coroutines that were ready have
 * run, before it looks for news. Whatever news made a coroutine ready came before its turn began. At
 * most 8 at a time. */
void loop_turn_end(void (*fn)(void *), void *arg);

/* Coroutines alive on this loop (metrics). */
int64_t loop_coroutines(const Loop *loop);

#endif
