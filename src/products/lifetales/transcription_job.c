/* SPDX-License-Identifier: Apache-2.0
 * When recordings are heard: a job for each that waits.
 *
 *           wanted                    begin             heard: text, and the job is done
 *   none ──────────▶ waiting ─────────────────▶ running ───────────────────────────▶ done
 *                     ▲   ▲ ▲                    │ │ │ not a recording, too long, refused for good
 *         killed: the │   │ └────────────────────┘ │ └─────────────────────────────▶ failed
 *         job's again │   │   away, limits: the    │
 *                     │   │   next job is later    │ nobody is configured, no money
 *                     └───┴────────────────────────┘ (no job: the schedule finds it)
 *
 * Nothing that a provider says of its failures is stored: what a person reads is in our words. */
#include "ai/kept.h"
#include "core/json.h"
#include "products/lifetales/album.h"
#include "products/lifetales/transcription_room.h"
#include "products/lifetales/transcription_sql.h"

enum { BAD_ROUNDS_MAX = 5, WAITING_BATCH = 500 };
static const int64_t ROUND_BASE_MS = 1000, ROUND_MAX_MS = 10 * 60 * 1000;

typedef struct Hearing {
    Job *job;
    Id user, media_n;
    int64_t round;
    Media media;
    Transcript said;
    Heard known;
    bool is_known;
    int64_t delay_ms; /* of the next job */
    Str why;          /* it failed for good */
} Hearing;

/* -- how it ends: each a transaction with the job's end ---------------------------------------------- */

/* Taken away while it was heard: what is said in it is nobody's any more. */
static Err *end_gone(Ctx *c, void *arg) {
    const Hearing *h = arg;
    TRY(kept_forget(c, h->user));
    return job_finish(c, h->job, (Str){0});
}

static Err *end_heard(Ctx *c, void *arg) {
    const Hearing *h = arg;
    Media now;
    ptrdiff_t changed; /* who takes it away at this moment waits for us, or we for him */
    TRY(db_exec(c, SQL(SQL_TRANSCRIPTION_BEGIN), ARGS(V(h->user), V(h->media_n)), &changed));
    Err *err = changed ? NULL : album_load_n(c, h->user, h->media_n, &now);
    if (err) return err->kind == ERR_NOT_FOUND ? end_gone(c, arg) : err;
    if (h->is_known)
        TRY(heard_put(c, h->user, h->media.sha256, &h->known));
    else
        TRY(heard_keep(c, h->user, h->media.sha256, &h->said));
    return job_finish(c, h->job, (Str){0});
}

static Err *end_waiting(Ctx *c, void *arg) {
    const Hearing *h = arg;
    TRY(db_exec(c, SQL(SQL_TRANSCRIPTION_BACK), ARGS(V(h->user), V(h->media_n)), NULL));
    return job_finish(c, h->job, (Str){0});
}

/* The job first: while it runs no other is made for the same recording. */
static Err *end_later(Ctx *c, void *arg) {
    const Hearing *h = arg;
    TRY(end_waiting(c, arg));
    return hearing_ask(c, h->user, h->media_n, h->round + 1, h->delay_ms);
}

static Err *end_failed(Ctx *c, void *arg) {
    const Hearing *h = arg;
    TRY(db_exec(c, SQL(SQL_TRANSCRIPTION_FAIL), ARGS(V(h->user), V(h->media_n), V(h->why)), NULL));
    return job_finish(c, h->job, (Str){0});
}

/* -- what an error means ------------------------------------------------------------------------- */

static Err *ends_later(Ctx *c, Hearing *h, const Err *err) {
    int64_t doubled = ROUND_BASE_MS << min_i64(h->round, 20);
    h->delay_ms = max_i64(min_i64(doubled, ROUND_MAX_MS), err->retry_after_s * 1000);
    return db_transaction(c, end_later, h);
}

static Err *ends_failed(Ctx *c, Hearing *h, Str why) {
    h->why = why;
    return db_transaction(c, end_failed, h);
}

static bool code_is(const Err *err, const char *code) { return str_eq(err->code, str_c(code)); }

static Err *ends_badly(Ctx *c, Hearing *h, Err *err) {
    bool bad = code_is(err, "ai_bad_answer") || code_is(err, "ai_cut_short");
    switch (err->kind) {
    case ERR_UPSTREAM:
        if (bad && h->round >= BAD_ROUNDS_MAX)
            return ends_failed(c, h, S("The provider's answers are no transcripts."));
        return ends_later(c, h, err);
    case ERR_RATE_LIMITED:
    case ERR_UNAVAILABLE:
    case ERR_TIMEOUT:
    case ERR_STORAGE_FULL: return ends_later(c, h, err);
    case ERR_NOT_CONFIGURED:
    case ERR_PAYMENT_REQUIRED: return db_transaction(c, end_waiting, h);
    case ERR_TOO_LARGE:
        return ends_failed(c, h, S("The recording is too long or too large to be written down."));
    case ERR_NOT_FOUND: return ends_failed(c, h, S("The recording's bytes are not there."));
    case ERR_INVALID:
    case ERR_MEDIA_TYPE:
        if (code_is(err, "ai_unknown_model")) return db_transaction(c, end_waiting, h);
        return ends_failed(c, h,
                           code_is(err, "ai_context_too_long")
                               ? S("The recording is too long or too large to be written down.")
                           : str_is_null(err->code)
                               ? S("The recording is broken, or nothing is in it.")
                               : S("The provider will not write this recording down."));
    default: break;
    }
    if (err->kind != ERR_INTERNAL || h->job->attempts < h->job->max_attempts) return err;
    TRY(db_exec(
        c, SQL(SQL_TRANSCRIPTION_FAIL),
        ARGS(V(h->user), V(h->media_n), V(S("It could not be written down: an error of ours."))),
        NULL));
    return err; /* the job's log has it */
}

