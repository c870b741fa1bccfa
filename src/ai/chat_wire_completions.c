/* SPDX-License-Identifier: Apache-2.0
 * chat/completions, as OpenAI made it and others speak it: Mistral with rules of its own (style),
 * and whatever stands behind OPENAI_BASE_URL. Read leniently: content as text or as a list of
 * chunks, calls of tools whole or in pieces, arguments as text or as JSON, with or without [DONE],
 * errors in the shapes that the services were seen to give. */
#include <sodium.h>

#include "ai/chat_wire.h"

/* -- the request: messages --------------------------------------------------------------------- */

typedef struct Writer {
    Ctx *c;
    JsonOut o;
    Arena *arena;
    const CompletionsStyle *style;
    ChatRole last;
    bool any; /* a message of `last` has been written */
} Writer;

static void key_str(JsonOut *o, const char *name, Str value) {
    json_key(o, str_c(name));
    json_put_str(o, value);
}

Str completions_short_id(Arena *arena, Str id) {
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    bool good = id.len == 9;
    for (ptrdiff_t i = 0; i < id.len; i++)
        good = good && str_find_byte(str_c(digits), id.data[i]) >= 0;
    if (good) return id;
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[9];
    crypto_hash_sha256(hash, (const unsigned char *)id.data, (unsigned long long)id.len);
    for (int i = 0; i < 9; i++) text[i] = digits[hash[i] % 62];
    return str_copy(arena, str_of(text, 9));
}

static Str call_id(const Writer *w, Str id) {
    return w->style->mistral ? completions_short_id(w->arena, id) : id;
}

static void media_write(Writer *w, const ChatPart *p) {
    JsonOut *o = &w->o;
    json_begin(o, '{');
    if (str_starts(p->mime, S("image/"))) {
        key_str(o, "type", S("image_url"));
        json_key(o, S("image_url"));
        json_begin(o, '{');
        key_str(o, "url", chat_data_url(w->arena, p));
        json_end(o, '}');
    } else if (w->style->mistral) {
        key_str(o, "type", S("input_audio"));
        key_str(o, "input_audio", chat_base64(w->arena, p));
    } else if (str_starts(p->mime, S("audio/"))) {
        bool wav = str_find(p->mime, S("wav")) >= 0;
        key_str(o, "type", S("input_audio"));
        json_key(o, S("input_audio"));
        json_begin(o, '{');
        key_str(o, "data", chat_base64(w->arena, p));
        key_str(o, "format", wav ? S("wav") : S("mp3"));
        json_end(o, '}');
    } else {
        key_str(o, "type", S("file"));
        json_key(o, S("file"));
        json_begin(o, '{');
        key_str(o, "filename", S("document.pdf"));
        key_str(o, "file_data", chat_data_url(w->arena, p));
        json_end(o, '}');
    }
    json_end(o, '}');
}

static Err *media_check(Ctx *c, const CompletionsStyle *style, const ChatPart *p) {
    static const char *const taken[] = {"image/png",  "image/jpeg", "image/gif", "image/webp",
                                        "audio/mpeg", "audio/mp3",  "audio/wav", "audio/x-wav"};
    for (ptrdiff_t i = 0; i < COUNT(taken); i++)
        if (str_eq(p->mime, str_c(taken[i]))) return NULL;
    if (!style->mistral && str_eq(p->mime, S("application/pdf"))) return NULL;
    FAIL(c, INVALID, "A chat takes no %.*s here.", S_ARG(str_utf8_cut(p->mime, 60)));
}

static void text_chunk(JsonOut *o, Str text) {
    json_begin(o, '{');
    key_str(o, "type", S("text"));
    key_str(o, "text", text);
    json_end(o, '}');
}

static void user_write(Writer *w, const ChatMessage *m) {
    json_begin(&w->o, '{');
    key_str(&w->o, "role", S("user"));
    json_key(&w->o, S("content"));
    if (m->count <= 1 && (m->count == 0 || m->parts[0].kind == CHAT_TEXT)) {
        json_put_str(&w->o, m->count && m->parts[0].text.data ? m->parts[0].text : S(""));
    } else {
        json_begin(&w->o, '[');
        for (ptrdiff_t i = 0; i < m->count; i++) {
            if (m->parts[i].kind == CHAT_MEDIA)
                media_write(w, &m->parts[i]);
            else
                text_chunk(&w->o, m->parts[i].text.data ? m->parts[i].text : S(""));
        }
        json_end(&w->o, ']');
    }
    json_end(&w->o, '}');
}

