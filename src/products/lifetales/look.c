/* SPDX-License-Identifier: Apache-2.0
 * What bytes are. Pictures: their container is read here (picture.h), their pixels are decoded by FFmpeg
 * in a process of its own, which also turns upright what a camera held otherwise. Recordings and videos:
 * by their first bytes, then by ffprobe and a walk through all packets.
 *
 * Programs get bytes through pipes and nameless files, by a format that is given and may not refer to
 * others; memory, time and how many run at once are limited. */
#include <fcntl.h>
#include <unistd.h>

#include "api/base_settings.h"
#include "core/json.h"
#include "net/sheet.h"
#include "products/lifetales/album_room.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/picture.h"
#include "products/lifetales/picture_heif.h"
#include "products/lifetales/recording.h"
#include "rt/offload.h"
#include "rt/process.h"

enum {
    LOOKS_AT_ONCE = 2, /* programs, on each loop */
    LOOK_MS = 60 * 1000,
    PROBE_MAX = 1024 * 1024,
    NICE = 5
};
static const int64_t MEMORY_MAX = (int64_t)2 << 30;

/* -- programs ---------------------------------------------------------------------------------- */

/* Of this loop. */
static _Thread_local struct {
    int running;
    WaitList waiting;
} gate;

typedef struct Ticket {
    bool held;
} Ticket;

/* Also where c ends in the middle: its memory was used up. */
static void gate_leave(void *arg) {
    Ticket *t = arg;
    if (!t->held) return;
    t->held = false;
    gate.running--;
    (void)wait_wake_one(&gate.waiting);
}

static Err *gate_enter(Ctx *c, Ticket **out) {
    *out = arena_new_of(c->arena, Ticket);
    defer(c, gate_leave, *out);
    while (gate.running >= LOOKS_AT_ONCE) {
        Err *err = wait_on(c, &gate.waiting);
        if (!err) continue;
        if (gate.running < LOOKS_AT_ONCE) (void)wait_wake_one(&gate.waiting); /* it was my turn */
        return err;
    }
    gate.running++;
    (*out)->held = true;
    return NULL;
}

/* *good: it ended well; else what it said last is in *words. */
static Err *tool_read(Ctx *c, ProcessOptions options, Str *output, bool *good, Str *words) {
    Process *p;
    Buf b = buf_new(c->arena, 4096);
    int code = 0;
    *good = false;
    options.nice = NICE;
    if (options.max_memory_bytes == 0) options.max_memory_bytes = MEMORY_MAX;
    Err *err = process_start(c, options, &p);
    if (err && err->kind == ERR_UNAVAILABLE && str_find(err->detail, S("no such file")) >= 0)
        FAIL(c, NOT_CONFIGURED,
             "%s is missing: install ffmpeg, or set FFMPEG_PATH and FFPROBE_PATH.",
             options.argv[0]);
    TRY(err);
    for (ptrdiff_t n = 1; n > 0;) {
        char *to = buf_reserve(&b, 4096);
        TRY(process_read(c, p, to, 4096, &n));
        b.len += n;
        if (b.len > PROBE_MAX) {
            process_end(c, p);
            return NULL;
        }
    }
    TRY(process_wait(c, p, &code));
    *output = buf_str(&b);
    *good = code == 0;
    *words = str_copy(c->arena, process_errors(p));
    return NULL;
}

Err *tool_run_limited(Ctx *c, ProcessOptions options, Str *output, bool *good, Str *words) {
    Ticket *ticket;
    TRY(gate_enter(c, &ticket));
    int64_t former = ctx_deadline_within(c, LOOK_MS);
    Err *err = tool_read(c, options, output, good, words);
    c->deadline_us = former;
    gate_leave(ticket);
    return err;
}

/* -- pictures ---------------------------------------------------------------------------------- */

typedef struct Cleaning {
    Str bytes;
    char *to;
    Picture picture;
} Cleaning;

static void clean_now(void *arg) {
    Cleaning *job = arg;
    job->picture = picture_clean(job->bytes, job->to);
}

static Err *picture_refused(Ctx *c, const char *why) {
    FAIL(c, INVALID, "The picture is broken: %s.", why);
}

