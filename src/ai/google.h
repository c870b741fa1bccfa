/* SPDX-License-Identifier: Apache-2.0
 * What Gemini and Vertex AI have in common, which is nearly all: generateContent and its JSON,
 * google.rpc errors. They differ in addresses, in how a call is allowed, and in embeddings.
 *
 *   gemini.c, vertex.c ─▶ google_chat, google_transcribe… ─▶ google_call ─▶ GoogleApi.address
 *                                                      └▶ once more, with a fresh token, after a 401 */
#ifndef SOCLE_AI_GOOGLE_H
#define SOCLE_AI_GOOGLE_H

#include "ai/chat_wire.h"

typedef struct GoogleApi {
    const ChatDialect *dialect; /* its provider's name is the API's */
    bool ids;                   /* calls of tools have ids */
    bool tokens;                /* a call is allowed by a token that runs out, else by a key */
    /* Address and headers of a call of `verb` ("generateContent"). *token: in, the one that was
     * refused (null: none was); out, the one used. */
    Err *(*address)(Ctx *c, Str model, const char *verb, Str *token, WireCall *call);
} GoogleApi;

/* A model's name as it stands in an address; INVALID `ai_unknown_model` for what is none. */
MUST_USE Err *google_model(Ctx *c, const char *provider, Str model, Str *out);
/* Models of the third generation and later: they think in levels, want their thoughts' signatures
 * back and their temperature left alone. */
bool google_thinks(Str model);

/* Run `make` with the address of a call in *call; once more where a token was refused. */
typedef Err *GoogleMake(Ctx *c, WireCall *call, void *arg);
MUST_USE Err *google_call(Ctx *c, const GoogleApi *api, Str model, const char *verb,
                          GoogleMake *make, void *arg);
/* Post a body and read the answer as JSON, which lives as long as c; failures are errors. */
MUST_USE Err *google_post(Ctx *c, const GoogleApi *api, Str model, const char *verb, Str body,
                          json_t **out, AiOrigin *origin);

/* google_request.c */
MUST_USE Err *google_body(Ctx *c, const ChatRequest *request, bool ids, Arena *arena, Str *out);
/* google_read.c: the dialects' functions, and pieces of them for others. */
Err *google_event(Ctx *c, ChatReader *r, const json_t *event);
Err *google_failure(Ctx *c, ChatReader *r, const HttpAnswer *answer);
void google_usage(const json_t *answer, AiUsage *usage, bool *whole);
/* Why the service gave nothing: its filter's word, null where it was none. */
Str google_refusal(const json_t *answer);
/* google_failure.c: the error for a bad status with google.rpc's `error` (NULL: none was given);
 * code `ai_token_refused` for a 401, which google_call takes away. */
Err *google_error(Ctx *c, const char *provider, const HttpAnswer *answer, const json_t *error);
/* The `error` of an answer, be it an object or a list of one; NULL: there is none. */
const json_t *google_error_of(const json_t *answer);

/* google_calls.c */
MUST_USE Err *google_chat(Ctx *c, const GoogleApi *api, const ChatRequest *request,
                          ChatAnswer *out);
MUST_USE Err *google_transcribe(Ctx *c, const GoogleApi *api, const TranscribeRequest *request,
                                Transcript *out);
MUST_USE Err *google_image(Ctx *c, const GoogleApi *api, const ImageRequest *request, Image *out);
MUST_USE Err *google_speak(Ctx *c, const GoogleApi *api, const SpeakRequest *request, Str voice,
                           Speech *out);

#endif
