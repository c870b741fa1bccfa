/* SPDX-License-Identifier: Apache-2.0
 * veyl: social-media monitoring. What the program's list of modules takes from this room. */
#ifndef SOCLE_VEYL_VEYL_H
#define SOCLE_VEYL_VEYL_H

#include "api/module.h"
#include "api/transfer.h"

extern const Module veyl_module;

/* `socle import veyl posts FILE…` [--format NAME] [--batch N], `socle export veyl posts [FILE]`
 * [--format ndjson|json|csv] [--platform NAME] [--project ID]. */
MUST_USE Err *veyl_import_posts(Ctx *c, Transfer *t);
MUST_USE Err *veyl_export_posts(Ctx *c, Transfer *t);
#define VEYL_IMPORT_OPTIONS "format batch"
#define VEYL_EXPORT_OPTIONS "format platform project"

#endif
