/* SPDX-License-Identifier: Apache-2.0
 * The conversation's job: what is to go out goes out, then one turn, then the end, which asks for
 * another run when something is left. The usual turn is five transactions: begun with its quota
 * reserved, passages found, answer stored and marked as being sent, sent, the end; the run's end is
 * in the transaction that sees that nothing is left to send.
 *
 * No message is left lying. Whoever writes a message locks the conversation's row first and asks
 * for the job afterwards, in that transaction; so does the end of a run (turn_run_end): it locks the
 * same row, then looks for what is left, ends the job, and asks for another. One of the two has the
 * lock first:
 *
 *   the message  its transaction has committed before the end got the lock. The statement that
 *                looks comes after that, and under READ COMMITTED each statement sees all that was
 *                committed when it began: the message is found, and the job asked for again.
 *   the end      the message's transaction waits for the lock, and asks for the job after the
 *                end's commit. Its INSERT … ON CONFLICT meets the row of a job that is done, which
 *                is outside the unique index (state waiting or running), and so makes a new one.
 *
 * The order of locks is the same in both (conversation, then job), so that they cannot wait for
 * each other. On SQLite one transaction writes at a time, and there is nothing to argue. A job that
 * ends otherwise (dead after too many crashes) is found by turns_sweep. */
#include "products/sylion/turn.h"

#include "core/json.h"
#include "products/sylion/sylion.h"
#include "products/sylion/turn_room.h"
#include "products/sylion/turn_sql.h"

/* -- who and where ----------------------------------------------------------------------------- */

static Err *payload_read(Ctx *c, Work *w, Id *tenant) {
    json_t *payload;
    TRY(json_parse(c, w->job->payload.text, &payload));
    if (!json_i64(json_at(payload, "tenant"), &tenant->value) ||
        !json_i64(json_at(payload, "conversation"), &w->conversation.value))
        FAIL(c, INVALID, "A job without the conversation that it is of.");
    return NULL;
}

/* A tenant that was deleted has nothing to say or to hear any more. */
static Err *work_read(Ctx *c, Work *w, bool *there) {
    Id tenant;
    *there = false;
    TRY(payload_read(c, w, &tenant));
    Err *err = scope_of_tenant(c, tenant, &w->s);
    if (err) return err->kind == ERR_NOT_FOUND ? NULL : err;
    err = turn_conversation_read(c, w);
    if (err) return err->kind == ERR_NOT_FOUND ? NULL : err;
    *there = true;
    return NULL;
}

/* -- gathering --------------------------------------------------------------------------------- */

/* How long until what came in between `first` and `last` is answered: a pause of the contact's, but
 * no more than DEBOUNCE_ROUNDS of them in all. */
static int64_t debounce_left_ms(const Work *w, Time first, Time last) {
    int64_t debounce = w->debounce_ms * US_PER_MS, now = time_now().us;
    int64_t due = min_i64(last.us + debounce, first.us + DEBOUNCE_ROUNDS * debounce);
    return due <= now ? 0 : (min_i64(due - now, debounce) + US_PER_MS - 1) / US_PER_MS;
}

static Err *asked_take(Ctx *c, Work *w) {
    const Message *m = w->asked.items;
    Id last = m[w->asked.count - 1].n;
    Time now = time_now();
    w->t = (Turn){.tenant_n = w->s.tenant,
                  .conversation_n = w->conversation,
                  .id = uuid_v7(c->arena),
                  .conversation_id = w->v.id,
                  .state = S("open"),
                  .step = S("media"),
                  .question = turn_question(c, w),
                  .sources = {S("[]")},
                  .used = {S("{}")},
                  .started_at = now,
                  .updated_at = now,
                  .finished_at = TIME_NULL};
    if (w->assistant_there) {
        w->t.assistant_n = w->assistant.n;
        w->t.assistant_id = w->assistant.id;
    }
    TRY(tenant_int(c, &w->s, SQL(SQL_TURN_ADD),
                   ARGS(V(w->t.id), V(w->conversation), V(w->t.assistant_n), V(w->t.state),
                        V(w->t.step), V(w->t.question), V(w->t.used), V(now)),
                   &w->t.n.value));
    w->turn_there = true;
    return tenant_exec(c, &w->s, SQL(SQL_TURN_TAKE), ARGS(V(w->conversation), V(last), V(w->t.n)),
                       NULL);
}

Str turn_hindrance(const Work *w) {
    if (!w->s.is_active) return S("tenant_inactive: the tenant is switched off");
    if (!w->channel_there) return S("channel_gone: the channel was deleted");
    if (!w->channel.is_active) return S("channel_inactive: the channel is switched off");
    if (!w->assistant_there) return S("no_assistant: no assistant answers on this channel");
    return (Str){0};
}

