/* SPDX-License-Identifier: Apache-2.0
 * Routes of channels. Keys and tokens are taken, sealed and never shown again; what an answer says of
 * them is whether they are there. The secret that 360dialog's webhooks show is ours to give: it is made
 * with the channel (or by POST …/webhook-secret, which ends the former one) and told in that answer
 * alone. */
#include "products/sylion/channels.h"

#include "api/auth.h"
#include "core/rand.h"
#include "net/url.h"
#include "products/sylion/channels_sql.h"
#include "products/sylion/phone.h"
#include "products/sylion/quota.h"
#include "products/sylion/routes.h"
#include "products/sylion/tenants.h"

static const char *const types[] = {"whatsapp", "web", "voice", NULL};
static const char *const providers[] = {"360dialog", "cloud", NULL};

static const Field channel_fields[] = {
    FIELD(Channel, n, .flags = F_SECRET),
    FIELD(Channel, tenant_n, .flags = F_SECRET),
    FIELD(Channel, id, .format = "uuid"),
    FIELD(Channel, tenant_id, .format = "uuid"),
    FIELD(Channel, name),
    FIELD(Channel, type, .values = types),
    FIELD(Channel, provider, .flags = F_NULLABLE),
    FIELD(Channel, is_active),
    FIELD(Channel, config),
    FIELD(Channel, whatsapp_phone_number, .flags = F_NULLABLE),
    FIELD(Channel, phone_number_id, .flags = F_NULLABLE),
    FIELD(Channel, whatsapp_api_key, .flags = F_SECRET | F_NULLABLE),
    FIELD(Channel, whatsapp_verify_token, .flags = F_SECRET | F_NULLABLE),
    FIELD(Channel, app_secret, .flags = F_SECRET | F_NULLABLE),
    FIELD(Channel, webhook_secret, .flags = F_SECRET | F_NULLABLE),
    FIELD(Channel, created_at),
    FIELD(Channel, updated_at),
    FIELD(Channel, deleted_at, .flags = F_SECRET | F_NULLABLE),
};
const Record channel_record =
    RECORD_AS("ChannelRow", Channel, channel_fields, .camel = true, .doc = "A channel as it is kept");

/* What clients see. */
typedef struct ChannelView {
    Str id, tenant_id, name, type, provider, whatsapp_phone_number, phone_number_id, webhook_secret;
    bool is_active, has_whatsapp_api_key, has_whatsapp_verify_token, has_app_secret,
        has_webhook_secret;
    JsonText config;
    Time created_at, updated_at;
} ChannelView;
static const Field view_fields[] = {
    FIELD(ChannelView, id, .format = "uuid"),
    FIELD(ChannelView, tenant_id, .format = "uuid"),
    FIELD(ChannelView, name),
    FIELD(ChannelView, type, .values = types),
    FIELD(ChannelView, provider, .flags = F_NULLABLE, .values = providers),
    FIELD(ChannelView, is_active),
    FIELD(ChannelView, config, .doc = "See the body that makes one"),
    FIELD(ChannelView, whatsapp_phone_number, .flags = F_NULLABLE, .doc = "E.164"),
    FIELD(ChannelView, phone_number_id, .flags = F_NULLABLE, .doc = "The Cloud API's name for it"),
    FIELD(ChannelView, has_whatsapp_api_key),
    FIELD(ChannelView, has_whatsapp_verify_token),
    FIELD(ChannelView, has_app_secret),
    FIELD(ChannelView, has_webhook_secret),
    FIELD(ChannelView, webhook_secret, .flags = F_NULLABLE | F_OMIT_NULL,
          .doc = "Told once, when it is made: X-Webhook-Secret of 360dialog's webhooks"),
    FIELD(ChannelView, created_at),
    FIELD(ChannelView, updated_at),
};
static const Record view_record =
    RECORD_AS("Channel", ChannelView, view_fields, .camel = true, .doc = "Where contacts write");

