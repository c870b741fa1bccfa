/* SPDX-License-Identifier: Apache-2.0
 * What comes in. One door for every channel: WhatsApp's webhook, the widget, the API.
 *
 * Exactly once: a message's external_id is unique in its channel, and its row, the conversation's figures,
 * the job that answers it and the event are one transaction. Locks are taken contact, conversation,
 * job, and the log of events last. The usual message costs a SELECT and an INSERT, and for all of one
 * contact together an UPDATE of the conversation and the job.
 *
 * Messages of a call are gathered into threads, one for each name that contacts come under. A thread
 * whose contact has an open conversation is found and locked at once; what else there is to do, a new
 * contact, one more of its names, a conversation after one that ended, is done when its first message
 * that is new is met: a delivery repeated after days must not open a conversation. */
#include "core/map.h"
#include "products/sylion/channels.h"
#include "products/sylion/contacts_sql.h"
#include "products/sylion/conversation_room.h"
#include "products/sylion/conversation_sql.h"

typedef struct Thread {
    Identity who;
    ThreadRow row;
    bool found, made, asks;
    /* Since its row was last written. */
    int64_t messages, unread;
    Time wrote_at;
    Str glimpse; /* null: nothing to show */
} Thread;

typedef struct Intake {
    const Scope *scope;
    const Channel *channel;
    Thread *threads;    /* in the order in which they are locked */
    Thread **thread_of; /* of each message */
    ptrdiff_t count;
    Time now;
    int64_t next_n; /* of messages, on SQLite, where nobody writes beside us; 0: not known yet */
} Intake;

static const Field thread_row_fields[] = {
    FIELD(ThreadRow, contact_n),
    FIELD(ThreadRow, conversation_n),
    FIELD(ThreadRow, conversation_id),
    FIELD(ThreadRow, status),
    FIELD(ThreadRow, name, .flags = F_NULLABLE),
    FIELD(ThreadRow, recency),
};
const Record thread_row_record = RECORD(ThreadRow, thread_row_fields);

/* -- threads ------------------------------------------------------------------------------------- */

Err *thread_open(Ctx *c, const Scope *s, Id channel, Id contact, ThreadRow *out, bool *found) {
    return tenant_maybe(c, s, SQL2(SQL_THREAD_OPEN, SQL_THREAD_OPEN " FOR UPDATE"),
                        ARGS(V(channel), V(contact)), &thread_row_record, out, found);
}

Err *thread_open_or_add(Ctx *c, const Scope *s, Id channel, Id contact, const Identity *who,
                        ThreadRow *out, bool *made) {
    bool found;
    *made = false;
    TRY(thread_open(c, s, channel, contact, out, &found));
    if (found) return NULL;
    Time now = time_now();
    *out = (ThreadRow){.contact_n = contact,
                       .conversation_id = uuid_v7(c->arena),
                       .status = S("active"),
                       .recency = recency_of(now)};
    TRY(tenant_int(c, s, SQL(SQL_THREAD_ADD),
                   ARGS(V(channel), V(contact), V(out->conversation_id),
                        V(who->phone.data ? who->phone : who->user_key), V(who->name), V(now),
                        V(out->recency)),
                   &out->conversation_n.value));
    *made = true;
    return NULL;
}

/* By all the names that the message gives: a contact that has only one of them is linked first. */
static Err *thread_find(Ctx *c, const Intake *in, Thread *t) {
    const Identity *w = &t->who;
    Id channel = in->channel->n;
#define LOCKED(text) SQL2(text, text " FOR UPDATE OF k, v")
    if (w->user_key.data && w->phone.data)
        return tenant_maybe(c, in->scope, LOCKED(SQL_THREAD_BY_BOTH),
                            ARGS(V(channel), V(w->user_key), V(w->phone)), &thread_row_record,
                            &t->row, &t->found);
    if (w->user_key.data)
        return tenant_maybe(c, in->scope, LOCKED(SQL_THREAD_BY_USER),
                            ARGS(V(channel), V(w->user_key)), &thread_row_record, &t->row,
                            &t->found);
    return tenant_maybe(c, in->scope, LOCKED(SQL_THREAD_BY_PHONE), ARGS(V(channel), V(w->phone)),
                        &thread_row_record, &t->row, &t->found);
#undef LOCKED
}

static Err *thread_write(Ctx *c, const Intake *in, Thread *t) {
    if (t->messages == 0) return NULL;
    const Scope *s = in->scope;
    int64_t recency = recency_of(in->now);
    Value values[] = {
        V(t->row.conversation_n), V(t->messages), V(t->unread), V(t->glimpse), V(in->now),
        V(t->wrote_at),           V(t->who.name), V(recency)};
    bool recent = t->row.recency == recency;
    TRY(tenant_exec(c, s, recent ? SQL(SQL_THREAD_TOUCH) : SQL(SQL_THREAD_TOUCH_RECENCY),
                    (Args){values, COUNT(values) - recent}, NULL));
    t->row.recency = recency;
    if (t->who.name.data && !str_eq(t->who.name, t->row.name)) {
        TRY(tenant_exec(c, s, SQL(SQL_CONTACT_RENAME),
                        ARGS(V(t->row.contact_n), V(t->who.name), V(in->now)), NULL));
        t->row.name = t->who.name;
    }
    t->messages = t->unread = 0;
    t->glimpse = (Str){0};
    return NULL;
}

