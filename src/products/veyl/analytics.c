/* SPDX-License-Identifier: Apache-2.0
 * /api/v1/analytics: what trends, how hashtags and platforms do, who speaks most. Time series
 * are in series.c. Figures over a window are exact: whole hours from post_hours, the ends from
 * the posts. */
#include "products/veyl/project.h"
#include "products/veyl/queries.h"
#include "products/veyl/routes.h"

/* -- statistics of hashtags ------------------------------------------------------------------- */

typedef struct FiguresQuery {
    Str platform, sort;
    int64_t limit;
} FiguresQuery;
static const char *const figure_sorts[] = {"total_posts", "avg_engagement", "name", NULL};
static const Field figures_query_fields[] = {
    FIELD(FiguresQuery, platform, .max = 50),
    FIELD(FiguresQuery, limit, .min = 1, .max = 1000, .fallback = "100"),
    FIELD(FiguresQuery, sort, .values = figure_sorts, .fallback = "\"total_posts\""),
};
static const Record figures_query_record = RECORD(FiguresQuery, figures_query_fields);

static Err *hashtags_stats(Ctx *c, Call *k) {
    const FiguresQuery *query = k->query;
    Id platform;
    Rows rows;
    TRY(platform_filter(c, query->platform, &platform));
    Str name = str_lower(c->arena, str_trim(query->platform));
    Sql sql = str_eq(query->sort, S("name"))             ? SQL(SQL_HASHTAG_FIGURES_NAME)
              : str_eq(query->sort, S("avg_engagement")) ? SQL(SQL_HASHTAG_FIGURES_ENGAGEMENT)
                                                         : SQL(SQL_HASHTAG_FIGURES_POSTS);
    TRY(db_query(c, sql, ARGS(name.len ? V(name) : value_null(), V(query->limit)),
                 &hashtag_figures_record, &rows));
    call_list(c, k, rows, -1, (Str){NULL, 0});
    return NULL;
}

/* -- engagement ------------------------------------------------------------------------------- */

typedef struct EngagementQuery {
    Str platform;
    int64_t days;
} EngagementQuery;
static const Field engagement_query_fields[] = {
    FIELD(EngagementQuery, platform, .max = 50),
    FIELD(EngagementQuery, days, .min = 1, .max = 30, .fallback = "7"),
};
static const Record engagement_query_record = RECORD(EngagementQuery, engagement_query_fields);

typedef struct Engagement {
    int64_t total_posts;
    double avg_score, avg_trend_score;
    int64_t max_score;
    double max_trend_score;
    int64_t period_days;
    Str platform;
} Engagement;
static const Field engagement_fields[] = {
    FIELD(Engagement, total_posts),
    FIELD(Engagement, avg_score),
    FIELD(Engagement, avg_trend_score),
    FIELD(Engagement, max_score),
    FIELD(Engagement, max_trend_score),
    FIELD(Engagement, period_days),
    FIELD(Engagement, platform, .flags = F_NULLABLE),
};
static const Record engagement_record = RECORD(Engagement, engagement_fields);

/* Sums of one platform over (part of) the window. */
typedef struct Sums {
    Id platform_id;
    int64_t posts, score, score_max;
} Sums;
static const Field sums_fields[] = {FIELD(Sums, platform_id), FIELD(Sums, posts),
                                    FIELD(Sums, score), FIELD(Sums, score_max)};
static const Record sums_record = RECORD(Sums, sums_fields);

typedef struct Week {
    Id platform_id;
    int64_t week_posts, week_score;
} Week;
static const Field week_fields[] = {FIELD(Week, platform_id), FIELD(Week, week_posts),
                                    FIELD(Week, week_score)};
static const Record week_record = RECORD(Week, week_fields);

/* Posts of from <= posted_at < to: three lists of sums, a row a platform in each. */
static Err *window_sums(Ctx *c, Id platform, Time from, Time to, Rows parts[3]) {
    int64_t first = (from.us + US_PER_HOUR - 1) / US_PER_HOUR, last = to.us / US_PER_HOUR;
    Time first_at = {first * US_PER_HOUR}, last_at = {last * US_PER_HOUR};
    assert(first <= last);
    TRY(db_query(c, SQL(SQL_ENGAGEMENT_HOURS), ARGS(V(platform), V(first), V(last)), &sums_record,
                 &parts[0]));
    TRY(db_query(c, SQL(SQL_ENGAGEMENT_EDGE), ARGS(V(platform), V(from), V(first_at)), &sums_record,
                 &parts[1]));
    return db_query(c, SQL(SQL_ENGAGEMENT_EDGE), ARGS(V(platform), V(last_at), V(to)), &sums_record,
                    &parts[2]);
}

