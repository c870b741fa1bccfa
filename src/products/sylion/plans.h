/* SPDX-License-Identifier: Apache-2.0
 * Plans: what they cost and give. -1: without limit. */
#ifndef SOCLE_SYLION_PLANS_H
#define SOCLE_SYLION_PLANS_H

#include "core/record.h"
#include "products/sylion/quota.h"

typedef struct PlanQuotas {
    int64_t messages, ai_requests, tokens, storage_mb, channels, assistants;
} PlanQuotas;

typedef struct Plan {
    Str id, name, currency, interval;
    OptInt price_cents; /* of a month, without tax; null: by agreement */
    PlanQuotas quotas;
} Plan;
extern const Record plan_record;

extern const char *const plan_names[]; /* NULL-ended */
const Plan *plan_find(Str id);         /* NULL: there is none */
/* In the ledger's unit (storage: bytes); -1: without. */
int64_t plan_limit(const Plan *plan, QuotaKind kind);

#endif
