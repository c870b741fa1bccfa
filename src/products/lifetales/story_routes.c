/* SPDX-License-Identifier: Apache-2.0
 * Stories over HTTP: have one written (whole, or as events), follow it, look at it, cancel it. Asking
 * again while one is being written follows that one: a second is never begun. */
#include "core/json.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"
#include "products/lifetales/story_room.h"
#include "products/lifetales/story_sql.h"
#include "products/lifetales/story_stream.h"

enum { AWAIT_MS = 120 * 1000, NOTES_MAX = 500, BODY_MAX = 52 * 1024 * 1024 };
static const int64_t BODY_MS = 10 * 60 * 1000;

typedef struct GenerateIn {
    Str space_id, space_title;
    RecordList notes;
    JsonText settings;
} GenerateIn;
static const Field generate_fields[] = {
    FIELD(GenerateIn, space_id, .flags = F_NULLABLE, .max = 64, .doc = "Of a space of one's own"),
    FIELD(GenerateIn, space_title, .flags = F_NULLABLE | F_TRIM, .max = 200),
    FIELD_LIST(GenerateIn, notes, &note_in_record, .max = NOTES_MAX,
               .doc = "Instead of spaceId: a story of these, in a space that is gone after a day"),
    FIELD(GenerateIn, settings, .flags = F_NULLABLE,
          .doc = "Of this story, over the person's own; overwriteEdited: chapters that were edited "
                 "are written anew where their notes have changed"),
};
static const Record generate_record =
    RECORD(GenerateIn, generate_fields, .camel = true, .open = true,
           .doc = "What to make a story of: spaceId, or notes with spaceTitle");

typedef struct StoryOut {
    RecordList chapters;
    Str story_id, space_id, state, follow;
    int64_t planned, written, kept;
    JsonText figures;
} StoryOut;
static const Field story_out_fields[] = {
    FIELD_LIST(StoryOut, chapters, &chapter_record),
    FIELD(StoryOut, story_id),
    FIELD(StoryOut, space_id),
    FIELD(StoryOut, state),
    FIELD(StoryOut, follow, .doc = "Where its events are"),
    FIELD(StoryOut, planned),
    FIELD(StoryOut, written),
    FIELD(StoryOut, kept),
    FIELD(StoryOut, figures),
};
static const Record story_out_record =
    RECORD(StoryOut, story_out_fields, .camel = true, .doc = "A story's chapters");

/* -- which story ------------------------------------------------------------------------------- */

typedef struct Asking {
    Call *k;
    Id user;
    Space space;
    StorySettings settings;
    bool overwrite;
    Story story;
} Asking;

/* After the transaction, or when there is none: see album_staged. */
static Err *notes_staged(Ctx *c, const GenerateIn *in, Err *err) {
    const NoteIn *notes = in->notes.items;
    for (ptrdiff_t i = 0; i < in->notes.count; i++) {
        Err *other = album_staged(c, notes[i].staged, notes[i].staged_count, err);
        if (!err) err = other;
    }
    return err;
}

static Err *notes_stage(Ctx *c, const Req *q, const GenerateIn *in) {
    NoteIn *notes = in->notes.items;
    for (ptrdiff_t i = 0; i < in->notes.count; i++) {
        Err *err = media_from_body(c, q, &notes[i]);
        if (err) return notes_staged(c, in, err);
    }
    return NULL;
}

static Err *scratch_fill(Ctx *c, Asking *a) {
    const GenerateIn *in = a->k->in;
    const NoteIn *notes = in->notes.items;
    TRY(space_scratch(c, a->user, in->space_title, &a->space));
    for (ptrdiff_t i = 0; i < in->notes.count; i++) {
        Note note;
        TRY(note_add(c, &a->space, &notes[i], &note));
    }
    return NULL;
}

static Err *begin_in(Ctx *c, void *arg) {
    Asking *a = arg;
    const GenerateIn *in = a->k->in;
    if (str_is_empty(in->space_id)) TRY(scratch_fill(c, a));
    return story_begin(c, &a->space, &a->settings, a->overwrite, &a->story);
}

