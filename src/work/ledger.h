/* SPDX-License-Identifier: Apache-2.0
 * Usage ledger: append-only lines; quotas are reserved before and settled (or released) after, atomic
 * under any concurrency and over several nodes. A line's key makes it exactly-once. */
#ifndef SOCLE_WORK_LEDGER_H
#define SOCLE_WORK_LEDGER_H

#include "core/record.h"

/* Owner: "user:7", "org:3", "platform:instagram/acct". Unit: messages, ai_requests, tokens, money_micros,
 * storage_bytes, minutes, or a product's own. */
typedef struct Quota {
    Str owner, unit;
    int64_t limit;       /* -1: unlimited */
    int64_t period_ms;   /* length of the window; 0: for ever. Calendar months: period_ms = -1 */
    bool rolling;        /* a rolling window instead of fixed ones */
} Quota;

/* Take `amount` if it fits; PAYMENT_REQUIRED else. key: unique; the same key again returns the same
 * reservation. An unsettled reservation expires after hold_ms. */
MUST_USE Err *ledger_reserve(Ctx *c, Quota quota, Str key, int64_t amount, int64_t hold_ms, Id *reservation);
MUST_USE Err *ledger_settle(Ctx *c, Id reservation, int64_t used);
MUST_USE Err *ledger_release(Ctx *c, Id reservation);
/* Record without a quota. */
MUST_USE Err *ledger_record(Ctx *c, Str owner, Str unit, Str key, int64_t amount);
/* Used and reserved in the window that holds `at`. */
MUST_USE Err *ledger_used(Ctx *c, Quota quota, Time at, int64_t *used, int64_t *reserved);

#endif
