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

/* muxer NULL: decoded, into FLAC. */
static Err *sound_make(Ctx *c, const Sound *sound, const char *muxer, Str *audio, bool *good) {
    Sheet from, to;
    Str output = {0}, words = {0};
    static const char *const copied[] = {"copy", NULL}, *const decoded[] = {"flac", "-ac",   "1",
                                                                            "-ar",  "16000", NULL};
    // clang-format off
    const char *argv[40] = {str_cstr(c->arena, settings.ffmpeg), "-nostdin", "-hide_banner",
                            "-loglevel", "error", "-threads", "1", "-protocol_whitelist", "file",
                            "-f", sound->demuxer, "-i", "/dev/fd/3", "-map", "0:a:0", "-vn",
                            "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact",
                            "-c:a"};
    // clang-format on
    int n = 0;
    while (argv[n]) n++;
    for (const char *const *word = muxer ? copied : decoded; *word; word++) argv[n++] = *word;
    const char *const end[] = {"-f", muxer ? muxer : "flac", "-y", "/dev/fd/4"};
    for (int i = 0; i < COUNT(end); i++) argv[n++] = end[i];
    assert(n < COUNT(argv));
    TRY(sheet_copy(c, *audio, &from));
    TRY(sheet_open(c, &to));
    ProcessOptions options = {.argv = argv,
                              .files = {from.fd, to.fd},
                              .file_count = 2,
                              .max_file_bytes = 4 * lifetales.media_max_bytes};
    TRY(tool_run_limited(c, options, &output, good, &words));
    if (!*good) return NULL;
    TRY(sheet_read(c, &to));
    *good = to.size > 0;
    if (*good) *audio = str_of(to.data, to.size);
    return NULL;
}

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
    if (!good) FAIL(c, INVALID, "The recording is broken, or nothing is in it.");
    *mime = S("audio/flac");
    return NULL;
}