static Err *picture_size_check(Ctx *c, int64_t width, int64_t height) {
    if (width <= PICTURE_SIDE_MAX && height <= PICTURE_SIDE_MAX &&
        width * height <= PICTURE_POINTS_MAX)
        return NULL;
    FAIL(c, TOO_LARGE, "The picture has %lld × %lld points; at most %d million are taken.",
         (long long)width, (long long)height, PICTURE_POINTS_MAX / 1000000);
}

static Err *picture_outside(Ctx *c, Str bytes, Picture *p, Str *clean) {
    Sheet sheet;
    TRY(sheet_make(c, bytes.len, &sheet));
    Cleaning job = {.bytes = bytes, .to = sheet.data};
    TRY(offload(c, LANE_SHORT, clean_now, &job));
    *p = job.picture;
    if (p->wrong) return picture_refused(c, p->wrong);
    TRY(picture_size_check(c, p->width, p->height));
    *clean = str_of(sheet.data, p->size);
    return NULL;
}

/* -- by FFmpeg --------------------------------------------------------------------------------- */

enum { WORDS_MAX = 48 };

/* A command line for FFmpeg: how all of them begin, then further words. */
typedef struct Line {
    const char *words[WORDS_MAX + 1];
    int count;
} Line;

static void line_add(Line *line, const char *const *words) {
    for (; *words; words++) {
        assert(line->count < WORDS_MAX);
        line->words[line->count++] = *words;
    }
}
#define ADD(line, ...) line_add(line, (const char *const[]){__VA_ARGS__, NULL})

static Line ffmpeg_line(Ctx *c) {
    Line line = {0};
    ADD(&line, str_cstr(c->arena, settings.ffmpeg), "-nostdin", "-hide_banner", "-loglevel",
        "error");
    return line;
}

static const char *picture_demuxer(PictureKind kind) {
    return kind == PICTURE_JPEG  ? "jpeg_pipe"
           : kind == PICTURE_PNG ? "png_pipe"
           : kind == PICTURE_GIF ? "gif"
                                 : "webp_pipe";
}

/* By EXIF's number. */
static const char *const turns[] = {
    NULL,          NULL,          "hflip",       "hflip,vflip", "vflip",
    "transpose=0", "transpose=1", "transpose=3", "transpose=2",
};

#define POINTS_MAX_TEXT "80000000"

static void picture_input(Line *line, PictureKind kind) {
    ADD(line, "-threads", "1", "-max_pixels", POINTS_MAX_TEXT, "-f", picture_demuxer(kind), "-i",
        "pipe:0", "-frames:v", "1");
}

/* Every point is decoded; broken data is an error. */
static Err *picture_decode(Ctx *c, const Picture *p, Str clean) {
    Str output = {0}, words = {0};
    bool good;
    Line line = ffmpeg_line(c);
    ADD(&line, "-xerror", "-err_detect", "explode");
    picture_input(&line, p->kind);
    ADD(&line, "-f", "null", "-");
    TRY(tool_run_limited(c, (ProcessOptions){.argv = line.words, .input = clean}, &output, &good,
                         &words));
    return good && words.len == 0 ? NULL : picture_refused(c, "it cannot be decoded");
}

/* As turned by FFmpeg, which leaves a comment of its own and no colours' profile: cleaned once more,
 * with the profile behind its first two bytes. */
static Err *turned_finish(Ctx *c, Str turned, Str colour, Picture *p, Str *clean) {
    Str own = *clean;
    TRY(picture_outside(c, turned, p, &own));
    *clean = own;
    if (p->kind != PICTURE_JPEG || colour.len == 0 || p->colour.len > 0) return NULL;
    Sheet whole;
    TRY(sheet_make(c, own.len + colour.len, &whole));
    memcpy(whole.data, own.data, 2);
    memcpy(whole.data + 2, colour.data, (size_t)colour.len);
    memcpy(whole.data + 2 + colour.len, own.data + 2, (size_t)(own.len - 2));
    *clean = str_of(whole.data, whole.size);
    return NULL;
}

static const char *const as_jpeg[] = {"-c:v", "mjpeg", "-q:v", "2", "-f", "image2pipe", NULL},
                         *const as_webp[] = {"-c:v", "libwebp", "-quality", "92",
                                             "-f",   "webp",    NULL},
                         *const as_png[] = {"-c:v",       "png", "-compression_level", "6", "-f",
                                            "image2pipe", NULL};

