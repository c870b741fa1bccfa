/* SPDX-License-Identifier: Apache-2.0
 * Anthropic's messages API: the request. max_tokens is required, system stands apart, roles
 * alternate (ours that repeat become one), a tool's answers come first in the user's turn, texts
 * are never empty, and schemas are asked for through output_config.format, closed and without the
 * limits that the service does not enforce. anthropic_read.c reads the answers. */
#include "ai/anthropic.h"
#include "ai/settings.h"

const ChatDialect anthropic_dialect = {.provider = "anthropic",
                                       .event = anthropic_event,
                                       .whole = anthropic_whole,
                                       .failure = anthropic_failure,
                                       .opaque = anthropic_opaque};

static void key_str(JsonOut *o, const char *name, Str value) {
    json_key(o, str_c(name));
    json_put_str(o, value);
}

/* -- messages ---------------------------------------------------------------------------------- */

static bool is_blank(Str text) { return str_trim(text).len == 0; }

static bool is_document(const ChatPart *p) { return str_eq(p->mime, S("application/pdf")); }

static Err *media_check(Ctx *c, const ChatPart *p) {
    static const char *const taken[] = {"image/png", "image/jpeg", "image/gif", "image/webp"};
    for (ptrdiff_t i = 0; i < COUNT(taken); i++)
        if (str_eq(p->mime, str_c(taken[i]))) return NULL;
    if (is_document(p)) return NULL;
    FAIL(c, INVALID, "Anthropic takes no %.*s in a chat.", S_ARG(str_utf8_cut(p->mime, 60)));
}

static void media_write(JsonOut *o, Arena *arena, const ChatPart *p) {
    json_begin(o, '{');
    key_str(o, "type", is_document(p) ? S("document") : S("image"));
    json_key(o, S("source"));
    json_begin(o, '{');
    key_str(o, "type", S("base64"));
    key_str(o, "media_type", p->mime);
    key_str(o, "data", chat_base64(arena, p));
    json_end(o, '}');
    json_end(o, '}');
}

static void text_write(JsonOut *o, Str text) {
    json_begin(o, '{');
    key_str(o, "type", S("text"));
    key_str(o, "text", text);
    json_end(o, '}');
}

/* False: a part that this service does not get. */
static bool part_write(JsonOut *o, Arena *arena, const ChatPart *p) {
    switch (p->kind) {
    case CHAT_TEXT:
        if (is_blank(p->text)) return false;
        text_write(o, p->text);
        return true;
    case CHAT_MEDIA: media_write(o, arena, p); return true;
    case CHAT_TOOL_CALL:
        json_begin(o, '{');
        key_str(o, "type", S("tool_use"));
        key_str(o, "id", p->id);
        key_str(o, "name", p->name);
        json_key(o, S("input"));
        json_put_raw(o, p->text);
        json_end(o, '}');
        return true;
    case CHAT_TOOL_ANSWER:
        json_begin(o, '{');
        key_str(o, "type", S("tool_result"));
        key_str(o, "tool_use_id", p->id);
        key_str(o, "content", p->text.data ? p->text : S(""));
        json_end(o, '}');
        return true;
    case CHAT_OPAQUE:
        if (!str_eq(p->name, S("anthropic"))) return false;
        json_put_raw(o, p->text);
        return true;
    }
    return false;
}

/* Parts of the messages [from, to), a tool's answers before the others. */
static int64_t parts_write(JsonOut *o, Arena *arena, const ChatRequest *q, ptrdiff_t from,
                           ptrdiff_t to) {
    int64_t written = 0;
    for (int others = 0; others < 2; others++)
        for (ptrdiff_t i = from; i < to; i++)
            for (ptrdiff_t k = 0; k < q->messages[i].count; k++) {
                const ChatPart *p = &q->messages[i].parts[k];
                if ((p->kind != CHAT_TOOL_ANSWER) == (others != 0))
                    written += part_write(o, arena, p);
            }
    return written;
}

static void turn_begin(JsonOut *o, bool assistant) {
    json_begin(o, '{');
    key_str(o, "role", assistant ? S("assistant") : S("user"));
    json_key(o, S("content"));
    json_begin(o, '[');
}

static void turn_end(JsonOut *o) {
    json_end(o, ']');
    json_end(o, '}');
}

static bool is_assistant(const ChatMessage *m) { return m->role == CHAT_ASSISTANT; }

static Err *messages_write(Ctx *c, JsonOut *o, Arena *arena, const ChatRequest *q) {
    json_begin(o, '[');
    if (is_assistant(&q->messages[0])) { /* the service wants a user to begin */
        turn_begin(o, false);
        text_write(o, S("(What was said before is left out.)"));
        turn_end(o);
    }
    for (ptrdiff_t from = 0, to; from < q->message_count; from = to) {
        bool assistant = is_assistant(&q->messages[from]);
        for (to = from; to < q->message_count && is_assistant(&q->messages[to]) == assistant; to++)
            for (ptrdiff_t k = 0; k < q->messages[to].count; k++)
                if (q->messages[to].parts[k].kind == CHAT_MEDIA)
                    TRY(media_check(c, &q->messages[to].parts[k]));
        turn_begin(o, assistant);
        if (!parts_write(o, arena, q, from, to))
            text_write(o, assistant ? S("(no answer)") : S("(an empty message)"));
        turn_end(o);
    }
    json_end(o, ']');
    return NULL;
}

