/* SPDX-License-Identifier: Apache-2.0
 * See media.h. */
#include "ai/media.h"

#include <math.h>
#include <sodium.h>

/* -- recordings -------------------------------------------------------------------------------- */

static bool has_at(Str bytes, ptrdiff_t at, Str what) {
    return str_eq(str_slice(bytes, at, at + what.len), what);
}

Str media_audio(Str bytes) {
    if (has_at(bytes, 0, S("OggS"))) return S("audio/ogg");
    if (has_at(bytes, 0, S("RIFF")) && has_at(bytes, 8, S("WAVE"))) return S("audio/wav");
    if (has_at(bytes, 0, S("fLaC"))) return S("audio/flac");
    if (has_at(bytes, 0, S("ID3"))) return S("audio/mpeg");
    if (has_at(bytes, 0, S("\x1A\x45\xDF\xA3"))) return S("audio/webm");
    if (has_at(bytes, 4, S("ftyp"))) return S("audio/mp4");
    if (has_at(bytes, 0, S("#!AMR"))) return S("audio/amr");
    if (bytes.len < 2 || (unsigned char)bytes.data[0] != 0xFF) return (Str){0};
    unsigned char second = (unsigned char)bytes.data[1];
    if ((second & 0xF6) == 0xF0) return S("audio/aac"); /* ADTS: layer 0 */
    return (second & 0xE0) == 0xE0 ? S("audio/mpeg") : (Str){0};
}

Str media_type(Str type) {
    Str plain;
    str_cut(type, ';', &plain);
    return str_trim(plain);
}

Str media_file_name(Arena *arena, Str bytes, Str type) {
    static const struct {
        const char *type, *ending;
    } rows[] = {{"audio/ogg", "ogg"},   {"audio/opus", "ogg"},   {"audio/wav", "wav"},
                {"audio/x-wav", "wav"}, {"audio/wave", "wav"},   {"audio/flac", "flac"},
                {"audio/mpeg", "mp3"},  {"audio/mp3", "mp3"},    {"audio/webm", "webm"},
                {"video/webm", "webm"}, {"audio/mp4", "m4a"},    {"audio/m4a", "m4a"},
                {"audio/x-m4a", "m4a"}, {"video/mp4", "mp4"},    {"audio/aac", "aac"},
                {"audio/amr", "amr"},   {"audio/x-flac", "flac"}};
    Str known = media_audio(bytes);
    if (str_is_null(known)) known = media_type(type);
    for (ptrdiff_t i = 0; i < COUNT(rows); i++)
        if (str_eq_nocase(known, str_c(rows[i].type)))
            return strf(arena, "recording.%s", rows[i].ending);
    return S("recording");
}

static void number_add(Buf *b, int64_t number, int bytes) {
    for (int i = 0; i < bytes; i++) buf_byte(b, (char)(number >> (8 * i)));
}

Str media_wav(Arena *arena, Str samples, int64_t rate) {
    enum { HEAD = 44, SAMPLE = 2, PCM = 1 };
    Buf b = buf_new(arena, samples.len + HEAD);
    buf_add(&b, S("RIFF"));
    number_add(&b, HEAD - 8 + samples.len, 4);
    buf_add(&b, S("WAVEfmt "));
    number_add(&b, 16, 4);
    number_add(&b, PCM, 2);
    number_add(&b, 1, 2);
    number_add(&b, rate, 4);
    number_add(&b, rate * SAMPLE, 4);
    number_add(&b, SAMPLE, 2);
    number_add(&b, SAMPLE * 8, 2);
    buf_add(&b, S("data"));
    number_add(&b, samples.len, 4);
    buf_add(&b, samples);
    return buf_str(&b);
}

/* -- forms ------------------------------------------------------------------------------------- */

/* A hash of what it must not occur in, so that equal forms are equal. */
Form form_begin(Arena *arena, Str unlike) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const unsigned char *)unlike.data, (unsigned long long)unlike.len);
    Form f = {.body = buf_new(arena, unlike.len + 2 * KIB)};
    f.boundary = strf(arena, "socle-%.*s", S_ARG(str_hex(arena, hash, 16)));
    return f;
}

void form_field(Form *f, const char *name, Str value) {
    buf_f(&f->body, "--%.*s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n",
          S_ARG(f->boundary), name);
    buf_add(&f->body, value);
    buf_add(&f->body, S("\r\n"));
}

void form_file(Form *f, const char *name, Str file_name, Str type, Str bytes) {
    for (ptrdiff_t i = 0; i < type.len; i++) /* it becomes a line of a head */
        if (type.data[i] < '!' || type.data[i] > '~') type = S("application/octet-stream");
    buf_f(&f->body,
          "--%.*s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%.*s\"\r\n"
          "Content-Type: %.*s\r\n\r\n",
          S_ARG(f->boundary), name, S_ARG(file_name), S_ARG(type));
    buf_add(&f->body, bytes);
    buf_add(&f->body, S("\r\n"));
}

Str form_end(Form *f, Arena *arena, Str *type) {
    buf_f(&f->body, "--%.*s--\r\n", S_ARG(f->boundary));
    *type = strf(arena, "multipart/form-data; boundary=%.*s", S_ARG(f->boundary));
    return buf_str(&f->body);
}

/* -- vectors ----------------------------------------------------------------------------------- */

Err *embed_put(Ctx *c, const char *provider, EmbedCall *call, int64_t index,
               const json_t *numbers) {
    assert(index >= 0 && index < call->count);
    float *to = call->vectors + index * call->dimensions;
    if ((int64_t)json_array_size(numbers) != call->dimensions)
        AI_FAIL(c, UPSTREAM, "ai_bad_answer",
                "%s answered vectors of %zu numbers: EMBED_DIMENSIONS is %d, which this model may "
                "not know.",
                provider, json_array_size(numbers), call->dimensions);
    for (int i = 0; i < call->dimensions; i++) {
        const json_t *number = json_array_get(numbers, (size_t)i);
        double value = json_number_value(number);
        if (!json_is_number(number) || !isfinite((float)value))
            AI_FAIL(c, UPSTREAM, "ai_bad_answer", "%s answered a vector with what is no number.",
                    provider);
        to[i] = (float)value;
    }
    return NULL;
}
