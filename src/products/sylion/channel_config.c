/* SPDX-License-Identifier: Apache-2.0
 * What a channel's config and secrets say: see channels.h. */
#include "products/sylion/channels.h"

#include "api/auth.h"
#include "core/json.h"
#include "products/sylion/sylion.h"

static const Field template_fields[] = {
    FIELD(ChannelTemplate, name, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 512),
    FIELD(ChannelTemplate, language, .flags = F_TRIM, .min = 2, .max = 20, .fallback = "\"fr\"",
          .doc = "As the template was approved: fr, en_US"),
};
static const Record template_record =
    RECORD(ChannelTemplate, template_fields, .camel = true,
           .doc = "The approved message that may be sent outside the 24-hour window");

static const Field limit_fields[] = {
    FIELD(ChannelLimits, per_minute, .min = 1, .max = 1000000),
    FIELD(ChannelLimits, per_contact_per_minute, .min = 1, .max = 100000),
};
static const Record limit_record =
    RECORD(ChannelLimits, limit_fields, .camel = true, .doc = "Messages taken in");

static const Field config_fields[] = {
    FIELD(ChannelConfig, debounce_ms, .min = 0, .max = 60000,
          .doc = "What a contact writes within it gets one answer; null: SYLION_DEBOUNCE_MS"),
    FIELD_RECORD(ChannelConfig, template, &template_record),
    FIELD(ChannelConfig, read_receipts,
          .doc = "Contacts see that their message was read when its turn begins; null: they do"),
    FIELD(ChannelConfig, typing_indicator, .doc = "And that somebody is typing"),
    FIELD(ChannelConfig, allowed_origins, .max = 50,
          .doc = "Websites that may show the widget: https://www.example.org"),
    FIELD(ChannelConfig, media_max_bytes, .min = 1024, .max = 104857600,
          .doc = "Null: SYLION_MEDIA_MAX_BYTES"),
    FIELD_RECORD(ChannelConfig, limits, &limit_record),
    FIELD(ChannelConfig, simulated,
          .doc = "Nothing is sent to its provider, and outside production the simulator writes to it"),
};
const Record channel_config_record =
    RECORD(ChannelConfig, config_fields, .camel = true, .doc = "How a channel behaves");

Err *channel_config(Ctx *c, const Channel *channel, ChannelConfig *out) {
    json_t *json;
    FieldSet present;
    *out = (ChannelConfig){0};
    Str text = channel->config.text;
    if (text.len <= 2) return NULL; /* {} */
    TRY(json_parse(c, text, &json));
    if (record_read(c, &channel_config_record, json, READ_CHANGE, out, &present))
        *out = (ChannelConfig){0};
    return NULL;
}

Err *channel_is_dry(Ctx *c, const Channel *channel, bool *dry) {
    ChannelConfig config;
    *dry = sylion.whatsapp_dry_run;
    if (*dry || str_find(channel->config.text, S("simulated")) < 0) return NULL;
    TRY(channel_config(c, channel, &config));
    *dry = config.simulated.set && config.simulated.value;
    return NULL;
}

/* Asked for with every message that comes in. Config is what record_write made of a ChannelConfig (jsonb:
 * with blanks), so that the name stands in it once, and only as a name. */
int64_t channel_debounce_ms(const Channel *channel) {
    Str name = S("\"debounceMs\":");
    Str text = channel->config.text;
    ptrdiff_t at = str_find(text, name);
    if (at < 0) return sylion.debounce_ms;
    Str rest = str_trim(str_slice(text, at + name.len, text.len));
    ptrdiff_t digits = 0;
    while (digits < rest.len && rest.data[digits] >= '0' && rest.data[digits] <= '9') digits++;
    int64_t value;
    return str_to_i64(str_slice(rest, 0, digits), &value) ? value : sylion.debounce_ms;
}

Err *channel_secret(Ctx *c, const Channel *channel, ChannelSecret which, Str *out) {
    Str own = {0}, usual = {0};
    switch (which) {
    case CHANNEL_API_KEY:
        own = channel->whatsapp_api_key;
        usual = sylion.whatsapp_api_key;
        break;
    case CHANNEL_VERIFY_TOKEN:
        own = channel->whatsapp_verify_token;
        usual = sylion.whatsapp_verify_token;
        break;
    case CHANNEL_APP_SECRET:
        own = channel->app_secret;
        usual = sylion.meta_app_secret;
        break;
    }
    if (own.len) return secret_open(c, own, out);
    *out = usual.len ? usual : (Str){0};
    return NULL;
}
