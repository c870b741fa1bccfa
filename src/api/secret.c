/* SPDX-License-Identifier: Apache-2.0
 * Small secrets at rest (providers' tokens): libsodium secretbox under a key derived from SECRET_KEY.
 * A sealed text is base64url of: version byte 1, nonce, box. After SECRET_KEY was changed, what the
 * previous key sealed still opens, and is sealed anew when it is next written. */
#include <sodium.h>

#include "api/auth.h"
#include "api/base_settings.h"
#include "core/rand.h"

enum {
    VERSION = 1,
    HEAD_BYTES = 1 + crypto_secretbox_NONCEBYTES,
    OVERHEAD_BYTES = HEAD_BYTES + crypto_secretbox_MACBYTES
};

static void key_derive(Str secret, unsigned char key[crypto_secretbox_KEYBYTES]) {
    static const char context[] = "socle seal v1";
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, crypto_secretbox_KEYBYTES);
    crypto_generichash_update(&state, (const unsigned char *)context, sizeof context);
    crypto_generichash_update(&state, (const unsigned char *)secret.data, (size_t)secret.len);
    crypto_generichash_final(&state, key, crypto_secretbox_KEYBYTES);
    sodium_memzero(&state, sizeof state);
}

Str secret_seal(Ctx *c, Str plain) {
    assert(settings.secret_key.len > 0);
    if (str_is_null(plain)) return plain;
    unsigned char *out = arena_bytes(c->arena, OVERHEAD_BYTES + plain.len);
    unsigned char key[crypto_secretbox_KEYBYTES];
    key_derive(settings.secret_key, key);
    out[0] = VERSION;
    rand_bytes(out + 1, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(out + HEAD_BYTES, (const unsigned char *)plain.data,
                          (unsigned long long)plain.len, out + 1, key);
    sodium_memzero(key, sizeof key);
    return str_base64url(c->arena, str_of((const char *)out, OVERHEAD_BYTES + plain.len));
}

static bool open_with(Str secret, Str box, unsigned char *plain) {
    if (secret.len == 0) return false;
    unsigned char key[crypto_secretbox_KEYBYTES];
    key_derive(secret, key);
    const unsigned char *bytes = (const unsigned char *)box.data;
    int failed = crypto_secretbox_open_easy(
        plain, bytes + HEAD_BYTES, (unsigned long long)(box.len - HEAD_BYTES), bytes + 1, key);
    sodium_memzero(key, sizeof key);
    return failed == 0;
}

Err *secret_open(Ctx *c, Str sealed, Str *plain) {
    *plain = (Str){NULL, 0};
    if (str_is_null(sealed)) return NULL;
    Str box = str_base64url_decode(c->arena, sealed);
    if (str_is_null(box) || box.len < OVERHEAD_BYTES || box.data[0] != VERSION)
        FAIL(c, INTERNAL, "A stored secret is not in a form this program writes");
    unsigned char *out = arena_alloc(c->arena, 1, box.len - OVERHEAD_BYTES + 1);
    if (!open_with(settings.secret_key, box, out) &&
        !open_with(settings.secret_key_previous, box, out))
        FAIL(c, INTERNAL,
             "A stored secret does not open: neither SECRET_KEY nor SECRET_KEY_PREVIOUS sealed it");
    *plain = str_of((const char *)out, box.len - OVERHEAD_BYTES);
    return NULL;
}

Str secret_digest(Arena *arena, Str secret) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const unsigned char *)(secret.data ? secret.data : ""),
                       (unsigned long long)secret.len);
    return str_hex(arena, hash, sizeof hash);
}
