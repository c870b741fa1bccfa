/* SPDX-License-Identifier: Apache-2.0
 * The database's figures, and those of jobs and events that this process has seen. What the engine
 * does not have is left out. */
#include "app.h"
#include "data/db_stats.h"
#include "ops/base_metrics.h"
#include "work/events.h"
#include "work/jobs.h"

/* -- The database ------------------------------------------------------------------------------ */

static const void *db_prepare(Ctx *c) {
    if (!c->app || !c->app->db) return NULL;
    DbStats *stats = arena_new_of(c->arena, DbStats);
    db_stats(c, stats);
    return stats;
}

static void transactions_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const DbStats *s = prepared;
    (void)c;
    metric_sample(out, (Str[]){S("committed")}, (double)s->committed);
    metric_sample(out, (Str[]){S("failed")}, (double)s->failed);
}

static void writes_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const DbStats *s = prepared;
    (void)c;
    metric_histogram(out, NULL, s->writes.counts, s->writes.sum_us);
}

static void commits_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const DbStats *s = prepared;
    (void)c;
    metric_histogram(out, NULL, s->commits.counts, s->commits.sum_us);
}

static void groups_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const DbStats *s = prepared;
    if (db_engine(c) == ENGINE_SQLITE) metric_histogram(out, NULL, s->groups.counts, s->groups.sum);
}

static void waiting_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const DbStats *s = prepared;
    (void)c;
    metric_sample(out, (Str[]){S("read")}, (double)s->readers_waiting);
    metric_sample(out, (Str[]){S("write")}, (double)s->writers_waiting);
}

#define TIMES .bounds = db_time_bounds_us, .bound_count = DB_TIME_BOUNDS, .per_unit = US_PER_SECOND
static const Metric db_rows[] = {
    {"socle_db_transactions", METRIC_COUNTER,
     "Transactions, and single statements that write, by result.", .labels = "result",
     .collect = transactions_collect},
    {"socle_db_repeated_runs", METRIC_COUNTER,
     "Runs again: of a transaction after a deadlock or in a group that failed, of a read whose "
     "connection was lost.",
     .figure = FIGURE(DbStats, again)},
    {"socle_db_write_seconds", METRIC_HISTOGRAM,
     "A transaction from being asked for to being durable, or refused.", .collect = writes_collect,
     TIMES},
    {"socle_db_commit_seconds", METRIC_HISTOGRAM,
     "COMMIT alone; on SQLite of a whole group, with its sync.", .collect = commits_collect, TIMES},
    {"socle_db_group_size", METRIC_HISTOGRAM, "SQLite: transactions in one commit.",
     .collect = groups_collect, .bounds = db_group_bounds, .bound_count = DB_GROUP_BOUNDS},
    {"socle_db_connections", METRIC_GAUGE, "Connections that are up (SQLite: handles that read).",
     .figure = FIGURE(DbStats, connections)},
    {"socle_db_connections_max", METRIC_GAUGE, "As many as there may be.",
     .figure = FIGURE(DbStats, connections_max)},
    {"socle_db_busy_connections", METRIC_GAUGE, "Of them held by a transaction or a scan.",
     .figure = FIGURE(DbStats, busy)},
    {"socle_db_statements_in_flight", METRIC_GAUGE, "PostgreSQL: statements not yet answered.",
     .figure = FIGURE(DbStats, in_flight)},
    {"socle_db_waiting", METRIC_GAUGE,
     "Who waits: on SQLite for the writer, on PostgreSQL for a connection to share (read) or to "
     "hold (write).",
     .labels = "kind", .collect = waiting_collect},
    {"socle_db_log_bytes", METRIC_GAUGE, "SQLite: size of the write-ahead log.",
     .figure = FIGURE(DbStats, log_bytes)},
    {"socle_db_log_pages_pending", METRIC_GAUGE,
     "SQLite: pages of the log that are not yet in the database's file.",
     .figure = FIGURE(DbStats, log_pages_pending)},
    {"socle_db_connects", METRIC_COUNTER, "PostgreSQL: connections made, first ones included.",
     .figure = FIGURE(DbStats, connects)},
    {"socle_db_connect_failures", METRIC_COUNTER, "PostgreSQL: attempts to connect that failed.",
     .figure = FIGURE(DbStats, connect_failures)},
    {"socle_db_away_loops", METRIC_GAUGE,
     "PostgreSQL: loops that answer 503 because nothing is connected.",
     .figure = FIGURE(DbStats, away)},
};
const MetricTable db_metrics = {db_rows, COUNT(db_rows), db_prepare};

/* -- Jobs and events --------------------------------------------------------------------------- */

typedef struct Work {
    JobRuns runs;
    EventStats events;
} Work;

static const void *work_prepare(Ctx *c) {
    Work *w = arena_new_of(c->arena, Work);
    *w = (Work){job_runs(), event_stats()};
    return w;
}

static void runs_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const JobRuns *runs = &((const Work *)prepared)->runs;
    (void)c;
    const struct {
        Str result;
        int64_t count;
    } rows[] = {{S("done"), runs->done},
                {S("again"), runs->again},
                {S("dead"), runs->dead},
                {S("cancelled"), runs->cancelled},
                {S("given_back"), runs->given_back},
                {S("lost"), runs->lost}};
    for (ptrdiff_t i = 0; i < COUNT(rows); i++)
        metric_sample(out, &rows[i].result, (double)rows[i].count);
}

static void run_times_collect(Ctx *c, const void *prepared, MetricOut *out) {
    const JobRuns *runs = &((const Work *)prepared)->runs;
    (void)c;
    metric_histogram(out, NULL, runs->times, runs->sum_us);
}

static const Metric work_rows[] = {
    {"socle_job_runs", METRIC_COUNTER,
     "Runs of jobs in this process, by what became of them (again: failed, to be tried again).",
     .labels = "result", .collect = runs_collect},
    {"socle_job_run_seconds", METRIC_HISTOGRAM, "How long runs of jobs took.",
     .collect = run_times_collect, .bounds = job_time_bounds_us, .bound_count = JOB_TIME_BOUNDS,
     .per_unit = US_PER_SECOND},
    {"socle_events_emitted", METRIC_COUNTER, "Events emitted by this process and committed.",
     .figure = FIGURE(Work, events.emitted)},
    {"socle_event_subscribers", METRIC_GAUGE, "Followers of events: WebSockets and streams.",
     .figure = FIGURE(Work, events.subscribers)},
    {"socle_event_deliveries", METRIC_COUNTER, "Events put into followers' queues.",
     .figure = FIGURE(Work, events.delivered)},
    {"socle_event_slow_consumers", METRIC_COUNTER, "Followers dropped because they fell behind.",
     .figure = FIGURE(Work, events.dropped)},
};
const MetricTable work_metrics = {work_rows, COUNT(work_rows), work_prepare};
