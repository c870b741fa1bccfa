/* SPDX-License-Identifier: Apache-2.0
 * Settings of ai/, the job that purges, and what an operator is told is missing. */
#include "api/ai_module.h"

#include "ai/embed.h"
#include "ai/kept.h"
#include "ai/settings.h"

/* -- Checks ------------------------------------------------------------------------------------- */

static Str names_of(Arena *arena, AiKind kind) {
    Buf b = buf_new(arena, 64);
    const Provider *p;
    for (ptrdiff_t i = 0; (p = provider_at(i)) != NULL; i++)
        if (provider_does(p, kind)) buf_f(&b, "%s%s", b.len ? ", " : "", p->name);
    return b.len ? buf_str(&b) : S("none of this binary's");
}

/* instead: what an empty name stands for; NULL: nobody. */
static Str provider_settle(Arena *arena, AiKind kind, Str *name, const char *instead) {
    if (str_is_empty(*name) && instead) *name = str_c(instead);
    const Provider *p = provider_named(*name);
    if (str_is_empty(*name) || (p && provider_does(p, kind))) return (Str){0};
    return strf(arena, "one of %.*s was expected", S_ARG(names_of(arena, kind)));
}

#define SETTLE(fn, kind, member, instead)                                  \
    static Str fn(Arena *arena) {                                          \
        return provider_settle(arena, kind, &ai_settings.member, instead); \
    }
SETTLE(chat_settle, AI_CHAT, chat_provider, "local")
SETTLE(fallback_settle, AI_CHAT, chat_fallback, NULL)
SETTLE(embed_settle, AI_EMBED, embed_provider, "local")
SETTLE(transcribe_settle, AI_TRANSCRIBE, transcribe_provider, NULL)
SETTLE(speak_settle, AI_SPEAK, speak_provider, NULL)
SETTLE(image_settle, AI_IMAGE, image_provider, NULL)

static Str prices_settle(Arena *arena) { return prices_set(arena, ai_settings.prices); }

static Str recordings_settle(Arena *arena) {
    (void)arena;
    bool off = str_eq(ai_settings.record, S("off"));
    if (off || !str_is_empty(ai_settings.recordings)) return (Str){0};
    return S("AI_RECORDINGS must name the folder");
}

/* Addresses are joined with paths that begin with a slash. */
static Str slash_off(Str *url) {
    while (url->len > 0 && url->data[url->len - 1] == '/') url->len--;
    return (Str){0};
}
#define URL_SETTLE(fn, member)                 \
    static Str fn(Arena *arena) {              \
        (void)arena;                           \
        return slash_off(&ai_settings.member); \
    }
URL_SETTLE(openai_settle, openai_url)
URL_SETTLE(anthropic_settle, anthropic_url)
URL_SETTLE(mistral_settle, mistral_url)
URL_SETTLE(gemini_settle, gemini_url)
URL_SETTLE(vertex_settle, vertex_url)

/* -- Settings ----------------------------------------------------------------------------------- */

#define NOT_BY_KEY " A key alone switches nothing"
static const char *const video_values[] = {"", "gemini", NULL};
static const char *const record_values[] = {"off", "play", "record", NULL};

