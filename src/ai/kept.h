/* SPDX-License-Identifier: Apache-2.0
 * What was answered, kept by its content: asked for once by all who want it at the same moment, on
 * all nodes, and given again until AI_KEEP_DAYS after its last use. Room-internal, but for the job
 * that purges.
 *
 *            claim                     store, with the ledger's lines in one transaction
 *   no row ─────────▶ busy ──────────────────────────────────────────────▶ kept ──▶ purged
 *             leave ◀──┘ ▲ until is past: the holder died, the next one claims
 *
 * Within a process memory is asked first and equal callers wait for one of them (data/cache.h);
 * that one claims the row. The holder renews its claim while it asks. Clocks of nodes must agree to
 * within half a lease.
 *
 * Nothing of who asked is in a key or a value; but what was asked for a person (the payer, or who is signed
 * in) is known to be his (ai_kept_of), and goes with him: what a model said of his words is his. */
#ifndef SOCLE_AI_KEPT_H
#define SOCLE_AI_KEPT_H

#include "ai/policy.h"

/* Text of a key: hex SHA-256 over what the answer depends on. Parts are told apart by their lengths. */
typedef struct KeptKey {
    Buf buf;
} KeptKey;
KeptKey kept_key_new(Arena *arena, AiKind kind, Str provider, Str model);
void kept_key_add(KeptKey *k, Str part); /* null is another part than "" */
void kept_key_add_i64(KeptKey *k, int64_t part);
Str kept_key_end(KeptKey *k);

typedef struct KeptCall {
    AiKind kind;
    Str key;
    bool large; /* not for memory */
    AiPayer payer;
    /* Ask. *value: what is to be kept; *keep false: given to those who wait, and then forgotten. The
     * usage is charged to the payer in the transaction that keeps it. */
    Err *(*make)(Ctx *c, void *arg, Str *value, bool *keep, AiUsage *usage);
    void *arg;
} KeptCall;

/* *made: this caller asked; else *value is what another did, or did before. Where nothing is kept
 * (AI_KEEP_DAYS=0) every caller asks. Waits; TIMEOUT when another asks for longer than c may wait. */
MUST_USE Err *kept_call(Ctx *c, const KeptCall *call, Str *value, bool *made);

/* Of many keys, those that are kept: values[i] is null for the others. */
MUST_USE Err *kept_read_many(Ctx *c, const Str *keys, ptrdiff_t count, Str *values);
/* Keep many and charge, in one transaction. A null value is left out. */
MUST_USE Err *kept_store_many(Ctx *c, AiKind kind, const Str *keys, const Str *values,
                              ptrdiff_t count, AiPayer payer, const AiUsage *usage);

/* (tx) What was asked for this person goes, from memory after the commit; others ask again. */
MUST_USE Err *kept_forget(Ctx *c, Id user);

/* Remove what is old, and the least used beyond AI_KEPT_ROWS and AI_KEPT_BYTES. */
MUST_USE Err *kept_purge(Ctx *c, int64_t *count);

#endif