static void channel_show(const Channel *h, const Scope *s, ChannelView *out) {
    *out = (ChannelView){
        .id = h->id,
        .tenant_id = s->tenant_id,
        .name = h->name,
        .type = h->type,
        .provider = h->provider,
        .whatsapp_phone_number = h->whatsapp_phone_number,
        .phone_number_id = h->phone_number_id,
        .is_active = h->is_active,
        .has_whatsapp_api_key = h->whatsapp_api_key.len > 0,
        .has_whatsapp_verify_token = h->whatsapp_verify_token.len > 0,
        .has_app_secret = h->app_secret.len > 0,
        .has_webhook_secret = h->webhook_secret.len > 0,
        .config = h->config,
        .created_at = h->created_at,
        .updated_at = h->updated_at,
    };
}

/* -- what comes in ------------------------------------------------------------------------------- */

typedef struct ChannelIn {
    Str tenant_id, name, type, provider, whatsapp_phone_number, phone_number_id, whatsapp_api_key,
        whatsapp_verify_token, app_secret;
    bool is_active;
    ChannelConfig config;
} ChannelIn;

static void origins_check(StrList origins, Problems *p) {
    for (ptrdiff_t i = 0; i < origins.count; i++) {
        Url url;
        Str one = origins.items[i];
        bool web = url_parse(one, &url) &&
                   (str_eq(url.scheme, S("https")) || str_eq(url.scheme, S("http")));
        Str rest = web ? str_slice(one, url.scheme.len + 3, one.len) : (Str){0};
        if (!web || one.len > 255 || str_find_byte(rest, '/') >= 0 || str_find_byte(rest, '?') >= 0 ||
            str_find_byte(rest, '#') >= 0 || str_find_byte(rest, '@') >= 0)
            problem_add(p, strf(p->arena, "config.allowedOrigins[%td]", i), S("format"),
                        "is not an origin like https://www.example.org");
    }
}

static void channel_in_check(const void *value, Str path, Problems *p) {
    const ChannelIn *in = value;
    (void)path;
    if (in->whatsapp_phone_number.len &&
        str_is_null(phone_normalise(p->arena, in->whatsapp_phone_number)))
        problem_add(p, S("whatsappPhoneNumber"), S("format"),
                    "is not a phone number with its country's code");
    origins_check(in->config.allowed_origins, p);
}

#define SECRET_FIELD(member, what)                                                             \
    FIELD(ChannelIn, member, .flags = F_NULLABLE | F_TRIM, .min = 1, .max = 2000,               \
          .doc = what " Write-only: kept sealed, never shown; null takes it away")
#define CHANNEL_IN_FIELDS                                                                        \
    FIELD(ChannelIn, provider, .flags = F_NULLABLE, .values = providers,                         \
          .doc = "Of WhatsApp; 360dialog unless said"),                                          \
        FIELD(ChannelIn, is_active, .fallback = "true"),                                         \
        FIELD_RECORD(ChannelIn, config, &channel_config_record),                                 \
        FIELD(ChannelIn, whatsapp_phone_number, .flags = F_NULLABLE | F_TRIM, .min = 1,          \
              .max = 40, .doc = "With its country's code, however written; kept as E.164"),      \
        FIELD(ChannelIn, phone_number_id, .flags = F_NULLABLE | F_TRIM, .min = 1, .max = 64),    \
        SECRET_FIELD(whatsapp_api_key, "360dialog's key, or the Cloud API's access token."),     \
        SECRET_FIELD(whatsapp_verify_token, "Of the webhook's handshake."),                      \
        SECRET_FIELD(app_secret, "Signs the Cloud API's webhooks."),                             \
        FIELD(ChannelIn, tenant_id, .flags = F_NULLABLE, .format = "uuid")

static const Field create_fields[] = {
    FIELD(ChannelIn, name, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 255),
    FIELD(ChannelIn, type, .flags = F_REQUIRED, .values = types),
    CHANNEL_IN_FIELDS,
};
static const Record create_record = RECORD_AS("ChannelCreate", ChannelIn, create_fields,
                                              .camel = true, .check = channel_in_check);
