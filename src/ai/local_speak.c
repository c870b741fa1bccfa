/* SPDX-License-Identifier: Apache-2.0
 * Speech by espeak-ng, a program of the machine. What it writes to a pipe has no sizes in its head,
 * because it cannot go back: they are put in here. */
#include <stdlib.h>
#include <unistd.h>

#include "ai/local.h"
#include "rt/process.h"

enum { HEAD_BYTES = 44, SPEECH_MAX = 64 * 1024 * 1024, VOICE_MAX = 32 };

static bool program_there(Arena *arena) {
    const char *path = getenv("PATH");
    for (Str rest = str_c(path ? path : "/usr/bin:/bin"), one; !str_is_null(rest);) {
        rest = str_cut(rest, ':', &one);
        const char *file = str_cstr(arena, strf(arena, "%.*s/espeak-ng", S_ARG(one)));
        if (one.len > 0 && access(file, X_OK) == 0) return true;
    }
    return false;
}

/* A name of espeak-ng's; anything else could be an option or a path. */
static bool voice_is_good(Str voice) {
    if (voice.len < 1 || voice.len > VOICE_MAX || voice.data[0] == '-') return false;
    for (ptrdiff_t i = 0; i < voice.len; i++) {
        char byte = voice.data[i];
        bool good = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                    (byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == '_';
        if (!good) return false;
    }
    return true;
}

static Str voice_of(Ctx *c, const SpeakRequest *r) {
    static const char *const usual[LANGUAGES] = {"fr", "en", "ar"};
    if (!str_is_empty(r->voice)) return r->voice;
    if (!str_is_empty(r->language)) return str_lower(c->arena, r->language);
    return str_c(usual[text_spoken(c->arena, r->text)]);
}

static uint32_t read_u32(const unsigned char *from) {
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static void write_u32(unsigned char *to, uint32_t n) {
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(n >> (8 * i));
}

/* Puts the sizes in; milliseconds of sound, or -1 for what is no WAV with the plain head. */
static int64_t wav_settle(Str wav) {
    unsigned char *head = (unsigned char *)(uintptr_t)wav.data;
    bool plain = wav.len > HEAD_BYTES && str_starts(wav, S("RIFF")) &&
                 str_eq(str_slice(wav, 8, 16), S("WAVEfmt ")) &&
                 str_eq(str_slice(wav, 36, 40), S("data"));
    if (!plain || read_u32(head + 28) == 0) return -1;
    write_u32(head + 4, (uint32_t)(wav.len - 8));
    write_u32(head + 40, (uint32_t)(wav.len - HEAD_BYTES));
    return (wav.len - HEAD_BYTES) * 1000 / read_u32(head + 28);
}

Err *local_speak(Ctx *c, const SpeakRequest *r, Speech *out) {
    if (!program_there(c->arena))
        FAIL(c, NOT_CONFIGURED,
             "local speaks by espeak-ng, which is not installed (apt install espeak-ng); or set "
             "AI_SPEAK_PROVIDER");
    Str voice = voice_of(c, r);
    if (!voice_is_good(voice)) FAIL(c, INVALID, "This is no name of a voice of espeak-ng.");
    const char *const argv[] = {
        "espeak-ng", "--stdout", "--stdin", "-b", "1", "-v", str_cstr(c->arena, voice), NULL};
    Str wav;
    Err *err = process_run(c, (ProcessOptions){.argv = argv, .input = r->text}, SPEECH_MAX, &wav);
    if (err && err->kind == ERR_INTERNAL)
        return err_wrap(c, ERR_INVALID, __func__, err, "espeak-ng has no voice %.*s", S_ARG(voice));
    if (err) return err;
    int64_t millis = wav_settle(wav);
    if (millis < 0) FAIL(c, INTERNAL, "espeak-ng wrote %td bytes that are no WAV", wav.len);
    *out = (Speech){
        .audio = wav,
        .mime = S("audio/wav"),
        .usage = {.millis_audio = millis},
        .origin = {.provider = S("local"), .model = S("espeak-ng")},
    };
    return NULL;
}
