/* SPDX-License-Identifier: Apache-2.0
 * What goes out, one message after the other. A message is marked `sending` in a transaction of its
 * own before the call to the outside and settled in another one after it, so that whoever finds
 * `sending` knows that somebody stopped between the two: whether it was sent cannot be known. It is
 * then `unknown`, is shown, and only a person sends it again.
 *
 *   pending ──▶ sending ──▶ sent         (then delivered, read: by the provider's word)
 *      ▲           │  ├───▶ failed       for good: refused, nowhere to send it to, tried too often
 *      └───────────┘  └───▶ unknown      no answer, or nobody was left to hear it
 *      certainly not sent
 *
 * With its message a turn ends: answered (or what its answer was), failed, unknown. */
#include "core/json.h"
#include "core/log.h"
#include "products/sylion/channels.h"
#include "products/sylion/figures.h"
#include "products/sylion/send.h"
#include "products/sylion/turn_room.h"
#include "products/sylion/turn_sql.h"
#include "products/sylion/widget.h"

enum {
    SEND_BACKOFF_MS = 2000,
    SEND_BACKOFF_MOST_MS = 2 * 60 * 1000,
    SETTLE_MS = 10 * 1000,
    SETTLE_PAUSE_MS = 250
};

typedef struct Sending {
    Work w; /* its turn, not the one under way */
    Message m, wire;
    bool found, go;
    bool known; /* w.t is the turn as it stands */
    int64_t tries, waits_ms;
    Str external_id;
    const char *status; /* out of it */
    Str reason;
} Sending;

/* -- a turn and its message -------------------------------------------------------------------- */

static void answered_count(Ctx *c, void *arg) {
    (void)c;
    turn_answered_after(*(const int64_t *)arg);
}

/* (tx) From the first message that asked until now. */
static void delay_count(Ctx *c, const Work *w) {
    const Message *m = w->asked.items;
    if (w->asked.count == 0) return;
    int64_t *us = arena_new_of(c->arena, int64_t);
    *us = max_i64(0, time_now().us - m[0].created_at.us);
    db_after_commit(c, answered_count, us);
}

Err *turn_message_ended(Ctx *c, Work *w, const Message *m) {
    if (!m) return turn_end(c, w, "failed", S("lost: its answer is no longer there"));
    if (is(m->status, "failed")) return turn_end(c, w, "failed", m->reason);
    if (is(m->status, "unknown")) return turn_end(c, w, "unknown", m->reason);
    Str outcome = str_is_empty(w->used.outcome) ? S("answered") : w->used.outcome;
    TRY(turn_end(c, w, str_cstr(c->arena, outcome), w->used.why));
    delay_count(c, w);
    return NULL;
}

/* (tx) The message is settled; so is its turn, unless something else has ended that before. */
static Err *settled(Ctx *c, Sending *s, const char *status, Str reason) {
    TRY(message_set(c, &s->w.s, s->m.n, status, reason, s->external_id));
    s->m.status = str_c(status);
    s->m.reason = reason;
    send_counted(c, status);
    if (!s->w.turn_there) return NULL;
    bool open = time_is_null(s->w.t.finished_at) && is(s->w.t.step, "send");
    if (!open && !is(s->w.t.state, "unknown")) return NULL;
    return turn_message_ended(c, &s->w, &s->m);
}

static Err *its_turn_read(Ctx *c, Sending *s) {
    Turn t;
    if (s->known && id_eq(s->m.turn_n, s->w.t.n)) return NULL;
    s->w.turn_there = false;
    if (id_is_none(s->m.turn_n)) return NULL;
    TRY(tenant_one(c, &s->w.s, SQL(SQL_TURN_AT), ARGS(V(s->m.turn_n)), &turn_record, &t));
    s->w.t = t;
    s->w.turn_there = true;
    return used_read(c, t.used, &s->w.used);
}

/* -- may it go? -------------------------------------------------------------------------------- */

bool window_is_open(const Work *w) {
    return !time_is_null(w->v.last_inbound_at) &&
           time_now().us - w->v.last_inbound_at.us < WINDOW_US;
}