static const Field change_fields[] = {
    FIELD(ChannelIn, name, .flags = F_TRIM, .min = 1, .max = 255),
    FIELD(ChannelIn, type, .values = types, .doc = "As it is: a channel's type does not change"),
    CHANNEL_IN_FIELDS,
};
static const Record change_record = RECORD_AS("ChannelChange", ChannelIn, change_fields,
                                              .camel = true, .check = channel_in_check);

/* -- writing ------------------------------------------------------------------------------------- */

typedef struct ChannelWrite {
    Call *k;
    Scope s;
    Channel h;
    Str secret; /* of the webhook, just made; null: not */
} ChannelWrite;

static bool given(const Call *k, const char *name) {
    return k->present & record_bit(k->route->in, name);
}

static void number_put(JsonOut *o, const char *name, OptInt value) {
    if (!value.set) return;
    json_key(o, str_c(name));
    json_put_i64(o, value.value);
}

static void switch_put(JsonOut *o, const char *name, OptBool value) {
    if (!value.set) return;
    json_key(o, str_c(name));
    json_put_bool(o, value.value);
}

/* What was given, and no more. */
static JsonText config_json(Ctx *c, const ChannelConfig *config) {
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    number_put(&o, "debounceMs", config->debounce_ms);
    number_put(&o, "mediaMaxBytes", config->media_max_bytes);
    switch_put(&o, "readReceipts", config->read_receipts);
    switch_put(&o, "typingIndicator", config->typing_indicator);
    switch_put(&o, "simulated", config->simulated);
    if (config->template.name.len) {
        json_key(&o, S("template"));
        json_begin(&o, '{');
        json_key(&o, S("name"));
        json_put_str(&o, config->template.name);
        json_key(&o, S("language"));
        json_put_str(&o, config->template.language.len ? config->template.language : S("fr"));
        json_end(&o, '}');
    }
    if (config->allowed_origins.count) {
        json_key(&o, S("allowedOrigins"));
        json_begin(&o, '[');
        for (ptrdiff_t i = 0; i < config->allowed_origins.count; i++)
            json_put_str(&o, str_lower(c->arena, config->allowed_origins.items[i]));
        json_end(&o, ']');
    }
    if (config->limits.per_minute.set || config->limits.per_contact_per_minute.set) {
        json_key(&o, S("limits"));
        json_begin(&o, '{');
        number_put(&o, "perMinute", config->limits.per_minute);
        number_put(&o, "perContactPerMinute", config->limits.per_contact_per_minute);
        json_end(&o, '}');
    }
    json_end(&o, '}');
    return (JsonText){buf_str(&b)};
}

static void channel_merge(Ctx *c, ChannelWrite *w) {
    const ChannelIn *in = w->k->in;
    const Call *k = w->k;
    Channel *h = &w->h;
    if (given(k, "name")) h->name = in->name;
    if (given(k, "provider")) h->provider = in->provider;
    if (given(k, "is_active")) h->is_active = in->is_active;
    if (given(k, "config")) h->config = config_json(c, &in->config);
    if (given(k, "whatsapp_phone_number"))
        h->whatsapp_phone_number = in->whatsapp_phone_number.len
                                       ? phone_normalise(c->arena, in->whatsapp_phone_number)
                                       : (Str){0};
    if (given(k, "phone_number_id")) h->phone_number_id = in->phone_number_id;
    if (given(k, "whatsapp_api_key"))
        h->whatsapp_api_key = secret_seal(c, in->whatsapp_api_key);
    if (given(k, "whatsapp_verify_token"))
        h->whatsapp_verify_token = secret_seal(c, in->whatsapp_verify_token);
    if (given(k, "app_secret")) h->app_secret = secret_seal(c, in->app_secret);
}

static void webhook_secret_make(Ctx *c, ChannelWrite *w) {
    w->secret = rand_token(c->arena, S("whs_"), 32);
    w->h.webhook_secret = secret_digest(c->arena, w->secret);
}

