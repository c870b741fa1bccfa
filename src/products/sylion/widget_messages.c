/* SPDX-License-Identifier: Apache-2.0
 * What a visitor writes, and reads of the conversation: its own words and what has gone out to it,
 * of all conversations of its session, and nothing of how answers came about. */
#include "core/json.h"
#include "products/sylion/conversation.h"
#include "products/sylion/routes.h"
#include "products/sylion/sylion.h"
#include "products/sylion/widget.h"
#include "products/sylion/widget_sql.h"

enum {
    TEXT_MAX = 4096,
    CLIENT_ID_MAX = 100,
    HISTORY_USUAL = 50,
    HISTORY_MOST = 100,
    CITED_MOST = 50
};

/* -- what is seen ---------------------------------------------------------------------------------- */

static const Field row_fields[] = {
    FIELD(WidgetRow, n),
    FIELD(WidgetRow, conversation_n),
    FIELD(WidgetRow, id),
    FIELD(WidgetRow, external_id, .flags = F_NULLABLE),
    FIELD(WidgetRow, type),
    FIELD(WidgetRow, direction),
    FIELD(WidgetRow, author),
    FIELD(WidgetRow, content),
    FIELD(WidgetRow, metadata, .flags = F_NULLABLE),
    FIELD(WidgetRow, status),
    FIELD(WidgetRow, created_at),
};
const Record widget_row_record = RECORD(WidgetRow, row_fields);

/* Names of documents and the sentences that count, no ids of ours. */
typedef struct WidgetCitation {
    int64_t number;
    Str document_name, heading, sentence;
    OptInt page;
} WidgetCitation;
static const Field citation_fields[] = {
    FIELD(WidgetCitation, number, .doc = "As in the text: [1]"),
    FIELD(WidgetCitation, document_name),
    FIELD(WidgetCitation, heading, .flags = F_NULLABLE),
    FIELD(WidgetCitation, sentence, .flags = F_NULLABLE),
    FIELD(WidgetCitation, page, .flags = F_NULLABLE),
};
static const Record widget_citation_record = RECORD(WidgetCitation, citation_fields, .camel = true);

static const char *const authors[] = {"visitor", "assistant", "person", "system", NULL};
static const Field message_fields[] = {
    FIELD(WidgetMessage, id, .format = "uuid"),
    FIELD(WidgetMessage, client_id, .flags = F_NULLABLE, .doc = "The visitor's own name for it"),
    FIELD(WidgetMessage, author, .values = authors),
    FIELD(WidgetMessage, type),
    FIELD(WidgetMessage, content),
    FIELD(WidgetMessage, status),
    FIELD_LIST(WidgetMessage, citations, &widget_citation_record),
    FIELD(WidgetMessage, created_at),
};
const Record widget_message_record =
    RECORD(WidgetMessage, message_fields, .camel = true, .doc = "A message as visitors see it");

static RecordList citations_read(Ctx *c, JsonText metadata) {
    json_t *json;
    RecordList none = {0};
    if (metadata.text.len <= 2 || json_parse(c, metadata.text, &json)) return none;
    const json_t *list = json_at(json, "citations");
    size_t count = json_array_size(list);
    if (count == 0 || count > CITED_MOST) return none;
    WidgetCitation *out = arena_array(c->arena, WidgetCitation, (ptrdiff_t)count);
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(list, i);
        out[i].document_name = json_str(json_at(one, "documentName"));
        out[i].heading = json_str(json_at(one, "heading"));
        out[i].sentence = json_str(json_at(one, "sentence"));
        out[i].page.set = json_i64(json_at(one, "page"), &out[i].page.value);
        if (!json_i64(json_at(one, "number"), &out[i].number) || !out[i].document_name.data)
            return none;
    }
    return (RecordList){out, (ptrdiff_t)count};
}

void widget_message_show(Ctx *c, const WidgetRow *row, WidgetMessage *out) {
    bool inbound = str_eq(row->direction, S("inbound"));
    ptrdiff_t colon = row->external_id.data ? str_find_byte(row->external_id, ':') : -1;
    *out = (WidgetMessage){
        .id = row->id,
        .client_id = inbound && colon >= 0
                         ? str_slice(row->external_id, colon + 1, row->external_id.len)
                         : (Str){0},
        .author = str_eq(row->author, S("contact")) ? S("visitor") : row->author,
        .type = row->type,
        .content = row->content,
        .status = row->status,
        .created_at = row->created_at,
    };
    if (!inbound) out->citations = citations_read(c, row->metadata);
}

/* -- writing ----------------------------------------------------------------------------------------- */

typedef struct SaidIn {
    Str client_id, content;
} SaidIn;
static const Field said_in_fields[] = {
    FIELD(SaidIn, content, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = TEXT_MAX),
    FIELD(SaidIn, client_id, .flags = F_REQUIRED, .min = 1, .max = CLIENT_ID_MAX,
          .doc = "The visitor's own name for the message: the same again is the same message"),
};
static const Record said_in_record =
    RECORD_AS("WidgetMessageCreate", SaidIn, said_in_fields, .camel = true);

