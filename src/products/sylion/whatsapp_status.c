/* SPDX-License-Identifier: Apache-2.0
 * How a tenant's WhatsApp channels are set up: what is there and what is missing, never the secrets
 * themselves; and, when it is asked for, whether the provider answers to their keys. */
#include "products/sylion/channels.h"
#include "products/sylion/routes.h"
#include "products/sylion/sylion.h"
#include "products/sylion/whatsapp_door.h"
#include "products/sylion/whatsapp_sql.h"

enum { CHANNELS_MAX = 100, CHECKED_MAX = 10, CHECK_MS = 4000, ANSWER_MAX = 64 * 1024 };

typedef struct StatusRow {
    Channel channel;
    Time last_inbound_at;
} StatusRow;

#define CHANNEL_FIELD(member)                                                         \
    {                                                                                 \
        .name = #member, .kind = KIND_OF(((StatusRow *)0)->channel.member),           \
        .offset = offsetof(StatusRow, channel.member), .flags = F_NULLABLE | F_SECRET \
    }
static const Field row_fields[] = {
    CHANNEL_FIELD(n),
    CHANNEL_FIELD(tenant_n),
    CHANNEL_FIELD(id),
    CHANNEL_FIELD(name),
    CHANNEL_FIELD(provider),
    CHANNEL_FIELD(is_active),
    CHANNEL_FIELD(whatsapp_phone_number),
    CHANNEL_FIELD(phone_number_id),
    CHANNEL_FIELD(whatsapp_api_key),
    CHANNEL_FIELD(whatsapp_verify_token),
    CHANNEL_FIELD(app_secret),
    CHANNEL_FIELD(webhook_secret),
    FIELD(StatusRow, last_inbound_at, .flags = F_NULLABLE),
};
static const Record row_record = RECORD(StatusRow, row_fields);

typedef struct ChannelState {
    Str channel_id, name, provider, webhook_path;
    bool is_active, can_send, can_verify, is_protected;
    Time last_inbound_at;
    OptBool reachable;
    Str problem;
} ChannelState;
static const Field state_fields[] = {
    FIELD(ChannelState, channel_id, .format = "uuid"),
    FIELD(ChannelState, name),
    FIELD(ChannelState, provider),
    FIELD(ChannelState, webhook_path, .doc = "What the provider is told to call"),
    FIELD(ChannelState, is_active),
    FIELD(ChannelState, can_send, .doc = "There is a key, and for the Cloud API the number's id"),
    FIELD(ChannelState, can_verify, .doc = "There is a token for the handshake"),
    FIELD(ChannelState, is_protected, .doc = "Deliveries must prove who they are from"),
    FIELD(ChannelState, last_inbound_at, .flags = F_NULLABLE),
    FIELD(ChannelState, reachable, .doc = "The provider answered to its key; null: not asked"),
    FIELD(ChannelState, problem, .flags = F_NULLABLE, .doc = "What is missing or was answered"),
};
static const Record state_record = RECORD(ChannelState, state_fields, .camel = true);

typedef struct WhatsappStatus {
    bool dry_run;
    RecordList channels;
} WhatsappStatus;
static const Field status_fields[] = {
    FIELD(WhatsappStatus, dry_run, .doc = "Nothing is sent"),
    FIELD_LIST(WhatsappStatus, channels, &state_record),
};
static const Record status_record =
    RECORD(WhatsappStatus, status_fields, .camel = true, .doc = "How WhatsApp is set up");

typedef struct StatusQuery {
    bool check;
} StatusQuery;
static const Field query_fields[] = {
    FIELD(StatusQuery, check, .fallback = "false",
          .doc = "Ask the providers, of the first ten active channels"),
};
static const Record query_record = RECORD(StatusQuery, query_fields);

/* The number itself, or what 360dialog has registered: reading either changes nothing. */
static Err *provider_ask(Ctx *c, const WhatsappDoor *door) {
    HttpAnswer answer = {0};
    HttpCall call = {
        .url = door->cloud
                   ? strf(c->arena, "%.*s?fields=id", S_ARG(whatsapp_id_url(c, door, door->number)))
                   : strf(c->arena, "%.*s/v1/configs/webhook", S_ARG(door->base)),
        .headers = &door->auth,
        .header_count = 1,
        .timeout_ms = CHECK_MS,
        .max_bytes = ANSWER_MAX};
    Err *err = http_call(c, &call, &answer);
    if (err) return whatsapp_silence(c, &answer, err);
    return answer.status >= 200 && answer.status < 300 ? NULL : whatsapp_refusal(c, &answer);
}

static Err *has_secret(Ctx *c, const Channel *channel, ChannelSecret which, bool *has) {
    Str secret;
    TRY(channel_secret(c, channel, which, &secret));
    *has = secret.len > 0;
    return NULL;
}

static Err *state_fill(Ctx *c, const StatusRow *row, bool check, ChannelState *out) {
    const Channel *channel = &row->channel;
    WhatsappDoor door;
    bool cloud = str_eq(channel->provider, S("cloud")), signs;
    *out = (ChannelState){
        .channel_id = channel->id,
        .name = channel->name,
        .provider = channel->provider,
        .webhook_path = strf(c->arena, "/api/v1/whatsapp/webhook/%.*s", S_ARG(channel->id)),
        .is_active = channel->is_active,
        .last_inbound_at = row->last_inbound_at,
    };
    Err *err = whatsapp_door(c, channel, &door);
    if (err && err->kind != ERR_NOT_CONFIGURED) return err;
    out->can_send = !err;
    TRY(has_secret(c, channel, CHANNEL_VERIFY_TOKEN, &out->can_verify));
    TRY(has_secret(c, channel, CHANNEL_APP_SECRET, &signs));
    out->is_protected =
        cloud ? signs : channel->webhook_secret.len > 0 || channel->app_secret.len > 0;
    if (!err && check && channel->is_active) {
        err = provider_ask(c, &door);
        out->reachable = (OptBool){!err, true};
    }
    if (err) out->problem = err->detail;
    return NULL;
}

static Err *status_get(Ctx *c, Call *k) {
    const StatusQuery *q = k->query;
    WhatsappStatus *out = call_out(k);
    Scope s;
    Rows rows;
    int checked = 0;
    TRY(scope_of(c, k, (Str){0}, &s));
    TRY(tenant_scan(c, &s, SQL(SQL_WHATSAPP_CHANNELS), ARGS(V((int64_t)CHANNELS_MAX)), &row_record,
                    &rows));
    ChannelState *states = arena_array(c->arena, ChannelState, rows.count);
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        const StatusRow *row = (const StatusRow *)rows.items + i;
        bool check = q->check && checked < CHECKED_MAX;
        TRY(state_fill(c, row, check, &states[i]));
        checked += states[i].reachable.set;
    }
    out->dry_run = sylion.whatsapp_dry_run;
    out->channels = (RecordList){states, rows.count};
    return NULL;
}

const Route whatsapp_routes[] = {
    {GET, "/api/v1/whatsapp/status", status_get, READS, .query = &query_record,
     .out = &status_record, .errors = "400 403 404",
     .doc = "The tenant's WhatsApp channels: what is set up, what is missing, who answers"},
    {.path = NULL},
};
