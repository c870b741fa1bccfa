/* SPDX-License-Identifier: Apache-2.0
 * Access tokens in one exact form: see jwt.h. A key's id (kid) is the start of a hash of it, so that
 * tokens of the previous SECRET_KEY are told from the present one's without a list of keys. */
#include "api/jwt.h"

#include <sodium.h>

#include "api/base_settings.h"
#include "core/json.h"

enum { KID_BYTES = 8 };

static Str jwt_header(Ctx *c, Str key) {
    static const char context[] = "socle kid v1";
    unsigned char kid[KID_BYTES], hash[32];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    crypto_generichash_update(&state, (const unsigned char *)context, sizeof context);
    crypto_generichash_update(&state, (const unsigned char *)key.data, (size_t)key.len);
    crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(kid, hash, sizeof kid);
    Str text = strf(c->arena, "{\"alg\":\"HS256\",\"kid\":\"%.*s\",\"typ\":\"JWT\"}",
                    S_ARG(str_hex(c->arena, kid, KID_BYTES)));
    return str_base64url(c->arena, text);
}

static Str jwt_signature(Ctx *c, Str key, Str signed_part) {
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.data, (size_t)key.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)signed_part.data,
                                  (size_t)signed_part.len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof state);
    return str_base64url(c->arena, str_of((const char *)mac, sizeof mac));
}

Str jwt_make(Ctx *c, const JwtClaims *claims) {
    assert(!id_is_none(claims->user) && settings.secret_key.len > 0);
    Buf b = buf_new(c->arena, 192);
    buf_f(&b, "{\"sub\":\"%lld\",\"exp\":%lld,\"iat\":%lld,\"jti\":", (long long)claims->user.value,
          (long long)(claims->expires_at.us / US_PER_SECOND),
          (long long)(claims->issued_at.us / US_PER_SECOND));
    buf_json(&b, claims->jti);
    buf_add(&b, S(",\"role\":"));
    buf_json(&b, claims->role);
    buf_f(&b, ",\"sid\":%lld}", (long long)claims->session.value);

    Buf token = buf_new(c->arena, 384);
    buf_add(&token, jwt_header(c, settings.secret_key));
    buf_byte(&token, '.');
    buf_add(&token, str_base64url(c->arena, buf_str(&b)));
    Str signature = jwt_signature(c, settings.secret_key, buf_str(&token));
    buf_byte(&token, '.');
    buf_add(&token, signature);
    assert(token.len <= JWT_MAX_BYTES);
    return buf_str(&token);
}

static bool jwt_signed_by(Ctx *c, Str key, Str header, Str signed_part, Str signature) {
    return key.len > 0 && str_eq(header, jwt_header(c, key)) &&
           str_eq_secret(signature, jwt_signature(c, key, signed_part));
}

static bool claims_read(const json_t *json, JwtClaims *out) {
    const json_t *exp = json_at(json, "exp"), *iat = json_at(json, "iat"),
                 *sid = json_at(json, "sid");
    if (!json_is_integer(exp) || !json_is_integer(iat) || !json_is_integer(sid)) return false;
    int64_t user;
    if (!str_to_i64(json_str(json_at(json, "sub")), &user) || user <= 0) return false;
    int64_t expires_s = json_integer_value(exp), issued_s = json_integer_value(iat);
    const int64_t far_s = INT64_MAX / US_PER_SECOND;
    if (expires_s < 0 || expires_s > far_s || issued_s < 0 || issued_s > far_s) return false;
    *out = (JwtClaims){
        .user = {user},
        .session = {json_integer_value(sid)},
        .role = json_str(json_at(json, "role")),
        .jti = json_str(json_at(json, "jti")),
        .issued_at = {issued_s * US_PER_SECOND},
        .expires_at = {expires_s * US_PER_SECOND},
    };
    return !str_is_null(out->jti) && out->session.value > 0;
}

Err *jwt_read(Ctx *c, Str token, JwtClaims *out) {
    if (token.len > JWT_MAX_BYTES) FAIL(c, UNAUTHENTICATED, "Token invalide");
    Str header, payload, rest = str_cut(token, '.', &header);
    Str signature = str_cut(rest, '.', &payload);
    if (str_is_null(rest) || str_is_null(signature)) FAIL(c, UNAUTHENTICATED, "Token invalide");
    Str signed_part = str_slice(token, 0, header.len + 1 + payload.len);
    if (!jwt_signed_by(c, settings.secret_key, header, signed_part, signature) &&
        !jwt_signed_by(c, settings.secret_key_previous, header, signed_part, signature))
        FAIL(c, UNAUTHENTICATED, "Token invalide");

    Str text = str_base64url_decode(c->arena, payload);
    json_t *json = NULL;
    if (str_is_null(text) || json_parse(c, text, &json) != NULL || !claims_read(json, out))
        FAIL(c, UNAUTHENTICATED, "Token invalide");
    if (out->expires_at.us <= time_now().us) FAIL(c, UNAUTHENTICATED, "Token invalide");
    out->role = str_copy(c->arena, out->role);
    out->jti = str_copy(c->arena, out->jti);
    return NULL;
}
