/* SPDX-License-Identifier: Apache-2.0
 * Is this process well, and what it depends on? A check is one dependency; whoever uses one adds
 * its check when it starts. All checks run at once, each within CHECK_MS; what has not answered
 * by then is down. A needed dependency that is down makes the whole down, any other makes it
 * degraded.
 *
 * What is said here is read by strangers: states and times, never addresses or error texts. */
#ifndef SOCLE_OPS_HEALTH_H
#define SOCLE_OPS_HEALTH_H

#include "core/record.h"

typedef enum HealthState {
    HEALTH_OK,
    HEALTH_DEGRADED,
    HEALTH_DOWN,
    HEALTH_STATE_COUNT
} HealthState;
const char *health_name(HealthState state); /* ok, degraded, down */

enum { HEALTH_CHECKS_MAX = 24, HEALTH_NOTE_MAX = 96, HEALTH_CHECK_MS = 2000 };

/* What a check found, when it found anything to say beside "it answers". */
typedef struct HealthFound {
    HealthState state;
    char note[HEALTH_NOTE_MAX]; /* a few words */
} HealthFound;

typedef struct HealthCheck {
    const char *name;
    bool needed;                              /* nothing can be served without it */
    bool (*configured)(Ctx *c);               /* NULL: always */
    Err *(*look)(Ctx *c, HealthFound *found); /* an Err: down */
} HealthCheck;

/* Before the server listens. The same check again is nothing new. */
void health_add(const HealthCheck *check);

typedef struct HealthResult {
    const HealthCheck *check;
    HealthFound found;
    int64_t latency_us;
} HealthResult;

/* Run the checks (or only the needed ones). results has room for HEALTH_CHECKS_MAX. */
MUST_USE Err *health_look(Ctx *c, bool needed_only, HealthResult *results, ptrdiff_t *count,
                          HealthState *whole);
/* The same for those of these names (NULL-ended) that there are. */
MUST_USE Err *health_look_at(Ctx *c, const char *const *names, HealthResult *results,
                             ptrdiff_t *count, HealthState *whole);

/* Models whose circuit is open (ai_metrics.c); nobody is called. */
extern const HealthCheck models_check;

/* The base's own: database, migrations, disk, Redis. */
void health_add_base(void);

#endif
