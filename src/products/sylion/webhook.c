/* SPDX-License-Identifier: Apache-2.0
 * WhatsApp's webhooks.
 *
 *   read the bytes ─▶ is any of it believed? ─▶ take apart ─▶ whose is each part? ─▶ is it believed
 *   for that channel? ─▶ within the channel's limit? ─▶ one durable transaction ─▶ 200
 *
 * 200 means stored, not answered: that is the conversation's job. 401 and 429 store nothing.
 * Nothing that was believed goes without a trace: what belongs to nobody, or cannot be read, is
 * a stray. Messages for a channel or tenant that is switched off are stored like any other;
 * what is done about them is the turn's business.
 *
 * Reading JSON costs many times its size, so strangers' bodies are only read when they are
 * small. */
#include "api/base_settings.h"
#include "api/ratelimit.h"
#include "core/map.h"
#include "core/time.h"
#include "products/sylion/channels.h"
#include "products/sylion/figures.h"
#include "products/sylion/phone.h"
#include "products/sylion/routes.h"
#include "products/sylion/sylion.h"
#include "products/sylion/webhook_room.h"

enum {
    BODY_MAX = 3 * 1024 * 1024,
    STRANGER_MAX = 256 * 1024,
    BUDGET_PER_BYTE = 16,
    CHALLENGE_MAX = 1024,
    ARENA_BYTES = 8 * 1024 * 1024,
};

typedef struct Owner {
    const WebhookTarget *target; /* NULL: nobody's */
    bool believed;
    ChannelShare *share; /* where its messages go; NULL before the first */
} Owner;

typedef struct Webhook {
    Proof proof;
    const WebhookTarget *named; /* by the address; NULL: none is */
    bool believed_without;      /* of what belongs to no channel */
    WhatsappPayload payload;
    Owner **owners; /* of each part */
    Map by_number;
    Delivery delivery;
} Webhook;

/* -- whose ------------------------------------------------------------------------------------- */

static bool says_number(const WhatsappNumber *n) { return n->phone_number_id.data || n->phone.data; }

/* Does the address's channel take a part about this number? One that knows neither its number
 * nor its id takes what is sent to its address. */
static bool named_takes(const Channel *channel, const WhatsappNumber *n) {
    bool id = channel->phone_number_id.len > 0, phone = channel->whatsapp_phone_number.len > 0;
    if (!says_number(n) || (!id && !phone)) return true;
    return (id && str_eq(channel->phone_number_id, n->phone_number_id)) ||
           (phone && str_eq(channel->whatsapp_phone_number, n->phone));
}

static Err *owner_find(Ctx *c, Webhook *w, const WhatsappNumber *n, Owner *out) {
    if (w->named && named_takes(&w->named->channel, n))
        out->target = w->named;
    else if (says_number(n))
        TRY(webhook_target_by_number(c, n, &out->target));
    if (!out->target) return NULL;
    return proof_of_channel(c, &w->proof, &out->target->channel, &out->believed);
}

static Err *owner_of(Ctx *c, Webhook *w, const WhatsappNumber *n, Owner **out) {
    Str key = strf(c->arena, "%.*s|%.*s", S_ARG(n->phone_number_id), S_ARG(n->phone));
    *out = map_get(&w->by_number, key);
    if (*out) return NULL;
    *out = arena_new_of(c->arena, Owner);
    map_set(&w->by_number, key, *out);
    return owner_find(c, w, n, *out);
}

/* -- sorting ----------------------------------------------------------------------------------- */

static Str number_shown(const WhatsappPart *part) {
    const WhatsappNumber *n = &part->number;
    return n->phone_number_id.len ? n->phone_number_id : n->phone.len ? n->phone : n->account;
}

static JsonText raw_of(const WhatsappPart *part) {
    return part->kind == PART_MESSAGE ? part->message.raw : part->raw;
}

static void stray_put(Webhook *w, const WhatsappPart *part, Str reason, Str detail) {
    w->delivery.strays[w->delivery.stray_count++] = (StrayIn){
        .number = number_shown(part), .reason = reason, .detail = detail, .payload = raw_of(part)};
}

static void share_put(Ctx *c, Webhook *w, Owner *owner, const WhatsappPart *part) {
    if (!owner->share) {
        ptrdiff_t most = w->payload.count;
        owner->share = &w->delivery.shares[w->delivery.share_count++];
        *owner->share = (ChannelShare){.target = owner->target,
                                       .messages = arena_array(c->arena, Inbound, most),
                                       .statuses = arena_array(c->arena, StatusTold, most)};
    }
    ChannelShare *share = owner->share;
    if (part->kind == PART_MESSAGE)
        share->messages[share->message_count++] = part->message;
    else {
        StatusTold *told = &share->statuses[share->status_count++];
        *told = part->status;
        if (time_is_null(told->at)) told->at = time_now();
    }
}