typedef struct SaidOut {
    Str id, client_id;
    bool known, answering;
} SaidOut;
static const Field said_out_fields[] = {
    FIELD(SaidOut, id, .format = "uuid"),
    FIELD(SaidOut, client_id),
    FIELD(SaidOut, known, .doc = "It had come before"),
    FIELD(SaidOut, answering, .doc = "The assistant answers; else a person will, or nobody"),
};
static const Record said_out_record =
    RECORD_AS("WidgetMessageTaken", SaidOut, said_out_fields, .camel = true);

typedef struct Saying {
    Call *k;
    Scope s;
    Channel channel;
    Visitor visitor;
} Saying;

static Err *say_in(Ctx *c, void *arg) {
    Saying *a = arg;
    const SaidIn *in = a->k->in;
    SaidOut *out = call_out(a->k);
    Inbound m = {
        .external_id = strf(c->arena, "%.*s:%.*s", S_ARG(a->visitor.id), S_ARG(in->client_id)),
        .type = S("text"),
        .content = in->content,
        .user_key = a->visitor.user_key,
        .provider_at = TIME_NULL,
    };
    Stored stored;
    int64_t answers;
    TRY(inbound_store(c, &a->s, &a->channel, &m, 1, &stored));
    TRY(tenant_int(c, &a->s, SQL(SQL_WIDGET_ANSWERS), ARGS(V(stored.conversation)), &answers));
    *out = (SaidOut){stored.message_id, in->client_id, stored.known, answers > 0};
    a->k->r->status = stored.known ? 200 : 201;
    return stored.known ? NULL : visitor_tell(c, a->visitor.contact_id);
}

static Err *says_limit(Ctx *c, const Saying *a) {
    ChannelConfig config;
    TRY(channel_config(c, &a->channel, &config));
    const ChannelLimits *l = &config.limits;
    TRY(visits_limit(c, "messages",
                     strf(c->arena, "sylion.visitor:%lld", (long long)a->visitor.n.value),
                     l->per_contact_per_minute.set ? l->per_contact_per_minute.value
                                                   : sylion.widget_per_minute));
    return visits_limit(c, "messages",
                        strf(c->arena, "sylion.webhook:%lld", (long long)a->channel.n.value),
                        l->per_minute.set ? l->per_minute.value : sylion.webhook_per_minute);
}

static Err *message_say(Ctx *c, Call *k) {
    Saying a = {.k = k};
    TRY(visitor_of_call(c, k, &a.s, &a.channel, &a.visitor));
    TRY(says_limit(c, &a));
    return db_transaction(c, say_in, &a);
}

/* -- reading ----------------------------------------------------------------------------------------- */

typedef struct HistoryQuery {
    int64_t limit;
    Str before;
} HistoryQuery;
static const Field history_query_fields[] = {
    FIELD(HistoryQuery, limit, .min = 1, .max = HISTORY_MOST, .fallback = "50"),
    FIELD(HistoryQuery, before, .flags = F_NULLABLE, .format = "uuid",
          .doc = "A message: what was said before it"),
};
static const Record history_query_record = RECORD(HistoryQuery, history_query_fields);

static Err *history(Ctx *c, Call *k) {
    Scope s;
    Channel channel;
    Visitor v;
    Rows rows;
    const HistoryQuery *q = k->query;
    Id before = {INT64_MAX};
    TRY(visitor_of_call(c, k, &s, &channel, &v));
    if (q->before.len) {
        bool found;
        WidgetRow row = {0};
        TRY(tenant_maybe(c, &s, SQL(SQL_WIDGET_MESSAGE_N),
                         ARGS(V(channel.n), V(v.contact_n), V(str_lower(c->arena, q->before))),
                         &widget_row_record, &row, &found));
        if (!found) return sylion_err(c, ERR_NOT_FOUND, "MESSAGE_NOT_FOUND", "Message not found");
        before = row.n;
    }
    TRY(tenant_query(c, &s, SQL(SQL_WIDGET_HISTORY),
                     ARGS(V(channel.n), V(v.contact_n), V(before), V(q->limit)), &widget_row_record,
                     &rows));
    WidgetMessage *out = arena_array(c->arena, WidgetMessage, rows.count + 1);
    for (ptrdiff_t i = 0; i < rows.count; i++)
        widget_message_show(c, (const WidgetRow *)rows.items + i, &out[i]);
    call_list(c, k, (Rows){.items = out, .count = rows.count}, -1, (Str){0});
    return NULL;
}

#define SESSION "/api/v1/widget/{channelId}/sessions/{sessionId}"

const Route widget_routes[] = {
    {POST, SESSION "/messages", message_say, VISITED, .rate = RATE_WRITE, .in = &said_in_record,
     .out = &said_out_record, .status_also = 201, .errors = "400 401 403 404 429",
     .doc = "The visitor writes; what the assistant answers comes by the events"},
    {GET, SESSION "/messages", history, VISITED, .query = &history_query_record,
     .out = &widget_message_record, .out_list = true, .errors = "400 401 403 404",
     .doc = "What was said in the session, the oldest first"},
    {GET, SESSION "/events", widget_events, VISITED, .out_type = "text/event-stream",
     .errors = "401 403 404 429",
     .doc = "Messages of the session as they come, from the latest 50 on, or from a Last-Event-ID: "
            "events `message` (a WidgetMessage), and `end` when the session is no more"},
    {.path = NULL},
};
