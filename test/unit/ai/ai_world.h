/* SPDX-License-Identifier: Apache-2.0
 * Fake providers, and a world in which they are asked: a migrated database on either engine, a cache,
 * and a second node that shares the database only. What the fake does is a script of steps; the last
 * step is done for ever. */
#ifndef SOCLE_TEST_AI_WORLD_H
#define SOCLE_TEST_AI_WORLD_H

#include <stdatomic.h>

#include "ai/kept.h"
#include "ai/policy.h"
#include "ai/settings.h"
#include "data/cache.h"

#define WORLD_HAS_APP
typedef struct Db Db;
struct App {
    Db *db;
    Cache *cache;
};
#include "unit/work/work_world.h"

Cache *app_cache(Ctx *c) { return c->app->cache; }

/* -- The fakes ---------------------------------------------------------------------------------- */

enum { STEPS_MAX = 32 };

typedef struct Step {
    ErrKind fails; /* 0 (BAD_REQUEST): it answers */
    const char *code;
    int64_t retry_after_s;
    int64_t takes_ms;
    const char *text;  /* of the answer; NULL: "good" */
    const char *piece; /* told before it fails or ends */
    ChatEnd end;
    int64_t tokens; /* in and out, each */
} Step;

typedef struct Fake {
    Step steps[STEPS_MAX];
    int count;
    atomic_int asked, under_way, most;
} Fake;
static Fake first, second;

static inline void fake_script(Fake *f, const Step *steps, int count) {
    memset(f, 0, sizeof *f);
    memcpy(f->steps, steps, sizeof *steps * (size_t)count);
    f->count = count;
}
#define SCRIPT(fake, ...) \
    fake_script((fake), (const Step[]){__VA_ARGS__}, (int)COUNT(((const Step[]){__VA_ARGS__})))

static inline Err *fake_step(Ctx *c, Fake *f, const Step **step) {
    int n = atomic_fetch_add(&f->asked, 1), now = atomic_fetch_add(&f->under_way, 1) + 1;
    for (int most = atomic_load(&f->most); now > most;)
        if (atomic_compare_exchange_weak(&f->most, &most, now)) break;
    *step = &f->steps[n < f->count ? n : f->count - 1];
    Err *err = (*step)->takes_ms ? sleep_ms(c, (*step)->takes_ms) : NULL;
    atomic_fetch_sub(&f->under_way, 1);
    return err;
}

static inline Err *fake_failure(Ctx *c, const Step *step) {
    if (step->fails == 0) return NULL;
    Err *err = err_new(c, step->fails, "fake", "the fake fails");
    if (step->code) err->code = str_c(step->code);
    err->retry_after_s = step->retry_after_s;
    return err;
}

static inline Err *fake_chat(Ctx *c, Fake *f, const ChatRequest *r, ChatAnswer *out) {
    const Step *step;
    TRY(fake_step(c, f, &step));
    out->usage = (AiUsage){.tokens_in = step->tokens, .tokens_out = step->tokens};
    if (step->piece && r->on_text) TRY(r->on_text(c, str_c(step->piece), r->arg));
    TRY(fake_failure(c, step));
    out->text = str_c(step->text ? step->text : "good");
    out->end = step->end;
    out->origin = (AiOrigin){.model = str_copy(c->arena, r->model), .request_id = S("req-1")};
    return NULL;
}

static inline Err *first_chat(Ctx *c, const ChatRequest *r, ChatAnswer *out) {
    return fake_chat(c, &first, r, out);
}
static inline Err *second_chat(Ctx *c, const ChatRequest *r, ChatAnswer *out) {
    return fake_chat(c, &second, r, out);
}

static inline Err *first_transcribe(Ctx *c, const TranscribeRequest *r, Transcript *out) {
    const Step *step;
    (void)r;
    TRY(fake_step(c, &first, &step));
    TRY(fake_failure(c, step));
    *out = (Transcript){.text = str_c(step->text ? step->text : "heard"),
                        .language = S("fr"),
                        .confidence = {0.75, true},
                        .usage = {.millis_audio = 60000}};
    return NULL;
}

static inline Err *first_image(Ctx *c, const ImageRequest *r, Image *out) {
    const Step *step;
    (void)r;
    TRY(fake_step(c, &first, &step));
    TRY(fake_failure(c, step));
    out->bytes = step->text ? str_c(step->text) : S("\x89PNG\r\n\x1a\n and so on");
    return NULL;
}

/* A vector that is not of length one: place 0 says how long the text is. */
static inline Err *first_embed(Ctx *c, EmbedCall *call) {
    const Step *step;
    TRY(fake_step(c, &first, &step));
    TRY(fake_failure(c, step));
    for (ptrdiff_t i = 0; i < call->count; i++) {
        call->vectors[i * call->dimensions] = step->text ? 0 : (float)call->texts[i].len;
        call->vectors[i * call->dimensions + 1] = step->text ? 0 : 1;
        call->usage.tokens_in += step->tokens;
    }
    return NULL;
}

static inline Str fake_model(void) { return S("model-1"); }

