/* SPDX-License-Identifier: Apache-2.0
 * Recordings on their way in. What they are is told by their bytes, whatever the client says: a
 * recording that was cut before its first sample, or is a page or a picture, is refused here and never
 * reaches a provider. What is inside is the provider's to judge. */
#include "ai/media.h"
#include "products/sylion/voice.h"

enum { FORM_ROOM = 64 * 1024, READ_AT_LEAST = 64 * 1024 };

/* -- what it is ------------------------------------------------------------------------------------ */

static uint32_t little(Str bytes, ptrdiff_t at) {
    const unsigned char *b = (const unsigned char *)bytes.data + at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* RIFF: chunks, among them fmt and one of samples. A size of -1 is a stream's, which had none yet. */
static bool wav_whole(Str bytes) {
    bool format = false;
    for (ptrdiff_t at = 12; at + 8 <= bytes.len;) {
        Str name = str_slice(bytes, at, at + 4);
        uint32_t size = little(bytes, at + 4);
        if (str_eq(name, S("fmt "))) format = size >= 16;
        if (str_eq(name, S("data"))) return format && size > 0 && at + 8 < bytes.len;
        if ((int64_t)size > bytes.len - at) return false;
        at += 8 + (ptrdiff_t)size + (ptrdiff_t)(size & 1);
    }
    return false;
}

/* A page: 27 bytes, a table of segments, and what that says. More must follow the first. */
static bool ogg_whole(Str bytes) {
    if (bytes.len < 28 || bytes.data[4] != 0) return false;
    ptrdiff_t segments = (unsigned char)bytes.data[26], size = 27 + segments;
    if (bytes.len < size) return false;
    for (ptrdiff_t i = 0; i < segments; i++) size += (unsigned char)bytes.data[27 + i];
    return bytes.len > size && str_starts(str_slice(bytes, size, bytes.len), S("OggS"));
}

static bool mp4_whole(Str bytes) {
    const unsigned char *b = (const unsigned char *)bytes.data;
    int64_t size = (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
    return size >= 16 && size + 8 <= bytes.len;
}

Str recording_lacks(Str bytes, Str *mime) {
    enum { LEAST = 32 };
    if (bytes.len == 0) return S("The recording is empty.");
    *mime = media_audio(bytes);
    if (str_is_null(*mime))
        return S("This is no recording: Ogg, WAV, FLAC, MP3, AAC, AMR, WebM or MP4 is.");
    bool whole = bytes.len >= LEAST;
    if (whole && str_eq(*mime, S("audio/wav"))) whole = wav_whole(bytes);
    if (whole && str_eq(*mime, S("audio/ogg"))) whole = ogg_whole(bytes);
    if (whole && str_eq(*mime, S("audio/mp4"))) whole = mp4_whole(bytes);
    return whole ? (Str){0} : S("The recording is broken or cut: there is nothing in it to hear.");
}

/* -- how it comes ---------------------------------------------------------------------------------- */

static Err *recording_bad(Ctx *c, const char *code, Str message) {
    Problems problems = {.arena = c->arena};
    problem_add(&problems, S("audio"), str_c(code), "%.*s", S_ARG(message));
    return problems_err(c, &problems);
}

static Err *too_large(Ctx *c) { FAIL(c, TOO_LARGE, "A recording has at most 25 MiB."); }

typedef struct Gathered {
    char *data;
    ptrdiff_t len, cap;
} Gathered;

static void room_make(Ctx *c, Gathered *g) {
    if (g->len < g->cap) return;
    ptrdiff_t cap = min_size(g->cap + g->cap / 2 + READ_AT_LEAST, RECORDING_MAX + 1);
    g->data = arena_grow(c->arena, g->data, g->cap, cap);
    g->cap = cap;
}

static Err *part_gather(Ctx *c, Multipart *m, Gathered *g) {
    for (ptrdiff_t n = 1; n > 0; g->len += n) {
        room_make(c, g);
        TRY(multipart_read(c, m, g->data + g->len, g->cap - g->len, &n));
        if (g->len + n > RECORDING_MAX) return too_large(c);
    }
    return NULL;
}

static Err *form_gather(Ctx *c, Req *q, Gathered *g) {
    Multipart *m;
    bool more = true;
    int files = 0;
    TRY(multipart_open(c, q, &m));
    for (;;) {
        Part part;
        TRY(multipart_next(c, m, &part, &more));
        if (!more) break;
        if (!str_eq(part.name, S("audio")) && !str_eq(part.name, S("file"))) continue;
        if (files++ > 0) return recording_bad(c, "duplicate", S("One recording at a time."));
        TRY(part_gather(c, m, g));
    }
    if (files > 0) return NULL;
    return recording_bad(c, "required", S("The form has no file `audio`."));
}

static Err *body_gather(Ctx *c, Req *q, Gathered *g) {
    for (ptrdiff_t n = 1; n > 0; g->len += n) {
        room_make(c, g);
        TRY(body_read(c, q, g->data + g->len, g->cap - g->len, &n));
        if (g->len + n > RECORDING_MAX) return too_large(c);
    }
    return NULL;
}

Err *recording_read(Ctx *c, Call *k, Recording *out) {
    Gathered g = {0};
    Str type = req_header(k->q, S("Content-Type")), mime = {0};
    k->q->body_limit = RECORDING_MAX + FORM_ROOM;
    int64_t length = k->q->body_length < 0 ? RECORDING_MAX : k->q->body_length;
    if (length > RECORDING_MAX + FORM_ROOM) return too_large(c);
    arena_budget_set(c->arena, http_options(k->q)->budget_bytes + 4 * (ptrdiff_t)length);
    if (str_eq_nocase(media_type(type), S("multipart/form-data")))
        TRY(form_gather(c, k->q, &g));
    else
        TRY(body_gather(c, k->q, &g));
    *out = (Recording){.bytes = str_of(g.data ? g.data : "", g.len)};
    Str why = recording_lacks(out->bytes, &mime);
    if (!str_is_null(why)) return recording_bad(c, g.len ? "format" : "required", why);
    out->mime = mime;
    return NULL;
}