/* When contacts are linked or merged the other threads are looked for anew. */
static Err *thread_settle(Ctx *c, const Intake *in, Thread *t) {
    Id contact;
    bool moved, made;
    for (ptrdiff_t i = 0; i < in->count; i++) TRY(thread_write(c, in, &in->threads[i]));
    TRY(contact_settle(c, in->scope, in->channel->n, &t->who, &contact, &moved));
    for (ptrdiff_t i = 0; moved && i < in->count; i++) in->threads[i].found = false;
    TRY(thread_open_or_add(c, in->scope, in->channel->n, contact, &t->who, &t->row, &made));
    t->made |= made;
    t->found = true;
    return NULL;
}

/* -- messages ------------------------------------------------------------------------------------ */

static bool is_aside(Str type) { return str_eq(type, S("reaction")) || str_eq(type, S("system")); }

static Err *message_known(Ctx *c, const Intake *in, Str external_id, Stored *out) {
    if (!external_id.data) return NULL;
    Message m = {0};
    TRY(tenant_maybe(c, in->scope, SQL(SQL_MESSAGE_KNOWN), ARGS(V(in->channel->n), V(external_id)),
                     &message_row_record, &m, &out->known));
    if (out->known) *out = (Stored){m.conversation_n, m.n, m.id, true};
    return NULL;
}

static void inbound_fill(Ctx *c, const Intake *in, const Inbound *from, const Thread *t,
                         Message *m) {
    enum { CONTENT_MAX_BYTES = 65536 };
    bool future = time_is_null(from->provider_at) || from->provider_at.us > in->now.us;
    *m = (Message){
        .tenant_n = in->scope->tenant,
        .channel_n = in->channel->n,
        .conversation_n = t->row.conversation_n,
        .id = uuid_v7(c->arena),
        .conversation_id = t->row.conversation_id,
        .type = from->type,
        .direction = S("inbound"),
        .author = S("contact"),
        .content = from->content.data ? text_fit(c, from->content, CONTENT_MAX_BYTES) : S(""),
        .external_id = from->external_id.data ? name_fit(c, from->external_id) : (Str){0},
        .reply_to = from->reply_to.data ? name_fit(c, from->reply_to) : (Str){0},
        .status = is_aside(from->type) ? S("processed") : S("pending"),
        .metadata = from->metadata.text.data ? from->metadata : (JsonText){S("{}")},
        .media = from->media,
        .raw = from->raw,
        .provider_at = future ? in->now : (Time){max_i64(0, from->provider_at.us)},
        .created_at = in->now,
        .updated_at = in->now,
    };
}

static Err *message_insert(Ctx *c, Intake *in, Message *m, bool *made) {
    Value values[] = {V(m->channel_n),   V(m->conversation_n), V(m->id),     V(m->type),
                      V(m->content),     V(m->metadata),       V(m->media),  V(m->raw),
                      V(m->external_id), V(m->reply_to),       V(m->status), V(m->provider_at),
                      V(m->created_at),  V((Id){in->next_n})};
    if (db_engine(c) == ENGINE_POSTGRES)
        return tenant_maybe(c, in->scope, SQL(SQL_MESSAGE_ADD_INBOUND_POSTGRES),
                            (Args){values, COUNT(values) - 1}, &message_row_record, m, made);
    ptrdiff_t changed;
    TRY(tenant_exec(c, in->scope, SQL(SQL_MESSAGE_ADD_INBOUND_SQLITE),
                    (Args){values, COUNT(values)}, &changed));
    *made = changed > 0;
    if (!*made) return NULL;
    if (!in->next_n)
        TRY(tenant_int(c, in->scope, SQL(SQL_MESSAGE_ADDED_SQLITE), NO_ARGS, &in->next_n));
    m->n.value = in->next_n++;
    return NULL;
}

static void thread_count(Thread *t, const Message *m) {
    bool aside = is_aside(m->type);
    t->messages++;
    t->unread += !aside;
    if (!aside) t->glimpse = message_glimpse(m->type, m->content);
    if (t->wrote_at.us < m->provider_at.us) t->wrote_at = m->provider_at;
    t->asks |= !aside && str_eq(t->row.status, S("active"));
}

