/* SPDX-License-Identifier: Apache-2.0
 * Conversations and messages, but for what comes in (inbound.c) and what providers say of what went
 * out (statuses.c). See conversation.h. */
#include "products/sylion/conversation.h"

#include "products/sylion/contacts_sql.h"
#include "products/sylion/conversation_room.h"
#include "products/sylion/conversation_sql.h"
#include "products/sylion/turn.h"

enum { GLIMPSE_BYTES = 200, EVENT_TEXT_BYTES = 4096, NAME_MAX_BYTES = 512 };

/* -- records --------------------------------------------------------------------------------------- */

const char *const conversation_statuses[] = {"active", "paused", "ended", "handoff", NULL};

static const Field conversation_fields[] = {
    FIELD(Conversation, n, .flags = F_SECRET),
    FIELD(Conversation, tenant_n, .flags = F_SECRET),
    FIELD(Conversation, channel_n, .flags = F_SECRET),
    FIELD(Conversation, contact_n, .flags = F_SECRET),
    FIELD(Conversation, assistant_n, .flags = F_SECRET),
    FIELD(Conversation, id, .format = "uuid"),
    FIELD(Conversation, tenant_id, .format = "uuid"),
    FIELD(Conversation, channel_id, .format = "uuid"),
    FIELD(Conversation, assistant_id, .flags = F_NULLABLE, .format = "uuid",
          .doc = "Answers here; null: as the channel's bindings say"),
    FIELD(Conversation, user_identifier, .doc = "The contact's phone number, else its user id"),
    FIELD(Conversation, user_name, .flags = F_NULLABLE),
    FIELD(Conversation, user_metadata, .flags = F_NULLABLE),
    FIELD(Conversation, status, .values = conversation_statuses,
          .doc = "handoff: a person answers; paused: nobody does"),
    FIELD(Conversation, title, .flags = F_NULLABLE),
    FIELD(Conversation, context, .flags = F_NULLABLE),
    FIELD(Conversation, language, .flags = F_NULLABLE, .doc = "The contact's, once it is known"),
    FIELD(Conversation, handoff_reason, .flags = F_NULLABLE),
    FIELD(Conversation, message_count),
    FIELD(Conversation, unread_count, .doc = "From the contact since a person last answered"),
    FIELD(Conversation, last_message, .flags = F_NULLABLE, .doc = "Its beginning"),
    FIELD(Conversation, last_message_at, .doc = "Or when it began"),
    FIELD(Conversation, last_inbound_at, .flags = F_NULLABLE,
          .doc = "Free messages may be sent for 24 h from here"),
    FIELD(Conversation, created_at),
    FIELD(Conversation, updated_at),
    FIELD(Conversation, ended_at, .flags = F_NULLABLE),
};
const Record conversation_record = RECORD(Conversation, conversation_fields, .camel = true,
                                          .doc = "A contact's exchange with an assistant");

static const char *const directions[] = {"inbound", "outbound", NULL};
static const char *const authors[] = {"contact", "assistant", "person", "system", NULL};

static const Field message_fields[] = {
    FIELD(Message, n, .flags = F_SECRET),
    FIELD(Message, tenant_n, .flags = F_SECRET),
    FIELD(Message, channel_n, .flags = F_SECRET),
    FIELD(Message, conversation_n, .flags = F_SECRET),
    FIELD(Message, turn_n, .flags = F_SECRET),
    FIELD(Message, id, .format = "uuid"),
    FIELD(Message, conversation_id, .format = "uuid"),
    FIELD(Message, turn_id, .flags = F_NULLABLE, .format = "uuid",
          .doc = "The turn that answers it, or that it is the answer of"),
    FIELD(Message, type),
    FIELD(Message, direction, .values = directions),
    FIELD(Message, author, .values = authors),
    FIELD(Message, author_id, .flags = F_NULLABLE, .doc = "The account of a person"),
    FIELD(Message, content),
    FIELD(Message, metadata, .flags = F_NULLABLE),
    FIELD(Message, media, .flags = F_NULLABLE),
    FIELD(Message, raw, .flags = F_SECRET),
    FIELD(Message, external_id, .flags = F_NULLABLE, .doc = "The channel's name for it"),
    FIELD(Message, reply_to, .flags = F_NULLABLE, .doc = "externalId of the message it quotes"),
    FIELD(Message, status,
          .doc = "inbound: pending, processed, failed; outbound: pending, sending, sent, "
                 "delivered, read, failed, unknown (whether it went out cannot be known)"),
    FIELD(Message, reason, .flags = F_NULLABLE),
    FIELD(Message, provider_at, .flags = F_NULLABLE),
    FIELD(Message, created_at),
    FIELD(Message, updated_at),
};
const Record message_row_record =
    RECORD_AS("ConversationMessage", Message, message_fields, .camel = true,
              .doc = "One message, in or out");

/* -- texts ------------------------------------------------------------------------------------------ */

