/* SPDX-License-Identifier: Apache-2.0
 * The field tables of veyl's records. */
#include "products/veyl/records.h"

static const Field metrics_fields[] = {
    FIELD(Metrics, likes, .min = 0, .max = METRIC_MAX, .doc = "Null when unknown, which is not 0"),
    FIELD(Metrics, comments, .min = 0, .max = METRIC_MAX),
    FIELD(Metrics, shares, .min = 0, .max = METRIC_MAX),
    FIELD(Metrics, views, .min = 0, .max = METRIC_MAX),
};
static const Record metrics_record = RECORD(Metrics, metrics_fields, .doc = "Counts of one post");

static const Field post_row_fields[] = {
    FIELD(PostRow, n),
    FIELD(PostRow, id),
    FIELD(PostRow, platform_id),
    FIELD(PostRow, platform, .flags = F_NO_COLUMN),
    FIELD(PostRow, author, .flags = F_NULLABLE),
    FIELD(PostRow, caption, .flags = F_NULLABLE),
    FIELD(PostRow, hashtags),
    FIELD(PostRow, mentions),
    FIELD(PostRow, likes),
    FIELD(PostRow, comments),
    FIELD(PostRow, shares),
    FIELD(PostRow, views),
    FIELD(PostRow, posted_at),
    FIELD(PostRow, language, .flags = F_NULLABLE),
    FIELD(PostRow, media_url, .flags = F_NULLABLE),
    FIELD(PostRow, sentiment),
    FIELD(PostRow, score),
    FIELD(PostRow, fetched_at),
    FIELD(PostRow, external_id, .flags = F_NULLABLE),
    FIELD(PostRow, permalink, .flags = F_NULLABLE),
    FIELD(PostRow, media_type, .flags = F_NULLABLE),
    FIELD(PostRow, thumbnail_url, .flags = F_NULLABLE),
    FIELD(PostRow, change_seq),
    FIELD(PostRow, week_posts, .flags = F_NO_COLUMN),
    FIELD(PostRow, week_score, .flags = F_NO_COLUMN),
};
const Record post_row_record = RECORD(PostRow, post_row_fields, .table = "posts");

#define POST_FIELDS                                                                                \
    FIELD(Post, id, .doc = "instagram_123456"), FIELD(Post, platform_id), FIELD(Post, platform),   \
        FIELD(Post, author, .flags = F_NULLABLE, .doc = "User name, in lower case"),               \
        FIELD(Post, caption, .flags = F_NULLABLE), FIELD(Post, hashtags),                          \
        FIELD_RECORD(Post, metrics, &metrics_record), FIELD(Post, posted_at, .flags = F_NULLABLE), \
        FIELD(Post, language, .flags = F_NULLABLE), FIELD(Post, media_url, .flags = F_NULLABLE),   \
        FIELD(Post, sentiment, .min = -1, .max = 1, .doc = "Null when it cannot be told"),         \
        FIELD(Post, score, .doc = "Engagement: likes + comments + shares"),                        \
        FIELD(Post, score_trend, .doc = "score over the mean of its platform's last 7 days"),      \
        FIELD(Post, fetched_at), FIELD(Post, external_id, .flags = F_NULLABLE),                    \
        FIELD(Post, permalink, .flags = F_NULLABLE)

static const Field post_fields[] = {POST_FIELDS};
const Record post_record = RECORD(Post, post_fields, .doc = "A post of a social network");

static const Field project_post_fields[] = {
    POST_FIELDS,
    FIELD(Post, username, .flags = F_NULLABLE),
    FIELD(Post, like_count),
    FIELD(Post, comment_count),
    FIELD(Post, share_count),
    FIELD(Post, view_count),
    FIELD(Post, mentions),
    FIELD(Post, media_type, .flags = F_NULLABLE),
    FIELD(Post, thumbnail_url, .flags = F_NULLABLE),
};
const Record project_post_record =
    RECORD_AS("ProjectPost", Post, project_post_fields, .doc = "A post as a project shows it");

