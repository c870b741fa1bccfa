/* SPDX-License-Identifier: Apache-2.0
 * socle import robian nvs: halves of timelines are kept, and used as soon as both halves and their debate
 * are there, in whatever order these come. */
#include "products/robian/debate.h"
#include "products/robian/nvs.h"
#include "products/robian/open_data.h"
#include "products/robian/robian.h"
#include "products/robian/transcripts.h"
#include "products/robian/transcripts_sql.h"
#include "rt/offload.h"

enum { TIMELINE_VERSION = 1, TIMELINE_MAX = 8 * 1024 * 1024, VIDEO_MAX = 300 };

typedef struct Half {
    Str part, content;
} Half;
static const Field half_fields[] = {FIELD(Half, part), FIELD(Half, content)};
static const Record half_record = RECORD(Half, half_fields);

/* -- using what is kept ---------------------------------------------------------------------------------- */

static Err *chapters_write(Ctx *c, int64_t debate_n, const Timeline *t) {
    Str source = S("nvs");
    TRY(db_exec(c, SQL(SQL_CHAPTERS_REMOVE), ARGS(V(debate_n), V(source)), NULL));
    for (ptrdiff_t i = 0; i < t->count; i++) {
        const Chapter *one = &t->chapters[i];
        TRY(db_exec(c, SQL(SQL_CHAPTER_PUT),
                    ARGS(V(debate_n), V(source), V(one->position), V(one->parent), V(one->level),
                         V(one->title), V(one->type), V(one->speaker_id), V(one->speaker),
                         V(one->start_ms), V(one->end_ms)),
                    NULL));
    }
    return NULL;
}

/* Both halves of a video; *found: the half with chapters is there. */
static Err *timeline_load(Ctx *c, Str video, Timeline *out, bool *found) {
    Rows rows;
    *found = false;
    TRY(db_query(c, SQL(SQL_TIMELINE_PARTS), ARGS(V(video)), &half_record, &rows));
    const Half *parts = rows.items, *times = NULL;
    for (ptrdiff_t i = 0; i < rows.count; i++) { /* data, final, live */
        if (str_eq(parts[i].part, S("data"))) {
            TRY(timeline_read(c, parts[i].content, out));
            *found = true;
        } else if (!times) {
            times = &parts[i];
        }
    }
    return *found && times ? timeline_join(c, times->content, out) : NULL;
}

static Err *video_note(Ctx *c, int64_t debate_n, Str video_id) {
    Debate d;
    int64_t taken;
    if (!video_id.data) return NULL;
    TRY(debate_lock(c, debate_n, &d));
    if (d.video_id.data) return NULL;
    TRY(db_int(c, SQL(SQL_VIDEO_TAKEN), ARGS(V(video_id), V(debate_n)), &taken));
    if (taken) return NULL;
    d.video_id = video_id;
    return debate_change(c, &d);
}

Err *timeline_attach(Ctx *c, int64_t debate_n, Str meeting_uid, bool *found) {
    assert(c->tx);
    Rows rows;
    Timeline t;
    bool there = false;
    static const Field fields[] = {{.name = "video", .kind = KIND_STR, .offset = 0}};
    static const Record video_record = {.name = "TimelineVideo",
                                        .fields = fields,
                                        .field_count = 1,
                                        .size = (ptrdiff_t)sizeof(Str)};
    if (found) *found = false;
    if (!meeting_uid.data) return NULL;
    TRY(db_query(c, SQL(SQL_TIMELINE_OF_MEETING), ARGS(V(meeting_uid)), &video_record, &rows));
    if (rows.count == 0) return NULL;
    TRY(timeline_load(c, *(Str *)rows.items, &t, &there));
    if (!there) return NULL;
    if (found) *found = true;
    return chapters_write(c, debate_n, &t);
}

/* -- keeping --------------------------------------------------------------------------------------------- */

typedef struct Keep {
    Ctx *c;
    Str video, part, bytes, hash, meeting;
    bool changed, added;
    Err *err;
} Keep;

/* On a thread: what cannot be read is not kept. */
static void keep_check(void *arg) {
    Keep *k = arg;
    Timeline t = {0};
    k->err = str_eq(k->part, S("data")) ? timeline_read(k->c, k->bytes, &t)
                                        : timeline_join(k->c, k->bytes, &t);
    k->meeting = t.meeting_uid;
}

