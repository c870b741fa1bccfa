/* SPDX-License-Identifier: Apache-2.0
 * The mean engagement of a platform's last seven days, by which score_trend divides. It is kept
 * as two sums beside the platform: ingest adds to them, a schedule takes them anew every minute
 * (posts leave the window at its far end), and so does every removal. Whole hours come from
 * post_hours, the two broken ones at the ends from the posts themselves. */
#include "products/veyl/ingest.h"
#include "products/veyl/queries.h"

static Err *week_refresh(Ctx *c, Id platform, Time now) {
    Time from = time_add(now, -7 * US_PER_DAY);
    int64_t first = (from.us + US_PER_HOUR - 1) / US_PER_HOUR, last = now.us / US_PER_HOUR;
    return db_exec(c, SQL(SQL_PLATFORM_WEEK),
                   ARGS(V(first), V(last), V(from), V(((Time){first * US_PER_HOUR})),
                        V(((Time){last * US_PER_HOUR})), V(now), V(platform)),
                   NULL);
}

static Err *weeks_refresh(Ctx *c, void *arg) {
    Id platform = *(Id *)arg;
    Time now = time_now();
    if (!id_is_none(platform)) return week_refresh(c, platform, now);
    Rows rows;
    TRY(db_query(c, SQL(SQL_PLATFORM_WEEKS), NO_ARGS, &platform_record, &rows));
    Platform *platforms = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) TRY(week_refresh(c, platforms[i].id, now));
    return NULL;
}

Err *platform_week_refresh(Ctx *c, Id platform) {
    return db_transaction(c, weeks_refresh, &platform);
}
