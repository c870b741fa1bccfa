/* SPDX-License-Identifier: Apache-2.0
 * The run of a story: see story.h. One coroutine reads what is there and decides what is to be written
 * (story_match.c); some write chapters, some have pictures made (story_pictures.c), each taking the
 * next that waits; a chapter is committed by itself, and the story's row decides in each commit
 * whether it is still wanted.
 *
 *   waiting ──▶ running ──▶ done
 *      ▲           │ │ └──▶ failed      what another try cannot mend; a model that refused
 *      └───────────┘ └────▶ cancelled   by the person (story.c), also while it waits
 *    a provider or a limit that asks for time
 *
 * The row says what is so; the job only carries it on. A job that ends with an error of ours is tried
 * again by the jobs' own rules; for a provider's the story waits, and has a new job for the time when
 * it may go on. */
#include "core/json.h"
#include "core/log.h"
#include "core/map.h"
#include "core/time.h"
#include "ai/policy.h"
#include "products/lifetales/album.h"
#include "products/lifetales/illustration.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/person.h"
#include "products/lifetales/story_hub.h"
#include "products/lifetales/story_room.h"
#include "products/lifetales/story_sql.h"
#include "rt/offload.h"
#include "work/ledger.h"

enum {
    PAUSE_FIRST_S = 2,
    PAUSE_MAX_S = 300,
    CHARACTERS_MAX = 60,
    EVENT_INLINE_MAX = 24 * 1024,
    WORKERS_MAX = 64
};
#define PIECE_BYTES (128 * MIB)

/* -- the story's row --------------------------------------------------------------------------- */

void agent_add(AgentFigures *to, const AiUsage *usage, int64_t calls, int64_t errors,
               int64_t latency_ms) {
    to->calls += calls;
    to->errors += errors;
    to->tokens_in += usage->tokens_in;
    to->tokens_out += usage->tokens_out;
    to->cost_micros += usage->cost_micros;
    to->latency_ms += latency_ms;
}

Err *story_step(Ctx *c, const StoryRun *run, JsonText figures, bool *mine) {
    ptrdiff_t changed;
    TRY(db_exec(c, SQL(SQL_STORY_STEP), ARGS(V(run->user), V(run->story.n), V(figures)), &changed));
    *mine = changed == 1;
    return NULL;
}

Err *story_charge(Ctx *c, const StoryRun *run, Str key, const AiUsage *usage) {
    int64_t tokens = usage->tokens_in + usage->tokens_out;
    if (tokens > 0) TRY(ledger_record(c, run->owner, S("ai_tokens"), key, tokens));
    if (usage->cost_micros <= 0) return NULL;
    return ledger_record(c, run->owner, S("ai_money_micros"), key, usage->cost_micros);
}

/* The first reason counts. */
void story_halt(StoryRun *run, const Err *err) {
    if (!run->halt) run->halt = err_copy(run->arena, err);
    wait_wake_all(&run->picture_news);
}

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

