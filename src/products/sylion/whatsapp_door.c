/* SPDX-License-Identifier: Apache-2.0
 * The two providers. Cloud API: version and number in the path, Bearer token. 360dialog:
 * neither, its own header; the key alone says which number it is. */
#include "products/sylion/whatsapp_door.h"

#include "api/base_settings.h"
#include "products/sylion/channels.h"
#include "products/sylion/sylion.h"

static Str without_slash(Str url) {
    return str_ends(url, S("/")) ? str_slice(url, 0, url.len - 1) : url;
}

Err *whatsapp_door(Ctx *c, const Channel *channel, WhatsappDoor *out) {
    Str key;
    TRY(channel_secret(c, channel, CHANNEL_API_KEY, &key));
    if (key.len == 0)
        FAIL(c, NOT_CONFIGURED, "The channel has no API key, and WHATSAPP_API_KEY is not set.");
    *out = (WhatsappDoor){.cloud = str_eq(channel->provider, S("cloud"))};
    if (!out->cloud) {
        out->base = without_slash(sylion.whatsapp_api_url);
        out->auth = (Header){S("D360-API-KEY"), key};
        return NULL;
    }
    out->base = without_slash(sylion.whatsapp_cloud_url);
    out->auth = (Header){S("Authorization"), str_concat(c->arena, S("Bearer "), key)};
    out->number = channel->phone_number_id.len > 0 ? channel->phone_number_id : outside.phone_id;
    if (out->number.len == 0)
        FAIL(c, NOT_CONFIGURED, "The channel has no phoneNumberId, and PHONE_ID is not set.");
    return NULL;
}

Str whatsapp_id_url(Ctx *c, const WhatsappDoor *door, Str id) {
    Buf url = buf_new(c->arena, 128);
    buf_f(&url, "%.*s/", S_ARG(door->base));
    buf_url(&url, id);
    return buf_str(&url);
}

Str whatsapp_number_url(Ctx *c, const WhatsappDoor *door, const char *what) {
    if (!door->cloud) return strf(c->arena, "%.*s/%s", S_ARG(door->base), what);
    return strf(c->arena, "%.*s/%s", S_ARG(whatsapp_id_url(c, door, door->number)), what);
}
