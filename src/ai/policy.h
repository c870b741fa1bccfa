/* SPDX-License-Identifier: Apache-2.0
 * The policy between callers and providers. Room-internal, but for api/ai_module.c and ops, which look
 * at providers and figures.
 *
 *   one call ─▶ for the provider, then for the second one
 *                 for each try: circuit ─▶ a place (AI_CONCURRENCY) ─▶ Provider.xxx ─▶ circuit
 *                               pause: full jitter, Retry-After is its floor
 *
 *   - Another try is made after an error whose kind is retryable, within the call's time, and never
 *     once anything was told to the caller. A pause that does not fit into the time left is not
 *     begun: the error at hand is returned with its retry_after_s.
 *   - The second provider is asked when the first one's failure says nothing about the request
 *     (away, circuit open, empty account, unknown model, too long a context for it). While there is
 *     a second one, the first may use two thirds of the time until its first piece of text.
 *   - Circuits are of this process, one for each provider and kind of call. */
#ifndef SOCLE_AI_POLICY_H
#define SOCLE_AI_POLICY_H

#include "ai/provider.h"

typedef enum AiKind { AI_CHAT, AI_EMBED, AI_TRANSCRIBE, AI_SPEAK, AI_IMAGE, AI_KINDS } AiKind;
const char *ai_kind_name(AiKind kind);

/* -- Providers --------------------------------------------------------------------------------- */

enum { PROVIDERS_MAX = 12 };
/* NULL beyond the last. */
const Provider *provider_at(ptrdiff_t i);
ptrdiff_t provider_index(const Provider *p);
const Provider *provider_named(Str name); /* NULL: unknown */
/* Can it do this kind of call at all? And the settings' model for it. */
bool provider_does(const Provider *p, AiKind kind);
Str provider_model(const Provider *p, AiKind kind);
/* Name of the provider that the settings give a kind of call; "" for nobody. */
Str provider_usual(AiKind kind);
/* For tests: these instead of the real ones (NULL: the real ones again), all circuits closed, all
 * figures 0, places by the present settings. Nobody may be in a call. */
void providers_set(const Provider *const *providers, ptrdiff_t count);
void places_reset(void); /* of policy.c, for the former */

/* -- One call ---------------------------------------------------------------------------------- */

typedef struct PolicyTry {
    void *arg;
    AiUsage usage;
    AiOrigin origin;
    bool told, alive;
    int64_t began_us;    /* monotonic */
    int64_t whole_until; /* the call's own deadline, for who goes on after the first piece */
} PolicyTry;

typedef struct PolicyCall {
    AiKind kind;
    Str provider, model; /* null: the settings' */
    Str fallback;        /* name of the second provider; "": none */
    int64_t timeout_ms;  /* of the whole call; 0: AI_TIMEOUT_MS */
    int64_t try_ms;      /* of each try; 0: what is left */
    int64_t tries;       /* 0: AI_TRIES */
    /* Ask the provider once. usage and origin are zeroed; they are filled as far as known also when
     * it fails. `told` and `alive` may be set: something has reached the caller, so this is the last
     * try; the error is not the provider's absence, its circuit does not count it. */
    Err *(*ask)(Ctx *c, const Provider *p, Str model, PolicyTry *one);
    void *arg;
} PolicyCall;

/* usage: of all tries together, priced; origin: of the one that succeeded. Both are filled also when
 * the call fails. Waits. */
MUST_USE Err *policy_call(Ctx *c, const PolicyCall *call, AiUsage *usage, AiOrigin *origin);

/* The provider and model that such a call would ask first, with their errors. */
MUST_USE Err *policy_choose(Ctx *c, AiKind kind, Str provider, Str model, const Provider **p,
                            Str *chosen_model);

/* -- Payers ------------------------------------------------------------------------------------ */

