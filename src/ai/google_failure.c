/* SPDX-License-Identifier: Apache-2.0
 * google.rpc errors. RESOURCE_EXHAUSTED is two things: too many requests in a minute, which pass
 * (RetryInfo says when), and a day's or an account's quota, which it is no use to knock at. Both
 * come with the same sentence about plan and billing, so that the message of the first is kept from
 * wire_failure, which takes it for an empty account. */
#include "ai/google.h"

const json_t *google_error_of(const json_t *answer) {
    const json_t *from = json_is_array(answer) ? json_array_get(answer, 0) : answer;
    const json_t *error = json_at(from, "error");
    return json_is_object(error) ? error : NULL;
}

/* The member of the first detail that has it. */
static const json_t *detail(const json_t *error, const char *member) {
    const json_t *details = json_at(error, "details");
    for (size_t i = 0; i < json_array_size(details); i++) {
        const json_t *value = json_at(json_array_get(details, i), member);
        if (value) return value;
    }
    return NULL;
}

/* "…, limit: 0, model: …": nothing is allowed at all. */
static bool says_limit_zero(Str message) {
    ptrdiff_t at = str_find(message, S("limit: 0"));
    if (at < 0) return false;
    Str rest = str_slice(message, at + 8, message.len);
    return rest.len == 0 || ((rest.data[0] < '0' || rest.data[0] > '9') && rest.data[0] != '.');
}

static bool is_used_up(const json_t *error, Str message) {
    const json_t *violations = detail(error, "violations");
    for (size_t i = 0; i < json_array_size(violations); i++) {
        const json_t *one = json_array_get(violations, i);
        Str id = json_str(json_at(one, "quotaId")), value = json_str(json_at(one, "quotaValue"));
        if (str_find(id, S("PerDay")) >= 0 || str_eq(value, S("0"))) return true;
    }
    return says_limit_zero(message) || str_find(message, S("spending cap")) >= 0;
}

Err *google_error(Ctx *c, const char *provider, const HttpAnswer *answer, const json_t *error) {
    Str message = json_str(json_at(error, "message")), status = json_str(json_at(error, "status"));
    Str code = json_str(detail(error, "reason"));
    if (answer->status == 401)
        AI_FAIL(c, NOT_CONFIGURED, "ai_token_refused",
                "%s answered 401: the key or token is wrong, or has run out.", provider);
    if (answer->status == 400 && str_eq(status, S("FAILED_PRECONDITION")))
        FAIL(c, NOT_CONFIGURED,
             "%s answered 400 (FAILED_PRECONDITION): the account may not use it from here, or not "
             "without paying.",
             provider);
    if (answer->status == 429) {
        code = is_used_up(error, message) ? S("quota_exhausted") : code;
        message = (Str){0};
    }
    if (answer->status == 503 && str_find(message, S("overloaded")) >= 0) code = S("overloaded");
    Err *err = wire_failure(c, provider, answer, code, status, message);
    if (err_retryable(err->kind))
        err->retry_after_s =
            max_i64(err->retry_after_s, wire_seconds(json_str(detail(error, "retryDelay"))));
    return err;
}

Err *google_failure(Ctx *c, ChatReader *r, const HttpAnswer *answer) {
    return google_error(c, r->dialect->provider, answer,
                        google_error_of(chat_parse(r, answer->body)));
}
