/* SPDX-License-Identifier: Apache-2.0
 * The job of an extraction: find the source, fetch it, measure, make the audio, put it into the blob
 * store; then audio, extraction, debate, events and the job's own end are one commit. Whatever it
 * writes before that lies in a work folder that goes with it (workdir.h).
 *
 * It may run again from the beginning at any time, and be taken over by another worker: each write
 * asks whether the job is still this worker's. The same source gives the same bytes, and so the same
 * blob, so that one left by a run that was cut off just before its commit is the next one's. */
#include <fcntl.h>

#include "core/json.h"
#include "core/log.h"
#include "data/blob.h"
#include "products/robian/audio.h"
#include "products/robian/debate.h"
#include "products/robian/extraction.h"
#include "products/robian/extraction_sql.h"
#include "products/robian/extraction_tags.h"
#include "products/robian/robian.h"
#include "products/robian/source.h"
#include "products/robian/timeline_fetch.h"
#include "products/robian/transcripts.h"
#include "products/robian/workdir.h"

enum {
    TELL_US = 1000 * 1000, /* at most one message a second */
    STORE_CHUNK = 1024 * 1024,
    END_MS = 10 * 1000,
};

typedef struct Work {
    Job *job;
    ExtractionRow e;
    AudioFile audio;
    Debate d;
    WorkDir *dir;
    Str folder, file;
    Source source;
    MediaInfo info, made;
    MediaPlan plan;
    Str blob;
    int64_t bytes;
    /* Of the stage under way: its part of the whole, in percent. */
    int64_t from, to, told_us;
    Str message;
} Work;

/* -- telling -------------------------------------------------------------------------------------- */

static Err *tell_in(Ctx *c, void *arg) {
    const Work *w = arg;
    ptrdiff_t changed;
    TRY(db_exec(c, SQL(SQL_EXTRACTION_WRITE),
                ARGS(V(w->e.n), V(w->e.status), V(w->e.progress), V(w->e.message), V(w->e.error),
                     V(w->e.started_at), V(TIME_NULL)),
                &changed));
    if (changed == 0) FAIL(c, CANCELLED, "The extraction is gone.");
    return extraction_emit(c, &w->e, "progress", &w->audio);
}

static Err *tell(Ctx *c, void *arg, double part) {
    Work *w = arg;
    int64_t now = mono_us(), percent = w->from + (int64_t)((double)(w->to - w->from) * part);
    if (now - w->told_us < TELL_US) return NULL;
    w->told_us = now;
    w->e.progress = percent;
    w->e.message = w->message;
    Defer *mark = c->defers;
    ArenaMark before = arena_mark(c->arena);
    TRY(job_progress(c, w->job, percent, 100, w->message));
    TRY(db_transaction(c, tell_in, w));
    if (c->defers == mark) arena_release(c->arena, before); /* it may go on for hours */
    return NULL;
}

/* Begin a stage: the message goes out at once. */
static Err *stage(Ctx *c, Work *w, const char *message, int64_t from, int64_t to, Stage *out) {
    w->message = str_c(message);
    w->from = from;
    w->to = to;
    w->told_us = 0;
    *out = (Stage){tell, w};
    return tell(c, w, 0);
}

/* -- beginning ------------------------------------------------------------------------------------ */

static Err *begin_in(Ctx *c, void *arg) {
    Work *w = arg;
    Time now = time_now();
    int64_t ours;
    TRY(db_int(c, SQL(SQL_EXTRACTION_JOB_IS_OURS), ARGS(V(w->job->id), V(w->job->lease)), &ours));
    if (!ours) FAIL(c, CANCELLED, "The job was taken from this worker.");
    TRY(db_exec(c, SQL(SQL_EXTRACTION_REOPEN), ARGS(V(w->e.n)), NULL));
    w->e.status = S("extracting");
    w->e.message = S("Démarrage");
    w->e.error = (Str){0};
    w->e.progress = 0;
    w->e.started_at = now;
    TRY(db_exec(c, SQL(SQL_EXTRACTION_WRITE),
                ARGS(V(w->e.n), V(w->e.status), V(w->e.progress), V(w->e.message), V(w->e.error),
                     V(now), V(TIME_NULL)),
                NULL));
    TRY(db_exec(c, SQL(SQL_EXTRACTION_AUDIO_WRITE),
                ARGS(V(w->e.audio_n), V(S("extracting")), value_null(), V(now), V(now)), NULL));
    TRY(debate_touch(c, w->e.debate_n)); /* what is cached says "pending" */
    return w->job->attempts > 1 ? NULL : extraction_emit(c, &w->e, "started", &w->audio);
}

