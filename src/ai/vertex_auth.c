/* SPDX-License-Identifier: Apache-2.0
 * A service account's key signs a claim (RS256, RFC 7523), the token endpoint gives a token for it.
 * The key file is read anew each time, so that a key can be changed under a running process. Neither
 * key nor token reaches a log, an error or a recording. */
#include "ai/vertex_auth.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <sodium.h>

#include "ai/settings.h"
#include "ai/wire.h"
#include "core/time.h"
#include "rt/channel.h"
#include "rt/io.h"

#define TOKEN_URL "https://oauth2.googleapis.com/token"
#define SCOPE "https://www.googleapis.com/auth/cloud-platform"
#define KEY_FILE "GOOGLE_APPLICATION_CREDENTIALS"

enum {
    TOKEN_MAX = 8 * 1024,
    KEY_FILE_MAX = 64 * 1024,
    CLAIM_S = 3600,
    EARLY_S = 300,
    FETCH_MS = 15000,
    FETCH_RETRIES = 2,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Channel *turn; /* holds one item: whoever has it fetches */
static char kept[TOKEN_MAX];
static ptrdiff_t kept_len;
static int64_t kept_until_us;

/* -- what is kept ------------------------------------------------------------------------------ */

static bool kept_read(Ctx *c, Str refused, Str *token) {
    pthread_mutex_lock(&lock);
    Str mine = str_of(kept, kept_len);
    bool good = kept_len > 0 && mono_us() < kept_until_us && !str_eq(mine, refused);
    char copy[TOKEN_MAX];
    ptrdiff_t len = kept_len;
    if (good) memcpy(copy, kept, (size_t)len);
    pthread_mutex_unlock(&lock);
    if (good) *token = str_copy(c->arena, str_of(copy, len)); /* may not return */
    return good;
}

static void kept_write(Str token, int64_t seconds) {
    int64_t early = min_i64(EARLY_S, seconds / 2);
    pthread_mutex_lock(&lock);
    memcpy(kept, token.data, (size_t)token.len);
    kept_len = token.len;
    kept_until_us = mono_us() + (seconds - early) * US_PER_SECOND;
    pthread_mutex_unlock(&lock);
}

void vertex_token_reset(void) {
    pthread_mutex_lock(&lock);
    sodium_memzero(kept, sizeof kept);
    kept_len = 0;
    pthread_mutex_unlock(&lock);
}

/* -- whose turn it is -------------------------------------------------------------------------- */

static Channel *turns(void) {
    static char item;
    pthread_mutex_lock(&lock);
    if (!turn) {
        turn = channel_new(1);
        bool put = channel_try_send(turn, &item);
        assert(put);
        (void)put;
    }
    pthread_mutex_unlock(&lock);
    return turn;
}

static void turn_end(void *arg) {
    void **item = arg;
    if (!*item) return;
    bool put = channel_try_send(turns(), *item);
    assert(put);
    (void)put;
    *item = NULL;
}

/* -- the key file ------------------------------------------------------------------------------ */

typedef struct KeyFile {
    Str email, key, key_id, url;
} KeyFile;

static Err *key_file_read(Ctx *c, KeyFile *out) {
    Str text;
    json_t *json;
    Err *err = file_read_all(c, ai_settings.google_credentials, KEY_FILE_MAX, &text);
    if (err) return err_wrap(c, ERR_NOT_CONFIGURED, __func__, err, KEY_FILE " cannot be read.");
    if (json_parse(c, text, &json)) FAIL(c, NOT_CONFIGURED, KEY_FILE " is no JSON.");
    *out = (KeyFile){.email = json_str(json_at(json, "client_email")),
                     .key = json_str(json_at(json, "private_key")),
                     .key_id = json_str(json_at(json, "private_key_id")),
                     .url = json_str(json_at(json, "token_uri"))};
    if (out->email.len == 0 || out->key.len == 0)
        FAIL(c, NOT_CONFIGURED,
             KEY_FILE " is not the key of a service account: client_email and "
                      "private_key are expected.");
    if (out->url.len == 0) out->url = S(TOKEN_URL);
    return NULL;
}

/* An encrypted key has no one to ask for its password. */
static int no_password(char *to, int size, int writing, void *arg) {
    (void)to, (void)size, (void)writing, (void)arg;
    return -1;
}

static bool sign(Arena *arena, Str pem, Str text, Str *signature) {
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    unsigned char bytes[1024]; /* a key of 8192 bits */
    size_t len = sizeof bytes;
    bool good = key && digest && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
                EVP_PKEY_get_size(key) <= (int)sizeof bytes &&
                EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(digest, bytes, &len, (const unsigned char *)text.data,
                               (size_t)text.len) == 1;
    EVP_MD_CTX_free(digest);
    EVP_PKEY_free(key);
    BIO_free(bio);
    if (good) *signature = str_base64url(arena, str_of((const char *)bytes, (ptrdiff_t)len));
    return good;
}

static void member(JsonOut *o, const char *name, Str value) {
    json_key(o, str_c(name));
    json_put_str(o, value);
}

static Str part(Arena *arena, const Buf *json) { return str_base64url(arena, buf_str(json)); }

static Err *claim_make(Ctx *c, const KeyFile *file, Str *out) {
    Buf head = buf_new(c->arena, 128), claims = buf_new(c->arena, 512);
    JsonOut h = json_out(&head), o = json_out(&claims);
    int64_t now = time_now().us / US_PER_SECOND;
    json_begin(&h, '{');
    member(&h, "alg", S("RS256"));
    member(&h, "typ", S("JWT"));
    if (file->key_id.len) member(&h, "kid", file->key_id);
    json_end(&h, '}');
    json_begin(&o, '{');
    member(&o, "iss", file->email);
    member(&o, "scope", S(SCOPE));
    member(&o, "aud", file->url);
    json_key(&o, S("iat"));
    json_put_i64(&o, now);
    json_key(&o, S("exp"));
    json_put_i64(&o, now + CLAIM_S);
    json_end(&o, '}');
    Str text =
        strf(c->arena, "%.*s.%.*s", S_ARG(part(c->arena, &head)), S_ARG(part(c->arena, &claims)));
    Str signature;
    if (!sign(c->arena, file->key, text, &signature))
        FAIL(c, NOT_CONFIGURED, KEY_FILE " has no private RSA key that can sign.");
    *out = strf(c->arena, "%.*s.%.*s", S_ARG(text), S_ARG(signature));
    return NULL;
}

/* -- the token --------------------------------------------------------------------------------- */

static Err *token_failure(Ctx *c, const HttpAnswer *answer) {
    json_t *json = NULL;
    if (json_parse(c, answer->body, &json)) json = NULL;
    Str error = json_str(json_at(json, "error"));
    if (answer->status == 400 || answer->status == 401 || answer->status == 403)
        AI_FAIL(c, NOT_CONFIGURED, "ai_wrong_key",
                "Google's token service answered %d: " KEY_FILE " is wrong or withdrawn, or the "
                "clock is.",
                answer->status);
    return wire_failure(c, "google-token", answer, error, (Str){0}, (Str){0});
}

static Err *token_read(Ctx *c, const HttpAnswer *answer, Str *token) {
    json_t *json = NULL;
    int64_t seconds = 0;
    if (answer->status != 200) return token_failure(c, answer);
    if (!json_parse(c, answer->body, &json)) *token = json_str(json_at(json, "access_token"));
    bool good = token->len > 0 && token->len <= TOKEN_MAX;
    for (ptrdiff_t i = 0; i < token->len; i++) /* it becomes a header */
        good = good && token->data[i] > ' ' && token->data[i] <= '~';
    if (!good)
        AI_FAIL(c, UPSTREAM, "ai_bad_answer", "Google's token service answered without a token.");
    if (!json_i64(json_at(json, "expires_in"), &seconds) || seconds < 1) seconds = 60;
    kept_write(*token, min_i64(seconds, 24 * 3600));
    return NULL;
}

static Err *token_fetch(Ctx *c, Str *token) {
    KeyFile file = {0};
    Str claim;
    HttpAnswer answer;
    TRY(key_file_read(c, &file));
    TRY(claim_make(c, &file, &claim));
    Str url = ai_settings.google_token_url.len ? ai_settings.google_token_url : file.url;
    Header type = {S("Content-Type"), S("application/x-www-form-urlencoded")};
    HttpCall call = {
        .method = "POST",
        .url = url,
        .headers = &type,
        .header_count = 1,
        .body = strf(c->arena,
                     "grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant-type%%3Ajwt-bearer"
                     "&assertion=%.*s",
                     S_ARG(claim)),
        .timeout_ms = FETCH_MS,
        .max_bytes = KEY_FILE_MAX,
        .retries = FETCH_RETRIES};
    Err *err = http_call(c, &call, &answer);
    if (err && err->kind == ERR_INVALID)
        return err_wrap(c, ERR_NOT_CONFIGURED, __func__, err,
                        "The address of Google's token service is malformed.");
    if (err) return err;
    *token = (Str){0};
    return token_read(c, &answer, token);
}

Err *vertex_token(Ctx *c, Str refused, Str *token) {
    *token = S("played"); /* nothing goes out: none is needed */
    if (str_eq(ai_settings.record, S("play"))) return NULL;
    if (kept_read(c, refused, token)) return NULL;
    void **item = arena_new_of(c->arena, void *);
    defer(c, turn_end, item);
    TRY(channel_receive(c, turns(), item));
    Err *err = kept_read(c, refused, token) ? NULL : token_fetch(c, token);
    turn_end(item);
    if (!err) *token = str_copy(c->arena, *token);
    return err;
}