/* What FFmpeg makes of `input`, or of the file `from` that it gets as 4; -1: none. */
static Err *picture_code(Ctx *c, Line *line, const char *const *coding, Str input, int from,
                         Str *out) {
    Sheet to;
    Str output = {0}, words = {0};
    bool good;
    TRY(sheet_open(c, &to));
    ADD(line, "-map_metadata", "-1");
    line_add(line, coding);
    ADD(line, "-y", "/dev/fd/3");
    ProcessOptions options = {.argv = line->words,
                              .input = input,
                              .files = {to.fd, from},
                              .file_count = from < 0 ? 1 : 2,
                              .max_file_bytes = 4 * lifetales.media_max_bytes};
    TRY(tool_run_limited(c, options, &output, &good, &words));
    if (!good) return picture_refused(c, "it cannot be turned upright");
    TRY(sheet_read(c, &to));
    *out = str_of(to.data, to.size);
    return NULL;
}

static Err *picture_turn(Ctx *c, Picture *p, Str *clean) {
    Str turned, colour = p->colour;
    Line line = ffmpeg_line(c);
    picture_input(&line, p->kind);
    ADD(&line, "-vf", turns[p->orientation]);
    TRY(picture_code(c, &line,
                     p->kind == PICTURE_JPEG   ? as_jpeg
                     : p->kind == PICTURE_WEBP ? as_webp
                                               : as_png,
                     *clean, -1, &turned));
    return turned_finish(c, turned, colour, p, clean);
}

static Looked looked_picture(const Picture *p, Str clean) {
    return (Looked){.mime_type = str_c(picture_mime(p->kind)),
                    .kind = S("image"),
                    .bytes = clean,
                    .width = {p->width, true},
                    .height = {p->height, true}};
}

/* -- HEIC and AVIF ----------------------------------------------------------------------------- */

static bool begins(Str b, ptrdiff_t at, const char *with) {
    ptrdiff_t len = (ptrdiff_t)strlen(with);
    return b.len >= at + len && memcmp(b.data + at, with, (size_t)len) == 0;
}

static bool is_heif(Str b) {
    static const char *const brands[] = {"hei", "hev", "mif", "msf", "avif", "avis"};
    for (int i = 0; i < COUNT(brands) && begins(b, 4, "ftyp"); i++)
        if (begins(b, 8, brands[i])) return true;
    return false;
}

/* A profile of colours as the segments of a JPEG. */
static Str colour_segments(Arena *arena, Str profile) {
    enum { NAME = 12, PIECE = 65000 };
    ptrdiff_t pieces = (profile.len + PIECE - 1) / PIECE;
    Buf b = buf_new(arena, profile.len + 64);
    if (pieces > 255) return (Str){0};
    for (ptrdiff_t i = 0; i < pieces; i++) {
        Str piece = str_slice(profile, i * PIECE, (i + 1) * PIECE);
        ptrdiff_t size = 2 + NAME + 2 + piece.len;
        buf_add(&b, S("\xFF\xE2"));
        buf_byte(&b, (char)(size >> 8));
        buf_byte(&b, (char)size);
        buf_add(&b, str_of("ICC_PROFILE", NAME));
        buf_byte(&b, (char)(i + 1));
        buf_byte(&b, (char)pieces);
        buf_add(&b, piece);
    }
    return buf_str(&b);
}

/* `socle picture`: picture_heif.h. A sanitizer needs more room than any limit leaves it. */
static Err *heif_points(Ctx *c, Str bytes, Sheet *points, Sheet *profile, Picture *p) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    enum { NO_LIMIT = -1 };
    int64_t memory = NO_LIMIT;
#else
    int64_t memory = MEMORY_MAX;
#endif
    static const char *const argv[] = {"/proc/self/exe", "picture", NULL};
    Sheet from;
    Str output = {0}, words = {0}, width;
    bool good;
    TRY(sheet_copy(c, bytes, &from));
    TRY(sheet_open(c, points));
    TRY(sheet_open(c, profile));
    ProcessOptions options = {.argv = argv,
                              .files = {from.fd, points->fd, profile->fd},
                              .file_count = 3,
                              .max_file_bytes = (int64_t)PICTURE_POINTS_MAX * 3 + 1,
                              .max_memory_bytes = memory};
    TRY(tool_run_limited(c, options, &output, &good, &words));
    Str height = str_trim(str_cut(output, ' ', &width));
    if (str_to_i64(width, &p->width) && str_to_i64(height, &p->height))
        TRY(picture_size_check(c, p->width, p->height));
    return good ? NULL : picture_refused(c, "it cannot be decoded");
}

