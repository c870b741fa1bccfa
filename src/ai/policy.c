/* SPDX-License-Identifier: Apache-2.0
 * One call, its tries, its second provider: see policy.h. */
#include "ai/policy.h"

#include <pthread.h>

#include "ai/settings.h"
#include "core/rand.h"
#include "core/time.h"
#include "data/db.h"
#include "rt/channel.h"
#include "work/ledger.h"

static Err *pause_sleep(Ctx *c, int64_t ms) { return sleep_ms(c, ms); }

PolicyTuning policy_tuning = {
    .failures = 5,
    .window_ms = 60000,
    .window_calls = 20,
    .window_percent = 50,
    .open_ms = 15000,
    .open_max_ms = 240000,
    .pause_ms = 500,
    .pause_max_ms = 8000,
    .slow_ms = 1000,
    .lease_ms = 15000,
    .poll_ms = 50,
    .now_us = mono_us,
    .sleep = pause_sleep,
};

/* -- Places: a channel that holds as many tokens as calls may be under way ----------------------- */

static pthread_mutex_t places_lock = PTHREAD_MUTEX_INITIALIZER;
static Channel *places[PROVIDERS_MAX];

static Channel *places_of(ptrdiff_t provider) {
    static char token;
    pthread_mutex_lock(&places_lock);
    Channel *all = places[provider];
    if (!all) {
        int64_t count = max_i64(ai_settings.concurrency, 1);
        all = places[provider] = channel_new(count);
        for (int64_t i = 0; i < count; i++) {
            bool put = channel_try_send(all, &token);
            assert(put);
            (void)put;
        }
    }
    pthread_mutex_unlock(&places_lock);
    return all;
}

void places_reset(void) {
    for (int i = 0; i < PROVIDERS_MAX; i++) {
        if (places[i]) channel_free(places[i]);
        places[i] = NULL;
    }
}

/* What a try holds, given back on every way out: over its memory's budget the coroutine jumps. */
typedef struct Held {
    ptrdiff_t provider;
    AiKind kind;
    Channel *places;
    void *token; /* NULL: no place */
    bool passed; /* the circuit waits to hear from us */
    CircuitPass pass;
} Held;

static void held_end(void *arg) {
    Held *held = arg;
    if (held->passed) circuit_leave(held->provider, held->kind, held->pass, CALL_NEITHER);
    held->passed = false;
    if (!held->token) return;
    bool back = channel_try_send(held->places, held->token);
    assert(back);
    (void)back;
    held->token = NULL;
    figures_under_way(held->provider, held->kind, -1);
}

/* -- What an error means ------------------------------------------------------------------------- */

static bool code_is(const Err *err, const char *code) { return str_eq(err->code, str_c(code)); }

static bool worth_another_try(const Err *err) {
    return err_retryable(err->kind) && err->kind != ERR_STORAGE_FULL &&
           !code_is(err, "ai_no_recording");
}

static bool another_may_do_better(const Err *err) {
    switch (err->kind) {
    case ERR_UPSTREAM: return !code_is(err, "ai_no_recording");
    case ERR_TIMEOUT:
    case ERR_UNAVAILABLE:
    case ERR_RATE_LIMITED:
    case ERR_PAYMENT_REQUIRED:
    case ERR_NOT_CONFIGURED: return true;
    case ERR_INVALID:
        return code_is(err, "ai_context_too_long") || code_is(err, "ai_unknown_model");
    default: return false;
    }
}

static CircuitResult result_of(const Err *err, const PolicyTry *one) {
    if (!err) return CALL_GOOD;
    if (one->alive || code_is(err, "ai_no_recording")) return CALL_NEITHER;
    int64_t took_ms = (mono_us() - one->began_us) / US_PER_MS;
    switch (err->kind) {
    case ERR_UPSTREAM:
    case ERR_UNAVAILABLE: return CALL_BAD;
    case ERR_TIMEOUT: return took_ms >= policy_tuning.slow_ms ? CALL_BAD : CALL_NEITHER;
    case ERR_INVALID: return CALL_GOOD; /* it answered: it is there */
    default: return CALL_NEITHER;
    }
}

/* -- One try ------------------------------------------------------------------------------------- */

typedef struct Asking {
    const PolicyCall *call;
    const Provider *p;
    ptrdiff_t index;
    Str model;
    int64_t until_us; /* this provider's */
    int64_t whole_until_us;
    AiUsage *usage;
    AiOrigin *origin;
    bool told;
} Asking;

static Err *place_take(Ctx *c, Asking *a, Held *held) {
    int64_t wait_ms;
    if (!circuit_enter(a->index, a->call->kind, &held->pass, &wait_ms)) {
        Err *err = err_new(c, ERR_UNAVAILABLE, __func__,
                           "%s is left alone for a while: too many calls of it failed", a->p->name);
        err->retry_after_s = (wait_ms + 999) / 1000;
        return err;
    }
    held->passed = true;
    held->places = places_of(a->index);
    TRY(channel_receive(c, held->places, &held->token));
    figures_under_way(a->index, a->call->kind, 1);
    return NULL;
}

