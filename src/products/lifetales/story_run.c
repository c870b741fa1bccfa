/* SPDX-License-Identifier: Apache-2.0
 * The run of a story: see story.h. One coroutine reads what is there and decides what is to be written
 * (story_match.c); some write chapters (story_chapter.c), some have pictures made
 * (story_pictures.c), each taking the next that waits; a chapter is committed by itself, and the
 * story's row decides in each commit whether it is still wanted.
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
#include "core/time.h"
#include "ai/policy.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/story_room.h"
#include "products/lifetales/story_sql.h"
#include "rt/offload.h"
#include "work/ledger.h"

enum { PAUSE_FIRST_S = 2, PAUSE_MAX_S = 300, WORKERS_MAX = 64 };
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

/* -- writing ----------------------------------------------------------------------------------- */

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
        Err *err = story_piece_guarded(c, run, piece, story_piece_write);
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
    return story_former_drop(c, run, &before);
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
