/* SPDX-License-Identifier: Apache-2.0
 * Chapters as the person reads, edits and orders them. An edited chapter is his: a run leaves it alone
 * unless he says otherwise. Its sentences keep their notes where they are still there word for word;
 * new ones rest on those notes whose words they share, as far as there are any. */
#include "core/json.h"
#include "core/map.h"
#include "core/time.h"
#include "products/lifetales/facts.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"
#include "products/lifetales/story_room.h"
#include "products/lifetales/story_sql.h"

enum { ORDER_MAX = 4000 };

/* -- reading ----------------------------------------------------------------------------------- */

static Err *story_of_space_get(Ctx *c, Call *k) {
    Id user;
    Space space;
    Chapter *chapters;
    ptrdiff_t count;
    arena_budget_set(c->arena, arena_used(c->arena) + STORY_BYTES);
    TRY(person_of(c, k, &user));
    TRY(space_load(c, user, k->params[0], &space));
    TRY(space_chapters(c, &space, &chapters, &count));
    Buf b = buf_new(c->arena, 4096), list = buf_new(c->arena, 4096);
    record_write_list(&list, &chapter_record, chapters, count);
    buf_add(&b, S("{\"success\":true,\"data\":"));
    buf_add(&b, buf_str(&list));
    buf_add(&b, S(",\"chapters\":"));
    buf_add(&b, buf_str(&list));
    buf_byte(&b, '}');
    reply_json(k->r, 200, buf_str(&b));
    k->answered = true;
    return NULL;
}

/* -- editing ----------------------------------------------------------------------------------- */

typedef struct ChapterIn {
    Str title, content, illustration_prompt;
    StrList user_image_ids;
    bool edited;
    Time if_updated_at;
} ChapterIn;
static const Field chapter_in_fields[] = {
    FIELD(ChapterIn, title, .flags = F_TRIM, .min = 1, .max = 500),
    FIELD(ChapterIn, content, .max = 200000),
    FIELD(ChapterIn, illustration_prompt, .flags = F_TRIM | F_NULLABLE, .max = 4000),
    FIELD(ChapterIn, user_image_ids, .max = 100),
    FIELD(ChapterIn, edited, .doc = "false: a story may write it anew again"),
    FIELD(ChapterIn, if_updated_at, .flags = F_NULLABLE,
          .doc = "The updated_at that was read: 409 when it has been changed since"),
};
static const Record chapter_in_record =
    RECORD_AS("ChapterChange", ChapterIn, chapter_in_fields, .camel = true, .open = true,
              .doc = "What a person changes of a chapter");

typedef struct Editing {
    Call *k;
    Space space;
    StoryNote *notes;
    ptrdiff_t note_count;
    Chapter out;
} Editing;

static Str sentence_text(const Chapter *chapter, const StorySentence *s) {
    ptrdiff_t at = 0, from;
    int64_t point = 0;
    while (point < s->start && at < chapter->content.len)
        str_utf8_next(chapter->content, &at), point++;
    from = at;
    while (point < s->end && at < chapter->content.len)
        str_utf8_next(chapter->content, &at), point++;
    return str_slice(chapter->content, from, at);
}

static void ids_put(JsonOut *o, StrList ids) {
    json_key(o, S("noteIds"));
    json_begin(o, '[');
    for (ptrdiff_t i = 0; i < ids.count; i++) json_put_str(o, ids.items[i]);
    json_end(o, ']');
}

/* The chapter's own notes, as the agents see them. */
static const StoryNote **notes_of(Ctx *c, const Editing *e, const Chapter *chapter,
                                  ptrdiff_t *count) {
    const StoryNote **found = arena_array(c->arena, const StoryNote *, e->note_count + 1);
    *count = 0;
    for (ptrdiff_t i = 0; i < e->note_count; i++)
        for (ptrdiff_t k = 0; k < chapter->source_note_ids.count; k++)
            if (str_eq(e->notes[i].id, chapter->source_note_ids.items[k]))
                found[(*count)++] = &e->notes[i];
    return found;
}

static StrList sources_of(Ctx *c, Str sentence, const StoryNote **notes, ptrdiff_t count) {
    StrList ids = {arena_array(c->arena, Str, 2), 0};
    ptrdiff_t found = 0;
    if (count == 0) return ids;
    const StoryNote **best = facts_sources(c->arena, sentence, notes, count, &found);
    for (ptrdiff_t i = 0; i < found && i < 2; i++) ids.items[ids.count++] = best[i]->id;
    return ids;
}

