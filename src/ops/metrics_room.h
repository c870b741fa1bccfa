/* SPDX-License-Identifier: Apache-2.0
 * What metrics.c (counting) and metrics_text.c (writing) share. Nobody else includes it. */
#ifndef SOCLE_OPS_METRICS_ROOM_H
#define SOCLE_OPS_METRICS_ROOM_H

#include "ops/metrics.h"

enum { METRIC_TABLES_MAX = 32 };

const MetricTable *metric_table(ptrdiff_t i); /* NULL behind the last */
int32_t metric_values_count(const Metric *m); /* 1 without a label */
int32_t metric_cells_each(const Metric *m);   /* of one value */
int32_t metric_cell(const Metric *m, ptrdiff_t value);
int64_t metric_cell_sum(int32_t cell);

#endif