static const Setting settings_rows[] = {
    SETTING("AI_CHAT_PROVIDER", ai_settings.chat_provider, .usual = "local", .settle = chat_settle,
            .doc = "Who answers: local (sentences of what it is given, without a model), openai, "
                   "anthropic, mistral, gemini or vertex." NOT_BY_KEY),
    SETTING("AI_CHAT_FALLBACK", ai_settings.chat_fallback, .settle = fallback_settle,
            .doc = "Who answers when that one is away, has no money left or does not know the "
                   "model; empty: nobody"),
    SETTING(
        "EMBED_PROVIDER", ai_settings.embed_provider, .usual = "local", .settle = embed_settle,
        .doc = "Who makes vectors of texts: local (hashed words and letters) or another." NOT_BY_KEY
               "; another provider, model or number makes all stored vectors anew"),
    SETTING("EMBED_DIMENSIONS", ai_settings.embed_dimensions, .usual = "768", .min = 16,
            .max = EMBED_DIMENSIONS_MAX,
            .doc = "Numbers in a vector; mistral-embed gives 1024, text-multilingual-embedding-002 "
                   "768 at most"),
    SETTING("AI_TRANSCRIBE_PROVIDER", ai_settings.transcribe_provider, .settle = transcribe_settle,
            .doc = "Who writes recordings down; empty: nobody, and they wait"),
    SETTING("AI_SPEAK_PROVIDER", ai_settings.speak_provider, .usual = "local",
            .settle = speak_settle,
            .doc = "Who speaks: local (espeak-ng, where it is installed) or another." NOT_BY_KEY),
    SETTING("AI_IMAGE_PROVIDER", ai_settings.image_provider, .settle = image_settle,
            .doc = "Who draws; empty: no model does"),
    SETTING("AI_VIDEO_PROVIDER", ai_settings.video_provider, .values = video_values,
            .doc = "Who makes videos: gemini; empty: nobody"),
    SETTING("AI_TIMEOUT_MS", ai_settings.timeout_ms, .usual = "60000", .min = 100, .max = 600000,
            .unit = "ms", .doc = "A call to a model may take so long, all its tries together"),
    SETTING("AI_TRIES", ai_settings.tries, .usual = "3", .min = 1, .max = 10,
            .doc = "Calls made for one request, where trying again can help"),
    SETTING("AI_CONCURRENCY", ai_settings.concurrency, .usual = "32", .min = 1, .max = 10000,
            .doc = "Calls under way at once, of this process to one provider; the others wait"),
    SETTING("AI_KEEP_DAYS", ai_settings.keep_days, .usual = "30", .min = 0, .max = 3650,
            .unit = "days",
            .doc = "What a model answered is kept so long after its last use, and given again for "
                   "the same request; 0: not at all"),
    SETTING("AI_KEPT_BYTES", ai_settings.kept_bytes, .usual = "1073741824", .min = 1048576,
            .max = (int64_t)1 << 40, .unit = "bytes", .doc = "So much of it, at most"),
    SETTING("AI_KEPT_ROWS", ai_settings.kept_rows, .usual = "1000000", .min = 100, .max = 100000000,
            .doc = "And so many answers"),
    SETTING("AI_PRICES", ai_settings.prices, .settle = prices_settle,
            .doc = "JSON of prices for a million tokens, {\"MODEL\": {\"in\": 0.15, \"out\": 0.6, "
                   "\"cached\": 0.075, \"minute\": 0, \"image\": 0, \"second\": 0}} (minute: of "
                   "sound, second: of "
                   "video, each in the currency), before those that are known"),
    SETTING("AI_RECORDINGS", ai_settings.recordings,
            .doc = "Folder of recorded answers of providers"),
    SETTING("AI_RECORD", ai_settings.record, .usual = "off", .values = record_values,
            .settle = recordings_settle,
            .doc = "play: answers come from the recordings and nothing goes out; record: they are "
                   "written there"),

#define MODEL(what) .doc = "Its model " what
    SETTING("OPENAI_API_KEY", ai_settings.openai_key, .secret = true,
            .doc = "OpenAI, or whoever speaks like it." NOT_BY_KEY),
    SETTING("OPENAI_BASE_URL", ai_settings.openai_url, .usual = "https://api.openai.com/v1",
            .settle = openai_settle, .doc = "Its address: Ollama's, llama.cpp's, vLLM's"),
    SETTING("OPENAI_MODEL", ai_settings.openai_chat_model, .usual = "gpt-4o-mini",
            MODEL("for chat")),
    SETTING("OPENAI_EMBEDDING_MODEL", ai_settings.openai_embed_model,
            .usual = "text-embedding-3-small", MODEL("for vectors")),
    SETTING("OPENAI_TRANSCRIBE_MODEL", ai_settings.openai_transcribe_model, .usual = "whisper-1",
            MODEL("for transcription")),
    SETTING("OPENAI_SPEAK_MODEL", ai_settings.openai_speak_model, .usual = "gpt-4o-mini-tts",
            MODEL("for speech")),
    SETTING("OPENAI_SPEAK_VOICE", ai_settings.openai_speak_voice, .usual = "alloy",
            .doc = "Its voice"),
    SETTING("OPENAI_IMAGE_MODEL", ai_settings.openai_image_model, .usual = "gpt-image-1",
            MODEL("for pictures")),

    SETTING("ANTHROPIC_API_KEY", ai_settings.anthropic_key, .secret = true,
            .doc = "Anthropic." NOT_BY_KEY),
    SETTING("ANTHROPIC_BASE_URL", ai_settings.anthropic_url, .usual = "https://api.anthropic.com",
            .settle = anthropic_settle, .doc = "Its address"),
    SETTING("ANTHROPIC_MODEL", ai_settings.anthropic_chat_model, .usual = "claude-haiku-4-5",
            MODEL("for chat")),

    SETTING("MISTRAL_API_KEY", ai_settings.mistral_key, .secret = true,
            .doc = "Mistral." NOT_BY_KEY),
    SETTING("MISTRAL_BASE_URL", ai_settings.mistral_url, .usual = "https://api.mistral.ai/v1",
            .settle = mistral_settle, .doc = "Its address"),
    SETTING("MISTRAL_MODEL", ai_settings.mistral_chat_model, .usual = "mistral-small-latest",
            MODEL("for chat")),
    SETTING("MISTRAL_EMBEDDING_MODEL", ai_settings.mistral_embed_model, .usual = "mistral-embed",
            MODEL("for vectors")),
    SETTING("MISTRAL_TRANSCRIBE_MODEL", ai_settings.mistral_transcribe_model,
            .usual = "voxtral-mini-latest", MODEL("for transcription")),

    SETTING("GEMINI_API_KEY", ai_settings.gemini_key, .secret = true, .doc = "Gemini." NOT_BY_KEY),
    SETTING("GEMINI_BASE_URL", ai_settings.gemini_url,
            .usual = "https://generativelanguage.googleapis.com", .settle = gemini_settle,
            .doc = "Its address"),
    SETTING("GEMINI_MODEL", ai_settings.gemini_chat_model, .usual = "gemini-3.5-flash",
            MODEL("for chat")),
    SETTING("GEMINI_EMBEDDING_MODEL", ai_settings.gemini_embed_model,
            .usual = "gemini-embedding-001", MODEL("for vectors")),
    SETTING("GEMINI_TRANSCRIBE_MODEL", ai_settings.gemini_transcribe_model,
            .usual = "gemini-3.5-flash", MODEL("for transcription")),
    SETTING("GEMINI_SPEAK_MODEL", ai_settings.gemini_speak_model, MODEL("for speech")),
    SETTING("GEMINI_SPEAK_VOICE", ai_settings.gemini_speak_voice, .usual = "Kore",
            .doc = "Its voice"),
    SETTING("GEMINI_IMAGE_MODEL", ai_settings.gemini_image_model, .usual = "gemini-3.1-flash-image",
            MODEL("for pictures")),
    SETTING("GEMINI_VIDEO_MODEL", ai_settings.gemini_video_model,
            .usual = "veo-3.1-generate-preview", MODEL("for videos")),

    SETTING("VERTEX_AI_PROJECT", ai_settings.vertex_project, .doc = "Project of Vertex AI"),
    SETTING("VERTEX_AI_REGION", ai_settings.vertex_region, .usual = "europe-west1",
            .doc = "Region of Vertex AI"),
    SETTING("VERTEX_AI_BASE_URL", ai_settings.vertex_url, .settle = vertex_settle,
            .doc = "Its address; empty: the region's own"),
    SETTING("VERTEX_AI_MODEL", ai_settings.vertex_chat_model, .usual = "gemini-3.5-flash",
            MODEL("for chat")),
    SETTING("VERTEX_AI_EMBEDDING_MODEL", ai_settings.vertex_embed_model,
            .usual = "text-multilingual-embedding-002", MODEL("for vectors")),
    SETTING("VERTEX_AI_TRANSCRIBE_MODEL", ai_settings.vertex_transcribe_model,
            .usual = "gemini-3.5-flash", MODEL("for transcription")),
    SETTING("VERTEX_AI_IMAGE_MODEL", ai_settings.vertex_image_model,
            .usual = "gemini-3.1-flash-image", MODEL("for pictures")),
    SETTING("GOOGLE_APPLICATION_CREDENTIALS", ai_settings.google_credentials,
            .doc = "File of the service account's key, for Vertex AI"),
    SETTING("GOOGLE_TOKEN_URL", ai_settings.google_token_url,
            .doc = "Where that key is exchanged for tokens; empty: where the key file says"),
};