/* What only the whole channel can say: WhatsApp's members are WhatsApp's. */
static Err *channel_sound(Ctx *c, const Channel *h) {
    Problems p = {.arena = c->arena};
    if (str_eq(h->type, S("whatsapp"))) return NULL;
    const struct {
        const char *name;
        Str value;
    } odd[] = {
        {"provider", h->provider},
        {"whatsappPhoneNumber", h->whatsapp_phone_number},
        {"phoneNumberId", h->phone_number_id},
        {"whatsappApiKey", h->whatsapp_api_key},
        {"whatsappVerifyToken", h->whatsapp_verify_token},
        {"appSecret", h->app_secret},
    };
    for (ptrdiff_t i = 0; i < COUNT(odd); i++)
        if (odd[i].value.len)
            problem_add(&p, str_c(odd[i].name), S("value"), "is for channels of type whatsapp");
    return problems_err(c, &p);
}

/* A number belongs to one channel of all tenants: a webhook must know whose it is. */
static Err *number_taken(Ctx *c, Err *err) {
    if (!err || err->kind != ERR_CONFLICT) return err;
    bool by_id = str_find(err->code, S("phone_number_id")) >= 0;
    if (!by_id && str_find(err->code, S("whatsapp_phone_number")) < 0) return err;
    Problems p = {.arena = c->arena};
    problem_add(&p, by_id ? S("phoneNumberId") : S("whatsappPhoneNumber"), S("duplicate"),
                "belongs to another channel");
    return problems_err(c, &p);
}

static Err *channel_answer(Ctx *c, ChannelWrite *w) {
    ChannelView *out = call_out(w->k);
    channel_show(&w->h, &w->s, out);
    out->webhook_secret = w->secret;
    return call_settle(c, w->k);
}

static Err *channel_insert(Ctx *c, void *arg) {
    ChannelWrite *w = arg;
    Channel *h = &w->h;
    TRY(quota_use(c, &w->s, QUOTA_CHANNELS, strf(c->arena, "channel:%.*s", S_ARG(h->id)),
                  &(Use){.amount = 1}));
    Err *err = tenant_int(c, &w->s, SQL(SQL_CHANNEL_ADD),
                          ARGS(V(h->id), V(h->name), V(h->type), V(h->provider), V(h->is_active),
                               V(h->config), V(h->whatsapp_phone_number), V(h->phone_number_id),
                               V(h->whatsapp_api_key), V(h->whatsapp_verify_token),
                               V(h->app_secret), V(h->webhook_secret), V(h->created_at)),
                          &h->n.value);
    TRY(number_taken(c, err));
    return channel_answer(c, w);
}

static Err *channel_create(Ctx *c, Call *k) {
    const ChannelIn *in = k->in;
    ChannelWrite w = {.k = k};
    TRY(scope_of(c, k, in->tenant_id, &w.s));
    TRY(scope_require(c, &w.s, MEMBER_ADMIN));
    w.h = (Channel){.id = uuid_v7(c->arena),
                    .type = in->type,
                    .is_active = true,
                    .config = {S("{}")},
                    .created_at = time_now()};
    w.h.updated_at = w.h.created_at;
    channel_merge(c, &w);
    bool whatsapp = str_eq(in->type, S("whatsapp"));
    if (whatsapp && !w.h.provider.len) w.h.provider = S("360dialog");
    if (whatsapp && str_eq(w.h.provider, S("360dialog"))) webhook_secret_make(c, &w);
    TRY(channel_sound(c, &w.h));
    TRY(db_transaction(c, channel_insert, &w));
    reply_header(k->r, S("Location"), strf(c->arena, "/api/v1/channels/%.*s", S_ARG(w.h.id)));
    return NULL;
}

static Err *channel_hold(Ctx *c, const Scope *s, Str id, Channel *out) {
    return tenant_found(c, s, SQL2(SQL_CHANNEL_OF, SQL_CHANNEL_OF " FOR UPDATE"),
                        ARGS(V(str_lower(c->arena, id))), &channel_record, "CHANNEL_NOT_FOUND",
                        out);
}

