/* SPDX-License-Identifier: Apache-2.0
 * Chapters that come with a space, each with its notes and pictures. Where the file says which note a sentence rests
 * on that is kept; else it rests on the notes whose words it shares, as in an edited chapter. A space in which a
 * story was written here keeps that one: the file's chapters are left out. */
#include "core/json.h"
#include "products/lifetales/album_room.h"
#include "products/lifetales/facts.h"
#include "products/lifetales/import_room.h"
#include "products/lifetales/import_sql.h"
#include "products/lifetales/story_room.h"

enum {
    TITLE_MAX = 500,
    CONTENT_MAX = 200 * 1000,
    PROMPT_MAX = 4000,
    SOURCES_MAX = 4000,
    PICTURES_MAX = 100
};

typedef struct PictureIn {
    int64_t position;
    Str key, style, prompt;
    Id media_n;
} PictureIn;

typedef struct ChapterTake {
    Import *im;
    const Space *space;
    const json_t *json;
    Str given, id, title, content, prompt;
    StrList sources, images; /* ours */
    JsonText sentences;
    Staged drawn;
    Id drawn_n;
    PictureIn *pictures;
    ptrdiff_t picture_count;
    int64_t position;
    bool known;
} ChapterTake;

/* -- what it is made of ------------------------------------------------------------------------ */

static void source_add(Ctx *c, ChapterTake *t, Str theirs) {
    Str *ours = theirs.len ? map_get(t->im->notes, theirs) : NULL;
    if (!t->sources.items) t->sources.items = arena_array(c->arena, Str, SOURCES_MAX);
    if (!ours || t->sources.count == SOURCES_MAX) return;
    for (ptrdiff_t i = 0; i < t->sources.count; i++)
        if (str_eq(t->sources.items[i], *ours)) return;
    t->sources.items[t->sources.count++] = *ours;
}

static void sources_read(Ctx *c, ChapterTake *t) {
    const json_t *list = import_at(t->json, "sourceNoteIds");
    for (size_t i = 0; i < json_array_size(list); i++)
        source_add(c, t, json_str(json_array_get(list, i)));
    source_add(c, t, import_str(t->json, "sourceNoteId"));
}

/* One of the person's pictures by its id in the file, or here. */
static Err *picture_find(Ctx *c, const Import *im, Str theirs, Media *m, bool *found) {
    Str *ours = theirs.len ? map_get(&im->media, theirs) : NULL;
    *found = false;
    Str id = ours ? *ours : media_id_of(theirs);
    if (id.len == 0) return NULL;
    Err *err = album_load(c, im->user, id, m);
    if (err && err->kind != ERR_NOT_FOUND) return err;
    *found = !err && str_eq(m->kind, S("image"));
    return NULL;
}

static Err *images_read(Ctx *c, ChapterTake *t) {
    const json_t *list = import_at(t->json, "userImageIds");
    ptrdiff_t most = min_size((ptrdiff_t)json_array_size(list), PICTURES_MAX);
    t->images.items = arena_array(c->arena, Str, most);
    for (ptrdiff_t i = 0; i < most; i++) {
        Media m;
        bool found;
        TRY(picture_find(c, t->im, json_str(json_array_get(list, (size_t)i)), &m, &found));
        if (found) t->images.items[t->images.count++] = m.id;
    }
    return NULL;
}

static Err *drawn_read(Ctx *c, ChapterTake *t) {
    static const char *const names[] = {"illustrationId", "illustrationUrl", "generatedImageUrl"};
    for (int i = 0; i < COUNT(names); i++) {
        Str address = import_str(t->json, names[i]);
        Media m;
        bool found;
        if (str_starts(address, S("data:"))) {
            TRY(album_stage(c, NULL, address, S("image/*"), names[i], &t->drawn));
            if (str_eq(t->drawn.looked.kind, S("image"))) return NULL;
            return album_staged(c, &t->drawn, 1,
                                err_new(c, ERR_INVALID, __func__, "%s is no picture.", names[i]));
        }
        TRY(picture_find(c, t->im, address, &m, &found));
        if (!found) {
            t->im->dead += str_starts(address, S("blob:"));
            continue;
        }
        t->drawn_n = m.n;
        return NULL;
    }
    return NULL;
}

