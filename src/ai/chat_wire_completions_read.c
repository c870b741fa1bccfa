/* SPDX-License-Identifier: Apache-2.0
 * Answers of chat/completions, whole and in pieces. A whole message and a delta have the same
 * members, so that one function reads both. */
#include "ai/chat_wire.h"

/* -- one message or delta ---------------------------------------------------------------------- */

static Err *text_read(Ctx *c, ChatReader *r, Str text) {
    Err *err = NULL;
    if (text.len == 0) return NULL;
    ChatDraft *d = chat_draft(c, r, CHAT_TEXT, -1, &err);
    return d ? chat_add_text(c, r, d, text) : err;
}

/* Mistral's thoughts come as chunks of chunks; they go back as one. */
static Err *thinking_read(Ctx *c, ChatReader *r, const json_t *thinking) {
    Err *err = NULL;
    ChatDraft *d = chat_draft(c, r, CHAT_OPAQUE, -1, &err);
    if (!d) return err;
    if (json_is_string(thinking)) return chat_add(c, r, &d->text, json_str(thinking));
    for (size_t i = 0; i < json_array_size(thinking); i++)
        TRY(chat_add(c, r, &d->text, json_str(json_at(json_array_get(thinking, i), "text"))));
    return NULL;
}

static Err *content_read(Ctx *c, ChatReader *r, const json_t *content) {
    if (json_is_string(content)) return text_read(c, r, json_str(content));
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *chunk = json_array_get(content, i);
        Str type = json_str(json_at(chunk, "type"));
        if (str_eq(type, S("text")) || str_eq(type, S("output_text")))
            TRY(text_read(c, r, json_str(json_at(chunk, "text"))));
        else if (str_eq(type, S("thinking")) && r->dialect->opaque)
            TRY(thinking_read(c, r, json_at(chunk, "thinking")));
        else if (str_eq(type, S("refusal"))) {
            chat_end(c, r, CHAT_REFUSED, S("refusal"));
            TRY(text_read(c, r, json_str(json_at(chunk, "refusal"))));
        }
    }
    return NULL;
}

/* Which call a piece belongs to. Some services give no index, and some the same one to all: then it
 * is a new id that begins another call. */
static ChatDraft *call_draft(Ctx *c, ChatReader *r, const json_t *call, Err **err) {
    Str id = json_str(json_at(call, "id"));
    int64_t index = -1, last = -1;
    for (ptrdiff_t i = 0; i < r->count; i++)
        if (r->drafts[i].kind == CHAT_TOOL_CALL && r->drafts[i].index > last)
            last = r->drafts[i].index;
    if (!chat_count(json_at(call, "index"), &index)) index = id.len ? last + 1 : max_i64(last, 0);
    ChatDraft *d = chat_draft(c, r, CHAT_TOOL_CALL, index, err);
    bool another = d && d->id.len && id.len && !str_eq(buf_str(&d->id), id);
    return another ? chat_draft(c, r, CHAT_TOOL_CALL, last + 1, err) : d;
}

static Err *call_read(Ctx *c, ChatReader *r, const json_t *call) {
    Err *err = NULL;
    ChatDraft *d = call_draft(c, r, call, &err);
    if (!d) return err;
    const json_t *function = json_at(call, "function"), *arguments = json_at(function, "arguments");
    Str id = json_str(json_at(call, "id")), name = json_str(json_at(function, "name"));
    if (d->id.len == 0) TRY(chat_add(c, r, &d->id, id));
    if (d->name.len == 0) TRY(chat_add(c, r, &d->name, name));
    if (json_is_object(arguments)) return chat_add_json(c, r, &d->text, arguments);
    return chat_add(c, r, &d->text, json_str(arguments));
}

static Err *message_read(Ctx *c, ChatReader *r, const json_t *message) {
    TRY(content_read(c, r, json_at(message, "content")));
    Str refusal = json_str(json_at(message, "refusal"));
    if (refusal.len) {
        chat_end(c, r, CHAT_REFUSED, S("refusal"));
        TRY(text_read(c, r, refusal));
    }
    const json_t *calls = json_at(message, "tool_calls");
    for (size_t i = 0; i < json_array_size(calls); i++)
        TRY(call_read(c, r, json_array_get(calls, i)));
    return NULL;
}

/* -- what stands around it --------------------------------------------------------------------- */

