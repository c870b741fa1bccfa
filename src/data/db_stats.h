/* SPDX-License-Identifier: Apache-2.0
 * What the database has done since it was opened, and what it is doing now: for metrics. Counted
 * with relaxed atomics, read from any loop without waiting; figures of one reading need not be of
 * the same instant. A figure that an engine does not have is -1. */
#ifndef SOCLE_DATA_DB_STATS_H
#define SOCLE_DATA_DB_STATS_H

#include "data/db.h"

enum { DB_TIME_BOUNDS = 12, DB_GROUP_BOUNDS = 10 };
extern const int64_t db_time_bounds_us[DB_TIME_BOUNDS], db_group_bounds[DB_GROUP_BOUNDS];

/* counts[i] up to bounds[i], the last above all of them. */
typedef struct DbTimes {
    int64_t counts[DB_TIME_BOUNDS + 1], sum_us;
} DbTimes;
typedef struct DbGroups {
    int64_t counts[DB_GROUP_BOUNDS + 1], sum;
} DbGroups;

typedef struct DbStats {
    /* Transactions, and single statements that write, which are such by themselves. */
    int64_t committed, failed;
    int64_t
        again; /* runs repeated: deadlocks, groups that fell apart, reads on a lost connection */
    DbTimes writes;  /* from being asked for to being durable, or refused */
    DbTimes commits; /* COMMIT alone; on SQLite of a whole group, with its sync */
    DbGroups groups; /* SQLite: transactions in a commit */

    int64_t connections, connections_max; /* SQLite: handles that read */
    int64_t busy;                         /* of them owned: by a transaction, a scan */
    int64_t in_flight;                    /* PostgreSQL: statements under way */
    int64_t readers_waiting, writers_waiting;

    int64_t log_bytes, log_pages_pending; /* SQLite: the write-ahead log; not yet in the file */
    int64_t connects, connect_failures;   /* PostgreSQL: attempts that ended so */
    int64_t away;                         /* PostgreSQL: loops whose circuit is open */
} DbStats;

void db_stats(Ctx *c, DbStats *out);

#endif