static double trend_of(const Rows *weeks, Id platform, int64_t score) {
    const Week *week = weeks->items;
    for (ptrdiff_t i = 0; i < weeks->count; i++)
        if (id_eq(week[i].platform_id, platform))
            return score_trend_of(score, week[i].week_posts, week[i].week_score);
    return 0;
}

static Err *posts_engagement(Ctx *c, Call *k) {
    const EngagementQuery *query = k->query;
    Engagement *out = call_out(k);
    Id platform;
    Rows parts[3], weeks;
    Time now = time_now();
    TRY(platform_filter(c, query->platform, &platform));
    TRY(window_sums(c, platform, time_add(now, -query->days * US_PER_DAY), time_add(now, 1),
                    parts));
    TRY(db_query(c, SQL(SQL_PLATFORM_TREND_LIST), NO_ARGS, &week_record, &weeks));
    int64_t score = 0;
    double trend = 0;
    *out = (Engagement){.period_days = query->days,
                        .platform = query->platform.len ? query->platform : (Str){NULL, 0}};
    for (int part = 0; part < 3; part++) {
        const Sums *sums = parts[part].items;
        for (ptrdiff_t i = 0; i < parts[part].count; i++) {
            double best = trend_of(&weeks, sums[i].platform_id, sums[i].score_max);
            out->total_posts += sums[i].posts;
            out->max_score = max_i64(out->max_score, sums[i].score_max);
            out->max_trend_score = best > out->max_trend_score ? best : out->max_trend_score;
            score += sums[i].score;
            trend += trend_of(&weeks, sums[i].platform_id, sums[i].score);
        }
    }
    if (out->total_posts) {
        out->avg_score = (double)score / (double)out->total_posts;
        out->avg_trend_score = trend / (double)out->total_posts;
    }
    return NULL;
}

/* -- share of voice --------------------------------------------------------------------------- */

typedef struct ShareQuery {
    Id project;
    Time from, to;
} ShareQuery;
static const Field share_query_fields[] = {
    FIELD(ShareQuery, project, .flags = F_REQUIRED),
    FIELD(ShareQuery, from, .flags = F_NULLABLE),
    FIELD(ShareQuery, to, .flags = F_NULLABLE),
};
static const Record share_query_record = RECORD(ShareQuery, share_query_fields);

typedef struct Voice {
    Str name, platform;
    int64_t posts, engagement;
    double share, engagement_share;
} Voice;
static const Field voice_fields[] = {
    FIELD(Voice, name),
    FIELD(Voice, platform),
    FIELD(Voice, posts),
    FIELD(Voice, engagement),
    FIELD(Voice, share, .flags = F_NO_COLUMN, .doc = "Of the project's posts; voices overlap"),
    FIELD(Voice, engagement_share, .flags = F_NO_COLUMN),
};
static const Record voice_record = RECORD(Voice, voice_fields);

typedef struct ShareOfVoice {
    Id project;
    int64_t total_posts, total_engagement;
    RecordList hashtags, creators;
} ShareOfVoice;
static const Field share_fields[] = {
    FIELD(ShareOfVoice, project),
    FIELD(ShareOfVoice, total_posts),
    FIELD(ShareOfVoice, total_engagement),
    FIELD_LIST(ShareOfVoice, hashtags, &voice_record),
    FIELD_LIST(ShareOfVoice, creators, &voice_record),
};
static const Record share_record = RECORD(ShareOfVoice, share_fields);

static RecordList shares_fill(Rows rows, const Voice *total) {
    Voice *voice = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        voice[i].share = total->posts ? (double)voice[i].posts / (double)total->posts : 0;
        voice[i].engagement_share =
            total->engagement ? (double)voice[i].engagement / (double)total->engagement : 0;
    }
    return (RecordList){rows.items, rows.count};
}

