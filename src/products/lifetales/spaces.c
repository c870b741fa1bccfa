/* SPDX-License-Identifier: Apache-2.0
 * Spaces: their record, loading, making, changing, erasing. Notes are notes.c's, chapters chapters.c's.
 *
 * A cover is the id of one of the person's pictures, whose signed address is shown, or an address of
 * elsewhere, which is shown as it is. */
#include "products/lifetales/spaces.h"

#include "products/lifetales/album_room.h"
#include "products/lifetales/erase.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"
#include "products/lifetales/spaces_sql.h"
#include "products/lifetales/story.h"
#include "work/zone.h"

enum { BODY_MAX = 52 * 1024 * 1024, URL_CHARS_MAX = 2000, LIST_BYTES = 256 * 1024 * 1024 };
static const int64_t BODY_MS = 10 * 60 * 1000;

#define HIDDEN .flags = F_SECRET | F_READONLY

static void space_check(const void *value, Str path, Problems *problems) {
    const Space *s = value;
    if (s->time_zone.len > 0 && !zone_find(str_cstr(problems->arena, s->time_zone)))
        problem_add(problems,
                    strf(problems->arena, "%.*s%stimeZone", S_ARG(path), path.len ? "." : ""),
                    S("value"), "is no time zone (Europe/Paris)");
}

static const Field space_fields[] = {
    FIELD(Space, n, HIDDEN),
    FIELD(Space, user_id, HIDDEN),
    FIELD(Space, id, .flags = F_READONLY, .format = "uuid"),
    FIELD(Space, title, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 300),
    FIELD(Space, description, .flags = F_NULLABLE, .max = 20000),
    FIELD(Space, cover_image, .flags = F_NULLABLE, .max = BODY_MAX, .format = "base64",
          .doc = "A picture: the id of one of the person's, an address, or base64"),
    FIELD(Space, start_date, .flags = F_NULLABLE | F_EPOCH_MS,
          .doc = "Milliseconds since 1970; RFC 3339 is read too"),
    FIELD(Space, time_zone, .max = 64, .doc = "Whose days the notes are grouped by"),
    FIELD(Space, language, .flags = F_NULLABLE, .max = 35,
          .doc = "Of the story (fr, en, …); null: that of the notes"),
    FIELD(Space, characters, .flags = F_READONLY,
          .doc = "Who is met in the story, and how pictures show them"),
    FIELD(Space, scratch, HIDDEN),
    FIELD_LIST(Space, notes, &note_record, .flags = F_READONLY | F_NO_COLUMN),
    FIELD_LIST(Space, generated_story, &chapter_record, .flags = F_READONLY | F_NO_COLUMN),
    FIELD(Space, is_generating, .flags = F_READONLY, .doc = "A story is being written"),
    FIELD(Space, generating_story_id, .flags = F_READONLY | F_NULLABLE, .doc = "Which one"),
    FIELD(Space, created_at, .flags = F_READONLY | F_SNAKE),
    FIELD(Space, updated_at, .flags = F_READONLY | F_SNAKE),
};
const Record space_record = RECORD(Space, space_fields, .camel = true, .open = true,
                                   .check = space_check, .doc = "What a person collects notes in");

/* -- loading ----------------------------------------------------------------------------------- */

static Err *space_absent(Ctx *c, Err *err) {
    if (!err || err->kind != ERR_NOT_FOUND) return err;
    FAIL(c, NOT_FOUND, "There is no such space.");
}

Err *space_load(Ctx *c, Id user, Str id, Space *out) {
    return space_absent(c, db_one(c, SQL(SQL_SPACE_LOAD), ARGS(V(user), V(str_lower(c->arena, id))),
                                  &space_record, out));
}

Err *space_load_n(Ctx *c, Id user, Id n, Space *out) {
    return space_absent(c,
                        db_one(c, SQL(SQL_SPACE_LOAD_N), ARGS(V(user), V(n)), &space_record, out));
}

static void cover_show(Ctx *c, Space *s) {
    if (uuid_valid(s->cover_image)) s->cover_image = album_url(c, s->cover_image);
}

/* All that the contract has in a space. */
static Err *space_fill(Ctx *c, Space *s) {
    Note *notes;
    ptrdiff_t count;
    TRY(space_notes(c, s, &notes, &count));
    s->notes = (RecordList){notes, count};
    Chapter *chapters;
    TRY(space_chapters(c, s, &chapters, &count));
    s->generated_story = (RecordList){chapters, count};
    cover_show(c, s);
    return NULL;
}

/* -- what a body says of a cover --------------------------------------------------------------- */

typedef struct SpaceWrite {
    Call *k;
    Id user;
    Str id;
    const Space *in;
    Staged staged; /* of a cover that came as bytes; sha256 null: none did */
    Space out;
} SpaceWrite;

static Err *cover_bad(Ctx *c, const char *why) {
    Problems p = {.arena = c->arena};
    problem_add(&p, S("coverImage"), S("value"), "%s", why);
    return problems_err(c, &p);
}

static bool is_web_address(Str s) {
    return s.len <= URL_CHARS_MAX && (str_starts(s, S("https://")) || str_starts(s, S("http://")));
}

