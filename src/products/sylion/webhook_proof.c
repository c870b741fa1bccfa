/* SPDX-License-Identifier: Apache-2.0
 * Who may say what a webhook says. Meta signs the raw bytes; 360dialog does not sign, and shows a
 * secret that was told to it when the webhook was registered:
 *
 *   X-Webhook-Secret: <secret>             of the channel (or Authorization: Bearer <secret>)
 *   /whatsapp/webhook/{channelId}/{secret} where headers cannot be set
 *
 * A part of a payload is believed by its own channel's proof, so that one tenant's secret proves
 * nothing for another's number. Comparisons take the same time whatever differs. */
#include <sodium.h>

#include "api/auth.h"
#include "api/base_settings.h"
#include "products/sylion/channels.h"
#include "products/sylion/sylion.h"
#include "products/sylion/webhook_room.h"

enum { MAC_BYTES = crypto_auth_hmacsha256_BYTES, SECRET_MAX = 512 };

static Str signature_read(Ctx *c, Str header) {
    static const Str prefix = S_INIT("sha256=");
    if (!str_starts(header, prefix) || header.len != prefix.len + 2 * (ptrdiff_t)MAC_BYTES)
        return (Str){0};
    unsigned char *bytes = arena_bytes(c->arena, MAC_BYTES);
    size_t length = 0;
    int failed = sodium_hex2bin(bytes, MAC_BYTES, header.data + prefix.len,
                                (size_t)(header.len - prefix.len), NULL, &length, NULL);
    if (failed || length != MAC_BYTES) return (Str){0};
    return str_of((const char *)bytes, MAC_BYTES);
}

static Str secret_shown(const Call *k, Str path_secret) {
    static const Str bearer = S_INIT("Bearer ");
    Str header = req_header(k->q, S("X-Webhook-Secret"));
    Str authorization = req_header(k->q, S("Authorization"));
    if (header.len > 0) return header;
    if (str_eq_nocase(str_slice(authorization, 0, bearer.len), bearer))
        return str_trim(str_slice(authorization, bearer.len, authorization.len));
    return path_secret;
}

void proof_read(Ctx *c, const Call *k, Str body, Str path_secret, Proof *out) {
    Str secret = secret_shown(k, path_secret);
    *out = (Proof){.body = body,
                   .signature = signature_read(c, req_header(k->q, S("X-Hub-Signature-256")))};
    if (secret.len > 0 && secret.len <= SECRET_MAX) out->secret = secret_digest(c->arena, secret);
}

bool proof_offered(const Proof *p) { return p->signature.len > 0 || p->secret.len > 0; }

static bool is_production(void) { return str_eq(settings.environment, S("production")); }

static void mac_make(Str body, Str key, unsigned char mac[MAC_BYTES]) {
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.data, (size_t)key.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body.data,
                                  (unsigned long long)body.len);
    crypto_auth_hmacsha256_final(&state, mac);
}

void proof_sign(Ctx *c, Str body, Str key, Proof *out) {
    assert(key.len > 0);
    unsigned char *mac = arena_bytes(c->arena, MAC_BYTES);
    mac_make(body, key, mac);
    *out = (Proof){.body = body, .signature = str_of((const char *)mac, MAC_BYTES)};
}

static bool signed_by(const Proof *p, Str key) {
    unsigned char mac[MAC_BYTES];
    if (p->signature.len != MAC_BYTES) return false;
    mac_make(p->body, key, mac);
    return sodium_memcmp(mac, p->signature.data, MAC_BYTES) == 0;
}

Err *proof_of_channel(Ctx *c, const Proof *p, const Channel *channel, bool *good) {
    bool cloud = str_eq(channel->provider, S("cloud")), asked = is_production();
    Str app_secret = {0};
    *good = true;
    /* The server's own app is no 360dialog channel's. */
    if (cloud || channel->app_secret.len > 0)
        TRY(channel_secret(c, channel, CHANNEL_APP_SECRET, &app_secret));
    asked |= app_secret.len > 0;
    if (app_secret.len > 0 && signed_by(p, app_secret)) return NULL;
    if (!cloud && channel->webhook_secret.len > 0) {
        asked = true;
        if (p->secret.len > 0 && str_eq_secret(p->secret, channel->webhook_secret)) return NULL;
    }
    *good = !asked;
    return NULL;
}

bool proof_of_server(const Proof *p) {
    if (sylion.meta_app_secret.len > 0) return signed_by(p, sylion.meta_app_secret);
    return !is_production();
}
