/* SPDX-License-Identifier: Apache-2.0
 * The module that fills in what the room ai/ is set to, and purges what it keeps. ai/ itself is below
 * api/ and knows neither. Its figures and health are in ops/ai_metrics.c. */
#ifndef SOCLE_API_AI_MODULE_H
#define SOCLE_API_AI_MODULE_H

#include "api/module.h"

extern const Module ai_module;

#endif
