/* SPDX-License-Identifier: Apache-2.0
 * What a person asks to be done again: a turn that failed, a message that was not sent. And what
 * the program does again by itself: conversations whose job was lost (turns_sweep).
 *
 * A turn whose answer is written is sent again; one that has none begins anew behind its question,
 * with a new charge (used.round), because what the first one used was used. */
#include "core/json.h"
#include "core/log.h"
#include "products/sylion/system_sql.h"
#include "products/sylion/turn_room.h"
#include "products/sylion/turn_sql.h"

enum { SWEEP_MOST = 500 };

static bool may_be_replayed(const Turn *t) {
    return is(t->state, "failed") || is(t->state, "over_quota") || is(t->state, "unknown");
}

/* One turn is open in a conversation at a time. */
static Err *none_is_open(Ctx *c, const Work *w) {
    Turn open;
    bool found;
    TRY(tenant_maybe(c, &w->s, SQL(SQL_TURN_OPEN), ARGS(V(w->conversation)), &turn_record, &open,
                     &found));
    if (!found) return NULL;
    return sylion_err(
        c, ERR_CONFLICT, "TURN_UNDER_WAY",
        "Another turn of this conversation is under way: try again when it has ended.");
}

static Err *conversation_goes_on(Ctx *c, const Work *w) {
    if (!is(w->v.status, "ended")) return NULL;
    return sylion_err(c, ERR_CONFLICT, "CONVERSATION_ENDED", "The conversation has ended.");
}

static Err *message_again(Ctx *c, const Work *w, const Message *m, const char *status) {
    json_t *metadata;
    Buf b = buf_new(c->arena, 256);
    JsonText kept = m->metadata;
    if (!str_is_empty(kept.text) && !json_parse(c, kept.text, &metadata)) {
        json_object_del(metadata, "sendTries");
        json_object_del(metadata, "outsideWindow");
        buf_json_value(&b, metadata);
        kept = (JsonText){buf_str(&b)};
    }
    TRY(tenant_exec(c, &w->s, SQL(SQL_TURN_MESSAGE_AGAIN),
                    ARGS(V(m->n), V(str_c(status)), V(kept), V(time_now())), NULL));
    return message_set(c, &w->s, m->n, NULL, (Str){0}, (Str){0}); /* told */
}

/* (tx) The turn is open again, and its conversation's job asked for. */
static Err *turn_reopen(Ctx *c, Work *w, const char *step) {
    w->t.state = S("open");
    w->t.step = str_c(step);
    w->t.reason = (Str){0};
    w->t.attempts = 0;
    w->t.finished_at = TIME_NULL;
    TRY(conversation_wake(c, &w->s, w->conversation, 0));
    return turn_write(c, w);
}

static Err *begin_anew(Ctx *c, Work *w) {
    TRY(turn_asked_read(c, w));
    const Message *m = w->asked.items;
    for (ptrdiff_t i = 0; i < w->asked.count; i++) TRY(message_again(c, w, &m[i], "pending"));
    w->used = (Used){.round = w->used.round + 1};
    w->t.sources = (JsonText){S("[]")};
    return turn_reopen(c, w, "media");
}

Err *turn_replay(Ctx *c, const Scope *s, Str turn_id) {
    assert(c->tx);
    Turn t = {0};
    Message answer = {0};
    bool written;
    Work *w = arena_new_of(c->arena, Work);
    w->s = *s;
    TRY(tenant_found(c, s, SQL(SQL_TURN_BY_ID), ARGS(V(turn_id)), &turn_record, "TURN_NOT_FOUND",
                     &t));
    w->conversation = t.conversation_n;
    TRY(conversation_lock(c, s, w->conversation, &w->v));
    TRY(tenant_one(c, s, SQL(SQL_TURN_AT), ARGS(V(t.n)), &turn_record, &t)); /* under the lock */
    TRY(turn_read(c, w, &t));
    if (!may_be_replayed(&t))
        return sylion_err(c, ERR_CONFLICT, "TURN_NOT_REPLAYABLE",
                          "Only a turn that failed, was over the quota, or may not have been sent "
                          "can be replayed; this one is %.*s.",
                          S_ARG(t.state));
    TRY(conversation_goes_on(c, w));
    TRY(none_is_open(c, w));
    TRY(tenant_maybe(c, s, SQL(SQL_TURN_ANSWER), ARGS(V(t.n)), &message_row_record, &answer,
                     &written));
    if (!written) return begin_anew(c, w);
    if (is(answer.status, "failed") || is(answer.status, "unknown"))
        TRY(message_again(c, w, &answer, "pending"));
    return turn_reopen(c, w, "send");
}