/* -- The module --------------------------------------------------------------------------------- */

static Err *purge(Ctx *c, Job *job) {
    int64_t count;
    TRY(kept_purge(c, &count));
    job->result = (JsonText){strf(c->arena, "{\"removed\":%lld}", (long long)count)};
    return NULL;
}

static const JobKind jobs[] = {
    {.name = "ai.purge", .doc = "Answers of models that nobody asked for again go", .run = purge},
};
static const Schedule schedules[] = {
    {.name = "ai.purge",
     .cron = "37 * * * *",
     .job = "ai.purge",
     .doc = "Answers of models that nobody asked for again go"},
};

/* What is named in the settings and cannot work as it is, for who reads the log or runs doctor. */
static Str ai_lacks(Ctx *c) {
    Buf b = buf_new(c->arena, 128);
    const Provider *told[AI_KINDS] = {0};
    for (int kind = 0; kind < AI_KINDS; kind++) {
        const Provider *p = told[kind] = provider_named(provider_usual((AiKind)kind));
        bool again = false;
        for (int i = 0; i < kind; i++) again = again || told[i] == p;
        Str lacks = p && !again && p->lacks ? p->lacks(c->arena) : (Str){0};
        if (!str_is_null(lacks)) buf_f(&b, "%s%.*s", b.len ? " " : "", S_ARG(lacks));
    }
    return b.len ? buf_str(&b) : (Str){0};
}

const Module ai_module = {
    .name = "ai",
    .doc = "Models: who answers, who pays, what is kept",
    .settings = settings_rows,
    .setting_count = COUNT(settings_rows),
    .jobs = jobs,
    .job_count = COUNT(jobs),
    .schedules = schedules,
    .schedule_count = COUNT(schedules),
    .erase = kept_forget,
    .lacks = ai_lacks,
};
