/* SPDX-License-Identifier: Apache-2.0
 * Audio to listeners: /api/streaming/{id}/info, /stream, /download, and the first generation's
 * /api/debats/{id}/file.
 *
 * What is played is looked up anew each time (one indexed read), so that a deleted debate and a new
 * extraction are seen at once on every node; only what `info` says is cached. The bytes go from the
 * disk to the socket in the kernel (net/file.c, which also knows ranges and conditions).
 *
 * A listener is counted once: when an answer to GET begins at byte 0. Who seeks, resumes or fetches
 * in pieces asks for later bytes and is not counted again, on whichever node; neither are HEAD, 304,
 * and the first two bytes alone, by which players of iOS try whether ranges are known. */
#include "products/robian/streaming.h"

#include "api/base_settings.h"
#include "core/log.h"
#include "data/blob.h"
#include "data/cache.h"
#include "products/robian/audio.h"
#include "products/robian/routes.h"
#include "products/robian/streaming_sql.h"

enum { PROBE_BYTES = 2, COUNT_MS = 2000 };

static const Field play_query_fields[] = {
    FIELD(PlayQuery, format, .flags = F_NULLABLE, .values = audio_formats,
          .doc = "That one only; else the first that was extracted"),
    FIELD(PlayQuery, quality, .flags = F_NULLABLE, .max = 16, .doc = "192k, for example"),
};
const Record play_query_record = RECORD(PlayQuery, play_query_fields);

/* -- Which file -------------------------------------------------------------------------------- */

static const Field playable_fields[] = {
    FIELD(Playable, n),       FIELD(Playable, debate_n), FIELD(Playable, title),
    FIELD(Playable, date),    FIELD(Playable, id),       FIELD(Playable, format),
    FIELD(Playable, quality), FIELD(Playable, blob),     FIELD(Playable, extraction_completed_at),
};
static const Record playable_record = RECORD(Playable, playable_fields);

typedef struct Format {
    Str format;
} Format;
static const Field format_fields[] = {FIELD(Format, format)};
static const Record format_record = RECORD(Format, format_fields);

/* Nothing fits: is it the debate, all of its audio, or this format of it? */
static Err *nothing_to_play(Ctx *c, Str debate_id) {
    int64_t n;
    Rows rows;
    Buf b = buf_new(c->arena, 64);
    TRY(debate_key(c, debate_id, &n));
    TRY(db_query(c, SQL(SQL_PLAYABLE_FORMATS), ARGS(V(n)), &format_record, &rows));
    if (rows.count == 0) FAIL(c, NOT_FOUND, "Audio non disponible pour ce débat");
    for (ptrdiff_t i = 0; i < rows.count; i++)
        buf_f(&b, "%s%.*s", i ? ", " : "", S_ARG(((const Format *)rows.items)[i].format));
    FAIL(c, NOT_FOUND, "Audio non disponible dans ce format ; disponible : %.*s",
         S_ARG(buf_str(&b)));
}

Err *playable_find(Ctx *c, const Call *k, Sql sql, Playable *out) {
    const PlayQuery *asked = k->query;
    bool found;
    *out = (Playable){.extraction_completed_at = TIME_NULL};
    TRY(db_maybe(c, sql, ARGS(V(k->params[0]), V(asked->format), V(asked->quality)),
                 &playable_record, out, &found));
    out->debate_id = k->params[0];
    return found ? NULL : nothing_to_play(c, k->params[0]);
}

Err *playable_open(Ctx *c, const Playable *p, int *fd, int64_t *size) {
    Err *err = blob_open(c, app_blobs(c), p->blob, fd, size);
    if (!err || err->kind != ERR_NOT_FOUND) return err;
    log_msg(c, LOG_ERROR,
            "the audio %.*s of debate %.*s has no file: blob %.*s is not under DATA_DIR (do all "
            "nodes share that folder?)",
            S_ARG(p->id), S_ARG(p->debate_id), S_ARG(p->blob));
    FAIL(c, GONE, "Le fichier audio de ce débat n'est plus sur ce serveur");
}

/* -- Who listens ------------------------------------------------------------------------------- */

typedef struct Counting {
    const Playable *p;
    Counted what;
} Counting;