static Err *channel_write(Ctx *c, ChannelWrite *w) {
    Channel *h = &w->h;
    h->updated_at = time_now();
    Err *err = tenant_exec(c, &w->s, SQL(SQL_CHANNEL_CHANGE),
                           ARGS(V(h->n), V(h->name), V(h->provider), V(h->is_active), V(h->config),
                                V(h->whatsapp_phone_number), V(h->phone_number_id),
                                V(h->whatsapp_api_key), V(h->whatsapp_verify_token),
                                V(h->app_secret), V(h->webhook_secret), V(h->updated_at)),
                           NULL);
    TRY(number_taken(c, err));
    return channel_answer(c, w);
}

static Err *channel_update(Ctx *c, void *arg) {
    ChannelWrite *w = arg;
    const ChannelIn *in = w->k->in;
    TRY(channel_hold(c, &w->s, w->k->params[0], &w->h));
    if (given(w->k, "type") && !str_eq(in->type, w->h.type)) {
        Problems p = {.arena = c->arena};
        problem_add(&p, S("type"), S("value"), "does not change: make another channel");
        return problems_err(c, &p);
    }
    channel_merge(c, w);
    TRY(channel_sound(c, &w->h));
    return channel_write(c, w);
}

static Err *channel_put(Ctx *c, Call *k) {
    ChannelWrite w = {.k = k};
    TRY(scope_of(c, k, ((const ChannelIn *)k->in)->tenant_id, &w.s));
    TRY(scope_require(c, &w.s, MEMBER_ADMIN));
    return db_transaction(c, channel_update, &w);
}

static Err *channel_secret_renew(Ctx *c, void *arg) {
    ChannelWrite *w = arg;
    TRY(channel_hold(c, &w->s, w->k->params[0], &w->h));
    if (!str_eq(w->h.type, S("whatsapp")))
        FAIL(c, BAD_REQUEST, "Only a channel of type whatsapp has a webhook.");
    webhook_secret_make(c, w);
    return channel_write(c, w);
}

static Err *channel_webhook_secret(Ctx *c, Call *k) {
    ChannelWrite w = {.k = k};
    TRY(scope_of(c, k, (Str){0}, &w.s));
    TRY(scope_require(c, &w.s, MEMBER_ADMIN));
    return db_transaction(c, channel_secret_renew, &w);
}

static Err *channel_erase(Ctx *c, void *arg) {
    ChannelWrite *w = arg;
    Deleted *out = call_out(w->k);
    TRY(channel_hold(c, &w->s, w->k->params[0], &w->h));
    *out = (Deleted){w->h.id, true};
    TRY(tenant_int(c, &w->s, SQL(SQL_CHANNEL_DELETE), ARGS(V(out->id), V(time_now())),
                   &w->h.n.value));
    TRY(tenant_exec(c, &w->s, SQL(SQL_CHANNEL_BINDINGS_DELETE), ARGS(V(w->h.n)), NULL));
    return quota_use(c, &w->s, QUOTA_CHANNELS,
                     strf(c->arena, "channel:%.*s:deleted", S_ARG(out->id)), &(Use){.amount = -1});
}

static Err *channel_delete(Ctx *c, Call *k) {
    ChannelWrite w = {.k = k};
    TRY(scope_of(c, k, (Str){0}, &w.s));
    TRY(scope_require(c, &w.s, MEMBER_ADMIN));
    return db_transaction(c, channel_erase, &w);
}

/* -- reading ------------------------------------------------------------------------------------- */

Err *channel_load(Ctx *c, const Scope *s, Str id, Channel *out) {
    *out = (Channel){0};
    TRY(tenant_found(c, s, SQL(SQL_CHANNEL_OF), ARGS(V(str_lower(c->arena, id))), &channel_record,
                     "CHANNEL_NOT_FOUND", out));
    out->tenant_id = s->tenant_id;
    return NULL;
}

