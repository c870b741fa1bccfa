/* SPDX-License-Identifier: Apache-2.0
 * Routes of messages. What is posted with status pending (the usual one) happens: an inbound message
 * is the contact's, on whatever channel, and is answered as if it had come from there; an outbound one is
 * a person's and is sent. What is posted with another status is history: it is kept as told, and
 * nothing is answered or sent. An inbound externalId that is known gives the message that is there. */
#include "products/sylion/channels.h"
#include "products/sylion/conversation_room.h"
#include "products/sylion/conversation_sql.h"
#include "products/sylion/conversations_sql.h"
#include "products/sylion/media.h"
#include "products/sylion/routes.h"
#include "products/sylion/tenants.h"

enum { OBJECT_BYTES_MAX = 64 * 1024 };

static const char *const types[] = {"text",     "image",    "audio",       "document", "system",
                                    "video",    "sticker",  "location",    "contacts", "interactive",
                                    "button",   "reaction", "order",       "template", "unsupported",
                                    NULL};
static const char *const given_types[] = {"text",     "image", "audio",    "document",
                                          "system",   "video", "template", NULL};
static const char *const directions[] = {"inbound", "outbound", NULL};
static const char *const given_statuses[] = {"pending",   "processed", "failed", "sent",
                                             "delivered", "read",      NULL};
static const char *const statuses[] = {"pending", "processed", "failed", "sending", "sent",
                                       "delivered", "read",    "unknown", NULL};

typedef struct MessageIn {
    Str tenant_id, conversation_id, type, direction, content, external_id, status, reply_to;
    JsonText metadata, media;
} MessageIn;

static void object_check(JsonText json, Str field, Problems *p) {
    if (!json.text.data) return;
    if (json.text.len == 0 || json.text.data[0] != '{')
        problem_add(p, field, S("type"), "must be an object");
    else if (json.text.len > OBJECT_BYTES_MAX)
        problem_add(p, field, S("too_long"), "must have at most %d bytes", OBJECT_BYTES_MAX);
}

/* pending and failed are of both directions. */
static bool status_fits(Str direction, Str status) {
    if (str_eq(status, S("processed"))) return str_eq(direction, S("inbound"));
    bool of_ours = str_eq(status, S("sent")) || str_eq(status, S("delivered")) ||
                   str_eq(status, S("read"));
    return !of_ours || str_eq(direction, S("outbound"));
}

static void message_in_check(const void *value, Str path, Problems *p) {
    const MessageIn *in = value;
    (void)path;
    object_check(in->metadata, S("metadata"), p);
    object_check(in->media, S("media"), p);
    if (in->direction.data && in->status.data && !status_fits(in->direction, in->status))
        problem_add(p, S("status"), S("value"), "is not one of an %.*s message",
                    S_ARG(in->direction));
    bool text = str_eq(in->type, S("text")) || str_eq(in->type, S("system"));
    if (in->direction.data && text && in->content.data && str_trim(in->content).len == 0)
        problem_add(p, S("content"), S("required"), "must say something");
    if (str_eq(in->direction, S("inbound")) && str_eq(in->type, S("template")))
        problem_add(p, S("type"), S("value"), "is not one of an inbound message");
}

static const Field create_fields[] = {
    FIELD(MessageIn, conversation_id, .flags = F_REQUIRED | F_LOWER, .format = "uuid"),
    FIELD(MessageIn, type, .values = given_types, .fallback = "\"text\""),
    FIELD(MessageIn, direction, .flags = F_REQUIRED, .values = directions),
    FIELD(MessageIn, content, .max = 4096, .fallback = "\"\""),
    FIELD(MessageIn, metadata, .flags = F_NULLABLE, .doc = "An object"),
    FIELD(MessageIn, media, .flags = F_NULLABLE, .doc = "An object"),
    FIELD(MessageIn, external_id, .flags = F_NULLABLE | F_TRIM, .min = 1, .max = 255),
    FIELD(MessageIn, reply_to, .flags = F_NULLABLE, .max = 512),
    FIELD(MessageIn, status, .values = given_statuses, .fallback = "\"pending\"",
          .doc = "Other than pending: kept as told, and nothing is answered or sent"),
    FIELD(MessageIn, tenant_id, .flags = F_NULLABLE, .format = "uuid"),
};
static const Record create_record = RECORD_AS("MessageCreate", MessageIn, create_fields,
                                              .camel = true, .check = message_in_check);