static Err *share_of_voice(Ctx *c, Call *k) {
    const ShareQuery *query = k->query;
    ShareOfVoice *out = call_out(k);
    Project project;
    Voice total = {0};
    Rows hashtags, creators;
    TRY(project_load_flat(c, query->project, &project));
    Time from = time_is_null(query->from) ? POSTED_UNKNOWN : query->from;
    Time to = time_is_null(query->to) ? (Time){253402300799000000} : query->to;
    TRY(db_scan(c, SQL(SQL_SHARE_TOTAL), ARGS(V(project.id), V(from.us), V(to.us)), &voice_record,
                &hashtags));
    total = *(Voice *)hashtags.items;
    TRY(db_scan(c, SQL(SQL_SHARE_HASHTAGS), ARGS(V(project.id), V(from.us), V(to.us)),
                &voice_record, &hashtags));
    TRY(db_scan(c, SQL(SQL_SHARE_CREATORS), ARGS(V(project.id), V(from), V(to)), &voice_record,
                &creators));
    *out = (ShareOfVoice){project.id, total.posts, total.engagement, shares_fill(hashtags, &total),
                          shares_fill(creators, &total)};
    return NULL;
}

/* -- top creators ----------------------------------------------------------------------------- */

typedef struct TopQuery {
    Id project;
    Str platform;
    int64_t days, limit;
} TopQuery;
static const Field top_query_fields[] = {
    FIELD(TopQuery, project, .flags = F_NULLABLE),
    FIELD(TopQuery, platform, .max = 50),
    FIELD(TopQuery, days, .min = 1, .max = 3650, .fallback = "30"),
    FIELD(TopQuery, limit, .min = 1, .max = 100, .fallback = "20"),
};
static const Record top_query_record = RECORD(TopQuery, top_query_fields);

typedef struct TopCreator {
    Str username, platform;
    int64_t posts, engagement, best_score;
} TopCreator;
static const Field top_creator_fields[] = {
    FIELD(TopCreator, username),   FIELD(TopCreator, platform),   FIELD(TopCreator, posts),
    FIELD(TopCreator, engagement), FIELD(TopCreator, best_score),
};
static const Record top_creator_record = RECORD(TopCreator, top_creator_fields);

static Err *top_creators(Ctx *c, Call *k) {
    const TopQuery *query = k->query;
    Rows rows;
    Id platform;
    Time from = time_add(time_now(), -query->days * US_PER_DAY);
    TRY(platform_filter(c, query->platform, &platform));
    if (!id_is_none(query->project)) {
        Project project;
        TRY(project_load_flat(c, query->project, &project));
        TRY(db_scan(c, SQL(SQL_TOP_CREATORS_PROJECT),
                    ARGS(V(project.id), V(from.us), V(query->limit), V(platform)),
                    &top_creator_record, &rows));
    } else {
        TRY(db_scan(c, SQL(SQL_TOP_CREATORS_PLATFORM), ARGS(V(platform), V(from), V(query->limit)),
                    &top_creator_record, &rows));
    }
    call_list(c, k, rows, -1, (Str){NULL, 0});
    return NULL;
}

#define READS .access = ACCESS_USER, .scope = "posts:read", .tag = "analytics"

const Route analytics_routes[] = {
    {GET, "/api/v1/analytics/hashtags/stats", hashtags_stats, READS, .query = &figures_query_record,
     .out = &hashtag_figures_record, .out_list = true, .errors = "400",
     .doc = "Hashtags by number of posts or engagement, of the view hashtags_with_stats (minutes "
            "old at most)"},
    {GET, "/api/v1/analytics/posts/engagement", posts_engagement, READS,
     .query = &engagement_query_record, .out = &engagement_record, .errors = "400",
     .doc = "How posts of the last days did"},
    {GET, "/api/v1/analytics/share-of-voice", share_of_voice, READS, .query = &share_query_record,
     .out = &share_record, .errors = "404",
     .doc = "What part of a project's posts each hashtag and creator has"},
    {GET, "/api/v1/analytics/top-creators", top_creators, READS, .query = &top_query_record,
     .out = &top_creator_record, .out_list = true, .errors = "400 404",
     .doc = "Creators by engagement of their posts"},
    {0},
};
