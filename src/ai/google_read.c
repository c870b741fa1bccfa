/* SPDX-License-Identifier: Apache-2.0
 * Answers of generateContent. Each event of a stream is a whole answer with the parts that are new,
 * so that one function reads both.
 *
 * A stream has no last word. The reason why it ends stands in its last event, but older models say
 * STOP in every one; what was used in all is told in the last one only of these. Both together are
 * the end; a reason alone is one when the stream ends well. Thoughts are left out, what is signed
 * keeps its signature. */
#include "ai/google.h"

/* -- parts ------------------------------------------------------------------------------------- */

/* Pieces of text are one part until one is signed: a signature is of what stands before it. */
static Err *text_read(Ctx *c, ChatReader *r, Str text, Str signature) {
    Err *err = NULL;
    ChatDraft *last = r->count ? &r->drafts[r->count - 1] : NULL;
    bool of_text = last && last->kind == CHAT_TEXT;
    if (text.len == 0) /* signs what was said, or nothing that needs it */
        return of_text && !last->signature.len ? chat_add(c, r, &last->signature, signature) : NULL;
    int64_t index = of_text && !last->signature.len ? last->index : r->count;
    ChatDraft *d = chat_draft(c, r, CHAT_TEXT, index, &err);
    if (!d) return err;
    TRY(chat_add_text(c, r, d, text));
    return signature.len ? chat_add(c, r, &d->signature, signature) : NULL;
}

static Err *call_read(Ctx *c, ChatReader *r, const json_t *call, Str signature) {
    Err *err = NULL;
    ChatDraft *d = chat_draft(c, r, CHAT_TOOL_CALL, r->count, &err);
    if (!d) return err;
    TRY(chat_add(c, r, &d->id, json_str(json_at(call, "id"))));
    TRY(chat_add(c, r, &d->name, json_str(json_at(call, "name"))));
    TRY(chat_add(c, r, &d->signature, signature));
    const json_t *args = json_at(call, "args");
    return args ? chat_add_json(c, r, &d->text, args) : NULL;
}

static Err *parts_read(Ctx *c, ChatReader *r, const json_t *parts) {
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i), *call = json_at(part, "functionCall");
        Str signature = json_str(json_at(part, "thoughtSignature"));
        if (json_is_true(json_at(part, "thought"))) continue;
        if (json_is_object(call))
            TRY(call_read(c, r, call, signature));
        else if (json_is_string(json_at(part, "text")))
            TRY(text_read(c, r, json_str(json_at(part, "text")), signature));
    }
    return NULL;
}

/* -- what stands around them ------------------------------------------------------------------- */

static bool one_of(Str word, const char *const *words) {
    for (; *words; words++)
        if (str_eq(word, str_c(*words))) return true;
    return false;
}

static bool is_refusal(Str reason) {
    static const char *const words[] = {"SAFETY",
                                        "RECITATION",
                                        "LANGUAGE",
                                        "BLOCKLIST",
                                        "PROHIBITED_CONTENT",
                                        "SPII",
                                        "MODEL_ARMOR",
                                        "IMAGE_SAFETY",
                                        "IMAGE_PROHIBITED_CONTENT",
                                        "IMAGE_RECITATION",
                                        NULL};
    return one_of(reason, words);
}

static bool is_failure(Str reason) {
    static const char *const words[] = {"MALFORMED_FUNCTION_CALL",   "MALFORMED_RESPONSE",
                                        "UNEXPECTED_TOOL_CALL",      "TOO_MANY_TOOL_CALLS",
                                        "MISSING_THOUGHT_SIGNATURE", NULL};
    return one_of(reason, words);
}

Str google_refusal(const json_t *answer) {
    Str blocked = json_str(json_path(answer, "promptFeedback.blockReason"));
    if (blocked.len) return blocked;
    Str reason = json_str(json_path(answer, "candidates.0.finishReason"));
    return is_refusal(reason) ? reason : (Str){0};
}

void google_usage(const json_t *answer, AiUsage *usage, bool *whole) {
    const json_t *from = json_at(answer, "usageMetadata");
    int64_t in, tools = 0, out = 0, thoughts = 0, cached = 0, total = 0;
    *whole = false;
    if (!chat_count(json_at(from, "promptTokenCount"), &in)) return;
    chat_count(json_at(from, "toolUsePromptTokenCount"), &tools);
    chat_count(json_at(from, "candidatesTokenCount"), &out);
    chat_count(json_at(from, "thoughtsTokenCount"), &thoughts);
    chat_count(json_at(from, "cachedContentTokenCount"), &cached);
    *whole = chat_count(json_at(from, "totalTokenCount"), &total);
    usage->tokens_in = in + tools;
    usage->tokens_out = out + thoughts;
    usage->tokens_cached = cached;
}

static Err *finish_read(Ctx *c, ChatReader *r, const json_t *answer, bool used) {
    Str blocked = json_str(json_path(answer, "promptFeedback.blockReason"));
    if (blocked.len) {
        chat_end(c, r, CHAT_REFUSED, blocked);
        return NULL;
    }
    Str reason = json_str(json_path(answer, "candidates.0.finishReason"));
    if (reason.len == 0 || str_eq(reason, S("FINISH_REASON_UNSPECIFIED"))) return NULL;
    if (is_failure(reason)) return chat_bad(c, r, "broke off: it called a tool as it must not");
    bool stop = str_eq(reason, S("STOP")), length = str_eq(reason, S("MAX_TOKENS"));
    bool refused = is_refusal(reason);
    if (!stop && !length && !refused && r->count == 0)
        return chat_bad(c, r, "ended without an answer, for a reason of its own");
    bool other = str_eq(reason, S("OTHER"));
    chat_end(c, r, refused ? CHAT_REFUSED : length || other ? CHAT_LENGTH : CHAT_DONE, reason);
    r->unsure = stop && !used;
    return NULL;
}

static bool is_answer(const json_t *event) {
    static const char *const members[] = {"candidates", "promptFeedback", "usageMetadata",
                                          "responseId", "modelVersion"};
    for (ptrdiff_t i = 0; i < COUNT(members); i++)
        if (json_at(event, members[i])) return true;
    return false;
}

/* An error that comes after status 200 says in `code` which status it would have had. */
static Err *error_inside(Ctx *c, ChatReader *r, const json_t *error) {
    HttpAnswer answer = r->answer;
    int64_t code = 0;
    chat_count(json_at(error, "code"), &code);
    answer.status = code >= 400 && code < 600 && code != 499 ? (int)code : 500;
    return google_error(c, r->dialect->provider, &answer, error);
}

Err *google_event(Ctx *c, ChatReader *r, const json_t *event) {
    const json_t *error = google_error_of(event);
    bool used;
    if (error) return error_inside(c, r, error);
    if (!is_answer(event)) return chat_bad(c, r, "answered with what is no answer");
    chat_model_said(c, r, json_str(json_at(event, "modelVersion")));
    google_usage(event, &r->out->usage, &used);
    r->used = r->used || used;
    TRY(parts_read(c, r, json_path(event, "candidates.0.content.parts")));
    return finish_read(c, r, event, used);
}
