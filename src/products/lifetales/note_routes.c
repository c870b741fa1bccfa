/* SPDX-License-Identifier: Apache-2.0
 * The routes of notes: beside their space, or by their own id. */
#include "products/lifetales/notes_room.h"
#include "products/lifetales/notes_sql.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"
#include "products/lifetales/story.h"
#include "products/lifetales/spaces_sql.h"

static const int64_t BODY_MS = 10 * 60 * 1000;

typedef struct NotePost {
    Str space_id;
    NoteIn note;
} NotePost;
static const Field note_post_fields[] = {
    FIELD(NotePost, space_id, .flags = F_REQUIRED, .max = 100),
    FIELD_RECORD(NotePost, note, &note_in_record, .flags = F_REQUIRED),
};
static const Record note_post_record =
    RECORD(NotePost, note_post_fields, .camel = true, .open = true);

typedef struct NoteWrite {
    Call *k;
    Space space;
    NoteIn *in;
    Str id;
} NoteWrite;

static Err *note_store(Ctx *c, void *arg) {
    NoteWrite *w = arg;
    TRY(space_load_n(c, w->space.user_id, w->space.n, &w->space));
    TRY(note_add(c, &w->space, w->in, call_out(w->k)));
    w->k->r->status = 201;
    return call_settle(c, w->k);
}

static Err *note_made(Ctx *c, Call *k, Str space_id, NoteIn *in) {
    NoteWrite w = {.k = k, .in = in};
    Id user;
    TRY(person_of(c, k, &user));
    TRY(space_load(c, user, space_id, &w.space));
    TRY(media_from_body(c, k->q, in));
    return album_staged(c, in->staged, in->staged_count, db_transaction(c, note_store, &w));
}

static Err *note_create(Ctx *c, Call *k) { return note_made(c, k, k->params[0], k->in); }

static Err *note_create_flat(Ctx *c, Call *k) {
    NotePost *in = k->in;
    return note_made(c, k, in->space_id, &in->note);
}

static Err *notes_list(Ctx *c, Call *k) {
    enum { LIST_BYTES = 256 * 1024 * 1024 };
    Id user;
    Space space;
    Rows rows;
    TRY(person_of(c, k, &user));
    arena_budget_set(c->arena, arena_used(c->arena) + LIST_BYTES);
    TRY(space_load(c, user, k->params[0], &space));
    TRY(notes_read(c, &space, (Str){0}, &rows));
    call_list(c, k, rows, rows.count, (Str){0});
    return NULL;
}

static bool note_gives(const Call *k, const char *name) {
    return (k->present & record_bit(&note_in_record, name)) != 0;
}

/* What a body says of a note that is there. */
static void note_apply(Ctx *c, const NoteWrite *w, Note *note) {
    const NoteIn *in = w->in;
    if (note_gives(w->k, "type")) note->type = in->type;
    if (note_gives(w->k, "title")) note->title = in->title;
    if (note_gives(w->k, "description")) note->description = in->description;
    if (note_gives(w->k, "content")) note->content = in->content;
    if (note_gives(w->k, "text_content")) note->text_content = in->text_content;
    if (note_gives(w->k, "location")) note->location = in->location;
    if (note_gives(w->k, "timestamp") && !time_is_null(in->timestamp))
        note->timestamp = in->timestamp;
    if (!note_gives(w->k, "transcription")) return;
    Str said = own_words(c, in);
    /* A client that sends back what it has read says nothing of its own. */
    if (str_eq(str_trim(said), str_trim(note->transcription))) return;
    note->transcription = said;
    note->transcription_own = said.data != NULL;
}

static void lists_keep(const NoteWrite *w, const Note *note, NoteIn *in) {
    if (!note_gives(w->k, "audio_file_ids")) in->audio_file_ids = note->audio_file_ids;
    if (!note_gives(w->k, "image_file_ids")) in->image_file_ids = note->image_file_ids;
    if (!note_gives(w->k, "video_file_ids")) in->video_file_ids = note->video_file_ids;
}

static Err *note_alter(Ctx *c, void *arg) {
    NoteWrite *w = arg;
    Note note;
    NoteIn in = *w->in;
    Value user = V(w->space.user_id), now = V(time_now());
    TRY(db_exec(c, SQL(SQL_SPACE_TOUCH), ARGS(user, V(w->space.n), now), NULL));
    TRY(space_note(c, &w->space, w->id, &note)); /* as whoever was sooner has left it */
    lists_keep(w, &note, &in);
    note_apply(c, w, &note);
    TRY(db_exec(c, SQL(SQL_NOTE_CHANGE),
                ARGS(user, V(note.n), V(note.type), V(note.title), V(note.description),
                     V(note.content), V(note.text_content),
                     V(note.transcription_own ? note.transcription : (Str){0}),
                     V(note.transcription_own), V(note.location), V(note.timestamp), now),
                NULL));
    TRY(db_exec(c, SQL(SQL_NOTE_MEDIA_CLEAR), ARGS(user, V(note.n)), NULL));
    Hang h = {.space = &w->space, .note = &note, .hear = !note.transcription_own};
    TRY(hang_all(c, &h, &in));
    Note *after = call_out(w->k);
    TRY(space_note(c, &w->space, w->id, after));
    return chapters_follow_note(c, &w->space, note.id, note.image_file_ids, after->image_file_ids);
}

