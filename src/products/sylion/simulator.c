/* SPDX-License-Identifier: Apache-2.0
 * The simulator's routes. They are there for development only, and write only where nothing goes out
 * (Channel.config.simulated, or WHATSAPP_DRY_RUN), so that nobody is answered who did not ask. */
#include "products/sylion/simulator.h"

#include "api/base_settings.h"
#include "core/json.h"
#include "products/sylion/channels.h"
#include "products/sylion/phone.h"
#include "products/sylion/routes.h"
#include "products/sylion/webhook_room.h"

/* -- the payload ---------------------------------------------------------------------------------- */

static void text_put(JsonOut *o, const char *name, Str value) {
    json_key(o, str_c(name));
    json_put_str(o, value);
}

static Str digits_of(Str phone) {
    return str_starts(phone, S("+")) ? str_slice(phone, 1, phone.len) : phone;
}

static void object_begin(JsonOut *o, const char *name) {
    json_key(o, str_c(name));
    json_begin(o, '{');
}

static void list_begin(JsonOut *o, const char *name) {
    json_key(o, str_c(name));
    json_begin(o, '[');
    json_begin(o, '{');
}

static void list_end(JsonOut *o) {
    json_end(o, '}');
    json_end(o, ']');
}

static void message_put(Ctx *c, JsonOut *o, const Simulated *what, Str now) {
    (void)c;
    list_begin(o, "contacts");
    object_begin(o, "profile");
    text_put(o, "name", what->name.len ? what->name : what->from);
    json_end(o, '}');
    text_put(o, "wa_id", digits_of(what->from));
    list_end(o);
    list_begin(o, "messages");
    text_put(o, "from", digits_of(what->from));
    text_put(o, "id", what->external_id);
    text_put(o, "timestamp", now);
    text_put(o, "type", S("text"));
    object_begin(o, "text");
    text_put(o, "body", what->text);
    json_end(o, '}');
    if (what->reply_to.len) {
        object_begin(o, "context");
        text_put(o, "id", what->reply_to);
        json_end(o, '}');
    }
    list_end(o);
}

static void status_put(JsonOut *o, const Simulated *what, Str now) {
    list_begin(o, "statuses");
    text_put(o, "id", what->external_id);
    text_put(o, "status", what->status);
    text_put(o, "timestamp", now);
    text_put(o, "recipient_id", digits_of(what->from));
    if (str_eq(what->status, S("failed"))) {
        list_begin(o, "errors");
        json_key(o, S("code"));
        json_put_i64(o, 131026);
        text_put(o, "title", S("Message undeliverable"));
        list_end(o);
    }
    list_end(o);
}

static Str payload_make(Ctx *c, const Channel *channel, const Simulated *what) {
    Buf b = buf_new(c->arena, 1024);
    JsonOut o = json_out(&b);
    Str now = strf(c->arena, "%lld", (long long)(time_now().us / US_PER_SECOND));
    json_begin(&o, '{');
    text_put(&o, "object", S("whatsapp_business_account"));
    list_begin(&o, "entry");
    text_put(&o, "id", S("simulator"));
    list_begin(&o, "changes");
    text_put(&o, "field", S("messages"));
    object_begin(&o, "value");
    text_put(&o, "messaging_product", S("whatsapp"));
    object_begin(&o, "metadata");
    if (channel->whatsapp_phone_number.len)
        text_put(&o, "display_phone_number", digits_of(channel->whatsapp_phone_number));
    if (channel->phone_number_id.len) text_put(&o, "phone_number_id", channel->phone_number_id);
    json_end(&o, '}');
    if (what->status.data)
        status_put(&o, what, now);
    else
        message_put(c, &o, what, now);
    json_end(&o, '}');
    list_end(&o);
    list_end(&o);
    json_end(&o, '}');
    return buf_str(&b);
}

Err *simulator_deliver(Ctx *c, const Channel *channel, const Simulated *what, Str *payload) {
    assert(what->from.len && what->external_id.len);
    Str key, source;
    Proof proof;
    TRY(channel_secret(c, channel, CHANNEL_APP_SECRET, &key));
    if (key.len == 0)
        FAIL(c, BAD_REQUEST, "The channel has no appSecret to sign with: give it any.");
    *payload = payload_make(c, channel, what);
    proof_sign(c, *payload, key, &proof);
    return webhook_take(c, &proof, channel->id, &source);
}