/* post comes first in PostHit, so that a Post's fields are where these say. */
static const Field post_hit_fields[] = {
    POST_FIELDS,
    FIELD(PostHit, _formatted, .doc = "author, hashtags and caption with matches in <em>"),
    FIELD(PostHit, _rankingScore, .doc = "0 to 1"),
    FIELD(PostHit, _rankingScoreDetails, .flags = F_OMIT_NULL),
};
static const Record post_hit_record = RECORD(PostHit, post_hit_fields);
static_assert(offsetof(PostHit, post) == 0, "a hit begins as a post");

static const Field posts_found_fields[] = {
    FIELD_LIST(PostsFound, hits, &post_hit_record),
    FIELD(PostsFound, query),
    FIELD(PostsFound, processingTimeMs),
    FIELD(PostsFound, limit),
    FIELD(PostsFound, offset),
    FIELD(PostsFound, estimatedTotalHits, .doc = "Exact"),
    FIELD(PostsFound, facetDistribution, .doc = "How many posts have each value"),
    FIELD(PostsFound, facetStats, .doc = "Least, greatest and sum of numbers"),
};
const Record posts_found_record = RECORD(PostsFound, posts_found_fields, .doc = "What was found");

double score_trend_of(int64_t score, int64_t week_posts, int64_t week_score) {
    if (week_posts <= 0 || week_score <= 0) return 0;
    return (double)score / ((double)week_score / (double)week_posts);
}

Post post_of_row(const PostRow *row) {
    return (Post){
        .id = row->id,
        .platform_id = row->platform_id,
        .platform = row->platform,
        .author = row->author,
        .caption = row->caption,
        .hashtags = row->hashtags,
        .metrics = {row->likes, row->comments, row->shares, row->views},
        .posted_at = row->posted_at.us == POSTED_UNKNOWN.us ? TIME_NULL : row->posted_at,
        .language = row->language,
        .media_url = row->media_url,
        .sentiment = row->sentiment,
        .score = row->score,
        .score_trend = score_trend_of(row->score, row->week_posts, row->week_score),
        .fetched_at = row->fetched_at,
        .external_id = row->external_id,
        .permalink = row->permalink,
        .username = row->author,
        .like_count = row->likes,
        .comment_count = row->comments,
        .share_count = row->shares,
        .view_count = row->views,
        .mentions = row->mentions,
        .media_type = row->media_type,
        .thumbnail_url = row->thumbnail_url,
    };
}

static const Field post_in_fields[] = {
    FIELD(PostIn, id, .flags = F_NULLABLE | F_IMMUTABLE | F_TRIM, .min = 1, .max = 255,
          .doc = "Made of the platform and external_id (or at random) when absent"),
    FIELD(PostIn, platform, .flags = F_NULLABLE | F_IMMUTABLE | F_TRIM | F_LOWER, .max = 50,
          .doc = "Its name; platform or platform_id is needed"),
    FIELD(PostIn, platform_id, .flags = F_NULLABLE | F_IMMUTABLE),
    FIELD(PostIn, author, .flags = F_NULLABLE | F_TRIM, .max = 255),
    FIELD(PostIn, caption, .flags = F_NULLABLE, .max = 65536),
    FIELD(PostIn, hashtags, .flags = F_NULLABLE, .max = 100,
          .doc = "Those of the caption when absent"),
    FIELD_RECORD(PostIn, metrics, &metrics_record, .flags = F_NULLABLE),
    FIELD(PostIn, posted_at, .flags = F_NULLABLE),
    FIELD(PostIn, language, .flags = F_NULLABLE | F_TRIM | F_LOWER, .max = 16,
          .doc = "Guessed from the caption when absent"),
    FIELD(PostIn, media_url, .flags = F_NULLABLE | F_TRIM, .max = 4096),
    FIELD(PostIn, sentiment, .min = -1, .max = 1, .doc = "Computed from the caption when absent"),
    FIELD(PostIn, fetched_at, .flags = F_NULLABLE),
    FIELD(PostIn, external_id, .flags = F_NULLABLE | F_TRIM, .max = 255),
    FIELD(PostIn, permalink, .flags = F_NULLABLE | F_TRIM, .max = 4096),
    FIELD(PostIn, mentions, .flags = F_NULLABLE, .max = 100),
    FIELD(PostIn, media_type, .flags = F_NULLABLE | F_TRIM, .max = 50),
    FIELD(PostIn, thumbnail_url, .flags = F_NULLABLE | F_TRIM, .max = 4096),
    FIELD(PostIn, score, .flags = F_READONLY),
    FIELD(PostIn, score_trend, .flags = F_READONLY),
    FIELD(PostIn, username, .flags = F_READONLY | F_NULLABLE),
    FIELD(PostIn, like_count, .flags = F_READONLY),
    FIELD(PostIn, comment_count, .flags = F_READONLY),
    FIELD(PostIn, share_count, .flags = F_READONLY),
    FIELD(PostIn, view_count, .flags = F_READONLY),
};
const Record post_in_record = RECORD(PostIn, post_in_fields, .doc = "A post to be stored");

