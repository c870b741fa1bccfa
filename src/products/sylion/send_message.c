/* SPDX-License-Identifier: Apache-2.0
 * Messages on their way out. A send is one request on a connection of its own (HttpCall.once)
 * and is never repeated here, but for later parts of one text that the provider says it has not
 * taken: nobody else could send just these. */
#include "core/id.h"
#include "core/log.h"
#include "core/rand.h"
#include "data/blob.h"
#include "products/sylion/channels.h"
#include "products/sylion/send.h"
#include "products/sylion/sylion.h"
#include "products/sylion/whatsapp_door.h"
#include "rt/coro.h"

enum {
    SEND_MS = 20 * 1000,
    SEEN_MS = 5 * 1000,
    UPLOAD_MS = 60 * 1000,
    ANSWER_MAX = 256 * 1024,
    ID_MAX = 256,
    UPLOAD_MAX = 16 * 1024 * 1024,
    PART_TRIES = 4,
    PART_PAUSE_MAX_S = 10,
};

static bool is_good(const HttpAnswer *answer) {
    return answer->status >= 200 && answer->status < 300;
}

static Err *json_post(Ctx *c, const WhatsappDoor *door, Str url, Str body, int64_t timeout_ms,
                      bool once, HttpAnswer *answer) {
    const Header headers[] = {door->auth, {S("Content-Type"), S("application/json")}};
    HttpCall call = {.method = "POST",
                     .url = url,
                     .headers = headers,
                     .header_count = COUNT(headers),
                     .body = body,
                     .timeout_ms = timeout_ms,
                     .max_bytes = ANSWER_MAX,
                     .once = once};
    *answer = (HttpAnswer){0};
    return http_call(c, &call, answer);
}

/* -- attachments ------------------------------------------------------------------------------- */

static Err *blob_load(Ctx *c, Str hash, Str *out) {
    int fd;
    int64_t size;
    TRY(blob_open(c, app_blobs(c), hash, &fd, &size));
    if (size > UPLOAD_MAX)
        FAIL(c, INVALID, "An attachment over %d MiB is not sent.", UPLOAD_MAX / (1024 * 1024));
    char *bytes = arena_bytes(c->arena, (ptrdiff_t)size + 1);
    for (ptrdiff_t at = 0, n = 1; at < size && n > 0; at += n)
        TRY(file_read(c, fd, bytes + at, (ptrdiff_t)size - at, at, &n));
    *out = str_of(bytes, (ptrdiff_t)size);
    return NULL;
}

static void form_field(Buf *b, Str boundary, const char *name, Str value) {
    buf_f(b, "--%.*s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%.*s\r\n",
          S_ARG(boundary), name, S_ARG(value));
}

/* What stands in a header of the form: without what would end it. */
static Str header_safe(Arena *arena, Str text, Str fallback) {
    char *safe = arena_bytes(arena, text.len + 1);
    for (ptrdiff_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        safe[i] = byte < ' ' || byte == '"' || byte == '\\' || byte == 0x7F ? '_' : (char)byte;
    }
    return text.len > 0 ? str_of(safe, text.len) : fallback;
}

static Str form_of(Ctx *c, const json_t *media, Str bytes, Str boundary) {
    Str mime = header_safe(c->arena, json_str(json_at(media, "mimeType")),
                           S("application/octet-stream")),
        name = header_safe(c->arena, json_str(json_at(media, "filename")), S("file"));
    Buf b = buf_new(c->arena, bytes.len + 1024);
    form_field(&b, boundary, "messaging_product", S("whatsapp"));
    form_field(&b, boundary, "type", mime);
    buf_f(&b, "--%.*s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%.*s\"\r\n",
          S_ARG(boundary), S_ARG(name));
    buf_f(&b, "Content-Type: %.*s\r\n\r\n", S_ARG(mime));
    buf_add(&b, bytes);
    buf_f(&b, "\r\n--%.*s--\r\n", S_ARG(boundary));
    return buf_str(&b);
}