/* -- a run --------------------------------------------------------------------------------------- */

static Err *payload_read(Ctx *c, Hearing *h) {
    json_t *payload;
    TRY(json_parse(c, h->job->payload.text, &payload));
    if (!json_i64(json_at(payload, "user"), &h->user.value) ||
        !json_i64(json_at(payload, "media"), &h->media_n.value) ||
        !json_i64(json_at(payload, "round"), &h->round))
        FAIL(c, INVALID, "A job without the recording that it is to hear.");
    return NULL;
}

static Err *hear_it(Ctx *c, Hearing *h) {
    Str audio;
    ptrdiff_t changed;
    TRY(heard_find(c, h->media.sha256, &h->known, &h->is_known));
    if (h->is_known) return NULL;
    Str lacks = transcribe_lacks(c->arena);
    if (!str_is_null(lacks)) FAIL(c, NOT_CONFIGURED, "%.*s", S_ARG(lacks));
    TRY(hearing_taken(c, h->user, h->media.sha256));
    TRY(db_exec(c, SQL(SQL_TRANSCRIPTION_BEGIN), ARGS(V(h->user), V(h->media_n)), &changed));
    TRY(album_bytes(c, &h->media, &audio));
    LongSound sound = {audio, h->media.mime_type, h->media.sha256, h->media.duration_ms.value, -1};
    return hearing_whole(c, h->user, &sound, &h->said);
}

static Err *transcribe_run(Ctx *c, Job *job) {
    Hearing h = {.job = job};
    TRY(payload_read(c, &h));
    Err *err = album_load_n(c, h.user, h.media_n, &h.media);
    if (err) return err->kind == ERR_NOT_FOUND ? db_transaction(c, end_gone, &h) : err;
    Str status = h.media.transcription_status;
    if (!str_eq(status, S("waiting")) && !str_eq(status, S("running"))) return NULL;
    err = hear_it(c, &h);
    return err ? ends_badly(c, &h, err) : db_transaction(c, end_heard, &h);
}

/* -- those that nobody asks for any more ----------------------------------------------------------- */

typedef struct WaitingRow {
    Id n, user_id;
} WaitingRow;
static const Field waiting_fields[] = {FIELD(WaitingRow, n), FIELD(WaitingRow, user_id)};
static const Record waiting_record = RECORD(WaitingRow, waiting_fields);

static Err *waiting_ask(Ctx *c, void *arg) {
    const Rows *rows = arg;
    for (ptrdiff_t i = 0; i < rows->count; i++) {
        const WaitingRow *row = (const WaitingRow *)rows->items + i;
        TRY(hearing_ask(c, row->user_id, row->n, 0, 0));
    }
    return NULL;
}

static Err *waiting_run(Ctx *c, Job *job) {
    int64_t last = 0;
    (void)job;
    if (!str_is_null(transcribe_lacks(c->arena))) return NULL;
    for (;;) {
        Rows rows;
        CtxMark mark = ctx_mark(c);
        TRY(db_query(c, SQL(SQL_SYSTEM_TRANSCRIPTIONS_WAITING),
                     ARGS(V(last), V((int64_t)WAITING_BATCH)), &waiting_record, &rows));
        if (rows.count > 0) {
            TRY(db_transaction(c, waiting_ask, &rows));
            last = ((const WaitingRow *)rows.items)[rows.count - 1].n.value;
        }
        bool more = rows.count == WAITING_BATCH;
        ctx_release(c, mark);
        if (!more) return NULL;
    }
}

Err *transcriptions_begin(Ctx *c) {
    if (!str_is_null(transcribe_lacks(c->arena))) return NULL;
    return job_add(c, TRANSCRIBE_WAITING_JOB, (Str){0}, (JobOptions){.unique_key = S("start")},
                   NULL);
}

const JobKind transcription_jobs[] = {
    {.name = TRANSCRIBE_JOB,
     .queue = "lifetales",
     .run = transcribe_run,
     .timeout_ms = 60 * 60 * 1000, /* of many parts; what is over it goes on with the next one */
     .doc = "Write a recording down"},
    {.name = TRANSCRIBE_WAITING_JOB,
     .queue = "lifetales",
     .run = waiting_run,
     .doc = "Ask for all recordings that wait, now that somebody can hear them"},
};
const ptrdiff_t transcription_job_count = COUNT(transcription_jobs);
