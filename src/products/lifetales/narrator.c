/* SPDX-License-Identifier: Apache-2.0
 * The narrator: POST /api/generate-narrator begins a video, GET /api/narrator-status/{operationId} tells
 * how far it is.
 *
 *   the row ─▶ the provider is asked, once ─▶ its operation is in the row ─▶ a job looks after it
 *                                                                           ─▶ complete, error
 *
 * The row is there first, so that the same asked twice is asked once. A process that dies while the
 * provider is asked leaves a row without an operation: whether it was asked nobody knows, and it is not
 * asked again, because a video costs; after a while the row is an error. */
#include "ai/policy.h"
#include "ai/video.h"
#include "core/json.h"
#include "core/time.h"
#include "products/lifetales/agents.h"
#include "products/lifetales/album.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/narrator.h"
#include "products/lifetales/narrator_sql.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"
#include "work/ledger.h"

#define NARRATOR_JOB "lifetales.narrator"

enum { PHOTO_MAX = 52 * 1024 * 1024, SCRIPT_MAX = 2000, VIDEO_MAX = 100 * 1024 * 1024 };
static const int64_t LOOK_BASE_MS = 1000, LOOK_MAX_MS = 10 * 1000, ASKING_US = 120 * US_PER_SECOND,
                     MAKING_US = 30 * 60 * US_PER_SECOND, BODY_MS = 10 * 60 * 1000;

typedef struct Narration {
    Str id, state, operation, error, media_id, provider, model;
    int64_t seconds;
    Time created_at;
} Narration;
static const Field narration_fields[] = {
    FIELD(Narration, id),       FIELD(Narration, state),    FIELD(Narration, operation),
    FIELD(Narration, error),    FIELD(Narration, media_id), FIELD(Narration, created_at),
    FIELD(Narration, provider), FIELD(Narration, model),    FIELD(Narration, seconds),
};
static const Record narration_record = RECORD(Narration, narration_fields);

static Err *narration_load(Ctx *c, Id user, Str id, Narration *out) {
    Err *err = db_one(c, SQL(SQL_NARRATION_BY_ID), ARGS(V(user), V(str_lower(c->arena, id))),
                      &narration_record, out);
    if (err && err->kind == ERR_NOT_FOUND) FAIL(c, NOT_FOUND, "There is no such operation.");
    return err;
}

static Err *narration_fail(Ctx *c, Id user, Str id, Str why) {
    return db_exec(c, SQL(SQL_NARRATION_ERROR), ARGS(V(user), V(id), V(why), V(time_now())), NULL);
}

/* -- asking ------------------------------------------------------------------------------------ */

typedef struct NarratorBody {
    Str photo_base64, script;
    int64_t duration_seconds;
} NarratorBody;
static const Field body_fields[] = {
    FIELD(NarratorBody, photo_base64, .flags = F_REQUIRED, .max = PHOTO_MAX, .format = "base64",
          .doc = "With or without data:…, before it"),
    FIELD(NarratorBody, script, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = SCRIPT_MAX),
    FIELD(NarratorBody, duration_seconds, .fallback = "8", .min = 1, .max = 8,
          .doc = "What providers make: 4, 6 or 8, the next longer one"),
};
static const Record body_record = RECORD(NarratorBody, body_fields, .camel = true, .open = true);

typedef struct NarratorStarted {
    Str operation_id, status;
} NarratorStarted;
static const Field started_fields[] = {
    FIELD(NarratorStarted, operation_id, .format = "uuid"),
    FIELD(NarratorStarted, status, .doc = "started"),
};
static const Record started_record = RECORD(NarratorStarted, started_fields, .camel = true);

typedef struct Asking {
    const NarratorBody *in;
    Id user;
    int64_t seconds;
    Staged photo;
    Str id, operation;
    AiOrigin origin;
    bool under_way;
} Asking;

typedef struct Known {
    Str id;
} Known;
static const Field known_fields[] = {FIELD(Known, id)};
static const Record known_record = RECORD(Known, known_fields);

static Err *asking_store(Ctx *c, void *arg) {
    Asking *a = arg;
    Media photo;
    Known known = {0};
    Value user = V(a->user), script = V(a->in->script), seconds = V(a->seconds);
    TRY(album_add(c, a->user, &a->photo.looked, a->photo.sha256, S("upload"), (Str){0}, &photo));
    TRY(db_maybe(c, SQL(SQL_NARRATION_UNDER_WAY), ARGS(user, script, V(photo.n), seconds),
                 &known_record, &known, &a->under_way));
    if (a->under_way) {
        a->id = known.id;
        return NULL;
    }
    a->id = uuid_v7(c->arena);
    TRY(person_takes(c, a->user, LIMIT_AI_CALLS, strf(c->arena, "narrator:%.*s", S_ARG(a->id))));
    return db_exec(
        c, SQL(SQL_NARRATION_ADD),
        ARGS(user, V(a->id), script, V(photo.n), seconds, V(S("")), V(S("")), V(time_now())), NULL);
}