/* INVALID for a payer whose owner or key the ledger would not take: before anything is asked. */
MUST_USE Err *payer_check(Ctx *c, AiPayer payer);
/* Write the lines; joins the transaction under way. */
MUST_USE Err *payer_charge(Ctx *c, AiPayer payer, const AiUsage *usage);
/* The same after an answer, though c be late or cancelled. */
MUST_USE Err *payer_charge_surely(Ctx *c, AiPayer payer, const AiUsage *usage);

/* Adds `more` to *to. */
void usage_add(AiUsage *to, const AiUsage *more);
/* Fills in cost_micros and priced: prices.c. */
void usage_price(const char *provider, Str model, AiUsage *usage);
/* Null: AI_PRICES reads well; else what is wrong with it. Takes them over. */
Str prices_set(Arena *arena, Str json);

/* -- Circuits ---------------------------------------------------------------------------------- */

/*            failures in a row, or their share in the window
 *   CLOSED ────────────────────────────────────────────────────▶ OPEN ◀────────┐
 *      ▲                                                          │ open_ms     │ the probe fails:
 *      │ the probe is good                                        ▼             │ twice as long
 *      └─────────────────────────────────────────────────────  HALF ────────────┘
 *   HALF: one call goes through, the others are refused until it is back. */
typedef enum CircuitState { CIRCUIT_CLOSED, CIRCUIT_HALF, CIRCUIT_OPEN } CircuitState;
typedef enum CircuitResult { CALL_GOOD, CALL_BAD, CALL_NEITHER } CircuitResult;

typedef struct CircuitPass {
    bool probe;
} CircuitPass;
/* May a call go through now? False: not for another *wait_ms. */
MUST_USE bool circuit_enter(ptrdiff_t provider, AiKind kind, CircuitPass *pass, int64_t *wait_ms);
void circuit_leave(ptrdiff_t provider, AiKind kind, CircuitPass pass, CircuitResult result);
CircuitState circuit_state(ptrdiff_t provider, AiKind kind);
void circuits_reset(void);

/* What tests make smaller, and the clock that they turn. */
typedef struct PolicyTuning {
    int64_t failures;       /* in a row that open a circuit */
    int64_t window_ms;      /* in which shares are counted */
    int64_t window_calls;   /* fewer calls than these have no share */
    int64_t window_percent; /* of failures that opens it */
    int64_t open_ms, open_max_ms;
    int64_t pause_ms, pause_max_ms;    /* before the second try at most; before any */
    int64_t slow_ms;                   /* a time-out sooner than this is the caller's haste */
    int64_t lease_ms, poll_ms;         /* kept.c */
    int64_t (*now_us)(void);           /* of circuits */
    Err *(*sleep)(Ctx *c, int64_t ms); /* of pauses between tries */
} PolicyTuning;
extern PolicyTuning policy_tuning;

/* -- Figures ----------------------------------------------------------------------------------- */

enum { AI_TIME_BOUNDS = 10 };
extern const int64_t ai_time_bounds_us[AI_TIME_BOUNDS];

/* Of one provider and kind of call, since the start of the process. */
typedef struct AiFigures {
    int64_t calls, retries, fallbacks; /* fallbacks: answered instead of another */
    int64_t errors[ERR_KIND_COUNT];
    int64_t tokens_in, tokens_out, tokens_cached, cost_micros;
    int64_t kept; /* given from what was kept: no call was made */
    int64_t times[AI_TIME_BOUNDS + 1], sum_us;
    int64_t under_way;
} AiFigures;
AiFigures ai_figures(ptrdiff_t provider, AiKind kind);

void figures_call(ptrdiff_t provider, AiKind kind, const Err *err, const AiUsage *usage,
                  int64_t took_us);
void figures_retry(ptrdiff_t provider, AiKind kind);
void figures_fallback(ptrdiff_t provider, AiKind kind);
void figures_kept(ptrdiff_t provider, AiKind kind, int64_t count);
void figures_under_way(ptrdiff_t provider, AiKind kind, int64_t change);
void figures_reset(void);

#endif