static const Provider fake_first = {
    .name = "first",
    .chat_model = fake_model,
    .embed_model = fake_model,
    .transcribe_model = fake_model,
    .image_model = fake_model,
    .chat = first_chat,
    .embed = first_embed,
    .embed_most = 4,
    .transcribe = first_transcribe,
    .image = first_image,
};
static const Provider fake_second = {
    .name = "second", .chat_model = fake_model, .chat = second_chat};

/* -- The world ---------------------------------------------------------------------------------- */

/* Pauses between tries take no time; they are written down. */
static _Atomic int64_t paused_ms, pauses;
static inline Err *pause_noted(Ctx *c, int64_t ms) {
    (void)c;
    atomic_fetch_add(&paused_ms, ms);
    atomic_fetch_add(&pauses, 1);
    return NULL;
}

/* The clock of circuits stands still until a test turns it. */
static _Atomic int64_t clock_us;
static inline int64_t clock_now(void) { return atomic_load(&clock_us); }
static inline void clock_turn(int64_t ms) { atomic_fetch_add(&clock_us, ms * US_PER_MS); }

static struct App other_node;
static PolicyTuning tuning_usual;
static AiSettings settings_usual_ai;
static bool usual_saved;

static inline void ai_begin(Ctx *c) {
    static const Provider *const fakes[] = {&fake_first, &fake_second, &provider_local};
    if (!usual_saved) {
        tuning_usual = policy_tuning;
        settings_usual_ai = ai_settings;
    }
    usual_saved = true;
    policy_tuning = tuning_usual;
    policy_tuning.now_us = clock_now;
    policy_tuning.sleep = pause_noted;
    policy_tuning.slow_ms = 0;
    policy_tuning.poll_ms = 5;
    ai_settings = settings_usual_ai;
    ai_settings.chat_provider = ai_settings.embed_provider = ai_settings.transcribe_provider =
        ai_settings.image_provider = S("first");
    ai_settings.embed_dimensions = 16;
    atomic_store(&clock_us, US_PER_HOUR);
    atomic_store(&paused_ms, 0);
    atomic_store(&pauses, 0);
    SCRIPT(&first, {.tokens = 10});
    SCRIPT(&second, {.text = "second's", .tokens = 10});
    providers_set(fakes, COUNT(fakes));
    world.app.cache = cache_new(8 * MIB, NULL);
    other_node = (struct App){world.app.db, cache_new(8 * MIB, NULL)};
    c->app = &world.app;
}

static inline void ai_end(void) {
    cache_free(world.app.cache);
    cache_free(other_node.cache);
    providers_set(NULL, 0);
}

#define AI(name)                   \
    static void name##_ai(Ctx *c); \
    WORK(name) {                   \
        ai_begin(c);               \
        name##_ai(c);              \
        ai_end();                  \
    }                              \
    static void name##_ai(Ctx *c)

/* -- Asking --------------------------------------------------------------------------------------- */

static inline ChatRequest chat_of(const char *text) {
    static _Thread_local ChatPart part;
    static _Thread_local ChatMessage message;
    part = (ChatPart){.kind = CHAT_TEXT, .text = str_c(text)};
    message = (ChatMessage){CHAT_USER, &part, 1};
    return (ChatRequest){.messages = &message, .message_count = 1};
}

/* Many coroutines on both loops ask the same; what became of them. */
typedef struct Crowd {
    ChatRequest request;
    ChatPart part;
    ChatMessage message;
    struct App *apps[2];
    Err *(*on_text)(Ctx *c, Str piece, void *arg); /* of the first one only */
    atomic_int left, good, kept, failed;
} Crowd;

static inline void crowd_member(Ctx *c, void *arg) {
    Crowd *crowd = arg;
    ChatAnswer answer;
    ctx_deadline_within(c, 20000);
    Err *err = chat(c, &crowd->request, &answer);
    if (err) {
        atomic_fetch_add(&crowd->failed, 1);
    } else {
        atomic_fetch_add(&crowd->good, 1);
        atomic_fetch_add(&crowd->kept, answer.origin.kept);
    }
    atomic_fetch_sub(&crowd->left, 1);
}

static inline void crowd_start(Crowd *crowd, const char *text, int count) {
    crowd->part = (ChatPart){.kind = CHAT_TEXT, .text = str_c(text)};
    crowd->message = (ChatMessage){CHAT_USER, &crowd->part, 1};
    crowd->request.messages = &crowd->message;
    crowd->request.message_count = 1;
    atomic_store(&crowd->left, count);
    for (int i = 0; i < count; i++) {
        struct App *app = crowd->apps[i % 2] ? crowd->apps[i % 2] : &world.app;
        coro_spawn_on(loop_at(i / 2 % loop_count()), (CoroOptions){.name = "asks", .app = app},
                      crowd_member, crowd);
    }
}

static inline void crowd_wait(Ctx *c, Crowd *crowd) {
    for (int64_t until = mono_us() + 30 * US_PER_SECOND; mono_us() < until;) {
        if (atomic_load(&crowd->left) == 0) return;
        if (sleep_ms(c, 2) != NULL) return;
    }
    CHECK(atomic_load(&crowd->left) == 0);
}

#endif
