/* SPDX-License-Identifier: Apache-2.0
 * Workers. Each loop has a dispatcher: a coroutine that claims jobs, starts a coroutine for each,
 * and writes down how they ended.
 *
 *   wake-up ─▶ dispatcher ── one transaction (claim.c): ends of the last batch + claims ──┐
 *                  ▲                                                                        │
 *                  └────────── ended ◀──── run_job, a coroutine each (run.c) ◀── ready ◀────┘
 *
 * While a transaction is under way more jobs end and gather, so that the busier a loop is, the more
 * ends and claims share one commit. A job that has ended no longer counts against the loop's limit,
 * so its place is filled in the very transaction that writes its end. Where jobs are short a loop
 * claims more than it may run at once, as many as it will run within a few milliseconds; they wait
 * in `ready` and are given back if that turns out wrong.
 *
 * All fields of a Dispatcher and its Runs belong to its loop's thread; the rest of Workers is set
 * before the dispatchers start. */
#ifndef SOCLE_WORK_WORKER_ROOM_H
#define SOCLE_WORK_WORKER_ROOM_H

#include "work/room.h"

/* What is claimed ahead should begin within this time. */
enum { AHEAD_US = 20 * 1000 };

typedef enum Ending {
    ENDING_KNOWN, /* committed by job_finish, or no longer ours: nothing to write */
    ENDING_DONE,
    ENDING_AGAIN, /* after delay_ms */
    ENDING_BACK,  /* given back, the attempt not counted */
    ENDING_DEAD,
    ENDING_CANCELLED
} Ending;

typedef struct Run {
    struct Run *prev, *next; /* among the ready, the running, the ended */
    struct Dispatcher *dispatcher;
    const JobKind *kind; /* NULL: no such kind in this process */
    Coro *coro;
    Job job;
    int64_t claimed_us, begun_us, overdue_us;
    bool lost, given_back, renewed;
    Ending ending;
    int64_t delay_ms;
    Str result, error, note; /* on the heap */
    char texts[];            /* of the job */
} Run;

/* First in, first out. */
typedef struct RunList {
    Run *first, *last;
    int64_t count;
} RunList;

typedef struct Dispatcher {
    Signal signal;
    RunList ready, ended;
    Run *running;
    int64_t running_count, beat_at_us, failures;
    int64_t usual_us; /* how long runs take, lately */
    ptrdiff_t turn;
} Dispatcher;

typedef struct Workers {
    WorkerOptions options;
    struct App *app;
    Str name; /* of this process among the workers; on the heap */
    Str queues[QUEUES_MAX];
    ptrdiff_t queue_count;
    Dispatcher dispatchers[LOOPS_MAX];
    int count;
    atomic_int alive;
    atomic_bool stopping;
    atomic_bool strangers; /* jobs of kinds unknown here have been seen */
} Workers;
extern Workers workers;

bool workers_stopping(void);

/* run.c */
Str heap_copy(Str s); /* free() its data */
void list_add(RunList *list, Run *r);
Run *list_take(RunList *list);
void run_free(Run *r);
/* A job was claimed: it is ready, or it ends at once when its kind is unknown here. */
void run_claimed(Dispatcher *d, const Job *claimed);
/* Begin as many of the ready as there are places. */
void runs_begin(Dispatcher *d);
/* How many to claim: free places, and what will be run very soon. */
int64_t runs_room(Dispatcher *d);

/* claim.c: one transaction for the ends to be written and new claims; *more: look again at once. */
MUST_USE Err *dispatch_once(Ctx *c, Dispatcher *d, bool *more);

#endif