/* Bytes, before the transaction. */
static Err *cover_stage(Ctx *c, SpaceWrite *w) {
    Str given = w->in->cover_image;
    if (given.len == 0 || media_id_of(given).data || is_web_address(given)) return NULL;
    TRY(album_stage(c, w->k->q, given, S("image/*"), "coverImage", &w->staged));
    if (str_eq(w->staged.looked.kind, S("image"))) return NULL;
    return album_staged(c, &w->staged, 1, cover_bad(c, "is not a picture"));
}

/* (tx) What is stored of it. */
static Err *cover_keep(Ctx *c, SpaceWrite *w, Str *out) {
    Str given = w->in->cover_image, id = media_id_of(given);
    Media media;
    *out = given.len ? given : (Str){0};
    if (w->staged.sha256.data) {
        TRY(album_add(c, w->user, &w->staged.looked, w->staged.sha256, S("upload"), (Str){0},
                      &media));
    } else if (id.data) {
        Err *err = album_load(c, w->user, id, &media);
        if (err && err->kind == ERR_NOT_FOUND) return cover_bad(c, "names no picture of yours");
        TRY(err);
        if (!str_eq(media.kind, S("image"))) return cover_bad(c, "is not a picture");
    } else {
        return NULL;
    }
    *out = media.id;
    return NULL;
}

/* -- making and changing ----------------------------------------------------------------------- */

static Err *space_insert(Ctx *c, Space *s) {
    s->created_at = s->updated_at = time_now();
    s->id = uuid_v7(c->arena);
    if (s->time_zone.len == 0) s->time_zone = S("Europe/Paris");
    s->characters.text = S("{}");
    return db_int(c, SQL(SQL_SPACE_ADD),
                  ARGS(V(s->user_id), V(s->id), V(s->title), V(s->description), V(s->cover_image),
                       V(s->start_date), V(s->time_zone), V(s->language), V(s->scratch),
                       V(s->created_at)),
                  &s->n.value);
}

Err *space_scratch(Ctx *c, Id user, Str title, Space *out) {
    *out = (Space){.user_id = user,
                   .title = title.len ? title : S("Story"),
                   .start_date = TIME_NULL,
                   .scratch = true};
    return space_insert(c, out);
}

static Err *space_store(Ctx *c, void *arg) {
    SpaceWrite *w = arg;
    const Space *in = w->in;
    Space *s = &w->out;
    *s = (Space){.user_id = w->user,
                 .title = in->title,
                 .description = in->description,
                 .start_date = in->start_date,
                 .time_zone = in->time_zone,
                 .language = in->language};
    TRY(cover_keep(c, w, &s->cover_image));
    TRY(space_insert(c, s));
    cover_show(c, s);
    *(Space *)call_out(w->k) = *s;
    w->k->r->status = 201;
    return call_settle(c, w->k);
}

static Err *space_written(Ctx *c, SpaceWrite *w, Err *(*store)(Ctx *c, void *arg)) {
    w->in = w->k->in;
    TRY(person_of(c, w->k, &w->user));
    TRY(cover_stage(c, w));
    Err *err = db_transaction(c, store, w);
    return w->staged.sha256.data ? album_staged(c, &w->staged, 1, err) : err;
}

static Err *space_create(Ctx *c, Call *k) {
    SpaceWrite w = {.k = k};
    return space_written(c, &w, space_store);
}

static bool given(const Call *k, const char *name) {
    return (k->present & record_bit(&space_record, name)) != 0;
}

static Err *space_alter(Ctx *c, void *arg) {
    SpaceWrite *w = arg;
    const Space *in = w->in;
    Space *s = &w->out;
    TRY(db_exec(c, SQL(SQL_SPACE_TOUCH), ARGS(V(w->user), V(s->n), V(time_now())), NULL));
    TRY(space_load(c, w->user, w->id, s)); /* as whoever was sooner has left it */
    if (given(w->k, "title")) s->title = in->title;
    if (given(w->k, "description")) s->description = in->description;
    if (given(w->k, "start_date")) s->start_date = in->start_date;
    if (given(w->k, "time_zone") && in->time_zone.len > 0) s->time_zone = in->time_zone;
    if (given(w->k, "language")) s->language = in->language;
    if (given(w->k, "cover_image")) TRY(cover_keep(c, w, &s->cover_image));
    s->updated_at = time_now();
    return db_exec(c, SQL(SQL_SPACE_CHANGE),
                   ARGS(V(w->user), V(s->n), V(s->title), V(s->description), V(s->cover_image),
                        V(s->start_date), V(s->time_zone), V(s->language), V(s->updated_at)),
                   NULL);
}

static Err *space_update(Ctx *c, Call *k) {
    SpaceWrite w = {.k = k, .id = k->params[0]};
    Space *out = call_out(k);
    Id user;
    TRY(person_of(c, k, &user));
    TRY(space_load(c, user, w.id, out)); /* before bytes are looked at for nothing */
    w.out.n = out->n;
    TRY(space_written(c, &w, space_alter));
    *out = w.out;
    return space_fill(c, out);
}