/* -- routes --------------------------------------------------------------------------------------- */

typedef struct SimulatedIn {
    Str from, name, text, reply_to, external_id, status;
} SimulatedIn;

static void from_check(const void *value, Str path, Problems *p) {
    const SimulatedIn *in = value;
    (void)path;
    if (in->from.len && str_is_null(phone_normalise(p->arena, in->from)))
        problem_add(p, S("from"), S("format"), "is not a phone number with its country's code");
}

static const char *const told[] = {"delivered", "read", "failed", NULL};
#define FROM                                                                    \
    FIELD(SimulatedIn, from, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 40, \
          .doc = "The contact's number, with its country's code")
static const Field message_fields[] = {
    FROM,
    FIELD(SimulatedIn, name, .flags = F_NULLABLE | F_TRIM, .max = 100),
    FIELD(SimulatedIn, text, .flags = F_REQUIRED, .min = 1, .max = 4096),
    FIELD(SimulatedIn, reply_to, .flags = F_NULLABLE, .max = 512),
    FIELD(SimulatedIn, external_id, .flags = F_NULLABLE | F_TRIM, .max = 200,
          .doc = "The message's wamid; the same one again is the same message. null: a new one"),
};
static const Record message_in_record =
    RECORD_AS("SimulatedMessage", SimulatedIn, message_fields, .camel = true, .check = from_check);
static const Field status_fields[] = {
    FROM,
    FIELD(SimulatedIn, external_id, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 512),
    FIELD(SimulatedIn, status, .flags = F_REQUIRED, .values = told),
};
static const Record status_in_record =
    RECORD_AS("SimulatedStatus", SimulatedIn, status_fields, .camel = true, .check = from_check);

typedef struct SimulatedOut {
    Str external_id;
    JsonText payload;
} SimulatedOut;
static const Field out_fields[] = {
    FIELD(SimulatedOut, external_id),
    FIELD(SimulatedOut, payload, .doc = "What was posted to the webhook"),
};
static const Record out_record =
    RECORD_AS("SimulatedDelivery", SimulatedOut, out_fields, .camel = true);

static Err *simulate(Ctx *c, Call *k) {
    const SimulatedIn *in = k->in;
    SimulatedOut *out = call_out(k);
    Scope s;
    Channel h;
    bool dry;
    TRY(scope_of(c, k, (Str){0}, &s));
    TRY(channel_load(c, &s, k->params[0], &h));
    if (str_eq(settings.environment, S("production")))
        FAIL(c, FORBIDDEN, "Nobody plays the contact in production.");
    TRY(channel_is_dry(c, &h, &dry));
    if (!str_eq(h.type, S("whatsapp")) || !dry)
        FAIL(c, FORBIDDEN,
             "Only a channel on which nothing goes out is played with: "
             "config.simulated, or WHATSAPP_DRY_RUN.");
    Simulated what = {.from = phone_normalise(c->arena, in->from),
                      .name = in->name,
                      .text = in->text,
                      .reply_to = in->reply_to,
                      .status = in->status,
                      .external_id = in->external_id};
    if (!what.external_id.len)
        what.external_id = strf(c->arena, "wamid.simulated.%.*s", S_ARG(uuid_v7(c->arena)));
    out->external_id = what.external_id;
    return simulator_deliver(c, &h, &what, &out->payload.text);
}

#define SIMULATES WRITES, .out = &out_record, .errors = "400 403 404 429 503"
const Route simulator_routes[] = {
    {POST, "/api/v1/simulator/{channelId}/messages", simulate, SIMULATES, .in = &message_in_record,
     .doc =
         "Write as a contact: WhatsApp's payload, signed, to our own webhook; not in production"},
    {POST, "/api/v1/simulator/{channelId}/statuses", simulate, SIMULATES, .in = &status_in_record,
     .doc = "Report as the contact's phone that a message was delivered, read, or failed"},
    {.path = NULL},
};
