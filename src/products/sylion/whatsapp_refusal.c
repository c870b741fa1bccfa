/* SPDX-License-Identifier: Apache-2.0
 * What the providers' refusals mean. Meta's `error.code` decides, not the HTTP status;
 * 360dialog passes Meta's errors on and has a shape of its own, in two spellings, where 400 is
 * also "too fast" and "invoice unpaid". Whoever sends may repeat a message only after
 * RATE_LIMITED and UNAVAILABLE: an answer that does not surely mean "not sent" is UPSTREAM. */
#include <strings.h>

#include "core/json.h"
#include "products/sylion/whatsapp_door.h"

enum { WORDS_MAX = 400 };

typedef struct CodeKind {
    int64_t first, last;
    ErrKind kind;
    int64_t after_s; /* when nothing else says so */
} CodeKind;

static const CodeKind codes[] = {
    {0, 0, ERR_NOT_CONFIGURED, 0},           /* the token does not authenticate */
    {1, 2, ERR_UNAVAILABLE, 5},              /* passing */
    {3, 3, ERR_NOT_CONFIGURED, 0},           /* lacks a capability */
    {4, 4, ERR_RATE_LIMITED, 60},            /* the app's calls */
    {10, 10, ERR_NOT_CONFIGURED, 0},         /* permission */
    {190, 190, ERR_NOT_CONFIGURED, 0},       /* token expired */
    {200, 299, ERR_NOT_CONFIGURED, 0},       /* permissions */
    {80007, 80007, ERR_RATE_LIMITED, 60},    /* the business account's calls */
    {130429, 130429, ERR_RATE_LIMITED, 1},   /* throughput of the number */
    {131000, 131000, ERR_UNAVAILABLE, 5},    /* something went wrong */
    {131005, 131005, ERR_NOT_CONFIGURED, 0}, /* access denied */
    {131016, 131016, ERR_UNAVAILABLE, 5},    /* service away */
    {131048, 131048, ERR_RATE_LIMITED, 600}, /* looks like spam */
    {131056, 131056, ERR_RATE_LIMITED, 6},   /* this pair of numbers */
    {133016, 133016, ERR_RATE_LIMITED, 600}, /* registrations */
};

static int64_t asked_pause_s(const HttpAnswer *answer) {
    int64_t seconds = 0;
    bool good = str_to_i64(answer_header(answer, S("Retry-After")), &seconds);
    return good && seconds > 0 && seconds < 86400 ? seconds : 0;
}

static Err *refusal(Ctx *c, const HttpAnswer *answer, ErrKind kind, Str code, int64_t after_s,
                    Str words) {
    Err *err = err_new(c, kind, __func__, "WhatsApp (%d): %.*s", answer->status,
                       S_ARG(str_utf8_cut(words, WORDS_MAX)));
    if (code.len > 0) err->code = code;
    if (kind == ERR_RATE_LIMITED || kind == ERR_UNAVAILABLE)
        err->retry_after_s = asked_pause_s(answer) ? asked_pause_s(answer) : after_s;
    return err;
}

/* By the status alone: 5xx may have come from something in between, after the message went
 * through. */
static ErrKind kind_of_status(int status) {
    if (status == 429) return ERR_RATE_LIMITED;
    if (status == 401 || status == 403) return ERR_NOT_CONFIGURED;
    return status >= 400 && status < 500 ? ERR_INVALID : ERR_UPSTREAM;
}

static Err *meta_refusal(Ctx *c, const HttpAnswer *answer, const json_t *error) {
    int64_t code;
    Str message = json_str(json_at(error, "message")),
        details = json_str(json_path(error, "error_data.details"));
    Str words = message.len == 0 ? S("refused without a reason") : str_copy(c->arena, message);
    if (details.len > 0 && !str_eq(details, message))
        words = strf(c->arena, "%.*s: %.*s", S_ARG(words), S_ARG(details));
    if (!json_i64(json_at(error, "code"), &code))
        return refusal(c, answer, kind_of_status(answer->status), (Str){0}, 0, words);
    Str text = strf(c->arena, "%lld", (long long)code);
    for (ptrdiff_t i = 0; i < COUNT(codes); i++)
        if (code >= codes[i].first && code <= codes[i].last)
            return refusal(c, answer, codes[i].kind, text, codes[i].after_s, words);
    ErrKind kind = kind_of_status(answer->status);
    /* An unknown code beside a status that blames nobody else: it is about the message. */
    if (answer->status < 500 && kind != ERR_RATE_LIMITED) kind = ERR_INVALID;
    return refusal(c, answer, kind, text, 60, words);
}

static bool says(Arena *arena, Str text, const char *word) {
    return str_find(str_lower(arena, text), str_c(word)) >= 0;
}

static Err *own_refusal(Ctx *c, const HttpAnswer *answer, const json_t *meta) {
    Str words = json_str(json_at(meta, "developer_message"));
    if (words.len == 0) words = json_str(json_at(meta, "developerMessage"));
    if (words.len == 0) words = S("refused without a reason");
    words = str_copy(c->arena, words);
    if (says(c->arena, words, "rate limit"))
        return refusal(c, answer, ERR_RATE_LIMITED, S("rate_limit"), 60, words);
    if (says(c->arena, words, "invoice") || says(c->arena, words, "payment"))
        return refusal(c, answer, ERR_NOT_CONFIGURED, S("unpaid"), 0, words);
    return refusal(c, answer, kind_of_status(answer->status), (Str){0}, 60, words);
}

Err *whatsapp_refusal(Ctx *c, const HttpAnswer *answer) {
    json_t *body;
    Err *err = json_parse(c, answer->body, &body);
    if (!err && json_is_object(json_at(body, "error")))
        return meta_refusal(c, answer, json_at(body, "error"));
    if (!err && json_is_object(json_at(body, "meta")))
        return own_refusal(c, answer, json_at(body, "meta"));
    return refusal(c, answer, kind_of_status(answer->status), (Str){0}, 60,
                   S("an answer in no form that is known"));
}

Err *whatsapp_silence(Ctx *c, const HttpAnswer *answer, Err *err) {
    assert(err);
    if (answer->unsent)
        return err_wrap(c, ERR_UNAVAILABLE, __func__, err, "WhatsApp cannot be reached.");
    if (err->kind == ERR_INVALID || err->kind == ERR_FORBIDDEN)
        return err_wrap(c, ERR_NOT_CONFIGURED, __func__, err,
                        "WhatsApp's address cannot be called: %.*s", S_ARG(err->detail));
    if (err->kind == ERR_TIMEOUT)
        return err_wrap(c, ERR_TIMEOUT, __func__, err, "WhatsApp did not answer in time.");
    return err_wrap(c, ERR_UPSTREAM, __func__, err, "WhatsApp's answer did not arrive.");
}
