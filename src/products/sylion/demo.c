/* SPDX-License-Identifier: Apache-2.0
 * The demo's tenants are made in one transaction each; documents come in as any others and are indexed
 * by their job; what people say comes in by the webhook (simulator.h) and is answered by the
 * conversation's job. A message has a name of its own, so that a demo that was cut off goes on. */
#include "products/sylion/demo.h"

#include "api/accounts.h"
#include "core/log.h"
#include "core/rand.h"
#include "data/blob.h"
#include "products/sylion/assistants.h"
#include "products/sylion/assistants_sql.h"
#include "products/sylion/channels.h"
#include "products/sylion/channels_sql.h"
#include "products/sylion/conversation.h"
#include "products/sylion/conversations_sql.h"
#include "products/sylion/demo_sql.h"
#include "products/sylion/knowledge.h"
#include "products/sylion/knowledge_sql.h"
#include "products/sylion/simulator.h"
#include "products/sylion/tenants.h"
#include "products/sylion/turn.h"
#include "rt/coro.h"

enum { WAIT_MS = 60 * 1000, LOOK_MS = 30, POLL_MS = 100, AT_ONCE = 8 };
#define QUEUES INDEX_QUEUE "," CONVERSATION_QUEUE

typedef struct Demo {
    const DemoTenant *t;
    User owner;
    Scope s;
    Channel line;
    KnowledgeBase base;
    Str *sha256; /* of its documents */
    bool workers;
    int64_t until_us;
} Demo;

static Str text(const char *literal) { return str_c(literal); }

/* -- the tenant ------------------------------------------------------------------------------------ */

static Err *channel_make(Ctx *c, Demo *d, const char *name, bool whatsapp, Id *n) {
    Str none = {0}, id = uuid_v7(c->arena);
    JsonText config = {whatsapp ? S("{\"debounceMs\":500,\"simulated\":true}") : S("{}")};
    TRY(quota_use(c, &d->s, QUOTA_CHANNELS, strf(c->arena, "channel:%.*s", S_ARG(id)),
                  &(Use){.amount = 1}));
    Str secret = whatsapp ? rand_token(c->arena, S("whs_"), 32) : none;
    return tenant_int(c, &d->s, SQL(SQL_CHANNEL_ADD),
                      ARGS(V(id), V(text(name)), V(whatsapp ? S("whatsapp") : S("web")),
                           V(whatsapp ? S("360dialog") : none), value_bool(true), V(config),
                           V(whatsapp ? text(d->t->phone) : none), V(none), V(none), V(none),
                           V(whatsapp ? secret_seal(c, rand_token(c->arena, S("app_"), 32)) : none),
                           V(whatsapp ? secret_digest(c->arena, secret) : none), V(time_now())),
                      &n->value);
}

static Err *assistant_make(Ctx *c, Demo *d, Id *n) {
    Str none = {0}, id = uuid_v7(c->arena);
    OptFloat calm = {.3, true};
    JsonText bases = texts_json(c, (StrList){&d->base.id, 1}), handoff = {text(d->t->handoff)};
    TRY(quota_use(c, &d->s, QUOTA_ASSISTANTS, strf(c->arena, "assistant:%.*s", S_ARG(id)),
                  &(Use){.amount = 1}));
    return tenant_int(c, &d->s, SQL(SQL_ASSISTANT_ADD),
                      ARGS(V(id), V(text(d->t->assistant)), V(text(d->t->description)),
                           value_bool(true), value_bool(true), V(none), V(none),
                           V(text(d->t->prompt)), V(calm), V((int64_t)600), value_bool(true), V(.5),
                           V((int64_t)4), V(bases), V(handoff), V(time_now())),
                      &n->value);
}

static Err *binding_make(Ctx *c, Demo *d, Id channel, Id assistant) {
    Id n;
    JsonText any = {S("[]")}, always = {0};
    return tenant_int(c, &d->s, SQL(SQL_BINDING_ADD),
                      ARGS(V(uuid_v7(c->arena)), V(channel), V(assistant), V(any), V(always),
                           V((int64_t)0), V(time_now())),
                      &n.value);
}