/* The audio before its debate, as whoever completes an extraction locks them. */
static Err *count_in(Ctx *c, void *arg) {
    const Counting *counting = arg;
    int64_t streams = counting->what == COUNT_STREAM, downloads = counting->what == COUNT_DOWNLOAD;
    TRY(db_exec(c, SQL(SQL_AUDIO_COUNT), ARGS(V(counting->p->n), V(streams), V(downloads)), NULL));
    return debate_count(c, counting->p->debate_n, counting->what);
}

void playable_count(Ctx *c, const Playable *p, Counted what) {
    Counting counting = {p, what};
    int64_t former = ctx_deadline_within(c, COUNT_MS);
    Err *err = db_transaction(c, count_in, &counting);
    c->deadline_us = former;
    if (err && err->kind != ERR_NOT_FOUND && err->kind != ERR_CANCELLED)
        log_msg(c, LOG_WARN, "a listener of debate %.*s was not counted: %.*s", S_ARG(p->debate_id),
                S_ARG(err_chain(c->arena, err)));
}

static bool begins_to_listen(const Call *k) {
    int64_t from, length;
    if (k->q->method != METHOD_GET || !reply_file_begins(k->r, &from, &length)) return false;
    return from == 0 && length > PROBE_BYTES;
}

/* -- Playing ----------------------------------------------------------------------------------- */

static Err *play(Ctx *c, Call *k, Counted what) {
    Playable p;
    int fd;
    int64_t size;
    TRY(playable_find(c, k, SQL(SQL_PLAYABLE), &p));
    TRY(playable_open(c, &p, &fd, &size));
    Debate named = {.title = p.title, .date = p.date};
    Str name = {0};
    if (what == COUNT_DOWNLOAD) name = audio_filename(c->arena, &named, p.format);
    reply_header(k->r, S("Cache-Control"),
                 S("no-cache")); /* kept by caches, asked about each time */
    reply_file(c, k->r, fd, size, audio_media_type(p.format),
               strf(c->arena, "\"%.*s\"", S_ARG(p.blob)), p.extraction_completed_at, name);
    k->answered = true;
    if (begins_to_listen(k)) playable_count(c, &p, what);
    return NULL;
}

static Err *stream_get(Ctx *c, Call *k) { return play(c, k, COUNT_STREAM); }
static Err *download_get(Ctx *c, Call *k) { return play(c, k, COUNT_DOWNLOAD); }

/* -- What there is ------------------------------------------------------------------------------ */

typedef struct StreamingInfo {
    Str debate_id;
    bool audio_available;
    Str stream_url, download_url;
    OptInt file_size, duration_seconds;
    Str format, quality, extraction_status, message;
} StreamingInfo;
static const Field streaming_info_fields[] = {
    FIELD(StreamingInfo, debate_id, .format = "uuid"),
    FIELD(StreamingInfo, audio_available),
    FIELD(StreamingInfo, stream_url, .flags = F_NULLABLE),
    FIELD(StreamingInfo, download_url, .flags = F_NULLABLE),
    FIELD(StreamingInfo, file_size),
    FIELD(StreamingInfo, duration_seconds),
    FIELD(StreamingInfo, format, .flags = F_NULLABLE),
    FIELD(StreamingInfo, quality, .flags = F_NULLABLE),
    FIELD(StreamingInfo, extraction_status, .flags = F_NULLABLE,
          .doc = "Of the latest extraction; null: none was asked for"),
    FIELD(StreamingInfo, message),
};
static const Record streaming_info_record =
    RECORD(StreamingInfo, streaming_info_fields, .doc = "What there is to hear of a debate");

static Str info_message(Arena *arena, const AudioFile *a) {
    if (!a) return S("Audio non disponible, extraction nécessaire");
    if (a->is_ready) return S("Audio disponible");
    if (a->is_extracting) return S("Extraction en cours");
    if (!a->has_error) return S("Extraction en attente");
    if (str_is_empty(a->extraction_error)) return S("L'extraction a échoué");
    return strf(arena, "L'extraction a échoué : %.*s", S_ARG(a->extraction_error));
}