/* Nothing was sent yet, whatever becomes of an upload: it may be tried again. */
static Err *upload_failed(Ctx *c, Err *err) {
    if (err->kind != ERR_UPSTREAM && err->kind != ERR_TIMEOUT) return err;
    return err_wrap(c, ERR_UNAVAILABLE, __func__, err, "An attachment could not be uploaded: %.*s",
                    S_ARG(err->detail));
}

static Err *upload(Ctx *c, const WhatsappDoor *door, const json_t *media, Str *id) {
    Str bytes = {0}, boundary = rand_token(c->arena, S("part-"), 18);
    HttpAnswer answer = {0};
    json_t *body;
    TRY(blob_load(c, json_str(json_at(media, "blob")), &bytes));
    const Header headers[] = {
        door->auth,
        {S("Content-Type"), strf(c->arena, "multipart/form-data; boundary=%.*s", S_ARG(boundary))}};
    HttpCall call = {.method = "POST",
                     .url = whatsapp_number_url(c, door, "media"),
                     .headers = headers,
                     .header_count = COUNT(headers),
                     .body = form_of(c, media, bytes, boundary),
                     .timeout_ms = UPLOAD_MS,
                     .max_bytes = ANSWER_MAX,
                     .retries = 2};
    Err *err = http_call(c, &call, &answer);
    if (err) return upload_failed(c, whatsapp_silence(c, &answer, err));
    if (!is_good(&answer)) return upload_failed(c, whatsapp_refusal(c, &answer));
    err = json_parse(c, answer.body, &body);
    *id = err ? (Str){0} : str_copy(c->arena, json_str(json_at(body, "id")));
    if (id->len == 0) FAIL(c, UNAVAILABLE, "WhatsApp took an attachment without giving it an id.");
    return NULL;
}

static Err *media_ready(Ctx *c, const WhatsappDoor *door, const Message *m, Str *id) {
    json_t *media;
    *id = (Str){0};
    if (str_eq(m->type, S("text")) || str_eq(m->type, S("template"))) return NULL;
    static const Str types[] = {S_INIT("image"), S_INIT("document"), S_INIT("audio"),
                                S_INIT("video")};
    bool known = false;
    for (ptrdiff_t i = 0; i < COUNT(types); i++) known |= str_eq(m->type, types[i]);
    if (!known) FAIL(c, INVALID, "A message of type %.*s is not sent.", S_ARG(m->type));
    if (m->media.text.len == 0) FAIL(c, INVALID, "An attachment is missing.");
    TRY(json_parse(c, m->media.text, &media));
    if (json_str(json_at(media, "blob")).len == 0) FAIL(c, INVALID, "An attachment has no blob.");
    Err *err = upload(c, door, media, id);
    if (err && err->kind == ERR_NOT_FOUND)
        return err_wrap(c, ERR_INVALID, __func__, err, "The attachment is gone.");
    return err;
}

/* -- messages ---------------------------------------------------------------------------------- */

static Err *id_read(Ctx *c, const HttpAnswer *answer, Str *external_id) {
    json_t *body;
    Err *err = json_parse(c, answer->body, &body);
    Str id = err ? (Str){0} : json_str(json_path(body, "messages.0.id"));
    if (id.len == 0 || id.len > ID_MAX)
        FAIL(c, UPSTREAM, "WhatsApp took a message (%d) without giving it an id.", answer->status);
    *external_id = str_copy(c->arena, id);
    return NULL;
}

static Err *part_send(Ctx *c, const SendPart *part, Str *external_id) {
    Str body;
    HttpAnswer answer;
    TRY(send_body(c, part, &body));
    Err *err = json_post(c, part->door, whatsapp_number_url(c, part->door, "messages"), body,
                         SEND_MS, true, &answer);
    if (err) return whatsapp_silence(c, &answer, err);
    if (!is_good(&answer)) return whatsapp_refusal(c, &answer);
    return id_read(c, &answer, external_id);
}

