/* SPDX-License-Identifier: Apache-2.0
 * /health/cache, /health/websockets, /api/cache/stats: some figures of this process for clients that
 * know no Prometheus. */
#ifndef SOCLE_OPS_FIGURES_H
#define SOCLE_OPS_FIGURES_H

#include "api/route.h"

extern const Route figure_routes[];

#endif
