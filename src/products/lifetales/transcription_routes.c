/* SPDX-License-Identifier: Apache-2.0
 * Writing a recording down while its sender waits: base64 in JSON, or a form's file. Nothing is stored
 * but what was heard. */
#include <sodium.h>

#include "api/body.h"
#include "net/sheet.h"
#include "products/lifetales/album.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"
#include "products/lifetales/transcription.h"
#include "rt/offload.h"

enum { BODY_MAX = 52 * 1024 * 1024 };
/* 30 s, three tries, and the way of 50 MB. */
static const int64_t HEAR_MS = 10 * 60 * 1000;

typedef struct HearBody {
    Str audio_data, mime_type;
} HearBody;
static const Field hear_body_fields[] = {
    FIELD(HearBody, audio_data, .flags = F_REQUIRED, .max = BODY_MAX, .format = "base64",
          .doc = "Base64, with or without data:…, before it"),
    FIELD(HearBody, mime_type, .flags = F_NULLABLE, .max = 200),
};
static const Record hear_body_record =
    RECORD(HearBody, hear_body_fields, .camel = true, .open = true);

typedef struct HeardOut {
    Str transcription, language;
    OptFloat confidence;
    bool cached;
} HeardOut;
static const Field heard_out_fields[] = {
    FIELD(HeardOut, transcription, .doc = "\"\" where nobody speaks"),
    FIELD(HeardOut, confidence, .doc = "0 to 1; null where the provider does not tell it"),
    FIELD(HeardOut, language, .flags = F_NULLABLE, .doc = "Where the provider tells it"),
    FIELD(HeardOut, cached, .doc = "The same recording was written down before"),
};
static const Record heard_out_record =
    RECORD_AS("TalesHeard", HeardOut, heard_out_fields, .camel = true);

typedef struct Sent {
    Str bytes, mime;
    Looked looked;
    unsigned char hash[crypto_hash_sha256_BYTES];
    Str sha256;
} Sent;

static Err *sent_wrong(Ctx *c, const char *field, const char *code, Str why) {
    Problems p = {.arena = c->arena};
    problem_add(&p, str_c(field), str_c(code), "%.*s", S_ARG(why));
    return problems_err(c, &p);
}

/* -- coming in --------------------------------------------------------------------------------- */

static Err *json_sent(Ctx *c, Call *k, Sent *in) {
    HearBody body = {0};
    k->q->body_limit = BODY_MAX;
    TRY(call_read(c, k, &hear_body_record, READ_CREATE, &body, NULL));
    Err *err = album_decode(c, k->q, body.audio_data, &in->bytes, &in->mime);
    if (err && err->kind == ERR_INVALID) return sent_wrong(c, "audioData", "value", err->detail);
    if (str_is_null(in->mime)) in->mime = body.mime_type;
    return err;
}

static Err *file_sent(Ctx *c, Multipart *m, const Part *part, Sent *in) {
    TRY(sheet_part(c, m, lifetales.media_max_bytes, &in->bytes));
    in->mime = part->content_type;
    return NULL;
}

static Err *form_sent(Ctx *c, Call *k, Sent *in) {
    Multipart *m;
    Part part;
    int files = 0;
    k->q->body_limit = lifetales.media_max_bytes + 64 * KIB;
    TRY(multipart_open(c, k->q, &m));
    for (bool more;;) {
        TRY(multipart_next(c, m, &part, &more));
        if (!more) break;
        bool named = str_eq(part.name, S("file")) || str_eq(part.name, S("audio"));
        if (!named && str_is_null(part.filename)) continue;
        if (files++ > 0) return sent_wrong(c, "file", "duplicate", S("One recording at a time."));
        TRY(file_sent(c, m, &part, in));
    }
    return files ? NULL : sent_wrong(c, "file", "required", S("The form has no file."));
}

static void sent_hash(void *arg) {
    Sent *in = arg;
    crypto_hash_sha256(in->hash, (const unsigned char *)in->looked.bytes.data,
                       (unsigned long long)in->looked.bytes.len);
}

/* A recording is what its bytes say that it is. */
static Err *sent_look(Ctx *c, const char *field, Sent *in) {
    TRY(album_look(c, in->bytes, in->mime, &in->looked));
    if (!str_eq(in->looked.kind, S("audio")))
        return sent_wrong(
            c, field, "value",
            strf(c->arena, "It is no recording, but %.*s.", S_ARG(in->looked.mime_type)));
    TRY(offload(c, LANE_SHORT, sent_hash, in));
    in->sha256 = str_hex(c->arena, in->hash, sizeof in->hash);
    return NULL;
}

/* -- answering --------------------------------------------------------------------------------- */

static Err *sent_hear(Ctx *c, Call *k, HeardOut *out) {
    Sent in = {0};
    Heard heard;
    Id user;
    Str type;
    TRY(person_of(c, k, &user));
    str_cut(req_header(k->q, S("Content-Type")), ';', &type);
    bool form = str_eq_nocase(str_trim(type), S("multipart/form-data"));
    TRY(form ? form_sent(c, k, &in) : json_sent(c, k, &in));
    TRY(sent_look(c, form ? "file" : "audioData", &in));
    TRY(transcription_now(c, user, &in.looked, in.sha256, &heard));
    *out = (HeardOut){.transcription = heard.text.data ? heard.text : S(""),
                      .language = heard.language,
                      .confidence = heard.confidence,
                      .cached = heard.cached};
    return NULL;
}

static Err *note_transcribe(Ctx *c, Call *k) { return sent_hear(c, k, call_out(k)); }

static Err *transcribe_flat(Ctx *c, Call *k) {
    HeardOut out = {0};
    TRY(sent_hear(c, k, &out));
    tales_answer_flat(c, k, &heard_out_record, &out);
    return NULL;
}

#define HEARS                                                                        \
    TALES_WRITES, .in_raw = true, .in_type = "application/json,multipart/form-data", \
                  .out = &heard_out_record, .timeout_ms = HEAR_MS,                   \
                  .errors = "402 403 413 415 422 429 501 502 503 504 507"
const Route transcription_routes[] = {
    {POST, "/api/notes/transcribe", note_transcribe, HEARS,
     .doc = "What a recording says: {audioData, mimeType}, or a form's file. The same recording is "
            "heard once"},
    {POST, "/api/transcribe", transcribe_flat, HEARS,
     .doc = "The same, its answer's members beside `success` as well"},
    {.path = NULL},
};
