/* SPDX-License-Identifier: Apache-2.0
 * Cursors: where a list goes on, as a text that only we can make. base64url of a 16-byte MAC
 * (HMAC-SHA-256, cut) and the values, each after its length. The MAC covers the route's pattern
 * too, so that the cursor of one list is nothing to another. What a cursor says is still checked
 * against the caller's rights by the query that uses it. */
#include <sodium.h>

#include "api/base_settings.h"
#include "api/route.h"

enum { MAC_BYTES = 16, CURSOR_MAX = 4096 };

static void mac_make(Str secret, Str route, Str payload,
                     unsigned char out[crypto_auth_hmacsha256_BYTES]) {
    static const unsigned char context[] = "socle cursor v1";
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)(secret.data ? secret.data : ""),
                                (size_t)secret.len);
    crypto_auth_hmacsha256_update(&state, context, sizeof context);
    if (route.len)
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)route.data,
                                      (unsigned long long)route.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)"", 1);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)payload.data,
                                  (unsigned long long)payload.len);
    crypto_auth_hmacsha256_final(&state, out);
}

Str cursor_make(Ctx *c, const Str *values, ptrdiff_t count) {
    assert(count > 0);
    assert(settings.secret_key.len > 0);
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    Buf b = buf_new(c->arena, 128);
    b.len = MAC_BYTES;
    for (ptrdiff_t i = 0; i < count; i++) {
        buf_i64(&b, values[i].len);
        buf_byte(&b, ':');
        buf_add(&b, values[i]);
    }
    mac_make(settings.secret_key, c->route, str_slice(buf_str(&b), MAC_BYTES, b.len), mac);
    memcpy(b.data, mac, MAC_BYTES);
    return str_base64url(c->arena, buf_str(&b));
}

static bool signed_by(Str secret, Str route, Str bytes) {
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    if (secret.len == 0) return false;
    mac_make(secret, route, str_slice(bytes, MAC_BYTES, bytes.len), mac);
    return sodium_memcmp(mac, bytes.data, MAC_BYTES) == 0;
}

static bool values_read(Str payload, Str *values, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) {
        Str number;
        int64_t length;
        payload = str_cut(payload, ':', &number);
        if (!payload.data || !str_to_i64(number, &length) || length < 0 || length > payload.len)
            return false;
        values[i] = str_slice(payload, 0, (ptrdiff_t)length);
        payload = str_slice(payload, (ptrdiff_t)length, payload.len);
    }
    return payload.len == 0;
}

Err *cursor_read(Ctx *c, Str cursor, Str *values, ptrdiff_t count) {
    assert(count > 0);
    Str bytes = cursor.len <= CURSOR_MAX ? str_base64url_decode(c->arena, cursor) : (Str){0};
    bool good = bytes.len > MAC_BYTES && (signed_by(settings.secret_key, c->route, bytes) ||
                                          signed_by(settings.secret_key_previous, c->route, bytes));
    if (good && values_read(str_slice(bytes, MAC_BYTES, bytes.len), values, count)) return NULL;
    FAIL(c, BAD_REQUEST, "The cursor is not one that this list gave.");
}