static JsonText sentences_again(Ctx *c, const Editing *e, const Chapter *before, Str content) {
    ptrdiff_t count, note_count;
    Range *ranges = story_sentences(c->arena, content, &count);
    const StoryNote **notes = notes_of(c, e, before, &note_count);
    const StorySentence *had = before->sentences.items;
    Map known = {.arena = c->arena};
    for (ptrdiff_t i = 0; i < before->sentences.count; i++)
        map_set(&known, sentence_text(before, &had[i]), (void *)(uintptr_t)&had[i]);
    Buf b = buf_new(c->arena, 128 * count + 16);
    JsonOut o = json_out(&b);
    int64_t point = 0;
    ptrdiff_t at = 0;
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < count; i++) {
        Str text = str_slice(content, ranges[i].start, ranges[i].end);
        point += str_utf8_count(str_slice(content, at, ranges[i].start));
        int64_t end = point + str_utf8_count(text);
        const StorySentence *same = map_get(&known, text);
        json_begin(&o, '{');
        json_key(&o, S("start"));
        json_put_i64(&o, point);
        json_key(&o, S("end"));
        json_put_i64(&o, end);
        ids_put(&o, same ? same->note_ids : sources_of(c, text, notes, note_count));
        json_end(&o, '}');
        point = end;
        at = ranges[i].end;
    }
    json_end(&o, ']');
    return (JsonText){buf_str(&b)};
}

static JsonText list_json(Ctx *c, StrList list) {
    Buf b = buf_new(c->arena, 64);
    JsonOut o = json_out(&b);
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < list.count; i++) json_put_str(&o, list.items[i]);
    json_end(&o, ']');
    return (JsonText){buf_str(&b)};
}

static bool gave(const Editing *e, const char *name) {
    return (e->k->present & record_bit(&chapter_in_record, name)) != 0;
}

/* To the millisecond, which is what a client has read. */
static Err *is_as_read(Ctx *c, const Editing *e, const ChapterRow *row) {
    const ChapterIn *in = e->k->in;
    if (!gave(e, "if_updated_at") || time_is_null(in->if_updated_at)) return NULL;
    if (in->if_updated_at.us / US_PER_MS == row->updated_at.us / US_PER_MS) return NULL;
    Err *err = err_new(c, ERR_CONFLICT, __func__, "This chapter has been changed meanwhile.");
    err->code = S("chapter_changed");
    return err;
}

static Err *edit_in(Ctx *c, void *arg) {
    Editing *e = arg;
    const ChapterIn *in = e->k->in;
    ChapterRow row;
    Chapter before;
    TRY(chapter_row(c, &e->space, e->k->params[1], &row));
    TRY(db_exec(c, SQL(SQL_CHAPTER_HOLD), ARGS(V(e->space.user_id), V(row.n)), NULL));
    TRY(chapter_row(c, &e->space, e->k->params[1], &row)); /* as whoever was sooner has left it */
    TRY(is_as_read(c, e, &row));
    TRY(chapter_of_row(c, e->space.id, &row, &before));
    bool text = (gave(e, "title") && !str_eq(in->title, row.title)) ||
                (gave(e, "content") && !str_eq(in->content, row.content));
    if (gave(e, "content") && !str_eq(in->content, row.content))
        row.sentences = sentences_again(c, e, &before, in->content);
    if (gave(e, "title")) row.title = in->title;
    if (gave(e, "content")) row.content = in->content;
    if (gave(e, "illustration_prompt")) row.illustration_prompt = in->illustration_prompt;
    if (gave(e, "user_image_ids")) row.user_image_ids = in->user_image_ids;
    row.edited = gave(e, "edited") && !text ? in->edited : row.edited || text;
    TRY(db_exec(c, SQL(SQL_CHAPTER_EDIT),
                ARGS(V(e->space.user_id), V(row.n), V(row.title), V(row.content), V(row.sentences),
                     V(row.illustration_prompt), V(list_json(c, row.user_image_ids)), V(time_now()),
                     V(row.edited)),
                NULL));
    TRY(chapter_row(c, &e->space, e->k->params[1], &row));
    return chapter_of_row(c, e->space.id, &row, call_out(e->k));
}

static Err *chapter_put(Ctx *c, Call *k) {
    Editing e = {.k = k};
    Id user;
    Note *notes;
    arena_budget_set(c->arena, arena_used(c->arena) + STORY_BYTES);
    TRY(person_of(c, k, &user));
    TRY(space_load(c, user, k->params[0], &e.space));
    TRY(space_notes(c, &e.space, &notes, &e.note_count));
    e.notes = story_notes(c->arena, notes, e.note_count);
    return db_transaction(c, edit_in, &e);
}

/* -- pictures of notes ---------------------------------------------------------------------------- */

static bool among(const StrList *list, Str id) {
    for (ptrdiff_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i], id)) return true;
    return false;
}

