/* SPDX-License-Identifier: Apache-2.0
 * What the files of work/ share; nobody outside includes it. */
#ifndef SOCLE_WORK_ROOM_H
#define SOCLE_WORK_ROOM_H

#include <stdatomic.h>

#include "work/jobs.h"

enum {
    JOB_TEXT_MAX = 256 * 1024, /* payload, result */
    JOB_ERROR_MAX = 2000,
    JOB_NOTE_MAX = 500,
    QUEUES_MAX = 64,
    HOUSEKEEPING_BATCH = 500
};

/* Wakes one coroutine of one loop, from any thread. A signal given while it is busy is kept, any
 * number of them as one. Lives for ever (posts may be on their way). */
typedef struct Signal {
    Loop *loop;
    bool set;
    atomic_bool posted;
    WaitList waiting;
} Signal;

void signal_init(Signal *s, Loop *loop);
void signal_give(Signal *s);      /* from any thread */
void signal_give_here(Signal *s); /* from its own loop */
/* Until given or ms are over (also when c was cancelled: see c->cancelled). */
void signal_wait(Ctx *c, Signal *s, int64_t ms);

/* Wait until *alive is false: a service of this loop was told to end. One that does not within a while,
 * because the database does not answer, is cancelled. */
void service_end(Ctx *c, const atomic_bool *alive, Coro *co);

/* jobs.c: of the kinds. */
int64_t kind_max_attempts(const JobKind *kind);
int64_t kind_timeout_ms(const JobKind *kind);
int64_t kind_keep_ms(const JobKind *kind); /* kind may be NULL */
int64_t kind_dead_keep_ms(const JobKind *kind);
int64_t kind_backoff_ms(const JobKind *kind, int64_t attempts, const Err *err);
/* Queues that have a kind here, in order of the tables; n at most QUEUES_MAX. */
ptrdiff_t kinds_queues(const char **out);
int64_t queue_limit(Str queue); /* 0: none */
/* The names of all kinds, as a JSON list. */
Str kinds_json(Arena *arena);

/* jobs.c: the one statement that ends a job well; *changed 0 when the lease was lost. */
MUST_USE Err *job_write_done(Ctx *c, const Job *job, const JobKind *kind, Str result, Str note,
                             ptrdiff_t *changed);

/* keeper.c: what one process does for all: delayed jobs become due, dead workers' jobs are taken
 * back, old ones deleted. */
typedef struct KeeperOptions {
    int64_t poll_ms, reclaim_ms;
    void (*wake)(void); /* there is something to claim */
    struct App *app;
} KeeperOptions;
void keeper_start(KeeperOptions options); /* on this loop */
void keeper_look(void);                   /* a delayed job was made: look when it is due */
void keeper_stop(Ctx *c);                 /* returns when it has ended */

/* Bounded, for the log and the error column. */
Str err_text(Ctx *c, const Err *err);

#endif
