/* SPDX-License-Identifier: Apache-2.0
 * What operators watch of sylion beside its turns (turn_metrics.c): webhooks in, sends out, quotas.
 * The calls marked (tx) count when, and only if, the transaction that they are in is committed. */
#ifndef SOCLE_SYLION_FIGURES_H
#define SOCLE_SYLION_FIGURES_H

#include "products/sylion/quota.h"

typedef enum WebhookEnd { WEBHOOK_STORED, WEBHOOK_REFUSED, WEBHOOK_LIMITED, WEBHOOK_FAILED } WebhookEnd;
void webhook_counted(WebhookEnd end);
/* (tx) Messages that a webhook brought: new ones, and those that had come before. */
void inbound_counted(Ctx *c, int64_t fresh, int64_t again);
/* (tx) A stray, by its reason. */
void stray_counted(Ctx *c, Str reason);
/* (tx) A message of ours: sent, failed, unknown. */
void send_counted(Ctx *c, const char *status);
void quota_refused_count(QuotaKind kind);

/* At the module's start. */
void figures_declare(void);

#endif
