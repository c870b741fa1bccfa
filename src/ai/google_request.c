/* SPDX-License-Identifier: Apache-2.0
 * The body of generateContent. Roles are `user` and `model` and alternate (ours that repeat become
 * one), answers of tools stand alone right behind their calls, texts are never empty. Signatures go
 * back with the part they came with; a call of a tool that another provider made has none, and
 * models that insist on one take a word for it that says so. */
#include "ai/google.h"

typedef struct Writer {
    JsonOut o;
    Arena *arena;
    const ChatRequest *q;
    bool ids;
} Writer;

static void key_str(JsonOut *o, const char *name, Str value) {
    json_key(o, str_c(name));
    json_put_str(o, value);
}

static bool is_blank(Str text) { return str_trim(text).len == 0; }

bool google_thinks(Str model) {
    int64_t generation = 0;
    Str name;
    if (!str_starts(model, S("gemini-"))) return false;
    str_cut(str_slice(model, 7, model.len), '-', &name);
    str_cut(name, '.', &name);
    return str_to_i64(name, &generation) && generation >= 3;
}

/* -- parts ------------------------------------------------------------------------------------- */

static Err *media_check(Ctx *c, const ChatPart *p) {
    static const char *const taken[] = {"image/", "audio/", "video/", "application/pdf"};
    for (ptrdiff_t i = 0; i < COUNT(taken); i++)
        if (str_starts(p->mime, str_c(taken[i]))) return NULL;
    FAIL(c, INVALID, "Google's models take no %.*s in a chat.", S_ARG(str_utf8_cut(p->mime, 60)));
}

static void media_write(Writer *w, const ChatPart *p) {
    Str mime; /* without "; codecs=opus", which is refused */
    str_cut(p->mime, ';', &mime);
    json_key(&w->o, S("inlineData"));
    json_begin(&w->o, '{');
    key_str(&w->o, "mimeType", str_trim(mime));
    key_str(&w->o, "data", chat_base64(w->arena, p));
    json_end(&w->o, '}');
}

static void call_write(Writer *w, const ChatPart *p, bool first) {
    JsonOut *o = &w->o;
    json_key(o, S("functionCall"));
    json_begin(o, '{');
    if (w->ids) key_str(o, "id", p->id);
    key_str(o, "name", p->name);
    json_key(o, S("args"));
    json_put_raw(o, p->text);
    json_end(o, '}');
    if (p->signature.len)
        key_str(o, "thoughtSignature", p->signature);
    else if (first && google_thinks(w->q->model))
        key_str(o, "thoughtSignature", S("skip_thought_signature_validator"));
}

/* The name of the tool that a call of this id was of. */
static Str name_of(const ChatRequest *q, const ChatPart *answer) {
    if (answer->name.len) return answer->name;
    for (ptrdiff_t i = q->message_count - 1; i >= 0; i--)
        for (ptrdiff_t k = 0; k < q->messages[i].count; k++) {
            const ChatPart *p = &q->messages[i].parts[k];
            if (p->kind == CHAT_TOOL_CALL && str_eq(p->id, answer->id)) return p->name;
        }
    return answer->id;
}

static void answer_write(Writer *w, const ChatPart *p) {
    JsonOut *o = &w->o;
    json_t *json = json_too_deep_at(p->text) < 0
                       ? json_loadb(p->text.data, (size_t)p->text.len, 0, NULL)
                       : NULL;
    json_key(o, S("functionResponse"));
    json_begin(o, '{');
    if (w->ids) key_str(o, "id", p->id);
    key_str(o, "name", name_of(w->q, p));
    json_key(o, S("response"));
    if (json_is_object(json)) {
        json_put_raw(o, p->text);
    } else {
        json_begin(o, '{');
        key_str(o, "output", p->text.data ? p->text : S(""));
        json_end(o, '}');
    }
    json_end(o, '}');
    json_decref(json);
}

/* False: a part that Google does not get. */
static bool part_write(Writer *w, const ChatPart *p, bool first_call) {
    if (p->kind == CHAT_OPAQUE || (p->kind == CHAT_TEXT && is_blank(p->text))) return false;
    json_begin(&w->o, '{');
    if (p->kind == CHAT_TEXT) {
        key_str(&w->o, "text", p->text);
        if (p->signature.len) key_str(&w->o, "thoughtSignature", p->signature);
    } else if (p->kind == CHAT_MEDIA) {
        media_write(w, p);
    } else if (p->kind == CHAT_TOOL_CALL) {
        call_write(w, p, first_call);
    } else {
        answer_write(w, p);
    }
    json_end(&w->o, '}');
    return true;
}

/* -- contents ---------------------------------------------------------------------------------- */

static void content_begin(Writer *w, bool assistant) {
    json_begin(&w->o, '{');
    key_str(&w->o, "role", assistant ? S("model") : S("user"));
    json_key(&w->o, S("parts"));
    json_begin(&w->o, '[');
}

static void content_end(Writer *w) {
    json_end(&w->o, ']');
    json_end(&w->o, '}');
}

static void text_write(Writer *w, Str text) {
    json_begin(&w->o, '{');
    key_str(&w->o, "text", text);
    json_end(&w->o, '}');
}

/* The messages [from, to) of one role as one content. */
static void content_write(Writer *w, ChatRole role, ptrdiff_t from, ptrdiff_t to) {
    ptrdiff_t written = 0, calls = 0, of_role = 0;
    for (ptrdiff_t i = from; i < to; i++) of_role += w->q->messages[i].role == role;
    if (of_role == 0) return;
    content_begin(w, role == CHAT_ASSISTANT);
    for (ptrdiff_t i = from; i < to; i++)
        for (ptrdiff_t k = 0; k < w->q->messages[i].count; k++) {
            const ChatPart *p = &w->q->messages[i].parts[k];
            if (w->q->messages[i].role != role) continue;
            bool call = p->kind == CHAT_TOOL_CALL;
            written += part_write(w, p, call && calls == 0);
            calls += call;
        }
    if (!written)
        text_write(w, role == CHAT_ASSISTANT ? S("(no answer)") : S("(an empty message)"));
    content_end(w);
}

