/* SPDX-License-Identifier: Apache-2.0
 * Routes of conversations: looking, changing, taking over and giving back.
 *
 * A person who answers (reply) takes the conversation over: the assistant is silent until `resume`.
 * What the contact wrote until then counts as the person's to answer; resume with {"answer": true} lets
 * the assistant answer what nobody has. */
#include "products/sylion/assistants.h"
#include "products/sylion/channels.h"
#include "products/sylion/conversation_room.h"
#include "products/sylion/conversation_sql.h"
#include "products/sylion/conversations_sql.h"
#include "products/sylion/phone.h"
#include "products/sylion/media.h"
#include "products/sylion/routes.h"
#include "products/sylion/tenants.h"

enum { OBJECT_BYTES_MAX = 16 * 1024 };

static const char *const statuses[] = {"active", "paused", "ended", "handoff", NULL};

typedef struct Work {
    Call *k;
    Scope s;
    Str id;
    Conversation v;
    bool made;
} Work;

static bool given(const Call *k, const char *name) {
    return k->present & record_bit(k->route->in, name);
}

static void object_check(JsonText json, Str field, Problems *p) {
    if (!json.text.data) return;
    if (json.text.len == 0 || json.text.data[0] != '{')
        problem_add(p, field, S("type"), "must be an object");
    else if (json.text.len > OBJECT_BYTES_MAX)
        problem_add(p, field, S("too_long"), "must have at most %d bytes", OBJECT_BYTES_MAX);
}

static JsonText object_or_empty(JsonText json) {
    return json.text.data ? json : (JsonText){S("{}")};
}

/* (tx) The conversation of this UUID, locked. */
static Err *conversation_hold(Ctx *c, const Scope *s, Str id, Conversation *out) {
    Conversation found = {0};
    TRY(tenant_found(c, s, SQL(SQL_CONVERSATION_BY_ID), ARGS(V(str_lower(c->arena, id))),
                     &conversation_record, "CONVERSATION_NOT_FOUND", &found));
    return conversation_lock(c, s, found.n, out);
}

static Err *conversation_answer(Ctx *c, Work *w) {
    TRY(conversation_lock(c, &w->s, w->v.n, call_out(w->k)));
    return call_settle(c, w->k);
}

/* -- beginning ------------------------------------------------------------------------------------ */

typedef struct ConversationIn {
    Str tenant_id, channel_id, assistant_id, user_identifier, user_name, status, title;
    JsonText user_metadata, context;
    int64_t unread_count;
} ConversationIn;

static void conversation_in_check(const void *value, Str path, Problems *p) {
    const ConversationIn *in = value;
    (void)path;
    object_check(in->user_metadata, S("userMetadata"), p);
    object_check(in->context, S("context"), p);
    if (in->unread_count != 0) problem_add(p, S("unreadCount"), S("value"), "can only become 0");
}

#define CONVERSATION_IN_FIELDS                                                                     \
    FIELD(ConversationIn, assistant_id, .flags = F_NULLABLE | F_LOWER, .format = "uuid",           \
          .doc = "null: as the channel's bindings say"),                                           \
        FIELD(ConversationIn, user_name, .flags = F_NULLABLE | F_TRIM, .max = 255),                \
        FIELD(ConversationIn, user_metadata, .flags = F_NULLABLE, .doc = "An object"),             \
        FIELD(ConversationIn, status, .flags = F_NULLABLE, .values = statuses),                    \
        FIELD(ConversationIn, title, .flags = F_NULLABLE | F_TRIM, .max = 255),                    \
        FIELD(ConversationIn, context, .flags = F_NULLABLE, .doc = "An object"),                   \
        FIELD(ConversationIn, tenant_id, .flags = F_NULLABLE, .format = "uuid")

static const Field create_fields[] = {
    FIELD(ConversationIn, channel_id, .flags = F_REQUIRED | F_LOWER, .format = "uuid"),
    FIELD(ConversationIn, user_identifier, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 200,
          .doc = "On WhatsApp a phone number with its country's code, or a user id (FR.1349…)"),
    CONVERSATION_IN_FIELDS,
};
static const Record create_record = RECORD_AS("ConversationCreate", ConversationIn, create_fields,
                                              .camel = true, .check = conversation_in_check);
static const Field change_fields[] = {
    CONVERSATION_IN_FIELDS,
    FIELD(ConversationIn, unread_count, .doc = "0: a person has read it"),
};
static const Record change_record = RECORD_AS("ConversationChange", ConversationIn, change_fields,
                                              .camel = true, .check = conversation_in_check);

