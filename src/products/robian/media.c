/* SPDX-License-Identifier: Apache-2.0
 * Loudness is brought to -16 LUFS (what podcasts are made for) in two passes: the first measures, the
 * second changes the volume of the whole by the same amount, so that a whisper stays one.
 *
 * The demuxers are listed: those left out (hls, dash, concat, image sequences …) read other files or
 * addresses that a hostile source names. */
#include "products/robian/media.h"

#include "core/json.h"
#include "products/robian/robian.h"
#include "rt/io.h"

#define ONLY_LOCAL                                                                                \
    "-protocol_whitelist", "file,pipe", "-format_whitelist",                                      \
        "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mp3,aac,ac3,ogg,wav,w64,flac,mpegts,mpeg,flv,avi," \
        "asf,aiff,amr,caf,au"
#define TARGET "I=-16:TP=-1.5:LRA=15"

enum { ARGS = 72, PROBE_MAX = 1024 * 1024, CHAPTER_TEXT_MAX = 300 };

/* -- ffprobe ------------------------------------------------------------------------------------- */

static int64_t number_at(const json_t *object, const char *name) {
    int64_t value = 0;
    return json_i64(json_at(object, name), &value) ? max_i64(value, 0) : 0;
}

static int64_t seconds_ms(const json_t *object) {
    Str text = json_str(json_at(object, "duration"));
    double seconds = 0;
    if (str_is_null(text) || !str_to_f64(text, &seconds)) return 0;
    return seconds > 0 && seconds < 1e9 ? (int64_t)(seconds * 1000 + 0.5) : 0;
}

static const json_t *audio_stream(const json_t *probed) {
    size_t i;
    const json_t *stream;
    json_array_foreach(json_at(probed, "streams"), i, stream) {
        if (str_eq(json_str(json_at(stream, "codec_type")), S("audio"))) return stream;
    }
    return NULL;
}

Err *media_probe(Ctx *c, Str folder, Str name, MediaInfo *out) {
    const char *args[] = {"-v",
                          "error",
                          "-hide_banner",
                          ONLY_LOCAL,
                          "-show_format",
                          "-show_streams",
                          "-print_format",
                          "json",
                          "-i",
                          str_cstr(c->arena, name),
                          NULL};
    Str text;
    json_t *probed;
    ToolRun run = {.tool = TOOL_FFPROBE,
                   .folder = folder,
                   .args = args,
                   .output = &text,
                   .max_output = PROBE_MAX};
    Err *err = tool_run(c, &run);
    if (err && err->kind == ERR_INVALID)
        return err_wrap(c, ERR_INVALID, __func__, err, "La source n'est ni une vidéo ni un audio.");
    TRY(err);
    TRY(json_parse(c, text, &probed));
    const json_t *audio = audio_stream(probed), *format = json_at(probed, "format");
    if (!audio) FAIL(c, INVALID, "La source n'a pas de piste audio.");
    int64_t whole = seconds_ms(format), own = seconds_ms(audio);
    *out = (MediaInfo){
        .duration_ms = own ? own : whole,
        .bytes = number_at(format, "size"),
        .container = str_copy(c->arena, json_str(json_at(format, "format_name"))),
        .codec = str_copy(c->arena, json_str(json_at(audio, "codec_name"))),
        .sample_rate = number_at(audio, "sample_rate"),
        .channels = number_at(audio, "channels"),
        .bit_rate = number_at(audio, "bit_rate"),
    };
    return NULL;
}

/* -- ffmpeg's progress --------------------------------------------------------------------------- */

typedef struct Watch {
    Stage stage;
    int64_t duration_us;
} Watch;

/* out_time_ms is in microseconds too, and may be N/A: only out_time_us is looked at. */
static Err *progress_line(Ctx *c, Str line, void *arg) {
    const Watch *watch = arg;
    Str key, value = str_cut(line, '=', &key);
    int64_t us;
    if (!str_eq(key, S("out_time_us")) || !str_to_i64(str_trim(value), &us)) return NULL;
    if (watch->duration_us <= 0) return stage_tell(c, watch->stage, 0.5);
    return stage_tell(c, watch->stage, (double)us / (double)watch->duration_us);
}

typedef struct ArgList {
    const char *items[ARGS];
    int count;
} ArgList;

static void args_add(ArgList *list, const char *const *more) {
    for (; *more; more++) {
        assert(list->count < ARGS - 1);
        list->items[list->count++] = *more;
    }
}
#define ADD(list, ...) args_add((list), (const char *const[]){__VA_ARGS__, NULL})

