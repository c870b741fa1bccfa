/* SPDX-License-Identifier: Apache-2.0
 * Stackful coroutines: code that waits reads from top to bottom. A coroutine never leaves the loop it
 * was made on. Every wait obeys the Ctx's deadline and cancellation.
 *
 * Stacks are pooled per loop, guarded by an unmapped page, 128 KiB (256 KiB and annotated under
 * sanitizers). A watchdog logs a coroutine that keeps its loop longer than 50 ms. */
#ifndef SOCLE_RT_CORO_H
#define SOCLE_RT_CORO_H

#include "core/err.h"
#include "rt/loop.h"

typedef struct Coro Coro;

/* What a coroutine is given: a fresh Ctx with an arena of its own (budget_bytes; 0: 8 MiB). Its
 * defers run and its arena goes when fn returns. `name` must live for ever (a literal). */
typedef struct CoroOptions {
    const char *name;
    ptrdiff_t budget_bytes;
    struct App *app;
    bool service; /* part of the process itself: not waited for at shut-down, cancelled instead */
} CoroOptions;

/* Start fn(c, arg) as a coroutine on this thread's loop; it first runs when the caller next waits
 * or returns to the loop. */
Coro *coro_spawn(CoroOptions options, void (*fn)(Ctx *c, void *arg), void *arg);
/* The same on any loop, from any thread. */
void coro_spawn_on(Loop *loop, CoroOptions options, void (*fn)(Ctx *c, void *arg), void *arg);

/* Cancel: the present wait and every later one return CANCELLED, also those of the tasks it waits
 * for in fork_join. Same loop only. */
void coro_cancel(Coro *co);

/* Between the two nothing cancels c: for finishing what must not be left half done, within a deadline
 * of its own. What came meanwhile, or before, counts again afterwards. */
void coro_shield(Ctx *c);
void coro_unshield(Ctx *c);

/* Let others run, then go on. */
void coro_yield(Ctx *c);
/* Sleep; CANCELLED early, never TIMEOUT (the deadline only shortens it: then TIMEOUT). */
MUST_USE Err *sleep_ms(Ctx *c, int64_t ms);

/* Run all tasks as coroutines of this loop, wait for every one; the first error (in order) is
 * returned, after all have ended. Tasks inherit deadline, account and request id; their errors and
 * results must be copied out of their own arena: `arg` is the caller's memory. */
typedef struct Task {
    Err *(*fn)(Ctx *c, void *arg);
    void *arg;
    Err *err; /* out: in the caller's arena */
} Task;
MUST_USE Err *fork_join(Ctx *c, Task *tasks, ptrdiff_t count);

/* -- For rt/ and for adapters of callback libraries (net/client, data/postgres, data/redis) -------- */

typedef enum Wake { WAKE_DONE, WAKE_TIMEOUT, WAKE_CANCELLED } Wake;
/* Suspend until coro_wake, the deadline, or cancellation. A wake that came before is kept (one). */
MUST_USE Wake coro_wait(Ctx *c);
/* The same without deadline and cancellation: for operations whose memory must not be left. */
void coro_wait_surely(Ctx *c);
void coro_wake(Coro *co);             /* same loop */
void coro_wake_posted(Coro *co);      /* from any thread; the coroutine must not end before */
Err *wake_err(Ctx *c, Wake wake, const char *what); /* NULL for WAKE_DONE, else TIMEOUT/CANCELLED */

/* A list of coroutines of one loop waiting for the same thing; zero-initialised. */
typedef struct WaitList {
    struct WaitNode *head, *tail;
} WaitList;
MUST_USE Err *wait_on(Ctx *c, WaitList *list);
bool wait_wake_one(WaitList *list); /* false if nobody waits */
void wait_wake_all(WaitList *list);

#endif