Str name_fit(Ctx *c, Str name) {
    if (name.len <= NAME_MAX_BYTES && str_find_byte(name, '\0') < 0) return name;
    return strf(c->arena, "sha256:%.*s", S_ARG(secret_digest(c->arena, name)));
}

Str text_fit(Ctx *c, Str text, ptrdiff_t bytes) {
    Str cut = str_utf8_cut(text, bytes);
    if (str_find_byte(cut, '\0') < 0) return cut;
    Buf b = buf_new(c->arena, cut.len + 16);
    for (ptrdiff_t i = 0; i < cut.len; i++)
        if (cut.data[i])
            buf_byte(&b, cut.data[i]);
        else
            buf_add(&b, S("\xEF\xBF\xBD"));
    return buf_str(&b);
}

int64_t recency_of(Time at) { return at.us / (60 * US_PER_SECOND); }

Str message_glimpse(Str type, Str content) {
    return content.len ? str_utf8_cut(content, GLIMPSE_BYTES) : type;
}

/* -- events ----------------------------------------------------------------------------------------- */

static JsonText json_short(JsonText json) {
    if (json.text.len <= EVENT_TEXT_BYTES) return json;
    return (JsonText){S("{\"truncated\":true}")};
}

Err *message_tell(Ctx *c, const Scope *s, const char *type, const Message *m) {
    Message told = *m;
    told.content = str_utf8_cut(m->content, EVENT_TEXT_BYTES);
    told.reason = str_utf8_cut(m->reason, GLIMPSE_BYTES * 2);
    told.metadata = json_short(m->metadata);
    told.media = json_short(m->media);
    return tenant_tell(c, s, type, &message_row_record, &told);
}

Err *message_tell_by_n(Ctx *c, const Scope *s, const char *type, Id message) {
    Message m = {0};
    TRY(tenant_one(c, s, SQL(SQL_MESSAGE_BY_N), ARGS(V(message)), &message_row_record, &m));
    return message_tell(c, s, type, &m);
}

static Err *conversation_load_by_n(Ctx *c, const Scope *s, Id conversation, Conversation *out) {
    *out = (Conversation){0};
    TRY(tenant_found(c, s, SQL(SQL_CONVERSATION_BY_N), ARGS(V(conversation)), &conversation_record,
                     "CONVERSATION_NOT_FOUND", out));
    out->tenant_id = s->tenant_id;
    return NULL;
}

Err *conversation_tell(Ctx *c, const Scope *s, Id conversation) {
    Conversation v;
    TRY(conversation_load_by_n(c, s, conversation, &v));
    v.user_metadata = json_short(v.user_metadata);
    v.context = json_short(v.context);
    return tenant_tell(c, s, "conversation.updated", &conversation_record, &v);
}

/* -- conversations ----------------------------------------------------------------------------------- */

Err *conversation_ended(Ctx *c) {
    return sylion_err(c, ERR_CONFLICT, "CONVERSATION_ENDED", "The conversation has ended.");
}

Err *conversation_lock(Ctx *c, const Scope *s, Id conversation, Conversation *out) {
    bool found;
    assert(c->tx);
    *out = (Conversation){0};
    Sql hold = SQL2(SQL_CONVERSATION_BY_N, SQL_CONVERSATION_HOLD_POSTGRES);
    TRY(tenant_maybe(c, s, hold, ARGS(V(conversation)), &conversation_record, out, &found));
    if (!found) /* or its contact became another one while we waited for that one's row */
        TRY(tenant_found(c, s, hold, ARGS(V(conversation)), &conversation_record,
                         "CONVERSATION_NOT_FOUND", out));
    out->tenant_id = s->tenant_id;
    return NULL;
}

Err *conversation_wake(Ctx *c, const Scope *s, Id conversation, int64_t delay_ms) {
    assert(c->tx && !id_is_none(conversation));
    Str payload = strf(c->arena, "{\"tenant\":%lld,\"conversation\":%lld}",
                       (long long)s->tenant.value, (long long)conversation.value);
    return job_add(c, CONVERSATION_JOB, payload,
                   (JobOptions){
                       .delay_ms = delay_ms,
                       .unique_key = strf(c->arena, "%lld", (long long)conversation.value),
                       .hasten = delay_ms == 0,
                   },
                   NULL);
}

static Err *conversation_close(Ctx *c, const Scope *s, const Conversation *v, Time now) {
    TRY(tenant_exec(c, s, SQL(SQL_MESSAGES_LET_BE),
                    ARGS(V(v->n), V(S("The conversation was ended.")), V(now)), NULL));
    if (time_is_null(v->last_inbound_at)) return NULL;
    return tenant_exec(c, s, SQL(SQL_CONTACT_WROTE),
                       ARGS(V(v->contact_n), V(v->last_inbound_at), V(now)), NULL);
}