Err *channel_load_by_n(Ctx *c, const Scope *s, Id n, Channel *out) {
    *out = (Channel){0};
    TRY(tenant_found(c, s, SQL(SQL_CHANNEL_OF_N), ARGS(V(n)), &channel_record, "CHANNEL_NOT_FOUND",
                     out));
    out->tenant_id = s->tenant_id;
    return NULL;
}

static Err *channel_get(Ctx *c, Call *k) {
    Scope s;
    Channel h;
    TRY(scope_of(c, k, (Str){0}, &s));
    TRY(channel_load(c, &s, k->params[0], &h));
    channel_show(&h, &s, call_out(k));
    return NULL;
}

typedef struct ChannelsQuery {
    int64_t page, limit;
    Str search, type, provider;
    OptBool is_active;
} ChannelsQuery;
static const Field query_fields[] = {
    PAGE_FIELDS(ChannelsQuery),
    FIELD(ChannelsQuery, search, .flags = F_TRIM, .max = 100, .doc = "In name and number"),
    FIELD(ChannelsQuery, type, .values = types),
    FIELD(ChannelsQuery, provider, .values = providers),
    FIELD(ChannelsQuery, is_active),
};
static const Record query_record = RECORD(ChannelsQuery, query_fields, .camel = true);

static Err *channels_answer(Ctx *c, Call *k, Str tenant) {
    const ChannelsQuery *q = k->query;
    Scope s;
    Rows rows;
    int64_t total;
    TRY(scope_of(c, k, tenant, &s));
    Value pattern = V(like_pattern(c->arena, q->search)), type = V(q->type),
          provider = V(q->provider), active = V(q->is_active);
    TRY(tenant_query(
        c, &s, SQL(SQL_CHANNELS_PAGE),
        ARGS(pattern, type, provider, active, V(q->limit), V((q->page - 1) * q->limit)),
        &channel_record, &rows));
    TRY(tenant_int(c, &s, SQL(SQL_CHANNELS_COUNT), ARGS(pattern, type, provider, active), &total));
    ChannelView *shown = arena_array(c->arena, ChannelView, rows.count);
    for (ptrdiff_t i = 0; i < rows.count; i++)
        channel_show(&((const Channel *)rows.items)[i], &s, &shown[i]);
    call_list(c, k, (Rows){shown, rows.count}, total, (Str){0});
    return NULL;
}

static Err *channels_list(Ctx *c, Call *k) { return channels_answer(c, k, (Str){0}); }
static Err *channels_of_tenant(Ctx *c, Call *k) { return channels_answer(c, k, k->params[0]); }

const Route channel_routes[] = {
    {POST, "/api/v1/channels", channel_create, WRITES, .in = &create_record, .out = &view_record,
     .status = 201, .idempotent = true, .secret_out = true, .errors = "400 403 404",
     .doc = "A new channel"},
    {GET, "/api/v1/channels", channels_list, READS, .query = &query_record, .out = &view_record,
     .out_list = true, .errors = "400 404", .doc = "The tenant's channels, the latest first"},
    {GET, "/api/v1/channels/tenant/{tenantId}", channels_of_tenant, READS, .query = &query_record,
     .out = &view_record, .out_list = true, .errors = "400 404", .doc = "The same, by its id"},
    {GET, "/api/v1/channels/{id}", channel_get, READS, .out = &view_record, .errors = "400 404",
     .doc = "A channel"},
    {PUT, "/api/v1/channels/{id}", channel_put, WRITES, .in = &change_record, .in_change = true,
     .out = &view_record, .errors = "400 403 404",
     .doc = "Change a channel: what is given; config is replaced as a whole"},
    {DELETE, "/api/v1/channels/{id}", channel_delete, WRITES, .out = &deleted_record,
     .errors = "400 403 404", .doc = "Delete a channel; its conversations stay"},
    {POST, "/api/v1/channels/{id}/webhook-secret", channel_webhook_secret, WRITES,
     .out = &view_record, .secret_out = true, .errors = "400 403 404",
     .doc = "Another secret for 360dialog's webhooks; the former one no longer counts"},
    {.path = NULL},
};