/* As JPEG: browsers do not show the others, and nothing but its points and colours comes along. */
static Err *heif_look(Ctx *c, Str bytes, Looked *out) {
    Sheet points, profile;
    Picture p = {0};
    Str coded, clean;
    TRY(heif_points(c, bytes, &points, &profile, &p));
    TRY(sheet_read(c, &profile));
    Line line = ffmpeg_line(c);
    ADD(&line, "-threads", "1", "-protocol_whitelist", "file", "-f", "rawvideo", "-pixel_format",
        "rgb24", "-video_size",
        str_cstr(c->arena, strf(c->arena, "%lldx%lld", (long long)p.width, (long long)p.height)),
        "-i", "/dev/fd/4", "-frames:v", "1", "-pix_fmt", "yuvj420p");
    TRY(picture_code(c, &line, as_jpeg, (Str){0}, points.fd, &coded));
    Str colour = colour_segments(c->arena, str_of(profile.data ? profile.data : "", profile.size));
    TRY(turned_finish(c, coded, colour, &p, &clean));
    *out = looked_picture(&p, clean);
    return NULL;
}

/* -- all --------------------------------------------------------------------------------------- */

static Err *picture_look(Ctx *c, Str bytes, Looked *out) {
    Picture p;
    Str clean;
    TRY(picture_outside(c, bytes, &p, &clean));
    TRY(picture_decode(c, &p, clean));
    if (p.orientation > 1) TRY(picture_turn(c, &p, &clean));
    *out = looked_picture(&p, clean);
    return NULL;
}

/* -- recordings and videos --------------------------------------------------------------------- */

typedef struct Container {
    RecordingKind kind;
    const char *demuxer, *audio, *video;
} Container;

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

static const Container *container_of(Str whole) {
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
    if (begins(b, 0, "\x1A\x45\xDF\xA3")) {
        Str head = str_slice(b, 0, 64);
        return str_find(head, S("webm")) >= 0 ? &webm : &mkv;
    }
    if (begins(b, 0, "OggS")) return &ogg;
    if (begins(b, 4, "ftyp")) return begins(b, 8, "qt  ") ? &mov : begins(b, 8, "3g") ? &gpp : &mp4;
    static const char *const old[] = {"moov", "mdat", "wide", "free"};
    for (int i = 0; i < COUNT(old); i++)
        if (begins(b, 4, old[i])) return &mov;
    if (begins(b, 0, "RIFF") && begins(b, 8, "WAVE")) return &wav;
    if (begins(b, 0, "fLaC")) return &flac;
    if (begins(b, 0, "#!AMR")) return &amr;
    if (begins(b, 0, "FORM") && begins(b, 8, "AIF")) return &aiff;
    if (begins(b, 0, "caff")) return &caf;
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
    Line tool = ffmpeg_line(c);
    ADD(&tool, "-nostats", "-stats_period", "600", "-progress", "pipe:1", "-protocol_whitelist",
        "file", "-f", container->demuxer, "-i", "/dev/fd/3", "-map", audio ? "0:a:0" : "0:v:0",
        "-c", "copy", "-f", "null", "/dev/null");
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

static Err *recording_look(Ctx *c, const Container *container, Str bytes, Looked *out) {
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

Err *album_look(Ctx *c, Str bytes, Str declared, Looked *out) {
    assert(out);
    if (bytes.len == 0) FAIL(c, INVALID, "It is empty.");
    if (bytes.len > lifetales.media_max_bytes)
        FAIL(c, TOO_LARGE, "It has %lld bytes; at most %lld are taken.", (long long)bytes.len,
             (long long)lifetales.media_max_bytes);
    if (picture_kind(bytes) != PICTURE_NONE) return picture_look(c, bytes, out);
    if (is_heif(bytes)) return heif_look(c, bytes, out);
    const Container *container = container_of(bytes);
    if (container) return recording_look(c, container, bytes, out);
    FAIL(c, MEDIA_TYPE,
         "It is neither a picture (JPEG, PNG, WebP, GIF, HEIC, AVIF) nor a recording or video that "
         "is known "
         "here%s%.*s.",
         declared.len ? ", though it is called " : "", S_ARG(str_utf8_cut(declared, 100)));
}
