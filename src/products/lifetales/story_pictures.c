/* SPDX-License-Identifier: Apache-2.0
 * The pictures of a run: each chapter's, once its text is committed, without keeping texts from being
 * written. A picture that fails leaves a chapter without one, and the story goes on. */
#include "ai/policy.h"
#include "core/json.h"
#include "core/time.h"
#include "products/lifetales/illustration.h"
#include "products/lifetales/person.h"
#include "products/lifetales/story_room.h"
#include "products/lifetales/story_sql.h"

void story_picture_wanted(StoryRun *run, StoryPiece *piece) {
    assert(run->picture_count < run->match.count + 1);
    run->pictures[run->picture_count++] = piece;
    wait_wake_all(&run->picture_news);
}

/* Of the people of the space, those that this chapter names: whom others meet later does not change
 * its picture. */
static Err *people_named(Ctx *c, const StoryRun *run, const StoryPiece *piece, JsonText *out) {
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
            str_find(piece->prompt, str_c(name)) >= 0 || str_find(piece->title, str_c(name)) >= 0;
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
    const StoryPiece *piece;
    const Illustration *made; /* NULL: it failed */
    JsonText figures;
    bool mine;
} Drawn;

static Err *drawn_in(Ctx *c, void *arg) {
    Drawn *x = arg;
    const StoryRun *run = x->run;
    const StoryPiece *piece = x->piece;
    const char *status = x->made ? "done" : "failed";
    ptrdiff_t changed;
    Id media = x->made ? x->made->media.n : (Id){0};
    TRY(story_step(c, run, x->figures, &x->mine));
    if (!x->mine) return NULL;
    TRY(db_exec(c, SQL(SQL_CHAPTER_DRAWN),
                ARGS(V(run->user), V(piece->n), V(media), V(x->made ? x->made->key : (Str){0}),
                     V(x->made ? run->settings.image_style : (Str){0}), V(str_c(status)),
                     V(time_now()), V(piece->prompt)),
                &changed));
    if (x->made) {
        Str key = strf(c->arena, "story:%.*s/picture/%.*s", S_ARG(run->story.id), S_ARG(piece->id));
        TRY(story_charge(c, run, key, &x->made->usage));
    }
    if (changed == 0) return NULL; /* the chapter is another by now, or gone */
    Buf b = buf_new(c->arena, 256);
    buf_f(&b, "{\"storyId\":\"%.*s\",\"chapterId\":\"%.*s\",\"status\":\"%s\",\"mediaId\":",
          S_ARG(run->story.id), S_ARG(piece->id), status);
    buf_json(&b, x->made ? x->made->media.id : (Str){0});
    buf_byte(&b, '}');
    return event_emit(c, run->channel, S("illustration"), buf_str(&b));
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

static Err *picture_make(Ctx *c, StoryRun *run, StoryPiece *piece) {
    IllustrationTask task = {
        .user = run->user,
        .prompt = piece->prompt,
        .style = run->settings.image_style,
        .title = piece->title,
        .look = str_hash(run->space.id),
    };
    Illustration made = {0};
    TRY(people_named(c, run, piece, &task.characters));
    if (!str_is_empty(provider_usual(AI_IMAGE))) {
        Str key = strf(c->arena, "story:%.*s/picture/%.*s", S_ARG(run->story.id), S_ARG(piece->id));
        TRY(person_takes(c, run->user, LIMIT_AI_CALLS, key));
    }
    Err *err = illustrate(c, &task, &made);
    if (err && (c->cancelled || err->kind == ERR_CANCELLED)) return err;
    made_count(run, &made, err != NULL);
    Drawn x = {.run = run, .piece = piece, .made = err ? NULL : &made};
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
            StoryPiece *piece = run->pictures[run->picture_next++];
            Err *err = story_piece_guarded(c, run, piece, picture_make);
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
