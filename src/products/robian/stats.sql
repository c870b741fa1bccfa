-- SPDX-License-Identifier: Apache-2.0
-- Figures of the whole. Days are days since 1970, UTC.

-- name: stats_totals
SELECT d.debates, d.with_audio, d.live, d.duration_minutes, d.views, d.streams, d.downloads,
       (SELECT count(*) FROM transcripts) AS transcripts,
       (SELECT CAST(coalesce(sum(speeches), 0) AS bigint) FROM transcripts) AS speeches,
       (SELECT count(*) FROM speakers) AS speakers,
       (SELECT count(*) FROM votes) AS votes,
       (SELECT count(*) FROM scheduled_sessions) AS scheduled_sessions,
       (SELECT count(*) FROM audio_files WHERE extraction_status = 'completed') AS audio_files,
       (SELECT CAST(coalesce(sum(file_size), 0) AS bigint) FROM audio_files
         WHERE extraction_status = 'completed') AS audio_bytes,
       (SELECT count(*) FROM extractions WHERE status IN ('pending', 'extracting'))
           AS extractions_running,
       (SELECT count(*) FROM collections) AS collections,
       (SELECT count(*) FROM favorites) AS favorites,
       (SELECT count(*) FROM devices) AS devices
  FROM (SELECT count(*) AS debates,
               CAST(coalesce(sum(CASE WHEN has_audio THEN 1 ELSE 0 END), 0) AS bigint) AS with_audio,
               CAST(coalesce(sum(CASE WHEN is_live THEN 1 ELSE 0 END), 0) AS bigint) AS live,
               CAST(coalesce(sum(duration_minutes), 0) AS bigint) AS duration_minutes,
               CAST(coalesce(sum(view_count), 0) AS bigint) AS views,
               CAST(coalesce(sum(stream_count), 0) AS bigint) AS streams,
               CAST(coalesce(sum(download_count), 0) AS bigint) AS downloads
          FROM debates) d

-- name: stats_by_type
SELECT type AS name, count(*) AS count FROM debates GROUP BY type ORDER BY count(*) DESC, type

-- name: stats_by_status
SELECT status AS name, count(*) AS count FROM debates GROUP BY status
 ORDER BY count(*) DESC, status

-- name: stats_by_commission
-- $1 how many.
SELECT commission AS name, count(*) AS count FROM debates WHERE commission IS NOT NULL
 GROUP BY commission ORDER BY count(*) DESC, commission LIMIT $1

-- name: stats_trending
-- What was looked at, played (three times as much worth) and fetched (twice) from day $1 on; $2 how
-- many.
SELECT debate_n, CAST(sum(views) AS bigint) AS views, CAST(sum(streams) AS bigint) AS streams,
       CAST(sum(downloads) AS bigint) AS downloads,
       CAST(sum(views + 3 * streams + 2 * downloads) AS bigint) AS score
  FROM debate_days WHERE day >= $1
 GROUP BY debate_n HAVING sum(views + 3 * streams + 2 * downloads) > 0
 ORDER BY sum(views + 3 * streams + 2 * downloads) DESC, debate_n DESC LIMIT $2

-- name: stats_note
-- $1 day, $2 name, $3 value.
INSERT INTO system_stats (day, name, value) VALUES ($1, $2, $3)
ON CONFLICT (day, name) DO UPDATE SET value = excluded.value

-- name: stats_forget
-- $1 the first day that stays.
DELETE FROM system_stats WHERE day < $1

-- name: stats_history
-- From day $1 on, $2 name or empty.
SELECT day, name, value FROM system_stats WHERE day >= $1 AND ($2 = '' OR name = $2)
 ORDER BY day, name