static const Field platform_fields[] = {
    FIELD(Platform, id),
    FIELD(Platform, name),
    FIELD(Platform, created_at),
};
const Record platform_record =
    RECORD(Platform, platform_fields, .table = "platforms", .doc = "A social network");

static const Field platform_in_fields[] = {
    FIELD(PlatformIn, name, .flags = F_REQUIRED | F_TRIM | F_LOWER, .min = 1, .max = 50),
    FIELD(PlatformIn, api_key, .flags = F_NULLABLE, .max = 4096,
          .doc = "Stored encrypted, never returned"),
};
const Record platform_in_record = RECORD(PlatformIn, platform_in_fields);

static const Field hashtag_fields[] = {
    FIELD(Hashtag, id),
    FIELD(Hashtag, name),
    FIELD(Hashtag, platform_id),
    FIELD(Hashtag, platform, .flags = F_NO_COLUMN),
    FIELD(Hashtag, last_scraped, .flags = F_NULLABLE),
    FIELD(Hashtag, updated_at, .flags = F_NULLABLE),
};
const Record hashtag_record =
    RECORD(Hashtag, hashtag_fields, .table = "hashtags", .doc = "A hashtag on one platform");

static const Field hashtag_in_fields[] = {
    FIELD(HashtagIn, name, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 255,
          .doc = "A leading # is dropped; kept in lower case"),
    FIELD(HashtagIn, platform_id, .flags = F_NULLABLE),
    FIELD(HashtagIn, platform, .flags = F_NULLABLE | F_TRIM | F_LOWER, .max = 50),
    FIELD(HashtagIn, last_scraped, .flags = F_NULLABLE),
};
const Record hashtag_in_record = RECORD(HashtagIn, hashtag_in_fields);

#define HASHTAG_FIGURES                                                                \
    FIELD(HashtagStats, id), FIELD(HashtagStats, name), FIELD(HashtagStats, platform), \
        FIELD(HashtagStats, total_posts),                                              \
        FIELD(HashtagStats, avg_engagement, .doc = "Mean of likes + comments + shares")

static const Field hashtag_stats_fields[] = {
    HASHTAG_FIGURES,
    FIELD(HashtagStats, last_scraped, .flags = F_NULLABLE),
    FIELD(HashtagStats, updated_at, .flags = F_NULLABLE),
};
const Record hashtag_stats_record = RECORD(HashtagStats, hashtag_stats_fields);

static const Field hashtag_figures_fields[] = {HASHTAG_FIGURES};
const Record hashtag_figures_record = RECORD_AS(
    "HashtagFigures", HashtagStats, hashtag_figures_fields, .doc = "A row of hashtags_with_stats");

