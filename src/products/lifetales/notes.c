/* SPDX-License-Identifier: Apache-2.0
 * Notes: what a person spoke, wrote, photographed. Bytes in a body are stored before the transaction that
 * makes the note; recordings are then asked to be transcribed, unless the person has said what is said.
 *
 * What counts as said is the person's own transcription, or that of the recordings, in their order. */
#include "products/lifetales/spaces.h"

#include "net/body_parts.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/notes_room.h"
#include "products/lifetales/notes_sql.h"
#include "products/lifetales/spaces_sql.h"
#include "products/lifetales/transcription.h"

enum { TEXT_MAX = 200 * 1000, FILES_MAX = 100, PLACE_BYTES_MAX = 4096, STAGED_MAX = 3 };

#define HIDDEN .flags = F_SECRET | F_READONLY

static const char *const types[] = {"AUDIO", "TEXT", "IMAGE", "VIDEO", "MOMENT", NULL};

static const Field note_fields[] = {
    FIELD(Note, n, HIDDEN),
    FIELD(Note, space_n, HIDDEN),
    FIELD(Note, user_id, HIDDEN),
    FIELD(Note, id, .format = "uuid"),
    FIELD(Note, space_id, .format = "uuid", .flags = F_NO_COLUMN),
    FIELD(Note, type, .values = types),
    FIELD(Note, content, .flags = F_NULLABLE),
    FIELD(Note, audio_url, .flags = F_NULLABLE | F_NO_COLUMN,
          .doc = "Of its first recording; signed, expires"),
    FIELD(Note, transcription, .flags = F_NULLABLE, .doc = "What is said, of all its recordings"),
    FIELD(Note, transcription_status, .flags = F_SNAKE | F_NO_COLUMN,
          .doc = "none, waiting, running, done, failed: the worst of its recordings'"),
    FIELD(Note, transcription_own, HIDDEN),
    FIELD(Note, timestamp, .flags = F_EPOCH_MS, .doc = "When it happened; milliseconds since 1970"),
    FIELD(Note, location, .flags = F_NULLABLE),
    FIELD(Note, title, .flags = F_NULLABLE),
    FIELD(Note, description, .flags = F_NULLABLE),
    FIELD(Note, audio_file_ids, .flags = F_NO_COLUMN),
    FIELD(Note, image_file_ids, .flags = F_NO_COLUMN),
    FIELD(Note, video_file_ids, .flags = F_NO_COLUMN),
    FIELD(Note, text_content, .flags = F_NULLABLE),
    FIELD(Note, transcriptions, .flags = F_NO_COLUMN, .doc = "Of each recording"),
    FIELD_LIST(Note, media, &media_record, .flags = F_NO_COLUMN,
               .doc = "Its recordings, pictures and videos with their signed addresses"),
    FIELD(Note, created_at, .flags = F_SNAKE),
    FIELD(Note, updated_at, .flags = F_SNAKE),
};
const Record note_record =
    RECORD(Note, note_fields, .camel = true, .doc = "What was spoken, written or photographed");

static void note_in_check(const void *value, Str path, Problems *problems) {
    const NoteIn *in = value;
    if (in->location.text.len > PLACE_BYTES_MAX)
        problem_add(problems,
                    strf(problems->arena, "%.*s%slocation", S_ARG(path), path.len ? "." : ""),
                    S("too_long"), "must have at most %d bytes", PLACE_BYTES_MAX);
}

