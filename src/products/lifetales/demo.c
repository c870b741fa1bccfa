/* SPDX-License-Identifier: Apache-2.0
 * Pictures and recordings are made first; then a space is there with all its notes and with the wish for
 * its story, in one transaction, or not at all. The story is written by its job, as any other: cut off
 * in the middle, the next run, or the server, goes on with it. */
#include "products/lifetales/demo.h"

#include "ai/settings.h"
#include "ai/speech.h"
#include "ai/wire.h"
#include "api/accounts.h"
#include "core/log.h"
#include "core/time.h"
#include "products/lifetales/book_made.h"
#include "products/lifetales/demo_sql.h"
#include "products/lifetales/drawing.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/person.h"
#include "products/lifetales/spaces_sql.h"
#include "products/lifetales/story_room.h"
#include "products/lifetales/transcription_room.h"
#include "rt/coro.h"
#include "rt/offload.h"

enum {
    WAIT_MS = 120 * 1000,
    LOOK_MS = 30,
    POLL_MS = 100,
    LEASE_MS = 10 * 1000, /* what was killed goes on so soon when it is run again */
    PICTURE_MEMORY = 64 * 1024 * 1024,
};

typedef struct Demo {
    const DemoSpace *s;
    User owner;
    Space space;
    const Zone *zone;
    NoteIn *notes; /* each with its picture or recording, staged */
    Id story;
    bool mute; /* nobody can speak */
    bool workers;
    int64_t until_us;
} Demo;

/* -- pictures and recordings ------------------------------------------------------------------------- */

static void staged_add(Ctx *c, NoteIn *note, const Looked *looked, Str sha256) {
    assert(!note->staged);
    note->staged = arena_new_of(c->arena, Staged);
    note->staged[0] = (Staged){*looked, sha256};
    note->staged_count = 1;
}

typedef struct Drawn {
    Arena *arena;
    DrawingTask task;
    Str png;
} Drawn;

static void draw_it(void *arg) {
    Drawn *d = arg;
    d->png = drawing_make(d->arena, &d->task);
}

/* The photographs of the demo: in another hand than the pictures of its story. */
static Err *picture_make(Ctx *c, Demo *d, const DemoNote *from, NoteIn *note) {
    SideArena *side = side_new(c, PICTURE_MEMORY);
    Str sha256;
    Drawn drawn = {.arena = side->arena,
                   .task = {.words = str_c(from->picture),
                            .style = S("realistic"),
                            .look = str_hash(str_c(d->s->title))}};
    TRY(offload(c, LANE_LONG, draw_it, &drawn));
    if (drawn.png.len == 0) FAIL(c, INTERNAL, "The demo's picture could not be drawn.");
    Looked looked = {.mime_type = S("image/png"),
                     .kind = S("image"),
                     .bytes = str_copy(c->arena, drawn.png),
                     .width = {DRAWING_WIDTH, true},
                     .height = {DRAWING_HEIGHT, true}};
    side_free(side);
    TRY(album_put(c, &looked, &sha256));
    staged_add(c, note, &looked, sha256);
    return NULL;
}

/* By espeak-ng, whoever speaks here otherwise. Who cannot speak has written it. */
static Err *voice_make(Ctx *c, Demo *d, NoteIn *note) {
    Speech speech;
    Str sha256;
    SpeakRequest request = {.provider = S("local"),
                            .voice = str_c(d->s->voice),
                            .text = note->content,
                            .language = str_c(d->s->language)};
    if (d->mute) return NULL;
    Err *err = speak(c, &request, &speech);
    if (err && err->kind != ERR_NOT_CONFIGURED) return err;
    if (err) {
        d->mute = true;
        log_msg(c, LOG_WARN, "the demo's notes have no recordings: %.*s", S_ARG(err->detail));
        return NULL;
    }
    Looked looked = {.mime_type = speech.mime,
                     .kind = S("audio"),
                     .bytes = speech.audio,
                     .duration_ms = {speech.usage.millis_audio, true}};
    TRY(album_put(c, &looked, &sha256));
    staged_add(c, note, &looked, sha256);
    return NULL;
}

/* -- notes --------------------------------------------------------------------------------------------- */

