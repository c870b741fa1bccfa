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

/* Wait until *value is at least `wanted`; false when it has not moved for so long that it never will: how
 * fast it moves is the machine's affair. For what happens on other coroutines. */
enum { STILL_S = 20 };
static inline bool reaches(Ctx *c, atomic_int *value, int wanted) {
    int64_t until = 0;
    for (int last = atomic_load(value) - 1; last < wanted;) {
        int now = atomic_load(value);
        if (now != last) until = mono_us() + STILL_S * US_PER_SECOND;
        last = now;
        if (last < wanted && (mono_us() >= until || sleep_ms(c, 2) != NULL)) return false;
    }
    return true;
}

#endif