static const Field note_in_fields[] = {
    FIELD(NoteIn, type, .flags = F_REQUIRED, .values = types),
    FIELD(NoteIn, title, .flags = F_NULLABLE, .max = 500),
    FIELD(NoteIn, description, .flags = F_NULLABLE, .max = 20000),
    FIELD(NoteIn, content, .flags = F_NULLABLE, .max = NOTE_BODY_MAX, .format = "text-or-base64",
          .doc = "What was written; or a data: URL of a recording or picture"),
    FIELD(NoteIn, text_content, .flags = F_NULLABLE, .max = TEXT_MAX),
    FIELD(NoteIn, transcription, .flags = F_NULLABLE, .max = TEXT_MAX,
          .doc = "The person's own; null: that of the recordings"),
    FIELD(NoteIn, location, .flags = F_NULLABLE),
    FIELD(NoteIn, timestamp, .flags = F_NULLABLE | F_EPOCH_MS,
          .doc = "Milliseconds since 1970, or RFC 3339; absent: now"),
    FIELD(NoteIn, audio_data, .flags = F_NULLABLE, .max = NOTE_BODY_MAX, .format = "base64",
          .doc = "Base64, with or without data:…, before it"),
    FIELD(NoteIn, image_data, .flags = F_NULLABLE, .max = NOTE_BODY_MAX, .format = "base64"),
    FIELD(NoteIn, mime_type, .flags = F_NULLABLE, .max = 200),
    FIELD(NoteIn, audio_file_ids, .flags = F_NULLABLE, .max = FILES_MAX),
    FIELD(NoteIn, image_file_ids, .flags = F_NULLABLE, .max = FILES_MAX),
    FIELD(NoteIn, video_file_ids, .flags = F_NULLABLE, .max = FILES_MAX),
    FIELD(NoteIn, transcriptions, .flags = F_NULLABLE, .max = FILES_MAX),
};
const Record note_in_record = RECORD(NoteIn, note_in_fields, .camel = true, .open = true,
                                     .check = note_in_check, .doc = "A note, as it is sent");

/* -- reading ----------------------------------------------------------------------------------- */

/* A row of note_media_of_space: the media, and whose it is. */
typedef struct NoteMedia {
    Media media;
    Id note_n;
} NoteMedia;
#define IN(member, ...)                                          \
    {                                                            \
        .name = #member, .kind = KIND_OF(((Media *)0)->member),  \
        .offset = offsetof(NoteMedia, media.member), __VA_ARGS__ \
    }
static const Field note_media_fields[] = {
    FIELD(NoteMedia, note_n),
    IN(n, .doc = NULL),
    IN(user_id, .doc = NULL),
    IN(id, .doc = NULL),
    IN(sha256, .doc = NULL),
    IN(mime_type, .doc = NULL),
    IN(kind, .doc = NULL),
    IN(made, .doc = NULL),
    IN(name, .doc = NULL),
    IN(size, .doc = NULL),
    IN(width, .doc = NULL),
    IN(height, .doc = NULL),
    IN(duration_ms, .doc = NULL),
    IN(transcription, .doc = NULL),
    IN(transcription_status, .doc = NULL),
    IN(transcription_language, .doc = NULL),
    IN(transcription_error, .doc = NULL),
    IN(transcription_confidence, .doc = NULL),
    IN(created_at, .doc = NULL),
};
#undef IN
static const Record note_media_record = RECORD(NoteMedia, note_media_fields);

static void list_add(Arena *arena, StrList *list, Str one) {
    list->items = arena_grow(arena, list->items, list->count * (ptrdiff_t)sizeof(Str),
                             (list->count + 1) * (ptrdiff_t)sizeof(Str));
    list->items[list->count++] = one;
}

static int status_rank(Str status) {
    static const char *const ranks[] = {"none", "done", "running", "waiting", "failed"};
    for (int i = 0; i < COUNT(ranks); i++)
        if (str_eq(status, str_c(ranks[i]))) return i;
    return 0;
}

static void media_hang(Ctx *c, Note *note, Media *m) {
    bool audio = str_eq(m->kind, S("audio")), image = str_eq(m->kind, S("image"));
    m->url = album_url(c, m->id);
    list_add(c->arena,
             audio   ? &note->audio_file_ids
             : image ? &note->image_file_ids
                     : &note->video_file_ids,
             m->id);
    if (!audio) return;
    if (!note->audio_url.data) note->audio_url = m->url;
    list_add(c->arena, &note->transcriptions, m->transcription.data ? m->transcription : S(""));
    if (status_rank(m->transcription_status) > status_rank(note->transcription_status))
        note->transcription_status = m->transcription_status;
}

/* What counts as said, from what hangs on it. */
static void said_settle(Ctx *c, Note *note) {
    if (note->transcription_own) {
        note->transcription_status = S("done");
        return;
    }
    Buf b = buf_new(c->arena, 256);
    for (ptrdiff_t i = 0; i < note->transcriptions.count; i++) {
        Str one = str_trim(note->transcriptions.items[i]);
        if (one.len == 0) continue;
        if (b.len) buf_add(&b, S("\n\n"));
        buf_add(&b, one);
    }
    note->transcription = b.len ? buf_str(&b) : (Str){0};
}