static StrList pictures_followed(Arena *arena, const StrList *own, const StrList *before,
                                 const StrList *after) {
    StrList now = {arena_array(arena, Str, own->count + after->count), 0};
    for (ptrdiff_t i = 0; i < own->count; i++)
        if (among(after, own->items[i]) || !among(before, own->items[i]))
            now.items[now.count++] = own->items[i];
    for (ptrdiff_t i = 0; i < after->count; i++)
        if (!among(before, after->items[i]) && !among(&now, after->items[i]))
            now.items[now.count++] = after->items[i];
    return now;
}

static bool lists_same(const StrList *a, const StrList *b) {
    if (a->count != b->count) return false;
    for (ptrdiff_t i = 0; i < a->count; i++)
        if (!str_eq(a->items[i], b->items[i])) return false;
    return true;
}

Err *chapters_follow_note(Ctx *c, const Space *space, Str note_id, StrList before, StrList after) {
    assert(c->tx && space);
    ChapterRow *rows;
    ptrdiff_t count;
    if (lists_same(&before, &after)) return NULL;
    TRY(chapter_rows(c, space->user_id, space->n, &rows, &count));
    for (ptrdiff_t i = 0; i < count; i++) {
        if (!among(&rows[i].note_ids, note_id)) continue;
        StrList now = pictures_followed(c->arena, &rows[i].user_image_ids, &before, &after);
        if (lists_same(&now, &rows[i].user_image_ids)) continue;
        TRY(db_exec(c, SQL(SQL_CHAPTER_OWN_PICTURES),
                    ARGS(V(space->user_id), V(rows[i].n), V(list_json(c, now)), V(time_now())),
                    NULL));
    }
    return NULL;
}

/* -- ordering ---------------------------------------------------------------------------------- */

typedef struct OrderIn {
    StrList chapter_ids;
} OrderIn;
static const Field order_fields[] = {
    FIELD(OrderIn, chapter_ids, .flags = F_REQUIRED, .min = 1, .max = ORDER_MAX,
          .doc = "All chapters of the space, each once, as they are to stand"),
};
static const Record order_record =
    RECORD_AS("ChapterOrder", OrderIn, order_fields, .camel = true, .open = true);

typedef struct Ordering {
    const OrderIn *in;
    const Space *space;
} Ordering;

static Err *order_in(Ctx *c, void *arg) {
    const Ordering *x = arg;
    ChapterRow *rows;
    ptrdiff_t count;
    Map by_id = {.arena = c->arena};
    TRY(chapter_rows(c, x->space->user_id, x->space->n, &rows, &count));
    for (ptrdiff_t i = 0; i < count; i++) map_set(&by_id, rows[i].id, &rows[i]);
    for (ptrdiff_t i = 0; i < x->in->chapter_ids.count; i++) {
        ChapterRow *row = map_remove(&by_id, str_lower(c->arena, x->in->chapter_ids.items[i]));
        if (!row) FAIL(c, INVALID, "chapterIds must name each chapter of the space once.");
        TRY(db_exec(c, SQL(SQL_CHAPTER_PLACE), ARGS(V(x->space->user_id), V(row->n), V((int64_t)i)),
                    NULL));
    }
    if (x->in->chapter_ids.count != count)
        FAIL(c, INVALID, "chapterIds must name all %td chapters of the space.", count);
    return NULL;
}

static Err *order_put(Ctx *c, Call *k) {
    Id user;
    Space space;
    TRY(person_of(c, k, &user));
    TRY(space_load(c, user, k->params[0], &space));
    Ordering x = {k->in, &space};
    TRY(db_transaction(c, order_in, &x));
    return story_of_space_get(c, k);
}

const Route chapter_routes[] = {
    {GET, "/api/spaces/{id}/story", story_of_space_get, .access = ACCESS_USER,
     .scope = "lifetales:read", .out = &chapter_record, .out_list = true, .tag = "lifetales",
     .errors = "403 404",
     .doc = "The space's chapters, in their order; also as a member `chapters`"},
    {PUT, "/api/spaces/{id}/chapters/order", order_put, .access = ACCESS_USER,
     .scope = "lifetales:write", .in = &order_record, .out = &chapter_record, .out_list = true,
     .rate = RATE_WRITE, .tag = "lifetales", .errors = "403 404",
     .doc = "Put the chapters in another order"},
    {PUT, "/api/spaces/{id}/chapters/{chapterId}", chapter_put, .access = ACCESS_USER,
     .scope = "lifetales:write", .in = &chapter_in_record, .in_change = true,
     .out = &chapter_record, .rate = RATE_WRITE, .tag = "lifetales", .errors = "403 404 409",
     .doc = "Edit a chapter: it is the person's then, and no story writes over it"},
    {.path = NULL},
};
