/* SPDX-License-Identifier: Apache-2.0
 * The pictures of a run: each chapter's, once its text is committed, without keeping texts from being
 * written. The first is the chapter's own row's, the others have rows of their own (chapter_pictures).
 * A picture that fails leaves a chapter without one, and the story goes on. */
#include "core/json.h"
#include "core/time.h"
#include "products/lifetales/illustration.h"
#include "products/lifetales/person.h"
#include "products/lifetales/story_room.h"
#include "products/lifetales/story_sql.h"

void story_pictures_wanted(StoryRun *run, StoryPiece *piece) {
    for (ptrdiff_t i = 0; i < run->settings.images_per_chapter; i++) {
        if (!piece->wants[i]) continue;
        assert(run->picture_count < run->picture_cap);
        run->pictures[run->picture_count++] = (StoryPicture){piece, i};
    }
    wait_wake_all(&run->picture_news);
}

Err *story_pictures_drop(Ctx *c, Id user, Id chapter_n, int64_t position) {
    Rows rows;
    Args args = ARGS(V(user), V(chapter_n), V(position));
    TRY(db_query(c, SQL(SQL_CHAPTER_PICTURES_FROM), args, &tales_picture_row_record, &rows));
    if (rows.count == 0) return NULL;
    TRY(db_exec(c, SQL(SQL_CHAPTER_PICTURES_DROP), args, NULL));
    const PictureRow *all = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) TRY(illustration_let_go(c, user, all[i].media_n));
    return NULL;
}

Err *chapter_picture_put(Ctx *c, const PicturePut *p, ptrdiff_t *changed) {
    assert(p->position > 0 && !id_is_none(p->media_n));
    Rows had;
    Time now = time_now();
    TRY(db_query(c, SQL(SQL_CHAPTER_PICTURES_FROM),
                 ARGS(V(p->user), V(p->chapter_n), V(p->position)), &tales_picture_row_record,
                 &had));
    TRY(db_exec(c, SQL(SQL_CHAPTER_PICTURE_PUT),
                ARGS(V(p->user), V(p->chapter_n), V(p->position), V(p->media_n), V(p->key),
                     V(p->style), V(p->prompt), V(now), V(p->first_prompt)),
                changed));
    if (*changed == 0) return NULL;
    TRY(db_exec(c, SQL(SQL_CHAPTER_TOUCH), ARGS(V(p->user), V(p->chapter_n), V(now)), NULL));
    const PictureRow *rows = had.items;
    for (ptrdiff_t i = 0; i < had.count; i++)
        if (rows[i].position == p->position && rows[i].media_n.value != p->media_n.value)
            TRY(illustration_let_go(c, p->user, rows[i].media_n));
    return NULL;
}

/* Of the people of the space, those that this chapter names: whom others meet later does not change
 * its picture. */
static Err *people_named(Ctx *c, const StoryRun *run, const StoryPiece *piece, Str prompt,
                         JsonText *out) {
    Space space = {0};
    json_t *all, *looks;
    const char *name;
    *out = (JsonText){0};
    TRY(db_one(c, SQL(SQL_CHAPTER_SPACE_PEOPLE), ARGS(V(run->user), V(run->space.n)), &space_record,
               &space));
    if (str_is_empty(space.characters.text)) return NULL;
    TRY(json_parse(c, space.characters.text, &all));
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    ptrdiff_t named = 0;
    json_begin(&o, '{');
    json_object_foreach(all, name, looks) {
        bool here =
            str_find(prompt, str_c(name)) >= 0 || str_find(piece->title, str_c(name)) >= 0;
        if (!here || !json_is_string(looks)) continue;
        json_key(&o, str_c(name));
        json_put_str(&o, json_str(looks));
        named++;
    }
    json_end(&o, '}');
    if (named > 0) out->text = buf_str(&b);
    return NULL;
}

typedef struct Drawn {
    const StoryRun *run;
    const StoryPicture *picture;
    const Illustration *made; /* NULL: it failed */
    Str key; /* what it is charged by */
    JsonText figures;
    bool mine;
} Drawn;

static Err *first_put(Ctx *c, const Drawn *x, ptrdiff_t *changed) {
    const StoryPiece *piece = x->picture->piece;
    const StoryRun *run = x->run;
    ChapterRow before = {0};
    bool found;
    TRY(db_maybe(c, SQL(SQL_CHAPTER_PICTURE), ARGS(V(run->user), V(piece->n)),
                 &tales_chapter_row_record, &before, &found));
    Id media = x->made ? x->made->media.n : (Id){0};
    TRY(db_exec(c, SQL(SQL_CHAPTER_DRAWN),
                ARGS(V(run->user), V(piece->n), V(media), V(x->made ? x->made->key : (Str){0}),
                     V(x->made ? run->settings.image_style : (Str){0}),
                     V(x->made ? S("done") : S("failed")), V(time_now()), V(piece->prompts[0])),
                changed));
    bool other = found && *changed && before.illustration_n.value != media.value;
    return other ? illustration_let_go(c, run->user, before.illustration_n) : NULL;
}