static int64_t tries_of(Ctx *c, const Message *m) {
    json_t *metadata;
    int64_t tries = 0;
    if (!str_is_empty(m->metadata.text) && !json_parse(c, m->metadata.text, &metadata))
        json_i64(json_at(metadata, "sendTries"), &tries);
    return tries;
}

/* The metadata with these members beside what else is there. */
static JsonText metadata_with(Ctx *c, const Message *m, int64_t tries, bool outside) {
    json_t *metadata;
    Buf b = buf_new(c->arena, 256);
    if (str_is_empty(m->metadata.text) || json_parse(c, m->metadata.text, &metadata) ||
        !json_is_object(metadata)) {
        buf_f(&b, "{\"sendTries\":%lld%s}", (long long)tries,
              outside ? ",\"outsideWindow\":true" : "");
        return (JsonText){buf_str(&b)};
    }
    json_object_set_new(metadata, "sendTries", json_integer(tries));
    if (outside) json_object_set_new(metadata, "outsideWindow", json_true());
    buf_json_value(&b, metadata);
    return (JsonText){buf_str(&b)};
}

static bool told_outside(Ctx *c, const Message *m) {
    json_t *metadata;
    if (str_is_empty(m->metadata.text) || json_parse(c, m->metadata.text, &metadata)) return false;
    return json_is_true(json_at(metadata, "outsideWindow"));
}

/* The channel's approved template in its place; false: it has none. */
static Err *template_take(Ctx *c, Sending *s, bool *taken) {
    ChannelConfig config;
    *taken = false;
    TRY(channel_config(c, &s->w.channel, &config));
    if (str_is_empty(config.template.name)) return NULL;
    Buf b = buf_new(c->arena, 128);
    buf_add(&b, S("{\"template\":{\"name\":"));
    buf_json(&b, config.template.name);
    buf_add(&b, S(",\"language\":"));
    buf_json(&b, config.template.language);
    buf_add(&b, S("}}"));
    s->wire.type = S("template");
    s->wire.metadata = (JsonText){buf_str(&b)};
    *taken = true;
    return NULL;
}

static Str nowhere(const Sending *s) {
    const Work *w = &s->w;
    if (!w->s.is_active) return S("tenant_inactive: the tenant is switched off");
    if (!w->channel_there) return S("channel_gone: the channel was deleted");
    if (!w->channel.is_active) return S("channel_inactive: the channel is switched off");
    return (Str){0};
}

/* An assistant's word after a person has taken over; not the one that hands over. */
static bool too_late(const Sending *s) {
    const Work *w = &s->w;
    return is(s->m.author, "assistant") && w->turn_there && !is(w->v.status, "active") &&
           !is(w->used.outcome, "handed_over");
}

static Err *refused(Ctx *c, Sending *s, Str reason) {
    s->go = false;
    return settled(c, s, "failed", reason);
}

static Err *taken_back(Ctx *c, Sending *s) {
    Str why = S("person: a person had taken over before it was sent");
    s->go = false;
    TRY(message_set(c, &s->w.s, s->m.n, "failed", why, (Str){0}));
    return time_is_null(s->w.t.finished_at) ? turn_end(c, &s->w, "handed_over", why) : NULL;
}

static Err *judged(Ctx *c, Sending *s) {
    bool template = is(s->m.type, "template");
    Str why = nowhere(s);
    s->wire = s->m;
    if (!str_is_null(why)) return refused(c, s, why);
    if (too_late(s)) return taken_back(c, s);
    if (!is(s->w.channel.type, "whatsapp")) { /* visitors look for it when they are told */
        s->go = false;
        TRY(settled(c, s, "sent", (Str){0}));
        return visitor_tell(c, s->w.contact.id);
    }
    if (!template && (!window_is_open(&s->w) || told_outside(c, &s->m))) {
        TRY(template_take(c, s, &template));
        if (!template)
            return refused(c, s,
                           S("outside_window: the contact last wrote more than 24 hours ago, "
                             "and the channel has no approved template"));
    }
    s->go = true;
    return message_set(c, &s->w.s, s->m.n, "sending", (Str){0}, (Str){0});
}

