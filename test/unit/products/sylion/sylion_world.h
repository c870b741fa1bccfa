/* SPDX-License-Identifier: Apache-2.0
 * Tenants and channels for tests of sylion below HTTP: rows, and a Scope of each. Jobs of conversations
 * are asked for and never run here, unless the test brings workers. */
#ifndef SOCLE_TEST_SYLION_WORLD_H
#define SOCLE_TEST_SYLION_WORLD_H

#include "api/base_settings.h"
#include "products/sylion/channels.h"
#include "products/sylion/conversation_room.h"
#include "products/sylion/turn.h"
#include "unit/work/work_world.h"

static inline Err *job_left_alone(Ctx *c, Job *job) {
    (void)c, (void)job;
    return NULL;
}

static inline void conversation_jobs_known(void) {
    static const JobKind kind = {
        .name = CONVERSATION_JOB, .queue = CONVERSATION_QUEUE, .run = job_left_alone};
    static const JobKind *const tables[] = {&kind};
    static const ptrdiff_t counts[] = {1};
    jobs_kinds_set(tables, counts, 1);
}

/* An organisation, its tenant, and how one acts in it. */
static inline Scope tenant_make(Ctx *c, const char *slug) {
    Scope s = {.tenant_id = uuid_v7(c->arena), .plan = S("pro"), .time_zone = S("Europe/Paris")};
    Time now = time_now();
    conversation_jobs_known();
    GOOD(db_int(c,
                SQL2("INSERT INTO organisations (uid, name, created_at, updated_at) VALUES ($1, "
                     "$2, $3, $3) RETURNING id",
                     "INSERT INTO organisations (uid, name, created_at, updated_at) VALUES "
                     "(CAST(CAST($1 AS text) AS uuid), $2, $3, $3) RETURNING id"),
                ARGS(V(uuid_v4(c->arena)), V(str_c(slug)), V(now)), &s.organisation.value));
    GOOD(db_int(c,
                SQL("INSERT INTO tenants (id, organisation_id, name, slug, plan, created_at, "
                    "updated_at) VALUES ($1, $2, $3, $3, 'pro', $4, $4) RETURNING n"),
                ARGS(V(s.tenant_id), V(s.organisation), V(str_c(slug)), V(now)), &s.tenant.value));
    s.owner = strf(c->arena, "tenant:%lld", (long long)s.tenant.value);
    s.is_active = s.platform = true;
    s.role = MEMBER_OWNER;
    return s;
}

static inline Channel channel_make(Ctx *c, const Scope *s, const char *config) {
    Channel h = {.tenant_n = s->tenant,
                 .tenant_id = s->tenant_id,
                 .id = uuid_v7(c->arena),
                 .type = S("whatsapp"),
                 .provider = S("cloud"),
                 .is_active = true,
                 .config = {str_c(config)}};
    GOOD(db_int(c,
                SQL("INSERT INTO channels (id, tenant_n, name, type, provider, config, created_at, "
                    "updated_at) VALUES ($1, $2, 'WhatsApp', 'whatsapp', 'cloud', $3, $4, $4) "
                    "RETURNING n"),
                ARGS(V(h.id), V(s->tenant), V(h.config), V(time_now())), &h.n.value));
    return h;
}

/* Calls of their own transaction. */
typedef struct Storing {
    const Scope *scope;
    const Channel *channel;
    const Inbound *inbound;
    const StatusTold *told;
    ptrdiff_t count;
    Stored *stored;
} Storing;

static inline Err *storing_inbound(Ctx *c, void *arg) {
    Storing *a = arg;
    return inbound_store(c, a->scope, a->channel, a->inbound, a->count, a->stored);
}
static inline Err *storing_statuses(Ctx *c, void *arg) {
    Storing *a = arg;
    return statuses_store(c, a->scope, a->channel, a->told, a->count);
}

static inline Err *store_inbound(Ctx *c, const Scope *s, const Channel *h, const Inbound *in,
                                 ptrdiff_t count, Stored *out) {
    Storing a = {.scope = s, .channel = h, .inbound = in, .count = count, .stored = out};
    return db_transaction(c, storing_inbound, &a);
}
static inline Err *store_statuses(Ctx *c, const Scope *s, const Channel *h, const StatusTold *told,
                                  ptrdiff_t count) {
    Storing a = {.scope = s, .channel = h, .told = told, .count = count};
    return db_transaction(c, storing_statuses, &a);
}

static inline Inbound text_of(const char *id, const char *phone, const char *user_key,
                              const char *content) {
    return (Inbound){.external_id = str_c(id),
                     .type = S("text"),
                     .content = str_c(content),
                     .phone = str_c(phone),
                     .user_key = str_c(user_key),
                     .provider_at = TIME_NULL};
}

#endif
