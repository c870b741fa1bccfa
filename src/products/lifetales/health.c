/* SPDX-License-Identifier: Apache-2.0
 * GET /api/health, which the web app asks before anything else. */
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"

typedef struct TalesHealth {
    Str status, service;
    Time timestamp;
} TalesHealth;
static const Field health_fields[] = {
    FIELD(TalesHealth, status),
    FIELD(TalesHealth, service),
    FIELD(TalesHealth, timestamp),
};
static const Record health_record =
    RECORD_AS("LifetalesHealth", TalesHealth, health_fields, .camel = true);

static Err *tales_health(Ctx *c, Call *k) {
    TalesHealth health = {S("ok"), S("lifetales"), time_now()};
    reply_header(k->r, S("Cache-Control"), S("no-store"));
    tales_answer_flat(c, k, &health_record, &health);
    return NULL;
}

const Route tales_health_routes[] = {
    {GET, "/api/health", tales_health, .access = ACCESS_OPEN, .rate = RATE_NONE,
     .out = &health_record, .tag = "lifetales", .doc = "It answers"},
    {.path = NULL},
};
