/* SPDX-License-Identifier: Apache-2.0
 * Pictures: their container is read here (picture.h), their pixels are decoded by FFmpeg in a
 * process of its own, which also turns upright what a camera held otherwise. HEIC and AVIF become
 * JPEG: their points come from `socle picture` (picture_heif.h). */
#include "net/sheet.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/look_room.h"
#include "products/lifetales/picture.h"
#include "products/lifetales/picture_heif.h"
#include "rt/offload.h"

/* -- their outside ----------------------------------------------------------------------------- */

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

static void picture_input(ToolLine *line, PictureKind kind) {
    TOOL_ADD(line, "-threads", "1", "-max_pixels", POINTS_MAX_TEXT, "-f", picture_demuxer(kind),
             "-i", "pipe:0", "-frames:v", "1");
}

/* Every point is decoded; broken data is an error. */
static Err *picture_decode(Ctx *c, const Picture *p, Str clean) {
    Str output = {0}, words = {0};
    bool good;
    ToolLine line = ffmpeg_line(c);
    TOOL_ADD(&line, "-xerror", "-err_detect", "explode");
    picture_input(&line, p->kind);
    TOOL_ADD(&line, "-f", "null", "-");
    TRY(tool_run_limited(c, (ProcessOptions){.argv = line.words, .input = clean}, &output, &good,
                         &words));
    return good && words.len == 0 ? NULL : picture_refused(c, "it cannot be decoded");
}

/* As turned by FFmpeg, which leaves a comment of its own and no colours' profile: cleaned once
 * more, with the profile behind its first two bytes. */
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
static Err *picture_code(Ctx *c, ToolLine *line, const char *const *coding, Str input, int from,
                         Str *out) {
    Sheet to;
    Str output = {0}, words = {0};
    bool good;
    TRY(sheet_open(c, &to));
    TOOL_ADD(line, "-map_metadata", "-1");
    tool_line_add(line, coding);
    TOOL_ADD(line, "-y", "/dev/fd/3");
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
    ToolLine line = ffmpeg_line(c);
    picture_input(&line, p->kind);
    TOOL_ADD(&line, "-vf", turns[p->orientation]);
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

Err *picture_look(Ctx *c, Str bytes, Looked *out) {
    Picture p;
    Str clean;
    TRY(picture_outside(c, bytes, &p, &clean));
    TRY(picture_decode(c, &p, clean));
    if (p.orientation > 1) TRY(picture_turn(c, &p, &clean));
    *out = looked_picture(&p, clean);
    return NULL;
}

/* -- HEIC and AVIF ----------------------------------------------------------------------------- */

bool picture_is_heif(Str b) {
    static const char *const brands[] = {"hei", "hev", "mif", "msf", "avif", "avis"};
    for (int i = 0; i < COUNT(brands) && bytes_begin(b, 4, "ftyp"); i++)
        if (bytes_begin(b, 8, brands[i])) return true;
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
    int64_t memory = 0; /* as all programs */
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
Err *heif_look(Ctx *c, Str bytes, Looked *out) {
    Sheet points, profile;
    Picture p = {0};
    Str coded, clean;
    TRY(heif_points(c, bytes, &points, &profile, &p));
    TRY(sheet_read(c, &profile));
    Str size = strf(c->arena, "%lldx%lld", (long long)p.width, (long long)p.height);
    ToolLine line = ffmpeg_line(c);
    TOOL_ADD(&line, "-threads", "1", "-protocol_whitelist", "file", "-f", "rawvideo",
             "-pixel_format", "rgb24", "-video_size", str_cstr(c->arena, size), "-i", "/dev/fd/4",
             "-frames:v", "1", "-pix_fmt", "yuvj420p");
    TRY(picture_code(c, &line, as_jpeg, (Str){0}, points.fd, &coded));
    Str colour = colour_segments(c->arena, str_of(profile.data ? profile.data : "", profile.size));
    TRY(turned_finish(c, coded, colour, &p, &clean));
    *out = looked_picture(&p, clean);
    return NULL;
}
