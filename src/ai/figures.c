/* SPDX-License-Identifier: Apache-2.0
 * What was asked of providers and what became of it, counted from all loops. */
#include <stdatomic.h>

#include "ai/policy.h"
#include "core/time.h"

typedef struct Cells {
    _Atomic int64_t calls, retries, fallbacks, tokens_in, tokens_out, tokens_cached, cost_micros,
        kept, sum_us, under_way;
    _Atomic int64_t errors[ERR_KIND_COUNT];
    _Atomic int64_t times[AI_TIME_BOUNDS + 1];
} Cells;
static Cells all[PROVIDERS_MAX][AI_KINDS];

const int64_t ai_time_bounds_us[AI_TIME_BOUNDS] = {
    10000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 15000000, 60000000,
};

static Cells *cells_of(ptrdiff_t provider, AiKind kind) {
    assert(provider >= 0 && provider < PROVIDERS_MAX);
    assert(kind >= 0 && kind < AI_KINDS);
    return &all[provider][kind];
}

static void add(_Atomic int64_t *cell, int64_t n) {
    atomic_fetch_add_explicit(cell, n, memory_order_relaxed);
}

static int64_t get(_Atomic int64_t *cell) {
    return atomic_load_explicit(cell, memory_order_relaxed);
}

void figures_call(ptrdiff_t provider, AiKind kind, const Err *err, const AiUsage *usage,
                  int64_t took_us) {
    Cells *x = cells_of(provider, kind);
    int slot = 0;
    while (slot < AI_TIME_BOUNDS && took_us > ai_time_bounds_us[slot]) slot++;
    add(&x->calls, 1);
    if (err) add(&x->errors[err->kind], 1);
    add(&x->tokens_in, usage->tokens_in);
    add(&x->tokens_out, usage->tokens_out);
    add(&x->tokens_cached, usage->tokens_cached);
    add(&x->cost_micros, usage->cost_micros);
    add(&x->times[slot], 1);
    add(&x->sum_us, took_us);
}

void figures_retry(ptrdiff_t provider, AiKind kind) { add(&cells_of(provider, kind)->retries, 1); }

void figures_fallback(ptrdiff_t provider, AiKind kind) {
    add(&cells_of(provider, kind)->fallbacks, 1);
}

void figures_kept(ptrdiff_t provider, AiKind kind, int64_t count) {
    add(&cells_of(provider, kind)->kept, count);
}

void figures_under_way(ptrdiff_t provider, AiKind kind, int64_t change) {
    add(&cells_of(provider, kind)->under_way, change);
}

AiFigures ai_figures(ptrdiff_t provider, AiKind kind) {
    Cells *x = cells_of(provider, kind);
    AiFigures f = {
        .calls = get(&x->calls),
        .retries = get(&x->retries),
        .fallbacks = get(&x->fallbacks),
        .tokens_in = get(&x->tokens_in),
        .tokens_out = get(&x->tokens_out),
        .tokens_cached = get(&x->tokens_cached),
        .cost_micros = get(&x->cost_micros),
        .kept = get(&x->kept),
        .sum_us = get(&x->sum_us),
        .under_way = get(&x->under_way),
    };
    for (int i = 0; i < ERR_KIND_COUNT; i++) f.errors[i] = get(&x->errors[i]);
    for (int i = 0; i <= AI_TIME_BOUNDS; i++) f.times[i] = get(&x->times[i]);
    return f;
}

void figures_reset(void) { memset(all, 0, sizeof all); }
