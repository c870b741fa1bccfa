/* SPDX-License-Identifier: Apache-2.0
 * The one list of what this binary is made of: modules in the order in which they start, kinds of
 * import and export. Nothing registers itself. */
#ifndef SOCLE_MODULES_H
#define SOCLE_MODULES_H

#include "api/module.h"
#include "api/transfer.h"

/* The base's modules and the products that PRODUCTS names (empty: all; `none`: no product), in the
 * arena; NULL and *unknown when a name is no product of this binary. After settings_load. */
const Module **modules_chosen(Arena *arena, ptrdiff_t *count, Str *unknown);

/* Tables of the settings of the base and of every module, for settings_load and settings_print. */
typedef struct SettingTables {
    const Setting **tables;
    ptrdiff_t *counts;
    ptrdiff_t count;
} SettingTables;
SettingTables modules_settings(Arena *arena);

/* Tell the rooms of the modules' jobs, schedules, channels and collections; once, before modules_start. INVALID
 * names the schedule that cannot be. */
MUST_USE Err *modules_register(Ctx *c, const Module *const *modules, ptrdiff_t count);

/* Declare the metrics of every module, for the page that lists them. */
void modules_metrics_declare(void);

/* Start in order; when one fails, those that had started are stopped. Stop in reverse order. */
MUST_USE Err *modules_start(Ctx *c, const Module *const *modules, ptrdiff_t count);
void modules_stop(Ctx *c, const Module *const *modules, ptrdiff_t count);

extern const ImportKind import_kinds[];
extern const ptrdiff_t import_kind_count;
extern const ExportKind export_kinds[];
extern const ptrdiff_t export_kind_count;

#endif
