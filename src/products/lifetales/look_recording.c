/* SPDX-License-Identifier: Apache-2.0
 * Recordings and videos: by their first bytes, then by ffprobe and a walk through all packets.
 * Before that, what a device wrote beside the sound is taken out of a copy (recording.h). */
#include "api/base_settings.h"
#include "core/json.h"
#include "net/sheet.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/look_room.h"
#include "products/lifetales/recording.h"
#include "rt/offload.h"

struct Container {
    RecordingKind kind;
    const char *demuxer, *audio, *video;
};

static bool mpeg_frame(Str b) {
    const unsigned char *p = (const unsigned char *)b.data;
    if (b.len < 4 || p[0] != 0xFF || (p[1] & 0xE0) != 0xE0) return false;
    return (p[1] & 0x18) != 0x08 && (p[1] & 0x06) != 0 && (p[2] & 0xF0) != 0xF0 &&
           (p[2] & 0x0C) != 0x0C;
}

static bool adts_frame(Str b) {
    const unsigned char *p = (const unsigned char *)b.data;
    return b.len >= 7 && p[0] == 0xFF && (p[1] & 0xF6) == 0xF0;
}

const Container *recording_container(Str whole) {
    static const Container webm = {RECORDING_MATROSKA, "matroska", "audio/webm", "video/webm"},
                           mkv = {RECORDING_MATROSKA, "matroska", "audio/x-matroska",
                                  "video/x-matroska"},
                           ogg = {RECORDING_OGG, "ogg", "audio/ogg", "video/ogg"},
                           mov = {RECORDING_BOXES, "mov", "audio/mp4", "video/quicktime"},
                           mp4 = {RECORDING_BOXES, "mov", "audio/mp4", "video/mp4"},
                           gpp = {RECORDING_BOXES, "mov", "audio/3gpp", "video/3gpp"},
                           wav = {RECORDING_WAV, "wav", "audio/wav", NULL},
                           flac = {RECORDING_FLAC, "flac", "audio/flac", NULL},
                           mp3 = {RECORDING_FRAMES, "mp3", "audio/mpeg", NULL},
                           aac = {RECORDING_FRAMES, "aac", "audio/aac", NULL},
                           amr = {RECORDING_FRAMES, "amr", "audio/amr", NULL},
                           aiff = {RECORDING_AIFF, "aiff", "audio/aiff", NULL},
                           caf = {RECORDING_CAF, "caf", "audio/x-caf", NULL};
    Str b = str_slice(whole, recording_begin(whole), whole.len);
    bool tagged = b.len < whole.len;
    if (bytes_begin(b, 0, "\x1A\x45\xDF\xA3")) {
        Str head = str_slice(b, 0, 64);
        return str_find(head, S("webm")) >= 0 ? &webm : &mkv;
    }
    if (bytes_begin(b, 0, "OggS")) return &ogg;
    if (bytes_begin(b, 4, "ftyp"))
        return bytes_begin(b, 8, "qt  ") ? &mov : bytes_begin(b, 8, "3g") ? &gpp : &mp4;
    static const char *const old[] = {"moov", "mdat", "wide", "free"};
    for (int i = 0; i < COUNT(old); i++)
        if (bytes_begin(b, 4, old[i])) return &mov;
    if (bytes_begin(b, 0, "RIFF") && bytes_begin(b, 8, "WAVE")) return &wav;
    if (bytes_begin(b, 0, "fLaC")) return &flac;
    if (bytes_begin(b, 0, "#!AMR")) return &amr;
    if (bytes_begin(b, 0, "FORM") && bytes_begin(b, 8, "AIF")) return &aiff;
    if (bytes_begin(b, 0, "caff")) return &caf;
    if (adts_frame(b)) return &aac;
    return tagged || mpeg_frame(b) ? &mp3 : NULL;
}

typedef struct Streams {
    bool audio, video;
    OptInt width, height;
} Streams;

static Streams streams_of(const json_t *probed) {
    Streams s = {0};
    size_t i;
    const json_t *one;
    json_array_foreach(json_at(probed, "streams"), i, one) {
        Str type = json_str(json_at(one, "codec_type"));
        int64_t attached = 0;
        if (!json_str(json_at(one, "codec_name")).data) continue; /* nobody decodes it */
        if (str_eq(type, S("audio"))) s.audio = true;
        if (!str_eq(type, S("video"))) continue;
        if (json_i64(json_path(one, "disposition.attached_pic"), &attached) && attached) continue;
        s.video = true;
        s.width.set = json_i64(json_at(one, "width"), &s.width.value);
        s.height.set = json_i64(json_at(one, "height"), &s.height.value);
    }
    return s;
}

