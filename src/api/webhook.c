/* SPDX-License-Identifier: Apache-2.0
 * Webhooks that we post. See webhook.h. */
#include "api/webhook.h"

#include <sodium.h>

#include "core/json.h"
#include "core/time.h"
#include "net/client.h"

enum { ANSWER_MAX = 64 * 1024 };

static Str body_make(Ctx *c, const Webhook *w) {
    Buf b = buf_new(c->arena, w->data.len + 256);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("type"));
    json_put_str(&o, w->event);
    json_key(&o, S("id"));
    json_put_str(&o, w->delivery);
    json_key(&o, S("timestamp"));
    json_put_str(&o, time_str(c->arena, time_now()));
    json_key(&o, S("data"));
    json_put_raw(&o, w->data);
    json_end(&o, '}');
    return buf_str(&b);
}

static Str signature(Ctx *c, Str secret, Str body) {
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret.data, (size_t)secret.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body.data,
                                  (unsigned long long)body.len);
    crypto_auth_hmacsha256_final(&state, mac);
    return str_concat(c->arena, S("sha256="), str_hex(c->arena, mac, sizeof mac));
}

static bool is_refusal(int status) {
    return status == 400 || status == 401 || status == 403 || status == 404 || status == 422;
}

Err *webhook_post(Ctx *c, const Webhook *w) {
    assert(w->product && w->prefix && w->secret.len > 0 && w->timeout_ms > 0);
    HttpAnswer answer;
    Str body = body_make(c, w);
    const Header headers[] = {
        {S("Content-Type"), S("application/json")},
        {S("User-Agent"), strf(c->arena, "socle-%s/1", w->product)},
        {strf(c->arena, "%s-Event", w->prefix), w->event},
        {strf(c->arena, "%s-Delivery", w->prefix), w->delivery},
        {strf(c->arena, "%s-Signature", w->prefix), signature(c, w->secret, body)},
    };
    HttpCall call = {
        .method = "POST",
        .url = w->url,
        .headers = headers,
        .header_count = COUNT(headers),
        .body = body,
        .timeout_ms = w->timeout_ms,
        .max_bytes = ANSWER_MAX,
        .once = true,
        .public_only = !w->private_too,
    };
    TRY(http_call(c, &call, &answer));
    if (answer.status >= 200 && answer.status < 300) return NULL;
    if (w->refusal_ends && is_refusal(answer.status))
        FAIL(c, INVALID, "the receiver will not have it: it answered %d", answer.status);
    FAIL(c, UPSTREAM, "the receiver answered %d", answer.status);
}