static Err *look_ask(Ctx *c, Id user, Str id, int64_t round) {
    Str payload = strf(c->arena, "{\"user\":%lld,\"narration\":\"%.*s\",\"round\":%lld}",
                       (long long)user.value, S_ARG(id), (long long)round);
    int64_t delay_ms = min_i64(LOOK_BASE_MS << min_i64(round, 10), LOOK_MAX_MS);
    return job_add(c, NARRATOR_JOB, payload, (JobOptions){.unique_key = id, .delay_ms = delay_ms},
                   NULL);
}

static Err *asking_begun(Ctx *c, void *arg) {
    const Asking *a = arg;
    TRY(db_exec(
        c, SQL(SQL_NARRATION_BEGUN),
        ARGS(V(a->user), V(a->id), V(a->operation), V(a->origin.provider), V(a->origin.model)),
        NULL));
    return look_ask(c, a->user, a->id, 0);
}

/* The provider's refusal is the caller's error; the row goes to its end with it. */
static Err *asking_ask(Ctx *c, Asking *a) {
    const Looked *p = &a->photo.looked;
    VideoRequest request = {
        .prompt = strf(c->arena,
                       "The person in this picture looks into the camera and says, in a natural, "
                       "warm voice and in the language of the words, with lips in time with them, "
                       "exactly this and nothing else: \"%.*s\" The camera does not move. Face, "
                       "clothes and surroundings stay as they are in the picture.",
                       S_ARG(a->in->script)),
        .image = p->bytes,
        .mime = p->mime_type,
        .seconds = a->seconds,
        .tall = p->height.value > p->width.value};
    const AiUsage nothing = {0}; /* what is begun may come to nothing; what is made costs */
    int64_t began_us = mono_us();
    Err *err = video_begin(c, &request, &a->operation, &a->origin);
    story_counted_calls(AGENT_NARRATOR, 1, err != NULL, &nothing,
                        (mono_us() - began_us) / US_PER_MS);
    if (!err) return db_transaction(c, asking_begun, a);
    Err *left = narration_fail(c, a->user, a->id, S("The provider did not begin it."));
    if (left) err->cause = err->cause ? err->cause : left;
    return err;
}

static Err *narrator_post(Ctx *c, Call *k) {
    Asking a = {.in = k->in};
    TRY(person_of(c, k, &a.user));
    Str lacks = video_lacks(c->arena);
    if (!str_is_null(lacks)) FAIL(c, NOT_CONFIGURED, "%.*s", S_ARG(lacks));
    a.seconds = (max_i64(a.in->duration_seconds, 3) + 1) / 2 * 2;
    TRY(album_stage(c, k->q, a.in->photo_base64, (Str){0}, "photoBase64", &a.photo));
    bool picture = str_eq(a.photo.looked.kind, S("image"));
    Err *err = picture ? db_transaction(c, asking_store, &a) : NULL;
    if (!picture) {
        Problems p = {.arena = c->arena};
        problem_add(&p, S("photoBase64"), S("value"), "is no picture");
        err = problems_err(c, &p);
    }
    TRY(album_staged(c, &a.photo, 1, err));
    if (!a.under_way) TRY(asking_ask(c, &a));
    NarratorStarted out = {a.id, S("started")};
    tales_answer_flat(c, k, &started_record, &out);
    return NULL;
}

/* -- looking after it -------------------------------------------------------------------------- */

typedef struct Looking {
    Job *job;
    Id user;
    Str id, why;
    int64_t round;
    Narration narration;
    AiUsage usage;
    Staged video;
} Looking;

static Err *looking_again(Ctx *c, void *arg) {
    const Looking *l = arg;
    TRY(job_finish(c, l->job, (Str){0}));
    return look_ask(c, l->user, l->id, l->round + 1);
}

static Err *looking_failed(Ctx *c, void *arg) {
    const Looking *l = arg;
    TRY(narration_fail(c, l->user, l->id, l->why));
    return job_finish(c, l->job, (Str){0});
}

static Err *looking_complete(Ctx *c, void *arg) {
    const Looking *l = arg;
    Media media;
    AiPayer payer = {strf(c->arena, "user:%lld", (long long)l->user.value),
                     strf(c->arena, "narrator:%.*s", S_ARG(l->id))};
    TRY(album_add(c, l->user, &l->video.looked, l->video.sha256, S("video"), (Str){0}, &media));
    TRY(ledger_record(c, payer.owner, S("ai_video_ms"), payer.key, l->usage.millis_video));
    TRY(payer_charge(c, payer, &l->usage));
    TRY(db_exec(c, SQL(SQL_NARRATION_COMPLETE),
                ARGS(V(l->user), V(l->id), V(media.n), V(time_now())), NULL));
    return job_finish(c, l->job, (Str){0});
}

/* It was begun, and there is nothing to show for it. */
static Err *ends_without(Ctx *c, Looking *l, Str why) {
    const AiUsage nothing = {0};
    l->why = why;
    TRY(db_transaction(c, looking_failed, l));
    story_counted_calls(AGENT_NARRATOR, 0, 1, &nothing, 0);
    return NULL;
}