/* A tenant has its documents from the beginning: who deletes one later is not given it again. */
static Err *blobs_put(Ctx *c, Demo *d) {
    d->sha256 = arena_array(c->arena, Str, d->t->document_count);
    for (ptrdiff_t i = 0; i < d->t->document_count; i++)
        TRY(blob_put(c, app_blobs(c), text(d->t->documents[i].text), &d->sha256[i]));
    return NULL;
}

static Err *documents_put(Ctx *c, Demo *d) {
    for (ptrdiff_t i = 0; i < d->t->document_count; i++) {
        const DemoDocument *one = &d->t->documents[i];
        Document document;
        bool added;
        DocumentIn in = {.knowledge_base_id = d->base.id,
                         .name = text(one->name),
                         .source = S("text"),
                         .mime_type = S("text/markdown"),
                         .sha256 = d->sha256[i],
                         .size_bytes = text(one->text).len};
        TRY(document_add(c, &d->s, &in, &document, &added));
    }
    return NULL;
}

static Err *tenant_make(Ctx *c, void *arg) {
    Demo *d = arg;
    Tenant t;
    Id line, site, assistant;
    TenantIn in = {.name = text(d->t->name),
                   .slug = text(d->t->slug),
                   .plan = S("pro"),
                   .contact_email = text(d->t->email),
                   .contact_phone = text(d->t->phone),
                   .settings = {text(d->t->settings)},
                   .time_zone = S("Europe/Paris")};
    TRY(tenant_create(c, &in, d->owner.id, &t));
    TRY(scope_of_tenant(c, t.n, &d->s));
    d->base.id = uuid_v7(c->arena);
    TRY(tenant_int(c, &d->s, SQL(SQL_KNOWLEDGE_BASE_ADD),
                   ARGS(V(d->base.id), V(text(d->t->base)), V((Str){0}), V(time_now())),
                   &d->base.n.value));
    TRY(documents_put(c, d));
    TRY(channel_make(c, d, d->t->line, true, &line));
    TRY(channel_make(c, d, d->t->site, false, &site));
    TRY(assistant_make(c, d, &assistant));
    TRY(binding_make(c, d, line, assistant));
    return binding_make(c, d, site, assistant);
}

/* -- waiting for jobs ------------------------------------------------------------------------------ */

/* Until nothing of that kind is left to do; *done false when it takes too long. */
static Err *jobs_wait(Ctx *c, Demo *d, Sql left_sql, bool *done) {
    for (int64_t left = 1;;) {
        CtxMark mark = ctx_mark(c);
        TRY(tenant_int(c, &d->s, left_sql, NO_ARGS, &left));
        ctx_release(c, mark);
        *done = left == 0;
        if (*done || mono_us() > d->until_us) return NULL;
        if (!d->workers)
            TRY(workers_start_with(
                c, (WorkerOptions){.queues = S(QUEUES), .per_loop = AT_ONCE, .poll_ms = POLL_MS}));
        d->workers = true;
        TRY(sleep_ms(c, LOOK_MS));
    }
}

/* -- what is said ---------------------------------------------------------------------------------- */

static Err *round_say(Ctx *c, Demo *d, int round) {
    for (ptrdiff_t i = 0; i < d->t->person_count; i++) {
        const DemoPerson *who = &d->t->people[i];
        Str payload;
        if (!who->said[round]) continue;
        Simulated what = {.from = text(who->phone),
                          .name = text(who->name),
                          .text = text(who->said[round]),
                          .external_id = strf(c->arena, "wamid.demo.%s.%d", who->phone + 1, round)};
        TRY(simulator_deliver(c, &d->line, &what, &payload));
    }
    return NULL;
}

typedef struct Replying {
    Demo *d;
    const DemoPerson *who;
    Id conversation;
} Replying;

