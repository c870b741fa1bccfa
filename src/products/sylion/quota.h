/* SPDX-License-Identifier: Apache-2.0
 * What a tenant may use, and what it has used. Limits come from the plan (plans.c) unless the tenant
 * has its own; they are checked before the use and atomic under any concurrency and over several
 * nodes: work/ledger.h does that, owner "tenant:N", in calendar months of the tenant's time zone
 * (storage, channels and assistants are not by the month). Every use is a line of usage_records too,
 * in the same transaction, once for each key.
 *
 * The call that takes a quota over 80 or 100 % tells it once a period (event quota.warning, and the
 * tenant's webhook). All calls belong into a transaction but quota_check. */
#ifndef SOCLE_SYLION_QUOTA_H
#define SOCLE_SYLION_QUOTA_H

#include "products/sylion/scope.h"

typedef enum QuotaKind {
    QUOTA_MESSAGES,
    QUOTA_AI_REQUESTS,
    QUOTA_TOKENS,
    QUOTA_STORAGE, /* bytes; the contract's `storage` and `storageMb` */
    QUOTA_CHANNELS,
    QUOTA_ASSISTANTS,
    QUOTA_KINDS
} QuotaKind;
enum { QUOTA_MB = 1024 * 1024 };

/* What it was for; all may be left out. */
typedef struct Use {
    int64_t amount;
    Id conversation, turn;
    Str provider, model;
    int64_t tokens_in, tokens_out, cost_micros;
} Use;

/* Take before the use. RATE_LIMITED with code QUOTA_EXCEEDED, and retry_after_s to the period's end.
 * The same key again gives the same reservation. */
MUST_USE Err *quota_reserve(Ctx *c, const Scope *s, QuotaKind kind, Str key, int64_t amount,
                            Id *reservation);
/* What was used in the end, under the same key: a line is written. The same again is good. */
MUST_USE Err *quota_settle(Ctx *c, const Scope *s, QuotaKind kind, Str key, Id reservation,
                           const Use *use);
MUST_USE Err *quota_release(Ctx *c, const Scope *s, Id reservation);
/* Take and settle at once (a stored file; amount < 0 gives back). */
MUST_USE Err *quota_use(Ctx *c, const Scope *s, QuotaKind kind, Str key, const Use *use);
/* Would it fit now? limit -1: without limit. */
MUST_USE Err *quota_check(Ctx *c, const Scope *s, QuotaKind kind, int64_t amount, int64_t *used,
                          int64_t *limit, bool *fits);

/* As the ledger calls it (ai_requests), and as the contract does (aiRequests). */
Str quota_unit(QuotaKind kind);
Str quota_name(QuotaKind kind);

#endif