static Err *pictures_read(Ctx *c, ChapterTake *t) {
    const json_t *list = import_at(t->json, "pictures");
    ptrdiff_t most = min_size((ptrdiff_t)json_array_size(list), PICTURES_MAX);
    t->pictures = arena_array(c->arena, PictureIn, most);
    for (ptrdiff_t i = 0; i < most; i++) {
        const json_t *one = json_array_get(list, (size_t)i);
        PictureIn p = {.key = import_str(one, "key"),
                       .style = import_str(one, "style"),
                       .prompt = import_str(one, "prompt")};
        Media m;
        bool found;
        TRY(picture_find(c, t->im, import_str(one, "mediaId"), &m, &found));
        if (!found || !json_i64(import_at(one, "position"), &p.position) || p.position < 1)
            continue;
        if (!p.key.data || !p.prompt.data || p.prompt.len > 4 * PROMPT_MAX) continue;
        p.media_n = m.n;
        t->pictures[t->picture_count++] = p;
    }
    return NULL;
}

/* -- sentences --------------------------------------------------------------------------------- */

static void sentence_put(JsonOut *o, int64_t start, int64_t end, const Str *ids, ptrdiff_t count) {
    json_begin(o, '{');
    json_key(o, S("start"));
    json_put_i64(o, start);
    json_key(o, S("end"));
    json_put_i64(o, end);
    json_key(o, S("noteIds"));
    json_begin(o, '[');
    for (ptrdiff_t i = 0; i < count; i++) json_put_str(o, ids[i]);
    json_end(o, ']');
    json_end(o, '}');
}

/* As the file has them, with our ids; false: it has none that fit its content. */
static bool sentences_given(Ctx *c, const ChapterTake *t, Buf *b) {
    const json_t *list = import_at(t->json, "sentences");
    int64_t length = str_utf8_count(t->content), last = 0;
    JsonOut o = json_out(b);
    json_begin(&o, '[');
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i), *ids = import_at(one, "noteIds");
        int64_t start, end;
        if (!json_i64(import_at(one, "start"), &start) || !json_i64(import_at(one, "end"), &end) ||
            start < last || end < start || end > length)
            return false;
        ptrdiff_t count = 0, most = (ptrdiff_t)json_array_size(ids);
        Str *ours = arena_array(c->arena, Str, most);
        for (ptrdiff_t k = 0; k < most; k++) {
            Str theirs = json_str(json_array_get(ids, (size_t)k));
            const Str *known = theirs.len ? map_get(t->im->notes, theirs) : NULL;
            if (known) ours[count++] = *known;
        }
        sentence_put(&o, start, end, ours, count);
        last = end;
    }
    json_end(&o, ']');
    return json_array_size(list) > 0;
}

static Err *sources_load(Ctx *c, const ChapterTake *t, const StoryNote ***out, ptrdiff_t *count) {
    Note *notes = arena_array(c->arena, Note, t->sources.count);
    *count = 0;
    for (ptrdiff_t i = 0; i < t->sources.count; i++) {
        Err *err = space_note(c, t->space, t->sources.items[i], &notes[*count]);
        if (err && err->kind != ERR_NOT_FOUND) return err;
        *count += !err;
    }
    StoryNote *made = story_notes(c->arena, notes, *count);
    *out = arena_array(c->arena, const StoryNote *, *count);
    for (ptrdiff_t i = 0; i < *count; i++) (*out)[i] = &made[i];
    return NULL;
}

static Err *sentences_found(Ctx *c, const ChapterTake *t, Buf *b) {
    const StoryNote **notes;
    ptrdiff_t note_count, count, at = 0;
    int64_t point = 0;
    TRY(sources_load(c, t, &notes, &note_count));
    Range *ranges = story_sentences(c->arena, t->content, &count);
    JsonOut o = json_out(b);
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < count; i++) {
        Str text = str_slice(t->content, ranges[i].start, ranges[i].end), ids[2];
        ptrdiff_t found = 0, kept = 0;
        const StoryNote **best =
            note_count ? facts_sources(c->arena, text, notes, note_count, &found) : NULL;
        for (; kept < found && kept < COUNT(ids); kept++) ids[kept] = best[kept]->id;
        int64_t start = point + str_utf8_count(str_slice(t->content, at, ranges[i].start));
        point = start + str_utf8_count(text);
        at = ranges[i].end;
        sentence_put(&o, start, point, ids, kept);
    }
    json_end(&o, ']');
    return NULL;
}

static Err *sentences_read_in(Ctx *c, ChapterTake *t) {
    Buf b = buf_new(c->arena, 1024);
    if (!sentences_given(c, t, &b)) {
        b = buf_new(c->arena, 1024);
        TRY(sentences_found(c, t, &b));
    }
    t->sentences.text = buf_str(&b);
    return NULL;
}

/* -- its row ----------------------------------------------------------------------------------- */

static JsonText ids_json(Ctx *c, const StrList *list) {
    Buf b = buf_new(c->arena, 64);
    JsonOut o = json_out(&b);
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < list->count; i++) json_put_str(&o, list->items[i]);
    json_end(&o, ']');
    return (JsonText){buf_str(&b)};
}

