/* SPDX-License-Identifier: Apache-2.0
 * What is cleared away at night: spaces that were made for one story only, and bytes that no row names
 * any more (an account was erased: its rows went at once). */
#include "api/blob_use.h"
#include "products/lifetales/album_room.h"
#include "products/lifetales/illustration.h"
#include "products/lifetales/spaces.h"
#include "products/lifetales/spaces_sql.h"
#include "products/lifetales/sweep.h"

enum { SCRATCH_BATCH = 100 };
/* Whoever stores bytes names them within it. */
static const int64_t UNNAMED_MS = 6 * 60 * 60 * 1000;

typedef struct OldSpace {
    Id n, user_id;
} OldSpace;
static const Field old_fields[] = {FIELD(OldSpace, n), FIELD(OldSpace, user_id)};
static const Record old_record = RECORD(OldSpace, old_fields);

static Err *scratch_erase(Ctx *c, void *arg) {
    const OldSpace *old = arg;
    Space space;
    Err *err = space_load_n(c, old->user_id, old->n, &space);
    if (err) return err->kind == ERR_NOT_FOUND ? NULL : err;
    return space_erase(c, &space);
}

Err *sweep_scratch_run(Ctx *c, Job *job) {
    Time before = time_add(time_now(), -US_PER_DAY);
    (void)job;
    for (;;) {
        Rows rows;
        TRY(db_query(c, SQL(SQL_SYSTEM_SCRATCH_OLD), ARGS(V(before), V((int64_t)SCRATCH_BATCH)),
                     &old_record, &rows));
        for (ptrdiff_t i = 0; i < rows.count; i++) {
            CtxMark mark = ctx_mark(c);
            OldSpace old = ((const OldSpace *)rows.items)[i];
            TRY(db_transaction(c, scratch_erase, &old));
            ctx_release(c, mark);
        }
        if (rows.count < SCRATCH_BATCH) return NULL;
    }
}

static Err *unnamed_ask(Ctx *c, Str hash, int64_t size, void *arg) {
    bool used;
    CtxMark mark = ctx_mark(c);
    (void)size;
    (void)arg;
    TRY(blob_used(c, hash, &used));
    if (!used)
        TRY(job_add(c, ALBUM_BLOB_JOB, strf(c->arena, "{\"blob\":\"%.*s\"}", S_ARG(hash)),
                    (JobOptions){.unique_key = hash, .delay_ms = UNNAMED_MS}, NULL));
    ctx_release(c, mark);
    return NULL;
}

Err *sweep_blobs_run(Ctx *c, Job *job) {
    (void)job;
    TRY(illustrations_sweep(c));
    return blob_each(c, app_blobs(c), unnamed_ask, NULL);
}

const JobKind space_jobs[] = {
    {.name = ALBUM_BLOB_JOB,
     .queue = "lifetales",
     .run = album_blob_run,
     .doc = "Remove the bytes of a recording or picture that nobody has any more"},
    {.name = SWEEP_SCRATCH_JOB,
     .queue = "lifetales",
     .run = sweep_scratch_run,
     .doc = "Erase spaces that were made for one story, a day old"},
    {.name = SWEEP_BLOBS_JOB,
     .queue = "lifetales",
     .run = sweep_blobs_run,
     .timeout_ms = 2 * 60 * 60 * 1000,
     .doc = "Find bytes that no row of any product names"},
};
const ptrdiff_t space_job_count = COUNT(space_jobs);