/* On PostgreSQL a neighbour may have stored it while we waited for the contact's row. */
static Err *message_store(Ctx *c, Intake *in, const Inbound *from, Thread *t, Message *m,
                          Stored *out) {
    Str external_id = from->external_id.data ? name_fit(c, from->external_id) : (Str){0};
    bool made;
    *out = (Stored){0};
    if (!t->found) {
        TRY(message_known(c, in, external_id, out));
        if (out->known) return NULL;
        TRY(thread_settle(c, in, t));
        if (t->made && db_engine(c) == ENGINE_POSTGRES) {
            TRY(message_known(c, in, external_id, out));
            if (out->known) return NULL;
        }
    }
    inbound_fill(c, in, from, t, m);
    TRY(message_insert(c, in, m, &made));
    if (!made) return message_known(c, in, external_id, out);
    *out = (Stored){m->conversation_n, m->n, m->id, false};
    thread_count(t, m);
    return NULL;
}

/* -- a call -------------------------------------------------------------------------------------- */

/* Contacts that give both names come first: they may link those that give one. */
static int by_name(const void *a, const void *b) {
    const Identity *x = &((const Thread *)a)->who, *y = &((const Thread *)b)->who;
    int rank_x = x->user_key.data ? x->phone.data ? 0 : 1 : 2;
    int rank_y = y->user_key.data ? y->phone.data ? 0 : 1 : 2;
    if (rank_x != rank_y) return rank_x - rank_y;
    int order = str_cmp(x->user_key, y->user_key);
    return order ? order : str_cmp(x->phone, y->phone);
}

static Str thread_key(Ctx *c, const Identity *w) {
    Buf b = buf_new(c->arena, w->user_key.len + w->phone.len + 2);
    buf_add(&b, w->user_key);
    buf_byte(&b, '\n');
    buf_add(&b, w->phone);
    return buf_str(&b);
}

static Identity inbound_identity(Ctx *c, const Inbound *from) {
    assert(from->phone.data || from->user_key.data);
    return (Identity){
        .phone = from->phone.data ? name_fit(c, from->phone) : (Str){0},
        .user_key = from->user_key.data ? name_fit(c, from->user_key) : (Str){0},
        .name = from->name.len ? text_fit(c, from->name, 255) : (Str){0},
    };
}

static void intake_gather(Ctx *c, Intake *in, const Inbound *all, ptrdiff_t count) {
    Map seen = {.arena = c->arena};
    in->threads = arena_array(c->arena, Thread, count);
    in->thread_of = arena_array(c->arena, Thread *, count);
    for (ptrdiff_t i = 0; i < count; i++) {
        Identity who = inbound_identity(c, &all[i]);
        Str key = count > 1 ? thread_key(c, &who) : S("");
        Thread *t = count > 1 ? map_get(&seen, key) : NULL;
        if (!t) {
            t = &in->threads[in->count++];
            *t = (Thread){.who = who, .wrote_at = TIME_NULL};
            if (count > 1) map_set(&seen, key, t);
        }
        if (who.name.data) t->who.name = who.name;
    }
    if (in->count > 1) qsort(in->threads, (size_t)in->count, sizeof *in->threads, by_name);
    Map sorted = {.arena = c->arena};
    for (ptrdiff_t i = 0; count > 1 && i < in->count; i++)
        map_set(&sorted, thread_key(c, &in->threads[i].who), &in->threads[i]);
    for (ptrdiff_t i = 0; i < count; i++) {
        Identity who = inbound_identity(c, &all[i]);
        in->thread_of[i] = count > 1 ? map_get(&sorted, thread_key(c, &who)) : &in->threads[0];
    }
}

static Err *intake_tell(Ctx *c, const Intake *in, const Message *messages, const Stored *stored,
                        ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < in->count; i++)
        if (in->threads[i].made)
            TRY(conversation_tell(c, in->scope, in->threads[i].row.conversation_n));
    for (ptrdiff_t i = 0; i < count; i++)
        if (!stored[i].known) TRY(message_tell(c, in->scope, "message.created", &messages[i]));
    return NULL;
}

Err *inbound_store(Ctx *c, const Scope *s, const Channel *channel, const Inbound *all,
                   ptrdiff_t count, Stored *out) {
    assert(c->tx && count >= 0);
    if (count == 0) return NULL;
    Intake in = {.scope = s, .channel = channel, .now = time_now()};
    Message *messages = arena_array(c->arena, Message, count);
    intake_gather(c, &in, all, count);
    for (ptrdiff_t i = 0; i < in.count; i++) TRY(thread_find(c, &in, &in.threads[i]));
    for (ptrdiff_t i = 0; i < count; i++)
        TRY(message_store(c, &in, &all[i], in.thread_of[i], &messages[i], &out[i]));
    int64_t delay_ms = channel_debounce_ms(channel);
    for (ptrdiff_t i = 0; i < in.count; i++) {
        Thread *t = &in.threads[i];
        TRY(thread_write(c, &in, t));
        if (t->asks) TRY(conversation_wake(c, s, t->row.conversation_n, delay_ms));
    }
    return intake_tell(c, &in, messages, out, count);
}
