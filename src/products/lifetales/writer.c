/* SPDX-License-Identifier: Apache-2.0
 * See writer.h: asking, and what is made of an answer. An answer is taken when it is whole, every
 * sentence has a note that is the chapter's, and (transcription) no sentence says what no note says;
 * else it is asked for again with what was wrong, and what is still wrong at the last try is put
 * right from the notes themselves (writer_draft.c). What only a picture tells, and transcriptions
 * longer than a prompt, are not asked of a model at all. */
#include "products/lifetales/writer.h"

#include "ai/policy.h"
#include "core/json.h"
#include "core/time.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/writer_prompt.h"
#include "products/lifetales/writer_room.h"
#include "products/lifetales/writer_stream.h"
#include "rt/offload.h"

enum { ROOM_TOKENS = 6000, ROOM_TOKENS_MAX = 48000 };
/* LIFETALES_STORY_MS is how long a model may say nothing: an answer that comes whole has no longer, one that is
 * listened to may go on while it does, up to so many times that. Else what is slow (a busy machine, a long
 * chapter) would be given up in the middle, paid for, and asked for again. */
enum { LISTENED_TIMES = 5 };

typedef struct Writing {
    const ChapterTask *task;
    ChapterDraft *out;
    TextReader reader;
    bool told;    /* something of the try under way */
    Str wrong;    /* with the answer before */
    int64_t room; /* tokens of the answer */
    int64_t until_us; /* whatever comes */
} Writing;

/* -- one call ---------------------------------------------------------------------------------- */

static Err *piece_take(Ctx *c, Str piece, void *arg) {
    Writing *w = arg;
    c->deadline_us = min_i64(mono_us() + lifetales.story_ms * US_PER_MS, w->until_us);
    ArenaMark mark = arena_mark(c->arena);
    Buf text = buf_new(c->arena, piece.len + 8);
    text_reader_feed(&w->reader, piece, &text);
    Err *err = NULL;
    if (text.len > 0) {
        w->told = true;
        err = w->task->on_text(c, buf_str(&text), false, w->task->arg);
    }
    if (!err) arena_release(c->arena, mark);
    return err;
}

/* What was told of a try that came to nothing is void. */
static Err *told_undo(Ctx *c, Writing *w) {
    if (!w->told) return NULL;
    w->told = false;
    return w->task->on_text(c, S(""), true, w->task->arg);
}

static Err *ask(Ctx *c, Writing *w, ChatAnswer *answer) {
    WriterPrompt prompt = writer_prompt(c->arena, w->task, w->wrong);
    ChatPart part = {.kind = CHAT_TEXT, .text = prompt.user};
    ChatMessage message = {.role = CHAT_USER, .parts = &part, .count = 1};
    bool listens = w->task->on_text && !writer_only_said(w->task->settings);
    ChatRequest request = {
        .system = prompt.system,
        .messages = &message,
        .message_count = 1,
        .temperature = {writer_temperature(w->task->settings), true},
        .max_tokens = w->room,
        .schema = writer_schema(),
        .schema_name = S("chapter"),
        .on_text = listens ? piece_take : NULL,
        .arg = w,
        .timeout_ms = lifetales.story_ms, /* until the first word, where it is listened to */
        .payer = w->task->payer,
    };
    ChapterDraft *out = w->out;
    text_reader_init(&w->reader);
    w->until_us = mono_us() + LISTENED_TIMES * lifetales.story_ms * US_PER_MS;
    if (c->deadline_us) w->until_us = min_i64(w->until_us, c->deadline_us);
    Err *err = chat(c, &request, answer);
    out->calls += answer->origin.tries;
    out->errors += err ? answer->origin.tries : max_i64(answer->origin.tries - 1, 0);
    out->latency_ms += answer->origin.latency_ms;
    out->cut = prompt.cut;
    usage_add(&out->usage, &answer->usage);
    if (err) return err;
    out->provider = answer->origin.provider;
    out->model = answer->origin.model;
    return NULL;
}

/* -- what an answer is worth ------------------------------------------------------------------- */

static Err *refused(Ctx *c, const ChatAnswer *answer) {
    Err *err = err_new(c, ERR_INVALID, __func__, "The model refused to write this chapter (%.*s).",
                       S_ARG(answer->reason));
    err->code = S("story_refused");
    return err;
}

static Err *came_to_nothing(Ctx *c, const char *code, Str wrong) {
    Err *err =
        err_new(c, ERR_UPSTREAM, __func__, "The model gave no chapter of use: %.*s", S_ARG(wrong));
    err->code = str_c(code);
    return err;
}

