/* SPDX-License-Identifier: Apache-2.0
 * GET /api/v1/analytics/timeseries: posts, engagement or mean sentiment by hour, day or ISO
 * week, in UTC, of from <= posted_at < to. Every bucket of the range is there, empty ones with 0
 * (sentiment: null); the first and last hold only what lies in the range.
 *
 *   filter                  read from
 *   none, platform          post_hours, and the posts themselves in the broken hours at both ends
 *   hashtag                 post_tags of that hashtag
 *   author                  posts by author
 *   project (+ any other)   project_posts
 * All of them are ranges of an index that hold what is summed. */
#include "products/veyl/project.h"
#include "products/veyl/queries.h"
#include "products/veyl/routes.h"

enum { BUCKETS_MAX = 10000, HOURS_ON_LOOP = 31 * 24 };

typedef struct SeriesQuery {
    Str metric, interval;
    Time from, to;
    Str platform, hashtag, author;
    Id project;
} SeriesQuery;
static const char *const metrics[] = {"posts", "engagement", "sentiment", NULL};
static const char *const intervals[] = {"hour", "day", "week", NULL};
static const Field series_query_fields[] = {
    FIELD(SeriesQuery, metric, .values = metrics, .fallback = "\"posts\""),
    FIELD(SeriesQuery, interval, .values = intervals, .fallback = "\"day\""),
    FIELD(SeriesQuery, from, .flags = F_NULLABLE,
          .doc = "Included; 2 days, 30 days or 26 weeks before `to` when absent"),
    FIELD(SeriesQuery, to, .flags = F_NULLABLE, .doc = "Not included; now when absent"),
    FIELD(SeriesQuery, platform, .max = 50),
    FIELD(SeriesQuery, hashtag, .max = 256),
    FIELD(SeriesQuery, author, .max = 256),
    FIELD(SeriesQuery, project, .flags = F_NULLABLE),
};
static const Record series_query_record = RECORD(SeriesQuery, series_query_fields);

typedef struct SeriesPoint {
    Time at;
    OptFloat value;
    int64_t posts;
} SeriesPoint;
static const Field series_point_fields[] = {
    FIELD(SeriesPoint, at, .doc = "Start of the bucket; weeks begin on Monday"),
    FIELD(SeriesPoint, value),
    FIELD(SeriesPoint, posts, .doc = "How many posts stand behind it"),
};
static const Record series_point_record = RECORD(SeriesPoint, series_point_fields);

typedef struct Series {
    Str metric, interval;
    Time from, to;
    RecordList points;
} Series;
static const Field series_fields[] = {
    FIELD(Series, metric),
    FIELD(Series, interval),
    FIELD(Series, from),
    FIELD(Series, to),
    FIELD_LIST(Series, points, &series_point_record),
};
static const Record series_record = RECORD(Series, series_fields, .doc = "A figure over time");

typedef struct Bucket {
    int64_t bucket, posts, score, sentiment, sentiment_posts;
} Bucket;
static const Field bucket_fields[] = {
    FIELD(Bucket, bucket),    FIELD(Bucket, posts),           FIELD(Bucket, score),
    FIELD(Bucket, sentiment), FIELD(Bucket, sentiment_posts),
};
static const Record bucket_record = RECORD(Bucket, bucket_fields);

typedef struct Frame {
    const SeriesQuery *query;
    Time from, to;
    int64_t width_us, shift_us; /* bucket = (time + shift) / width */
    Id platform;
    Value hashtag, author;
    Bucket *buckets;
    int64_t first, count;
} Frame;

static Err *bad(Ctx *c, const char *field, const char *message) {
    Problems problems = {.arena = c->arena};
    problem_add(&problems, str_c(field), S("value"), "%s", message);
    return problems_err(c, &problems);
}

static Err *frame_make(Ctx *c, const SeriesQuery *query, Frame *f) {
    bool hour = str_eq(query->interval, S("hour")), week = str_eq(query->interval, S("week"));
    int64_t usual_us = hour ? 2 * US_PER_DAY : week ? 26 * 7 * US_PER_DAY : 30 * US_PER_DAY;
    *f = (Frame){.query = query};
    f->width_us = hour ? US_PER_HOUR : week ? 7 * US_PER_DAY : US_PER_DAY;
    f->shift_us = week ? 3 * US_PER_DAY : 0; /* 1970-01-01 was a Thursday */
    f->to = time_is_null(query->to) ? time_now() : query->to;
    f->from = time_is_null(query->from) ? time_add(f->to, -usual_us) : query->from;
    /* Posts whose time is not known stand at 0. */
    if (f->from.us < 1) f->from.us = 1;
    if (f->to.us <= f->from.us) return bad(c, "to", "must be after from");
    f->first = (f->from.us + f->shift_us) / f->width_us;
    f->count = (f->to.us - 1 + f->shift_us) / f->width_us - f->first + 1;
    if (f->count > BUCKETS_MAX)
        return bad(c, "from", "the range has more than 10000 buckets: take a longer interval");
    f->buckets = arena_array(c->arena, Bucket, f->count);
    Str hashtag = name_fold(c->arena, query->hashtag, '#'),
        author = name_fold(c->arena, query->author, '@');
    f->hashtag = hashtag.len ? V(hashtag) : value_null();
    f->author = author.len ? V(author) : value_null();
    return platform_filter(c, query->platform, &f->platform);
}

