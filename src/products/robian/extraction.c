/* SPDX-License-Identifier: Apache-2.0
 * Asking for, following, cancelling and settling extractions: their rows, the audio files' and the
 * debate's status, always in one transaction. Order of the locks: job, extraction, audio, debate. */
#include "products/robian/extraction.h"

#include "core/json.h"
#include "data/blob.h"
#include "products/robian/audio.h"
#include "products/robian/debate.h"
#include "products/robian/extraction_sql.h"
#include "products/robian/robian.h"
#include "work/events.h"

enum { SETTLE_MAX = 200, USUAL_MINUTES = 150 };

static const Field row_fields[] = {
    FIELD(ExtractionRow, n),          FIELD(ExtractionRow, id),
    FIELD(ExtractionRow, debate_n),   FIELD(ExtractionRow, audio_n),
    FIELD(ExtractionRow, job_id),     FIELD(ExtractionRow, priority),
    FIELD(ExtractionRow, status),     FIELD(ExtractionRow, progress),
    FIELD(ExtractionRow, message),    FIELD(ExtractionRow, error),
    FIELD(ExtractionRow, created_at), FIELD(ExtractionRow, started_at),
    FIELD(ExtractionRow, ended_at),   FIELD(ExtractionRow, debate_id),
    FIELD(ExtractionRow, job_state),  FIELD(ExtractionRow, duration_minutes),
};
const Record extraction_row_record = RECORD(ExtractionRow, row_fields);

static const char *const statuses[] = {"pending", "extracting", "completed",
                                       "error",   "cancelled",  NULL};
static const Field extraction_fields[] = {
    FIELD(Extraction, extraction_id, .format = "uuid"),
    FIELD(Extraction, debate_id, .format = "uuid"),
    FIELD(Extraction, status, .values = statuses),
    FIELD(Extraction, message),
    FIELD(Extraction, estimated_duration, .doc = "Seconds that all of it usually takes"),
    FIELD(Extraction, progress, .min = 0, .max = 100),
    FIELD(Extraction, error, .flags = F_NULLABLE),
    FIELD_RECORD(Extraction, audio_file, &audio_file_record),
};
const Record extraction_record =
    RECORD(Extraction, extraction_fields, .doc = "A debate's audio on its way, or there");

bool quality_read(Str text, int64_t *kbps) {
    int64_t value;
    if (!str_ends(text, S("k")) || !str_to_i64(str_slice(text, 0, text.len - 1), &value))
        return false;
    if (value < 32 || value > 320 || text.data[0] == '0' || text.data[0] == '+') return false;
    *kbps = value;
    return true;
}

/* -- showing -------------------------------------------------------------------------------------- */

static bool is_on_its_way(Str status) {
    return str_eq(status, S("pending")) || str_eq(status, S("extracting"));
}

/* Fetching and two passes go at some twelve times the speed of listening. */
static int64_t seconds_estimated(const ExtractionRow *e) {
    int64_t minutes = e->duration_minutes.set && e->duration_minutes.value > 0
                          ? e->duration_minutes.value
                          : USUAL_MINUTES;
    return 30 + minutes * 60 / 12;
}

Err *extraction_show(Ctx *c, const ExtractionRow *e, Extraction *out) {
    *out = (Extraction){
        .extraction_id = e->id,
        .debate_id = e->debate_id,
        .status = e->status,
        .message = e->message,
        .progress = e->progress,
        .error = e->error,
    };
    if (is_on_its_way(e->status)) out->estimated_duration = (OptInt){seconds_estimated(e), true};
    TRY(db_one(c, SQL(SQL_EXTRACTION_AUDIO_AT), ARGS(V(e->audio_n)), &audio_row_record,
               &out->audio_file));
    audio_show(c->arena, e->debate_id, &out->audio_file);
    return NULL;
}