static Err *reply_put(Ctx *c, void *arg) {
    Replying *r = arg;
    Conversation v;
    Message made;
    Outbound m = {.author = S("person"),
                  .author_id = r->d->owner.id,
                  .type = S("text"),
                  .content = text(r->who->reply)};
    TRY(conversation_lock(c, &r->d->s, r->conversation, &v));
    if (!str_eq(v.status, S("handoff")))
        TRY(conversation_set_status(c, &r->d->s, v.n, "handoff", S("A person answered.")));
    TRY(tenant_exec(c, &r->d->s, SQL(SQL_CONVERSATION_READ), ARGS(V(v.n)), NULL));
    return outbound_add(c, &r->d->s, v.n, &m, &made);
}

static Err *replies_put(Ctx *c, Demo *d) {
    for (ptrdiff_t i = 0; i < d->t->person_count; i++) {
        Replying r = {.d = d, .who = &d->t->people[i]};
        if (!r.who->reply) continue;
        Err *err = tenant_int(c, &d->s, SQL(SQL_DEMO_CONVERSATION),
                              ARGS(V(d->line.n), V(text(r.who->phone))), &r.conversation.value);
        if (err && err->kind == ERR_NOT_FOUND) continue;
        TRY(err);
        TRY(db_transaction(c, reply_put, &r));
    }
    return NULL;
}

/* Their phones say that all of it arrived, and the first of it was read. */
static Err *receipts_put(Ctx *c, Demo *d) {
    for (ptrdiff_t i = 0; i < d->t->person_count; i++) {
        Rows rows;
        Str from = text(d->t->people[i].phone), payload;
        TRY(tenant_query(c, &d->s, SQL(SQL_DEMO_SENT), ARGS(V(d->line.n), V(from)),
                         &message_row_record, &rows));
        const Message *m = rows.items;
        for (ptrdiff_t k = 0; k < rows.count; k++) {
            Simulated what = {.from = from,
                              .external_id = m[k].external_id,
                              .status = k == 0 ? S("read") : S("delivered")};
            TRY(simulator_deliver(c, &d->line, &what, &payload));
        }
    }
    return NULL;
}

static Err *talk(Ctx *c, Demo *d) {
    bool done = true;
    TRY(jobs_wait(c, d, SQL(SQL_DEMO_UNREAD), &done));
    for (int round = 0; round < DEMO_SAID_MAX && done; round++) {
        TRY(round_say(c, d, round));
        TRY(jobs_wait(c, d, SQL(SQL_DEMO_UNANSWERED), &done));
    }
    if (done) TRY(replies_put(c, d));
    if (done) TRY(jobs_wait(c, d, SQL(SQL_DEMO_UNANSWERED), &done));
    if (done) return receipts_put(c, d);
    log_msg(c, LOG_WARN, "what %s was asked is answered by the server", d->t->name);
    return NULL;
}

/* -- the whole ------------------------------------------------------------------------------------- */

/* Who has deleted a part of it has wanted so: the rest is let be. */
static Err *demo_tenant(Ctx *c, Demo *d) {
    bool has_line;
    Err *err = tenant_named(c, text(d->t->slug), &d->s);
    if (err && err->kind == ERR_NOT_FOUND) {
        TRY(blobs_put(c, d));
        err = db_transaction(c, tenant_make, d);
    }
    TRY(err);
    TRY(tenant_maybe(c, &d->s, SQL(SQL_DEMO_CHANNEL), ARGS(V(text(d->t->phone))), &channel_record,
                     &d->line, &has_line));
    return has_line ? talk(c, d) : NULL;
}

Err *sylion_demo(Ctx *c) {
    Demo d = {.until_us = mono_us() + WAIT_MS * US_PER_MS};
    Err *err = user_by_email(c, S(DEMO_EMAIL), &d.owner);
    for (ptrdiff_t i = 0; i < demo_tenant_count && !err; i++) {
        d.t = &demo_tenants[i];
        err = demo_tenant(c, &d);
    }
    if (d.workers) workers_stop(c);
    return err;
}
