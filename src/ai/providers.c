/* SPDX-License-Identifier: Apache-2.0
 * The list of providers, and what the settings give each kind of call. */
#include "ai/policy.h"
#include "ai/settings.h"
#include "rt/channel.h"

static const Provider *const real[] = {
    &provider_local,
    &provider_openai,
    &provider_anthropic,
    &provider_mistral,
    &provider_gemini,
    &provider_vertex,
};

static const Provider *const *listed = real;
static ptrdiff_t listed_count = COUNT(real);

const char *ai_kind_name(AiKind kind) {
    static const char *const names[AI_KINDS] = {"chat", "embed", "transcribe", "speak", "image"};
    assert(kind >= 0 && kind < AI_KINDS);
    return names[kind];
}

const Provider *provider_at(ptrdiff_t i) {
    assert(i >= 0);
    return i < listed_count ? listed[i] : NULL;
}

ptrdiff_t provider_index(const Provider *p) {
    ptrdiff_t i = 0;
    while (i < listed_count && listed[i] != p) i++;
    assert(i < listed_count);
    return i;
}

const Provider *provider_named(Str name) {
    for (ptrdiff_t i = 0; i < listed_count; i++)
        if (str_eq(str_c(listed[i]->name), name)) return listed[i];
    return NULL;
}

bool provider_does(const Provider *p, AiKind kind) {
    switch (kind) {
    case AI_CHAT: return p->chat != NULL;
    case AI_EMBED: return p->embed != NULL;
    case AI_TRANSCRIBE: return p->transcribe != NULL;
    case AI_SPEAK: return p->speak != NULL;
    case AI_IMAGE: return p->image != NULL;
    case AI_KINDS: break;
    }
    return false;
}

Str provider_model(const Provider *p, AiKind kind) {
    Str (*const models[AI_KINDS])(void) = {p->chat_model, p->embed_model, p->transcribe_model,
                                           p->speak_model, p->image_model};
    assert(kind >= 0 && kind < AI_KINDS);
    return models[kind] ? models[kind]() : S("");
}

Str provider_usual(AiKind kind) {
    const Str usual[AI_KINDS] = {ai_settings.chat_provider, ai_settings.embed_provider,
                                 ai_settings.transcribe_provider, ai_settings.speak_provider,
                                 ai_settings.image_provider};
    assert(kind >= 0 && kind < AI_KINDS);
    return usual[kind];
}

void providers_set(const Provider *const *providers, ptrdiff_t count) {
    assert(count <= PROVIDERS_MAX);
    listed = providers ? providers : real;
    listed_count = providers ? count : COUNT(real);
    places_reset();
    circuits_reset();
    figures_reset();
}
