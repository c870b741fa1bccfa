/* SPDX-License-Identifier: Apache-2.0
 * Gemini, by the Generative Language API: a key in a header, many texts embedded at once. */
#include "ai/google.h"
#include "ai/media.h"
#include "ai/settings.h"

enum { EMBED_MOST = 100 };

const ChatDialect gemini_dialect = {.provider = "gemini",
                                    .event = google_event,
                                    .whole = google_event,
                                    .failure = google_failure,
                                    .lists = true};

static Err *gemini_address(Ctx *c, Str model, const char *verb, Str *token, WireCall *call) {
    (void)token;
    Header *header = arena_new_of(c->arena, Header);
    *header = (Header){S("x-goog-api-key"), ai_settings.gemini_key};
    *call = (WireCall){.url = strf(c->arena, "%.*s/v1beta/models/%.*s:%s",
                                   S_ARG(ai_settings.gemini_url), S_ARG(model), verb),
                       .headers = header,
                       .header_count = 1};
    return NULL;
}

static const GoogleApi api = {.dialect = &gemini_dialect, .ids = true, .address = gemini_address};

static Err *gemini_chat(Ctx *c, const ChatRequest *request, ChatAnswer *out) {
    return google_chat(c, &api, request, out);
}
static Err *gemini_transcribe(Ctx *c, const TranscribeRequest *request, Transcript *out) {
    return google_transcribe(c, &api, request, out);
}
static Err *gemini_image(Ctx *c, const ImageRequest *request, Image *out) {
    return google_image(c, &api, request, out);
}
static Err *gemini_speak(Ctx *c, const SpeakRequest *request, Speech *out) {
    Str voice = request->voice.len ? request->voice : ai_settings.gemini_speak_voice;
    return google_speak(c, &api, request, voice, out);
}

/* -- vectors ----------------------------------------------------------------------------------- */

static void key_str(JsonOut *o, const char *name, Str value) {
    json_key(o, str_c(name));
    json_put_str(o, value);
}

static void text_write(JsonOut *o, const EmbedCall *call, Str model, Str text) {
    json_begin(o, '{');
    key_str(o, "model", model);
    json_key(o, S("content"));
    json_begin(o, '{');
    json_key(o, S("parts"));
    json_begin(o, '[');
    json_begin(o, '{');
    key_str(o, "text", text);
    json_end(o, '}');
    json_end(o, ']');
    json_end(o, '}');
    key_str(o, "taskType",
            call->task == EMBED_QUERY ? S("RETRIEVAL_QUERY") : S("RETRIEVAL_DOCUMENT"));
    json_key(o, S("outputDimensionality"));
    json_put_i64(o, call->dimensions);
    json_end(o, '}');
}

static Err *gemini_embed(Ctx *c, EmbedCall *call) {
    Str name;
    TRY(google_model(c, "gemini", call->model, &name));
    Str model = strf(c->arena, "models/%.*s", S_ARG(name));
    Buf b = buf_new(c->arena, 4 * KIB);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("requests"));
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < call->count; i++) text_write(&o, call, model, call->texts[i]);
    json_end(&o, ']');
    json_end(&o, '}');
    json_t *json;
    TRY(google_post(c, &api, name, "batchEmbedContents", buf_str(&b), &json, &call->origin));
    const json_t *vectors = json_at(json, "embeddings");
    if ((ptrdiff_t)json_array_size(vectors) != call->count)
        AI_FAIL(c, UPSTREAM, "ai_bad_answer", "gemini answered %zu vectors for %td texts.",
                json_array_size(vectors), call->count);
    for (ptrdiff_t i = 0; i < call->count; i++)
        TRY(embed_put(c, "gemini", call, i, json_at(json_array_get(vectors, (size_t)i), "values")));
    return NULL;
}

/* -- the provider ------------------------------------------------------------------------------ */

static Str gemini_lacks(Arena *arena) {
    (void)arena;
    return ai_settings.gemini_key.len ? (Str){0} : S("GEMINI_API_KEY is not set.");
}

static Str chat_model(void) { return ai_settings.gemini_chat_model; }
static Str embed_model_name(void) { return ai_settings.gemini_embed_model; }
static Str transcribe_model(void) { return ai_settings.gemini_transcribe_model; }
static Str speak_model(void) { return ai_settings.gemini_speak_model; }
static Str image_model(void) { return ai_settings.gemini_image_model; }

const Provider provider_gemini = {.name = "gemini",
                                  .lacks = gemini_lacks,
                                  .chat_model = chat_model,
                                  .embed_model = embed_model_name,
                                  .transcribe_model = transcribe_model,
                                  .speak_model = speak_model,
                                  .image_model = image_model,
                                  .chat = gemini_chat,
                                  .embed = gemini_embed,
                                  .embed_most = EMBED_MOST,
                                  .transcribe = gemini_transcribe,
                                  .speak = gemini_speak,
                                  .image = gemini_image};
