/* SPDX-License-Identifier: Apache-2.0
 * What goes with an account or a space beside their rows. See erase.h.
 *
 *   one transaction                                                            a minute later, by jobs
 *   stories cancelled ─▶ events, answers, what is known by content ─▶ rows ─▶ bytes that nobody names
 *
 * Killed before the commit nothing has happened; after it the jobs are there. The stories are first: their
 * rows are what a run holds while it commits a chapter, so that none comes behind us. */
#include "products/lifetales/erase.h"

#include "ai/kept.h"
#include "api/blob_use.h"
#include "api/route.h"
#include "core/json.h"
#include "core/time.h"
#include "products/lifetales/album_room.h"
#include "products/lifetales/cloudinary.h"
#include "products/lifetales/erase_sql.h"
#include "products/lifetales/story.h"
#include "work/events.h"

#define CDN_JOB "lifetales.cdn"

typedef struct StoryEnded {
    Str id;
    Id job_id;
} StoryEnded;
static const Field ended_fields[] = {FIELD(StoryEnded, id), FIELD(StoryEnded, job_id)};
static const Record ended_record = RECORD(StoryEnded, ended_fields);

/* Whoever follows it hears the end, in which nothing of it stands. */
static Err *story_ended_tell(Ctx *c, const StoryEnded *story) {
    Str data = strf(c->arena,
                    "{\"storyId\":\"%.*s\",\"state\":\"cancelled\",\"code\":\"cancelled\","
                    "\"message\":\"The story was erased.\"}",
                    S_ARG(story->id));
    Err *err = id_is_none(story->job_id) ? NULL : job_cancel(c, story->job_id);
    if (err && err->kind != ERR_CONFLICT && err->kind != ERR_NOT_FOUND) return err;
    return event_emit(c, story_channel_name(c->arena, story->id), S("error"), data);
}

Err *erase_beside(Ctx *c, Id user, const Space *space) {
    Rows ended;
    Value of = space ? V(space->n) : value_null();
    assert(c->tx && !id_is_none(user));
    TRY(db_query(c, SQL(SQL_ERASE_STORIES), ARGS(V(user), of, V(time_now())), &ended_record,
                 &ended));
    TRY(db_exec(c, SQL(SQL_ERASE_EVENTS), ARGS(V(user), of), NULL));
    TRY(answers_forget(c, user, space ? space->id : (Str){0}));
    TRY(kept_forget(c, user));
    for (ptrdiff_t i = 0; i < ended.count; i++)
        TRY(story_ended_tell(c, (const StoryEnded *)ended.items + i));
    return NULL;
}

typedef struct Bytes {
    Str sha256;
} Bytes;
static const Field bytes_fields[] = {FIELD(Bytes, sha256)};
static const Record bytes_record = RECORD(Bytes, bytes_fields);

/* A job for each. Where the product is left out nobody knows its jobs: the nightly look for bytes that no row
 * names finds them later. */
static Err *all_let_go(Ctx *c, Sql sql, Value of, const char *kind, int64_t delay_ms) {
    Rows rows;
    TRY(db_query(c, sql, (Args){&of, 1}, &bytes_record, &rows));
    if (rows.count == 0 || !job_kind(str_c(kind))) return NULL;
    Str *payloads = arena_array(c->arena, Str, rows.count);
    for (ptrdiff_t i = 0; i < rows.count; i++)
        payloads[i] =
            strf(c->arena, "{\"blob\":\"%.*s\"}", S_ARG(((const Bytes *)rows.items)[i].sha256));
    return job_add_many(c, kind, payloads, rows.count, (JobOptions){.delay_ms = delay_ms});
}

Err *erase_served_old(Ctx *c, Time before) {
    return all_let_go(c, SQL(SQL_SYSTEM_ERASE_SERVED_OLD), V(before), CDN_JOB, 0);
}

Err *erase_content(Ctx *c, Str sha256) {
    TRY(all_let_go(c, SQL(SQL_SYSTEM_ERASE_SERVED_OF), V(sha256), CDN_JOB, 0));
    TRY(db_exec(c, SQL(SQL_SYSTEM_ERASE_HEARD_OF), ARGS(V(sha256)), NULL));
    return db_exec(c, SQL(SQL_SYSTEM_ERASE_DRAWN_OF), ARGS(V(sha256)), NULL);
}

Err *lifetales_erase(Ctx *c, Id user) {
    Str owner = strf(c->arena, "user:%lld", (long long)user.value);
    TRY(erase_beside(c, user, NULL));
    TRY(all_let_go(c, SQL(SQL_SYSTEM_ERASE_SERVED), V(user), CDN_JOB, 0));
    TRY(db_exec(c, SQL(SQL_SYSTEM_ERASE_HEARD), ARGS(V(user), V(owner)), NULL));
    TRY(db_exec(c, SQL(SQL_SYSTEM_ERASE_DRAWN), ARGS(V(user)), NULL));
    return all_let_go(c, SQL(SQL_ERASE_BLOBS), V(user), ALBUM_BLOB_JOB, BLOB_UNUSED_WAIT_MS);
}

/* -- where a CDN serves it ----------------------------------------------------------------------- */

static Err *cdn_run(Ctx *c, Job *job) {
    json_t *payload;
    int64_t shown;
    TRY(json_parse(c, job->payload.text, &payload));
    Str blob = json_str(json_at(payload, "blob"));
    if (blob.len != 64) FAIL(c, INVALID, "A job without the picture that it is to take away.");
    TRY(db_int(c, SQL(SQL_SYSTEM_ERASE_SHOWN), ARGS(V(blob)), &shown));
    return shown ? NULL : cloudinary_remove(c, strf(c->arena, "lifetales/%.*s", S_ARG(blob)));
}

const JobKind erase_jobs[] = {
    {.name = CDN_JOB,
     .queue = "lifetales",
     .run = cdn_run,
     .max_attempts = 20,
     .doc = "Take a picture that nobody has any more away from the CDN"},
};
const ptrdiff_t erase_job_count = COUNT(erase_jobs);