/* rows: of note_media_of_space, those of a note together, notes by n. */
static void note_dress(Ctx *c, const Space *space, Note *note, NoteMedia *rows, ptrdiff_t count) {
    ptrdiff_t low = 0, high = count;
    while (low < high) {
        ptrdiff_t middle = low + (high - low) / 2;
        if (rows[middle].note_n.value < note->n.value)
            low = middle + 1;
        else
            high = middle;
    }
    for (high = low; high < count && rows[high].note_n.value == note->n.value;) high++;
    Media *media = arena_array(c->arena, Media, high - low);
    note->transcription_status = S("none");
    for (ptrdiff_t i = low; i < high; i++) {
        media_hang(c, note, &rows[i].media);
        media[i - low] = rows[i].media;
    }
    note->media = (RecordList){media, high - low};
    note->space_id = space->id;
    said_settle(c, note);
}

Err *notes_read(Ctx *c, const Space *space, Str id, Rows *notes) {
    Rows media;
    Args args = ARGS(V(space->user_id), V(space->n), V(id));
    TRY(db_query(c, SQL(SQL_NOTES_OF_SPACE), args, &note_record, notes));
    TRY(db_query(c, SQL(SQL_NOTE_MEDIA_OF_SPACE), args, &note_media_record, &media));
    for (ptrdiff_t i = 0; i < notes->count; i++)
        note_dress(c, space, (Note *)notes->items + i, media.items, media.count);
    return NULL;
}

Err *space_notes(Ctx *c, const Space *space, Note **notes, ptrdiff_t *count) {
    Rows rows;
    TRY(notes_read(c, space, (Str){0}, &rows));
    *notes = rows.items;
    *count = rows.count;
    return NULL;
}

Err *space_note(Ctx *c, const Space *space, Str id, Note *out) {
    Rows rows;
    TRY(notes_read(c, space, str_lower(c->arena, id.data ? id : S("")), &rows));
    if (rows.count == 0) FAIL(c, NOT_FOUND, "There is no such note.");
    *out = *(Note *)rows.items;
    return NULL;
}

Str note_text(Arena *arena, const Note *note) {
    const Str parts[] = {note->transcription, note->content, note->text_content, note->description};
    Str taken[COUNT(parts)];
    ptrdiff_t count = 0;
    Buf b = buf_new(arena, 256);
    for (ptrdiff_t i = 0; i < COUNT(parts); i++) {
        Str one = str_trim(parts[i]);
        bool again = one.len == 0;
        for (ptrdiff_t j = 0; j < count && !again; j++) again = str_eq(taken[j], one);
        if (again) continue;
        if (b.len) buf_add(&b, S("\n\n"));
        buf_add(&b, one);
        taken[count++] = one;
    }
    return buf_str(&b);
}

/* -- bytes of a body --------------------------------------------------------------------------- */

static Err *data_stage(Ctx *c, const Req *q, NoteIn *in, Str base64, Str declared,
                       const char *field) {
    if (base64.len == 0) return NULL;
    if (!in->staged) in->staged = arena_array(c->arena, Staged, STAGED_MAX);
    assert(in->staged_count < STAGED_MAX);
    Staged *s = &in->staged[in->staged_count];
    TRY(album_stage(c, q, base64, declared, field, s));
    in->staged_count++;
    return NULL;
}

/* Is what was written a data: URL of a recording or picture? A long one is a part of the body. */
static bool content_is_media(const Req *q, Str content) {
    return body_part(q, content) || str_starts(content, S("data:audio/")) ||
           str_starts(content, S("data:video/")) || str_starts(content, S("data:image/"));
}

Err *media_from_body(Ctx *c, const Req *q, NoteIn *in) {
    Str inside = content_is_media(q, in->content) ? in->content : (Str){0};
    if (inside.data) in->content = (Str){0};
    if (str_utf8_count(in->content) > TEXT_MAX) {
        Problems p = {.arena = c->arena};
        problem_add(&p, S("content"), S("too_long"), "must have at most %d characters", TEXT_MAX);
        return problems_err(c, &p);
    }
    Err *err = data_stage(c, q, in, in->audio_data, in->mime_type, "audioData");
    if (!err) err = data_stage(c, q, in, in->image_data, S("image/*"), "imageData");
    if (!err) err = data_stage(c, q, in, inside, (Str){0}, "content");
    return err ? album_staged(c, in->staged, in->staged_count, err) : NULL;
}

