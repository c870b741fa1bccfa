/* SPDX-License-Identifier: Apache-2.0
 * Warnings of quotas that run out, at 80 and 100 %: once for each period and level, as an event
 * (quota.warning) and to the tenant's webhook. */
#ifndef SOCLE_SYLION_WARNINGS_H
#define SOCLE_SYLION_WARNINGS_H

#include "products/sylion/tenants.h"
#include "work/jobs.h"

#define WARNING_JOB "sylion.quota_warning"
#define WARNING_WEBHOOK_JOB "sylion.webhook"

/* (tx) After a use of `amount`: tell the levels that `used` reaches. Storage, channels and assistants
 * have no period: what was told of them is forgotten once they were below (something was freed, or the
 * quota was raised). */
MUST_USE Err *warning_consider(Ctx *c, const Scope *s, const Tenant *t, QuotaKind kind,
                               int64_t amount, int64_t used);
/* (tx) Something did not fit any more: used up, if it nearly is. */
MUST_USE Err *warning_refused(Ctx *c, const Scope *s, const Tenant *t, QuotaKind kind,
                              int64_t used);

MUST_USE Err *warning_run(Ctx *c, Job *job);
MUST_USE Err *warning_webhook_run(Ctx *c, Job *job);

#endif
