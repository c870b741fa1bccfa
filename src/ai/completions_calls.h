/* SPDX-License-Identifier: Apache-2.0
 * Services that speak like OpenAI, beside chat. Each function makes one call, as Provider wants it. */
#ifndef SOCLE_AI_COMPLETIONS_CALLS_H
#define SOCLE_AI_COMPLETIONS_CALLS_H

#include "ai/chat_wire.h"

typedef struct CompletionsApi {
    const char *provider;
    Str url, key; /* key: "" for services that want none */
} CompletionsApi;

/* dimensions: the name under which the model is told how many numbers to give; NULL: it gives what
 * it gives, and UPSTREAM `ai_bad_answer` says so when these are not as many. */
MUST_USE Err *completions_embed(Ctx *c, const CompletionsApi *api, const char *dimensions,
                                EmbedCall *call);
MUST_USE Err *completions_transcribe(Ctx *c, const CompletionsApi *api, bool mistral,
                                     const TranscribeRequest *request, Transcript *out);
MUST_USE Err *completions_speak(Ctx *c, const CompletionsApi *api, const SpeakRequest *request,
                                Str voice, Speech *out);
MUST_USE Err *completions_image(Ctx *c, const CompletionsApi *api, const ImageRequest *request,
                                Image *out);

#endif
