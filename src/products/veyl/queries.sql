-- SPDX-License-Identifier: Apache-2.0
-- veyl's statements. Times are µs in SQLite and timestamptz in PostgreSQL; columns and parameters
-- named …_us are µs in both. n is a post's short key. Lists of names and ids come as JSON arrays.

-- name: platform_by_id
-- $1 id.
SELECT id, name, created_at FROM platforms WHERE id = $1

-- name: platform_by_name
-- $1 name.
SELECT id, name, created_at FROM platforms WHERE name = $1

-- name: platform_list
-- $1 limit, $2 skip.
SELECT id, name, created_at FROM platforms ORDER BY id LIMIT $1 OFFSET $2

-- name: platform_names
SELECT id, name FROM platforms

-- name: platform_count
SELECT count(*) FROM platforms

-- name: platform_add
-- $1 name, $2 sealed key, $3 now, $4 a week ago. No row when the name is there already.
INSERT INTO platforms (name, api_key, created_at, updated_at, week_from) VALUES ($1, $2, $3, $3, $4)
ON CONFLICT (name) DO NOTHING RETURNING id

-- name: platform_change
-- $1 id, $2 name, $3 set the key?, $4 sealed key, $5 now.
UPDATE platforms SET name = $2, updated_at = $5,
       api_key = CASE WHEN $3 THEN CAST($4 AS text) ELSE api_key END
 WHERE id = $1

-- name: platform_remove
DELETE FROM platforms WHERE id = $1

-- name: platform_used
-- $1 id; 1 when anything refers to it.
SELECT CASE WHEN EXISTS (SELECT 1 FROM posts WHERE platform_id = $1)
              OR EXISTS (SELECT 1 FROM hashtags WHERE platform_id = $1)
              OR EXISTS (SELECT 1 FROM project_creators WHERE platform_id = $1) THEN 1 ELSE 0 END

-- name: platform_count_posts
-- $1 posts more, $2 of them in the week, $3 their score, $4 platform.
UPDATE platforms SET posts_count = posts_count + $1, week_posts = week_posts + $2,
       week_score = week_score + $3 WHERE id = $4

-- name: platform_week
-- The figures of the last week, anew. $1 first whole hour, $2 the hour under way, $3 a week ago,
-- $4 start of $1, $5 start of $2, $6 now, $7 platform.
UPDATE platforms
   SET week_from = $3,
       week_posts =
           (SELECT coalesce(sum(h.posts), 0) FROM post_hours h
             WHERE h.platform_id = platforms.id AND h.hour >= $1 AND h.hour < $2)
         + (SELECT count(*) FROM posts p
             WHERE p.platform_id = platforms.id AND p.posted_at >= $3 AND p.posted_at < $4)
         + (SELECT count(*) FROM posts p
             WHERE p.platform_id = platforms.id AND p.posted_at >= $5 AND p.posted_at <= $6),
       week_score =
           (SELECT coalesce(sum(h.score), 0) FROM post_hours h
             WHERE h.platform_id = platforms.id AND h.hour >= $1 AND h.hour < $2)
         + (SELECT coalesce(sum(p.score), 0) FROM posts p
             WHERE p.platform_id = platforms.id AND p.posted_at >= $3 AND p.posted_at < $4)
         + (SELECT coalesce(sum(p.score), 0) FROM posts p
             WHERE p.platform_id = platforms.id AND p.posted_at >= $5 AND p.posted_at <= $6)
 WHERE id = $7

-- name: platform_weeks
-- What ingest needs to know of every platform.
SELECT id, name, week_from FROM platforms

-- name: posts_total
-- $1 platform or null.
SELECT coalesce(sum(posts_count), 0) FROM platforms WHERE CAST($1 AS bigint) IS NULL OR id = $1

-- name: post_by_id
SELECT * FROM post_rows WHERE id = $1

-- name: post_ids_sqlite
-- A join rather than `IN (SELECT …)`, here and below: that would make SQLite open a table in memory.
-- Those of $1, a JSON array of ids, that are there.
SELECT p.id FROM json_each($1) j CROSS JOIN posts p ON p.id = j.value

-- name: post_ids_postgres
SELECT id FROM posts WHERE id IN (SELECT jsonb_array_elements_text($1))

-- name: posts_by_ids_sqlite
-- $1 JSON array of ids.
SELECT * FROM post_rows WHERE id IN (SELECT value FROM json_each($1))

-- name: posts_by_ids_postgres
SELECT * FROM post_rows WHERE id IN (SELECT jsonb_array_elements_text($1))

-- name: posts_newest_sqlite
-- Newest first over all platforms. $1 limit, $2 offset; older than the post ($3 posted_at, $4 n). Of
-- the platforms' posts number $1 + $2 the newest says how far back the page can reach, so that few
-- entries of the index are sorted, and whole rows never: they come in the order of their keys, which
-- newest_order makes sure of.
SELECT p.*, pl.name AS platform, pl.week_posts, pl.week_score
  FROM (SELECT i.n FROM platforms f CROSS JOIN posts i
         WHERE i.platform_id = f.id AND i.posted_at <= $3 AND (i.posted_at < $3 OR i.n < $4)
           AND i.posted_at >=
               (SELECT coalesce(max((SELECT b.posted_at FROM posts b
                                      WHERE b.platform_id = g.id AND b.posted_at <= $3
                                        AND (b.posted_at < $3 OR b.n < $4)
                                      ORDER BY b.posted_at DESC, b.n DESC
                                      LIMIT 1 OFFSET $1 + $2 - 1)), -1) FROM platforms g)
         ORDER BY i.posted_at DESC, i.n DESC LIMIT $1 OFFSET $2) t
 CROSS JOIN posts p CROSS JOIN platforms pl
 WHERE p.n = t.n AND pl.id = p.platform_id

