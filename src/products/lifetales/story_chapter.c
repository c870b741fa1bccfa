/* SPDX-License-Identifier: Apache-2.0
 * One chapter of a run (story_run.c): its text is told as it comes, and committed by itself with
 * its sources, the people met in it and what it cost. A commit looks at the story's row first, and
 * writes nothing for one that is no more running; a chapter that the person has edited meanwhile
 * stands. What came to nothing is charged all the same. */
#include "core/json.h"
#include "core/time.h"
#include "products/lifetales/album.h"
#include "products/lifetales/illustration.h"
#include "products/lifetales/person.h"
#include "products/lifetales/story_hub.h"
#include "products/lifetales/story_room.h"
#include "products/lifetales/story_sql.h"

enum { CHARACTERS_MAX = 60, EVENT_INLINE_MAX = 24 * 1024 };

/* -- a chapter's text as it comes -------------------------------------------------------------- */

typedef struct Telling {
    StoryRun *run;
    const StoryPiece *piece;
    ptrdiff_t position;
    int64_t at; /* code points told of this try */
} Telling;

static Err *text_tell(Ctx *c, Str piece, bool reset, void *arg) {
    Telling *t = arg;
    if (t->run->over) FAIL(c, CANCELLED, "The story was cancelled.");
    if (reset) t->at = 0;
    if (story_heard()) {
        ArenaMark mark = arena_mark(c->arena);
        Buf b = buf_new(c->arena, piece.len + 160);
        buf_f(&b,
              "event: delta\ndata: {\"chapterId\":\"%.*s\",\"position\":%td,\"at\":%lld,\"text\":",
              S_ARG(t->piece->id), t->position, (long long)t->at);
        buf_json(&b, piece);
        buf_add(&b, reset ? S(",\"reset\":true}\n\n") : S("}\n\n"));
        story_tell(t->run->story.n, buf_str(&b));
        arena_release(c->arena, mark);
    }
    t->at += str_utf8_count(piece);
    return NULL;
}

/* -- a chapter's commit ------------------------------------------------------------------------ */

typedef struct Commit {
    StoryRun *run;
    StoryPiece *piece;
    const ChapterDraft *draft;
    ptrdiff_t position;
    JsonText figures; /* as they were when it was asked for: others go on meanwhile */
    bool mine, wrote, stands;
    Id n;
    ChapterRow former; /* what was there: its pictures */
    Str id;
} Commit;

static JsonText sentences_json(Arena *arena, const ChapterDraft *draft) {
    Buf b = buf_new(arena, 64 * draft->sentence_count + 16);
    record_write_list(&b, &sentence_record, draft->sentences, draft->sentence_count);
    return (JsonText){buf_str(&b)};
}

static StrList images_of(Arena *arena, const PlannedChapter *planned) {
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < planned->count; i++) count += planned->notes[i]->image_ids.count;
    StrList list = {arena_array(arena, Str, count), 0};
    for (ptrdiff_t i = 0; i < planned->count; i++)
        for (ptrdiff_t k = 0; k < planned->notes[i]->image_ids.count; k++)
            list.items[list.count++] = planned->notes[i]->image_ids.items[k];
    return list;
}

static JsonText list_json(Arena *arena, StrList list) {
    Buf b = buf_new(arena, 64);
    JsonOut o = json_out(&b);
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < list.count; i++) json_put_str(&o, list.items[i]);
    json_end(&o, ']');
    return (JsonText){buf_str(&b)};
}

/* People met are described once: the first description stays, so that pictures stay alike. */
static Err *people_merge(Ctx *c, const Commit *x) {
    const Space *space = &x->run->space;
    Space had = {0};
    json_t *all, *fresh, *looks;
    const char *name;
    if (str_is_empty(x->draft->characters.text)) return NULL;
    TRY(json_parse(c, x->draft->characters.text, &fresh));
    TRY(db_one(c, SQL(SQL_CHAPTER_SPACE_PEOPLE), ARGS(V(space->user_id), V(space->n)),
               &space_record, &had));
    TRY(json_parse(c, str_is_empty(had.characters.text) ? S("{}") : had.characters.text, &all));
    size_t before = json_object_size(all);
    json_object_foreach(fresh, name, looks) {
        if (json_object_size(all) < CHARACTERS_MAX && !json_object_get(all, name))
            json_object_set(all, name, looks);
    }
    if (json_object_size(all) == before) return NULL;
    Buf b = buf_new(c->arena, 512);
    buf_json_value(&b, all);
    return db_exec(c, SQL(SQL_CHAPTER_SPACE_PEOPLE_PUT),
                   ARGS(V(space->user_id), V(space->n), V((JsonText){buf_str(&b)})), NULL);
}

static Err *row_add(Ctx *c, Commit *x, Str picture) {
    const StoryRun *run = x->run;
    const ChapterDraft *d = x->draft;
    return db_int(
        c, SQL(SQL_CHAPTER_ADD),
        ARGS(V(run->user), V(x->id), V(run->space.n), V(run->story.n), V((int64_t)x->position),
             V(d->title), V(d->content), V(sentences_json(c->arena, d)), V(x->piece->planned->key),
             V(x->piece->notes_key), V(d->provider), V(d->model), V(d->illustration_prompt),
             V(picture), V(list_json(c->arena, images_of(c->arena, x->piece->planned))),
             V(time_now())),
        &x->n.value);
}