/* -- writing ----------------------------------------------------------------------------------- */

static Err *hang_one(Ctx *c, Hang *h, const Media *m) {
    TRY(db_exec(c, SQL(SQL_NOTE_MEDIA_ADD),
                ARGS(V(h->space->user_id), V(h->note->n), V(m->n), V(h->position++)), NULL));
    bool wanted =
        h->hear && str_eq(m->kind, S("audio")) && (str_eq(m->transcription_status, S("none")));
    return wanted ? transcription_wanted(c, m) : NULL;
}

/* Those that a body names. */
static Err *hang_named(Ctx *c, Hang *h, const StrList *ids, Str kind, const char *field) {
    Problems p = {.arena = c->arena};
    for (ptrdiff_t i = 0; i < ids->count; i++) {
        Media m;
        Err *err = album_load(c, h->space->user_id, ids->items[i], &m);
        if (err && err->kind != ERR_NOT_FOUND) return err;
        if (!err && str_eq(m.kind, kind))
            TRY(hang_one(c, h, &m));
        else
            problem_add(&p, strf(c->arena, "%s.%td", field, i), S("value"),
                        "names no %.*s of yours: POST /api/media stores one", S_ARG(kind));
    }
    return problems_err(c, &p);
}

Err *hang_all(Ctx *c, Hang *h, const NoteIn *in) {
    TRY(hang_named(c, h, &in->audio_file_ids, S("audio"), "audioFileIds"));
    TRY(hang_named(c, h, &in->image_file_ids, S("image"), "imageFileIds"));
    TRY(hang_named(c, h, &in->video_file_ids, S("video"), "videoFileIds"));
    for (ptrdiff_t i = 0; i < in->staged_count; i++) {
        const Staged *s = &in->staged[i];
        Media m;
        TRY(album_add(c, h->space->user_id, &s->looked, s->sha256, S("upload"), (Str){0}, &m));
        TRY(hang_one(c, h, &m));
    }
    return NULL;
}

Str own_words(Ctx *c, const NoteIn *in) {
    if (str_trim(in->transcription).len > 0) return in->transcription;
    Buf b = buf_new(c->arena, 256);
    for (ptrdiff_t i = 0; i < in->transcriptions.count; i++) {
        Str one = str_trim(in->transcriptions.items[i]);
        if (one.len == 0) continue;
        if (b.len) buf_add(&b, S("\n\n"));
        buf_add(&b, one);
    }
    return b.len ? buf_str(&b) : (Str){0};
}

Err *note_add(Ctx *c, const Space *space, const NoteIn *in, Note *out) {
    int64_t count;
    Str said = own_words(c, in);
    bool own = said.data != NULL;
    Time now = time_now();
    Note note = {.id = in->id.data ? in->id : uuid_v7(c->arena)};
    /* First the space's row: whoever adds to it at the same time waits here, and counts me. */
    TRY(db_exec(c, SQL(SQL_SPACE_TOUCH), ARGS(V(space->user_id), V(space->n), V(now)), NULL));
    TRY(db_int(c, SQL(SQL_NOTES_COUNT), ARGS(V(space->user_id), V(space->n)), &count));
    if (count >= lifetales.space_max_notes)
        FAIL(c, CONFLICT, "A space holds at most %lld notes.",
             (long long)lifetales.space_max_notes);
    TRY(db_int(c, SQL(SQL_NOTE_INSERT),
               ARGS(V(space->user_id), V(note.id), V(space->n), V(in->type), V(in->title),
                    V(in->description), V(in->content), V(in->text_content), V(said), V(own),
                    V(in->location), V(time_is_null(in->timestamp) ? now : in->timestamp), V(now)),
               &note.n.value));
    Hang h = {.space = space, .note = &note, .hear = !own};
    TRY(hang_all(c, &h, in));
    return space_note(c, space, note.id, out);
}
