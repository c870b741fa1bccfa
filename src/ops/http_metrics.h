/* SPDX-License-Identifier: Apache-2.0
 * Requests by route pattern, method and status, and how long they took. A request costs one
 * look-up in a table of this thread and four plain stores.
 *
 * Bounded: patterns come from the route tables; what matched none is "(unmatched)"; should there
 * ever be more pairs of pattern and method than HTTP_SERIES_MAX, the rest is "(other)". */
#ifndef SOCLE_OPS_HTTP_METRICS_H
#define SOCLE_OPS_HTTP_METRICS_H

#include "net/http.h"
#include "ops/metrics.h"

enum { HTTP_SERIES_MAX = 768, HTTP_STATUSES_MAX = 24 };

typedef struct HttpSeen {
    Str route; /* pattern; null or empty: unmatched */
    Method method;
    int status;
    int64_t duration_us; /* < 0: none of the histogram's business (streams, WebSockets) */
    int64_t bytes;       /* sent, heads included */
} HttpSeen;

void http_metrics_count(HttpSeen seen);

extern const MetricTable http_metrics;

#endif
