/* SPDX-License-Identifier: Apache-2.0
 * transcribe() and speak(). What was heard is kept; what was spoken is not, because it is large and
 * quickly made again. */
#include "ai/speech.h"

#include "ai/kept.h"
#include "ai/settings.h"
#include "core/time.h"

enum {
    AUDIO_MAX = 25 * 1024 * 1024,
    TRANSCRIBE_TRY_MS = 30000,
    TRANSCRIBE_TRIES = 3,
    PAUSES_MS = 15000, /* between three tries */
    SPEAK_CHARACTERS_MAX = 4096,
};

Str transcribe_lacks(Arena *arena) {
    Str name = ai_settings.transcribe_provider;
    if (str_is_empty(name))
        return S("Nobody writes recordings down here: set AI_TRANSCRIBE_PROVIDER, and its key.");
    const Provider *p = provider_named(name);
    if (!p || !provider_does(p, AI_TRANSCRIBE))
        return strf(arena, "AI_TRANSCRIBE_PROVIDER: %.*s does not write recordings down.",
                    S_ARG(name));
    if (str_is_empty(provider_model(p, AI_TRANSCRIBE)))
        return strf(arena, "AI_TRANSCRIBE_PROVIDER: no model of %.*s is named for this.",
                    S_ARG(name));
    return p->lacks ? p->lacks(arena) : (Str){0};
}

/* -- Transcription ------------------------------------------------------------------------------- */

typedef struct Hearing {
    const TranscribeRequest *request;
    Transcript *out;
} Hearing;

static Err *hear_ask(Ctx *c, const Provider *p, Str model, PolicyTry *one) {
    Hearing *x = one->arg;
    TranscribeRequest r = *x->request;
    r.provider = str_c(p->name);
    r.model = model;
    *x->out = (Transcript){0};
    Err *err = p->transcribe(c, &r, x->out);
    one->usage = x->out->usage;
    one->origin = x->out->origin;
    if (!err && str_is_null(x->out->text)) x->out->text = S("");
    return err;
}

static Err *hear(Ctx *c, Hearing *x, AiUsage *usage, AiOrigin *origin) {
    const TranscribeRequest *r = x->request;
    int64_t try_ms = r->timeout_ms ? r->timeout_ms : TRANSCRIBE_TRY_MS;
    PolicyCall call = {
        .kind = AI_TRANSCRIBE,
        .provider = r->provider,
        .model = r->model,
        .timeout_ms = try_ms * TRANSCRIBE_TRIES + PAUSES_MS,
        .try_ms = try_ms,
        .tries = TRANSCRIBE_TRIES,
        .ask = hear_ask,
        .arg = x,
    };
    Err *err = policy_call(c, &call, usage, origin);
    x->out->usage = *usage;
    x->out->origin = *origin;
    return err;
}

static Str transcript_write(Arena *arena, const Transcript *t) {
    Buf b = buf_new(arena, t->text.len + 256);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    const struct {
        const char *name;
        Str text;
    } members[] = {{"text", t->text},
                   {"language", t->language},
                   {"provider", t->origin.provider},
                   {"model", t->origin.model}};
    for (int i = 0; i < COUNT(members); i++) {
        json_key(&o, str_c(members[i].name));
        json_put_str(&o, members[i].text);
    }
    json_key(&o, S("confidence"));
    if (t->confidence.set)
        json_put_f64(&o, t->confidence.value);
    else
        json_put_null(&o);
    json_end(&o, '}');
    return buf_str(&b);
}

static Str text_of(Ctx *c, const json_t *object, const char *name) {
    Str text = json_str(json_at(object, name));
    return str_is_null(text) ? text : str_copy(c->arena, text);
}