/* The debate of a video whose halves are kept; it is brought up to date. */
static Err *video_use(Ctx *c, const Keep *k) {
    Timeline t;
    bool found;
    int64_t n, chapters;
    TRY(timeline_load(c, k->video, &t, &found));
    if (!found) return NULL;
    Err *err = db_int(c, SQL(SQL_TIMELINE_DEBATE), ARGS(V(t.meeting_uid), V(t.video_id)), &n);
    if (err && err->kind == ERR_NOT_FOUND) return NULL;
    TRY(err);
    TRY(db_int(c, SQL(SQL_CHAPTERS_COUNT), ARGS(V(n), V(S("nvs"))), &chapters));
    if (!k->changed && chapters > 0) return NULL;
    Debate d;
    TRY(debate_lock(c, n, &d));
    TRY(chapters_write(c, n, &t));
    TRY(alignment_run(c, n));
    TRY(video_note(c, n, t.video_id));
    return debate_touch(c, n);
}

static Err *keep_write(Ctx *c, void *arg) {
    Keep *k = arg;
    int64_t same, there;
    TRY(db_int(c, SQL(SQL_TIMELINE_HASH), ARGS(V(k->video), V(k->part), V(k->hash)), &same));
    TRY(db_int(c, SQL(SQL_TIMELINE_THERE), ARGS(V(k->video), V(k->part)), &there));
    k->changed = same == 0;
    k->added = there == 0;
    if (k->changed)
        TRY(db_exec(
            c, SQL(SQL_TIMELINE_PUT),
            ARGS(V(k->video), V(k->part), V(k->meeting), V(k->bytes), V(k->hash), V(time_now())),
            NULL));
    return video_use(c, k);
}

static Err *keep(Ctx *c, Keep *k, bool live) {
    Str half = timeline_half(k->bytes);
    if (k->bytes.len > TIMELINE_MAX) FAIL(c, INVALID, "larger than %d bytes", TIMELINE_MAX);
    if (!half.data) FAIL(c, INVALID, "is no half of a timeline, neither data nor player");
    k->c = c;
    k->part = str_eq(half, S("data")) ? S("data") : live ? S("live") : S("final");
    k->hash = open_data_hash(c->arena, k->bytes, TIMELINE_VERSION);
    TRY(offload(c, LANE_SHORT, keep_check, k));
    TRY(k->err);
    return db_transaction(c, keep_write, k);
}

Err *timeline_keep(Ctx *c, Str video, Str bytes, bool *changed) {
    assert(video.len > 0);
    Keep k = {.video = str_utf8_cut(video, VIDEO_MAX), .bytes = bytes};
    TRY(keep(c, &k, false));
    if (changed) *changed = k.changed;
    return NULL;
}

/* -- from files ------------------------------------------------------------------------------------------ */

/* ".../19502241_ab/content/data.nvs" and ".../19502241_ab_data.nvs" are both of the video 19502241_ab. */
static Str video_of(Arena *arena, Str name, bool *live) {
    static const char *const tails[] = {"data.nvs", "finalplayer.nvs"};
    Str folder = {0}, file = name;
    for (ptrdiff_t i = name.len; i > 0 && !folder.data; i--) {
        if (name.data[i - 1] != '/') continue;
        folder = str_slice(name, 0, i - 1);
        file = str_slice(name, i, name.len);
    }
    ptrdiff_t stem = str_find(file, S("liveplayer"));
    *live = stem >= 0;
    for (ptrdiff_t i = 0; i < COUNT(tails) && stem < 0; i++)
        if (str_ends(file, str_c(tails[i]))) stem = file.len - str_c(tails[i]).len;
    if (stem < 0) stem = file.len;
    while (stem > 0 &&
           (file.data[stem - 1] == '_' || file.data[stem - 1] == '-' || file.data[stem - 1] == '.'))
        stem--;
    if (stem > 0) return str_utf8_cut(str_slice(file, 0, stem), VIDEO_MAX);
    if (str_ends(folder, S("/content"))) folder = str_slice(folder, 0, folder.len - 8);
    ptrdiff_t from = folder.len;
    while (from > 0 && folder.data[from - 1] != '/') from--;
    folder = str_slice(folder, from, folder.len);
    return folder.len ? str_utf8_cut(folder, VIDEO_MAX) : str_copy(arena, S("-"));
}

static Err *nvs_import(Ctx *c, Str name, Str bytes, OpenDataFigures *figures) {
    bool live;
    Keep k = {.bytes = bytes, .video = video_of(c->arena, name, &live)};
    Defer *mark = c->defers;
    Err *err = keep(c, &k, live);
    ctx_undo(c, mark);
    TRY(err);
    ++*(k.added ? &figures->added : k.changed ? &figures->changed : &figures->same);
    return NULL;
}

const OpenDataKind open_data_nvs = {.name = "nvs", .endings = ".nvs", .import = nvs_import};

Err *robian_import_nvs(Ctx *c, Transfer *t) { return open_data_import(c, t, &open_data_nvs); }
