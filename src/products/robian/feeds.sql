-- SPDX-License-Identifier: Apache-2.0
-- Feeds: which debates they are of, newest first; $1 how many, $2 after how many.

-- name: feed_all
SELECT n FROM debates WHERE has_audio ORDER BY date DESC, n DESC LIMIT $1 OFFSET $2

-- name: feed_type
-- $3 type.
SELECT n FROM debates WHERE has_audio AND type = $3 ORDER BY date DESC, n DESC LIMIT $1 OFFSET $2

-- name: feed_collection
-- $3 collection.
SELECT d.n FROM collection_debates cd JOIN debates d ON d.n = cd.debate_n
 WHERE cd.collection_n = $3 AND d.has_audio
 ORDER BY d.date DESC, d.n DESC LIMIT $1 OFFSET $2

-- name: feed_found_sqlite
-- $3 keys of debates, a JSON list.
SELECT n FROM debates WHERE has_audio AND n IN (SELECT value FROM json_each($3))
 ORDER BY date DESC, n DESC LIMIT $1 OFFSET $2

-- name: feed_found_postgres
SELECT n FROM debates
 WHERE has_audio AND n IN (SELECT jsonb_array_elements_text($3::jsonb)::bigint)
 ORDER BY date DESC, n DESC LIMIT $1 OFFSET $2

-- name: feed_alert
-- $3 alert. Also debates that have no audio: they are news.
SELECT debate_n AS n, payload, created_at FROM alert_matches WHERE alert_n = $3
 ORDER BY n DESC LIMIT $1 OFFSET $2

-- name: feed_collection_of
-- A public collection by its id.
SELECT n, name AS title, description FROM collections WHERE id = $1 AND is_public

-- name: feed_alert_of
-- An alert by the token of its feed.
SELECT n, q AS title FROM alerts WHERE token = $1 AND deliver = 'rss'

-- name: feed_speaker_of
-- A speaker by the open data's id.
SELECT 0 AS n, name AS title FROM speakers WHERE id = $1

-- name: feed_speaker_said
-- The same, of whom only speeches are known.
SELECT 0 AS n, speaker AS title FROM speeches WHERE speaker_id = $1 AND speaker IS NOT NULL LIMIT 1

-- name: feed_changed
-- When anything that feeds are made of last changed.
SELECT max(t) AS changed FROM (
    SELECT max(updated_at) AS t FROM debates
     WHERE change_seq = (SELECT max(change_seq) FROM debates)
    UNION ALL
    SELECT max(deleted_at) FROM debates_deleted
     WHERE change_seq = (SELECT max(change_seq) FROM debates_deleted)
    UNION ALL SELECT max(updated_at) FROM collections WHERE id = $1
    UNION ALL SELECT max(last_match_at) FROM alerts WHERE token = $1) x

-- name: feed_transcripts_sqlite
-- Of these debates those that have a transcript, and those that have chapters.
SELECT t.debate_n AS n, 0 AS chapters FROM json_each($1) j
  CROSS JOIN transcripts t ON t.debate_n = j.value
 UNION
SELECT h.debate_n, 1 FROM json_each($1) j CROSS JOIN debate_chapters h ON h.debate_n = j.value

-- name: feed_transcripts_postgres
SELECT debate_n AS n, 0::bigint AS chapters FROM transcripts
 WHERE debate_n IN (SELECT jsonb_array_elements_text($1::jsonb)::bigint)
 UNION
SELECT debate_n, 1 FROM debate_chapters
 WHERE debate_n IN (SELECT jsonb_array_elements_text($1::jsonb)::bigint)
