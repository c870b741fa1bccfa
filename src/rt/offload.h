/* SPDX-License-Identifier: Apache-2.0
 * Offload: run blocking or long computing on a bounded pool of threads while the coroutine waits.
 * Two lanes, so that long scans never hold up short work. */
#ifndef SOCLE_RT_OFFLOAD_H
#define SOCLE_RT_OFFLOAD_H

#include "rt/coro.h"

typedef enum Lane {
    LANE_SHORT, /* hashing, compression, file work: milliseconds */
    LANE_LONG,  /* scans, exports, index building: seconds */
    LANE_COUNT
} Lane;

/* Run fn(arg) on a thread; waits until it has ended (a function under way is not interrupted: its
 * memory stays valid). UNAVAILABLE when the lane's queue is full. In a plain thread (no coroutine)
 * it simply runs. fn must not use the Ctx for waiting; using its arena is allowed (over its budget,
 * the coroutine itself jumps, when fn has been left). */
MUST_USE Err *offload(Ctx *c, Lane lane, void (*fn)(void *arg), void *arg);

/* Run fn(arg) on a thread of the lane that has nothing to do, beside the caller, who goes on at once
 * and sees to it himself that it has ended. false: no thread is free, and fn is not run. From any
 * thread; for sharing out what one would else do alone. */
bool offload_beside(Lane lane, void (*fn)(void *arg), void *arg);

#endif
