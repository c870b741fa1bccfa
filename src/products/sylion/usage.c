/* SPDX-License-Identifier: Apache-2.0
 * What a tenant has used: its quotas now (stats, quota/check), and the series by hour, day or month of
 * its time zone. A day of the zone has 23 to 25 hours where clocks are changed. */
#include "core/json.h"
#include "products/sylion/routes.h"
#include "products/sylion/tenants.h"
#include "products/sylion/usage_sql.h"
#include "work/zone.h"

/* -- now --------------------------------------------------------------------------------------- */

typedef struct Amounts {
    int64_t messages, ai_requests, tokens, storage_mb, channels, assistants;
} Amounts;
static const Field amounts_fields[] = {
    FIELD(Amounts, messages),   FIELD(Amounts, ai_requests), FIELD(Amounts, tokens),
    FIELD(Amounts, storage_mb), FIELD(Amounts, channels),    FIELD(Amounts, assistants),
};
static const Record amounts_record =
    RECORD_AS("UsageAmounts", Amounts, amounts_fields, .camel = true, .doc = "-1: without limit");

typedef struct Stats {
    Str tenant_id, plan, time_zone;
    Time period_start, period_end;
    Amounts usage, quotas, remaining;
} Stats;
static const Field stats_fields[] = {
    FIELD(Stats, tenant_id),
    FIELD(Stats, plan),
    FIELD(Stats, time_zone),
    FIELD(Stats, period_start),
    FIELD(Stats, period_end),
    FIELD_RECORD(Stats, usage, &amounts_record),
    FIELD_RECORD(Stats, quotas, &amounts_record),
    FIELD_RECORD(Stats, remaining, &amounts_record),
};
static const Record stats_record = RECORD_AS("TenantStats", Stats, stats_fields, .camel = true);

static void amount_set(Amounts *a, QuotaKind kind, int64_t value) {
    int64_t *const places[QUOTA_KINDS] = {
        [QUOTA_MESSAGES] = &a->messages, [QUOTA_AI_REQUESTS] = &a->ai_requests,
        [QUOTA_TOKENS] = &a->tokens,     [QUOTA_STORAGE] = &a->storage_mb,
        [QUOTA_CHANNELS] = &a->channels, [QUOTA_ASSISTANTS] = &a->assistants,
    };
    *places[kind] = value;
}

static int64_t more_than_zero(int64_t value) { return value > 0 ? value : 0; }

static Err *stats_fill(Ctx *c, const Scope *s, Stats *out) {
    for (QuotaKind kind = 0; kind < QUOTA_KINDS; kind++) {
        int64_t used, limit;
        bool fits;
        TRY(quota_check(c, s, kind, 0, &used, &limit, &fits));
        int64_t unit = kind == QUOTA_STORAGE ? QUOTA_MB : 1;
        int64_t most = limit < 0 ? -1 : limit / unit, whole = (used + unit - 1) / unit;
        amount_set(&out->usage, kind, whole);
        amount_set(&out->quotas, kind, most);
        amount_set(&out->remaining, kind, most < 0 ? -1 : more_than_zero(most - whole));
    }
    return NULL;
}

static Err *stats_get(Ctx *c, Call *k) {
    Scope s;
    Tenant t;
    Stats *out = call_out(k);
    TRY(scope_of(c, k, k->params[0], &s));
    TRY(tenant_load(c, &s, &t));
    *out = (Stats){.tenant_id = s.tenant_id, .plan = t.plan, .time_zone = t.time_zone};
    quota_period(c, &t, QUOTA_MESSAGES, time_now(), &out->period_start, &out->period_end);
    return stats_fill(c, &s, out);
}

/* `storage` and `storageMb` are both megabytes. */
static const char *const types[] = {"messages", "aiRequests", "storage",    "storageMb",
                                    "tokens",   "channels",   "assistants", NULL};
static const QuotaKind type_kinds[] = {QUOTA_MESSAGES,  QUOTA_AI_REQUESTS, QUOTA_STORAGE,
                                       QUOTA_STORAGE,   QUOTA_TOKENS,      QUOTA_CHANNELS,
                                       QUOTA_ASSISTANTS};
static_assert(COUNT(types) == COUNT(type_kinds) + 1, "a kind each");

typedef struct CheckQuery {
    Str type;
    int64_t amount;
} CheckQuery;
static const Field check_query_fields[] = {
    FIELD(CheckQuery, type, .flags = F_REQUIRED, .values = types),
    FIELD(CheckQuery, amount, .min = 0, .max = 1000000000000, .fallback = "1"),
};
static const Record check_query_record = RECORD(CheckQuery, check_query_fields, .camel = true);

