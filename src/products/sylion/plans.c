/* SPDX-License-Identifier: Apache-2.0
 * The plans that are sold, and the two that are not (free, enterprise). See plans.h. */
#include "products/sylion/plans.h"

#include "products/sylion/routes.h"

static const Field plan_quota_fields[] = {
    FIELD(PlanQuotas, messages, .doc = "A month; -1: without limit, as with the others"),
    FIELD(PlanQuotas, ai_requests, .doc = "A month"),
    FIELD(PlanQuotas, tokens, .doc = "Of language models, in and out, a month"),
    FIELD(PlanQuotas, storage_mb, .doc = "Of documents"),
    FIELD(PlanQuotas, channels),
    FIELD(PlanQuotas, assistants),
};
static const Record plan_quotas_record = RECORD(PlanQuotas, plan_quota_fields, .camel = true);

static const Field plan_fields[] = {
    FIELD(Plan, id),
    FIELD(Plan, name),
    FIELD(Plan, price_cents, .doc = "Of a month, without tax; null: by agreement"),
    FIELD(Plan, currency),
    FIELD(Plan, interval),
    FIELD_RECORD(Plan, quotas, &plan_quotas_record),
};
const Record plan_record =
    RECORD(Plan, plan_fields, .camel = true, .doc = "What a tenant can subscribe to");

const char *const plan_names[] = {"starter", "pro", "business", "free", "enterprise", NULL};

#define MONTHLY .currency = S_INIT("EUR"), .interval = S_INIT("month")
#define PRICE(cents) .price_cents = {.value = (cents), .set = true}
// clang-format off
static const Plan plans[] = {
    {.id = S_INIT("free"), .name = S_INIT("Free"), PRICE(0), MONTHLY,
     .quotas = {.messages = 100, .ai_requests = 100, .tokens = 200 * 1000, .storage_mb = 50,
                .channels = 1, .assistants = 1}},
    {.id = S_INIT("starter"), .name = S_INIT("Starter"), PRICE(2900), MONTHLY,
     .quotas = {.messages = 2000, .ai_requests = 1000, .tokens = 2 * 1000 * 1000,
                .storage_mb = 500, .channels = 1, .assistants = 2}},
    {.id = S_INIT("pro"), .name = S_INIT("Pro"), PRICE(9900), MONTHLY,
     .quotas = {.messages = 20 * 1000, .ai_requests = 10 * 1000, .tokens = 20 * 1000 * 1000,
                .storage_mb = 5000, .channels = 3, .assistants = 10}},
    {.id = S_INIT("business"), .name = S_INIT("Business"), PRICE(29900), MONTHLY,
     .quotas = {.messages = 100 * 1000, .ai_requests = 50 * 1000, .tokens = 100 * 1000 * 1000,
                .storage_mb = 50 * 1000, .channels = 10, .assistants = 50}},
    {.id = S_INIT("enterprise"), .name = S_INIT("Enterprise"), MONTHLY,
     .quotas = {.messages = -1, .ai_requests = -1, .tokens = -1, .storage_mb = -1,
                .channels = -1, .assistants = -1}},
};
// clang-format on
static_assert(COUNT(plans) == COUNT(plan_names) - 1, "as many as names");

const Plan *plan_find(Str id) {
    for (ptrdiff_t i = 0; i < COUNT(plans); i++)
        if (str_eq(plans[i].id, id)) return &plans[i];
    return NULL;
}

int64_t plan_limit(const Plan *plan, QuotaKind kind) {
    const PlanQuotas *q = &plan->quotas;
    switch (kind) {
    case QUOTA_MESSAGES: return q->messages;
    case QUOTA_AI_REQUESTS: return q->ai_requests;
    case QUOTA_TOKENS: return q->tokens;
    case QUOTA_STORAGE: return q->storage_mb < 0 ? -1 : q->storage_mb * QUOTA_MB;
    case QUOTA_CHANNELS: return q->channels;
    case QUOTA_ASSISTANTS: return q->assistants;
    case QUOTA_KINDS: break;
    }
    assert(!"a kind of quota");
    return 0;
}

static Err *plans_list(Ctx *c, Call *k) {
    Plan *all = arena_array(c->arena, Plan, COUNT(plans));
    memcpy(all, plans, sizeof plans);
    call_list(c, k, (Rows){all, COUNT(plans)}, -1, (Str){0});
    return NULL;
}

const Route plan_routes[] = {
    {GET, "/api/v1/plans", plans_list, .access = ACCESS_OPEN, .out = &plan_record,
     .out_list = true, .tag = "sylion", .doc = "Plans with their prices and quotas"},
    {.path = NULL},
};