static Err *recording_broken(Ctx *c) {
    FAIL(c, INVALID, "The recording is broken, or nothing is in it.");
}

static Err *streams_probe(Ctx *c, const Container *container, int fd, Streams *out) {
    Str text = {0}, words = {0};
    bool good;
    json_t *probed;
    const char *argv[] = {str_cstr(c->arena, settings.ffprobe),
                          "-v",
                          "error",
                          "-hide_banner",
                          "-protocol_whitelist",
                          "file",
                          "-f",
                          container->demuxer,
                          "-show_streams",
                          "-print_format",
                          "json",
                          "-i",
                          "/dev/fd/3",
                          NULL};
    ProcessOptions options = {.argv = argv, .files = {fd}, .file_count = 1};
    TRY(tool_run_limited(c, options, &text, &good, &words));
    if (!good) return recording_broken(c);
    TRY(json_parse(c, text, &probed));
    *out = streams_of(probed);
    return NULL;
}

/* From first to last packet: what a browser records says nothing of it at its beginning. */
static Err *duration_measure(Ctx *c, const Container *container, int fd, bool audio, int64_t *ms) {
    Str text = {0}, words = {0};
    bool good;
    ToolLine tool = ffmpeg_line(c);
    TOOL_ADD(&tool, "-nostats", "-stats_period", "600", "-progress", "pipe:1",
             "-protocol_whitelist", "file", "-f", container->demuxer, "-i", "/dev/fd/3", "-map",
             audio ? "0:a:0" : "0:v:0", "-c", "copy", "-f", "null", "/dev/null");
    ProcessOptions options = {.argv = tool.words, .files = {fd}, .file_count = 1};
    TRY(tool_run_limited(c, options, &text, &good, &words));
    if (!good) return recording_broken(c);
    *ms = 0;
    for (Str rest = text, line; rest.data;) {
        int64_t us;
        rest = str_cut(rest, '\n', &line);
        if (str_starts(line, S("out_time_us=")) &&
            str_to_i64(str_trim(str_slice(line, 12, line.len)), &us))
            *ms = max_i64(us, 0) / 1000;
    }
    return *ms > 0 ? NULL : recording_broken(c);
}

typedef struct Tidying {
    RecordingKind kind;
    Sheet sheet;
    Recording recording;
} Tidying;

static void tidy_now(void *arg) {
    Tidying *job = arg;
    job->recording = recording_clean(job->kind, job->sheet.data, job->sheet.size);
}

/* A copy of it, in a file, without what was written beside its sound. */
static Err *recording_tidy(Ctx *c, RecordingKind kind, Str bytes, int *fd, Str *tidy) {
    Tidying job = {.kind = kind};
    ptrdiff_t begin = recording_begin(bytes);
    if (begin == bytes.len) return recording_broken(c);
    TRY(sheet_copy(c, str_slice(bytes, begin, bytes.len), &job.sheet));
    TRY(offload(c, LANE_SHORT, tidy_now, &job));
    if (job.recording.wrong) FAIL(c, INVALID, "The recording is broken: %s.", job.recording.wrong);
    if (job.recording.size == 0) return recording_broken(c);
    *fd = job.sheet.fd;
    *tidy = str_of(job.sheet.data, job.recording.size);
    return NULL;
}

Err *recording_look(Ctx *c, const Container *container, Str bytes, Looked *out) {
    Streams s = {0};
    Str tidy;
    int fd = -1;
    int64_t ms;
    TRY(recording_tidy(c, container->kind, bytes, &fd, &tidy));
    TRY(streams_probe(c, container, fd, &s));
    if (!s.audio && !s.video) return recording_broken(c);
    if (s.video && !container->video) s.video = false;
    TRY(duration_measure(c, container, fd, s.audio, &ms));
    if (ms > lifetales.audio_max_s * 1000)
        FAIL(c, TOO_LARGE, "The recording lasts %lld minutes; at most %lld are taken.",
             (long long)(ms / 60000), (long long)(lifetales.audio_max_s / 60));
    *out = (Looked){.mime_type = str_c(s.video ? container->video : container->audio),
                    .kind = s.video ? S("video") : S("audio"),
                    .bytes = tidy,
                    .duration_ms = {ms, true}};
    if (s.video) {
        out->width = s.width;
        out->height = s.height;
    }
    return NULL;
}
