/* SPDX-License-Identifier: Apache-2.0
 * Anthropic's answers. A stream builds the same content blocks that a whole message has:
 *
 *   message_start ─▶ (content_block_start ─▶ content_block_delta* ─▶ content_block_stop)*
 *                 ─▶ message_delta (why it ended, what it used) ─▶ message_stop
 *
 * `ping` may come anywhere and says nothing; `error` may come after status 200. Thinking blocks are
 * kept with their signatures and go back as they came; blocks of tools that the service runs itself
 * are left out, because we ask for none. */
#include "ai/anthropic.h"

/* -- content blocks ---------------------------------------------------------------------------- */

static Err *opaque_whole(Ctx *c, ChatReader *r, const json_t *block, int64_t index) {
    Err *err = NULL;
    ChatDraft *d = chat_draft(c, r, CHAT_OPAQUE, index, &err);
    if (!d) return err;
    d->ready = true;
    return chat_add_json(c, r, &d->text, block);
}

/* A block as it stands: whole, or the beginning of one. */
static Err *block_read(Ctx *c, ChatReader *r, const json_t *block, int64_t index) {
    Err *err = NULL;
    Str type = json_str(json_at(block, "type"));
    if (str_eq(type, S("text"))) {
        ChatDraft *d = chat_draft(c, r, CHAT_TEXT, index, &err);
        return d ? chat_add_text(c, r, d, json_str(json_at(block, "text"))) : err;
    }
    if (str_eq(type, S("tool_use"))) {
        ChatDraft *d = chat_draft(c, r, CHAT_TOOL_CALL, index, &err);
        if (!d) return err;
        const json_t *input = json_at(block, "input");
        TRY(chat_add(c, r, &d->id, json_str(json_at(block, "id"))));
        TRY(chat_add(c, r, &d->name, json_str(json_at(block, "name"))));
        return json_object_size(input) > 0 ? chat_add_json(c, r, &d->text, input) : NULL;
    }
    if (str_eq(type, S("thinking"))) {
        ChatDraft *d = chat_draft(c, r, CHAT_OPAQUE, index, &err);
        if (!d) return err;
        TRY(chat_add(c, r, &d->text, json_str(json_at(block, "thinking"))));
        return chat_add(c, r, &d->signature, json_str(json_at(block, "signature")));
    }
    if (str_eq(type, S("redacted_thinking"))) return opaque_whole(c, r, block, index);
    return NULL;
}

static ChatDraft *draft_at(ChatReader *r, int64_t index, ChatPartKind kind) {
    for (ptrdiff_t i = 0; i < r->count; i++)
        if (r->drafts[i].index == index && r->drafts[i].kind == kind) return &r->drafts[i];
    return NULL;
}

static Err *delta_read(Ctx *c, ChatReader *r, const json_t *event, int64_t index) {
    static const struct {
        const char *type, *member;
        ChatPartKind kind;
        bool signature;
    } rows[] = {{"text_delta", "text", CHAT_TEXT, false},
                {"input_json_delta", "partial_json", CHAT_TOOL_CALL, false},
                {"thinking_delta", "thinking", CHAT_OPAQUE, false},
                {"signature_delta", "signature", CHAT_OPAQUE, true}};
    const json_t *delta = json_at(event, "delta");
    Str type = json_str(json_at(delta, "type"));
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        ChatDraft *d = str_eq(type, str_c(rows[i].type)) ? draft_at(r, index, rows[i].kind) : NULL;
        if (!d || d->ready) continue;
        Str piece = json_str(json_at(delta, rows[i].member));
        if (rows[i].kind == CHAT_TEXT) return chat_add_text(c, r, d, piece);
        return chat_add(c, r, rows[i].signature ? &d->signature : &d->text, piece);
    }
    return NULL;
}

Str anthropic_opaque(Arena *arena, const ChatDraft *draft) {
    Buf b = buf_new(arena, draft->text.len + draft->signature.len + 80);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("type"));
    json_put_str(&o, S("thinking"));
    json_key(&o, S("thinking"));
    json_put_str(&o, buf_str(&draft->text));
    json_key(&o, S("signature"));
    json_put_str(&o, buf_str(&draft->signature));
    json_end(&o, '}');
    return buf_str(&b);
}