static Err *video_keep(Ctx *c, Looking *l, const VideoState *state) {
    Err *err = album_look(c, state->bytes, state->mime, &l->video.looked);
    if (err &&
        (err->kind == ERR_INVALID || err->kind == ERR_MEDIA_TYPE || err->kind == ERR_TOO_LARGE))
        return ends_without(c, l, S("What the provider made is no video."));
    TRY(err);
    TRY(album_put(c, &l->video.looked, &l->video.sha256));
    const Narration *n = &l->narration;
    l->usage.millis_video = n->seconds * 1000;
    usage_price(str_cstr(c->arena, n->provider), n->model, &l->usage);
    TRY(album_staged(c, &l->video, 1, db_transaction(c, looking_complete, l)));
    story_counted_calls(AGENT_NARRATOR, 0, 0, &l->usage, 0);
    return NULL;
}

static Err *narrator_run(Ctx *c, Job *job) {
    Looking l = {.job = job};
    json_t *payload;
    VideoState state;
    TRY(json_parse(c, job->payload.text, &payload));
    l.id = json_str(json_at(payload, "narration"));
    if (!json_i64(json_at(payload, "user"), &l.user.value) || str_is_null(l.id) ||
        !json_i64(json_at(payload, "round"), &l.round))
        FAIL(c, INVALID, "A job without the video that it is to look after.");
    const Narration *n = &l.narration;
    Err *err = narration_load(c, l.user, l.id, &l.narration);
    if (err) return err->kind == ERR_NOT_FOUND ? NULL : err;
    if (!str_eq(n->state, S("processing"))) return NULL;
    err = video_look(c, n->operation, VIDEO_MAX, &state);
    bool late = time_now().us - n->created_at.us > MAKING_US;
    if (err && !late) {
        bool again = err->kind != ERR_INVALID && err->kind != ERR_CANCELLED &&
                     err->kind != ERR_BUDGET && err->kind != ERR_INTERNAL;
        if (again) return db_transaction(c, looking_again, &l);
        if (err->kind != ERR_INVALID) return err;
    }
    if (!err && state.done && !state.refused) return video_keep(c, &l, &state);
    if (!err && !state.done && !late) return db_transaction(c, looking_again, &l);
    return ends_without(c, &l,
                        late ? S("The provider did not make it in time.")
                             : S("The provider will not make this video."));
}

const JobKind narrator_jobs[] = {
    {.name = NARRATOR_JOB,
     .queue = "lifetales",
     .run = narrator_run,
     .budget_bytes = 3 * (ptrdiff_t)VIDEO_MAX,
     .doc = "Look whether a narrator's video is made, and fetch it"},
};
const ptrdiff_t narrator_job_count = COUNT(narrator_jobs);

/* -- how far it is ----------------------------------------------------------------------------- */

typedef struct NarratorStatus {
    Str operation_id, status, video_url, error;
} NarratorStatus;
static const char *const states[] = {"processing", "complete", "error", NULL};
static const Field status_fields[] = {
    FIELD(NarratorStatus, operation_id, .format = "uuid"),
    FIELD(NarratorStatus, status, .values = states),
    FIELD(NarratorStatus, video_url, .flags = F_NULLABLE, .doc = "Signed; expires"),
    FIELD(NarratorStatus, error, .flags = F_OMIT_NULL | F_NULLABLE),
};
static const Record status_record = RECORD(NarratorStatus, status_fields, .camel = true);

static Err *narrator_status(Ctx *c, Call *k) {
    Narration n;
    Id user;
    TRY(person_of(c, k, &user));
    TRY(narration_load(c, user, k->params[0], &n));
    bool asked = n.operation.len > 0 || !str_eq(n.state, S("processing"));
    if (!asked && time_now().us - n.created_at.us > ASKING_US) {
        TRY(narration_fail(c, user, n.id, S("Whether the provider was asked is not known.")));
        TRY(narration_load(c, user, n.id, &n));
    }
    NarratorStatus out = {.operation_id = n.id, .status = n.state, .error = n.error};
    if (n.media_id.len) out.video_url = album_url(c, n.media_id);
    if (str_eq(n.state, S("complete")) && !n.media_id.len) {
        out.status = S("error");
        out.error = S("The video was taken away.");
    }
    tales_answer_flat(c, k, &status_record, &out);
    return NULL;
}

const Route narrator_routes[] = {
    {POST, "/api/generate-narrator", narrator_post, TALES_WRITES, .in = &body_record,
     .out = &started_record, .body_limit = PHOTO_MAX, .timeout_ms = BODY_MS,
     .errors = "402 403 413 415 422 429 501 502 503 504 507",
     .doc =
         "Begin a video in which who is on the photograph says the script. The same again, while "
         "it is under way, is that one"},
    {GET, "/api/narrator-status/{operationId}", narrator_status, TALES_READS, .out = &status_record,
     .errors = "403 404", .doc = "How far it is"},
    {.path = NULL},
};