/* Of a call that failed, or was cut: is it worth asking again here? *wrong says what for. Errors of the
 * service were tried again below already (ai/policy.h). */
static bool may_ask_again(Writing *w, const Err *err, const ChatAnswer *answer, Str *wrong) {
    if (answer->end == CHAT_LENGTH) {
        *wrong = S("it was cut: write less, and finish");
        w->room = min_i64(w->room * 2, ROOM_TOKENS_MAX);
        return true;
    }
    *wrong = S("it was not the JSON that was asked for");
    return err && str_eq(err->code, S("ai_bad_answer"));
}

/* What is computed over all that the notes say is done beside the loop. Everything it reads and makes is
 * this chapter's. */
enum { LONG_TOKENS = 500 };

typedef struct Computing {
    Ctx *c;
    const ChapterTask *task;
    const json_t *json; /* NULL: no model's answer, from the notes alone */
    bool last, taken;
    ChapterDraft *out;
    Str wrong;
} Computing;

static void compute_now(void *arg) {
    Computing *x = arg;
    if (x->json)
        x->taken = draft_take(x->c, x->task, x->json, x->last, x->out, &x->wrong);
    else
        chapter_write_local(x->c, x->task, x->out);
}

static Err *compute(Ctx *c, Computing *x) {
    if (writer_note_tokens(x->task->chapter) > LONG_TOKENS)
        return offload(c, LANE_LONG, compute_now, x);
    compute_now(x);
    return NULL;
}

/* One try. *done: the draft is there. Otherwise w->wrong says why not. */
static Err *one_try(Ctx *c, Writing *w, int number, bool *done) {
    ChatAnswer answer = {0};
    Str wrong = {0};
    Err *err = ask(c, w, &answer);
    bool last = number == WRITE_TRIES || w->out->calls >= WRITE_TRIES;
    *done = false;
    if (!err && answer.end == CHAT_REFUSED) {
        w->out->errors++;
        return refused(c, &answer);
    }
    if (err || answer.end == CHAT_LENGTH) {
        if (!may_ask_again(w, err, &answer, &wrong)) return err;
        if (!err) w->out->errors++;
        if (last && !writer_only_said(w->task->settings))
            return err ? err : came_to_nothing(c, "ai_cut_short", wrong);
    } else {
        Computing x = {.c = c, .task = w->task, .json = answer.json, .last = last, .out = w->out};
        TRY(compute(c, &x));
        *done = x.taken;
        wrong = x.wrong;
        if (!*done) w->out->errors++;
        if (!*done && last && !writer_only_said(w->task->settings))
            return came_to_nothing(c, "ai_bad_answer", wrong);
    }
    w->wrong = wrong;
    return *done ? NULL : told_undo(c, w);
}

/* Keeps what the calls cost. */
static Err *write_ourselves(Ctx *c, Writing *w) {
    ChapterDraft asked = *w->out, *out = w->out;
    Computing x = {.c = c, .task = w->task, .out = out};
    TRY(compute(c, &x));
    out->usage = asked.usage;
    out->calls = asked.calls;
    out->errors = asked.errors;
    out->latency_ms = asked.latency_ms;
    out->repaired = asked.calls > 0 ? out->sentence_count : 0;
    out->cut = 0;
    return NULL;
}

bool chapter_asks_model(const ChapterTask *task) {
    if (str_eq(provider_usual(AI_CHAT), S("local"))) return false;
    int64_t tokens = writer_note_tokens(task->chapter);
    return tokens > 0 && !(writer_only_said(task->settings) && tokens > WRITE_TOKENS);
}

Err *chapter_write(Ctx *c, const ChapterTask *task, ChapterDraft *out) {
    assert(task && task->chapter && task->chapter->count > 0);
    assert(task->settings && out);
    *out = (ChapterDraft){0};
    int64_t tokens = writer_note_tokens(task->chapter);
    Writing *w = arena_new_of(c->arena, Writing);
    *w = (Writing){
        .task = task, .out = out, .room = ROOM_TOKENS + 2 * min_i64(tokens, WRITE_TOKENS)};
    bool done = false;
    if (chapter_asks_model(task)) {
        for (int i = 1; i <= WRITE_TRIES && out->calls < WRITE_TRIES && !done; i++)
            TRY(one_try(c, w, i, &done));
    }
    return done ? NULL : write_ourselves(c, w);
}