static void event_text(Ctx *c, JsonOut *o, const ExtractionRow *e, const AudioFile *audio) {
    bool there = audio && str_eq(audio->extraction_status, S("completed"));
    json_key(o, S("debate_id"));
    json_put_str(o, e->debate_id);
    json_key(o, S("extraction_id"));
    json_put_str(o, e->id);
    json_key(o, S("status"));
    json_put_str(o, e->status);
    json_key(o, S("progress"));
    json_put_i64(o, e->progress);
    json_key(o, S("message"));
    json_put_str(o, e->message);
    json_key(o, S("error"));
    json_put_str(o, e->error);
    json_key(o, S("audio_url"));
    json_put_str(o, there ? strf(c->arena, "/api/streaming/%.*s/stream", S_ARG(e->debate_id))
                          : (Str){0});
    json_key(o, S("file_size"));
    if (there && audio->file_size.set)
        json_put_i64(o, audio->file_size.value);
    else
        json_put_null(o);
    json_key(o, S("format"));
    json_put_str(o, audio ? audio->format : (Str){0});
    json_key(o, S("quality"));
    json_put_str(o, audio ? audio->quality : (Str){0});
}

Err *extraction_emit(Ctx *c, const ExtractionRow *e, const char *what, const AudioFile *audio) {
    assert(c->tx);
    Buf b = buf_new(c->arena, 512);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    event_text(c, &o, e, audio);
    json_end(&o, '}');
    Str type = strf(c->arena, "extraction_%s", what);
    TRY(event_emit(c, S("extractions"), type, buf_str(&b)));
    return event_emit(c, strf(c->arena, "debate:%.*s", S_ARG(e->debate_id)), type, buf_str(&b));
}

/* -- ending badly --------------------------------------------------------------------------------- */

/* What a debate is when an extraction of it has come to nothing. */
static Str status_left(int64_t left, bool cancelled, const Debate *d) {
    if (left == 2) return S("disponible");
    if (left == 1) return S("extraction");
    if (!cancelled) return S("erreur");
    return d->date.us > time_now().us ? S("programme") : S("termine");
}

Err *extraction_fail(Ctx *c, const ExtractionRow *e, Str status, Str message, Str error) {
    assert(c->tx);
    ExtractionRow now = *e;
    AudioFile audio;
    Debate d;
    int64_t left;
    ptrdiff_t changed;
    bool cancelled = str_eq(status, S("cancelled"));
    now.status = status;
    now.message = message;
    now.error = error;
    TRY(db_exec(
        c, SQL(SQL_EXTRACTION_WRITE),
        ARGS(V(e->n), V(status), V(e->progress), V(message), V(error), V(TIME_NULL), V(time_now())),
        &changed));
    if (changed == 0) return NULL; /* somebody else was first */
    TRY(db_exec(c, SQL(SQL_EXTRACTION_AUDIO_WRITE),
                ARGS(V(e->audio_n), V(S("error")), V(cancelled ? message : error), V(TIME_NULL),
                     V(time_now())),
                NULL));
    TRY(db_one(c, SQL(SQL_EXTRACTION_AUDIO_AT), ARGS(V(e->audio_n)), &audio_row_record, &audio));
    TRY(db_int(c, SQL(SQL_EXTRACTION_LEFT), ARGS(V(e->debate_n)), &left));
    TRY(debate_lock(c, e->debate_n, &d));
    d.status = status_left(left, cancelled, &d);
    TRY(debate_change(c, &d));
    return extraction_emit(c, &now, "failed", &audio);
}

static Err *settle_one(Ctx *c, const ExtractionRow *e) {
    if (str_eq(e->job_state, S("cancelled")))
        return extraction_fail(c, e, S("cancelled"), S("Extraction annulée"), (Str){0});
    Str error = str_is_empty(e->error) ? S("Le traitement s'est interrompu.") : e->error;
    return extraction_fail(c, e, S("error"), S("L'extraction a échoué"), error);
}

static Err *settle_in(Ctx *c, void *arg) {
    int64_t debate_n = *(int64_t *)arg;
    Rows rows;
    TRY(db_query(c, SQL(SQL_EXTRACTION_STALE),
                 ARGS(debate_n ? V(debate_n) : value_null(), V((int64_t)SETTLE_MAX)),
                 &extraction_row_record, &rows));
    for (ptrdiff_t i = 0; i < rows.count; i++)
        TRY(settle_one(c, (const ExtractionRow *)rows.items + i));
    return NULL;
}

Err *extractions_settle(Ctx *c, int64_t debate_n) {
    if (c->tx) return settle_in(c, &debate_n);
    Rows rows; /* most of the time there is nothing to write */
    TRY(db_query(c, SQL(SQL_EXTRACTION_STALE),
                 ARGS(debate_n ? V(debate_n) : value_null(), V((int64_t)1)), &extraction_row_record,
                 &rows));
    return rows.count ? db_transaction(c, settle_in, &debate_n) : NULL;
}