static const Field change_fields[] = {
    FIELD(MessageIn, status, .values = given_statuses),
    FIELD(MessageIn, metadata, .flags = F_NULLABLE, .doc = "An object"),
    FIELD(MessageIn, external_id, .flags = F_TRIM, .min = 1, .max = 255,
          .doc = "Of a message of ours that has none"),
    FIELD(MessageIn, tenant_id, .flags = F_NULLABLE, .format = "uuid"),
};
static const Record change_record = RECORD_AS("MessageChange", MessageIn, change_fields,
                                              .camel = true, .check = message_in_check);

typedef struct Work {
    Call *k;
    Scope s;
    Message m;
} Work;

static bool given(const Call *k, const char *name) {
    return k->present & record_bit(k->route->in, name);
}

static Err *message_load(Ctx *c, const Scope *s, Id n, Message *out) {
    *out = (Message){0};
    return tenant_one(c, s, SQL(SQL_MESSAGE_BY_N), ARGS(V(n)), &message_row_record, out);
}

static Err *message_answer(Ctx *c, Work *w, Id n) {
    TRY(message_load(c, &w->s, n, call_out(w->k)));
    return call_settle(c, w->k);
}

/* -- making --------------------------------------------------------------------------------------- */

static Err *inbound_post(Ctx *c, Work *w, const Conversation *v) {
    const MessageIn *in = w->k->in;
    Channel h;
    Contact who;
    Stored stored;
    TRY(channel_load_by_n(c, &w->s, v->channel_n, &h));
    if (!h.is_active)
        return sylion_err(c, ERR_FORBIDDEN, "CHANNEL_INACTIVE", "The channel is switched off.");
    TRY(contact_load(c, &w->s, v->contact_n, &who));
    Inbound from = {.external_id = in->external_id,
                    .type = in->type,
                    .content = in->content,
                    .phone = who.phone,
                    .user_key = who.user_key,
                    .reply_to = in->reply_to,
                    .metadata = in->metadata,
                    .media = in->media,
                    .provider_at = TIME_NULL};
    TRY(inbound_store(c, &w->s, &h, &from, 1, &stored));
    if (!stored.known) w->k->r->status = 201;
    if (!stored.known && !str_eq(in->status, S("pending")))
        TRY(message_set(c, &w->s, stored.message, str_cstr(c->arena, in->status), (Str){0},
                        (Str){0}));
    return message_answer(c, w, stored.message);
}

/* Of type system: a note among those who read along, which is sent to nobody. */
static Err *outbound_post(Ctx *c, Work *w, const Conversation *v) {
    const MessageIn *in = w->k->in;
    bool note = str_eq(in->type, S("system"));
    Outbound m = {.author = note ? S("system") : S("person"),
                  .author_id = c->account.user,
                  .type = in->type,
                  .content = in->content,
                  .metadata = in->metadata,
                  .media = in->media,
                  .reply_to = in->reply_to};
    Message made;
    TRY(outbound_add(c, &w->s, v->n, &m, &made));
    const char *status = note ? "processed" : str_cstr(c->arena, in->status);
    bool history = note || !str_eq(in->status, S("pending"));
    if (history || in->external_id.data)
        TRY(message_set(c, &w->s, made.n, history ? status : NULL, (Str){0}, in->external_id));
    w->k->r->status = 201;
    return message_answer(c, w, made.n);
}

static Err *message_make(Ctx *c, void *arg) {
    Work *w = arg;
    const MessageIn *in = w->k->in;
    Conversation found = {0}, v;
    TRY(tenant_found(c, &w->s, SQL(SQL_CONVERSATION_BY_ID), ARGS(V(in->conversation_id)),
                     &conversation_record, "CONVERSATION_NOT_FOUND", &found));
    TRY(conversation_lock(c, &w->s, found.n, &v));
    if (str_eq(v.status, S("ended"))) return conversation_ended(c);
    TRY(media_check(c, &w->s, in->media)); /* inbound too: what came in may be sent on */
    return str_eq(in->direction, S("inbound")) ? inbound_post(c, w, &v) : outbound_post(c, w, &v);
}