static void args_begin(Ctx *c, ArgList *list, const char *level, Str from) {
    ADD(list, "-nostdin", "-hide_banner", "-y", "-nostats", "-loglevel", level, "-progress",
        "pipe:1", ONLY_LOCAL, "-i", str_cstr(c->arena, from));
}

static Err *ffmpeg(Ctx *c, Str folder, const ArgList *list, const MediaInfo *info, Stage stage,
                   Str *errors) {
    Watch watch = {stage, info->duration_ms * 1000};
    ToolRun run = {.tool = TOOL_FFMPEG,
                   .folder = folder,
                   .args = list->items,
                   .line = progress_line,
                   .arg = &watch,
                   .errors = errors};
    return tool_run(c, &run);
}

/* -- loudness ------------------------------------------------------------------------------------ */

/* A figure of loudnorm's, if it may be given back to it. */
static bool figure(Ctx *c, const json_t *told, const char *name, double min, double max, Str *out) {
    double value;
    Str text = json_str(json_at(told, name));
    if (str_is_null(text) || !str_to_f64(text, &value) || !(value >= min && value <= max))
        return false;
    *out = str_copy(c->arena, text);
    return true;
}

Err *media_measure(Ctx *c, Str folder, Str name, const MediaInfo *info, Stage stage,
                   Loudness *out) {
    ArgList list = {.count = 0};
    Str said;
    json_t *told;
    *out = (Loudness){0};
    args_begin(c, &list, "info", name);
    ADD(&list, "-map", "0:a:0", "-af", "loudnorm=" TARGET ":print_format=json", "-f", "null", "-");
    TRY(ffmpeg(c, folder, &list, info, stage, &said));
    ptrdiff_t from = -1;
    for (ptrdiff_t i = 0; i < said.len; i++)
        if (said.data[i] == '{') from = i;
    if (from < 0) return NULL;
    ptrdiff_t len = str_find_byte(str_slice(said, from, said.len), '}');
    if (len < 0 || json_parse(c, str_slice(said, from, from + len + 1), &told)) return NULL;
    Loudness found = {0};
    bool all = figure(c, told, "input_i", -99, 0, &found.i) &&
               figure(c, told, "input_tp", -99, 99, &found.tp) &&
               figure(c, told, "input_lra", 0, 99, &found.lra) &&
               figure(c, told, "input_thresh", -99, 0, &found.thresh) &&
               figure(c, told, "target_offset", -99, 99, &found.offset);
    if (all) *out = found;
    return NULL;
}

/* -- tags ---------------------------------------------------------------------------------------- */

static void meta_text(Buf *b, Str text) {
    for (ptrdiff_t i = 0; i < text.len; i++) {
        char x = text.data[i];
        if (x == '=' || x == ';' || x == '#' || x == '\\') buf_byte(b, '\\');
        buf_byte(b, x == '\n' || x == '\r' || x == '\0' ? ' ' : x);
    }
}

static void meta_pair(Buf *b, const char *name, Str value) {
    if (str_is_empty(value)) return;
    buf_f(b, "%s=", name);
    meta_text(b, value);
    buf_byte(b, '\n');
}

static Str metadata_text(Ctx *c, const MediaTags *tags, int64_t duration_ms) {
    Buf b = buf_new(c->arena, 4096);
    buf_add(&b, S(";FFMETADATA1\n"));
    meta_pair(&b, "title", tags->title);
    meta_pair(&b, "artist", tags->artist);
    meta_pair(&b, "album", tags->album);
    meta_pair(&b, "genre", tags->genre);
    meta_pair(&b, "date", tags->date);
    meta_pair(&b, "comment", tags->comment);
    for (ptrdiff_t i = 0; i < tags->chapter_count; i++) {
        const MediaChapter *chapter = &tags->chapters[i];
        int64_t end = i + 1 < tags->chapter_count ? chapter[1].start_ms
                                                  : max_i64(duration_ms, chapter->start_ms + 1);
        buf_f(&b, "[CHAPTER]\nTIMEBASE=1/1000\nSTART=%lld\nEND=%lld\n",
              (long long)chapter->start_ms, (long long)end);
        meta_pair(&b, "title", str_utf8_cut(chapter->title, CHAPTER_TEXT_MAX));
    }
    return buf_str(&b);
}

