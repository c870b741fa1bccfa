/* SPDX-License-Identifier: Apache-2.0
 * The signed upload of Cloudinary: POST {prefix}/v1_1/{cloud}/image/upload as multipart/form-data. What is
 * signed are the parameters but file and api_key, by their names in order, joined as in a query, with the
 * secret behind them: SHA-1, in hex. */
#include "products/lifetales/cloudinary.h"

#include <openssl/evp.h>

#include "ai/media.h"
#include "core/json.h"
#include "core/time.h"
#include "net/client.h"
#include "net/url.h"
#include "products/lifetales/lifetales.h"

enum { UPLOAD_MS = 15 * 1000, UPLOAD_TRIES = 2, BODY_MAX = 48 * 1024 * 1024 };

typedef struct Cloud {
    Str key, secret, name, prefix;
} Cloud;

bool cloudinary_on(void) { return !str_is_empty(lifetales.cloudinary_url); }

static Str query_value(Arena *arena, Str query, Str name) {
    for (Str rest = query, one, key; rest.len;) {
        rest = str_cut(rest, '&', &one);
        Str value = str_cut(one, '=', &key);
        if (str_eq(key, name)) return url_decode(arena, value, true);
    }
    return (Str){0};
}

static Err *cloud_of(Ctx *c, Cloud *out) {
    Url url;
    Str key, secret;
    bool good = url_parse(lifetales.cloudinary_url, &url) && str_eq(url.scheme, S("cloudinary"));
    if (good) {
        secret = str_cut(url.userinfo, ':', &key);
        out->key = url_decode(c->arena, key, false);
        out->secret = url_decode(c->arena, secret, false);
        out->name = url.host;
        out->prefix = query_value(c->arena, url.query, S("upload_prefix"));
        good = out->key.len > 0 && out->secret.len > 0 && out->name.len > 0;
    }
    if (!good)
        FAIL(c, NOT_CONFIGURED, "CLOUDINARY_URL is not of the form cloudinary://KEY:SECRET@CLOUD");
    if (str_is_empty(out->prefix)) out->prefix = S("https://api.cloudinary.com");
    return NULL;
}

Err *cloudinary_check(Ctx *c) {
    Cloud cloud = {0};
    return cloud_of(c, &cloud);
}

static Str signature_of(Arena *arena, Str name, Str timestamp, Str secret) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    Str all = strf(arena, "overwrite=false&public_id=%.*s&timestamp=%.*s%.*s", S_ARG(name),
                   S_ARG(timestamp), S_ARG(secret));
    if (EVP_Digest(all.data, (size_t)all.len, digest, &length, EVP_sha1(), NULL) != 1) abort();
    return str_hex(arena, digest, (ptrdiff_t)length);
}

static Str body_of(Arena *arena, const Cloud *cloud, Str name, Str bytes, Str mime_type,
                   Str *type) {
    Str timestamp = strf(arena, "%lld", (long long)(time_now().us / US_PER_SECOND));
    Form f = form_begin(arena, bytes);
    form_field(&f, "api_key", cloud->key);
    form_field(&f, "overwrite", S("false"));
    form_field(&f, "public_id", name);
    form_field(&f, "signature", signature_of(arena, name, timestamp, cloud->secret));
    form_field(&f, "timestamp", timestamp);
    form_file(&f, "file", S("picture"), mime_type, bytes);
    return form_end(&f, arena, type);
}

static Err *answer_read(Ctx *c, const HttpAnswer *answer, Str *url) {
    json_t *json = NULL;
    Err *bad = json_parse(c, answer->body, &json);
    if (answer->status == 401 || answer->status == 403)
        FAIL(c, NOT_CONFIGURED, "Cloudinary refuses CLOUDINARY_URL's key or signature");
    if (answer->status != 200 || bad) FAIL(c, UPSTREAM, "Cloudinary answered %d", answer->status);
    *url = json_str(json_at(json, "secure_url"));
    if (!str_starts(*url, S("https://")) && !str_starts(*url, S("http://")))
        FAIL(c, UPSTREAM, "Cloudinary answered without an address");
    *url = str_copy(c->arena, *url);
    return NULL;
}

Err *cloudinary_put(Ctx *c, Str name, Str bytes, Str mime_type, Str *url) {
    Cloud cloud = {0};
    HttpAnswer answer;
    Str type;
    TRY(cloud_of(c, &cloud));
    SideArena *side = side_new(c, BODY_MAX);
    Str body = body_of(side->arena, &cloud, name, bytes, mime_type, &type);
    const Header headers[] = {{S("Content-Type"), type}};
    HttpCall call = {
        .method = "POST",
        .url =
            strf(c->arena, "%.*s/v1_1/%.*s/image/upload", S_ARG(cloud.prefix), S_ARG(cloud.name)),
        .headers = headers,
        .header_count = COUNT(headers),
        .body = body,
        .timeout_ms = min_i64(UPLOAD_MS, lifetales.illustration_ms),
        .max_bytes = 256 * KIB,
        .retries = UPLOAD_TRIES - 1,
    };
    Err *err = http_call(c, &call, &answer);
    side_free(side);
    return err ? err : answer_read(c, &answer, url);
}

static Str removal_of(Arena *arena, const Cloud *cloud, Str name, Str *type) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    Str timestamp = strf(arena, "%lld", (long long)(time_now().us / US_PER_SECOND));
    Str all = strf(arena, "invalidate=true&public_id=%.*s&timestamp=%.*s%.*s", S_ARG(name),
                   S_ARG(timestamp), S_ARG(cloud->secret));
    if (EVP_Digest(all.data, (size_t)all.len, digest, &length, EVP_sha1(), NULL) != 1) abort();
    Form f = form_begin(arena, S(""));
    form_field(&f, "api_key", cloud->key);
    form_field(&f, "invalidate", S("true"));
    form_field(&f, "public_id", name);
    form_field(&f, "signature", str_hex(arena, digest, (ptrdiff_t)length));
    form_field(&f, "timestamp", timestamp);
    return form_end(&f, arena, type);
}

Err *cloudinary_remove(Ctx *c, Str name) {
    Cloud cloud = {0};
    HttpAnswer answer;
    Str type;
    TRY(cloud_of(c, &cloud));
    Str body = removal_of(c->arena, &cloud, name, &type);
    const Header headers[] = {{S("Content-Type"), type}};
    HttpCall call = {
        .method = "POST",
        .url =
            strf(c->arena, "%.*s/v1_1/%.*s/image/destroy", S_ARG(cloud.prefix), S_ARG(cloud.name)),
        .headers = headers,
        .header_count = COUNT(headers),
        .body = body,
        .timeout_ms = UPLOAD_MS,
        .max_bytes = 64 * KIB,
    };
    TRY(http_call(c, &call, &answer));
    if (answer.status == 401 || answer.status == 403)
        FAIL(c, NOT_CONFIGURED, "Cloudinary refuses CLOUDINARY_URL's key or signature");
    if (answer.status != 200) FAIL(c, UPSTREAM, "Cloudinary answered %d", answer.status);
    return NULL;
}
