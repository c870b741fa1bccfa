/* SPDX-License-Identifier: Apache-2.0
 * How each queue stands, for people; how all stand together is job_stats. */
#include "data/db.h"
#include "work/jobs.h"

typedef struct QueueRow {
    Str queue;
    int64_t waiting, delayed, running, done, dead, cancelled;
    Time oldest;
} QueueRow;
static const Field queue_fields[] = {
    FIELD(QueueRow, queue),     FIELD(QueueRow, waiting),
    FIELD(QueueRow, delayed),   FIELD(QueueRow, running),
    FIELD(QueueRow, done),      FIELD(QueueRow, dead),
    FIELD(QueueRow, cancelled), FIELD(QueueRow, oldest, .flags = F_NULLABLE),
};
static const Record queue_record = RECORD(QueueRow, queue_fields);

#define QUEUES(is_due)                                                                             \
    "SELECT queue, sum(CASE WHEN state = 'waiting' AND " is_due " THEN 1 ELSE 0 END) AS waiting, " \
    "sum(CASE WHEN state = 'waiting' AND NOT (" is_due ") THEN 1 ELSE 0 END) AS delayed, "         \
    "sum(CASE WHEN state = 'running' THEN 1 ELSE 0 END) AS running, "                              \
    "sum(CASE WHEN state = 'done' THEN 1 ELSE 0 END) AS done, "                                    \
    "sum(CASE WHEN state = 'dead' THEN 1 ELSE 0 END) AS dead, "                                    \
    "sum(CASE WHEN state = 'cancelled' THEN 1 ELSE 0 END) AS cancelled, "                          \
    "min(CASE WHEN state = 'waiting' AND " is_due " THEN run_at END) AS oldest "                   \
    "FROM jobs GROUP BY queue ORDER BY queue"

Err *job_queue_stats(Ctx *c, JobQueue **out, ptrdiff_t *count) {
    assert(out && count);
    Rows rows;
    TRY(db_scan(c, SQL2(QUEUES("due = 1"), QUEUES("due")), NO_ARGS, &queue_record, &rows));
    const QueueRow *row = rows.items;
    Time now = time_now();
    JobQueue *queues = arena_array(c->arena, JobQueue, rows.count);
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        bool waits = row[i].waiting > 0 && !time_is_null(row[i].oldest);
        int64_t age_ms = waits ? (now.us - row[i].oldest.us) / US_PER_MS : 0;
        queues[i] = (JobQueue){
            .name = row[i].queue,
            .stats = {row[i].waiting, row[i].delayed, row[i].running, row[i].done, row[i].dead,
                      row[i].cancelled, age_ms > 0 ? age_ms : 0},
        };
    }
    *out = queues;
    *count = rows.count;
    return NULL;
}

typedef struct WaitingRow {
    Str queue;
    int64_t waiting;
    Time oldest;
} WaitingRow;
static const Field waiting_fields[] = {FIELD(WaitingRow, queue), FIELD(WaitingRow, waiting),
                                       FIELD(WaitingRow, oldest)};
static const Record waiting_record = RECORD(WaitingRow, waiting_fields);

#define WAITING(is_due)                                                                 \
    "SELECT queue, count(*) AS waiting, min(run_at) AS oldest FROM jobs "               \
    "WHERE state = 'waiting' AND " is_due " GROUP BY queue ORDER BY queue"

Err *job_queues_waiting(Ctx *c, JobWaiting **out, ptrdiff_t *count) {
    assert(out && count);
    Rows rows;
    TRY(db_scan(c, SQL2(WAITING("due = 1"), WAITING("due")), NO_ARGS, &waiting_record, &rows));
    const WaitingRow *row = rows.items;
    JobWaiting *all = arena_array(c->arena, JobWaiting, rows.count + 1);
    Time now = time_now();
    for (ptrdiff_t i = 0; i < rows.count; i++)
        all[i] = (JobWaiting){row[i].queue, row[i].waiting,
                              max_i64(0, (now.us - row[i].oldest.us) / US_PER_MS)};
    *out = all;
    *count = rows.count;
    return NULL;
}