static Err *try_run(Ctx *c, Asking *a, PolicyTry *one) {
    one->began_us = mono_us();
    a->origin->tries++;
    Err *err = a->call->ask(c, a->p, a->model, one);
    int64_t took_us = mono_us() - one->began_us;
    usage_price(a->p->name, str_is_empty(one->origin.model) ? a->model : one->origin.model,
                &one->usage);
    figures_call(a->index, a->call->kind, err, &one->usage, took_us);
    usage_add(a->usage, &one->usage);
    a->told = a->told || one->told;
    int tries = a->origin->tries;
    *a->origin = one->origin;
    a->origin->tries = tries;
    a->origin->provider = str_c(a->p->name);
    if (str_is_empty(a->origin->model)) a->origin->model = a->model;
    a->origin->latency_ms = took_us / US_PER_MS;
    return err;
}

static Err *try_once(Ctx *c, Asking *a) {
    Held *held = arena_new_of(c->arena, Held);
    *held = (Held){.provider = a->index, .kind = a->call->kind};
    defer(c, held_end, held);
    int64_t former = c->deadline_us;
    c->deadline_us = a->until_us;
    if (a->call->try_ms) ctx_deadline_within(c, a->call->try_ms);
    PolicyTry one = {.arg = a->call->arg, .whole_until = a->whole_until_us};
    Err *err = place_take(c, a, held);
    if (!err) {
        err = try_run(c, a, &one);
        circuit_leave(a->index, a->call->kind, held->pass, result_of(err, &one));
        held->passed = false;
    }
    c->deadline_us = former;
    held_end(held);
    return err;
}

/* -- Tries of one provider ----------------------------------------------------------------------- */

/* Full jitter over a base that doubles; what the provider asks for is the least. */
static int64_t pause_before(int64_t tries_made, const Err *err) {
    int64_t most = policy_tuning.pause_ms;
    for (int64_t i = 1; i < tries_made && most < policy_tuning.pause_max_ms; i++) most *= 2;
    most = min_i64(most, policy_tuning.pause_max_ms);
    int64_t pause = most > 0 ? rand_below(rand_thread(), most + 1) : 0;
    return err->retry_after_s > 0 ? err->retry_after_s * 1000 + pause : pause;
}

/* Circuit or place refused another try: what the provider answered before says more. */
static Err *refused_after(Err *former, Err *refusal) {
    if (!former) return refusal;
    former->retry_after_s = max_i64(former->retry_after_s, refusal->retry_after_s);
    return former;
}

static Err *provider_ask(Ctx *c, Asking *a) {
    int64_t tries = a->call->tries ? a->call->tries : max_i64(ai_settings.tries, 1);
    Err *former = NULL;
    for (int64_t made = 1;; made++) {
        int before = a->origin->tries;
        Err *err = try_once(c, a);
        if (!err || a->told || c->cancelled) return err;
        if (a->origin->tries == before) return refused_after(former, err);
        if (made >= tries || !worth_another_try(err)) return err;
        former = err;
        int64_t pause = pause_before(made, err);
        if (mono_us() + pause * US_PER_MS >= a->until_us) return err;
        figures_retry(a->index, a->call->kind);
        TRY(policy_tuning.sleep(c, pause));
    }
}

/* -- Which provider ------------------------------------------------------------------------------ */

static const char *const kind_settings[AI_KINDS] = {
    "AI_CHAT_PROVIDER",  "EMBED_PROVIDER",    "AI_TRANSCRIBE_PROVIDER",
    "AI_SPEAK_PROVIDER", "AI_IMAGE_PROVIDER",
};

Err *policy_choose(Ctx *c, AiKind kind, Str provider, Str model, const Provider **p,
                   Str *chosen_model) {
    Str name = str_is_empty(provider) ? provider_usual(kind) : provider;
    const char *setting = kind_settings[kind];
    if (str_is_empty(name))
        FAIL(c, NOT_CONFIGURED, "%s names no provider: set it, and its key", setting);
    *p = provider_named(name);
    if (!*p) FAIL(c, NOT_CONFIGURED, "%s: there is no provider %.*s", setting, S_ARG(name));
    if (!provider_does(*p, kind))
        FAIL(c, NOT_CONFIGURED, "%s: %s does not do this (%s)", setting, (*p)->name,
             ai_kind_name(kind));
    Str lacks = (*p)->lacks ? (*p)->lacks(c->arena) : (Str){0};
    if (!str_is_null(lacks)) FAIL(c, NOT_CONFIGURED, "%.*s", S_ARG(lacks));
    *chosen_model = str_is_empty(model) ? provider_model(*p, kind) : model;
    if (str_is_empty(*chosen_model))
        FAIL(c, NOT_CONFIGURED, "%s: no model of %s is named for this", setting, (*p)->name);
    return NULL;
}