static bool surely_unsent(const Err *err) {
    return err && (err->kind == ERR_RATE_LIMITED || err->kind == ERR_UNAVAILABLE);
}

/* A part behind the first: what stands before it has been sent, so that this is its last chance. */
static Err *later_part_send(Ctx *c, const SendPart *part, Str *external_id) {
    Err *err = part_send(c, part, external_id);
    for (int tries = 1; surely_unsent(err) && tries < PART_TRIES; tries++) {
        int64_t pause_s = err->retry_after_s ? err->retry_after_s : tries;
        int64_t until_us = mono_us() + pause_s * US_PER_SECOND + SEND_MS * US_PER_MS;
        if (pause_s > PART_PAUSE_MAX_S || (c->deadline_us && until_us > c->deadline_us)) break;
        if (sleep_ms(c, pause_s * 1000)) break;
        err = part_send(c, part, external_id);
    }
    return err;
}

static Err *texts_send(Ctx *c, SendPart part, Str *external_id) {
    StrList texts;
    TRY(whatsapp_text_cut(c, part.message->content, &texts));
    if (texts.count == 0) FAIL(c, INVALID, "An empty text is not sent.");
    for (ptrdiff_t i = 0; i < texts.count; i++) {
        part.text = texts.items[i];
        part.first = i == 0;
        Err *err = i ? later_part_send(c, &part, external_id) : part_send(c, &part, external_id);
        if (err && i > 0) {
            Err *whole =
                err_wrap(c, ERR_UPSTREAM, __func__, err, "%td of %td parts were sent: %.*s", i,
                         texts.count, S_ARG(err->detail));
            whole->code = err->code;
            return whole;
        }
        if (err) return err;
    }
    return NULL;
}

Err *whatsapp_send(Ctx *c, const Channel *channel, const Contact *to, const Message *m,
                   Str *external_id) {
    assert(channel && to && m && external_id);
    WhatsappDoor door = {.cloud = str_eq(channel->provider, S("cloud"))};
    SendPart part = {.door = &door, .to = to, .message = m, .first = true};
    bool dry;
    TRY(channel_is_dry(c, channel, &dry));
    if (dry) {
        *external_id = str_concat(c->arena, S("dry-run:"), uuid_v4(c->arena));
        return NULL;
    }
    TRY(whatsapp_door(c, channel, &door));
    if (str_eq(m->type, S("text"))) return texts_send(c, part, external_id);
    TRY(media_ready(c, &door, m, &part.media_id));
    return part_send(c, &part, external_id);
}

/* -- seen -------------------------------------------------------------------------------------- */

static Err *seen_send(Ctx *c, const Channel *channel, Str external_id, bool typing) {
    WhatsappDoor door;
    HttpAnswer answer;
    Buf b = buf_new(c->arena, 256);
    TRY(whatsapp_door(c, channel, &door));
    buf_add(&b, S("{\"messaging_product\":\"whatsapp\",\"status\":\"read\",\"message_id\":"));
    buf_json(&b, external_id);
    buf_add(&b, typing ? S(",\"typing_indicator\":{\"type\":\"text\"}}") : S("}"));
    TRY(json_post(c, &door, whatsapp_number_url(c, &door, "messages"), buf_str(&b), SEEN_MS, false,
                  &answer));
    return is_good(&answer) ? NULL : whatsapp_refusal(c, &answer);
}

void whatsapp_seen(Ctx *c, const Channel *channel, Str external_id, bool typing) {
    bool dry;
    Err *err = channel_is_dry(c, channel, &dry);
    if (!err && (dry || external_id.len == 0)) return;
    if (!err) err = seen_send(c, channel, external_id, typing);
    if (err)
        log_msg(c, LOG_DEBUG, "a contact was not shown that its message is read: %.*s",
                S_ARG(err->detail));
}
