/* SPDX-License-Identifier: Apache-2.0
 * HLS (RFC 8216) of the same audio: /api/streaming/{id}/hls/index.m3u8 and the one file that all of
 * its segments are ranges of.
 *
 * Made when it is first asked for: FFmpeg copies the audio, without decoding it, into MPEG-TS (mp3)
 * or fragmented MP4 (aac, opus). It gets its input and its outputs as open descriptors, the
 * outputs being files without a name: nothing is left of them, however this process ends. Of many
 * who ask at once one makes it.
 *
 * The row names the blob before the blob is put into the store, and its playlist afterwards: a
 * crash in between leaves nothing that no row knows, and the next who asks makes it again. */
#include <fcntl.h>
#include <unistd.h>

#include "api/base_settings.h"
#include "core/log.h"
#include "data/blob.h"
#include "data/cache.h"
#include "products/robian/audio.h"
#include "products/robian/robian.h"
#include "products/robian/routes.h"
#include "products/robian/streaming.h"
#include "products/robian/streaming_sql.h"
#include "rt/channel.h"
#include "rt/process.h"

enum {
    SEGMENT_S = 10,
    MAKERS = 2, /* of segments at once in this process */
    MAKE_MS = 5 * 60 * 1000,
    PLAYLIST_MAX = 1 << 20,
    COPY_BYTES = 256 * 1024,
    HASH_LEN = 64
};

static Channel *turns; /* holds a token for each who may still begin */

Err *segments_start(Ctx *c) {
    (void)c;
    turns = channel_new(MAKERS);
    for (int i = 0; i < MAKERS; i++)
        if (!channel_try_send(turns, &turns)) abort();
    return NULL;
}

void segments_stop(Ctx *c) {
    (void)c;
    if (turns) channel_free(turns);
    turns = NULL;
}

/* -- Making ------------------------------------------------------------------------------------ */

/* mp3 in MP4 is what few players take; TS is what all of them do. */
static bool in_ts(Str format) { return str_eq(format, S("mp3")); }
static Str segments_type(bool ts) { return ts ? S("video/mp2t") : S("audio/mp4"); }
static Str segments_ending(bool ts) { return ts ? S(".ts") : S(".mp4"); }

static void fd_close(void *arg) { close((int)(intptr_t)arg); }

/* An open file that has no name any more. */
static Err *nameless_open(Ctx *c, int *fd) {
    char *path =
        str_cstr(c->arena, strf(c->arena, "%.*s/segments-XXXXXX", S_ARG(settings.data_dir)));
    *fd = mkostemp(path, O_CLOEXEC);
    if (*fd < 0 && (errno == ENOSPC || errno == EDQUOT))
        FAIL(c, STORAGE_FULL, "A file for segments: %s.", strerror(errno));
    if (*fd < 0) FAIL(c, INTERNAL, "A file for segments: %s.", strerror(errno));
    defer(c, fd_close, (void *)(intptr_t)*fd);
    unlink(path);
    return NULL;
}

/* in: 3, segments: 4, playlist: 5. */
static Err *ffmpeg_run(Ctx *c, bool ts, const int files[3]) {
    const char *argv[] = {str_cstr(c->arena, settings.ffmpeg),
                          "-nostdin",
                          "-hide_banner",
                          "-loglevel",
                          "error",
                          "-y",
                          "-i",
                          "/dev/fd/3",
                          "-map",
                          "0:a:0",
                          "-c",
                          "copy",
                          "-bitexact",
                          "-map_metadata",
                          "-1",
                          "-map_chapters",
                          "-1",
                          "-f",
                          "hls",
                          "-hls_time",
                          "10",
                          "-hls_playlist_type",
                          "vod",
                          "-hls_flags",
                          "single_file",
                          "-hls_segment_type",
                          ts ? "mpegts" : "fmp4",
                          "-hls_fmp4_init_filename",
                          "/dev/fd/4",
                          "-hls_segment_filename",
                          "/dev/fd/4",
                          "/dev/fd/5",
                          NULL};
    static_assert(SEGMENT_S == 10, "hls_time above");
    Process *p;
    int code;
    Str line;
    ProcessOptions options = {.argv = argv,
                              .nice = 5,
                              .file_count = 3,
                              .max_file_bytes = 2 * robian.extraction_max_bytes};
    memcpy(options.files, files, 3 * sizeof files[0]);
    Err *err = process_start(c, options, &p);
    if (err)
        return err_wrap(c, ERR_NOT_CONFIGURED, __func__, err,
                        "HLS a besoin de FFmpeg, que ce serveur ne trouve pas");
    do TRY(process_line(c, p, &line));
    while (line.data);
    TRY(process_wait(c, p, &code));
    if (code != 0) FAIL(c, INTERNAL, "ffmpeg ended with %d: %.*s", code, S_ARG(process_errors(p)));
    return NULL;
}

