/* SPDX-License-Identifier: Apache-2.0
 * What a bad status means: may the call be made again, and when; is it our key, our account's
 * money, our request, or the service. Statuses alone do not say it (an empty account is 400, 402,
 * 403 or 429, by service), so the words that services put into code, type and message are looked
 * at first.
 *
 * The provider's message is read and never passed on: services quote prompts and parts of keys in
 * it. */
#include "ai/wire.h"
#include "core/time.h"

enum { RETRY_MAX_S = 24 * 3600, WORD_MAX = 64 };

/* -- when to come back ------------------------------------------------------------------------- */

static int64_t whole_seconds(double seconds) {
    if (!(seconds > 0)) return 0;
    return seconds >= RETRY_MAX_S ? RETRY_MAX_S
                                  : (int64_t)seconds + ((double)(int64_t)seconds < seconds);
}

/* "6m0s", "12ms", "1.5s", "1h2m": as Go writes durations. -1: it is none. */
static double go_seconds(Str text) {
    double total = 0;
    for (ptrdiff_t i = 0; i < text.len;) {
        ptrdiff_t from = i;
        double number;
        while (i < text.len &&
               ((text.data[i] >= '0' && text.data[i] <= '9') || text.data[i] == '.'))
            i++;
        if (!str_to_f64(str_slice(text, from, i), &number)) return -1;
        Str unit = str_slice(text, i, text.len);
        if (str_starts(unit, S("ms"))) {
            total += number / 1000;
            i += 2;
        } else if (unit.len &&
                   (unit.data[0] == 'h' || unit.data[0] == 'm' || unit.data[0] == 's')) {
            total += number * (unit.data[0] == 'h' ? 3600 : unit.data[0] == 'm' ? 60 : 1);
            i++;
        } else {
            return -1;
        }
    }
    return total;
}

/* Of a limit that is used up, when there is room again: "6m0s" (OpenAI) or a time (Anthropic). */
static int64_t limit_reset_s(Ctx *c, const HttpAnswer *answer, const char *kind) {
    static const char *const shapes[][2] = {
        {"x-ratelimit-remaining-%s", "x-ratelimit-reset-%s"},
        {"anthropic-ratelimit-%s-remaining", "anthropic-ratelimit-%s-reset"}};
    for (ptrdiff_t i = 0; i < COUNT(shapes); i++) {
        Buf names[2];
        for (int k = 0; k < 2; k++) { /* the only directive of a shape is the kind */
            Str shape = str_c(shapes[i][k]), tail;
            names[k] = buf_new(c->arena, 64);
            tail = str_cut(shape, '%', &shape);
            buf_add(&names[k], shape);
            buf_add(&names[k], str_c(kind));
            buf_add(&names[k], str_slice(tail, 1, tail.len));
        }
        Time at;
        Str reset = answer_header(answer, buf_str(&names[1]));
        if (!str_eq(answer_header(answer, buf_str(&names[0])), S("0")) || reset.len == 0) continue;
        if (time_parse(reset, &at))
            return whole_seconds((double)(at.us - time_now().us) / (double)US_PER_SECOND);
        return whole_seconds(go_seconds(reset));
    }
    return 0;
}

int64_t wire_seconds(Str duration) { return whole_seconds(go_seconds(duration)); }

static int64_t retry_after_s(Ctx *c, const HttpAnswer *answer) {
    double number;
    Time at;
    if (str_to_f64(answer_header(answer, S("Retry-After-Ms")), &number))
        return whole_seconds(number / 1000);
    Str text = answer_header(answer, S("Retry-After"));
    if (str_to_f64(text, &number)) return whole_seconds(number);
    if (!str_is_null(text) && time_parse_http(text, &at))
        return whole_seconds((double)(at.us - time_now().us) / (double)US_PER_SECOND);
    static const char *const kinds[] = {"requests", "tokens", "input-tokens", "output-tokens"};
    int64_t latest = 0;
    for (ptrdiff_t i = 0; answer->status == 429 && i < COUNT(kinds); i++)
        latest = max_i64(latest, limit_reset_s(c, answer, kinds[i]));
    return latest;
}

/* -- what it is -------------------------------------------------------------------------------- */

typedef struct Said {
    Str code, type, message; /* lower case */
} Said;

static bool any_of(Str text, const char *const *words) {
    for (; *words; words++)
        if (str_find(text, str_c(*words)) >= 0) return true;
    return false;
}

static bool says(const Said *said, const char *const *names, const char *const *phrases) {
    return any_of(said->code, names) || any_of(said->type, names) || any_of(said->message, phrases);
}

static bool is_money(const Said *said, int status) {
    static const char *const names[] = {"insufficient_quota",
                                        "insufficient_balance",
                                        "insufficient_credit",
                                        "credit_balance",
                                        "billing",
                                        "spend_limit",
                                        "spending_limit",
                                        "usage_limit",
                                        "payment_required",
                                        "quota_exhausted",
                                        NULL};
    static const char *const phrases[] = {
        "credit balance is too low", "exceeded your current quota", "spend limit", "spending limit",
        "insufficient credits",      "check your plan and billing", "spending cap", NULL};
    return status == 402 || says(said, names, phrases);
}

