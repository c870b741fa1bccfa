/* SPDX-License-Identifier: Apache-2.0
 * captions.h. */
#include "products/robian/captions.h"

#include "core/json.h"

enum { SHORTEST_MS = 500 };

typedef struct Caption {
    int64_t start_ms, end_ms;
    Str speaker, text;
} Caption;

/* -- cutting --------------------------------------------------------------------------------------------- */

static bool ends_sentence(char byte) {
    return byte == '.' || byte == '!' || byte == '?' || byte == ';' || byte == ':';
}

static bool is_blank(char byte) { return byte == ' ' || byte == '\n'; }

ptrdiff_t caption_cut(Str text, ptrdiff_t max) {
    assert(max > 4);
    if (text.len <= max) return text.len;
    ptrdiff_t word = 0, sentence = 0;
    for (ptrdiff_t i = 1; i <= max; i++) {
        if (!is_blank(text.data[i])) continue;
        word = i;
        if (ends_sentence(text.data[i - 1]) || text.data[i] == '\n') sentence = i;
    }
    if (sentence > max / 4) return sentence;
    return word ? word : str_utf8_cut(text, max).len;
}

/* A speech in parts; next(&it) gives one after the other. */
typedef struct Parts {
    const Speech *speech;
    ptrdiff_t at;
} Parts;

static bool part_next(Parts *p, Caption *out) {
    const Speech *s = p->speech;
    while (p->at < s->text.len && is_blank(s->text.data[p->at])) p->at++;
    if (p->at >= s->text.len) return false;
    Str rest = str_slice(s->text, p->at, s->text.len);
    ptrdiff_t length = caption_cut(rest, CAPTION_MAX);
    int64_t start = s->start_ms.value, span = s->end_ms.set ? s->end_ms.value - start : 0;
    out->start_ms = start + span * p->at / s->text.len;
    p->at += length;
    out->end_ms = start + span * p->at / s->text.len;
    if (out->end_ms < out->start_ms + SHORTEST_MS) out->end_ms = out->start_ms + SHORTEST_MS;
    out->text = str_slice(rest, 0, length);
    out->speaker = s->speaker;
    return true;
}

static bool is_heard(const Speech *s) { return s->start_ms.set && !str_eq(s->kind, S("title")); }

typedef void (*CaptionPut)(void *arg, const Caption *one);

static void captions_each(const Speech *speeches, ptrdiff_t count, CaptionPut put, void *arg) {
    for (ptrdiff_t i = 0; i < count; i++) {
        if (!is_heard(&speeches[i])) continue;
        Parts parts = {&speeches[i], 0};
        for (Caption one; part_next(&parts, &one);) put(arg, &one);
    }
}

/* -- WebVTT, SubRip ---------------------------------------------------------------------------------------- */

static void moment(Buf *b, int64_t ms, char point) {
    buf_f(b, "%02lld:%02lld:%02lld%c%03lld", (long long)(ms / 3600000),
          (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60), point, (long long)(ms % 1000));
}

static void times(Buf *b, const Caption *one, char point) {
    moment(b, one->start_ms, point);
    buf_add(b, S(" --> "));
    moment(b, one->end_ms, point);
    buf_byte(b, '\n');
}

/* On one line: an empty one would end the caption. escaped: & < > as WebVTT wants them. */
static void line(Buf *b, Str text, bool escaped) {
    for (ptrdiff_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (byte == '\n' || byte == '\r')
            buf_byte(b, ' ');
        else if (escaped && byte == '&')
            buf_add(b, S("&amp;"));
        else if (escaped && byte == '<')
            buf_add(b, S("&lt;"));
        else if (escaped && byte == '>')
            buf_add(b, S("&gt;"));
        else
            buf_byte(b, byte);
    }
}

static void vtt_put(void *arg, const Caption *one) {
    Buf *b = arg;
    times(b, one, '.');
    if (one->speaker.len) {
        buf_add(b, S("<v "));
        line(b, one->speaker, true);
        buf_byte(b, '>');
    }
    line(b, one->text, true);
    buf_add(b, S("\n\n"));
}

void captions_vtt(Buf *b, const Speech *speeches, ptrdiff_t count) {
    buf_add(b, S("WEBVTT\n\n"));
    captions_each(speeches, count, vtt_put, b);
}

typedef struct Srt {
    Buf *b;
    int64_t number;
    Str speaker;
} Srt;

static void srt_put(void *arg, const Caption *one) {
    Srt *srt = arg;
    buf_f(srt->b, "%lld\n", (long long)++srt->number);
    times(srt->b, one, ',');
    if (one->speaker.len && !str_eq(one->speaker, srt->speaker)) {
        line(srt->b, one->speaker, false);
        buf_add(srt->b, S(" : "));
    }
    srt->speaker = one->speaker;
    line(srt->b, one->text, false);
    buf_add(srt->b, S("\n\n"));
}

void captions_srt(Buf *b, const Speech *speeches, ptrdiff_t count) {
    Srt srt = {.b = b};
    captions_each(speeches, count, srt_put, &srt);
}

/* -- Podcasting 2.0 ------------------------------------------------------------------------------------------ */

static void podcast_put(void *arg, const Caption *one) {
    JsonOut *o = arg;
    json_begin(o, '{');
    if (one->speaker.len) {
        json_key(o, S("speaker"));
        json_put_str(o, one->speaker);
    }
    json_key(o, S("startTime"));
    json_put_f64(o, (double)one->start_ms / 1000);
    json_key(o, S("endTime"));
    json_put_f64(o, (double)one->end_ms / 1000);
    json_key(o, S("body"));
    json_put_str(o, one->text);
    json_end(o, '}');
}

void captions_podcast(Buf *b, const Speech *speeches, ptrdiff_t count) {
    JsonOut o = json_out(b);
    json_begin(&o, '{');
    json_key(&o, S("version"));
    json_put_str(&o, S("1.0.0"));
    json_key(&o, S("segments"));
    json_begin(&o, '[');
    captions_each(speeches, count, podcast_put, &o);
    json_end(&o, ']');
    json_end(&o, '}');
}

/* -- text ------------------------------------------------------------------------------------------------------ */

static void text_put(Buf *b, const Speech *s) {
    if (str_eq(s->kind, S("title"))) {
        buf_f(b, "\n%.*s\n\n", S_ARG(s->text));
        return;
    }
    if (s->start_ms.set) {
        int64_t at = s->start_ms.value / 1000;
        buf_f(b, "[%lld:%02lld:%02lld] ", (long long)(at / 3600), (long long)(at / 60 % 60),
              (long long)(at % 60));
    }
    if (s->speaker.len) buf_add(b, s->speaker);
    if (s->speaker.len && s->role.len) buf_f(b, ", %.*s", S_ARG(s->role));
    buf_f(b, "%s%.*s\n", s->speaker.len ? " : " : "", S_ARG(s->text));
}

void captions_text(Buf *b, Str heading, const Speech *speeches, ptrdiff_t count) {
    buf_f(b, "%.*s\n", S_ARG(heading));
    for (ptrdiff_t i = 0; i < count; i++) text_put(b, &speeches[i]);
}