/* -- reading ----------------------------------------------------------------------------------- */

typedef struct SpacesQuery {
    int64_t limit, offset;
    bool brief;
} SpacesQuery;
static const Field spaces_query_fields[] = {
    FIELD(SpacesQuery, limit, .min = 1, .max = 200, .fallback = "100"),
    FIELD(SpacesQuery, offset, .min = 0, .max = 1000000, .fallback = "0"),
    FIELD(SpacesQuery, brief, .fallback = "false", .doc = "Without notes and story"),
};
static const Record spaces_query_record = RECORD(SpacesQuery, spaces_query_fields, .open = true);

static Err *spaces_list(Ctx *c, Call *k) {
    const SpacesQuery *q = k->query;
    Id user;
    Rows rows;
    int64_t total;
    TRY(person_of(c, k, &user));
    arena_budget_set(c->arena, arena_used(c->arena) + LIST_BYTES);
    TRY(db_query(c, SQL(SQL_SPACES_LIST), ARGS(V(user), V(q->limit), V(q->offset)), &space_record,
                 &rows));
    TRY(db_int(c, SQL(SQL_SPACES_COUNT), ARGS(V(user)), &total));
    Space *spaces = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        if (q->brief)
            cover_show(c, &spaces[i]);
        else
            TRY(space_fill(c, &spaces[i]));
    }
    call_list(c, k, rows, total, (Str){0});
    return NULL;
}

static Err *space_get(Ctx *c, Call *k) {
    Id user;
    Space *s = call_out(k);
    TRY(person_of(c, k, &user));
    arena_budget_set(c->arena, arena_used(c->arena) + LIST_BYTES);
    TRY(space_load(c, user, k->params[0], s));
    return space_fill(c, s);
}

/* -- erasing ----------------------------------------------------------------------------------- */

typedef struct SpacePart {
    Id n;
    Str id, sha256;
} SpacePart;
static const Field part_fields[] = {FIELD(SpacePart, n), FIELD(SpacePart, id),
                                    FIELD(SpacePart, sha256)};
static const Record part_record = RECORD(SpacePart, part_fields);
Err *space_erase(Ctx *c, const Space *space) {
    Rows media, books;
    Value user = V(space->user_id), n = V(space->n);
    TRY(erase_beside(c, space->user_id, space));
    TRY(db_query(c, SQL(SQL_SPACE_MEDIA), ARGS(user, n), &part_record, &media));
    TRY(db_query(c, SQL(SQL_SPACE_BOOKS), ARGS(user, n), &part_record, &books));
    TRY(db_exec(c, SQL(SQL_SPACE_REMOVE), ARGS(user, n), NULL));
    for (ptrdiff_t i = 0; i < media.count; i++) {
        const SpacePart *one = (const SpacePart *)media.items + i;
        TRY(album_drop_alone(c, space->user_id, one->n, one->id, one->sha256));
    }
    for (ptrdiff_t i = 0; i < books.count; i++)
        TRY(album_let_go(c, ((const SpacePart *)books.items)[i].sha256));
    Media cover;
    if (!uuid_valid(space->cover_image)) return NULL;
    Err *err = album_load(c, space->user_id, space->cover_image, &cover);
    if (err) return err->kind == ERR_NOT_FOUND ? NULL : err;
    return album_drop_alone(c, space->user_id, cover.n, cover.id, cover.sha256);
}

static Err *space_gone(Ctx *c, void *arg) {
    SpaceWrite *w = arg;
    TRY(space_load(c, w->user, w->id, &w->out));
    return space_erase(c, &w->out);
}

static Err *space_delete(Ctx *c, Call *k) {
    SpaceWrite w = {.k = k, .id = k->params[0]};
    TRY(person_of(c, k, &w.user));
    *(TalesDone *)call_out(k) = (TalesDone){.success = true};
    return db_transaction(c, space_gone, &w);
}

const Route space_routes[] = {
    {GET, "/api/spaces", spaces_list, TALES_READS, .query = &spaces_query_record,
     .out = &space_record, .out_list = true, .errors = "403",
     .doc = "The person's spaces with their notes and stories, the newest first"},
    {POST, "/api/spaces", space_create, TALES_WRITES, .in = &space_record, .out = &space_record,
     .status = 201, .idempotent = true, .body_limit = BODY_MAX, .timeout_ms = BODY_MS,
     .errors = "403 413 415", .doc = "Make a space"},
    {GET, "/api/spaces/{id}", space_get, TALES_READS, .out = &space_record, .errors = "403 404",
     .doc = "A space with its notes and its story"},
    {PUT, "/api/spaces/{id}", space_update, TALES_WRITES, .in = &space_record, .in_change = true,
     .out = &space_record, .body_limit = BODY_MAX, .timeout_ms = BODY_MS,
     .errors = "403 404 413 415", .doc = "What is given is changed, the rest stays"},
    {DELETE, "/api/spaces/{id}", space_delete, TALES_WRITES, .out = &tales_done_record,
     .errors = "403 404",
     .doc =
         "Take a space away, with its notes, its story, its books and its recordings and pictures"},
    {.path = NULL},
};