static Err *finish_read(Ctx *c, ChatReader *r, const json_t *choice) {
    Str reason = json_str(json_at(choice, "finish_reason"));
    if (reason.len == 0) return NULL;
    if (str_eq(reason, S("error"))) return chat_failure_inside(c, r, S("500"), (Str){0}, (Str){0});
    bool length = str_eq(reason, S("length")) || str_eq(reason, S("model_length"));
    bool refused = str_eq(reason, S("content_filter"));
    bool was_refused = r->out->end == CHAT_REFUSED;
    chat_end(c, r,
             refused  ? CHAT_REFUSED
             : length ? CHAT_LENGTH
                      : CHAT_DONE,
             was_refused ? S("refusal") : reason);
    return NULL;
}

static void usage_read(ChatReader *r, const json_t *usage) {
    AiUsage *to = &r->out->usage;
    bool in = chat_count(json_at(usage, "prompt_tokens"), &to->tokens_in);
    bool out = chat_count(json_at(usage, "completion_tokens"), &to->tokens_out);
    chat_count(json_path(usage, "prompt_tokens_details.cached_tokens"), &to->tokens_cached);
    r->used = r->used || (in && out);
}

static Err *error_read(Ctx *c, ChatReader *r, const json_t *answer, bool *bad) {
    const json_t *error = json_at(answer, "error");
    *bad = json_is_object(error) || json_is_string(error) ||
           str_eq(json_str(json_at(answer, "object")), S("error"));
    if (!*bad) return NULL;
    const json_t *from = json_is_object(error) ? error : answer;
    Str code = json_str(json_at(from, "code"));
    if (json_is_integer(json_at(from, "code")))
        code = strf(c->arena, "%lld", (long long)json_integer_value(json_at(from, "code")));
    Str message = json_is_string(error) ? json_str(error) : json_str(json_at(from, "message"));
    return chat_failure_inside(c, r, code, json_str(json_at(from, "type")), message);
}

static Err *answer_read(Ctx *c, ChatReader *r, const json_t *answer, const char *member) {
    bool bad;
    TRY(error_read(c, r, answer, &bad));
    chat_model_said(c, r, json_str(json_at(answer, "model")));
    usage_read(r, json_at(answer, "usage"));
    const json_t *choice = json_path(answer, "choices.0");
    if (!choice) return NULL;
    TRY(message_read(c, r, json_at(choice, member)));
    return finish_read(c, r, choice);
}

Err *completions_event(Ctx *c, ChatReader *r, const json_t *event) {
    return answer_read(c, r, event, "delta");
}

Err *completions_whole(Ctx *c, ChatReader *r, const json_t *answer) {
    TRY(answer_read(c, r, answer, "message"));
    if (json_is_object(json_path(answer, "choices.0.message"))) r->ended = true;
    return NULL;
}

Str completions_opaque(Arena *arena, const ChatDraft *draft) {
    Buf b = buf_new(arena, draft->text.len + 80);
    JsonOut o = json_out(&b);
    buf_add(&b, S("{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":"));
    json_put_str(&o, buf_str(&draft->text));
    buf_add(&b, S("}]}"));
    return buf_str(&b);
}

/* -- errors ------------------------------------------------------------------------------------ */

static Str text_of(Ctx *c, const json_t *value) {
    if (json_is_integer(value)) return strf(c->arena, "%lld", (long long)json_integer_value(value));
    return json_str(value);
}

/* {"error": {…}} (OpenAI), {"error": "…"} (Ollama), the members at the top (Mistral, vLLM),
 * {"detail": "…" or [{"msg"}]} (FastAPI, Mistral's 422). */
Err *completions_error(Ctx *c, const char *provider, const HttpAnswer *answer,
                       const json_t *body) {
    const json_t *error = json_at(body, "error"), *from = json_is_object(error) ? error : body;
    Str code = text_of(c, json_at(from, "code")), type = json_str(json_at(from, "type"));
    Str message = json_is_string(error) ? json_str(error) : json_str(json_at(from, "message"));
    if (str_is_null(message)) message = json_str(json_path(body, "message.detail.0.msg"));
    if (str_is_null(message)) message = json_str(json_at(body, "detail"));
    if (str_is_null(message)) message = json_str(json_path(body, "detail.0.msg"));
    return wire_failure(c, provider, answer, code, type, message);
}

/* A filter that stops the question is the service's answer to it. */
Err *completions_failure(Ctx *c, ChatReader *r, const HttpAnswer *answer) {
    const json_t *body = chat_parse(r, answer->body), *error = json_at(body, "error");
    Str code = text_of(c, json_at(json_is_object(error) ? error : body, "code"));
    bool filtered =
        str_eq(code, S("content_filter")) || str_eq(code, S("content_policy_violation"));
    if (answer->status == 400 && filtered) {
        chat_end(c, r, CHAT_REFUSED, code);
        return NULL;
    }
    return completions_error(c, r->dialect->provider, answer, body);
}
