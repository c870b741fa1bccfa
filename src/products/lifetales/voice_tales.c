/* SPDX-License-Identifier: Apache-2.0
 * Text read aloud: POST /api/tts, by whoever AI_SPEAK_PROVIDER names, espeak-ng where nobody is. The four
 * voices of the settings stand for one of the provider's each; any other name is the provider's own.
 *
 * No provider is asked for tempo or pitch, because few take them: the sound is changed here by FFmpeg,
 * and so the same for all. What comes as WAV becomes MP3, a tenth of it; as it is where there is no FFmpeg. */
#include <math.h>

#include "ai/policy.h"
#include "ai/speech.h"
#include "api/base_settings.h"
#include "core/time.h"
#include "net/sheet.h"
#include "products/lifetales/agents.h"
#include "products/lifetales/album_room.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"
#include "search/language.h"

enum { SPOKEN_MAX = 4096, SOUND_MAX = 64 * 1024 * 1024, SAMPLE_RATE = 24000, TEMPO_STEPS = 6 };
static const int64_t SPEAK_MS = 180 * 1000;

/* -- voices ------------------------------------------------------------------------------------ */

typedef struct VoiceStyle {
    const char *name, *doc;
    const char *local; /* of espeak-ng: behind the language */
    const char *openai, *gemini;
    double rate, pitch; /* of its own; semitones */
} VoiceStyle;
static const VoiceStyle styles[] = {
    {"serious", "Grave and clear", "+m3", "onyx", "Charon", 0.95, 0},
    {"calm", "Quiet and slow", "+f2", "sage", "Vindemiatrix", 0.85, 0},
    {"warm", "Near and friendly", "+f4", "coral", "Sulafat", 0.95, 0},
    {"storyteller", "As stories are told", "+m1", "fable", "Algieba", 1, 0},
};

static const VoiceStyle *style_of(Str name) {
    for (ptrdiff_t i = 0; i < COUNT(styles); i++)
        if (str_eq(name, str_c(styles[i].name))) return &styles[i];
    return NULL;
}

/* "fr" where nothing tells the language. */
static Str spoken_in(Ctx *c, Str code, Str text) {
    if (!str_is_empty(code)) return str_lower(c->arena, code);
    Str found = text_language(c->arena, text);
    return str_is_empty(found) ? S("fr") : found;
}

/* The provider's name of it; null: his usual one. */
static Str voice_named(Ctx *c, Str provider, const VoiceStyle *style, Str language) {
    if (str_eq(provider, S("local")))
        return strf(c->arena, "%.*s%s", S_ARG(language), style->local);
    if (str_eq(provider, S("openai"))) return str_c(style->openai);
    if (str_eq(provider, S("gemini"))) return str_c(style->gemini);
    return (Str){0};
}

typedef struct VoiceOut {
    Str name, description, provider, voice;
    bool chosen;
} VoiceOut;
static const Field voice_fields[] = {
    FIELD(VoiceOut, name, .doc = "For POST /api/tts"),
    FIELD(VoiceOut, description),
    FIELD(VoiceOut, provider),
    FIELD(VoiceOut, voice, .flags = F_NULLABLE, .doc = "The provider's; null: his usual one"),
    FIELD(VoiceOut, chosen, .doc = "It is the one of the person's settings"),
};
static const Record voice_record = RECORD_AS("TalesVoice", VoiceOut, voice_fields, .camel = true);

static Err *voices_list(Ctx *c, Call *k) {
    Id user;
    StorySettings own;
    VoiceOut *out = arena_array(c->arena, VoiceOut, COUNT(styles));
    Str provider = provider_usual(AI_SPEAK);
    TRY(person_of(c, k, &user));
    TRY(person_settings(c, user, &own));
    for (ptrdiff_t i = 0; i < COUNT(styles); i++)
        out[i] = (VoiceOut){.name = str_c(styles[i].name),
                            .description = str_c(styles[i].doc),
                            .provider = provider,
                            .voice = voice_named(c, provider, &styles[i], S("fr")),
                            .chosen = str_eq(own.voice_style, str_c(styles[i].name))};
    call_list(c, k, (Rows){.items = out, .count = COUNT(styles)}, COUNT(styles), (Str){0});
    return NULL;
}

/* -- sound ------------------------------------------------------------------------------------- */

/* Tempo and pitch apart: the sound is played faster, then slowed down to the tempo that is wanted. One
 * step of atempo goes down to a half. */
static Str filter_of(Ctx *c, double rate, double semitones) {
    double k = pow(2, semitones / 12), tempo = rate / k;
    Buf b = buf_new(c->arena, 256);
    buf_f(&b, "aresample=%d,asetrate=%d,aresample=%d", SAMPLE_RATE, (int)lround(SAMPLE_RATE * k),
          SAMPLE_RATE);
    for (int step = 0; step < TEMPO_STEPS && tempo < 0.5; step++, tempo *= 2)
        buf_add(&b, S(",atempo=0.5"));
    buf_f(&b, ",atempo=%.4f", tempo);
    return buf_str(&b);
}

static Err *sound_change(Ctx *c, const Speech *speech, Str filter, Str *audio, bool *good) {
    Sheet from, to;
    Str output = {0}, words = {0};
    // clang-format off
    const char *argv[] = {str_cstr(c->arena, settings.ffmpeg), "-nostdin", "-hide_banner",
                          "-loglevel", "error", "-threads", "1", "-protocol_whitelist", "file",
                          "-i", "/dev/fd/3", "-map", "0:a:0", "-map_metadata", "-1", "-ac", "1",
                          "-af", str_cstr(c->arena, filter), "-c:a", "libmp3lame", "-b:a", "64k",
                          "-f", "mp3", "-y", "/dev/fd/4", NULL};
    // clang-format on
    TRY(sheet_copy(c, speech->audio, &from));
    TRY(sheet_open(c, &to));
    ProcessOptions options = {
        .argv = argv, .files = {from.fd, to.fd}, .file_count = 2, .max_file_bytes = SOUND_MAX};
    TRY(tool_run_limited(c, options, &output, good, &words));
    if (!*good) return NULL;
    TRY(sheet_read(c, &to));
    *good = to.size > 0;
    if (*good) *audio = str_of(to.data, to.size);
    return NULL;
}