static Err *claim(Ctx *c, Sending *s) {
    TRY(tenant_maybe(c, &s->w.s, SQL(SQL_TURN_OUTGOING), ARGS(V(s->w.conversation)),
                     &message_row_record, &s->m, &s->found));
    if (!s->found) return NULL;
    TRY(its_turn_read(c, s));
    if (is(s->m.status, "sending"))
        return settled(c, s, "unknown",
                       S("interrupted: the program stopped while it was being sent"));
    s->tries = tries_of(c, &s->m);
    s->waits_ms =
        turn_pause_left_ms(s->tries, s->m.updated_at, SEND_BACKOFF_MS, SEND_BACKOFF_MOST_MS);
    return s->waits_ms > 0 ? NULL : judged(c, s);
}

/* A run's way from one message to the next. */
typedef struct Outgoing {
    Work *w;
    Sending *s; /* the one that was claimed */
    Err *(*store)(Ctx *c, Work *w);
    Err *(*then)(Ctx *c, Work *w);
    bool claimed;
    TurnKept kept;
} Outgoing;

static Err *claim_in(Ctx *c, void *arg) {
    Outgoing *o = arg;
    Work *w = o->w;
    turn_put_back(w, &o->kept);
    TRY(conversation_lock(c, &w->s, w->conversation, &w->v));
    *o->s = (Sending){.w = *w};
    TRY(claim(c, o->s));
    return o->s->found ? NULL : o->then(c, w);
}

static Err *claim_stored(Ctx *c, void *arg) {
    Outgoing *o = arg;
    *o->s = (Sending){.w = *o->w, .known = true};
    TRY(claim(c, o->s));
    o->s->known = false;
    return NULL;
}

/* Should claiming fail, what was stored is; then it is claimed in a transaction of its own. */
static Err *store_in(Ctx *c, void *arg) {
    Outgoing *o = arg;
    turn_put_back(o->w, &o->kept);
    o->claimed = false;
    TRY(turn_lock(c, o->w));
    if (o->w->stale) return NULL;
    TRY(o->store(c, o->w));
    if (time_is_null(o->w->t.finished_at)) o->claimed = !db_transaction(c, claim_stored, o);
    return NULL;
}

/* -- what came of it --------------------------------------------------------------------------- */

static Err *again_in(Ctx *c, Sending *s, bool outside) {
    TRY(tenant_exec(c, &s->w.s, SQL(SQL_TURN_MESSAGE_METADATA),
                    ARGS(V(s->m.n), V(metadata_with(c, &s->m, s->tries + 1, outside))), NULL));
    return message_set(c, &s->w.s, s->m.n, "pending", s->reason, (Str){0});
}

/* Who was given up and comes back late may say what became of it: `unknown` is then known. */
static Err *settle_in(Ctx *c, void *arg) {
    Sending *s = arg;
    Message now = {0};
    TRY(conversation_lock(c, &s->w.s, s->w.conversation, &s->w.v));
    TRY(tenant_one(c, &s->w.s, SQL(SQL_TURN_MESSAGE), ARGS(V(s->m.n)), &message_row_record, &now));
    if (!is(now.status, "sending") && !is(now.status, "unknown")) return NULL;
    TRY(its_turn_read(c, s));
    if (strcmp(s->status, "pending") == 0 || strcmp(s->status, "template") == 0) {
        if (is(now.status, "unknown")) return NULL; /* a person decides by now */
        return again_in(c, s, strcmp(s->status, "template") == 0);
    }
    if (!str_is_null(now.reason) && strcmp(s->status, "sent") == 0)
        TRY(tenant_exec(c, &s->w.s, SQL(SQL_TURN_MESSAGE_AGAIN),
                        ARGS(V(s->m.n), V(now.status), V(now.metadata), V(time_now())), NULL));
    return settled(c, s, s->status, s->reason);
}