static Err *chapter_row_add(Ctx *c, ChapterTake *t, Id *n) {
    const json_t *j = t->json;
    Str key = import_str(j, "key"), notes_key = import_str(j, "notesKey");
    Time now = time_now(), made = import_time(import_at(j, "createdAt"));
    bool drawn = !id_is_none(t->drawn_n);
    /* Without a key of ours a story writes it anew, as it should: who knows what it was made from? */
    if (key.len == 0) key = strf(c->arena, "import:%.*s", S_ARG(t->id));
    return db_int(c, SQL(SQL_IMPORT_CHAPTER_ADD),
                  ARGS(V(t->im->user), V(t->id), V(t->space->n), V(t->position), V(t->title),
                       V(t->content), V(t->sentences), V(key),
                       V(notes_key.data ? notes_key : S("")),
                       V((bool)json_is_true(import_at(j, "edited"))), V(import_str(j, "provider")),
                       V(import_str(j, "model")), V(t->prompt),
                       V(drawn ? import_str(j, "illustrationKey") : (Str){0}),
                       V(drawn ? import_str(j, "illustrationStyle") : (Str){0}), V(t->drawn_n),
                       V(drawn ? S("done") : S("none")), V(ids_json(c, &t->images)),
                       V(time_is_null(made) ? now : made), V(now)),
                  &n->value);
}

static Err *chapter_in(Ctx *c, void *arg) {
    ChapterTake *t = arg;
    Id n;
    Value user = V(t->im->user);
    TRY(import_chapter_id(c, t->im, t->space, t->given, t->content, &t->id, &t->known));
    if (t->known) return NULL;
    if (t->drawn.sha256.data) {
        Media m;
        TRY(album_add(c, t->im->user, &t->drawn.looked, t->drawn.sha256, S("illustration"),
                      (Str){0}, &m));
        t->drawn_n = m.n;
    }
    TRY(chapter_row_add(c, t, &n));
    for (ptrdiff_t i = 0; i < t->sources.count; i++)
        TRY(db_exec(c, SQL(SQL_IMPORT_CHAPTER_SOURCE),
                    ARGS(user, V(n), V(t->sources.items[i]), V((int64_t)i)), NULL));
    for (ptrdiff_t i = 0; i < t->picture_count; i++) {
        const PictureIn *p = &t->pictures[i];
        TRY(db_exec(c, SQL(SQL_IMPORT_CHAPTER_PICTURE),
                    ARGS(user, V(n), V(p->position), V(p->media_n), V(p->key), V(p->style),
                         V(p->prompt), V(time_now())),
                    NULL));
    }
    return NULL;
}

static Err *chapter_words(Ctx *c, ChapterTake *t) {
    t->title = str_trim(import_str(t->json, "title"));
    t->content = import_str(t->json, "content");
    t->prompt = import_str(t->json, "illustrationPrompt");
    if (t->content.len == 0) FAIL(c, INVALID, "It has no content.");
    if (t->title.len == 0) t->title = strf(c->arena, "%lld", (long long)t->position + 1);
    if (str_utf8_count(t->title) > TITLE_MAX)
        FAIL(c, INVALID, "title has more than %d characters.", TITLE_MAX);
    if (str_utf8_count(t->content) > CONTENT_MAX)
        FAIL(c, INVALID, "content has more than %d characters.", CONTENT_MAX);
    if (str_utf8_count(t->prompt) > PROMPT_MAX)
        FAIL(c, INVALID, "illustrationPrompt has more than %d characters.", PROMPT_MAX);
    return NULL;
}

Err *import_chapter(Ctx *c, Import *im, const Space *space, json_t *json, int64_t position) {
    ChapterTake t = {.im = im, .space = space, .json = json, .position = position};
    int64_t written;
    TRY(db_int(c, SQL(SQL_IMPORT_STORIES), ARGS(V(im->user), V(space->n)), &written));
    t.given = import_str(json, "id");
    TRY(chapter_words(c, &t));
    TRY(import_chapter_id(c, im, space, t.given, t.content, &t.id, &t.known));
    if (t.known || written > 0) {
        im->known++;
        return NULL;
    }
    json_i64(import_at(json, "position"), &t.position);
    sources_read(c, &t);
    TRY(images_read(c, &t));
    TRY(pictures_read(c, &t));
    TRY(sentences_read_in(c, &t));
    TRY(drawn_read(c, &t));
    Err *err = db_transaction(c, chapter_in, &t);
    if (t.drawn.sha256.data) err = album_staged(c, &t.drawn, 1, err);
    if (err) return err;
    im->chapters += !t.known;
    im->known += t.known;
    return NULL;
}