static Err *time_of(Ctx *c, const Demo *d, const char *local, Time *out) {
    Time at;
    if (!time_parse(str_c(local), &at)) FAIL(c, INTERNAL, "the demo has no such time: %s", local);
    *out = zone_first_instant(d->zone, at);
    return NULL;
}

static Err *note_prepare(Ctx *c, Demo *d, const DemoNote *from, NoteIn *note) {
    *note = (NoteIn){.type = S("TEXT"), .title = str_c(from->title), .content = str_c(from->text)};
    TRY(time_of(c, d, from->at, &note->timestamp));
    if (from->place) note->location.text = strf(c->arena, "{\"name\":\"%s\"}", from->place);
    if (from->picture) {
        note->type = S("IMAGE");
        TRY(picture_make(c, d, from, note));
    } else if (from->spoken) {
        TRY(voice_make(c, d, note));
    }
    return NULL;
}

static Err *notes_prepare(Ctx *c, Demo *d) {
    d->notes = arena_array(c->arena, NoteIn, d->s->note_count);
    for (ptrdiff_t i = 0; i < d->s->note_count; i++)
        TRY(note_prepare(c, d, &d->s->notes[i], &d->notes[i]));
    return NULL;
}

/* What a recording says is known before it is heard: it was read out. */
static Err *recording_known(Ctx *c, const Demo *d, NoteIn *note) {
    Transcript said = {.text = note->content,
                       .language = str_c(d->s->language),
                       .origin = {.provider = S("demo"), .model = S("espeak-ng")}};
    note->type = S("AUDIO");
    note->content = (Str){0};
    return heard_keep(c, d->owner.id, note->staged[0].sha256, &said);
}

static Err *notes_put(Ctx *c, Demo *d) {
    for (ptrdiff_t i = 0; i < d->s->note_count; i++) {
        NoteIn note = d->notes[i];
        Note made;
        if (d->s->notes[i].spoken && note.staged_count > 0) TRY(recording_known(c, d, &note));
        TRY(note_add(c, &d->space, &note, &made));
    }
    return NULL;
}

/* -- the space ----------------------------------------------------------------------------------------- */

static Err *cover_put(Ctx *c, Demo *d) {
    const NoteIn *note = &d->notes[d->s->cover];
    Media media;
    assert(note->staged_count == 1);
    TRY(album_add(c, d->owner.id, &note->staged->looked, note->staged->sha256, S("upload"),
                  (Str){0}, &media));
    d->space.cover_image = media.id;
    return NULL;
}

static Err *story_ask(Ctx *c, Demo *d) {
    Story story;
    StorySettings how;
    TRY(person_settings(c, d->owner.id, &how));
    how.story_mode = str_c(d->s->mode);
    how.narrative_tone = str_c(d->s->tone);
    how.image_style = str_c(d->s->style);
    how.images_per_chapter = 1;
    TRY(person_spared(c, d->owner.id, LIMIT_STORIES, d->space.id));
    TRY(story_begin(c, &d->space, &how, false, &story));
    d->story = story.n;
    return NULL;
}

static Err *space_put(Ctx *c, void *arg) {
    Demo *d = arg;
    d->space = (Space){.user_id = d->owner.id,
                       .title = str_c(d->s->title),
                       .description = str_c(d->s->description),
                       .time_zone = str_c(d->s->time_zone),
                       .language = str_c(d->s->language)};
    TRY(time_of(c, d, d->s->begins, &d->space.start_date));
    TRY(cover_put(c, d));
    Space *s = &d->space;
    s->id = uuid_v7(c->arena);
    TRY(db_int(c, SQL(SQL_SPACE_ADD),
               ARGS(V(s->user_id), V(s->id), V(s->title), V(s->description), V(s->cover_image),
                    V(s->start_date), V(s->time_zone), V(s->language), V(s->scratch), V(time_now())),
               &s->n.value));
    TRY(notes_put(c, d));
    return story_ask(c, d);
}

static Err *space_make(Ctx *c, Demo *d) {
    TRY(notes_prepare(c, d));
    Err *err = db_transaction(c, space_put, d);
    for (ptrdiff_t i = 0; i < d->s->note_count; i++) {
        Err *other = album_staged(c, d->notes[i].staged, d->notes[i].staged_count, err);
        if (!err) err = other;
    }
    return err;
}