-- name: posts_newest_postgres
SELECT r.* FROM platforms f
  CROSS JOIN LATERAL (SELECT i.n FROM posts i
                       WHERE i.platform_id = f.id AND (i.posted_at, i.n) < ($3, $4)
                       ORDER BY i.posted_at DESC, i.n DESC
                       LIMIT CAST($1 AS bigint) + CAST($2 AS bigint)) t
  JOIN post_rows r ON r.n = t.n
 ORDER BY r.posted_at DESC, r.n DESC LIMIT $1 OFFSET $2

-- name: posts_newest_of_sqlite
-- The same on one platform, $5.
SELECT p.*, pl.name AS platform, pl.week_posts, pl.week_score
  FROM (SELECT i.n FROM posts i
         WHERE i.platform_id = $5 AND i.posted_at <= $3 AND (i.posted_at < $3 OR i.n < $4)
         ORDER BY i.posted_at DESC, i.n DESC LIMIT $1 OFFSET $2) t
 CROSS JOIN posts p CROSS JOIN platforms pl
 WHERE p.n = t.n AND pl.id = p.platform_id

-- name: posts_newest_of_postgres
SELECT * FROM post_rows WHERE n IN (
    SELECT i.n FROM posts i
     WHERE i.platform_id = $5 AND i.posted_at <= $3 AND (i.posted_at < $3 OR i.n < $4)
     ORDER BY i.posted_at DESC, i.n DESC LIMIT $1 OFFSET $2)
 ORDER BY posted_at DESC, n DESC

-- name: posts_hour_at
-- The hour that holds post number $1 (from 0, newest first), and how many are newer than that hour.
-- $2 platform or null.
SELECT hour, newer FROM (
    SELECT hour, sum(posts) AS posts,
           sum(sum(posts)) OVER (ORDER BY hour DESC) - sum(posts) AS newer
      FROM post_hours WHERE CAST($2 AS bigint) IS NULL OR platform_id = $2 GROUP BY hour) hours
 WHERE newer <= $1 AND newer + posts > $1

-- name: posts_trending_sqlite
-- By score over the mean of the platform's week. $1 limit, $2 offset.
SELECT r.* FROM post_rows r WHERE r.n IN (
    SELECT q.n FROM platforms f CROSS JOIN posts q
     WHERE f.week_score > 0
       AND q.n IN (SELECT i.n FROM posts i WHERE i.platform_id = f.id AND i.score > 0
                    ORDER BY i.score DESC, i.n DESC LIMIT $1 + $2)
     ORDER BY CAST(q.score AS real) / (CAST(f.week_score AS real) / f.week_posts) DESC, q.n DESC
     LIMIT $1 OFFSET $2)
 ORDER BY CAST(r.score AS real) / (CAST(r.week_score AS real) / r.week_posts) DESC, r.n DESC

-- name: posts_trending_postgres
SELECT r.* FROM platforms f
  CROSS JOIN LATERAL (SELECT i.n FROM posts i WHERE i.platform_id = f.id AND i.score > 0
                       ORDER BY i.score DESC, i.n DESC
                       LIMIT CAST($1 AS bigint) + CAST($2 AS bigint)) t
  JOIN post_rows r ON r.n = t.n
 WHERE f.week_score > 0
 ORDER BY r.score::double precision / (r.week_score::double precision / r.week_posts) DESC, r.n DESC
 LIMIT $1 OFFSET $2

-- name: posts_trending_of
-- The same on one platform, $3.
SELECT r.* FROM post_rows r WHERE r.n IN (
    SELECT i.n FROM posts i JOIN platforms f ON f.id = i.platform_id
     WHERE i.platform_id = $3 AND i.score > 0 AND f.week_score > 0
     ORDER BY i.score DESC, i.n DESC LIMIT $1 OFFSET $2)
 ORDER BY r.score DESC, r.n DESC

-- name: posts_each
-- Every post, for exports. $1 platform or null.
SELECT * FROM post_rows WHERE CAST($1 AS bigint) IS NULL OR platform_id = $1 ORDER BY n

-- name: post_add
INSERT INTO posts (n, id, platform_id, author, caption, hashtags, likes, comments, shares, views,
                   posted_at, language, media_url, sentiment, score, fetched_at, external_id,
                   permalink, mentions, media_type, thumbnail_url, change_seq)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
        $21, $22)

-- name: post_change
-- Parameters as of post_add; platform and id stay.
UPDATE posts SET author = $4, caption = $5, hashtags = $6, likes = $7, comments = $8, shares = $9,
       views = $10, posted_at = $11, language = $12, media_url = $13, sentiment = $14, score = $15,
       fetched_at = $16, external_id = $17, permalink = $18, mentions = $19, media_type = $20,
       thumbnail_url = $21, change_seq = $22
 WHERE n = $1 AND id = $2 AND platform_id = $3

