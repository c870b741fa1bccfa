/* SPDX-License-Identifier: Apache-2.0
 * /api/stats: figures of the whole, what is listened to these days, and how the figures were day by
 * day. Answers are kept for CACHE_TTL_DEBATES and forgotten when a debate is written; what is only
 * counted meanwhile (views, favourites) shows when that time is over. */
#include "api/base_settings.h"
#include "core/json.h"
#include "data/cache.h"
#include "products/robian/debate.h"
#include "products/robian/list_page.h"
#include "products/robian/listening_jobs.h"
#include "products/robian/routes.h"
#include "products/robian/stats_sql.h"

enum { COMMISSIONS_SHOWN = 50, HISTORY_DAYS = 800 };

/* UTC. */
static int64_t today(void) { return time_now().us / US_PER_DAY; }

/* -- the whole --------------------------------------------------------------------------------- */

typedef struct Share {
    Str name;
    int64_t count;
} Share;
static const Field share_fields[] = {FIELD(Share, name), FIELD(Share, count)};
static const Record share_record = RECORD_AS("DebateShare", Share, share_fields);

typedef struct Totals {
    int64_t debates, with_audio, live, duration_minutes, views, streams, downloads, transcripts,
        speeches, speakers, votes, scheduled_sessions, audio_files, audio_bytes,
        extractions_running, collections, favorites, devices;
    RecordList by_type, by_status, by_commission;
    Time generated_at;
} Totals;
#define TOTALS_COUNTED                                                                            \
    FIELD(Totals, debates), FIELD(Totals, with_audio), FIELD(Totals, live),                       \
        FIELD(Totals, duration_minutes), FIELD(Totals, views), FIELD(Totals, streams),            \
        FIELD(Totals, downloads), FIELD(Totals, transcripts), FIELD(Totals, speeches),            \
        FIELD(Totals, speakers), FIELD(Totals, votes), FIELD(Totals, scheduled_sessions),         \
        FIELD(Totals, audio_files), FIELD(Totals, audio_bytes),                                   \
        FIELD(Totals, extractions_running), FIELD(Totals, collections), FIELD(Totals, favorites), \
        FIELD(Totals, devices)
static const Field totals_row_fields[] = {TOTALS_COUNTED};
static const Record totals_row_record = RECORD_AS("TotalsRow", Totals, totals_row_fields);
static const Field totals_fields[] = {
    TOTALS_COUNTED,
    FIELD_LIST(Totals, by_type, &share_record),
    FIELD_LIST(Totals, by_status, &share_record),
    FIELD_LIST(Totals, by_commission, &share_record, .doc = "The 50 with the most debates"),
    FIELD(Totals, generated_at),
};
static const Record totals_record =
    RECORD_AS("GlobalStats", Totals, totals_fields, .doc = "Figures of the whole");

static Err *totals_load(Ctx *c, Totals *t) {
    Rows types, statuses, commissions;
    TRY(db_one(c, SQL(SQL_STATS_TOTALS), NO_ARGS, &totals_row_record, t));
    TRY(db_query(c, SQL(SQL_STATS_BY_TYPE), NO_ARGS, &share_record, &types));
    TRY(db_query(c, SQL(SQL_STATS_BY_STATUS), NO_ARGS, &share_record, &statuses));
    TRY(db_query(c, SQL(SQL_STATS_BY_COMMISSION), ARGS(V((int64_t)COMMISSIONS_SHOWN)),
                 &share_record, &commissions));
    t->by_type = (RecordList){types.items, types.count};
    t->by_status = (RecordList){statuses.items, statuses.count};
    t->by_commission = (RecordList){commissions.items, commissions.count};
    t->generated_at = time_now();
    return NULL;
}

static Err *totals_fill(Ctx *c, void *arg, Str *value) {
    Totals t = {0};
    (void)arg;
    TRY(totals_load(c, &t));
    Buf b = buf_new(c->arena, 1024);
    record_write(&b, &totals_record, &t);
    *value = buf_str(&b);
    return NULL;
}

static Err *cached(Ctx *c, Call *k, Str key, CacheFill fill, void *arg) {
    Str json;
    int64_t ttl_ms = outside.cache_ttl_debates_s * 1000;
    TRY(cache_fill(c, app_cache(c), key, ttl_ms, 0, fill, arg, &json));
    reply_json(k->r, 200, json);
    k->answered = true;
    return NULL;
}

static Err *stats_global(Ctx *c, Call *k) {
    return cached(c, k, S(ROBIAN_CACHE_LISTS "stats/global"), totals_fill, NULL);
}

/* -- these days -------------------------------------------------------------------------------- */

typedef struct TrendRow {
    int64_t debate_n, views, streams, downloads, score;
    Debate debate;
} TrendRow;
static const Field trend_row_fields[] = {
    FIELD(TrendRow, debate_n),  FIELD(TrendRow, views), FIELD(TrendRow, streams),
    FIELD(TrendRow, downloads), FIELD(TrendRow, score),
};
static const Record trend_row_record = RECORD(TrendRow, trend_row_fields);
static const Field trend_fields[] = {
    FIELD_RECORD(TrendRow, debate, &debate_record),
    FIELD(TrendRow, views),
    FIELD(TrendRow, streams),
    FIELD(TrendRow, downloads),
    FIELD(TrendRow, score, .doc = "views + 3 streams + 2 downloads"),
};
static const Record trend_record = RECORD_AS("TrendingDebate", TrendRow, trend_fields);