static Err *message_create(Ctx *c, Call *k) {
    Work w = {.k = k};
    TRY(scope_of(c, k, ((const MessageIn *)k->in)->tenant_id, &w.s));
    TRY(db_transaction(c, message_make, &w));
    reply_header(k->r, S("Location"),
                 strf(c->arena, "/api/v1/messages/%.*s", S_ARG(((Message *)k->out)->id)));
    return NULL;
}

/* -- changing ------------------------------------------------------------------------------------- */

static Err *status_refused(Ctx *c, const char *why) {
    Problems p = {.arena = c->arena};
    problem_add(&p, S("status"), S("value"), "%s", why);
    return problems_err(c, &p);
}

static Err *status_change(Ctx *c, Work *w, Str status) {
    bool inbound = str_eq(w->m.direction, S("inbound"));
    if (!status_fits(w->m.direction, status))
        return status_refused(c, inbound ? "is not one of an inbound message"
                                         : "is not one of an outbound message");
    if (!inbound && str_eq(status, S("pending")))
        return status_refused(c, "is not given back: POST /messages/{id}/resend sends again");
    if (!inbound && status_rank(status) < status_rank(w->m.status))
        return status_refused(c, "goes forward only");
    TRY(message_set(c, &w->s, w->m.n, str_cstr(c->arena, status), (Str){0}, (Str){0}));
    if (!inbound || !str_eq(status, S("pending"))) return NULL;
    Conversation v;
    TRY(conversation_lock(c, &w->s, w->m.conversation_n, &v));
    return str_eq(v.status, S("active")) ? conversation_wake(c, &w->s, v.n, 0) : NULL;
}

static Err *message_update(Ctx *c, void *arg) {
    Work *w = arg;
    const MessageIn *in = w->k->in;
    Conversation v;
    TRY(tenant_found(c, &w->s, SQL(SQL_MESSAGE_BY_ID), ARGS(V(str_lower(c->arena, w->k->params[0]))),
                     &message_row_record, "MESSAGE_NOT_FOUND", &w->m));
    TRY(conversation_lock(c, &w->s, w->m.conversation_n, &v));
    TRY(message_load(c, &w->s, w->m.n, &w->m));
    if (given(w->k, "metadata"))
        TRY(tenant_exec(c, &w->s, SQL(SQL_MESSAGE_ANNOTATE),
                        ARGS(V(w->m.n),
                             V(in->metadata.text.data ? in->metadata : (JsonText){S("{}")}),
                             V(time_now())),
                        NULL));
    if (in->external_id.data && w->m.external_id.data &&
        !str_eq(in->external_id, w->m.external_id)) {
        Problems p = {.arena = c->arena};
        problem_add(&p, S("externalId"), S("value"), "does not change once it is known");
        return problems_err(c, &p);
    }
    if (in->status.data && !str_eq(in->status, w->m.status)) TRY(status_change(c, w, in->status));
    TRY(message_set(c, &w->s, w->m.n, NULL, (Str){0}, in->external_id));
    return message_answer(c, w, w->m.n);
}

static Err *message_put(Ctx *c, Call *k) {
    Work w = {.k = k};
    TRY(scope_of(c, k, ((const MessageIn *)k->in)->tenant_id, &w.s));
    return db_transaction(c, message_update, &w);
}

/* -- reading -------------------------------------------------------------------------------------- */

static Err *message_get(Ctx *c, Call *k) {
    Scope s;
    TRY(scope_of(c, k, (Str){0}, &s));
    return tenant_found(c, &s, SQL(SQL_MESSAGE_BY_ID), ARGS(V(str_lower(c->arena, k->params[0]))),
                        &message_row_record, "MESSAGE_NOT_FOUND", call_out(k));
}

static const char *const orders[] = {"asc", "desc", NULL};

typedef struct MessagesQuery {
    int64_t page, limit;
    Str conversation_id, direction, status, type, search, sort_order;
} MessagesQuery;
#define MESSAGES_QUERY_FIELDS(usual_order)                                                       \
    PAGE_FIELDS(MessagesQuery), FIELD(MessagesQuery, direction, .values = directions),           \
        FIELD(MessagesQuery, status, .values = statuses),                                        \
        FIELD(MessagesQuery, type, .values = types),                                             \
        FIELD(MessagesQuery, search, .flags = F_TRIM, .max = 100, .doc = "In the content"),      \
        FIELD(MessagesQuery, sort_order, .values = orders, .fallback = usual_order,              \
              .doc = "By age: asc begins with the oldest")
