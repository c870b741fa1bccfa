/* SPDX-License-Identifier: Apache-2.0
 * The product's tables of routes, each closed by a row without a path, and what its files share of
 * them. A new table also gets a row in module.c.
 *
 * Scopes of keys: "sylion:read" for what reads, "sylion:write" for what changes. */
#ifndef SOCLE_SYLION_ROUTES_H
#define SOCLE_SYLION_ROUTES_H

#include "api/module.h"

#define READS .access = ACCESS_USER, .scope = "sylion:read", .tag = "sylion"
#define WRITES .access = ACCESS_USER, .scope = "sylion:write", .rate = RATE_WRITE, .tag = "sylion"

extern const Envelope sylion_envelope; /* envelope.c */
/* Of ChannelRule "tenant:". */
MUST_USE Err *tenant_may_read(Ctx *c, Str rest, bool *yes);

/* The answer to a DELETE: {id, deleted: true}. */
typedef struct Deleted {
    Str id;
    bool deleted;
} Deleted;
extern const Record deleted_record;

/* The paging of every list. A query record begins with PAGE_FIELDS and has page and limit; where
 * call_list gets a total, the envelope makes metadata.pagination of them. */
#define PAGE_FIELDS(Query)                                                   \
    FIELD(Query, page, .min = 1, .max = 1000000, .fallback = "1"),           \
        FIELD(Query, limit, .min = 1, .max = 100, .fallback = "20")

struct RootDocument;
/* What `/` says of it (api/pages.h). */
void sylion_root(Ctx *c, struct RootDocument *d);

extern const Route inbox_routes[], simulator_routes[], stray_routes[], webhook_routes[], whatsapp_routes[];
extern const Route admin_routes[], dashboard_routes[], plan_routes[], tenant_admin_routes[],
    tenant_routes[], usage_routes[];
extern const Route ask_routes[], turn_routes[];
extern const Route voice_routes[], widget_page_routes[], widget_routes[], widget_session_routes[];
extern const Route assistant_routes[], binding_routes[], channel_routes[], conversation_routes[],
    message_routes[];

#endif