/* What came in while a person had the conversation, before that person's last word, is answered. */
static Err *answered_by_person(Ctx *c, Work *w) {
    Id last = {0};
    const Message *m = w->asked.items;
    if (w->asked.count == 0) return NULL;
    TRY(tenant_int(c, &w->s, SQL(SQL_TURN_PERSON_SPOKE), ARGS(V(w->conversation), V(m[0].n)),
                   &last.value));
    if (id_is_none(last)) return NULL;
    ptrdiff_t from = 0;
    for (; from < w->asked.count && m[from].n.value < last.value; from++)
        TRY(message_set(c, &w->s, m[from].n, "processed", S("person: a person has answered"),
                        (Str){0}));
    w->asked = (Rows){(Message *)w->asked.items + from, w->asked.count - from};
    return NULL;
}

static Err *gather_in(Ctx *c, Work *w) {
    Turn open;
    bool found;
    w->turn_there = false;
    w->again_ms = -1;
    TRY(tenant_maybe(c, &w->s, SQL(SQL_TURN_OPEN), ARGS(V(w->conversation)), &turn_record, &open,
                     &found));
    if (found) return turn_read(c, w, &open);
    if (!is(w->v.status, "active")) return NULL;
    TRY(tenant_query(c, &w->s, SQL(SQL_TURN_UNASKED),
                     ARGS(V(w->conversation), V((int64_t)GATHER_MOST)), &message_row_record,
                     &w->asked));
    TRY(answered_by_person(c, w));
    if (w->asked.count == 0) return NULL;
    const Message *m = w->asked.items;
    int64_t left = debounce_left_ms(w, m[0].created_at, m[w->asked.count - 1].created_at);
    if (left > 0) {
        w->again_ms = left;
        return NULL;
    }
    TRY(turn_assistant_choose(c, w));
    TRY(asked_take(c, w));
    Str why = turn_hindrance(w);
    if (!str_is_null(why)) return turn_end(c, w, "failed", why);
    w->begun = true;
    return turn_has_attachments(c, w) ? turn_write(c, w) : turn_ask(c, w);
}

/* -- the end ----------------------------------------------------------------------------------- */

typedef struct Left {
    int64_t outgoing, open_turns, unasked;
    Time first_at, last_at;
} Left;
static const Field left_fields[] = {
    FIELD(Left, outgoing), FIELD(Left, open_turns), FIELD(Left, unasked),
    FIELD(Left, first_at), FIELD(Left, last_at),
};
static const Record left_record = RECORD(Left, left_fields);

/* -1: nothing. */
static int64_t left_delay_ms(const Work *w, const Left *left) {
    if (w->again_ms >= 0) return w->again_ms;
    if (left->outgoing || left->open_turns) return 0;
    if (left->unasked == 0 || !is(w->v.status, "active")) return -1;
    return debounce_left_ms(w, left->first_at, left->last_at);
}

Err *turn_run_end(Ctx *c, Work *w) {
    Left left = {.first_at = TIME_NULL, .last_at = TIME_NULL};
    TRY(tenant_one(c, &w->s, SQL(SQL_TURN_WORK_LEFT), ARGS(V(w->conversation)), &left_record,
                   &left));
    TRY(job_finish(c, w->job, (Str){0}));
    int64_t delay_ms = left_delay_ms(w, &left);
    return delay_ms < 0 ? NULL : conversation_wake(c, &w->s, w->conversation, delay_ms);
}

static Err *finish_in(Ctx *c, void *arg) {
    Work *w = arg;
    TRY(conversation_lock(c, &w->s, w->conversation, &w->v));
    return turn_run_end(c, w);
}

/* Nothing goes out: a turn is begun or gone on with, or the run is over. */
static Err *begin_in(Ctx *c, Work *w) {
    TRY(gather_in(c, w));
    bool goes_on = w->turn_there && w->again_ms < 0 && time_is_null(w->t.finished_at);
    return goes_on ? NULL : turn_run_end(c, w);
}

Err *conversation_run(Ctx *c, Job *job) {
    Work *w = arena_new_of(c->arena, Work);
    bool there;
    w->job = job;
    w->again_ms = -1;
    TRY(work_read(c, w, &there));
    if (!there) return NULL;
    TRY(turn_send_all(c, w, begin_in));
    if (w->begun) turn_seen(c, w);
    if (w->turn_there && w->again_ms < 0 && !job->finished) TRY(turn_go(c, w));
    if (job->finished) return NULL;
    TRY(db_transaction(c, finish_in, w));
    return turn_after(c, "finish");
}
