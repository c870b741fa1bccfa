/* SPDX-License-Identifier: Apache-2.0
 * The module that watches the process: metrics, health, the access log, errors to Sentry.
 *
 *   GET /ping /healthz /api/healthz   is anybody there? Touches nothing
 *   GET /livez                        is this process alive? Touches nothing
 *   GET /readyz /health               can it serve? Asks what it needs; 503 if not, or if stopping
 *   GET /health/detailed              every dependency with its latency; 503 if a needed one is down
 *   GET /metrics                      Prometheus text or OpenMetrics
 *
 * A product with a dependency of its own adds a check (health.h) and families (metrics.h) at
 * start. */
#ifndef SOCLE_OPS_OPS_H
#define SOCLE_OPS_OPS_H

#include "api/module.h"

extern const Module ops_module;

/* Declare the base's families; its start does it, who only prints them (metrics_print) must. */
void ops_metrics_declare(void);

#endif
