/* SPDX-License-Identifier: Apache-2.0
 * A migrated database of its own for every test of work/, on either engine: see unit/data/world.h.
 *
 *   WORK(a_job_runs) { … c … }      then in the list:      BOTH_ROWS(a_job_runs) */
#ifndef SOCLE_TEST_WORK_WORLD_H
#define SOCLE_TEST_WORK_WORLD_H

#include <stdatomic.h>

#include "data/migrate.h"
#include "data/redis.h"
#define WORLD_MIGRATED
#include "unit/data/world.h"

Redis *app_redis(Ctx *c) {
    (void)c;
    return NULL;
}

#define WORK(name)                       \
    static void name##_work(Ctx *c);     \
    BOTH(name) {                         \
        if (migrated(c)) name##_work(c); \
    }                                    \
    static void name##_work(Ctx *c)

static inline bool migrated(Ctx *c) {
    int64_t applied;
    return GOOD(migrate_up(c, &applied));
}

static inline int64_t count_rows(Ctx *c, const char *sql) {
    int64_t n = -1;
    GOOD(db_int(c, SQL(sql), NO_ARGS, &n));
    return n;
}

/* Wait until *value is at least `wanted`; false after 10 s. For what happens on other
 * coroutines. */
static inline bool reaches(Ctx *c, atomic_int *value, int wanted) {
    for (int64_t until = mono_us() + 10 * US_PER_SECOND; mono_us() < until;) {
        if (atomic_load(value) >= wanted) return true;
        if (sleep_ms(c, 2) != NULL) return false;
    }
    return false;
}

#endif
