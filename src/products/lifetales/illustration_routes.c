/* SPDX-License-Identifier: Apache-2.0
 * Pictures on request: of any prompt, and of a chapter, which has it from then on. The same prompt and style
 * give the picture that is there already, and cost nothing then. */
#include "core/time.h"
#include "products/lifetales/agents.h"
#include "products/lifetales/album.h"
#include "products/lifetales/illustration.h"
#include "products/lifetales/illustration_sql.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"
#include "products/lifetales/story.h"

enum { ROUTE_MS = 90 * 1000 };

static const char *const styles[] = {"illustration", "cinematic", "pastel", "realistic", NULL};

typedef struct IllustrationIn {
    Str prompt, style;
    int64_t position;
} IllustrationIn;
static const Field in_fields[] = {
    FIELD(IllustrationIn, prompt, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 4000,
          .doc = "What is to be seen"),
    FIELD(IllustrationIn, style, .flags = F_NULLABLE, .values = styles,
          .doc = "Null: the person's setting"),
};
static const Record illustration_in_record =
    RECORD_AS("IllustrationIn", IllustrationIn, in_fields, .camel = true, .open = true,
              .doc = "A picture that is wished for");

static const Field again_fields[] = {
    FIELD(IllustrationIn, prompt, .flags = F_NULLABLE | F_TRIM, .max = 4000,
          .doc = "Null: the picture's own"),
    FIELD(IllustrationIn, style, .flags = F_NULLABLE, .values = styles,
          .doc = "Null: the person's setting. One that is given stays through later stories"),
    FIELD(IllustrationIn, position, .min = 0, .max = 3, .fallback = "0",
          .doc = "Which of the chapter's pictures; 0: its first"),
};
static const Record illustration_again_record =
    RECORD_AS("ChapterIllustrationIn", IllustrationIn, again_fields, .camel = true, .open = true,
              .doc = "How a chapter's picture is to be, where not as before");

typedef struct IllustrationOut {
    Str image_url, media_id, style, provider;
    bool drawn, cached;
} IllustrationOut;
static const Field out_fields[] = {
    FIELD(IllustrationOut, image_url,
          .doc = "The CDN's address where there is one, else a signed one that expires"),
    FIELD(IllustrationOut, media_id, .format = "uuid", .doc = "The picture in the person's media"),
    FIELD(IllustrationOut, style),
    FIELD(IllustrationOut, provider, .doc = "local: drawn without a model"),
    FIELD(IllustrationOut, drawn),
    FIELD(IllustrationOut, cached, .doc = "It was there already"),
};
static const Record illustration_out_record =
    RECORD_AS("IllustrationMade", IllustrationOut, out_fields, .camel = true, .doc = "A picture");

/* The person's limit counts what a model is asked for. */
static Err *make_for(Ctx *c, IllustrationTask *task, Illustration *out) {
    if (str_is_empty(task->style)) {
        StorySettings settings;
        TRY(person_settings(c, task->user, &settings));
        task->style = settings.image_style;
    }
    if (illustration_by_model(c->arena)) {
        bool known;
        Str key = illustration_key(c->arena, task);
        TRY(illustration_known(c, key, &known));
        if (!known)
            TRY(person_takes(c, task->user, LIMIT_AI_CALLS,
                             strf(c->arena, "picture:%.*s", S_ARG(key))));
        task->payer = (AiPayer){strf(c->arena, "user:%lld", (long long)task->user.value),
                                strf(c->arena, "picture:%.*s", S_ARG(key))};
    }
    Err *err = illustrate(c, task, out);
    story_counted_calls(AGENT_ILLUSTRATION, out->calls, out->errors, &out->usage, out->latency_ms);
    return err;
}

static void answer(Ctx *c, Call *k, const IllustrationTask *task, const Illustration *made) {
    IllustrationOut out = {
        .image_url = made->url,
        .media_id = made->media.id,
        .style = task->style,
        .provider = made->provider,
        .drawn = made->drawn,
        .cached = made->kept,
    };
    tales_answer_flat(c, k, &illustration_out_record, &out);
}

static Err *illustration_post(Ctx *c, Call *k) {
    const IllustrationIn *in = k->in;
    IllustrationTask task = {.prompt = in->prompt, .style = in->style};
    Illustration made;
    TRY(person_of(c, k, &task.user));
    TRY(make_for(c, &task, &made));
    answer(c, k, &task, &made);
    return NULL;
}

