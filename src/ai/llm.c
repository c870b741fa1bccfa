/* SPDX-License-Identifier: Apache-2.0
 * chat(): checks the request, asks through the policy, reads JSON where it was asked for, keeps what
 * may be kept. */
#include "ai/llm.h"

#include "ai/answer.h"
#include "ai/kept.h"
#include "ai/settings.h"
#include "core/time.h"

enum { MAX_TOKENS_USUAL = 1024, MESSAGES_MAX = 2000, SOURCES_MAX = 200, TOOLS_MAX = 128 };

typedef struct Chat {
    const ChatRequest *request;
    ChatAnswer *out;
    json_t *schema; /* NULL: none */
    PolicyTry *one; /* under way */
    int64_t first_ms;
} Chat;

/* -- The request --------------------------------------------------------------------------------- */

static bool name_is_good(Str name) {
    if (name.len < 1 || name.len > 64) return false;
    for (ptrdiff_t i = 0; i < name.len; i++) {
        char byte = name.data[i];
        bool good = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                    (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';
        if (!good) return false;
    }
    return true;
}

static Err *tools_check(Ctx *c, const ChatRequest *r) {
    bool chosen = str_is_empty(r->tool_choice) || str_eq(r->tool_choice, S("auto")) ||
                  str_eq(r->tool_choice, S("none")) ||
                  (str_eq(r->tool_choice, S("any")) && r->tool_count > 0);
    if (r->tool_count > TOOLS_MAX) FAIL(c, INVALID, "At most %d tools.", TOOLS_MAX);
    for (ptrdiff_t i = 0; i < r->tool_count; i++) {
        if (!name_is_good(r->tools[i].name))
            FAIL(c, INVALID, "A tool's name has 1 to 64 letters, digits, _ and -.");
        chosen = chosen || str_eq(r->tool_choice, r->tools[i].name);
    }
    if (!chosen) FAIL(c, INVALID, "tool_choice is auto, none, any or the name of a tool.");
    return NULL;
}

static Err *request_check(Ctx *c, const ChatRequest *r) {
    if (r->message_count < 1 || r->message_count > MESSAGES_MAX)
        FAIL(c, INVALID, "A chat has 1 to %d messages.", MESSAGES_MAX);
    if (r->messages[r->message_count - 1].role == CHAT_ASSISTANT)
        FAIL(c, INVALID, "The last message of a chat is the user's or a tool's.");
    if (r->source_count < 0 || r->source_count > SOURCES_MAX)
        FAIL(c, INVALID, "A chat has at most %d sources.", SOURCES_MAX);
    if (r->max_tokens < 0) FAIL(c, INVALID, "max_tokens is not negative.");
    if (r->temperature.set && !(r->temperature.value >= 0 && r->temperature.value <= 2))
        FAIL(c, INVALID, "A temperature is between 0 and 2.");
    TRY(tools_check(c, r));
    return payer_check(c, r->payer);
}

static Err *schema_read(Ctx *c, const ChatRequest *r, json_t **schema) {
    *schema = NULL;
    if (str_is_empty(r->schema.text)) return NULL;
    if (json_parse(c, r->schema.text, schema) || !json_is_object(*schema))
        FAIL(c, INVALID, "The schema of an answer is a JSON object.");
    return NULL;
}

/* -- One call of a provider ---------------------------------------------------------------------- */

/* From the first piece on the call has all the time it was given. */
static Err *piece_tell(Ctx *c, Str piece, void *arg) {
    Chat *x = arg;
    if (piece.len == 0) return NULL;
    if (!x->one->told) {
        x->first_ms = (mono_us() - x->one->began_us) / US_PER_MS;
        c->deadline_us = x->one->whole_until;
    }
    x->one->told = true;
    Err *err = x->request->on_text(c, piece, x->request->arg);
    if (err) x->one->alive = true;
    return err;
}

static void usage_estimate(const ChatRequest *r, const ChatAnswer *a, AiUsage *usage) {
    bool told_in = usage->tokens_in > 0, told_out = usage->tokens_out > 0 || a->text.len == 0;
    usage->estimated = usage->estimated || !told_in || !told_out;
    if (!told_out) usage->tokens_out = ai_tokens(a->text);
    if (told_in) return;
    usage->tokens_in = ai_tokens(r->system);
    for (ptrdiff_t i = 0; i < r->message_count; i++)
        for (ptrdiff_t k = 0; k < r->messages[i].count; k++)
            usage->tokens_in += ai_tokens(r->messages[i].parts[k].text);
    for (ptrdiff_t i = 0; i < r->source_count; i++)
        usage->tokens_in += ai_tokens(r->sources[i].title) + ai_tokens(r->sources[i].text);
}

static Err *chat_ask(Ctx *c, const Provider *p, Str model, PolicyTry *one) {
    Chat *x = one->arg;
    ChatRequest r = *x->request;
    r.provider = str_c(p->name);
    r.model = model;
    if (r.max_tokens == 0) r.max_tokens = MAX_TOKENS_USUAL;
    if (r.on_text) {
        r.on_text = piece_tell;
        r.arg = x;
    }
    x->one = one;
    x->first_ms = 0;
    *x->out = (ChatAnswer){0};
    Err *err = p->chat(c, &r, x->out);
    ChatAnswer *a = x->out;
    one->usage = a->usage;
    one->origin = a->origin;
    one->origin.first_ms = x->first_ms;
    if (err) return err;
    if (str_is_null(a->text)) a->text = S("");
    usage_estimate(&r, a, &one->usage);
    if (!x->schema || a->end == CHAT_TOOLS || a->end == CHAT_REFUSED) return NULL;
    err = answer_json(c, a->text, x->schema, &a->json);
    one->alive = err != NULL;
    return err;
}

static Err *chat_call(Ctx *c, Chat *x, AiUsage *usage, AiOrigin *origin) {
    const ChatRequest *r = x->request;
    PolicyCall call = {
        .kind = AI_CHAT,
        .provider = r->provider,
        .model = r->model,
        .fallback = ai_settings.chat_fallback,
        .timeout_ms = r->timeout_ms,
        .ask = chat_ask,
        .arg = x,
    };
    Err *err = policy_call(c, &call, usage, origin);
    x->out->usage = *usage;
    x->out->origin = *origin;
    return err;
}

/* -- Keeping ------------------------------------------------------------------------------------- */

static void part_key(KeptKey *k, const ChatPart *p) {
    kept_key_add_i64(k, p->kind);
    const Str texts[] = {p->text, p->mime, p->data, p->id, p->name, p->signature};
    for (int i = 0; i < COUNT(texts); i++) kept_key_add(k, texts[i]);
}

static Str request_key(Ctx *c, const ChatRequest *r, const Provider *p, Str model) {
    KeptKey k = kept_key_new(c->arena, AI_CHAT, str_c(p->name), model);
    kept_key_add(&k, r->system);
    kept_key_add_i64(&k, r->message_count);
    for (ptrdiff_t i = 0; i < r->message_count; i++) {
        kept_key_add_i64(&k, r->messages[i].role);
        kept_key_add_i64(&k, r->messages[i].count);
        for (ptrdiff_t n = 0; n < r->messages[i].count; n++) part_key(&k, &r->messages[i].parts[n]);
    }
    kept_key_add_i64(&k, r->source_count);
    for (ptrdiff_t i = 0; i < r->source_count; i++) {
        kept_key_add(&k, r->sources[i].title);
        kept_key_add(&k, r->sources[i].text);
    }
    kept_key_add(&k, r->temperature.set ? strf(c->arena, "%.6g", r->temperature.value) : (Str){0});
    kept_key_add_i64(&k, r->max_tokens);
    kept_key_add(&k, r->schema.text);
    kept_key_add_i64(&k, r->tool_count);
    for (ptrdiff_t i = 0; i < r->tool_count; i++) {
        kept_key_add(&k, r->tools[i].name);
        kept_key_add(&k, r->tools[i].description);
        kept_key_add(&k, r->tools[i].schema.text);
    }
    kept_key_add(&k, r->tool_choice);
    return kept_key_end(&k);
}

static void member(JsonOut *o, const char *name, Str value) {
    if (str_is_null(value)) return;
    json_key(o, str_c(name));
    json_put_str(o, value);
}

static Str answer_write(Arena *arena, const ChatAnswer *a) {
    Buf b = buf_new(arena, a->text.len * 2 + 256);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("end"));
    json_put_i64(&o, a->end);
    member(&o, "text", a->text);
    member(&o, "reason", a->reason);
    member(&o, "provider", a->origin.provider);
    member(&o, "model", a->origin.model);
    json_key(&o, S("parts"));
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < a->count; i++) {
        const ChatPart *p = &a->parts[i];
        json_begin(&o, '{');
        json_key(&o, S("kind"));
        json_put_i64(&o, p->kind);
        member(&o, "text", p->text);
        member(&o, "mime", p->mime);
        member(&o, "data", str_is_null(p->data) ? p->data : str_base64(arena, p->data));
        member(&o, "id", p->id);
        member(&o, "name", p->name);
        member(&o, "signature", p->signature);
        json_end(&o, '}');
    }
    json_end(&o, ']');
    json_end(&o, '}');
    return buf_str(&b);
}

