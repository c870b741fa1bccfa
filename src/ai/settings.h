/* SPDX-License-Identifier: Apache-2.0
 * What operators say about models: who answers, with which keys, at which addresses, within which
 * limits. A plain struct, because this room is below api/: src/api/ai_module.c has the rows that fill
 * it, once, before anything starts; read-only afterwards. Until then it holds the usual values, with
 * which unit tests run.
 *
 * A key alone switches nothing: a provider answers when AI_…_PROVIDER or EMBED_PROVIDER names it. */
#ifndef SOCLE_AI_SETTINGS_H
#define SOCLE_AI_SETTINGS_H

#include "core/str.h"

typedef struct AiSettings {
    /* Keys, addresses (without a slash at the end), models. "" where there is none. */
    Str openai_key, openai_url, openai_chat_model, openai_embed_model, openai_transcribe_model,
        openai_speak_model, openai_speak_voice, openai_image_model; /* url with /v1 */
    Str anthropic_key, anthropic_url, anthropic_chat_model;         /* url without /v1 */
    Str mistral_key, mistral_url, mistral_chat_model, mistral_embed_model,
        mistral_transcribe_model; /* url with /v1 */
    Str gemini_key, gemini_url, gemini_chat_model, gemini_embed_model, gemini_transcribe_model,
        gemini_speak_model, gemini_speak_voice, gemini_image_model,
        gemini_video_model; /* url without /v1beta */
    Str vertex_project, vertex_region, vertex_url, vertex_chat_model, vertex_embed_model,
        vertex_transcribe_model, vertex_image_model; /* url without /v1; "": the region's own */
    Str google_credentials;                          /* file of a service account's key */
    Str google_token_url;                            /* "": the key file's */

    /* Names of providers. "" for transcription and pictures: nobody does it here. */
    Str chat_provider, chat_fallback, embed_provider, transcribe_provider, speak_provider,
        image_provider, video_provider;
    int64_t embed_dimensions;

    int64_t timeout_ms;  /* of a whole call, tries included, where the request names none */
    int64_t tries;       /* calls made for one request to one provider, at most */
    int64_t concurrency; /* calls under way at once, of this process to one provider */
    int64_t
        keep_days; /* what was answered is kept so long after it was last asked for; 0: not at all */
    int64_t kept_bytes, kept_rows; /* and so much of it, at most */
    Str prices; /* JSON: {"model": {"in": 0.15, "out": 0.6, …}}, by million tokens; see prices.c */
    Str recordings; /* folder */
    Str record;     /* off, play, record */
    int64_t
        play_bytes; /* played answers come in pieces of so many bytes; 0: as they may. For tests */
} AiSettings;
extern AiSettings ai_settings;

#endif
