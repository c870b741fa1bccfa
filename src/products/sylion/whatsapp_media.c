/* SPDX-License-Identifier: Apache-2.0
 * Attachments on their way in: ask where one is, fetch it into the blob store while it is
 * measured and hashed, and take it only when it is what was announced. Reading repeats nothing,
 * so failures that pass are tried again; an address that has expired meanwhile is asked for
 * anew, once. */
#include "core/json.h"
#include "data/blob.h"
#include "net/url.h"
#include "products/sylion/channels.h"
#include "products/sylion/send.h"
#include "products/sylion/sylion.h"
#include "products/sylion/whatsapp_door.h"

enum {
    ASK_MS = 15 * 1000,
    FETCH_MS = 120 * 1000,
    SILENCE_MS = 20 * 1000,
    ANSWER_MAX = 64 * 1024,
    PIECE = 64 * 1024,
    MIME_MAX = 100,
};

typedef struct Attachment {
    Str url, sha256, mime;
    int64_t size; /* -1: not told */
} Attachment;

Str whatsapp_sha256(Arena *arena, Str announced) {
    Str text = str_lower(arena, announced);
    bool hex = text.len == 64;
    for (ptrdiff_t i = 0; hex && i < text.len; i++)
        hex = (text.data[i] >= '0' && text.data[i] <= '9') ||
              (text.data[i] >= 'a' && text.data[i] <= 'f');
    if (hex) return text;
    Str bytes = str_base64_decode(arena, announced);
    return bytes.len == 32 ? str_hex(arena, bytes.data, bytes.len) : (Str){0};
}

static Err *limit_of(Ctx *c, const Channel *channel, int64_t *out) {
    ChannelConfig config;
    TRY(channel_config(c, channel, &config));
    *out = sylion.media_max_bytes;
    if (config.media_max_bytes.set) *out = min_i64(*out, config.media_max_bytes.value);
    return NULL;
}

/* 360dialog's files lie behind its own host, not behind the one that Meta's answer names. */
static Str file_url(Ctx *c, const WhatsappDoor *door, Str url) {
    Url at, base;
    if (door->cloud || !url_parse(url, &at) || !url_parse(door->base, &base)) return url;
    ptrdiff_t from = at.path.data ? at.path.data - url.data : url.len;
    Str origin =
        str_slice(door->base, 0, base.path.len ? base.path.data - door->base.data : door->base.len);
    return str_concat(c->arena, origin, str_slice(url, from, url.len));
}

static Err *ask(Ctx *c, const WhatsappDoor *door, Str media_id, Attachment *out) {
    HttpAnswer answer = {0};
    json_t *body;
    HttpCall call = {.url = whatsapp_id_url(c, door, media_id),
                     .headers = &door->auth,
                     .header_count = 1,
                     .timeout_ms = ASK_MS,
                     .max_bytes = ANSWER_MAX,
                     .retries = 2};
    Err *err = http_call(c, &call, &answer);
    if (err) return whatsapp_silence(c, &answer, err);
    if (answer.status != 200) return whatsapp_refusal(c, &answer);
    if (json_parse(c, answer.body, &body) || json_str(json_at(body, "url")).len == 0)
        FAIL(c, UPSTREAM, "WhatsApp did not say where an attachment is.");
    *out = (Attachment){
        .size = -1, .url = file_url(c, door, str_copy(c->arena, json_str(json_at(body, "url"))))};
    json_i64(json_at(body, "file_size"), &out->size);
    out->sha256 = whatsapp_sha256(c->arena, json_str(json_at(body, "sha256")));
    out->mime = str_copy(c->arena, str_utf8_cut(json_str(json_at(body, "mime_type")), MIME_MAX));
    return NULL;
}

static Str base_type(Arena *arena, Str mime) {
    Str base;
    str_cut(mime, ';', &base);
    return str_lower(arena, str_trim(base));
}

