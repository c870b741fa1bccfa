/* SPDX-License-Identifier: Apache-2.0
 * What all calls to models have in common: who answers, who pays, what it used, how it fails.
 *
 * Providers: openai (and whatever speaks its API: OPENAI_BASE_URL), anthropic, mistral, gemini,
 * vertex, and local, which needs no key and is never taken for a model: what it makes says
 * `local`. The settings name a provider and a model for each kind of call; a request may name others.
 *
 * Between caller and provider stands one policy (policy.h): a limit in time, further tries only
 * where they can help, a circuit for each provider, a second provider when the first is away, equal
 * calls made once, what was answered kept by its content where the caller allows it, and what it
 * used written to the ledger.
 *
 * Errors of all calls, with Err.code where it says more than the kind:
 *   NOT_CONFIGURED  no such provider, or its key or model is missing: the detail names the setting
 *   INVALID         the provider refuses the request for good (`ai_refused_request`,
 *                   `ai_context_too_long`, `ai_unknown_model`), or the request contradicts itself
 *   UNAUTHENTICATED is never given: a wrong key of ours is NOT_CONFIGURED (`ai_wrong_key`)
 *   PAYMENT_REQUIRED  the provider's account is empty (`ai_provider_quota`): trying again is no use
 *   RATE_LIMITED    with retry_after_s where the provider told it
 *   UPSTREAM        failed, cut short, or answered what is none (`ai_bad_answer`, `ai_cut_short`)
 *   UNAVAILABLE     the provider's circuit is open, with retry_after_s
 *   TIMEOUT, CANCELLED, BUDGET
 * A model's refusal or an answer stopped for safety is an answer (ChatEnd), not an error.
 * Texts of prompts and answers never reach a log or an error. */
#ifndef SOCLE_AI_AI_H
#define SOCLE_AI_AI_H

#include "core/json.h"
#include "core/record.h"

/* Who pays. Zeroed: nobody, nothing is written. Lines are `ai_tokens` and `ai_money_micros` of
 * `owner`, once for each key: after a crash the same call again costs nothing more. */
typedef struct AiPayer {
    Str owner; /* of the ledger: "tenant:7" */
    Str key;   /* what it is for: "turn:42" */
} AiPayer;

/* What a call used. Counts that the provider did not tell are estimated, and `estimated` says so. */
typedef struct AiUsage {
    int64_t tokens_in, tokens_out; /* out: thinking included */
    int64_t tokens_cached;         /* of tokens_in, those that the provider had kept */
    int64_t millis_audio, images;  /* transcribed or spoken; made */
    int64_t millis_video;          /* made */
    int64_t cost_micros;           /* millionths of the price list's currency; 0 for unknown models */
    bool estimated, priced;
} AiUsage;

/* Who answered, and how. */
typedef struct AiOrigin {
    Str provider, model; /* as the provider names the model that answered, else the one asked for */
    Str request_id;      /* the provider's, for its support; null: none */
    int64_t latency_ms;  /* of the call that succeeded */
    int64_t first_ms;    /* to the first piece of a streamed answer */
    int tries;           /* calls made, over all providers; 0: kept from before */
    bool kept;           /* given again from what was answered before */
    bool fallback;       /* by the second provider */
} AiOrigin;

/* About how many tokens a text is: by words and characters, never fewer than half nor more than
 * twice what common tokenizers count in French and English. For budgets, not for bills. */
int64_t ai_tokens(Str text);
/* The longest beginning of text that is about `tokens`, cut at the end of a sentence or a word. */
Str ai_tokens_cut(Str text, int64_t tokens);

#endif