/* (tx) A chapter has gone, or is another: of its pictures what nothing else shows goes too. */
static Err *former_drop(Ctx *c, const StoryRun *run, const ChapterRow *former) {
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
    if (*done) return former_drop(c, run, &x->former);
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

static Err *piece_write(Ctx *c, StoryRun *run, void *what) {
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

/* A piece over its memory comes back here from wherever it was: the story fails, nothing else. */
Err *story_piece_guarded(Ctx *c, StoryRun *run, void *what,
                         Err *(*fn)(Ctx *c, StoryRun *run, void *what)) {
    jmp_buf full;
    jmp_buf *former = arena_on_full(c->arena, &full);
    Err *err;
    arena_budget_set(c->arena, PIECE_BYTES);
    if (setjmp(full) == 0) {
        err = fn(c, run, what);
    } else {
        arena_budget_set(c->arena, PIECE_BYTES + MIB);
        err = err_new(c, ERR_BUDGET, __func__, "A chapter needed more than %td MiB of memory.",
                      PIECE_BYTES / MIB);
    }
    arena_on_full(c->arena, former);
    return err;
}

static StoryPiece *next_text(StoryRun *run) {
    if (run->halt || run->over) return NULL;
    while (run->next_text < run->match.plan.count) {
        StoryPiece *piece = &run->match.pieces[run->next_text++];
        if (!piece->done) return piece;
    }
    return NULL;
}

/* One chapter after the other. A model that refuses one does not keep the others from being written. */
static Err *texts(Ctx *c, void *arg) {
    StoryRun *run = arg;
    Err *ended = NULL;
    for (StoryPiece *piece; !ended && (piece = next_text(run));) {
        CtxMark mark = ctx_mark(c);
        Err *err = story_piece_guarded(c, run, piece, piece_write);
        if (err && str_eq(err->code, S("story_refused"))) {
            run->refused++;
            if (!run->refusal.data) run->refusal = str_copy(run->arena, err->detail);
        } else if (err) {
            story_halt(run, err);
            if (c->cancelled) ended = run->halt;
        }
        ctx_release(c, mark);
    }
    run->texts_open--;
    wait_wake_all(&run->picture_news);
    return ended;
}

/* -- beginning --------------------------------------------------------------------------------- */

static Str writer_name(Arena *arena) {
    Str provider = provider_usual(AI_CHAT);
    const Provider *p = provider_named(provider);
    Str model = p ? provider_model(p, AI_CHAT) : (Str){0};
    return strf(arena, "%.*s/%.*s", S_ARG(provider), S_ARG(model));
}

static Err *run_read(Ctx *c, StoryRun *run, bool *wanted) {
    json_t *payload;
    int64_t story = 0, user = 0;
    bool found;
    TRY(json_parse(c, run->job->payload.text, &payload));
    json_i64(json_at(payload, "story"), &story);
    json_i64(json_at(payload, "user"), &user);
    run->user = (Id){user};
    *wanted = false;
    TRY(db_maybe(c, SQL(SQL_STORY_BY_N), ARGS(V(run->user), V(story)), &story_record, &run->story,
                 &found));
    if (!found || story_ended(&run->story)) return NULL;
    TRY(space_load_n(c, run->user, run->story.space_n, &run->space));
    TRY(story_settings_read(c, run->story.settings, &run->settings, &run->overwrite));
    TRY(story_figures_read(c, run->story.figures, &run->figures));
    run->channel = story_channel_name(c->arena, run->story.id);
    run->owner = strf(c->arena, "user:%lld", (long long)user);
    run->zone = zone_find(str_cstr(c->arena, run->space.time_zone));
    *wanted = true;
    return NULL;
}

typedef struct Matching {
    Arena *arena;
    const Note *notes;
    ptrdiff_t count;
    MatchInput in;
    StoryMatch out;
} Matching;

static void match_now(void *arg) {
    Matching *m = arg;
    m->in.plan.notes = story_notes(m->arena, m->notes, m->count);
    m->out = story_match(m->arena, &m->in);
}

/* In a thread: of a hundred long notes it takes seconds, and nobody else uses the arena yet. */
static Err *run_match(Ctx *c, StoryRun *run) {
    Note *notes;
    MatchInput in = {.overwrite_edited = run->overwrite,
                     .image_style = run->settings.image_style,
                     .images_per_chapter = run->settings.images_per_chapter};
    ptrdiff_t count;
    TRY(space_notes(c, &run->space, &notes, &count));
    TRY(chapter_rows(c, run->user, run->space.n, &in.rows, &in.row_count));
    in.plan = (PlanInput){
        .count = count,
        .settings = &run->settings,
        .zone = run->zone,
        .language = run->space.language,
        .writer = writer_name(c->arena),
    };
    Matching matching = {c->arena, notes, count, in, {0}};
    TRY(offload(c, LANE_LONG, match_now, &matching));
    run->match = matching.out;
    run->language = run->match.plan.language;
    run->picture_cap = run->match.count * run->settings.images_per_chapter;
    run->pictures = arena_array(c->arena, StoryPicture, run->picture_cap + 1);
    for (ptrdiff_t i = 0; i < run->match.plan.count; i++)
        if (run->match.pieces[i].done) story_pictures_wanted(run, &run->match.pieces[i]);
    return NULL;
}

static Str plan_json(Arena *arena, const StoryMatch *match) {
    Buf b = buf_new(arena, 256 * match->count + 16);
    JsonOut o = json_out(&b);
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < match->plan.count; i++) {
        const StoryPiece *piece = &match->pieces[i];
        json_begin(&o, '{');
        json_key(&o, S("chapterId"));
        json_put_str(&o, piece->id);
        json_key(&o, S("key"));
        json_put_str(&o, piece->planned->key);
        json_key(&o, S("noteIds"));
        json_begin(&o, '[');
        for (ptrdiff_t k = 0; k < piece->planned->count; k++)
            json_put_str(&o, piece->planned->notes[k]->id);
        json_end(&o, ']');
        json_end(&o, '}');
    }
    json_end(&o, ']');
    return buf_str(&b);
}

static Err *begin_in(Ctx *c, void *arg) {
    StoryRun *run = arg;
    ptrdiff_t changed;
    bool again = !time_is_null(run->story.started_at) && run->story.started_at.us != 0;
    TRY(db_exec(c, SQL(SQL_STORY_TAKES_UP), ARGS(V(run->user), V(run->story.n), V(time_now())),
                &changed));
    run->over = changed == 0;
    if (run->over) return NULL;
    /* What an earlier attempt of this run has written is not what it kept. */
    int64_t kept = again ? run->story.kept : run->match.kept;
    TRY(db_exec(c, SQL(SQL_STORY_PLAN_PUT),
                ARGS(V(run->user), V(run->story.n), V((JsonText){plan_json(c->arena, &run->match)}),
                     V((int64_t)run->match.count), V(kept)),
                NULL));
    Str data =
        strf(c->arena,
             "{\"storyId\":\"%.*s\",\"state\":\"running\",\"planned\":%td,\"kept\":%lld,"
             "\"done\":%lld}",
             S_ARG(run->story.id), run->match.count, (long long)kept, (long long)run->match.kept);
    return event_emit(c, run->channel, S("status"), data);
}

/* -- ending ------------------------------------------------------------------------------------ */

typedef struct Ending {
    StoryRun *run;
    const char *state; /* done, failed */
    Str code, message;
    bool mine;
} Ending;

/* Its notes are told elsewhere, or nowhere. */
static Err *chapter_leave(Ctx *c, StoryRun *run, const ChapterRow *row) {
    ChapterRow before = {0};
    bool found;
    TRY(db_maybe(c, SQL(SQL_CHAPTER_PICTURE), ARGS(V(run->user), V(row->n)),
                 &tales_chapter_row_record, &before, &found));
    if (!found || (before.edited && !run->overwrite)) return NULL;
    TRY(story_pictures_drop(c, run->user, row->n, 1));
    TRY(db_exec(c, SQL(SQL_CHAPTER_DROP), ARGS(V(run->user), V(row->n), V(run->overwrite)), NULL));
    return former_drop(c, run, &before);
}

static Err *chapters_settle(Ctx *c, StoryRun *run) {
    StoryPiece **order = story_order(c->arena, &run->match);
    for (ptrdiff_t i = 0; i < run->match.left_count; i++)
        TRY(chapter_leave(c, run, run->match.left[i]));
    for (ptrdiff_t i = 0; i < run->match.plan.count && run->settings.images_per_chapter > 0; i++)
        if (run->match.pieces[i].old)
            TRY(story_pictures_drop(c, run->user, run->match.pieces[i].n,
                                    run->settings.images_per_chapter));
    for (ptrdiff_t i = 0; i < run->match.count; i++)
        TRY(db_exec(c, SQL(SQL_CHAPTER_PLACE), ARGS(V(run->user), V(order[i]->n), V((int64_t)i)),
                    NULL));
    return NULL;
}

static Str ending_json(Ctx *c, const Ending *x) {
    StoryRun *run = x->run;
    Buf b = buf_new(c->arena, 1024);
    buf_f(&b, "{\"storyId\":\"%.*s\",\"state\":\"%s\",\"planned\":%td,\"kept\":%lld",
          S_ARG(run->story.id), x->state, run->match.count, (long long)run->match.kept);
    if (x->code.data) {
        buf_add(&b, S(",\"code\":"));
        buf_json(&b, x->code);
        buf_add(&b, S(",\"message\":"));
        buf_json(&b, x->message);
    }
    buf_add(&b, S(",\"figures\":"));
    buf_add(&b, story_figures_json(c->arena, &run->figures).text);
    buf_byte(&b, '}');
    return buf_str(&b);
}

static Err *end_in(Ctx *c, void *arg) {
    Ending *x = arg;
    StoryRun *run = x->run;
    ptrdiff_t changed;
    bool done = strcmp(x->state, "done") == 0;
    TRY(db_exec(c, SQL(SQL_STORY_ENDS),
                ARGS(V(run->user), V(run->story.n), V(str_c(x->state)),
                     V(story_figures_json(c->arena, &run->figures)), V(x->code), V(x->message),
                     V(time_now())),
                &changed));
    x->mine = changed == 1;
    if (x->mine && done) TRY(chapters_settle(c, run));
    TRY(job_finish(c, run->job, (Str){0}));
    if (!x->mine) return NULL;
    return event_emit(c, run->channel, done ? S("complete") : S("error"), ending_json(c, x));
}

static Err *run_end(Ctx *c, StoryRun *run, const char *state, Str code, Str message) {
    Ending x = {run, state, code, message, false};
    TRY(db_transaction(c, end_in, &x));
    if (x.mine) story_counted_end(state);
    return NULL;
}

typedef struct Pausing {
    StoryRun *run;
    Str code, message;
    int64_t pause_s;
} Pausing;

static Err *pause_in(Ctx *c, void *arg) {
    const Pausing *x = arg;
    StoryRun *run = x->run;
    ptrdiff_t changed;
    Id job;
    TRY(job_finish(c, run->job, (Str){0}));
    TRY(job_add(c, STORY_JOB, run->job->payload.text, (JobOptions){.delay_ms = x->pause_s * 1000},
                &job));
    TRY(db_exec(c, SQL(SQL_STORY_WAITS),
                ARGS(V(run->user), V(run->story.n), V(story_figures_json(c->arena, &run->figures)),
                     V(x->code), V(x->message), V(job)),
                &changed));
    if (changed == 0) return NULL;
    Buf b = buf_new(c->arena, 256);
    buf_f(&b, "{\"storyId\":\"%.*s\",\"state\":\"waiting\",\"retryAfter\":%lld,\"code\":",
          S_ARG(run->story.id), (long long)x->pause_s);
    buf_json(&b, x->code);
    buf_add(&b, S(",\"message\":"));
    buf_json(&b, x->message);
    buf_byte(&b, '}');
    return event_emit(c, run->channel, S("status"), buf_str(&b));
}

static bool may_go_on_later(const Err *err) {
    switch (err->kind) {
    case ERR_RATE_LIMITED:
    case ERR_UPSTREAM:
    case ERR_UNAVAILABLE:
    case ERR_TIMEOUT: return true;
    default: return false;
    }
}

static Str said_of(const Err *err) {
    return str_is_empty(err->detail) ? err_title(err->kind) : err->detail;
}

/* What a provider or a limit asks for; else twice as long each time. */
static Err *run_halted(Ctx *c, StoryRun *run) {
    const Err *err = run->halt;
    if (err->kind == ERR_CANCELLED) return run->halt;
    bool limit = err->kind == ERR_RATE_LIMITED && err->retry_after_s > 0;
    if (!limit) run->figures.failures++;
    if (may_go_on_later(err) && run->figures.failures < STORY_FAILURES_MAX) {
        int64_t doubled = PAUSE_FIRST_S << min_i64(run->figures.failures, 10);
        Pausing x = {run, err_code(err), said_of(err), min_i64(doubled, PAUSE_MAX_S)};
        x.pause_s = max_i64(err->retry_after_s, limit ? 1 : x.pause_s);
        return db_transaction(c, pause_in, &x);
    }
    bool ours = err->kind == ERR_INTERNAL || err->kind == ERR_STORAGE_FULL;
    if (ours && run->job->attempts < run->job->max_attempts) return run->halt;
    return run_end(c, run, "failed", err_code(err), ours ? err_title(err->kind) : said_of(err));
}

/* Everything is written, but what was refused. */
static Err *run_ended(Ctx *c, StoryRun *run) {
    if (run->refused == 0) return run_end(c, run, "done", (Str){0}, (Str){0});
    Str message = strf(c->arena, "%.*s %lld of %td chapters are not written; the others are.",
                       S_ARG(run->refusal), (long long)run->refused, run->match.count);
    return run_end(c, run, "failed", S("story_refused"), message);
}

static Err *gone_in(Ctx *c, void *arg) {
    StoryRun *run = arg;
    Story story;
    bool found;
    TRY(job_finish(c, run->job, (Str){0}));
    TRY(db_maybe(c, SQL(SQL_STORY_BY_N), ARGS(V(run->user), V(run->story.n)), &story_record, &story,
                 &found));
    if (found) return NULL; /* who ended it has said so */
    Str data = strf(c->arena,
                    "{\"storyId\":\"%.*s\",\"state\":\"cancelled\",\"code\":\"cancelled\","
                    "\"message\":\"The space was deleted.\"}",
                    S_ARG(run->story.id));
    return event_emit(c, run->channel, S("error"), data);
}

/* -- the job ----------------------------------------------------------------------------------- */

static Err *run_work(Ctx *c, StoryRun *run) {
    Task tasks[2 * WORKERS_MAX];
    ptrdiff_t count = 0, todo = run->match.count - run->match.kept;
    ptrdiff_t most = min_size(lifetales.story_parallel, WORKERS_MAX);
    ptrdiff_t pictures = todo * run->settings.images_per_chapter + run->picture_count;
    for (ptrdiff_t i = 0; i < min_size(most, todo); i++) tasks[count++] = (Task){texts, run, NULL};
    run->texts_open = count;
    for (ptrdiff_t i = 0; i < min_size(most, pictures); i++)
        tasks[count++] = (Task){story_pictures, run, NULL};
    return count ? fork_join(c, tasks, count) : NULL;
}

static Err *run_whole(Ctx *c, StoryRun *run) {
    bool wanted;
    Err *err = run_read(c, run, &wanted);
    if (err && err->kind != ERR_NOT_FOUND) return err;
    if (err || !wanted) return NULL;
    TRY(run_match(c, run));
    TRY(db_transaction(c, begin_in, run));
    if (run->over) return NULL;
    for (int64_t i = 0; i < run->match.kept; i++) story_counted_chapter(true, 0);
    err = run_work(c, run);
    if (c->cancelled) return err ? err : run->halt;
    if (err && !run->halt) story_halt(run, err);
    if (run->over) return db_transaction(c, gone_in, run);
    return run->halt ? run_halted(c, run) : run_ended(c, run);
}

static Err *story_job_run(Ctx *c, Job *job) {
    StoryRun *run = arena_new_of(c->arena, StoryRun);
    *run = (StoryRun){.arena = c->arena, .job = job};
    Err *err = run_whole(c, run);
    if (!err || c->cancelled || err->kind == ERR_CANCELLED || id_is_none(run->story.n)) return err;
    bool again = err->kind == ERR_INTERNAL || err_retryable(err->kind);
    if (again && job->attempts < job->max_attempts) return err;
    log_msg(c, LOG_ERROR, "a story failed: %.*s", S_ARG(err_chain(c->arena, err)));
    return run_end(c, run, "failed", err_code(err), err_title(err->kind));
}

const JobKind story_jobs[] = {
    {.name = STORY_JOB,
     .queue = "stories",
     .run = story_job_run,
     .max_attempts = 20, /* crashes, and databases that are away; providers have their own count */
     .backoff_base_ms = 500,
     .backoff_max_ms = 60 * 1000,
     .timeout_ms = 60 * 60 * 1000,
     .budget_bytes = 96 * MIB,
     .outlasts_drain = true,
     .doc = "Write the chapters of a story that are to be written, and have them illustrated"},
};
const ptrdiff_t story_job_count = COUNT(story_jobs);