static Err *transcript_read(Ctx *c, Str value, Transcript *t) {
    json_t *json;
    TRY(json_parse(c, value, &json));
    *t = (Transcript){
        .text = text_of(c, json, "text"),
        .language = text_of(c, json, "language"),
        .usage = {.priced = true},
        .origin = {.provider = text_of(c, json, "provider"),
                   .model = text_of(c, json, "model"),
                   .kept = true},
    };
    t->confidence.set = json_f64(json_at(json, "confidence"), &t->confidence.value);
    if (str_is_null(t->text)) FAIL(c, INTERNAL, "A kept transcript is broken.");
    return NULL;
}

static Err *hear_make(Ctx *c, void *arg, Str *value, bool *keep, AiUsage *usage) {
    Hearing *x = arg;
    AiOrigin origin;
    TRY(hear(c, x, usage, &origin));
    *value = transcript_write(c->arena, x->out);
    *keep = true;
    return NULL;
}

Err *transcribe(Ctx *c, const TranscribeRequest *request, Transcript *out) {
    assert(request && out);
    *out = (Transcript){0};
    if (request->audio.len > AUDIO_MAX)
        FAIL(c, TOO_LARGE, "A recording has at most %d bytes.", AUDIO_MAX);
    if (request->audio.len == 0) FAIL(c, INVALID, "The recording is empty.");
    if (str_is_empty(request->mime)) FAIL(c, INVALID, "The recording's media type is missing.");
    TRY(payer_check(c, request->payer));
    const Provider *p;
    Str model;
    TRY(policy_choose(c, AI_TRANSCRIBE, request->provider, request->model, &p, &model));
    Hearing x = {request, out};
    KeptKey k = kept_key_new(c->arena, AI_TRANSCRIBE, str_c(p->name), model);
    kept_key_add(&k, request->language);
    kept_key_add(&k, request->audio);
    KeptCall call = {.kind = AI_TRANSCRIBE,
                     .key = kept_key_end(&k),
                     .payer = request->payer,
                     .make = hear_make,
                     .arg = &x};
    Str value;
    bool made;
    TRY(kept_call(c, &call, &value, &made));
    if (made) return NULL;
    figures_kept(provider_index(p), AI_TRANSCRIBE, 1);
    return transcript_read(c, value, out);
}

/* -- Speech -------------------------------------------------------------------------------------- */

typedef struct Speaking {
    const SpeakRequest *request;
    Speech *out;
} Speaking;

static Err *speak_ask(Ctx *c, const Provider *p, Str model, PolicyTry *one) {
    Speaking *x = one->arg;
    SpeakRequest r = *x->request;
    r.provider = str_c(p->name);
    r.model = model;
    *x->out = (Speech){0};
    Err *err = p->speak(c, &r, x->out);
    one->usage = x->out->usage;
    one->origin = x->out->origin;
    if (err || x->out->audio.len > 0) return err;
    err = err_new(c, ERR_UPSTREAM, __func__, "%s answered without any sound", p->name);
    err->code = S("ai_bad_answer");
    return err;
}

Err *speak(Ctx *c, const SpeakRequest *request, Speech *out) {
    assert(request && out);
    *out = (Speech){0};
    if (!str_utf8_valid(request->text)) FAIL(c, INVALID, "What is to be said is not UTF-8.");
    if (str_utf8_count(request->text) > SPEAK_CHARACTERS_MAX)
        FAIL(c, TOO_LARGE, "At most %d characters are said at once.", SPEAK_CHARACTERS_MAX);
    if (str_trim(request->text).len == 0) FAIL(c, INVALID, "There is nothing to say.");
    TRY(payer_check(c, request->payer));
    Speaking x = {request, out};
    AiUsage usage;
    AiOrigin origin;
    PolicyCall call = {
        .kind = AI_SPEAK,
        .provider = request->provider,
        .model = request->model,
        .timeout_ms = request->timeout_ms,
        .ask = speak_ask,
        .arg = &x,
    };
    TRY(policy_call(c, &call, &usage, &origin));
    out->usage = usage;
    out->origin = origin;
    return payer_charge_surely(c, request->payer, &usage);
}