/* A type that says nothing is no contradiction. Where the hash is known it decides alone. */
static bool type_agrees(Ctx *c, const Attachment *a, const HttpAnswer *head) {
    Str came = base_type(c->arena, answer_header(head, S("Content-Type"))),
        told = base_type(c->arena, a->mime);
    return a->sha256.len > 0 || came.len == 0 || told.len == 0 || str_eq(came, told) ||
           str_ends(came, S("/octet-stream"));
}

static Err *too_large(Ctx *c, int64_t limit) {
    FAIL(c, TOO_LARGE, "An attachment is larger than the %lld bytes that are taken.",
         (long long)limit);
}

static Err *pieces_save(Ctx *c, HttpStream *s, BlobWriter *w, const Attachment *a, int64_t limit) {
    char *piece = arena_bytes(c->arena, PIECE);
    int64_t total = 0;
    for (ptrdiff_t n = 1; n > 0;) {
        TRY(http_read(c, s, piece, PIECE, &n));
        total += n;
        if (total > limit) return too_large(c, limit);
        if (n > 0) TRY(blob_write(c, w, str_of(piece, n)));
    }
    if (a->size >= 0 && a->size != total)
        FAIL(c, INVALID, "An attachment has %lld bytes and not the %lld that were announced.",
             (long long)total, (long long)a->size);
    return NULL;
}

/* *again: the address may have expired. */
static Err *fetch(Ctx *c, const WhatsappDoor *door, const Attachment *a, int64_t limit,
                  BlobWriter **w, bool *again) {
    HttpStream *s;
    HttpAnswer head = {0};
    HttpCall call = {.url = a->url,
                     .headers = &door->auth,
                     .header_count = 1,
                     .timeout_ms = FETCH_MS,
                     .idle_timeout_ms = SILENCE_MS,
                     .retries = 2,
                     .follow = true,
                     .public_only = !sylion.private_sources};
    Err *err = http_open(c, &call, &s, &head);
    if (err && err->kind == ERR_FORBIDDEN)
        return err_wrap(c, ERR_INVALID, __func__, err,
                        "An attachment lies at an address that is not public.");
    if (err) return whatsapp_silence(c, &head, err);
    *again = head.status >= 400 && head.status < 500 && head.status != 429;
    if (head.status != 200) return whatsapp_refusal(c, &head);
    if (!type_agrees(c, a, &head))
        FAIL(c, INVALID, "An attachment is not of the type that was announced.");
    TRY(blob_begin(c, app_blobs(c), w));
    return pieces_save(c, s, *w, a, limit);
}

static Err *fetch_twice(Ctx *c, const WhatsappDoor *door, Str media_id, Attachment *a,
                        int64_t limit, BlobWriter **w) {
    bool again = false;
    Err *err = fetch(c, door, a, limit, w, &again);
    if (!err || !again) return err;
    TRY(ask(c, door, media_id, a));
    return fetch(c, door, a, limit, w, &again);
}

Err *whatsapp_media(Ctx *c, const Channel *channel, Str media_id, Str sha256, Str *blob, Str *mime,
                    int64_t *size) {
    assert(channel && blob && mime && size);
    WhatsappDoor door;
    Attachment a;
    BlobWriter *w = NULL;
    int64_t limit;
    if (media_id.len == 0) FAIL(c, INVALID, "An attachment has no id.");
    TRY(limit_of(c, channel, &limit));
    TRY(whatsapp_door(c, channel, &door));
    TRY(ask(c, &door, media_id, &a));
    if (a.size > limit) return too_large(c, limit);
    TRY(fetch_twice(c, &door, media_id, &a, limit, &w));
    Str hash = blob_hash(c, w), announced = whatsapp_sha256(c->arena, sha256);
    if ((announced.len && !str_eq(hash, announced)) || (a.sha256.len && !str_eq(hash, a.sha256)))
        FAIL(c, INVALID, "An attachment is not what was announced: its SHA-256 differs.");
    TRY(blob_finish(c, w, blob, size));
    *mime = a.mime;
    return NULL;
}