typedef struct QuotaChecked {
    Str tenant_id, type;
    int64_t amount;
    bool can_proceed;
} QuotaChecked;
static const Field checked_fields[] = {
    FIELD(QuotaChecked, tenant_id),
    FIELD(QuotaChecked, type),
    FIELD(QuotaChecked, amount, .doc = "Of storage: megabytes"),
    FIELD(QuotaChecked, can_proceed),
};
static const Record checked_record = RECORD(QuotaChecked, checked_fields, .camel = true);

static Err *quota_check_get(Ctx *c, Call *k) {
    const CheckQuery *q = k->query;
    Scope s;
    int64_t used, limit;
    ptrdiff_t i = 0;
    QuotaChecked *out = call_out(k);
    TRY(scope_of(c, k, k->params[0], &s));
    while (!str_eq(q->type, str_c(types[i]))) i++;
    int64_t unit = type_kinds[i] == QUOTA_STORAGE ? QUOTA_MB : 1;
    *out = (QuotaChecked){s.tenant_id, q->type, q->amount, false};
    return quota_check(c, &s, type_kinds[i], q->amount * unit, &used, &limit, &out->can_proceed);
}

/* -- over time --------------------------------------------------------------------------------- */

enum { POINTS_MAX = 1500, MONTHS_A_YEAR = 12 };

static const char *const groups[] = {"day", "hour", "month", NULL};
typedef struct SeriesQuery {
    Time from, to;
    Str group;
} SeriesQuery;
static const Field series_query_fields[] = {
    FIELD(SeriesQuery, from, .flags = F_NULLABLE,
          .doc = "Included; 30 days, 2 days or 12 months before `to` when absent"),
    FIELD(SeriesQuery, to, .flags = F_NULLABLE, .doc = "Not included; now when absent"),
    FIELD(SeriesQuery, group, .values = groups, .fallback = "\"day\""),
};
static const Record series_query_record = RECORD(SeriesQuery, series_query_fields, .camel = true);

typedef struct Point {
    Time start;
    int64_t messages, ai_requests, tokens, storage_bytes, channels, assistants, cost_micros;
} Point;
static const Field point_fields[] = {
    FIELD(Point, start,
          .doc = "Of the hour, day or month; the first and last hold only what lies "
                 "in the range"),
    FIELD(Point, messages),
    FIELD(Point, ai_requests),
    FIELD(Point, tokens),
    FIELD(Point, storage_bytes, .doc = "More, or less than 0, than before"),
    FIELD(Point, channels),
    FIELD(Point, assistants),
    FIELD(Point, cost_micros, .doc = "Millionths of a US dollar"),
};
static const Record point_record = RECORD_AS("UsagePoint", Point, point_fields, .camel = true);

typedef struct Series {
    Str tenant_id, group, time_zone;
    Time from, to;
    RecordList points;
} Series;
static const Field series_fields[] = {
    FIELD(Series, tenant_id), FIELD(Series, group), FIELD(Series, time_zone),
    FIELD(Series, from),      FIELD(Series, to),    FIELD_LIST(Series, points, &point_record),
};
static const Record series_record = RECORD_AS("UsageSeries", Series, series_fields, .camel = true);

static Time local_of(const Zone *zone, Time at) {
    return time_add(at, zone_offset_s(zone, at) * US_PER_SECOND);
}

/* Where the hour, day or month begins that holds `at`, and (steps 1) the one after it. */
static Time bucket_start(const Zone *zone, Str group, Time at, int steps) {
    Time local = local_of(zone, at);
    if (str_eq(group, S("hour"))) {
        Time start = time_add(at, -(local.us % US_PER_HOUR) + steps * US_PER_HOUR);
        int64_t late = local_of(zone, start).us % US_PER_HOUR; /* clocks changed by half an hour */
        return late ? time_add(start, US_PER_HOUR - late) : start;
    }
    Civil day = time_civil(local);
    day = (Civil){.year = day.year, .month = day.month, .day = day.day};
    if (str_eq(group, S("month"))) {
        int months = day.year * MONTHS_A_YEAR + day.month - 1 + steps;
        day =
            (Civil){.year = months / MONTHS_A_YEAR, .month = months % MONTHS_A_YEAR + 1, .day = 1};
        return zone_first_instant(zone, time_from_civil(day));
    }
    return zone_first_instant(zone, time_add(time_from_civil(day), steps * US_PER_DAY));
}

static Err *bad(Ctx *c, const char *field, const char *message) {
    Problems problems = {.arena = c->arena};
    problem_add(&problems, str_c(field), S("value"), "%s", message);
    return problems_err(c, &problems);
}

