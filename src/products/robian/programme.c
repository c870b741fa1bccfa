/* SPDX-License-Identifier: Apache-2.0
 * GET /api/programme: what the agenda has for some days, as the Assembly's clocks show them. Today,
 * too, is the day in Paris. */
#include "api/base_settings.h"
#include "data/cache.h"
#include "products/robian/paris.h"
#include "products/robian/programme_sql.h"
#include "products/robian/records.h"
#include "products/robian/routes.h"

enum { DAYS_MAX = 31 };

typedef struct ProgrammeQuery {
    Str date, date_param;
    int64_t days;
} ProgrammeQuery;
static const Field programme_query_fields[] = {
    FIELD(ProgrammeQuery, date, .flags = F_TRIM, .max = 40,
          .doc = "The first day: 2026-11-18 or RFC 3339; today when absent"),
    FIELD(ProgrammeQuery, date_param, .flags = F_TRIM, .max = 40, .doc = "The same; date wins"),
    FIELD(ProgrammeQuery, days, .min = 1, .max = DAYS_MAX, .fallback = "1",
          .doc = "How many days from there"),
};
static const Record programme_query_record = RECORD(ProgrammeQuery, programme_query_fields);

typedef struct Meeting {
    Str date, heure, titre, type, commission, salle, url, etat;
} Meeting;
static const Field meeting_fields[] = {
    FIELD(Meeting, date, .doc = "2026-11-18, in Paris"),
    FIELD(Meeting, heure, .doc = "15:00, in Paris"),
    FIELD(Meeting, titre),
    FIELD(Meeting, type, .values = debate_types),
    FIELD(Meeting, commission, .flags = F_NULLABLE),
    FIELD(Meeting, salle, .flags = F_NULLABLE),
    FIELD(Meeting, url, .flags = F_NULLABLE),
    FIELD(Meeting, etat, .doc = "As the agenda says it: Confirmé, Eventuel, Annulé, Supprimé…"),
};
static const Record meeting_record =
    RECORD_AS("ProgrammeEntry", Meeting, meeting_fields, .doc = "A meeting of the agenda");

typedef struct Days {
    Str first, last;
} Days;

static Err *days_read(Ctx *c, const ProgrammeQuery *q, Days *out) {
    Str asked = q->date.len ? q->date : q->date_param;
    Problems problems = {.arena = c->arena};
    Time from = time_now();
    if (asked.len && !paris_time(asked, false, &from))
        problem_add(&problems, q->date.len ? S("date") : S("date_param"), S("format"),
                    DATE_EXPECTED);
    TRY(problems_err(c, &problems));
    Civil day = paris_civil(from);
    /* Noon UTC: so many days further whatever the clocks do. */
    Time noon = time_from_civil((Civil){day.year, day.month, day.day, 12, 0, 0, 0});
    Civil last = time_civil(time_add(noon, (q->days - 1) * US_PER_DAY));
    *out = (Days){paris_day_text(c->arena, from),
                  strf(c->arena, "%04d-%02d-%02d", last.year, last.month, last.day)};
    return NULL;
}

static Err *programme_fill(Ctx *c, void *arg, Str *value) {
    const Days *days = arg;
    Rows rows;
    TRY(db_query(c, SQL(SQL_PROGRAMME_DAYS), ARGS(V(days->first), V(days->last)), &meeting_record,
                 &rows));
    Buf b = buf_new(c->arena, 64 + rows.count * 256);
    record_write_list(&b, &meeting_record, rows.items, rows.count);
    *value = buf_str(&b);
    return NULL;
}

typedef struct Version {
    int64_t rows, stamps;
} Version;
static const Field version_fields[] = {FIELD(Version, rows), FIELD(Version, stamps)};
static const Record version_record = RECORD(Version, version_fields);

/* The version is a part of the key, so that an import by whatever process is seen at once. */
static Err *programme_get(Ctx *c, Call *k) {
    Days days;
    Version v = {0};
    Str json;
    TRY(days_read(c, k->query, &days));
    TRY(db_one(c, SQL2(SQL_PROGRAMME_VERSION_SQLITE, SQL_PROGRAMME_VERSION_POSTGRES),
               ARGS(V(days.first), V(days.last)), &version_record, &v));
    Str key = strf(c->arena, "robian/programme/%.*s/%.*s/%lld/%lld", S_ARG(days.first),
                   S_ARG(days.last), (long long)v.rows, (long long)v.stamps);
    TRY(cache_fill(c, app_cache(c), key, outside.cache_ttl_metadata_s * 1000, 0, programme_fill,
                   &days, &json));
    reply_json(k->r, 200, json);
    k->answered = true;
    return NULL;
}

const Route programme_routes[] = {
    {GET, "/api/programme", programme_get, .access = ACCESS_OPEN, .query = &programme_query_record,
     .out = &meeting_record, .out_list = true, .tag = "programme",
     .doc = "What the Assembly has planned, day by day"},
    {0},
};
