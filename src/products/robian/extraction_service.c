/* SPDX-License-Identifier: Apache-2.0
 * What extraction needs of a process before its jobs may run, and what it tells of the tools. */
#include "api/base_settings.h"
#include "api/module.h"
#include "ops/health.h"
#include "products/robian/extraction.h"
#include "products/robian/guard.h"
#include "products/robian/robian.h"
#include "products/robian/tools.h"
#include "products/robian/workdir.h"

Str extraction_lacks(Ctx *c) { return tools_missing(c->arena); }

static Err *tools_look(Ctx *c, HealthFound *found) {
    Str missing = tools_missing(c->arena);
    if (str_is_null(missing)) return NULL;
    found->state = HEALTH_DEGRADED;
    Str note = str_utf8_cut(missing, HEALTH_NOTE_MAX - 1);
    memcpy(found->note, note.data, (size_t)note.len);
    found->note[note.len] = '\0';
    return NULL;
}

static const HealthCheck tools_check = {.name = "audio_tools", .look = tools_look};

Err *extractions_open(Ctx *c) {
    jobs_queue_limit(EXTRACTION_QUEUE, outside.extractions_max);
    if (!app_serves(c->app)) return NULL;
    health_add(&tools_check);
    TRY(workdirs_clean(c));
    return guard_start(c, robian.allow_private_sources);
}

void extractions_close(void) { guard_stop(); }
