/* SPDX-License-Identifier: Apache-2.0
 * What models are asked, by provider and kind of call, and whether their circuits are closed. Only
 * what has been called or is named in the settings is shown. */
#include <stdio.h>

#include "ai/policy.h"
#include "ops/base_metrics.h"
#include "ops/health.h"

typedef struct Row {
    Str labels[2];
    CircuitState state;
    AiFigures figures;
} Row;

typedef struct Asked {
    Row *items;
    ptrdiff_t count;
} Asked;

static const void *prepare(Ctx *c) {
    Asked *all = arena_new_of(c->arena, Asked);
    all->items = arena_array(c->arena, Row, PROVIDERS_MAX * AI_KINDS);
    const Provider *p;
    for (ptrdiff_t i = 0; (p = provider_at(i)) != NULL; i++) {
        for (int k = 0; k < AI_KINDS; k++) {
            AiKind kind = (AiKind)k;
            Row row = {.labels = {str_c(p->name), str_c(ai_kind_name(kind))},
                       .state = circuit_state(i, kind),
                       .figures = ai_figures(i, kind)};
            bool named = str_eq(provider_usual(kind), row.labels[0]);
            bool used = row.figures.calls || row.figures.kept || row.figures.under_way;
            if (named || used) all->items[all->count++] = row;
        }
    }
    return all;
}

/* A family with one sample a provider and kind: EXPR over its figures `f`. */
#define BY_CALL(collect, expr)                                          \
    static void collect(Ctx *c, const void *prepared, MetricOut *out) { \
        const Asked *all = prepared;                                    \
        (void)c;                                                        \
        for (ptrdiff_t i = 0; i < all->count; i++) {                    \
            const AiFigures *f = &all->items[i].figures;                \
            metric_sample(out, all->items[i].labels, (double)(expr));   \
        }                                                               \
    }

BY_CALL(calls_collect, f->calls)
BY_CALL(retries_collect, f->retries)
BY_CALL(fallbacks_collect, f->fallbacks)
BY_CALL(kept_collect, f->kept)
BY_CALL(under_way_collect, f->under_way)
BY_CALL(cost_collect, (double)f->cost_micros / 1e6)

static void open_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const Asked *all = prepared;
    (void)c;
    for (ptrdiff_t i = 0; i < all->count; i++)
        metric_sample(out, all->items[i].labels, all->items[i].state == CIRCUIT_CLOSED ? 0 : 1);
}

static void errors_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const Asked *all = prepared;
    for (ptrdiff_t i = 0; i < all->count; i++)
        for (int k = 0; k < ERR_KIND_COUNT; k++) {
            const Row *row = &all->items[i];
            if (row->figures.errors[k] == 0) continue;
            Err one = {.kind = (ErrKind)k};
            Str code = str_copy(c->arena, err_code(&one));
            metric_sample(out, (Str[]){row->labels[0], row->labels[1], code},
                          (double)row->figures.errors[k]);
        }
}

static void tokens_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const Asked *all = prepared;
    (void)c;
    for (ptrdiff_t i = 0; i < all->count; i++) {
        const Row *row = &all->items[i];
        const AiFigures *f = &row->figures;
        Str a = row->labels[0], b = row->labels[1];
        metric_sample(out, (Str[]){a, b, S("in")}, (double)(f->tokens_in - f->tokens_cached));
        metric_sample(out, (Str[]){a, b, S("cached")}, (double)f->tokens_cached);
        metric_sample(out, (Str[]){a, b, S("out")}, (double)f->tokens_out);
    }
}

static void times_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const Asked *all = prepared;
    (void)c;
    for (ptrdiff_t i = 0; i < all->count; i++)
        metric_histogram(out, all->items[i].labels, all->items[i].figures.times,
                         all->items[i].figures.sum_us);
}

#define BY .labels = "provider kind"
static const Metric rows[] = {
    {"socle_ai_calls", METRIC_COUNTER, "Calls made to providers, tries included.", BY,
     .collect = calls_collect},
    {"socle_ai_errors", METRIC_COUNTER, "Of them those that failed, by error.",
     .labels = "provider kind error", .collect = errors_collect},
    {"socle_ai_retries", METRIC_COUNTER, "Of them those made again after a failure.", BY,
     .collect = retries_collect},
    {"socle_ai_fallbacks", METRIC_COUNTER, "Answers given instead of another provider.", BY,
     .collect = fallbacks_collect},
    {"socle_ai_kept", METRIC_COUNTER, "Answers given from what was kept, without a call.", BY,
     .collect = kept_collect},
    {"socle_ai_under_way", METRIC_GAUGE, "Calls under way.", BY, .collect = under_way_collect},
    {"socle_ai_tokens", METRIC_COUNTER, "Tokens read (in, and cached by the provider) and written.",
     .labels = "provider kind direction", .collect = tokens_collect},
    {"socle_ai_cost", METRIC_COUNTER, "What calls cost, in the price list's currency.", BY,
     .collect = cost_collect},
    {"socle_ai_circuit_open", METRIC_GAUGE, "1 while a provider is left alone after failures.", BY,
     .collect = open_collect},
    {"socle_ai_seconds", METRIC_HISTOGRAM, "How long a call takes.", BY, .collect = times_collect,
     .bounds = ai_time_bounds_us, .bound_count = AI_TIME_BOUNDS, .per_unit = 1000000},
};
const MetricTable ai_metrics = {rows, COUNT(rows), prepare};

/* -- Health: what the circuits know. Nobody is called ------------------------------------------- */

static bool models_configured(Ctx *c) {
    (void)c;
    for (int k = 0; k < AI_KINDS; k++) {
        Str name = provider_usual((AiKind)k);
        if (!str_is_empty(name) && !str_eq(name, S("local"))) return true;
    }
    return false;
}

static Err *models_look(Ctx *c, HealthFound *found) {
    (void)c;
    for (int k = 0; k < AI_KINDS; k++) {
        AiKind kind = (AiKind)k;
        const Provider *p = provider_named(provider_usual(kind));
        if (!p || circuit_state(provider_index(p), kind) == CIRCUIT_CLOSED) continue;
        found->state = HEALTH_DEGRADED;
        snprintf(found->note, sizeof found->note, "%s fails (%s)", p->name, ai_kind_name(kind));
    }
    return NULL;
}

const HealthCheck models_check = {
    .name = "models", .configured = models_configured, .look = models_look};
