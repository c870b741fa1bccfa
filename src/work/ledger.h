/* SPDX-License-Identifier: Apache-2.0
 * Usage ledger: append-only lines; quotas are reserved before and settled (or released) after,
 * atomic under any concurrency and over several nodes. A line's key makes it exactly-once.
 *
 *   reserve ─▶ held ── settle ──▶ settled   (a line is written; an expired one still counts)
 *               │ ├─── release ─▶ released ─┐ reserving again with the same key
 *               │ └─── hold over ▶ expired ─┴▶ held
 *
 * All calls join the transaction under way. Those about one owner and unit wait for each other. */
#ifndef SOCLE_WORK_LEDGER_H
#define SOCLE_WORK_LEDGER_H

#include "core/record.h"
#include "work/zone.h"

/* Owner: "user:7", "org:3", "platform:instagram/acct". Unit: messages, ai_requests, tokens,
 * money_micros, storage_bytes, minutes, or a product's own. */
typedef struct Quota {
    Str owner, unit;
    int64_t limit; /* -1: unlimited */
    int64_t period_ms; /* length of the window; 0: for ever; -1: calendar months */
    const Zone *zone;  /* of calendar months; NULL: UTC */
    bool rolling;  /* the period up to now, to the microsecond, instead of fixed windows */
} Quota;

/* Take `amount` (>= 0) if it fits; PAYMENT_REQUIRED else, with retry_after_s: until a fixed
 * window ends, or the oldest use falls out of a rolling one. key: unique of owner and unit; the same key again returns the same reservation
 * (CONFLICT with another amount while it is held). An unsettled reservation expires after
 * hold_ms (0: 15 min). */
MUST_USE Err *ledger_reserve(Ctx *c, Quota quota, Str key, int64_t amount, int64_t hold_ms,
                             Id *reservation);
/* used may differ from what was reserved. The same again is good; CONFLICT with another figure,
 * or when it was released. Counts at the time of the reservation. */
MUST_USE Err *ledger_settle(Ctx *c, Id reservation, int64_t used);
MUST_USE Err *ledger_release(Ctx *c, Id reservation); /* CONFLICT once settled */
/* Record without a quota, once for each key. amount < 0 gives back (storage that was freed). */
MUST_USE Err *ledger_record(Ctx *c, Str owner, Str unit, Str key, int64_t amount);
/* Used and reserved (NULL: not asked for) in the window that holds `at`. */
MUST_USE Err *ledger_used(Ctx *c, Quota quota, Time at, int64_t *used, int64_t *reserved);
/* The window that holds `at`: [starts, ends). */
void ledger_window(Quota quota, Time at, Time *starts, Time *ends);
/* Reservations ended 90 days ago are forgotten (lines never); *count of them, a batch at a time. */
MUST_USE Err *ledger_purge(Ctx *c, ptrdiff_t *count);

#endif