static void frame_add(Frame *f, Rows rows) {
    const Bucket *row = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        int64_t at = row[i].bucket - f->first;
        assert(at >= 0 && at < f->count);
        f->buckets[at].posts += row[i].posts;
        f->buckets[at].score += row[i].score;
        f->buckets[at].sentiment += row[i].sentiment;
        f->buckets[at].sentiment_posts += row[i].sentiment_posts;
    }
}

static Err *edge_read(Ctx *c, Frame *f, Time from, Time to) {
    Rows rows;
    if (from.us >= to.us) return NULL;
    TRY(db_query(c, SQL2(SQL_SERIES_EDGE_SQLITE, SQL_SERIES_EDGE_POSTGRES),
                 ARGS(V(f->width_us), V(f->shift_us), V(from), V(to), V(f->platform)),
                 &bucket_record, &rows));
    frame_add(f, rows);
    return NULL;
}

static Err *hours_read(Ctx *c, Frame *f) {
    int64_t first = (f->from.us + US_PER_HOUR - 1) / US_PER_HOUR, last = f->to.us / US_PER_HOUR;
    if (first >= last) return edge_read(c, f, f->from, f->to);
    Rows rows;
    /* Years of hours are read off the loop. */
    Err *(*run)(Ctx *, Sql, Args, const Record *, Rows *) =
        last - first > HOURS_ON_LOOP ? db_scan : db_query;
    TRY(run(c, SQL(SQL_SERIES_HOURS),
            ARGS(V(f->width_us), V(f->shift_us), V(first), V(last), V(f->platform)), &bucket_record,
            &rows));
    frame_add(f, rows);
    TRY(edge_read(c, f, f->from, (Time){first * US_PER_HOUR}));
    return edge_read(c, f, (Time){last * US_PER_HOUR}, f->to);
}

static Err *links_read(Ctx *c, Frame *f) {
    Rows rows;
    Value width = V(f->width_us), shift = V(f->shift_us), platform = V(f->platform);
    Value from_us = V(f->from.us), to_us = V(f->to.us);
    if (!id_is_none(f->query->project)) {
        Project project;
        TRY(project_load_flat(c, f->query->project, &project));
        TRY(db_scan(
            c, SQL(SQL_SERIES_PROJECT),
            ARGS(width, shift, from_us, to_us, platform, V(project.id), f->hashtag, f->author),
            &bucket_record, &rows));
    } else if (f->hashtag.kind != VALUE_NULL) {
        TRY(db_scan(c, SQL(SQL_SERIES_HASHTAG),
                    ARGS(width, shift, from_us, to_us, platform, f->hashtag, f->author),
                    &bucket_record, &rows));
    } else {
        TRY(db_scan(c, SQL2(SQL_SERIES_AUTHOR_SQLITE, SQL_SERIES_AUTHOR_POSTGRES),
                    ARGS(width, shift, V(f->from), V(f->to), platform, f->author), &bucket_record,
                    &rows));
    }
    frame_add(f, rows);
    return NULL;
}

static OptFloat value_of(const Bucket *b, Str metric) {
    if (str_eq(metric, S("posts"))) return (OptFloat){(double)b->posts, true};
    if (str_eq(metric, S("engagement"))) return (OptFloat){(double)b->score, true};
    if (b->sentiment_posts == 0) return (OptFloat){0};
    return (OptFloat){(double)b->sentiment / 10000 / (double)b->sentiment_posts, true};
}

static Err *timeseries(Ctx *c, Call *k) {
    Frame f;
    Series *out = call_out(k);
    TRY(frame_make(c, k->query, &f));
    bool whole =
        id_is_none(f.query->project) && f.hashtag.kind == VALUE_NULL && f.author.kind == VALUE_NULL;
    TRY(whole ? hours_read(c, &f) : links_read(c, &f));
    SeriesPoint *points = arena_array(c->arena, SeriesPoint, f.count);
    for (int64_t i = 0; i < f.count; i++)
        points[i] = (SeriesPoint){{(f.first + i) * f.width_us - f.shift_us},
                                  value_of(&f.buckets[i], f.query->metric),
                                  f.buckets[i].posts};
    *out = (Series){f.query->metric, f.query->interval, f.from, f.to, {points, f.count}};
    return NULL;
}

const Route series_routes[] = {
    {GET, "/api/v1/analytics/timeseries", timeseries, .access = ACCESS_USER, .scope = "posts:read",
     .tag = "analytics", .query = &series_query_record, .out = &series_record, .errors = "400 404",
     .doc = "A figure over time"},
    {0},
};