static Err *ask_one(Ctx *c, Asking *a, Str provider, Str model, int64_t until_us) {
    TRY(policy_choose(c, a->call->kind, provider, model, &a->p, &a->model));
    a->index = provider_index(a->p);
    a->until_us = until_us;
    return provider_ask(c, a);
}

static Err *ask_second(Ctx *c, Asking *a, Err *first) {
    AiOrigin *origin = a->origin;
    int tries = origin->tries;
    *origin = (AiOrigin){.tries = tries};
    Err *err = ask_one(c, a, a->call->fallback, (Str){0}, a->whole_until_us);
    origin->fallback = true;
    if (!err) figures_fallback(a->index, a->call->kind);
    return err ? err_wrap(c, err->kind, __func__, first, "%.*s", S_ARG(err->detail)) : NULL;
}

Err *policy_call(Ctx *c, const PolicyCall *call, AiUsage *usage, AiOrigin *origin) {
    assert(call->ask && usage && origin);
    assert(!c->tx);
    *usage = (AiUsage){0};
    *origin = (AiOrigin){0};
    int64_t former = c->deadline_us;
    ctx_deadline_within(c, call->timeout_ms ? call->timeout_ms : ai_settings.timeout_ms);
    Asking a = {.call = call, .whole_until_us = c->deadline_us, .usage = usage, .origin = origin};
    Str first = str_is_empty(call->provider) ? provider_usual(call->kind) : call->provider;
    bool second = !str_is_empty(call->fallback) && !str_eq(call->fallback, first);
    int64_t now = mono_us(), until = c->deadline_us;
    if (second) until = now + (until - now) / 3 * 2;
    Err *err = ask_one(c, &a, first, call->model, until);
    if (err && second && !a.told && !c->cancelled && another_may_do_better(err) &&
        mono_us() < a.whole_until_us)
        err = ask_second(c, &a, err);
    c->deadline_us = former;
    return err;
}

/* -- Payers -------------------------------------------------------------------------------------- */

void usage_add(AiUsage *to, const AiUsage *more) {
    bool first = to->tokens_in == 0 && to->tokens_out == 0 && to->millis_audio == 0 && to->millis_video == 0 &&
                 to->images == 0 && to->cost_micros == 0;
    to->tokens_in += more->tokens_in;
    to->tokens_out += more->tokens_out;
    to->tokens_cached += more->tokens_cached;
    to->millis_audio += more->millis_audio;
    to->millis_video += more->millis_video;
    to->images += more->images;
    to->cost_micros += more->cost_micros;
    to->estimated = to->estimated || more->estimated;
    to->priced = (first || to->priced) && more->priced;
}

Err *payer_check(Ctx *c, AiPayer payer) {
    enum { LEDGER_TEXT_MAX = 300 };
    if (str_is_empty(payer.owner)) return NULL;
    if (payer.owner.len > LEDGER_TEXT_MAX || payer.key.len < 1 || payer.key.len > LEDGER_TEXT_MAX)
        FAIL(c, INVALID, "A payer has an owner and a key of 1 to %d bytes", LEDGER_TEXT_MAX);
    return NULL;
}

typedef struct Charge {
    AiPayer payer;
    int64_t tokens, micros;
} Charge;

static Err *charge_in(Ctx *c, void *arg) {
    const Charge *x = arg;
    if (x->tokens > 0)
        TRY(ledger_record(c, x->payer.owner, S("ai_tokens"), x->payer.key, x->tokens));
    if (x->micros > 0)
        TRY(ledger_record(c, x->payer.owner, S("ai_money_micros"), x->payer.key, x->micros));
    return NULL;
}

Err *payer_charge(Ctx *c, AiPayer payer, const AiUsage *usage) {
    Charge x = {payer, usage->tokens_in + usage->tokens_out, usage->cost_micros};
    if (str_is_empty(payer.owner) || (x.tokens <= 0 && x.micros <= 0)) return NULL;
    return db_transaction(c, charge_in, &x);
}

Err *payer_charge_surely(Ctx *c, AiPayer payer, const AiUsage *usage) {
    enum { SURELY_MS = 10000 };
    if (str_is_empty(payer.owner)) return NULL;
    int64_t former = c->deadline_us;
    coro_shield(c);
    c->deadline_us = mono_us() + SURELY_MS * US_PER_MS;
    Err *err = payer_charge(c, payer, usage);
    c->deadline_us = former;
    coro_unshield(c);
    return err;
}