static void judge_answer(Ctx *c, Sending *s, const Err *err) {
    s->status = "sent";
    s->reason = (Str){0};
    if (!err) return;
    s->reason = turn_reason(c, err);
    switch (err->kind) {
    case ERR_RATE_LIMITED:
    case ERR_UNAVAILABLE: s->status = s->tries + 1 < SEND_TRIES ? "pending" : "failed"; break;
    case ERR_INVALID:
        s->status = "failed";
        if (str_eq(err->code, S("131047")) && !is(s->wire.type, "template") &&
            !told_outside(c, &s->m))
            s->status = "template"; /* the provider counts the 24 hours otherwise than we */
        break;
    case ERR_NOT_CONFIGURED:
    case ERR_TOO_LARGE:
    case ERR_NOT_FOUND: s->status = "failed"; break;
    default: s->status = "unknown"; break;
    }
}

/* Written also when the server is about to stop: what is known must not become unknown. */
static Err *settle(Ctx *c, Sending *s) {
    int64_t former = c->deadline_us;
    coro_shield(c);
    c->deadline_us = mono_us() + SETTLE_MS * US_PER_MS;
    Err *bad = db_transaction(c, settle_in, s);
    while (bad && bad->kind == ERR_UNAVAILABLE && mono_us() < c->deadline_us) {
        if (sleep_ms(c, SETTLE_PAUSE_MS)) break;
        bad = db_transaction(c, settle_in, s);
    }
    c->deadline_us = former;
    coro_unshield(c);
    return bad;
}

static Err *send_one(Ctx *c, Work *w, Sending *s) {
    Err *err = whatsapp_send(c, &w->channel, &w->contact, &s->wire, &s->external_id);
    TRY(turn_after(c, "sent"));
    if (err) {
        s->external_id = (Str){0};
        log_msg(c, LOG_WARN, "message %.*s was not sent: %.*s", S_ARG(s->m.id),
                S_ARG(err_chain(c->arena, err)));
    }
    judge_answer(c, s, err);
    TRY(settle(c, s));
    if (strcmp(s->status, "pending") == 0)
        w->again_ms = turn_backoff_ms(s->tries, err, SEND_BACKOFF_MS, SEND_BACKOFF_MOST_MS);
    return turn_after(c, "settle");
}

static Err *outgoing_step(Ctx *c, Outgoing *o, Err *(*fn)(Ctx *c, void *arg), const char *name) {
    o->kept = turn_keep(o->w);
    Err *err = db_transaction(c, fn, o);
    if (err) turn_put_back(o->w, &o->kept);
    return err ? err : turn_after(c, name);
}

static Err *outgoing_run(Ctx *c, Outgoing *o) {
    Work *w = o->w;
    Sending *s = o->s;
    for (bool more = true; more && w->again_ms < 0;) {
        if (!o->claimed) TRY(outgoing_step(c, o, claim_in, "claim"));
        o->claimed = false;
        more = s->found;
        if (s->waits_ms > 0) w->again_ms = s->waits_ms;
        if (s->go) TRY(send_one(c, w, s));
    }
    return NULL;
}

static Outgoing outgoing_make(Ctx *c, Work *w, Err *(*then)(Ctx *c, Work *w)) {
    assert(then);
    w->again_ms = -1;
    return (Outgoing){.w = w, .s = arena_new_of(c->arena, Sending), .then = then};
}

Err *turn_send_all(Ctx *c, Work *w, Err *(*then)(Ctx *c, Work *w)) {
    Outgoing o = outgoing_make(c, w, then);
    return outgoing_run(c, &o);
}

Err *turn_store_and_send(Ctx *c, Work *w, Err *(*store)(Ctx *c, Work *w),
                         Err *(*then)(Ctx *c, Work *w)) {
    Outgoing o = outgoing_make(c, w, then);
    o.store = store;
    TRY(outgoing_step(c, &o, store_in, "store"));
    if (w->stale || !time_is_null(w->t.finished_at)) return NULL;
    return outgoing_run(c, &o);
}