/* -- what stands around them ------------------------------------------------------------------- */

static void stop_read(Ctx *c, ChatReader *r, const json_t *from) {
    static const struct {
        const char *reason;
        ChatEnd end;
    } rows[] = {{"max_tokens", CHAT_LENGTH},
                {"model_context_window_exceeded", CHAT_LENGTH},
                {"pause_turn", CHAT_LENGTH}, /* not whole: it may be asked to go on */
                {"tool_use", CHAT_TOOLS},
                {"refusal", CHAT_REFUSED}};
    Str reason = json_str(json_at(from, "stop_reason"));
    if (reason.len == 0) return;
    ChatEnd end = CHAT_DONE;
    for (ptrdiff_t i = 0; i < COUNT(rows); i++)
        if (str_eq(reason, str_c(rows[i].reason))) end = rows[i].end;
    chat_end(c, r, end, reason);
}

/* Counts of message_delta are of the whole so far. What was read from or written into the service's
 * cache is counted apart from input_tokens. */
static void usage_read(ChatReader *r, const json_t *usage) {
    AiUsage *to = &r->out->usage;
    int64_t fresh, written = 0, cached = to->tokens_cached;
    chat_count(json_at(usage, "cache_creation_input_tokens"), &written);
    chat_count(json_at(usage, "cache_read_input_tokens"), &cached);
    to->tokens_cached = cached;
    if (chat_count(json_at(usage, "input_tokens"), &fresh))
        to->tokens_in = fresh + written + cached;
    if (chat_count(json_at(usage, "output_tokens"), &to->tokens_out)) r->used = true;
}

static Err *error_read(Ctx *c, ChatReader *r, const json_t *event) {
    const json_t *error = json_at(event, "error");
    return chat_failure_inside(c, r, (Str){0}, json_str(json_at(error, "type")),
                               json_str(json_at(error, "message")));
}

Err *anthropic_event(Ctx *c, ChatReader *r, const json_t *event) {
    Str type = json_str(json_at(event, "type"));
    int64_t index = 0;
    chat_count(json_at(event, "index"), &index);
    if (str_eq(type, S("content_block_delta"))) return delta_read(c, r, event, index);
    if (str_eq(type, S("content_block_start")))
        return block_read(c, r, json_at(event, "content_block"), index);
    if (str_eq(type, S("message_start"))) {
        chat_model_said(c, r, json_str(json_path(event, "message.model")));
        usage_read(r, json_path(event, "message.usage"));
        r->used = false; /* what it used is known at the end */
    } else if (str_eq(type, S("message_delta"))) {
        stop_read(c, r, json_at(event, "delta"));
        usage_read(r, json_at(event, "usage"));
    } else if (str_eq(type, S("message_stop"))) {
        r->over = r->ended;
    } else if (str_eq(type, S("error"))) {
        return error_read(c, r, event);
    }
    return NULL;
}

Err *anthropic_whole(Ctx *c, ChatReader *r, const json_t *answer) {
    if (str_eq(json_str(json_at(answer, "type")), S("error"))) return error_read(c, r, answer);
    const json_t *content = json_at(answer, "content");
    if (!json_is_array(content)) return chat_bad(c, r, "answered without content");
    for (size_t i = 0; i < json_array_size(content); i++)
        TRY(block_read(c, r, json_array_get(content, i), (int64_t)i));
    chat_model_said(c, r, json_str(json_at(answer, "model")));
    usage_read(r, json_at(answer, "usage"));
    stop_read(c, r, answer);
    return NULL;
}

Err *anthropic_failure(Ctx *c, ChatReader *r, const HttpAnswer *answer) {
    const json_t *error = json_at(chat_parse(r, answer->body), "error");
    return wire_failure(c, r->dialect->provider, answer, json_str(json_at(error, "code")),
                        json_str(json_at(error, "type")), json_str(json_at(error, "message")));
}