/* -- encoding ------------------------------------------------------------------------------------ */

/* What all four encoders take, and MPEG-1's rates, so that mp3 has all its bit rates. */
static int64_t rate_for(Str format, int64_t source) {
    if (str_eq(format, S("opus"))) return 48000;
    if (source == 32000 || source == 44100) return source;
    return source > 0 && source % 11025 == 0 && source <= 44100 ? 44100 : 48000;
}

static void filter_add(Ctx *c, ArgList *list, const Loudness *l) {
    if (str_is_null(l->i)) return;
    Str filter = strf(c->arena,
                      "loudnorm=" TARGET ":measured_I=%.*s:measured_TP=%.*s:measured_LRA=%.*s:"
                      "measured_thresh=%.*s:offset=%.*s:linear=true",
                      S_ARG(l->i), S_ARG(l->tp), S_ARG(l->lra), S_ARG(l->thresh), S_ARG(l->offset));
    ADD(list, "-af", str_cstr(c->arena, filter));
}

static void codec_add(Ctx *c, ArgList *list, const MediaInfo *info, const MediaPlan *plan) {
    Str format = plan->format;
    const char *rate = str_cstr(c->arena, strf(c->arena, "%lldk", (long long)plan->kbps));
    const char *hertz =
        str_cstr(c->arena, strf(c->arena, "%lld", (long long)rate_for(format, info->sample_rate)));
    filter_add(c, list, &plan->loudness);
    ADD(list, "-ar", hertz, "-ac", info->channels == 1 ? "1" : "2");
    if (str_eq(format, S("mp3"))) ADD(list, "-c:a", "libmp3lame", "-b:a", rate);
    if (str_eq(format, S("aac"))) ADD(list, "-c:a", "aac", "-b:a", rate);
    if (str_eq(format, S("opus"))) ADD(list, "-c:a", "libopus", "-b:a", rate);
    if (str_eq(format, S("wav"))) ADD(list, "-c:a", "pcm_s16le");
}

static void container_add(ArgList *list, Str format) {
    /* Without names of versions and random numbers: the same source gives the same bytes again. */
    ADD(list, "-fflags", "+bitexact", "-flags:a", "+bitexact");
    if (str_eq(format, S("mp3"))) ADD(list, "-f", "mp3", "-id3v2_version", "3", "-write_xing", "1");
    if (str_eq(format, S("aac"))) ADD(list, "-f", "ipod", "-movflags", "+faststart");
    if (str_eq(format, S("opus"))) ADD(list, "-f", "opus");
    if (str_eq(format, S("wav"))) ADD(list, "-f", "wav", "-rf64", "auto");
}

/* What is known to be too much is refused before it is made; what was not known, by the limit on the
 * size of files. */
static Err *size_check(Ctx *c, const MediaInfo *info, const MediaPlan *plan) {
    int64_t per_second = plan->kbps * 1000 / 8;
    if (str_eq(plan->format, S("wav")))
        per_second = rate_for(plan->format, info->sample_rate) * 2 * (info->channels == 1 ? 1 : 2);
    if (plan->copy || info->duration_ms / 1000 <= robian.extraction_max_bytes / per_second)
        return NULL;
    FAIL(c, TOO_LARGE, "L'audio en %.*s dépasserait la limite de %lld Mo.", S_ARG(plan->format),
         (long long)(robian.extraction_max_bytes / 1000000));
}

Err *media_encode(Ctx *c, Str folder, Str from, Str to, const MediaInfo *info,
                  const MediaPlan *plan, Stage stage) {
    assert(plan->copy || plan->kbps > 0 || str_eq(plan->format, S("wav")));
    ArgList list = {.count = 0};
    Str tags = strf(c->arena, "%.*s/tags", S_ARG(folder));
    TRY(size_check(c, info, plan));
    TRY(file_replace(c, tags, metadata_text(c, &plan->tags, info->duration_ms)));
    args_begin(c, &list, "error", from);
    ADD(&list, "-f", "ffmetadata", "-protocol_whitelist", "file,pipe", "-i", "tags", "-map",
        "0:a:0", "-map_metadata", "1", "-map_chapters", "1");
    if (plan->copy)
        ADD(&list, "-c:a", "copy");
    else
        codec_add(c, &list, info, plan);
    container_add(&list, plan->format);
    ADD(&list, str_cstr(c->arena, to));
    return ffmpeg(c, folder, &list, info, stage, NULL);
}
