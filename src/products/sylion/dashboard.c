/* SPDX-License-Identifier: Apache-2.0
 * GET /api/v1/usage/dashboard: what a tenant sees of a day and of the month so far, in its time zone:
 * messages by channel, answers by assistant, what they cost, why some failed, how long they took. */
#include "products/sylion/conversation_room.h"
#include "products/sylion/dashboard_sql.h"
#include "products/sylion/routes.h"
#include "products/sylion/tenants.h"
#include "work/zone.h"

enum { FAILURES_MAX = 10, LATENCIES_MAX = 1000 };

typedef struct ChannelPart {
    Str id, name, type;
    int64_t inbound, outbound;
} ChannelPart;
static const Field channel_part_fields[] = {
    FIELD(ChannelPart, id),      FIELD(ChannelPart, name),     FIELD(ChannelPart, type),
    FIELD(ChannelPart, inbound), FIELD(ChannelPart, outbound),
};
static const Record channel_part_record =
    RECORD_AS("DashboardChannel", ChannelPart, channel_part_fields, .camel = true);

typedef struct TurnPart {
    Str id, name;
    int64_t turns, answered, handed_over, refused, failed, over_quota, tokens, cost_micros;
} TurnPart;
#define TURN_COUNTS                                                                  \
    FIELD(TurnPart, turns), FIELD(TurnPart, answered), FIELD(TurnPart, handed_over), \
        FIELD(TurnPart, refused, .doc = "The model, or its provider, would not"),    \
        FIELD(TurnPart, failed, .doc = "Those of unknown end among them"),           \
        FIELD(TurnPart, over_quota), FIELD(TurnPart, tokens), FIELD(TurnPart, cost_micros)
static const Field turn_part_fields[] = {FIELD(TurnPart, id, .flags = F_NULLABLE),
                                         FIELD(TurnPart, name, .flags = F_NULLABLE), TURN_COUNTS};
static const Record turn_part_record =
    RECORD_AS("DashboardAssistant", TurnPart, turn_part_fields, .camel = true);
static const Field turn_sum_fields[] = {TURN_COUNTS};
static const Record turn_sum_record =
    RECORD_AS("DashboardAnswers", TurnPart, turn_sum_fields, .camel = true);

typedef struct Conversations {
    int64_t active, paused, handoff, ended;
} Conversations;
static const Field conversations_fields[] = {
    FIELD(Conversations, active),
    FIELD(Conversations, paused),
    FIELD(Conversations, handoff),
    FIELD(Conversations, ended),
};
static const Record conversations_record =
    RECORD_AS("DashboardConversations", Conversations, conversations_fields, .camel = true);

typedef struct Failure {
    Str subject, state, reason;
    int64_t count;
} Failure;
static const Field failure_fields[] = {
    FIELD(Failure, subject, .doc = "turn or message"),
    FIELD(Failure, state),
    FIELD(Failure, reason),
    FIELD(Failure, count),
};
static const Record failure_record =
    RECORD_AS("DashboardFailure", Failure, failure_fields, .camel = true);

typedef struct Latency {
    int64_t count;
    OptInt p50_ms, p95_ms, p99_ms, max_ms;
} Latency;
static const Field latency_fields[] = {
    FIELD(Latency, count, .doc = "Of the latest answers, 1000 at most"),
    FIELD(Latency, p50_ms),
    FIELD(Latency, p95_ms),
    FIELD(Latency, p99_ms),
    FIELD(Latency, max_ms),
};
static const Record latency_record =
    RECORD_AS("DashboardLatency", Latency, latency_fields, .camel = true);

typedef struct Span {
    Time start;
    int64_t messages_in, messages_out;
    Conversations conversations;
    TurnPart answers;
    Latency latency;
    RecordList by_channel, by_assistant, failures;
} Span;
static const Field span_fields[] = {
    FIELD(Span, start),
    FIELD(Span, messages_in),
    FIELD(Span, messages_out),
    FIELD_RECORD(Span, conversations, &conversations_record),
    FIELD_RECORD(Span, answers, &turn_sum_record),
    FIELD_RECORD(Span, latency, &latency_record),
    FIELD_LIST(Span, by_channel, &channel_part_record),
    FIELD_LIST(Span, by_assistant, &turn_part_record),
    FIELD_LIST(Span, failures, &failure_record),
};
static const Record span_record = RECORD_AS("DashboardSpan", Span, span_fields, .camel = true);

