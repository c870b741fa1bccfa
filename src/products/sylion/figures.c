/* SPDX-License-Identifier: Apache-2.0
 * See figures.h. */
#include "products/sylion/figures.h"

#include "data/db.h"
#include "ops/metrics.h"

static MetricCells webhook_cells, inbound_cells, stray_cells, send_cells, quota_cells;
static const char *const webhook_ends[] = {"stored", "refused", "limited", "failed", NULL};
static const char *const inbound_kinds[] = {"new", "again", NULL};
static const char *const stray_reasons[] = {"not_proven",      "broken",  "unused", "unknown_number",
                                            "channel_deleted", "refused", "other",  NULL};
static const char *const send_ends[] = {"sent", "failed", "unknown", NULL};
static const char *const quota_kinds[] = {"messages", "ai_requests", "tokens",    "storage",
                                          "channels", "assistants",  NULL};
static_assert(COUNT(quota_kinds) == QUOTA_KINDS + 1, "a name for each kind");

enum { WEBHOOKS, INBOUND, STRAYS, SENDS, QUOTAS };
static const Metric metrics[] = {
    [WEBHOOKS] = {"socle_sylion_webhooks", METRIC_COUNTER,
                  "Deliveries of WhatsApp's webhooks: stored; refused for their signature or secret; "
                  "over a channel's limit; failed on our side.",
                  .labels = "result", .values = webhook_ends, .cells = &webhook_cells},
    [INBOUND] = {"socle_sylion_inbound_messages", METRIC_COUNTER,
                 "Messages that webhooks brought, new or once again.", .labels = "kind",
                 .values = inbound_kinds, .cells = &inbound_cells},
    [STRAYS] = {"socle_sylion_strays", METRIC_COUNTER,
                "What webhooks brought for nobody or cannot be read, by reason.",
                .labels = "reason", .values = stray_reasons, .cells = &stray_cells},
    [SENDS] = {"socle_sylion_sends", METRIC_COUNTER,
               "Messages of ours that went out, were given up, or of which nobody knows.",
               .labels = "result", .values = send_ends, .cells = &send_cells},
    [QUOTAS] = {"socle_sylion_quota_refusals", METRIC_COUNTER,
                "What a tenant's quota did not let happen, by kind.", .labels = "kind",
                .values = quota_kinds, .cells = &quota_cells},
};
static const MetricTable table = {.metrics = metrics, .count = COUNT(metrics)};

void figures_declare(void) { metrics_declare(&table); }

typedef struct Count {
    int metric;
    ptrdiff_t value;
    int64_t n;
} Count;

static void count_now(Ctx *c, void *arg) {
    const Count *count = arg;
    (void)c;
    metric_add(&metrics[count->metric], count->value, count->n);
}

static void count_later(Ctx *c, int metric, ptrdiff_t value, int64_t n) {
    if (n == 0) return;
    Count *count = arena_new_of(c->arena, Count);
    *count = (Count){metric, value, n};
    db_after_commit(c, count_now, count);
}

/* -1: not among them. */
static ptrdiff_t place_of(const char *const *names, Str name) {
    for (ptrdiff_t i = 0; names[i]; i++)
        if (str_eq(name, str_c(names[i]))) return i;
    return -1;
}

void webhook_counted(WebhookEnd end) { metric_add(&metrics[WEBHOOKS], end, 1); }

void inbound_counted(Ctx *c, int64_t fresh, int64_t again) {
    count_later(c, INBOUND, 0, fresh);
    count_later(c, INBOUND, 1, again);
}

/* "unused.flows" is one of the unused. */
void stray_counted(Ctx *c, Str reason) {
    Str first = {0};
    str_cut(reason, '.', &first);
    ptrdiff_t place = place_of(stray_reasons, first);
    count_later(c, STRAYS, place < 0 ? place_of(stray_reasons, S("other")) : place, 1);
}

void send_counted(Ctx *c, const char *status) {
    ptrdiff_t place = place_of(send_ends, str_c(status));
    if (place >= 0) count_later(c, SENDS, place, 1);
}

void quota_refused_count(QuotaKind kind) { metric_add(&metrics[QUOTAS], kind, 1); }