/* An ended one stays ended: the contact's next message begins another. */
Err *conversation_set_status(Ctx *c, const Scope *s, Id conversation, const char *status,
                             Str reason) {
    Conversation v;
    Time now = time_now();
    Str next = str_c(status);
    TRY(conversation_lock(c, s, conversation, &v));
    bool ends = str_eq(next, S("ended"));
    if (str_eq(v.status, S("ended"))) return ends ? NULL : conversation_ended(c);
    Str why = str_eq(next, S("handoff")) ? text_fit(c, reason, 500) : (Str){0};
    if (str_eq(v.status, next) && str_eq(v.handoff_reason, why)) return NULL;
    TRY(tenant_exec(c, s, SQL(SQL_CONVERSATION_STATE),
                    ARGS(V(conversation), V(next), V(why), V(ends ? now : TIME_NULL), V(now)),
                    NULL));
    if (ends) TRY(conversation_close(c, s, &v, now));
    return conversation_tell(c, s, conversation);
}

/* -- messages ---------------------------------------------------------------------------------------- */

typedef struct Spoken {
    Id n, channel_n;
    Str id;
} Spoken;
static const Field spoken_fields[] = {FIELD(Spoken, n), FIELD(Spoken, channel_n),
                                      FIELD(Spoken, id)};
static const Record spoken_record = RECORD(Spoken, spoken_fields);

static void outbound_fill(Ctx *c, const Scope *s, const Spoken *v, const Outbound *m,
                          Message *out) {
    *out = (Message){
        .tenant_n = s->tenant,
        .channel_n = v->channel_n,
        .conversation_n = v->n,
        .turn_n = m->turn,
        .author_id = m->author_id,
        .id = uuid_v7(c->arena),
        .conversation_id = v->id,
        .type = m->type,
        .direction = S("outbound"),
        .author = m->author,
        .content = m->content.data ? text_fit(c, m->content, 65536) : S(""),
        .reply_to = m->reply_to,
        .status = S("pending"),
        .metadata = m->metadata.text.data ? m->metadata : (JsonText){S("{}")},
        .media = m->media,
        .provider_at = TIME_NULL,
        .created_at = time_now(),
    };
    out->updated_at = out->created_at;
}

Err *outbound_add(Ctx *c, const Scope *s, Id conversation, const Outbound *m, Message *out) {
    assert(c->tx && m->author.data && m->type.data);
    Spoken v = {0};
    Conversation absent;
    Time now = time_now();
    bool open;
    TRY(tenant_maybe(c, s, SQL(SQL_CONVERSATION_SPEAK),
                     ARGS(V(conversation), V(message_glimpse(m->type, m->content)), V(now),
                          V(recency_of(now))),
                     &spoken_record, &v, &open));
    if (!open) {
        TRY(conversation_load_by_n(c, s, conversation, &absent));
        return conversation_ended(c);
    }
    outbound_fill(c, s, &v, m, out);
    TRY(tenant_int(c, s, SQL(SQL_MESSAGE_ADD_OUTBOUND),
                   ARGS(V(out->channel_n), V(out->conversation_n), V(out->turn_n), V(out->id),
                        V(out->type), V(out->author), V(out->author_id), V(out->content),
                        V(out->metadata), V(out->media), V(out->reply_to), V(out->created_at)),
                   &out->n.value));
    TRY(conversation_wake(c, s, conversation, 0));
    if (id_is_none(out->turn_n)) return message_tell(c, s, "message.created", out);
    return message_tell_by_n(c, s, "message.created", out->n); /* with its turn's id */
}

Err *message_set(Ctx *c, const Scope *s, Id message, const char *status, Str reason,
                 Str external_id) {
    assert(c->tx);
    Message m = {0};
    Str name = external_id.data ? name_fit(c, external_id) : external_id;
    Value values[] = {V(message), V(str_c(status)),
                      V(reason.data ? text_fit(c, reason, 1000) : reason), V(time_now()), V(name)};
    Sql named = SQL2(SQL_MESSAGE_STATE_NAMED_SQLITE, SQL_MESSAGE_STATE_NAMED_POSTGRES);
    TRY(tenant_exec_later(c, s, name.data ? named : SQL(SQL_MESSAGE_STATE),
                          (Args){values, COUNT(values) - !name.data}));
    TRY(tenant_found(c, s, SQL(SQL_MESSAGE_BY_N), ARGS(V(message)), &message_row_record,
                     "MESSAGE_NOT_FOUND", &m));
    if (name.data) {
        TRY(statuses_apply(c, s, m.channel_n, name));
        return message_tell_by_n(c, s, "message.updated", message);
    }
    return message_tell(c, s, "message.updated", &m);
}

Err *messages_before(Ctx *c, const Scope *s, Id conversation, Id last, int64_t limit, Rows *out) {
    assert(limit > 0);
    int64_t up_to = id_is_none(last) ? INT64_MAX : last.value;
    TRY(tenant_query(c, s, SQL(SQL_MESSAGES_UP_TO), ARGS(V(conversation), V(up_to), V(limit)),
                     &message_row_record, out));
    Message *all = out->items; /* the latest first */
    for (ptrdiff_t i = 0, k = out->count - 1; i < k; i++, k--) {
        Message m = all[i];
        all[i] = all[k];
        all[k] = m;
    }
    return NULL;
}