Err *extractions_settle_run(Ctx *c, Job *job) {
    (void)job;
    return extractions_settle(c, 0);
}

/* -- asking --------------------------------------------------------------------------------------- */

static int64_t priority_number(Str name) {
    return str_eq(name, S("urgent")) ? 20
           : str_eq(name, S("high")) ? 10
           : str_eq(name, S("low"))  ? -10
                                     : 0;
}

/* The audio that would do, completed rather than not. */
static Err *audio_any(Ctx *c, int64_t debate_n, const ExtractionAsked *asked, AudioFile *out,
                      bool *found) {
    return db_maybe(c, SQL(SQL_EXTRACTION_AUDIO_ANY),
                    ARGS(V(debate_n), asked->any_format ? value_null() : V(asked->format),
                         asked->any_quality ? value_null() : V(asked->quality)),
                    &audio_row_record, out, found);
}

/* What is there: completed, or on its way. */
static Err *present_find(Ctx *c, const Debate *d, const ExtractionAsked *asked, Extraction *out,
                         bool *found) {
    AudioFile audio;
    ExtractionRow e;
    *found = false;
    bool audio_found;
    TRY(audio_any(c, d->n, asked, &audio, &audio_found));
    if (!audio_found || str_eq(audio.extraction_status, S("error"))) return NULL;
    bool there = str_eq(audio.extraction_status, S("completed"));
    TRY(db_maybe(c, SQL(SQL_EXTRACTION_OF_AUDIO), ARGS(V(audio.n)), &extraction_row_record, &e,
                 found));
    if (*found) TRY(extraction_show(c, &e, out));
    if (!there) return NULL;
    if (!*found) {
        *out = (Extraction){.extraction_id = audio.id, .debate_id = d->id, .audio_file = audio};
        audio_show(c->arena, d->id, &out->audio_file);
    }
    out->status = S("completed");
    out->message = S("Audio déjà disponible");
    out->progress = 100;
    out->error = (Str){0};
    *found = true;
    return NULL;
}

static Err *row_add(Ctx *c, const Debate *d, const ExtractionAsked *asked, int64_t *n) {
    int64_t audio_n;
    Id job;
    Time now = time_now();
    Str filename = audio_filename(c->arena, d, asked->format);
    TRY(db_int(c, SQL(SQL_EXTRACTION_AUDIO_ASK),
               ARGS(V(uuid_v7(c->arena)), V(d->n), V(filename), V(asked->format), V(asked->quality),
                    V(now)),
               &audio_n));
    TRY(db_int(c, SQL(SQL_EXTRACTION_ADD),
               ARGS(V(uuid_v7(c->arena)), V(d->n), V(audio_n), V(asked->priority),
                    V(S("En attente")), V(now)),
               n));
    JobOptions options = {.priority = priority_number(asked->priority),
                          .max_attempts = robian.extraction_tries};
    Str payload = strf(c->arena, "{\"extraction\":%lld}", (long long)*n);
    TRY(job_add(c, EXTRACTION_JOB, payload, options, &job));
    return db_exec(c, SQL(SQL_EXTRACTION_JOB), ARGS(V(*n), V(job)), NULL);
}

Err *extraction_ask(Ctx *c, Str debate_id, const ExtractionAsked *asked, Extraction *out) {
    assert(c->tx);
    Debate d;
    ExtractionRow e;
    bool found;
    int64_t n;
    TRY(debate_find(c, debate_id, &d));
    TRY(extractions_settle(c, d.n));
    TRY(present_find(c, &d, asked, out, &found));
    if (found) return NULL;
    TRY(row_add(c, &d, asked, &n));
    TRY(db_one(c, SQL(SQL_EXTRACTION_AT), ARGS(V(n)), &extraction_row_record, &e));
    TRY(extraction_show(c, &e, out));
    TRY(debate_lock(c, d.n, &d));
    d.status = S("extraction");
    return debate_change(c, &d);
}

typedef struct Start {
    Str debate_id;
    const ExtractionAsked *asked;
    Err *(*after)(Ctx *c, void *arg);
    void *arg;
    Extraction *out;
} Start;

