/* SPDX-License-Identifier: Apache-2.0
 * The checks run as tasks beside each other. A task that waits longer than it may comes back with
 * TIMEOUT, like any wait; so the whole takes HEALTH_CHECK_MS at most. */
#include "ops/health.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "api/base_settings.h"
#include "app.h"
#include "data/db.h"
#include "data/migrate.h"
#include "data/redis.h"
#include "rt/offload.h"
#include "search/search.h"

static const HealthCheck *checks[HEALTH_CHECKS_MAX];
static ptrdiff_t check_count;

const char *health_name(HealthState state) {
    static const char *const names[HEALTH_STATE_COUNT] = {"ok", "degraded", "down"};
    assert(state >= 0 && state < HEALTH_STATE_COUNT);
    return names[state];
}

void health_add(const HealthCheck *check) {
    assert(check && check->name && check->look);
    for (ptrdiff_t i = 0; i < check_count; i++)
        if (checks[i] == check) return;
    assert(check_count < HEALTH_CHECKS_MAX);
    checks[check_count++] = check;
}

/* -- Looking ----------------------------------------------------------------------------------- */

static Err *check_run(Ctx *c, void *arg) {
    HealthResult *result = arg;
    int64_t began = mono_us();
    ctx_deadline_within(c, HEALTH_CHECK_MS);
    Err *err = result->check->look(c, &result->found);
    result->latency_us = mono_us() - began;
    if (!err) return NULL;
    result->found.state = HEALTH_DOWN;
    Str code = err_code(err);
    snprintf(result->found.note, sizeof result->found.note, "%.*s", S_ARG(code));
    return NULL; /* being down is an answer */
}

static bool among(const char *const *names, const char *name) {
    for (; *names; names++)
        if (strcmp(*names, name) == 0) return true;
    return false;
}

/* Room for the results of all checks at most; *count of them are to be run. */
static void choose(Ctx *c, bool needed_only, const char *const *names, HealthResult *results,
                   ptrdiff_t *count) {
    *count = 0;
    for (ptrdiff_t i = 0; i < check_count; i++) {
        if (needed_only && !checks[i]->needed) continue;
        if (names && !among(names, checks[i]->name)) continue;
        if (checks[i]->configured && !checks[i]->configured(c)) continue;
        results[(*count)++] = (HealthResult){.check = checks[i]};
    }
}

static Err *look(Ctx *c, HealthResult *results, ptrdiff_t count, HealthState *whole) {
    Task tasks[HEALTH_CHECKS_MAX] = {0};
    *whole = HEALTH_OK;
    for (ptrdiff_t i = 0; i < count; i++) tasks[i] = (Task){.fn = check_run, .arg = &results[i]};
    TRY(fork_join(c, tasks, count));
    for (ptrdiff_t i = 0; i < count; i++) {
        HealthState state = results[i].found.state;
        if (state == HEALTH_DOWN && !results[i].check->needed) state = HEALTH_DEGRADED;
        if (state > *whole) *whole = state;
    }
    return NULL;
}

Err *health_look(Ctx *c, bool needed_only, HealthResult *results, ptrdiff_t *count,
                 HealthState *whole) {
    choose(c, needed_only, NULL, results, count);
    return look(c, results, *count, whole);
}

Err *health_look_at(Ctx *c, const char *const *names, HealthResult *results, ptrdiff_t *count,
                    HealthState *whole) {
    assert(names);
    choose(c, false, names, results, count);
    return look(c, results, *count, whole);
}

/* -- The base's checks ------------------------------------------------------------------------- */

static Err *database_look(Ctx *c, HealthFound *found) {
    int64_t latency_us;
    TRY(db_ping(c, &latency_us));
    snprintf(found->note, sizeof found->note, "%s",
             db_engine(c) == ENGINE_SQLITE ? "sqlite" : "postgresql");
    return NULL;
}

/* Once found whole, believed for a while: probes come every few seconds, migrations every few
 * weeks. */
static Err *migrations_look(Ctx *c, HealthFound *found) {
    enum { BELIEVED_S = 30 };
    static _Atomic int64_t whole_until_us;
    if (mono_us() < atomic_load(&whole_until_us)) return NULL;
    Migration *all;
    ptrdiff_t count, waiting = 0, changed = 0;
    TRY(migrate_status(c, &all, &count));
    for (ptrdiff_t i = 0; i < count; i++) {
        waiting += !all[i].applied;
        changed += all[i].applied && all[i].changed;
    }
    if (waiting > 0) {
        found->state = HEALTH_DOWN;
        snprintf(found->note, sizeof found->note, "%td not applied", waiting);
    } else if (changed > 0) {
        found->state = HEALTH_DEGRADED;
        snprintf(found->note, sizeof found->note, "%td changed after they were applied", changed);
    } else {
        atomic_store(&whole_until_us, mono_us() + BELIEVED_S * US_PER_SECOND);
    }
    return NULL;
}

typedef struct Disk {
    const char *path;
    int64_t free_bytes;
    bool read;
} Disk;

static void disk_read(void *arg) {
    Disk *disk = arg;
    struct statvfs s;
    disk->read = statvfs(disk->path, &s) == 0;
    if (disk->read) disk->free_bytes = (int64_t)s.f_bavail * (int64_t)s.f_frsize;
}

/* On a pool thread: a network file system may take its time. */
static Err *disk_look(Ctx *c, HealthFound *found) {
    const int64_t little = 512 * MIB, none = 32 * MIB;
    Disk disk = {.path = str_cstr(c->arena, settings.data_dir)};
    TRY(offload(c, LANE_SHORT, disk_read, &disk));
    if (!disk.read) FAIL(c, INTERNAL, "DATA_DIR cannot be read.");
    found->state = disk.free_bytes < none     ? HEALTH_DOWN
                   : disk.free_bytes < little ? HEALTH_DEGRADED
                                              : HEALTH_OK;
    snprintf(found->note, sizeof found->note, "%lld MiB free", (long long)(disk.free_bytes / MIB));
    return NULL;
}

static bool redis_configured(Ctx *c) { return app_redis(c) != NULL; }

static Err *redis_look(Ctx *c, HealthFound *found) {
    (void)found;
    RedisReply reply;
    return redis_command(c, app_redis(c), (Str[]){S("PING")}, 1, &reply);
}

static bool vectors_configured(Ctx *c) {
    return c->app->search && (str_eq(settings.vector_store, S("pgvector")) ||
                              (!str_is_empty(settings.qdrant_url) &&
                               !str_eq(settings.vector_store, S("engine"))));
}

static Err *vectors_look(Ctx *c, HealthFound *found) {
    Str name;
    (void)found;
    return search_store_look(c, c->app->search, &name);
}

void health_add_base(void) {
    static const HealthCheck base[] = {
        {"database", true, NULL, database_look},
        {"migrations", true, NULL, migrations_look},
        {"disk", true, NULL, disk_look},
        {"redis", false, redis_configured, redis_look}, /* losing it costs latency, no more */
        {"vectors", false, vectors_configured, vectors_look}, /* words are found without it */
    };
    for (ptrdiff_t i = 0; i < COUNT(base); i++) health_add(&base[i]);
}
