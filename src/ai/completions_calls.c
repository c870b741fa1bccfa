/* SPDX-License-Identifier: Apache-2.0
 * What services that speak like OpenAI do beside chat: vectors, recordings, speech, pictures. */
#include "ai/completions_calls.h"

#include <math.h>

#include "ai/media.h"
#include "core/time.h"

enum { BODY_BUDGET = 256 * 1024 * 1024 };

static void key_str(JsonOut *o, const char *name, Str value) {
    json_key(o, str_c(name));
    json_put_str(o, value);
}

/* -- one call ---------------------------------------------------------------------------------- */

/* An answer with a good status. type: of the body; null: JSON. */
static Err *post(Ctx *c, const CompletionsApi *api, const char *path, Str model, Str body, Str type,
                 HttpAnswer *answer, AiOrigin *origin) {
    Header headers[] = {{S("Authorization"), strf(c->arena, "Bearer %.*s", S_ARG(api->key))}};
    WireCall call = {.url = chat_url(c->arena, api->url, path),
                     .headers = headers,
                     .header_count = api->key.len ? COUNT(headers) : 0,
                     .body = body,
                     .type = type};
    int64_t began = mono_us();
    *origin = (AiOrigin){.provider = str_c(api->provider), .model = model, .tries = 1};
    TRY(wire_post(c, &call, answer));
    origin->latency_ms = (mono_us() - began) / US_PER_MS;
    Str id = answer_header(answer, S("x-request-id"));
    if (!str_is_null(id)) origin->request_id = str_copy(c->arena, str_utf8_cut(id, 200));
    if (answer->status >= 200 && answer->status < 300) return NULL;
    json_t *json = NULL;
    if (json_parse(c, answer->body, &json)) json = NULL;
    return completions_error(c, api->provider, answer, json);
}

static Err *post_json(Ctx *c, const CompletionsApi *api, const char *path, Str model, Str body,
                      Str type, json_t **out, AiOrigin *origin) {
    HttpAnswer answer;
    TRY(post(c, api, path, model, body, type, &answer, origin));
    if (json_parse(c, answer.body, out) || !json_is_object(*out))
        AI_FAIL(c, UPSTREAM, "ai_bad_answer", "%s answered with what is no JSON object.",
                api->provider);
    if (json_is_object(json_at(*out, "error")))
        return completions_error(c, api->provider, &answer, *out);
    Str said = json_str(json_at(*out, "model"));
    if (said.len) origin->model = str_copy(c->arena, str_utf8_cut(said, 200));
    return NULL;
}

/* -- vectors ----------------------------------------------------------------------------------- */

static Str embed_body(Ctx *c, const EmbedCall *call, const char *dimensions) {
    Buf b = buf_new(c->arena, 4 * KIB);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    key_str(&o, "model", call->model);
    json_key(&o, S("input"));
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < call->count; i++) json_put_str(&o, call->texts[i]);
    json_end(&o, ']');
    key_str(&o, "encoding_format", S("float"));
    if (dimensions) {
        json_key(&o, str_c(dimensions));
        json_put_i64(&o, call->dimensions);
    }
    json_end(&o, '}');
    return buf_str(&b);
}

/* They need not come in our order: `index` says whose each one is. */
static Err *vectors_read(Ctx *c, const char *provider, const json_t *data, EmbedCall *call) {
    bool *seen = arena_array(c->arena, bool, call->count + 1);
    if ((ptrdiff_t)json_array_size(data) != call->count)
        AI_FAIL(c, UPSTREAM, "ai_bad_answer", "%s answered %zu vectors for %td texts.", provider,
                json_array_size(data), call->count);
    for (ptrdiff_t i = 0; i < call->count; i++) {
        const json_t *one = json_array_get(data, (size_t)i);
        int64_t index = i;
        if (json_at(one, "index") && !json_i64(json_at(one, "index"), &index)) index = -1;
        if (index < 0 || index >= call->count || seen[index])
            AI_FAIL(c, UPSTREAM, "ai_bad_answer", "%s answered a vector of no text of ours.",
                    provider);
        seen[index] = true;
        TRY(embed_put(c, provider, call, index, json_at(one, "embedding")));
    }
    return NULL;
}