static const Field project_hashtag_fields[] = {
    FIELD(ProjectHashtag, link_id),  FIELD(ProjectHashtag, id),
    FIELD(ProjectHashtag, name),     FIELD(ProjectHashtag, platform_id),
    FIELD(ProjectHashtag, platform), FIELD(ProjectHashtag, added_at),
};
const Record project_hashtag_record = RECORD(ProjectHashtag, project_hashtag_fields);

static const Field project_creator_fields[] = {
    FIELD(ProjectCreator, id),          FIELD(ProjectCreator, creator_username),
    FIELD(ProjectCreator, platform_id), FIELD(ProjectCreator, platform),
    FIELD(ProjectCreator, added_at),
};
const Record project_creator_record = RECORD(ProjectCreator, project_creator_fields);

static const char *const project_statuses[] = {"draft", "active", "paused", "archived", NULL};

#define PROJECT_FIELDS                                                                      \
    FIELD(Project, id), FIELD(Project, user_id),                                            \
        FIELD(Project, organisation_id, .flags = F_NULLABLE), FIELD(Project, name),         \
        FIELD(Project, description, .flags = F_NULLABLE),                                   \
        FIELD(Project, status, .values = project_statuses), FIELD(Project, platforms),      \
        FIELD(Project, scope_type, .flags = F_NULLABLE, .doc = "hashtags, creators, both"), \
        FIELD(Project, scope_query, .flags = F_NULLABLE,                                    \
              .doc = "The links as text: #name and @name, by name"),                        \
        FIELD(Project, creators_count), FIELD(Project, posts_count),                        \
        FIELD(Project, signals_count), FIELD(Project, last_run_at, .flags = F_NULLABLE),    \
        FIELD(Project, last_signal_at, .flags = F_NULLABLE), FIELD(Project, created_at),    \
        FIELD(Project, updated_at)

static const Field project_flat_fields[] = {PROJECT_FIELDS};
const Record project_flat_record =
    RECORD_AS("ProjectSummary", Project, project_flat_fields, .table = "projects",
              .doc = "A project without its links");

static const Field project_fields[] = {
    PROJECT_FIELDS,
    FIELD_LIST(Project, hashtags, &project_hashtag_record),
    FIELD_LIST(Project, creators, &project_creator_record),
};
const Record project_record = RECORD(Project, project_fields, .doc = "What somebody follows");

static const Field project_in_fields[] = {
    FIELD(ProjectIn, name, .flags = F_TRIM, .min = 1, .max = 255,
          .fallback = "\"Untitled project\""),
    FIELD(ProjectIn, description, .flags = F_NULLABLE, .max = 10000),
    FIELD(ProjectIn, status, .values = project_statuses, .fallback = "\"draft\""),
    FIELD(ProjectIn, platforms, .flags = F_NULLABLE, .max = 20,
          .doc = "Where the hashtags and creators given here are followed; instagram when absent"),
    FIELD(ProjectIn, hashtag_names, .flags = F_NULLABLE, .max = 100),
    FIELD(ProjectIn, creator_usernames, .flags = F_NULLABLE, .max = 100),
    FIELD(ProjectIn, organisation_id, .flags = F_NULLABLE),
    FIELD(ProjectIn, scope_type, .flags = F_READONLY | F_NULLABLE),
    FIELD(ProjectIn, scope_query, .flags = F_READONLY | F_NULLABLE),
    FIELD(ProjectIn, id, .flags = F_READONLY),
    FIELD(ProjectIn, user_id, .flags = F_READONLY),
    FIELD(ProjectIn, creators_count, .flags = F_READONLY),
    FIELD(ProjectIn, posts_count, .flags = F_READONLY),
    FIELD(ProjectIn, signals_count, .flags = F_READONLY),
    FIELD(ProjectIn, last_run_at, .flags = F_READONLY | F_NULLABLE),
    FIELD(ProjectIn, last_signal_at, .flags = F_READONLY | F_NULLABLE),
    FIELD(ProjectIn, created_at, .flags = F_READONLY),
    FIELD(ProjectIn, updated_at, .flags = F_READONLY),
};
const Record project_in_record = RECORD(ProjectIn, project_in_fields);
