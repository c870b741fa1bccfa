/* SPDX-License-Identifier: Apache-2.0
 * Recordings in the form in which a provider takes them. What a browser records (WebM with Opus) is put
 * into Ogg, what a telephone records (MP4 with AAC) into a bare stream: the same packets, never
 * decoded, for those alone that do not take them as they are. The same recording becomes the same
 * bytes each time (bitexact), so that what is kept by content is found again; what a device wrote into it
 * about its owner stays behind. */
#include "api/base_settings.h"
#include "net/sheet.h"
#include "products/lifetales/album_room.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/transcription_room.h"

enum { OPENAI = 1, MISTRAL = 2, GEMINI = 4, VERTEX = 8, ALL = 15 };

typedef struct Sound {
    const char *mime, *demuxer;
    int taken_by;
    const char *muxer, *becomes; /* that holds the same packets */
} Sound;
/* By what the services' own pages list. */
// clang-format off
static const Sound sounds[] = {
    {"audio/webm", "matroska", OPENAI | MISTRAL | VERTEX, "ogg", "audio/ogg"},
    {"audio/x-matroska", "matroska", 0, "ogg", "audio/ogg"},
    {"audio/ogg", "ogg", ALL, NULL, NULL},
    {"audio/mp4", "mov", OPENAI | MISTRAL | VERTEX, "adts", "audio/aac"},
    {"audio/3gpp", "mov", 0, NULL, NULL},
    {"audio/wav", "wav", ALL, NULL, NULL},
    {"audio/flac", "flac", ALL, NULL, NULL},
    {"audio/mpeg", "mp3", ALL, NULL, NULL},
    {"audio/aac", "aac", GEMINI | VERTEX, NULL, NULL},
    {"audio/aiff", "aiff", GEMINI, NULL, NULL},
    {"audio/amr", "amr", 0, NULL, NULL},
    {"audio/x-caf", "caf", 0, NULL, NULL},
};
// clang-format on

static const Sound *sound_of(Str mime) {
    for (ptrdiff_t i = 0; i < COUNT(sounds); i++)
        if (str_eq(mime, str_c(sounds[i].mime))) return &sounds[i];
    return NULL;
}

/* Who is not in the table takes everything, or says himself what not. */
static int taker_of(Str provider) {
    static const struct {
        const char *name;
        int bit;
    } takers[] = {{"openai", OPENAI}, {"mistral", MISTRAL}, {"gemini", GEMINI}, {"vertex", VERTEX}};
    for (ptrdiff_t i = 0; i < COUNT(takers); i++)
        if (str_eq(provider, str_c(takers[i].name))) return takers[i].bit;
    return 0;
}

static const char *const copied[] = {"-c:a", "copy", NULL};
static const char *const decoded[] = {"-c:a", "flac", "-ac", "1", "-ar", "16000", NULL};
static const char *const no_words[] = {NULL};

/* A command line for FFmpeg over the file that it gets as 3, into the one that it gets as 4. */
typedef struct SoundLine {
    const char *words[48];
    int count;
} SoundLine;

static void words_add(SoundLine *line, const char *const *words) {
    for (; *words; words++) {
        assert(line->count < COUNT(line->words) - 1);
        line->words[line->count++] = *words;
    }
}
#define WORDS(line, ...) words_add(line, (const char *const[]){__VA_ARGS__, NULL})

typedef struct SoundWay {
    const char *const *where; /* before the input: from where on */
    const char *const *part;  /* behind it: which part */
    const char *const *coding;
    const char *muxer;
} SoundWay;

/* *out: null where it cannot be done. */
static Err *sound_run(Ctx *c, const Sound *sound, int fd, SoundWay way, Str *out) {
    Sheet to;
    Str output = {0}, words = {0};
    bool good;
    SoundLine line = {0};
    WORDS(&line, str_cstr(c->arena, settings.ffmpeg), "-nostdin", "-hide_banner", "-loglevel",
          "error", "-threads", "1", "-protocol_whitelist", "file");
    words_add(&line, way.where ? way.where : no_words);
    WORDS(&line, "-f", sound->demuxer, "-i", "/dev/fd/3", "-map", "0:a:0", "-vn");
    words_add(&line, way.part ? way.part : no_words);
    WORDS(&line, "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact");
    words_add(&line, way.coding);
    WORDS(&line, "-f", way.muxer, "-y", "/dev/fd/4");
    TRY(sheet_open(c, &to));
    ProcessOptions options = {.argv = line.words,
                              .files = {fd, to.fd},
                              .file_count = 2,
                              .max_file_bytes = 4 * lifetales.media_max_bytes};
    TRY(tool_run_limited(c, options, &output, &good, &words));
    *out = (Str){0};
    if (!good) return NULL;
    TRY(sheet_read(c, &to));
    if (to.size > 0) *out = str_of(to.data, to.size);
    return NULL;
}