static Str text_of(Ctx *c, const json_t *object, const char *name) {
    Str text = json_str(json_at(object, name));
    return str_is_null(text) ? text : str_copy(c->arena, text);
}

static Err *answer_read(Ctx *c, Str value, ChatAnswer *a) {
    json_t *json;
    int64_t number = 0;
    TRY(json_parse(c, value, &json));
    if (!json_i64(json_at(json, "end"), &number)) FAIL(c, INTERNAL, "A kept answer is broken.");
    *a = (ChatAnswer){.end = (ChatEnd)number};
    a->text = text_of(c, json, "text");
    if (str_is_null(a->text)) a->text = S("");
    a->reason = text_of(c, json, "reason");
    a->origin = (AiOrigin){
        .provider = text_of(c, json, "provider"), .model = text_of(c, json, "model"), .kept = true};
    a->usage.priced = true;
    const json_t *parts = json_at(json, "parts");
    a->count = (ptrdiff_t)json_array_size(parts);
    ChatPart *all = arena_array(c->arena, ChatPart, a->count + 1);
    for (ptrdiff_t i = 0; i < a->count; i++) {
        const json_t *one = json_array_get(parts, (size_t)i);
        Str data = json_str(json_at(one, "data"));
        if (!json_i64(json_at(one, "kind"), &number)) number = CHAT_TEXT;
        all[i] = (ChatPart){
            .kind = (ChatPartKind)number,
            .text = text_of(c, one, "text"),
            .mime = text_of(c, one, "mime"),
            .data = str_is_null(data) ? data : str_base64_decode(c->arena, data),
            .id = text_of(c, one, "id"),
            .name = text_of(c, one, "name"),
            .signature = text_of(c, one, "signature"),
        };
    }
    a->parts = all;
    return NULL;
}

