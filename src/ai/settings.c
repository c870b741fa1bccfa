/* SPDX-License-Identifier: Apache-2.0
 * The usual values, for whoever runs without the rows of src/api/ai_module.c. */
#include "ai/settings.h"

AiSettings ai_settings = {
    .openai_key = S_INIT(""),
    .openai_url = S_INIT("https://api.openai.com/v1"),
    .anthropic_key = S_INIT(""),
    .anthropic_url = S_INIT("https://api.anthropic.com"),
    .mistral_key = S_INIT(""),
    .mistral_url = S_INIT("https://api.mistral.ai/v1"),
    .gemini_key = S_INIT(""),
    .gemini_url = S_INIT("https://generativelanguage.googleapis.com"),
    .vertex_project = S_INIT(""),
    .vertex_region = S_INIT("europe-west1"),
    .vertex_url = S_INIT(""),
    .google_credentials = S_INIT(""),
    .chat_provider = S_INIT("local"),
    .chat_fallback = S_INIT(""),
    .embed_provider = S_INIT("local"),
    .transcribe_provider = S_INIT(""),
    .speak_provider = S_INIT("local"),
    .image_provider = S_INIT(""),
    .embed_dimensions = 768,
    .timeout_ms = 60000,
    .tries = 3,
    .concurrency = 32,
    .keep_days = 30,
    .kept_bytes = (int64_t)1 << 30,
    .kept_rows = 1000000,
    .prices = S_INIT(""),
    .recordings = S_INIT(""),
    .record = S_INIT("off"),
};
