/* SPDX-License-Identifier: Apache-2.0
 * timeline_fetch.h. data.nvs is there as soon as the video is; the moments in finalplayer.nvs come later,
 * hours sometimes: then the job is tried again. */
#include "products/robian/timeline_fetch.h"

#include "core/json.h"
#include "products/robian/debate.h"
#include "products/robian/download.h"
#include "products/robian/nvs.h"
#include "products/robian/robian.h"
#include "products/robian/transcripts.h"
#include "products/robian/transcripts_sql.h"

enum { HALF_MAX = 8 * 1024 * 1024 };

Err *timeline_ask_later(Ctx *c, int64_t debate_n, Str video_id) {
    assert(c->tx && video_id.len > 0);
    Buf b = buf_new(c->arena, 128);
    buf_f(&b, "{\"debate\":%lld,\"video\":", (long long)debate_n);
    buf_json(&b, video_id);
    buf_byte(&b, '}');
    return job_add(c, TIMELINE_JOB, buf_str(&b), (JobOptions){0}, NULL);
}

static Err *half_fetch(Ctx *c, Str video_id, const char *file, Str *out) {
    Download d;
    Str url = strf(c->arena, "%.*s/Datas/an/%.*s/content/%s", S_ARG(robian.videos_url),
                   S_ARG(video_id), file);
    Defer *mark = c->defers;
    Err *err = download_open(c, url, &d);
    if (!err) err = download_text(c, &d, HALF_MAX, out);
    ctx_undo(c, mark);
    return err;
}

typedef struct Link {
    int64_t debate_n;
    Str video_id, meeting_uid;
} Link;

static Err *taken(Ctx *c, Sql sql, Str value, int64_t debate_n, bool *out) {
    int64_t count;
    TRY(db_int(c, sql, ARGS(V(value), V(debate_n)), &count));
    *out = count > 0;
    return NULL;
}

/* Whose sitting it is, unless another debate has said so of itself. */
static Err *link_write(Ctx *c, void *arg) {
    const Link *l = arg;
    Debate d;
    bool session = true, video = true;
    TRY(debate_lock(c, l->debate_n, &d));
    if (!d.session_uid.data && l->meeting_uid.data)
        TRY(taken(c, SQL(SQL_SESSION_TAKEN), l->meeting_uid, d.n, &session));
    if (!d.video_id.data) TRY(taken(c, SQL(SQL_VIDEO_TAKEN), l->video_id, d.n, &video));
    if (session && video) return NULL;
    if (!session) d.session_uid = l->meeting_uid;
    if (!video) d.video_id = l->video_id;
    return debate_change(c, &d);
}

Err *timeline_fetch_run(Ctx *c, Job *job) {
    json_t *payload;
    Link l = {0};
    Timeline t;
    Str data, player;
    TRY(json_parse(c, job->payload.text, &payload));
    if (!json_i64(json_at(payload, "debate"), &l.debate_n)) FAIL(c, INVALID, "no debate");
    l.video_id = json_str(json_at(payload, "video"));
    if (!l.video_id.len) FAIL(c, INVALID, "no video");
    TRY(half_fetch(c, l.video_id, "data.nvs", &data));
    TRY(timeline_read(c, data, &t));
    l.meeting_uid = t.meeting_uid;
    Err *err = db_transaction(c, link_write, &l);
    if (err && err->kind == ERR_NOT_FOUND) return NULL; /* the debate is gone */
    TRY(err);
    TRY(timeline_keep(c, l.video_id, data, NULL));
    err = half_fetch(c, l.video_id, "finalplayer.nvs", &player);
    if (err && err->kind == ERR_NOT_FOUND)
        return err_wrap(c, ERR_UPSTREAM, __func__, err, "its moments are not there yet");
    TRY(err);
    return timeline_keep(c, l.video_id, player, NULL);
}
