/* SPDX-License-Identifier: Apache-2.0
 * Pages that show the OpenAPI document to people. */
#ifndef SOCLE_API_DOCS_UI_H
#define SOCLE_API_DOCS_UI_H

#include "api/route.h"

MUST_USE Err *docs_swagger(Ctx *c, Call *k);
MUST_USE Err *docs_redoc(Ctx *c, Call *k);
/* A file of theirs, where this binary holds them: params[0] is its name. */
MUST_USE Err *docs_file(Ctx *c, Call *k);

#endif