static Err *chat_make(Ctx *c, void *arg, Str *value, bool *keep, AiUsage *usage) {
    Chat *x = arg;
    AiOrigin origin;
    TRY(chat_call(c, x, usage, &origin));
    *value = answer_write(c->arena, x->out);
    *keep = !origin.fallback && x->out->end != CHAT_REFUSED;
    return NULL;
}

static Err *chat_kept(Ctx *c, Chat *x, const Provider *p, Str model) {
    KeptCall call = {
        .kind = AI_CHAT,
        .key = request_key(c, x->request, p, model),
        .payer = x->request->payer,
        .make = chat_make,
        .arg = x,
    };
    Str value;
    bool made;
    int64_t former = c->deadline_us;
    int64_t timeout = x->request->timeout_ms ? x->request->timeout_ms : ai_settings.timeout_ms;
    ctx_deadline_within(c, timeout);
    Err *err = kept_call(c, &call, &value, &made);
    c->deadline_us = former;
    if (err || made) return err;
    figures_kept(provider_index(p), AI_CHAT, 1);
    TRY(answer_read(c, value, x->out));
    if (x->schema && x->out->end != CHAT_TOOLS && x->out->end != CHAT_REFUSED)
        TRY(answer_json(c, x->out->text, x->schema, &x->out->json));
    if (!x->request->on_text || x->out->text.len == 0) return NULL;
    return x->request->on_text(c, x->out->text, x->request->arg);
}

Err *chat(Ctx *c, const ChatRequest *request, ChatAnswer *out) {
    assert(request && out);
    *out = (ChatAnswer){0};
    TRY(request_check(c, request));
    Chat *x = arena_new_of(c->arena, Chat);
    *x = (Chat){.request = request, .out = out};
    TRY(schema_read(c, request, &x->schema));
    const Provider *p;
    Str model;
    if (request->keep &&
        !policy_choose(c, AI_CHAT, request->provider, request->model, &p, &model) &&
        p != &provider_local)
        return chat_kept(c, x, p, model);
    AiUsage usage;
    AiOrigin origin;
    TRY(chat_call(c, x, &usage, &origin));
    return payer_charge_surely(c, request->payer, &usage);
}