static Err *load(Ctx *c, Work *w, bool *found) {
    json_t *payload;
    int64_t n = 0;
    TRY(json_parse(c, w->job->payload.text, &payload));
    if (!json_i64(json_at(payload, "extraction"), &n))
        FAIL(c, INVALID, "A job without the extraction that it is of.");
    TRY(db_maybe(c, SQL(SQL_EXTRACTION_AT), ARGS(V(n)), &extraction_row_record, &w->e, found));
    if (!*found) return NULL;
    TRY(db_one(c, SQL(SQL_EXTRACTION_AUDIO_AT), ARGS(V(w->e.audio_n)), &audio_row_record,
               &w->audio));
    return debate_at(c, w->e.debate_n, &w->d);
}

/* -- the work ------------------------------------------------------------------------------------- */

static Err *length_check(Ctx *c, const MediaInfo *info) {
    if (info->duration_ms / 1000 <= robian.extraction_max_s) return NULL;
    FAIL(c, TOO_LARGE, "L'audio dure plus de %lld minutes.",
         (long long)(robian.extraction_max_s / 60));
}

/* Before anything is fetched. */
static Err *tools_check(Ctx *c) {
    static const Tool needed[] = {TOOL_FFPROBE, TOOL_FFMPEG};
    for (int i = 0; i < COUNT(needed); i++) {
        Str missing = tool_missing(c->arena, needed[i]);
        if (!str_is_null(missing)) FAIL(c, NOT_CONFIGURED, "%.*s", S_ARG(missing));
    }
    return NULL;
}

static Err *make(Ctx *c, Work *w) {
    Stage now;
    bool mp3 = str_eq(w->audio.format, S("mp3"));
    w->plan = (MediaPlan){.format = w->audio.format};
    w->plan.copy = mp3 && w->source.own_mp3 && str_eq(w->info.codec, S("mp3"));
    if (!quality_read(w->audio.quality, &w->plan.kbps)) w->plan.kbps = 0;
    TRY(extraction_tags(c, &w->d, w->info.duration_ms, &w->plan.tags));
    if (!w->plan.copy) {
        TRY(stage(c, w, "Mesure du volume", 50, 70, &now));
        TRY(media_measure(c, w->folder, SOURCE_FILE, &w->info, now, &w->plan.loudness));
    }
    TRY(stage(c, w, w->plan.copy ? "Étiquetage" : "Conversion", 70, 95, &now));
    return media_encode(c, w->folder, SOURCE_FILE, w->file, &w->info, &w->plan, now);
}

static void close_later(void *arg) { file_close((int)(intptr_t)arg); }

static Err *pour(Ctx *c, int fd, BlobWriter *blob, char *chunk) {
    for (ptrdiff_t n = 1; n > 0;) {
        TRY(file_read(c, fd, chunk, STORE_CHUNK, -1, &n));
        TRY(blob_write(c, blob, str_of(chunk, n)));
    }
    return NULL;
}

static Err *store(Ctx *c, Work *w) {
    int fd;
    Stage now;
    BlobWriter *blob;
    TRY(stage(c, w, "Enregistrement", 95, 100, &now));
    Str path = strf(c->arena, "%.*s/%.*s", S_ARG(w->folder), S_ARG(w->file));
    TRY(file_open(c, path, O_RDONLY, 0, &fd));
    defer(c, close_later, (void *)(intptr_t)fd);
    TRY(blob_begin(c, app_blobs(c), &blob));
    TRY(pour(c, fd, blob, arena_bytes(c->arena, STORE_CHUNK)));
    return blob_finish(c, blob, &w->blob, &w->bytes);
}