typedef struct Trends {
    int64_t days;
    RecordList debates;
    Time generated_at;
} Trends;
static const Field trends_fields[] = {
    FIELD(Trends, days),
    FIELD_LIST(Trends, debates, &trend_record),
    FIELD(Trends, generated_at),
};
static const Record trends_record =
    RECORD_AS("TrendingStats", Trends, trends_fields, .doc = "What is listened to these days");

typedef struct TrendQuery {
    int64_t days, limit;
} TrendQuery;
static const Field trend_query_fields[] = {
    FIELD(TrendQuery, days, .min = 1, .max = 365, .fallback = "7",
          .doc = "Today and the days before, UTC"),
    FIELD(TrendQuery, limit, .min = 1, .max = 100, .fallback = "10"),
};
static const Record trend_query_record = RECORD(TrendQuery, trend_query_fields);

static Err *trends_fill(Ctx *c, void *arg, Str *value) {
    const TrendQuery *query = arg;
    int64_t from = today() - (query->days - 1);
    Rows rows;
    Debate *debates;
    TRY(db_scan(c, SQL(SQL_STATS_TRENDING), ARGS(V(from), V(query->limit)), &trend_row_record,
                &rows));
    TrendRow *all = rows.items;
    int64_t *keys = arena_array(c->arena, int64_t, rows.count + 1);
    for (ptrdiff_t i = 0; i < rows.count; i++) keys[i] = all[i].debate_n;
    TRY(list_debates(c, keys, rows.count, &debates));
    ptrdiff_t shown = 0;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        if (debates[i].n == 0) continue;
        all[shown] = all[i];
        all[shown++].debate = debates[i];
    }
    Trends trends = {query->days, {all, shown}, time_now()};
    Buf b = buf_new(c->arena, 4096);
    record_write(&b, &trends_record, &trends);
    *value = buf_str(&b);
    return NULL;
}

static Err *stats_trending(Ctx *c, Call *k) {
    const TrendQuery *query = k->query;
    Str key = strf(c->arena, ROBIAN_CACHE_LISTS "stats/trending/%lld/%lld", (long long)query->days,
                   (long long)query->limit);
    return cached(c, k, key, trends_fill, k->query);
}

/* -- day by day -------------------------------------------------------------------------------- */

typedef struct DayFigure {
    int64_t day, value;
    Str name;
    Str date;
} DayFigure;
static const Field day_row_fields[] = {FIELD(DayFigure, day), FIELD(DayFigure, name),
                                       FIELD(DayFigure, value)};
static const Record day_row_record = RECORD_AS("DayRow", DayFigure, day_row_fields);
static const Field day_figure_fields[] = {FIELD(DayFigure, date, .doc = "UTC"),
                                          FIELD(DayFigure, name), FIELD(DayFigure, value)};
static const Record day_figure_record = RECORD(DayFigure, day_figure_fields);

typedef struct HistoryQuery {
    int64_t days;
    Str name;
} HistoryQuery;
static const Field history_query_fields[] = {
    FIELD(HistoryQuery, days, .min = 1, .max = HISTORY_DAYS, .fallback = "30"),
    FIELD(HistoryQuery, name, .max = 50, .doc = "Of one figure of /api/stats/global"),
};
static const Record history_query_record = RECORD(HistoryQuery, history_query_fields);

static Err *stats_history(Ctx *c, Call *k) {
    const HistoryQuery *query = k->query;
    Rows rows;
    Str name = query->name.data ? query->name : S("");
    TRY(db_query(c, SQL(SQL_STATS_HISTORY), ARGS(V(today() - (query->days - 1)), V(name)),
                 &day_row_record, &rows));
    DayFigure *all = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++)
        all[i].date = str_slice(time_str(c->arena, (Time){all[i].day * US_PER_DAY}), 0, 10);
    call_list(c, k, rows, rows.count, (Str){NULL, 0});
    return NULL;
}

static Err *figures_write(Ctx *c, void *arg) {
    const Totals *t = arg;
    int64_t day = today();
    for (ptrdiff_t i = 0; i < totals_row_record.field_count; i++) {
        const Field *f = &totals_row_record.fields[i];
        TRY(db_exec(c, SQL(SQL_STATS_NOTE), ARGS(V(day), V(str_c(f->name)), field_value(c, f, t)),
                    NULL));
    }
    return db_exec(c, SQL(SQL_STATS_FORGET), ARGS(V(day - HISTORY_DAYS)), NULL);
}

Err *stats_note(Ctx *c, Job *job) {
    Totals t = {0};
    (void)job;
    TRY(totals_load(c, &t));
    return db_transaction(c, figures_write, &t);
}

#define OPEN .access = ACCESS_OPEN, .tag = "stats"

const Route stats_routes[] = {
    {GET, "/api/stats/global", stats_global, OPEN, .out = &totals_record,
     .doc = "Figures of the whole"},
    {GET, "/api/stats/trending", stats_trending, OPEN, .query = &trend_query_record,
     .out = &trends_record, .doc = "The debates most looked at, played and fetched lately"},
    {GET, "/api/stats/history", stats_history, OPEN, .query = &history_query_record,
     .out = &day_figure_record, .out_list = true,
     .doc = "The figures of /api/stats/global as they were day by day"},
    {0},
};