Err *story_former_drop(Ctx *c, const StoryRun *run, const ChapterRow *former) {
    for (ptrdiff_t i = 0; i < former->user_image_ids.count; i++) {
        Media own;
        Err *err = album_load(c, run->user, former->user_image_ids.items[i], &own);
        if (err && err->kind == ERR_NOT_FOUND) continue;
        TRY(err);
        TRY(album_drop_alone(c, run->user, own.n, own.id, own.sha256));
    }
    return illustration_let_go(c, run->user, former->illustration_n);
}

/* In the place of one that was there, unless the person has edited or removed it meanwhile. */
static Err *row_rewrite(Ctx *c, Commit *x, Str picture, bool *done) {
    const StoryRun *run = x->run;
    const ChapterDraft *d = x->draft;
    Id old = x->piece->old->n;
    ptrdiff_t changed;
    x->former = (ChapterRow){0};
    TRY(db_maybe(c, SQL(SQL_CHAPTER_PICTURE), ARGS(V(run->user), V(old)), &tales_chapter_row_record,
                 &x->former, done));
    TRY(db_exec(c, SQL(SQL_CHAPTER_REWRITE),
                ARGS(V(run->user), V(old), V(run->story.n), V(d->title), V(d->content),
                     V(sentences_json(c->arena, d)), V(x->piece->planned->key),
                     V(x->piece->notes_key), V(d->provider), V(d->model), V(d->illustration_prompt),
                     V(picture), V(list_json(c->arena, images_of(c->arena, x->piece->planned))),
                     V(time_now()), V(run->overwrite)),
                &changed));
    *done = changed == 1;
    x->n = old;
    if (*done) TRY(story_pictures_drop(c, run->user, old, 1));
    if (*done) return story_former_drop(c, run, &x->former);
    int64_t n;
    Err *err = db_int(c, SQL(SQL_CHAPTER_AT), ARGS(V(run->user), V(old)), &n);
    x->stands = !err;
    return err && err->kind != ERR_NOT_FOUND ? err : NULL;
}

static Err *sources_put(Ctx *c, const Commit *x) {
    const PlannedChapter *planned = x->piece->planned;
    TRY(db_exec(c, SQL(SQL_CHAPTER_SOURCES_CLEAR), ARGS(V(x->run->user), V(x->n)), NULL));
    for (ptrdiff_t i = 0; i < planned->count; i++)
        TRY(db_exec(c, SQL(SQL_CHAPTER_SOURCE_ADD),
                    ARGS(V(x->run->user), V(x->n), V(planned->notes[i]->id), V((int64_t)i),
                         V(x->run->space.n)),
                    NULL));
    return NULL;
}

/* (space, key) once: a worker that was given up may have written it. */
static Err *there_already(Ctx *c, Commit *x, bool *yes) {
    ChapterRow row = {0};
    TRY(db_maybe(c, SQL(SQL_CHAPTER_BY_KEY),
                 ARGS(V(x->run->user), V(x->run->space.n), V(x->piece->planned->key)),
                 &tales_chapter_row_record, &row, yes));
    if (!*yes) return NULL;
    x->n = row.n;
    x->id = row.id;
    return NULL;
}

Str story_chapter_event(Ctx *c, const StoryRun *run, const Chapter *chapter) {
    Buf b = buf_new(c->arena, 4096);
    buf_f(&b, "{\"storyId\":\"%.*s\",\"chapterId\":\"%.*s\",\"position\":%lld,\"chapter\":",
          S_ARG(run->story.id), S_ARG(chapter->id), (long long)chapter->position);
    ptrdiff_t before = b.len;
    record_write(&b, &chapter_record, chapter);
    if (b.len > EVENT_INLINE_MAX) {
        b.len = before;
        buf_add(&b, S("null"));
    }
    buf_byte(&b, '}');
    return buf_str(&b);
}

static Err *chapter_tell(Ctx *c, Commit *x) {
    StoryRun *run = x->run;
    ChapterRow row;
    Chapter chapter;
    TRY(chapter_row(c, &run->space, x->id, &row));
    TRY(chapter_of_row(c, run->space.id, &row, &chapter));
    return event_emit(c, run->channel, S("chapter"), story_chapter_event(c, run, &chapter));
}