static Err *range_read(Ctx *c, const SeriesQuery *q, const Zone *zone, Series *out) {
    bool hour = str_eq(q->group, S("hour")), month = str_eq(q->group, S("month"));
    out->to = time_is_null(q->to) ? time_now() : q->to;
    out->from = q->from;
    if (time_is_null(out->from) && month)
        out->from = bucket_start(zone, q->group, out->to, 1 - MONTHS_A_YEAR);
    else if (time_is_null(out->from))
        out->from = time_add(out->to, -(hour ? 2 : 30) * US_PER_DAY);
    if (out->to.us <= out->from.us) return bad(c, "to", "must be after from");
    int64_t least_us = hour ? US_PER_HOUR : month ? 28 * US_PER_DAY : 23 * US_PER_HOUR;
    if ((out->to.us - out->from.us) / least_us > POINTS_MAX)
        return bad(c, "from", "the range is too long: take a longer group");
    return NULL;
}

/* The points, and their spans as JSON. */
static Str points_make(Ctx *c, const Zone *zone, Series *out) {
    Point *points = arena_array(c->arena, Point, POINTS_MAX + 2);
    ptrdiff_t count = 0;
    Buf b = buf_new(c->arena, 4096);
    buf_byte(&b, '[');
    Time at = out->from, start = bucket_start(zone, out->group, at, 0);
    while (at.us < out->to.us) {
        assert(count < POINTS_MAX + 2);
        Time next = bucket_start(zone, out->group, start, 1);
        assert(next.us > at.us);
        Time end = next.us < out->to.us ? next : out->to;
        buf_f(&b, "%s[%lld,%lld]", count ? "," : "", (long long)at.us, (long long)end.us);
        points[count++].start = start;
        at = start = next;
    }
    buf_byte(&b, ']');
    out->points = (RecordList){points, count};
    return buf_str(&b);
}

typedef struct BucketRow {
    int64_t bucket, amount, cost_micros;
    Str kind;
} BucketRow;
static const Field bucket_fields[] = {
    FIELD(BucketRow, bucket),
    FIELD(BucketRow, amount),
    FIELD(BucketRow, cost_micros),
    FIELD(BucketRow, kind),
};
static const Record bucket_record = RECORD(BucketRow, bucket_fields);

static void point_add(Point *p, const BucketRow *row) {
    int64_t *const places[QUOTA_KINDS] = {
        [QUOTA_MESSAGES] = &p->messages, [QUOTA_AI_REQUESTS] = &p->ai_requests,
        [QUOTA_TOKENS] = &p->tokens,     [QUOTA_STORAGE] = &p->storage_bytes,
        [QUOTA_CHANNELS] = &p->channels, [QUOTA_ASSISTANTS] = &p->assistants,
    };
    p->cost_micros += row->cost_micros;
    for (QuotaKind kind = 0; kind < QUOTA_KINDS; kind++)
        if (str_eq(row->kind, quota_unit(kind))) *places[kind] += row->amount;
}

static Err *series_get(Ctx *c, Call *k) {
    const SeriesQuery *q = k->query;
    Scope s;
    Rows rows;
    Series *out = call_out(k);
    TRY(scope_of(c, k, k->params[0], &s));
    const Zone *zone = zone_find(str_cstr(c->arena, s.time_zone));
    if (!zone) zone = zone_find("UTC");
    *out = (Series){.tenant_id = s.tenant_id, .group = q->group, .time_zone = s.time_zone};
    TRY(range_read(c, q, zone, out));
    JsonText spans = {points_make(c, zone, out)};
    TRY(tenant_scan(c, &s, SQL2(SQL_USAGE_SERIES_SQLITE, SQL_USAGE_SERIES_POSTGRES), ARGS(V(spans)),
                    &bucket_record, &rows));
    const BucketRow *row = rows.items;
    Point *points = out->points.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        assert(row[i].bucket >= 0 && row[i].bucket < out->points.count);
        point_add(&points[row[i].bucket], &row[i]);
    }
    return NULL;
}

const Route usage_routes[] = {
    {GET, "/api/v1/tenants/{id}/stats", stats_get, READS, .out = &stats_record, .errors = "400 404",
     .doc = "What a tenant used in this period, may use, and has left"},
    {GET, "/api/v1/tenants/{id}/quota/check", quota_check_get, READS, .query = &check_query_record,
     .out = &checked_record, .errors = "400 404", .doc = "Would so much more fit?"},
    {GET, "/api/v1/tenants/{id}/usage", series_get, READS, .query = &series_query_record,
     .out = &series_record, .errors = "400 404",
     .doc = "What a tenant used, by hour, day or month of its time zone"},
    {.path = NULL},
};
