/* SPDX-License-Identifier: Apache-2.0
 * Audio files as other files of this room see them: which there are, what they are called, and how
 * their blobs go.
 *
 * A blob goes by a job that the last row's own transaction asks for, so that a crash between the
 * two leaves no stray file; the job looks again whether anybody has the blob by then. */
#include "products/robian/audio.h"

#include "core/json.h"
#include "api/blob_use.h"
#include "data/blob.h"
#include "products/robian/audio_sql.h"
#include "products/robian/paris.h"
#include "work/jobs.h"

enum { TITLE_BYTES = 150, LOOKED_AT = 200 };

/* -- Rows -------------------------------------------------------------------------------------- */

Err *audio_of_debate(Ctx *c, int64_t debate_n, AudioFile **out, ptrdiff_t *count) {
    Rows rows;
    TRY(db_query(c, SQL(SQL_AUDIO_OF_DEBATE), ARGS(V(debate_n)), &audio_row_record, &rows));
    *out = rows.items;
    *count = rows.count;
    return NULL;
}

Err *audio_ready(Ctx *c, int64_t debate_n, Str format, AudioFile *out, bool *found) {
    return db_maybe(c, SQL(SQL_AUDIO_READY), ARGS(V(debate_n), V(format)), &audio_row_record, out,
                    found);
}

/* -- Names ------------------------------------------------------------------------------------- */

static const struct {
    Str format, media_type, extension;
} formats[] = {
    {S_INIT("mp3"), S_INIT("audio/mpeg"), S_INIT("mp3")},
    {S_INIT("aac"), S_INIT("audio/mp4"), S_INIT("m4a")},
    {S_INIT("opus"), S_INIT("audio/ogg"), S_INIT("opus")},
    {S_INIT("wav"), S_INIT("audio/wav"), S_INIT("wav")},
};

Str audio_media_type(Str format) {
    for (ptrdiff_t i = 0; i < COUNT(formats); i++)
        if (str_eq(formats[i].format, format)) return formats[i].media_type;
    return S("application/octet-stream");
}

Str audio_extension(Str format) {
    for (ptrdiff_t i = 0; i < COUNT(formats); i++)
        if (str_eq(formats[i].format, format)) return formats[i].extension;
    return S("bin");
}

/* What no name should hold: control characters, invisible marks that turn the order of what follows,
 * and what one file system or another takes for its own. */
static bool fits_name(int32_t point) {
    if (point < ' ' || (point >= 0x7F && point < 0xA0) || point == 0xFFFD) return false;
    if ((point >= 0x200B && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E)) return false;
    if ((point >= 0x2060 && point <= 0x206F) || point == 0xFEFF) return false;
    return point > 0x7F || !strchr("/\\:*?\"<>|%", (int)point);
}

/* The title with every run of what does not fit, and of blanks, as one blank. */
static void buf_title(Buf *b, Str title) {
    bool blank = true; /* a second one would follow, or a first one lead */
    for (ptrdiff_t at = 0, from = 0; at < title.len && at <= TITLE_BYTES; from = at) {
        int32_t point = str_utf8_next(title, &at);
        bool fits = fits_name(point) && point != ' ' && point != 0xA0;
        if (fits)
            buf_add(b, str_slice(title, from, at));
        else if (!blank)
            buf_byte(b, ' ');
        blank = !fits;
    }
    while (b->len > 0 && (b->data[b->len - 1] == ' ' || b->data[b->len - 1] == '.')) b->len--;
}

Str audio_filename(Arena *arena, const Debate *d, Str format) {
    Buf b = buf_new(arena, TITLE_BYTES + 32);
    if (!time_is_null(d->date)) {
        buf_add(&b, paris_day_text(arena, d->date));
        buf_byte(&b, ' ');
    }
    ptrdiff_t before = b.len;
    buf_title(&b, d->title);
    if (b.len < before) b.len = before; /* the date's own blank was cut */
    if (b.len == before) buf_add(&b, S("audio"));
    buf_byte(&b, '.');
    buf_add(&b, audio_extension(format));
    return buf_str(&b);
}

/* -- Blobs ------------------------------------------------------------------------------------- */

Err *audio_blob_release(Ctx *c, Str blob) {
    assert(c->tx);
    if (str_is_empty(blob)) return NULL;
    Buf b = buf_new(c->arena, 96);
    buf_add(&b, S("{\"blob\":"));
    buf_json(&b, blob);
    buf_byte(&b, '}');
    return job_add(c, AUDIO_BLOB_JOB, buf_str(&b), (JobOptions){.delay_ms = BLOB_UNUSED_WAIT_MS},
                   NULL);
}

typedef struct HashRow {
    Str hash;
} HashRow;
static const Field hash_fields[] = {FIELD(HashRow, hash)};
static const Record hash_record = RECORD(HashRow, hash_fields);

Err *audio_blobs_release(Ctx *c, int64_t debate_n) {
    Rows rows;
    TRY(db_query(c, SQL(SQL_AUDIO_BLOBS_OF_DEBATE), ARGS(V(debate_n)), &hash_record, &rows));
    for (ptrdiff_t i = 0; i < rows.count; i++)
        TRY(audio_blob_release(c, ((const HashRow *)rows.items)[i].hash));
    return NULL;
}

Str audio_lacks(Ctx *c) {
    Rows rows;
    ptrdiff_t missing = 0;
    if (!app_db(c) || !app_blobs(c)) return (Str){0};
    if (db_query(c, SQL(SQL_AUDIO_BLOBS_LATEST), ARGS(V((int64_t)LOOKED_AT)), &hash_record, &rows))
        return (Str){0}; /* the schema's own check tells of it */
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        Defer *mark = c->defers;
        int fd;
        int64_t size;
        missing +=
            blob_open(c, app_blobs(c), ((const HashRow *)rows.items)[i].hash, &fd, &size) != NULL;
        ctx_undo(c, mark);
    }
    if (missing == 0) return (Str){0};
    return strf(
        c->arena,
        "%td of the latest %td audio files are not under DATA_DIR/blobs: all nodes need one "
        "folder for it (a shared file system); what is lost comes back from a backup",
        missing, rows.count);
}

Err *audio_blob_run(Ctx *c, Job *job) {
    json_t *payload;
    TRY(json_parse(c, job->payload.text, &payload));
    Str blob = json_str(json_at(payload, "blob"));
    if (str_is_null(blob)) FAIL(c, INVALID, "A job without the blob that it is to remove.");
    return blob_unused_remove(c, blob);
}

Err *audio_has_blob(Ctx *c, Str hash, bool *yes) {
    int64_t used;
    TRY(db_int(c, SQL(SQL_AUDIO_BLOB_USED), ARGS(V(hash)), &used));
    *yes = used != 0;
    return NULL;
}