static Err *stored(Ctx *c, Work *w) {
    Defer *mark = c->defers;
    Err *err = store(c, w);
    ctx_undo(c, mark); /* what was begun of a blob, too */
    return err;
}

static Err *work(Ctx *c, Work *w) {
    Stage now;
    TRY(tools_check(c));
    TRY(workdir_make(c, &w->dir));
    w->folder = workdir_path(w->dir);
    w->file = strf(c->arena, "audio.%.*s", S_ARG(audio_extension(w->audio.format)));
    TRY(stage(c, w, "Téléchargement", 1, 50, &now));
    Str source = source_of_debate(c->arena, &w->d);
    TRY(source_fetch(c, source, w->folder, now, &w->source));
    TRY(media_probe(c, w->folder, SOURCE_FILE, &w->info));
    TRY(length_check(c, &w->info));
    TRY(make(c, w));
    TRY(media_probe(c, w->folder, w->file, &w->made));
    TRY(length_check(c, &w->made));
    return stored(c, w);
}

/* -- done ----------------------------------------------------------------------------------------- */

static const char *origin_name(SourceOrigin origin) {
    static const char *const names[] = {"portal", "direct", "yt-dlp"};
    return names[origin];
}

static JsonText metadata_of(Ctx *c, const Work *w) {
    Buf b = buf_new(c->arena, 512);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("source"));
    json_put_str(&o, str_c(origin_name(w->source.origin)));
    json_key(&o, S("source_url"));
    json_put_str(&o, w->source.url);
    json_key(&o, S("source_codec"));
    json_put_str(&o, w->info.codec);
    json_key(&o, S("transcoded"));
    json_put_bool(&o, !w->plan.copy);
    json_key(&o, S("loudness_lufs")); /* of the source */
    json_put_raw(&o, w->plan.loudness.i);
    json_key(&o, S("bit_rate"));
    json_put_i64(&o, w->made.bit_rate);
    json_key(&o, S("sample_rate"));
    json_put_i64(&o, w->made.sample_rate);
    json_key(&o, S("channels"));
    json_put_i64(&o, w->made.channels);
    json_end(&o, '}');
    return (JsonText){buf_str(&b)};
}

static void fill(Str *member, Str value) {
    if (str_is_empty(*member) && !str_is_empty(value)) *member = value;
}

static Err *debate_complete(Ctx *c, const Work *w) {
    Debate d;
    const SourcePage *page = &w->source.page;
    TRY(debate_lock(c, w->e.debate_n, &d));
    d.status = S("disponible");
    d.has_audio = true;
    d.duration_minutes = (OptInt){max_i64(1, (w->made.duration_ms + 30000) / 60000), true};
    fill(&d.video_url, page->video_url);
    fill(&d.thumbnail_url, page->thumbnail_url);
    fill(&d.description, page->description);
    return debate_change(c, &d);
}

static Err *finish_in(Ctx *c, void *arg) {
    Work *w = arg;
    Time now = time_now();
    AudioFile audio;
    w->e.status = S("completed");
    w->e.message = S("Extraction terminée");
    w->e.progress = 100;
    w->e.error = (Str){0};
    Str result =
        strf(c->arena, "{\"debate_id\":\"%.*s\",\"extraction_id\":\"%.*s\",\"bytes\":%lld}",
             S_ARG(w->e.debate_id), S_ARG(w->e.id), (long long)w->bytes);
    TRY(job_finish(c, w->job, result));
    TRY(db_exec(c, SQL(SQL_EXTRACTION_WRITE),
                ARGS(V(w->e.n), V(w->e.status), V(w->e.progress), V(w->e.message), V(w->e.error),
                     V(w->e.started_at), V(now)),
                NULL));
    TRY(db_exec(c, SQL(SQL_EXTRACTION_AUDIO_COMPLETE),
                ARGS(V(w->e.audio_n), V(w->blob), V(w->bytes), V(w->made.duration_ms),
                     V(metadata_of(c, w)), V(audio_filename(c->arena, &w->d, w->audio.format)),
                     V(now)),
                NULL));
    TRY(db_one(c, SQL(SQL_EXTRACTION_AUDIO_AT), ARGS(V(w->e.audio_n)), &audio_row_record, &audio));
    TRY(debate_complete(c, w));
    TRY(alignment_run(c, w->e.debate_n)); /* times behind the audio's end are none */
    if (w->source.page.video_id.len)
        TRY(timeline_ask_later(c, w->e.debate_n, w->source.page.video_id));
    return extraction_emit(c, &w->e, "completed", &audio);
}