/* CC. and letters or digits: what WhatsApp knows a person by who hides his number. */
static bool is_user_id(Str text) {
    if (text.len < 4 || text.data[2] != '.') return false;
    for (ptrdiff_t i = 0; i < text.len; i++) {
        char b = text.data[i];
        bool upper = b >= 'A' && b <= 'Z';
        bool other = (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '.';
        if (!upper && !(other && i >= 2)) return false;
    }
    return true;
}

static Err *identity_read(Ctx *c, const Channel *h, const ConversationIn *in, Identity *out) {
    *out = (Identity){.name = in->user_name.len ? in->user_name : (Str){0},
                      .metadata = object_or_empty(in->user_metadata)};
    if (!str_eq(h->type, S("whatsapp"))) {
        out->user_key = in->user_identifier;
        return NULL;
    }
    out->phone = phone_normalise(c->arena, in->user_identifier);
    if (out->phone.data) return NULL;
    if (is_user_id(in->user_identifier)) {
        out->user_key = in->user_identifier;
        return NULL;
    }
    Problems p = {.arena = c->arena};
    problem_add(&p, S("userIdentifier"), S("format"),
                "is neither a phone number with its country's code nor a WhatsApp user id");
    return problems_err(c, &p);
}

static Err *assistant_named(Ctx *c, const Scope *s, Str id, Id *out) {
    *out = (Id){0};
    if (!id.data) return NULL;
    Assistant a;
    TRY(assistant_load(c, s, id, &a));
    *out = a.n;
    return NULL;
}

static Err *conversation_change(Ctx *c, Work *w) {
    Conversation *v = &w->v;
    const ConversationIn *in = w->k->in;
    if (given(w->k, "assistant_id"))
        TRY(assistant_named(c, &w->s, in->assistant_id, &v->assistant_n));
    if (given(w->k, "user_name")) v->user_name = in->user_name;
    if (given(w->k, "user_metadata")) v->user_metadata = object_or_empty(in->user_metadata);
    if (given(w->k, "title")) v->title = in->title;
    if (given(w->k, "context")) v->context = object_or_empty(in->context);
    return tenant_exec(c, &w->s, SQL(SQL_CONVERSATION_CHANGE),
                       ARGS(V(v->n), V(v->assistant_n), V(v->user_name), V(v->user_metadata),
                            V(v->title), V(v->context), V(v->unread_count), V(time_now())),
                       NULL);
}

/* One that is open is found, and stays as it is: there is one for each contact. */
static Err *conversation_begin(Ctx *c, void *arg) {
    Work *w = arg;
    const ConversationIn *in = w->k->in;
    Channel h;
    Identity who;
    Id contact;
    ThreadRow row;
    bool moved;
    TRY(channel_load(c, &w->s, in->channel_id, &h));
    TRY(identity_read(c, &h, in, &who));
    TRY(contact_settle(c, &w->s, h.n, &who, &contact, &moved));
    TRY(thread_open_or_add(c, &w->s, h.n, contact, &who, &row, &w->made));
    TRY(conversation_lock(c, &w->s, row.conversation_n, &w->v));
    if (w->made) {
        TRY(conversation_change(c, w));
        if (in->status.data)
            TRY(conversation_set_status(c, &w->s, w->v.n, str_cstr(c->arena, in->status),
                                        (Str){0}));
        if (!in->status.data || str_eq(in->status, S("active")))
            TRY(conversation_tell(c, &w->s, w->v.n));
    }
    if (w->made) w->k->r->status = 201;
    return conversation_answer(c, w);
}

static Err *conversation_create(Ctx *c, Call *k) {
    Work w = {.k = k};
    TRY(scope_of(c, k, ((const ConversationIn *)k->in)->tenant_id, &w.s));
    TRY(db_transaction(c, conversation_begin, &w));
    reply_header(k->r, S("Location"),
                 strf(c->arena, "/api/v1/conversations/%.*s", S_ARG(w.v.id)));
    return NULL;
}

/* -- changing ------------------------------------------------------------------------------------- */

static Err *conversation_update(Ctx *c, void *arg) {
    Work *w = arg;
    const ConversationIn *in = w->k->in;
    TRY(conversation_hold(c, &w->s, w->id, &w->v));
    if (given(w->k, "unread_count")) w->v.unread_count = 0;
    TRY(conversation_change(c, w));
    bool moves = in->status.data && !str_eq(in->status, w->v.status);
    if (moves)
        TRY(conversation_set_status(c, &w->s, w->v.n, str_cstr(c->arena, in->status), (Str){0}));
    else
        TRY(conversation_tell(c, &w->s, w->v.n));
    return conversation_answer(c, w);
}

static Err *conversation_put(Ctx *c, Call *k) {
    Work w = {.k = k, .id = k->params[0]};
    TRY(scope_of(c, k, ((const ConversationIn *)k->in)->tenant_id, &w.s));
    return db_transaction(c, conversation_update, &w);
}

/* What has come in is somebody else's to answer, or nobody's. */
static Err *pending_let_be(Ctx *c, const Work *w, Str why) {
    return tenant_exec(c, &w->s, SQL(SQL_MESSAGES_LET_BE),
                       ARGS(V(w->v.n), V(why), V(time_now())), NULL);
}

typedef struct HandoffIn {
    Str reason;
} HandoffIn;
static const Field handoff_fields[] = {
    FIELD(HandoffIn, reason, .flags = F_NULLABLE | F_TRIM, .max = 500)};
static const Record handoff_record =
    RECORD_AS("ConversationHandoff", HandoffIn, handoff_fields, .camel = true);

static Err *hand_over(Ctx *c, void *arg) {
    Work *w = arg;
    const HandoffIn *in = w->k->in;
    Str why = in->reason.len ? in->reason : S("A person took over.");
    TRY(conversation_hold(c, &w->s, w->id, &w->v));
    TRY(conversation_set_status(c, &w->s, w->v.n, "handoff", why));
    return conversation_answer(c, w);
}

static Err *conversation_handoff(Ctx *c, Call *k) {
    Work w = {.k = k, .id = k->params[0]};
    TRY(scope_of(c, k, (Str){0}, &w.s));
    return db_transaction(c, hand_over, &w);
}

typedef struct ResumeIn {
    bool answer;
} ResumeIn;
static const Field resume_fields[] = {
    FIELD(ResumeIn, answer, .fallback = "false",
          .doc = "Let the assistant answer what came meanwhile and nobody has answered")};
static const Record resume_record =
    RECORD_AS("ConversationResume", ResumeIn, resume_fields, .camel = true);

static Err *give_back(Ctx *c, void *arg) {
    Work *w = arg;
    const ResumeIn *in = w->k->in;
    TRY(conversation_hold(c, &w->s, w->id, &w->v));
    bool silent = str_eq(w->v.status, S("handoff")) || str_eq(w->v.status, S("paused"));
    if (silent && !in->answer)
        TRY(pending_let_be(c, w, S("It came while the assistant was silent.")));
    TRY(conversation_set_status(c, &w->s, w->v.n, "active", (Str){0}));
    if (in->answer) TRY(conversation_wake(c, &w->s, w->v.n, 0));
    return conversation_answer(c, w);
}

static Err *conversation_resume(Ctx *c, Call *k) {
    Work w = {.k = k, .id = k->params[0]};
    TRY(scope_of(c, k, (Str){0}, &w.s));
    return db_transaction(c, give_back, &w);
}

/* -- a person answers ----------------------------------------------------------------------------- */

typedef struct ReplyIn {
    Str type, content, reply_to;
    JsonText metadata, media;
} ReplyIn;
static const char *const reply_types[] = {"text", "image", "audio", "document", "template", NULL};

static void reply_in_check(const void *value, Str path, Problems *p) {
    const ReplyIn *in = value;
    (void)path;
    object_check(in->metadata, S("metadata"), p);
    object_check(in->media, S("media"), p);
    bool empty = in->content.data && str_trim(in->content).len == 0;
    if (empty && (!in->type.data || str_eq(in->type, S("text"))))
        problem_add(p, S("content"), S("required"), "must say something");
}

static const Field reply_fields[] = {
    FIELD(ReplyIn, content, .max = 4096, .fallback = "\"\""),
    FIELD(ReplyIn, type, .values = reply_types, .fallback = "\"text\""),
    FIELD(ReplyIn, metadata, .flags = F_NULLABLE, .doc = "Of a template: name, language, …"),
    FIELD(ReplyIn, media, .flags = F_NULLABLE),
    FIELD(ReplyIn, reply_to, .flags = F_NULLABLE, .max = 512,
          .doc = "externalId of the message it quotes"),
};
static const Record reply_record = RECORD_AS("ConversationReply", ReplyIn, reply_fields,
                                             .camel = true, .check = reply_in_check);

static Err *reply(Ctx *c, void *arg) {
    Work *w = arg;
    const ReplyIn *in = w->k->in;
    TRY(conversation_hold(c, &w->s, w->id, &w->v));
    if (str_eq(w->v.status, S("ended"))) return conversation_ended(c);
    TRY(media_check(c, &w->s, in->media));
    if (!str_eq(w->v.status, S("handoff")))
        TRY(conversation_set_status(c, &w->s, w->v.n, "handoff", S("A person answered.")));
    TRY(pending_let_be(c, w, S("A person answered.")));
    TRY(tenant_exec(c, &w->s, SQL(SQL_CONVERSATION_READ), ARGS(V(w->v.n)), NULL));
    Outbound m = {.author = S("person"),
                  .author_id = c->account.user,
                  .type = in->type,
                  .content = in->content,
                  .metadata = in->metadata,
                  .media = in->media,
                  .reply_to = in->reply_to};
    TRY(outbound_add(c, &w->s, w->v.n, &m, call_out(w->k)));
    return call_settle(c, w->k);
}

static Err *conversation_reply(Ctx *c, Call *k) {
    Work w = {.k = k, .id = k->params[0]};
    TRY(scope_of(c, k, (Str){0}, &w.s));
    return db_transaction(c, reply, &w);
}

/* -- reading -------------------------------------------------------------------------------------- */

static Err *conversation_get(Ctx *c, Call *k) {
    Scope s;
    Conversation *out = call_out(k);
    TRY(scope_of(c, k, (Str){0}, &s));
    TRY(tenant_found(c, &s, SQL(SQL_CONVERSATION_BY_ID), ARGS(V(str_lower(c->arena, k->params[0]))),
                     &conversation_record, "CONVERSATION_NOT_FOUND", out));
    out->tenant_id = s.tenant_id;
    return NULL;
}

typedef struct ConversationsQuery {
    int64_t page, limit;
    Str search, status, channel_id, assistant_id;
} ConversationsQuery;
static const Field query_fields[] = {
    PAGE_FIELDS(ConversationsQuery),
    FIELD(ConversationsQuery, search, .flags = F_TRIM, .max = 100,
          .doc = "In the contact's name and number, the title and the last message"),
    FIELD(ConversationsQuery, status, .values = statuses),
    FIELD(ConversationsQuery, channel_id, .flags = F_LOWER, .format = "uuid"),
    FIELD(ConversationsQuery, assistant_id, .flags = F_LOWER, .format = "uuid"),
};
static const Record query_record = RECORD(ConversationsQuery, query_fields, .camel = true);

static Err *conversations_answer(Ctx *c, Call *k, Str tenant) {
    const ConversationsQuery *q = k->query;
    Scope s;
    Rows rows;
    int64_t total;
    TRY(scope_of(c, k, tenant, &s));
    Value pattern = V(like_pattern(c->arena, q->search)), status = V(q->status),
          channel = V(q->channel_id), assistant = V(q->assistant_id);
    TRY(tenant_scan(
        c, &s, SQL(SQL_CONVERSATIONS_PAGE),
        ARGS(pattern, status, channel, assistant, V(q->limit), V((q->page - 1) * q->limit)),
        &conversation_record, &rows));
    TRY(tenant_int(c, &s, SQL(SQL_CONVERSATIONS_COUNT), ARGS(pattern, status, channel, assistant),
                   &total));
    for (ptrdiff_t i = 0; i < rows.count; i++)
        ((Conversation *)rows.items)[i].tenant_id = s.tenant_id;
    call_list(c, k, rows, total, (Str){0});
    return NULL;
}

static Err *conversations_list(Ctx *c, Call *k) { return conversations_answer(c, k, (Str){0}); }
static Err *conversations_of_tenant(Ctx *c, Call *k) {
    return conversations_answer(c, k, k->params[0]);
}

const Route conversation_routes[] = {
    {POST, "/api/v1/conversations", conversation_create, WRITES, .in = &create_record,
     .out = &conversation_record, .status_also = 201, .idempotent = true,
     .errors = "400 403 404 409",
     .doc = "Begin a conversation with a contact (201), or find the one that is open (200)"},
    {GET, "/api/v1/conversations", conversations_list, READS, .query = &query_record,
     .out = &conversation_record, .out_list = true, .errors = "400 404",
     .doc = "The tenant's conversations, the one that last spoke first"},
    {GET, "/api/v1/conversations/tenant/{tenantId}", conversations_of_tenant, READS,
     .query = &query_record, .out = &conversation_record, .out_list = true, .errors = "400 404",
     .doc = "The same, by its id"},
    {GET, "/api/v1/conversations/{id}", conversation_get, READS, .out = &conversation_record,
     .errors = "400 404", .doc = "A conversation"},
    {PUT, "/api/v1/conversations/{id}", conversation_put, WRITES, .in = &change_record,
     .in_change = true, .out = &conversation_record, .errors = "400 404 409",
     .doc = "Change a conversation: what is given. An ended one stays ended"},
    {POST, "/api/v1/conversations/{id}/reply", conversation_reply, WRITES, .in = &reply_record,
     .out = &message_row_record, .status = 201, .idempotent = true, .errors = "400 404 409",
     .doc = "A person answers, and has taken over until resume"},
    {POST, "/api/v1/conversations/{id}/handoff", conversation_handoff, WRITES,
     .in = &handoff_record, .out = &conversation_record,
     .errors = "400 404 409", .doc = "Take a conversation over from the assistant"},
    {POST, "/api/v1/conversations/{id}/resume", conversation_resume, WRITES, .in = &resume_record,
     .out = &conversation_record, .errors = "400 404 409",
     .doc = "Give a conversation back to the assistant"},
    {.path = NULL},
};