-- name: post_remove
DELETE FROM posts WHERE n = $1

-- name: post_tombstone
-- $1 change number, $2 id, $3 now, $4 n.
INSERT INTO posts_deleted (change_seq, id, deleted_at, n) VALUES ($1, $2, $3, $4)

-- name: tombstones_purge
-- $1 those of before.
DELETE FROM posts_deleted WHERE deleted_at < $1

-- name: tag_add
-- $1 hashtag, $2 posted_us, $3 n, $4 score, $5 sentiment.
INSERT INTO post_tags (hashtag_id, posted_us, n, score, sentiment) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (hashtag_id, posted_us, n)
DO UPDATE SET score = excluded.score, sentiment = excluded.sentiment

-- name: tag_remove
DELETE FROM post_tags WHERE hashtag_id = $1 AND posted_us = $2 AND n = $3

-- name: hour_add
-- $1 platform, $2 hour, $3 posts, $4 score, $5 highest, $6 sentiment, $7 posts with one.
INSERT INTO post_hours (platform_id, hour, posts, score, score_max, sentiment, sentiment_posts)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (platform_id, hour) DO UPDATE
   SET posts = post_hours.posts + excluded.posts, score = post_hours.score + excluded.score,
       score_max = CASE WHEN excluded.score_max > post_hours.score_max THEN excluded.score_max
                        ELSE post_hours.score_max END,
       sentiment = post_hours.sentiment + excluded.sentiment,
       sentiment_posts = post_hours.sentiment_posts + excluded.sentiment_posts

-- name: hour_remove
DELETE FROM post_hours WHERE platform_id = $1 AND hour = $2

-- name: hour_recount
-- After hour_remove. $1 platform, $2 hour, $3 its start, $4 its end.
INSERT INTO post_hours (platform_id, hour, posts, score, score_max, sentiment, sentiment_posts)
SELECT CAST($1 AS bigint), CAST($2 AS bigint), count(*), sum(score), max(score),
       coalesce(sum(CAST(round(sentiment * 10000) AS bigint)), 0), count(sentiment)
  FROM posts WHERE platform_id = $1 AND posted_at >= $3 AND posted_at < $4
HAVING count(*) > 0

-- name: hashtags_find_sqlite
-- $1 platform, $2 JSON array of names.
SELECT h.id, h.name FROM json_each($2) j
 CROSS JOIN hashtags h ON h.platform_id = $1 AND h.name = j.value

-- name: hashtags_find_postgres
SELECT id, name FROM hashtags
 WHERE platform_id = $1 AND name IN (SELECT jsonb_array_elements_text($2))

-- name: hashtag_meet
-- A name seen in a post. $1 name, $2 platform, $3 now.
INSERT INTO hashtags (name, platform_id, updated_at) VALUES ($1, $2, $3)
ON CONFLICT (platform_id, name) DO NOTHING

-- name: hashtag_count_posts
-- $1 hashtag, $2 posts more, $3 their score.
UPDATE hashtags SET posts_count = posts_count + $2, engagement = engagement + $3 WHERE id = $1

-- name: hashtag_by_id
SELECT h.id, h.name, h.platform_id, pl.name AS platform, h.last_scraped, h.updated_at
  FROM hashtags h JOIN platforms pl ON pl.id = h.platform_id
 WHERE h.id = $1 AND NOT h.hidden

-- name: hashtag_list_sqlite
-- $1 limit, $2 skip, $3 platform or null, $4 part of the name or null.
SELECT h.id, h.name, h.platform_id, pl.name AS platform, h.last_scraped, h.updated_at
  FROM hashtags h JOIN platforms pl ON pl.id = h.platform_id
 WHERE NOT h.hidden AND ($3 IS NULL OR h.platform_id = $3) AND ($4 IS NULL OR instr(h.name, $4) > 0)
 ORDER BY h.id LIMIT $1 OFFSET $2

-- name: hashtag_list_postgres
SELECT h.id, h.name, h.platform_id, pl.name AS platform, h.last_scraped, h.updated_at
  FROM hashtags h JOIN platforms pl ON pl.id = h.platform_id
 WHERE NOT h.hidden AND (CAST($3 AS bigint) IS NULL OR h.platform_id = $3)
   AND (CAST($4 AS text) IS NULL OR strpos(h.name, $4) > 0)
 ORDER BY h.id LIMIT $1 OFFSET $2

-- name: hashtag_total_sqlite
-- $1 platform or null, $2 part of the name or null.
SELECT count(*) FROM hashtags h
 WHERE NOT h.hidden AND ($1 IS NULL OR h.platform_id = $1) AND ($2 IS NULL OR instr(h.name, $2) > 0)

-- name: hashtag_total_postgres
SELECT count(*) FROM hashtags h
 WHERE NOT h.hidden AND (CAST($1 AS bigint) IS NULL OR h.platform_id = $1)
   AND (CAST($2 AS text) IS NULL OR strpos(h.name, $2) > 0)

