/* SPDX-License-Identifier: Apache-2.0
 * What the platform's admins see of all tenants together: queues, and the system. */
#include <sys/resource.h>

#include "api/base_settings.h"
#include "app.h"
#include "products/sylion/routes.h"
#include "products/sylion/scope.h"
#include "products/sylion/system_sql.h"

typedef struct QueueOut {
    Str name;
    int64_t waiting, delayed, active, completed, failed, cancelled, oldest_waiting_ms;
} QueueOut;
static const Field queue_fields[] = {
    FIELD(QueueOut, name),
    FIELD(QueueOut, waiting, .doc = "Due, and not begun"),
    FIELD(QueueOut, delayed, .doc = "Due later, or to be tried again"),
    FIELD(QueueOut, active),
    FIELD(QueueOut, completed, .doc = "Of the last 24 hours, as with most kinds"),
    FIELD(QueueOut, failed),
    FIELD(QueueOut, cancelled),
    FIELD(QueueOut, oldest_waiting_ms),
};
static const Record queue_record = RECORD_AS("QueueStats", QueueOut, queue_fields, .camel = true);

static Err *queues_get(Ctx *c, Call *k) {
    JobQueue *queues;
    ptrdiff_t count;
    TRY(platform_require(c));
    TRY(job_queue_stats(c, &queues, &count));
    QueueOut *out = arena_array(c->arena, QueueOut, count);
    for (ptrdiff_t i = 0; i < count; i++) {
        const JobStats *s = &queues[i].stats;
        out[i] = (QueueOut){queues[i].name, s->waiting, s->delayed,   s->running,
                            s->done,        s->dead,    s->cancelled, s->oldest_waiting_ms};
    }
    call_list(c, k, (Rows){out, count}, -1, (Str){0});
    return NULL;
}

typedef struct Figures {
    int64_t tenants, active_tenants, channels, assistants, conversations, open_turns, documents,
        strays;
} Figures;
static const Field figures_fields[] = {
    FIELD(Figures, tenants),
    FIELD(Figures, active_tenants),
    FIELD(Figures, channels),
    FIELD(Figures, assistants),
    FIELD(Figures, conversations),
    FIELD(Figures, open_turns),
    FIELD(Figures, documents),
    FIELD(Figures, strays,
          .doc = "Numbers that nobody has, and what "
                 "of webhooks could not be read"),
};
static const Record figures_record =
    RECORD_AS("SystemFigures", Figures, figures_fields, .camel = true);

typedef struct SystemInfo {
    Str service, version, environment, node, database;
    Time started_at;
    int64_t uptime_s, memory_max_mb;
    Figures figures;
} SystemInfo;
static const Field system_fields[] = {
    FIELD(SystemInfo, service),
    FIELD(SystemInfo, version),
    FIELD(SystemInfo, environment),
    FIELD(SystemInfo, node, .doc = "The process that answers"),
    FIELD(SystemInfo, database, .doc = "sqlite or postgres"),
    FIELD(SystemInfo, started_at),
    FIELD(SystemInfo, uptime_s),
    FIELD(SystemInfo, memory_max_mb, .doc = "The most that this process had in memory"),
    FIELD_RECORD(SystemInfo, figures, &figures_record),
};
static const Record system_record = RECORD(SystemInfo, system_fields, .camel = true);

static Err *system_get(Ctx *c, Call *k) {
    SystemInfo *out = call_out(k);
    struct rusage used = {0};
    int64_t up_us = mono_us() - c->app->started_us;
    TRY(platform_require(c));
    getrusage(RUSAGE_SELF, &used);
    *out = (SystemInfo){
        .service = S("socle"),
        .version = S(SOCLE_VERSION),
        .environment = settings.environment,
        .node = c->app->node,
        .database = db_engine(c) == ENGINE_SQLITE ? S("sqlite") : S("postgres"),
        .started_at = time_add(time_now(), -up_us),
        .uptime_s = up_us / US_PER_SECOND,
        .memory_max_mb = used.ru_maxrss / 1024,
    };
    return system_one(c, SQL(SQL_SYSTEM_FIGURES), NO_ARGS, &figures_record, &out->figures);
}

#define ADMINS .access = ACCESS_ADMIN, .scope = "sylion:admin", .tag = "sylion"

const Route admin_routes[] = {
    {GET, "/api/v1/admin/queues/stats", queues_get, ADMINS, .out = &queue_record, .out_list = true,
     .doc = "How the queues of jobs stand"},
    {GET, "/api/v1/admin/system/info", system_get, ADMINS, .out = &system_record,
     .doc = "What runs here, and how much there is of what"},
    {.path = NULL},
};