static Err *commit_in(Ctx *c, void *arg) {
    Commit *x = arg;
    StoryRun *run = x->run;
    bool there, done = false;
    x->wrote = x->stands = false;
    x->id = x->piece->id;
    TRY(story_step(c, run, x->figures, &x->mine));
    if (!x->mine) return NULL;
    TRY(there_already(c, x, &there));
    if (there) return NULL;
    Str picture = x->piece->wants[0] ? S("waiting") : S("none");
    if (x->piece->old) TRY(row_rewrite(c, x, picture, &done));
    if (x->stands) return NULL;
    if (!done) {
        if (x->piece->old) x->id = uuid_v7(c->arena);
        TRY(row_add(c, x, picture));
    }
    TRY(sources_put(c, x));
    TRY(people_merge(c, x));
    TRY(db_exec(c, SQL(SQL_STORY_WROTE), ARGS(V(run->user), V(run->story.n)), NULL));
    Str key =
        strf(c->arena, "story:%.*s/%.*s", S_ARG(run->story.id), S_ARG(x->piece->planned->key));
    TRY(story_charge(c, run, key, &x->draft->usage));
    x->wrote = true;
    return chapter_tell(c, x);
}

/* -- a chapter --------------------------------------------------------------------------------- */

static Str title_known(const StoryPiece *piece) {
    if (!str_is_empty(piece->title)) return piece->title;
    return piece->planned ? piece->planned->notes[0]->title : (Str){0};
}

static ChapterTask task_of(StoryRun *run, StoryPiece *piece, Telling *telling) {
    ptrdiff_t at = piece - run->match.pieces, planned = run->match.plan.count;
    return (ChapterTask){
        .chapter = piece->planned,
        .settings = &run->settings,
        .space_title =
            run->space.scratch && str_is_empty(run->space.title) ? (Str){0} : run->space.title,
        .language = run->language,
        .zone = run->zone,
        .before = at > 0 ? title_known(&run->match.pieces[at - 1]) : (Str){0},
        .after = at + 1 < planned ? title_known(&run->match.pieces[at + 1]) : (Str){0},
        .characters = run->space.characters,
        .on_text = text_tell,
        .arg = telling,
    };
}

static void draft_count(StoryRun *run, const ChapterDraft *draft) {
    agent_add(&run->figures.story, &draft->usage, draft->calls, draft->errors, draft->latency_ms);
    run->figures.story.repaired += draft->repaired;
    run->figures.story.cut += draft->cut;
    story_counted_calls(AGENT_STORY, draft->calls, draft->errors, &draft->usage, draft->latency_ms);
}

static void piece_done(StoryRun *run, StoryPiece *piece, const Commit *x) {
    piece->done = true;
    piece->n = x->n;
    piece->id = str_copy(run->arena, x->id);
    piece->title = str_copy(run->arena, x->draft->title);
    run->written++;
    run->figures.failures = 0;
    if (x->stands) return; /* the person's by now */
    for (ptrdiff_t i = 0; piece->wants[0] && i < run->settings.images_per_chapter; i++) {
        piece->prompts[i] = str_copy(run->arena, piece->prompts[i]);
        piece->wants[i] = true;
    }
    story_pictures_wanted(run, piece);
}

typedef struct Waste {
    StoryRun *run;
    Str key;
    const AiUsage *usage;
} Waste;
static Err *waste_in(Ctx *c, void *arg) {
    const Waste *w = arg;
    return story_charge(c, w->run, w->key, w->usage);
}

/* What came to nothing was paid for all the same. */
static Err *waste_charge(Ctx *c, StoryRun *run, const StoryPiece *piece, const AiUsage *usage) {
    if (usage->tokens_in + usage->tokens_out + usage->cost_micros <= 0) return NULL;
    Waste w = {run, (Str){0}, usage};
    w.key = strf(c->arena, "story:%.*s/%.*s/%lld/%lld", S_ARG(run->story.id),
                 S_ARG(piece->planned->key), (long long)run->figures.failures,
                 (long long)run->job->id.value);
    return db_transaction(c, waste_in, &w);
}

Err *story_piece_write(Ctx *c, StoryRun *run, void *what) {
    StoryPiece *piece = what;
    Telling telling = {.run = run, .piece = piece, .position = piece - run->match.pieces};
    ChapterTask task = task_of(run, piece, &telling);
    ChapterDraft draft;
    if (chapter_asks_model(&task)) {
        Str key =
            strf(c->arena, "story:%.*s/%.*s", S_ARG(run->story.id), S_ARG(piece->planned->key));
        TRY(person_takes(c, run->user, LIMIT_AI_CALLS, key));
    }
    Err *err = chapter_write(c, &task, &draft);
    draft_count(run, &draft);
    if (err) {
        Err *bad = waste_charge(c, run, piece, &draft.usage);
        return bad && bad->kind != ERR_CANCELLED ? bad : err;
    }
    piece->wants[0] = run->settings.images_per_chapter > 0 && draft.illustration_prompt.len > 0;
    story_prompts(c->arena, draft.content, draft.illustration_prompt,
                  run->settings.images_per_chapter, piece->prompts);
    Commit x = {.run = run, .piece = piece, .draft = &draft, .position = telling.position};
    x.figures = story_figures_json(c->arena, &run->figures);
    TRY(db_transaction(c, commit_in, &x));
    if (!x.mine) {
        run->over = true;
        return NULL;
    }
    if (x.wrote) story_counted_chapter(false, draft.repaired);
    piece_done(run, piece, &x);
    return NULL;
}
