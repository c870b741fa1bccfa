/* SPDX-License-Identifier: Apache-2.0
 * What turns count: how they end, how long a contact waits, how long each step takes. */
#include "ops/metrics.h"
#include "products/sylion/turn_room.h"

static MetricCells ended_cells, waited_cells, step_cells;
static const char *const ended_states[] = {"answered",   "refused", "handed_over", "failed",
                                           "over_quota", "skipped", "unknown",     NULL};
static const char *const step_names[] = {"media", "reserve", "retrieve", "think", "send", NULL};
static const int64_t waited_us[] = {
    500 * US_PER_MS,    US_PER_SECOND,      2 * US_PER_SECOND,  3 * US_PER_SECOND,
    5 * US_PER_SECOND,  10 * US_PER_SECOND, 20 * US_PER_SECOND, 30 * US_PER_SECOND,
    60 * US_PER_SECOND, 2 * US_PER_MINUTE,  5 * US_PER_MINUTE,  15 * US_PER_MINUTE,
    US_PER_HOUR,
};
static const int64_t step_us[] = {
    US_PER_MS,     5 * US_PER_MS,     20 * US_PER_MS,    100 * US_PER_MS,    500 * US_PER_MS,
    US_PER_SECOND, 2 * US_PER_SECOND, 5 * US_PER_SECOND, 15 * US_PER_SECOND, US_PER_MINUTE,
};
enum { ENDED, WAITED, STEP };
static const Metric metrics[] = {
    [ENDED] = {"socle_sylion_turns", METRIC_COUNTER, "Turns that have ended, by state.",
               .labels = "state", .values = ended_states, .cells = &ended_cells},
    [WAITED] = {"socle_sylion_answer_delay_seconds", METRIC_HISTOGRAM,
                "From a contact's message to its answer being sent.", .cells = &waited_cells,
                .bounds = waited_us, .bound_count = COUNT(waited_us), .per_unit = 1000000},
    [STEP] = {"socle_sylion_turn_step_seconds", METRIC_HISTOGRAM, "How long a turn's steps take.",
              .labels = "step", .values = step_names, .cells = &step_cells, .bounds = step_us,
              .bound_count = COUNT(step_us), .per_unit = 1000000},
};
static const MetricTable table = {.metrics = metrics, .count = COUNT(metrics)};

void turn_metrics_declare(void) { metrics_declare(&table); }

static ptrdiff_t place_of(const char *const *names, Str name) {
    for (ptrdiff_t i = 0; names[i]; i++)
        if (str_eq(name, str_c(names[i]))) return i;
    return -1;
}

void turn_count(Str state) {
    ptrdiff_t place = place_of(ended_states, state);
    if (place >= 0) metric_add(&metrics[ENDED], place, 1);
}

void turn_step_took(const char *step, int64_t us) {
    ptrdiff_t place = place_of(step_names, str_c(step));
    if (place >= 0) metric_observe(&metrics[STEP], place, us);
}

void turn_answered_after(int64_t us) { metric_observe(&metrics[WAITED], 0, us); }