/* One that failed leaves no row: the next run tries it again. */
static Err *further_put(Ctx *c, const Drawn *x, ptrdiff_t *changed) {
    const StoryPiece *piece = x->picture->piece;
    *changed = 1;
    if (!x->made) return NULL;
    return chapter_picture_put(c,
                               &(PicturePut){.user = x->run->user,
                                             .chapter_n = piece->n,
                                             .media_n = x->made->media.n,
                                             .position = x->picture->position,
                                             .key = x->made->key,
                                             .style = x->run->settings.image_style,
                                             .prompt = piece->prompts[x->picture->position],
                                             .first_prompt = piece->prompts[0]},
                               changed);
}

static Err *drawn_in(Ctx *c, void *arg) {
    Drawn *x = arg;
    const StoryRun *run = x->run;
    ptrdiff_t changed;
    TRY(story_step(c, run, x->figures, &x->mine));
    if (!x->mine) return NULL;
    TRY((x->picture->position == 0 ? first_put : further_put)(c, x, &changed));
    if (x->made) TRY(story_charge(c, run, x->key, &x->made->usage));
    if (changed == 0) return NULL;
    StoryPictureTold told = {.chapter_id = x->picture->piece->id,
                             .position = x->picture->position};
    if (x->made) told.media_id = x->made->media.id;
    return story_picture_tell(c, run->story.id, &told);
}

static void made_count(StoryRun *run, const Illustration *made, bool failed) {
    AgentFigures *f = &run->figures.illustration;
    int64_t calls = made->calls, errors = made->errors;
    if (failed && errors == 0) errors = calls = 1;
    agent_add(f, &made->usage, calls, errors, made->latency_ms);
    f->images += !failed;
    f->kept += !failed && made->kept;
    f->drawn += !failed && made->drawn;
    story_counted_calls(AGENT_ILLUSTRATION, calls, errors, &made->usage, made->latency_ms);
}

/* The person's limit counts what a model is asked for: what is there already costs nothing. */
static Err *call_take(Ctx *c, const StoryRun *run, const IllustrationTask *task, Str name) {
    bool known;
    if (!illustration_by_model(c->arena)) return NULL;
    TRY(illustration_known(c, illustration_key(c->arena, task), &known));
    return known ? NULL : person_takes(c, run->user, LIMIT_AI_CALLS, name);
}

static Err *picture_make(Ctx *c, StoryRun *run, void *what) {
    const StoryPicture *picture = what;
    const StoryPiece *piece = picture->piece;
    IllustrationTask task = {
        .user = run->user,
        .prompt = piece->prompts[picture->position],
        .style = run->settings.image_style,
        .title = piece->title,
        .look = str_hash(run->space.id),
    };
    Illustration made = {0};
    Str name = strf(c->arena, "story:%.*s/picture/%.*s", S_ARG(run->story.id), S_ARG(piece->id));
    if (picture->position > 0) name = strf(c->arena, "%.*s/%td", S_ARG(name), picture->position);
    TRY(people_named(c, run, piece, task.prompt, &task.characters));
    TRY(call_take(c, run, &task, name));
    Err *err = illustrate(c, &task, &made);
    if (err && (c->cancelled || err->kind == ERR_CANCELLED)) return err;
    made_count(run, &made, err != NULL);
    Drawn x = {.run = run, .picture = picture, .made = err ? NULL : &made, .key = name};
    x.figures = story_figures_json(c->arena, &run->figures);
    TRY(db_transaction(c, drawn_in, &x));
    run->over = run->over || !x.mine;
    return NULL;
}

Err *story_pictures(Ctx *c, void *arg) {
    StoryRun *run = arg;
    while (!run->over && !run->halt) {
        if (run->picture_next < run->picture_count) {
            CtxMark mark = ctx_mark(c);
            StoryPicture *picture = &run->pictures[run->picture_next++];
            Err *err = story_piece_guarded(c, run, picture, picture_make);
            if (err) story_halt(run, err);
            ctx_release(c, mark);
        } else if (run->texts_open == 0) {
            return NULL;
        } else {
            TRY(wait_on(c, &run->picture_news));
        }
    }
    return NULL;
}
