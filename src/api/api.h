/* SPDX-License-Identifier: Apache-2.0
 * The API about itself: /openapi.json, /docs (Swagger UI), /redoc, and the clean-up of what the
 * router keeps. */
#ifndef SOCLE_API_API_H
#define SOCLE_API_API_H

#include "api/module.h"

extern const Module api_module;

#endif