static bool is_context(const Said *said, int status) {
    static const char *const names[] = {"context_length", "string_above_max_length",
                                        "context_window", "request_too_large", NULL};
    static const char *const phrases[] = {"prompt is too long",
                                          "maximum context length",
                                          "context window",
                                          "context length",
                                          "too large for model",
                                          "input is too long",
                                          "exceeds the maximum number of tokens",
                                          "input length and `max_tokens` exceed",
                                          NULL};
    return status == 413 || (status < 429 && says(said, names, phrases));
}

static bool is_model(const Said *said, int status) {
    static const char *const names[] = {"model_not_found", "invalid_model", "unknown_model",
                                        "model_not_available", NULL};
    static const char *const phrases[] = {"invalid model", "model not found", "unknown model",
                                          NULL};
    if (any_of(said->code, names) || any_of(said->type, names)) return true;
    if (status == 404) return str_find(said->message, S("model")) >= 0;
    return status == 400 && any_of(said->message, phrases);
}

static bool is_key(const Said *said, int status) {
    static const char *const names[] = {"invalid_api_key", "api_key_invalid", "authentication_error",
                                        "permission_error", NULL};
    return status == 401 || status == 403 || any_of(said->code, names) || any_of(said->type, names);
}

static bool is_overload(const Said *said, int status) {
    static const char *const names[] = {"overloaded", NULL};
    return status == 529 || any_of(said->code, names) || any_of(said->type, names);
}

/* A word of the provider that may stand in an error: an identifier, not prose. */
static Str safe_word(Str word) {
    for (ptrdiff_t i = 0; i < word.len; i++) {
        char b = word.data[i];
        bool plain = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
                     b == '_' || b == '-' || b == '.';
        if (!plain) return S("");
    }
    return word.len <= WORD_MAX ? word : S("");
}

static Str what_it_said(Ctx *c, const char *provider, int status, Str code, Str type) {
    Str words[] = {safe_word(type), safe_word(code)};
    Str said = strf(c->arena, "%s answered %d", provider, status);
    if (words[0].len && words[1].len && !str_eq(words[0], words[1]))
        return strf(c->arena, "%.*s (%.*s, %.*s)", S_ARG(said), S_ARG(words[0]), S_ARG(words[1]));
    Str word = words[0].len ? words[0] : words[1];
    return word.len ? strf(c->arena, "%.*s (%.*s)", S_ARG(said), S_ARG(word)) : said;
}

static Err *refusal_of(Ctx *c, const Said *said, int status, Str what, Str should_retry) {
    bool never = str_eq(should_retry, S("false"));
    if (is_money(said, status) || (status == 429 && never))
        AI_FAIL(c, PAYMENT_REQUIRED, "ai_provider_quota", "%.*s: the account has nothing left.",
                S_ARG(what));
    if (is_context(said, status))
        AI_FAIL(c, INVALID, "ai_context_too_long", "%.*s: the request is too long for the model.",
                S_ARG(what));
    if (is_model(said, status))
        AI_FAIL(c, INVALID, "ai_unknown_model", "%.*s: it has no such model.", S_ARG(what));
    if (is_key(said, status))
        AI_FAIL(c, NOT_CONFIGURED, "ai_wrong_key", "%.*s: the key is wrong, or may not do this.",
                S_ARG(what));
    if (status == 404 && said->message.len == 0)
        FAIL(c, NOT_CONFIGURED, "%.*s: is the address of the service right?", S_ARG(what));
    if (status == 429) FAIL(c, RATE_LIMITED, "%.*s: too many requests.", S_ARG(what));
    if (is_overload(said, status))
        AI_FAIL(c, UPSTREAM, "ai_overloaded", "%.*s: it is overloaded.", S_ARG(what));
    bool passing = status == 408 || status == 409 || status >= 500;
    if ((passing && !never) || str_eq(should_retry, S("true")))
        FAIL(c, UPSTREAM, "%.*s.", S_ARG(what));
    if (status < 400) AI_FAIL(c, UPSTREAM, "ai_bad_answer", "%.*s.", S_ARG(what));
    AI_FAIL(c, INVALID, "ai_refused_request", "%.*s: it refuses the request.", S_ARG(what));
}

Err *wire_failure(Ctx *c, const char *provider, const HttpAnswer *answer, Str code, Str type,
                  Str message) {
    assert(provider && answer);
    Said said = {str_lower(c->arena, code), str_lower(c->arena, type),
                 str_lower(c->arena, message)};
    Str what = what_it_said(c, provider, answer->status, code, type);
    Err *err =
        refusal_of(c, &said, answer->status, what, answer_header(answer, S("X-Should-Retry")));
    err->where = __func__;
    if (err_retryable(err->kind)) err->retry_after_s = retry_after_s(c, answer);
    return err;
}
