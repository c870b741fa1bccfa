/* SPDX-License-Identifier: Apache-2.0
 * The base's own figures: the process, its loops, connections, jobs, cache, log. Read at scrape
 * from the rooms that have them. */
#ifndef SOCLE_OPS_BASE_METRICS_H
#define SOCLE_OPS_BASE_METRICS_H

#include "ops/metrics.h"
#include "rt/loop.h"

extern const MetricTable process_metrics, loop_metrics, app_metrics, db_metrics, work_metrics,
    search_metrics, ai_metrics, queue_metrics;

/* Watch every loop: how late it wakes, how many coroutines live on it. Ends with the loops. */
void loops_watch(struct App *app);

#endif
