/* SPDX-License-Identifier: Apache-2.0
 * A service on every loop sleeps for a while, again and again, and looks by how much it overslept:
 * that is how long anything else on this loop waits for its turn. */
#include <stdatomic.h>
#include <stdio.h>

#include "core/time.h"
#include "ops/base_metrics.h"
#include "rt/coro.h"

enum { LOOK_EVERY_MS = 500, BOUNDS = 10 };

/* The timer's own grain is 1 ms. */
static const int64_t bounds_us[BOUNDS] = {1000,  2500,   5000,   10000,  25000,
                                          50000, 100000, 250000, 500000, 1000000};
static MetricCells lag_cells;
static _Atomic int64_t coroutines[LOOPS_MAX];

static void coroutines_collect(Ctx *c, const void *prepared, MetricOut *out) {
    (void)c, (void)prepared;
    for (int i = 0; i < loop_count(); i++) {
        char name[16];
        int n = snprintf(name, sizeof name, "%d", i);
        Str label = str_of(name, n);
        metric_sample(out, &label,
                      (double)atomic_load_explicit(&coroutines[i], memory_order_relaxed));
    }
}

static const Metric metrics[] = {
    {"socle_loop_lag_seconds", METRIC_HISTOGRAM, "How late a loop wakes, looked at twice a second.",
     .cells = &lag_cells, .bounds = bounds_us, .bound_count = BOUNDS, .per_unit = US_PER_SECOND},
    {"socle_coroutines", METRIC_GAUGE, "Coroutines alive on each loop.", .labels = "loop",
     .collect = coroutines_collect},
};
const MetricTable loop_metrics = {metrics, COUNT(metrics), NULL};

static void loop_watch(Ctx *c, void *unused) {
    (void)unused;
    Loop *loop = loop_here();
    for (;;) {
        atomic_store_explicit(&coroutines[loop_index(loop)], loop_coroutines(loop),
                              memory_order_relaxed);
        int64_t due = mono_us() + LOOK_EVERY_MS * US_PER_MS;
        if (sleep_ms(c, LOOK_EVERY_MS)) return;
        metric_observe(&metrics[0], 0, max_i64(mono_us() - due, 0));
    }
}

void loops_watch(struct App *app) {
    for (int i = 0; i < loop_count(); i++)
        coro_spawn_on(loop_at(i), (CoroOptions){.name = "loop watch", .app = app, .service = true},
                      loop_watch, NULL);
}