typedef struct ChapterToDraw {
    Id n, illustration_n;
    Str id, title, illustration_prompt, own_prompt, space_id, story_id;
    JsonText characters;
} ChapterToDraw;
static const Field to_draw_fields[] = {
    FIELD(ChapterToDraw, n),          FIELD(ChapterToDraw, illustration_n),
    FIELD(ChapterToDraw, id),         FIELD(ChapterToDraw, title),
    FIELD(ChapterToDraw, own_prompt), FIELD(ChapterToDraw, illustration_prompt),
    FIELD(ChapterToDraw, space_id),   FIELD(ChapterToDraw, story_id),
    FIELD(ChapterToDraw, characters),
};
static const Record chapter_to_draw_record = RECORD(ChapterToDraw, to_draw_fields);

typedef struct Redrawn {
    const IllustrationTask *task;
    const ChapterToDraw *chapter;
    const Illustration *made;
    Str style; /* null: the person named it, and a story leaves it */
    int64_t position;
} Redrawn;

static Err *first_redrawn(Ctx *c, const Redrawn *x, ptrdiff_t *changed) {
    Id user = x->task->user, former = x->chapter->illustration_n;
    TRY(db_exec(c, SQL(SQL_ILLUSTRATION_OF_CHAPTER),
                ARGS(V(user), V(x->chapter->n), V(x->made->media.n), V(x->made->key), V(x->style),
                     V(x->task->prompt), V(time_now())),
                changed));
    bool other = *changed && former.value != x->made->media.n.value;
    return other ? illustration_let_go(c, user, former) : NULL;
}

static Err *redrawn_in(Ctx *c, void *arg) {
    const Redrawn *x = arg;
    ptrdiff_t changed;
    if (x->position == 0)
        TRY(first_redrawn(c, x, &changed));
    else
        TRY(chapter_picture_put(c,
                                &(PicturePut){.user = x->task->user,
                                              .chapter_n = x->chapter->n,
                                              .media_n = x->made->media.n,
                                              .position = x->position,
                                              .key = x->made->key,
                                              .style = x->style,
                                              .prompt = x->task->prompt},
                                &changed));
    if (changed == 0) FAIL(c, NOT_FOUND, "There is no such chapter any more.");
    if (str_is_null(x->chapter->story_id)) return NULL; /* of no story: nobody follows it */
    return story_picture_tell(c, x->chapter->story_id,
                              &(StoryPictureTold){.chapter_id = x->chapter->id,
                                                  .media_id = x->made->media.id,
                                                  .position = x->position});
}

static Err *chapter_illustrate(Ctx *c, Call *k) {
    const IllustrationIn *in = k->in;
    ChapterToDraw chapter = {0};
    Illustration made;
    IllustrationTask task = {0};
    Redrawn x = {.task = &task, .chapter = &chapter, .made = &made};
    x.position = in ? in->position : 0;
    bool found;
    TRY(person_of(c, k, &task.user));
    TRY(db_maybe(c, SQL(SQL_ILLUSTRATION_CHAPTER),
                 ARGS(V(task.user), V(str_lower(c->arena, k->params[0])), V(x.position)),
                 &chapter_to_draw_record, &chapter, &found));
    if (!found) FAIL(c, NOT_FOUND, "There is no such chapter.");
    task.prompt = in && in->prompt.len ? in->prompt : chapter.own_prompt;
    if (str_is_empty(task.prompt)) task.prompt = chapter.illustration_prompt;
    if (str_is_empty(task.prompt)) task.prompt = chapter.title;
    task.style = in ? in->style : (Str){0};
    task.title = chapter.title;
    task.characters = chapter.characters;
    task.look = str_hash(chapter.space_id);
    bool named = !str_is_empty(task.style) || (x.position > 0 && in && in->prompt.len > 0);
    TRY(make_for(c, &task, &made));
    x.style = named ? (Str){0} : task.style;
    TRY(db_transaction(c, redrawn_in, &x));
    answer(c, k, &task, &made);
    return NULL;
}

const Route illustration_routes[] = {
    {POST, "/api/illustrations", illustration_post, TALES_WRITES, .in = &illustration_in_record,
     .out = &illustration_out_record, .status = 200, .timeout_ms = ROUTE_MS,
     .errors = "422 429 502 503 504",
     .doc = "A picture of a prompt, 4:3, in a style: by the provider's model, else drawn. The same "
            "prompt and style are the same picture"},
    {POST, "/api/chapters/{id}/illustrate", chapter_illustrate, TALES_WRITES,
     .in = &illustration_again_record, .in_change = true, .out = &illustration_out_record,
     .status = 200, .timeout_ms = ROUTE_MS, .errors = "404 422 429 502 503 504",
     .doc = "A picture of a chapter, made anew: of its own prompt, or of the one given, which is then "
            "its own"},
    {0},
};