typedef struct Dashboard {
    Str tenant_id, plan, time_zone;
    Time period_start, period_end;
    TenantUsage quotas;
    Span today, period;
} Dashboard;
extern const Record tenant_usage_record;
static const Field dashboard_fields[] = {
    FIELD(Dashboard, tenant_id),
    FIELD(Dashboard, plan),
    FIELD(Dashboard, time_zone),
    FIELD(Dashboard, period_start),
    FIELD(Dashboard, period_end),
    FIELD_RECORD(Dashboard, quotas, &tenant_usage_record),
    FIELD_RECORD(Dashboard, today, &span_record),
    FIELD_RECORD(Dashboard, period, &span_record),
};
static const Record dashboard_record = RECORD(Dashboard, dashboard_fields, .camel = true);

/* -- reading ----------------------------------------------------------------------------------- */

typedef struct CountRow {
    Str id, name, type, direction, state;
    int64_t count, tokens, cost_micros;
} CountRow;
static const Field count_fields[] = {
    FIELD(CountRow, id),        FIELD(CountRow, name),        FIELD(CountRow, type),
    FIELD(CountRow, direction), FIELD(CountRow, state),       FIELD(CountRow, count),
    FIELD(CountRow, tokens),    FIELD(CountRow, cost_micros),
};
static const Record count_record = RECORD(CountRow, count_fields);

static Err *messages_read(Ctx *c, const Scope *s, Span *out) {
    Rows rows;
    TRY(tenant_scan(c, s, SQL(SQL_DASHBOARD_MESSAGES), ARGS(V(out->start)), &count_record, &rows));
    const CountRow *row = rows.items;
    ChannelPart *parts = arena_array(c->arena, ChannelPart, rows.count);
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        if (n == 0 || !str_eq(parts[n - 1].id, row[i].id))
            parts[n++] = (ChannelPart){.id = row[i].id, .name = row[i].name, .type = row[i].type};
        bool in = str_eq(row[i].direction, S("inbound"));
        *(in ? &parts[n - 1].inbound : &parts[n - 1].outbound) += row[i].count;
        *(in ? &out->messages_in : &out->messages_out) += row[i].count;
    }
    out->by_channel = (RecordList){parts, n};
    return NULL;
}

/* Turns that are under way, or were skipped, count among the turns only. */
static void turn_add(TurnPart *p, const CountRow *row) {
    const struct {
        Str state;
        int64_t *count;
    } places[] = {
        {S("answered"), &p->answered}, {S("handed_over"), &p->handed_over},
        {S("refused"), &p->refused},   {S("failed"), &p->failed},
        {S("unknown"), &p->failed},    {S("over_quota"), &p->over_quota},
    };
    p->turns += row->count;
    p->tokens += row->tokens;
    p->cost_micros += row->cost_micros;
    for (ptrdiff_t i = 0; i < COUNT(places); i++)
        if (str_eq(row->state, places[i].state)) *places[i].count += row->count;
}

static Err *turns_read(Ctx *c, const Scope *s, Span *out) {
    Rows rows;
    TRY(tenant_scan(c, s, SQL(SQL_DASHBOARD_TURNS), ARGS(V(out->start)), &count_record, &rows));
    const CountRow *row = rows.items;
    TurnPart *parts = arena_array(c->arena, TurnPart, rows.count);
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        if (n == 0 || !str_eq(parts[n - 1].id, row[i].id))
            parts[n++] = (TurnPart){.id = row[i].id, .name = row[i].name};
        turn_add(&parts[n - 1], &row[i]);
        turn_add(&out->answers, &row[i]);
    }
    out->by_assistant = (RecordList){parts, n};
    return NULL;
}

