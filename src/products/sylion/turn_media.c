/* SPDX-License-Identifier: Apache-2.0
 * What was attached to a question: fetched into the blob store, recordings written down. What
 * became of it stands in the message's media, beside what the channel said of it:
 *
 *   {"id", "mimeType", …, "state": "stored", "blob": "<sha256>", "size": 1234, "transcript": "…"}
 *   {"id", …, "state": "not_transcribed", "blob": …, "reason": "not_configured: …"}
 *   {"id", …, "state": "failed", "reason": "invalid: …"}
 *
 * and what was heard is the message's content, where that was empty. An attachment that cannot be
 * had never fails a turn: what can be read is answered. */
#include "ai/speech.h"
#include "core/json.h"
#include "data/blob.h"
#include "products/sylion/send.h"
#include "products/sylion/turn_room.h"
#include "products/sylion/turn_sql.h"

enum { AUDIO_BYTES_MAX = 25 * 1024 * 1024 };

typedef struct Attached {
    Work *w;
    const Message *m;
    json_t *media; /* as the channel told it */
    Str blob, mime, transcript, state, reason;
    int64_t size;
} Attached;

/* -- fetching and hearing ---------------------------------------------------------------------- */

static Err *blob_read(Ctx *c, Str blob, Str *out) {
    int fd;
    int64_t size;
    TRY(blob_open(c, app_blobs(c), blob, &fd, &size));
    if (size > AUDIO_BYTES_MAX) FAIL(c, TOO_LARGE, "The recording is larger than 25 MiB.");
    char *bytes = arena_bytes(c->arena, (ptrdiff_t)size + 1);
    for (ptrdiff_t at = 0, n; at < size; at += n) {
        TRY(file_read(c, fd, bytes + at, (ptrdiff_t)size - at, at, &n));
        if (n == 0) FAIL(c, INTERNAL, "A blob is shorter than it was.");
    }
    *out = str_of(bytes, (ptrdiff_t)size);
    return NULL;
}

static Err *heard(Ctx *c, Attached *a) {
    Transcript said;
    TranscribeRequest request = {.mime = a->mime};
    Str lacks = transcribe_lacks(c->arena);
    if (!str_is_null(lacks)) FAIL(c, NOT_CONFIGURED, "%.*s", S_ARG(lacks));
    TRY(blob_read(c, a->blob, &request.audio));
    request.payer = (AiPayer){a->w->s.owner, strf(c->arena, "heard:%.*s", S_ARG(a->m->id))};
    TRY(transcribe(c, &request, &said));
    a->transcript = str_trim(said.text);
    return NULL;
}

static Err *fetched(Ctx *c, Attached *a) {
    TRY(whatsapp_media(c, &a->w->channel, json_str(json_at(a->media, "id")),
                       json_str(json_at(a->media, "sha256")), &a->blob, &a->mime, &a->size));
    if (str_is_empty(a->mime)) a->mime = json_str(json_at(a->media, "mimeType"));
    a->state = S("stored");
    return NULL;
}

/* The error goes up only where another try may help, and one is left. */
static Err *let_pass(Ctx *c, Attached *a, Err *err, const char *state) {
    bool again = err_retryable(err->kind) || err->kind == ERR_INTERNAL;
    if (err->kind == ERR_CANCELLED || (again && a->w->t.attempts + 1 < TURN_TRIES)) return err;
    a->state = str_c(state);
    a->reason = turn_reason(c, err);
    return NULL;
}

/* -- writing it down --------------------------------------------------------------------------- */

static JsonText media_of(Ctx *c, const Attached *a) {
    Buf b = buf_new(c->arena, 512);
    const char *name;
    json_t *value;
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_object_foreach(a->media, name, value) {
        Buf text = buf_new(c->arena, 64);
        buf_json_value(&text, value);
        json_key(&o, str_c(name));
        json_put_raw(&o, buf_str(&text));
    }
    json_key(&o, S("state"));
    json_put_str(&o, a->state);
    if (!str_is_empty(a->blob)) {
        json_key(&o, S("blob"));
        json_put_str(&o, a->blob);
        json_key(&o, S("size"));
        json_put_i64(&o, a->size);
    }
    if (!str_is_null(a->transcript)) {
        json_key(&o, S("transcript"));
        json_put_str(&o, a->transcript);
    }
    if (!str_is_null(a->reason)) {
        json_key(&o, S("reason"));
        json_put_str(&o, str_utf8_cut(a->reason, REASON_BYTES_MAX));
    }
    json_end(&o, '}');
    return (JsonText){buf_str(&b)};
}

