/* SPDX-License-Identifier: Apache-2.0
 * Channels: where a tenant's contacts write. Secrets are sealed in the database and never leave it but
 * by channel_secret. */
#ifndef SOCLE_SYLION_CHANNELS_H
#define SOCLE_SYLION_CHANNELS_H

#include "products/sylion/records.h"
#include "products/sylion/scope.h"

/* The approved message that may be sent outside the 24-hour window. */
typedef struct ChannelTemplate {
    Str name, language;
} ChannelTemplate;

/* Channel.config, as JSON: {"debounceMs": 1500, "template": {"name", "language"},
 * "readReceipts": true, "typingIndicator": true, "allowedOrigins": ["https://www.shop.fr"],
 * "mediaMaxBytes": n, "limits": {"perMinute": n, "perContactPerMinute": n}, "simulated": false}. All may be
 * left out. */
typedef struct ChannelLimits {
    OptInt per_minute, per_contact_per_minute;
} ChannelLimits;
typedef struct ChannelConfig {
    OptInt debounce_ms;     /* else SylionSettings.debounce_ms */
    ChannelTemplate template; /* name null: none */
    OptBool read_receipts, typing_indicator; /* shown when a turn begins; else they are */
    StrList allowed_origins;  /* of a web channel; none: none but our own */
    OptInt media_max_bytes;   /* else SylionSettings.media_max_bytes */
    ChannelLimits limits;     /* messages taken in; else the server's */
    OptBool simulated;        /* nothing goes out, and the simulator may write (simulator.c) */
} ChannelConfig;
extern const Record channel_config_record;

/* What a channel's config says; what cannot be read of it (an older one) is as if left out. */
MUST_USE Err *channel_config(Ctx *c, const Channel *channel, ChannelConfig *out);
/* Does nothing go out on it? WHATSAPP_DRY_RUN, or config.simulated. */
MUST_USE Err *channel_is_dry(Ctx *c, const Channel *channel, bool *dry);
/* config.debounceMs, or the server's. */
int64_t channel_debounce_ms(const Channel *channel);

typedef enum ChannelSecret {
    CHANNEL_API_KEY,      /* 360dialog's key, the Cloud API's token; else WHATSAPP_API_KEY */
    CHANNEL_VERIFY_TOKEN, /* of the webhook's handshake; else WHATSAPP_VERIFY_TOKEN */
    CHANNEL_APP_SECRET    /* signs the Cloud API's webhooks; else META_APP_SECRET */
} ChannelSecret;
/* The channel's own, or the server's where it has none; null where neither has. */
MUST_USE Err *channel_secret(Ctx *c, const Channel *channel, ChannelSecret which, Str *out);

/* A channel of the tenant's that is not deleted. NOT_FOUND CHANNEL_NOT_FOUND. */
MUST_USE Err *channel_load(Ctx *c, const Scope *s, Str id, Channel *out);
MUST_USE Err *channel_load_by_n(Ctx *c, const Scope *s, Id n, Channel *out);

#endif