-- name: hashtag_make
-- Somebody asks for it: made, or shown again. No row when it is there. $1 name, $2 platform,
-- $3 last_scraped, $4 now.
INSERT INTO hashtags (name, platform_id, last_scraped, updated_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (platform_id, name) DO UPDATE
   SET hidden = FALSE, last_scraped = excluded.last_scraped, updated_at = excluded.updated_at
 WHERE hashtags.hidden
RETURNING id

-- name: hashtag_show
-- Made, or shown again, or simply found. $1 name, $2 platform, $3 now, $4 false.
INSERT INTO hashtags (name, platform_id, updated_at) VALUES ($1, $2, $3)
ON CONFLICT (platform_id, name) DO UPDATE SET hidden = FALSE
RETURNING id

-- name: hashtag_change
-- $1 id, $2 name, $3 platform, $4 last_scraped, $5 now. Its posts are those of its name, so a hashtag
-- that has some keeps it.
UPDATE hashtags SET name = $2, platform_id = $3, last_scraped = $4, updated_at = $5
 WHERE id = $1 AND ((name = $2 AND platform_id = $3) OR posts_count = 0)

-- name: hashtag_taken
-- $1 name, $2 platform, $3 but not this id.
SELECT count(*) FROM hashtags WHERE name = $1 AND platform_id = $2 AND id <> $3

-- name: hashtag_hide
-- $1 id, $2 now.
UPDATE hashtags SET hidden = TRUE, updated_at = $2 WHERE id = $1 AND NOT hidden

-- name: hashtag_followers
-- Its links of all projects, in the order in which projects are locked. $1 hashtag.
SELECT project_id, id AS link_id FROM project_hashtags WHERE hashtag_id = $1 ORDER BY project_id

-- name: hashtag_others
-- How many projects follow hashtag $1 that are not user $2's own.
SELECT count(*) FROM project_hashtags l JOIN projects p ON p.id = l.project_id
 WHERE l.hashtag_id = $1 AND p.user_id <> $2

-- name: hashtag_stats
-- $1 id.
SELECT h.id, h.name, pl.name AS platform, h.posts_count AS total_posts,
       CASE WHEN h.posts_count > 0
            THEN CAST(h.engagement AS double precision) / h.posts_count ELSE 0 END AS avg_engagement,
       h.last_scraped, h.updated_at
  FROM hashtags h JOIN platforms pl ON pl.id = h.platform_id
 WHERE h.id = $1 AND NOT h.hidden

-- name: hashtag_figures_posts
-- $1 platform's name or null, $2 limit.
SELECT id, name, platform, total_posts, avg_engagement FROM hashtags_with_stats
 WHERE CAST($1 AS text) IS NULL OR platform = $1 ORDER BY total_posts DESC, id LIMIT $2

-- name: hashtag_figures_engagement
SELECT id, name, platform, total_posts, avg_engagement FROM hashtags_with_stats
 WHERE CAST($1 AS text) IS NULL OR platform = $1 ORDER BY avg_engagement DESC, id LIMIT $2

-- name: hashtag_figures_name
SELECT id, name, platform, total_posts, avg_engagement FROM hashtags_with_stats
 WHERE CAST($1 AS text) IS NULL OR platform = $1 ORDER BY name, id LIMIT $2

-- name: projects_of_hashtags_sqlite
-- $1 JSON array of hashtag ids.
SELECT l.hashtag_id, l.project_id FROM json_each($1) j
 CROSS JOIN project_hashtags l ON l.hashtag_id = j.value

-- name: projects_of_hashtags_postgres
SELECT hashtag_id, project_id FROM project_hashtags
 WHERE hashtag_id IN (SELECT CAST(jsonb_array_elements_text($1) AS bigint))

-- name: projects_of_creators_sqlite
-- $1 platform, $2 JSON array of user names.
SELECT l.creator_username, l.project_id FROM json_each($2) j
 CROSS JOIN project_creators l ON l.platform_id = $1 AND l.creator_username = j.value

-- name: projects_of_creators_postgres
SELECT creator_username, project_id FROM project_creators
 WHERE platform_id = $1 AND creator_username IN (SELECT jsonb_array_elements_text($2))

-- name: project_post_add
-- $1 project, $2 posted_us, $3 n, $4 platform, $5 score, $6 sentiment, $7 links.
INSERT INTO project_posts (project_id, posted_us, n, platform_id, score, sentiment, links)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (project_id, posted_us, n) DO UPDATE
   SET score = excluded.score, sentiment = excluded.sentiment, links = excluded.links

-- name: project_post_remove
DELETE FROM project_posts WHERE project_id = $1 AND posted_us = $2 AND n = $3

-- name: project_count_posts
-- $1 project, $2 posts more.
UPDATE projects SET posts_count = posts_count + $2 WHERE id = $1

-- name: project_add
-- $1 user, $2 organisation, $3 name, $4 description, $5 status, $6 platforms, $7 now.
INSERT INTO projects (user_id, organisation_id, name, description, status, platforms, created_at,
                      updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id

-- name: project_change
-- $1 id, $2 name, $3 description, $4 status, $5 organisation, $6 now.
UPDATE projects SET name = $2, description = $3, status = $4, organisation_id = $5, updated_at = $6
 WHERE id = $1

-- name: project_platforms_set
-- $1 id, $2 platforms: of a project without links.
UPDATE projects SET platforms = $2 WHERE id = $1

-- name: project_touch
UPDATE projects SET updated_at = $2 WHERE id = $1

-- name: project_remove
DELETE FROM projects WHERE id = $1

-- name: project_by_id
-- $1 id, $2 user: the creator's, or that of an organisation the user is a member of; $3 organisation:
-- of that one alone, or null.
SELECT * FROM projects
 WHERE id = $1 AND (user_id = $2 OR organisation_id IN
       (SELECT organisation_id FROM organisation_members WHERE user_id = $2))
   AND (CAST($3 AS bigint) IS NULL OR organisation_id = $3)

-- name: project_list
-- $1 user, $2 organisation as above. Newest first.
SELECT * FROM projects
 WHERE (user_id = $1 OR organisation_id IN
       (SELECT organisation_id FROM organisation_members WHERE user_id = $1))
   AND (CAST($2 AS bigint) IS NULL OR organisation_id = $2)
 ORDER BY id DESC

-- name: project_lock
-- Nobody else changes the links of $1 until the transaction ends; no row when it is gone.
UPDATE projects SET updated_at = $2 WHERE id = $1 RETURNING id

-- name: project_hashtag_list
-- $1 project. In no order: links.c puts the few rows into that of their making.
SELECT l.id AS link_id, h.id, h.name, h.platform_id, pl.name AS platform, l.added_at
  FROM project_hashtags l JOIN hashtags h ON h.id = l.hashtag_id
  JOIN platforms pl ON pl.id = h.platform_id
 WHERE l.project_id = $1

-- name: project_creator_list
SELECT l.id, l.creator_username, l.platform_id, pl.name AS platform, l.added_at
  FROM project_creators l JOIN platforms pl ON pl.id = l.platform_id
 WHERE l.project_id = $1

-- name: project_hashtag_add
-- $1 project, $2 hashtag, $3 now. No row when it is linked already.
INSERT INTO project_hashtags (project_id, hashtag_id, added_at) VALUES ($1, $2, $3)
ON CONFLICT (project_id, hashtag_id) DO NOTHING RETURNING id

-- name: project_hashtag_remove
-- $1 project, $2 link.
DELETE FROM project_hashtags WHERE project_id = $1 AND id = $2 RETURNING hashtag_id

-- name: project_hashtag_by_link
-- $1 project, $2 link.
SELECT l.id AS link_id, h.id, h.name, h.platform_id, pl.name AS platform, l.added_at
  FROM project_hashtags l JOIN hashtags h ON h.id = l.hashtag_id
  JOIN platforms pl ON pl.id = h.platform_id
 WHERE l.project_id = $1 AND l.id = $2

-- name: project_creator_add
-- $1 project, $2 user name, $3 platform, $4 now. No row when it is linked already.
INSERT INTO project_creators (project_id, creator_username, platform_id, added_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (project_id, platform_id, creator_username) DO NOTHING RETURNING id

-- name: project_creator_by_link
-- $1 project, $2 link.
SELECT l.id, l.creator_username, l.platform_id, pl.name AS platform, l.added_at
  FROM project_creators l JOIN platforms pl ON pl.id = l.platform_id
 WHERE l.project_id = $1 AND l.id = $2

-- name: project_creator_remove
-- $1 project, $2 link.
DELETE FROM project_creators WHERE project_id = $1 AND id = $2

-- name: project_links_platforms
-- $1 project: names of the platforms of its links.
SELECT name FROM platforms
 WHERE id IN (SELECT h.platform_id FROM project_hashtags l JOIN hashtags h ON h.id = l.hashtag_id
               WHERE l.project_id = $1)
    OR id IN (SELECT platform_id FROM project_creators WHERE project_id = $1)
 ORDER BY name

-- name: project_scope_set
-- $1 project, $2 platforms, $3 scope_type, $4 scope_query, $5 creators_count.
UPDATE projects SET platforms = $2, scope_type = $3, scope_query = $4, creators_count = $5,
       posts_count = (SELECT count(*) FROM project_posts WHERE project_id = $1)
 WHERE id = $1

-- name: project_posts_gain_hashtag
-- $1 project, $2 hashtag.
INSERT INTO project_posts (project_id, posted_us, n, platform_id, score, sentiment, links)
SELECT CAST($1 AS bigint), t.posted_us, t.n, h.platform_id, t.score, t.sentiment, 1
  FROM post_tags t JOIN hashtags h ON h.id = t.hashtag_id WHERE t.hashtag_id = $2
ON CONFLICT (project_id, posted_us, n) DO UPDATE SET links = project_posts.links + 1

-- name: project_posts_fade_hashtag
-- Posts that stay through another link. $1 project, $2 hashtag.
UPDATE project_posts SET links = links - 1
 WHERE project_id = $1 AND links > 1
   AND EXISTS (SELECT 1 FROM post_tags t WHERE t.hashtag_id = $2
                  AND t.posted_us = project_posts.posted_us AND t.n = project_posts.n)

-- name: project_posts_lose_hashtag
-- Posts that no other link brings; before the fading. $1 project, $2 hashtag.
DELETE FROM project_posts
 WHERE project_id = $1 AND links = 1
   AND EXISTS (SELECT 1 FROM post_tags t WHERE t.hashtag_id = $2
                  AND t.posted_us = project_posts.posted_us AND t.n = project_posts.n)

-- name: project_posts_gain_creator_sqlite
-- $1 project, $2 platform, $3 user name.
INSERT INTO project_posts (project_id, posted_us, n, platform_id, score, sentiment, links)
SELECT $1, posted_at, n, platform_id, score, CAST(round(sentiment * 10000) AS integer), 1
  FROM posts WHERE platform_id = $2 AND author = $3
ON CONFLICT (project_id, posted_us, n) DO UPDATE SET links = project_posts.links + 1

-- name: project_posts_gain_creator_postgres
INSERT INTO project_posts (project_id, posted_us, n, platform_id, score, sentiment, links)
SELECT CAST($1 AS bigint), CAST(extract(epoch FROM posted_at) * 1000000 AS bigint), n, platform_id,
       score, CAST(round(sentiment * 10000) AS bigint), 1
  FROM posts WHERE platform_id = $2 AND author = $3
ON CONFLICT (project_id, posted_us, n) DO UPDATE SET links = project_posts.links + 1

-- name: project_posts_lose_creator
-- $1 project, $2 platform, $3 user name.
DELETE FROM project_posts
 WHERE project_id = $1 AND links = 1
   AND n IN (SELECT n FROM posts WHERE platform_id = $2 AND author = $3)

-- name: project_posts_fade_creator
UPDATE project_posts SET links = links - 1
 WHERE project_id = $1 AND links > 1
   AND n IN (SELECT n FROM posts WHERE platform_id = $2 AND author = $3)

-- name: project_posts_page
-- $1 project; older than ($2 posted_us, $3 n); $4 limit; $5 and $6 platforms or null.
SELECT r.* FROM project_posts l JOIN post_rows r ON r.n = l.n
 WHERE l.project_id = $1 AND (l.posted_us, l.n) < ($2, $3)
   AND (CAST($5 AS bigint) IS NULL OR l.platform_id IN ($5, $6))
 ORDER BY l.posted_us DESC, l.n DESC LIMIT $4

-- name: project_posts_oldest
-- Newer than ($2, $3).
SELECT r.* FROM project_posts l JOIN post_rows r ON r.n = l.n
 WHERE l.project_id = $1 AND (l.posted_us, l.n) > ($2, $3)
   AND (CAST($5 AS bigint) IS NULL OR l.platform_id IN ($5, $6))
 ORDER BY l.posted_us, l.n LIMIT $4

-- name: project_posts_top
-- By score. $1 project, $2 offset, $3 limit, $4 and $5 platforms or null.
SELECT r.* FROM (SELECT l.n, l.score FROM project_posts l
                  WHERE l.project_id = $1
                    AND (CAST($4 AS bigint) IS NULL OR l.platform_id IN ($4, $5))
                  ORDER BY l.score DESC, l.n DESC LIMIT $3 OFFSET $2) t
  JOIN post_rows r ON r.n = t.n
 ORDER BY t.score DESC, t.n DESC

-- name: project_posts_each
-- Newest first, for exports. $1 project.
SELECT r.* FROM project_posts l JOIN post_rows r ON r.n = l.n
 WHERE l.project_id = $1 ORDER BY l.posted_us DESC, l.n DESC

-- name: project_posts_exact
-- $1 project: the count by the definition, to check the kept one.
SELECT count(*) FROM (
    SELECT t.n FROM project_hashtags l JOIN post_tags t ON t.hashtag_id = l.hashtag_id
     WHERE l.project_id = $1
    UNION
    SELECT p.n FROM project_creators l JOIN posts p
        ON p.platform_id = l.platform_id AND p.author = l.creator_username
     WHERE l.project_id = $1) both_ways

-- name: tags_linked
-- How many posts carry hashtag $1 and stand in project $2.
SELECT count(*) FROM (SELECT 1 FROM post_tags t WHERE t.hashtag_id = $1 LIMIT $2) found

-- name: engagement_hours
-- Whole hours $2 <= hour < $3 by platform; $1 platform or null.
SELECT platform_id, sum(posts) AS posts, sum(score) AS score, max(score_max) AS score_max
  FROM post_hours
 WHERE (CAST($1 AS bigint) IS NULL OR platform_id = $1) AND hour >= $2 AND hour < $3
 GROUP BY platform_id

-- name: engagement_edge
-- Posts of $2 <= posted_at < $3 by platform; $1 platform or null.
SELECT f.id AS platform_id, count(*) AS posts, coalesce(sum(p.score), 0) AS score,
       coalesce(max(p.score), 0) AS score_max
  FROM platforms f CROSS JOIN posts p
 WHERE p.platform_id = f.id AND (CAST($1 AS bigint) IS NULL OR f.id = $1)
   AND p.posted_at >= $2 AND p.posted_at < $3
 GROUP BY f.id

-- name: platform_trend_list
-- What score_trend divides by.
SELECT id AS platform_id, week_posts, week_score FROM platforms

-- name: series_hours
-- $1 bucket_us, $2 shift_us, $3 first hour, $4 hour behind the last, $5 platform or null.
SELECT (hour * 3600000000 + $2) / $1 AS bucket, sum(posts) AS posts, sum(score) AS score,
       sum(sentiment) AS sentiment, sum(sentiment_posts) AS sentiment_posts
  FROM post_hours
 WHERE hour >= $3 AND hour < $4 AND (CAST($5 AS bigint) IS NULL OR platform_id = $5)
 GROUP BY 1

-- name: series_edge_sqlite
-- Posts of $3 <= posted_at < $4; the rest as of series_hours.
SELECT (p.posted_at + $2) / $1 AS bucket, count(*) AS posts, sum(p.score) AS score,
       coalesce(sum(CAST(round(p.sentiment * 10000) AS integer)), 0) AS sentiment,
       count(p.sentiment) AS sentiment_posts
  FROM platforms f CROSS JOIN posts p
 WHERE p.platform_id = f.id
   AND p.posted_at >= $3 AND p.posted_at < $4 AND ($5 IS NULL OR f.id = $5)
 GROUP BY 1

-- name: series_edge_postgres
SELECT CAST(floor((extract(epoch FROM p.posted_at) * 1000000 + $2) / $1) AS bigint) AS bucket,
       count(*) AS posts, sum(p.score) AS score,
       coalesce(sum(CAST(round(p.sentiment * 10000) AS bigint)), 0) AS sentiment,
       count(p.sentiment) AS sentiment_posts
  FROM platforms f CROSS JOIN posts p
 WHERE p.platform_id = f.id
   AND p.posted_at >= $3 AND p.posted_at < $4 AND (CAST($5 AS bigint) IS NULL OR f.id = $5)
 GROUP BY 1

-- name: series_hashtag
-- Hashtag name $6; $3 <= posted_us < $4; $7 author or null.
SELECT (t.posted_us + $2) / $1 AS bucket, count(*) AS posts, sum(t.score) AS score,
       coalesce(sum(t.sentiment), 0) AS sentiment, count(t.sentiment) AS sentiment_posts
  FROM hashtags h JOIN post_tags t ON t.hashtag_id = h.id
 WHERE h.name = $6 AND (CAST($5 AS bigint) IS NULL OR h.platform_id = $5)
   AND h.platform_id IN (SELECT id FROM platforms)
   AND t.posted_us >= $3 AND t.posted_us < $4
   AND (CAST($7 AS text) IS NULL
        OR EXISTS (SELECT 1 FROM posts p WHERE p.n = t.n AND p.author = $7))
 GROUP BY 1

-- name: series_author_sqlite
-- Author $6; $3 <= posted_at < $4.
SELECT (p.posted_at + $2) / $1 AS bucket, count(*) AS posts, sum(p.score) AS score,
       coalesce(sum(CAST(round(p.sentiment * 10000) AS integer)), 0) AS sentiment,
       count(p.sentiment) AS sentiment_posts
  FROM platforms f CROSS JOIN posts p
 WHERE p.platform_id = f.id AND p.author = $6
   AND p.posted_at >= $3 AND p.posted_at < $4 AND ($5 IS NULL OR f.id = $5)
 GROUP BY 1

-- name: series_author_postgres
SELECT CAST(floor((extract(epoch FROM p.posted_at) * 1000000 + $2) / $1) AS bigint) AS bucket,
       count(*) AS posts, sum(p.score) AS score,
       coalesce(sum(CAST(round(p.sentiment * 10000) AS bigint)), 0) AS sentiment,
       count(p.sentiment) AS sentiment_posts
  FROM platforms f CROSS JOIN posts p
 WHERE p.platform_id = f.id AND p.author = $6
   AND p.posted_at >= $3 AND p.posted_at < $4 AND (CAST($5 AS bigint) IS NULL OR f.id = $5)
 GROUP BY 1

-- name: series_project
-- Project $6; $3 <= posted_us < $4; $7 hashtag name, $8 author, or null.
SELECT (l.posted_us + $2) / $1 AS bucket, count(*) AS posts, sum(l.score) AS score,
       coalesce(sum(l.sentiment), 0) AS sentiment, count(l.sentiment) AS sentiment_posts
  FROM project_posts l
 WHERE l.project_id = $6 AND l.posted_us >= $3 AND l.posted_us < $4
   AND (CAST($5 AS bigint) IS NULL OR l.platform_id = $5)
   AND (CAST($7 AS text) IS NULL
        OR EXISTS (SELECT 1 FROM hashtags h JOIN post_tags t ON t.hashtag_id = h.id
                    WHERE h.name = $7 AND h.platform_id = l.platform_id
                      AND t.posted_us = l.posted_us AND t.n = l.n))
   AND (CAST($8 AS text) IS NULL
        OR EXISTS (SELECT 1 FROM posts p WHERE p.n = l.n AND p.author = $8))
 GROUP BY 1

-- name: share_hashtags
-- $1 project, $2 <= posted_us < $3: posts and engagement of each of its hashtags.
SELECT h.name, pl.name AS platform, count(t.n) AS posts, coalesce(sum(t.score), 0) AS engagement
  FROM project_hashtags l JOIN hashtags h ON h.id = l.hashtag_id
  JOIN platforms pl ON pl.id = h.platform_id
  LEFT JOIN post_tags t ON t.hashtag_id = h.id AND t.posted_us >= $2 AND t.posted_us < $3
 WHERE l.project_id = $1 GROUP BY l.id, h.name, pl.name ORDER BY l.id

-- name: share_creators
-- The same of each of its creators; $2 and $3 are times.
SELECT l.creator_username AS name, pl.name AS platform, count(p.n) AS posts,
       coalesce(sum(p.score), 0) AS engagement
  FROM project_creators l JOIN platforms pl ON pl.id = l.platform_id
  LEFT JOIN posts p ON p.platform_id = l.platform_id AND p.author = l.creator_username
                   AND p.posted_at >= $2 AND p.posted_at < $3
 WHERE l.project_id = $1 GROUP BY l.id, l.creator_username, pl.name ORDER BY l.id

-- name: share_total
-- Posts and engagement of the whole project.
SELECT count(*) AS posts, coalesce(sum(score), 0) AS engagement FROM project_posts
 WHERE project_id = $1 AND posted_us >= $2 AND posted_us < $3

-- name: top_creators_project
-- $1 project, $2 <= posted_us, $3 limit, $4 platform or null.
SELECT p.author AS username, pl.name AS platform, count(*) AS posts, sum(l.score) AS engagement,
       max(l.score) AS best_score
  FROM project_posts l JOIN posts p ON p.n = l.n JOIN platforms pl ON pl.id = l.platform_id
 WHERE l.project_id = $1 AND l.posted_us >= $2 AND p.author IS NOT NULL
   AND (CAST($4 AS bigint) IS NULL OR l.platform_id = $4)
 GROUP BY p.author, pl.name ORDER BY sum(l.score) DESC, p.author LIMIT $3

-- name: top_creators_platform
-- $1 platform or null, $2 <= posted_at, $3 limit.
SELECT p.author AS username, f.name AS platform, count(*) AS posts, sum(p.score) AS engagement,
       max(p.score) AS best_score
  FROM platforms f CROSS JOIN posts p
 WHERE p.platform_id = f.id AND (CAST($1 AS bigint) IS NULL OR f.id = $1)
   AND p.posted_at >= $2 AND p.author IS NOT NULL
 GROUP BY p.author, f.name ORDER BY sum(p.score) DESC, p.author LIMIT $3

-- name: view_state
-- $1 name of the view.
SELECT change_seq FROM veyl_views WHERE name = $1

-- name: view_state_set
-- $1 name, $2 change number it holds, $3 now.
UPDATE veyl_views SET change_seq = $2, refreshed_at = $3 WHERE name = $1

-- name: changes_last
SELECT coalesce(max(change_seq), 0) FROM
       (SELECT max(change_seq) AS change_seq FROM posts
         UNION ALL SELECT max(change_seq) FROM posts_deleted) both_kinds

-- name: view_hashtags_clear
DELETE FROM hashtags_with_stats WHERE id NOT IN (SELECT id FROM hashtags WHERE NOT hidden)

-- name: view_hashtags_fill
INSERT INTO hashtags_with_stats (id, name, platform, total_posts, avg_engagement)
SELECT h.id, h.name, pl.name, h.posts_count,
       CASE WHEN h.posts_count > 0 THEN CAST(h.engagement AS real) / h.posts_count ELSE 0 END
  FROM hashtags h JOIN platforms pl ON pl.id = h.platform_id WHERE NOT h.hidden
ON CONFLICT (id) DO UPDATE SET name = excluded.name, platform = excluded.platform,
       total_posts = excluded.total_posts, avg_engagement = excluded.avg_engagement
 WHERE name <> excluded.name OR platform <> excluded.platform
    OR total_posts <> excluded.total_posts OR avg_engagement <> excluded.avg_engagement

-- name: view_posts_step
-- The end of the next step: change number of the row $2 rows after $1.
SELECT coalesce(max(change_seq), 0) FROM
       (SELECT change_seq FROM posts WHERE change_seq > $1 ORDER BY change_seq LIMIT $2) step

-- name: view_posts_fill
-- $1 < change_seq <= $2.
INSERT INTO posts_with_platform (id, platform_id, platform, author, posted_at, language, sentiment,
                                 likes, comments, shares, views, score)
SELECT p.id, p.platform_id, pl.name, p.author, nullif(p.posted_at, 0), p.language, p.sentiment,
       p.likes, p.comments, p.shares, p.views, p.score
  FROM posts p JOIN platforms pl ON pl.id = p.platform_id
 WHERE p.change_seq > $1 AND p.change_seq <= $2
ON CONFLICT (id) DO UPDATE SET author = excluded.author, posted_at = excluded.posted_at,
       language = excluded.language, sentiment = excluded.sentiment, likes = excluded.likes,
       comments = excluded.comments, shares = excluded.shares, views = excluded.views,
       score = excluded.score, platform_id = excluded.platform_id, platform = excluded.platform

-- name: view_posts_drop
-- Rows of posts deleted since $1.
DELETE FROM posts_with_platform
 WHERE id IN (SELECT id FROM posts_deleted WHERE change_seq > $1)
   AND id NOT IN (SELECT id FROM posts
                   WHERE id IN (SELECT id FROM posts_deleted WHERE change_seq > $1))

-- name: demo_posts
SELECT count(*) FROM posts
 WHERE id IN ('instagram_demo0000', 'tiktok_demo0000', 'facebook_demo0000')

-- name: demo_project
-- $1 user, $2 name.
SELECT count(*) FROM projects WHERE user_id = $1 AND name = $2