Err *completions_embed(Ctx *c, const CompletionsApi *api, const char *dimensions, EmbedCall *call) {
    json_t *json;
    TRY(post_json(c, api, "/embeddings", call->model, embed_body(c, call, dimensions), (Str){0},
                  &json, &call->origin));
    chat_count(json_path(json, "usage.prompt_tokens"), &call->usage.tokens_in);
    return vectors_read(c, api->provider, json_at(json, "data"), call);
}

/* -- recordings -------------------------------------------------------------------------------- */

/* Whisper names languages in English, the others by code. */
static Str language_code(Ctx *c, Str name) {
    static const char *const rows[][2] = {
        {"french", "fr"},  {"english", "en"}, {"spanish", "es"},    {"german", "de"},
        {"italian", "it"}, {"dutch", "nl"},   {"portuguese", "pt"}, {"arabic", "ar"},
        {"turkish", "tr"}, {"polish", "pl"},  {"russian", "ru"},    {"chinese", "zh"}};
    Str lower = str_lower(c->arena, str_utf8_cut(name, 32));
    for (ptrdiff_t i = 0; i < COUNT(rows); i++)
        if (str_eq(lower, str_c(rows[i][0]))) return str_c(rows[i][1]);
    return lower;
}

static double clamp_unit(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

/* How sure Whisper is that these are the words, and that there were any. *silent: it heard none in
 * any segment, and what it wrote is what it makes up for noise. */
static OptFloat segments_confidence(const json_t *segments, bool *silent) {
    double sum = 0, speech = 0, weight = 0;
    size_t count = json_array_size(segments);
    *silent = count > 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(segments, i);
        double start = 0, end = 0, logprob, none = 0;
        if (!json_f64(json_at(one, "avg_logprob"), &logprob)) {
            *silent = false;
            return (OptFloat){0, false};
        }
        json_f64(json_at(one, "no_speech_prob"), &none);
        json_f64(json_at(one, "start"), &start);
        json_f64(json_at(one, "end"), &end);
        double length = end > start ? end - start : 0.01;
        sum += logprob * length;
        speech += (1 - clamp_unit(none)) * length;
        weight += length;
        *silent = *silent && none > 0.9;
    }
    if (count == 0) return (OptFloat){0, false};
    return (OptFloat){clamp_unit(exp(sum / weight) * (speech / weight)), true};
}

static OptFloat tokens_confidence(const json_t *logprobs) {
    double sum = 0, one;
    size_t count = json_array_size(logprobs);
    for (size_t i = 0; i < count; i++) {
        if (!json_f64(json_at(json_array_get(logprobs, i), "logprob"), &one))
            return (OptFloat){0, false};
        sum += one;
    }
    return count ? (OptFloat){clamp_unit(exp(sum / (double)count)), true} : (OptFloat){0, false};
}

static void millis_read(const json_t *seconds, int64_t *millis) {
    double s;
    if (json_f64(seconds, &s) && s >= 0 && s < 1e6) *millis = (int64_t)(s * 1000 + 0.5);
}

static void heard_usage(const json_t *json, AiUsage *usage) {
    const json_t *from = json_at(json, "usage");
    static const char *const in[] = {"input_tokens", "prompt_tokens"};
    static const char *const out[] = {"output_tokens", "completion_tokens"};
    for (int i = 0; i < 2; i++) {
        chat_count(json_at(from, in[i]), &usage->tokens_in);
        chat_count(json_at(from, out[i]), &usage->tokens_out);
    }
    millis_read(json_at(from, "prompt_audio_seconds"), &usage->millis_audio);
    millis_read(json_at(from, "seconds"), &usage->millis_audio);
    millis_read(json_at(json, "duration"), &usage->millis_audio);
}

static Err *heard_read(Ctx *c, const CompletionsApi *api, const json_t *json, Transcript *out) {
    Str text = json_str(json_at(json, "text")), language = json_str(json_at(json, "language"));
    bool silent;
    heard_usage(json, &out->usage);
    if (str_is_null(text))
        AI_FAIL(c, UPSTREAM, "ai_bad_answer", "%s answered without a text.", api->provider);
    out->confidence = segments_confidence(json_at(json, "segments"), &silent);
    if (!out->confidence.set) out->confidence = tokens_confidence(json_at(json, "logprobs"));
    out->text = silent ? S("") : str_copy(c->arena, str_trim(text));
    if (language.len) out->language = language_code(c, language);
    return NULL;
}