/* muxer NULL: decoded, into FLAC. */
static Err *sound_make(Ctx *c, const Sound *sound, const char *muxer, Str *audio, bool *good) {
    Sheet from;
    Str made;
    TRY(sheet_copy(c, *audio, &from));
    SoundWay way = {.coding = muxer ? copied : decoded, .muxer = muxer ? muxer : "flac"};
    TRY(sound_run(c, sound, from.fd, way, &made));
    *good = made.len > 0;
    if (*good) *audio = made;
    return NULL;
}

/* -- of long ones ------------------------------------------------------------------------------ */

static const char *seconds(Ctx *c, int64_t ms) {
    return str_cstr(c->arena,
                    strf(c->arena, "%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000)));
}

static Err *sound_broken(Ctx *c) {
    FAIL(c, INVALID, "The recording is broken, or nothing is in it.");
}

/* What holds the same packets in a file of its own; NULL: they take too much, decoding is better. */
static const char *part_muxer(const Sound *sound) {
    static const struct {
        const char *demuxer, *muxer;
    } rows[] = {{"matroska", "matroska"}, {"ogg", "ogg"},  {"mov", "mp4"},
                {"mp3", "mp3"},           {"aac", "adts"}, {"amr", "amr"}};
    if (strcmp(sound->mime, "audio/webm") == 0) return "webm";
    for (ptrdiff_t i = 0; i < COUNT(rows); i++)
        if (strcmp(rows[i].demuxer, sound->demuxer) == 0) return rows[i].muxer;
    return NULL;
}

Err *sound_part(Ctx *c, const LongSound *l, int64_t from_ms, int64_t to_ms, ptrdiff_t most,
                Str *audio, Str *mime) {
    const Sound *sound = sound_of(l->mime);
    if (!sound) FAIL(c, MEDIA_TYPE, "Nobody here cuts recordings of this kind.");
    const char *part[] = {"-ss", seconds(c, from_ms), "-t", NULL, NULL};
    if (to_ms < 0)
        part[2] = NULL;
    else
        part[3] = seconds(c, to_ms - from_ms);
    SoundWay way = {.part = part, .coding = copied, .muxer = part_muxer(sound)};
    *audio = (Str){0};
    *mime = l->mime;
    if (way.muxer) TRY(sound_run(c, sound, l->fd, way, audio));
    if (audio->len > 0 && audio->len <= most) return NULL;
    way.coding = decoded;
    way.muxer = "flac";
    TRY(sound_run(c, sound, l->fd, way, audio));
    *mime = S("audio/flac");
    return audio->len > 0 ? NULL : sound_broken(c);
}

Err *sound_samples(Ctx *c, const LongSound *l, int64_t from_ms, int64_t ms, int rate,
                   Str *samples) {
    const Sound *sound = sound_of(l->mime);
    if (!sound) FAIL(c, MEDIA_TYPE, "Nobody here cuts recordings of this kind.");
    const char *where[] = {"-ss", seconds(c, from_ms), "-t", seconds(c, ms), NULL};
    const char *hz = str_cstr(c->arena, strf(c->arena, "%d", rate));
    const char *coding[] = {"-c:a", "pcm_s16le", "-ac", "1", "-ar", hz, NULL};
    TRY(sound_run(c, sound, l->fd, (SoundWay){.where = where, .coding = coding, .muxer = "s16le"},
                  samples));
    return samples->len > 0 ? NULL : sound_broken(c);
}

/* -- all --------------------------------------------------------------------------------------- */

Err *sound_prepare(Ctx *c, Str provider, Str *audio, Str *mime) {
    const Sound *sound = sound_of(*mime);
    int taker = taker_of(provider);
    bool good = false;
    if (!sound || taker == 0 || (sound->taken_by & taker)) return NULL;
    if (sound->muxer) TRY(sound_make(c, sound, sound->muxer, audio, &good));
    if (good) {
        *mime = str_c(sound->becomes);
        return NULL;
    }
    TRY(sound_make(c, sound, NULL, audio, &good));
    if (!good) return sound_broken(c);
    *mime = S("audio/flac");
    return NULL;
}