/* The one under way, when it is as it was asked for now; CONFLICT for one that is to be another. */
static Err *join(Ctx *c, Asking *a, bool *found) {
    TRY(story_under_way(c, &a->space, &a->story, found));
    if (!*found) return NULL;
    StorySettings settings;
    bool overwrite = false;
    TRY(person_settings(c, a->user, &settings));
    TRY(story_settings_read(c, a->story.settings, &settings, &overwrite));
    Str asked = story_settings_json(c->arena, &a->settings, a->overwrite).text;
    if (str_eq(asked, story_settings_json(c->arena, &settings, overwrite).text)) return NULL;
    Err *err = err_new(c, ERR_CONFLICT, __func__,
                       "A story of this space is being written with other settings: %.*s.",
                       S_ARG(a->story.id));
    err->code = S("story_under_way");
    return err;
}

/* The story that this event is of, when the caller may know. */
static Err *resume(Ctx *c, Asking *a, int64_t since, bool *found) {
    typedef struct ChannelRow {
        Str channel;
    } ChannelRow;
    static const Field fields[] = {FIELD(ChannelRow, channel)};
    static const Record record = RECORD(ChannelRow, fields);
    ChannelRow row = {0};
    TRY(db_maybe(c, SQL(SQL_STORY_CHANNEL_OF_EVENT), ARGS(V(since)), &record, &row, found));
    *found = *found && str_starts(row.channel, S("story:"));
    if (!*found) return NULL;
    Err *err = story_load(c, a->user, str_slice(row.channel, 6, row.channel.len), &a->story);
    *found = !err;
    return err && err->kind != ERR_NOT_FOUND ? err : NULL;
}

static Err *asked_check(Ctx *c, Asking *a) {
    const GenerateIn *in = a->k->in;
    if (str_is_empty(in->space_id) && in->notes.count == 0)
        FAIL(c, INVALID, "A story needs spaceId, or notes.");
    if (!str_is_empty(in->space_id) && in->notes.count > 0)
        FAIL(c, INVALID, "A story is of a space or of notes, not of both.");
    TRY(person_settings(c, a->user, &a->settings));
    TRY(story_settings_read(c, in->settings, &a->settings, &a->overwrite));
    return str_is_empty(in->space_id) ? NULL : space_load(c, a->user, in->space_id, &a->space);
}

static Err *begin_or_join(Ctx *c, Asking *a) {
    const GenerateIn *in = a->k->in;
    bool found = false;
    if (!str_is_empty(in->space_id)) TRY(join(c, a, &found));
    if (found) return NULL;
    TRY(notes_stage(c, a->k->q, in));
    Err *err = notes_staged(c, in, db_transaction(c, begin_in, a));
    if (!err || !str_eq(err->code, S("story_under_way"))) return err;
    TRY(join(c, a, &found)); /* another was a moment sooner */
    return found ? NULL : err;
}

/* -- the answer -------------------------------------------------------------------------------- */

Err *story_failure(Ctx *c, const Story *story) {
    static const struct {
        const char *code;
        ErrKind kind;
    } known[] = {
        {"story_refused", ERR_INVALID},
        {"ai_refused_request", ERR_INVALID},
        {"ai_context_too_long", ERR_INVALID},
        {"rate_limited", ERR_RATE_LIMITED},
        {"not_configured", ERR_NOT_CONFIGURED},
        {"ai_wrong_key", ERR_NOT_CONFIGURED},
        {"ai_provider_quota", ERR_PAYMENT_REQUIRED},
        {"timeout", ERR_TIMEOUT},
        {"internal", ERR_INTERNAL},
        {"cancelled", ERR_CONFLICT},
    };
    Str code = str_is_empty(story->error_code) ? S("cancelled") : story->error_code;
    ErrKind kind = ERR_UPSTREAM;
    for (int i = 0; i < COUNT(known); i++)
        if (str_eq(code, str_c(known[i].code))) kind = known[i].kind;
    Err *err =
        err_new(c, kind, __func__, "%.*s",
                S_ARG(str_is_empty(story->error) ? S("The story was cancelled.") : story->error));
    err->code = code;
    return err;
}