/* -- the story and the book ---------------------------------------------------------------------------- */

typedef struct StateRow {
    Str state;
} StateRow;
static const Field state_fields[] = {FIELD(StateRow, state)};
static const Record state_record = RECORD(StateRow, state_fields);

static WorkerOptions story_workers(void) {
    return (WorkerOptions){.queues = str_c(job_kind_queue(job_kind(S(STORY_JOB)))),
                           .poll_ms = POLL_MS,
                           .lease_ms = LEASE_MS};
}

/* *done: it is written, to its end. */
static Err *story_wait(Ctx *c, Demo *d, bool *done) {
    for (;;) {
        StateRow row = {0};
        CtxMark mark = ctx_mark(c);
        TRY(db_one(c, SQL(SQL_DEMO_STORY_STATE), ARGS(V(d->owner.id), V(d->story)), &state_record,
                   &row));
        bool open = str_eq(row.state, S("waiting")) || str_eq(row.state, S("running"));
        *done = str_eq(row.state, S("done"));
        ctx_release(c, mark);
        if (!open || mono_us() > d->until_us) break;
        if (!d->workers) TRY(workers_start_with(c, story_workers()));
        d->workers = true;
        TRY(sleep_ms(c, LOOK_MS));
    }
    if (!*done) log_msg(c, LOG_WARN, "the story of %s is not written yet", d->s->title);
    return NULL;
}

/* Once; who has changed the story has another made when he asks for it. */
static Err *book_put(Ctx *c, Demo *d) {
    int64_t books, size;
    int fd;
    TRY(db_int(c, SQL(SQL_DEMO_BOOKS), ARGS(V(d->owner.id), V(d->space.n)), &books));
    if (books > 0 || !d->s->book) return NULL;
    CtxMark mark = ctx_mark(c);
    Err *err = book_have(c, &d->space, S("pdf"), (Str){0}, &fd, &size);
    if (err)
        log_msg(c, LOG_WARN, "the book of %s is not made: %.*s", d->s->title, S_ARG(err->detail));
    ctx_release(c, mark);
    return NULL;
}

/* Who has deleted a part of it has wanted so: the rest is let be. */
static Err *demo_space_ensure(Ctx *c, Demo *d) {
    int64_t n;
    bool done = false;
    d->zone = zone_find(d->s->time_zone);
    if (!d->zone) FAIL(c, INTERNAL, "there is no time zone %s", d->s->time_zone);
    Err *err = db_int(c, SQL(SQL_DEMO_SPACE), ARGS(V(d->owner.id), V(str_c(d->s->title))), &n);
    if (err && err->kind == ERR_NOT_FOUND) {
        TRY(space_make(c, d));
    } else {
        TRY(err);
        TRY(space_load_n(c, d->owner.id, (Id){n}, &d->space));
        err = db_int(c, SQL(SQL_DEMO_STORY), ARGS(V(d->owner.id), V(n)), &d->story.value);
        if (err) return err->kind == ERR_NOT_FOUND ? NULL : err;
    }
    TRY(story_wait(c, d, &done));
    return done ? book_put(c, d) : NULL;
}

/* -- the whole ------------------------------------------------------------------------------------------- */

Err *lifetales_demo(Ctx *c) {
    Demo d = {.until_us = mono_us() + WAIT_MS * US_PER_MS};
    Err *err = user_by_email(c, S(DEMO_EMAIL), &d.owner);
    /* Without anybody outside, though a server with these settings may be quicker to take a story up. */
    AiSettings ai = ai_settings;
    Str cdn = lifetales.cloudinary_url;
    ai_settings.chat_provider = S("local");
    ai_settings.image_provider = ai_settings.chat_fallback = lifetales.cloudinary_url = (Str){0};
    for (ptrdiff_t i = 0; i < demo_space_count && !err; i++) {
        d.s = &demo_spaces[i];
        err = demo_space_ensure(c, &d);
    }
    if (d.workers) workers_stop(c);
    ai_settings = ai;
    lifetales.cloudinary_url = cdn;
    return err;
}
