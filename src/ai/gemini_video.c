/* SPDX-License-Identifier: Apache-2.0
 * Videos by Gemini's API: Veo, as an operation that is begun and asked after. Whoever else is named makes
 * none. */
#include "ai/google.h"
#include "ai/settings.h"
#include "ai/video.h"
#include "ai/wire.h"
#include "net/client.h"

enum { STATE_MAX = 1024 * 1024, NAME_MAX_BYTES = 400 };
static const int64_t ASK_MS = 30 * 1000, FETCH_MS = 120 * 1000;

static int64_t ask_ms(void) { return min_i64(ASK_MS, ai_settings.timeout_ms); }

Str video_lacks(Arena *arena) {
    (void)arena;
    if (str_is_empty(ai_settings.video_provider))
        return S("Nobody makes videos here: set AI_VIDEO_PROVIDER to gemini, and GEMINI_API_KEY.");
    if (str_is_empty(ai_settings.gemini_key)) return S("GEMINI_API_KEY is not set.");
    return str_is_empty(ai_settings.gemini_video_model) ? S("GEMINI_VIDEO_MODEL is not set.")
                                                        : (Str){0};
}

static Err *able(Ctx *c) {
    Str lacks = video_lacks(c->arena);
    if (!str_is_null(lacks)) FAIL(c, NOT_CONFIGURED, "%.*s", S_ARG(lacks));
    return NULL;
}

static void key_str(JsonOut *o, const char *name, Str value) {
    json_key(o, str_c(name));
    json_put_str(o, value);
}

/* {"instances": [{"prompt", "image"}], "parameters": {…}} */
static Str video_body(Ctx *c, const VideoRequest *r) {
    Str image = str_base64(c->arena, r->image);
    Buf b = buf_new(c->arena, image.len + r->prompt.len + 512);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("instances"));
    json_begin(&o, '[');
    json_begin(&o, '{');
    key_str(&o, "prompt", r->prompt);
    json_key(&o, S("image"));
    json_begin(&o, '{');
    key_str(&o, "bytesBase64Encoded", image);
    key_str(&o, "mimeType", r->mime);
    json_end(&o, '}');
    json_end(&o, '}');
    json_end(&o, ']');
    json_key(&o, S("parameters"));
    json_begin(&o, '{');
    key_str(&o, "aspectRatio", r->tall ? S("9:16") : S("16:9"));
    json_key(&o, S("durationSeconds"));
    json_put_i64(&o, r->seconds);
    json_end(&o, '}');
    json_end(&o, '}');
    return buf_str(&b);
}

/* The answer as JSON, or the error that it is. */
static Err *answer_json_of(Ctx *c, const HttpAnswer *answer, json_t **json) {
    Err *broken = json_parse(c, answer->body, json);
    if (answer->status >= 400)
        return google_error(c, "gemini", answer, broken ? NULL : google_error_of(*json));
    if (!broken && json_is_object(*json)) return NULL;
    AI_FAIL(c, UPSTREAM, "ai_bad_answer", "gemini answered what is no JSON.");
}

/* "models/M/operations/ID": it becomes part of an address. */
static bool operation_is_good(Str name) {
    if (name.len == 0 || name.len > NAME_MAX_BYTES || str_find(name, S("..")) >= 0) return false;
    for (ptrdiff_t i = 0; i < name.len; i++) {
        char b = name.data[i];
        bool good = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
                    b == '-' || b == '_' || b == '.' || (b == '/' && i > 0);
        if (!good) return false;
    }
    return true;
}

Err *video_begin(Ctx *c, const VideoRequest *request, Str *operation, AiOrigin *origin) {
    Str model;
    HttpAnswer answer;
    json_t *json;
    assert(request->seconds > 0 && request->image.len > 0);
    TRY(able(c));
    TRY(google_model(c, "gemini", ai_settings.gemini_video_model, &model));
    Header key = {S("x-goog-api-key"), ai_settings.gemini_key};
    WireCall call = {.url = strf(c->arena, "%.*s/v1beta/models/%.*s:predictLongRunning",
                                 S_ARG(ai_settings.gemini_url), S_ARG(model)),
                     .headers = &key,
                     .header_count = 1,
                     .body = video_body(c, request),
                     .max_bytes = STATE_MAX};
    int64_t former = ctx_deadline_within(c, ask_ms());
    Err *err = wire_post(c, &call, &answer);
    c->deadline_us = former;
    TRY(err);
    TRY(answer_json_of(c, &answer, &json));
    Str name = json_str(json_at(json, "name"));
    if (!operation_is_good(name))
        AI_FAIL(c, UPSTREAM, "ai_bad_answer", "gemini began a video without saying which.");
    *operation = str_copy(c->arena, name);
    *origin = (AiOrigin){.provider = S("gemini"), .model = model, .tries = 1};
    return NULL;
}

/* The key goes to the API alone; whatever else an address names is on the open internet. */
static Err *video_fetch(Ctx *c, Str url, ptrdiff_t max_bytes, VideoState *out) {
    Header key = {S("x-goog-api-key"), ai_settings.gemini_key};
    HttpAnswer answer;
    bool own = str_starts(url, strf(c->arena, "%.*s/", S_ARG(ai_settings.gemini_url)));
    HttpCall call = {.url = url,
                     .headers = &key,
                     .header_count = own ? 1 : 0,
                     .timeout_ms = FETCH_MS,
                     .max_bytes = max_bytes,
                     .retries = 2,
                     .public_only = !own,
                     .follow = true};
    TRY(http_call(c, &call, &answer));
    if (answer.status != 200 || answer.body.len == 0)
        AI_FAIL(c, UPSTREAM, "ai_bad_answer", "gemini's video could not be fetched: status %d.",
                answer.status);
    out->bytes = answer.body;
    out->mime = S("video/mp4");
    return NULL;
}

Err *video_look(Ctx *c, Str operation, ptrdiff_t max_bytes, VideoState *out) {
    HttpAnswer answer;
    json_t *json;
    *out = (VideoState){0};
    TRY(able(c));
    if (!operation_is_good(operation)) FAIL(c, INVALID, "This is no operation of gemini's.");
    Header key = {S("x-goog-api-key"), ai_settings.gemini_key};
    HttpCall call = {
        .url = strf(c->arena, "%.*s/v1beta/%.*s", S_ARG(ai_settings.gemini_url), S_ARG(operation)),
        .headers = &key,
        .header_count = 1,
        .timeout_ms = ask_ms(),
        .max_bytes = STATE_MAX};
    TRY(http_call(c, &call, &answer));
    TRY(answer_json_of(c, &answer, &json));
    out->done = json_is_true(json_at(json, "done"));
    if (!out->done) return NULL;
    const json_t *samples = json_path(json, "response.generateVideoResponse.generatedSamples");
    const json_t *first = json_is_array(samples) ? json_array_get(samples, 0) : NULL;
    Str url = first ? json_str(json_path(first, "video.uri")) : (Str){0};
    out->refused = json_at(json, "error") || str_is_empty(url);
    return out->refused ? NULL : video_fetch(c, str_copy(c->arena, url), max_bytes, out);
}