static const Field query_fields[] = {
    MESSAGES_QUERY_FIELDS("\"desc\""),
    FIELD(MessagesQuery, conversation_id, .flags = F_LOWER, .format = "uuid"),
};
static const Record query_record = RECORD(MessagesQuery, query_fields, .camel = true);
static const Field conversation_query_fields[] = {MESSAGES_QUERY_FIELDS("\"asc\"")};
static const Record conversation_query_record =
    RECORD_AS("ConversationMessagesQuery", MessagesQuery, conversation_query_fields, .camel = true);

/* [of one conversation][the latest first] */
static const char *const pages[2][2] = {
    {SQL_MESSAGES_PAGE " ORDER BY m.n LIMIT $6 OFFSET $7",
     SQL_MESSAGES_PAGE " ORDER BY m.n DESC LIMIT $6 OFFSET $7"},
    {SQL_MESSAGES_OF_PAGE " ORDER BY m.n LIMIT $7 OFFSET $8",
     SQL_MESSAGES_OF_PAGE " ORDER BY m.n DESC LIMIT $7 OFFSET $8"},
};
static const char *const counts[2] = {SQL_MESSAGES_COUNT, SQL_MESSAGES_OF_COUNT};

/* conversation: a UUID; null: of all. */
static Err *messages_answer(Ctx *c, Call *k, const Scope *s, Str conversation) {
    enum { FILTERS = 4 };
    const MessagesQuery *q = k->query;
    Rows rows;
    int64_t total;
    bool of = conversation.data, latest = str_eq(q->sort_order, S("desc"));
    Value args[FILTERS + 3] = {V(q->direction), V(q->status), V(q->type),
                               V(like_pattern(c->arena, q->search)), V(conversation)};
    ptrdiff_t count = FILTERS + of;
    TRY(tenant_int(c, s, SQL(counts[of]), (Args){args, count}, &total));
    args[count++] = V(q->limit);
    args[count++] = V((q->page - 1) * q->limit);
    TRY(tenant_scan(c, s, SQL(pages[of][latest]), (Args){args, count}, &message_row_record,
                    &rows));
    call_list(c, k, rows, total, (Str){0});
    return NULL;
}

static Err *messages_list(Ctx *c, Call *k) {
    Scope s;
    TRY(scope_of(c, k, (Str){0}, &s));
    return messages_answer(c, k, &s, ((const MessagesQuery *)k->query)->conversation_id);
}

static Err *messages_of_conversation(Ctx *c, Call *k) {
    Scope s;
    Conversation v = {0};
    TRY(scope_of(c, k, (Str){0}, &s));
    TRY(tenant_found(c, &s, SQL(SQL_CONVERSATION_BY_ID), ARGS(V(str_lower(c->arena, k->params[0]))),
                     &conversation_record, "CONVERSATION_NOT_FOUND", &v));
    return messages_answer(c, k, &s, v.id);
}

const Route message_routes[] = {
    {POST, "/api/v1/messages", message_create, WRITES, .in = &create_record,
     .out = &message_row_record, .status_also = 201, .idempotent = true,
     .errors = "400 403 404 409",
     .doc = "A message: the contact's, which is answered, or a person's, which is sent (201); 200 "
            "where it is there"},
    {GET, "/api/v1/messages", messages_list, READS, .query = &query_record,
     .out = &message_row_record, .out_list = true, .errors = "400 404",
     .doc = "The tenant's messages, the latest first"},
    {GET, "/api/v1/messages/conversation/{id}", messages_of_conversation, READS,
     .query = &conversation_query_record, .out = &message_row_record, .out_list = true,
     .errors = "400 404", .doc = "A conversation's messages, the oldest first"},
    {GET, "/api/v1/messages/{id}", message_get, READS, .out = &message_row_record,
     .errors = "400 404", .doc = "A message, with what became of it"},
    {PUT, "/api/v1/messages/{id}", message_put, WRITES, .in = &change_record, .in_change = true,
     .out = &message_row_record, .errors = "400 404 409", .doc = "Change a message: what is given"},
    {.path = NULL},
};