/* FFmpeg names the file by its descriptor; clients know it by its blob. */
static Str playlist_named(Ctx *c, Str text, Str name) {
    Buf b = buf_new(c->arena, text.len + text.len / 2 + 1024);
    Str map = S("#EXT-X-MAP:URI=\""), line;
    while (text.data) {
        text = str_cut(text, '\n', &line);
        if (line.len == 0) continue;
        if (str_starts(line, map)) {
            Str uri, rest = str_cut(str_slice(line, map.len, line.len), '"', &uri);
            buf_f(&b, "%.*s%.*s\"%.*s", S_ARG(map), S_ARG(name), S_ARG(rest));
        } else {
            buf_add(&b, line.data[0] == '#' ? line : name);
        }
        buf_byte(&b, '\n');
        if (str_starts(line, S("#EXT-X-VERSION"))) buf_add(&b, S("#EXT-X-INDEPENDENT-SEGMENTS\n"));
    }
    return buf_str(&b);
}

static Err *fd_all(Ctx *c, int fd, Str *out) {
    char *to = arena_bytes(c->arena, PLAYLIST_MAX);
    ptrdiff_t n = 1, len = 0;
    for (; n > 0 && len < PLAYLIST_MAX; len += n)
        TRY(file_read(c, fd, to + len, PLAYLIST_MAX - len, len, &n));
    if (len == 0 || len == PLAYLIST_MAX)
        FAIL(c, INTERNAL, "ffmpeg wrote no playlist, or an endless one.");
    *out = str_of(to, len);
    return NULL;
}

static Err *fd_to_blob(Ctx *c, int fd, BlobWriter *w) {
    char *chunk = arena_bytes(c->arena, COPY_BYTES);
    int64_t at = 0;
    for (ptrdiff_t n = 1; n > 0; at += n) {
        TRY(file_read(c, fd, chunk, COPY_BYTES, at, &n));
        TRY(blob_write(c, w, str_of(chunk, n)));
    }
    return NULL;
}

typedef struct Making {
    const Playable *p;
    Str former, blob, playlist;
} Making;

typedef struct Segments {
    Str hls_blob, hls_playlist;
} Segments;
static const Field segments_fields[] = {FIELD(Segments, hls_blob), FIELD(Segments, hls_playlist)};
static const Record segments_record = RECORD(Segments, segments_fields);

static Err *segments_of(Ctx *c, const Playable *p, Segments *out) {
    bool found;
    *out = (Segments){0};
    TRY(db_maybe(c, SQL(SQL_SEGMENTS_OF), ARGS(V(p->n), V(p->blob)), &segments_record, out,
                 &found));
    if (!found) FAIL(c, NOT_FOUND, "Audio non disponible pour ce débat");
    return NULL;
}

/* The row says what is to come, and lets go of what it named before. */
static Err *announce_in(Ctx *c, void *arg) {
    Making *m = arg;
    Segments before;
    ptrdiff_t changed;
    TRY(segments_of(c, m->p, &before));
    TRY(db_exec(c, SQL(SQL_SEGMENTS_ANNOUNCE), ARGS(V(m->p->n), V(m->p->blob), V(m->blob)),
                &changed));
    if (changed == 0) FAIL(c, NOT_FOUND, "Audio non disponible pour ce débat");
    bool another = before.hls_blob.data && !str_eq(before.hls_blob, m->blob);
    return another ? audio_blob_release(c, before.hls_blob) : NULL;
}

static Err *make(Ctx *c, Making *m) {
    bool ts = in_ts(m->p->format);
    int files[3];
    int64_t size;
    BlobWriter *w;
    Str text;
    TRY(playable_open(c, m->p, &files[0], &size));
    TRY(nameless_open(c, &files[1]));
    TRY(nameless_open(c, &files[2]));
    TRY(ffmpeg_run(c, ts, files));
    TRY(fd_all(c, files[2], &text));
    TRY(blob_begin(c, app_blobs(c), &w));
    TRY(fd_to_blob(c, files[1], w));
    m->blob = blob_hash(c, w);
    m->playlist = playlist_named(
        c, text, strf(c->arena, "%.*s%.*s", S_ARG(m->blob), S_ARG(segments_ending(ts))));
    TRY(db_transaction(c, announce_in, m));
    TRY(blob_finish(c, w, &text, &size));
    return db_exec(c, SQL(SQL_SEGMENTS_SETTLE),
                   ARGS(V(m->p->n), V(m->p->blob), V(m->blob), V(m->playlist)), NULL);
}

static void turn_give_back(void *arg) {
    bool given = channel_try_send(arg, &turns);
    assert(given);
}