/* -- or not --------------------------------------------------------------------------------------- */

typedef struct Failure {
    Work *w;
    Err *err;
} Failure;

/* As the runner will judge it (work/run.c). */
static bool is_last_try(const Job *job, const Err *err) {
    bool again = err_retryable(err->kind) || err->kind == ERR_INTERNAL;
    return !again || job->attempts >= job->max_attempts;
}

static Err *again_write(Ctx *c, Work *w, Str message, Str error) {
    TRY(db_exec(c, SQL(SQL_EXTRACTION_WRITE),
                ARGS(V(w->e.n), V(S("pending")), V(w->e.progress), V(message), V(error),
                     V(TIME_NULL), V(TIME_NULL)),
                NULL));
    TRY(db_exec(c, SQL(SQL_EXTRACTION_AUDIO_WRITE),
                ARGS(V(w->e.audio_n), V(S("pending")), V(error), V(TIME_NULL), V(time_now())),
                NULL));
    return debate_touch(c, w->e.debate_n);
}

static Str sentence(Ctx *c, const Err *err) {
    bool ours = err->kind != ERR_INTERNAL || str_starts(err->detail, S("ffmpeg ")) ||
                str_starts(err->detail, S("yt-dlp ")) || str_starts(err->detail, S("ffprobe "));
    if (err->kind == ERR_STORAGE_FULL) return S("Le disque est plein.");
    return ours ? str_copy(c->arena, err->detail)
                : S("Erreur interne : voir le journal du serveur.");
}

static Err *failure_in(Ctx *c, void *arg) {
    const Failure *f = arg;
    Work *w = f->w;
    int64_t ours;
    bool there;
    ExtractionRow now;
    TRY(db_maybe(c, SQL(SQL_EXTRACTION_AT), ARGS(V(w->e.n)), &extraction_row_record, &now, &there));
    TRY(db_int(c, SQL(SQL_EXTRACTION_JOB_IS_OURS), ARGS(V(w->job->id), V(w->job->lease)), &ours));
    if (!there || !ours) return NULL;
    if (!str_is_null(w->blob)) TRY(audio_blob_release(c, w->blob));
    if (w->job->cancel_requested)
        return extraction_fail(c, &now, S("cancelled"), S("Extraction annulée"), (Str){0});
    if (f->err->kind == ERR_CANCELLED) return again_write(c, w, S("En attente"), (Str){0});
    Str error = sentence(c, f->err);
    if (is_last_try(w->job, f->err))
        return extraction_fail(c, &now, S("error"), S("L'extraction a échoué"), error);
    return again_write(c, w, S("Nouvel essai prévu"), error);
}

/* Written in any case: also when it is the server's end, or this job's time, that ended it. */
static Err *failed(Ctx *c, Work *w, Err *err) {
    Failure f = {w, err};
    int64_t former = c->deadline_us;
    coro_shield(c);
    c->deadline_us = mono_us() + END_MS * US_PER_MS;
    Err *bad = db_transaction(c, failure_in, &f);
    c->deadline_us = former;
    coro_unshield(c);
    if (bad)
        log_msg(c, LOG_ERROR, "an extraction's end was not noted: %.*s",
                S_ARG(err_chain(c->arena, bad)));
    return err;
}

Err *extraction_run(Ctx *c, Job *job) {
    Work *w = arena_new_of(c->arena, Work);
    bool found;
    w->job = job;
    TRY(load(c, w, &found));
    /* Its debate was removed; or the audio came another way, before this was tried again. */
    if (!found || str_eq(w->audio.extraction_status, S("completed"))) return NULL;
    Err *err = db_transaction(c, begin_in, w);
    if (!err) err = work(c, w);
    workdir_end(c, w->dir); /* nothing is left when its end is told */
    if (!err) err = db_transaction(c, finish_in, w);
    return err ? failed(c, w, err) : NULL;
}