static bool is_ours(const Writer *w, const ChatPart *p) {
    return p->kind == CHAT_OPAQUE && w->style->mistral && str_eq(p->name, S("mistral"));
}

static ptrdiff_t parts_of(const ChatMessage *m, ChatPartKind kind) {
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < m->count; i++)
        n += m->parts[i].kind == kind && (kind != CHAT_TEXT || m->parts[i].text.len > 0);
    return n;
}

/* Text alone as one string, as every service takes it; with thoughts to give back, as chunks. */
static void assistant_content(Writer *w, const ChatMessage *m) {
    ptrdiff_t ours = 0;
    Buf text = buf_new(w->arena, 256);
    for (ptrdiff_t i = 0; i < m->count; i++) {
        ours += is_ours(w, &m->parts[i]);
        if (m->parts[i].kind == CHAT_TEXT) buf_add(&text, m->parts[i].text);
    }
    json_key(&w->o, S("content"));
    if (!ours) {
        if (text.len)
            json_put_str(&w->o, buf_str(&text));
        else
            json_put_null(&w->o);
        return;
    }
    json_begin(&w->o, '[');
    for (ptrdiff_t i = 0; i < m->count; i++) {
        const ChatPart *p = &m->parts[i];
        if (is_ours(w, p))
            json_put_raw(&w->o, p->text);
        else if (p->kind == CHAT_TEXT && p->text.len)
            text_chunk(&w->o, p->text);
    }
    json_end(&w->o, ']');
}

static void assistant_write(Writer *w, const ChatMessage *m) {
    JsonOut *o = &w->o;
    json_begin(o, '{');
    key_str(o, "role", S("assistant"));
    assistant_content(w, m);
    if (parts_of(m, CHAT_TOOL_CALL)) {
        json_key(o, S("tool_calls"));
        json_begin(o, '[');
        for (ptrdiff_t i = 0; i < m->count; i++) {
            const ChatPart *p = &m->parts[i];
            if (p->kind != CHAT_TOOL_CALL) continue;
            json_begin(o, '{');
            key_str(o, "id", call_id(w, p->id));
            key_str(o, "type", S("function"));
            json_key(o, S("function"));
            json_begin(o, '{');
            key_str(o, "name", p->name);
            key_str(o, "arguments", p->text);
            json_end(o, '}');
            json_end(o, '}');
        }
        json_end(o, ']');
    }
    json_end(o, '}');
}

static void answers_write(Writer *w, const ChatMessage *m) {
    JsonOut *o = &w->o;
    for (ptrdiff_t i = 0; i < m->count; i++) {
        const ChatPart *p = &m->parts[i];
        json_begin(o, '{');
        key_str(o, "role", S("tool"));
        key_str(o, "tool_call_id", call_id(w, p->id));
        if (w->style->mistral && p->name.len) key_str(o, "name", p->name);
        key_str(o, "content", p->text.data ? p->text : S(""));
        json_end(o, '}');
    }
}

static void system_write(Writer *w, Str text) {
    if (text.len == 0) return;
    json_begin(&w->o, '{');
    key_str(&w->o, "role", S("system"));
    key_str(&w->o, "content", text);
    json_end(&w->o, '}');
}

static Err *message_write(Writer *w, const ChatMessage *m) {
    for (ptrdiff_t i = 0; i < m->count; i++)
        if (m->parts[i].kind == CHAT_MEDIA) TRY(media_check(w->c, w->style, &m->parts[i]));
    if (m->role == CHAT_ASSISTANT) {
        bool empty = parts_of(m, CHAT_TEXT) + parts_of(m, CHAT_TOOL_CALL) == 0;
        for (ptrdiff_t i = 0; i < m->count; i++) empty = empty && !is_ours(w, &m->parts[i]);
        if (empty) return NULL; /* another provider's thoughts only */
        assistant_write(w, m);
    } else if (m->role == CHAT_TOOL) {
        answers_write(w, m);
    } else {
        /* Mistral answers 400 to a user who speaks right after a tool. */
        if (w->style->mistral && w->any && w->last == CHAT_TOOL) {
            ChatPart heard = {.kind = CHAT_TEXT, .text = S("OK.")};
            assistant_write(w, &(ChatMessage){CHAT_ASSISTANT, &heard, 1});
        }
        user_write(w, m);
    }
    w->last = m->role;
    w->any = true;
    return NULL;
}

/* What stands between two turns of the assistant: answers of tools first, as services demand it
 * that want each call answered at once, whoever spoke meanwhile. */