/* -- speaking ---------------------------------------------------------------------------------- */

typedef struct SpeakBody {
    Str text, voice, language_code;
    double speaking_rate, pitch;
} SpeakBody;
static const Field speak_fields[] = {
    FIELD(SpeakBody, text, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = SPOKEN_MAX),
    FIELD(SpeakBody, voice, .flags = F_NULLABLE, .max = 64,
          .doc = "serious, calm, warm, storyteller, or one of the provider's; null: the person's"),
    FIELD(SpeakBody, language_code, .flags = F_NULLABLE, .max = 16,
          .doc = "fr-FR; null: found in the text"),
    FIELD(SpeakBody, speaking_rate, .fallback = "1", .doc = "0.25 to 4"),
    FIELD(SpeakBody, pitch, .fallback = "0", .min = -20, .max = 20, .doc = "Semitones"),
};

static bool language_is_good(Str code) {
    for (ptrdiff_t i = 0; i < code.len; i++) {
        char byte = code.data[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        if (!letter && (i == 0 || (byte != '-' && !(byte >= '0' && byte <= '9')))) return false;
    }
    return true;
}

static void speak_check(const void *value, Str path, Problems *problems) {
    const SpeakBody *in = value;
    const char *dot = path.len ? "." : "";
    if (!(in->speaking_rate >= 0.25 && in->speaking_rate <= 4))
        problem_add(problems, strf(problems->arena, "%.*s%sspeakingRate", S_ARG(path), dot),
                    S("range"), "must be between 0.25 and 4");
    if (!language_is_good(in->language_code))
        problem_add(problems, strf(problems->arena, "%.*s%slanguageCode", S_ARG(path), dot),
                    S("format"), "must be a language's code, like fr-FR");
}
static const Record speak_record =
    RECORD(SpeakBody, speak_fields, .camel = true, .open = true, .check = speak_check);

typedef struct SpokenOut {
    Str audio_content, format;
} SpokenOut;
static const Field spoken_fields[] = {
    FIELD(SpokenOut, audio_content, .doc = "Base64"),
    FIELD(SpokenOut, format, .doc = "mp3, wav, ogg"),
};
static const Record spoken_record =
    RECORD_AS("TalesSpoken", SpokenOut, spoken_fields, .camel = true);

static Str format_of(Str mime) {
    if (str_eq(mime, S("audio/mpeg"))) return S("mp3");
    return str_slice(mime, 6, mime.len); /* audio/… */
}

static Err *say_it(Ctx *c, Id user, const SpeakBody *in, const VoiceStyle *style, Speech *out) {
    Str provider = provider_usual(AI_SPEAK), language = spoken_in(c, in->language_code, in->text);
    Str key = strf(c->arena, "tts:%.*s", S_ARG(uuid_v7(c->arena)));
    if (!str_eq(provider, S("local"))) TRY(person_takes(c, user, LIMIT_AI_CALLS, key));
    SpeakRequest request = {.voice = style ? voice_named(c, provider, style, language) : in->voice,
                            .text = in->text,
                            .language = language,
                            .payer = {strf(c->arena, "user:%lld", (long long)user.value), key}};
    int64_t began_us = mono_us();
    Err *err = speak(c, &request, out);
    agent_asked(AGENT_VOICE, err, &out->origin, &out->usage, began_us);
    return err;
}

static Err *tts(Ctx *c, Call *k) {
    const SpeakBody *in = k->in;
    StorySettings own;
    Speech speech;
    Id user;
    TRY(person_of(c, k, &user));
    TRY(person_settings(c, user, &own));
    const VoiceStyle *style = style_of(str_is_empty(in->voice) ? own.voice_style : in->voice);
    TRY(say_it(c, user, in, style, &speech));
    double rate = in->speaking_rate * (style ? style->rate : 1);
    double pitch = in->pitch + (style ? style->pitch : 0);
    bool asked = in->speaking_rate != 1 || in->pitch != 0;
    bool changed = asked || rate != 1 || str_eq(speech.mime, S("audio/wav")), good = false;
    Str audio = speech.audio;
    if (changed) {
        Err *err = sound_change(c, &speech, filter_of(c, rate, pitch), &audio, &good);
        if (err && (asked || err->kind != ERR_NOT_CONFIGURED)) return err;
        if (asked && !good) FAIL(c, INTERNAL, "FFmpeg could not change what was spoken.");
    }
    arena_budget_set(c->arena, arena_used(c->arena) + 8 * audio.len + 8 * MIB);
    SpokenOut out = {.audio_content = str_base64(c->arena, audio),
                     .format = good ? S("mp3") : format_of(speech.mime)};
    tales_answer_flat(c, k, &spoken_record, &out);
    return NULL;
}

const Route voice_routes_tales[] = {
    {POST, "/api/tts", tts, TALES_WRITES, .in = &speak_record, .out = &spoken_record,
     .timeout_ms = SPEAK_MS, .errors = "402 403 413 429 501 502 503 504 507",
     .doc = "A text read aloud"},
    {GET, "/api/tts/voices", voices_list, TALES_READS, .out = &voice_record, .out_list = true,
     .errors = "403", .doc = "The voices that texts are read by"},
    {.path = NULL},
};
