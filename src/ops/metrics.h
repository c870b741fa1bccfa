/* SPDX-License-Identifier: Apache-2.0
 * Metrics: families declared in static tables, written at every scrape as Prometheus text 0.0.4
 * or OpenMetrics 1.0. A family is either
 *
 *   counted   metric_add, metric_observe: cells of this thread alone, without locks, summed at
 *             scrape; at most one label, whose values the table lists
 *   read      a member of what the table's `prepare` found at scrape, or what `collect` then says
 *
 * So the number of series is bounded by the tables (and, for requests, by the routes:
 * http_metrics.h). Not for figures that must survive the process: those are rows.
 *
 *   static MetricCells sent_cells;
 *   static const char *const sent_results[] = {"good", "bad", NULL};
 *   enum { SENT_GOOD, SENT_BAD };
 *   static const Metric post_metrics[] = {
 *       {"socle_posts_sent", METRIC_COUNTER, "Posts sent, by result.", .labels = "result",
 *        .values = sent_results, .cells = &sent_cells},
 *   };
 *   metric_add(&post_metrics[0], SENT_BAD, 1); */
#ifndef SOCLE_OPS_METRICS_H
#define SOCLE_OPS_METRICS_H

#include "core/buf.h"
#include "core/ctx.h"

typedef enum MetricKind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM } MetricKind;

enum { METRIC_LABELS_MAX = 4, METRIC_BOUNDS_MAX = 20 };

/* Where a counted family counts; zero until declared (counting before that does nothing). */
typedef struct MetricCells {
    int32_t first;
} MetricCells;

typedef struct MetricOut MetricOut;

typedef struct Metric {
    const char *name; /* of the family; of a counter without `_total` */
    MetricKind kind;
    const char *doc;
    const char *labels;        /* names, space-separated; NULL: none */
    MetricCells *cells;        /* counted: here */
    const char *const *values; /* counted: of its label, NULL-ended */
    int32_t figure;            /* read: FIGURE(Type, member), an int64_t; negative: not known */
    void (*collect)(Ctx *c, const void *prepared, MetricOut *out); /* read: else so */
    const int64_t *bounds; /* histogram: upper ends, rising, in what metric_observe is given */
    int32_t bound_count;
    int64_t per_unit; /* how many of what is counted, observed or read make 1 on the wire
                         (1000000 for µs, because the wire has seconds); 0: 1 */
} Metric;
#define FIGURE(Type, member) ((int32_t)offsetof(Type, member) + 1)

/* Families that are declared together; `prepare` (may be NULL) runs once a scrape, may wait, and
 * gives what the read ones read, in c's arena. NULL from it: they have nothing to say this time. */
typedef struct MetricTable {
    const Metric *metrics;
    ptrdiff_t count;
    const void *(*prepare)(Ctx *c);
} MetricTable;

/* Before the server listens, by whoever starts. The same table again is nothing new. */
void metrics_declare(const MetricTable *table);

/* Count, from any thread. value: index into m->values, 0 without a label. */
void metric_add(const Metric *m, ptrdiff_t value, int64_t n);
void metric_observe(const Metric *m, ptrdiff_t value, int64_t observed);
/* What has been counted so far, over all threads. */
int64_t metric_sum(const Metric *m, ptrdiff_t value);

/* -- For `collect` ----------------------------------------------------------------------------- */

/* One sample; labels are the values in the order of m->labels. */
void metric_sample(MetricOut *out, const Str *labels, double value);
/* A histogram: counts[i] up to bounds[i], counts[bound_count] above all of them. */
void metric_histogram(MetricOut *out, const Str *labels, const int64_t *counts, int64_t sum);

/* -- Out --------------------------------------------------------------------------------------- */

/* Every declared family with its present figures. Waits (prepare does). */
void metrics_text(Ctx *c, Buf *b, bool openmetrics);
/* The families as Markdown, for docs/metrics.md. */
void metrics_print(Buf *b);

#endif