static Err *conversations_read(Ctx *c, const Scope *s, Span *out) {
    Rows rows;
    TRY(tenant_scan(c, s, SQL(SQL_DASHBOARD_CONVERSATIONS),
                    ARGS(V(out->start), V(recency_of(out->start))), &count_record, &rows));
    const CountRow *row = rows.items;
    const struct {
        Str state;
        int64_t *count;
    } places[] = {
        {S("active"), &out->conversations.active},
        {S("paused"), &out->conversations.paused},
        {S("handoff"), &out->conversations.handoff},
        {S("ended"), &out->conversations.ended},
    };
    for (ptrdiff_t i = 0; i < rows.count; i++)
        for (ptrdiff_t k = 0; k < COUNT(places); k++)
            if (str_eq(row[i].state, places[k].state)) *places[k].count = row[i].count;
    return NULL;
}

typedef struct TimesRow {
    Time started_at, finished_at;
} TimesRow;
static const Field times_fields[] = {FIELD(TimesRow, started_at), FIELD(TimesRow, finished_at)};
static const Record times_record = RECORD(TimesRow, times_fields);

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The least time that so many of a hundred were not longer than. */
static OptInt percentile(const int64_t *sorted, ptrdiff_t count, int percent) {
    ptrdiff_t rank = (count * percent + 99) / 100;
    return (OptInt){sorted[rank > 0 ? rank - 1 : 0], true};
}

static Err *latency_read(Ctx *c, const Scope *s, Span *out) {
    Rows rows;
    TRY(tenant_scan(c, s, SQL(SQL_DASHBOARD_LATENCIES),
                    ARGS(V(out->start), V((int64_t)LATENCIES_MAX)), &times_record, &rows));
    const TimesRow *row = rows.items;
    int64_t *ms = arena_array(c->arena, int64_t, rows.count);
    for (ptrdiff_t i = 0; i < rows.count; i++)
        ms[i] = (row[i].finished_at.us - row[i].started_at.us) / US_PER_MS;
    out->latency = (Latency){.count = rows.count};
    if (rows.count == 0) return NULL;
    qsort(ms, (size_t)rows.count, sizeof *ms, by_size);
    out->latency.p50_ms = percentile(ms, rows.count, 50);
    out->latency.p95_ms = percentile(ms, rows.count, 95);
    out->latency.p99_ms = percentile(ms, rows.count, 99);
    out->latency.max_ms = percentile(ms, rows.count, 100);
    return NULL;
}

static Err *span_read(Ctx *c, const Scope *s, Time start, Span *out) {
    Rows failures;
    *out = (Span){.start = start};
    TRY(messages_read(c, s, out));
    TRY(turns_read(c, s, out));
    TRY(conversations_read(c, s, out));
    TRY(latency_read(c, s, out));
    TRY(tenant_scan(c, s, SQL(SQL_DASHBOARD_FAILURES), ARGS(V(start), V((int64_t)FAILURES_MAX)),
                    &failure_record, &failures));
    out->failures = (RecordList){failures.items, failures.count};
    return NULL;
}

static Time day_start(Ctx *c, Str time_zone, Time now) {
    const Zone *zone = zone_find(str_cstr(c->arena, time_zone));
    if (!zone) zone = zone_find("UTC");
    Civil day = time_civil(time_add(now, zone_offset_s(zone, now) * US_PER_SECOND));
    Civil midnight = {.year = day.year, .month = day.month, .day = day.day};
    return zone_first_instant(zone, time_from_civil(midnight));
}

static Err *dashboard_get(Ctx *c, Call *k) {
    Scope s;
    Tenant t;
    Dashboard *out = call_out(k);
    Time now = time_now();
    TRY(scope_of(c, k, (Str){0}, &s));
    TRY(tenant_load(c, &s, &t));
    TRY(tenant_show(c, &t));
    *out =
        (Dashboard){.tenant_id = t.id, .plan = t.plan, .time_zone = t.time_zone, .quotas = t.usage};
    quota_period(c, &t, QUOTA_MESSAGES, now, &out->period_start, &out->period_end);
    TRY(span_read(c, &s, day_start(c, t.time_zone, now), &out->today));
    return span_read(c, &s, out->period_start, &out->period);
}

const Route dashboard_routes[] = {
    {GET, "/api/v1/usage/dashboard", dashboard_get, READS, .out = &dashboard_record,
     .errors = "400 404", .doc = "A tenant's day and month in figures"},
    {.path = NULL},
};
