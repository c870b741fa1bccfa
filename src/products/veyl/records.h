/* SPDX-License-Identifier: Apache-2.0
 * veyl's records: what goes over the wire (contract names) and what the tables hold. PostRow is the
 * flat shape in which a post is read, compared and written; Post nests its metrics for clients. */
#ifndef SOCLE_VEYL_RECORDS_H
#define SOCLE_VEYL_RECORDS_H

#include "core/record.h"

/* The largest count: three of them add up to what JSON numbers hold exactly. */
#define METRIC_MAX 3000000000000000

typedef struct Metrics {
    OptInt likes, comments, shares, views;
} Metrics;

/* A row of posts, joined with its platform. Also a post on its way in: see draft.h. */
typedef struct PostRow {
    int64_t n; /* the key that links use; 0 until stored */
    Str id;
    Id platform_id;
    Str platform; /* its name */
    Str author, caption;
    StrList hashtags, mentions;
    OptInt likes, comments, shares, views;
    Time posted_at; /* POSTED_UNKNOWN: not known */
    Str language, media_url;
    OptFloat sentiment;
    int64_t score;
    Time fetched_at;
    Str external_id, permalink, media_type, thumbnail_url;
    int64_t change_seq;
    int64_t week_posts, week_score; /* of the platform: score_trend */
    Str hashtags_json,
        mentions_json; /* of a draft: the lists as the database takes them; null: not made */
} PostRow;
extern const Record post_row_record;

#define POSTED_UNKNOWN ((Time){0})

typedef struct Post {
    Str id;
    Id platform_id;
    Str platform, author, caption;
    StrList hashtags;
    Metrics metrics;
    Time posted_at;
    Str language, media_url;
    OptFloat sentiment;
    int64_t score;
    double score_trend;
    Time fetched_at;
    Str external_id, permalink;
    Str username; /* from here on: ProjectPost and exports */
    OptInt like_count, comment_count, share_count, view_count;
    StrList mentions;
    Str media_type, thumbnail_url;
} Post;
extern const Record post_record;         /* the contract's Post */
extern const Record project_post_record; /* with the rest */

/* A post that a search found. */
typedef struct PostHit {
    Post post;
    JsonText _formatted; /* its texts with what was found marked */
    double _rankingScore;
    JsonText _rankingScoreDetails;
} PostHit;

/* The envelope of a search, with Meilisearch's names. */
typedef struct PostsFound {
    RecordList hits;
    Str query;
    int64_t processingTimeMs, limit, offset, estimatedTotalHits;
    JsonText facetDistribution, facetStats;
} PostsFound;
extern const Record posts_found_record;

Post post_of_row(const PostRow *row);
/* Engagement over the mean of the platform's last week; 0 where that is 0 or unknown. */
double score_trend_of(int64_t score, int64_t week_posts, int64_t week_score);

/* PostCreate and PostUpdate. */
typedef struct PostIn {
    Str id, platform;
    Id platform_id;
    Str author, caption;
    StrList hashtags;
    Metrics metrics;
    Time posted_at;
    Str language, media_url;
    OptFloat sentiment;
    Time fetched_at;
    Str external_id, permalink;
    StrList mentions;
    Str media_type, thumbnail_url;
    /* What clients send back unchanged; ignored. */
    int64_t score;
    double score_trend;
    Str username;
    OptInt like_count, comment_count, share_count, view_count;
} PostIn;
extern const Record post_in_record;

typedef struct Platform {
    Id id;
    Str name;
    Time created_at;
} Platform;
extern const Record platform_record;

typedef struct PlatformIn {
    Str name, api_key;
} PlatformIn;
extern const Record platform_in_record;

typedef struct Hashtag {
    Id id;
    Str name;
    Id platform_id;
    Str platform;
    Time last_scraped, updated_at;
} Hashtag;
extern const Record hashtag_record;

typedef struct HashtagIn {
    Str name;
    Id platform_id;
    Str platform;
    Time last_scraped;
} HashtagIn;
extern const Record hashtag_in_record;

typedef struct HashtagStats {
    Id id;
    Str name, platform;
    int64_t total_posts;
    double avg_engagement;
    Time last_scraped, updated_at;
} HashtagStats;
extern const Record hashtag_stats_record;   /* of one hashtag */
extern const Record hashtag_figures_record; /* of the view: without the times */

typedef struct ProjectHashtag {
    Id link_id, id;
    Str name;
    Id platform_id;
    Str platform;
    Time added_at;
} ProjectHashtag;
extern const Record project_hashtag_record;

typedef struct ProjectCreator {
    Id id;
    Str creator_username;
    Id platform_id;
    Str platform;
    Time added_at;
} ProjectCreator;
extern const Record project_creator_record;

typedef struct Project {
    Id id, user_id, organisation_id;
    Str name, description, status;
    StrList platforms;
    Str scope_type, scope_query;
    int64_t creators_count, posts_count, signals_count;
    Time last_run_at, last_signal_at, created_at, updated_at;
    RecordList hashtags, creators; /* ProjectHashtag, ProjectCreator */
} Project;
extern const Record project_record;      /* with relations */
extern const Record project_flat_record; /* without; what the table holds */

typedef struct ProjectIn {
    Str name, description, status;
    StrList platforms, hashtag_names, creator_usernames;
    Id organisation_id;
    /* What clients send back unchanged; ignored. */
    Id id, user_id;
    Str scope_type, scope_query;
    int64_t creators_count, posts_count, signals_count;
    Time last_run_at, last_signal_at, created_at, updated_at;
} ProjectIn;
extern const Record project_in_record;

#endif