/* The first that was completed, as the stream plays it; else the latest of any. */
static Err *info_audio(Ctx *c, int64_t n, Str format, AudioFile *out, bool *found) {
    AudioFile *all;
    ptrdiff_t count;
    TRY(audio_ready(c, n, format, out, found));
    if (*found) return NULL;
    TRY(audio_of_debate(c, n, &all, &count));
    for (ptrdiff_t i = 0; i < count && !*found; i++) {
        *found = str_is_null(format) || str_eq(all[i].format, format);
        if (*found) *out = all[i];
    }
    return NULL;
}

typedef struct InfoAsked {
    int64_t n, change_seq;
    Str debate_id, format;
} InfoAsked;
static const Field version_fields[] = {FIELD(InfoAsked, n), FIELD(InfoAsked, change_seq)};
static const Record version_record = RECORD_AS("InfoVersion", InfoAsked, version_fields);

static Err *info_fill(Ctx *c, void *arg, Str *value) {
    const InfoAsked *asked = arg;
    AudioFile a;
    bool found;
    TRY(info_audio(c, asked->n, asked->format, &a, &found));
    if (found) audio_show(c->arena, asked->debate_id, &a);
    StreamingInfo info = {.debate_id = asked->debate_id,
                          .message = info_message(c->arena, found ? &a : NULL)};
    if (found) {
        info.audio_available = a.is_ready;
        info.stream_url = a.stream_url;
        info.download_url = a.download_url;
        info.file_size = a.file_size;
        info.duration_seconds = a.duration_seconds;
        info.format = a.format;
        info.quality = a.quality;
        info.extraction_status = a.extraction_status;
    }
    Buf b = buf_new(c->arena, 512);
    record_write(&b, &streaming_info_record, &info);
    *value = buf_str(&b);
    return NULL;
}

/* The debate's change number is a part of the key, so that what any node or command writes is seen at
 * once. */
static Err *info_get(Ctx *c, Call *k) {
    InfoAsked asked = {0};
    bool found;
    Str json;
    TRY(db_maybe(c, SQL(SQL_INFO_VERSION), ARGS(V(k->params[0])), &version_record, &asked, &found));
    if (!found) TRY(debate_key(c, k->params[0], &asked.n)); /* which says that it is not there */
    asked.debate_id = k->params[0];
    asked.format = ((const PlayQuery *)k->query)->format;
    Str key = strf(c->arena, ROBIAN_CACHE_DEBATE "%.*s/info/%lld/%.*s", S_ARG(asked.debate_id),
                   (long long)asked.change_seq, S_ARG(asked.format));
    TRY(cache_fill(c, app_cache(c), key, outside.cache_ttl_streaming_s * 1000, 0, info_fill, &asked,
                   &json));
    reply_json(k->r, 200, json);
    k->answered = true;
    return NULL;
}

/* -- Routes ------------------------------------------------------------------------------------ */

#define AUDIO_TYPES "audio/mpeg,audio/mp4,audio/ogg,audio/wav"

const Route streaming_routes[] = {
    {GET, "/api/streaming/{debate_id}/info", info_get, .access = ACCESS_OPEN,
     .query = &play_query_record, .out = &streaming_info_record, .errors = "404",
     .tag = "streaming", .doc = "What there is to hear of a debate"},
    {GET, "/api/streaming/{debate_id}/stream", stream_get, .access = ACCESS_OPEN,
     .query = &play_query_record, .out_type = AUDIO_TYPES, .errors = "404 410 416",
     .tag = "streaming",
     .doc = "The audio, to be played: any range of it. Counted once a listener"},
    {GET, "/api/streaming/{debate_id}/download", download_get, .access = ACCESS_OPEN,
     .query = &play_query_record, .out_type = AUDIO_TYPES, .errors = "404 410 416",
     .tag = "streaming", .doc = "The audio, to be kept, under a name that people can read"},
    {GET, "/api/debats/{debate_id}/file", stream_get, .access = ACCESS_OPEN,
     .query = &play_query_record, .out_type = AUDIO_TYPES, .errors = "404 410 416",
     .tag = "first generation", .doc = "The same as /api/streaming/{debate_id}/stream"},
    {0},
};