Err *message_resend(Ctx *c, const Scope *s, Str message_id) {
    assert(c->tx);
    Message m = {0};
    Work *w = arena_new_of(c->arena, Work);
    w->s = *s;
    TRY(tenant_found(c, s, SQL(SQL_TURN_MESSAGE_BY_ID), ARGS(V(message_id)), &message_row_record,
                     "MESSAGE_NOT_FOUND", &m));
    w->conversation = m.conversation_n;
    TRY(conversation_lock(c, s, w->conversation, &w->v));
    TRY(tenant_one(c, s, SQL(SQL_TURN_MESSAGE), ARGS(V(m.n)), &message_row_record, &m));
    bool lost = is(m.status, "failed") || is(m.status, "unknown");
    if (!is(m.direction, "outbound") || !lost)
        return sylion_err(
            c, ERR_CONFLICT, "MESSAGE_NOT_RESENDABLE",
            "Only a message to the contact that failed, or may not have been sent, can "
            "be sent again.");
    TRY(conversation_goes_on(c, w));
    TRY(message_again(c, w, &m, "pending"));
    if (!id_is_none(m.turn_n)) {
        Turn t;
        TRY(tenant_one(c, s, SQL(SQL_TURN_AT), ARGS(V(m.turn_n)), &turn_record, &t));
        TRY(turn_read(c, w, &t));
        if (may_be_replayed(&t)) {
            TRY(none_is_open(c, w));
            return turn_reopen(c, w, "send");
        }
    }
    return conversation_wake(c, s, w->conversation, 0);
}

/* -- what was lost ----------------------------------------------------------------------------- */

typedef struct Lost {
    Id tenant_n, conversation_n;
} Lost;
static const Field lost_fields[] = {FIELD(Lost, tenant_n), FIELD(Lost, conversation_n)};
static const Record lost_record = RECORD(Lost, lost_fields);

/* The job of an open turn ended without a word, after as many tries as a job has: whatever it is
 * that the turn does to the program, it is not done again by itself. */
static Err *lost_in(Ctx *c, void *arg) {
    Work *w = arg;
    Turn open;
    bool found;
    int64_t running;
    TRY(conversation_lock(c, &w->s, w->conversation, &w->v));
    TRY(system_int(c, SQL(SQL_SYSTEM_CONVERSATION_JOBS),
                   ARGS(V(strf(c->arena, "%lld", (long long)w->conversation.value))), &running));
    if (running) return NULL;
    TRY(tenant_maybe(c, &w->s, SQL(SQL_TURN_OPEN), ARGS(V(w->conversation)), &turn_record, &open,
                     &found));
    TRY(conversation_wake(c, &w->s, w->conversation, 0));
    if (!found || is(open.step, "send")) return NULL;
    TRY(turn_read(c, w, &open));
    return turn_end(c, w, "failed", S("given_up: its job ended again and again without a word"));
}

static Err *lost_mend(Ctx *c, const Lost *lost) {
    Work *w = arena_new_of(c->arena, Work);
    w->conversation = lost->conversation_n;
    Err *err = scope_of_tenant(c, lost->tenant_n, &w->s);
    if (err) return err->kind == ERR_NOT_FOUND ? NULL : err;
    return db_transaction(c, lost_in, w);
}

Err *turns_sweep(Ctx *c, Job *job) {
    Rows rows;
    (void)job;
    Time before = time_add(time_now(), -US_PER_MINUTE);
    TRY(system_query(c, SQL(SQL_SYSTEM_CONVERSATIONS_LOST), ARGS(V(before), V((int64_t)SWEEP_MOST)),
                     &lost_record, &rows));
    for (ptrdiff_t i = 0; i < rows.count; i++) TRY(lost_mend(c, (const Lost *)rows.items + i));
    if (rows.count > 0) log_msg(c, LOG_WARN, "%td conversations had lost their job", rows.count);
    return NULL;
}
