/* SPDX-License-Identifier: Apache-2.0
 * Mistral: chat/completions with content as text or chunks, thinking among them, and rules of its
 * own for ids and the order of roles (chat_wire_completions.c). */
#include "ai/completions_calls.h"
#include "ai/settings.h"

const ChatDialect mistral_dialect = {.provider = "mistral",
                                     .event = completions_event,
                                     .whole = completions_whole,
                                     .failure = completions_failure,
                                     .opaque = completions_opaque};

static Err *mistral_chat(Ctx *c, const ChatRequest *request, ChatAnswer *out) {
    static const CompletionsStyle style = {
        .max_tokens = "max_tokens", .temperature = true, .temperature_max = 1.5, .mistral = true};
    SideArena *side = side_new(c, 256 * MIB);
    Header headers[] = {
        {S("Authorization"), strf(c->arena, "Bearer %.*s", S_ARG(ai_settings.mistral_key))}};
    WireCall call = {.url = chat_url(c->arena, ai_settings.mistral_url, "/chat/completions"),
                     .headers = headers,
                     .header_count = COUNT(headers)};
    TRY(completions_body(c, request, &style, side->arena, &call.body));
    Err *err = chat_exchange(c, &mistral_dialect, request, call, out);
    side_free(side);
    return err;
}

static CompletionsApi api(void) {
    return (CompletionsApi){"mistral", ai_settings.mistral_url, ai_settings.mistral_key};
}

/* mistral-embed gives 1024 numbers and nothing else. */
static Err *mistral_embed(Ctx *c, EmbedCall *call) {
    CompletionsApi a = api();
    bool told = !str_starts(call->model, S("mistral-embed"));
    return completions_embed(c, &a, told ? "output_dimension" : NULL, call);
}

static Err *mistral_transcribe(Ctx *c, const TranscribeRequest *request, Transcript *out) {
    CompletionsApi a = api();
    return completions_transcribe(c, &a, true, request, out);
}

static Str mistral_lacks(Arena *arena) {
    (void)arena;
    return ai_settings.mistral_key.len ? (Str){0} : S("MISTRAL_API_KEY is not set.");
}

static Str chat_model(void) { return ai_settings.mistral_chat_model; }
static Str embed_model_name(void) { return ai_settings.mistral_embed_model; }
static Str transcribe_model(void) { return ai_settings.mistral_transcribe_model; }
static Str no_model(void) { return S(""); }

const Provider provider_mistral = {.name = "mistral",
                                   .lacks = mistral_lacks,
                                   .chat_model = chat_model,
                                   .embed_model = embed_model_name,
                                   .transcribe_model = transcribe_model,
                                   .speak_model = no_model,
                                   .image_model = no_model,
                                   .chat = mistral_chat,
                                   .embed = mistral_embed,
                                   .embed_most = 64,
                                   .transcribe = mistral_transcribe};