/* -- the rest ---------------------------------------------------------------------------------- */

static void tools_write(JsonOut *o, const ChatRequest *q) {
    if (q->tool_count == 0) return;
    json_key(o, S("tools"));
    json_begin(o, '[');
    for (ptrdiff_t i = 0; i < q->tool_count; i++) {
        json_begin(o, '{');
        key_str(o, "name", q->tools[i].name);
        if (q->tools[i].description.len) key_str(o, "description", q->tools[i].description);
        json_key(o, S("input_schema"));
        json_put_raw(o, q->tools[i].schema.text);
        json_end(o, '}');
    }
    json_end(o, ']');
    if (q->tool_choice.len == 0) return;
    bool word = str_eq(q->tool_choice, S("auto")) || str_eq(q->tool_choice, S("none")) ||
                str_eq(q->tool_choice, S("any"));
    json_key(o, S("tool_choice"));
    json_begin(o, '{');
    key_str(o, "type", word ? q->tool_choice : S("tool"));
    if (!word) key_str(o, "name", q->tool_choice);
    json_end(o, '}');
}

static Err *format_write(Ctx *c, JsonOut *o, const ChatRequest *q) {
    static const char *const without[] = {"minimum",  "maximum",  "minLength", "maxLength",
                                          "minItems", "maxItems", NULL};
    if (str_is_null(q->schema.text)) return NULL;
    Str schema;
    bool all_required;
    TRY(chat_schema(c, q->schema, without, &schema, &all_required));
    json_key(o, S("output_config"));
    json_begin(o, '{');
    json_key(o, S("format"));
    json_begin(o, '{');
    key_str(o, "type", S("json_schema"));
    json_key(o, S("schema"));
    json_put_raw(o, schema);
    json_end(o, '}');
    json_end(o, '}');
    return NULL;
}

/* Models since Opus 4.7 answer 400 to a temperature; it is a wish, and not worth that. */
static bool takes_temperature(Str model) {
    static const char *const older[] = {"claude-2", "claude-3", "-4-0",        "-4-1",
                                        "-4-5",     "-4-6",     "opus-4-2025", "sonnet-4-2025"};
    for (ptrdiff_t i = 0; i < COUNT(older); i++)
        if (str_find(model, str_c(older[i])) >= 0) return true;
    return false;
}

static Err *body_write(Ctx *c, const ChatRequest *q, Arena *arena, Str *out) {
    TRY(chat_check(c, q));
    Buf b = buf_new(arena, 16 * KIB);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    key_str(&o, "model", q->model);
    json_key(&o, S("max_tokens"));
    json_put_i64(&o, q->max_tokens ? q->max_tokens : CHAT_MAX_TOKENS);
    Str system = chat_system_text(c, q);
    if (!is_blank(system)) key_str(&o, "system", system);
    json_key(&o, S("messages"));
    TRY(messages_write(c, &o, arena, q));
    if (q->temperature.set && takes_temperature(q->model)) {
        json_key(&o, S("temperature"));
        json_put_f64(&o, q->temperature.value < 1 ? q->temperature.value : 1);
    }
    TRY(format_write(c, &o, q));
    tools_write(&o, q);
    if (q->on_text) {
        json_key(&o, S("stream"));
        json_put_bool(&o, true);
    }
    json_end(&o, '}');
    *out = buf_str(&b);
    return NULL;
}

static Err *anthropic_chat(Ctx *c, const ChatRequest *request, ChatAnswer *out) {
    SideArena *side = side_new(c, 256 * MIB);
    Header headers[] = {{S("x-api-key"), ai_settings.anthropic_key},
                        {S("anthropic-version"), S("2023-06-01")}};
    WireCall call = {.url = chat_url(c->arena, ai_settings.anthropic_url, "/v1/messages"),
                     .headers = headers,
                     .header_count = COUNT(headers)};
    TRY(body_write(c, request, side->arena, &call.body));
    Err *err = chat_exchange(c, &anthropic_dialect, request, call, out);
    side_free(side);
    return err;
}

static Str anthropic_lacks(Arena *arena) {
    (void)arena;
    return ai_settings.anthropic_key.len ? (Str){0} : S("ANTHROPIC_API_KEY is not set.");
}

static Str chat_model(void) { return ai_settings.anthropic_chat_model; }
static Str no_model(void) { return S(""); }

const Provider provider_anthropic = {.name = "anthropic",
                                     .lacks = anthropic_lacks,
                                     .chat_model = chat_model,
                                     .embed_model = no_model,
                                     .transcribe_model = no_model,
                                     .speak_model = no_model,
                                     .image_model = no_model,
                                     .chat = anthropic_chat};