static bool is_assistant(const ChatMessage *m) { return m->role == CHAT_ASSISTANT; }

static void contents_write(Writer *w) {
    const ChatRequest *q = w->q;
    json_key(&w->o, S("contents"));
    json_begin(&w->o, '[');
    if (is_assistant(&q->messages[0])) { /* the service wants a user to begin */
        content_begin(w, false);
        text_write(w, S("(What was said before is left out.)"));
        content_end(w);
    }
    for (ptrdiff_t from = 0, to; from < q->message_count; from = to) {
        bool assistant = is_assistant(&q->messages[from]);
        for (to = from; to < q->message_count && is_assistant(&q->messages[to]) == assistant;) to++;
        if (assistant) {
            content_write(w, CHAT_ASSISTANT, from, to);
        } else {
            content_write(w, CHAT_TOOL, from, to);
            content_write(w, CHAT_USER, from, to);
        }
    }
    json_end(&w->o, ']');
}

/* -- the rest ---------------------------------------------------------------------------------- */

static void system_write(Writer *w, Str text) {
    if (is_blank(text)) return;
    json_key(&w->o, S("systemInstruction"));
    json_begin(&w->o, '{');
    json_key(&w->o, S("parts"));
    json_begin(&w->o, '[');
    text_write(w, text);
    json_end(&w->o, ']');
    json_end(&w->o, '}');
}

static void tools_write(Writer *w) {
    JsonOut *o = &w->o;
    if (w->q->tool_count == 0) return;
    json_key(o, S("tools"));
    json_begin(o, '[');
    json_begin(o, '{');
    json_key(o, S("functionDeclarations"));
    json_begin(o, '[');
    for (ptrdiff_t i = 0; i < w->q->tool_count; i++) {
        const ChatTool *tool = &w->q->tools[i];
        json_begin(o, '{');
        key_str(o, "name", tool->name);
        key_str(o, "description", tool->description.data ? tool->description : S(""));
        json_key(o, S("parametersJsonSchema"));
        json_put_raw(o, tool->schema.text);
        json_end(o, '}');
    }
    json_end(o, ']');
    json_end(o, '}');
    json_end(o, ']');
}

static void choice_write(Writer *w) {
    JsonOut *o = &w->o;
    Str choice = w->q->tool_choice;
    if (choice.len == 0 || w->q->tool_count == 0) return;
    bool none = str_eq(choice, S("none")), any = str_eq(choice, S("any")),
         automatic = str_eq(choice, S("auto"));
    json_key(o, S("toolConfig"));
    json_begin(o, '{');
    json_key(o, S("functionCallingConfig"));
    json_begin(o, '{');
    key_str(o, "mode", none ? S("NONE") : automatic ? S("AUTO") : S("ANY"));
    if (!none && !any && !automatic) {
        json_key(o, S("allowedFunctionNames"));
        json_begin(o, '[');
        json_put_str(o, choice);
        json_end(o, ']');
    }
    json_end(o, '}');
    json_end(o, '}');
}

static Err *schema_write(Ctx *c, Writer *w) {
    static const char *const without[] = {"minLength", "maxLength", NULL};
    Str schema;
    bool all_required;
    if (str_is_null(w->q->schema.text)) return NULL;
    TRY(chat_schema(c, w->q->schema, without, &schema, &all_required));
    key_str(&w->o, "responseMimeType", S("application/json"));
    json_key(&w->o, S("responseJsonSchema"));
    json_put_raw(&w->o, schema);
    return NULL;
}

static Err *config_write(Ctx *c, Writer *w) {
    JsonOut *o = &w->o;
    bool thinks = google_thinks(w->q->model);
    json_key(o, S("generationConfig"));
    json_begin(o, '{');
    json_key(o, S("maxOutputTokens"));
    json_put_i64(o, w->q->max_tokens ? w->q->max_tokens : CHAT_MAX_TOKENS);
    /* Google asks to leave that of Gemini from 3 on at its 1: below it loops, and models to come refuse it. */
    if (w->q->temperature.set && !thinks) {
        json_key(o, S("temperature"));
        json_put_f64(o, w->q->temperature.value);
    }
    if (thinks) { /* thoughts count as output: thinking long, nothing would be left to answer with */
        json_key(o, S("thinkingConfig"));
        json_begin(o, '{');
        key_str(o, "thinkingLevel", S("low"));
        json_end(o, '}');
    }
    TRY(schema_write(c, w));
    json_end(o, '}');
    return NULL;
}

Err *google_body(Ctx *c, const ChatRequest *q, bool ids, Arena *arena, Str *out) {
    TRY(chat_check(c, q));
    for (ptrdiff_t i = 0; i < q->message_count; i++)
        for (ptrdiff_t k = 0; k < q->messages[i].count; k++)
            if (q->messages[i].parts[k].kind == CHAT_MEDIA)
                TRY(media_check(c, &q->messages[i].parts[k]));
    Buf b = buf_new(arena, 16 * KIB);
    Writer w = {.o = json_out(&b), .arena = arena, .q = q, .ids = ids};
    json_begin(&w.o, '{');
    system_write(&w, chat_system_text(c, q));
    contents_write(&w);
    tools_write(&w);
    choice_write(&w);
    TRY(config_write(c, &w));
    json_end(&w.o, '}');
    *out = buf_str(&b);
    return NULL;
}
