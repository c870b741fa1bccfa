/* SPDX-License-Identifier: Apache-2.0
 * Gemini's models by Vertex AI: a project and a region in the address, a token of a service account
 * that is fetched anew once when it is refused, embeddings by :predict. */
#include "ai/google.h"
#include "ai/media.h"
#include "ai/settings.h"
#include "ai/vertex_auth.h"

enum { EMBED_MOST = 250 };

const ChatDialect vertex_dialect = {.provider = "vertex",
                                    .event = google_event,
                                    .whole = google_event,
                                    .failure = google_failure,
                                    .lists = true};

/* Of a project's or region's name: it becomes part of an address. */
static bool is_name(Str s) {
    for (ptrdiff_t i = 0; i < s.len; i++) {
        char b = s.data[i];
        bool good = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
                    b == '-' || b == '_' || (i > 0 && (b == '.' || b == ':'));
        if (!good) return false;
    }
    return s.len > 0;
}

static Str base_of(Ctx *c) {
    if (ai_settings.vertex_url.len) return ai_settings.vertex_url;
    if (str_eq(ai_settings.vertex_region, S("global")))
        return S("https://aiplatform.googleapis.com");
    return strf(c->arena, "https://%.*s-aiplatform.googleapis.com",
                S_ARG(ai_settings.vertex_region));
}

static Err *vertex_address(Ctx *c, Str model, const char *verb, Str *token, WireCall *call) {
    Str project = ai_settings.vertex_project, region = ai_settings.vertex_region;
    if (!is_name(project) || !is_name(region) || str_find_byte(region, ':') >= 0)
        FAIL(c, NOT_CONFIGURED, "VERTEX_AI_PROJECT or VERTEX_AI_REGION is not a name.");
    TRY(vertex_token(c, *token, token));
    Header *header = arena_new_of(c->arena, Header);
    *header = (Header){S("Authorization"), strf(c->arena, "Bearer %.*s", S_ARG(*token))};
    *call = (WireCall){
        .url =
            strf(c->arena, "%.*s/v1/projects/%.*s/locations/%.*s/publishers/google/models/%.*s:%s",
                 S_ARG(base_of(c)), S_ARG(project), S_ARG(region), S_ARG(model), verb),
        .headers = header,
        .header_count = 1};
    return NULL;
}

static const GoogleApi api = {
    .dialect = &vertex_dialect, .tokens = true, .address = vertex_address};

static Err *vertex_chat(Ctx *c, const ChatRequest *request, ChatAnswer *out) {
    return google_chat(c, &api, request, out);
}
static Err *vertex_transcribe(Ctx *c, const TranscribeRequest *request, Transcript *out) {
    return google_transcribe(c, &api, request, out);
}
static Err *vertex_image(Ctx *c, const ImageRequest *request, Image *out) {
    return google_image(c, &api, request, out);
}

/* -- vectors ----------------------------------------------------------------------------------- */

/* Gemini's model takes one text in a call, the older ones many. */
static int embed_most_of(Str model) {
    return str_find(model, S("gemini-embedding")) >= 0 ? 1 : EMBED_MOST;
}

static void key_str(JsonOut *o, const char *name, Str value) {
    json_key(o, str_c(name));
    json_put_str(o, value);
}

static Str predict_body(Ctx *c, const EmbedCall *call) {
    Buf b = buf_new(c->arena, 4 * KIB);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("instances"));
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < call->count; i++) {
        json_begin(&o, '{');
        key_str(&o, "content", call->texts[i]);
        key_str(&o, "task_type",
                call->task == EMBED_QUERY ? S("RETRIEVAL_QUERY") : S("RETRIEVAL_DOCUMENT"));
        json_end(&o, '}');
    }
    json_end(&o, ']');
    json_key(&o, S("parameters"));
    json_begin(&o, '{');
    json_key(&o, S("autoTruncate"));
    json_put_bool(&o, true);
    json_key(&o, S("outputDimensionality"));
    json_put_i64(&o, call->dimensions);
    json_end(&o, '}');
    json_end(&o, '}');
    return buf_str(&b);
}

static Err *vertex_embed(Ctx *c, EmbedCall *call) {
    json_t *json;
    TRY(google_post(c, &api, call->model, "predict", predict_body(c, call), &json, &call->origin));
    const json_t *all = json_at(json, "predictions");
    if ((ptrdiff_t)json_array_size(all) != call->count)
        AI_FAIL(c, UPSTREAM, "ai_bad_answer", "vertex answered %zu vectors for %td texts.",
                json_array_size(all), call->count);
    for (ptrdiff_t i = 0; i < call->count; i++) {
        const json_t *one = json_at(json_array_get(all, (size_t)i), "embeddings");
        int64_t tokens = 0;
        chat_count(json_path(one, "statistics.token_count"), &tokens);
        call->usage.tokens_in += tokens;
        TRY(embed_put(c, "vertex", call, i, json_at(one, "values")));
    }
    return NULL;
}

/* -- the provider ------------------------------------------------------------------------------ */

static Str vertex_lacks(Arena *arena) {
    (void)arena;
    if (ai_settings.vertex_project.len == 0) return S("VERTEX_AI_PROJECT is not set.");
    if (ai_settings.google_credentials.len == 0)
        return S("GOOGLE_APPLICATION_CREDENTIALS is not set.");
    return (Str){0};
}

static Str chat_model(void) { return ai_settings.vertex_chat_model; }
static Str embed_model_name(void) { return ai_settings.vertex_embed_model; }
static Str transcribe_model(void) { return ai_settings.vertex_transcribe_model; }
static Str image_model(void) { return ai_settings.vertex_image_model; }
static Str no_model(void) { return S(""); }

const Provider provider_vertex = {.name = "vertex",
                                  .lacks = vertex_lacks,
                                  .chat_model = chat_model,
                                  .embed_model = embed_model_name,
                                  .transcribe_model = transcribe_model,
                                  .speak_model = no_model,
                                  .image_model = image_model,
                                  .chat = vertex_chat,
                                  .embed = vertex_embed,
                                  .embed_most = EMBED_MOST,
                                  .embed_most_of = embed_most_of,
                                  .transcribe = vertex_transcribe,
                                  .image = vertex_image};