static Err *noted_in(Ctx *c, Work *w) {
    const Attached *a = w->attached;
    Str content = str_is_empty(a->m->content) && !str_is_null(a->transcript)
                      ? str_utf8_cut(a->transcript, QUESTION_BYTES_MAX)
                      : a->m->content;
    TRY(tenant_exec(c, &w->s, SQL(SQL_TURN_MESSAGE_MEDIA),
                    ARGS(V(a->m->n), V(media_of(c, a)), V(content)), NULL));
    return message_set(c, &w->s, a->m->n, NULL, (Str){0}, (Str){0}); /* told */
}

static Err *attachment_take(Ctx *c, Work *w, const Message *m, json_t *media) {
    Attached a = {.w = w, .m = m, .media = media};
    Err *err = fetched(c, &a);
    if (err) {
        TRY(let_pass(c, &a, err, "failed"));
    } else if (is(m->type, "audio")) {
        err = heard(c, &a);
        if (err) TRY(let_pass(c, &a, err, "not_transcribed"));
    }
    w->attached = &a;
    err = turn_step(c, w, "attachment", noted_in);
    w->attached = NULL;
    return err;
}

/* *media: what is attached and was not fetched yet; NULL: nothing. */
static Err *attachment_of(Ctx *c, const Message *m, json_t **media) {
    *media = NULL;
    if (str_is_empty(m->media.text)) return NULL;
    TRY(json_parse(c, m->media.text, media));
    if (!json_is_object(*media) || json_at(*media, "state") || !json_at(*media, "id"))
        *media = NULL;
    return NULL;
}

bool turn_has_attachments(Ctx *c, const Work *w) {
    const Message *m = w->asked.items;
    for (ptrdiff_t i = 0; i < w->asked.count; i++) {
        json_t *media;
        if (attachment_of(c, &m[i], &media) || media) return true;
    }
    return false;
}

/* One after the other, each with its memory: a recording may be 25 MiB. */
static Err *attachments_take(Ctx *c, Work *w) {
    const Message *m = w->asked.items;
    for (ptrdiff_t i = 0; i < w->asked.count && !w->stale; i++) {
        json_t *media;
        TRY(attachment_of(c, &m[i], &media));
        if (!media) continue;
        CtxMark mark = ctx_mark(c);
        bool stale;
        Err *err = attachment_take(c, w, &m[i], media);
        if (err) return err;
        stale = w->stale;
        ctx_release(c, mark);
        TRY(turn_conversation_read(c, w)); /* what the step had read is gone */
        w->stale = stale;
    }
    return NULL;
}

/* -- the step ---------------------------------------------------------------------------------- */

Str turn_question(Ctx *c, const Work *w) {
    Buf b = buf_new(c->arena, 256);
    const Message *m = w->asked.items;
    for (ptrdiff_t i = 0; i < w->asked.count; i++) {
        Str text = str_trim(m[i].content);
        if (text.len == 0) continue;
        if (b.len > 0) buf_byte(&b, '\n');
        buf_add(&b, text);
    }
    return str_trim(str_utf8_cut(buf_str(&b), QUESTION_BYTES_MAX));
}

/* A sticker wants no answer. */
static bool nothing_asked(const Work *w) {
    const Message *m = w->asked.items;
    ptrdiff_t stickers = 0;
    for (ptrdiff_t i = 0; i < w->asked.count; i++) stickers += is(m[i].type, "sticker");
    return w->t.question.len == 0 && stickers == w->asked.count;
}

Err *turn_ask(Ctx *c, Work *w) {
    w->t.question = turn_question(c, w);
    if (nothing_asked(w))
        return turn_end(c, w, "skipped", S("nothing_asked: a sticker wants no answer"));
    w->t.step = S("reserve");
    return turn_reserve(c, w);
}

static Err *media_in(Ctx *c, Work *w) {
    TRY(turn_asked_read(c, w));
    return turn_ask(c, w);
}

void turn_seen(Ctx *c, const Work *w) {
    const Message *m = w->asked.items;
    if (w->t.attempts > 0 || !is(w->channel.type, "whatsapp") || w->asked.count == 0) return;
    if (!w->shows_read) return;
    whatsapp_seen(c, &w->channel, m[w->asked.count - 1].external_id, w->shows_typing);
}

Err *turn_media(Ctx *c, Work *w) {
    if (!w->begun) turn_seen(c, w);
    TRY(attachments_take(c, w));
    return w->stale ? NULL : turn_step(c, w, "media", media_in);
}
