/* SPDX-License-Identifier: Apache-2.0
 * Turns over HTTP: what became of each message and why, and what a person asks to be done again. */
#include "products/sylion/routes.h"
#include "products/sylion/turn_room.h"
#include "products/sylion/turn_sql.h"

typedef struct TurnsQuery {
    int64_t page, limit;
} TurnsQuery;
static const Field turns_query_fields[] = {PAGE_FIELDS(TurnsQuery)};
static const Record turns_query_record = RECORD(TurnsQuery, turns_query_fields, .camel = true);

static Err *turns_list(Ctx *c, Call *k) {
    const TurnsQuery *q = k->query;
    Scope s;
    Conversation v = {0};
    Rows rows;
    int64_t total;
    TRY(scope_of(c, k, (Str){0}, &s));
    TRY(tenant_found(c, &s, SQL(SQL_TURN_CONVERSATION_BY_ID), ARGS(V(k->params[0])),
                     &conversation_record, "CONVERSATION_NOT_FOUND", &v));
    TRY(tenant_int(c, &s, SQL(SQL_TURNS_COUNT), ARGS(V(v.n)), &total));
    TRY(tenant_query(c, &s, SQL(SQL_TURNS_OF_CONVERSATION),
                     ARGS(V(v.n), V(q->limit), V((q->page - 1) * q->limit)), &turn_record, &rows));
    call_list(c, k, rows, total, (Str){0});
    return NULL;
}

static Err *turn_get(Ctx *c, Call *k) {
    Scope s;
    TRY(scope_of(c, k, (Str){0}, &s));
    return tenant_found(c, &s, SQL(SQL_TURN_BY_ID), ARGS(V(k->params[0])), &turn_record,
                        "TURN_NOT_FOUND", call_out(k));
}

typedef struct Again {
    Call *k;
    Scope s;
} Again;

static Err *replay_in(Ctx *c, void *arg) {
    Again *a = arg;
    TRY(turn_replay(c, &a->s, a->k->params[0]));
    TRY(tenant_found(c, &a->s, SQL(SQL_TURN_BY_ID), ARGS(V(a->k->params[0])), &turn_record,
                     "TURN_NOT_FOUND", call_out(a->k)));
    return call_settle(c, a->k);
}

static Err *turn_replay_post(Ctx *c, Call *k) {
    Again a = {.k = k};
    TRY(scope_of(c, k, (Str){0}, &a.s));
    return db_transaction(c, replay_in, &a);
}

static Err *resend_in(Ctx *c, void *arg) {
    Again *a = arg;
    TRY(message_resend(c, &a->s, a->k->params[0]));
    TRY(tenant_found(c, &a->s, SQL(SQL_TURN_MESSAGE_BY_ID), ARGS(V(a->k->params[0])),
                     &message_row_record, "MESSAGE_NOT_FOUND", call_out(a->k)));
    return call_settle(c, a->k);
}

static Err *message_resend_post(Ctx *c, Call *k) {
    Again a = {.k = k};
    TRY(scope_of(c, k, (Str){0}, &a.s));
    return db_transaction(c, resend_in, &a);
}

const Route turn_routes[] = {
    {GET, "/api/v1/conversations/{id}/turns", turns_list, READS, .query = &turns_query_record,
     .out = &turn_record, .out_list = true, .errors = "400 403 404",
     .doc = "The turns of a conversation, the latest first"},
    {GET, "/api/v1/turns/{id}", turn_get, READS, .out = &turn_record, .errors = "400 403 404",
     .doc = "A turn: how far it is, why it says what it says, what it used"},
    {POST, "/api/v1/turns/{id}/replay", turn_replay_post, WRITES, .out = &turn_record,
     .idempotent = true, .errors = "400 403 404 409",
     .doc = "Go on with a turn that failed, was over the quota, or may not have been sent"},
    {POST, "/api/v1/messages/{id}/resend", message_resend_post, WRITES, .out = &message_row_record,
     .idempotent = true, .errors = "400 403 404 409",
     .doc = "Send a message again that failed, or that may not have been sent"},
    {.path = NULL},
};
