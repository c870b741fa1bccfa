/* SPDX-License-Identifier: Apache-2.0
 * Signing is three hashes: of the request in canonical form, of a text about it, and that under a key
 * made from the secret, the day, the region and the service. */
#include "data/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/buf.h"

enum { DIGEST = 32 };
typedef struct Digest {
    unsigned char bytes[DIGEST];
} Digest;

static Digest sha256(Str text) {
    Digest d;
    if (EVP_Digest(text.data, (size_t)text.len, d.bytes, NULL, EVP_sha256(), NULL) != 1) abort();
    return d;
}

static Digest hmac(const void *key, ptrdiff_t key_len, Str text) {
    Digest d;
    unsigned length = DIGEST;
    if (!HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text.data, (size_t)text.len,
              d.bytes, &length))
        abort();
    return d;
}

static void buf_hex(Buf *b, Digest d) {
    for (int i = 0; i < DIGEST; i++) buf_f(b, "%02x", d.bytes[i]);
}

Str sigv4_date(Arena *arena, Time at) {
    Civil t = time_civil(at);
    Buf b = buf_new(arena, 20);
    buf_f(&b, "%04d%02d%02dT%02d%02d%02dZ", t.year, t.month, t.day, t.hour, t.minute, t.second);
    return buf_str(&b);
}

Str sigv4_encode(Arena *arena, Str text, bool slashes) {
    Buf b = buf_new(arena, text.len + 16);
    for (ptrdiff_t i = 0; i < text.len; i++) {
        unsigned char x = (unsigned char)text.data[i];
        bool plain = (x >= 'A' && x <= 'Z') || (x >= 'a' && x <= 'z') || (x >= '0' && x <= '9') ||
                     (x && strchr("-._~", x)) || (slashes && x == '/');
        if (plain) buf_byte(&b, (char)x);
        else buf_f(&b, "%%%02X", x);
    }
    return buf_str(&b);
}

static void signed_names(Buf *b, const SigV4 *s) {
    for (ptrdiff_t i = 0; i < s->header_count; i++) {
        if (i) buf_byte(b, ';');
        buf_add(b, s->headers[i].name);
    }
}

static Str canonical(Arena *arena, const SigV4 *s) {
    Buf b = buf_new(arena, 512);
    buf_f(&b, "%.*s\n%.*s\n%.*s\n", S_ARG(s->method), S_ARG(s->path), S_ARG(s->query));
    for (ptrdiff_t i = 0; i < s->header_count; i++)
        buf_f(&b, "%.*s:%.*s\n", S_ARG(s->headers[i].name), S_ARG(str_trim(s->headers[i].value)));
    buf_byte(&b, '\n');
    signed_names(&b, s);
    buf_f(&b, "\n%.*s", S_ARG(s->payload_hash));
    return buf_str(&b);
}

Str sigv4_authorization(Arena *arena, const SigV4 *s) {
    Str date = sigv4_date(arena, s->at), day = str_slice(date, 0, 8);
    Buf scope = buf_new(arena, 64), text = buf_new(arena, 256), key = buf_new(arena, 64),
        out = buf_new(arena, 256);
    buf_f(&scope, "%.*s/%.*s/%.*s/aws4_request", S_ARG(day), S_ARG(s->region), S_ARG(s->service));
    buf_f(&text, "AWS4-HMAC-SHA256\n%.*s\n%.*s\n", S_ARG(date), S_ARG(buf_str(&scope)));
    buf_hex(&text, sha256(canonical(arena, s)));
    buf_f(&key, "AWS4%.*s", S_ARG(s->secret_key));
    Digest d = hmac(buf_str(&key).data, buf_str(&key).len, day);
    d = hmac(d.bytes, DIGEST, s->region);
    d = hmac(d.bytes, DIGEST, s->service);
    d = hmac(d.bytes, DIGEST, S("aws4_request"));
    d = hmac(d.bytes, DIGEST, buf_str(&text));
    buf_f(&out, "AWS4-HMAC-SHA256 Credential=%.*s/%.*s, SignedHeaders=", S_ARG(s->access_key),
          S_ARG(buf_str(&scope)));
    signed_names(&out, s);
    buf_add(&out, S(", Signature="));
    buf_hex(&out, d);
    return buf_str(&out);
}