static void part_sort(Ctx *c, Webhook *w, const WhatsappPart *part, Owner *owner) {
    bool known = owner->target && !owner->target->gone;
    bool believed = owner->target ? owner->believed : w->believed_without;
    if (!believed)
        stray_put(w, part, S("not_proven"), S("The delivery's proof is not this channel's."));
    else if (part->kind == PART_BROKEN)
        stray_put(w, part, S("broken"), part->reason);
    else if (part->kind == PART_UNUSED)
        stray_put(w, part, str_concat(c->arena, S("unused."), part->reason), (Str){0});
    else if (!owner->target)
        stray_put(w, part, S("unknown_number"), S("No channel has this number."));
    else if (!known)
        stray_put(w, part, S("channel_deleted"), owner->target->channel.id);
    else
        share_put(c, w, owner, part);
}

static Str source_of(const Webhook *w) {
    const WebhookTarget *target = w->named;
    for (ptrdiff_t i = 0; i < w->payload.count && !target; i++)
        if (w->owners[i]->believed) target = w->owners[i]->target;
    if (target) return target->channel.provider.len ? target->channel.provider : S("cloud");
    return w->payload.flat ? S("360dialog") : S("cloud");
}

/* *believed: at least something of it is. */
static Err *sort_parts(Ctx *c, Webhook *w, bool *believed) {
    ptrdiff_t count = w->payload.count;
    w->by_number = (Map){.arena = c->arena};
    w->owners = arena_array(c->arena, Owner *, count);
    *believed = w->believed_without;
    for (ptrdiff_t i = 0; i < count; i++) {
        TRY(owner_of(c, w, &w->payload.parts[i].number, &w->owners[i]));
        *believed |= w->owners[i]->believed;
    }
    if (!*believed) return NULL;
    w->believed_without = true;
    w->delivery = (Delivery){.source = source_of(w),
                             .shares = arena_array(c->arena, ChannelShare, count),
                             .strays = arena_array(c->arena, StrayIn, count)};
    for (ptrdiff_t i = 0; i < count; i++)
        part_sort(c, w, &w->payload.parts[i], w->owners[i]);
    return NULL;
}

/* -- limits ------------------------------------------------------------------------------------ */

static Err *limit_check(Ctx *c, const ChannelShare *share) {
    ChannelConfig config;
    const Channel *channel = &share->target->channel;
    TRY(channel_config(c, channel, &config));
    int64_t limit = config.limits.per_minute.set ? config.limits.per_minute.value
                                                 : sylion.webhook_per_minute;
    Str key = strf(c->arena, "sylion.webhook:%lld", (long long)channel->n.value);
    for (ptrdiff_t i = 0; i < share->message_count; i++) {
        RateState state = rate_take(key, limit, mono_us());
        if (state.allowed) continue;
        Err *err = err_new(c, ERR_RATE_LIMITED, __func__,
                           "This channel takes at most %lld messages a minute.", (long long)limit);
        err->retry_after_s = state.retry_s;
        return err;
    }
    return NULL;
}

static Err *limits_check(Ctx *c, const Webhook *w) {
    if (!settings.rate_limits) return NULL;
    for (ptrdiff_t i = 0; i < w->delivery.share_count; i++)
        TRY(limit_check(c, &w->delivery.shares[i]));
    return NULL;
}

/* -- routes ------------------------------------------------------------------------------------ */

static Err *not_believed(Ctx *c) {
    FAIL(c, UNAUTHENTICATED, "The webhook's signature or secret is missing or wrong.");
}

/* Before anything is read of the body. A channel that is named by the address and does not believe
 * the delivery is as one that is absent, whatever else the body holds. */
static Err *webhook_open(Ctx *c, Webhook *w, Str channel) {
    Str body = w->proof.body;
    if (channel.data) {
        bool sure = false;
        TRY(webhook_target_by_id(c, channel, &w->named));
        if (w->named) TRY(proof_of_channel(c, &w->proof, &w->named->channel, &sure));
        if (!sure) return not_believed(c);
    }
    w->believed_without = w->named || proof_of_server(&w->proof);
    if (!w->believed_without && (body.len > STRANGER_MAX || !proof_offered(&w->proof))) {
        /* In development a channel without any secret believes everybody. */
        if (str_eq(settings.environment, S("production")) || body.len > STRANGER_MAX)
            return not_believed(c);
    }
    return whatsapp_read(c, body, &w->payload);
}