static Err *whole_answer(Ctx *c, Asking *a) {
    Chapter *chapters;
    ptrdiff_t count;
    Space space;
    arena_budget_set(c->arena, arena_used(c->arena) + STORY_BYTES);
    TRY(story_await(c, &a->story, AWAIT_MS));
    bool ended = story_ended(&a->story);
    if (ended && !str_eq(a->story.state, S("done"))) return story_failure(c, &a->story);
    TRY(space_load_n(c, a->user, a->story.space_n, &space));
    TRY(space_chapters(c, &space, &chapters, &count));
    StoryOut out = {
        .chapters = {chapters, count},
        .story_id = a->story.id,
        .space_id = space.id,
        .state = a->story.state,
        .follow = strf(c->arena, "/api/stories/%.*s/events", S_ARG(a->story.id)),
        .planned = a->story.planned,
        .written = a->story.written,
        .kept = a->story.kept,
        .figures = a->story.figures,
    };
    a->k->r->status = ended ? 200 : 202;
    if (!ended) reply_header(a->k->r, S("Location"), out.follow);
    tales_answer_flat(c, a->k, &story_out_record, &out);
    return NULL;
}

static Err *generate_post(Ctx *c, Call *k) {
    Asking *a = arena_new_of(c->arena, Asking);
    int64_t since;
    bool found = false;
    *a = (Asking){.k = k};
    bool streams = str_eq(call_type(k), S("text/event-stream"));
    TRY(person_of(c, k, &a->user));
    TRY(story_since(c, k, &since));
    if (since >= 0) TRY(resume(c, a, since, &found));
    if (!found) {
        since = -1;
        TRY(asked_check(c, a));
        TRY(begin_or_join(c, a));
    }
    return streams ? story_stream(c, k, &a->story, since) : whole_answer(c, a);
}

static Err *story_get(Ctx *c, Call *k) {
    Id user;
    TRY(person_of(c, k, &user));
    return story_load(c, user, k->params[0], call_out(k));
}

static Err *story_events(Ctx *c, Call *k) {
    Id user;
    Story story;
    int64_t since;
    TRY(person_of(c, k, &user));
    TRY(story_since(c, k, &since));
    TRY(story_load(c, user, k->params[0], &story));
    return story_stream(c, k, &story, since);
}

static Err *story_cancel_post(Ctx *c, Call *k) {
    Id user;
    TRY(person_of(c, k, &user));
    return story_cancel(c, user, k->params[0], call_out(k));
}

const Route story_routes[] = {
    {POST, "/api/stories/generate", generate_post, .access = ACCESS_USER,
     .scope = "lifetales:write", .in = &generate_record, .out = &story_out_record,
     .out_type = "application/json, text/event-stream", .status_also = 202, .rate = RATE_WRITE,
     .body_limit = BODY_MAX, .timeout_ms = AWAIT_MS + BODY_MS, .tag = "lifetales",
     .errors = "400 403 404 409 422 429 501 502 504",
     .doc =
         "Have a story written: chapters when it is done, or events (status, delta, chapter, "
         "illustration, complete, error) as it is written; 202 for one that takes longer than two "
         "minutes. While one is being written, asking for the same follows it"},
    {GET, "/api/stories/{id}", story_get, .access = ACCESS_USER, .scope = "lifetales:read",
     .out = &story_record, .tag = "lifetales", .errors = "403 404",
     .doc = "A story's state, and what it took"},
    {GET, "/api/stories/{id}/events", story_events, .access = ACCESS_USER,
     .scope = "lifetales:read", .out_type = "text/event-stream", .tag = "lifetales",
     .errors = "400 403 404", .doc = "Its events, from the first or behind Last-Event-ID"},
    {POST, "/api/stories/{id}/cancel", story_cancel_post, .access = ACCESS_USER,
     .scope = "lifetales:write", .out = &story_record, .rate = RATE_WRITE, .tag = "lifetales",
     .errors = "403 404 409", .doc = "Stop writing; chapters that are written stay"},
    {.path = NULL},
};