/* Made before, and still there? */
static Err *segments_there(Ctx *c, const Playable *p, Str *playlist) {
    Segments there;
    int fd;
    int64_t size;
    *playlist = (Str){0};
    TRY(segments_of(c, p, &there));
    if (!there.hls_playlist.data) return NULL;
    Err *err = blob_open(c, app_blobs(c), there.hls_blob, &fd, &size);
    if (err && err->kind == ERR_NOT_FOUND) return NULL;
    *playlist = there.hls_playlist;
    return err;
}

static Err *segments_fill(Ctx *c, void *arg, Str *playlist) {
    Making m = {.p = arg};
    void *token;
    Defer *mark = c->defers;
    TRY(segments_there(c, m.p, playlist));
    if (playlist->data) return NULL;
    TRY(channel_receive(c, turns, &token));
    defer(c, turn_give_back, turns);
    Err *err = make(c, &m);
    ctx_undo(c, mark);
    *playlist = m.playlist;
    return err;
}

/* -- Answering --------------------------------------------------------------------------------- */

static Err *playlist_get(Ctx *c, Call *k) {
    const PlayQuery *asked = k->query;
    Playable p;
    Str text;
    if (str_eq(asked->format, S("wav")))
        FAIL(c, NOT_FOUND, "HLS n'est pas proposé pour le wav ; voir /api/streaming/%.*s/stream",
             S_ARG(k->params[0]));
    TRY(playable_find(c, k, SQL(SQL_PLAYABLE_IN_SEGMENTS), &p));
    Str key = strf(c->arena, ROBIAN_CACHE_DEBATE "%.*s/hls/%lld/%.*s", S_ARG(p.debate_id),
                   (long long)p.n, S_ARG(p.blob));
    TRY(cache_fill(c, app_cache(c), key, outside.cache_ttl_streaming_s * 1000, 0, segments_fill, &p,
                   &text));
    reply_header(k->r, S("Cache-Control"), S("no-cache"));
    reply_text(k->r, 200, S("application/vnd.apple.mpegurl"), text);
    k->answered = true;
    bool known = req_header(k->q, S("If-None-Match")).data != NULL;
    if (k->q->method == METHOD_GET && !known) playable_count(c, &p, COUNT_STREAM);
    return NULL;
}

/* The row names them and they are not there: who asks for the playlist has them made again. */
static Err *segments_gone(Ctx *c, Str debate_id, Str blob) {
    log_msg(c, LOG_ERROR, "the segments of debate %.*s have no file: blob %.*s", S_ARG(debate_id),
            S_ARG(blob));
    TRY(cache_remove_prefix(c, app_cache(c),
                            strf(c->arena, ROBIAN_CACHE_DEBATE "%.*s/hls/", S_ARG(debate_id))));
    FAIL(c, GONE, "Ces segments ne sont plus sur le serveur ; relire la liste index.m3u8");
}

/* `<blob>.ts` or `<blob>.mp4`: what it names never changes. */
static Err *segments_get(Ctx *c, Call *k) {
    Str name = k->params[1], blob = str_slice(name, 0, HASH_LEN);
    Str ending = str_slice(name, HASH_LEN, name.len);
    bool ts = str_eq(ending, segments_ending(true));
    int64_t there = 0, size;
    int fd;
    if (ts || str_eq(ending, segments_ending(false)))
        TRY(db_int(c, SQL(SQL_SEGMENTS_BLOB), ARGS(V(k->params[0]), V(blob)), &there));
    if (!there) FAIL(c, NOT_FOUND, "Segments non trouvés ; relire la liste index.m3u8");
    Err *err = blob_open(c, app_blobs(c), blob, &fd, &size);
    if (err && err->kind == ERR_NOT_FOUND) return segments_gone(c, k->params[0], blob);
    if (err) return err;
    reply_header(k->r, S("Cache-Control"), S("public, max-age=31536000, immutable"));
    reply_file(c, k->r, fd, size, segments_type(ts), strf(c->arena, "\"%.*s\"", S_ARG(blob)),
               TIME_NULL, (Str){0});
    k->answered = true;
    return NULL;
}

const Route segment_routes[] = {
    {GET, "/api/streaming/{debate_id}/hls/index.m3u8", playlist_get, .access = ACCESS_OPEN,
     .query = &play_query_record, .out_type = "application/vnd.apple.mpegurl",
     .timeout_ms = MAKE_MS, .errors = "404 410 501", .tag = "streaming",
     .doc = "HLS of the same audio (mp3, aac, opus); made when it is first asked for"},
    {GET, "/api/streaming/{debate_id}/hls/{file}", segments_get, .access = ACCESS_OPEN,
     .out_type = "video/mp2t,audio/mp4", .errors = "404 410 416", .tag = "streaming",
     .doc = "The file that the playlist's segments are ranges of"},
    {0},
};
