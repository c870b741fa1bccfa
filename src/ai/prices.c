/* SPDX-License-Identifier: Apache-2.0
 * What calls cost. Prices are in US dollars for a million tokens, which is the same figure as
 * millionths of a dollar for one. The table holds list prices of models that have been stable for
 * long; AI_PRICES says others, in any currency (then all of them):
 *
 *   {"gpt-4o-mini": {"in": 0.15, "out": 0.6, "cached": 0.075}, "whisper-1": {"minute": 0.006},
 *    "my-model": {"in": 0, "out": 0}, "pictures": {"image": 0.04}, "films": {"second": 0.4}}
 *
 * A name also stands for its dated versions (gpt-4o-mini-2024-07-18, claude-haiku-4-5@20251001). A
 * model that is in neither is not guessed: `priced` is false and the cost 0. */
#include <math.h>

#include "ai/policy.h"

typedef struct Price {
    Str model;
    double in, out, cached;       /* a token, in millionths; cached < 0: as in */
    double minute, image, second; /* of sound, one, of video: units of the currency */
} Price;

#define TEXT(name, in, out, cached) \
    { S_INIT(name), (in), (out), (cached), 0, 0, 0 }
static const Price known[] = {
    TEXT("gpt-4o", 2.5, 10, 1.25),
    TEXT("gpt-4o-mini", 0.15, 0.6, 0.075),
    TEXT("gpt-4.1", 2, 8, 0.5),
    TEXT("gpt-4.1-mini", 0.4, 1.6, 0.1),
    TEXT("gpt-4.1-nano", 0.1, 0.4, 0.025),
    TEXT("text-embedding-3-small", 0.02, 0, -1),
    TEXT("text-embedding-3-large", 0.13, 0, -1),
    {S_INIT("whisper-1"), 0, 0, -1, 0.006, 0, 0},
    TEXT("claude-haiku-4-5", 1, 5, 0.1),
    TEXT("claude-sonnet-4-5", 3, 15, 0.3),
    TEXT("claude-sonnet-4-6", 3, 15, 0.3),
    TEXT("mistral-embed", 0.1, 0, -1),
    TEXT("gemini-embedding-001", 0.15, 0, -1),
};

enum { PRICES_MAX = 200 };
static Price own[PRICES_MAX];
static ptrdiff_t own_count;

/* The rest of a name behind the model's: nothing, or a date or version of it. */
static bool version_of(Str rest) {
    if (rest.len == 0) return true;
    if (rest.len < 5 || (rest.data[0] != '-' && rest.data[0] != '@')) return false;
    for (ptrdiff_t i = 1; i < rest.len; i++)
        if (rest.data[i] != '-' && (rest.data[i] < '0' || rest.data[i] > '9')) return false;
    return true;
}

static const Price *price_find(const Price *prices, ptrdiff_t count, Str model) {
    for (ptrdiff_t i = 0; i < count; i++)
        if (str_starts(model, prices[i].model) &&
            version_of(str_slice(model, prices[i].model.len, model.len)))
            return &prices[i];
    return NULL;
}

void usage_price(const char *provider, Str model, AiUsage *usage) {
    usage->cost_micros = 0;
    usage->priced = strcmp(provider, "local") == 0;
    const Price *p = price_find(own, own_count, model);
    if (!p) p = price_find(known, COUNT(known), model);
    if (!p || usage->priced) return;
    int64_t cached = min_i64(usage->tokens_cached, usage->tokens_in);
    double micros = (double)(usage->tokens_in - cached) * p->in +
                    (double)cached * (p->cached < 0 ? p->in : p->cached) +
                    (double)usage->tokens_out * p->out +
                    (double)usage->millis_audio / 60000 * p->minute * 1e6 +
                    (double)usage->images * p->image * 1e6 +
                    (double)usage->millis_video / 1000 * p->second * 1e6;
    usage->cost_micros = (int64_t)ceil(micros - 1e-6);
    usage->priced = true;
}

/* -- AI_PRICES ----------------------------------------------------------------------------------- */

static Str price_read(Arena *arena, const char *model, const json_t *json, Price *out) {
    static const char *const names[] = {"in", "out", "cached", "minute", "image", "second"};
    double *const places[] = {&out->in,     &out->out,   &out->cached,
                              &out->minute, &out->image, &out->second};
    if (!json_is_object(json))
        return strf(arena, "%s: an object with in, out, cached, minute, image, second was expected",
                    model);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, name, value) {
        int i = 0;
        while (i < COUNT(names) && strcmp(names[i], name) != 0) i++;
        if (i == COUNT(names)) return strf(arena, "%s.%s: there is no such price", model, name);
        if (!json_f64(value, places[i]) || *places[i] < 0 || *places[i] > 1e6)
            return strf(arena, "%s.%s: a price between 0 and 1000000 was expected", model, name);
    }
    return (Str){0};
}

static Str prices_read(Arena *arena, const json_t *json) {
    if (!json_is_object(json) || (ptrdiff_t)json_object_size(json) > PRICES_MAX)
        return strf(arena, "an object with at most %d models was expected", PRICES_MAX);
    const char *model;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, model, value) {
        Price p = {.cached = -1};
        Str wrong = price_read(arena, model, value, &p);
        if (!str_is_null(wrong)) return wrong;
        /* For as long as the process lives: the settings' arena does. */
        p.model = str_copy(arena, str_c(model));
        own[own_count++] = p;
    }
    return (Str){0};
}

Str prices_set(Arena *arena, Str json) {
    own_count = 0;
    if (str_is_empty(json)) return (Str){0};
    Ctx c = {.arena = arena};
    json_t *value;
    Err *err = json_parse(&c, json, &value);
    Str wrong = err ? err->detail : prices_read(arena, value);
    if (!str_is_null(wrong)) own_count = 0;
    ctx_undo(&c, NULL);
    return wrong;
}
