/* SPDX-License-Identifier: Apache-2.0
 * Counting what the database does. */
#include "data/db_stats.h"

#include "data/db_room.h"

const int64_t db_time_bounds_us[DB_TIME_BOUNDS] = {100,   250,   500,   1000,   2500,   5000,
                                                   10000, 25000, 50000, 100000, 250000, 1000000};
const int64_t db_group_bounds[DB_GROUP_BOUNDS] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

void tally_add(Tally *at, int64_t n) { atomic_fetch_add_explicit(at, n, memory_order_relaxed); }
int64_t tally_get(const Tally *at) { return atomic_load_explicit(at, memory_order_relaxed); }

static ptrdiff_t place(const int64_t *bounds, ptrdiff_t count, int64_t value) {
    ptrdiff_t i = 0;
    while (i < count && value > bounds[i]) i++;
    return i;
}

void tally_time(TallyTimes *t, int64_t began_us) {
    int64_t took_us = max_i64(mono_us() - began_us, 0);
    tally_add(&t->counts[place(db_time_bounds_us, DB_TIME_BOUNDS, took_us)], 1);
    tally_add(&t->sum_us, took_us);
}

void tally_group(TallyGroups *t, int64_t size) {
    tally_add(&t->counts[place(db_group_bounds, DB_GROUP_BOUNDS, size)], 1);
    tally_add(&t->sum, size);
}

void tally_write(DbTallies *t, int64_t began_us, const Err *err) {
    tally_add(err ? &t->failed : &t->committed, 1);
    tally_time(&t->writes, began_us);
}

static void times_get(const TallyTimes *from, DbTimes *to) {
    for (int i = 0; i <= DB_TIME_BOUNDS; i++) to->counts[i] = tally_get(&from->counts[i]);
    to->sum_us = tally_get(&from->sum_us);
}

void db_stats(Ctx *c, DbStats *out) {
    Db *db = app_db(c);
    const DbTallies *t = &db->tallies;
    *out = (DbStats){
        .committed = tally_get(&t->committed),
        .failed = tally_get(&t->failed),
        .again = tally_get(&t->again),
        .in_flight = -1,
        .log_bytes = -1,
        .log_pages_pending = -1,
        .connects = -1,
        .connect_failures = -1,
        .away = -1,
    };
    times_get(&t->writes, &out->writes);
    times_get(&t->commits, &out->commits);
    for (int i = 0; i <= DB_GROUP_BOUNDS; i++)
        out->groups.counts[i] = tally_get(&t->groups.counts[i]);
    out->groups.sum = tally_get(&t->groups.sum);
    db->engine->stats(c, db, out);
}