static Err *start_in(Ctx *c, void *arg) {
    const Start *s = arg;
    TRY(extraction_ask(c, s->debate_id, s->asked, s->out));
    return s->after ? s->after(c, s->arg) : NULL;
}

/* Audio whose file is gone from the disk is no answer to who asks for it: it is extracted again. */
static Err *lost_forget(Ctx *c, Str debate_id, const ExtractionAsked *asked) {
    AudioFile audio;
    int64_t n, size;
    bool found;
    int fd;
    TRY(debate_key(c, debate_id, &n));
    TRY(audio_any(c, n, asked, &audio, &found));
    if (!found || !str_eq(audio.extraction_status, S("completed"))) return NULL;
    Err *err = blob_open(c, app_blobs(c), audio.blob, &fd, &size);
    if (!err || err->kind != ERR_NOT_FOUND) return err;
    return db_exec(c, SQL(SQL_EXTRACTION_AUDIO_LOST),
                   ARGS(V(audio.n), V(audio.blob), V(S("Le fichier audio a disparu du serveur.")),
                        V(time_now())),
                   NULL);
}

Err *extraction_start(Ctx *c, Str debate_id, const ExtractionAsked *asked,
                      Err *(*after)(Ctx *c, void *arg), void *arg, Extraction *out) {
    Start s = {debate_id, asked, after, arg, out};
    TRY(lost_forget(c, debate_id, asked));
    Err *err = db_transaction(c, start_in, &s);
    bool second = err && err->kind == ERR_CONFLICT && str_starts(err->code, S("extractions."));
    return second ? db_transaction(c, start_in, &s) : err;
}

/* -- following and cancelling --------------------------------------------------------------------- */

Err *extraction_status(Ctx *c, Str debate_id, Extraction *out) {
    ExtractionRow e;
    int64_t n;
    bool found;
    TRY(debate_key(c, debate_id, &n));
    TRY(extractions_settle(c, n));
    TRY(db_maybe(c, SQL(SQL_EXTRACTION_LATEST), ARGS(V(n)), &extraction_row_record, &e, &found));
    if (!found) FAIL(c, NOT_FOUND, "Aucune extraction trouvée pour ce débat");
    return extraction_show(c, &e, out);
}

Err *extraction_by_id(Ctx *c, Str id, Extraction *out) {
    ExtractionRow e;
    bool found;
    TRY(db_maybe(c, SQL(SQL_EXTRACTION_BY_ID), ARGS(V(id)), &extraction_row_record, &e, &found));
    if (!found) FAIL(c, NOT_FOUND, "Extraction %.*s non trouvée", S_ARG(str_utf8_cut(id, 100)));
    TRY(extractions_settle(c, e.debate_n));
    TRY(db_one(c, SQL(SQL_EXTRACTION_AT), ARGS(V(e.n)), &extraction_row_record, &e));
    return extraction_show(c, &e, out);
}

typedef struct Cancel {
    Str debate_id;
    Extraction *out;
} Cancel;

static Err *cancel_one(Ctx *c, const ExtractionRow *e) {
    if (str_eq(e->job_state, S("waiting")) || str_eq(e->job_state, S("running")))
        TRY(job_cancel(c, e->job_id));
    return NULL;
}

static Err *cancel_in(Ctx *c, void *arg) {
    const Cancel *cancel = arg;
    int64_t n;
    Rows rows;
    ExtractionRow e;
    TRY(debate_key(c, cancel->debate_id, &n));
    TRY(db_query(c, SQL(SQL_EXTRACTION_RUNNING), ARGS(V(n)), &extraction_row_record, &rows));
    if (rows.count == 0) FAIL(c, NOT_FOUND, "Aucune extraction en cours pour ce débat");
    const ExtractionRow *first = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) TRY(cancel_one(c, first + i));
    TRY(extractions_settle(c, n)); /* those that waited are cancelled now */
    TRY(db_one(c, SQL(SQL_EXTRACTION_AT), ARGS(V(first->n)), &extraction_row_record, &e));
    TRY(extraction_show(c, &e, cancel->out));
    if (is_on_its_way(e.status)) cancel->out->message = S("Annulation demandée");
    return NULL;
}

Err *extraction_cancel(Ctx *c, Str debate_id, Extraction *out) {
    Cancel cancel = {debate_id, out};
    return db_transaction(c, cancel_in, &cancel);
}