/* The space that the path names, or that the note is in. */
static Err *note_find(Ctx *c, Call *k, bool in_space, NoteWrite *w) {
    Id user, space_n;
    Note note;
    w->id = k->params[in_space ? 1 : 0];
    TRY(person_of(c, k, &user));
    if (in_space) {
        TRY(space_load(c, user, k->params[0], &w->space));
    } else {
        Err *err = db_int(c, SQL(SQL_NOTE_SPACE), ARGS(V(user), V(str_lower(c->arena, w->id))),
                          &space_n.value);
        if (err && err->kind == ERR_NOT_FOUND) FAIL(c, NOT_FOUND, "There is no such note.");
        TRY(err);
        TRY(space_load_n(c, user, space_n, &w->space));
    }
    return space_note(c, &w->space, w->id, &note);
}

static Err *note_changed(Ctx *c, Call *k, bool in_space) {
    NoteWrite w = {.k = k, .in = k->in};
    TRY(note_find(c, k, in_space, &w));
    TRY(media_from_body(c, k->q, w.in));
    return album_staged(c, w.in->staged, w.in->staged_count, db_transaction(c, note_alter, &w));
}

static Err *note_update(Ctx *c, Call *k) { return note_changed(c, k, true); }
static Err *note_update_flat(Ctx *c, Call *k) { return note_changed(c, k, false); }

static Err *note_get(Ctx *c, Call *k) {
    NoteWrite w = {.k = k};
    TRY(note_find(c, k, true, &w));
    return space_note(c, &w.space, w.id, call_out(k));
}

static Err *note_gone(Ctx *c, void *arg) {
    NoteWrite *w = arg;
    Note note;
    Value user = V(w->space.user_id);
    TRY(space_note(c, &w->space, w->id, &note));
    TRY(db_exec(c, SQL(SQL_SPACE_TOUCH), ARGS(user, V(w->space.n), V(time_now())), NULL));
    TRY(db_exec(c, SQL(SQL_NOTE_REMOVE), ARGS(user, V(note.n)), NULL));
    for (ptrdiff_t i = 0; i < note.media.count; i++) {
        const Media *m = (const Media *)note.media.items + i;
        TRY(album_drop_alone(c, w->space.user_id, m->n, m->id, m->sha256));
    }
    return NULL;
}

static Err *note_delete(Ctx *c, Call *k) {
    NoteWrite w = {.k = k};
    TRY(note_find(c, k, true, &w));
    *(TalesDone *)call_out(k) = (TalesDone){.success = true};
    return db_transaction(c, note_gone, &w);
}

#define BODY .body_limit = NOTE_BODY_MAX, .timeout_ms = BODY_MS
const Route note_routes[] = {
    {GET, "/api/spaces/{id}/notes", notes_list, TALES_READS, .out = &note_record, .out_list = true,
     .errors = "403 404", .doc = "A space's notes, in the order in which things happened"},
    {POST, "/api/spaces/{id}/notes", note_create, TALES_WRITES, .in = &note_in_record,
     .out = &note_record, .status = 201, .idempotent = true, BODY,
     .errors = "403 404 409 413 415 507",
     .doc = "Make a note, with its recording or picture in it"},
    {POST, "/api/notes", note_create_flat, TALES_WRITES, .in = &note_post_record,
     .out = &note_record, .status = 201, .idempotent = true, BODY,
     .errors = "403 404 409 413 415 507", .doc = "The same, with the space's id beside the note"},
    {PUT, "/api/notes/{id}", note_update_flat, TALES_WRITES, .in = &note_in_record,
     .in_change = true, .out = &note_record, BODY, .errors = "403 404 413 415 507",
     .doc = "What is given is changed, the rest stays"},
    {GET, "/api/spaces/{id}/notes/{noteId}", note_get, TALES_READS, .out = &note_record,
     .errors = "403 404", .doc = "A note with its recordings and pictures"},
    {PUT, "/api/spaces/{id}/notes/{noteId}", note_update, TALES_WRITES, .in = &note_in_record,
     .in_change = true, .out = &note_record, BODY, .errors = "403 404 413 415 507",
     .doc = "What is given is changed, the rest stays"},
    {DELETE, "/api/spaces/{id}/notes/{noteId}", note_delete, TALES_WRITES,
     .out = &tales_done_record, .errors = "403 404",
     .doc = "Take a note away, with the recordings and pictures that nothing else shows"},
    {.path = NULL},
};