Err *webhook_take(Ctx *c, const Proof *proof, Str channel, Str *source) {
    Webhook w = {.proof = *proof};
    bool believed;
    TRY(webhook_open(c, &w, channel));
    TRY(sort_parts(c, &w, &believed));
    if (!believed) return not_believed(c);
    TRY(limits_check(c, &w));
    *source = w.delivery.source;
    return delivery_store(c, &w.delivery);
}

static WebhookEnd end_of(const Err *err) {
    if (!err) return WEBHOOK_STORED;
    if (err->kind == ERR_RATE_LIMITED) return WEBHOOK_LIMITED;
    return err_status(err->kind) < 500 ? WEBHOOK_REFUSED : WEBHOOK_FAILED;
}

static Err *webhook_post(Ctx *c, Call *k) {
    Proof proof;
    Str body, source;
    TRY(body_all(c, k->q, &body));
    arena_budget_set(c->arena, ARENA_BYTES + BUDGET_PER_BYTE * body.len);
    proof_read(c, k, body, k->params[1], &proof);
    Err *err = webhook_take(c, &proof, k->params[0], &source);
    webhook_counted(end_of(err));
    TRY(err);
    Buf b = buf_new(c->arena, 128);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("status"));
    json_put_str(&o, S("ok"));
    json_key(&o, S("source"));
    json_put_str(&o, source);
    json_key(&o, S("requestId"));
    json_put_str(&o, c->request_id);
    json_end(&o, '}');
    reply_json(k->r, 200, buf_str(&b));
    k->answered = true;
    return NULL;
}

static Err *token_expected(Ctx *c, const Call *k, Str *out) {
    const WebhookTarget *target;
    *out = sylion.whatsapp_verify_token;
    if (!k->params[0].data) return NULL;
    *out = (Str){0};
    TRY(webhook_target_by_id(c, k->params[0], &target));
    if (!target || target->gone) return NULL;
    return channel_secret(c, &target->channel, CHANNEL_VERIFY_TOKEN, out);
}

/* Meta asks once, when the address is registered. */
static Err *webhook_verify(Ctx *c, Call *k) {
    Str mode = req_query(c, k->q, S("hub.mode")), token = req_query(c, k->q, S("hub.verify_token")),
        challenge = req_query(c, k->q, S("hub.challenge")), expected;
    if (mode.len == 0 || token.len == 0 || challenge.len == 0)
        FAIL(c, BAD_REQUEST, "hub.mode, hub.verify_token and hub.challenge are needed.");
    if (!str_eq(mode, S("subscribe")) || challenge.len > CHALLENGE_MAX)
        FAIL(c, BAD_REQUEST, "hub.mode must be subscribe, and hub.challenge at most %d bytes.",
             CHALLENGE_MAX);
    TRY(token_expected(c, k, &expected));
    if (expected.len == 0 || !str_eq_secret(token, expected))
        FAIL(c, UNAUTHENTICATED, "hub.verify_token is not the channel's.");
    reply_text(k->r, 200, S("text/plain; charset=utf-8"), challenge);
    k->answered = true;
    return NULL;
}

#define VERIFY(route_path)                                                                  \
    {GET, route_path, webhook_verify, .access = ACCESS_OPEN, .rate = RATE_NONE,             \
     .out_type = "text/plain", .errors = "400 401", .tag = "whatsapp",                      \
     .doc = "The handshake of a webhook's registration: hub.challenge, for hub.verify_token"}
#define TAKE(route_path)                                                                    \
    {POST, route_path, webhook_post, .access = ACCESS_OPEN, .rate = RATE_NONE,              \
     .in_raw = true, .in_type = "application/json", .out_type = "application/json",         \
     .body_limit = BODY_MAX, .errors = "400 401 413 429", .tag = "whatsapp",                \
     .doc = "What WhatsApp tells: stored when this answers {status, source, requestId}"}

const Route webhook_routes[] = {
    VERIFY("/whatsapp/webhook"),
    VERIFY("/whatsapp/webhook/{channelId}"),
    VERIFY("/api/v1/whatsapp/webhook"),
    VERIFY("/api/v1/whatsapp/webhook/{channelId}"),
    TAKE("/whatsapp/webhook"),
    TAKE("/whatsapp/webhook/{channelId}"),
    TAKE("/whatsapp/webhook/{channelId}/{secret}"),
    TAKE("/api/v1/whatsapp/webhook"),
    TAKE("/api/v1/whatsapp/webhook/{channelId}"),
    TAKE("/api/v1/whatsapp/webhook/{channelId}/{secret}"),
    {.path = NULL},
};