Err *completions_transcribe(Ctx *c, const CompletionsApi *api, bool mistral,
                            const TranscribeRequest *request, Transcript *out) {
    SideArena *side = side_new(c, BODY_BUDGET);
    Str model = request->model, known = media_audio(request->audio), type;
    Form f = form_begin(side->arena, request->audio);
    form_field(&f, "model", model);
    if (request->language.len) form_field(&f, "language", request->language);
    /* The form in which each model says how sure it is. */
    if (!mistral && str_find(model, S("whisper")) >= 0) {
        form_field(&f, "response_format", S("verbose_json"));
    } else if (!mistral) {
        form_field(&f, "response_format", S("json"));
        if (str_starts(model, S("gpt-4o")) && str_find(model, S("diarize")) < 0)
            form_field(&f, "include[]", S("logprobs"));
    }
    form_file(&f, "file", media_file_name(c->arena, request->audio, request->mime),
              str_is_null(known) ? media_type(request->mime) : known, request->audio);
    Str body = form_end(&f, c->arena, &type);
    json_t *json;
    TRY(post_json(c, api, "/audio/transcriptions", model, body, type, &json, &out->origin));
    side_free(side);
    return heard_read(c, api, json, out);
}

/* -- speech ------------------------------------------------------------------------------------ */

Err *completions_speak(Ctx *c, const CompletionsApi *api, const SpeakRequest *request, Str voice,
                       Speech *out) {
    Buf b = buf_new(c->arena, 2 * KIB);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    key_str(&o, "model", request->model);
    key_str(&o, "input", request->text);
    key_str(&o, "voice", voice);
    key_str(&o, "response_format", S("mp3"));
    json_end(&o, '}');
    HttpAnswer answer;
    TRY(post(c, api, "/audio/speech", request->model, buf_str(&b), (Str){0}, &answer,
             &out->origin));
    out->usage.tokens_in = ai_tokens(request->text); /* the service tells nothing */
    out->usage.estimated = true;
    out->mime = media_audio(answer.body);
    if (str_is_null(out->mime))
        AI_FAIL(c, UPSTREAM, "ai_bad_answer", "%s answered with no sound that is known.",
                api->provider);
    out->audio = str_copy(c->arena, answer.body);
    return NULL;
}

/* -- pictures ---------------------------------------------------------------------------------- */

static Str size_of(Str model, Str aspect) {
    bool wide = str_eq(aspect, S("4:3")) || str_eq(aspect, S("16:9"));
    bool tall = str_eq(aspect, S("3:4")) || str_eq(aspect, S("9:16"));
    if ((!wide && !tall) || str_starts(model, S("dall-e-2"))) return S("1024x1024");
    if (str_starts(model, S("dall-e"))) return wide ? S("1792x1024") : S("1024x1792");
    return wide ? S("1536x1024") : S("1024x1536");
}

Err *completions_image(Ctx *c, const CompletionsApi *api, const ImageRequest *request, Image *out) {
    Buf b = buf_new(c->arena, 2 * KIB);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    key_str(&o, "model", request->model);
    key_str(&o, "prompt", request->prompt);
    key_str(&o, "size", size_of(request->model, request->aspect));
    json_key(&o, S("n"));
    json_put_i64(&o, 1);
    /* Newer models send bytes always, and refuse to be told so. */
    if (!str_starts(request->model, S("gpt-"))) key_str(&o, "response_format", S("b64_json"));
    json_end(&o, '}');
    json_t *json;
    TRY(post_json(c, api, "/images/generations", request->model, buf_str(&b), (Str){0}, &json,
                  &out->origin));
    chat_count(json_path(json, "usage.input_tokens"), &out->usage.tokens_in);
    chat_count(json_path(json, "usage.output_tokens"), &out->usage.tokens_out);
    out->bytes = str_base64_decode(c->arena, json_str(json_path(json, "data.0.b64_json")));
    if (out->bytes.len == 0)
        AI_FAIL(c, UPSTREAM, "ai_bad_answer", "%s answered without a picture.", api->provider);
    out->usage.images = 1;
    return NULL;
}
