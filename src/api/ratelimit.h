/* SPDX-License-Identifier: Apache-2.0
 * Token buckets: `limit` requests a minute on average, all of them at once at most.
 *
 * A bucket is one number, the time at which it will be full again (the generic cell rate algorithm,
 * ITU-T I.371): a bucket whose time has passed is as good as none, so a table of fixed size can
 * drop it without anybody noticing. When a corner of the table is crowded with buckets in use, the
 * one that is full soonest goes: whoever that was gets a little more than the limit, nobody gets
 * less. */
#ifndef SOCLE_API_RATELIMIT_H
#define SOCLE_API_RATELIMIT_H

#include "core/str.h"

typedef struct RateState {
    int64_t limit, remaining; /* requests */
    int64_t reset_s;          /* until the bucket is full */
    int64_t retry_s;          /* until the next request is let through; 0 when this one is */
    bool allowed;
} RateState;

/* Take one token from the bucket of `key`, in this process. now_us: of a clock that never goes
 * back. */
RateState rate_take(Str key, int64_t limit, int64_t now_us);
/* The state of a bucket that will be full at full_us, after (allowed) or without having taken. */
RateState rate_state(int64_t limit, int64_t full_us, int64_t now_us, bool allowed);
/* Forget everything (tests). */
void rate_reset(void);
/* What an address is counted as: itself, or for IPv6 its /64, which one customer has to himself. */
Str rate_address(Arena *arena, Str address);

#endif
