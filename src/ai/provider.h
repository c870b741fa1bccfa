/* SPDX-License-Identifier: Apache-2.0
 * A provider: how one service's wire is spoken. Room-internal; callers use llm.h, embed.h, speech.h,
 * image.h, and policy.c stands between. A provider makes one call, once: no tries, no keeping, no
 * ledger. It fills in what it learned of usage and origin also where it fails half-way. */
#ifndef SOCLE_AI_PROVIDER_H
#define SOCLE_AI_PROVIDER_H

#include "ai/embed.h"
#include "ai/image.h"
#include "ai/llm.h"
#include "ai/speech.h"
#include "net/client.h"

typedef struct EmbedCall {
    EmbedTask task;
    const Str *texts;
    ptrdiff_t count; /* at most Provider.embed_most */
    Str model;
    int dimensions;
    float *vectors; /* to fill: count × dimensions; need not be unit vectors */
    AiUsage usage;
    AiOrigin origin;
} EmbedCall;

typedef struct Provider {
    const char *name;
    /* A sentence that names the setting which is missing for this; null: ready. */
    Str (*lacks)(Arena *arena);
    /* Model that the settings name for this provider; "" where it has none. */
    Str (*chat_model)(void), (*embed_model)(void), (*transcribe_model)(void), (*speak_model)(void),
        (*image_model)(void);
    /* NULL: it cannot. request->model is set; out is zeroed. */
    Err *(*chat)(Ctx *c, const ChatRequest *request, ChatAnswer *out);
    Err *(*embed)(Ctx *c, EmbedCall *call);
    int embed_most;                   /* texts in one call */
    int (*embed_most_of)(Str model);  /* where that depends on the model, instead */
    Err *(*transcribe)(Ctx *c, const TranscribeRequest *request, Transcript *out);
    Err *(*speak)(Ctx *c, const SpeakRequest *request, Speech *out);
    Err *(*image)(Ctx *c, const ImageRequest *request, Image *out);
} Provider;

extern const Provider provider_openai, provider_anthropic, provider_mistral, provider_gemini,
    provider_vertex, provider_local;

/* -- Wire (wire.c), for all of them: every call of a provider goes through here, which is where
 *    recordings are made and played (AI_RECORDINGS, AI_RECORD: off, play, record). A recording is a
 *    file named by the SHA-256 of method, path, and body (JSON in canonical form), which has status,
 *    headers that matter and the body as it came; keys are never in it. In `play` nothing goes out:
 *    a request without a recording is UPSTREAM `ai_no_recording` and names the file. */

typedef struct WireCall {
    Str url;
    const Header *headers; /* secrets are among them */
    ptrdiff_t header_count;
    Str body, type;        /* type: its Content-Type; null: application/json */
    ptrdiff_t max_bytes;   /* of the answer; 0: 20 MiB */
    int64_t idle_ms;       /* longest silence; 0: 60 s, but c's deadline of an answer in one piece */
    const bool *enough;    /* of a stream: once true, what follows is not waited for; NULL: all of it */
} WireCall;

/* The whole answer, whatever its status. */
MUST_USE Err *wire_post(Ctx *c, const WireCall *call, HttpAnswer *out);
/* Streamed: on_event gets each server-sent event; `raw` pieces when the answer is no event stream, or
 * no longer one (Google breaks off with the bare JSON of an error); `unfinished` is one that the
 * stream ended in, which may be half of one.
 * A status of 400 or more is not streamed: it is in *out with its body. UPSTREAM `ai_cut_short` when the
 * connection breaks; whether the stream was whole is for on_event's owner to know. */
typedef Err *WireEvent(Ctx *c, Str event, Str data, void *arg);
MUST_USE Err *wire_stream(Ctx *c, const WireCall *call, WireEvent *on_event, void *arg,
                          HttpAnswer *out);

/* The error for an answer with a bad status: by status, by Retry-After, and by what the provider says
 * in `code`, `type` and `message` (null where it says nothing); quota, context and model errors
 * are told apart as in ai.h. Providers refine what is their own before they call it. */
Err *wire_failure(Ctx *c, const char *provider, const HttpAnswer *answer, Str code, Str type,
                  Str message);

/* The sources as quoted data, for providers that have no place of their own for them; null without. */
Str chat_sources_text(Ctx *c, const ChatRequest *request);

#endif
