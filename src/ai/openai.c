/* SPDX-License-Identifier: Apache-2.0
 * OpenAI, and whatever speaks its API behind OPENAI_BASE_URL: without a key where the address is
 * another one than OpenAI's. */
#include "ai/completions_calls.h"
#include "ai/settings.h"
#include "net/url.h"

const ChatDialect openai_dialect = {.provider = "openai",
                                    .event = completions_event,
                                    .whole = completions_whole,
                                    .failure = completions_failure};

static bool is_openai_itself(void) {
    Url url;
    return url_parse(ai_settings.openai_url, &url) && str_ends(url.host, S("openai.com"));
}

/* Models that think first take `max_completion_tokens` only, and no temperature: o1, o3-mini,
 * gpt-5, gpt-5.1-mini, but not gpt-5-chat-latest. A provider's prefix (openai/gpt-5) counts for
 * nothing. */
static bool is_thinking(Str model) {
    ptrdiff_t slash = -1;
    for (ptrdiff_t i = 0; i < model.len; i++)
        if (model.data[i] == '/') slash = i;
    Str name = str_slice(model, slash + 1, model.len);
    int64_t version = 0;
    ptrdiff_t from = str_starts(name, S("gpt-")) ? 4 : str_starts(name, S("o")) ? 1 : 0, to = from;
    while (to < name.len && name.data[to] >= '0' && name.data[to] <= '9') to++;
    if (from == 0 || to == from || !str_to_i64(str_slice(name, from, to), &version)) return false;
    if (from == 1) return to == name.len || name.data[to] == '-';
    return version >= 5 && str_find(name, S("-chat")) < 0;
}

static Err *openai_chat(Ctx *c, const ChatRequest *request, ChatAnswer *out) {
    bool thinking = is_thinking(request->model);
    CompletionsStyle style = {.max_tokens = thinking || is_openai_itself() ? "max_completion_tokens"
                                                                           : "max_tokens",
                              .temperature = !thinking,
                              .temperature_max = 2};
    SideArena *side = side_new(c, 256 * MIB);
    Header headers[] = {
        {S("Authorization"), strf(c->arena, "Bearer %.*s", S_ARG(ai_settings.openai_key))}};
    WireCall call = {.url = chat_url(c->arena, ai_settings.openai_url, "/chat/completions"),
                     .headers = headers,
                     .header_count = ai_settings.openai_key.len ? COUNT(headers) : 0};
    TRY(completions_body(c, request, &style, side->arena, &call.body));
    Err *err = chat_exchange(c, &openai_dialect, request, call, out);
    side_free(side);
    return err;
}

/* -- beside chat ------------------------------------------------------------------------------- */

static CompletionsApi api(void) {
    return (CompletionsApi){"openai", ai_settings.openai_url, ai_settings.openai_key};
}

/* Models of the third generation give as many numbers as they are told to; the one before refuses
 * to be told, and so do many that others serve. */
static Err *openai_embed(Ctx *c, EmbedCall *call) {
    CompletionsApi a = api();
    bool told = str_find(call->model, S("text-embedding-3")) >= 0;
    return completions_embed(c, &a, told ? "dimensions" : NULL, call);
}

static Err *openai_transcribe(Ctx *c, const TranscribeRequest *request, Transcript *out) {
    CompletionsApi a = api();
    return completions_transcribe(c, &a, false, request, out);
}

static Err *openai_speak(Ctx *c, const SpeakRequest *request, Speech *out) {
    CompletionsApi a = api();
    Str voice = request->voice.len ? request->voice : ai_settings.openai_speak_voice;
    return completions_speak(c, &a, request, voice, out);
}

static Err *openai_image(Ctx *c, const ImageRequest *request, Image *out) {
    CompletionsApi a = api();
    return completions_image(c, &a, request, out);
}

/* -- the provider ------------------------------------------------------------------------------ */

static Str openai_lacks(Arena *arena) {
    (void)arena;
    if (ai_settings.openai_key.len || !is_openai_itself()) return (Str){0};
    return S("OPENAI_API_KEY is not set.");
}

static Str chat_model(void) { return ai_settings.openai_chat_model; }
static Str embed_model_name(void) { return ai_settings.openai_embed_model; }
static Str transcribe_model(void) { return ai_settings.openai_transcribe_model; }
static Str speak_model(void) { return ai_settings.openai_speak_model; }
static Str image_model(void) { return ai_settings.openai_image_model; }

const Provider provider_openai = {.name = "openai",
                                  .lacks = openai_lacks,
                                  .chat_model = chat_model,
                                  .embed_model = embed_model_name,
                                  .transcribe_model = transcribe_model,
                                  .speak_model = speak_model,
                                  .image_model = image_model,
                                  .chat = openai_chat,
                                  .embed = openai_embed,
                                  .embed_most = 2048,
                                  .transcribe = openai_transcribe,
                                  .speak = openai_speak,
                                  .image = openai_image};