static Err *messages_write(Writer *w, const ChatRequest *q) {
    for (ptrdiff_t from = 0, to; from < q->message_count; from = to) {
        for (to = from; to < q->message_count && q->messages[to].role != CHAT_ASSISTANT;) to++;
        for (ptrdiff_t i = from; i < to; i++)
            if (q->messages[i].role == CHAT_TOOL) TRY(message_write(w, &q->messages[i]));
        for (ptrdiff_t i = from; i < to; i++)
            if (q->messages[i].role == CHAT_USER) TRY(message_write(w, &q->messages[i]));
        if (to < q->message_count) TRY(message_write(w, &q->messages[to++]));
    }
    return NULL;
}

/* -- the request: the rest --------------------------------------------------------------------- */

static Err *format_write(Ctx *c, JsonOut *o, const ChatRequest *q) {
    static const char *const without[] = {"minLength", "maxLength", NULL};
    if (str_is_null(q->schema.text)) return NULL;
    Str schema;
    bool strict; /* strict takes no optional members */
    TRY(chat_schema(c, q->schema, without, &schema, &strict));
    json_key(o, S("response_format"));
    json_begin(o, '{');
    key_str(o, "type", S("json_schema"));
    json_key(o, S("json_schema"));
    json_begin(o, '{');
    key_str(o, "name", q->schema_name.len ? q->schema_name : S("answer"));
    json_key(o, S("strict"));
    json_put_bool(o, strict);
    json_key(o, S("schema"));
    json_put_raw(o, schema);
    json_end(o, '}');
    json_end(o, '}');
    return NULL;
}

static void tools_write(JsonOut *o, const ChatRequest *q, const CompletionsStyle *style) {
    if (q->tool_count == 0) return;
    json_key(o, S("tools"));
    json_begin(o, '[');
    for (ptrdiff_t i = 0; i < q->tool_count; i++) {
        json_begin(o, '{');
        key_str(o, "type", S("function"));
        json_key(o, S("function"));
        json_begin(o, '{');
        key_str(o, "name", q->tools[i].name);
        if (q->tools[i].description.len) key_str(o, "description", q->tools[i].description);
        json_key(o, S("parameters"));
        json_put_raw(o, q->tools[i].schema.text);
        json_end(o, '}');
        json_end(o, '}');
    }
    json_end(o, ']');
    if (q->tool_choice.len == 0) return;
    json_key(o, S("tool_choice"));
    bool any = str_eq(q->tool_choice, S("any"));
    if (any || str_eq(q->tool_choice, S("auto")) || str_eq(q->tool_choice, S("none"))) {
        json_put_str(o, any && !style->mistral ? S("required") : q->tool_choice);
        return;
    }
    json_begin(o, '{');
    key_str(o, "type", S("function"));
    json_key(o, S("function"));
    json_begin(o, '{');
    key_str(o, "name", q->tool_choice);
    json_end(o, '}');
    json_end(o, '}');
}

static void streaming_write(JsonOut *o, const CompletionsStyle *style) {
    json_key(o, S("stream"));
    json_put_bool(o, true);
    if (style->mistral) return; /* tells its usage unasked, and refuses what it does not know */
    json_key(o, S("stream_options"));
    json_begin(o, '{');
    json_key(o, S("include_usage"));
    json_put_bool(o, true);
    json_end(o, '}');
}

Err *completions_body(Ctx *c, const ChatRequest *q, const CompletionsStyle *style, Arena *arena,
                      Str *out) {
    TRY(chat_check(c, q));
    Buf b = buf_new(arena, 16 * KIB);
    Writer w = {.c = c, .o = json_out(&b), .arena = arena, .style = style};
    json_begin(&w.o, '{');
    key_str(&w.o, "model", q->model);
    json_key(&w.o, S("messages"));
    json_begin(&w.o, '[');
    system_write(&w, chat_system_text(c, q));
    TRY(messages_write(&w, q));
    json_end(&w.o, ']');
    json_key(&w.o, str_c(style->max_tokens));
    json_put_i64(&w.o, q->max_tokens ? q->max_tokens : CHAT_MAX_TOKENS);
    if (q->temperature.set && style->temperature) {
        double most = style->temperature_max;
        json_key(&w.o, S("temperature"));
        json_put_f64(&w.o, q->temperature.value < most ? q->temperature.value : most);
    }
    TRY(format_write(c, &w.o, q));
    tools_write(&w.o, q, style);
    if (q->on_text) streaming_write(&w.o, style);
    json_end(&w.o, '}');
    *out = buf_str(&b);
    return NULL;
}
